/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/possession.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/hpke.h"

static struct ate_bytes context(void)
{
    return ate__text_bytes("ate/proof/1");
}

static struct ate_bytes hash_bytes(const struct ate_hash *hash)
{
    return ate__bytes(hash, sizeof *hash);
}

static int message_of(const struct ate__possession *p, const struct ate_hash *fingerprint,
                      struct ate_hash *ret_message)
{
    const struct ate_bytes fields[] = {
        ate__text_bytes("client"), hash_bytes(&p->channel), hash_bytes(&p->chain_id),
        hash_bytes(&p->nonce),     hash_bytes(fingerprint),
    };
    return ate__hash(ATE__SHA256, "ate proof 1", fields, ATE__COUNT_OF(fields), ret_message);
}

int ate__possession_prove(const struct ate__possession *p, const struct ate__key *key,
                          struct ate__buf *buf)
{
    uint8_t signature[ATE__SIG_SIZE_MAX];
    struct ate_hash message;
    int rc = key->sign_key ? message_of(p, &key->fingerprint, &message)
                           : ate__fail(ATE_DENIED, "the key has no part that signs");
    if (!rc)
        rc = ate__sign(key->sign_key, context(), hash_bytes(&message), signature);
    return rc ? rc : ate__buf_append(buf, ate__bytes(signature, key->parts.signature->made_size));
}

int ate__possession_check(const struct ate__possession *p, struct ate_bytes public_key,
                          struct ate_bytes signature, struct ate_hash *ret_fingerprint)
{
    ate__cleanup(ate__verify_key_freep) struct ate__verify_key *key = NULL;
    struct ate__public_parts parts;
    struct ate_hash message, fingerprint;
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc && !parts.signature_key.size)
        rc = ate__fail(ATE_MALFORMED, "its key signs nothing");
    if (!rc)
        rc = ate__fingerprint(public_key, &fingerprint);
    if (!rc)
        rc = message_of(p, &fingerprint, &message);
    if (!rc)
        rc = ate__verify_key_new(parts.signature->id, parts.signature_key, &key);
    if (!rc)
        rc = ate__verify(key, context(), hash_bytes(&message), signature);
    if (!rc)
        *ret_fingerprint = fingerprint;
    return rc == ATE_TAMPERED ? ate__fail(rc, "its signature does not hold") : rc;
}

/* info and aad of HPKE; none of another use has this label, so that what is sealed for a reader of
 * a chain cannot be passed off as this. */
static int seal_frames(const struct ate__possession *p, const struct ate_hash *fingerprint,
                       struct ate__buf *info, struct ate__buf *aad)
{
    const struct ate_bytes where[] = {hash_bytes(&p->channel), hash_bytes(&p->chain_id),
                                      hash_bytes(&p->nonce)};
    const struct ate_bytes who[] = {hash_bytes(fingerprint)};
    int rc = ate__frame(info, "ate proof seal 1", where, ATE__COUNT_OF(where));
    return rc ? rc : ate__frame(aad, "ate proof seal 1", who, ATE__COUNT_OF(who));
}

int ate__possession_seal(const struct ate__possession *p, const struct ate__env *env,
                         struct ate_bytes public_key, const struct ate__key32 *secret,
                         struct ate__buf *buf, struct ate_hash *ret_fingerprint)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    struct ate__public_parts parts;
    struct ate_hash fingerprint;
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc && !parts.kem)
        rc = ate__fail(ATE_MALFORMED, "its key has no part to seal to");
    if (!rc)
        rc = ate__fingerprint(public_key, &fingerprint);
    if (!rc)
        rc = seal_frames(p, &fingerprint, &info, &aad);
    if (!rc)
        rc = ate__hpke_seal(parts.kem->id, parts.kem_key, env, ate__buf_bytes(&info),
                            ate__buf_bytes(&aad), ate__bytes(secret->b, sizeof secret->b), buf);
    if (!rc)
        *ret_fingerprint = fingerprint;
    return rc;
}

int ate__possession_open(const struct ate__possession *p, const struct ate__key *key,
                         struct ate_bytes sealed, struct ate__key32 *ret_secret)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    if (!key->parts.kem || !ate__key_opens(key))
        return ate__fail(ATE_NO_KEY, "the key has no part that opens");
    int rc = seal_frames(p, &key->fingerprint, &info, &aad);
    return rc ? rc
              : ate__hpke_open(key->parts.kem->id, &key->kem_seed, ate__buf_bytes(&info),
                               ate__buf_bytes(&aad), sealed, ret_secret->b, sizeof ret_secret->b);
}
