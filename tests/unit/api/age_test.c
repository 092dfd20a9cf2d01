/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How old what a program is shown may be, at servers that sign, that do not, and that are gone.
 */
#include "api/age.h"
#include "api/api.h"
#include "api/proof_source.h"
#include "crypto/keyfile.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include "trust/checkpoint.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static char home[4096], root[ATE_HASH_TEXT];
static struct ate_session *me;
static struct ate_server *server;
static uint16_t port;

static const char *path_of(const char *name)
{
    static char paths[8][4200];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", home, name);
    return p;
}

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate_result_name(rc), ate_error());
    assert_int_equal(rc, expected);
}

static void serve(void)
{
    static const struct ate_limit often = {"checkpoint-ms", 100};
    struct ate_server_conf conf = {.logs = path_of("logs"),
                                   .port = port,
                                   .any_port = !port,
                                   .no_auth = true,
                                   .limits = &often,
                                   .limit_count = 1};
    expect(ate_server_start(&conf, &server), 0);
    const char *at = strchr(ate_server_address(server) + strlen("tcp://"), ':');
    port = (uint16_t)strtoul(at + 1, NULL, 10);
}

static int begin(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    expect(ate_session_open(path_of("me"), ATE_CREATE, &me), 0);
    ate_hash_text(ate_session_fingerprint(me), root);
    serve();
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate_server_end(server);
    ate_session_close(me);
    return 0;
}

static atomic_uint good, stale;

static void on_checkpoint(void *arg, int result, const char *text, const struct ate_proved *p)
{
    (void)arg;
    if (!result)
        atomic_fetch_add(&good, 1);
    if (result == ATE_STALE) {
        assert_non_null(strstr(text, "/t/"));
        assert_null(p);
        atomic_fetch_add(&stale, 1);
    }
}

static int open_as(const char *name, const char *mirror, uint32_t max_age_s, bool strict,
                   struct ate_chain **ret_chain)
{
    char where[700];
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    struct ate_chain_conf conf = {
        .mirror_dir = mirror,
        .root = root,
        .timeout_ms = 20000,
        .checkpoint = on_checkpoint,
        .max_age_s = max_age_s,
        .max_age_strict = strict,
    };
    snprintf(where, sizeof where, "%.*s/t/%s%s", (int)(hash - all - 1), all, name, hash);
    return ate_chain_open(where, me, ATE_CREATE, &conf, ret_chain);
}

static int put(struct ate_chain *c, const char *name)
{
    struct ate_txn *txn = NULL;
    struct ate_id id;
    int rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_put_as(txn, note, ate_top, name, &(struct note){name}, &id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

static void name_log_key(const char *name)
{
    struct ate_chain *c;
    char *text;
    expect(open_as(name, NULL, 0, false, &c), 0);
    expect(ate_server_log_key(server, &text), 0);
    expect(ate_log_key_add(c, text, NULL), 0);
    ate_free(text);
    ate_chain_close(c);
}

/* --- a server that signs --- */

static void test_signed(void **state)
{
    (void)state;
    name_log_key("signed");
    for (int mirror = 0; mirror < 2; mirror++) {
        struct ate_chain *c;
        struct ate_age age;
        expect(open_as("signed", mirror ? "" : NULL, 60, true, &c), 0);
        assert_true(ate_chain_age(c, &age));
        assert_true(age.known && !age.stale && age.age_ms < 60000 && age.head.size >= 2);
        assert_true(age.signed_ns > 1577836800000000000);
        expect(put(c, mirror ? "m" : "t"), 0);
        expect(ate_chain_sync(c, NULL), 0);
        ate_chain_close(c);
    }
    assert_true(atomic_load(&good) > 0);
    assert_int_equal(atomic_load(&stale), 0);
}

/* --- what cannot be known --- */

/* The owner's log key may sign, and the server's may not. */
static void test_nobody_signs(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct ate_chain *c;
        struct ate_age age;
        expect(open_as("silent", mirror ? "" : NULL, 0, false, &c), 0);
        assert_true(ate_chain_age(c, &age));
        assert_false(age.known);
        c->aging.most_ms = 0;
        while (!ate_chain_age(c, &age) || !age.stale)
            sched_yield();
        (void)ate__aging_look(c); /* nobody expects it to sign: nothing is said */
        assert_int_equal(atomic_load(&stale), 0);
        expect(put(c, mirror ? "m" : "t"), 0);
        c->aging.expected = true;
        (void)ate__aging_look(c);
        (void)ate__aging_look(c);
        assert_int_equal(atomic_exchange(&stale, 0), 1); /* once */
        c->aging.strict = true;
        c->timeout_ms = 10;
        expect(ate__aging_await(c), ATE_STALE);
        assert_non_null(strstr(ate_error(), "cannot be known"));
        expect(put(c, "late"), ATE_STALE);
        ate_chain_close(c);
    }
}

static void test_no_log_key(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate__log_keys keys;
    struct ate_hash own;
    char text[ATE_HASH_TEXT];
    expect(open_as("none", NULL, 0, false, &c), 0);
    expect(ate__proof_log_keys(c, &keys), 0);
    assert_int_equal(keys.count, 1);
    expect(ate__fingerprint(keys.key[0], &own), 0);
    expect(ate_log_key_remove(c, ate_hash_text(own, text), NULL), 0);
    ate__log_keys_deinit(&keys);
    ate_chain_close(c);
    for (int mirror = 0; mirror < 2; mirror++) {
        expect(open_as("none", mirror ? "" : NULL, 60, true, &c), ATE_STALE);
        assert_non_null(strstr(ate_error(), "names no log key"));
    }
}

/* --- a server that stops --- */

static void wait_good(unsigned more_than)
{
    uint64_t until = ate__monotonic_ms(&ate__env_real) + 60000;
    while (atomic_load(&good) <= more_than) {
        assert_true(ate__monotonic_ms(&ate__env_real) < until);
        sched_yield();
    }
}

static void test_it_stops(void **state)
{
    (void)state;
    name_log_key("stops");
    for (int mirror = 0; mirror < 2; mirror++) {
        struct ate_chain *c;
        struct ate_watch *w = NULL;
        struct ate_event event;
        expect(open_as("stops", mirror ? "" : NULL, 60, true, &c), 0);
        if (mirror)
            expect(ate_watch_start(c, NULL, ate_top, 0, ATE_NOW, &w), 0);
        ate_server_end(server);
        c->aging.most_ms = 1000;
        if (mirror)
            expect(ate_watch_next(w, -1, &event), ATE_STALE); /* it is woken for that */
        while (!ate__aging_check(c))
            sched_yield();
        assert_non_null(strstr(ate_error(), "1 s are allowed"));
        expect(put(c, "x"), ATE_STALE);
        assert_true(ate__aging_look(c) > 0);
        assert_int_equal(atomic_exchange(&stale, 0), 1);
        unsigned before = atomic_load(&good);
        serve();
        c->aging.most_ms = 120000;
        wait_good(before);
        expect(put(c, mirror ? "m" : "t"), 0);
        if (mirror)
            expect(ate_watch_next(w, 20000, &event), 0);
        ate_watch_end(w);
        ate_chain_close(c);
    }
}

/* What it signed long ago, by the two clocks, is the first that it shows. */
static void test_doubted(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate__checkpoint old = {.size = 1, .time_s = 1600000000};
    expect(open_as("doubted", NULL, 0, false, &c), 0);
    c->aging.strict = true;
    ate__aging_heard(c, ATE_UNTRUSTED, &old);
    assert_int_equal(c->aging.age.doubted_s, 0);
    ate__aging_heard(c, 0, &old);
    expect(ate__aging_await(c), ATE_STALE);
    assert_non_null(strstr(ate_error(), "one of them is wrong"));
    ate_chain_close(c);
}

static void test_misuse(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate_age age;
    expect(open_as("misuse", NULL, 59, false, &c), ATE_MISUSE);
    expect(open_as("misuse", NULL, UINT32_MAX, true, &c), ATE_MISUSE);
    struct ate_chain_conf conf = {.max_age_strict = true};
    expect(ate_chain_open(path_of("dir"), me, ATE_CREATE, &conf, &c), ATE_MISUSE);
    conf = (struct ate_chain_conf){.reserved_age = {0, 1}};
    expect(ate_chain_open(path_of("dir"), me, ATE_CREATE, &conf, &c), ATE_MISUSE);
    expect(ate_chain_open(path_of("dir"), me, ATE_CREATE, NULL, &c), 0);
    assert_false(ate_chain_age(c, &age));
    expect(put(c, "x"), 0);
    ate_chain_close(c);
    expect(open_as("misuse", NULL, UINT32_MAX, false, &c), 0);
    assert_true(ate_chain_age(c, &age) && !age.stale);
    assert_int_equal(ate__aging_look(c), 0);
    ate_chain_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed),     cmocka_unit_test(test_nobody_signs),
        cmocka_unit_test(test_no_log_key), cmocka_unit_test(test_it_stops),
        cmocka_unit_test(test_doubted),    cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests_name("api/age", tests, begin, end);
}
