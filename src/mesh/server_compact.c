/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_compact.c: the chains of a server are compacted by themselves: since when the timer of
 * each runs, also while it is closed, and what the log is told.
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
    conf.done = compacted;
    conf.arg = h;
    return conf;
}
