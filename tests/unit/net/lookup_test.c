/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/lookup.h"
#include "lib/check.h"
#include "lib/heap.h"

static int copy_once(void *arg)
{
    struct ate__lookup *copy;
    int rc = ate__lookup_copy(arg, &copy);
    if (!rc)
        ate__lookup_free(copy);
    return rc;
}

static void test_copy(void **state)
{
    (void)state;
    char server[] = "127.0.0.1", anchor[] = "file";
    struct ate__lookup lookup = {.dns_server = server, .dns_anchor = anchor}, *copy;
    assert_int_equal(heap_sweep(copy_once, &lookup, false), 3);
    assert_int_equal(ate__lookup_copy(&lookup, &copy), 0);
    server[0] = anchor[0] = 'x';
    assert_string_equal(copy->dns_server, "127.0.0.1");
    assert_string_equal(copy->dns_anchor, "file");
    assert_null(copy->authorities);
    ate__lookup_free(copy);
    ate__lookup_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
