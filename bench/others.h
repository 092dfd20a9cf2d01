/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * others.h: other stores that make the same durable commits of 1 KiB: a store opened in a folder of
 * its own, and a loop of so many threads that each commit one value after the other.
 */
#pragma once
#include "pair.h"

struct other {
    const char *name; /* with what makes its commits durable */
    const char *package; /* where it is not built in: what Debian has it in; else NULL */
    void *(*open)(const char *folder); /* never NULL */
    void (*close)(void *store);
    void (*commit)(void *store, size_t thread, uint64_t number); /* fails by bench_fail() */
};
enum { OTHER_THREADS_MAX = 64 };
extern const struct other other_sqlite, other_lmdb;
