/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * net_frame_decode_fuzz.c: ate__net_frame_decode() over a stream of frames. A frame that is taken
 * is written again byte for byte; no prefix of it is taken.
 */
#include "base/assert.h"
#include "net/frame.h"

enum { MOST = 4096 }; /* bytes of a frame, so that small inputs reach the limit */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct ate__net_frame *frame, struct ate_bytes bytes)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    size_t mark = ate__net_frame_begin(&w, frame->type, frame->stream);
    ate__wr_bytes(&w, frame->body);
    int rc = ate__net_frame_end(&w, mark, MOST);
    ate__assert(!rc);
    ate__assert(ate__bytes_equal(ate__buf_bytes(&buf), bytes));
    ate__buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct ate__net_frame frame, none;
        size_t step = 0, less = 1;
        int rc = ate__net_frame_decode(ate__bytes(data + at, size - at), MOST, &frame, &step);
        ate__assert(!rc || rc == ATE_BAD_PEER || rc == ATE_TOO_BIG);
        if (rc || !step)
            break;
        ate__assert(step >= ATE__NET_FRAME_HEAD && step <= size - at && step <= MOST + 4);
        rc = ate__net_frame_decode(ate__bytes(data + at, step - 1), MOST, &none, &less);
        ate__assert(!rc && !less);
        write_again(&frame, ate__bytes(data + at, step));
        at += step;
    }
    return 0;
}
