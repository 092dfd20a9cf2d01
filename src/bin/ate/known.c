/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/known.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/text.h"
#include "base/err.h"
#include "bin/ate/fs.h"
#include <stdio.h>

enum { SHOWN_DIGITS = 8 };

struct known_object {
    struct ate_id parent;
    uint8_t *name; /* NULL: none */
    size_t name_size;
};

void known_init(struct known *k)
{
    uint64_t seed[2];
    ate__random(&ate__env_real, seed, sizeof seed);
    *k = (struct known){NULL, 0, 0, {0}};
    ate__map_init(&k->by_id, sizeof(struct ate_id), seed);
}

void known_deinit(struct known *k)
{
    for (size_t i = 0; i < k->count; i++)
        ate__free(k->objects[i].name);
    ate__free(k->objects);
    ate__map_deinit(&k->by_id);
}

static struct known_object *find(const struct known *k, const struct ate_id *id)
{
    uint64_t index;
    return ate__map_get(&k->by_id, id, &index) ? &k->objects[index] : NULL;
}

bool known_has(const struct known *k, struct ate_id id)
{
    return find(k, &id) != NULL;
}

int known_set(struct known *k, struct ate_id id, struct ate_id parent, struct ate_bytes name)
{
    struct known_object *o = find(k, &id);
    uint8_t *copy = name.size ? ate__copy(name.data, name.size) : NULL;
    int rc = name.size && !copy ? ate__no_memory() : 0;
    if (!rc && !o) {
        rc = ate__grow(&k->objects, &k->capacity, k->count + 1, sizeof *k->objects);
        if (!rc)
            rc = ate__map_put(&k->by_id, &id, k->count);
        if (!rc) {
            o = &k->objects[k->count++];
            *o = (struct known_object){parent, NULL, 0};
        }
    }
    if (rc) {
        ate__free(copy);
        return rc;
    }
    ate__free(o->name);
    *o = (struct known_object){parent, copy, name.size};
    return 0;
}

/* The way up, the object itself first; gives how long it is. */
static size_t climb(const struct known *k, struct ate_id id, struct ate_id *ret_way)
{
    size_t n = 0;
    while (n < FS_DEPTH_MAX && !ate__id_equal(&id, &ate_top)) {
        const struct known_object *o = find(k, &id);
        ret_way[n++] = id;
        if (!o)
            break;
        id = o->parent;
    }
    return n;
}

static int put_part(const struct known *k, const struct ate_id *id, struct ate__buf *buf)
{
    const struct known_object *o = find(k, id);
    char text[ATE_ID_TEXT], part[SHOWN_DIGITS + 3];
    if (o && o->name)
        return ate__escape(ate__bytes(o->name, o->name_size), buf);
    snprintf(part, sizeof part, "(%.*s)", SHOWN_DIGITS, ate_id_text(*id, text));
    return ate__buf_append(buf, ate__text_bytes(part));
}

int known_path(const struct known *k, struct ate_id id, struct ate__buf *buf)
{
    struct ate_id way[FS_DEPTH_MAX];
    size_t n = climb(k, id, way);
    int rc = n ? 0 : ate__buf_append(buf, ate__bytes("/", 1));
    while (!rc && n > 0) {
        rc = put_part(k, &way[--n], buf);
        if (!rc && n)
            rc = ate__buf_append(buf, ate__bytes("/", 1));
    }
    return rc;
}

bool known_path_bytes(const struct known *k, struct ate_id id, struct ate__buf *buf)
{
    struct ate_id way[FS_DEPTH_MAX];
    size_t n = climb(k, id, way);
    while (n > 0) {
        const struct known_object *o = find(k, &way[--n]);
        if (!o || !o->name || ate__buf_append(buf, ate__bytes(o->name, o->name_size)) ||
            (n && ate__buf_append(buf, ate__bytes("/", 1))))
            return false;
    }
    return true;
}
