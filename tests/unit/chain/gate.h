/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * gate.h: a storage in front of another one, which holds appends back and lets calls fail as the
 * test wants it.
 */
#pragma once
#include "redo/storage.h"
#include <pthread.h>

enum { GATE_GROUPS = 4096 };

enum gate_call {
    GATE_APPEND,
    GATE_SYNC,
    GATE_IDLE,
    GATE_RECOVER,
    GATE_TILES,
    GATE_REST,
    GATE_CALLS
};

struct gate {
    struct ate__storage base;
    struct ate__storage *inner;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    bool shut;         /* appends wait before they are done */
    bool shut_recover; /* so do recoveries */
    unsigned inside;   /* appends that wait */
    unsigned counts[GATE_CALLS]; /* calls that were made */
    int fail[GATE_CALLS];        /* the next such call fails so; then 0 */
    bool written;                /* the append that fails was done all the same */
    bool failed;                 /* what recover() mends */
    size_t group_count;
    struct {
        size_t count, bytes;
    } groups[GATE_GROUPS]; /* that were appended */
};

struct gate *gate_new(struct ate__storage *take_inner);
void gate_shut(struct gate *g);
void gate_shut_recover(struct gate *g);
void gate_open(struct gate *g); /* both */
void gate_wait_inside(struct gate *g);                         /* until an append waits */
void gate_wait_count(struct gate *g, enum gate_call call, unsigned count); /* calls so far */
/* The next such call fails. An append: with E_NO_SPACE harmlessly, else the storage is failed;
 * written: the inner one has it. */
void gate_fail(struct gate *g, enum gate_call call, int result, bool written);
unsigned gate_count(struct gate *g, enum gate_call call);
