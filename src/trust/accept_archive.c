/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_archive.c: check 5 for archives, chains whose genesis says WORM: whoever signs, nothing is
 * changed, and nothing is deleted before its time or while it is held.
 *
 *   change, move     never
 *   delete           each object by itself, once the root time has passed its last change by the
 *                    retention, and while neither it nor anything above it is held
 *   hold, release    signed by a root key
 *
 * Root time never goes back, so what time allowed once it allows on every mirror and on every open.
 * A version whose time the facts do not know yet is of this group or of one just before.
 */
#include "base/text.h"
#include "trust/judge.h"
#include <stdio.h>

enum { TIME_TEXT = 64 /* bytes */ };

/* "2033-05-18 03:33:20 UTC": days to a date as of the Gregorian calendar, in eras of 400 years that
 * begin with March. */
static const char *time_text(uint64_t us, char text[TIME_TEXT])
{
    uint64_t seconds = us / 1000000, days = seconds / 86400 + 719468;
    unsigned rest = (unsigned)(seconds % 86400);
    uint64_t era = days / 146097;
    unsigned day = (unsigned)(days % 146097);
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned of_year = day - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153;
    unsigned of_month = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    snprintf(text, TIME_TEXT, "%llu-%02u-%02u %02u:%02u:%02u UTC",
             (unsigned long long)(era * 400 + year + (month <= 2)), month, of_month, rest / 3600,
             rest / 60 % 60, rest % 60);
    return text;
}

static void deny(struct ate__judge *j, const struct ate__node *n, const char *why)
{
    char text[ATE__ID_TEXT];
    ate__refuse(j, ATE_DENIED, &n->id, n->before.sequence, "object %s: in an archive %s",
                ate__id_text(&n->id, text), why);
}

static void check_time(struct ate__judge *j, const struct ate__node *n)
{
    uint64_t retention = ate__trust_genesis(j->t)->retention_us;
    uint64_t since = n->before.updated_us ? n->before.updated_us : j->root_time_us;
    char time[TIME_TEXT], why[TIME_TEXT + 32];
    if (!retention) {
        deny(j, n, "everything is kept for ever");
    } else if (since > UINT64_MAX - retention) {
        deny(j, n, "it is kept for longer than time is counted");
    } else if (j->root_time_us < since + retention) {
        snprintf(why, sizeof why, "it is kept until %s", time_text(since + retention, time));
        deny(j, n, why);
    }
}

static int check_hold(struct ate__judge *j, const struct ate__node *n)
{
    struct ate_id at;
    bool held;
    char text[ATE__ID_TEXT], why[ATE__ID_TEXT + 32];
    int rc = ate__hold_of(j->facts, &n->id, &at, &held);
    if (rc || !held)
        return rc;
    snprintf(why, sizeof why, "it is held at %s",
             ate__is_top(&at) ? "the top" : ate__id_text(&at, text));
    deny(j, n, why);
    return 0;
}

static int check_body(struct ate__judge *j, const struct ate__node *n, const struct ate__event *e)
{
    if (ate__node_created(j, n))
        return 0;
    if (!ate__is_tombstone(e))
        deny(j, n, "no version replaces another, and nothing is moved");
    else if (e->header.tombstone)
        deny(j, n, "nothing is deleted with all below it");
    else
        check_time(j, n);
    return j->result ? 0 : check_hold(j, n);
}

static void check_control(struct ate__judge *j, const struct ate__node *n,
                          const struct ate__event *e)
{
    bool was = ate__control_held(ate__node_rules(n));
    if (ate__header_has(&e->header, ATE__TAG_HOLD) != was && !ate__judge_root_signs(j))
        deny(j, n, was ? "only a root key releases" : "only a root key holds");
}

int ate__check_archive(struct ate__judge *j)
{
    for (uint32_t i = 0; ate__judge_archive(j) && i < j->tx->event_count; i++) {
        const struct ate__event *e = &j->tx->events[i];
        if (!ate__event_of_object(e))
            continue;
        const struct ate__node *n = ate__node_find(j, &e->header.object);
        int rc = 0;
        if (e->kind == ATE__EVENT_BODY)
            rc = check_body(j, n, e);
        else
            check_control(j, n, e);
        if (rc)
            return rc;
    }
    return 0;
}
