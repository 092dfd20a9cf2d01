/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_keys.c: who may sign the heads of a chain from now on: CHAIN events with LOG_KEYS, which a
 * root key signs.
 */
#include "api/api.h"
#include "ate/proof.h"

/* --- the transaction --- */

/* A thin chain knows the root keys of the genesis alone: then the first key signs, and the root
 * judges. */
static const struct ate__key *signer_of(const struct ate_chain *c)
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

static int make(struct ate_chain *c, const struct ate__key *key,
                const struct ate__root_change *change, struct ate__buf *buf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf signature_bytes = ATE__BUF_NULL;
    struct ate__trust *trust = c->pipe->v->trust(c->pipe);
    enum ate__hash_alg alg = ate__trust_alg(trust);
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate__signature signature;
    struct ate_hash hash;
    ate__header_keys(&w, ATE__TAG_LOG_KEYS, change, 1);
    int rc = ate__header_end(&w);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__tx_in in = {
        .chain_id = *ate__trust_chain_id(trust),
        .id.number = 1,
        .time_us = ate__wall_us(c->pipe->env),
        .events = &event,
        .event_count = 1,
    };
    ate__random(c->pipe->env, in.id.origin, sizeof in.id.origin);
    if (!rc)
        rc = read_head(c, &in);
    if (!rc)
        rc = ate__tx_encode(&in, alg, buf, &hash);
    if (!rc)
        rc = ate__trust_sign(trust, key, alg, &hash, &signature_bytes, &signature);
    return rc ? rc : ate__tx_encode_signatures(&signature, 1, buf);
}

static int commit(struct ate_chain *c, const struct ate__root_change *change,
                  struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf buf = ATE__BUF_NULL;
    const struct ate__pipe_vtable *v = c->pipe->v;
    const struct ate__key *key = signer_of(c);
    if (v->read_only(c->pipe))
        return ate__fail(ATE_READ_ONLY, "%s is open for reading only", c->name);
    if (!key)
        return ate__fail(ATE_DENIED,
                         "only a root key says who may sign the heads of %s, and none of your keys "
                         "is one",
                         c->name);
    int rc = make(c, key, change, &buf);
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

/* --- the calls --- */

int ate_log_key_add(struct ate_chain *chain, const char *log_key, struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    if (!log_key)
        return ate__fail(ATE_MISUSE, "add a log key: which?");
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__log_key_decode(ate__text_bytes(log_key), &bytes);
    if (rc)
        return rc;
    return commit(chain, &(struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&bytes)},
                  ret_receipt);
}

static int fingerprint_of(const char *log_key, struct ate_hash *ret_fingerprint)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    if (strlen(log_key) == ATE__HASH_TEXT - 1)
        return ate__hash_parse(log_key, strlen(log_key), ret_fingerprint);
    int rc = ate__log_key_decode(ate__text_bytes(log_key), &bytes);
    return rc ? rc : ate__fingerprint(ate__buf_bytes(&bytes), ret_fingerprint);
}

int ate_log_key_remove(struct ate_chain *chain, const char *log_key,
                       struct ate_receipt *ret_receipt)
{
    struct ate_hash fingerprint;
    if (!log_key)
        return ate__fail(ATE_MISUSE, "remove a log key: which?");
    int rc = ate__check_may_wait();
    if (!rc)
        rc = fingerprint_of(log_key, &fingerprint);
    if (rc)
        return rc;
    return commit(chain,
                  &(struct ate__root_change){ATE__ROOT_REMOVE,
                                             ate__bytes(fingerprint.b, sizeof fingerprint.b)},
                  ret_receipt);
}
