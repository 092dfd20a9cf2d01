/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view.h: the multi-versioned in-memory view of a chain (docs/decisions/0004).
 *
 * Every object has a slot; every body event a version, newest first, with the place of its bytes in
 * the log. Payloads are not held.
 *
 *  1. One writer at a time (the commit mutex); any number of readers, who never wait: they walk
 * inside an RCU read section.
 *  2. install() adds the versions of a transaction under its sequence; readers see a version only
 * when `published` has passed it, so whole transactions appear at once. rollback() takes back
 * everything above it. Where a limit is set readers see no more than that of it.
 *  3. A reader at size S sees, of each object, the newest version with sequence < S.
 *  4. An old version goes when no registered snapshot can see it, and its memory is used again
 * after an RCU grace period.
 *  5. Tables hold indices, not pointers; slots and versions lie in segmented arrays, so growing
 * copies no object.
 *  6. A child entry (child, serial) of a parent is valid at S if the child's version at S names
 * that parent and serial. Serials ascend along a list, of all children or of one collection.
 * Entries of the index and of child lists are never removed one by one: what no version backs is
 * left out when the table is next made anew, of a list also once that is more than half of it.
 * Before that the next object with the same tag may take an entry of the tags that no version
 * backs.
 *  7. For groups of ids, chosen by a hash, the view knows the newest sequence that touched one of
 * them. So of most objects it is known without a look at them that they did not change (still()).
 *  8. A control event is in force at S for an object whose version at S was created no later: those
 * of an earlier life of the same id are not.
 */
#pragma once
#include "chain/readers.h"
#include "redo/storage.h"
#include "trust/facts.h"

struct ate__view;
int ate__view_new(const struct ate__env *env, struct ate__view **ret_view) ATE__CHECK;
void ate__view_free(struct ate__view *v); /* no reader may be left; takes NULL */
/* A view that nobody reads yet takes the place of another one, whose snapshots and cursors are not
 * its own: what was seen there is unknown here (still()), a listing begun there is STALE here. */
void ate__view_succeed(struct ate__view *v, const struct ate__view *old);
bool ate__view_in_use(const struct ate__view *v); /* snapshots, pinned ones too; no new ones come */

/* ---- the writer, under the commit mutex ---- */
/* Takes in all events of an accepted transaction. Failures leave the view as it was: E_MEMORY BUSY.
 */
int ate__view_install(struct ate__view *v, const struct ate__tx *tx, uint64_t sequence) ATE__CHECK;
/* The objects of a transaction will be asked for: what tells where they are comes nearer. */
void ate__view_expect(const struct ate__view *v, const struct ate__tx *tx);
/* The record of `sequence` lies there, with this root time. Sequences ascend; each installed one is
 * placed before it is published. */
void ate__view_place(struct ate__view *v, uint64_t sequence, const struct ate__position *position,
                     uint64_t root_time_us);
/* The newest that was installed has this root time; where it lies is told later. What an archive
 * lets go depends on it. */
void ate__view_date(struct ate__view *v, uint64_t sequence, uint64_t root_time_us);
/* Compaction has moved the record of `sequence`, which may have fewer events and payloads than it
 * had. Readers see old and new places mixed for a moment, and find the event by its hash then. */
void ate__view_move(struct ate__view *v, const struct ate__tx *tx, uint64_t sequence,
                    const struct ate__position *position);
/* The object and all below it go with this sequence, as a SUBTREE tombstone of it would do it; for
 * an open of what compaction left. The object is there. Errors: as install(). */
int ate__view_forget(struct ate__view *v, const struct ate_id *id, uint64_t sequence) ATE__CHECK;
void ate__view_publish(struct ate__view *v,
                       uint64_t size); /* readers see all below size from now on */
/* What was published counts for the writer; readers see no more of it than this, which at first is
 * UINT64_MAX, and is not lowered below what they see. */
void ate__view_limit(struct ate__view *v, uint64_t size);
void ate__view_rollback(struct ate__view *v); /* to the size that was published last */
/* Frees what no reader can see any more; may wait for an RCU grace period (microseconds), so it is
 * called rarely, when enough has gathered. */
void ate__view_reclaim(struct ate__view *v, uint64_t now_ms);

/* ---- readers ---- */
uint64_t ate__view_published(const struct ate__view *v); /* as far as readers see it */
struct ate__view_snapshot {
    struct ate__view *view;
    struct ate__reader *reader; /* NULL: the latest state, under the commit mutex */
    uint64_t size;
};
int ate__view_begin(struct ate__view *v, uint64_t now_ms, struct ate__view_snapshot *ret)
    ATE__CHECK;
/* By the writer: all objects that the view knows, living or not, in any order; *at starts at 0.
 * Errors: END. */
int ate__view_next_object(const struct ate__view_snapshot *s, uint64_t *at, struct ate_id *ret_id,
                          struct ate__object_facts *ret) ATE__CHECK;
void ate__view_end(struct ate__view_snapshot *s);
/* It is STALE from now on and holds back no old version, but what it lent is valid until end(). */
void ate__view_pin(struct ate__view_snapshot *s);
/* Whether some reader, now or later, may see this body of the object: what no version of the view
 * is any more, none can. Any thread. */
bool ate__view_holds(const struct ate__view *v, const struct ate_id *id,
                     const struct ate_hash *hash);
/* Where the current body of an object lies. NOT_FOUND STALE */
struct ate__view_body {
    uint64_t sequence, created_us, updated_us;
    struct ate__position position; /* of the record */
    uint32_t offset, size; /* of the event in the record's body */
    struct ate_hash hash;
};
int ate__view_body(const struct ate__view_snapshot *s, const struct ate_id *id,
                   struct ate__view_body *ret) ATE__CHECK;
/* As ate__pipe_vtable has it. */
int ate__view_still(const struct ate__view_snapshot *s, const struct ate_id *id, uint64_t sequence,
                    uint64_t seen) ATE__CHECK;
/* As ate__facts_vtable has them, at the snapshot; each may also give STALE. */
int ate__view_object(const struct ate__view_snapshot *s, const struct ate_id *id,
                     struct ate__object_facts *ret) ATE__CHECK;
int ate__view_tag_holder(const struct ate__view_snapshot *s, const struct ate_id *parent,
                         const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id) ATE__CHECK;
int ate__view_next_child(const struct ate__view_snapshot *s, const struct ate__listing *l,
                         uint64_t *at, struct ate_id *ret_child) ATE__CHECK; /* see succeed() */

/* ---- for questions about the past, of which a view holds what readers need ----
 *
 * A snapshot may be asked at a smaller size than it was begun with: what it then finds is right,
 * and what it does not find may be there all the same. */

/* The newest version, deleted or not. NOT_FOUND STALE */
struct ate__view_newest {
    bool deleted;
    uint64_t sequence;
    uint64_t created_sequence, created_us; /* of its life; 0 where it is deleted */
    struct ate_hash hash; /* of its body or of the tombstone that took it along */
};
int ate__view_newest(const struct ate__view_snapshot *s, const struct ate_id *id,
                     struct ate__view_newest *ret) ATE__CHECK;
/* The control event in force at the snapshot's size in a life that began with `since`; NULL: none.
 * These are all held, and valid as long as the view. */
const struct ate__control *ate__view_control(const struct ate__view_snapshot *s,
                                             const struct ate_id *id, uint64_t since);
