/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Target: ate__header_decode(), ate__header_kind(), the walkers and writers. What is read has one
 * form, so written again it is the same bytes.
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
    if (ate__header_decode(bytes, &h))
        return 0;
    struct ate__buf again = ATE__BUF_NULL;
    if (rebuild_header(&h, &again))
        MUST(ate__bytes_equal(ate__buf_bytes(&again), bytes));
    if (!ate__header_kind(&h, &kind))
        MUST(kind <= ATE__EVENT_RESERVED);
    for (int i = 0; i < ATE__RIGHTS; i++)
        MUST(!h.auth.rule[i].count ||
             ate__rule_has(&h.auth.rule[i], (const struct ate_hash *)h.auth.rule[i].keys));
    ate__buf_deinit(&again);
    return 0;
}
