/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_private.h: the inside of the view, shared by view.c (the writer), view_index.c (tables),
 * view_lists.c (children) and view_read.c (readers).
 */
#pragma once
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/map.h"
#include "chain/pages.h"
#include "chain/limits.h"
#include "chain/view.h"

enum { ATE__NONE = 0 }; /* an index + 1 that is not there */

enum {
    ATE__VERSION_DELETED = 1,
    ATE__VERSION_TAGGED = 2,
    ATE__VERSION_MORE = 4, /* its entry of `more` is in force */
    ATE__VERSION_TWO_TAGS = 8
};
struct ate__more { /* what few versions have: not the first, in a collection, or with two tags */
    uint64_t created_sequence; /* of the first version in this life of the object */
    uint64_t created_us;       /* root time; set when placed */
    uint32_t collection;
    uint8_t second_tag[ATE__NAME_TAG];
};
struct ate__version {
    uint64_t sequence;
    /* Of the record, set when placed; compaction changes the three of them, one by one: hints. */
    _Atomic uint64_t place;
    uint64_t updated_us; /* root time; set when placed */
    _Atomic uint32_t record_size, offset;
    uint32_t size : 24, flags : 8;
    _Atomic uint32_t older; /* version + 1 */
    uint32_t next; /* version + 1 in the one list that it is in: superseding, retired or free */
    uint32_t more; /* index + 1; kept when the version is used again */
    uint32_t parent; /* slot */
    uint32_t serial; /* of its entry in the parent's child list */
    struct ate_hash hash;
    uint8_t tag[ATE__NAME_TAG];
};
_Static_assert(ATE__TX_SIZE_MAX < 1 << 24, "the size of an event has 24 bits");
struct ate__versions { /* a list of versions, through `next` */
    uint32_t first, last; /* + 1 */
    size_t count;
};
struct ate__view_member {
    uint32_t child, serial;
};
struct ate__view_members { /* replaced when it grows or shrinks; the old one is retired */
    uint32_t capacity;
    _Atomic uint32_t count;
    struct ate__view_member item[];
};
struct ate__view_list {
    _Atomic(struct ate__view_members *) members;
    uint32_t dead; /* entries that no version backs; about */
    _Atomic uint32_t collection;
};
struct ate__view_lists { /* replaced when it grows; the old one is retired */
    uint32_t count;
    struct ate__view_list list[];
};
struct ate__extra { /* of the few slots that have children or control events */
    /* All children. Its collection is that of all of them, where there is no list of one. */
    struct ate__view_list all;
    /* Of each collection, once there are children in two; NULL before. A collection that came when
     * there were ATE__VIEW_LISTS_MAX is found among all children alone. */
    _Atomic(struct ate__view_lists *) lists;
    uint32_t next_serial;
    _Atomic(struct ate__control *) control; /* newest; a reference; older ones through it */
};
struct ate__slot {
    struct ate_id id;
    _Atomic uint32_t body; /* newest version + 1 */
    _Atomic uint32_t extra; /* index + 1 */
};
/* Of slot + 1, with 32 bits of the hash above it; replaced when it grows. A hash has its place at
 * the same fraction of the table as it is of all hashes: cells move up in order when it grows, and
 * only a slot with the same 32 bits is looked at. */
struct ate__table {
    uint64_t cells;
    _Atomic uint64_t cell[];
};
/* For each group of ids one more than the newest sequence that touched one of them, published or
 * not. A larger table begins with what the smaller one says, which stays for those who read it. */
struct ate__touched {
    uint64_t mask;
    struct ate__touched *smaller;
    _Atomic uint64_t below[];
};
struct ate__pending { /* what install() did, in order, until it is published */
    uint32_t slot, version; /* version + 1; ATE__NONE: a control event */
    struct ate__control *control; /* borrowed from the slot */
    uint64_t sequence;
};
struct ate__view {
    const struct ate__env *env;
    struct ate__readers *readers;
    _Atomic uint64_t published; /* the lower one of the next two */
    uint64_t written, limit;
    uint32_t era; /* how many were in its place before; constant once it is read */
    struct ate__pages slots, versions, more, extras;
    _Atomic(struct ate__table *) ids, tags;
    uint64_t id_count, tag_count; /* cells in use */
    uint64_t tags_linked; /* tags of linked versions */
    uint64_t tags_walked; /* cells of other objects with the same tag that stood in the way */
    _Atomic(struct ate__touched *) touched;
    uint64_t seed[2];
    struct ate__pending *pending;
    size_t pending_count, pending_capacity, placed; /* placed: pending entries that have a place */
    /* Published, ascending: `older` of each goes once no reader can see it. */
    struct ate__versions superseding;
    /* Unreadable, but a grace period is due; ready for use. */
    struct ate__versions retired_versions, free_versions;
    size_t old_bytes_max; /* ATE__VIEW_OLD_BYTES_MAX, or what a test says */
    void **retired; /* blocks to free after a grace period */
    size_t retired_count, retired_capacity, retired_bytes;
};

static inline void ate__view_show(struct ate__view *v)
{
    atomic_store(&v->published, ate__min(v->written, v->limit));
}

static inline _Atomic uint64_t *ate__touched_at(const struct ate__view *v, struct ate__touched *t,
                                                const struct ate_id *id)
{
    return &t->below[ate__quick_hash(v->seed, id->b) & t->mask];
}
static inline struct ate__slot *ate__slot_at(const struct ate__view *v, uint32_t slot)
{
    return ate__pages_at(&v->slots, slot);
}
static inline struct ate__version *ate__version_at(const struct ate__view *v,
                                                   uint32_t version_plus_1)
{
    return ate__pages_at(&v->versions, version_plus_1 - 1);
}
/* NULL: nothing of it is in force. */
static inline struct ate__more *ate__version_more(const struct ate__view *v,
                                                  const struct ate__version *version)
{
    return version->flags & ATE__VERSION_MORE ? ate__pages_at(&v->more, version->more - 1) : NULL;
}
static inline uint32_t ate__version_collection(const struct ate__view *v,
                                               const struct ate__version *version)
{
    const struct ate__more *more = ate__version_more(v, version);
    return more ? more->collection : 0;
}
static inline uint64_t ate__version_created(const struct ate__view *v,
                                            const struct ate__version *version)
{
    const struct ate__more *more = ate__version_more(v, version);
    return more ? more->created_sequence : version->sequence;
}
static inline uint64_t ate__version_created_us(const struct ate__view *v,
                                               const struct ate__version *version)
{
    const struct ate__more *more = ate__version_more(v, version);
    return more ? more->created_us : version->updated_us;
}
/* NULL: it has none. */
static inline struct ate__extra *ate__slot_extra(const struct ate__view *v,
                                                 const struct ate__slot *slot)
{
    uint32_t extra = atomic_load_explicit(&slot->extra, memory_order_acquire);
    return extra ? ate__pages_at(&v->extras, extra - 1) : NULL;
}
/* The version of a slot that a reader at `size` sees; NULL. */
static inline struct ate__version *ate__slot_version(const struct ate__view *v,
                                                     const struct ate__slot *slot, uint64_t size)
{
    uint32_t i = atomic_load_explicit(&slot->body, memory_order_acquire);
    while (i != ATE__NONE) {
        struct ate__version *version = ate__version_at(v, i);
        if (version->sequence < size)
            return version;
        i = atomic_load_explicit(&version->older, memory_order_acquire);
    }
    return NULL;
}

/* Whether a version is what an entry of a child list stands for. */
static inline bool ate__view_is_member(const struct ate__version *version, uint32_t parent,
                                       uint32_t serial)
{
    return !(version->flags & ATE__VERSION_DELETED) && version->parent == parent &&
           version->serial == serial;
}
/* The first entry with a serial above `after`. Serials ascend along the list, so a cursor survives
 * its replacement. */
static inline uint32_t ate__view_first_after(const struct ate__view_members *m, uint32_t count,
                                             uint64_t after)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->item[middle].serial <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* view_index.c; the writer's, but for the two that find */
bool ate__view_find_slot(const struct ate__view *v, const struct ate_id *id, uint32_t *ret_slot);
bool ate__view_find_tag(const struct ate__view *v, uint32_t parent,
                        const uint8_t tag[ATE__NAME_TAG], uint64_t size, uint32_t *ret_child);
int ate__view_make_slot(struct ate__view *v, const struct ate_id *id, uint32_t *ret_slot)
    ATE__CHECK; /* found or made */
int ate__view_widen_touched(struct ate__view *v) ATE__CHECK; /* if there are many slots by now */
void ate__view_touch(struct ate__view *v, const struct ate_id *id, uint64_t sequence);
/* All slots and the tags of all linked versions into new tables, and into what was touched: for a
 * view that nobody reads yet. E_MEMORY */
int ate__view_index_all(struct ate__view *v) ATE__CHECK;
int ate__view_extra(struct ate__view *v, uint32_t slot, struct ate__extra **ret_extra)
    ATE__CHECK; /* found or made */
/* The tags of a version that is linked to its slot: what no linked version has is left out of a
 * table that is made anew meanwhile. */
int ate__view_index_tags(struct ate__view *v, uint32_t slot, const struct ate__version *version)
    ATE__CHECK;
/* The tags of a linked version that goes. */
void ate__view_untag(struct ate__view *v, const struct ate__version *gone);

/* view_lists.c; the writer's, but for the first */
/* The list that has the children asked for; NULL: there are none. *ret_sift: others are among them,
 * and only the collection of each tells. */
const struct ate__view_members *ate__view_members_of(const struct ate__extra *extra,
                                                     const struct ate__listing *l, bool *ret_sift);
int ate__view_add_member(struct ate__view *v, uint32_t parent, uint32_t child, uint32_t collection,
                         uint32_t *ret_serial) ATE__CHECK;
/* The same under a serial that is given, and where there is room among all. */
int ate__view_enter(struct ate__view *v, uint32_t parent, struct ate__extra *extra,
                    uint32_t collection, struct ate__view_member member) ATE__CHECK;
void ate__view_free_lists(struct ate__extra *extra);
/* A linked version that `gone` was goes, and the one that is newer or older stays: its entry may be
 * dead now. stays NULL: none. */
void ate__view_left(struct ate__view *v, const struct ate__version *gone,
                    const struct ate__version *stays);
/* Frees it after the next grace period. Room for it was made: ate__view_may_retire(). */
void ate__view_retire(struct ate__view *v, void *block, size_t size);
int ate__view_may_retire(struct ate__view *v) ATE__CHECK;
