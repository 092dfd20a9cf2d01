/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view.h: the multi-versioned in-memory view of a chain (LOG 14).
 *
 * Every object has a slot; every body event a version, newest first, with the place of its bytes in the log. Payloads are not held.
 *
 *  1. One writer at a time (the commit mutex); any number of readers, who never wait: they walk under an RCU read section.
 *  2. install() adds the versions of a transaction under its sequence; readers see a version only when `published` has reached it, so
 *     whole transactions appear at once. rollback() takes back everything above `published`.
 *  3. A reader at snapshot S sees, of each object, the newest version with sequence < S (S is a size: sequences below it are in).
 *  4. An old version goes when no registered snapshot can see it, and its memory after an RCU grace period.
 *  5. The table holds indices, not pointers; slots, versions and tables lie in segmented arrays, so growing copies no objects.
 *  6. A child entry (child, serial) of a parent is valid at S if the child's version at S names that parent and serial.
 */
#pragma once
#include "redo/storage.h"
#include "trust/facts.h"

enum { ATE__LATEST = -1 }; /* as (uint64_t): also what is not published */

struct ate__view;
int ate__view_new(const struct ate__env *env, struct ate__view **ret_view) ATE__CHECK;
void ate__view_free(struct ate__view *v); /* no reader may be left */

/* ---- the writer ---- */
/* Where an event's bytes lie: ate__storage read_part() finds them. */
struct ate__place {
    struct ate__position record;
    uint32_t offset, size; /* of the whole event inside the record's body */
};
/* Installs all events of an accepted transaction. places: one per event (place of the record may be filled in later by place()). */
int ate__view_install(struct ate__view *v, const struct ate__tx *tx, uint64_t sequence, uint64_t time_us) ATE__CHECK;
/* The group of `sequence` lies at this position now, with this root time: called after the write, before publish(). */
void ate__view_place(struct ate__view *v, uint64_t sequence, const struct ate__position *position, uint64_t root_time_us);
void ate__view_publish(struct ate__view *v, uint64_t size); /* readers see all below size from now on */
int ate__view_rollback(struct ate__view *v);     /* to the published size */
void ate__view_reclaim(struct ate__view *v);     /* frees what no reader can see; outside the commit mutex is fine: one caller at a time */
uint64_t ate__view_published(const struct ate__view *v);
uint64_t ate__view_objects(const struct ate__view *v); /* live, about */
