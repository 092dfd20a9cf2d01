/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/statement.h"
#include "base/err.h"
#include "chain/chain_private.h"

enum { TRIES = 8 };

static int make(struct ate__chain *c, const struct ate__key *key, struct ate_bytes header,
                struct ate__buf *buf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf signature_bytes = ATE__BUF_NULL;
    enum ate__hash_alg alg = ate__trust_alg(c->trust);
    struct ate__event_in event = {.form = ATE__BARE, .header = header};
    struct ate__signature signature;
    struct ate_hash hash;
    struct ate__tx_in in = {
        .chain_id = *ate__trust_chain_id(c->trust),
        .id.number = 1,
        .time_us = ate__wall_us(c->conf.env),
        .events = &event,
        .event_count = 1,
    };
    ate__random(c->conf.env, in.id.origin, sizeof in.id.origin);
    ate__chain_head(c, &in.base_size, &in.base_root);
    int rc = ate__tx_encode(&in, alg, buf, &hash);
    if (!rc && key)
        rc = ate__trust_sign(c->trust, key, alg, &hash, &signature_bytes, &signature);
    return rc ? rc : ate__tx_encode_signatures(&signature, key ? 1 : 0, buf);
}

int ate__chain_state(struct ate__chain *c, const struct ate__key *key, struct ate_bytes header,
                     struct ate__receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf buf = ATE__BUF_NULL;
    struct ate__offer offer = {.result = ATE_STALE};
    /* STALE: a window of others' commits went by between its base and its place. */
    for (unsigned i = 0; i < TRIES && offer.result == ATE_STALE; i++) {
        ate__buf_clear(&buf);
        int rc = make(c, key, header, &buf);
        if (rc)
            return rc;
        offer =
            (struct ate__offer){.encoded = ate__buf_bytes(&buf), .waits = true, .timeout_ms = -1};
        ate__chain_wait(c, &offer);
    }
    if (offer.result)
        return ate__fail(offer.result, "%s", offer.text);
    *ret_receipt = offer.receipt;
    return 0;
}
