/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rate.c: a plug-in for a server: so many transactions a second from each author, and no more.
 *
 *     atedb --plugin ./rate.so=50
 *     atedb --plugin ./rate.so=50,1000        up to 1,000 at once
 *
 * Every author has a bucket of tokens, which fills at that rate. What nobody signed counts as one
 * author. The table is of a fixed size: where two authors share a place the
 * later one takes it over with the tokens that are there, so that nobody gains by making up keys.
 */
#include <ate/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PLACES = 4096 };

struct bucket {
    double tokens;
    int64_t filled_ns; /* 0: nobody was here yet */
};
struct rate {
    double limit, burst; /* tokens a second, and at most */
    struct bucket buckets[PLACES];
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int start(const char *options, void **ret_state, char *text)
{
    char *end;
    double limit = strtod(options, &end), burst = limit;
    if (*end == ',')
        burst = strtod(end + 1, &end);
    if (!*options || *end || !(limit > 0 && limit <= 1e9 && burst >= 0 && burst <= 1e9)) {
        snprintf(text, ATE_PLUGIN_TEXT, "the option is RATE or RATE,BURST: transactions a second");
        return ATE_MISUSE;
    }
    struct rate *r = calloc(1, sizeof *r);
    if (!r)
        return ATE_E_MEMORY;
    r->limit = limit;
    r->burst = burst > 1 ? burst : 1;
    *ret_state = r;
    return 0;
}

static void stop(void *state)
{
    free(state);
}

static int take(struct rate *r, struct bucket *b)
{
    int64_t now = now_ns();
    b->tokens = b->filled_ns ? b->tokens + (double)(now - b->filled_ns) / 1e9 * r->limit : r->burst;
    if (b->tokens > r->burst)
        b->tokens = r->burst;
    b->filled_ns = now;
    if (b->tokens < 1)
        return 0;
    b->tokens--;
    return 1;
}

static int validate(void *state, const struct ate_plugin_txn *txn, char *text)
{
    struct rate *r = state;
    struct ate_hash author = {{0}};
    uint64_t place;
    if (!txn->offered)
        return 0; /* what is in the chain is no load any more */
    if (txn->author_count)
        author = txn->authors[0];
    memcpy(&place, author.b, sizeof place);
    if (take(r, &r->buckets[place % PLACES]))
        return 0;
    snprintf(text, ATE_PLUGIN_TEXT, "more than %g transactions a second from one author", r->limit);
    return ATE_BUSY;
}

ATE_PLUGIN = {
    .abi = ATE_PLUGIN_ABI,
    .name = "rate",
    .start = start,
    .stop = stop,
    .validate = validate,
};
