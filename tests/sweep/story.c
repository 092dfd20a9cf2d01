/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * story.c: what happens in a run, and what must be there after it.
 */
#include "story.h"
#include "api/api.h"
#include "ate/history.h"
#include "ate/type.h"
#include "ate/watch.h"
#include "chain/local.h"
#include "unit/chain/kit.h"

struct note {
    const char *text;
    uint64_t value;
};
ATE_TYPE(note, ATE_FIELD(text), ATE_FIELD(value));

enum { PAGES = 4, PAGE_BYTES = 700, COMMIT_TRIES = 5 };

/* ---- results ---- */

/* What a machine may do to any call. */
static bool is_machine(int rc)
{
    return rc == ATE_E_MEMORY || rc == ATE_E_IO || rc == ATE_E_NO_SPACE || rc == ATE_E_SYSTEM;
}

/* Notes a failure, which has to be one of these, or `also`. */
static int note_result(struct run *r, int rc, int also, const char *call)
{
    if (!rc)
        return 0;
    if (!is_machine(rc) && rc != also)
        fail_msg("%s: %s is no result of it: %s", call, ate_result_name(rc), ate_error());
    if (!ate_error()[0])
        fail_msg("%s: %s without a sentence", call, ate_result_name(rc));
    if (!heap_failed() && !simdisk_failed(r->disk) && !r->limited)
        fail_msg("%s: %s, and nothing was made to fail: %s", call, ate_result_name(rc),
                 ate_error());
    r->errors++;
    return rc;
}
#define noted(r, call) note_result(r, call, 0, #call)

/* ---- opening ---- */

static int open_session(struct run *r)
{
    struct ate__key32 seed = {{7}};
    struct ate__key *key;
    int rc = ate__session_new(&r->me);
    if (!rc)
        rc = ate__key_of_seed(&seed, NULL, &key);
    return rc ? rc : ate__session_add(r->me, key);
}

static struct kit k; /* has the genesis */

/* The chain of which everyone may read and write everything. */
static int create_open(struct run *r, const struct ate__local_conf *conf,
                       struct ate__pipe **ret_pipe)
{
    const struct ate__vfs *vfs = r->sim.env.vfs;
    struct ate__dir *dir;
    int rc = vfs->open_root(vfs->user, "/c", &dir);
    if (rc)
        return rc;
    rc = ate__local_create(conf, dir, ate__bytes(k.genesis, k.genesis_size), ret_pipe);
    vfs->close_dir(dir);
    return rc;
}

static int open_pipe(struct run *r, struct ate__pipe **ret_pipe)
{
    struct ate__local_conf conf = {.chain.env = &r->sim.env};
    unsigned create = r->story->acked ? 0 : ATE__STORAGE_CREATE;
    if (r->story->has_keys)
        return ate__local_open(&conf, "/c", r->me, create, ret_pipe);
    int rc = ate__local_open(&conf, "/c", NULL, 0, ret_pipe);
    return rc == ATE_NOT_FOUND && create ? create_open(r, &conf, ret_pipe) : rc;
}

/* What ate_chain_open() does, with an environment of ours. */
static int open_chain(struct run *r)
{
    struct ate__pipe *pipe;
    int rc = r->story->has_keys ? open_session(r) : 0;
    struct ate_chain *c = rc ? NULL : ate__alloc(sizeof *c);
    if (!c)
        return rc ? rc : ate__no_memory();
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->memory.mutex, NULL);
    c->session = r->me ? ate__session_ref(r->me) : NULL;
    rc = open_pipe(r, &pipe);
    if (!rc) {
        c->pipe = pipe;
        rc = ate__dio_new(pipe, r->me, -1, 1 << 16, &c->dio);
    }
    if (rc) {
        ate_chain_close(c);
        return rc;
    }
    r->chain = c;
    return 0;
}

static void close_chain(struct run *r)
{
    ate_chain_close(r->chain);
    ate_session_close(r->me);
    r->chain = NULL;
    r->me = NULL;
}

/* ---- reading ---- */

static const char *name_of(const char *kind, uint64_t n)
{
    static char text[4][32];
    static unsigned next;
    char *name = text[next++ % 4];
    snprintf(name, sizeof text[0], "%s%llu", kind, (unsigned long long)n);
    return name;
}

/* NOT_FOUND becomes the value 0. */
static int value_of(struct ate_txn *t, struct ate_id parent, const char *name, uint64_t *ret_value,
                    struct ate_id *ret_id)
{
    const struct note *n;
    int rc = ate_find(t, note, parent, name, ret_id, &n);
    *ret_value = rc ? 0 : n->value;
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

static int check_value(struct ate_txn *t, struct ate_id parent, const char *name, uint64_t value)
{
    struct ate_id id;
    uint64_t found;
    int rc = value_of(t, parent, name, &found, &id);
    if (!rc && found != value)
        fail_msg("%s holds %llu where the rest holds %llu: half a transaction", name,
                 (unsigned long long)found, (unsigned long long)value);
    return rc;
}

static int check_list(struct ate_txn *t, struct ate_id parent, unsigned wanted)
{
    struct ate_cursor *c;
    struct ate_object o;
    unsigned n = 0;
    int rc = ate_children(t, parent, &c);
    if (rc)
        return rc;
    while (!(rc = ate_next_raw(c, 0, &o))) {
        assert_true(o.readable && o.name.size && o.type);
        n++;
    }
    ate_cursor_end(c);
    if (rc == ATE_END && n != wanted)
        fail_msg("%u children, not %u", n, wanted);
    return rc == ATE_END ? 0 : rc;
}

static int check_pages(struct ate_txn *t, uint64_t value)
{
    struct ate_object page;
    struct ate_id doc;
    uint64_t found;
    int rc = value_of(t, ate_top, "doc", &found, &doc);
    if (rc)
        return rc;
    assert_int_equal(found, 1); /* made once */
    rc = check_list(t, doc, PAGES);
    for (unsigned i = 0; !rc && i < PAGES; i++) {
        rc = ate_find_raw(t, doc, ate__text_bytes(name_of("p", i)), 0, &page);
        if (rc == ATE_NOT_FOUND)
            fail_msg("a page is missing");
        char text[32];
        int n = snprintf(text, sizeof text, "{\"value\":%llu,", (unsigned long long)value);
        if (!rc && (page.payload.size < (size_t)n || memcmp(page.payload.data, text, (size_t)n)))
            fail_msg("a page of another value: half a transaction");
    }
    return rc;
}

/* The value that a transaction sees, all over. */
static int look(struct ate_txn *t, uint64_t *ret_value)
{
    struct ate_id id;
    uint64_t v;
    int rc = value_of(t, ate_top, "x", &v, &id);
    if (!rc)
        rc = check_value(t, ate_top, "y", v);
    for (uint64_t u = v > 3 ? v - 3 : 0; !rc && u < v + 3; u++) {
        rc = check_value(t, ate_top, name_of("t-", u), u == v ? u : 0);
        if (!rc && v)
            rc = check_value(t, ate_top, name_of("m-", u % 2), u % 2 == v % 2 ? 1 : 0);
    }
    if (!rc && v)
        rc = check_pages(t, v);
    if (!rc)
        rc = check_list(t, ate_top, v ? 5 : 0);
    if (!rc)
        *ret_value = v;
    return rc;
}

static bool may_be(const struct run *r, uint64_t value)
{
    bool is = value == r->acked;
    for (unsigned i = 0; i < r->maybe_count; i++)
        is |= value == r->maybe[i];
    return is;
}

/* In the chain as it is open now. */
static int look_now(struct run *r, uint64_t *ret_value)
{
    struct ate_txn *t;
    int rc = noted(r, ate_txn_begin(r->chain, NULL, ATE_READ, &t));
    if (rc)
        return rc;
    rc = noted(r, look(t, ret_value));
    ate_txn_end(t);
    if (!rc && !may_be(r, *ret_value))
        fail_msg("it holds %llu; %llu was acknowledged", (unsigned long long)*ret_value,
                 (unsigned long long)r->acked);
    return rc;
}

/* ---- writing ---- */

static int put_page(struct ate_txn *t, struct ate_id doc, unsigned i, uint64_t value)
{
    char text[PAGE_BYTES];
    int n = snprintf(text, sizeof text, "{\"value\":%llu,\"text\":\"", (unsigned long long)value);
    memset(text + n, 'p', sizeof text - (size_t)n - 2);
    memcpy(text + sizeof text - 2, "\"}", 2);
    struct ate_object page = {.type = "page",
                              .encoding = "json",
                              .payload = ate__bytes(text, sizeof text),
                              .name = ate__text_bytes(name_of("p", i)),
                              .parent = doc};
    return ate_put_raw(t, &page, 0, NULL);
}

static int put_pages(struct ate_txn *t, uint64_t value)
{
    struct ate_id doc;
    uint64_t found;
    int rc = value_of(t, ate_top, "doc", &found, &doc);
    if (!rc && !found)
        rc = ate_put_as(t, note, ate_top, "doc", &(struct note){"doc", 1}, &doc);
    for (unsigned i = 0; !rc && i < PAGES; i++)
        rc = put_page(t, doc, i, value);
    return rc;
}

static int put_one(struct ate_txn *t, const char *name, uint64_t value)
{
    return ate_put_as(t, note, ate_top, name, &(struct note){"a text", value}, NULL);
}

/* "doc" becomes a private scope, begins an epoch, ceases to be one, or is published. */
static int turn_scope(struct run *r, struct ate_txn *t, uint64_t value)
{
    struct ate_hash me = ate_session_fingerprint(r->me);
    struct ate_rules rules = {.read = {.who = value % 5 == 3 ? ATE_EVERYONE : ATE_INHERIT}};
    struct ate_scope scope;
    struct ate_id doc;
    uint64_t found;
    int rc = value_of(t, ate_top, "doc", &found, &doc);
    if (value % 5 < 2)
        rules.read = (struct ate_rule){ATE_KEYS, &me, 1};
    if (rc || value < 2)
        return rc;
    if (value % 5 == 2 || value % 5 == 4) {
        rc = ate_readers(t, doc, &scope);
        if (rc == ATE_NOT_FOUND) /* it is made in this transaction */
            return 0;
        bool own = !rc && scope.is_private && memcmp(&scope.id, &doc, sizeof doc) == 0;
        if (rc || !own)
            return rc;
    }
    return value % 5 == 2   ? ate_rotate(t, doc)
           : value % 5 == 4 ? ate_publish(t, doc)
                            : ate_protect(t, doc, &rules);
}

/* From what the transaction sees to the value. */
static int change_all(struct run *r, struct ate_txn *t, uint64_t value)
{
    struct ate_id id;
    uint64_t before, found;
    int rc = value_of(t, ate_top, "x", &before, &id);
    if (!rc)
        rc = put_one(t, "x", value);
    if (!rc)
        rc = put_one(t, "y", value);
    if (!rc)
        rc = put_pages(t, value);
    if (!rc && r->story->has_keys)
        rc = turn_scope(r, t, value);
    if (!rc)
        rc = put_one(t, name_of("t-", value), value);
    if (!rc && !before)
        return put_one(t, name_of("m-", value % 2), 1);
    if (!rc)
        rc = value_of(t, ate_top, name_of("t-", before), &found, &id);
    if (!rc)
        rc = ate_delete(t, id, ATE_TREE);
    if (!rc)
        rc = value_of(t, ate_top, name_of("m-", before % 2), &found, &id);
    return rc || before % 2 == value % 2 ? rc : ate_move(t, id, ate_top, name_of("m-", value % 2));
}

/* Its last result. A transaction without an answer is offered again, with its bytes. */
static int commit(struct run *r, struct ate_txn *t)
{
    struct ate_receipt receipt = {.stage = ATE_QUEUED};
    int rc = ATE_UNKNOWN;
    for (unsigned i = 0; rc == ATE_UNKNOWN && i < COMMIT_TRIES; i++) {
        simenv_pass_ms(&r->sim, i ? 1500 : 10);
        rc = note_result(r, ate_txn_commit(t, &receipt), ATE_UNKNOWN, "commit");
    }
    if (!rc)
        assert_int_equal(receipt.stage, ATE_DURABLE);
    return rc;
}

static void write_next(struct run *r)
{
    struct ate_txn *t;
    uint64_t value = r->next++, seen;
    if (noted(r, ate_txn_begin(r->chain, NULL, 0, &t)))
        return;
    int rc = noted(r, change_all(r, t, value));
    if (!rc)
        (void)!noted(r, look(t, &seen)); /* its own changes, before they are committed */
    if (!rc)
        rc = commit(r, t);
    else
        ate_txn_cancel(t);
    if (!rc && r->errors == 0)
        assert_int_equal(seen, value);
    ate_txn_end(t);
    if (rc == ATE_UNKNOWN) {
        assert_true(r->maybe_count < STORY_MAYBE);
        r->maybe[r->maybe_count++] = value;
    } else if (!rc) {
        r->acked = value;
        r->maybe_count = 0; /* it was made upon what was there */
    }
    (void)!look_now(r, &seen);
}

/* ---- following ---- */

static void watch_all(struct run *r)
{
    struct ate_watch *w;
    struct ate_event e;
    unsigned events = 0;
    if (noted(r, ate_watch_start(r->chain, NULL, ate_top, ATE_TREE, 1, &w)))
        return;
    int rc;
    while (!(rc = ate_watch_next(w, 0, &e)))
        events++;
    if (rc != ATE_TIMEOUT)
        (void)!note_result(r, rc, 0, "ate_watch_next");
    else if (r->acked)
        assert_true(events >= PAGES + 5);
    ate_watch_end(w);
}

static void walk_history(struct run *r)
{
    struct ate_history *h;
    struct ate_history_txn txn;
    struct ate_object o;
    uint64_t next = 0;
    if (noted(r, ate_history_start(r->chain, NULL, 0, &h)))
        return;
    int rc;
    while (!(rc = ate_history_next(h, &txn))) {
        assert_int_equal(txn.sequence, next++);
        for (size_t i = 0; !rc && i < txn.event_count; i++)
            if (txn.events[i].kind == ATE_EVENT_BODY)
                rc = ate_history_load(h, i, &o);
        if (noted(r, rc))
            break;
    }
    if (rc && rc != ATE_END)
        (void)!note_result(r, rc, 0, "ate_history_next");
    ate_history_end(h);
}

/* ---- all of it ---- */

void run_init(struct run *r, const struct story *s)
{
    *r = (struct run){
        .story = s, .disk = simdisk_clone(s->begin), .acked = s->acked, .next = s->acked + 1};
    simenv_init(&r->sim, s->seed + s->acked, simdisk_vfs(r->disk));
}

void run_deinit(struct run *r)
{
    simenv_deinit(&r->sim);
    simdisk_free(r->disk);
}

void run_story(struct run *r)
{
    struct ate_verified verified;
    struct ate_receipt receipt;
    uint64_t seen;
    if (noted(r, open_chain(r))) {
        close_chain(r);
        return;
    }
    (void)!look_now(r, &seen);
    write_next(r);
    write_next(r);
    watch_all(r);
    walk_history(r);
    if (!noted(r, ate_chain_verify(r->chain, NULL, NULL, &verified)))
        assert_int_equal(verified.damage.what, ATE_OK);
    (void)!noted(r, ate_chain_sync(r->chain, &receipt));
    close_chain(r);
}

void run_check(struct run *r)
{
    uint64_t seen = 0;
    heap_fail(0, false);
    simdisk_fail(r->disk, 0, 0, 0, 0);
    simdisk_limit(r->disk, UINT64_MAX);
    r->errors = 0;
    int rc = open_chain(r);
    if (rc)
        fail_msg("it does not open any more: %s: %s", ate_result_name(rc), ate_error());
    assert_int_equal(look_now(r, &seen), 0);
    r->acked = seen;
    r->maybe_count = 0;
    write_next(r);
    assert_int_equal(r->errors, 0);
    assert_true(r->acked > seen);
    close_chain(r);
}

/* ---- how a story begins ---- */

/* Whoever reads may write: what is committed then needs no signature. */
static void let_everyone_write(struct run *r)
{
    struct ate_hash me = ate_session_fingerprint(r->me);
    struct ate_rules rules = {.read = {ATE_KEYS, &me, 1}, .write = {.who = ATE_EVERYONE}};
    struct ate_txn *t;
    assert_int_equal(ate_txn_begin(r->chain, NULL, 0, &t), 0);
    assert_int_equal(ate_protect(t, ate_top, &rules), 0);
    assert_int_equal(ate_txn_commit(t, NULL), 0);
    ate_txn_end(t);
}

static uint64_t trimmed_bytes(struct run *r, struct simdisk *take_disk)
{
    struct ate__storage_damage damage;
    struct run look = {.story = r->story, .disk = take_disk, .acked = r->acked};
    simenv_init(&look.sim, 1, simdisk_vfs(take_disk));
    assert_int_equal(open_chain(&look), 0);
    look.chain->pipe->v->damage(look.chain->pipe, &damage);
    close_chain(&look);
    run_deinit(&look);
    return damage.trimmed_bytes;
}

/* A group that was under way when the power was lost, of which a part is on the disk. */
static void tear(struct run *r)
{
    struct simdisk *before = r->disk;
    uint64_t seed = r->story->seed;
    write_next(r);
    simdisk_stop(r->disk, 1); /* the write of the group is the last call */
    struct ate_txn *t;
    assert_int_equal(ate_txn_begin(r->chain, NULL, 0, &t), 0);
    assert_int_equal(change_all(r, t, r->next++), 0);
    assert_int_equal(ate_txn_commit(t, NULL), ATE_UNKNOWN);
    ate_txn_end(t);
    close_chain(r);
    while (!trimmed_bytes(r, simdisk_crash(before, seed)))
        seed++;
    r->disk = simdisk_crash(before, seed);
    simdisk_free(before);
}

void story_init(struct story *s, const char *name, bool has_keys, bool is_signed,
                enum story_begin begin, uint64_t seed)
{
    struct run r;
    if (!k.genesis_size) { /* out of the heap, which begins later */
        kit_init(&k, 1);
        kit_deinit(&k);
    }
    *s = (struct story){.name = name, .has_keys = has_keys, .is_signed = is_signed, .seed = seed};
    s->begin = simdisk_new(seed);
    simdisk_mkdir(s->begin, "/c");
    if (begin == STORY_NEW)
        return;
    run_init(&r, s);
    assert_int_equal(open_chain(&r), 0);
    if (has_keys && !is_signed)
        let_everyone_write(&r);
    write_next(&r);
    if (begin == STORY_TORN)
        tear(&r);
    else
        close_chain(&r);
    simdisk_free(s->begin);
    s->begin = simdisk_clone(r.disk);
    s->acked = r.acked;
    run_deinit(&r);
}

void story_deinit(struct story *s)
{
    simdisk_free(s->begin);
}
