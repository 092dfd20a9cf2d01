/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_keys.c: of a centralized chain, the keys that a commit takes, if they were not proved when
 * the stream began: each goes in front of the first commit that needs it. So it may be any key of
 * the session, also one that came to it since.
 */
#include "base/err.h"
#include "mesh/client_private.h"
#include "mesh/client_remote.h"

static bool is_proved(const struct ate__client *c, const struct ate_hash *key)
{
    for (uint32_t i = 0; i < c->proved.count; i++)
        if (ate__hash_equal(&c->proved.key[i], key))
            return true;
    return false;
}

static void note(struct ate__client *c, const struct ate_hash *key)
{
    if (c->proved.count < ATE__PROVED_MAX && !is_proved(c, key))
        c->proved.key[c->proved.count++] = *key;
}

/* Of a key that was not noted the proof goes out twice. */
void ate__keys_note(struct ate__client *c, struct ate_bytes possession)
{
    struct ate__msg_possession m;
    struct ate_hash key;
    if (ate__msg_possession_decode(possession, &m))
        return;
    if (m.proof.size != sizeof(struct ate__key32) && !ate__fingerprint(m.public_key, &key))
        note(c, &key);
}

static int prove(struct ate__client *c, const struct ate_hash *key)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf body = ATE__BUF_NULL;
    struct ate__possession of = {.channel = c->link->channel, .nonce = c->ask.of.nonce};
    struct ate__wr w = ate__wr_of(&body);
    int rc = c->driver->prove(c->driver, &of, key, &w);
    if (rc == ATE_NOT_FOUND)
        return 0; /* the server says what it makes of that */
    if (!rc && c->proved.count == ATE__PROVED_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "%s: %d keys were proved over this connection, which is the limit: open "
                         "the chain anew to write with others",
                         c->conf.peer, ATE__PROVED_MAX);
    if (!rc)
        rc = ate__wr_end(&w);
    struct ate_bytes part = ate__buf_bytes(&body);
    if (!rc)
        rc = ate__link_send(c->link, ATE__MSG_KEY, c->stream, &part, 1);
    if (!rc)
        note(c, key);
    return rc;
}

int ate__keys_prove_for(struct ate__client *c, const struct ate__call *call)
{
    int rc = 0;
    if (call->kind != ATE__CALL_COMMIT || !call->unsigned_there || !c->challenged ||
        !c->driver->prove)
        return 0;
    for (uint32_t i = 0; !rc && i < call->key_count; i++)
        if (!is_proved(c, &call->keys[i]))
            rc = prove(c, &call->keys[i]);
    return rc;
}

int ate__remote_prove(const struct ate__remote *r, const struct ate__possession *wanted,
                      const struct ate_hash *fingerprint, struct ate__wr *w)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf signature = ATE__BUF_NULL;
    struct ate__possession of = *wanted;
    const struct ate__key *key =
        r->conf.session ? ate__session_find(r->conf.session, fingerprint) : NULL;
    of.chain_id = r->chain_id;
    if (!key || !key->sign_key)
        return ate__fail(ATE_NOT_FOUND, "the session has no such key");
    int rc = ate__possession_prove(&of, key, &signature);
    if (!rc)
        ate__msg_key_encode(w, &(struct ate__msg_key){ate__buf_bytes(&key->public_key),
                                                      ate__buf_bytes(&signature)});
    return rc;
}
