/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_answer.c: COMMIT, OUTCOME, GET, PROVE, CHECKPOINT, and their answers.
 *
 * Each request is an item. Once it has its result (an offer's; of the others as soon as they came)
 * it enters the queue of its stream. One thread at a time takes items off a queue, builds their
 * answers and posts them to the loop: so the heads that a client is shown form one line, and each
 * answer's consistency proof starts at the newest head proven before it (msg.h). The thread that
 * synced a commit builds its answer itself if nobody else is at it; it leaves all others,
 * which read the log, to `reads`.
 *
 * These are small to ask for and large to answer. So the streams of a connection take turns, one at
 * a time, each of one such item, and only while the connection has room: a client that asks and
 * does not read costs one answer that waits for room, and keeps no thread from the others.
 *
 *     loop                        thread of `chains`            thread of `reads`
 *     COMMIT -> offer ----------> check, order, sync
 *                                 done() -> queue -> build
 *     send, or hold <------------ post
 *     GET -> queue -------------------------------------------> build
 *     send <--------------------------------------------------- post
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/attest.h"
#include "chain/signed.h"
#include "mesh/server_private.h"
#include <stdio.h>

/* REPEAT: a COMMIT that its source has no room for, unless it was stored before. */
enum item_kind { ITEM_COMMIT, ITEM_REPEAT, ITEM_OUTCOME, ITEM_GET, ITEM_PROVE, ITEM_CHECKPOINT };

struct ate__item {
    enum item_kind kind;
    struct ate__item *next; /* in the stream's queue, then in `held` */
    struct ate__loop_task back;
    struct ate__stream *stream; /* a reference */
    uint32_t request;
    struct ate__head known;
    struct ate__txn_id id;   /* OUTCOME */
    struct ate_hash tx_hash; /* OUTCOME; zeros: whichever has that id */
    struct ate__msg_get get; /* views into bytes */
    struct ate__msg_prove prove;
    struct ate__offer offer; /* COMMIT */
    struct ate__buf bytes;   /* the transaction; the ids of GET */
    /* the answer */
    uint16_t type;
    struct ate__buf answer;
    uint64_t after; /* COMMITTED: a stream that follows has got all below it first */
    int fatal;      /* not 0: the stream ends with it */
    bool ends_turn, again; /* its stream's turn ends with it; there is more for another */
    char text[512]; /* of fatal; of a REPEAT: why there is no room */
};

static bool carries_tx(const struct ate__item *i)
{
    return i->kind == ITEM_COMMIT || i->kind == ITEM_REPEAT;
}

static void item_free(struct ate__item *i)
{
    ate__buf_deinit(&i->bytes);
    ate__buf_deinit(&i->answer);
    ate__free(i);
}

/* --- building; any thread --- */

static void reject(struct ate__item *i, int result, const char *text,
                   const struct ate__verdict *verdict)
{
    struct ate__wr w = ate__wr_of(&i->answer);
    struct ate__msg_rejected m = {
        .request = i->request, .result = result, .text = ate__text_bytes(text)};
    if (verdict)
        m.verdict = *verdict;
    ate__buf_clear(&i->answer);
    ate__msg_rejected_encode(&w, &m);
    i->type = ATE__MSG_REJECTED;
    if (ate__wr_end(&w)) {
        i->fatal = ATE_E_MEMORY;
        snprintf(i->text, sizeof i->text, "%s", ate__result_text(ATE_E_MEMORY));
    }
}

/* The client's newest head must be one of ours: else no proof can be made, and nothing that either
 * side has can be right for both. */
static int check_known(struct ate__item *i)
{
    struct ate__hosted *h = i->stream->hosted;
    struct ate_hash root;
    if (!i->known.size)
        return 0;
    int rc = ate__chain_root_at(h->chain, i->known.size, &root);
    if (!rc && !ate__hash_equal(&root, &i->known.root))
        rc = ate__fail(ATE_FORKED,
                       "the head that you verified of %s is not this server's, at size %llu",
                       h->path, (unsigned long long)i->known.size);
    if (rc == ATE_FORKED) {
        i->fatal = rc;
        snprintf(i->text, sizeof i->text, "%s", ate__error_text());
    }
    return rc;
}

/* Where the proof of this answer starts. */
static struct ate__head proof_base(const struct ate__item *i)
{
    const struct ate__head *proven = &i->stream->proven;
    return proven->size > i->known.size ? *proven : i->known;
}

static int attested(struct ate__item *i, const struct ate__receipt *receipt,
                    struct ate__attested *ret_attested)
{
    struct ate__chain *c = i->stream->hosted->chain;
    return i->kind == ITEM_COMMIT ? ate__attested_of(c, &i->offer, ret_attested)
                                  : ate__attested_at(c, receipt->sequence, ret_attested);
}

static int signatures_of(struct ate__chain *c, uint64_t sequence, struct ate__msg_committed *m)
{
    struct ate__proof_entry entry;
    int rc = ate__chain_entry(c, sequence, &entry);
    m->has_signatures_hash = !rc;
    if (!rc)
        m->signatures_hash = entry.signatures_hash;
    return rc;
}

static int commit_answer(struct ate__item *i, const struct ate__receipt *receipt)
{
    struct ate__chain *c = i->stream->hosted->chain;
    struct ate__msg_committed m = {.request = i->request, .receipt = *receipt};
    struct ate__head base = proof_base(i);
    struct ate__attested who;
    int rc = check_known(i);
    if (!rc)
        rc = attested(i, receipt, &who);
    if (!rc && i->kind == ITEM_OUTCOME && !ate__hash_is_zero(&i->tx_hash))
        rc = signatures_of(c, receipt->sequence, &m);
    if (rc)
        return rc;
    m.attested_count = who.count;
    m.attested = who.fingerprint[0].b;
    if (base.size > m.receipt.size) {
        m.receipt.size = base.size;
        m.receipt.head = base.root;
    }
    m.known_size = base.size;
    rc = ate__chain_inclusion(c, m.receipt.sequence, m.receipt.size, &m.inclusion);
    if (!rc)
        rc = ate__chain_consistency(c, base.size, m.receipt.size, &m.consistency);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&i->answer);
    ate__msg_committed_encode(&w, &m);
    i->type = ATE__MSG_COMMITTED;
    i->after = receipt->sequence + 1;
    i->stream->proven = (struct ate__head){m.receipt.size, m.receipt.head};
    return ate__wr_end(&w);
}

static void build_committed(struct ate__item *i, const struct ate__receipt *receipt)
{
    char text[ATE__ERROR_SIZE];
    if (!commit_answer(i, receipt))
        return;
    snprintf(text, sizeof text, "it is committed, but the proof of it could not be made: %s",
             ate__error_text());
    reject(i, ATE_UNKNOWN, text, NULL);
}

static void build_commit(struct ate__item *i)
{
    const struct ate__offer *o = &i->offer;
    if (o->result)
        reject(i, o->result, o->text, &o->verdict);
    else
        build_committed(i, &o->receipt);
}

static void build_outcome(struct ate__item *i)
{
    struct ate__receipt receipt;
    int rc = ate__chain_outcome(i->stream->hosted->chain, &i->id, &i->tx_hash, &receipt);
    if (rc == ATE_NOT_FOUND)
        reject(i, rc, "that transaction is not in the chain", NULL);
    else if (rc)
        reject(i, rc, ate__error_text(), NULL);
    else
        build_committed(i, &receipt);
}

/* As it was stored: with who made it, where that was written into it. */
static int stored_leaf(struct ate__chain *c, struct ate__tx *tx, const struct ate__receipt *r,
                       struct ate_hash *ret_leaf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf section = ATE__BUF_NULL;
    struct ate__attested who;
    int rc = ate__attested_at(c, r->sequence, &who);
    if (!rc && who.count)
        rc = ate__tx_encode_attested(who.fingerprint, who.count, &section);
    if (!rc && who.count)
        tx->signature_section = ate__buf_bytes(&section);
    return rc ? rc
              : ate__tx_leaf(tx, ate__trust_alg(ate__chain_trust(c)), r->sequence, r->root_time_us,
                             ret_leaf);
}

/* NOT_FOUND: it was not stored before, or under that id another transaction was. */
static int find_repeat(const struct ate__item *i, struct ate__receipt *ret_receipt)
{
    struct ate__chain *c = i->stream->hosted->chain;
    enum ate__hash_alg alg = ate__trust_alg(ate__chain_trust(c));
    struct ate__proof proof;
    struct ate_hash leaf;
    struct ate__tx tx;
    if (ate__tx_decode(ate__buf_bytes(&i->bytes), alg, &tx))
        return ATE_NOT_FOUND;
    int rc = ate__chain_outcome(c, &tx.id, &tx.hash, ret_receipt);
    const struct ate__receipt *r = ret_receipt;
    if (!rc)
        rc = stored_leaf(c, &tx, r, &leaf);
    if (!rc)
        rc = ate__chain_inclusion(c, r->sequence, r->size, &proof);
    if (!rc && ate__merkle_check_inclusion(&leaf, r->sequence, r->size, &proof, &r->head))
        rc = ATE_NOT_FOUND;
    ate__tx_deinit(&tx);
    return rc;
}

static void build_repeat(struct ate__item *i)
{
    struct ate__receipt receipt;
    int rc = find_repeat(i, &receipt);
    if (rc == ATE_NOT_FOUND)
        reject(i, ATE_BUSY, i->text, NULL);
    else if (rc)
        reject(i, ATE_UNKNOWN, ate__error_text(), NULL);
    else
        build_committed(i, &receipt);
}

/* --- GET --- */

static void drop_kept(struct ate__kept_snapshot *k)
{
    if (k->used)
        ate__view_end(&k->view);
    k->used = 0;
}

/* The one that the client reads at, or a new one in the place of the one used longest ago. */
static int find_snapshot(struct ate__item *i, struct ate__kept_snapshot **ret_kept)
{
    struct ate__stream *s = i->stream;
    struct ate__view *view = ate__chain_view(s->hosted->chain);
    struct ate__kept_snapshot *oldest = &s->kept[0];
    uint64_t at = i->get.at ? i->get.at : ate__view_published(view);
    s->gets++;
    for (size_t k = 0; k < ATE__COUNT_OF(s->kept); k++) {
        struct ate__kept_snapshot *kept = &s->kept[k];
        bool same = kept->used && kept->view.size == at;
        if (same && i->get.at) {
            kept->used = s->gets;
            *ret_kept = kept;
            return 0;
        }
        if (same)
            drop_kept(kept); /* it is begun anew, so that it can be read for longer */
        if (kept->used < oldest->used)
            oldest = kept;
    }
    struct ate__view_snapshot fresh;
    int rc = ate__view_begin(view, ate__monotonic_ms(s->peer->server->conf.env), &fresh);
    if (rc)
        return rc;
    if (i->get.at && fresh.size != i->get.at) {
        ate__view_end(&fresh);
        return ate__fail(ATE_STALE, "the state at size %llu is not kept any more: begin anew",
                         (unsigned long long)i->get.at);
    }
    drop_kept(oldest);
    *oldest = (struct ate__kept_snapshot){fresh, s->gets};
    *ret_kept = oldest;
    return 0;
}

/* The head of the snapshot, and its proof. */
static int prove_head(struct ate__item *i, uint64_t size, struct ate__msg_got *m)
{
    struct ate__chain *c = i->stream->hosted->chain;
    struct ate__head base = i->get.at ? i->known : proof_base(i);
    int rc = check_known(i);
    m->head.size = size;
    if (!rc)
        rc = ate__chain_root_at(c, size, &m->head.root);
    m->known_size = base.size < size ? base.size : size;
    return rc ? rc : ate__chain_consistency(c, m->known_size, size, &m->consistency);
}

static int get_answer(struct ate__item *i)
{
    struct ate__stream *s = i->stream;
    const struct ate__server *server = s->peer->server;
    size_t bytes_max = server->conf.limits.frame_bytes - (64 << 10);
    struct ate__msg_got m = {.request = i->request};
    struct ate__kept_snapshot *kept = NULL;
    struct ate__bundle bundle;
    int rc = find_snapshot(i, &kept);
    if (!rc)
        rc = prove_head(i, kept->view.size, &m);
    if (!rc)
        rc = ate__bundle_make(server->conf.env, s->hosted->chain, s->hosted->recent, &kept->view,
                              &i->get, bytes_max, &bundle);
    if (rc)
        return rc;
    m.cursor = bundle.cursor;
    m.object_count = bundle.object_count;
    m.objects = bundle.objects.data;
    m.tx_count = bundle.tx_count;
    m.txs = ate__buf_bytes(&bundle.txs);
    struct ate__wr w = ate__wr_of(&i->answer);
    ate__msg_got_encode(&w, &m);
    ate__bundle_deinit(&bundle);
    i->type = ATE__MSG_GOT;
    if (!i->get.at)
        s->proven = m.head;
    return ate__wr_end(&w);
}

static void build_get(struct ate__item *i)
{
    int rc = get_answer(i);
    if (rc)
        reject(i, rc, ate__error_text(), NULL);
}

/* --- PROVE, CHECKPOINT --- */

static int prove_answer(struct ate__item *i)
{
    struct ate__msg_proven m;
    int rc = ate__hosted_prove(i->stream->hosted, &i->prove, &m);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&i->answer);
    ate__msg_proven_encode(&w, &m);
    i->type = ATE__MSG_PROVEN;
    return ate__wr_end(&w);
}

static void build_prove(struct ate__item *i)
{
    int rc = prove_answer(i);
    if (rc)
        reject(i, rc, ate__error_text(), NULL);
}

static int checkpoint_answer(struct ate__item *i)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    int rc = ate__hosted_checkpoint(i->stream->hosted, &note);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&i->answer);
    ate__msg_signed_encode(&w, &(struct ate__msg_signed){i->request, ate__buf_bytes(&note)});
    i->type = ATE__MSG_SIGNED;
    return ate__wr_end(&w);
}

static void build_checkpoint(struct ate__item *i)
{
    int rc = checkpoint_answer(i);
    if (rc)
        reject(i, rc, ate__error_text(), NULL);
}

/* --- the queue of a stream --- */

static void item_back(struct ate__loop_task *task);

static void build(struct ate__item *i)
{
    static void (*const builders[])(struct ate__item *) = {
        [ITEM_COMMIT] = build_commit,   [ITEM_REPEAT] = build_repeat,
        [ITEM_OUTCOME] = build_outcome, [ITEM_GET] = build_get,
        [ITEM_PROVE] = build_prove,     [ITEM_CHECKPOINT] = build_checkpoint,
    };
    /* What nobody is there to get is not read. */
    if (i->kind == ITEM_COMMIT || !i->stream->ended)
        builders[i->kind](i);
}

/* Builds what is there, in order; whoever called saw to it that nobody else does. reads: up to the
 * first item that asks for the log, and that one too; this is a turn, and the last item ends it.
 * Else it stops before such an item, and returns false. The last thing that touches the stream is
 * the unlocking: the loop may free it then. */
static bool build_some(struct ate__stream *s, bool reads)
{
    struct ate__loop *loop = s->peer->server->loop;
    bool more = true, last = false;
    pthread_mutex_lock(&s->mutex);
    while (more && !last) {
        struct ate__item *i = s->items;
        bool asks = i->kind != ITEM_COMMIT;
        if (asks && !reads)
            break;
        s->items = i->next;
        if (!s->items)
            s->last_item = &s->items;
        pthread_mutex_unlock(&s->mutex);
        build(i);
        pthread_mutex_lock(&s->mutex);
        more = s->items != NULL;
        last = reads && (asks || !more);
        s->building = more;
        i->ends_turn = last;
        i->again = last && more;
        ate__loop_post(loop, &i->back);
    }
    pthread_mutex_unlock(&s->mutex);
    return !more;
}

static void build_task(struct ate__task *task)
{
    (void)build_some(task->user, true);
}

/* On the loop: the next turn, if there may be one now. Of a connection that has ended nothing is
 * read any more, and all items come back. */
void ate__answer_turn(struct ate__peer *p)
{
    struct ate__stream *s = p->asking;
    if (!s || p->answering || (p->link && (p->waiting || !ate__link_room(p->link))))
        return;
    p->asking = s->next_asking;
    if (!p->asking)
        p->last_asking = &p->asking;
    p->answering = true;
    s->build = (struct ate__task){.run = build_task, .user = s};
    ate__workers_submit(p->server->reads, &s->build, 0);
}

/* On the loop: the stream, which stays while it has items, wants a turn. */
static void ask_turn(struct ate__stream *s)
{
    struct ate__peer *p = s->peer;
    s->next_asking = NULL;
    *p->last_asking = s;
    p->last_asking = &s->next_asking;
    ate__answer_turn(p);
}

static void turn_asked(struct ate__loop_task *task)
{
    ask_turn(ATE__CONTAINER(task, struct ate__stream, turn));
}

/* The item has its result. reads: it asks for the log, and this is the loop's thread. */
static void enqueue(struct ate__item *i, bool reads)
{
    struct ate__stream *s = i->stream;
    i->back.run = item_back;
    i->next = NULL;
    pthread_mutex_lock(&s->mutex);
    *s->last_item = i;
    s->last_item = &i->next;
    bool mine = !s->building;
    s->building = true;
    pthread_mutex_unlock(&s->mutex);
    if (mine && reads) {
        ask_turn(s);
    } else if (mine && !build_some(s, false)) {
        s->turn.run = turn_asked;
        ate__loop_post(s->peer->server->loop, &s->turn);
    }
}

static void offer_done(struct ate__offer *offer)
{
    enqueue(offer->user, false);
}

/* --- on the loop: requests --- */

void ate__answer_refuse(struct ate__stream *s, uint32_t request, int result)
{
    struct ate__item i = {.request = request};
    reject(&i, result, ate__error_text(), NULL);
    if (i.fatal)
        ate__stream_fail(s, i.fatal, i.text);
    else
        ate__peer_send(s->peer, i.type, s->id, &i.answer);
    ate__buf_deinit(&i.answer);
}

/* What can be said at once. */
static int check_request(struct ate__stream *s, const struct ate__head *known)
{
    struct ate__hosted *h = s->hosted;
    uint64_t size = ate__chain_published(h->chain);
    if (h->server->stopping)
        return ate__fail(ATE_OFFLINE, "the server is stopping");
    if (known->size > size)
        return ate__fail(ATE_ROLLED_BACK,
                         "you have verified %llu transactions of %s; this server has only %llu",
                         (unsigned long long)known->size, h->path, (unsigned long long)size);
    return 0;
}

static struct ate__item *item_new(struct ate__stream *s, enum item_kind kind, uint32_t request,
                                  const struct ate__head *known, struct ate_bytes bytes)
{
    struct ate__item *i = ate__alloc(sizeof *i);
    if (!i || ate__buf_append(&i->bytes, bytes)) {
        ate__free(i);
        ate__no_memory();
        ate__answer_refuse(s, request, ATE_E_MEMORY);
        return NULL;
    }
    i->kind = kind;
    i->request = request;
    i->known = *known;
    i->stream = ate__stream_ref(s);
    if (carries_tx(i)) {
        s->hosted->commits++;
        s->peer->commits++;
        s->peer->commit_bytes += bytes.size;
        if (kind == ITEM_COMMIT)
            ate__server_committing(s->peer->server);
    } else {
        s->peer->requests++;
    }
    ate__peer_judge(s->peer);
    ate__server_busy(s->peer->server);
    return i;
}

void ate__answer_commit(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__server *server = s->peer->server;
    struct ate__msg_commit m;
    int rc = ate__msg_commit_decode(body, &m);
    if (rc) {
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    rc = check_request(s, &m.known);
    if (!rc)
        rc = ate__destroy_check_held(s->hosted);
    if (rc) {
        ate__answer_refuse(s, m.request, rc);
        return;
    }
    if (server->conf.no_auth)
        rc = ate__sources_check(&server->sources, &s->peer->source, m.tx.size);
    enum item_kind kind = rc ? ITEM_REPEAT : ITEM_COMMIT;
    struct ate__item *i = item_new(s, kind, m.request, &m.known, m.tx);
    if (!i)
        return;
    if (rc) {
        snprintf(i->text, sizeof i->text, "%s", ate__error_text());
        enqueue(i, true);
        return;
    }
    i->offer = (struct ate__offer){
        .encoded = ate__buf_bytes(&i->bytes),
        .from_afar = true,
        .timeout_ms = -1,
        .done = offer_done,
        .user = i,
    };
    i->offer.proved_count = ate__keys_of(s, &i->offer.proved);
    ate__chain_offer(s->hosted->chain, &i->offer);
}

void ate__answer_outcome(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_outcome m;
    int rc = ate__msg_outcome_decode(body, &m);
    if (rc) {
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    rc = check_request(s, &m.known);
    if (rc) {
        ate__answer_refuse(s, m.request, rc);
        return;
    }
    struct ate__item *i = item_new(s, ITEM_OUTCOME, m.request, &m.known, ate__bytes(NULL, 0));
    if (!i)
        return;
    i->id = m.id;
    i->tx_hash = m.tx_hash;
    enqueue(i, true);
}

void ate__answer_get(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_get m;
    int rc = ate__msg_get_decode(body, &m);
    if (rc) {
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    rc = check_request(s, &m.known);
    if (rc) {
        ate__answer_refuse(s, m.request, rc);
        return;
    }
    struct ate_bytes ids = ate__bytes(m.ids, m.id_count * sizeof(struct ate_id));
    struct ate__item *i = item_new(s, ITEM_GET, m.request, &m.known, ids);
    if (!i)
        return;
    i->get = m;
    i->get.ids = i->bytes.data;
    enqueue(i, true);
}

/* A request that names no head. */
static void ask_for(struct ate__stream *s, enum item_kind kind, uint32_t request,
                    const struct ate__msg_prove *prove)
{
    static const struct ate__head none;
    int rc = check_request(s, &none);
    if (rc) {
        ate__answer_refuse(s, request, rc);
        return;
    }
    struct ate__item *i = item_new(s, kind, request, &none, ate__bytes(NULL, 0));
    if (!i)
        return;
    if (prove)
        i->prove = *prove;
    enqueue(i, true);
}

void ate__answer_prove(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_prove m;
    int rc = ate__msg_prove_decode(body, &m);
    if (rc)
        ate__stream_fail(s, rc, ate__error_text());
    else
        ask_for(s, ITEM_PROVE, m.request, &m);
}

void ate__answer_checkpoint(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_checkpoint m;
    int rc = ate__msg_checkpoint_decode(body, &m);
    if (rc)
        ate__stream_fail(s, rc, ate__error_text());
    else
        ask_for(s, ITEM_CHECKPOINT, m.request, NULL);
}

/* --- on the loop: answers --- */

static void finish(struct ate__item *i)
{
    struct ate__stream *s = i->stream;
    struct ate__peer *p = s->peer;
    if (!s->ended && i->fatal)
        ate__stream_fail(s, i->fatal, i->text);
    else if (!s->ended)
        ate__peer_send(p, i->type, s->id, &i->answer);
    if (carries_tx(i)) {
        s->hosted->commits--;
        p->commits--;
        p->commit_bytes -= i->bytes.size;
    } else {
        p->requests--;
    }
    ate__destroy_go_on(s->hosted);
    ate__peer_judge(p);
    item_free(i);
    ate__stream_unref(s);
}

void ate__answer_bad_signature(struct ate__peer *p)
{
    char text[128];
    if (++p->failed_signatures < p->server->conf.server_limits.failed_signatures)
        return;
    snprintf(text, sizeof text,
             "%u signatures did not hold, which is the limit (failed-signatures)",
             p->failed_signatures);
    ate__peer_close(p, ATE_BAD_PEER, text);
}

/* What an offer's result says of the peer. stored: by it, in bytes. */
static void judge_offer(struct ate__peer *p, int result, size_t stored)
{
    if (stored && p->server->conf.no_auth)
        ate__sources_store(&p->server->sources, &p->source, stored);
    if (result == ATE_TAMPERED)
        ate__answer_bad_signature(p);
}

static void item_back(struct ate__loop_task *task)
{
    struct ate__item *i = ATE__CONTAINER(task, struct ate__item, back);
    struct ate__stream *s = i->stream;
    struct ate__peer *p = s->peer;
    struct ate__server *server = p->server;
    bool offered = i->kind == ITEM_COMMIT;
    int result = i->offer.result;
    size_t stored = result || i->offer.repeat ? 0 : i->bytes.size;
    bool ends_turn = i->ends_turn, again = i->again;
    p->refs++;
    if (s->follow != ATE__FOLLOW_NOT && i->after > s->cursor && !i->fatal) {
        i->next = NULL;
        *s->last_held = i;
        s->last_held = &i->next;
    } else {
        finish(i);
    }
    if (offered)
        judge_offer(p, result, stored);
    if (ends_turn) {
        p->answering = false;
        if (again) /* what is left to it keeps it */
            ask_turn(s);
        ate__answer_turn(p);
    }
    ate__peer_unref(p);
    if (offered)
        ate__server_committed(server);
    ate__server_done(server);
}

void ate__answer_release(struct ate__stream *s)
{
    for (struct ate__item **at = &s->held, *i; (i = *at);) {
        if (!s->ended && i->after > s->cursor) {
            at = &i->next;
            continue;
        }
        *at = i->next;
        if (s->last_held == &i->next)
            s->last_held = at;
        finish(i);
    }
}

/* --- life --- */

void ate__answer_init(struct ate__stream *s)
{
    pthread_mutex_init(&s->mutex, NULL);
    s->last_item = &s->items;
    s->last_held = &s->held;
}

void ate__answer_deinit(struct ate__stream *s)
{
    /* Whoever built the last answer may still be unlocking. */
    pthread_mutex_lock(&s->mutex);
    ate__assert(!s->items && !s->building && !s->held);
    pthread_mutex_unlock(&s->mutex);
    for (size_t k = 0; k < ATE__COUNT_OF(s->kept); k++)
        drop_kept(&s->kept[k]);
    pthread_mutex_destroy(&s->mutex);
}
