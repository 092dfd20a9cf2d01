/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_proofs.c: what a remote chain asks its server for in the place of a history: checkpoints,
 * proofs, log keys.
 */
#include "base/assert.h"
#include "mesh/client_remote.h"
#include "trust/proof.h"

static int far_log_keys(struct ate__pipe *p, struct ate__buf *ret_keys)
{
    struct ate__remote *r = ate__remote_of(p);
    ate__cleanup(ate__buf_deinit) struct ate__buf body = ATE__BUF_NULL;
    const struct ate__msg_get get = {.kind = ATE__GET_LOG_KEYS};
    const struct ate_hash none = {{0}};
    struct ate__msg_got got;
    struct ate__head head;
    ate__assert(p->thin);
    int rc = r->source.get(r->source.arg, &get, &none, &body, &head);
    if (!rc)
        rc = ate__msg_got_decode(ate__buf_bytes(&body), &got);
    if (rc)
        return rc;
    rc = ate__thin_log_keys(&r->thin, &head, &got, ret_keys);
    if (rc == ATE_TAMPERED || rc == ATE_BAD_PEER)
        r->source.condemn(r->source.arg, rc, ate__error_text());
    return rc;
}

/* The body was decoded once. */
int ate__remote_ask(struct ate__pipe *p, struct ate__call *call, struct ate__buf *ret_body)
{
    int rc = ate__remote_wait(ate__remote_of(p), call);
    if (!rc)
        *ret_body = call->got;
    return rc;
}

static int far_checkpoint(struct ate__pipe *p, struct ate__buf *ret_note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf body = ATE__BUF_NULL;
    struct ate__call call = {.kind = ATE__CALL_CHECKPOINT};
    struct ate__msg_signed m;
    int rc = ate__remote_ask(p, &call, &body);
    if (!rc)
        rc = ate__msg_signed_decode(ate__buf_bytes(&body), &m);
    return rc ? rc : ate__buf_append(ret_note, m.note);
}

static int prove(struct ate__pipe *p, const struct ate__msg_prove *what,
                 struct ate__msg_proven *ret_proven)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf body = ATE__BUF_NULL;
    struct ate__call call = {.kind = ATE__CALL_PROVE, .prove = *what};
    struct ate__msg_proven m;
    int rc = ate__remote_ask(p, &call, &body);
    if (!rc)
        rc = ate__msg_proven_decode(ate__buf_bytes(&body), &m);
    if (!rc && m.kind != what->kind)
        rc = ate__fail(ATE_BAD_PEER, "%s: a proof of another kind than was asked for",
                       ate__remote_of(p)->peer);
    if (!rc)
        *ret_proven = m;
    return rc;
}

static int far_inclusion(struct ate__pipe *p, uint64_t sequence, uint64_t size,
                         struct ate__proof_entry *ret_entry, struct ate__proof *ret_path)
{
    struct ate__msg_proven m;
    int rc = prove(
        p, &(struct ate__msg_prove){.kind = ATE__PROVE_INCLUSION, .first = sequence, .size = size},
        &m);
    if (rc)
        return rc;
    *ret_entry = (struct ate__proof_entry){sequence, m.root_time_us, m.tx_hash, m.signatures_hash};
    *ret_path = m.path;
    return 0;
}

static int far_consistency(struct ate__pipe *p, uint64_t old_size, uint64_t size,
                           struct ate__proof *ret_path)
{
    struct ate__msg_proven m;
    int rc = prove(
        p,
        &(struct ate__msg_prove){.kind = ATE__PROVE_CONSISTENCY, .first = old_size, .size = size},
        &m);
    if (!rc)
        *ret_path = m.path;
    return rc;
}

static struct ate_bytes far_genesis(struct ate__pipe *p)
{
    return ate__buf_bytes(&ate__remote_of(p)->genesis_bytes);
}

const struct ate__far_vtable ate__remote_far = {
    .log_keys = far_log_keys,
    .checkpoint = far_checkpoint,
    .inclusion = far_inclusion,
    .consistency = far_consistency,
    .genesis = far_genesis,
    .hush = ate__remote_hush,
    .ended = ate__remote_ended,
    .destroy = ate__remote_destroy,
};
