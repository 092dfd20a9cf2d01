/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What is made of a host key: a secret for images.
 */
#include "chain/host_key.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"

static const struct ate__key32 bytes = {{1}}, other_bytes = {{2}};

static struct ate__host_key *key_of(const struct ate__key32 *of)
{
    struct ate__host_key *k;
    assert_int_equal(ate__host_key_new(of, &k), 0);
    return k;
}

static void test_made(void **state)
{
    (void)state;
    struct ate__host_key *k = key_of(&bytes), *same = key_of(&bytes), *other = key_of(&other_bytes);
    char text[ATE__HASH_TEXT];
    struct ate_hash secret;
    assert_memory_equal(ate__host_key_image(k), ate__host_key_image(same), 32);
    assert_memory_not_equal(ate__host_key_image(k), ate__host_key_image(other), 32);
    memcpy(secret.b, ate__host_key_image(k), sizeof secret.b);
    assert_string_equal(ate__hash_text(&secret, text),
                        "fWoib3ovl4NVnDAz2tqlhJaeoI4z2zY_oU9X9BFPUCQ");
    ate__host_key_free(k);
    ate__host_key_free(same);
    ate__host_key_free(other);
    ate__host_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
