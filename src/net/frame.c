/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * frame.c: the unit of the wire.
 */
#include "net/frame.h"
#include "base/text.h"

enum { FRAME_REST = ATE__NET_FRAME_HEAD - 4 }; /* the least that a length can count */

size_t ate__net_frame_begin(struct ate__wr *w, uint16_t type, uint32_t stream)
{
    size_t mark = ate__wr_reserve32(w);
    ate__wr_u16(w, type);
    ate__wr_u16(w, 0);
    ate__wr_u32(w, stream);
    return mark;
}

int ate__net_frame_end(struct ate__wr *w, size_t mark, uint32_t frame_bytes_max)
{
    int rc = ate__wr_end(w);
    size_t size = w->buf->size - mark;
    if (!rc && size - 4 > frame_bytes_max)
        rc = ate__fail(ATE_TOO_BIG, "a frame of %zu bytes; at most %u", size - 4, frame_bytes_max);
    if (rc)
        w->buf->size = ate__min(w->buf->size, mark);
    else
        ate__wr_fill32(w, mark);
    return rc;
}

int ate__net_frame_decode(struct ate_bytes bytes, uint32_t frame_bytes_max,
                          struct ate__net_frame *ret_frame, size_t *ret_size)
{
    struct ate__rd r = ate__rd_of(bytes);
    *ret_size = 0;
    uint32_t size = ate__rd_u32(&r);
    if (!ate__rd_ok(&r))
        return 0;
    if (size < FRAME_REST)
        return ate__fail(ATE_BAD_PEER, "the length of a frame is %u; at least %d", size,
                         FRAME_REST);
    if (size > frame_bytes_max)
        return ate__fail(ATE_TOO_BIG, "the other side sends a frame of %u bytes; at most %u", size,
                         frame_bytes_max);
    uint16_t type = ate__rd_u16(&r);
    uint16_t zero = ate__rd_u16(&r);
    uint32_t stream = ate__rd_u32(&r);
    if (!ate__rd_ok(&r))
        return 0;
    if (zero)
        return ate__fail(ATE_BAD_PEER, "a frame of type %u: the reserved field is %u, not 0", type,
                         zero);
    if (!type)
        return ate__fail(ATE_BAD_PEER, "a frame of type 0");
    struct ate_bytes body = ate__rd_bytes(&r, size - FRAME_REST);
    if (!ate__rd_ok(&r))
        return 0;
    *ret_frame = (struct ate__net_frame){.type = type, .stream = stream, .body = body};
    *ret_size = (size_t)size + 4;
    return 0;
}

void ate__net_error_encode(struct ate__wr *w, int result, const char *text)
{
    size_t size = ate__min(strlen(text), ATE__NET_ERROR_TEXT_MAX);
    ate__wr_u32(w, (uint32_t)result);
    ate__wr_u16(w, (uint16_t)size);
    ate__wr_copy(w, text, size);
}

int ate__net_error_decode(struct ate_bytes body, int *ret_result, char ret_text[ATE__ERROR_SIZE])
{
    struct ate__rd r = ate__rd_of(body);
    int result = (int)(int32_t)ate__rd_u32(&r);
    struct ate_bytes text = ate__rd_bytes(&r, ate__rd_u16(&r));
    if (!ate__rd_end(&r) || text.size > ATE__NET_ERROR_TEXT_MAX || !result)
        return ate__fail(ATE_BAD_PEER, "an ERROR frame of another form than documented");
    result = ate__result_known(result);
    /* What its machine lacks is no failure of this one: to us it is a peer that cannot serve. */
    *ret_result = result < 0 ? ATE_OFFLINE : result;
    ate__escaped(text, ret_text, ATE__ERROR_SIZE);
    return 0;
}
