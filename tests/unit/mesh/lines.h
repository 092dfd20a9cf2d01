/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lines.h: the log lines of a server, each as "LEVEL LINE". One server at a time; any thread.
 */
#pragma once
#include "mesh/server.h"

void lines_begin(struct ate__server_conf *conf); /* none yet; those of this server come here */
unsigned lines_count(const char *part);
void lines_wait(const char *part, unsigned count); /* fails the test after 10 s */
