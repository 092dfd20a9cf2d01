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
#include "crypto/hpke.h"

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

int ate__data_key_id(const struct ate__seal_env *e, struct ate_bytes d, struct ate_hash *ret_id)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key, id = {{0}};
    ate__assert(d.size == sizeof key);
    memcpy(&key, d.data, sizeof key);
    int rc = derive(e, &key, "ate id 1", &id);
    if (!rc)
        memcpy(ret_id, &id, sizeof *ret_id);
    return rc;
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
                              unsigned kem, uint8_t *ret_public)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed = {{0}};
    int rc = derive(e, &key->d, "ate seal 1", &seed);
    return rc ? rc : ate__kem_public(kem, &seed, ret_public);
}

int ate__data_key_published(const struct ate__epoch_of *of, const struct ate_hash *data_key_id,
                            struct ate_bytes published, struct ate__data_key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 d;
    ate__assert(published.size == sizeof d);
    memcpy(&d, published.data, sizeof d);
    return ate__data_key_expect(of, &d, data_key_id, "PUBLISHED", ret_key);
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
                       const struct ate_hash *fingerprint, const struct ate__public_parts *parts,
                       struct ate__buf *out)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    int rc = seal_frames(of, fingerprint, &key->id, &info, &aad);
    if (rc)
        return rc;
    return ate__hpke_seal(parts->kem->id, parts->kem_key, of->e->env, ate__buf_bytes(&info),
                          ate__buf_bytes(&aad), ate__bytes(&key->d, sizeof key->d), out);
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
    char text[ATE__HASH_TEXT];
    if (!ate__key_opens(reader))
        return ate__fail(ATE_NO_KEY, "the key %s is a half that only writes: it opens nothing",
                         ate__hash_text(&reader->fingerprint, text));
    if (entry->method == ATE__WRAPPED_BY_READ_KEY) {
        ate__cleanup(ate__key32_deinit) struct ate__key32 wrapping = {{0}};
        ate__assert(entry->sealed.size == ATE__WRAPPED_KEY);
        int rc = epoch_kdf(of, &reader->read_key, "ate wrap 1", data_key_id, &wrapping);
        return rc ? rc : ate__unwrap(&wrapping, entry->sealed.data, ret_d);
    }
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    if (!reader->parts.kem)
        return ate__fail(ATE_NO_KEY, "the key %s has no part to seal to",
                         ate__hash_text(&reader->fingerprint, text));
    int rc = seal_frames(of, &entry->fingerprint, data_key_id, &info, &aad);
    if (rc)
        return rc;
    return ate__hpke_open(reader->parts.kem->id, &reader->kem_seed, ate__buf_bytes(&info),
                          ate__buf_bytes(&aad), entry->sealed, ret_d->b, sizeof ret_d->b);
}

int ate__sealed_open(const struct ate__epoch_of *of, const struct ate__data_key *epoch,
                     const struct ate_hash *data_key_id, struct ate_bytes sealed,
                     struct ate__key32 *ret_d)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed = {{0}};
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    int rc = seal_frames(of, &epoch->id, data_key_id, &info, &aad);
    if (!rc)
        rc = derive(of->e, &epoch->d, "ate seal 1", &seed);
    if (!rc)
        rc = ate__hpke_open(ate__hpke_kem_of_size(sealed.size, sizeof ret_d->b), &seed,
                            ate__buf_bytes(&info), ate__buf_bytes(&aad), sealed, ret_d->b,
                            sizeof ret_d->b);
    return rc == ATE_NO_KEY ? ate__fail(ATE_TAMPERED, "SEALED does not open for its epoch") : rc;
}

/* ---- labels ---- */

/* H("ate label 1", chain id, scope id, u64 epoch, data key id, fingerprint) */
static int label_aad(const struct ate__epoch_of *of, const struct ate__data_key *key,
                     const struct ate_hash *fingerprint, struct ate_hash *ret_aad)
{
    uint8_t epoch[8];
    ate__store64(epoch, of->epoch);
    struct ate_bytes fields[] = {hash_bytes(&of->e->chain_id), id_bytes(of->scope),
                                 ate__bytes(epoch, sizeof epoch), hash_bytes(&key->id),
                                 hash_bytes(fingerprint)};
    return ate__hash(of->e->alg, "ate label 1", fields, ATE__COUNT_OF(fields), ret_aad);
}

int ate__label_seal(const struct ate__epoch_of *of, const struct ate__data_key *key,
                    const struct ate_hash *fingerprint, struct ate_bytes text, struct ate__buf *out)
{
    static const uint8_t room[ATE__AEAD_NONCE] = {0};
    uint8_t nonce[ATE__AEAD_NONCE];
    struct ate_hash aad;
    size_t start = out->size;
    int rc = label_aad(of, key, fingerprint, &aad);
    if (!rc)
        rc = ate__buf_append(out, ate__bytes(room, sizeof room));
    if (!rc)
        rc = ate__aead_encrypt(key->aead, of->e->env, ate__bytes(&aad, sizeof aad), text, nonce,
                               out);
    if (!rc)
        memcpy(out->data + start, nonce, sizeof nonce);
    return rc;
}

int ate__label_open(const struct ate__epoch_of *of, const struct ate__data_key *key,
                    const struct ate__recipient *entry, struct ate__buf *out)
{
    struct ate_bytes label = entry->label;
    struct ate_hash aad;
    if (label.size < ATE__AEAD_NONCE + ATE__AEAD_TAG)
        return ate__fail(ATE_TAMPERED, "a label of %zu bytes", label.size);
    int rc = label_aad(of, key, &entry->fingerprint, &aad);
    if (rc)
        return rc;
    struct ate_bytes cipher =
        ate__bytes(label.data + ATE__AEAD_NONCE, label.size - ATE__AEAD_NONCE);
    size_t start = out->size;
    rc = ate__aead_decrypt(key->aead, label.data, ate__bytes(&aad, sizeof aad), cipher, out);
    if (rc)
        return rc;
    if (!ate__key_label_check(ate__bytes(out->data + start, out->size - start)))
        return 0;
    out->size = start; /* whoever let the reader in wrote it, and may have written anything */
    return ate__fail(ATE_TAMPERED, "a label that is none");
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
