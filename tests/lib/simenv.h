/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simenv.h: an env whose clocks stand still until the test moves them and whose random bytes repeat
 * for a seed. Thread-safe.
 */
#pragma once
#include "base/env.h"
#include "lib/rnd.h"
#include <pthread.h>

struct simenv {
    struct ate__env env; /* what the code under test gets: &s->env */
    pthread_mutex_t mutex; /* guards the rest */
    uint64_t wall_us, monotonic_ms;
    struct rnd rnd;
};

/* Begins at 2021-01-01 00:00 UTC and 1,000 ms. vfs: for example a simdisk's; NULL: the real disk.
 * s stays where it is until simenv_deinit(). */
void simenv_init(struct simenv *s, uint64_t seed, const struct ate__vfs *vfs);
void simenv_deinit(struct simenv *s);
void simenv_pass_ms(struct simenv *s, uint64_t ms);         /* moves both clocks */
void simenv_set_wall_us(struct simenv *s, uint64_t wall_us); /* a jump, back or forth */
