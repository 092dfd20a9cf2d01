/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * bare.h: the limits: what the disk and the primitives do with nothing around them.
 */
#pragma once
#include "pair.h"

struct bare; /* a file of prewritten bytes, a signature key */
struct bare *bare_new(void);
void bare_free(struct bare *b);
void bare_sync_once(struct bare *b);
void bare_sync(void *bare, double seconds,
               struct slice *ret);   /* pwrite of 1 KiB over prewritten bytes, fdatasync */
void bare_set_group(struct bare *b, size_t threads); /* up to 256; 64 unless it is set */
void bare_group(void *bare, double seconds,
                struct slice *ret); /* threads; a leader writes and syncs for all who wait */
void bare_signed(void *bare, double seconds,
                 struct slice *ret); /* one composite signature, then bare_sync */
void bare_sign_verify(
    void *bare, double seconds,
    struct slice *ret); /* a composite signature made and verified; one thread a core */
void bare_verify(void *bare, double seconds,
                 struct slice *ret); /* one composite signature verified; one thread a core */
