/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Thin snapshots of what an honest server shows.
 */
#include "base/alloc.h"
#include "lib/heap.h"
#include "base/err.h"
#include "thin_world.h"
#include "trust/accept.h"
#include <stdlib.h>

/* ---- honest ---- */

static void test_object(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    uint8_t tag[ATE__NAME_TAG];
    thin_init(&w, thin_family());
    must(thin_object(&w, 3, &f));
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
    must(thin_object(&w, 1, &f));
    assert_true(f.live);
    assert_int_equal(f.created_sequence, 1);
    assert_int_equal(f.created_us, w.past->time_us[1]);
    hash = past_control_hash(w.past, id_of(1));
    assert_memory_equal(&f.control->hash, &hash, sizeof hash);
    must(thin_object(&w, 0, &f));
    assert_true(f.live);
    assert_non_null(f.control);
    struct ate_hash bob = past_print(w.past, BOB), eve = past_print(w.past, EVE);
    struct ate_id three = id_of(3);
    assert_int_equal(ate__may(w.trust, w.facts, &three, ATE__RIGHT_WRITE, &bob, 1), 0);
    assert_int_equal(ate__may(w.trust, w.facts, &three, ATE__RIGHT_WRITE, &eve, 1), ATE_DENIED);
    assert_int_equal(w.asked, 1);
    assert_true(ate__trust_has_key(w.trust, &bob));

    must(thin_object(&w, 99, &f));
    assert_false(f.live || f.deleted);
    must(thin_object(&w, 99, &f)); /* the same answer, without asking */
    assert_int_equal(w.asked, 2);
    thin_deinit(&w);
}

static void test_names(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate_id id, three = id_of(3), two = id_of(2);
    struct ate__object_facts f;
    thin_init(&w, thin_family());
    must(thin_holder(&w, 2, "three", &id));
    assert_memory_equal(&id, &three, sizeof id);
    must(thin_holder(&w, 1, "two", &id)); /* it was shown as an ancestor */
    assert_memory_equal(&id, &two, sizeof id);
    must(thin_object(&w, 3, &f));
    assert_int_equal(w.asked, 1);
    assert_int_equal(thin_holder(&w, 2, "none", &id), ATE_NOT_FOUND);
    assert_int_equal(thin_holder(&w, 2, "none", &id), ATE_NOT_FOUND);
    assert_int_equal(w.asked, 2);
    thin_deinit(&w);
}

/* Of a name that is free, the parent is shown all the same. */
static void test_free_name(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate_id id;
    struct ate__object_facts f;
    thin_init(&w, thin_family());
    assert_int_equal(thin_holder(&w, 3, "below", &id), ATE_NOT_FOUND);
    must(thin_object(&w, 3, &f));
    must(thin_object(&w, 2, &f));
    assert_int_equal(w.asked, 1);
    thin_deinit(&w);
}

static void test_children(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate_id id, expected;
    uint64_t at = 0, middle = 0;
    thin_init(&w, thin_crowd());
    for (unsigned i = 0; i < THIN_CROWD; i++) {
        must(thin_next(&w, 1, &at, &id));
        expected = id_of(10 + i);
        assert_memory_equal(&id, &expected, sizeof id);
        if (i == 4)
            middle = at;
        struct ate__object_facts f;
        must(ate__facts_object(w.facts, &id, &f));
    }
    assert_int_equal(thin_next(&w, 1, &at, &id), ATE_END);
    assert_int_equal(thin_next(&w, 1, &at, &id), ATE_END);
    assert_int_equal(w.asked, 4); /* pages of three, with the objects in them */
    must(thin_next(&w, 1, &middle, &id)); /* an earlier page is asked for again */
    expected = id_of(15);
    assert_memory_equal(&id, &expected, sizeof id);
    assert_int_equal(w.asked, 5);
    at = 0;
    assert_int_equal(thin_next(&w, 10, &at, &id), ATE_END);
    thin_deinit(&w);
}

/* A cursor goes on where it was when all that was known is forgotten. */
static void test_children_over_refresh(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate_id id, expected = id_of(17);
    uint64_t at = 0;
    thin_init(&w, thin_crowd());
    for (unsigned i = 0; i < 7; i++)
        must(thin_next(&w, 1, &at, &id));
    must(ate__thin_refresh(w.s));
    must(thin_next(&w, 1, &at, &id));
    assert_memory_equal(&id, &expected, sizeof id);
    thin_deinit(&w);
}

static void test_event(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate__authors authors;
    struct ate_id three = id_of(3), four = id_of(4), none = id_of(9);
    thin_init(&w, thin_family());
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
    must(thin_object(&w, 4, &f));
    assert_int_equal(w.asked, 2);
    must(ate__thin_event(w.s, &four, &buf, &e, NULL));
    assert_int_equal(e.payload.size, THIN_LARGE);
    assert_int_equal(w.asked, 3);
    must(ate__thin_event(w.s, &four, &buf, &e, NULL));
    assert_int_equal(w.asked, 3);

    size_t size = buf.size;
    assert_int_equal(ate__thin_event(w.s, &none, &buf, &e, NULL), ATE_NOT_FOUND);
    assert_int_equal(ate__thin_event(w.s, &ate__top_id, &buf, &e, NULL), ATE_NOT_FOUND);
    assert_int_equal(buf.size, size);
    ate__buf_deinit(&buf);
    thin_deinit(&w);
}

/* Payloads of a listed page that are read one after the other come ever more at once. */
static void test_payloads_ahead(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate_id id, ids[3];
    struct ate__event e;
    uint64_t at = 0;
    static char large[THIN_LARGE + 1];
    memset(large, 'y', sizeof large - 1);
    struct past *past = thin_bare();
    past_create(past, ALICE, 1, 0, NULL, NULL);
    for (unsigned i = 0; i < THIN_CROWD; i++)
        past_create(past, ALICE, 10 + i, 1, NULL, large);
    thin_init(&w, past);
    static const unsigned asked[THIN_CROWD] = {2, 3, 3, 5, 5, 5, 7, 7, 7, 9}; /* pages of three */
    for (unsigned i = 0; i < THIN_CROWD; i++) {
        struct ate__buf buf = ATE__BUF_NULL;
        must(thin_next(&w, 1, &at, &id));
        must(ate__thin_event(w.s, &id, &buf, &e, NULL));
        assert_int_equal(e.payload.size, THIN_LARGE);
        assert_int_equal(w.asked, asked[i]);
        ate__buf_deinit(&buf);
    }
    must(ate__thin_refresh(w.s)); /* backwards: one by one */
    at = 0;
    for (unsigned i = 0; i < 3; i++)
        must(thin_next(&w, 1, &at, &ids[i]));
    unsigned before = w.asked;
    for (unsigned i = 3; i--;) {
        struct ate__buf buf = ATE__BUF_NULL;
        must(ate__thin_event(w.s, &ids[i], &buf, &e, NULL));
        assert_int_equal(w.asked, before + 3 - i);
        ate__buf_deinit(&buf);
    }
    thin_deinit(&w);
}

/* The head of the first answer stays, whatever the server gets afterwards. */
static void test_head(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate_hash root, other;
    uint64_t size;
    thin_init(&w, thin_family());
    w.size = 3;
    must(thin_object(&w, 2, &f));
    ate__thin_head(w.s, &size, &root);
    assert_int_equal(size, 3);
    struct ate__head head = past_head(w.past, 3);
    assert_memory_equal(&root, &head.root, sizeof root);
    w.size = w.past->size;
    must(thin_object(&w, 3, &f));
    assert_false(f.live);
    must(w.facts->v->root_at(w.facts, 3, &other));
    assert_memory_equal(&root, &other, sizeof root);
    assert_int_equal(w.facts->v->root_at(w.facts, 2, &other), ATE_NOT_FOUND);
    must(w.facts->v->root_at(w.facts, 0, &other));

    must(ate__thin_refresh(w.s));
    must(thin_object(&w, 3, &f));
    assert_true(f.live);
    ate__thin_head(w.s, &size, &root);
    assert_int_equal(size, w.past->size);
    thin_end(&w);
    thin_begin(&w);
    ate__thin_head(w.s, &size, &root); /* before any question: what is known */
    assert_int_equal(size, w.past->size);
    must(thin_object(&w, 3, &f));
    thin_deinit(&w);
}

/* What was lent stays until the end. */
static void test_lent_over_refresh(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f, later;
    thin_init(&w, thin_family());
    must(thin_object(&w, 1, &f));
    struct ate_hash hash = f.control->hash;
    must(ate__thin_refresh(w.s));
    must(thin_object(&w, 1, &later));
    must(ate__thin_refresh(w.s));
    assert_memory_equal(&f.control->hash, &hash, sizeof hash);
    assert_memory_equal(&later.control->hash, &hash, sizeof hash);
    thin_deinit(&w);
}

static void test_stale(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    thin_init(&w, thin_family());
    w.size = 4;
    must(thin_object(&w, 1, &f));
    w.no_snapshots = true;
    must(thin_object(&w, 2, &f)); /* nothing was committed since: the newest state is this one */
    assert_int_equal(w.asked, 3);
    w.size = 5;
    assert_int_equal(thin_object(&w, 3, &f), ATE_STALE);
    assert_string_equal(ate__error_text(), "not kept");
    must(thin_object(&w, 1, &f)); /* what is known is known */
    must(ate__thin_refresh(w.s));
    must(thin_object(&w, 3, &f));
    assert_int_equal(f.sequence, 4);
    thin_deinit(&w);
}

static void test_source_fails(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate_id id;
    uint64_t at = 0;
    thin_init(&w, thin_family());
    w.fail = ATE_TIMEOUT;
    assert_int_equal(thin_object(&w, 1, &f), ATE_TIMEOUT);
    must(thin_object(&w, 1, &f));
    w.fail = ATE_OFFLINE;
    assert_int_equal(thin_holder(&w, 1, "two", &id), ATE_OFFLINE);
    must(thin_holder(&w, 1, "two", &id));
    w.fail = ATE_OFFLINE;
    assert_int_equal(thin_next(&w, 1, &at, &id), ATE_OFFLINE);
    must(thin_next(&w, 1, &at, &id));
    assert_int_equal(w.condemned, 0);
    thin_deinit(&w);
}

/* Where too much is kept, what lends nothing goes, and is asked for again. */
static void test_room(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate__thin_known k;
    thin_init(&w, thin_family());
    must(thin_object(&w, 3, &f));
    must(thin_object(&w, 1, &f));
    const struct ate__control *lent = f.control;
    must(thin_object(&w, 4, &f));
    assert_int_equal(w.asked, 2);
    thin_end(&w);

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
    thin_begin(&w);
    thin_deinit(&w);
}

/* ---- memory ---- */

/* Answers from a tape that was recorded before, found by what was asked and what the server had, so
 * that the source itself needs no memory but that of the answer. */
enum { TAPE = 32 };
struct question {
    uint8_t kind, flags;
    uint64_t at, size; /* the server's newest */
    struct ate_id id;
};
struct tape {
    struct thin_world *w;
    bool playing;
    size_t count;
    struct {
        struct question question;
        int result;
        uint8_t *bytes;
        size_t size;
        struct ate__head head;
    } answer[TAPE];
    struct ate__receipt receipt;
};

static struct tape tape;

static size_t find_answer(const struct question *q)
{
    size_t i = 0;
    while (i < tape.count && memcmp(&tape.answer[i].question, q, sizeof *q) != 0)
        i++;
    return i;
}

static void record(const struct question *q, const struct ate__msg_get *get,
                   const struct ate_hash *at_root)
{
    struct ate__buf body = ATE__BUF_NULL;
    size_t i = tape.count++;
    assert_true(i < TAPE);
    tape.answer[i].question = *q;
    tape.answer[i].result = tape.w->source.get(tape.w, get, at_root, &body, &tape.answer[i].head);
    tape.answer[i].bytes = malloc(body.size + 1);
    assert_non_null(tape.answer[i].bytes);
    memcpy(tape.answer[i].bytes, body.data ? body.data : (const uint8_t *)"", body.size);
    tape.answer[i].size = body.size;
    ate__buf_deinit(&body);
}

static int tape_get(void *arg, const struct ate__msg_get *get, const struct ate_hash *at_root,
                    struct ate__buf *ret_body, struct ate__head *ret_head)
{
    struct question q;
    (void)arg;
    memset(&q, 0, sizeof q); /* compared byte for byte */
    q.kind = get->kind;
    q.flags = get->flags;
    q.at = get->at;
    q.size = tape.w->size;
    q.id = get->kind == ATE__GET_CHILDREN ? get->listing.parent : get->parent;
    if (get->id_count)
        memcpy(&q.id, get->ids, sizeof q.id);
    size_t i = find_answer(&q);
    if (i == tape.count && tape.playing)
        fail_msg("a question that was not asked before: %u at %llu", q.kind,
                 (unsigned long long)q.at);
    if (i == tape.count)
        record(&q, get, at_root);
    if (tape.answer[i].result)
        return ate__fail(tape.answer[i].result, "not kept");
    *ret_head = tape.answer[i].head;
    return ate__buf_append(ret_body, ate__bytes(tape.answer[i].bytes, tape.answer[i].size));
}

/* A commit that follows on the last but one state of the past, whose state is gone when it is asked
 * for. `noted` false: as after one that could not be noted. */
static int carry_on(struct thin_world *w, struct ate__snapshot *s, bool noted)
{
    struct ate__object_facts f;
    uint64_t sequence = tape.receipt.sequence;
    ate__thin_own_deinit(&w->chain.own);
    ate__thin_own_init(&w->chain.own);
    if (noted)
        ate__thin_own_note(&w->chain.own, &w->past->tx[sequence], sequence);
    int rc = ate__thin_refresh(s);
    w->size = sequence;
    if (!rc)
        rc = thin_object(w, 1, &f);
    w->size = w->past->size;
    if (!rc)
        rc = ate__thin_committed(s, &tape.receipt);
    if (!rc)
        rc = thin_object(w, 1, &f);
    return rc ? rc : thin_object(w, 3, &f);
}

static int read_all(struct thin_world *w, struct ate__thin_source *source)
{
    struct ate__object_facts f;
    struct ate_id id, three = id_of(3), four = id_of(4);
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate__snapshot *s;
    uint64_t at = 0;
    int rc = ate__thin_begin(&w->pipe, &w->chain, source, &s);
    if (rc)
        return rc;
    w->facts = ate__thin_facts(s);
    rc = thin_object(w, 3, &f);
    if (!rc)
        rc = thin_holder(w, 2, "three", &id);
    if (!rc)
        rc = thin_holder(w, 2, "free", &id) == ATE_NOT_FOUND ? 0 : ATE_E_MEMORY;
    for (unsigned i = 0; !rc && i < 2; i++)
        rc = thin_next(w, 0, &at, &id);
    if (!rc)
        rc = ate__thin_event(s, &three, &buf, &e, NULL);
    if (!rc)
        rc = ate__thin_event(s, &four, &buf, &e, NULL);
    if (!rc)
        rc = ate__thin_refresh(s);
    if (!rc)
        rc = thin_object(w, 99, &f);
    w->no_snapshots_before = w->past->size;
    if (!rc)
        rc = carry_on(w, s, false);
    if (!rc)
        rc = carry_on(w, s, true);
    w->no_snapshots_before = 0;
    ate__buf_deinit(&buf);
    ate__thin_end(s);
    return rc;
}

/* Each allocation refused in turn: a clean failure, nothing lost, and the next try works. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct thin_world w;
    past_keys_free();
    heap_start();
    thin_init(&w, thin_family());
    struct ate__thin_source source = w.source;
    source.get = tape_get;
    tape = (struct tape){.w = &w, .receipt = thin_receipt(&w, w.past->size - 1)};
    must(read_all(&w, &source));
    tape.playing = true;
    uint64_t n = 1;
    for (bool refused = true; refused; n++) {
        heap_fail(n, n % 2);
        int rc = read_all(&w, &source);
        refused = heap_failed();
        heap_fail(0, false);
        if (rc != 0 && rc != ATE_E_MEMORY)
            fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
        assert_int_equal(w.condemned, 0);
    }
    assert_true(n > 50);
    w.facts = NULL;
    thin_deinit(&w);
    for (size_t i = 0; i < tape.count; i++)
        free(tape.answer[i].bytes);
    past_keys_free();
    heap_stop();
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
        cmocka_unit_test(test_payloads_ahead),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_lent_over_refresh),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_source_fails),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
