/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * far.h: chains at a real server, opened by the client that is tested.
 */
#pragma once
#include "kit.h"
#include "mesh/client.h"
#include <stdatomic.h>

struct far {
    struct ate__server_conf server_conf; /* its port stays over restarts */
    struct ate__server *server;
    struct kit_chain chain;
    struct ate__workers *workers;
    struct ate__remote_conf conf; /* as the next open takes it */
    /* told by advanced() */
    atomic_uint_least64_t advanced;
    atomic_uint anchored;
    int anchor_result;
    bool anchor_later; /* that only of the whole history */
};
/* A server on a new directory, and a chain that it does not have yet. everyone: may write. */
struct far *far_new(bool everyone);
void far_free(struct far *f);
void far_stop(struct far *f);  /* the server */
void far_start(struct far *f); /* again, on the same port */
void far_restart(struct far *f);

int far_try(struct far *f, struct ate__pipe **ret_pipe);
struct ate__pipe *far_open(struct far *f); /* which must work */
void far_close(struct ate__pipe *p);

/* A transaction that creates this object below the top, on the newest head of the pipe. */
struct ate__buf far_tx(struct far *f, struct ate__pipe *p, uint64_t object);
/* Offers it and waits: the offer's result, its sentence set. */
int far_offer(struct ate__pipe *p, struct ate_bytes tx, int64_t timeout_ms,
              struct ate__receipt *ret_receipt);
struct ate__receipt far_put(struct far *f, struct ate__pipe *p, uint64_t object); /* must work */
/* Whether an object is there, by a fresh snapshot. */
bool far_has(struct ate__pipe *p, uint64_t object);
struct ate__head far_head(struct ate__pipe *p);

unsigned far_fds(void);
unsigned far_threads(void);
/* Waits until no more than so many of both are there; fails the test after 20 s. */
void far_settle(unsigned fds, unsigned threads);
