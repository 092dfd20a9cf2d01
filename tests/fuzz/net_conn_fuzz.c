/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * net_conn_fuzz.c: ate__conn_feed() and ate__conn_next() at a server that takes clear text and TLS,
 * and at a client in clear text. The first byte says which end, and how the rest is cut.
 *
 * Whatever comes: each end is told once, frames come only after the greeting, what is to be sent
 * stays within its limit, and the deadline is never in the past after a tick.
 */
#include "base/assert.h"
#include "net/conn.h"
#include "server_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes all events; true while it has not ended. */
static bool take(struct ate__conn *c, bool *opened, uint64_t now_ms)
{
    for (;;) {
        struct ate__net_frame frame;
        switch (ate__conn_next(c, now_ms, &frame)) {
        case ATE__CONN_NOTHING: return true;
        case ATE__CONN_OPENED:
            ate__assert(!*opened && ate__conn_version(c) == 1);
            *opened = true;
            break;
        case ATE__CONN_FRAME:
            ate__assert(*opened);
            ate__assert(frame.type >= ATE__NET_TYPE_FIRST ||
                        (frame.type == ATE__NET_ERROR && frame.stream));
            break;
        case ATE__CONN_ENDED:
            ate__assert(ate__conn_result(c) > 0 && ate__conn_text(c)[0]);
            ate__assert(ate__conn_next(c, now_ms, &frame) == ATE__CONN_ENDED);
            return false;
        }
    }
}

static void drain(struct ate__conn *c, uint64_t now_ms)
{
    struct ate_bytes out;
    while ((out = ate__conn_out(c)).size) {
        ate__assert(out.size < 100000);
        ate__conn_sent(c, out.size, now_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct ate__conn_conf conf = {
        .server = data[0] & 1,
        .wire = data[0] & 1 ? ATE__WIRE_EITHER : ATE__WIRE_CLEAR,
        .server_key = server_key,
        .hello = ate__hello_ours(),
        .limits = {.frame_bytes = 4096},
    };
    size_t step = (size_t)(data[0] >> 2) + 1;
    bool opened = false, on = true, lazy = data[0] & 2;
    uint64_t now_ms = 5;
    struct ate__conn *c;
    ate__assert(!ate__conn_new(&conf, now_ms, &c));
    for (size_t at = 1; on && at < size; at += step, now_ms += 700) {
        ate__conn_feed(c, ate__bytes(data + at, ate__min(step, size - at)), now_ms);
        on = take(c, &opened, now_ms);
        if (!lazy)
            drain(c, now_ms);
        ate__conn_tick(c, now_ms);
        ate__assert(ate__conn_deadline(c) > now_ms);
    }
    ate__conn_eof(c, NULL);
    on = take(c, &opened, now_ms);
    ate__assert(!on && ate__conn_state(c) == ATE__CONN_CLOSED);
    drain(c, now_ms);
    ate__conn_free(c);
    return 0;
}
