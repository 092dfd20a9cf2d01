/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include <errno.h>
#include <pthread.h>

static void test_sentence(void **state)
{
    (void)state;
    assert_string_equal(ate__error_text(), "");
    assert_int_equal(ate__context(ATE_STALE, "commit"), ATE_STALE);
    assert_string_equal(ate__error_text(), "commit: begun, or shown to be new, too long ago");
    assert_int_equal(ate__fail(ATE_MALFORMED, "record %d", 7), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "record 7");
    assert_int_equal(ate__context(0, "untouched"), 0);
    assert_string_equal(ate__error_text(), "record 7");
    assert_int_equal(ate__context(ATE_MALFORMED, "file %s", "x"), ATE_MALFORMED);
    assert_int_equal(ate__context(ATE_MALFORMED, "open"), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "open: file x: record 7");
    /* The old sentence as an argument of the new one. */
    assert_int_equal(ate__fail(ATE_END, "again, %s", ate__error_text()), ATE_END);
    assert_string_equal(ate__error_text(), "again, open: file x: record 7");
    ate__error_set(ate__error_text());
    assert_string_equal(ate__error_text(), "again, open: file x: record 7");
    ate__error_set("carried");
    assert_string_equal(ate__error_text(), "carried");
    assert_int_equal(ate__no_memory(), ATE_E_MEMORY);
    assert_string_equal(ate__error_text(), "out of memory");
    /* What was not escaped, and should have been. */
    assert_int_equal(ate__fail(ATE_MALFORMED, "%s", "a\x1b[31mb\nc\x7f \u00e9"), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "a?[31mb?c? \u00e9");
    assert_int_equal(ate__context(ATE_MALFORMED, "\r"), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "?: a?[31mb?c? \u00e9");
}

/* Whatever the length, the sentence is shorter than its room and valid UTF-8. */
static void test_long(void **state)
{
    (void)state;
    char text[3 * ATE__ERROR_SIZE + 1];
    for (size_t size = ATE__ERROR_SIZE - 10; size < ATE__ERROR_SIZE + 10; size++) {
        for (size_t shift = 0; shift < 4; shift++) {
            size_t at = 0;
            for (; at < shift; at++)
                text[at] = 'x';
            for (; at + 4 <= size; at += 4)
                memcpy(text + at, "\xf0\x9f\x90\x8c", 4);
            text[at] = 0;
            assert_int_equal(ate__fail(ATE_TOO_BIG, "%s", text), ATE_TOO_BIG);
            assert_true(ate__utf8_valid(ate__text_bytes(ate__error_text())));
            assert_true(strlen(ate__error_text()) < ATE__ERROR_SIZE);
            assert_true(at >= ATE__ERROR_SIZE || strlen(ate__error_text()) == at);
            assert_int_equal(ate__context(ATE_TOO_BIG, "context"), ATE_TOO_BIG);
            assert_true(ate__utf8_valid(ate__text_bytes(ate__error_text())));
            assert_int_equal(ate__context(ATE_TOO_BIG, "%s", text), ATE_TOO_BIG);
            assert_true(ate__utf8_valid(ate__text_bytes(ate__error_text())));
            ate__error_set(text);
            assert_true(ate__utf8_valid(ate__text_bytes(ate__error_text())));
            assert_int_equal(ate__fail_errno(EIO, "%s", text), ATE_E_IO);
            const char *end = ate__error_text() + strlen(ate__error_text()) - 20;
            assert_string_equal(end, ": Input/output error");
            assert_true(ate__utf8_valid(ate__text_bytes(ate__error_text())));
        }
    }
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(ate__fail(ATE_TOO_BIG, "%s", text), ATE_TOO_BIG);
    assert_int_equal(strlen(ate__error_text()), ATE__ERROR_SIZE - 1);
}

static void test_errno(void **state)
{
    (void)state;
    static const struct {
        int error_number, result;
    } table[] = {
        {EIO, ATE_E_IO},         {ENOSPC, ATE_E_NO_SPACE}, {EDQUOT, ATE_E_NO_SPACE},
        {ENOMEM, ATE_E_MEMORY},  {EACCES, ATE_E_SYSTEM},   {ENOENT, ATE_E_SYSTEM},
        {1000000, ATE_E_SYSTEM}, {0, ATE_E_SYSTEM},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        assert_int_equal(ate__fail_errno(table[i].error_number, "x"), table[i].result);
    assert_int_equal(ate__fail_errno(EIO, "write %s at %d", "/d/f", 4096), ATE_E_IO);
    assert_string_equal(ate__error_text(), "write /d/f at 4096: Input/output error");
}

static void test_results(void **state)
{
    (void)state;
    assert_string_equal(ate__result_name(ATE_CONFLICT), "ATE_CONFLICT");
    assert_string_equal(ate__result_text(ATE_CONFLICT), "someone changed it meanwhile");
    assert_string_equal(ate__result_name(0), "ATE_OK");
    assert_string_equal(ate__result_name(1), "ATE_?");
    assert_string_equal(ate__result_name(-1), "ATE_?");
    assert_non_null(ate__result_text(12345));
    assert_int_equal(ate__result_known(0), 0);
    assert_int_equal(ate__result_known(ATE_E_BUG), ATE_E_BUG);
    assert_int_equal(ate__result_known(ATE_TOO_BIG), ATE_TOO_BIG);
    assert_int_equal(ate__result_known(10), ATE_BAD_PEER);
    assert_int_equal(ate__result_known(-86), ATE_BAD_PEER);
    assert_int_equal(ate__result_known(INT32_MIN), ATE_BAD_PEER);
    int seen[200] = {0};
#define ONCE(name, number, text)                                                                   \
    assert_true((number) != 0 && strlen(text) > 0);                                                \
    assert_int_equal(seen[100 + (number)]++, 0);
    ATE_RESULTS(ONCE)
#undef ONCE
}

static void *other_thread(void *arg)
{
    (void)arg;
    assert_string_equal(ate__error_text(), "");
    (void)ate__fail(ATE_END, "theirs");
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    (void)ate__fail(ATE_END, "mine");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(ate__error_text(), "mine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentence), cmocka_unit_test(test_long),
        cmocka_unit_test(test_errno),    cmocka_unit_test(test_results),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
