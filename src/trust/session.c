/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.c: who acts.
 *
 * The arrays of keys have their full size from the beginning and their counts only grow: readers
 * take no lock. `mutex` guards adding and the two memories of opened secrets.
 */
#include "trust/session.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/limits.h"
#include "trust/recall.h"
#include "trust/state.h"
#include <pthread.h>
#include <stdio.h>

struct public_key {
    struct ate_hash fingerprint;
    char label[ATE__KEY_LABEL_MAX + 1];
    size_t size;
    uint8_t bytes[];
};

struct ate_session {
    atomic_uint refs;
    pthread_mutex_t mutex;
    atomic_size_t key_count, public_count; /* of what stands in the arrays for good */
    struct ate__key *keys[ATE__SESSION_KEYS_MAX];
    struct ate_hash fingerprints[ATE__SESSION_KEYS_MAX]; /* of keys */
    struct public_key *publics[ATE__SESSION_KEYS_MAX];
    struct ate__recall data_keys, name_keys;
};

static void drop_data_key(void *secret)
{
    ate__data_key_unref(secret);
}

static void drop_name_key(void *secret)
{
    ate__secret_free(secret);
}

int ate__session_new(struct ate_session **ret_session)
{
    struct ate_session *s = ate__alloc(sizeof *s);
    if (!s)
        return ate__no_memory();
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->mutex, NULL);
    ate__recall_init(&s->data_keys, drop_data_key);
    ate__recall_init(&s->name_keys, drop_name_key);
    *ret_session = s;
    return 0;
}

struct ate_session *ate__session_ref(struct ate_session *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void ate__session_unref(struct ate_session *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__recall_deinit(&s->data_keys);
    ate__recall_deinit(&s->name_keys);
    for (size_t i = 0; i < atomic_load(&s->key_count); i++)
        ate__key_free(s->keys[i]);
    for (size_t i = 0; i < atomic_load(&s->public_count); i++)
        ate__free(s->publics[i]);
    pthread_mutex_destroy(&s->mutex);
    ate__free(s);
}

static const struct public_key *find_public(const struct ate_session *s,
                                            const struct ate_hash *fingerprint)
{
    size_t count = atomic_load_explicit(&s->public_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++)
        if (ate__hash_equal(&s->publics[i]->fingerprint, fingerprint))
            return s->publics[i];
    return NULL;
}

static int check_room(const struct ate_session *s)
{
    size_t count = atomic_load(&s->key_count) + atomic_load(&s->public_count);
    if (count < ATE__SESSION_KEYS_MAX)
        return 0;
    return ate__fail(ATE_BUSY, "session: it holds %zu keys, which is the most", count);
}

/* Two halves of one key stand beside each other. */
static bool holds_already(const struct ate_session *s, const struct ate__key *key)
{
    size_t count = ate__session_key_count(s);
    for (size_t i = 0; i < count; i++)
        if (ate__hash_equal(&s->keys[i]->fingerprint, &key->fingerprint) &&
            (s->keys[i]->holds == ATE__KEY_ALL || s->keys[i]->holds == key->holds))
            return true;
    return false;
}

int ate__session_add(struct ate_session *s, struct ate__key *take_key)
{
    int rc = 0;
    pthread_mutex_lock(&s->mutex);
    if (!holds_already(s, take_key)) {
        rc = check_room(s);
        if (!rc) {
            size_t count = atomic_load(&s->key_count);
            s->fingerprints[count] = take_key->fingerprint;
            s->keys[count] = ate__steal(&take_key);
            atomic_store_explicit(&s->key_count, count + 1, memory_order_release);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    ate__key_free(take_key);
    return rc;
}

int ate__session_add_public(struct ate_session *s, struct ate_bytes public_key)
{
    return ate__session_add_labelled(s, public_key, "");
}

int ate__session_add_labelled(struct ate_session *s, struct ate_bytes public_key, const char *label)
{
    struct ate__public_parts parts;
    struct ate_hash fingerprint;
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc)
        rc = ate__fingerprint(public_key, &fingerprint);
    if (rc)
        return rc;
    ate__cleanup(ate__freep) struct public_key *p = ate__alloc(sizeof *p + public_key.size);
    if (!p)
        return ate__no_memory();
    p->fingerprint = fingerprint;
    p->size = public_key.size;
    memcpy(p->bytes, public_key.data, public_key.size);
    snprintf(p->label, sizeof p->label, "%s", label);
    pthread_mutex_lock(&s->mutex);
    if (!ate__session_find(s, &fingerprint) && !find_public(s, &fingerprint)) {
        rc = check_room(s);
        if (!rc) {
            size_t count = atomic_load(&s->public_count);
            s->publics[count] = ate__steal(&p);
            atomic_store_explicit(&s->public_count, count + 1, memory_order_release);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

struct ate_bytes ate__session_label(const struct ate_session *s, const struct ate_hash *fingerprint)
{
    const struct ate__key *key = ate__session_find(s, fingerprint);
    const struct public_key *p = key ? NULL : find_public(s, fingerprint);
    return ate__text_bytes(key ? key->label : p ? p->label : "");
}

size_t ate__session_key_count(const struct ate_session *s)
{
    return atomic_load_explicit(&s->key_count, memory_order_acquire);
}

size_t ate__session_lend_fingerprints(const struct ate_session *s,
                                      const struct ate_hash **ret_fingerprints)
{
    *ret_fingerprints = s->fingerprints;
    return ate__session_key_count(s);
}

size_t ate__session_fingerprints(const struct ate_session *s, struct ate_hash *ret_fingerprints,
                                 size_t capacity)
{
    size_t count = 0, privates = ate__session_key_count(s);
    size_t publics = atomic_load_explicit(&s->public_count, memory_order_acquire);
    for (size_t i = 0; i < privates && count < capacity; i++)
        if (ate__session_find(s, &s->keys[i]->fingerprint) == s->keys[i]) /* once for two halves */
            ret_fingerprints[count++] = s->keys[i]->fingerprint;
    for (size_t i = 0; i < publics && count < capacity; i++)
        ret_fingerprints[count++] = s->publics[i]->fingerprint;
    return count;
}

const struct ate__key *ate__session_key(const struct ate_session *s, size_t index)
{
    return index < ate__session_key_count(s) ? s->keys[index] : NULL;
}

const struct ate__key *ate__session_root_key(const struct ate_session *s,
                                             const struct ate__trust *t)
{
    size_t count = s ? ate__session_key_count(s) : 0;
    for (size_t i = 0; i < count; i++)
        if (s->keys[i]->sign_key && ate__trust_is_root(t, &s->keys[i]->fingerprint))
            return s->keys[i];
    return NULL;
}

const struct ate__key *ate__session_find(const struct ate_session *s,
                                         const struct ate_hash *fingerprint)
{
    size_t count = ate__session_key_count(s);
    for (size_t i = 0; i < count; i++)
        if (ate__hash_equal(&s->keys[i]->fingerprint, fingerprint))
            return s->keys[i];
    return NULL;
}

const struct ate__key *ate__session_opener(const struct ate_session *s,
                                           const struct ate_hash *fingerprint)
{
    size_t count = ate__session_key_count(s);
    for (size_t i = 0; i < count; i++)
        if (ate__key_opens(s->keys[i]) && ate__hash_equal(&s->keys[i]->fingerprint, fingerprint))
            return s->keys[i];
    return NULL;
}

int ate__session_public(const struct ate_session *s, const struct ate_hash *fingerprint,
                        struct ate_bytes *ret_public_key)
{
    const struct ate__key *key = ate__session_find(s, fingerprint);
    const struct public_key *p = key ? NULL : find_public(s, fingerprint);
    char text[ATE__HASH_TEXT];
    if (!key && !p)
        return ate__fail(ATE_NOT_FOUND, "session: it does not hold the key %s",
                         ate__hash_text(fingerprint, text));
    *ret_public_key = key ? ate__buf_bytes(&key->public_key) : ate__bytes(p->bytes, p->size);
    return 0;
}

/* ---- data keys ---- */

struct ate__data_key *ate__data_key_ref(struct ate__data_key *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void ate__data_key_unref(struct ate__data_key *k)
{
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__aead_free(k->aead);
    ate__secret_free(k); /* wipes d */
}

/* ---- what was opened ---- */

struct ate__data_key *ate__session_recall_data(struct ate_session *s,
                                               const struct ate__secret_place *place)
{
    pthread_mutex_lock(&s->mutex);
    struct ate__data_key *key = ate__recall_get(&s->data_keys, place);
    if (key)
        ate__data_key_ref(key);
    pthread_mutex_unlock(&s->mutex);
    return key;
}

bool ate__session_recall_name(struct ate_session *s, const struct ate__secret_place *place,
                              struct ate__key32 *ret_name_key)
{
    pthread_mutex_lock(&s->mutex);
    const struct ate__key32 *key = ate__recall_get(&s->name_keys, place);
    if (key)
        *ret_name_key = *key;
    pthread_mutex_unlock(&s->mutex);
    return key;
}

int ate__session_remember_data(struct ate_session *s, const struct ate__secret_place *place,
                               struct ate__data_key *key)
{
    pthread_mutex_lock(&s->mutex);
    int rc = ate__recall_put(&s->data_keys, place, ate__data_key_ref(key));
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

int ate__session_remember_name(struct ate_session *s, const struct ate__secret_place *place,
                               const struct ate__key32 *name_key)
{
    struct ate__key32 *copy = ate__secret_alloc(sizeof *copy);
    if (!copy)
        return ate__no_memory();
    *copy = *name_key;
    pthread_mutex_lock(&s->mutex);
    int rc = ate__recall_put(&s->name_keys, place, copy);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}
