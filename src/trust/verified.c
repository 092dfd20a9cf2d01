/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * verified.c: the signatures that were verified lately.
 *
 * The set of a proof is taken from its first bytes. Whoever makes proofs fall into one set pushes
 * others out of it, which costs a verification each and nothing else.
 */
#include "trust/verified.h"
#include "base/alloc.h"
#include "base/endian.h"
#include "crypto/digest.h"
#include "trust/limits.h"

enum { WAYS = 4, SETS = ATE__VERIFIED_MAX / WAYS };
_Static_assert((SETS & (SETS - 1)) == 0, "a power of two");

struct ate__verified_set {
    struct ate_hash proof[WAYS];
    unsigned used, next;
};

void ate__verified_init(struct ate__verified *v)
{
    pthread_mutex_init(&v->mutex, NULL);
    v->sets = NULL;
}

void ate__verified_deinit(struct ate__verified *v)
{
    ate__free(v->sets);
    pthread_mutex_destroy(&v->mutex);
}

int ate__verified_proof(const struct ate_hash *message, struct ate_bytes signature,
                        struct ate_hash *ret_proof)
{
    struct ate_bytes fields[] = {
        ate__bytes(message, sizeof *message),
        signature,
    };
    return ate__hash(ATE__SHA256, "ate verified 1", fields, ATE__COUNT_OF(fields), ret_proof);
}

/* Lock held, sets there. */
static bool find(const struct ate__verified_set *set, const struct ate_hash *proof)
{
    for (unsigned i = 0; i < set->used; i++)
        if (ate__hash_equal(&set->proof[i], proof))
            return true;
    return false;
}

static struct ate__verified_set *set_of(struct ate__verified *v, const struct ate_hash *proof)
{
    return &v->sets[ate__load32(proof->b) & (SETS - 1)];
}

bool ate__verified_has(struct ate__verified *v, const struct ate_hash *proof)
{
    pthread_mutex_lock(&v->mutex);
    bool found = v->sets && find(set_of(v, proof), proof);
    pthread_mutex_unlock(&v->mutex);
    return found;
}

void ate__verified_add(struct ate__verified *v, const struct ate_hash *proof)
{
    pthread_mutex_lock(&v->mutex);
    if (!v->sets)
        v->sets = ate__alloc_array(SETS, sizeof *v->sets);
    struct ate__verified_set *set = v->sets ? set_of(v, proof) : NULL;
    if (set && !find(set, proof)) {
        set->proof[set->next] = *proof;
        set->next = (set->next + 1) % WAYS;
        if (set->used < WAYS)
            set->used++;
    }
    pthread_mutex_unlock(&v->mutex);
}
