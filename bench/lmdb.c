/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lmdb.c: LMDB as it is unless told otherwise: each commit syncs the data, then the meta page. It
 * lets one writer in at a time by a mutex of its own.
 */
#include "others.h"
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { VALUE_BYTES = 1024, MAP_GIB = 16 /* of address space: what it may grow to */ };
static const uint8_t value[VALUE_BYTES] = {1, 2, 3};

struct store {
    MDB_env *env;
    MDB_dbi objects;
};

static void check(int rc)
{
    if (rc)
        bench_fail(mdb_strerror(rc));
}

static void *open_store(const char *folder)
{
    char path[300];
    MDB_txn *txn;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        bench_fail("memory");
    snprintf(path, sizeof path, "%s/lmdb", folder);
    if (mkdir(path, 0700))
        bench_fail("mkdir");
    check(mdb_env_create(&s->env));
    check(mdb_env_set_mapsize(s->env, (size_t)MAP_GIB << 30));
    check(mdb_env_open(s->env, path, 0, 0600));
    check(mdb_txn_begin(s->env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY | MDB_CREATE, &s->objects));
    check(mdb_txn_commit(txn));
    return s;
}

static void close_store(void *store)
{
    struct store *s = store;
    mdb_env_close(s->env);
    free(s);
}

static void commit(void *store, size_t thread, uint64_t number)
{
    struct store *s = store;
    MDB_txn *txn;
    MDB_val key = {sizeof number, &number}, data = {VALUE_BYTES, (void *)(uintptr_t)value};
    (void)thread;
    check(mdb_txn_begin(s->env, NULL, 0, &txn));
    check(mdb_put(txn, s->objects, &key, &data, 0));
    check(mdb_txn_commit(txn));
}

const struct other other_lmdb = {"LMDB", NULL, open_store, close_store, commit};
