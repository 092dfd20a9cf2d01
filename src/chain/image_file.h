/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * image_file.h: the file of a view image: a head in clear, then a stream of bytes in pages of 64
 * KiB, each sealed with XAES-256-GCM (docs/format/image.md).
 *
 *  1. The key is made of a secret and of the whole head, which has 32 random bytes: whatever of the
 * head is changed, no page opens.
 *  2. A page is bound to its number and to being the last one: none can be left out, moved or taken
 * from another image.
 *  3. It is written to `view.new`, synced, renamed to `view`, and the directory synced: a crash
 * leaves the old one or the new one.
 *
 * One thread at a time.
 */
#pragma once
#include "base/env.h"
#include "chain/limits.h"
#include "crypto/aead.h"
#include "crypto/digest.h"

#define ATE__IMAGE_NAME "view"
#define ATE__IMAGE_NEW_NAME "view.new"
enum {
    ATE__IMAGE_VERSION = 1,
    ATE__IMAGE_HEAD = 128, /* bytes */
    ATE__IMAGE_PAGE = 65536,
    ATE__IMAGE_TEXT = ATE__IMAGE_PAGE - ATE__AEAD_NONCE - ATE__AEAD_TAG /* of the stream, a page */
};

struct ate__image_head {
    struct ate_hash chain_id, root; /* root: of the tree of `size` leaves */
    uint64_t size, generation;
    uint8_t salt[32];
};
/* Errors: MALFORMED UNSUPPORTED. */
int ate__image_head_read(struct ate_bytes bytes, struct ate__image_head *ret_head) ATE__CHECK;

/* ---- writing ---- */

struct ate__image_out;
/* head: its salt is drawn here. A new file, in the place of what a crash left. Errors: E_* */
int ate__image_out_new(const struct ate__env *env, struct ate__dir *dir,
                       const struct ate__key32 *secret, const struct ate__image_head *head,
                       struct ate__image_out **ret_out) ATE__CHECK;
/* Errors: E_* */
int ate__image_put(struct ate__image_out *out, const void *data, size_t size) ATE__CHECK;
/* It is in force. *ret_bytes: of the file. Errors: E_*; the old one stays, or none. */
int ate__image_out_end(struct ate__image_out *out, uint64_t *ret_bytes) ATE__CHECK;
/* What has not come to its end is removed. Takes NULL. */
void ate__image_out_free(struct ate__image_out *out);

/* ---- reading ---- */

struct ate__image_in;
/* Of the file in `dir`, with the first of the secrets that opens it. Errors: NOT_FOUND: there is
 * none; NO_KEY: no secret opens it; MALFORMED UNSUPPORTED TAMPERED E_*. */
int ate__image_in_new(const struct ate__env *env, struct ate__dir *dir,
                      const struct ate__key32 *secrets, size_t count,
                      struct ate__image_head *ret_head, struct ate__image_in **ret_in) ATE__CHECK;
/* Of a stream in memory (borrowed), for tests. */
int ate__image_in_of(struct ate_bytes stream, struct ate__image_in **ret_in) ATE__CHECK;
void ate__image_in_free(struct ate__image_in *in); /* takes NULL */
/* The bytes that come next, authenticated: as many as asked for, at most ATE__IMAGE_TEXT, or all
 * that are left if they are fewer; until the next call. Errors: TAMPERED: a page does not open;
 * E_*. */
int ate__image_look(struct ate__image_in *in, size_t size, struct ate_bytes *ret_bytes) ATE__CHECK;
void ate__image_pass(struct ate__image_in *in, size_t size); /* of what was looked at */
/* Errors: as look; MALFORMED: the stream ends before. */
int ate__image_get(struct ate__image_in *in, void *to, size_t size) ATE__CHECK;
uint64_t ate__image_left(const struct ate__image_in *in); /* bytes of the stream; about */
uint64_t ate__image_bytes(const struct ate__image_in *in); /* of the file */
/* Errors: MALFORMED: there is more. */
int ate__image_in_end(struct ate__image_in *in) ATE__CHECK;
