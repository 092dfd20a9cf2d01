/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_unread.c: what peers that do not read cost all together.
 *
 * What one connection may cost is bounded by its credit and one answer that waits. That of many is
 * bounded here: where their bytes pass the limit `unread`, connections are dropped until an eighth
 * of it is free. First go those whose system has taken nothing for ATE__NET_STUCK_MS, then the
 * others; of each kind those that hold most, by powers of two. Who holds nothing never goes.
 *
 * Bytes leave without a word, so the sum of what was last seen is an upper bound. All are counted
 * anew only when it passes the limit.
 */
#include "mesh/server_private.h"
#include <stdio.h>

static void set(struct ate__peer *p, size_t bytes)
{
    struct ate__server *s = p->server;
    s->unread = s->unread - p->unread + bytes;
    p->unread = bytes;
}

/* Counts it anew. True: it does not read. */
static bool count(struct ate__peer *p)
{
    uint64_t stuck_ms = 0;
    set(p, p->link ? ate__link_unsent(p->link, &stuck_ms) + p->waiting_bytes : 0);
    return p->unread && stuck_ms >= ATE__NET_STUCK_MS;
}

static unsigned power_of(size_t bytes)
{
    return 63 - (unsigned)__builtin_clzll(bytes);
}

static void drop(struct ate__peer *p)
{
    struct ate__server *s = p->server;
    char text[192];
    snprintf(text, sizeof text,
             "%zu bytes wait for peers that do not read them, %zu of them for this one; the limit "
             "is %llu (unread)",
             s->unread, p->unread, (unsigned long long)s->conf.server_limits.unread_bytes);
    ate__peer_drop(p, ATE_BUSY, text);
    (void)count(p);
}

static void relieve(struct ate__server *s)
{
    uint64_t limit = s->conf.server_limits.unread_bytes, goal = limit - limit / 8;
    uint64_t powers[2] = {0}; /* that occur; [1]: of those that do not read */
    for (struct ate__peer *p = s->peers; p; p = p->next) {
        bool stuck = count(p);
        if (p->unread)
            powers[stuck] |= 1ull << power_of(p->unread);
    }
    if (s->unread <= limit)
        return;
    for (unsigned stuck = 2; stuck-- > 0;)
        for (unsigned power = 64; power-- > 0;)
            for (struct ate__peer *p = powers[stuck] >> power & 1 ? s->peers : NULL;
                 p && s->unread > goal; p = p->next)
                if (p->unread && power_of(p->unread) == power && count(p) == stuck)
                    drop(p);
}

void ate__unread_note(struct ate__peer *p)
{
    (void)count(p);
    if (p->server->unread > p->server->conf.server_limits.unread_bytes)
        relieve(p->server);
}

void ate__unread_drop_stuck(struct ate__server *s)
{
    for (struct ate__peer *p = s->peers; p; p = p->next)
        if (count(p)) {
            ate__peer_drop(p, ATE_OFFLINE, "the server is stopping");
            (void)count(p);
        }
}
