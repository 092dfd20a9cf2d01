/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "kit.h"
#include "base/alloc.h"
#include "base/name.h"
#include "chain/host_key.h"
#include "crypto/keyfile.h"
#include "net/addr.h"
#include "trust/facts.h"
#include "trust/state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

static const struct ate__env *const env = &ate__env_real;

/* --- transactions --- */

struct ate_id kit_id(uint64_t n)
{
    struct ate_id id = {{0x80}};
    memcpy(id.b + 8, &n, sizeof n);
    return id;
}

struct ate__head kit_empty_head(void)
{
    struct ate__frontier empty;
    struct ate__head head = {.size = 0};
    ate__frontier_init(&empty);
    assert_int_equal(ate__frontier_root(&empty, &head.root), 0);
    return head;
}

static void finish_tx(const struct ate__tx_in *in, const struct ate__key *key, bool forge,
                      struct ate__buf *buf)
{
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__signature signature;
    struct ate_hash hash;
    int rc = ate__tx_encode(in, ATE__SHA256, buf, &hash);
    if (!rc && key)
        rc = ate__trust_sign(NULL, key, ATE__SHA256, &hash, &bytes, &signature);
    if (forge)
        bytes.data[bytes.size / 2] ^= 1;
    if (!rc)
        rc = ate__tx_encode_signatures(&signature, key ? 1 : 0, buf);
    ate__buf_deinit(&bytes);
    if (rc)
        fail_msg("%s", ate__error_text());
}

static struct ate__tx_in next_tx(struct kit_chain *c, const struct ate__head *base)
{
    struct ate__tx_in in = {.chain_id = c->id,
                            .id.number = ++c->number,
                            .base_size = base->size,
                            .base_root = base->root,
                            .time_us = ate__wall_us(env),
                            .event_count = 1};
    memcpy(in.id.origin, c->origin, sizeof in.id.origin);
    return in;
}

static void make_genesis(struct kit_chain *c, struct ate__buf *body, struct ate__buf *header)
{
    static const uint8_t algorithm[2] = {ATE__SIG_MLDSA65_ED25519, 0};
    struct ate__genesis g = {
        .format_version = ATE__FORMAT_VERSION,
        .rules_version = ATE__RULES_VERSION,
        .hash_alg = ATE__SHA256,
        .mode = c->centralized ? ATE__CENTRALIZED : ATE__DISTRIBUTED,
        .name = ate__text_bytes(c->path),
        .root_key_count = 1,
        .window = ATE__WINDOW_DEFAULT,
        .signature_algorithms = ate__bytes(algorithm, 2),
        .strength_min = 192,
    };
    g.root_keys[0] = ate__buf_bytes(&c->key->public_key);
    ate__random(env, g.random, sizeof g.random);
    struct ate_bytes log_key = ate__buf_bytes(&c->log_key);
    struct ate__buf log_keys = ATE__BUF_NULL;
    int rc = log_key.size ? ate__genesis_key_list(&log_key, 1, &log_keys) : 0;
    g.log_keys = ate__buf_bytes(&log_keys);
    if (!rc)
        rc = ate__genesis_encode(&g, body);
    ate__buf_deinit(&log_keys);
    if (!rc)
        rc = ate__chain_id(ATE__SHA256, ate__buf_bytes(body), &c->id);
    struct ate__header_wr w = ate__header_wr_of(header);
    ate__header_item(&w, ATE__TAG_GENESIS, ate__buf_bytes(body));
    if (!rc)
        rc = ate__header_end(&w);
    assert_int_equal(rc, 0);
}

static struct kit_chain chain_new(const char *path, struct kit_chain c)
{
    struct ate__buf body = ATE__BUF_NULL, headers[2] = {ATE__BUF_NULL, ATE__BUF_NULL};
    struct ate__rule rule = {.who = ATE__RULE_EVERYONE};
    struct ate__auth auth = {.rule = {rule, rule, rule, rule}};
    snprintf(c.path, sizeof c.path, "%s", path);
    ate__random(env, c.origin, sizeof c.origin);
    assert_int_equal(ate__key_generate(env, "test", &c.key), 0);
    make_genesis(&c, &body, &headers[0]);
    struct ate__header_wr w = ate__header_wr_of(&headers[1]);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(ate__top_id.b, sizeof ate__top_id.b));
    ate__header_auth(&w, &auth);
    assert_int_equal(ate__header_end(&w), 0);
    struct ate__head base = kit_empty_head();
    struct ate__tx_in in = next_tx(&c, &base);
    struct ate__event_in events[2] = {
        {.form = ATE__BARE, .header = ate__buf_bytes(&headers[0])},
        {.form = ATE__BARE, .header = ate__buf_bytes(&headers[1])},
    };
    in.events = events;
    in.event_count = c.everyone ? 2 : 1;
    finish_tx(&in, c.key, false, &c.genesis);
    ate__buf_deinit(&body);
    ate__buf_deinit(&headers[0]);
    ate__buf_deinit(&headers[1]);
    return c;
}

struct kit_chain kit_chain_new(const char *path, bool everyone)
{
    return chain_new(path, (struct kit_chain){.everyone = everyone});
}

struct kit_chain kit_chain_attested(const char *path, const struct ate__server *s, uint8_t mode)
{
    struct kit_chain c = {.centralized = mode == ATE__CENTRALIZED};
    struct ate__buf text = ATE__BUF_NULL;
    assert_int_equal(ate__server_log_key(s, &text), 0);
    assert_int_equal(ate__log_key_decode(ate__buf_bytes(&text), &c.log_key), 0);
    ate__buf_deinit(&text);
    return chain_new(path, c);
}

void kit_chain_free(struct kit_chain *c)
{
    ate__buf_deinit(&c->log_key);
    ate__key_free(c->key);
    ate__buf_deinit(&c->genesis);
}

struct ate__buf kit_tx(struct kit_chain *c, const struct ate__head *base,
                       const struct ate__event_in *events, uint32_t count,
                       const struct ate__key *key)
{
    struct ate__buf tx = ATE__BUF_NULL;
    struct ate__tx_in in = next_tx(c, base);
    in.events = events;
    in.event_count = count;
    finish_tx(&in, key, false, &tx);
    return tx;
}

struct ate__buf kit_put(struct kit_chain *c, const struct ate__head *base,
                        const struct kit_put *put, struct ate_hash *ret_event_hash)
{
    struct ate__buf header = ATE__BUF_NULL, tx = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t salt[16];
    char *payload = malloc(put->payload_size + 1);
    assert_non_null(payload);
    memset(payload, 'x', put->payload_size);
    ate__random(env, salt, sizeof salt);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(put->object.b, sizeof put->object.b));
    if (put->prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(put->prev->b, sizeof put->prev->b));
    ate__header_parent(&w, &put->parent, 0);
    if (put->tag)
        ate__header_item(&w, ATE__TAG_TAG, ate__bytes(put->tag, ATE__NAME_TAG));
    assert_int_equal(ate__header_end(&w), 0);
    struct ate__event_in event = {.form = ATE__CLEAR,
                                  .header = ate__buf_bytes(&header),
                                  .salt = ate__bytes(salt, sizeof salt),
                                  .payload = ate__bytes(payload, put->payload_size)};
    struct ate__tx_in in = next_tx(c, base);
    in.events = &event;
    bool sign = put->forged || (!c->everyone && !c->centralized && !put->unsigned_);
    finish_tx(&in, sign ? c->key : NULL, put->forged, &tx);
    if (ret_event_hash)
        assert_int_equal(ate__event_hash(ATE__SHA256, &event, ret_event_hash), 0);
    free(payload);
    ate__buf_deinit(&header);
    return tx;
}

/* --- the client --- */

struct kit_client {
    int fd;
    struct ate__conn *conn;
    struct kit_frame *frames; /* received and not yet asked for */
    size_t count, capacity;
    bool opened, ended;
    uint8_t room[1 << 16];
};

_Thread_local int kit_error;
_Thread_local char kit_error_text[ATE__ERROR_SIZE];
_Thread_local bool kit_read_only, kit_challenged;
_Thread_local struct ate_hash kit_nonce;

static uint64_t now(void)
{
    return ate__monotonic_ms(env);
}

static void take_events(struct kit_client *c)
{
    struct ate__net_frame f;
    for (enum ate__conn_event e; (e = ate__conn_next(c->conn, now(), &f)) != ATE__CONN_NOTHING;) {
        c->opened = c->opened || e == ATE__CONN_OPENED;
        c->ended = c->ended || e == ATE__CONN_ENDED;
        if (c->ended)
            break;
        if (e != ATE__CONN_FRAME)
            continue;
        assert_int_equal(ate__grow(&c->frames, &c->capacity, c->count + 1, sizeof *c->frames), 0);
        struct kit_frame *to = &c->frames[c->count++];
        *to = (struct kit_frame){.type = f.type, .stream = f.stream};
        assert_int_equal(ate__buf_append(&to->body, f.body), 0);
    }
}

/* Sends what is due and receives what is there, waiting for at most so long. False: nothing came.
 */
static bool move(struct kit_client *c, int wait_ms, bool receive)
{
    struct ate_bytes out = ate__conn_out(c->conn);
    struct pollfd p = {.fd = c->fd,
                       .events = (short)((receive ? POLLIN : 0) | (out.size ? POLLOUT : 0))};
    if (poll(&p, 1, wait_ms) <= 0)
        return false;
    if (out.size && p.revents & (POLLOUT | POLLERR | POLLHUP)) {
        ssize_t sent = send(c->fd, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            ate__conn_sent(c->conn, (size_t)sent, now());
        else if (errno != EAGAIN)
            ate__conn_eof(c->conn, "the connection was lost");
    }
    if (receive && p.revents & (POLLIN | POLLERR | POLLHUP)) {
        ssize_t got = recv(c->fd, c->room, sizeof c->room, MSG_DONTWAIT);
        if (got > 0)
            ate__conn_feed(c->conn, ate__bytes(c->room, (size_t)got), now());
        else if (got == 0 || errno != EAGAIN)
            ate__conn_eof(c->conn, got ? "the connection was lost" : NULL);
    }
    take_events(c);
    return true;
}

void kit_frame_free(struct kit_frame *f)
{
    ate__buf_deinit(&f->body);
}

static void client_free(struct kit_client *c)
{
    close(c->fd);
    ate__conn_free(c->conn);
    for (size_t i = 0; i < c->count; i++)
        kit_frame_free(&c->frames[i]);
    ate__free(c->frames);
    free(c);
}

struct kit_client *kit_connect_to(uint16_t port, const struct ate_hash *pin)
{
    struct kit_client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct ate__conn_conf conf = {
        .wire = ATE__WIRE_TLS, .pins = pin, .pin_count = 1, .hello = ate__hello_ours()};
    int yes = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(c->fd);
        free(c);
        return NULL;
    }
    assert_int_equal(ate__conn_new(&conf, now(), &c->conn), 0);
    for (uint64_t start = now(); !c->opened && !c->ended && now() - start < WAIT_MS;)
        move(c, 100, true);
    if (!c->opened) {
        client_free(c);
        return NULL;
    }
    return c;
}

struct kit_client *kit_connect(const struct ate__server *s)
{
    struct ate__addr *addr = malloc(sizeof *addr);
    struct ate_hash pin = ate__server_pin(s);
    assert_non_null(addr);
    assert_int_equal(ate__addr_parse(ate__server_address(s), addr), 0);
    assert_memory_equal(&addr->pins[0], &pin, sizeof pin);
    struct kit_client *c = kit_connect_to(addr->port, &pin);
    free(addr);
    assert_non_null(c);
    return c;
}

void kit_kill(struct kit_client *c)
{
    struct linger hard = {1, 0}; /* a reset, as when the machine of a client dies */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    client_free(c);
}

void kit_close(struct kit_client *c)
{
    if (!c)
        return;
    ate__conn_close(c->conn, ATE_CANCELED, NULL, now());
    for (unsigned i = 0; i < 100 && ate__conn_out(c->conn).size; i++)
        move(c, 100, false);
    client_free(c);
}

void kit_flush(struct kit_client *c)
{
    for (uint64_t start = now(); ate__conn_out(c->conn).size && now() - start < WAIT_MS;)
        move(c, 100, true);
}

void kit_send(struct kit_client *c, uint16_t type, uint32_t stream, struct ate_bytes body)
{
    struct ate__wr w;
    int rc;
    for (uint64_t start = now();
         (rc = ate__conn_begin(c->conn, type, stream, &w)) == ATE_BUSY && now() - start < WAIT_MS;)
        move(c, 100, true);
    if (rc == ATE_OFFLINE)
        return; /* it has ended, which the next receive says */
    assert_int_equal(rc, 0);
    ate__wr_bytes(&w, body);
    assert_int_equal(ate__conn_end(c->conn, &w), 0);
    move(c, 0, true);
}

struct kit_frame kit_receive(struct kit_client *c)
{
    uint64_t start = now();
    while (!c->count && !c->ended) {
        move(c, 100, true);
        if (now() - start > WAIT_MS)
            fail_msg("no frame came within %d ms", WAIT_MS);
    }
    if (!c->count)
        return (struct kit_frame){.type = 0};
    struct kit_frame f = c->frames[0];
    memmove(c->frames, c->frames + 1, --c->count * sizeof *c->frames);
    return f;
}

bool kit_quiet(struct kit_client *c, unsigned ms)
{
    for (uint64_t start = now(); now() - start < ms && !c->count && !c->ended;)
        move(c, 20, true);
    return !c->count && !c->ended;
}

int kit_result(const struct kit_client *c)
{
    return ate__conn_result(c->conn);
}

const char *kit_text(const struct kit_client *c)
{
    return ate__conn_text(c->conn);
}

/* --- requests --- */

static void keep_error(const struct kit_frame *f)
{
    assert_int_equal(f->type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f->body), &kit_error, kit_error_text),
                     0);
}

bool kit_challenge(struct kit_client *c, struct kit_frame *f)
{
    struct ate__msg_challenge m;
    *f = kit_receive(c);
    kit_challenged = f->type == ATE__MSG_CHALLENGE;
    if (!kit_challenged)
        return false;
    assert_int_equal(ate__msg_challenge_decode(ate__buf_bytes(&f->body), &m), 0);
    kit_nonce = m.nonce;
    kit_frame_free(f);
    return m.first;
}

static struct kit_frame behind_challenge(struct kit_client *c, uint32_t stream,
                                         const struct kit_chain *chain)
{
    struct kit_frame f;
    if (kit_challenge(c, &f)) {
        struct ate__possession of = kit_possession(c, chain);
        kit_possess(c, stream, &of, chain->key);
    }
    return kit_challenged ? kit_receive(c) : f;
}

struct ate__possession kit_possession(struct kit_client *c, const struct kit_chain *chain)
{
    struct ate__possession of = {.chain_id = chain->id, .nonce = kit_nonce};
    assert_int_equal(ate__conn_channel(c->conn, &of.channel), 0);
    return of;
}

static void possess(struct kit_client *c, uint32_t stream, const struct ate_hash *chain_id,
                    const struct ate__key *key, struct ate_bytes proof, bool more)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_possession m = {*chain_id, more, ate__buf_bytes(&key->public_key), proof};
    ate__msg_possession_encode(&w, &m);
    kit_send(c, ATE__MSG_POSSESSION, stream, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

static void prove(struct kit_client *c, uint32_t stream, const struct ate_hash *chain_id,
                  const struct ate__possession *of, const struct ate__key *key, bool more)
{
    struct ate__buf signature = ATE__BUF_NULL;
    assert_int_equal(ate__possession_prove(of, key, &signature), 0);
    possess(c, stream, chain_id, key, ate__buf_bytes(&signature), more);
    ate__buf_deinit(&signature);
}

void kit_possess(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                 const struct ate__key *key)
{
    prove(c, stream, &of->chain_id, of, key, false);
}

void kit_claim(struct kit_client *c, uint32_t stream, const struct ate_hash *chain_id,
               const struct ate__possession *of, const struct ate__key *key)
{
    prove(c, stream, chain_id, of, key, false);
}

void kit_possess_more(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                      const struct ate__key *key)
{
    prove(c, stream, &of->chain_id, of, key, true);
}

void kit_readers(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                 const struct ate__key *key)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_readers m = {of->chain_id, ate__buf_bytes(&key->public_key)};
    ate__msg_readers_encode(&w, &m);
    kit_send(c, ATE__MSG_READERS, stream, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

void kit_sealed(struct kit_client *c, struct ate__buf *ret_sealed)
{
    struct ate__msg_sealed m;
    struct kit_frame f = kit_receive(c);
    assert_int_equal(f.type, ATE__MSG_SEALED);
    assert_int_equal(ate__msg_sealed_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(ate__buf_append(ret_sealed, m.sealed), 0);
    kit_frame_free(&f);
}

void kit_possess_opened(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                        const struct ate__key *key, const struct ate__key32 *secret)
{
    possess(c, stream, &of->chain_id, key, ate__bytes(secret->b, 32), false);
}

static struct ate__head opened(struct kit_client *c, uint32_t stream, const struct kit_chain *chain)
{
    struct ate__head head = {.size = 0};
    struct kit_frame f = behind_challenge(c, stream, chain);
    assert_int_equal(f.stream, stream);
    kit_error = 0;
    if (f.type == ATE__MSG_OPENED) {
        struct ate__msg_opened m;
        struct ate__tx tx;
        struct ate_hash leaf;
        assert_int_equal(ate__msg_opened_decode(ate__buf_bytes(&f.body), &m), 0);
        assert_memory_equal(&m.chain_id, &chain->id, sizeof m.chain_id);
        assert_true(ate__bytes_equal(m.genesis, ate__buf_bytes(&chain->genesis)));
        assert_int_equal(ate__tx_decode(m.genesis, ATE__SHA256, &tx), 0);
        assert_int_equal(ate__tx_leaf(&tx, ATE__SHA256, 0, m.genesis_time_us, &leaf), 0);
        assert_int_equal(
            ate__merkle_check_inclusion(&leaf, 0, m.head.size, &m.inclusion, &m.head.root), 0);
        ate__tx_deinit(&tx);
        kit_read_only = m.read_only;
        head = m.head;
    } else if (f.type == ATE__MSG_EXISTS) {
        struct ate__msg_exists m;
        assert_int_equal(ate__msg_exists_decode(ate__buf_bytes(&f.body), &m), 0);
        kit_error = ATE_EXISTS;
    } else {
        keep_error(&f);
    }
    kit_frame_free(&f);
    return head;
}

void kit_send_open(struct kit_client *c, uint32_t stream, const char *path)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes(path)});
    kit_send(c, ATE__MSG_OPEN, stream, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

struct ate__head kit_open(struct kit_client *c, uint32_t stream, const struct kit_chain *chain)
{
    kit_send_open(c, stream, chain->path);
    return opened(c, stream, chain);
}

struct ate__head kit_opened(struct kit_client *c, uint32_t stream, const struct kit_chain *chain)
{
    return opened(c, stream, chain);
}

struct ate__head kit_create(struct kit_client *c, uint32_t stream, const struct kit_chain *chain)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_create_encode(&w, &(struct ate__msg_create){ate__text_bytes(chain->path),
                                                         ate__buf_bytes(&chain->genesis)});
    kit_send(c, ATE__MSG_CREATE, stream, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    return opened(c, stream, chain);
}

struct ate__head kit_admitted(struct kit_client *c, uint32_t stream, const struct kit_chain *chain)
{
    struct ate__head head = kit_create(c, stream, chain);
    for (unsigned i = 0; !head.size && i < 50; i++)
        head = kit_open(c, stream, chain);
    assert_true(head.size > 0);
    return head;
}

void kit_commit(struct kit_client *c, uint32_t stream, uint32_t request,
                const struct ate__head *known, struct ate_bytes tx)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_commit_encode(&w, &(struct ate__msg_commit){request, *known, tx});
    kit_send(c, ATE__MSG_COMMIT, stream, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

_Thread_local uint32_t kit_attested_count;
_Thread_local struct ate_hash kit_attested[ATE__TX_SIGNATURES_MAX];

static void check_committed(const struct ate__msg_committed *m, struct ate_bytes encoded,
                            struct ate__head *known)
{
    struct ate__buf section = ATE__BUF_NULL;
    struct ate__tx tx;
    struct ate_hash leaf;
    assert_int_equal(m->known_size, known->size);
    assert_int_equal(ate__tx_decode(encoded, ATE__SHA256, &tx), 0);
    if (m->attested_count) {
        assert_int_equal(ate__tx_encode_attested(kit_attested, kit_attested_count, &section), 0);
        tx.signature_section = ate__buf_bytes(&section);
    }
    assert_int_equal(
        ate__tx_leaf(&tx, ATE__SHA256, m->receipt.sequence, m->receipt.root_time_us, &leaf), 0);
    assert_int_equal(ate__merkle_check_inclusion(&leaf, m->receipt.sequence, m->receipt.size,
                                                 &m->inclusion, &m->receipt.head),
                     0);
    assert_int_equal(ate__merkle_check_consistency(known->size, &known->root, m->receipt.size,
                                                   &m->receipt.head, &m->consistency),
                     0);
    *known = (struct ate__head){m->receipt.size, m->receipt.head};
    ate__tx_deinit(&tx);
    ate__buf_deinit(&section);
}

static void take_committed(struct kit_client *c, struct ate__msg_committed *m)
{
    struct kit_frame f = kit_receive(c);
    if (f.type == ATE__MSG_REJECTED) {
        struct ate__msg_rejected r;
        assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &r), 0);
        fail_msg("%s: %.*s", ate__result_name(r.result), (int)r.text.size,
                 (const char *)r.text.data);
    }
    assert_int_equal(f.type, ATE__MSG_COMMITTED);
    assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f.body), m), 0);
    kit_attested_count = m->attested_count;
    if (m->attested_count)
        memcpy(kit_attested, m->attested, m->attested_count * sizeof kit_attested[0]);
    kit_frame_free(&f);
}

struct ate__receipt kit_committed(struct kit_client *c, uint32_t request, struct ate_bytes tx,
                                  struct ate__head *known)
{
    struct ate__msg_committed m;
    take_committed(c, &m);
    assert_int_equal(m.request, request);
    check_committed(&m, tx, known);
    return m.receipt;
}

uint32_t kit_committed_any(struct kit_client *c, const struct ate__buf *txs, uint32_t count,
                           struct ate__head *known)
{
    struct ate__msg_committed m;
    take_committed(c, &m);
    assert_true(m.request >= 1 && m.request <= count);
    check_committed(&m, ate__buf_bytes(&txs[m.request - 1]), known);
    return m.request;
}

int kit_rejected(struct kit_client *c, uint32_t request)
{
    struct kit_frame f = kit_receive(c);
    struct ate__msg_rejected m;
    assert_int_equal(f.type, ATE__MSG_REJECTED);
    assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(m.request, request);
    snprintf(kit_error_text, sizeof kit_error_text, "%.*s", (int)m.text.size,
             (const char *)m.text.data);
    kit_frame_free(&f);
    return m.result;
}

struct ate__receipt kit_put_object(struct kit_client *c, uint32_t stream, struct kit_chain *chain,
                                   struct ate__head *known, uint64_t object)
{
    struct kit_put put = {.object = kit_id(object), .payload_size = 100};
    struct ate__buf tx = kit_put(chain, known, &put, NULL);
    uint32_t request = (uint32_t)chain->number;
    kit_commit(c, stream, request, known, ate__buf_bytes(&tx));
    struct ate__receipt receipt = kit_committed(c, request, ate__buf_bytes(&tx), known);
    ate__buf_deinit(&tx);
    return receipt;
}

/* --- following --- */

void kit_subscribe(struct kit_client *c, uint32_t stream, const struct ate__head *head)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_subscribe_encode(&w, &(struct ate__msg_subscribe){*head});
    kit_send(c, ATE__MSG_SUBSCRIBE, stream, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

struct ate__head kit_subscribed(struct kit_client *c)
{
    struct ate__msg_subscribed m = {.head.size = 0};
    struct kit_frame f = kit_receive(c);
    kit_error = 0;
    if (f.type == ATE__MSG_SUBSCRIBED)
        assert_int_equal(ate__msg_subscribed_decode(ate__buf_bytes(&f.body), &m), 0);
    else
        keep_error(&f);
    kit_frame_free(&f);
    return m.head;
}

void kit_follow_init(struct kit_follow *f)
{
    ate__frontier_init(&f->tree);
    assert_int_equal(ate__frontier_root(&f->tree, &f->root), 0);
}

void kit_follow_group(struct kit_follow *f, const struct kit_frame *frame)
{
    struct ate__msg_group m;
    struct ate_bytes record;
    assert_int_equal(frame->type, ATE__MSG_GROUP);
    assert_int_equal(ate__msg_group_decode(ate__buf_bytes(&frame->body), &m), 0);
    assert_int_equal(m.first_sequence, f->tree.size);
    for (size_t at = 0; ate__msg_group_next(m.records, &at, &record);) {
        struct ate__tx tx;
        struct ate_hash leaf;
        assert_int_equal(ate__tx_decode(record, ATE__SHA256, &tx), 0);
        assert_int_equal(ate__tx_leaf(&tx, ATE__SHA256, f->tree.size, m.root_time_us, &leaf), 0);
        assert_int_equal(ate__frontier_append(&f->tree, &leaf), 0);
        ate__tx_deinit(&tx);
    }
    assert_int_equal(f->tree.size, m.first_sequence + m.count);
    assert_int_equal(ate__frontier_root(&f->tree, &f->root), 0);
    assert_memory_equal(&f->root, &m.head_after, sizeof f->root);
}

void kit_follow_to(struct kit_client *c, struct kit_follow *f, uint64_t size)
{
    while (f->tree.size < size) {
        struct kit_frame frame = kit_receive(c);
        kit_follow_group(f, &frame);
        kit_frame_free(&frame);
    }
}

/* --- servers --- */

struct ate__server_conf kit_conf(const char *logs)
{
    return (struct ate__server_conf){
        .env = env, .logs = logs, .listen = "127.0.0.1", .no_auth = true};
}

static struct ate__host_key *host_key;

static void free_host_key(void)
{
    ate__host_key_free(host_key);
}

struct ate__host_key *kit_host_key(void)
{
    if (host_key)
        return host_key;
    assert_int_equal(ate__host_key_new(&(struct ate__key32){{7}}, &host_key), 0);
    assert_int_equal(atexit(free_host_key), 0);
    return host_key;
}

struct ate__server *kit_start(const struct ate__server_conf *conf)
{
    struct ate__server *s;
    if (ate__server_start(conf, &s))
        fail_msg("%s", ate__error_text());
    return s;
}
