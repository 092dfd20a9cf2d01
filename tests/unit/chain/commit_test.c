/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Commits: answers, refusals, repeats, time limits, room.
 */
#include "offers.h"
#include <unistd.h>

/* ---- answers ---- */

static void a_commit_is_answered_and_seen(void **state)
{
    (void)state;
    begin(false, false);
    assert_true(kit_size(&kit) == 1);
    kit_put_ok(&kit, 1, "one");
    assert_true(kit.receipt.sequence == 1);
    assert_true(kit.receipt.size == 2);
    assert_int_equal(kit.receipt.stage, ATE__DURABLE);
    assert_true(kit.receipt.root_time_us == kit.sim.wall_us);
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, 2, &root));
    assert_memory_equal(&root, &kit.receipt.head, sizeof root);
    assert_string_equal(kit_text(&kit, 1), "one");
    kit_put_ok(&kit, 1, "two");
    assert_string_equal(kit_text(&kit, 1), "two");
    kit_reopen_ok(&kit);
    assert_string_equal(kit_text(&kit, 1), "two");
    assert_true(kit_size(&kit) == 3);
    end();
}

static void refusals(void **state)
{
    (void)state;
    struct draft d;
    struct ate_hash old;
    begin(true, false);
    kit_put_ok(&kit, 1, "one");
    old = kit_facts(&kit, 1).body;
    kit_put_ok(&kit, 1, "two");
    uint64_t size = kit_size(&kit);

    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), &old, "three");
    assert_int_equal(kit_commit(&kit, &d), ATE_CONFLICT);
    assert_int_equal(kit.verdict.conflict_count, 1);
    assert_true(kit.verdict.conflicts[0].sequence == 2);
    assert_non_null(strstr(kit.text, "not the current one"));
    draft_deinit(&d);

    kit_begin(&kit, &d);
    d.in.chain_id.b[0] ^= 1;
    draft_text(&d, id_of(2), NULL, "x");
    assert_int_equal(kit_commit(&kit, &d), ATE_WRONG_CHAIN);
    draft_deinit(&d);

    kit_begin(&kit, &d);
    d.in.base_root.b[5] ^= 1;
    draft_text(&d, id_of(2), NULL, "x");
    assert_int_equal(kit_commit(&kit, &d), ATE_FORKED);
    draft_deinit(&d);

    kit_begin(&kit, &d);
    d.in.base_size = size + 1;
    draft_text(&d, id_of(2), NULL, "x");
    assert_int_equal(kit_commit(&kit, &d), ATE_MALFORMED);
    draft_deinit(&d);

    assert_int_equal(kit_commit_bytes(&kit, ate__text_bytes("\1\0")), ATE_MALFORMED);
    assert_int_equal(kit_commit_bytes(&kit, ate__bytes(NULL, 0)), ATE_MALFORMED);
    static uint8_t big[ATE__TX_SIZE_MAX + 1];
    assert_int_equal(kit_commit_bytes(&kit, ate__bytes(big, sizeof big)), ATE_TOO_BIG);
    assert_non_null(strstr(kit.text, "8388608"));

    assert_true(kit_size(&kit) == size);
    assert_string_equal(kit_text(&kit, 1), "two");
    kit_put_ok(&kit, 2, "a refusal keeps its number free");
    end();
}

/* Behind the window of 20 sequences. */
static void a_base_that_is_too_old(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    struct draft late, good;
    kit_init(&kit, 5);
    kit.memory = true;
    kit_genesis(&kit, &open, 20, 1);
    kit_create_ok(&kit);
    kit_begin(&kit, &late);
    draft_text(&late, id_of(50), NULL, "x");
    kit_put_ok(&kit, 1, "x");
    kit_begin(&kit, &good);
    draft_text(&good, id_of(51), NULL, "x");
    for (unsigned i = 0; i < 20; i++)
        kit_put_ok(&kit, 1, "y");
    assert_int_equal(kit_commit(&kit, &late), ATE_STALE);
    kit_ok(kit_commit(&kit, &good));
    draft_deinit(&late);
    draft_deinit(&good);
    end();
}

static bool keep_all(void *arg, uint32_t event)
{
    (void)arg, (void)event;
    return true;
}

/* A replica may hold a payload back, the root may not take it so. */
static void what_was_left_out(void **state)
{
    (void)state;
    struct draft d;
    begin(true, false);
    kit_begin(&kit, &d);
    char big[200];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    draft_text(&d, id_of(1), NULL, big);
    struct ate__tx tx = draft_tx(&d);
    struct ate__buf reduced = ATE__BUF_NULL;
    kit_ok(ate__tx_reduce(&tx, keep_all, NULL, 10, &reduced));
    assert_true(reduced.size < tx.encoded.size);
    assert_int_equal(kit_commit_bytes(&kit, ate__buf_bytes(&reduced)), ATE_OMITTED);
    kit_ok(kit_commit(&kit, &d));
    ate__buf_deinit(&reduced);
    ate__tx_deinit(&tx);
    draft_deinit(&d);
    end();
}

static void signatures(void **state)
{
    (void)state;
    struct draft d, other;
    kit_init(&kit, 5);
    kit.memory = true;
    kit_genesis(&kit, NULL, 1000, 2); /* the root key alone may write */
    kit_create_ok(&kit);

    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), NULL, "x");
    assert_int_equal(kit_commit(&kit, &d), ATE_DENIED);
    assert_non_null(strstr(kit.text, "signed by nobody"));
    d.signer[d.signer_count++] = kit_key(0);
    kit_ok(kit_commit(&kit, &d));

    /* Its signature under another event. */
    kit_begin(&kit, &other);
    draft_text(&other, id_of(2), NULL, "y");
    struct ate__tx tx = draft_tx(&d);
    draft_encode(&other);
    other.encoded.size -= 4; /* the empty signature section */
    struct ate__buf forged = ATE__BUF_NULL;
    other.in.events = other.events;
    kit_ok(ate__tx_encode(&other.in, ATE__SHA256, &forged, &other.hash));
    kit_ok(ate__tx_encode_signatures(tx.signatures, tx.signature_count, &forged));
    assert_int_equal(kit_commit_bytes(&kit, ate__buf_bytes(&forged)), ATE_TAMPERED);
    assert_non_null(strstr(kit.text, "does not hold"));
    ate__buf_deinit(&forged);
    ate__tx_deinit(&tx);
    draft_deinit(&other);
    draft_deinit(&d);

    /* A key that nobody brought, and may do nothing either: the right comes first. */
    kit_begin(&kit, &d);
    draft_text(&d, id_of(2), NULL, "y");
    d.signer[d.signer_count++] = kit_key(1);
    assert_int_equal(kit_commit(&kit, &d), ATE_DENIED);
    assert_null(strstr(kit.text, "does not hold this key"));
    d.signer[d.signer_count++] = kit_key(0);
    assert_int_equal(kit_commit(&kit, &d), ATE_DENIED);
    assert_non_null(strstr(kit.text, "does not hold this key"));
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    kit_ok(kit_commit(&kit, &d));
    assert_true(ate__trust_has_key(ate__chain_trust(kit.chain), &kit_key(1)->fingerprint));
    draft_deinit(&d);
    end();
}

/* ---- many at once ---- */

enum { THREADS = 64, EACH = 12 };
struct writer {
    pthread_t thread;
    unsigned number;
    struct draft drafts[EACH];
    struct ate__offer offers[EACH];
};

static void *write_all(void *arg)
{
    struct writer *w = arg;
    for (unsigned i = 0; i < EACH; i++)
        ate__chain_wait(kit.chain, &w->offers[i]);
    return NULL;
}

static void writers_init(struct writer *writers)
{
    for (unsigned i = 0; i < THREADS; i++) {
        struct writer *w = &writers[i];
        w->number = i;
        for (unsigned n = 0; n < EACH; n++) {
            kit_begin(&kit, &w->drafts[n]);
            draft_text(&w->drafts[n], id_of(1000 + i * EACH + n), NULL, "x");
            w->offers[n] = (struct ate__offer){
                .encoded = draft_encode(&w->drafts[n]), .waits = true, .timeout_ms = -1};
        }
    }
}

static void leaders_and_followers(void **state)
{
    (void)state;
    static struct writer writers[THREADS];
    static bool seen[THREADS * EACH + 1];
    memset(seen, 0, sizeof seen);
    begin(false, true);
    writers_init(writers);
    gate_shut(kit.gate);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
    gate_wait_inside(kit.gate);
    pthread_mutex_lock(&kit.chain->mutex);
    size_t first = kit.chain->writing.count;
    pthread_mutex_unlock(&kit.chain->mutex);
    wait_ordered(THREADS - first, 0);
    gate_open(kit.gate);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(writers[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned n = 0; n < EACH; n++) {
            struct ate__offer *o = &writers[i].offers[n];
            assert_int_equal(o->result, 0);
            assert_true(o->receipt.sequence >= 1 && o->receipt.sequence <= THREADS * EACH);
            assert_false(seen[o->receipt.sequence]);
            seen[o->receipt.sequence] = true;
            assert_true(o->receipt.size > o->receipt.sequence);
            assert_true(kit_facts(&kit, 1000 + i * EACH + n).sequence == o->receipt.sequence);
            draft_deinit(&writers[i].drafts[n]);
        }
    assert_true(kit_size(&kit) == THREADS * EACH + 1);
    /* The genesis, the first writer's, then all that came meanwhile in one. */
    assert_int_equal(kit.gate->groups[1].count, first);
    assert_true(kit.gate->groups[2].count >= THREADS - first);
    print_message("%zu commits in %zu groups\n", (size_t)THREADS * EACH, kit.gate->group_count);
    kit.gated = false;
    kit_reopen_ok(&kit);
    assert_true(kit_size(&kit) == THREADS * EACH + 1);
    end();
}

static void offers_without_a_thread(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static struct one ones[COUNT];
    kit_init(&kit, 5);
    kit_ok(ate__workers_new(3, &kit.workers));
    kit_create_ok(&kit);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT; i++)
            one_init(&ones[i], 10 + i, "some text");
        for (unsigned i = 0; i < COUNT; i++) {
            one_offer(&ones[i]);
            assert_int_equal(ones[i].offer.at_once, 0);
        }
        uint64_t last = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            one_wait_done(&ones[i]);
            assert_int_equal(ones[i].offer.result, 0);
            assert_true(ones[i].offer.receipt.sequence > last); /* in the order of submission */
            last = ones[i].offer.receipt.sequence;
            one_deinit(&ones[i]);
        }
    }
    assert_true(kit_size(&kit) == 3 * COUNT + 1);
    end();
}

static void *offer_thread(void *arg)
{
    one_offer(arg);
    return NULL;
}

/* Without workers each offer is done by the thread that makes it; one that comes while another is
 * written, by the thread that writes. */
static void offers_without_workers(void **state)
{
    (void)state;
    struct one first, second;
    begin(true, true);
    gate_shut(kit.gate);
    one_init(&first, 1, "first");
    one_init(&second, 2, "second");
    assert_int_equal(pthread_create(&first.thread, NULL, offer_thread, &first), 0);
    gate_wait_inside(kit.gate);
    one_offer(&second);
    assert_int_equal(second.done, 0);
    gate_open(kit.gate);
    one_join(&first);
    assert_int_equal(second.done, 1);
    assert_int_equal(second.offer.result, 0);
    assert_string_equal(kit_text(&kit, 2), "second");
    one_deinit(&first);
    one_deinit(&second);
    end();
}

/* Half of them wait, half do not, some repeat others, some are wrong. */
static void all_sorts_together(void **state)
{
    (void)state;
    enum { COUNT = 40, ROUNDS = 12 };
    static struct one ones[COUNT], again[COUNT];
    kit_init(&kit, 5);
    kit_ok(ate__workers_new(2, &kit.workers));
    kit_create_ok(&kit);
    uint64_t size = kit_size(&kit);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            one_init(&ones[i], 10 + i, "some text");
            one_repeat(&again[i], &ones[i]);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            if (i % 2)
                one_offer(&ones[i]);
            else
                one_start(&ones[i]);
            if (i % 3 == 0)
                one_start(&again[i]);
            else
                one_offer(&again[i]);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            if (i % 2)
                one_wait_done(&ones[i]);
            else
                one_join(&ones[i]);
            if (i % 3 == 0)
                one_join(&again[i]);
            else
                one_wait_done(&again[i]);
            assert_int_equal(ones[i].offer.result, 0);
            assert_int_equal(again[i].offer.result, 0);
            assert_true(ones[i].offer.receipt.sequence == again[i].offer.receipt.sequence);
            assert_true(ones[i].offer.repeat != again[i].offer.repeat);
            one_deinit(&ones[i]);
            one_deinit(&again[i]);
        }
        size += COUNT;
        assert_true(kit_size(&kit) == size);
    }
    end();
}

/* ---- repeats ---- */

static void repeats_of_what_is_in_the_log(void **state)
{
    (void)state;
    struct draft d, other;
    begin(false, false);
    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), NULL, "x");
    kit_ok(kit_commit(&kit, &d));
    struct ate__receipt first = kit.receipt;
    simenv_pass_ms(&kit.sim, 5);
    kit_put_ok(&kit, 2, "y");
    for (unsigned round = 0; round < 2; round++) {
        kit_ok(kit_commit(&kit, &d));
        assert_true(kit.receipt.sequence == first.sequence);
        assert_true(kit.receipt.root_time_us == first.root_time_us);
        assert_true(kit.receipt.size == 3);
        assert_int_equal(kit.receipt.stage, ATE__DURABLE);
        kit_begin(&kit, &other);
        other.in.id = d.in.id;
        draft_text(&other, id_of(3), NULL, "z");
        assert_int_equal(kit_commit(&kit, &other), ATE_MALFORMED);
        assert_non_null(strstr(kit.text, "origin used twice"));
        draft_deinit(&other);
        assert_true(kit_size(&kit) == 3);
        kit_reopen_ok(&kit);
    }
    draft_deinit(&d);
    end();
}

static void repeats_of_what_is_under_way(void **state)
{
    (void)state;
    struct one writing, ordered, twin[4], other;
    begin(true, true);
    one_init(&writing, 1, "writing");
    one_init(&ordered, 2, "ordered");
    gate_shut(kit.gate);
    one_start(&writing);
    gate_wait_inside(kit.gate);
    one_start(&ordered);
    wait_ordered(1, 0);
    for (unsigned i = 0; i < 4; i++) {
        one_repeat(&twin[i], i % 2 ? &ordered : &writing);
        one_start(&twin[i]);
        wait_ordered(1, i + 1);
    }
    /* Other bytes under the same number are refused at once. */
    one_init(&other, 3, "other");
    other.d.in.id = ordered.d.in.id;
    other.offer.encoded = draft_encode(&other.d);
    other.offer.waits = true;
    ate__chain_wait(kit.chain, &other.offer);
    assert_int_equal(other.offer.result, ATE_MALFORMED);
    gate_open(kit.gate);
    one_join(&writing);
    one_join(&ordered);
    assert_int_equal(writing.offer.result, 0);
    assert_int_equal(ordered.offer.result, 0);
    for (unsigned i = 0; i < 4; i++) {
        const struct one *of = i % 2 ? &ordered : &writing;
        one_join(&twin[i]);
        assert_int_equal(twin[i].offer.result, 0);
        assert_memory_equal(&twin[i].offer.receipt, &of->offer.receipt, sizeof of->offer.receipt);
        assert_true(twin[i].offer.repeat && !of->offer.repeat);
        one_deinit(&twin[i]);
    }
    assert_true(kit_size(&kit) == 3);
    one_deinit(&writing);
    one_deinit(&ordered);
    one_deinit(&other);
    end();
}

/* ---- time and room ---- */

static void use_the_real_clock(void)
{
    kit.sim.env.monotonic_ms = ate__clock_monotonic_ms;
}

static void a_wait_that_ends_early(void **state)
{
    (void)state;
    struct one leader, late, again;
    struct ate__receipt receipt;
    struct ate__txn_id id;
    begin(true, true);
    use_the_real_clock();
    one_init(&leader, 1, "leader");
    one_init(&late, 2, "late");
    one_repeat(&again, &late);
    id = late.d.in.id;
    assert_int_equal(ate__chain_outcome(kit.chain, &id, NULL, &receipt), ATE_NOT_FOUND);
    gate_shut(kit.gate);
    one_start(&leader);
    gate_wait_inside(kit.gate);
    late.offer.waits = true;
    late.offer.timeout_ms = 20;
    ate__chain_wait(kit.chain, &late.offer);
    assert_int_equal(late.offer.result, ATE_UNKNOWN);
    assert_int_equal(late.done, 1);
    assert_non_null(strstr(late.offer.text, "may still be applied"));
    assert_int_equal(ate__chain_outcome(kit.chain, &id, NULL, &receipt), ATE_UNKNOWN);
    one_start(&again); /* the same bytes: it waits for the true outcome */
    wait_ordered(1, 1);
    gate_open(kit.gate);
    one_join(&leader);
    one_join(&again);
    assert_int_equal(again.offer.result, 0);
    assert_true(again.offer.receipt.sequence == 2);
    kit_ok(ate__chain_outcome(kit.chain, &id, NULL, &receipt));
    assert_true(receipt.sequence == 2);
    assert_string_equal(kit_text(&kit, 2), "late");
    one_deinit(&leader);
    one_deinit(&late);
    one_deinit(&again);
    end();
}

/* The submitter is gone, and nobody else comes: close writes what was accepted. */
static void close_writes_what_was_left(void **state)
{
    (void)state;
    struct one leader, late;
    begin(false, true);
    use_the_real_clock();
    one_init(&leader, 1, "leader");
    one_init(&late, 2, "late");
    gate_shut(kit.gate);
    one_start(&leader);
    gate_wait_inside(kit.gate);
    late.offer.waits = true;
    late.offer.timeout_ms = 1;
    ate__chain_wait(kit.chain, &late.offer);
    assert_int_equal(late.offer.result, ATE_UNKNOWN);
    gate_open(kit.gate);
    one_join(&leader);
    kit.gated = false;
    kit_reopen_ok(&kit);
    assert_string_equal(kit_text(&kit, 2), "late");
    one_deinit(&leader);
    one_deinit(&late);
    end();
}

static void close_answers_what_waits(void **state)
{
    (void)state;
    enum { COUNT = 30 };
    struct one ones[COUNT];
    for (unsigned round = 0; round < 10; round++) {
        kit_init(&kit, 5);
        kit_ok(ate__workers_new(2, &kit.workers));
        kit_create_ok(&kit);
        for (unsigned i = 0; i < COUNT; i++) {
            one_init(&ones[i], 10 + i, "some text");
            one_offer(&ones[i]);
        }
        kit_close(&kit);
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal(ones[i].done, 1);
            assert_int_equal(ones[i].offer.result, 0);
            one_deinit(&ones[i]);
        }
        kit_open_ok(&kit, 0);
        assert_true(kit_size(&kit) == COUNT + 1);
        end();
    }
}

/* A transaction of nearly 8 MiB. */
static void one_init_big(struct one *o, unsigned object)
{
    static uint8_t payload[ATE__PAYLOAD_MAX - 200000];
    *o = (struct one){.done = 0};
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->changed, NULL);
    kit_begin(&kit, &o->d);
    for (unsigned i = 0; i < 2; i++)
        draft_body(&o->d, &(struct draft_body){.id = id_of(object + i),
                                               .payload = ate__bytes(payload, sizeof payload)});
    o->offer = (struct ate__offer){
        .encoded = draft_encode(&o->d), .timeout_ms = -1, .done = one_done, .user = o};
}

static void no_more_room(void **state)
{
    (void)state;
    enum { COUNT = 9 };
    struct one leader, ones[COUNT], late, patient;
    kit_init(&kit, 5);
    kit.memory = kit.gated = true;
    kit_ok(ate__workers_new(2, &kit.workers));
    kit_create_ok(&kit);
    use_the_real_clock();
    gate_shut(kit.gate);
    one_init(&leader, 1, "leader");
    one_start(&leader);
    gate_wait_inside(kit.gate);
    for (unsigned i = 0; i < COUNT; i++) {
        one_init_big(&ones[i], 100 + 2 * i);
        one_offer(&ones[i]);
    }
    /* 64 MiB hold eight of them. */
    assert_int_equal(ones[COUNT - 2].offer.at_once, 0);
    one_wait_done(&ones[COUNT - 1]);
    assert_int_equal(ones[COUNT - 1].offer.at_once, ATE_BUSY);
    assert_int_equal(ones[COUNT - 1].offer.result, ATE_BUSY);
    one_init_big(&late, 200);
    late.offer.waits = true;
    late.offer.timeout_ms = 10;
    ate__chain_wait(kit.chain, &late.offer);
    assert_int_equal(late.offer.result, ATE_TIMEOUT);
    one_init_big(&patient, 300);
    one_start(&patient);
    gate_open(kit.gate);
    one_join(&leader);
    one_join(&patient);
    assert_int_equal(patient.offer.result, 0);
    for (unsigned i = 0; i < COUNT - 1; i++) {
        one_wait_done(&ones[i]);
        assert_int_equal(ones[i].offer.result, 0);
    }
    /* At most two of them fit into one group. */
    for (size_t i = 0; i < kit.gate->group_count; i++)
        assert_true(kit.gate->groups[i].bytes <= 16 << 20);
    kit_ok(kit_put(&kit, 1, "x"));
    one_deinit(&leader);
    one_deinit(&late);
    one_deinit(&patient);
    for (unsigned i = 0; i < COUNT; i++)
        one_deinit(&ones[i]);
    end();
}

static void expect_waiting(size_t count, size_t bytes)
{
    struct ate__chain *c = kit.chain;
    pthread_mutex_lock(&c->inbox_mutex);
    assert_int_equal(c->waiting_count, count);
    assert_int_equal(c->waiting_bytes, bytes);
    pthread_mutex_unlock(&c->inbox_mutex);
}

/* What waits is counted wherever it waits, once: one that waits itself and one that does not, until
 * they are in a group; a repeat does not count, nor what is refused. */
static void what_waits_is_counted(void **state)
{
    (void)state;
    struct one leader, waits, async, twin, refused;
    kit_init(&kit, 5);
    kit.memory = kit.gated = true;
    kit_ok(ate__workers_new(2, &kit.workers));
    kit_create_ok(&kit);
    expect_waiting(0, 0);
    one_init(&leader, 1, "leader");
    one_init(&waits, 2, "waits");
    one_init(&async, 3, "async");
    one_repeat(&twin, &async);
    one_init(&refused, 4, "refused");
    refused.offer.encoded.size--;
    gate_shut(kit.gate);
    one_start(&leader);
    gate_wait_inside(kit.gate);
    expect_waiting(0, 0);
    one_start(&waits);
    wait_ordered(1, 0);
    expect_waiting(1, waits.offer.encoded.size);
    one_offer(&async);
    wait_ordered(2, 0);
    one_offer(&twin);
    wait_ordered(2, 1);
    one_offer(&refused);
    one_wait_done(&refused);
    assert_true(refused.offer.result > 0);
    expect_waiting(2, waits.offer.encoded.size + async.offer.encoded.size);
    gate_open(kit.gate);
    one_join(&leader);
    one_join(&waits);
    one_wait_done(&async);
    one_wait_done(&twin);
    assert_int_equal(async.offer.result, 0);
    assert_int_equal(twin.offer.result, 0);
    expect_waiting(0, 0);
    struct one *all[] = {&leader, &waits, &async, &refused};
    for (size_t i = 0; i < ATE__COUNT_OF(all); i++)
        one_deinit(all[i]);
    end();
}

static void the_edge_of_the_room(void **state)
{
    (void)state;
    begin(true, false);
    struct ate__chain *c = kit.chain;
    c->waiting_count = ATE__WAITING_MAX - 1;
    c->waiting_bytes = ATE__WAITING_BYTES_MAX - 100;
    assert_true(ate__chain_has_room(c, 100));
    assert_false(ate__chain_has_room(c, 101));
    c->waiting_count++;
    assert_false(ate__chain_has_room(c, 100));
    c->waiting_count = c->waiting_bytes = 0;
    end();
}

/* What was ordered goes with a group that fails, and makes room for who waits for it. */
static void room_after_a_failure(void **state)
{
    (void)state;
    enum { COUNT = 8, PATIENT = 2, SETTLE_US = 200000, LIMIT_MS = 20000 };
    static const int results[] = {ATE_E_IO, ATE_E_NO_SPACE};
    for (size_t row = 0; row < ATE__COUNT_OF(results); row++) {
        struct one leader, ones[COUNT], patient[PATIENT];
        kit_init(&kit, 5);
        kit.memory = kit.gated = true;
        kit_ok(ate__workers_new(2, &kit.workers));
        kit_create_ok(&kit);
        use_the_real_clock();
        gate_fail(kit.gate, GATE_APPEND, results[row], false);
        gate_shut(kit.gate);
        one_init(&leader, 1, "leader");
        one_start(&leader);
        gate_wait_inside(kit.gate);
        for (unsigned i = 0; i < COUNT; i++) {
            one_init_big(&ones[i], 100 + 2 * i);
            one_offer(&ones[i]);
            assert_int_equal(ones[i].offer.at_once, 0);
        }
        wait_ordered(COUNT, 0);
        for (unsigned i = 0; i < PATIENT; i++) {
            one_init_big(&patient[i], 300 + 2 * i);
            patient[i].offer.timeout_ms = LIMIT_MS;
            one_start(&patient[i]);
        }
        usleep(SETTLE_US); /* were they not waiting yet, the test would see less */
        uint64_t begin_ms = ate__monotonic_ms(&kit.sim.env);
        gate_open(kit.gate);
        one_join(&leader);
        assert_int_equal(leader.offer.result, row ? ATE_E_NO_SPACE : ATE_UNKNOWN);
        for (unsigned i = 0; i < COUNT; i++) {
            one_wait_done(&ones[i]);
            assert_int_equal(ones[i].offer.result, leader.offer.result);
            one_deinit(&ones[i]);
        }
        for (unsigned i = 0; i < PATIENT; i++) {
            one_join(&patient[i]);
            assert_int_equal(patient[i].offer.result, 0);
            one_deinit(&patient[i]);
        }
        assert_true(ate__monotonic_ms(&kit.sim.env) - begin_ms < LIMIT_MS);
        one_deinit(&leader);
        end();
    }
}

static void an_offer_whose_time_is_over(void **state)
{
    (void)state;
    struct one leader, big[8], late;
    kit_init(&kit, 5);
    kit.memory = kit.gated = true;
    kit_ok(ate__workers_new(1, &kit.workers));
    kit_create_ok(&kit);
    gate_shut(kit.gate);
    one_init(&leader, 1, "leader");
    one_offer(&leader); /* the only worker is now inside the gate */
    gate_wait_inside(kit.gate);
    one_init(&big[0], 10, "in time");
    big[0].offer.timeout_ms = 100;
    one_offer(&big[0]);
    one_init(&late, 20, "late");
    late.offer.timeout_ms = 10;
    one_offer(&late);
    simenv_pass_ms(&kit.sim, 50);
    gate_open(kit.gate);
    one_wait_done(&late);
    one_wait_done(&big[0]);
    assert_int_equal(late.offer.result, ATE_TIMEOUT);
    assert_int_equal(big[0].offer.result, 0);
    one_wait_done(&leader);
    one_deinit(&leader);
    one_deinit(&big[0]);
    one_deinit(&late);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_answered_and_seen),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_base_that_is_too_old),
        cmocka_unit_test(what_was_left_out),
        cmocka_unit_test(signatures),
        cmocka_unit_test(leaders_and_followers),
        cmocka_unit_test(offers_without_a_thread),
        cmocka_unit_test(offers_without_workers),
        cmocka_unit_test(all_sorts_together),
        cmocka_unit_test(repeats_of_what_is_in_the_log),
        cmocka_unit_test(repeats_of_what_is_under_way),
        cmocka_unit_test(a_wait_that_ends_early),
        cmocka_unit_test(close_writes_what_was_left),
        cmocka_unit_test(close_answers_what_waits),
        cmocka_unit_test(no_more_room),
        cmocka_unit_test(what_waits_is_counted),
        cmocka_unit_test(the_edge_of_the_room),
        cmocka_unit_test(room_after_a_failure),
        cmocka_unit_test(an_offer_whose_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
