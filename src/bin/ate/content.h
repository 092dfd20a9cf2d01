/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * content.h: the bytes of an object, read from a chain piece by piece and checked.
 */
#pragma once
#include "base/buf.h"
#include "bin/ate/fs.h"
#include "crypto/digest.h"

/* Takes the next piece; a result other than 0 ends the reading with it. */
typedef int content_sink(void *arg, struct ate_bytes piece);

/* What an object is to the commands, by its type's name. */
enum content_kind {
    CONTENT_PRIVATE, /* not readable */
    CONTENT_TEXT,
    CONTENT_BYTES,
    CONTENT_FILE,
    CONTENT_DIR,
    CONTENT_SYMLINK,
    CONTENT_HARDLINK,
    CONTENT_PAGE, /* or what pages lie below: no entry of a directory */
    CONTENT_OTHER /* of a program: its content is its payload, as it is stored */
};
enum content_kind content_kind_of(const struct ate_object *o);
/* May named objects be put below it: a directory, or an object of a program? */
bool content_may_hold(const struct ate_object *o);

/* Writes all of the content of the object `id` to the sink: a value, a file's data or pages (a hard
 * link's, through the link), a symbolic link's target, or a payload. The pieces are of one version,
 * and a file's are those of its hash; this is known at the end alone, so what came before an error
 * is to be thrown away. Errors: MISUSE: a directory, or a page; NOT_FOUND; NO_KEY; CONFLICT: it was
 * changed meanwhile; OMITTED: unfinished, or pages are missing; MALFORMED; TAMPERED: not the
 * content of its hash; the sink's; as ate_load(). */
int content_read(struct ate_txn *txn, struct ate_id id, content_sink *sink, void *arg) ATE__CHECK;

/* The file that a hard link leads to. Errors: MALFORMED: to something else; as ate_load_raw(). */
int content_follow(struct ate_txn *txn, const struct ate_object *link,
                   struct ate_object *ret_target) ATE__CHECK;

/* What the pages of a file lie below, if that is not the file itself; *ret_apart false: it is, or
 * o is no file. Errors: as ate_load(). */
int content_pages(struct ate_txn *txn, const struct ate_object *o, bool *ret_apart,
                  struct ate_id *ret_pages) ATE__CHECK;

/* How many bytes it has: of a value, a file's content, a link's target; of others the payload's.
 * Errors: as ate_load(). */
int content_size(struct ate_txn *txn, const struct ate_object *o, uint64_t *ret_size) ATE__CHECK;

/* Takes the result of a read: where the view was too old for it, the view moves on, and the read is
 * to be made again (0); any other result is given back. Errors: as ate_txn_refresh(). */
int content_refresh(struct ate_txn *txn, int rc) ATE__CHECK;
