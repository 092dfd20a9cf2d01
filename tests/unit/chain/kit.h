/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kit.h: a chain on a simulated disk or in memory, and short ways to change it.
 *
 * Everyone may write into it unless the test says otherwise, so that most transactions need no
 * signature. Its objects are id_of(n), below the top.
 */
#pragma once
#include "chain/chain.h"
#include "crypto/log_key.h"
#include "draft.h"
#include "gate.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"

struct kit {
    struct simdisk *disk;
    struct simenv sim;
    struct ate__dir *root; /* "/c" */
    struct ate_hash chain_id;
    uint8_t genesis[12288];
    size_t genesis_size;
    struct ate__workers *workers; /* the test's; NULL: none */
    enum ate__sync sync;
    uint32_t sync_interval_ms;
    uint64_t retention_us; /* kit_genesis() makes an archive; 0: it does not */
    struct ate__auto_conf compact; /* zeros: never by itself */
    const struct ate__key32 *image_secrets; /* of a view image; the test's */
    size_t image_secret_count;
    const struct ate__log_key *log_key; /* kit_genesis() names it, and makes a centralized chain */
    uint8_t host; /* whose host key there is; 0: nobody's */
    bool memory; /* kit_create() makes it in memory */
    bool gated; /* kit_create() and kit_open() put a gate in front of the storage */
    struct gate *gate; /* the present one, or NULL */
    struct ate__chain *chain;
    uint64_t number; /* of the last transaction that was begun */
    uint8_t origin;
    /* Of the last commit: */
    struct ate__receipt receipt;
    struct ate__verdict verdict;
    char text[512];
};

/* Keys that are always the same; 0 is the root. Never to be freed. */
enum { KIT_KEYS = 3 };
const struct ate__key *kit_key(unsigned n);

/* A disk with the directory "/c"; no chain yet. */
void kit_init(struct kit *k, uint64_t seed);
/* The same on a disk that is there, which it then owns; the genesis is that of `from`. */
void kit_take(struct kit *k, const struct kit *from, struct simdisk *take_disk, uint64_t seed);
void kit_deinit(struct kit *k);
/* Another genesis, before it is created: auth of the top, NULL for none; by root key kit_key(0). */
void kit_genesis(struct kit *k, const struct ate__auth *auth, uint64_t window, uint8_t variant);

struct ate__chain_conf kit_conf(struct kit *k);
int kit_storage(struct kit *k, unsigned flags, struct ate__storage **ret_storage);
/* Opened and begun; none is open where that failed. */
int kit_chain_open(struct kit *k, const struct ate__chain_conf *conf,
                   struct ate__storage *take_storage, unsigned flags);
int kit_create(struct kit *k);
int kit_open(struct kit *k, unsigned flags);
void kit_create_ok(struct kit *k);
void kit_open_ok(struct kit *k, unsigned flags);
void kit_close(struct kit *k);
void kit_reopen_ok(struct kit *k);
/* The process ends without a word; k goes on with the disk as the next one finds it, or as a power
 * loss may leave it. No chain is open then. */
void kit_kill(struct kit *k);
void kit_crash(struct kit *k, uint64_t seed);

/* ---- transactions ---- */

/* On the newest head, with the next number. */
void kit_begin(struct kit *k, struct draft *d);
/* Waits; the answer is in k as well. The draft stays. */
int kit_commit(struct kit *k, struct draft *d);
int kit_commit_bytes(struct kit *k, struct ate_bytes encoded);
struct ate__object_facts kit_facts(struct kit *k, unsigned object); /* latest published */
/* Creates or replaces the object's text, below the top. */
void kit_draft_put(struct kit *k, struct draft *d, unsigned object, const char *text);
int kit_put(struct kit *k, unsigned object, const char *text);
void kit_put_ok(struct kit *k, unsigned object, const char *text);
/* The beginning of an object's text; "" if there is none; until the next call. */
enum { KIT_TEXT = 1024 }; /* bytes, with the NUL */
const char *kit_text(struct kit *k, unsigned object);
uint64_t kit_size(struct kit *k);

/* Runs it on a thread of its own, and fails the test if that is not done within 20 seconds: what an
 * event loop calls waits for no disk. */
void kit_at_once(void *(*run)(void *arg), void *arg);

#define kit_ok(call)                                                                               \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_)                                                                                   \
            fail_msg("%s: %s: %s", #call, ate__result_name(rc_), ate__error_text());               \
    } while (0)
