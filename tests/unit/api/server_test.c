/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server inside a program, and chains at it: thin, with a mirror, created, refused, remembered.
 */
#include "api/limits.h"
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static char home[4096], address[600];
static struct ate_server *server;

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

static void start(bool no_auth)
{
    struct ate_server_conf conf = {.logs = path_of("logs"), .any_port = true, .no_auth = no_auth};
    expect(ate_server_start(&conf, &server), 0);
}

/* tcp://host:port/PATH#pin=... */
static const char *address_of(const char *path)
{
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    snprintf(address, sizeof address, "%.*s%s%s", (int)(hash - all - 1), all, path, hash);
    return address;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    return 0;
}

static struct ate_session *session(const char *key)
{
    struct ate_session *s;
    expect(ate_session_open(path_of(key), ATE_CREATE, &s), 0);
    return s;
}

static void put(struct ate_chain *c, const char *name, const char *text)
{
    struct ate_txn *txn;
    struct ate_id id;
    struct ate_receipt receipt;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, name, &(struct note){text}, &id), 0);
    expect(ate_txn_commit(txn, &receipt), 0);
    assert_int_equal(receipt.stage, ATE_DURABLE);
    ate_txn_end(txn);
}

static int get(struct ate_chain *c, const char *name, char *text, size_t size)
{
    const struct note *n;
    struct ate_txn *txn;
    struct ate_id id;
    int rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_find(txn, note, ate_top, name, &id, &n);
    if (!rc)
        snprintf(text, size, "%s", n->text);
    ate_txn_end(txn);
    return rc;
}

static void thin_clients_share_a_chain(void **state)
{
    (void)state;
    struct ate_session *me = session("me"), *other = session("other");
    struct ate_chain *a, *b, *c;
    char text[64], whole[700];
    start(true);
    expect(ate_chain_open(address_of("/test/notes"), me, 0, NULL, &a), ATE_NOT_FOUND);
    expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, NULL, &a), 0);
    assert_true(ate_chain_was_created(a));
    put(a, "hello", "world");
    expect(get(a, "hello", text, sizeof text), 0);
    assert_string_equal(text, "world");
    expect(ate_chain_open(address_of("/test/notes"), me, 0, NULL, &b), 0);
    expect(get(b, "hello", text, sizeof text), 0);
    assert_string_equal(text, "world");
    put(b, "hello", "again");
    expect(get(a, "hello", text, sizeof text), 0);
    assert_string_equal(text, "again");
    expect(ate_chain_open(address_of("/test/notes"), other, 0, NULL, &c), ATE_UNTRUSTED);
    snprintf(whole, sizeof whole, "%s", ate_chain_address(a));
    expect(ate_chain_open(whole, other, 0, NULL, &c), 0);
    expect(get(c, "hello", text, sizeof text), ATE_NO_KEY);
    expect(get(c, "guess", text, sizeof text), ATE_NO_KEY);
    ate_chain_close(a);
    ate_chain_close(b);
    ate_chain_close(c);
    ate_server_end(server);
    ate_session_close(me);
    ate_session_close(other);
}

/* Below FULL: there is no outbox on this side of the network, neither of a thin client nor of a
 * mirror; NONE is no more than queued. */
static void scopes_of_remote_chains(void **state)
{
    (void)state;
    struct ate_session *me = session("me");
    struct ate_chain *c[3];
    const char *const dirs[] = {NULL, path_of("mirror"), ""};
    start(true);
    for (unsigned i = 0; i < 3; i++) {
        struct ate_chain_conf conf = {.mirror_dir = dirs[i]};
        struct ate_receipt receipt;
        struct ate_txn *txn;
        char name[8], text[64];
        expect(ate_chain_open(address_of("/test/notes"), me, i ? 0 : ATE_CREATE, &conf, &c[i]), 0);
        expect(ate_txn_begin(c[i], NULL, ATE_SCOPE_LOCAL, &txn), ATE_UNSUPPORTED);
        assert_non_null(strstr(ate_error(), "outbox"));
        expect(ate_txn_begin(c[i], NULL, ATE_SCOPE_NONE, &txn), 0);
        snprintf(name, sizeof name, "%u", i);
        expect(ate_put_as(txn, note, ate_top, name, &(struct note){"none"}, NULL), 0);
        expect(ate_txn_commit(txn, &receipt), 0);
        assert_int_equal(receipt.stage, ATE_QUEUED);
        assert_int_equal(receipt.sequence, 0);
        ate_txn_end(txn);
        expect(ate_chain_sync(c[i], NULL), 0);
        expect(get(c[i], name, text, sizeof text), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        ate_chain_close(c[i]);
    ate_server_end(server);
    ate_session_close(me);
}

static bool is_empty(const char *path)
{
    return !rmdir(path) && !mkdir(path, 0700);
}

/* Where the genesis says already that it is not to be trusted, nothing is fetched; else the
 * history is, which may add the root key that is. */
static void mirrors_of_what_is_not_trusted(void **state)
{
    (void)state;
    struct ate_session *me = session("me"), *other = session("other");
    struct ate_chain *c;
    struct ate_chain_conf conf = {.mirror_dir = path_of("untrusted")};
    char wrong[ATE_HASH_TEXT], named[800];
    start(true);
    expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, NULL, &c), 0);
    ate_chain_close(c);
    ate_hash_text(ate_session_fingerprint(other), wrong);
    snprintf(named, sizeof named, "%s,chain=%s", address_of("/test/notes"), wrong);
    expect(ate_chain_open(address_of("/test/notes"), NULL, 0, &conf, &c), ATE_UNTRUSTED);
    assert_true(is_empty(conf.mirror_dir));
    expect(ate_chain_open(named, me, 0, &conf, &c), ATE_WRONG_CHAIN);
    assert_true(is_empty(conf.mirror_dir));
    expect(ate_chain_open(address_of("/test/notes"), other, 0, &conf, &c), ATE_UNTRUSTED);
    assert_false(is_empty(conf.mirror_dir));
    expect(ate_chain_open(address_of("/test/notes"), me, 0, &conf, &c), 0);
    ate_chain_close(c);
    ate_server_end(server);
    ate_session_close(me);
    ate_session_close(other);
}

static void mirrors_show_what_others_write(void **state)
{
    (void)state;
    struct ate_session *me = session("me");
    struct ate_chain *thin, *mirror, *memory;
    struct ate_watch *w;
    struct ate_event e;
    struct ate_verified v;
    char text[64];
    start(true);
    expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, NULL, &thin), 0);
    put(thin, "a", "1");
    expect(ate_chain_open(address_of("/test/notes"), me, 0,
                          &(struct ate_chain_conf){.mirror_dir = path_of("mirror")}, &mirror),
           0);
    expect(get(mirror, "a", text, sizeof text), 0);
    expect(ate_watch_start(mirror, NULL, ate_top, 0, ATE_NOW, &w), 0);
    put(thin, "b", "2");
    expect(ate_watch_next(w, 20000, &e), 0);
    assert_int_equal(e.change, ATE_CREATED);
    assert_memory_equal(e.name.data, "b", 1);
    ate_watch_end(w);
    put(mirror, "c", "3");
    expect(get(mirror, "c", text, sizeof text), 0);
    expect(get(thin, "c", text, sizeof text), 0);
    ate_chain_close(mirror);
    put(thin, "d", "4");
    expect(ate_chain_open(address_of("/test/notes"), me, 0,
                          &(struct ate_chain_conf){.mirror_dir = path_of("mirror")}, &mirror),
           0);
    expect(get(mirror, "d", text, sizeof text), 0);
    ate_chain_close(mirror);
    expect(ate_chain_open(address_of("/test/notes"), me, 0,
                          &(struct ate_chain_conf){.mirror_dir = ""}, &memory),
           0);
    expect(get(memory, "d", text, sizeof text), 0);
    expect(ate_chain_verify(memory, NULL, NULL, &v), 0);
    assert_int_equal(v.damage.what, ATE_OK);
    assert_int_equal(v.transactions, 5);
    ate_chain_close(memory);
    ate_chain_close(thin);
    ate_server_end(server);
    ate_session_close(me);
}

static void a_server_of_a_later_version(void **state)
{
    (void)state;
    struct ate_server *s;
    struct ate_server_conf conf = {
        .logs = path_of("later"), .any_port = true, .reserved = {[5] = 1}};
    expect(ate_server_start(&conf, &s), ATE_MISUSE);
    assert_int_not_equal(access(path_of("later"), F_OK), 0);
}

static void a_server_that_creates_nothing_says_so(void **state)
{
    (void)state;
    struct ate_session *me = session("me");
    struct ate_chain *c;
    start(false);
    expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, NULL, &c), ATE_DENIED);
    ate_server_end(server);
    ate_session_close(me);
}

static void commits_go_on_after_a_restart(void **state)
{
    (void)state;
    struct ate_session *me = session("me");
    struct ate_chain *c;
    char text[64], first[600];
    start(true);
    expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, NULL, &c), 0);
    put(c, "a", "1");
    snprintf(first, sizeof first, "%s", ate_server_address(server));
    unsigned port = (unsigned)strtoul(strrchr(first, ':') + 1, NULL, 10);
    ate_server_end(server);
    struct ate_server_conf conf = {
        .logs = path_of("logs"), .port = (uint16_t)port, .no_auth = true};
    expect(ate_server_start(&conf, &server), 0);
    assert_string_equal(first, ate_server_address(server)); /* the pin survives */
    put(c, "b", "2");
    expect(get(c, "a", text, sizeof text), 0);
    ate_chain_close(c);
    ate_server_end(server);
    ate_session_close(me);
}

/* ---- in a loop ---- */

struct admission {
    struct ate_hash root;
    unsigned asked;
    int last; /* of the call that came last */
    unsigned done;
};

static int admit(void *arg, const char *chain, struct ate_hash root)
{
    struct admission *a = arg;
    a->asked++;
    assert_string_equal(chain + strlen(chain) - strlen("/notes"), "/notes");
    return memcmp(&root, &a->root, sizeof root) ? ATE_NO_ACCESS : 0;
}

static void on_done(void *arg, int result)
{
    struct admission *a = arg;
    a->last = result;
    a->done++;
}

static void run_until(struct ate_loop *loop, const struct admission *a, unsigned done)
{
    while (a->done < done)
        expect(ate_loop_run(loop, 20000), 0);
    assert_int_equal(a->done, done);
}

/* Who may create is asked in the program's own loop, in which it opens as well. */
static void a_program_admits_chains(void **state)
{
    (void)state;
    struct ate_session *me = session("me"), *other = session("other");
    struct ate_chain *mine = NULL, *none = NULL;
    struct ate_loop *loop;
    struct ate_receipt receipt = {0};
    struct admission a = {.root = ate_session_fingerprint(me)};
    expect(ate_loop_new(&loop), 0);
    struct ate_server_conf conf = {
        .logs = path_of("logs"), .any_port = true, .admit = admit, .admit_arg = &a, .loop = loop};
    expect(ate_server_start(&conf, &server), 0);
    expect(ate_chain_open_async(address_of("/my/notes"), me, ATE_CREATE, NULL, &mine, loop, on_done,
                                &a),
           0);
    run_until(loop, &a, 1);
    expect(a.last, 0);
    assert_true(ate_chain_was_created(mine));
    expect(ate_chain_open_async(address_of("/other/notes"), other, ATE_CREATE, NULL, &none, loop,
                                on_done, &a),
           0);
    run_until(loop, &a, 2);
    assert_int_equal(a.last, ATE_NO_ACCESS);
    assert_null(none);
    assert_int_equal(a.asked, 2);
    put(mine, "a", "1");
    expect(ate_chain_sync_async(mine, &receipt, loop, on_done, &a), 0);
    run_until(loop, &a, 3);
    expect(a.last, 0);
    assert_int_equal(receipt.sequence, 1);
    expect(ate_outcome_async(mine, (struct ate_txn_id){.number = 7}, &receipt, loop, on_done, &a),
           0);
    run_until(loop, &a, 4);
    assert_int_equal(a.last, ATE_NOT_FOUND);
    ate_chain_close(mine);
    ate_server_end(server);
    ate_loop_free(loop);
    ate_session_close(me);
    ate_session_close(other);
}

/* Each has a thread while it waits for a server that is not there. */
static void opens_under_way_have_a_limit(void **state)
{
    (void)state;
    struct ate_session *me = session("me");
    struct ate_chain *none = NULL;
    struct ate_loop *loop;
    struct admission a = {.done = 0};
    unsigned begun = 0;
    char away[600];
    start(true);
    snprintf(away, sizeof away, "%s", address_of("/test/notes"));
    ate_server_end(server);
    expect(ate_loop_new(&loop), 0);
    while (!ate_chain_open_async(away, me, 0, NULL, &none, loop, on_done, &a))
        begun++;
    assert_non_null(strstr(ate_error(), "under way"));
    assert_in_range(begun, ATE__WAITERS_MAX, 4 * ATE__WAITERS_MAX); /* some are through already */
    run_until(loop, &a, begun);
    assert_int_equal(a.last, ATE_OFFLINE);
    assert_null(none);
    expect(ate_chain_open_async(away, me, 0, NULL, &none, loop, on_done, &a), 0);
    run_until(loop, &a, begun + 1);
    ate_loop_free(loop);
    ate_session_close(me);
}

/* They wait for a server that is not there, and cost no thread; closing the chain ends them. */
static void asks_under_way_have_no_thread(void **state)
{
    (void)state;
    enum { ASKS = 4 * ATE__WAITERS_MAX };
    struct ate_session *me = session("me");
    for (unsigned mirror = 0; mirror < 2; mirror++) {
        struct ate_chain_conf conf = {.mirror_dir = mirror ? "" : NULL};
        struct ate_receipt receipt = {0};
        struct admission a = {.done = 0};
        struct ate_chain *c = NULL;
        struct ate_loop *loop;
        start(true);
        expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, &conf, &c), 0);
        expect(ate_loop_new(&loop), 0);
        expect(ate_chain_sync_async(c, &receipt, loop, on_done, &a), 0);
        run_until(loop, &a, 1);
        expect(a.last, 0);
        ate_server_end(server);
        for (unsigned i = 0; i < ASKS; i++) {
            if (i % 2)
                expect(ate_chain_sync_async(c, NULL, loop, on_done, &a), 0);
            else
                expect(ate_outcome_async(c, (struct ate_txn_id){.number = i}, &receipt, loop,
                                         on_done, &a),
                       0);
        }
        expect(ate_loop_run(loop, 0), ATE_TIMEOUT);
        ate_chain_close(c);
        run_until(loop, &a, 1 + ASKS);
        assert_int_equal(a.last, ATE_CANCELED);
        ate_loop_free(loop);
    }
    ate_session_close(me);
}

/* Without a mirror there is no history here, and the headers say so. */
static void a_thin_chain_has_no_history(void **state)
{
    (void)state;
    struct ate_session *me = session("me");
    struct ate_chain *c;
    struct ate_history *h;
    struct ate_history_txn txn;
    struct ate_watch *w;
    struct ate_verified v;
    start(true);
    expect(ate_chain_open(address_of("/test/notes"), me, ATE_CREATE, NULL, &c), 0);
    expect(ate_history_start(c, NULL, 0, &h), 0);
    assert_int_equal(ate_history_next(h, &txn), ATE_UNSUPPORTED);
    ate_history_end(h);
    assert_int_equal(ate_watch_start(c, NULL, ate_top, 0, 0, &w), ATE_UNSUPPORTED);
    assert_int_equal(ate_chain_verify(c, NULL, NULL, &v), ATE_UNSUPPORTED);
    ate_chain_close(c);
    ate_server_end(server);
    ate_session_close(me);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(thin_clients_share_a_chain, set_up),
        cmocka_unit_test_setup(scopes_of_remote_chains, set_up),
        cmocka_unit_test_setup(mirrors_of_what_is_not_trusted, set_up),
        cmocka_unit_test_setup(mirrors_show_what_others_write, set_up),
        cmocka_unit_test_setup(a_server_of_a_later_version, set_up),
        cmocka_unit_test_setup(a_server_that_creates_nothing_says_so, set_up),
        cmocka_unit_test_setup(commits_go_on_after_a_restart, set_up),
        cmocka_unit_test_setup(a_program_admits_chains, set_up),
        cmocka_unit_test_setup(opens_under_way_have_a_limit, set_up),
        cmocka_unit_test_setup(asks_under_way_have_no_thread, set_up),
        cmocka_unit_test_setup(a_thin_chain_has_no_history, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
