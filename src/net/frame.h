/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * frame.h: the unit of the wire: u32le length of what follows, u16le type, u16le zero, u32le
 * stream id, body. Pure.
 *
 *  1. The decoder allocates nothing; the buffer that it looks at grows as bytes arrive, never by
 *     what a length claims.
 *  2. A length is judged as soon as its four bytes are there.
 *  3. Types 1 to 15 belong to this layer, and stream 0 to the connection; the rest to the layers
 *     above.
 */
#pragma once
#include "base/err.h"
#include "base/rd.h"
#include "base/wr.h"
#include "net/limits.h"

enum ate__net_type {
    ATE__NET_HELLO = 1, /* net/hello.h; the first frame of each side */
    ATE__NET_PING = 2, /* u64; answered with a PONG of the same */
    ATE__NET_PONG = 3,
    ATE__NET_ERROR = 4, /* stream 0: the last frame of a connection; else the last of a stream */
    ATE__NET_TYPE_FIRST = 16 /* first of the layers above */
};

struct ate__net_frame {
    uint16_t type;
    uint32_t stream;
    struct ate_bytes body; /* a view */
};

/* Writes the head of a frame, its length left open; the body follows through w. Gives the mark
 * for the end. */
size_t ate__net_frame_begin(struct ate__wr *w, uint16_t type, uint32_t stream);
/* Fills in the length. On failure the whole frame is taken out of the buffer again.
 * Errors: ATE_TOO_BIG above frame_bytes_max; ATE_E_MEMORY. */
int ate__net_frame_end(struct ate__wr *w, size_t mark, uint32_t frame_bytes_max) ATE__CHECK;

/* Reads the frame at the start of bytes. *ret_size: its bytes, head included; 0 while it is not
 * there as a whole. Errors: ATE_BAD_PEER a length below 8, a non-zero reserved field, type 0;
 * ATE_TOO_BIG above frame_bytes_max. */
int ate__net_frame_decode(struct ate_bytes bytes, uint32_t frame_bytes_max,
                          struct ate__net_frame *ret_frame, size_t *ret_size) ATE__CHECK;

/* The body of an ERROR frame: i32le result, u16le length, text; the text is cut at
 * ATE__NET_ERROR_TEXT_MAX. */
void ate__net_error_encode(struct ate__wr *w, int result, const char *text);
/* What the peer says happened, as a result of this side: positive ones of the list are themselves;
 * a failure of the peer's machine is ATE_OFFLINE; any other number is ATE_BAD_PEER. The text comes
 * out escaped and ends in NUL. Errors: ATE_BAD_PEER the body has another form. */
int ate__net_error_decode(struct ate_bytes body, int *ret_result, char ret_text[ATE__ERROR_SIZE])
    ATE__CHECK;
