/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Control events that the library makes: new scopes, readers that come in addition, rules that
 * change; and that acceptance takes what is made here.
 */
#include "scopes.h"

static struct world w;
static struct ate_session *everybody; /* holds keys 1 to 4; key 1 is the root key */

static int begin(void **state)
{
    (void)state;
    world_init(&w, 7, NULL);
    everybody = session_of(0x1e);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__session_unref(everybody);
    world_deinit(&w);
    return 0;
}

static void expect_make(struct ate_session *s, const struct ate__scope_plan *plan, int result,
                        const char *sentence)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__data_key *key = NULL;
    assert_int_equal(ate__buf_append(&header, ate__text_bytes("before")), 0);
    int rc = ate__control_make(&w.seal, s, plan, &header, &key);
    if (rc != result)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    if (rc) {
        assert_int_equal(header.size, 6); /* nothing was appended */
        assert_null(key);
        if (sentence && !strstr(ate__error_text(), sentence))
            fail_msg("\"%s\" says nothing of \"%s\"", ate__error_text(), sentence);
    }
    ate__data_key_unref(key);
    ate__buf_deinit(&header);
}

/* ---- new scopes ---- */

static void a_scope_is_sealed_to_its_readers(void **state)
{
    (void)state;
    struct ate_session *maker = session_of(1 << 1);
    struct ate__scope_plan plan = plan_of(&w, 1, 0x0e, everybody);
    struct ate__control *c = carry_out(&w.seal, maker, &plan);
    const struct ate__header *h = &c->header;
    struct ate__recipient entry;
    size_t at = 0, count = 0;
    while (ate__recipient_next(h->recipients, &at, &entry)) {
        assert_true(ate__rule_has(&plan.auth.rule[ATE__RIGHT_READ], &entry.fingerprint));
        assert_int_equal(entry.method, ATE__SEALED_TO_KEM);
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(h->epoch.epoch, 0);
    assert_false(ate__header_has(h, ATE__TAG_LINK));
    assert_false(ate__header_has(h, ATE__TAG_PREV));
    assert_true(h->namekey.wrapped);
    assert_true(ate__hash_equal(&h->namekey.data_key_id, &h->epoch.data_key_id));
    for (unsigned i = 1; i <= 4; i++) {
        struct ate_session *reader = session_of(1u << i);
        struct ate__data_key *key = NULL;
        uint8_t seal_public[ATE__XWING_PUBLIC];
        assert_int_equal(ate__data_key_open(&w.seal, reader, c, &h->epoch.data_key_id, &key),
                         i < 4 ? 0 : ATE_NO_KEY);
        if (key) {
            assert_int_equal(ate__data_key_seal_public(&w.seal, key, seal_public), 0);
            assert_true(ate__bytes_equal(h->epoch.seal_public,
                                         ate__bytes(seal_public, sizeof seal_public)));
        }
        ate__data_key_unref(key);
        ate__session_unref(reader);
    }
    ate__control_unref(c);
    ate__session_unref(maker);
}

/* Who makes a scope for others remembers its key, so that it can write into it at once. */
static void the_maker_remembers_the_key(void **state)
{
    (void)state;
    struct ate_session *maker = session_of(1 << 1);
    struct ate__scope_plan plan = plan_of(&w, 2, 1 << 2, everybody);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__data_key *key, *again;
    assert_int_equal(ate__control_make(&w.seal, maker, &plan, &header, &key), 0);
    struct ate__control *c = control_from(&header, NULL);
    assert_int_equal(ate__data_key_open(&w.seal, maker, c, &c->header.epoch.data_key_id, &again),
                     0);
    assert_ptr_equal(key, again);
    ate__data_key_unref(key);
    ate__data_key_unref(again);
    ate__control_unref(c);
    ate__session_unref(maker);
}

static void open_rules_have_no_key(void **state)
{
    (void)state;
    struct ate__rule rules[] = {rule_inherit, rule_everyone};
    for (size_t i = 0; i < ATE__COUNT_OF(rules); i++) {
        struct ate__scope_plan plan = {.object = id_of(3)};
        struct ate__buf header = ATE__BUF_NULL;
        struct ate__data_key *key = (struct ate__data_key *)(uintptr_t)1;
        plan.auth.rule[ATE__RIGHT_READ] = rules[i];
        plan.auth.rule[ATE__RIGHT_ADMIN] = rule_who(&w, 3);
        assert_int_equal(ate__control_make(&w.seal, everybody, &plan, &header, &key), 0);
        assert_null(key);
        struct ate__control *c = control_from(&header, NULL);
        assert_int_equal(c->header.auth.rule[ATE__RIGHT_READ].who, rules[i].who);
        assert_int_equal(c->header.auth.rule[ATE__RIGHT_ADMIN].who, ATE__RULE_ANY_OF);
        assert_false(ate__header_has(&c->header, ATE__TAG_EPOCH));
        assert_false(ate__header_has(&c->header, ATE__TAG_NAMEKEY));
        ate__control_unref(c);
    }
}

static void a_name_key_may_be_carried_on(void **state)
{
    (void)state;
    struct ate__key32 name_key = {{4}}, opened;
    struct ate__scope_plan plan = plan_of(&w, 4, 1 << 1, everybody);
    plan.name_key = &name_key;
    struct ate__control *c = carry_out(&w.seal, everybody, &plan);
    assert_int_equal(ate__name_key_open(&w.seal, everybody, c, c, &opened), 0);
    assert_memory_equal(&opened, &name_key, sizeof opened);
    ate__control_unref(c);
    plan.name_key = NULL;
    plan.new_name_key = false;
    expect_make(everybody, &plan, ATE_MISUSE, "without a name key");
}

static void what_this_version_does_not_make(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 5, 1 << 1, everybody);
    plan.auth.rule[ATE__RIGHT_READ] = rule_nobody;
    expect_make(everybody, &plan, ATE_UNSUPPORTED, "read nobody");
    plan.auth.rule[ATE__RIGHT_READ] = (struct ate__rule){.who = ATE__RULE_ANY_OF};
    expect_make(everybody, &plan, ATE_MISUSE, "0 readers");
    plan.auth.rule[ATE__RIGHT_READ].count = ATE__RECIPIENTS_MAX + 1;
    expect_make(everybody, &plan, ATE_TOO_BIG, "4097 readers");
}

static void a_reader_without_a_public_key(void **state)
{
    (void)state;
    struct ate_session *alone = session_of(1 << 1);
    struct ate__scope_plan plan = plan_of(&w, 6, 0x6, alone);
    char text[ATE__HASH_TEXT];
    struct ate_hash missing = key_fingerprint(2);
    expect_make(alone, &plan, ATE_NO_KEY, ate__hash_text(&missing, text));
    ate__session_unref(alone);
}

/* ---- readers by their symmetric key ---- */

/* The public key of key 1 without its KEM part, and a key file that goes with it. */
static struct ate__key *key_without_kem(void)
{
    struct ate__key *key = world_key(NULL, 1);
    key->public_key.size = 6 + ATE__SIG_PUBLIC;
    assert_int_equal(ate__fingerprint(ate__buf_bytes(&key->public_key), &key->fingerprint), 0);
    return key;
}

static void a_reader_without_a_kem_key(void **state)
{
    (void)state;
    struct ate__key *key = key_without_kem();
    struct ate_hash fingerprint = key->fingerprint;
    struct ate_session *owner, *other = session_of(1 << 2);
    assert_int_equal(ate__session_new(&owner), 0);
    assert_int_equal(ate__session_add_public(other, ate__buf_bytes(&key->public_key)), 0);
    assert_int_equal(ate__session_add(owner, key), 0);
    struct ate__scope_plan plan = plan_of(&w, 7, 0, other);
    plan.auth.rule[ATE__RIGHT_READ] = rule_of(&w, &fingerprint, 1);
    expect_make(other, &plan, ATE_NO_KEY, "has no part to seal to");
    plan.arg = owner;
    struct ate__control *c = carry_out(&w.seal, owner, &plan);
    struct ate__recipient entry;
    size_t at = 0;
    assert_true(ate__recipient_next(c->header.recipients, &at, &entry));
    assert_int_equal(entry.method, ATE__WRAPPED_BY_READ_KEY);
    struct ate_session *again;
    struct ate__data_key *data_key;
    assert_int_equal(ate__session_new(&again), 0);
    assert_int_equal(ate__session_add(again, key_without_kem()), 0);
    assert_int_equal(ate__data_key_open(&w.seal, again, c, &c->header.epoch.data_key_id, &data_key),
                     0);
    ate__data_key_unref(data_key);
    ate__session_unref(again);
    ate__session_unref(owner);
    ate__session_unref(other);
    ate__control_unref(c);
}

/* ---- scopes that go on ---- */

static void a_reader_comes_in_addition(void **state)
{
    (void)state;
    struct ate_session *maker = session_of(1 << 2), *third = session_of(1 << 3);
    struct ate__scope_plan plan = plan_of(&w, 8, 1 << 2, everybody);
    struct ate__control *first = carry_out(&w.seal, maker, &plan), *second;
    ate__session_unref(maker);
    maker = session_of(1 << 2); /* remembers nothing */
    plan = plan_of(&w, 8, 0x1e, everybody);
    plan.prev = first;
    plan.new_name_key = false; /* prev's goes on */
    second = carry_out(&w.seal, maker, &plan);
    const struct ate__header *a = &first->header, *b = &second->header;
    assert_true(ate__hash_equal(&b->prev, &first->hash));
    assert_int_equal(b->epoch.epoch, 0);
    assert_true(ate__hash_equal(&a->epoch.data_key_id, &b->epoch.data_key_id));
    assert_true(ate__bytes_equal(a->epoch.seal_public, b->epoch.seal_public));
    assert_true(ate__bytes_equal(a->namekey.bytes, b->namekey.bytes));
    struct ate__recipient was, is;
    size_t at = 0;
    assert_true(ate__recipient_next(a->recipients, &at, &was));
    at = 0;
    for (bool found = false; !found;) {
        assert_true(ate__recipient_next(b->recipients, &at, &is));
        found = ate__hash_equal(&is.fingerprint, &was.fingerprint);
    }
    assert_true(ate__bytes_equal(is.sealed, was.sealed)); /* the entry stays as it was */
    struct ate__data_key *key;
    assert_int_equal(ate__data_key_open(&w.seal, third, second, &b->epoch.data_key_id, &key), 0);
    ate__data_key_unref(key);
    ate__control_unref(second);
    ate__control_unref(first);
    ate__session_unref(maker);
    ate__session_unref(third);
}

static void only_who_reads_lets_others_in(void **state)
{
    (void)state;
    struct ate_session *outsider = session_of(1 << 4);
    struct ate__scope_plan plan = plan_of(&w, 9, 1 << 2, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan);
    plan = plan_of(&w, 9, 0x14, everybody);
    plan.prev = first;
    expect_make(outsider, &plan, ATE_NO_KEY, "does not open the scope");
    /* Other rules it may change, and the scope goes on without being opened. */
    plan = plan_of(&w, 9, 1 << 2, everybody);
    plan.prev = first;
    plan.auth.rule[ATE__RIGHT_WRITE] = rule_everyone;
    struct ate__control *second = carry_out(&w.seal, outsider, &plan);
    assert_true(ate__bytes_equal(first->header.recipients, second->header.recipients));
    assert_int_equal(second->header.auth.rule[ATE__RIGHT_WRITE].who, ATE__RULE_EVERYONE);
    ate__control_unref(second);
    ate__control_unref(first);
    ate__session_unref(outsider);
}

static void readers_do_not_go_in_this_version(void **state)
{
    (void)state;
    char text[ATE__HASH_TEXT];
    struct ate_hash gone = key_fingerprint(3);
    struct ate__scope_plan plan = plan_of(&w, 10, 0xc, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan);
    plan = plan_of(&w, 10, 1 << 2, everybody);
    plan.prev = first;
    expect_make(everybody, &plan, ATE_UNSUPPORTED, ate__hash_text(&gone, text));
    plan = plan_of(&w, 10, 0x6, everybody); /* also where another one comes */
    plan.prev = first;
    expect_make(everybody, &plan, ATE_UNSUPPORTED, ate__hash_text(&gone, text));
    plan.auth.rule[ATE__RIGHT_READ] = rule_everyone;
    expect_make(everybody, &plan, ATE_UNSUPPORTED, "ends a private scope");
    plan.auth.rule[ATE__RIGHT_READ] = rule_inherit;
    expect_make(everybody, &plan, ATE_UNSUPPORTED, "ends a private scope");
    ate__control_unref(first);
}

/* A scope whose key is not what it says is left alone. */
static void a_scope_that_is_not_whole_is_not_continued(void **state)
{
    (void)state;
    struct ate_session *fresh = session_of(1 << 2);
    struct ate__scope_plan plan = plan_of(&w, 11, 1 << 2, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan);
    first->header.epoch.data_key_id.b[0] ^= 1;
    plan = plan_of(&w, 11, 0x14, everybody);
    plan.prev = first;
    expect_make(fresh, &plan, ATE_NO_KEY, NULL); /* HPKE binds the id */
    ate__control_unref(first);
    ate__session_unref(fresh);
}

/* ---- together with acceptance ---- */

static void draft_made(struct draft *d, struct ate_session *s, const struct ate__scope_plan *plan)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__data_key *key;
    assert_int_equal(ate__control_make(&w.seal, s, plan, &header, &key), 0);
    ate__data_key_unref(key);
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

static void bring_keys(struct draft *d, unsigned keys)
{
    for (unsigned i = 0; i < 8; i++) {
        struct ate_hash fingerprint = key_fingerprint(i);
        struct ate_bytes bytes;
        if (!(keys >> i & 1))
            continue;
        assert_int_equal(ate__session_public(everybody, &fingerprint, &bytes), 0);
        draft_item(d, ATE__TAG_PUBLIC_KEY, bytes);
    }
}

/* A private scope, a body in it, a second reader; all of it is accepted, and the second reader
 * opens the body that was there before. */
static void what_is_made_is_accepted(void **state)
{
    (void)state;
    struct ate_session *owner = session_of(1 << 1), *second = session_of(1 << 2);
    struct ate__scope_plan plan = plan_of(&w, 20, 1 << 1, everybody);
    struct draft *d = draft_new(&w);
    struct ate__conf_item conf;
    struct ate__buf cipher = ATE__BUF_NULL, plain = ATE__BUF_NULL;
    struct ate_id id = id_of(21), parent = id_of(20);
    struct ate__data_key *key;
    draft_sign(d, w.root->fingerprint);
    draft_create(d, id_of(19), ate__top_id);
    commit(&w, d);

    d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    struct ate__buf header = ATE__BUF_NULL;
    assert_int_equal(ate__control_make(&w.seal, owner, &plan, &header, &key), 0);
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
    struct ate_bytes none = ate__bytes(NULL, 0);
    struct ate_id top_object = id_of(20), above = id_of(19);
    struct ate__conf_item outer;
    struct ate__buf unused = ATE__BUF_NULL;
    assert_int_equal(ate__body_encrypt(&w.seal, key, 0, &top_object, none, &above, 0, none, none,
                                       &outer, &unused),
                     0);
    draft_body(d, &(struct body){.id = id_of(20), .parent = id_of(19), .conf = &outer});
    assert_int_equal(ate__body_encrypt(&w.seal, key, 0, &id, none, &parent, 0, none,
                                       ate__text_bytes("secret"), &conf, &cipher),
                     0);
    draft_body(d, &(struct body){.id = id, .parent = parent, .conf = &conf});
    ate__data_key_unref(key);
    commit(&w, d);

    plan = plan_of(&w, 20, 0x6, everybody);
    plan.prev = control_of(&w, id_of(20));
    d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    draft_made(d, owner, &plan);
    expect(&w, d, ATE_DENIED, "whose public key the chain does not hold");
    d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    draft_made(d, owner, &plan);
    bring_keys(d, 1 << 2);
    commit(&w, d);

    const struct ate__control *now = control_of(&w, id_of(20));
    struct ate__event event = {.form = ATE__CIPHER, .payload = ate__buf_bytes(&cipher)};
    struct ate__header items;
    struct ate_bytes payload;
    event.header = (struct ate__header){.object = id, .parent = parent, .conf = conf};
    assert_int_equal(ate__data_key_open(&w.seal, second, now, &conf.data_key_id, &key), 0);
    assert_int_equal(ate__body_decrypt(&w.seal, key, &event, &plain, &items, &payload), 0);
    assert_true(ate__bytes_equal(payload, ate__text_bytes("secret")));
    ate__data_key_unref(key);
    ate__buf_deinit(&cipher);
    ate__buf_deinit(&unused);
    ate__buf_deinit(&plain);
    ate__session_unref(owner);
    ate__session_unref(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_is_sealed_to_its_readers),
        cmocka_unit_test(the_maker_remembers_the_key),
        cmocka_unit_test(open_rules_have_no_key),
        cmocka_unit_test(a_name_key_may_be_carried_on),
        cmocka_unit_test(what_this_version_does_not_make),
        cmocka_unit_test(a_reader_without_a_public_key),
        cmocka_unit_test(a_reader_without_a_kem_key),
        cmocka_unit_test(a_reader_comes_in_addition),
        cmocka_unit_test(only_who_reads_lets_others_in),
        cmocka_unit_test(readers_do_not_go_in_this_version),
        cmocka_unit_test(a_scope_that_is_not_whole_is_not_continued),
        cmocka_unit_test(what_is_made_is_accepted),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
