/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * base.h: what every part of the interface stands on: how calls are marked, flags, errors, text
 * forms.
 */
#pragma once
#include <ate/bytes.h>
#include <ate/result.h>
#include <stdbool.h>

#ifdef __cplusplus
#define ATE__BEGIN extern "C" {
#define ATE__END }
#else
#define ATE__BEGIN
#define ATE__END
#endif
#define ATE_API __attribute__((visibility("default")))
#define ATE_CALL ATE_API __attribute__((warn_unused_result))

ATE__BEGIN

struct ate_session;
struct ate_chain;
struct ate_txn;
struct ate_cursor;
struct ate_history;
struct ate_versions;
struct ate_watch;
struct ate_server;
struct ate_loop;
struct ate_type;

/* Each call says which of these it takes; any other is ATE_MISUSE. */
enum ate_flags {
    ATE_CREATE = 1,      /* make what is not there: a key file, a chain */
    ATE_READ = 2,        /* open for reading only */
    ATE_TREE = 4,        /* with all below it */
    ATE_SCOPE_LOCAL = 8, /* a commit returns once it is synced on this machine */
    ATE_SCOPE_NONE = 16, /* a commit returns once it is queued */
    ATE_PUBLIC = 32,     /* stored open to every reader, whatever lies above it */
    ATE_ABSENT = 64,     /* only if it is not there yet, else ATE_EXISTS */
    ATE_NO_PAYLOAD = 128, /* leave the payload out */
    ATE_AUTHORS = 256     /* say who signed; costs a read of the whole transaction */
};

/* ---- the sentence behind a result ---- */

/* What, where and what to do, for the last result other than 0 that this thread was given by a
 * call, or, inside an ate_done_fn, for the result handed to it. Never NULL, never a secret; one
 * line, with bytes from outside escaped. Borrowed until this thread's next call. */
ATE_API const char *ate_error(void);
/* "ATE_CONFLICT"; "ATE_?" for a number not in the list */
ATE_API const char *ate_result_name(int result);
ATE_API const char *ate_result_text(int result); /* "someone changed it meanwhile" */
ATE_API const char *ate_version(void);           /* of the library in use, "1.2.3" */

/* ---- text forms of the values ---- */

enum { ATE_ID_TEXT = 33, ATE_HASH_TEXT = 44 }; /* bytes, with the NUL */

/* The parent of objects that have none: 16 zero bytes. It is never deleted or moved, and
 * ate_protect() says who may use it. */
ATE_API extern const struct ate_id ate_top;

/* 32 lower-case hex digits; returns it */
ATE_API char *ate_id_text(struct ate_id id, char ret_text[ATE_ID_TEXT]);
/* 43 characters of base64url; returns it */
ATE_API char *ate_hash_text(struct ate_hash hash, char ret_text[ATE_HASH_TEXT]);
ATE_CALL int ate_id_parse(const char *text, struct ate_id *ret_id); /* Errors: MALFORMED */
ATE_CALL int ate_hash_parse(const char *text, struct ate_hash *ret_hash); /* Errors: MALFORMED */

/* Ends what ate_keep() and the few calls that say so gave; takes NULL. */
ATE_API void ate_free(void *kept);

ATE__END
