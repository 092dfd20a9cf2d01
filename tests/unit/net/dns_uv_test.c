/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Questions that cannot be asked, and one that nobody answers. What answers are is tests/dns.
 */
#include "net/dns.h"
#include "lib/check.h"
#include "net/loop_uv.h"
#include "unit/net/deaf.h"

static struct ate__loop *loop;
static struct deaf deaf;

static void answered(void *owner, int result, const struct ate__dns_answer *answer)
{
    (void)owner, (void)result, (void)answer;
    fail_msg("an answer, and nobody gave one");
}

static int make(void *arg)
{
    struct ate__dns *d;
    int rc = ate__dns_new(loop, arg, answered, NULL, &d);
    if (!rc)
        ate__dns_free(d);
    return rc;
}

static int made(const char *server, const char *anchor)
{
    struct ate__lookup lookup = {.dns_server = server, .dns_anchor = anchor};
    return ate__loop_call(loop, make, &lookup);
}

static void write_anchor(const char *text, size_t size)
{
    FILE *f = fopen(deaf.anchor, "w");
    assert_true(f && fwrite(text, 1, size, f) == size && !fclose(f));
}

static void test_anchor(void **state)
{
    (void)state;
    static const char *const without[] = {"", "\n", "; . IN DS 1 2 3\n",
                                          "ds.example. IN A 1.2.3.4\n", "words that say nothing"};
    static char large[ATE__DNS_ANCHOR_MAX + 1];
    deaf_init(&deaf);
    assert_int_equal(made(deaf.server, deaf.anchor), 0);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        write_anchor(without[i], strlen(without[i]));
        assert_int_equal(made(deaf.server, deaf.anchor), ATE_MALFORMED);
    }
    write_anchor(". IN DS\0", 8);
    assert_int_equal(made(deaf.server, deaf.anchor), ATE_MALFORMED);
    memset(large, ' ', sizeof large);
    write_anchor(large, sizeof large);
    assert_int_equal(made(deaf.server, deaf.anchor), ATE_TOO_BIG);
    assert_int_equal(made(deaf.server, "/nowhere/at/all"), ATE_E_SYSTEM);
    assert_int_equal(made(deaf.server, "/"), ATE_E_SYSTEM);
    deaf_deinit(&deaf);
}

static void test_server(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1", "::1", "::1@5353",
                                       "127.0.0.1@1,127.0.0.2@65535"};
    static const char *const bad[] = {"",
                                      ",",
                                      "127.0.0.1,",
                                      "ns.example",
                                      "127.0.0.1@",
                                      "127.0.0.1@0",
                                      "127.0.0.1@65536",
                                      "127.0.0.1@53x",
                                      "127.0.0.1:53",
                                      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
                                      " 127.0.0.1"};
    deaf_init(&deaf);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(made(good[i], deaf.anchor), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(made(bad[i], deaf.anchor), ATE_MISUSE);
    deaf_deinit(&deaf);
}

static struct ate__dns *asked;

static int ask(void *arg)
{
    int rc = ate__dns_new(loop, &deaf.lookup, answered, NULL, &asked);
    return rc ? rc : ate__dns_ask(asked, arg, ATE__DNS_TLSA);
}

static int forget(void *arg)
{
    (void)arg;
    ate__dns_free(asked);
    return 0;
}

/* Who asked may go at any time, and the loop turns on meanwhile. */
static void test_deaf(void **state)
{
    (void)state;
    static char name[] = "_5000._tcp.db.ate.example";
    deaf_init(&deaf);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ate__loop_call(loop, ask, name), 0);
        if (i % 2)
            deaf_hear(&deaf);
        assert_int_equal(ate__loop_call(loop, forget, NULL), 0);
    }
    deaf_deinit(&deaf);
}

static int setup(void **state)
{
    (void)state;
    return ate__loop_new(&loop);
}

static int teardown(void **state)
{
    (void)state;
    ate__loop_unref(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anchor),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_deaf),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
