/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_members.c: who is there. With members_only, who is shown a chain beyond its transaction 0,
 * and may ask for anything, has proved a private key whose public half the chain holds. Of a
 * centralized chain all are asked, and what they commit is judged by what they have proved
 * (chain/attest.h).
 *
 *     loop                                        thread of `reads`
 *     CHALLENGE, then OPENED
 *     READERS; the peer is not read meanwhile -> a secret of its own is sealed to each key
 *     SEALED                                <-----
 *     POSSESSION; the peer is not read meanwhile -> each signature, then: does the chain hold one?
 *     from now on the stream is a member's  <-----
 *
 *  1. What is signed, or sealed, names this connection's TLS channel, this chain and the number
 * that was drawn for this stream (trust/possession.h). It is answered once: the number is used up,
 *     and so are the secrets.
 *  2. A refusal says the same, after the same work, whether a signature does not hold or no such
 *     key is in the chain; each counts among `failed-signatures`.
 *  3. Who has proved nothing within the time of a greeting loses the stream.
 *  4. A key that is revoked opens nothing any more, also to streams that are open: each request and
 *     each group asks again.
 *  5. A centralized chain is spoken of over TLS alone, and by a server whose log key is one of the
 *     chain's: nobody believes another one.
 *  6. Who opens what is sealed has proved that he reads, not that he signs: nothing is ever said to
 *     be made by him for that. It is sealed to whatever key is named; what the chain holds is
 *     looked at when it was opened, so that nobody learns of another's key whether it is there.
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
    struct ate_hash kept[ATE__POSSESSED_MAX]; /* those that count: that sign, that only decrypt */
    uint32_t signers, readers;
    struct ate__msg_list asked; /* READERS, of body; then: */
    struct ate__buf answer;     /* SEALED */
    uint32_t sealed_count;
    struct ate__sealed_for sealed[ATE__POSSESSED_MAX];
};

static void proving_free(struct proving *p)
{
    if (p) {
        ate__wipe(p->sealed, sizeof p->sealed);
        ate__buf_wipe(&p->body);
        ate__buf_deinit(&p->answer);
    }
    ate__free(p);
}

/* ---- asking ---- */

void ate__members_end(struct ate__stream *s)
{
    ate__loop_timer_free(ate__steal(&s->member.timer));
    ate__wipe(s->member.sealed, sizeof s->member.sealed);
    s->member.sealed_count = 0;
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
    for (uint32_t i = 0; i < s->member.count + s->member.readers; i++)
        if (holds(t, &s->member.key[i]))
            return 0;
    return refuse();
}

/* ---- work ---- */

static void begin(struct proving *p, struct ate__stream *s, void (*work)(struct ate__job *job),
                  void (*done)(struct ate__job *job))
{
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    p->stream = ate__stream_ref(s);
    p->of = (struct ate__possession){
        .channel = s->peer->link->channel,
        .chain_id = *ate__trust_chain_id(t),
        .nonce = s->member.nonce,
        .alg = ate__trust_alg(t),
    };
    p->job.server = s->peer->server;
    p->job.work = work;
    p->job.done = done;
    s->peer->proving++;
    ate__peer_judge(s->peer);
    ate__job_start(&p->job, p->job.server->reads, 0);
}

static void finish(struct proving *p)
{
    struct ate__stream *s = p->stream;
    struct ate__peer *peer = s->peer;
    proving_free(p);
    peer->proving--;
    ate__peer_judge(peer);
    ate__stream_unref(s);
}

/* ---- READERS ---- */

static int seal(struct proving *p)
{
    struct ate__buf sealed[ATE__POSSESSED_MAX] = {ATE__BUF_NULL};
    const struct ate__env *env = p->job.server->conf.env;
    struct ate__wr w = ate__wr_of(&p->answer);
    struct ate__msg_list m = {.count = p->asked.count};
    int rc = 0;
    for (uint32_t i = 0; !rc && i < m.count; i++) {
        struct ate__sealed_for *to = &p->sealed[i];
        ate__random(env, &to->secret, sizeof to->secret);
        rc = ate__possession_seal(&p->of, env, p->asked.item[i], &to->secret, &sealed[i], &to->key);
        m.item[i] = ate__buf_bytes(&sealed[i]);
    }
    if (!rc) {
        ate__msg_list_encode(&w, &m);
        rc = ate__wr_end(&w);
    }
    p->sealed_count = m.count;
    for (uint32_t i = 0; i < ATE__POSSESSED_MAX; i++)
        ate__buf_deinit(&sealed[i]);
    return rc;
}

static void seal_work(struct ate__job *job)
{
    ate__job_result(job, seal(ATE__CONTAINER(job, struct proving, job)));
}

static void seal_done(struct ate__job *job)
{
    struct proving *p = ATE__CONTAINER(job, struct proving, job);
    struct ate__stream *s = p->stream;
    if (!s->ended && job->result) {
        ate__stream_fail(s, job->result, job->text);
    } else if (!s->ended && s->member.asked) {
        memcpy(s->member.sealed, p->sealed, sizeof p->sealed);
        s->member.sealed_count = p->sealed_count;
        ate__peer_send(s->peer, ATE__MSG_SEALED, s->id, &p->answer);
    }
    finish(p);
}

static int take_readers(struct ate__stream *s, struct ate_bytes body, struct proving *p)
{
    if (!s->member.asked || s->member.sealed_asked)
        return ate__fail(ATE_BAD_PEER, "READERS: nothing was asked");
    s->member.sealed_asked = true;
    int rc = ate__buf_append(&p->body, body);
    return rc ? rc : ate__msg_readers_decode(ate__buf_bytes(&p->body), &p->asked);
}

void ate__members_seal(struct ate__stream *s, struct ate_bytes body)
{
    struct proving *p = ate__alloc(sizeof *p);
    int rc = p ? take_readers(s, body, p) : ate__no_memory();
    if (!rc) {
        begin(p, s, seal_work, seal_done);
        return;
    }
    proving_free(p);
    ate__stream_fail(s, rc, ate__error_text());
}

/* ---- POSSESSION ---- */

static bool by_opening(const struct proving *p, uint32_t i)
{
    return p->m.key[i].signature.size == sizeof p->sealed[0].secret;
}

static int check_opened(const struct proving *p, const struct ate__possessed *key,
                        struct ate_hash *ret_fingerprint)
{
    bool opened = false;
    int rc = ate__fingerprint(key->public_key, ret_fingerprint);
    for (uint32_t i = 0; !rc && i < p->sealed_count; i++) {
        const struct ate__sealed_for *to = &p->sealed[i];
        opened |= ate__hash_equal(&to->key, ret_fingerprint) &&
                  ate__secret_equal(&to->secret, key->signature.data, sizeof to->secret);
    }
    return rc || opened ? rc : ATE_TAMPERED;
}

static int check_one(struct proving *p, uint32_t i)
{
    const struct ate__possessed *key = &p->m.key[i];
    return by_opening(p, i)
               ? check_opened(p, key, &p->proved[i])
               : ate__possession_check(&p->of, key->public_key, key->signature, &p->proved[i]);
}

/* A key that the chain would not take in says nothing there. */
static int keep_allowed(struct proving *p)
{
    const struct ate__genesis *g = ate__trust_genesis(ate__chain_trust(p->stream->hosted->chain));
    for (uint32_t reads = 0; reads < 2; reads++) {
        for (uint32_t i = 0; i < p->m.count; i++) {
            if (by_opening(p, i) != reads)
                continue;
            int rc = ate__policy_check(g, p->m.key[i].public_key);
            if (rc < 0)
                return rc;
            if (rc)
                continue;
            p->kept[p->signers + p->readers] = p->proved[i];
            *(reads ? &p->readers : &p->signers) += 1;
        }
    }
    return 0;
}

static int prove(struct proving *p)
{
    struct ate__trust *t = ate__chain_trust(p->stream->hosted->chain);
    int first = 0;
    for (uint32_t i = 0; i < p->m.count; i++) {
        int rc = check_one(p, i);
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
    uint32_t count = p->signers + p->readers;
    s->member.count = p->signers;
    s->member.readers = p->readers;
    memcpy(s->member.key, p->kept, count * sizeof p->kept[0]);
    ate__server_log(p->job.server, ATE__LOG_DEBUG, "%s: %s has proved %s%s", s->hosted->path,
                    s->peer->name, count ? ate__hash_text(&p->kept[0], text) : "nothing",
                    count > 1 ? ", and more" : "");
}

static void prove_done(struct ate__job *job)
{
    struct proving *p = ATE__CONTAINER(job, struct proving, job);
    struct ate__stream *s = p->stream;
    if (!s->ended && !job->result) {
        take_proved(p);
    } else if (!s->ended) {
        ate__server_log_peer(job->server, ATE__LOG_INFO, "%s: %s has proved no key of it",
                             s->hosted->path, s->peer->name);
        ate__stream_fail(s, job->result, job->text);
        if (job->result > 0)
            ate__answer_bad_signature(s->peer);
    }
    finish(p);
}

static int take(struct ate__stream *s, struct ate_bytes body, struct proving *p)
{
    if (!s->member.asked)
        return ate__fail(ATE_BAD_PEER, "POSSESSION: nothing was asked");
    s->member.asked = false; /* for one try */
    p->sealed_count = s->member.sealed_count;
    memcpy(p->sealed, s->member.sealed, sizeof p->sealed);
    ate__members_end(s);
    int rc = ate__buf_append(&p->body, body);
    return rc ? rc : ate__msg_possession_decode(ate__buf_bytes(&p->body), &p->m);
}

void ate__members_prove(struct ate__stream *s, struct ate_bytes body)
{
    struct proving *p = ate__alloc(sizeof *p);
    int rc = p ? take(s, body, p) : ate__no_memory();
    if (!rc) {
        begin(p, s, prove_work, prove_done);
        return;
    }
    proving_free(p);
    ate__stream_fail(s, rc, ate__error_text());
}
