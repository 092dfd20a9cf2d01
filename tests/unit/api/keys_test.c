/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keys_test.c: key files through the public functions: passwords that are asked for, halves.
 */
#include "ate/ate.h"
#include "api/keys.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *dir;

static const char *path_of(const char *name)
{
    static char path[4][4096];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", dir, name);
    return to;
}

static int set_up(void **state)
{
    (void)state;
    dir = tmpdir_new();
    return 0;
}

struct answers {
    const char *const *text; /* one for each question; NULL: gives up */
    unsigned asked;
};

static size_t answer(void *arg, const char *key_file, unsigned attempt, char *ret_password,
                     size_t capacity)
{
    struct answers *a = arg;
    const char *text = a->text[attempt];
    assert_non_null(strstr(key_file, dir));
    assert_int_equal(attempt, a->asked);
    a->asked++;
    if (!text)
        return 0;
    assert_true(strlen(text) <= capacity);
    memcpy(ret_password, text, strlen(text));
    return strlen(text);
}

static struct ate_password one(const char *text, struct answers *a)
{
    static const char *kept[8][1];
    static unsigned next;
    const char **slot = kept[next++ % 8];
    slot[0] = text;
    *a = (struct answers){slot, 0};
    return (struct ate_password){answer, a};
}

static void a_password_is_asked_for(void **state)
{
    (void)state;
    static const char *const late[] = {"wrong", "wrong again", "tea pot"},
                             *const never[] = {"a", "b", "c", "tea pot"},
                             *const gives_up[] = {"a", NULL};
    const char *file = path_of("sealed");
    struct answers a, b = {late, 0};
    struct ate_hash made;
    struct ate_password password = one("tea pot", &a);
    struct ate_key_conf conf = {.label = "l", .password = &password};
    struct ate_session *s = NULL;
    assert_int_equal(ate_key_make(file, &conf, &made), 0);
    assert_int_equal(a.asked, 1);
    a.asked = 0;
    assert_int_equal(ate_key_make(file, &conf, &made), ATE_EXISTS);
    assert_int_equal(a.asked, 0);

    struct ate_key_info info;
    assert_int_equal(ate_key_show(file, &info), 0); /* without it */
    assert_true(info.is_sealed && info.is_private && info.half == ATE_WHOLE);
    assert_string_equal(info.label, "l");
    assert_memory_equal(&info.fingerprint, &made, sizeof made);

    assert_int_equal(ate_session_open(file, 0, &s), ATE_NO_KEY);
    assert_non_null(strstr(ate_error(), "sealed with a password"));
    password = (struct ate_password){answer, &b};
    assert_int_equal(ate_session_open_sealed(&file, 1, &password, &s), 0);
    assert_int_equal(b.asked, 3);
    struct ate_hash fingerprint = ate_session_fingerprint(s);
    assert_memory_equal(&fingerprint, &made, sizeof made);
    ate_session_close(s);
    b = (struct answers){never, 0};
    s = NULL;
    assert_int_equal(ate_session_open_sealed(&file, 1, &password, &s), ATE_NO_KEY);
    assert_int_equal(b.asked, ATE__PASSWORD_ATTEMPTS_MAX);
    b = (struct answers){gives_up, 0};
    assert_int_equal(ate_session_open_sealed(&file, 1, &password, &s), ATE_NO_KEY);
    assert_non_null(strstr(ate_error(), "wrong password"));
    assert_null(s);
}

static void sealed_changed_and_not_any_more(void **state)
{
    (void)state;
    const char *file = path_of("changing");
    struct ate_key_info before, after;
    struct answers a, b;
    struct stat st;
    assert_int_equal(ate_key_create(file, "x", NULL), 0);
    assert_int_equal(ate_key_show(file, &before), 0);
    assert_false(before.is_sealed);
    struct ate_password fresh = one("first", &a), known = one("first", &b);
    assert_int_equal(ate_key_seal(file, NULL, &fresh), 0);
    fresh = one("second", &a);
    assert_int_equal(ate_key_seal(file, NULL, &fresh), ATE_NO_KEY);
    assert_int_equal(ate_key_seal(file, &known, &fresh), 0);
    assert_int_equal(ate_key_show(file, &after), 0);
    assert_true(after.is_sealed);
    known = one("second", &b);
    assert_int_equal(ate_key_seal(file, &known, NULL), 0);
    assert_int_equal(ate_key_show(file, &after), 0);
    assert_false(after.is_sealed);
    assert_memory_equal(&after.fingerprint, &before.fingerprint, sizeof after.fingerprint);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ate_key_seal(path_of("none"), NULL, NULL), ATE_NOT_FOUND);
}

static void halves(void **state)
{
    (void)state;
    char file[4096], reads[4200], writes[4200], public_half[4200];
    snprintf(file, sizeof file, "%s", path_of("whole"));
    snprintf(reads, sizeof reads, "%s.r", file);
    snprintf(writes, sizeof writes, "%s.w", file);
    snprintf(public_half, sizeof public_half, "%s.p", file);
    struct ate_key_halves files = {reads, writes, public_half};
    struct ate_key_info whole, info;
    struct ate_session *s;
    struct ate_chain *c;
    assert_int_equal(ate_key_create(file, NULL, NULL), 0);
    assert_int_equal(ate_key_show(file, &whole), 0);
    assert_int_equal(ate_key_split(file, NULL, &files, NULL), 0);
    assert_int_equal(ate_key_show(reads, &info), 0);
    assert_int_equal(info.half, ATE_HALF_READS);
    assert_memory_equal(&info.fingerprint, &whole.fingerprint, sizeof info.fingerprint);
    assert_int_equal(ate_key_show(writes, &info), 0);
    assert_int_equal(info.half, ATE_HALF_WRITES);
    assert_memory_equal(&info.fingerprint, &whole.fingerprint, sizeof info.fingerprint);
    assert_int_equal(ate_key_show(public_half, &info), 0);
    assert_false(info.is_private);
    assert_memory_equal(&info.fingerprint, &whole.fingerprint, sizeof info.fingerprint);

    /* Neither makes a chain, and nothing is left of the attempt. */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ate_session_open(i ? writes : reads, 0, &s), 0);
        struct ate_chain_conf conf = {.state_dir = path_of("state")};
        assert_int_equal(ate_chain_open(path_of("chain"), s, ATE_CREATE, &conf, &c), ATE_NO_KEY);
        assert_int_not_equal(access(path_of("chain"), F_OK), 0);
        ate_session_close(s);
    }
    /* A second time nothing is written over, and what was begun goes again. */
    assert_int_equal(unlink(reads), 0);
    assert_int_equal(ate_key_split(file, NULL, &files, NULL), ATE_EXISTS);
    assert_int_not_equal(access(reads, F_OK), 0);
    assert_int_equal(ate_key_split(writes, NULL, &(struct ate_key_halves){.reads = reads}, NULL),
                     ATE_NO_KEY);
    assert_int_equal(ate_key_split(public_half, NULL, &files, NULL), ATE_MALFORMED);
}

static void of_a_kind(void **state)
{
    (void)state;
    struct ate_key_info info;
    assert_int_equal(ate_key_make(path_of("256"), &(struct ate_key_conf){.strength = 256}, NULL),
                     0);
    assert_int_equal(ate_key_show(path_of("256"), &info), 0);
    assert_int_equal(info.strength, 256);
    assert_string_equal(info.algorithm, "mldsa87-ed448-shake256 mlkem1024-p384");
    assert_int_equal(
        ate_key_make(path_of("ed"), &(struct ate_key_conf){.algorithm = "ed25519"}, NULL), 0);
    assert_int_equal(ate_key_show(path_of("ed"), &info), 0);
    assert_string_equal(info.algorithm, "ed25519");
    assert_int_equal(ate_key_make(path_of("n"), &(struct ate_key_conf){.strength = 255}, NULL),
                     ATE_MISUSE);
    assert_int_equal(ate_key_make(path_of("n"), &(struct ate_key_conf){.algorithm = "rsa"}, NULL),
                     ATE_UNSUPPORTED);
    assert_int_equal(ate_key_make(path_of("n"), &(struct ate_key_conf){.label = "\n"}, NULL),
                     ATE_MISUSE);
    assert_int_equal(
        ate_key_make(path_of("n"), &(struct ate_key_conf){.reserved = {0, 0, 0, 1}}, NULL),
        ATE_MISUSE);
    assert_int_not_equal(access(path_of("n"), F_OK), 0);
    assert_int_equal(ate__secret_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_asked_for),
        cmocka_unit_test(sealed_changed_and_not_any_more),
        cmocka_unit_test(halves),
        cmocka_unit_test(of_a_kind),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
