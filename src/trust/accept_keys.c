/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_keys.c: check 5 for keys: PUBLIC_KEY, ROOT and REVOKE events, and the readers of scopes;
 * CHAIN and SNAPSHOT events: accept_services.c.
 *
 *   PUBLIC_KEY  of a key that a signature, an AUTH or RECIPIENTS of the transaction names; of one
 *               that the chain holds it changes nothing; and of one that the genesis allows
 *   RECIPIENTS  of keys that the chain holds or the transaction brings
 *   EPOCH       of a KEM that is as strong as the genesis asks
 *   ROOT        signed by a root key and by each key that is added; one root key stays
 *   REVOKE      signed by a root key or by the very key
 *
 * That a signature's key is held or brought is seen where it is verified, ate__trust_verify().
 */
#include "base/text.h"
#include "trust/judge.h"
#include "trust/policy.h"
#include <stdio.h>

struct keys {
    struct ate__judge *j;
    struct ate__map brought; /* that the chain does not hold yet: fingerprint -> by PUBLIC_KEY */
    struct ate__map named;   /* in AUTH and RECIPIENTS */
    bool has_named;          /* the map was filled */
};

static void keys_deinit(struct keys *k)
{
    ate__map_deinit(&k->brought);
    ate__map_deinit(&k->named);
}

static bool is_control(const struct ate__event *e)
{
    return e->kind == ATE__EVENT_CONTROL;
}

/* ---- PUBLIC_KEY ---- */

static int name_rules(struct keys *k, const struct ate__auth *auth)
{
    for (int right = 0; right < ATE__RIGHTS; right++)
        for (uint32_t i = 0; i < auth->rule[right].count; i++) {
            int rc = ate__map_put(&k->named, auth->rule[right].keys + 32 * (size_t)i, 0);
            if (rc)
                return rc;
        }
    return 0;
}

/* The keys of RECIPIENTS are those of the read rule: check 1 saw to it. */
static int fill_named(struct keys *k)
{
    const struct ate__tx *tx = k->j->tx;
    for (uint32_t i = 0; i < tx->event_count; i++) {
        int rc = is_control(&tx->events[i]) ? name_rules(k, &tx->events[i].header.auth) : 0;
        if (rc)
            return rc;
    }
    k->has_named = true;
    return 0;
}

/* A key that is new to the chain: it must be one, and somebody's in this transaction; of what
 * compaction left, the event that names it may be gone. */
static int check_new_key(struct keys *k, const struct ate_hash *fingerprint,
                         struct ate_bytes public_key, bool has_office)
{
    struct ate__public_parts parts;
    char text[ATE__HASH_TEXT];
    ate__hash_text(fingerprint, text);
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc)
        rc = ate__policy_check(ate__trust_genesis(k->j->t), public_key);
    if (rc > 0) {
        char why[ATE__REFUSAL_TEXT / 2];
        snprintf(why, sizeof why, "%s", ate__error_text());
        ate__refuse(k->j, rc, NULL, 0, "public key %s: %s", text, why);
        return 0;
    }
    uint32_t named = ate__judge_named(k->j, fingerprint);
    if (rc || has_office || k->j->kept || (named && !k->j->needs))
        return rc;
    if (!k->has_named)
        rc = fill_named(k);
    if (rc || ate__map_get(&k->named, fingerprint, NULL))
        return rc;
    if (named)
        return ate__judge_need(k->j, named);
    if (!rc)
        ate__refuse(k->j, ATE_DENIED, NULL, 0,
                    "public key %s: no signature, AUTH or RECIPIENTS of the transaction names it",
                    text);
    return rc;
}

static int check_brought(struct keys *k)
{
    struct ate__brought brought = {.tx = k->j->tx};
    struct ate_bytes public_key;
    uint32_t event;
    while (!k->j->result && ate__brought_next(&brought, &public_key, &event)) {
        struct ate_hash fingerprint;
        bool has_office = k->j->tx->events[event].kind != ATE__EVENT_PUBLIC_KEY;
        uint64_t was_named = false;
        int rc = ate__fingerprint(public_key, &fingerprint);
        if (rc)
            return rc;
        bool again = ate__map_get(&k->brought, &fingerprint, &was_named);
        if (ate__trust_has_key(k->j->t, &fingerprint) || (again && (has_office || was_named)))
            continue;
        rc = check_new_key(k, &fingerprint, public_key, has_office);
        if (!rc)
            rc = ate__map_put(&k->brought, &fingerprint, !has_office);
        if (rc)
            return rc;
    }
    return 0;
}

static void check_recipients(struct keys *k, const struct ate__event *e)
{
    struct ate__recipient entry;
    for (size_t at = 0; ate__recipient_next(e->header.recipients, &at, &entry);) {
        char object[ATE__OBJECT_TEXT], text[ATE__HASH_TEXT];
        if (!ate__trust_has_key(k->j->t, &entry.fingerprint) &&
            !ate__map_get(&k->brought, &entry.fingerprint, NULL))
            ate__refuse(k->j, ATE_DENIED, &e->header.object, 0,
                        "%s: sealed to %s, whose public key the chain does not hold and the "
                        "transaction does not bring",
                        ate__object_text(&e->header.object, object),
                        ate__hash_text(&entry.fingerprint, text));
    }
}

/* ---- ROOT and REVOKE ---- */

static int check_change(struct keys *k, const struct ate__root_change *change, size_t *count)
{
    struct ate__judge *j = k->j;
    struct ate_hash fingerprint;
    char text[ATE__HASH_TEXT];
    int rc = 0;
    if (change->op == ATE__ROOT_ADD)
        rc = ate__fingerprint(change->key, &fingerprint);
    else
        memcpy(&fingerprint, change->key.data, sizeof fingerprint);
    if (rc)
        return rc;
    bool is_root = ate__trust_is_root(j->t, &fingerprint);
    ate__hash_text(&fingerprint, text);
    if (change->op == ATE__ROOT_ADD && !ate__judge_signed_by(j, &fingerprint))
        ate__refuse(j, ATE_DENIED, NULL, 0, "ROOT: the key %s is added and does not sign", text);
    else if (change->op == ATE__ROOT_ADD && is_root)
        ate__refuse(j, ATE_CONFLICT, NULL, 0, "ROOT: the key %s is a root key already", text);
    else if (change->op == ATE__ROOT_REMOVE && !is_root)
        ate__refuse(j, ATE_CONFLICT, NULL, 0, "ROOT: the key %s is no root key", text);
    *count = change->op == ATE__ROOT_ADD ? *count + 1 : *count - 1;
    return 0;
}

static int check_root(struct keys *k, const struct ate__event *e)
{
    struct ate__judge *j = k->j;
    struct ate__root_change change;
    size_t count = ate__trust_root_keys(j->t, NULL, 0);
    if (!ate__judge_root_signs(j)) {
        ate__refuse(j, ATE_DENIED, NULL, 0, "ROOT: no root key signs");
        return 0;
    }
    for (size_t at = 0; ate__root_next(e->header.root, &at, &change);) {
        int rc = check_change(k, &change, &count);
        if (rc || j->result)
            return rc;
    }
    if (!count)
        ate__refuse(j, ATE_DENIED, NULL, 0, "ROOT: no root key would be left");
    if (count > ATE__ROOT_KEYS_MAX)
        ate__refuse(j, ATE_TOO_BIG, NULL, 0, "ROOT: %zu root keys; %d are the most", count,
                    ATE__ROOT_KEYS_MAX);
    return 0;
}

static void check_epoch(struct keys *k, const struct ate__event *e)
{
    char object[ATE__OBJECT_TEXT];
    const struct ate__genesis *g = ate__trust_genesis(k->j->t);
    const struct ate__algorithm *kem = ate__algorithm(e->header.epoch.kem);
    if (kem->strength < g->strength_min)
        ate__refuse(k->j, ATE_DENIED, &e->header.object, 0,
                    "%s: its epoch is sealed to by %s, of strength %u; this chain asks for "
                    "%u",
                    ate__object_text(&e->header.object, object), kem->name, kem->strength,
                    g->strength_min);
}

static void check_revoke(struct keys *k, const struct ate__event *e)
{
    char text[ATE__HASH_TEXT];
    if (!ate__judge_root_signs(k->j) && !ate__judge_signed_by(k->j, &e->header.revoked))
        ate__refuse(k->j, ATE_DENIED, NULL, 0,
                    "REVOKE of %s: neither a root key nor the key itself signs",
                    ate__hash_text(&e->header.revoked, text));
}

static int check_event(struct keys *k, const struct ate__event *e)
{
    if (e->kind == ATE__EVENT_ROOT)
        return check_root(k, e);
    if (e->kind == ATE__EVENT_CHAIN)
        return ate__check_services(k->j, e);
    if (e->kind == ATE__EVENT_SNAPSHOT)
        ate__check_snapshot_signers(k->j);
    if (e->kind == ATE__EVENT_RESET)
        ate__check_reset_signers(k->j);
    if (is_control(e) && ate__header_has(&e->header, ATE__TAG_EPOCH))
        check_epoch(k, e);
    if (e->kind == ATE__EVENT_REVOKE)
        check_revoke(k, e);
    else if (is_control(e) && ate__header_has(&e->header, ATE__TAG_RECIPIENTS))
        check_recipients(k, e);
    return 0;
}

/* Of the genesis the trust state has seen to it that every root key signs. */
static void check_genesis_signers(struct ate__judge *j)
{
    struct ate_hash roots[ATE__ROOT_KEYS_MAX];
    size_t count = ate__trust_root_keys(j->t, roots, ATE__COUNT_OF(roots));
    for (size_t i = 0; i < count; i++) {
        char text[ATE__HASH_TEXT];
        if (!ate__judge_signed_by(j, &roots[i]))
            ate__refuse(j, ATE_DENIED, NULL, 0, "transaction 0 is not signed by the root key %s",
                        ate__hash_text(&roots[i], text));
    }
}

int ate__check_keys(struct ate__judge *j)
{
    ate__cleanup(keys_deinit) struct keys k = {.j = j};
    ate__map_init(&k.brought, sizeof(struct ate_hash), ate__trust_seed(j->t));
    ate__map_init(&k.named, sizeof(struct ate_hash), ate__trust_seed(j->t));
    if (!j->sequence)
        check_genesis_signers(j);
    int rc = check_brought(&k);
    if (rc || j->result)
        return rc;
    for (uint32_t i = 0; !rc && i < j->tx->event_count; i++)
        rc = check_event(&k, &j->tx->events[i]);
    return rc;
}
