/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * objects.c: changes: store, put, move, delete, require, protect.
 */
#include "base/text.h"
#include "dio/compress.h"
#include "dio/objects.h"
#include "dio/txn.h"

/* ---- creating and replacing ---- */

static void swap_bufs(struct ate__buf *a, struct ate__buf *b)
{
    struct ate__buf t = *a;
    *a = *b;
    *b = t;
}

/* All or nothing. */
static int set_body(const struct ate_txn *t, struct ate__change *c,
                    const struct ate__new_body *body)
{
    struct ate_bytes type = ate__text_bytes(body->type);
    if (!type.size || type.size > ATE__TYPE_MAX || !ate__utf8_valid(type))
        return ate__fail(ATE_MISUSE, "object: a type is 1 to %d bytes of UTF-8", ATE__TYPE_MAX);
    size_t payload_max = ate__payload_max(ate__txn_genesis(t));
    if (body->payload.size > payload_max)
        return ate__fail(ATE_TOO_BIG,
                         "object: a payload of %zu bytes; it may have %zu: store it in "
                         "pages",
                         body->payload.size, payload_max);
    ate__cleanup(ate__buf_deinit) struct ate__buf new_type = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf new_payload = ATE__BUF_NULL;
    int rc = ate__buf_append(&new_type, type);
    if (!rc)
        rc = ate__buf_append(&new_payload, body->payload);
    if (rc)
        return rc;
    swap_bufs(&c->type, &new_type);
    swap_bufs(&c->payload, &new_payload);
    c->encoding = body->encoding;
    c->has_payload = true;
    c->open |= body->open;
    c->body = true;
    return 0;
}

int ate__object_create(struct ate_txn *t, const struct ate_id *id, const struct ate_place *place,
                       struct ate_bytes name, const struct ate__new_body *body)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = ate__txn_need(t, &place->parent, &facts);
    if (!rc)
        rc = ate__txn_touch(t, id, &c);
    if (rc)
        return rc;
    if (c->existed || c->body || c->deleted || c->before.deleted)
        return ate__fail(ATE_EXISTS, "object: that id is in use, or was until it was deleted");
    rc = ate__txn_place(t, c, place, name);
    if (!rc)
        rc = set_body(t, c, body);
    if (rc)
        ate__txn_unname(t, c);
    return rc;
}

int ate__object_replace(struct ate_txn *t, const struct ate_id *id, struct ate_bytes name,
                        const struct ate__body *old, const struct ate__new_body *body)
{
    struct ate__change *c;
    int rc = ate__txn_touch(t, id, &c);
    if (!rc && !c->body)
        rc = ate__txn_keep(t, c, old);
    if (!rc && name.size && !c->name.size) /* its NAME did not give the tag that it was found by */
        rc = ate__txn_place(t, c, &(struct ate_place){c->parent, c->collection}, name);
    return rc ? rc : set_body(t, c, body);
}

struct ate_id ate__object_new_id(struct ate_txn *t)
{
    struct ate_id id;
    do
        ate__random(t->dio->pipe->env, id.b, sizeof id.b);
    while (ate__id_equal(&id, &ate_top));
    t->drawn = id;
    return id;
}

int ate__object_name_free_for(struct ate_txn *t, const struct ate_place *place,
                              struct ate_bytes name, const struct ate_id *own)
{
    struct ate_id id;
    char shown[256];
    int rc = ate__txn_child(t, place, name, &id);
    if (rc == ATE_NOT_FOUND || (!rc && own && ate__id_equal(&id, own)))
        return 0;
    return rc ? rc
              : ate__fail(ATE_EXISTS, "%s: the name is taken",
                          ate__escaped(name, shown, sizeof shown));
}

int ate__object_name_free(struct ate_txn *t, const struct ate_place *place, struct ate_bytes name)
{
    return ate__object_name_free_for(t, place, name, NULL);
}

/* ---- delete ---- */

static int check_childless(struct ate_txn *t, const struct ate_id *id)
{
    struct ate_cursor *cursor;
    struct ate_id child;
    char text[ATE__ID_TEXT];
    int rc = ate_children(t, *id, &cursor);
    if (rc)
        return rc;
    rc = ate__txn_next_child(cursor, &child);
    ate_cursor_end(cursor);
    if (rc == ATE_END)
        return 0;
    return rc ? rc
              : ate__fail(ATE_CONFLICT,
                          "object %s has children: delete them first, or all "
                          "with it",
                          ate__id_text(id, text));
}

int ate_delete(struct ate_txn *t, struct ate_id id, unsigned flags)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    if (flags & ~(unsigned)ATE_TREE || ate__id_equal(&id, &ate_top))
        return ate__fail(ATE_MISUSE, "delete: %s",
                         flags & ~(unsigned)ATE_TREE ? "unknown flags" : "the top stays");
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc && (flags & ATE_TREE) && ate__txn_archive(t))
        return ate__txn_delete_each(t, id);
    if (!rc && !(flags & ATE_TREE))
        rc = check_childless(t, &id);
    if (!rc)
        rc = ate__txn_touch(t, &id, &c);
    if (rc)
        return rc;
    ate__txn_unname(t, c);
    c->deleted = true;
    c->body = false;
    if (flags & ATE_TREE) {
        c->subtree = true;
        t->subtrees++;
    }
    return 0;
}

/* ---- preconditions ---- */

static int add_precondition(struct ate_txn *t, struct ate__precondition p)
{
    int rc = ate__grow(&t->preconditions, &t->precondition_capacity, t->precondition_count + 1,
                       sizeof *t->preconditions);
    if (!rc)
        t->preconditions[t->precondition_count++] = p;
    return rc;
}

int ate_require(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    const struct ate__change *c = rc ? NULL : ate__txn_change(t, &id);
    if (rc || (c && c->body)) /* its own PREV requires it already */
        return rc;
    return add_precondition(t, (struct ate__precondition){ATE__IS_CURRENT, id, facts.body});
}

int ate_require_absent(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    char text[ATE__ID_TEXT];
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_object(t, &id, &facts);
    const struct ate__change *c = rc ? NULL : ate__txn_change(t, &id);
    if (!rc && (facts.live || (c && c->existed))) /* also what this transaction deletes */
        rc = ate__fail(ATE_EXISTS, "object %s is there", ate__id_text(&id, text));
    if (rc)
        return rc;
    return add_precondition(t, (struct ate__precondition){.kind = ATE__IS_ABSENT, .id = id});
}

int ate_require_no_child(struct ate_txn *t, struct ate_id parent, struct ate_bytes name)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    struct ate__precondition p = {.kind = ATE__TAG_FREE, .id = parent};
    const struct ate_place place = {.parent = parent};
    bool is_private;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__object_name_free(t, &place, name);
    if (!rc)
        rc = ate__txn_name_key(t, &parent, &is_private, &key);
    if (!rc)
        rc = is_private ? ate__name_tag_private(&key, &place, name, p.hash.b)
                        : ate__name_tag_open(t->dio->seal.alg, &place, name, p.hash.b);
    return rc ? rc : add_precondition(t, p);
}
