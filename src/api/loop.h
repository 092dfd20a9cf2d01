/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop.h: what an asynchronous call is to its loop.
 */
#pragma once
#include "ate/loop.h"

struct ate__call {
    struct ate_loop *loop;
    struct ate__call *next;
    void (*run)(
        struct ate__call *c); /* in ate_loop_run(): calls the program's callback, frees the call */
    void (*drop)(struct ate__call *c); /* the loop is gone: frees the call; any thread */
};
int ate__call_begin(struct ate_loop *l, struct ate__call *c)
    __attribute__((warn_unused_result)); /* MISUSE BUSY */
void ate__call_abandon(struct ate__call *c); /* it was begun, and the submission failed */
void ate__call_due(struct ate__call *c); /* any thread, once */
