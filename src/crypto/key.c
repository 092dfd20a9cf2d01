/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key.c: public keys; private keys from a seed, and their halves.
 */
#include "crypto/key.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/wr.h"
#include "crypto/digest.h"
#include "crypto/kdf.h"
#include "crypto/sign_form.h"

/* ---- public keys ---- */

static int check_part(const struct ate__algorithm *a, struct ate_bytes part)
{
    ate__cleanup(ate__verify_key_freep) struct ate__verify_key *k = NULL;
    return a->use == ATE__USE_KEM ? ate__kem_check(a->id, part)
                                  : ate__verify_key_new(a->id, part, &k);
}

static int take_part(struct ate__rd *r, struct ate__public_parts *parts, bool check)
{
    unsigned id = ate__rd_u16(r);
    const struct ate__algorithm *a = ate__algorithm(id);
    if (ate__rd_ok(r) && !a)
        return ate__fail(ATE_UNSUPPORTED, "a public key of unknown algorithm 0x%04x", id);
    struct ate_bytes part = ate__rd_bytes32(r, ATE__PUBLIC_KEY_MAX);
    if (!ate__rd_ok(r))
        return ate__fail(ATE_MALFORMED, "a public key ends too early");
    if (parts->kem || (a->use == ATE__USE_SIGN && parts->signature))
        return ate__fail(ATE_MALFORMED, "a public key has its parts twice or out of order");
    if (part.size != a->public_size)
        return ate__fail(ATE_MALFORMED, "a public key of %s has %u bytes, not %zu", a->name,
                         (unsigned)a->public_size, part.size);
    int rc = check ? check_part(a, part) : 0;
    if (rc)
        return rc;
    *(a->use == ATE__USE_KEM ? &parts->kem : &parts->signature) = a;
    *(a->use == ATE__USE_KEM ? &parts->kem_key : &parts->signature_key) = part;
    return 0;
}

static int parse(struct ate_bytes public_key, bool check, struct ate__public_parts *ret_parts)
{
    struct ate__public_parts parts = {.signature = NULL};
    struct ate__rd r = ate__rd_of(public_key);
    do {
        int rc = take_part(&r, &parts, check);
        if (rc)
            return rc;
    } while (ate__rd_left(&r));
    *ret_parts = parts;
    return 0;
}

int ate__public_key_parse(struct ate_bytes public_key, struct ate__public_parts *ret_parts)
{
    return parse(public_key, true, ret_parts);
}

int ate__public_key_split(struct ate_bytes public_key, struct ate__public_parts *ret_parts)
{
    return parse(public_key, false, ret_parts);
}

unsigned ate__public_strength(const struct ate__public_parts *parts)
{
    unsigned bits = parts->signature ? parts->signature->strength : parts->kem->strength;
    return parts->kem && parts->kem->strength < bits ? parts->kem->strength : bits;
}

int ate__fingerprint(struct ate_bytes public_key, struct ate_hash *ret_fingerprint)
{
    return ate__hash(ATE__SHA256, "ate key 1", &public_key, 1, ret_fingerprint);
}

/* ---- labels ---- */

static bool is_control(const uint8_t *p, size_t left)
{
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && left > 1 && p[1] < 0xa0); /* C0 DEL C1 */
}

int ate__key_label_check(struct ate_bytes label)
{
    const uint8_t *p = label.data;
    if (label.size > ATE__KEY_LABEL_MAX)
        return ate__fail(ATE_MALFORMED, "a key's label has at most %d bytes", ATE__KEY_LABEL_MAX);
    if (!ate__utf8_valid(label))
        return ate__fail(ATE_MALFORMED, "a key's label is not UTF-8");
    for (size_t i = 0; i < label.size; i++)
        if (is_control(p + i, label.size - i))
            return ate__fail(ATE_MALFORMED, "a key's label has a control character");
    return 0;
}

/* ---- private keys ---- */

static int derive(const struct ate__key32 *seed, const char *use, struct ate__key32 *ret_key)
{
    return ate__kdf(seed, use, NULL, 0, ret_key);
}

/* Of the curve; Ed448 has more seed than one step of HKDF gives. */
static int derive_eddsa(const struct ate__key32 *seed, size_t size, uint8_t *ret)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 part = {{0}}; /* wiped */
    ate__cleanup(ate__buf_deinit) struct ate__buf info = ATE__BUF_NULL;
    if (size == sizeof part.b) {
        int rc = derive(seed, "ate seed ed25519 1", &part);
        memcpy(ret, part.b, sizeof part.b);
        return rc;
    }
    int rc = ate__frame(&info, "ate seed ed448 1", NULL, 0);
    return rc ? rc : ate__hkdf_expand(seed, ate__buf_bytes(&info), ret, size);
}

static int derive_sign_seeds(const struct ate__sig_form *form, const struct ate__key32 *seed,
                             struct ate__sign_seeds *ret)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 part = {{0}}; /* wiped */
    int rc = derive(seed, "ate seed mldsa 1", &part);
    if (!rc && form->mldsa)
        memcpy(ret->mldsa, part.b, sizeof ret->mldsa);
    if (!rc && form->eddsa)
        rc = derive_eddsa(seed, ate__part_seed_size(form->eddsa), ret->eddsa);
    return rc;
}

struct ate__key_form ate__key_form_of_strength(unsigned bits)
{
    return (struct ate__key_form){ate__signature_of_strength(bits), ate__kem_of_strength(bits)};
}

static int new_key(enum ate__key_holds holds, const char *label, struct ate__key **ret_key)
{
    struct ate_bytes text = label ? ate__text_bytes(label) : ate__bytes(NULL, 0);
    int rc = ate__key_label_check(text);
    if (rc)
        return rc;
    struct ate__key *k = ate__secret_alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    k->holds = holds;
    if (text.size)
        memcpy(k->label, text.data, text.size);
    *ret_key = k;
    return 0;
}

static int derive_all(const struct ate__key_form *form, struct ate__key *k)
{
    int rc = form->kem ? derive(&k->seed, "ate seed kem 1", &k->kem_seed) : 0;
    if (!rc)
        rc = derive(&k->seed, "ate seed read 1", &k->read_key);
    if (!rc && form->signature)
        rc = derive_sign_seeds(form->signature->sig, &k->seed, &k->sign_seeds);
    return rc                ? rc
           : form->signature ? ate__sign_key_new(form->signature->id, &k->sign_seeds, &k->sign_key)
                             : 0;
}

static int write_public(const struct ate__key_form *form, struct ate__key *k)
{
    uint8_t kem_key[ATE__KEM_PUBLIC_MAX];
    struct ate__wr w = ate__wr_of(&k->public_key);
    if (form->signature) {
        ate__wr_u16(&w, form->signature->id);
        ate__wr_bytes32(&w, ate__sign_key_public(k->sign_key));
    }
    if (form->kem) {
        int rc = ate__kem_public(form->kem->id, &k->kem_seed, kem_key);
        if (rc)
            return rc;
        ate__wr_u16(&w, form->kem->id);
        ate__wr_bytes32(&w, ate__bytes(kem_key, form->kem->public_size));
    }
    return ate__wr_end(&w);
}

/* What follows from the public key. */
static int name_key(struct ate__key *k)
{
    int rc = ate__public_key_split(ate__buf_bytes(&k->public_key), &k->parts);
    return rc ? rc : ate__fingerprint(ate__buf_bytes(&k->public_key), &k->fingerprint);
}

int ate__key_make(const struct ate__key_form *form, const struct ate__key32 *seed,
                  const char *label, struct ate__key **ret_key)
{
    ate__cleanup(ate__key_freep) struct ate__key *k = NULL;
    int rc = new_key(ATE__KEY_ALL, label, &k);
    if (rc)
        return rc;
    k->seed = *seed;
    rc = derive_all(form, k);
    if (!rc)
        rc = write_public(form, k);
    if (!rc)
        rc = name_key(k);
    if (!rc)
        *ret_key = ate__steal(&k);
    return rc;
}

int ate__key_of_seed(const struct ate__key32 *seed, const char *label, struct ate__key **ret_key)
{
    struct ate__key_form form = ate__key_form_of_strength(192);
    return ate__key_make(&form, seed, label, ret_key);
}

int ate__key_generate(const struct ate__env *env, const char *label, struct ate__key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed; /* wiped */
    ate__random(env, seed.b, sizeof seed.b);
    return ate__key_of_seed(&seed, label, ret_key);
}

int ate__key_signs(const struct ate__key *k)
{
    char text[ATE__HASH_TEXT];
    if (k->sign_key)
        return 0;
    return ate__fail(ATE_NO_KEY,
                     k->parts.signature ? "the key %s is a half that only reads: it signs nothing"
                                        : "the key %s has no part that signs",
                     ate__hash_text(&k->fingerprint, text));
}

void ate__key_free(struct ate__key *k)
{
    if (!k)
        return;
    ate__sign_key_free(k->sign_key);
    ate__buf_deinit(&k->public_key);
    ate__secret_free(k); /* wipes the keys */
}

/* ---- halves ---- */

static size_t mldsa_seed_size(const struct ate__public_parts *parts)
{
    return parts->signature ? ate__part_seed_size(parts->signature->sig->mldsa) : 0;
}

static size_t eddsa_seed_size(const struct ate__public_parts *parts)
{
    return parts->signature ? ate__part_seed_size(parts->signature->sig->eddsa) : 0;
}

size_t ate__key_secret_size(const struct ate__public_parts *parts, enum ate__key_holds holds)
{
    if (holds == ATE__KEY_WRITES)
        return mldsa_seed_size(parts) + eddsa_seed_size(parts);
    return holds == ATE__KEY_READS && parts->kem ? 64 : 32;
}

size_t ate__key_secret(const struct ate__key *k, enum ate__key_holds holds, uint8_t *ret_secret)
{
    uint8_t *to = ret_secret;
    ate__assert(k->holds == ATE__KEY_ALL || k->holds == holds);
    if (holds == ATE__KEY_ALL) {
        to = mempcpy(to, k->seed.b, sizeof k->seed.b);
    } else if (holds == ATE__KEY_WRITES) {
        to = mempcpy(to, k->sign_seeds.mldsa, mldsa_seed_size(&k->parts));
        to = mempcpy(to, k->sign_seeds.eddsa, eddsa_seed_size(&k->parts));
    } else {
        if (k->parts.kem)
            to = mempcpy(to, k->kem_seed.b, sizeof k->kem_seed.b);
        to = mempcpy(to, k->read_key.b, sizeof k->read_key.b);
    }
    return (size_t)(to - ret_secret);
}

static int not_its_half(void)
{
    return ate__fail(ATE_MALFORMED, "the secret is not the private half of the public key");
}

static int fill_reader(struct ate__key *k, const uint8_t *secret)
{
    uint8_t kem_key[ATE__KEM_PUBLIC_MAX];
    if (k->parts.kem) {
        memcpy(k->kem_seed.b, secret, sizeof k->kem_seed.b);
        secret += sizeof k->kem_seed.b;
    }
    memcpy(k->read_key.b, secret, sizeof k->read_key.b);
    if (!k->parts.kem)
        return 0;
    int rc = ate__kem_public(k->parts.kem->id, &k->kem_seed, kem_key);
    if (rc)
        return rc;
    return ate__secret_equal(kem_key, k->parts.kem_key.data, k->parts.kem_key.size)
               ? 0
               : not_its_half();
}

static int fill_writer(struct ate__key *k, const uint8_t *secret)
{
    size_t mldsa = mldsa_seed_size(&k->parts);
    memcpy(k->sign_seeds.mldsa, secret, mldsa);
    memcpy(k->sign_seeds.eddsa, secret + mldsa, eddsa_seed_size(&k->parts));
    int rc = ate__sign_key_new(k->parts.signature->id, &k->sign_seeds, &k->sign_key);
    if (rc)
        return rc;
    struct ate_bytes made = ate__sign_key_public(k->sign_key); /* of this size: one algorithm */
    return ate__secret_equal(made.data, k->parts.signature_key.data, made.size) ? 0
                                                                                : not_its_half();
}

static int half_of_secret(struct ate_bytes public_key, enum ate__key_holds holds,
                          const uint8_t *secret, const char *label, struct ate__key **ret_key)
{
    ate__cleanup(ate__key_freep) struct ate__key *k = NULL;
    int rc = new_key(holds, label, &k);
    if (!rc)
        rc = ate__buf_append(&k->public_key, public_key);
    if (!rc)
        rc = name_key(k);
    if (!rc)
        rc = holds == ATE__KEY_READS ? fill_reader(k, secret) : fill_writer(k, secret);
    if (!rc)
        *ret_key = ate__steal(&k);
    return rc;
}

static int whole_of_secret(struct ate_bytes public_key, const struct ate__public_parts *parts,
                           const uint8_t *secret, const char *label, struct ate__key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed; /* wiped */
    ate__cleanup(ate__key_freep) struct ate__key *k = NULL;
    struct ate__key_form form = {parts->signature, parts->kem};
    memcpy(seed.b, secret, sizeof seed.b);
    int rc = ate__key_make(&form, &seed, label, &k);
    if (rc)
        return rc;
    if (!ate__bytes_equal(ate__buf_bytes(&k->public_key), public_key))
        return not_its_half();
    *ret_key = ate__steal(&k);
    return 0;
}

int ate__key_of_secret(struct ate_bytes public_key, enum ate__key_holds holds,
                       struct ate_bytes secret, const char *label, struct ate__key **ret_key)
{
    struct ate__public_parts parts;
    int rc = ate__public_key_parse(public_key, &parts);
    if (rc)
        return rc;
    if (holds == ATE__KEY_WRITES && !parts.signature)
        return ate__fail(ATE_MALFORMED, "a half that writes of a key that has no part that signs");
    if (secret.size != ate__key_secret_size(&parts, holds))
        return ate__fail(ATE_MALFORMED, "a secret has %zu bytes, not %zu",
                         ate__key_secret_size(&parts, holds), secret.size);
    return holds == ATE__KEY_ALL ? whole_of_secret(public_key, &parts, secret.data, label, ret_key)
                                 : half_of_secret(public_key, holds, secret.data, label, ret_key);
}
