/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tail.h: the part of a survey that reads groups: how far the last segment counts, and whether what
 * follows is its end, a torn tail or damage. The rules stand in redo/survey.h, 3.
 */
#pragma once
#include "redo/survey.h"

/* Reads the last segment; tells in v what it found. known: the segment is one that the handle has
 * read up to its length. Errors: E_* */
int ate__tail_walk(struct ate__redo *r, struct ate__survey *v, const struct ate__meta_entry *e,
                   struct ate__segment *s, bool known) ATE__CHECK;
/* Reads a full segment through, whose file is open. Damage: size and length of v end at it. */
int ate__tail_verify(struct ate__redo *r, struct ate__survey *v, const struct ate__meta_entry *e,
                     struct ate__segment *s) ATE__CHECK;
