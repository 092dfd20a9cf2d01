/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What is made of a host key: a secret for images, and seals of groups, of which none holds for
 * another host, chain, size or root.
 */
#include "chain/host_key.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/heap.h"

static const struct ate__key32 bytes = {{1}}, other_bytes = {{2}};
static const struct ate_hash chain = {{7}}, root = {{8}};

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
    struct ate_hash seal;
    assert_memory_equal(ate__host_key_image(k), ate__host_key_image(same), 32);
    assert_memory_not_equal(ate__host_key_image(k), ate__host_key_image(other), 32);
    assert_int_equal(ate__host_key_seal(k, &chain, 5, &root, &seal), 0);
    /* As docs/format/redo.md has it. */
    assert_string_equal(ate__hash_text(&seal, text), "-u7wqQDUj-VuEVupja6RbSClx8cEyh1WZpf9RGh5GZI");
    ate__host_key_free(k);
    ate__host_key_free(same);
    ate__host_key_free(other);
    ate__host_key_free(NULL);
}

static void test_holds(void **state)
{
    (void)state;
    struct ate__host_key *k = key_of(&bytes), *other = key_of(&other_bytes);
    struct ate_hash seal, changed;
    assert_int_equal(ate__host_key_seal(k, &chain, 5, &root, &seal), 0);
    assert_int_equal(ate__host_key_check(k, &chain, 5, &root, &seal), 0);
    for (size_t bit = 0; bit < 8 * sizeof seal.b; bit++) {
        changed = seal;
        changed.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ate__host_key_check(k, &chain, 5, &root, &changed), ATE_TAMPERED);
    }
    changed = root;
    changed.b[31] ^= 1;
    assert_int_equal(ate__host_key_check(k, &chain, 5, &changed, &seal), ATE_TAMPERED);
    assert_int_equal(ate__host_key_check(k, &chain, 6, &root, &seal), ATE_TAMPERED);
    assert_int_equal(ate__host_key_check(k, &changed, 5, &root, &seal), ATE_TAMPERED);
    assert_int_equal(ate__host_key_check(other, &chain, 5, &root, &seal), ATE_TAMPERED);
    ate__host_key_free(k);
    ate__host_key_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
