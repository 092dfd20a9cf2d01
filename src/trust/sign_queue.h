/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign_queue.h: the threads that have transactions of one chain signed, each by some key.
 *
 * 1. Who comes while its key signs for nobody signs at once, on its own thread. Who comes while a
 *    signature of that key is being made waits; when it is made, the one that has waited longest
 *    signs for all who wait, in one batch. Nobody waits for company, and nobody longer than the
 *    signature under way and the next.
 * 2. A batch that fails (memory) fails for nobody: each of it then signs by itself.
 */
#pragma once
#include "trust/state.h"
#include <pthread.h>

struct ate__sign_waiter;
struct ate__sign_round { /* a key whose signature is being made, and who waits for it */
    struct ate__sign_round *next;
    struct ate_hash fingerprint; /* of its own: the key of who led before may be gone */
    struct ate__sign_waiter *first, **end; /* who is to be signed for next */
    size_t count;
};
struct ate__sign_queue {
    pthread_mutex_t mutex;
    struct ate__sign_round *rounds;
};
void ate__sign_queue_init(struct ate__sign_queue *q);
void ate__sign_queue_deinit(struct ate__sign_queue *q); /* nobody is in it */
/* to_sign->next is not looked at. Errors: those of ate__trust_sign_batch() for one alone. */
int ate__sign_together(struct ate__sign_queue *q, struct ate__trust *t, const struct ate__key *key,
                       enum ate__hash_alg alg, struct ate__to_sign *to_sign) ATE__CHECK;
