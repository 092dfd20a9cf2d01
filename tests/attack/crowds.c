/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * crowds.c: whoever wants a server to have no time, room or memory left for others: by silence, by
 * numbers, by asking and not reading.
 */
#include "attack.h"
#include "base/alloc.h"
#include "base/endian.h"
#include "lib/tmpdir.h"
#include "net/conn.h"
#include "raw.h"
#include "trust/plugin.h"
#include "unit/mesh/kit.h"
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

/* ---- one connection, without a transport ---- */

static struct ate__conn *accepted(const struct ate__net_limits *limits)
{
    struct ate__conn_conf conf = {
        .server = true, .wire = ATE__WIRE_EITHER, .hello = ate__hello_ours()};
    struct ate__conn *c;
    if (limits)
        conf.limits = *limits;
    attack_must(ate__conn_new(&conf, 0, &c));
    return c;
}

static void say_hello(struct ate__conn *c)
{
    uint8_t hello[25];
    struct ate__net_frame f;
    ate__conn_feed(c, raw_hello(ATE__WIRE_VERSION, ATE__WIRE_VERSION, hello), 0);
    assert_int_equal(ate__conn_next(c, 0, &f), ATE__CONN_OPENED);
    ate__conn_sent(c, ate__conn_out(c).size, 0);
}

/* 0: it is there after an hour, whose every second went by. */
static int outlasts(struct ate__conn *c)
{
    enum { HOUR_MS = 3600000 };
    for (uint64_t ms = 0; ms <= HOUR_MS && ate__conn_state(c) < ATE__CONN_CLOSING; ms += 1000) {
        ate__conn_tick(c, ms);
        size_t due = ate__conn_out(c).size;
        ate__conn_sent(c, due, ms);
    }
    int rc = ate__conn_state(c) < ATE__CONN_CLOSING
                 ? 0
                 : ate__fail(ate__conn_result(c), "%s", ate__conn_text(c));
    ate__conn_free(c);
    return rc;
}

static void silent_for_ever(void)
{
    uint8_t hello[25];
    struct ate_bytes some = raw_hello(ATE__WIRE_VERSION, ATE__WIRE_VERSION, hello);
    some.size = 13;
    attack_tried("says nothing", outlasts(accepted(NULL)), ATE_TIMEOUT);
    struct ate__conn *c = accepted(NULL);
    ate__conn_feed(c, some, 0);
    attack_tried("says half of a greeting", outlasts(c), ATE_TIMEOUT);
}

/* Gone without a word, or there and mute: its memory and its descriptor are held. */
static void silent_once_greeted(void)
{
    struct ate__conn *c = accepted(NULL);
    say_hello(c);
    attack_tried("greets, and says nothing", outlasts(c), ATE_OFFLINE);
}

static void pings_without_end(void)
{
    enum { PINGS = 20000, CREDIT = 2000 };
    struct ate__net_limits limits = {.credit_bytes = CREDIT};
    struct ate__conn *c = accepted(&limits);
    struct ate__net_frame f;
    uint8_t ping[20] = {16, 0, 0, 0, ATE__NET_PING};
    size_t due = 0;
    say_hello(c);
    for (uint32_t i = 0; i < PINGS; i++) {
        ate__conn_feed(c, ate__bytes(ping, sizeof ping), 0);
        assert_int_equal(ate__conn_next(c, 0, &f), ATE__CONN_NOTHING);
        due = ate__conn_out(c).size; /* and it reads none of it */
    }
    attack_tried("asks for answers and reads none",
                 due > 10 * (size_t)CREDIT ? 0 : ate__fail(ATE_BUSY, "%zu bytes wait", due),
                 ATE_BUSY);
    ate__conn_free(c);
}

/* ---- many connections, at a real server ---- */

/* In clear text: TLS costs both sides the same. */
static struct ate__server *serve(const struct ate__net_limits *limits)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.no_wire_encryption = true;
    conf.limits = *limits;
    conf.limits.greeting_ms = 600000;
    return kit_start(&conf);
}

/* Somebody honest from that address: 0: he is answered. */
static int greeted(const struct ate__server *s, unsigned source, int *ret_fd)
{
    uint8_t hello[25];
    *ret_fd = raw_connect(raw_port(s), source);
    if (!raw_say(*ret_fd, raw_hello(ATE__WIRE_VERSION, ATE__WIRE_VERSION, hello)))
        return ate__fail(ATE_BUSY, "the connection ended");
    return raw_answer(*ret_fd, ATE__NET_HELLO);
}

/* The attack has its will if he is not. */
static void shut_out(const char *way, const struct ate__server *s, unsigned source, unsigned tries)
{
    int rc = ATE_BUSY;
    for (unsigned i = 0; i < tries && rc; i++) {
        int fd;
        rc = greeted(s, source, &fd);
        close(fd);
    }
    attack_tried(way, rc ? 0 : ate__fail(ATE_EXISTS, "he is answered"), ATE_EXISTS);
}

static void silent_crowd(void)
{
    enum { CROWD = 8, TRIES = 100 };
    const struct ate__net_limits limits = {.greetings = CROWD, .grace_ms = 1};
    struct ate__server *s = serve(&limits);
    int fd[CROWD];
    for (unsigned i = 0; i < CROWD; i++)
        fd[i] = raw_connect(raw_port(s), 2 + i);
    shut_out("all greetings are taken", s, 1, TRIES);
    for (unsigned i = 0; i < CROWD; i++)
        close(fd[i]);
    ate__server_end(s);
}

static void greetings_of_one_source(void)
{
    enum { CROWD = 8 };
    const struct ate__net_limits limits = {
        .greetings = CROWD, .greetings_source = CROWD / 2, .grace_ms = 600000};
    struct ate__server *s = serve(&limits);
    int fd[CROWD];
    for (unsigned i = 0; i < CROWD; i++)
        fd[i] = raw_connect(raw_port(s), 2);
    shut_out("from one address", s, 1, 1);
    for (unsigned i = 0; i < CROWD; i++)
        close(fd[i]);
    ate__server_end(s);
}

static void connections_without_end(void)
{
    enum { CROWD = 4 };
    const struct ate__net_limits limits = {.connections = CROWD};
    struct ate__server *s = serve(&limits);
    int fd[CROWD + 1], rc = 0;
    for (unsigned i = 0; i < CROWD; i++)
        attack_must(greeted(s, 1, &fd[i]));
    rc = greeted(s, 1, &fd[CROWD]);
    attack_tried("one more than the limit", rc, ATE_BUSY);
    for (unsigned i = 0; i <= CROWD; i++)
        close(fd[i]);
    ate__server_end(s);
}

/* ---- one connection that asks for much ---- */

struct world {
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *honest, *crowd;
    struct ate__head head;
};

static void world_begin(struct world *w, const struct ate__server_conf *conf)
{
    *w = (struct world){.server = kit_start(conf), .chain = kit_chain_new("/w", true)};
    w->honest = kit_connect(w->server);
    w->head = kit_create(w->honest, 1, &w->chain);
    w->crowd = kit_connect(w->server);
    kit_open(w->crowd, 1, &w->chain);
}

static void world_end(struct world *w)
{
    kit_close(w->honest);
    kit_kill(w->crowd);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
}

/* Behind it the server has read from everybody what it reads now: each of its turns reads from all
 * who have sent something. */
static void turns(struct world *w)
{
    for (unsigned i = 0; i < 100; i++)
        kit_open(w->honest, 2 + i, &w->chain); /* or it is told that these are too many */
    for (unsigned i = 0; i < 100; i++)
        kit_send(w->honest, ATE__MSG_CLOSE, 2 + i, (struct ate_bytes){0});
}

static void streams_without_end(void)
{
    enum { STREAMS = 5 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w;
    conf.server_limits.streams = STREAMS;
    world_begin(&w, &conf);
    int rc = 0;
    for (unsigned i = 2; i <= STREAMS + 1 && !rc; i++) {
        struct ate__head head = kit_open(w.crowd, i, &w.chain);
        rc = head.size ? 0 : ate__fail(kit_error, "%s", kit_error_text);
    }
    attack_tried("one more than the limit", rc, ATE_BUSY);
    world_end(&w);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool held; /* validate() does not return */
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static int validate(void *arg, struct ate__trust *trust, const struct ate__tx *tx)
{
    (void)arg, (void)trust, (void)tx;
    pthread_mutex_lock(&gate.mutex);
    while (gate.held)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    return 0;
}

static void hold(bool held)
{
    pthread_mutex_lock(&gate.mutex);
    gate.held = held;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

/* What comes behind so many commits that wait: 0: it is read and answered all the same. */
static void commits_without_end(void)
{
    enum { LIMIT = 4, ELSEWHERE = 99 };
    static const struct ate__plugins slow = {.validate = validate};
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w;
    conf.server_limits.commits = LIMIT;
    conf.plugins = &slow;
    world_begin(&w, &conf);
    hold(true);
    for (uint32_t i = 0; i < 2 * LIMIT; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = 10};
        struct ate__buf tx = kit_put(&w.chain, &w.head, &put, NULL);
        kit_commit(w.crowd, 1, 1 + i, &w.head, ate__buf_bytes(&tx));
        ate__buf_deinit(&tx);
    }
    kit_send(w.crowd, ATE__MSG_GET, ELSEWHERE, (struct ate_bytes){0}); /* ERROR is due at once */
    kit_flush(w.crowd);
    turns(&w);
    bool quiet = kit_quiet(w.crowd, 1);
    attack_tried("more than may wait", quiet ? ate__fail(ATE_BUSY, "it is not read") : 0, ATE_BUSY);
    hold(false);
    world_end(&w);
}

static void forged_without_end(void)
{
    enum { LIMIT = 4, FORGED = 12 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct ate__server *s;
    conf.server_limits.failed_signatures = LIMIT;
    s = kit_start(&conf);
    struct kit_chain chain = kit_chain_new("/w", false);
    struct kit_client *c = kit_connect(s);
    struct ate__head head = kit_create(c, 1, &chain);
    int rc = 0;
    for (uint32_t i = 1; i <= FORGED && !rc; i++) {
        struct kit_put put = {.object = kit_id(i), .forged = true};
        struct ate__buf tx = kit_put(&chain, &head, &put, NULL);
        kit_commit(c, 1, i, &head, ate__buf_bytes(&tx));
        struct kit_frame f = kit_receive(c);
        if (f.type != ATE__MSG_REJECTED)
            rc = ate__fail(ATE_BAD_PEER, "the connection ended");
        kit_frame_free(&f);
        ate__buf_deinit(&tx);
    }
    attack_tried("signatures that do not hold", rc, ATE_BAD_PEER);
    kit_kill(c);
    ate__server_end(s);
    kit_chain_free(&chain);
}

static void chains_without_end(void)
{
    enum { CHAINS = 3 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.server_limits.create_chains = CHAINS;
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    int rc = 0;
    for (unsigned i = 0; i <= CHAINS && !rc; i++) {
        char path[8];
        snprintf(path, sizeof path, "/c%u", i);
        struct kit_chain chain = kit_chain_new(path, true);
        struct ate__head head = kit_create(c, 1 + i, &chain);
        rc = head.size ? 0 : ate__fail(kit_error, "%s", kit_error_text);
        kit_chain_free(&chain);
    }
    attack_tried("by one address", rc, ATE_BUSY);
    kit_close(c);
    ate__server_end(s);
}

/* ---- who asks and does not read ---- */

enum { OBJECTS = 4, PAYLOAD = 1 << 20, ANSWER = OBJECTS * PAYLOAD };

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* Of this process. */
static size_t memory(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void store_large(struct world *w)
{
    for (uint32_t i = 0; i < OBJECTS; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = PAYLOAD};
        struct ate__buf tx = kit_put(&w->chain, &w->head, &put, NULL);
        kit_commit(w->honest, 1, 1, &w->head, ate__buf_bytes(&tx));
        kit_committed(w->honest, 1, ate__buf_bytes(&tx), &w->head);
        ate__buf_deinit(&tx);
    }
}

static void ask(struct kit_client *c, const struct ate__head *known, unsigned times)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_get_encode(
        &w, &(struct ate__msg_get){.request = 1, .known = *known, .kind = ATE__GET_CHILDREN});
    for (unsigned i = 0; i < times; i++)
        kit_send(c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
    kit_flush(c);
    ate__buf_deinit(&body);
}

/* False: the connection ended. */
static bool answered(struct kit_client *c)
{
    struct kit_frame f = kit_receive(c);
    bool got = f.type == ATE__MSG_GOT;
    kit_frame_free(&f);
    return got;
}

/* What others are answered then was asked later, so those answers are made that may be. */
static void asks_and_does_not_read(void)
{
    enum { ASKS = 24 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w;
    world_begin(&w, &conf);
    store_large(&w);
    size_t before = memory();
    ask(w.crowd, &w.head, ASKS);
    for (unsigned i = 0; i < ASKS; i++) {
        ask(w.honest, &w.head, 1);
        assert_true(answered(w.honest));
    }
    size_t grown = memory() - before;
    attack_tried("one that asks for all, often",
                 grown > (size_t)ASKS / 2 * ANSWER ? 0
                                                   : ate__fail(ATE_BUSY, "%zu bytes wait", grown),
                 ATE_BUSY);
    world_end(&w);
}

/* Each for itself within what one may cost. */
static void many_do_not_read(void)
{
    enum { MANY = 12 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w;
    struct kit_client *c[MANY];
    unsigned left = 0;
    conf.server_limits.unread_bytes = 3 * ANSWER;
    world_begin(&w, &conf);
    store_large(&w);
    for (unsigned i = 0; i < MANY; i++) {
        c[i] = kit_connect(w.server);
        kit_open(c[i], 1, &w.chain);
        ask(c[i], &w.head, 2);
        ask(w.honest, &w.head, 1);
        assert_true(answered(w.honest));
    }
    for (unsigned i = 0; i < MANY; i++)
        left += answered(c[i]) && answered(c[i]);
    attack_tried("many together", left == MANY ? 0 : ate__fail(ATE_BUSY, "%u are left", left),
                 ATE_BUSY);
    for (unsigned i = 0; i < MANY; i++)
        kit_kill(c[i]);
    world_end(&w);
}

/* Most of a frame over each connection, which never ends; each within what one may send. */
static void halves_of_frames(void)
{
    enum { CROWD = 16, HALF = 8 << 20, LIMIT = 2 * HALF };
    const struct ate__net_limits limits = {
        .unfinished_bytes = LIMIT, .ping_ms = 600000, .dead_ms = 600000};
    struct ate__server *s = serve(&limits);
    uint8_t *half = calloc(1, HALF);
    int fd[CROWD], honest;
    assert_non_null(half);
    ate__store32(half, 8 + HALF);
    half[4] = ATE__MSG_COMMIT;
    size_t before = memory();
    for (unsigned i = 0; i < CROWD; i++) {
        attack_must(greeted(s, 1, &fd[i]));
        (void)raw_say(fd[i], ate__bytes(half, HALF));
        attack_must(greeted(s, 1, &honest)); /* what was sent before it was read by then */
        close(honest);
    }
    size_t grown = memory() - before;
    attack_tried("over each of many connections",
                 grown > 3 * (size_t)LIMIT ? 0 : ate__fail(ATE_BUSY, "%zu bytes are kept", grown),
                 ATE_BUSY);
    for (unsigned i = 0; i < CROWD; i++)
        close(fd[i]);
    free(half);
    ate__server_end(s);
}

const struct attack attacks_crowds[] = {
    {"silent-for-ever", silent_for_ever},
    {"silent-once-greeted", silent_once_greeted},
    {"silent-crowd", silent_crowd},
    {"greetings-of-one-source", greetings_of_one_source},
    {"connections-without-end", connections_without_end},
    {"streams-without-end", streams_without_end},
    {"commits-without-end", commits_without_end},
    {"forged-without-end", forged_without_end},
    {"chains-without-end", chains_without_end},
    {"pings-without-end", pings_without_end},
    {"asks-and-does-not-read", asks_and_does_not_read},
    {"many-do-not-read", many_do_not_read},
    {"halves-of-frames", halves_of_frames},
    {NULL, NULL},
};
