/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * next.c: the segment to come.
 */
#include "redo/next.h"

enum { ZEROS = 64 << 10 };

int ate__next_create(const struct ate__env *env, struct ate__dir *dir, uint64_t capacity,
                     bool padded, struct ate__next *ret_next)
{
    struct ate__next n = {.capacity = capacity, .padded = padded};
    int rc = ate__segment_create(env->vfs, dir, ATE__NEXT_NAME, &n.file);
    if (rc)
        return rc;
    rc = env->vfs->sync_dir(dir);
    if (rc) {
        ate__next_drop(env->vfs, dir, &n);
        return rc;
    }
    n.salt = ate__random_u64(env);
    *ret_next = n;
    return 0;
}

int ate__next_prewrite(const struct ate__vfs *vfs, struct ate__next *n, uint64_t step)
{
    static const uint8_t zeros[ZEROS];
    uint64_t left = n->capacity - n->zeros;
    uint64_t at = n->zeros, end = n->zeros + (left < step ? left : step);
    int rc = 0;
    while (!rc && at < end) {
        size_t size = end - at < ZEROS ? (size_t)(end - at) : ZEROS;
        rc = vfs->write(n->file, at, zeros, size);
        at += size;
    }
    if (!rc)
        rc = vfs->sync(n->file);
    if (!rc)
        n->zeros = end;
    return rc;
}

/* A write that failed may have left a longer file than its capacity will be. */
static int cut_off(const struct ate__vfs *vfs, const struct ate__next *n)
{
    int rc = vfs->truncate(n->file, n->zeros);
    return rc ? rc : vfs->sync(n->file);
}

int ate__next_make_do(const struct ate__vfs *vfs, struct ate__next *n, uint64_t bytes)
{
    int rc = cut_off(vfs, n);
    while (!rc && n->zeros < n->capacity)
        rc = ate__next_prewrite(vfs, n, ZEROS);
    if (rc != ATE_E_NO_SPACE)
        return rc;
    uint64_t capacity = n->zeros & ~(uint64_t)(ATE__PAD_BYTES - 1);
    if (capacity < ATE__SEGMENT_BYTES_MIN || capacity < bytes)
        return rc;
    n->capacity = n->zeros = capacity;
    return cut_off(vfs, n);
}

uint64_t ate__next_capacity(uint64_t wanted, uint64_t bytes)
{
    if (wanted > ATE__SEGMENT_BYTES_MAX)
        wanted = ATE__SEGMENT_BYTES_MAX;
    bytes = ate__group_start(bytes, true);
    return wanted < bytes ? bytes : wanted;
}

int ate__next_finish(const struct ate__vfs *vfs, struct ate__next *n,
                     const struct ate_hash *chain_id, uint64_t id, uint64_t first_sequence,
                     struct ate__segment **ret_segment)
{
    struct ate__segment_head head = {
        .chain_id = *chain_id,
        .id = id,
        .salt = n->salt,
        .first_sequence = first_sequence,
        .capacity = n->capacity,
        .padded = n->padded,
    };
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&bytes);
    struct ate__segment *s = NULL;
    if (id > UINT32_MAX) /* the last one was a forger's: nobody makes so many */
        return ate__fail(ATE_TOO_BIG, "the ids of segments are used up");
    ate__segment_head_write(&w, &head);
    int rc = ate__wr_end(&w);
    if (!rc)
        rc = vfs->write(n->file, 0, bytes.data, bytes.size);
    if (!rc)
        rc = ate__segment_new(&head, n->file, &s);
    if (!rc) {
        s->file_bytes = n->zeros < bytes.size ? bytes.size : n->zeros;
        *n = (struct ate__next){.file = NULL};
        *ret_segment = s;
    }
    ate__buf_deinit(&bytes);
    return rc;
}

int ate__next_rename(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t id)
{
    int rc = ate__segment_rename(vfs, dir, ATE__NEXT_NAME, id);
    return rc ? rc : vfs->sync_dir(dir);
}

void ate__next_drop(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__next *n)
{
    if (!n->file)
        return;
    vfs->close(n->file);
    int rc = vfs->remove(dir, ATE__NEXT_NAME);
    (void)rc; /* a leftover, removed by the next open for writing */
    *n = (struct ate__next){.file = NULL};
}
