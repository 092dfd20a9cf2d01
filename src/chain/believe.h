/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * believe.h: how far a centralized chain is believed (docs/format/redo.md, "Sealed groups").
 *
 * What a server attests is worth what covers it, and that is one of
 *
 *     a checkpoint of a log key      everywhere: kept in `,chain/checkpoint`, where signing keeps
 * it the seal of a group            where this machine's host key made it (chain/host_key.h) the
 * certificate of a deep compaction, up to its cut-off, where a key signs it
 *
 * Each is of a root of the tree, so it covers all that stands before it.
 *
 *  1. Readers see what is covered, and nothing else: the view has that limit. What is behind it is
 *     queued: it is in the log and in the tree, later transactions are judged with it, and no
 *     reader, listener, history or proof shows it.
 *  2. The mark moves forward alone, but for another chain that takes the place of this one.
 *  3. Whoever writes with a host key writes sealed groups, and opens a log of which all is covered,
 *     or none: UNTRUSTED. Who reads sees up to the mark; a mirror waits for the next checkpoint.
 *  4. In a distributed chain all this is nothing: all that is published is believed.
 */
#pragma once
#include "chain/chain.h"
#include "trust/checkpoint.h"

/* How many transactions, from the first on, are believed. Any thread. */
uint64_t ate__chain_believed(struct ate__chain *c);
/* All that was taken in, believed or not: the head of the log. Any thread, waits for no commit. */
void ate__chain_taken(struct ate__chain *c, uint64_t *ret_size, struct ate_hash *ret_root);
/* What a transaction that readers see is believed for. What a log key signed counts before a
 * certificate, and that before this machine's own seals. */
enum ate__ground { ATE__BY_SIGNATURES, ATE__BY_LOG_KEY, ATE__BY_CERTIFICATE, ATE__BY_HOST_KEY };
/* is_signed: it carries signatures. ret_log_key: whose checkpoint it is; else zeros. Any thread. */
enum ate__ground ate__chain_ground(struct ate__chain *c, bool is_signed, uint64_t sequence,
                                   struct ate_hash *ret_log_key);
/* The mark moves up to a checkpoint that ate__chain_check_note() has verified, with its note, and
 * listeners are told; one of no more than is believed changes nothing. A mirror in a directory
 * remembers the note. One thread at a time. Errors: FORKED: it is none of this chain; E_*. */
int ate__chain_believe(struct ate__chain *c, const struct ate__checkpoint *verified,
                       struct ate_bytes note) ATE__CHECK;

/* ---- for the parts of a chain ---- */

/* The trust state is there now, and nothing of the chain is published: nothing is believed yet. */
void ate__believe_begin(struct ate__chain *c);
/* The first `size` were believed when an image of them was sealed. */
void ate__believe_image(struct ate__chain *c, uint64_t size, const struct ate_hash *root);
/* All that the storage holds was taken in. flags: of the open. Errors: UNTRUSTED: not all of what
 * is to be written on is covered; NO_KEY: there is no host key to write with; of conf.host_key. */
int ate__believe_open(struct ate__chain *c, unsigned flags) ATE__CHECK;
/* Of a new chain, whose transaction 0 is not written yet. Errors: NO_KEY; of conf.host_key. */
int ate__believe_create(struct ate__chain *c) ATE__CHECK;
/* A chain that was judged aside is to take the place of another: how far it is believed, of which
 * the note (empty: none) is a checkpoint. Of a distributed one nothing is asked. Errors: UNTRUSTED:
 * only its server says what may be missing in it, and nothing covers that; as of check_note(). */
int ate__believe_aside(struct ate__chain *judged, struct ate_bytes note) ATE__CHECK;
/* It takes the place. Under the mutex. */
void ate__believe_replaced(struct ate__chain *c, struct ate__view *view,
                           const struct ate__chain *judged);
/* Whether this is the root of what is believed, where that is less than the tree. */
bool ate__believe_root(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root);
/* What it seals a group with that leads there. Where it seals: c->believing.seals. */
int ate__believe_seal(const struct ate__chain *c, uint64_t size, const struct ate_hash *root,
                      struct ate_hash *ret_seal) ATE__CHECK;
void ate__believe_close(struct ate__chain *c); /* the note, where a newer one is not kept yet */
