/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * progress.h: one line on stderr that says how far long work has come: on a terminal it is written
 * over itself, elsewhere (and only with "always") it is a plain line now and then.
 *
 *     if (ate__progress_due())
 *         ate__progress_line("%zu of %zu files", done, total);
 *
 * Nothing is shown in the first second, nor with -q. Any output of out.h takes the line away first.
 */
#pragma once
#include "base/compiler.h"
#include <stdbool.h>

/* auto: on a terminal; always; never. MISUSE */
int ate__progress_mode(const char *when) ATE__CHECK;
bool ate__progress_due(void);
/* The text holds nothing that a terminal must not see; it is cut to the terminal's width. */
void ate__progress_line(const char *format, ...) ATE__PRINTF(1, 2);
void ate__progress_end(void); /* takes the line away; the next work begins anew */
