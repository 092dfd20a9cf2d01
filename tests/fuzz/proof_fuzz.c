/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_fuzz.c: ate__proof_decode(), ate__proof_verify(), ate__checkpoint_parse() and
 * ate__checkpoint_keys_decode(). The first byte chooses. A proof with patches (patch.h) is not
 * believed; what is taken of other bytes is written as the same bytes, and proves nothing.
 */
#include "../unit/trust/log.h"
#include "base/err.h"
#include "patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct log l;
static struct ate__buf made[2];

static int check(struct ate_bytes text)
{
    struct ate_bytes trusted = ate__log_key_public(l.key);
    struct ate__proof_text p;
    struct ate__checkpoint old, c;
    int rc = ate__proof_decode(text, &p);
    if (rc)
        return rc;
    rc = ate__proof_verify(&p, &trusted, 1, &old, &c);
    ate__proof_deinit(&p);
    return rc;
}

static void check_patched(struct ate__rd *r, const struct ate__buf *proof)
{
    uint8_t *copy = malloc(proof->size);
    memcpy(copy, proof->data, proof->size);
    bool other = fuzz_patch(r, copy, proof->size);
    ate__assert(!check(ate__bytes(copy, proof->size)) == !other);
    free(copy);
}

static void check_decoded(struct ate_bytes text)
{
    struct ate__buf again = ATE__BUF_NULL;
    struct ate__proof_text p;
    struct ate__checkpoint c;
    if (!ate__checkpoint_parse(text, &c))
        ate__assert(c.time_s == 0);
    if (ate__proof_decode(text, &p))
        return;
    if (p.genesis.size <= ATE__PROOF_EXTRA_MAX / 2) {
        ate__assert(!ate__proof_encode(&p, &again));
        ate__assert(ate__bytes_equal(ate__buf_bytes(&again), text));
    }
    ate__assert(check(text));
    ate__proof_deinit(&p);
    ate__buf_deinit(&again);
}

static void check_keys(struct ate_bytes text)
{
    struct ate__buf chains = ATE__BUF_NULL, keys = ATE__BUF_NULL;
    if (!ate__checkpoint_keys_decode(text, &chains, &keys))
        ate__assert(keys.size && chains.size / 32 == keys.size / ATE__LOG_PUBLIC);
    else
        ate__assert(!chains.size && !keys.size);
    ate__buf_deinit(&chains);
    ate__buf_deinit(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    if (!l.key) {
        log_init(&l);
        made[0] = log_proof(&l, ATE__PROOF_INCLUSION, 20, 50, ate__bytes(NULL, 0));
        made[1] = log_proof(&l, ATE__PROOF_CONSISTENCY, 20, 50, ate__bytes(NULL, 0));
    }
    unsigned which = ate__rd_u8(&r) % 4;
    struct ate_bytes rest = ate__bytes(size ? data + 1 : data, size ? size - 1 : 0);
    if (which < 2)
        check_patched(&r, &made[which]);
    else if (which == 2)
        check_decoded(rest);
    else
        check_keys(rest);
    return 0;
}
