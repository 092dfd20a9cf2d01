/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ask.h: a question before what cannot be taken back.
 */
#pragma once
#include "bin/ate/cmd.h"

/* 0: the user typed yes, or said --yes before. what: what would be, a clause. Errors: DENIED:
 * anything else, and where nobody can be asked. */
int ask_yes(const struct options *o, const char *what) ATE__CHECK;
