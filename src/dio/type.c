/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * type.c: field tables, checked once.
 *
 * A check makes the schemas of a table and of all that it leads to in one list, links them, and
 * only then puts them where others find them: `next` of a published schema never changes.
 */
#include "dio/type.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/crc.h"
#include "base/text.h"
#include "dio/limits.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { BUCKET_BITS = 8, BUCKETS = 1 << BUCKET_BITS };

static struct {
    pthread_mutex_t mutex; /* one check at a time; guards the stores to bucket */
    struct ate__schema *_Atomic bucket[BUCKETS];
} cache = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct ate__schema *_Atomic *bucket_of(const struct ate_type *type)
{
    uint64_t spread = (uint64_t)(uintptr_t)type * 0x9e3779b97f4a7c15;
    return &cache.bucket[spread >> (64 - BUCKET_BITS)];
}

static struct ate__schema *cached(const struct ate_type *type)
{
    struct ate__schema *s = atomic_load_explicit(bucket_of(type), memory_order_acquire);
    while (s && s->type != type)
        s = s->next;
    return s;
}

/* ---- one table ---- */

static int bad(int rc, const struct ate_type *type, const struct ate_field *field, const char *why)
{
    char type_name[64], field_name[64];
    ate__escaped(ate__bytes(type->name, type->name ? strnlen(type->name, 256) : 0), type_name,
                 sizeof type_name);
    if (!field)
        return ate__fail(rc, "table of type \"%s\": %s", type_name, why);
    ate__escaped(ate__bytes(field->name, field->name ? strnlen(field->name, 256) : 0), field_name,
                 sizeof field_name);
    return ate__fail(rc, "table of type \"%s\", field \"%s\": %s", type_name, field_name, why);
}

static bool name_fits(const char *name)
{
    size_t size = name ? strnlen(name, ATE__FIELD_NAME_MAX + 1) : 0;
    return size > 0 && size <= ATE__FIELD_NAME_MAX && ate__utf8_valid(ate__bytes(name, size));
}

static bool size_fits(const struct ate_field *f)
{
    switch ((enum ate_kind)f->kind) {
    case ATE_BOOL: return f->size == sizeof(bool);
    case ATE_INT:
    case ATE_UINT: return f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;
    case ATE_FLOAT: return f->size == sizeof(float) || f->size == sizeof(double);
    case ATE_STRING: return f->size == sizeof(char *);
    case ATE_BYTES: return f->size == sizeof(struct ate_bytes);
    case ATE_ID: return f->size == sizeof(struct ate_id);
    case ATE_HASH: return f->size == sizeof(struct ate_hash);
    case ATE_OBJECT: return f->size > 0;
    case ATE_VEC:
    case ATE_MAP:
    case ATE_CHILD: return f->size == sizeof(struct ate_place);
    }
    return false;
}
_Static_assert(sizeof(struct ate_vec) == sizeof(struct ate_place) &&
                   sizeof(struct ate_map) == sizeof(struct ate_place) &&
                   sizeof(struct ate_child) == sizeof(struct ate_place),
               "where the members are, and nothing else");

static bool is_relation(const struct ate_field *f)
{
    return f->kind == ATE_VEC || f->kind == ATE_MAP || f->kind == ATE_CHILD;
}

/* The bytes of the struct that belong to a field: of its value or pointer, and of its count. */
static size_t value_size(const struct ate_field *f)
{
    return f->shape == ATE_ONE ? f->size : sizeof(void *);
}
static size_t count_size(const struct ate_field *f)
{
    return f->shape == ATE_MANY ? sizeof(size_t) : 0;
}

static bool overlap(size_t a, size_t a_size, size_t b, size_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool share_bytes(const struct ate_field *a, const struct ate_field *b)
{
    return overlap(a->offset, value_size(a), b->offset, value_size(b)) ||
           overlap(a->count_offset, count_size(a), b->offset, value_size(b)) ||
           overlap(a->offset, value_size(a), b->count_offset, count_size(b)) ||
           (count_size(a) && count_size(b) &&
            overlap(a->count_offset, count_size(a), b->count_offset, count_size(b)));
}

static int check_field(const struct ate_type *type, uint32_t index)
{
    const struct ate_field *f = &type->fields[index];
    if (!name_fits(f->name))
        return bad(ATE_MISUSE, type, f, "the name is not 1 to 255 bytes of UTF-8");
    if (f->shape > ATE_MANY || !size_fits(f))
        return bad(ATE_MISUSE, type, f, "no such kind, shape or size");
    if (is_relation(f) && f->shape != ATE_ONE)
        return bad(ATE_MISUSE, type, f, "members are a field by value");
    if (f->flags)
        return bad(ATE_UNSUPPORTED, type, f, "flags of a later version");
    if ((f->kind == ATE_OBJECT) != (f->type != NULL))
        return bad(ATE_MISUSE, type, f, "a struct has a table, and nothing else has");
    if (f->offset > type->size || value_size(f) > type->size - f->offset ||
        (count_size(f) &&
         (f->count_offset > type->size || count_size(f) > type->size - f->count_offset)))
        return bad(ATE_MISUSE, type, f, "lies outside of the struct");
    for (uint32_t i = 0; i < index; i++) {
        if (!strcmp(type->fields[i].name, f->name))
            return bad(ATE_MISUSE, type, f, "the name occurs twice");
        if (share_bytes(&type->fields[i], f))
            return bad(ATE_MISUSE, type, f, "shares bytes, or a count, with another field");
    }
    if (count_size(f) && overlap(f->offset, value_size(f), f->count_offset, count_size(f)))
        return bad(ATE_MISUSE, type, f, "shares bytes with its own count");
    return 0;
}

static int check_table(const struct ate_type *type)
{
    if (type->layout != ATE_TYPE_LAYOUT || type->flags)
        return bad(ATE_UNSUPPORTED, type, NULL, "made by the headers of another version");
    if (!name_fits(type->name))
        return bad(ATE_MISUSE, type, NULL, "the name is not 1 to 255 bytes of UTF-8");
    if (!type->field_count || !type->fields || !type->size)
        return bad(ATE_MISUSE, type, NULL, "it has no fields");
    if (type->field_count > ATE__TYPE_FIELDS_MAX)
        return bad(ATE_TOO_BIG, type, NULL, "over the limit of 256 fields");
    if (type->size > ATE__TYPE_SIZE_MAX)
        return bad(ATE_TOO_BIG, type, NULL, "over the limit of 1 MiB for a struct");
    for (uint32_t i = 0; i < type->field_count; i++) {
        int rc = check_field(type, i);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- a table and all that it leads to ---- */

struct check {
    struct ate__schema *first, *last; /* made by this check, linked by next */
    size_t count;
};

static void check_free(struct check *c)
{
    for (struct ate__schema *s = c->first, *next; s; s = next) {
        next = s->next;
        ate__free(s);
    }
}

uint32_t ate__collection_of(struct ate_bytes name)
{
    uint32_t collection = ate__crc32c(0, name.data, name.size);
    return collection ? collection : 1;
}

static int add_relation(struct ate__schema *s, const struct ate_field *f, struct ate_bytes name)
{
    struct ate__relation r = {f->offset, ate__collection_of(name)};
    for (uint32_t i = 0; i < s->relation_count; i++)
        if (s->relations[i].collection == r.collection)
            return bad(ATE_MISUSE, s->type, f,
                       "its name gives the collection of another field: take another name");
    s->relations[s->relation_count++] = r;
    return 0;
}

static int add_field(struct ate__schema *s, const struct ate_field *f)
{
    struct ate_bytes name = ate__text_bytes(f->name);
    if (is_relation(f))
        return add_relation(s, f, name);
    s->members[s->member_count++] = (struct ate__member){.field = f, .name = name};
    return 0;
}

static int check_add(struct check *c, const struct ate_type *type, struct ate__schema **ret_schema)
{
    if (c->count == ATE__TYPE_REACHED_MAX)
        return bad(ATE_TOO_BIG, type, NULL, "over the limit of 256 tables inside each other");
    int rc = check_table(type);
    if (rc)
        return rc;
    /* Room for each field in either list. */
    struct ate__schema *s =
        ate__alloc(sizeof *s + type->field_count * (sizeof s->members[0] + sizeof s->relations[0]));
    if (!s)
        return ate__no_memory();
    s->type = type;
    s->name = ate__text_bytes(type->name);
    s->relations = (struct ate__relation *)&s->members[type->field_count];
    for (uint32_t i = 0; !rc && i < type->field_count; i++)
        rc = add_field(s, &type->fields[i]);
    if (rc) {
        ate__free(s);
        return rc;
    }
    if (c->last)
        c->last->next = s;
    else
        c->first = s;
    c->last = s;
    c->count++;
    *ret_schema = s;
    return 0;
}

/* The schema of a table: known, of this check, or new. */
static int check_reach(struct check *c, const struct ate_type *type,
                       struct ate__schema **ret_schema)
{
    struct ate__schema *s = cached(type);
    for (struct ate__schema *own = c->first; own && !s; own = own->next)
        s = own->type == type ? own : NULL;
    if (!s)
        return check_add(c, type, ret_schema);
    *ret_schema = s;
    return 0;
}

static int link_members(struct check *c, struct ate__schema *s)
{
    for (uint32_t i = 0; i < s->member_count; i++) {
        const struct ate_field *f = s->members[i].field;
        if (f->kind != ATE_OBJECT)
            continue;
        const struct ate_type *type = f->type();
        if (!type)
            return bad(ATE_MISUSE, s->type, f, "its struct has no table");
        struct ate__schema *inner = NULL;
        int rc = check_reach(c, type, &inner);
        if (rc)
            return rc;
        if (type->size != f->size)
            return bad(ATE_MISUSE, s->type, f, "its size is not that of its struct");
        if (inner->relation_count)
            return bad(ATE_MISUSE, s->type, f,
                       "a struct inside of an object has no members of its own");
        s->members[i].schema = inner;
    }
    return 0;
}

/* Only a table made by hand can lead to itself by value. Fields do not overlap, so there are at
 * most as many structs inside as there are bytes. */
static int measure_inside(struct ate__schema *s, uint32_t depth)
{
    if (depth > ATE__TYPE_INSIDE_MAX)
        return bad(ATE_TOO_BIG, s->type, NULL, "over the limit of 16 structs inside each other");
    uint32_t inside = 1;
    for (uint32_t i = 0; i < s->member_count; i++) {
        const struct ate__member *m = &s->members[i];
        if (!m->schema || m->field->shape != ATE_ONE)
            continue;
        if (!m->schema->inside) {
            int rc = measure_inside((struct ate__schema *)m->schema, depth + 1);
            if (rc)
                return rc;
        }
        inside = inside > m->schema->inside ? inside : m->schema->inside + 1;
    }
    if (inside > ATE__TYPE_INSIDE_MAX)
        return bad(ATE_TOO_BIG, s->type, NULL, "over the limit of 16 structs inside each other");
    s->inside = inside;
    return 0;
}

static int check_all(struct check *c, const struct ate_type *type, struct ate__schema **ret_schema)
{
    struct ate__schema *s = NULL;
    int rc = check_add(c, type, &s);
    for (struct ate__schema *at = c->first; at && !rc; at = at->next)
        rc = link_members(c, at);
    for (struct ate__schema *at = c->first; at && !rc; at = at->next)
        rc = at->inside ? 0 : measure_inside(at, 1);
    if (!rc)
        *ret_schema = s;
    return rc;
}

static void publish(struct check *c)
{
    for (struct ate__schema *s = c->first, *next; s; s = next) {
        struct ate__schema *_Atomic *bucket = bucket_of(s->type);
        next = s->next;
        s->next = atomic_load_explicit(bucket, memory_order_relaxed);
        atomic_store_explicit(bucket, s, memory_order_release);
    }
}

int ate__schema_of(const struct ate_type *type, const struct ate__schema **ret_schema)
{
    if (!type)
        return ate__fail(ATE_MISUSE, "an object without a type");
    struct ate__schema *s = cached(type);
    if (!s) {
        struct check c = {NULL, NULL, 0};
        pthread_mutex_lock(&cache.mutex);
        s = cached(type);
        int rc = s ? 0 : check_all(&c, type, &s);
        if (!rc)
            publish(&c);
        pthread_mutex_unlock(&cache.mutex);
        if (rc) {
            check_free(&c);
            return rc;
        }
    }
    *ret_schema = s;
    return 0;
}

/* ---- looking things up ---- */

void ate__schema_relate(const struct ate__schema *s, const struct ate_id *id, void *object)
{
    for (uint32_t i = 0; i < s->relation_count; i++) {
        struct ate_place place = {*id, s->relations[i].collection};
        memcpy((uint8_t *)object + s->relations[i].offset, &place, sizeof place);
    }
}

const struct ate__member *ate__schema_find(const struct ate__schema *s, struct ate_bytes name,
                                           uint32_t hint)
{
    if (hint < s->member_count && ate__bytes_equal(s->members[hint].name, name))
        return &s->members[hint];
    for (uint32_t i = 0; i < s->member_count; i++)
        if (ate__bytes_equal(s->members[i].name, name))
            return &s->members[i];
    return NULL;
}

const char *ate__field_text(const struct ate_field *field, char text[ATE__KIND_TEXT])
{
    static const char *const shapes[] = {"", "optional ", "list of "};
    static const char *const kinds[] = {"bool", "int",  "uint",    "float", "string", "bytes",
                                        "id",   "hash", "struct ", "vec",   "map",    "child"};
    const char *shape = shapes[field->shape], *kind = kinds[field->kind];
    if (field->kind == ATE_INT || field->kind == ATE_UINT || field->kind == ATE_FLOAT)
        (void)snprintf(text, ATE__KIND_TEXT, "%s%s%u", shape, kind, field->size * 8);
    else
        (void)snprintf(text, ATE__KIND_TEXT, "%s%s%s", shape, kind,
                       field->kind == ATE_OBJECT ? field->type()->name : "");
    return text;
}

void ate__schema_forget_all(void)
{
    pthread_mutex_lock(&cache.mutex);
    for (size_t i = 0; i < BUCKETS; i++) {
        struct check c = {atomic_load(&cache.bucket[i]), NULL, 0};
        atomic_store(&cache.bucket[i], NULL);
        check_free(&c);
    }
    pthread_mutex_unlock(&cache.mutex);
}
