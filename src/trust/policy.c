/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/policy.h"
#include "base/err.h"

int ate__policy_check_parts(const struct ate__genesis *g, const struct ate__public_parts *parts)
{
    unsigned strength = ate__public_strength(parts);
    if (strength < g->strength_min)
        return ate__fail(ATE_DENIED, "a key of strength %u; this chain asks for %u", strength,
                         g->strength_min);
    if (parts->signature && !ate__genesis_allows(g, parts->signature->id))
        return ate__fail(ATE_DENIED, "a key of %s, which this chain does not allow",
                         parts->signature->name);
    return 0;
}

int ate__policy_check(const struct ate__genesis *g, struct ate_bytes public_key)
{
    struct ate__public_parts parts;
    int rc = ate__public_key_split(public_key, &parts);
    return rc ? rc : ate__policy_check_parts(g, &parts);
}
