/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_sealing.c: check 6: every body is encrypted for the scope it comes to lie in, and every
 * control event continues the epochs of the one that it replaces.
 *
 * Only ids are compared: it needs no key. Whether LINK really leads from an epoch to the one before
 * it is seen by those who can read.
 */
#include "base/text.h"
#include "trust/data_key.h"
#include "trust/judge.h"

/* ---- bodies ---- */

static void check_body(struct ate__judge *j, const struct ate__node *n, const struct ate__event *e)
{
    const struct ate__header *scope = n->scope.header;
    bool closed = scope && ate__header_has(scope, ATE__TAG_EPOCH);
    bool encrypted = ate__header_has(&e->header, ATE__TAG_CONF);
    char object[ATE__ID_TEXT], at[ATE__ID_TEXT];
    if (!closed && !encrypted)
        return;
    if (!closed)
        ate__refuse(j, ATE_STALE_KEY, &n->id, n->scope.sequence,
                    "object %s: encrypted, where everyone may read", ate__id_text(&n->id, object));
    else if (!encrypted)
        ate__refuse(j, ATE_STALE_KEY, &n->id, n->scope.sequence,
                    "object %s: in clear, in the private scope of %s", ate__id_text(&n->id, object),
                    ate__id_text(&scope->object, at));
    else if (e->header.conf.epoch != scope->epoch.epoch ||
             !ate__hash_equal(ate__sealing_id(&e->header), &scope->epoch.data_key_id))
        ate__refuse(j, ATE_STALE_KEY, &n->id, n->scope.sequence,
                    "object %s: encrypted for epoch %llu and another data key, where the scope of "
                    "%s is in epoch %llu",
                    ate__id_text(&n->id, object), (unsigned long long)e->header.conf.epoch,
                    ate__id_text(&scope->object, at), (unsigned long long)scope->epoch.epoch);
}

/* ---- control events ---- */

static void refuse(struct ate__judge *j, const struct ate__node *n, int result, const char *what)
{
    char text[ATE__OBJECT_TEXT];
    const struct ate__control *now = ate__node_rules(n);
    ate__refuse(j, result, &n->id, now ? now->sequence : 0, "%s: %s",
                ate__object_text(&n->id, text), what);
}

/* Both lists are sorted. */
static bool all_stay(const struct ate__header *before, const struct ate__header *after)
{
    struct ate__recipient entry;
    for (size_t at = 0; ate__recipient_next(before->recipients, &at, &entry);)
        if (!ate__rule_has(&after->auth.rule[ATE__RIGHT_READ], &entry.fingerprint))
            return false;
    return true;
}

static void check_same_epoch(struct ate__judge *j, const struct ate__node *n,
                             const struct ate__header *before, const struct ate__header *after)
{
    if (!ate__hash_equal(&before->epoch.data_key_id, &after->epoch.data_key_id) ||
        !ate__bytes_equal(before->epoch.seal_public, after->epoch.seal_public))
        refuse(j, n, ATE_MALFORMED, "another data key in the same epoch");
    else if (!ate__bytes_equal(before->link, after->link))
        refuse(j, n, ATE_MALFORMED, "another LINK in the same epoch");
    else if (!ate__bytes_equal(before->namekey.bytes, after->namekey.bytes))
        refuse(j, n, ATE_MALFORMED, "another NAMEKEY in the same epoch");
    else if (!all_stay(before, after))
        refuse(j, n, ATE_DENIED,
               "a reader goes, but the epoch stays: whoever held its key would read on");
}

/* It follows on `last`, the last epoch that the object had. */
static void check_next_epoch(struct ate__judge *j, const struct ate__node *n,
                             const struct ate__header *last, const struct ate__header *after)
{
    const struct ate__control *now = ate__node_rules(n);
    bool published = ate__header_has(&now->header, ATE__TAG_PUBLISHED);
    if (!after->epoch.epoch || after->epoch.epoch - 1 != last->epoch.epoch)
        refuse(j, n, ATE_MALFORMED, "an epoch that is not the next one");
    else if (ate__hash_equal(&last->epoch.data_key_id, &after->epoch.data_key_id))
        refuse(j, n, ATE_MALFORMED, "a new epoch with the data key of the one before");
    else if (ate__header_has(after, ATE__TAG_LINK) == published)
        refuse(j, n, ATE_MALFORMED,
               published ? "LINK to an epoch that was published" : "an epoch above 0 without LINK");
}

static void check_closed(struct ate__judge *j, const struct ate__node *n,
                         const struct ate__header *last, const struct ate__header *after)
{
    const struct ate__control *now = ate__node_rules(n);
    if (!last && after->epoch.epoch)
        refuse(j, n, ATE_MALFORMED, "a scope that does not begin with epoch 0");
    else if (last && ate__header_has(&now->header, ATE__TAG_EPOCH) &&
             after->epoch.epoch == last->epoch.epoch)
        check_same_epoch(j, n, last, after);
    else if (last)
        check_next_epoch(j, n, last, after);
}

/* What is left of a scope that was private: its name key, and D once it was published. */
static int check_open(struct ate__judge *j, const struct ate__node *n,
                      const struct ate__header *last, const struct ate__header *after)
{
    const struct ate__control *now = ate__node_rules(n);
    const struct ate__seal_env e = {.chain_id = *ate__trust_chain_id(j->t),
                                    .alg = ate__trust_alg(j->t)};
    bool named = now && ate__header_has(&now->header, ATE__TAG_NAMEKEY);
    bool was_published = now && ate__header_has(&now->header, ATE__TAG_PUBLISHED);
    bool published = ate__header_has(after, ATE__TAG_PUBLISHED);
    struct ate_hash id;
    if (named != ate__header_has(after, ATE__TAG_NAMEKEY))
        refuse(j, n, ATE_MALFORMED,
               named ? "NAMEKEY goes, under which there may be names"
                     : "NAMEKEY stands where read is or was of some keys, and only there");
    else if (published && !last)
        refuse(j, n, ATE_MALFORMED, "PUBLISHED of an object that had no epoch");
    else if (was_published && !published)
        refuse(j, n, ATE_MALFORMED, "PUBLISHED goes");
    if (!published || !last)
        return 0;
    int rc = ate__data_key_id(&e, after->published, &id);
    if (!rc && !ate__hash_equal(&id, &last->epoch.data_key_id))
        refuse(j, n, ATE_MALFORMED, "PUBLISHED is not the data key of the last epoch");
    return rc;
}

static int check_control(struct ate__judge *j, const struct ate__node *n,
                         const struct ate__event *e)
{
    const struct ate__control *last = ate__control_epoch(ate__node_rules(n));
    const struct ate__header *epoch = last ? &last->header : NULL;
    if (!ate__header_has(&e->header, ATE__TAG_EPOCH))
        return check_open(j, n, epoch, &e->header);
    check_closed(j, n, epoch, &e->header);
    return 0;
}

int ate__check_sealing(struct ate__judge *j)
{
    for (uint32_t i = 0; i < j->tx->event_count; i++) {
        const struct ate__event *e = &j->tx->events[i];
        if (e->kind != ATE__EVENT_BODY && e->kind != ATE__EVENT_CONTROL)
            continue;
        struct ate__node *n = ate__node_find(j, &e->header.object);
        if (e->kind == ATE__EVENT_CONTROL) {
            int rc = check_control(j, n, e);
            if (rc)
                return rc;
            continue;
        }
        if (ate__is_tombstone(e))
            continue;
        int rc = ate__place_of(j, n);
        if (rc)
            return rc;
        if (n->place == ATE__PLACE_GOOD)
            check_body(j, n, e);
    }
    return 0;
}
