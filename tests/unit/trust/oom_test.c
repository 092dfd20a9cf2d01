/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Every allocation of the layer refused in turn, and then all after it: out of memory is said,
 * nothing is kept or lost, and a state that could not be changed is as it was.
 */
#include "scopes.h"
#include "lib/heap.h"

static struct world w;
static struct draft *genesis;          /* transaction 0 of the world once more */
static struct ate_session *everybody;  /* keys 1 to 4 */
static struct ate__control *scope; /* of object 1, read by key 1; with a second epoch's LINK */
static struct ate__rule one_reader, two_readers;

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 1, &open);
    struct world second = {.sim = w.sim, .root = w.root};
    model_init(&second.m);
    genesis = draft_new(&second);
    world_begin(&second, genesis, &open, NULL);
    model_deinit(&second.m);
    everybody = session_of(0x1e);
    struct ate__scope_plan plan = plan_of(&w, 1, 1 << 1, everybody);
    scope = carry_out(&w.seal, everybody, &plan);
    one_reader = rule_of_keys(&w, 1 << 1);
    two_readers = rule_of_keys(&w, 0x6);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__control_unref(scope);
    ate__session_unref(everybody);
    draft_free(genesis);
    world_deinit(&w);
    return 0;
}

/* ---- acceptance ---- */

static int accept_one(void *arg)
{
    const struct draft *d = arg;
    struct ate__verdict v;
    return ate__accept(w.t, &w.m.facts, &d->tx, w.m.size, w.m.now_us, &v);
}

static void acceptance(void **state)
{
    (void)state;
    struct ate__key *keys[] = {world_key(&w, 2), world_key(&w, 3)};
    for (unsigned events = 1; events <= 100; events += 33) {
        struct draft *d = draft_new(&w);
        for (unsigned i = 0; i < events; i++)
            draft_body(d, &(struct body){.id = id_of(10 + i),
                                         .parent = i ? id_of(9 + i) : ate__top_id,
                                         .tag = "name"});
        draft_tx(d);
        assert_int_equal(heap_sweep(accept_one, d, false) > 0, events > 8);
        draft_free(d);
    }
    struct draft *d = draft_new(&w); /* with keys to look at */
    struct ate__conf_item conf = {.data_key_id = hash_of(1)};
    struct control c = {.id = id_of(10), .epoch_id = 1};
    c.auth.rule[ATE__RIGHT_READ] = rule_of(&w, &keys[0]->fingerprint, 1);
    draft_body(d, &(struct body){.id = id_of(10), .conf = &conf});
    draft_control(d, &c);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&keys[0]->public_key));
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&keys[1]->public_key));
    draft_sign(d, keys[1]->fingerprint);
    draft_tx(d);
    assert_true(heap_sweep(accept_one, d, false) > 0);
    draft_free(d);
    ate__key_free(keys[0]);
    ate__key_free(keys[1]);
}

/* ---- state ---- */

static int new_one(void *arg)
{
    struct ate__trust *t = NULL;
    (void)arg;
    int rc = ate__trust_new(&w.sim.env, &genesis->tx, &t);
    ate__trust_free(t);
    return rc;
}

static int verify_one(void *arg)
{
    ate__cleanup(ate__trust_freep) struct ate__trust *t = NULL;
    const struct draft *d = arg;
    int rc = ate__trust_new(&w.sim.env, &genesis->tx, &t);
    if (!rc)
        rc = ate__trust_verify(t, &d->tx);
    if (!rc)
        rc = ate__trust_apply(t, &d->tx, 1);
    return rc ? rc : ate__trust_verify(t, &d->tx);
}

static int sign_one(void *arg)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    ate__cleanup(ate__trust_freep) struct ate__trust *t = NULL;
    struct ate__signature s;
    struct ate_hash hash = hash_of(1);
    (void)arg;
    int rc = ate__trust_new(&w.sim.env, &genesis->tx, &t);
    return rc ? rc : ate__trust_sign(t, w.root, ATE__SHA256, &hash, &bytes, &s);
}

/* A transaction that brings all that a state keeps. */
static struct draft *draft_of_all(void)
{
    struct draft *d = draft_new(&w);
    struct ate__key *a = world_key(&w, 2), *b = world_key(&w, 3);
    struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&a->public_key)};
    struct ate__key *keys[] = {w.root, a, b};
    struct ate_hash stranger = who(1);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&b->public_key));
    draft_root(d, &add, 1);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&stranger, sizeof stranger));
    draft_tx_signed(d, NULL, keys, 3);
    ate__key_free(a);
    ate__key_free(b);
    return d;
}

static void states(void **state)
{
    (void)state;
    struct draft *d = draft_of_all();
    assert_true(heap_sweep(new_one, NULL, true) > 0);
    assert_true(heap_sweep(verify_one, d, true) > 0);
    assert_true(heap_sweep(sign_one, NULL, true) > 0);
    draft_free(d);
}

/* What could not be taken in leaves the state as it was. */
static void a_failed_apply_changes_nothing(void **state)
{
    (void)state;
    struct draft *d = draft_of_all();
    struct ate_hash root = w.root->fingerprint, stranger = who(1);
    uint64_t sequence, failures = 0;
    int rc = ATE_E_MEMORY;
    for (uint64_t n = 1; rc; n++) {
        struct ate__trust *t;
        heap_start();
        assert_int_equal(ate__trust_new(&w.sim.env, &genesis->tx, &t), 0);
        heap_fail(n, false);
        rc = ate__trust_apply(t, &d->tx, 1);
        heap_fail(0, false);
        if (rc) {
            assert_int_equal(rc, ATE_E_MEMORY);
            assert_int_equal(ate__trust_root_keys(t, NULL, 0), 1);
            assert_true(ate__trust_is_root(t, &root));
            assert_false(ate__trust_is_revoked(t, &stranger));
            assert_int_equal(ate__trust_origin(t, &d->tx.id, &sequence), ATE_NOT_FOUND);
            for (uint32_t i = 0; i < d->tx.signature_count; i++) {
                const struct ate_hash *key = &d->tx.signatures[i].fingerprint;
                assert_int_equal(ate__trust_has_key(t, key), ate__hash_equal(key, &root));
            }
            assert_int_equal(ate__trust_apply(t, &d->tx, 1), 0); /* with memory it is */
            failures++;
        }
        assert_int_equal(ate__trust_origin(t, &d->tx.id, &sequence), 0);
        assert_int_equal(ate__trust_root_keys(t, NULL, 0), 2);
        ate__trust_free(t);
        heap_stop();
    }
    assert_true(failures > 3);
    draft_free(d);
}

/* ---- sealing ---- */

/* A session of key 1, in the memory that is refused. */
static int session_one(struct ate_session **ret_session)
{
    struct ate__key32 seed = {{1, 0, 0x5e}};
    struct ate__key *key;
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    int rc = ate__session_new(&s);
    if (!rc)
        rc = ate__key_of_seed(&seed, "", &key);
    if (!rc)
        rc = ate__session_add(s, key);
    if (!rc)
        rc =
            ate__session_add_public(s, ate__buf_bytes(&ate__session_key(everybody, 1)->public_key));
    if (!rc)
        *ret_session = ate__steal(&s);
    return rc;
}

static int seal_and_open(void *arg)
{
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf cipher = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf plain = ATE__BUF_NULL;
    struct ate_id id = id_of(2), parent = id_of(1);
    struct ate_bytes none = ate__bytes(NULL, 0), payload;
    struct ate__event event = {.form = ATE__CIPHER};
    struct ate__header items;
    struct ate__key32 name_key;
    (void)arg;
    int rc = session_one(&s);
    if (!rc)
        rc = ate__data_key_open(&w.seal, s, scope, &scope->header.epoch.data_key_id, &key);
    if (!rc)
        rc = ate__name_key_open(&w.seal, s, scope, scope, &name_key);
    if (!rc)
        rc = ate__body_encrypt(&w.seal, key, 0, &id, none, &parent, 0, none,
                               ate__text_bytes("payload"), &event.header.conf, &cipher);
    event.header.object = id;
    event.header.parent = parent;
    event.payload = ate__buf_bytes(&cipher);
    if (!rc)
        rc = ate__body_decrypt(&w.seal, key, &event, &plain, &items, &payload);
    return rc;
}

static int make_scope(void *arg)
{
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__scope_plan plan = {
        .object = id_of(1), .new_name_key = true, .public_key = session_public_key};
    plan.prev = arg;
    plan.auth.rule[ATE__RIGHT_READ] = arg ? two_readers : one_reader;
    int rc = session_one(&s);
    plan.arg = s;
    if (!rc)
        rc = ate__control_make(&w.seal, s, &plan, &header, &key);
    if (rc && header.size)
        return ATE_E_BUG; /* half a header */
    return rc;
}

static struct ate_bytes some_label(void *arg, const struct ate_hash *fingerprint)
{
    (void)arg;
    (void)fingerprint;
    return ate__text_bytes("a label");
}

/* The next epoch of a scope, or its end. */
static int go_on(bool rotate, bool publish)
{
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__scope_plan plan = {.object = id_of(1),
                                   .prev = scope,
                                   .rotate = rotate,
                                   .publish = publish,
                                   .public_key = session_public_key,
                                   .label = some_label};
    plan.auth.rule[ATE__RIGHT_READ] = rotate ? one_reader : rule_everyone;
    int rc = session_one(&s);
    plan.arg = s;
    if (!rc)
        rc = ate__control_make(&w.seal, s, &plan, &header, &key);
    return rc && header.size ? ATE_E_BUG : rc;
}

static int next_epoch(void *arg)
{
    (void)arg;
    return go_on(true, false);
}

static int published(void *arg)
{
    (void)arg;
    return go_on(false, true);
}

static int sealed_write(void *arg)
{
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL, *opened = NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__header body = {.sealed = {.epoch_key_id = scope->header.epoch.data_key_id}};
    (void)arg;
    int rc = session_one(&s);
    if (!rc)
        rc = ate__sealed_key_make(&w.seal, scope, &sealed, &key);
    if (rc)
        return rc;
    body.conf.data_key_id = key->id;
    body.sealed.sealed = ate__buf_bytes(&sealed);
    return ate__sealed_key_open(&w.seal, s, scope, &body, &opened);
}

static int copy_control(void *arg)
{
    ate__cleanup(ate__control_unrefp) struct ate__control *c = NULL;
    struct ate__event event = {.kind = ATE__EVENT_CONTROL, .bytes = ate__buf_bytes(&scope->bytes)};
    (void)arg;
    return ate__control_new(&event, 1, NULL, &c);
}

static void sealing(void **state)
{
    (void)state;
    assert_true(heap_sweep(seal_and_open, NULL, true) > 0);
    assert_true(heap_sweep(make_scope, NULL, true) > 0);
    assert_true(heap_sweep(make_scope, scope, true) > 0); /* another reader of an old one */
    assert_true(heap_sweep(next_epoch, NULL, true) > 0);
    assert_true(heap_sweep(published, NULL, true) > 0);
    assert_true(heap_sweep(sealed_write, NULL, true) > 0);
    assert_true(heap_sweep(copy_control, NULL, false) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acceptance),
        cmocka_unit_test(states),
        cmocka_unit_test(a_failed_apply_changes_nothing),
        cmocka_unit_test(sealing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
