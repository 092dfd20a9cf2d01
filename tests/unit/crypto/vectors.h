/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * vectors.h: reads the files of tests/vectors/crypto. Whatever is missing or malformed fails the
 * test.
 */
#pragma once
#include "base/buf.h"
#include <jansson.h>

json_t *vectors_open(const char *file_name); /* json_decref() it */

/* The item `key` of `object`, decoded; the caller's to ate__buf_deinit(). */
struct ate__buf vector_hex(const json_t *object, const char *key);
struct ate__buf vector_base64(const json_t *object, const char *key);
