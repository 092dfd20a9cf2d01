/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * past.h: a chain as it was after one of its transactions: its history, walked up to there.
 */
#pragma once
#include "bin/ate/content.h"
#include "bin/ate/path.h"

struct past;
/* text: a sequence, in digits; or a time (bin/common/units.h): the last transaction that the root
 * ordered no later. Errors: MISUSE; NOT_FOUND: nothing is that old; as ate_history_next(). */
int past_open(struct ate_chain *chain, const char *text, struct past **ret_past) ATE__CHECK;
void past_close(struct past *p); /* takes NULL */

/* The content of what had the path then. Errors: as path_find() and content_read(). */
int past_read(struct past *p, const struct path *path, content_sink *sink, void *arg) ATE__CHECK;
/* Prints what is known of it as JSON, with its value if that is small; name: as the user wrote it.
 */
int past_print(struct past *p, const struct path *path, const char *name) ATE__CHECK;
