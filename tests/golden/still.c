/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * still.c: OpenSSL's randomness is always the same. ML-DSA signs with 32 random bytes beside the
 * key; zeros are the deterministic variant of FIPS 204 (3.4), whose signatures are as good to
 * whoever checks them, and ML-KEM takes them as well. P-384 blinds what it multiplies with other
 * sizes, in a loop until it is no zero; nothing of it is seen outside, so how many it takes on what
 * machine makes no difference. All other randomness comes from the env.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "golden.h"
#include <openssl/rand.h>

static int constant(unsigned char *to, int size)
{
    memset(to, size != 32, (size_t)size);
    return 1;
}

static int ready(void)
{
    return 1;
}

void golden_still_openssl(void)
{
    static const RAND_METHOD method = {.bytes = constant, .pseudorand = constant, .status = ready};
    assert_int_equal(RAND_set_rand_method(&method), 1);
}
