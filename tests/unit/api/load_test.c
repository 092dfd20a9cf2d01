/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Everything at once: a chain on the real disk is written by 64 threads, read, followed and backed
 * up while it is compacted, shallow and deep in turn. Each writer has objects of its own and knows
 * what they have to be; what comes out, of the chain reopened and of the backup, is compared with
 * that, byte by byte.
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

enum {
    WRITERS = 64,
    READERS = 2,
    OBJECTS = 3, /* of each writer */
    EACH = 12,   /* transactions of each writer, at least; until it was compacted in both ways */
    TEXT = 1200,
    ROUNDS = 2,  /* at least so many compactions of each kind, and backups */
    LOOKS = 800, /* of each reader, at most */
    OTHERS = 2,
    SEGMENT = 64 << 10
};

struct shared {
    struct ate_chain *chain;
    char copy[4100];
    unsigned versions[WRITERS][OBJECTS]; /* the writer's; 0: the object is not there */
    atomic_uint writing;                 /* writers that are at it */
    atomic_uint commits, compactions;
    atomic_uint transactions, payloads, backups, reads, changes, restarts;
    atomic_uint failed; /* the line of the first check that did */
};
static struct shared s;

/* Threads may not fail a test themselves. */
#define CHECK(truth)                                                                               \
    do {                                                                                           \
        unsigned none_ = 0;                                                                        \
        if (!(truth) && atomic_compare_exchange_strong(&s.failed, &none_, (unsigned)__LINE__))     \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #truth, ate_error());                   \
    } while (0)
#define CHECK_OK(call) CHECK(!(call))

static void name_of(unsigned writer, unsigned object, char name[16])
{
    snprintf(name, 16, "w%u.%u", writer, object);
}

/* Its beginning says which it is; the rest follows from that. */
static void text_of(unsigned writer, unsigned object, unsigned version, char text[TEXT + 1])
{
    int size = snprintf(text, TEXT + 1, "%u.%u.%u|", writer, object, version);
    for (size_t i = (size_t)size; i < TEXT; i++)
        text[i] = (char)('a' + (i * 7 + version + 3 * object + writer) % 26);
    text[TEXT] = 0;
}

/* ---- writers ---- */

static bool is_deletion(unsigned turn)
{
    return turn % 7 == 6;
}

static void write_one(unsigned writer, unsigned object, unsigned turn)
{
    unsigned *version = &s.versions[writer][object];
    const struct note *found;
    char name[16], text[TEXT + 1];
    struct ate_txn *txn;
    struct ate_id id;
    bool deletes = is_deletion(turn) && *version;
    name_of(writer, object, name);
    text_of(writer, object, turn + 1, text);
    CHECK_OK(ate_txn_begin(s.chain, NULL, 0, &txn));
    if (deletes) {
        CHECK_OK(ate_find(txn, note, ate_top, name, &id, &found));
        CHECK_OK(ate_delete(txn, id, 0));
    } else {
        CHECK_OK(ate_put_as(txn, note, ate_top, name, &(struct note){text}, &id));
    }
    CHECK_OK(ate_txn_commit(txn, NULL));
    ate_txn_end(txn);
    atomic_fetch_add(&s.commits, 1);
    *version = deletes ? 0 : turn + 1;
}

static void *write_all(void *arg)
{
    unsigned writer = *(unsigned *)arg;
    for (unsigned turn = 0; turn < EACH || atomic_load(&s.compactions) < 2; turn++) {
        if (atomic_load(&s.failed))
            break;
        write_one(writer, turn * 5 % OBJECTS, turn);
    }
    atomic_fetch_sub(&s.writing, 1);
    return NULL;
}

/* ---- readers ---- */

/* The version of an object, which is whole; 0: it is not there. */
static unsigned read_one(struct ate_txn *txn, unsigned writer, unsigned object)
{
    const struct note *found;
    char name[16], text[TEXT + 1];
    unsigned w = 0, o = 0, version = 0;
    struct ate_id id;
    name_of(writer, object, name);
    int rc = ate_find(txn, note, ate_top, name, &id, &found);
    CHECK(!rc || rc == ATE_NOT_FOUND);
    if (rc)
        return 0;
    CHECK(sscanf(found->text, "%u.%u.%u|", &w, &o, &version) == 3 && w == writer && o == object);
    text_of(writer, object, version, text);
    CHECK(!strcmp(found->text, text));
    return version;
}

/* What a transaction sees stays as it is for as long as it lasts, and nothing ever goes back. */
static void *read_all(void *arg)
{
    unsigned newest[WRITERS][OBJECTS] = {{0}};
    (void)arg;
    for (unsigned n = 0; n < LOOKS && atomic_load(&s.writing) && !atomic_load(&s.failed); n++) {
        unsigned seen[WRITERS * OBJECTS];
        struct ate_txn *txn;
        CHECK_OK(ate_txn_begin(s.chain, NULL, ATE_READ, &txn));
        for (unsigned i = 0; i < WRITERS * OBJECTS; i++) {
            unsigned *last = &newest[i / OBJECTS][i % OBJECTS];
            seen[i] = read_one(txn, i / OBJECTS, i % OBJECTS);
            CHECK(!seen[i] || seen[i] >= *last);
            *last = seen[i] > *last ? seen[i] : *last;
        }
        for (unsigned i = 0; i < WRITERS * OBJECTS; i++)
            CHECK(read_one(txn, i / OBJECTS, i % OBJECTS) == seen[i]);
        ate_txn_end(txn);
        atomic_fetch_add(&s.reads, 1);
    }
    return NULL;
}

/* ---- who follows ---- */

static bool is_there(const char *name)
{
    const struct note *found;
    struct ate_txn *txn;
    struct ate_id id;
    CHECK_OK(ate_txn_begin(s.chain, NULL, ATE_READ, &txn));
    int rc = ate_find(txn, note, ate_top, name, &id, &found);
    CHECK(!rc || rc == ATE_NOT_FOUND);
    ate_txn_end(txn);
    return !rc;
}

/* Up to the object `end`. Events come in order; one that falls behind a cut-off is told so, and
 * begins anew. */
static void *follow(void *arg)
{
    struct ate_watch *watch = NULL;
    struct ate_event e;
    uint64_t last = 0;
    bool ended = false;
    (void)arg;
    CHECK_OK(ate_watch_start(s.chain, NULL, ate_top, 0, 1, &watch));
    while (!ended && !atomic_load(&s.failed)) {
        int rc = ate_watch_next(watch, -1, &e);
        if (rc == ATE_COMPACTED) {
            ate_watch_end(watch);
            watch = NULL;
            uint64_t from = ate_chain_head(s.chain).size;
            CHECK_OK(ate_watch_start(s.chain, NULL, ate_top, 0, from, &watch));
            ended = is_there("end");
            atomic_fetch_add(&s.restarts, 1);
            continue;
        }
        CHECK_OK(rc);
        if (rc)
            break;
        CHECK(e.sequence >= last);
        last = e.sequence;
        ended = e.name.size == 3 && !memcmp(e.name.data, "end", 3);
        atomic_fetch_add(&s.changes, 1);
    }
    ate_watch_end(watch);
    return NULL;
}

/* ---- who makes room, who copies ---- */

static void compact(bool deep)
{
    struct ate_compact_conf conf = {
        .deep = deep, .cut_off = deep ? ATE_CUT_OFF_NEWEST : 0, .gain_percent = 1};
    struct ate_compacted done = {0};
    CHECK_OK(ate_chain_compact(s.chain, &conf, &done));
    atomic_fetch_add(&s.compactions, 1);
    atomic_fetch_add(&s.payloads, (unsigned)done.payloads);
    atomic_fetch_add(&s.transactions, (unsigned)done.transactions);
}

static void *compact_all(void *arg)
{
    (void)arg;
    for (unsigned n = 0; n < 2 * ROUNDS || atomic_load(&s.writing); n++) {
        if (atomic_load(&s.failed))
            break;
        compact(n % 2);
    }
    compact(true);
    return NULL;
}

/* STALE: compacted far meanwhile. */
static void *back_up(void *arg)
{
    (void)arg;
    for (unsigned n = 0; (n < ROUNDS || atomic_load(&s.writing)) && !atomic_load(&s.failed);) {
        struct ate_backed_up done;
        int rc = ate_backup(s.chain, s.copy, NULL, &done);
        CHECK(!rc || rc == ATE_STALE);
        n += !rc;
        atomic_fetch_add(&s.backups, !rc);
    }
    return NULL;
}

/* ---- what came of it ---- */

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate_result_name(rc), ate_error());
    assert_int_equal(rc, expected);
}

static void check_model(struct ate_chain *chain)
{
    struct ate_txn *txn;
    expect(ate_txn_begin(chain, NULL, ATE_READ, &txn), 0);
    for (unsigned i = 0; i < WRITERS * OBJECTS; i++)
        assert_int_equal(read_one(txn, i / OBJECTS, i % OBJECTS),
                         s.versions[i / OBJECTS][i % OBJECTS]);
    ate_txn_end(txn);
    assert_int_equal(atomic_load(&s.failed), 0);
}

static void check_verified(struct ate_chain *chain, uint64_t size)
{
    struct ate_verified all;
    expect(ate_chain_verify(chain, NULL, NULL, &all), 0);
    assert_int_equal(all.damage.what, ATE_OK);
    assert_true(all.head.size == size && all.cut_off && all.transactions < size);
}

static void put_end(void)
{
    struct ate_txn *txn;
    struct ate_id id;
    expect(ate_txn_begin(s.chain, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, "end", &(struct note){"."}, &id), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
}

static void run_all(void)
{
    void *(*const others[])(void *arg) = {compact_all, back_up};
    pthread_t writer[WRITERS], reader[READERS], other[OTHERS], follower;
    unsigned numbers[WRITERS];
    atomic_store(&s.writing, WRITERS);
    assert_int_equal(pthread_create(&follower, NULL, follow, NULL), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&writer[i], NULL, write_all, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_all, NULL), 0);
    for (unsigned i = 0; i < OTHERS; i++)
        assert_int_equal(pthread_create(&other[i], NULL, others[i], NULL), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writer[i], NULL);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(reader[i], NULL);
    for (unsigned i = 0; i < OTHERS; i++)
        pthread_join(other[i], NULL);
    put_end();
    pthread_join(follower, NULL);
}

static void all_at_once(void **state)
{
    struct ate_chain_conf conf = {.segment_bytes = SEGMENT};
    char place[4100], key[4100];
    struct ate_session *me;
    struct ate_backed_up done;
    const char *home = tmpdir_new();
    (void)state;
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    snprintf(place, sizeof place, "%s/notes", home);
    snprintf(key, sizeof key, "%s/key", home);
    snprintf(s.copy, sizeof s.copy, "%s/copy", home);
    expect(ate_session_open(key, ATE_CREATE, &me), 0);
    expect(ate_chain_open(place, me, ATE_CREATE, &conf, &s.chain), 0);
    run_all();
    assert_int_equal(atomic_load(&s.failed), 0);
    struct ate_head head = ate_chain_head(s.chain);
    print_message("%llu transactions; %u went, and %u payloads; %u backups, %u looks at all "
                  "objects, %u changes seen, %u times from anew\n",
                  (unsigned long long)head.size, s.transactions, s.payloads, s.backups, s.reads,
                  s.changes, s.restarts);
    assert_true(s.transactions > 100 && s.payloads > 0 && s.backups >= ROUNDS && s.reads > 0);
    assert_true(s.restarts || s.changes == s.commits + 1);
    expect(ate_backup(s.chain, s.copy, NULL, &done), 0);
    assert_true(done.head.size == head.size);
    check_model(s.chain);
    ate_chain_close(s.chain);
    for (unsigned i = 0; i < 3; i++) {
        conf.no_view_image = i == 1;
        expect(ate_chain_open(i < 2 ? place : s.copy, me, 0, &conf, &s.chain), 0);
        struct ate_head again = ate_chain_head(s.chain);
        assert_memory_equal(&again, &head, sizeof head);
        check_model(s.chain);
        check_verified(s.chain, head.size);
        ate_chain_close(s.chain);
    }
    ate_session_close(me);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
