/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg.h: the messages of the mesh: frame types from 16 on, each with one encode and one decode
 * (docs/format/wire.md).
 *
 * A stream is one chain of one client; the client draws its id, from 1 on. Its first frame is OPEN
 * or CREATE; OPENED makes it usable. ERROR ends it from the server's side, CLOSE from the client's,
 * and so do EXISTS and DESTROYED of what is: the id may then be used again. A *request* number is
 * the client's, from 1 on, and comes back in the answer. Proofs are lists of hashes: u8 count,
 * hashes. All decoders are canonical and bounded; views point into the frame's body.
 *
 *  client                              server
 *  OPEN path                           OPENED chain id, head, genesis transaction
 *                                      | ERROR (NOT_FOUND, NO_ACCESS, ...)
 *  CREATE path, genesis transaction    OPENED (flag created) | EXISTS chain id
 *                                      | ERROR (DENIED, ...)
 *  SUBSCRIBE head                      SUBSCRIBED head, consistency proof; then GROUP for each
 *                                      group after the client's head, for ever | ERROR
 *  COMMIT request, known, transaction  COMMITTED | REJECTED
 *  OUTCOME request, (origin, number)   COMMITTED | REJECTED (NOT_FOUND: it is not in the chain;
 *                                      UNKNOWN: it is being written)
 *  GET request, ...                    GOT | REJECTED
 *  PROVE request, ...                  PROVEN | REJECTED
 *  CHECKPOINT request                  SIGNED | REJECTED (NOT_FOUND: nothing was signed there)
 *  DESTROY request                     DESTROYED request, pin, nonce | REJECTED
 *  DESTROY request, statement          DESTROYED statement, to all streams of the chain | REJECTED;
 *                                      from then on the answer to OPEN and CREATE
 *  NOTES least ms between two          NOTE, for each head that is signed, from now on
 *  -                                   CHALLENGE nonce, before OPENED: to be answered behind it, or
 *                                      first: nothing is looked for before
 *  READERS chain id, public key        SEALED a secret to it; before POSSESSION, which says it
 *  POSSESSION chain id, key, proof     - | ERROR (NO_ACCESS)
 *  KEY public key, proof               - | ERROR (NO_ACCESS)
 *  CLOSE                               -
 *
 * To a subscriber, COMMITTED comes after the GROUP that holds its transaction. Other answers of one
 * stream may come in another order than the requests.
 *
 * Heads of a stream form one line, however many requests are under way: the consistency proof of
 * COMMITTED and of GOT with `at` 0 starts (known_size) at the newest head that this stream has
 * proven in an answer before, or at the request's `known` where that is larger; so it starts at the
 * newest head that the client has verified when the answer comes. A COMMITTED for a head smaller
 * than that is made for that one: a transaction is in every later head too. OPENED proves nothing.
 * A client that gets a proof from elsewhere cannot place the head: it asks again (OUTCOME, GET).
 */
#pragma once
#include "chain/pipe.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "mesh/limits.h"
#include "net/frame.h"
#include "trust/destruction.h"

/* clang-format off */
#define ATE__MESSAGES(X) \
    X(OPEN, 16) X(OPENED, 17) X(CREATE, 18) X(EXISTS, 19) X(SUBSCRIBE, 20) X(SUBSCRIBED, 21) \
    X(GROUP, 22) X(COMMIT, 23) X(COMMITTED, 24) X(REJECTED, 25) X(OUTCOME, 26) X(GET, 27) \
    X(GOT, 28) X(CLOSE, 29) X(RESYNC, 30) \
    X(PROVE, 33) X(CHECKPOINT, 34) X(PROVEN, 35) X(SIGNED, 36) X(LEAVES, 37) X(KEPT, 38) \
    X(DESTROY, 39) X(DESTROYED, 40) \
    X(NOTES, 43) X(NOTE, 44) \
    X(CHALLENGE, 49) X(POSSESSION, 50) X(READERS, 55) X(SEALED, 56) \
    X(KEY, 64) \
    /* reserved: a later version */ \
    X(REDIRECT, 31) X(LOAD, 32)
/* clang-format on */
enum ate__message {
#define ATE__X(name, number) ATE__MSG_##name = number,
    ATE__MESSAGES(ATE__X)
#undef ATE__X
};
const char *ate__message_name(unsigned type); /* "OPEN"; "a message" if unknown */

struct ate__head { /* size and root of a tree, at the end of a group; size 0: no root */
    uint64_t size;
    struct ate_hash root;
};

struct ate__msg_open {
    struct ate_bytes path; /* the name of a chain; checked by decode, as in CREATE */
};
struct ate__msg_opened {
    bool created, read_only;
    bool weak_sync; /* the server does not sync each commit: a power loss may take back
                     * what it showed, so no head of this stream is remembered */
    struct ate_hash chain_id;
    struct ate__head head;
    uint64_t genesis_time_us; /* root time of transaction 0 */
    struct ate__proof inclusion; /* of transaction 0 in head */
    struct ate_bytes genesis; /* the whole transaction */
};
struct ate__msg_create {
    struct ate_bytes path, genesis;
};
struct ate__msg_exists {
    struct ate_hash chain_id;
};
struct ate__msg_subscribe {
    struct ate__head head; /* what the client has; size 0: nothing */
};
struct ate__msg_subscribed {
    struct ate__head head; /* now */
    struct ate__proof consistency; /* from the client's head to it */
};
struct ate__msg_group {
    uint64_t first_sequence, root_time_us;
    struct ate_hash head_after; /* root at first_sequence + count */
    uint32_t count;
    struct ate_bytes records; /* encoded list; ate__msg_group_next() walks it */
};
/* In the place of SUBSCRIBED, where the client's head lies below the cut-off. After it come, in
 * this order: the leaves of all full tiles below the cut-off; what is left of the groups below
 * kept.size; the groups from there on, as after SUBSCRIBED. The client believes none of it before
 * it has all up to `certified`. */
struct ate__msg_resync {
    struct ate__head head; /* now */
    struct ate__proof consistency; /* from the client's head to it */
    uint64_t cut_off;
    struct ate__head kept; /* groups from this size on are whole; not 0 */
    uint64_t certified; /* size that has the certificate of the cut-off */
    struct ate_bytes note; /* of a centralized chain, a checkpoint of head; else empty */
};
struct ate__msg_leaves {
    uint64_t first; /* a multiple of ATE__TILE_LEAVES, as the count; not 0 */
    uint32_t count;
    const uint8_t *hashes; /* count * 32 bytes */
};
struct ate__msg_kept { /* what is left of one group, or of nothing: of [first, end) */
    uint64_t first, end, root_time_us;
    uint32_t count; /* may be 0 */
    struct ate_bytes records; /* encoded list; ate__msg_kept_next() walks it */
};
struct ate__kept_record {
    uint64_t sequence;
    bool identity;
    struct ate_bytes body;
};
struct ate__msg_commit {
    uint32_t request;
    struct ate__head known; /* the newest head that the client verified: COMMITTED proves
                             * consistency from it */
    struct ate_bytes tx;
};
struct ate__msg_committed {
    uint32_t request;
    struct ate__receipt receipt;
    uint64_t known_size; /* where `consistency` starts */
    struct ate__proof inclusion; /* of the transaction in the receipt's head */
    struct ate__proof consistency;
    /* Of a centralized chain: who made it, as the server has written into it: fingerprints, in the
     * body; 0: nobody. */
    uint32_t attested_count;
    const uint8_t *attested;
    /* To OUTCOME with a tx_hash: that of the signatures, by which the leaf is known. */
    bool has_signatures_hash;
    struct ate_hash signatures_hash;
};
struct ate__msg_rejected {
    uint32_t request;
    int result; /* of ATE_RESULTS, positive; what failed in the server's machine
                 * is sent as ATE_OFFLINE (nothing was applied) or ATE_UNKNOWN */
    struct ate_bytes text; /* as it came: to be escaped */
    struct ate__verdict verdict; /* conflicts */
};
struct ate__msg_outcome {
    uint32_t request;
    struct ate__head known;
    struct ate__txn_id id;
    struct ate_hash tx_hash; /* zeros: whichever transaction has that id */
};
/* What a thin client asks for. at: the size that its snapshot reads at; 0: the newest.
 * The server keeps the last ATE__SNAPSHOTS_KEPT snapshots of a stream, each as long as a
 * transaction may be old: STALE if it has that one no more. */
enum ate__get_kind {
    ATE__GET_HEAD = 0,
    ATE__GET_OBJECTS = 1,
    ATE__GET_NAME = 2,
    ATE__GET_CHILDREN = 3,
    ATE__GET_LOG_KEYS = 4 /* no objects: the transactions that added or removed a log key */
};
enum { ATE__GET_NO_PAYLOAD = 1 /* payloads over ATE__GET_PAYLOAD_MAX are left out (STRIPPED) */ };
struct ate__msg_get {
    uint32_t request;
    uint64_t at;
    struct ate__head known;
    uint8_t kind, flags;
    uint32_t id_count; /* OBJECTS */
    const uint8_t *ids; /* id_count * 16 bytes */
    struct ate_id parent; /* NAME */
    struct ate__listing listing; /* CHILDREN */
    unsigned tag_count; /* NAME: the first one that is held answers */
    uint8_t tags[2 * ATE__NAME_TAG];
    uint64_t cursor; /* CHILDREN: from the last answer; 0: from the start */
};
/* The answer: the head of the snapshot with its consistency from `known` (a `known` beyond the
 * snapshot: known_size is head.size, and the client knows that head); what is there and what is
 * absent; and the transactions behind what is shown, reduced to the events that matter, each with
 * its inclusion in the head. They are, for each object that is live:
 *   - the transaction of its current body;
 *   - for every ancestor up to the top, its current body, a payload over ATE__GET_PAYLOAD_MAX left
 *     out;
 *   - for the object and every ancestor, the top too, all its control events;
 *   - for every transaction so shown, those that brought the public keys of its signers.
 * So is the parent of NAME and CHILDREN shown, if it is live, without being among the objects. The
 * top may be asked for; it is live and has no body. A transaction stands once, ascending.
 * Transaction 0 is left out: OPENED has shown it whole.
 * Where all that was asked for does not fit into one answer, it has fewer objects: the first ones
 * of OBJECTS (at least one), or a page of CHILDREN with a cursor. */
struct ate__msg_got {
    uint32_t request;
    struct ate__head head;
    uint64_t known_size;
    struct ate__proof consistency;
    uint64_t cursor; /* CHILDREN: 0: that was the last page */
    uint32_t object_count; /* OBJECTS: in the order asked; NAME: 0 or 1; CHILDREN: the page */
    const uint8_t *objects; /* object_count * (id 16, u8: 1 live / 0 absent) */
    uint32_t tx_count;
    struct ate_bytes txs; /* encoded list; ate__msg_got_next() walks it */
};
struct ate__shown_tx {
    uint64_t sequence, root_time_us;
    struct ate__proof inclusion;
    struct ate_bytes record; /* reduced: tx_hash and signatures are those of the whole */
};
/* What a client that has no history asks for, to check it itself. Both sizes are sizes of the tree,
 * none beyond what is published. */
enum ate__prove_kind {
    ATE__PROVE_INCLUSION = 1, /* of the transaction `first` in the tree of `size` */
    ATE__PROVE_CONSISTENCY = 2 /* of the tree of `first` transactions with that of `size` */
};
struct ate__msg_prove {
    uint32_t request;
    uint8_t kind;
    uint64_t first, size; /* INCLUSION: first < size; CONSISTENCY: first <= size */
};
struct ate__msg_proven {
    uint32_t request;
    uint8_t kind;
    struct ate__proof path;
    /* INCLUSION: what the leaf is hashed from, beside the sequence */
    uint64_t root_time_us;
    struct ate_hash tx_hash, signatures_hash;
};
struct ate__msg_checkpoint {
    uint32_t request;
};
struct ate__msg_signed {
    uint32_t request;
    struct ate_bytes note; /* not empty, at most ATE__NOTE_MAX; nothing in it was looked at */
};
/* Checkpoints that come by themselves. */
struct ate__msg_notes {
    uint32_t least_ms; /* between two of them; 0: as the server likes */
};
struct ate__msg_note {
    struct ate_bytes note; /* as of SIGNED */
};
/* The owner destroys the chain (trust/destruction.h). First he asks what to sign for. */
struct ate__msg_destroy {
    uint32_t request;
    struct ate_bytes statement; /* empty: he asks */
};
struct ate__msg_destroyed {
    uint32_t request; /* 0: the chain is destroyed, and the stream ends; else that may be: */
    struct ate_hash pin, nonce;
    struct ate_bytes statement; /* not empty; nothing in it was looked at */
};

/* Who asks proves private keys (trust/possession.h), one in a frame. */
struct ate__msg_challenge {
    struct ate_hash nonce; /* of this stream */
    bool first; /* before that is answered nothing is looked for; else behind OPENED */
};
struct ate__msg_possession {
    struct ate_hash chain_id; /* what it is proved for */
    bool more; /* keys follow, ATE__POSSESSED_MAX in all */
    struct ate_bytes public_key, proof; /* the signature; or 32 bytes, the secret of SEALED */
};
struct ate__msg_key { /* one more, of a centralized chain, for the commits behind it */
    struct ate_bytes public_key, signature;
};
struct ate__msg_readers { /* a key whose private half only decrypts */
    struct ate_hash chain_id;
    struct ate_bytes public_key;
};
struct ate__msg_sealed { /* a secret, sealed to it */
    struct ate_bytes sealed;
};

/* One pair each: encode appends the body to w; decode reads a frame's body.
 * Errors: MALFORMED TOO_BIG UNSUPPORTED. */
#define ATE__MSG_PAIR(name)                                                                        \
    void ate__msg_##name##_encode(struct ate__wr *w, const struct ate__msg_##name *m);             \
    int ate__msg_##name##_decode(struct ate_bytes body, struct ate__msg_##name *ret) ATE__CHECK
ATE__MSG_PAIR(open);
ATE__MSG_PAIR(opened);
ATE__MSG_PAIR(create);
ATE__MSG_PAIR(exists);
ATE__MSG_PAIR(subscribe);
ATE__MSG_PAIR(subscribed);
ATE__MSG_PAIR(group);
ATE__MSG_PAIR(commit);
ATE__MSG_PAIR(committed);
ATE__MSG_PAIR(rejected);
ATE__MSG_PAIR(outcome);
ATE__MSG_PAIR(get);
ATE__MSG_PAIR(got);
ATE__MSG_PAIR(prove);
ATE__MSG_PAIR(proven);
ATE__MSG_PAIR(checkpoint);
ATE__MSG_PAIR(signed);
ATE__MSG_PAIR(resync);
ATE__MSG_PAIR(leaves);
ATE__MSG_PAIR(kept);
ATE__MSG_PAIR(notes);
ATE__MSG_PAIR(note);
ATE__MSG_PAIR(destroy);
ATE__MSG_PAIR(destroyed);
ATE__MSG_PAIR(challenge);
ATE__MSG_PAIR(possession);
ATE__MSG_PAIR(key);
ATE__MSG_PAIR(readers);
ATE__MSG_PAIR(sealed);

/* The lists: add() appends one item to a buffer that becomes `records` or `txs`; next() walks what
 * decode has checked, *at from 0 on; false at the end. */
void ate__msg_group_add(struct ate__wr *w, struct ate_bytes record);
bool ate__msg_group_next(struct ate_bytes records, size_t *at, struct ate_bytes *ret_record);
void ate__msg_kept_add(struct ate__wr *w, const struct ate__kept_record *record);
bool ate__msg_kept_next(struct ate_bytes records, size_t *at, struct ate__kept_record *ret_record);
void ate__msg_got_add(struct ate__wr *w, const struct ate__shown_tx *tx);
bool ate__msg_got_next(struct ate_bytes txs, size_t *at, struct ate__shown_tx *ret_tx);
