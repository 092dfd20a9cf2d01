/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The forecast before a signature is verified: what the published state speaks against costs none,
 * and what was wrongly spoken against is verified late.
 */
#include "offers.h"

/* Only the root key may write; object 1 is there. */
static void begin_signed(bool gated)
{
    struct draft d;
    kit_init(&kit, 5);
    kit.memory = true;
    kit.gated = gated;
    kit_genesis(&kit, NULL, 1000, 2);
    kit_create_ok(&kit);
    kit_begin(&kit, &d);
    kit_draft_put(&kit, &d, 1, "one");
    d.signer[d.signer_count++] = kit_key(0);
    kit_ok(kit_commit(&kit, &d));
    draft_deinit(&d);
}

/* The signature of another transaction. */
static struct ate_bytes forge(struct draft *d, struct ate__buf *buf)
{
    struct draft other;
    kit_begin(&kit, &other);
    kit_draft_put(&kit, &other, 77, "other");
    other.signer[other.signer_count++] = kit_key(0);
    struct ate__tx tx = draft_tx(&other);
    draft_encode(d); /* sets its events */
    d->in.events = d->events;
    kit_ok(ate__tx_encode(&d->in, ATE__SHA256, buf, &d->hash));
    kit_ok(ate__tx_encode_signatures(tx.signatures, tx.signature_count, buf));
    ate__tx_deinit(&tx);
    draft_deinit(&other);
    return ate__buf_bytes(buf);
}

/* Checks and orders it as a submitter does; tells whether a signature was verified before. */
static int offer_one(struct ate_bytes encoded, bool *ret_verified)
{
    struct ate__offer offer = {.encoded = encoded, .timeout_ms = -1};
    struct ate__work *w;
    kit_ok(ate__work_new(kit.chain, &offer, &w));
    ate__work_read(kit.chain, w);
    ate__work_verify(kit.chain, w);
    *ret_verified = !w->unverified;
    pthread_mutex_lock(&kit.chain->mutex);
    int rc = ate__work_order(kit.chain, w);
    bool on_its_way = !rc && !w->repeat;
    if (on_its_way)
        ate__chain_lead(kit.chain); /* completes it: nobody waits */
    pthread_mutex_unlock(&kit.chain->mutex);
    if (!on_its_way) {
        w->result = rc;
        ate__work_complete(w);
    }
    return rc;
}

static void no_signature_for_what_is_refused(void **state)
{
    (void)state;
    struct draft d;
    struct ate__buf forged = ATE__BUF_NULL;
    bool verified;
    begin_signed(false);
    /* A conflict, with a good signature and with a wrong one. */
    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), NULL, "again");
    assert_int_equal(offer_one(forge(&d, &forged), &verified), ATE_CONFLICT);
    assert_false(verified);
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(offer_one(draft_encode(&d), &verified), ATE_CONFLICT);
    assert_false(verified);
    draft_deinit(&d);
    /* Too far in the past; by a key that has no right. */
    kit_begin(&kit, &d);
    d.in.base_size++;
    draft_text(&d, id_of(2), NULL, "x");
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(offer_one(draft_encode(&d), &verified), ATE_MALFORMED);
    assert_false(verified);
    draft_deinit(&d);
    kit_begin(&kit, &d);
    draft_text(&d, id_of(2), NULL, "x");
    d.signer[d.signer_count++] = kit_key(1);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    assert_int_equal(offer_one(draft_encode(&d), &verified), ATE_DENIED);
    assert_false(verified);
    draft_deinit(&d);
    /* What nothing speaks against is verified at once. */
    kit_begin(&kit, &d);
    draft_text(&d, id_of(2), NULL, "x");
    ate__buf_clear(&forged);
    assert_int_equal(offer_one(forge(&d, &forged), &verified), ATE_TAMPERED);
    assert_true(verified);
    d.in.id.number = ++kit.number;
    d.signer[d.signer_count++] = kit_key(0);
    kit_ok(offer_one(draft_encode(&d), &verified));
    assert_true(verified);
    kit_ok(offer_one(draft_encode(&d), &verified)); /* the same bytes again: its first answer */
    draft_deinit(&d);
    ate__buf_deinit(&forged);
    end();
}

/* It builds on what is ordered and not published: the forecast is wrong, the verdict is not. */
static void wrong_forecasts(void **state)
{
    (void)state;
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        struct one first = {.done = 0}, second = {.done = 0};
        struct one *both[] = {&first, &second};
        struct ate__buf forged = ATE__BUF_NULL;
        begin_signed(true);
        one_init(&first, 2, "first");
        first.d.signer[first.d.signer_count++] = kit_key(0);
        first.offer.encoded = draft_encode(&first.d);
        one_init(&second, 3, "second");
        draft_text(&second.d, id_of(2), &first.d.hashes[0].event, "replaced");
        if (wrong) {
            second.offer.encoded = forge(&second.d, &forged);
        } else {
            second.d.signer[second.d.signer_count++] = kit_key(0);
            second.offer.encoded = draft_encode(&second.d);
        }
        gate_shut(kit.gate);
        one_start(&first);
        gate_wait_inside(kit.gate);
        one_start(&second);
        if (!wrong)
            wait_ordered(1, 0);
        gate_open(kit.gate);
        one_join(&first);
        one_join(&second);
        assert_int_equal(first.offer.result, 0);
        assert_int_equal(second.offer.result, wrong ? ATE_TAMPERED : 0);
        assert_string_equal(kit_text(&kit, 2), wrong ? "first" : "replaced");
        for (unsigned i = 0; i < 2; i++)
            one_deinit(both[i]);
        ate__buf_deinit(&forged);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_signature_for_what_is_refused),
        cmocka_unit_test(wrong_forecasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
