/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * name.c: names, their tags, and the name keys behind private tags.
 */
#include "base/err.h"
#include "base/text.h"
#include "trust/data_key.h"

static const char tag_label[] = "ate open name 1"; /* both tags are made over the same frame */

int ate__name_check(struct ate_bytes name)
{
    if (!name.size)
        return ate__fail(ATE_MALFORMED, "name: empty");
    if (name.size > ATE__NAME_MAX)
        return ate__fail(ATE_MALFORMED, "name: %zu bytes; %d are the most", name.size,
                         ATE__NAME_MAX);
    if (memchr(name.data, '/', name.size) || memchr(name.data, 0, name.size))
        return ate__fail(ATE_MALFORMED, "name: it holds a '/' or a zero byte");
    if (ate__bytes_equal(name, ate__text_bytes(".")) ||
        ate__bytes_equal(name, ate__text_bytes("..")))
        return ate__fail(ATE_MALFORMED, "name: \".\" and \"..\" name no object");
    return 0;
}

int ate__name_tag_open(enum ate__hash_alg alg, const struct ate_id *parent, struct ate_bytes name,
                       uint8_t ret_tag[ATE__NAME_TAG])
{
    struct ate_bytes fields[] = {ate__bytes(parent, sizeof *parent), name};
    struct ate_hash hash;
    int rc = ate__hash(alg, tag_label, fields, ATE__COUNT_OF(fields), &hash);
    if (!rc)
        memcpy(ret_tag, hash.b, ATE__NAME_TAG);
    return rc;
}

int ate__name_tag_private(const struct ate__key32 *name_key, const struct ate_id *parent,
                          struct ate_bytes name, uint8_t ret_tag[ATE__NAME_TAG])
{
    struct ate_bytes fields[] = {ate__bytes(parent, sizeof *parent), name};
    struct ate_hash hash;
    int rc = ate__hmac(ate__bytes(name_key, sizeof *name_key), tag_label, fields,
                       ATE__COUNT_OF(fields), &hash);
    if (!rc)
        memcpy(ret_tag, hash.b, ATE__NAME_TAG);
    return rc;
}

int ate__name_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__control *namer, const struct ate__control *scope_control,
                       struct ate__key32 *ret_name_key)
{
    const struct ate__namekey_item *item = &namer->header.namekey;
    if (!item->wrapped) {
        memcpy(ret_name_key, item->bytes.data, sizeof *ret_name_key);
        return 0;
    }
    struct ate__secret_place place = {e->chain_id, item->data_key_id, namer->object};
    if (ate__session_recall_name(s, &place, ret_name_key))
        return 0;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    char object[ATE__ID_TEXT];
    int rc = ate__data_key_open(e, s, scope_control, &item->data_key_id, &key);
    if (rc)
        return ate__context(rc, "name key of %s", ate__id_text(&namer->object, object));
    rc = ate__name_key_unwrap(e, key, &namer->object, item->bytes, &name_key);
    if (rc == ATE_NO_KEY)
        return ate__fail(ATE_TAMPERED, "name key of %s: its data key does not open it",
                         ate__id_text(&namer->object, object));
    if (!rc)
        rc = ate__session_remember_name(s, &place, &name_key);
    if (!rc)
        *ret_name_key = name_key;
    return rc;
}
