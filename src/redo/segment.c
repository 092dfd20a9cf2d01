/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * segment.c: one segment file.
 */
#include "redo/segment.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "redo/window.h"
#include <stdio.h>

static const char suffix[] = ".seg", new_suffix[] = ".new";
enum { ID_DIGITS = 16 };

static void name_of(uint64_t id, const char *ending, char ret_name[ATE__SEGMENT_NAME])
{
    snprintf(ret_name, ATE__SEGMENT_NAME, "%016llx%s", (unsigned long long)id, ending);
}

void ate__segment_name(uint64_t id, char ret_name[ATE__SEGMENT_NAME])
{
    name_of(id, suffix, ret_name);
}

void ate__segment_new_name(uint64_t id, char ret_name[ATE__SEGMENT_NAME])
{
    name_of(id, new_suffix, ret_name);
}

static bool id_of(const char *name, const char *ending, uint64_t *ret_id)
{
    char again[ATE__SEGMENT_NAME];
    uint8_t bytes[ID_DIGITS / 2];
    if (strlen(name) != ATE__SEGMENT_NAME - 1 ||
        ate__hex_decode(name, ID_DIGITS, bytes, sizeof bytes))
        return false;
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        id = id << 8 | bytes[i];
    name_of(id, ending, again);
    if (strcmp(name, again))
        return false;
    *ret_id = id;
    return true;
}

bool ate__segment_id_of(const char *name, uint64_t *ret_id)
{
    return id_of(name, suffix, ret_id);
}

bool ate__segment_new_id_of(const char *name, uint64_t *ret_id)
{
    return id_of(name, new_suffix, ret_id);
}

bool ate__segment_is_unnamed(const char *name)
{
    uint64_t id;
    return !strcmp(name, ATE__NEXT_NAME) || !strcmp(name, ATE__COMPACT_NAME) ||
           ate__segment_new_id_of(name, &id);
}

int ate__segment_create(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                        struct ate__file **ret_file)
{
    int rc = vfs->remove(dir, name);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    rc = vfs->open(dir, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_EXCLUSIVE, ret_file);
    return rc > 0 ? ate__context(ATE_E_SYSTEM, "make %s", name) : rc;
}

int ate__segment_rename(const struct ate__vfs *vfs, struct ate__dir *dir, const char *from,
                        uint64_t id)
{
    char name[ATE__SEGMENT_NAME];
    ate__segment_name(id, name);
    int rc = vfs->rename(dir, from, name);
    return rc == ATE_NOT_FOUND ? ate__context(ATE_E_SYSTEM, "give a segment its name") : rc;
}

struct removal {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
    const struct ate__meta *meta;
};

static int remove_leftover(void *arg, const char *name)
{
    const struct removal *r = arg;
    uint64_t id;
    bool leftover = ate__segment_is_unnamed(name);
    if (ate__segment_id_of(name, &id))
        leftover = ate__meta_find(r->meta, id) == r->meta->count;
    if (!leftover)
        return 0;
    int rc = r->vfs->remove(r->dir, name);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate__segment_remove_leftovers(const struct ate__vfs *vfs, struct ate__dir *dir,
                                  const struct ate__meta *meta)
{
    return vfs->list(dir, remove_leftover, &(struct removal){vfs, dir, meta});
}

int ate__segment_new(const struct ate__segment_head *head, struct ate__file *take_file,
                     struct ate__segment **ret_segment)
{
    struct ate__segment *s = ate__alloc(sizeof *s);
    if (!s)
        return ate__no_memory();
    s->head = *head;
    s->seed = ate__salt_seed(head->salt);
    ate__segment_name(head->id, s->name);
    s->refs = 1;
    s->file = take_file;
    s->end = head->first_sequence;
    s->length = head->padded ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD;
    *ret_segment = s;
    return 0;
}

struct ate__segment *ate__segment_ref(struct ate__segment *s)
{
    s->refs++;
    return s;
}

void ate__segment_unref(const struct ate__vfs *vfs, struct ate__segment *s)
{
    if (!s || --s->refs)
        return;
    ate__assert(!s->pins);
    vfs->close(s->file);
    ate__index_deinit(&s->index);
    ate__free(s);
}

int ate__segment_open(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                      unsigned flags, enum ate__soundness *ret_verdict,
                      struct ate__segment **ret_segment)
{
    uint8_t bytes[ATE__PAD_BYTES];
    struct ate__segment_head head;
    struct ate__stat about;
    struct ate__file *file = NULL;
    struct ate__segment *s = NULL;
    size_t size = 0;
    int rc = vfs->open(dir, name, flags, &file);
    if (rc)
        return rc;
    rc = vfs->stat(file, &about);
    if (!rc)
        rc = vfs->read(file, 0, bytes, sizeof bytes, &size);
    enum ate__soundness verdict =
        rc ? ATE__BAD : ate__segment_head_read(ate__bytes(bytes, size), &head);
    if (!rc && verdict == ATE__GOOD)
        rc = ate__segment_new(&head, file, &s);
    if (!s)
        vfs->close(file);
    if (rc)
        return rc;
    if (s)
        s->file_bytes = about.size;
    *ret_segment = s;
    *ret_verdict = verdict;
    return 0;
}

int ate__segment_sha256(const struct ate__vfs *vfs, struct ate__file *file, uint64_t length,
                        struct ate_hash *ret_sha256)
{
    struct ate__window window;
    struct ate__hasher hasher;
    int rc = 0;
    ate__window_init(&window, vfs, file);
    ate__hasher_begin_raw(&hasher, ATE__SHA256);
    for (uint64_t at = 0; !rc && at < length;) {
        struct ate_bytes bytes;
        uint64_t left = length - at;
        size_t size = (size_t)(left < ATE__WINDOW_BYTES ? left : ATE__WINDOW_BYTES);
        rc = ate__window_get(&window, at, size, &bytes);
        if (rc || !bytes.size)
            break;
        ate__hasher_raw(&hasher, bytes);
        at += bytes.size;
    }
    if (!rc)
        rc = ate__hasher_end(&hasher, ret_sha256);
    ate__hasher_deinit(&hasher);
    ate__window_deinit(&window);
    return rc;
}

int ate__segment_seal(const struct ate__vfs *vfs, struct ate__file *file,
                      const struct ate__segment *s)
{
    struct ate__footer footer = {
        .next_sequence = s->end,
        .count = s->end - s->head.first_sequence,
        .head = s->end_head,
    };
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&bytes);
    int rc = ate__segment_sha256(vfs, file, s->length, &footer.sha256);
    if (!rc) {
        ate__footer_write(&w, s->seed, &footer);
        rc = ate__wr_end(&w);
    }
    /* Over the prewritten zeros first, which are there, so that a full disk is no obstacle. */
    if (!rc)
        rc = vfs->write(file, s->length, bytes.data, bytes.size);
    if (!rc)
        rc = vfs->truncate(file, s->length + ATE__FOOTER);
    if (!rc)
        rc = vfs->sync(file);
    ate__buf_deinit(&bytes);
    return rc;
}

int ate__segment_footer(const struct ate__vfs *vfs, struct ate__file *file, uint32_t seed,
                        uint64_t offset, enum ate__soundness *ret_verdict,
                        struct ate__footer *ret_footer)
{
    uint8_t bytes[ATE__FOOTER];
    size_t size = 0;
    int rc = vfs->read(file, offset, bytes, sizeof bytes, &size);
    if (rc)
        return rc;
    enum ate__soundness verdict = ate__footer_read(ate__bytes(bytes, size), seed, ret_footer);
    *ret_verdict = verdict == ATE__NOTHING ? ATE__BAD : verdict;
    return 0;
}
