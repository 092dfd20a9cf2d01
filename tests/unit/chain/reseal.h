/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reseal.h: a view image as whoever has the secret may write it: its head and its stream are the
 * test's to change, and are sealed again as its owner seals them.
 */
#pragma once
#include "chain/image_file.h"

struct reseal {
    struct ate__image_head head;
    struct ate__buf stream;
};
/* Of the image in `dir`, the folder of a log. What goes wrong fails the test. */
void reseal_read(struct reseal *r, const struct ate__env *env, struct ate__dir *dir,
                 const struct ate__key32 *secret);
/* Puts it there, and is empty then. */
void reseal_write(struct reseal *r, const struct ate__env *env, struct ate__dir *dir,
                  const struct ate__key32 *secret);

/* Where in the stream there stands (docs/format/image.md, section 2): the number of tree nodes, the
 * size of the trust state, and what is behind that. */
enum { RESEAL_ROOT_TIME = 0, RESEAL_BELIEVED_FROM = 8, RESEAL_NODES = 24 };
size_t reseal_trust(const struct reseal *r);
size_t reseal_view(const struct reseal *r);
/* In place of `gone` bytes at `at`. */
void reseal_splice(struct reseal *r, size_t at, size_t gone, const void *bytes, size_t size);
