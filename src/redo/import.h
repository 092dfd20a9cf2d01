/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * import.h: a new log out of what compaction has left of another one, as a mirror receives it
 * (docs/format/wire.md, "Resync"): leaves of full tiles, then the ranges of compacted groups, then
 * whole groups.
 *
 *     leaves()  256 at a time, from 0 on, to the last full tile below the cut-off
 *     range()   from 0 on, without a hole between two, to kept_end
 *     group()   as append(), from kept_end on, past the cut-off
 *     end()     the log, open for writing and begun
 *
 *  1. Nothing of it is judged here: whoever made it opens it as any log that was compacted.
 *  2. What is out of order, or lies where it may not, is MALFORMED; so no log comes out that could
 *     not have been written by a compaction.
 *  3. Until end() there is no list, or one without the cut-off: a crash leaves what no open takes
 *     for a log of that chain. Whoever makes it makes it under a name of its own, and removes what
 *     is there first: ate__import_remove().
 *
 * One caller at a time; no loop's thread.
 */
#pragma once
#include "redo/storage.h"

struct ate__import_conf {
    const struct ate__env *env;
    struct ate__dir *dir;  /* borrowed until free(); NULL: in memory */
    const char *dir_name;  /* below it; borrowed */
    uint64_t first_id;     /* of its segments, from 1 on; the others follow it */
    struct ate_hash chain_id;
    enum ate__role role;
    uint64_t cut_off;      /* above 0 */
    uint64_t kept_end;     /* above 0 */
    struct ate_hash kept_root; /* of the tree of kept_end leaves */
};
struct ate__import_record {
    uint64_t sequence;
    bool identity; /* all that is left of it */
    struct ate_bytes body;
};
struct ate__import_range { /* what is left of [first, end) */
    uint64_t first, end, root_time_us;
    const struct ate__import_record *records; /* ascending */
    size_t count;
};
struct ate__import;
/* Errors: MALFORMED: the conf; EXISTS: a directory of that name is there; E_* */
int ate__import_new(const struct ate__import_conf *conf, struct ate__import **ret_import)
    ATE__CHECK;
/* The next ATE__TILE_LEAVES. Errors: MALFORMED E_* */
int ate__import_leaves(struct ate__import *i, const struct ate_hash *leaves) ATE__CHECK;
/* Errors: MALFORMED TOO_BIG E_* */
int ate__import_range(struct ate__import *i, const struct ate__import_range *range) ATE__CHECK;
/* Errors: MALFORMED, and as append() */
int ate__import_group(struct ate__import *i, const struct ate__group_in *group) ATE__CHECK;
/* On stable storage, with its cut-off. Once. Errors: MALFORMED: it ends below the cut-off; E_* */
int ate__import_end(struct ate__import *i, struct ate__storage **ret_storage) ATE__CHECK;
/* The size so far. */
uint64_t ate__import_size(const struct ate__import *i);
/* Removes nothing. Takes NULL. */
void ate__import_free(struct ate__import *i);

/* The log of that name, or what is there of one, goes, its list first; nobody has it open. What is
 * there otherwise stays, and makes it E_SYSTEM. 0 also where there is nothing. Errors: E_* */
int ate__import_remove(const struct ate__vfs *vfs, struct ate__dir *dir, const char *dir_name)
    ATE__CHECK;
