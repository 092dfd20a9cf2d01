/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Check 1: the rules that a transaction keeps or breaks by itself.
 */
#include "one_world.h"

/* ---- objects ---- */

static void one_event_of_each_line(void **state)
{
    (void)state;
    struct ate_hash now = body_of(&w, id_of(1));
    struct control control = {.id = id_of(1), .auth = auth_write(rule_everyone)};
    struct draft *d = draft_signed();
    draft_body(d, &(struct body){.id = id_of(1), .prev = &now});
    draft_control(d, &control);
    expect(&w, d, 0, NULL);

    d = draft_signed();
    draft_body(d, &(struct body){.id = id_of(1), .prev = &now});
    draft_body(d, &(struct body){.id = id_of(1), .prev = &now, .payload = "again"});
    expect(&w, d, ATE_MALFORMED, "two events of one line");

    d = draft_signed();
    draft_control(d, &control);
    draft_control(d, &control);
    expect(&w, d, ATE_MALFORMED, "two events of one line");

    d = draft_signed();
    draft_tombstone(d, id_of(1), now, false);
    draft_body(d, &(struct body){.id = id_of(1), .prev = &now});
    expect(&w, d, ATE_MALFORMED, "two events of one line");

    for (int tombstone_first = 0; tombstone_first < 2; tombstone_first++) {
        d = draft_signed();
        if (tombstone_first)
            draft_tombstone(d, id_of(1), now, false);
        draft_control(d, &control);
        if (!tombstone_first)
            draft_tombstone(d, id_of(1), now, false);
        expect(&w, d, ATE_MALFORMED, "deleted beside it");
    }
}

/* ---- kinds ---- */

static void kinds_of_later_versions_are_unsupported(void **state)
{
    (void)state;
    static const uint8_t bytes[4];
    static const enum ate__tag tags[] = {ATE__TAG_HOME, ATE__TAG_MOVED};
    for (size_t i = 0; i < ATE__COUNT_OF(tags); i++) {
        struct draft *d = draft_signed();
        draft_item(d, tags[i], ate__bytes(bytes, sizeof bytes));
        expect(&w, d, ATE_UNSUPPORTED, "of a later version");
    }
}

static void a_genesis_stands_at_the_beginning_only(void **state)
{
    (void)state;
    struct ate__buf body = ATE__BUF_NULL;
    world_genesis(&w.root, 1, WORLD_WINDOW, &body);
    struct draft *d = draft_signed();
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    expect(&w, d, ATE_UNSUPPORTED, "genesis behind transaction 0");
    ate__buf_deinit(&body);
}

/* Judges as transaction 0 of the same chain. */
static int judge_first(struct draft *d)
{
    struct model empty;
    struct ate__verdict v;
    model_init(&empty);
    d->base_size = 0;
    d->base_root = model_root(0);
    int rc = ate__accept(w.t, &empty.facts, draft_tx(d), 0, w.m.now_us, &v);
    model_deinit(&empty);
    return rc;
}

static void transaction_0_has_one_genesis_and_no_root_changes(void **state)
{
    (void)state;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate_hash key = w.root->fingerprint;
    struct ate__root_change remove = {ATE__ROOT_REMOVE, ate__bytes(&key, sizeof key)};
    world_genesis(&w.root, 1, WORLD_WINDOW, &body);
    for (int variant = 0; variant < 5; variant++) {
        struct draft *d = draft_signed();
        if (variant != 1)
            draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
        if (variant == 1)
            draft_create(d, id_of(5), ate__top_id);
        if (variant == 2)
            draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
        if (variant == 3)
            draft_root(d, &remove, 1);
        if (variant == 4)
            draft_item(d, ATE__TAG_REVOKE, ate__bytes(&key, sizeof key));
        assert_int_equal(judge_first(d), variant ? ATE_MALFORMED : 0);
        draft_free(d);
    }
    /* Objects may come with it, anywhere around the genesis. */
    struct draft *d = draft_signed();
    draft_create(d, id_of(5), ate__top_id);
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    draft_control(d, &(struct control){.auth = auth_write(rule_everyone)});
    assert_int_equal(judge_first(d), 0);
    draft_free(d);
    ate__buf_deinit(&body);
}

static void one_root_event(void **state)
{
    (void)state;
    struct ate_hash key = who(1);
    struct ate__root_change remove = {ATE__ROOT_REMOVE, ate__bytes(&key, sizeof key)};
    struct draft *d = draft_signed();
    draft_root(d, &remove, 1);
    draft_root(d, &remove, 1);
    expect(&w, d, ATE_MALFORMED, "two ROOT events");
}

/* ---- what was left out ---- */

static bool keep_none(void *arg, uint32_t event)
{
    (void)arg;
    (void)event;
    return false;
}

static bool keep_all(void *arg, uint32_t event)
{
    (void)arg;
    (void)event;
    return true;
}

static void what_was_left_out(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = draft_signed();
    draft_body(d,
               &(struct body){.id = id_of(5),
                              .payload = "more bytes than what stands for them, left at the root"});
    const struct ate__tx *whole = draft_tx(d);
    assert_true(ate__tx_is_whole(whole));
    for (int events = 0; events < 2; events++) {
        struct ate__buf reduced = ATE__BUF_NULL;
        struct ate__tx tx;
        assert_int_equal(ate__tx_reduce(whole, events ? keep_none : keep_all, NULL, 3, &reduced),
                         0);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&reduced), ATE__SHA256, &tx), 0);
        assert_false(ate__tx_is_whole(&tx));
        assert_int_equal(ate__accept(w.t, &w.m.facts, &tx, w.m.size, w.m.now_us, &v),
                         events ? ATE_OMITTED : 0);
        ate__tx_deinit(&tx);
        ate__buf_deinit(&reduced);
    }
    draft_free(d);
}

/* ---- control events ---- */

static struct control scope(void)
{
    return (struct control){
        .id = id_of(1),
        .auth = auth_of(rule_who(&w, 3), rule_inherit, rule_inherit, rule_inherit),
        .epoch_id = 1,
        .no_name_key = false,
    };
}

static void expect_control(const struct control *c, int result, const char *sentence)
{
    struct draft *d = draft_signed();
    draft_control(d, c);
    expect(&w, d, result, sentence);
}

static void a_control_event_states_reading_in_one_way(void **state)
{
    (void)state;
    struct control c = scope();
    expect_control(&c, ATE_DENIED, "sealed to"); /* well-formed: the key is not there */

    c.auth.rule[ATE__RIGHT_READ] = rule_nobody;
    c.epoch_id = 0;
    expect_control(&c, ATE_UNSUPPORTED, "read nobody");

    c = scope();
    c.no_epoch = true;
    expect_control(&c, ATE_MALFORMED, "EPOCH and RECIPIENTS");
    c.recipients = &c.auth.rule[ATE__RIGHT_WRITE];
    c = scope();
    struct ate__rule readers = c.auth.rule[ATE__RIGHT_READ];
    c.recipients = &readers;
    c.auth.rule[ATE__RIGHT_READ] = rule_everyone;
    expect_control(&c, ATE_MALFORMED, "EPOCH and RECIPIENTS");

    c = scope();
    c.no_name_key = true;
    expect_control(&c, ATE_MALFORMED, "without NAMEKEY");
    c = scope();
    c.no_epoch = true;
    c.auth.rule[ATE__RIGHT_READ] = rule_everyone;
    expect_control(&c, ATE_MALFORMED, "is or was of some keys");

    c = scope();
    c.clear_name_key = true;
    expect_control(&c, ATE_MALFORMED, "NAMEKEY in clear");
    c = scope();
    c.name_key_id = 2;
    expect_control(&c, ATE_MALFORMED, "not under the data key");
}

static void recipients_are_the_keys_of_the_read_rule(void **state)
{
    (void)state;
    struct ate_hash three[] = {who(3), who(4), who(5)};
    struct control c = scope();
    struct ate__rule rules[] = {
        rule_of(&w, three, 2),     /* one more */
        rule_of(&w, three + 1, 1), /* another */
        rule_of(&w, three, 3),
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rules); i++) {
        c = scope();
        c.recipients = &rules[i];
        expect_control(&c, ATE_MALFORMED, "RECIPIENTS are not");
    }
    c = scope();
    c.recipients = &c.auth.rule[ATE__RIGHT_READ];
    struct ate__rule one = c.auth.rule[ATE__RIGHT_READ];
    c.recipients = &one;
    c.auth.rule[ATE__RIGHT_READ] = rules[2]; /* one less */
    expect_control(&c, ATE_MALFORMED, "RECIPIENTS are not");
}

static void other_rules_may_be_anything(void **state)
{
    (void)state;
    struct ate__rule rules[] = {rule_inherit, rule_everyone, rule_nobody, rule_who(&w, 9)};
    for (unsigned i = 0; i < 64; i++) {
        struct control c = {
            .id = id_of(1),
            .auth = auth_of(rule_inherit, rules[i % 4], rules[i / 4 % 4], rules[i / 16])};
        expect_control(&c, 0, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_of_each_line),
        cmocka_unit_test(kinds_of_later_versions_are_unsupported),
        cmocka_unit_test(a_genesis_stands_at_the_beginning_only),
        cmocka_unit_test(transaction_0_has_one_genesis_and_no_root_changes),
        cmocka_unit_test(one_root_event),
        cmocka_unit_test(what_was_left_out),
        cmocka_unit_test(a_control_event_states_reading_in_one_way),
        cmocka_unit_test(recipients_are_the_keys_of_the_read_rule),
        cmocka_unit_test(other_rules_may_be_anything),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
