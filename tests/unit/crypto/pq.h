/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pq.h: what the tests of the hybrid KEMs begin with: their published vectors, and random bytes
 * that are always the same.
 */
#pragma once
#include "crypto/secret.h"
#include "lib/simenv.h"
#include "vectors.h"

extern struct simenv pq_sim;
extern json_t *pq_vectors;

int pq_set_up(void **state); /* of a group of tests */
int pq_tear_down(void **state);
const json_t *pq_vector(unsigned kem); /* the one with that KEM */
struct ate__key32 pq_key_of(struct ate__buf *take_bytes);
