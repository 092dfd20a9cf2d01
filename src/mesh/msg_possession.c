/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_possession.c: CHALLENGE, POSSESSION, READERS and SEALED.
 */
#include "crypto/keyfile.h"
#include "mesh/msg_parts.h"

void ate__msg_challenge_encode(struct ate__wr *w, const struct ate__msg_challenge *m)
{
    ate__wr_hash(w, &m->nonce);
}

int ate__msg_challenge_decode(struct ate_bytes body, struct ate__msg_challenge *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_challenge m = {.nonce = ate__rd_hash(&r)};
    int rc = ate__msg_end(&r, "CHALLENGE");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_possession_encode(struct ate__wr *w, const struct ate__msg_possession *m)
{
    ate__wr_u32(w, m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        ate__wr_bytes32(w, m->key[i].public_key);
        ate__wr_bytes32(w, m->key[i].signature);
    }
}

int ate__msg_possession_decode(struct ate_bytes body, struct ate__msg_possession *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_possession m = {.count = ate__rd_u32(&r)};
    if (!m.count || m.count > ATE__POSSESSED_MAX)
        return ate__fail(ATE_MALFORMED, "POSSESSION: %u keys, not 1 to %d", m.count,
                         ATE__POSSESSED_MAX);
    for (uint32_t i = 0; i < m.count; i++) {
        m.key[i].public_key = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX);
        m.key[i].signature = ate__rd_bytes32(&r, ATE__SIGNATURE_MAX);
    }
    int rc = ate__msg_end(&r, "POSSESSION");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_list_encode(struct ate__wr *w, const struct ate__msg_list *m)
{
    ate__wr_u32(w, m->count);
    for (uint32_t i = 0; i < m->count; i++)
        ate__wr_bytes32(w, m->item[i]);
}

static int list_decode(struct ate_bytes body, const char *name, uint32_t item_max,
                       struct ate__msg_list *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_list m = {.count = ate__rd_u32(&r)};
    if (!m.count || m.count > ATE__POSSESSED_MAX)
        return ate__fail(ATE_MALFORMED, "%s: %u keys, not 1 to %d", name, m.count,
                         ATE__POSSESSED_MAX);
    for (uint32_t i = 0; i < m.count; i++)
        m.item[i] = ate__rd_bytes32(&r, item_max);
    int rc = ate__msg_end(&r, name);
    if (!rc)
        *ret = m;
    return rc;
}

int ate__msg_readers_decode(struct ate_bytes body, struct ate__msg_list *ret)
{
    return list_decode(body, "READERS", ATE__PUBLIC_KEY_MAX, ret);
}

int ate__msg_sealed_decode(struct ate_bytes body, struct ate__msg_list *ret)
{
    return list_decode(body, "SEALED", ATE__KEM_ENC_MAX + 32 + 16, ret);
}
