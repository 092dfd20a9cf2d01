/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Readers of two objects under 64 writers: whoever looks sees whole transactions.
 *
 * Every transaction writes two objects with one text. Half of the writers fight for the same two,
 * the others have two of their own, so that groups hold both kinds. On the real disk, with real
 * clocks.
 */
#include "chain/local.h"
#include "kit.h"
#include "lib/tmpdir.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITERS = 64, READERS = 4, EACH = 6, FIRST_OWN = 100, CONFLICT_US = 1000 };

struct shared {
    struct ate__pipe *pipe;
    struct ate_hash chain_id;
    atomic_uint committed, conflicts, reads;
    atomic_bool end;
    atomic_uint failed; /* the line of the first check that did */
};
struct writer {
    pthread_t thread;
    struct shared *shared;
    unsigned number;
};
struct reader {
    pthread_t thread;
    struct shared *shared;
    struct rnd r;
};

/* Threads may not fail a test themselves. */
#define CHECK(s, truth)                                                                            \
    do {                                                                                           \
        unsigned none_ = 0;                                                                        \
        if (!(truth))                                                                              \
            atomic_compare_exchange_strong(&(s)->failed, &none_, (unsigned)__LINE__);              \
    } while (0)

static unsigned first_of(unsigned writer)
{
    return writer % 2 ? 1 : FIRST_OWN + 2 * writer;
}

/* The number in the object's text, -1 if it is not there. */
static long value_of(struct shared *s, struct ate__snapshot *snapshot, unsigned object)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate_id id = id_of(object);
    char text[32] = "-1";
    int rc = s->pipe->v->event(snapshot, &id, &buf, &e, NULL);
    CHECK(s, !rc || rc == ATE_NOT_FOUND);
    if (!rc) {
        CHECK(s, e.payload.size < sizeof text);
        snprintf(text, sizeof text, "%.*s", (int)e.payload.size, (const char *)e.payload.data);
    }
    ate__buf_deinit(&buf);
    return strtol(text, NULL, 10);
}

/* ---- writers ---- */

static void draft_pair(struct shared *s, struct ate__snapshot *snapshot, struct draft *d,
                       unsigned first, const char *text)
{
    const struct ate__facts *facts = s->pipe->v->facts(snapshot);
    for (unsigned i = 0; i < 2; i++) {
        struct ate__object_facts f;
        struct ate_id id = id_of(first + i);
        CHECK(s, !facts->v->object(facts, &id, &f));
        draft_text(d, id, f.live ? &f.body : NULL, text);
    }
}

static int commit_pair(struct writer *w, uint64_t number, const char *text)
{
    struct shared *s = w->shared;
    struct ate__snapshot *snapshot;
    struct draft d;
    CHECK(s, !s->pipe->v->begin(s->pipe, &snapshot));
    draft_init(&d, &s->chain_id);
    memset(d.in.id.origin, (int)(1 + w->number), sizeof d.in.id.origin);
    d.in.id.number = number;
    s->pipe->v->head(snapshot, &d.in.base_size, &d.in.base_root);
    draft_pair(s, snapshot, &d, first_of(w->number), text);
    s->pipe->v->end(snapshot);
    struct ate__offer offer = {.encoded = draft_encode(&d), .waits = true, .timeout_ms = -1};
    s->pipe->v->wait(s->pipe, &offer);
    draft_deinit(&d);
    return offer.result;
}

static void *write_pairs(void *arg)
{
    struct writer *w = arg;
    struct shared *s = w->shared;
    uint64_t number = 0;
    for (unsigned done = 0; done < EACH && !atomic_load(&s->failed);) {
        char text[32];
        snprintf(text, sizeof text, "%u", w->number * 1000000 + done);
        int rc = commit_pair(w, ++number, text);
        CHECK(s, !rc || rc == ATE_CONFLICT);
        CHECK(s, !rc || w->number % 2); /* nobody else has its two */
        done += !rc;
        if (rc) /* what it lost against is not published yet */
            usleep(CONFLICT_US);
        atomic_fetch_add(rc ? &s->conflicts : &s->committed, 1);
    }
    return NULL;
}

/* ---- readers ---- */

static void *read_pairs(void *arg)
{
    struct reader *r = arg;
    struct shared *s = r->shared;
    struct ate__snapshot *snapshot;
    uint64_t size = 0, seen;
    struct ate_hash root;
    CHECK(s, !s->pipe->v->begin(s->pipe, &snapshot));
    while (!atomic_load(&s->end) && !atomic_load(&s->failed)) {
        unsigned first = first_of((unsigned)rnd_below(&r->r, WRITERS));
        long a = value_of(s, snapshot, first), b = value_of(s, snapshot, first + 1);
        CHECK(s, a == b);
        CHECK(s, value_of(s, snapshot, first) == a); /* the same answer twice */
        atomic_fetch_add(&s->reads, 1);
        if (rnd_below(&r->r, 8)) {
            CHECK(s, !s->pipe->v->refresh(snapshot));
        } else {
            s->pipe->v->end(snapshot);
            CHECK(s, !s->pipe->v->begin(s->pipe, &snapshot));
        }
        s->pipe->v->head(snapshot, &seen, &root);
        CHECK(s, seen >= size);
        size = seen;
    }
    s->pipe->v->end(snapshot);
    return NULL;
}

static void run_all(struct shared *s)
{
    struct writer writers[WRITERS];
    struct reader readers[READERS];
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.shared = s, .r = rnd_of(i)};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_pairs, &readers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.shared = s, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_pairs, &writers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    atomic_store(&s->end, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
}

static void two_objects_under_64_writers(void **state)
{
    (void)state;
    struct kit k; /* for its genesis */
    kit_init(&k, 90);
    struct shared s = {.chain_id = k.chain_id};
    struct ate__workers *workers;
    struct ate__dir *dir;
    kit_ok(ate__workers_new(2, &workers));
    struct ate__local_conf conf = {.chain.env = &ate__env_real, .chain.workers = workers};
    kit_ok(ate__vfs_posix.open_root(NULL, tmpdir_new(), &dir));
    kit_ok(ate__local_create(&conf, dir, ate__bytes(k.genesis, k.genesis_size), &s.pipe));
    run_all(&s);
    if (atomic_load(&s.failed))
        fail_msg("a check failed at line %u", atomic_load(&s.failed));
    assert_int_equal(atomic_load(&s.committed), WRITERS * EACH);
    s.pipe->v->unref(s.pipe);
    /* And so does who opens it anew. */
    struct ate__snapshot *snapshot;
    kit_ok(ate__local_open_dir(&conf, dir, 0, &s.pipe));
    kit_ok(s.pipe->v->begin(s.pipe, &snapshot));
    for (unsigned i = 0; i < WRITERS; i++)
        assert_true(value_of(&s, snapshot, first_of(i)) == value_of(&s, snapshot, first_of(i) + 1));
    s.pipe->v->end(snapshot);
    s.pipe->v->unref(s.pipe);
    print_message("%u commits, %u conflicts, %u reads of two objects\n", atomic_load(&s.committed),
                  atomic_load(&s.conflicts), atomic_load(&s.reads));
    assert_true(atomic_load(&s.reads) > 0);
    ate__vfs_posix.close_dir(dir);
    ate__workers_unref(workers);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_objects_under_64_writers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
