/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/host_key.h"
#include "base/endian.h"
#include "base/err.h"
#include "crypto/kdf.h"
#include <stdatomic.h>

struct ate__host_key {
    atomic_uint refs;
    struct ate__key32 image, groups;
};

int ate__host_key_new(const struct ate__key32 *bytes, struct ate__host_key **ret_key)
{
    struct ate__host_key *k = ate__secret_alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    atomic_init(&k->refs, 1);
    int rc = ate__kdf(bytes, "ate host image 1", NULL, 0, &k->image);
    if (!rc)
        rc = ate__kdf(bytes, "ate host groups 1", NULL, 0, &k->groups);
    if (rc) {
        ate__secret_free(k);
        return rc;
    }
    *ret_key = k;
    return 0;
}

void ate__host_key_free(struct ate__host_key *k)
{
    if (k && atomic_fetch_sub(&k->refs, 1) == 1)
        ate__secret_free(k);
}

struct ate__host_key *ate__host_key_ref(struct ate__host_key *k)
{
    atomic_fetch_add(&k->refs, 1);
    return k;
}

const struct ate__key32 *ate__host_key_image(const struct ate__host_key *k)
{
    return &k->image;
}

int ate__host_key_seal(const struct ate__host_key *k, const struct ate_hash *chain_id,
                       uint64_t size, const struct ate_hash *root, struct ate_hash *ret_seal)
{
    uint8_t le[8];
    const struct ate_bytes fields[] = {ate__bytes(chain_id->b, sizeof chain_id->b),
                                       ate__bytes(le, sizeof le),
                                       ate__bytes(root->b, sizeof root->b)};
    ate__store64(le, size);
    return ate__hmac(ate__bytes(k->groups.b, sizeof k->groups.b), "ate group 1", fields,
                     ATE__COUNT_OF(fields), ret_seal);
}

int ate__host_key_check(const struct ate__host_key *k, const struct ate_hash *chain_id,
                        uint64_t size, const struct ate_hash *root, const struct ate_hash *seal)
{
    struct ate_hash own;
    int rc = ate__host_key_seal(k, chain_id, size, root, &own);
    if (!rc && !ate__secret_equal(own.b, seal->b, sizeof own.b))
        rc = ATE_TAMPERED;
    ate__wipe(&own, sizeof own);
    return rc;
}
