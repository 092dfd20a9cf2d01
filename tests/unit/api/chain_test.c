/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Chains in directories through the public interface: anchors, memory, history, watches, verify.
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static char home[4096];

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

static struct ate_chain *make_chain(const char *name, struct ate_session *s)
{
    struct ate_chain *c;
    expect(ate_chain_open(path_of(name), s, ATE_CREATE, NULL, &c), 0);
    assert_true(ate_chain_was_created(c));
    return c;
}

static struct ate_id put(struct ate_chain *c, const char *name, const char *text)
{
    struct ate_txn *txn;
    struct ate_id id;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, name, &(struct note){text}, &id), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
    return id;
}

static void key_files_are_private(void **state)
{
    (void)state;
    struct ate_session *s = session("k"), *again;
    struct stat st;
    struct ate_key_info info;
    char *text;
    assert_int_equal(stat(path_of("k"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect(ate_key_create(path_of("k"), NULL, NULL), ATE_EXISTS);
    expect(ate_key_show(path_of("k"), &info), 0);
    assert_true(info.is_private);
    struct ate_hash mine = ate_session_fingerprint(s);
    assert_memory_equal(&info.fingerprint, &mine, sizeof mine);
    expect(ate_key_public_text(path_of("k"), &text), 0);
    FILE *f = fopen(path_of("k.pub"), "w");
    fputs(text, f);
    fclose(f);
    ate_free(text);
    expect(ate_key_show(path_of("k.pub"), &info), 0);
    assert_false(info.is_private);
    assert_memory_equal(&info.fingerprint, &mine, sizeof mine);
    expect(ate_session_open(path_of("k.pub"), 0, &again), ATE_NO_KEY);
    chmod(path_of("k"), 0644);
    expect(ate_session_open(path_of("k"), 0, &again), ATE_DENIED);
    expect(ate_session_open(path_of("none"), 0, &again), ATE_NOT_FOUND);
    ate_session_close(s);
}

static void anchors_decide_what_is_trusted(void **state)
{
    (void)state;
    struct ate_session *mine = session("mine"), *other = session("other");
    struct ate_chain *c = make_chain("notes", mine);
    const struct ate_hash *roots;
    char root[ATE_HASH_TEXT], wrong[ATE_HASH_TEXT];
    assert_int_equal(ate_chain_roots(c, &roots), 1);
    ate_hash_text(roots[0], root);
    ate_hash_text(ate_session_fingerprint(other), wrong);
    assert_string_equal(ate_chain_name(c), "/notes");
    ate_chain_close(c);
    expect(ate_chain_open(path_of("notes"), other, 0, NULL, &c), ATE_UNTRUSTED);
    assert_non_null(strstr(ate_error(), root));
    assert_non_null(strstr(ate_error(), "conf.root")); /* and no option of a program */
    assert_null(strstr(ate_error(), " --"));
    expect(ate_chain_open(path_of("notes"), NULL, 0, NULL, &c), ATE_UNTRUSTED);
    expect(ate_chain_open(path_of("notes"), mine, 0, &(struct ate_chain_conf){.root = wrong}, &c),
           ATE_WRONG_CHAIN);
    expect(ate_chain_open(path_of("notes"), other, 0, &(struct ate_chain_conf){.root = root}, &c),
           0);
    ate_chain_close(c);
    /* an empty list of pins is none, and not leave to look for others */
    expect(ate_chain_open("tcp://db.ate.example/notes", mine, 0,
                          &(struct ate_chain_conf){.pin = "", .root = root}, &c),
           ATE_MISUSE);
    expect(ate_chain_open(path_of("nothing"), mine, 0, NULL, &c), ATE_NOT_FOUND);
    expect(ate_chain_open(path_of("bad,name"), mine, ATE_CREATE, NULL, &c), ATE_MALFORMED);
    assert_int_not_equal(access(path_of("bad,name"), F_OK), 0);
    ate_session_close(mine);
    ate_session_close(other);
}

/* What a program says that was built for a later version is refused, and nothing is done. */
static void what_only_a_later_version_knows(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate_session *s = session("k");
    const struct ate_lookup lookup = {.reserved = {[4] = 1}};
    const struct ate_compact_when when = {.mode = ATE_COMPACT_FACTOR, .reserved = {[3] = 1}};
    const struct ate_chain_conf later[] = {{.reserved = {[2] = 1}},
                                           {.reserved_more = {[6] = 1}},
                                           {.lookup = &lookup},
                                           {.compact = &when}};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        expect(ate_chain_open(path_of("later"), s, ATE_CREATE, &later[i], &c), ATE_MISUSE);
    expect(ate_chain_open(path_of("now"), s, ATE_CREATE, NULL, &c), 0);
    const struct ate_backup_conf of_backup = {.reserved = {[6] = 1}};
    const struct ate_compact_conf of_compact = {.reserved = {[3] = 1}};
    expect(ate_backup(c, path_of("copy"), &of_backup, NULL), ATE_MISUSE);
    expect(ate_restore(c, path_of("copy"), &of_backup, NULL), ATE_MISUSE);
    assert_int_not_equal(access(path_of("copy"), F_OK), 0);
    expect(ate_chain_compact(c, &of_compact, NULL), ATE_MISUSE);
    ate_chain_close(c);
    const struct ate_repair_conf of_repair = {.reserved = {[6] = 1}};
    const struct ate_destroy_conf of_destroy = {.reserved = {[3] = 1}};
    const struct ate_proof_conf of_proof = {.reserved = {[3] = 1}};
    struct ate_repaired repaired;
    struct ate_destroyed_chain destroyed;
    struct ate_proved proved = {.kind = ATE_PROOF_CHECKPOINT};
    expect(ate_repair(path_of("now"), s, &of_repair, &repaired), ATE_MISUSE);
    expect(ate_chain_destroy(path_of("now"), s, &of_destroy, &destroyed), ATE_MISUSE);
    expect(ate_check_proof("x", s, &of_proof, &proved), ATE_MISUSE);
    expect(ate_chain_open(path_of("now"), s, 0, NULL, &c), 0);
    ate_chain_close(c);
    ate_session_close(s);
}

/* What a chain does with what is stored is said when it is made, and counts from then on. */
static void made_to_compress(void **state)
{
    (void)state;
    struct ate_chain *c;
    struct ate_chain_conf zstd = {.compression = ATE_ZSTD}, later = {.compression = ATE_ZSTD + 1};
    struct ate_session *s = session("k");
    expect(ate_chain_open(path_of("packed"), s, 0, &zstd, &c), ATE_MISUSE);
    expect(ate_chain_open(path_of("packed"), s, ATE_READ, &zstd, &c), ATE_MISUSE);
    expect(ate_chain_open(path_of("packed"), s, ATE_CREATE, &later, &c), ATE_MISUSE);
    expect(ate_chain_open(path_of("packed"), s, ATE_CREATE, &zstd, &c), 0);
    ate_chain_close(c);
    expect(ate_chain_open(path_of("packed"), s, ATE_CREATE, NULL, &c), 0);
    assert_int_equal(ate_chain_compression(c), ATE_ZSTD);
    ate_chain_close(c);
    expect(ate_chain_open(path_of("loose"), s, ATE_CREATE, NULL, &c), 0);
    assert_int_equal(ate_chain_compression(c), ATE_UNCOMPRESSED);
    ate_chain_close(c);
    expect(ate_chain_open(path_of("loose"), s, ATE_CREATE, &zstd, &c), ATE_EXISTS);
    ate_session_close(s);
}

static void copy_tree(const char *from, const char *to)
{
    char command[9000];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    assert_int_equal(shell(command), 0);
}

static void what_was_seen_is_remembered(void **state)
{
    (void)state;
    struct ate_session *s = session("k");
    struct ate_chain *c = make_chain("notes", s);
    put(c, "a", "1");
    ate_chain_close(c);
    copy_tree(path_of("notes"), path_of("old"));
    expect(ate_chain_open(path_of("notes"), s, 0, NULL, &c), 0);
    put(c, "b", "2");
    ate_chain_close(c);
    copy_tree(path_of("old"), path_of("notes")); /* an older state of the same chain */
    expect(ate_chain_open(path_of("notes"), s, 0, NULL, &c), ATE_ROLLED_BACK);
    expect(ate_chain_open(path_of("old"), s, 0, NULL, &c), 0); /* a copy has no memory */
    put(c, "x", "3");
    put(c, "y", "4");
    ate_chain_close(c);
    copy_tree(path_of("old"), path_of("notes")); /* longer, but another history */
    expect(ate_chain_open(path_of("notes"), s, 0, NULL, &c), ATE_FORKED);
    c = make_chain("sub", s);
    ate_chain_close(c);
    copy_tree(path_of("sub"), path_of("notes")); /* another chain of the same owner */
    expect(ate_chain_open(path_of("notes"), s, 0, NULL, &c), ATE_WRONG_CHAIN);
    copy_tree(path_of("sub"), path_of("gone"));
    char command[9000];
    snprintf(command, sizeof command, "rm -rf '%s'", path_of("notes"));
    assert_int_equal(shell(command), 0);
    c = make_chain("notes", s); /* nothing is there any more: a new chain takes the place */
    ate_chain_close(c);
    ate_session_close(s);
}

/* The files of a chain at this moment, as if its process and a write of it ended here. */
static void copy_torn(const char *from, const char *to)
{
    char command[9000];
    copy_tree(from, to);
    snprintf(command, sizeof command, "printf 'torn, and never acknowledged' >> '%s'/,chain/*1.seg",
             to);
    assert_int_equal(shell(command), 0);
}

static void refused(const char *name, struct ate_session *s, const char *root, int result)
{
    char command[9000];
    struct ate_chain *c;
    struct ate_chain_conf conf = {.root = root};
    copy_tree(path_of(name), path_of("before"));
    expect(ate_chain_open(path_of(name), s, 0, &conf, &c), result);
    snprintf(command, sizeof command, "diff -r '%s' '%s'", path_of("before"), path_of(name));
    assert_int_equal(shell(command), 0);
}

/* Also where a crash left something to be put right. */
static void what_is_refused_stays_as_it_was(void **state)
{
    (void)state;
    struct ate_session *s = session("k"), *other = session("other");
    struct ate_chain *c = make_chain("notes", s);
    char wrong[ATE_HASH_TEXT];
    put(c, "a", "1");
    put(c, "b", "2");
    copy_torn(path_of("notes"), path_of("old"));
    put(c, "c", "3");
    ate_chain_close(c);
    copy_tree(path_of("old"), path_of("notes"));
    refused("notes", s, NULL, ATE_ROLLED_BACK);
    ate_hash_text(ate_session_fingerprint(other), wrong);
    refused("old", s, wrong, ATE_WRONG_CHAIN);
    refused("old", other, NULL, ATE_UNTRUSTED);
    struct ate_chain *another = make_chain("another", s);
    copy_torn(path_of("another"), path_of("notes"));
    refused("notes", s, NULL, ATE_WRONG_CHAIN);
    ate_chain_close(another);
    expect(ate_chain_open(path_of("old"), s, 0, NULL, &c), 0);
    assert_int_equal(ate_chain_head(c).size, 3);
    put(c, "d", "4");
    ate_chain_close(c);
    ate_session_close(s);
    ate_session_close(other);
}

static void history_and_watch_tell_the_same(void **state)
{
    (void)state;
    struct ate_session *s = session("k");
    struct ate_chain *c = make_chain("notes", s);
    struct ate_watch *w;
    struct ate_event e;
    struct ate_history *h;
    struct ate_history_txn t;
    struct ate_object o;
    struct ate_txn *txn;
    expect(ate_watch_start(c, NULL, ate_top, 0, 0, &w), 0);
    struct ate_id a = put(c, "a", "1");
    put(c, "a", "2");
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_delete(txn, a, 0), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
    static const enum ate_change changes[] = {ATE_CREATED, ATE_UPDATED, ATE_DELETED};
    for (unsigned i = 0; i < 3; i++) {
        expect(ate_watch_next(w, 0, &e), 0);
        assert_int_equal(e.change, changes[i]);
        assert_int_equal(e.sequence, i + 1);
        assert_true(e.last);
        assert_memory_equal(&e.id, &a, sizeof a);
    }
    expect(ate_watch_next(w, 0, &e), ATE_TIMEOUT);
    ate_watch_end(w);
    expect(ate_history_start(c, NULL, 0, &h), 0);
    for (unsigned i = 0; i < 4; i++) {
        expect(ate_history_next(h, &t), 0);
        assert_int_equal(t.sequence, i);
        assert_int_equal(t.author_count, 1);
        if (i == 2) {
            assert_int_equal(t.event_count, 1);
            assert_string_equal(t.events[0].type, "note");
            assert_memory_equal(t.events[0].name.data, "a", 1);
            expect(ate_history_load(h, 0, &o), 0);
            assert_true(o.readable);
        }
    }
    expect(ate_history_next(h, &t), ATE_END);
    ate_history_end(h);
    ate_chain_close(c);
    ate_session_close(s);
}

struct ranges {
    char file[64];
    uint64_t offset;
    unsigned count;
};

static void note_range(void *arg, const char *file, uint64_t offset, uint64_t size)
{
    struct ranges *r = arg;
    r->count++;
    if (strncmp(file, "meta", 4) && size > 100) {
        snprintf(r->file, sizeof r->file, "%s", file);
        r->offset = offset + size / 2;
    }
}

static void verify_names_the_damage(void **state)
{
    (void)state;
    struct ate_session *s = session("k");
    struct ate_chain *c = make_chain("notes", s);
    struct ate_verified v;
    struct ranges r = {0};
    for (int i = 0; i < 5; i++)
        put(c, "a", "text");
    ate_chain_close(c);
    expect(ate_chain_open(path_of("notes"), s, ATE_READ, NULL, &c), 0);
    expect(ate_chain_verify(c, note_range, &r, &v), 0);
    assert_int_equal(v.damage.what, ATE_OK);
    assert_int_equal(v.transactions, 6);
    assert_int_equal(v.signatures, 6);
    assert_true(r.count >= 3 && r.file[0]);
    ate_chain_close(c);
    char file[9000];
    snprintf(file, sizeof file, "%s/,chain/%s", path_of("notes"), r.file);
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    fseek(f, (long)r.offset, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, (long)r.offset, SEEK_SET);
    fputc(byte ^ 4, f);
    fclose(f);
    expect(ate_chain_open(path_of("notes"), s, 0, NULL, &c), ATE_TAMPERED);
    expect(ate_chain_open(path_of("notes"), s, ATE_READ, NULL, &c), 0);
    struct ate_damage damage;
    assert_true(ate_chain_damage(c, &damage));
    assert_int_equal(damage.what, ATE_TAMPERED);
    expect(ate_chain_verify(c, NULL, NULL, &v), 0);
    assert_int_equal(v.damage.what, ATE_TAMPERED);
    assert_string_equal(v.damage.file, r.file);
    struct ate_txn *txn;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_store(txn, note, &(struct note){"x"}, &(struct ate_id){{0}}), ATE_READ_ONLY);
    ate_txn_end(txn);
    ate_chain_close(c);
    ate_session_close(s);
}

/* It ends with a sentence that says so, whatever is closed again. */
static void an_open_without_memory(void **state)
{
    (void)state;
    struct ate_chain *c;
    unsigned refused = 0;
    heap_start();
    struct ate_session *s = session("k");
    ate_chain_close(make_chain("notes", s));
    for (unsigned on = 0; on < 2; on++) {
        for (uint64_t n = 1;; n++) {
            heap_fail(n, on);
            int rc = ate_chain_open(path_of("notes"), s, 0, NULL, &c);
            bool hit = heap_failed();
            heap_fail(0, false);
            if (!rc) {
                ate_chain_close(c);
            } else {
                expect(rc, ATE_E_MEMORY);
                assert_non_null(strstr(ate_error(), "memory"));
                assert_true(hit);
                refused++;
            }
            if (!hit)
                break;
        }
    }
    assert_true(refused > 10);
    ate_session_close(s);
    heap_stop();
}

/* The linker puts this in the place of pthread_create(). */
static unsigned made, taking; /* threads, and those of them that take signals */
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    sigset_t blocked; /* a thread begins with its maker's */
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    made++;
    taking += !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGUSR1);
    return __real_pthread_create(thread, attributes, run, arg);
}

static void done(void *arg, int result)
{
    *(int *)arg = result;
}

/* All that an asynchronous open was given may be gone before it begins. */
static void what_was_given_may_go(void **state)
{
    (void)state;
    struct ate_chain *c = NULL;
    struct ate_loop *l;
    int result = -1;
    char *where = strdup("tcp://db.ate.example/notes"), *anchor = strdup("/nowhere/at/all");
    struct ate_lookup *lookup = calloc(1, sizeof *lookup);
    struct ate_chain_conf *conf = calloc(1, sizeof *conf);
    lookup->dns_anchor = anchor;
    conf->lookup = lookup;
    expect(ate_loop_new(&l), 0);
    expect(ate_chain_open_async(where, NULL, 0, conf, &c, l, done, &result), 0);
    memset(anchor, 'x', strlen(anchor));
    memset(lookup, 0xdf, sizeof *lookup);
    free(where);
    free(anchor);
    free(lookup);
    free(conf);
    while (result == -1)
        expect(ate_loop_run(l, 10000), 0);
    expect(result, ATE_E_SYSTEM);
    assert_non_null(strstr(ate_error(), "/nowhere/at/all"));
    assert_null(c);

    result = -1;
    struct ate_session *s = session("k"), *tends = session("tends");
    struct ate_compact_when *when = calloc(1, sizeof *when);
    *when = (struct ate_compact_when){.mode = ATE_COMPACT_TIMER, .deep = true, .session = tends};
    conf = calloc(1, sizeof *conf);
    conf->compact = when;
    expect(ate_chain_open_async(path_of("notes"), s, ATE_CREATE, conf, &c, l, done, &result), 0);
    memset(when, 0xdf, sizeof *when);
    free(when);
    free(conf);
    ate_session_close(tends);
    ate_session_close(s);
    while (result == -1)
        expect(ate_loop_run(l, 10000), 0);
    expect(result, 0);
    ate_chain_close(c);
    ate_loop_free(l);
}

static void the_asynchronous_forms_complete_in_the_loop(void **state)
{
    (void)state;
    struct ate_session *s = session("k");
    struct ate_chain *c = NULL;
    struct ate_loop *l;
    struct ate_txn *txn;
    struct ate_receipt receipt = {0};
    int result = -1;
    made = taking = 0;
    expect(ate_loop_new(&l), 0);
    expect(ate_chain_open_async(path_of("notes"), s, ATE_CREATE, NULL, &c, l, done, &result), 0);
    assert_null(c);
    while (result == -1)
        expect(ate_loop_run(l, 10000), 0);
    expect(result, 0);
    assert_non_null(c);
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_store(txn, note, &(struct note){"x"}, &(struct ate_id){{0}}), 0);
    result = -1;
    expect(ate_txn_commit_async(txn, &receipt, l, done, &result), 0);
    assert_int_equal(result, -1);
    while (result == -1)
        expect(ate_loop_run(l, 10000), 0);
    expect(result, 0);
    assert_int_equal(receipt.sequence, 1);
    result = -1;
    expect(ate_chain_sync_async(c, &receipt, l, done, &result), 0);
    while (result == -1)
        expect(ate_loop_run(l, 10000), 0);
    expect(result, 0);
    assert_true(made > 1); /* the open's, and the sync's */
    assert_int_equal(taking, 0);
    ate_txn_end(txn);
    ate_chain_close(c);
    ate_loop_free(l);
    ate_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(key_files_are_private, set_up),
        cmocka_unit_test_setup(anchors_decide_what_is_trusted, set_up),
        cmocka_unit_test_setup(what_only_a_later_version_knows, set_up),
        cmocka_unit_test_setup(made_to_compress, set_up),
        cmocka_unit_test_setup(what_was_seen_is_remembered, set_up),
        cmocka_unit_test_setup(what_is_refused_stays_as_it_was, set_up),
        cmocka_unit_test_setup(history_and_watch_tell_the_same, set_up),
        cmocka_unit_test_setup(verify_names_the_damage, set_up),
        cmocka_unit_test_setup(an_open_without_memory, set_up),
        cmocka_unit_test_setup(the_asynchronous_forms_complete_in_the_loop, set_up),
        cmocka_unit_test_setup(what_was_given_may_go, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
