/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/host_key.h"
#include "base/err.h"
#include "crypto/kdf.h"

struct ate__host_key {
    struct ate__key32 image;
};

int ate__host_key_new(const struct ate__key32 *bytes, struct ate__host_key **ret_key)
{
    struct ate__host_key *k = ate__secret_alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    int rc = ate__kdf(bytes, "ate host image 1", NULL, 0, &k->image);
    if (rc) {
        ate__secret_free(k);
        return rc;
    }
    *ret_key = k;
    return 0;
}

void ate__host_key_free(struct ate__host_key *k)
{
    ate__secret_free(k);
}

const struct ate__key32 *ate__host_key_image(const struct ate__host_key *k)
{
    return &k->image;
}
