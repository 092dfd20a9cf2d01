/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * at_rest.h: transactions that lie in the segments in another form than they have everywhere else:
 * sealed by a plug-in, so that a stolen disk does not show what every reader of the log sees.
 *
 *   u8 0xff, u8 bytes of the name, the name of the plug-in, what it made of the transaction
 *
 *  1. A transaction begins with its version, which is never 0xff: what is sealed shows it, and a
 *     log may hold both. Without the plug-in it is UNSUPPORTED, with the name in the sentence.
 *  2. Framing, sequence, times and sizes, the leaves of the tree, and what deep compaction leaves
 *     of a transaction without a kept event stay as they are.
 *  3. Positions, checksums, backups and repairs are of the bytes as they lie.
 */
#pragma once
#include "redo/storage.h"

enum {
    ATE__AT_REST_MARK = 0xff,
    ATE__AT_REST_NAME_MAX = 32, /* bytes */
    ATE__AT_REST_MORE = 162,    /* bytes, that a record may become longer, all told */
    /* In a group of 16 MiB when it is sealed, because a transaction has 120 bytes and more */
    ATE__AT_REST_GROUP_BYTES_MAX = 17 << 19
};
struct ate__at_rest { /* any thread */
    const char *name;
    /* Both append. open: of what seal made, else TAMPERED. */
    int (*seal)(void *arg, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes record, struct ate__buf *buf);
    int (*open)(void *arg, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes sealed, struct ate__buf *buf);
    void (*unused)(void *arg); /* it was unset, and no log that was opened with it is left */
    void *arg;
    size_t users; /* private */
};
/* From now on for each log that this process opens (of a mirror: read alone), until unset(), which
 * ends with unused(). Errors: EXISTS: there is another. */
int ate__at_rest_set(struct ate__at_rest *a) ATE__CHECK;
void ate__at_rest_unset(struct ate__at_rest *a);
struct ate__at_rest *ate__at_rest_ref(void); /* NULL: there is none */
void ate__at_rest_unref(struct ate__at_rest *a); /* takes NULL */

/* The transaction as it is, of one as it lies: *ret_record is `stored` itself, or in buf, which is
 * emptied. at_rest NULL: there is no plug-in. Errors: UNSUPPORTED: of another plug-in, or there is
 * none; TAMPERED E_*. */
int ate__at_rest_open(const struct ate__at_rest *at_rest, const struct ate_hash *chain_id,
                      uint64_t sequence, struct ate_bytes stored, struct ate__buf *buf,
                      struct ate_bytes *ret_record) ATE__CHECK;

/* The calls of the engine `file` where there is a plug-in. */
int ate__sealed_append(struct ate__storage *storage, const struct ate__group_in *group) ATE__CHECK;
int ate__sealed_scan(struct ate__storage *storage, uint64_t from, uint64_t to,
                     const struct ate__scan *scan) ATE__CHECK;
int ate__sealed_load(struct ate__storage *storage, uint64_t sequence,
                     const struct ate__position *position, struct ate__buf *ret_body) ATE__CHECK;
int ate__sealed_read_part(struct ate__storage *storage, uint64_t sequence,
                          const struct ate__position *position, uint32_t offset, uint32_t size,
                          struct ate__buf *ret_bytes) ATE__CHECK;
int ate__sealed_rewrite(struct ate__storage *storage, const struct ate__rewrite *rewrite,
                        struct ate__rewritten *ret_rewritten) ATE__CHECK;
