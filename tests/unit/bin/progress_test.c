/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/progress.h"
#include "base/err.h"
#include "bin/common/out.h"
#include "lib/check.h"
#include <unistd.h>

/* The first second shows nothing, so no test here is slow; what it looks like is seen on a terminal
 * (tests/cli). */
static void test_when(void **state)
{
    (void)state;
    ate__out = (struct ate__out){.program = "ate", .note_terminal = true};
    assert_int_equal(ate__progress_mode("auto"), 0);
    assert_false(ate__progress_due());
    ate__out.note_terminal = false;
    assert_false(ate__progress_due());
    assert_int_equal(ate__progress_mode("always"), 0);
    assert_false(ate__progress_due());
    ate__progress_end();
    assert_int_equal(ate__progress_mode("never"), 0);
    assert_false(ate__progress_due());
    assert_int_equal(ate__progress_mode("often"), ATE_MISUSE);
    assert_string_equal(ate__error_text(), "--progress: auto, always or never");
}

static const char *shown_by(bool terminal)
{
    static char text[2048];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int copy = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    ate__out = (struct ate__out){.program = "ate", .note_terminal = terminal};
    assert_int_equal(ate__progress_mode("always"), 0);
    (void)ate__progress_due();
    ate__progress_line("%d of %d, %0200d", 1, 2, 3);
    ate__progress_end();
    ate__progress_end();
    fflush(stderr);
    dup2(copy, STDERR_FILENO);
    close(copy);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void test_line(void **state)
{
    (void)state;
    /* One line of 80 columns at most, taken away at the end; plain and whole elsewhere. */
    const char *text = shown_by(true);
    assert_int_equal(strncmp(text, "\r1 of 2, 000", 12), 0);
    assert_int_equal(strlen(text), 1 + 79 + 3 + 4);
    assert_string_equal(text + 1 + 79, "\x1b[K\r\x1b[K");
    text = shown_by(false);
    assert_int_equal(strlen(text), 8 + 200 + 1);
    assert_null(strchr(text, '\x1b'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
