/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * stage.h: a client without threads between a driver and a link that are the test's: what it sends
 * is looked at, what it receives is said, and time passes when the test says so.
 */
#pragma once
#include "lib/simenv.h"
#include "mesh/client_step.h"
#include "past.h"

struct stage_frame { /* that the client sent */
    uint16_t type;
    uint32_t stream;
    struct ate__buf body;
};
struct stage_link {
    struct ate__link base;
    struct ate__buf writing;
    uint16_t type;
    uint32_t stream;
    bool open, closing, paused;
    int result;
};
enum { STAGE_FRAMES = 4096, STAGE_HEADS = 4096 };
struct stage {
    struct simenv sim;
    struct past *past; /* what the server has */
    struct ate__client_driver driver;
    struct ate__client_conf conf;
    struct ate__client *c; /* NULL once it was ended */
    struct stage_link *link; /* the present one; NULL: none */
    size_t room; /* of each link, in frames */
    int connect_result;
    uint64_t wake_ms;
    struct stage_frame frame[STAGE_FRAMES];
    size_t first, count; /* sent and not looked at yet */
    unsigned connects, opens, finals, losts, groups;
    int opened_result, final_result, subscribed_result, group_result, confirm_result;
    char final_text[ATE__ERROR_SIZE];
    struct ate__head newest; /* by advanced() */
    bool firm;
    bool subscribe_ready, confirm_later; /* later: the test says what confirm() asks */
    uint64_t ticket[8]; /* that were asked so */
    unsigned tickets;
    uint64_t taken_in;
};
struct stage *stage_new(bool follows, bool creates);
void stage_free(struct stage *s); /* ends the client first */

/* ---- the link ---- */
void stage_connected(struct stage *s);
void stage_lose(struct stage *s, int result); /* closed(), as the link says it */
void stage_turn(struct stage *s);             /* closed() of a link that the client closed */
void stage_drained(struct stage *s, size_t room);
void stage_pass(struct stage *s, uint64_t ms); /* and ticks when it is due */
/* It was told once that it is over, and comes back no more. sentence: in what it was told, or NULL.
 */
void stage_final(struct stage *s, int result, const char *sentence);

/* ---- what the client sent ---- */
bool stage_quiet(struct stage *s); /* nothing more */
struct stage_frame *stage_next(struct stage *s, unsigned type); /* it must be there */
struct ate__msg_commit stage_commit(struct stage *s); /* views until the next frame is asked for */
struct ate__msg_get stage_get(struct stage *s);

/* ---- what the server says ---- */
void stage_say(struct stage *s, uint16_t type, uint32_t stream, struct ate_bytes body);
void stage_say_error(struct stage *s, int result, const char *text);
struct ate__msg_opened stage_opened_at(struct stage *s, uint64_t size);
void stage_say_opened(struct stage *s, const struct ate__msg_opened *m);
/* This transaction of the past, in the head of that size, proven from there. */
struct ate__msg_committed stage_committed_at(struct stage *s, uint32_t request, uint64_t sequence,
                                             uint64_t size, uint64_t known_size);
void stage_say_committed(struct stage *s, const struct ate__msg_committed *m);
void stage_say_rejected(struct stage *s, uint32_t request, int result, const char *text);
void stage_say_got(struct stage *s, uint32_t request, uint64_t size, uint64_t known_size);
void stage_say_subscribed(struct stage *s, uint64_t size);
/* Connected, opened at the past's size, admitted. */
void stage_ready(struct stage *s);
/* The same again after a loss. */
void stage_ready_again(struct stage *s);

/* ---- calls ---- */
struct stage_call {
    struct ate__call call;
    struct stage *stage;
    unsigned done;
    struct ate__buf tx;
    uint64_t sequence; /* that it will have in the past */
    void (*then)(struct stage_call *c);
};
/* A commit of the transaction that is `sequence` in the past. timeout_ms -1: none. */
struct stage_call *stage_commit_call(struct stage *s, uint64_t sequence, int64_t timeout_ms);
struct stage_call *stage_read_call(struct stage *s, enum ate__call_kind kind, int64_t timeout_ms);
void stage_call_free(struct stage_call *c);
#define stage_done(c, expected) stage_done_(c, expected, __LINE__)
void stage_done_(struct stage_call *c, int expected, int line);
