/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * name.h: names of chains: a path such as `/example.com/joe/mydb`. Pure.
 *
 * 1 to 32 segments, each `/` and 1 to 255 bytes of [A-Za-z0-9._@+-] that do not start with `-`,
 * `.` or `+` (`+` first: the system's own); at most 1,024 bytes in all. So a name maps one to one
 * to a directory, and no segment is `.`, `..`, hidden, an option, or one of the `,` names that the
 * server keeps beside chains.
 */
#pragma once
#include "base/buf.h"

enum {
    ATE__CHAIN_NAME_MAX = 1024, /* bytes, without NUL */
    ATE__CHAIN_SEGMENT_MAX = 255, /* bytes */
    ATE__CHAIN_SEGMENTS_MAX = 32
};

/* Errors: ATE_MALFORMED with the rule that is broken; ATE_TOO_BIG with the limit. */
int ate__chain_name_check(struct ate_bytes name) ATE__CHECK;
int ate__chain_segment_check(struct ate_bytes segment) ATE__CHECK;

/* Walks the segments of a checked name: *at starts at 0; false at the end. Views into name. */
bool ate__chain_name_next(struct ate_bytes name, size_t *at, struct ate_bytes *ret_segment);
