/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * help.h: what the tests of this layer share.
 */
#pragma once
#include "lib/check.h"
#include "base/buf.h"
#include "base/text.h"

/* Bytes written as lower-case hex; the test fails if they are not exactly `size`. */
static inline void of_hex(const char *hex, void *to, size_t size)
{
    assert_int_equal(ate__hex_decode(hex, strlen(hex), to, size), 0);
}

static inline void assert_hex(const void *data, size_t size, const char *hex)
{
    char text[1024];
    assert_true(2 * size < sizeof text);
    ate__hex_encode(ate__bytes(data, size), text);
    assert_string_equal(text, hex);
}

static inline void assert_hash(const struct ate_hash *hash, const char *hex)
{
    assert_hex(hash->b, sizeof hash->b, hex);
}
