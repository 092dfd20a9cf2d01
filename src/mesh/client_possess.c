/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_possess.c: a server asks who is there: each key of the session is proved, for this
 * connection and this chain alone. One that signs, by that; of one that only decrypts the public
 * half goes first, and what comes back sealed to it is opened. Nobody is told but the server that
 * the address names, and of no chain but the one that the anchors wanted.
 */
#include "mesh/client_remote.h"

struct proofs {
    const struct ate__key *keys[ATE__POSSESSED_MAX];
    struct ate__buf proof[ATE__POSSESSED_MAX];
    uint32_t count, readers; /* readers: of them only decrypt */
};

static void proofs_deinit(struct proofs *p)
{
    for (size_t i = 0; i < ATE__POSSESSED_MAX; i++)
        ate__buf_wipe(&p->proof[i]);
}

static void collect(const struct ate_session *s, struct proofs *p)
{
    size_t keys = s ? ate__session_key_count(s) : 0;
    for (size_t i = 0; i < keys && p->count < ATE__POSSESSED_MAX; i++) {
        const struct ate__key *key = ate__session_key(s, i);
        bool reads = !key->sign_key && key->parts.kem && ate__key_opens(key);
        if (!key->sign_key && !reads)
            continue;
        p->keys[p->count++] = key;
        p->readers += reads;
    }
}

static void ask(const struct proofs *p, struct ate__wr *w)
{
    struct ate__msg_list m = {.count = 0};
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->keys[i]->sign_key)
            m.item[m.count++] = ate__buf_bytes(&p->keys[i]->public_key);
    ate__msg_list_encode(w, &m);
}

static int prove_by_opening(const struct ate__possession *of, const struct ate__key *key,
                            struct ate_bytes sealed, struct ate__buf *proof)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 secret = {{0}};
    int rc = ate__possession_open(of, key, sealed, &secret);
    if (rc == ATE_NO_KEY)
        return ate__fail(ATE_BAD_PEER, "SEALED: it does not open for this connection and chain");
    return rc ? rc : ate__buf_append(proof, ate__bytes(secret.b, sizeof secret.b));
}

/* A key that came to the session since READERS stays out. */
static int prove(const struct ate__possession *of, const struct ate__msg_list *sealed,
                 struct proofs *p, struct ate__wr *w)
{
    struct ate__msg_possession m = {.count = 0};
    uint32_t opened = 0, sealed_count = sealed ? sealed->count : 0;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < p->count; i++) {
        const struct ate__key *key = p->keys[i];
        if (key->sign_key)
            rc = ate__possession_prove(of, key, &p->proof[i]);
        else if (opened < sealed_count)
            rc = prove_by_opening(of, key, sealed->item[opened++], &p->proof[i]);
        else
            continue;
        m.key[m.count++] =
            (struct ate__possessed){ate__buf_bytes(&key->public_key), ate__buf_bytes(&p->proof[i])};
    }
    if (!rc && opened != sealed_count)
        rc = ate__fail(ATE_BAD_PEER, "SEALED: %u secrets for %u keys", sealed_count, opened);
    if (!rc)
        ate__msg_possession_encode(w, &m);
    return rc;
}

int ate__remote_possess(const struct ate__remote *r, const struct ate__possession *wanted,
                        const struct ate__msg_list *sealed, struct ate__wr *w,
                        enum ate__message *ret_type)
{
    ate__cleanup(proofs_deinit) struct proofs p = {.count = 0};
    struct ate__possession of = *wanted;
    of.chain_id = r->chain_id;
    of.alg = r->alg;
    collect(r->conf.session, &p);
    /* Who has none may still look where a chain is centralized, and write where everyone may. */
    if (!p.count && ate__remote_attests(r))
        return ATE_END;
    if (!p.count)
        return ate__fail(ATE_NO_ACCESS,
                         "%s: it shows this chain only to those who prove a key that the chain "
                         "holds; give one that signs or reads",
                         r->peer);
    *ret_type = p.readers && !sealed ? ATE__MSG_READERS : ATE__MSG_POSSESSION;
    if (*ret_type == ATE__MSG_POSSESSION)
        return ate__context(prove(&of, sealed, &p, w), "%s", r->peer);
    ask(&p, w);
    return 0;
}
