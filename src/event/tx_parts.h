/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tx_parts.h: what decoding and encoding a transaction share. Of this layer alone.
 */
#pragma once
#include "event/tx.h"

enum {
    ATE__TX_VERSION = 1,
    ATE__TX_NO_VERSION = 0xff, /* never one: with it begins what is sealed (redo/at_rest.h) */
    ATE__SALT_SIZE = 16,
    ATE__SECTION_SIGNATURES = 1, /* first byte of a signature section */
    ATE__SECTION_ATTESTED = 2,
    /* The least bytes of ... */
    ATE__EVENT_SIZE_MIN = 1 + 4 + 3, /* form, length, a header of one item */
    ATE__PRECONDITION_SIZE_MIN = 1 + 16,
    ATE__SIGNATURE_SIZE_MIN = 32 + 4 + 4 + 4 + 4 + 1,
    ATE__PRECONDITION_SIZE_MAX = 1 + 16 + 32,
    /* What every transaction begins with, and where its parts lie. */
    ATE__TX_CHAIN_ID_AT = 1,
    ATE__TX_ORIGIN_AT = 33,
    ATE__TX_NUMBER_AT = 49,
    ATE__TX_BASE_SIZE_AT = 57,
    ATE__TX_BASE_ROOT_AT = 65,
    ATE__TX_TIME_AT = 97,
    ATE__TX_FIXED_SIZE = 105
};

/* Decodes the header of e->bytes, finds the kind, and checks form, header, salt and payload
 * against each other and their limits. Not for DROPPED. Errors: MALFORMED, UNSUPPORTED, TOO_BIG. */
int ate__event_check(struct ate__event *e) ATE__CHECK;
/* Fills payload_hash, except of STRIPPED, where it was read, and hash. Not for DROPPED. */
int ate__event_rehash(enum ate__hash_alg alg, struct ate__event *e) ATE__CHECK;

/* Bytes of an encoded precondition of that kind; 0: there is none. */
size_t ate__precondition_size(uint8_t kind);

/* Whether index, size and path of a batch fit each other; and the bytes of the signature too.
 * Errors: MALFORMED, TOO_BIG. */
int ate__batch_check(const struct ate__signature *s) ATE__CHECK;
int ate__signature_check(const struct ate__signature *s) ATE__CHECK;

/* The fields of tx_hash up to the number of events, from the first ATE__TX_FIXED_SIZE bytes of the
 * encoding; the event hashes follow by ate__hasher_raw(). */
void ate__tx_hasher_begin(struct ate__hasher *h, enum ate__hash_alg alg, const uint8_t *fixed,
                          struct ate_bytes preconditions, uint32_t event_count);
