/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key_event.c: whose keys count in a chain: root keys, and keys that end.
 */
#include "api/key_event.h"

/* ---- the transaction ---- */

const struct ate__key *ate__key_event_root(const struct ate_chain *c)
{
    const struct ate__trust *trust = c->pipe->v->trust(c->pipe);
    const struct ate__key *key = ate__session_root_key(c->session, trust);
    return key || !c->session || !c->pipe->thin ? key : ate__session_key(c->session, 0);
}

/* The newest head: of a thin chain the one that its server has shown to extend all before. */
static int read_head(struct ate_chain *c, struct ate__tx_in *in)
{
    struct ate__receipt newest;
    int rc = ate__pipe_sync(c->pipe, &newest);
    if (rc)
        return rc;
    in->base_size = newest.size;
    in->base_root = newest.head;
    return 0;
}

static int sign(struct ate__trust *trust, const struct ate__key *const *keys, uint32_t count,
                const struct ate_hash *hash, struct ate__buf *buf)
{
    struct ate__buf bytes[ATE__TX_SIGNATURES_MAX] = {0};
    struct ate__signature signatures[ATE__TX_SIGNATURES_MAX];
    int rc = 0;
    for (uint32_t i = 0; !rc && i < count; i++)
        rc =
            ate__trust_sign(trust, keys[i], ate__trust_alg(trust), hash, &bytes[i], &signatures[i]);
    if (!rc)
        rc = ate__tx_encode_signatures(signatures, count, buf);
    for (uint32_t i = 0; i < count; i++)
        ate__buf_deinit(&bytes[i]);
    return rc;
}

static int make(struct ate_chain *c, struct ate_bytes header, const struct ate__key *const *keys,
                uint32_t count, struct ate__buf *buf)
{
    struct ate__trust *trust = c->pipe->v->trust(c->pipe);
    struct ate_hash hash;
    struct ate__event_in event = {.form = ATE__BARE, .header = header};
    struct ate__tx_in in = {
        .chain_id = *ate__trust_chain_id(trust),
        .id.number = 1,
        .time_us = ate__wall_us(c->pipe->env),
        .events = &event,
        .event_count = 1,
    };
    ate__random(c->pipe->env, in.id.origin, sizeof in.id.origin);
    int rc = read_head(c, &in);
    if (!rc)
        rc = ate__tx_encode(&in, ate__trust_alg(trust), buf, &hash);
    return rc ? rc : sign(trust, keys, count, &hash, buf);
}

int ate__key_event(struct ate_chain *c, struct ate_bytes header, const struct ate__key *const *keys,
                   uint32_t count, struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf buf = ATE__BUF_NULL;
    const struct ate__pipe_vtable *v = c->pipe->v;
    if (v->read_only(c->pipe))
        return ate__fail(ATE_READ_ONLY, "%s is open for reading only", c->name);
    int rc = make(c, header, keys, count, &buf);
    if (rc)
        return rc;
    struct ate__offer offer = {
        .encoded = ate__buf_bytes(&buf), .waits = true, .timeout_ms = c->timeout_ms};
    v->offer(c->pipe, &offer);
    v->wait(c->pipe, &offer);
    if (offer.result)
        return ate__fail(offer.result, "%s", offer.text);
    ate__receipt_fill(&offer.receipt, ret_receipt);
    return 0;
}

/* ---- the calls ---- */

bool ate_chain_has_revoked(const struct ate_chain *c, struct ate_hash fingerprint)
{
    return ate__trust_is_revoked(c->pipe->v->trust(c->pipe), &fingerprint);
}

int ate_revoke(struct ate_chain *c, struct ate_hash fingerprint, struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    char text[ATE__HASH_TEXT];
    const struct ate__key *key = ate__session_root_key(c->session, c->pipe->v->trust(c->pipe));
    int rc = ate__check_may_wait();
    if (rc)
        return rc;
    if (ate_chain_has_revoked(c, fingerprint))
        return ate__fail(ATE_EXISTS, "the key %s has ended already",
                         ate__hash_text(&fingerprint, text));
    if (!key && c->session)
        key = ate__session_find(c->session, &fingerprint);
    if (!key)
        key = ate__key_event_root(c);
    if (!key)
        return ate__fail(ATE_DENIED,
                         "a key of %s is ended by a root key or by that key itself, and your keys "
                         "are neither",
                         c->name);
    ate__header_item(&w, ATE__TAG_REVOKE, ate__bytes(&fingerprint, sizeof fingerprint));
    rc = ate__header_end(&w);
    return rc ? rc : ate__key_event(c, ate__buf_bytes(&header), &key, 1, ret_receipt);
}

/* added: NULL if a key is removed. */
static int change_roots(struct ate_chain *c, const struct ate__root_change *change,
                        const struct ate__key *added, struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    const struct ate__key *keys[] = {ate__key_event_root(c), added};
    if (!keys[0])
        return ate__fail(
            ATE_DENIED, "only a root key changes the root keys of %s, and none of your keys is one",
            c->name);
    ate__header_keys(&w, ATE__TAG_ROOT, change, 1);
    int rc = ate__header_end(&w);
    return rc ? rc
              : ate__key_event(c, ate__buf_bytes(&header), keys, added && added != keys[0] ? 2 : 1,
                               ret_receipt);
}

int ate_root_add(struct ate_chain *c, struct ate_hash fingerprint, struct ate_receipt *ret_receipt)
{
    char text[ATE__HASH_TEXT];
    int rc = ate__check_may_wait();
    if (rc)
        return rc;
    const struct ate__key *key = c->session ? ate__session_find(c->session, &fingerprint) : NULL;
    if (!key)
        return ate__fail(ATE_DENIED,
                         "the key %s signs as well where it becomes a root key, and is none of "
                         "your private keys",
                         ate__hash_text(&fingerprint, text));
    return change_roots(c,
                        &(struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&key->public_key)},
                        key, ret_receipt);
}

int ate_root_remove(struct ate_chain *c, struct ate_hash fingerprint,
                    struct ate_receipt *ret_receipt)
{
    int rc = ate__check_may_wait();
    if (rc)
        return rc;
    return change_roots(c,
                        &(struct ate__root_change){ATE__ROOT_REMOVE,
                                                   ate__bytes(fingerprint.b, sizeof fingerprint.b)},
                        NULL, ret_receipt);
}
