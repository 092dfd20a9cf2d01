/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_possession.c: CHALLENGE, POSSESSION, READERS and SEALED.
 */
#include "crypto/keyfile.h"
#include "mesh/msg_parts.h"

static bool read_flag(struct ate__rd *r)
{
    uint8_t v = ate__rd_u8(r);
    if (v > 1)
        ate__rd_fail(r);
    return v;
}

void ate__msg_challenge_encode(struct ate__wr *w, const struct ate__msg_challenge *m)
{
    ate__wr_hash(w, &m->nonce);
    ate__wr_u8(w, m->first);
}

int ate__msg_challenge_decode(struct ate_bytes body, struct ate__msg_challenge *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_challenge m = {.nonce = ate__rd_hash(&r)};
    m.first = read_flag(&r);
    int rc = ate__msg_end(&r, "CHALLENGE");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_possession_encode(struct ate__wr *w, const struct ate__msg_possession *m)
{
    ate__wr_hash(w, &m->chain_id);
    ate__wr_u8(w, m->more);
    ate__wr_bytes32(w, m->public_key);
    ate__wr_bytes32(w, m->proof);
}

int ate__msg_possession_decode(struct ate_bytes body, struct ate__msg_possession *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_possession m = {.chain_id = ate__rd_hash(&r)};
    m.more = read_flag(&r);
    m.public_key = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX);
    m.proof = ate__rd_bytes32(&r, ATE__SIGNATURE_MAX);
    int rc = ate__msg_end(&r, "POSSESSION");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_readers_encode(struct ate__wr *w, const struct ate__msg_readers *m)
{
    ate__wr_hash(w, &m->chain_id);
    ate__wr_bytes32(w, m->public_key);
}

int ate__msg_readers_decode(struct ate_bytes body, struct ate__msg_readers *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_readers m = {.chain_id = ate__rd_hash(&r)};
    m.public_key = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX);
    int rc = ate__msg_end(&r, "READERS");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_sealed_encode(struct ate__wr *w, const struct ate__msg_sealed *m)
{
    ate__wr_bytes32(w, m->sealed);
}

int ate__msg_sealed_decode(struct ate_bytes body, struct ate__msg_sealed *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_sealed m = {ate__rd_bytes32(&r, ATE__KEM_ENC_MAX + 32 + 16)};
    int rc = ate__msg_end(&r, "SEALED");
    if (!rc)
        *ret = m;
    return rc;
}
