/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lists.c: reading the items that are lists. Each is sorted and holds nothing twice, so that one
 * set has one form.
 */
#include "event/lists.h"
#include "crypto/hpke.h"
#include "event/field.h"

_Static_assert((int)ATE__SERVICE_KEYS_MAX == ATE__ROOT_KEYS_MAX, "one limit for such lists");

/* ---- AUTH ---- */

static int read_rule(struct ate__rd *r, struct ate__rule *rule)
{
    rule->who = ate__rd_u8(r);
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "rule");
    if (rule->who > ATE__RULE_ANY_OF)
        return ate__fail(ATE_MALFORMED, "rule %u is unknown", rule->who);
    if (rule->who != ATE__RULE_ANY_OF)
        return 0;
    int rc = ate__field_count(r, "keys", ATE__RULE_KEYS_MAX, 32, &rule->count);
    if (rc)
        return rc;
    if (!rule->count)
        return ate__fail(ATE_MALFORMED, "any of no keys; that is written as nobody");
    rule->keys = ate__rd_bytes(r, 32 * (size_t)rule->count).data;
    if (!ate__field_ascending(rule->keys, rule->count))
        return ate__fail(ATE_MALFORMED, "keys out of order or twice");
    return 0;
}

int ate__auth_read(struct ate_bytes item, struct ate__auth *ret_auth)
{
    static const char *const names[ATE__RIGHTS] = {"read", "write", "append", "admin"};
    struct ate__rd r = ate__rd_of(item);
    struct ate__auth auth = {0};
    for (int i = 0; i < ATE__RIGHTS; i++) {
        int rc = read_rule(&r, &auth.rule[i]);
        if (rc)
            return ate__context(rc, "%s", names[i]);
    }
    if (!ate__rd_end(&r))
        return ate__fail(ATE_MALFORMED, "%zu bytes behind the last rule", ate__rd_left(&r));
    *ret_auth = auth;
    return 0;
}

bool ate__rule_has(const struct ate__rule *rule, const struct ate_hash *fingerprint)
{
    size_t low = 0, high = rule->who == ATE__RULE_ANY_OF ? rule->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(rule->keys + 32 * middle, fingerprint->b, 32);
        if (!order)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* ---- RECIPIENTS ---- */

enum { SEALED_MAX = ATE__KEM_ENC_MAX + 32 + 16 };

static int read_recipient(struct ate__rd *r, struct ate__recipient *ret)
{
    struct ate__recipient one = {.fingerprint = ate__rd_hash(r), .method = ate__rd_u8(r)};
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "fingerprint and method");
    if (one.method != ATE__SEALED_TO_KEM && one.method != ATE__WRAPPED_BY_READ_KEY)
        return ate__fail(ATE_UNSUPPORTED, "method %u", one.method);
    int rc = ate__field_bytes(r, "bytes of a sealed key", SEALED_MAX, &one.sealed);
    if (rc)
        return rc;
    if (one.method == ATE__SEALED_TO_KEM ? !ate__hpke_kem_of_size(one.sealed.size, 32)
                                         : one.sealed.size != ATE__WRAPPED_SIZE)
        return ate__fail(ATE_MALFORMED, "a sealed key of %zu bytes, which method %u does not make",
                         one.sealed.size, one.method);
    rc = ate__field_bytes(r, "bytes of a label", ATE__LABEL_ITEM_MAX, &one.label);
    if (rc)
        return rc;
    *ret = one;
    return 0;
}

int ate__recipients_check(struct ate_bytes item)
{
    static const size_t size_min = 32 + 1 + 4 + ATE__WRAPPED_SIZE + 4;
    struct ate__rd r = ate__rd_of(item);
    uint32_t count;
    int rc = ate__field_count(&r, "recipients", ATE__RECIPIENTS_MAX, size_min, &count);
    if (rc)
        return rc;
    struct ate_hash last;
    for (uint32_t i = 0; i < count; i++) {
        struct ate__recipient one;
        rc = read_recipient(&r, &one);
        if (rc)
            return ate__context(rc, "recipient %u", i);
        if (i && memcmp(last.b, one.fingerprint.b, sizeof last.b) >= 0)
            return ate__fail(ATE_MALFORMED, "recipient %u: out of order or twice", i);
        last = one.fingerprint;
    }
    if (!ate__rd_end(&r))
        return ate__fail(ATE_MALFORMED, "%zu bytes behind the last recipient", ate__rd_left(&r));
    return 0;
}

/* A reader of the entries of a checked list behind `*at`, which is 0 before the first. */
static struct ate__rd rest_of(struct ate_bytes list, size_t *at)
{
    struct ate__rd r = ate__rd_of(list);
    (void)ate__rd_bytes(&r, *at ? *at : sizeof(uint32_t));
    return r;
}

bool ate__recipient_next(struct ate_bytes recipients, size_t *at,
                         struct ate__recipient *ret_recipient)
{
    struct ate__rd r = rest_of(recipients, at);
    if (!ate__rd_left(&r) || read_recipient(&r, ret_recipient))
        return false;
    *at = r.at;
    return true;
}

/* ---- ROOT, LOG_KEYS, COMPACTOR_KEYS ---- */

static int read_change(struct ate__rd *r, struct ate__root_change *ret)
{
    struct ate__root_change one = {.op = ate__rd_u8(r)};
    if (one.op == ATE__ROOT_ADD) {
        int rc = ate__field_bytes(r, "bytes of a public key", ATE__KEY_ITEM_MAX, &one.key);
        if (rc)
            return rc;
        if (one.key.size < ATE__KEY_ITEM_MIN)
            return ate__fail(ATE_MALFORMED, "a public key of %zu bytes", one.key.size);
    } else if (one.op == ATE__ROOT_REMOVE) {
        one.key = ate__rd_bytes(r, 32);
    } else {
        return ate__fail(ATE_MALFORMED, "%u is neither 1 (add) nor 2 (remove)", one.op);
    }
    if (!ate__rd_ok(r))
        return ate__field_cut(r, "key");
    *ret = one;
    return 0;
}

int ate__keys_check(struct ate_bytes item)
{
    struct ate__rd r = ate__rd_of(item);
    uint32_t count;
    int rc = ate__field_count(&r, "keys", ATE__ROOT_KEYS_MAX, 1 + 32, &count);
    if (rc)
        return rc;
    if (!count)
        return ate__fail(ATE_MALFORMED, "no key is added or removed");
    struct ate__root_change last = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct ate__root_change one;
        rc = read_change(&r, &one);
        if (rc)
            return ate__context(rc, "key %u", i);
        if (last.op > one.op || (last.op == one.op && ate__field_compare(last.key, one.key) >= 0))
            return ate__fail(ATE_MALFORMED, "key %u: out of order or twice", i);
        last = one;
    }
    if (!ate__rd_end(&r))
        return ate__fail(ATE_MALFORMED, "%zu bytes behind the last key", ate__rd_left(&r));
    return 0;
}

bool ate__root_next(struct ate_bytes root, size_t *at, struct ate__root_change *ret_change)
{
    struct ate__rd r = rest_of(root, at);
    if (!ate__rd_left(&r) || read_change(&r, ret_change))
        return false;
    *at = r.at;
    return true;
}
