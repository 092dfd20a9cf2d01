/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * world.h: what the benchmarks work on: a directory of their own, a key, a chain that is private to
 * it and that everyone, or it alone, may write.
 */
#pragma once
#include "ate/type.h"
#include "chain/local.h"
#include "dio/dio.h"

struct blob {
    struct ate_bytes value;
};
ATE_TYPE(blob, ATE_FIELD(value));

enum { VALUE_SIZE = 1024 };
extern const uint8_t bench_value[VALUE_SIZE];

struct world {
    char dir[256];
    struct ate_session *session;
    struct ate__workers *workers;
    struct ate__dio *dio;
    bool no_view_image; /* of opens from now on */
};
void world_init(struct world *w, const char *name, enum ate__sync sync,
                bool everyone_writes); /* below $ATE_BENCH_DIR, or . */
void world_open(struct world *w, enum ate__sync sync, uint64_t cache_bytes);
void world_reopen(struct world *w, enum ate__sync sync, uint64_t cache_bytes);
void world_close(struct world *w);  /* the chain */
void world_deinit(struct world *w); /* and its directory */
