/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_stream.c: one stream: from OPEN or CREATE to its end.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "mesh/server_private.h"
#include <stdio.h>

/* --- life --- */

struct ate__stream *ate__stream_find(struct ate__peer *p, uint32_t id)
{
    struct ate__stream *s = p->streams;
    while (s && s->id != id)
        s = s->next;
    return s;
}

struct ate__stream *ate__stream_ref(struct ate__stream *s)
{
    s->refs++;
    return s;
}

/* What it asks for counts among the bytes of its commits, so that the peer is not read meanwhile.
 */
static void drop_genesis(struct ate__stream *s)
{
    s->peer->commit_bytes -= s->genesis.size;
    ate__buf_deinit(&s->genesis);
    ate__peer_judge(s->peer);
}

void ate__stream_unref(struct ate__stream *s)
{
    if (--s->refs)
        return;
    ate__assert(s->ended);
    ate__answer_deinit(s);
    if (s->hosted)
        ate__hosted_leave(s->hosted);
    drop_genesis(s);
    ate__free(s->path);
    ate__peer_unref(s->peer);
    ate__free(s);
}

void ate__stream_end(struct ate__stream *s)
{
    struct ate__peer *p = s->peer;
    ate__assert(!s->ended);
    s->ended = true;
    ate__follow_end(s);
    ate__notes_end(s);
    ate__members_end(s);
    ate__answer_release(s);
    *(s->prev ? &s->prev->next : &p->streams) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->next = s->prev = NULL;
    p->stream_count--;
    ate__stream_unref(s);
}

void ate__stream_fail(struct ate__stream *s, int result, const char *text)
{
    char kept[ATE__ERROR_SIZE];
    snprintf(kept, sizeof kept, "%s", text);
    ate__peer_send_error(s->peer, s->id, result, kept);
    if (!s->ended)
        ate__stream_end(s);
}

/* One more stream of the peer; NULL: it was told why not. */
static struct ate__stream *begin(struct ate__peer *p, uint32_t id, const char *name)
{
    char text[160];
    struct ate__stream *s = ate__stream_find(p, id);
    uint32_t most = p->server->conf.server_limits.streams;
    if (s) {
        snprintf(text, sizeof text, "%s: stream %u is open already", name, id);
        ate__stream_fail(s, ATE_BAD_PEER, text);
        return NULL;
    }
    if (p->stream_count >= most) {
        snprintf(text, sizeof text, "%u streams are open, which is the limit (streams)", most);
        ate__peer_send_error(p, id, ATE_BUSY, text);
        return NULL;
    }
    s = ate__alloc(sizeof *s);
    if (!s) {
        ate__peer_send_error(p, id, ATE_E_MEMORY, ate__result_text(ATE_E_MEMORY));
        return NULL;
    }
    s->peer = p;
    s->id = id;
    s->encrypted = p->link && p->link->encrypted;
    s->refs = 1;
    p->refs++;
    s->next = p->streams;
    if (s->next)
        s->next->prev = s;
    p->streams = s;
    p->stream_count++;
    ate__answer_init(s);
    return s;
}

/* --- OPEN, CREATE --- */

/* Its chain is asked for: now, or once a key is proved. */
static void ask(struct ate__stream *s, struct ate_bytes path)
{
    struct ate__server *server = s->peer->server;
    if (!server->conf.members_only) {
        ate__hosted_ask(server, path, s);
        return;
    }
    s->path = ate__format("%.*s", (int)path.size, (const char *)path.data);
    int rc = s->path ? ate__members_challenge_first(s) : ate__no_memory();
    if (rc)
        ate__stream_fail(s, rc, ate__error_text());
}

void ate__stream_open(struct ate__peer *p, uint32_t id, struct ate_bytes body)
{
    struct ate__msg_open m;
    struct ate__stream *s = begin(p, id, "OPEN");
    if (!s)
        return;
    int rc = ate__msg_open_decode(body, &m);
    if (rc)
        ate__stream_fail(s, rc, ate__error_text());
    else
        ask(s, m.path);
}

void ate__stream_create(struct ate__peer *p, uint32_t id, struct ate_bytes body)
{
    struct ate__msg_create m;
    struct ate__stream *s = begin(p, id, "CREATE");
    if (!s)
        return;
    s->create = true;
    int rc = ate__msg_create_decode(body, &m);
    if (!rc)
        rc = ate__buf_append(&s->genesis, m.genesis);
    p->commit_bytes += s->genesis.size;
    ate__peer_judge(p);
    if (rc)
        ate__stream_fail(s, rc, ate__error_text());
    else
        ask(s, m.path);
}

/* --- OPENED --- */

struct describing {
    struct ate__job job;
    struct ate__stream *stream;
    bool created;
    struct ate__buf genesis, body;
    uint64_t genesis_time_us;
};

static int take_genesis(void *arg, const struct ate__history_record *record)
{
    struct describing *d = arg;
    d->genesis_time_us = record->root_time_us;
    return ate__buf_append(&d->genesis, record->body);
}

static int describe(struct describing *d)
{
    struct ate__chain *c = d->stream->hosted->chain;
    struct ate__msg_opened m = {
        .created = d->created,
        .read_only = ate__chain_read_only(c),
        .weak_sync = d->job.server->conf.sync != ATE__SYNC_ALWAYS,
        .chain_id = *ate__trust_chain_id(ate__chain_trust(c)),
        .head.size = ate__chain_published(c),
    };
    int rc = ate__chain_root_at(c, m.head.size, &m.head.root);
    if (!rc)
        rc = ate__chain_history(c, 0, 1, take_genesis, d);
    if (!rc)
        rc = ate__chain_inclusion(c, 0, m.head.size, &m.inclusion);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&d->body);
    m.genesis = ate__buf_bytes(&d->genesis);
    m.genesis_time_us = d->genesis_time_us;
    ate__msg_opened_encode(&w, &m);
    return ate__wr_end(&w);
}

static void describe_work(struct ate__job *job)
{
    ate__job_result(job, describe(ATE__CONTAINER(job, struct describing, job)));
}

static void describe_done(struct ate__job *job)
{
    struct describing *d = ATE__CONTAINER(job, struct describing, job);
    struct ate__stream *s = d->stream;
    int rc = s->ended || job->result ? 0 : ate__members_challenge(s);
    if (!s->ended && (job->result || rc)) {
        ate__stream_fail(s, rc ? rc : job->result, rc ? ate__error_text() : job->text);
    } else if (!s->ended) {
        s->opened = true;
        ate__peer_send(s->peer, ATE__MSG_OPENED, s->id, &d->body);
        if (!s->ended && ate__hosted_attests(s->hosted))
            ate__notes_watch(s);
    }
    ate__stream_unref(s);
    ate__buf_deinit(&d->genesis);
    ate__buf_deinit(&d->body);
    ate__free(d);
}

static void send_exists(struct ate__stream *s)
{
    struct ate__msg_exists m = {*ate__trust_chain_id(ate__chain_trust(s->hosted->chain))};
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_exists_encode(&w, &m);
    if (ate__wr_end(&w)) {
        ate__buf_deinit(&body);
        ate__stream_fail(s, ATE_E_MEMORY, ate__error_text());
        return;
    }
    ate__peer_send(s->peer, ATE__MSG_EXISTS, s->id, &body);
    ate__stream_end(s);
}

void ate__stream_got(struct ate__stream *s, struct ate__hosted *h, bool created)
{
    drop_genesis(s);
    if (s->ended || !ate__members_admit(s, h))
        return;
    s->hosted = h;
    h->users++;
    if (s->create && !created) {
        send_exists(s);
        return;
    }
    struct describing *d = ate__alloc(sizeof *d);
    if (!d) {
        ate__stream_fail(s, ATE_E_MEMORY, ate__result_text(ATE_E_MEMORY));
        return;
    }
    d->stream = ate__stream_ref(s);
    d->created = created;
    d->job.server = s->peer->server;
    d->job.work = describe_work;
    d->job.done = describe_done;
    ate__job_start(&d->job, d->job.server->reads, 0);
}
