/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "world.h"
#include "crypto/keyfile.h"
#include "lib/shell.h"
#include "pair.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t bench_value[VALUE_SIZE] = {1, 2, 3};

static void open_chain(struct world *w, enum ate__sync sync, unsigned flags, uint64_t cache_bytes)
{
    char path[300];
    struct ate__pipe *pipe;
    struct ate__local_conf conf = {
        .chain = {.env = &ate__env_real, .workers = w->workers, .sync = sync},
        .no_view_image = w->no_view_image,
    };
    snprintf(path, sizeof path, "%s/chain", w->dir);
    if (ate__local_open(&conf, path, w->session, flags, &pipe) ||
        ate__dio_new(pipe, w->session, -1, cache_bytes, &w->dio))
        bench_fail("open");
}

static void let_everyone_write(struct world *w)
{
    struct ate_hash key = ate__session_key(w->session, 0)->fingerprint;
    struct ate_rule mine = {ATE_KEYS, &key, 1};
    struct ate_rules rules = {.read = mine, .write = {.who = ATE_EVERYONE}, .admin = mine};
    struct ate_txn *txn;
    if (ate__txn_begin(w->dio, NULL, 0, &txn) || ate_protect(txn, ate_top, &rules) ||
        ate_txn_commit(txn, NULL))
        bench_fail("protect");
    ate_txn_end(txn);
}

void world_init(struct world *w, const char *name, enum ate__sync sync, bool everyone_writes)
{
    const char *base = getenv("ATE_BENCH_DIR");
    struct ate__key *key;
    snprintf(w->dir, sizeof w->dir, "%s/ate-bench-%s-XXXXXX", base ? base : ".", name);
    if (!mkdtemp(w->dir))
        bench_fail("mkdtemp");
    if (ate__workers_new(0, &w->workers) || ate__session_new(&w->session) ||
        ate__key_generate(&ate__env_real, "bench", &key) || ate__session_add(w->session, key))
        bench_fail("session");
    open_chain(w, sync, ATE__STORAGE_CREATE, 64 << 20);
    if (everyone_writes)
        let_everyone_write(w);
}

void world_close(struct world *w)
{
    ate__dio_unref(w->dio);
    w->dio = NULL;
}

void world_open(struct world *w, enum ate__sync sync, uint64_t cache_bytes)
{
    open_chain(w, sync, 0, cache_bytes);
}

void world_reopen(struct world *w, enum ate__sync sync, uint64_t cache_bytes)
{
    world_close(w);
    world_open(w, sync, cache_bytes);
}

void world_deinit(struct world *w)
{
    char command[400];
    world_close(w);
    ate__workers_unref(w->workers);
    ate__session_unref(w->session);
    snprintf(command, sizeof command, "rm -r '%s'", w->dir);
    if (shell(command))
        fprintf(stderr, "bench: %s is left behind\n", w->dir);
}
