/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_services.c: CHAIN and SNAPSHOT events: the keys of services, and the certificates under
 * which a chain may be compacted.
 *
 *   LOG_KEYS        signed by a root key; each added key is an Ed25519 and an ML-DSA-44 key
 *   COMPACTOR_KEYS  signed by a root key; each added key has a part that signs
 *   SNAPSHOT        signed by a root key or a compactor key, never in an archive; the root that it
 *                   states is that of the verifier's own tree. In a centralized chain its server
 *                   may say it, alone and in nobody's name: what covers it is a log key's word
 *
 * The state root of a SNAPSHOT is judged by whoever was at that size: who compacts, and who opens
 * what was compacted.
 */
#include "base/text.h"
#include "crypto/log_key.h"
#include "trust/judge.h"
#include <stdio.h>

struct office {
    enum ate__office office;
    struct ate_bytes list;
    const char *name;
};

/* ---- CHAIN ---- */

int ate__service_key_check(enum ate__office office, struct ate_bytes public_key)
{
    struct ate__public_parts parts;
    struct ate__log_parts log_parts;
    if (office == ATE__LOG_KEY)
        return ate__log_public_parse(public_key, &log_parts);
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc && !parts.signature_key.size)
        return ate__fail(ATE_MALFORMED, "the key has no part that signs");
    return rc;
}

static int check_added(struct ate__judge *j, const struct office *o, struct ate_bytes public_key,
                       const struct ate_hash *fingerprint)
{
    char text[ATE__HASH_TEXT], why[ATE__REFUSAL_TEXT / 2];
    ate__hash_text(fingerprint, text);
    int rc = ate__service_key_check(o->office, public_key);
    if (rc < 0)
        return rc;
    if (rc) {
        snprintf(why, sizeof why, "%s", ate__error_text());
        ate__refuse(j, rc, NULL, 0, "%s: public key %s: %s", o->name, text, why);
    } else if (ate__trust_has_office(j->t, o->office, fingerprint)) {
        ate__refuse(j, ATE_CONFLICT, NULL, 0, "%s: the key %s is one already", o->name, text);
    } else if (ate__trust_is_revoked(j->t, fingerprint)) {
        ate__refuse(j, ATE_DENIED, NULL, 0, "%s: the key %s was revoked", o->name, text);
    }
    return 0;
}

static int check_office(struct ate__judge *j, const struct office *o)
{
    struct ate__root_change change;
    size_t count = ate__trust_office(j->t, o->office, NULL, 0);
    for (size_t at = 0; ate__root_next(o->list, &at, &change);) {
        struct ate_hash fingerprint;
        char text[ATE__HASH_TEXT];
        int rc = 0;
        if (change.op == ATE__ROOT_ADD) {
            rc = ate__fingerprint(change.key, &fingerprint);
            if (!rc)
                rc = check_added(j, o, change.key, &fingerprint);
            count++;
        } else {
            memcpy(&fingerprint, change.key.data, sizeof fingerprint);
            if (!ate__trust_has_office(j->t, o->office, &fingerprint))
                ate__refuse(j, ATE_CONFLICT, NULL, 0, "%s: the key %s is none", o->name,
                            ate__hash_text(&fingerprint, text));
            count--;
        }
        if (rc || j->result)
            return rc;
    }
    if (count > ATE__SERVICE_KEYS_MAX)
        ate__refuse(j, ATE_TOO_BIG, NULL, 0, "%s: %zu keys; %d are the most", o->name, count,
                    ATE__SERVICE_KEYS_MAX);
    return 0;
}

int ate__check_services(struct ate__judge *j, const struct ate__event *e)
{
    const struct office offices[] = {
        {ATE__LOG_KEY, e->header.log_keys, "LOG_KEYS"},
        {ATE__COMPACTOR_KEY, e->header.compactor_keys, "COMPACTOR_KEYS"},
    };
    if (ate__header_has(&e->header, ATE__TAG_GENESIS))
        return 0;
    if (!ate__judge_root_signs(j)) {
        ate__refuse(j, ATE_DENIED, NULL, 0, "CHAIN: no root key signs");
        return 0;
    }
    for (size_t i = 0; i < ATE__COUNT_OF(offices) && !j->result; i++) {
        int rc = check_office(j, &offices[i]);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- SNAPSHOT ---- */

static bool is_the_servers(const struct ate__judge *j)
{
    return ate__trust_genesis(j->t)->mode == ATE__CENTRALIZED && !j->signers.count &&
           j->tx->event_count == 1;
}

void ate__check_snapshot_signers(struct ate__judge *j)
{
    bool may = ate__judge_root_signs(j) || is_the_servers(j);
    for (size_t i = 0; i < j->signers.count && !may && !j->attested; i++)
        may = ate__trust_has_office(j->t, ATE__COMPACTOR_KEY, &j->signers.fingerprints[i]);
    if (ate__judge_archive(j))
        ate__refuse(j, ATE_DENIED, NULL, 0, "SNAPSHOT: nothing is left out of an archive");
    else if (!may)
        ate__refuse(j, ATE_DENIED, NULL, 0,
                    "SNAPSHOT: neither a root key nor a compactor key signs");
}

static int check_root(struct ate__judge *j, const struct ate__snapshot_item *s)
{
    char text[ATE__HASH_TEXT], other[ATE__HASH_TEXT];
    struct ate_hash root;
    if (s->size > j->tx->base_size) {
        ate__refuse(j, ATE_MALFORMED, NULL, 0, "SNAPSHOT: of %llu transactions, on a base of %llu",
                    (unsigned long long)s->size, (unsigned long long)j->tx->base_size);
        return 0;
    }
    int rc = j->facts->v->root_at(j->facts, s->size, &root);
    if (!rc && !ate__hash_equal(&root, &s->root))
        ate__refuse(j, ATE_FORKED, NULL, 0,
                    "SNAPSHOT: of another history: of %llu transactions it has the root %s, this "
                    "chain %s",
                    (unsigned long long)s->size, ate__hash_text(&s->root, text),
                    ate__hash_text(&root, other));
    return rc;
}

int ate__check_snapshot_root(struct ate__judge *j)
{
    for (uint32_t i = 0; i < j->tx->event_count; i++) {
        const struct ate__event *e = &j->tx->events[i];
        int rc = e->kind == ATE__EVENT_SNAPSHOT ? check_root(j, &e->header.snapshot) : 0;
        if (rc)
            return rc;
    }
    return 0;
}
