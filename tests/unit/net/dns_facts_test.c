/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The records of DNS: their one form, which path they cover, and what they say together.
 */
#include "net/dns_facts.h"
#include "base/text.h"
#include "lib/check.h"

#define H "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OTHER "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

/* The data of a TXT record with that text, in strings of at most 255 bytes. */
static struct ate_bytes record_of(const char *text, uint8_t *room)
{
    size_t size = 0, left = strlen(text);
    do {
        size_t n = left < 255 ? left : 255;
        room[size++] = (uint8_t)n;
        memcpy(room + size, text, n);
        size += n;
        text += n;
        left -= n;
    } while (left);
    return ate__bytes(room, size);
}

static int parse(const char *text, struct ate__dns_fact *ret)
{
    static uint8_t room[8192];
    return ate__dns_fact_parse(record_of(text, room), ret);
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path;
        enum ate__dns_fact_kind kind;
    } good[] = {
        {"v=ate1; pin=" H, "", ATE__DNS_PIN},
        {"v=ate1; root=" H "; path=/joe/*", "/joe/*", ATE__DNS_ROOT},
        {"v=ate1; root=" H "; path=/*", "/*", ATE__DNS_ROOT},
        {"v=ate1; chain=" H "; path=/joe/notes", "/joe/notes", ATE__DNS_CHAIN},
        {"v=ate1; directory=tcp://host/", "", ATE__DNS_DIRECTORY},
    };
    static const char *const others[] = {"",         "v=ate2; pin=" H, "v=ate",  "v=ate10; pin=x",
                                         "v=spf1 a", " v=ate1; pin=x", "V=ATE1", "pin=" H};
    struct ate__dns_fact fact;
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        assert_int_equal(parse(good[i].text, &fact), 0);
        assert_int_equal(fact.kind, good[i].kind);
        assert_string_equal(fact.path, good[i].path);
        char text[ATE__HASH_TEXT];
        if (fact.kind != ATE__DNS_DIRECTORY)
            assert_string_equal(ate__hash_text(&fact.hash, text), H);
    }
    for (size_t i = 0; i < ATE__COUNT_OF(others); i++) {
        assert_int_equal(parse(others[i], &fact), 0);
        assert_int_equal(fact.kind, ATE__DNS_NONE);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "v=ate1",
        "v=ate1 ",
        "v=ate1;",
        "v=ate1; ",
        "v=ate1;pin=" H,
        "v=ate1;  pin=" H,
        "v=ate1; pin=",
        "v=ate1; pin=" H "=",
        "v=ate1; pin=" H ";",
        "v=ate1; pin=" H "; pin=" OTHER,
        "v=ate1; pin=" H "; path=/*",
        "v=ate1; Pin=" H,
        "v=ate1; root=" H,
        "v=ate1; root=" H ";path=/*",
        "v=ate1; root=" H "; path=",
        "v=ate1; root=" H "; path=/",
        "v=ate1; root=" H "; path=*",
        "v=ate1; root=" H "; path=//*",
        "v=ate1; root=" H "; path=/joe*",
        "v=ate1; root=" H "; path=/*/joe",
        "v=ate1; root=" H "; path=/joe/",
        "v=ate1; root=" H "; path=joe",
        "v=ate1; root=" H "; path=/joe; path=/moe",
        "v=ate1; path=/*; root=" H,
        "v=ate1; chain=" H "; path=/../x",
        "v=ate1; directory=",
        "v=ate1; directory=a b",
        "v=ate1; new=" H,
    };
    struct ate__dns_fact fact;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        if (parse(bad[i], &fact) != ATE_MALFORMED)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(ate__error_text(), "v=ate1"));
    }
    static const uint8_t cut[] = {7, 'v', '=', 'a', 't', 'e', '1'};
    assert_int_equal(ate__dns_fact_parse(ate__bytes(cut, sizeof cut), &fact), ATE_MALFORMED);
    static uint8_t large[ATE__DNS_RECORD_MAX + 1];
    assert_int_equal(ate__dns_fact_parse(ate__bytes(large, sizeof large), &fact), ATE_TOO_BIG);
}

/* A fact may be cut into strings anywhere. */
static void test_strings(void **state)
{
    (void)state;
    static const char text[] = "v=ate1; root=" H "; path=/joe/*";
    uint8_t room[sizeof text + 1];
    struct ate__dns_fact fact;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        room[0] = (uint8_t)cut;
        memcpy(room + 1, text, cut);
        room[1 + cut] = (uint8_t)(sizeof text - 1 - cut);
        memcpy(room + 2 + cut, text + cut, sizeof text - 1 - cut);
        assert_int_equal(ate__dns_fact_parse(ate__bytes(room, sizeof room), &fact), 0);
        assert_int_equal(fact.kind, ATE__DNS_ROOT);
    }
}

static void test_covers(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool covers;
    } cases[] = {
        {"/*", "/a", true},           {"/*", "/a/b/c", true},      {"/*", "/", false},
        {"/joe/*", "/joe/a", true},   {"/joe/*", "/joe", false},   {"/joe/*", "/joey/a", false},
        {"/joe/*", "/joe/", false},   {"/joe/*", "/moe/a", false}, {"/joe", "/joe", true},
        {"/joe", "/joe/a", false},    {"/joe", "/jo", false},      {"/joe", "", false},
        {"/a/b/*", "/a/b/c/d", true},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++)
        assert_int_equal(ate__dns_fact_covers(cases[i].pattern, cases[i].path) > 0,
                         cases[i].covers);
    assert_true(ate__dns_fact_covers("/joe/a", "/joe/a") >
                ate__dns_fact_covers("/joe/*", "/joe/a"));
    assert_true(ate__dns_fact_covers("/joe/*", "/joe/a") > ate__dns_fact_covers("/*", "/joe/a"));
}

static int together(const char *const *texts, size_t count, const char *path,
                    struct ate__dns_facts *ret)
{
    static uint8_t room[ATE__DNS_RECORDS_MAX][512];
    struct ate__dns_answer answer = {.secure = true, .count = count};
    for (size_t i = 0; i < count; i++)
        answer.record[i] = record_of(texts[i], room[i]);
    return ate__dns_facts_of(&answer, path, ret);
}
#define TOGETHER(path, ret, ...)                                                                   \
    together((const char *const[]){__VA_ARGS__},                                                   \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), path, ret)

static void test_together(void **state)
{
    (void)state;
    struct ate__dns_facts f;
    assert_int_equal(TOGETHER("/joe/a", &f, "v=ate1; pin=" H, "v=ate1; pin=" OTHER,
                              "v=ate1; root=" H "; path=/joe/*", "v=ate1; root=" OTHER "; path=/*",
                              "v=ate1; chain=" OTHER "; path=/moe", "hello"),
                     0);
    assert_int_equal(f.pin_count, 2);
    assert_int_equal(f.root_count, 1);
    assert_int_equal(f.roots[0].b[0], 0);
    assert_false(f.has_chain);
    /* in the other order, too; and a chain of a more exact path sets the roots aside */
    assert_int_equal(TOGETHER("/joe/a", &f, "v=ate1; root=" OTHER "; path=/*",
                              "v=ate1; root=" H "; path=/joe/*"),
                     0);
    assert_int_equal(f.root_count, 1);
    assert_int_equal(f.roots[0].b[0], 0);
    assert_int_equal(TOGETHER("/joe/a", &f, "v=ate1; chain=" H "; path=/joe/a",
                              "v=ate1; root=" H "; path=/joe/*"),
                     0);
    assert_true(f.has_chain && !f.root_count);
    assert_int_equal(TOGETHER(NULL, &f, "v=ate1; root=" H "; path=/*"), 0);
    assert_int_equal(f.root_count, 0);
    assert_int_equal(
        TOGETHER("/a", &f, "v=ate1; chain=" H "; path=/*", "v=ate1; chain=" OTHER "; path=/*"),
        ATE_UNTRUSTED);
    assert_int_equal(
        TOGETHER("/a", &f, "v=ate1; chain=" H "; path=/*", "v=ate1; chain=" OTHER "; path=/b"), 0);
    assert_int_equal(TOGETHER("/a", &f, "v=ate1; pin=" H, "v=ate1; bad"), ATE_MALFORMED);
}

static void test_tlsa(void **state)
{
    (void)state;
    uint8_t right[35] = {3, 1, 1, 7}, usage[35] = {2, 1, 1}, selector[35] = {3, 0, 1},
            sha512[67] = {3, 1, 2}, longer[36] = {3, 1, 1};
    struct ate__dns_facts f;
    struct ate__dns_answer a = {.secure = true, .count = 4};
    a.record[0] = ate__bytes(usage, sizeof usage);
    a.record[1] = ate__bytes(selector, sizeof selector);
    a.record[2] = ate__bytes(right, sizeof right);
    a.record[3] = ate__bytes(sha512, sizeof sha512);
    assert_int_equal(ate__dns_facts_of_tlsa(&a, &f), 0);
    assert_int_equal(f.pin_count, 1);
    assert_int_equal(f.pins[0].b[0], 7);
    a.count = 2;
    assert_int_equal(ate__dns_facts_of_tlsa(&a, &f), ATE_UNSUPPORTED);
    a.record[1] = ate__bytes(longer, sizeof longer);
    assert_int_equal(ate__dns_facts_of_tlsa(&a, &f), ATE_MALFORMED);
    a.record[1] = ate__bytes(right, 2);
    assert_int_equal(ate__dns_facts_of_tlsa(&a, &f), ATE_MALFORMED);
    a.count = 0;
    assert_int_equal(ate__dns_facts_of_tlsa(&a, &f), 0);
    assert_int_equal(f.pin_count, 0);
    uint8_t many[ATE__NET_PINS_MAX + 1][35];
    a.count = ATE__NET_PINS_MAX + 1;
    for (size_t i = 0; i < a.count; i++) {
        memcpy(many[i], right, sizeof right);
        many[i][3] = (uint8_t)i;
        a.record[i] = ate__bytes(many[i], sizeof many[i]);
    }
    assert_int_equal(ate__dns_facts_of_tlsa(&a, &f), ATE_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_strings),  cmocka_unit_test(test_covers),
        cmocka_unit_test(test_together), cmocka_unit_test(test_tlsa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
