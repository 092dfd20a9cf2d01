/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * still.c: OpenSSL's randomness is all zeros. ML-DSA signs with 32 random bytes beside the key;
 * zeros are the deterministic variant of FIPS 204 (3.4), whose signatures are as good to whoever
 * checks them. All other randomness comes from the env.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "golden.h"
#include <openssl/rand.h>

static int zeros(unsigned char *to, int size)
{
    memset(to, 0, (size_t)size);
    return 1;
}

static int ready(void)
{
    return 1;
}

void golden_still_openssl(void)
{
    static const RAND_METHOD method = {.bytes = zeros, .pseudorand = zeros, .status = ready};
    assert_int_equal(RAND_set_rand_method(&method), 1);
}
