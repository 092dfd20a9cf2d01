/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * resync.h: a mirror takes over what compaction has left of its chain at the server
 * (docs/format/wire.md, "Resync").
 *
 *     what comes -> a log aside, unjudged -> opened as any log that was compacted -> taken over by
 *     the mirror (chain/replace.h), which may be open and read all the while
 *
 *  1. Nothing is judged piece by piece, for what is missing shows only in the state root: so the
 *     log aside is opened by the same code as a directory that was compacted (chain/kept.h), with
 *     the certificate in it, and none of it is shown to anybody before.
 *  2. Until then the mirror is as it was; it becomes the new one in one step, for its readers and
 *     on the disk: a crash leaves the old one or the new one, and what lies aside.
 *  3. A payload may be missing below the cut-off where the body was superseded: one that is in
 * force at the end, which is a head that the server has named since it compacted, may not.
 *  4. What the server may make a mirror keep before anything is judged is bounded by bytes_max, and
 *     by the disk: what has come and its copy in the mirror leave free ATE__RESYNC_FREE_MIB, or an
 *     eighth of what was free when it began.
 *
 * One caller at a time; no loop's thread.
 *
 * And what a server says of its own chain, for others to take over.
 */
#pragma once
#include "chain/chain.h"

struct ate__remains_of_chain {
    uint64_t cut_off;    /* 0: nothing is missing, and the others are not set */
    uint64_t kept_end; /* groups from here on are whole, but for payloads; where the cut-off lies
                        * inside of a segment that was compacted, its end */
    uint64_t certified; /* the end of the group that has the certificate */
    uint64_t generation; /* of which all that is so: a compaction makes another one */
};
/* Of a chain on this machine. Any thread. Errors: BUSY: it changes just now; E_* */
int ate__chain_remains(struct ate__chain *c, struct ate__remains_of_chain *ret_remains) ATE__CHECK;

#define ATE__RESYNC_NAME ",resync" /* the log aside, in the directory of the mirror */

struct ate__resync_conf {
    struct ate__chain_conf chain;
    struct ate__dir *dir; /* the mirror's, borrowed until free(); NULL: in memory */
    struct ate__chain *present; /* what the mirror has, for its names; borrowed for new() */
    struct ate_hash chain_id;
    uint64_t cut_off, kept_end;
    struct ate_hash kept_root; /* of the tree of kept_end leaves */
    uint64_t end; /* of a group: what comes up to there is judged; it has the certificate */
    /* Of a centralized chain: a checkpoint of what comes, which the mirror then keeps; copied.
     * Empty: none. */
    struct ate_bytes note;
    uint64_t bytes_max; /* 0: ATE__RESYNC_MIB_MAX, or in memory ATE__RESYNC_MEMORY_MIB_MAX */
};
struct ate__import_range;
struct ate__resync;
/* What an earlier one has left aside goes. Errors: MALFORMED: the conf; TOO_BIG E_NO_SPACE E_* */
int ate__resync_new(const struct ate__resync_conf *conf, struct ate__resync **ret_resync)
    ATE__CHECK;
/* The pieces, in their order (redo/import.h). hashes: whole tiles.
 * Errors: MALFORMED TOO_BIG E_NO_SPACE: the disk has not the room for it; E_* */
int ate__resync_leaves(struct ate__resync *r, uint64_t first, struct ate_bytes hashes) ATE__CHECK;
int ate__resync_range(struct ate__resync *r, const struct ate__import_range *range) ATE__CHECK;
int ate__resync_group(struct ate__resync *r, const struct ate__group_feed *group) ATE__CHECK;
bool ate__resync_is_whole(const struct ate__resync *r); /* all up to `end` has come */
/* Judges it, once it is whole. `known`: sizes and roots that it must have; a size beyond it is not
 * looked at. Errors: CANCELED: conf.chain.cancel; OMITTED TAMPERED FORKED UNSUPPORTED; UNTRUSTED:
 * only the server says what may be missing, and the note does not cover that; E_* */
struct ate__known_head {
    uint64_t size;
    struct ate_hash root;
};
int ate__resync_judge(struct ate__resync *r, const struct ate__known_head *known, size_t count)
    ATE__CHECK;
/* The mirror, whose head was among the known ones, takes over what was judged. Errors: as
 * ate__chain_replace(). */
int ate__resync_apply(struct ate__resync *r, struct ate__chain *mirror) ATE__CHECK;
/* What lies aside goes, as far as it can. Takes NULL. */
void ate__resync_free(struct ate__resync *r);
