/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Transactions of which a server attests who made them: what that gives a right to in a centralized
 * chain, what takes a signature there as well, and that it gives nothing in a distributed one.
 */
#include "crypto/log_key.h"
#include "world.h"

static struct world w;

static void begin(bool centralized)
{
    struct ate__auth open = auth_write(rule_everyone);
    struct terms terms = {.centralized = centralized};
    world_init_of(&w, 1, &open, &terms);
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

/* The draft without a signature, attested; released by attested_free(). */
struct attested {
    struct draft *d;
    struct ate__buf bytes;
    struct ate__tx tx;
};
static struct attested attest(struct draft *take_d, const struct ate_hash *who, uint32_t count)
{
    struct attested a = {.d = take_d};
    const struct ate__tx *tx = draft_tx(take_d);
    size_t unsigned_size = tx->encoded.size - tx->signature_section.size;
    assert_int_equal(ate__buf_append(&a.bytes, ate__bytes(tx->encoded.data, unsigned_size)), 0);
    assert_int_equal(ate__tx_encode_attested(who, count, &a.bytes), 0);
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&a.bytes), ATE__SHA256, &a.tx), 0);
    assert_true(a.tx.attested && a.tx.signature_count == count);
    assert_memory_equal(&a.tx.hash, &take_d->tx.hash, sizeof a.tx.hash);
    return a;
}
static void attested_free(struct attested *a)
{
    ate__tx_deinit(&a->tx);
    ate__buf_deinit(&a->bytes);
    draft_free(a->d);
}

static int accept(const struct attested *a)
{
    struct ate__verdict verdict;
    int rc = ate__accept(w.t, &w.m.facts, &a->tx, w.m.size, w.m.now_us, &verdict);
    return rc ? rc : ate__trust_verify(w.t, &a->tx);
}

static int try(struct draft *take_d, const struct ate_hash *who)
{
    struct attested a = attest(take_d, who, 1);
    int rc = accept(&a);
    attested_free(&a);
    return rc;
}

/* An object whose writer is `who(7)`. */
static void plant_for(struct ate_id id)
{
    struct draft *d = draft_new(&w);
    draft_create(d, id, ate__top_id);
    draft_control(d, &(struct control){.id = id, .auth = auth_write(rule_who(&w, 7))});
    commit(&w, d);
}

static void the_right_of_who_is_attested(void **state)
{
    (void)state;
    begin(true);
    struct ate_hash writer = who(7), other = who(8);
    plant_for(id_of(1));
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(2), id_of(1));
    assert_int_equal(try(d, &writer), 0);
    d = draft_new(&w);
    draft_create(d, id_of(2), id_of(1));
    assert_int_equal(try(d, &other), ATE_DENIED);
}

static void nothing_in_a_distributed_chain(void **state)
{
    (void)state;
    begin(false);
    struct ate_hash writer = who(7);
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(2), ate__top_id); /* everybody may */
    assert_int_equal(try(d, &writer), ATE_MALFORMED);
}

/* Who has the server makes no root, log or compactor key, ends none, and certifies nothing. */
static void what_takes_a_root_key_takes_its_signature(void **state)
{
    (void)state;
    begin(true);
    struct draft *d = draft_new(&w);
    struct ate__key *k = world_key(&w, 5);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&k->public_key));
    draft_root(d, &(struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&k->public_key)}, 1);
    assert_int_equal(try(d, &w.root->fingerprint), ATE_DENIED);
    d = draft_new(&w);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&w.root->fingerprint, 32));
    assert_int_equal(try(d, &w.root->fingerprint), ATE_DENIED);
    struct ate__log_key *log;
    assert_int_equal(ate__log_key_of_seed(&(struct ate__key32){{3}}, &log), 0);
    d = draft_new(&w);
    draft_keys(d, ATE__TAG_LOG_KEYS,
               &(struct ate__root_change){ATE__ROOT_ADD, ate__log_key_public(log)}, 1);
    assert_int_equal(try(d, &w.root->fingerprint), ATE_DENIED);
    d = draft_new(&w);
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS,
               &(struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&k->public_key)}, 1);
    assert_int_equal(try(d, &w.root->fingerprint), ATE_DENIED);
    d = draft_new(&w);
    draft_snapshot(d, &(struct ate__snapshot_item){1, model_root(1), (struct ate_hash){{3}}});
    assert_int_equal(try(d, &w.root->fingerprint), ATE_DENIED);
    ate__log_key_free(log);
    ate__key_free(k);
}

/* ---- the fewest that do ---- */

enum { TREES = 200, OBJECTS = 40, KEYS = 7, TRIES = 6 };

/* In each a few objects have rules of one to three keys, some of them everyone's. */
static void grow(struct rnd *r)
{
    struct draft *d = draft_new(&w);
    for (unsigned i = 0; i < OBJECTS; i++) {
        unsigned above = (unsigned)rnd_below(r, i + 1);
        draft_create(d, id_of(i + 1), above == i ? ate__top_id : id_of(above + 1));
    }
    force(&w, d);
    d = draft_new(&w);
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct ate__auth auth = {0};
        struct ate_hash keys[ATE__RIGHTS][3];
        if (rnd_below(r, 3))
            continue;
        for (int right = ATE__RIGHT_WRITE; right < ATE__RIGHTS; right++) {
            unsigned count = (unsigned)rnd_below(r, 4), first = (unsigned)rnd_below(r, 5);
            for (unsigned k = 0; k < count; k++)
                keys[right][k] = who(first + k);
            if (count)
                auth.rule[right] = (struct ate__rule){
                    .who = ATE__RULE_ANY_OF, .count = count, .keys = keys[right][0].b};
            else if (!rnd_below(r, 3))
                auth.rule[right] = rule_everyone;
        }
        draft_control(d, &(struct control){.id = id_of(i + 1), .auth = auth});
    }
    force(&w, d);
}

static struct draft *some_changes(struct rnd *r)
{
    struct draft *d = draft_new(&w);
    bool taken[OBJECTS] = {false};
    for (uint64_t events = 1 + rnd_below(r, 14); events--;) {
        unsigned at = (unsigned)rnd_below(r, OBJECTS);
        const struct model_object *o = &w.m.objects[at + 1];
        if (taken[at])
            continue;
        taken[at] = true;
        switch (rnd_below(r, 5)) {
        case 0: draft_create(d, id_of(1000 + at), o->id); break;
        case 1: draft_tombstone(d, o->id, o->body, true); break;
        case 2:
            draft_body(d, &(struct body){.id = o->id, .parent = o->parent, .prev = &o->body});
            break;
        case 3:
            draft_control(d, &(struct control){.id = o->id,
                                               .prev = o->control ? &o->control->hash : NULL,
                                               .auth = auth_write(rule_everyone)});
            break;
        default:
            draft_body(d, &(struct body){
                              .id = o->id, .parent = at ? id_of(1) : o->parent, .prev = &o->body});
        }
    }
    return d;
}

/* By trying: all, then without one after the other, from the last. */
static int with(struct ate__tx *tx, const struct ate_hash *keys, uint32_t bits)
{
    struct ate__verdict verdict;
    tx->signature_count = 0;
    tx->attested = bits != 0;
    for (uint32_t i = 0; i < KEYS; i++)
        if (bits >> i & 1)
            tx->signatures[tx->signature_count++].fingerprint = keys[i];
    return ate__accept(w.t, &w.m.facts, tx, w.m.size, w.m.now_us, &verdict);
}

static int by_trying(struct ate__tx *tx, const struct ate_hash *keys, uint32_t *ret_fewest)
{
    uint32_t fewest = (1u << KEYS) - 1;
    int rc = with(tx, keys, fewest);
    for (uint32_t i = KEYS; i-- && !rc;)
        if (!with(tx, keys, fewest & ~(1u << i)))
            fewest &= ~(1u << i);
    *ret_fewest = rc ? 0 : fewest;
    return rc;
}

static void the_fewest_are_those_that_trying_finds(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(7));
    struct ate_hash keys[KEYS];
    unsigned several = 0, none = 0, refused = 0;
    for (unsigned tree = 0; tree < TREES; tree++) {
        begin(true);
        grow(&r);
        for (unsigned i = 0; i < KEYS; i++)
            keys[i] = i == 3 ? w.root->fingerprint : who((i + tree) % KEYS);
        for (unsigned i = 0; i < TRIES; i++) {
            struct draft *d = some_changes(&r);
            struct ate__tx tx = *draft_tx(d);
            struct ate__verdict verdict;
            struct ate__makers proved = {.keys = keys, .count = KEYS};
            uint32_t fewest;
            int wanted = by_trying(&tx, keys, &fewest);
            tx.signature_count = 0;
            tx.attested = false;
            assert_int_equal(
                ate__accept_proved(w.t, &w.m.facts, &tx, w.m.size, w.m.now_us, &proved, &verdict),
                wanted);
            assert_int_equal(proved.fewest, fewest);
            several += __builtin_popcount(fewest) > 1;
            none += !wanted && !fewest;
            refused += wanted != 0;
            draft_free(d);
        }
        world_deinit(&w);
    }
    printf("%u took several keys, %u none, %u were refused\n", several, none, refused);
    assert_true(several > 50 && none && refused);
    begin(true);
}

static void how_it_is_made(void **state)
{
    (void)state;
    begin(true);
    struct ate_hash twice[2] = {who(1), who(1)}, two[2] = {who(2), who(1)};
    struct ate_hash many[ATE__TX_SIGNATURES_MAX + 1];
    struct ate__buf buf = ATE__BUF_NULL;
    for (unsigned i = 0; i < ATE__COUNT_OF(many); i++)
        many[i] = who(i + 1);
    assert_int_equal(ate__tx_encode_attested(NULL, 0, &buf), ATE_MALFORMED);
    assert_int_equal(ate__tx_encode_attested(twice, 2, &buf), ATE_MALFORMED);
    assert_int_equal(ate__tx_encode_attested(many, ATE__COUNT_OF(many), &buf), ATE_TOO_BIG);
    assert_int_equal(buf.size, 0);
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    struct attested a = attest(d, two, 2); /* in any order */
    assert_true(ate__hash_equal(&a.tx.signatures[0].fingerprint, &two[1]) ==
                (memcmp(&two[1], &two[0], sizeof two[0]) < 0));
    assert_false(ate__tx_signed_by(&a.tx, &two[0]));
    attested_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_right_of_who_is_attested, end),
        cmocka_unit_test_teardown(nothing_in_a_distributed_chain, end),
        cmocka_unit_test_teardown(what_takes_a_root_key_takes_its_signature, end),
        cmocka_unit_test_teardown(the_fewest_are_those_that_trying_finds, end),
        cmocka_unit_test_teardown(how_it_is_made, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
