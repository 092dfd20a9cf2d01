/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * append.c: encrypted appends of 1 KiB objects without sync, 1 thread, in transactions of 64 and
 * of 1; unsigned, and each with one signature a transaction.
 */
#include "base/buf.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "pair.h"
#include "world.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct append {
    struct world *w;
    int per_transaction;
};

static void append(void *arg, double seconds, struct slice *ret)
{
    const struct append *a = arg;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    struct ate_txn *txn;
    if (ate__txn_begin(a->w->dio, NULL, 0, &txn))
        bench_fail("begin");
    while (bench_now_ns() < end) {
        struct ate_id id;
        for (int i = 0; i < a->per_transaction; i++)
            if (ate_store(txn, blob, &(struct blob){{bench_value, VALUE_SIZE}}, &id))
                bench_fail("store");
        if (ate_txn_commit(txn, NULL))
            bench_fail("commit");
        ret->operations += (uint64_t)a->per_transaction;
    }
    ate_txn_end(txn);
}

struct bare_append {
    struct ate__aead *aead;
    int fd;
};

/* What no store of sealed, hashed records can do without: one encryption, one hash of the
 * ciphertext, its bytes into the page cache. */
static void bare(void *arg, double seconds, struct slice *ret)
{
    const struct bare_append *b = arg;
    struct ate__buf cipher = ATE__BUF_NULL;
    uint8_t nonce[ATE__AEAD_NONCE];
    struct ate_hash hash;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    for (off_t at = 0; bench_now_ns() < end; at = (at + VALUE_SIZE) % (64 << 20)) {
        ate__buf_clear(&cipher);
        if (ate__aead_encrypt(b->aead, &ate__env_real, ate__bytes(&hash, sizeof hash),
                              ate__bytes(bench_value, VALUE_SIZE), nonce, &cipher) ||
            ate__sha256(ate__buf_bytes(&cipher), &hash) ||
            pwrite(b->fd, cipher.data, cipher.size, at) < 0)
            bench_fail("bare append");
        ret->operations++;
    }
    ate__buf_deinit(&cipher);
}

static double row(struct world *w, struct bare_append *b, const char *authority,
                  int per_transaction)
{
    struct append a = {w, per_transaction};
    char name[120];
    snprintf(name, sizeof name, "encrypted append, %s, sync never, %d x 1 KiB, 1 thread", authority,
             per_transaction);
    return pair_run(
        &(struct pair){name, "objects", "encrypt + SHA-256 + pwrite", 0, append, bare, &a, b});
}

static void rows(struct world *everyone, struct world *mine, struct bare_append *b,
                 int per_transaction, double target)
{
    char figure[80];
    double rate = row(everyone, b, "unsigned", per_transaction);
    snprintf(figure, sizeof figure, "%9.0f objects/s", rate);
    bench_row("  the same against the target", figure, "target", rate / target, 1);
    row(mine, b, "1 composite signature", per_transaction);
}

int main(void)
{
    struct world everyone, mine;
    struct ate__key32 key = {{7}};
    struct bare_append b;
    bench_header("bench/append");
    if (ate__aead_new(&key, &b.aead))
        bench_fail("key");
    world_init(&everyone, "append", ATE__SYNC_NEVER, true);
    world_init(&mine, "append-signed", ATE__SYNC_NEVER, false);
    char path[300];
    snprintf(path, sizeof path, "%s/bare", everyone.dir);
    b.fd = open(path, O_RDWR | O_CREAT, 0600);
    rows(&everyone, &mine, &b, 64, 300000);
    rows(&everyone, &mine, &b, 1, 180000);
    close(b.fd);
    ate__aead_free(b.aead);
    world_deinit(&mine);
    world_deinit(&everyone);
    return 0;
}
