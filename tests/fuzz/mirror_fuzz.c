/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mirror_fuzz.c: ate__mirror_group(), ate__mirror_subscribed(), ate__mirror_resync(),
 * ate__mirror_remains(): what a server sends to a mirror.
 *
 * Input: steps: u8 kind, and by kind 0: the next good GROUP with patches (patch.h), 1: the rest as
 * the body of a GROUP, 2: a GROUP of the next two, 3: u64 size and patches of a SUBSCRIBED's root,
 * 4: the link is lost and begins anew, 5: a RESYNC (u64 size, u16 cut-off, kept and certified
 * sizes, patches of the kept root), 6: LEAVES (u8 tile, u8 tiles, patches), 7: a KEPT (u8 first,
 * u8 end, u8 which of the records are identities, patches), 8: u8 LEAVES or KEPT, and the rest as
 * its body.
 *
 * Nothing that was compacted has a certificate here, so nothing of it is ever taken over.
 * The mirror holds the beginning of the one history, whatever comes; only what breaks it off.
 */
#include "base/assert.h"
#include "mesh/mirror.h"
#include "patch.h"
#include "unit/mesh/past.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 40, LENGTH = 6, TILES_MAX = 4 };
static struct past *past;

/* Keys lie in memory that leak checkers do not look through. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static void make(void)
{
    past = past_new(NULL);
    for (unsigned i = 1; i < LENGTH; i++)
        past_create(past, ROOT, i, 0, NULL, "x");
}

static void fed(void *arg)
{
    (void)arg;
}

static void give_past(struct ate__mirror *m, struct ate__rd *r, uint64_t first, uint32_t count)
{
    struct ate__buf records = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct ate__wr rw = ate__wr_of(&records), w = ate__wr_of(&body);
    for (uint32_t i = 0; i < count; i++)
        ate__msg_group_add(&rw, ate__buf_bytes(&past->record[first + i]));
    ate__assert(!ate__wr_end(&rw));
    struct ate__msg_group group = {.first_sequence = first,
                                   .root_time_us = past->time_us[first],
                                   .head_after = past_head(past, first + count).root,
                                   .count = count,
                                   .records = ate__buf_bytes(&records)};
    ate__msg_group_encode(&w, &group);
    ate__assert(!ate__wr_end(&w));
    fuzz_patch(r, body.data, body.size);
    (void)!ate__mirror_group(m, ate__buf_bytes(&body));
    ate__buf_deinit(&records);
    ate__buf_deinit(&body);
}

static struct ate__head named_head(struct ate__mirror *m, struct ate__rd *r,
                                   struct ate__proof *ret_consistency)
{
    uint64_t size = ate__rd_u64(r);
    uint64_t known = ate__mirror_head(m).size, to = size % (LENGTH + 1);
    struct ate__head head = past_head(past, to);
    if (known && known <= to)
        *ret_consistency = past_consistency(past, known, to);
    head.size += size > UINT64_MAX / 2 ? size : 0;
    return head;
}

static void subscribed(struct ate__mirror *m, struct ate__rd *r)
{
    struct ate__msg_subscribed msg = {0};
    msg.head = named_head(m, r, &msg.consistency);
    fuzz_patch(r, &msg.head.root, sizeof msg.head.root);
    (void)!ate__mirror_subscribed(m, &msg);
}

static void resync(struct ate__mirror *m, struct ate__rd *r)
{
    struct ate__msg_resync msg = {0};
    msg.head = named_head(m, r, &msg.consistency);
    msg.cut_off = ate__rd_u16(r);
    uint64_t kept = ate__rd_u16(r);
    msg.certified = ate__rd_u16(r);
    msg.kept = past_head(past, kept % (LENGTH + 1));
    msg.kept.size = kept;
    if (!ate__mirror_head(m).size) /* of an empty one any size extends it */
        msg.head.size = ate__max(msg.head.size, ate__max(msg.cut_off, kept));
    fuzz_patch(r, &msg.kept.root, sizeof msg.kept.root);
    (void)!ate__mirror_resync(m, &msg);
}

static void give(struct ate__mirror *m, struct ate__rd *r, enum ate__message type,
                 struct ate__buf *body)
{
    fuzz_patch(r, body->data, body->size);
    (void)!ate__mirror_remains(m, (uint16_t)type, ate__buf_bytes(body));
    ate__buf_deinit(body);
}

static void leaves(struct ate__mirror *m, struct ate__rd *r)
{
    static struct ate_hash hashes[TILES_MAX * ATE__TILE_LEAVES];
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_leaves msg = {.hashes = hashes[0].b};
    memcpy(hashes, past->leaf, LENGTH * sizeof *hashes);
    msg.first = (uint64_t)ate__rd_u8(r) * ATE__TILE_LEAVES;
    msg.count = ate__rd_u8(r) % (TILES_MAX + 1) * ATE__TILE_LEAVES;
    ate__msg_leaves_encode(&w, &msg);
    ate__assert(!ate__wr_end(&w));
    give(m, r, ATE__MSG_LEAVES, &body);
}

static void kept(struct ate__mirror *m, struct ate__rd *r)
{
    struct ate__buf records = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct ate__wr rw = ate__wr_of(&records), w = ate__wr_of(&body);
    struct ate__msg_kept msg = {.first = ate__rd_u8(r), .end = ate__rd_u8(r)};
    unsigned identities = ate__rd_u8(r);
    for (uint64_t i = msg.first; i < ate__min(msg.end, LENGTH); i++, msg.count++)
        ate__msg_kept_add(&rw, &(struct ate__kept_record){
                                   .sequence = i,
                                   .identity = identities >> i & 1,
                                   .body = ate__buf_bytes(&past->record[i]),
                               });
    ate__assert(!ate__wr_end(&rw));
    msg.root_time_us = msg.count ? past->time_us[msg.first] : 0;
    msg.records = ate__buf_bytes(&records);
    ate__msg_kept_encode(&w, &msg);
    ate__assert(!ate__wr_end(&w));
    give(m, r, ATE__MSG_KEPT, &body);
    ate__buf_deinit(&records);
}

static void remains(struct ate__mirror *m, struct ate__rd *r)
{
    enum ate__message type = ate__rd_u8(r) % 2 ? ATE__MSG_KEPT : ATE__MSG_LEAVES;
    (void)!ate__mirror_remains(m, (uint16_t)type, ate__rd_bytes(r, ate__rd_left(r)));
}

static void step(struct ate__mirror *m, struct ate__rd *r)
{
    struct ate__head from;
    uint64_t next = ate__mirror_head(m).size;
    unsigned kind = ate__rd_u8(r) % 9;
    if (kind == 0 && next < LENGTH)
        give_past(m, r, next, 1);
    else if (kind == 2 && next + 1 < LENGTH)
        give_past(m, r, next, 2);
    else if (kind == 1)
        (void)!ate__mirror_group(m, ate__rd_bytes(r, ate__rd_left(r)));
    else if (kind == 3)
        subscribed(m, r);
    else if (kind == 5)
        resync(m, r);
    else if (kind == 6)
        leaves(m, r);
    else if (kind == 7)
        kept(m, r);
    else if (kind == 8)
        remains(m, r);
    else
        ate__mirror_lost(m);
    (void)!ate__mirror_failure(m);
    (void)ate__mirror_subscribe(m, &from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!past)
        make();
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate__mirror_conf conf = {.env = &ate__env_real, .fed = fed};
    struct ate__mirror *m;
    ate__assert(!ate__mirror_new(&conf, &m));
    ate__assert(!ate__mirror_prepare(m, &past->chain_id));
    for (unsigned i = 0; i < STEPS && ate__rd_left(&r); i++) {
        uint64_t before = ate__mirror_head(m).size;
        step(m, &r);
        struct ate__head head = ate__mirror_head(m), right;
        ate__assert(head.size >= before && head.size <= LENGTH);
        right = head.size ? past_head(past, head.size) : head;
        ate__assert(ate__hash_equal(&head.root, &right.root));
    }
    ate__mirror_free(m);
    return 0;
}
