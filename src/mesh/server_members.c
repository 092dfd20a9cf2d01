/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_members.c: with members_only, who is shown a chain beyond its transaction 0, and may ask
 * for anything, has proved a private key whose public half the chain holds.
 *
 *     loop                                        thread of `reads`
 *     CHALLENGE, then OPENED
 *     POSSESSION; the peer is not read meanwhile -> each signature, then: does the chain hold one?
 *     from now on the stream is a member's  <-----
 *
 *  1. What is signed names this connection's TLS channel, this chain and the number that was drawn
 *     for this stream (trust/possession.h). It is answered once: the number is used up.
 *  2. A refusal says the same, after the same work, whether a signature does not hold or no such
 *     key is in the chain; each counts among `failed-signatures`.
 *  3. Who has proved nothing within the time of a greeting loses the stream.
 *  4. A key that is revoked opens nothing any more, also to streams that are open: each request and
 *     each group asks again.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "mesh/server_private.h"
#include "trust/possession.h"

struct proving {
    struct ate__job job;
    struct ate__stream *stream; /* a reference */
    struct ate__possession of;
    struct ate__buf body;
    struct ate__msg_possession m; /* of body */
    struct ate_hash proved[ATE__POSSESSED_MAX];
};

/* ---- asking ---- */

void ate__members_end(struct ate__stream *s)
{
    ate__loop_timer_free(ate__steal(&s->member.timer));
}

static void late(void *arg)
{
    ate__stream_fail(arg, ATE_TIMEOUT, "no key was proved in the time for it (greeting-ms)");
}

static int start_timer(struct ate__stream *s)
{
    struct ate__server *server = s->peer->server;
    int rc = ate__loop_timer_new(server->loop, late, s, &s->member.timer);
    if (!rc)
        ate__loop_timer_start(s->member.timer,
                              ate__net_limits_of(&server->conf.limits).greeting_ms);
    return rc;
}

int ate__members_challenge(struct ate__stream *s)
{
    struct ate__server *server = s->peer->server;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_challenge m;
    if (!server->conf.members_only || !s->peer->link)
        return 0;
    if (!s->peer->link->encrypted)
        return ate__fail(ATE_NO_ACCESS, "this server shows its chains to those who prove a key of "
                                        "theirs, and that needs TLS (conf.members_only)");
    ate__random(server->conf.env, &m.nonce, sizeof m.nonce);
    ate__msg_challenge_encode(&w, &m);
    int rc = ate__wr_end(&w);
    if (!rc)
        rc = start_timer(s);
    if (rc) {
        ate__buf_deinit(&body);
        return rc;
    }
    s->member.nonce = m.nonce;
    s->member.asked = true;
    ate__peer_send(s->peer, ATE__MSG_CHALLENGE, s->id, &body);
    return 0;
}

/* ---- whether it may ---- */

static bool holds(struct ate__trust *t, const struct ate_hash *key)
{
    return ate__trust_has_key(t, key) && !ate__trust_is_revoked(t, key);
}

static int refuse(void)
{
    return ate__fail(ATE_NO_ACCESS, "this server shows a chain only to those who prove a key that "
                                    "it holds (conf.members_only)");
}

int ate__members_check(const struct ate__stream *s)
{
    if (!s->peer->server->conf.members_only)
        return 0;
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    for (uint32_t i = 0; i < s->member.count; i++)
        if (holds(t, &s->member.key[i]))
            return 0;
    return refuse();
}

/* ---- POSSESSION ---- */

static int prove(struct proving *p)
{
    struct ate__trust *t = ate__chain_trust(p->stream->hosted->chain);
    int first = 0;
    for (uint32_t i = 0; i < p->m.count; i++) {
        int rc = ate__possession_check(&p->of, p->m.key[i].public_key, p->m.key[i].signature,
                                       &p->proved[i]);
        if (rc < 0)
            return rc;
        first = first ? first : rc;
    }
    bool member = false;
    for (uint32_t i = 0; !first && i < p->m.count; i++)
        member |= holds(t, &p->proved[i]);
    return member ? 0 : refuse();
}

static void prove_work(struct ate__job *job)
{
    ate__job_result(job, prove(ATE__CONTAINER(job, struct proving, job)));
}

static void take_proved(struct proving *p)
{
    struct ate__stream *s = p->stream;
    char text[ATE__HASH_TEXT];
    s->member.count = p->m.count;
    memcpy(s->member.key, p->proved, p->m.count * sizeof p->proved[0]);
    ate__server_log(p->job.server, ATE__LOG_DEBUG, "%s: %s has proved %s%s", s->hosted->path,
                    s->peer->name, ate__hash_text(&p->proved[0], text),
                    p->m.count > 1 ? ", and more" : "");
}

static void prove_done(struct ate__job *job)
{
    struct proving *p = ATE__CONTAINER(job, struct proving, job);
    struct ate__stream *s = p->stream;
    struct ate__peer *peer = s->peer;
    peer->proving--;
    if (!s->ended && !job->result) {
        take_proved(p);
    } else if (!s->ended) {
        ate__server_log_peer(job->server, ATE__LOG_INFO, "%s: %s has proved no key of it",
                             s->hosted->path, peer->name);
        ate__stream_fail(s, job->result, job->text);
        if (job->result > 0)
            ate__answer_bad_signature(peer);
    }
    ate__buf_deinit(&p->body);
    ate__free(p);
    ate__peer_judge(peer);
    ate__stream_unref(s);
}

static int take(struct ate__stream *s, struct ate_bytes body, struct proving *p)
{
    if (!s->member.asked)
        return ate__fail(ATE_BAD_PEER, "POSSESSION: nothing was asked");
    s->member.asked = false; /* for one try */
    ate__members_end(s);
    int rc = ate__buf_append(&p->body, body);
    return rc ? rc : ate__msg_possession_decode(ate__buf_bytes(&p->body), &p->m);
}

void ate__members_prove(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    struct proving *p = ate__alloc(sizeof *p);
    int rc = p ? take(s, body, p) : ate__no_memory();
    if (rc) {
        if (p)
            ate__buf_deinit(&p->body);
        ate__free(p);
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    p->stream = ate__stream_ref(s);
    p->of = (struct ate__possession){
        .channel = s->peer->link->channel,
        .chain_id = *ate__trust_chain_id(t),
        .nonce = s->member.nonce,
        .alg = ate__trust_alg(t),
    };
    p->job.server = s->peer->server;
    p->job.work = prove_work;
    p->job.done = prove_done;
    s->peer->proving++;
    ate__peer_judge(s->peer);
    ate__job_start(&p->job, p->job.server->reads, 0);
}
