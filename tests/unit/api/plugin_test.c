/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Plug-ins of a program's own: what they are asked and told, and when; the end.
 */
#include "api/plugin.h"
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

enum { TOLD_MAX = 64 };

/* What one plug-in saw. */
struct seen {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int refuse; /* by lint and validate */
    int stop_at; /* sink refuses that sequence; -1: none */
    uint64_t from;
    unsigned linted, validated, started, stopped, stops_told;
    size_t sunk_count, indexed_count;
    uint64_t sunk[TOLD_MAX];
    size_t authors[TOLD_MAX];
    struct {
        enum ate_change change;
        uint64_t sequence;
        char name[32], payload[64];
        size_t payload_size;
    } indexed[TOLD_MAX];
    enum ate_vote vote;
};
static struct seen seen;
static char home[4096];

static void expect_(int rc, int expected, int line)
{
    if (rc != expected)
        fail_msg("line %d: %s: %s", line, ate_result_name(rc), ate_error());
}
#define expect(rc, expected) expect_(rc, expected, __LINE__)

static const char *path_of(const char *name)
{
    static char paths[4][4200];
    static unsigned next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s", home, name);
    return p;
}

/* ---- the plug-in ---- */

static int start(const char *options, void **ret_state, char *text)
{
    if (!strcmp(options, "refuse")) {
        snprintf(text, ATE_PLUGIN_TEXT, "no");
        return ATE_MALFORMED;
    }
    seen.started++;
    *ret_state = &seen;
    return 0;
}

static void stop(void *state)
{
    struct seen *s = state;
    pthread_mutex_lock(&s->mutex);
    s->stopped++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

static int lint(void *state, const struct ate_plugin_change *c, char *text)
{
    struct seen *s = state;
    s->linted++;
    if (c->change != ATE_DELETED) {
        assert_string_equal(c->type, "note");
        assert_string_equal(c->encoding, "msgpack");
        assert_true(c->payload.size > 0 && c->chain->name[0] == '/');
    }
    snprintf(text, ATE_PLUGIN_TEXT, "lint says \"%.*s\"", (int)c->name.size,
             (const char *)c->name.data);
    return s->refuse;
}

static int validate(void *state, const struct ate_plugin_txn *t, char *text)
{
    struct seen *s = state;
    (void)text;
    s->validated++;
    assert_true(t->author_count == 1 && t->size > 0 && t->event_count > 0 &&
                (!t->offered || t->sequence == 0));
    return s->refuse < 0 ? 0 : s->refuse;
}

static uint64_t from(void *state, const struct ate_plugin_chain *chain, uint64_t size)
{
    const struct seen *s = state;
    assert_non_null(chain->name);
    return s->from == UINT64_MAX ? size : s->from;
}

static int sink(void *state, const struct ate_plugin_txn *t, char *text)
{
    struct seen *s = state;
    int rc = 0;
    pthread_mutex_lock(&s->mutex);
    if (s->stop_at >= 0 && t->sequence == (uint64_t)s->stop_at) {
        snprintf(text, ATE_PLUGIN_TEXT, "full");
        rc = ATE_TOO_BIG;
    } else if (s->sunk_count < TOLD_MAX) {
        s->authors[s->sunk_count] = t->author_count;
        s->sunk[s->sunk_count++] = t->sequence;
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

static int index_change(void *state, const struct ate_plugin_change *c, char *text)
{
    struct seen *s = state;
    (void)text;
    pthread_mutex_lock(&s->mutex);
    if (s->indexed_count < TOLD_MAX) {
        size_t i = s->indexed_count++;
        s->indexed[i].change = c->change;
        s->indexed[i].sequence = c->sequence;
        snprintf(s->indexed[i].name, sizeof s->indexed[i].name, "%.*s", (int)c->name.size,
                 c->name.size ? (const char *)c->name.data : "");
        s->indexed[i].payload_size = c->payload.size;
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    return 0;
}

static enum ate_vote vote(void *state, const struct ate_vote_event *event, bool *ret_header_only)
{
    (void)event;
    (void)ret_header_only;
    return ((const struct seen *)state)->vote;
}

static const struct ate_plugin_vtable all = {.abi = ATE_PLUGIN_ABI,
                                             .timeout_ms = 60000,
                                             .name = "all",
                                             .start = start,
                                             .stop = stop,
                                             .lint = lint,
                                             .validate = validate,
                                             .from = from,
                                             .sink = sink,
                                             .index = index_change,
                                             .compact = vote};

/* ---- the tests ---- */

static int set_up(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    pthread_mutex_init(&seen.mutex, NULL);
    pthread_cond_init(&seen.changed, NULL);
    seen.stop_at = -1;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    return 0;
}

static void wait_for(const size_t *count, size_t n)
{
    pthread_mutex_lock(&seen.mutex);
    while (*count < n)
        pthread_cond_wait(&seen.changed, &seen.mutex);
    pthread_mutex_unlock(&seen.mutex);
}

static void wait_stopped(unsigned n)
{
    pthread_mutex_lock(&seen.mutex);
    while (seen.stopped < n)
        pthread_cond_wait(&seen.changed, &seen.mutex);
    pthread_mutex_unlock(&seen.mutex);
}

static void note_stop(void *arg, const char *line)
{
    (void)arg;
    assert_non_null(strstr(line, "sink stopped: plug-in all: full"));
    pthread_mutex_lock(&seen.mutex);
    seen.stops_told++;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.mutex);
}

static struct ate_chain *open_with(struct ate_session *s, struct ate_plugin **plugins, size_t n)
{
    struct ate_chain *c;
    const struct ate_chain_conf conf = {
        .plugins = plugins, .plugin_count = n, .plugin_log = note_stop, .segment_bytes = 65536};
    expect(ate_chain_open(path_of("chain"), s, ATE_CREATE, &conf, &c), 0);
    return c;
}

static int put(struct ate_chain *c, const char *name, const char *text)
{
    struct ate_txn *txn;
    struct ate_id id;
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_put_as(txn, note, ate_top, name, &(struct note){text}, &id), 0);
    int rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

static struct ate_session *session(void)
{
    struct ate_session *s;
    expect(ate_session_open(path_of("key"), ATE_CREATE, &s), 0);
    return s;
}

static void test_asked(void **state)
{
    struct ate_plugin *p;
    struct ate_session *s = session();
    (void)state;
    expect(ate_plugin_start(&all, "refuse", &p), ATE_MALFORMED);
    assert_string_equal(ate_error(), "plug-in all: no");
    expect(ate_plugin_start(&all, NULL, &p), 0);
    assert_string_equal(ate_plugin_name(p), "all");
    struct ate_chain *c = open_with(s, &p, 1);
    unsigned created = seen.validated;
    expect(put(c, "a", "1"), 0);
    assert_int_equal(seen.linted, 1);
    assert_int_equal(seen.validated, created + 1);
    seen.refuse = ATE_CONFLICT;
    expect(put(c, "b\x1b", "1"), ATE_CONFLICT);
    assert_non_null(strstr(ate_error(), "plug-in all: lint says \"b\\x1b\""));
    assert_int_equal(seen.validated, created + 1); /* it did not come that far */
    seen.refuse = ATE_E_IO; /* a result of the machine's is none of a plug-in's */
    expect(put(c, "b", "1"), ATE_DENIED);
    seen.refuse = 0;
    expect(put(c, "b", "1"), 0);
    assert_int_equal(ate_chain_head(c).size, 3);
    ate_plugin_end(p);
    assert_int_equal(seen.stopped, 0); /* the chain has it */
    expect(put(c, "c", "1"), 0);
    ate_chain_close(c);
    wait_stopped(1);
    ate_session_close(s);
}

/* ---- several ---- */

enum { BIG = 20000 };
static const void *shown[2]; /* the payload that each saw */

static int look(void *state, const struct ate_plugin_txn *t, char *text)
{
    const void **to = state;
    (void)text;
    for (size_t i = 0; i < t->event_count; i++)
        if (t->events[i].payload.size == BIG) {
            assert_string_equal(t->events[i].encoding, "json");
            *to = t->events[i].payload.data;
        }
    return 0;
}

static int start_looking(const char *options, void **ret_state, char *text)
{
    (void)text;
    *ret_state = &shown[*options - '0'];
    return 0;
}

/* What is compressed is unpacked once for all that look at it. */
static void test_unpacked_once(void **state)
{
    static const struct ate_plugin_vtable looking = {.abi = ATE_PLUGIN_ABI,
                                                     .timeout_ms = 60000,
                                                     .name = "looking",
                                                     .start = start_looking,
                                                     .validate = look};
    static char text[BIG + 1];
    struct ate_plugin *p[2];
    struct ate_session *s = session();
    struct ate_chain *c;
    struct ate_txn *txn;
    uint64_t objections;
    (void)state;
    memset(text, 'x', BIG);
    memcpy(text, "{\"v\":\"", 6);
    memcpy(text + BIG - 2, "\"}", 2);
    expect(ate_plugin_start(&looking, "0", &p[0]), 0);
    expect(ate_plugin_start(&looking, "1", &p[1]), 0);
    const struct ate_chain_conf conf = {.plugins = p, .plugin_count = 2, .compression = ATE_ZSTD};
    expect(ate_chain_open(path_of("chain"), s, ATE_CREATE, &conf, &c), 0);
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    struct ate_object big = {.type = "note", .encoding = "json", .payload = ate__bytes(text, BIG)};
    expect(ate_store_raw(txn, &big, ATE_PUBLIC, NULL), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
    assert_non_null(shown[0]);
    assert_ptr_equal(shown[0], shown[1]);
    shown[0] = shown[1] = NULL;
    expect(ate_chain_review(c, NULL, NULL, &objections), 0);
    assert_int_equal(objections, 0);
    assert_non_null(shown[0]);
    assert_ptr_equal(shown[0], shown[1]);
    ate_chain_close(c);
    ate_plugin_end(p[0]);
    ate_plugin_end(p[1]);
    ate_session_close(s);
}

/* One that was loaded after a chain was opened has no say in it, and seals nothing there. */
static void test_one_that_comes_later(void **state)
{
    struct ate_plugin *p;
    struct ate_session *s = session();
    (void)state;
    struct ate_chain *c = open_with(s, NULL, 0);
    expect(put(c, "a", "1"), 0);
    expect(ate_plugin_start(&all, NULL, &p), 0);
    seen.refuse = ATE_DENIED;
    expect(put(c, "b", "2"), 0);
    assert_int_equal(seen.linted + seen.validated, 0);
    ate_chain_close(c);
    c = open_with(s, &p, 1);
    expect(put(c, "c", "3"), ATE_DENIED);
    ate_chain_close(c);
    ate_plugin_end(p);
    wait_stopped(1);
    ate_session_close(s);
}

/* All of the log from where it wants, in order, then what comes; objects in clear. */
static void test_told(void **state)
{
    struct ate_plugin *p;
    struct ate_session *s = session();
    struct ate_txn *txn;
    struct ate_object found;
    (void)state;
    struct ate_chain *c = open_with(s, NULL, 0);
    expect(put(c, "a", "secret"), 0);
    expect(put(c, "a", "secret, too"), 0);
    ate_chain_close(c);
    expect(ate_plugin_start(&all, NULL, &p), 0);
    c = open_with(s, &p, 1);
    expect(put(c, "b", "3"), 0);
    expect(ate_txn_begin(c, NULL, 0, &txn), 0);
    expect(ate_find_raw(txn, ate_top, (struct ate_bytes){"a", 1}, 0, &found), 0);
    expect(ate_delete(txn, found.id, 0), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
    wait_for(&seen.sunk_count, 5);
    wait_for(&seen.indexed_count, 4);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(seen.sunk[i], i);
        assert_int_equal(seen.authors[i], 1);
    }
    static const enum ate_change changes[] = {ATE_CREATED, ATE_UPDATED, ATE_CREATED, ATE_DELETED};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(seen.indexed[i].change, changes[i]);
        assert_int_equal(seen.indexed[i].sequence, i + 1);
        assert_int_equal(seen.indexed[i].payload_size != 0, i < 3);
    }
    assert_string_equal(seen.indexed[0].name, "a");
    assert_string_equal(seen.indexed[2].name, "b");
    ate_chain_close(c);
    ate_plugin_end(p);
    wait_stopped(1);
    ate_session_close(s);
}

/* One that fails is told no more, and nobody else notices. */
static void test_a_sink_that_fails(void **state)
{
    struct ate_plugin *p;
    struct ate_session *s = session();
    (void)state;
    seen.stop_at = 2;
    seen.from = 1;
    expect(ate_plugin_start(&all, NULL, &p), 0);
    struct ate_chain *c = open_with(s, &p, 1);
    for (unsigned i = 0; i < 4; i++)
        expect(put(c, "a", "1"), 0);
    pthread_mutex_lock(&seen.mutex);
    while (!seen.stops_told)
        pthread_cond_wait(&seen.changed, &seen.mutex);
    pthread_mutex_unlock(&seen.mutex);
    wait_for(&seen.indexed_count, 4);
    ate_chain_close(c);
    assert_int_equal(seen.sunk_count, 1);
    assert_int_equal(seen.sunk[0], 1);
    assert_int_equal(seen.stops_told, 1);
    ate_plugin_end(p);
    wait_stopped(1);
    ate_session_close(s);
}

/* Old values stay where a plug-in keeps them. */
static void test_votes(void **state)
{
    struct ate_plugin *p;
    struct ate_session *s = session();
    struct ate_compacted done;
    const struct ate_compact_conf conf = {.below = UINT64_MAX};
    static char text[20000]; /* so that files of the log become full: the last stays as it is */
    (void)state;
    memset(text, 'x', sizeof text - 1);
    expect(ate_plugin_start(&all, NULL, &p), 0);
    struct ate_chain *c = open_with(s, &p, 1);
    for (unsigned i = 0; i < 12; i++)
        expect(put(c, "a", text), 0);
    seen.vote = ATE_VOTE_FORCE_KEEP;
    expect(ate_chain_compact(c, &conf, &done), 0);
    assert_int_equal(done.payloads, 0);
    seen.vote = ATE_VOTE_NONE;
    expect(ate_chain_compact(c, &conf, &done), 0);
    assert_true(done.payloads > 0);
    ate_chain_close(c);
    ate_plugin_end(p);
    wait_stopped(1);
    ate_session_close(s);
}

/* ---- sealing ---- */

static struct {
    bool bad_seal, bad_open;
    size_t size; /* what the bad one says that it came to */
} form;

/* The record, and 8 bytes more. Of one that lies about its size nothing behind the room is read. */
static int seal(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes record, uint8_t *ret_bytes, size_t *ret_size, char *text)
{
    (void)state, (void)chain_id, (void)sequence, (void)text;
    assert_int_equal(*ret_size, record.size + ATE_PLUGIN_SEAL_MORE);
    memset(ret_bytes, 's', 8);
    memcpy(ret_bytes + 8, record.data, record.size);
    *ret_size = form.bad_seal ? form.size : record.size + 8;
    return 0;
}

static int open_record(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                       struct ate_bytes sealed, uint8_t *ret_bytes, size_t *ret_size, char *text)
{
    (void)state, (void)chain_id, (void)sequence, (void)text;
    assert_int_equal(*ret_size, sealed.size);
    if (sealed.size < 8)
        return ATE_TAMPERED;
    memcpy(ret_bytes, (const uint8_t *)sealed.data + 8, sealed.size - 8);
    *ret_size = form.bad_open ? form.size : sealed.size - 8;
    return 0;
}

static const struct ate_plugin_vtable sealing = {
    .abi = ATE_PLUGIN_ABI, .name = "sealing", .seal = seal, .open = open_record};

static void test_beyond_the_room(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, 1 << 20, 0};
    struct ate_plugin *p, *other;
    struct ate_plugin_vtable half = sealing;
    struct ate_session *s = session();
    struct ate_chain *c;
    (void)state;
    half.open = NULL;
    expect(ate_plugin_start(&half, NULL, &other), ATE_MALFORMED);
    expect(ate_plugin_start(&sealing, NULL, &p), 0);
    expect(ate_plugin_start(&sealing, NULL, &other), ATE_EXISTS);
    c = open_with(s, &p, 1);
    expect(put(c, "a", "1"), 0);
    ate_chain_close(c);
    for (size_t i = 0; i < ATE__COUNT_OF(sizes); i++) {
        form.size = sizes[i];
        form.bad_open = true;
        if (!ate_chain_open(path_of("chain"), s, 0, NULL, &c))
            fail_msg("opened, and each record is of %zu bytes", sizes[i]);
        form.bad_open = false;
    }
    for (size_t i = 0; i < 2; i++) {
        form.size = sizes[i];
        c = open_with(s, &p, 1);
        form.bad_seal = true;
        expect(put(c, "b", "1"), ATE_UNKNOWN); /* as where the disk fails */
        form.bad_seal = false;
        ate_chain_close(c);
    }
    c = open_with(s, &p, 1);
    assert_int_equal(ate_chain_head(c).size, 2);
    expect(put(c, "b", "1"), 0);
    ate_chain_close(c);
    ate_plugin_end(p);
    ate_session_close(s);
}

/* A copy of an example, ours alone. */
static void copy_example(const char *name, const char *to)
{
    char from[4200], bytes[4096];
    size_t n;
    snprintf(from, sizeof from, "%s/examples/plugins/%s", getenv("ATE_BUILD_ROOT"), name);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (!in || !out)
        fail_msg("%s, %s", from, to);
    while ((n = fread(bytes, 1, sizeof bytes, in)))
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(to, 0700), 0);
}

static bool opens(const struct ate_plugin *p, const struct ate_hash *chain, uint64_t sequence,
                  const uint8_t *sealed, size_t size)
{
    uint8_t bytes[300];
    char text[ATE_PLUGIN_TEXT] = "";
    size_t room = size;
    return !p->v->open(p->state, chain, sequence, (struct ate_bytes){sealed, size}, bytes, &room,
                       text);
}

/* What examples/plugins/at_rest.c seals opens where it was sealed, as it was, and nowhere else. */
static void test_moved_records(void **state)
{
    const struct ate_hash one = {{1}}, two = {{2}};
    static const char record[] = "a record";
    uint8_t sealed[sizeof record + ATE_PLUGIN_SEAL_MORE];
    char key[4200], file[4200], text[ATE_PLUGIN_TEXT] = "";
    size_t size = sizeof sealed;
    struct ate_plugin *p;
    (void)state;
    snprintf(key, sizeof key, "%s", path_of("rest"));
    snprintf(file, sizeof file, "%s", path_of("at_rest.so"));
    copy_example("at_rest.so", file);
    FILE *f = fopen(key, "wb");
    assert_int_equal(fwrite("0123456789abcdef0123456789abcdef", 1, 32, f), 32);
    assert_int_equal(fclose(f), 0);
    expect(ate_plugin_load(file, key, &p), ATE_DENIED); /* others may read the key */
    assert_int_equal(chmod(key, 0600), 0);
    expect(ate_plugin_load(file, key, &p), 0);
    struct ate_bytes plain = {record, sizeof record};
    expect(p->v->seal(p->state, &one, 5, plain, sealed, &size, text), 0);
    assert_true(opens(p, &one, 5, sealed, size));
    assert_false(opens(p, &one, 6, sealed, size));
    assert_false(opens(p, &two, 5, sealed, size));
    for (size_t i = 0; i < size; i++) {
        sealed[i] ^= 1;
        assert_false(opens(p, &one, 5, sealed, size));
        sealed[i] ^= 1;
        assert_false(opens(p, &one, 5, sealed, i)); /* cut */
    }
    assert_true(opens(p, &one, 5, sealed, size));
    ate_plugin_end(p);
}

/* ---- memory ---- */

static const struct ate_plugin_vtable agreeing = {
    .abi = ATE_PLUGIN_ABI,
    .timeout_ms = 60000,
    .name = "agreeing",
    .start = start,
    .stop = stop,
    .lint = lint,
    .validate = validate,
    .from = from,
    .sink = sink,
    .index = index_change,
    .seal = seal,
    .open = open_record,
};

/* A chain's life. Threads take part: which allocation is the n-th is not the same each time. */
static int live(struct ate_session *me, struct ate_plugin *p, const char *path)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_id id;
    uint64_t objections;
    const struct ate_chain_conf conf = {.plugins = &p, .plugin_count = 1, .sync = ATE_SYNC_NEVER};
    int rc = ate_chain_open(path, me, ATE_CREATE, &conf, &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_put_as(txn, note, ate_top, "b", &(struct note){"1"}, &id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    ate_chain_close(c);
    if (rc)
        return rc;
    c = NULL;
    rc = ate_chain_open(path, me, 0, &conf, &c);
    if (!rc)
        rc = ate_chain_review(c, NULL, NULL, &objections);
    ate_chain_close(c);
    return rc;
}

static uint64_t step = 4; /* 1: every allocation; each run makes a chain, which takes its time */

/* Allocations are refused, one in each run: no more comes of it than a result, and what is there
 * then can be opened, or created. */
static void test_no_memory(void **state)
{
    struct ate_plugin *p;
    unsigned refused = 0;
    bool met = true;
    (void)state;
    heap_start();
    struct ate_session *me = session();
    expect(ate_plugin_start(&agreeing, NULL, &p), 0);
    for (uint64_t n = 1; met; n += step) {
        char path[4300];
        snprintf(path, sizeof path, "%s%llu", path_of("c"), (unsigned long long)n);
        heap_fail(n, false);
        int rc = live(me, p, path);
        met = heap_failed();
        heap_fail(0, false);
        if (rc && rc != ATE_E_MEMORY && rc != ATE_UNKNOWN)
            expect(rc, ATE_E_MEMORY);
        refused += rc != 0;
        if (rc)
            expect(live(me, p, path), 0);
    }
    print_message("%u runs ended without memory\n", refused);
    assert_true(refused > 200 / step);
    ate_plugin_end(p);
    ate_session_close(me);
    while (heap_blocks()) /* the thread of the plug-in ends when it likes */
        sched_yield();
    heap_stop();
}

static void test_what_is_no_plugin(void **state)
{
    struct ate_plugin *p, *many[17];
    struct ate_plugin_vtable v = all;
    struct ate_session *s = session();
    struct ate_chain *c;
    (void)state;
    expect(ate_plugin_start(NULL, NULL, &p), ATE_MISUSE);
    v.abi++;
    expect(ate_plugin_start(&v, NULL, &p), ATE_UNSUPPORTED);
    v = all;
    static const char *const names[] = {NULL,  "",    "A",
                                        "a b", "a\n", "a-name-that-is-longer-than-32-byte"};
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        v.name = names[i];
        expect(ate_plugin_start(&v, NULL, &p), ATE_MALFORMED);
    }
    v = all;
    v.reserved[1] = &v;
    expect(ate_plugin_start(&v, NULL, &p), ATE_MALFORMED);
    assert_int_equal(seen.started, 0);
    expect(ate_plugin_start(&all, NULL, &p), 0);
    for (size_t i = 0; i < ATE__COUNT_OF(many); i++)
        many[i] = p;
    const struct ate_chain_conf conf = {.plugins = many, .plugin_count = ATE__COUNT_OF(many)};
    expect(ate_chain_open(path_of("chain"), s, ATE_CREATE, &conf, &c), ATE_TOO_BIG);
    ate_plugin_end(p);
    ate_plugin_end(NULL);
    wait_stopped(1);
    ate_session_close(s);
}

int main(int argc, char **argv)
{
    (void)argv;
    step = argc > 1 ? 1 : step;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_asked, set_up),
        cmocka_unit_test_setup(test_unpacked_once, set_up),
        cmocka_unit_test_setup(test_one_that_comes_later, set_up),
        cmocka_unit_test_setup(test_told, set_up),
        cmocka_unit_test_setup(test_a_sink_that_fails, set_up),
        cmocka_unit_test_setup(test_votes, set_up),
        cmocka_unit_test_setup(test_beyond_the_room, set_up),
        cmocka_unit_test_setup(test_moved_records, set_up),
        cmocka_unit_test_setup(test_no_memory, set_up),
        cmocka_unit_test_setup(test_what_is_no_plugin, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
