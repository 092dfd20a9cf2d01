/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/destruction.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/wr.h"
#include "crypto/digest.h"

static const char magic[] = "ate destroyed 1\n";
enum { MAGIC = sizeof magic - 1, MAGIC_WORDS = 14 /* in front of the version */ };

static struct ate_bytes context(void)
{
    return ate__text_bytes("ate/destroyed/1");
}

/* What is signed, of all that stands in front of the signature. */
static int message_of(struct ate_bytes said, struct ate_hash *ret_message)
{
    return ate__hash(ATE__SHA256, "ate destroyed 1", &said, 1, ret_message);
}

static int write_said(const struct ate__destruction *d, struct ate_bytes public_key,
                      struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_copy(&w, magic, MAGIC);
    ate__wr_hash(&w, &d->chain_id);
    ate__wr_u64(&w, d->size);
    ate__wr_hash(&w, &d->root);
    ate__wr_u64(&w, d->time_us);
    ate__wr_bytes32(&w, d->name);
    ate__wr_bytes32(&w, public_key);
    return ate__wr_end(&w);
}

int ate__destruction_make(const struct ate__destruction *d, const struct ate__key *key,
                          struct ate__buf *buf)
{
    uint8_t signature[ATE__SIG_SIZE];
    struct ate_hash message;
    size_t begin = buf->size;
    int rc = write_said(d, ate__buf_bytes(&key->public_key), buf);
    if (!rc)
        rc = message_of(ate__bytes(buf->data + begin, buf->size - begin), &message);
    if (!rc)
        rc = ate__sign(key->sign_key, context(), ate__bytes(&message, sizeof message), signature);
    if (!rc)
        rc = ate__buf_append(buf, ate__bytes(signature, sizeof signature));
    if (rc)
        buf->size = begin;
    return rc;
}

static int check_signature(struct ate_bytes said, struct ate_bytes public_key,
                           struct ate_bytes signature)
{
    struct ate__public_parts parts;
    struct ate__verify_key *key;
    struct ate_hash message;
    int rc = ate__public_key_parse(public_key, &parts);
    if (!rc && !parts.signature_key.size)
        rc = ate__fail(ATE_MALFORMED, "its key signs nothing");
    if (!rc)
        rc = message_of(said, &message);
    if (!rc)
        rc = ate__verify_key_new(parts.signature_key, &key);
    if (rc)
        return rc;
    rc = ate__verify(key, context(), ate__bytes(&message, sizeof message), signature);
    ate__verify_key_free(key);
    return rc == ATE_TAMPERED ? ate__fail(rc, "its signature does not hold") : rc;
}

int ate__destruction_read(struct ate_bytes bytes, struct ate__destruction *ret_destruction)
{
    struct ate__rd r = ate__rd_of(bytes);
    struct ate__destruction d = {.size = 0};
    struct ate_bytes begin = ate__rd_bytes(&r, MAGIC);
    bool ours = begin.size == MAGIC && !memcmp(begin.data, magic, MAGIC_WORDS);
    if (ours && memcmp(begin.data, magic, MAGIC) != 0)
        return ate__fail(ATE_UNSUPPORTED, "a statement of a newer version");
    d.chain_id = ate__rd_hash(&r);
    d.size = ate__rd_u64(&r);
    d.root = ate__rd_hash(&r);
    d.time_us = ate__rd_u64(&r);
    d.name = ate__rd_bytes32(&r, ATE__CHAIN_NAME_MAX);
    d.public_key = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX);
    struct ate_bytes said = ate__bytes(bytes.data, r.at);
    struct ate_bytes signature = ate__rd_bytes(&r, ATE__SIG_SIZE);
    if (!ours || !ate__rd_end(&r))
        return ate__fail(ATE_MALFORMED, "no statement of a destroyed chain");
    int rc = ate__chain_name_check(d.name);
    if (!rc)
        rc = check_signature(said, d.public_key, signature);
    if (!rc)
        rc = ate__fingerprint(d.public_key, &d.key);
    if (!rc)
        *ret_destruction = d;
    return rc;
}
