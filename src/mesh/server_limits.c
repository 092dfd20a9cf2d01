/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_limits.c: the limits of a server by name.
 */
#include "base/err.h"
#include "mesh/server_private.h"

struct limit {
    const char *name;
    size_t offset; /* in struct ate__server_conf */
    uint64_t least, most, standard;
    bool wide; /* 64 bits */
};

#define NET(name, field, least, most, standard)                                                    \
    {name, offsetof(struct ate__server_conf, limits.field), least, most, standard, false}
#define OWN(name, field, least, most, standard)                                                    \
    {name, offsetof(struct ate__server_conf, server_limits.field), least, most, standard, false}

/* As the table of docs/format/limits.md has them. A frame is never smaller than the default: it
 * has to hold the largest group. */
/* clang-format off */
static const struct limit limits[] = {
    NET("frame", frame_bytes, ATE__NET_FRAME_MAX, 1 << 30, ATE__NET_FRAME_MAX),
    NET("greeting-frame", greeting_frame_bytes, 1 << 10, 1 << 20, ATE__NET_GREETING_FRAME_MAX),
    NET("greeting-bytes", greeting_bytes, 16 << 10, 1 << 30, ATE__NET_GREETING_BYTES_MAX),
    NET("greeting-ms", greeting_ms, 1, 3600000, ATE__NET_GREETING_MS),
    NET("ping-ms", ping_ms, 1, 3600000, ATE__NET_PING_MS),
    NET("dead-ms", dead_ms, 1, 86400000, ATE__NET_DEAD_MS),
    NET("linger-ms", linger_ms, 1, 60000, ATE__NET_LINGER_MS),
    NET("credit", credit_bytes, 64 << 10, 1 << 30, ATE__NET_CREDIT),
    NET("connections", connections, 1, 1 << 20, ATE__NET_CONNECTIONS_MAX),
    NET("greetings", greetings, 1, 1 << 20, ATE__NET_GREETINGS_MAX),
    NET("greetings-source", greetings_source, 1, 1 << 20, ATE__NET_GREETINGS_SOURCE_MAX),
    NET("unfinished", unfinished_bytes, 1 << 20, UINT32_MAX, ATE__NET_UNFINISHED_MAX),
    OWN("streams", streams, 1, 1 << 16, ATE__STREAMS_MAX),
    OWN("commits", commits, 1, 1 << 16, ATE__COMMITS_MAX),
    OWN("commit-bytes", commit_bytes, 1, 1 << 30, ATE__COMMITS_BYTES_MAX),
    OWN("requests", requests, 1, 1 << 16, ATE__REQUESTS_MAX),
    OWN("failed-signatures", failed_signatures, 1, 1 << 30, ATE__FAILED_SIGNATURES_MAX),
    OWN("refusal-ms", refusal_ms, 10, 10000, ATE__REFUSAL_MS),
    OWN("catch-up", catch_up_bytes, 4 << 10, 1 << 30, ATE__CATCH_UP_BYTES),
    OWN("chains", chains, 1, 1 << 30, ATE__CHAINS_MAX),
    OWN("open-chains", open_chains, 1, 1 << 20, ATE__OPEN_CHAINS_MAX),
    OWN("create-chains", create_chains, 1, 1 << 30, ATE__CREATE_CHAINS_MAX),
    {"create-bytes", offsetof(struct ate__server_conf, server_limits.create_bytes), 1, UINT64_MAX,
     ATE__CREATE_BYTES_MAX, true},
    {"unread", offsetof(struct ate__server_conf, server_limits.unread_bytes), 1 << 20, UINT64_MAX,
     ATE__UNREAD_MAX, true},
    OWN("log-lines", log_lines, 1, 1 << 20, ATE__LOG_LINES_MAX),
    OWN("create-sources", sources, 1, 1 << 20, ATE__SOURCES_MAX),
    OWN("idle-ms", idle_ms, 1, 86400000, ATE__IDLE_MS),
    OWN("checkpoint-ms", checkpoint_ms, 100, 86400000, ATE__CHECKPOINT_MS),
    OWN("drain-ms", drain_ms, 100, 3600000, ATE__DRAIN_MS),
};
/* clang-format on */

static uint64_t get(const struct ate__server_conf *conf, const struct limit *l)
{
    const char *field = (const char *)conf + l->offset;
    uint32_t narrow;
    uint64_t v;
    if (l->wide) {
        memcpy(&v, field, sizeof v);
    } else {
        memcpy(&narrow, field, sizeof narrow);
        v = narrow;
    }
    return v ? v : l->standard;
}

static void set(struct ate__server_conf *conf, const struct limit *l, uint64_t v)
{
    char *field = (char *)conf + l->offset;
    uint32_t narrow = (uint32_t)v;
    if (l->wide)
        memcpy(field, &v, sizeof v);
    else
        memcpy(field, &narrow, sizeof narrow);
}

int ate__server_limit_set(struct ate__server_conf *conf, const char *name, uint64_t value)
{
    for (size_t i = 0; i < ATE__COUNT_OF(limits); i++) {
        const struct limit *l = &limits[i];
        if (strcmp(l->name, name) != 0)
            continue;
        if (value < l->least || value > l->most)
            return ate__fail(ATE_MISUSE, "the limit %s is a number from %llu to %llu", name,
                             (unsigned long long)l->least, (unsigned long long)l->most);
        set(conf, l, value);
        return 0;
    }
    return ate__fail(ATE_MISUSE, "there is no such limit");
}

bool ate__server_limit_next(const struct ate__server_conf *conf, size_t *at, const char **ret_name,
                            uint64_t *ret_value)
{
    if (*at >= ATE__COUNT_OF(limits))
        return false;
    const struct limit *l = &limits[(*at)++];
    *ret_name = l->name;
    *ret_value = get(conf, l);
    return true;
}

void ate__server_limits_fill(struct ate__server_conf *conf)
{
    for (size_t i = 0; i < ATE__COUNT_OF(limits); i++)
        set(conf, &limits[i], get(conf, &limits[i]));
}
