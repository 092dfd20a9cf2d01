/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * genesis.h: the genesis body and the chain id (docs/format/event.md, 10): chain id = H("ate
 * genesis 1", body).
 */
#pragma once
#include "crypto/digest.h"
#include "event/limits.h"

enum { ATE__FORMAT_VERSION = 1, ATE__RULES_VERSION = 1 };
enum ate__mode { ATE__DISTRIBUTED = 1, ATE__CENTRALIZED = 2 };

/* All views into the bytes that were decoded, or the caller's. */
struct ate__genesis {
    uint16_t format_version, rules_version;
    uint8_t hash_alg;      /* enum ate__hash_alg */
    uint8_t mode;          /* enum ate__mode */
    struct ate_bytes name; /* the declared path, "/example.com/joe/notes" */
    uint8_t random[32];
    uint32_t root_key_count;
    struct ate_bytes root_keys[ATE__ROOT_KEYS_MAX]; /* public keys; decoded ones ascend */
    struct ate_bytes log_keys, compactor_keys; /* encoded lists; see ate__genesis_key_next() */
    uint64_t window; /* W, in sequences */
    struct ate_bytes signature_algorithms; /* u16le ids, ascending */
    uint16_t strength_min; /* bits: 128, 192 or 256 */
    struct ate_bytes options; /* item list, as a header's */
    /* What the options say; encoding reads `options` alone. */
    bool archive; /* WORM: nothing is changed, nor deleted before its time */
    uint64_t retention_us; /* of root time, of an archive; 0: for ever */
    uint8_t compression;   /* enum ate__compression: of payloads (dio/compress.h) */
};
enum ate__genesis_option { ATE__GENESIS_WORM = 1, ATE__GENESIS_COMPRESSION = 2 };
enum ate__compression { ATE__COMPRESSION_NONE = 0, ATE__COMPRESSION_ZSTD = 1 };
/* Appends the body; sorts the root keys. Checks all that decode checks; on failure buf is as it
 * was. Errors: MALFORMED UNSUPPORTED TOO_BIG E_MEMORY */
int ate__genesis_encode(const struct ate__genesis *g, struct ate__buf *buf) ATE__CHECK;
/* Checks the name's grammar; what is inside a key is checked where it is first used.
 * UNSUPPORTED: another format or rules version, another hash, trust mode, signature algorithm,
 * strength or critical option than this version has. Errors also: MALFORMED TOO_BIG */
int ate__genesis_decode(struct ate_bytes body, struct ate__genesis *ret_genesis) ATE__CHECK;
/* Walks log_keys and compactor_keys: *at starts at 0; false at the end. */
bool ate__genesis_key_next(struct ate_bytes list, size_t *at, struct ate_bytes *ret_key);
/* Appends such a list, sorted; count: at most ATE__SERVICE_KEYS_MAX. E_MEMORY TOO_BIG */
int ate__genesis_key_list(const struct ate_bytes *keys, uint32_t count, struct ate__buf *buf)
    ATE__CHECK;
/* These append an option to a list of them, in the order in which they stand here. E_MEMORY */
int ate__genesis_worm(uint64_t retention_us, struct ate__buf *options) ATE__CHECK;
int ate__genesis_compression(enum ate__compression algorithm, struct ate__buf *options) ATE__CHECK;
bool ate__genesis_allows(const struct ate__genesis *g, unsigned algorithm); /* to sign */
int ate__chain_id(enum ate__hash_alg alg, struct ate_bytes body, struct ate_hash *ret_chain_id)
    ATE__CHECK; /* E_MEMORY */
