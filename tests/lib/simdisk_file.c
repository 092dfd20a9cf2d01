/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simdisk_file.c: the pages of one file, in the cache and on the disk.
 *
 * 1. A page without a dirty record is on the disk as it is in the cache.
 * 2. Every write makes a new version; a page that was a version is not written again.
 */
#include "lib/simdisk_impl.h"
#include "base/map.h"
#include "lib/check.h"
#include <stdlib.h>

enum { WRITE_VERSIONS_MAX = 16 };

struct page {
    uint32_t refs; /* atomic: disks in several threads share pages */
    uint64_t hash; /* atomic; of the bytes, once it was asked for; 0: not yet */
    uint8_t bytes[SIM_PAGE];
};

/* All pages that are zeros but have a place. Nobody counts its owners. */
static struct page zero_page;

/* --- memory --- */

void *sim_alloc(size_t size)
{
    void *block = calloc(1, size ? size : 1);
    if (!block)
        abort();
    return block;
}

void *sim_grow(void *array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 4;
    array = realloc(array, *capacity * item_size);
    if (!array)
        abort();
    return array;
}

char *sim_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

static struct page *page_ref(struct page *page)
{
    if (page && page != &zero_page)
        __atomic_add_fetch(&page->refs, 1, __ATOMIC_RELAXED);
    return page;
}

static void page_unref(struct page *page)
{
    if (page && page != &zero_page && !__atomic_sub_fetch(&page->refs, 1, __ATOMIC_ACQ_REL))
        free(page);
}

/* A page of one's own with the same bytes. */
static struct page *page_copy(const struct page *page)
{
    struct page *copy = malloc(sizeof *copy);
    if (!copy)
        abort();
    copy->refs = 1;
    copy->hash = 0;
    if (page)
        memcpy(copy->bytes, page->bytes, SIM_PAGE);
    else
        memset(copy->bytes, 0, SIM_PAGE);
    return copy;
}

static const uint8_t *page_bytes(const struct page *page)
{
    return page ? page->bytes : zero_page.bytes;
}

/* --- dirty pages --- */

static void versions_clear(struct dirty *dirty)
{
    for (size_t i = 0; i < dirty->count; i++)
        page_unref(dirty->versions[i].page);
    dirty->count = 0;
}

static void dirty_free(struct dirty *dirty)
{
    versions_clear(dirty);
    free(dirty->versions);
    page_unref(dirty->durable);
    free(dirty);
}

static void reach_page(struct simfile *f, size_t index)
{
    if (index < f->page_count)
        return;
    size_t count = f->page_count * 2 > index + 1 ? f->page_count * 2 : index + 1;
    f->pages = realloc(f->pages, count * sizeof *f->pages);
    f->dirty = realloc(f->dirty, count * sizeof *f->dirty);
    if (!f->pages || !f->dirty)
        abort();
    memset(f->pages + f->page_count, 0, (count - f->page_count) * sizeof *f->pages);
    memset(f->dirty + f->page_count, 0, (count - f->page_count) * sizeof *f->dirty);
    f->page_count = count;
}

static struct dirty *dirty_of(struct simfile *f, size_t index)
{
    if (!f->dirty[index]) {
        struct dirty *dirty = sim_alloc(sizeof *dirty);
        dirty->index = index;
        dirty->durable = page_ref(f->pages[index]);
        f->list = sim_grow(f->list, f->list_count, &f->list_capacity, sizeof *f->list);
        f->list[f->list_count++] = f->dirty[index] = dirty;
    }
    return f->dirty[index];
}

static void set_page(struct simfile *f, size_t index, struct page *take_page)
{
    f->used += (take_page != NULL) - (size_t)(f->pages[index] != NULL);
    page_unref(f->pages[index]);
    f->pages[index] = take_page;
}

/* The page becomes `take_page`, bytes from to `to` having changed. */
static void add_version(struct simfile *f, size_t index, struct page *take_page, size_t from,
                        size_t to, size_t truncation)
{
    struct dirty *dirty = dirty_of(f, index);
    dirty->lost = false;
    if (dirty->count >= WRITE_VERSIONS_MAX && !dirty->versions[dirty->count / 2].truncation) {
        size_t middle = dirty->count / 2;
        page_unref(dirty->versions[middle].page);
        memmove(dirty->versions + middle, dirty->versions + middle + 1,
                (dirty->count - middle - 1) * sizeof *dirty->versions);
        dirty->count--;
    }
    dirty->versions =
        sim_grow(dirty->versions, dirty->count, &dirty->capacity, sizeof *dirty->versions);
    dirty->versions[dirty->count++] =
        (struct version){page_ref(take_page), (uint16_t)from, (uint16_t)to, truncation};
    set_page(f, index, take_page);
}

static void add_event(struct simfile *f, uint64_t size)
{
    struct size_event *last = f->event_count ? &f->events[f->event_count - 1] : NULL;
    if (size > f->size && last && !last->truncate) {
        last->to = size;
    } else {
        f->events = sim_grow(f->events, f->event_count, &f->event_capacity, sizeof *f->events);
        f->events[f->event_count++] = (struct size_event){size < f->size, f->size, size};
    }
    f->size = size;
}

/* Takes the records of the list that `keep` is false for out of it, without freeing them. */
static void keep_dirty(struct simfile *f, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->list_count; i++) {
        struct dirty *dirty = f->list[i];
        if (keep[i]) {
            f->list[kept++] = dirty;
        } else {
            f->dirty[dirty->index] = NULL;
            dirty_free(dirty);
        }
    }
    f->list_count = kept;
}

/* --- digests --- */

/* A page never changes once it has a place (2), so that its hash is made once. 1: all zeros. */
static uint64_t page_hash(struct page *page)
{
    if (!page || page == &zero_page)
        return 1;
    uint64_t hash = __atomic_load_n(&page->hash, __ATOMIC_RELAXED);
    if (hash)
        return hash;
    hash = 1;
    if (memcmp(page->bytes, zero_page.bytes, SIM_PAGE))
        hash = ate__siphash((uint64_t[2]){0, SIM_PAGE}, page->bytes, SIM_PAGE) | 2;
    __atomic_store_n(&page->hash, hash, __ATOMIC_RELAXED);
    return hash;
}

uint64_t simfile_digest(const struct simfile *f, uint64_t digest)
{
    digest = ate__siphash((uint64_t[2]){digest, 0}, &f->size, sizeof f->size);
    for (size_t i = 0; i < f->page_count; i++) { /* nothing stands behind the end */
        uint64_t hash = page_hash(f->pages[i]);
        if (hash != 1)
            digest = ate__siphash((uint64_t[2]){digest, i}, &hash, sizeof hash);
    }
    return digest;
}

/* --- what the process does --- */

void simfile_deinit(struct simfile *f)
{
    for (size_t i = 0; i < f->page_count; i++)
        page_unref(f->pages[i]);
    for (size_t i = 0; i < f->list_count; i++)
        dirty_free(f->list[i]);
    free(f->pages);
    free(f->dirty);
    free(f->list);
    free(f->events);
    *f = (struct simfile){0};
}

size_t simfile_read(const struct simfile *f, uint64_t offset, void *to, size_t size)
{
    if (offset >= f->size)
        return 0;
    if (size > f->size - offset)
        size = (size_t)(f->size - offset);
    uint8_t *p = to;
    for (size_t done = 0, part; done < size; done += part) {
        size_t index = (size_t)((offset + done) / SIM_PAGE);
        size_t at = (size_t)((offset + done) % SIM_PAGE);
        part = ate__min(SIM_PAGE - at, size - done);
        const struct page *page = index < f->page_count ? f->pages[index] : NULL;
        memcpy(p + done, page_bytes(page) + at, part);
    }
    return size;
}

size_t simfile_write(struct simfile *f, uint64_t offset, const void *from, size_t size,
                     uint64_t room_pages)
{
    const uint8_t *p = from;
    size_t done = 0;
    for (size_t part; done < size; done += part) {
        size_t index = (size_t)((offset + done) / SIM_PAGE);
        size_t at = (size_t)((offset + done) % SIM_PAGE);
        part = ate__min(SIM_PAGE - at, size - done);
        reach_page(f, index);
        if (!f->pages[index] && !room_pages--)
            break;
        struct page *page = &zero_page;
        if (part < SIM_PAGE || memcmp(p + done, zero_page.bytes, SIM_PAGE)) {
            page = page_copy(f->pages[index]);
            memcpy(page->bytes + at, p + done, part);
        }
        add_version(f, index, page, at, at + part, 0);
    }
    if (done && offset + done > f->size)
        add_event(f, offset + done);
    return done;
}

void simfile_truncate(struct simfile *f, uint64_t size)
{
    if (size == f->size)
        return;
    add_event(f, size);
    if (!f->events[f->event_count - 1].truncate)
        return;
    size_t index = (size_t)(size / SIM_PAGE), at = (size_t)(size % SIM_PAGE);
    for (; index < f->page_count; index++, at = 0) {
        if (!f->pages[index])
            continue;
        struct page *page = at ? page_copy(f->pages[index]) : NULL;
        if (page)
            memset(page->bytes + at, 0, SIM_PAGE - at);
        add_version(f, index, page, at, SIM_PAGE, f->event_count);
    }
}

void simfile_sync(struct simfile *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->list_count; i++) {
        struct dirty *dirty = f->list[i];
        if (dirty->lost) {
            f->list[kept++] = dirty;
        } else {
            f->dirty[dirty->index] = NULL;
            dirty_free(dirty);
        }
    }
    f->list_count = kept;
    f->event_count = 0;
    f->durable_size = f->size;
}

void simfile_sync_failed(struct simfile *f, struct rnd *r)
{
    enum { WRITTEN, STILL_DIRTY, LOST, EVICTED, MIXED };
    uint64_t mood = rnd_below(r, MIXED + 1);
    bool *keep = sim_alloc(f->list_count);
    for (size_t i = 0; i < f->list_count; i++) {
        struct dirty *dirty = f->list[i];
        keep[i] = true;
        if (dirty->lost)
            continue;
        switch (mood == MIXED ? rnd_below(r, MIXED) : mood) {
        case WRITTEN: keep[i] = false; break;
        case STILL_DIRTY: break;
        case EVICTED:
            /* The cache let go of a page that it took as clean, and reads it anew. */
            set_page(f, dirty->index, page_ref(dirty->durable));
            keep[i] = false;
            break;
        default: /* LOST */ versions_clear(dirty); dirty->lost = true;
        }
    }
    keep_dirty(f, keep);
    free(keep);
    if (rnd_below(r, 2)) {
        f->durable_size = f->size;
        f->event_count = 0;
        /* Versions refer to size events by number: none is left that could be missing. */
        for (size_t i = 0; i < f->list_count; i++)
            for (size_t k = 0; k < f->list[i]->count; k++)
                f->list[i]->versions[k].truncation = 0;
    }
}

/* --- copies --- */

void simfile_clone(struct simfile *to, const struct simfile *from)
{
    *to = *from;
    to->pages = sim_alloc(from->page_count * sizeof *to->pages);
    to->dirty = sim_alloc(from->page_count * sizeof *to->dirty);
    for (size_t i = 0; i < from->page_count; i++)
        to->pages[i] = page_ref(from->pages[i]);
    to->list_capacity = from->list_count;
    to->list = sim_alloc(from->list_count * sizeof *to->list);
    for (size_t i = 0; i < from->list_count; i++) {
        const struct dirty *old = from->list[i];
        struct dirty *dirty = sim_alloc(sizeof *dirty);
        *dirty = *old;
        page_ref(dirty->durable);
        dirty->capacity = old->count;
        dirty->versions = sim_alloc(old->count * sizeof *dirty->versions);
        for (size_t k = 0; k < old->count; k++) {
            dirty->versions[k] = old->versions[k];
            page_ref(old->versions[k].page);
        }
        to->list[i] = to->dirty[dirty->index] = dirty;
    }
    to->event_capacity = from->event_count;
    to->events = sim_alloc(from->event_count * sizeof *to->events);
    if (from->event_count)
        memcpy(to->events, from->events, from->event_count * sizeof *to->events);
}

/* --- power loss --- */

/* Page i of a dirty one: 0 is what is on the disk, then the versions. */
static struct page *choice(const struct dirty *dirty, size_t i)
{
    return i ? dirty->versions[i - 1].page : dirty->durable;
}

static size_t between(struct rnd *r, size_t low, size_t high)
{
    return low + (size_t)rnd_below(r, high - low + 1);
}

/* Sectors of two states that the page had, each time another mixture. */
static struct page *torn(const struct dirty *dirty, size_t low, struct rnd *r)
{
    const struct page *a = choice(dirty, between(r, low, dirty->count));
    const struct page *b = choice(dirty, between(r, low, dirty->count));
    struct page *page = page_copy(a);
    /* Mostly one is written from the front or the back until the power goes. */
    uint64_t way = rnd_below(r, 3), cut = rnd_below(r, SIM_SECTORS + 1);
    for (size_t i = 0; i < SIM_SECTORS; i++)
        if (way == 0 ? i < cut : way == 1 ? i >= cut : rnd_below(r, 2))
            memcpy(page->bytes + i * SIM_SECTOR, page_bytes(b) + i * SIM_SECTOR, SIM_SECTOR);
    return page;
}

static struct page *garbled(const struct dirty *dirty, size_t low, struct rnd *r)
{
    struct page *page = torn(dirty, low, r);
    if (low == dirty->count)
        return page;
    const struct version *v = &dirty->versions[between(r, low, dirty->count - 1)];
    if (v->truncation || v->from == v->to)
        return page;
    size_t from = between(r, v->from, v->to - 1u), to = between(r, from + 1, v->to);
    switch (rnd_below(r, 5)) {
    case 0: memset(page->bytes + from, 0, to - from); break;
    case 1: memset(page->bytes + from, 0xff, to - from); break;
    case 2: page->bytes[from] ^= (uint8_t)(1u << rnd_below(r, 8)); break;
    case 3: rnd_bytes(r, page->bytes + v->from, (size_t)(v->to - v->from)); break;
    default: rnd_bytes(r, page->bytes + from, to - from); break;
    }
    return page;
}

enum outcome { KEPT, LOST_PAGE, EARLIER, TORN, GARBLED, OUTCOMES };
/* Parts of a hundred for each outcome. A crash draws one row per file, for outcomes drawn for each
 * page alone would never lose just one page of many. */
static const uint8_t moods[][OUTCOMES] = {
    {100, 0, 0, 0, 0}, {0, 100, 0, 0, 0},  {92, 2, 2, 2, 2},     {2, 92, 2, 2, 2},
    {50, 50, 0, 0, 0}, {0, 0, 0, 100, 0},  {30, 20, 15, 20, 15}, {0, 0, 40, 60, 0},
    {95, 0, 0, 0, 5},  {0, 50, 0, 25, 25},
};
enum {
    MOODS = sizeof moods / sizeof *moods,
    IN_ORDER = MOODS, /* all before one page is kept, all behind it lost */
    ALL_BUT_ONE,
    MOOD_COUNT
};

static enum outcome draw(struct rnd *r, size_t mood, size_t i, size_t special)
{
    if (mood == IN_ORDER && i != special)
        return i < special ? KEPT : LOST_PAGE;
    if (mood == ALL_BUT_ONE && i != special)
        return KEPT;
    if (mood >= MOODS)
        return (enum outcome)rnd_below(r, OUTCOMES);
    uint64_t part = rnd_below(r, 100);
    unsigned outcome = KEPT;
    while (part >= moods[mood][outcome])
        part -= moods[mood][outcome++];
    return (enum outcome)outcome;
}

static struct page *page_after(const struct dirty *dirty, size_t event, enum outcome outcome,
                               struct rnd *r)
{
    size_t low = 0; /* a truncation that happened leaves nothing from before it */
    for (size_t i = 0; i < dirty->count; i++)
        if (dirty->versions[i].truncation && dirty->versions[i].truncation <= event)
            low = i + 1;
    if (dirty->lost)
        return page_ref(dirty->durable);
    switch (outcome) {
    case KEPT: return page_ref(choice(dirty, dirty->count));
    case LOST_PAGE: return page_ref(choice(dirty, low));
    case EARLIER: return page_ref(choice(dirty, between(r, low, dirty->count)));
    case TORN: return torn(dirty, low, r);
    default: return garbled(dirty, low, r);
    }
}

/* The number of the last size event that happened. */
static size_t draw_event(const struct simfile *f, struct rnd *r)
{
    switch (rnd_below(r, 4)) {
    case 0: return 0;
    case 1:
    case 2: return f->event_count;
    default: return between(r, 0, f->event_count);
    }
}

static uint64_t draw_size(const struct simfile *f, size_t event, struct rnd *r)
{
    if (!event)
        return f->durable_size;
    const struct size_event *e = &f->events[event - 1];
    if (e->truncate || rnd_below(r, 2))
        return e->to;
    uint64_t size = e->from + rnd_below(r, e->to - e->from + 1);
    uint64_t whole = size - size % SIM_PAGE;
    return whole > e->from && rnd_below(r, 2) ? whole : size;
}

/* All is durable; nothing stands behind the end. */
static void cut_behind(struct simfile *f, uint64_t size)
{
    f->size = f->durable_size = size;
    size_t index = (size_t)(size / SIM_PAGE), at = (size_t)(size % SIM_PAGE);
    for (; index < f->page_count; index++, at = 0) {
        if (!f->pages[index] ||
            (at && !memcmp(f->pages[index]->bytes + at, zero_page.bytes, SIM_PAGE - at)))
            continue;
        struct page *page = at ? page_copy(f->pages[index]) : NULL;
        if (page)
            memset(page->bytes + at, 0, SIM_PAGE - at);
        set_page(f, index, page);
    }
}

void simfile_crash(struct simfile *to, const struct simfile *from, struct rnd *r)
{
    *to = (struct simfile){.page_count = from->page_count, .used = from->used};
    to->pages = sim_alloc(from->page_count * sizeof *to->pages);
    to->dirty = sim_alloc(from->page_count * sizeof *to->dirty);
    for (size_t i = 0; i < from->page_count; i++)
        to->pages[i] = page_ref(from->pages[i]);
    size_t event = draw_event(from, r), mood = (size_t)rnd_below(r, MOOD_COUNT);
    size_t special = from->list_count ? (size_t)rnd_below(r, from->list_count) : 0;
    for (size_t i = 0; i < from->list_count; i++) {
        enum outcome outcome = draw(r, mood, i, special);
        set_page(to, from->list[i]->index, page_after(from->list[i], event, outcome, r));
    }
    cut_behind(to, draw_size(from, event, r));
}
