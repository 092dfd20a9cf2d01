/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_possess.c: a server asks who is there: each key of the session is proved, for this
 * connection and this chain alone. One that signs, by that; of one that only decrypts the public
 * half goes first, and what comes back sealed to it is opened. Nobody is told but the server that
 * the address names, and of no chain but the one that the anchors wanted; or, where the server
 * shows none before, the one that the address, the memory, DNS or the server's EXISTS names.
 */
#include "mesh/client_remote.h"

/* A server that does not know its client yet takes few bytes: longer keys are fewer. */
static void collect(struct ate__remote *r, bool first)
{
    const struct ate_session *s = r->conf.session;
    size_t keys = s ? ate__session_key_count(s) : 0, bytes = first ? r->conf.genesis.size : 0;
    size_t most = first ? ATE__POSSESSED_BYTES : SIZE_MAX;
    r->proving_count = 0;
    for (size_t i = 0; i < keys && r->proving_count < ATE__POSSESSED_MAX; i++) {
        const struct ate__key *key = ate__session_key(s, i);
        bool reads = !key->sign_key && key->parts.kem && ate__key_opens(key);
        if (!key->sign_key && !reads)
            continue;
        bytes +=
            key->public_key.size +
            (reads ? key->public_key.size + ATE__POSSESSION_OWN : key->parts.signature->made_size) +
            ATE__POSSESSION_OWN;
        if (bytes <= most)
            r->proving[r->proving_count++] = key;
    }
}

static int nothing_to_prove(const struct ate__remote *r, const struct ate__client_ask *ask)
{
    /* Who has none may still look where a chain is centralized, and write where everyone may. */
    if (!ask->first && ate__remote_attests(r))
        return ATE_END;
    return ate__fail(ATE_NO_ACCESS,
                     "%s: it shows this chain only to those who prove a key that the chain "
                     "holds; give one that signs or reads",
                     r->peer);
}

static int open_sealed(const struct ate__client_ask *ask, const struct ate__key *key,
                       struct ate__buf *proof)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 secret = {{0}};
    int rc = ate__possession_open(&ask->of, key, ask->sealed, &secret);
    if (rc == ATE_NO_KEY)
        return ate__fail(ATE_BAD_PEER, "SEALED: it does not open for this connection and chain");
    return rc ? rc : ate__buf_append(proof, ate__bytes(secret.b, sizeof secret.b));
}

static int prove(const struct ate__client_ask *ask, const struct ate__key *key, bool more,
                 struct ate__wr *w)
{
    ate__cleanup(ate__buf_wipe) struct ate__buf proof = ATE__BUF_NULL;
    int rc = key->sign_key ? ate__possession_prove(&ask->of, key, &proof)
                           : open_sealed(ask, key, &proof);
    if (!rc)
        ate__msg_possession_encode(w, &(struct ate__msg_possession){
                                          ask->of.chain_id, more, ate__buf_bytes(&key->public_key),
                                          ate__buf_bytes(&proof)});
    return rc;
}

int ate__remote_possess(struct ate__remote *r, const struct ate__client_ask *ask, struct ate__wr *w,
                        struct ate__client_said *ret_said)
{
    if (!ask->at && !ask->sealed.size)
        collect(r, ask->first);
    if (!r->proving_count)
        return nothing_to_prove(r, ask);
    const struct ate__key *key = r->proving[ask->at];
    r->base.hidden = ask->first;
    ret_said->more = ask->at + 1 < r->proving_count;
    if (key->sign_key || ask->sealed.size) {
        ret_said->type = ATE__MSG_POSSESSION;
        return ate__context(prove(ask, key, ret_said->more, w), "%s", r->peer);
    }
    ret_said->type = ATE__MSG_READERS;
    ate__msg_readers_encode(
        w, &(struct ate__msg_readers){ask->of.chain_id, ate__buf_bytes(&key->public_key)});
    return 0;
}
