/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * data_key.c: the constructions around one data key.
 *
 * Every key derived here is of one use and wiped when its function returns.
 */
#include "trust/data_key.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"

static struct ate_bytes id_bytes(const struct ate_id *id)
{
    return ate__bytes(id, sizeof *id);
}

static struct ate_bytes hash_bytes(const struct ate_hash *hash)
{
    return ate__bytes(hash, sizeof *hash);
}

/* HKDF-Expand(key, label; chain id, scope id, u64 epoch[, data key id]) */
static int epoch_kdf(const struct ate__epoch_of *of, const struct ate__key32 *key,
                     const char *label, const struct ate_hash *data_key_id,
                     struct ate__key32 *ret_key)
{
    uint8_t epoch[8];
    ate__store64(epoch, of->epoch);
    struct ate_bytes fields[4] = {hash_bytes(&of->e->chain_id), id_bytes(of->scope),
                                  ate__bytes(epoch, sizeof epoch)};
    if (data_key_id)
        fields[3] = hash_bytes(data_key_id);
    return ate__kdf(key, label, fields, data_key_id ? 4 : 3, ret_key);
}

static int derive(const struct ate__seal_env *e, const struct ate__key32 *d, const char *label,
                  struct ate__key32 *ret_key)
{
    struct ate_bytes chain = hash_bytes(&e->chain_id);
    return ate__kdf(d, label, &chain, 1, ret_key);
}

int ate__data_key_new(const struct ate__seal_env *e, const struct ate__key32 *d,
                      struct ate__data_key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 encryption_key = {{0}};
    ate__cleanup(ate__key32_deinit) struct ate__key32 id = {{0}};
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = ate__secret_alloc(sizeof *key);
    if (!key)
        return ate__no_memory();
    atomic_init(&key->refs, 1);
    key->d = *d;
    int rc = derive(e, d, "ate enc 1", &encryption_key);
    if (!rc)
        rc = derive(e, d, "ate id 1", &id);
    if (!rc)
        rc = ate__aead_new(&encryption_key, &key->aead);
    if (rc)
        return rc;
    memcpy(&key->id, &id, sizeof key->id);
    *ret_key = ate__steal(&key);
    return 0;
}

int ate__data_key_expect(const struct ate__epoch_of *of, const struct ate__key32 *d,
                         const struct ate_hash *data_key_id, const char *how,
                         struct ate__data_key **ret_key)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    int rc = ate__data_key_new(of->e, d, &key);
    if (rc)
        return rc;
    if (!ate__secret_equal(&key->id, data_key_id, sizeof key->id)) {
        char scope[ATE__ID_TEXT];
        return ate__fail(ATE_TAMPERED, "scope %s: %s of epoch %llu opens to another data key",
                         ate__id_text(of->scope, scope), how, (unsigned long long)of->epoch);
    }
    *ret_key = ate__steal(&key);
    return 0;
}

int ate__data_key_seal_public(const struct ate__seal_env *e, const struct ate__data_key *key,
                              uint8_t ret_public[ATE__XWING_PUBLIC])
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed = {{0}};
    int rc = derive(e, &key->d, "ate seal 1", &seed);
    return rc ? rc : ate__xwing_public(&seed, ret_public);
}

/* ---- readers ---- */

/* info and aad of HPKE */
static int seal_frames(const struct ate__epoch_of *of, const struct ate_hash *fingerprint,
                       const struct ate_hash *data_key_id, struct ate__buf *info,
                       struct ate__buf *aad)
{
    uint8_t epoch[8];
    ate__store64(epoch, of->epoch);
    struct ate_bytes where[] = {hash_bytes(&of->e->chain_id), id_bytes(of->scope),
                                ate__bytes(epoch, sizeof epoch)};
    struct ate_bytes what[] = {hash_bytes(fingerprint), hash_bytes(data_key_id)};
    int rc = ate__frame(info, "ate seal 1", where, ATE__COUNT_OF(where));
    return rc ? rc : ate__frame(aad, "ate seal 1", what, ATE__COUNT_OF(what));
}

int ate__data_key_seal(const struct ate__epoch_of *of, const struct ate__data_key *key,
                       const struct ate_hash *fingerprint, const uint8_t kem_key[ATE__XWING_PUBLIC],
                       struct ate__buf *out)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    int rc = seal_frames(of, fingerprint, &key->id, &info, &aad);
    if (rc)
        return rc;
    return ate__hpke_seal(kem_key, of->e->env, ate__buf_bytes(&info), ate__buf_bytes(&aad),
                          ate__bytes(&key->d, sizeof key->d), out);
}

int ate__data_key_wrap(const struct ate__epoch_of *of, const struct ate__data_key *key,
                       const struct ate__key32 *read_key, uint8_t ret_wrapped[ATE__WRAPPED_KEY])
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
    int rc = epoch_kdf(of, read_key, "ate wrap 1", &key->id, &wrapping);
    return rc ? rc : ate__wrap(&wrapping, &key->d, ret_wrapped);
}

int ate__data_key_unseal(const struct ate__epoch_of *of, const struct ate_hash *data_key_id,
                         const struct ate__key *reader, const struct ate__recipient *entry,
                         struct ate__key32 *ret_d)
{
    if (entry->method == ATE__WRAPPED_BY_READ_KEY) {
        ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
        ate__assert(entry->sealed.size == ATE__WRAPPED_KEY);
        int rc = epoch_kdf(of, &reader->read_key, "ate wrap 1", data_key_id, &wrapping);
        return rc ? rc : ate__unwrap(&wrapping, entry->sealed.data, ret_d);
    }
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    int rc = seal_frames(of, &entry->fingerprint, data_key_id, &info, &aad);
    if (rc)
        return rc;
    return ate__hpke_open(&reader->kem_seed, ate__buf_bytes(&info), ate__buf_bytes(&aad),
                          entry->sealed, ret_d->b, sizeof ret_d->b);
}

/* ---- LINK ---- */

int ate__link_make(const struct ate__epoch_of *of, const struct ate__data_key *key,
                   const struct ate__data_key *below, uint8_t ret_link[ATE__LINK_SIZE])
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
    int rc = epoch_kdf(of, &key->d, "ate link 1", NULL, &wrapping);
    return rc ? rc : ate__wrap(&wrapping, &below->d, ret_link);
}

int ate__link_open(const struct ate__epoch_of *of, const struct ate__data_key *key,
                   struct ate_bytes link, struct ate__key32 *ret_d)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
    ate__assert(link.size == ATE__LINK_SIZE);
    int rc = epoch_kdf(of, &key->d, "ate link 1", NULL, &wrapping);
    return rc ? rc : ate__unwrap(&wrapping, link.data, ret_d);
}

/* ---- NAMEKEY ---- */

/* HKDF-Expand(D, "ate name key 1"; chain id, object id, data key id) */
static int name_kdf(const struct ate__seal_env *e, const struct ate__data_key *key,
                    const struct ate_id *object, struct ate__key32 *ret_key)
{
    struct ate_bytes fields[] = {hash_bytes(&e->chain_id), id_bytes(object), hash_bytes(&key->id)};
    return ate__kdf(&key->d, "ate name key 1", fields, ATE__COUNT_OF(fields), ret_key);
}

int ate__name_key_wrap(const struct ate__seal_env *e, const struct ate__data_key *key,
                       const struct ate_id *object, const struct ate__key32 *name_key,
                       uint8_t ret_wrapped[ATE__WRAPPED_KEY])
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
    int rc = name_kdf(e, key, object, &wrapping);
    return rc ? rc : ate__wrap(&wrapping, name_key, ret_wrapped);
}

int ate__name_key_unwrap(const struct ate__seal_env *e, const struct ate__data_key *key,
                         const struct ate_id *object, struct ate_bytes wrapped,
                         struct ate__key32 *ret_name_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
    ate__assert(wrapped.size == ATE__WRAPPED_KEY);
    int rc = name_kdf(e, key, object, &wrapping);
    return rc ? rc : ate__unwrap(&wrapping, wrapped.data, ret_name_key);
}
