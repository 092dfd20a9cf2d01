/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/store.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "bin/ate/retry.h"
#include "bin/ate/store_ops.h"
#include "bin/common/out.h"

enum { POLL_MS = 100, PAUSE_MS_MAX = 5000, SENTENCE = 512 };

enum batch_state { BATCH_OPEN, BATCH_SENT, BATCH_ANSWERED, BATCH_PAUSED };

struct batch { /* one transaction */
    struct store *store;
    struct batch *next;
    struct ate_txn *txn;
    struct op *first, **last;
    size_t count, events;
    uint64_t bytes;
    uint64_t begun_at; /* transactions acknowledged when it began */
    enum batch_state state;
    unsigned tries;
    uint64_t resume_ms; /* monotonic; when PAUSED */
    int result;         /* when ANSWERED */
    char text[SENTENCE];
    struct ate_receipt receipt;
};
struct store {
    struct store_conf conf;
    bool archive;          /* the chain is one */
    struct ate_loop *loop;
    struct batch *open;    /* being filled; or NULL */
    struct batch *sent;    /* in the order of their sending */
    size_t sent_count;
    uint64_t acknowledged; /* transactions */
    struct op *unfinished; /* that finish files, and wait for pages */
    size_t unfinished_count;
    int result;            /* the final one, and its sentence */
    char text[SENTENCE];
};

/* ---- nodes ---- */

struct store_node *store_node_new(struct ate_id id)
{
    struct store_node *n = ate__alloc(sizeof *n);
    if (n) {
        n->refs = 1;
        n->id = id;
    }
    return n;
}

struct store_node *store_node_ref(struct store_node *n)
{
    n->refs++;
    return n;
}

void store_node_unref(struct store_node *n)
{
    if (n && --n->refs == 0)
        ate__free(n);
}

struct ate_id store_node_id(const struct store_node *n)
{
    return n->id;
}

/* ---- life ---- */

int store_new(const struct store_conf *conf, struct store **ret_store)
{
    struct store *s = ate__alloc(sizeof *s);
    if (!s)
        return ate__no_memory();
    s->conf = *conf;
    s->archive = ate_chain_archive(conf->chain, NULL);
    s->conf.tries = conf->tries ? conf->tries : STORE_TRIES;
    int rc = ate_loop_new(&s->loop);
    if (rc)
        ate__free(s);
    else
        *ret_store = s;
    return rc;
}

/* What the batch was to make is made, or never will be: nodes no longer point to it. */
static void batch_free(struct batch *b)
{
    if (!b)
        return;
    for (struct op *op = b->first, *next; op; op = next) {
        next = op->next;
        if (op->node && op->node->batch == b)
            op->node->batch = NULL;
        op_free(op);
    }
    ate_txn_end(b->txn);
    ate__free(b);
}

/* Answers that are still to come are taken in: a transaction is not ended under the root's hands.
 */
static void drain(struct store *s)
{
    for (struct batch *b = s->sent; b; b = b->next)
        while (b->state == BATCH_SENT) {
            int rc = ate_loop_run(s->loop, POLL_MS);
            if (rc && rc != ATE_TIMEOUT)
                return;
        }
}

void store_free(struct store *s)
{
    if (!s)
        return;
    drain(s);
    ate_loop_free(s->loop);
    batch_free(s->open);
    for (struct batch *b = s->sent, *next; b; b = next) {
        next = b->next;
        batch_free(b);
    }
    for (struct op *op = s->unfinished, *next; op; op = next) {
        next = op->next;
        op_free(op);
    }
    ate__free(s);
}

static int fail_for_good(struct store *s, int rc)
{
    if (!s->result) {
        s->result = rc;
        snprintf(s->text, sizeof s->text, "%s", ate__error_text());
    }
    return ate__fail(s->result, "%s", s->text);
}

/* ---- sending ---- */

static void answered(void *arg, int result)
{
    struct batch *b = arg;
    b->state = BATCH_ANSWERED;
    b->result = result;
    if (result)
        snprintf(b->text, sizeof b->text, "%s", ate_error());
}

/* What is refused at once is handled as an answer is. */
static void send_batch(struct batch *b)
{
    b->state = BATCH_SENT;
    int rc = ate_txn_commit_async(b->txn, &b->receipt, b->store->loop, answered, b);
    if (rc)
        answered(b, rc);
}

static void pause_batch(struct batch *b)
{
    uint64_t pause = (uint64_t)POLL_MS << (b->tries < 6 ? b->tries : 6);
    b->state = BATCH_PAUSED;
    b->resume_ms =
        ate__monotonic_ms(&ate__env_real) + (pause < PAUSE_MS_MAX ? pause : PAUSE_MS_MAX);
}

/* ---- answers ---- */

static void count_pages(const struct batch *b, bool sent)
{
    for (const struct op *op = b->first; op; op = op->next)
        if (op->kind == OP_PAGE)
            op->parent->pages_flying += sent ? 1 : (size_t)-1;
}

static void acknowledge(struct store *s, struct batch *b)
{
    struct store_receipt receipt = {++s->acknowledged, b->receipt, b->count, b->bytes};
    count_pages(b, false);
    for (struct op *op = b->first; op; op = op->next)
        if (op->node)
            op->node->seen_at = s->acknowledged;
    struct batch **at = &s->sent;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    s->sent_count--;
    batch_free(b);
    if (s->conf.acknowledged)
        s->conf.acknowledged(s->conf.arg, &receipt);
}

/* A conflict: all changes are made again on the newest state. */
static int make_anew(struct store *s, struct batch *b)
{
    bool changed;
    ate_txn_cancel(b->txn);
    retry_pause(b->tries - 1);
    int rc = ate_chain_sync(s->conf.chain, NULL);
    if (!rc)
        rc = ate_txn_refresh(b->txn);
    for (struct op *op = b->first; !rc && op; op = op->next)
        rc = op_apply(op, b->txn, &changed);
    if (!rc)
        send_batch(b);
    return rc;
}

static bool is_overtaken(int rc)
{
    return rc == ATE_CONFLICT || rc == ATE_EXISTS || rc == ATE_STALE || rc == ATE_STALE_KEY;
}

static bool may_come(int rc)
{
    return rc == ATE_UNKNOWN || rc == ATE_OFFLINE || rc == ATE_TIMEOUT || rc == ATE_BUSY;
}

static int settle(struct store *s, struct batch *b)
{
    int rc = b->result;
    if (!rc) {
        acknowledge(s, b);
        return 0;
    }
    b->tries++;
    if (may_come(rc) && b->tries < s->conf.tries) {
        ate__note_verbose("%s: %s; trying again (%u of %u)", ate__out.program, b->text,
                          b->tries + 1, s->conf.tries);
        pause_batch(b);
        return 0;
    }
    /* Made anew, a condition is tested against what came in between, and says what is wrong. */
    if (is_overtaken(rc) && b->tries <= STORE_TRIES) {
        ate__note_verbose("%s: %s; made anew (%u of %d)", ate__out.program, b->text, b->tries,
                          STORE_TRIES);
        rc = make_anew(s, b);
        return rc ? fail_for_good(s, rc) : 0;
    }
    ate__fail(rc, "%s", b->text);
    return fail_for_good(s, rc);
}

/* Waits for something to happen, for a moment, and deals with it. */
static int pump(struct store *s)
{
    int rc = ate_loop_run(s->loop, POLL_MS);
    if (rc && rc != ATE_TIMEOUT)
        return fail_for_good(s, rc);
    uint64_t now = ate__monotonic_ms(&ate__env_real);
    for (struct batch *b = s->sent, *next; b; b = next) {
        next = b->next;
        if (b->state == BATCH_PAUSED && now >= b->resume_ms)
            send_batch(b);
        rc = b->state == BATCH_ANSWERED ? settle(s, b) : 0;
        if (rc)
            return rc;
    }
    if (s->conf.waiting)
        s->conf.waiting(s->conf.arg);
    return 0;
}

static int submit(struct store *s)
{
    struct batch *b = s->open;
    if (!b)
        return 0;
    while (s->sent_count >= STORE_FLYING_MAX) {
        int rc = pump(s);
        if (rc)
            return rc;
    }
    struct batch **at = &s->sent;
    while (*at)
        at = &(*at)->next;
    *at = b;
    s->sent_count++;
    s->open = NULL;
    count_pages(b, true);
    send_batch(b);
    return 0;
}

/* ---- filling ---- */

static int begin(struct store *s)
{
    struct batch *b = ate__alloc(sizeof *b);
    if (!b)
        return ate__no_memory();
    b->store = s;
    b->last = &b->first;
    b->begun_at = s->acknowledged;
    int rc = ate_txn_begin(s->conf.chain, NULL, s->conf.scope, &b->txn);
    if (rc)
        ate__free(b);
    else
        s->open = b;
    return rc;
}

/* What the operation stands on is to be seen by the open transaction, or by the one that will
 * begin. */
static int reach(struct store *s, const struct store_node *n)
{
    int rc = 0;
    if (!n || (s->open && n->batch == s->open))
        return 0;
    if (s->open && (n->batch || n->seen_at > s->open->begun_at))
        rc = submit(s);
    while (!rc && n->batch)
        rc = pump(s);
    return rc;
}

static bool is_full(const struct batch *b, const struct op *op)
{
    size_t events = b->events + OP_EVENTS_MAX;
    uint64_t bytes = b->bytes + op->data_size;
    if (events > STORE_EVENTS_MAX || bytes > STORE_BYTES_MAX)
        return true;
    /* A directory is better opened in the next transaction than cut in two, for what lies in its
     * second half would have to wait for the first. */
    return op->kind == OP_DIR && op->parent->batch != b &&
           (events > STORE_EVENTS_MAX / 2 || bytes > STORE_BYTES_MAX / 2);
}

/* Until all of it is reached at once: closing the transaction for one may take another out of
 * reach. */
static int reach_all(struct store *s, const struct op *op)
{
    const struct store_node *stands_on[] = {op->parent, op->target,
                                            op->kind == OP_FILE_FINISH ? op->node : NULL};
    const struct batch *before;
    do {
        before = s->open;
        for (size_t i = 0; i < ATE__COUNT_OF(stands_on); i++) {
            int rc = reach(s, stands_on[i]);
            if (rc)
                return rc;
        }
    } while (s->open != before);
    return s->open ? 0 : begin(s);
}

/* Reads of a remote chain wait for the root: they are made again as commits are. */
static int apply_patiently(struct store *s, struct op *op, bool *ret_changed)
{
    int rc;
    for (unsigned i = 1;; i++) {
        rc = op_apply(op, s->open->txn, ret_changed);
        if (*ret_changed || i > s->conf.tries)
            return rc;
        if (rc == ATE_STALE)
            rc = ate_txn_refresh(s->open->txn);
        else if (may_come(rc))
            rc = ate_chain_sync(s->conf.chain, NULL);
        else
            return rc;
        if (rc && !may_come(rc))
            return rc;
    }
}

/* May the others go on after it? */
static bool is_its_own(int rc)
{
    return rc == ATE_CONFLICT || rc == ATE_EXISTS || rc == ATE_NOT_FOUND || rc == ATE_TOO_BIG ||
           rc == ATE_MALFORMED || rc == ATE_WRONG_TYPE || rc == ATE_MISUSE || rc == ATE_DENIED;
}

/* Applies it to the open transaction; takes the operation, also on failure. */
static int add(struct store *s, struct op *op)
{
    bool changed = false;
    op->archive = s->archive;
    int rc = s->open && is_full(s->open, op) ? submit(s) : 0;
    if (!rc)
        rc = reach_all(s, op);
    if (rc) {
        op_free(op);
        return fail_for_good(s, rc);
    }
    struct batch *b = s->open;
    rc = apply_patiently(s, op, &changed);
    if (rc) {
        op_free(op);
        return changed || !is_its_own(rc) ? fail_for_good(s, rc) : rc;
    }
    if (op->node && op->kind != OP_FILE_FINISH)
        op->node->batch = b;
    op->next = NULL;
    *b->last = op;
    b->last = &op->next;
    b->count++;
    b->events += changed ? OP_EVENTS_MAX : 1;
    b->bytes += op->data_size;
    return 0;
}

/* Finishes the files all of whose pages are acknowledged. */
static int finish_files(struct store *s)
{
    for (struct op **at = &s->unfinished; *at;) {
        struct op *op = *at;
        if (op->node->pages_flying) {
            at = &op->next;
            continue;
        }
        *at = op->next;
        s->unfinished_count--;
        int rc = add(s, op);
        if (rc)
            return fail_for_good(s, rc);
        at = &s->unfinished; /* adding may have waited, and the list may have changed */
    }
    return 0;
}

/* In an archive a file has its id only when it is finished. */
static bool has_no_id(const struct store *s, const struct store_node *n)
{
    return s->archive && n && !ate__id_equal(&n->pages, &ate_top) &&
           ate__id_equal(&n->pages, &n->id);
}

/* A hard link waits for its file. */
static int reach_target(struct store *s, const struct store_node *target)
{
    int rc = 0;
    while (!rc && s->unfinished && has_no_id(s, target)) {
        rc = submit(s);
        if (!rc)
            rc = pump(s);
        if (!rc)
            rc = finish_files(s);
    }
    if (!rc && has_no_id(s, target))
        rc = ate__fail(ATE_NOT_FOUND, "the file that this is another name of is not stored");
    return rc;
}

static int take(struct store *s, struct op *op)
{
    if (s->result) {
        op_free(op);
        return ate__fail(s->result, "%s", s->text);
    }
    int rc = finish_files(s);
    while (!rc && s->unfinished_count >= STORE_UNFINISHED_MAX) {
        rc = pump(s);
        if (!rc)
            rc = finish_files(s);
    }
    if (!rc)
        rc = reach_target(s, op->target);
    if (rc) {
        op_free(op);
        return rc;
    }
    if (op->kind != OP_FILE_FINISH || !op->node->pages_flying)
        return add(s, op);
    op->next = s->unfinished;
    s->unfinished = op;
    s->unfinished_count++;
    return 0;
}

int store_flush(struct store *s)
{
    int rc = s->result ? ate__fail(s->result, "%s", s->text) : 0;
    while (!rc && (s->open || s->sent || s->unfinished)) {
        rc = finish_files(s);
        if (!rc)
            rc = submit(s);
        if (!rc && s->sent)
            rc = pump(s);
    }
    return rc;
}

/* ---- operations ---- */

static struct op *op_new(enum op_kind kind, struct store_node *parent, const char *name,
                         struct ate_bytes data, const struct store_when *when)
{
    struct op *op = ate__alloc(sizeof *op);
    if (!op)
        return NULL;
    op->kind = kind;
    op->parent = parent ? store_node_ref(parent) : NULL;
    op->name = name ? ate__copy_text(name) : NULL;
    op->data = ate__alloc(data.size + 1);
    if (!op->data || (name && !op->name)) {
        op_free(op);
        return NULL;
    }
    if (data.size)
        memcpy(op->data, data.data, data.size);
    op->data_size = data.size;
    if (when)
        op->when = *when;
    return op;
}

/* ret_node: a reference to what it makes; NULL: not wanted. */
static int take_new(struct store *s, struct op *op, struct store_node **ret_node)
{
    if (op && !op->node)
        op->node = store_node_new(ate_top);
    if (!op || !op->node) {
        op_free(op);
        return fail_for_good(s, ate__no_memory());
    }
    struct store_node *node = store_node_ref(op->node);
    int rc = take(s, op);
    if (rc || !ret_node)
        store_node_unref(node);
    else
        *ret_node = node;
    return rc;
}

static void set_file(struct op *op, const struct fs_file *file)
{
    op->dir = (struct fs_dir){file->mode, file->uid, file->gid, file->mtime_ns};
    op->size = file->size;
    if (file->hash)
        op->hash = *file->hash;
    if (file->page_count)
        op->index = *file->page_count;
}

static const struct ate_bytes nothing = {"", 0};

int store_dir(struct store *s, struct store_node *parent, const char *name,
              const struct fs_dir *dir, const struct store_when *when, struct store_node **ret_node)
{
    struct op *op = op_new(OP_DIR, parent, name, nothing, when);
    if (op)
        op->dir = *dir;
    return take_new(s, op, ret_node);
}

int store_file(struct store *s, struct store_node *parent, const char *name,
               const struct fs_file *file, const struct store_when *when,
               struct store_node **ret_node)
{
    struct op *op = op_new(OP_FILE, parent, name, file->data, when);
    if (op)
        set_file(op, file);
    return take_new(s, op, ret_node);
}

int store_text(struct store *s, struct store_node *parent, const char *name, const char *value,
               const struct store_when *when, struct store_node **ret_node)
{
    return take_new(s, op_new(OP_TEXT, parent, name, ate__text_bytes(value), when), ret_node);
}

int store_bytes(struct store *s, struct store_node *parent, const char *name,
                struct ate_bytes value, const struct store_when *when, struct store_node **ret_node)
{
    return take_new(s, op_new(OP_BYTES, parent, name, value, when), ret_node);
}

int store_raw(struct store *s, struct store_node *parent, const char *name, const char *type,
              const char *encoding, struct ate_bytes payload, const struct store_when *when,
              struct store_node **ret_node)
{
    struct op *op = op_new(OP_RAW, parent, name, payload, when);
    if (op) {
        op->encoding = encoding;
        op->type = ate__copy_text(type);
        if (!op->type) {
            op_free(op);
            op = NULL;
        }
    }
    return take_new(s, op, ret_node);
}

int store_symlink(struct store *s, struct store_node *parent, const char *name,
                  struct ate_bytes target)
{
    return take_new(s, op_new(OP_SYMLINK, parent, name, target, NULL), NULL);
}

int store_hardlink(struct store *s, struct store_node *parent, const char *name,
                   struct store_node *target)
{
    struct op *op = op_new(OP_HARDLINK, parent, name, nothing, NULL);
    if (op)
        op->target = store_node_ref(target);
    return take_new(s, op, NULL);
}

int store_file_begin(struct store *s, struct store_node *parent, const struct fs_file *file,
                     const struct store_when *when, struct store_node **ret_node)
{
    struct op *op = op_new(OP_FILE_BEGIN, parent, NULL, nothing, when);
    if (op)
        set_file(op, file);
    return take_new(s, op, ret_node);
}

int store_page(struct store *s, struct store_node *file, uint64_t index, struct ate_bytes data)
{
    struct op *op = op_new(OP_PAGE, file, NULL, data, NULL);
    if (op)
        op->index = index;
    return take_new(s, op, NULL);
}

int store_file_finish(struct store *s, struct store_node *node, struct store_node *parent,
                      const char *name, const struct fs_file *file, const struct store_when *when)
{
    struct op *op = op_new(OP_FILE_FINISH, parent, name, nothing, when);
    if (op) {
        set_file(op, file);
        op->node = store_node_ref(node);
    }
    return take_new(s, op, NULL);
}

/* About an object that is in the chain. */
static struct op *op_about(enum op_kind kind, struct ate_id id)
{
    struct op *op = op_new(kind, NULL, NULL, nothing, NULL);
    if (!op)
        return NULL;
    op->node = store_node_new(id);
    if (!op->node) {
        op_free(op);
        return NULL;
    }
    return op;
}

int store_file_state(struct store *s, struct ate_id id, const struct fs_file *file)
{
    struct op *op = op_about(OP_FILE_STATE, id);
    if (op)
        set_file(op, file);
    return take_new(s, op, NULL);
}

int store_delete(struct store *s, struct ate_id id)
{
    return take_new(s, op_about(OP_DELETE, id), NULL);
}

int store_drop(struct store *s, const struct store_node *file)
{
    int rc = store_flush(s);
    return rc || s->archive ? rc : store_delete(s, file->id);
}

int store_result(const struct store *s)
{
    return s->result;
}
