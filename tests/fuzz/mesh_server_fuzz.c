/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mesh_server_fuzz.c: the frames that a client may send, at a whole server without its sockets.
 *
 * Input: a byte of flags (1: the link has hardly any room), then steps: u8 type, u8 stream,
 * u16le size, body. Type 0: the link has room again; type 1: wait until the server is idle. The
 * chain `/f`, which anyone may write, is there; its id is always the same, so that an input may
 * hold commits to it.
 *
 * Whatever comes: nothing crashes, all work ends, and the next client opens the chain.
 */
#include "crypto/keyfile.h"
#include "mesh/server_private.h"
#include "trust/facts.h"
#include "trust/state.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is open between two runs lies in hash maps, where LeakSanitizer, which libFuzzer asks after
 * each run, does not see it. The unit tests look for leaks. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

enum { READS_AFTER = 400 }; /* polls of 50 us */

/* --- a link that goes nowhere --- */

struct nowhere {
    struct ate__link link;
    struct ate__buf frame; /* the one being written */
    size_t room, credit;
    bool was_full, closed;
    unsigned opened; /* OPENED frames */
};

static int nowhere_begin(struct ate__link *l, uint16_t type, uint32_t stream, struct ate__wr *ret_w)
{
    struct nowhere *n = ATE__CONTAINER(l, struct nowhere, link);
    if (n->closed)
        return ate__fail(ATE_OFFLINE, "closed");
    if (!n->room) {
        n->was_full = true;
        return ate__fail(ATE_BUSY, "no room");
    }
    (void)stream;
    n->opened += type == ATE__MSG_OPENED;
    ate__buf_clear(&n->frame);
    *ret_w = ate__wr_of(&n->frame);
    return 0;
}

static int nowhere_end(struct ate__link *l, struct ate__wr *w)
{
    struct nowhere *n = ATE__CONTAINER(l, struct nowhere, link);
    n->room -= ate__min(n->room, n->frame.size + ATE__NET_FRAME_HEAD);
    n->was_full |= !n->room;
    return ate__wr_end(w);
}

static size_t nowhere_room(const struct ate__link *l)
{
    return ATE__CONTAINER(l, const struct nowhere, link)->room;
}

static void nowhere_pause(struct ate__link *l, bool paused)
{
    (void)l;
    (void)paused;
}

static void nowhere_close(struct ate__link *l, int result, const char *text)
{
    (void)result;
    (void)text;
    ATE__CONTAINER(l, struct nowhere, link)->closed = true;
}

static size_t nowhere_unsent(const struct ate__link *l, uint64_t *ret_stuck_ms)
{
    const struct nowhere *n = ATE__CONTAINER(l, const struct nowhere, link);
    *ret_stuck_ms = n->was_full ? ATE__NET_STUCK_MS : 0;
    return n->was_full ? ATE__NET_CREDIT : 0;
}

static const struct ate__link_ops nowhere_ops = {
    .begin = nowhere_begin,
    .end = nowhere_end,
    .room = nowhere_room,
    .pause = nowhere_pause,
    .close = nowhere_close,
    .unsent = nowhere_unsent,
    .drop = nowhere_close,
    .confine = nowhere_pause,
};

/* --- the server --- */

static struct ate__server *server;
static char logs[] = "/tmp/ate-fuzz-XXXXXX";
static struct ate__env env;
static bool fixed; /* random bytes are the same each time */

static void random_bytes(void *user, void *to, size_t size)
{
    if (fixed)
        memset(to, 0x2a, size);
    else
        ate__rng_os(user, to, size);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void clean_up(void)
{
    ate__server_end(server);
    nftw(logs, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct call {
    void (*call)(struct nowhere *n, const struct ate__net_frame *frame);
    struct nowhere *n;
    struct ate__net_frame frame;
};

static int call_here(void *arg)
{
    const struct call *c = arg;
    c->call(c->n, &c->frame);
    return 0;
}

static void on_loop(void (*call)(struct nowhere *n, const struct ate__net_frame *frame),
                    struct nowhere *n, struct ate__net_frame frame)
{
    struct call c = {call, n, frame};
    int rc = ate__loop_call(server->loop, call_here, &c);
    ate__assert(rc == 0);
}

static void accept_link(struct nowhere *n, const struct ate__net_frame *frame)
{
    (void)frame;
    n->link.ops = &nowhere_ops;
    n->link.peer = "127.0.0.1:1";
    int rc = ate__server_accept(server, &n->link, &n->link.events, &n->link.owner);
    ate__assert(rc == 0);
}

static void give_frame(struct nowhere *n, const struct ate__net_frame *frame)
{
    if (!n->closed)
        n->link.events->frame(n->link.owner, frame);
}

static void give_room(struct nowhere *n, const struct ate__net_frame *frame)
{
    (void)frame;
    n->room = n->credit;
    if (n->was_full && !n->closed)
        n->link.events->drained(n->link.owner);
    n->was_full = false;
}

static void end_link(struct nowhere *n, const struct ate__net_frame *frame)
{
    (void)frame;
    n->closed = true;
    n->link.events->closed(n->link.owner, ATE_END, "end");
}

/* A request that finds no room comes back when its client reads, or has gone: one that goes on
 * waiting begins to read. n NULL: none is there. */
static void wait_idle(struct nowhere *n)
{
    for (unsigned polls = 1; atomic_load(&server->busy); polls++) {
        if (n && polls % READS_AFTER == 0)
            on_loop(give_room, n, (struct ate__net_frame){0});
        usleep(50);
    }
}

static struct nowhere connect_to(size_t credit)
{
    return (struct nowhere){.room = credit, .credit = credit};
}

static void disconnect(struct nowhere *n)
{
    on_loop(end_link, n, (struct ate__net_frame){0});
    wait_idle(NULL);
    ate__buf_deinit(&n->frame);
}

/* --- the chain --- */

static void make_headers(const struct ate__key *key, struct ate__buf headers[2],
                         struct ate_hash *ret_chain_id)
{
    static const uint8_t algorithm[2] = {ATE__SIG_MLDSA65_ED25519, 0};
    ate__cleanup(ate__buf_deinit) struct ate__buf body = ATE__BUF_NULL;
    struct ate__genesis g = {.format_version = ATE__FORMAT_VERSION,
                             .rules_version = ATE__RULES_VERSION,
                             .hash_alg = ATE__SHA256,
                             .mode = ATE__DISTRIBUTED,
                             .name = ate__text_bytes("/f"),
                             .root_keys = {ate__buf_bytes(&key->public_key)},
                             .root_key_count = 1,
                             .window = ATE__WINDOW_DEFAULT,
                             .signature_algorithms = ate__bytes(algorithm, 2),
                             .strength_min = 192};
    struct ate__rule rule = {.who = ATE__RULE_EVERYONE};
    struct ate__auth auth = {.rule = {rule, rule, rule, rule}};
    int rc = ate__genesis_encode(&g, &body);
    if (!rc)
        rc = ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), ret_chain_id);
    struct ate__header_wr w = ate__header_wr_of(&headers[0]);
    ate__header_item(&w, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    if (!rc)
        rc = ate__header_end(&w);
    w = ate__header_wr_of(&headers[1]);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(ate__top_id.b, sizeof ate__top_id.b));
    ate__header_auth(&w, &auth);
    if (!rc)
        rc = ate__header_end(&w);
    ate__assert(rc == 0);
}

static void make_genesis(struct ate__buf *tx)
{
    struct ate__buf headers[2] = {ATE__BUF_NULL, ATE__BUF_NULL}, bytes = ATE__BUF_NULL;
    struct ate__tx_in in = {.id.number = 1, .event_count = 2};
    struct ate__event_in events[2] = {{.form = ATE__BARE}, {.form = ATE__BARE}};
    struct ate__key32 seed = {{7}};
    struct ate__key *key;
    struct ate__frontier empty;
    struct ate__signature signature;
    struct ate_hash hash;
    int rc = ate__key_of_seed(&seed, "fuzz", &key);
    ate__assert(rc == 0);
    make_headers(key, headers, &in.chain_id);
    events[0].header = ate__buf_bytes(&headers[0]);
    events[1].header = ate__buf_bytes(&headers[1]);
    in.events = events;
    ate__frontier_init(&empty);
    rc = ate__frontier_root(&empty, &in.base_root);
    if (!rc)
        rc = ate__tx_encode(&in, ATE__SHA256, tx, &hash);
    if (!rc)
        rc = ate__trust_sign(NULL, key, ATE__SHA256, &hash, &bytes, &signature);
    if (!rc)
        rc = ate__tx_encode_signatures(&signature, 1, tx);
    ate__assert(rc == 0);
    ate__buf_deinit(&headers[0]);
    ate__buf_deinit(&headers[1]);
    ate__buf_deinit(&bytes);
    ate__key_free(key);
}

static void start(void)
{
    struct ate__buf genesis = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct nowhere n = connect_to(1 << 20);
    struct ate__server_conf conf = {
        .env = &env, .logs = logs, .no_auth = true, .allow_destroy = true};
    env = ate__env_real;
    env.random = random_bytes;
    conf.sync = ATE__SYNC_INTERVAL;
    conf.sync_interval_ms = 1000;
    conf.server_limits.create_bytes = UINT64_MAX;
    conf.server_limits.idle_ms = 5;
    ate__assert(mkdtemp(logs) != NULL);
    fixed = true;
    make_genesis(&genesis);
    fixed = false;
    int rc = ate__server_core(&conf, &server);
    ate__assert(rc == 0);
    atexit(clean_up);
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_create_encode(
        &w, &(struct ate__msg_create){ate__text_bytes("/f"), ate__buf_bytes(&genesis)});
    on_loop(accept_link, &n, (struct ate__net_frame){0});
    on_loop(give_frame, &n, (struct ate__net_frame){ATE__MSG_CREATE, 1, ate__buf_bytes(&body)});
    wait_idle(&n);
    ate__assert(n.opened == 1);
    disconnect(&n);
    ate__buf_deinit(&genesis);
    ate__buf_deinit(&body);
}

static void check_alive(void)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct nowhere n = connect_to(1 << 20);
    ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes("/f")});
    on_loop(accept_link, &n, (struct ate__net_frame){0});
    on_loop(give_frame, &n, (struct ate__net_frame){ATE__MSG_OPEN, 1, ate__buf_bytes(&body)});
    wait_idle(&n);
    ate__assert(n.opened == 1);
    disconnect(&n);
    ate__buf_deinit(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server)
        start();
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct nowhere n = connect_to(ate__rd_u8(&r) & 1 ? 100 : 1 << 20);
    on_loop(accept_link, &n, (struct ate__net_frame){0});
    while (ate__rd_left(&r) >= 4) {
        struct ate__net_frame frame = {.type = ate__rd_u8(&r), .stream = ate__rd_u8(&r)};
        size_t body = ate__rd_u16(&r);
        frame.body = ate__rd_bytes(&r, ate__min(body, ate__rd_left(&r)));
        if (frame.type == 0)
            on_loop(give_room, &n, frame);
        else if (frame.type == 1)
            wait_idle(&n);
        else
            on_loop(give_frame, &n, frame);
    }
    wait_idle(&n);
    disconnect(&n);
    check_alive();
    return 0;
}
