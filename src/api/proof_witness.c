/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/proof_witness.h"
#include "api/proof_source.h"
#include "ate/proof.h"

int ate__proof_witnessed(const char *policy, struct ate_bytes note,
                         struct ate__quorum_verdict *ret_verdict)
{
    ate__cleanup(ate__quorum_freep) struct ate__quorum *q = NULL;
    struct ate__note n;
    int rc = ate__quorum_parse(ate__text_bytes(policy), &q);
    if (!rc)
        rc = ate__note_parse(note, &n);
    if (rc)
        return rc;
    rc = ate__quorum_check(q, &n, ret_verdict);
    ate__note_deinit(&n);
    return rc;
}

int ate_witnessed(struct ate_chain *chain, const char *checkpoint, const char *policy,
                  struct ate_receipt *receipt)
{
    struct ate__quorum_verdict verdict;
    struct ate__checkpoint c;
    if (!checkpoint || !policy || !receipt || receipt->stage < ATE_DURABLE)
        return ate__fail(ATE_MISUSE, "witnessed: a checkpoint, a policy and a receipt of what is "
                                     "durable are needed");
    struct ate_bytes note = ate__text_bytes(checkpoint);
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__proof_witnessed(policy, note, &verdict);
    if (!rc && !verdict.witnesses)
        rc = ate__fail(ATE_UNTRUSTED, "the policy asks for no witness, and none of it cosigned");
    if (!rc)
        rc = ate__proof_check_note(chain, note, &c);
    if (!rc && receipt->sequence >= c.size)
        rc = ate__fail(ATE_NOT_FOUND,
                       "transaction %llu is not in the checkpoint, which has the first %llu",
                       (unsigned long long)receipt->sequence, (unsigned long long)c.size);
    if (!rc)
        receipt->stage = ATE_WITNESSED;
    return rc;
}
