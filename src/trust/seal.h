/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * seal.h: choosing keys, sealing and opening: data keys of scopes, payloads, name keys and name
 * tags (docs/format/trust.md, 12 to 14).
 *
 * Constructions (all frames as crypto/digest.h, all keys 32 bytes):
 *   encryption key, data key id, seal seed =
 *          HKDF-Expand(D, "ate enc 1" | "ate id 1" | "ate seal 1"; chain id)
 *   sealed to a reader:  HPKE(info = frame("ate seal 1", chain id, scope id, u64 epoch),
 *          aad = frame("ate seal 1", fingerprint, data key id), D)
 *   wrapped by a read key: AES-256-KW under
 *          HKDF-Expand(read key, "ate wrap 1"; chain id, scope id, u64 epoch, data key id)
 *   LINK:  AES-256-KW of D(n-1) under
 *          HKDF-Expand(D(n), "ate link 1"; chain id, scope id, u64 epoch n)
 *   NAMEKEY: AES-256-KW under
 *          HKDF-Expand(D, "ate name key 1"; chain id, object id, data key id)
 *   SEALED: as to a reader, with the data key id of the epoch in the place of the fingerprint
 *   label: XAES-256-GCM under the encryption key, nonce in front,
 *          aad = H("ate label 1", chain id, scope id, u64 epoch, data key id, fingerprint)
 *   payload: XAES-256-GCM, aad = H("ate aad 1", chain id, object id, TYPE if clear, parent,
 *          u32 collection, u64 epoch, data key id, version id)
 *   name tags: the first 16 bytes of H("ate open name 1", parent id, name), and of
 *          HMAC-SHA-256(name key, frame("ate open name 1", parent id, name)); in a collection of
 *          the parent but 0 the frame is ("ate collection name 1", parent id, u32 collection, name)
 *
 * All of it is thread-safe: the environment is constant, sessions guard themselves.
 */
#pragma once
#include "trust/facts.h"
#include "trust/session.h"

struct ate__seal_env { /* of one chain; constant */
    const struct ate__env *env;
    struct ate_hash chain_id;
    enum ate__hash_alg alg;
    unsigned strength; /* bits: of the keys that epochs are sealed to; 0: 192 */
};

/* D of an epoch of this scope: through RECIPIENTS of `control` or of an older one, then LINKs back
 * along `older`. The id is compared in constant time after each step. From the epoch that is asked
 * for every LINK down to epoch 0, or to one that was checked before, must open to the epoch below
 * it, unless that one was published before: an epoch announced by someone who could not read the
 * one before is TAMPERED. Remembered in the session (NULL: what was published alone opens).
 * Errors: NO_KEY (the session's keys do not open it), TAMPERED (it opens to another id). */
int ate__data_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__control *control, const struct ate_hash *data_key_id,
                       struct ate__data_key **ret_key) ATE__CHECK;

/* The newest epoch of the scope is sealed to a key of the session, rightly or not. */
bool ate__epoch_names(const struct ate__control *control, const struct ate_session *s);
/* An epoch of the scope, in force or replaced, has this data key. NULL: no scope. */
bool ate__epoch_was(const struct ate__control *control, const struct ate_hash *data_key_id);
/* The newest control event of the nearest object from id upwards that has or had an epoch of this
 * data key, or of one that CAME_FROM of these names: what was sealed under it lies there, or lay
 * there when it was sealed. Errors: NO_KEY: none; NOT_FOUND, TOO_BIG. */
int ate__data_key_holder(const struct ate__facts *facts, const struct ate_id *id,
                         const struct ate_hash *data_key_id,
                         const struct ate__control **ret_control) ATE__CHECK;
/* The same, *looks: objects that it may look at yet, counted down. Errors: also NO_KEY: it is 0. */
int ate__data_key_holder_near(const struct ate__facts *facts, const struct ate_id *id,
                              const struct ate_hash *data_key_id, size_t *looks,
                              const struct ate__control **ret_control) ATE__CHECK;

/* For who writes without reading: a fresh data key, in no memory but the caller's, and appended the
 * same sealed to the epoch of a private scope, for SEALED. open: what SEALED of a body holds.
 * Errors of open: NO_KEY TAMPERED. */
int ate__sealed_key_make(const struct ate__seal_env *e, const struct ate__control *control,
                         struct ate__buf *ret_sealed, struct ate__data_key **ret_key) ATE__CHECK;
int ate__sealed_key_open(const struct ate__seal_env *e, struct ate_session *s,
                         const struct ate__control *control, const struct ate__header *body,
                         struct ate__data_key **ret_key) ATE__CHECK;

/* Data key id of the epoch that a body is sealed for. */
static inline const struct ate_hash *ate__sealing_id(const struct ate__header *body)
{
    return ate__header_has(body, ATE__TAG_SEALED) ? &body->sealed.epoch_key_id
                                                  : &body->conf.data_key_id;
}
/* The data key under which a body is sealed that lies at or below `at`; with SEALED the one that it
 * holds. s may be NULL. Errors: NO_KEY TAMPERED NOT_FOUND TOO_BIG. */
int ate__body_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__facts *facts, const struct ate_id *at,
                       const struct ate__header *body, struct ate__data_key **ret_key) ATE__CHECK;

/* Encrypts a body: the plaintext is u32 length of the private items, the items, the payload. Fills
 * ret_conf, appends the ciphertext. */
int ate__body_encrypt(const struct ate__seal_env *e, const struct ate__data_key *key,
                      uint64_t epoch, const struct ate_id *object, struct ate_bytes clear_type,
                      const struct ate_id *parent, uint32_t collection,
                      struct ate_bytes private_items, struct ate_bytes payload,
                      struct ate__conf_item *ret_conf, struct ate__buf *cipher) ATE__CHECK;
/* Opens one: appends the plaintext to `plain`, views into it.
 * Errors: TAMPERED, MALFORMED, NOT_LOCAL (the payload was left out). */
int ate__body_decrypt(const struct ate__seal_env *e, const struct ate__data_key *key,
                      const struct ate__event *event, struct ate__buf *plain,
                      struct ate__header *ret_private, struct ate_bytes *ret_payload) ATE__CHECK;

/* name: 1..255 bytes, without '/' and NUL, not "." or "..": else MALFORMED. */
int ate__name_check(struct ate_bytes name) ATE__CHECK;
/* The 16-byte tag of a name in a place, open and private. */
int ate__name_tag_open(enum ate__hash_alg alg, const struct ate_place *place, struct ate_bytes name,
                       uint8_t ret_tag[ATE__NAME_TAG]) ATE__CHECK;
int ate__name_tag_private(const struct ate__key32 *name_key, const struct ate_place *place,
                          struct ate_bytes name, uint8_t ret_tag[ATE__NAME_TAG]) ATE__CHECK;
/* The name key that `namer` (a control with NAMEKEY) carries. scope_control: of the scope under
 * whose data key it is wrapped. A name key never changes once it is set: where an older control
 * event of the object carries another one, or this one does not open for a reader, what the oldest
 * of them says counts, so that who administers takes no name from anybody. Remembered in the
 * session. Errors: NO_KEY TAMPERED. */
int ate__name_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__control *namer, const struct ate__control *scope_control,
                       struct ate__key32 *ret_name_key) ATE__CHECK;
/* The one in force for the children of a live parent. *ret_private false: names are open there.
 * s may be NULL. Errors: NO_KEY (*ret_private is true), TAMPERED, NOT_FOUND, TOO_BIG. */
int ate__name_key_of(const struct ate__seal_env *e, struct ate_session *s,
                     const struct ate__facts *facts, const struct ate_id *parent, bool *ret_private,
                     struct ate__key32 *ret_name_key) ATE__CHECK;
/* A walk over what CAME_FROM of an object, and of those above it, names. Begun by `at`, the rest
 * zero. */
struct ate__way_back {
    struct ate_id at; /* whose CAME_FROM is read */
    unsigned above; /* parents that it went up */
    size_t next; /* id in that CAME_FROM */
    size_t looks; /* at objects, so far; at most ATE__WAY_BACK_MAX */
};
/* The name keys under which some of an object's children may still be named, because they or what
 * they lie in were moved and not sealed anew since: those of the scopes that CAME_FROM names, from
 * the object upwards, that the session opens. *missed: there is one that it does not open, or more
 * than are looked at. Errors: END, TAMPERED. */
int ate__name_key_before(const struct ate__seal_env *e, struct ate_session *s,
                         const struct ate__facts *facts, struct ate__way_back *w, bool *missed,
                         struct ate__key32 *ret_name_key) ATE__CHECK;
/* Whether these tags of a body are those that its name gets there now, under the name key in force.
 * Errors: NO_KEY TAMPERED NOT_FOUND TOO_BIG. */
int ate__name_is_current(const struct ate__seal_env *e, struct ate_session *s,
                         const struct ate__facts *facts, const struct ate__header *clear,
                         struct ate_bytes name, bool *ret_current) ATE__CHECK;
/* Whether the NAME of a body gives its TAG, and may be shown as a name. `clear`: the event's
 * header; namer: the live object whose children it was named among, its parent unless that is
 * deleted since. Of private names that holds as far as the session can tell: without the name key
 * they are what their writer says. */
int ate__name_holds(const struct ate__seal_env *e, struct ate_session *s,
                    const struct ate__facts *facts, const struct ate_id *namer,
                    const struct ate__header *clear, struct ate_bytes name, bool *ret_holds)
    ATE__CHECK;

/* The header of a control event. */
struct ate__scope_plan {
    struct ate_id object;
    const struct ate__control *prev; /* what it replaces, or NULL */
    struct ate__auth auth; /* the four rules as they shall be; keys sorted */
    /* The name key that `prev` carries, or that the object shall carry from now on. NULL: what
     * prev's keys open, or a fresh one, when `new_name_key`. Needed where it is wrapped anew. */
    const struct ate__key32 *name_key;
    bool new_name_key;
    bool hold; /* in an archive: HOLD */
    struct ate_bytes came_from; /* CAME_FROM: its ids, ascending; empty: none */
    bool rotate; /* begin the next epoch in any case */
    bool publish; /* with a read rule that is not of some keys: the data key in clear */
    /* Of the private scope that the object lies in where its own ends; NULL: there is none. */
    const struct ate__data_key *around;
    /* Public key of a reader, appended to buf; an adapter over session and trust state. NOT_FOUND
     * becomes NO_KEY with the fingerprint. */
    int (*public_key)(void *arg, const struct ate_hash *fingerprint, struct ate__buf *buf);
    /* NULL, or: the key has ended, and is left out when an epoch begins. */
    bool (*has_ended)(void *arg, const struct ate_hash *fingerprint);
    /* NULL, or: its label, empty where none is known. */
    struct ate_bytes (*label)(void *arg, const struct ate_hash *fingerprint);
    void *arg;
};
/* Appends it to ret_header.
 *  - Private, and prev is not: epoch 0, or the one behind the last that the object had, with a
 * fresh D sealed to each reader.
 *  - Private, as prev is: its epoch goes on, and who comes is added to it. If somebody goes, or
 *    `rotate`, the next epoch with a fresh D, sealed to those who stay.
 *  - Not private: if prev has a name key, it is kept, under `around` if that is given; with
 *    `publish` D and the name key are in clear from then on.
 * An epoch behind another needs LINK, so the session must be able to open that one, as it must to
 * let somebody in: NO_KEY. Read `nobody` is UNSUPPORTED. `ret_key`: the data key in force, also
 * remembered in the session; NULL for an open rule, and where nothing had to be sealed and the
 * session cannot open it.
 * Errors: NO_KEY DENIED (who comes has ended) TAMPERED UNSUPPORTED TOO_BIG MISUSE MALFORMED, and
 * those of public_key(). */
int ate__control_make(const struct ate__seal_env *e, struct ate_session *s,
                      const struct ate__scope_plan *plan, struct ate__buf *ret_header,
                      struct ate__data_key **ret_key) ATE__CHECK;
/* Label of a recipient of this epoch, appended. Errors: NO_KEY TAMPERED. */
int ate__label_of(const struct ate__seal_env *e, struct ate_session *s,
                  const struct ate__control *control, const struct ate__recipient *entry,
                  struct ate__buf *ret_label) ATE__CHECK;
/* hold.c: appends the one that says all that prev (NULL: none) says, but for HOLD. E_MEMORY */
int ate__control_hold(const struct ate_id *object, const struct ate__control *prev, bool hold,
                      struct ate__buf *ret_header) ATE__CHECK;
