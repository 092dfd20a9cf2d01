/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/mirror.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/text.h"
#include "chain/believe.h"
#include "chain/resync.h"
#include "event/tx.h"
#include "mesh/mirror_resync.h"
#include "redo/import.h"
#include "trust/state.h"
#include <pthread.h>
#include <stdio.h>

struct item { /* what came and is not taken in yet */
    struct item *next;
    enum ate__message type; /* GROUP LEAVES KEPT; RESYNC: the body is the message, decoded,
                             * and its note */
    uint64_t links; /* over which link */
    bool looked_at; /* its signatures were verified ahead, as far as they hold */
    struct ate__buf body;
};
struct question { /* what confirm() is to find out */
    struct question *next;
    uint64_t ticket;
    enum ate__call_kind kind;
    struct ate_hash tx_hash, signatures_hash;
    struct ate__txn_id id;
    struct ate__receipt receipt;
    int result;
    char *text; /* its sentence; NULL: none, or no memory */
};
struct questions {
    struct question *first, **last;
};
struct ate__mirror {
    struct ate__mirror_conf conf;
    struct ate__dir *dir; /* NULL: in memory, or opened */
    struct ate_hash chain_id;
    struct ate__chain *chain; /* constant from prepare() on */
    struct ate__task task;
    struct ate__resync *resync; /* of who takes in; NULL: none is under way */
    uint64_t resync_links;      /* over which link it comes */
    uint64_t fetched;           /* bytes; of the loop's thread */
    struct ate__known_head resync_head; /* that the server has named */
    pthread_mutex_t mutex; /* guards what follows */
    uint64_t links; /* that were lost */
    struct item *first, **last;
    size_t bytes; /* of the queue and of what is being taken in */
    struct questions asked, answered; /* no more than calls that wait for their answer */
    size_t open_questions; /* asked, being answered, or answered */
    bool feeding, stopping;
    int failure; /* nothing is taken in until lost() */
    bool told;
    char text[ATE__ERROR_SIZE];
    uint64_t target;
};

/* ---- the directory ---- */

static const struct ate__storage_conf storage_conf = {.sync = ATE__SYNC_NEVER};

static int open_chain(struct ate__mirror *m, struct ate__storage *take_storage)
{
    struct ate__chain_conf conf = {
        .env = m->conf.env,
        .workers = m->conf.workers,
        .sync = ATE__SYNC_NEVER,
        .progress = m->conf.progress,
        .progress_arg = m->conf.progress_arg,
        .image_secrets = m->conf.image_secrets,
        .image_secret_count = m->conf.image_secret_count,
    };
    struct ate__storage_state state;
    take_storage->v->state(take_storage, &state);
    m->chain_id = state.chain_id;
    if (state.role == ATE__ROLE_MIRROR)
        return ate__chain_open(&conf, take_storage, 0, &m->chain);
    take_storage->v->close(take_storage);
    return ate__fail(ATE_EXISTS, "mirror %s: a chain of its own lies there, which is no mirror",
                     m->conf.dir);
}

static int open_there(struct ate__mirror *m)
{
    struct ate__storage *storage;
    int rc = ate__dir_open(m->conf.env->vfs, m->conf.dir, ATE__DIR_MAKE, &m->dir);
    if (rc)
        return ate__context(rc, "mirror %s", m->conf.dir);
    rc = ate__storage_open_file(m->conf.env, m->dir, 0, NULL, ATE__ROLE_MIRROR, &storage_conf,
                                &storage);
    if (rc == ATE_NOT_FOUND)
        return 0; /* prepare() makes it */
    return rc ? rc : open_chain(m, storage);
}

static int make_there(struct ate__mirror *m, const struct ate_hash *chain_id)
{
    struct ate__storage *storage;
    int rc;
    if (!m->conf.dir)
        rc = ate__storage_open_mem(m->conf.env, chain_id, ATE__ROLE_MIRROR, &storage);
    else
        rc = ate__storage_open_file(m->conf.env, m->dir, ATE__STORAGE_CREATE, chain_id,
                                    ATE__ROLE_MIRROR, &storage_conf, &storage);
    return rc ? rc : open_chain(m, storage);
}

/* ---- what the history says of an answer ---- */

/* The transaction that was sent stands at the sequence that the server named: its leaf does, also
 * where a compaction has taken the transaction itself since. */
static int confirm_commit(struct ate__mirror *m, const struct question *q)
{
    struct ate__storage *storage = ate__chain_storage(m->chain);
    uint64_t sequence = q->receipt.sequence;
    struct ate_hash sent, there;
    int rc =
        ate__tx_leaf_of(&q->tx_hash, &q->signatures_hash, sequence, q->receipt.root_time_us, &sent);
    if (!rc)
        rc = storage->v->tiles_node(storage, 0, sequence, &there);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(ATE_E_IO, "the leaf of transaction %llu could not be stored yet",
                         (unsigned long long)sequence);
    if (!rc && !ate__hash_equal(&sent, &there))
        rc = ate__fail(ATE_TAMPERED,
                       "the server says that a commit became transaction %llu, which is another",
                       (unsigned long long)sequence);
    return rc;
}

static int confirm_outcome(struct ate__mirror *m, const struct question *q)
{
    struct ate__receipt receipt;
    int rc = ate__chain_outcome(m->chain, &q->id, &q->tx_hash, &receipt);
    if (rc == ATE_NOT_FOUND || (!rc && receipt.sequence != q->receipt.sequence))
        return ate__fail(ATE_TAMPERED,
                         "the server says that a commit became transaction %llu, which the "
                         "history does not know",
                         (unsigned long long)q->receipt.sequence);
    return rc;
}

static int find_out(struct ate__mirror *m, const struct question *q)
{
    struct ate_hash root;
    int rc = ate__chain_root_at(m->chain, q->receipt.size, &root);
    if (!rc && !ate__hash_equal(&root, &q->receipt.head))
        rc = ate__fail(ATE_FORKED,
                       "the server names a head of %llu transactions that is not the one of the "
                       "groups that it sent",
                       (unsigned long long)q->receipt.size);
    if (!rc && q->kind == ATE__CALL_COMMIT)
        rc = confirm_commit(m, q);
    else if (!rc && q->kind == ATE__CALL_OUTCOME)
        rc = confirm_outcome(m, q);
    return rc;
}

static void questions_init(struct questions *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void push_question(struct questions *list, struct question *q)
{
    q->next = NULL;
    *list->last = q;
    list->last = &q->next;
}

static struct question *pop_question(struct questions *list)
{
    struct question *q = list->first;
    if (!q)
        return NULL;
    list->first = q->next;
    if (!list->first)
        list->last = &list->first;
    return q;
}

static void question_free(struct question *q)
{
    ate__free(q->text);
    ate__free(q);
}

static void drop_questions(struct ate__mirror *m, struct questions *list)
{
    for (struct question *q; (q = pop_question(list)); m->open_questions--)
        question_free(q);
}

/* On the worker; under the mutex, which it lets go. */
static bool answer_next(struct ate__mirror *m)
{
    struct question *q = m->stopping ? NULL : pop_question(&m->asked);
    if (!q)
        return false;
    pthread_mutex_unlock(&m->mutex);
    q->result = find_out(m, q);
    if (q->result)
        q->text = ate__copy_text(ate__error_text());
    pthread_mutex_lock(&m->mutex);
    push_question(&m->answered, q);
    pthread_mutex_unlock(&m->mutex);
    m->conf.fed(m->conf.arg);
    pthread_mutex_lock(&m->mutex);
    return true;
}

bool ate__mirror_confirmed(struct ate__mirror *m, uint64_t *ret_ticket, int *ret_result)
{
    pthread_mutex_lock(&m->mutex);
    struct question *q = pop_question(&m->answered);
    m->open_questions -= q != NULL;
    pthread_mutex_unlock(&m->mutex);
    if (!q)
        return false;
    *ret_ticket = q->ticket;
    *ret_result = q->result;
    if (q->result)
        ate__error_set(q->text ? q->text : ate__result_text(q->result));
    question_free(q);
    return true;
}

/* ---- taking in ---- */

static int collect(const struct ate__msg_group *msg, struct ate_bytes **ret_records)
{
    struct ate_bytes *records = ate__alloc_array(msg->count, sizeof *records);
    size_t at = 0, count = 0;
    if (!records)
        return ate__no_memory();
    while (count < msg->count && ate__msg_group_next(msg->records, &at, &records[count]))
        count++;
    ate__assert(count == msg->count);
    *ret_records = records;
    return 0;
}

/* What the server's bytes can be refused for is tampering, whatever rule they break. */
static int as_tampered(int rc)
{
    switch (rc) {
    case ATE_READ_ONLY: /* the log here has failed */
    case ATE_CANCELED:
    case ATE_TAMPERED:
    case ATE_BAD_PEER:
    case ATE_OMITTED:
    case ATE_UNTRUSTED:
    case ATE_COMPACTED:
    case ATE_TOO_BIG:
    case ATE_FORKED:
    case ATE_UNSUPPORTED:
    case ATE_WRONG_CHAIN: return rc;
    default: return rc > 0 ? ATE_TAMPERED : rc;
    }
}

static int take_group(struct ate__mirror *m, struct ate_bytes body)
{
    ate__cleanup(ate__freep) struct ate_bytes *records = NULL;
    struct ate__msg_group msg;
    int rc = ate__msg_group_decode(body, &msg);
    if (rc)
        return ate__context(ATE_BAD_PEER, "GROUP");
    rc = collect(&msg, &records);
    if (rc)
        return rc;
    struct ate__group_feed feed = {
        .first_sequence = msg.first_sequence,
        .root_time_us = msg.root_time_us,
        .records = records,
        .count = msg.count,
        .head_after = msg.head_after,
    };
    return m->resync ? ate__resync_group(m->resync, &feed) : ate__chain_feed(m->chain, &feed);
}

/* ---- what compaction has left ---- */

/* It is under way, as far as a wait for it is concerned. */
static void tell_progress(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    struct ate__mirror *m = arg;
    (void)stage, (void)done, (void)total;
    m->conf.fed(m->conf.arg);
}

static bool is_stopping(void *arg)
{
    struct ate__mirror *m = arg;
    pthread_mutex_lock(&m->mutex);
    bool stopping = m->stopping;
    pthread_mutex_unlock(&m->mutex);
    return stopping;
}

static int begin_resync(struct ate__mirror *m, const struct item *item)
{
    const size_t note_at = sizeof(struct ate__msg_resync);
    struct ate__msg_resync msg;
    memcpy(&msg, item->body.data, sizeof msg);
    struct ate__resync_conf conf = {
        .chain = {.env = m->conf.env,
                  .workers = m->conf.workers,
                  .sync = ATE__SYNC_NEVER,
                  .progress = tell_progress,
                  .progress_arg = m,
                  .cancel = is_stopping},
        .dir = m->dir,
        .present = m->chain,
        .chain_id = m->chain_id,
        .cut_off = msg.cut_off,
        .kept_end = msg.kept.size,
        .kept_root = msg.kept.root,
        .end = msg.head.size,
        .note = ate__bytes(item->body.data + note_at, item->body.size - note_at),
    };
    m->resync_links = item->links;
    m->resync_head = (struct ate__known_head){msg.head.size, msg.head.root};
    return ate__resync_new(&conf, &m->resync);
}

/* All of it has come. */
static int end_resync(struct ate__mirror *m)
{
    struct ate__head head = ate__mirror_head(m);
    struct ate__known_head known[] = {
        {head.size, head.root}, {m->conf.remembered.size, m->conf.remembered.root}, m->resync_head};
    int rc = as_tampered(ate__resync_judge(m->resync, known, ATE__COUNT_OF(known)));
    if (!rc)
        rc = ate__resync_apply(m->resync, m->chain);
    ate__resync_free(ate__steal(&m->resync));
    return rc;
}

static int take_in(struct ate__mirror *m, const struct item *item)
{
    int rc;
    if (m->resync && m->resync_links != item->links)
        ate__resync_free(ate__steal(&m->resync));
    if (item->type == ATE__MSG_GROUP)
        rc = as_tampered(take_group(m, ate__buf_bytes(&item->body)));
    else if (item->type == ATE__MSG_RESYNC)
        rc = begin_resync(m, item);
    else
        rc = as_tampered(ate__mirror_piece(m->resync, item->type, ate__buf_bytes(&item->body)));
    if (!rc && m->resync && ate__resync_is_whole(m->resync))
        rc = end_resync(m);
    return rc ? ate__context(rc, "mirror") : 0;
}

static void item_free(struct item *item)
{
    ate__buf_deinit(&item->body);
    ate__free(item);
}

static struct item *pop(struct ate__mirror *m)
{
    struct item *item = m->first;
    if (!item || m->failure || m->stopping)
        return NULL;
    m->first = item->next;
    if (!m->first)
        m->last = &m->first;
    return item;
}

/* Under the mutex, which it lets go. */
static bool take_next(struct ate__mirror *m)
{
    struct item *item = pop(m);
    if (!item)
        return false;
    pthread_mutex_unlock(&m->mutex);
    int rc = take_in(m, item);
    pthread_mutex_lock(&m->mutex);
    m->bytes -= item->body.size;
    if (rc) {
        m->failure = rc;
        m->told = false;
        snprintf(m->text, sizeof m->text, "%s", ate__error_text());
    }
    pthread_mutex_unlock(&m->mutex);
    item_free(item);
    m->conf.fed(m->conf.arg);
    pthread_mutex_lock(&m->mutex);
    return true;
}

/* ---- ahead ---- */

enum { AHEAD_RECORDS = 1024, AHEAD_BYTES = 4 << 20 };

static bool is_new_group(const struct item *item)
{
    return item && item->type == ATE__MSG_GROUP && !item->looked_at;
}

/* The groups that wait in front, no more of them than fit; NULL: none, or one alone. Under the
 * mutex. */
static struct item *pop_ahead(struct ate__mirror *m)
{
    struct item *list = m->first, **end = &m->first;
    size_t bytes = 0, groups = 0;
    if (m->failure || m->stopping || m->resync || !m->conf.workers || !is_new_group(list) ||
        !is_new_group(list->next) || !ate__chain_trust(m->chain))
        return NULL;
    while (is_new_group(*end) && groups < AHEAD_RECORDS && bytes < AHEAD_BYTES) {
        bytes += (*end)->body.size;
        groups++;
        end = &(*end)->next;
    }
    m->first = *end;
    *end = NULL;
    if (!m->first)
        m->last = &m->first;
    return list;
}

/* In front of what has come meanwhile; what came over a link that is lost goes as it would have in
 * the queue. Under the mutex. */
static struct item *put_back(struct ate__mirror *m, struct item *list)
{
    struct item **end = &list;
    bool is_lost = list->links != m->links;
    for (; *end; end = &(*end)->next) {
        (*end)->looked_at = true;
        if (is_lost)
            m->bytes -= (*end)->body.size;
    }
    if (is_lost)
        return list;
    if (!m->first)
        m->last = end;
    *end = m->first;
    m->first = list;
    return NULL;
}

/* The records of the groups; those that are not well-formed are found when it is their turn. */
static void look_at(struct ate__mirror *m, const struct item *list)
{
    ate__cleanup(ate__freep) struct ate_bytes *records =
        ate__alloc_array(AHEAD_RECORDS, sizeof *records);
    size_t count = 0;
    for (; records && list; list = list->next) {
        struct ate__msg_group msg;
        size_t at = 0;
        if (ate__msg_group_decode(ate__buf_bytes(&list->body), &msg))
            break;
        while (count < AHEAD_RECORDS && ate__msg_group_next(msg.records, &at, &records[count]))
            count++;
    }
    if (records)
        ate__chain_feed_ahead(m->chain, records, count);
}

/* A group by itself keeps one core busy where many transactions were committed one by one. Under
 * the mutex, which it lets go. */
static bool look_ahead(struct ate__mirror *m)
{
    struct item *list = pop_ahead(m);
    if (!list)
        return false;
    pthread_mutex_unlock(&m->mutex);
    look_at(m, list);
    pthread_mutex_lock(&m->mutex);
    list = put_back(m, list);
    for (struct item *next; list; list = next) {
        next = list->next;
        item_free(list);
    }
    return true;
}

/* Only one thread is here at a time: `feeding` says so until it leaves. Questions first: what they
 * ask about is there. */
static void feed_all(struct ate__mirror *m)
{
    pthread_mutex_lock(&m->mutex);
    while (answer_next(m) || look_ahead(m) || take_next(m))
        continue;
    m->feeding = false;
    pthread_mutex_unlock(&m->mutex);
    m->conf.fed(m->conf.arg);
}

static void run_feed(struct ate__task *task)
{
    feed_all(ATE__CONTAINER(task, struct ate__mirror, task));
}

static void start_feeding(struct ate__mirror *m)
{
    if (m->conf.workers)
        ate__workers_submit(m->conf.workers, &m->task, 0);
    else
        feed_all(m);
}

static int check_bytes(struct ate__mirror *m, size_t size)
{
    if (m->conf.bytes_max && size > m->conf.bytes_max - m->fetched)
        return ate__fail(ATE_TOO_BIG,
                         "the server shows more than the %llu bytes that are fetched "
                         "without a mirror: open the chain with one",
                         (unsigned long long)m->conf.bytes_max);
    m->fetched += size;
    return 0;
}

static int push(struct ate__mirror *m, enum ate__message type, struct ate_bytes body,
                struct ate_bytes more)
{
    int rc = check_bytes(m, body.size + more.size);
    if (rc)
        return rc;
    struct item *item = ate__alloc(sizeof *item);
    if (!item)
        return ate__no_memory();
    item->type = type;
    rc = ate__buf_append(&item->body, body);
    if (!rc)
        rc = ate__buf_append(&item->body, more);
    if (rc) {
        item_free(item);
        return rc;
    }
    pthread_mutex_lock(&m->mutex);
    item->links = m->links;
    *m->last = item;
    m->last = &item->next;
    m->bytes += item->body.size;
    bool start = !m->feeding && !m->failure;
    m->feeding = m->feeding || start;
    pthread_mutex_unlock(&m->mutex);
    if (start)
        start_feeding(m);
    return 0;
}

int ate__mirror_group(struct ate__mirror *m, struct ate_bytes body)
{
    return push(m, ATE__MSG_GROUP, body, ate__bytes(NULL, 0));
}

int ate__mirror_remains(struct ate__mirror *m, uint16_t type, struct ate_bytes body)
{
    return push(m, (enum ate__message)type, body, ate__bytes(NULL, 0));
}

int ate__mirror_confirm(struct ate__mirror *m, const struct ate__call *call)
{
    struct question here = {
        .ticket = call->ticket,
        .kind = call->kind,
        .tx_hash = call->tx_hash,
        .id = call->id,
        .receipt = call->receipt,
    };
    struct ate__tx sent = {.signature_section = call->stored_section};
    int rc = call->kind == ATE__CALL_COMMIT
                 ? ate__tx_signatures_hash(&sent, ate__trust_alg(ate__chain_trust(m->chain)),
                                           &here.signatures_hash)
                 : 0;
    if (rc)
        return rc;
    if (!m->conf.workers)
        return find_out(m, &here);
    struct question *q = ate__alloc(sizeof *q);
    if (!q)
        return ate__no_memory();
    *q = here;
    pthread_mutex_lock(&m->mutex);
    push_question(&m->asked, q);
    m->open_questions++;
    bool start = !m->feeding;
    m->feeding = true;
    pthread_mutex_unlock(&m->mutex);
    if (start)
        start_feeding(m);
    return ATE_END;
}

/* ---- the stream ---- */

bool ate__mirror_subscribe(struct ate__mirror *m, struct ate__head *ret_head)
{
    pthread_mutex_lock(&m->mutex);
    bool ready = !m->feeding && !m->first;
    pthread_mutex_unlock(&m->mutex);
    if (ready)
        *ret_head = ate__mirror_head(m);
    return ready;
}

static int check_head(struct ate__mirror *m, const struct ate__head *there,
                      const struct ate__proof *consistency)
{
    struct ate__head head = ate__mirror_head(m);
    uint64_t least = m->conf.remembered.size > head.size ? m->conf.remembered.size : head.size;
    if (there->size < least)
        return ate__fail(ATE_ROLLED_BACK,
                         "the server has %llu transactions; %llu were seen there before",
                         (unsigned long long)there->size, (unsigned long long)least);
    int rc = head.size ? ate__merkle_check_consistency(head.size, &head.root, there->size,
                                                       &there->root, consistency)
                       : 0;
    if (rc == ATE_TAMPERED)
        return ate__fail(ATE_FORKED,
                         "the server's history of %llu transactions does not extend the %llu that "
                         "the mirror holds: two histories of one chain",
                         (unsigned long long)there->size, (unsigned long long)head.size);
    return rc;
}

static void set_target(struct ate__mirror *m, uint64_t size)
{
    pthread_mutex_lock(&m->mutex);
    m->target = size;
    pthread_mutex_unlock(&m->mutex);
}

int ate__mirror_subscribed(struct ate__mirror *m, const struct ate__msg_subscribed *msg)
{
    int rc = check_head(m, &msg->head, &msg->consistency);
    if (!rc)
        set_target(m, msg->head.size);
    return rc;
}

int ate__mirror_resync(struct ate__mirror *m, const struct ate__msg_resync *msg)
{
    uint64_t size = ate__mirror_head(m).size;
    int rc = check_head(m, &msg->head, &msg->consistency);
    if (rc)
        return rc;
    if (msg->kept.size <= size)
        return ate__fail(ATE_BAD_PEER, "RESYNC for what is there");
    set_target(m, msg->head.size);
    return push(m, ATE__MSG_RESYNC, ate__bytes(msg, sizeof *msg), msg->note);
}

void ate__mirror_lost(struct ate__mirror *m)
{
    pthread_mutex_lock(&m->mutex);
    struct item *item = m->first;
    m->first = NULL;
    m->last = &m->first;
    m->failure = 0;
    m->links++;
    for (struct item *i = item; i; i = i->next)
        m->bytes -= i->body.size;
    drop_questions(m, &m->asked);
    drop_questions(m, &m->answered);
    pthread_mutex_unlock(&m->mutex);
    while (item) {
        struct item *next = item->next;
        item_free(item);
        item = next;
    }
}

/* ---- what it is ---- */

struct ate__chain *ate__mirror_chain(struct ate__mirror *m)
{
    return m->chain;
}

struct ate__head ate__mirror_head(struct ate__mirror *m)
{
    struct ate__head head = {0};
    if (m->chain)
        ate__chain_taken(m->chain, &head.size, &head.root);
    return head;
}

uint64_t ate__mirror_target(struct ate__mirror *m)
{
    pthread_mutex_lock(&m->mutex);
    uint64_t target = m->target;
    pthread_mutex_unlock(&m->mutex);
    return target;
}

bool ate__mirror_is_full(struct ate__mirror *m)
{
    pthread_mutex_lock(&m->mutex);
    bool full = m->bytes > ATE__FETCH_BYTES;
    pthread_mutex_unlock(&m->mutex);
    return full;
}

int ate__mirror_failure(struct ate__mirror *m)
{
    pthread_mutex_lock(&m->mutex);
    int rc = m->told || m->open_questions ? 0 : m->failure;
    m->told = m->told || rc;
    if (rc)
        ate__error_set(m->text);
    pthread_mutex_unlock(&m->mutex);
    return rc;
}

int ate__mirror_check_remembered(struct ate__mirror *m)
{
    const struct ate__head *remembered = &m->conf.remembered;
    struct ate_hash root;
    if (!remembered->size)
        return 0;
    int rc = ate__chain_root_at(m->chain, remembered->size, &root);
    if (!rc && !ate__hash_equal(&root, &remembered->root))
        rc = ate__fail(ATE_FORKED, "another history of %llu transactions than was seen before",
                       (unsigned long long)remembered->size);
    return rc == ATE_NOT_FOUND ? ATE_ROLLED_BACK : rc;
}

/* ---- life ---- */

int ate__mirror_new(const struct ate__mirror_conf *conf, struct ate__mirror **ret_mirror)
{
    struct ate__mirror *m = ate__alloc(sizeof *m);
    if (!m)
        return ate__no_memory();
    m->conf = *conf;
    m->task.run = run_feed;
    m->last = &m->first;
    questions_init(&m->asked);
    questions_init(&m->answered);
    pthread_mutex_init(&m->mutex, NULL);
    int rc = conf->dir ? open_there(m) : 0;
    if (rc) {
        ate__mirror_free(m);
        return rc;
    }
    *ret_mirror = m;
    return 0;
}

/* The mirror that is there is of that chain, and of the history that was seen before. */
static int check_there(struct ate__mirror *m, const struct ate_hash *chain_id)
{
    char text[ATE__HASH_TEXT], other[ATE__HASH_TEXT];
    if (ate__hash_equal(&m->chain_id, chain_id))
        return m->conf.remembered.size <= ate__mirror_head(m).size ? ate__mirror_check_remembered(m)
                                                                   : 0;
    return ate__fail(ATE_WRONG_CHAIN, "the server has the chain %s; the mirror %s is of %s",
                     ate__hash_text(chain_id, text), m->conf.dir ? m->conf.dir : "",
                     ate__hash_text(&m->chain_id, other));
}

int ate__mirror_prepare(struct ate__mirror *m, const struct ate_hash *chain_id)
{
    int rc = m->chain ? check_there(m, chain_id) : make_there(m, chain_id);
    m->conf.image_secret_count = 0;
    if (!rc)
        rc = ate__chain_begin(m->chain);
    if (!rc && m->dir) {
        /* What a process that was killed has left aside, now that the lock is this one's. */
        int remove_rc = ate__import_remove(m->conf.env->vfs, m->dir, ATE__RESYNC_NAME);
        (void)remove_rc; /* the next resync, or the next open, does it */
    }
    return rc;
}

void ate__mirror_free(struct ate__mirror *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->stopping = true;
    pthread_mutex_unlock(&m->mutex);
    /* Taken back, or run to its end: it may just be leaving while it is queued again. */
    while (m->conf.workers && ate__workers_cancel(m->conf.workers, &m->task))
        continue;
    ate__mirror_lost(m);
    ate__resync_free(m->resync);
    ate__chain_close(m->chain);
    m->conf.env->vfs->close_dir(m->dir);
    pthread_mutex_destroy(&m->mutex);
    ate__free(m);
}
