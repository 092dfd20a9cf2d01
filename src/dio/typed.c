/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * typed.c: the calls behind ATE_TYPE(): structs in, shared decoded objects out.
 */
#include "ate/type.h"
#include "base/text.h"
#include "dio/objects.h"
#include "dio/txn.h"

static int encode(const struct ate_type *type, const void *object, struct ate_bytes old,
                  struct ate__buf *payload, struct ate__new_body *ret_body)
{
    enum ate__encoding encoding;
    int rc = ate__codec_encode(type, object, old, payload);
    if (!rc)
        rc = ate__encoding_of(ate__buf_bytes(payload), &encoding);
    if (!rc)
        *ret_body =
            (struct ate__new_body){type->name, ate__buf_bytes(payload), (uint8_t)encoding, false};
    return rc;
}

static int create(struct ate_txn *t, const struct ate_type *type, const struct ate_id *id,
                  const struct ate_id *parent, struct ate_bytes name, const void *object)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf payload = ATE__BUF_NULL;
    struct ate__new_body body;
    int rc = encode(type, object, (struct ate_bytes){0}, &payload, &body);
    return rc ? rc : ate__object_create(t, id, parent, name, &body);
}

int ate__store(struct ate_txn *t, const struct ate_type *type, const struct ate_id *parent,
               const void *object, struct ate_id *ret_id)
{
    int rc = ate__txn_write(t);
    if (rc)
        return rc;
    struct ate_id id = ate__object_new_id(t);
    rc = create(t, type, &id, parent ? parent : &ate_top, (struct ate_bytes){0}, object);
    if (!rc && ret_id)
        *ret_id = id;
    return rc;
}

static int wrong_type(struct ate_bytes stored, const struct ate_type *type)
{
    char shown[256];
    return ate__fail(ATE_WRONG_TYPE, "the object is a %s, not a %s",
                     ate__escaped(stored, shown, sizeof shown), type->name);
}

/* Fields that the program's table does not know come along from the version before. */
static int replace(struct ate_txn *t, const struct ate_type *type, const struct ate_id *id,
                   struct ate_bytes name, const void *object)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf payload = ATE__BUF_NULL;
    ate__cleanup(ate__body_deinit) struct ate__body old = {0};
    struct ate__new_body body;
    int rc = ate__txn_body(t, id, ATE__BODY_NAME, &old);
    if (!rc && !old.readable)
        rc = ate__fail(ATE_NO_KEY, "the session's keys do not open the object that is replaced");
    bool same_type = !rc && ate__bytes_equal(old.type, ate__text_bytes(type->name));
    if (!rc)
        rc = encode(type, object, same_type ? old.payload : (struct ate_bytes){0}, &payload, &body);
    return rc ? rc : ate__object_replace(t, id, name, &old, &body);
}

int ate__put(struct ate_txn *t, const struct ate_type *type, struct ate_id id, const void *object)
{
    struct ate__object_facts facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_object(t, &id, &facts);
    if (rc)
        return rc;
    return facts.live ? replace(t, type, &id, (struct ate_bytes){0}, object)
                      : create(t, type, &id, &ate_top, (struct ate_bytes){0}, object);
}

int ate__put_as(struct ate_txn *t, const struct ate_type *type, struct ate_id parent,
                const char *name, const void *object, struct ate_id *ret_id)
{
    struct ate_bytes bytes = ate__text_bytes(name);
    struct ate_id id;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_child(t, &parent, bytes, &id);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    if (rc) {
        id = ate__object_new_id(t);
        rc = create(t, type, &id, &parent, bytes, object);
    } else {
        rc = replace(t, type, &id, bytes, object);
    }
    if (!rc && ret_id)
        *ret_id = id;
    return rc;
}

/* ---- loading ---- */

static int decode(const struct ate_id *id, const struct ate_type *type, const struct ate__body *b,
                  struct ate__decoded **ret_decoded)
{
    if (!b->readable)
        return ate__fail(ATE_NO_KEY, "the session's keys do not open the object");
    if (!ate__bytes_equal(b->type, ate__text_bytes(type->name)))
        return wrong_type(b->type, type);
    if (!b->has_payload)
        return ate__fail(ATE_NOT_LOCAL, "the object's payload is not here");
    struct ate__decoded *d = ate__alloc(sizeof *d);
    if (!d)
        return ate__no_memory();
    atomic_init(&d->refs, 1);
    d->id = *id;
    d->hash = b->hash;
    d->type = type;
    int rc = ate__codec_decode(type, b->payload, &d->object, &d->size);
    if (rc) {
        ate__free(d);
        return rc;
    }
    *ret_decoded = d;
    return 0;
}

static int load_fresh(struct ate_txn *t, const struct ate_type *type, const struct ate_id *id,
                      struct ate__decoded **ret_decoded)
{
    ate__cleanup(ate__body_deinit) struct ate__body b = {0};
    int rc = ate__txn_body(t, id, 0, &b);
    if (!rc)
        rc = decode(id, type, &b, ret_decoded);
    if (!rc && t->session == t->dio->session && !ate__hash_is_zero(&b.hash))
        ate__cache_put(t->dio->cache, *ret_decoded);
    return rc;
}

/* The cache holds what the chain's own session opened, and is for that session alone: it would
 * give others what their keys do not open. */
static int load(struct ate_txn *t, const struct ate_type *type, const struct ate_id *id,
                const void **ret_object)
{
    struct ate__object_facts facts;
    struct ate__decoded *d = NULL;
    int rc = ate__txn_need(t, id, &facts);
    if (rc)
        return rc;
    const struct ate__change *c = ate__txn_change(t, id);
    if (t->session == t->dio->session && !(c && c->body))
        d = ate__cache_get(t->dio->cache, id, &facts.body, type);
    if (!d)
        rc = load_fresh(t, type, id, &d);
    const void *object = d ? d->object : NULL;
    if (!rc)
        rc = ate__txn_lend_decoded(t, d);
    if (!rc)
        *ret_object = object;
    return rc;
}

const void *ate__load(struct ate_txn *t, const struct ate_type *type, struct ate_id id,
                      int *ret_result)
{
    const void *object = NULL;
    int rc = ate__txn_read(t);
    if (!rc)
        rc = load(t, type, &id, &object);
    *ret_result = rc;
    return object;
}

const void *ate__find(struct ate_txn *t, const struct ate_type *type, struct ate_id parent,
                      const char *name, struct ate_id *ret_id, int *ret_result)
{
    const void *object = NULL;
    struct ate_id id;
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_child(t, &parent, ate__text_bytes(name), &id);
    if (!rc)
        rc = load(t, type, &id, &object);
    if (!rc && ret_id)
        *ret_id = id;
    *ret_result = rc;
    return object;
}

const void *ate__next(struct ate_cursor *c, const struct ate_type *type, struct ate_id *ret_id,
                      int *ret_result)
{
    const void *object = NULL;
    struct ate_id id;
    int rc = ate__txn_read(c->txn);
    while (!rc && !(rc = ate__txn_next_child(c, &id))) {
        rc = load(c->txn, type, &id, &object);
        if (!rc)
            break;
        if (rc == ATE_WRONG_TYPE || rc == ATE_NO_KEY)
            rc = 0;
    }
    if (!rc && ret_id)
        *ret_id = id;
    *ret_result = rc;
    return object;
}

void *ate__keep(const struct ate_type *type, const void *object, int *ret_result)
{
    void *copy = NULL;
    *ret_result = ate__copy_object(type, object, &copy);
    return copy;
}

void ate_free(void *kept)
{
    ate__free(kept);
}
