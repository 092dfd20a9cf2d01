/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * History and watches show the names that give their tags, and no others
 * (docs/format/trust.md, 13); what was deleted since is looked up where it lay.
 */
#include "api/records.h"
#include "ate/watch.h"
#include "dio/type.h"
#include "lib/heap.h"
#include "unit/dio/forge.h"
#include <poll.h>

static struct world w;
static struct ate_chain chain;
static const struct ate_id x = {{0xf0, 1}};

static void begin(void)
{
    world_init(&w, true);
    chain = (struct ate_chain){.dio = w.dio, .pipe = w.dio->pipe, .session = w.session[0]};
    atomic_init(&chain.refs, 1);
}

/* The name that the newest body event has, as that session reads it. */
static void expect_name(unsigned session, const char *name)
{
    struct ate_history *h;
    struct ate_history_txn txn;
    struct ate_watch *watch;
    struct ate_event e = {0};
    uint64_t last = 0;
    ok(ate_history_start(&chain, w.session[session], 1, &h));
    struct ate_bytes found = {0};
    char copy[ATE__NAME_MAX];
    int rc;
    while (!(rc = ate_history_next(h, &txn)))
        for (size_t i = 0; i < txn.event_count; i++)
            if (txn.events[i].kind == ATE_EVENT_BODY) {
                found = txn.events[i].name;
                if (found.size)
                    memcpy(copy, found.data, found.size);
                last = txn.sequence;
            }
    expect(rc, ATE_END);
    ate_history_end(h);
    assert_int_equal(found.size, strlen(name));
    assert_memory_equal(copy, name, found.size);

    ok(ate_watch_start(&chain, w.session[session], ate_top, ATE_TREE, last, &watch));
    ok(ate_watch_next(watch, 0, &e));
    assert_int_equal(e.name.size, strlen(name));
    if (e.name.size)
        assert_memory_equal(e.name.data, name, e.name.size);
    ate_watch_end(watch);
}

static void names_that_hold(void **state)
{
    (void)state;
    static const struct {
        bool clear;
        const char *name, *tag[2], *shown, *to_others;
    } rows[] = {
        {false, "real", {"real", NULL}, "real", ""}, /* others have no key for the body at all */
        {false, "lie", {"real", NULL}, "", ""},
        {true, "real", {"real", "real"}, "real", "real"},
        {true, "lie", {"real", "real"}, "", ""},
        {true, "real", {"other", "real"}, "", "real"},
        {true, "lie", {NULL, "real"}, "", ""},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        begin();
        forge(&w, 0,
              &(struct forged){.id = x,
                               .clear = rows[i].clear,
                               .name = rows[i].name,
                               .tag = {rows[i].tag[0], rows[i].tag[1]}});
        expect_name(0, rows[i].shown);
        expect_name(1, rows[i].to_others);
        world_deinit(&w);
    }
}

/* A folder and what was in it are gone; the history still has their names. */
static void names_of_what_is_gone(void **state)
{
    (void)state;
    struct ate_id folder;
    begin();
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("x", 1), &folder));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put_as(t, note, folder, "kid", NOTE("x", 2), NULL));
    ok(ate_txn_commit(t, NULL));
    ok(ate_delete(t, folder, ATE_TREE));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    struct ate_history *h;
    struct ate_history_txn txn;
    static const char *const names[] = {"folder", "kid"};
    ok(ate_history_start(&chain, NULL, 1, &h));
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        ok(ate_history_next(h, &txn));
        assert_int_equal(txn.event_count, 1);
        assert_true(ate__bytes_equal(txn.events[0].name, ate__text_bytes(names[i])));
    }
    ate_history_end(h);
    world_deinit(&w);
}

/* A transaction that could not be shown for want of memory is shown by the next call. */
static void nothing_is_skipped(void **state)
{
    (void)state;
    enum { SIZE = 4 };
    ate__schema_forget_all();
    heap_start();
    begin();
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 1; i < SIZE; i++) {
        ok(ate_store(t, note, NOTE("x", i), NULL));
        ok(ate_txn_commit(t, NULL));
    }
    ate_txn_end(t);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct ate_history *h;
        struct ate_history_txn txn;
        ok(ate_history_start(&chain, NULL, 1, &h));
        failed = false;
        for (uint64_t sequence = 1; sequence < SIZE; sequence++) {
            heap_fail(n, false);
            int rc = ate_history_next(h, &txn);
            failed = failed || heap_failed();
            heap_fail(0, false);
            if (rc) {
                expect(rc, ATE_E_MEMORY);
                ok(ate_history_next(h, &txn));
            }
            assert_int_equal(txn.sequence, sequence);
        }
        expect(ate_history_next(h, &txn), ATE_END);
        ate_history_end(h);
    }
    world_deinit(&w);
    ate__schema_forget_all();
    heap_stop();
}

/* A pipe whose snapshots fail to look an object up, once. */
static const struct ate__pipe_vtable *real_pipe;
static const struct ate__facts *real_facts;
static unsigned lookups_left; /* until that one; 0: none fails */

static int object_or_failure(const struct ate__facts *f, const struct ate_id *id,
                             struct ate__object_facts *ret)
{
    (void)f;
    if (lookups_left && !--lookups_left)
        return ate__fail(ATE_E_IO, "the lookup failed");
    return real_facts->v->object(real_facts, id, ret);
}

static const struct ate__facts *failing_facts(struct ate__snapshot *s)
{
    static const struct ate__facts_vtable vtable = {.object = object_or_failure};
    static const struct ate__facts facts = {&vtable};
    real_facts = real_pipe->facts(s);
    return &facts;
}

/* An event whose lookup failed is given by the next call, and so is the one before it, with which
 * it was looked up ahead. */
static void no_event_is_lost(void **state)
{
    (void)state;
    enum { COUNT = 3 };
    struct ate_id folder, kid[COUNT];
    struct ate_watch *watch;
    struct ate_event e;
    begin();
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("x", 1), &folder));
    ok(ate_txn_commit(t, NULL));
    for (unsigned i = 0; i < COUNT; i++)
        ok(ate_put_as(t, note, folder, (const char[2]){(char)('a' + i)}, NOTE("x", 2), &kid[i]));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    real_pipe = chain.pipe->v;
    struct ate__pipe_vtable vtable = *real_pipe;
    vtable.facts = failing_facts;
    chain.pipe->v = &vtable;
    unsigned failures = 0;
    for (bool failed = true; failed;) {
        ok(ate_watch_start(&chain, NULL, ate_top, ATE_TREE, 2, &watch));
        struct pollfd p = {.fd = ate_watch_fd(watch), .events = POLLIN};
        failed = false;
        lookups_left = 1 + failures;
        for (unsigned i = 0; i < COUNT; i++) {
            int rc = ate_watch_next(watch, 0, &e);
            if (rc) {
                expect(rc, ATE_E_IO);
                failed = true;
                assert_int_equal(poll(&p, 1, 0), 1); /* whoever polls it calls again */
                ok(ate_watch_next(watch, 0, &e));
            }
            assert_memory_equal(&e.id, &kid[i], sizeof e.id);
            assert_int_equal(e.last, i + 1 == COUNT);
        }
        failures += failed;
        lookups_left = 0;
        expect(ate_watch_next(watch, 0, &e), ATE_TIMEOUT);
        ate_watch_end(watch);
    }
    assert_true(failures >= 2 * COUNT); /* each is opened, and looked for below the top */
    chain.pipe->v = real_pipe;
    world_deinit(&w);
}

/* ---- payloads that are compressed ---- */

static void begin_compressed(void)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf options = ATE__BUF_NULL;
    ok(ate__genesis_compression(ATE__COMPRESSION_ZSTD, &options));
    world_init_of(&w, true, ate__buf_bytes(&options));
    chain = (struct ate_chain){.dio = w.dio, .pipe = w.dio->pipe, .session = w.session[0]};
    atomic_init(&chain.refs, 1);
}

static struct ate_object json_thing(size_t size)
{
    static char text[5000];
    memset(text, 'a', sizeof text);
    memcpy(text, "{\"v\":\"", 6);
    memcpy(text + size - 2, "\"}", 2);
    return (struct ate_object){
        .type = "thing", .encoding = "json", .payload = ate__bytes(text, size)};
}

/* History tells its size without unpacking it, and unpacks it when it is loaded, once. */
static void unpacked_when_it_is_loaded(void **state)
{
    (void)state;
    struct ate_history *h;
    struct ate_history_txn txn;
    struct ate_object o, again, thing = json_thing(4000);
    ate__schema_forget_all();
    heap_start();
    begin_compressed();
    struct ate_txn *t = world_begin(&w);
    ok(ate_store_raw(t, &thing, 0, NULL));
    ok(ate_store_raw(t, &thing, ATE_PUBLIC, NULL));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    ok(ate_history_start(&chain, NULL, 1, &h));
    ok(ate_history_next(h, &txn));
    unsigned bodies = 0;
    for (size_t i = 0; i < txn.event_count; i++) {
        if (txn.events[i].kind != ATE_EVENT_BODY)
            continue;
        bodies++;
        assert_int_equal(txn.events[i].payload_size, 4000);
        heap_fail(1, true);
        expect(ate_history_load(h, i, &o), ATE_E_MEMORY);
        heap_fail(2, true);
        expect(ate_history_load(h, i, &o), ATE_E_MEMORY);
        heap_fail(0, false);
        ok(ate_history_load(h, i, &o));
        assert_true(ate__bytes_equal(o.payload, thing.payload));
        assert_int_equal(o.payload_size, 4000);
        ok(ate_history_load(h, i, &again));
        assert_true(again.payload.data == o.payload.data);
    }
    assert_int_equal(bodies, 2);
    ate_history_end(h);
    world_deinit(&w);
    ate__schema_forget_all();
    heap_stop();
}

/* What unpacks to nothing is told when it is loaded; the walk goes on. */
static void what_unpacks_to_nothing(void **state)
{
    (void)state;
    for (unsigned clear = 0; clear < 2; clear++) {
        struct ate_history *h;
        struct ate_history_txn txn;
        struct ate_versions *v;
        struct ate_object_version version;
        struct ate_object o;
        begin_compressed();
        forge(&w, 0,
              &(struct forged){.id = x,
                               .clear = clear,
                               .name = "n",
                               .tag = {clear ? NULL : "n", clear ? "n" : NULL}});
        ok(ate_history_start(&chain, NULL, 1, &h));
        ok(ate_history_next(h, &txn));
        assert_true(txn.events[0].kind == ATE_EVENT_BODY && txn.events[0].readable);
        expect(ate_history_load(h, 0, &o), ATE_MALFORMED);
        expect(ate_history_next(h, &txn), ATE_END);
        ate_history_end(h);
        ok(ate_versions_start(&chain, NULL, x, NULL, &v));
        ok(ate_versions_next(v, &version));
        expect(ate_versions_load(v, &o), ATE_MALFORMED);
        ate_versions_end(v);
        world_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_hold),
        cmocka_unit_test(names_of_what_is_gone),
        cmocka_unit_test(nothing_is_skipped),
        cmocka_unit_test(no_event_is_lost),
        cmocka_unit_test(unpacked_when_it_is_loaded),
        cmocka_unit_test(what_unpacks_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
