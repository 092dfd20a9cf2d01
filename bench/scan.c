/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * scan.c: all objects of a chain in their order, loaded and opened, none of them in the cache:
 * private ones of 1 KiB and of 64 KiB. The limit reads ciphertexts of that size from a
 * file, one behind the other, and hashes and opens each: what reading sealed records that are
 * checked takes.
 *
 * $ATE_BENCH_BYTES (268435456) are the bytes of the objects.
 */
#include "base/buf.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "pair.h"
#include "world.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOANS = 256, MIB = 1 << 20 };

struct scan {
    struct world w;
    size_t size, count; /* bytes of an object; objects */
    uint8_t *value;
    struct ate__aead *aead; /* of the limit's file, whose records are nonce and ciphertext */
    int fd;
};

static void fill(struct scan *s)
{
    struct ate_txn *txn;
    size_t each = s->size < MIB / 64 ? 64 : 4;
    if (ate__txn_begin(s->w.dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 1; i <= s->count; i++) {
        struct ate_id id;
        if (ate_store(txn, blob, &(struct blob){{s->value, s->size}}, &id) ||
            ((i % each == 0 || i == s->count) && ate_txn_commit(txn, NULL)))
            bench_fail("store");
    }
    ate_txn_end(txn);
}

static void fill_bare(struct scan *s)
{
    char path[300];
    struct ate__key32 key = {{7}};
    struct ate__buf record = ATE__BUF_NULL;
    uint8_t nonce[ATE__AEAD_NONCE];
    snprintf(path, sizeof path, "%s/bare", s->w.dir);
    s->fd = open(path, O_RDWR | O_CREAT, 0600);
    if (s->fd < 0 || ate__aead_new(&key, &s->aead))
        bench_fail("bare");
    for (size_t i = 0; i < s->count; i++) {
        ate__buf_clear(&record);
        if (ate__buf_append(&record, ate__bytes(nonce, sizeof nonce)) ||
            ate__aead_encrypt(s->aead, &ate__env_real, ate__bytes("", 0),
                              ate__bytes(s->value, s->size), nonce, &record))
            bench_fail("bare encrypt");
        memcpy(record.data, nonce, sizeof nonce);
        if (write(s->fd, record.data, record.size) != (ssize_t)record.size)
            bench_fail("bare write");
    }
    ate__buf_deinit(&record);
}

static void scan(void *arg, double seconds, struct slice *ret)
{
    const struct scan *s = arg;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    while (bench_now_ns() < end) {
        const struct blob *b;
        struct ate_cursor *cursor;
        struct ate_txn *txn;
        struct ate_id id;
        size_t n = 0;
        if (ate__txn_begin(s->w.dio, NULL, ATE_READ, &txn) || ate_children(txn, ate_top, &cursor))
            bench_fail("begin");
        while (!ate_next(cursor, blob, &id, &b)) {
            if (++n % LOANS == 0) {
                ate_txn_end_loans(txn);
                if (bench_now_ns() >= end)
                    break;
            }
        }
        if (!n)
            bench_fail("scan");
        ret->operations += n;
        ate_txn_end(txn);
    }
}

static void bare(void *arg, double seconds, struct slice *ret)
{
    const struct scan *s = arg;
    size_t size = ATE__AEAD_NONCE + s->size + ATE__AEAD_TAG;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    uint8_t *record = malloc(size), *plain = malloc(s->size);
    struct ate_hash hash;
    if (!record || !plain)
        bench_fail("memory");
    for (size_t i = 0; i % LOANS || bench_now_ns() < end; i++) {
        off_t at = (off_t)(i % s->count * size);
        if (pread(s->fd, record, size, at) != (ssize_t)size ||
            ate__sha256(ate__bytes(record, size), &hash) ||
            ate__aead_decrypt_to(s->aead, record, ate__bytes("", 0),
                                 ate__bytes(record + ATE__AEAD_NONCE, s->size + ATE__AEAD_TAG),
                                 plain, s->size))
            bench_fail("bare decrypt");
        ret->operations++;
    }
    free(record);
    free(plain);
}

static void row(size_t bytes, size_t size)
{
    struct scan s = {.size = size, .count = bytes / size, .value = calloc(1, size)};
    char name[100], figure[80];
    if (!s.value)
        bench_fail("memory");
    s.count = s.count ? s.count : 1;
    world_init(&s.w, "scan", ATE__SYNC_NEVER, true);
    fill(&s);
    fill_bare(&s);
    world_reopen(&s.w, ATE__SYNC_NEVER, 0);
    snprintf(name, sizeof name, "sequential scan, private, %zu x %zu KiB, not cached, 1 thread",
             s.count, size / 1024);
    double rate = pair_run(
        &(struct pair){name, "objects", "pread + SHA-256 + decrypt", 0, scan, bare, &s, &s});
    snprintf(figure, sizeof figure, "%9.0f MB/s", rate * (double)size / 1e6);
    bench_row("  the same in bytes of objects", figure, "pread + SHA-256 + decrypt", pair_ratio(),
              0);
    close(s.fd);
    ate__aead_free(s.aead);
    world_deinit(&s.w);
    free(s.value);
}

int main(void)
{
    size_t bytes = bench_setting("ATE_BENCH_BYTES", (size_t)256 * MIB);
    bench_header("bench/scan");
    row(bytes, 1024);
    row(bytes, 65536);
    return 0;
}
