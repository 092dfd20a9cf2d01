/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * data_key.h: the constructions around one data key D (trust/seal.h lists them), for seal.c, name.c
 * and scope.c.
 *
 * Where a function opens D or a name key, the result is not believed before its id was compared.
 */
#pragma once
#include "crypto/kdf.h"
#include "trust/seal.h"

/* Whose D it is: a scope, and its epoch. */
struct ate__epoch_of {
    const struct ate__seal_env *e;
    const struct ate_id *scope;
    uint64_t epoch;
};

/* With all that follows from D. Errors: E_MEMORY. */
int ate__data_key_new(const struct ate__seal_env *e, const struct ate__key32 *d,
                      struct ate__data_key **ret_key) ATE__CHECK;
/* The same if its id is the one expected, else TAMPERED, naming the scope and `how` it opened. */
int ate__data_key_expect(const struct ate__epoch_of *of, const struct ate__key32 *d,
                         const struct ate_hash *data_key_id, const char *how,
                         struct ate__data_key **ret_key) ATE__CHECK;
/* Public key for those who may write into the epoch without reading it; of that KEM. */
int ate__data_key_seal_public(const struct ate__seal_env *e, const struct ate__data_key *key,
                              unsigned kem, uint8_t *ret_public) ATE__CHECK;

/* Appends D sealed to the KEM key of a reader, which has one. */
int ate__data_key_seal(const struct ate__epoch_of *of, const struct ate__data_key *key,
                       const struct ate_hash *fingerprint, const struct ate__public_parts *parts,
                       struct ate__buf *out) ATE__CHECK;
/* D wrapped by a symmetric read key. */
int ate__data_key_wrap(const struct ate__epoch_of *of, const struct ate__data_key *key,
                       const struct ate__key32 *read_key, uint8_t ret_wrapped[ATE__WRAPPED_KEY])
    ATE__CHECK;
/* Opens an entry of RECIPIENTS, of either method, with the key that it is for. Errors: NO_KEY. */
int ate__data_key_unseal(const struct ate__epoch_of *of, const struct ate_hash *data_key_id,
                         const struct ate__key *reader, const struct ate__recipient *entry,
                         struct ate__key32 *ret_d) ATE__CHECK;

/* Opens what was sealed to the epoch itself, whose D this is. Errors: TAMPERED: it does not open.
 */
int ate__sealed_open(const struct ate__epoch_of *of, const struct ate__data_key *epoch,
                     const struct ate_hash *data_key_id, struct ate_bytes sealed,
                     struct ate__key32 *ret_d) ATE__CHECK;

/* LINK of epoch `of`: D of the epoch below it under this epoch's. open: NO_KEY. */
int ate__link_make(const struct ate__epoch_of *of, const struct ate__data_key *key,
                   const struct ate__data_key *below, uint8_t ret_link[ATE__LINK_SIZE]) ATE__CHECK;
int ate__link_open(const struct ate__epoch_of *of, const struct ate__data_key *key,
                   struct ate_bytes link, struct ate__key32 *ret_d) ATE__CHECK;

/* PUBLISHED of a scope: D in clear. TAMPERED: it is not that of the epoch. */
int ate__data_key_published(const struct ate__epoch_of *of, const struct ate_hash *data_key_id,
                            struct ate_bytes published, struct ate__data_key **ret_key) ATE__CHECK;
/* The id that this D has. */
int ate__data_key_id(const struct ate__seal_env *e, struct ate_bytes d, struct ate_hash *ret_id)
    ATE__CHECK;

/* A recipient's label, under the data key: appends nonce and ciphertext, or the text. open:
 * TAMPERED */
int ate__label_seal(const struct ate__epoch_of *of, const struct ate__data_key *key,
                    const struct ate_hash *fingerprint, struct ate_bytes text, struct ate__buf *out)
    ATE__CHECK;
int ate__label_open(const struct ate__epoch_of *of, const struct ate__data_key *key,
                    const struct ate__recipient *entry, struct ate__buf *out) ATE__CHECK;

/* NAMEKEY of an object under the data key of the scope that it lies in. unwrap: NO_KEY. */
int ate__name_key_wrap(const struct ate__seal_env *e, const struct ate__data_key *key,
                       const struct ate_id *object, const struct ate__key32 *name_key,
                       uint8_t ret_wrapped[ATE__WRAPPED_KEY]) ATE__CHECK;
int ate__name_key_unwrap(const struct ate__seal_env *e, const struct ate__data_key *key,
                         const struct ate_id *object, struct ate_bytes wrapped,
                         struct ate__key32 *ret_name_key) ATE__CHECK;
