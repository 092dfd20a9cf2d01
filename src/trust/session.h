/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.h: who acts: private keys, public keys of others, and the data keys that they opened
 * (struct ate_session of the public interface).
 *
 * Reference-counted and thread-safe. The first private key signs and owns. Secrets are wiped with
 * the last reference. Keys are added, never taken away, so that what is borrowed stays.
 */
#pragma once
#include "crypto/aead.h"
#include "crypto/keyfile.h"
#include "trust/control.h"

struct ate_session;
struct ate__trust;
int ate__session_new(struct ate_session **ret_session) ATE__CHECK;
struct ate_session *ate__session_ref(struct ate_session *s);
void ate__session_unref(struct ate_session *s); /* takes NULL */
static inline void ate__session_unrefp(struct ate_session **pp)
{
    ate__session_unref(*pp);
    *pp = NULL;
}

/* Consumed even on failure; a key that it holds already is no failure. Errors: BUSY (too many). */
int ate__session_add(struct ate_session *s, struct ate__key *take_key) ATE__CHECK;
/* Of a reader or writer to be named. Errors: MALFORMED UNSUPPORTED BUSY. */
int ate__session_add_public(struct ate_session *s, struct ate_bytes public_key) ATE__CHECK;
/* The same with its label, which is well formed; "" for none. */
int ate__session_add_labelled(struct ate_session *s, struct ate_bytes public_key, const char *label)
    ATE__CHECK;
/* Label of a private or public key that it holds, a view; empty: none. */
struct ate_bytes ate__session_label(const struct ate_session *s,
                                    const struct ate_hash *fingerprint);
size_t ate__session_key_count(const struct ate_session *s); /* private keys */
/* Fingerprints of the private keys; borrowed while the session lives; gives how many. */
size_t ate__session_lend_fingerprints(const struct ate_session *s,
                                      const struct ate_hash **ret_fingerprints);
/* Of all its keys, private ones first, in the order in which they were added; gives how many it
 * wrote. */
size_t ate__session_fingerprints(const struct ate_session *s, struct ate_hash *ret_fingerprints,
                                 size_t capacity);
/* These: borrowed while the session lives; NULL: there is none. */
const struct ate__key *ate__session_key(const struct ate_session *s, size_t index);
/* The first that is a root key in force; s may be NULL. */
const struct ate__key *ate__session_root_key(const struct ate_session *s,
                                             const struct ate__trust *t);
const struct ate__key *ate__session_find(const struct ate_session *s,
                                         const struct ate_hash *fingerprint);
/* One that is not a half that only writes. */
const struct ate__key *ate__session_opener(const struct ate_session *s,
                                           const struct ate_hash *fingerprint);
/* Public key bytes of a private or public key that it holds; a view while the session lives.
 * Errors: NOT_FOUND. */
int ate__session_public(const struct ate_session *s, const struct ate_hash *fingerprint,
                        struct ate_bytes *ret_public_key) ATE__CHECK;

/* A data key that was opened: D with what follows from it (docs/format/trust.md, 12).
 * Reference-counted, immutable. */
struct ate__data_key {
    atomic_uint refs;
    struct ate__key32 d; /* secret */
    struct ate_hash id;
    struct ate__aead *aead; /* of the encryption key */
};
struct ate__data_key *ate__data_key_ref(struct ate__data_key *k);
void ate__data_key_unref(struct ate__data_key *k); /* takes NULL */
static inline void ate__data_key_unrefp(struct ate__data_key **pp)
{
    ate__data_key_unref(*pp);
    *pp = NULL;
}

/* ---- what a session remembers; for seal.c, name.c and scope.c ---- */

/* A secret is remembered for its chain, the object that it belongs to (the scope, or the object
 * with the NAMEKEY) and the data key id under which it stands: an id is public and anyone may write
 * it into an event of his own, so the id alone must never lead to a secret. */
struct ate__secret_place {
    struct ate_hash chain_id, data_key_id;
    struct ate_id object;
};
/* A reference; NULL: not remembered. */
struct ate__data_key *ate__session_recall_data(struct ate_session *s,
                                               const struct ate__secret_place *place);
bool ate__session_recall_name(struct ate_session *s, const struct ate__secret_place *place,
                              struct ate__key32 *ret_name_key);
/* Errors: E_MEMORY. The longest remembered one gives way at the limit. */
int ate__session_remember_data(struct ate_session *s, const struct ate__secret_place *place,
                               struct ate__data_key *key) ATE__CHECK;
int ate__session_remember_name(struct ate_session *s, const struct ate__secret_place *place,
                               const struct ate__key32 *name_key) ATE__CHECK;
