/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * typed.c: the calls behind ATE_TYPE(): structs in, shared decoded objects out.
 */
#include "ate/type.h"
#include "base/assert.h"
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
                  const struct ate_place *place, struct ate_bytes name, const void *object)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf payload = ATE__BUF_NULL;
    struct ate__new_body body;
    int rc = encode(type, object, (struct ate_bytes){0}, &payload, &body);
    return rc ? rc : ate__object_create(t, id, place, name, &body);
}

static int add(struct ate_txn *t, const struct ate_type *type, const struct ate_place *place,
               struct ate_bytes name, const void *object, struct ate_id *ret_id)
{
    struct ate_id id = ate__object_new_id(t);
    int rc = create(t, type, &id, place, name, object);
    if (!rc && ret_id)
        *ret_id = id;
    return rc;
}

int ate__store(struct ate_txn *t, const struct ate_type *type, const struct ate_id *parent,
               const void *object, struct ate_id *ret_id)
{
    const struct ate_place place = {.parent = parent ? *parent : ate_top};
    int rc = ate__txn_write(t);
    return rc ? rc : add(t, type, &place, (struct ate_bytes){0}, object, ret_id);
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
    static const struct ate_place top;
    struct ate__object_facts facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_object(t, &id, &facts);
    if (rc)
        return rc;
    return facts.live ? replace(t, type, &id, (struct ate_bytes){0}, object)
                      : create(t, type, &id, &top, (struct ate_bytes){0}, object);
}

int ate__put_in(struct ate_txn *t, const struct ate_type *type, struct ate_place place,
                const char *name, const void *object, struct ate_id *ret_id)
{
    struct ate_bytes bytes = name ? ate__text_bytes(name) : (struct ate_bytes){0};
    struct ate_id id;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = name ? ate__txn_child(t, &place, bytes, &id) : ATE_NOT_FOUND;
    if (rc == ATE_NOT_FOUND)
        return add(t, type, &place, bytes, object, ret_id);
    if (!rc)
        rc = replace(t, type, &id, bytes, object);
    if (!rc && ret_id)
        *ret_id = id;
    return rc;
}

int ate__put_as(struct ate_txn *t, const struct ate_type *type, struct ate_id parent,
                const char *name, const void *object, struct ate_id *ret_id)
{
    const struct ate_place place = {.parent = parent};
    return ate__put_in(t, type, place, name ? name : "", object, ret_id);
}

/* ---- loading ---- */

/* What is loaded: facts as the transaction has them. */
struct wanted {
    const struct ate_id *id;
    const struct ate_type *type;
    const struct ate__change *change; /* NULL: none */
    struct ate__object_facts facts;
};

static int decode(const struct wanted *w, const struct ate__body *b,
                  struct ate__decoded **ret_decoded)
{
    void *block;
    size_t size;
    int rc = ate__body_check_payload(b);
    if (rc)
        return rc;
    if (!ate__bytes_equal(b->type, ate__text_bytes(w->type->name)))
        return wrong_type(b->type, w->type);
    if (!b->has_payload)
        return ate__fail(ATE_NOT_LOCAL, "the object's payload is not here");
    rc = ate__codec_decode_behind(w->type, b->payload, offsetof(struct ate__decoded, object),
                                  &block, &size);
    if (rc)
        return rc;
    struct ate__decoded *d = block;
    const struct ate__schema *schema = NULL;
    rc = ate__schema_of(w->type, &schema); /* known by now: it was decoded by it */
    ate__assert(!rc);
    ate__schema_relate(schema, w->id, d->object);
    d->id = *w->id;
    d->type = w->type;
    d->sequence = w->facts.sequence;
    d->size = size;
    d->hash = b->hash;
    *ret_decoded = d;
    return 0;
}

/* The size at which the transaction reads. */
static uint64_t size_of(const struct ate_txn *t)
{
    struct ate_hash root;
    uint64_t size;
    t->dio->pipe->v->head(t->snapshot, &size, &root);
    return size;
}

/* Decoded anew; kept for others, where they may have it. */
static int load_fresh(struct ate_txn *t, const struct wanted *w, const void **ret_object)
{
    ate__cleanup(ate__body_deinit) struct ate__body b = {0};
    struct ate__decoded *d = NULL;
    int rc = ate__txn_body(t, w->id, 0, &b);
    if (!rc && !b.readable)
        rc = ate__txn_no_key(t, w->id);
    if (!rc)
        rc = decode(w, &b, &d);
    if (rc)
        return rc;
    const void *object = d->object;
    bool keep = t->lender && !w->change && ate__hash_equal(&b.hash, &w->facts.body);
    if (keep)
        ate__decoded_seen(d, size_of(t));
    if (!keep || !ate__cache_put(t->dio->cache, t->lender, d))
        rc = ate__txn_lend(t, d);
    if (!rc)
        *ret_object = object;
    return rc;
}

/* After a look at the object: what was found may be current all the same. */
static int load_known(struct ate_txn *t, struct wanted *w, const struct ate__decoded *d,
                      const void **ret_object)
{
    int rc = ate__txn_need(t, w->id, &w->facts);
    if (rc)
        return rc;
    bool pending = w->change && w->change->body;
    if (!d || pending || d->sequence != w->facts.sequence ||
        !ate__hash_equal(&d->hash, &w->facts.body))
        return load_fresh(t, w, ret_object);
    if (!w->change)
        ate__decoded_seen(d, size_of(t));
    *ret_object = d->object;
    return 0;
}

/* The cache holds what the chain's own session opened, and is for that session alone: it would
 * give others what their keys do not open. */
static int load(struct ate_txn *t, const struct ate_type *type, const struct ate_id *id,
                const void **ret_object)
{
    struct ate__cache *cache = t->dio->cache;
    const struct ate__decoded *d = NULL;
    struct wanted w = {.id = id, .type = type};
    bool own = t->session == t->dio->session;
    int rc = own && !t->lender ? ate__cache_lender(cache, &t->lender) : 0;
    if (rc)
        return rc;
    if (t->change_count)
        w.change = ate__txn_change(t, id);
    if (own)
        d = ate__cache_get(cache, t->lender, id, type);
    if (!d || w.change || t->subtrees)
        return load_known(t, &w, d, ret_object);
    rc = t->dio->pipe->v->still(t->snapshot, id, d->sequence, d->seen);
    if (rc == ATE_NOT_FOUND)
        return load_known(t, &w, d, ret_object);
    if (!rc)
        *ret_object = d->object;
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
    const struct ate_place place = {.parent = parent};
    return ate__find_in(t, type, place, name, ret_id, ret_result);
}

const void *ate__find_in(struct ate_txn *t, const struct ate_type *type, struct ate_place place,
                         const char *name, struct ate_id *ret_id, int *ret_result)
{
    const void *object = NULL;
    struct ate_id id;
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_child(t, &place, ate__text_bytes(name), &id);
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
