/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * txn.h: the inside of a transaction, shared by the files of dio.
 *
 *  1. The snapshot is taken at the first read and stays until commit, refresh or end.
 *  2. A change stands in `changes` once per object, in the order of first touch, and states the
 *     whole body that shall be; encryption, tags and signatures are made when it is committed,
 *     because what was changed above may decide them.
 *  3. All that a transaction lends is on its list of loans, or in its lender, until it ends them.
 *  4. Frozen: an offer ended as ATE_UNKNOWN. The same bytes are offered again, nothing else.
 */
#pragma once
#include "base/alloc.h"
#include "base/err.h"
#include "base/map.h"
#include "dio/codec.h"
#include "dio/dio.h"

/* What a change comes to, once it is known what all the others do. */
enum ate__effect {
    ATE__NOTHING,  /* touched by a call that failed, or it never was and never will be */
    ATE__CREATES,
    ATE__REPLACES, /* a new version, perhaps elsewhere, perhaps with new rules */
    ATE__RULES,    /* new rules alone */
    ATE__DELETES
};

struct ate__change {
    struct ate__change *next;
    struct ate_id id;
    enum ate__effect effect; /* by ate__txn_build() */
    /* What the snapshot holds. */
    bool existed;
    struct ate_hash prev;
    struct ate__object_facts before;
    /* The body that shall be. */
    bool body, deleted, subtree; /* body: a new version; else only rules change */
    bool open;                   /* ATE_PUBLIC: an own rule opens it to everyone */
    bool moved;                  /* to another parent or name, perhaps the same again */
    struct ate_id parent;
    uint32_t collection;
    struct ate__buf name, type, payload, user;
    uint8_t name_key[ATE__NAME_TAG]; /* its place in by_name, where it has a name */
    bool has_reply_to;
    struct ate_id reply_to;
    uint8_t encoding;            /* enum ate__encoding */
    bool has_payload;
    /* The rules that shall be: auth's keys point into `keys`. */
    bool rules;
    struct ate__auth auth;
    struct ate__buf keys[ATE__RIGHTS];
    bool holds, hold; /* HOLD is to be as `hold` says */
    bool rotate;      /* the next epoch begins */
    bool publish;     /* with rules: the data key in clear */
    bool came; /* CAME_FROM is to be `came_from`, which points into `scopes` */
    struct ate_bytes came_from;
    struct ate__buf scopes;
    bool rewrap;      /* its name key is wrapped for the scope that it lies in by now */
    bool sealed;      /* the last build sealed the body: a later one must not put it in clear */
    struct ate__control *control; /* made at commit; a reference */
};

struct ate_txn {
    struct ate__dio *dio;
    struct ate_session *session; /* a reference, or NULL */
    unsigned flags;
    struct ate__snapshot *snapshot;
    struct ate__facts facts;     /* the snapshot with the changes over it */
    struct ate__change *changes, **changes_end;
    size_t change_count;
    struct ate_id drawn;         /* the last id drawn here: no snapshot can hold it */
    struct ate__map by_id;       /* id -> change */
    struct ate__map by_name;     /* open name tag -> change: names that changes give */
    size_t subtrees;             /* changes that delete a subtree */
    struct ate__precondition *preconditions;
    size_t precondition_count, precondition_capacity;
    void **loans;                /* blocks */
    size_t loan_count, loan_capacity;
    struct ate__lender *lender;  /* of shared decoded objects; NULL: none yet */
    struct ate_cursor *cursors;
    struct ate__txn_id id;       /* of the next or unanswered commit */
    struct ate__offer offer;
    struct ate__own own;
    struct ate__event_hashes *hashes; /* own's; as many as hash_capacity */
    size_t hash_capacity;
    struct ate__buf encoded;     /* what is offered */
    struct ate__buf arena;       /* memory of ate__txn_build(), from one commit to the next */
    bool offered, frozen;
    struct ate__ask ask; /* what a root that is far away has, before it is offered again */
    bool catching_up, caught_up; /* asked; answered */
    bool renewed; /* made anew after STALE_KEY: what was sealed stays sealed */
    atomic_bool unasked; /* offered, answered, and nobody will finish() it */
    bool ended; /* by its owner; its answer may still be on the way */
    atomic_uint holds; /* the owner, and of an offer in flight done() and finish() */
    void (*done)(void *arg);
    void *done_arg;
    struct ate_conflict conflicts[ATE__CONFLICTS_MAX];
    size_t conflict_count;
};

struct ate_cursor {
    struct ate_cursor *next, **before; /* of the transaction's list */
    struct ate_txn *txn;
    struct ate__listing listing;
    bool readable; /* passes over what the session's keys do not open */
    uint64_t at; /* in the snapshot's children */
    enum ate__walk { ATE__WALK_STORED, ATE__WALK_OWN, ATE__WALK_OVER } walk; /* which come now */
    /* Those that this transaction adds there, as they were when the walk came to them. */
    struct ate_id *own;
    size_t own_count, own_capacity, own_at;
    bool own_known;
};

/* txn_commit.c */
bool ate__txn_is_offered(struct ate_txn *t); /* its answer is on the way */

/* txn.c */
void ate__txn_draw_id(struct ate_txn *t);
void ate__txn_let_go(struct ate_txn *t); /* of one hold */
int ate__txn_read(struct ate_txn *t)
    ATE__CHECK; /* there is a snapshot from now on; MISUSE: frozen */
int ate__txn_write(struct ate_txn *t) ATE__CHECK; /* the same, for changes; READ_ONLY MISUSE */
int ate__txn_check_present(const struct ate_txn *t) ATE__CHECK; /* MISUSE: it reads the past */
int ate__txn_lend(struct ate_txn *t, void *take_block) ATE__CHECK; /* consumed even on failure */
void ate__txn_drop_changes(struct ate_txn *t);

/* overlay.c */
void ate__overlay_init(struct ate_txn *t);
/* The object as this transaction sees it; NOT_FOUND with a sentence unless it is live. */
int ate__txn_object(struct ate_txn *t, const struct ate_id *id, struct ate__object_facts *ret)
    ATE__CHECK;
int ate__txn_need(struct ate_txn *t, const struct ate_id *id, struct ate__object_facts *ret)
    ATE__CHECK;
struct ate__change *ate__txn_change(const struct ate_txn *t, const struct ate_id *id); /* NULL */
/* The child of that name; NOT_FOUND, NO_KEY: the names are private and the session lacks their key
 * (and no open object has the name). */
int ate__txn_child(struct ate_txn *t, const struct ate_place *place, struct ate_bytes name,
                   struct ate_id *ret_id) ATE__CHECK;
/* The change of an object, made if there is none yet. */
int ate__txn_touch(struct ate_txn *t, const struct ate_id *id, struct ate__change **ret_change)
    ATE__CHECK;
/* Place and name (empty: none) that the object shall have; all or nothing. MALFORMED E_MEMORY */
int ate__txn_place(struct ate_txn *t, struct ate__change *c, const struct ate_place *place,
                   struct ate_bytes name) ATE__CHECK;
void ate__txn_unname(struct ate_txn *t, struct ate__change *c);
int ate__txn_effect(struct ate_txn *t, const struct ate__change *c, enum ate__effect *ret_effect)
    ATE__CHECK;
/* An own rule of its change, or the control event in force, sets read; NULL: it inherits. */
const struct ate__rule *ate__txn_read_rule(const struct ate__change *c,
                                           const struct ate__control *control);
/* The name key in force for the children of parent; *ret_private false: names are open. NO_KEY */
int ate__txn_name_key(struct ate_txn *t, const struct ate_id *parent, bool *ret_private,
                      struct ate__key32 *ret_key) ATE__CHECK;

/* children.c */
int ate__txn_next_child(struct ate_cursor *c, struct ate_id *ret_id) ATE__CHECK; /* ATE_END */

/* body.c */
struct ate__body { /* a stored or pending body, opened */
    struct ate__buf bytes, plain, unpacked; /* what the views point into */
    struct ate_bytes name, type, payload, user; /* name: if it was wanted */
    uint8_t encoding;
    bool readable, open, has_payload, has_reply_to;
    bool compacted; /* it had a payload, of which compaction left the hash: type and name may be
                       gone with it */
    struct ate_id reply_to;
    uint64_t payload_size;
    struct ate_hash hash; /* zero: pending */
    struct ate__authors authors;
};
void ate__body_deinit(struct ate__body *b);
enum { /* what is wanted beyond type, items and payload */
       ATE__BODY_NAME = 1, /* empty where it does not give the tag */
       ATE__BODY_AUTHORS = 2, /* costs a read of the whole transaction */
       ATE__BODY_SIZE = 4 /* less: of a stored payload its size alone */
};
/* NOT_FOUND NO_KEY is no failure here: readable says so. */
int ate__txn_body(struct ate_txn *t, const struct ate_id *id, unsigned wanted,
                  struct ate__body *ret_body) ATE__CHECK;
/* Why a stored body is not readable: NO_KEY, with the scope and, where it was sealed to the session
 * wrongly, the key. E_* */
int ate__txn_no_key(struct ate_txn *t, const struct ate_id *id) ATE__CHECK;
/* The change states the stored body as it is, so that it can be sealed anew (a move, new rules).
 * NO_KEY */
int ate__txn_restate(struct ate_txn *t, struct ate__change *c) ATE__CHECK;
/* The same without type and payload, which come from elsewhere: where it lies, its name, its items.
 * b: the body that is replaced, with its name. NO_KEY */
int ate__txn_keep(struct ate_txn *t, struct ate__change *c, const struct ate__body *b) ATE__CHECK;

/* move.c: all below `id` that takes its scope or its names from there. TOO_BIG: more than a
 * transaction holds. */
int ate__txn_restate_below(struct ate_txn *t, const struct ate_id *id) ATE__CHECK;
/* CAME_FROM shall be these; empty: it goes. */
int ate__txn_came_from(struct ate__change *c, struct ate_bytes ids) ATE__CHECK;

int ate__body_check_payload(const struct ate__body *b) ATE__CHECK; /* COMPACTED */

const struct ate__genesis *ate__txn_genesis(const struct ate_txn *t);

/* archive.c */
bool ate__txn_archive(const struct ate_txn *t);
bool ate__change_held(const struct ate__change *c); /* HOLD after it, and: not as before it */
bool ate__change_turns_hold(const struct ate__change *c);
/* It says something about control events beyond HOLD and ATE_PUBLIC: needs admin. */
static inline bool ate__change_rules(const struct ate__change *c)
{
    return c->rules || c->rotate || c->rewrap || c->came;
}
/* The object and all below it, each by itself. */
int ate__txn_delete_each(struct ate_txn *t, struct ate_id id) ATE__CHECK;

/* build.c */
int ate__txn_build(struct ate_txn *t)
    ATE__CHECK; /* changes -> t->encoded; END: they come to nothing */
/* signers.c */
struct ate__txn_signers {
    uint32_t count;
    const struct ate__key *key[ATE__TX_SIGNATURES_MAX];
    struct ate_hash fingerprint[ATE__TX_SIGNATURES_MAX];
    bool by_root; /* one of them as a root key, in whatever chain */
};
int ate__txn_signers(struct ate_txn *t, struct ate__txn_signers *ret_signers)
    ATE__CHECK; /* DENIED */
