/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sqlite.c: SQLite with journal_mode=WAL and synchronous=FULL: each commit syncs the WAL. Each
 * thread has a connection and prepared statements of its own. One mutex of ours goes around a
 * transaction: SQLite has one writer at a time, and its busy handler, which sleeps, is slower.
 */
#include "others.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_BYTES = 1024 };
static const uint8_t value[VALUE_BYTES] = {1, 2, 3};

struct store {
    sqlite3 *db[OTHER_THREADS_MAX];
    sqlite3_stmt *begin[OTHER_THREADS_MAX], *insert[OTHER_THREADS_MAX], *end[OTHER_THREADS_MAX];
    pthread_mutex_t mutex;
};

static void fail(sqlite3 *db)
{
    bench_fail(db ? sqlite3_errmsg(db) : "sqlite");
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL))
        fail(db);
    return s;
}

static void *open_store(const char *folder)
{
    char path[300];
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        bench_fail("memory");
    pthread_mutex_init(&s->mutex, NULL);
    snprintf(path, sizeof path, "%s/sqlite.db", folder);
    for (int i = 0; i < OTHER_THREADS_MAX; i++) {
        if (sqlite3_open(path, &s->db[i]) ||
            sqlite3_exec(s->db[i],
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "CREATE TABLE IF NOT EXISTS o(id INTEGER PRIMARY KEY, value BLOB)",
                         NULL, NULL, NULL))
            fail(s->db[i]);
        s->begin[i] = prepare(s->db[i], "BEGIN IMMEDIATE");
        s->insert[i] = prepare(s->db[i], "INSERT INTO o(value) VALUES(?)");
        s->end[i] = prepare(s->db[i], "COMMIT");
    }
    return s;
}

static void close_store(void *store)
{
    struct store *s = store;
    for (int i = 0; i < OTHER_THREADS_MAX; i++) {
        sqlite3_finalize(s->begin[i]);
        sqlite3_finalize(s->insert[i]);
        sqlite3_finalize(s->end[i]);
        sqlite3_close(s->db[i]);
    }
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static void step(sqlite3 *db, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement))
        fail(db);
}

static void commit(void *store, size_t thread, uint64_t number)
{
    struct store *s = store;
    (void)number;
    pthread_mutex_lock(&s->mutex);
    step(s->db[thread], s->begin[thread]);
    if (sqlite3_bind_blob(s->insert[thread], 1, value, VALUE_BYTES, SQLITE_STATIC))
        fail(s->db[thread]);
    step(s->db[thread], s->insert[thread]);
    step(s->db[thread], s->end[thread]);
    pthread_mutex_unlock(&s->mutex);
}

const struct other other_sqlite = {"SQLite (WAL, synchronous=FULL)", NULL, open_store, close_store,
                                   commit};
