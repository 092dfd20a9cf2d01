/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_members.c: who is there. With members_only nothing is said of a chain, and not whether it
 * is there, but to who has proved a private key whose public half the chain holds. Of a centralized
 * chain all are asked, and what they commit is judged by what they have proved (chain/attest.h).
 *
 *     loop                                        thread of `reads`
 *     CHALLENGE: of a stream that is hidden first of all, else in front of OPENED
 *     READERS; the peer is not read meanwhile -> a secret of its own is sealed to the key
 *     SEALED                                <-----
 *     POSSESSION; the peer is not read meanwhile -> does it hold?
 *     the last one: of a hidden stream      <-----
 *     the chain is asked for, and admitted
 *     to if it holds one of the keys
 *
 *  1. What is signed, or sealed, names this connection's TLS channel, a chain and the number that
 *     was drawn for this stream (trust/possession.h). It is answered once: the number is used up,
 *     and so are the secrets.
 *  2. Until it is admitted a stream is hidden: whatever becomes of it, it is told one sentence,
 *     refusal_ms after the last proof or, without one, greeting_ms after the question; by a timer,
 *     so that nothing is to be read from the time that looking took. Nothing on the disk is
 *     looked at before all proofs held. What takes longer than that time goes on, and who asks
 *     again finds it done. Each refusal counts among `failed-signatures`.
 *  3. A connection has the limits of a greeting until one of its streams is admitted.
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
    struct ate_bytes public_key, proof; /* of body; READERS: no proof */
    struct ate__sealed_for sealed; /* the secret for this key, if there is one; or to be sealed */
    bool has_sealed;
    struct ate__buf answer; /* SEALED */
    struct ate__proved proved;
};

static void proving_free(struct proving *p)
{
    if (p) {
        ate__wipe(&p->sealed, sizeof p->sealed);
        ate__buf_wipe(&p->body);
        ate__buf_deinit(&p->answer);
    }
    ate__free(p);
}

/* ---- asking ---- */

static bool is_hidden(const struct ate__stream *s)
{
    return s->member.first && !s->member.admitted;
}

static void forget(struct ate__stream *s)
{
    ate__loop_timer_free(ate__steal(&s->member.timer));
    ate__wipe(s->member.sealed, sizeof s->member.sealed);
    s->member.sealed_count = 0;
}

/* Sealing that was asked for in vain counts as a signature that does not hold. */
void ate__members_end(struct ate__stream *s)
{
    bool in_vain = s->member.sealed_count;
    forget(s);
    if (in_vain)
        ate__answer_bad_signature(s->peer);
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

static int refuse(void)
{
    return ate__fail(ATE_NO_ACCESS, "this server says nothing of a chain but to those who prove a "
                                    "key that it holds (conf.members_only)");
}

static void late(void *arg)
{
    struct ate__stream *s = arg;
    struct ate__peer *peer = s->peer;
    ate__server_log_peer(peer->server, ATE__LOG_INFO, "%s: %s has proved no key of it", s->path,
                         peer->name);
    forget(s);
    ate__stream_fail(s, refuse(), ate__error_text());
    ate__answer_bad_signature(peer);
}

static int check_link(const struct ate__stream *s)
{
    if (s->encrypted)
        return 0;
    if (!s->member.first)
        return ate__fail(ATE_NO_ACCESS, "%s is centralized: it is spoken of over TLS alone",
                         s->hosted->path);
    return ate__fail(ATE_NO_ACCESS, "this server shows its chains to those who prove a key of "
                                    "theirs, and that needs TLS (conf.members_only)");
}

static int send_challenge(struct ate__stream *s)
{
    struct ate__server *server = s->peer->server;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_challenge m = {.first = s->member.first};
    ate__random(server->conf.env, &m.nonce, sizeof m.nonce);
    ate__msg_challenge_encode(&w, &m);
    int rc = ate__wr_end(&w);
    if (!rc && m.first)
        rc = ate__loop_timer_new(server->loop, late, s, &s->member.timer);
    if (rc) {
        ate__buf_deinit(&body);
        return rc;
    }
    s->member.nonce = m.nonce;
    s->member.asked = true;
    if (m.first)
        ate__loop_timer_start(s->member.timer,
                              ate__net_limits_of(&server->conf.limits).greeting_ms);
    ate__peer_send(s->peer, ATE__MSG_CHALLENGE, s->id, &body);
    return 0;
}

/* On the loop's thread; nothing of the path but its form was looked at. */
int ate__members_challenge_first(struct ate__stream *s)
{
    s->member.first = true;
    int rc = check_link(s);
    return rc ? rc : send_challenge(s);
}

int ate__members_challenge(struct ate__stream *s)
{
    if (s->member.first || !ate__hosted_attests(s->hosted) || !s->peer->link)
        return 0;
    int rc = check_link(s);
    if (!rc)
        rc = ate__attests_check(s->peer->server, ate__chain_trust(s->hosted->chain));
    return rc ? rc : send_challenge(s);
}

/* ---- whether it may ---- */

static bool holds(struct ate__trust *t, const struct ate_hash *key)
{
    return ate__trust_has_key(t, key) && !ate__trust_is_revoked(t, key);
}

static int check_member(const struct ate__stream *s, struct ate__trust *t)
{
    for (uint32_t i = 0; i < s->member.proved_count; i++)
        if (holds(t, &s->member.proved[i].key))
            return 0;
    return refuse();
}

int ate__members_check(const struct ate__stream *s)
{
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    int rc = ate__attests_check(s->peer->server, t);
    return rc || !s->member.first ? rc : check_member(s, t);
}

/* A key that the chain would not take in says nothing there. */
static void keep_signers(struct ate__stream *s, const struct ate__hosted *h)
{
    const struct ate__genesis *g = ate__trust_genesis(ate__chain_trust(h->chain));
    char text[ATE__HASH_TEXT];
    for (uint32_t i = 0; i < s->member.proved_count; i++) {
        const struct ate__proved *p = &s->member.proved[i];
        if (p->signs && !ate__policy_check_parts(g, &p->parts))
            s->member.key[s->member.count++] = p->key;
    }
    ate__server_log(
        s->peer->server, ATE__LOG_DEBUG, "%s: %s has proved %s%s", h->path, s->peer->name,
        s->member.proved_count ? ate__hash_text(&s->member.proved[0].key, text) : "nothing",
        s->member.proved_count > 1 ? ", and more" : "");
}

/* What was said of another chain says nothing of this one; who creates names the chain of his
 * genesis, and learns of the one that is there. */
static bool admits(const struct ate__stream *s, struct ate__trust *t)
{
    return (s->create || ate__hash_equal(&s->member.chain_id, ate__trust_chain_id(t))) &&
           !check_member(s, t);
}

static void admit(struct ate__stream *s)
{
    s->member.admitted = true;
    forget(s);
    if (s->peer->link)
        ate__link_confine(s->peer->link, false);
}

bool ate__members_admit(struct ate__stream *s, struct ate__hosted *h)
{
    struct ate__trust *t = ate__chain_trust(h->chain);
    if (!is_hidden(s))
        return true;
    if (!admits(s, t))
        return false;
    admit(s);
    keep_signers(s, h);
    return true;
}

bool ate__members_told(struct ate__stream *s, struct ate__trust *gone,
                       const struct ate_hash *gone_key)
{
    bool told = !is_hidden(s);
    for (uint32_t i = 0; gone && !told && i < s->member.proved_count; i++)
        told = ate__hash_equal(&s->member.chain_id, ate__trust_chain_id(gone)) &&
               (ate__hash_equal(&s->member.proved[i].key, gone_key) ||
                ate__trust_has_key(gone, &s->member.proved[i].key));
    if (told && is_hidden(s))
        admit(s);
    return told;
}

void ate__members_fail(struct ate__stream *s, int result, const char *text)
{
    if (!is_hidden(s))
        ate__stream_fail(s, result, text);
}

/* ---- work ---- */

static void begin(struct proving *p, struct ate__stream *s, void (*work)(struct ate__job *job),
                  void (*done)(struct ate__job *job))
{
    p->stream = ate__stream_ref(s);
    p->of = (struct ate__possession){
        .channel = s->peer->link->channel,
        .chain_id = s->member.chain_id,
        .nonce = s->member.nonce,
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

/* All that is proved for a stream is proved for one chain. */
static bool names_one(struct ate__stream *s, const struct ate_hash *chain_id)
{
    bool one = !s->member.named || ate__hash_equal(&s->member.chain_id, chain_id);
    s->member.chain_id = *chain_id;
    s->member.named = true;
    return one;
}

static void take(struct ate__stream *s, int (*decode)(struct ate__stream *s, struct proving *p),
                 struct ate_bytes body, void (*work)(struct ate__job *job),
                 void (*done)(struct ate__job *job))
{
    struct proving *p = ate__alloc(sizeof *p);
    int rc = p ? ate__buf_append(&p->body, body) : ate__no_memory();
    if (!rc)
        rc = decode(s, p);
    if (!rc) {
        begin(p, s, work, done);
        return;
    }
    proving_free(p);
    ate__stream_fail(s, rc, ate__error_text());
}

/* ---- READERS ---- */

static int seal(struct proving *p)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf sealed = ATE__BUF_NULL;
    const struct ate__env *env = p->job.server->conf.env;
    struct ate__wr w = ate__wr_of(&p->answer);
    ate__random(env, &p->sealed.secret, sizeof p->sealed.secret);
    int rc = ate__possession_seal(&p->of, env, p->public_key, &p->sealed.secret, &sealed,
                                  &p->sealed.key);
    if (rc)
        return rc;
    ate__msg_sealed_encode(&w, &(struct ate__msg_sealed){ate__buf_bytes(&sealed)});
    return ate__wr_end(&w);
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
        s->member.sealed[s->member.sealed_count++] = p->sealed;
        ate__peer_send(s->peer, ATE__MSG_SEALED, s->id, &p->answer);
    }
    finish(p);
}

static int decode_readers(struct ate__stream *s, struct proving *p)
{
    struct ate__msg_readers m;
    if (!s->member.asked || s->member.seals == ATE__POSSESSED_MAX)
        return ate__fail(ATE_BAD_PEER, "READERS: nothing was asked, or enough");
    int rc = ate__msg_readers_decode(ate__buf_bytes(&p->body), &m);
    if (rc)
        return rc;
    if (!names_one(s, &m.chain_id))
        return ate__fail(ATE_BAD_PEER, "READERS: of another chain than before");
    p->public_key = m.public_key;
    s->member.seals++;
    return 0;
}

void ate__members_seal(struct ate__stream *s, struct ate_bytes body)
{
    take(s, decode_readers, body, seal_work, seal_done);
}

/* ---- POSSESSION ---- */

static int check_opened(struct proving *p)
{
    int rc = ate__fingerprint(p->public_key, &p->proved.key);
    bool opened = p->has_sealed && ate__hash_equal(&p->sealed.key, &p->proved.key) &&
                  ate__secret_equal(&p->sealed.secret, p->proof.data, sizeof p->sealed.secret);
    return rc || opened ? rc : ATE_TAMPERED;
}

static int prove(struct proving *p)
{
    struct ate__proved *proved = &p->proved;
    proved->signs = p->proof.size != sizeof p->sealed.secret;
    int rc = proved->signs ? ate__possession_check(&p->of, p->public_key, p->proof, &proved->key)
                           : check_opened(p);
    if (!rc)
        rc = ate__public_key_split(p->public_key, &proved->parts);
    return rc;
}

static void prove_work(struct ate__job *job)
{
    ate__job_result(job, prove(ATE__CONTAINER(job, struct proving, job)));
}

/* Of a chain that is not hidden. */
static void conclude_here(struct ate__stream *s)
{
    struct ate__trust *t = ate__chain_trust(s->hosted->chain);
    forget(s);
    if (!s->member.failed && ate__hash_equal(&s->member.chain_id, ate__trust_chain_id(t))) {
        keep_signers(s, s->hosted);
        return;
    }
    ate__stream_fail(s, ate__fail(ATE_NO_ACCESS, "what was to prove a key does not hold"),
                     ate__error_text());
    ate__answer_bad_signature(s->peer);
}

/* Who creates a chain proves for that one. */
static bool is_of_genesis(const struct ate__stream *s)
{
    struct ate__rd r = ate__rd_of(ate__buf_bytes(&s->genesis)); /* u8 version, id: event/tx.h */
    (void)ate__rd_u8(&r);
    struct ate_hash id = ate__rd_hash(&r);
    return ate__rd_ok(&r) && ate__hash_equal(&id, &s->member.chain_id);
}

/* All proofs were judged. */
static void conclude(struct ate__stream *s)
{
    if (!s->member.first)
        conclude_here(s);
    else if (!s->member.failed && (!s->create || is_of_genesis(s)))
        ate__hosted_ask(s->peer->server, ate__text_bytes(s->path), s);
}

static void prove_done(struct ate__job *job)
{
    struct proving *p = ATE__CONTAINER(job, struct proving, job);
    struct ate__stream *s = p->stream;
    bool last = !--s->member.judging && !s->member.asked;
    p->proved.parts.signature_key = p->proved.parts.kem_key = ate__bytes(NULL, 0);
    if (job->result)
        s->member.failed = true;
    else
        s->member.proved[s->member.proved_count++] = p->proved;
    if (!s->ended && !s->member.first && job->result < 0)
        ate__stream_fail(s, job->result, job->text);
    if (!s->ended && last)
        conclude(s);
    finish(p);
}

/* The secret that was sealed to the key is used up. */
static void take_sealed(struct ate__stream *s, struct proving *p)
{
    struct ate_hash key;
    if (p->proof.size != sizeof p->sealed.secret || ate__fingerprint(p->public_key, &key))
        return;
    for (uint32_t i = 0; i < s->member.sealed_count && !p->has_sealed; i++) {
        struct ate__sealed_for *sealed = &s->member.sealed[i];
        p->has_sealed = ate__hash_equal(&sealed->key, &key);
        if (p->has_sealed)
            p->sealed = *sealed;
    }
}

static int decode_possession(struct ate__stream *s, struct proving *p)
{
    struct ate__msg_possession m;
    if (!s->member.asked || s->member.said == ATE__POSSESSED_MAX)
        return ate__fail(ATE_BAD_PEER, "POSSESSION: nothing was asked, or enough");
    int rc = ate__msg_possession_decode(ate__buf_bytes(&p->body), &m);
    if (rc)
        return rc;
    if (!names_one(s, &m.chain_id))
        return ate__fail(ATE_BAD_PEER, "POSSESSION: for another chain than before");
    p->public_key = m.public_key;
    p->proof = m.proof;
    take_sealed(s, p);
    s->member.said++;
    s->member.judging++;
    s->member.asked = m.more;
    if (!m.more && s->member.first)
        ate__loop_timer_start(s->member.timer, s->peer->server->conf.server_limits.refusal_ms);
    return 0;
}

void ate__members_prove(struct ate__stream *s, struct ate_bytes body)
{
    take(s, decode_possession, body, prove_work, prove_done);
}
