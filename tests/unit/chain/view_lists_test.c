/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Children by collection: what a list of one costs beside many others, and what memory that fails
 * leaves behind. That each list is what it should be: view_test.
 */
#include "lib/heap.h"
#include "view_model.h"

static const struct ate_hash chain_id = {{1, 2, 3}};

struct world {
    struct simenv sim;
    struct ate__view *view;
    uint64_t next;
};

static void world_init(struct world *w)
{
    *w = (struct world){.next = 0};
    simenv_init(&w->sim, 3, NULL);
    assert_int_equal(ate__view_new(&w->sim.env, &w->view), 0);
}

static void world_deinit(struct world *w)
{
    ate__view_free(w->view);
    simenv_deinit(&w->sim);
}

/* A transaction of one object more, below object 0. */
static int put(struct world *w, unsigned object, uint32_t collection)
{
    struct draft d;
    draft_init(&d, &chain_id);
    draft_body(&d, &(struct draft_body){
                       .id = id_of(object), .parent = id_of(0), .collection = collection});
    struct ate__tx tx = draft_tx(&d);
    int rc = ate__view_install(w->view, &tx, w->next);
    w->next += rc == 0;
    ate__tx_deinit(&tx);
    draft_deinit(&d);
    return rc;
}

/* How many entries a reader of a collection has to look at; UINT32_MAX: there is no list. */
static uint32_t looks(struct world *w, uint32_t collection, bool *ret_sift)
{
    const struct ate__listing l = {.one = true, .collection = collection};
    const struct ate__extra *extra = ate__slot_extra(w->view, ate__slot_at(w->view, 0));
    const struct ate__view_members *m = ate__view_members_of(extra, &l, ret_sift);
    return m ? atomic_load(&m->count) : UINT32_MAX;
}

static void each_collection_is_listed_by_itself(void **state)
{
    (void)state;
    struct world w;
    unsigned object = 1;
    bool sift;
    world_init(&w);
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(put(&w, object++, 7), 0);
    assert_int_equal(looks(&w, 7, &sift), 3000);
    assert_int_equal(looks(&w, 0, &sift), UINT32_MAX);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(put(&w, object++, 0), 0);
    assert_int_equal(looks(&w, 7, &sift), 3000);
    assert_int_equal(looks(&w, 0, &sift), 3);
    assert_false(sift);
    for (unsigned i = 0; i < 2 * ATE__VIEW_LISTS_MAX; i++)
        assert_int_equal(put(&w, object++, 100 + i), 0);
    assert_int_equal(looks(&w, 0, &sift), 3);
    assert_int_equal(looks(&w, 100, &sift), 1);
    assert_false(sift);
    assert_int_equal(looks(&w, 100 + 2 * ATE__VIEW_LISTS_MAX - 1, &sift),
                     3003 + 2 * ATE__VIEW_LISTS_MAX);
    assert_true(sift);
    world_deinit(&w);
}

/* What is deleted leaves both of its lists. */
static void lists_shrink(void **state)
{
    (void)state;
    struct world w;
    bool sift;
    world_init(&w);
    assert_int_equal(put(&w, 1, 3), 0);
    for (unsigned i = 0; i < 4000; i++) {
        struct draft d;
        assert_int_equal(put(&w, 2 + i, 5), 0);
        if (i < 100)
            continue;
        draft_init(&d, &chain_id);
        draft_tombstone(&d, id_of(2 + i - 100), (struct ate_hash){{9}}, false);
        struct ate__tx tx = draft_tx(&d);
        assert_int_equal(ate__view_install(w.view, &tx, w.next++), 0);
        ate__tx_deinit(&tx);
        draft_deinit(&d);
        for (uint64_t s = ate__view_published(w.view); s < w.next; s++)
            ate__view_place(w.view, s, &(struct ate__position){1, 2}, s);
        ate__view_publish(w.view, w.next);
        ate__view_reclaim(w.view, ate__monotonic_ms(&w.sim.env));
    }
    assert_true(looks(&w, 5, &sift) < 500);
    const struct ate__extra *extra = ate__slot_extra(w.view, ate__slot_at(w.view, 0));
    const struct ate__view_members *all = atomic_load(&extra->all.members);
    assert_true(atomic_load(&all->count) < 500);
    assert_int_equal(looks(&w, 3, &sift), 1);
    world_deinit(&w);
}

enum { FILLED = 40 };

static int fill(void *arg)
{
    const struct ate__tx *tx = arg;
    struct simenv sim;
    struct ate__view *view = NULL;
    simenv_init(&sim, 3, NULL);
    int rc = ate__view_new(&sim.env, &view);
    for (unsigned i = 0; !rc && i < FILLED; i++)
        rc = ate__view_install(view, &tx[i], i);
    ate__view_free(view);
    simenv_deinit(&sim);
    return rc;
}

static void no_memory(void **state)
{
    (void)state;
    struct draft d[FILLED];
    struct ate__tx tx[FILLED];
    for (unsigned i = 0; i < FILLED; i++) {
        draft_init(&d[i], &chain_id);
        draft_body(&d[i], &(struct draft_body){
                              .id = id_of(1 + i), .parent = id_of(0), .collection = i % 3});
        tx[i] = draft_tx(&d[i]);
    }
    print_message("%llu allocations\n", (unsigned long long)heap_sweep(fill, tx, false));
    for (unsigned i = 0; i < FILLED; i++) {
        ate__tx_deinit(&tx[i]);
        draft_deinit(&d[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_collection_is_listed_by_itself),
        cmocka_unit_test(lists_shrink),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
