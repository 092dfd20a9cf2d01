/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mem.h: the engine `mem`, as an import fills it (redo/import.h, which has seen to the order of
 * what comes). Before anybody else has it.
 */
#pragma once
#include "redo/import.h"

/* The next ATE__TILE_LEAVES. Errors: E_MEMORY */
int ate__mem_take_leaves(struct ate__storage *s, const struct ate_hash *leaves) ATE__CHECK;
/* At the size. Errors: E_MEMORY */
int ate__mem_take_range(struct ate__storage *s, const struct ate__import_range *range) ATE__CHECK;
void ate__mem_cut_off(struct ate__storage *s, uint64_t cut_off);
