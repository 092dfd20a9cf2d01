/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop_uv.h: an event loop of the library's own on a thread of its own.
 *
 *  1. The thread starts with the loop and ends after the last reference is gone. Who drops the
 *     last one waits for it, as long as connections linger and at most a second more (a resolver
 *     that hangs is left behind and cleans up after itself); on the loop's own thread nobody waits.
 *  2. Tasks run in the order in which they were posted. What they send leaves when the batch of
 *     tasks is done.
 *  3. Each task that was posted while there was a reference is run.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct ate__loop;
int ate__loop_new(struct ate__loop **ret_loop) ATE__CHECK;
/* The process's one for client connections, started when the first asks. Thread-safe. */
int ate__loop_shared(struct ate__loop **ret_loop) ATE__CHECK;
struct ate__loop *ate__loop_ref(struct ate__loop *l);
struct ate__loop *ate__loop_unref(struct ate__loop *l); /* takes NULL; returns NULL */

/* Memory of the caller, free for reuse or for freeing as soon as run() begins. */
struct ate__loop_task {
    struct ate__loop_task *next; /* private */
    void (*run)(struct ate__loop_task *task);
};
/* From any thread; never fails, never waits. A task is posted again only after it began to run. */
void ate__loop_post(struct ate__loop *l, struct ate__loop_task *task);
/* Runs call(arg) on the loop's thread and waits for its result; there already, it just calls. The
 * sentence comes along. */
int ate__loop_call(struct ate__loop *l, int (*call)(void *arg), void *arg) ATE__CHECK;
bool ate__loop_here(const struct ate__loop *l); /* on the loop's thread? */
uint64_t ate__loop_now_ms(const struct ate__loop *l); /* on the loop's thread; monotonic */

/* Timers: on the loop's thread only. */
struct ate__loop_timer;
int ate__loop_timer_new(struct ate__loop *l, void (*fire)(void *arg), void *arg,
                        struct ate__loop_timer **ret_timer) ATE__CHECK;
void ate__loop_timer_start(struct ate__loop_timer *t, uint64_t after_ms); /* once; replaces */
void ate__loop_timer_stop(struct ate__loop_timer *t);
void ate__loop_timer_free(struct ate__loop_timer *t); /* takes NULL; fire() comes no more */
