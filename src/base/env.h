/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * env.h: the injected world: clocks, randomness, disk. Everything above base that needs one of them
 * gets it from here. An env is immutable and outlives what uses it; its functions are thread-safe.
 */
#pragma once
#include "base/endian.h"
#include "base/vfs.h"
#include <time.h>

struct ate__env {
    void *user;
    uint64_t (*wall_us)(void *user);      /* microseconds since 1970 UTC; may jump */
    uint64_t (*monotonic_ms)(void *user); /* never falls */
    /* never fails: aborts the process rather than give weak bytes */
    void (*random)(void *user, void *to, size_t size);
    const struct ate__vfs *vfs;
    void (*sleep_ms)(void *user, uint64_t ms); /* returns when monotonic_ms has passed as many */
};

/* clocks of the system, getrandom(), the real disk */
extern const struct ate__env ate__env_real;

/* Its parts, for an env that replaces only some of them; user is not looked at. */
uint64_t ate__clock_wall_us(void *user);
uint64_t ate__clock_monotonic_ms(void *user);
/* As the second, but it also goes on while the machine sleeps. */
uint64_t ate__clock_boot_ms(void);
void ate__rng_os(void *user, void *to, size_t size);
void ate__clock_sleep_ms(void *user, uint64_t ms);

static inline uint64_t ate__wall_us(const struct ate__env *e)
{
    return e->wall_us(e->user);
}
/* A time as the interface has it. Writers may claim any: what lies behind the last one is that. */
static inline int64_t ate__ns_of(uint64_t us)
{
    return us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)us * 1000;
}
static inline uint64_t ate__monotonic_ms(const struct ate__env *e)
{
    return e->monotonic_ms(e->user);
}
/* That many milliseconds from now, for pthread_cond_timedwait() on CLOCK_MONOTONIC. */
static inline struct timespec ate__deadline(const struct ate__env *e, uint64_t ms)
{
    ms += ate__monotonic_ms(e);
    return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}
static inline void ate__random(const struct ate__env *e, void *to, size_t size)
{
    e->random(e->user, to, size);
}
/* For what is stored: the same bytes are the same number on every machine. */
static inline uint64_t ate__random_u64(const struct ate__env *e)
{
    uint8_t bytes[8];
    ate__random(e, bytes, sizeof bytes);
    return ate__load64(bytes);
}
static inline void ate__sleep_ms(const struct ate__env *e, uint64_t ms)
{
    e->sleep_ms(e->user, ms);
}
