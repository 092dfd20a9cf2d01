/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * password.h: passwords of key files, from the terminal or a file; never from the command line or
 * the environment, where others would read them.
 */
#pragma once
#include "bin/ate/cmd.h"

/* From the file of --password-file, the first line of it; else from the terminal, up to three
 * times. For ate_session_open_sealed() and the like. */
struct ate_password password_known(const struct options *o);
/* A new one: from `file` ("-": stdin), else typed twice on the terminal; NULL: the terminal. */
struct ate_password password_fresh(const char *file);
/* Wipes what was read from stdin, which can be read once alone. */
void password_forget(void);
