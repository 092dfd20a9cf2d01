/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * size.c: the bytes that a chain takes on the disk for each object of 1 KiB, alone and in
 * transactions of 64: without signatures, where everyone may write, and what one signature a
 * transaction adds. Counted are the blocks of the files of the chain once it is closed, without
 * what an empty one takes, and without the reserve of at most 1 MiB, which is there once.
 * And what a chain that compresses stores of a record of JSON, and what that costs.
 *
 * $ATE_BENCH_OBJECTS (65,536) and, of those that are signed one by one, $ATE_BENCH_SIGNED (2,048).
 */
#include "dio/compress.h"
#include "pair.h"
#include "world.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct bytes {
    double log, tree; /* segments; all else that grows with the chain */
};

/* Of the files of the folder, which has no folders. */
static struct bytes folder_bytes(const struct world *w)
{
    char path[300], name[600];
    struct bytes bytes = {0, 0};
    struct stat st;
    snprintf(path, sizeof path, "%s/chain/,chain", w->dir);
    DIR *files = opendir(path);
    if (!files)
        bench_fail("opendir");
    for (struct dirent *e; (e = readdir(files));) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (stat(name, &st))
            bench_fail("stat");
        if (!S_ISREG(st.st_mode) || !strcmp(e->d_name, "reserve"))
            continue;
        *(strstr(e->d_name, ".seg") ? &bytes.log : &bytes.tree) += (double)st.st_blocks * 512;
    }
    closedir(files);
    return bytes;
}

static void fill(struct world *w, size_t objects, size_t each)
{
    struct ate_txn *txn;
    if (ate__txn_begin(w->dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 1; i <= objects; i++) {
        struct ate_id id;
        if (ate_store(txn, blob, &(struct blob){{bench_value, VALUE_SIZE}}, &id) ||
            ((i % each == 0 || i == objects) && ate_txn_commit(txn, NULL)))
            bench_fail("store");
    }
    ate_txn_end(txn);
}

static struct bytes bytes_each(size_t objects, size_t each, bool everyone_writes)
{
    struct world w;
    world_init(&w, "size", ATE__SYNC_NEVER, everyone_writes);
    w.no_view_image = true;
    world_reopen(&w, ATE__SYNC_NEVER, 0);
    world_close(&w);
    struct bytes before = folder_bytes(&w);
    world_open(&w, ATE__SYNC_NEVER, 0);
    fill(&w, objects, each);
    world_close(&w);
    struct bytes after = folder_bytes(&w);
    world_open(&w, ATE__SYNC_NEVER, 0);
    world_deinit(&w);
    return (struct bytes){(after.log - before.log) / (double)objects,
                          (after.tree - before.tree) / (double)objects};
}

static double row(size_t objects, size_t each, double most)
{
    char name[100], figure[120], limit[60];
    struct bytes bytes = bytes_each(objects, each, true);
    double all = bytes.log + bytes.tree;
    snprintf(name, sizeof name, "bytes on disk, distributed, unsigned, %zu x 1 KiB", each);
    snprintf(figure, sizeof figure, "%9.0f bytes an object (log %.0f, tree %.0f), %.3f times it",
             all, bytes.log, bytes.tree, all / (double)VALUE_SIZE);
    snprintf(limit, sizeof limit, "at most %.2f times its 1,024 bytes", most);
    bench_row(name, figure, limit, most * (double)VALUE_SIZE / all, 1);
    return all;
}

static void signed_row(size_t objects, size_t each, double unsigned_bytes)
{
    char name[100], figure[100];
    struct bytes bytes = bytes_each(objects, each, false);
    double all = bytes.log + bytes.tree;
    snprintf(name, sizeof name, "  with 1 composite signature, %zu x 1 KiB", each);
    snprintf(figure, sizeof figure, "%9.0f bytes an object, %.0f of them for the signature", all,
             all - unsigned_bytes);
    bench_row(name, figure, "unsigned", all / unsigned_bytes, 0);
}

/* Records as programs have them: the keys repeat, half of the values do not. */
static size_t json_of(size_t size, unsigned n, char *text)
{
    size_t at = 0;
    uint64_t r = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    while (at + 110 < size) {
        r = r * UINT64_C(6364136223846793005) + 1442695040888963407;
        at += (size_t)snprintf(text + at, size - at,
                               "%c{\"customer\":\"%08x\",\"item\":\"%s\",\"count\":%u,"
                               "\"price\":%u.%02u,\"paid\":%s}",
                               at ? ',' : '[', (unsigned)(r >> 32), r >> 20 & 1 ? "ink" : "paper",
                               (unsigned)(r >> 24) % 50, (unsigned)(r >> 30) % 900,
                               (unsigned)(r >> 40) % 100, r >> 50 & 1 ? "true" : "false");
    }
    return at;
}

static void compressed_row(size_t size)
{
    enum { RECORDS = 2000 };
    static char text[1 << 16];
    char name[100], figure[120];
    uint64_t plain = 0, stored = 0, store_ns = 0, read_ns = 0;
    for (unsigned n = 0; n < RECORDS; n++) {
        struct ate__buf packed = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
        struct ate_bytes record = {text, json_of(size, n, text)}, found;
        uint64_t start = bench_now_ns();
        if (ate__compress(record, &packed))
            bench_fail("compress");
        uint64_t middle = bench_now_ns();
        if (ate__decompress(ate__buf_bytes(&packed), &unpacked, &found) ||
            !ate__bytes_equal(found, record))
            bench_fail("decompress");
        read_ns += bench_now_ns() - middle;
        store_ns += middle - start;
        plain += record.size;
        stored += packed.size;
        ate__buf_deinit(&packed);
        ate__buf_deinit(&unpacked);
    }
    snprintf(name, sizeof name, "payload of a compressed chain, JSON of %zu KiB", size >> 10);
    snprintf(figure, sizeof figure, "%9.3f of its bytes, %.1f us to store, %.1f us to read",
             (double)stored / (double)plain, (double)store_ns / RECORDS / 1000,
             (double)read_ns / RECORDS / 1000);
    bench_row(name, figure, "as it is", (double)plain / (double)stored, 1);
}

int main(void)
{
    size_t objects = bench_setting("ATE_BENCH_OBJECTS", 65536);
    size_t one_by_one = bench_setting("ATE_BENCH_SIGNED", 2048);
    bench_header("bench/size");
    double alone = row(objects, 1, 1.35), together = row(objects, 64, 1.22);
    signed_row(one_by_one, 1, alone);
    signed_row(objects, 64, together);
    compressed_row(1 << 10);
    compressed_row(4 << 10);
    compressed_row(32 << 10);
    return 0;
}
