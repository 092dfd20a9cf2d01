/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keys.h: key files on disk.
 */
#pragma once
#include "ate/session.h"
#include "crypto/keyfile.h"

enum { ATE__PASSWORD_ATTEMPTS_MAX = 3 };

struct ate__key_file { /* one of text and public_key */
    struct ate__key_text *text; /* ended with ate__key_text_free() */
    struct ate__buf public_key;
    char label[ATE__KEY_LABEL_MAX + 1];
};
/* Errors: NOT_FOUND, MALFORMED, UNSUPPORTED, TOO_BIG; DENIED: others may read it; E_*. */
int ate__key_file_read(const char *path, struct ate__key_file *ret) ATE__CHECK;
/* Asks for the password where it is sealed; NULL: there is nobody to ask. Errors: NO_KEY. */
int ate__key_file_open(const char *path, const struct ate__key_file *f,
                       const struct ate_password *password, struct ate__key **ret_key) ATE__CHECK;
