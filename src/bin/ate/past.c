/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/past.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "base/map.h"
#include "base/text.h"
#include "bin/ate/describe.h"
#include "bin/ate/sink.h"
#include "bin/common/out.h"
#include "bin/common/units.h"
#include "dio/codec.h"
#include <stdlib.h>

enum { SHOWN = 512 };

struct record { /* an object's newest version then */
    struct ate_id id, parent;
    char *name;        /* NULL: none, or private */
    size_t name_size;
    uint64_t sequence, created_sequence;
    int64_t created_ns;
    size_t event;      /* index in its transaction */
    bool live, is_page;
};
struct past {
    struct ate_chain *chain;
    struct record *records;
    size_t count, capacity;
    struct ate__map by_id; /* id -> index of its record */
};

void past_close(struct past *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        ate__free(p->records[i].name);
    ate__free(p->records);
    ate__map_deinit(&p->by_id);
    ate__free(p);
}
ATE__FREEP(struct past, past_close)

/* ---- the walk ---- */

static struct record *record_of(struct past *p, const struct ate_id *id)
{
    uint64_t index;
    return ate__map_get(&p->by_id, id, &index) ? &p->records[index] : NULL;
}

static int new_record(struct past *p, const struct ate_history_txn *t,
                      const struct ate_history_event *e, struct record **ret)
{
    int rc = ate__grow(&p->records, &p->capacity, p->count + 1, sizeof *p->records);
    if (!rc)
        rc = ate__map_put(&p->by_id, &e->id, p->count);
    if (rc)
        return rc;
    p->records[p->count] = (struct record){
        .id = e->id, .created_sequence = t->sequence, .created_ns = t->root_time_ns};
    *ret = &p->records[p->count++];
    return 0;
}

static int take_event(struct past *p, const struct ate_history_txn *t, size_t index)
{
    const struct ate_history_event *e = &t->events[index];
    struct record *r = record_of(p, &e->id);
    int rc = 0;
    if (e->kind == ATE_EVENT_TOMBSTONE && r)
        r->live = false; /* what lay below it can no longer be reached */
    if (e->kind != ATE_EVENT_BODY)
        return 0;
    if (!r)
        rc = new_record(p, t, e, &r);
    if (rc)
        return rc;
    char *name = e->name.size ? ate__copy(e->name.data, e->name.size) : NULL;
    if (e->name.size && !name)
        return ate__no_memory();
    ate__free(r->name);
    r->name = name;
    r->name_size = e->name.size;
    r->parent = e->parent;
    r->sequence = t->sequence;
    r->event = index;
    r->live = true;
    r->is_page = e->type && !strcmp(e->type, "page");
    return 0;
}

struct until {
    uint64_t sequence;
    int64_t time_ns;
};

static int parse_until(const char *text, struct until *ret)
{
    *ret = (struct until){UINT64_MAX, INT64_MAX};
    if (text[strspn(text, "0123456789")] == 0)
        return ate__number_parse("--at", text, 0, INT64_MAX, &ret->sequence);
    return ate__time_parse("--at", text, &ret->time_ns);
}

static int walk(struct past *p, const struct until *until)
{
    struct ate_history *h;
    struct ate_history_txn t;
    bool any = false;
    int rc = ate_history_start(p->chain, NULL, 0, &h);
    if (rc)
        return rc;
    while (!(rc = ate_history_next(h, &t)) && t.sequence <= until->sequence &&
           t.root_time_ns <= until->time_ns) {
        any = true;
        for (size_t i = 0; !rc && i < t.event_count; i++)
            rc = take_event(p, &t, i);
        if (rc)
            break;
    }
    ate_history_end(h);
    if (rc && rc != ATE_END)
        return rc;
    return any ? 0 : ate__fail(ATE_NOT_FOUND, "the chain did not exist then");
}

int past_open(struct ate_chain *chain, const char *text, struct past **ret_past)
{
    struct until until;
    uint64_t seed[2];
    int rc = parse_until(text, &until);
    if (rc)
        return rc;
    ate__cleanup(past_closep) struct past *p = ate__alloc(sizeof *p);
    if (!p)
        return ate__no_memory();
    ate__random(&ate__env_real, seed, sizeof seed);
    ate__map_init(&p->by_id, sizeof(struct ate_id), seed);
    p->chain = chain;
    rc = walk(p, &until);
    if (!rc)
        *ret_past = ate__steal(&p);
    return rc;
}

/* ---- what was there ---- */

static int find(struct past *p, const struct path *path, struct record **ret_record)
{
    struct ate_id at = ate_top;
    struct record *found = NULL;
    char shown[SHOWN];
    for (size_t i = 0; i < path->count; i++) {
        struct ate_bytes name = ate__text_bytes(path->part[i]);
        found = NULL;
        for (size_t k = 0; k < p->count && !found; k++) {
            struct record *r = &p->records[k];
            if (r->live && r->name && ate__id_equal(&r->parent, &at) &&
                ate__bytes_equal(ate__bytes(r->name, r->name_size), name))
                found = r;
        }
        if (!found)
            return ate__fail(ATE_NOT_FOUND, "there was no \"%s\" that your keys open",
                             ate__escaped(name, shown, sizeof shown));
        at = found->id;
    }
    *ret_record = found;
    return 0;
}

/* Its history is positioned at that version; ended by the caller, also on failure if not NULL. */
static int load(struct past *p, const struct record *r, struct ate_history **ret_history,
                struct ate_object *ret_object)
{
    struct ate_history_txn t;
    *ret_history = NULL;
    int rc = ate_history_start(p->chain, NULL, r->sequence, ret_history);
    if (!rc)
        rc = ate_history_next(*ret_history, &t);
    if (!rc)
        rc = ate_history_load(*ret_history, r->event, ret_object);
    if (!rc) {
        ret_object->created_sequence = r->created_sequence;
        ret_object->created_ns = r->created_ns;
    }
    return rc;
}

static int decode(const struct ate_object *o, const struct ate_type *type, void **ret_object)
{
    size_t size;
    return ate__codec_decode(type, o->payload, ret_object, &size);
}

/* ---- content ---- */

static int read_page(struct past *p, const struct record *r, uint64_t *ret_index,
                     content_sink *sink, void *arg)
{
    ate__cleanup(ate__freep) void *page = NULL;
    struct ate_history *h;
    struct ate_object o;
    int rc = load(p, r, &h, &o);
    if (!rc)
        rc = decode(&o, ate_type_fs_page(), &page);
    if (!rc)
        *ret_index = ((struct fs_page *)page)->index;
    if (!rc && sink)
        rc = sink(arg, ((struct fs_page *)page)->data);
    ate_history_end(h);
    return rc;
}

struct page {
    uint64_t index;
    size_t record;
};

static int compare_pages(const void *a, const void *b)
{
    const struct page *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int read_pages(struct past *p, const struct ate_id *above, uint64_t page_count,
                      content_sink *sink, void *arg)
{
    ate__cleanup(ate__freep) struct page *pages = NULL;
    size_t count = 0, capacity = 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < p->count; i++) {
        const struct record *r = &p->records[i];
        if (!r->live || !r->is_page || !ate__id_equal(&r->parent, above))
            continue;
        rc = ate__grow(&pages, &capacity, count + 1, sizeof *pages);
        if (!rc)
            rc = read_page(p, r, &pages[count].index, NULL, NULL);
        if (!rc)
            pages[count++].record = i;
    }
    if (!rc && count)
        qsort(pages, count, sizeof *pages, compare_pages);
    if (!rc && count != page_count)
        rc = ate__fail(ATE_OMITTED, "it had %zu of its pages then", count);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_page(p, &p->records[pages[i].record], &pages[i].index, sink, arg);
    return rc;
}

struct hashed {
    content_sink *sink;
    void *arg;
    struct ate__hasher hasher;
};

static int hash_and_pass(void *arg, struct ate_bytes piece)
{
    struct hashed *h = arg;
    ate__hasher_raw(&h->hasher, piece);
    return h->sink(h->arg, piece);
}

static int read_file(struct past *p, const struct record *r, const struct fs_file *file,
                     content_sink *sink, void *arg)
{
    struct hashed h = {.sink = sink, .arg = arg};
    struct ate_hash found;
    if (!file->hash)
        return ate__fail(ATE_OMITTED, "it was unfinished then");
    ate__hasher_begin_raw(&h.hasher, ATE__SHA256);
    const struct ate_id *above = file->pages ? file->pages : &r->id;
    int rc = file->page_count ? read_pages(p, above, *file->page_count, hash_and_pass, &h)
                              : hash_and_pass(&h, file->data);
    if (!rc)
        rc = ate__hasher_end(&h.hasher, &found);
    ate__hasher_deinit(&h.hasher);
    if (!rc && !ate__hash_equal(&found, file->hash))
        rc = ate__fail(ATE_TAMPERED, "its content is not that of its hash");
    return rc;
}

static int read_object(struct past *p, const struct record *r, const struct ate_object *o,
                       content_sink *sink, void *arg);

static int read_link(struct past *p, const struct fs_hardlink *link, content_sink *sink, void *arg)
{
    struct record *target = record_of(p, &link->object);
    struct ate_history *h;
    struct ate_object o;
    if (!target || !target->live)
        return ate__fail(ATE_NOT_FOUND, "the file that this hard link led to was gone");
    int rc = load(p, target, &h, &o);
    if (!rc && content_kind_of(&o) == CONTENT_HARDLINK)
        rc = ate__fail(ATE_MALFORMED, "a hard link that does not lead to a file");
    if (!rc)
        rc = read_object(p, target, &o, sink, arg);
    ate_history_end(h);
    return rc;
}

static int read_object(struct past *p, const struct record *r, const struct ate_object *o,
                       content_sink *sink, void *arg)
{
    static const struct ate_type *(*const types[])(void) = {
        [CONTENT_TEXT] = ate_type_fs_text,
        [CONTENT_BYTES] = ate_type_fs_bytes,
        [CONTENT_FILE] = ate_type_fs_file,
        [CONTENT_DIR] = NULL,
        [CONTENT_SYMLINK] = ate_type_fs_symlink,
        [CONTENT_HARDLINK] = ate_type_fs_hardlink,
        [CONTENT_OTHER] = NULL,
    };
    ate__cleanup(ate__freep) void *object = NULL;
    enum content_kind kind = content_kind_of(o);
    if (kind == CONTENT_DIR || kind == CONTENT_PAGE)
        return ate__fail(ATE_MISUSE, "it was a %s", kind == CONTENT_DIR ? "directory" : "page");
    int rc = types[kind] ? decode(o, types[kind](), &object) : 0;
    if (rc)
        return rc;
    switch (kind) {
    case CONTENT_TEXT: {
        const char *value = ((struct fs_text *)object)->value;
        return sink(arg, ate__text_bytes(value ? value : ""));
    }
    case CONTENT_BYTES: return sink(arg, ((struct fs_bytes *)object)->value);
    case CONTENT_SYMLINK: return sink(arg, ((struct fs_symlink *)object)->target);
    case CONTENT_FILE: return read_file(p, r, object, sink, arg);
    case CONTENT_HARDLINK: return read_link(p, object, sink, arg);
    default: return sink(arg, o->payload);
    }
}

int past_read(struct past *p, const struct path *path, content_sink *sink, void *arg)
{
    struct ate_history *h = NULL;
    struct ate_object o;
    struct record *r;
    int rc = find(p, path, &r);
    if (!rc)
        rc = load(p, r, &h, &o);
    if (!rc)
        rc = read_object(p, r, &o, sink, arg);
    ate_history_end(h);
    return rc;
}

int past_print(struct past *p, const struct path *path, const char *name)
{
    struct ate_history *h = NULL;
    struct ate_object o;
    struct record *r;
    struct sink memory;
    sink_memory(&memory, FS_INLINE_MAX);
    int rc = find(p, path, &r);
    if (!rc)
        rc = load(p, r, &h, &o);
    json_t *object = rc ? NULL : describe_object(&o, name);
    if (!rc && content_kind_of(&o) == CONTENT_OTHER)
        (void)!json_object_set_new(object, "value", describe_payload(&o));
    else if (!rc && content_kind_of(&o) != CONTENT_DIR)
        rc = read_object(p, r, &o, sink_write, &memory);
    if (!rc && (memory.held.size || content_kind_of(&o) != CONTENT_DIR) &&
        content_kind_of(&o) != CONTENT_OTHER)
        ate__json_set_bytes(object, "value", ate__buf_bytes(&memory.held));
    rc = rc == ATE_TOO_BIG ? 0 : rc;
    if (rc)
        json_decref(object);
    else
        ate__print_json(object);
    sink_deinit(&memory);
    ate_history_end(h);
    return rc;
}
