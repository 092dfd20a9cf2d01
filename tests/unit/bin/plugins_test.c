/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Words of a command line; tests/cli/ate_plugin_test.py loads some that are good.
 */
#include "bin/common/plugins.h"
#include "base/err.h"
#include "lib/check.h"

static void refused(const char *word, int result, const char *sentence)
{
    struct plugins p = {.count = 7};
    assert_int_equal(plugins_load(&p, &word, 1), result);
    assert_int_equal(p.count, 7);
    if (!strstr(ate__error_text(), sentence))
        fail_msg("%s: %s", word, ate__error_text());
}

/* What is behind the first '=' is the plug-in's. */
static void test_where_the_name_ends(void **state)
{
    (void)state;
    refused("", ATE_MISUSE, "no file");
    refused("=options", ATE_MISUSE, "no file");
    refused("./no-such-plugin.so=a=b", ATE_NOT_FOUND, "there is no ./no-such-plugin.so");
}

static void test_none(void **state)
{
    struct plugins p;
    (void)state;
    assert_int_equal(plugins_load(&p, NULL, 0), 0);
    assert_int_equal(p.count, 0);
    plugins_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_name_ends),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
