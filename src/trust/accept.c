/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept.c: the checks of acceptance in their order.
 */
#include "trust/accept.h"
#include "trust/judge.h"

typedef int check_fn(struct ate__judge *j);

static check_fn *const checks[] = {
    ate__check_form,    ate__check_base,   ate__check_snapshot_root, ate__check_reset,
    ate__check_before,  ate__check_rights, ate__check_keys,          ate__check_archive,
    ate__check_sealing, ate__check_after,
};
static check_fn *const kept_checks[] = {
    ate__check_form,   ate__check_chain_id, ate__check_reset,  ate__check_kept,
    ate__check_rights, ate__check_keys,     ate__check_places,
};

static int run(struct ate__judge *j, check_fn *const *list, size_t count)
{
    int rc = 0;
    for (size_t i = 0; !rc && !j->result && i < count; i++)
        rc = list[i](j);
    /* What was accepted once conflicts with nothing but a history that lacks something. */
    if (j->kept && j->result == ATE_CONFLICT)
        j->result = ATE_OMITTED;
    if (!rc && j->result) {
        ate__error_set(j->text);
        rc = j->result;
    }
    return rc;
}

int ate__accept(const struct ate__trust *t, const struct ate__facts *facts,
                const struct ate__tx *tx, uint64_t sequence, uint64_t root_time_us,
                struct ate__verdict *verdict)
{
    struct ate__judge j;
    int rc = ate__judge_init(&j, t, facts, tx, sequence, verdict);
    j.root_time_us = root_time_us;
    if (!rc)
        rc = run(&j, checks, ATE__COUNT_OF(checks));
    ate__judge_deinit(&j);
    verdict->result = rc;
    return rc;
}

/* The judgment is that of the claim of all of them who have not ended. */
int ate__accept_proved(const struct ate__trust *t, const struct ate__facts *facts,
                       const struct ate__tx *tx, uint64_t sequence, uint64_t root_time_us,
                       struct ate__makers *proved, struct ate__verdict *verdict)
{
    struct ate__judge j;
    struct ate__needs needs = {ATE__BUF_NULL, 0};
    uint32_t index[ATE__PROVED_MAX];
    size_t count = 0;
    int rc = ate__judge_init(&j, t, facts, tx, sequence, verdict);
    for (uint32_t i = 0; i < proved->count; i++)
        if (!ate__trust_is_revoked(t, &proved->keys[i])) {
            index[count] = i;
            j.fingerprints[count++] = proved->keys[i];
        }
    j.signers.count = count;
    j.attested = true;
    j.needs = &needs;
    j.root_time_us = root_time_us;
    if (!rc)
        rc = run(&j, checks, ATE__COUNT_OF(checks));
    if (!rc && proved->from_afar)
        rc = ate__check_purpose(&j);
    uint32_t fewest = rc ? 0 : ate__needs_fewest(&needs, count);
    proved->fewest = 0;
    for (size_t i = 0; i < count; i++)
        proved->fewest |= (fewest >> i & 1) << index[i];
    ate__buf_deinit(&needs.of);
    ate__judge_deinit(&j);
    verdict->result = rc;
    return rc;
}

int ate__accept_kept(const struct ate__trust *t, const struct ate__facts *facts,
                     const struct ate__tx *tx, uint64_t sequence, struct ate__verdict *verdict)
{
    struct ate__judge j;
    int rc = ate__judge_init(&j, t, facts, tx, sequence, verdict);
    j.kept = true;
    if (!rc)
        rc = run(&j, kept_checks, ATE__COUNT_OF(kept_checks));
    ate__judge_deinit(&j);
    verdict->result = rc;
    return rc;
}
