/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * header_wr.c: writing item lists. What an item holds is checked when the transaction is encoded.
 */
#include "base/assert.h"
#include "event/header.h"

struct ate__header_wr ate__header_wr_of(struct ate__buf *buf)
{
    return (struct ate__header_wr){ate__wr_of(buf), -1};
}

static void begin_item(struct ate__header_wr *w, unsigned tag, size_t size)
{
    ate__assert((int)tag > w->last_tag && tag <= UINT16_MAX);
    w->last_tag = (int)tag;
    ate__wr_u16(&w->w, (uint16_t)tag);
    ate__wr_varint(&w->w, size);
}

void ate__header_item(struct ate__header_wr *w, unsigned tag, struct ate_bytes bytes)
{
    begin_item(w, tag, bytes.size);
    ate__wr_bytes(&w->w, bytes);
}

void ate__header_parent(struct ate__header_wr *w, const struct ate_id *parent, uint32_t collection)
{
    begin_item(w, ATE__TAG_PARENT, sizeof parent->b + 4);
    ate__wr_id(&w->w, parent);
    ate__wr_u32(&w->w, collection);
}

void ate__header_conf(struct ate__header_wr *w, const struct ate__conf_item *conf)
{
    begin_item(w, ATE__TAG_CONF, ATE__CONF_SIZE);
    ate__wr_u64(&w->w, conf->epoch);
    ate__wr_hash(&w->w, &conf->data_key_id);
    ate__wr_copy(&w->w, conf->version_id, sizeof conf->version_id);
    ate__wr_copy(&w->w, conf->nonce, sizeof conf->nonce);
}

void ate__header_auth(struct ate__header_wr *w, const struct ate__auth *auth)
{
    size_t size = ATE__RIGHTS;
    for (int i = 0; i < ATE__RIGHTS; i++)
        if (auth->rule[i].who == ATE__RULE_ANY_OF)
            size += 4 + 32 * (size_t)auth->rule[i].count;
    begin_item(w, ATE__TAG_AUTH, size);
    for (int i = 0; i < ATE__RIGHTS; i++) {
        const struct ate__rule *rule = &auth->rule[i];
        ate__wr_u8(&w->w, rule->who);
        if (rule->who != ATE__RULE_ANY_OF)
            continue;
        ate__wr_u32(&w->w, rule->count);
        ate__wr_copy(&w->w, rule->keys, 32 * (size_t)rule->count);
    }
}

void ate__header_sealed(struct ate__header_wr *w, const struct ate__sealed_item *sealed)
{
    begin_item(w, ATE__TAG_SEALED, 32 + sealed->sealed.size);
    ate__wr_hash(&w->w, &sealed->epoch_key_id);
    ate__wr_bytes(&w->w, sealed->sealed);
}

void ate__header_epoch(struct ate__header_wr *w, const struct ate__epoch_item *epoch)
{
    begin_item(w, ATE__TAG_EPOCH, 8 + 32 + 2 + epoch->seal_public.size);
    ate__wr_u64(&w->w, epoch->epoch);
    ate__wr_hash(&w->w, &epoch->data_key_id);
    ate__wr_u16(&w->w, epoch->kem);
    ate__wr_bytes(&w->w, epoch->seal_public);
}

void ate__header_recipients(struct ate__header_wr *w, const struct ate__recipient *recipients,
                            uint32_t count)
{
    size_t size = 4;
    for (uint32_t i = 0; i < count; i++)
        size += 32 + 1 + 4 + recipients[i].sealed.size + 4 + recipients[i].label.size;
    begin_item(w, ATE__TAG_RECIPIENTS, size);
    ate__wr_u32(&w->w, count);
    for (uint32_t i = 0; i < count; i++) {
        ate__wr_hash(&w->w, &recipients[i].fingerprint);
        ate__wr_u8(&w->w, recipients[i].method);
        ate__wr_bytes32(&w->w, recipients[i].sealed);
        ate__wr_bytes32(&w->w, recipients[i].label);
    }
}

void ate__header_keys(struct ate__header_wr *w, enum ate__tag tag,
                      const struct ate__root_change *changes, uint32_t count)
{
    size_t size = 4;
    for (uint32_t i = 0; i < count; i++)
        size += changes[i].key.size + (changes[i].op == ATE__ROOT_ADD ? 1 + 4 : 1);
    begin_item(w, tag, size);
    ate__wr_u32(&w->w, count);
    for (uint32_t i = 0; i < count; i++) {
        ate__wr_u8(&w->w, changes[i].op);
        if (changes[i].op == ATE__ROOT_ADD)
            ate__wr_bytes32(&w->w, changes[i].key);
        else
            ate__wr_bytes(&w->w, changes[i].key);
    }
}

void ate__header_snapshot(struct ate__header_wr *w, const struct ate__snapshot_item *snapshot)
{
    begin_item(w, ATE__TAG_SNAPSHOT, ATE__SNAPSHOT_SIZE);
    ate__wr_u64(&w->w, snapshot->size);
    ate__wr_hash(&w->w, &snapshot->root);
    ate__wr_hash(&w->w, &snapshot->state_root);
}

void ate__header_reset(struct ate__header_wr *w, const struct ate__reset_item *reset)
{
    begin_item(w, ATE__TAG_RESET, ATE__RESET_SIZE_MIN + reset->text.size);
    ate__wr_u64(&w->w, reset->old_size);
    ate__wr_hash(&w->w, &reset->old_root);
    ate__wr_u64(&w->w, reset->size);
    ate__wr_hash(&w->w, &reset->root);
    ate__wr_u8(&w->w, reset->reason);
    ate__wr_bytes(&w->w, reset->text);
}

void ate__header_came_from(struct ate__header_wr *w, struct ate_bytes ids)
{
    begin_item(w, ATE__TAG_CAME_FROM, 4 + ids.size);
    ate__wr_u32(&w->w, (uint32_t)(ids.size / sizeof(struct ate_id)));
    ate__wr_bytes(&w->w, ids);
}

void ate__header_namekey(struct ate__header_wr *w, const struct ate__namekey_item *namekey)
{
    begin_item(w, ATE__TAG_NAMEKEY, namekey->bytes.size + (namekey->wrapped ? 1 + 32 : 1));
    ate__wr_u8(&w->w, namekey->wrapped);
    if (namekey->wrapped)
        ate__wr_hash(&w->w, &namekey->data_key_id);
    ate__wr_bytes(&w->w, namekey->bytes);
}

void ate__header_user(struct ate__header_wr *w, struct ate_bytes user_items)
{
    if (!user_items.size)
        return;
    ate__assert(w->last_tag < ATE__TAG_OPTIONAL);
    w->last_tag = UINT16_MAX;
    ate__wr_bytes(&w->w, user_items);
}

int ate__header_end(struct ate__header_wr *w)
{
    return ate__wr_end(&w->w);
}
