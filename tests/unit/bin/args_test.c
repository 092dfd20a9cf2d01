/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/args.h"
#include "base/err.h"
#include "lib/check.h"

enum { KEY = 1, LONG, TREE, COUNT };
static const struct ate__option options[] = {
    {"key", 'k', KEY, "FILE"}, {"long", 'l', LONG, NULL},   {"tree", 'R', TREE, NULL},
    {"count", 0, COUNT, "N"},  {"number", 'n', COUNT, "N"}, {0},
};

/* Reads the words and writes what came of them: "key=a long operand=b". */
static const char *read_words(char **words)
{
    static char text[512];
    struct ate__args a;
    const char *value;
    size_t at = 0;
    int id;
    text[0] = 0;
    ate__args_init(&a, words, options);
    while ((id = ate__args_next(&a, &value)) != ATE__ARG_END) {
        const char *name = id == ATE__ARG_OPERAND ? "operand"
                           : id == KEY            ? "key"
                           : id == LONG           ? "long"
                           : id == TREE           ? "tree"
                           : id == COUNT          ? "count"
                                                  : "bad";
        if (id == ATE__ARG_BAD)
            value = ate__error_text();
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s%s%s", at ? " " : "", name,
                               value ? "=" : "", value ? value : "");
        if (id == ATE__ARG_BAD)
            break;
    }
    return text;
}
#define READ(...) read_words((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_forms(void **state)
{
    (void)state;
    assert_string_equal(READ(), "");
    assert_string_equal(READ("a", "b"), "operand=a operand=b");
    assert_string_equal(READ("--key", "f", "a"), "key=f operand=a");
    assert_string_equal(READ("--key=f", "-kg", "-k", "h"), "key=f key=g key=h");
    assert_string_equal(READ("--key="), "key=");
    assert_string_equal(READ("-lR", "-lkx"), "long tree long key=x");
    assert_string_equal(READ("-lk", "x"), "long key=x");
    assert_string_equal(READ("a", "--long", "b"), "operand=a long operand=b");
    assert_string_equal(READ("-n", "3", "--count", "4"), "count=3 count=4");
}

static void test_operands_that_look_otherwise(void **state)
{
    (void)state;
    assert_string_equal(READ("-", ""), "operand=- operand=");
    assert_string_equal(READ("-l", "--", "-R", "--", "--key"),
                        "long operand=-R operand=-- operand=--key");
    assert_string_equal(READ("--key", "--", "a"), "key=-- operand=a");
    assert_string_equal(READ("--key", "-"), "key=-");
}

static void test_refused(void **state)
{
    (void)state;
    assert_string_equal(READ("--nothing"), "bad=--nothing: no such option; --help lists them");
    assert_string_equal(READ("--lnog"), "bad=--lnog: no such option; did you mean --long?");
    assert_string_equal(READ("--numb"), "bad=--numb: no such option; did you mean --number?");
    assert_string_equal(READ("--long=x"), "bad=--long: this option takes no value");
    assert_string_equal(READ("a", "--key"), "operand=a bad=--key: the value is missing");
    assert_string_equal(READ("-k"), "bad=-k: the value is missing");
    assert_string_equal(READ("-lx"), "long bad=-x: no such option; --help lists them; \"--\" goes "
                                     "before operands that begin with -");
    assert_string_equal(READ("--\x1b[2J"), "bad=--\\x1b[2J: no such option; --help lists them");
    char long_word[4096] = "--";
    memset(long_word + 2, 'x', sizeof long_word - 3);
    assert_non_null(strstr(READ(long_word), "no such option"));
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"import", "export", "get", "put", "ls", NULL};
    assert_string_equal(ate__args_nearest("imprt", words), "import");
    assert_string_equal(ate__args_nearest("expotr", words), "export");
    assert_string_equal(ate__args_nearest("exp", words), "export");
    assert_null(ate__args_nearest("prove", words));
    assert_null(ate__args_nearest("x", words));
    assert_null(ate__args_nearest("", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_operands_that_look_otherwise),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
