/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "thin_world.h"

static struct past_answer answer; /* too big for a stack */

static struct ate__pipe *ref(struct ate__pipe *p)
{
    ATE__CONTAINER(p, struct thin_world, pipe)->refs++;
    return p;
}

static void unref(struct ate__pipe *p)
{
    ATE__CONTAINER(p, struct thin_world, pipe)->refs--;
}

static const struct ate__pipe_vtable pipe_vtable = {.ref = ref, .unref = unref};

static int source_get(void *arg, const struct ate__msg_get *get, const struct ate_hash *at_root,
                      struct ate__buf *ret_body, struct ate__head *ret_head)
{
    struct thin_world *w = arg;
    uint64_t size = get->at ? get->at : w->size;
    w->asked++;
    if (w->fail) {
        int rc = w->fail;
        w->fail = 0;
        return ate__fail(rc, "the source fails");
    }
    if (get->at && (w->no_snapshots || get->at < w->no_snapshots_before))
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
    struct thin_world *w = arg;
    return past_head(w->past, w->size);
}

static void source_condemn(void *arg, int result, const char *text)
{
    struct thin_world *w = arg;
    (void)text;
    w->condemned = result;
}

void thin_begin(struct thin_world *w)
{
    must(ate__thin_begin(&w->pipe, &w->chain, &w->source, &w->s));
    w->facts = ate__thin_facts(w->s);
}

void thin_end(struct thin_world *w)
{
    ate__thin_end(w->s);
    w->s = NULL;
}

/* take_past: consumed. */
void thin_init(struct thin_world *w, struct past *take_past)
{
    *w = (struct thin_world){.past = take_past, .size = take_past->size};
    simenv_init(&w->sim, 1, NULL);
    must(ate__trust_new(&w->sim.env, &take_past->tx[0], &w->trust));
    ate__thin_chain_init(&w->chain, w->trust, &take_past->tx[0], take_past->time_us[0], NULL);
    w->source = (struct ate__thin_source){source_get, source_newest, source_condemn, w};
    w->pipe = (struct ate__pipe){.v = &pipe_vtable, .env = &w->sim.env, .thin = true};
    thin_begin(w);
}

void thin_deinit(struct thin_world *w)
{
    thin_end(w);
    assert_int_equal(w->refs, 0);
    ate__thin_chain_deinit(&w->chain);
    ate__trust_free(w->trust);
    past_free(w->past);
    simenv_deinit(&w->sim);
}

struct ate__receipt thin_receipt(struct thin_world *w, uint64_t size)
{
    return (struct ate__receipt){
        .sequence = size - 1, .size = size, .head = past_head(w->past, size).root};
}

int thin_object(struct thin_world *w, unsigned id, struct ate__object_facts *ret)
{
    struct ate_id object_id = id_of(id);
    return ate__facts_object(w->facts, &object_id, ret);
}

int thin_holder(struct thin_world *w, unsigned parent, const char *name, struct ate_id *ret)
{
    struct ate_id parent_id = id_of(parent);
    uint8_t tag[ATE__NAME_TAG];
    past_tag(parent_id, name, tag);
    return w->facts->v->tag_holder(w->facts, &parent_id, tag, ret);
}

int thin_next(struct thin_world *w, unsigned parent, uint64_t *at, struct ate_id *ret)
{
    struct ate__listing all = {.parent = id_of(parent)};
    return w->facts->v->next_child(w->facts, &all, at, ret);
}

void thin_expect(int line, int rc, int expected, const char *sentence)
{
    if (rc != expected)
        fail_msg("line %d: %s (%s), expected %s", line, ate__result_name(rc),
                 rc ? ate__error_text() : "", ate__result_name(expected));
    if (expected && sentence && !strstr(ate__error_text(), sentence))
        fail_msg("line %d: \"%s\" says nothing of \"%s\"", line, ate__error_text(), sentence);
}

/* An object of this history is asked for, alone. take_past: consumed. */
void thin_ask_(struct past *take_past, unsigned id, void (*twist)(struct past_answer *a),
               int expected, const char *sentence, int line)
{
    struct thin_world w;
    struct ate__object_facts f;
    thin_init(&w, take_past);
    w.twist = twist;
    thin_expect(line, thin_object(&w, id, &f), expected, sentence);
    if (!expected && !f.live)
        fail_msg("line %d: it is not live", line);
    bool condemned = expected == ATE_TAMPERED || expected == ATE_BAD_PEER;
    assert_int_equal(w.condemned, condemned ? expected : 0);
    thin_deinit(&w);
}
static struct ate__auth root_and_alice(struct past *p, struct draft *d)
{
    return past_writers(p, d, ROOT, ALICE);
}

struct past *thin_bare(void)
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

static char large[THIN_LARGE + 1];

struct past *thin_family(void)
{
    struct past *p = thin_bare();
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

struct past *thin_crowd(void)
{
    struct past *p = thin_bare();
    struct draft d;
    past_create(p, ALICE, 1, 0, NULL, NULL);
    past_begin(p, &d);
    for (unsigned i = 0; i < THIN_CROWD; i++)
        draft_body(&d, &(struct draft_body){.id = id_of(10 + i), .parent = id_of(1)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    return p;
}
