/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * history.h: walk all transactions in order; the versions of one object; the chain as it was;
 * verify all of it. All need the history here: a chain in a directory, or a remote one with a
 * mirror (conf.mirror_dir, which may be in memory).
 */
#pragma once
#include <ate/txn.h>

ATE__BEGIN

enum ate_event_kind {
    ATE_EVENT_BODY,       /* an object was created, changed or moved */
    ATE_EVENT_TOMBSTONE,  /* it was deleted */
    ATE_EVENT_CONTROL,    /* who may do what with it, its keys, its names */
    ATE_EVENT_CHAIN,      /* genesis, or a change of the chain's own settings */
    ATE_EVENT_ROOT,       /* root keys added or removed */
    ATE_EVENT_REVOKE,     /* a key ended, chain-wide */
    ATE_EVENT_PUBLIC_KEY, /* a public key, brought along for those that need it */
    ATE_EVENT_OTHER,      /* of the system */
    ATE_EVENT_CERTIFICATE, /* which transactions a deep compaction may leave out */
    ATE_EVENT_COMPACTED,   /* compacted away: nothing but its hash is left */
    ATE_EVENT_RESET        /* the chain went back to what is before it */
};

struct ate_history_event {
    enum ate_event_kind kind;
    struct ate_id id, parent;     /* zeros where it is about no object */
    const char *type;             /* NULL: private to others, or it has none */
    struct ate_bytes name;        /* empty: private to others, or it has none */
    uint64_t payload_size;        /* bytes; as stored where it is encrypted */
    bool has_payload;             /* false: it never had one, or it was compacted away */
    /* readable: the session's keys open it, or nothing needs to be opened */
    bool encrypted, readable;
    bool creates;                 /* the first version of its object */
    bool subtree;                 /* a tombstone that took all below it along */
    uint64_t epoch; /* of the read scope that encrypted it, or that it begins; else 0 */
    const struct ate_rules *rules; /* a control event's own; NULL where it sets none */
    size_t recipient_count; /* readers that it seals a key to */
    struct ate_hash fingerprint; /* of the key that it is about, else zeros */
    uint64_t certified; /* a certificate: of so many transactions, from the first on; else 0 */
    struct ate_hash event_hash;
    const struct ate_reset *reset; /* of a RESET; else NULL */
    /* Of ATE_EVENT_ROOT: fingerprints of the keys that became root keys, and ceased to be. */
    const struct ate_hash *added, *removed;
    size_t added_count, removed_count;
};
/* What a transaction is believed for. In a centralized chain (ate/chain.h) its server attests who
 * made one, and of what covers that the first of the others that there is counts. */
enum ate_grounds {
    ATE_BY_SIGNATURES,  /* those that it needs, each verified; none where everyone may write */
    ATE_BY_LOG_KEY,     /* a log key signed a checkpoint that covers it */
    ATE_BY_CERTIFICATE, /* a key signed the certificate of a deep compaction that covers it */
    ATE_BY_HOST_KEY     /* this machine ordered it, and its host key sealed it */
};
struct ate_history_txn {
    uint64_t sequence;
    struct ate_txn_id id;
    struct ate_hash tx_hash;
    int64_t root_time_ns; /* when the root ordered it; never falls */
    int64_t writer_time_ns; /* what the writer's clock said: a claim */
    const struct ate_hash *authors; /* fingerprints that signed it; none where everyone may write */
    size_t author_count;
    bool verified; /* every check that this chain's trust rules ask for was made and held */
    const struct ate_history_event *events;
    size_t event_count;
    enum ate_grounds grounds;
    struct ate_hash log_key; /* of ATE_BY_LOG_KEY: fingerprint of who signed; else zeros */
};

/* session: whose keys open types, names and payloads; NULL: the chain's. from_sequence: the
 * first to be given. What it gives is borrowed from the history until its next call. One thread
 * at a time.
 * Errors: E_MEMORY. */
ATE_CALL int ate_history_start(struct ate_chain *chain, struct ate_session *session,
                               uint64_t from_sequence, struct ate_history **ret_history);

/* WAITS for the disk. The next transaction, up to the head at the time of the call. Those that were
 * compacted away are passed over: their sequences are missing.
 * Errors: END, UNSUPPORTED: the chain is thin; COMPACTED, TAMPERED, E_*. */
ATE_CALL int ate_history_next(struct ate_history *history, struct ate_history_txn *ret_txn);

/* The object as the event with that index of the last transaction given left it.
 * Errors: MISUSE: not a body event; NO_KEY, COMPACTED: the payload is gone; MALFORMED: what is
 * stored unpacks to nothing; TAMPERED, E_*. */
ATE_CALL int ate_history_load(struct ate_history *history, size_t event_index,
                              struct ate_object *ret_object);
ATE_API void ate_history_end(struct ate_history *history); /* takes NULL */

/* ---- the versions of one object ---- */

/* Who is told how far a long search or walk is. Runs inside the calls that read, on their thread;
 * stage: "search", "read". It may not call the library. */
struct ate_progress {
    void (*call)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *arg;
};

struct ate_object_version {
    uint64_t sequence;
    int64_t root_time_ns, writer_time_ns; /* as in struct ate_history_txn */
    const struct ate_hash *authors; /* fingerprints that signed it; none where everyone may write */
    size_t author_count;
    struct ate_hash event_hash; /* of its body, or of the tombstone that deleted it */
    bool created; /* the first one: the walk ends behind it */
    bool deleted; /* here the object ended, by itself or with something above it; the next one is
                     the last that it had */
    bool moved; /* the version before it lay below another object */
    bool renamed; /* the version before it had another name, or none; or lost it */
    /* Of a deleted one, zeros. */
    struct ate_id parent;
    const char *type; /* NULL: private to others, or it has none */
    struct ate_bytes name; /* empty: private to others, or it has none */
    uint64_t payload_size; /* bytes; as stored where it is encrypted and not readable */
    bool has_payload; /* false: it never had one, or it was compacted away */
    bool encrypted, readable; /* readable: the session's keys open it, or nothing needs it */
};

/* Of an object that is there, or was until it was deleted: from its newest version, at the time of
 * this call, back to the one that created it. Of one that was created again under its id: its last
 * life. session: whose keys open types, names and payloads; NULL: the chain's. progress: copied;
 * NULL: nobody. One thread at a time.
 * Errors: NOT_FOUND: it never was; UNSUPPORTED: the chain is thin; MISUSE: ate_top; E_*. */
ATE_CALL int ate_versions_start(struct ate_chain *chain, struct ate_session *session,
                                struct ate_id id, const struct ate_progress *progress,
                                struct ate_versions **ret_versions);

/* WAITS for the disk: reads the log from the version before back to this one, each part of it once
 * in a whole walk; holds two transactions in memory. What it gives is borrowed until the next call.
 * COMPACTED stands for one or more versions that were compacted away at this point; the next call
 * goes on behind them, or gives END. What was moved or renamed there is not told.
 * Errors: END: that was all; COMPACTED, TAMPERED, E_*. */
ATE_CALL int ate_versions_next(struct ate_versions *versions,
                               struct ate_object_version *ret_version);

/* The object as the last version given left it. Its created_sequence is 0 if it was deleted since.
 * Errors: MISUSE: there is none, or it is a deletion; NO_KEY, COMPACTED: the payload is gone;
 * MALFORMED: what is stored unpacks to nothing; E_*. */
ATE_CALL int ate_versions_load(struct ate_versions *versions, struct ate_object *ret_object);
ATE_API void ate_versions_end(struct ate_versions *versions); /* takes NULL */

/* ---- the chain as it was ---- */

/* WAITS for the disk. How many transactions the root had ordered by that time of its clock: what
 * ate_txn_begin_at() wants. All of them, for a time to come.
 * Errors: NOT_FOUND: the chain did not exist then; UNSUPPORTED: it is thin; E_*. */
ATE_CALL int ate_chain_size_at(struct ate_chain *chain, int64_t root_time_ns, uint64_t *ret_size);

/* A transaction that reads the chain as it was when it had `size` transactions, which is after
 * sequence size - 1: objects, names, children and rules of then. It is never stale. Changes,
 * commits and refresh are MISUSE. Keys: those of then, and of who was let in since.
 *
 * What did not change since costs what it costs now. A find or load of something else reads the log
 * back from there to the version that it wants, or all of it if there is none; the first walk over
 * the children of an object reads it from the object's creation on. It keeps about 300 bytes for
 * each object that it found so, and does not read for it again. flags: ATE_TREE: much is going to
 * be read: this call reads all of the log up to there, and holds in memory what an open holds, up
 * to 160 bytes for each object then; all else is then as fast as now.
 *
 * progress: copied, and told until the transaction ends; NULL: nobody.
 * Errors: NOT_FOUND: the chain never had that size; COMPACTED: what it was then is gone;
 * UNSUPPORTED: it is thin; MISUSE, TAMPERED, E_*. */
ATE_CALL int ate_txn_begin_at(struct ate_chain *chain, struct ate_session *session, uint64_t size,
                              unsigned flags, const struct ate_progress *progress,
                              struct ate_txn **ret_txn);

/* ---- verify ---- */

struct ate_verified {
    struct ate_head head; /* of what holds */
    uint64_t transactions, events, signatures; /* that are there */
    uint64_t events_gone, payloads_gone; /* of those; compacted away, their hashes hold */
    /* head.size - transactions were compacted away, all below this sequence; 0: none may be missing
     */
    uint64_t cut_off;
    uint64_t bytes; /* read and checked */
    uint64_t trimmed_bytes; /* a torn tail, never acknowledged to anybody */
    /* the first thing wrong; what == ATE_OK: all holds. Strings are borrowed from the chain. */
    struct ate_damage damage;
    /* Behind head, in a copy of a centralized chain: transactions that no checkpoint covers yet.
     * Nobody is shown them. */
    uint64_t queued;
};
/* One range of bytes in use: flip any of them, and verify says so. Runs inside the call; file is
 * relative to the chain. */
typedef void ate_in_use_fn(void *arg, const char *file, uint64_t offset, uint64_t size);

/* WAITS. In a directory: reads all of it from the disk and checks every record, hash, signature,
 * authority and the Merkle root, from the trusted root keys on; believes no cache. Of a mirror,
 * which checked the same of every transaction when it took it in: what it holds, once it has all
 * that the root had. 0: it was checked, and ret_verified->damage says whether it holds (open with
 * ATE_READ to get this far with a damaged one). in_use may be NULL; it is told of files in a
 * directory only.
 * Errors: UNSUPPORTED: the chain is thin; WRONG_CHAIN: another lies there now; OFFLINE, TIMEOUT,
 * COMPACTED, WOULD_DEADLOCK, E_*. */
ATE_CALL int ate_chain_verify(struct ate_chain *chain, ate_in_use_fn *in_use, void *in_use_arg,
                              struct ate_verified *ret_verified);

ATE__END
