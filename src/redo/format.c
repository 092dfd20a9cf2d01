/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * format.c: the bytes of a segment file.
 */
#include "redo/format.h"
#include "base/assert.h"
#include "base/crc.h"
#include "base/endian.h"

enum { HEAD_CRC_AT = 16, SEGMENT_CRC_AT = 84, MAGIC_SIZE = 8 };
static const uint8_t segment_magic[MAGIC_SIZE] = "ATE seg\n";

uint32_t ate__salt_seed(uint64_t salt)
{
    uint8_t bytes[8];
    ate__store64(bytes, salt);
    return ate__crc32c(0, bytes, sizeof bytes);
}

bool ate__all_zero(struct ate_bytes bytes)
{
    /* Equal to itself shifted by one byte, and the first is zero. */
    const uint8_t *p = bytes.data;
    return !bytes.size || (!p[0] && !memcmp(p, p + 1, bytes.size - 1));
}

/* --- writers --- */

void ate__segment_head_write(struct ate__wr *w, const struct ate__segment_head *head)
{
    size_t start = w->buf->size;
    ate__wr_copy(w, segment_magic, MAGIC_SIZE);
    ate__wr_u32(w, ATE__SEGMENT_VERSION);
    ate__wr_u32(w, (head->padded ? ATE__SEGMENT_PADDED : 0) |
                       (head->compacted ? ATE__SEGMENT_COMPACTED : 0));
    ate__wr_hash(w, &head->chain_id);
    ate__wr_u64(w, head->id);
    ate__wr_u64(w, head->salt);
    ate__wr_u64(w, head->first_sequence);
    ate__wr_u64(w, head->capacity);
    ate__wr_u32(w, 0);
    if (!w->failed)
        ate__wr_u32(w, ate__crc32c(0, w->buf->data + start, SEGMENT_CRC_AT));
    if (head->padded)
        ate__wr_zeros(w, ATE__PAD_BYTES - ATE__SEGMENT_HEAD);
}

static void write_record(struct ate__wr *w, uint32_t seed, enum ate__kind kind, uint16_t flags,
                         uint64_t sequence, struct ate_bytes body)
{
    size_t start = w->buf->size;
    ate__assert(body.size && body.size <= ATE__GROUP_BYTES_MAX);
    ate__wr_u32(w, (uint32_t)body.size);
    ate__wr_u16(w, (uint16_t)kind);
    ate__wr_u16(w, flags);
    ate__wr_u64(w, sequence);
    if (w->failed)
        return;
    ate__wr_u32(w, ate__crc32c(seed, w->buf->data + start, HEAD_CRC_AT));
    ate__wr_u32(w, ate__crc32c(seed, body.data, body.size));
    ate__wr_bytes(w, body);
    ate__wr_zeros(w, -body.size & 7);
}

void ate__record_write(struct ate__wr *w, uint32_t seed, enum ate__kind kind, uint64_t sequence,
                       struct ate_bytes body)
{
    write_record(w, seed, kind, 0, sequence, body);
}

void ate__seal_write(struct ate__wr *w, uint32_t seed, uint64_t end_sequence,
                     const struct ate_hash *seal)
{
    write_record(w, seed, ATE__KIND_SEAL, 0, end_sequence, ate__bytes(seal->b, sizeof seal->b));
}

void ate__group_head_write(struct ate__wr *w, uint32_t seed, const struct ate__group_head *head)
{
    uint8_t body[ATE__GROUP_BODY];
    ate__store32(body, head->bytes);
    ate__store32(body + 4, head->count);
    ate__store64(body + 8, head->first_sequence);
    ate__store64(body + 16, head->root_time_us);
    ate__store64(body + 24, head->compacted ? head->end_sequence : head->floor);
    ate__store64(body + 32, head->compacted ? 0 : head->head_before);
    write_record(w, seed, ATE__KIND_GROUP, head->sealed ? ATE__RECORD_SEALED : 0,
                 head->first_sequence, ate__bytes(body, sizeof body));
}

void ate__footer_write(struct ate__wr *w, uint32_t seed, const struct ate__footer *footer)
{
    uint8_t body[ATE__FOOTER_BODY];
    ate__store64(body, footer->count);
    ate__store64(body + 8, footer->next_sequence - 1);
    memcpy(body + 16, footer->head.b, sizeof footer->head.b);
    memcpy(body + 48, footer->sha256.b, sizeof footer->sha256.b);
    ate__record_write(w, seed, ATE__KIND_FOOTER, footer->next_sequence,
                      ate__bytes(body, sizeof body));
}

/* --- readers --- */

enum ate__soundness ate__segment_head_read(struct ate_bytes bytes,
                                           struct ate__segment_head *ret_head)
{
    if (bytes.size < ATE__SEGMENT_HEAD)
        return ATE__BAD;
    struct ate__segment_head head = {.id = 0};
    struct ate__rd r = ate__rd_of(bytes);
    struct ate_bytes magic = ate__rd_bytes(&r, MAGIC_SIZE);
    uint32_t version = ate__rd_u32(&r);
    uint32_t flags = ate__rd_u32(&r);
    head.chain_id = ate__rd_hash(&r);
    head.id = ate__rd_u64(&r);
    head.salt = ate__rd_u64(&r);
    head.first_sequence = ate__rd_u64(&r);
    head.capacity = ate__rd_u64(&r);
    uint32_t zero = ate__rd_u32(&r);
    if (memcmp(magic.data, segment_magic, MAGIC_SIZE) ||
        ate__rd_u32(&r) != ate__crc32c(0, bytes.data, SEGMENT_CRC_AT))
        return ATE__BAD;
    if (version > ATE__SEGMENT_VERSION ||
        flags & ~(uint32_t)(ATE__SEGMENT_PADDED | ATE__SEGMENT_COMPACTED))
        return ATE__NEWER;
    head.padded = flags & ATE__SEGMENT_PADDED;
    head.compacted = flags & ATE__SEGMENT_COMPACTED;
    if (!version || zero || !head.id || head.id > UINT32_MAX ||
        head.capacity < ATE__SEGMENT_BYTES_MIN || head.capacity > ATE__SEGMENT_BYTES_MAX ||
        head.capacity % ATE__PAD_BYTES)
        return ATE__BAD;
    if (head.padded) {
        struct ate_bytes rest = ate__rd_bytes(&r, ATE__PAD_BYTES - ATE__SEGMENT_HEAD);
        if (!ate__rd_ok(&r) || !ate__all_zero(rest))
            return ATE__BAD;
    }
    *ret_head = head;
    return ATE__GOOD;
}

enum ate__soundness ate__record_head_read(struct ate_bytes bytes, uint32_t seed,
                                          struct ate__record_head *ret_head)
{
    if (ate__all_zero(ate__bytes(bytes.data, ate__min(bytes.size, ATE__RECORD_HEAD))))
        return ATE__NOTHING;
    struct ate__rd r = ate__rd_of(bytes);
    uint32_t size = ate__rd_u32(&r);
    uint16_t kind = ate__rd_u16(&r);
    uint16_t flags = ate__rd_u16(&r);
    uint64_t sequence = ate__rd_u64(&r);
    uint32_t head_crc = ate__rd_u32(&r);
    uint32_t body_crc = ate__rd_u32(&r);
    if (!ate__rd_ok(&r) || head_crc != ate__crc32c(seed, bytes.data, HEAD_CRC_AT) || !size ||
        !kind || size > ATE__GROUP_BYTES_MAX)
        return ATE__BAD;
    if (kind > ATE__KIND_SEAL || flags > (kind == ATE__KIND_GROUP ? ATE__RECORD_SEALED : 0))
        return ATE__NEWER;
    *ret_head = (struct ate__record_head){size, kind, sequence, body_crc, flags != 0};
    return ATE__GOOD;
}

enum ate__soundness ate__record_read(struct ate_bytes bytes, uint32_t seed,
                                     struct ate__record_head *ret_head, struct ate_bytes *ret_body)
{
    struct ate__record_head head;
    enum ate__soundness verdict = ate__record_head_read(bytes, seed, &head);
    if (verdict != ATE__GOOD)
        return verdict;
    struct ate__rd r = ate__rd_of(bytes);
    ate__rd_bytes(&r, ATE__RECORD_HEAD);
    struct ate_bytes body = ate__rd_bytes(&r, head.size);
    struct ate_bytes padding = ate__rd_bytes(&r, -(size_t)head.size & 7);
    if (!ate__rd_ok(&r) || ate__crc32c(seed, body.data, body.size) != head.body_crc ||
        !ate__all_zero(padding))
        return ATE__BAD;
    *ret_head = head;
    *ret_body = body;
    return ATE__GOOD;
}

/* What a group header says, by itself. */
static bool group_can_be(const struct ate__group_head *head)
{
    bool range = head->compacted ? head->end_sequence > head->first_sequence &&
                                       head->end_sequence - head->first_sequence >= head->count
                                 : head->floor <= head->first_sequence &&
                                       head->first_sequence <= UINT64_MAX - head->count;
    bool empty = !head->count;
    uint64_t frame = ATE__GROUP_HEAD + (head->sealed ? ATE__SEAL : 0);
    bool mark = empty && !head->compacted;
    return range && !(mark && head->sealed) && !(head->bytes % 8) &&
           head->bytes <= ATE__GROUP_BYTES_MAX &&
           head->bytes >= frame + (uint64_t)head->count * ATE__RECORD_MIN &&
           !(empty && (head->bytes != frame || head->head_before));
}

enum ate__soundness ate__group_head_read(struct ate_bytes bytes, uint32_t seed, bool compacted,
                                         struct ate__group_head *ret_head)
{
    struct ate__record_head record;
    struct ate_bytes body;
    enum ate__soundness verdict = ate__record_head_read(bytes, seed, &record);
    if (verdict == ATE__GOOD && record.kind != ATE__KIND_GROUP)
        verdict = ATE__BAD;
    if (verdict == ATE__GOOD)
        verdict = ate__record_read(bytes, seed, &record, &body);
    if (verdict != ATE__GOOD)
        return verdict;
    struct ate__group_head head = {.compacted = compacted, .sealed = record.sealed};
    struct ate__rd r = ate__rd_of(body);
    head.bytes = ate__rd_u32(&r);
    head.count = ate__rd_u32(&r);
    head.first_sequence = ate__rd_u64(&r);
    head.root_time_us = ate__rd_u64(&r);
    uint64_t floor_or_end = ate__rd_u64(&r);
    head.head_before = ate__rd_u64(&r);
    head.floor = compacted ? 0 : floor_or_end;
    head.end_sequence = compacted ? floor_or_end : head.first_sequence + head.count;
    if (!ate__rd_end(&r) || head.first_sequence != record.sequence || !group_can_be(&head) ||
        (compacted && head.head_before))
        return ATE__BAD;
    *ret_head = head;
    return ATE__GOOD;
}

enum ate__soundness ate__footer_read(struct ate_bytes bytes, uint32_t seed,
                                     struct ate__footer *ret_footer)
{
    struct ate__record_head record;
    struct ate_bytes body;
    enum ate__soundness verdict = ate__record_read(bytes, seed, &record, &body);
    if (verdict != ATE__GOOD)
        return verdict;
    struct ate__footer footer;
    struct ate__rd r = ate__rd_of(body);
    footer.next_sequence = record.sequence;
    footer.count = ate__rd_u64(&r);
    uint64_t last_sequence = ate__rd_u64(&r);
    footer.head = ate__rd_hash(&r);
    footer.sha256 = ate__rd_hash(&r);
    if (!ate__rd_end(&r) || record.kind != ATE__KIND_FOOTER || !footer.count ||
        footer.next_sequence < footer.count || last_sequence != footer.next_sequence - 1)
        return ATE__BAD;
    *ret_footer = footer;
    return ATE__GOOD;
}

/* Whether a record may follow, `next` being the first sequence that is free. */
static bool record_fits(const struct ate__group_head *head, const struct ate__record_head *record,
                        uint64_t next)
{
    if (!head->compacted)
        return record->kind == ATE__KIND_TRANSACTION && record->sequence == next;
    return (record->kind == ATE__KIND_TRANSACTION || record->kind == ATE__KIND_IDENTITY) &&
           record->sequence >= next && record->sequence < head->end_sequence;
}

static enum ate__soundness check_seal(struct ate_bytes rest, uint32_t seed,
                                      const struct ate__group_head *head)
{
    struct ate__record_head record;
    struct ate_bytes body;
    enum ate__soundness verdict = ate__record_read(rest, seed, &record, &body);
    if (verdict != ATE__GOOD)
        return verdict == ATE__NOTHING ? ATE__BAD : verdict;
    return record.kind == ATE__KIND_SEAL && record.sequence == head->end_sequence &&
                   body.size == ATE__SEAL_BODY
               ? ATE__GOOD
               : ATE__BAD;
}

enum ate__soundness ate__group_check(struct ate_bytes group, uint32_t seed,
                                     const struct ate__group_head *head, size_t *ret_at)
{
    const uint8_t *p = group.data;
    size_t at = ATE__GROUP_HEAD;
    uint64_t next = head->first_sequence;
    enum ate__soundness verdict = ATE__GOOD;
    *ret_at = at;
    for (uint32_t i = 0; i < head->count && verdict == ATE__GOOD; i++) {
        struct ate__record_head record;
        struct ate_bytes body;
        *ret_at = at;
        verdict = ate__record_read(ate__bytes(p + at, group.size - at), seed, &record, &body);
        if (verdict != ATE__GOOD)
            break;
        if (!record_fits(head, &record, next))
            return ATE__BAD;
        next = record.sequence + 1;
        at += ate__record_bytes(record.size);
    }
    if (verdict != ATE__GOOD) /* zeros inside a group are a hole in it */
        return verdict == ATE__NOTHING ? ATE__BAD : verdict;
    *ret_at = at;
    if (head->sealed) {
        verdict = check_seal(ate__bytes(p + at, group.size - at), seed, head);
        if (verdict != ATE__GOOD)
            return verdict;
        *ret_at = at += ATE__SEAL;
    }
    return at == head->bytes && at == group.size ? ATE__GOOD : ATE__BAD;
}

struct ate_hash ate__group_seal(struct ate_bytes group)
{
    struct ate_hash seal;
    ate__assert(group.size >= ATE__GROUP_HEAD + ATE__SEAL);
    memcpy(seal.b, (const uint8_t *)group.data + group.size - ATE__SEAL_BODY, sizeof seal.b);
    return seal;
}

enum ate__kind ate__group_next(struct ate_bytes group, size_t *at, uint64_t *ret_sequence,
                               struct ate_bytes *ret_body)
{
    const uint8_t *p = (const uint8_t *)group.data + *at;
    ate__assert(*at + ATE__RECORD_HEAD <= group.size);
    uint32_t size = ate__load32(p);
    ate__assert(ate__record_bytes(size) <= group.size - *at);
    *ret_sequence = ate__load64(p + 8);
    *ret_body = ate__bytes(p + ATE__RECORD_HEAD, size);
    *at += ate__record_bytes(size);
    return (enum ate__kind)ate__load16(p + 4);
}
