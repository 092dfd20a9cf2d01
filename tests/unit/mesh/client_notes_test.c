/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a server signs by itself, judged by a client that is thin and by one with a mirror. What the
 * server says is put in its mouth: its own key signs it.
 */
#include "far.h"
#include "crypto/keyfile.h"
#include "event/header.h"
#include "lib/shell.h"
#include "mesh/server_private.h"
#include "trust/checkpoint.h"
#include <sched.h>
#include <stdio.h>

enum { PERIOD = 1000, TOLD_MAX = 4096 };

static atomic_uint_least64_t clock_ms = 1000;

static uint64_t read_clock(void *user)
{
    (void)user;
    return atomic_load(&clock_ms);
}

static struct ate__env env;

/* --- what the caller is told --- */

static struct told {
    pthread_mutex_t mutex;
    unsigned count;
    int result[TOLD_MAX];
    uint64_t size[TOLD_MAX];
    unsigned forked;
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool noting;

static int noted(void *arg, int result, struct ate_bytes note, const struct ate__checkpoint *c)
{
    (void)arg;
    assert_true(note.size);
    atomic_store(&noting, true);
    pthread_mutex_lock(&told.mutex);
    assert_true(told.count < TOLD_MAX);
    told.result[told.count] = result;
    told.size[told.count++] = c->size;
    pthread_mutex_unlock(&told.mutex);
    atomic_store(&noting, false);
    return result ? ate__context(result, "noted") : 0;
}

static int forked(void *arg, int result)
{
    (void)arg;
    pthread_mutex_lock(&told.mutex);
    told.forked++;
    pthread_mutex_unlock(&told.mutex);
    return ate__context(result, "kept in a file");
}

static atomic_uint looks, look_ms;

/* Never beside noted(). */
static uint64_t look(void *arg)
{
    (void)arg;
    assert_false(atomic_load(&noting));
    atomic_fetch_add(&looks, 1);
    return atomic_load(&look_ms);
}

/* Waits for it; gives its place. */
static unsigned wait_told(unsigned from, uint64_t size, int result)
{
    uint64_t until = ate__monotonic_ms(&ate__env_real) + 20000;
    for (;; sched_yield()) {
        pthread_mutex_lock(&told.mutex);
        unsigned i = from, count = told.count;
        while (i < count && (told.size[i] != size || told.result[i] != result))
            i++;
        pthread_mutex_unlock(&told.mutex);
        if (i < count)
            return i;
        assert_true(ate__monotonic_ms(&ate__env_real) < until);
    }
}

/* --- the world --- */

struct world {
    struct far *f;
    struct ate__pipe *writer, *p;
    unsigned first; /* what was told before */
};

static void name_log_key(struct world *w)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    struct ate__head known = far_head(w->writer);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__log_key_public(w->f->server->log_key)};
    ate__header_keys(&h, ATE__TAG_LOG_KEYS, &change, 1);
    assert_int_equal(ate__header_end(&h), 0);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w->f->chain, &known, &event, 1, w->f->chain.key);
    assert_int_equal(far_offer(w->writer, ate__buf_bytes(&tx), 20000, NULL), 0);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
}

static void open_judge(struct world *w, bool mirror)
{
    w->f->conf.mirror_memory = mirror;
    w->f->conf.noted = noted;
    w->f->conf.forked = forked;
    w->f->conf.look = look;
    w->first = told.count;
    w->p = far_open(w->f);
    w->f->conf.mirror_memory = false;
    w->f->conf.noted = NULL;
    w->f->conf.forked = NULL;
    w->f->conf.look = NULL;
}

static struct world world_new(bool mirror)
{
    struct world w = {.f = far_new(false)};
    env = ate__env_real;
    env.monotonic_ms = read_clock;
    far_stop(w.f);
    w.f->server_conf.env = &env;
    w.f->server_conf.server_limits.checkpoint_ms = PERIOD;
    far_start(w.f);
    w.writer = far_open(w.f);
    name_log_key(&w);
    for (uint64_t n = 1; n <= 5; n++)
        far_put(w.f, w.writer, n);
    open_judge(&w, mirror);
    return w;
}

static void world_free(struct world *w)
{
    far_close(w->p);
    far_close(w->writer);
    far_free(w->f);
}

static int look_here(void *arg)
{
    ate__notes_look(arg);
    return 0;
}

static void pass(struct world *w, uint64_t ms)
{
    atomic_fetch_add(&clock_ms, ms);
    assert_int_equal(ate__loop_call(w->f->server->loop, look_here, w->f->server), 0);
}

/* What the server says next. */
struct speech {
    struct ate__server *server;
    struct ate_bytes note;
};

static int say_here(void *arg)
{
    struct speech *speech = arg;
    struct ate__notes *n = &speech->server->watched->notes;
    struct ate__wr w = ate__wr_of(&n->body);
    ate__buf_clear(&n->body);
    ate__msg_note_encode(&w, &(struct ate__msg_note){speech->note});
    n->serial++;
    n->size = 0; /* to whoever it is */
    for (struct ate__stream *s = n->streams; s; s = s->noted.next)
        s->noted.least_ms = 0;
    ate__notes_look(speech->server);
    return ate__wr_end(&w);
}

static void say(struct world *w, struct ate_bytes note)
{
    struct speech speech = {w->f->server, note};
    /* It has said something true first, and nothing is due. */
    assert_int_equal(ate__loop_call(w->f->server->loop, say_here, &speech), 0);
}

static void say_checkpoint(struct world *w, const struct ate__checkpoint *c,
                           const struct ate__log_key *key)
{
    struct ate__buf note = ATE__BUF_NULL;
    assert_int_equal(ate__checkpoint_make(c, key ? key : w->f->server->log_key, &note), 0);
    say(w, ate__buf_bytes(&note));
    ate__buf_deinit(&note);
}

static struct ate_hash root_at(struct world *w, uint64_t size)
{
    struct ate_hash root;
    assert_int_equal(ate__chain_root_at(w->f->server->watched->chain, size, &root), 0);
    return root;
}

static struct ate__checkpoint now(struct world *w, uint64_t size)
{
    return (struct ate__checkpoint){.chain_id = w->f->chain.id,
                                    .size = size,
                                    .root = root_at(w, size),
                                    .time_s = ate__wall_us(&ate__env_real) / 1000000 + 10};
}

/* It waits for the first note, which comes by itself. */
static uint64_t true_note(struct world *w)
{
    uint64_t size = far_head(w->writer).size;
    wait_told(w->first, size, 0);
    return size;
}

/* --- as it should be --- */

static void test_true(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct world w = world_new(mirror);
        true_note(&w);
        for (uint64_t n = 10; n < 15; n++) {
            far_put(w.f, w.writer, n);
            pass(&w, 40000);
            wait_told(w.first, far_head(w.writer).size, 0);
        }
        assert_int_equal(far_offer(w.p, ate__buf_bytes(&(struct ate__buf){0}), 1000, NULL),
                         ATE_MALFORMED); /* the chain is as it was */
        assert_true(far_has(w.p, 14));
        assert_int_equal(told.forked, 0);
        world_free(&w);
    }
}

/* What a client has verified may be behind or ahead of what is signed. */
static void test_older_and_newer(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct world w = world_new(mirror);
        uint64_t size = true_note(&w);
        for (uint64_t n = 0; n < 4; n++) {
            struct ate__checkpoint c = now(&w, size + n);
            far_put(w.f, w.writer, 20 + n);
            c.time_s += n;
            say_checkpoint(&w, &c, NULL);
            wait_told(w.first + 1, size + n, 0);
        }
        world_free(&w);
    }
}

/* --- what is not --- */

/* Every call tells it from now on, with what noted() made of it. */
static void expect_final(struct world *w, int result, const char *sentence)
{
    struct ate__receipt ignored;
    uint64_t until = ate__monotonic_ms(&ate__env_real) + 20000;
    int rc;
    while (!(rc = ate__pipe_sync(w->p, &ignored)))
        assert_true(ate__monotonic_ms(&ate__env_real) < until);
    if (rc != result || !strstr(ate__error_text(), sentence))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
}

static void lie(bool mirror, uint64_t (*change)(struct world *w, struct ate__checkpoint *c),
                int result)
{
    struct world w = world_new(mirror);
    uint64_t size = true_note(&w);
    struct ate__checkpoint c = now(&w, size);
    uint64_t reached = change(&w, &c);
    say_checkpoint(&w, &c, NULL);
    for (uint64_t n = 0; n < reached; n++)
        far_put(w.f, w.writer, 30 + n);
    wait_told(w.first, c.size, result);
    expect_final(&w, result, "noted");
    assert_int_equal(told.forked, 0); /* that note is the evidence */
    world_free(&w);
}

static uint64_t other_root(struct world *w, struct ate__checkpoint *c)
{
    (void)w;
    c->root.b[3] ^= 4;
    return 0;
}

static uint64_t other_past(struct world *w, struct ate__checkpoint *c)
{
    (void)w;
    c->size--;
    return 0;
}

static uint64_t other_future(struct world *w, struct ate__checkpoint *c)
{
    (void)w;
    c->size += 3;
    return 3;
}

static uint64_t smaller(struct world *w, struct ate__checkpoint *c)
{
    c->size -= 2;
    c->root = root_at(w, c->size);
    return 0;
}

static void test_lies(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        lie(mirror, other_root, ATE_FORKED);
        lie(mirror, other_past, ATE_FORKED);
        lie(mirror, other_future, ATE_FORKED);
        lie(mirror, smaller, ATE_ROLLED_BACK);
    }
}

/* Nobody who may has signed it: nothing follows. */
static void test_untrusted(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct world w = world_new(mirror);
        uint64_t size = true_note(&w);
        struct ate__checkpoint c = now(&w, size);
        struct ate__log_key *key;
        assert_int_equal(ate__log_key_of_seed(&w.f->chain.key->seed, &key), 0);
        c.root.b[0] ^= 1;
        say_checkpoint(&w, &c, key);
        wait_told(w.first, size, ATE_UNTRUSTED);
        far_put(w.f, w.p, 40);
        ate__log_key_free(key);
        world_free(&w);
    }
}

/* A line of a log key that does not hold. */
static void test_damaged_line(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct world w = world_new(mirror);
        uint64_t size = true_note(&w);
        struct ate__checkpoint c = now(&w, size);
        struct ate__buf note = ATE__BUF_NULL;
        assert_int_equal(ate__checkpoint_make(&c, w.f->server->log_key, &note), 0);
        size_t at = note.size - 200; /* of ML-DSA's */
        note.data[at] = note.data[at] == 'A' ? 'B' : 'A';
        say(&w, ate__buf_bytes(&note));
        wait_told(w.first, size, ATE_TAMPERED);
        expect_final(&w, ATE_TAMPERED, "noted");
        ate__buf_deinit(&note);
        world_free(&w);
    }
}

static void test_no_note(void **state)
{
    (void)state;
    for (int other_chain = 0; other_chain < 2; other_chain++) {
        struct world w = world_new(false);
        uint64_t size = true_note(&w);
        struct ate__checkpoint c = now(&w, size);
        c.chain_id.b[0] ^= 1;
        if (other_chain)
            say_checkpoint(&w, &c, NULL);
        else
            say(&w, ate__text_bytes("ate/x\n1\nx\n\n- ate/x x\n"));
        expect_final(&w, ATE_BAD_PEER, "");
        world_free(&w);
    }
}

/* --- a fork that shows elsewhere --- */

/* format: of the directory, any number of times. */
static void run(const char *format, const char *logs)
{
    char line[1024];
    snprintf(line, sizeof line, format, logs);
    assert_int_equal(shell(line), 0);
}

/* The server's directory is set back while clients are connected to it. */
static void test_set_back(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct world w = world_new(mirror);
        const char *logs = w.f->server_conf.logs;
        unsigned before = told.forked;
        true_note(&w);
        far_stop(w.f);
        run("cp -a '%1$s' '%1$s.old'", logs);
        far_start(w.f);
        far_put(w.f, w.p, 50);
        far_stop(w.f);
        run("rm -r '%1$s' && mv '%1$s.old' '%1$s'", logs);
        far_start(w.f);
        expect_final(&w, ATE_ROLLED_BACK, "kept in a file");
        assert_int_equal(told.forked, before + 1);
        world_free(&w);
    }
    told.forked = 0;
}

/* --- looks --- */

static void wait_looks(unsigned count)
{
    uint64_t until = ate__monotonic_ms(&ate__env_real) + 20000;
    for (; atomic_load(&looks) < count; sched_yield())
        assert_true(ate__monotonic_ms(&ate__env_real) < until);
}

/* As often as it says, while notes come and while none do, and never after the end. */
static void test_looks(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        atomic_store(&look_ms, 1);
        atomic_store(&looks, 0);
        struct world w = world_new(mirror);
        wait_looks(5);
        for (uint64_t n = 60; n < 64; n++) {
            far_put(w.f, w.writer, n);
            pass(&w, 40000);
        }
        unsigned before = atomic_load(&looks);
        wait_looks(before + 5);
        far_stop(w.f); /* and without the server */
        before = atomic_load(&looks);
        wait_looks(before + 5);
        far_start(w.f);
        world_free(&w);
        atomic_store(&look_ms, 0);
        before = atomic_load(&looks);
        w = world_new(mirror);
        wait_looks(before + 1); /* once */
        true_note(&w);
        assert_int_equal(atomic_load(&looks), before + 1);
        world_free(&w);
    }
}

/* --- ends --- */

static void test_ends(void **state)
{
    (void)state;
    struct world w = world_new(false);
    for (unsigned i = 0; i < 40; i++) {
        far_put(w.f, w.writer, 100 + i);
        pass(&w, 40000);
        far_close(w.p);
        open_judge(&w, i % 2);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true),         cmocka_unit_test(test_older_and_newer),
        cmocka_unit_test(test_lies),         cmocka_unit_test(test_untrusted),
        cmocka_unit_test(test_damaged_line), cmocka_unit_test(test_no_note),
        cmocka_unit_test(test_set_back),     cmocka_unit_test(test_looks),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
