/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/memory.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <dirent.h>

static const struct ate_hash chain = {{1}}, other = {{2}}, root = {{3}}, newer = {{4}};

static void remembers_the_newest_head(void **state)
{
    (void)state;
    struct ate__memory m;
    const char *dir = tmpdir_new();
    assert_int_equal(ate__memory_open(&m, dir, "/a/\x1b[2Jplace"), 0);
    assert_false(m.known);
    assert_int_equal(ate__memory_check_chain(&m, &chain), 0);
    ate__memory_advance(&m, &chain, 5, &root);
    ate__memory_advance(&m, &chain, 9, &newer);
    ate__memory_advance(&m, &chain, 7, &root); /* older: nothing to remember */
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "/a/\x1b[2Jplace"), 0);
    assert_true(m.known);
    assert_int_equal(m.size, 9);
    assert_memory_equal(&m.root, &newer, sizeof newer);
    assert_int_equal(ate__memory_check_chain(&m, &chain), 0);
    assert_int_equal(ate__memory_check_chain(&m, &other), ATE_WRONG_CHAIN);
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "/b"), 0); /* another place */
    assert_false(m.known);
    ate__memory_close(&m);
}

static void a_new_chain_takes_the_place(void **state)
{
    (void)state;
    struct ate__memory m;
    const char *dir = tmpdir_new();
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_advance(&m, &chain, 5, &root);
    ate__memory_forget(&m);
    ate__memory_advance(&m, &other, 1, &newer);
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_int_equal(ate__memory_check_chain(&m, &other), 0);
    assert_int_equal(m.size, 1);
    ate__memory_close(&m);
}

/* When it was, and whose keys were in force; the time never falls but with the head. */
static void remembers_when_and_whose_keys(void **state)
{
    (void)state;
    static const struct ate_hash keys[] = {{{7}}, {{8}}};
    struct ate__memory m;
    const char *dir = tmpdir_new();
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.time_us == UINT64_MAX && m.key_count == 0);
    ate__memory_advance(&m, &chain, 5, &root);
    ate__memory_note(&m, 1000, keys, 2);
    ate__memory_note(&m, 900, keys, 2);
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.known && m.time_us == 1000 && m.key_count == 2);
    assert_memory_equal(m.keys, keys, sizeof keys);
    ate__memory_advance(&m, &chain, 6, &newer);
    ate__memory_note(&m, 1100, NULL, 0); /* by who cannot know */
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.size == 6 && m.time_us == 1100 && m.key_count == 0);
    ate__memory_forget(&m);
    ate__memory_advance(&m, &chain, 3, &root);
    ate__memory_note(&m, 800, keys, 1);
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.size == 3 && m.time_us == 800 && m.key_count == 1);
    ate__memory_close(&m);
}

/* Until another chain takes the place. */
static void remembers_the_reset_that_was_followed(void **state)
{
    (void)state;
    struct ate__memory m;
    const char *dir = tmpdir_new();
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_advance(&m, &chain, 5, &root);
    m.reset_us = 1234;
    ate__memory_close(&m);
    for (uint64_t size = 6; size < 8; size++) {
        assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
        assert_true(m.known && m.reset_us == 1234);
        ate__memory_advance(&m, &chain, size, &newer);
        ate__memory_close(&m);
    }
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_forget(&m);
    ate__memory_advance(&m, &other, 1, &root);
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.known && !m.reset_us);
    ate__memory_close(&m);
}

/* What an earlier form lacks is not known, and is added at the next occasion. */
static void reads_the_first_form(void **state)
{
    (void)state;
    struct ate__memory m;
    const char *dir = tmpdir_new();
    char file[4096], text[ATE__HASH_TEXT];
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_advance(&m, &chain, 5, &root);
    snprintf(file, sizeof file, "%s", m.file);
    ate__memory_close(&m);
    FILE *f = fopen(file, "w");
    fprintf(f, "ate-head 1\nplace p\nchain %s\n", ate__hash_text(&chain, text));
    fprintf(f, "size 5\nroot %s\n", ate__hash_text(&root, text));
    fclose(f);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.known && m.size == 5 && m.time_us == UINT64_MAX && m.key_count == 0);
    ate__memory_note(&m, 700, NULL, 0);
    ate__memory_close(&m);
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    assert_true(m.size == 5 && m.time_us == 700);
    ate__memory_close(&m);
}

/* So that a program that dies has it remembered; once, for each costs a sync. */
static void keeps_the_first_head_before_the_close(void **state)
{
    (void)state;
    struct ate__memory m, again;
    const char *dir = tmpdir_new();
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_keep(&m); /* nothing is known */
    assert_int_equal(ate__memory_open(&again, dir, "p"), 0);
    assert_false(again.known);
    ate__memory_close(&again);
    for (uint64_t size = 5; size < 7; size++) {
        ate__memory_advance(&m, &chain, size, &root);
        ate__memory_keep(&m);
        assert_int_equal(ate__memory_open(&again, dir, "p"), 0);
        assert_true(again.known);
        assert_int_equal(again.size, 5);
        ate__memory_close(&again);
    }
    ate__memory_forget(&m);
    ate__memory_advance(&m, &other, 1, &newer);
    ate__memory_keep(&m);
    assert_int_equal(ate__memory_open(&again, dir, "p"), 0);
    assert_int_equal(ate__memory_check_chain(&again, &other), 0);
    ate__memory_close(&again);
    ate__memory_close(&m);
}

/* A size in any form but its own is none. */
static void sizes_have_one_form(void **state)
{
    (void)state;
    static const char *const sizes[] = {"-5", "+5", " 5",  "05",
                                        "5 ", "",   "0x5", "18446744073709551616"};
    struct ate__memory m;
    const char *dir = tmpdir_new();
    char path[4096], text[1024], file[2048];
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_advance(&m, &chain, 5, &root);
    snprintf(path, sizeof path, "%s", m.file);
    ate__memory_close(&m);
    FILE *f = fopen(path, "r");
    size_t size = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[size] = 0;
    const char *at = strstr(text, "size 5\n");
    assert_non_null(at);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(file, sizeof file, "%.*ssize %s%s", (int)(at - text), text, sizes[i], at + 6);
        f = fopen(path, "w");
        fputs(file, f);
        fclose(f);
        assert_int_equal(ate__memory_open(&m, dir, "p"), ATE_MALFORMED);
        ate__memory_close(&m);
    }
}

/* Whatever stands in the file: it is read, or refused, and never taken for "nothing is remembered".
 */
static void refuses_a_damaged_file(void **state)
{
    (void)state;
    struct ate__memory m;
    const char *dir = tmpdir_new();
    char heads[4096], path[8192];
    assert_int_equal(ate__memory_open(&m, dir, "p"), 0);
    ate__memory_advance(&m, &chain, 5, &root);
    ate__memory_close(&m);
    snprintf(heads, sizeof heads, "%s/heads", dir);
    DIR *d = opendir(heads);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            snprintf(path, sizeof path, "%s/%s", heads, e->d_name);
    closedir(d);
    FILE *f = fopen(path, "r");
    char text[1024];
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    for (size_t cut = 0; cut < size; cut++) {
        f = fopen(path, "w");
        fwrite(text, 1, cut, f);
        fclose(f);
        assert_int_equal(ate__memory_open(&m, dir, "p"), ATE_MALFORMED);
        ate__memory_close(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_the_newest_head),
        cmocka_unit_test(remembers_when_and_whose_keys),
        cmocka_unit_test(remembers_the_reset_that_was_followed),
        cmocka_unit_test(reads_the_first_form),
        cmocka_unit_test(a_new_chain_takes_the_place),
        cmocka_unit_test(keeps_the_first_head_before_the_close),
        cmocka_unit_test(sizes_have_one_form),
        cmocka_unit_test(refuses_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
