/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * repair.h: a damaged chain in a directory becomes the longest beginning of it that verifies.
 *
 * A chain with a hole cannot be believed: what lies behind one hangs on what is missing. So the
 * chain ends before the first thing that does not verify, and what is whole behind it is kept
 * beside, for people to look at. What a crash after each step leaves:
 *
 *   1. `,repaired` is written: a copy of what verifies, synced, opened, verified   leftovers
 *   2. `,salvaging-N`: transactions that are whole by themselves, and a list       leftovers
 *   3. `,chain` is renamed to `,damaged-N`; the directory is synced                no chain: it
 *                                                            opens as TAMPERED, none can be made
 *   4. `,salvaging-N` is renamed to `,salvage-N`                                   the same
 *   5. `,repaired` is renamed to `,chain`; the directory is synced                 repaired
 *
 *  1. Nothing is changed inside of what is damaged; its files are synced before it is renamed.
 *  2. A repair that was cut short behind step 3 is ended by the next one; what it left before that
 *     is removed by the next one, or made anew.
 *  3. Nobody writes meanwhile: the lock of the damaged log is held, and for so long afterwards that
 *     who waits for it gives up.
 */
#pragma once
#include "chain/chain.h"

enum { ATE__REPAIR_NAME = 32 };
struct ate__repair {
    struct ate__chain_conf chain;
    /* Whether its root keys are trusted; a result that is not 0 ends it before anything is
     * changed. May be NULL. */
    int (*anchor)(void *arg, struct ate__trust *trust);
    /* Of a chain that is not damaged: whether it is the one that was seen there. May be NULL. */
    int (*whole)(void *arg, struct ate__chain *c);
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes; may be NULL */
    void *arg;
    bool change; /* false: it only says what there is to be done */
};
struct ate__repaired {
    bool resumed; /* the end of an earlier repair: nothing else is known */
    struct ate__storage_damage damage; /* what == ATE_OK: there is none, and nothing was done */
    struct ate_hash chain_id, root;
    uint64_t size; /* transactions that verify from the first on: those of the repaired chain */
    uint64_t known; /* so many there were at least: by the lists and by what can be read */
    uint64_t behind; /* transactions of sequence `size` and above that are whole by themselves */
    uint64_t unreadable; /* files of which not even the header can be read */
    char damaged[ATE__REPAIR_NAME], salvage[ATE__REPAIR_NAME]; /* names; change alone. salvage "":
                                                                  nothing was behind */
};
/* Errors: NOT_FOUND: no chain lies there; IN_USE; TAMPERED UNSUPPORTED: not even its first
 * transaction verifies; those of anchor() and whole(); E_* */
int ate__chain_repair(const struct ate__repair *repair, struct ate__dir *dir,
                      struct ate__repaired *ret_repaired) ATE__CHECK;
