/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * size.c: the bytes that a chain takes on the disk for each object of 1 KiB, alone and in
 * transactions of 64: without signatures, where everyone may write, and what one signature a
 * transaction adds. Counted are the blocks of the files of the chain once it is closed, without
 * what an empty one takes, and without the reserve of at most 1 MiB, which is there once.
 *
 * $ATE_BENCH_OBJECTS (65,536) and, of those that are signed one by one, $ATE_BENCH_SIGNED (2,048).
 */
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

int main(void)
{
    size_t objects = bench_setting("ATE_BENCH_OBJECTS", 65536);
    size_t one_by_one = bench_setting("ATE_BENCH_SIGNED", 2048);
    bench_header("bench/size");
    double alone = row(objects, 1, 1.35), together = row(objects, 64, 1.22);
    signed_row(one_by_one, 1, alone);
    signed_row(objects, 64, together);
    return 0;
}
