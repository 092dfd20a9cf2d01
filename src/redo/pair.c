/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pair.c: meta.a and meta.b.
 */
#include "redo/pair.h"

static const char name_a[] = "meta.a", name_b[] = "meta.b";

/* --- reading --- */

struct found {
    struct ate__buf bytes;
    struct ate__meta meta;
    bool there, good;
};

static void found_deinit(struct found *f)
{
    ate__buf_deinit(&f->bytes);
    ate__meta_deinit(&f->meta);
}

static int read_bytes(const struct ate__vfs *vfs, struct ate__file *file, struct ate__buf *buf)
{
    struct ate__stat about;
    int rc = vfs->stat(file, &about);
    if (rc || about.size > ATE__META_BYTES_MAX)
        return rc; /* no bytes: not a list */
    rc = ate__buf_reserve(buf, about.size);
    return rc ? rc : vfs->read(file, 0, buf->data, about.size, &buf->size);
}

/* Errors: UNSUPPORTED E_* */
static int find(const struct ate__pair *p, const char *name, struct found *f)
{
    struct ate__file *file = NULL;
    int rc = p->vfs->open(p->dir, name, ATE__OPEN_READ, &file);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    f->there = true;
    rc = read_bytes(p->vfs, file, &f->bytes);
    p->vfs->close(file);
    if (!rc)
        rc = ate__meta_decode(ate__buf_bytes(&f->bytes), &f->meta);
    f->good = !rc;
    return rc == ATE_TAMPERED ? 0 : ate__context(rc, "%s", name);
}

/* Which of the two is in force. */
static int choose(struct ate__pair *p, struct found *a, struct found *b)
{
    if (!a->good && !b->good && !b->there)
        return ate__fail(ATE_NOT_FOUND, "there is no log");
    if (!a->good && !b->good)
        return ate__fail(ATE_TAMPERED, "neither meta.a nor meta.b is whole");
    p->a_good = a->good;
    p->b_good = b->good;
    p->equal = a->good && b->good &&
               ate__bytes_equal(ate__buf_bytes(&a->bytes), ate__buf_bytes(&b->bytes));
    if (a->good && b->good && !p->equal &&
        (a->meta.revision == b->meta.revision ||
         !ate__hash_equal(&a->meta.chain_id, &b->meta.chain_id)))
        return ate__fail(ATE_TAMPERED, "meta.a and meta.b contradict each other");
    bool take_a = a->good && (!b->good || a->meta.revision >= b->meta.revision);
    struct found *chosen = take_a ? a : b;
    p->meta = chosen->meta;
    chosen->meta = ATE__META_NULL;
    p->begun = a->good && !b->bytes.size;
    p->lost = !a->good ? name_a : !b->good ? name_b : NULL;
    return 0;
}

int ate__pair_read(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__pair *ret_pair)
{
    struct ate__pair p = {.vfs = vfs, .dir = dir};
    struct found a = {.there = false}, b = {.there = false};
    int rc = find(&p, name_a, &a);
    if (!rc)
        rc = find(&p, name_b, &b);
    if (!rc)
        rc = choose(&p, &a, &b);
    found_deinit(&a);
    found_deinit(&b);
    if (!rc)
        *ret_pair = p;
    return rc;
}

void ate__pair_deinit(struct ate__pair *p)
{
    ate__meta_deinit(&p->meta);
}

/* --- writing --- */

static int write_bytes(const struct ate__vfs *vfs, struct ate__file *file, struct ate_bytes bytes)
{
    struct ate__stat about;
    int rc = vfs->stat(file, &about);
    if (!rc)
        rc = vfs->write(file, 0, bytes.data, bytes.size);
    if (!rc && about.size > bytes.size)
        rc = vfs->truncate(file, bytes.size);
    return rc ? rc : vfs->sync(file);
}

static int write_one(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                     struct ate_bytes bytes)
{
    struct ate__file *file = NULL;
    int rc = vfs->open(dir, name, ATE__OPEN_WRITE, &file);
    bool made = rc == ATE_NOT_FOUND;
    if (made)
        rc = vfs->open(dir, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file);
    if (rc)
        return rc;
    rc = write_bytes(vfs, file, bytes);
    vfs->close(file);
    return !rc && made ? vfs->sync_dir(dir) : rc;
}

int ate__pair_settle(struct ate__pair *p)
{
    if (p->settled)
        return 0;
    struct ate__buf bytes = ATE__BUF_NULL;
    int rc = ate__meta_encode(&p->meta, &bytes);
    if (!rc && p->b_good && !p->equal)
        rc = write_one(p->vfs, p->dir, name_a, ate__buf_bytes(&bytes));
    if (!rc)
        rc = write_one(p->vfs, p->dir, name_b, ate__buf_bytes(&bytes));
    ate__buf_deinit(&bytes);
    if (!rc)
        p->a_good = p->b_good = p->equal = p->settled = true;
    return rc;
}

int ate__pair_create(const struct ate__vfs *vfs, struct ate__dir *dir, const struct ate__meta *meta)
{
    struct ate__buf bytes = ATE__BUF_NULL;
    int rc = ate__meta_encode(meta, &bytes);
    if (!rc)
        rc = write_one(vfs, dir, name_a, ate__buf_bytes(&bytes));
    if (!rc)
        rc = write_one(vfs, dir, name_b, ate__buf_bytes(&bytes));
    ate__buf_deinit(&bytes);
    return rc;
}

static int remove_one(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name)
{
    int rc = vfs->remove(dir, name);
    return rc && rc != ATE_NOT_FOUND ? rc : vfs->sync_dir(dir);
}

int ate__pair_remove(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    int rc = remove_one(vfs, dir, name_b);
    return rc ? rc : remove_one(vfs, dir, name_a);
}

int ate__pair_change(struct ate__pair *p, struct ate__meta *take_meta)
{
    int rc = ate__pair_settle(p);
    if (!rc)
        rc = ate__pair_create(p->vfs, p->dir, take_meta);
    if (rc) {
        p->settled = false;
        ate__meta_deinit(take_meta);
        return rc;
    }
    ate__meta_deinit(&p->meta);
    p->meta = *take_meta;
    *take_meta = ATE__META_NULL;
    return 0;
}
