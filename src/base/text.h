/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * text.h: text forms of bytes: hex, base64url, base64, UTF-8, and escaping of what a terminal must
 * not see.
 */
#pragma once
#include "base/buf.h"

/* bytes with the NUL */
enum { ATE__ID_TEXT = 32 + 1, ATE__HASH_TEXT = 43 + 1, ATE__OBJECT_TEXT = 7 + ATE__ID_TEXT };

/* Every value has one text form, and the decoders take no other: 0, or ATE_MALFORMED with nothing
 * written. Their sentences never repeat the text, which may be a secret. */
void ate__hex_encode(struct ate_bytes bytes, char *ret_text); /* 2 * size + 1 bytes; lower case */
/* exactly size bytes of 2 * size characters */
int ate__hex_decode(const char *text, size_t text_size, uint8_t *ret, size_t size) ATE__CHECK;
/* base64url without padding (RFC 4648 section 5); the decoder refuses padding, other alphabets and
 * loose last bits. */
size_t ate__b64_size(size_t bytes_size);                      /* characters, without NUL */
void ate__b64_encode(struct ate_bytes bytes, char *ret_text); /* ate__b64_size() + 1 bytes */
int ate__b64_decode(const char *text, size_t text_size, uint8_t *ret, size_t ret_capacity,
                    size_t *ret_size) ATE__CHECK;
/* The same of base64 with padding (RFC 4648 section 4), which notes and proofs of others' formats
 * have. */
size_t ate__base64_size(size_t bytes_size);
void ate__base64_encode(struct ate_bytes bytes, char *ret_text);
int ate__base64_decode(const char *text, size_t text_size, uint8_t *ret, size_t ret_capacity,
                       size_t *ret_size) ATE__CHECK;

/* The next line without its newline, which `rest` is moved behind; false: none is left, or it does
 * not end. */
bool ate__take_line(struct ate_bytes *rest, struct ate_bytes *ret_line);
/* A number in decimal, in its shortest form. */
int ate__decimal_parse(const char *text, size_t text_size, uint64_t *ret_number) ATE__CHECK;

/* These return text. */
const char *ate__id_text(const struct ate_id *id, char text[ATE__ID_TEXT]);
/* For sentences: "object 0123..."; of zeros "the top of the chain". */
const char *ate__object_text(const struct ate_id *id, char text[ATE__OBJECT_TEXT]);
const char *ate__hash_text(const struct ate_hash *hash, char text[ATE__HASH_TEXT]);
int ate__hash_parse(const char *text, size_t text_size, struct ate_hash *ret_hash) ATE__CHECK;
int ate__id_parse(const char *text, size_t text_size, struct ate_id *ret_id) ATE__CHECK;

bool ate__utf8_valid(struct ate_bytes bytes); /* shortest forms, no surrogates, at most U+10FFFF */

/* Appends the bytes to buf so that a terminal or a log line may see them: valid printable UTF-8 as
 * it is; control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls
 * and invalid bytes as \xHH per byte; backslash doubled. 0 or ATE_E_MEMORY. */
int ate__escape(struct ate_bytes bytes, struct ate__buf *buf) ATE__CHECK;
/* The same into a fixed buffer of at least 4 bytes, always NUL-terminated, cut with "..." where it
 * does not fit; returns ret_text. For error sentences. */
const char *ate__escaped(struct ate_bytes bytes, char *ret_text, size_t capacity);
