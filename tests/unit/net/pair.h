/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pair.h: two connections joined in memory, and a trace of what each end saw.
 *
 * The trace of an end is a line an event: `opened`, `16/7 hi` (type/stream body; of long bodies
 * the size), `drained`, `ended BAD_PEER`.
 */
#pragma once
#include "lib/check.h"
#include "net/conn.h"

struct pair_end {
    struct ate__conn *conn;
    char *trace; /* what was seen */
    size_t frames; /* of the owner's */
    bool opened, ended;
    int result;
    char text[ATE__ERROR_SIZE];
};
struct pair {
    struct pair_end client, server;
    uint64_t now_ms;
};

/* One server key for all tests of the process; pair_key_free() at the end. */
const struct ate__tls_server_key *pair_key(void);
struct ate_hash pair_pin(void);
void pair_key_free(void);

/* What the two ends would be made from; tests change it. */
struct ate__conn_conf pair_client_conf(void);
struct ate__conn_conf pair_server_conf(void);

struct pair pair_new(const struct ate__conn_conf *client, const struct ate__conn_conf *server);
struct pair pair_new_open(void); /* of the two above, greeting done */
void pair_free(struct pair *p);

void pair_see(struct pair *p, struct pair_end *e); /* takes events until there is none */
/* Moves at most `most` bytes as one feed, then sees; returns how many. */
size_t pair_move(struct pair *p, struct pair_end *from, struct pair_end *to, size_t most);
void pair_run(struct pair *p, size_t step); /* until nothing moves */
void pair_pass(struct pair *p, uint64_t ms); /* time; both are ticked at the end of it */

int pair_send(struct pair_end *from, uint16_t type, uint32_t stream, const void *body, size_t size);
void pair_say(struct pair_end *from, uint32_t stream, const char *text); /* type 16; must work */
void pair_feed(struct pair *p, struct pair_end *to, const void *bytes, size_t size); /* and sees */
void pair_trace(const struct pair_end *e, const char *expected);
