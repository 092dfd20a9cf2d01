/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backing.h: the log of a kit, "/c", copied to another directory of the same disk.
 */
#pragma once
#include "compacting.h"
#include "redo/backup.h"

struct backing {
    struct kit *k;
    const char *to_dir;          /* "/b" */
    struct ate__storage *source; /* NULL: the kit's own */
    uint64_t to;                 /* 0: all of the source */
    bool split, anew;            /* anew: nothing may be there */
    uint64_t step_bytes;
    uint64_t records, refuse_at; /* counted; FORKED from this count on, 0: never */
    void (*meanwhile)(void *arg); /* at each record */
    void *arg;
    struct ate__backed_up done;
};

int backing_run(struct backing *b);
void backing_ok(struct backing *b);
/* The copy, on a disk of its own, is a log of `size` records, whole; and a writer may go on. */
void backing_check(const struct kit *k, const char *dir, uint64_t size);
/* Its size, or -1: there is no log. Nothing else is wrong with it, or the test fails. */
int64_t backing_size(const struct kit *k, const char *dir);
/* Two directories have the same segments, byte for byte. */
void backing_same(const struct kit *k, const char *dir_a, const char *dir_b);
