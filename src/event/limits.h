/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of events and transactions (docs/format/limits.md). Each is named in the
 * error that it causes.
 */
#pragma once

/* clang-format off */
enum {
    /* bytes */
    ATE__TX_SIZE_MAX = 8 << 20,        /* an encoded transaction */
    ATE__BODY_HEADER_MAX = 64 << 10,   /* header of a body event; private items */
    ATE__CONTROL_HEADER_MAX = 6 << 20, /* header of any other event */
    ATE__PAYLOAD_MAX = 4 << 20,        /* before encryption */
    ATE__NAME_MAX = 255,               /* an object's name */
    ATE__TYPE_MAX = 255,               /* a type's name */
    ATE__KEY_ITEM_MIN = 6 + 32,        /* a public key in an event: one part, of 32 bytes */
    ATE__KEY_ITEM_MAX = 8 << 10,       /* the same, whatever its algorithms */
    ATE__LABEL_ITEM_MAX = 320,         /* a recipient's label, encrypted */
    ATE__RESET_TEXT_MAX = 255,         /* why a chain went back, in words */
    ATE__SIGNATURE_MAX = 8 << 10,      /* whatever its algorithm */
    ATE__OPTIONS_MAX = 64 << 10,       /* a genesis' options */
    /* A ciphertext: size of the private items, these, the payload, the authentication tag. */
    ATE__CIPHER_MAX = 4 + ATE__BODY_HEADER_MAX + ATE__PAYLOAD_MAX + 16,
    /* The unsigned part that a writer may make, so that every signature still fits. */
    ATE__TX_UNSIGNED_MAX = ATE__TX_SIZE_MAX - (192 << 10),

    /* things */
    ATE__TX_EVENTS_MAX = 16384,
    ATE__TX_SIGNATURES_MAX = 16,
    ATE__TX_PRECONDITIONS_MAX = 65536,
    ATE__BATCH_PATH_MAX = 20,          /* hashes */
    ATE__BATCH_MAX = 1 << ATE__BATCH_PATH_MAX, /* transactions under one signature */
    ATE__PARENTS_MAX = 1024,           /* above one object */
    ATE__RECIPIENTS_MAX = 4096,        /* of a scope */
    ATE__RULE_KEYS_MAX = 4096,         /* fingerprints in one rule */
    ATE__CAME_FROM_MAX = 64,           /* scopes that a moved object names */
    ATE__ROOT_KEYS_MAX = 64,           /* in a genesis or a ROOT event */
    ATE__SERVICE_KEYS_MAX = 64,        /* log keys, and compactor keys */
    ATE__ALGORITHMS_MAX = 16,          /* signature algorithms that a genesis allows */

    /* sequences */
    ATE__WINDOW_DEFAULT = 1 << 20,
    ATE__WINDOW_MAX = 1 << 24          /* a root keeps 16 bytes for each */
};
/* clang-format on */
