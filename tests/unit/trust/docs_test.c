/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * docs/format/trust.md against the vectors: each of its tables of worked bytes is the record of
 * that name, row by row. That the vectors are what the code makes is seen in data_key_test.c,
 * body_test.c and name_test.c.
 */
#include "vectors.h"

static char *page, *vectors;

static int begin(void **state)
{
    (void)state;
    page = source_file("docs/format/trust.md");
    vectors = source_file("tests/vectors/trust/seal.txt");
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(page);
    free(vectors);
    return 0;
}

/* A row "| key | `value` |"; an empty value stands without marks. */
static void compare_row(const char *name, const char *row)
{
    char key[64], value[2048];
    size_t size;
    int fields = sscanf(row, "| %63[^|] | `%2047[0-9a-f]` |", key, value);
    if (fields < 2)
        value[0] = 0;
    assert_true(fields >= 1);
    for (size_t last = strlen(key); last && key[last - 1] == ' '; last--)
        key[last - 1] = 0;
    const char *expected = vector_text(vectors, name, key, &size);
    if (size != strlen(value) || memcmp(expected, value, size))
        fail_msg("%s: %s is not what the vectors say", name, key);
}

static void worked_bytes(void **state)
{
    (void)state;
    static const char head[] = " | |\n|---|---|\n";
    unsigned tables = 0, rows = 0;
    for (const char *at = page; (at = strstr(at, head)); tables++) {
        const char *line = at;
        while (line[-1] != '\n')
            line--;
        char name[64];
        assert_int_equal(sscanf(line, "| %63[^|]", name), 1);
        name[strlen(name) - 1] = 0; /* the blank before the bar */
        for (at += strlen(head); *at == '|'; at = strchr(at, '\n') + 1, rows++)
            compare_row(name, at);
    }
    assert_int_equal(tables, 8);
    assert_true(rows > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_bytes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
