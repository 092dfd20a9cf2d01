/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * secret.h: secrets in types of their own, wiped by their deinit on every path.
 *
 * 1. A secret lives in struct ate__key32 (on the stack or inside a heap object) or struct
 *    ate__secret (any size, heap).
 * 2. Heap objects that hold secrets come from ate__secret_alloc(): locked in memory and left out
 *    of core dumps as far as the system's limits allow (locking what fits, never failing for want
 *    of it), wiped when freed. Leak checkers do not look into them: free them all before exit.
 * 3. Comparison is constant-time. Nothing here prints.
 *
 * Thread-safe, but for the objects themselves.
 */
#pragma once
#include "base/buf.h"

struct ate__key32 {
    uint8_t b[32];
};
void ate__key32_deinit(struct ate__key32 *k); /* wipes; for ate__cleanup() */

struct ate__secret {
    uint8_t *data;
    size_t size;
};
#define ATE__SECRET_NULL ((struct ate__secret){NULL, 0})
int ate__secret_init(struct ate__secret *s, size_t size) ATE__CHECK; /* zeros; 0 or ATE_E_MEMORY */
void ate__secret_deinit(struct ate__secret *s); /* wipes and frees */

/* Zeroed; NULL when out of memory or above ATE__SECRET_MAX (crypto/limits.h). */
void *ate__secret_alloc(size_t size) ATE__CHECK;
void ate__secret_free(void *block); /* wipes; takes NULL */
size_t ate__secret_blocks(void); /* how many there are */
void ate__wipe(void *data, size_t size); /* not removed by a compiler */
void ate__buf_wipe(struct ate__buf *b); /* all of its room, then as ate__buf_deinit() */
bool ate__secret_equal(const void *a, const void *b, size_t size); /* constant-time */
/* For programs: no core dumps of this process, and other processes of its user cannot trace it. */
void ate__process_harden(void);
