/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * storage.h: where the groups of a chain lie. One vtable; engines: `file` (redo/file.c, a
 * directory) and `mem` (redo/mem.c).
 *
 * A record is one transaction with its sequence. A group is what one write carries: consecutive
 * records, one root time, the head before it. Storage knows nothing of what is inside a record.
 *
 *  1. Groups are appended at the tail only, by one caller at a time (the leader,
 * docs/decisions/0012: append, idle, rest and recover are its calls); everything else but close may
 * be called at the same moment from any thread.
 *  2. append() returns 0 only when the policy is kept: under ATE__SYNC_ALWAYS, when the group is on
 *     stable storage.
 *  3. Any failure of append(), idle() or sync() except MISUSE, TOO_BIG and E_NO_SPACE makes the
 *     handle sticky-failed: append() gives ATE_READ_ONLY until recover() has decided what stands.
 *  4. Records are identified by sequence. A position is a hint that makes load() one read; it is
 *     valid while the handle is open (begin() and recover() may move records: load() then finds
 * them anew).
 *  5. A floor is exclusive: sequences below it are known to be on stable storage.
 *  6. An open for writing changes no file; begin() does, once whoever opens has seen that what is
 *     there is what he wants. What is refused is closed without it and stays as it was, byte for
 *     byte.
 */
#pragma once
#include "base/env.h"
#include "base/err.h"

#define ATE__CHAIN_NAME ",chain"
#define ATE__REPAIRED_NAME ",repaired" /* what a repair makes, until it is `,chain` */

enum { ATE__TILE_LEAVES = 256 };
enum ate__sync { ATE__SYNC_ALWAYS, ATE__SYNC_INTERVAL, ATE__SYNC_NEVER };
enum ate__role { ATE__ROLE_ROOT = 1, ATE__ROLE_MIRROR = 2 };

struct ate__storage_conf { /* zero: the defaults */
    enum ate__sync sync;
    uint32_t sync_interval_ms; /* under INTERVAL: an append this long after the last sync syncs */
    uint64_t segment_bytes; /* up to which the sizes of new segments double; a multiple of 4,096
                             * from ATE__SEGMENT_BYTES_MIN on; 0: ATE__SEGMENT_BYTES_MAX */
    bool pad; /* every group of a new segment starts on a 4,096-byte block */
    bool no_prewrite; /* segments grow instead (docs/format/redo.md) */
    const char *dir_name; /* of the log's directory; NULL: ",chain" */
    bool destroyed_too; /* what was destroyed is opened: by who destroys it to the end */
    bool resetting_too; /* so is what is to say that it went back: by who says it */
    bool rebuild_list; /* READ alone: where no list is whole, one is made of what is there, for a
                        * repair (redo/salvage.h) */
    uint64_t rebuild_cut_off; /* of that list */
    uint64_t trimmed_bytes_max; /* kept in trimmed/; 0: 64 MiB */
};

struct ate__position {
    uint64_t place; /* of the engine */
    uint32_t size; /* bytes of the record's body */
};
struct ate__group_in {
    uint64_t first_sequence, root_time_us;
    struct ate_hash head_before; /* root of the tree of first_sequence leaves */
    const struct ate_bytes *records; /* none of them empty */
    size_t count; /* 0: as idle() */
    struct ate__position *ret_positions; /* count of them, written by a successful append; NULL:
                                          * not wanted */
    bool frees; /* it makes room: what is kept for that may be used */
    const struct ate_hash *seal; /* goes with it wherever it is copied, whole; NULL: none */
};
struct ate__group_out {
    uint64_t first_sequence, root_time_us, floor;
    uint64_t head_before; /* the first 8 bytes of it, as ate__load64(); 0 in an idle mark */
    uint32_t count; /* 0: an idle mark; compacted: nothing is left */
    bool
        compacted; /* what compaction left of it: sequences may be missing, the head is not known */
    uint64_t end_sequence; /* behind all that it stands for */
    const struct ate_hash *seal; /* of the group that ended there; NULL: none */
};
struct ate__record_out {
    uint64_t sequence, root_time_us;
    struct ate__position position;
    struct ate_bytes body; /* until the callback returns */
    bool last_in_group;
    bool identity; /* what compaction left of a transaction without a kept event */
};
/* What a scan calls. group() may be NULL. A non-zero result ends the scan and is its result. */
struct ate__scan {
    int (*group)(void *arg, const struct ate__group_out *group);
    int (*record)(void *arg, const struct ate__record_out *record);
    void *arg;
};
struct ate__storage_state {
    struct ate_hash chain_id;
    enum ate__role role;
    uint64_t size; /* records: the next sequence */
    uint64_t floor; /* sequences below it are known to be on stable storage */
    uint64_t moves; /* begin() will move the records from here on; the size: none */
    uint64_t generation, cut_off, revision;
    uint64_t bytes; /* on disk */
    uint64_t length; /* bytes of the groups, with what frames them; prewritten room is not in it */
    bool writable, failed, full;
    bool filled; /* `failed`, because the disk was full */
    bool prepare_due; /* prepare() has something to do */
};
/* What open, begin(), recover() or a scan found first. A torn tail is no damage: nothing that was
 * acknowledged is lost with it; `what` is ATE_OK then, trimmed_bytes above 0, the place and the
 * text are set. So it is for a meta file that an open for writing wrote anew. */
struct ate__storage_damage {
    enum ate_result what; /* ATE_OK: none; TAMPERED; UNSUPPORTED: of a newer version */
    uint64_t sequence; /* all records below it are whole */
    uint64_t offset;
    char file[64];
    char text[256];
    uint64_t trimmed_bytes; /* of a torn tail, kept beside the log (READ: would be) */
};

/* ---- compaction ---- */

struct ate__segment_out {
    uint64_t first, end; /* the sequences that it stands for */
    uint64_t bytes; /* of its records, as they are framed */
    bool compacted;
};
typedef int ate__segment_fn(void *arg, const struct ate__segment_out *segment);

enum ate__remains {
    ATE__REMAINS_ALL,
    ATE__REMAINS_SHORTER,
    ATE__REMAINS_IDENTITY,
    ATE__REMAINS_NOTHING
};
struct ate__rewrite {
    uint64_t from, to; /* the run begins with the segment that begins at `from`; none that ends
                          behind `to` is touched */
    uint64_t cut_off; /* if it is higher than the present one, it takes its place */
    /* What remains of a record. SHORTER, IDENTITY: its new body is appended to `body`, not longer
     * than it was. IDENTITY and NOTHING are for sequences below the cut-off that full tiles of
     * leaves cover: MISUSE. Called without a lock. A result that is not 0 ends the call and is its
     * result, and nothing has changed. */
    int (*record)(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                  enum ate__remains *ret_remains);
    void (*pause)(void *arg, uint64_t bytes); /* so many were read or written; NULL: no pauses */
    void *arg;
    /* All records were given; before any file changes. A result as of record(). NULL: nothing. */
    int (*ready)(void *arg);
};
struct ate__rewritten {
    uint64_t end; /* the run ended here: where the next one begins */
    uint64_t bytes_before, bytes_after; /* of its files */
};

struct ate__storage;
struct ate__storage_vtable {
    uint32_t group_bytes_max; /* capability: the largest group, its framing included */
    uint32_t durable_copies; /* capability: 1 for one disk, 0 for memory */
    /* Writes the idle mark and the metas where writable, after begin(); takes NULL. */
    void (*close)(struct ate__storage *s);
    void (*state)(struct ate__storage *s, struct ate__storage_state *ret_state);
    void (*damage)(struct ate__storage *s, struct ate__storage_damage *ret_damage);
    /* After an open for writing, before anything else is changed: what a crash left is put right
     * (docs/format/redo.md, "Opening for writing"); all records are on stable storage afterwards.
     * state().size stays. A new log, a reader's: nothing. Errors: TAMPERED UNSUPPORTED (nothing was
     * changed) E_*; the handle then only reads. */
    int (*begin)(struct ate__storage *s);
    /* Appends and syncs. Errors: READ_ONLY (sticky-failed, not begun or not open for writing),
     * E_NO_SPACE (nothing was written; state `full`), TOO_BIG, MISUSE (first_sequence is not the
     * size, an empty record), E_IO and others (outcome unknown, sticky). */
    int (*append)(struct ate__storage *s, const struct ate__group_in *group);
    /* Under INTERVAL and NEVER: makes all appended durable and raises the floor. Errors: READ_ONLY,
     * and as append. */
    int (*sync)(struct ate__storage *s);
    /* After a failed append: docs/format/redo.md, "Opening for writing"; afterwards state().size
     * says what stands. Errors: READ_ONLY, TAMPERED, UNSUPPORTED, E_*; the handle then stays
     * failed. */
    int (*recover)(struct ate__storage *s);
    /* Appends the idle mark if the last data group has no witness. Errors: as append. */
    int (*idle)(struct ate__storage *s);
    /* Background: one step, of bounded length, towards what is due: the room that is kept, and, if
     * the log is full, whether there is more; a sync of what NEVER gathers; prewriting the next
     * segment; sealing full ones. Call it again while state().prepare_due, with pauses that leave
     * the disk to the commits; append() does without pauses what was not done in time. 0 also when
     * nothing was due. Errors: E_NO_SPACE (state `full`), READ_ONLY, E_*. */
    int (*prepare)(struct ate__storage *s);
    /* All records from `from` on, below `to`, in order, to the size at the call, with the groups
     * and idle marks they are in. NOT_FOUND: from is above the size. TAMPERED: damage below the
     * floor. */
    int (*scan)(struct ate__storage *s, uint64_t from, uint64_t to, const struct ate__scan *scan);
    /* Body of a record. position may be NULL. Errors: NOT_FOUND COMPACTED TAMPERED E_*. Appends to
     * ret_body. COMPACTED: nothing, or its identity alone, was left of it. */
    int (*load)(struct ate__storage *s, uint64_t sequence, const struct ate__position *position,
                struct ate__buf *ret_body);
    /* Appends `size` bytes from `offset` of a record's body. Checks no checksum of the record: the
     * caller checks the hash of what it reads. One pread; position may be NULL, then more. Errors:
     * NOT_FOUND (no such place any more: look the position up again) MALFORMED (beyond the body)
     * COMPACTED TAMPERED E_*. */
    int (*read_part)(struct ate__storage *s, uint64_t sequence,
                     const struct ate__position *position, uint32_t offset, uint32_t size,
                     struct ate__buf *ret_bytes);
    /* A reader beside a writer: takes in what was written since. Errors: as the open with READ. */
    int (*refresh)(struct ate__storage *s);
    /* Names every byte range that open or scan reads and believes: file name, from, to (exclusive).
     * A non-zero result of `each` ends it and is its result. */
    int (*used)(struct ate__storage *s,
                int (*each)(void *arg, const char *file, uint64_t from, uint64_t to), void *arg);
    /* There was no write for a minute: marks the log as idle and gives back what was
     * prewritten and not used; prepare() is not due before the next append. A call of the leader.
     * Errors: as append. */
    int (*rest)(struct ate__storage *s);
    /* Leaf hashes: append after publishing (not synced), read for bases and proofs. They are not
     * believed: whoever opens truncates to 0 and appends all leaves anew from the records; what the
     * file holds already is compared, not written again. A failed append took as many leaves as
     * tiles_size() then says. node: ate__node_fn; NOT_FOUND above the size. */
    int (*tiles_append)(struct ate__storage *s, const struct ate_hash *leaves, size_t count);
    uint64_t (*tiles_size)(struct ate__storage *s);
    int (*tiles_truncate)(struct ate__storage *s, uint64_t size);
    int (*tiles_node)(struct ate__storage *s, unsigned level, uint64_t index,
                      struct ate_hash *ret_hash);
    /* hold: who opens does not know yet whether he refuses what he reads: no tile is written until
     * release(), or close without it. Much of what the file lacks is not kept in memory meanwhile:
     * `leaves` gives the 256 leaves from `first` on once more, from the records; it is called until
     * close(), from any thread, and calls scan() alone. release: E_*; nothing that was appended is
     * lost then. */
    void (*tiles_hold)(struct ate__storage *s,
                       int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                       void *arg);
    int (*tiles_release)(struct ate__storage *s);
    /* The 256 leaves from `first` on, a multiple of 256, as the file has them, whatever was
     * appended since it was opened: those of sequences that are missing stand nowhere else. Errors:
     * NOT_FOUND E_* */
    int (*tiles_stored)(struct ate__storage *s, uint64_t first, struct ate_hash *ret_leaves);
    /* Each segment but the last, in order. A non-zero result of `each` ends it and is its result.
     */
    int (*segments)(struct ate__storage *s, ate__segment_fn *each, void *arg);
    /* One run of segments is written anew, as one: as many as fit into one surely. Appends, reads
     * and syncs go on. One caller at a time. Positions of its records are hints that do not lead
     * there any more; scan() says the new ones. A crash at any moment leaves the old ones or the
     * new one (docs/format/redo.md, "Compaction"). Errors: NOT_FOUND: no such segment; UNSUPPORTED:
     * the engine does not compact; MISUSE READ_ONLY E_NO_SPACE: nothing has changed; STALE: the log
     * was recovered meanwhile, nothing has changed; E_*: as append, where the lists were being
     * changed.
     */
    int (*rewrite)(struct ate__storage *s, const struct ate__rewrite *rewrite,
                   struct ate__rewritten *ret_rewritten);
    /* What `with` holds takes the place of all that this one does, whose sequences below `same`
     * it has as well: another log of the same chain and engine, of one caller alone, begun and
     * synced, which stays his. No append, sync, prepare or rewrite is under way; reads go on, and
     * find in a record's place the old one, the new one, or none. Positions in `with` are positions
     * here. A crash at any moment leaves the old log or the new one. Errors: MISUSE: another chain
     * or engine; READ_ONLY E_NO_SPACE E_*: nothing has changed; of the file engine, where the
     * handle has failed, it is not known which log is there: recover() does not tell, an open does.
     */
    int (*replace)(struct ate__storage *s, struct ate__storage *with, uint64_t same);
    /* The directory of the log, for what is kept beside it and is no part of it; borrowed. NULL, or
     * a result of NULL: there is none. */
    struct ate__dir *(*dir)(struct ate__storage *s);
};
struct ate__storage {
    const struct ate__storage_vtable *v;
};

enum {
    ATE__STORAGE_READ = 1,
    ATE__STORAGE_CREATE = 2,
    ATE__STORAGE_ANEW = 4 /* with CREATE: a log without a record is replaced */
};
/* Whether conf.segment_bytes may be so many. Errors: MISUSE */
int ate__segment_bytes_check(uint64_t bytes) ATE__CHECK;
/* The engine `file`: the sub-directory `,chain` of `dir` (borrowed for the call). CREATE: a new log
 * for chain_id is made if there is none (ATE_EXISTS otherwise); without it chain_id and role are
 * not read, ATE_NOT_FOUND if there is none. conf: NULL for the defaults. READ: never writes; opens
 * up to damage, which damage() tells. Without READ: takes the lock (tried again for one second),
 * and shows all that begin() will keep; damage at or below the floor is ATE_TAMPERED; a list of
 * segments that cannot be trusted to be the newest opens it as if READ had been given. Only CREATE
 * changes a file, other than the lock, which is made where it is missing.
 * Where a chain was destroyed (redo/destroyed.h) it is NOT_FOUND, with CREATE DENIED.
 * Errors: NOT_FOUND EXISTS DENIED IN_USE TAMPERED UNSUPPORTED MISUSE E_*. */
int ate__storage_open_file(const struct ate__env *env, struct ate__dir *dir, unsigned flags,
                           const struct ate_hash *chain_id, enum ate__role role,
                           const struct ate__storage_conf *conf, struct ate__storage **ret_storage)
    ATE__CHECK;
/* The engine `mem`: nothing survives close. */
int ate__storage_open_mem(const struct ate__env *env, const struct ate_hash *chain_id,
                          enum ate__role role, struct ate__storage **ret_storage) ATE__CHECK;
