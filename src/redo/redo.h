/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * redo.h: the engine `file` from inside: one directory of segments, lists, tiles.
 *
 *   ,chain/lock            whoever writes has it locked
 *   ,chain/meta.a meta.b   what is live (redo/meta.h, redo/pair.h)
 *   ,chain/ID.seg          segments (redo/segment.h)
 *   ,chain/next            the segment to come (redo/next.h)
 *   ,chain/reserve         room for what makes room (redo/reserve.h)
 *   ,chain/compact         what compaction writes in the place of some (redo/rewrite.c)
 *   ,chain/ID.new          what a backup or replace() has written and not listed (redo/backup.h)
 *   ,chain/tiles           leaf hashes (redo/tiles.h)
 *   ,chain/view            no part of the log: the view image (chain/image_file.h)
 *   ,chain/trimmed/        torn tails, for inspection (redo/trim.h)
 *
 * States of a handle, and who moves it:
 *
 *   READING   shows what stood there at open or refresh(); append() is READ_ONLY
 *   HELD      has the lock, shows what will stand, and changes no file; append() is READ_ONLY
 *   WRITING   all calls
 *   FULL      WRITING, and the disk is full: what does not make room is not to be appended
 *   FAILED    reads go on; append() is READ_ONLY
 *
 *   HELD -> WRITING      ate__file_begin()
 *   WRITING -> FULL      E_NO_SPACE for the segment, the reserve, a group that frees nothing
 *   FULL -> WRITING      ate__roll() that met room; ate__file_prepare(), with the reserve whole
 *   WRITING -> FAILED    ate__broke(): a write or a sync failed whose outcome decides what stands
 *   FAILED -> WRITING    ate__file_recover(): as an open, with new descriptors
 *
 *  1. Only the last segment of the list grows, and only behind its `length`. What lies below the
 *     length of a segment never changes while the segment is in the list.
 *  2. size, the last segment's end and its length move together, under the mutex, after the write
 *     (and, where the policy asks for it, the sync) that they stand for.
 *  3. floor <= size. All segments but the last end at or below the floor: they were synced before
 *     the list named the next one.
 *  4. Room for an idle mark and a footer is always kept in the last segment.
 *  5. A segment that a reader has pinned keeps its descriptor; others may lose theirs.
 *  6. Locks are taken in this order: change, syncing, mutex. No callback runs under one.
 */
#pragma once
#include "redo/at_rest.h"
#include "redo/next.h"
#include "redo/pair.h"
#include "redo/reserve.h"
#include "redo/scan.h"
#include "redo/tiles.h"

#define ATE__LOCK_NAME "lock"

struct ate__list {
    struct ate__segment **items; /* in the order of their sequences; a reference each */
    size_t count, capacity;
};

struct ate__redo {
    struct ate__storage storage; /* first: a storage is a redo */
    const struct ate__env *env;
    const struct ate__vfs *vfs;
    struct ate__storage_conf conf;
    struct ate__at_rest *at_rest; /* NULL: records lie there as they are */
    struct ate__dir *dir;   /* ,chain */
    struct ate__file *lock; /* a writer's; NULL: a reader */
    bool prewrite;
    struct ate__tiles tiles;

    pthread_mutex_t change; /* held by whoever changes the lists or `next`; guards the next five */
    struct ate__pair pair;
    struct ate__next next;
    struct ate__reserve reserve;
    bool full_once; /* a recovery had to use the reserve: it keeps no torn tail */
    uint64_t rewriting_id; /* promised to a segment that is being written; 0: none */

    pthread_mutex_t syncing; /* held over a sync of the last segment and the note of its failure, so
                              * that no other sync reports success for pages that one lost */

    pthread_mutex_t mutex; /* guards what follows */
    struct ate__list list;
    uint64_t size, floor;
    uint64_t moves; /* HELD: recovery will move the records from here on; else the size */
    uint64_t floor_length; /* bytes of the last segment that are known to be on stable storage */
    uint64_t witnessed; /* the highest floor that stands in a synced header or list */
    uint64_t root_time_us; /* of the last group */
    struct ate_hash chain_id;
    enum ate__role role;
    uint64_t revision, generation, cut_off;
    uint64_t meta_bytes;
    uint64_t spare; /* bytes of the reserve, as far as known */
    uint64_t wanted; /* FULL: there was no room for so many bytes */
    const char *meta_lost; /* a list that a reader found damaged; NULL: none */
    uint64_t synced_ms; /* when the last segment was synced last */
    uint64_t epoch; /* rises when the list was made anew from the disk */
    uint64_t pins; /* so far, to tell which segment was pinned longest ago */
    size_t unsealed; /* segments but the last that have no footer */
    uint64_t full_bytes; /* files of all segments but the last */
    bool writable, failed, full, filled, next_ready; /* filled: what made it fail */
    bool held; /* nothing was changed yet */
    bool due; /* held: recovery has something to do */
    bool resting; /* nothing was appended since rest() */
    struct ate__storage_damage damage;

    struct ate__buf group; /* the leader's: the bytes of the group that it writes */
};

/* --- redo.c: what all parts share --- */

int ate__list_add(struct ate__list *list, struct ate__segment *take_segment) ATE__CHECK;
void ate__list_deinit(const struct ate__vfs *vfs, struct ate__list *list);
/* Which segment holds the sequence, or would; list not empty. Under the mutex. */
size_t ate__list_find(const struct ate__list *list, uint64_t sequence);

/* What a reader has to know of a segment, as it stood when it was pinned. */
struct ate__pinned {
    struct ate__segment *segment; /* NULL: none */
    struct ate__file *file;
    uint64_t end, length;
    uint64_t epoch;
    bool sealed, last;
};
/* Pins the segment that holds the sequence, or would: the last where it is the size or above.
 * Errors: NOT_FOUND (the list is empty) TAMPERED (the file is gone) E_* */
int ate__pin(struct ate__redo *r, uint64_t sequence, struct ate__pinned *ret_pinned) ATE__CHECK;
void ate__unpin(struct ate__redo *r, struct ate__pinned *p);
/* False: the list was made anew since; what the reader saw may be stale. */
bool ate__still(struct ate__redo *r, const struct ate__pinned *p);

/* For reading. Errors: NOT_FOUND E_* */
int ate__open_file_of(struct ate__redo *r, const struct ate__segment *s,
                      struct ate__file **ret_file) ATE__CHECK;

/* A walk over a segment from its first group on; `to`: where it ends. */
void ate__walk_begin(struct ate__walk *w, struct ate__window *window, const struct ate__segment *s,
                     uint64_t to);
void ate__note_group(struct ate__redo *r, struct ate__segment *s, uint64_t sequence,
                     uint64_t offset);
uint64_t ate__position_place(const struct ate__segment *s, uint64_t offset);

/* Fills *damage unless it tells of some already. The result is damage->what. */
int ate__damage_set(struct ate__storage_damage *damage, enum ate_result what, uint64_t sequence,
                    const char *file, uint64_t offset, const char *text);
/* The sentence for damage, and its result. */
int ate__damage_fail(const struct ate__storage_damage *damage);
/* A reader found damage in a segment. */
int ate__damage_found(struct ate__redo *r, enum ate__soundness verdict, uint64_t sequence,
                      const char *file, uint64_t offset, const char *text);

/* --- append.c --- */

int ate__file_append(struct ate__storage *storage, const struct ate__group_in *group);
int ate__file_sync(struct ate__storage *storage);
int ate__file_idle(struct ate__storage *storage);
/* The handle has failed. Gives the result for the caller: never E_NO_SPACE. */
int ate__broke(struct ate__redo *r, int rc) ATE__CHECK;
/* 0, or READ_ONLY with the reason. */
int ate__check_usable(struct ate__redo *r) ATE__CHECK;

/* --- roll.c: the next segment --- */

/* Goes over to a new segment that has room for a group of `bytes`. Errors: E_NO_SPACE (nothing has
 * changed); others: the handle has failed. */
int ate__roll(struct ate__redo *r, uint64_t bytes, const struct ate__group_in *group) ATE__CHECK;
int ate__file_prepare(struct ate__storage *storage);
/* No segment has it, nor had. Under `change`. */
uint64_t ate__free_id(const struct ate__redo *r);
int ate__file_rest(struct ate__storage *storage);
/* Removes `next` and the unused end of the last segment. Under `change`, by the leader. */
int ate__give_back(struct ate__redo *r) ATE__CHECK;
bool ate__prepare_due(const struct ate__redo *r); /* under the mutex */
/* The list as it stands, with the next revision. Under `change`. ATE_E_MEMORY */
int ate__meta_of(struct ate__redo *r, struct ate__meta *ret_meta) ATE__CHECK;
/* Puts it in force: files and r. */
int ate__meta_put(struct ate__redo *r, struct ate__meta *take_meta) ATE__CHECK;
/* Bytes that a group, an idle mark, take in a segment. */
uint64_t ate__room_of(const struct ate__segment *s, uint64_t group_bytes);

/* --- room.c: a full disk --- */

/* Where the last segment grows, zeros take the place of a group of `bytes` first, so that a full
 * disk is met while nothing of the group is written. Where nothing is prewritten, what frees room
 * gets of the reserve beforehand, once the log is full. A call of the leader. Errors: E_NO_SPACE
 * (nothing has changed) E_* */
int ate__make_room(struct ate__redo *r, struct ate__segment *last, uint64_t bytes, bool frees)
    ATE__CHECK;
bool ate__reserve_due(const struct ate__redo *r); /* under the mutex */
/* Fills the reserve; with room for what there was none for, the log is not full any more. Under
 * `change`. Errors: E_NO_SPACE (the log is full) E_* */
int ate__fill_reserve(struct ate__redo *r) ATE__CHECK;
/* So much of the reserve, or what it has, goes back to the disk. Under `change`. */
uint64_t ate__give_room(struct ate__redo *r, uint64_t bytes);
/* The disk is full, or is not; wanted: bytes that there was no room for. */
void ate__set_full(struct ate__redo *r, bool full, uint64_t wanted);
/* All that was kept or prepared and is not needed yet goes back to the disk, for the rewriting of a
 * segment or a recovery. False: there was nothing. Under `change`. */
bool ate__give_spare(struct ate__redo *r);
/* Bytes up to which segments double. */
uint64_t ate__segment_max(const struct ate__redo *r);

/* --- rewrite.c: compaction --- */

int ate__file_segments(struct ate__storage *storage, ate__segment_fn *each, void *arg);
int ate__file_rewrite(struct ate__storage *storage, const struct ate__rewrite *rewrite,
                      struct ate__rewritten *ret_rewritten);
/* Gives `compact` the name of its id; the directory is synced. Errors: E_* */
int ate__rewrite_rename(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t id) ATE__CHECK;

/* --- replace.c: another log in the place of this one --- */

int ate__log_replace(struct ate__storage *storage, struct ate__storage *with, uint64_t same);

/* --- look.c: reading --- */

int ate__file_scan(struct ate__storage *storage, uint64_t from, uint64_t to,
                   const struct ate__scan *scan);
int ate__file_load(struct ate__storage *storage, uint64_t sequence,
                   const struct ate__position *position, struct ate__buf *ret_body);
int ate__file_read_part(struct ate__storage *storage, uint64_t sequence,
                        const struct ate__position *position, uint32_t offset, uint32_t size,
                        struct ate__buf *ret_bytes);

/* --- inspect.c: what is where --- */

int ate__file_used(struct ate__storage *storage,
                   int (*each)(void *arg, const char *file, uint64_t from, uint64_t to), void *arg);
void ate__file_state(struct ate__storage *storage, struct ate__storage_state *ret_state);
void ate__file_damage(struct ate__storage *storage, struct ate__storage_damage *ret_damage);

/* --- survey.c, boot.c: from the disk into r --- */

/* Whether there is a file with the name of a segment. Errors: E_* */
int ate__any_segment(struct ate__redo *r, bool *ret_any) ATE__CHECK;

/* Takes in what stands there; a writer is HELD then. Changes nothing. */
int ate__boot(struct ate__redo *r) ATE__CHECK;
int ate__file_begin(struct ate__storage *storage);
int ate__file_recover(struct ate__storage *storage);
int ate__file_refresh(struct ate__storage *storage);
int ate__create_log(struct ate__redo *r, const struct ate_hash *chain_id, enum ate__role role)
    ATE__CHECK;
/* Undoes it for a log without a record, which was opened for writing just now: step by step the
 * other way round, so that a crash leaves what one leaves of a creation. */
int ate__uncreate_log(struct ate__redo *r) ATE__CHECK;
