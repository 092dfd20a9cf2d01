/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mirror_resync.c: LEAVES and KEPT, decoded and handed on.
 */
#include "mesh/mirror_resync.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "redo/import.h"

static int take_leaves(struct ate__resync *resync, struct ate_bytes body)
{
    struct ate__msg_leaves m;
    int rc = ate__msg_leaves_decode(body, &m);
    if (rc)
        return ate__context(ATE_BAD_PEER, "LEAVES");
    return ate__resync_leaves(resync, m.first,
                              ate__bytes(m.hashes, (size_t)m.count * sizeof(struct ate_hash)));
}

static int take_kept(struct ate__resync *resync, struct ate_bytes body)
{
    struct ate__msg_kept m;
    struct ate__kept_record kept;
    size_t at = 0, count = 0;
    int rc = ate__msg_kept_decode(body, &m);
    if (rc)
        return ate__context(ATE_BAD_PEER, "KEPT");
    ate__cleanup(ate__freep) struct ate__import_record *records =
        ate__alloc_array(m.count + (size_t)1, sizeof *records);
    if (!records)
        return ate__no_memory();
    while (count < m.count && ate__msg_kept_next(m.records, &at, &kept))
        records[count++] = (struct ate__import_record){kept.sequence, kept.identity, kept.body};
    ate__assert(count == m.count);
    struct ate__import_range range = {m.first, m.end, m.root_time_us, records, count};
    return ate__resync_range(resync, &range);
}

int ate__mirror_piece(struct ate__resync *resync, enum ate__message type, struct ate_bytes body)
{
    if (!resync)
        return ate__fail(ATE_BAD_PEER, "%s without RESYNC", ate__message_name(type));
    return type == ATE__MSG_LEAVES ? take_leaves(resync, body) : take_kept(resync, body);
}
