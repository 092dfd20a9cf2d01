/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dio_json_fuzz.c: JSON to MessagePack and back, and MessagePack to JSON.
 * Target functions: ate__json_to_msgpack, ate__json_of_msgpack.
 */
#include "ate/result.h"
#include "base/assert.h"
#include "dio/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Once there and back, nothing changes any more. */
static void there_and_back(struct ate_bytes map)
{
    struct ate__buf json = ATE__BUF_NULL, again = ATE__BUF_NULL, last = ATE__BUF_NULL;
    int rc = ate__json_of_msgpack(map, &json);
    ate__assert(!rc || rc == ATE_TOO_BIG);
    if (!rc) {
        rc = ate__json_to_msgpack(ate__buf_bytes(&json), &again);
        ate__assert(!rc && ate__bytes_equal(ate__buf_bytes(&again), map));
        rc = ate__json_of_msgpack(ate__buf_bytes(&again), &last);
        ate__assert(!rc && ate__bytes_equal(ate__buf_bytes(&last), ate__buf_bytes(&json)));
    }
    ate__buf_deinit(&json);
    ate__buf_deinit(&again);
    ate__buf_deinit(&last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes input = ate__bytes(data, size);
    struct ate__buf out = ATE__BUF_NULL;
    if (!ate__json_to_msgpack(input, &out))
        there_and_back(ate__buf_bytes(&out));
    ate__buf_clear(&out);
    if (!ate__json_of_msgpack(input, &out) && out.data[0] == '{') {
        struct ate__buf map = ATE__BUF_NULL;
        int rc = ate__json_to_msgpack(ate__buf_bytes(&out), &map);
        ate__assert(!rc);
        ate__buf_deinit(&map);
    }
    ate__buf_deinit(&out);
    return 0;
}
