/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * runner.h: a thread for code that may take too long: who asks it waits until a deadline, and no
 * longer.
 *
 *  1. Errands run one at a time, in the order in which they came.
 *  2. An errand whose caller went away runs on if it has begun, and never begins otherwise.
 *  3. While one runs whose caller went away every other is refused at once: nobody waits behind
 * what is late already.
 */
#pragma once
#include "base/compiler.h"
#include <stdbool.h>
#include <stdint.h>

/* run() has the errand to itself; free() ends one that is nobody's any more, on either thread. */
struct ate__errand {
    void (*run)(struct ate__errand *errand);
    void (*free)(struct ate__errand *errand);
    struct ate__errand *next; /* private, as the rest */
    bool begun, done, abandoned;
};
struct ate__runner;
/* The thread starts. ended(): the last thing that it does. Errors: E_MEMORY E_SYSTEM */
int ate__runner_new(void (*ended)(void *arg), void *arg, struct ate__runner **ret_runner)
    ATE__CHECK;
/* No call is under way. Returns at once: the thread ends when what it runs has returned. Takes
 * NULL. */
void ate__runner_end(struct ate__runner *r);
/* 0: it was run, and is the caller's again. Else it is gone. Errors: TIMEOUT: it was not done in
 * time; BUSY: see 3. Any thread but that of an errand. */
int ate__runner_call(struct ate__runner *r, struct ate__errand *take_errand, uint32_t timeout_ms)
    ATE__CHECK;
