/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.c: the defaults.
 */
#include "net/limits.h"
#include <stddef.h>

static uint32_t or_default(uint32_t given, uint32_t otherwise)
{
    return given ? given : otherwise;
}

struct ate__net_limits ate__net_limits_of(const struct ate__net_limits *limits)
{
    struct ate__net_limits l = {0};
    if (limits)
        l = *limits;
    l.frame_bytes = or_default(l.frame_bytes, ATE__NET_FRAME_MAX);
    l.greeting_frame_bytes = or_default(l.greeting_frame_bytes, ATE__NET_GREETING_FRAME_MAX);
    l.greeting_bytes = or_default(l.greeting_bytes, ATE__NET_GREETING_BYTES_MAX);
    l.greeting_ms = or_default(l.greeting_ms, ATE__NET_GREETING_MS);
    l.connect_ms = or_default(l.connect_ms, ATE__NET_CONNECT_MS);
    l.ping_ms = or_default(l.ping_ms, ATE__NET_PING_MS);
    l.dead_ms = or_default(l.dead_ms, ATE__NET_DEAD_MS);
    l.linger_ms = or_default(l.linger_ms, ATE__NET_LINGER_MS);
    l.grace_ms = or_default(l.grace_ms, ATE__NET_GRACE_MS);
    l.credit_bytes = or_default(l.credit_bytes, ATE__NET_CREDIT);
    l.connections = or_default(l.connections, ATE__NET_CONNECTIONS_MAX);
    l.greetings = or_default(l.greetings, ATE__NET_GREETINGS_MAX);
    l.greetings_source = or_default(l.greetings_source, ATE__NET_GREETINGS_SOURCE_MAX);
    l.unfinished_bytes = or_default(l.unfinished_bytes, ATE__NET_UNFINISHED_MAX);
    return l;
}
