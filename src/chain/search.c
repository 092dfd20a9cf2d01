/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/search.h"
#include "base/alloc.h"

void ate__search_init(struct ate__search *s, struct ate__chain *chain, const void *needle,
                      uint64_t low, uint64_t high)
{
    *s = (struct ate__search){
        .chain = chain, .low = low, .high = high, .next = high, .stretch = ATE__SEARCH_FIRST};
    memcpy(s->needle, needle, sizeof s->needle);
}

void ate__search_deinit(struct ate__search *s)
{
    ate__free(s->found);
    s->found = NULL;
}

void ate__found_deinit(struct ate__found *f)
{
    ate__tx_deinit(&f->tx);
    ate__buf_deinit(&f->body);
}

/* ---- one record ---- */

/* The tiles have the leaf that was made of the record when it was verified; one that could not be
 * written yet is missed. */
static int check_leaf(struct ate__chain *c, const struct ate__found *f)
{
    struct ate__storage *s = ate__chain_storage(c);
    struct ate_hash leaf, known;
    if (f->place.sequence >= s->v->tiles_size(s))
        return 0;
    int rc = ate__tx_leaf(&f->tx, ate__trust_alg(ate__chain_trust(c)), f->place.sequence,
                          f->place.root_time_us, &leaf);
    if (!rc)
        rc = s->v->tiles_node(s, 0, f->place.sequence, &known);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    if (ate__hash_equal(&leaf, &known))
        return 0;
    return ate__fail(ATE_TAMPERED,
                     "transaction %llu: it was changed on the disk since it was verified",
                     (unsigned long long)f->place.sequence);
}

static int load(struct ate__chain *c, const struct ate__place *place, struct ate__found *ret_found)
{
    struct ate__storage *s = ate__chain_storage(c);
    struct ate__found f = {.place = *place};
    int rc = s->v->load(s, place->sequence, &place->position, &f.body);
    if (!rc)
        rc = ate__tx_decode(ate__buf_bytes(&f.body), ate__trust_alg(ate__chain_trust(c)), &f.tx);
    if (rc) {
        ate__buf_deinit(&f.body);
        return rc;
    }
    rc = check_leaf(c, &f);
    if (rc) {
        ate__found_deinit(&f);
        return rc;
    }
    *ret_found = f;
    return 0;
}

static int take_place(void *arg, const struct ate__record_out *record)
{
    if (!record->identity)
        *(struct ate__place *)arg =
            (struct ate__place){record->sequence, record->root_time_us, record->position};
    return 0;
}

int ate__found_at(struct ate__chain *c, uint64_t sequence, struct ate__found *ret_found)
{
    struct ate__storage *s = ate__chain_storage(c);
    struct ate__place place = {.position.size = 0};
    int rc = s->v->scan(s, sequence, sequence + 1, &(struct ate__scan){NULL, take_place, &place});
    if (!rc && !place.position.size)
        rc = ate__fail(ATE_COMPACTED, "transaction %llu was compacted away",
                       (unsigned long long)sequence);
    return rc ? rc : load(c, &place, ret_found);
}

/* ---- backwards ---- */

static int look(void *arg, const struct ate__record_out *record)
{
    struct ate__search *s = arg;
    if (record->identity ||
        !memmem(record->body.data, record->body.size, s->needle, sizeof s->needle))
        return 0;
    int rc = ate__grow(&s->found, &s->capacity, s->count + 1, sizeof *s->found);
    if (!rc)
        s->found[s->count++] =
            (struct ate__place){record->sequence, record->root_time_us, record->position};
    return rc;
}

static int read_stretch(struct ate__search *s)
{
    struct ate__storage *storage = ate__chain_storage(s->chain);
    uint64_t left = s->next - s->low, size = ate__min(left, s->stretch);
    int rc = storage->v->scan(storage, s->next - size, s->next, &(struct ate__scan){NULL, look, s});
    if (rc)
        return rc;
    s->next -= size;
    s->stretch = ate__min(s->stretch * 2, (uint64_t)ATE__SEARCH_STRETCH);
    if (s->progress.call)
        s->progress.call(s->progress.arg, "search", s->high - s->next, s->high - s->low);
    return 0;
}

int ate__search_next(struct ate__search *s, struct ate__found *ret_found)
{
    while (!s->count) {
        int rc = s->next > s->low ? read_stretch(s) : ATE_END;
        if (rc)
            return rc;
    }
    int rc = load(s->chain, &s->found[s->count - 1], ret_found);
    s->count -= rc == 0;
    return rc;
}

/* ---- times ---- */

/* Where a sequence leads: to its record, or to the next that is left behind it. */
struct first {
    bool any;
    uint64_t root_time_us;
};

static int take_first(void *arg, const struct ate__record_out *record)
{
    *(struct first *)arg = (struct first){true, record->root_time_us};
    return ATE_END;
}

int ate__chain_size_at(struct ate__chain *c, uint64_t root_time_us, uint64_t *ret_size)
{
    struct ate__storage *s = ate__chain_storage(c);
    uint64_t low = 0, published = ate__chain_published(c), high = published;
    while (low < high) { /* all below `low` were ordered by then, none from `high` on */
        struct first first = {.any = false};
        uint64_t middle = low + (high - low) / 2;
        int rc = s->v->scan(s, middle, published, &(struct ate__scan){NULL, take_first, &first});
        if (rc && rc != ATE_END)
            return rc;
        if (first.any && first.root_time_us <= root_time_us)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_size = low;
    return 0;
}
