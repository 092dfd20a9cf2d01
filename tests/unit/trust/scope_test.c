/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Control events that the library makes: new scopes, readers that come and go, epochs, the end of a
 * scope; and that acceptance takes what is made here.
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
            assert_int_equal(ate__data_key_seal_public(&w.seal, key, ATE__KEM_XWING, seal_public),
                             0);
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

/* ---- epochs ---- */

static int opens(unsigned keys, const struct ate__control *c, const struct ate_hash *id)
{
    struct ate_session *s = session_of(keys);
    struct ate__data_key *key = NULL;
    int rc = ate__data_key_open(&w.seal, s, c, id, &key);
    ate__data_key_unref(key);
    ate__session_unref(s);
    return rc;
}

static void expect_name_key(const struct ate__control *c, const struct ate__key32 *expected)
{
    struct ate_session *s = session_of(1 << 2);
    struct ate__key32 key;
    assert_int_equal(ate__name_key_open(&w.seal, s, c, c, &key), 0);
    assert_memory_equal(&key, expected, sizeof key);
    ate__session_unref(s);
}

static struct ate__control *next_control(unsigned object, const struct ate__control *prev,
                                         unsigned readers, bool rotate)
{
    struct ate__scope_plan plan = plan_of(&w, object, readers, everybody);
    struct ate_session *s = session_of(1 << 2); /* remembers nothing */
    plan.prev = prev;
    plan.new_name_key = false;
    plan.rotate = rotate;
    struct ate__control *c = carry_out(&w.seal, s, &plan);
    ate__session_unref(s);
    return c;
}

/* Who goes reads what was, and nothing more; who stays or comes reads all of it. */
static void a_reader_goes_with_an_epoch(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 10, 0xc, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan), *second, *third;
    struct ate__key32 name_key;
    assert_int_equal(ate__name_key_open(&w.seal, everybody, first, first, &name_key), 0);
    second = next_control(10, first, 0x6, false); /* key 3 goes, key 1 comes */
    const struct ate__epoch_item *a = &first->header.epoch, *b = &second->header.epoch;
    assert_int_equal(b->epoch, 1);
    assert_false(ate__hash_equal(&a->data_key_id, &b->data_key_id));
    assert_false(ate__bytes_equal(a->seal_public, b->seal_public));
    assert_true(ate__header_has(&second->header, ATE__TAG_LINK));
    assert_int_equal(opens(1 << 3, second, &b->data_key_id), ATE_NO_KEY);
    assert_int_equal(opens(1 << 3, second, &a->data_key_id), 0);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(opens(1u << i, second, &b->data_key_id), 0);
        assert_int_equal(opens(1u << i, second, &a->data_key_id), 0);
    }
    expect_name_key(second, &name_key); /* names stay what they were */
    third = next_control(10, second, 0x6, true); /* once more, without a change */
    assert_int_equal(third->header.epoch.epoch, 2);
    assert_int_equal(opens(1 << 1, third, &third->header.epoch.data_key_id), 0);
    assert_int_equal(opens(1 << 1, third, &a->data_key_id), 0);
    assert_int_equal(opens(1 << 3, third, &third->header.epoch.data_key_id), ATE_NO_KEY);
    expect_name_key(third, &name_key);
    ate__control_unref(third);
    ate__control_unref(second);
    ate__control_unref(first);
}

static void only_who_reads_begins_an_epoch(void **state)
{
    (void)state;
    struct ate_session *outsider = session_of(1 << 4);
    struct ate__scope_plan plan = plan_of(&w, 12, 0xc, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan);
    plan = plan_of(&w, 12, 1 << 2, everybody);
    plan.prev = first;
    expect_make(outsider, &plan, ATE_NO_KEY, "only who reads it can begin its next epoch");
    plan = plan_of(&w, 12, 0xc, everybody);
    plan.prev = first;
    plan.rotate = true;
    expect_make(outsider, &plan, ATE_NO_KEY, "only who reads it can begin its next epoch");
    ate__session_unref(outsider);
    ate__control_unref(first);
}

static bool key_3_ended(void *arg, const struct ate_hash *fingerprint)
{
    struct ate_hash key = key_fingerprint(3);
    (void)arg;
    return ate__hash_equal(fingerprint, &key);
}

static void keys_that_ended_are_left_out(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 13, 0xc, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan), *second;
    plan = plan_of(&w, 13, 0xc, everybody);
    plan.prev = first;
    plan.has_ended = key_3_ended;
    second = carry_out(&w.seal, everybody, &plan); /* the epoch goes on with its readers */
    assert_int_equal(second->header.auth.rule[ATE__RIGHT_READ].count, 2);
    ate__control_unref(second);
    plan.rotate = true;
    second = carry_out(&w.seal, everybody, &plan);
    assert_int_equal(second->header.auth.rule[ATE__RIGHT_READ].count, 1);
    assert_int_equal(opens(1 << 3, second, &second->header.epoch.data_key_id), ATE_NO_KEY);
    assert_int_equal(opens(1 << 2, second, &second->header.epoch.data_key_id), 0);
    plan = plan_of(&w, 13, 1 << 3, everybody); /* none is left */
    plan.prev = second;
    plan.has_ended = key_3_ended;
    expect_make(everybody, &plan, ATE_MISUSE, "all keys that shall read have ended");
    plan = plan_of(&w, 13, 0xc, everybody); /* nor does one come back */
    plan.prev = second;
    plan.has_ended = key_3_ended;
    expect_make(everybody, &plan, ATE_DENIED, "has ended, and cannot be let in");
    ate__control_unref(second);
    ate__control_unref(first);
}

/* ---- labels ---- */

static struct ate_bytes label_of_some(void *arg, const struct ate_hash *fingerprint)
{
    struct ate_hash key = key_fingerprint(2);
    (void)arg;
    return ate__text_bytes(ate__hash_equal(fingerprint, &key) ? "second key" : "");
}

static void expect_labels(const struct ate__control *c, unsigned keys, int result)
{
    struct ate_session *s = session_of(keys);
    struct ate_hash key = key_fingerprint(2);
    struct ate__recipient entry;
    for (size_t at = 0; ate__recipient_next(c->header.recipients, &at, &entry);) {
        struct ate__buf label = ATE__BUF_NULL;
        assert_int_equal(ate__label_of(&w.seal, s, c, &entry, &label), result);
        const char *expected =
            !result && ate__hash_equal(&entry.fingerprint, &key) ? "second key" : "";
        assert_true(ate__bytes_equal(ate__buf_bytes(&label), ate__text_bytes(expected)));
        ate__buf_deinit(&label);
    }
    ate__session_unref(s);
}

static void labels_are_for_readers(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 14, 0xc, everybody);
    plan.label = label_of_some;
    struct ate__control *first = carry_out(&w.seal, everybody, &plan), *second;
    expect_labels(first, 1 << 3, 0);
    expect_labels(first, 1 << 4, ATE_NO_KEY);
    second = next_control(14, first, 0xc, true); /* by somebody who knows no labels */
    expect_labels(second, 1 << 3, 0);
    /* A label is of its key and its epoch. */
    struct ate__recipient entry;
    struct ate__buf label = ATE__BUF_NULL;
    for (size_t at = 0; ate__recipient_next(second->header.recipients, &at, &entry);)
        if (entry.label.size) {
            entry.fingerprint.b[0] ^= 1;
            assert_int_equal(ate__label_of(&w.seal, everybody, second, &entry, &label),
                             ATE_TAMPERED);
            entry.fingerprint.b[0] ^= 1;
            assert_int_equal(ate__label_of(&w.seal, everybody, first, &entry, &label),
                             ATE_TAMPERED);
        }
    ate__buf_deinit(&label);
    ate__control_unref(second);
    ate__control_unref(first);
}

static const char *hostile;

static struct ate_bytes hostile_label(void *arg, const struct ate_hash *fingerprint)
{
    (void)arg;
    (void)fingerprint;
    return ate__text_bytes(hostile);
}

/* Who lets a reader in writes his label, and may write anything: it is shown to the others. */
static void a_label_is_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x1b]0;mine", "two\nlines", "\xff", "\xc2\x9b"};
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        struct ate__scope_plan plan = plan_of(&w, 14, 1 << 2, everybody);
        struct ate__recipient entry;
        struct ate__buf label = ATE__BUF_NULL;
        size_t at = 0;
        plan.label = hostile_label;
        hostile = bad[i];
        struct ate__control *c = carry_out(&w.seal, everybody, &plan);
        assert_true(ate__recipient_next(c->header.recipients, &at, &entry));
        assert_int_equal(ate__label_of(&w.seal, everybody, c, &entry, &label), ATE_TAMPERED);
        assert_int_equal(label.size, 0);
        ate__buf_deinit(&label);
        ate__control_unref(c);
    }
}

/* ---- the end of a private scope, and its next beginning ---- */

static struct ate__control *end_scope(unsigned object, const struct ate__control *prev,
                                      struct ate__rule read, bool publish,
                                      const struct ate__data_key *around)
{
    struct ate__scope_plan plan = {
        .object = id_of(object), .prev = prev, .publish = publish, .around = around};
    plan.auth.rule[ATE__RIGHT_READ] = read;
    return carry_out(&w.seal, everybody, &plan);
}

static void an_ended_scope_keeps_its_names(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 15, 0xc, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan), *ended, *again;
    struct ate__key32 d = {{9}}, name_key, opened;
    struct ate__data_key *around;
    struct ate_id object = id_of(15);
    assert_int_equal(ate__name_key_open(&w.seal, everybody, first, first, &name_key), 0);
    assert_int_equal(ate__data_key_new(&w.seal, &d, &around), 0);
    ended = end_scope(15, first, rule_everyone, false, NULL);
    assert_false(ate__header_has(&ended->header, ATE__TAG_EPOCH));
    assert_true(ate__bytes_equal(ended->header.namekey.bytes, first->header.namekey.bytes));
    ate__control_unref(ended);
    ended = end_scope(15, first, rule_inherit, false, around);
    assert_true(ate__hash_equal(&ended->header.namekey.data_key_id, &around->id));
    assert_int_equal(
        ate__name_key_unwrap(&w.seal, around, &object, ended->header.namekey.bytes, &opened), 0);
    assert_memory_equal(&opened, &name_key, sizeof opened);
    assert_int_equal(opens(1 << 3, ended, &first->header.epoch.data_key_id), 0); /* the past */
    plan = plan_of(&w, 15, 1 << 2, everybody);
    plan.prev = ended;
    plan.name_key = &name_key;
    again = carry_out(&w.seal, everybody, &plan);
    assert_int_equal(again->header.epoch.epoch, 1);
    assert_true(ate__header_has(&again->header, ATE__TAG_LINK));
    assert_int_equal(opens(1 << 2, again, &first->header.epoch.data_key_id), 0);
    assert_int_equal(opens(1 << 3, again, &again->header.epoch.data_key_id), ATE_NO_KEY);
    expect_name_key(again, &name_key);
    ate__control_unref(again);
    ate__control_unref(ended);
    ate__control_unref(first);
    ate__data_key_unref(around);
}

/* Everybody opens what was written up to then, and nothing of what comes after. */
static void what_is_published_is_open_to_all(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 16, 0xc, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan);
    struct ate__control *second = next_control(16, first, 0x4, false);
    struct ate__control *open = end_scope(16, second, rule_everyone, true, NULL);
    struct ate_hash ids[] = {first->header.epoch.data_key_id, second->header.epoch.data_key_id};
    struct ate__data_key *key;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(opens(1 << 4, open, &ids[i]), 0);
        assert_int_equal(ate__data_key_open(&w.seal, NULL, open, &ids[i], &key),
                         0); /* no session */
        ate__data_key_unref(key);
    }
    assert_false(open->header.namekey.wrapped);
    struct ate__control *still = end_scope(16, open, rule_inherit, false, NULL);
    assert_true(ate__bytes_equal(still->header.published, open->header.published));
    struct ate__control *closed = next_control(16, still, 0x6, false);
    assert_int_equal(closed->header.epoch.epoch, 2);
    assert_false(ate__header_has(&closed->header, ATE__TAG_LINK));
    assert_int_equal(opens(1 << 4, closed, &closed->header.epoch.data_key_id), ATE_NO_KEY);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(opens(1 << 4, closed, &ids[i]), 0);
    assert_int_equal(opens(1 << 1, closed, &closed->header.epoch.data_key_id), 0);
    struct ate_session *outsider = session_of(1 << 4);
    plan = (struct ate__scope_plan){.object = id_of(16), .prev = closed, .publish = true};
    plan.auth.rule[ATE__RIGHT_READ] = rule_everyone;
    expect_make(outsider, &plan, ATE_NO_KEY, NULL);
    plan.object = id_of(17);
    plan.prev = NULL;
    expect_make(outsider, &plan, ATE_MISUSE, "nothing to publish");
    ate__session_unref(outsider);
    ate__control_unref(closed);
    ate__control_unref(still);
    ate__control_unref(open);
    ate__control_unref(second);
    ate__control_unref(first);
}

/* ---- who writes without reading ---- */

static void sealed_to_an_epoch(void **state)
{
    (void)state;
    struct ate__scope_plan plan = plan_of(&w, 18, 1 << 2, everybody);
    struct ate__control *first = carry_out(&w.seal, everybody, &plan);
    struct ate__control *second = next_control(18, first, 1 << 2, true);
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__data_key *key, *opened;
    assert_int_equal(ate__sealed_key_make(&w.seal, second, &sealed, &key), 0);
    struct ate__header body = {
        .conf = {.epoch = 1, .data_key_id = key->id},
        .sealed = {second->header.epoch.data_key_id, ate__buf_bytes(&sealed)}};
    struct ate_session *reader = session_of(1 << 2), *outsider = session_of(1 << 4);
    assert_int_equal(ate__sealed_key_open(&w.seal, reader, second, &body, &opened), 0);
    assert_memory_equal(&opened->d, &key->d, sizeof key->d);
    ate__data_key_unref(opened);
    assert_int_equal(ate__sealed_key_open(&w.seal, outsider, second, &body, &opened), ATE_NO_KEY);
    body.sealed.epoch_key_id = first->header.epoch.data_key_id; /* to another epoch */
    assert_int_equal(ate__sealed_key_open(&w.seal, reader, second, &body, &opened), ATE_TAMPERED);
    body.sealed.epoch_key_id = second->header.epoch.data_key_id;
    body.conf.data_key_id.b[3] ^= 1; /* to another key */
    assert_int_equal(ate__sealed_key_open(&w.seal, reader, second, &body, &opened), ATE_TAMPERED);
    body.conf.data_key_id.b[3] ^= 1;
    sealed.data[sealed.size - 1] ^= 1;
    assert_int_equal(ate__sealed_key_open(&w.seal, reader, second, &body, &opened), ATE_TAMPERED);
    ate__buf_deinit(&sealed);
    ate__data_key_unref(key);
    ate__session_unref(reader);
    ate__session_unref(outsider);
    ate__control_unref(second);
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
        cmocka_unit_test(a_reader_goes_with_an_epoch),
        cmocka_unit_test(only_who_reads_begins_an_epoch),
        cmocka_unit_test(keys_that_ended_are_left_out),
        cmocka_unit_test(labels_are_for_readers),
        cmocka_unit_test(a_label_is_text),
        cmocka_unit_test(an_ended_scope_keeps_its_names),
        cmocka_unit_test(what_is_published_is_open_to_all),
        cmocka_unit_test(sealed_to_an_epoch),
        cmocka_unit_test(a_scope_that_is_not_whole_is_not_continued),
        cmocka_unit_test(what_is_made_is_accepted),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
