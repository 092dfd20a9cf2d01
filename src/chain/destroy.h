/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroy.h: the owner of a chain in a directory destroys it: its files go, and its place is never
 * silently another's. What a crash after each step leaves:
 *
 *   1. the chain is opened, verified, and its log locked                     the chain
 *   2. `,destroying` is made, empty; the directory is synced                 the chain
 *   3. `,destroyed`, what the owner signed, is written, synced, renamed      destroyed: none opens
 *                                                                            there, none is made
 *   4. `,chain` is renamed to `,destroying`; the directory is synced         the same
 *   5. all of `,destroying` is removed, and itself; the directory is synced  the same
 *
 *  1. Nothing is changed before the key, the name and all that an archive must keep were checked.
 *  2. The lock of the log is held up to the end, so no writer lives through it. A reader that has
 *     it open goes on in the files that it has.
 *  3. What was cut short behind step 3 is ended by the next call, of the same key in step 5.
 *  4. What a repair kept beside the chain stays.
 *
 * A chain that a server has open is destroyed by the same steps, up to the fourth while it is open:
 * its owner has signed what step 3 writes, for that server and this once.
 */
#pragma once
#include "chain/chain.h"
#include "redo/destroyed.h"
#include "trust/destruction.h"

#define ATE__DESTROYING_NAME ",destroying"

struct ate__destroy {
    struct ate__chain_conf chain;
    struct ate_session *session; /* whose private key signs; NULL: nobody's */
    /* Whether its root keys are trusted; a result that is not 0 ends it before anything is
     * changed. May be NULL. */
    int (*anchor)(void *arg, struct ate__trust *trust);
    void *arg;
    const char *name; /* of the chain; NULL: it only says what there is to be done */
};
struct ate__destroyed {
    bool resumed; /* it was destroyed before, and what was left of it goes */
    struct ate_hash chain_id, root, key; /* key: of who signs, or has signed */
    uint64_t size, time_us;              /* time_us 0: nothing is signed yet */
    char name[ATE__CHAIN_NAME_MAX + 1];
};
/* dir: the directory that `,chain` lies in. Errors: NOT_FOUND: no chain lies there, or it was
 * destroyed to the end; NO_KEY: no private key; DENIED: none of a root key in force, another name,
 * or an archive that has to keep something; READ_ONLY: a mirror; IN_USE; TAMPERED UNSUPPORTED: the
 * chain, or what is left of it, does not verify; those of anchor(); E_*. */
int ate__chain_destroy(const struct ate__destroy *destroy, struct ate__dir *dir,
                       struct ate__destroyed *ret_destroyed) ATE__CHECK;

/* What an owner sent to a server that has the chain open. */
struct ate__destroy_order {
    struct ate_bytes statement;
    struct ate_hash pin, nonce; /* of this server; that it drew for this */
};
/* Whether it is the owner's, for this chain, this server, this time; any thread. The views are into
 * the statement. Errors: MALFORMED UNSUPPORTED TAMPERED: as ate__destruction_read(); DENIED: of
 * another chain or server, of no root key in force, or before the chain went back last; STALE: for
 * another nonce; READ_ONLY: the chain is damaged, or not for writing; E_*. */
int ate__chain_destroy_judge(struct ate__chain *c, const struct ate__destroy_order *order,
                             struct ate__destruction *ret_destruction) ATE__CHECK;
/* Steps 2 to 4, once judge() allowed it; dir: where its `,chain` lies. Nobody commits meanwhile,
 * and after it the chain is closed, and what is left cleared. Errors, and nothing was changed: as
 * judge(); STALE: the head is not the one that was signed; DENIED: an archive has to keep
 * something. E_*: perhaps it is destroyed, and opening it again tells. */
int ate__chain_destroy_now(struct ate__chain *c, struct ate__dir *dir,
                           const struct ate__destroy_order *order) ATE__CHECK;
/* Step 5. Nothing there is no failure. Errors: E_*. */
int ate__chain_destroy_clear(const struct ate__vfs *vfs, struct ate__dir *dir) ATE__CHECK;
/* What a destruction at a server has left, and nobody has open: step 4 too, where step 2 shows that
 * it is due and the chain is the one that was signed. Any other stays. Errors: those of an open,
 * and of what `,destroyed` says. */
int ate__chain_destroy_end(const struct ate__chain_conf *conf, struct ate__dir *dir) ATE__CHECK;
/* What `,destroyed` says, with views into *ret_statement, which the caller ends. Errors: NOT_FOUND;
 * TAMPERED UNSUPPORTED E_*. */
int ate__chain_destroyed(const struct ate__vfs *vfs, struct ate__dir *dir,
                         struct ate__buf *ret_statement, struct ate__destruction *ret_destruction)
    ATE__CHECK;
