/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Who may sign the heads of a chain, by what a server shows: as it is, and with lies. The private
 * keys of the history stand for the log keys that follow from their seeds.
 */
#include "crypto/log_key.h"
#include "lib/heap.h"
#include "thin_world.h"

static struct ate__buf public_of(struct past *p, int key)
{
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__log_key *k;
    must(ate__log_key_of_seed(&p->key[key]->seed, &k));
    must(ate__buf_append(&bytes, ate__log_key_public(k)));
    ate__log_key_free(k);
    return bytes;
}

static struct ate_hash print_of(struct past *p, int key)
{
    struct ate__buf bytes = public_of(p, key);
    struct ate_hash fingerprint;
    must(ate__fingerprint(ate__buf_bytes(&bytes), &fingerprint));
    ate__buf_deinit(&bytes);
    return fingerprint;
}

static void begin_change(struct past *p, struct draft *d, enum ate__tag tag,
                         const struct ate__root_change *change)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    past_begin(p, d);
    ate__header_keys(&w, tag, change, 1);
    must(ate__header_end(&w));
    draft_event(d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
}

/* Adds the log key of `key`, or removes it; signed by `signer`. */
static uint64_t change(struct past *p, int signer, int key, bool adds)
{
    struct draft d;
    struct ate__buf bytes = public_of(p, key);
    struct ate_hash fingerprint = print_of(p, key);
    struct ate__root_change c = {adds ? ATE__ROOT_ADD : ATE__ROOT_REMOVE,
                                 adds ? ate__buf_bytes(&bytes)
                                      : ate__bytes(&fingerprint, sizeof fingerprint)};
    begin_change(p, &d, ATE__TAG_LOG_KEYS, &c);
    past_sign(p, &d, signer);
    ate__buf_deinit(&bytes);
    return past_commit(p, &d);
}

static uint64_t revoke(struct past *p, int key)
{
    struct draft d;
    struct ate_hash fingerprint = print_of(p, key);
    past_begin(p, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&fingerprint, sizeof fingerprint));
    past_sign(p, &d, ROOT);
    return past_commit(p, &d);
}

static struct past_answer answer; /* too big for a stack */

/* All that is not of objects is shown but `hidden`; 0: nothing is. */
static void show_all(struct thin_world *w, uint64_t hidden)
{
    memset(&answer, 0, sizeof answer);
    answer.past = w->past;
    answer.size = w->size;
    for (uint64_t n = 1; n < w->size; n++)
        for (uint32_t i = 0; n != hidden && i < w->past->tx[n].event_count; i++)
            if (w->past->tx[n].events[i].kind != ATE__EVENT_BODY)
                past_shown(&answer, n)->keep[i] = 1;
}

static int take(struct thin_world *w, struct ate__buf *keys)
{
    const struct ate__msg_get get = {.kind = ATE__GET_LOG_KEYS};
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__head head = past_head(w->past, w->size);
    struct ate__msg_got got;
    answer.get = &get;
    past_answer_encode(&answer, 1, w->size, &body);
    past_answer_free(&answer);
    must(ate__msg_got_decode(ate__buf_bytes(&body), &got));
    int rc = ate__thin_log_keys(&w->chain, &head, &got, keys);
    ate__buf_deinit(&body);
    return rc;
}

/* mask: a bit for each key whose log key is in force. */
static void expect_keys(struct past *take_past, uint64_t hidden, unsigned mask, int line)
{
    struct thin_world w;
    struct ate__buf keys = ATE__BUF_NULL;
    size_t count = 0;
    thin_init(&w, take_past);
    show_all(&w, hidden);
    thin_expect(line, take(&w, &keys), 0, NULL);
    for (int key = 0; key < PAST_KEYS; key++) {
        struct ate__buf one = public_of(w.past, key);
        bool there = false;
        for (size_t at = 0; at < keys.size; at += ATE__LOG_PUBLIC)
            there = there || !memcmp(keys.data + at, one.data, ATE__LOG_PUBLIC);
        if (there != (mask >> key & 1))
            fail_msg("line %d: key %d", line, key);
        count += there;
        ate__buf_deinit(&one);
    }
    assert_int_equal(keys.size, count * ATE__LOG_PUBLIC);
    ate__buf_deinit(&keys);
    thin_deinit(&w);
}

static void expect_refusal(struct past *take_past, int result, const char *sentence, int line)
{
    struct thin_world w;
    struct ate__buf keys = ATE__BUF_NULL;
    thin_init(&w, take_past);
    show_all(&w, 0);
    thin_expect(line, take(&w, &keys), result, sentence);
    assert_int_equal(keys.size, 0);
    ate__buf_deinit(&keys);
    thin_deinit(&w);
}

static void test_changes(void **state)
{
    (void)state;
    struct past *p = thin_bare();
    expect_keys(past_copy(p), 0, 0, __LINE__);
    change(p, ROOT, ALICE, true);
    past_create(p, ALICE, 1, 0, "one", "x");
    uint64_t bobs = change(p, ROOT, BOB, true);
    expect_keys(past_copy(p), 0, 1 << ALICE | 1 << BOB, __LINE__);
    expect_keys(past_copy(p), bobs, 1 << ALICE, __LINE__);
    change(p, ROOT, ALICE, false);
    expect_keys(past_copy(p), 0, 1 << BOB, __LINE__);
    change(p, ROOT, ALICE, true);
    change(p, ROOT, ALICE, true); /* shown twice, it is one */
    expect_keys(past_copy(p), 0, 1 << ALICE | 1 << BOB, __LINE__);
    revoke(p, BOB);
    revoke(p, EVE); /* which is none */
    expect_keys(p, 0, 1 << ALICE, __LINE__);
}

/* By a root key that came later, too. */
static void test_later_root(void **state)
{
    (void)state;
    struct past *p = thin_bare();
    struct draft d;
    struct ate__root_change bob = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[BOB]->public_key)};
    begin_change(p, &d, ATE__TAG_ROOT, &bob);
    past_sign(p, &d, ROOT);
    past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
    change(p, BOB, ALICE, true);
    expect_keys(p, 0, 1 << ALICE, __LINE__);
}

static void test_lies(void **state)
{
    (void)state;
    struct past *p = thin_bare();
    change(p, EVE, EVE, true); /* in the history of a root that lets anything pass */
    expect_refusal(p, ATE_TAMPERED, "no root key that was shown signs it", __LINE__);
    p = thin_bare();
    change(p, ROOT, ALICE, true);
    change(p, ALICE, ALICE, false);
    expect_refusal(p, ATE_TAMPERED, "no root key that was shown signs it", __LINE__);
    p = thin_bare();
    struct draft d; /* a root key that makes itself one */
    struct ate__root_change eve = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[EVE]->public_key)};
    begin_change(p, &d, ATE__TAG_ROOT, &eve);
    past_sign(p, &d, EVE);
    past_commit_plain(p, &d);
    change(p, EVE, EVE, true);
    expect_refusal(p, ATE_TAMPERED, "changes the root keys", __LINE__);
}

/* What is shown is that of the head. */
static void test_shown_otherwise(void **state)
{
    (void)state;
    struct past *p = thin_bare();
    uint64_t sequence = change(p, ROOT, ALICE, true);
    struct past *other = thin_bare();
    change(other, ROOT, EVE, true);
    struct thin_world w;
    struct ate__buf keys = ATE__BUF_NULL;
    thin_init(&w, p);
    show_all(&w, 0);
    must(
        ate__buf_append(&past_shown(&answer, sequence)->forged, ate__buf_bytes(&other->record[1])));
    thin_expect(__LINE__, take(&w, &keys), ATE_TAMPERED, "is shown otherwise");
    show_all(&w, 0); /* and nothing else */
    answer.object_count = 1;
    answer.object[0] = id_of(1);
    thin_expect(__LINE__, take(&w, &keys), ATE_BAD_PEER, "objects where log keys");
    assert_int_equal(keys.size, 0);
    thin_deinit(&w);
    past_free(other);
}

/* Every allocation refused in turn. */
static void test_without_memory(void **state)
{
    (void)state;
    struct past *p = thin_bare();
    struct ate__buf keys = ATE__BUF_NULL, body = ATE__BUF_NULL;
    const struct ate__msg_get get = {.kind = ATE__GET_LOG_KEYS};
    struct thin_world w;
    struct ate__msg_got got;
    int rc = ATE_E_MEMORY;
    change(p, ROOT, ALICE, true);
    change(p, ROOT, BOB, true);
    change(p, ROOT, ALICE, false);
    thin_init(&w, p);
    show_all(&w, 0);
    answer.get = &get;
    past_answer_encode(&answer, 1, w.size, &body);
    past_answer_free(&answer);
    must(ate__msg_got_decode(ate__buf_bytes(&body), &got));
    struct ate__head head = past_head(p, w.size);
    for (uint64_t n = 1; rc; n++) {
        heap_fail(n, n % 2);
        rc = ate__thin_log_keys(&w.chain, &head, &got, &keys);
        heap_fail(0, false);
        if (rc)
            thin_expect(__LINE__, rc, ATE_E_MEMORY, NULL);
        if (rc)
            assert_int_equal(keys.size, 0);
    }
    assert_int_equal(keys.size, ATE__LOG_PUBLIC);
    ate__buf_deinit(&keys);
    ate__buf_deinit(&body);
    thin_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),        cmocka_unit_test(test_later_root),
        cmocka_unit_test(test_lies),           cmocka_unit_test(test_shown_otherwise),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
