/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_remote.h: the inside of a remote pipe, shared by client.c (opening, the loop's side) and
 * client_pipe.c (what callers ask of it).
 *
 * Threads. struct ate__client and the timer belong to the loop's thread. Callers hand calls over
 * through `inbox`; a call that is waited for wakes its caller, others end on the loop's thread. A
 * mirror takes groups in on a worker, which posts `fed_task`.
 *
 * Life. The last reference ends the client on the loop's thread, waits there for nothing of the
 * network, and frees all but struct ate__client, which goes with its link.
 */
#pragma once
#include "mesh/client.h"
#include "mesh/client_step.h"
#include "mesh/mirror.h"
#include "mesh/thin.h"
#include "net/loop_uv.h"
#include "net/tcp_uv.h"
#include "trust/checkpoint.h"
#include "trust/session.h"
#include <stdatomic.h>

/* client_notes.c: what the server signs by itself. */
struct ate__judging {
    /* of the loop's thread */
    struct ate__buf next; /* the newest that waits; empty: none */
    struct ate__checkpoint next_claim;
    bool open, busy, stopped; /* open: the open that made the remote is over */
    struct ate__loop_timer *timer; /* for conf.look(); NULL: that is not wanted */
    bool look_due, looks; /* looks: that is what it is busy with */
    struct ate__call call; /* of a thin chain */
    struct ate__loop_task back;
    /* of who judges */
    struct ate__buf note;
    struct ate__checkpoint checkpoint; /* what it says */
    struct ate__head head; /* of a thin chain: verified */
    bool wants_proof;
    uint64_t look_again_ms;
    struct ate__checkpoint last; /* the newest that held; size 0: none */
    struct ate__task task;
};
struct ate__forking { /* evidence is being kept: a result that is to be final, its sentence */
    struct ate__task task;
    struct ate__loop_task back;
    int result;
    char text[ATE__ERROR_SIZE];
};

enum { ATE__PEER_TEXT = ATE__ADDR_HOST_MAX + 16 };

struct ate__remote {
    struct ate__pipe base;
    atomic_uint refs;
    struct ate__remote_conf conf; /* genesis: a view of `genesis` below */
    struct ate__buf genesis;
    struct ate__lookup *lookup; /* conf's; NULL: none */
    char peer[ATE__PEER_TEXT]; /* host and port, for sentences */
    struct ate__loop *loop;
    struct ate__link *link; /* of the loop's thread: the newest, which may be gone */
    /* constant once it is open */
    struct ate_hash chain_id;
    enum ate__hash_alg alg;
    bool created;
    struct ate__trust *trust;      /* of the genesis; a thin chain's, with keys that were shown */
    struct ate__buf genesis_bytes; /* transaction 0 as the server has it */
    struct ate__tx genesis_tx;
    struct ate__thin_chain thin;
    struct ate__thin_source source;
    struct ate__mirror *mirror; /* NULL: thin */
    /* What the server shows in the place of the chain, before OPENED: judged but for the anchors.
     * Of the loop's thread, until `final`. */
    struct ate__buf tombstone;

    /* of the loop's thread */
    struct ate__client_driver driver;
    struct ate__client *client;
    struct ate__loop_timer *timer;
    struct ate__judging judging;
    struct ate__forking forking;
    const struct ate__key *proving[ATE__POSSESSED_MAX]; /* of the session, while it is asked */
    uint32_t proving_count;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t moved; /* opened, final, or more of a mirror is here */
    struct ate__loop_task submit_task, fed_task, condemn_task, free_task;
    bool submit_posted, fed_posted;
    struct ate__call *inbox, **last_inbox;
    /* Offers and asks that nobody waits for, without an answer. */
    size_t unanswered, unanswered_bytes;
    struct ate__head newest; /* that is verified */
    uint64_t believed; /* of a thin centralized chain: a log key signed heads up to this size */
    uint64_t opened_size; /* of the chain, as OPENED told it */
    uint64_t moves; /* counts what `moved` tells */
    struct ate_hash pin; /* of the server that is spoken with, whoever told it; zeros: clear text */
    bool opened, read_only, weak, trusted, final; /* trusted: the anchor was checked */
    bool evidence_kept; /* of a fork, or tried */
    int result; /* of `final`, and its sentence */
    char text[ATE__ERROR_SIZE];
    int condemned;
    char condemned_text[ATE__ERROR_SIZE];
};

static inline struct ate__remote *ate__remote_of(struct ate__pipe *p)
{
    return ATE__CONTAINER(p, struct ate__remote, base);
}
/* The chain is centralized, once it is open. */
static inline bool ate__remote_attests(const struct ate__remote *r)
{
    return ate__trust_genesis(r->trust)->mode == ATE__CENTRALIZED;
}
extern const struct ate__pipe_vtable ate__remote_vtable; /* client_pipe.c */
extern const struct ate__far_vtable ate__remote_far; /* client_proofs.c */

/* client.c */
void ate__remote_free(struct ate__remote *r); /* after the last reference */
/* client_pipe.c; any thread but the loop's. */
/* Hands a call over. It ends by done(). */
void ate__remote_submit(struct ate__remote *r, struct ate__call *call);
/* Submits and waits: the call's result, its sentence set. deadline: conf.timeout_ms from now. */
int ate__remote_wait(struct ate__remote *r, struct ate__call *call) ATE__CHECK;
void ate__remote_take_inbox(struct ate__loop_task *task); /* on the loop's thread */
void ate__remote_source(struct ate__remote *r); /* fills in r->source */
void ate__remote_condemn(struct ate__loop_task *task);
/* client_notes.c; on the loop's thread */
uint32_t ate__remote_note_ms(const struct ate__remote *r); /* least time between two notes */
/* A note came. 0, or a result that is final. */
int ate__remote_note(struct ate__remote *r, const struct ate__msg_note *m) ATE__CHECK;
void ate__remote_judge(struct ate__remote *r); /* more was taken in */
/* FORKED or ROLLED_BACK is about to be final: true: ate__client_condemned() comes. */
bool ate__remote_forked(struct ate__remote *r, int result, const char *text);
void ate__judging_init(struct ate__remote *r);
int ate__judging_start(struct ate__remote *r) ATE__CHECK; /* E_MEMORY E_SYSTEM */
void ate__judging_open(struct ate__remote *r); /* what came meanwhile is judged now */
void ate__judging_stop(struct ate__remote *r);
void ate__judging_wait(struct ate__remote *r); /* after stop(): nothing is under way; any thread */
void ate__judging_deinit(struct ate__remote *r);
void ate__remote_hush(struct ate__pipe *p); /* chain/pipe.h; any thread */
/* Asks for what has no answer but a body: which is given. call: all zeros but for the question. */
int ate__remote_ask(struct ate__pipe *p, struct ate__call *call, struct ate__buf *ret_body)
    ATE__CHECK;
void ate__remote_believed(struct ate__remote *r); /* client.c; on the loop's thread */
int ate__remote_ended(struct ate__pipe *p) ATE__CHECK; /* client.c; of struct ate__far_vtable */
/* client_believe.c. A head that was shown: 0, at once, unless the chain is centralized and thin.
 * Waits; not on the loop's thread. Errors: UNTRUSTED: no log key in force has signed it; FORKED;
 * those of asking. */
int ate__remote_believe(struct ate__remote *r, const struct ate__head *head) ATE__CHECK;
/* client_possess.c. As struct ate__client_driver has it. */
int ate__remote_possess(struct ate__remote *r, const struct ate__client_ask *ask, struct ate__wr *w,
                        struct ate__client_said *ret_said) ATE__CHECK;
/* client_keys.c. As struct ate__client_driver has it. */
int ate__remote_prove(const struct ate__remote *r, const struct ate__possession *wanted,
                      const struct ate_hash *fingerprint, struct ate__wr *w) ATE__CHECK;
/* client_destroy.c. As struct ate__client_driver has it; then, where that left a tombstone, what
 * its result is by the anchors; and as struct ate__far_vtable has it. */
int ate__remote_destroyed(struct ate__remote *r, struct ate_bytes statement) ATE__CHECK;
int ate__remote_judge_destroyed(struct ate__remote *r) ATE__CHECK;
int ate__remote_destroy(struct ate__pipe *p, const struct ate__key *key,
                        struct ate__destruction *ret_destruction) ATE__CHECK;
