/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * possession.h: a proof that who is at the other end of a connection holds a private key
 * (docs/format/wire.md, "Proving a key").
 *
 * What is signed names the TLS channel (RFC 9266, tls-exporter), which no third party can make two
 * connections share, the chain, and a number that the server drew for this one stream: so a proof
 * is of no use over another connection, to another server, for another chain or a second time. It
 * says nothing of what the key may do.
 *
 * The hash is SHA-256 whatever the chain's is: who is asked may not have seen the chain.
 *
 * Who can only decrypt opens a secret that was sealed to his key, for the same and nothing else.
 */
#pragma once
#include "base/env.h"
#include "crypto/digest.h"
#include "crypto/keyfile.h"

struct ate__possession { /* what it is proved for */
    struct ate_hash channel, chain_id, nonce;
};
/* Appends the signature. Errors: DENIED: the key signs nothing; E_*. */
int ate__possession_prove(const struct ate__possession *p, const struct ate__key *key,
                          struct ate__buf *buf) ATE__CHECK;
/* Whether the holder of this public key signed that; which it is. Errors: MALFORMED UNSUPPORTED:
 * the key; TAMPERED: it does not hold; E_*. */
int ate__possession_check(const struct ate__possession *p, struct ate_bytes public_key,
                          struct ate_bytes signature, struct ate_hash *ret_fingerprint) ATE__CHECK;

/* A secret, drawn by the caller, for the holder of this public key: appended sealed, and which key
 * it is. Errors: MALFORMED UNSUPPORTED: the key; E_*. */
int ate__possession_seal(const struct ate__possession *p, const struct ate__env *env,
                         struct ate_bytes public_key, const struct ate__key32 *secret,
                         struct ate__buf *buf, struct ate_hash *ret_fingerprint) ATE__CHECK;
/* Errors: NO_KEY: it does not open with this key, for this; E_*. */
int ate__possession_open(const struct ate__possession *p, const struct ate__key *key,
                         struct ate_bytes sealed, struct ate__key32 *ret_secret) ATE__CHECK;
