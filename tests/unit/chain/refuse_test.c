/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Opening for writing what was not closed: a chain that is refused, for whatever reason, stays as
 * it was, byte for byte; one that is not is put right, and shows the same from where it then lies.
 */
#include "chain/local.h"
#include "history.h"
#include <stdlib.h>

static struct kit kit;
static struct history history;

/* ---- what a process left that did not close ---- */

enum left {
    WHOLE_GROUPS, /* above the floor */
    TORN_TAIL,
    TORN_TAIL_ALONE, /* all whole groups are below the floor */
    LOST_LIST,
    LEFTOVERS,
    IDLE_MARK, /* that no list vouches for */
    LEFT
};

static void begin(void)
{
    kit_init(&kit, 11);
    kit_genesis(&kit, NULL, 1000, 7);
    history_init(&history, &kit);
}

static void end(void)
{
    history_deinit(&history);
    kit_deinit(&kit);
}

static void last_segment(char path[64])
{
    for (unsigned id = 1;; id++) {
        char next[64];
        snprintf(next, sizeof next, "/c/,chain/%016x.seg", id);
        if (!simdisk_exists(kit.disk, next))
            break;
        memcpy(path, next, sizeof next);
    }
}

/* The last byte that was written is another. */
static void tear_last_group(void)
{
    char path[64] = "";
    size_t size;
    last_segment(path);
    uint8_t *bytes = simdisk_get(kit.disk, path, &size);
    while (size && !bytes[size - 1])
        size--;
    free(bytes);
    simdisk_flip(kit.disk, path, size - 1, 0x10);
}

/* The history so far as such a process leaves it; under TORN_TAIL its last group is torn. */
static void leave(enum left left)
{
    struct ate__storage *s;
    kit.sync = left == TORN_TAIL || left == WHOLE_GROUPS ? ATE__SYNC_NEVER : ATE__SYNC_ALWAYS;
    kit_ok(kit_storage(&kit, ATE__STORAGE_CREATE, &s));
    for (size_t i = 0; i < history.count; i++) {
        kit_ok(history_append(&history, i, s));
        if (i == 1) /* a floor between them */
            kit_ok(s->v->sync(s));
    }
    if (left == IDLE_MARK || left == TORN_TAIL_ALONE)
        kit_ok(s->v->idle(s));
    simdisk_stop(kit.disk, 0);
    s->v->close(s);
    kit_kill(&kit);
    if (left == TORN_TAIL)
        tear_last_group();
    if (left == TORN_TAIL_ALONE) {
        char path[64] = "";
        uint8_t junk[500];
        last_segment(path);
        memset(junk, 0xa5, sizeof junk);
        simdisk_patch(kit.disk, path, simdisk_size(kit.disk, path), junk, sizeof junk);
    }
    if (left == LOST_LIST)
        simdisk_flip(kit.disk, "/c/,chain/meta.b", 20, 1);
    if (left == LEFTOVERS)
        simdisk_put(kit.disk, "/c/,chain/next", "x", 1);
}

/* ---- the one who opens ---- */

struct opener {
    int result; /* 0: accepts */
    unsigned asked;
    uint64_t size, published;
};

static int asked(void *arg, struct ate__chain *c)
{
    struct opener *o = arg;
    struct ate_hash root, again;
    o->asked++;
    ate__chain_head(c, &o->size, &root);
    kit_ok(ate__chain_root_at(c, o->size, &again));
    assert_memory_equal(&root, &again, sizeof root);
    o->published = ate__view_published(ate__chain_view(c));
    assert_true(ate__chain_read_only(c));
    return o->result ? ate__fail(o->result, "not this one") : 0;
}

static int open_asking(struct opener *o, struct ate__pipe **ret_pipe)
{
    struct ate__local_conf conf = {.chain = kit_conf(&kit), .accept = asked, .accept_arg = o};
    return ate__local_open_dir(&conf, kit.root, 0, ret_pipe);
}

/* ---- tests ---- */

/* A transaction that breaks a rule lies where all is whole; others follow. */
static void an_invalid_history(void **state)
{
    (void)state;
    for (size_t i = 0; i < wrong_count; i++)
        for (int left = 0; left < LEFT; left++) {
            struct opener o = {0};
            struct ate__pipe *p;
            begin();
            history_wrong(&history, &wrongs[i]);
            history_put(&history, 30);
            leave((enum left)left);
            uint64_t before = simdisk_digest(kit.disk);
            int rc = open_asking(&o, &p);
            if (rc != wrongs[i].result || !strstr(ate__error_text(), wrongs[i].text))
                fail_msg("%s, %d: %s: %s", wrongs[i].name, left, ate__result_name(rc),
                         ate__error_text());
            assert_int_equal(o.asked, 0);
            if (simdisk_digest(kit.disk) != before)
                fail_msg("%s, %d: files were changed", wrongs[i].name, left);
            end();
        }
}

/* All is valid, and it is not the chain that was wanted, or an older state of it. */
static void not_accepted(void **state)
{
    (void)state;
    static const int results[] = {ATE_WRONG_CHAIN, ATE_UNTRUSTED, ATE_ROLLED_BACK, ATE_FORKED,
                                  ATE_E_IO};
    for (size_t i = 0; i < ATE__COUNT_OF(results); i++)
        for (int left = 0; left < LEFT; left++) {
            struct opener o = {.result = results[i]};
            struct ate__pipe *p;
            begin();
            for (unsigned n = 1; n < 8; n++)
                history_put(&history, n);
            leave((enum left)left);
            uint64_t before = simdisk_digest(kit.disk);
            assert_int_equal(open_asking(&o, &p), results[i]);
            assert_string_equal(ate__error_text(), "not this one");
            assert_int_equal(o.asked, 1);
            assert_true(o.size == (left == TORN_TAIL ? 7u : 8u));
            if (simdisk_digest(kit.disk) != before)
                fail_msg("%s, %d: files were changed", ate__result_name(results[i]), left);
            end();
        }
}

struct placed {
    struct ate__view_snapshot s;
    unsigned seen;
};

/* The view knows where each record lies: reading it takes one read. */
static int is_placed(void *arg, const struct ate__record_out *record)
{
    struct placed *p = arg;
    struct ate__view_body body;
    struct ate_id id = id_of((unsigned)record->sequence);
    if (!record->sequence)
        return 0;
    kit_ok(ate__view_body(&p->s, &id, &body));
    assert_true(body.sequence == record->sequence);
    assert_true(body.position.place == record->position.place);
    p->seen++;
    return 0;
}

static void accepted(void **state)
{
    (void)state;
    for (int left = 0; left < LEFT; left++) {
        struct opener o = {0};
        struct ate__pipe *p;
        struct placed placed = {.seen = 0};
        struct ate__storage_damage damage;
        begin();
        for (unsigned n = 1; n < 8; n++)
            history_put(&history, n);
        leave((enum left)left);
        kit_ok(open_asking(&o, &p));
        assert_int_equal(o.asked, 1);
        uint64_t size = left == TORN_TAIL ? 7 : 8;
        assert_true(o.size == size);
        /* What is not known to be synced is shown only when it is. */
        bool unsynced = left != IDLE_MARK && left != TORN_TAIL_ALONE;
        assert_true(unsynced ? o.published < size : o.published == size);
        assert_true(!(left == TORN_TAIL || left == WHOLE_GROUPS) || o.published == 2);
        kit.chain = ate__local_chain(p);
        assert_true(kit_size(&kit) == size);
        assert_false(ate__chain_read_only(kit.chain));
        assert_false(ate__chain_damage(kit.chain, &damage));
        bool torn = left == TORN_TAIL || left == TORN_TAIL_ALONE;
        assert_true(torn == (damage.trimmed_bytes > 0));
        assert_true(torn == (strstr(damage.text, "kept in trimmed/") != NULL));
        kit_ok(ate__view_begin(ate__chain_view(kit.chain), 0, &placed.s));
        struct ate__storage *s = ate__chain_storage(kit.chain);
        kit_ok(s->v->scan(s, 0, UINT64_MAX, &(struct ate__scan){NULL, is_placed, &placed}));
        ate__view_end(&placed.s);
        assert_true(placed.seen == size - 1);
        for (unsigned n = 1; n < size; n++)
            assert_string_equal(kit_text(&kit, n), "a text");
        kit.chain = NULL;
        /* All of it survives a loss of power at once, and is written to. */
        struct simdisk *after = simdisk_crash(kit.disk, 5);
        p->v->unref(p);
        simdisk_stop(kit.disk, 0);
        struct kit next;
        kit_take(&next, &kit, after, 6);
        kit_open_ok(&next, 0);
        assert_true(kit_size(&next) == size);
        kit_deinit(&next);
        end();
    }
}

static void open_without_begin(void)
{
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    kit_ok(kit_storage(&kit, 0, &s));
    kit_ok(ate__chain_open(&conf, s, 0, &kit.chain));
}

static void put_seven(unsigned from)
{
    for (unsigned n = 0; n < 7; n++)
        history_put(&history, from + n);
}

/* Nor is it written to. */
static void never_begun(void **state)
{
    (void)state;
    begin();
    put_seven(1);
    leave(WHOLE_GROUPS);
    uint64_t before = simdisk_digest(kit.disk);
    open_without_begin();
    struct ate__storage *s = ate__chain_storage(kit.chain);
    assert_int_equal(kit_put(&kit, 60, "x"), ATE_READ_ONLY);
    assert_int_equal(s->v->idle(s), ATE_READ_ONLY);
    assert_int_equal(s->v->rest(s), ATE_READ_ONLY);
    kit_close(&kit);
    assert_true(simdisk_digest(kit.disk) == before);
    end();
}

/* The disk holds less when it comes to changing it. */
static void torn_meanwhile(void **state)
{
    (void)state;
    begin();
    put_seven(1);
    leave(WHOLE_GROUPS);
    open_without_begin();
    tear_last_group();
    uint64_t before = simdisk_digest(kit.disk);
    assert_int_equal(ate__chain_begin(kit.chain), ATE_E_IO);
    assert_int_equal(kit_put(&kit, 60, "x"), ATE_READ_ONLY);
    kit_close(&kit);
    assert_true(simdisk_digest(kit.disk) == before);
    end();
}

/* Or as much of something else, as sound as what was verified. */
static void another_meanwhile(void **state)
{
    (void)state;
    char path[64] = "";
    size_t size;
    begin();
    put_seven(11);
    leave(WHOLE_GROUPS);
    last_segment(path);
    uint8_t *other = simdisk_get(kit.disk, path, &size);
    end();
    begin();
    put_seven(1);
    leave(WHOLE_GROUPS);
    open_without_begin();
    simdisk_put(kit.disk, path, other, size);
    assert_int_equal(ate__chain_begin(kit.chain), ATE_E_IO);
    assert_true(ate__view_published(ate__chain_view(kit.chain)) == 2);
    assert_int_equal(kit_put(&kit, 60, "x"), ATE_READ_ONLY);
    free(other);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invalid_history), cmocka_unit_test(not_accepted),
        cmocka_unit_test(accepted),           cmocka_unit_test(never_begun),
        cmocka_unit_test(torn_meanwhile),     cmocka_unit_test(another_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
