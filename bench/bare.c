/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bare.h"
#include "base/env.h"
#include "crypto/sign.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 16 << 20, WRITE_BYTES = 1024, GROUP = 64, GROUP_MAX = 256, CORES_MAX = 64 };

struct bare {
    char path[256];
    int fd;
    uint64_t at;
    struct ate__sign_key *key;
    struct ate__verify_key *verify;
    uint8_t signature[ATE__SIG_SIZE];
    size_t group;
};
static const uint8_t message[32], chunk[GROUP_MAX * WRITE_BYTES];

struct bare *bare_new(void)
{
    struct bare *b = calloc(1, sizeof *b);
    const char *base = getenv("ATE_BENCH_DIR");
    struct ate__sign_seeds seeds;
    if (!b)
        bench_fail("memory");
    b->group = GROUP;
    snprintf(b->path, sizeof b->path, "%s/ate-bench-bare-XXXXXX", base ? base : ".");
    b->fd = mkstemp(b->path);
    if (b->fd < 0)
        bench_fail("mkstemp");
    for (size_t at = 0; at < FILE_BYTES; at += sizeof chunk)
        if (pwrite(b->fd, chunk, sizeof chunk, (off_t)at) != (ssize_t)sizeof chunk)
            bench_fail("prewrite");
    fsync(b->fd);
    ate__random(&ate__env_real, &seeds, sizeof seeds);
    if (ate__sign_key_new(ATE__SIG_MLDSA65_ED25519, &seeds, &b->key) ||
        ate__verify_key_new(ATE__SIG_MLDSA65_ED25519, ate__sign_key_public(b->key), &b->verify) ||
        ate__sign(b->key, ate__text_bytes("ate/tx/1"), ate__bytes(message, 32), b->signature))
        bench_fail("key");
    return b;
}

void bare_free(struct bare *b)
{
    ate__sign_key_free(b->key);
    ate__verify_key_free(b->verify);
    close(b->fd);
    unlink(b->path);
    free(b);
}

static void write_and_sync(struct bare *b, size_t bytes)
{
    if (b->at + bytes > FILE_BYTES)
        b->at = 0;
    if (pwrite(b->fd, chunk, bytes, (off_t)b->at) != (ssize_t)bytes || fdatasync(b->fd))
        bench_fail("bare write");
    b->at += bytes;
}

static void sign_once(struct bare *b, uint8_t signature[ATE__SIG_SIZE])
{
    if (ate__sign(b->key, ate__text_bytes("ate/tx/1"), ate__bytes(message, 32), signature))
        bench_fail("sign");
}

static void verify_once(struct bare *b, const uint8_t signature[ATE__SIG_SIZE])
{
    if (ate__verify(b->verify, ate__text_bytes("ate/tx/1"), ate__bytes(message, 32),
                    ate__bytes(signature, ATE__SIG_SIZE)))
        bench_fail("verify");
}

void bare_sync_once(struct bare *b)
{
    write_and_sync(b, WRITE_BYTES);
}

void bare_sync(void *arg, double seconds, struct slice *ret)
{
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(seconds * 1e9);
    while (now < end) {
        uint64_t start = now;
        write_and_sync(arg, WRITE_BYTES);
        now = bench_now_ns();
        slice_add(ret, now - start);
    }
}

void bare_signed(void *arg, double seconds, struct slice *ret)
{
    uint8_t signature[ATE__SIG_SIZE];
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(seconds * 1e9);
    while (now < end) {
        uint64_t start = now;
        sign_once(arg, signature);
        write_and_sync(arg, WRITE_BYTES);
        now = bench_now_ns();
        slice_add(ret, now - start);
    }
}

/* ---- threads ---- */

struct crew {
    struct bare *b;
    uint64_t end;
    pthread_mutex_t mutex;
    pthread_cond_t done;
    uint64_t waiting, committed; /* tickets handed out; tickets written */
    int leading;
    void (*work)(struct bare *b);
};
struct member {
    struct crew *crew;
    struct slice slice;
};

static void group_commit(struct crew *c)
{
    pthread_mutex_lock(&c->mutex);
    uint64_t ticket = ++c->waiting;
    while (c->committed < ticket) {
        if (c->leading) {
            pthread_cond_wait(&c->done, &c->mutex);
            continue;
        }
        c->leading = 1;
        uint64_t up_to = c->waiting, n = up_to - c->committed;
        pthread_mutex_unlock(&c->mutex);
        write_and_sync(c->b, (size_t)n * WRITE_BYTES);
        pthread_mutex_lock(&c->mutex);
        c->leading = 0;
        c->committed = up_to;
        pthread_cond_broadcast(&c->done);
    }
    pthread_mutex_unlock(&c->mutex);
}

static void *run_member(void *arg)
{
    struct member *m = arg;
    for (uint64_t now = bench_now_ns(); now < m->crew->end;) {
        uint64_t start = now;
        if (m->crew->work)
            m->crew->work(m->crew->b);
        else
            group_commit(m->crew);
        now = bench_now_ns();
        slice_add(&m->slice, now - start);
    }
    return NULL;
}

static void run_crew(struct bare *b, size_t n, void (*work)(struct bare *b), double seconds,
                     struct slice *ret)
{
    pthread_t threads[GROUP_MAX];
    struct member members[GROUP_MAX];
    struct crew c = {.b = b, .work = work, .end = bench_now_ns() + (uint64_t)(seconds * 1e9)};
    pthread_mutex_init(&c.mutex, NULL);
    pthread_cond_init(&c.done, NULL);
    for (size_t i = 0; i < n; i++) {
        members[i] = (struct member){&c, {0}};
        if (pthread_create(&threads[i], NULL, run_member, &members[i]))
            bench_fail("thread");
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        slice_merge(ret, &members[i].slice);
    }
}

void bare_set_group(struct bare *b, size_t threads)
{
    b->group = threads < GROUP_MAX ? threads : GROUP_MAX;
}

void bare_group(void *arg, double seconds, struct slice *ret)
{
    run_crew(arg, ((struct bare *)arg)->group, NULL, seconds, ret);
}

static void sign_and_verify(struct bare *b)
{
    uint8_t signature[ATE__SIG_SIZE];
    sign_once(b, signature);
    verify_once(b, signature);
}

static void verify_stored(struct bare *b)
{
    verify_once(b, b->signature);
}

static size_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > CORES_MAX ? CORES_MAX : (size_t)n;
}

void bare_sign_verify(void *arg, double seconds, struct slice *ret)
{
    run_crew(arg, cores(), sign_and_verify, seconds, ret);
}

void bare_verify(void *arg, double seconds, struct slice *ret)
{
    run_crew(arg, cores(), verify_stored, seconds, ret);
}
