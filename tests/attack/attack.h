/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * attack.h: attacks on whole chains, through files and over the wire, and what became of each.
 *
 * An attack prepares an honest world, tries its trick in one or several ways, and says of each what
 * it got: the documented refusal, or its will. run.py demands that every attack is held off by the
 * library as it is, and that it succeeds once the checks that checks.py names for it are taken out.
 */
#pragma once
#include "rogue.h"

struct attack {
    const char *name;
    void (*run)(void);
};
/* Each ends with a NULL name. */
extern const struct attack attacks_history[], attacks_archive[], attacks_keys[], attacks_server[],
    attacks_thin[], attacks_proofs[], attacks_net[], attacks_disk[], attacks_secrets[],
    attacks_destroy[], attacks_payload[], attacks_afar[], attacks_reset[], attacks_resync[],
    attacks_image[], attacks_dns[], attacks_members[], attacks_plugins[], attacks_central[],
    attacks_two_keys[], attacks_neighbours[], attacks_wire[], attacks_crowds[], attacks_compacted[],
    attacks_readers[], attacks_told[];

/* One way in which it was tried: result 0: it has its will; `documented`: it was refused as the
 * documentation says. */
void attack_tried(const char *way, int result, int documented);
/* What the attack stands on, and what has nothing to do with it. */
void attack_must(int rc);

/* ---- ways; documented: the refusal ---- */

/* The last transaction of the history is the attack, those before it are good. It is offered to a
 * real server; shown by a lying server to a mirror; and found in the files of a chain, written by
 * who could. Where it was read and not offered, any refusal is TAMPERED, but for UNSUPPORTED.
 * Consumes the history. */
void attack_with_history(struct past *take_p, int documented);
/* Only the second and the third. */
void attack_with_stored(struct past *take_p, int documented);
/* Offers a transaction to a real server that has all of the history. EXISTS: the server says that
 * it has it already, as an earlier one. */
int attack_offer(struct past *p, struct ate_bytes tx);
/* As the CREATE of a chain at a server. conf NULL: one that makes chains for anybody. */
struct ate__server_conf;
int attack_create(const struct ate__server_conf *conf, const char *path, struct ate_bytes genesis);

/* A chain in a directory that holds these transactions, each in a group of its own, by a program
 * that checks nothing; those that it does not hold yet. */
void attack_write_chain(const char *dir, struct past *p, const struct ate_hash *chain_id,
                        uint64_t count);
/* The same with sealed groups, as who has that host key writes them. */
struct ate__host_key;
void attack_write_sealed(const char *dir, struct past *p, const struct ate__host_key *key);
/* As write_chain(), in place of the chain that is there. */
void attack_write_anew(const char *dir, struct past *p, uint64_t count);
/* Opens a directory, trusting the root key of the history. What was opened before in an attack is
 * remembered. */
int attack_open_chain(const char *dir, unsigned flags, struct ate_chain **ret_chain);

/* ---- histories ---- */

/* A bit of everything:
 *
 * top      write: the root key
 *   1      alice's; write: alice; named "one"
 *     2    alice's, named "two"; changed once
 *   5      eve's; write: eve
 *     6    eve's */
struct past *attack_family(void);
/* Everyone may write; 1 is below the top, 2 below 1. */
struct past *attack_commons(void);
