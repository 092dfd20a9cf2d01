/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Thin snapshots: what an honest server shows, and what each lie leads to.
 *
 * An attack changes what is shown of an honest history (a twist), or is a history that no honest
 * root would have written. Each is such that with its check left out the answer would be believed.
 */
#include "mesh/thin.h"
#include "base/alloc.h"
#include "base/text.h"
#include "lib/heap.h"
#include "lib/simenv.h"
#include "past.h"
#include "trust/accept.h"
#include <stdlib.h>

/* ---- a chain behind a source that the test controls ---- */

struct world {
    struct simenv sim;
    struct past *past;
    uint64_t size;       /* newest that the server has */
    struct ate__trust *trust;
    struct ate__thin_chain chain;
    struct ate__thin_source source;
    struct ate__pipe pipe;
    unsigned refs, asked;
    int fail;            /* the next question fails so */
    bool no_snapshots;   /* every question at a size is STALE */
    void (*twist)(struct past_answer *a);
    int condemned;
    struct ate__snapshot *s;
    const struct ate__facts *facts;
};

static struct past_answer answer; /* too big for a stack */

static struct ate__pipe *ref(struct ate__pipe *p)
{
    ATE__CONTAINER(p, struct world, pipe)->refs++;
    return p;
}

static void unref(struct ate__pipe *p)
{
    ATE__CONTAINER(p, struct world, pipe)->refs--;
}

static const struct ate__pipe_vtable pipe_vtable = {.ref = ref, .unref = unref};

static int source_get(void *arg, const struct ate__msg_get *get, const struct ate_hash *at_root,
                      struct ate__buf *ret_body, struct ate__head *ret_head)
{
    struct world *w = arg;
    uint64_t size = get->at ? get->at : w->size;
    w->asked++;
    if (w->fail) {
        int rc = w->fail;
        w->fail = 0;
        return ate__fail(rc, "the source fails");
    }
    if (get->at && w->no_snapshots)
        return ate__fail(ATE_STALE, "not kept");
    struct ate__head head = past_head(w->past, size);
    if (get->at)
        assert_memory_equal(at_root, &head.root, sizeof *at_root);
    past_answer_get(w->past, get, size, &answer);
    if (w->twist)
        w->twist(&answer);
    past_answer_encode(&answer, 1, size, ret_body);
    past_answer_free(&answer);
    *ret_head = head;
    return 0;
}

static struct ate__head source_newest(void *arg)
{
    struct world *w = arg;
    return past_head(w->past, w->size);
}

static void source_condemn(void *arg, int result, const char *text)
{
    struct world *w = arg;
    (void)text;
    w->condemned = result;
}

static void must(int rc)
{
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
}

static void begin(struct world *w)
{
    must(ate__thin_begin(&w->pipe, &w->chain, &w->source, &w->s));
    w->facts = ate__thin_facts(w->s);
}

static void end(struct world *w)
{
    ate__thin_end(w->s);
    w->s = NULL;
}

/* take_past: consumed. */
static void world_init(struct world *w, struct past *take_past)
{
    *w = (struct world){.past = take_past, .size = take_past->size};
    simenv_init(&w->sim, 1, NULL);
    must(ate__trust_new(&w->sim.env, &take_past->tx[0], &w->trust));
    ate__thin_chain_init(&w->chain, w->trust, &take_past->tx[0], take_past->time_us[0], NULL);
    w->source = (struct ate__thin_source){source_get, source_newest, source_condemn, w};
    w->pipe = (struct ate__pipe){.v = &pipe_vtable, .env = &w->sim.env, .thin = true};
    begin(w);
}

static void world_deinit(struct world *w)
{
    end(w);
    assert_int_equal(w->refs, 0);
    ate__thin_chain_deinit(&w->chain);
    ate__trust_free(w->trust);
    past_free(w->past);
    simenv_deinit(&w->sim);
}

static int object(struct world *w, unsigned id, struct ate__object_facts *ret)
{
    struct ate_id object_id = id_of(id);
    return ate__facts_object(w->facts, &object_id, ret);
}

static int holder(struct world *w, unsigned parent, const char *name, struct ate_id *ret)
{
    struct ate_id parent_id = id_of(parent);
    uint8_t tag[ATE__NAME_TAG];
    past_tag(parent_id, name, tag);
    return w->facts->v->tag_holder(w->facts, &parent_id, tag, ret);
}

static int next_child(struct world *w, unsigned parent, uint64_t *at, struct ate_id *ret)
{
    struct ate_id parent_id = id_of(parent);
    return w->facts->v->next_child(w->facts, &parent_id, at, ret);
}

static void expect(int line, int rc, int expected, const char *sentence)
{
    if (rc != expected)
        fail_msg("line %d: %s (%s), expected %s", line, ate__result_name(rc),
                 rc ? ate__error_text() : "", ate__result_name(expected));
    if (expected && sentence && !strstr(ate__error_text(), sentence))
        fail_msg("line %d: \"%s\" says nothing of \"%s\"", line, ate__error_text(), sentence);
}

/* An object of this history is asked for, alone. take_past: consumed. */
static void ask_about_(struct past *take_past, unsigned id, void (*twist)(struct past_answer *a),
                       int expected, const char *sentence, int line)
{
    struct world w;
    struct ate__object_facts f;
    world_init(&w, take_past);
    w.twist = twist;
    expect(line, object(&w, id, &f), expected, sentence);
    if (!expected && !f.live)
        fail_msg("line %d: it is not live", line);
    bool condemned = expected == ATE_TAMPERED || expected == ATE_BAD_PEER;
    assert_int_equal(w.condemned, condemned ? expected : 0);
    world_deinit(&w);
}
#define ask_about(past, id, twist, expected, sentence) \
    ask_about_(past, id, twist, expected, sentence, __LINE__)

/* ---- a chain with a bit of everything ----
 *
 * top       write: root, alice
 *   1       alice's; write: alice, bob (from its creation on)
 *     2     bob's, named "two"
 *       3   alice's, changed by bob; named "three"
 *   4       root's, with a large payload */
static struct ate__auth root_and_alice(struct past *p, struct draft *d)
{
    return past_writers(p, d, ROOT, ALICE);
}

static struct past *bare(void)
{
    struct draft d;
    struct past *shape = past_new(NULL);
    past_begin(shape, &d);
    struct ate__auth top = root_and_alice(shape, &d);
    struct past *p = past_new(&top);
    draft_deinit(&d);
    past_free(shape);
    return p;
}

static char large[ATE__GET_PAYLOAD_MAX + 2];

static struct past *family(void)
{
    struct past *p = bare();
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, ALICE, BOB);
    draft_body(&d, &(struct draft_body){.id = id_of(1), .name = "one"});
    draft_control(&d, id_of(1), NULL, &auth);
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    past_create(p, BOB, 2, 1, "two", "two");
    past_create(p, ALICE, 3, 2, "three", "three");
    past_change(p, BOB, 3, 2, "three", "three again");
    memset(large, 'x', sizeof large - 1);
    past_create(p, ROOT, 4, 0, "four", large);
    return p;
}

/* ---- honest ---- */

static void test_object(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f;
    uint8_t tag[ATE__NAME_TAG];
    world_init(&w, family());
    must(object(&w, 3, &f));
    assert_true(f.live && !f.deleted);
    assert_int_equal(f.sequence, 4);
    assert_int_equal(f.updated_us, w.past->time_us[4]);
    struct ate_hash hash = past_body_hash(w.past, id_of(3));
    assert_memory_equal(&f.body, &hash, sizeof hash);
    struct ate_id parent = id_of(2);
    assert_memory_equal(&f.parent, &parent, sizeof parent);
    assert_int_equal(f.tag_count, 1);
    assert_memory_equal(f.tags, past_tag(id_of(2), "three", tag), sizeof tag);
    assert_null(f.control);
    assert_int_equal(w.asked, 1);

    /* Its ancestors came along, rules and all. */
    must(object(&w, 1, &f));
    assert_true(f.live);
    assert_int_equal(f.created_sequence, 1);
    assert_int_equal(f.created_us, w.past->time_us[1]);
    hash = past_control_hash(w.past, id_of(1));
    assert_memory_equal(&f.control->hash, &hash, sizeof hash);
    must(object(&w, 0, &f));
    assert_true(f.live);
    assert_non_null(f.control);
    struct ate_hash bob = past_print(w.past, BOB), eve = past_print(w.past, EVE);
    struct ate_id three = id_of(3);
    assert_int_equal(ate__may(w.trust, w.facts, &three, ATE__RIGHT_WRITE, &bob, 1), 0);
    assert_int_equal(ate__may(w.trust, w.facts, &three, ATE__RIGHT_WRITE, &eve, 1), ATE_DENIED);
    assert_int_equal(w.asked, 1);
    assert_true(ate__trust_has_key(w.trust, &bob));

    must(object(&w, 99, &f));
    assert_false(f.live || f.deleted);
    must(object(&w, 99, &f)); /* the same answer, without asking */
    assert_int_equal(w.asked, 2);
    world_deinit(&w);
}

static void test_names(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id, three = id_of(3), two = id_of(2);
    struct ate__object_facts f;
    world_init(&w, family());
    must(holder(&w, 2, "three", &id));
    assert_memory_equal(&id, &three, sizeof id);
    must(holder(&w, 1, "two", &id)); /* it was shown as an ancestor */
    assert_memory_equal(&id, &two, sizeof id);
    must(object(&w, 3, &f));
    assert_int_equal(w.asked, 1);
    assert_int_equal(holder(&w, 2, "none", &id), ATE_NOT_FOUND);
    assert_int_equal(holder(&w, 2, "none", &id), ATE_NOT_FOUND);
    assert_int_equal(w.asked, 2);
    world_deinit(&w);
}

/* Of a name that is free, the parent is shown all the same. */
static void test_free_name(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id;
    struct ate__object_facts f;
    world_init(&w, family());
    assert_int_equal(holder(&w, 3, "below", &id), ATE_NOT_FOUND);
    must(object(&w, 3, &f));
    must(object(&w, 2, &f));
    assert_int_equal(w.asked, 1);
    world_deinit(&w);
}

enum { CROWD = 10 };

static struct past *crowd(void)
{
    struct past *p = bare();
    struct draft d;
    past_create(p, ALICE, 1, 0, NULL, NULL);
    past_begin(p, &d);
    for (unsigned i = 0; i < CROWD; i++)
        draft_body(&d, &(struct draft_body){.id = id_of(10 + i), .parent = id_of(1)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    return p;
}

static void test_children(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id, expected;
    uint64_t at = 0, middle = 0;
    world_init(&w, crowd());
    for (unsigned i = 0; i < CROWD; i++) {
        must(next_child(&w, 1, &at, &id));
        expected = id_of(10 + i);
        assert_memory_equal(&id, &expected, sizeof id);
        if (i == 4)
            middle = at;
        struct ate__object_facts f;
        must(ate__facts_object(w.facts, &id, &f));
    }
    assert_int_equal(next_child(&w, 1, &at, &id), ATE_END);
    assert_int_equal(next_child(&w, 1, &at, &id), ATE_END);
    assert_int_equal(w.asked, 4); /* pages of three, with the objects in them */
    must(next_child(&w, 1, &middle, &id)); /* an earlier page is asked for again */
    expected = id_of(15);
    assert_memory_equal(&id, &expected, sizeof id);
    assert_int_equal(w.asked, 5);
    at = 0;
    assert_int_equal(next_child(&w, 10, &at, &id), ATE_END);
    world_deinit(&w);
}

/* A cursor goes on where it was when all that was known is forgotten. */
static void test_children_over_refresh(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id, expected = id_of(17);
    uint64_t at = 0;
    world_init(&w, crowd());
    for (unsigned i = 0; i < 7; i++)
        must(next_child(&w, 1, &at, &id));
    must(ate__thin_refresh(w.s));
    must(next_child(&w, 1, &at, &id));
    assert_memory_equal(&id, &expected, sizeof id);
    world_deinit(&w);
}

static void test_event(void **state)
{
    (void)state;
    struct world w;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate__authors authors;
    struct ate_id three = id_of(3), four = id_of(4), none = id_of(9);
    world_init(&w, family());
    must(ate__buf_append(&buf, ate__bytes("ahead", 5)));
    must(ate__thin_event(w.s, &three, &buf, &e, &authors));
    assert_int_equal(e.form, ATE__CLEAR);
    assert_true(ate__bytes_equal(e.payload, ate__text_bytes("three again")));
    assert_true(e.payload.data > (const void *)buf.data);
    assert_int_equal(authors.count, 1);
    struct ate_hash bob = past_print(w.past, BOB);
    assert_memory_equal(&authors.fingerprint[0], &bob, sizeof bob);
    assert_int_equal(w.asked, 1);

    /* A large payload is asked for when it is needed. */
    struct ate__object_facts f;
    must(object(&w, 4, &f));
    assert_int_equal(w.asked, 2);
    must(ate__thin_event(w.s, &four, &buf, &e, NULL));
    assert_int_equal(e.payload.size, sizeof large - 1);
    assert_int_equal(w.asked, 3);
    must(ate__thin_event(w.s, &four, &buf, &e, NULL));
    assert_int_equal(w.asked, 3);

    size_t size = buf.size;
    assert_int_equal(ate__thin_event(w.s, &none, &buf, &e, NULL), ATE_NOT_FOUND);
    assert_int_equal(ate__thin_event(w.s, &ate__top_id, &buf, &e, NULL), ATE_NOT_FOUND);
    assert_int_equal(buf.size, size);
    ate__buf_deinit(&buf);
    world_deinit(&w);
}

/* The head of the first answer stays, whatever the server gets afterwards. */
static void test_head(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f;
    struct ate_hash root, other;
    uint64_t size;
    world_init(&w, family());
    w.size = 3;
    must(object(&w, 2, &f));
    ate__thin_head(w.s, &size, &root);
    assert_int_equal(size, 3);
    struct ate__head head = past_head(w.past, 3);
    assert_memory_equal(&root, &head.root, sizeof root);
    w.size = w.past->size;
    must(object(&w, 3, &f));
    assert_false(f.live);
    must(w.facts->v->root_at(w.facts, 3, &other));
    assert_memory_equal(&root, &other, sizeof root);
    assert_int_equal(w.facts->v->root_at(w.facts, 2, &other), ATE_NOT_FOUND);
    must(w.facts->v->root_at(w.facts, 0, &other));

    must(ate__thin_refresh(w.s));
    must(object(&w, 3, &f));
    assert_true(f.live);
    ate__thin_head(w.s, &size, &root);
    assert_int_equal(size, w.past->size);
    end(&w);
    begin(&w);
    ate__thin_head(w.s, &size, &root); /* before any question: what is known */
    assert_int_equal(size, w.past->size);
    must(object(&w, 3, &f));
    world_deinit(&w);
}

/* What was lent stays until the end. */
static void test_lent_over_refresh(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f, later;
    world_init(&w, family());
    must(object(&w, 1, &f));
    struct ate_hash hash = f.control->hash;
    must(ate__thin_refresh(w.s));
    must(object(&w, 1, &later));
    must(ate__thin_refresh(w.s));
    assert_memory_equal(&f.control->hash, &hash, sizeof hash);
    assert_memory_equal(&later.control->hash, &hash, sizeof hash);
    world_deinit(&w);
}

static void test_stale(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f;
    world_init(&w, family());
    w.size = 4;
    must(object(&w, 1, &f));
    w.no_snapshots = true;
    must(object(&w, 2, &f)); /* nothing was committed since: the newest state is this one */
    assert_int_equal(w.asked, 3);
    w.size = 5;
    assert_int_equal(object(&w, 3, &f), ATE_STALE);
    assert_string_equal(ate__error_text(), "not kept");
    must(object(&w, 1, &f)); /* what is known is known */
    must(ate__thin_refresh(w.s));
    must(object(&w, 3, &f));
    assert_int_equal(f.sequence, 4);
    world_deinit(&w);
}

static void test_source_fails(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f;
    struct ate_id id;
    uint64_t at = 0;
    world_init(&w, family());
    w.fail = ATE_TIMEOUT;
    assert_int_equal(object(&w, 1, &f), ATE_TIMEOUT);
    must(object(&w, 1, &f));
    w.fail = ATE_OFFLINE;
    assert_int_equal(holder(&w, 1, "two", &id), ATE_OFFLINE);
    must(holder(&w, 1, "two", &id));
    w.fail = ATE_OFFLINE;
    assert_int_equal(next_child(&w, 1, &at, &id), ATE_OFFLINE);
    must(next_child(&w, 1, &at, &id));
    assert_int_equal(w.condemned, 0);
    world_deinit(&w);
}

/* Where too much is kept, what lends nothing goes, and is asked for again. */
static void test_room(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f;
    struct ate__thin_known k;
    world_init(&w, family());
    must(object(&w, 3, &f));
    must(object(&w, 1, &f));
    const struct ate__control *lent = f.control;
    must(object(&w, 4, &f));
    assert_int_equal(w.asked, 2);
    end(&w);

    /* The same by hand: a store that claims to be full. */
    ate__thin_known_init(&k, &w.sim.env);
    struct ate_id ids[4] = {id_of(0), id_of(1), id_of(2), id_of(4)};
    struct ate__thin_object *o[4], *found;
    for (int i = 0; i < 4; i++) {
        o[i] = ate__alloc(sizeof *o[i]);
        assert_non_null(o[i]);
        o[i]->id = ids[i];
        o[i]->above = i == 0 ? NULL : i == 2 ? o[1] : o[0];
    }
    struct ate__event control = {.kind = ATE__EVENT_CONTROL};
    const struct ate__tx *tx = &w.past->tx[1];
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].kind == ATE__EVENT_CONTROL)
            control = tx->events[i];
    o[1]->controls = ate__alloc(sizeof *o[1]->controls);
    assert_non_null(o[1]->controls);
    must(ate__control_new(&control, 1, NULL, &o[1]->controls[0]));
    o[1]->control_count = 1;
    for (int i = 0; i < 4; i++)
        must(ate__thin_known_add(&k, o[i]));
    must(ate__thin_known_absent(&k, &(struct ate_id){{0xff}}));
    must(ate__thin_known_trim(&k)); /* there is room */
    assert_true(ate__thin_known_find(&k, &ids[3], &found));
    k.bytes = ATE__THIN_BYTES_MAX + 1;
    must(ate__thin_known_trim(&k));
    assert_true(ate__thin_known_find(&k, &ids[0], &found)); /* above one that lent */
    assert_true(ate__thin_known_find(&k, &ids[1], &found));
    assert_false(ate__thin_known_find(&k, &ids[2], &found));
    assert_false(ate__thin_known_find(&k, &ids[3], &found));
    assert_false(ate__thin_known_find(&k, &(struct ate_id){{0xff}}, &found));
    assert_true(k.bytes < 10000);
    o[1]->whole.capacity = ATE__THIN_BYTES_MAX;
    k.bytes = ATE__THIN_BYTES_MAX + 1;
    assert_int_equal(ate__thin_known_trim(&k), ATE_TOO_BIG);
    o[1]->whole.capacity = 0;
    ate__thin_known_deinit(&k);
    (void)lent;
    begin(&w);
    world_deinit(&w);
}

/* ---- lies about an honest history ---- */

static struct past_show *of_event(struct past_answer *a, uint8_t kind, unsigned id,
                                  uint32_t *ret_event)
{
    struct ate_id object_id = id_of(id);
    for (uint32_t i = 0; i < a->show_count; i++) {
        const struct ate__tx *tx = &a->past->tx[a->show[i].sequence];
        for (uint32_t e = 0; e < tx->event_count; e++)
            if (a->show[i].keep[e] && tx->events[e].kind == kind &&
                ate__id_equal(&tx->events[e].header.object, &object_id)) {
                *ret_event = e;
                return &a->show[i];
            }
    }
    fail_msg("it is not shown");
    return NULL;
}

/* A byte of the record that is shown. */
static void flip(struct past_answer *a, uint64_t sequence, const void *what, size_t size)
{
    struct past_show *s = past_shown(a, sequence);
    must(ate__buf_append(&s->forged, ate__buf_bytes(&a->past->record[sequence])));
    uint8_t *at = memmem(s->forged.data, s->forged.size, what, size);
    assert_non_null(at);
    *at ^= 1;
}

static void swap_payload(struct past_answer *a)
{
    flip(a, 4, "three again", 11);
}

static void swap_parent(struct past_answer *a)
{
    struct ate_id parent = id_of(2);
    struct past_show *s = past_shown(a, 4);
    flip(a, 4, &parent, sizeof parent);
    (void)s;
}

static void claim_other_sequence(struct past_answer *a)
{
    past_shown(a, 4)->time_us++;
}

static void show_another(struct past_answer *a) /* a true record, at another's place */
{
    struct past_show *s = past_shown(a, 4);
    must(ate__buf_append(&s->forged, ate__buf_bytes(&a->past->record[3])));
}

static void drop_signature(struct past_answer *a)
{
    struct past_show *s = past_shown(a, 4);
    const struct ate__tx *tx = &a->past->tx[4];
    must(ate__buf_append(&s->forged, ate__bytes(tx->encoded.data,
                                                tx->encoded.size - tx->signature_section.size)));
    must(ate__tx_encode_signatures(NULL, 0, &s->forged));
}

static void garbage(struct past_answer *a)
{
    must(ate__buf_append(&past_shown(a, 4)->forged, ate__bytes("\1garbage", 8)));
}

static void test_records(void **state)
{
    (void)state;
    ask_about(family(), 3, NULL, 0, NULL);
    ask_about(family(), 3, swap_payload, ATE_TAMPERED, "transaction 4 is shown otherwise");
    ask_about(family(), 3, swap_parent, ATE_TAMPERED, "transaction 4 is shown otherwise");
    ask_about(family(), 3, claim_other_sequence, ATE_TAMPERED, "transaction 4 is shown otherwise");
    ask_about(family(), 3, show_another, ATE_TAMPERED, "transaction 4 is shown otherwise");
    ask_about(family(), 3, drop_signature, ATE_TAMPERED, "transaction 4 is shown otherwise");
    ask_about(family(), 3, garbage, ATE_BAD_PEER, "transaction 4");
}

static void hide_body_of_3(struct past_answer *a)
{
    uint32_t e;
    of_event(a, ATE__EVENT_BODY, 3, &e)->keep[e] = 0;
}

static void hide_body_of_2(struct past_answer *a)
{
    uint32_t e;
    of_event(a, ATE__EVENT_BODY, 2, &e)->keep[e] = 0;
}

static void hide_tx_of_2(struct past_answer *a)
{
    past_shown(a, 2)->hidden = true;
}

static void hide_keys(struct past_answer *a)
{
    for (uint32_t i = 0; i < a->show_count; i++) {
        const struct ate__tx *tx = &a->past->tx[a->show[i].sequence];
        for (uint32_t e = 0; e < tx->event_count; e++)
            if (tx->events[e].kind == ATE__EVENT_PUBLIC_KEY)
                a->show[i].keep[e] = 0;
    }
}

static void other_object(struct past_answer *a)
{
    a->object[0] = id_of(2);
}

static void two_objects(struct past_answer *a)
{
    a->object[1] = id_of(2);
    a->live[1] = 1;
    a->object_count = 2;
}

static void no_object(struct past_answer *a)
{
    a->object_count = 0;
}

static void genesis_again(struct past_answer *a)
{
    past_shown(a, 0);
}

static void test_what_is_asked_for(void **state)
{
    (void)state;
    ask_about(family(), 3, hide_body_of_3, ATE_BAD_PEER, "its body is not shown");
    ask_about(family(), 3, hide_body_of_2, ATE_BAD_PEER, "its body is not shown");
    ask_about(family(), 3, hide_tx_of_2, ATE_BAD_PEER, NULL);
    ask_about(family(), 3, hide_keys, ATE_BAD_PEER, "the chain does not hold this key");
    ask_about(family(), 3, other_object, ATE_BAD_PEER, "another object");
    ask_about(family(), 3, two_objects, ATE_BAD_PEER, "another number");
    ask_about(family(), 3, no_object, ATE_BAD_PEER, "another number");
    ask_about(family(), 3, genesis_again, ATE_BAD_PEER, "transaction 0");
}

static void call_top_absent(struct past_answer *a)
{
    a->live[0] = 0;
}

static void test_top_is_there(void **state)
{
    (void)state;
    ask_about(family(), 0, call_top_absent, ATE_BAD_PEER, "the top");
}

/* Three lives below 2 as "three"; the server says that it is what was asked for. */
static void answer_with_three(struct past_answer *a)
{
    static struct past_answer real;
    struct ate_id three = id_of(3);
    struct ate__msg_get get = {.kind = ATE__GET_OBJECTS, .id_count = 1, .ids = three.b};
    past_answer_get(a->past, &get, a->size, &real);
    memcpy(a->show, real.show, sizeof real.show);
    a->show_count = real.show_count;
    a->object[0] = three;
    a->live[0] = 1;
    a->object_count = 1;
}

static void test_foreign_names(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id;
    world_init(&w, family());
    w.twist = answer_with_three;
    expect(__LINE__, holder(&w, 2, "other", &id), ATE_TAMPERED, "another name");
    world_deinit(&w);

    /* The same tag below another parent. */
    struct past *p = family();
    struct draft d;
    uint8_t tag[ATE__NAME_TAG];
    past_tag(id_of(1), "x", tag);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(3),
                                        .parent = id_of(2),
                                        .prev = &(struct ate_hash){{1}},
                                        .tags = tag,
                                        .tag_count = 1});
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    world_init(&w, p);
    w.twist = answer_with_three;
    expect(__LINE__, holder(&w, 1, "x", &id), ATE_TAMPERED, "lies elsewhere");
    world_deinit(&w);

    world_init(&w, family());
    w.twist = two_objects;
    expect(__LINE__, holder(&w, 2, "three", &id), ATE_BAD_PEER, "more than one");
    world_deinit(&w);
}

static void say_nothing(struct past_answer *a)
{
    a->object_count = 0;
    a->cursor = 0;
}

static void absent(struct past_answer *a)
{
    a->live[0] = 0;
}

static void forget_last(struct past_answer *a) /* the state one transaction earlier */
{
    past_answer_get(a->past, a->get, 4, a);
    a->size = 5;
}

/* The same question gets the same answer, at the same size. */
static void test_told_otherwise(void **state)
{
    (void)state;
    struct world w;
    struct ate__object_facts f;
    struct ate_id id, three = id_of(3);
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    uint64_t at = 0;

    world_init(&w, family()); /* a name that was called free gets a holder */
    w.twist = say_nothing;
    assert_int_equal(holder(&w, 2, "three", &id), ATE_NOT_FOUND);
    w.twist = NULL;
    expect(__LINE__, object(&w, 3, &f), ATE_BAD_PEER, "told to be free");
    world_deinit(&w);

    world_init(&w, family()); /* an object that was called absent is there */
    w.twist = absent;
    must(object(&w, 2, &f));
    assert_false(f.live);
    w.twist = NULL;
    expect(__LINE__, object(&w, 3, &f), ATE_BAD_PEER, "called absent before");
    world_deinit(&w);

    world_init(&w, family()); /* another version of it */
    w.size = 5;
    w.twist = forget_last;
    must(object(&w, 3, &f));
    assert_int_equal(f.sequence, 3);
    w.twist = NULL;
    expect(__LINE__, next_child(&w, 2, &at, &id), ATE_BAD_PEER, "otherwise than before");
    world_deinit(&w);

    world_init(&w, family()); /* a payload that belongs to another version */
    must(object(&w, 4, &f));
    w.twist = absent;
    id = id_of(4);
    expect(__LINE__, ate__thin_event(w.s, &id, &buf, &e, NULL), ATE_BAD_PEER, "called absent");
    ate__buf_deinit(&buf);
    (void)three;
    world_deinit(&w);
}

static void list_twice(struct past_answer *a)
{
    if (a->get->cursor) {
        a->object[0] = id_of(10);
        a->object_count = 1;
    }
}

static void list_elsewhere(struct past_answer *a)
{
    a->object[0] = a->get->parent;
}

static void stand_still(struct past_answer *a)
{
    if (a->get->cursor)
        a->cursor = a->get->cursor;
}

static void go_on_with_nothing(struct past_answer *a)
{
    a->object_count = 0;
}

static int list_all(struct world *w, unsigned parent)
{
    struct ate_id id;
    uint64_t at = 0;
    int rc = 0;
    for (unsigned i = 0; !rc && i < 100; i++)
        rc = next_child(w, parent, &at, &id);
    return rc;
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        void (*twist)(struct past_answer *a);
        int result;
        const char *sentence;
    } lies[] = {
        {NULL, ATE_END, NULL},
        {list_twice, ATE_BAD_PEER, "listed twice"},
        {list_elsewhere, ATE_TAMPERED, "lies elsewhere"},
        {stand_still, ATE_BAD_PEER, "does not go on"},
        {go_on_with_nothing, ATE_BAD_PEER, "does not go on"},
        {absent, ATE_BAD_PEER, "a child that is absent"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(lies); i++) {
        struct world w;
        world_init(&w, crowd());
        w.twist = lies[i].twist;
        expect((int)i, list_all(&w, 1), lies[i].result, NULL);
        if (lies[i].sentence && !strstr(ate__error_text(), lies[i].sentence))
            fail_msg("%zu: %s", i, ate__error_text());
        world_deinit(&w);
    }
}

/* ---- histories that no honest root writes ---- */

static void test_unsigned(void **state)
{
    (void)state;
    struct past *p = family();
    past_change(p, -1, 3, 2, "three", "nobody's");
    ask_about(p, 3, NULL, ATE_TAMPERED, "transaction 6 changed it, signed by nobody");

    p = family();
    past_create(p, -1, 7, 2, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it, signed by nobody");

    /* Where everyone may write it is fine. */
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    p = past_new(&everyone);
    past_create(p, -1, 7, 0, NULL, "x");
    past_change(p, -1, 7, 0, NULL, "y");
    ask_about(p, 7, NULL, 0, NULL);

    struct ate__auth nobody = auth_write(ATE__RULE_NOBODY);
    p = past_new(&nobody);
    past_create(p, ROOT, 7, 0, NULL, "x");
    ask_about(p, 7, NULL, ATE_TAMPERED, "no right");
}

static void test_without_right(void **state)
{
    (void)state;
    struct past *p = family();
    past_change(p, EVE, 3, 2, "three", "eve's");
    ask_about(p, 3, NULL, ATE_TAMPERED, "transaction 6 changed it");

    p = family();
    past_create(p, EVE, 7, 2, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");

    p = family(); /* bob may below 1 alone */
    past_create(p, BOB, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");

    p = family();
    past_create(p, BOB, 7, 1, NULL, NULL);
    ask_about(p, 7, NULL, 0, NULL);

    p = family(); /* an ancestor that an outsider changed */
    past_change(p, EVE, 2, 1, "two", "eve's");
    ask_about(p, 3, NULL, ATE_TAMPERED, "transaction 6 changed it");

    p = past_new(NULL); /* without rules only the root keys may */
    past_create(p, ROOT, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, 0, NULL);
    p = past_new(NULL);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 1 created it");

    struct ate__auth auth; /* one of several signers is enough */
    struct draft d;
    p = family();
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(2)});
    past_sign(p, &d, EVE);
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    ask_about(p, 7, NULL, 0, NULL);
    (void)auth;
}

/* Rights are those of their time. */
static void test_rules_in_force(void **state)
{
    (void)state;
    struct past *p = family(); /* given too late */
    past_create(p, EVE, 7, 2, NULL, NULL);
    past_rule(p, ALICE, 2, ALICE, EVE);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");

    p = family(); /* given in time */
    past_rule(p, ALICE, 2, ALICE, EVE);
    past_create(p, EVE, 7, 2, NULL, NULL);
    ask_about(p, 7, NULL, 0, NULL);

    p = family(); /* taken since */
    past_create(p, BOB, 7, 2, NULL, NULL);
    past_rule(p, ALICE, 1, ALICE, ALICE);
    ask_about(p, 7, NULL, 0, NULL);

    p = family(); /* taken before */
    past_rule(p, ALICE, 1, ALICE, ALICE);
    past_create(p, BOB, 7, 2, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 7 created it");

    p = family(); /* in the same transaction */
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, EVE, EVE);
    struct ate_hash prev = past_control_hash(p, id_of(1));
    draft_control(&d, id_of(1), &prev, &auth);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_sign(p, &d, EVE);
    past_commit(p, &d);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");
}

/* Who creates an object may give it any rules, but they grant nothing to what comes along. */
static void test_own_rules(void **state)
{
    (void)state;
    struct past *p = family();
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, EVE, EVE);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(0)});
    draft_control(&d, id_of(7), NULL, &auth);
    draft_body(&d, &(struct draft_body){.id = id_of(8), .parent = id_of(7)});
    past_sign(p, &d, EVE);
    past_commit(p, &d);
    ask_about(p, 8, NULL, ATE_TAMPERED, "created it");

    p = family();
    past_begin(p, &d);
    auth = past_writers(p, &d, EVE, EVE);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(0)});
    draft_control(&d, id_of(7), NULL, &auth);
    draft_body(&d, &(struct draft_body){.id = id_of(8), .parent = id_of(7)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    past_create(p, EVE, 9, 8, NULL, NULL); /* from the next transaction on they count */
    ask_about(p, 9, NULL, 0, NULL);
}

static void test_controls(void **state)
{
    (void)state;
    struct past *p = family();
    past_rule(p, EVE, 1, EVE, EVE);
    ask_about(p, 1, NULL, ATE_TAMPERED, "made rules for it");

    p = family(); /* a first one */
    past_rule(p, EVE, 3, EVE, EVE);
    ask_about(p, 3, NULL, ATE_TAMPERED, "made rules for it");

    p = family();
    past_rule(p, EVE, 0, EVE, EVE);
    ask_about(p, 4, NULL, ATE_TAMPERED, "made rules for it");

    p = family();
    past_rule(p, BOB, 1, BOB, EVE);
    past_rule(p, EVE, 1, EVE, EVE);
    past_rule(p, EVE, 2, EVE, EVE);
    ask_about(p, 3, NULL, 0, NULL);

    p = family(); /* before it was there */
    past_rule(p, ALICE, 9, EVE, EVE);
    past_create(p, ALICE, 9, 1, NULL, NULL);
    ask_about(p, 9, NULL, ATE_TAMPERED, "before it was there");
}

static void hide_first_rule(struct past_answer *a)
{
    past_shown(a, 1)->keep[1] = 0;
}

static void hide_middle_rule(struct past_answer *a)
{
    past_shown(a, 6)->keep[0] = 0;
}

static void test_control_lines(void **state)
{
    (void)state;
    for (int gap = 0; gap < 3; gap++) {
        struct past *p = family();
        past_rule(p, ALICE, 1, ALICE, EVE);
        past_rule(p, ALICE, 1, ALICE, ALICE);
        if (gap == 0)
            ask_about(p, 3, NULL, 0, NULL);
        else if (gap == 1)
            ask_about(p, 3, hide_first_rule, ATE_BAD_PEER, "the first of its control events");
        else
            ask_about(p, 3, hide_middle_rule, ATE_TAMPERED, "does not replace the one before");
    }

    struct past *p = family(); /* a second line from nowhere */
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, ALICE, EVE);
    draft_control(&d, id_of(1), NULL, &auth);
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    ask_about(p, 3, NULL, ATE_TAMPERED, "second first control event");

    p = family(); /* two in one transaction */
    past_begin(p, &d);
    auth = past_writers(p, &d, ALICE, EVE);
    struct ate_hash prev = past_control_hash(p, id_of(1));
    draft_control(&d, id_of(1), &prev, &auth);
    draft_control(&d, id_of(1), &prev, &auth);
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    ask_about(p, 3, NULL, ATE_TAMPERED, "two control events");
}

static void show_all_of_6(struct past_answer *a)
{
    memset(past_shown(a, 6)->keep, 1, sizeof a->show[0].keep);
}

static void test_bodies(void **state)
{
    (void)state;
    struct past *p = family();
    struct draft d;
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(2)});
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    ask_about(p, 7, show_all_of_6, ATE_TAMPERED, "two bodies");

    p = family(); /* a tombstone, but the server calls it living */
    past_begin(p, &d);
    draft_tombstone(&d, id_of(2), past_body_hash(p, id_of(2)), false);
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    ask_about(p, 3, NULL, ATE_TAMPERED, "deleted what is shown as living");

    p = family(); /* below a parent that came later */
    past_create(p, ALICE, 8, 9, NULL, NULL);
    past_create(p, ALICE, 9, 0, NULL, NULL);
    ask_about(p, 8, NULL, ATE_TAMPERED, "created by transaction 7, after");
}

static void test_nowhere(void **state)
{
    (void)state;
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct past *p = past_new(&everyone); /* a circle */
    past_create(p, -1, 1, 0, NULL, NULL);
    past_create(p, -1, 2, 1, NULL, NULL);
    past_create(p, -1, 3, 2, NULL, NULL);
    past_change(p, -1, 1, 3, NULL, NULL);
    ask_about(p, 2, NULL, ATE_TAMPERED, "does not lie below the top");
}

enum { AT_ONCE = 60 };

static struct past *tower(unsigned height)
{
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct past *p = past_new(&everyone);
    for (unsigned i = 0; i < height;) {
        struct draft d;
        past_begin(p, &d);
        for (unsigned n = 0; n < AT_ONCE && i < height; n++, i++)
            draft_body(&d, &(struct draft_body){.id = id_of(i + 1), .parent = id_of(i)});
        past_commit(p, &d);
    }
    return p;
}

static void test_height(void **state)
{
    (void)state;
    ask_about(tower(ATE__PARENTS_MAX), ATE__PARENTS_MAX, NULL, 0, NULL);
    ask_about(tower(ATE__PARENTS_MAX + 1), ATE__PARENTS_MAX + 1, NULL, ATE_TAMPERED,
              "does not lie below the top");

    /* The same when the lower part is known already. */
    struct world w;
    struct ate__object_facts f;
    world_init(&w, tower(ATE__PARENTS_MAX + 1));
    must(object(&w, ATE__PARENTS_MAX, &f));
    expect(__LINE__, object(&w, ATE__PARENTS_MAX + 1, &f), ATE_TAMPERED, "below the top");
    world_deinit(&w);
}

static void break_signature(struct past *p, uint64_t sequence)
{
    struct ate__buf record = ATE__BUF_NULL;
    must(ate__buf_append(&record, ate__buf_bytes(&p->record[sequence])));
    record.data[record.size - 100] ^= 1;
    ate__tx_deinit(&p->tx[sequence]);
    ate__buf_deinit(&p->record[sequence]);
    p->size = sequence;
    past_add(p, ate__buf_bytes(&record));
    ate__buf_deinit(&record);
}

static void test_signatures(void **state)
{
    (void)state;
    struct past *p = family();
    past_change(p, BOB, 3, 2, "three", "bob's?");
    break_signature(p, p->size - 1);
    ask_about(p, 3, NULL, ATE_TAMPERED, "transaction 6");

    p = family(); /* that of another transaction */
    past_change(p, BOB, 3, 2, "three", "x");
    struct ate__buf forged = ATE__BUF_NULL;
    const struct ate__tx *real = &p->tx[2], *tx = &p->tx[6];
    must(ate__buf_append(&forged, ate__bytes(tx->encoded.data,
                                             tx->encoded.size - tx->signature_section.size)));
    must(ate__buf_append(&forged, real->signature_section));
    ate__tx_deinit(&p->tx[6]);
    ate__buf_deinit(&p->record[6]);
    p->size = 6;
    past_add(p, ate__buf_bytes(&forged));
    ate__buf_deinit(&forged);
    ask_about(p, 3, NULL, ATE_TAMPERED, "transaction 6");
}

/* A good transaction of another chain of the same owner. */
static void test_other_chain(void **state)
{
    (void)state;
    struct past *p = family();
    struct draft d;
    past_begin(p, &d);
    d.in.chain_id = (struct ate_hash){{9}};
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(2)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    ask_about(p, 7, NULL, ATE_TAMPERED, "another chain");
}

static void test_time_goes_back(void **state)
{
    (void)state;
    struct past *p = family();
    p->time_us[4] = p->time_us[2] - 1;
    must(ate__tx_leaf(&p->tx[4], ATE__SHA256, 4, p->time_us[4], &p->leaf[4]));
    ask_about(p, 3, NULL, ATE_TAMPERED, "the root's time went back");
}

static void add_root(struct past *p, int signer, int added, bool added_signs)
{
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&item);
    struct ate__root_change change = {ATE__ROOT_ADD,
                                      ate__buf_bytes(&p->key[added]->public_key)};
    struct draft d;
    ate__header_root(&w, &change, 1);
    must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&item), (struct ate_bytes){0});
    past_sign(p, &d, signer);
    if (added_signs)
        past_sign(p, &d, added);
    past_commit_plain(p, &d);
    ate__buf_deinit(&item);
}

static void test_roots(void **state)
{
    (void)state;
    struct past *p = past_new(NULL);
    add_root(p, ROOT, ALICE, true);
    add_root(p, ALICE, BOB, true);
    past_create(p, BOB, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, 0, NULL);

    p = past_new(NULL); /* by somebody who is none */
    add_root(p, EVE, ALICE, true);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, ATE_BAD_PEER, NULL); /* eve's key is nowhere */

    struct draft d;
    p = past_new(NULL);
    past_create(p, EVE, 6, 0, NULL, NULL); /* brings her key */
    add_root(p, EVE, ALICE, true);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "changes the root keys");

    p = past_new(NULL); /* the key that is added did not sign */
    add_root(p, ROOT, ALICE, false);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "a root key that does not sign it");

    p = past_new(NULL); /* used in the transaction that adds it: in force from the next */
    past_create(p, ALICE, 7, 0, NULL, NULL);
    add_root(p, ROOT, ALICE, true);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 1 created it");
    (void)d;
}

/* ---- what cannot be judged is not refused ---- */

static void test_moves(void **state)
{
    (void)state;
    struct past *p = family(); /* 2 went from below 1 to below 4, where bob may nothing */
    past_change(p, ALICE, 2, 4, "two", NULL);
    ask_about(p, 3, NULL, 0, NULL);

    p = family(); /* but what comes later is judged by where it lies now */
    past_change(p, ALICE, 2, 4, "two", NULL);
    past_create(p, BOB, 7, 2, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 7 created it");

    p = family(); /* and so are rules below what moved */
    past_rule(p, BOB, 2, ALICE, ALICE);
    past_change(p, ALICE, 2, 4, "two", NULL);
    past_create(p, BOB, 7, 2, NULL, NULL);
    ask_about(p, 7, NULL, ATE_TAMPERED, "transaction 8 created it");
}

/* Coming from elsewhere asks for append where it goes; what replaces without moving, for write. */
static void test_append(void **state)
{
    (void)state;
    for (int may = 0; may < 2; may++) {
        struct past *p = family();
        struct draft d;
        past_begin(p, &d);
        struct ate__auth auth = past_writers(p, &d, ALICE, ALICE);
        struct ate_hash prints[1] = {past_print(p, may ? BOB : EVE)};
        auth.rule[ATE__RIGHT_APPEND] = draft_rule(&d, prints, 1);
        draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(0)});
        draft_control(&d, id_of(7), NULL, &auth);
        past_sign(p, &d, ALICE);
        past_commit(p, &d);
        past_change(p, BOB, 3, 7, "three", NULL);
        ask_about(p, 3, NULL, may ? 0 : ATE_TAMPERED, NULL);
    }
}

/* ---- memory ---- */

static int read_all(void *arg)
{
    struct world w;
    struct ate__object_facts f;
    struct ate_id id;
    uint64_t at = 0;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate_id three = id_of(3);
    (void)arg;
    int rc;
    w = (struct world){.size = 0};
    (void)rc;
    world_init(&w, family());
    int results[] = {
        object(&w, 3, &f),
        holder(&w, 2, "three", &id),
        next_child(&w, 1, &at, &id),
        ate__thin_event(w.s, &three, &buf, &e, NULL),
        ate__thin_refresh(w.s),
        object(&w, 3, &f),
    };
    for (size_t i = 0; i < ATE__COUNT_OF(results); i++)
        must(results[i]);
    ate__buf_deinit(&buf);
    world_deinit(&w);
    return 0;
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    past_keys_free();
    heap_start();
    must(read_all(NULL));
    past_keys_free();
    heap_stop();
}

static int free_all(void **state)
{
    (void)state;
    past_keys_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_free_name),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_children_over_refresh),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_lent_over_refresh),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_source_fails),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_what_is_asked_for),
        cmocka_unit_test(test_top_is_there),
        cmocka_unit_test(test_foreign_names),
        cmocka_unit_test(test_told_otherwise),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_without_right),
        cmocka_unit_test(test_rules_in_force),
        cmocka_unit_test(test_own_rules),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_control_lines),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_height),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_other_chain),
        cmocka_unit_test(test_time_goes_back),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, free_all);
}
