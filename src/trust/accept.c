/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept.c: the checks of acceptance in their order.
 */
#include "trust/accept.h"
#include "trust/judge.h"

static int (*const checks[])(struct ate__judge *j) = {
    ate__check_form, ate__check_base,    ate__check_before, ate__check_rights,
    ate__check_keys, ate__check_sealing, ate__check_after,
};

int ate__accept(const struct ate__trust *t, const struct ate__facts *facts,
                const struct ate__tx *tx, uint64_t sequence, struct ate__verdict *verdict)
{
    struct ate__judge j;
    verdict->result = 0;
    verdict->conflict_count = 0;
    int rc = ate__judge_init(&j, t, facts, tx, sequence, verdict);
    for (size_t i = 0; !rc && !j.result && i < ATE__COUNT_OF(checks); i++)
        rc = checks[i](&j);
    if (!rc && j.result) {
        ate__error_set(j.text);
        rc = j.result;
    }
    ate__judge_deinit(&j);
    verdict->result = rc;
    return rc;
}
