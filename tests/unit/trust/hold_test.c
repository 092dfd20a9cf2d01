/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The control event that holds or releases: all else stays byte for byte.
 */
#include "lib/check.h"
#include "trust/seal.h"

static const struct ate_id object = {{7, 7, 7}};

static void ok(int rc)
{
    assert_int_equal(rc, 0);
}

static struct ate__control *control_of(struct ate_bytes header)
{
    struct ate__event e = {.kind = ATE__EVENT_CONTROL, .bytes = header, .hash = {{9, 9}}};
    struct ate__control *c;
    ok(ate__header_decode(header, &e.header));
    ok(ate__control_new(&e, 5, NULL, &c));
    return c;
}

/* Items on both sides of HOLD, one that only a later version knows among them. */
static void write_rich(struct ate__buf *buf, const struct ate_hash *prev, bool hold)
{
    static const uint8_t key[32] = {1, 2, 3}, name_key[32] = {4}, on = 1;
    struct ate__rule rule = {.who = ATE__RULE_ANY_OF, .count = 1, .keys = key};
    struct ate__auth auth = {.rule = {[ATE__RIGHT_WRITE] = rule}};
    struct ate__namekey_item namekey = {.bytes = ate__bytes(name_key, sizeof name_key)};
    struct ate__header_wr w = ate__header_wr_of(buf);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&object, sizeof object));
    if (prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(prev, sizeof *prev));
    ate__header_auth(&w, &auth);
    ate__header_namekey(&w, &namekey);
    if (hold)
        ate__header_item(&w, ATE__TAG_HOLD, ate__bytes(&on, sizeof on));
    ate__header_item(&w, ATE__TAG_OPTIONAL + 7, ate__text_bytes("later"));
    ok(ate__header_end(&w));
}

static void check(const struct ate__control *prev, bool hold, const struct ate__buf *expected)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf made = ATE__BUF_NULL;
    ok(ate__buf_append(&made, ate__text_bytes("before")));
    ok(ate__control_hold(&object, prev, hold, &made));
    assert_int_equal(made.size, expected->size + 6);
    assert_memory_equal(made.data + 6, expected->data, expected->size);
}

static void all_else_stays(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++)
        for (int held = 0; held < 2; held++)
            for (int hold = 0; hold < 2; hold++) {
                struct ate__buf bytes = ATE__BUF_NULL, expected = ATE__BUF_NULL;
                struct ate_hash earlier = {{1}};
                write_rich(&bytes, first ? NULL : &earlier, held);
                struct ate__control *c = control_of(ate__buf_bytes(&bytes));
                write_rich(&expected, &c->hash, hold);
                check(c, hold, &expected);
                ate__control_unref(c);
                ate__buf_deinit(&bytes);
                ate__buf_deinit(&expected);
            }
}

/* HOLD is the last item, or stands alone beside rules that inherit. */
static void without_rules(void **state)
{
    (void)state;
    static const struct ate__auth inherits = {0};
    static const uint8_t on = 1;
    struct ate__buf none = ATE__BUF_NULL, plain = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&none);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&object, sizeof object));
    ate__header_auth(&w, &inherits);
    ate__header_item(&w, ATE__TAG_HOLD, ate__bytes(&on, sizeof on));
    ok(ate__header_end(&w));
    check(NULL, true, &none);
    struct ate__control *c = control_of(ate__buf_bytes(&none));
    w = ate__header_wr_of(&plain);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&object, sizeof object));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&c->hash, sizeof c->hash));
    ate__header_auth(&w, &inherits);
    ok(ate__header_end(&w));
    check(c, false, &plain);
    ate__control_unref(c);
    ate__buf_deinit(&none);
    ate__buf_deinit(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_else_stays),
        cmocka_unit_test(without_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
