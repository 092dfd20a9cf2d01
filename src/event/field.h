/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * field.h: reading lengths and counts against their limits, with a sentence for each way to be
 * wrong. Of this layer alone.
 */
#pragma once
#include "base/err.h"
#include "base/rd.h"

/* ATE_MALFORMED: what ends where bytes should follow. */
int ate__field_cut(const struct ate__rd *r, const char *what);
/* ATE_TOO_BIG: `what` of `size` things is over its limit. */
int ate__field_over(const char *what, uint64_t size, uint64_t size_max);
/* u32 length, then bytes; a view. Errors: MALFORMED, TOO_BIG. */
int ate__field_bytes(struct ate__rd *r, const char *what, size_t size_max,
                     struct ate_bytes *ret_bytes) ATE__CHECK;
/* u32 count of items of at least item_size_min bytes each. Errors: MALFORMED (more than can
 * follow), TOO_BIG. */
int ate__field_count(struct ate__rd *r, const char *what, uint32_t count_max, size_t item_size_min,
                     uint32_t *ret_count) ATE__CHECK;
/* Whether count hashes of 32 bytes each strictly ascend. */
bool ate__field_ascending(const uint8_t *hashes, uint32_t count);
/* Lexicographic; a proper prefix comes first. */
int ate__field_compare(struct ate_bytes a, struct ate_bytes b);
