/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_calls.c: the calls of a client: queued, sent, sent again, answered, given up.
 */
#include "base/text.h"
#include "mesh/client_private.h"
#include <stdio.h>

enum {
    REFUSED_MS = 20, /* first wait after a refusal, doubled each time */
    DOUBLINGS_MAX = 6,
    REFUSALS_MAX = 8 /* of a commit in a row, by a machine that lacks something: 3.8 s */
};

/* ---- lists ---- */

void ate__calls_init(struct ate__calls *list)
{
    list->first = NULL;
    list->last = &list->first;
}

void ate__calls_push(struct ate__calls *list, struct ate__call *call)
{
    call->next = NULL;
    call->before = list->last;
    *list->last = call;
    list->last = &call->next;
}

void ate__calls_remove(struct ate__calls *list, struct ate__call *call)
{
    *call->before = call->next;
    if (call->next)
        call->next->before = call->before;
    else
        list->last = call->before;
    call->next = NULL;
}

static struct ate__calls *list_of(struct ate__client *c, const struct ate__call *call)
{
    return call->kind == ATE__CALL_COMMIT ? &c->commits : &c->reads;
}

/* ---- what is under way ---- */

static void take_out(struct ate__client *c, struct ate__call *call)
{
    if (!call->request)
        return;
    call->request = 0;
    if (call->kind == ATE__CALL_COMMIT) {
        c->commits_out--;
        c->commit_bytes_out -= call->tx.size;
    } else {
        c->reads_out--;
    }
}

static void want_alone(struct ate__client *c, struct ate__call *call, bool alone)
{
    if (call->alone != alone)
        c->alone_count = alone ? c->alone_count + 1 : c->alone_count - 1;
    call->alone = alone;
}

/* An earlier call of this transaction had no answer. */
static bool is_unsure(const struct ate__client *c, const struct ate__call *call)
{
    return call->kind == ATE__CALL_COMMIT && ate__map_get(&c->unsure, &call->id, NULL);
}

/* A commit that ends so may still be applied: its next call knows that. */
static void note_outcome(struct ate__client *c, const struct ate__call *call)
{
    if (call->kind != ATE__CALL_COMMIT)
        return;
    if (call->result != ATE_UNKNOWN)
        ate__map_remove(&c->unsure, &call->id);
    else if (c->unsure.count < ATE__UNSURE_MAX)
        (void)!ate__map_put(&c->unsure, &call->id, 1);
}

static void finish(struct ate__client *c, struct ate__call *call, int result, const char *text)
{
    take_out(c, call);
    want_alone(c, call, false);
    call->ticket = 0;
    call->result = result;
    if (text != call->text)
        snprintf(call->text, sizeof call->text, "%s", result ? text : "");
    note_outcome(c, call);
    ate__calls_remove(list_of(c, call), call);
    ate__calls_push(&c->finished, call);
}

/* ---- submitting and giving up ---- */

/* The end of a commit that may have reached the server is not known, whatever ends it. */
static void finish_unanswered(struct ate__client *c, struct ate__call *call, int result,
                              const char *text)
{
    if (call->kind == ATE__CALL_COMMIT && call->sent) {
        snprintf(call->text, sizeof call->text,
                 "%s: the commit was sent, no answer came, and it may still be applied: %.700s",
                 c->conf.peer, text);
        result = ATE_UNKNOWN;
        text = call->text;
    }
    finish(c, call, result, text);
}

void ate__client_submit(struct ate__client *c, struct ate__call *call)
{
    ate__client_enter(c);
    call->request = 0;
    call->serial = ++c->last_serial;
    call->not_before_ms = 0;
    call->refused = 0;
    call->refusals = 0;
    call->answered = call->alone = false;
    call->ticket = 0;
    call->sent = is_unsure(c, call);
    call->reached = c->state >= ATE__CLIENT_OPENED && c->state <= ATE__CLIENT_READY;
    call->got = ATE__BUF_NULL;
    call->verdict = (struct ate__verdict){0};
    ate__calls_push(list_of(c, call), call);
    if (c->state == ATE__CLIENT_FINAL)
        finish_unanswered(c, call, c->final_result, c->final_text);
    else if (c->ended)
        finish_unanswered(c, call, ATE_CANCELED, "the chain was closed");
    else
        ate__calls_pump(c);
    ate__client_wake(c, c->finished.first ? 0 : call->deadline_ms);
    c->depth--; /* done() comes with the next event, never in here */
}

void ate__calls_fail_all(struct ate__client *c, int result, const char *text)
{
    while (c->commits.first)
        finish_unanswered(c, c->commits.first, result, text);
    while (c->reads.first)
        finish_unanswered(c, c->reads.first, result, text);
}

static void give_up(struct ate__client *c, struct ate__call *call)
{
    const char *why = call->refused ? call->text : call->reached ? "" : c->lost_text;
    int result = call->refused == ATE_BUSY ? ATE_BUSY : call->reached ? ATE_TIMEOUT : ATE_OFFLINE;
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s: %s within the time%s%.600s", c->conf.peer,
             call->refused   ? "the server would not"
             : call->reached ? "no answer came"
                             : "the server was not reached",
             *why ? ": " : "", why);
    finish_unanswered(c, call, result, text);
}

static void expire_list(struct ate__client *c, struct ate__calls *list, uint64_t now_ms,
                        uint64_t *next_ms)
{
    for (struct ate__call *call = list->first, *next; call; call = next) {
        next = call->next;
        if (call->deadline_ms <= now_ms) {
            give_up(c, call);
            continue;
        }
        uint64_t due = call->deadline_ms;
        if (call->not_before_ms > now_ms && call->not_before_ms < due)
            due = call->not_before_ms;
        if (due < *next_ms)
            *next_ms = due;
    }
}

void ate__calls_expire(struct ate__client *c, uint64_t now_ms, uint64_t *ret_next_ms)
{
    *ret_next_ms = UINT64_MAX;
    expire_list(c, &c->commits, now_ms, ret_next_ms);
    expire_list(c, &c->reads, now_ms, ret_next_ms);
}

static void unsend_list(struct ate__client *c, struct ate__calls *list)
{
    for (struct ate__call *call = list->first; call; call = call->next) {
        take_out(c, call);
        want_alone(c, call, false);
        call->answered = false;
        call->ticket = 0;
        call->not_before_ms = 0;
    }
}

void ate__calls_unsend(struct ate__client *c)
{
    unsend_list(c, &c->commits);
    unsend_list(c, &c->reads);
    c->last_request = 0;
}

void ate__calls_mark_reached(struct ate__client *c)
{
    for (struct ate__call *call = c->commits.first; call; call = call->next)
        call->reached = true;
    for (struct ate__call *call = c->reads.first; call; call = call->next)
        call->reached = true;
}

/* ---- sending ---- */

static struct ate__head known_head(const struct ate__client *c)
{
    return ate__client_follows(c) ? (struct ate__head){0} : c->newest;
}

static enum ate__message message_of(const struct ate__call *call)
{
    switch (call->kind) {
    case ATE__CALL_COMMIT: return ATE__MSG_COMMIT;
    case ATE__CALL_OUTCOME: return ATE__MSG_OUTCOME;
    case ATE__CALL_PROVE: return ATE__MSG_PROVE;
    case ATE__CALL_CHECKPOINT: return ATE__MSG_CHECKPOINT;
    case ATE__CALL_DESTROY: return ATE__MSG_DESTROY;
    default: return ATE__MSG_GET;
    }
}

static void encode(struct ate__client *c, const struct ate__call *call, uint32_t request,
                   struct ate__wr *w)
{
    struct ate__head known = known_head(c);
    if (call->kind == ATE__CALL_COMMIT) {
        ate__msg_commit_encode(
            w, &(struct ate__msg_commit){.request = request, .known = known, .tx = call->tx});
    } else if (call->kind == ATE__CALL_OUTCOME) {
        ate__msg_outcome_encode(
            w, &(struct ate__msg_outcome){request, known, call->id, call->tx_hash});
    } else if (call->kind == ATE__CALL_PROVE) {
        struct ate__msg_prove prove = call->prove;
        prove.request = request;
        ate__msg_prove_encode(w, &prove);
    } else if (call->kind == ATE__CALL_CHECKPOINT) {
        ate__msg_checkpoint_encode(w, &(struct ate__msg_checkpoint){request});
    } else if (call->kind == ATE__CALL_DESTROY) {
        ate__msg_destroy_encode(w, &(struct ate__msg_destroy){request, call->statement});
    } else {
        struct ate__msg_get get = {.kind = ATE__GET_HEAD};
        if (call->kind == ATE__CALL_GET)
            get = call->get;
        get.request = request;
        get.known = known;
        ate__msg_get_encode(w, &get);
    }
}

/* False: nothing more is to be sent at present. */
static bool send_call(struct ate__client *c, struct ate__call *call)
{
    struct ate__wr w;
    int rc = c->last_request == UINT32_MAX ? ATE_E_SYSTEM : 0;
    if (!rc)
        rc = ate__keys_prove_for(c, call);
    if (!rc)
        rc = ate__link_begin(c->link, (uint16_t)message_of(call), c->stream, &w);
    if (rc == ATE_BUSY || rc == ATE_OFFLINE)
        return false; /* drained() or closed() will come */
    if (!rc) {
        encode(c, call, c->last_request + 1, &w);
        rc = ate__link_end(c->link, &w);
    }
    if (rc == ATE_TOO_BIG) {
        finish(c, call, rc, ate__error_text());
        return true;
    }
    if (rc) { /* out of memory or of numbers: a new link has both */
        ate__client_drop_link(c, rc);
        return false;
    }
    call->request = ++c->last_request;
    call->refused = 0;
    call->sent = true;
    if (call->kind == ATE__CALL_COMMIT) {
        c->commits_out++;
        c->commit_bytes_out += call->tx.size;
    } else {
        c->reads_out++;
    }
    return true;
}

static bool has_room(const struct ate__client *c, const struct ate__call *call)
{
    if (call->kind != ATE__CALL_COMMIT)
        return c->reads_out < ATE__REQUESTS_MAX;
    return !c->commits_out || (c->commits_out < ATE__COMMITS_MAX &&
                               c->commit_bytes_out + call->tx.size <= ATE__COMMITS_BYTES_MAX);
}

/* A SYNC waits for the commits before it. */
static bool is_due(const struct ate__client *c, const struct ate__call *call)
{
    return call->kind != ATE__CALL_SYNC || !c->commits.first ||
           c->commits.first->serial > call->serial;
}

static bool pump_list(struct ate__client *c, struct ate__calls *list, uint64_t now_ms)
{
    for (struct ate__call *call = list->first, *next; call; call = next) {
        next = call->next;
        if (call->request || call->answered || !is_due(c, call))
            continue;
        if (call->not_before_ms > now_ms || !has_room(c, call))
            return true; /* those behind it keep their order */
        if (!send_call(c, call))
            return false;
    }
    return true;
}

static struct ate__call *find_alone(const struct ate__calls *list)
{
    struct ate__call *call = list->first;
    while (call && !call->alone)
        call = call->next;
    return call;
}

void ate__calls_pump(struct ate__client *c)
{
    if (c->state != ATE__CLIENT_READY || c->closing || c->ended)
        return;
    if (c->alone_count) {
        struct ate__call *call = find_alone(&c->commits);
        if (!call)
            call = find_alone(&c->reads);
        if (!c->commits_out && !c->reads_out)
            send_call(c, call);
        return;
    }
    uint64_t now = ate__client_now(c);
    if (pump_list(c, &c->commits, now))
        pump_list(c, &c->reads, now);
}

/* ---- answers ---- */

static struct ate__call *find_in(const struct ate__calls *list, uint32_t request)
{
    struct ate__call *call = list->first;
    while (call && call->request != request)
        call = call->next;
    return call;
}

/* *ret_call NULL: it was given up. */
static int find(struct ate__client *c, uint32_t request, const char *what,
                struct ate__call **ret_call)
{
    if (request > c->last_request)
        return ate__fail(ATE_BAD_PEER, "%s: %s to request %u, which was not sent", c->conf.peer,
                         what, request);
    *ret_call = find_in(&c->commits, request);
    if (!*ret_call)
        *ret_call = find_in(&c->reads, request);
    return 0;
}

static int wrong_answer(const struct ate__client *c, const char *what)
{
    return ate__fail(ATE_BAD_PEER, "%s: %s to a request of another kind", c->conf.peer, what);
}

/* Moves `newest` on to a head that is proven to extend it. ATE_END: it cannot be placed. */
static int place(struct ate__client *c, const struct ate__head *head, uint64_t known_size,
                 const struct ate__proof *consistency)
{
    if (head->size == c->newest.size && ate__hash_equal(&head->root, &c->newest.root))
        return 0;
    if (known_size != c->newest.size)
        return ATE_END;
    int rc = ate__merkle_check_consistency(c->newest.size, &c->newest.root, head->size, &head->root,
                                           consistency);
    if (rc == ATE_TAMPERED)
        return ate__fail(ATE_FORKED,
                         "%s: the head of %llu transactions does not extend that of %llu, which "
                         "was seen before: two histories of one chain",
                         c->conf.peer, (unsigned long long)head->size,
                         (unsigned long long)c->newest.size);
    if (rc)
        return rc;
    c->newest = *head;
    if (!c->weak)
        c->firm = *head;
    c->driver->advanced(c->driver, head, !c->weak);
    return 0;
}

/* The answer to a call has a head that cannot be placed: it is asked again, with nothing else
 * under way that could move `newest` meanwhile. */
static int ask_again(struct ate__client *c, struct ate__call *call)
{
    if (!call)
        return 0;
    if (call->alone)
        return ate__fail(ATE_BAD_PEER,
                         "%s: a head whose proof does not start at the head that was named",
                         c->conf.peer);
    take_out(c, call);
    want_alone(c, call, true);
    return 0;
}

/* Of what was asked for by its hash the server says which signatures it stored with it: they are in
 * the leaf, and nobody finds others that give it. */
static int leaf_of(const struct ate__client *c, const struct ate__call *call,
                   const struct ate__msg_committed *m, struct ate_hash *ret_leaf)
{
    struct ate__tx tx = {.hash = call->tx_hash, .signature_section = call->stored_section};
    const struct ate__receipt *r = &m->receipt;
    if (call->kind == ATE__CALL_COMMIT)
        return ate__tx_leaf(&tx, c->conf.alg, r->sequence, r->root_time_us, ret_leaf);
    return ate__tx_leaf_of(&call->tx_hash, &m->signatures_hash, r->sequence, r->root_time_us,
                           ret_leaf);
}

static int check_leaf(struct ate__client *c, const struct ate__call *call,
                      const struct ate__msg_committed *m)
{
    struct ate_hash leaf;
    if (call->kind == ATE__CALL_OUTCOME && ate__hash_is_zero(&call->tx_hash))
        return 0;
    int rc = leaf_of(c, call, m, &leaf);
    if (!rc)
        rc = ate__merkle_check_inclusion(&leaf, m->receipt.sequence, m->receipt.size, &m->inclusion,
                                         &m->receipt.head);
    if (rc == ATE_TAMPERED)
        return ate__fail(rc,
                         "%s: the server says that a commit became transaction %llu, but its "
                         "head of %llu does not hold it there",
                         c->conf.peer, (unsigned long long)m->receipt.sequence,
                         (unsigned long long)m->receipt.size);
    return rc;
}

/* What confirm() found. */
static int take_confirmed(struct ate__client *c, struct ate__call *call, int rc)
{
    call->ticket = 0;
    if (rc > 0)
        return rc;
    if (rc)
        finish_unanswered(c, call, rc, ate__error_text());
    else
        finish(c, call, 0, "");
    return 0;
}

/* An answer of one that follows is believed when its groups were taken in. What the history then
 * contradicts is final. */
static int settle_call(struct ate__client *c, struct ate__call *call)
{
    if (!call->answered || call->ticket || call->receipt.size > c->taken_in)
        return 0;
    call->ticket = ++c->last_ticket;
    int rc = c->driver->confirm(c->driver, call);
    return rc == ATE_END ? 0 : take_confirmed(c, call, rc);
}

static struct ate__call *find_ticket(const struct ate__calls *list, uint64_t ticket)
{
    struct ate__call *call = list->first;
    while (call && call->ticket != ticket)
        call = call->next;
    return call;
}

void ate__calls_confirmed(struct ate__client *c, uint64_t ticket, int result)
{
    struct ate__call *call = find_ticket(&c->commits, ticket);
    if (!call)
        call = find_ticket(&c->reads, ticket);
    int rc = call ? take_confirmed(c, call, result) : 0;
    if (rc)
        ate__client_final(c, rc, ate__error_text());
}

void ate__calls_settle(struct ate__client *c)
{
    struct ate__calls *lists[] = {&c->commits, &c->reads};
    int rc = 0;
    for (unsigned i = 0; i < ATE__COUNT_OF(lists); i++)
        for (struct ate__call *call = lists[i]->first, *next; !rc && call; call = next) {
            next = call->next;
            rc = settle_call(c, call);
        }
    if (rc)
        ate__client_final(c, rc, ate__error_text());
}

static int answer_later(struct ate__client *c, struct ate__call *call)
{
    take_out(c, call);
    call->answered = true;
    return settle_call(c, call);
}

/* What the server has written into it: keys that were proved to it, where it was to say who made
 * it, and nothing else. */
static int take_attested(struct ate__client *c, struct ate__call *call,
                         const struct ate__msg_committed *m)
{
    struct ate_hash named[ATE__TX_SIGNATURES_MAX];
    call->stored_section = call->signature_section;
    if (!m->attested_count)
        return 0;
    memcpy(named, m->attested, m->attested_count * sizeof named[0]);
    for (uint32_t i = 0; i < m->attested_count; i++) {
        char text[ATE__HASH_TEXT];
        const struct ate__key *key =
            call->session ? ate__session_find(call->session, &named[i]) : NULL;
        if (!call->unsigned_there || !key || !key->sign_key)
            return ate__fail(ATE_BAD_PEER,
                             "%s: the server says that %s made a transaction, which was sent to it "
                             "without that key",
                             c->conf.peer, ate__hash_text(&named[i], text));
    }
    ate__buf_clear(&call->attested);
    int rc = ate__tx_encode_attested(named, m->attested_count, &call->attested);
    call->stored_section = ate__buf_bytes(&call->attested);
    return rc;
}

int ate__calls_committed(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_committed m;
    struct ate__call *call = NULL;
    int rc = ate__client_decoded(c, ate__msg_committed_decode(body, &m));
    if (!rc)
        rc = find(c, m.request, "COMMITTED", &call);
    if (!rc && call && call->kind != ATE__CALL_COMMIT && call->kind != ATE__CALL_OUTCOME)
        rc = wrong_answer(c, "COMMITTED");
    if (rc)
        return rc;
    if (call)
        call->receipt = m.receipt;
    if (call && call->kind == ATE__CALL_COMMIT)
        rc = take_attested(c, call, &m);
    if (rc)
        return rc;
    if (ate__client_follows(c))
        return call ? answer_later(c, call) : 0;
    struct ate__head head = {m.receipt.size, m.receipt.head};
    rc = place(c, &head, m.known_size, &m.consistency);
    if (rc == ATE_END)
        return ask_again(c, call);
    if (!rc && call)
        rc = check_leaf(c, call, &m);
    if (!rc && call)
        finish(c, call, 0, "");
    return rc;
}

/* The head of an answer that names the size that a snapshot reads at is that of the snapshot. */
static int check_snapshot_head(const struct ate__client *c, const struct ate__call *call,
                               const struct ate__head *head)
{
    if (head->size != call->get.at)
        return ate__fail(ATE_BAD_PEER, "%s: asked at size %llu, the server answers at %llu",
                         c->conf.peer, (unsigned long long)call->get.at,
                         (unsigned long long)head->size);
    if (!ate__hash_equal(&head->root, &call->at_root))
        return ate__fail(ATE_FORKED, "%s: another head of %llu transactions than was seen before",
                         c->conf.peer, (unsigned long long)head->size);
    return 0;
}

static int answer_got(struct ate__client *c, struct ate__call *call, const struct ate__msg_got *m,
                      struct ate_bytes body)
{
    call->head = m->head;
    if (call->kind == ATE__CALL_SYNC) {
        call->receipt = (struct ate__receipt){.sequence = m->head.size - 1,
                                              .size = m->head.size,
                                              .head = m->head.root,
                                              .stage = ATE__DURABLE};
        if (ate__client_follows(c))
            return answer_later(c, call);
    }
    int rc = call->kind == ATE__CALL_GET ? ate__buf_append(&call->got, body) : 0;
    finish(c, call, rc, ate__error_text());
    return 0;
}

int ate__calls_got(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_got m;
    struct ate__call *call = NULL;
    int rc = ate__client_decoded(c, ate__msg_got_decode(body, &m));
    if (!rc)
        rc = find(c, m.request, "GOT", &call);
    if (!rc && call && call->kind != ATE__CALL_GET && call->kind != ATE__CALL_SYNC)
        rc = wrong_answer(c, "GOT");
    if (!rc && !m.head.size)
        rc = ate__fail(ATE_BAD_PEER, "%s: GOT with a head of nothing", c->conf.peer);
    if (rc || (ate__client_follows(c) && !call))
        return rc;
    if (call && call->kind == ATE__CALL_GET && call->get.at) {
        rc = check_snapshot_head(c, call, &m.head);
    } else if (!ate__client_follows(c)) {
        rc = place(c, &m.head, m.known_size, &m.consistency);
        if (!call && (rc == ATE_FORKED || rc == ATE_END))
            return 0; /* given up, so what it was asked at is not known any more */
        if (rc == ATE_END)
            return ask_again(c, call);
    }
    return rc || !call ? rc : answer_got(c, call, &m, body);
}

/* An answer that says nothing of heads. */
static int answer_plain(struct ate__client *c, enum ate__call_kind kind, uint32_t request,
                        struct ate_bytes body, const char *what)
{
    struct ate__call *call = NULL;
    int rc = find(c, request, what, &call);
    if (rc || !call)
        return rc;
    if (call->kind != kind)
        return wrong_answer(c, what);
    rc = ate__buf_append(&call->got, body);
    finish(c, call, rc, ate__error_text());
    return 0;
}

int ate__calls_proven(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_proven m;
    int rc = ate__client_decoded(c, ate__msg_proven_decode(body, &m));
    return rc ? rc : answer_plain(c, ATE__CALL_PROVE, m.request, body, "PROVEN");
}

int ate__calls_signed(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_signed m;
    int rc = ate__client_decoded(c, ate__msg_signed_decode(body, &m));
    return rc ? rc : answer_plain(c, ATE__CALL_CHECKPOINT, m.request, body, "SIGNED");
}

/* What may be destroyed, or is: then all who would have it so are done. */
int ate__calls_destroyed(struct ate__client *c, const struct ate__msg_destroyed *m,
                         struct ate_bytes body)
{
    if (m->request)
        return answer_plain(c, ATE__CALL_DESTROY, m->request, body, "DESTROYED");
    for (struct ate__call *call = c->reads.first, *next; call; call = next) {
        next = call->next;
        if (call->kind == ATE__CALL_DESTROY && ate__bytes_equal(call->statement, m->statement))
            finish(c, call, 0, "");
    }
    return 0;
}

/* Nothing was applied, and it may be another time: it is sent again after a while. */
static void try_later(struct ate__client *c, struct ate__call *call, int result)
{
    uint32_t doublings = call->refusals < DOUBLINGS_MAX ? call->refusals : DOUBLINGS_MAX;
    call->refused = result;
    call->refusals++;
    call->sent = is_unsure(c, call);
    take_out(c, call);
    want_alone(c, call, false);
    call->not_before_ms = ate__client_now(c) + ((uint64_t)REFUSED_MS << doublings);
    ate__client_wake(c, call->not_before_ms);
}

/* What lasts, as a full disk does, is the answer. */
static void refused_for_long(struct ate__client *c, struct ate__call *call)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", call->text);
    finish_unanswered(c, call, ATE_OFFLINE, text);
}

int ate__calls_rejected(struct ate__client *c, struct ate_bytes body)
{
    struct ate__msg_rejected m;
    struct ate__call *call = NULL;
    int rc = ate__client_decoded(c, ate__msg_rejected_decode(body, &m));
    if (!rc)
        rc = find(c, m.request, "REJECTED", &call);
    if (rc || !call)
        return rc;
    ate__escaped(m.text, call->text, sizeof call->text);
    if (m.result == ATE_OFFLINE || (m.result == ATE_BUSY && call->patient)) {
        bool commit = m.result == ATE_OFFLINE && call->kind == ATE__CALL_COMMIT;
        try_later(c, call, m.result);
        if (commit && call->refusals > REFUSALS_MAX)
            refused_for_long(c, call);
        return 0;
    }
    /* Of a commit FORKED may speak of the transaction's base, of a read only of what was seen. */
    if (m.result == ATE_ROLLED_BACK || (m.result == ATE_FORKED && call->kind != ATE__CALL_COMMIT))
        return ate__fail(m.result, "%s: %s", c->conf.peer, call->text);
    call->verdict = m.verdict;
    finish(c, call, m.result, call->text);
    return 0;
}
