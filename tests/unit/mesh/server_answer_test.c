/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * COMMIT, OUTCOME, GET.
 */
#include "kit.h"
#include "crypto/keyfile.h"
#include "lib/tmpdir.h"
#include "trust/facts.h"
#include <pthread.h>
#include <stdlib.h>

static uint64_t now_ms(void)
{
    return ate__monotonic_ms(&ate__env_real);
}

/* One server, one chain created, one client. */
struct world {
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *c;
    struct ate__head known;
};

static struct world world_new(bool everyone)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w = {.chain = kit_chain_new("/w", everyone)};
    w.server = kit_start(&conf);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    return w;
}

static void world_free(struct world *w)
{
    kit_close(w->c);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
}

/* --- commits --- */

static void test_committed(void **state)
{
    (void)state;
    struct world w = world_new(false);
    for (uint64_t i = 0; i < 600; i++) {
        struct ate__receipt r = kit_put_object(w.c, 1, &w.chain, &w.known, i);
        assert_int_equal(r.sequence, i + 1);
        assert_int_equal(r.size, i + 2);
        assert_int_equal(r.stage, ATE__DURABLE);
    }
    world_free(&w);
}

/* Many in flight: each proof starts where the one before it ended. */
static void test_pipelined(void **state)
{
    (void)state;
    enum { COMMITS = 500 };
    struct world w = world_new(true);
    struct ate__head base = w.known;
    struct ate__buf tx[COMMITS];
    for (uint32_t i = 0; i < COMMITS; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = 100};
        tx[i] = kit_put(&w.chain, &base, &put, NULL);
        kit_commit(w.c, 1, 1 + i, &base, ate__buf_bytes(&tx[i]));
    }
    bool answered[COMMITS] = {false};
    for (uint32_t i = 0; i < COMMITS; i++) {
        uint32_t request = kit_committed_any(w.c, tx, COMMITS, &w.known);
        assert_false(answered[request - 1]);
        answered[request - 1] = true;
    }
    for (uint32_t i = 0; i < COMMITS; i++)
        ate__buf_deinit(&tx[i]);
    assert_int_equal(w.known.size, COMMITS + 1);
    world_free(&w);
}

static void test_conflict(void **state)
{
    (void)state;
    struct world w = world_new(false);
    struct kit_client *other = kit_connect(w.server);
    struct ate__head known = kit_open(other, 7, &w.chain), head = w.known;
    struct kit_put put = {.object = kit_id(1), .payload_size = 10};
    struct ate_hash first, second;
    struct ate__buf tx = kit_put(&w.chain, &head, &put, &first);
    kit_commit(w.c, 1, 1, &head, ate__buf_bytes(&tx));
    kit_committed(w.c, 1, ate__buf_bytes(&tx), &head);
    /* Both replace the same version: the second one to come is told which object, and soon. */
    put.prev = &first;
    struct ate__buf one = kit_put(&w.chain, &head, &put, &second);
    struct ate__buf two = kit_put(&w.chain, &head, &put, NULL);
    kit_commit(w.c, 1, 2, &head, ate__buf_bytes(&one));
    kit_committed(w.c, 2, ate__buf_bytes(&one), &head);
    uint64_t start = now_ms();
    kit_commit(other, 7, 9, &known, ate__buf_bytes(&two));
    struct kit_frame f = kit_receive(other);
    assert_true(now_ms() - start < 1000);
    struct ate__msg_rejected m;
    assert_int_equal(f.type, ATE__MSG_REJECTED);
    assert_int_equal(f.stream, 7);
    assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(m.request, 9);
    assert_int_equal(m.result, ATE_CONFLICT);
    assert_int_equal(m.verdict.conflict_count, 1);
    assert_memory_equal(&m.verdict.conflicts[0].id, &put.object, sizeof put.object);
    assert_int_equal(m.verdict.conflicts[0].sequence, 2);
    kit_frame_free(&f);
    /* The same bytes again get the first answer. */
    kit_commit(other, 7, 10, &known, ate__buf_bytes(&one));
    assert_int_equal(kit_committed(other, 10, ate__buf_bytes(&one), &known).sequence, 2);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&one);
    ate__buf_deinit(&two);
    kit_close(other);
    world_free(&w);
}

static void test_refused(void **state)
{
    (void)state;
    struct world w = world_new(false);
    struct kit_put put = {.object = kit_id(1), .payload_size = 10, .unsigned_ = true};
    struct ate__buf tx = kit_put(&w.chain, &w.known, &put, NULL);
    kit_commit(w.c, 1, 1, &w.known, ate__buf_bytes(&tx));
    assert_int_equal(kit_rejected(w.c, 1), ATE_DENIED);
    ate__buf_deinit(&tx);
    /* Bytes that are no transaction, and one of another chain. */
    kit_commit(w.c, 1, 2, &w.known, ate__text_bytes("x"));
    assert_int_equal(kit_rejected(w.c, 2), ATE_UNSUPPORTED);
    struct kit_chain other = kit_chain_new("/w", false);
    put.unsigned_ = false;
    tx = kit_put(&other, &w.known, &put, NULL);
    kit_commit(w.c, 1, 3, &w.known, ate__buf_bytes(&tx));
    assert_int_equal(kit_rejected(w.c, 3), ATE_WRONG_CHAIN);
    ate__buf_deinit(&tx);
    kit_chain_free(&other);
    /* A client that knows more than there is; nothing is applied. */
    struct ate__head more = {.size = 1000};
    tx = kit_put(&w.chain, &w.known, &put, NULL);
    kit_commit(w.c, 1, 4, &more, ate__buf_bytes(&tx));
    assert_int_equal(kit_rejected(w.c, 4), ATE_ROLLED_BACK);
    /* One that knows another history is told, and its stream ends. */
    struct ate__head forked = w.known;
    forked.root.b[0] ^= 1;
    kit_commit(w.c, 1, 5, &forked, ate__buf_bytes(&tx));
    struct kit_frame f = kit_receive(w.c);
    assert_int_equal(f.type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &kit_error, kit_error_text), 0);
    assert_int_equal(kit_error, ATE_FORKED);
    kit_frame_free(&f);
    ate__buf_deinit(&tx);
    assert_int_equal(kit_open(w.c, 1, &w.chain).size, 2);
    world_free(&w);
}

static void test_failed_signatures(void **state)
{
    (void)state;
    struct world w = world_new(false);
    struct kit_client *other = kit_connect(w.server);
    struct ate__head known = kit_open(other, 1, &w.chain);
    uint32_t n = 0;
    for (;; n++) {
        struct kit_put put = {.object = kit_id(n), .payload_size = 10, .forged = true};
        struct ate__buf tx = kit_put(&w.chain, &known, &put, NULL);
        kit_commit(other, 1, 1 + n, &known, ate__buf_bytes(&tx));
        ate__buf_deinit(&tx);
        struct kit_frame f = kit_receive(other);
        struct ate__msg_rejected m;
        bool ended = f.type == 0;
        if (!ended) {
            assert_int_equal(f.type, ATE__MSG_REJECTED);
            assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &m), 0);
            assert_int_equal(m.result, ATE_TAMPERED);
        }
        kit_frame_free(&f);
        if (ended)
            break;
    }
    assert_int_equal(n, ATE__FAILED_SIGNATURES_MAX);
    assert_int_equal(kit_result(other), ATE_BAD_PEER);
    assert_non_null(strstr(kit_text(other), "failed-signatures"));
    kit_close(other);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1); /* nobody else notices */
    world_free(&w);
}

static void test_outcome(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct kit_put put = {.object = kit_id(1), .payload_size = 10};
    struct ate__buf tx = kit_put(&w.chain, &w.known, &put, NULL);
    struct ate__msg_outcome m = {.request = 1, .known = w.known, .id.number = w.chain.number};
    memcpy(m.id.origin, w.chain.origin, sizeof m.id.origin);
    for (unsigned n = 0; n < 2; n++) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr wr = ate__wr_of(&body);
        m.known = w.known;
        ate__msg_outcome_encode(&wr, &m);
        kit_send(w.c, ATE__MSG_OUTCOME, 1, ate__buf_bytes(&body));
        ate__buf_deinit(&body);
        if (n) {
            assert_int_equal(kit_committed(w.c, 1, ate__buf_bytes(&tx), &w.known).sequence, 1);
            break;
        }
        assert_int_equal(kit_rejected(w.c, 1), ATE_NOT_FOUND);
        kit_commit(w.c, 1, 2, &w.known, ate__buf_bytes(&tx));
        kit_committed(w.c, 2, ate__buf_bytes(&tx), &w.known);
    }
    ate__buf_deinit(&tx);
    world_free(&w);
}

/* --- two who write at the same time (each commit within a second) --- */

struct writer {
    struct ate__server *server;
    struct kit_chain chain; /* its own origin, another's key */
    uint64_t first;
    uint64_t slowest_ms;
};

static void *write_many(void *arg)
{
    enum { COMMITS = 1000 };
    struct writer *w = arg;
    struct kit_client *c = kit_connect(w->server);
    struct ate__head known = kit_open(c, 1, &w->chain);
    for (uint64_t i = 0; i < COMMITS; i++) {
        uint64_t start = now_ms();
        kit_put_object(c, 1, &w->chain, &known, w->first + i);
        uint64_t took = now_ms() - start;
        if (took > w->slowest_ms)
            w->slowest_ms = took;
    }
    kit_close(c);
    return NULL;
}

static void test_two_writers(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct writer writers[2] = {{w.server, w.chain, 1000, 0}, {w.server, w.chain, 100000, 0}};
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        writers[i].chain.origin[0] ^= (uint8_t)(1 + i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(writers[i].slowest_ms < 1000);
    }
    assert_int_equal(kit_open(w.c, 2, &w.chain).size, 2001);
    world_free(&w);
}

/* --- GET --- */

struct got {
    struct kit_frame frame;
    struct ate__msg_got m;
    int result; /* of a REJECTED */
};

static struct got get(struct world *w, struct ate__msg_get m)
{
    static uint32_t request = 1000;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    struct got g = {.result = 0};
    m.request = ++request;
    m.known = w->known;
    ate__msg_get_encode(&wr, &m);
    kit_send(w->c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    g.frame = kit_receive(w->c);
    if (g.frame.type == ATE__MSG_REJECTED) {
        struct ate__msg_rejected r;
        assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&g.frame.body), &r), 0);
        assert_int_equal(r.request, request);
        g.result = r.result;
        return g;
    }
    assert_int_equal(g.frame.type, ATE__MSG_GOT);
    assert_int_equal(ate__msg_got_decode(ate__buf_bytes(&g.frame.body), &g.m), 0);
    assert_int_equal(g.m.request, request);
    if (g.m.known_size == w->known.size) {
        assert_int_equal(ate__merkle_check_consistency(w->known.size, &w->known.root, g.m.head.size,
                                                       &g.m.head.root, &g.m.consistency),
                         0);
        w->known = g.m.head;
    } else {
        assert_true(m.at && g.m.known_size == g.m.head.size);
    }
    return g;
}

static void got_free(struct got *g)
{
    kit_frame_free(&g->frame);
}

/* The transaction of that sequence is shown, is in the head, and has the body of the object (or
 * not). Gives the size of its payload, whether it is there or left out. */
static uint64_t check_shown(const struct got *g, uint64_t sequence, const struct ate_id *object,
                            bool payload)
{
    struct ate__shown_tx shown;
    uint64_t size = UINT64_MAX;
    for (size_t at = 0; ate__msg_got_next(g->m.txs, &at, &shown);) {
        struct ate__tx tx;
        struct ate_hash leaf;
        assert_int_equal(ate__tx_decode(shown.record, ATE__SHA256, &tx), 0);
        assert_int_equal(ate__tx_leaf(&tx, ATE__SHA256, shown.sequence, shown.root_time_us, &leaf),
                         0);
        assert_int_equal(ate__merkle_check_inclusion(&leaf, shown.sequence, g->m.head.size,
                                                     &shown.inclusion, &g->m.head.root),
                         0);
        for (uint32_t i = 0; shown.sequence == sequence && i < tx.event_count; i++) {
            const struct ate__event *e = &tx.events[i];
            if (e->form == ATE__DROPPED || !ate__id_equal(&e->header.object, object))
                continue;
            size = e->payload_size;
            assert_int_equal(e->form == ATE__CLEAR, payload);
        }
        ate__tx_deinit(&tx);
    }
    assert_true(size != UINT64_MAX);
    return size;
}

static void put_under(struct world *w, uint64_t id, uint64_t parent, const char *tag, size_t size)
{
    struct kit_put put = {.object = kit_id(id), .tag = tag, .payload_size = size};
    if (parent)
        put.parent = kit_id(parent);
    struct ate__buf tx = kit_put(&w->chain, &w->known, &put, NULL);
    kit_commit(w->c, 1, 1, &w->known, ate__buf_bytes(&tx));
    kit_committed(w->c, 1, ate__buf_bytes(&tx), &w->known);
    ate__buf_deinit(&tx);
}

static void test_get_objects(void **state)
{
    (void)state;
    struct world w = world_new(false);
    put_under(&w, 10, 0, "tag-of-ten------", 5);          /* 1 */
    put_under(&w, 11, 10, NULL, 6000);                    /* 2 */
    put_under(&w, 12, 11, NULL, 7);                       /* 3 */
    struct ate_id ids[4] = {kit_id(12), kit_id(99), ate__top_id, kit_id(11)};
    struct ate__msg_get m = {.kind = ATE__GET_OBJECTS, .id_count = 4, .ids = ids[0].b};
    struct got g = get(&w, m);
    assert_int_equal(g.m.head.size, 4);
    assert_int_equal(g.m.object_count, 4);
    static const uint8_t live[4] = {1, 0, 1, 1};
    for (unsigned i = 0; i < 4; i++) {
        assert_memory_equal(g.m.objects + i * 17, ids[i].b, 16);
        assert_int_equal(g.m.objects[i * 17 + 16], live[i]);
    }
    assert_int_equal(g.m.tx_count, 3); /* the genesis brought the key, and OPENED has shown it */
    assert_int_equal(check_shown(&g, 3, &ids[0], true), 7);
    assert_int_equal(check_shown(&g, 2, &ids[3], true), 6000);
    struct ate_id ten = kit_id(10);
    assert_int_equal(check_shown(&g, 1, &ten, true), 5);
    got_free(&g);
    /* Without the payload, and as an ancestor. */
    m.flags = ATE__GET_NO_PAYLOAD;
    g = get(&w, m);
    assert_int_equal(check_shown(&g, 2, &ids[3], false), 6000);
    got_free(&g);
    m = (struct ate__msg_get){.kind = ATE__GET_OBJECTS, .id_count = 1, .ids = ids[0].b};
    g = get(&w, m);
    assert_int_equal(g.m.tx_count, 3);
    assert_int_equal(check_shown(&g, 2, &ids[3], false), 6000);
    got_free(&g);
    g = get(&w, (struct ate__msg_get){.kind = ATE__GET_HEAD});
    assert_int_equal(g.m.head.size, 4);
    assert_int_equal(g.m.tx_count, 0);
    got_free(&g);
    world_free(&w);
}

static void test_get_name(void **state)
{
    (void)state;
    struct world w = world_new(true);
    put_under(&w, 10, 0, "0123456789abcdef", 5);
    struct ate__msg_get m = {.kind = ATE__GET_NAME, .tag_count = 2};
    memcpy(m.tags, "################0123456789abcdef", 32);
    struct got g = get(&w, m);
    assert_int_equal(g.m.object_count, 1);
    struct ate_id ten = kit_id(10);
    assert_memory_equal(g.m.objects, ten.b, 16);
    assert_int_equal(check_shown(&g, 1, &ten, true), 5);
    got_free(&g);
    m.tag_count = 1;
    g = get(&w, m);
    assert_int_equal(g.m.object_count, 0);
    assert_int_equal(g.m.tx_count, 0);
    got_free(&g);
    m.tag_count = 2;
    m.parent = kit_id(10);
    g = get(&w, m); /* nothing below, but that is shown of the parent */
    assert_int_equal(g.m.object_count, 0);
    assert_int_equal(check_shown(&g, 1, &ten, true), 5);
    got_free(&g);
    world_free(&w);
}

static void test_get_children(void **state)
{
    (void)state;
    enum { CHILDREN = 600 };
    struct world w = world_new(true);
    put_under(&w, 7, 0, NULL, 1);
    for (unsigned i = 0; i < CHILDREN; i++)
        put_under(&w, 1000 + i, 7, NULL, 10);
    bool seen[CHILDREN] = {false};
    unsigned pages = 0, count = 0;
    struct ate__msg_get m = {.kind = ATE__GET_CHILDREN, .listing = {.parent = kit_id(7)}};
    do {
        struct got g = get(&w, m);
        for (uint32_t i = 0; i < g.m.object_count; i++) {
            uint64_t n;
            memcpy(&n, g.m.objects + (size_t)i * 17 + 8, sizeof n);
            struct ate_id id = kit_id(n);
            assert_true(n >= 1000 && n < 1000 + CHILDREN && !seen[n - 1000]);
            seen[n - 1000] = true;
            assert_int_equal(g.m.objects[i * 17 + 16], 1);
            assert_int_equal(check_shown(&g, n - 1000 + 2, &id, true), 10);
            count++;
        }
        m.cursor = g.m.cursor;
        m.at = g.m.head.size; /* all pages of one state */
        pages++;
        got_free(&g);
        put_under(&w, 10000 + pages, 7, NULL, 10);
    } while (m.cursor);
    assert_int_equal(count, CHILDREN);
    assert_int_equal(pages, 3);
    world_free(&w);
}

/* An answer that gets large has fewer objects. */
static void test_get_large(void **state)
{
    (void)state;
    enum { OBJECTS = 8 };
    struct world w = world_new(true);
    struct ate_id ids[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        ids[i] = kit_id(1 + i);
        put_under(&w, 1 + i, 0, NULL, 3 << 20);
    }
    unsigned done = 0, answers = 0;
    while (done < OBJECTS) {
        struct ate__msg_get m = {
            .kind = ATE__GET_OBJECTS, .id_count = OBJECTS - done, .ids = ids[done].b};
        struct got g = get(&w, m);
        assert_true(g.m.object_count > 0);
        for (uint32_t i = 0; i < g.m.object_count; i++)
            assert_int_equal(check_shown(&g, 1 + done + i, &ids[done + i], true), 3 << 20);
        done += g.m.object_count;
        answers++;
        got_free(&g);
    }
    assert_true(answers > 1);
    unsigned pages = 0, count = 0;
    struct ate__msg_get m = {.kind = ATE__GET_CHILDREN};
    do {
        struct got g = get(&w, m);
        count += g.m.object_count;
        m.cursor = g.m.cursor;
        pages++;
        got_free(&g);
    } while (m.cursor);
    assert_int_equal(count, OBJECTS);
    assert_true(pages > 1);
    world_free(&w);
}

static void test_get_at(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct ate_id id = kit_id(1), later = kit_id(2);
    put_under(&w, 1, 0, NULL, 1);
    struct got g = get(&w, (struct ate__msg_get){.kind = ATE__GET_HEAD});
    uint64_t at = g.m.head.size;
    got_free(&g);
    put_under(&w, 2, 0, NULL, 1);
    struct ate__msg_get m = {.kind = ATE__GET_OBJECTS, .at = at, .id_count = 1, .ids = later.b};
    g = get(&w, m);
    assert_int_equal(g.m.head.size, at);
    assert_int_equal(g.m.objects[16], 0); /* not yet */
    got_free(&g);
    m.ids = id.b;
    g = get(&w, m);
    assert_int_equal(g.m.objects[16], 1);
    got_free(&g);
    /* The oldest of the snapshots kept goes. */
    for (unsigned i = 0; i < ATE__SNAPSHOTS_KEPT; i++) {
        put_under(&w, 100 + i, 0, NULL, 1);
        g = get(&w, (struct ate__msg_get){.kind = ATE__GET_HEAD});
        got_free(&g);
    }
    g = get(&w, m);
    assert_int_equal(g.result, ATE_STALE);
    got_free(&g);
    m.at = 10000;
    g = get(&w, m);
    assert_int_equal(g.result, ATE_STALE);
    got_free(&g);
    world_free(&w);
}

/* GETs and commits at the same time: the heads form one line. */
static void test_mixed(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    struct world w = world_new(true);
    struct ate__head start = w.known, line = w.known;
    struct ate__buf tx[ROUNDS];
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = 10};
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr wr = ate__wr_of(&body);
        tx[i] = kit_put(&w.chain, &start, &put, NULL);
        kit_commit(w.c, 1, 1 + 2 * i, &start, ate__buf_bytes(&tx[i]));
        ate__msg_get_encode(&wr, &(struct ate__msg_get){.request = 2 + 2 * i,
                                                        .known = start,
                                                        .kind = ATE__GET_CHILDREN});
        kit_send(w.c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
        ate__buf_deinit(&body);
    }
    for (unsigned n = 0; n < 2 * ROUNDS; n++) {
        struct kit_frame f = kit_receive(w.c);
        struct ate__msg_committed c;
        struct ate__msg_got g;
        struct ate__head head;
        struct ate__proof *proof;
        uint64_t from;
        if (f.type == ATE__MSG_COMMITTED) {
            assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f.body), &c), 0);
            head = (struct ate__head){c.receipt.size, c.receipt.head};
            proof = &c.consistency;
            from = c.known_size;
        } else {
            assert_int_equal(f.type, ATE__MSG_GOT);
            assert_int_equal(ate__msg_got_decode(ate__buf_bytes(&f.body), &g), 0);
            head = g.head;
            proof = &g.consistency;
            from = g.known_size;
        }
        assert_int_equal(from, line.size);
        assert_int_equal(
            ate__merkle_check_consistency(from, &line.root, head.size, &head.root, proof), 0);
        line = head;
        kit_frame_free(&f);
    }
    for (uint32_t i = 0; i < ROUNDS; i++)
        ate__buf_deinit(&tx[i]);
    assert_int_equal(line.size, ROUNDS + 1);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_failed_signatures),
        cmocka_unit_test(test_outcome),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_get_objects),
        cmocka_unit_test(test_get_name),
        cmocka_unit_test(test_get_children),
        cmocka_unit_test(test_get_large),
        cmocka_unit_test(test_get_at),
        cmocka_unit_test(test_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
