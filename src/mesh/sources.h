/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sources.h: what each source address has created and stored, where anyone may create chains.
 *
 * A source is an IPv4 address, or the /64 of an IPv6 one. The table is kept in `,server/sources`,
 * so that a restart forgets nobody; what was counted since the last save may be lost in a crash,
 * which costs the server a little room and no client anything. Who was here is the server's affair:
 * the file is 0600. Text: `ate-sources 1`, then a line
 * `<32 hex digits> <chains> <bytes>` for each.
 *
 * Thread-safe.
 */
#pragma once
#include "base/map.h"
#include "mesh/home.h"
#include <pthread.h>

struct ate__source {
    uint8_t b[16]; /* as an IPv6 address */
};
struct ate__sources_limits {
    uint32_t sources, chains;
    uint64_t bytes;
};
struct ate__sources {
    struct ate__sources_limits limits;
    pthread_mutex_t saving; /* one save at a time */
    pthread_mutex_t mutex; /* guards the rest */
    struct ate__map index; /* source -> place in items */
    struct ate__sources_item *items;
    size_t count, capacity;
    bool changed; /* since the last save */
};

/* Of a link's `peer`; zeros if it is no address. */
struct ate__source ate__source_of(const char *peer);

void ate__sources_init(struct ate__sources *s, const struct ate__env *env,
                       const struct ate__sources_limits *limits);
void ate__sources_deinit(struct ate__sources *s);
/* What was saved; nothing if that was never. Errors: MALFORMED TOO_BIG E_*. */
int ate__sources_load(struct ate__sources *s, struct ate__home *h) ATE__CHECK;
/* Its file becomes the server's alone (0600), if it is not: older versions let others read it.
 * Errors: TOO_BIG E_*. */
int ate__sources_mend(struct ate__sources *s, struct ate__home *h) ATE__CHECK;
/* If anything has changed. Errors: E_*. */
int ate__sources_save(struct ate__sources *s, struct ate__home *h) ATE__CHECK;

/* Counts one chain, before it is created; uncreate() takes it back. Errors: BUSY: a limit, which
 * the sentence names; E_MEMORY. */
int ate__sources_create(struct ate__sources *s, const struct ate__source *source) ATE__CHECK;
void ate__sources_uncreate(struct ate__sources *s, const struct ate__source *source);
/* Whether so many bytes more are within its limit. Errors: BUSY. */
int ate__sources_check(struct ate__sources *s, const struct ate__source *source, uint64_t bytes)
    ATE__CHECK;
/* They were stored. */
void ate__sources_store(struct ate__sources *s, const struct ate__source *source, uint64_t bytes);
