/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destruction.h: what an owner signs who destroys a chain (docs/format/trust.md, 19). It says which
 * chain, what its head was, and when; and it brings the public key, so that it can be checked where
 * the chain is gone. That the key was a root key of that chain is for who has a copy to see. One
 * for a server names that server and the number that it drew for this, and brings transaction 0:
 * from it everybody can see the root keys that the chain began with.
 */
#pragma once
#include "base/name.h"
#include "crypto/keyfile.h"
#include "trust/state.h"

enum {
    /* in bytes, but for transaction 0; with it */
    ATE__DESTRUCTION_OWN_MAX = 16 + 32 + 8 + 32 + 8 + 32 + 32 + 4 + ATE__CHAIN_NAME_MAX + 4 +
                               ATE__PUBLIC_KEY_MAX + 4 + ATE__SIG_SIZE_MAX,
    ATE__DESTRUCTION_MAX = ATE__DESTRUCTION_OWN_MAX + ATE__TX_SIZE_MAX
};

struct ate__destruction {
    struct ate_hash chain_id, root;
    uint64_t size;    /* transactions: with root, the head */
    uint64_t time_us; /* since 1970, as the signer says */
    struct ate_bytes name, public_key; /* views */
    struct ate_hash key;               /* fingerprint of public_key; make() does not read it */
    /* Of one for a server: */
    struct ate_bytes genesis; /* transaction 0, a view; empty: it is for a directory */
    struct ate_hash pin, nonce;
};
/* Signs; public_key and key are those of `key`. Appends. Errors: E_*. */
int ate__destruction_make(const struct ate__destruction *d, const struct ate__key *key,
                          struct ate__buf *buf) ATE__CHECK;
/* Verifies the signature. The views are into `bytes`. Errors: MALFORMED; UNSUPPORTED: of a newer
 * version; TAMPERED: the signature does not hold; E_*. */
int ate__destruction_read(struct ate_bytes bytes, struct ate__destruction *ret_destruction)
    ATE__CHECK;
/* Of one for a server: the state that its transaction 0 makes, which is that of the chain that it
 * names. Errors: those of a transaction 0; WRONG_CHAIN: it is that of another; E_*. */
int ate__destruction_trust(const struct ate__env *env, const struct ate__destruction *d,
                           struct ate__trust **ret_trust) ATE__CHECK;
