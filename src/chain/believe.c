/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * believe.c: the mark, and what moves it.
 *
 * It is the limit of the view, set under the commit mutex, or before the chain is shared. Its root
 * stands beside the ring of heads, under the same mutex, and is there before the limit moves.
 */
#include "chain/believe.h"
#include "base/err.h"
#include "base/replace.h"
#include "chain/chain_private.h"
#include "chain/signed.h"
#include <inttypes.h>
#include <stdio.h>

enum { KEEP_MS = 5000 }; /* between two notes that are kept: the newest is kept at the end */

static bool is_centralized(const struct ate__chain *c)
{
    return c->trust && ate__trust_genesis(c->trust)->mode == ATE__CENTRALIZED && !c->conf.unseen;
}

/* What it keeps for somebody: memory is nobody's. */
static bool is_kept(const struct ate__chain *c)
{
    return c->storage->v->durable_copies > 0;
}

/* ---- the mark ---- */

uint64_t ate__chain_believed(struct ate__chain *c)
{
    return ate__chain_published(c);
}

void ate__chain_taken(struct ate__chain *c, uint64_t *ret_size, struct ate_hash *ret_root)
{
    pthread_mutex_lock(&c->heads_mutex);
    const struct ate__head_at *h = &c->heads[(c->head_count - 1) % ATE__HEADS_KEPT];
    *ret_size = h->size;
    *ret_root = h->root;
    pthread_mutex_unlock(&c->heads_mutex);
}

bool ate__believe_root(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root)
{
    pthread_mutex_lock(&c->heads_mutex);
    bool same = c->believing.limited && c->believing.mark.size == size;
    if (same)
        *ret_root = c->believing.mark.root;
    pthread_mutex_unlock(&c->heads_mutex);
    return same;
}

static void set_noted(struct ate__chain *c, const struct ate__checkpoint *verified)
{
    pthread_mutex_lock(&c->heads_mutex);
    if (verified->size > c->believing.noted.size)
        c->believing.noted = (struct ate__note_at){verified->size, verified->log_key};
    pthread_mutex_unlock(&c->heads_mutex);
}

enum ate__ground ate__chain_ground(struct ate__chain *c, bool is_signed, uint64_t sequence,
                                   struct ate_hash *ret_log_key)
{
    *ret_log_key = (struct ate_hash){{0}};
    if (is_signed || !is_centralized(c))
        return ATE__BY_SIGNATURES;
    pthread_mutex_lock(&c->heads_mutex);
    struct ate__note_at noted = c->believing.noted;
    pthread_mutex_unlock(&c->heads_mutex);
    if (sequence < noted.size) {
        *ret_log_key = noted.log_key;
        return ATE__BY_LOG_KEY;
    }
    bool certified =
        sequence < atomic_load(&c->believed_cut_off) && atomic_load(&c->certified_by_key);
    return certified ? ATE__BY_CERTIFICATE : ATE__BY_HOST_KEY;
}

static void set_mark(struct ate__chain *c, struct ate__view *view, uint64_t size,
                     const struct ate_hash *root)
{
    pthread_mutex_lock(&c->heads_mutex);
    c->believing.limited = true;
    c->believing.mark = (struct ate__head_at){size, *root};
    pthread_mutex_unlock(&c->heads_mutex);
    ate__view_limit(view, size);
}

/* Forward alone. */
static void move_mark(struct ate__chain *c, uint64_t size, const struct ate_hash *root)
{
    if (c->believing.limited && size > c->believing.mark.size)
        set_mark(c, c->view, size, root);
}

static void end_mark(struct ate__chain *c)
{
    pthread_mutex_lock(&c->heads_mutex);
    c->believing.limited = false;
    pthread_mutex_unlock(&c->heads_mutex);
    ate__view_limit(c->view, UINT64_MAX);
    ate__view_reclaim(c->view, 0); /* what was kept for readers of less */
}

void ate__believe_begin(struct ate__chain *c)
{
    struct ate__frontier none;
    struct ate_hash root = {{0}};
    if (!is_centralized(c))
        return;
    ate__frontier_init(&none);
    int rc = ate__frontier_root(&none, &root);
    (void)rc; /* the root of nothing is asked of nobody who believes nothing */
    set_mark(c, c->view, 0, &root);
}

void ate__believe_image(struct ate__chain *c, uint64_t size, const struct ate_hash *root)
{
    ate__believe_begin(c);
    move_mark(c, size, root);
}

/* What a key has certified is believed up to the cut-off, whatever covers it. */
static int certified(struct ate__chain *c, struct ate__head_at *ret_head)
{
    ret_head->size = atomic_load(&c->believed_cut_off);
    if (!atomic_load(&c->certified_by_key) || ret_head->size > c->tree.size)
        ret_head->size = 0;
    return ret_head->size ? ate__chain_root_at(c, ret_head->size, &ret_head->root) : 0;
}

/* What only its server certifies is believed where the certificate is: as far as one looks back
 * from there. */
static bool rests_on_server(const struct ate__chain *c)
{
    return atomic_load(&c->believed_cut_off) && !atomic_load(&c->certified_by_key);
}

int ate__believe_aside(struct ate__chain *judged, struct ate_bytes note)
{
    struct ate__head_at *mark = &judged->believing.mark;
    struct ate__checkpoint checkpoint = {.size = 0};
    if (ate__trust_genesis(judged->trust)->mode != ATE__CENTRALIZED)
        return 0;
    int rc = certified(judged, mark);
    if (!rc && note.size)
        rc = ate__chain_check_note(judged, note, &checkpoint);
    if (rc)
        return rc;
    if (note.size)
        set_noted(judged, &checkpoint);
    if (checkpoint.size > mark->size)
        *mark = (struct ate__head_at){checkpoint.size, checkpoint.root};
    if (rests_on_server(judged) && mark->size < atomic_load(&judged->believed_from))
        return ate__fail(ATE_UNTRUSTED,
                         "no log key has signed what is said of the transactions that are missing "
                         "below %" PRIu64,
                         atomic_load(&judged->believed_cut_off));
    return 0;
}

void ate__believe_replaced(struct ate__chain *c, struct ate__view *view,
                           const struct ate__chain *judged)
{
    const struct ate__head_at *now = &c->believing.mark, *other = &judged->believing.mark;
    const struct ate__head_at *mark = other->size > now->size ? other : now;
    if (!is_centralized(c))
        return;
    pthread_mutex_lock(&c->heads_mutex);
    if (judged->believing.noted.size > c->believing.noted.size)
        c->believing.noted = judged->believing.noted;
    pthread_mutex_unlock(&c->heads_mutex);
    set_mark(c, view, mark->size, &mark->root);
}

/* ---- this machine's own seals ---- */

/* NULL stays: there is none. Who only reads can do without, and makes none. */
static int ask_host_key(struct ate__chain *c, bool reads)
{
    if (!c->conf.host_key || c->believing.host_key)
        return 0;
    int rc = c->conf.host_key(c->conf.host_key_arg, !reads, &c->believing.host_key);
    return reads && rc != ATE_E_MEMORY ? 0 : rc;
}

int ate__believe_seal(const struct ate__chain *c, uint64_t size, const struct ate_hash *root,
                      struct ate_hash *ret_seal)
{
    return ate__host_key_seal(c->believing.host_key, ate__trust_chain_id(c->trust), size, root,
                              ret_seal);
}

static int note_seal(void *arg, const struct ate__group_out *group)
{
    struct ate__chain *c = arg;
    struct ate_hash root;
    if (!group->seal || group->end_sequence > c->tree.size)
        return 0;
    int rc = ate__chain_root_at(c, group->end_sequence, &root);
    if (!rc)
        rc = ate__host_key_check(c->believing.host_key, ate__trust_chain_id(c->trust),
                                 group->end_sequence, &root, group->seal);
    if (!rc)
        move_mark(c, group->end_sequence, &root);
    return rc < 0 ? rc : 0; /* one that does not hold covers nothing */
}

static int pass_record(void *arg, const struct ate__record_out *record)
{
    (void)arg, (void)record;
    return 0;
}

/* The last one is enough where it holds: it covers all. */
static int check_seals(struct ate__chain *c)
{
    const struct ate__scan scan = {note_seal, pass_record, c};
    uint64_t size = c->tree.size;
    if (!size || c->believing.mark.size == size)
        return 0;
    int rc = c->storage->v->scan(c->storage, size - 1, size, &scan);
    if (rc >= 0 && c->believing.mark.size < size)
        rc = c->storage->v->scan(c->storage, c->believing.mark.size, size, &scan);
    return rc < 0 ? rc : 0; /* damage was told already, or is above all that was taken in */
}

/* ---- checkpoints ---- */

static int read_note(struct ate__chain *c, struct ate__buf *ret_note)
{
    struct ate__dir *dir = c->storage->v->dir ? c->storage->v->dir(c->storage) : NULL;
    return dir ? ate__log_signed(c->conf.env->vfs, dir, ret_note) : ATE_NOT_FOUND;
}

/* One that does not hold, or is of more than there is, covers nothing. */
static int check_note(struct ate__chain *c)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint checkpoint;
    int rc = read_note(c, &note);
    if (!rc)
        rc = ate__chain_check_note(c, ate__buf_bytes(&note), &checkpoint);
    if (!rc) {
        set_noted(c, &checkpoint);
        move_mark(c, checkpoint.size, &checkpoint.root);
    }
    return rc < 0 ? rc : 0;
}

static int check_certificate(struct ate__chain *c)
{
    struct ate__head_at head;
    int rc = certified(c, &head);
    if (!rc)
        move_mark(c, head.size, &head.root);
    return rc < 0 ? rc : 0;
}

static int keep_note(struct ate__chain *c)
{
    struct ate__believing *b = &c->believing;
    struct ate__dir *dir = c->storage->v->dir ? c->storage->v->dir(c->storage) : NULL;
    if (!b->note.size || !dir || c->read_only)
        return 0;
    int rc = ate__log_signed_put(c->conf.env->vfs, dir, ate__buf_bytes(&b->note));
    ate__buf_clear(&b->note);
    return rc;
}

int ate__chain_believe(struct ate__chain *c, const struct ate__checkpoint *verified,
                       struct ate_bytes note)
{
    struct ate__believing *b = &c->believing;
    uint64_t now_ms = ate__monotonic_ms(c->conf.env);
    struct ate_hash root;
    pthread_mutex_lock(&c->mutex);
    bool moves = b->limited && verified->size > b->mark.size;
    int rc = moves ? ate__chain_root_at(c, verified->size, &root) : 0;
    if (moves && (rc == ATE_NOT_FOUND || (!rc && !ate__hash_equal(&root, &verified->root))))
        rc =
            ate__fail(ATE_FORKED, "a checkpoint of %" PRIu64 " other transactions", verified->size);
    if (moves && !rc) {
        ate__buf_clear(&b->note);
        rc = ate__buf_append(&b->note, note);
    }
    if (moves && !rc) {
        set_noted(c, verified);
        move_mark(c, verified->size, &verified->root);
    }
    pthread_mutex_unlock(&c->mutex);
    if (rc || !moves)
        return rc;
    ate__chain_tell(c);
    if (b->kept_ms && now_ms - b->kept_ms < KEEP_MS)
        return 0;
    b->kept_ms = now_ms + !now_ms;
    return keep_note(c);
}

void ate__believe_close(struct ate__chain *c)
{
    int rc = keep_note(c);
    (void)rc; /* the next one comes from the server */
    ate__buf_deinit(&c->believing.note);
    ate__host_key_free(ate__steal(&c->believing.host_key));
}

/* ---- opening, creating ---- */

static int lacks_key(void)
{
    return ate__fail(ATE_NO_KEY,
                     "a centralized chain is written with the host key of its machine, and there "
                     "is none");
}

static int uncovered(const struct ate__chain *c)
{
    return ate__fail(
        ATE_UNTRUSTED,
        "nothing vouches for transactions %" PRIu64 " to %" PRIu64
        ": no checkpoint of a log key, and this machine's host key did not seal them; they are "
        "believed where the host.key is that they were written with, and can be left behind with "
        "ate repair",
        c->believing.mark.size, c->tree.size - 1);
}

static bool waits_for_checkpoints(const struct ate__chain *c, bool reads)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    return state.role == ATE__ROLE_MIRROR && (reads || !c->conf.host_key);
}

static int cover(struct ate__chain *c, bool reads)
{
    int rc = check_certificate(c);
    if (!rc)
        rc = check_note(c);
    if (!rc)
        rc = ask_host_key(c, reads);
    if (!rc && c->believing.host_key)
        rc = check_seals(c);
    /* Less than that is no state of the chain: transactions are missing in it. */
    if (!rc && rests_on_server(c) && c->believing.mark.size < atomic_load(&c->believed_from))
        ate__believe_begin(c);
    return rc;
}

int ate__believe_open(struct ate__chain *c, unsigned flags)
{
    struct ate__believing *b = &c->believing;
    bool reads = flags & ATE__STORAGE_READ;
    if (!b->limited)
        return 0;
    int rc = cover(c, reads);
    bool whole = b->mark.size == c->tree.size;
    if (rc || waits_for_checkpoints(c, reads))
        return rc;
    if (!reads && !b->host_key && is_kept(c))
        return lacks_key();
    if (!whole)
        return uncovered(c);
    b->seals = !reads && b->host_key;
    end_mark(c);
    return 0;
}

int ate__believe_create(struct ate__chain *c)
{
    if (!is_centralized(c) || !is_kept(c))
        return 0;
    int rc = ask_host_key(c, false);
    if (!rc && !c->believing.host_key)
        rc = lacks_key();
    c->believing.seals = !rc;
    return rc;
}
