/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * note.h: signed notes (C2SP signed-note), and the heads of trees in them (C2SP tlog-checkpoint).
 *
 * A note is text, a blank line, and signature lines: "— NAME BASE64", where the bytes are the u32be
 * id of a key and what it signed. (name, key id) names a key and an algorithm; lines of keys that
 * nobody asks for are passed over. Two algorithms are made and verified here, of a log key each:
 *
 *   0x01  Ed25519 over the text
 *   0x06  ML-DSA-44 over the cosigned message of C2SP tlog-cosignature: key name, time, origin, 0,
 *         size and root of a tree, with the time in front of the signature
 *
 * Of others, witnesses say, lines of one key each are verified, those and one more:
 *
 *   0x04  Ed25519 over "cosignature/v1", time and text (C2SP tlog-cosignature), the time in front
 *
 * Thread-safe.
 */
#pragma once
#include "crypto/log_key.h"

enum {
    ATE__NOTE_MAX = 64 << 10,       /* bytes */
    ATE__NOTE_SIGNATURES_MAX = 64,
    ATE__NOTE_NAME_MAX = 255        /* bytes of a name and of an origin (tlog-cosignature) */
};

struct ate__note_line {
    struct ate_bytes name;
    uint32_t key_id;
    struct ate_bytes signature; /* behind the key id; not empty */
};
struct ate__note {
    struct ate_bytes text; /* with its last newline; a view into the note */
    uint32_t count;
    struct ate__note_line lines[ATE__NOTE_SIGNATURES_MAX];
    struct ate__buf decoded; /* what the signatures are views into */
};
/* Names are views into `note`. No signature is verified. deinit is due after success. Errors:
 * MALFORMED: not in the form of a note; TOO_BIG; E_MEMORY. */
int ate__note_parse(struct ate_bytes note, struct ate__note *ret_note) ATE__CHECK;
void ate__note_deinit(struct ate__note *n);

/* The first three lines of a note's text, and nothing else in it. */
struct ate__note_tree {
    struct ate_bytes origin;
    uint64_t size;
    struct ate_hash root;
};
/* origin: a view into text. Errors: MALFORMED: other lines, also extension lines. */
int ate__note_tree_parse(struct ate_bytes text, struct ate__note_tree *ret_tree) ATE__CHECK;

/* Appends the note of a tree with both signature lines of a log key under that name. time_s: since
 * 1970; what the clock says, for ML-DSA. Errors: MISUSE: a name or origin that notes cannot have;
 * E_*. */
int ate__note_make(const struct ate__note_tree *tree, const char *name,
                   const struct ate__log_key *key, uint64_t time_s, struct ate__buf *buf)
    ATE__CHECK;

struct ate__note_verdict {
    bool ed25519, mldsa44; /* a line that holds */
    uint64_t time_s;       /* the newest that an ML-DSA line names; 0: none */
};
/* Verifies every line of that key under that name. No such line is no error: the verdict says it.
 * Errors: TAMPERED: a line does not hold, one of ML-DSA also where the text is no tree; E_*. */
int ate__note_verify(const struct ate__note *n, const char *name, const struct ate__log_verify *key,
                     struct ate__note_verdict *ret_verdict) ATE__CHECK;

/* One verifier key. */
struct ate__note_key {
    struct ate_bytes name; /* a view into the line */
    uint32_t id;
    uint8_t typed[1 + ATE__LOG_MLDSA44_PUBLIC]; /* 0x01, 0x04 or 0x06, then the public key */
    size_t size;
};
/* line: "NAME+ID+BASE64", without newline. Errors: MALFORMED; UNSUPPORTED: another algorithm. */
int ate__note_key_decode(struct ate_bytes line, struct ate__note_key *ret_key) ATE__CHECK;
/* Verifies every line of that key. *ret_time_s: the newest that one names; of 0x01: 0. Errors:
 * TAMPERED: a line does not hold, one of ML-DSA also where the text is no tree; MALFORMED: the key;
 * E_*. */
int ate__note_signed_by(const struct ate__note *n, const struct ate__note_key *key,
                        bool *ret_signed, uint64_t *ret_time_s) ATE__CHECK;

/* Both halves of a log key under that name as verifier keys, a line each ("NAME+ID+BASE64",
 * signed-note), appended. Errors: MISUSE: the name; E_MEMORY. */
int ate__note_keys_encode(const char *name, struct ate_bytes log_key, struct ate__buf *buf)
    ATE__CHECK;
/* Takes such a pair of lines off *text. ret_log_key: appended, ATE__LOG_PUBLIC bytes. Errors:
 * MALFORMED; UNSUPPORTED: a key of another algorithm; E_MEMORY. */
int ate__note_keys_decode(struct ate_bytes *text, struct ate_bytes *ret_name,
                          struct ate__buf *ret_log_key) ATE__CHECK;
