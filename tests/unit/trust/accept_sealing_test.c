/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Check 6: bodies are encrypted for the scope that they come to lie in, and control events continue
 * the epochs.
 *
 * The tree: 1 is a private scope of data key 1, 2 lies in it; 3 is open, 4 lies below it; 5 lies
 * below 1 and is open to everyone again.
 */
#include "trust/data_key.h"
#include "world.h"

static struct world w;
static struct ate__rule readers;      /* of scope 1: the root key and key 2 */
static struct ate__key *second_key;

static struct draft *draft_signed(void)
{
    struct draft *d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    return d;
}

static struct ate__auth auth_read(struct ate__rule read)
{
    return auth_of(read, rule_inherit, rule_inherit, rule_inherit);
}

static struct ate__conf_item conf_of(unsigned key, uint64_t epoch)
{
    return (struct ate__conf_item){.epoch = epoch, .data_key_id = hash_of(key)};
}

static int begin(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    second_key = world_key(&w, 2);
    struct ate_hash keys[] = {w.root->fingerprint, second_key->fingerprint};
    struct ate__conf_item conf = conf_of(1, 0);
    readers = rule_of(&w, keys, 2);
    struct draft *d = draft_signed();
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&second_key->public_key));
    draft_body(d, &(struct body){.id = id_of(1), .conf = &conf});
    draft_control(d, &(struct control){.id = id_of(1), .auth = auth_read(readers), .epoch_id = 1});
    draft_body(d, &(struct body){.id = id_of(2), .parent = id_of(1), .conf = &conf});
    draft_create(d, id_of(3), ate__top_id);
    draft_create(d, id_of(4), id_of(3));
    draft_create(d, id_of(5), id_of(1));
    draft_control(d, &(struct control){.id = id_of(5), .auth = auth_read(rule_everyone)});
    commit(&w, d);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__key_free(second_key);
    world_deinit(&w);
    return 0;
}

/* ---- bodies ---- */

static void a_body_is_encrypted_for_its_scope(void **state)
{
    (void)state;
    struct ate__conf_item good = conf_of(1, 0), other_key = conf_of(2, 0), late = conf_of(1, 1);
    const struct {
        unsigned parent;
        const struct ate__conf_item *conf;
        const char *sentence;
    } rows[] = {
        {1, &good, NULL},
        {2, &good, NULL},
        {1, NULL, "in clear, in the private scope of a0000000010100000000000000000000"},
        {2, NULL, "in clear"},
        {1, &other_key, "another data key"},
        {2, &late, "encrypted for epoch 1"},
        {3, NULL, NULL},
        {4, NULL, NULL},
        {3, &good, "where everyone may read"},
        {5, NULL, NULL},
        {5, &good, "where everyone may read"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct draft *d = draft_signed();
        draft_body(d, &(struct body){
                          .id = id_of(20), .parent = id_of(rows[i].parent), .conf = rows[i].conf});
        expect(&w, d, rows[i].sentence ? ATE_STALE_KEY : 0, rows[i].sentence);
    }
}

static void a_moved_body_is_encrypted_for_where_it_goes(void **state)
{
    (void)state;
    struct ate__conf_item conf = conf_of(1, 0);
    struct ate_hash in = body_of(&w, id_of(2)), out = body_of(&w, id_of(4));
    for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
        struct draft *d = draft_signed(); /* out of the scope */
        draft_body(d, &(struct body){.id = id_of(2),
                                     .parent = id_of(3),
                                     .prev = &in,
                                     .conf = encrypted ? &conf : NULL});
        expect(&w, d, encrypted ? ATE_STALE_KEY : 0, NULL);
        d = draft_signed(); /* into it */
        draft_body(d, &(struct body){.id = id_of(4),
                                     .parent = id_of(1),
                                     .prev = &out,
                                     .conf = encrypted ? &conf : NULL});
        expect(&w, d, encrypted ? 0 : ATE_STALE_KEY, NULL);
    }
}

/* What stays where it is keeps its encryption: only bodies of the transaction are looked at. */
static void what_a_move_carries_along_is_not_looked_at(void **state)
{
    (void)state;
    struct ate__conf_item conf = conf_of(1, 0);
    struct ate_hash now = body_of(&w, id_of(3));
    struct draft *d = draft_signed();
    draft_body(d, &(struct body){.id = id_of(3), .parent = id_of(1), .prev = &now, .conf = &conf});
    expect(&w, d, 0, NULL);
    /* But a body below, written in the same transaction, lies in the scope then. */
    for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
        struct ate_hash below = body_of(&w, id_of(4));
        d = draft_signed();
        draft_body(d, &(struct body){.id = id_of(4),
                                     .parent = id_of(3),
                                     .prev = &below,
                                     .conf = encrypted ? &conf : NULL});
        draft_body(d,
                   &(struct body){.id = id_of(3), .parent = id_of(1), .prev = &now, .conf = &conf});
        expect(&w, d, encrypted ? 0 : ATE_STALE_KEY, NULL);
    }
}

/* A scope of the same transaction counts for what is written below it. */
static void a_new_scope_counts_at_once(void **state)
{
    (void)state;
    struct ate__conf_item outer = conf_of(1, 0), inner = conf_of(7, 0);
    for (unsigned old_key = 0; old_key < 2; old_key++) {
        struct draft *d = draft_signed();
        draft_body(d, &(struct body){
                          .id = id_of(31), .parent = id_of(30), .conf = old_key ? &outer : &inner});
        draft_body(d, &(struct body){.id = id_of(30), .parent = id_of(2), .conf = &inner});
        draft_control(
            d, &(struct control){.id = id_of(30), .auth = auth_read(readers), .epoch_id = 7});
        expect(&w, d, old_key ? ATE_STALE_KEY : 0, NULL);
    }
}

static void tombstones_carry_no_body(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    draft_tombstone(d, id_of(2), body_of(&w, id_of(2)), false);
    expect(&w, d, 0, NULL);
}

/* ---- epochs ---- */

static struct control next_of(const struct ate__control *now)
{
    return (struct control){
        .id = now->object,
        .prev = &now->hash,
        .auth = auth_read(readers),
        .epoch_id = 1,
    };
}

static void expect_control(const struct control *c, int result, const char *sentence)
{
    struct draft *d = draft_signed();
    draft_control(d, c);
    expect(&w, d, result, sentence);
}

static void a_scope_begins_with_epoch_0(void **state)
{
    (void)state;
    struct control c = {.id = id_of(3), .auth = auth_read(readers), .epoch_id = 9};
    expect_control(&c, 0, NULL);
    c.epoch = 1;
    expect_control(&c, ATE_MALFORMED, "begin with epoch 0");
    /* Also where there was a control event that did not set read. */
    plant(&w, id_of(40), ate__top_id);
    rule(&w, id_of(40), auth_write(rule_inherit));
    c = next_of(control_of(&w, id_of(40)));
    expect_control(&c, 0, NULL);
    c.epoch = 1;
    expect_control(&c, ATE_MALFORMED, "begin with epoch 0");
}

static void the_same_epoch_keeps_key_link_and_names(void **state)
{
    (void)state;
    struct control c = next_of(control_of(&w, id_of(1)));
    expect_control(&c, 0, NULL);
    c.auth.rule[ATE__RIGHT_WRITE] = rule_everyone;
    expect_control(&c, 0, NULL);

    c = next_of(control_of(&w, id_of(1)));
    c.epoch_id = 2;
    expect_control(&c, ATE_MALFORMED, "another data key in the same epoch");
    c = next_of(control_of(&w, id_of(1)));
    c.seal = 1;
    expect_control(&c, ATE_MALFORMED, "another data key in the same epoch");
    c = next_of(control_of(&w, id_of(1)));
    c.namekey = 1;
    expect_control(&c, ATE_MALFORMED, "another NAMEKEY in the same epoch");
}

static void readers_come_in_an_epoch_and_go_with_it(void **state)
{
    (void)state;
    struct ate_hash keys[] = {w.root->fingerprint, second_key->fingerprint};
    struct ate__rule one = rule_of(&w, keys, 1);
    struct control c = next_of(control_of(&w, id_of(1)));
    c.auth = auth_read(one);
    expect_control(&c, ATE_DENIED, "a reader goes, but the epoch stays");
    c.epoch = 1; /* with a key of its own it may go */
    c.epoch_id = 2;
    expect_control(&c, 0, NULL);

    /* A scope of one reader gets the second. */
    struct draft *d = draft_signed();
    draft_create(d, id_of(41), ate__top_id);
    commit(&w, d);
    struct control first = {.id = id_of(41), .auth = auth_read(one), .epoch_id = 5};
    d = draft_signed();
    draft_control(d, &first);
    commit(&w, d);
    c = next_of(control_of(&w, id_of(41)));
    c.epoch_id = 5;
    expect_control(&c, 0, NULL);
}

static void epochs_go_up_one_by_one(void **state)
{
    (void)state;
    plant(&w, id_of(42), ate__top_id);
    struct draft *d = draft_signed();
    draft_control(d, &(struct control){.id = id_of(42), .auth = auth_read(readers), .epoch_id = 1});
    commit(&w, d);
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        struct control c = next_of(control_of(&w, id_of(42)));
        c.epoch_id = (unsigned)epoch + 2;
        c.epoch = epoch + 2;
        expect_control(&c, ATE_MALFORMED, "not the next one");
        if (epoch) {
            c.epoch = epoch - 1;
            expect_control(&c, ATE_MALFORMED, "not the next one");
        }
        c.epoch = epoch + 1;
        c.epoch_id = (unsigned)epoch + 1;
        expect_control(&c, ATE_MALFORMED, "with the data key of the one before");
        c.epoch_id = (unsigned)epoch + 2;
        d = draft_signed();
        draft_control(d, &c);
        commit(&w, d);
    }
    /* LINK stays with its epoch. */
    struct control c = next_of(control_of(&w, id_of(42)));
    c.epoch = 4;
    c.epoch_id = 5;
    expect_control(&c, 0, NULL);
    c.link = 1;
    expect_control(&c, ATE_MALFORMED, "another LINK in the same epoch");
    /* And bodies follow the newest epoch. */
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        struct ate__conf_item conf = conf_of((unsigned)epoch + 1, epoch);
        d = draft_signed();
        draft_body(d, &(struct body){.id = id_of(43), .parent = id_of(42), .conf = &conf});
        expect(&w, d, epoch == 4 ? 0 : ATE_STALE_KEY, "is in epoch 4");
    }
}

/* A body of the very transaction that turns the epoch is under the new key. */
static void an_epoch_counts_at_once(void **state)
{
    (void)state;
    for (unsigned key = 1; key <= 2; key++) {
        struct ate__conf_item conf = conf_of(key, key - 1);
        struct control c = next_of(control_of(&w, id_of(1)));
        c.epoch = 1;
        c.epoch_id = 2;
        struct draft *d = draft_signed();
        draft_body(d, &(struct body){.id = id_of(50), .parent = id_of(2), .conf = &conf});
        draft_control(d, &c);
        expect(&w, d, key == 2 ? 0 : ATE_STALE_KEY, "encrypted for epoch 0");
    }
}

/* It may end, with its name key kept for the names that are there; and begin again where it was. */
static void a_private_scope_ends_and_begins_again(void **state)
{
    (void)state;
    struct ate__rule rules[] = {rule_inherit, rule_everyone};
    for (size_t i = 0; i < ATE__COUNT_OF(rules); i++) {
        struct ate_id id = id_of(60 + (unsigned)i);
        plant(&w, id, ate__top_id);
        struct draft *d = draft_signed();
        draft_control(d, &(struct control){.id = id, .auth = auth_read(readers), .epoch_id = 1});
        commit(&w, d);
        struct control c = next_of(control_of(&w, id));
        c.no_epoch = true;
        c.auth = auth_read(rules[i]);
        c.no_name_key = true;
        expect_control(&c, ATE_MALFORMED, "NAMEKEY goes");
        c.no_name_key = false;
        c.clear_name_key = true;
        expect_control(&c, ATE_MALFORMED, "in clear beside PUBLISHED");
        c.clear_name_key = false;
        c.name_key_id = 9; /* of what lies around it */
        d = draft_signed();
        draft_control(d, &c);
        commit(&w, d);
        /* Bodies are in clear, and it begins again with the next epoch, and a LINK. */
        struct ate__conf_item conf = conf_of(1, 0);
        for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
            d = draft_signed();
            draft_body(
                d, &(struct body){.id = id_of(70), .parent = id, .conf = encrypted ? &conf : NULL});
            expect(&w, d, encrypted ? ATE_STALE_KEY : 0, "where everyone may read");
        }
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            c = next_of(control_of(&w, id));
            c.epoch = epoch;
            c.epoch_id = 2;
            expect_control(&c, epoch == 1 ? 0 : ATE_MALFORMED, "not the next one");
        }
        c.epoch = 1;
        c.epoch_id = 1;
        expect_control(&c, ATE_MALFORMED, "with the data key of the one before");
        c.epoch_id = 2;
        c.no_link = true;
        expect_control(&c, ATE_MALFORMED, "an epoch above 0 without LINK");
    }
    /* A name key comes with a private scope alone. */
    struct control c = {.id = id_of(2), .auth = auth_read(rule_everyone), .epoch_id = 1};
    c.no_epoch = true;
    expect_control(&c, ATE_MALFORMED, "is or was of some keys");
    c.epoch_id = 0;
    expect_control(&c, 0, NULL);
}

/* PUBLISHED is the data key of the last epoch. */
static void only_the_right_key_is_published(void **state)
{
    (void)state;
    struct ate_bytes d_of_epoch = ate__bytes("0123456789abcdef0123456789abcdef", 32);
    struct ate_bytes other = ate__bytes("0123456789abcdef0123456789abcdeg", 32);
    struct ate_id id = id_of(80);
    struct control c = {.id = id, .auth = auth_read(readers), .epoch_id = 1};
    plant(&w, id, ate__top_id);
    assert_int_equal(ate__data_key_id(&w.seal, d_of_epoch, &c.real_id), 0);
    c.has_real_id = true;
    struct draft *d = draft_signed();
    draft_control(d, &c);
    commit(&w, d);
    c = next_of(control_of(&w, id));
    c.no_epoch = c.clear_name_key = true;
    c.auth = auth_read(rule_everyone);
    expect_control(&c, ATE_MALFORMED, "in clear beside PUBLISHED");
    c.published = other;
    expect_control(&c, ATE_MALFORMED, "not the data key of the last epoch");
    c.published = d_of_epoch;
    d = draft_signed();
    draft_control(d, &c);
    commit(&w, d);
    /* It stays so; and what begins then needs no LINK. */
    struct control next = next_of(control_of(&w, id));
    next.no_epoch = true;
    next.auth = auth_read(rule_inherit);
    expect_control(&next, ATE_MALFORMED, "PUBLISHED goes");
    next.clear_name_key = true;
    next.published = d_of_epoch;
    expect_control(&next, 0, NULL);
    next = next_of(control_of(&w, id));
    next.epoch = 1;
    next.epoch_id = 2;
    expect_control(&next, ATE_MALFORMED, "LINK to an epoch that was published");
    next.no_link = true;
    expect_control(&next, 0, NULL);
    /* Nor where there never was an epoch. */
    c = (struct control){.id = id_of(3), .auth = auth_read(rule_everyone), .epoch_id = 1};
    c.no_epoch = c.clear_name_key = true;
    c.published = d_of_epoch;
    expect_control(&c, ATE_MALFORMED, "is or was of some keys");
}

/* A body of who does not read: sealed to the epoch in force, and to no other. */
static void sealed_bodies_follow_the_epoch(void **state)
{
    (void)state;
    struct ate__conf_item conf = conf_of(200, 0);
    for (unsigned key = 0; key < 3; key++) {
        struct draft *d = draft_signed();
        conf.epoch = key == 2 ? 1 : 0;
        draft_body(d, &(struct body){.id = id_of(90),
                                     .parent = id_of(1),
                                     .conf = &conf,
                                     .sealed_to = key == 1 ? 2 : 1});
        expect(&w, d, key ? ATE_STALE_KEY : 0, "is in epoch 0");
    }
    struct draft *d = draft_signed();
    conf.epoch = 0;
    draft_body(d,
               &(struct body){.id = id_of(90), .parent = id_of(3), .conf = &conf, .sealed_to = 1});
    expect(&w, d, ATE_STALE_KEY, "where everyone may read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_encrypted_for_its_scope),
        cmocka_unit_test(a_moved_body_is_encrypted_for_where_it_goes),
        cmocka_unit_test(what_a_move_carries_along_is_not_looked_at),
        cmocka_unit_test(a_new_scope_counts_at_once),
        cmocka_unit_test(tombstones_carry_no_body),
        cmocka_unit_test(a_scope_begins_with_epoch_0),
        cmocka_unit_test(the_same_epoch_keeps_key_link_and_names),
        cmocka_unit_test(readers_come_in_an_epoch_and_go_with_it),
        cmocka_unit_test(epochs_go_up_one_by_one),
        cmocka_unit_test(an_epoch_counts_at_once),
        cmocka_unit_test(a_private_scope_ends_and_begins_again),
        cmocka_unit_test(only_the_right_key_is_published),
        cmocka_unit_test(sealed_bodies_follow_the_epoch),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
