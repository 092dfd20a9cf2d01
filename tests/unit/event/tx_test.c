/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Transactions, read: at random, truncated, with each bit flipped; limits at their edges; batches.
 * The table of wrong transactions is tests/vectors/event/transaction.txt.
 */
#include "event/tx.h"
#include "base/err.h"
#include "crypto/merkle.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "random.h"
#include "rebuild.h"
#include "vectors.h"

static const enum ate__hash_alg alg = ATE__SHA256;

static void encode(const struct ate__tx_in *in, const struct ate__signature *signatures,
                   uint32_t count, struct ate__buf *buf, struct ate_hash *ret_hash)
{
    if (ate__tx_encode(in, alg, buf, ret_hash))
        fail_msg("encode: %s", ate__error_text());
    if (ate__tx_encode_signatures(signatures, count, buf))
        fail_msg("signatures: %s", ate__error_text());
}

static void assert_same(const struct ate__tx *tx, const struct ate__tx_in *in)
{
    assert_true(ate__hash_equal(&tx->chain_id, &in->chain_id));
    assert_true(ate__hash_equal(&tx->base_root, &in->base_root));
    assert_memory_equal(tx->id.origin, in->id.origin, 16);
    assert_int_equal(tx->id.number, in->id.number);
    assert_int_equal(tx->base_size, in->base_size);
    assert_int_equal(tx->time_us, in->time_us);
    assert_int_equal(tx->event_count, in->event_count);
    for (uint32_t i = 0; i < in->event_count; i++) {
        struct ate_hash hash;
        const struct ate__event *e = &tx->events[i];
        assert_int_equal(e->form, in->events[i].form);
        assert_true(ate__bytes_equal(e->bytes, in->events[i].header));
        assert_true(ate__bytes_equal(e->salt, in->events[i].salt));
        assert_true(ate__bytes_equal(e->payload, in->events[i].payload));
        assert_int_equal(e->payload_size, in->events[i].payload.size);
        assert_int_equal(ate__event_hash(alg, &in->events[i], &hash), 0);
        assert_true(ate__hash_equal(&hash, &e->hash));
    }
}

/* Each given precondition is there, once, and no other. */
static void assert_preconditions(const struct ate__tx *tx, const struct ate__tx_in *in)
{
    static const size_t sizes[] = {0, 32, 0, 16};
    uint32_t found = 0;
    for (uint32_t i = 0; i < tx->precondition_count; i++) {
        struct ate__precondition p = ate__tx_precondition(tx, i);
        bool given = false;
        for (uint32_t k = 0; k < in->precondition_count; k++) {
            const struct ate__precondition *q = &in->preconditions[k];
            bool same = q->kind == p.kind && ate__id_equal(&q->id, &p.id) &&
                        !memcmp(&q->hash, &p.hash, sizes[p.kind]);
            given = given || same;
            found += same;
        }
        assert_true(given);
    }
    assert_int_equal(found, in->precondition_count);
}

static void random_transactions_come_back(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(21))};
    for (int i = 0; i < 1500; i++) {
        struct ate__tx_in in = random_tx(&a);
        struct ate__signature signatures[3];
        uint32_t count = random_signatures(&a, signatures);
        struct ate__buf buf = ATE__BUF_NULL, again = ATE__BUF_NULL;
        struct ate_hash hash, hash_again;
        struct ate__tx tx;
        encode(&in, signatures, count, &buf, &hash);
        if (ate__tx_decode(ate__buf_bytes(&buf), alg, &tx))
            fail_msg("transaction %d: %s", i, ate__error_text());
        assert_same(&tx, &in);
        assert_preconditions(&tx, &in);
        assert_true(ate__hash_equal(&tx.hash, &hash));
        assert_int_equal(tx.signature_count, count);
        rebuild_tx(&tx, alg, &again, &hash_again);
        assert_true(ate__bytes_equal(ate__buf_bytes(&again), ate__buf_bytes(&buf)));
        assert_true(ate__hash_equal(&hash_again, &hash));
        ate__tx_deinit(&tx);
        ate__buf_deinit(&buf);
        ate__buf_deinit(&again);
        arena_clear(&a);
    }
}

static void assert_truncations_fail(struct ate_bytes whole)
{
    struct ate__tx tx, before;
    memset(&tx, 0x5a, sizeof tx);
    before = tx;
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, whole.data, size);
        assert_int_equal(ate__tx_decode(ate__bytes(exact, size), alg, &tx), ATE_MALFORMED);
        free(exact);
    }
    assert_memory_equal(&tx, &before, sizeof tx);
}

static void every_truncation_fails(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(22))};
    for (int i = 0; i < 12; i++) {
        struct ate__tx_in in = random_tx(&a);
        struct ate__signature signatures[3];
        uint32_t count = random_signatures(&a, signatures);
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate_hash hash;
        encode(&in, signatures, count, &buf, &hash);
        assert_truncations_fail(ate__buf_bytes(&buf));
        ate__buf_deinit(&buf);
        arena_clear(&a);
    }
    struct vectors v = vectors_load("transaction.txt");
    struct ate__buf all = vector_bytes(vector_text(vectors_find(&v, "all forms"), "transaction"));
    assert_truncations_fail(ate__buf_bytes(&all));
    ate__buf_deinit(&all);
    vectors_deinit(&v);
}

/* With any one bit flipped the transaction is refused, or its tx_hash or its signature section is
 * another; and if it is not refused, it too is in its only form. */
static void every_flipped_bit_shows(void **state)
{
    (void)state;
    struct vectors v = vectors_load("transaction.txt");
    static const char *const names[] = {"genesis", "all forms", "body event", "tombstone"};
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        struct ate__buf buf = vector_bytes(vector_text(vectors_find(&v, names[i]), "transaction"));
        struct ate__buf copy = ATE__BUF_NULL, again = ATE__BUF_NULL;
        struct ate__tx tx, flipped;
        struct ate_hash hash;
        size_t refused = 0, other_hash = 0, other_signatures = 0;
        assert_int_equal(ate__buf_append(&copy, ate__buf_bytes(&buf)), 0);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&copy), alg, &tx), 0);
        for (size_t bit = 0; bit < 8 * buf.size; bit++) {
            buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (ate__tx_decode(ate__buf_bytes(&buf), alg, &flipped)) {
                refused++;
            } else {
                bool hash_differs = !ate__hash_equal(&tx.hash, &flipped.hash);
                bool section_differs =
                    !ate__bytes_equal(tx.signature_section, flipped.signature_section);
                assert_true(hash_differs || section_differs);
                other_hash += hash_differs;
                other_signatures += section_differs;
                ate__buf_clear(&again);
                rebuild_tx(&flipped, alg, &again, &hash);
                assert_true(ate__bytes_equal(ate__buf_bytes(&again), ate__buf_bytes(&buf)));
                ate__tx_deinit(&flipped);
            }
            buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        print_message("# %s: %zu bits: %zu refused, %zu another tx_hash, %zu other signatures\n",
                      names[i], 8 * buf.size, refused, other_hash, other_signatures);
        assert_true(refused && other_hash);
        ate__tx_deinit(&tx);
        ate__buf_deinit(&buf);
        ate__buf_deinit(&copy);
        ate__buf_deinit(&again);
    }
    vectors_deinit(&v);
}

/* What encode gave away saves the hashing and changes nothing else. */
static void ones_own_comes_back_without_hashing(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(24))};
    for (int i = 0; i < 300; i++) {
        struct ate__tx_in in = random_tx(&a);
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__event_hashes hashes[7];
        struct ate_hash hash;
        struct ate__tx tx, own, *p = &own;
        assert_int_equal(ate__tx_encode_hashes(&in, alg, &buf, hashes, &hash), 0);
        assert_int_equal(ate__tx_encode_signatures(NULL, 0, &buf), 0);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&buf), alg, &tx), 0);
        assert_int_equal(ate__tx_decode_own(ate__buf_bytes(&buf), hashes, in.event_count, &hash, p),
                         0);
        assert_true(ate__hash_equal(&tx.hash, &own.hash));
        for (uint32_t k = 0; k < tx.event_count; k++) {
            const struct ate__event *e = &tx.events[k], *o = &own.events[k];
            assert_true(ate__hash_equal(&e->hash, &o->hash));
            assert_true(ate__bytes_equal(e->whole, o->whole));
            if (e->form != ATE__BARE)
                assert_true(ate__hash_equal(&e->payload_hash, &o->payload_hash));
        }
        ate__tx_deinit(&own);
        assert_int_equal(
            ate__tx_decode_own(ate__buf_bytes(&buf), hashes, in.event_count + 1, &hash, p),
            ATE_MISUSE);
        assert_int_equal(ate__tx_decode_own(ate__bytes(buf.data, buf.size - 1), hashes,
                                            in.event_count, &hash, p),
                         ATE_MALFORMED);
        ate__tx_deinit(&tx);
        ate__buf_deinit(&buf);
        arena_clear(&a);
    }
}

/* ---- limits ---- */

/* A transaction written by hand, so that encode's own limits are not in the way. */
static void write_head(struct ate__wr *w)
{
    ate__wr_u8(w, 1);
    ate__wr_zeros(w, 104);
}

static void write_body(struct ate__wr *w, size_t payload_size)
{
    static const uint8_t header[] = {1,  0,  16, 1,  2,  3, 4, 5,  6, 7, 8, 9, 10, 11,
                                     12, 13, 14, 15, 16, 3, 0, 20, 0, 0, 0, 0, 0,  0,
                                     0,  0,  0,  0,  0,  0, 0, 0,  0, 0, 0, 0, 0,  0};
    ate__wr_u8(w, ATE__CLEAR);
    ate__wr_bytes32(w, ate__bytes(header, sizeof header));
    ate__wr_zeros(w, 16);
    ate__wr_u32(w, (uint32_t)payload_size);
    ate__wr_zeros(w, payload_size);
}

static void write_unsigned(struct ate__wr *w)
{
    ate__wr_u8(w, 1);
    ate__wr_u32(w, 0);
}

static void assert_decodes(struct ate__buf *buf, int expected)
{
    struct ate__tx tx;
    int rc = ate__tx_decode(ate__buf_bytes(buf), alg, &tx);
    if (rc != expected)
        fail_msg("%d, not %d: %s", rc, expected, ate__error_text());
    if (!rc)
        ate__tx_deinit(&tx);
    ate__buf_deinit(buf);
}

static void size_at_the_edge(void **state)
{
    (void)state;
    const size_t event = 1 + 4 + 42 + 16 + 4, rest = 105 + 4 + 4 + 5;
    for (size_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&buf);
        write_head(&w);
        ate__wr_u32(&w, 0);
        ate__wr_u32(&w, 3);
        size_t left = ATE__TX_SIZE_MAX + more - rest - 3 * event;
        for (int i = 0; i < 2; i++, left -= 3 << 20)
            write_body(&w, 3 << 20);
        write_body(&w, left);
        write_unsigned(&w);
        assert_int_equal(buf.size, ATE__TX_SIZE_MAX + more);
        assert_decodes(&buf, more ? ATE_TOO_BIG : 0);
    }
}

static void payload_at_the_edge(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&buf);
        write_head(&w);
        ate__wr_u32(&w, 0);
        ate__wr_u32(&w, 1);
        write_body(&w, ATE__PAYLOAD_MAX + more);
        write_unsigned(&w);
        assert_decodes(&buf, more ? ATE_TOO_BIG : 0);
    }
}

static void events_at_the_edge(void **state)
{
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&buf);
        write_head(&w);
        ate__wr_u32(&w, 0);
        ate__wr_u32(&w, ATE__TX_EVENTS_MAX + more);
        ate__wr_zeros(&w, 33 * (size_t)(ATE__TX_EVENTS_MAX + more)); /* all DROPPED */
        write_unsigned(&w);
        assert_decodes(&buf, more ? ATE_TOO_BIG : 0);
    }
}

static void preconditions_at_the_edge(void **state)
{
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&buf);
        write_head(&w);
        ate__wr_u32(&w, ATE__TX_PRECONDITIONS_MAX + more);
        for (uint32_t i = 0; i < ATE__TX_PRECONDITIONS_MAX + more; i++) {
            ate__wr_u8(&w, ATE__IS_ABSENT);
            ate__wr_u64(&w, __builtin_bswap64(i)); /* ids ascend */
            ate__wr_u64(&w, 0);
        }
        ate__wr_u32(&w, 1);
        write_body(&w, 1);
        write_unsigned(&w);
        assert_decodes(&buf, more ? ATE_TOO_BIG : 0);
    }
}

static void signatures_at_the_edge(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, path;
        size_t size;
        int rc;
    } cases[] = {
        {ATE__TX_SIGNATURES_MAX, ATE__BATCH_PATH_MAX, ATE__SIGNATURE_MAX, 0},
        {ATE__TX_SIGNATURES_MAX + 1, 0, 1, ATE_TOO_BIG},
        {1, ATE__BATCH_PATH_MAX + 1, 1, ATE_TOO_BIG},
        {1, 0, ATE__SIGNATURE_MAX + 1, ATE_TOO_BIG},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&buf);
        write_head(&w);
        ate__wr_u32(&w, 0);
        ate__wr_u32(&w, 1);
        write_body(&w, 1);
        ate__wr_u8(&w, 1);
        ate__wr_u32(&w, cases[i].count);
        for (uint32_t k = 0; k < cases[i].count; k++) {
            ate__wr_u8(&w, (uint8_t)k);
            ate__wr_zeros(&w, 31);
            ate__wr_u32(&w, 1u << cases[i].path);
            ate__wr_u32(&w, 5 % (1u << cases[i].path));
            ate__wr_u32(&w, cases[i].path);
            ate__wr_zeros(&w, 32 * (size_t)cases[i].path);
            ate__wr_u32(&w, (uint32_t)cases[i].size);
            ate__wr_zeros(&w, cases[i].size);
        }
        assert_decodes(&buf, cases[i].rc);
    }
}

/* ---- batches ---- */

static int node_of(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    const struct ate_hash *leaves = arg;
    if (!level) {
        *ret_hash = leaves[index];
        return 0;
    }
    struct ate_hash left, right;
    int rc = node_of(arg, level - 1, 2 * index, &left);
    if (!rc)
        rc = node_of(arg, level - 1, 2 * index + 1, &right);
    return rc ? rc : ate__node_hash(&left, &right, ret_hash);
}

/* Every transaction of a batch leads to the same message, that of the tree's root. */
static void batches_of_every_size(void **state)
{
    (void)state;
    enum { SIZE_MAX_ = 40 };
    struct ate_hash hashes[SIZE_MAX_], leaves[SIZE_MAX_];
    struct ate__frontier frontier;
    ate__frontier_init(&frontier);
    for (uint32_t size = 1; size <= SIZE_MAX_; size++) {
        struct ate_hash root, expected, message;
        memset(&hashes[size - 1], (int)size, sizeof hashes[0]);
        assert_int_equal(ate__leaf_hash(ate__bytes(&hashes[size - 1], 32), &leaves[size - 1]), 0);
        assert_int_equal(ate__frontier_append(&frontier, &leaves[size - 1]), 0);
        assert_int_equal(ate__frontier_root(&frontier, &root), 0);
        struct ate__signature s = {.fingerprint = {{7}}, .batch_size = size};
        uint8_t n[4] = {(uint8_t)size};
        struct ate_bytes fields[] = {ate__bytes(&s.fingerprint, 32), ate__bytes(n, 4),
                                     ate__bytes(&root, 32)};
        assert_int_equal(ate__hash(alg, "ate batch 1", fields, 3, &expected), 0);
        for (uint32_t index = 0; index < size; index++) {
            struct ate__proof proof;
            assert_int_equal(ate__merkle_inclusion(node_of, leaves, index, size, &proof), 0);
            s.batch_index = index;
            s.path_count = proof.count;
            s.path = (const uint8_t *)proof.hash;
            assert_int_equal(ate__batch_message(alg, &hashes[index], &s, &message), 0);
            assert_true(ate__hash_equal(&message, &expected));
            s.path_count = proof.count + 1;
            assert_int_equal(ate__batch_message(alg, &hashes[index], &s, &message), ATE_MALFORMED);
            s.path_count = proof.count - 1;
            assert_int_not_equal(ate__batch_message(alg, &hashes[index], &s, &message), 0);
        }
        s.batch_index = size;
        assert_int_equal(ate__batch_message(alg, &hashes[0], &s, &message), ATE_MALFORMED);
    }
}

/* ---- failures ---- */

static int decode_once(void *arg)
{
    struct ate__tx tx;
    struct ate__buf *encoded = arg;
    int rc = ate__tx_decode(ate__buf_bytes(encoded), alg, &tx);
    if (!rc)
        ate__tx_deinit(&tx);
    return rc;
}

static int find_alg_once(void *arg)
{
    enum ate__hash_alg found;
    struct ate__buf *encoded = arg;
    return ate__tx_genesis_alg(ate__buf_bytes(encoded), &found);
}

static void reading_costs_one_allocation_and_survives_its_want(void **state)
{
    (void)state;
    struct vectors v = vectors_load("transaction.txt");
    struct ate__buf buf = vector_bytes(vector_text(vectors_find(&v, "genesis"), "transaction"));
    assert_int_equal(decode_once(&buf), 0); /* the thread's digest contexts are there now */
    assert_int_equal(heap_sweep(decode_once, &buf, false), 1);
    assert_int_equal(heap_sweep(find_alg_once, &buf, false), 1);
    ate__buf_deinit(&buf);
    vectors_deinit(&v);
}

static void one_event_by_itself(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(23))};
    for (int i = 0; i < 200; i++) {
        struct ate__tx_in in = random_tx(&a);
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate_hash hash;
        struct ate__tx tx;
        struct ate__event alone;
        encode(&in, NULL, 0, &buf, &hash);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&buf), alg, &tx), 0);
        for (uint32_t k = 0; k < tx.event_count; k++) {
            struct ate_bytes whole = tx.events[k].whole;
            assert_int_equal(ate__event_decode(whole, alg, &alone), 0);
            assert_true(ate__hash_equal(&alone.hash, &tx.events[k].hash));
            assert_int_equal(alone.kind, tx.events[k].kind);
            for (size_t size = 0; size < whole.size; size++)
                assert_int_not_equal(ate__event_decode(ate__bytes(whole.data, size), alg, &alone),
                                     0);
            whole.size++; /* the next event or the signature section follows */
            assert_int_equal(ate__event_decode(whole, alg, &alone), ATE_MALFORMED);
        }
        ate__tx_deinit(&tx);
        ate__buf_deinit(&buf);
        arena_clear(&a);
    }
}

static void sentences_say_where(void **state)
{
    (void)state;
    struct vectors v = vectors_load("transaction.txt");
    static const char *const cases[][2] = {
        {"bad header in the second event",
         "transaction: event 1: header: no item says what kind of event it is"},
        {"path over its limit",
         "transaction: signature 0: hashes of a batch path: 21, and the limit is 20"},
        {"a precondition twice", "transaction: precondition 1: out of order or twice"},
        {"version 2", "transaction: version 2"},
        {"half a head", "transaction: head: the bytes end early, at byte 57 of 60"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__buf buf =
            vector_bytes(vector_text(vectors_find(&v, cases[i][0]), "transaction"));
        struct ate__tx tx;
        assert_int_not_equal(ate__tx_decode(ate__buf_bytes(&buf), alg, &tx), 0);
        assert_string_equal(ate__error_text(), cases[i][1]);
        ate__buf_deinit(&buf);
    }
    vectors_deinit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_transactions_come_back),
        cmocka_unit_test(every_truncation_fails),
        cmocka_unit_test(every_flipped_bit_shows),
        cmocka_unit_test(ones_own_comes_back_without_hashing),
        cmocka_unit_test(size_at_the_edge),
        cmocka_unit_test(payload_at_the_edge),
        cmocka_unit_test(events_at_the_edge),
        cmocka_unit_test(preconditions_at_the_edge),
        cmocka_unit_test(signatures_at_the_edge),
        cmocka_unit_test(batches_of_every_size),
        cmocka_unit_test(reading_costs_one_allocation_and_survives_its_want),
        cmocka_unit_test(one_event_by_itself),
        cmocka_unit_test(sentences_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
