/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_text.h: checkpoints, proofs and verifier keys in files, and what they say.
 */
#pragma once
#include "bin/ate/cmd.h"

/* All of a file, or of stdin for "-", as text that ends with NUL; to be cleared by its owner.
 * Errors: MALFORMED: a NUL in it; TOO_BIG NOT_FOUND MISUSE E_*. */
int proof_text_read(const char *path, struct ate__buf *ret_text) ATE__CHECK;
/* The same of several, one after the other. */
int proof_text_read_all(const char *const *paths, size_t count, struct ate__buf *ret_text)
    ATE__CHECK;
/* On stdout, or with --json one object that has it as the member `name`. */
void proof_text_print(const char *name, const char *text);
/* What a proof shows, on stdout. */
void proof_text_tell(const struct ate_proved *p);
