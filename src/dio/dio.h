/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dio.h: objects of one open chain: what its transactions share. Knows the chain only as a pipe.
 *
 * Reference-counted and thread-safe.
 */
#pragma once
#include "ate/txn.h"
#include "chain/pipe.h"
#include "dio/cache.h"

struct ate__dio {
    atomic_uint refs;
    struct ate__pipe *pipe;      /* a reference */
    struct ate_session *session; /* the default one; a reference, or NULL */
    struct ate__seal_env seal;
    struct ate__cache *cache;    /* of decoded objects */
    int64_t timeout_ms;          /* of a commit */
    const struct ate__plugins *plugins; /* trust/plugin.h; NULL: none; outlives it */
    uint8_t origin[16];          /* of all transactions of this chain */
    uint64_t number_seed[2];     /* secret: nobody guesses the next number and takes it */
    _Atomic uint64_t drawn;      /* so many numbers */
    atomic_bool origin_taken;    /* by somebody else, too: each has one of its own from then on */
};
/* take_pipe is consumed even on failure; session: a reference is taken. E_MEMORY */
int ate__dio_new(struct ate__pipe *take_pipe, struct ate_session *session, int64_t timeout_ms,
                 uint64_t cache_bytes_max, struct ate__dio **ret_dio) ATE__CHECK;
struct ate__dio *ate__dio_ref(struct ate__dio *d);
void ate__dio_unref(struct ate__dio *d); /* takes NULL */

int ate__txn_begin(struct ate__dio *dio, struct ate_session *session, unsigned flags,
                   struct ate_txn **ret_txn) ATE__CHECK;

/* ---- committing without waiting; ate_txn_commit() is a wait on it ---- */
/* Makes, seals and signs the transaction and offers it. 0: done() will be called once, on any
 * thread, under no lock; then ate__txn_finish() is due. ATE_END: that was all, and *ret_receipt
 * says so: there was nothing to commit, or nobody is to wait (ATE_SCOPE_NONE). Else: it is refused
 * already. */
int ate__txn_offer(struct ate_txn *txn, bool waits, void (*done)(void *arg), void *arg,
                   struct ate_receipt *ret_receipt) ATE__CHECK;
/* finish() of an offer that does not wait. *ret_again, with STALE_KEY: its scope began another
 * epoch meanwhile, and its owner still has it: offer_again() is due, which catches up with the root
 * where that is far away, calls done(), and after finish_again() of that encrypts again and offers
 * it. */
int ate__txn_finish_again(struct ate_txn *txn, struct ate_receipt *ret_receipt, bool *ret_again)
    ATE__CHECK;
int ate__txn_offer_again(struct ate_txn *txn, void (*done)(void *arg), void *arg,
                         struct ate_receipt *ret_receipt) ATE__CHECK;
void ate__txn_wait(struct ate_txn *txn); /* of an offer that `waits`: returns after done() */
/* Takes the answer in: the result of the commit, its sentence set. The transaction may have been
 * ended meanwhile. Once for each offer, or forget(), after done() and on any thread: nobody will
 * ask; if the transaction is used again it takes the answer in itself. */
int ate__txn_finish(struct ate_txn *txn, struct ate_receipt *ret_receipt) ATE__CHECK;
void ate__txn_forget(struct ate_txn *txn);
/* Whether this thread is inside a callback of a loop: WOULD_DEADLOCK. */
int ate__check_may_wait(void) ATE__CHECK;
void ate__set_in_callback(bool truth);
bool ate__in_callback(void);
