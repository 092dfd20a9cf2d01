/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lineage.h: the body events and tombstones that name one object, newest first.
 *
 * A tombstone that took it along with what it lay below names another object, and is not met. PREV
 * of each event says which one comes next: another one than that means that some are gone.
 */
#pragma once
#include "chain/search.h"

struct ate__lineage {
    struct ate__search search;
    struct ate_id id;
    bool expects;             /* the last one had a PREV: */
    struct ate_hash expected;
};
struct ate__version_at {
    struct ate__found found;
    const struct ate__event *event; /* in found.tx */
    bool tombstone, creates;
    bool gap; /* between it and the one given before it some are gone */
};
/* In the transactions [low, high). */
void ate__lineage_init(struct ate__lineage *v, struct ate__chain *chain, const struct ate_id *id,
                       uint64_t low, uint64_t high);
void ate__lineage_deinit(struct ate__lineage *v);
/* ret_version is ended with ate__found_deinit(&ret_version->found). Errors: END: `expects` says
 * whether there was an older one; as ate__search_next(). */
int ate__lineage_next(struct ate__lineage *v, struct ate__version_at *ret_version) ATE__CHECK;
