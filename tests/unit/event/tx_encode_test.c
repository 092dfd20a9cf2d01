/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Transactions, written: what must not be made, order and doubles, limits, copies with less in
 * them.
 */
#include "base/err.h"
#include "event/tx.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "random.h"
#include "rebuild.h"

static const enum ate__hash_alg alg = ATE__SHA256;
static const uint8_t body[] = {1,  0,  16, 1,  2,  3, 4, 5,  6, 7, 8, 9, 10, 11,
                               12, 13, 14, 15, 16, 3, 0, 20, 0, 0, 0, 0, 0,  0,
                               0,  0,  0,  0,  0,  0, 0, 0,  0, 0, 0, 0, 0,  0};
static const uint8_t salt[16];

static struct ate__event_in clear_event(struct ate_bytes payload)
{
    return (struct ate__event_in){ATE__CLEAR, ate__bytes(body, sizeof body),
                                  ate__bytes(salt, sizeof salt), payload};
}

/* The result, after which a failure must have left buffer and hash alone. */
static int try_encode(const struct ate__tx_in *in)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_hash hash = {{1}};
    assert_int_equal(ate__buf_append(&buf, ate__text_bytes("before")), 0);
    int rc = ate__tx_encode(in, alg, &buf, &hash);
    if (rc) {
        assert_int_equal(buf.size, 6);
        assert_memory_equal(&hash, &((struct ate_hash){{1}}), sizeof hash);
    }
    assert_memory_equal(buf.data, "before", 6);
    ate__buf_deinit(&buf);
    return rc;
}

static int try_event(struct ate__event_in event)
{
    struct ate__tx_in in = {.events = &event, .event_count = 1};
    return try_encode(&in);
}

static void wrong_events_are_not_made(void **state)
{
    (void)state;
    struct ate_bytes header = ate__bytes(body, sizeof body), eight = ate__bytes(body, 8);
    static const uint8_t revoke[35] = {0x23, 0, 32};
    assert_int_equal(try_event(clear_event(eight)), 0);
    assert_int_equal(try_event((struct ate__event_in){.form = ATE__BARE, .header = header}), 0);
    const struct ate__event_in wrong[] = {
        {.form = ATE__DROPPED, .header = header},
        {.form = ATE__STRIPPED, .header = header},
        {.form = 5, .header = header},
        {ATE__BARE, header, {NULL, 0}, eight},
        {ATE__BARE, header, ate__bytes(salt, 16), {NULL, 0}},
        {ATE__CLEAR, header, ate__bytes(salt, 15), eight},
        {ATE__CLEAR, header, {NULL, 0}, eight},
        {ATE__CIPHER, header, {NULL, 0}, eight}, /* without CONF */
        {ATE__CLEAR, ate__bytes(revoke, sizeof revoke), ate__bytes(salt, 16), eight},
        {.form = ATE__BARE, .header = {NULL, 0}},
        {.form = ATE__BARE, .header = ate__bytes(body, sizeof body - 1)},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(wrong); i++) {
        assert_int_equal(try_event(wrong[i]), ATE_MALFORMED);
        assert_true(strstr(ate__error_text(), "transaction: event 0: ") == ate__error_text());
    }
    assert_int_equal(try_encode(&(struct ate__tx_in){.event_count = 0}), ATE_MALFORMED);
}

static void limits_of_events(void **state)
{
    (void)state;
    static uint8_t space[ATE__CIPHER_MAX + 1];
    for (size_t more = 0; more < 2; more++) {
        int expected = more ? ATE_TOO_BIG : 0;
        assert_int_equal(try_event(clear_event(ate__bytes(space, ATE__PAYLOAD_MAX + more))),
                         expected);
        /* A header of the greatest size; then the greatest ciphertext. */
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__header_wr w = ate__header_wr_of(&buf);
        assert_int_equal(ate__buf_append(&buf, ate__bytes(body, sizeof body)), 0);
        ate__header_item(&w, ATE__TAG_OPTIONAL,
                         ate__bytes(space, ATE__BODY_HEADER_MAX - sizeof body - 5 + more));
        assert_int_equal(ate__header_end(&w), 0);
        assert_int_equal(
            try_event((struct ate__event_in){.form = ATE__BARE, .header = ate__buf_bytes(&buf)}),
            expected);
        ate__buf_clear(&buf);
        w = ate__header_wr_of(&buf);
        assert_int_equal(ate__buf_append(&buf, ate__bytes(body, sizeof body)), 0);
        ate__header_conf(&w, &(struct ate__conf_item){.epoch = 0});
        assert_int_equal(ate__header_end(&w), 0);
        assert_int_equal(
            try_event((struct ate__event_in){.form = ATE__CIPHER,
                                             .header = ate__buf_bytes(&buf),
                                             .payload = ate__bytes(space, ATE__CIPHER_MAX + more)}),
            expected);
        ate__buf_deinit(&buf);
    }
}

static void limits_of_lists(void **state)
{
    (void)state;
    static struct ate__event_in events[ATE__TX_EVENTS_MAX + 1];
    static struct ate__precondition preconditions[ATE__TX_PRECONDITIONS_MAX + 1];
    for (size_t i = 0; i < ATE__COUNT_OF(events); i++)
        events[i] =
            (struct ate__event_in){.form = ATE__BARE, .header = ate__bytes(body, sizeof body)};
    for (size_t i = 0; i < ATE__COUNT_OF(preconditions); i++) {
        /* Descending, so that they are sorted. */
        preconditions[i].kind = ATE__TAG_FREE;
        preconditions[i].id.b[0] = (uint8_t)(255 - (i >> 8));
        preconditions[i].id.b[1] = (uint8_t)(255 - (i & 255));
        preconditions[i].id.b[2] = (uint8_t)(1 - (i >> 16));
    }
    for (uint32_t more = 0; more < 2; more++) {
        struct ate__tx_in in = {.events = events, .event_count = ATE__TX_EVENTS_MAX + more};
        assert_int_equal(try_encode(&in), more ? ATE_TOO_BIG : 0);
        in = (struct ate__tx_in){.events = events,
                                 .event_count = 1,
                                 .preconditions = preconditions,
                                 .precondition_count = ATE__TX_PRECONDITIONS_MAX + more};
        assert_int_equal(try_encode(&in), more ? ATE_TOO_BIG : 0);
    }
    preconditions[3].kind = 4;
    struct ate__tx_in in = {.events = events,
                            .event_count = 1,
                            .preconditions = preconditions,
                            .precondition_count = 5};
    assert_int_equal(try_encode(&in), ATE_MALFORMED);
}

/* The unsigned part may be as big as leaves room for every signature, and then it has that room. */
static void limit_of_the_unsigned_part(void **state)
{
    (void)state;
    static uint8_t space[ATE__PAYLOAD_MAX], signature[ATE__SIGNATURE_MAX];
    static uint8_t path[32 * ATE__BATCH_PATH_MAX];
    const size_t event = 1 + 4 + sizeof body + 16 + 4, rest = 105 + 4 + 4;
    size_t last = ATE__TX_UNSIGNED_MAX - rest - 2 * event - ATE__PAYLOAD_MAX;
    for (size_t more = 0; more < 2; more++) {
        struct ate__event_in events[] = {clear_event(ate__bytes(space, sizeof space)),
                                         clear_event(ate__bytes(space, last + more))};
        struct ate__tx_in in = {.events = events, .event_count = 2};
        assert_int_equal(try_encode(&in), more ? ATE_TOO_BIG : 0);
        if (more)
            break;
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate_hash hash;
        struct ate__signature signatures[ATE__TX_SIGNATURES_MAX];
        struct ate__tx tx;
        for (uint32_t i = 0; i < ATE__TX_SIGNATURES_MAX; i++)
            signatures[i] =
                (struct ate__signature){.fingerprint = {{(uint8_t)i}},
                                        .batch_size = 1 << ATE__BATCH_PATH_MAX,
                                        .path_count = ATE__BATCH_PATH_MAX,
                                        .path = path,
                                        .bytes = ate__bytes(signature, sizeof signature)};
        assert_int_equal(ate__tx_encode(&in, alg, &buf, &hash), 0);
        assert_int_equal(buf.size, ATE__TX_UNSIGNED_MAX);
        assert_int_equal(ate__tx_encode_signatures(signatures, ATE__TX_SIGNATURES_MAX, &buf), 0);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&buf), alg, &tx), 0);
        ate__tx_deinit(&tx);
        ate__buf_deinit(&buf);
    }
}

static void order_does_not_matter(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(31))};
    for (int i = 0; i < 300; i++) {
        struct ate__tx_in in = random_tx(&a);
        struct ate__signature signatures[3];
        uint32_t count = random_signatures(&a, signatures), n = in.precondition_count;
        struct ate__precondition shuffled[7];
        struct ate__buf one = ATE__BUF_NULL, other = ATE__BUF_NULL;
        struct ate_hash hash;
        assert_int_equal(ate__tx_encode(&in, alg, &one, &hash), 0);
        assert_int_equal(ate__tx_encode_signatures(signatures, count, &one), 0);
        for (uint32_t k = 0; k < n; k++)
            shuffled[k] = in.preconditions[n - 1 - k];
        in.preconditions = shuffled;
        if (count > 1) {
            struct ate__signature first = signatures[0];
            signatures[0] = signatures[count - 1];
            signatures[count - 1] = first;
        }
        assert_int_equal(ate__tx_encode(&in, alg, &other, &hash), 0);
        assert_int_equal(ate__tx_encode_signatures(signatures, count, &other), 0);
        assert_true(ate__bytes_equal(ate__buf_bytes(&one), ate__buf_bytes(&other)));
        ate__buf_deinit(&one);
        ate__buf_deinit(&other);
        arena_clear(&a);
    }
}

static void wrong_signatures_are_not_made(void **state)
{
    (void)state;
    static const uint8_t path[64], big[ATE__SIGNATURE_MAX + 1];
    const struct ate__signature good = {
        .fingerprint = {{1}}, .batch_size = 1, .bytes = ate__bytes("s", 1)};
    struct ate__signature s[ATE__TX_SIGNATURES_MAX + 1];
    struct ate__buf buf = ATE__BUF_NULL;
    for (int i = 0; i < 9; i++) {
        int expected = ATE_MALFORMED;
        uint32_t count = 2;
        for (size_t k = 0; k < ATE__COUNT_OF(s); k++) {
            s[k] = good;
            s[k].fingerprint.b[0] = (uint8_t)(9 + k);
        }
        switch (i) {
        case 0: s[1].fingerprint = s[0].fingerprint; break;
        case 1: s[1].batch_size = 0; break;
        case 2: s[1].batch_index = 1; break;
        case 3: s[1].path = path, s[1].path_count = 1; break;
        case 4: s[1].batch_size = 3, s[1].path = path, s[1].path_count = 1; break;
        case 5: s[1].bytes.size = 0; break;
        case 6: s[1].bytes = ate__bytes(big, sizeof big), expected = ATE_TOO_BIG; break;
        case 7: count = ATE__TX_SIGNATURES_MAX + 1, expected = ATE_TOO_BIG; break;
        case 8: s[1].path_count = 21, s[1].batch_size = 1 << 21, expected = ATE_TOO_BIG; break;
        }
        assert_int_equal(ate__tx_encode_signatures(s, count, &buf), expected);
        assert_int_equal(buf.size, 0);
    }
    ate__buf_deinit(&buf);
}

/* ---- copies with less in them ---- */

struct keep {
    uint64_t mask;
};

static bool keep_some(void *arg, uint32_t event)
{
    return ((struct keep *)arg)->mask >> event & 1;
}

static void assert_reduced(const struct ate__tx *tx, const struct ate__tx *less, uint64_t mask,
                           uint64_t payload_max)
{
    struct ate_hash one, other;
    assert_true(ate__hash_equal(&tx->hash, &less->hash));
    assert_true(ate__bytes_equal(tx->signature_section, less->signature_section));
    assert_int_equal(ate__tx_leaf(tx, alg, 3, 4, &one), 0);
    assert_int_equal(ate__tx_leaf(less, alg, 3, 4, &other), 0);
    assert_true(ate__hash_equal(&one, &other));
    size_t size_max = tx->encoded.size;
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i], *l = &less->events[i];
        assert_true(ate__hash_equal(&e->hash, &l->hash));
        if (!(mask >> i & 1)) {
            assert_int_equal(l->form, ATE__DROPPED);
            size_max += l->whole.size > e->whole.size ? l->whole.size - e->whole.size : 0;
            continue;
        }
        bool longer = 4 + e->salt.size + e->payload.size > 8 + 32;
        assert_int_equal(l->form == ATE__STRIPPED, e->payload.size > payload_max && longer);
        assert_true(ate__bytes_equal(e->bytes, l->bytes));
        assert_int_equal(e->payload_size, l->payload_size);
        if (l->form == ATE__STRIPPED)
            assert_true(ate__hash_equal(&e->payload_hash, &l->payload_hash));
    }
    assert_true(less->encoded.size <= size_max);
}

static void less_of_it_has_the_same_hash(void **state)
{
    (void)state;
    struct arena a = {.rnd = rnd_of(rnd_seed(32))};
    for (int i = 0; i < 1000; i++) {
        struct ate__tx_in in = random_tx(&a);
        struct ate__signature signatures[3];
        uint32_t count = random_signatures(&a, signatures);
        struct ate__buf buf = ATE__BUF_NULL, less = ATE__BUF_NULL, twice = ATE__BUF_NULL;
        struct ate_hash hash;
        struct ate__tx tx, reduced;
        struct keep keep = {rnd_u64(&a.rnd) | (i % 3 ? 0 : UINT64_MAX)};
        uint64_t payload_max = rnd_below(&a.rnd, 220);
        assert_int_equal(ate__tx_encode(&in, alg, &buf, &hash), 0);
        assert_int_equal(ate__tx_encode_signatures(signatures, count, &buf), 0);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&buf), alg, &tx), 0);
        assert_int_equal(ate__tx_reduce(&tx, keep_some, &keep, payload_max, &less), 0);
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&less), alg, &reduced), 0);
        assert_reduced(&tx, &reduced, keep.mask, payload_max);
        assert_int_equal(ate__tx_reduce(&reduced, keep_some, &keep, payload_max, &twice), 0);
        assert_true(ate__bytes_equal(ate__buf_bytes(&less), ate__buf_bytes(&twice)));
        ate__tx_deinit(&tx);
        ate__tx_deinit(&reduced);
        ate__buf_deinit(&buf);
        ate__buf_deinit(&less);
        ate__buf_deinit(&twice);
        arena_clear(&a);
    }
}

/* ---- want of memory ---- */

static int make_once(void *arg)
{
    const struct ate__tx_in *in = arg;
    struct ate__buf buf = ATE__BUF_NULL, less = ATE__BUF_NULL;
    struct ate_hash hash;
    struct ate__tx tx = {.events = NULL};
    struct keep keep = {1};
    static const struct ate__signature s = {.batch_size = 1, .bytes = {"signature", 9}};
    int rc = ate__tx_encode(in, alg, &buf, &hash);
    if (!rc)
        rc = ate__tx_encode_signatures(&s, 1, &buf);
    if (!rc)
        rc = ate__tx_decode(ate__buf_bytes(&buf), alg, &tx);
    if (!rc)
        rc = ate__tx_reduce(&tx, keep_some, &keep, 10, &less);
    ate__tx_deinit(&tx);
    ate__buf_deinit(&buf);
    ate__buf_deinit(&less);
    return rc;
}

static void survives_want_of_memory(void **state)
{
    (void)state;
    struct ate__event_in events[] = {clear_event(ate__text_bytes("payload")),
                                     clear_event(ate__text_bytes("payload"))};
    const struct ate__precondition preconditions[] = {{.kind = ATE__IS_ABSENT, .id = {{9}}},
                                                      {.kind = ATE__IS_CURRENT, .id = {{1}}}};
    struct ate__tx_in in = {.events = events,
                            .event_count = 2,
                            .preconditions = preconditions,
                            .precondition_count = 2};
    assert_int_equal(make_once(&in), 0); /* the thread's digest contexts are there now */
    assert_true(heap_sweep(make_once, &in, false) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_events_are_not_made),
        cmocka_unit_test(limits_of_events),
        cmocka_unit_test(limits_of_lists),
        cmocka_unit_test(limit_of_the_unsigned_part),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(wrong_signatures_are_not_made),
        cmocka_unit_test(less_of_it_has_the_same_hash),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
