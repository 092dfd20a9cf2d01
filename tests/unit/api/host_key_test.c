/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The file of the host key: where it is, made once, by whoever comes first, and refused where
 * others could have it or put another in its place.
 */
#include "api/host_key.h"
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[4096], path[4200];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/a/b", tmpdir_new());
    snprintf(path, sizeof path, "%s/host.key", folder);
    return 0;
}

static int load(struct ate__host_key **ret_key)
{
    return ate__host_key_load(&ate__env_real, path, true, ret_key);
}

static void load_ok(struct ate__key32 *ret_image)
{
    struct ate__host_key *k;
    int rc = load(&k);
    if (rc)
        print_error("%s\n", ate_error());
    assert_int_equal(rc, 0);
    *ret_image = *ate__host_key_image(k);
    ate__host_key_free(k);
}

static void refused(int expected, const char *says)
{
    struct ate__host_key *k;
    assert_int_equal(load(&k), expected);
    assert_non_null(strstr(ate_error(), says));
}

static void write_file(const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void test_made_once(void **state)
{
    (void)state;
    struct ate__key32 first, again;
    struct stat s;
    struct ate__host_key *none;
    assert_int_equal(ate__host_key_load(&ate__env_real, path, false, &none), ATE_NOT_FOUND);
    assert_int_equal(stat(folder, &s), -1);
    load_ok(&first);
    load_ok(&again);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(ate__host_key_load(&ate__env_real, path, false, &none), 0);
    assert_memory_equal(ate__host_key_image(none), &first, sizeof first);
    ate__host_key_free(none);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_size, 32);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(stat(folder, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
}

static void *load_in_thread(void *arg)
{
    load_ok(arg);
    return NULL;
}

static void test_by_several_at_once(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    struct ate__key32 image[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, load_in_thread, &image[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 1; i < THREADS; i++)
        assert_memory_equal(&image[0], &image[i], sizeof image[0]);
}

static void test_of_others(void **state)
{
    (void)state;
    struct ate__key32 first, again;
    load_ok(&first);
    for (int bit = 0; bit < 6; bit++) {
        assert_int_equal(chmod(path, 0600u | 1u << bit), 0);
        refused(ATE_DENIED, "chmod 600 ");
    }
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(folder, 0720), 0);
    refused(ATE_DENIED, "chmod go-w ");
    assert_int_equal(chmod(folder, 0702), 0);
    refused(ATE_DENIED, "chmod go-w ");
    assert_int_equal(chmod(folder, 0755), 0);
    load_ok(&again);
    assert_memory_equal(&first, &again, sizeof first);
}

static void test_of_another_form(void **state)
{
    (void)state;
    static const uint8_t bytes[33];
    struct ate__key32 ignored;
    load_ok(&ignored);
    write_file(bytes, 31);
    refused(ATE_MALFORMED, "32 bytes");
    write_file(bytes, 33);
    refused(ATE_MALFORMED, "32 bytes");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    refused(ATE_E_SYSTEM, "open");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    refused(ATE_E_SYSTEM, "read");
}

static void test_where(void **state)
{
    (void)state;
    char *found;
    setenv("STATE_DIRECTORY", folder, 1);
    assert_int_equal(ate__host_key_path(&found), 0);
    assert_string_equal(found, path);
    free(found);
    unsetenv("STATE_DIRECTORY");
    setenv("XDG_STATE_HOME", folder, 1);
    assert_int_equal(ate__host_key_path(&found), 0);
    if (geteuid()) {
        char expected[4300];
        snprintf(expected, sizeof expected, "%s/ate/host.key", folder);
        assert_string_equal(found, expected);
    } else {
        assert_string_equal(found, "/var/lib/atedb/host.key");
    }
    free(found);
    struct ate__host_key *k;
    assert_int_equal(ate__host_key_load(&ate__env_real, "/nowhere/else", true, &k), ATE_MISUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_made_once, set_up),
        cmocka_unit_test_setup(test_by_several_at_once, set_up),
        cmocka_unit_test_setup(test_of_others, set_up),
        cmocka_unit_test_setup(test_of_another_form, set_up),
        cmocka_unit_test_setup(test_where, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
