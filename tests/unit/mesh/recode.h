/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * recode.h: any message, decoded and encoded again; for the unit test and the fuzz target.
 */
#pragma once
#include "base/assert.h"
#include "mesh/msg.h"

static inline void recode_group(const struct ate__msg_group *m, struct ate__buf *list)
{
    struct ate__wr w = ate__wr_of(list);
    struct ate_bytes record;
    uint32_t count = 0;
    for (size_t at = 0; ate__msg_group_next(m->records, &at, &record); count++)
        ate__msg_group_add(&w, record);
    ate__assert(count == m->count && ate__wr_end(&w) == 0);
}

static inline void recode_got(const struct ate__msg_got *m, struct ate__buf *list)
{
    struct ate__wr w = ate__wr_of(list);
    struct ate__shown_tx tx;
    uint32_t count = 0;
    for (size_t at = 0; ate__msg_got_next(m->txs, &at, &tx); count++)
        ate__msg_got_add(&w, &tx);
    ate__assert(count == m->tx_count && ate__wr_end(&w) == 0);
}

static inline void recode_kept(const struct ate__msg_kept *m, struct ate__buf *list)
{
    struct ate__wr w = ate__wr_of(list);
    struct ate__kept_record record;
    uint32_t count = 0;
    for (size_t at = 0; ate__msg_kept_next(m->records, &at, &record); count++)
        ate__msg_kept_add(&w, &record);
    ate__assert(count == m->count && ate__wr_end(&w) == 0);
}

#define RECODE(name)                                                                               \
    {                                                                                              \
        struct ate__msg_##name m;                                                                  \
        int rc = ate__msg_##name##_decode(body, &m);                                               \
        if (!rc)                                                                                   \
            ate__msg_##name##_encode(&w, &m);                                                      \
        return rc;                                                                                 \
    }
#define RECODE_LIST(name, list_field)                                                              \
    {                                                                                              \
        struct ate__msg_##name m;                                                                  \
        struct ate__buf list = ATE__BUF_NULL;                                                      \
        int rc = ate__msg_##name##_decode(body, &m);                                               \
        if (!rc) {                                                                                 \
            recode_##name(&m, &list);                                                              \
            m.list_field = ate__buf_bytes(&list);                                                  \
            ate__msg_##name##_encode(&w, &m);                                                      \
            ate__buf_deinit(&list);                                                                \
        }                                                                                          \
        return rc;                                                                                 \
    }

/* Appends to `again` what it encodes to. CLOSE and what is reserved have no body to decode: MISUSE.
 */
static inline int recode(unsigned type, struct ate_bytes body, struct ate__buf *again)
{
    struct ate__wr w = ate__wr_of(again);
    switch (type) {
    case ATE__MSG_OPEN: RECODE(open)
    case ATE__MSG_OPENED: RECODE(opened)
    case ATE__MSG_CREATE: RECODE(create)
    case ATE__MSG_EXISTS: RECODE(exists)
    case ATE__MSG_SUBSCRIBE: RECODE(subscribe)
    case ATE__MSG_SUBSCRIBED: RECODE(subscribed)
    case ATE__MSG_GROUP: RECODE_LIST(group, records)
    case ATE__MSG_COMMIT: RECODE(commit)
    case ATE__MSG_COMMITTED: RECODE(committed)
    case ATE__MSG_REJECTED: RECODE(rejected)
    case ATE__MSG_OUTCOME: RECODE(outcome)
    case ATE__MSG_GET: RECODE(get)
    case ATE__MSG_GOT: RECODE_LIST(got, txs)
    case ATE__MSG_PROVE: RECODE(prove)
    case ATE__MSG_PROVEN: RECODE(proven)
    case ATE__MSG_CHECKPOINT: RECODE(checkpoint)
    case ATE__MSG_SIGNED: RECODE(signed)
    case ATE__MSG_RESYNC: RECODE(resync)
    case ATE__MSG_LEAVES: RECODE(leaves)
    case ATE__MSG_KEPT: RECODE_LIST(kept, records)
    case ATE__MSG_DESTROY: RECODE(destroy)
    case ATE__MSG_DESTROYED: RECODE(destroyed)
    case ATE__MSG_NOTES: RECODE(notes)
    case ATE__MSG_NOTE: RECODE(note)
    case ATE__MSG_CHALLENGE: RECODE(challenge)
    case ATE__MSG_POSSESSION: RECODE(possession)
    case ATE__MSG_READERS: RECODE(readers)
    case ATE__MSG_SEALED: RECODE(sealed)
    case ATE__MSG_KEY: RECODE(key)
    default: return ate__fail(ATE_MISUSE, "no message with a body");
    }
}
