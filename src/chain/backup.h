/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup.h: a chain copied into another directory: the segments of its log, of which every record
 * is the one whose signatures were verified when the chain was opened.
 *
 * A record that is copied, or that the target holds already, has the leaf that the verified chain
 * has at its sequence: so the copy has the same root, at any size.
 */
#pragma once
#include "chain/chain.h"
#include "redo/backup.h"

struct ate__chain_copy {
    uint64_t size;  /* transactions that the copy gets; 0: all. One inside of a group too */
    const char *dir_name; /* NULL: ",chain" */
    bool existing;  /* what is there of the same chain is brought up to it */
    bool damaged;   /* up to the damage that the open found; false: damage ends it */
    bool values;    /* and no value in force is lost that the target has (chain/values.h) */
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes; may be NULL */
    void *progress_arg;
};
struct ate__chain_copied {
    struct ate__backed_up log;
    uint64_t size;
    struct ate_hash root;
    bool lacks; /* `values`: some are in neither */
};
/* dir: the target's, below which it lies; borrowed. A chain open for writing is copied up to
 * what is on stable storage. Errors: TAMPERED: the chain is damaged; ROLLED_BACK: the target has
 * more; OMITTED, STALE: chain/values.h; FORKED: the target, or the log since it was opened, has
 * other transactions; NOT_FOUND: size is above the chain's; COMPACTED: size is below what certifies
 * its cut-off; and those of ate__backup_run(). Any thread. */
int ate__chain_copy(struct ate__chain *c, struct ate__dir *dir, const struct ate__chain_copy *copy,
                    struct ate__chain_copied *ret_copied) ATE__CHECK;
