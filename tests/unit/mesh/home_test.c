/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/home.h"
#include "crypto/keyfile.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"
#include "lib/tmpdir.h"
#include "base/err.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ate__env *const env = &ate__env_real;

static char *path_in(const char *folder, const char *name)
{
    static char paths[8][1024];
    static unsigned next;
    char *path = paths[next++ % 8];
    assert_true(snprintf(path, sizeof paths[0], "%s/%s", folder, name) < 1024);
    return path;
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

static void test_open(void **state)
{
    (void)state;
    const char *root = tmpdir_new();
    struct ate__home h, second, other;
    assert_int_equal(ate__home_open(env, path_in(root, "a/b//c/"), true, &h), 0);
    assert_int_equal(access(path_in(root, "a/b/c/,server/lock"), F_OK), 0);
    assert_int_equal(ate__home_open(env, path_in(root, "a/b/c"), true, &second), ATE_IN_USE);
    assert_int_equal(ate__home_open(env, path_in(root, "a/b/c"), false, &second), 0);
    assert_int_equal(ate__home_open(env, path_in(root, "a/b"), true, &other), 0);
    ate__home_close(&other);
    ate__home_close(&second);
    ate__home_close(&h);
    assert_int_equal(ate__home_open(env, path_in(root, "a/b/c"), true, &h), 0);
    ate__home_close(&h);
    ate__home_close(&h);
    assert_int_equal(ate__home_open(env, "", true, &h), ATE_E_SYSTEM);
    /* A file in the way. */
    assert_int_equal(fclose(fopen(path_in(root, "file"), "w")), 0);
    assert_true(ate__home_open(env, path_in(root, "file/x"), true, &h) < 0);
}

static void test_key(void **state)
{
    (void)state;
    const char *root = tmpdir_new();
    struct ate__home h;
    struct ate__tls_server_key *key;
    struct stat st;
    assert_int_equal(ate__home_open(env, root, false, &h), 0);
    assert_int_equal(ate__home_key(&h, &key), ATE_NOT_FOUND); /* made under the lock alone */
    ate__home_close(&h);
    assert_int_equal(ate__home_open(env, root, true, &h), 0);
    assert_int_equal(fclose(fopen(path_in(root, ",server/key.new"), "w")), 0); /* cut short */
    assert_int_equal(ate__home_key(&h, &key), 0);
    struct ate_hash pin = ate__tls_server_key_pin(key), again;
    ate__tls_server_key_free(key);
    assert_int_equal(stat(path_in(root, ",server/key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(path_in(root, ",server/key.new"), F_OK), -1);
    assert_int_equal(ate__home_key(&h, &key), 0);
    again = ate__tls_server_key_pin(key);
    ate__tls_server_key_free(key);
    assert_memory_equal(&pin, &again, sizeof pin);
    /* One that anybody else could get at is not taken. */
    for (mode_t other = 1; other < 0100; other <<= 1) {
        assert_int_equal(chmod(path_in(root, ",server/key"), 0600 | other), 0);
        assert_int_equal(ate__home_key(&h, &key), ATE_DENIED);
    }
    assert_int_equal(chmod(path_in(root, ",server/key"), 0600), 0);
    /* What is no key is never replaced. */
    FILE *f = fopen(path_in(root, ",server/key"), "w");
    fputs("hello\n", f);
    fclose(f);
    assert_int_equal(ate__home_key(&h, &key), ATE_MALFORMED);
    assert_non_null(strstr(ate__error_text(), ",server/key"));
    f = fopen(path_in(root, ",server/key"), "w");
    for (unsigned i = 0; i < ATE__TLS_KEY_FILE_MAX + 1; i++)
        putc('x', f);
    fclose(f);
    assert_int_equal(ate__home_key(&h, &key), ATE_TOO_BIG);
    ate__home_close(&h);
}

static struct ate_hash print_of(const struct ate__log_key *k)
{
    struct ate_hash fingerprint;
    assert_int_equal(ate__fingerprint(ate__log_key_public(k), &fingerprint), 0);
    return fingerprint;
}

static void test_log_key(void **state)
{
    (void)state;
    const char *root = tmpdir_new();
    struct ate__home h;
    struct ate__log_key *key;
    struct stat st;
    assert_int_equal(ate__home_open(env, root, false, &h), 0);
    assert_int_equal(ate__home_log_key(&h, env, &key), ATE_NOT_FOUND);
    ate__home_close(&h);
    assert_int_equal(ate__home_open(env, root, true, &h), 0);
    assert_int_equal(ate__home_log_key(&h, env, &key), 0);
    struct ate_hash made = print_of(key), again;
    ate__log_key_free(key);
    assert_int_equal(stat(path_in(root, ",server/log-key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ate__home_log_key(&h, env, &key), 0);
    again = print_of(key);
    ate__log_key_free(key);
    assert_memory_equal(&made, &again, sizeof made);
    for (mode_t other = 1; other < 0100; other <<= 1) {
        assert_int_equal(chmod(path_in(root, ",server/log-key"), 0600 | other), 0);
        assert_int_equal(ate__home_log_key(&h, env, &key), ATE_DENIED);
        assert_non_null(strstr(ate__error_text(), ",server/log-key"));
    }
    assert_int_equal(chmod(path_in(root, ",server/log-key"), 0600), 0);
    /* What is no key is never replaced. */
    FILE *f = fopen(path_in(root, ",server/log-key"), "w");
    fputs("hello\n", f);
    fclose(f);
    assert_int_equal(ate__home_log_key(&h, env, &key), ATE_MALFORMED);
    f = fopen(path_in(root, ",server/log-key"), "w");
    for (unsigned i = 0; i < ATE__KEY_FILE_MAX + 1; i++)
        putc('x', f);
    fclose(f);
    assert_int_equal(ate__home_log_key(&h, env, &key), ATE_TOO_BIG);
    ate__home_close(&h);
}

static void test_chains(void **state)
{
    (void)state;
    const char *root = tmpdir_new();
    struct ate__home h;
    struct ate__dir *dir;
    size_t count = 99;
    assert_int_equal(ate__home_open(env, root, true, &h), 0);
    assert_int_equal(ate__home_count(&h, 10, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(ate__home_dir(&h, "/a/b/c", false, &dir), ATE_NOT_FOUND);
    assert_int_equal(access(path_in(root, "a"), F_OK), -1);
    assert_int_equal(ate__home_dir(&h, "/a/b/c", true, &dir), 0);
    h.vfs->close_dir(dir);
    make_folder(path_in(root, "a/b/c/,chain"));
    make_folder(path_in(root, "a/,chain"));
    make_folder(path_in(root, "x"));
    make_folder(path_in(root, "x/,chain"));
    assert_int_equal(ate__home_count(&h, 10, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(ate__home_count(&h, 2, &count), 0);
    assert_int_equal(count, 2); /* it stops there */
    assert_int_equal(ate__home_dir(&h, "/a/b/c", false, &dir), 0);
    h.vfs->close_dir(dir);
    /* No link is followed, at any depth, nor counted. */
    assert_int_equal(symlink(path_in(root, "a"), path_in(root, "link")), 0);
    assert_int_equal(symlink("/", path_in(root, "a/b/up")), 0);
    assert_true(ate__home_dir(&h, "/link/b/c", false, &dir) < 0);
    assert_true(ate__home_dir(&h, "/link/new", true, &dir) < 0);
    assert_true(ate__home_dir(&h, "/a/b/up/tmp", true, &dir) < 0);
    assert_int_equal(access(path_in(root, "a/new"), F_OK), -1);
    assert_int_equal(ate__home_count(&h, 10, &count), 0);
    assert_int_equal(count, 3);
    ate__home_close(&h);
}

/* Power is lost at any moment while the key is made: afterwards there is none, or a whole one. */
static void test_power_loss(void **state)
{
    (void)state;
    for (uint64_t stop = 0; stop < 40; stop++) {
        struct simdisk *d = simdisk_new(stop), *after;
        struct simenv e;
        struct ate__home h;
        struct ate__tls_server_key *key;
        struct ate_hash pin = {{0}}, again;
        bool made = false;
        simenv_init(&e, stop, simdisk_vfs(d));
        simdisk_stop(d, stop);
        if (!ate__home_open(&e.env, "/logs", true, &h)) {
            if (!ate__home_key(&h, &key)) {
                made = true;
                pin = ate__tls_server_key_pin(key);
                ate__tls_server_key_free(key);
            }
            ate__home_close(&h);
        }
        simenv_deinit(&e);
        after = simdisk_crash(d, stop + 1);
        simdisk_free(d);
        simenv_init(&e, stop, simdisk_vfs(after));
        assert_int_equal(ate__home_open(&e.env, "/logs", true, &h), 0);
        assert_int_equal(ate__home_key(&h, &key), 0);
        again = ate__tls_server_key_pin(key);
        if (made)
            assert_memory_equal(&pin, &again, sizeof pin);
        ate__tls_server_key_free(key);
        ate__home_close(&h);
        simdisk_free(after);
        simenv_deinit(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),       cmocka_unit_test(test_key),
        cmocka_unit_test(test_log_key),    cmocka_unit_test(test_chains),
        cmocka_unit_test(test_power_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
