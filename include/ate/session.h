/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.h: who acts: a set of keys.
 *
 * A key file holds one private key, a public file the half of it to give away; `ate key` makes
 * and shows both. A session's first private key signs and owns what it creates; all of its
 * private keys open and sign; its public keys (of others) let ate_protect() seal to readers that
 * the chain does not hold yet. Any thread may use a session at any time.
 */
#pragma once
#include <ate/base.h>

ATE__BEGIN

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

/* Adds the key of a private or public file; 0 also if it is there already. In force from the
 * next ate_txn_begin(). */
ATE_CALL int ate_session_add_key(struct ate_session *session, const char *key_file);

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
    bool is_private;     /* false: a public file */
    char label[256];     /* "" without one; UTF-8 without control characters */
    char algorithm[64];  /* "mldsa65-ed25519-sha512 x-wing" */
};

/* Makes a key file with a fresh key as ate_session_open() does; never overwrites. label may be
 * NULL; at most 255 bytes.
 * Errors: EXISTS, MISUSE: the label; E_IO, E_NO_SPACE, E_SYSTEM, E_MEMORY. */
ATE_CALL int ate_key_create(const char *key_file, const char *label,
                            struct ate_hash *ret_fingerprint);

/* Says what a private or public key file holds.
 * Errors: as ate_session_open(). */
ATE_CALL int ate_key_show(const char *key_file, struct ate_key_info *ret_info);

/* The text of the public file of a private or public key file, ended with ate_free().
 * Errors: as ate_session_open(). */
ATE_CALL int ate_key_public_text(const char *key_file, char **ret_text);

ATE__END
