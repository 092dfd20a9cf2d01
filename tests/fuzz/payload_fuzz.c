/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * payload_fuzz.c: what is stored of a payload in a chain that compresses; and the same bytes as a
 * payload, there and back.
 * Target functions: ate__payload_unpack, ate__payload_size, ate__compress.
 */
#include "ate/result.h"
#include "base/assert.h"
#include "dio/compress.h"
#include "dio/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(struct ate_bytes payload)
{
    struct ate__buf stored = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
    struct ate_bytes found;
    int rc = ate__compress(payload, &stored);
    ate__assert(!rc && stored.size <= 1 + payload.size);
    rc = ate__decompress(ate__buf_bytes(&stored), &unpacked, &found);
    ate__assert(!rc && ate__bytes_equal(found, payload));
    ate__buf_deinit(&stored);
    ate__buf_deinit(&unpacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ate__genesis compressed = {.compression = ATE__COMPRESSION_ZSTD};
    struct ate_bytes input = ate__bytes(data, size), payload;
    struct ate__buf unpacked = ATE__BUF_NULL;
    int rc = ate__payload_unpack(&compressed, input, &unpacked, &payload);
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG);
    if (!rc) {
        ate__assert(payload.size <= ATE__COMPRESSED_PAYLOAD_MAX);
        ate__assert(payload.size <= size * ATE__COMPRESSION_RATIO_MAX);
        ate__assert(payload.size == ate__payload_size(&compressed, input));
        there_and_back(payload);
    }
    ate__buf_deinit(&unpacked);
    there_and_back(input);
    return 0;
}
