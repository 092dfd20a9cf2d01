/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/msg.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "unit/mesh/recode.h"
#include <stdlib.h>

enum { FIRST = ATE__MSG_OPEN, LAST = ATE__MSG_KEY };

/* CLOSE has no body, and what is reserved no meaning. */
static bool has_body(unsigned type)
{
    return type <= ATE__MSG_GOT || type == ATE__MSG_RESYNC ||
           (type >= ATE__MSG_PROVE && strcmp(ate__message_name(type), "a message") != 0);
}

/* --- messages at random --- */

static uint8_t scratch[1 << 16];

static struct ate_hash random_hash(struct rnd *r)
{
    struct ate_hash hash;
    rnd_bytes(r, hash.b, sizeof hash.b);
    return hash;
}

static struct ate__head random_head(struct rnd *r, uint64_t least)
{
    struct ate__head head = {.size = least + rnd_below(r, 1000)};
    if (head.size)
        head.root = random_hash(r);
    return head;
}

static struct ate__proof random_proof(struct rnd *r)
{
    struct ate__proof proof = {.count = (uint32_t)rnd_below(r, 9)};
    rnd_bytes(r, proof.hash, proof.count * sizeof proof.hash[0]);
    return proof;
}

static struct ate_bytes random_bytes(struct rnd *r, size_t least, size_t most)
{
    size_t size = least + rnd_below(r, most - least + 1);
    return ate__bytes(scratch + rnd_below(r, sizeof scratch - size), size);
}

static struct ate_bytes random_path(struct rnd *r)
{
    static const char *const paths[] = {"/a", "/example.com/joe/notes", "/0/A_b.c@d+e-f"};
    return ate__text_bytes(paths[rnd_below(r, ATE__COUNT_OF(paths))]);
}

static void random_chain_message(struct rnd *r, unsigned type, struct ate__wr *w)
{
    struct ate__msg_open open = {random_path(r)};
    struct ate__msg_opened opened = {.created = rnd_below(r, 2),
                                     .read_only = rnd_below(r, 2),
                                     .weak_sync = rnd_below(r, 2),
                                     .chain_id = random_hash(r),
                                     .head = random_head(r, 1),
                                     .genesis_time_us = rnd_u64(r),
                                     .inclusion = random_proof(r),
                                     .genesis = random_bytes(r, 1, 300)};
    struct ate__msg_create create = {random_path(r), random_bytes(r, 1, 300)};
    struct ate__msg_exists exists = {random_hash(r)};
    struct ate__msg_subscribe subscribe = {random_head(r, 0)};
    struct ate__msg_subscribed subscribed = {random_head(r, 0), random_proof(r)};
    switch (type) {
    case ATE__MSG_OPEN: ate__msg_open_encode(w, &open); break;
    case ATE__MSG_OPENED: ate__msg_opened_encode(w, &opened); break;
    case ATE__MSG_CREATE: ate__msg_create_encode(w, &create); break;
    case ATE__MSG_EXISTS: ate__msg_exists_encode(w, &exists); break;
    case ATE__MSG_SUBSCRIBE: ate__msg_subscribe_encode(w, &subscribe); break;
    default: ate__msg_subscribed_encode(w, &subscribed);
    }
}

static void random_group(struct rnd *r, struct ate__wr *w)
{
    struct ate__buf list = ATE__BUF_NULL;
    struct ate__wr list_w = ate__wr_of(&list);
    struct ate__msg_group m = {.first_sequence = rnd_below(r, UINT64_MAX - 100),
                               .root_time_us = rnd_u64(r),
                               .head_after = random_hash(r),
                               .count = 1 + (uint32_t)rnd_below(r, 5)};
    for (uint32_t i = 0; i < m.count; i++)
        ate__msg_group_add(&list_w, random_bytes(r, 1, 100));
    m.records = ate__buf_bytes(&list);
    ate__msg_group_encode(w, &m);
    ate__buf_deinit(&list);
}

static void random_commit_message(struct rnd *r, unsigned type, struct ate__wr *w)
{
    uint32_t request = 1 + (uint32_t)rnd_below(r, UINT32_MAX);
    struct ate__msg_commit commit = {request, random_head(r, 0), random_bytes(r, 1, 300)};
    struct ate__msg_outcome outcome = {request, random_head(r, 0), {{0}, rnd_u64(r)}, {{7}}};
    struct ate__head head = random_head(r, 1);
    struct ate__msg_committed committed = {
        .request = request,
        .receipt = {.sequence = rnd_below(r, head.size),
                    .root_time_us = rnd_u64(r),
                    .size = head.size,
                    .head = head.root,
                    .stage = (enum ate__stage)rnd_below(r, ATE__WITNESSED + 1)},
        .known_size = rnd_below(r, head.size + 1),
        .inclusion = random_proof(r),
        .consistency = random_proof(r)};
    struct ate__msg_rejected rejected = {.request = request, .result = ATE_CONFLICT};
    rejected.text = random_bytes(r, 0, ATE__NET_ERROR_TEXT_MAX);
    rejected.verdict.conflict_count = (uint32_t)rnd_below(r, ATE__CONFLICTS_MAX + 1);
    for (uint32_t i = 0; i < rejected.verdict.conflict_count; i++) {
        struct ate__conflict *c = &rejected.verdict.conflicts[i];
        *c = (struct ate__conflict){.why = ATE_DENIED, .sequence = rnd_u64(r)};
        rnd_bytes(r, c->id.b, sizeof c->id.b);
    }
    rnd_bytes(r, outcome.id.origin, sizeof outcome.id.origin);
    switch (type) {
    case ATE__MSG_COMMIT: ate__msg_commit_encode(w, &commit); break;
    case ATE__MSG_OUTCOME: ate__msg_outcome_encode(w, &outcome); break;
    case ATE__MSG_COMMITTED: ate__msg_committed_encode(w, &committed); break;
    default: ate__msg_rejected_encode(w, &rejected);
    }
}

static void random_get(struct rnd *r, struct ate__wr *w)
{
    struct ate__msg_get m = {.request = 1 + (uint32_t)rnd_below(r, 1000),
                             .at = rnd_u64(r),
                             .known = random_head(r, 0),
                             .kind = (uint8_t)rnd_below(r, 5),
                             .flags = (uint8_t)rnd_below(r, 2),
                             .id_count = 1 + (uint32_t)rnd_below(r, ATE__GET_IDS_MAX),
                             .ids = scratch,
                             .tag_count = 1 + (unsigned)rnd_below(r, 2),
                             .cursor = rnd_u64(r)};
    rnd_bytes(r, m.parent.b, sizeof m.parent.b);
    rnd_bytes(r, m.tags, sizeof m.tags);
    ate__msg_get_encode(w, &m);
}

static void random_got(struct rnd *r, struct ate__wr *w)
{
    struct ate__buf list = ATE__BUF_NULL, objects = ATE__BUF_NULL;
    struct ate__wr list_w = ate__wr_of(&list), objects_w = ate__wr_of(&objects);
    struct ate__msg_got m = {.request = 1 + (uint32_t)rnd_below(r, 1000),
                             .head = random_head(r, 100),
                             .consistency = random_proof(r),
                             .cursor = rnd_u64(r),
                             .object_count = (uint32_t)rnd_below(r, ATE__GOT_OBJECTS_MAX + 1),
                             .tx_count = (uint32_t)rnd_below(r, 5)};
    m.known_size = rnd_below(r, m.head.size + 1);
    for (uint32_t i = 0; i < m.object_count; i++) {
        ate__wr_copy(&objects_w, scratch, sizeof(struct ate_id));
        ate__wr_u8(&objects_w, (uint8_t)rnd_below(r, 2));
    }
    uint64_t sequence = 0;
    for (uint32_t i = 0; i < m.tx_count; i++) {
        struct ate__shown_tx tx = {.sequence = sequence + rnd_below(r, 20),
                                   .root_time_us = rnd_u64(r),
                                   .inclusion = random_proof(r),
                                   .record = random_bytes(r, 1, 100)};
        sequence = tx.sequence + 1;
        ate__msg_got_add(&list_w, &tx);
    }
    m.objects = objects.data;
    m.txs = ate__buf_bytes(&list);
    ate__msg_got_encode(w, &m);
    ate__buf_deinit(&list);
    ate__buf_deinit(&objects);
}

static void random_proof_message(struct rnd *r, unsigned type, struct ate__wr *w)
{
    uint32_t request = 1 + (uint32_t)rnd_below(r, UINT32_MAX);
    uint8_t kind = (uint8_t)(ATE__PROVE_INCLUSION + rnd_below(r, 2));
    struct ate__msg_prove prove = {request, kind, rnd_below(r, 1000), 1000 + rnd_u64(r) / 2};
    struct ate__msg_proven proven = {.request = request, .kind = kind, .path = random_proof(r)};
    struct ate__msg_checkpoint checkpoint = {request};
    struct ate__msg_signed signed_ = {request, random_bytes(r, 1, 3000)};
    struct ate__msg_notes notes = {(uint32_t)rnd_u64(r)};
    struct ate__msg_note note = {random_bytes(r, 1, 3000)};
    proven.root_time_us = rnd_u64(r);
    proven.tx_hash = random_hash(r);
    proven.signatures_hash = random_hash(r);
    switch (type) {
    case ATE__MSG_PROVE: ate__msg_prove_encode(w, &prove); break;
    case ATE__MSG_PROVEN: ate__msg_proven_encode(w, &proven); break;
    case ATE__MSG_CHECKPOINT: ate__msg_checkpoint_encode(w, &checkpoint); break;
    case ATE__MSG_NOTES: ate__msg_notes_encode(w, &notes); break;
    case ATE__MSG_NOTE: ate__msg_note_encode(w, &note); break;
    default: ate__msg_signed_encode(w, &signed_);
    }
}

static void random_kept(struct rnd *r, struct ate__wr *w)
{
    struct ate__buf list = ATE__BUF_NULL;
    struct ate__wr list_w = ate__wr_of(&list);
    struct ate__msg_kept m = {.first = rnd_below(r, 1000),
                              .root_time_us = rnd_u64(r),
                              .count = (uint32_t)rnd_below(r, 5)};
    m.end = m.first;
    for (uint32_t i = 0; i < m.count; i++) {
        struct ate__kept_record record = {m.end + rnd_below(r, 9), rnd_below(r, 2),
                                          random_bytes(r, 1, 100)};
        ate__msg_kept_add(&list_w, &record);
        m.end = record.sequence + 1;
    }
    m.end += 1 + rnd_below(r, 9);
    m.records = ate__buf_bytes(&list);
    ate__msg_kept_encode(w, &m);
    ate__buf_deinit(&list);
}

static void random_resync_message(struct rnd *r, unsigned type, struct ate__wr *w)
{
    struct ate__msg_leaves leaves = {ATE__TILE_LEAVES * rnd_below(r, 1000), ATE__TILE_LEAVES,
                                     scratch};
    struct ate__msg_resync resync = {.consistency = random_proof(r), .kept = random_head(r, 1)};
    resync.cut_off = rnd_below(r, 2 * resync.kept.size);
    resync.certified = resync.cut_off + 1 + rnd_below(r, 100);
    resync.head = random_head(r, ate__max(resync.certified, resync.kept.size));
    if (type == ATE__MSG_RESYNC)
        ate__msg_resync_encode(w, &resync);
    else
        ate__msg_leaves_encode(w, &leaves);
}

static void random_destroy_message(struct rnd *r, unsigned type, struct ate__wr *w)
{
    bool may_be = rnd_below(r, 2);
    uint32_t request = 1 + (uint32_t)rnd_below(r, UINT32_MAX);
    struct ate__msg_destroy destroy = {request, random_bytes(r, 0, 300)};
    struct ate__msg_destroyed destroyed = {.statement = random_bytes(r, 1, 300)};
    if (may_be)
        destroyed = (struct ate__msg_destroyed){request, random_hash(r), random_hash(r), {NULL, 0}};
    if (type == ATE__MSG_DESTROY)
        ate__msg_destroy_encode(w, &destroy);
    else
        ate__msg_destroyed_encode(w, &destroyed);
}

static void random_possession(struct rnd *r, unsigned type, struct ate__wr *w)
{
    struct ate__msg_possession possession = {random_hash(r), rnd_below(r, 2),
                                             random_bytes(r, 0, 300), random_bytes(r, 0, 300)};
    struct ate__msg_readers readers = {possession.chain_id, possession.public_key};
    struct ate__msg_sealed sealed = {possession.proof};
    struct ate__msg_challenge challenge = {possession.chain_id, possession.more};
    if (type == ATE__MSG_POSSESSION)
        ate__msg_possession_encode(w, &possession);
    else if (type == ATE__MSG_READERS)
        ate__msg_readers_encode(w, &readers);
    else if (type == ATE__MSG_SEALED)
        ate__msg_sealed_encode(w, &sealed);
    else
        ate__msg_challenge_encode(w, &challenge);
}

static struct ate__buf random_message(struct rnd *r, unsigned type)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    if (type == ATE__MSG_GROUP)
        random_group(r, &w);
    else if (type <= ATE__MSG_SUBSCRIBED)
        random_chain_message(r, type, &w);
    else if (type <= ATE__MSG_OUTCOME)
        random_commit_message(r, type, &w);
    else if (type == ATE__MSG_GET)
        random_get(r, &w);
    else if (type == ATE__MSG_GOT)
        random_got(r, &w);
    else if (type == ATE__MSG_KEPT)
        random_kept(r, &w);
    else if (type == ATE__MSG_RESYNC || type == ATE__MSG_LEAVES)
        random_resync_message(r, type, &w);
    else if (type == ATE__MSG_DESTROY || type == ATE__MSG_DESTROYED)
        random_destroy_message(r, type, &w);
    else if (type == ATE__MSG_CHALLENGE || type == ATE__MSG_POSSESSION ||
             type == ATE__MSG_READERS || type == ATE__MSG_SEALED)
        random_possession(r, type, &w);
    else if (type == ATE__MSG_KEY)
        ate__msg_key_encode(
            &w, &(struct ate__msg_key){random_bytes(r, 0, 300), random_bytes(r, 0, 300)});
    else
        random_proof_message(r, type, &w);
    assert_int_equal(ate__wr_end(&w), 0);
    return body;
}

/* Decodes a copy of exactly that size, so that a read behind it is seen. */
static int decode(unsigned type, const uint8_t *data, size_t size, struct ate__buf *again)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, data, size);
    int rc = recode(type, ate__bytes(exact, size), again);
    free(exact);
    return rc;
}

static bool refused(int rc)
{
    return rc == ATE_MALFORMED || rc == ATE_TOO_BIG || rc == ATE_UNSUPPORTED;
}

/* --- tests --- */

static void test_round_trip(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    rnd_bytes(&r, scratch, sizeof scratch);
    for (unsigned type = FIRST; type <= LAST; type++)
        for (unsigned n = 0; has_body(type) && n < 200; n++) {
            struct ate__buf again = ATE__BUF_NULL, body = random_message(&r, type);
            assert_int_equal(decode(type, body.data, body.size, &again), 0);
            assert_int_equal(again.size, body.size);
            assert_memory_equal(again.data, body.data, body.size);
            ate__buf_deinit(&body);
            ate__buf_deinit(&again);
        }
}

static void test_cut_and_lengthened(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(2));
    rnd_bytes(&r, scratch, sizeof scratch);
    for (unsigned type = FIRST; type <= LAST; type++)
        for (unsigned n = 0; has_body(type) && n < 10; n++) {
            struct ate__buf again = ATE__BUF_NULL, body = random_message(&r, type);
            for (size_t size = 0; size < body.size; size++)
                assert_true(refused(decode(type, body.data, size, &again)));
            assert_int_equal(ate__buf_append(&body, ate__bytes("", 1)), 0);
            assert_true(refused(decode(type, body.data, body.size, &again)));
            ate__buf_deinit(&body);
            ate__buf_deinit(&again);
        }
}

/* Whatever is taken has one form. */
static void test_changed(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(3));
    rnd_bytes(&r, scratch, sizeof scratch);
    for (unsigned type = FIRST; type <= LAST; type++)
        for (unsigned n = 0; has_body(type) && n < 2000; n++) {
            struct ate__buf again = ATE__BUF_NULL, body = random_message(&r, type);
            size_t at = rnd_below(&r, body.size < 200 || rnd_below(&r, 2) ? body.size : 200);
            body.data[at] ^= (uint8_t)(1u << rnd_below(&r, 8));
            int rc = decode(type, body.data, body.size, &again);
            /* A result that is not in the list comes out as BAD_PEER. */
            if (!rc && type != ATE__MSG_REJECTED) {
                assert_int_equal(again.size, body.size);
                assert_memory_equal(again.data, body.data, body.size);
            }
            assert_true(!rc || refused(rc));
            ate__buf_deinit(&body);
            ate__buf_deinit(&again);
        }
}

static int decode_hand(unsigned type, const struct ate__buf *body)
{
    struct ate__buf again = ATE__BUF_NULL;
    int rc = decode(type, body->data, body->size, &again);
    ate__buf_deinit(&again);
    return rc;
}

static void test_open(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int result;
    } cases[] = {
        {"/a", 0},
        {"/a/b", 0},
        {"", ATE_MALFORMED},
        {"/", ATE_MALFORMED},
        {"a", ATE_MALFORMED},
        {"/a/", ATE_MALFORMED},
        {"/../etc", ATE_MALFORMED},
        {"/a/,chain", ATE_MALFORMED},
        {"/,server", ATE_MALFORMED},
        {"/a//b", ATE_MALFORMED},
        {"/a/-x", ATE_MALFORMED},
        {"/a\n", ATE_MALFORMED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes(cases[i].path)});
        assert_int_equal(decode_hand(ATE__MSG_OPEN, &body), cases[i].result);
        if (!cases[i].result) {
            body.data[0] = 1;
            assert_int_equal(decode_hand(ATE__MSG_OPEN, &body), ATE_UNSUPPORTED);
        }
        ate__buf_deinit(&body);
    }
}

static void test_counts(void **state)
{
    (void)state;
    static const unsigned types[] = {ATE__MSG_GROUP, ATE__MSG_GET, ATE__MSG_GOT, ATE__MSG_REJECTED};
    static const size_t heads[] = {48, 54, 61, 10};
    struct rnd r = rnd_of(4);
    for (size_t i = 0; i < ATE__COUNT_OF(types); i++) {
        struct ate__buf body = ATE__BUF_NULL;
        assert_int_equal(ate__buf_reserve(&body, 4096), 0);
        memset(body.data, 0, 4096);
        body.size = 4096;
        body.data[0] = 1; /* the request */
        if (types[i] == ATE__MSG_REJECTED)
            body.data[4] = ATE_CONFLICT;
        if (types[i] == ATE__MSG_GET)
            body.data[52] = ATE__GET_OBJECTS;
        /* Whatever the counts say, memory and time stay those of 4 KiB. */
        for (unsigned n = 0; n < 64; n++) {
            rnd_bytes(&r, body.data + heads[i], 4);
            heap_start();
            assert_true(refused(decode_hand(types[i], &body)));
            heap_stop();
        }
        ate__buf_deinit(&body);
    }
}

static int decode_prove(uint8_t kind, uint64_t first, uint64_t size)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_prove_encode(&w, &(struct ate__msg_prove){1, kind, first, size});
    int rc = decode_hand(ATE__MSG_PROVE, &body);
    ate__buf_deinit(&body);
    return rc;
}

static void test_prove(void **state)
{
    (void)state;
    assert_int_equal(decode_prove(ATE__PROVE_INCLUSION, 6, 7), 0);
    assert_int_equal(decode_prove(ATE__PROVE_INCLUSION, 7, 7), ATE_MALFORMED);
    assert_int_equal(decode_prove(ATE__PROVE_INCLUSION, UINT64_MAX, 0), ATE_MALFORMED);
    assert_int_equal(decode_prove(ATE__PROVE_CONSISTENCY, 7, 7), 0);
    assert_int_equal(decode_prove(ATE__PROVE_CONSISTENCY, 0, 0), 0);
    assert_int_equal(decode_prove(ATE__PROVE_CONSISTENCY, 8, 7), ATE_MALFORMED);
    assert_int_equal(decode_prove(0, 1, 7), ATE_UNSUPPORTED);
    assert_int_equal(decode_prove(3, 1, 7), ATE_UNSUPPORTED);
}

static int decode_resync(uint64_t kept, uint64_t cut_off, uint64_t certified, uint64_t size)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_resync m = {
        .head = {size, {{1}}}, .cut_off = cut_off, .kept = {kept, {{2}}}, .certified = certified};
    ate__msg_resync_encode(&w, &m);
    int rc = decode_hand(ATE__MSG_RESYNC, &body);
    ate__buf_deinit(&body);
    return rc;
}

static int decode_leaves(uint64_t first, uint32_t count)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    static uint8_t hashes[(ATE__LEAVES_FRAME_MAX + ATE__TILE_LEAVES) * sizeof(struct ate_hash)];
    ate__msg_leaves_encode(&w, &(struct ate__msg_leaves){first, count, hashes});
    int rc = decode_hand(ATE__MSG_LEAVES, &body);
    ate__buf_deinit(&body);
    return rc;
}

/* Records of one byte, at a and b, in [10, end). */
static int decode_kept(uint64_t end, uint64_t a, uint64_t b, size_t size)
{
    struct ate__buf body = ATE__BUF_NULL, list = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body), list_w = ate__wr_of(&list);
    ate__msg_kept_add(&list_w, &(struct ate__kept_record){a, false, {"x", size}});
    ate__msg_kept_add(&list_w, &(struct ate__kept_record){b, true, {"x", size}});
    struct ate__msg_kept m = {.first = 10, .end = end, .count = 2};
    m.records = ate__buf_bytes(&list);
    ate__msg_kept_encode(&w, &m);
    int rc = decode_hand(ATE__MSG_KEPT, &body);
    ate__buf_deinit(&body);
    ate__buf_deinit(&list);
    return rc;
}

static void test_resync(void **state)
{
    (void)state;
    assert_int_equal(decode_resync(1, 1, 2, 2), 0);
    assert_int_equal(decode_resync(0, 1, 2, 2), ATE_MALFORMED);
    assert_int_equal(decode_resync(2, 1, 2, 2), 0); /* a segment around the cut-off */
    assert_int_equal(decode_resync(3, 1, 2, 2), ATE_MALFORMED);
    assert_int_equal(decode_resync(1, 2, 2, 2), ATE_MALFORMED);
    assert_int_equal(decode_resync(1, 1, 3, 2), ATE_MALFORMED);
    assert_int_equal(decode_leaves(0, 256), 0);
    assert_int_equal(decode_leaves(512, ATE__LEAVES_FRAME_MAX), 0);
    assert_int_equal(decode_leaves(0, ATE__LEAVES_FRAME_MAX + 256), ATE_MALFORMED);
    assert_int_equal(decode_leaves(0, 0), ATE_MALFORMED);
    assert_int_equal(decode_leaves(0, 255), ATE_MALFORMED);
    assert_int_equal(decode_leaves(1, 256), ATE_MALFORMED);
    assert_int_equal(decode_leaves(UINT64_MAX - 255, 256), ATE_MALFORMED);
    assert_int_equal(decode_kept(12, 10, 11, 1), 0);
    assert_int_equal(decode_kept(20, 13, 19, 1), 0);
    assert_int_equal(decode_kept(20, 13, 20, 1), ATE_MALFORMED);
    assert_int_equal(decode_kept(20, 13, 13, 1), ATE_MALFORMED);
    assert_int_equal(decode_kept(20, 9, 13, 1), ATE_MALFORMED);
    assert_int_equal(decode_kept(20, 12, 13, 0), ATE_MALFORMED);
    assert_int_equal(decode_kept(10, 12, 13, 1), ATE_MALFORMED);
}

static void test_signed(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int result;
    } cases[] = {
        {0, ATE_MALFORMED}, {1, 0}, {ATE__NOTE_MAX, 0}, {ATE__NOTE_MAX + 1, ATE_MALFORMED}};
    uint8_t *note = calloc(1, ATE__NOTE_MAX + 1);
    assert_non_null(note);
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__msg_signed_encode(&w, &(struct ate__msg_signed){1, ate__bytes(note, cases[i].size)});
        assert_int_equal(decode_hand(ATE__MSG_SIGNED, &body), cases[i].result);
        ate__buf_deinit(&body);
    }
    free(note);
}

static void test_destroy(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int asks, is; /* DESTROY, DESTROYED */
    } cases[] = {{0, 0, ATE_MALFORMED},
                 {1, 0, 0},
                 {ATE__DESTRUCTION_MAX, 0, 0},
                 {ATE__DESTRUCTION_MAX + 1, ATE_MALFORMED, ATE_MALFORMED}};
    uint8_t *bytes = calloc(1, ATE__DESTRUCTION_MAX + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate_bytes statement = ate__bytes(bytes, cases[i].size);
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__msg_destroy_encode(&w, &(struct ate__msg_destroy){1, statement});
        assert_int_equal(decode_hand(ATE__MSG_DESTROY, &body), cases[i].asks);
        ate__buf_clear(&body);
        w = ate__wr_of(&body);
        ate__msg_destroyed_encode(&w, &(struct ate__msg_destroyed){.statement = statement});
        assert_int_equal(decode_hand(ATE__MSG_DESTROYED, &body), cases[i].is);
        ate__buf_deinit(&body);
    }
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__wr_u8(&w, 2);
    assert_int_equal(decode_hand(ATE__MSG_DESTROYED, &body), ATE_UNSUPPORTED);
    ate__buf_clear(&body);
    w = ate__wr_of(&body);
    ate__msg_destroy_encode(&w, &(struct ate__msg_destroy){0, ate__bytes(NULL, 0)});
    assert_int_equal(decode_hand(ATE__MSG_DESTROY, &body), ATE_MALFORMED);
    ate__buf_deinit(&body);
    free(bytes);
}

/* What is neither yes nor no; a key, a proof, and what is sealed, that are too long. */
static void test_possession(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(1, 1 << 16);
    assert_non_null(bytes);
    for (unsigned flag = 0; flag < 4; flag++) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__wr_hash(&w, &(struct ate_hash){{1}});
        ate__wr_u8(&w, (uint8_t)flag);
        assert_int_equal(decode_hand(ATE__MSG_CHALLENGE, &body), flag > 1 ? ATE_MALFORMED : 0);
        ate__wr_bytes32(&w, ate__bytes("abc", 3));
        ate__wr_bytes32(&w, ate__bytes("defg", 4));
        assert_int_equal(decode_hand(ATE__MSG_POSSESSION, &body), flag > 1 ? ATE_MALFORMED : 0);
        ate__buf_deinit(&body);
    }
    for (size_t size = 0; size < 1 << 15; size += 1021) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        ate__msg_sealed_encode(&w, &(struct ate__msg_sealed){ate__bytes(bytes, size)});
        assert_int_equal(decode_hand(ATE__MSG_SEALED, &body),
                         size > ATE__KEM_ENC_MAX + 48 ? ATE_MALFORMED : 0);
        ate__buf_clear(&body);
        w = ate__wr_of(&body);
        ate__msg_readers_encode(&w, &(struct ate__msg_readers){{{1}}, ate__bytes(bytes, size)});
        assert_int_equal(decode_hand(ATE__MSG_READERS, &body),
                         size > ATE__PUBLIC_KEY_MAX ? ATE_MALFORMED : 0);
        ate__buf_deinit(&body);
    }
    free(bytes);
}

/* Who made it: nothing where that is nobody, else a list that ascends. */
static void test_attested(void **state)
{
    (void)state;
    uint8_t who[(ATE__TX_SIGNATURES_MAX + 1) * 32];
    for (size_t i = 0; i < sizeof who; i++)
        who[i] = (uint8_t)(i / 32 + 1);
    for (uint32_t count = 0; count <= ATE__TX_SIGNATURES_MAX + 1; count++) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        struct ate__msg_committed m = {.request = 1,
                                       .receipt.size = 1,
                                       .attested_count = count,
                                       .attested = who},
                                  got;
        ate__msg_committed_encode(&w, &m);
        assert_int_equal(ate__wr_end(&w), 0);
        int rc = ate__msg_committed_decode(ate__buf_bytes(&body), &got);
        assert_int_equal(rc, count > ATE__TX_SIGNATURES_MAX ? ATE_MALFORMED : 0);
        assert_true(rc || got.attested_count == count);
        assert_true(rc || !count || !memcmp(got.attested, who, 32 * (size_t)count));
        size_t whole = body.size, list = count ? 4 + 32 * (size_t)count : 0;
        for (size_t size = whole - list + 1; size < whole; size++)
            assert_int_equal(ate__msg_committed_decode(ate__bytes(body.data, size), &got),
                             ATE_MALFORMED);
        if (count > 1 && count <= ATE__TX_SIGNATURES_MAX) {
            memcpy(body.data + whole - 32, body.data + whole - 64, 32); /* one twice */
            assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&body), &got), ATE_MALFORMED);
        }
        /* Behind it, and behind a list of none, the signatures hash. */
        m.has_signatures_hash = true;
        m.signatures_hash.b[3] = 9;
        ate__buf_clear(&body);
        w = ate__wr_of(&body);
        ate__msg_committed_encode(&w, &m);
        assert_int_equal(ate__wr_end(&w), 0);
        rc = ate__msg_committed_decode(ate__buf_bytes(&body), &got);
        assert_int_equal(rc, count > ATE__TX_SIGNATURES_MAX ? ATE_MALFORMED : 0);
        assert_true(rc || (got.has_signatures_hash && got.signatures_hash.b[3] == 9 &&
                           got.attested_count == count));
        for (size_t left = 1; !rc && left < 32; left++)
            assert_int_equal(
                ate__msg_committed_decode(ate__bytes(body.data, body.size - left), &got),
                ATE_MALFORMED);
        m.has_signatures_hash = false;
        ate__buf_clear(&body);
        w = ate__wr_of(&body);
        ate__msg_committed_encode(&w, &m);
        if (!count) { /* a list of none */
            assert_int_equal(ate__buf_append(&body, ate__bytes("\0\0\0", 4)), 0);
            assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&body), &got), ATE_MALFORMED);
        }
        ate__buf_deinit(&body);
    }
}

static void test_heads(void **state)
{
    (void)state;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_subscribe m = {.head.size = 0};
    memset(&m.head.root, 7, sizeof m.head.root);
    ate__msg_subscribe_encode(&w, &m); /* a head of nothing has no root */
    assert_int_equal(decode_hand(ATE__MSG_SUBSCRIBE, &body), 0);
    body.data[20] = 1;
    assert_int_equal(decode_hand(ATE__MSG_SUBSCRIBE, &body), ATE_MALFORMED);
    ate__buf_deinit(&body);
}

static void test_rejected(void **state)
{
    (void)state;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_rejected m = {
        .request = 7, .result = ATE_E_NO_SPACE, .text = ate__text_bytes("full")};
    ate__msg_rejected_encode(&w, &m);
    assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&body), &m), 0);
    assert_int_equal(m.result, ATE_OFFLINE); /* what its machine lacks is not ours to know */
    assert_int_equal(m.request, 7);
    assert_true(ate__bytes_equal(m.text, ate__text_bytes("full")));
    static const struct {
        uint32_t sent;
        int rc, got;
    } cases[] = {
        {0, ATE_MALFORMED, 0},
        {(uint32_t)ATE_E_IO, ATE_MALFORMED, 0},
        {9999, 0, ATE_BAD_PEER},
        {ATE_STALE_KEY, 0, ATE_STALE_KEY},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        body.data[4] = (uint8_t)cases[i].sent;
        body.data[5] = (uint8_t)(cases[i].sent >> 8);
        body.data[6] = (uint8_t)(cases[i].sent >> 16);
        body.data[7] = (uint8_t)(cases[i].sent >> 24);
        assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&body), &m), cases[i].rc);
        if (!cases[i].rc)
            assert_int_equal(m.result, cases[i].got);
    }
    ate__buf_deinit(&body);
}

/* The frame that docs/format/wire.md shows. */
static void test_worked(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x0f, 0, 0, 0, 0x10, 0, 0, 0,    1,   0,
                                       0,    0, 0, 2, 0,    0, 0, 0x2f, 0x61};
    struct ate__buf frame = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&frame);
    size_t mark = ate__net_frame_begin(&w, ATE__MSG_OPEN, 1);
    ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes("/a")});
    assert_int_equal(ate__net_frame_end(&w, mark, ATE__NET_FRAME_MAX), 0);
    assert_int_equal(frame.size, sizeof expected);
    assert_memory_equal(frame.data, expected, sizeof expected);
    ate__buf_deinit(&frame);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ate__message_name(ATE__MSG_OPEN), "OPEN");
    assert_string_equal(ate__message_name(ATE__MSG_CHECKPOINT), "CHECKPOINT");
    assert_string_equal(ate__message_name(0), "a message");
    assert_string_equal(ate__message_name(UINT16_MAX), "a message");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_cut_and_lengthened),
        cmocka_unit_test(test_changed),    cmocka_unit_test(test_open),
        cmocka_unit_test(test_counts),     cmocka_unit_test(test_heads),
        cmocka_unit_test(test_rejected),   cmocka_unit_test(test_worked),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_prove),
        cmocka_unit_test(test_signed),     cmocka_unit_test(test_resync),
        cmocka_unit_test(test_destroy),    cmocka_unit_test(test_possession),
        cmocka_unit_test(test_attested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
