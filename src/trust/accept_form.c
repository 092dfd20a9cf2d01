/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_form.c: check 1, what decoding leaves of it: the rules that a transaction keeps or breaks
 * by itself, whatever the state is.
 */
#include "base/text.h"
#include "trust/judge.h"

bool ate__tx_is_whole(const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].form == ATE__DROPPED || tx->events[i].form == ATE__STRIPPED)
            return false;
    return true;
}

static void refuse_control(struct ate__judge *j, const struct ate__event *e, int result,
                           const char *what)
{
    char text[ATE__OBJECT_TEXT];
    ate__refuse(j, result, &e->header.object, 0, "%s: %s",
                ate__object_text(&e->header.object, text), what);
}

/* Each key of the rule has its entry, and nobody else; both are sorted. */
static bool recipients_are(const struct ate__header *h, const struct ate__rule *rule)
{
    struct ate__recipient entry;
    uint32_t i = 0;
    for (size_t at = 0; ate__recipient_next(h->recipients, &at, &entry); i++)
        if (i == rule->count ||
            memcmp(&entry.fingerprint, rule->keys + 32 * (size_t)i, sizeof entry.fingerprint))
            return false;
    return i == rule->count;
}

static void check_closed(struct ate__judge *j, const struct ate__event *e)
{
    const struct ate__header *h = &e->header;
    if (!ate__header_has(h, ATE__TAG_NAMEKEY))
        refuse_control(j, e, ATE_MALFORMED, "read is of some keys, without NAMEKEY");
    else if (!h->namekey.wrapped)
        refuse_control(j, e, ATE_MALFORMED, "NAMEKEY in clear, where read is of some keys");
    else if (!ate__hash_equal(&h->namekey.data_key_id, &h->epoch.data_key_id))
        refuse_control(j, e, ATE_MALFORMED, "NAMEKEY is not under the data key of EPOCH");
    else if (!recipients_are(h, &h->auth.rule[ATE__RIGHT_READ]))
        refuse_control(j, e, ATE_MALFORMED, "RECIPIENTS are not the keys of the read rule");
}

/* Of what was a private scope once, NAMEKEY may be left. */
static void check_open(struct ate__judge *j, const struct ate__event *e)
{
    const struct ate__header *h = &e->header;
    bool published = ate__header_has(h, ATE__TAG_PUBLISHED);
    bool clear_name_key = ate__header_has(h, ATE__TAG_NAMEKEY) && !h->namekey.wrapped;
    if (published != clear_name_key)
        refuse_control(j, e, ATE_MALFORMED, "NAMEKEY is in clear beside PUBLISHED, and only there");
}

/* What a control event states about reading; how it follows on the one before: accept_sealing.c */
static void check_control(struct ate__judge *j, const struct ate__event *e)
{
    const struct ate__header *h = &e->header;
    const struct ate__rule *read = &h->auth.rule[ATE__RIGHT_READ];
    bool closed = read->who == ATE__RULE_ANY_OF;
    if (read->who == ATE__RULE_NOBODY)
        refuse_control(j, e, ATE_UNSUPPORTED, "read nobody, whose rules a later version brings");
    else if (closed != ate__header_has(h, ATE__TAG_EPOCH))
        refuse_control(j, e, ATE_MALFORMED,
                       "EPOCH and RECIPIENTS stand where read is of some keys, and only there");
    else if (closed)
        check_closed(j, e);
    else
        check_open(j, e);
    if (ate__header_has(h, ATE__TAG_HOLD) && !ate__judge_archive(j))
        refuse_control(j, e, ATE_UNSUPPORTED,
                       "HOLD in a chain that is no archive, whose rules a later version brings");
}

static int add_object(struct ate__judge *j, int32_t event)
{
    const struct ate__event *e = &j->tx->events[event];
    struct ate__node *n;
    int rc = ate__node_of(j, &e->header.object, &n);
    if (rc)
        return rc;
    int32_t *slot = e->kind == ATE__EVENT_BODY ? &n->body : &n->control;
    if (*slot != ATE__NO_EVENT) {
        refuse_control(j, e, ATE_MALFORMED, "two events of one line in one transaction");
        return 0;
    }
    *slot = event;
    const struct ate__event *body = ate__node_body(j, n);
    if (body && ate__is_tombstone(body) && n->control != ATE__NO_EVENT)
        refuse_control(j, e, ATE_MALFORMED, "a control event of what is deleted beside it");
    if (e->kind == ATE__EVENT_CONTROL)
        check_control(j, e);
    return 0;
}

/* Of events that stand once in a transaction. */
struct counts {
    uint32_t geneses, roots, services, snapshots;
};

static void check_genesis(struct ate__judge *j, struct counts *c)
{
    if (j->sequence)
        ate__refuse(j, ATE_UNSUPPORTED, NULL, 0,
                    "a genesis behind transaction 0, whose rules a later version brings");
    else if (++c->geneses > 1)
        ate__refuse(j, ATE_MALFORMED, NULL, 0, "two events are a genesis");
}

static void check_once(struct ate__judge *j, uint32_t *count, const char *kind)
{
    if (++*count > 1)
        ate__refuse(j, ATE_MALFORMED, NULL, 0, "two %s events in one transaction", kind);
}

static void check_key_event(struct ate__judge *j, uint32_t i)
{
    if (!j->sequence)
        ate__refuse(j, ATE_MALFORMED, NULL, 0,
                    "event %u: transaction 0 names its keys in the genesis", i);
}

static int check_event(struct ate__judge *j, uint32_t i, struct counts *c)
{
    const struct ate__event *e = &j->tx->events[i];
    if (e->form == ATE__DROPPED) {
        if (!j->kept)
            ate__refuse(j, ATE_OMITTED, NULL, 0,
                        "event %u was left out: nothing can be judged without", i);
        return 0;
    }
    switch ((enum ate__event_kind)e->kind) {
    case ATE__EVENT_BODY:
    case ATE__EVENT_CONTROL: return add_object(j, (int32_t)i);
    case ATE__EVENT_CHAIN:
        if (ate__header_has(&e->header, ATE__TAG_GENESIS)) {
            check_genesis(j, c);
            break;
        }
        check_once(j, &c->services, "CHAIN");
        check_key_event(j, i);
        break;
    case ATE__EVENT_ROOT: check_once(j, &c->roots, "ROOT"); __attribute__((fallthrough));
    case ATE__EVENT_REVOKE: check_key_event(j, i); break;
    case ATE__EVENT_SNAPSHOT: check_once(j, &c->snapshots, "SNAPSHOT"); break;
    case ATE__EVENT_RESET:
        if (j->tx->event_count > 1)
            ate__refuse(j, ATE_MALFORMED, NULL, 0, "RESET: it is alone in its transaction");
        break;
    case ATE__EVENT_PUBLIC_KEY: break;
    case ATE__EVENT_RESERVED:
        ate__refuse(j, ATE_UNSUPPORTED, NULL, 0, "event %u is of a kind of a later version", i);
        break;
    }
    return 0;
}

int ate__check_form(struct ate__judge *j)
{
    struct counts c = {0};
    for (uint32_t i = 0; i < j->tx->event_count; i++) {
        int rc = check_event(j, i, &c);
        if (rc)
            return rc;
    }
    if (!j->sequence && !c.geneses)
        ate__refuse(j, ATE_MALFORMED, NULL, 0, "transaction 0 without a genesis");
    return 0;
}
