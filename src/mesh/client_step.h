/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_step.h: what a client does next: one stream to one chain over one link after another. No
 * thread, no socket, no clock but the env's; the driver (client.c; in tests, memory) connects,
 * wakes it up and is told.
 *
 *     IDLE -------- start ---------> CONNECTING ------ opened ------> OPENING
 *     OPENING ----- OPENED --------> OPENED;  NOT_FOUND and a genesis: CREATING
 *     CREATING ---- OPENED --------> OPENED;  EXISTS: OPENING
 *     OPENED ------ admitted ------> READY;   one that follows: SUBSCRIBING
 *     SUBSCRIBING - SUBSCRIBED, RESYNC ----> READY
 *     any with a link - it is lost -> WAITING - back-off -> CONNECTING
 *     any --------- for good ------> FINAL, as when the chain is destroyed
 *     any --------- FORKED, ROLLED_BACK, and forked() says so -> CONDEMNED -> FINAL
 *
 *  1. Calls are sent only when READY, each kind in the order in which it was submitted. When a
 *     link is lost, those without an answer are sent again over the next one, in the same order
 *     and with the same bytes.
 *  2. `newest` is a head that was verified; it never falls. A client that does not follow moves it
 *     on by proofs that start there, and believes no head that it cannot place: it sends that call
 *     again, by itself. Heads of a server that does not sync each commit are forgotten with the
 *     link, down to the newest that another one proved (or that was remembered).
 *  3. COMMITTED is believed if the leaf of the transaction that was sent is in a head so verified.
 *     One that follows believes it when the groups up to that head were taken in and confirm()
 *     finds the transaction there.
 *  4. A call is completed once: by its answer, its deadline, the end. After its deadline: UNKNOWN
 *     for a commit that may have reached the server (also in an earlier call of the same
 *     transaction that ended so); OFFLINE if no server was reached in its time; BUSY if the server
 *     said so last; else TIMEOUT. What a server refuses as OFFLINE (its machine failed, it is about
 *     to end) was not applied and is sent again.
 *  5. done() of a call may submit calls and may end the client. It is never called inside
 *     submit().
 *  6. The memory of the client goes when it was ended and its link is closed.
 *
 * One thread.
 */
#pragma once
#include "base/map.h"
#include "mesh/msg.h"
#include "net/link.h"
#include "trust/session.h"
#include "trust/possession.h"

enum ate__call_kind {
    ATE__CALL_COMMIT,
    ATE__CALL_OUTCOME,
    ATE__CALL_GET,
    ATE__CALL_SYNC, /* GET HEAD, once all commits that were submitted before it have an answer */
    /* Of both the answer is decoded and nothing more: whoever asks knows the trees it speaks of. */
    ATE__CALL_PROVE,
    ATE__CALL_CHECKPOINT,
    /* The same where it asks what to sign for. With a statement it is answered by just that one,
     * of a chain that is destroyed. */
    ATE__CALL_DESTROY
};

/* One question to the server. The caller fills the first part; memory is the caller's until
 * done(). */
struct ate__call {
    enum ate__call_kind kind;
    uint64_t deadline_ms; /* of the env's monotonic clock; UINT64_MAX: none */
    bool patient; /* BUSY is waited out, as OFFLINE always is */
    struct ate_bytes tx; /* COMMIT: encoded */
    struct ate_hash tx_hash; /* COMMIT; OUTCOME: zeros where it is not known */
    struct ate_bytes signature_section;
    /* Of a centralized chain: who made it is for the server to say, among the keys of this session,
     * which may be NULL. */
    bool unsigned_there;
    const struct ate_session *session;
    const struct ate_hash *keys; /* of it, that the commit takes */
    uint32_t key_count;
    struct ate__txn_id id; /* COMMIT, OUTCOME */
    struct ate__msg_get get; /* GET; what it points to stays; request and known are not read */
    struct ate_hash at_root; /* GET with `at`: the root there, verified before */
    struct ate__msg_prove prove; /* PROVE; request is not read */
    struct ate_bytes statement; /* DESTROY; stays */
    void (*done)(struct ate__call *call);
    void *user;
    /* The answer: */
    int result;
    char text[ATE__ERROR_SIZE]; /* its sentence */
    struct ate__receipt receipt; /* COMMIT, OUTCOME; SYNC: only size and head */
    struct ate_bytes stored_section; /* COMMIT: as it stands in the chain, perhaps in: */
    struct ate__buf attested; /* deinit is for whoever submitted it */
    struct ate__verdict verdict; /* of a refusal */
    struct ate__buf got; /* GET, PROVE, CHECKPOINT, DESTROY that asks: body of the answer, decoded
                          * once without failure */
    struct ate__head head; /* GET: of GOT; verified unless the client follows */
    /* Private: */
    struct ate__call *next, **before;
    uint32_t request; /* of the present link; 0: not sent over it */
    uint64_t serial; /* of submission */
    uint64_t not_before_ms; /* when it is sent again, after: */
    int refused; /* the server said BUSY or OFFLINE, `text` has its sentence */
    uint32_t refusals; /* in a row */
    bool sent; /* and perhaps applied */
    bool reached; /* there was a server in its time */
    bool alone; /* nothing else is under way with it */
    bool answered; /* one that follows: waits for its groups, then for confirm() */
    uint64_t ticket; /* of what confirm() is asked; 0: nothing */
};

struct ate__client;
struct ate__client_ask {
    struct ate__possession of;
    bool first; /* before OPENED: the chain was not seen, and is the one that was expected */
    uint32_t at; /* from 0 on; the keys are those that there were then */
    struct ate_bytes sealed; /* empty: nothing yet */
};
struct ate__client_said {
    enum ate__message type;
    bool more; /* keys are there behind this one */
};
struct ate__client_driver {
    /* Starts a link; its events come later. A failure is taken like a lost link, UNTRUSTED is
     * final. */
    int (*connect)(struct ate__client_driver *d, const struct ate__link_events *events, void *owner,
                   struct ate__link **ret_link);
    /* ate__client_tick() is due then; UINT64_MAX: not any more. */
    void (*wake_at)(struct ate__client_driver *d, uint64_t due_ms);
    /* OPENED came, over each link anew: its chain id, its genesis and the inclusion of that are
     * the driver's to check. A result is final. */
    int (*opened)(struct ate__client_driver *d, const struct ate__msg_opened *m);
    /* The server asks who is there: appends POSSESSION of the key ask->at, or READERS of it; then
     * it is called again, with what was sealed to it. END: nothing is said, as nothing has to be.
     * Another result is final. NULL: there is nothing. */
    int (*possess)(struct ate__client_driver *d, const struct ate__client_ask *ask,
                   struct ate__wr *w, struct ate__client_said *ret_said);
    /* Appends KEY, of a key of its session. Errors: NOT_FOUND: it has none that signs; E_*. NULL:
     * there is nothing. */
    int (*prove)(struct ate__client_driver *d, const struct ate__possession *of,
                 const struct ate_hash *fingerprint, struct ate__wr *w);
    /* `newest` moved on; `firm`: it may be remembered. Not called by one that follows. */
    void (*advanced)(struct ate__client_driver *d, const struct ate__head *newest, bool firm);
    /* A client that follows; NULL: it does not. subscribe(): where the stream is to go on; false:
     * not yet, ate__client_go_on() will be called. The body of a GROUP is for the driver to
     * decode. A result is final, but E_MEMORY costs the link alone. confirm(): all up to
     * call->receipt.size was taken in; does this history have the transaction (the head)? 0, or
     * the result of the call; ATE_END: ate__client_confirmed() will say it, in the order in which
     * it was asked, unless lost() comes first. The call may end before. */
    bool (*subscribe)(struct ate__client_driver *d, struct ate__head *ret_head);
    int (*subscribed)(struct ate__client_driver *d, const struct ate__msg_subscribed *m);
    int (*group)(struct ate__client_driver *d, struct ate_bytes body);
    /* In the place of subscribed(): what the server has left of a part of the chain comes first, in
     * LEAVES and KEPT, whose bodies are for remains() to decode. NULL: it takes no such thing. */
    int (*resync)(struct ate__client_driver *d, const struct ate__msg_resync *m);
    int (*remains)(struct ate__client_driver *d, uint16_t type, struct ate_bytes body);
    int (*confirm)(struct ate__client_driver *d, const struct ate__call *call);
    /* What stands for the chain is this, since it was destroyed. The result, never 0, is final:
     * NOT_FOUND, or DENIED where it was to be made: its owner has said so; else it is not to be
     * believed. */
    int (*destroyed)(struct ate__client_driver *d, struct ate_bytes statement);
    /* The link is gone; what it brought and is not taken in yet comes again over the next one. */
    void (*lost)(struct ate__client_driver *d);
    /* A checkpoint came by itself: conf.notes. A result is final. */
    int (*note)(struct ate__client_driver *d, const struct ate__msg_note *m);
    /* FORKED or ROLLED_BACK is about to be final, and nothing is sent any more. True:
     * ate__client_condemned() will be called, which then ends all calls. NULL: false. */
    bool (*forked)(struct ate__client_driver *d, int result, const char *text);
    /* For good; all calls have been completed. */
    void (*final)(struct ate__client_driver *d, int result, const char *text);
};

struct ate__client_conf {
    const struct ate__env *env;
    struct ate_bytes path; /* of the chain; outlives the client, as does the genesis */
    struct ate_bytes genesis; /* empty: nothing is created */
    enum ate__hash_alg alg; /* set by ate__client_admit() */
    struct ate__head remembered; /* size 0: none */
    bool has_chain; /* keys are proved for this one where a server asks before it shows any */
    struct ate_hash chain;
    const char *peer; /* "127.0.0.1:5000", for sentences; outlives the client */
    /* A server that cannot be reached is final after so long, until it was reached once. */
    uint32_t patience_ms;
    bool notes; /* checkpoints are asked for, at most one in note_ms */
    uint32_t note_ms;
};

int ate__client_new(const struct ate__client_conf *conf, struct ate__client_driver *driver,
                    struct ate__client **ret_client) ATE__CHECK;
void ate__client_start(struct ate__client *c);
/* The chain that OPENED named is the one that is wanted: goes on, now and over later links. */
void ate__client_admit(struct ate__client *c, enum ate__hash_alg alg);
void ate__client_want_notes(struct ate__client *c); /* before that: whatever conf.notes says */
void ate__client_go_on(struct ate__client *c); /* subscribe() has an answer now */
void ate__client_tick(struct ate__client *c); /* allowed at any time */
/* All groups up to this size were taken in. */
void ate__client_reached(struct ate__client *c, uint64_t size);
/* What confirm() left open; the sentence is this thread's present one. An unknown ticket is of a
 * call that has ended. */
void ate__client_confirmed(struct ate__client *c, uint64_t ticket, int result);
void ate__client_pause(struct ate__client *c, bool paused); /* of the present link */
/* The link broke a rule (result > 0), for good; or this machine failed (E_MEMORY: it is taken up
 * again). */
void ate__client_fail(struct ate__client *c, int result, const char *text);
/* The disk is full: who waits is told, and the link is taken up again after a while. */
void ate__client_no_room(struct ate__client *c, const char *text);
void ate__client_condemned(struct ate__client *c, int result, const char *text);

void ate__client_submit(struct ate__client *c, struct ate__call *call);
/* All calls are completed with CANCELED, commits that were sent with UNKNOWN; the driver is not
 * called any more. */
void ate__client_end(struct ate__client *c);

bool ate__client_created(const struct ate__client *c); /* the chain was made by this client */
