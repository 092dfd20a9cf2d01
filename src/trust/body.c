/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * body.c: encrypting and opening the body of an object.
 *
 * The nonce is drawn inside the encryption, the version id here, afresh each time; PREV and base
 * are not bound, so that a rebase of unchanged content keeps the ciphertext.
 */
#include "base/endian.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/wr.h"
#include "trust/seal.h"

/* What a ciphertext is bound to; the epoch's fields stand in conf. */
struct place {
    const struct ate_id *object, *parent;
    struct ate_bytes clear_type;
    uint32_t collection;
};

static int aad_of(const struct ate__seal_env *e, const struct place *place,
                  const struct ate__conf_item *conf, struct ate_hash *ret_aad)
{
    uint8_t collection[4], epoch[8];
    ate__store32(collection, place->collection);
    ate__store64(epoch, conf->epoch);
    struct ate_bytes fields[] = {
        ate__bytes(&e->chain_id, sizeof e->chain_id),
        ate__bytes(place->object, sizeof *place->object),
        place->clear_type,
        ate__bytes(place->parent, sizeof *place->parent),
        ate__bytes(collection, sizeof collection),
        ate__bytes(epoch, sizeof epoch),
        ate__bytes(&conf->data_key_id, sizeof conf->data_key_id),
        ate__bytes(conf->version_id, sizeof conf->version_id),
    };
    return ate__hash(e->alg, "ate aad 1", fields, ATE__COUNT_OF(fields), ret_aad);
}

int ate__body_encrypt(const struct ate__seal_env *e, const struct ate__data_key *key,
                      uint64_t epoch, const struct ate_id *object, struct ate_bytes clear_type,
                      const struct ate_id *parent, uint32_t collection,
                      struct ate_bytes private_items, struct ate_bytes payload,
                      struct ate__conf_item *ret_conf, struct ate__buf *cipher)
{
    if (private_items.size > ATE__BODY_HEADER_MAX || payload.size > ATE__PAYLOAD_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "body: private items of %zu bytes and a payload of %zu; %d and %d are "
                         "the most",
                         private_items.size, payload.size, ATE__BODY_HEADER_MAX, ATE__PAYLOAD_MAX);
    struct ate__conf_item conf = {.epoch = epoch, .data_key_id = key->id};
    struct place place = {object, parent, clear_type, collection};
    ate__cleanup(ate__buf_wipe) struct ate__buf plain = ATE__BUF_NULL;
    struct ate_hash aad;
    ate__random(e->env, conf.version_id, sizeof conf.version_id);
    /* In one piece, so that growing leaves no copy behind. */
    int rc = ate__buf_reserve(&plain, 4 + private_items.size + payload.size);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&plain);
    ate__wr_bytes32(&w, private_items);
    ate__wr_bytes(&w, payload);
    rc = ate__wr_end(&w);
    if (!rc)
        rc = aad_of(e, &place, &conf, &aad);
    if (!rc)
        rc = ate__aead_encrypt(key->aead, e->env, ate__bytes(&aad, sizeof aad),
                               ate__buf_bytes(&plain), conf.nonce, cipher);
    if (!rc)
        *ret_conf = conf;
    return rc;
}

static int decrypt(const struct ate__seal_env *e, const struct ate__data_key *key,
                   const struct ate__event *event, struct ate__buf *plain)
{
    const struct ate__header *h = &event->header;
    struct place place = {&h->object, &h->parent, h->type, h->collection};
    struct ate_hash aad;
    if (!ate__secret_equal(&h->conf.data_key_id, &key->id, sizeof key->id))
        return ate__fail(ATE_TAMPERED, "it names another data key");
    int rc = aad_of(e, &place, &h->conf, &aad);
    if (rc)
        return rc;
    rc = ate__aead_decrypt(key->aead, h->conf.nonce, ate__bytes(&aad, sizeof aad), event->payload,
                           plain);
    return rc == ATE_TAMPERED ? ate__fail(rc, "the ciphertext is not this object's, or was changed")
                              : rc;
}

/* From `start` on: u32 length of the private items, the items, the payload. */
static int split(const struct ate__event *event, const struct ate__buf *plain, size_t start,
                 struct ate__header *ret_private, struct ate_bytes *ret_payload)
{
    struct ate__header items;
    struct ate__rd r = ate__rd_of(ate__buf_bytes(plain));
    (void)ate__rd_bytes(&r, start);
    struct ate_bytes list = ate__rd_bytes32(&r, ATE__BODY_HEADER_MAX);
    if (!ate__rd_ok(&r))
        return ate__fail(ATE_MALFORMED, "the private items end behind the plaintext");
    int rc = ate__private_items_decode(list, &items);
    if (!rc)
        rc = ate__private_items_check(&event->header, &items);
    if (rc)
        return rc;
    *ret_private = items;
    *ret_payload = ate__rd_bytes(&r, ate__rd_left(&r));
    return 0;
}

int ate__body_decrypt(const struct ate__seal_env *e, const struct ate__data_key *key,
                      const struct ate__event *event, struct ate__buf *plain,
                      struct ate__header *ret_private, struct ate_bytes *ret_payload)
{
    char id[ATE__ID_TEXT];
    size_t start = plain->size;
    int rc;
    if (event->form == ATE__STRIPPED)
        rc = ate__fail(ATE_NOT_LOCAL, "its payload was left out");
    else if (event->form != ATE__CIPHER)
        rc = ate__fail(ATE_MALFORMED, "its body is not encrypted");
    else
        rc = decrypt(e, key, event, plain);
    if (!rc)
        rc = split(event, plain, start, ret_private, ret_payload);
    if (rc && plain->size > start) {
        ate__wipe(plain->data + start, plain->size - start);
        plain->size = start;
    }
    return rc ? ate__context(rc, "object %s", ate__id_text(&event->header.object, id)) : 0;
}
