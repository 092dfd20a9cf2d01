/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * history.h: histories as a root writes them, put together group by group without a chain: good
 * ones, and such as a bad root or a bad disk shows.
 */
#pragma once
#include "kit.h"

enum { HISTORY_GROUPS = 64, HISTORY_RECORDS = 64 };

struct history_group {
    uint64_t first_sequence, root_time_us;
    struct ate_hash head_before, head_after;
    struct ate_bytes records[HISTORY_RECORDS]; /* its own */
    size_t count;
};
struct history {
    struct kit *k; /* chain id, genesis, origin, number */
    struct history_group groups[HISTORY_GROUPS];
    size_t count;
    struct ate__frontier tree;
    struct ate_hash root;
    uint64_t time_us;
};

/* With the genesis as its first group. */
void history_init(struct history *h, struct kit *k);
void history_deinit(struct history *h);
void history_begin(struct history *h);                     /* a new group */
void history_add(struct history *h, struct ate_bytes record); /* to it; the bytes are copied */
void history_end(struct history *h);
/* On the newest head, with the next number. */
void history_draft(struct history *h, struct draft *d);
void history_add_draft(struct history *h, struct draft *d); /* and ends the draft */
/* A group of one transaction that creates an object; signed, if the kit says so. */
void history_put(struct history *h, unsigned object);

int history_append(const struct history *h, size_t group, struct ate__storage *s);
int history_feed(const struct history *h, size_t group, struct ate__chain *c);

/* ---- what breaks a rule ---- */

/* Each adds one transaction, or changes the group; the rest of the group and all before it are
 * good. The chain is one where only kit_key(0) may write. */
struct wrong {
    const char *name;
    void (*make)(struct history *h);
    int result; /* TAMPERED or UNSUPPORTED */
    const char *text; /* in the sentence */
};
extern const struct wrong wrongs[];
extern const size_t wrong_count;
/* A good history of some groups, then one with a good transaction and then the wrong one, then a
 * good group. Returns the index of the wrong group. */
size_t history_wrong(struct history *h, const struct wrong *w);
