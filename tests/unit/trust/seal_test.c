/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Opening data keys: by readers, through epochs, and never to the wrong key. The epochs above 0 are
 * made here, so that they can also be wrong.
 */
#include "scopes.h"

enum { EPOCHS = 6 };

static struct world w;
static struct ate__seal_env e;
static struct ate_session *everybody; /* holds keys 1 to 4 */

static int begin(void **state)
{
    (void)state;
    w = (struct world){.number = 0};
    simenv_init(&w.sim, 7, NULL);
    e = (struct ate__seal_env){&w.sim.env, hash_of(1), ATE__SHA256, 192};
    everybody = session_of(0x1e);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__session_unref(everybody);
    world_deinit(&w);
    return 0;
}

/* ---- epochs by hand ---- */

struct made {
    unsigned object, readers; /* bits of keys */
    uint64_t epoch;
    uint8_t d, below;      /* first byte of D, and of the D that LINK holds */
    bool by_read_key;      /* entries of method 2 */
    bool wrong_id;         /* EPOCH names another data key than RECIPIENTS hold */
    uint8_t spoil_sealed;  /* xor into the entries */
};

static struct ate__data_key *key_of_d(uint8_t d)
{
    struct ate__key32 bytes = {{d, 0x44}};
    struct ate__data_key *key;
    assert_int_equal(ate__data_key_new(&e, &bytes, &key), 0);
    return key;
}

static void seal_entry(const struct made *m, const struct ate__epoch_of *of,
                       const struct ate__data_key *key, const struct ate_hash *fingerprint,
                       struct ate__buf *sealed)
{
    const struct ate__key *reader = ate__session_find(everybody, fingerprint);
    struct ate__public_parts parts;
    uint8_t wrapped[ATE__WRAPPED_KEY];
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&reader->public_key), &parts), 0);
    if (m->by_read_key) {
        assert_int_equal(ate__data_key_wrap(of, key, &reader->read_key, wrapped), 0);
        assert_int_equal(ate__buf_append(sealed, ate__bytes(wrapped, sizeof wrapped)), 0);
    } else {
        assert_int_equal(ate__data_key_seal(of, key, fingerprint, &parts, sealed), 0);
    }
    sealed->data[sealed->size - 1] ^= m->spoil_sealed;
}

static struct ate__control *make(const struct made *m, struct ate__control *older)
{
    static const uint8_t seal_public[ATE__XWING_PUBLIC], name_key[ATE__WRAPPED_KEY];
    struct ate_id object = id_of(m->object);
    struct ate__epoch_of of = {&e, &object, m->epoch};
    struct ate__data_key *key = key_of_d(m->d), *below = key_of_d(m->below);
    struct ate__rule readers = rule_of_keys(&w, m->readers);
    struct ate__auth auth = {{readers}};
    struct ate__recipient entries[8];
    struct ate__buf sealed[8] = {ATE__BUF_NULL}, header = ATE__BUF_NULL;
    struct ate__epoch_item epoch = {m->epoch, key->id, ATE__KEM_XWING,
                                    ate__bytes(seal_public, sizeof seal_public)};
    uint8_t link[ATE__LINK_SIZE];
    if (m->wrong_id)
        epoch.data_key_id.b[0] ^= 1;
    struct ate__data_key named = *key;
    named.id = epoch.data_key_id; /* so that only the comparison of ids can see it */
    for (uint32_t i = 0; i < readers.count; i++) {
        memcpy(&entries[i].fingerprint, readers.keys + 32 * (size_t)i, 32);
        seal_entry(m, &of, &named, &entries[i].fingerprint, &sealed[i]);
        entries[i].method = m->by_read_key ? ATE__WRAPPED_BY_READ_KEY : ATE__SEALED_TO_KEM;
        entries[i].sealed = ate__buf_bytes(&sealed[i]);
        entries[i].label = ate__bytes(NULL, 0);
    }
    struct ate__header_wr wr = ate__header_wr_of(&header);
    ate__header_item(&wr, ATE__TAG_OBJECT, ate__bytes(&object, sizeof object));
    if (older)
        ate__header_item(&wr, ATE__TAG_PREV, ate__bytes(&older->hash, sizeof older->hash));
    ate__header_auth(&wr, &auth);
    ate__header_epoch(&wr, &epoch);
    ate__header_recipients(&wr, entries, readers.count);
    assert_int_equal(ate__link_make(&of, key, below, link), 0);
    if (m->epoch)
        ate__header_item(&wr, ATE__TAG_LINK, ate__bytes(link, sizeof link));
    ate__header_namekey(&wr, &(struct ate__namekey_item){true, epoch.data_key_id,
                                                         ate__bytes(name_key, sizeof name_key)});
    assert_int_equal(ate__header_end(&wr), 0);
    for (uint32_t i = 0; i < readers.count; i++)
        ate__buf_deinit(&sealed[i]);
    ate__data_key_unref(key);
    ate__data_key_unref(below);
    struct ate__control *control = control_from(&header, older);
    ate__control_unref(older); /* the new one holds it */
    return control;
}

/* A row of epochs 0 to n - 1 with D of first byte 1, 2, ... */
static struct ate__control *row(unsigned count, unsigned readers)
{
    struct ate__control *c = NULL;
    for (unsigned i = 0; i < count; i++)
        c = make(&(struct made){.object = 1,
                                .readers = readers,
                                .epoch = i,
                                .d = (uint8_t)(i + 1),
                                .below = (uint8_t)i},
                 c);
    return c;
}

static int open_key(unsigned session, const struct ate__control *c, uint8_t d)
{
    struct ate_session *s = session_of(session);
    struct ate__data_key *expected = key_of_d(d), *key = NULL;
    int rc = ate__data_key_open(&e, s, c, &expected->id, &key);
    if (!rc)
        assert_memory_equal(&key->d, &expected->d, sizeof key->d);
    ate__data_key_unref(key);
    ate__data_key_unref(expected);
    ate__session_unref(s);
    return rc;
}

/* ---- readers ---- */

static void readers_open_and_others_do_not(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        struct ate__control *c = make(
            &(struct made){.object = 1, .readers = 1 << 1 | 1 << 2, .d = 1, .by_read_key = method},
            NULL);
        assert_int_equal(open_key(1 << 1, c, 1), 0);
        assert_int_equal(open_key(1 << 2, c, 1), 0);
        assert_int_equal(open_key(1 << 3, c, 1), ATE_NO_KEY);
        assert_int_equal(open_key(1 << 3 | 1 << 2, c, 1), 0); /* any of its keys */
        assert_int_equal(open_key(0, c, 1), ATE_NO_KEY);
        assert_int_equal(open_key(1 << 1, c, 2), ATE_NO_KEY); /* a key it never had */
        assert_non_null(strstr(ate__error_text(), "no epoch of it has this one"));
        ate__control_unref(c);
    }
}

static void a_spoiled_entry_is_no_key(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        struct ate__control *c = make(
            &(struct made){
                .object = 1, .readers = 1 << 1, .d = 1, .by_read_key = method, .spoil_sealed = 1},
            NULL);
        assert_int_equal(open_key(1 << 1, c, 1), ATE_NO_KEY);
        ate__control_unref(c);
    }
}

static void a_key_with_another_id_is_tampered(void **state)
{
    (void)state;
    struct ate__control *c =
        make(&(struct made){.object = 1, .readers = 1 << 1, .d = 1, .wrong_id = true}, NULL);
    struct ate_session *s = session_of(1 << 1);
    struct ate__data_key *key;
    assert_int_equal(ate__data_key_open(&e, s, c, &c->header.epoch.data_key_id, &key),
                     ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "epoch 0 is sealed to the key "));
    assert_non_null(strstr(ate__error_text(), " wrongly: it opens to another data key"));
    ate__session_unref(s);
    ate__control_unref(c);
}

/* ---- epochs ---- */

static void a_reader_opens_all_epochs_below(void **state)
{
    (void)state;
    struct ate__control *c = row(EPOCHS, 1 << 1);
    for (unsigned i = 0; i < EPOCHS; i++)
        assert_int_equal(open_key(1 << 1, c, (uint8_t)(i + 1)), 0);
    ate__control_unref(c);
}

/* Key 2 reads epochs 0 and 1, key 3 from epoch 3 on, key 1 all of them. */
static void readers_come_and_go_with_epochs(void **state)
{
    (void)state;
    static const unsigned readers[] = {0x6, 0x6, 0x2, 0xa, 0xa};
    struct ate__control *c = NULL;
    for (unsigned i = 0; i < ATE__COUNT_OF(readers); i++)
        c = make(&(struct made){.object = 1,
                                .readers = readers[i],
                                .epoch = i,
                                .d = (uint8_t)(i + 1),
                                .below = (uint8_t)i},
                 c);
    for (unsigned i = 0; i < ATE__COUNT_OF(readers); i++) {
        uint8_t d = (uint8_t)(i + 1);
        assert_int_equal(open_key(1 << 1, c, d), 0);
        assert_int_equal(open_key(1 << 2, c, d), i < 2 ? 0 : ATE_NO_KEY);
        assert_int_equal(open_key(1 << 3, c, d), 0); /* who comes later reads the past */
    }
    ate__control_unref(c);
}

/* A reader who came within an epoch stands in its newest control event. */
static void the_newest_event_of_an_epoch_counts(void **state)
{
    (void)state;
    struct ate__control *c = row(2, 1 << 1);
    c = make(
        &(struct made){.object = 1, .readers = 1 << 1 | 1 << 2, .epoch = 1, .d = 2, .below = 1}, c);
    c = make(&(struct made){.object = 1, .readers = 1 << 1, .epoch = 2, .d = 3, .below = 2}, c);
    assert_int_equal(open_key(1 << 2, c, 2), 0);
    assert_int_equal(open_key(1 << 2, c, 1), 0);
    assert_int_equal(open_key(1 << 2, c, 3), ATE_NO_KEY);
    ate__control_unref(c);
}

/* An epoch announced by someone who could not read: its LINK leads nowhere, or to a key of his. */
static void an_epoch_of_an_outsider_is_tampered(void **state)
{
    (void)state;
    struct ate__control *c = row(2, 1 << 1);
    c = make(&(struct made){.object = 1, .readers = 1 << 1, .epoch = 2, .d = 3, .below = 77}, c);
    assert_int_equal(open_key(1 << 1, c, 3), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "LINK of epoch 2 opens to another data key"));
    assert_int_equal(open_key(1 << 1, c, 2), 0); /* what was before it still opens */
    /* The outsider goes on: one good LINK above the bad one proves nothing. */
    c = make(&(struct made){.object = 1, .readers = 1 << 1, .epoch = 3, .d = 4, .below = 3}, c);
    assert_int_equal(open_key(1 << 1, c, 4), ATE_TAMPERED);
    assert_int_equal(open_key(1 << 1, c, 3), ATE_TAMPERED);
    assert_int_equal(open_key(1 << 1, c, 1), 0);
    ate__control_unref(c);

    c = row(3, 1 << 1);
    ((uint8_t *)(uintptr_t)c->header.link.data)[3] ^= 1; /* it opens not at all */
    assert_int_equal(open_key(1 << 1, c, 3), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "epoch 2 was announced by someone"));
    ate__control_unref(c);
}

/* What a session opened before the outsider's epoch does not vouch for that epoch. */
static void what_is_remembered_does_not_hide_a_bad_link(void **state)
{
    (void)state;
    struct ate_session *s = session_of(1 << 1);
    struct ate__control *c = row(2, 1 << 1);
    struct ate__data_key *newest = key_of_d(2), *bad = key_of_d(3), *key;
    assert_int_equal(ate__data_key_open(&e, s, c, &newest->id, &key), 0);
    ate__data_key_unref(key);
    c = make(&(struct made){.object = 1, .readers = 1 << 1, .epoch = 2, .d = 3, .below = 77}, c);
    assert_int_equal(ate__data_key_open(&e, s, c, &bad->id, &key), ATE_TAMPERED);
    assert_int_equal(ate__data_key_open(&e, s, c, &newest->id, &key), 0);
    ate__data_key_unref(key);
    ate__data_key_unref(newest);
    ate__data_key_unref(bad);
    ate__session_unref(s);
    ate__control_unref(c);
}

/* Who leaves the first epochs out leaves out what a LINK has to lead to: all of them are kept. */
static void a_row_that_begins_late_is_omitted(void **state)
{
    (void)state;
    struct ate__control *c =
        make(&(struct made){.object = 1, .readers = 1 << 1, .epoch = 4, .d = 5, .below = 4}, NULL);
    c = make(&(struct made){.object = 1, .readers = 1 << 1, .epoch = 5, .d = 6, .below = 5}, c);
    assert_int_equal(open_key(1 << 1, c, 6), ATE_OMITTED);
    assert_int_equal(open_key(1 << 1, c, 5), ATE_OMITTED);
    assert_non_null(strstr(ate__error_text(), "the epochs before 4 were left out"));
    assert_int_equal(open_key(1 << 1, c, 4), ATE_NO_KEY);
    ate__control_unref(c);
}

/* A LINK leads one step down, not further: who skips an epoch may have read the one below it. */
static void a_row_with_a_gap_is_tampered(void **state)
{
    (void)state;
    static const uint8_t below[] = {4, 2};
    for (unsigned i = 0; i < ATE__COUNT_OF(below); i++) {
        struct ate__control *c = row(2, 1 << 1);
        c = make(
            &(struct made){.object = 1, .readers = 1 << 1, .epoch = 4, .d = 5, .below = below[i]},
            c);
        assert_int_equal(open_key(1 << 1, c, 5), ATE_TAMPERED);
        assert_non_null(strstr(ate__error_text(), "epoch 4 does not follow on epoch 1"));
        assert_int_equal(open_key(1 << 1, c, 2), 0); /* what was before it still opens */
        ate__control_unref(c);
    }
}

/* Who could read epoch 0, and not epoch 1, which began without him, announces epoch 1 once more. */
static void a_second_epoch_of_one_number_is_tampered(void **state)
{
    (void)state;
    struct ate__control *c = row(2, 1 << 1);
    c = make(&(struct made){.object = 1, .readers = 0x6, .epoch = 1, .d = 77, .below = 1}, c);
    assert_int_equal(open_key(1 << 1, c, 77), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "epoch 1 does not follow on epoch 1"));
    assert_int_equal(open_key(1 << 1, c, 2), 0);
    c = make(&(struct made){.object = 1, .readers = 0x6, .epoch = 2, .d = 78, .below = 77}, c);
    assert_int_equal(open_key(1 << 1, c, 78), ATE_TAMPERED);
    ate__control_unref(c);
}

/* A wrong entry for one key of the session leaves those for its other keys. */
static void one_spoiled_entry_of_two(void **state)
{
    (void)state;
    for (unsigned spoiled = 0; spoiled < 2; spoiled++) {
        struct ate__control *c =
            make(&(struct made){.object = 1, .readers = 0x6, .d = 1, .by_read_key = true}, NULL);
        struct ate__recipient entry;
        size_t at = 0;
        for (unsigned i = 0; i <= spoiled; i++)
            assert_true(ate__recipient_next(c->header.recipients, &at, &entry));
        ((uint8_t *)(uintptr_t)entry.sealed.data)[0] ^= 1;
        assert_int_equal(open_key(0x6, c, 1), 0);
        ate__control_unref(c);
    }
}

/* Another reader within a later epoch: all that the epoch has is carried on, and he reads the past
 * as well. */
static void a_later_epoch_goes_on_with_its_link(void **state)
{
    (void)state;
    struct ate_session *s = session_of(1 << 1);
    struct ate__control *first = row(3, 1 << 1);
    struct ate__scope_plan plan = plan_of(&w, 1, 0x6, everybody);
    plan.prev = first;
    struct ate__control *second = carry_out(&e, s, &plan);
    assert_int_equal(second->header.epoch.epoch, 2);
    assert_true(ate__bytes_equal(second->header.link, first->header.link));
    assert_true(ate__bytes_equal(second->header.namekey.bytes, first->header.namekey.bytes));
    for (uint8_t d = 1; d <= 3; d++)
        assert_int_equal(open_key(1 << 2, second, d), 0);
    ate__control_unref(second);
    ate__control_unref(first);
    ate__session_unref(s);
}

/* ---- what a session remembers ---- */

/* An id is public. A scope that claims the id of another one's data key does not get that key out
 * of a session that remembers it: it would be sealed to the readers of the claiming scope next. */
static void a_copied_id_leads_to_nothing(void **state)
{
    (void)state;
    struct ate_session *s = session_of(1 << 1);
    struct ate__control *good = row(1, 1 << 1);
    struct ate__data_key *key;
    assert_int_equal(ate__data_key_open(&e, s, good, &good->header.epoch.data_key_id, &key), 0);
    ate__data_key_unref(key);
    /* Another scope, sealed to key 2 alone, under the same id. */
    struct ate__control *claim = make(&(struct made){.object = 2, .readers = 1 << 2, .d = 1}, NULL);
    assert_true(ate__hash_equal(&claim->header.epoch.data_key_id, &good->header.epoch.data_key_id));
    assert_int_equal(ate__data_key_open(&e, s, claim, &claim->header.epoch.data_key_id, &key),
                     ATE_NO_KEY);
    /* Another chain with the same scope id and data key id. */
    struct ate__seal_env elsewhere = e;
    elsewhere.chain_id.b[5] ^= 1;
    assert_int_equal(ate__data_key_open(&elsewhere, s, good, &good->header.epoch.data_key_id, &key),
                     ATE_NO_KEY);
    ate__control_unref(claim);
    ate__control_unref(good);
    ate__session_unref(s);
}

static void a_data_key_outlives_its_session(void **state)
{
    (void)state;
    struct ate_session *s = session_of(1 << 1);
    struct ate__control *c = row(1, 1 << 1);
    struct ate__data_key *key, *again;
    assert_int_equal(ate__data_key_open(&e, s, c, &c->header.epoch.data_key_id, &key), 0);
    assert_int_equal(ate__data_key_open(&e, s, c, &c->header.epoch.data_key_id, &again), 0);
    assert_ptr_equal(key, again); /* remembered */
    ate__data_key_unref(again);
    ate__session_unref(s);
    assert_int_equal(key->d.b[0], 1);
    ate__data_key_unref(key);
    ate__data_key_unref(NULL);
    ate__control_unref(c);
}

/* Threads open the same and other keys of one session. */
static struct ate__control *shared_row;
static struct ate_session *shared;

static void *open_all(void *arg)
{
    (void)arg;
    for (int round = 0; round < 20; round++)
        for (const struct ate__control *c = shared_row; c; c = c->older) {
            struct ate__data_key *key;
            if (ate__data_key_open(&e, shared, shared_row, &c->header.epoch.data_key_id, &key))
                return "not opened";
            ate__data_key_unref(key);
        }
    return NULL;
}

static void threads_open(void **state)
{
    (void)state;
    pthread_t threads[4];
    shared_row = row(EPOCHS, 1 << 1);
    shared = session_of(1 << 1);
    for (unsigned i = 0; i < ATE__COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_all, NULL), 0);
    for (unsigned i = 0; i < ATE__COUNT_OF(threads); i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    ate__session_unref(shared);
    ate__control_unref(shared_row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_open_and_others_do_not),
        cmocka_unit_test(a_spoiled_entry_is_no_key),
        cmocka_unit_test(a_key_with_another_id_is_tampered),
        cmocka_unit_test(a_reader_opens_all_epochs_below),
        cmocka_unit_test(readers_come_and_go_with_epochs),
        cmocka_unit_test(the_newest_event_of_an_epoch_counts),
        cmocka_unit_test(an_epoch_of_an_outsider_is_tampered),
        cmocka_unit_test(what_is_remembered_does_not_hide_a_bad_link),
        cmocka_unit_test(a_row_that_begins_late_is_omitted),
        cmocka_unit_test(a_row_with_a_gap_is_tampered),
        cmocka_unit_test(a_second_epoch_of_one_number_is_tampered),
        cmocka_unit_test(one_spoiled_entry_of_two),
        cmocka_unit_test(a_later_epoch_goes_on_with_its_link),
        cmocka_unit_test(a_copied_id_leads_to_nothing),
        cmocka_unit_test(a_data_key_outlives_its_session),
        cmocka_unit_test(threads_open),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
