/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Target: ate__private_items_decode(). What is read has one form, so written again it is the same
 * bytes.
 */
#include "event/header.h"
#include "unit/event/rebuild.h"

#define MUST(truth) ((truth) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes bytes = ate__bytes(data, size);
    struct ate__header h;
    enum ate__event_kind kind;
    if (ate__private_items_decode(bytes, &h))
        return 0;
    struct ate__buf again = ATE__BUF_NULL;
    MUST(rebuild_header(&h, &again));
    MUST(ate__bytes_equal(ate__buf_bytes(&again), bytes));
    MUST(ate__header_kind(&h, &kind)); /* by themselves they are no event */
    MUST(!ate__header_has(&h, ATE__TAG_NAME) ||
         ate__private_items_check(&(struct ate__header){.present = 0}, &h));
    ate__buf_deinit(&again);
    return 0;
}
