/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * records.h: transactions of the history, read in batches, decoded, and opened as far as a
 * session's keys go. What history.c, watch.c and verify.c share.
 */
#pragma once
#include "api/api.h"

struct ate__opened { /* one event; views into the record, `plain` or `unpacked` */
    const struct ate__event *event;
    bool encrypted, readable;
    const char *type;      /* NULL: private to others, or none */
    struct ate_bytes name;
    struct ate_bytes stored; /* of the payload */
    uint64_t payload_size;   /* 0: it has none that can be read */
    uint8_t encoding;
    struct ate__buf plain, unpacked; /* the latter once it was loaded */
    char type_text[ATE__TYPE_MAX + 1];
};
struct ate__records {
    struct ate_chain *chain;     /* a reference */
    struct ate_session *session; /* a reference, or NULL */
    struct ate__snapshot *snapshot; /* where scopes are looked up; refreshed with each batch */
    uint64_t next;               /* sequence of the next transaction */
    struct ate__buf bytes;       /* of the batch */
    struct record {
        uint64_t sequence, root_time_us;
        size_t at, size;
    } *batch;
    size_t batch_count, batch_capacity, batch_at;
    /* The present one: */
    bool present;
    uint64_t sequence, root_time_us;
    struct ate__tx tx;
    struct ate__opened *events;  /* tx.event_count */
};
int ate__records_init(struct ate__records *r, struct ate_chain *chain, struct ate_session *session,
                      uint64_t from) ATE__CHECK;
void ate__records_deinit(struct ate__records *r);
int ate__records_next(struct ate__records *r) ATE__CHECK; /* ATE_END: at the published head */
/* One event of the chain, with what the others need to be opened: refreshes the snapshot. It is
 * the caller's to end, also on failure. Errors: E_* */
int ate__records_open(struct ate__records *r, const struct ate__event *e, struct ate__opened *o)
    ATE__CHECK;
void ate__opened_deinit(struct ate__opened *o);
/* The object as an opened event of r's chain left it; its payload is unpacked once.
 * Errors: MISUSE: not a body event; NO_KEY COMPACTED MALFORMED TOO_BIG E_MEMORY. */
int ate__opened_object(const struct ate__records *r, struct ate__opened *o,
                       struct ate_object *ret_object) ATE__CHECK;
void ate__records_unread(struct ate__records *r); /* next() gives the present one again */
/* The same, out of the log as it is now; scopes are those of now, too. Errors: E_MEMORY */
int ate__records_again(struct ate__records *r) ATE__CHECK;
