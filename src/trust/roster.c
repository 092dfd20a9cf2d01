/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * roster.c: the keys of offices, and revocations.
 *
 * There are few of the former, so they are looked through.
 */
#include "trust/roster.h"
#include "base/alloc.h"
#include "base/err.h"

struct ate__roster_holder {
    struct ate_hash fingerprint;
    uint8_t office; /* enum ate__office */
    uint64_t from, until; /* sequences of the events that added and removed it */
};
struct ate__roster_revocation {
    struct ate_hash fingerprint;
    uint64_t sequence;
};

static const uint64_t not_removed = UINT64_MAX;

void ate__roster_init(struct ate__roster *r, const uint64_t seed[2])
{
    *r = (struct ate__roster){.holder_count = 0};
    pthread_rwlock_init(&r->lock, NULL);
    ate__map_init(&r->revoked, sizeof(struct ate_hash), seed);
}

void ate__roster_deinit(struct ate__roster *r)
{
    ate__free(r->holders);
    ate__free(r->revocations);
    ate__map_deinit(&r->revoked);
    pthread_rwlock_destroy(&r->lock);
}

/* All but the lock. */
static void copy_fields(struct ate__roster *to, const struct ate__roster *from)
{
    to->holders = from->holders;
    to->holder_count = from->holder_count;
    to->holder_capacity = from->holder_capacity;
    to->revoked = from->revoked;
    to->revocations = from->revocations;
    to->revocation_count = from->revocation_count;
    to->revocation_capacity = from->revocation_capacity;
}

void ate__roster_swap(struct ate__roster *r, struct ate__roster *other)
{
    struct ate__roster old;
    pthread_rwlock_wrlock(&r->lock);
    copy_fields(&old, r);
    copy_fields(r, other);
    copy_fields(other, &old);
    pthread_rwlock_unlock(&r->lock);
}

/* Lock held. */
static struct ate__roster_holder *find(const struct ate__roster *r, enum ate__office office,
                                       const struct ate_hash *fingerprint)
{
    for (size_t i = 0; i < r->holder_count; i++)
        if (r->holders[i].office == office && r->holders[i].until == not_removed &&
            ate__hash_equal(&r->holders[i].fingerprint, fingerprint))
            return &r->holders[i];
    return NULL;
}

int ate__roster_add(struct ate__roster *r, enum ate__office office,
                    const struct ate_hash *fingerprint, uint64_t sequence)
{
    int rc = 0;
    pthread_rwlock_wrlock(&r->lock);
    if (!find(r, office, fingerprint)) {
        rc = ate__grow(&r->holders, &r->holder_capacity, r->holder_count + 1, sizeof *r->holders);
        if (!rc)
            r->holders[r->holder_count++] =
                (struct ate__roster_holder){*fingerprint, (uint8_t)office, sequence, not_removed};
    }
    pthread_rwlock_unlock(&r->lock);
    return rc;
}

void ate__roster_remove(struct ate__roster *r, enum ate__office office,
                        const struct ate_hash *fingerprint, uint64_t sequence)
{
    pthread_rwlock_wrlock(&r->lock);
    struct ate__roster_holder *holder = find(r, office, fingerprint);
    if (holder)
        holder->until = sequence;
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
    while (r->holder_count && r->holders[r->holder_count - 1].from >= sequence)
        r->holder_count--;
    for (size_t i = 0; i < r->holder_count; i++)
        if (r->holders[i].until != not_removed && r->holders[i].until >= sequence)
            r->holders[i].until = not_removed;
    while (r->revocation_count && r->revocations[r->revocation_count - 1].sequence >= sequence)
        ate__map_remove(&r->revoked, &r->revocations[--r->revocation_count].fingerprint);
    pthread_rwlock_unlock(&r->lock);
}

size_t ate__roster_list(struct ate__roster *r, enum ate__office office,
                        struct ate_hash *ret_fingerprints, size_t capacity)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->holder_count; i++) {
        const struct ate__roster_holder *holder = &r->holders[i];
        if (holder->office != office || holder->until != not_removed ||
            ate__map_get(&r->revoked, &holder->fingerprint, NULL))
            continue;
        if (count < capacity)
            ret_fingerprints[count] = holder->fingerprint;
        count++;
    }
    pthread_rwlock_unlock(&r->lock);
    return count;
}

bool ate__roster_is(struct ate__roster *r, enum ate__office office,
                    const struct ate_hash *fingerprint)
{
    pthread_rwlock_rdlock(&r->lock);
    bool is = find(r, office, fingerprint) && !ate__map_get(&r->revoked, fingerprint, NULL);
    pthread_rwlock_unlock(&r->lock);
    return is;
}

bool ate__roster_was(struct ate__roster *r, enum ate__office office,
                     const struct ate_hash *fingerprint)
{
    bool was = false;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->holder_count && !was; i++)
        was = r->holders[i].office == office &&
              ate__hash_equal(&r->holders[i].fingerprint, fingerprint);
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

/* ---- at an earlier size ---- */

/* The nth change of a holder: added, removed, revoked; 0: there is none. Lock held. */
static uint64_t change_of(const struct ate__roster *r, const struct ate__roster_holder *holder,
                          size_t n)
{
    uint64_t sequence = 0;
    switch (n) {
    case 0: return holder->from;
    case 1: return holder->until == not_removed ? 0 : holder->until;
    default: (void)ate__map_get(&r->revoked, &holder->fingerprint, &sequence); return sequence;
    }
}

bool ate__roster_next_change(struct ate__roster *r, enum ate__office office, uint64_t size,
                             size_t *at, uint64_t *ret_sequence)
{
    enum { CHANGES = 3 };
    uint64_t found = 0;
    pthread_rwlock_rdlock(&r->lock);
    for (; !found && *at < CHANGES * r->holder_count; ++*at) {
        const struct ate__roster_holder *holder = &r->holders[*at / CHANGES];
        uint64_t sequence = holder->office == office ? change_of(r, holder, *at % CHANGES) : 0;
        found = sequence < size ? sequence : 0;
    }
    pthread_rwlock_unlock(&r->lock);
    *ret_sequence = found;
    return found != 0;
}

bool ate__roster_next_start(struct ate__roster *r, enum ate__office office,
                            const struct ate_hash *fingerprint, uint64_t size, size_t *at,
                            uint64_t *ret_sequence)
{
    uint64_t found = 0;
    pthread_rwlock_rdlock(&r->lock);
    for (; !found && *at < r->holder_count; ++*at) {
        const struct ate__roster_holder *holder = &r->holders[*at];
        if (holder->office == office && holder->from < size &&
            ate__hash_equal(&holder->fingerprint, fingerprint))
            found = holder->from;
    }
    pthread_rwlock_unlock(&r->lock);
    *ret_sequence = found;
    return found != 0;
}

bool ate__roster_next_at(struct ate__roster *r, enum ate__office office, uint64_t size, size_t *at,
                         struct ate_hash *ret_fingerprint)
{
    bool found = false;
    pthread_rwlock_rdlock(&r->lock);
    for (; *at < r->holder_count && !found; ++*at) {
        const struct ate__roster_holder *holder = &r->holders[*at];
        uint64_t revoked = UINT64_MAX;
        (void)ate__map_get(&r->revoked, &holder->fingerprint, &revoked);
        found = holder->office == office && holder->from < size && holder->until >= size &&
                revoked >= size;
        if (found)
            *ret_fingerprint = holder->fingerprint;
    }
    pthread_rwlock_unlock(&r->lock);
    return found;
}

bool ate__roster_next_revoked_at(struct ate__roster *r, uint64_t size, size_t *at,
                                 struct ate_hash *ret_fingerprint)
{
    pthread_rwlock_rdlock(&r->lock);
    bool found = *at < r->revocation_count && r->revocations[*at].sequence < size;
    if (found)
        *ret_fingerprint = r->revocations[(*at)++].fingerprint;
    pthread_rwlock_unlock(&r->lock);
    return found;
}

/* ---- for a view image ---- */

enum { HOLDER_BYTES = 32 + 1 + 8 + 8, REVOCATION_BYTES = 32 + 8 };

void ate__roster_write(struct ate__roster *r, uint64_t size, struct ate__wr *w)
{
    size_t holders = 0, revocations = 0;
    pthread_rwlock_rdlock(&r->lock);
    while (holders < r->holder_count && r->holders[holders].from < size)
        holders++;
    while (revocations < r->revocation_count && r->revocations[revocations].sequence < size)
        revocations++;
    ate__wr_u32(w, (uint32_t)holders);
    for (size_t i = 0; i < holders; i++) {
        const struct ate__roster_holder *h = &r->holders[i];
        ate__wr_hash(w, &h->fingerprint);
        ate__wr_u8(w, h->office);
        ate__wr_u64(w, h->from);
        ate__wr_u64(w, h->until < size ? h->until : not_removed);
    }
    ate__wr_u32(w, (uint32_t)revocations);
    for (size_t i = 0; i < revocations; i++) {
        ate__wr_hash(w, &r->revocations[i].fingerprint);
        ate__wr_u64(w, r->revocations[i].sequence);
    }
    pthread_rwlock_unlock(&r->lock);
}

static int read_holders(struct ate__roster *r, uint64_t size, struct ate__rd *rd)
{
    uint32_t count = ate__rd_count(rd, UINT32_MAX, HOLDER_BYTES);
    uint64_t last = 0;
    int rc = ate__grow(&r->holders, &r->holder_capacity, count, sizeof *r->holders);
    for (r->holder_count = 0; !rc && r->holder_count < count; r->holder_count++) {
        struct ate__roster_holder *h = &r->holders[r->holder_count];
        h->fingerprint = ate__rd_hash(rd);
        h->office = ate__rd_u8(rd);
        h->from = ate__rd_u64(rd);
        h->until = ate__rd_u64(rd);
        if (h->office >= ATE__OFFICES || h->from < last || h->from >= size ||
            (h->until != not_removed && (h->until < h->from || h->until >= size)))
            ate__rd_fail(rd);
        last = h->from;
    }
    return rc;
}

static int read_revocations(struct ate__roster *r, uint64_t size, struct ate__rd *rd)
{
    uint32_t count = ate__rd_count(rd, UINT32_MAX, REVOCATION_BYTES);
    uint64_t last = 0;
    int rc = ate__grow(&r->revocations, &r->revocation_capacity, count, sizeof *r->revocations);
    ate__map_clear(&r->revoked);
    for (r->revocation_count = 0; !rc && r->revocation_count < count; r->revocation_count++) {
        struct ate__roster_revocation *v = &r->revocations[r->revocation_count];
        v->fingerprint = ate__rd_hash(rd);
        v->sequence = ate__rd_u64(rd);
        if (v->sequence < last || v->sequence >= size)
            ate__rd_fail(rd);
        last = v->sequence;
        rc = ate__map_put(&r->revoked, &v->fingerprint, v->sequence);
    }
    return rc;
}

int ate__roster_read(struct ate__roster *r, uint64_t size, struct ate__rd *rd)
{
    pthread_rwlock_wrlock(&r->lock);
    int rc = read_holders(r, size, rd);
    if (!rc)
        rc = read_revocations(r, size, rd);
    if (!rc && !ate__rd_ok(rd))
        rc = ate__fail(ATE_MALFORMED, "view image: the keys of offices");
    pthread_rwlock_unlock(&r->lock);
    return rc;
}
