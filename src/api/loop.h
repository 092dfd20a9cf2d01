/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop.h: what an asynchronous call is to its loop.
 */
#pragma once
#include "ate/loop.h"

struct ate__callback {
    struct ate_loop *loop;
    struct ate__callback *next;
    void (*run)(struct ate__callback
                    *c); /* in ate_loop_run(): calls the program's callback, frees the call */
    void (*drop)(struct ate__callback *c); /* the loop is gone: frees the call; any thread */
};
int ate__callback_begin(struct ate_loop *l, struct ate__callback *c)
    __attribute__((warn_unused_result)); /* MISUSE BUSY */
void ate__callback_abandon(struct ate__callback *c); /* it was begun, and the submission failed */
void ate__callback_due(struct ate__callback *c); /* any thread, once */
