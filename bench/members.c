/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * members.c: members of a field: pushing to a list of many against pushing to one that is empty,
 * and a page of its newest against a page of all that a short one has.
 *
 * $ATE_BENCH_OBJECTS (1,000,000) sets how many the long one has.
 */
#include "ate/relation.h"
#include "pair.h"
#include "world.h"
#include <stdio.h>

enum { AT_ONCE = 64, PAGE = 100 };

struct shelf {
    struct ate_vec books;
};
ATE_TYPE(shelf, ATE_FIELD(books));
struct book {
    uint64_t n;
};
ATE_TYPE(book, ATE_FIELD(n));

struct target {
    struct world *w;
    struct ate_id shelf;
    uint64_t count; /* members by now */
    uint64_t short_of; /* of a list that stays short: a new one is taken beyond */
};

static void new_shelf(struct ate_txn *txn, struct target *t)
{
    t->count = 0;
    if (ate_store(txn, shelf, &(struct shelf){.books = {{{{0}}, 0}}}, &t->shelf) ||
        ate_txn_commit(txn, NULL))
        bench_fail("shelf");
}

static void push(struct ate_txn *txn, struct target *t)
{
    const struct ate_vec books = ate_vec_of(t->shelf, "books");
    for (int i = 0; i < AT_ONCE; i++)
        if (ate_vec_push(txn, book, books, &(struct book){t->count++}, NULL))
            bench_fail("push");
    if (ate_txn_commit(txn, NULL))
        bench_fail("commit");
    if (t->short_of && t->count >= t->short_of)
        new_shelf(txn, t);
}

static void push_for(void *arg, double seconds, struct slice *ret)
{
    struct target *t = arg;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    struct ate_txn *txn;
    if (ate__txn_begin(t->w->dio, NULL, 0, &txn))
        bench_fail("begin");
    for (; bench_now_ns() < end; ret->operations += AT_ONCE)
        push(txn, t);
    ate_txn_end(txn);
}

static void list_for(void *arg, double seconds, struct slice *ret)
{
    struct target *t = arg;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    struct ate_txn *txn;
    if (ate__txn_begin(t->w->dio, NULL, ATE_READ, &txn))
        bench_fail("begin");
    while (bench_now_ns() < end) {
        const struct ate_list_conf newest = {.reverse = true};
        const struct book *b;
        struct ate_cursor *cursor;
        if (ate_list(txn, ate_vec_of(t->shelf, "books").at, &newest, &cursor))
            bench_fail("list");
        for (int i = 0; i < PAGE; i++)
            if (ate_next(cursor, book, NULL, &b) || b->n != t->count - 1 - (uint64_t)i)
                bench_fail("a page of the newest");
        ate_cursor_end(cursor);
        ret->operations++;
    }
    ate_txn_end(txn);
}

static void begin(struct world *w, struct target *t, uint64_t count, uint64_t short_of)
{
    struct ate_txn *txn;
    *t = (struct target){.w = w, .short_of = short_of};
    if (ate__txn_begin(w->dio, NULL, 0, &txn))
        bench_fail("begin");
    new_shelf(txn, t);
    while (t->count < count)
        push(txn, t);
    ate_txn_end(txn);
}

int main(void)
{
    struct world w;
    struct target many, few;
    char name[120];
    size_t count = bench_setting("ATE_BENCH_OBJECTS", 1000000);
    bench_header("bench/members");
    world_init(&w, "members", ATE__SYNC_NEVER, true);
    begin(&w, &many, count, 0);
    begin(&w, &few, 0, 1024);
    snprintf(name, sizeof name, "push to a list of %zu, unsigned, sync never, %d x 8 B, 1 thread",
             count, AT_ONCE);
    pair_run(&(struct pair){name, "members", "push to an empty list", 0.9, push_for, push_for,
                            &many, &few});
    begin(&w, &few, PAGE, 0);
    snprintf(name, sizeof name, "the newest %d of a list of %llu, decoded, 1 thread", PAGE,
             (unsigned long long)many.count);
    pair_run(&(struct pair){name, "pages", "the newest of a list of 128", 0.75, list_for, list_for,
                            &many, &few});
    world_deinit(&w);
    return 0;
}
