/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Snapshots of a pipe: one state until they are refreshed, whatever is committed meanwhile.
 */
#include "chain/snapshot.h"
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "chain/local.h"
#include "kit.h"
#include "lib/heap.h"

static struct kit kit; /* its disk, clock and genesis; the chain is the pipe's */
static struct ate__pipe *pipe_;

static void begin(bool memory)
{
    struct ate__local_conf conf = {.memory = memory};
    kit_init(&kit, 71);
    conf.chain.env = &kit.sim.env;
    kit_ok(ate__local_create(&conf, kit.root, ate__bytes(kit.genesis, kit.genesis_size), &pipe_));
    kit.chain = ate__local_chain(pipe_);
}

static void end(void)
{
    kit.chain = NULL; /* the pipe closes it */
    pipe_->v->unref(pipe_);
    kit_deinit(&kit);
}

static const char *text_at(struct ate__snapshot *s, unsigned object)
{
    static char text[64];
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_id id = id_of(object);
    struct ate__event e;
    int rc = pipe_->v->event(s, &id, &buf, &e, NULL);
    snprintf(text, sizeof text, "%s", rc ? ate__result_name(rc) : "");
    if (!rc)
        snprintf(text, sizeof text, "%.*s", (int)e.payload.size, (const char *)e.payload.data);
    ate__buf_deinit(&buf);
    return text;
}

static void one_state(void **state)
{
    (void)state;
    struct ate__snapshot *s;
    struct ate__object_facts f;
    struct ate_id id = id_of(1), two = id_of(2), child;
    struct ate_hash root, at;
    uint64_t size, cursor = 0;
    begin(false);
    kit_put_ok(&kit, 1, "one");
    kit_ok(pipe_->v->begin(pipe_, &s));
    const struct ate__facts *facts = pipe_->v->facts(s);
    kit_put_ok(&kit, 1, "changed");
    kit_put_ok(&kit, 2, "new");
    assert_string_equal(text_at(s, 1), "one");
    assert_string_equal(text_at(s, 2), "ATE_NOT_FOUND");
    kit_ok(facts->v->object(facts, &id, &f));
    assert_true(f.live && f.sequence == 1);
    kit_ok(facts->v->object(facts, &two, &f));
    assert_false(f.live);
    kit_ok(facts->v->next_child(facts, &(struct ate__listing){.parent = ate__top_id}, &cursor,
                                &child));
    assert_int_equal(
        facts->v->next_child(facts, &(struct ate__listing){.parent = ate__top_id}, &cursor, &child),
        ATE_END);
    pipe_->v->head(s, &size, &root);
    assert_true(size == 2);
    kit_ok(facts->v->root_at(facts, 2, &at));
    assert_memory_equal(&root, &at, sizeof at);
    kit_ok(pipe_->v->refresh(s));
    assert_string_equal(text_at(s, 1), "changed");
    assert_string_equal(text_at(s, 2), "new");
    pipe_->v->head(s, &size, &root);
    assert_true(size == 4);
    pipe_->v->end(s);
    pipe_->v->end(NULL);
    end();
}

static void too_old(void **state)
{
    (void)state;
    struct ate__snapshot *s;
    uint8_t tag[ATE__NAME_TAG] = {0};
    struct ate_id id;
    begin(true);
    kit_put_ok(&kit, 1, "one");
    kit_ok(pipe_->v->begin(pipe_, &s));
    const struct ate__facts *facts = pipe_->v->facts(s);
    simenv_pass_ms(&kit.sim, 60001);
    kit_put_ok(&kit, 1, "two");
    assert_string_equal(text_at(s, 1), "ATE_STALE");
    assert_int_equal(facts->v->tag_holder(facts, &ate__top_id, tag, &id), ATE_STALE);
    kit_ok(pipe_->v->refresh(s));
    assert_string_equal(text_at(s, 1), "two");
    pipe_->v->end(s);
    end();
}

/* Size and root are of one state, and so is what is read, also when the next one cannot be had. */
static void a_refresh_that_fails(void **state)
{
    (void)state;
    struct ate__snapshot *s, *others[63];
    struct ate_hash root, same;
    uint64_t size;
    heap_start();
    begin(false);
    kit_put_ok(&kit, 1, "one");
    kit_ok(pipe_->v->begin(pipe_, &s));
    pipe_->v->head(s, &size, &root);
    kit_put_ok(&kit, 1, "two");
    for (unsigned i = 0; i < 63; i++) /* the next one takes memory */
        kit_ok(pipe_->v->begin(pipe_, &others[i]));
    heap_fail(1, true);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(pipe_->v->refresh(s), ATE_E_MEMORY);
    heap_fail(0, false);
    pipe_->v->head(s, &size, &same);
    assert_true(size == 2);
    assert_memory_equal(&root, &same, sizeof root);
    assert_string_equal(text_at(s, 1), "one");

    kit_ok(pipe_->v->refresh(s));
    pipe_->v->head(s, &size, &same);
    assert_true(size == 3);
    kit_ok(ate__chain_root_at(kit.chain, 3, &root));
    assert_memory_equal(&root, &same, sizeof root);
    assert_string_equal(text_at(s, 1), "two");
    pipe_->v->end(s);
    for (unsigned i = 0; i < 63; i++)
        pipe_->v->end(others[i]);
    end();
    heap_stop();
}

/* A snapshot holds the pipe: it may be let go of in any order. */
static void holds_the_pipe(void **state)
{
    (void)state;
    struct ate__snapshot *s;
    begin(false);
    kit_put_ok(&kit, 1, "one");
    kit_ok(pipe_->v->begin(pipe_, &s));
    kit.chain = NULL;
    pipe_->v->unref(pipe_);
    assert_string_equal(text_at(s, 1), "one");
    s->pipe->v->end(s);
    kit_deinit(&kit);
}

static int begin_one(void *arg)
{
    struct ate__snapshot *s;
    (void)arg;
    int rc = pipe_->v->begin(pipe_, &s);
    if (!rc)
        pipe_->v->end(s);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    struct ate__snapshot *s;
    begin(true);
    kit_ok(pipe_->v->begin(pipe_, &s)); /* so that the first block of readers is there */
    pipe_->v->end(s);
    assert_true(heap_sweep(begin_one, NULL, false) >= 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_state),
        cmocka_unit_test(too_old),
        cmocka_unit_test(a_refresh_that_fails),
        cmocka_unit_test(holds_the_pipe),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
