/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_private.h: the inside of struct ate__client, shared by client_step.c (links and states)
 * and client_calls.c (calls and their answers).
 */
#pragma once
#include "base/assert.h"
#include "base/err.h"
#include "mesh/client_step.h"

enum ate__client_state {
    ATE__CLIENT_IDLE,
    ATE__CLIENT_CONNECTING,
    ATE__CLIENT_OPENING,
    ATE__CLIENT_CREATING,
    ATE__CLIENT_OPENED,
    ATE__CLIENT_SUBSCRIBING,
    ATE__CLIENT_READY,
    ATE__CLIENT_WAITING,
    ATE__CLIENT_CONDEMNED,
    ATE__CLIENT_FINAL
};

struct ate__calls { /* in the order of submission */
    struct ate__call *first, **last;
};

struct ate__client {
    struct ate__client_conf conf;
    struct ate__client_driver *driver;
    enum ate__client_state state;
    unsigned depth;          /* of events and calls of the owner that are under way */
    bool ended;

    struct ate__link *link;  /* NULL: none; in FINAL and after the end it may still be closing */
    bool closing;            /* the link was closed by this side; why: */
    int drop_result;
    char drop_text[ATE__ERROR_SIZE];
    uint32_t stream;         /* the present one */
    uint64_t started_ms, ready_ms, retry_ms;
    uint32_t failures;       /* links lost since one was good */
    bool reached_once;       /* OPENED came over some link */
    bool challenged;         /* by the server, on this stream */
    bool proving;            /* which is not answered yet; with: */
    struct ate__client_ask ask;
    struct { /* client_keys.c; of the present stream */
        uint32_t count;
        struct ate_hash key[ATE__PROVED_MAX];
    } proved;
    bool reading;            /* READERS was sent, SEALED is due: POSSESSION waits for it */
    uint32_t refusals;       /* NO_ACCESS to what was proved, in a row */
    bool asks_again;         /* the link was dropped for that */
    bool admitted, create_sent, exists, created;
    bool weak;               /* OPENED of the latest stream said weak_sync */
    char lost_text[ATE__ERROR_SIZE]; /* why the last link was lost */
    int final_result;
    char final_text[ATE__ERROR_SIZE];

    struct ate__head newest, firm; /* invariant 2; size 0: none yet */
    uint64_t taken_in;       /* size that a client that follows was told */

    struct ate__calls commits, reads; /* without an answer */
    struct ate__calls finished;       /* done() is due */
    uint32_t last_request;
    uint64_t last_serial, last_ticket;
    size_t commits_out, commit_bytes_out, reads_out; /* sent over this link, not answered */
    size_t alone_count;      /* calls that want to be alone */
    struct ate__map unsure;  /* ids of commits that ended as UNKNOWN */
    uint64_t wake_ms;        /* what the driver was told */
};

static inline bool ate__client_follows(const struct ate__client *c)
{
    return c->driver->subscribe;
}
/* A body that does not decode is the peer's fault. */
static inline int ate__client_decoded(const struct ate__client *c, int rc)
{
    bool broken = rc == ATE_MALFORMED || rc == ATE_TOO_BIG;
    return broken ? ate__context(ATE_BAD_PEER, "%s", c->conf.peer) : rc;
}
static inline uint64_t ate__client_now(const struct ate__client *c)
{
    return ate__monotonic_ms(c->conf.env);
}

/* client_step.c */
void ate__client_enter(struct ate__client *c);
void ate__client_leave(struct ate__client *c); /* done() where it is due; may free c */
void ate__client_wake(struct ate__client *c, uint64_t due_ms); /* at the latest */
void ate__client_final(struct ate__client *c, int result, const char *text);
/* The link is closed and taken up again; `result`, as the error text has it, is why. */
void ate__client_drop_link(struct ate__client *c, int result);

/* client_keys.c */
void ate__keys_note(struct ate__client *c, struct ate_bytes possession); /* was sent */
/* Sends in front of a commit what it takes. Errors: BUSY OFFLINE: later; TOO_BIG; E_*. */
int ate__keys_prove_for(struct ate__client *c, const struct ate__call *call) ATE__CHECK;

/* client_calls.c */
void ate__calls_init(struct ate__calls *list);
void ate__calls_push(struct ate__calls *list, struct ate__call *call);
void ate__calls_remove(struct ate__calls *list, struct ate__call *call);
/* Sends what may be sent. */
void ate__calls_pump(struct ate__client *c);
/* The link is gone: all without an answer is to be sent again. */
void ate__calls_unsend(struct ate__client *c);
void ate__calls_mark_reached(struct ate__client *c);
void ate__calls_expire(struct ate__client *c, uint64_t now_ms, uint64_t *ret_next_ms);
/* Completes all; see ate__client_end() and FINAL. */
void ate__calls_fail_all(struct ate__client *c, int result, const char *text);
void ate__calls_settle(struct ate__client *c); /* those that wait for `taken_in` */
void ate__calls_confirmed(struct ate__client *c, uint64_t ticket, int result);
/* Answers. 0, or a result that is final for the client. */
int ate__calls_committed(struct ate__client *c, struct ate_bytes body) ATE__CHECK;
int ate__calls_got(struct ate__client *c, struct ate_bytes body) ATE__CHECK;
int ate__calls_proven(struct ate__client *c, struct ate_bytes body) ATE__CHECK;
int ate__calls_signed(struct ate__client *c, struct ate_bytes body) ATE__CHECK;
int ate__calls_destroyed(struct ate__client *c, const struct ate__msg_destroyed *m,
                         struct ate_bytes body) ATE__CHECK;
int ate__calls_rejected(struct ate__client *c, struct ate_bytes body) ATE__CHECK;
