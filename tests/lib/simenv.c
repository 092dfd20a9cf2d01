/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simenv.c: an env in the hands of a test.
 */
#include "lib/simenv.h"

enum { MONOTONIC_BEGIN_MS = 1000 };
static const uint64_t wall_begin_us = 1609459200000000; /* 2021-01-01 00:00 UTC */

static uint64_t wall_us(void *user)
{
    struct simenv *s = user;
    pthread_mutex_lock(&s->mutex);
    uint64_t now = s->wall_us;
    pthread_mutex_unlock(&s->mutex);
    return now;
}

static uint64_t monotonic_ms(void *user)
{
    struct simenv *s = user;
    pthread_mutex_lock(&s->mutex);
    uint64_t now = s->monotonic_ms;
    pthread_mutex_unlock(&s->mutex);
    return now;
}

static void random_bytes(void *user, void *to, size_t size)
{
    struct simenv *s = user;
    pthread_mutex_lock(&s->mutex);
    rnd_bytes(&s->rnd, to, size);
    pthread_mutex_unlock(&s->mutex);
}

/* Nobody waits in a test: the clocks move on. */
static void sleep_ms(void *user, uint64_t ms)
{
    simenv_pass_ms(user, ms);
}

void simenv_init(struct simenv *s, uint64_t seed, const struct ate__vfs *vfs)
{
    *s = (struct simenv){
        .env = {s, wall_us, monotonic_ms, random_bytes, vfs ? vfs : &ate__vfs_posix, sleep_ms},
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .wall_us = wall_begin_us,
        .monotonic_ms = MONOTONIC_BEGIN_MS,
        .rnd = rnd_of(seed),
    };
}

void simenv_deinit(struct simenv *s)
{
    pthread_mutex_destroy(&s->mutex);
}

void simenv_pass_ms(struct simenv *s, uint64_t ms)
{
    pthread_mutex_lock(&s->mutex);
    s->monotonic_ms += ms;
    s->wall_us += ms * 1000;
    pthread_mutex_unlock(&s->mutex);
}

void simenv_set_wall_us(struct simenv *s, uint64_t us)
{
    pthread_mutex_lock(&s->mutex);
    s->wall_us = us;
    pthread_mutex_unlock(&s->mutex);
}
