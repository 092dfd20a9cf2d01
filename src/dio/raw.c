/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * raw.c: objects without a table: payloads as they are, names as bytes.
 */
#include "ate/type.h"
#include "base/text.h"
#include "dio/objects.h"
#include "dio/txn.h"

const struct ate_id ate_top;

static int new_body(const struct ate_object *object, unsigned flags, struct ate__new_body *ret_body)
{
    enum ate__encoding encoding = ATE__MSGPACK;
    int rc = object->encoding ? ate__encoding_parse(object->encoding, &encoding) : 0;
    if (!rc && !object->type)
        rc = ate__fail(ATE_MISUSE, "object: it needs a type");
    if (!rc)
        rc = ate__codec_check(object->payload, encoding);
    if (!rc)
        *ret_body = (struct ate__new_body){object->type, object->payload, (uint8_t)encoding,
                                           (flags & ATE_PUBLIC) != 0};
    return rc;
}

int ate_store_raw(struct ate_txn *t, const struct ate_object *object, unsigned flags,
                  struct ate_id *ret_id)
{
    const struct ate_place place = {object->parent, object->collection};
    struct ate__new_body body;
    if (flags & ~(unsigned)ATE_PUBLIC)
        return ate__fail(ATE_MISUSE, "store: unknown flags");
    int rc = ate__txn_write(t);
    if (!rc)
        rc = new_body(object, flags, &body);
    if (!rc && object->name.size)
        rc = ate__object_name_free(t, &place, object->name);
    if (rc)
        return rc;
    struct ate_id id = ate__object_new_id(t);
    rc = ate__object_create(t, &id, &place, object->name, &body);
    if (!rc && ret_id)
        *ret_id = id;
    return rc;
}

static int replace(struct ate_txn *t, const struct ate_id *id, struct ate_bytes name,
                   const struct ate__new_body *body)
{
    ate__cleanup(ate__body_deinit) struct ate__body old = {0};
    int rc = ate__txn_body(t, id, ATE__BODY_NAME, &old);
    return rc ? rc : ate__object_replace(t, id, name, &old, body);
}

/* The object of that name, else a new one; without a name the one of that id. */
static int find_or_make_id(struct ate_txn *t, const struct ate_object *object,
                           const struct ate_place *place, struct ate_id *ret_id, bool *ret_exists)
{
    struct ate__object_facts facts;
    int rc;
    if (!object->name.size) {
        rc = ate__txn_object(t, &object->id, &facts);
        if (rc)
            return rc;
        *ret_id = object->id;
        *ret_exists = facts.live;
        return 0;
    }
    rc = ate__txn_child(t, place, object->name, ret_id);
    if (rc == ATE_NOT_FOUND)
        *ret_id = ate__object_new_id(t);
    *ret_exists = !rc;
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate_put_raw(struct ate_txn *t, const struct ate_object *object, unsigned flags,
                struct ate_id *ret_id)
{
    const struct ate_place place = {object->parent, object->collection};
    struct ate__new_body body;
    struct ate_id id;
    bool exists;
    if (flags & ~(unsigned)(ATE_PUBLIC | ATE_ABSENT))
        return ate__fail(ATE_MISUSE, "put: unknown flags");
    int rc = ate__txn_write(t);
    if (!rc)
        rc = new_body(object, flags, &body);
    if (!rc)
        rc = find_or_make_id(t, object, &place, &id, &exists);
    if (rc)
        return rc;
    if (exists && flags & ATE_ABSENT)
        return ate__fail(ATE_EXISTS, "the object is there already");
    rc = exists ? replace(t, &id, object->name, &body)
                : ate__object_create(t, &id, &place, object->name, &body);
    if (!rc && ret_id)
        *ret_id = id;
    return rc;
}

/* ---- loading ---- */

/* One block that holds all the strings, lent by the transaction. */
static int lend_body(struct ate_txn *t, struct ate__body *b, unsigned flags,
                     struct ate_object *object)
{
    size_t payload = flags & ATE_NO_PAYLOAD ? 0 : b->payload.size;
    size_t authors = b->authors.count * sizeof(struct ate_hash);
    uint8_t *block = ate__alloc(authors + payload + b->name.size + b->type.size + 2);
    if (!block)
        return ate__no_memory();
    uint8_t *at = block;
    object->author_count = b->authors.count;
    if (authors)
        object->authors = memcpy(at, b->authors.fingerprint, authors);
    at += authors;
    if (payload)
        memcpy(at, b->payload.data, payload);
    object->payload = ate__bytes(at, payload);
    at += payload;
    if (b->name.size)
        memcpy(at, b->name.data, b->name.size);
    object->name = ate__bytes(at, b->name.size);
    at += b->name.size + 1;
    if (b->type.size) {
        memcpy(at, b->type.data, b->type.size);
        object->type = (const char *)at;
    }
    return ate__txn_lend(t, block);
}

static int load_raw(struct ate_txn *t, const struct ate_id *id, unsigned flags,
                    struct ate_object *ret_object)
{
    ate__cleanup(ate__body_deinit) struct ate__body b = {0};
    struct ate__object_facts facts;
    if (flags & ~(unsigned)(ATE_NO_PAYLOAD | ATE_AUTHORS))
        return ate__fail(ATE_MISUSE, "load: unknown flags");
    unsigned wanted = ATE__BODY_NAME | (flags & ATE_AUTHORS ? ATE__BODY_AUTHORS : 0u) |
                      (flags & ATE_NO_PAYLOAD ? ATE__BODY_SIZE : 0u);
    int rc = ate__txn_need(t, id, &facts);
    if (!rc)
        rc = ate__txn_body(t, id, wanted, &b);
    if (!rc && b.readable && !(flags & ATE_NO_PAYLOAD))
        rc = ate__body_check_payload(&b);
    if (rc)
        return rc;
    const struct ate__change *c = ate__txn_change(t, id);
    bool pending = c && c->body;
    struct ate_object o = {
        .encoding = b.readable ? ate__encoding_name(b.encoding ? b.encoding : ATE__MSGPACK) : NULL,
        .id = *id,
        .parent = facts.parent,
        .collection = facts.collection,
        .payload_size = b.payload_size,
        .sequence = pending ? 0 : facts.sequence,
        .created_sequence = facts.created_sequence,
        .created_ns = ate__ns_of(facts.created_us),
        .updated_ns = pending ? 0 : ate__ns_of(facts.updated_us),
        .readable = b.readable,
        .open = b.open,
        .compacted = b.compacted,
    };
    rc = lend_body(t, &b, flags, &o);
    if (!rc)
        *ret_object = o;
    return rc;
}

int ate_load_raw(struct ate_txn *t, struct ate_id id, unsigned flags, struct ate_object *ret_object)
{
    int rc = ate__txn_read(t);
    return rc ? rc : load_raw(t, &id, flags, ret_object);
}

int ate_find_raw(struct ate_txn *t, struct ate_id parent, struct ate_bytes name, unsigned flags,
                 struct ate_object *ret_object)
{
    const struct ate_place place = {.parent = parent};
    struct ate_id id;
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_child(t, &place, name, &id);
    return rc ? rc : load_raw(t, &id, flags, ret_object);
}

int ate_next_raw(struct ate_cursor *cursor, unsigned flags, struct ate_object *ret_object)
{
    struct ate_object object;
    struct ate_id id;
    int rc = ate__txn_read(cursor->txn);
    while (!rc && !(rc = ate__txn_next_child(cursor, &id))) {
        rc = load_raw(cursor->txn, &id, flags, &object);
        if (rc || object.readable || !cursor->readable)
            break;
    }
    if (!rc)
        *ret_object = object;
    return rc;
}
