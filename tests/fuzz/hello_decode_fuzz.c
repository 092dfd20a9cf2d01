/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hello_decode_fuzz.c: ate__hello_decode() and ate__hello_agree(). What is taken is written again
 * byte for byte, up to what later versions put behind it.
 */
#include "base/assert.h"
#include "net/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__hello hello, ours = ate__hello_ours();
    int rc = ate__hello_decode(ate__bytes(data, size), &hello);
    ate__assert(!rc || rc == ATE_BAD_PEER);
    if (rc)
        return 0;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    ate__hello_encode(&w, &hello);
    ate__assert(!w.failed && buf.size <= size && !memcmp(buf.data, data, buf.size));
    ate__buf_deinit(&buf);
    uint16_t version = 0;
    uint64_t features = 0;
    rc = ate__hello_agree(&ours, &hello, &version, &features);
    ate__assert(rc == (hello.version_min == 1 ? 0 : ATE_UNSUPPORTED));
    ate__assert(version == (rc ? 0 : 1) && !features);
    return 0;
}
