/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * json.h: JSON (RFC 8259) as a second way to write the values of MessagePack.
 *
 * Why not a JSON library: the usual one builds a tree of ten to fifty times the text's size outside
 * of base/alloc.h, refuses integers above 2^63 and draws its hash seed from the system; libate does
 * not need one else. Here the text is read once, straight into MessagePack, and nothing is kept.
 *
 *  1. Strict: UTF-8 without a byte order mark, no comments, no trailing commas, nothing behind the
 *     end, numbers of at most ATE__JSON_NUMBER_MAX characters, no lone surrogates.
 *  2. A number without fraction and exponent that fits 64 bits is an integer, any other a float64;
 *     one that no float64 can hold is ATE_MALFORMED.
 *  3. What is written has no blanks, and floats in 15 to 17 digits (float32: 6 to 9), as few of
 *     them as give the same value back. It does not depend on the locale.
 */
#pragma once
#include "dio/type.h"

/* As ate__codec_encode() and ate__codec_decode_behind(), which see, for JSON. */
int ate__json_encode(const struct ate_type *type, const void *object, struct ate_bytes old_payload,
                     struct ate__buf *buf) ATE__CHECK;
int ate__json_decode(const struct ate_type *type, struct ate_bytes payload, size_t room,
                     void **ret_block, size_t *ret_size) ATE__CHECK;

/* One JSON object to a MessagePack map of the same values, appended to ret_map (lists and maps with
 * heads of 5 bytes). Keys are not compared. Errors: ATE_MALFORMED with the place; ATE_TOO_BIG,
 * E_MEMORY. */
int ate__json_to_msgpack(struct ate_bytes json, struct ate__buf *ret_map) ATE__CHECK;

/* The way back, appended to ret_json. Errors: ATE_MALFORMED: not MessagePack, or a value that JSON
 * has not (bytes, an extension, a number that is not finite, a key that is not text); ATE_TOO_BIG,
 * E_MEMORY. */
int ate__json_of_msgpack(struct ate_bytes value, struct ate__buf *ret_json) ATE__CHECK;

static inline bool ate__json_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
