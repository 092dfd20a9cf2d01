/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sig_all.c: the signatures of many transactions, side by side.
 *
 * Threads that walk through a history one transaction after the other would all come to the same
 * batch at the same moment, and each would verify its signature. So those that bring a signature
 * that none before them has are verified first, beside each other; the rest find theirs remembered.
 * Which those are is a matter of speed alone: every transaction is verified by itself, in whatever
 * order, and what is remembered says nothing that a verification would not say.
 */
#include "base/alloc.h"
#include "base/workers.h"
#include "trust/state_private.h"

enum { MARK = 32 /* bytes at the beginning of a signature by which it is known again */ };

struct all {
    const struct ate__signed *s;
    const size_t *order; /* of what to call, from here on */
};

static void call_nth(void *arg, size_t i)
{
    const struct all *a = arg;
    a->s->each(a->s->arg, a->order[i]);
}

/* Notes the marks of its signatures. */
static int note(struct ate__map *marks, const struct ate__tx *tx, bool *ret_is_head)
{
    int rc = 0;
    *ret_is_head = false;
    for (uint32_t i = 0; !rc && !tx->attested && i < tx->signature_count; i++) {
        uint8_t mark[MARK] = {0};
        struct ate_bytes bytes = tx->signatures[i].bytes;
        memcpy(mark, bytes.data, ate__min(bytes.size, sizeof mark));
        if (ate__map_get(marks, mark, NULL))
            continue;
        *ret_is_head = true;
        rc = ate__map_put(marks, mark, 0);
    }
    return rc;
}

/* Those with a new signature in front; gives how many. Without memory for it more are taken for
 * such. */
static size_t sort(const struct ate__trust *t, const struct ate__signed *s, size_t count,
                   size_t *ret_order)
{
    struct ate__map marks;
    size_t heads = 0, others = count;
    ate__map_init(&marks, MARK, ate__trust_seed(t));
    for (size_t n = 0; n < count; n++) {
        const struct ate__tx *tx = s->tx(s->arg, n);
        bool is_head = false;
        if (tx)
            (void)!note(&marks, tx, &is_head);
        ret_order[is_head ? heads++ : --others] = n;
    }
    ate__map_deinit(&marks);
    return heads;
}

void ate__trust_each(const struct ate__trust *t, struct ate__workers *workers, size_t count,
                     const struct ate__signed *s)
{
    ate__cleanup(ate__freep) size_t *order =
        workers && count > 1 ? ate__alloc_array(count, sizeof *order) : NULL;
    if (!order) {
        ate__workers_each(workers, count, s->each, s->arg);
        return;
    }
    size_t heads = sort(t, s, count, order);
    ate__workers_each(workers, heads, call_nth, &(struct all){s, order});
    ate__workers_each(workers, count - heads, call_nth, &(struct all){s, order + heads});
}
