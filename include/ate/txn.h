/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * txn.h: transactions: one consistent view, and the changes waiting to be committed; objects
 * without a table; who may do what.
 *
 *  1. A transaction reads at the head that was published at its first read (or ate_txn_base()),
 *     and sees its own changes.
 *  2. A change takes the place of the version that this view shows. If another came first, the
 *     commit is ATE_CONFLICT.
 *  3. Changes are made in memory and cost nothing at the root before ate_txn_commit().
 *  4. A transaction older than 60 s, or that holds back more than 64 MiB of old versions, gets
 *     ATE_STALE from its reads; ate_txn_refresh() mends that.
 *
 * One thread at a time.
 */
#pragma once
#include <ate/chain.h>

ATE__BEGIN

/* session NULL: the one that the chain was opened with. flags: 0: a commit returns once the root
 * has synced it (FULL); ATE_SCOPE_LOCAL, ATE_SCOPE_NONE: less; ATE_READ: nothing is going to be
 * changed. A remote chain has no LOCAL in this version.
 * Errors: MISUSE, READ_ONLY, UNSUPPORTED, E_MEMORY. */
ATE_CALL int ate_txn_begin(struct ate_chain *chain, struct ate_session *session, unsigned flags,
                           struct ate_txn **ret_txn);

/* WAITS. All or nothing; the transaction stays open, on the new state. Without changes it is 0
 * at once, with the base as receipt. Refused: nothing was or will be applied, the changes stay
 * pending, and ate_txn_conflicts() says which object and why. ATE_UNKNOWN: no answer came; it
 * may still be applied, so the transaction is frozen, and the only next steps are to commit it
 * again (the same bytes under the same number: never twice) or to end it. ret_receipt may be
 * NULL.
 * Errors: CONFLICT, STALE, STALE_KEY, DENIED, NO_KEY, READ_ONLY, TOO_BIG, BUSY, OFFLINE,
 * TIMEOUT, UNKNOWN, UNSUPPORTED, E_*. */
ATE_CALL int ate_txn_commit(struct ate_txn *txn, struct ate_receipt *ret_receipt);
ATE_CALL int ate_txn_commit_async(struct ate_txn *txn, struct ate_receipt *ret_receipt,
                                  struct ate_loop *loop, ate_done_fn *done, void *arg);

struct ate_conflict {
    struct ate_id id;    /* the object of ours that was in the way of, or lost to, another */
    /* CONFLICT, EXISTS: the name is taken; NOT_FOUND: deleted; DENIED, STALE_KEY */
    enum ate_result why;
    uint64_t sequence;   /* of the version that won; 0 where there is none */
};
/* Of the last commit that was refused; returns how many. Borrowed until the next change, commit
 * or end. */
ATE_API size_t ate_txn_conflicts(const struct ate_txn *txn,
                                 const struct ate_conflict **ret_conflicts);

/* of the next or unanswered commit, for ate_outcome() */
ATE_API struct ate_txn_id ate_txn_id_of(const struct ate_txn *txn);
ATE_API struct ate_head ate_txn_base(struct ate_txn *txn); /* the head that it reads at; fixes it */
ATE_API void ate_txn_cancel(struct ate_txn *txn); /* drops the pending changes; it stays open */

/* Moves the view on to the newest published state. Pending changes keep the versions that they
 * were made on, so those that were overtaken still conflict: to make them anew, ate_txn_cancel()
 * first. What it lent stays lent.
 * Errors: MISUSE: it is frozen; E_*. */
ATE_CALL int ate_txn_refresh(struct ate_txn *txn);

/* Ends all that it lent so far, and nothing else: for long walks in one view. */
ATE_API void ate_txn_end_loans(struct ate_txn *txn);

/* Ends it and all that it lent, its cursors included; takes NULL. What was not committed is
 * dropped. */
ATE_API void ate_txn_end(struct ate_txn *txn);

/* ---- objects; the typed calls are in type.h ----
 *
 * On a thin chain the calls that read (ate_load, ate_find, ate_next, ate_exists, their _raw
 * forms, ate_protection) ask the root for what this transaction has not seen yet, so they WAIT,
 * within conf.timeout_ms, and may also return OFFLINE, TIMEOUT, TAMPERED, ROLLED_BACK or
 * BAD_PEER. Elsewhere a read costs at most one access to the disk. */

ATE_CALL int ate_exists(struct ate_txn *txn, struct ate_id id); /* 0 or NOT_FOUND */

/* Preconditions of the commit: that the object is then still as this transaction sees it; that
 * there is no such object; that the parent has no child of that name.
 * Errors: NOT_FOUND, EXISTS: not even now; MISUSE, NO_KEY: the names are private; E_MEMORY. */
ATE_CALL int ate_require(struct ate_txn *txn, struct ate_id id);
ATE_CALL int ate_require_absent(struct ate_txn *txn, struct ate_id id);
ATE_CALL int ate_require_no_child(struct ate_txn *txn, struct ate_id parent, struct ate_bytes name);

/* new_name NULL: without a name. The object's id and what lies below it stay; where that takes its
 * readers or its names from above, it is sealed anew for where it goes. Needs write on the object
 * and append on the new parent; admin on the object too, where its name key, or one below it,
 * stays sealed for a scope that it leaves.
 * Errors: NOT_FOUND, EXISTS: the name is taken; NO_KEY, DENIED, MISUSE: below itself; TOO_BIG:
 * too deep, or more to be sealed anew than a transaction holds: use ate_move_only(). */
ATE_CALL int ate_move(struct ate_txn *txn, struct ate_id id, struct ate_id new_parent,
                      const char *new_name);

/* The same at any size: the object alone is sealed for where it goes. What lies below it stays
 * readable by those who could read it, and is found by its names, until ate_reseal() has sealed it
 * anew; what is written from then on follows the new place. Where anything has to be sealed anew,
 * it needs admin on the object too.
 * Errors: as ate_move(). TOO_BIG: moved on too often in between. */
ATE_CALL int ate_move_only(struct ate_txn *txn, struct ate_id id, struct ate_id new_parent,
                           const char *new_name);

/* flags: ATE_TREE: with all below it; without, an object with children is ATE_CONFLICT.
 * In an archive the commit may be DENIED until a time that its sentence says (archive.h).
 * Errors: NOT_FOUND, CONFLICT, DENIED. */
ATE_CALL int ate_delete(struct ate_txn *txn, struct ate_id id, unsigned flags);

/* The children that this transaction sees, of all collections, oldest first, its own included;
 * ate_top: the roots. Of one collection: ate_list() of relation.h.
 * The cursor ends with its transaction. What changes during the walk may or may not be met.
 * Errors: NOT_FOUND, E_MEMORY. */
ATE_CALL int ate_children(struct ate_txn *txn, struct ate_id parent,
                          struct ate_cursor **ret_cursor);
/* earlier than its transaction; takes NULL */
ATE_API void ate_cursor_end(struct ate_cursor *cursor);

/* ---- the same without a table: for bindings, tools and payloads of a form of their own ---- */

struct ate_object {
    const char *type; /* 1 to 255 bytes; NULL where it is private to others */
    const char *encoding; /* "msgpack" or "json"; NULL in a call that stores: "msgpack" */
    /* a map from field name to value, in that encoding (docs/format/object.md) */
    struct ate_bytes payload;
    /* 1 to 255 bytes without NUL; empty: it has none, or it is private to others */
    struct ate_bytes name;
    struct ate_id id, parent;
    /* Below: written by the calls that read, ignored by those that store. */
    /* also where the payload was left out; as stored where it is not readable */
    uint64_t payload_size;
    uint64_t sequence; /* of this version; 0: pending in this transaction */
    /* of the first version; 0 on a thin chain where the object was changed since */
    uint64_t created_sequence;
    /* the root's time of the first (0 as above) and of this version; 0: pending */
    int64_t created_ns, updated_ns;
    /* with ATE_AUTHORS: fingerprints that signed this version; none where everyone may write */
    const struct ate_hash *authors;
    size_t author_count;
    /* false: the session's keys do not open it; type, name and payload are empty then */
    bool readable;
    bool open; /* every reader may read it */
    /* what it was was compacted away (in the chain as it was), or left out by who had its files;
     * type, name and payload are empty */
    bool compacted;
    uint32_t collection; /* of the parent, in which it is; 0 the usual one (relation.h) */
    uint32_t reserved_too;
    uint64_t reserved[3];
};

/* Creates an object with a fresh id below object->parent, in object->collection, under
 * object->name if there is one.
 * flags: ATE_PUBLIC: open to every reader even below something private. The payload is checked
 * to be a map of the limits of docs/format/object.md.
 * Errors: EXISTS: the name is taken; NOT_FOUND: no such parent; NO_KEY, DENIED, MALFORMED,
 * TOO_BIG, MISUSE, READ_ONLY, E_MEMORY. */
ATE_CALL int ate_store_raw(struct ate_txn *txn, const struct ate_object *object, unsigned flags,
                           struct ate_id *ret_id);

/* Creates or replaces. With a name: the child of that name of object->parent (object->id is
 * ignored). Without: the object object->id, which is replaced where it lies, with its name, or
 * created below object->parent. flags: ATE_PUBLIC as above, also for one that is there;
 * ATE_ABSENT: create only, else EXISTS. A replaced object keeps who may do what.
 * Errors: as above, NO_KEY. */
ATE_CALL int ate_put_raw(struct ate_txn *txn, const struct ate_object *object, unsigned flags,
                         struct ate_id *ret_id);

/* 0 also for an object that the session's keys do not open (`readable` says so), but for
 * ate_find_raw() without the key of the names: NO_KEY, whether or not the name exists. flags:
 * ATE_NO_PAYLOAD, ATE_AUTHORS.
 * Errors: NOT_FOUND, NO_KEY, STALE, TAMPERED, E_*. */
ATE_CALL int ate_load_raw(struct ate_txn *txn, struct ate_id id, unsigned flags,
                          struct ate_object *ret_object);
ATE_CALL int ate_find_raw(struct ate_txn *txn, struct ate_id parent, struct ate_bytes name,
                          unsigned flags, struct ate_object *ret_object);

/* The next child of any type, readable or not.
 * Errors: END, STALE, TAMPERED, E_*. */
ATE_CALL int ate_next_raw(struct ate_cursor *cursor, unsigned flags, struct ate_object *ret_object);

/* ---- who may do what to an object and to what lies below it ---- */

enum ate_who { ATE_INHERIT, ATE_EVERYONE, ATE_NOBODY, ATE_KEYS };
struct ate_rule {
    enum ate_who who;
    const struct ate_hash *keys; /* fingerprints, for ATE_KEYS */
    size_t key_count;
};
struct ate_rules { /* a zero rule inherits; append and admin then follow write */
    struct ate_rule read, write, append, admin;
};

/* Replaces the object's own rules; also for an object that this transaction creates. The public
 * key of each reader must be in the chain or in the session (a public file suffices). Those of
 * others that the rules name come along if the session has them: one who is named by a fingerprint
 * that the chain does not know is no member for a server (conf.members_only) before he has signed
 * something, and his key cannot be ended.
 *
 * A reader who comes can read all that the scope ever held. One who goes begins a new epoch: what
 * is written from then on is sealed to the others alone, what was written before is not touched,
 * and he can still read that. A key that was revoked is left out of an epoch that begins. Where the
 * object becomes a private scope or ceases to be one, it and what inherits from it are sealed anew
 * in this transaction.
 * Errors: NOT_FOUND, NO_KEY: a public key is missing, or the scope cannot be opened; DENIED,
 * UNSUPPORTED, TOO_BIG: 4,096 readers, or more to be sealed anew than a transaction holds:
 * ate_protect_only(); E_MEMORY. */
ATE_CALL int ate_protect(struct ate_txn *txn, struct ate_id id, const struct ate_rules *rules);

/* The same, but nothing is sealed anew: what was readable stays readable by those who could read
 * it, and is so until ate_reseal(). Until then it stays where it is: what is still sealed for a
 * scope above it does not open elsewhere (moved back, it does). What is written from then on
 * follows the new rules. */
ATE_CALL int ate_protect_only(struct ate_txn *txn, struct ate_id id, const struct ate_rules *rules);

struct ate_resealed {
    uint64_t seen, resealed, left; /* objects */
    struct ate_id id; /* the one that was left just now, and why; */
    enum ate_result why; /* OK: none was, a batch was committed */
};
/* Once for each batch, and for each object that is left as it is: DENIED: the session may not write
 * it; NO_KEY: it does not open it; NOT_LOCAL, COMPACTED: its value is not here; CONFLICT: others
 * keep changing it. Not 0: ate_reseal() ends with that. It may not use the transaction. */
typedef int ate_reseal_fn(void *arg, const struct ate_resealed *so_far);

/* WAITS. Seals the object and all below it for the scope in which they lie by now, where they are
 * sealed for another one or in clear: after ate_protect_only() and ate_move_only(). Names stay what
 * they are; one that was taken meanwhile, by who could not see it, is left: CONFLICT. In
 * batches, each a commit of its own in this transaction, which has no changes yet. What is done
 * stays done: broken off, it goes on with the next call. `each` may be NULL; ret_done may be, and
 * is written on failure too. Errors: NOT_FOUND, MISUSE: the transaction has changes; those of
 * ate_txn_commit(), and of `each`. */
ATE_CALL int ate_reseal(struct ate_txn *txn, struct ate_id id, ate_reseal_fn *each, void *arg,
                        struct ate_resealed *ret_done);

/* Begins the next epoch of a private scope with the same readers, but for keys that were revoked:
 * what is written from then on is sealed under a new data key. Nothing is rewritten. Needs admin,
 * and a key that reads. Errors: NOT_FOUND, MISUSE: the object sets no private `read` itself;
 * NO_KEY, TAMPERED, DENIED. */
ATE_CALL int ate_rotate(struct ate_txn *txn, struct ate_id id);

/* Opens a private scope to everyone without rewriting: its data key and the key of its names are
 * published. ALL THAT WAS EVER WRITTEN IN IT is open from then on, for ever, deleted and replaced
 * versions included. What is written later is in clear. Another ate_protect() closes it again, for
 * what comes then. To open what is there now and nothing else, let ate_protect() set `read` to
 * everyone: that rewrites it.
 * Errors: as ate_rotate(). */
ATE_CALL int ate_publish(struct ate_txn *txn, struct ate_id id);

struct ate_reader {
    struct ate_hash fingerprint;
    const char *label; /* "" where there is none, or where the session does not read the scope */
    bool by_read_key; /* by the symmetric key of its key file: it has no part to seal to */
    bool has_ended; /* revoked: the next epoch leaves it out */
};
struct ate_scope { /* that an object lies in */
    struct ate_id id; /* of what sets `read`; the top where nothing does */
    bool is_private; /* else everyone reads, and there are no readers */
    bool published; /* it was private, and what was written then is open */
    uint64_t epoch;
    const struct ate_reader *readers;
    size_t reader_count;
    uint64_t reserved[4];
};
/* Lent by the transaction; as the chain has it, pending changes aside. A label is what the key file
 * of the reader said when it was let in.
 * Errors: NOT_FOUND, E_*. */
ATE_CALL int ate_readers(struct ate_txn *txn, struct ate_id id, struct ate_scope *ret_scope);

/* The rules in force for the object, after inheritance: no rule in it is ATE_INHERIT. Keys are
 * lent by the transaction. */
ATE_CALL int ate_protection(struct ate_txn *txn, struct ate_id id, struct ate_rules *ret_rules);

/* Those that the object sets itself, ATE_INHERIT for the others: what ate_protect() replaces. Keys
 * are lent by the transaction. Errors: NOT_FOUND, E_*. */
ATE_CALL int ate_own_rules(struct ate_txn *txn, struct ate_id id, struct ate_rules *ret_rules);

ATE__END
