/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain.h: one chain of trust on one storage: history, trust state, view, commits.
 *
 * Life of a commit: check (decode, signatures; any thread, no lock) -> order (acceptance, sequence;
 * under the commit mutex, against the view and what is not synced yet) -> append and sync (by the
 * leader, without the mutex) -> publish in the view, in order -> answer, tell listeners.
 *
 *  1. What is ordered is installed in the view and in the trust state at once, but not published; a
 * failed group takes all of it back.
 *  2. Nothing unsynced is visible to a reader or listener under ATE__SYNC_ALWAYS.
 *  3. One leader at a time writes. The first committer that finds the log idle leads on its own
 * thread; offers without a waiting thread are led by a worker.
 *  4. After a failed append every caller in flight gets ATE_UNKNOWN, and nothing is ordered before
 * recovery has decided what stands. Where recovery fails too, commits get ATE_E_IO, and from time
 * to time one of them tries it again.
 *  5. Open re-verifies everything that it believes: signatures, authority, preconditions, sequence,
 * heads; but for what a view image has that was sealed with a secret of whoever opens (image.h).
 * It changes no file; begin() does, when whoever opens has no objection left. Records that a crash
 * left unsynced are published only then, when they were written anew and synced.
 *
 * Thread-safe but for open and close.
 */
#pragma once
#include "base/workers.h"
#include "chain/compact_mode.h"
#include "chain/host_key.h"
#include "chain/pipe.h"
#include "chain/view.h"
#include "crypto/merkle.h"
#include "crypto/secret.h"
#include "trust/keep.h"

struct ate__chain;
struct ate__compacted;
/* Compaction by itself (chain/compact_auto.h); zeros: never. */
struct ate__auto_conf {
    struct ate__compact_rule rule;
    struct ate__workers *workers; /* one thread, of no other work: a run takes long, and sleeps */
    bool deep; /* where a certificate can be made, else shallow */
    struct ate_session *session;  /* deep: its key signs it where it may; NULL: none */
    struct ate__keep_plugin plugin; /* see struct ate__compact_conf; vote NULL: none */
    uint64_t bytes_per_second;      /* 0: 16 MiB */
    uint64_t since_ms;            /* monotonic: when the timer began; 0: now */
    uint32_t look_ms;             /* after something was published; 0: a second */
    /* It is due: in how many ms to ask again, because it is not to begin just now; 0: it begins.
     * Not asked where the disk is full. On its thread. NULL: it begins. */
    uint64_t (*held_ms)(void *arg);
    /* A run ended, well or not (then with the sentence); on its thread. NULL: nobody is told. */
    void (*done)(void *arg, int result, const char *text, const struct ate__compacted *done);
    void *arg;
};
struct ate__chain_conf {
    const struct ate__env *env;
    struct ate__workers *workers; /* NULL: no background work, offers without a waiting thread run
                                     inside offer() (tests) */
    enum ate__sync sync;
    uint32_t sync_interval_ms;
    uint64_t segment_bytes; /* struct ate__storage_conf */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    /* With progress_arg, by any thread, for every record that is read: whether the open, or
     * ate__chain_check_all_values(), is to end soon, as CANCELED; no is not said again. NULL:
     * never. */
    bool (*cancel)(void *arg);
    struct ate__auto_conf compact; /* from begin() or create() to close(); of a file's log */
    /* Borrowed for the call that opens: with the first a view image is written, each may open one
     * (chain/image.h). None: there is no image. */
    const struct ate__key32 *image_secrets;
    size_t image_secret_count;
    const struct ate__plugins *plugins; /* trust/plugin.h; NULL: none */
    /* This machine's host key, a reference; asked for once, where a centralized chain is opened or
     * made by who is to seal what he writes (chain/believe.h). make: it is made where there is
     * none; else NOT_FOUND. NULL: a mirror of one waits for checkpoints, and no other is written.
     */
    int (*host_key)(void *arg, bool make, struct ate__host_key **ret_key);
    void *host_key_arg;
    bool unseen; /* it is opened to take another one's place, and nobody reads it before */
};

/* Opens what the storage holds, verifying all of it, and changes nothing. take_storage is consumed
 * even on failure. Until begin() the chain says what it is: trust, head, root_at, proofs, damage;
 * all else comes after. flags: ATE__STORAGE_READ opens up to the first damage, read-only from
 * there, and ate__chain_damage() tells it; without it damage is the result. An empty storage gives
 * an empty mirror, which feed() fills. Errors: TAMPERED UNSUPPORTED MALFORMED E_*. */
int ate__chain_open(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                    unsigned flags, struct ate__chain **ret_chain) ATE__CHECK;
/* Once, after open(): what a crash left is put right on the disk, and all that was verified is
 * published. A failure leaves a chain that can only be closed. Errors: TAMPERED E_*. */
int ate__chain_begin(struct ate__chain *c) ATE__CHECK;
/* A chain on an empty storage, with transaction 0, which is synced whatever the policy is; begin()
 * is part of it. */
int ate__chain_create(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                      struct ate_bytes genesis_tx, struct ate__chain **ret_chain) ATE__CHECK;
/* Takes NULL. No snapshot and no listener may be left, and no thread be inside a call. Offers and
 * asks in flight are completed first, what was accepted of them is written. Not from done(). */
void ate__chain_close(struct ate__chain *c);

/* It is no longer compacted by itself, and its done() not called any more; close() does it too. */
void ate__chain_compact_stop(struct ate__chain *c);

struct ate__trust *ate__chain_trust(struct ate__chain *c); /* NULL: an empty mirror */
/* The present one, for who knows that no other takes its place meanwhile (chain/replace.h): whoever
 * has the commit mutex, a snapshot of it, or the chain alone. */
struct ate__view *ate__chain_view(struct ate__chain *c);
/* Any thread, also while another takes its place. */
uint64_t ate__chain_published(struct ate__chain *c);
int ate__chain_view_begin(struct ate__chain *c, struct ate__view_snapshot *ret) ATE__CHECK;
void ate__chain_view_end(struct ate__chain *c, struct ate__view_snapshot *s);
struct ate__storage *ate__chain_storage(struct ate__chain *c);
bool ate__chain_read_only(struct ate__chain *c);
bool ate__chain_damage(struct ate__chain *c, struct ate__storage_damage *ret_damage);
/* The newest published head, always at the end of a group; before begin(), that of all that was
 * verified. From memory, and waits for no commit. */
void ate__chain_head(struct ate__chain *c, uint64_t *ret_size, struct ate_hash *ret_root);
/* The root of a snapshot that was begun just now. False: newer ones have taken the place of its
 * state, so that another one is to be begun. */
bool ate__heads_of(struct ate__chain *c, const struct ate__view_snapshot *s,
                   struct ate_hash *ret_root);
/* Root of the tree at any size up to what is written. Errors: NOT_FOUND: larger; E_IO: its hashes
 * could not be stored yet; E_*. Any thread. */
int ate__chain_root_at(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root) ATE__CHECK;
/* Proofs up to what is written, from the tiles. Errors: as of root_at(). Any thread. */
int ate__chain_inclusion(struct ate__chain *c, uint64_t sequence, uint64_t size,
                         struct ate__proof *ret_proof) ATE__CHECK;
int ate__chain_consistency(struct ate__chain *c, uint64_t old_size, uint64_t size,
                           struct ate__proof *ret_proof) ATE__CHECK;

/* See struct ate__offer. */
void ate__chain_offer(struct ate__chain *c, struct ate__offer *offer);
void ate__chain_wait(struct ate__chain *c, struct ate__offer *offer);
/* See struct ate__ask. Without workers done() is called inside ask(). */
void ate__chain_ask(struct ate__chain *c, struct ate__ask *ask);
void ate__chain_await(struct ate__chain *c, struct ate__ask *ask);
/* tx_hash: of the very transaction that is meant; NULL, zeros: whichever stands under that id. */
int ate__chain_outcome(struct ate__chain *c, const struct ate__txn_id *id,
                       const struct ate_hash *tx_hash, struct ate__receipt *ret_receipt) ATE__CHECK;
/* Makes all that is published durable, and all that was offered before the call. Errors: READ_ONLY:
 * the log failed; E_*. */
int ate__chain_sync(struct ate__chain *c, struct ate__receipt *ret_receipt) ATE__CHECK;

/* A mirror takes in one whole group as the root closed it: verifies all of it, appends it without a
 * sync, publishes it. Where it fails nothing of it was taken in. One caller at a time.
 * Errors: TAMPERED: it breaks a rule or does not lead to head_after; UNSUPPORTED: of a newer
 * version; FORKED: it does not start at this chain's size; WRONG_CHAIN: the genesis of another
 * chain than the log is for; READ_ONLY; E_NO_SPACE: the disk is full, and goes on when there is
 * room; E_MEMORY; E_IO: the log failed, and the next group takes it up again. */
struct ate__group_feed {
    uint64_t first_sequence, root_time_us;
    const struct ate_bytes *records;
    size_t count;
    struct ate_hash head_after;
};
int ate__chain_feed(struct ate__chain *c, const struct ate__group_feed *group) ATE__CHECK;
/* Verifies the signatures in records that are going to be fed, side by side, whatever groups they
 * are in, so that feeding them finds these verified. It decides nothing: what is wrong with them
 * is found when they are fed. One thread at a time, the one that feeds. */
void ate__chain_feed_ahead(struct ate__chain *c, const struct ate_bytes *records, size_t count);

/* Records from..to (exclusive; at most the published size), as they were appended. Any thread. */
int ate__chain_history(struct ate__chain *c, uint64_t from, uint64_t to, ate__history_fn *each,
                       void *arg) ATE__CHECK;
void ate__chain_listen(struct ate__chain *c, struct ate__listener *l);
void ate__chain_unlisten(struct ate__chain *c, struct ate__listener *l);
void ate__chain_tell(struct ate__chain *c); /* all of them, what is published; no lock held */

/* Body event of a live object at a snapshot, or where a view said that it is: see
 * ate__pipe_vtable.event. */
int ate__chain_body_event(struct ate__chain *c, const struct ate__view_body *body,
                          struct ate__buf *buf, struct ate__event *ret_event,
                          struct ate__authors *ret_authors) ATE__CHECK;
int ate__chain_event(struct ate__chain *c, const struct ate__view_snapshot *s,
                     const struct ate_id *id, struct ate__buf *buf, struct ate__event *ret_event,
                     struct ate__authors *ret_authors) ATE__CHECK;
