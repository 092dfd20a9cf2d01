/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Whoever waits for DNS waits no longer than he said. What answers are is tests/dns.
 */
#include "lib/check.h"
#include "net/identify.h"
#include "net/loop_uv.h"
#include "unit/net/deaf.h"

static void test_deaf(void **state)
{
    (void)state;
    struct ate__dns_facts facts;
    struct ate__loop *loop;
    struct deaf deaf;
    deaf_init(&deaf);
    assert_int_equal(ate__loop_shared(&loop), 0);
    for (uint32_t ms = 0; ms <= 200; ms += 100) {
        assert_int_equal(ate__dns_facts_ask(&deaf.lookup, "db.ate.example", "/a", ms, &facts),
                         ATE_OFFLINE);
        assert_non_null(strstr(ate__error_text(), "_ate.db.ate.example"));
    }
    deaf_hear(&deaf);
    deaf.lookup.dns_server = "nobody";
    assert_int_equal(ate__dns_facts_ask(&deaf.lookup, "db.ate.example", "/a", 100, &facts),
                     ATE_MISUSE);
    deaf.lookup.dns_server = deaf.server;
    deaf.lookup.dns_anchor = "/nowhere/at/all";
    assert_int_equal(ate__dns_facts_ask(&deaf.lookup, "db.ate.example", "/a", 100, &facts),
                     ATE_E_SYSTEM);
    ate__loop_unref(loop);
    deaf_deinit(&deaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_deaf)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
