/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Chains at a server that shows them to members, opened by the client: thin, with a mirror, over a
 * lost connection; and without what it takes.
 */
#include "far.h"
#include "lib/tmpdir.h"
#include "trust/session.h"

static struct far *begin(void)
{
    struct far *f = far_new(false);
    far_stop(f);
    f->server_conf.members_only = true;
    f->server_conf.server_limits.refusal_ms = 300; /* and who is refused asks again */
    far_start(f);
    return f;
}

/* The owner's key, behind `strangers` others. */
static struct ate_session *session_of(const struct ate__key *owner, unsigned strangers)
{
    struct ate_session *s;
    struct ate__key *key;
    assert_int_equal(ate__session_new(&s), 0);
    for (unsigned i = 0; i < strangers; i++) {
        assert_int_equal(ate__key_of_seed(&(struct ate__key32){{1, (uint8_t)i}}, NULL, &key), 0);
        assert_int_equal(ate__session_add(s, key), 0);
    }
    if (!owner)
        return s;
    assert_int_equal(ate__key_of_seed(&owner->seed, NULL, &key), 0);
    assert_int_equal(ate__session_add(s, key), 0);
    return s;
}

static void put_and_see(struct far *f)
{
    struct ate__pipe *p = far_open(f);
    far_put(f, p, 1);
    assert_true(far_has(p, 1));
    far_restart(f); /* another connection: it is proved anew */
    far_put(f, p, 2);
    assert_true(far_has(p, 2));
    far_close(p);
    p = far_open(f);
    assert_true(far_has(p, 2));
    far_close(p);
}

static void test_thin(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.session = session_of(f->chain.key, 0);
    put_and_see(f);
    ate__session_unref(f->conf.session);
    far_free(f);
}

static void test_mirror(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.session = session_of(f->chain.key, 2);
    f->conf.mirror_dir = tmpdir_new();
    put_and_see(f);
    ate__session_unref(f->conf.session);
    far_free(f);
}

/* A half that only reads, alone and behind a stranger's whole key. */
static void test_reader(void **state)
{
    (void)state;
    struct far *f = begin();
    struct ate__pipe *p;
    f->conf.session = session_of(f->chain.key, 0);
    far_put(f, p = far_open(f), 1);
    far_close(p);
    ate__session_unref(f->conf.session);
    for (unsigned strangers = 0; strangers < 2; strangers++) {
        struct ate__key *half;
        uint8_t bytes[ATE__KEY_SECRET_MAX];
        size_t size = ate__key_secret(f->chain.key, ATE__KEY_READS, bytes);
        f->conf.session = session_of(NULL, strangers);
        assert_int_equal(ate__key_of_secret(ate__buf_bytes(&f->chain.key->public_key),
                                            ATE__KEY_READS, ate__bytes(bytes, size), NULL, &half),
                         0);
        assert_int_equal(ate__session_add(f->conf.session, half), 0);
        p = far_open(f);
        assert_true(far_has(p, 1));
        far_close(p);
        ate__session_unref(f->conf.session);
    }
    f->conf.session = NULL;
    far_free(f);
}

static void refused(struct far *f, struct ate_session *take_session)
{
    struct ate__pipe *p;
    f->conf.session = take_session;
    for (unsigned mirror = 0; mirror < 2; mirror++) {
        f->conf.mirror_dir = mirror ? tmpdir_new() : NULL;
        f->conf.remembered_size = !mirror; /* so that a thin one asks for something */
        assert_int_equal(far_try(f, &p), ATE_NO_ACCESS);
    }
    if (take_session)
        ate__session_unref(take_session);
    f->conf.session = NULL;
}

static void test_refused(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.session = session_of(f->chain.key, 0);
    struct ate__pipe *p = far_open(f);
    f->conf.remembered_root = far_head(p).root;
    far_close(p);
    ate__session_unref(f->conf.session);
    refused(f, NULL);
    refused(f, session_of(NULL, 0));
    refused(f, session_of(NULL, 3));
    refused(f, session_of(f->chain.key, ATE__POSSESSED_MAX)); /* it is not among the first */
    far_free(f);
}

/* Clear text has no channel to prove anything for. */
static void test_clear_text(void **state)
{
    (void)state;
    struct far *f = begin();
    struct ate__pipe *p;
    far_stop(f);
    f->server_conf.no_wire_encryption = true;
    far_start(f);
    f->conf.session = session_of(f->chain.key, 0);
    f->conf.no_wire_encryption = true;
    f->conf.addr.pin_count = 0;
    assert_int_equal(far_try(f, &p), ATE_NO_ACCESS);
    ate__session_unref(f->conf.session);
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thin),       cmocka_unit_test(test_mirror),
        cmocka_unit_test(test_reader),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_clear_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
