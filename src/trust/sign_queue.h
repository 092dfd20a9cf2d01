/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign_queue.h: the threads that want one key to sign, each a transaction of its own, of any chain.
 *
 * 1. The first to come signs at once, on its own thread. Who comes while a signature is being made
 *    waits; when it is made, the one that has waited longest signs for all who wait, in one batch.
 *    Nobody waits for company, and nobody longer than the signature under way and the next.
 * 2. A batch that fails (memory) fails for nobody: each of it then signs by itself.
 */
#pragma once
#include "trust/state.h"
#include <pthread.h>

struct ate__sign_queue {
    pthread_mutex_t mutex;
    struct ate__sign_waiter *first, **end; /* who waits */
    uint32_t count;
    bool led; /* a thread signs, or has been told to */
};
void ate__sign_queue_init(struct ate__sign_queue *q);
void ate__sign_queue_deinit(struct ate__sign_queue *q); /* nobody waits */
/* All calls of one queue name the same key. to_sign->next is not looked at. Errors: those of
 * ate__trust_sign_batch() for one alone. */
int ate__sign_together(struct ate__sign_queue *q, const struct ate__key *key,
                       enum ate__hash_alg alg, struct ate__to_sign *to_sign) ATE__CHECK;
