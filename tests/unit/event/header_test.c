/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Headers: what is written at random is read back the same; limits at their edges; what a failure
 * leaves alone. The table of wrong headers is tests/vectors/event/header.txt.
 */
#include "base/err.h"
#include "event/header.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "random.h"
#include "rebuild.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int decode(const struct ate__buf *buf, struct ate__header *ret)
{
    return ate__header_decode(ate__buf_bytes(buf), ret);
}

static void random_headers_come_back(void **state)
{
    (void)state;
    static const enum ate__event_kind kinds[RANDOM_KINDS] = {
        [RANDOM_OPEN_BODY] = ATE__EVENT_BODY,    [RANDOM_PRIVATE_BODY] = ATE__EVENT_BODY,
        [RANDOM_TOMBSTONE] = ATE__EVENT_BODY,    [RANDOM_CONTROL] = ATE__EVENT_CONTROL,
        [RANDOM_CHAIN] = ATE__EVENT_CHAIN,       [RANDOM_PUBLIC_KEY] = ATE__EVENT_PUBLIC_KEY,
        [RANDOM_ROOT] = ATE__EVENT_ROOT,         [RANDOM_REVOKE] = ATE__EVENT_REVOKE,
        [RANDOM_SNAPSHOT] = ATE__EVENT_SNAPSHOT, [RANDOM_SERVICES] = ATE__EVENT_CHAIN,
        [RANDOM_RESET] = ATE__EVENT_RESET,       [RANDOM_RESERVED] = ATE__EVENT_RESERVED,
    };
    struct arena a = {.rnd = rnd_of(rnd_seed(11))};
    struct ate__buf again = ATE__BUF_NULL;
    for (int i = 0; i < 4000; i++) {
        enum random_kind kind = (enum random_kind)rnd_below(&a.rnd, RANDOM_KINDS);
        struct ate_bytes bytes = random_header(&a, kind);
        struct ate__header h;
        enum ate__event_kind found = ATE__EVENT_RESERVED;
        int rc = ate__header_decode(bytes, &h);
        if (!rc)
            rc = ate__header_kind(&h, &found);
        if (rc)
            fail_msg("header %d: %s", i, ate__error_text());
        assert_int_equal(found, kinds[kind]);
        ate__buf_clear(&again);
        assert_true(rebuild_header(&h, &again));
        assert_true(ate__bytes_equal(ate__buf_bytes(&again), bytes));
        arena_clear(&a);
    }
    ate__buf_deinit(&again);
}

/* A prefix is a header only where it ends between two items. */
static void truncated_headers_fail_or_are_shorter_lists(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(12))};
    struct ate__buf again = ATE__BUF_NULL;
    for (int i = 0; i < 60; i++) {
        struct ate_bytes whole = random_header(&a, (enum random_kind)(i % RANDOM_KINDS));
        for (size_t size = 0; size < whole.size; size++) {
            uint8_t *exact = malloc(size ? size : 1);
            assert_non_null(exact);
            memcpy(exact, whole.data, size);
            struct ate__header h;
            if (!ate__header_decode(ate__bytes(exact, size), &h)) {
                ate__buf_clear(&again);
                assert_true(rebuild_header(&h, &again));
                assert_int_equal(again.size, size);
            }
            free(exact);
        }
        arena_clear(&a);
    }
    ate__buf_deinit(&again);
}

static void sizes_at_the_edge(void **state)
{
    (void)state;
    static const struct {
        unsigned tag;
        size_t size_max;
        int over;
    } cases[] = {{ATE__TAG_NAME, ATE__NAME_MAX, ATE_TOO_BIG},
                 {ATE__TAG_TYPE, ATE__TYPE_MAX, ATE_TOO_BIG},
                 {ATE__TAG_PUBLIC_KEY, ATE__KEY_ITEM_MAX, ATE_TOO_BIG},
                 /* tag and length in front */
                 {ATE__TAG_GENESIS, ATE__CONTROL_HEADER_MAX - 6, ATE_TOO_BIG},
                 {ATE__TAG_OPTIONAL, ATE__CONTROL_HEADER_MAX - 6, ATE_TOO_BIG}};
    static uint8_t bytes[ATE__CONTROL_HEADER_MAX];
    memset(bytes, 'a', sizeof bytes);
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++)
        for (size_t more = 0; more < 2; more++) {
            struct ate__buf buf = ATE__BUF_NULL;
            struct ate__header_wr w = ate__header_wr_of(&buf);
            struct ate__header h;
            ate__header_item(&w, cases[i].tag, ate__bytes(bytes, cases[i].size_max + more));
            assert_int_equal(ate__header_end(&w), 0);
            assert_int_equal(decode(&buf, &h), more ? cases[i].over : 0);
            ate__buf_deinit(&buf);
        }
}

static void private_items_at_the_edge(void **state)
{
    (void)state;
    static uint8_t bytes[ATE__BODY_HEADER_MAX];
    for (size_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__header_wr w = ate__header_wr_of(&buf);
        struct ate__header h;
        ate__header_item(&w, ATE__TAG_OPTIONAL, ate__bytes(bytes, sizeof bytes - 5 + more));
        assert_int_equal(ate__header_end(&w), 0);
        assert_int_equal(ate__private_items_decode(ate__buf_bytes(&buf), &h),
                         more ? ATE_TOO_BIG : 0);
        ate__buf_deinit(&buf);
    }
}

static void private_items_fit_their_header(void **state)
{
    (void)state;
    const struct ate__header none = {0}, type = {.present = 1 << ATE__TAG_TYPE},
                             name = {.present = 1 << ATE__TAG_NAME},
                             tag = {.present = 1 << ATE__TAG_TAG};
    assert_int_equal(ate__private_items_check(&none, &none), 0);
    assert_int_equal(ate__private_items_check(&none, &type), 0);
    assert_int_equal(ate__private_items_check(&type, &none), 0);
    assert_int_equal(ate__private_items_check(&type, &type), ATE_MALFORMED);
    assert_int_equal(ate__private_items_check(&tag, &name), 0);
    assert_int_equal(ate__private_items_check(&type, &name), ATE_MALFORMED);
}

static void a_failure_leaves_the_result_alone(void **state)
{
    (void)state;
    struct ate__header h, before;
    memset(&h, 0x5a, sizeof h);
    before = h;
    assert_int_equal(ate__header_decode(ate__bytes("\1\0\1x", 4), &h), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "OBJECT (0x01) at byte 0: 1 bytes are not its size");
    assert_int_equal(ate__private_items_decode(ate__bytes("\x2b\0\0", 3), &h), ATE_UNSUPPORTED);
    assert_memory_equal(&h, &before, sizeof h);
    enum ate__event_kind kind = (enum ate__event_kind)99;
    assert_int_equal(ate__header_kind(&(struct ate__header){0}, &kind), ATE_MALFORMED);
    assert_int_equal(kind, 99);
}

static int write_all(void *arg)
{
    (void)arg;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&buf);
    struct ate__conf_item conf = {.epoch = 1};
    struct ate_id parent = {{1}};
    static uint8_t bytes[2000];
    ate__header_parent(&w, &parent, 0);
    ate__header_conf(&w, &conf);
    ate__header_auth(&w, &(struct ate__auth){.rule = {{.who = 0}}});
    ate__header_user(&w, ate__bytes(bytes, sizeof bytes));
    int rc = ate__header_end(&w);
    ate__buf_deinit(&buf);
    return rc;
}

static void writing_survives_want_of_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(write_all, NULL, false) > 1);
}

static void descend(void)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&buf);
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes("", 0));
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes("", 0));
}

static void tags_out_of_order_are_our_bug(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        descend();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_headers_come_back),
        cmocka_unit_test(truncated_headers_fail_or_are_shorter_lists),
        cmocka_unit_test(sizes_at_the_edge),
        cmocka_unit_test(private_items_at_the_edge),
        cmocka_unit_test(private_items_fit_their_header),
        cmocka_unit_test(a_failure_leaves_the_result_alone),
        cmocka_unit_test(writing_survives_want_of_memory),
        cmocka_unit_test(tags_out_of_order_are_our_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
