/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/content.h"
#include "base/alloc.h"
#include "base/err.h"
#include <inttypes.h>
#include <string.h>

enum content_kind content_kind_of(const struct ate_object *o)
{
    static const struct {
        const char *type;
        enum content_kind kind;
    } kinds[] = {
        {"text", CONTENT_TEXT}, {"bytes", CONTENT_BYTES},     {"file", CONTENT_FILE},
        {"dir", CONTENT_DIR},   {"symlink", CONTENT_SYMLINK}, {"hardlink", CONTENT_HARDLINK},
        {"page", CONTENT_PAGE}, {"pages", CONTENT_PAGE},
    };
    if (!o->readable || !o->type)
        return CONTENT_PRIVATE;
    for (size_t i = 0; i < ATE__COUNT_OF(kinds); i++)
        if (!strcmp(o->type, kinds[i].type))
            return kinds[i].kind;
    return CONTENT_OTHER;
}

bool content_may_hold(const struct ate_object *o)
{
    enum content_kind kind = content_kind_of(o);
    return kind == CONTENT_DIR || kind == CONTENT_OTHER;
}

int content_refresh(struct ate_txn *txn, int rc)
{
    return rc == ATE_STALE ? ate_txn_refresh(txn) : rc;
}

/* ---- pages ---- */

struct pages {
    struct ate_txn *txn;
    struct ate_id file, above; /* above: what they lie below */
    uint64_t sequence;         /* of the file's version that is being read */
    struct ate_id *ids;        /* children, in the order in which they were stored */
    size_t count, capacity;
    uint64_t *indexes;         /* of the same, once they were looked at; PAGE_USED: then used */
    size_t next;               /* the first that was not looked at */
    size_t low;                /* all below it are used */
};
#define PAGE_USED UINT64_MAX

static void pages_deinit(struct pages *p)
{
    ate__free(p->ids);
    ate__free(p->indexes);
}

/* As many as there are, whatever the file says of their number. */
static int list_pages(struct pages *p)
{
    struct ate_cursor *cursor;
    struct ate_object o;
    int rc = ate_children(p->txn, p->above, &cursor);
    if (rc)
        return rc;
    while (!(rc = ate_next_raw(cursor, ATE_NO_PAYLOAD, &o))) {
        if (content_kind_of(&o) != CONTENT_PAGE)
            continue;
        rc = ate__grow(&p->ids, &p->capacity, p->count + 1, sizeof *p->ids);
        if (rc)
            break;
        p->ids[p->count++] = o.id;
        if (p->count % 1024 == 0)
            ate_txn_end_loans(p->txn);
    }
    ate_cursor_end(cursor);
    if (rc != ATE_END)
        return rc;
    p->indexes = ate__alloc_array(p->count, sizeof *p->indexes);
    return p->indexes ? 0 : ate__no_memory();
}

/* The view moved on: only the same version of the file may be read on. */
static int check_version(struct pages *p)
{
    struct ate_object o;
    int rc = ate_load_raw(p->txn, p->file, ATE_NO_PAYLOAD, &o);
    if (rc == ATE_NOT_FOUND || (!rc && o.sequence != p->sequence))
        return ate__fail(ATE_CONFLICT, "it was changed while it was read: read it again");
    return rc;
}

static int load_page(struct pages *p, size_t at, const struct fs_page **ret_page)
{
    ate_txn_end_loans(p->txn);
    int rc = ate_load(p->txn, fs_page, p->ids[at], ret_page);
    if (rc == ATE_STALE) {
        rc = ate_txn_refresh(p->txn);
        if (!rc)
            rc = check_version(p);
        if (!rc)
            rc = ate_load(p->txn, fs_page, p->ids[at], ret_page);
    }
    return rc;
}

/* The page with that index. Pages mostly lie in the order of their indexes; those that were met too
 * early are loaded again in their turn. */
static int find_page(struct pages *p, uint64_t index, const struct fs_page **ret_page)
{
    for (; p->low < p->next && p->indexes[p->low] == PAGE_USED; p->low++)
        ;
    for (size_t at = p->low; at < p->next; at++) {
        if (p->indexes[at] == index) {
            p->indexes[at] = PAGE_USED;
            return load_page(p, at, ret_page);
        }
    }
    while (p->next < p->count) {
        size_t at = p->next;
        int rc = load_page(p, at, ret_page);
        if (rc)
            return rc;
        p->next++;
        p->indexes[at] = (*ret_page)->index == index ? PAGE_USED : (*ret_page)->index;
        if (p->indexes[at] == PAGE_USED)
            return 0;
    }
    return ate__fail(ATE_OMITTED, "page %" PRIu64 " is missing: what stored it did not finish",
                     index);
}

static int read_pages(struct ate_txn *txn, const struct ate_object *o, struct ate_id above,
                      uint64_t page_count, content_sink *sink, void *arg)
{
    ate__cleanup(pages_deinit) struct pages p = {
        .txn = txn, .file = o->id, .above = above, .sequence = o->sequence};
    const struct fs_page *page;
    int rc = list_pages(&p);
    if (!rc && page_count > p.count)
        rc = ate__fail(ATE_OMITTED, "it has %zu of its %" PRIu64 " pages", p.count, page_count);
    for (uint64_t i = 0; !rc && i < page_count; i++) {
        rc = find_page(&p, i, &page);
        if (!rc && page->data.size > FS_PAGE_SIZE)
            rc = ate__fail(ATE_MALFORMED, "page %" PRIu64 " has %zu bytes", i, page->data.size);
        if (!rc)
            rc = sink(arg, page->data);
    }
    return rc;
}

/* ---- files ---- */

struct checked { /* what passes by on its way to the sink */
    content_sink *sink;
    void *arg;
    struct ate__hasher hasher;
    uint64_t left; /* bytes that may still come */
};

static int pass(void *arg, struct ate_bytes piece)
{
    struct checked *c = arg;
    if (piece.size > c->left)
        return ate__fail(ATE_TAMPERED, "its content is longer than it says");
    c->left -= piece.size;
    ate__hasher_raw(&c->hasher, piece);
    return c->sink(c->arg, piece);
}

static int read_file(struct ate_txn *txn, const struct ate_object *o, content_sink *sink, void *arg)
{
    const struct fs_file *file;
    struct ate_hash found;
    int rc = ate_load(txn, fs_file, o->id, &file);
    if (rc)
        return rc;
    if (!file->hash)
        return ate__fail(ATE_OMITTED, "it is unfinished: what stores it is at work, or was broken "
                                      "off");
    struct ate_hash wanted = *file->hash;
    struct ate_bytes data = file->data;
    struct ate_id above = file->pages ? *file->pages : o->id;
    uint64_t page_count = file->page_count ? *file->page_count : 0;
    struct checked c = {.sink = sink, .arg = arg, .left = file->size};
    if (page_count > FS_PAGES_MAX || (page_count && data.size))
        return ate__fail(ATE_MALFORMED, "its pages cannot be right");
    ate__hasher_begin_raw(&c.hasher, ATE__SHA256);
    rc = page_count ? read_pages(txn, o, above, page_count, pass, &c) : pass(&c, data);
    if (!rc)
        rc = ate__hasher_end(&c.hasher, &found);
    ate__hasher_deinit(&c.hasher);
    if (!rc && (c.left || !ate__hash_equal(&found, &wanted)))
        rc = ate__fail(ATE_TAMPERED, "its content is not that of its hash");
    return rc;
}

int content_pages(struct ate_txn *txn, const struct ate_object *o, bool *ret_apart,
                  struct ate_id *ret_pages)
{
    const struct fs_file *file;
    *ret_apart = false;
    if (content_kind_of(o) != CONTENT_FILE)
        return 0;
    int rc = ate_load(txn, fs_file, o->id, &file);
    if (!rc && file->pages) {
        *ret_apart = true;
        *ret_pages = *file->pages;
    }
    return rc;
}

int content_follow(struct ate_txn *txn, const struct ate_object *link,
                   struct ate_object *ret_target)
{
    const struct fs_hardlink *l;
    struct ate_object target;
    int rc = ate_load(txn, fs_hardlink, link->id, &l);
    if (!rc)
        rc = ate_load_raw(txn, l->object, ATE_NO_PAYLOAD, &target);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(rc, "the file that this hard link leads to is gone");
    if (rc)
        return rc;
    enum content_kind kind = content_kind_of(&target);
    if (kind == CONTENT_PRIVATE)
        return ate__fail(ATE_NO_KEY, "your keys do not open the file that this hard link leads to");
    if (kind != CONTENT_FILE && kind != CONTENT_TEXT && kind != CONTENT_BYTES)
        return ate__fail(ATE_MALFORMED, "a hard link that does not lead to a file");
    *ret_target = target;
    return 0;
}

/* ---- any object ---- */

static int read_value(struct ate_txn *txn, const struct ate_object *o, enum content_kind kind,
                      content_sink *sink, void *arg)
{
    const struct fs_text *text;
    const struct fs_bytes *bytes;
    const struct fs_symlink *symlink;
    struct ate_object payload;
    int rc;
    switch (kind) {
    case CONTENT_TEXT:
        rc = ate_load(txn, fs_text, o->id, &text);
        return rc ? rc : sink(arg, ate__text_bytes(text->value ? text->value : ""));
    case CONTENT_BYTES:
        rc = ate_load(txn, fs_bytes, o->id, &bytes);
        return rc ? rc : sink(arg, bytes->value);
    case CONTENT_SYMLINK:
        rc = ate_load(txn, fs_symlink, o->id, &symlink);
        return rc ? rc : sink(arg, symlink->target);
    default:
        rc = ate_load_raw(txn, o->id, 0, &payload);
        return rc ? rc : sink(arg, payload.payload);
    }
}

int content_read(struct ate_txn *txn, struct ate_id id, content_sink *sink, void *arg)
{
    struct ate_object o;
    int rc = ate_load_raw(txn, id, ATE_NO_PAYLOAD, &o);
    if (!rc && content_kind_of(&o) == CONTENT_HARDLINK)
        rc = content_follow(txn, &o, &o);
    if (rc)
        return rc;
    enum content_kind kind = content_kind_of(&o);
    switch (kind) {
    case CONTENT_PRIVATE: return ate__fail(ATE_NO_KEY, "your keys do not open it");
    case CONTENT_DIR: return ate__fail(ATE_MISUSE, "it is a directory: ate ls lists it");
    case CONTENT_PAGE: return ate__fail(ATE_MISUSE, "it is a page of a file");
    case CONTENT_FILE: return read_file(txn, &o, sink, arg);
    default: return read_value(txn, &o, kind, sink, arg);
    }
}

int content_size(struct ate_txn *txn, const struct ate_object *o, uint64_t *ret_size)
{
    const struct fs_text *text;
    const struct fs_bytes *bytes;
    const struct fs_file *file;
    const struct fs_symlink *symlink;
    uint64_t size = o->payload_size;
    int rc = 0;
    switch (content_kind_of(o)) {
    case CONTENT_TEXT:
        rc = ate_load(txn, fs_text, o->id, &text);
        size = rc || !text->value ? 0 : strlen(text->value);
        break;
    case CONTENT_BYTES:
        rc = ate_load(txn, fs_bytes, o->id, &bytes);
        size = rc ? 0 : bytes->value.size;
        break;
    case CONTENT_FILE:
        rc = ate_load(txn, fs_file, o->id, &file);
        size = rc ? 0 : file->size;
        break;
    case CONTENT_SYMLINK:
        rc = ate_load(txn, fs_symlink, o->id, &symlink);
        size = rc ? 0 : symlink->target.size;
        break;
    default: break;
    }
    if (!rc)
        *ret_size = size;
    return rc;
}
