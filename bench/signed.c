/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * signed.c: durable commits of one 1 KiB object with a composite signature: one writer; 64 blocking
 * writers with one key, whose transactions are signed together as they come; the same with a key
 * each, where there is nothing to sign together.
 */
#include "bare.h"
#include "crypto/keyfile.h"
#include "pair.h"
#include "writers.h"
#include <stdio.h>

enum { WRITERS = 64, ONE_KEY_TARGET = 12000 /* commits/s */ };

static void one_writer(void *arg, double seconds, struct slice *ret)
{
    writers_run(&(struct writers){.w = arg, .count = 1}, seconds, ret);
}

static void one_key(void *arg, double seconds, struct slice *ret)
{
    writers_run(&(struct writers){.w = arg, .count = WRITERS}, seconds, ret);
}

static void one_key_rows(struct bare *bare)
{
    struct world w;
    char figure[80];
    world_init(&w, "signed", ATE__SYNC_ALWAYS, false);
    pair_run(&(struct pair){
        "durable commit, distributed, 1 composite signature, 1 x 1 KiB, 1 writer", "commits",
        "sign + pwrite + fdatasync", .85, one_writer, bare_signed, &w, bare});
    double rate = pair_run(&(struct pair){
        "durable commit, distributed, composite-signed, 1 x 1 KiB, 64 writers, 1 key", "commits",
        "64-thread group commit, unsigned", 0, one_key, bare_group, &w, bare});
    snprintf(figure, sizeof figure, "%9.0f commits/s", rate);
    bench_row("  the same against the target", figure, "12,000 commits/s", rate / ONE_KEY_TARGET,
              1);
    world_deinit(&w);
}

/* ---- a key each ---- */

struct crowd {
    struct world w;
    struct ate_session *session[WRITERS];
    struct ate_hash key[WRITERS + 1]; /* and the owner's */
};

static void crowd_init(struct crowd *c)
{
    struct ate_txn *txn;
    world_init(&c->w, "signed", ATE__SYNC_ALWAYS, false);
    c->key[WRITERS] = ate__session_key(c->w.session, 0)->fingerprint;
    for (size_t i = 0; i < WRITERS; i++) {
        struct ate__key *key;
        if (ate__key_generate(&ate__env_real, "bench", &key))
            bench_fail("key");
        c->key[i] = key->fingerprint;
        if (ate__session_add_public(c->w.session, ate__buf_bytes(&key->public_key)) ||
            ate__session_new(&c->session[i]) || ate__session_add(c->session[i], key))
            bench_fail("session");
    }
    struct ate_rule all = {ATE_KEYS, c->key, WRITERS + 1};
    struct ate_rules rules = {.read = all, .write = all};
    if (ate__txn_begin(c->w.dio, NULL, 0, &txn) || ate_protect(txn, ate_top, &rules) ||
        ate_txn_commit(txn, NULL))
        bench_fail("protect");
    ate_txn_end(txn);
}

static void crowd_deinit(struct crowd *c)
{
    for (size_t i = 0; i < WRITERS; i++)
        ate__session_unref(c->session[i]);
    world_deinit(&c->w);
}

static void a_key_each(void *arg, double seconds, struct slice *ret)
{
    struct crowd *c = arg;
    writers_run(&(struct writers){.w = &c->w, .count = WRITERS, .sessions = c->session}, seconds,
                ret);
}

int main(void)
{
    struct crowd crowd;
    struct bare *bare = bare_new();
    bench_header("bench/signed");
    one_key_rows(bare);
    crowd_init(&crowd);
    pair_run(&(struct pair){
        "durable commit, distributed, composite-signed, 1 x 1 KiB, 64 writers, 64 keys", "commits",
        "bare sign + verify, 2 cores", .70, a_key_each, bare_sign_verify, &crowd, bare});
    crowd_deinit(&crowd);
    bare_free(bare);
    return 0;
}
