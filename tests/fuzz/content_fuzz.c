/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * content_fuzz.c: content_read(), content_size(), describe_attributes(), ate_store_raw(): objects
 * of the types that put and import store, with payloads that only look like theirs.
 *
 * Input: objects: u8 type, u16 length, payload. The first is read, the others lie below it. The
 * payload "L" is replaced by that of a hard link to the first. A content that is read to its end
 * has the size that was told before.
 */
#include "base/assert.h"
#include "base/rd.h"
#include "bin/ate/content.h"
#include "bin/ate/describe.h"
#include "lib/tmpdir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OBJECTS = 32 };
static struct ate_chain *chain;
static const char *const types[] = {"file", "page",    "text",     "bytes",
                                    "dir",  "symlink", "hardlink", "other"};

/* Secrets, and what they point to, lie in memory that leak checkers do not look through. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void begin(void)
{
    static const struct ate_chain_conf conf = {.sync = ATE_SYNC_NEVER};
    const char *dir = tmpdir_new();
    struct ate_session *me;
    char path[4096];
    if (__lsan_disable)
        __lsan_disable();
    ate__assert(!setenv("XDG_STATE_HOME", dir, 1));
    snprintf(path, sizeof path, "%s/key", dir);
    ate__assert(!ate_session_open(path, ATE_CREATE, &me));
    snprintf(path, sizeof path, "%s/chain", dir);
    ate__assert(!ate_chain_open(path, me, ATE_CREATE, &conf, &chain));
    if (__lsan_enable)
        __lsan_enable();
}

/* A map of one field, "object": the id as 16 bytes. */
static struct ate_bytes link_to(const struct ate_id *id, uint8_t to[32])
{
    static const char head[] = "\x81\xa6object\xc4\x10";
    memcpy(to, head, sizeof head - 1);
    memcpy(to + sizeof head - 1, id, sizeof *id);
    return ate__bytes(to, sizeof head - 1 + sizeof *id);
}

static void store(struct ate_txn *txn, struct ate__rd *r, struct ate_id *first, bool *some)
{
    uint8_t link[32];
    struct ate_object o = {.type = types[ate__rd_u8(r) % ATE__COUNT_OF(types)]};
    uint16_t length = ate__rd_u16(r);
    struct ate_id id;
    o.payload = ate__rd_bytes(r, ate__min((size_t)length, ate__rd_left(r)));
    if (*some && o.payload.size == 1 && !memcmp(o.payload.data, "L", 1))
        o.payload = link_to(first, link);
    o.parent = *some ? *first : ate_top;
    if (!ate_store_raw(txn, &o, 0, &id) && !*some) {
        *first = id;
        *some = true;
    }
}

static int count(void *arg, struct ate_bytes piece)
{
    *(uint64_t *)arg += piece.size;
    return 0;
}

static void look(struct ate_txn *txn, struct ate_id id)
{
    struct ate_object o;
    uint64_t told = 0, read = 0;
    ate__assert(!ate_load_raw(txn, id, 0, &o));
    (void)content_kind_of(&o);
    int rc = content_size(txn, &o, &told);
    if (!content_read(txn, id, count, &read) && !rc)
        ate__assert(told == read);
    ate__assert(!ate_load_raw(txn, id, 0, &o));
    json_t *json = describe_object(&o, NULL);
    ate__assert(json);
    (void)!describe_attributes(txn, &o, json);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate_txn *txn;
    struct ate_id first;
    bool some = false;
    if (!chain)
        begin();
    ate__assert(!ate_txn_begin(chain, NULL, 0, &txn));
    for (unsigned i = 0; i < OBJECTS && ate__rd_left(&r); i++)
        store(txn, &r, &first, &some);
    if (some)
        look(txn, first);
    ate_txn_end(txn);
    return 0;
}
