/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keyring.c: the public keys that a chain holds.
 */
#include "trust/keyring.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/keyfile.h"
#include "trust/limits.h"

struct ate__keyring_entry {
    struct ate_hash fingerprint;
    uint64_t sequence;
    struct ate__prepared *prepared; /* a reference, or NULL */
    size_t size;
    uint8_t bytes[];
};

/* ---- prepared keys ---- */

int ate__prepare(struct ate_bytes public_key, struct ate__prepared **ret_prepared)
{
    ate__cleanup(ate__prepared_unrefp) struct ate__prepared *p = ate__alloc(sizeof *p);
    struct ate__public_parts parts;
    if (!p)
        return ate__no_memory();
    atomic_init(&p->refs, 1);
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc && !parts.signature_key.size)
        return ate__fail(ATE_DENIED, "the key has no part that signs");
    if (!rc)
        rc = ate__verify_key_new(parts.signature->id, parts.signature_key, &p->key);
    if (rc)
        return rc;
    *ret_prepared = ate__steal(&p);
    return 0;
}

static struct ate__prepared *prepared_ref(struct ate__prepared *p)
{
    if (p)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void ate__prepared_unref(struct ate__prepared *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__verify_key_free(p->key);
    ate__free(p);
}

/* ---- the ring ---- */

void ate__keyring_init(struct ate__keyring *k, const uint64_t seed[2])
{
    *k = (struct ate__keyring){.count = 0};
    pthread_rwlock_init(&k->lock, NULL);
    ate__map_init(&k->index, sizeof(struct ate_hash), seed);
}

static void entry_free(struct ate__keyring_entry *e)
{
    ate__prepared_unref(e->prepared);
    ate__free(e);
}

void ate__keyring_deinit(struct ate__keyring *k)
{
    for (size_t i = 0; i < k->count; i++)
        entry_free(k->entries[i]);
    ate__free(k->entries);
    ate__free(k->prepared);
    ate__map_deinit(&k->index);
    pthread_rwlock_destroy(&k->lock);
}

/* All but the lock. */
static void copy_fields(struct ate__keyring *to, const struct ate__keyring *from)
{
    to->index = from->index;
    to->entries = from->entries;
    to->count = from->count;
    to->capacity = from->capacity;
    to->prepared = from->prepared;
    to->prepared_count = from->prepared_count;
    to->prepared_next = from->prepared_next;
}

void ate__keyring_swap(struct ate__keyring *k, struct ate__keyring *other)
{
    struct ate__keyring old;
    pthread_rwlock_wrlock(&k->lock);
    copy_fields(&old, k);
    copy_fields(k, other);
    copy_fields(other, &old);
    pthread_rwlock_unlock(&k->lock);
}

/* Lock held. */
static struct ate__keyring_entry *find(const struct ate__keyring *k,
                                       const struct ate_hash *fingerprint)
{
    uint64_t value;
    return ate__map_get(&k->index, fingerprint, &value) ? ate__map_pointer(value) : NULL;
}

int ate__keyring_add(struct ate__keyring *k, const struct ate_hash *fingerprint,
                     struct ate_bytes public_key, uint64_t sequence)
{
    if (ate__keyring_has(k, fingerprint))
        return 0;
    struct ate__keyring_entry *e = ate__alloc(sizeof *e + public_key.size);
    if (!e)
        return ate__no_memory();
    e->fingerprint = *fingerprint;
    e->sequence = sequence;
    e->size = public_key.size;
    memcpy(e->bytes, public_key.data, public_key.size);
    pthread_rwlock_wrlock(&k->lock);
    int rc = ate__grow(&k->entries, &k->capacity, k->count + 1, sizeof *k->entries);
    if (!rc)
        rc = ate__map_put(&k->index, fingerprint, ate__map_of_pointer(e));
    if (!rc)
        k->entries[k->count++] = e;
    pthread_rwlock_unlock(&k->lock);
    if (rc)
        entry_free(e);
    return rc;
}

void ate__keyring_rollback(struct ate__keyring *k, uint64_t sequence)
{
    pthread_rwlock_wrlock(&k->lock);
    while (k->count && k->entries[k->count - 1]->sequence >= sequence) {
        struct ate__keyring_entry *e = k->entries[--k->count];
        bool removed = ate__map_remove(&k->index, &e->fingerprint);
        ate__assert(removed);
        entry_free(e);
    }
    pthread_rwlock_unlock(&k->lock);
}

bool ate__keyring_has(struct ate__keyring *k, const struct ate_hash *fingerprint)
{
    pthread_rwlock_rdlock(&k->lock);
    bool found = find(k, fingerprint);
    pthread_rwlock_unlock(&k->lock);
    return found;
}

bool ate__keyring_sequence(struct ate__keyring *k, const struct ate_hash *fingerprint,
                           uint64_t *ret_sequence)
{
    pthread_rwlock_rdlock(&k->lock);
    const struct ate__keyring_entry *e = find(k, fingerprint);
    if (e)
        *ret_sequence = e->sequence;
    pthread_rwlock_unlock(&k->lock);
    return e != NULL;
}

int ate__keyring_get(struct ate__keyring *k, const struct ate_hash *fingerprint,
                     struct ate__buf *buf)
{
    pthread_rwlock_rdlock(&k->lock);
    const struct ate__keyring_entry *e = find(k, fingerprint);
    int rc = e ? ate__buf_append(buf, ate__bytes(e->bytes, e->size)) : ATE_NOT_FOUND;
    pthread_rwlock_unlock(&k->lock);
    return rc;
}

int ate__keyring_next(struct ate__keyring *k, uint64_t size, size_t *at, uint64_t *ret_sequence,
                      struct ate__buf *buf)
{
    pthread_rwlock_rdlock(&k->lock);
    const struct ate__keyring_entry *e =
        *at < k->count && k->entries[*at]->sequence < size ? k->entries[*at] : NULL;
    int rc = e ? ate__buf_append(buf, ate__bytes(e->bytes, e->size)) : ATE_END;
    if (!rc)
        *ret_sequence = e->sequence;
    pthread_rwlock_unlock(&k->lock);
    *at += !rc;
    return rc;
}

bool ate__keyring_next_at(struct ate__keyring *k, uint64_t size, size_t *at,
                          struct ate_hash *ret_fingerprint, uint64_t *ret_sequence)
{
    pthread_rwlock_rdlock(&k->lock);
    bool found = *at < k->count && k->entries[*at]->sequence < size;
    if (found) {
        const struct ate__keyring_entry *e = k->entries[(*at)++];
        *ret_fingerprint = e->fingerprint;
        *ret_sequence = e->sequence;
    }
    pthread_rwlock_unlock(&k->lock);
    return found;
}

/* Keeps it with its entry if there is still one without; the longest kept gives way. Where memory
 * is short it is not kept. */
static void keep(struct ate__keyring *k, const struct ate_hash *fingerprint,
                 struct ate__prepared *p)
{
    struct ate__prepared *old = NULL;
    pthread_rwlock_wrlock(&k->lock);
    struct ate__keyring_entry *e = find(k, fingerprint);
    if (!k->prepared)
        k->prepared = ate__alloc_array(ATE__PREPARED_KEYS_MAX, sizeof *k->prepared);
    if (e && !e->prepared && k->prepared) {
        struct ate_hash *slot = &k->prepared[k->prepared_next];
        k->prepared_next = (k->prepared_next + 1) % ATE__PREPARED_KEYS_MAX;
        if (k->prepared_count < ATE__PREPARED_KEYS_MAX) {
            k->prepared_count++;
        } else {
            struct ate__keyring_entry *longest = find(k, slot);
            if (longest)
                old = ate__steal(&longest->prepared);
        }
        *slot = *fingerprint;
        e->prepared = prepared_ref(p);
    }
    pthread_rwlock_unlock(&k->lock);
    ate__prepared_unref(old);
}

int ate__keyring_prepare(struct ate__keyring *k, const struct ate_hash *fingerprint,
                         struct ate__prepared **ret_prepared)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf public_key = ATE__BUF_NULL;
    pthread_rwlock_rdlock(&k->lock);
    const struct ate__keyring_entry *e = find(k, fingerprint);
    struct ate__prepared *p = e ? prepared_ref(e->prepared) : NULL;
    int rc = !e  ? ATE_NOT_FOUND
             : p ? 0
                 : ate__buf_append(&public_key, ate__bytes(e->bytes, e->size));
    pthread_rwlock_unlock(&k->lock);
    if (!rc && !p) {
        rc = ate__prepare(ate__buf_bytes(&public_key), &p);
        if (!rc)
            keep(k, fingerprint, p);
    }
    if (!rc)
        *ret_prepared = p;
    return rc;
}
