/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * process.h: atedb as a process of its own, to be killed. Whatever goes wrong fails the test.
 */
#pragma once
#include "ate/ate.h"
#include <sys/types.h>

extern const char *server_program;

struct server {
    pid_t pid;
    uint16_t port;
    struct ate_hash pin;
    char address[512]; /* tcp://127.0.0.1:PORT/#pin=... */
};
/* Does not wait until it is ready. port 0: any. *ret_out: its output. */
pid_t server_launch(const char *logs, uint16_t port, int *ret_out);
struct server server_start(const char *logs, uint16_t port); /* it is ready */
void server_kill(struct server *s); /* SIGKILL */
void server_end(struct server *s);  /* SIGTERM, which it must answer with 0 */
