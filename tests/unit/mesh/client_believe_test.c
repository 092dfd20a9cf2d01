/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Centralized chains at a server, opened by the client: thin and with a mirror, with keys and
 * without, over a lost connection, and where nothing is to be believed.
 */
#include "far.h"
#include "lib/tmpdir.h"
#include "trust/session.h"

static struct far *begin(void)
{
    struct far *f = far_new(false);
    far_stop(f);
    f->server_conf.host_key = kit_host_key();
    far_start(f);
    kit_chain_free(&f->chain);
    f->chain = kit_chain_attested("/example.com/far", f->server, ATE__CENTRALIZED);
    f->conf.genesis = ate__buf_bytes(&f->chain.genesis);
    return f;
}

static struct ate_session *session_of(const struct ate__key *owner)
{
    struct ate_session *s;
    struct ate__key *key;
    assert_int_equal(ate__session_new(&s), 0);
    assert_int_equal(ate__key_of_seed(&owner->seed, NULL, &key), 0);
    assert_int_equal(ate__session_add(s, key), 0);
    return s;
}

static void put_and_see(struct far *f)
{
    struct ate__pipe *p = far_open(f);
    far_put(f, p, 1);
    assert_true(far_has(p, 1));
    far_restart(f); /* another connection: the key is proved anew */
    far_put(f, p, 2);
    assert_true(far_has(p, 2));
    far_close(p);
    p = far_open(f);
    assert_true(far_has(p, 2) && !far_has(p, 3));
    far_close(p);
}

/* Whoever has no key looks, and writes nothing. */
static void look(struct far *f)
{
    struct ate__pipe *p = far_open(f);
    struct ate__buf tx = far_tx(f, p, 9);
    assert_true(far_has(p, 1) && far_has(p, 2));
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, NULL), ATE_DENIED);
    ate__buf_deinit(&tx);
    far_close(p);
}

static void both(struct far *f)
{
    f->conf.session = session_of(f->chain.key);
    put_and_see(f);
    ate__session_unref(f->conf.session);
    f->conf.session = NULL;
    look(f);
    far_free(f);
}

static void test_thin(void **state)
{
    (void)state;
    both(begin());
}

static void test_mirror(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.mirror_dir = tmpdir_new();
    both(f);
}

/* Neither side speaks of it in clear text. */
static void test_clear_text(void **state)
{
    (void)state;
    struct far *f = begin();
    struct ate__pipe *p;
    f->conf.session = session_of(f->chain.key);
    far_close(far_open(f));
    far_stop(f);
    f->server_conf.no_wire_encryption = true;
    far_start(f);
    f->conf.no_wire_encryption = true;
    f->conf.addr.pin_count = 0;
    assert_int_equal(far_try(f, &p), ATE_NO_ACCESS);
    ate__session_unref(f->conf.session);
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thin),
        cmocka_unit_test(test_mirror),
        cmocka_unit_test(test_clear_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
