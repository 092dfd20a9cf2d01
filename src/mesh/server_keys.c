/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_keys.c: of a centralized chain, who may be said to have made what a stream commits: the
 * keys that were proved when it began (server_members.c), and those that are proved later, one by a
 * KEY, because a commit takes them.
 *
 *     loop                                     thread of `reads`
 *     KEY; the peer is not read meanwhile ->   its signature
 *     the commits behind it may be its  <---
 *
 *  1. Keys are only added, ATE__PROVED_MAX at most: offers that are under way look at them.
 *  2. What is signed is what POSSESSION signs: it is good for this stream of this connection alone.
 *  3. One that does not hold ends the stream, and counts among `failed-signatures`.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "mesh/server_private.h"
#include "trust/policy.h"
#include "trust/possession.h"

static bool has(const struct ate__stream *s, const struct ate_hash *key)
{
    for (uint32_t i = 0; i < s->authors.count; i++)
        if (ate__hash_equal(&s->authors.key[i], key))
            return true;
    return false;
}

static void add(struct ate__stream *s, const struct ate_hash *key)
{
    if (s->authors.count < ATE__PROVED_MAX && !has(s, key))
        s->authors.key[s->authors.count++] = *key;
}

uint32_t ate__keys_of(struct ate__stream *s, const struct ate_hash **ret_keys)
{
    while (s->authors.taken < s->member.count)
        add(s, &s->member.key[s->authors.taken++]);
    *ret_keys = s->authors.key;
    return s->authors.count;
}

struct keying {
    struct ate__job job;
    struct ate__stream *stream; /* a reference */
    struct ate__possession of;
    struct ate__buf body;
    struct ate__msg_key m; /* of body */
    struct ate_hash proved;
    bool allowed; /* the chain would take it; else it says nothing there */
};

static void keying_free(struct keying *k)
{
    if (k)
        ate__buf_deinit(&k->body);
    ate__free(k);
}

static int check(struct keying *k)
{
    const struct ate__genesis *g = ate__trust_genesis(ate__chain_trust(k->stream->hosted->chain));
    int rc = ate__possession_check(&k->of, k->m.public_key, k->m.signature, &k->proved);
    if (rc > 0)
        return ate__fail(ATE_NO_ACCESS, "KEY: it is not proved here");
    if (!rc)
        rc = ate__policy_check(g, k->m.public_key);
    k->allowed = !rc;
    return rc < 0 ? rc : 0;
}

static void check_work(struct ate__job *job)
{
    ate__job_result(job, check(ATE__CONTAINER(job, struct keying, job)));
}

static void check_done(struct ate__job *job)
{
    struct keying *k = ATE__CONTAINER(job, struct keying, job);
    struct ate__stream *s = k->stream;
    struct ate__peer *peer = s->peer;
    if (!s->ended && !job->result) {
        if (k->allowed)
            add(s, &k->proved);
    } else if (!s->ended) {
        ate__server_log_peer(job->server, ATE__LOG_INFO,
                             "%s: %s has not proved a key that it named", s->hosted->path,
                             peer->name);
        ate__stream_fail(s, job->result, job->text);
        if (job->result > 0)
            ate__answer_bad_signature(peer);
    }
    keying_free(k);
    peer->proving--;
    ate__peer_judge(peer);
    ate__stream_unref(s);
}

static int take(struct ate__stream *s, struct ate_bytes body, struct keying *k)
{
    const struct ate_hash *keys;
    if (!ate__hosted_attests(s->hosted))
        return ate__fail(ATE_BAD_PEER, "KEY: who makes what is signed in this chain");
    if (ate__keys_of(s, &keys) == ATE__PROVED_MAX)
        return ate__fail(ATE_TOO_BIG, "KEY: %d keys are proved on this stream, which is the limit",
                         ATE__PROVED_MAX);
    int rc = ate__buf_append(&k->body, body);
    return rc ? rc : ate__msg_key_decode(ate__buf_bytes(&k->body), &k->m);
}

static void begin(struct keying *k, struct ate__stream *s)
{
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    k->stream = ate__stream_ref(s);
    k->of = (struct ate__possession){
        .channel = s->peer->link->channel,
        .chain_id = *ate__trust_chain_id(t),
        .nonce = s->member.nonce,
    };
    k->job.server = s->peer->server;
    k->job.work = check_work;
    k->job.done = check_done;
    s->peer->proving++;
    ate__peer_judge(s->peer);
    ate__job_start(&k->job, k->job.server->reads, 0);
}

void ate__keys_prove(struct ate__stream *s, struct ate_bytes body)
{
    struct keying *k = ate__alloc(sizeof *k);
    int rc = k ? take(s, body, k) : ate__no_memory();
    if (!rc) {
        begin(k, s);
        return;
    }
    keying_free(k);
    ate__stream_fail(s, rc, ate__error_text());
}
