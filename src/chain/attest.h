/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * attest.h: commits of centralized chains: who made one is not signed in it, but written into it by
 * the server, from the keys that were proved to it over the connection that brought it (struct
 * ate__offer, `proved`).
 *
 *  1. What is offered is unsigned. Where a root key has to sign it is signed, as in any chain, and
 *     nothing is attested. A SNAPSHOT that the server makes itself is neither.
 *  2. Attested is what the rights that it needs take, and what names the public keys that it
 * brings: none where nobody need be named, else those proved keys without any of which it would be
 *     refused, the first ones where one will do for another.
 *  3. That is found out at the transaction's place in the order, by the one judgment that it gets
 *     there (trust/accept.h): a key that has ended by then is not attested.
 *  4. Plug-ins are shown what will be written, and asked anew where that has become another.
 */
#pragma once
#include "chain/chain.h"

struct ate__work;

/* Whether a root key has to sign it, or may have to. */
bool ate__tx_takes_signature(const struct ate__tx *tx, bool archive);
/* Whether it may be offered so. Errors: MALFORMED: signed, or attested by who sent it; READ_ONLY:
 * nobody attests here. */
int ate__attest_check(const struct ate__chain *c, struct ate__work *w) ATE__CHECK;
/* As ate__work_accept(), of one that is to be attested: finds who made it, for all who look at the
 * transaction from then on. */
int ate__attest(struct ate__chain *c, const struct ate__facts *facts, struct ate__work *w,
                uint64_t sequence, uint64_t root_time_us, struct ate__verdict *verdict) ATE__CHECK;
/* That is written into its bytes; of a work that is not attested nothing is. Once, under the mutex.
 */
int ate__attest_write(struct ate__chain *c, struct ate__work *w) ATE__CHECK;
/* Bytes that it may add. */
size_t ate__attest_room(const struct ate__offer *offer);

struct ate__attested {
    uint32_t count;
    struct ate_hash fingerprint[ATE__TX_SIGNATURES_MAX];
};
/* Of an offer that was committed, by its first commit; of a transaction of the log: ascending.
 * Count 0: nobody, as in every distributed chain. Any thread. Errors: COMPACTED E_*. */
int ate__attested_of(struct ate__chain *c, const struct ate__offer *offer,
                     struct ate__attested *ret_attested) ATE__CHECK;
int ate__attested_at(struct ate__chain *c, uint64_t sequence, struct ate__attested *ret_attested)
    ATE__CHECK;
