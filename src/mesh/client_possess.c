/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_possess.c: a server asks who is there: each key of the session that signs is proved, for
 * this connection and this chain alone. Nobody is told but the server that the address names, and
 * of no chain but the one that the anchors wanted.
 */
#include "mesh/client_remote.h"

static int append(const struct ate__possession *of, const struct ate__key *key,
                  struct ate__buf *signature, struct ate__msg_possession *m)
{
    int rc = ate__possession_prove(of, key, signature);
    if (rc)
        return rc;
    m->key[m->count++] = (struct ate__possessed){.public_key = ate__buf_bytes(&key->public_key),
                                                 .signature = ate__buf_bytes(signature)};
    return 0;
}

int ate__remote_possess(const struct ate__remote *r, const struct ate__possession *wanted,
                        struct ate__wr *w)
{
    struct ate__buf signatures[ATE__POSSESSED_MAX] = {ATE__BUF_NULL};
    struct ate__msg_possession m = {.count = 0};
    struct ate__possession of = *wanted;
    size_t keys = r->conf.session ? ate__session_key_count(r->conf.session) : 0;
    of.chain_id = r->chain_id;
    of.alg = r->alg;
    int rc = 0;
    for (size_t i = 0; !rc && i < keys && m.count < ATE__POSSESSED_MAX; i++) {
        const struct ate__key *key = ate__session_key(r->conf.session, i);
        if (key->sign_key)
            rc = append(&of, key, &signatures[m.count], &m);
    }
    /* Who has none may still look where a chain is centralized, and write where everyone may. */
    if (!rc && !m.count && ate__remote_attests(r))
        rc = ATE_END;
    else if (!rc && !m.count)
        rc = ate__fail(ATE_NO_ACCESS,
                       "%s: it shows this chain only to those who prove a key that the chain "
                       "holds; give one that signs",
                       r->peer);
    if (!rc)
        ate__msg_possession_encode(w, &m);
    for (size_t i = 0; i < ATE__POSSESSED_MAX; i++)
        ate__buf_deinit(&signatures[i]);
    return rc;
}
