/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_compact.c: the chains of a server are compacted by themselves: since when the timer of
 * each runs, also while it is closed, what the log is told, and when one waits.
 *
 *  1. What a resync sends is of one generation of the log, and begins again with another one: so
 *     none is begun while a stream goes on in it. One that runs already goes on.
 *  2. A compaction that is due waits for all resyncs together ATE__RESYNC_HOLD_MS at most, and
 *     after it the next one may. A stream that takes no step lets it go sooner.
 */
#include "base/err.h"
#include "chain/compact.h"
#include "mesh/server_private.h"

static void log_done(struct ate__hosted *h, const struct ate__compacted *done)
{
    if (!done->rewritten) {
        ate__server_log_compact(h->server, ATE__LOG_DEBUG, "%s: there was nothing to compact",
                                h->path);
        return;
    }
    ate__server_log_compact(
        h->server, ATE__LOG_INFO,
        "compacted %s: %llu of %llu bytes went: %llu old values, %llu events, %llu transactions",
        h->path, (unsigned long long)done->bytes_freed, (unsigned long long)done->bytes_before,
        (unsigned long long)done->payloads, (unsigned long long)done->events,
        (unsigned long long)done->transactions);
}

void ate__compact_hold(struct ate__hosted *h)
{
    uint64_t until_ms = ate__monotonic_ms(h->server->conf.env) + ATE__RESYNC_STEP_MS;
    pthread_mutex_lock(&h->mutex);
    h->hold.until_ms = until_ms;
    pthread_mutex_unlock(&h->mutex);
}

uint64_t ate__compact_held_ms(void *arg)
{
    struct ate__hosted *h = arg;
    uint64_t now_ms = ate__monotonic_ms(h->server->conf.env), wait_ms = 0;
    pthread_mutex_lock(&h->mutex);
    struct ate__hold *hold = &h->hold;
    bool held = hold->until_ms > now_ms;
    if (held && !hold->due_ms)
        hold->due_ms = now_ms;
    uint64_t last_ms = hold->due_ms + ATE__RESYNC_HOLD_MS;
    if (held && last_ms > now_ms)
        wait_ms = ate__min(hold->until_ms, last_ms) - now_ms;
    else
        hold->due_ms = 0;
    pthread_mutex_unlock(&h->mutex);
    return wait_ms;
}

static void compacted(void *arg, int result, const char *text, const struct ate__compacted *done)
{
    struct ate__hosted *h = arg;
    struct ate__server *s = h->server;
    if (result) {
        ate__server_log_compact(s, ATE__LOG_WARNING,
                                "%s could not be compacted, which is tried again: %s: %s", h->path,
                                ate__result_name(result) + strlen("ATE_"), text);
        return;
    }
    log_done(h, done);
    uint64_t now_ms = ate__monotonic_ms(s->conf.env);
    pthread_mutex_lock(&s->mutex);
    int rc = ate__map_put(&s->compacted, &h->key, now_ms);
    (void)rc; /* it is there since the open, else the timer begins with the next one */
    pthread_mutex_unlock(&s->mutex);
}

struct ate__auto_conf ate__compact_conf_of(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    struct ate__auto_conf conf = s->conf.compact;
    if (!s->compacts)
        return (struct ate__auto_conf){.workers = NULL};
    uint64_t now_ms = ate__monotonic_ms(s->conf.env), since_ms = now_ms;
    pthread_mutex_lock(&s->mutex);
    if (!ate__map_get(&s->compacted, &h->key, &since_ms)) {
        int rc = ate__map_put(&s->compacted, &h->key, now_ms);
        (void)rc; /* the timer begins with each open */
    }
    pthread_mutex_unlock(&s->mutex);
    conf.workers = s->compacts;
    conf.since_ms = since_ms;
    conf.held_ms = ate__compact_held_ms;
    conf.done = compacted;
    conf.arg = h;
    return conf;
}
