/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of events and transactions (docs/format/limits.md). Each is named in the error that it causes.
 */
#pragma once

enum {
    ATE__TX_SIZE_MAX = 8 << 20,            /* bytes of an encoded transaction */
    ATE__TX_EVENTS_MAX = 16384,
    ATE__TX_SIGNATURES_MAX = 16,
    ATE__TX_PRECONDITIONS_MAX = 65536,
    ATE__BODY_HEADER_MAX = 64 << 10,       /* bytes */
    ATE__CONTROL_HEADER_MAX = 6 << 20,     /* bytes; also of CHAIN and the other events without a body */
    ATE__PAYLOAD_MAX = 4 << 20,            /* bytes, before encryption */
    ATE__PARENTS_MAX = 1024,               /* above one object */
    ATE__RECIPIENTS_MAX = 4096,            /* of a scope */
    ATE__RULE_KEYS_MAX = 4096,             /* fingerprints in one rule */
    ATE__NAME_MAX = 255,                   /* bytes of an object's name */
    ATE__TYPE_MAX = 255,                   /* bytes of a type's name */
    ATE__BATCH_PATH_MAX = 20,
    ATE__ROOT_KEYS_MAX = 64,
    ATE__WINDOW_DEFAULT = 1 << 20          /* sequences */
};
