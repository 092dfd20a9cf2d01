/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * golden.h: chains that every later version has to read, as one version of the program made them,
 * and a text of what is in each.
 *
 * They are made on a disk in memory, with a clock that the maker moves, random bytes that repeat
 * and keys of known seeds, so that the same program makes the same bytes, on every machine. They
 * are made once for each version of the format; tests/vectors/golden/README.md has the rules.
 */
#pragma once
#include "api/api.h"
#include "ate/type.h"
#include "chain/create.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"

enum { GOLDEN_KEYS = 4, GOLDEN_CHAINS = 31, GOLDEN_SETS = 4 };
/* Of the keys: who owns each chain, who writes too, who reads; and one whom nobody lets in. */
enum { OWNER, SECOND, READER, STRANGER };
extern const char *const golden_keys[GOLDEN_KEYS]; /* names of the files */

/* Keys of another kind, for one chain: they lie in `NAME.keys` beside it. */
struct golden_kit {
    struct {
        const char *form; /* as in a key file */
        enum ate__key_holds holds;
        bool sealed; /* with golden_password */
    } key[GOLDEN_KEYS];
};
extern const struct ate_password golden_password;

/* A chain that is being made: at "/c/NAME" of the disk, or what it is a copy of at "/s/NAME". */
struct golden_chain;
struct golden {
    const char *name;
    const struct golden_chain *of;
    struct simdisk *disk;
    struct simenv sim;
    struct ate_session *session[GOLDEN_KEYS]; /* each with its key; all public keys known */
    struct ate_session *both;                 /* with those of OWNER and SECOND */
    struct ate__dio *dio;                     /* of OWNER */
    struct ate_chain chain;                   /* over dio, for calls that want one */
    char place[64];
};
struct golden_chain {
    unsigned set; /* in which it is kept */
    const char *name;
    void (*make)(struct golden *g);
    bool copy, mirror;
    bool varies; /* what libraries make of it is theirs: the bytes are not compared */
    const struct golden_kit *kit; /* NULL: the keys of the set */
    bool labels; /* of the keys are in its scopes */
    /* But for the options. Centralized: OWNER and SECOND are who has proved a key. */
    struct ate__genesis_conf genesis;
};
extern const struct golden_chain golden_chains[GOLDEN_CHAINS];

/* Makes the chain, and what lies beside it (`NAME.*`), below the directory `to`, which is there, on
 * the real disk; and the key files, private and public. */
void golden_make(const struct golden_chain *chain, const char *to);
void golden_make_keys(const char *to);

/* world.c, for chains.c */
void golden_open(struct golden *g, unsigned flags, struct ate_bytes options);
/* Whether a chain of that name, which a path may end with, is centralized. */
bool golden_is_centralized(const char *path);
void golden_close(struct golden *g);
void golden_kill(struct golden *g); /* the disk stays as it is now, and nothing is open */
void golden_text(struct golden *g, const char *suffix, char *take_text); /* a file beside it */
struct ate_hash golden_fingerprint(const struct golden *g, unsigned key);
struct ate_txn *golden_begin(struct golden *g, struct ate_session *as);
void golden_commit(struct ate_txn *t, struct golden *g); /* and ends it; a second passes */
/* chains.c */
void golden_create_open(struct golden *g); /* for all to read and write */
struct ate_id golden_put(struct ate_txn *t, struct ate_id parent, const char *name,
                         const char *value);
void golden_put_numbered(struct golden *g, struct ate_id parent, unsigned number, unsigned value,
                         size_t size);
void golden_compact(struct golden *g, bool deep);
/* chains_keys.c; a rule lasts until eight more were made */
struct ate_rule golden_rule(const struct golden *g, const unsigned *keys, size_t count);
#define GOLDEN_RULE(g, ...)                                                                        \
    golden_rule(g, (const unsigned[]){__VA_ARGS__},                                                \
                sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))
void golden_put_by(struct golden *g, unsigned key, struct ate_id parent, const char *name,
                   const char *value);
void golden_make_epochs(struct golden *g);
void golden_make_revoked(struct golden *g);
void golden_make_roots(struct golden *g);
void golden_make_log_keys(struct golden *g);
void golden_make_offices(struct golden *g);
void golden_make_compressed(struct golden *g);
void golden_make_central(struct golden *g); /* chains_central.c */
/* chains_algorithms.c */
void golden_make_by_all(struct golden *g);
void golden_make_halves(struct golden *g);
void golden_make_labels(struct golden *g);
void golden_make_published(struct golden *g);
void golden_make_sealed_writer(struct golden *g);
void golden_make_batches(struct golden *g);
extern const struct golden_kit golden_weak, golden_strong, golden_edwards, golden_mldsa,
    golden_halves;
extern const uint16_t golden_plain_edwards[2], golden_plain_mldsa[3];
/* No randomness of OpenSSL from here on: signatures are those of FIPS 204's deterministic variant.
 */
void golden_still_openssl(void);

/* describe.c: what is in the chain in the directory `path`, as the keys in the folder `keys` see
 * it, one after the other, and nobody; appended. */
void golden_describe(const char *path, const char *keys, unsigned flags, struct ate__buf *text);

#define ok(call)                                                                                   \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_)                                                                                   \
            fail_msg("%s:%d: %s: %s: %s", __FILE__, __LINE__, #call, ate__result_name(rc_),        \
                     ate__error_text());                                                           \
    } while (0)
