/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Destroying a chain through the public interface, and what its place is then. */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

static char home[4000], place[4100], copy[4100];
static struct ate_session *me, *other;

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate_result_name(rc), ate_error());
    assert_int_equal(rc, expected);
}

static int set_up(void **state)
{
    char key[4100];
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    snprintf(place, sizeof place, "%s/notes", home);
    snprintf(copy, sizeof copy, "%s/copy", home);
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    snprintf(key, sizeof key, "%s/key", home);
    expect(ate_session_open(key, ATE_CREATE, &me), 0);
    snprintf(key, sizeof key, "%s/other", home);
    expect(ate_session_open(key, ATE_CREATE, &other), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate_session_close(me);
    ate_session_close(other);
    return 0;
}

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static void put(struct ate_chain *c, const char *text)
{
    struct ate_txn *txn;
    struct ate_id id;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, text, &(struct note){text}, &id), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
}

static void destroy(void **state)
{
    (void)state;
    struct ate_destroy_conf conf = {.name = "/notes"};
    struct ate_destroyed_chain d = {.time_ns = 77};
    struct ate_backed_up done;
    struct ate_chain *c;
    expect(ate_chain_open(place, me, ATE_CREATE, NULL, &c), 0);
    struct ate_hash id = ate_chain_id(c);
    expect(ate_backup(c, copy, NULL, &done), 0);
    put(c, "newer than the copy");
    expect(ate_chain_destroy(place, me, &conf, &d), ATE_IN_USE);
    ate_chain_close(c);
    expect(ate_chain_destroy("", me, &conf, &d), ATE_MISUSE);
    expect(ate_chain_destroy(home, me, &conf, &d), ATE_NOT_FOUND);
    expect(ate_chain_destroy("tcp://127.0.0.1:1/", me, &conf, &d), ATE_MALFORMED);
    expect(ate_chain_destroy("@work", me, &conf, &d), ATE_NOT_FOUND);
    expect(ate_chain_destroy(place, NULL, &conf, &d), ATE_NO_KEY);
    expect(ate_chain_destroy(place, other, &conf, &d), ATE_DENIED);
    assert_true(d.time_ns == 77); /* written on success only */
    conf.name = "notes";
    expect(ate_chain_destroy(place, me, &conf, &d), ATE_DENIED);
    conf.root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    expect(ate_chain_destroy(place, me, &conf, &d), ATE_WRONG_CHAIN);
    conf.root = NULL;
    expect(ate_chain_destroy(place, me, NULL, &d), 0);
    assert_string_equal(d.name, "/notes");
    assert_true(!d.time_ns && d.head.size == 2 && !memcmp(&d.chain_id, &id, sizeof id));
    conf.name = d.name;
    expect(ate_chain_destroy(place, me, &conf, &d), 0);
    assert_true(d.time_ns > 0 && !d.resumed);
    expect(ate_chain_open(place, me, 0, NULL, &c), ATE_NOT_FOUND);
    assert_non_null(strstr(ate_error(), "destroyed by its owner"));
    assert_null(strstr(ate_error(), "makes one"));
    expect(ate_chain_open(place, me, ATE_CREATE, NULL, &c), ATE_DENIED);
    expect(ate_chain_destroy(place, me, &conf, &d), ATE_NOT_FOUND);
    /* nor by a backup */
    expect(ate_chain_open(copy, me, ATE_READ, NULL, &c), 0);
    expect(ate_restore(c, place, NULL, &done), ATE_DENIED);
    expect(ate_backup(c, place, NULL, &done), ATE_DENIED);
    char file[4200];
    snprintf(file, sizeof file, "%s/,destroyed", place);
    assert_int_equal(remove(file), 0);
    expect(ate_restore(c, place, NULL, &done), 0);
    ate_chain_close(c);
    /* The newer head that was seen there is forgotten: the backup is all there is. */
    expect(ate_chain_open(place, me, 0, NULL, &c), 0);
    ate_chain_close(c);
}

static struct ate_server *start(bool allow)
{
    struct ate_server_conf conf = {.any_port = true, .no_auth = true, .allow_destroy = allow};
    struct ate_server *s;
    conf.logs = home;
    expect(ate_server_start(&conf, &s), 0);
    return s;
}

static char where[1000]; /* of the chain /far */

static void find_address(const struct ate_server *s)
{
    const char *address = ate_server_address(s), *items = strchr(address, '#');
    snprintf(where, sizeof where, "%.*sfar%s", (int)(items - address), address, items);
}

/* One that watches it is told, and whoever opens it; what is remembered of it stays. */
static void at_server(void **state)
{
    (void)state;
    struct ate_server *s = start(false);
    struct ate_destroy_conf conf = {.name = "/far"};
    struct ate_chain_conf mirrored = {.mirror_dir = ""};
    struct ate_destroyed_chain d = {.time_ns = 77};
    struct ate_chain *c, *mirror;
    struct ate_watch *watch;
    struct ate_event event;
    char file[4200];
    find_address(s);
    expect(ate_chain_open(where, me, ATE_CREATE, NULL, &c), 0);
    put(c, "one");
    ate_chain_close(c);
    expect(ate_chain_destroy(where, me, &conf, &d), ATE_DENIED);
    assert_non_null(strstr(ate_error(), "--allow-destroy"));
    assert_true(d.time_ns == 77);
    ate_server_end(s);
    s = start(true);
    find_address(s);
    expect(ate_chain_destroy(where, NULL, &conf, &d), ATE_UNTRUSTED);
    expect(ate_chain_destroy(where, other, &conf, &d), ATE_UNTRUSTED);
    conf.name = "far";
    expect(ate_chain_destroy(where, me, &conf, &d), ATE_DENIED);
    expect(ate_chain_destroy(where, me, NULL, &d), 0);
    assert_true(!d.time_ns && d.head.size == 2 && !strcmp(d.name, "/far"));
    expect(ate_chain_open(where, me, 0, &mirrored, &mirror), 0);
    expect(ate_watch_start(mirror, NULL, ate_top, ATE_TREE, 0, &watch), 0);
    conf.name = "/far";
    expect(ate_chain_destroy(where, me, &conf, &d), 0);
    assert_true(d.time_ns > 0 && d.head.size == 2 && !d.resumed);
    expect(ate_watch_next(watch, 20000, &event), 0); /* what came before is shown */
    expect(ate_watch_next(watch, 20000, &event), ATE_NOT_FOUND);
    expect(ate_watch_next(watch, 0, &event), ATE_NOT_FOUND);
    assert_non_null(strstr(ate_error(), "its owner destroyed this chain"));
    ate_watch_end(watch);
    ate_chain_close(mirror);
    expect(ate_chain_destroy(where, me, &conf, &d), ATE_NOT_FOUND);
    expect(ate_chain_open(where, me, 0, NULL, &c), ATE_NOT_FOUND);
    expect(ate_chain_open(where, me, ATE_CREATE, NULL, &c), ATE_DENIED);
    snprintf(file, sizeof file, "%s/far/,destroyed", home);
    assert_int_equal(remove(file), 0);
    expect(ate_chain_open(where, me, 0, NULL, &c), ATE_ROLLED_BACK);
    expect(ate_chain_open(where, me, ATE_CREATE, NULL, &c), ATE_ROLLED_BACK);
    ate_server_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(destroy), cmocka_unit_test(at_server)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
