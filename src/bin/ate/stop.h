/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * stop.h: how the program ends before its work is done: a signal, or the time of --timeout is over.
 *
 * Either removes the unfinished output file, says one line and ends the process at once: a chain is
 * safe at any moment.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

void stop_begin(void); /* SIGINT, SIGTERM and SIGHUP end with 128 and their number */

/* From now on: after timeout_ms the process ends with 5; subject lives as long as the process. */
void stop_after(int32_t timeout_ms, const char *subject);
/* A commit is on its way: what the end of the time means is ATE_UNKNOWN, not ATE_TIMEOUT. */
void stop_commits(bool on_its_way);
/* A line more for who interrupts it: how to go on; lives as long as the process. */
void stop_says(const char *line);
/* The file is to be removed; NULL: no longer. path lives until then. */
void stop_removes(const char *path);
