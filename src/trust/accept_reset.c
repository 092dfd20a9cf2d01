/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_reset.c: RESET events: that the chain goes on behind a head, whatever came behind it
 * before (docs/format/trust.md, 20).
 *
 *  1. The new head is the base of the transaction and what lies directly before it: nothing that
 *     was signed at one place counts at another one.
 *  2. A root key signs: a root key in force at that place.
 *  3. The writer's time is not above the root's. So whoever has seen it remembers a time that is
 *     not below the signed one, and is never shown the same one as a newer one.
 *  4. An archive never goes back: clients would follow to before what it keeps.
 *
 * Whether a client goes back with it is the client's own matter (trust/reset.h).
 */
#include "trust/judge.h"

static void check_place(struct ate__judge *j, const struct ate__reset_item *r)
{
    if (r->size != j->sequence || r->size != j->tx->base_size ||
        !ate__hash_equal(&r->root, &j->tx->base_root))
        ate__refuse(j, ATE_FORKED, NULL, 0,
                    "RESET: to a head of %llu transactions on a base of %llu, as transaction %llu: "
                    "it stands directly behind the head that it names",
                    (unsigned long long)r->size, (unsigned long long)j->tx->base_size,
                    (unsigned long long)j->sequence);
}

static void check_time(struct ate__judge *j)
{
    if (!j->kept && j->tx->time_us > j->root_time_us)
        ate__refuse(j, ATE_DENIED, NULL, 0,
                    "RESET: signed %llu us later than the time at which it was ordered: set the "
                    "clock right",
                    (unsigned long long)(j->tx->time_us - j->root_time_us));
}

static void check_is_no_archive(struct ate__judge *j)
{
    if (ate__judge_archive(j))
        ate__refuse(j, ATE_DENIED, NULL, 0, "RESET: an archive never goes back, whoever signs");
}

int ate__check_reset(struct ate__judge *j)
{
    const struct ate__event *e = j->tx->events;
    if (j->tx->event_count != 1 || e->form == ATE__DROPPED || e->kind != ATE__EVENT_RESET)
        return 0;
    check_place(j, &e->header.reset);
    if (!j->result)
        check_time(j);
    if (!j->result)
        check_is_no_archive(j);
    return 0;
}

void ate__check_reset_signers(struct ate__judge *j)
{
    if (!ate__judge_root_signs(j))
        ate__refuse(j, ATE_DENIED, NULL, 0, "RESET: no root key signs");
}
