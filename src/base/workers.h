/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * workers.h: the library's pool of threads: syncs of asynchronous commits, signature checks, work
 * that is due later.
 *
 * 1. At most ATE__WORKERS_MAX threads: the first comes with the pool, the others when there is
 *    work; they end with the last reference. They take no signals.
 * 2. A task runs exactly once, or is taken back by cancel() before it runs. Its memory is the
 *    submitter's, who leaves it alone until it has run; run() may free it.
 * 3. No task may wait for another task.
 * Any thread.
 */
#pragma once
#include "base/compiler.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATE__WORKERS_MAX = 8 };

struct ate__task {
    void (*run)(struct ate__task *task);
    void *user;
    uint64_t due_ms; /* private, as the rest */
    struct ate__task *next;
};
struct ate__workers;
/* threads 0: one per core; at most ATE__WORKERS_MAX. Errors: E_MEMORY; E_SYSTEM: no thread. */
int ate__workers_new(unsigned threads, struct ate__workers **ret_workers) ATE__CHECK;
struct ate__workers *ate__workers_ref(struct ate__workers *w);
/* The last one waits until all tasks that were submitted have run, drops those that are due later,
 * and ends the threads. Not from a task. Takes NULL. */
void ate__workers_unref(struct ate__workers *w);
/* delay_ms 0: now. The task never runs inside the call, so locks may be held. Where no further
 * thread can be started, one that is there runs it. Submitting a task that waits for its time moves
 * it. */
void ate__workers_submit(struct ate__workers *w, struct ate__task *task, uint32_t delay_ms);
/* Takes a task back; if it is running just now, waits for its end. True if it was taken back, false
 * if it has run or was never submitted. Not from the task itself. */
bool ate__workers_cancel(struct ate__workers *w, struct ate__task *task);
/* Runs each(arg, i) for every i below count, on this thread and on others of the pool; returns when
 * all are done. w NULL: on this thread alone. */
void ate__workers_each(struct ate__workers *w, size_t count, void (*each)(void *arg, size_t i),
                       void *arg);
