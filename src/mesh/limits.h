/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the mesh (docs/format/limits.md).
 */
#pragma once

/* clang-format off */
enum {
    /* of a connection */
    ATE__STREAMS_MAX = 64,
    ATE__COMMITS_MAX = 1024,           /* commits without an answer; then it is not read */
    ATE__COMMITS_BYTES_MAX = 8 << 20,  /* the same, in bytes */
    ATE__REQUESTS_MAX = 256,           /* other requests without an answer; then it is not read */
    ATE__FAILED_SIGNATURES_MAX = 16,   /* then it is closed */
    ATE__REFUSAL_MS = 1000,            /* from the last proof to NO_ACCESS, whatever the reason */
    ATE__RECENT_BYTES = 16 << 20,      /* of transactions read lately, of one chain */
    ATE__CATCH_UP_BYTES = 1 << 20,     /* in flight to a subscriber that catches up from the log */

    /* of a stream */
    ATE__SNAPSHOTS_KEPT = 16,          /* for GETs that name the size that they read at */

    /* of a message */
    ATE__GET_IDS_MAX = 256,            /* objects asked for in one GET */
    ATE__GET_PAGE_MAX = 256,           /* children in one answer */
    ATE__GOT_OBJECTS_MAX = 256,        /* objects in one answer: the greater of the two */
    ATE__GOT_TXS_MAX = 4096,           /* transactions in one answer */
    ATE__GET_PAYLOAD_MAX = 4096,       /* bytes of a payload that GET_NO_PAYLOAD leaves in */
    ATE__POSSESSED_MAX = 8,            /* keys proved for one stream */
    ATE__GROUP_FRAME_RECORDS_MAX = 65536,
    ATE__LEAVES_FRAME_MAX = 16384,     /* leaves in one frame: 512 KiB */

    /* of a server */
    ATE__CHAINS_MAX = 100000,          /* in LOGS; then it creates none */
    ATE__OPEN_CHAINS_MAX = 4096,       /* at the same time */
    ATE__CREATE_CHAINS_MAX = 1000,     /* with no_auth: chains that one source address creates */
    ATE__SOURCES_MAX = 16384,          /* with no_auth: source addresses remembered */
    ATE__SOURCES_SAVE_MS = 60000,
    ATE__RESYNC_STEP_MS = 60000,       /* between two of a resync; then it holds nothing off */
    ATE__RESYNC_HOLD_MS = 21600000,    /* that a compaction which is due waits for resyncs */
    ATE__IDLE_MS = 60000,              /* without a stream; then a chain is closed */
    ATE__CHECKPOINT_MS = 1000,         /* between two heads that are signed unasked, of one chain */
    ATE__SIGNED_FRESH_MS = 30000,      /* a checkpoint of the same head is given again */
    ATE__ATTESTED_SIGN_MS = 200,       /* between two heads of a centralized chain that grows */
    ATE__DRAIN_MS = 10000,             /* for what is in flight, when a server ends */
    ATE__UNREAD_MAX = 256 << 20,       /* bytes that wait for peers to read them, of all together */
    ATE__LOG_LINES_MAX = 100,          /* a minute, of each level, of those that peers cause */

    /* of a client */
    ATE__BACK_OFF_MIN_MS = 50,         /* reconnect: doubled after each failure, with jitter */
    ATE__BACK_OFF_MAX_MS = 10000,
    ATE__OPEN_PATIENCE_MS = 1000,      /* for a server that is not there when a chain is opened */
    ATE__ACCESS_TRIES = 2,             /* to be shown a chain that the server may be opening */
    ATE__ACCESS_TRIES_AGAIN = 5,       /* the same of one that was there before */
    ATE__POSSESSED_BYTES = 54 << 10,   /* of all that proves keys of one stream */
    ATE__POSSESSION_OWN = 64,          /* bytes of such a frame beside key and proof, at most */
    ATE__UNSURE_MAX = 65536,           /* commits remembered that ended as UNKNOWN */
    ATE__THIN_BYTES_MAX = 64 << 20,    /* of what a thin snapshot keeps of what it was shown */
    ATE__OWN_NOTES = 64,               /* commits that a thin chain remembers */
    ATE__OWN_IDS_MAX = 1024,           /* objects of one of these */
    ATE__LISTED_MAX = 1 << 20,         /* children of one object that a thin snapshot lists */
    ATE__SHOWN_KEYS_MAX = 65536, /* public keys that a thin chain takes from what it is shown */
    ATE__FETCH_BYTES = 4 << 20 /* groups received and not taken in yet; then it is not read */
};
/* clang-format on */
/* with no_auth: bytes that one source address stores */
#define ATE__CREATE_BYTES_MAX (10ull << 30)
