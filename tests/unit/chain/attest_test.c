/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Commits of a centralized chain: which of the proved keys are written into them, what is refused,
 * and what becomes of it on the disk.
 */
#include "chain/attest.h"
#include "trust/plugin.h"
#include "offers.h"

/* Everyone below the top; each key by itself below the object of its number, plus 10. */
static void begin_attested(void)
{
    static struct ate__log_key *log_key;
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    if (!log_key)
        kit_ok(ate__log_key_of_seed(&kit_key(2)->seed, &log_key));
    kit_init(&kit, 5);
    kit.memory = true;
    kit.log_key = log_key; /* makes it centralized */
    kit_genesis(&kit, &open, 1000, 1);
    kit_create_ok(&kit);
    kit.log_key = NULL;
    ate__log_key_free(ate__steal(&log_key));
}

/* Offers the draft as it is, by who has proved these keys. */
static int commit(struct draft *d, const struct ate_hash *proved, uint32_t count,
                  struct ate__attested *ret_attested)
{
    struct ate__offer offer = {
        .encoded = draft_encode(d),
        .proved = proved,
        .proved_count = count,
        .timeout_ms = -1,
        .waits = true,
    };
    ate__chain_offer(kit.chain, &offer);
    ate__chain_wait(kit.chain, &offer);
    if (!offer.result)
        assert_int_equal(ate__attested_of(kit.chain, &offer, ret_attested), 0);
    return offer.result;
}

static struct ate_hash print_of(unsigned key)
{
    return kit_key(key)->fingerprint;
}

/* An object that this key alone may write. */
static void plant(unsigned object, unsigned key)
{
    struct ate_hash print = print_of(key);
    struct ate__rule rule = {.who = ATE__RULE_ANY_OF, .count = 1, .keys = print.b};
    struct ate__auth auth = {.rule = {[ATE__RIGHT_WRITE] = rule}};
    struct ate__attested who;
    struct draft d;
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, object, "x");
    draft_control(&d, id_of(object), NULL, &auth);
    assert_int_equal(commit(&d, &print, 0, &who), 0);
    assert_int_equal(who.count, 0); /* everyone may: nobody need be named */
    draft_deinit(&d);
}

static bool names(const struct ate__attested *who, unsigned key)
{
    struct ate_hash print = print_of(key);
    for (uint32_t i = 0; i < who->count; i++)
        if (ate__hash_equal(&who->fingerprint[i], &print))
            return true;
    return false;
}

static void the_fewest_that_do(void **state)
{
    (void)state;
    begin_attested();
    const struct ate_hash proved[] = {print_of(0), print_of(1), print_of(2)};
    struct ate__attested who, again;
    struct draft d;
    plant(11, 1);
    plant(12, 2);
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 11, "y");
    assert_int_equal(commit(&d, proved, 1, &who), ATE_DENIED);
    assert_int_equal(commit(&d, proved, 3, &who), 0);
    assert_true(who.count == 1 && names(&who, 1));
    draft_deinit(&d);
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 11, "z");
    kit_draft_put(&kit, &d, 12, "z");
    assert_int_equal(commit(&d, proved, 2, &who), ATE_DENIED);
    assert_int_equal(commit(&d, proved, 3, &who), 0);
    assert_true(who.count == 2 && names(&who, 1) && names(&who, 2));
    assert_true(memcmp(&who.fingerprint[0], &who.fingerprint[1], 32) < 0);
    assert_int_equal(ate__attested_at(kit.chain, kit_size(&kit) - 1, &again), 0);
    assert_true(again.count == 2 && !memcmp(again.fingerprint, who.fingerprint, 64));
    assert_int_equal(commit(&d, proved, 1, &again), 0); /* a repeat: as it was */
    assert_true(again.count == 2 && !memcmp(again.fingerprint, who.fingerprint, 64));
    draft_deinit(&d);
    assert_string_equal(kit_text(&kit, 12), "z");
    end();
}

/* A public key that the transaction brings is somebody's in it. */
static void a_key_that_comes_along(void **state)
{
    (void)state;
    begin_attested();
    const struct ate_hash proved[] = {print_of(2), print_of(1)};
    struct ate__attested who;
    struct draft d;
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 1, "x");
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    assert_int_equal(commit(&d, proved, 1, &who), ATE_DENIED);
    assert_int_equal(commit(&d, proved, 2, &who), 0);
    assert_true(who.count == 1 && names(&who, 1));
    draft_deinit(&d);
    end();
}

static void what_is_no_offer_there(void **state)
{
    (void)state;
    begin_attested();
    const struct ate_hash proved = print_of(0);
    struct ate__attested who;
    struct draft d;
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 1, "x");
    assert_int_equal(commit(&d, NULL, 0, &who), ATE_READ_ONLY);
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(commit(&d, &proved, 1, &who), ATE_MALFORMED);
    draft_deinit(&d);
    /* What a root key has to sign it signs, and that needs nobody who attests. */
    kit_begin(&kit, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&kit_key(2)->fingerprint, 32));
    assert_int_equal(commit(&d, &proved, 1, &who), ATE_DENIED);
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(commit(&d, NULL, 0, &who), 0);
    assert_int_equal(who.count, 0);
    draft_deinit(&d);
    end();
}

/* What may be left out the server says itself, and nobody who is connected to it. */
static void what_may_be_left_out(void **state)
{
    (void)state;
    begin_attested();
    const struct ate_hash proved[] = {print_of(0), print_of(1)};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate__snapshot_item state_of = {.size = kit_size(&kit)};
    struct ate__attested who;
    struct draft d;
    kit_ok(ate__chain_root_at(kit.chain, state_of.size, &state_of.root));
    ate__header_snapshot(&w, &state_of);
    kit_ok(ate__header_end(&w));
    for (uint32_t count = 0; count < 3; count++) {
        kit_begin(&kit, &d);
        draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
        assert_int_equal(commit(&d, proved, count, &who), ATE_DENIED);
        draft_deinit(&d);
    }
    kit_begin(&kit, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    kit_draft_put(&kit, &d, 1, "beside it");
    assert_int_equal(commit(&d, NULL, 0, &who), ATE_DENIED);
    draft_deinit(&d);
    kit_begin(&kit, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(commit(&d, proved, 1, &who), 0);
    draft_deinit(&d);
    ate__buf_deinit(&header);
    end();
}

static void a_key_that_has_ended(void **state)
{
    (void)state;
    begin_attested();
    const struct ate_hash proved = print_of(1);
    struct ate__attested who;
    struct draft d;
    plant(11, 1);
    kit_begin(&kit, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&proved, 32));
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(commit(&d, NULL, 0, &who), 0);
    draft_deinit(&d);
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 11, "y");
    assert_int_equal(commit(&d, &proved, 1, &who), ATE_DENIED);
    draft_deinit(&d);
    kit_begin(&kit, &d); /* where everyone may he still does, unnamed */
    kit_draft_put(&kit, &d, 3, "y");
    assert_int_equal(commit(&d, &proved, 1, &who), 0);
    assert_int_equal(who.count, 0);
    draft_deinit(&d);
    end();
}

/* ---- what plug-ins see ---- */

static struct seen {
    unsigned calls;
    struct ate__attested who; /* at the last call */
    unsigned hands_on; /* so often object 11 becomes the other's of keys 1 and 2 meanwhile */
    unsigned owner;
} seen;

static void hand_on(void)
{
    const struct ate_hash proved[] = {print_of(1), print_of(2)};
    struct ate_hash print = print_of(3 - seen.owner), prev = kit_facts(&kit, 11).control->hash;
    struct ate__rule rule = {.who = ATE__RULE_ANY_OF, .count = 1, .keys = print.b};
    struct ate__auth auth = {.rule = {[ATE__RIGHT_WRITE] = rule}};
    struct ate__attested who;
    struct draft d;
    kit_begin(&kit, &d);
    draft_control(&d, id_of(11), &prev, &auth);
    assert_int_equal(commit(&d, proved, 2, &who), 0);
    assert_true(who.count == 1 && names(&who, seen.owner));
    draft_deinit(&d);
    seen.owner = 3 - seen.owner;
}

static int validate(void *arg, struct ate__trust *trust, const struct ate__tx *tx)
{
    static bool handing;
    (void)arg, (void)trust;
    if (handing)
        return 0;
    seen.calls++;
    seen.who.count = tx->attested ? tx->signature_count : 0;
    for (uint32_t i = 0; i < seen.who.count; i++)
        seen.who.fingerprint[i] = tx->signatures[i].fingerprint;
    handing = true;
    if (seen.hands_on)
        hand_on();
    seen.hands_on -= seen.hands_on > 0;
    handing = false;
    return 0;
}

static void begin_validated(void)
{
    static const struct ate__plugins plugins = {.validate = validate};
    begin_attested();
    plant(11, 1);
    seen = (struct seen){.owner = 1};
    kit.chain->conf.plugins = &plugins;
}

static int change(unsigned object, const struct ate_hash *proved, uint32_t count,
                  struct ate__attested *ret_who)
{
    struct draft d;
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, object, "y");
    int rc = commit(&d, proved, count, ret_who);
    draft_deinit(&d);
    return rc;
}

static void plug_ins_see_who_is_written(void **state)
{
    (void)state;
    begin_validated();
    const struct ate_hash proved[] = {print_of(0), print_of(2), print_of(1)};
    struct ate__attested who;
    assert_int_equal(change(11, proved, 3, &who), 0);
    assert_true(seen.calls == 1 && seen.who.count == 1 && names(&seen.who, 1));
    assert_int_equal(change(1, proved, 3, &who), 0);
    assert_true(seen.calls == 2 && !seen.who.count);
    assert_int_equal(change(11, proved, 2, &who), ATE_DENIED);
    assert_int_equal(seen.calls, 2); /* what is refused anyway they are not asked about */
    end();
}

/* They are asked anew where the rights were another's in the end, and that has an end. */
static void plug_ins_see_who_it_became(void **state)
{
    (void)state;
    begin_validated();
    const struct ate_hash proved[] = {print_of(0), print_of(2), print_of(1)};
    struct ate__attested who;
    struct draft d;
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 11, "y");
    seen.hands_on = UINT32_MAX;
    assert_int_equal(commit(&d, proved, 3, &who), ATE_BUSY);
    assert_int_equal(seen.calls, ATE__SHOWN_MAX);
    draft_deinit(&d);
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 11, "y");
    seen.hands_on = 1;
    seen.calls = 0;
    assert_int_equal(commit(&d, proved, 3, &who), 0);
    assert_true(seen.calls == 2 && names(&seen.who, seen.owner) && names(&who, seen.owner));
    draft_deinit(&d);
    end();
}

static void nothing_of_it_in_a_distributed_chain(void **state)
{
    (void)state;
    begin(true, false);
    const struct ate_hash proved = print_of(0);
    struct ate__attested who = {.count = 9};
    struct draft d;
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 1, "x");
    assert_int_equal(commit(&d, &proved, 1, &who), 0);
    assert_int_equal(who.count, 0);
    struct ate_bytes whole = draft_encode(&d);
    struct ate__buf bytes = ATE__BUF_NULL;
    kit_ok(ate__buf_append(&bytes, ate__bytes(whole.data, whole.size - 5)));
    kit_ok(ate__tx_encode_attested(&proved, 1, &bytes));
    draft_deinit(&d);
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 2, "x");
    whole = draft_encode(&d);
    ate__buf_clear(&bytes);
    kit_ok(ate__buf_append(&bytes, ate__bytes(whole.data, whole.size - 5)));
    kit_ok(ate__tx_encode_attested(&proved, 1, &bytes));
    assert_int_equal(kit_commit_bytes(&kit, ate__buf_bytes(&bytes)), ATE_MALFORMED);
    ate__buf_deinit(&bytes);
    draft_deinit(&d);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fewest_that_do),
        cmocka_unit_test(a_key_that_comes_along),
        cmocka_unit_test(what_is_no_offer_there),
        cmocka_unit_test(what_may_be_left_out),
        cmocka_unit_test(a_key_that_has_ended),
        cmocka_unit_test(plug_ins_see_who_is_written),
        cmocka_unit_test(plug_ins_see_who_it_became),
        cmocka_unit_test(nothing_of_it_in_a_distributed_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
