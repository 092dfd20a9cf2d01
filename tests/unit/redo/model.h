/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * model.h: a storage against a naive model of it, by random calls.
 */
#pragma once
#include "kit.h"

/* Runs `steps` random calls from the seed, checking each answer. memory: the engine `mem`, which is
 * neither closed nor killed meanwhile. conf: of the engine `file`. */
void model_run(uint64_t seed, unsigned steps, bool memory, const struct ate__storage_conf *conf);
