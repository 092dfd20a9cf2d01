/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * recall.c: a bounded memory of opened secrets.
 *
 * The index has a fixed seed: it holds so few that even colliding keys cost little.
 *
 * Two places that differ in the chain alone share one entry, the newer one's: that they do means
 * that one of two chains copied the other's ids, and the entry names the chain that it is for.
 */
#include "trust/recall.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "trust/limits.h"

enum { KEY_SIZE = sizeof(struct ate_hash) + sizeof(struct ate_id) };

struct ate__recall_entry {
    struct ate__secret_place place;
    void *secret;
};

static void key_of(const struct ate__secret_place *place, uint8_t ret_key[KEY_SIZE])
{
    memcpy(ret_key, &place->data_key_id, sizeof place->data_key_id);
    memcpy(ret_key + sizeof place->data_key_id, &place->object, sizeof place->object);
}

void ate__recall_init(struct ate__recall *r, void (*drop)(void *secret))
{
    static const uint64_t seed[2] = {0x617465207472, 0x757374206c61};
    *r = (struct ate__recall){.drop = drop};
    ate__map_init(&r->index, KEY_SIZE, seed);
}

void ate__recall_deinit(struct ate__recall *r)
{
    for (size_t i = 0; i < r->count; i++)
        r->drop(r->entries[i].secret);
    ate__free(r->entries);
    r->entries = NULL;
    r->count = r->capacity = 0;
    ate__map_deinit(&r->index);
}

void *ate__recall_get(const struct ate__recall *r, const struct ate__secret_place *place)
{
    uint8_t key[KEY_SIZE];
    uint64_t at;
    key_of(place, key);
    if (!ate__map_get(&r->index, key, &at))
        return NULL;
    const struct ate__recall_entry *e = &r->entries[at];
    return ate__hash_equal(&e->place.chain_id, &place->chain_id) ? e->secret : NULL;
}

/* Chooses the entry for the place: the one it has, a new one, or the longest remembered. */
static int choose(struct ate__recall *r, const uint8_t key[KEY_SIZE], uint64_t *ret_at)
{
    if (ate__map_get(&r->index, key, ret_at))
        return 0;
    bool full = r->count == ATE__SESSION_DATA_KEYS_MAX;
    uint64_t at = full ? r->next : r->count;
    int rc = full ? 0 : ate__grow(&r->entries, &r->capacity, r->count + 1, sizeof *r->entries);
    if (!rc)
        rc = ate__map_put(&r->index, key, at);
    if (rc)
        return rc;
    if (full) {
        uint8_t old[KEY_SIZE];
        key_of(&r->entries[at].place, old);
        ate__map_remove(&r->index, old);
        r->next = (r->next + 1) % ATE__SESSION_DATA_KEYS_MAX;
    } else {
        r->entries[r->count++] = (struct ate__recall_entry){0};
    }
    *ret_at = at;
    return 0;
}

int ate__recall_put(struct ate__recall *r, const struct ate__secret_place *place, void *take_secret)
{
    uint8_t key[KEY_SIZE];
    uint64_t at;
    key_of(place, key);
    int rc = choose(r, key, &at);
    if (rc) {
        r->drop(take_secret);
        return rc;
    }
    struct ate__recall_entry *e = &r->entries[at];
    if (e->secret)
        r->drop(e->secret);
    e->place = *place;
    e->secret = take_secret;
    return 0;
}
