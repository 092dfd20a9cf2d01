/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * judge.h: one acceptance in progress; shared by the files accept*.c and place.c.
 *
 * 1. Every object that the transaction touches, and the parent of each, is a node: it knows the
 *    events of the transaction about it and, once loaded, the facts before it. The top is node 0.
 *    There are at most two nodes an event, so nodes never move; small transactions need no memory
 *    but this struct, large ones an array and a map.
 * 2. A check adds refusals; the sentence is that of the first. No check begins when one before it
 *    refused. What a check returns is a failure of the machine, or 0.
 * 3. What is found out about a parent is remembered at its node, so that a thousand objects under
 *    one parent cost one walk.
 */
#pragma once
#include "base/err.h"
#include "base/map.h"
#include "trust/authority.h"
#include "trust/state_private.h"

enum {
    ATE__NODES_SMALL = 17, /* the top, and two for each of 8 events */
    ATE__NO_EVENT = -1,
    ATE__REFUSAL_TEXT = 896 /* bytes */
};

/* Where an object lies in the state after the transaction. */
enum ate__place {
    ATE__PLACE_UNKNOWN,
    ATE__PLACE_WALKING, /* on the way up that is being walked */
    ATE__PLACE_GOOD,
    ATE__PLACE_LOST,  /* it or an ancestor does not live: `lost` */
    ATE__PLACE_CYCLE,
    ATE__PLACE_DEEP
};
/* Who of the signers may, as authority.h has it, and that it was asked: NO alone is nobody. */
enum ate__answer { ATE__UNASKED = 0, ATE__NO = 1 << 30 };

/* The control event that sets read, in force or in this transaction. */
struct ate__read_scope {
    const struct ate__header *header; /* NULL: none; everyone reads */
    uint64_t sequence;                /* 0: in this transaction */
};

struct ate__node {
    struct ate_id id;
    int32_t body, control; /* index of the event about it, or ATE__NO_EVENT */
    bool loaded;
    struct ate__object_facts before;
    /* Who may, by the state before: append to it, write it, delete it? enum ate__answer */
    uint32_t may_append, may_write, may_delete;
    uint8_t place; /* enum ate__place; then: */
    uint32_t depth; /* parents above it */
    struct ate__read_scope scope; /* that it lies in */
    struct ate_id lost;
    uint64_t lost_sequence; /* of its deletion; 0: it never was, or goes in this transaction */
    /* While walking: */
    uint32_t steps; /* to the next node above */
    struct ate__read_scope passed; /* set here or on the way to that node */
    struct ate__node *below; /* the node that the walk came from */
};

struct ate__ways;
struct ate__needs { /* of each thing that is not everyone's: of which signers one has to be there */
    struct ate__buf of; /* uint32_t each */
    uint32_t last;
};
struct ate__judge {
    const struct ate__trust *t;
    const struct ate__facts *facts;
    const struct ate__tx *tx;
    uint64_t sequence, root_time_us;
    bool kept; /* it is what compaction left, and was accepted once */
    struct ate__signers signers;
    bool attested; /* they do not sign: a server says who they are */
    struct ate__needs *needs; /* NULL: nobody asks */
    struct ate_hash fingerprints[ATE__PROVED_MAX]; /* also as many as sign a transaction */
    struct ate__verdict *verdict;
    int result; /* of the first refusal */
    char text[ATE__REFUSAL_TEXT];
    bool creates_rights; /* the transaction has control events */
    struct ate__node *nodes;
    size_t node_count, node_capacity;
    struct ate__ways *ways; /* ways.h; NULL: none was long yet */
    struct ate__map index; /* id -> index; only where there are more than ATE__NODES_SMALL */
    struct ate__node small[ATE__NODES_SMALL];
};

/* ---- judge.c ---- */
int ate__judge_init(struct ate__judge *j, const struct ate__trust *t,
                    const struct ate__facts *facts, const struct ate__tx *tx, uint64_t sequence,
                    struct ate__verdict *verdict) ATE__CHECK;
void ate__judge_deinit(struct ate__judge *j);
/* Names the object (NULL: none) in the verdict; the first refusal gives result and sentence. */
void ate__refuse(struct ate__judge *j, int result, const struct ate_id *id, uint64_t sequence,
                 const char *format, ...) ATE__PRINTF(5, 6);
struct ate__node *ate__node_find(struct ate__judge *j, const struct ate_id *id); /* or NULL */
/* Finds or makes it. Errors: E_MEMORY. */
int ate__node_of(struct ate__judge *j, const struct ate_id *id, struct ate__node **ret_node)
    ATE__CHECK;
int ate__node_load(struct ate__judge *j, struct ate__node *n) ATE__CHECK;
static inline struct ate__node *ate__node_top(struct ate__judge *j)
{
    return &j->nodes[0];
}
/* The body event about it, tombstones included; NULL: none. */
static inline const struct ate__event *ate__node_body(const struct ate__judge *j,
                                                      const struct ate__node *n)
{
    return n->body == ATE__NO_EVENT ? NULL : &j->tx->events[n->body];
}
static inline const struct ate__event *ate__node_control(const struct ate__judge *j,
                                                         const struct ate__node *n)
{
    return n->control == ATE__NO_EVENT ? NULL : &j->tx->events[n->control];
}
static inline bool ate__is_tombstone(const struct ate__event *e)
{
    return ate__header_has(&e->header, ATE__TAG_TOMBSTONE);
}
/* The transaction makes it. */
static inline bool ate__node_created(const struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__event *e = ate__node_body(j, n);
    return e && !ate__header_has(&e->header, ATE__TAG_PREV);
}
/* It stays, but not where it was. */
static inline bool ate__node_moved(const struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__event *e = ate__node_body(j, n);
    return e && !ate__node_created(j, n) && !ate__is_tombstone(e) &&
           (!ate__id_equal(&e->header.parent, &n->before.parent) ||
            e->header.collection != n->before.collection);
}
/* In force before; an object that was not live has none. */
static inline const struct ate__control *ate__node_rules(const struct ate__node *n)
{
    return n->before.live ? n->before.control : NULL;
}

/* That it is there, and of an object. */
static inline bool ate__event_of_object(const struct ate__event *e)
{
    return e->form != ATE__DROPPED && (e->kind == ATE__EVENT_BODY || e->kind == ATE__EVENT_CONTROL);
}
/* A signer by that fingerprint; a root key in force that signs. What a server attests counts for
 * neither: who has a log key makes no root key, no log key, no certificate and no revocation. */
uint32_t ate__judge_named(const struct ate__judge *j,
                          const struct ate_hash *fingerprint); /* either, a bit; 0: no */
bool ate__judge_signed_by(const struct ate__judge *j, const struct ate_hash *fingerprint);
bool ate__judge_root_signs(const struct ate__judge *j);
/* This takes one of these, who are some. Errors: E_MEMORY. */
int ate__judge_need(struct ate__judge *j, uint32_t signers) ATE__CHECK;
/* The fewest of the first `count` signers that are enough, the first ones where one will do for
 * another. */
uint32_t ate__needs_fewest(const struct ate__needs *n, size_t count);
static inline bool ate__judge_archive(const struct ate__judge *j)
{
    return ate__trust_genesis(j->t)->archive;
}

/* ---- the checks, in their order ---- */
int ate__check_form(struct ate__judge *j) ATE__CHECK; /* accept_form.c: 1 */
int ate__check_chain_id(struct ate__judge *j) ATE__CHECK; /* accept_before.c: 2 */
int ate__check_base(struct ate__judge *j) ATE__CHECK; /* accept_before.c: 2, 3 */
int ate__check_snapshot_root(struct ate__judge *j) ATE__CHECK; /* accept_services.c: 3 */
int ate__check_reset(struct ate__judge *j) ATE__CHECK; /* accept_reset.c: 3, and 5 of its time */
int ate__check_before(struct ate__judge *j) ATE__CHECK; /* accept_before.c: 4 */
int ate__check_kept(struct ate__judge *j) ATE__CHECK; /* accept_before.c: what is left of 4 */
int ate__check_rights(struct ate__judge *j) ATE__CHECK; /* accept_rights.c: 5, of objects */
int ate__check_keys(struct ate__judge *j) ATE__CHECK; /* accept_keys.c: 5, of keys */
int ate__check_archive(struct ate__judge *j) ATE__CHECK; /* accept_archive.c: 5, of an archive */
int ate__check_sealing(struct ate__judge *j) ATE__CHECK; /* accept_sealing.c: 6 */
int ate__check_after(struct ate__judge *j) ATE__CHECK; /* accept_after.c: 7 */
int ate__check_places(struct ate__judge *j) ATE__CHECK; /* accept_after.c: what is left of 7 */
/* accept_rights.c: what is asked of what comes from afar. Errors: DENIED, and those of the facts.
 */
int ate__check_purpose(struct ate__judge *j) ATE__CHECK;

/* accept_services.c: what accept_keys.c asks about CHAIN and SNAPSHOT events. Errors: E_MEMORY. */
int ate__check_services(struct ate__judge *j, const struct ate__event *e) ATE__CHECK;
void ate__check_snapshot_signers(struct ate__judge *j);
void ate__check_reset_signers(struct ate__judge *j); /* accept_reset.c: 5, of keys */

/* place.c: fills in n->place and what goes with it. Errors: those of the facts. */
int ate__place_of(struct ate__judge *j, struct ate__node *n) ATE__CHECK;
