/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_follow.c: SUBSCRIBE: what a stream gets of its chain (docs/format/wire.md, "Following").
 *
 *     follow    becomes   when                                            by
 *     NOT       ASKED     SUBSCRIBE came                                  ate__follow_subscribe()
 *     ASKED     CATCHING  its head is ours                                ask_done()
 *     CATCHING  LIVE      it has read the log to the end                  go_live()
 *     LIVE      CATCHING  its connection has no room for a live group     deliver()
 *
 * LIVE: each group is read from the log once, when it is published, and sent to all of these. The
 * chain's listener starts that read; one batch is under way at a time, and the loop hands it out.
 * CATCHING: the stream reads the log for itself, from its cursor on, when its connection has room;
 * one stream of a connection at a time. So what a slow reader costs is bounded, by its credit and
 * one batch, and is its own.
 *
 *  1. A cursor stands between two groups, and only grows; each group goes to a stream once. Where
 *     it begins below what compaction has left whole, what is left goes first (server_resync.c).
 *  2. A stream that is LIVE has its cursor at `delivered` or behind it; groups before the cursor
 *     are passed over.
 *  3. Only what is on stable storage is sent: under a weaker sync policy up to the log's floor.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "mesh/server_private.h"
#include <stdio.h>

enum { BATCH_BYTES = 256 << 10, FLOOR_POLL_MS = 100 };

/* --- reading groups; on a thread of `reads` --- */

void ate__groups_clear(struct ate__groups *g)
{
    ate__buf_clear(&g->bytes);
    g->count = 0;
}

void ate__groups_deinit(struct ate__groups *g)
{
    ate__buf_deinit(&g->bytes);
    ate__free(g->frames);
    *g = (struct ate__groups){.count = 0};
}

uint64_t ate__follow_readable(const struct ate__hosted *h)
{
    uint64_t size = ate__chain_published(h->chain);
    struct ate__storage *storage = ate__chain_storage(h->chain);
    struct ate__storage_state state;
    if (h->server->conf.sync == ATE__SYNC_ALWAYS || ate__chain_read_only(h->chain))
        return size;
    storage->v->state(storage, &state);
    return state.floor < size ? state.floor : size;
}

struct grouping {
    struct ate__hosted *hosted;
    struct ate__groups *groups;
    size_t bytes_max;
    uint64_t first;
    uint32_t count; /* records of the group that is being read */
    struct ate__buf records;
};

static int end_group(struct grouping *g, const struct ate__history_record *last)
{
    struct ate__groups *to = g->groups;
    struct ate__msg_group m = {
        .first_sequence = g->first,
        .root_time_us = last->root_time_us,
        .count = g->count,
        .records = ate__buf_bytes(&g->records),
    };
    uint64_t end = g->first + g->count;
    int rc = ate__chain_root_at(g->hosted->chain, end, &m.head_after);
    if (!rc)
        rc = ate__grow(&to->frames, &to->capacity, to->count + 1, sizeof *to->frames);
    if (rc)
        return rc;
    size_t at = to->bytes.size;
    struct ate__wr w = ate__wr_of(&to->bytes);
    ate__msg_group_encode(&w, &m);
    rc = ate__wr_end(&w);
    if (rc)
        return rc;
    to->frames[to->count++] =
        (struct ate__group_out_frame){ATE__MSG_GROUP, at, to->bytes.size - at, g->first, end};
    to->end = end;
    g->count = 0;
    ate__buf_clear(&g->records);
    return to->bytes.size >= g->bytes_max ? ATE_END : 0;
}

static int take_record(void *arg, const struct ate__history_record *record)
{
    struct grouping *g = arg;
    struct ate__wr w = ate__wr_of(&g->records);
    if (!g->count++)
        g->first = record->sequence;
    ate__msg_group_add(&w, record->body);
    int rc = ate__wr_end(&w);
    return rc || !record->last_in_group ? rc : end_group(g, record);
}

/* Groups from a cursor on, until they are bytes_max or more. */
static int read_groups(struct ate__hosted *h, uint64_t from, size_t bytes_max,
                       struct ate__groups *groups)
{
    struct grouping g = {.hosted = h, .groups = groups, .bytes_max = bytes_max};
    ate__groups_clear(groups);
    groups->end = from;
    groups->to = ate__follow_readable(h);
    int rc = ate__chain_history(h->chain, from, groups->to, take_record, &g);
    ate__buf_deinit(&g.records);
    if (rc && rc != ATE_END)
        return rc;
    rc = ate__resync_check(h, from, NULL);
    return rc == ATE_COMPACTED ? ate__context(ATE_BUSY, "begin again") : rc;
}

/* --- sending --- */

static int send_group(struct ate__stream *s, const struct ate__groups *groups, size_t i)
{
    const struct ate__group_out_frame *f = &groups->frames[i];
    const struct ate_bytes body = ate__bytes(groups->bytes.data + f->at, f->size);
    struct ate__link *link = s->peer->link;
    int rc = ate__members_check(s); /* a key may be revoked by now */
    if (rc)
        return rc;
    /* Answers that wait for room go first. */
    rc = !link              ? ATE_OFFLINE
         : s->peer->waiting ? ATE_BUSY
                            : ate__link_send(link, f->type, s->id, &body, 1);
    if (!rc) {
        if (f->type == ATE__MSG_LEAVES)
            s->resyncing.leaves = f->end;
        else
            s->cursor = f->end;
        ate__unread_note(s->peer);
    }
    return rc;
}

/* --- live --- */

static void unlink_live(struct ate__stream *s)
{
    struct ate__hosted *h = s->hosted;
    *s->back_live = s->next_live;
    if (s->next_live)
        s->next_live->back_live = s->back_live;
    if (h->live)
        return;
    pthread_mutex_lock(&h->mutex);
    h->has_live = false;
    pthread_mutex_unlock(&h->mutex);
}

static void queue_catching(struct ate__stream *s)
{
    struct ate__peer *p = s->peer;
    s->follow = ATE__FOLLOW_CATCHING;
    s->next_catching = NULL;
    *p->last_catching = s;
    p->last_catching = &s->next_catching;
}

static void start_live_read(struct ate__hosted *h, uint32_t delay_ms);

/* Under the chain's mutex: whether a read is due, which then is under way. */
static bool take_read(struct ate__hosted *h)
{
    if (h->reading || !h->has_live || h->published <= h->delivered)
        return false;
    h->reading = true;
    return true;
}

/* `delivered` changes only while nobody reads, or by the read itself, on the loop's thread. */
static void published(struct ate__listener *l, uint64_t size)
{
    struct ate__hosted *h = l->user;
    pthread_mutex_lock(&h->mutex);
    if (size > h->published)
        h->published = size;
    bool start = take_read(h);
    pthread_mutex_unlock(&h->mutex);
    if (start)
        start_live_read(h, 0);
}

static void deliver_to(struct ate__stream *s, const struct ate__groups *groups)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < groups->count; i++)
        if (groups->frames[i].first >= s->cursor)
            rc = send_group(s, groups, i);
    if (rc == ATE_BUSY) {
        unlink_live(s);
        queue_catching(s);
    }
    ate__answer_release(s);
    if (rc && rc != ATE_BUSY && rc != ATE_OFFLINE)
        ate__stream_fail(s, rc, ate__error_text());
}

static void live_work(struct ate__job *job)
{
    struct ate__hosted *h = ATE__CONTAINER(job, struct ate__hosted, read);
    ate__job_result(job, read_groups(h, h->delivered, BATCH_BYTES, &h->groups));
}

/* What a live read cannot give, each stream finds out for itself. */
static void all_catch_up(struct ate__hosted *h)
{
    for (struct ate__stream *s; (s = h->live);) {
        unlink_live(s);
        queue_catching(s);
        ate__follow_catch_up(s->peer);
    }
}

static void live_done(struct ate__job *job)
{
    struct ate__hosted *h = ATE__CONTAINER(job, struct ate__hosted, read);
    for (struct ate__stream *s = h->live, *next; s && !job->result; s = next) {
        next = s->next_live;
        deliver_to(s, &h->groups);
    }
    if (job->result)
        all_catch_up(h);
    bool stuck = h->groups.end == h->delivered; /* published, and not yet on stable storage */
    pthread_mutex_lock(&h->mutex);
    h->delivered = h->groups.end;
    h->reading = false;
    bool again = take_read(h);
    pthread_mutex_unlock(&h->mutex);
    if (again)
        start_live_read(h, stuck ? FLOOR_POLL_MS : 0);
    else
        ate__hosted_settle(h);
}

static void start_live_read(struct ate__hosted *h, uint32_t delay_ms)
{
    h->read.work = live_work;
    h->read.done = live_done;
    ate__job_start(&h->read, h->server->reads, delay_ms);
}

void ate__follow_init(struct ate__hosted *h)
{
    h->listener = (struct ate__listener){.published = published, .user = h};
    h->published = h->delivered = 0;
    h->has_live = h->reading = false;
    ate__chain_listen(h->chain, &h->listener);
    uint64_t size = ate__chain_published(h->chain);
    pthread_mutex_lock(&h->mutex);
    if (size > h->published)
        h->published = size;
    pthread_mutex_unlock(&h->mutex);
}

void ate__follow_deinit(struct ate__hosted *h)
{
    ate__chain_unlisten(h->chain, &h->listener);
}

/* --- catching up --- */

struct catching {
    struct ate__job job;
    struct ate__stream *stream;
    struct ate__resyncing resyncing;
    uint64_t from;
    size_t bytes_max;
    struct ate__groups groups;
};

static void catching_work(struct ate__job *job)
{
    struct catching *c = ATE__CONTAINER(job, struct catching, job);
    struct ate__hosted *h = c->stream->hosted;
    int rc = c->resyncing.cut_off
                 ? ate__resync_read(h, &c->resyncing, c->from, c->bytes_max, &c->groups)
                 : read_groups(h, c->from, c->bytes_max, &c->groups);
    ate__job_result(job, rc);
}

/* It has all that could be read a moment ago. */
static bool go_live(struct ate__stream *s)
{
    struct ate__hosted *h = s->hosted;
    pthread_mutex_lock(&h->mutex);
    if (!h->reading && !h->has_live)
        h->delivered = s->cursor;
    bool live = s->cursor >= h->delivered;
    if (live)
        h->has_live = true;
    bool start = live && take_read(h);
    pthread_mutex_unlock(&h->mutex);
    if (!live)
        return false;
    s->follow = ATE__FOLLOW_LIVE;
    s->holds = false;
    s->next_live = h->live;
    s->back_live = &h->live;
    if (h->live)
        h->live->back_live = &s->next_live;
    h->live = s;
    if (start)
        start_live_read(h, 0);
    return true;
}

static void catching_done(struct ate__job *job)
{
    struct catching *c = ATE__CONTAINER(job, struct catching, job);
    struct ate__stream *s = c->stream;
    struct ate__peer *p = s->peer;
    int rc = job->result;
    p->reading = false;
    if (s->holds && !s->ended)
        ate__compact_hold(s->hosted);
    if (!s->ended) {
        for (size_t i = 0; !rc && i < c->groups.count; i++)
            rc = send_group(s, &c->groups, i);
        if (s->resyncing.cut_off && s->cursor == s->resyncing.kept_end)
            s->resyncing.cut_off = 0;
        if (!rc && (s->cursor < c->groups.to || !go_live(s)))
            rc = ATE_BUSY;
        if (rc == ATE_BUSY)
            queue_catching(s);
        ate__answer_release(s);
        if (job->result)
            ate__stream_fail(s, rc, job->text);
        else if (rc && rc != ATE_BUSY && rc != ATE_OFFLINE)
            ate__stream_fail(s, rc, ate__error_text());
    }
    ate__groups_deinit(&c->groups);
    ate__free(c);
    ate__follow_catch_up(p);
    ate__stream_unref(s);
}

void ate__follow_catch_up(struct ate__peer *p)
{
    struct ate__stream *s = p->catching;
    size_t room = p->link ? ate__link_room(p->link) : 0;
    if (!s || !room || p->reading || p->waiting || p->server->stopping)
        return;
    struct catching *c = ate__alloc(sizeof *c);
    if (!c) {
        ate__peer_close(p, ATE_E_MEMORY, ate__result_text(ATE_E_MEMORY));
        return;
    }
    p->catching = s->next_catching;
    if (!p->catching)
        p->last_catching = &p->catching;
    p->reading = true;
    c->stream = ate__stream_ref(s);
    c->from = s->cursor;
    c->resyncing = s->resyncing;
    c->bytes_max =
        ate__min(ate__min(room, BATCH_BYTES), p->server->conf.server_limits.catch_up_bytes);
    c->job.server = p->server;
    c->job.work = catching_work;
    c->job.done = catching_done;
    ate__job_start(&c->job, p->server->reads, 0);
}

void ate__follow_end(struct ate__stream *s)
{
    struct ate__peer *p = s->peer;
    if (s->follow == ATE__FOLLOW_LIVE)
        unlink_live(s);
    for (struct ate__stream **at = &p->catching; *at; at = &(*at)->next_catching)
        if (*at == s) {
            *at = s->next_catching;
            if (p->last_catching == &s->next_catching)
                p->last_catching = at;
            break;
        }
    s->follow = ATE__FOLLOW_NOT;
}

/* --- SUBSCRIBE --- */

struct asking {
    struct ate__job job;
    struct ate__stream *stream;
    struct ate__head head; /* the client's */
    struct ate__buf body;
    struct ate__remains_of_chain remains; /* cut_off 0: all that it lacks is there */
    struct ate__buf note; /* of a centralized chain that is resynced */
};

/* SUBSCRIBED, or RESYNC. */
static int encode_answer(struct asking *a, const struct ate__msg_subscribed *now)
{
    struct ate__wr w = ate__wr_of(&a->body);
    if (!a->remains.cut_off) {
        ate__msg_subscribed_encode(&w, now);
        return ate__wr_end(&w);
    }
    struct ate__msg_resync m = {
        .head = now->head,
        .consistency = now->consistency,
        .cut_off = a->remains.cut_off,
        .kept.size = a->remains.kept_end,
        .certified = a->remains.certified,
        .note = ate__buf_bytes(&a->note),
    };
    int rc = ate__chain_root_at(a->stream->hosted->chain, m.kept.size, &m.kept.root);
    if (rc)
        return rc;
    if (m.certified > m.head.size)
        return ate__fail(ATE_BUSY, "the certificate of what was compacted is not synced yet");
    ate__msg_resync_encode(&w, &m);
    return ate__wr_end(&w);
}

/* Who takes over what is left of a centralized chain believes it under a checkpoint, which comes
 * with it: the head is the one that is signed. */
static int sign_remains(struct asking *a, struct ate__head *head)
{
    struct ate__hosted *h = a->stream->hosted;
    uint64_t size = 0;
    if (!a->remains.cut_off || !ate__hosted_attests(h))
        return 0;
    int rc = ate__hosted_note(h, &a->note, &size);
    if (rc == ATE_NOT_FOUND)
        return 0; /* whoever asks finds that it may not sign */
    if (!rc && size < a->head.size)
        rc = ate__fail(ATE_BUSY, "what you have is not synced here yet");
    head->size = size;
    return rc ? rc : ate__chain_root_at(h->chain, size, &head->root);
}

static int ask(struct asking *a)
{
    struct ate__hosted *h = a->stream->hosted;
    struct ate__msg_subscribed m = {.head.size = ate__follow_readable(h)};
    struct ate_hash root;
    if (a->head.size > m.head.size)
        return ate__fail(
            ATE_ROLLED_BACK, "you have verified %llu transactions of %s; this server has only %llu",
            (unsigned long long)a->head.size, h->path, (unsigned long long)m.head.size);
    int rc = ate__chain_root_at(h->chain, m.head.size, &m.head.root);
    if (!rc && a->head.size)
        rc = ate__chain_root_at(h->chain, a->head.size, &root);
    if (!rc && a->head.size && !ate__hash_equal(&root, &a->head.root))
        rc = ate__fail(ATE_FORKED, "your history of %s is another than this server's, at size %llu",
                       h->path, (unsigned long long)a->head.size);
    if (!rc)
        rc = ate__resync_check(h, a->head.size, &a->remains);
    if (rc == ATE_COMPACTED || rc == ATE_BUSY)
        ate__compact_hold(h);
    if (rc == ATE_COMPACTED)
        rc = sign_remains(a, &m.head);
    if (!rc)
        rc = ate__chain_consistency(h->chain, a->head.size, m.head.size, &m.consistency);
    return rc ? rc : encode_answer(a, &m);
}

static void ask_work(struct ate__job *job)
{
    ate__job_result(job, ask(ATE__CONTAINER(job, struct asking, job)));
}

static void ask_done(struct ate__job *job)
{
    struct asking *a = ATE__CONTAINER(job, struct asking, job);
    struct ate__stream *s = a->stream;
    struct ate__peer *p = s->peer;
    if (!s->ended && job->result) {
        ate__server_log_peer(p->server, ATE__LOG_WARNING, "%s: refused to %s: %s", s->hosted->path,
                             p->name, job->text);
        ate__stream_fail(s, job->result, job->text);
    } else if (!s->ended) {
        const struct ate__remains_of_chain *r = &a->remains;
        if (r->cut_off) {
            s->cursor = 0;
            s->holds = true;
            s->resyncing = (struct ate__resyncing){r->cut_off, r->kept_end, r->generation, 0,
                                                   r->cut_off - r->cut_off % ATE__TILE_LEAVES};
        }
        ate__peer_send(p, r->cut_off ? ATE__MSG_RESYNC : ATE__MSG_SUBSCRIBED, s->id, &a->body);
        queue_catching(s);
        ate__follow_catch_up(p);
    }
    ate__buf_deinit(&a->body);
    ate__buf_deinit(&a->note);
    ate__free(a);
    ate__stream_unref(s);
}

void ate__follow_subscribe(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_subscribe m;
    struct ate__server *server = s->peer->server;
    int rc = ate__msg_subscribe_decode(body, &m);
    if (!rc && s->follow != ATE__FOLLOW_NOT)
        rc = ate__fail(ATE_BAD_PEER, "SUBSCRIBE: the stream has subscribed already");
    if (!rc && server->stopping)
        rc = ate__fail(ATE_OFFLINE, "the server is stopping");
    if (!rc && server->conf.sync == ATE__SYNC_NEVER)
        rc = ate__fail(ATE_UNSUPPORTED,
                       "this server never syncs (conf.sync), so nothing of its chains can be "
                       "followed");
    struct asking *a = rc ? NULL : ate__alloc(sizeof *a);
    if (!rc && !a)
        rc = ate__no_memory();
    if (rc) {
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    s->follow = ATE__FOLLOW_ASKED;
    s->cursor = m.head.size;
    a->stream = ate__stream_ref(s);
    a->head = m.head;
    a->job.server = server;
    a->job.work = ask_work;
    a->job.done = ask_done;
    ate__job_start(&a->job, server->reads, 0);
}
