/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * window.c: a file seen through a buffer that moves.
 */
#include "redo/window.h"
#include "redo/format.h"
#include "redo/limits.h"

void ate__window_init(struct ate__window *w, const struct ate__vfs *vfs, struct ate__file *file)
{
    *w = (struct ate__window){.vfs = vfs, .file = file};
}

void ate__window_deinit(struct ate__window *w)
{
    ate__buf_deinit(&w->buf);
}

static bool covers(const struct ate__window *w, uint64_t offset, size_t size)
{
    if (offset < w->offset || offset - w->offset > w->buf.size)
        return false;
    return w->at_end || size <= w->buf.size - (offset - w->offset);
}

/* Moves so that buf begins at offset and holds at least size bytes, if there are as many. */
static int move(struct ate__window *w, uint64_t offset, size_t size)
{
    /* What is there already stays: a group that begins near the end is not read twice. */
    if (offset >= w->offset && offset - w->offset <= w->buf.size && w->ahead) {
        ate__buf_drop_front(&w->buf, (size_t)(offset - w->offset));
        w->ahead = ate__min(2 * w->ahead, ATE__WINDOW_BYTES);
    } else {
        ate__buf_clear(&w->buf);
        w->ahead = ATE__WINDOW_BYTES_MIN;
    }
    w->offset = offset;
    w->at_end = false;
    size_t wanted = ate__max(size, w->ahead);
    size_t more = wanted - ate__min(wanted, w->buf.size);
    int rc = ate__buf_reserve(&w->buf, more);
    if (rc)
        return rc;
    size_t got = 0;
    rc = w->vfs->read(w->file, offset + w->buf.size, w->buf.data + w->buf.size, more, &got);
    if (rc)
        return rc;
    w->buf.size += got;
    w->at_end = got < more;
    return 0;
}

int ate__window_get(struct ate__window *w, uint64_t offset, size_t size,
                    struct ate_bytes *ret_bytes)
{
    int rc = covers(w, offset, size) ? 0 : move(w, offset, size);
    if (rc)
        return rc;
    size_t at = (size_t)(offset - w->offset);
    *ret_bytes = ate__bytes(w->buf.data + at, ate__min(size, w->buf.size - at));
    return 0;
}

int ate__window_nonzero(struct ate__window *w, uint64_t from, uint64_t to, uint64_t *ret_first,
                        uint64_t *ret_behind_last)
{
    uint64_t first = to, behind_last = from;
    for (uint64_t at = from; at < to;) {
        struct ate_bytes bytes;
        size_t size = (size_t)(to - at < ATE__WINDOW_BYTES ? to - at : ATE__WINDOW_BYTES);
        int rc = ate__window_get(w, at, size, &bytes);
        if (rc)
            return rc;
        if (!bytes.size)
            break;
        const uint8_t *p = bytes.data;
        if (!ate__all_zero(bytes)) {
            size_t begin = 0, end = bytes.size;
            while (!p[begin])
                begin++;
            while (!p[end - 1])
                end--;
            first = first == to ? at + begin : first;
            behind_last = at + end;
        }
        at += bytes.size;
    }
    *ret_first = first;
    *ret_behind_last = behind_last;
    return 0;
}
