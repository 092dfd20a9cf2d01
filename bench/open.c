/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * open.c: opening a chain, which verifies all of it: a million objects at 1,000 a signature, then
 * one signature each, then transactions in batches of 64; and with a view image, which the close
 * before wrote.
 *
 * $ATE_BENCH_OBJECTS (1,000,000), $ATE_BENCH_SIGNED (4,000) and $ATE_BENCH_BATCHED (256,000) set
 * the sizes.
 */
#include "bare.h"
#include "pair.h"
#include "dio/txn.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>

static void fill(struct world *w, size_t objects, size_t per_transaction)
{
    struct ate_txn *txn;
    if (ate__txn_begin(w->dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 0; i < objects; i++) {
        struct ate_id id;
        if (ate_store(txn, blob, &(struct blob){{bench_value, 64}}, &id))
            bench_fail("store");
        if ((i + 1) % per_transaction == 0 && ate_txn_commit(txn, NULL))
            bench_fail("commit");
    }
    ate_txn_end(txn);
}

enum { BATCH = 64 };

/* One of a batch: what a transaction that needs no signature is made of, still without one. */
struct member {
    struct ate_txn *txn;
    size_t unsigned_size;
    struct ate__buf signature;
    struct ate__to_sign to_sign;
};

static void make_member(struct world *w, struct member *m, struct member *next)
{
    struct ate_id id;
    struct ate__tx tx;
    if (ate__txn_begin(w->dio, NULL, 0, &m->txn) ||
        ate_store(m->txn, blob, &(struct blob){{bench_value, 64}}, &id) || ate__txn_build(m->txn) ||
        ate__tx_decode(ate__buf_bytes(&m->txn->encoded), ATE__SHA256, &tx))
        bench_fail("transaction");
    m->unsigned_size = tx.encoded.size - tx.signature_section.size;
    ate__tx_deinit(&tx);
    ate__buf_clear(&m->signature);
    m->to_sign = (struct ate__to_sign){.tx_hash = m->txn->own.hash,
                                       .ret_bytes = &m->signature,
                                       .next = next ? &next->to_sign : NULL};
}

static void commit_member(struct world *w, struct member *m)
{
    struct ate__pipe *pipe = w->dio->pipe;
    struct ate__buf *encoded = &m->txn->encoded;
    encoded->size = m->unsigned_size;
    if (ate__tx_encode_signatures(&m->to_sign.signature, 1, encoded))
        bench_fail("signature");
    struct ate__offer offer = {
        .encoded = ate__buf_bytes(encoded), .own = &m->txn->own, .waits = true, .timeout_ms = -1};
    pipe->v->offer(pipe, &offer);
    pipe->v->wait(pipe, &offer);
    if (offer.result)
        bench_fail(offer.text);
    ate_txn_end(m->txn);
}

/* Everyone may write, so that each transaction comes without a signature; the owner's key, which
 * the chain holds, then signs 64 at a time. */
static void fill_batches(struct world *w, size_t transactions)
{
    static struct member members[BATCH];
    for (size_t done = 0; done < transactions; done += BATCH) {
        for (size_t i = BATCH; i-- > 0;)
            make_member(w, &members[i], i + 1 < BATCH ? &members[i + 1] : NULL);
        if (ate__trust_sign_batch(NULL, ate__session_key(w->session, 0), ATE__SHA256,
                                  &members[0].to_sign))
            bench_fail("sign");
        for (size_t i = 0; i < BATCH; i++)
            commit_member(w, &members[i]);
    }
    for (size_t i = 0; i < BATCH; i++)
        ate__buf_deinit(&members[i].signature);
}

static double open_once(struct world *w, size_t objects)
{
    world_close(w);
    uint64_t start = bench_now_ns();
    world_open(w, ATE__SYNC_NEVER, 1 << 20);
    return (double)objects / ((double)(bench_now_ns() - start) / 1e9);
}

/* Opening is long: a few turns, each beside a slice of bare verification. */
static void replay_row(struct world *w, const char *name, size_t objects, double target_rate,
                       double target_ratio)
{
    struct bare *bare = bare_new();
    double best = 0, ratio = 0;
    char figure[80], limit[80];
    w->no_view_image = true;
    for (int turn = 0; turn < 3; turn++) {
        struct slice s = {0};
        uint64_t start = bench_now_ns();
        bare_verify(bare, 0.5, &s);
        double verified = (double)s.operations / ((double)(bench_now_ns() - start) / 1e9),
               rate = open_once(w, objects);
        free(s.latency_ns);
        if (rate > best) {
            best = rate;
            ratio = rate / verified;
            snprintf(limit, sizeof limit, "bare verify, all cores, %.0f/s", verified);
        }
    }
    snprintf(figure, sizeof figure, "%9.0f objects/s", best);
    if (target_rate > 0)
        bench_row(name, figure, "target", best / target_rate, 1);
    else
        bench_row(name, figure, limit, ratio, target_ratio);
    bare_free(bare);
}

/* With what the close before wrote. */
static void image_row(struct world *w, const char *name, size_t objects, double target_rate)
{
    double best = 0;
    char figure[80];
    w->no_view_image = false;
    (void)open_once(w, objects); /* its close writes one, if there is none */
    for (int turn = 0; turn < 3; turn++) {
        double rate = open_once(w, objects);
        best = rate > best ? rate : best;
    }
    snprintf(figure, sizeof figure, "%9.0f objects/s, %.2f s", best, (double)objects / best);
    bench_row(name, figure, "10 million in 4 s", best / target_rate, 1);
}

int main(void)
{
    size_t objects = bench_setting("ATE_BENCH_OBJECTS", 1000000);
    size_t transactions = bench_setting("ATE_BENCH_SIGNED", 4000);
    size_t batched = bench_setting("ATE_BENCH_BATCHED", 256000);
    struct world w;
    bench_header("bench/open");
    world_init(&w, "open", ATE__SYNC_NEVER, false);
    fill(&w, objects, 1000);
    replay_row(&w, "open and verify, distributed, 1,000 x 64 B a signature", objects, 300000, 0);
    image_row(&w, "open with a view image, 1,000 x 64 B a signature", objects, 2500000);
    world_deinit(&w);
    world_init(&w, "open", ATE__SYNC_NEVER, false);
    fill(&w, transactions, 1);
    replay_row(&w, "open and verify, distributed, 1 x 64 B a signature", transactions, 0, .85);
    image_row(&w, "open with a view image, 1 x 64 B a signature", transactions, 100000);
    world_deinit(&w);
    world_init(&w, "open", ATE__SYNC_NEVER, true);
    fill_batches(&w, batched);
    replay_row(&w, "open and verify, distributed, 1 x 64 B, 64 a signature", batched, 60000, 0);
    world_deinit(&w);
    return 0;
}
