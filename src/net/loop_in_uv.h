/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop_in_uv.h: the loop as the drivers of this layer see it (*_uv.c only). All of it on the loop's
 * thread.
 */
#pragma once
#include "net/loop_uv.h"
#include <stddef.h>
#include <uv.h>

enum { ATE__LOOP_SCRATCH = 128 << 10 /* bytes */ };

uv_loop_t *ate__loop_uv(struct ate__loop *l);
uint8_t *ate__loop_scratch(struct ate__loop *l); /* until the caller returns to the loop */

/* Something that has work for the end of the present turn of the loop: after the batch of posted
 * tasks, and before the loop waits. */
struct ate__loop_turn {
    struct ate__loop_turn *next; /* private */
    bool queued; /* private */
    void (*run)(struct ate__loop_turn *turn);
};
void ate__loop_turn_soon(struct ate__loop *l, struct ate__loop_turn *turn); /* once, if often */
void ate__loop_turn_cancel(struct ate__loop *l, struct ate__loop_turn *turn);

/* Something that may outlive the last reference for a short while: a connection that sends what is
 * left. hurry() is called when the last reference is gone. */
struct ate__loop_guest {
    struct ate__loop_guest *next, *prev; /* private */
    void (*hurry)(struct ate__loop_guest *guest);
};
void ate__loop_enter(struct ate__loop *l, struct ate__loop_guest *guest);
void ate__loop_leave(struct ate__loop *l, struct ate__loop_guest *guest);
