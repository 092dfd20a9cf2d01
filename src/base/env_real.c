/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * env_real.c: the world as it is.
 */
#include "base/env.h"

const struct ate__env ate__env_real = {
    .user = NULL,
    .wall_us = ate__clock_wall_us,
    .monotonic_ms = ate__clock_monotonic_ms,
    .random = ate__rng_os,
    .vfs = &ate__vfs_posix,
    .sleep_ms = ate__clock_sleep_ms,
};
