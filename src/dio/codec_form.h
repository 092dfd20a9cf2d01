/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec_form.h: what the two halves of the codec share.
 *
 * JSON is not a second codec. It is a second way to write the same tree of values, so objects go to
 * JSON and come from it by way of MessagePack (json.h). What JSON has no value for is text there:
 *
 *   form               ATE__PLAIN (MessagePack)   ATE__AS_TEXT (on the way to and from JSON)
 *   bytes              bytes                      base64url without padding
 *   id                 16 bytes                   32 hex digits
 *   hash               32 bytes                   43 characters of base64url
 *   integer            integer                    decimal text beyond 2^53 - 1, else integer
 *   not a number, inf  float                      "NaN", "Infinity", "-Infinity"
 */
#pragma once
#include "dio/type.h"

enum ate__number_form { ATE__PLAIN, ATE__AS_TEXT };

/* The place of a value, for sentences: a list on the stack, from the value up to the object. */
struct ate__codec_place {
    const struct ate__codec_place *up; /* NULL: the object itself */
    const struct ate__schema *schema;
    const struct ate__member *member; /* NULL: the map as such */
    size_t index;                     /* of an item; SIZE_MAX: none */
};
enum { ATE__PLACE_TEXT = 512 };
/* "type person, field past[1].zip"; returns text. */
const char *ate__place_text(const struct ate__codec_place *place, char text[ATE__PLACE_TEXT]);

/* ate__fail() with the place before the sentence. */
int ate__place_fail(int rc, const struct ate__codec_place *place, const char *format, ...)
    ATE__PRINTF(3, 4);

/* Behind ate__codec_encode(): old is a map in MessagePack of that form, or empty. */
int ate__encode_form(const struct ate_type *type, const void *object, enum ate__number_form form,
                     struct ate_bytes old, struct ate__buf *buf) ATE__CHECK;
/* Behind ate__codec_decode_behind(). */
int ate__decode_form(const struct ate_type *type, struct ate_bytes map, enum ate__number_form form,
                     size_t room, void **ret_block, size_t *ret_size) ATE__CHECK;
/* Behind ate__codec_check(). */
int ate__codec_check_form(struct ate_bytes map) ATE__CHECK;

/* The key of a map's next pair. Errors: ATE_MALFORMED: not text of 1 to 255 bytes of UTF-8. */
struct ate__rd;
int ate__read_key(struct ate__rd *r, const struct ate__codec_place *place,
                  struct ate_bytes *ret_key) ATE__CHECK;
