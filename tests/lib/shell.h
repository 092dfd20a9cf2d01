/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * shell.h: a line for the shell, where a test works on real files as a person would.
 */
#pragma once

/* Runs `sh -c line` and gives its exit status; -1: it could not be run. */
int shell(const char *line);
