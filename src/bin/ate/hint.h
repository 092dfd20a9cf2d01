/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hint.h: what the user of this program types. A sentence of the library names functions, flags and
 * fields of struct ate_chain_conf; what they are here is added to it where it is shown.
 */
#pragma once
#include "bin/ate/cmd.h"

/* Adds to this thread's sentence about the result. For ate__out.hint. */
void hint_add(int result);

/* The copy of the chain in `dir` is what can be read when its server is not reached. root: to be
 * trusted with it, a fingerprint or a file; NULL: none has to be named. Both are copied. */
void hint_copy(const char *dir, const char *root);
