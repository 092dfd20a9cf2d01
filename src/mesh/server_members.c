/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_members.c: who is there. With members_only, who is shown a chain beyond its transaction 0,
 * and may ask for anything, has proved a private key whose public half the chain holds. Of a
 * centralized chain all are asked, and what they commit is judged by what they have proved
 * (chain/attest.h).
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
 *  5. A centralized chain is spoken of over TLS alone, and by a server whose log key is one of the
 *     chain's: nobody believes another one.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "mesh/server_private.h"
#include "trust/policy.h"
#include "trust/possession.h"

struct proving {
    struct ate__job job;
    struct ate__stream *stream; /* a reference */
    struct ate__possession of;
    struct ate__buf body;
    struct ate__msg_possession m; /* of body */
    struct ate_hash proved[ATE__POSSESSED_MAX];
    uint32_t proved_count; /* of them that count */
};

/* ---- asking ---- */

void ate__members_end(struct ate__stream *s)
{
    ate__loop_timer_free(ate__steal(&s->member.timer));
}

bool ate__hosted_attests(const struct ate__hosted *h)
{
    return ate__trust_genesis(ate__chain_trust(h->chain))->mode == ATE__CENTRALIZED;
}

int ate__attests_check(const struct ate__server *s, const struct ate__trust *t)
{
    if (ate__trust_genesis(t)->mode != ATE__CENTRALIZED ||
        ate__trust_has_office(t, ATE__LOG_KEY, &s->log_fingerprint))
        return 0;
    return ate__fail(ATE_UNTRUSTED, "the chain is centralized, and this server's log key is none "
                                    "of the chain's, so that nobody would believe what it says: a "
                                    "root key adds it");
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

static int check_link(const struct ate__stream *s)
{
    if (s->encrypted)
        return 0;
    if (ate__hosted_attests(s->hosted))
        return ate__fail(ATE_NO_ACCESS, "%s is centralized: it is spoken of over TLS alone",
                         s->hosted->path);
    return ate__fail(ATE_NO_ACCESS, "this server shows its chains to those who prove a key of "
                                    "theirs, and that needs TLS (conf.members_only)");
}

int ate__members_challenge(struct ate__stream *s)
{
    struct ate__server *server = s->peer->server;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_challenge m;
    bool members_only = server->conf.members_only;
    if (!(members_only || ate__hosted_attests(s->hosted)) || !s->peer->link)
        return 0;
    int rc = check_link(s);
    if (!rc)
        rc = ate__attests_check(s->peer->server, ate__chain_trust(s->hosted->chain));
    if (rc)
        return rc;
    ate__random(server->conf.env, &m.nonce, sizeof m.nonce);
    ate__msg_challenge_encode(&w, &m);
    rc = ate__wr_end(&w);
    if (!rc && members_only)
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
    int rc = ate__attests_check(s->peer->server, ate__chain_trust(s->hosted->chain));
    if (rc || !s->peer->server->conf.members_only)
        return rc;
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    for (uint32_t i = 0; i < s->member.count; i++)
        if (holds(t, &s->member.key[i]))
            return 0;
    return refuse();
}

/* ---- POSSESSION ---- */

/* A key that the chain would not take in says nothing there. */
static int keep_allowed(struct proving *p)
{
    const struct ate__genesis *g = ate__trust_genesis(ate__chain_trust(p->stream->hosted->chain));
    for (uint32_t i = 0; i < p->m.count; i++) {
        int rc = ate__policy_check(g, p->m.key[i].public_key);
        if (rc < 0)
            return rc;
        if (!rc)
            p->proved[p->proved_count++] = p->proved[i];
    }
    return 0;
}

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
    bool member = !p->job.server->conf.members_only;
    for (uint32_t i = 0; !first && i < p->m.count; i++)
        member |= holds(t, &p->proved[i]);
    return first || !member ? refuse() : keep_allowed(p);
}

static void prove_work(struct ate__job *job)
{
    ate__job_result(job, prove(ATE__CONTAINER(job, struct proving, job)));
}

static void take_proved(struct proving *p)
{
    struct ate__stream *s = p->stream;
    char text[ATE__HASH_TEXT];
    uint32_t count = p->proved_count;
    s->member.count = count;
    memcpy(s->member.key, p->proved, count * sizeof p->proved[0]);
    ate__server_log(p->job.server, ATE__LOG_DEBUG, "%s: %s has proved %s%s", s->hosted->path,
                    s->peer->name, count ? ate__hash_text(&p->proved[0], text) : "nothing",
                    count > 1 ? ", and more" : "");
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
