/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup.h: a copy of a chain that is in use, and the way back.
 *
 * A backup is an ordinary chain in a directory: it is opened, verified and restored as it lies.
 * Whoever has it open sees it grow. It holds the files of the original, with what is sealed in
 * them sealed, so that no key is needed to make one, and none to check it but the root key that is
 * trusted.
 */
#pragma once
#include <ate/chain.h>

ATE__BEGIN

struct ate_backup_conf { /* zero means the default in every field */
    const char *state_dir; /* what was seen at the place before; NULL: $XDG_STATE_HOME/ate */
    /* Of ate_restore() alone: */
    uint64_t size;    /* so many transactions, from the first on; 0: all */
    bool existing;    /* the chain may be there already, with no more than it gets */
    bool accept_loss; /* more of it was seen there than it gets, and that is forgotten here */
    /* Why the chain goes back: at most 255 bytes of UTF-8. A root key that the backup was opened
     * with signs that behind what is restored, as a RESET, and clients that have seen more follow.
     * accept_loss is not needed then. NULL: none is written. */
    const char *reset;
    /* bytes; runs inside the call, on its thread, and may not call the library */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    uint64_t reserved[7]; /* zero, else MISUSE */
};
struct ate_backed_up {
    struct ate_head head; /* of what is there now */
    uint64_t size_before; /* transactions that it had */
    uint64_t files_copied; /* of the log */
    uint64_t files_kept; /* that were there already, read, and found whole and the same */
    uint64_t bytes_copied;
    bool reset; /* the last transaction is a RESET */
};

/* WAITS. Brings the backup in the directory `dir`, which is made if it is missing, up to the head
 * of the chain. The chain may be in use, and compacted meanwhile. Only what is new is copied; what
 * is there is read and checked, and what is not whole is copied anew. Each transaction that lies
 * there afterwards is the one whose signatures this handle verified. At every moment, also after
 * a crash, the directory holds a chain that opens and has all that it had before.
 *
 * Errors: TAMPERED: the chain is damaged, nothing was copied; UNSUPPORTED: it is at a server: a
 * copy of it is a mirror (conf.mirror_dir of ate_chain_open()); WRONG_CHAIN, FORKED, ROLLED_BACK:
 * there, or seen there before, is another chain, another history, or more than the chain has: it
 * stays as it is; OMITTED: values that are in force were left out of the chain: the directory stays
 * as it is if it has one of them, else it has all the rest now, as the sentence says; DENIED: a
 * chain was destroyed there (ate/destroy.h); IN_USE: somebody writes
 * there; STALE: the chain was compacted far meanwhile, do it again; MISUSE: it is the chain itself;
 * E_NO_SPACE, WOULD_DEADLOCK, E_*. */
ATE_CALL int ate_backup(struct ate_chain *chain, const char *dir,
                        const struct ate_backup_conf *conf, struct ate_backed_up *ret_done);

/* WAITS. Makes the directory `dir` a chain of what a backup, or any other chain in a directory,
 * has. It assigns sequences of its own from there on. Without conf.reset, clients that have seen
 * more of the chain refuse it with ROLLED_BACK, and once it has gone on otherwise with FORKED: to
 * them that is what an attack looks like. With it they follow: it belongs in front of the first
 * thing that is written there, and only into the chain that takes the place of the old one: who
 * has a copy with a RESET can take clients back with it. A crash may leave the chain without it:
 * it is only read then (DENIED for who would write), and the same call again ends it. Behind its
 * end the same call succeeds and changes nothing, as long as nothing else was written there.
 *
 * Errors: NO_KEY: conf.reset, and no root key; DENIED: the same, and this machine's clock is behind
 * the chain; EXISTS: the chain is there, and conf does not say `existing`; NOT_FOUND: the backup
 * has fewer than conf.size; COMPACTED: conf.size lies in what was compacted; and as ate_backup().
 */
ATE_CALL int ate_restore(struct ate_chain *backup, const char *dir,
                         const struct ate_backup_conf *conf, struct ate_backed_up *ret_done);

/* ---- repair ---- */

struct ate_repair_conf { /* zero means the default in every field */
    const char *root; /* as of ate_chain_open() */
    const char *state_dir; /* the same */
    bool change; /* false: it only says what there is to be done, and changes nothing */
    /* As in struct ate_backup_conf, with a root key of the session: a RESET behind what verifies,
     * also where all does: of a chain that was set back by other means. Without `change`: what
     * there is to go back to, which may be less than was seen there. */
    const char *reset;
    /* bytes; runs inside the call, on its thread, and may not call the library */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    uint64_t reserved[7]; /* zero, else MISUSE */
};
struct ate_repaired {
    bool is_damaged; /* false: all holds, and nothing was done */
    /* An earlier repair was cut short, and is ended: nothing of what follows is set. */
    bool resumed;
    /* What is wrong; the text lives until this thread's next call of the library */
    enum ate_result what;
    uint64_t sequence; /* the first transaction that does not hold */
    const char *text;
    struct ate_head head; /* of what verifies: the chain after the repair, without its RESET */
    bool reset; /* a RESET was written behind it */
    uint64_t known; /* so many transactions it had at least; those from head.size on are lost */
    uint64_t behind; /* of them, those that are whole by themselves, and believed by nobody */
    uint64_t unreadable; /* files of which nothing can be read */
    char damaged[32]; /* below the chain's directory: where the original went; "": it did not */
    char salvage[32]; /* where those behind the damage are kept; "": there are none */
};

/* WAITS. A damaged chain in a directory becomes the longest beginning of it that verifies. The
 * original is kept beside it, as it was, and so are the transactions behind the damage that are
 * whole by themselves, with a list: what they hang on is missing, so they are not part of the
 * chain. It needs as much room as the chain. What this user saw there beyond it is forgotten on
 * this machine; others who have seen more will refuse the chain with ROLLED_BACK, unless conf.reset
 * is given. A crash leaves the damaged chain, the repaired one, or neither, until the repair is
 * done again: then nobody can open or make one there meanwhile.
 *
 * Errors: NOT_FOUND; UNTRUSTED, WRONG_CHAIN: as of ate_chain_open(); ROLLED_BACK, FORKED: the same,
 * of a chain that is not damaged: no repair brings back what is not there; IN_USE: somebody writes
 * there; TAMPERED: not even the first transaction holds, and nothing was changed; E_NO_SPACE: the
 * same; NO_KEY, DENIED: as of ate_restore(), and all but the RESET was done; WOULD_DEADLOCK, E_*.
 */
ATE_CALL int ate_repair(const char *dir, struct ate_session *session,
                        const struct ate_repair_conf *conf, struct ate_repaired *ret_repaired);

ATE__END
