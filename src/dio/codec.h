/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec.h: an object of a field table to bytes and back (docs/format/object.md).
 *
 *  1. A payload is a map from field name to value, in MessagePack or in JSON; its first byte says
 *     which, and both may occur in one chain.
 *  2. Encoding writes the table's fields in its order, then the fields of the version before that
 *     the table does not know, in theirs. Equal objects give equal bytes.
 *  3. Decoding reads fields in any order. A field that is missing, or nil, is zero. A value that
 *     does not fit its field is ATE_WRONG_TYPE; nothing is cut, rounded to an integer or guessed.
 *  4. A decoded object is one block of memory, with all that it points to; its size is bounded by
 *     what was read, not by what a length claims, and by ATE__OBJECT_MEMORY_MAX.
 *
 * Thread-safe.
 */
#pragma once
#include "dio/type.h"
#include "event/header.h"

/* Errors of the first two: ATE_MALFORMED: neither; ATE_UNSUPPORTED: no such encoding. */
int ate__encoding_of(struct ate_bytes payload, enum ate__encoding *ret) ATE__CHECK;
int ate__encoding_parse(const char *name, enum ate__encoding *ret) ATE__CHECK;
const char *ate__encoding_name(enum ate__encoding encoding); /* "msgpack", "json" */

/* Appends the object's payload to buf, in the encoding of old_payload, else in MessagePack.
 * old_payload: of the version that it replaces, or empty. On failure buf is as it was.
 * Errors: ATE_WRONG_TYPE: text that is not UTF-8; ATE_MISUSE: a list with a count and no items; a
 * bad table; ATE_MALFORMED: old_payload; ATE_TOO_BIG, E_MEMORY. */
int ate__codec_encode(const struct ate_type *type, const void *object, struct ate_bytes old_payload,
                      struct ate__buf *buf) ATE__CHECK;

/* The object of a payload in either encoding: one block, ended with ate__free(). ret_size: its
 * bytes. Errors: ATE_WRONG_TYPE with type, field and both kinds; ATE_MALFORMED, ATE_TOO_BIG,
 * ATE_MISUSE: a bad table; E_MEMORY. */
int ate__codec_decode(const struct ate_type *type, struct ate_bytes payload, void **ret_object,
                      size_t *ret_size) ATE__CHECK;
/* The same behind `room` zeroed bytes, a multiple of 16, of one block; ret_size: of all of it. */
int ate__codec_decode_behind(const struct ate_type *type, struct ate_bytes payload, size_t room,
                             void **ret_block, size_t *ret_size) ATE__CHECK;

/* Is this what a payload of any type may be: one whole map in that encoding, its keys text, none
 * twice, within the limits? Errors: ATE_MALFORMED, ATE_TOO_BIG, E_MEMORY. */
int ate__codec_check(struct ate_bytes payload, enum ate__encoding encoding) ATE__CHECK;

/* A copy of an object and of all that it points to: one block, ended with ate__free().
 * Errors: ATE_MISUSE, ATE_TOO_BIG, E_MEMORY. */
int ate__copy_object(const struct ate_type *type, const void *object, void **ret_copy) ATE__CHECK;
