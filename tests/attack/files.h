/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * files.h: the files of a chain, as who holds the disk sees them.
 */
#pragma once
#include "unit/mesh/past.h"

/* Calls it for each regular file below `dir` with all of its bytes; what it changes in them is
 * written back. */
void files_each(const char *dir,
                void (*call)(const char *file, uint8_t *bytes, size_t size, void *arg), void *arg);
/* The transactions of the chain in a directory. */
struct past *files_history(const char *dir);
