/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * net_error_decode_fuzz.c: ate__net_error_decode(). What is taken is a result of the list that a
 * peer may cause, and a text that a terminal may see.
 */
#include "base/assert.h"
#include "net/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[ATE__ERROR_SIZE];
    int result = 0;
    int rc = ate__net_error_decode(ate__bytes(data, size), &result, text);
    if (rc) {
        ate__assert(rc == ATE_BAD_PEER && !result);
        return 0;
    }
    ate__assert(result > 0 && ate__result_known(result) == result);
    for (const char *at = text; *at; at++)
        ate__assert((unsigned char)*at >= ' ' && *at != 0x7f);
    return 0;
}
