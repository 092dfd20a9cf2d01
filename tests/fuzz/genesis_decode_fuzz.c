/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Target: ate__genesis_decode(). What is read has one form, so written again it is the same bytes.
 */
#include "event/genesis.h"
#include <stdlib.h>

#define MUST(truth) ((truth) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes body = ate__bytes(data, size);
    struct ate__genesis g;
    if (ate__genesis_decode(body, &g))
        return 0;
    struct ate__buf again = ATE__BUF_NULL;
    MUST(g.root_key_count >= 1 && g.root_key_count <= ATE__ROOT_KEYS_MAX);
    MUST(!ate__genesis_encode(&g, &again));
    MUST(ate__bytes_equal(ate__buf_bytes(&again), body));
    ate__buf_deinit(&again);
    return 0;
}
