/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reserve.c: room that is kept for what makes room.
 */
#include "redo/reserve.h"
#include "base/alloc.h"
#include "base/err.h"
#include "redo/format.h"
#include "redo/limits.h"

enum { BLOCK = 64 << 10, PAGE = 4096 };

uint64_t ate__reserve_target(uint64_t capacity, bool only)
{
    uint64_t half = capacity / 2;
    if (only && half > ATE__RESERVE_BYTES_MIN)
        half = ATE__RESERVE_BYTES_MIN;
    return half > ATE__RESERVE_BYTES_MAX ? ATE__RESERVE_BYTES_MAX : half;
}

static int open_it(const struct ate__vfs *vfs, struct ate__dir *dir, unsigned flags,
                   struct ate__reserve *v)
{
    struct ate__stat about = {.size = 0};
    if (v->file)
        return 0;
    int rc = vfs->open(dir, ATE__RESERVE_NAME, flags, &v->file);
    if (!rc)
        rc = vfs->stat(v->file, &about);
    if (rc)
        ate__reserve_deinit(vfs, v);
    v->bytes = about.size;
    v->in_blocks = vfs->copy_on_write && vfs->copy_on_write(dir);
    return rc;
}

/* Bytes that no file system makes smaller; that they are the same each time does not matter. */
static void make_block(uint64_t *words)
{
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < BLOCK / sizeof *words; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        words[i] = x;
    }
}

static int cut(const struct ate__vfs *vfs, struct ate__reserve *v, uint64_t bytes)
{
    int rc = vfs->truncate(v->file, bytes);
    if (!rc)
        v->bytes = bytes;
    return rc;
}

static int grow(const struct ate__vfs *vfs, struct ate__reserve *v, uint64_t bytes)
{
    uint64_t *words = ate__alloc(BLOCK), step = BLOCK;
    int rc = words ? 0 : ate__no_memory();
    if (words)
        make_block(words);
    while (!rc && v->bytes < bytes) {
        uint64_t size = ate__min(bytes - v->bytes, step);
        rc = vfs->write(v->file, v->bytes, words, (size_t)size);
        if (!rc) {
            v->bytes += size;
            if (v->in_blocks)
                rc = vfs->sync(v->file);
        } else if (rc == ATE_E_NO_SPACE && step > PAGE) {
            step = PAGE;
            rc = cut(vfs, v, v->bytes);
        }
    }
    ate__free(words);
    return rc;
}

int ate__reserve_fill(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__reserve *v,
                      uint64_t bytes, uint64_t keep)
{
    int rc = open_it(vfs, dir, ATE__OPEN_WRITE | ATE__OPEN_CREATE, v);
    if (rc)
        return rc > 0 ? ate__context(ATE_E_SYSTEM, ATE__RESERVE_NAME) : rc;
    bool grows = v->bytes < bytes;
    rc = grows ? grow(vfs, v, bytes) : 0;
    int end = grows && (rc || v->bytes > keep) ? cut(vfs, v, ate__min(v->bytes, keep)) : 0;
    if (grows && !end)
        end = vfs->sync(v->file);
    if (grows && !end)
        end = vfs->sync_dir(dir);
    return rc ? rc : end;
}

uint64_t ate__reserve_give(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__reserve *v,
                           uint64_t bytes)
{
    if (open_it(vfs, dir, ATE__OPEN_WRITE, v))
        return 0;
    bytes = ate__min(ate__group_start(bytes, true), v->bytes);
    if (v->in_blocks && bytes)
        bytes += (v->bytes - bytes) % BLOCK;
    return bytes && !cut(vfs, v, v->bytes - bytes) ? bytes : 0;
}

void ate__reserve_deinit(const struct ate__vfs *vfs, struct ate__reserve *v)
{
    vfs->close(v->file);
    *v = (struct ate__reserve){.file = NULL};
}
