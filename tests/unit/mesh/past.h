/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * past.h: a history made by hand, that of an honest root or of one that lets anything pass, and
 * what a server shows of it: as it should, or with a twist.
 */
#pragma once
#include "base/err.h"
#include "lib/check.h"
#include "mesh/msg.h"
#include "trust/state.h"
#include "unit/chain/draft.h"

enum { ROOT, ALICE, BOB, EVE, PAST_KEYS, PAST_MAX = 128 };

struct past {
    struct ate__key *key[PAST_KEYS];
    struct ate_hash chain_id;
    struct ate__buf record[PAST_MAX];
    struct ate__tx tx[PAST_MAX];
    uint64_t time_us[PAST_MAX];
    struct ate_hash leaf[PAST_MAX];
    uint64_t size;
    uint64_t number; /* of the last transaction */
    bool centralized; /* who signs is attested instead */
};
static inline void must(int rc)
{
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
}

/* The same keys for all histories of the process; past_keys_free() at the end. */
struct past *past_new(const struct ate__auth *top); /* NULL: the top without rules */
struct past_terms { /* which keys the chain takes */
    uint16_t strength;
    struct ate_bytes algorithms; /* u16le ids, ascending */
    bool centralized;
};
/* root: borrowed until past_free(). */
struct past *past_on_terms(const struct past_terms *terms, struct ate__key *root);
/* A centralized chain, of which the log key is BOB's. */
struct past *past_centralized(const struct ate__auth *top);
/* An archive, of which BOB is the compactor. 1 is alice's, made by the root with rules of its own:
 * she alone may write there; 2, below it, she made. retention_us 0: for ever */
struct past *past_archive(uint64_t retention_us);
void past_free(struct past *p);
void past_keys_free(void);
int past_end(void **state); /* the same, of a group of tests */
/* With all that is there so far; what comes then may differ. */
struct past *past_copy(const struct past *p);

void past_begin(struct past *p, struct draft *ret_draft);
void past_sign(struct past *p, struct draft *d, int key);
/* With the public keys of its signers, as events. Consumes the draft; gives its sequence. */
uint64_t past_commit(struct past *p, struct draft *take_draft);
uint64_t past_commit_plain(struct past *p, struct draft *take_draft); /* without the keys */
uint64_t past_add(struct past *p, struct ate_bytes record); /* as it is */
/* With these fingerprints in the place of its empty section. */
uint64_t past_attest(struct past *p, struct ate_bytes unsigned_tx, const struct ate_hash *who,
                     uint32_t count);

struct ate_hash past_print(const struct past *p, int key); /* fingerprint */
/* Any of these keys may write; the rest inherits. For as long as the draft. */
struct ate__auth past_writers(struct past *p, struct draft *d, int one, int other);
struct ate_hash past_body_hash(const struct past *p, struct ate_id id); /* newest */
struct ate_hash past_control_hash(const struct past *p, struct ate_id id);
uint8_t *past_tag(struct ate_id parent, const char *name, uint8_t tag[ATE__NAME_TAG]); /* open */

/* One transaction with one thing in it. key -1: unsigned. */
uint64_t past_create(struct past *p, int key, unsigned id, unsigned parent, const char *name,
                     const char *payload);
uint64_t past_change(struct past *p, int key, unsigned id, unsigned parent, const char *name,
                     const char *payload);
uint64_t past_rule(struct past *p, int key, unsigned id, int one, int other);

/* Begins a draft in which object `id`, where `writer` may write, is held, or no longer is. */
void past_hold(struct past *p, struct draft *ret_draft, unsigned id, int writer, bool hold);

struct ate__head past_head(struct past *p, uint64_t size);
struct ate__proof past_inclusion(struct past *p, uint64_t sequence, uint64_t size);
struct ate__proof past_consistency(struct past *p, uint64_t from, uint64_t size);

/* ---- what is shown ---- */

struct past_show {
    uint64_t sequence, time_us;
    uint8_t keep[64];      /* a flag for each event */
    struct ate__buf forged; /* not empty: this record in its place, whatever it is */
    bool hidden;
};
struct past_answer {
    struct past *past;
    const struct ate__msg_get *get;
    uint64_t size, cursor;
    struct ate_id object[ATE__GOT_OBJECTS_MAX];
    uint8_t live[ATE__GOT_OBJECTS_MAX];
    uint32_t object_count;
    struct past_show show[PAST_MAX];
    uint32_t show_count;
};
/* What an honest server answers to `get` at that size. */
void past_answer_get(struct past *p, const struct ate__msg_get *get, uint64_t size,
                     struct past_answer *ret);
void past_answer_free(struct past_answer *a);
/* The body of GOT. */
void past_answer_encode(struct past_answer *a, uint32_t request, uint64_t known_size,
                        struct ate__buf *buf);
struct past_show *past_shown(struct past_answer *a, uint64_t sequence); /* made if it is missing */
