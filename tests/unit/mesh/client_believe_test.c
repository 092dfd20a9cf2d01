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

/* ---- keys that are proved later ---- */

static void add_strangers(struct ate_session *s, unsigned from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct ate__key *key;
        struct ate__key32 seed = {{7, (uint8_t)(from + i)}};
        assert_int_equal(ate__key_of_seed(&seed, NULL, &key), 0);
        assert_int_equal(ate__session_add(s, key), 0);
    }
}

static void add_owner(struct far *f)
{
    struct ate__key *key;
    assert_int_equal(ate__key_of_seed(&f->chain.key->seed, NULL, &key), 0);
    assert_int_equal(ate__session_add(f->conf.session, key), 0);
}

/* As what is made here, by the rights of this key. */
static int put_by(struct far *f, struct ate__pipe *p, uint64_t object, const struct ate_hash *key)
{
    struct ate__event_hashes hashes[4];
    struct ate__tx tx;
    struct ate__buf bytes = far_tx(f, p, object);
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&bytes), ATE__SHA256, &tx), 0);
    struct ate__own own = {.events = hashes, .event_count = tx.event_count, .hash = tx.hash};
    assert_true(tx.event_count <= ATE__COUNT_OF(hashes));
    for (uint32_t i = 0; i < tx.event_count; i++)
        hashes[i] = (struct ate__event_hashes){tx.events[i].hash, tx.events[i].payload_hash};
    own.keys[own.key_count++] = *key;
    struct ate__offer offer = {
        .encoded = ate__buf_bytes(&bytes), .own = &own, .waits = true, .timeout_ms = 20000};
    p->v->offer(p, &offer);
    p->v->wait(p, &offer);
    ate__tx_deinit(&tx);
    ate__buf_deinit(&bytes);
    return offer.result;
}

/* It is not among the first of the session; then over another connection; then it came late. */
static void proved_when_it_is_needed(struct far *f)
{
    assert_int_equal(ate__session_new(&f->conf.session), 0);
    add_strangers(f->conf.session, 0, 2 * ATE__POSSESSED_MAX);
    add_owner(f);
    struct ate__pipe *p = far_open(f);
    assert_int_equal(put_by(f, p, 1, &f->chain.key->fingerprint), 0);
    assert_int_equal(put_by(f, p, 2, &f->chain.key->fingerprint), 0);
    far_restart(f);
    assert_int_equal(put_by(f, p, 3, &f->chain.key->fingerprint), 0);
    assert_true(far_has(p, 3));
    far_close(p);
    ate__session_unref(f->conf.session);
    assert_int_equal(ate__session_new(&f->conf.session), 0);
    add_strangers(f->conf.session, 0, 1);
    p = far_open(f);
    assert_int_equal(put_by(f, p, 4, &f->chain.key->fingerprint), ATE_DENIED);
    add_owner(f);
    assert_int_equal(put_by(f, p, 4, &f->chain.key->fingerprint), 0);
    far_close(p);
    ate__session_unref(f->conf.session);
    far_free(f);
}

static void test_later_thin(void **state)
{
    (void)state;
    proved_when_it_is_needed(begin());
}

static void test_later_mirror(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.mirror_dir = tmpdir_new();
    proved_when_it_is_needed(f);
}

/* The limit is named, and what was proved goes on. */
static void test_later_no_more(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.session = session_of(f->chain.key);
    add_strangers(f->conf.session, 0, ATE__PROVED_MAX);
    struct ate__pipe *p = far_open(f);
    for (uint32_t i = 0; i < ATE__PROVED_MAX; i++) {
        const struct ate__key *key = ate__session_key(f->conf.session, i);
        assert_int_equal(put_by(f, p, 1 + i, &key->fingerprint), 0);
    }
    const struct ate__key *last = ate__session_key(f->conf.session, ATE__PROVED_MAX);
    assert_int_equal(put_by(f, p, 100, &last->fingerprint), ATE_TOO_BIG);
    assert_int_equal(put_by(f, p, 100, &f->chain.key->fingerprint), 0);
    far_close(p);
    ate__session_unref(f->conf.session);
    far_free(f);
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
        cmocka_unit_test(test_thin),          cmocka_unit_test(test_mirror),
        cmocka_unit_test(test_later_thin),    cmocka_unit_test(test_later_mirror),
        cmocka_unit_test(test_later_no_more), cmocka_unit_test(test_clear_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
