/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.h: who acts: a set of keys.
 *
 * A key file holds one private key, a public file the half of it to give away; `ate key` makes
 * and shows both. A session's first private key signs and owns what it creates; all of its
 * private keys open and sign, halves of them do one of the two; its public keys (of others) let
 * ate_protect() seal to readers that the chain does not hold yet. Any thread may use a session at
 * any time.
 */
#pragma once
#include <ate/base.h>

ATE__BEGIN

/* Who is asked for the password of a key file that is sealed with one. */
struct ate_password {
    /* Writes it to ret_password, without a NUL, and returns its size, from 1 to capacity bytes; 0:
     * gives up. attempt: 0, then 1, 2 if it was a wrong one; after three nobody is asked any more.
     * The library wipes ret_password. On the calling thread, for as long as it takes; it may not
     * call the library. */
    size_t (*ask)(void *arg, const char *key_file, unsigned attempt, char *ret_password,
                  size_t capacity);
    void *arg;
};

/* Reads the key file. With ATE_CREATE a file that is not there is made, with a fresh key,
 * readable by its owner alone (0600, the folder 0700 if it is made too). key_file NULL: a
 * session without keys, for what is open to everyone.
 * Errors: NOT_FOUND, MALFORMED, UNSUPPORTED, DENIED: the file may be read by others; NO_KEY: a
 * public file, which cannot be the first; E_IO, E_SYSTEM, E_MEMORY. */
ATE_CALL int ate_session_open(const char *key_file, unsigned flags,
                              struct ate_session **ret_session);

/* The same with several: each a private or a public file, the first private. No flags but 0. */
ATE_CALL int ate_session_open_all(const char *const *key_files, size_t count,
                                  struct ate_session **ret_session);

/* The same; who is asked where one of the files is sealed with a password. NULL: nobody, as above:
 * a sealed file is NO_KEY then. Opening one takes some tenths of a second and 64 MiB.
 * Errors: also NO_KEY: given up, or three times a wrong one; DENIED: sealed more cheaply than is
 * allowed; TOO_BIG: it asks for more memory or time than is. */
ATE_CALL int ate_session_open_sealed(const char *const *key_files, size_t count,
                                     const struct ate_password *password,
                                     struct ate_session **ret_session);

/* Adds the key of a private or public file; 0 also if it is there already. In force from the
 * next ate_txn_begin(). */
ATE_CALL int ate_session_add_key(struct ate_session *session, const char *key_file);
/* The same of a file that may be sealed. */
ATE_CALL int ate_session_add_sealed(struct ate_session *session, const char *key_file,
                                    const struct ate_password *password);

/* The first private key's fingerprint, to give to others; zeros without a key. */
ATE_API struct ate_hash ate_session_fingerprint(const struct ate_session *session);

/* Fingerprints of all private keys, in the order in which they were added; returns how many.
 * Borrowed until the session is closed; what is added later needs another call. */
ATE_API size_t ate_session_fingerprints(const struct ate_session *session,
                                        const struct ate_hash **ret_fingerprints);

/* Ends it; takes NULL. The secrets are wiped as soon as the last chain and transaction that use
 * it are ended too. */
ATE_API void ate_session_close(struct ate_session *session);

/* ---- key files ---- */

struct ate_key_info {
    struct ate_hash fingerprint;
    bool is_private; /* false: a public file */
    char label[256]; /* "" without one; UTF-8 without control characters */
    char algorithm[56]; /* "mldsa65-ed25519-sha512 x-wing" */
    uint16_t strength; /* bits, of its weakest part: 128, 192 or 256 */
    bool is_sealed; /* with a password; what is shown is then what the file says */
    uint8_t half; /* enum ate_half of a private key */
    uint8_t reserved[4]; /* zeros */
};
enum ate_half { ATE_WHOLE, ATE_HALF_READS, ATE_HALF_WRITES };

/* Makes a key file with a fresh key as ate_session_open() does; never overwrites. label may be
 * NULL; at most 255 bytes.
 * Errors: EXISTS, MISUSE: the label; E_IO, E_NO_SPACE, E_SYSTEM, E_MEMORY. */
ATE_CALL int ate_key_create(const char *key_file, const char *label,
                            struct ate_hash *ret_fingerprint);

struct ate_key_conf { /* zero means the default in every field */
    const char *label;
    /* Least one of its parts, in bits: 128, 192, 256; 0: 192, which is what a chain takes unless it
     * was made for others (conf.strength). */
    uint16_t strength;
    /* Instead of a strength: "mldsa87-ed448-shake256 x-wing", "ed25519": a signature algorithm, a
     * KEM, or one of the two (docs/format/keys.md). NULL: those of the strength */
    const char *algorithm;
    const struct ate_password *password; /* seals the file; NULL: it is not sealed */
    uint64_t reserved[4]; /* zero, else MISUSE */
};
/* The same of a certain kind. conf NULL: all defaults.
 * Errors: also UNSUPPORTED: an unknown algorithm; MISUSE: a strength that is none; NO_KEY: the
 * password was not given. */
ATE_CALL int ate_key_make(const char *key_file, const struct ate_key_conf *conf,
                          struct ate_hash *ret_fingerprint);

/* Seals a private key file with a password, changes the password, or takes it away: `password` is
 * asked where the file is sealed, `fresh` for the new one; NULL: it is sealed no more. The file is
 * replaced at once: after a crash it is the old one or the new one.
 * Errors: as ate_session_open_sealed(); MALFORMED: a public file. */
ATE_CALL int ate_key_seal(const char *key_file, const struct ate_password *password,
                          const struct ate_password *fresh);

/* Writes halves of a private key file, and its public file, each to a new file (0600, never over
 * another) that works alone and has the same fingerprint. Whoever holds the half that reads opens
 * all that the key opens and signs nothing; who holds the half that writes signs, as if it were the
 * key, and opens nothing. NULL: that one is not written; if one fails, those before it are removed.
 * A half gives itself and the public file. password: of the key file; fresh: seals both halves,
 * NULL: they are not sealed.
 * Errors: as ate_session_open_sealed(); EXISTS; NO_KEY: the half is not in it. */
struct ate_key_halves {
    const char *reads, *writes, *public_half;
};
ATE_CALL int ate_key_split(const char *key_file, const struct ate_password *password,
                           const struct ate_key_halves *files, const struct ate_password *fresh);

/* Says what a private or public key file holds; of one that is sealed what stands in it in clear.
 * Errors: as ate_session_open(). */
ATE_CALL int ate_key_show(const char *key_file, struct ate_key_info *ret_info);

/* The text of the public file of a private or public key file, ended with ate_free().
 * Errors: as ate_session_open(). */
ATE_CALL int ate_key_public_text(const char *key_file, char **ret_text);

ATE__END
