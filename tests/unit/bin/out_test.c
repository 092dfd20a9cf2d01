/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/out.h"
#include "base/err.h"
#include "lib/check.h"
#include <stdlib.h>
#include <unistd.h>

/* What stdout and stderr received while `say` ran. */
struct heard {
    char out[4096], err[4096];
};

static void take(FILE *stream, int copy, FILE *file, char *text, size_t size)
{
    fflush(stream);
    dup2(copy, fileno(stream));
    close(copy);
    rewind(file);
    size_t n = fread(text, 1, size - 1, file);
    text[n] = 0;
    fclose(file);
}

static struct heard hear(void (*say)(void))
{
    struct heard h;
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    fflush(stdout);
    int out_copy = dup(STDOUT_FILENO), err_copy = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    ate__out = (struct ate__out){.program = "ate", .command = "get"};
    say();
    take(stdout, out_copy, out, h.out, sizeof h.out);
    take(stderr, err_copy, err, h.err, sizeof h.err);
    return h;
}

static void say_errors(void)
{
    ate__fail(ATE_NO_KEY, "your keys do not open it");
    assert_int_equal(ate__report(ATE_NO_KEY, "notes/a\x1b[2J"), 3);
    ate__fail(ATE_E_IO, "the disk");
    assert_int_equal(ate__report(ATE_E_IO, NULL), 8);
    assert_int_equal(ate__report_usage("too few: %s", "CHAIN"), 2);
    ate__out.command = NULL;
    assert_int_equal(ate__report_usage("what?"), 2);
}

static void test_errors(void **state)
{
    (void)state;
    struct heard h = hear(say_errors);
    assert_string_equal(h.out, "");
    assert_string_equal(h.err, "ate: get: notes/a\\x1b[2J: NO_KEY: your keys do not open it\n"
                               "ate: get: E_IO: the disk\n"
                               "ate: get: MISUSE: too few: CHAIN (ate get --help)\n"
                               "ate: MISUSE: what? (ate --help)\n");
}

static void say_json(void)
{
    ate__out.json = true;
    ate__fail(ATE_TAMPERED, "a hash");
    json_t *more = json_object();
    ate__json_set_number(more, "offset", 12);
    assert_int_equal(ate__report_more(ATE_TAMPERED, "caf\xc3\xa9", more), 6);
    json_t *object = json_object();
    ate__json_set_bytes(object, "name", ate__bytes("a\nb\xe2\x80\xae", 6));
    ate__json_set_bytes(object, "value", ate__bytes("\xff\x00", 2));
    ate__json_set_text(object, "type", NULL);
    ate__json_set_number(object, "n", UINT64_MAX);
    ate__json_set_bool(object, "yes", true);
    ate__print_json(object);
    ate__print_json(NULL);
    ate__json_set_number(NULL, "x", 1); /* memory was short before: nothing happens */
    ate__json_set_bytes(NULL, "x", ate__bytes("a", 1));
}

static void test_json(void **state)
{
    (void)state;
    struct heard h = hear(say_json);
    assert_string_equal(h.err, "");
    assert_string_equal(
        h.out, "{\"error\":\"TAMPERED\",\"exit\":6,\"command\":\"get\",\"subject\":\"caf\\u00E9\","
               "\"text\":\"a hash\",\"offset\":12}\n"
               "{\"name\":\"a\\nb\\u202E\",\"value_bytes\":\"_wA\",\"n\":9223372036854775807,"
               "\"yes\":true}\n"
               "{\"error\":\"E_MEMORY\",\"exit\":8,\"text\":\"out of memory\"}\n");
}

static bool cleared;
static void clear(void)
{
    cleared = true;
}

static void say_notes(void)
{
    ate__note("a %d", 1);
    ate__note_verbose("not said");
    ate__out.verbose = 1;
    ate__out.clear = clear;
    ate__note_verbose("said");
    ate__out.quiet = true;
    ate__note("not said");
    ate__note_verbose("not said");
    ate__print("%s ", "data");
    ate__print_escaped(ate__bytes("\x1b]0;\a\\x\xc3\xa9\n", 10));
}

static void test_notes_and_data(void **state)
{
    (void)state;
    struct heard h = hear(say_notes);
    assert_string_equal(h.err, "a 1\nsaid\n");
    assert_string_equal(h.out, "data \\x1b]0;\\x07\\\\x\xc3\xa9\\x0a");
    assert_true(cleared);
}

static void test_exit_status(void **state)
{
    (void)state;
    assert_int_equal(ate__exit_status(0), 0);
    assert_int_equal(ate__exit_status(ATE_NOT_FOUND), 1);
    assert_int_equal(ate__exit_status(ATE_MISUSE), 2);
    assert_int_equal(ate__exit_status(ATE_DENIED), 3);
    assert_int_equal(ate__exit_status(ATE_CONFLICT), 4);
    assert_int_equal(ate__exit_status(ATE_CANCELED), 5);
    assert_int_equal(ate__exit_status(ATE_BAD_PEER), 6);
    assert_int_equal(ate__exit_status(ATE_TOO_BIG), 7);
    assert_int_equal(ate__exit_status(ATE_E_BUG), 8);
}

static void test_color(void **state)
{
    (void)state;
    ate__out = (struct ate__out){.program = "ate", .terminal = true};
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    assert_int_equal(ate__out_color("auto"), 0);
    assert_true(ate__out.color);
    setenv("NO_COLOR", "1", 1);
    assert_int_equal(ate__out_color("auto"), 0);
    assert_false(ate__out.color);
    assert_int_equal(ate__out_color("always"), 0);
    assert_true(ate__out.color);
    assert_int_equal(ate__out_color("never"), 0);
    assert_false(ate__out.color);
    assert_int_equal(ate__out_color("sometimes"), ATE_MISUSE);
    ate__out.terminal = false;
    assert_int_equal(ate__out_color("auto"), 0);
    assert_false(ate__out.color);
}

static void say_to_a_full_disk(void)
{
    int full = dup(STDOUT_FILENO);
    assert_non_null(freopen("/dev/full", "w", stdout));
    ate__print("data");
    assert_int_equal(ate__out_end(0), 8);
    clearerr(stdout);
    dup2(full, STDOUT_FILENO);
    close(full);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct heard h = hear(say_to_a_full_disk);
    assert_non_null(strstr(h.err, "E_NO_SPACE: stdout"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),         cmocka_unit_test(test_json),
        cmocka_unit_test(test_notes_and_data), cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_color),          cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
