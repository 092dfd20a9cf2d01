/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/destruction.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/wr.h"
#include "crypto/digest.h"

enum { MAGIC = 16, MAGIC_WORDS = 14 /* in front of the version */ };

struct form {
    const char *magic, *context, *label;
    bool at_server;
};
static const struct form forms[] = {
    {"ate destroyed 1\n", "ate/destroyed/1", "ate destroyed 1", false},
    {"ate destroyed 2\n", "ate/destroyed/2", "ate destroyed 2", true},
};

/* What is signed, of all that stands in front of the signature. */
static int message_of(const struct form *form, struct ate_bytes said, struct ate_hash *ret_message)
{
    return ate__hash(ATE__SHA256, form->label, &said, 1, ret_message);
}

static int write_said(const struct form *form, const struct ate__destruction *d,
                      struct ate_bytes public_key, struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_copy(&w, form->magic, MAGIC);
    ate__wr_hash(&w, &d->chain_id);
    ate__wr_u64(&w, d->size);
    ate__wr_hash(&w, &d->root);
    ate__wr_u64(&w, d->time_us);
    ate__wr_bytes32(&w, d->name);
    ate__wr_bytes32(&w, public_key);
    if (form->at_server) {
        ate__wr_hash(&w, &d->pin);
        ate__wr_hash(&w, &d->nonce);
        ate__wr_bytes32(&w, d->genesis);
    }
    return ate__wr_end(&w);
}

int ate__destruction_make(const struct ate__destruction *d, const struct ate__key *key,
                          struct ate__buf *buf)
{
    uint8_t signature[ATE__SIG_SIZE_MAX];
    struct ate_hash message;
    const struct form *form = &forms[d->genesis.size > 0];
    size_t begin = buf->size;
    int rc = ate__key_signs(key);
    if (!rc)
        rc = write_said(form, d, ate__buf_bytes(&key->public_key), buf);
    if (!rc)
        rc = message_of(form, ate__bytes(buf->data + begin, buf->size - begin), &message);
    if (!rc)
        rc = ate__sign(key->sign_key, ate__text_bytes(form->context),
                       ate__bytes(&message, sizeof message), signature);
    if (!rc)
        rc = ate__buf_append(buf, ate__bytes(signature, key->parts.signature->made_size));
    if (rc)
        buf->size = begin;
    return rc;
}

static int check_signature(const struct form *form, struct ate_bytes said,
                           struct ate_bytes public_key, struct ate_bytes signature)
{
    struct ate__public_parts parts;
    struct ate__verify_key *key;
    struct ate_hash message;
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc)
        rc = message_of(form, said, &message);
    if (!rc)
        rc = ate__verify_key_new(parts.signature->id, parts.signature_key, &key);
    if (rc)
        return rc;
    rc = ate__verify(key, ate__text_bytes(form->context), ate__bytes(&message, sizeof message),
                     signature);
    ate__verify_key_free(key);
    return rc == ATE_TAMPERED ? ate__fail(rc, "its signature does not hold") : rc;
}

/* Errors: UNSUPPORTED: of a newer version; MALFORMED: nothing of the kind. */
static int find_form(struct ate_bytes magic, const struct form **ret_form)
{
    for (size_t i = 0; magic.size == MAGIC && i < ATE__COUNT_OF(forms); i++)
        if (!memcmp(magic.data, forms[i].magic, MAGIC)) {
            *ret_form = &forms[i];
            return 0;
        }
    if (magic.size == MAGIC && !memcmp(magic.data, forms[0].magic, MAGIC_WORDS))
        return ate__fail(ATE_UNSUPPORTED, "a statement of a newer version");
    return ate__fail(ATE_MALFORMED, "no statement of a destroyed chain");
}

/* Bytes, as its key says. */
static int signature_size(struct ate_bytes public_key, size_t *ret_size)
{
    struct ate__public_parts parts;
    int rc = ate__public_key_split(public_key, &parts);
    if (!rc && !parts.signature)
        rc = ate__fail(ATE_MALFORMED, "its key signs nothing");
    if (!rc)
        *ret_size = parts.signature->made_size;
    return rc;
}

int ate__destruction_read(struct ate_bytes bytes, struct ate__destruction *ret_destruction)
{
    struct ate__rd r = ate__rd_of(bytes);
    struct ate__destruction d = {.size = 0};
    const struct form *form = NULL;
    size_t size = 0;
    int rc = find_form(ate__rd_bytes(&r, MAGIC), &form);
    if (rc)
        return rc;
    d.chain_id = ate__rd_hash(&r);
    d.size = ate__rd_u64(&r);
    d.root = ate__rd_hash(&r);
    d.time_us = ate__rd_u64(&r);
    d.name = ate__rd_bytes32(&r, ATE__CHAIN_NAME_MAX);
    d.public_key = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX);
    if (form->at_server) {
        d.pin = ate__rd_hash(&r);
        d.nonce = ate__rd_hash(&r);
        d.genesis = ate__rd_bytes32(&r, ATE__TX_SIZE_MAX);
    }
    struct ate_bytes said = ate__bytes(bytes.data, r.at);
    rc = ate__rd_ok(&r) ? signature_size(d.public_key, &size) : 0;
    if (rc)
        return rc;
    struct ate_bytes signature = ate__rd_bytes(&r, size);
    if (!ate__rd_end(&r) || (form->at_server && !d.genesis.size))
        return ate__fail(ATE_MALFORMED, "no statement of a destroyed chain");
    rc = ate__chain_name_check(d.name);
    if (!rc)
        rc = check_signature(form, said, d.public_key, signature);
    if (!rc)
        rc = ate__fingerprint(d.public_key, &d.key);
    if (!rc)
        *ret_destruction = d;
    return rc;
}

int ate__destruction_trust(const struct ate__env *env, const struct ate__destruction *d,
                           struct ate__trust **ret_trust)
{
    struct ate__trust *trust = NULL;
    enum ate__hash_alg alg;
    struct ate__tx tx = {0};
    int rc = ate__tx_genesis_alg(d->genesis, &alg);
    if (!rc)
        rc = ate__tx_decode(d->genesis, alg, &tx);
    if (!rc)
        rc = ate__trust_new(env, &tx, &trust);
    ate__tx_deinit(&tx);
    if (!rc && !ate__hash_equal(ate__trust_chain_id(trust), &d->chain_id))
        rc = ate__fail(ATE_WRONG_CHAIN, "the transaction 0 beside it is that of another chain");
    if (rc)
        ate__trust_free(trust);
    else
        *ret_trust = trust;
    return rc;
}
