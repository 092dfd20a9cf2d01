/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * fixed.h: an env whose random bytes are given, for vectors that name them. One that asks for more
 * than there are fails the test.
 */
#pragma once
#include "base/env.h"
#include "help.h"

struct fixed {
    struct ate__env env;
    struct ate_bytes left;
};

static void fixed_random(void *user, void *to, size_t size)
{
    struct fixed *f = user;
    assert_true(size <= f->left.size);
    memcpy(to, f->left.data, size);
    f->left = ate__bytes((const uint8_t *)f->left.data + size, f->left.size - size);
}

/* f stays where it is. */
static inline void fixed_init(struct fixed *f, const void *bytes, size_t size)
{
    *f = (struct fixed){.env = {.user = f, .random = fixed_random}, .left = {bytes, size}};
}
