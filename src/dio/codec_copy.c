/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec_copy.c: a copy of an object and of all that it points to, in one block.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "dio/block.h"
#include "dio/codec.h"
#include "dio/codec_form.h"
#include "dio/limits.h"

/* In the first round (block.start NULL) `to` is NULL and nothing is written. */
struct copier {
    struct ate__block block;
};

static int copy_fields(struct copier *c, const struct ate__schema *s, uint8_t *to,
                       const uint8_t *from, const struct ate__codec_place *up, unsigned depth);

static int take(struct copier *c, const struct ate__codec_place *place, size_t size, uint8_t **ret)
{
    return ate__block_take(&c->block, size, ret)
               ? 0
               : ate__place_fail(ATE_TOO_BIG, place, "an object over the limit of %d MiB in memory",
                                 ATE__OBJECT_MEMORY_MAX >> 20);
}

/* What a value points to goes to the block, and the pointer to it to `to`, which holds the value
 * already. */
static int copy_behind(struct copier *c, const struct ate__codec_place *place, uint8_t *to,
                       const uint8_t *from, unsigned depth)
{
    const struct ate_field *f = place->member->field;
    struct ate_bytes bytes = {NULL, 0};
    const char *text = NULL;
    if (f->kind == ATE_OBJECT)
        return copy_fields(c, place->member->schema, to, from, place, depth);
    if (f->kind == ATE_STRING) {
        memcpy(&text, from, sizeof text);
        if (text)
            bytes = ate__bytes(text, strlen(text) + 1);
    } else if (f->kind == ATE_BYTES) {
        memcpy(&bytes, from, sizeof bytes);
        if (!bytes.data && bytes.size)
            return ate__place_fail(ATE_MISUSE, place, "%zu bytes at NULL", bytes.size);
    }
    if (!bytes.data)
        return 0;
    uint8_t *data = NULL;
    int rc = take(c, place, bytes.size, &data);
    if (rc || !to)
        return rc;
    if (bytes.size)
        memcpy(data, bytes.data, bytes.size);
    memcpy(to, &data, sizeof data); /* struct ate_bytes begins with its pointer */
    return 0;
}

static int copy_field(struct copier *c, struct ate__codec_place *place, uint8_t *to,
                      const uint8_t *from, unsigned depth)
{
    const struct ate_field *f = place->member->field;
    if (f->shape == ATE_ONE)
        return copy_behind(c, place, to ? to + f->offset : NULL, from + f->offset, depth);
    const uint8_t *items;
    size_t count = 1;
    memcpy(&items, from + f->offset, sizeof items);
    if (f->shape == ATE_MANY)
        memcpy(&count, from + f->count_offset, sizeof count);
    if (f->shape == ATE_MANY && count && !items)
        return ate__place_fail(ATE_MISUSE, place, "%zu items at NULL", count);
    uint8_t *copy = NULL;
    int rc = 0;
    if (items && count > ATE__OBJECT_MEMORY_MAX)
        return ate__place_fail(ATE_TOO_BIG, place, "%zu items", count);
    if (items && count)
        rc = take(c, place, count * f->size, &copy);
    if (!rc && to)
        memcpy(to + f->offset, &copy, sizeof copy);
    if (!rc && copy)
        memcpy(copy, items, count * f->size);
    for (size_t i = 0; items && i < count && !rc; i++) {
        place->index = f->shape == ATE_MANY ? i : SIZE_MAX;
        rc = copy_behind(c, place, copy ? copy + i * f->size : NULL, items + i * f->size, depth);
    }
    place->index = SIZE_MAX;
    return rc;
}

static int copy_fields(struct copier *c, const struct ate__schema *s, uint8_t *to,
                       const uint8_t *from, const struct ate__codec_place *up, unsigned depth)
{
    struct ate__codec_place place = {up, s, NULL, SIZE_MAX};
    if (!depth)
        return ate__place_fail(ATE_TOO_BIG, &place,
                               "over the limit of %d structs inside each other",
                               ATE__OBJECT_DEPTH_MAX);
    int rc = 0;
    for (uint32_t i = 0; i < s->member_count && !rc; i++) {
        place.member = &s->members[i];
        rc = copy_field(c, &place, to, from, depth - 1);
    }
    return rc;
}

static int copy_round(struct copier *c, const struct ate__schema *s, const uint8_t *object)
{
    uint8_t *to = NULL;
    c->block.used = 0;
    bool taken = ate__block_take(&c->block, s->type->size, &to);
    ate__assert(taken);
    if (to)
        memcpy(to, object, s->type->size);
    return copy_fields(c, s, to, object, NULL, ATE__OBJECT_DEPTH_MAX);
}

int ate__copy_object(const struct ate_type *type, const void *object, void **ret_copy)
{
    const struct ate__schema *s = NULL;
    struct copier c = {{NULL, 0}};
    int rc = object ? ate__schema_of(type, &s) : ate__fail(ATE_MISUSE, "an object at NULL");
    if (!rc)
        rc = copy_round(&c, s, object);
    if (rc)
        return rc;
    ate__cleanup(ate__freep) uint8_t *start = ate__alloc(c.block.used);
    if (!start)
        return ate__no_memory();
    c.block.start = start;
    rc = copy_round(&c, s, object);
    if (!rc)
        *ret_copy = ate__steal(&start);
    return rc;
}
