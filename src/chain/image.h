/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * image.h: the view image of a chain: all that an open needs so as not to replay the log below it
 * (docs/format/image.md, docs/decisions/0025-the-view-image.md).
 *
 *  1. It is believed because the secret of whoever opens sealed it: he replayed that log himself.
 * Whatever is wrong with it, it is passed over, and all is replayed.
 *  2. It is of a size that is on stable storage, of one generation of the log, and holds no more
 * than what was published.
 *  3. What is above it is verified as ever; where that fails, the image is not believed either, and
 * all is replayed.
 *  4. It is written in steps by the workers, or by close; commits wait for the first moment alone,
 * in which the trust state is copied.
 */
#pragma once
#include "chain/chain.h"

struct ate__image; /* of one chain */
/* The secret that a private key gives. */
int ate__image_secret(const struct ate__key32 *seed, struct ate__key32 *ret_secret) ATE__CHECK;
/* Those of the first private keys of a session, which may be NULL: to be freed by
 * ate__secret_free(); NULL and 0 where there are none. Errors: E_MEMORY E_BUG. */
struct ate_session;
int ate__image_secrets_new(const struct ate_session *session, struct ate__key32 **ret_secrets,
                           size_t *ret_count) ATE__CHECK;

/* Where the chain was opened with a secret and its storage has a directory. Errors: E_MEMORY. */
int ate__chain_image_new(struct ate__chain *c) ATE__CHECK;
void ate__chain_image_free(struct ate__chain *c);
/* Of a chain into which nothing was taken yet: view, trust state, tree and tiles as the image has
 * them. False: the chain is to be reset. */
bool ate__chain_image_load(struct ate__chain *c);
/* It led to something that cannot be: it is not in force, and the next one takes its place. */
void ate__chain_image_forget(struct ate__chain *c);
/* Transactions behind which the image in force stands; 0: there is none, or none that is known. */
uint64_t ate__chain_image_size(const struct ate__chain *c);
/* Under the mutex: lets it be written where it is due. */
void ate__chain_image_due(struct ate__chain *c);
void ate__chain_image_run(struct ate__task *task);
/* The last that a chain does before its parts go. */
void ate__chain_image_close(struct ate__chain *c);
