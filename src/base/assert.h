/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * assert.h: assertions against our own bugs. They stay on in release builds; no input may fire
 * one.
 */
#pragma once

#define ate__assert(truth) ((truth) ? (void)0 : ate__assert_failed(#truth, __FILE__, __LINE__))
/* says it on stderr and aborts */
_Noreturn void ate__assert_failed(const char *truth, const char *file, int line);
