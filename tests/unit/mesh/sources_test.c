/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/sources.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include "base/err.h"
#include "base/text.h"
#include <sys/stat.h>

static const struct ate__env *const env = &ate__env_real;
static const struct ate__sources_limits limits = {3, 2, 1000};

static void check_source(const char *peer, const char *hex)
{
    struct ate__source source = ate__source_of(peer);
    char text[33];
    ate__hex_encode(ate__bytes(source.b, sizeof source.b), text);
    assert_string_equal(text, hex);
}

static void test_source_of(void **state)
{
    (void)state;
    check_source("127.0.0.1:5000", "00000000000000000000ffff7f000001");
    check_source("[2001:db8:1:2:3:4:5:6]:80", "20010db8000100020000000000000000");
    check_source("[::1]:80", "00000000000000000000000000000000");
    check_source("[::ffff:1.2.3.4]:80", "00000000000000000000ffff01020304");
    check_source("memory", "00000000000000000000000000000000");
    check_source("", "00000000000000000000000000000000");
    check_source("[", "00000000000000000000000000000000");
    check_source("[]:1", "00000000000000000000000000000000");
    check_source(":1", "00000000000000000000000000000000");
}

static void test_limits(void **state)
{
    (void)state;
    struct ate__sources s;
    struct ate__source a = {{1}}, b = {{2}}, c = {{3}}, d = {{4}};
    ate__sources_init(&s, env, &limits);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_create(&s, &a), ATE_BUSY);
    assert_non_null(strstr(ate__error_text(), "create-chains"));
    ate__sources_uncreate(&s, &a);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_check(&s, &a, 1000), 0);
    assert_int_equal(ate__sources_check(&s, &a, 1001), ATE_BUSY);
    ate__sources_store(&s, &a, 600);
    assert_int_equal(ate__sources_check(&s, &a, 400), 0);
    assert_int_equal(ate__sources_check(&s, &a, 401), ATE_BUSY);
    assert_non_null(strstr(ate__error_text(), "create-bytes"));
    assert_int_equal(ate__sources_check(&s, &a, UINT64_MAX), ATE_BUSY);
    ate__sources_store(&s, &a, 600); /* what was under way when the limit was met */
    assert_int_equal(ate__sources_check(&s, &a, 1), ATE_BUSY);
    assert_int_equal(ate__sources_check(&s, &b, 1000), 0);
    ate__sources_uncreate(&s, &b);
    ate__sources_store(&s, &b, 1);
    assert_int_equal(ate__sources_create(&s, &c), 0);
    assert_int_equal(ate__sources_create(&s, &d), ATE_BUSY);
    assert_non_null(strstr(ate__error_text(), "create-sources"));
    ate__sources_deinit(&s);
}

static void test_kept(void **state)
{
    (void)state;
    const char *root = tmpdir_new();
    struct ate__home h;
    struct ate__sources s;
    struct ate__source a = {{1}}, b = {{2}};
    assert_int_equal(ate__home_open(env, root, true, &h), 0);
    ate__sources_init(&s, env, &limits);
    assert_int_equal(ate__sources_load(&s, &h), 0); /* never saved */
    assert_int_equal(ate__sources_save(&s, &h), 0); /* nothing to save */
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    ate__sources_store(&s, &b, 999);
    assert_int_equal(ate__sources_save(&s, &h), 0);
    ate__sources_deinit(&s);
    ate__sources_init(&s, env, &limits);
    assert_int_equal(ate__sources_load(&s, &h), 0);
    assert_int_equal(ate__sources_create(&s, &a), ATE_BUSY);
    assert_int_equal(ate__sources_check(&s, &b, 1), 0);
    assert_int_equal(ate__sources_check(&s, &b, 2), ATE_BUSY);
    ate__sources_deinit(&s);
    ate__home_close(&h);
}

/* What was taken back is saved, too, though nothing else has changed. */
static void test_uncreate_kept(void **state)
{
    (void)state;
    struct ate__home h;
    struct ate__sources s;
    struct ate__source a = {{1}};
    assert_int_equal(ate__home_open(env, tmpdir_new(), true, &h), 0);
    ate__sources_init(&s, env, &limits);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_save(&s, &h), 0);
    ate__sources_uncreate(&s, &a);
    assert_int_equal(ate__sources_save(&s, &h), 0);
    ate__sources_deinit(&s);
    ate__sources_init(&s, env, &limits);
    assert_int_equal(ate__sources_load(&s, &h), 0);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_create(&s, &a), ATE_BUSY);
    ate__sources_deinit(&s);
    ate__home_close(&h);
}

static unsigned mode_of(const char *root)
{
    struct stat st;
    char path[1024];
    snprintf(path, sizeof path, "%s/,server/sources", root);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

/* Who was here is the server's affair alone; a file of an older version is mended at the start. */
static void test_private(void **state)
{
    (void)state;
    static const char text[] = "ate-sources 1\n00000000000000000000ffff7f000001 1 2\n";
    const char *root = tmpdir_new();
    struct ate__home h;
    struct ate__sources s;
    struct ate__source a = {{1}};
    struct ate__buf read = ATE__BUF_NULL;
    assert_int_equal(ate__home_open(env, root, true, &h), 0);
    ate__sources_init(&s, env, &limits);
    assert_int_equal(ate__sources_create(&s, &a), 0);
    assert_int_equal(ate__sources_save(&s, &h), 0);
    assert_int_equal(mode_of(root), 0600);
    assert_int_equal(ate__home_write(&h, "sources", ate__text_bytes(text), false), 0);
    assert_int_equal(mode_of(root), 0644);
    assert_int_equal(ate__sources_mend(&s, &h), 0);
    assert_int_equal(mode_of(root), 0600);
    assert_int_equal(ate__home_read(&h, "sources", 1000, &read), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&read), ate__text_bytes(text)));
    ate__buf_deinit(&read);
    ate__sources_deinit(&s);
    ate__home_close(&h);
}

static int load(const char *text, size_t size)
{
    struct ate__home h;
    struct ate__sources s;
    assert_int_equal(ate__home_open(env, tmpdir_new(), true, &h), 0);
    assert_int_equal(ate__home_write(&h, "sources", ate__bytes(text, size), false), 0);
    ate__sources_init(&s, env, &limits);
    int rc = ate__sources_load(&s, &h);
    ate__sources_deinit(&s);
    ate__home_close(&h);
    return rc;
}

#define FIRST "ate-sources 1\n"
#define WHO "00000000000000000000ffff7f000001"

static void test_hostile(void **state)
{
    (void)state;
    static const char *const good[] = {
        FIRST,
        FIRST WHO " 0 0\n",
        FIRST WHO " 4294967295 18446744073709551615\n",
        FIRST WHO " 1 2\n01000000000000000000ffff7f000001 3 4\n",
    };
    static const char *const bad[] = {
        "",
        "ate-sources 2\n",
        FIRST "\n",
        FIRST WHO "\n",
        FIRST WHO " 1\n",
        FIRST WHO " 1 2",
        FIRST WHO " 1 2 \n",
        FIRST WHO " 1  2\n",
        FIRST WHO " 01 2\n",
        FIRST WHO " 1 -2\n",
        FIRST WHO " 4294967296 0\n",
        FIRST WHO " 0 18446744073709551616\n",
        FIRST WHO " 0 99999999999999999999\n",
        FIRST "0000000000000000000FFFF7F0000010 1 2\n",
        FIRST "0 1 2\n",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        assert_int_equal(load(good[i], strlen(good[i])), 0);
        for (size_t size = sizeof FIRST; size < strlen(good[i]); size++)
            if (good[i][size - 1] != '\n')
                assert_int_equal(load(good[i], size), ATE_MALFORMED);
    }
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(load(bad[i], strlen(bad[i])), ATE_MALFORMED);
    char many[4096] = FIRST;
    for (unsigned i = 0; i < 4; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%032x 1 1\n", i);
    assert_int_equal(load(many, strlen(many)), ATE_BUSY);
    memset(many, 'x', sizeof many);
    assert_int_equal(load(many, sizeof many), ATE_TOO_BIG);
}

static int save_and_load(void *arg)
{
    struct ate__home h;
    struct ate__sources s;
    struct ate__source a = {{1}};
    int rc = ate__home_open(env, arg, true, &h);
    if (rc)
        return rc;
    ate__sources_init(&s, env, &limits);
    rc = ate__sources_create(&s, &a);
    if (!rc)
        rc = ate__sources_save(&s, &h);
    ate__sources_deinit(&s);
    ate__sources_init(&s, env, &limits);
    if (!rc)
        rc = ate__sources_load(&s, &h);
    ate__sources_deinit(&s);
    ate__home_close(&h);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s", tmpdir_new());
    assert_true(heap_sweep(save_and_load, path, false) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_of), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_kept),      cmocka_unit_test(test_uncreate_kept),
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
