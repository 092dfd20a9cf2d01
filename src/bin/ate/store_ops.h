/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * store_ops.h: the operations of a store, and how each becomes changes of a transaction.
 */
#pragma once
#include "bin/ate/store.h"

struct batch;
struct store_node {
    unsigned refs;
    struct ate_id id;
    struct ate_id pages;  /* of a file in pages: what they lie below */
    struct batch *batch;  /* whose transaction makes it; NULL: none, or it is acknowledged */
    uint64_t seen_at;     /* transactions acknowledged when that one was */
    size_t pages_flying;  /* of a file: pages in transactions that were sent */
};

enum op_kind {
    OP_DIR,
    OP_FILE,
    OP_TEXT,
    OP_BYTES,
    OP_RAW,
    OP_SYMLINK,
    OP_HARDLINK,
    OP_FILE_BEGIN,
    OP_PAGE,
    OP_FILE_FINISH,
    OP_FILE_STATE,
    OP_DELETE
};
struct op {
    enum op_kind kind;
    struct store_node *node;   /* what it makes, or finishes; a reference, as the next two */
    struct store_node *parent; /* NULL: none */
    struct store_node *target; /* of a hard link */
    char *name, *type;         /* owned */
    const char *encoding;      /* a constant */
    struct fs_dir dir;         /* of a file too */
    uint64_t size;             /* of the content */
    uint64_t index;            /* of a page; of a finished file: pages */
    struct ate_hash hash;
    uint8_t *data;             /* owned, ended with NUL */
    size_t data_size;
    struct store_when when;
    bool archive;              /* the chain is one */
    struct op *next;
};
void op_free(struct op *op); /* takes NULL */

enum { OP_EVENTS_MAX = 3 }; /* of one operation: itself, what it takes away, what opens it */

/* Makes the changes, and sets the node's id. *ret_changed: it made others than its own object's,
 * some of them perhaps though it failed. */
int op_apply(struct op *op, struct ate_txn *txn, bool *ret_changed) ATE__CHECK;
