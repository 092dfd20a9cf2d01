/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Servers that contradict what they signed: caught by one client in the middle of a session, and by
 * two that compare; and what is kept of it.
 */
#include "api/proof_fork.h"
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "trust/checkpoint.h"
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static char home[4096];
static struct ate_session *me;
static char root[ATE_HASH_TEXT];

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

/* In `home`. */
static void run(const char *line)
{
    char all[5000];
    snprintf(all, sizeof all, "cd '%s' && %s", home, line);
    assert_int_equal(shell(all), 0);
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
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate_session_close(me);
    return 0;
}

/* --- what a program is told --- */

static struct heard {
    pthread_mutex_t mutex;
    unsigned good, forked;
    uint64_t size; /* of the newest that held */
    char text[4096]; /* of the fork */
    bool kept;       /* the file that it names was there */
} heard = {.mutex = PTHREAD_MUTEX_INITIALIZER},
  others = {.mutex = PTHREAD_MUTEX_INITIALIZER}; /* by the client of another server */

static void on_checkpoint(void *arg, int result, const char *text, const struct ate_proved *p)
{
    struct heard *h = arg;
    pthread_mutex_lock(&h->mutex);
    if (!result) {
        h->good++;
        if (p && p->kind == ATE_PROOF_CHECKPOINT && p->signed_ns > 0 && p->head.size > h->size)
            h->size = p->head.size;
    } else if (result == ATE_FORKED || result == ATE_ROLLED_BACK) {
        h->forked++;
        snprintf(h->text, sizeof h->text, "%s", text);
        /* Rule 1: it is there before anybody is told. */
        const char *file = strstr(text, "kept in ");
        h->kept = file && !access(file + strlen("kept in "), R_OK);
    }
    pthread_mutex_unlock(&h->mutex);
}

static void hear_nothing(void)
{
    pthread_mutex_lock(&heard.mutex);
    heard.good = heard.forked = 0;
    heard.size = 0;
    pthread_mutex_unlock(&heard.mutex);
}

static void wait_heard(uint64_t size)
{
    uint64_t until = ate__monotonic_ms(&ate__env_real) + 30000, now = 0;
    while (now < size) {
        pthread_mutex_lock(&heard.mutex);
        now = heard.size;
        pthread_mutex_unlock(&heard.mutex);
        assert_true(ate__monotonic_ms(&ate__env_real) < until);
        sched_yield();
    }
}

/* --- servers --- */

static struct ate_server *serve(const char *logs, uint16_t port)
{
    static const struct ate_limit often = {"checkpoint-ms", 100};
    struct ate_server *s;
    struct ate_server_conf conf = {.logs = path_of(logs),
                                   .port = port,
                                   .any_port = !port,
                                   .no_auth = true,
                                   .limits = &often,
                                   .limit_count = 1};
    expect(ate_server_start(&conf, &s), 0);
    return s;
}

static uint16_t port_of(const struct ate_server *s)
{
    return (uint16_t)strtoul(strchr(ate_server_address(s) + strlen("tcp://"), ':') + 1, NULL, 10);
}

static int try_open(const struct ate_server *s, const char *state_dir, const char *mirror,
                    struct ate_chain **ret_chain)
{
    char where[700];
    const char *all = ate_server_address(s), *hash = strchr(all, '#');
    struct ate_chain_conf conf = {.mirror_dir = mirror,
                                  .state_dir = path_of(state_dir),
                                  .root = root,
                                  .timeout_ms = 20000,
                                  .checkpoint = on_checkpoint,
                                  .checkpoint_arg = strstr(state_dir, "-b") ? &others : &heard};
    snprintf(where, sizeof where, "%.*s/t/notes%s", (int)(hash - all - 1), all, hash);
    return ate_chain_open(where, me, ATE_CREATE, &conf, ret_chain);
}

static struct ate_chain *open_at(const struct ate_server *s, const char *state_dir,
                                 const char *mirror)
{
    struct ate_chain *c;
    expect(try_open(s, state_dir, mirror, &c), 0);
    return c;
}

static int put(struct ate_chain *c, const char *name)
{
    struct ate_txn *txn;
    struct ate_id id;
    int rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_put_as(txn, note, ate_top, name, &(struct note){name}, &id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

static void name_log_key(struct ate_chain *c, const struct ate_server *s)
{
    char *text;
    expect(ate_server_log_key(s, &text), 0);
    expect(ate_log_key_add(c, text, NULL), 0);
    ate_free(text);
}

/* --- files --- */

/* The one file of the heads whose name ends so; false: there is none. */
static bool find_file(const char *state_dir, const char *ending, char *ret_path, size_t size)
{
    char heads[4300];
    bool found = false;
    snprintf(heads, sizeof heads, "%s/heads", path_of(state_dir));
    DIR *d = opendir(heads);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name), m = strlen(ending);
        if (n < m || strcmp(e->d_name + n - m, ending) != 0)
            continue;
        assert_false(found);
        snprintf(ret_path, size, "%s/%s", heads, e->d_name);
        found = true;
    }
    if (d)
        closedir(d);
    return found;
}

/* Each begins with the name of the chain. */
static unsigned notes_in(const char *path)
{
    struct ate__buf text = ATE__BUF_NULL;
    unsigned count = 0;
    expect(ate__file_read(path, 1 << 20, &text, NULL), 0);
    for (size_t at = 0; at < text.size;) {
        struct ate__checkpoint c;
        size_t rest = text.size - at, size = rest;
        const char *next = memmem(text.data + at + 1, rest - 1, "\n\nate/", 6);
        if (next)
            size = (size_t)(next + 1 - (const char *)(text.data + at));
        expect(ate__checkpoint_parse(ate__bytes(text.data + at, size), &c), 0);
        count++;
        at += size + (next != NULL);
    }
    ate__buf_deinit(&text);
    return count;
}

/* --- tests --- */

/* What comes by itself is verified, told, and kept. */
static void test_told(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        char file[4400];
        struct ate_server *s = serve(mirror ? "logs-m" : "logs-t", 0);
        const char *state_dir = mirror ? "state-m" : "state-t";
        struct ate_chain *c = open_at(s, state_dir, mirror ? "" : NULL), *other;
        name_log_key(c, s);
        ate_chain_close(c);
        hear_nothing();
        c = open_at(s, state_dir, mirror ? "" : NULL);
        wait_heard(2);
        expect(put(c, "a"), 0);
        if (mirror) /* at the server's pace */
            wait_heard(3);
        ate_chain_close(c);
        assert_true(find_file(state_dir, ".checkpoint", file, sizeof file));
        assert_int_equal(notes_in(file), 1);
        assert_false(find_file(state_dir, ".fork", file, sizeof file));
        other = open_at(s, "state-other", NULL);
        ate_chain_close(other);
        ate_server_end(s);
    }
}

/* A transaction goes on when the handle is gone, and nobody is told of anything any more. */
static void test_transaction_goes_on(void **state)
{
    (void)state;
    struct ate_server *s = serve("logs-g", 0);
    for (int mirror = 0; mirror < 2; mirror++) {
        struct ate_chain *c = open_at(s, "state-g", mirror ? "" : NULL);
        struct ate_txn *txn;
        struct ate_id id;
        const char *name = mirror ? "m" : "t";
        if (!mirror)
            name_log_key(c, s);
        expect(ate_txn_begin(c, NULL, 0, &txn), 0);
        ate_chain_close(c);
        expect(ate_put_as(txn, note, ate_top, name, &(struct note){"x"}, &id), 0);
        expect(ate_txn_commit(txn, NULL), 0);
        ate_txn_end(txn);
    }
    ate_server_end(s);
}

/* The same chain with two ends, one at each of two servers. */
struct fork {
    struct ate_server *ours, *theirs;
    struct ate_chain *a, *b; /* a client of each */
    uint16_t port; /* of ours */
};

static const char *mirror_of(const char *name, const char *client)
{
    char dir[64];
    snprintf(dir, sizeof dir, "%s-mirror-%s", name, client);
    return path_of(dir);
}

static struct fork make_fork(const char *name, bool mirror)
{
    char line[400], logs[64], other[64], state_dir[64];
    struct fork f;
    snprintf(logs, sizeof logs, "%s-ours", name);
    snprintf(other, sizeof other, "%s-theirs", name);
    f.ours = serve(logs, 0);
    f.port = port_of(f.ours);
    snprintf(state_dir, sizeof state_dir, "%s-state-a", name);
    f.a = open_at(f.ours, state_dir, mirror ? mirror_of(name, "a") : NULL);
    expect(put(f.a, "both"), 0);
    ate_server_end(f.ours); /* it has not signed anything yet */
    snprintf(line, sizeof line, "cp -a %s %s", logs, other);
    run(line);
    f.ours = serve(logs, f.port);
    f.theirs = serve(other, 0);
    snprintf(state_dir, sizeof state_dir, "%s-state-b", name);
    f.b = open_at(f.theirs, state_dir, mirror ? mirror_of(name, "b") : NULL);
    name_log_key(f.a, f.ours);
    name_log_key(f.b, f.theirs);
    return f;
}

/* Either sees it in what the other was given. */
static void test_two_clients_compare(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct fork f = make_fork(mirror ? "compare-m" : "compare-t", mirror);
        char *of_a, *of_b, *proof;
        expect(put(f.a, "a"), 0);
        expect(put(f.b, "b"), 0);
        expect(ate_checkpoint(f.a, &of_a), 0);
        expect(ate_checkpoint(f.b, &of_b), 0);
        expect(ate_prove_since(f.a, of_a, NULL, &proof), 0);
        ate_free(proof);
        expect(ate_prove_since(f.a, of_b, NULL, &proof), ATE_FORKED);
        expect(ate_prove_since(f.b, of_a, NULL, &proof), ATE_FORKED);
        expect(put(f.b, "more"), 0); /* of one size or not */
        ate_free(of_b);
        expect(ate_checkpoint(f.b, &of_b), 0);
        int rc = ate_prove_since(f.a, of_b, NULL, &proof);
        assert_true(rc == ATE_ROLLED_BACK || rc == ATE_FORKED);
        expect(ate_prove_since(f.b, of_a, NULL, &proof), ATE_FORKED);
        ate_free(of_a);
        ate_free(of_b);
        ate_chain_close(f.a);
        ate_chain_close(f.b);
        ate_server_end(f.ours);
        ate_server_end(f.theirs);
    }
}

/* The server goes over to another history while a client is connected to it. */
static void test_in_a_session(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        const char *name = mirror ? "session-m" : "session-t";
        char line[400], file[4400], state_dir[64], logs[64];
        struct fork f = make_fork(name, mirror);
        char *signed_;
        expect(put(f.a, "a"), 0);
        expect(put(f.b, "b"), 0);
        expect(put(f.b, "c"), 0);
        hear_nothing();
        if (mirror) {
            wait_heard(ate_chain_head(f.a).size);
        } else {
            expect(ate_checkpoint(f.a, &signed_), 0); /* sooner than it comes by itself */
            ate_free(signed_);
        }
        hear_nothing();
        ate_chain_close(f.b);
        ate_server_end(f.ours);
        ate_server_end(f.theirs);
        snprintf(line, sizeof line, "rm -r %s-ours && mv %s-theirs %s-ours", name, name, name);
        run(line);
        snprintf(logs, sizeof logs, "%s-ours", name);
        f.ours = serve(logs, f.port);
        struct ate_receipt ignored;
        uint64_t until = ate__monotonic_ms(&ate__env_real) + 30000;
        int rc;
        while (!(rc = ate_chain_sync(f.a, &ignored)))
            assert_true(ate__monotonic_ms(&ate__env_real) < until);
        expect(rc, ATE_FORKED);
        snprintf(state_dir, sizeof state_dir, "%s-state-a", name);
        if (!find_file(state_dir, ".fork", file, sizeof file))
            fail_msg("%s", ate_error());
        assert_non_null(strstr(ate_error(), file));
        assert_int_equal(notes_in(file), 2);
        assert_int_equal(heard.forked, 1);
        assert_non_null(strstr(heard.text, file));
        assert_true(heard.kept);
        expect(put(f.a, "d"), ATE_FORKED);
        assert_non_null(strstr(ate_error(), file));
        ate_chain_close(f.a);
        /* And so it is when the chain is opened again; what is kept stays. */
        struct ate_chain *again;
        const char *copy = mirror ? mirror_of(name, "a") : NULL;
        expect(try_open(f.ours, state_dir, copy, &again), ATE_FORKED);
        assert_non_null(strstr(ate_error(), file));
        assert_int_equal(notes_in(file), 2);
        ate_server_end(f.ours);
    }
}

/* What is there is never overwritten, and grows to an end. */
static void test_evidence_stays(void **state)
{
    (void)state;
    struct ate_chain c = {.checkpoint_seen = NULL};
    struct ate__log_key *key;
    struct ate__key32 seed = {{1}};
    struct ate__buf note = ATE__BUF_NULL, first = ATE__BUF_NULL;
    struct ate__checkpoint checkpoint = {.size = 7, .time_s = 9};
    char file[4400];
    expect(ate__memory_open(&c.memory, path_of("state-e"), "tcp://e/e"), 0);
    expect(ate__log_key_of_seed(&seed, &key), 0);
    for (unsigned i = 0; i < 400; i++) {
        struct ate__buf now = ATE__BUF_NULL;
        ate__buf_clear(&note);
        checkpoint.size++;
        expect(ate__checkpoint_make(&checkpoint, key, &note), 0);
        ate__fork_keep_note(&c.memory, ate__buf_bytes(&note)); /* contradicted by the next one */
        ate__buf_clear(&note);
        checkpoint.root.b[0]++;
        expect(ate__checkpoint_make(&checkpoint, key, &note), 0);
        (void)ate__fail(ATE_FORKED, "two histories");
        expect(ate__fork_noted(&c, ATE_FORKED, ate__buf_bytes(&note), &checkpoint), ATE_FORKED);
        assert_true(find_file("state-e", ".fork", file, sizeof file));
        assert_non_null(strstr(ate_error(), file));
        expect(ate__file_read(file, 1 << 20, &now, NULL), 0);
        assert_true(now.size >= first.size);
        assert_true(!first.size || !memcmp(now.data, first.data, first.size));
        ate__buf_deinit(&first);
        first = now;
    }
    assert_true(first.size <= 1 << 20 && notes_in(file) > 200);
    /* Where it cannot be kept, that is said. */
    run("rm state-e/heads/*.fork && mkdir $(basename state-e)/x && cd state-e/heads && "
        "for f in *.checkpoint; do mkdir \"${f%.checkpoint}.fork\"; done");
    (void)ate__fail(ATE_FORKED, "two histories");
    expect(ate__fork_noted(&c, ATE_FORKED, ate__buf_bytes(&note), &checkpoint), ATE_FORKED);
    assert_non_null(strstr(ate_error(), "could not be kept"));
    ate__buf_deinit(&first);
    ate__buf_deinit(&note);
    ate__log_key_free(key);
    ate__fork_close(&c.memory);
    ate__memory_close(&c.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_transaction_goes_on),
        cmocka_unit_test(test_two_clients_compare),
        cmocka_unit_test(test_in_a_session),
        cmocka_unit_test(test_evidence_stays),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
