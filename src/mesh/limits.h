/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the mesh (docs/format/limits.md).
 */
#pragma once

enum {
    ATE__STREAMS_MAX = 64,             /* streams of one connection */
    ATE__COMMITS_MAX = 1024,           /* commits waiting, a connection */
    ATE__COMMITS_BYTES_MAX = 8 << 20,
    ATE__FAILED_SIGNATURES_MAX = 16,   /* a connection; then it is closed */
    ATE__CATCH_UP_BYTES = 1 << 20,     /* in flight to a subscriber that catches up from the log */
    ATE__GET_IDS_MAX = 256,            /* objects asked for in one GET */
    ATE__GET_PAGE_MAX = 256,           /* children in one answer */
    ATE__GOT_TXS_MAX = 4096,           /* transactions in one answer */
    ATE__GROUP_FRAME_RECORDS_MAX = 65536,
    ATE__CREATE_CHAINS_MAX = 1000,     /* with --no-auth: chains that one source address may create */
    ATE__CHAINS_MAX = 100000,          /* of a server */
    ATE__BACK_OFF_MIN_MS = 50,         /* reconnect: doubled after each failure, with jitter */
    ATE__BACK_OFF_MAX_MS = 10000
};
#define ATE__CREATE_BYTES_MAX (10ull << 30) /* with --no-auth: bytes that one source address may store */
