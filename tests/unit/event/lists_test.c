/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The items that are lists, at their limits, and what walks and searches them. The table of wrong
 * ones is tests/vectors/event/header.txt.
 */
#include "base/err.h"
#include "crypto/kem.h"
#include "event/header.h"
#include "lib/check.h"

static int decode(const struct ate__buf *buf, struct ate__header *ret)
{
    return ate__header_decode(ate__buf_bytes(buf), ret);
}

/* `count` hashes that ascend, in the caller's space. */
static void ascending(uint8_t *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memset(to + 32 * (size_t)i, 0, 32);
        to[32 * (size_t)i] = (uint8_t)(i >> 8);
        to[32 * (size_t)i + 1] = (uint8_t)i;
    }
}

static void rules_at_the_edge(void **state)
{
    (void)state;
    static uint8_t keys[32 * (ATE__RULE_KEYS_MAX + 1)];
    ascending(keys, ATE__RULE_KEYS_MAX + 1);
    for (uint32_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__header_wr w = ate__header_wr_of(&buf);
        struct ate__auth auth;
        struct ate__header h;
        for (int i = 0; i < ATE__RIGHTS; i++)
            auth.rule[i] = (struct ate__rule){ATE__RULE_ANY_OF, ATE__RULE_KEYS_MAX, keys};
        auth.rule[ATE__RIGHT_APPEND].count += more;
        ate__header_auth(&w, &auth);
        assert_int_equal(ate__header_end(&w), 0);
        assert_int_equal(decode(&buf, &h), more ? ATE_TOO_BIG : 0);
        if (more)
            assert_non_null(strstr(ate__error_text(), "append"));
        ate__buf_deinit(&buf);
    }
}

static void rules_find_their_keys(void **state)
{
    (void)state;
    static uint8_t keys[32 * 1000];
    ascending(keys, 1000);
    for (uint32_t count = 1; count <= 1000; count += 1 + count / 3) {
        struct ate__rule rule = {ATE__RULE_ANY_OF, count, keys};
        for (uint32_t i = 0; i < 1000; i++) {
            struct ate_hash key;
            memcpy(&key, keys + 32 * (size_t)i, 32);
            assert_int_equal(ate__rule_has(&rule, &key), i < count);
            key.b[31] = 1;
            assert_false(ate__rule_has(&rule, &key));
        }
    }
    struct ate__rule everyone = {.who = ATE__RULE_EVERYONE};
    assert_false(ate__rule_has(&everyone, &(struct ate_hash){{0}}));
}

/* As many recipients as there may be, with labels as a key file's label makes them. */
static void recipients_at_the_edge(void **state)
{
    (void)state;
    static struct ate__recipient recipients[ATE__RECIPIENTS_MAX + 1];
    static uint8_t sealed[ATE__XWING_ENC + 48], label[295], public_key[ATE__XWING_PUBLIC];
    struct ate__epoch_item epoch = {.kem = ATE__KEM_XWING,
                                    .seal_public = ate__bytes(public_key, sizeof public_key)};
    for (uint32_t i = 0; i <= ATE__RECIPIENTS_MAX; i++) {
        recipients[i] = (struct ate__recipient){.method = ATE__SEALED_TO_KEM,
                                                .sealed = ate__bytes(sealed, sizeof sealed),
                                                .label = ate__bytes(label, sizeof label)};
        recipients[i].fingerprint.b[0] = (uint8_t)(i >> 8);
        recipients[i].fingerprint.b[1] = (uint8_t)i;
    }
    for (uint32_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__header_wr w = ate__header_wr_of(&buf);
        struct ate__header h;
        enum ate__event_kind kind;
        ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(label, 16));
        ate__header_auth(&w, &(struct ate__auth){.rule = {{.who = 0}}});
        ate__header_epoch(&w, &epoch);
        ate__header_recipients(&w, recipients, ATE__RECIPIENTS_MAX + more);
        assert_int_equal(ate__header_end(&w), 0);
        assert_int_equal(decode(&buf, &h), more ? ATE_TOO_BIG : 0);
        if (!more) {
            struct ate__recipient one;
            uint32_t count = 0;
            assert_int_equal(ate__header_kind(&h, &kind), 0);
            for (size_t at = 0; ate__recipient_next(h.recipients, &at, &one); count++)
                assert_memory_equal(&one.fingerprint, &recipients[count].fingerprint, 32);
            assert_int_equal(count, ATE__RECIPIENTS_MAX);
        }
        ate__buf_deinit(&buf);
    }
}

static void root_changes_at_the_edge(void **state)
{
    (void)state;
    static uint8_t keys[32 * (ATE__ROOT_KEYS_MAX + 1)];
    struct ate__root_change changes[ATE__ROOT_KEYS_MAX + 1];
    ascending(keys, ATE__ROOT_KEYS_MAX + 1);
    for (uint32_t i = 0; i <= ATE__ROOT_KEYS_MAX; i++)
        changes[i] =
            (struct ate__root_change){ATE__ROOT_REMOVE, ate__bytes(keys + 32 * (size_t)i, 32)};
    for (uint32_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__header_wr w = ate__header_wr_of(&buf);
        struct ate__header h;
        ate__header_keys(&w, ATE__TAG_ROOT, changes, ATE__ROOT_KEYS_MAX + more);
        assert_int_equal(ate__header_end(&w), 0);
        assert_int_equal(decode(&buf, &h), more ? ATE_TOO_BIG : 0);
        ate__buf_deinit(&buf);
    }
}

static void walkers_of_nothing(void **state)
{
    (void)state;
    struct ate__recipient recipient;
    struct ate__root_change change;
    size_t at = 0;
    assert_false(ate__recipient_next(ate__bytes(NULL, 0), &at, &recipient));
    assert_false(ate__recipient_next(ate__bytes("\0\0\0\0", 4), &at, &recipient));
    assert_false(ate__root_next(ate__bytes(NULL, 0), &at, &change));
    assert_int_equal(at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_at_the_edge),      cmocka_unit_test(rules_find_their_keys),
        cmocka_unit_test(recipients_at_the_edge), cmocka_unit_test(root_changes_at_the_edge),
        cmocka_unit_test(walkers_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
