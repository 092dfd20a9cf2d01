/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mesh_msg_fuzz.c: every ate__msg_*_decode(); the first byte says which. What is taken encodes to
 * the same bytes again.
 */
#include "unit/mesh/recode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__buf again = ATE__BUF_NULL;
    if (!size)
        return 0;
    struct ate_bytes body = ate__bytes(data + 1, size - 1);
    int rc = recode(data[0], body, &again);
    ate__assert(rc == 0 || rc == ATE_MALFORMED || rc == ATE_TOO_BIG || rc == ATE_UNSUPPORTED ||
                rc == ATE_MISUSE);
    /* Results that this version does not know come out as another one. */
    if (!rc && data[0] != ATE__MSG_REJECTED)
        ate__assert(ate__bytes_equal(ate__buf_bytes(&again), body));
    ate__buf_deinit(&again);
    return 0;
}
