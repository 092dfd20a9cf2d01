/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * roster.c: root keys and revocations.
 *
 * There are few root keys, so they are looked through.
 */
#include "trust/roster.h"
#include "base/alloc.h"

struct ate__roster_root {
    struct ate_hash fingerprint;
    uint64_t from, until; /* sequences of the events that added and removed it */
};
struct ate__roster_revocation {
    struct ate_hash fingerprint;
    uint64_t sequence;
};

static const uint64_t not_removed = UINT64_MAX;

void ate__roster_init(struct ate__roster *r, const uint64_t seed[2])
{
    *r = (struct ate__roster){.root_count = 0};
    pthread_rwlock_init(&r->lock, NULL);
    ate__map_init(&r->revoked, sizeof(struct ate_hash), seed);
}

void ate__roster_deinit(struct ate__roster *r)
{
    ate__free(r->roots);
    ate__free(r->revocations);
    ate__map_deinit(&r->revoked);
    pthread_rwlock_destroy(&r->lock);
}

/* Lock held. */
static struct ate__roster_root *find_root(const struct ate__roster *r,
                                          const struct ate_hash *fingerprint)
{
    for (size_t i = 0; i < r->root_count; i++)
        if (r->roots[i].until == not_removed &&
            ate__hash_equal(&r->roots[i].fingerprint, fingerprint))
            return &r->roots[i];
    return NULL;
}

int ate__roster_add(struct ate__roster *r, const struct ate_hash *fingerprint, uint64_t sequence)
{
    int rc = 0;
    pthread_rwlock_wrlock(&r->lock);
    if (!find_root(r, fingerprint)) {
        rc = ate__grow(&r->roots, &r->root_capacity, r->root_count + 1, sizeof *r->roots);
        if (!rc)
            r->roots[r->root_count++] =
                (struct ate__roster_root){*fingerprint, sequence, not_removed};
    }
    pthread_rwlock_unlock(&r->lock);
    return rc;
}

void ate__roster_remove(struct ate__roster *r, const struct ate_hash *fingerprint,
                        uint64_t sequence)
{
    pthread_rwlock_wrlock(&r->lock);
    struct ate__roster_root *root = find_root(r, fingerprint);
    if (root)
        root->until = sequence;
    pthread_rwlock_unlock(&r->lock);
}

int ate__roster_revoke(struct ate__roster *r, const struct ate_hash *fingerprint, uint64_t sequence)
{
    int rc = 0;
    pthread_rwlock_wrlock(&r->lock);
    if (!ate__map_get(&r->revoked, fingerprint, NULL)) {
        rc = ate__grow(&r->revocations, &r->revocation_capacity, r->revocation_count + 1,
                       sizeof *r->revocations);
        if (!rc)
            rc = ate__map_put(&r->revoked, fingerprint, sequence);
        if (!rc)
            r->revocations[r->revocation_count++] =
                (struct ate__roster_revocation){*fingerprint, sequence};
    }
    pthread_rwlock_unlock(&r->lock);
    return rc;
}

void ate__roster_rollback(struct ate__roster *r, uint64_t sequence)
{
    pthread_rwlock_wrlock(&r->lock);
    while (r->root_count && r->roots[r->root_count - 1].from >= sequence)
        r->root_count--;
    for (size_t i = 0; i < r->root_count; i++)
        if (r->roots[i].until != not_removed && r->roots[i].until >= sequence)
            r->roots[i].until = not_removed;
    while (r->revocation_count && r->revocations[r->revocation_count - 1].sequence >= sequence)
        ate__map_remove(&r->revoked, &r->revocations[--r->revocation_count].fingerprint);
    pthread_rwlock_unlock(&r->lock);
}

size_t ate__roster_roots(struct ate__roster *r, struct ate_hash *ret_fingerprints, size_t capacity)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->root_count; i++) {
        const struct ate__roster_root *root = &r->roots[i];
        if (root->until != not_removed || ate__map_get(&r->revoked, &root->fingerprint, NULL))
            continue;
        if (count < capacity)
            ret_fingerprints[count] = root->fingerprint;
        count++;
    }
    pthread_rwlock_unlock(&r->lock);
    return count;
}

bool ate__roster_is_root(struct ate__roster *r, const struct ate_hash *fingerprint)
{
    pthread_rwlock_rdlock(&r->lock);
    bool is = find_root(r, fingerprint) && !ate__map_get(&r->revoked, fingerprint, NULL);
    pthread_rwlock_unlock(&r->lock);
    return is;
}

bool ate__roster_was_root(struct ate__roster *r, const struct ate_hash *fingerprint)
{
    bool was = false;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->root_count && !was; i++)
        was = ate__hash_equal(&r->roots[i].fingerprint, fingerprint);
    pthread_rwlock_unlock(&r->lock);
    return was;
}

bool ate__roster_is_revoked(struct ate__roster *r, const struct ate_hash *fingerprint)
{
    pthread_rwlock_rdlock(&r->lock);
    bool is = ate__map_get(&r->revoked, fingerprint, NULL);
    pthread_rwlock_unlock(&r->lock);
    return is;
}
