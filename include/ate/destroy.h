/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroy.h: the end of a chain.
 */
#pragma once
#include <ate/chain.h>

ATE__BEGIN

struct ate_destroy_conf { /* zero means the default in every field */
    /* The chain's own name, as ate_chain_name() has it: so that nobody destroys another one than he
     * means. NULL: nothing is changed, and the call says what there is to be destroyed. */
    const char *name;
    const char *root; /* as of ate_chain_open(), as are the next five, for a chain at a server */
    const char *pin, *state_dir;
    int32_t timeout_ms;
    bool no_wire_encryption;
    const struct ate_lookup *lookup;
    uint64_t reserved[4]; /* zero, else MISUSE */
};
struct ate_destroyed_chain {
    bool resumed; /* it was destroyed before, and what a crash left of it goes now */
    char name[1025];
    struct ate_hash chain_id;
    struct ate_head head;
    struct ate_hash key; /* the root key that signs it, or has signed it */
    int64_t time_ns; /* when it was signed; 0: nothing was changed */
};

/* WAITS. Destroys the chain `where`, a directory, an address or @NAME: all files of its log are
 * removed, and a file `,destroyed` that says which chain it was, signed by the first root key in
 * force that the session has, stays. From then on ate_chain_open() there is NOT_FOUND, and making,
 * copying or restoring one there is DENIED, with a sentence that says so, until that file is
 * removed. There is no way back but a backup. Copies are not reached: mirrors, backups, what a
 * repair kept beside the chain. A crash leaves the chain, or one that is destroyed; called again
 * the rest goes.
 *
 * In a directory nobody may have it open, and what ate_chain_open() remembers of that place is
 * forgotten. At a server all who have it open are told, and all their calls are NOT_FOUND from then
 * on; what is remembered stays, so that nothing older takes its place. Others believe the server
 * only what was signed: that one that is remembered is not there, without it, is ROLLED_BACK.
 *
 * Errors: NOT_FOUND: none is there, or it was destroyed to the end; NO_KEY: the session has no
 * private key; DENIED: it has none that is a root key in force, conf.name is not the chain's, the
 * server does not do it, or the chain is an archive that has to keep something, whoever asks;
 * WRONG_CHAIN: conf.root names another key; READ_ONLY: a mirror; IN_USE: somebody has it open for
 * writing; TAMPERED: it is damaged, and ate_repair() comes first; of one at a server, those of
 * ate_chain_open() as well, STALE: others keep committing, UNKNOWN: no answer came, and it is
 * called again; WOULD_DEADLOCK, E_*: after a failure of this machine the call is made again.
 */
ATE_CALL int ate_chain_destroy(const char *where, struct ate_session *session,
                               const struct ate_destroy_conf *conf,
                               struct ate_destroyed_chain *ret_destroyed);

ATE__END
