/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: every limit of the wire, its default, and the record in which a program changes it
 * (docs/format/limits.md).
 */
#pragma once
#include <stdint.h>

/* clang-format off */
enum {
    ATE__NET_FRAME_HEAD = 12,       /* bytes: u32 length, u16 type, u16 zero, u32 stream id */
    ATE__NET_FRAME_MAX = 16 << 20,  /* what the length may say: type, zero, stream id and body */
    ATE__NET_BODY_MAX = ATE__NET_FRAME_MAX - 8,
    ATE__NET_GREETING_FRAME_MAX = 16 << 10, /* the same before HELLO is answered */
    ATE__NET_GREETING_BYTES_MAX = 64 << 10, /* all bytes received until then, TLS included */
    ATE__NET_GREETING_MS = 10 * 1000, /* from the TCP connection to the answered HELLO */
    ATE__NET_CONNECT_MS = 10 * 1000,  /* until the TCP connection, name resolution included */
    ATE__NET_PING_MS = 10 * 1000,     /* silence after which a PING is sent */
    ATE__NET_DEAD_MS = 30 * 1000,     /* silence after which the peer is dead */
    ATE__NET_LINGER_MS = 2 * 1000,    /* to send what is queued when a connection is closed */
    ATE__NET_STUCK_MS = 1000,         /* who took nothing for so long does not read */
    ATE__NET_CREDIT = 1 << 20,        /* bytes waiting to be sent; what passes it is still taken */
    ATE__NET_ERROR_TEXT_MAX = 1000,   /* bytes of the sentence in an ERROR frame */
    ATE__NET_PINS_MAX = 8,            /* pins, and as many root keys, in an address */
    ATE__DNS_RECORDS_MAX = 64,        /* in an answer of DNS */
    ATE__DNS_RECORD_MAX = 2048,       /* bytes of one of them */
    ATE__DNS_ANCHOR_MAX = 64 << 10,   /* bytes of the file of the trust anchor of DNS */
    ATE__NET_CONNECTIONS_MAX = 10000, /* of an acceptor */
    ATE__NET_GREETINGS_MAX = 1024,    /* of them before HELLO is answered */
    ATE__NET_GREETINGS_SOURCE_MAX = 128, /* the same, from one source address (IPv6: one /64) */
    ATE__NET_GRACE_MS = 1000,         /* age at which one of them gives way when those are full */
    ATE__NET_UNFINISHED_MAX = 256 << 20 /* bytes kept of frames that are not whole, of them all */
};
/* clang-format on */

/* A zero field means the default above. */
struct ate__net_limits {
    uint32_t frame_bytes, greeting_frame_bytes, greeting_bytes;
    uint32_t greeting_ms, connect_ms, ping_ms, dead_ms, linger_ms, grace_ms;
    uint32_t credit_bytes;
    uint32_t connections, greetings, greetings_source;
    uint32_t unfinished_bytes; /* of an acceptor */
};

/* The limits with every zero replaced; given NULL: the defaults. */
struct ate__net_limits ate__net_limits_of(const struct ate__net_limits *limits);
