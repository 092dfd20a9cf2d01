/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Roles by key alone: what each can do and what it cannot, on a chain in a directory, as a thin
 * client and with a mirror. And epochs in all three: for who writes meanwhile, for who was removed,
 * and behind a compaction.
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdlib.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

enum role { OWNER, READER, WRITER, SEALED_WRITER, AUDITOR, ADMIN, ROLES };
enum way { DIRECTORY, THIN, MIRROR, WAYS };
static const char *const role_names[ROLES] = {"owner",         "reader",  "writer",
                                              "sealed writer", "auditor", "admin"};

static char home[4096];
static struct ate_server *server;
static struct ate_session *session[ROLES];
static struct ate_hash key[ROLES];
static struct ate_chain *chain[ROLES]; /* in a directory: the same for all */
static struct ate_id box, letter;
static enum way way;

static void expect_(int rc, int expected, int line)
{
    if (rc != expected)
        fail_msg("line %d: %s instead of %s: %s", line, ate_result_name(rc),
                 ate_result_name((enum ate_result)expected), ate_error());
}
#define expect(rc, expected) expect_(rc, expected, __LINE__)

static const char *path_of(const char *name)
{
    static char paths[8][4200];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", home, name);
    return p;
}

/* ---- the chain ---- */

static void make_keys(void)
{
    for (unsigned i = 0; i < ROLES; i++) {
        const char *file = path_of(role_names[i]);
        expect(ate_key_create(file, role_names[i], &key[i]), 0);
        expect(ate_session_open(file, 0, &session[i]), 0);
    }
}

/* The owner knows the others' public keys; only now, or they would read the top. */
static void introduce(void)
{
    for (unsigned i = 1; i < ROLES; i++) {
        char *text, name[64];
        expect(ate_key_public_text(path_of(role_names[i]), &text), 0);
        snprintf(name, sizeof name, "%s.pub", role_names[i]);
        FILE *f = fopen(path_of(name), "w");
        assert_true(f && fputs(text, f) >= 0 && !fclose(f));
        ate_free(text);
        for (unsigned n = 0; n < ROLES; n++)
            expect(ate_session_add_key(session[n], path_of(name)), 0);
    }
}

static void open_all(void)
{
    if (way == DIRECTORY) {
        expect(ate_chain_open(path_of("chain"), session[OWNER], ATE_CREATE, NULL, &chain[OWNER]),
               0);
        for (unsigned i = 1; i < ROLES; i++)
            chain[i] = chain[OWNER];
        return;
    }
    struct ate_server_conf conf = {.logs = path_of("logs"), .any_port = true, .no_auth = true};
    char address[700];
    expect(ate_server_start(&conf, &server), 0);
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    snprintf(address, sizeof address, "%.*s/test/roles%s", (int)(hash - all - 1), all, hash);
    for (unsigned i = 0; i < ROLES; i++) {
        char dir[64];
        snprintf(dir, sizeof dir, "mirror %u", i);
        struct ate_chain_conf c = {.mirror_dir = way == MIRROR ? path_of(dir) : NULL};
        const char *to = i ? ate_chain_address(chain[OWNER]) : address;
        expect(ate_chain_open(to, session[i], i ? 0 : ATE_CREATE, &c, &chain[i]), 0);
    }
}

static void begin(enum way how)
{
    way = how;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    make_keys();
    open_all();
    introduce();
}

static void end(void)
{
    for (unsigned i = 0; i < (way == DIRECTORY ? 1 : ROLES); i++)
        ate_chain_close(chain[i]);
    if (way != DIRECTORY)
        ate_server_end(server);
    for (unsigned i = 0; i < ROLES; i++)
        ate_session_close(session[i]);
}

static struct ate_txn *begin_as(enum role role)
{
    struct ate_txn *t;
    expect(ate_chain_sync(chain[role], NULL), 0);
    expect(ate_txn_begin(chain[role], session[role], 0, &t), 0);
    return t;
}

static struct ate_rule rule_of(struct ate_hash *keys, const enum role *roles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        keys[i] = key[roles[i]];
    return (struct ate_rule){ATE_KEYS, keys, count};
}

/* A box with a letter in it, for each role what it is. */
static void make_box(void)
{
    struct ate_hash keys[4][3];
    struct ate_rules rules = {
        .read = rule_of(keys[0], (enum role[]){OWNER, READER, WRITER}, 3),
        .write = rule_of(keys[1], (enum role[]){OWNER, WRITER}, 2),
        .append = rule_of(keys[2], (enum role[]){OWNER, WRITER, SEALED_WRITER}, 3),
        .admin = rule_of(keys[3], (enum role[]){OWNER, ADMIN}, 2),
    };
    struct ate_txn *t = begin_as(OWNER);
    expect(ate_push(t, note, ate_top, &(struct note){"box"}, &box), 0);
    expect(ate_protect(t, box, &rules), 0);
    expect(ate_put_as(t, note, box, "letter", &(struct note){"sealed"}, &letter), 0);
    expect(ate_txn_commit(t, NULL), 0);
    ate_txn_end(t);
}

/* ---- what each tries ---- */

static int set_read(struct ate_txn *t, const enum role *roles, size_t count)
{
    struct ate_rules rules;
    struct ate_hash keys[ROLES];
    int rc = ate_protection(t, box, &rules);
    rules.read = rule_of(keys, roles, count);
    return rc ? rc : ate_protect(t, box, &rules);
}

static int act_read(struct ate_txn *t)
{
    const struct note *n;
    return ate_load(t, note, letter, &n);
}
static int act_find(struct ate_txn *t)
{
    const struct note *n;
    struct ate_id id;
    return ate_find(t, note, box, "letter", &id, &n);
}
static int act_change(struct ate_txn *t)
{
    return ate_put(t, note, letter, &(struct note){"changed"});
}
static int act_create(struct ate_txn *t)
{
    return ate_push(t, note, box, &(struct note){"another"}, NULL);
}
static int act_create_named(struct ate_txn *t)
{
    return ate_put_as(t, note, box, "another", &(struct note){"another"}, NULL);
}
static int act_rename(struct ate_txn *t)
{
    return ate_move(t, letter, box, "renamed");
}
static int act_take_out(struct ate_txn *t)
{
    return ate_move(t, letter, ate_top, NULL);
}
static int act_create_at_top(struct ate_txn *t)
{
    return ate_push(t, note, ate_top, &(struct note){"elsewhere"}, NULL);
}
static int act_delete(struct ate_txn *t)
{
    return ate_delete(t, letter, 0);
}
static int act_who_writes(struct ate_txn *t)
{
    struct ate_rules rules;
    int rc = ate_protection(t, box, &rules);
    rules.write = rules.admin;
    return rc ? rc : ate_protect(t, box, &rules);
}
static int act_let_in(struct ate_txn *t)
{
    return set_read(t, (enum role[]){OWNER, READER, WRITER, AUDITOR}, 4);
}
static int act_take_away(struct ate_txn *t)
{
    return set_read(t, (enum role[]){OWNER, WRITER}, 2);
}
static int act_rotate(struct ate_txn *t)
{
    return ate_rotate(t, box);
}
static int act_publish(struct ate_txn *t)
{
    return ate_publish(t, box);
}

/* Whatever keeps it: the call or the commit. */
static int try(enum role role, int (*act)(struct ate_txn *t))
{
    struct ate_txn *t = begin_as(role);
    int rc = act(t);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    ate_txn_end(t);
    return rc;
}

static const struct row {
    const char *what;
    int (*act)(struct ate_txn *t);
    int expected[ROLES]; /* owner, reader, writer, sealed writer, auditor, admin */
} rows[] = {
#define NK ATE_NO_KEY
#define DN ATE_DENIED
    {"reads", act_read, {0, 0, 0, NK, NK, NK}},
    {"finds by name", act_find, {0, 0, 0, NK, NK, NK}},
    {"changes", act_change, {0, DN, 0, NK, NK, NK}},
    {"creates", act_create, {0, DN, 0, 0, DN, DN}},
    {"creates by name", act_create_named, {0, DN, 0, NK, NK, NK}},
    {"creates elsewhere", act_create_at_top, {0, DN, DN, DN, DN, DN}},
    {"renames", act_rename, {0, DN, 0, NK, NK, NK}},
    {"takes out", act_take_out, {0, NK, NK, NK, NK, NK}}, /* of the others nobody reads there */
    {"deletes", act_delete, {0, DN, 0, DN, DN, DN}},
    {"says who writes", act_who_writes, {0, DN, DN, DN, DN, 0}},
    {"lets a reader in", act_let_in, {0, DN, DN, NK, NK, NK}},
    {"takes one away", act_take_away, {0, DN, DN, NK, NK, NK}},
    {"begins an epoch", act_rotate, {0, DN, DN, NK, NK, NK}},
    {"publishes", act_publish, {0, DN, DN, NK, NK, NK}},
#undef NK
#undef DN
};

static void each_role(enum way how)
{
    begin(how);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned role = 0; role < ROLES; role++) {
            make_box();
            int rc = try((enum role)role, rows[i].act);
            if (rc != rows[i].expected[role])
                fail_msg("the %s %s: %s instead of %s: %s", role_names[role], rows[i].what,
                         ate_result_name((enum ate_result)rc),
                         ate_result_name((enum ate_result)rows[i].expected[role]), ate_error());
        }
    end();
}

/* Offices of the whole chain: the owner's alone; but each ends his own key. */
static void offices_of(enum way how)
{
    begin(how);
    make_box();
    for (unsigned role = READER; role < ROLES; role++) {
        expect(ate_chain_sync(chain[role], NULL), 0);
        if (how == DIRECTORY) /* the chain acts with its owner's session */
            break;
        expect(ate_revoke(chain[role], key[OWNER], NULL), ATE_DENIED);
        expect(ate_root_add(chain[role], key[role], NULL), ATE_DENIED);
        expect(ate_root_remove(chain[role], key[OWNER], NULL), ATE_DENIED);
    }
    if (how == DIRECTORY) /* whom a rule alone names */
        expect(ate_revoke(chain[OWNER], key[SEALED_WRITER], NULL), 0);
    else
        expect(ate_revoke(chain[SEALED_WRITER], key[SEALED_WRITER], NULL), 0);
    expect(try(SEALED_WRITER, act_create), ATE_DENIED);
    expect(try(WRITER, act_create), 0);
    end();
}

static void offices(void **state)
{
    (void)state;
    for (unsigned how = 0; how < WAYS; how++)
        offices_of((enum way)how);
}

static void in_a_directory(void **state)
{
    (void)state;
    each_role(DIRECTORY);
}

static void thin(void **state)
{
    (void)state;
    each_role(THIN);
}

static void with_a_mirror(void **state)
{
    (void)state;
    each_role(MIRROR);
}

/* An auditor, who opens nothing, sees who did what to which object, and that all of it holds. */
static void the_auditor_sees_who(void **state)
{
    (void)state;
    struct ate_verified verified;
    struct ate_object o;
    begin(MIRROR);
    make_box();
    expect(try(WRITER, act_change), 0);
    struct ate_txn *t = begin_as(AUDITOR);
    expect(ate_load_raw(t, letter, ATE_AUTHORS, &o), 0);
    assert_false(o.readable);
    assert_int_equal(o.payload.size, 0);
    assert_int_equal(o.author_count, 1);
    assert_memory_equal(&o.authors[0], &key[WRITER], sizeof key[WRITER]);
    ate_txn_end(t);
    expect(ate_chain_verify(chain[AUDITOR], NULL, NULL, &verified), 0);
    end();
}

/* ---- epochs at a server ---- */

static void expect_letter(enum role role, const char *text, int result)
{
    const struct note *n = NULL;
    struct ate_txn *t = begin_as(role);
    expect(ate_load(t, note, letter, &n), result);
    if (!result)
        assert_string_equal(n->text, text);
    ate_txn_end(t);
}

static void commit_done(void *arg, int rc)
{
    *(int *)arg = rc;
}

/* The letter becomes `text` in a commit that nobody waits for, under an epoch that is over. */
static struct ate_txn *commit_late(const char *text, struct ate_loop **ret_loop, int *ret_result)
{
    *ret_result = -1;
    expect(ate_loop_new(ret_loop), 0);
    struct ate_txn *t = begin_as(WRITER);
    expect(ate_put(t, note, letter, &(struct note){text}), 0);
    expect(try(OWNER, act_rotate), 0);
    expect(ate_txn_commit_async(t, NULL, *ret_loop, commit_done, ret_result), 0);
    return t;
}

static void await(struct ate_loop *take_loop, const int *result)
{
    while (*result == -1)
        expect(ate_loop_run(take_loop, 10000), 0);
    ate_loop_free(take_loop);
}

/* A writer's commit that was sealed for the epoch before. */
static void an_epoch_turns_meanwhile(void **state)
{
    (void)state;
    for (unsigned how = 0; how < WAYS; how++) {
        begin((enum way)how);
        make_box();
        struct ate_txn *t = begin_as(WRITER);
        expect(ate_put(t, note, letter, &(struct note){"for who stays"}), 0);
        expect(try(OWNER, act_take_away), 0); /* the reader goes */
        expect(ate_txn_commit(t, NULL), 0);
        ate_txn_end(t);
        expect_letter(OWNER, "for who stays", 0);
        expect_letter(READER, NULL, ATE_NO_KEY);
        /* The same without waiting. */
        struct ate_loop *loop;
        int result;
        t = commit_late("once more", &loop, &result);
        await(loop, &result);
        expect(result, 0);
        ate_txn_end(t);
        expect_letter(OWNER, "once more", 0);
        /* A sealed writer, and what it wrote. */
        expect(try(SEALED_WRITER, act_create), 0);
        /* The readers are listed, with their labels, to who reads. */
        for (unsigned role = 0; role < ROLES; role++) {
            struct ate_scope scope;
            t = begin_as((enum role)role);
            expect(ate_readers(t, letter, &scope), 0);
            assert_true(scope.is_private && scope.epoch == 2 && scope.reader_count == 2);
            for (size_t i = 0; i < 2; i++) {
                bool reads = role == OWNER || role == WRITER;
                bool owner = !memcmp(&scope.readers[i].fingerprint, &key[OWNER], sizeof *key);
                assert_string_equal(scope.readers[i].label,
                                    reads ? role_names[owner ? OWNER : WRITER] : "");
            }
            ate_txn_end(t);
        }
        end();
    }
}

/* The same of one whose owner has ended it before the answer came: it is not made again. */
static void ended_before_it_is_renewed(void **state)
{
    (void)state;
    for (unsigned how = 0; how < WAYS; how++) {
        struct ate_loop *loop;
        int result;
        begin((enum way)how);
        make_box();
        ate_txn_end(commit_late("ended", &loop, &result));
        await(loop, &result);
        assert_true(result == ATE_STALE_KEY || !result);
        expect_letter(OWNER, result ? "sealed" : "ended", 0);
        end();
    }
}

/* Rotations all the while: a commit is made anew as often as it takes, up to a limit. */
static void rotated_all_the_while(void **state)
{
    (void)state;
    for (unsigned how = 0; how < WAYS; how++) {
        struct ate_loop *loop;
        int result;
        begin((enum way)how);
        make_box();
        struct ate_txn *t = commit_late("at last", &loop, &result);
        for (unsigned i = 0; i < 3; i++) {
            expect(try(OWNER, act_rotate), 0);
            expect(result == -1 ? ate_loop_run(loop, 10000) : 0, 0);
        }
        await(loop, &result);
        expect(result, 0);
        ate_txn_end(t);
        expect_letter(OWNER, "at last", 0);
        end();
    }
}

/* ---- two who administer and read ---- */

enum { ROTATIONS = 12 };
struct rotator {
    enum role role;
    unsigned won, lost;
    int result; /* that no one expects */
};

/* One who comes late makes it anew on what is there by then. */
static void *rotate_often(void *arg)
{
    struct rotator *r = arg;
    while (r->won < ROTATIONS && !r->result) {
        struct ate_txn *t;
        int rc = ate_txn_begin(chain[r->role], session[r->role], 0, &t);
        if (!rc)
            rc = ate_rotate(t, box);
        if (!rc)
            rc = ate_put(t, note, letter, &(struct note){role_names[r->role]});
        if (!rc)
            rc = ate_txn_commit(t, NULL);
        if (!rc)
            r->won++;
        else if (rc == ATE_CONFLICT || rc == ATE_STALE_KEY)
            r->lost++;
        else
            r->result = rc;
        ate_txn_end(t);
        if (rc && !r->result)
            (void)!ate_chain_sync(chain[r->role], NULL);
    }
    return NULL;
}

/* Each epoch has one author: who loses is told so and begins the next one; nobody is locked out,
 * and nothing that was written is lost. */
static void two_who_rotate(void **state)
{
    (void)state;
    for (unsigned how = 0; how < WAYS; how++) {
        struct ate_hash keys[2];
        struct rotator r[2] = {{.role = OWNER}, {.role = WRITER}};
        struct ate_rules rules;
        pthread_t thread;
        struct ate_scope scope;
        begin((enum way)how);
        make_box();
        struct ate_txn *t = begin_as(OWNER);
        expect(ate_protection(t, box, &rules), 0);
        rules.admin = rule_of(keys, (enum role[]){OWNER, WRITER}, 2);
        expect(ate_protect(t, box, &rules), 0);
        expect(ate_txn_commit(t, NULL), 0);
        ate_txn_end(t);
        expect(ate_chain_sync(chain[WRITER], NULL), 0);
        assert_int_equal(pthread_create(&thread, NULL, rotate_often, &r[1]), 0);
        rotate_often(&r[0]);
        assert_int_equal(pthread_join(thread, NULL), 0);
        print_message("%u: %u and %u came late\n", how, r[0].lost, r[1].lost);
        expect(r[0].result, 0);
        expect(r[1].result, 0);
        for (enum role role = OWNER; role <= WRITER; role++) {
            t = begin_as(role);
            expect(ate_readers(t, box, &scope), 0);
            assert_int_equal(scope.epoch, 2 * ROTATIONS);
            assert_int_equal(scope.reader_count, 3);
            expect(act_read(t), 0);
            expect(act_find(t), 0);
            ate_txn_end(t);
        }
        expect(try(WRITER, act_change), 0);
        expect_letter(READER, "changed", 0);
        end();
    }
}

/* ---- sealed anew ---- */

/* From afar as in a directory: batches, names, and who reads it then. */
static void sealed_anew(void **state)
{
    (void)state;
    for (unsigned how = 0; how < WAYS; how++) {
        struct ate_resealed done;
        struct ate_rules rules;
        begin((enum way)how);
        make_box();
        struct ate_txn *t = begin_as(OWNER);
        expect(ate_protection(t, box, &rules), 0);
        rules.read = (struct ate_rule){.who = ATE_EVERYONE};
        expect(ate_protect_only(t, box, &rules), 0);
        expect(ate_txn_commit(t, NULL), 0);
        ate_txn_end(t);
        expect_letter(READER, "sealed", 0);
        expect_letter(AUDITOR, NULL, ATE_NO_KEY);
        t = begin_as(WRITER);
        expect(ate_reseal(t, box, NULL, NULL, &done), 0);
        ate_txn_end(t);
        assert_true(done.seen == 2 && done.resealed == 2 && done.left == 0);
        expect_letter(AUDITOR, "sealed", 0);
        expect(try(AUDITOR, act_find), 0);
        expect(try(READER, act_find), 0);
        end();
    }
}

/* ---- compacted ---- */

/* What is left of a scope that had many epochs still opens: to who came last, and what was written
 * first; and what was written without reading. */
static void epochs_survive_compaction(void **state)
{
    (void)state;
    struct ate_compact_conf conf = {.deep = true, .cut_off = ATE_CUT_OFF_NEWEST, .gain_percent = 1};
    struct ate_compacted done;
    struct ate_id drop;
    begin(DIRECTORY);
    make_box();
    struct ate_txn *t = begin_as(SEALED_WRITER);
    expect(ate_push(t, note, box, &(struct note){"dropped"}, &drop), 0);
    expect(ate_txn_commit(t, NULL), 0);
    ate_txn_end(t);
    expect(try(OWNER, act_take_away), 0); /* the reader goes */
    for (unsigned i = 0; i < 20; i++) {
        t = begin_as(WRITER);
        expect(ate_put_as(t, note, box, "other", &(struct note){"again"}, NULL), 0);
        expect(ate_txn_commit(t, NULL), 0);
        ate_txn_end(t);
        if (i % 5 == 4)
            expect(try(OWNER, act_rotate), 0);
    }
    expect(try(OWNER, act_let_in), 0); /* the auditor comes */
    for (unsigned deep = 0; deep < 2; deep++) {
        conf.deep = deep;
        expect(ate_chain_compact(chain[OWNER], &conf, &done), 0);
        ate_chain_close(chain[OWNER]);
        expect(ate_chain_open(path_of("chain"), session[OWNER], 0, NULL, &chain[OWNER]), 0);
        for (unsigned i = 1; i < ROLES; i++)
            chain[i] = chain[OWNER];
        for (unsigned i = 0; i < ROLES; i++) { /* who remembers nothing */
            ate_session_close(session[i]);
            expect(ate_session_open(path_of(role_names[i]), 0, &session[i]), 0);
        }
        for (unsigned role = 0; role < ROLES; role++) {
            bool reads = role != SEALED_WRITER && role != ADMIN;
            const struct note *n = NULL;
            t = begin_as((enum role)role);
            expect(ate_load(t, note, letter, &n), reads ? 0 : ATE_NO_KEY);
            expect(ate_load(t, note, drop, &n), reads ? 0 : ATE_NO_KEY);
            if (reads)
                assert_string_equal(n->text, "dropped");
            ate_txn_end(t);
        }
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_directory),
        cmocka_unit_test(thin),
        cmocka_unit_test(with_a_mirror),
        cmocka_unit_test(offices),
        cmocka_unit_test(the_auditor_sees_who),
        cmocka_unit_test(an_epoch_turns_meanwhile),
        cmocka_unit_test(ended_before_it_is_renewed),
        cmocka_unit_test(rotated_all_the_while),
        cmocka_unit_test(two_who_rotate),
        cmocka_unit_test(sealed_anew),
        cmocka_unit_test(epochs_survive_compaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
