/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compress.h: payloads of a chain that compresses them (docs/format/object.md, "Compressed
 * payloads"): what is stored, encrypted and hashed is
 *
 *     u8 0, the payload                    as it is
 *     u8 1, one zstd frame, zeros          made smaller
 *
 *  1. Storing costs at most one byte.
 *  2. A payload never takes more than ATE__COMPRESSION_RATIO_MAX times what is stored of it, nor
 *     more than ATE__COMPRESSED_PAYLOAD_MAX. Both are known from the frame's header, before
 *     anything is allocated for it. The zeros are as many as make the first true, and no more.
 *  3. A frame has its content's size, and neither dictionary nor checksum, and nothing follows it
 *     but the zeros: one frame says one thing.
 *  4. What zstd works in is wiped, also on failure.
 *
 * Thread-safe: no state is kept.
 */
#pragma once
#include "event/genesis.h"

/* Appends what is stored of a payload. stored is to be wiped by the caller where the payload is
 * private. On failure it is as it was. TOO_BIG E_MEMORY */
int ate__compress(struct ate_bytes payload, struct ate__buf *stored) ATE__CHECK;
/* The payload: a view of `stored`, or of `unpacked`, which was empty.
 * Errors: MALFORMED, TOO_BIG: it would take more than (2) allows; E_MEMORY. */
int ate__decompress(struct ate_bytes stored, struct ate__buf *unpacked,
                    struct ate_bytes *ret_payload) ATE__CHECK;

/* The payload in the chain of this genesis; its size, and if that cannot be told what is stored. */
int ate__payload_unpack(const struct ate__genesis *g, struct ate_bytes stored,
                        struct ate__buf *unpacked, struct ate_bytes *ret_payload) ATE__CHECK;
uint64_t ate__payload_size(const struct ate__genesis *g, struct ate_bytes stored);
size_t ate__payload_max(const struct ate__genesis *g);
