/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pipe.h: the seam by which a chain is local or remote. chain/local.c implements it over this
 * machine's log; mesh implements it over the network, thin or with a mirror. dio and api see
 * nothing else of a chain.
 *
 *  1. A pipe is reference-counted and thread-safe. A snapshot is used by one thread at a time.
 *  2. A snapshot reads one published state: whole transactions, and the same answer twice, until
 * refresh(). One that is older than ATE__VIEW_AGE_MAX or holds back too many old versions answers
 * ATE_STALE; what it lent stays until it ends.
 *  3. An offer completes exactly once: done() is called on any thread, under no lock, never inside
 * offer(). The submitter owns the offer and what it points to until then. Whoever lets the last
 * reference to the pipe go does it with offers in flight, but not inside done(): they are completed
 * before that returns.
 *  4. An ask completes once, in the same way. Calls that wait are asks and a wait for the answer.
 *  5. Reads on a thin chain wait for the network, within the pipe's time limit; on the others for
 * the disk at most.
 */
#pragma once
#include "base/err.h"
#include "base/workers.h"
#include "crypto/merkle.h"
#include "redo/storage.h"
#include "trust/accept.h"
#include "trust/seal.h"

enum ate__stage {
    ATE__QUEUED,
    ATE__OUTBOXED,
    ATE__DURABLE,
    ATE__REPLICATED,
    ATE__WITNESSED
}; /* as enum ate_stage */

struct ate__receipt {
    uint64_t sequence, root_time_us;
    uint64_t size;        /* of the head: end of the commit group */
    struct ate_hash head; /* root of the tree at that size */
    enum ate__stage stage;
};

struct ate__own { /* what ate__tx_encode_hashes() gave */
    const struct ate__event_hashes *events;
    uint32_t event_count;
    struct ate_hash hash;
    /* Of a centralized chain, where it is not signed: the keys whose rights it takes. */
    uint32_t key_count;
    struct ate_hash keys[ATE__TX_SIGNATURES_MAX];
};
/* One transaction on its way. The submitter fills the first part. */
struct ate__offer {
    struct ate_bytes encoded;      /* borrowed until done() */
    /* Made and signed by this process just now (ate__trust_sign()): its hashes are taken for true.
     * NULL: it came from elsewhere and is hashed and verified. Borrowed as `encoded`. */
    const struct ate__own *own;
    bool from_afar; /* somebody sent it: ate__accept_purpose() is asked, too */
    /* At the server of a centralized chain (chain/attest.h): the keys that who sent it has proved,
     * at most ATE__PROVED_MAX. NULL: nobody attests. Borrowed as `encoded`. */
    const struct ate_hash *proved;
    uint32_t proved_count;
    bool waits; /* the submitter is going to wait(): it may lead the group itself */
    int64_t timeout_ms; /* after it ATE_UNKNOWN (once sent or ordered) or ATE_TIMEOUT; -1: none */
    void (*done)(struct ate__offer *offer);
    void *user;
    /* Before offer() returns: BUSY, TOO_BIG or E_MEMORY where it is refused for want of room;
     * done() is called all the same. Else 0. Only for a submitter whose offer outlives done(). */
    int at_once;
    /* The answer: */
    int result; /* 0 committed; UNKNOWN; else refused: nothing was or will be applied */
    char text[512]; /* its sentence */
    struct ate__receipt receipt;
    /* Of a chain on this machine: it was offered before, and is in the log or on its way there. */
    bool repeat;
    uint32_t attested; /* of `proved`, a bit each, if it is no repeat */
    struct ate__verdict verdict; /* of a refusal */
    /* Private to the pipe: */
    struct ate__offer *next;
    void *private_[8];
};

struct ate__chain;
struct ate__view;
struct ate__reader;
struct ate__pipe;
struct ate__snapshot { /* first member of each implementation's */
    struct ate__pipe *pipe;
};
struct ate__authors { /* who signed a version */
    uint32_t count;
    struct ate_hash fingerprint[ATE__TX_SIGNATURES_MAX];
};
/* What a history walk gives: records in order; a non-zero result ends it and is its result. `body`
 * until the callback returns. */
struct ate__history_record {
    uint64_t sequence, root_time_us;
    struct ate_bytes body;
    bool last_in_group;
};
typedef int ate__history_fn(void *arg, const struct ate__history_record *record);

/* A question to the chain that changes nothing but how much of it is durable and shown here. The
 * submitter fills the first part, and owns it until done(). */
enum ate__ask_kind {
    ATE__ASK_SYNC, /* this has seen all that the root had at the call, and all there is was sent.
                      Its receipt: the newest transaction then */
    ATE__ASK_OUTCOME /* what became of `id`: NOT_FOUND UNKNOWN OFFLINE */
};
struct ate__ask {
    enum ate__ask_kind kind;
    struct ate__txn_id id; /* OUTCOME */
    struct ate_hash tx_hash; /* OUTCOME: of that very transaction; zeros: whichever has that id */
    bool from_afar; /* somebody sent it: ate__accept_purpose() is asked, too */
    bool waits; /* the submitter is going to await() it: it may do the work itself */
    void (*done)(struct ate__ask *ask); /* not where it waits */
    void *user;
    /* The answer: */
    int result;
    char text[ATE__ERROR_SIZE]; /* its sentence */
    struct ate__receipt receipt;
    /* Private to the pipe: */
    void *owner;
    struct ate__task task;
    struct ate__ask *next;
    struct ate__settling {
        uint64_t in, size, losses;
        bool ordered, lost;
    } settling;
};
void ate__ask_answer(struct ate__ask *ask, int result, const struct ate__receipt *receipt);

/* Told that the published state moved on; any thread, no lock held; must not block and not call the
 * pipe back. */
struct ate__listener {
    void (*published)(struct ate__listener *l, uint64_t size);
    void *user;
    /* Private: */
    struct ate__listener *next;
    struct ate__view *left_view; /* what was there before another state came: ate__chain_left() */
    struct ate__reader *left_reader;
    uint64_t left_size;
    bool left_nothing;
};

/* What a remote chain asks its server for in the place of a history. Each waits. Nothing but the
 * log keys is verified: whoever asks knows the heads of which the rest speaks. */
struct ate__proof_entry;
struct ate__destruction;
struct ate__key;
struct ate__far_vtable {
    /* Of a thin chain: public keys in force, ATE__LOG_PUBLIC bytes each, appended. */
    int (*log_keys)(struct ate__pipe *p, struct ate__buf *ret_keys);
    /* The newest checkpoint, a note; appended. NOT_FOUND: nothing was signed there. */
    int (*checkpoint)(struct ate__pipe *p, struct ate__buf *ret_note);
    /* Of the leaf at a sequence below size, and what it is hashed from; of the tree of old_size in
     * that of size. NOT_FOUND: the server's tree is smaller; COMPACTED. */
    int (*inclusion)(struct ate__pipe *p, uint64_t sequence, uint64_t size,
                     struct ate__proof_entry *ret_entry, struct ate__proof *ret_path);
    int (*consistency)(struct ate__pipe *p, uint64_t old_size, uint64_t size,
                       struct ate__proof *ret_path);
    struct ate_bytes (*genesis)(struct ate__pipe *p); /* transaction 0; lives as long as p */
    /* Whoever opened it is told of nothing any more once this returns; the pipe may live on. */
    void (*hush)(struct ate__pipe *p);
    /* 0, or what every call gives from now on, with its sentence; all that came before is taken in,
     * and listeners were told once more. */
    int (*ended)(struct ate__pipe *p);
    /* For its owner: the server destroys it, and every call of the pipe fails from then on. The
     * views of *ret_destruction live as long as p. Errors: DENIED: not the owner, an archive that
     * has to keep something, or a server that does not do it; STALE: others keep committing;
     * UNKNOWN: no answer came. */
    int (*destroy)(struct ate__pipe *p, const struct ate__key *key,
                   struct ate__destruction *ret_destruction);
};

struct ate__chain;
struct ate__pipe_vtable {
    struct ate__pipe *(*ref)(struct ate__pipe *p);
    void (*unref)(struct ate__pipe *p); /* the last one closes; does not wait for the network */
    /* ---- constant from open on ---- */
    struct ate__trust *(*trust)(
        struct ate__pipe *p); /* chain id, hash, keys; shared, see trust/state.h */
    bool (*created)(struct ate__pipe *p); /* this open made the chain */
    struct ate__chain *(*chain)(struct ate__pipe *p); /* with all of its history; NULL: thin */
    /* ---- reading ---- */
    int (*begin)(struct ate__pipe *p, struct ate__snapshot **ret_snapshot);
    int (*refresh)(struct ate__snapshot *s);
    /* As refresh(), after an offer that was made from this snapshot was committed: to the state
     * right behind it, or a newer one. */
    int (*committed)(struct ate__snapshot *s, const struct ate__receipt *receipt);
    void (*end)(struct ate__snapshot *s); /* takes NULL */
    void (*head)(const struct ate__snapshot *s, uint64_t *ret_size, struct ate_hash *ret_root);
    const struct ate__facts *(*facts)(
        struct ate__snapshot *s); /* the state at the snapshot; valid until end() */
    /* The current body event of a live object: its bytes are appended to buf, checked against the
     * event hash, decoded as views into buf, form CLEAR, CIPHER, BARE or STRIPPED. ret_authors
     * NULL: not wanted (asking costs a read of the whole transaction). NOT_FOUND STALE TAMPERED. */
    int (*event)(struct ate__snapshot *s, const struct ate_id *id, struct ate__buf *buf,
                 struct ate__event *ret_event, struct ate__authors *ret_authors);
    /* Is the version of `sequence`, which is the newest one below the size `seen`, the one at the
     * snapshot, too? 0; STALE; NOT_FOUND, without a sentence: only a look at the object tells. */
    int (*still)(struct ate__snapshot *s, const struct ate_id *id, uint64_t sequence,
                 uint64_t seen);
    /* ---- writing ---- */
    void (*offer)(struct ate__pipe *p, struct ate__offer *offer);
    void (*wait)(struct ate__pipe *p,
                 struct ate__offer *offer); /* returns once done() has been called; only by the
                                               submitter, if it said `waits` */
    /* ---- asking ---- */
    /* 0: it is completed exactly once, as an offer is: done() on any thread, under no lock, never
     * inside ask(); who lets the last reference go does it with asks in flight, but not inside
     * done(), and they are completed before that returns. Else done() is never called: E_MEMORY,
     * BUSY, WOULD_DEADLOCK. Waits for the network no longer than the pipe's time limit. */
    int (*ask)(struct ate__pipe *p, struct ate__ask *ask);
    void (*await)(struct ate__pipe *p, struct ate__ask *ask); /* once, if it said `waits` */
    /* ---- following ---- */
    int (*history)(struct ate__pipe *p, uint64_t from, ate__history_fn *each,
                   void *arg); /* to the published size at the call */
    int (*listen)(struct ate__pipe *p, struct ate__listener *l); /* UNSUPPORTED on a thin chain */
    void (*unlisten)(struct ate__pipe *p,
                     struct ate__listener *l); /* returns when no call of it is under way */
    bool (*damage)(struct ate__pipe *p, struct ate__storage_damage *ret_damage);
    bool (*read_only)(struct ate__pipe *p);
    const struct ate__far_vtable *far; /* NULL: it is not remote */
};
struct ate__pipe {
    const struct ate__pipe_vtable *v;
    const struct ate__env *env;
    bool remote; /* its root is another machine's process; there is no outbox here */
    bool thin; /* and no mirror either */
    bool hidden; /* its server says nothing of it before a key is proved; once it is open */
    struct ate__pipe *now; /* of one that shows the past (chain/past.h): that of the present */
};

/* Asking and waiting for the answer. */
int ate__pipe_sync(struct ate__pipe *p, struct ate__receipt *ret_receipt) ATE__CHECK;
int ate__pipe_outcome(struct ate__pipe *p, const struct ate__txn_id *id,
                      const struct ate_hash *tx_hash, struct ate__receipt *ret_receipt) ATE__CHECK;
