/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * path.h: NAME as a path: names of objects below each other, split at '/'; the first one may be an
 * id instead, "(ID)".
 */
#pragma once
#include "base/buf.h"
#include "base/compiler.h"
#include <ate/ate.h>
#include <stdbool.h>

struct path {
    char *text;         /* the parts, each ended with NUL, one behind the other */
    size_t count;       /* 0: the top */
    const char **part;
};
/* A '/' at the beginning and one at the end are passed over; "/" and NULL are the top. Errors:
 * MISUSE: an empty name, "." or "..", or one over 255 bytes; TOO_BIG: over 1,024 of them. */
int path_parse(const char *text, struct path *ret_path) ATE__CHECK;
void path_deinit(struct path *p);

/* A name of an object that may stand in a path: 1 to 255 bytes without '/' and NUL, not "." and
 * "..". */
bool path_name_fits(struct ate_bytes name);

/* The object there; flags: as ate_find_raw(). The top: an object with the id
 * ate_top and no type. *ret_depth, which may be NULL: also on NOT_FOUND, how many parts are there,
 * and then ret_object is the last of them. Errors: NOT_FOUND; NO_KEY, with the readers; others as
 * ate_find_raw(). */
int path_find(struct ate_txn *txn, const struct path *p, unsigned flags,
              struct ate_object *ret_object, size_t *ret_depth) ATE__CHECK;
/* The same for the first `count` parts; NOT_FOUND is without a sentence of where it ended; also on
 * NO_KEY ret_object is the last that was found, whose names the keys do not open. */
int path_find_part(struct ate_txn *txn, const struct path *p, size_t count, unsigned flags,
                   struct ate_object *ret_object, size_t *ret_depth) ATE__CHECK;

/* The path of an object below `root`, from its names: parts joined by '/', appended to buf and
 * ended with NUL. Errors: NOT_FOUND: it does not lie below root, or one of them has no name;
 * NO_KEY: or one that cannot be read; MALFORMED: or one that fits no path. */
int path_of(struct ate_txn *txn, struct ate_id id, struct ate_id root, struct ate__buf *buf)
    ATE__CHECK;
