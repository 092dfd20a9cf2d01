/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/thin_known.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "mesh/limits.h"

struct name_key {
    struct ate_id parent;
    uint8_t tag[ATE__NAME_TAG];
};

static struct name_key name_key_of(const struct ate_id *parent, const uint8_t tag[ATE__NAME_TAG])
{
    struct name_key key = {.parent = *parent};
    memcpy(key.tag, tag, sizeof key.tag);
    return key;
}

/* ---- one object ---- */

void ate__thin_object_free(struct ate__thin_object *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->control_count; i++)
        ate__control_unref(o->controls[i]);
    ate__free(o->controls);
    ate__free(o->authors);
    ate__buf_deinit(&o->whole);
    ate__free(o);
}

const struct ate__control *ate__thin_control_before(const struct ate__thin_object *o,
                                                    uint64_t sequence)
{
    size_t low = 0, high = o->control_count; /* the first that is not before it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->controls[middle]->sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? o->controls[low - 1] : NULL;
}

static size_t bytes_of(const struct ate__thin_object *o)
{
    size_t bytes =
        sizeof *o + 64 /* in maps */ + o->whole.capacity + o->author_count * sizeof *o->authors;
    for (size_t i = 0; i < o->control_count; i++)
        bytes += sizeof **o->controls + o->controls[i]->bytes.capacity;
    return bytes;
}

/* ---- lists ---- */

static void list_free(struct ate__thin_list *l)
{
    ate__free(l->starts);
    ate__free(l->ids);
    ate__map_deinit(&l->seen);
    ate__free(l);
}

static void free_lists(struct ate__thin_known *k)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&k->lists, &at, NULL, &value);)
        list_free(ate__map_pointer(value));
    ate__map_clear(&k->lists);
    k->listed = NULL;
}

struct ate__thin_list *ate__thin_known_page(const struct ate__thin_known *k,
                                            const struct ate_id *parent)
{
    struct ate__thin_list *l = k->listed;
    return l && l->has_page && ate__id_equal(&l->listing.parent, parent) ? l : NULL;
}

struct list_key {
    struct ate_id parent, from;
    uint32_t collection, flags;
};

static struct list_key key_of(const struct ate__listing *l)
{
    return (struct list_key){.parent = l->parent,
                             .from = l->has_from ? l->from : ate__top_id,
                             .collection = l->one ? l->collection : 0,
                             .flags = l->one + 2u * l->reverse + 4u * l->has_from};
}

int ate__thin_known_list(struct ate__thin_known *k, const struct ate__listing *listing,
                         struct ate__thin_list **ret_list)
{
    struct list_key key = key_of(listing);
    uint64_t value;
    if (ate__map_get(&k->lists, &key, &value)) {
        *ret_list = k->listed = ate__map_pointer(value);
        return 0;
    }
    struct ate__thin_list *l = ate__alloc(sizeof *l);
    if (!l)
        return ate__no_memory();
    l->listing = *listing;
    ate__map_init(&l->seen, sizeof(struct ate_id), k->lists.seed);
    int rc = ate__grow(&l->starts, &l->start_capacity, 1, sizeof *l->starts);
    if (!rc)
        rc = ate__map_put(&k->lists, &key, ate__map_of_pointer(l));
    if (rc) {
        list_free(l);
        return rc;
    }
    l->starts[0] = 0;
    l->start_count = 1;
    *ret_list = k->listed = l;
    return 0;
}

/* ---- all of it ---- */

void ate__thin_known_init(struct ate__thin_known *k, const struct ate__env *env)
{
    uint64_t seed[2];
    ate__random(env, seed, sizeof seed);
    *k = (struct ate__thin_known){.bytes = 0};
    ate__map_init(&k->objects, sizeof(struct ate_id), seed);
    ate__map_init(&k->names, sizeof(struct name_key), seed);
    ate__map_init(&k->lists, sizeof(struct list_key), seed);
}

static void free_objects(struct ate__thin_known *k)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);)
        ate__thin_object_free(ate__map_pointer(value));
    ate__map_clear(&k->objects);
    ate__map_clear(&k->names);
    free_lists(k);
    k->bytes = 0;
}

void ate__thin_known_deinit(struct ate__thin_known *k)
{
    free_objects(k);
    for (size_t i = 0; i < k->lent_count; i++)
        ate__control_unref(k->lent[i]);
    ate__free(k->lent);
    ate__map_deinit(&k->objects);
    ate__map_deinit(&k->names);
    ate__map_deinit(&k->lists);
}

static struct ate__control *lent_by(const struct ate__thin_object *o)
{
    return o && o->control_count ? o->controls[o->control_count - 1] : NULL;
}

int ate__thin_known_clear(struct ate__thin_known *k)
{
    size_t count = k->lent_count;
    uint64_t value;
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);)
        count += lent_by(ate__map_pointer(value)) != NULL;
    int rc = ate__grow(&k->lent, &k->lent_capacity, count, sizeof *k->lent);
    if (rc)
        return rc;
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);) {
        struct ate__control *c = lent_by(ate__map_pointer(value));
        if (c)
            k->lent[k->lent_count++] = ate__control_ref(c);
    }
    free_objects(k);
    return 0;
}

/* What has lent its control, and all above it. */
static void hold(struct ate__thin_known *k)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);) {
        struct ate__thin_object *o = ate__map_pointer(value);
        for (o = lent_by(o) ? o : NULL; o && !o->held; o = o->above)
            o->held = true;
    }
}

static void let_go(struct ate__thin_known *k)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);) {
        struct ate__thin_object *o = ate__map_pointer(value);
        if (o)
            o->held = false;
    }
}

static int put_names(struct ate__map *names, struct ate__thin_object *o)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < o->tag_count; i++) {
        struct name_key key = name_key_of(&o->parent, o->tags + (size_t)i * ATE__NAME_TAG);
        rc = ate__map_put(names, &key, ate__map_of_pointer(o));
    }
    return rc;
}

static int collect_held(const struct ate__thin_known *k, struct ate__map *objects,
                        struct ate__map *names)
{
    const void *id;
    uint64_t value;
    int rc = 0;
    for (size_t at = 0; !rc && ate__map_next(&k->objects, &at, &id, &value);) {
        struct ate__thin_object *o = ate__map_pointer(value);
        if (!o || !o->held)
            continue;
        rc = ate__map_put(objects, id, value);
        if (!rc)
            rc = put_names(names, o);
    }
    return rc;
}

static void drop_others(struct ate__thin_known *k)
{
    uint64_t value;
    k->bytes = 0;
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);) {
        struct ate__thin_object *o = ate__map_pointer(value);
        if (o && o->held)
            k->bytes += bytes_of(o);
        else
            ate__thin_object_free(o);
    }
}

/* Those that are held stay, with their names, and are held no more; on failure all stay. */
static int keep_held(struct ate__thin_known *k)
{
    struct ate__map objects, names;
    ate__map_init(&objects, sizeof(struct ate_id), k->objects.seed);
    ate__map_init(&names, sizeof(struct name_key), k->names.seed);
    int rc = collect_held(k, &objects, &names);
    if (rc) {
        ate__map_deinit(&objects);
        ate__map_deinit(&names);
    } else {
        drop_others(k);
        ate__map_deinit(&k->objects);
        ate__map_deinit(&k->names);
        k->objects = objects;
        k->names = names;
    }
    let_go(k);
    return rc;
}

int ate__thin_known_trim(struct ate__thin_known *k)
{
    if (k->bytes <= ATE__THIN_BYTES_MAX)
        return 0;
    hold(k);
    int rc = keep_held(k);
    if (!rc && k->bytes > ATE__THIN_BYTES_MAX)
        rc = ate__fail(ATE_TOO_BIG,
                       "the rules of the objects that this transaction has seen take more than "
                       "%d bytes: end it, or open the chain with a mirror",
                       ATE__THIN_BYTES_MAX);
    return rc;
}

bool ate__thin_known_advance(struct ate__thin_known *k, const struct ate__map *touched)
{
    uint64_t value;
    bool stays = true;
    for (size_t at = 0; stays && ate__map_next(&k->objects, &at, NULL, &value);) {
        struct ate__thin_object *o = ate__map_pointer(value);
        if (!o)
            continue;
        o->held = !ate__map_get(touched, &o->id, NULL);
        stays =
            (o->held || !lent_by(o)) && !(o->above && ate__map_get(touched, &o->above->id, NULL));
    }
    if (!stays) {
        let_go(k);
        return false;
    }
    if (keep_held(k))
        return false;
    free_lists(k);
    for (size_t at = 0; ate__map_next(&k->objects, &at, NULL, &value);)
        ((struct ate__thin_object *)ate__map_pointer(value))->told = false;
    return true;
}

bool ate__thin_known_find(const struct ate__thin_known *k, const struct ate_id *id,
                          struct ate__thin_object **ret_object)
{
    uint64_t value;
    if (!ate__map_get(&k->objects, id, &value))
        return false;
    *ret_object = ate__map_pointer(value);
    return true;
}

bool ate__thin_known_name(const struct ate__thin_known *k, const struct ate_id *parent,
                          const uint8_t tag[ATE__NAME_TAG], struct ate__thin_object **ret_object)
{
    struct name_key key = name_key_of(parent, tag);
    uint64_t value;
    if (!ate__map_get(&k->names, &key, &value))
        return false;
    *ret_object = ate__map_pointer(value);
    return true;
}

/* A name that nobody had, or another, cannot have got a holder meanwhile. */
static int add_names(struct ate__thin_known *k, struct ate__thin_object *o)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < o->tag_count; i++) {
        struct name_key key = name_key_of(&o->parent, o->tags + (size_t)i * ATE__NAME_TAG);
        char text[ATE__ID_TEXT];
        if (ate__map_get(&k->names, &key, NULL))
            return ate__fail(ATE_BAD_PEER,
                             "object %s: it has a name that was told to be free, or another's",
                             ate__id_text(&o->id, text));
        rc = ate__map_put(&k->names, &key, ate__map_of_pointer(o));
    }
    return rc;
}

void ate__thin_known_take_back(struct ate__thin_known *k, struct ate__thin_object *o)
{
    uint64_t holder;
    for (unsigned i = 0; i < o->tag_count; i++) {
        struct name_key key = name_key_of(&o->parent, o->tags + (size_t)i * ATE__NAME_TAG);
        if (ate__map_get(&k->names, &key, &holder) && ate__map_pointer(holder) == o)
            ate__map_remove(&k->names, &key);
    }
    if (ate__map_remove(&k->objects, &o->id))
        k->bytes -= bytes_of(o);
}

int ate__thin_known_add(struct ate__thin_known *k, struct ate__thin_object *o)
{
    ate__assert(!ate__map_get(&k->objects, &o->id, NULL));
    int rc = ate__map_put(&k->objects, &o->id, ate__map_of_pointer(o));
    if (rc)
        return rc;
    k->bytes += bytes_of(o);
    rc = add_names(k, o);
    if (rc)
        ate__thin_known_take_back(k, o);
    return rc;
}

enum { ABSENT_BYTES = 64 /* in a map */ };

int ate__thin_known_absent(struct ate__thin_known *k, const struct ate_id *id)
{
    int rc = ate__map_put(&k->objects, id, 0);
    k->bytes += rc ? 0 : ABSENT_BYTES;
    return rc;
}

int ate__thin_known_no_name(struct ate__thin_known *k, const struct ate_id *parent,
                            const uint8_t tag[ATE__NAME_TAG])
{
    struct name_key key = name_key_of(parent, tag);
    int rc = ate__map_put(&k->names, &key, 0);
    k->bytes += rc ? 0 : ABSENT_BYTES;
    return rc;
}

int ate__thin_known_fill(struct ate__thin_known *k, struct ate__thin_object *o,
                         struct ate_bytes whole)
{
    struct ate__buf filled = ATE__BUF_NULL;
    int rc = ate__buf_append(&filled, whole);
    if (rc)
        return rc;
    k->bytes += filled.capacity - o->whole.capacity;
    ate__buf_deinit(&o->whole);
    o->whole = filled;
    o->stripped = false;
    return 0;
}
