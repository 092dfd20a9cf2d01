/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_check.c: checks a proof or a checkpoint, without the chain that it is of.
 */
#include "ate/proof.h"
#include "api/api.h"
#include "api/proof_witness.h"
#include "trust/proof.h"

struct trusted { /* log keys */
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    size_t count;
    struct ate__buf bytes;
};

static void trusted_deinit(struct trusted *t)
{
    ate__buf_deinit(&t->bytes);
}

static int add_key(struct trusted *t, struct ate_bytes key)
{
    if (t->count == ATE__SERVICE_KEYS_MAX)
        return ate__fail(ATE_TOO_BIG, "more than %d log keys", ATE__SERVICE_KEYS_MAX);
    t->key[t->count++] = key;
    return 0;
}

/* Of the verifier keys those of this chain. */
static int of_text(struct trusted *t, const char *text, const struct ate_hash *chain_id)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf chains = ATE__BUF_NULL;
    char of[ATE__HASH_TEXT];
    int rc = ate__checkpoint_keys_decode(ate__text_bytes(text), &chains, &t->bytes);
    if (rc)
        return ate__context(rc, "log keys");
    size_t count = chains.size / sizeof *chain_id;
    for (size_t i = 0; !rc && i < count; i++)
        if (!memcmp(chains.data + i * sizeof *chain_id, chain_id, sizeof *chain_id))
            rc = add_key(t, ate__bytes(t->bytes.data + i * ATE__LOG_PUBLIC, ATE__LOG_PUBLIC));
    if (!rc && !t->count)
        rc = ate__fail(ATE_WRONG_CHAIN, "it is of chain %s, and the log keys are not",
                       ate__hash_text(chain_id, of));
    return rc;
}

/* The log keys that the genesis names, once it is that of an anchor. */
static int of_trust(struct trusted *t, struct ate__trust *trust, const struct ate__anchor *anchor,
                    const struct ate_hash *chain_id)
{
    struct ate_bytes list = ate__trust_genesis(trust)->log_keys, key;
    int rc = ate__anchor_check(anchor, trust);
    if (!rc && !ate__hash_equal(ate__trust_chain_id(trust), chain_id))
        rc =
            ate__fail(ATE_WRONG_CHAIN, "the checkpoint is of another chain than the genesis in it");
    size_t at = 0;
    while (!rc && ate__genesis_key_next(list, &at, &key)) {
        rc = key.size == ATE__LOG_PUBLIC
                 ? ate__buf_append(&t->bytes, key)
                 : ate__fail(ATE_MALFORMED, "a log key of %zu bytes", key.size);
    }
    for (size_t i = 0; !rc && i < t->bytes.size; i += ATE__LOG_PUBLIC)
        rc = add_key(t, ate__bytes(t->bytes.data + i, ATE__LOG_PUBLIC));
    if (!rc && !t->count)
        rc = ate__fail(ATE_UNTRUSTED,
                       "the genesis of the chain names no log key: give those that you "
                       "trust");
    return rc;
}

static int of_genesis(struct trusted *t, struct ate_bytes genesis, const struct ate__anchor *anchor,
                      const struct ate_hash *chain_id)
{
    ate__cleanup(ate__trust_freep) struct ate__trust *trust = NULL;
    struct ate__tx tx;
    enum ate__hash_alg alg;
    if (!genesis.size)
        return ate__fail(ATE_UNTRUSTED,
                         "it carries no genesis, from which to know who may sign it: give the log "
                         "keys that you trust");
    int rc = ate__tx_genesis_alg(genesis, &alg);
    if (!rc)
        rc = ate__tx_decode(genesis, alg, &tx);
    if (rc)
        return ate__context(rc, "the genesis in it");
    rc = ate__context(ate__trust_new(&ate__env_real, &tx, &trust), "the genesis in it");
    if (!rc)
        rc = of_trust(t, trust, anchor, chain_id);
    ate__tx_deinit(&tx);
    return rc;
}

static int find_keys(struct trusted *t, const struct ate__proof_text *p,
                     struct ate_session *session, const struct ate_proof_conf *conf)
{
    struct ate__checkpoint said; /* which is not verified yet */
    struct ate__anchor anchor;
    int rc = ate__checkpoint_parse(p->checkpoint, &said);
    if (rc)
        return rc;
    if (conf->log_keys)
        return of_text(t, conf->log_keys, &said.chain_id);
    rc = ate__anchor_init(&anchor, conf->chain ? NULL : conf->root, NULL, session);
    if (!rc && conf->chain) {
        anchor.has_chain = true;
        rc =
            ate__context(ate__hash_parse(conf->chain, strlen(conf->chain), &anchor.chain), "chain");
    }
    if (rc)
        return rc;
    anchor.centralized = true; /* a log key speaks in every chain */
    rc = of_genesis(t, p->genesis, &anchor, &said.chain_id);
    ate__anchor_deinit(&anchor);
    return rc;
}

static struct ate_head head_of(const struct ate__checkpoint *c)
{
    return (struct ate_head){c->size, c->root};
}

static int check(const struct ate__proof_text *p, bool alone, struct ate_session *session,
                 const struct ate_proof_conf *conf, struct ate_proved *ret)
{
    ate__cleanup(trusted_deinit) struct trusted t = {.count = 0};
    struct ate__checkpoint older = {.size = 0}, c;
    int rc = find_keys(&t, p, session, conf);
    if (!rc)
        rc = alone ? ate__checkpoint_verify(p->checkpoint, t.key, t.count, &c)
                   : ate__proof_verify(p, t.key, t.count, &older, &c);
    if (rc == ATE_UNTRUSTED && t.count && !conf->log_keys)
        return ate__fail(rc,
                         "no log key of the genesis signed it; those that were added to the chain "
                         "later have to be given");
    if (rc)
        return rc;
    struct ate__quorum_verdict witnessed = {.witnesses = 0};
    rc = conf->policy ? ate__proof_witnessed(conf->policy, p->checkpoint, &witnessed) : 0;
    if (rc)
        return rc;
    *ret = (struct ate_proved){
        .kind = alone                             ? ATE_PROOF_CHECKPOINT
                : p->kind == ATE__PROOF_INCLUSION ? ATE_PROOF_INCLUSION
                                                  : ATE_PROOF_CONSISTENCY,
        .chain = c.chain_id,
        .head = head_of(&c),
        .log_key = c.log_key,
        .signed_ns = ate__ns_of(ate__min(c.time_s, INT64_MAX / 1000000) * 1000000),
        .older = head_of(&older),
        .sequence = p->entry.sequence,
        .tx_hash = p->entry.tx_hash,
        .root_time_ns = ate__ns_of(p->entry.root_time_us),
        .witnesses = witnessed.witnesses,
        .witnessed_ns = ate__ns_of(ate__min(witnessed.time_s, INT64_MAX / 1000000) * 1000000),
    };
    return 0;
}

int ate_check_proof(const char *text, struct ate_session *session,
                    const struct ate_proof_conf *conf, struct ate_proved *ret_proved)
{
    static const struct ate_proof_conf defaults;
    struct ate__proof_text p = {.kind = ATE__PROOF_INCLUSION};
    struct ate__checkpoint ignored;
    struct ate_proved proved;
    if (!text)
        return ate__fail(ATE_MISUSE, "check a proof: no text");
    conf = conf ? conf : &defaults;
    int rc = ate__conf_check("check a proof", conf);
    bool alone = !rc && !ate__checkpoint_parse(ate__text_bytes(text), &ignored);
    if (!rc && !alone)
        rc = ate__proof_decode(ate__text_bytes(text), &p);
    if (rc)
        return rc;
    if (alone)
        p.checkpoint = ate__text_bytes(text);
    rc = check(&p, alone, session, conf, &proved);
    ate__proof_deinit(&p);
    if (!rc)
        *ret_proved = proved;
    return rc;
}
