/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lists.h: the items that are lists: AUTH, RECIPIENTS, ROOT and those like it. Of this layer alone;
 * their walkers are in event/header.h.
 */
#pragma once
#include "event/header.h"

enum {
    ATE__WRAPPED_SIZE = 40 /* bytes of a 32-byte key under AES-256-KW */
};

/* Errors: MALFORMED, UNSUPPORTED (method), TOO_BIG. */
int ate__auth_read(struct ate_bytes item, struct ate__auth *ret_auth) ATE__CHECK;
int ate__recipients_check(struct ate_bytes item) ATE__CHECK;
int ate__keys_check(struct ate_bytes item) ATE__CHECK; /* ROOT, LOG_KEYS, COMPACTOR_KEYS */
