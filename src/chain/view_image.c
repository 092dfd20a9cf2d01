/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/view_image.h"
#include "base/rd.h"
#include "base/wr.h"
#include "chain/rcu.h"
#include "chain/view_private.h"

enum { PART_SLOTS, PART_LISTS, PART_END };
enum { /* of one RCU section */
       SLOTS_AT_ONCE = 256,
       CHILDREN_AT_ONCE = 4096
};
enum { /* of the byte before a slot; the first four are those of a version */
       FLAG_DELETED = ATE__VERSION_DELETED,
       FLAG_TAGGED = ATE__VERSION_TAGGED,
       FLAG_MORE = ATE__VERSION_MORE,
       FLAG_TWO_TAGS = ATE__VERSION_TWO_TAGS,
       FLAG_VERSION = 16, /* it has one */
       FLAG_SAME = 32,    /* of the record that the one before lies in */
       FLAGS_VERSION = 15,
       FLAGS = 63
};
enum { SLOT_BYTES_MAX = 256 }; /* more than one slot takes */

/* ---- writing ---- */

int ate__view_image_begin(struct ate__view *v, uint64_t now_ms, struct ate__view_image *ret)
{
    *ret = (struct ate__view_image){.slots = v->slots.count};
    return ate__view_begin(v, now_ms, &ret->snapshot);
}

void ate__view_image_end(struct ate__view_image *w)
{
    if (w->snapshot.view)
        ate__view_end(&w->snapshot);
    w->snapshot.view = NULL;
    ate__buf_deinit(&w->buf);
}

/* A snapshot that was expelled may have met what is used for something else by now. */
static int leave(const struct ate__view_image *w, const struct ate__wr *wr)
{
    bool expelled = ate__reader_stale(w->snapshot.reader);
    ate__rcu_leave();
    if (expelled)
        return ate__fail(ATE_STALE, "view image: too much changed while it was written");
    return ate__wr_end(wr);
}

static void write_record(struct ate__view_image *w, struct ate__wr *wr,
                         const struct ate__version *v, uint64_t place, uint32_t record_size)
{
    ate__wr_u64(wr, v->sequence);
    ate__wr_u64(wr, place);
    ate__wr_u64(wr, v->updated_us);
    ate__wr_u32(wr, record_size);
    w->sequence = v->sequence;
    w->place = place;
    w->updated_us = v->updated_us;
    w->record_size = record_size;
}

static void write_version(struct ate__view_image *w, struct ate__wr *wr,
                          const struct ate__version *v)
{
    const struct ate__more *more = ate__version_more(w->snapshot.view, v);
    uint64_t place = atomic_load_explicit(&v->place, memory_order_relaxed);
    uint32_t record_size = atomic_load_explicit(&v->record_size, memory_order_relaxed);
    bool same = v->sequence == w->sequence && place == w->place && v->updated_us == w->updated_us &&
                record_size == w->record_size;
    ate__wr_u8(wr, (uint8_t)(FLAG_VERSION | (v->flags & FLAGS_VERSION) | (same ? FLAG_SAME : 0)));
    if (!same)
        write_record(w, wr, v, place, record_size);
    ate__wr_u32(wr, atomic_load_explicit(&v->offset, memory_order_relaxed));
    ate__wr_u32(wr, v->size);
    ate__wr_u32(wr, v->parent);
    ate__wr_u32(wr, v->serial);
    ate__wr_hash(wr, &v->hash);
    if (v->flags & ATE__VERSION_TAGGED)
        ate__wr_copy(wr, v->tag, ATE__NAME_TAG);
    if (!more)
        return;
    ate__wr_u64(wr, more->created_sequence);
    ate__wr_u64(wr, more->created_us);
    ate__wr_u32(wr, more->collection);
    if (v->flags & ATE__VERSION_TWO_TAGS)
        ate__wr_copy(wr, more->second_tag, ATE__NAME_TAG);
}

static int write_slots(struct ate__view_image *w)
{
    const struct ate__view *view = w->snapshot.view;
    struct ate__wr wr = ate__wr_of(&w->buf);
    if (!w->slot)
        ate__wr_u32(&wr, w->slots);
    ate__rcu_enter();
    for (unsigned n = 0; n < SLOTS_AT_ONCE && w->slot < w->slots; n++, w->slot++) {
        const struct ate__slot *slot = ate__slot_at(view, w->slot);
        const struct ate__version *v = ate__slot_version(view, slot, w->snapshot.size);
        ate__wr_id(&wr, &slot->id);
        if (v)
            write_version(w, &wr, v);
        else
            ate__wr_u8(&wr, 0);
    }
    if (w->slot == w->slots) {
        w->part = PART_LISTS;
        w->slot = 0;
    }
    return leave(w, &wr);
}

/* The newest first, each behind a 1. */
static void write_controls(const struct ate__control *c, uint64_t size, struct ate__wr *wr)
{
    for (; c; c = c->older) {
        if (c->sequence >= size)
            continue;
        ate__wr_u8(wr, 1);
        ate__wr_u64(wr, c->sequence);
        ate__wr_hash(wr, &c->hash);
        ate__wr_bytes32(wr, ate__buf_bytes(&c->bytes));
    }
    ate__wr_u8(wr, 0);
}

/* Some more children of the slot, behind their number; 0: that was all. */
static void write_children(struct ate__view_image *w, struct ate__wr *wr, struct ate__extra *extra)
{
    const struct ate__view *view = w->snapshot.view;
    const struct ate__view_members *m =
        atomic_load_explicit(&extra->all.members, memory_order_acquire);
    uint32_t count = m ? atomic_load_explicit(&m->count, memory_order_acquire) : 0, n = 0;
    uint32_t i = m ? ate__view_first_after(m, count, w->serial) : 0;
    size_t mark = w->buf.size;
    ate__wr_u32(wr, 0);
    for (; i < count && n < CHILDREN_AT_ONCE; i++) {
        const struct ate__view_member *item = &m->item[i];
        const struct ate__version *v =
            ate__slot_version(view, ate__slot_at(view, item->child), w->snapshot.size);
        if (!v || !ate__view_is_member(v, w->slot, item->serial))
            continue;
        ate__wr_u32(wr, item->child);
        w->serial = item->serial;
        n++;
    }
    w->in_list = n != 0;
    if (!wr->failed)
        ate__store32(w->buf.data + mark, n);
}

static int write_lists(struct ate__view_image *w)
{
    const struct ate__view *view = w->snapshot.view;
    struct ate__wr wr = ate__wr_of(&w->buf);
    unsigned n = 0;
    ate__rcu_enter();
    while (w->slot < w->slots && n++ < SLOTS_AT_ONCE * 4) {
        struct ate__extra *extra = ate__slot_extra(view, ate__slot_at(view, w->slot));
        if (extra && !w->in_list) {
            ate__wr_u32(&wr, w->slot + 1);
            write_controls(atomic_load_explicit(&extra->control, memory_order_acquire),
                           w->snapshot.size, &wr);
            w->serial = 0;
        }
        if (extra) {
            write_children(w, &wr, extra);
            n += SLOTS_AT_ONCE;
        }
        w->slot += !w->in_list;
    }
    if (w->slot == w->slots) {
        ate__wr_u32(&wr, 0);
        w->part = PART_END;
    }
    return leave(w, &wr);
}

int ate__view_image_step(struct ate__view_image *w, struct ate__image_out *out, size_t bytes)
{
    int rc = 0;
    for (size_t done = 0; !rc && done < bytes; done += w->buf.size) {
        if (w->part == PART_END)
            return ATE_END;
        ate__buf_clear(&w->buf);
        rc = w->part == PART_SLOTS ? write_slots(w) : write_lists(w);
        if (!rc)
            rc = ate__image_put(out, w->buf.data, w->buf.size);
    }
    return rc;
}

/* ---- reading ---- */

struct reading {
    struct ate__view *view;
    struct ate__image_in *in;
    uint64_t size;  /* sequences lie below it */
    uint32_t slots; /* and indices of slots below this */
    uint64_t linked, listed; /* versions that have a parent; children in lists */
    uint64_t sequence, place, updated_us; /* of the version before */
    uint32_t record_size;
};

static int malformed(const char *what)
{
    return ate__fail(ATE_MALFORMED, "view image: %s", what);
}

static int get_u32(struct ate__image_in *in, uint32_t *ret)
{
    uint8_t bytes[4];
    int rc = ate__image_get(in, bytes, sizeof bytes);
    if (!rc)
        *ret = ate__load32(bytes);
    return rc;
}

static int read_more(struct reading *x, struct ate__rd *rd, struct ate__version *v)
{
    uint32_t index;
    if (!(v->flags & ATE__VERSION_MORE))
        return v->flags & ATE__VERSION_TWO_TAGS ? malformed("a second tag without its place") : 0;
    int rc = ate__pages_add(&x->view->more, &index);
    if (rc)
        return rc;
    v->more = index + 1;
    struct ate__more *more = ate__pages_at(&x->view->more, index);
    more->created_sequence = ate__rd_u64(rd);
    more->created_us = ate__rd_u64(rd);
    more->collection = ate__rd_u32(rd);
    if (v->flags & ATE__VERSION_TWO_TAGS)
        ate__rd_copy(rd, more->second_tag, ATE__NAME_TAG);
    return more->created_sequence <= v->sequence ? 0 : malformed("an object older than itself");
}

static void read_record(struct reading *x, struct ate__rd *rd)
{
    x->sequence = ate__rd_u64(rd);
    x->place = ate__rd_u64(rd);
    x->updated_us = ate__rd_u64(rd);
    x->record_size = ate__rd_u32(rd);
}

static int read_version(struct reading *x, struct ate__rd *rd, struct ate__slot *slot,
                        uint8_t flags)
{
    uint32_t index;
    int rc = ate__pages_add(&x->view->versions, &index);
    if (rc)
        return rc;
    struct ate__version *v = ate__version_at(x->view, index + 1);
    if (!(flags & FLAG_SAME))
        read_record(x, rd);
    v->sequence = x->sequence;
    v->updated_us = x->updated_us;
    atomic_init(&v->place, x->place);
    atomic_init(&v->record_size, x->record_size);
    atomic_init(&v->offset, ate__rd_u32(rd));
    uint32_t size = ate__rd_u32(rd);
    v->size = size & 0xffffff;
    v->flags = flags & FLAGS_VERSION;
    v->parent = ate__rd_u32(rd);
    v->serial = ate__rd_u32(rd);
    v->hash = ate__rd_hash(rd);
    if (flags & FLAG_TAGGED)
        ate__rd_copy(rd, v->tag, ATE__NAME_TAG);
    rc = read_more(x, rd, v);
    if (rc)
        return rc;
    if (v->sequence >= x->size || v->parent >= x->slots || size != v->size)
        return malformed("a version that cannot be");
    x->linked += !(flags & FLAG_DELETED);
    atomic_init(&slot->body, index + 1);
    return 0;
}

static int read_slot(struct reading *x, uint32_t at)
{
    struct ate_bytes bytes;
    uint32_t index;
    int rc = ate__image_look(x->in, SLOT_BYTES_MAX, &bytes);
    if (!rc && at) /* that of the top is there */
        rc = ate__pages_add(&x->view->slots, &index);
    if (rc)
        return rc;
    struct ate__slot *slot = ate__slot_at(x->view, at);
    struct ate__rd rd = ate__rd_of(bytes);
    struct ate_id id = ate__rd_id(&rd);
    uint8_t flags = ate__rd_u8(&rd);
    if (!at && !ate__id_equal(&id, &slot->id))
        return malformed("the first object is not the top");
    if (flags & ~FLAGS || (flags && !(flags & FLAG_VERSION)))
        return malformed("an object of unknown form");
    slot->id = id;
    if (flags)
        rc = read_version(x, &rd, slot, flags);
    if (!rc && !ate__rd_ok(&rd))
        rc = malformed("it ends in an object");
    if (!rc)
        ate__image_pass(x->in, rd.at);
    return rc;
}

static int read_slots(struct reading *x)
{
    int rc = get_u32(x->in, &x->slots);
    if (!rc && !x->slots)
        rc = malformed("not even the top");
    for (uint32_t i = 0; !rc && i < x->slots; i++)
        rc = read_slot(x, i);
    return rc;
}

/* ---- control events ---- */

/* Makes it the newest of the slot. */
static int make_control(struct ate__extra *extra, const struct ate_id *id, uint64_t sequence,
                        const struct ate_hash *hash, struct ate_bytes header)
{
    struct ate__control *older = atomic_load(&extra->control), *c;
    struct ate__event event = {.kind = ATE__EVENT_CONTROL, .hash = *hash, .bytes = header};
    event.header.object = *id;
    int rc = ate__control_new(&event, sequence, older, &c);
    if (rc)
        return rc < 0 ? rc : malformed("a control event");
    bool right = ate__id_equal(&c->header.object, id) && (!older || older->sequence <= sequence);
    atomic_store(&extra->control, c);
    ate__control_unref(older); /* the new one holds it */
    return right ? 0 : malformed("a control event out of its place");
}

enum { CONTROL_BYTES = 1 + 8 + 32 + 4 };

/* They come with the newest first, and are linked with the oldest first. */
static int read_controls(struct reading *x, struct ate__extra *extra, const struct ate_id *id)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf all = ATE__BUF_NULL;
    ate__cleanup(ate__freep) size_t *starts = NULL;
    size_t count = 0, capacity = 0;
    uint8_t head[CONTROL_BYTES];
    int rc;
    while (!(rc = ate__image_get(x->in, head, 1)) && head[0] == 1) {
        rc = ate__image_get(x->in, head + 1, sizeof head - 1);
        uint32_t size = rc ? 0 : ate__load32(head + 41);
        if (size > ATE__CONTROL_HEADER_MAX)
            rc = malformed("a control event that is too large");
        if (!rc)
            rc = ate__grow(&starts, &capacity, count + 1, sizeof *starts);
        if (!rc)
            rc = ate__buf_reserve(&all, sizeof head + size);
        if (rc)
            return rc;
        starts[count++] = all.size;
        memcpy(all.data + all.size, head, sizeof head);
        rc = ate__image_get(x->in, all.data + all.size + sizeof head, size);
        if (rc)
            return rc;
        all.size += sizeof head + size;
    }
    if (!rc && head[0])
        rc = malformed("a control event of unknown form");
    while (!rc && count--) {
        struct ate__rd rd =
            ate__rd_of(ate__bytes(all.data + starts[count], all.size - starts[count]));
        (void)ate__rd_u8(&rd);
        uint64_t sequence = ate__rd_u64(&rd);
        struct ate_hash hash = ate__rd_hash(&rd);
        struct ate_bytes header = ate__rd_bytes32(&rd, ATE__CONTROL_HEADER_MAX);
        rc = sequence < x->size ? make_control(extra, id, sequence, &hash, header)
                                : malformed("a control event of a later time");
    }
    return rc;
}

/* ---- child lists ---- */

static int add_children(struct reading *x, uint32_t parent, struct ate_bytes children,
                        struct ate__extra *extra)
{
    struct ate__rd rd = ate__rd_of(children);
    int rc = 0;
    while (!rc && ate__rd_left(&rd)) {
        uint32_t child = ate__rd_u32(&rd);
        const struct ate__slot *slot = child < x->slots ? ate__slot_at(x->view, child) : NULL;
        uint32_t body = slot ? atomic_load_explicit(&slot->body, memory_order_relaxed) : ATE__NONE;
        const struct ate__version *v = body ? ate__version_at(x->view, body) : NULL;
        if (!v || v->serial <= extra->next_serial || !ate__view_is_member(v, parent, v->serial))
            return malformed("a child that is none");
        rc = ate__view_enter(x->view, parent, extra, ate__version_collection(x->view, v),
                             (struct ate__view_member){child, v->serial});
        extra->next_serial = v->serial;
        x->listed++;
    }
    return rc;
}

/* Room for n more; ate__view_members_fit() gives back what was too much. */
static int members_room(struct ate__extra *extra, uint32_t n)
{
    struct ate__view_members *m = atomic_load(&extra->all.members);
    uint32_t count = m ? atomic_load_explicit(&m->count, memory_order_relaxed) : 0;
    if (m && m->capacity - count >= n)
        return 0;
    /* There are no more children in a list than slots, for their serials ascend. */
    uint64_t capacity = ate__min((uint64_t)count + count / 2 + n, UINT32_MAX);
    struct ate__view_members *more = ate__resize(m, sizeof *m + capacity * sizeof m->item[0]);
    if (!more)
        return ate__no_memory();
    if (!m)
        atomic_init(&more->count, 0);
    more->capacity = (uint32_t)capacity;
    atomic_store(&extra->all.members, more);
    return 0;
}

static void members_fit(struct ate__extra *extra)
{
    struct ate__view_members *m = atomic_load(&extra->all.members);
    uint32_t count = m ? atomic_load_explicit(&m->count, memory_order_relaxed) : 0;
    uint32_t capacity = count + count / 8;
    if (!m || capacity + 4 >= m->capacity)
        return;
    struct ate__view_members *less = ate__resize(m, sizeof *m + capacity * sizeof m->item[0]);
    if (!less)
        return;
    less->capacity = capacity;
    atomic_store(&extra->all.members, less);
}

static int read_children(struct reading *x, uint32_t parent, struct ate__extra *extra)
{
    struct ate_bytes bytes;
    uint32_t n;
    int rc;
    while (!(rc = get_u32(x->in, &n)) && n) {
        if (n > CHILDREN_AT_ONCE)
            return malformed("too many children at once");
        rc = ate__image_look(x->in, n * sizeof n, &bytes);
        if (!rc)
            rc = members_room(extra, n);
        if (!rc)
            rc = add_children(x, parent, bytes, extra);
        if (rc)
            return rc;
        ate__image_pass(x->in, bytes.size);
    }
    members_fit(extra);
    return rc;
}

static int read_lists(struct reading *x)
{
    uint32_t last = 0, slot;
    int rc;
    while (!(rc = get_u32(x->in, &slot)) && slot) {
        struct ate__extra *extra;
        if (slot <= last || slot > x->slots)
            return malformed("a list of no object");
        last = slot;
        rc = ate__view_extra(x->view, slot - 1, &extra);
        if (!rc)
            rc = read_controls(x, extra, &ate__slot_at(x->view, slot - 1)->id);
        if (!rc)
            rc = read_children(x, slot - 1, extra);
        if (rc)
            return rc;
    }
    return !rc && x->linked != x->listed ? malformed("an object is in no list") : rc;
}

int ate__view_image_read(struct ate__view *v, struct ate__image_in *in, uint64_t size)
{
    struct reading x = {.view = v, .in = in, .size = size};
    ate__assert(v->slots.count == 1 && !v->versions.count);
    int rc = read_slots(&x);
    if (!rc)
        rc = read_lists(&x);
    if (!rc)
        rc = ate__view_index_all(v);
    if (rc)
        return rc;
    v->written = size;
    ate__view_show(v);
    return 0;
}
