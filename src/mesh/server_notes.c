/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_notes.c: NOTES: checkpoints that come by themselves (docs/format/wire.md, "Signing,
 * proving").
 *
 * Chains with a stream that asked for them are in the server's list `watched`. A head is signed
 * once for all of these streams, on a thread of `reads`, of one chain at a time over all of the
 * server; no commit waits for it. What a stream cannot take just now it gets with a later look: of
 * notes nothing but the newest is kept.
 *
 *  1. A chain is looked at again `checkpoint-ms` after the last time if it has grown since, else
 *     after ATE__SIGNED_FRESH_MS: what is signed is new, or says that there is nothing new.
 *  2. A stream that follows gets a note when it has been sent all that the note signs.
 *  3. Where this server may not sign, nothing comes.
 *  4. The heads of a centralized chain that has streams are signed whether one asked or not, and
 *     sooner: ATE__ATTESTED_SIGN_MS after the last time, if it has grown.
 *
 * Time is the env's; the loop's timer only says when to look.
 */
#include "base/err.h"
#include "mesh/server_private.h"

static uint64_t now_ms(const struct ate__server *s)
{
    return ate__monotonic_ms(s->conf.env);
}

/* --- the list of chains --- */

static void append(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    h->notes.next = NULL;
    h->notes.back = s->last_watched;
    *s->last_watched = h;
    s->last_watched = &h->notes.next;
}

static void take_out(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    *h->notes.back = h->notes.next;
    if (h->notes.next)
        h->notes.next->notes.back = h->notes.back;
    else
        s->last_watched = h->notes.back;
}

/* --- sending --- */

static bool may_have(const struct ate__stream *s, uint64_t now)
{
    const struct ate__notes *n = &s->hosted->notes;
    bool reaches =
        s->follow == ATE__FOLLOW_NOT || (s->follow != ATE__FOLLOW_ASKED && s->cursor >= n->size);
    return reaches && s->noted.asked && s->noted.serial != n->serial &&
           (!s->noted.serial || now - s->noted.sent_ms >= s->noted.least_ms);
}

static void send_note(struct ate__stream *s, uint64_t now)
{
    struct ate__peer *p = s->peer;
    const struct ate__notes *n = &s->hosted->notes;
    struct ate_bytes body = ate__buf_bytes(&n->body);
    if (!p->link || p->waiting || !may_have(s, now))
        return;
    int rc = ate__link_send(p->link, ATE__MSG_NOTE, s->id, &body, 1);
    if (rc) /* no room: with a later look */
        return;
    s->noted.serial = n->serial;
    s->noted.sent_ms = now;
    ate__unread_note(p);
}

static void deliver(struct ate__hosted *h, uint64_t now)
{
    bool has_one = h->notes.serial && h->notes.looked_size; /* since anybody asked */
    for (struct ate__stream *s = has_one ? h->notes.streams : NULL; s; s = s->noted.next)
        send_note(s, now);
}

/* --- signing --- */

/* Between two heads of a chain that grows. */
static uint32_t pause_ms(const struct ate__hosted *h)
{
    uint32_t ms = h->server->conf.server_limits.checkpoint_ms;
    return ate__hosted_attests(h) && ms > ATE__ATTESTED_SIGN_MS ? ATE__ATTESTED_SIGN_MS : ms;
}

static bool is_due(const struct ate__hosted *h, uint64_t now)
{
    const struct ate__notes *n = &h->notes;
    uint64_t passed = now - n->looked_ms;
    return !n->looked_size || passed >= ATE__SIGNED_FRESH_MS ||
           (passed >= pause_ms(h) && ate__chain_published(h->chain) != n->looked_size);
}

static int make(struct ate__hosted *h)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__notes *n = &h->notes;
    struct ate__wr w = ate__wr_of(&n->made);
    int rc = ate__hosted_note(h, &note, &n->made_size);
    if (rc)
        return rc;
    ate__buf_clear(&n->made);
    ate__msg_note_encode(&w, &(struct ate__msg_note){ate__buf_bytes(&note)});
    return ate__wr_end(&w);
}

static void sign_work(struct ate__job *job)
{
    ate__job_result(job, make(ATE__CONTAINER(job, struct ate__hosted, notes.job)));
}

static void sign_next(struct ate__server *s);

static void sign_done(struct ate__job *job)
{
    struct ate__hosted *h = ATE__CONTAINER(job, struct ate__hosted, notes.job);
    struct ate__server *s = h->server;
    struct ate__stream *signs_for = s->signs_for;
    struct ate__notes *n = &h->notes;
    s->signs_for = NULL;
    if (!job->result) {
        struct ate__buf before = n->body;
        n->body = n->made;
        n->made = before;
        n->size = n->looked_size = n->made_size; /* more may be there that was not synced */
        n->serial++;
        deliver(h, now_ms(s));
    }
    sign_next(s);
    ate__stream_unref(signs_for);
}

/* It goes to the end of the list, so that each has its turn. */
static void sign(struct ate__hosted *h, uint64_t now)
{
    struct ate__server *s = h->server;
    struct ate__notes *n = &h->notes;
    take_out(h);
    append(h);
    n->looked_ms = now;
    n->looked_size = ate__chain_published(h->chain);
    n->job.server = s;
    n->job.work = sign_work;
    n->job.done = sign_done;
    s->signs_for = ate__stream_ref(n->streams); /* it holds the chain */
    ate__job_start(&n->job, s->reads, 0);
}

static void sign_next(struct ate__server *s)
{
    uint64_t now = now_ms(s);
    struct ate__hosted *h = s->watched;
    if (s->signs_for || s->stopping)
        return;
    while (h && !is_due(h, now))
        h = h->notes.next;
    if (h)
        sign(h, now);
}

void ate__notes_look(void *server)
{
    struct ate__server *s = server;
    uint64_t now = now_ms(s);
    uint32_t ms = s->conf.server_limits.checkpoint_ms;
    for (struct ate__hosted *h = s->watched; h; h = h->notes.next) {
        deliver(h, now);
        ms = pause_ms(h) < ms ? pause_ms(h) : ms;
    }
    sign_next(s);
    if (s->watched)
        ate__loop_timer_start(s->look, ms);
}

/* --- streams --- */

static void watch(struct ate__stream *s)
{
    struct ate__notes *n = &s->hosted->notes;
    if (!n->streams) {
        n->looked_size = 0;
        append(s->hosted);
    }
    s->noted.listed = true;
    s->noted.next = n->streams;
    s->noted.back = &n->streams;
    if (n->streams)
        n->streams->noted.back = &s->noted.next;
    n->streams = s;
}

void ate__notes_watch(struct ate__stream *s)
{
    if (!s->noted.listed)
        watch(s);
    if (!s->peer->server->stopping)
        ate__notes_look(s->peer->server);
}

void ate__notes_ask(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_notes m;
    int rc = ate__msg_notes_decode(body, &m);
    if (rc) {
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    s->noted.least_ms = m.least_ms;
    if (s->noted.asked)
        return; /* a look at all there is costs much, and a question nothing */
    s->noted.asked = true;
    ate__notes_watch(s);
}

void ate__notes_end(struct ate__stream *s)
{
    if (!s->noted.listed)
        return;
    *s->noted.back = s->noted.next;
    if (s->noted.next)
        s->noted.next->noted.back = s->noted.back;
    s->noted.listed = s->noted.asked = false;
    if (!s->hosted->notes.streams)
        take_out(s->hosted);
}

void ate__notes_deinit(struct ate__hosted *h)
{
    ate__buf_deinit(&h->notes.body);
    ate__buf_deinit(&h->notes.made);
}
