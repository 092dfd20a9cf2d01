/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Transactions under one signature, each by itself: one of them refused, one made anew, one offered
 * twice or in another batch as well, some lost in a crash, one in front of damage; and what belongs
 * to another batch.
 */
#include "kit.h"

enum { BATCH = 5, SEEDS = 40 };

struct batch {
    struct draft draft[BATCH];
    struct draft *all[BATCH];
};

/* A chain where only the root key writes. */
static void begin(struct kit *k, uint64_t seed)
{
    kit_init(k, seed);
    kit_genesis(k, NULL, ATE__WINDOW_DEFAULT, 0);
    kit_create_ok(k);
}

/* Each creates one object, from `first` on. */
static void make(struct kit *k, struct batch *b, unsigned first)
{
    for (unsigned i = 0; i < BATCH; i++) {
        b->all[i] = &b->draft[i];
        kit_begin(k, &b->draft[i]);
        draft_text(&b->draft[i], id_of(first + i), NULL, "of a batch");
    }
    draft_encode_batch(b->all, BATCH, kit_key(0));
}

static void done(struct batch *b)
{
    for (unsigned i = 0; i < BATCH; i++)
        draft_deinit(&b->draft[i]);
}

static struct ate_bytes bytes_of(const struct batch *b, unsigned i)
{
    return ate__buf_bytes(&b->draft[i].encoded);
}

/* ---- tests ---- */

static void in_any_order(void **state)
{
    (void)state;
    static const unsigned order[BATCH] = {3, 0, 4, 2, 1};
    struct kit k;
    struct batch b;
    begin(&k, 1);
    make(&k, &b, 1);
    for (unsigned i = 0; i < BATCH; i++) {
        kit_ok(kit_commit_bytes(&k, bytes_of(&b, order[i])));
        assert_int_equal(k.receipt.sequence, 1 + i);
    }
    kit_reopen_ok(&k);
    assert_int_equal(kit_size(&k), 1 + BATCH);
    done(&b);
    kit_deinit(&k);
}

/* The one that is in the way of another change is refused; the others know nothing of it. Made
 * anew, it is signed anew. */
static void one_is_refused(void **state)
{
    (void)state;
    for (unsigned bad = 0; bad < BATCH; bad++) {
        struct kit k;
        struct batch b;
        struct draft other;
        begin(&k, 2);
        make(&k, &b, 1);
        kit_begin(&k, &other); /* somebody was there first */
        draft_text(&other, id_of(1 + bad), NULL, "theirs");
        other.signer[other.signer_count++] = kit_key(0);
        kit_ok(kit_commit(&k, &other));
        for (unsigned i = 0; i < BATCH; i++)
            assert_int_equal(kit_commit_bytes(&k, bytes_of(&b, i)), i == bad ? ATE_CONFLICT : 0);
        assert_int_equal(kit_size(&k), 2 + BATCH - 1);
        draft_deinit(&b.draft[bad]);
        kit_begin(&k, &b.draft[bad]);
        kit_draft_put(&k, &b.draft[bad], 1 + bad, "of a batch");
        b.draft[bad].signer[b.draft[bad].signer_count++] = kit_key(0);
        kit_ok(kit_commit(&k, &b.draft[bad]));
        for (unsigned i = 0; i < BATCH; i++)
            assert_string_equal(kit_text(&k, 1 + i), "of a batch");
        kit_reopen_ok(&k);
        assert_int_equal(kit_size(&k), 2 + BATCH);
        draft_deinit(&other);
        done(&b);
        kit_deinit(&k);
    }
}

/* The same transaction under two signatures is one transaction; the first one stays. */
static void in_two_batches(void **state)
{
    (void)state;
    struct kit k;
    struct batch b;
    begin(&k, 3);
    make(&k, &b, 1);
    kit_ok(kit_commit_bytes(&k, bytes_of(&b, 2)));
    struct ate__receipt first = k.receipt;
    struct draft *others[] = {&b.draft[4], &b.draft[2], &b.draft[1]};
    draft_encode_batch(others, 3, kit_key(0));
    kit_ok(kit_commit_bytes(&k, bytes_of(&b, 2)));
    assert_int_equal(k.receipt.sequence, first.sequence);
    kit_ok(kit_commit_bytes(&k, bytes_of(&b, 1)));
    kit_ok(kit_commit_bytes(&k, bytes_of(&b, 0)));
    kit_reopen_ok(&k);
    assert_int_equal(kit_size(&k), 4);
    kit_ok(kit_commit_bytes(&k, bytes_of(&b, 2)));
    assert_int_equal(k.receipt.sequence, first.sequence);
    done(&b);
    kit_deinit(&k);
}

/* What stands behind the events: a signature section; that of one put behind the other. */
static int offer_mixed(struct kit *k, const struct batch *b, unsigned of, const struct batch *other,
                       unsigned as)
{
    struct ate__tx tx, from;
    struct ate__buf buf = ATE__BUF_NULL;
    kit_ok(ate__tx_decode(bytes_of(b, of), ATE__SHA256, &tx));
    kit_ok(ate__tx_decode(bytes_of(other, as), ATE__SHA256, &from));
    size_t body = tx.encoded.size - tx.signature_section.size;
    kit_ok(ate__buf_append(&buf, ate__bytes(tx.encoded.data, body)));
    kit_ok(ate__buf_append(&buf, from.signature_section));
    int rc = kit_commit_bytes(k, ate__buf_bytes(&buf));
    ate__buf_deinit(&buf);
    ate__tx_deinit(&tx);
    ate__tx_deinit(&from);
    return rc;
}

/* Also when every good signature has been seen and is remembered. */
static void of_another_batch(void **state)
{
    (void)state;
    struct kit k;
    struct batch b, other;
    begin(&k, 4);
    make(&k, &b, 1);
    make(&k, &other, 11);
    for (unsigned seen = 0; seen < 2; seen++) {
        for (unsigned i = 0; i < BATCH; i++)
            for (unsigned as = 0; as < BATCH; as++) {
                if (seen && !i)
                    continue; /* it is in the log: a repeat, whatever is signed */
                assert_int_equal(offer_mixed(&k, &b, i, &other, as), ATE_TAMPERED);
                if (as != i)
                    assert_int_equal(offer_mixed(&k, &b, i, &b, as), ATE_TAMPERED);
            }
        if (!seen) {
            kit_ok(kit_commit_bytes(&k, bytes_of(&b, 0)));
            kit_ok(kit_commit_bytes(&k, bytes_of(&other, 0)));
        }
    }
    for (unsigned i = 1; i < BATCH; i++)
        kit_ok(kit_commit_bytes(&k, bytes_of(&b, i)));
    kit_reopen_ok(&k);
    assert_int_equal(kit_size(&k), 1 + BATCH + 1);
    done(&b);
    done(&other);
    kit_deinit(&k);
}

/* Killed, or without power, after some of a batch: what was answered is there, and the rest goes
 * in as it was signed. */
static void crashes(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct kit k;
        struct batch b;
        begin(&k, 100 + seed);
        make(&k, &b, 1);
        unsigned answered = seed % (BATCH + 1);
        for (unsigned i = 0; i < answered; i++)
            kit_ok(kit_commit_bytes(&k, bytes_of(&b, i)));
        if (seed / (BATCH + 1) % 2)
            kit_kill(&k);
        else
            kit_crash(&k, seed);
        kit_open_ok(&k, 0);
        assert_int_equal(kit_size(&k), 1 + answered);
        for (unsigned i = 0; i < BATCH; i++) {
            kit_ok(kit_commit_bytes(&k, bytes_of(&b, i)));
            assert_int_equal(k.receipt.sequence, 1 + i);
        }
        kit_reopen_ok(&k);
        done(&b);
        kit_deinit(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order),   cmocka_unit_test(one_is_refused),
        cmocka_unit_test(in_two_batches), cmocka_unit_test(of_another_batch),
        cmocka_unit_test(crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
