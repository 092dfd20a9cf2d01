/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Rules and epochs of whole chains: readers who come and go, keys that end, scopes that are opened
 * and closed again, and who writes into what he does not read.
 */
#include "trust/data_key.h"
#include "world.h"

static struct world w;
static struct ate_id folder, old_note; /* folder: read by all three, written by all */

static void protect_as(unsigned session, struct ate_id id, unsigned read, unsigned write,
                       int result)
{
    struct ate_hash keys[WORLD_SESSIONS];
    struct ate_rule reads = world_rule(&w, read);
    memcpy(keys, reads.keys, reads.key_count * sizeof *keys);
    struct ate_rules rules = {.read = {ATE_KEYS, keys, reads.key_count},
                              .write = world_rule(&w, write)};
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_protect(t, id, &rules));
    expect(ate_txn_commit(t, NULL), result);
    ate_txn_end(t);
}

static int set_up(void **state)
{
    (void)state;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("folder", 1), &folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    protect_as(0, folder, 7, 7, 0);
    t = world_begin_as(&w, 1);
    ok(ate_put_as(t, note, folder, "old", NOTE("before", 2), &old_note));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static struct ate_id put_as(unsigned session, struct ate_id parent, const char *name, int64_t n)
{
    struct ate_id id;
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_put_as(t, note, parent, name, NOTE("text", n), &id));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    return id;
}

static void expect_reads(unsigned session, struct ate_id id, int64_t n)
{
    struct ate_txn *t = world_begin_as(&w, session);
    assert_int_equal(note_at(t, id), n);
    ate_txn_end(t);
}

/* ATE_NO_KEY, or the number of the note */
static void expect_named(unsigned session, struct ate_id parent, const char *name, int64_t n)
{
    struct ate_txn *t = world_begin_as(&w, session);
    assert_int_equal(note_named(t, parent, name), n);
    ate_txn_end(t);
}

static uint64_t epoch_of(struct ate_id id)
{
    struct ate_scope scope;
    struct ate_txn *t = world_begin(&w);
    ok(ate_readers(t, id, &scope));
    ate_txn_end(t);
    return scope.is_private ? scope.epoch : UINT64_MAX;
}

/* More than a rule has room for: refused before anything is sealed. */
static void ten_thousand_readers(void **state)
{
    (void)state;
    enum { READERS = 10000 };
    static struct ate_hash keys[READERS];
    for (uint32_t i = 0; i < READERS; i++)
        memcpy(&keys[i], &i, sizeof i);
    struct ate_txn *t = world_begin(&w);
    for (size_t count = 4097; count <= READERS; count += READERS - 4097) {
        struct ate_rules rules = {.read = {ATE_KEYS, keys, count}};
        char said[64];
        snprintf(said, sizeof said, "rules: %zu keys; a rule has at most 4096", count);
        expect(ate_protect(t, folder, &rules), ATE_TOO_BIG);
        assert_string_equal(ate__error_text(), said);
    }
    uint64_t size = world_size(&w);
    ok(ate_txn_commit(t, NULL)); /* nothing is pending */
    assert_int_equal(world_size(&w), size);
    /* As many as there may be, and keys that nobody has seen: the first one stops it. */
    ok(ate_protect(t, folder, &(struct ate_rules){.read = {ATE_KEYS, keys, 4096}}));
    expect(ate_txn_commit(t, NULL), ATE_NO_KEY);
    ate_txn_end(t);
    assert_int_equal(world_size(&w), size);
    assert_int_equal(epoch_of(folder), 0);
}

/* ---- who goes ---- */

static void who_goes_reads_what_was(void **state)
{
    (void)state;
    expect_reads(1, old_note, 2);
    protect_as(0, folder, 5, 7, 0); /* session 1 goes */
    assert_int_equal(epoch_of(folder), 1);
    struct ate_id secret = put_as(2, folder, "new", 3);
    expect_reads(0, secret, 3);
    expect_reads(2, secret, 3);
    expect_reads(1, secret, -ATE_NO_KEY);
    for (unsigned i = 0; i < 3; i++) {
        expect_reads(i, old_note, 2); /* nothing was rewritten */
        expect_named(i, folder, "old", i == 1 ? -ATE_NO_KEY : 2);
    }
    expect_named(1, folder, "new", -ATE_NO_KEY);
    protect_as(2, folder, 7, 7, 0); /* and back */
    assert_int_equal(epoch_of(folder), 1);
    expect_reads(1, secret, 3);
}

/* What inherits, at every depth, follows. */
static void what_inherits_follows(void **state)
{
    (void)state;
    struct ate_id at[40], parent = folder;
    for (unsigned i = 0; i < ATE__COUNT_OF(at); i++)
        parent = at[i] = put_as(i % 3, parent, "child", i);
    protect_as(0, folder, 5, 7, 0);
    for (unsigned i = 0; i < ATE__COUNT_OF(at); i += 7) {
        struct ate_id below = put_as(2, at[i], "later", 100 + i);
        expect_reads(0, below, 100 + i);
        expect_reads(1, below, -ATE_NO_KEY);
        expect_reads(1, at[i], i);
    }
}

struct attempt { /* of somebody with a session and the whole log */
    struct ate_session *s;
    const char *needle;
    struct ate__data_key *keys[64];
    size_t key_count, opened, ciphers;
    bool found;
};

static void keep_key(struct attempt *a, struct ate__data_key *key)
{
    for (size_t i = 0; i < a->key_count; i++)
        if (ate__hash_equal(&a->keys[i]->id, &key->id)) {
            ate__data_key_unref(key);
            return;
        }
    assert_true(a->key_count < ATE__COUNT_OF(a->keys));
    a->keys[a->key_count++] = key;
}

/* Every entry of RECIPIENTS with every key that he has, every LINK with every data key. */
static void try_control(struct attempt *a, const struct ate__header *h)
{
    struct ate__seal_env *e = &w.dio->seal;
    struct ate__recipient entry;
    struct ate__key32 d;
    struct ate__data_key *key;
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        struct ate__epoch_of of = {e, &h->object, epoch};
        for (size_t at = 0; ate__recipient_next(h->recipients, &at, &entry);)
            for (size_t i = 0; i < ate__session_key_count(a->s); i++)
                if (!ate__data_key_unseal(&of, &h->epoch.data_key_id, ate__session_key(a->s, i),
                                          &entry, &d)) {
                    ok(ate__data_key_new(e, &d, &key));
                    keep_key(a, key);
                }
        for (size_t i = 0; h->link.size && i < a->key_count; i++)
            if (!ate__link_open(&of, a->keys[i], h->link, &d)) {
                ok(ate__data_key_new(e, &d, &key));
                keep_key(a, key);
            }
    }
}

static void try_cipher(struct attempt *a, const struct ate__event *event)
{
    a->ciphers++;
    for (size_t i = 0; i < a->key_count; i++) {
        struct ate__buf plain = ATE__BUF_NULL;
        struct ate__event e = *event;
        struct ate__header items;
        struct ate_bytes payload;
        e.header.conf.data_key_id = a->keys[i]->id; /* whatever it names */
        for (unsigned as_it_is = 0; as_it_is < 2; as_it_is++) {
            if (as_it_is)
                e.header.conf.data_key_id = event->header.conf.data_key_id;
            if (ate__body_decrypt(&w.dio->seal, a->keys[i], &e, &plain, &items, &payload))
                continue;
            a->opened++;
            a->found |= memmem(payload.data, payload.size, a->needle, strlen(a->needle)) != NULL;
        }
        ate__buf_deinit(&plain);
    }
    a->found |=
        memmem(event->payload.data, event->payload.size, a->needle, strlen(a->needle)) != NULL;
}

static int try_record(void *arg, const struct ate__history_record *record)
{
    struct attempt *a = arg;
    struct ate__tx tx;
    ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    for (uint32_t i = 0; i < tx.event_count; i++) {
        const struct ate__event *e = &tx.events[i];
        if (e->kind == ATE__EVENT_CONTROL)
            try_control(a, &e->header);
        if (e->kind == ATE__EVENT_BODY && e->form == ATE__CIPHER)
            try_cipher(a, e);
        a->found |= e->payload.size &&
                    memmem(e->payload.data, e->payload.size, a->needle, strlen(a->needle));
    }
    ate__tx_deinit(&tx);
    return 0;
}

/* The whole log, again and again, until no more keys come to light. */
static bool attempt(unsigned session, const char *needle, size_t *ret_opened)
{
    struct attempt a = {.s = w.session[session], .needle = needle};
    struct ate__pipe *p = w.dio->pipe;
    for (unsigned round = 0; round < 4; round++) {
        a.opened = a.ciphers = 0;
        ok(p->v->history(p, 0, try_record, &a));
    }
    for (size_t i = 0; i < a.key_count; i++)
        ate__data_key_unref(a.keys[i]);
    assert_true(a.ciphers > 0);
    *ret_opened = a.opened;
    return a.found;
}

static void put_text(unsigned session, const char *name, const char *text)
{
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_put_as(t, note, folder, name, NOTE(text, 1), NULL));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

/* Who went before a write does not read it, with the whole log and every key that he ever held. */
static void who_went_tries_everything(void **state)
{
    (void)state;
    size_t before, after;
    put_text(2, "one", "the first secret");
    protect_as(0, folder, 5, 7, 0); /* session 1 goes */
    put_text(2, "two", "the second secret");
    protect_as(0, folder, 7, 7, 0); /* comes back */
    put_text(2, "three", "the third secret");
    assert_true(attempt(1, "the second secret", &before));
    protect_as(0, folder, 5, 7, 0); /* and goes for good */
    put_text(2, "four", "the fourth secret");
    struct ate_txn *t = world_begin_as(&w, 0);
    ok(ate_rotate(t, folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    put_text(0, "five", "the fifth secret");
    assert_false(attempt(1, "the fourth secret", &after));
    assert_false(attempt(1, "the fifth secret", &after));
    assert_true(attempt(1, "the first secret", &after));
    assert_true(attempt(1, "the third secret", &after));
    assert_int_equal(before, after); /* the attempt is a real one, and opens what it may */
    assert_true(attempt(2, "the fourth secret", &after));
    assert_true(attempt(0, "the fifth secret", &after));
}

/* ---- epochs without a change ---- */

static void rotation(void **state)
{
    (void)state;
    struct ate_txn *t = world_begin_as(&w, 2);
    ok(ate_rotate(t, folder));
    ok(ate_put(t, note, old_note, NOTE("in the new epoch at once", 9)));
    ok(ate_txn_commit(t, NULL));
    expect(ate_rotate(t, old_note), ATE_MISUSE);
    expect(ate_rotate(t, (struct ate_id){{9}}), ATE_NOT_FOUND);
    ate_txn_end(t);
    assert_int_equal(epoch_of(folder), 1);
    for (unsigned i = 0; i < 3; i++)
        expect_reads(i, old_note, 9);
    protect_as(0, folder, 7, 1, 0); /* other rules leave the epoch */
    assert_int_equal(epoch_of(folder), 1);
    t = world_begin_as(&w, 1); /* who reads and does not administer */
    ok(ate_rotate(t, folder));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_end(t);
}

/* A key that was revoked reads on until the next epoch, which leaves it out. */
static void keys_that_ended(void **state)
{
    (void)state;
    struct ate_scope scope;
    world_revoke(&w, 1);
    struct ate_id id = put_as(2, folder, "a", 1);
    expect_reads(1, id, 1);
    struct ate_txn *t = world_begin(&w);
    ok(ate_readers(t, folder, &scope));
    assert_int_equal(scope.reader_count, 3);
    struct ate_hash ended = world_key(&w, 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(scope.readers[i].has_ended,
                         ate__hash_equal(&scope.readers[i].fingerprint, &ended));
    ok(ate_rotate(t, folder));
    ok(ate_txn_commit(t, NULL));
    ok(ate_readers(t, folder, &scope));
    assert_int_equal(scope.reader_count, 2);
    ate_txn_end(t);
    id = put_as(2, folder, "b", 2);
    expect_reads(1, id, -ATE_NO_KEY);
    expect_reads(0, id, 2);
    protect_as(0, folder, 7, 7, ATE_DENIED); /* nor is it let in again */
}

/* ---- the list ---- */

static void readers_are_listed(void **state)
{
    (void)state;
    struct ate_scope scope;
    struct ate_session *labelled, *outsider;
    struct ate__key32 seed = {{0x77}};
    struct ate__key *key;
    struct ate_hash keys[2] = {world_key(&w, 0)};
    ok(ate__key_of_seed(&seed, "Zoë's laptop", &key));
    keys[1] = key->fingerprint;
    ok(ate__session_add_labelled(w.session[0], ate__buf_bytes(&key->public_key), key->label));
    ok(ate__session_new(&labelled));
    ok(ate__session_add(labelled, key));
    ok(ate__session_new(&outsider));
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, folder, &(struct ate_rules){.read = {ATE_KEYS, keys, 2}}));
    ok(ate_txn_commit(t, NULL));
    ok(ate_rotate(t, folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    for (unsigned i = 0; i < 2; i++) {
        ok(ate__txn_begin(w.dio, i ? outsider : labelled, 0, &t));
        ok(ate_readers(t, old_note, &scope)); /* of the scope that it lies in */
        assert_true(ate__id_equal(&scope.id, &folder));
        assert_true(scope.is_private);
        assert_int_equal(scope.epoch, 2);
        assert_int_equal(scope.reader_count, 2);
        for (size_t n = 0; n < 2; n++) {
            bool zoe = ate__hash_equal(&scope.readers[n].fingerprint, &keys[1]);
            assert_string_equal(scope.readers[n].label, zoe && !i ? "Zoë's laptop" : "");
            assert_false(scope.readers[n].by_read_key);
            assert_false(scope.readers[n].has_ended);
        }
        expect(ate_readers(t, (struct ate_id){{9}}, &scope), ATE_NOT_FOUND);
        ate_txn_end(t);
    }
    ate__session_unref(labelled);
    ate__session_unref(outsider);
}

/* ---- a writer who did not see the new epoch ---- */

static void a_stale_key_is_mended(void **state)
{
    (void)state;
    struct ate_txn *t = world_begin_as(&w, 2);
    ok(ate_put_as(t, note, folder, "late", NOTE("late", 5), NULL));
    ok(ate_put(t, note, folder, NOTE("the scope's own body", 6)));
    protect_as(0, folder, 5, 7, 0); /* session 1 goes meanwhile */
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(ate_txn_conflicts(t, &(const struct ate_conflict *){NULL}), 0);
    ate_txn_end(t);
    expect_named(0, folder, "late", 5);
    expect_named(1, folder, "late", -ATE_NO_KEY);
    expect_reads(0, folder, 6);
    /* What another one changed meanwhile is a conflict as ever. */
    t = world_begin_as(&w, 2);
    ok(ate_put(t, note, old_note, NOTE("mine", 7)));
    protect_as(0, folder, 7, 7, 0);
    protect_as(0, folder, 5, 7, 0);
    struct ate_txn *other = world_begin_as(&w, 0);
    ok(ate_put(other, note, old_note, NOTE("theirs", 8)));
    ok(ate_txn_commit(other, NULL));
    ate_txn_end(other);
    expect(ate_txn_commit(t, NULL), ATE_CONFLICT);
    ate_txn_end(t);
}

/* What was written to be private is not put in clear by itself. */
static void nothing_is_opened_by_a_retry(void **state)
{
    (void)state;
    struct ate_txn *t = world_begin_as(&w, 2);
    ok(ate_put_as(t, note, folder, "private", NOTE("for readers", 5), NULL));
    struct ate_txn *owner = world_begin(&w);
    ok(ate_protect(owner, folder,
                   &(struct ate_rules){.read = {.who = ATE_EVERYONE}, .write = world_rule(&w, 7)}));
    ok(ate_txn_commit(owner, NULL));
    ate_txn_end(owner);
    expect(ate_txn_commit(t, NULL), ATE_STALE_KEY);
    assert_non_null(strstr(ate__error_text(), "has been opened since"));
    ok(ate_txn_commit(t, NULL)); /* its writer wants it all the same */
    ate_txn_end(t);
    ok(ate__txn_begin(w.dio, w.none, 0, &t));
    assert_int_equal(note_named(t, folder, "private"), 5);
    ate_txn_end(t);
}

/* ---- opened, and closed again ---- */

static void expect_open(struct ate_id id, bool is_open)
{
    struct ate_object o;
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, w.none, 0, &t));
    ok(ate_load_raw(t, id, 0, &o));
    assert_int_equal(o.readable, is_open);
    ate_txn_end(t);
}

static void rewritten_in_clear_and_back(void **state)
{
    (void)state;
    struct ate_id deep = put_as(1, old_note, "deep", 3);
    struct ate_rules open = {.read = {.who = ATE_EVERYONE}};
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, folder, &open));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    expect_open(folder, true);
    expect_open(old_note, true);
    expect_open(deep, true);
    for (unsigned i = 0; i < 3; i++) /* names are found, by who had their key and by all others */
        expect_named(i, folder, "old", 2);
    ok(ate__txn_begin(w.dio, w.none, 0, &t));
    assert_int_equal(note_named(t, folder, "old"), 2);
    assert_int_equal(note_named(t, old_note, "deep"), 3);
    ate_txn_end(t);
    protect_as(0, folder, 5, 7, 0);
    assert_int_equal(epoch_of(folder), 1);
    struct ate_id late = put_as(2, folder, "late", 4);
    expect_open(folder, false);
    expect_open(deep, false);
    expect_open(late, false);
    expect_reads(1, late, -ATE_NO_KEY);
    expect_named(2, old_note, "deep", 3);
    t = world_begin(&w); /* now it inherits: the top is session 0's alone */
    ok(ate_protect(t, folder, &(struct ate_rules){.write = world_rule(&w, 7)}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    expect_named(0, folder, "late", 4);
    expect_named(0, old_note, "deep", 3);
    expect_reads(2, late, -ATE_NO_KEY);
    protect_as(0, folder, 7, 7, 0);
    assert_int_equal(epoch_of(folder), 2);
    for (unsigned i = 0; i < 3; i++)
        expect_named(i, folder, "late", 4);
}

/* Without rewriting: all that was ever written there; and nothing of what comes after it closes. */
static void published_and_closed(void **state)
{
    (void)state;
    struct ate_scope scope;
    struct ate_id deep = put_as(1, old_note, "deep", 3);
    uint64_t size = world_size(&w);
    struct ate_txn *t = world_begin(&w);
    ok(ate_publish(t, folder));
    expect(ate_publish(t, old_note), ATE_MISUSE);
    ok(ate_txn_commit(t, NULL));
    ok(ate_readers(t, deep, &scope));
    assert_true(scope.published);
    assert_false(scope.is_private);
    ate_txn_end(t);
    assert_int_equal(world_size(&w), size + 1); /* one control event */
    expect_open(folder, true);
    expect_open(deep, true);
    ok(ate__txn_begin(w.dio, w.none, 0, &t));
    assert_int_equal(note_named(t, folder, "old"), 2);
    assert_int_equal(note_named(t, old_note, "deep"), 3);
    ate_txn_end(t);
    struct ate_id clear = put_as(2, folder, "clear", 4);
    expect_open(clear, true);
    t = world_begin(&w);
    ok(ate_protect_only(
        t, folder, &(struct ate_rules){.read = world_rule(&w, 1), .write = {.who = ATE_INHERIT}}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    assert_int_equal(epoch_of(folder), 1);
    struct ate_id closed = put_as(0, folder, "closed", 5);
    expect_open(closed, false);
    expect_open(deep, true); /* what was published stays so */
    for (unsigned i = 0; i < 3; i++)
        expect_reads(i, closed, i ? -ATE_NO_KEY : 5);
    expect_named(0, folder, "closed", 5);
    expect_named(0, folder, "clear", 4);
    expect_named(0, old_note, "deep", 3);
}

/* ---- who writes without reading ---- */

static void a_drop_box(void **state)
{
    (void)state;
    struct ate_id box, letters[3];
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "box", NOTE("box", 1), &box));
    struct ate_rules rules = {.append = world_rule(&w, 2)}; /* session 1 appends, and no more */
    ok(ate_protect(t, box, &rules));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    t = world_begin_as(&w, 1);
    for (unsigned i = 0; i < 3; i++)
        ok(ate_push(t, note, box, NOTE("letter", 10 + i), &letters[i]));
    ok(ate_txn_commit(t, NULL));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(note_at(t, letters[i]), -ATE_NO_KEY);
    expect(ate_put(t, note, letters[0], NOTE("changed", 1)), ATE_NO_KEY);
    ok(ate_delete(t, letters[1], 0));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_cancel(t);
    expect(ate_put_as(t, note, box, "named", NOTE("letter", 1), NULL), ATE_NO_KEY);
    ate_txn_end(t);
    for (unsigned i = 0; i < 3; i++)
        expect_reads(0, letters[i], 10 + i);
    expect_open(letters[0], false);
    /* The epoch turns meanwhile: it is sealed again by itself. */
    t = world_begin_as(&w, 1);
    ok(ate_push(t, note, box, NOTE("letter", 20), &letters[0]));
    struct ate_txn *owner = world_begin(&w);
    ok(ate_rotate(owner, ate_top));
    ok(ate_txn_commit(owner, NULL));
    ate_txn_end(owner);
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    expect_reads(0, letters[0], 20);
    expect_reads(0, letters[1], 11);
    t = world_begin(&w); /* its reader writes over it as over anything */
    ok(ate_put(t, note, letters[1], NOTE("read", 12)));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    expect_reads(0, letters[1], 12);
}

static bool is_held(const struct ate_hash *fingerprint)
{
    struct ate__pipe *p = w.dio->pipe;
    return ate__trust_has_key(p->v->trust(p), fingerprint);
}

/* Whom rules name is told to the chain by who knows the key: else he could not prove, before he has
 * signed anything, that he belongs to it, nor could his key be ended. */
static void named_by_a_rule(void **state)
{
    (void)state;
    struct ate_hash named[ATE__RIGHTS], unknown = {{7}};
    for (unsigned right = ATE__RIGHT_WRITE; right < ATE__RIGHTS; right++) {
        struct ate_rules rules = {.read.who = ATE_INHERIT};
        struct ate_rule *rule = right == ATE__RIGHT_WRITE    ? &rules.write
                                : right == ATE__RIGHT_APPEND ? &rules.append
                                                             : &rules.admin;
        struct ate_hash keys[3] = {world_key(&w, 0), unknown};
        struct ate__key32 seed;
        struct ate__key *key;
        memset(&seed, 0x80 + (int)right, sizeof seed);
        ok(ate__key_of_seed(&seed, NULL, &key));
        keys[2] = named[right] = key->fingerprint;
        *rule = (struct ate_rule){ATE_KEYS, keys, 3};
        for (unsigned known = 0; known < 2; known++) {
            struct ate_txn *t = world_begin(&w);
            if (known)
                ok(ate__session_add_public(w.session[0], ate__buf_bytes(&key->public_key)));
            ok(ate_protect(t, folder, &rules));
            ok(ate_txn_commit(t, NULL));
            ate_txn_end(t);
            assert_int_equal(is_held(&named[right]), known);
        }
        assert_false(is_held(&unknown));
        ate__key_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(ten_thousand_readers),
        CASE(who_goes_reads_what_was),
        CASE(what_inherits_follows),
        CASE(who_went_tries_everything),
        CASE(rotation),
        CASE(keys_that_ended),
        CASE(readers_are_listed),
        CASE(a_stale_key_is_mended),
        CASE(nothing_is_opened_by_a_retry),
        CASE(rewritten_in_clear_and_back),
        CASE(published_and_closed),
        CASE(a_drop_box),
        CASE(named_by_a_rule),
#undef CASE
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
