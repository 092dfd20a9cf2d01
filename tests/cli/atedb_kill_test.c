/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * atedb killed under load, again and again: whatever was acknowledged is there afterwards, at the
 * place that was acknowledged, and what a follower had seen is continued, never changed. Each kill
 * comes while both writers have commits in flight, and some of theirs were acknowledged since the
 * kill before; every fifth restart is killed as well.
 *
 *     atedb_kill_test ATEDB [ROUNDS]
 */
#include "lib/rnd.h"
#include "lib/tmpdir.h"
#include "net/addr.h"
#include "unit/mesh/kit.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROUNDS = 50,
    WRITERS = 2,
    IN_FLIGHT = 8,
    ANSWERS_MAX = 120,  /* of one writer, before a kill */
    LOAD_SECONDS = 60,  /* for them */
    RESTART_US_MAX = 20000
};

static const char *program;
static unsigned rounds = ROUNDS;

struct server {
    pid_t pid;
    uint16_t port;
    struct ate_hash pin;
};

/* What was acknowledged: that transaction, at that place. */
struct acknowledged {
    uint64_t sequence;
    struct ate_hash hash;
};
struct writer {
    struct kit_chain chain; /* an origin of its own */
    const struct server *server;
    uint64_t objects;
    struct acknowledged *done;
    size_t count, capacity;
    pthread_t thread;
};
struct history { /* tx hashes by sequence, as followed */
    struct ate_hash *hashes;
    size_t count, capacity;
    struct kit_follow follow;
};

/* --- the process --- */

/* Its output: *ret_out. */
static pid_t launch(const char *logs, int *ret_out)
{
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(pipe_fd[1], STDOUT_FILENO);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
        execl(program, program, "-q", "--no-auth", "-p", "0", "--limit",
              "create-bytes=1000000000000", logs, (char *)NULL);
        _exit(127);
    }
    close(pipe_fd[1]);
    *ret_out = pipe_fd[0];
    return pid;
}

static struct server start(const char *logs)
{
    struct server s = {.pid = -1};
    static struct ate__addr addr;
    char line[4096];
    int out_fd;
    s.pid = launch(logs, &out_fd);
    FILE *out = fdopen(out_fd, "r");
    assert_non_null(out);
    if (!fgets(line, sizeof line, out))
        fail_msg("%s is not ready", program);
    fclose(out);
    *strchr(line, ' ') = 0;
    assert_int_equal(ate__addr_parse(line, &addr), 0);
    s.port = addr.port;
    s.pin = addr.pins[0];
    return s;
}

static int end(struct server *s, int signal_number)
{
    int status;
    assert_int_equal(kill(s->pid, signal_number), 0);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    return status;
}

/* One that dies somewhere on its way to being ready, or just after. */
static void start_in_vain(const char *logs, struct rnd *r)
{
    struct server s;
    int out_fd;
    s.pid = launch(logs, &out_fd);
    usleep((useconds_t)rnd_below(r, RESTART_US_MAX));
    assert_true(WIFSIGNALED(end(&s, SIGKILL)));
    close(out_fd);
}

/* --- load --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the writers' counts */
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

/* Until each of them got as many answers. */
static void wait_answers(const struct writer *writers, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOAD_SECONDS;
    pthread_mutex_lock(&mutex);
    for (unsigned i = 0; i < WRITERS; i++)
        while (writers[i].count < count)
            if (pthread_cond_timedwait(&answered, &mutex, &until)) {
                size_t got = writers[i].count;
                pthread_mutex_unlock(&mutex);
                fail_msg("writer %u got %zu of %zu answers within %d s", i, got, count,
                         LOAD_SECONDS);
            }
    pthread_mutex_unlock(&mutex);
}

static void acknowledge(struct writer *w, const struct kit_frame *f, const struct ate_hash *hashes)
{
    struct ate__msg_committed m;
    assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f->body), &m), 0);
    pthread_mutex_lock(&mutex);
    if (w->count == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 1024;
        w->done = realloc(w->done, w->capacity * sizeof *w->done);
        assert_non_null(w->done);
    }
    w->done[w->count++] = (struct acknowledged){m.receipt.sequence, hashes[m.request % IN_FLIGHT]};
    pthread_cond_signal(&answered);
    pthread_mutex_unlock(&mutex);
}

static struct ate_hash send_one(struct writer *w, struct kit_client *c, uint32_t request,
                                const struct ate__head *base)
{
    struct kit_put put = {.object = kit_id(++w->objects), .payload_size = w->objects % 3000};
    struct ate__buf buf = kit_put(&w->chain, base, &put, NULL);
    struct ate__tx tx;
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&buf), ATE__SHA256, &tx), 0);
    struct ate_hash hash = tx.hash;
    ate__tx_deinit(&tx);
    kit_commit(c, 1, request, base, ate__buf_bytes(&buf));
    ate__buf_deinit(&buf);
    return hash;
}

/* Until the connection is gone. */
static void *write_on(void *arg)
{
    struct writer *w = arg;
    struct ate_hash hashes[IN_FLIGHT];
    struct kit_client *c = kit_connect_to(w->server->port, &w->server->pin);
    if (!c)
        return NULL;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    struct ate__head base = {.size = 0};
    struct ate__msg_opened m;
    ate__msg_open_encode(&wr, &(struct ate__msg_open){ate__text_bytes(w->chain.path)});
    kit_send(c, ATE__MSG_OPEN, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    struct kit_frame f = kit_receive(c);
    if (f.type == ATE__MSG_OPENED) {
        assert_int_equal(ate__msg_opened_decode(ate__buf_bytes(&f.body), &m), 0);
        base = m.head;
        for (uint32_t request = 1; request <= IN_FLIGHT; request++)
            hashes[request % IN_FLIGHT] = send_one(w, c, request, &base);
    }
    while (f.type) {
        struct ate__msg_committed committed;
        kit_frame_free(&f);
        f = kit_receive(c);
        if (f.type != ATE__MSG_COMMITTED)
            continue;
        acknowledge(w, &f, hashes);
        assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f.body), &committed), 0);
        uint32_t next = committed.request + IN_FLIGHT;
        hashes[next % IN_FLIGHT] = send_one(w, c, next, &base);
    }
    kit_kill(c);
    return NULL;
}

/* --- checks --- */

static void add_group(struct history *h, const struct kit_frame *f)
{
    struct ate__msg_group m;
    struct ate_bytes record;
    kit_follow_group(&h->follow, f); /* it continues what was there */
    assert_int_equal(ate__msg_group_decode(ate__buf_bytes(&f->body), &m), 0);
    for (size_t at = 0; ate__msg_group_next(m.records, &at, &record);) {
        struct ate__tx tx;
        assert_int_equal(ate__tx_decode(record, ATE__SHA256, &tx), 0);
        if (h->count == h->capacity) {
            h->capacity = h->capacity ? 2 * h->capacity : 4096;
            h->hashes = realloc(h->hashes, h->capacity * sizeof *h->hashes);
            assert_non_null(h->hashes);
        }
        h->hashes[h->count++] = tx.hash;
        ate__tx_deinit(&tx);
    }
}

static void check(const struct server *s, struct writer *writers, struct history *h)
{
    struct kit_client *c = kit_connect_to(s->port, &s->pin);
    assert_non_null(c);
    struct ate__head head = kit_open(c, 1, &writers[0].chain);
    assert_true(head.size >= h->follow.tree.size);
    struct ate__head seen = {h->follow.tree.size, h->follow.root};
    kit_subscribe(c, 1, seen.size ? &seen : &(struct ate__head){.size = 0});
    head = kit_subscribed(c);
    assert_true(head.size > 0);
    while (h->follow.tree.size < head.size) {
        struct kit_frame f = kit_receive(c);
        add_group(h, &f);
        kit_frame_free(&f);
    }
    assert_memory_equal(&h->follow.root, &head.root, sizeof head.root);
    for (unsigned i = 0; i < WRITERS; i++)
        for (size_t k = 0; k < writers[i].count; k++) {
            const struct acknowledged *a = &writers[i].done[k];
            assert_true(a->sequence < h->count);
            assert_memory_equal(&h->hashes[a->sequence], &a->hash, sizeof a->hash);
        }
    kit_close(c);
}

static void test_killed(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct rnd r = rnd_of(rnd_seed(50));
    struct history h = {.count = 0};
    struct writer writers[WRITERS] = {{.chain = kit_chain_new("/load", true)}};
    struct kit_chain made = kit_chain_new("/made/in/round", true);
    kit_follow_init(&h.follow);
    struct server s = start(logs);
    struct ate_hash pin = s.pin;
    struct kit_client *c = kit_connect_to(s.port, &s.pin);
    assert_int_equal(kit_create(c, 1, &writers[0].chain).size, 1);
    kit_close(c);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].chain = writers[0].chain;
        writers[i].chain.origin[0] ^= (uint8_t)(1 + i);
        writers[i].objects = (uint64_t)i << 40;
        writers[i].server = &s;
    }
    size_t total = 0;
    for (unsigned n = 0; n < rounds; n++) {
        for (unsigned i = 0; i < WRITERS; i++)
            assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
        wait_answers(writers, 1 + rnd_below(&r, ANSWERS_MAX));
        /* A chain that was made at that moment is there as well. */
        if (n % 10 == 5) {
            snprintf(made.path, sizeof made.path, "/made/in/round");
            c = kit_connect_to(s.port, &s.pin);
            struct ate__head head = kit_create(c, 1, &made);
            assert_true(head.size == 1 || kit_error == ATE_EXISTS);
            kit_kill(c);
        }
        assert_true(WIFSIGNALED(end(&s, SIGKILL)));
        for (unsigned i = 0; i < WRITERS; i++)
            pthread_join(writers[i].thread, NULL);
        if (n % 5 == 4)
            start_in_vain(logs, &r);
        s = start(logs);
        assert_memory_equal(&s.pin, &pin, sizeof pin);
        check(&s, writers, &h);
        if (n % 10 == 5) {
            c = kit_connect_to(s.port, &s.pin);
            assert_int_equal(kit_open(c, 1, &made).size, 1);
            kit_close(c);
        }
        for (unsigned i = 0; i < WRITERS; i++) {
            assert_true(writers[i].count > 0);
            total += writers[i].count;
            writers[i].count = 0; /* they were there, and what a follower saw stays */
        }
    }
    printf("# killed %u times; %zu of %zu transactions were acknowledged, and all of these were "
           "there\n",
           rounds, total, h.count);
    assert_int_equal(end(&s, SIGTERM), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        free(writers[i].done);
    free(h.hashes);
    kit_chain_free(&writers[0].chain);
    kit_chain_free(&made);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    program = argv[1];
    if (argc > 2)
        rounds = (unsigned)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
