/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/image.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "base/rd.h"
#include "base/wr.h"
#include "chain/chain_private.h"
#include "chain/view_image.h"
#include "crypto/kdf.h"
#include "trust/session.h"
#include "trust/state_image.h"

enum {
    STEP_BYTES = 4 << 20, /* written by one task */
    RETRY_MS = 60000,     /* after an attempt that failed */
    NODES_MAX = 64        /* of a frontier */
};

struct writing {
    struct ate__view_image view;
    struct ate__image_out *out; /* NULL: nothing is written yet */
    struct ate__image_head head;
    struct ate__buf meta; /* all but the view */
    uint64_t log_bytes;
};
struct ate__image {
    struct ate__key32 secret;
    struct ate__dir *dir; /* of the log */
    /* Under the mutex, but for `writing`, which is the task's while `busy`. Of the one in force: */
    uint64_t size, generation, file_bytes, log_bytes; /* zeros: there is none */
    bool busy;
    uint64_t retry_ms;
    struct writing *writing;
};

int ate__image_secret(const struct ate__key32 *seed, struct ate__key32 *ret_secret)
{
    return ate__kdf(seed, "ate view image secret 1", NULL, 0, ret_secret);
}

int ate__image_secrets_new(const struct ate_session *session, struct ate__key32 **ret_secrets,
                           size_t *ret_count)
{
    size_t most = session ? ate__session_key_count(session) : 0, count = 0;
    for (size_t i = 0; i < most && count < ATE__IMAGE_SECRETS_MAX; i++)
        count += ate__session_key(session, i)->holds == ATE__KEY_ALL; /* a half has no seed */
    struct ate__key32 *secrets = count ? ate__secret_alloc(count * sizeof *secrets) : NULL;
    int rc = count && !secrets ? ate__no_memory() : 0;
    for (size_t i = 0, made = 0; !rc && made < count; i++)
        if (ate__session_key(session, i)->holds == ATE__KEY_ALL)
            rc = ate__image_secret(&ate__session_key(session, i)->seed, &secrets[made++]);
    if (rc) {
        ate__secret_free(secrets);
        return rc;
    }
    *ret_secrets = secrets;
    *ret_count = count;
    return 0;
}

/* ---- life ---- */

int ate__chain_image_new(struct ate__chain *c)
{
    struct ate__dir *dir = c->storage->v->dir ? c->storage->v->dir(c->storage) : NULL;
    if (!c->conf.image_secret_count || !dir)
        return 0;
    c->image = ate__secret_alloc(sizeof *c->image);
    if (!c->image)
        return ate__no_memory();
    c->image->secret = c->conf.image_secrets[0];
    c->image->dir = dir;
    return 0;
}

uint64_t ate__chain_image_size(const struct ate__chain *c)
{
    return c->image ? c->image->size : 0;
}

void ate__chain_image_forget(struct ate__chain *c)
{
    struct ate__image *image = c->image;
    image->size = image->generation = image->file_bytes = image->log_bytes = 0;
}

static void writing_free(struct writing *w)
{
    if (!w)
        return;
    ate__view_image_end(&w->view);
    ate__image_out_free(w->out);
    ate__buf_deinit(&w->meta);
    ate__free(w);
}

void ate__chain_image_free(struct ate__chain *c)
{
    if (c->image)
        writing_free(c->image->writing);
    ate__secret_free(c->image);
    c->image = NULL;
}

/* ---- writing ---- */

static int write_meta(struct ate__chain *c, struct writing *w)
{
    struct ate__wr wr = ate__wr_of(&w->meta);
    unsigned nodes = (unsigned)__builtin_popcountll(c->tree.size);
    ate__wr_u64(&wr, c->root_time_us);
    ate__wr_u64(&wr, atomic_load(&c->believed_from));
    ate__wr_u64(&wr, w->log_bytes);
    ate__wr_u32(&wr, nodes);
    for (unsigned i = 0; i < nodes; i++)
        ate__wr_hash(&wr, &c->tree.node[i]);
    size_t mark = ate__wr_reserve32(&wr);
    int rc = ate__wr_end(&wr);
    if (!rc)
        rc = ate__trust_image_write(c->trust, c->tree.size, &w->meta);
    if (!rc && w->meta.size > UINT32_MAX)
        rc = ate__fail(ATE_TOO_BIG, "view image: a trust state of %zu bytes", w->meta.size);
    if (!rc)
        ate__wr_fill32(&wr, mark);
    return rc;
}

/* Under the mutex: the moment that it is an image of. */
static int begin_writing(struct ate__chain *c, const struct ate__storage_state *state)
{
    struct writing *w = ate__alloc(sizeof *w);
    if (!w)
        return ate__no_memory();
    w->log_bytes = state->length;
    w->head = (struct ate__image_head){
        .chain_id = *ate__trust_chain_id(c->trust),
        .root = c->root,
        .size = c->tree.size,
        .generation = state->generation,
    };
    int rc = write_meta(c, w);
    if (!rc)
        rc = ate__view_image_begin(c->view, ate__monotonic_ms(c->conf.env), &w->view);
    if (rc) {
        writing_free(w);
        return rc;
    }
    ate__assert(w->view.snapshot.size == w->head.size);
    c->image->writing = w;
    return 0;
}

/* What a power loss takes away is in no image. */
static int sync_log(struct ate__chain *c, uint64_t size)
{
    struct ate__storage_state state;
    int rc = c->storage->v->sync(c->storage);
    c->storage->v->state(c->storage, &state);
    if (!rc && state.floor < size)
        rc = ate__fail(ATE_E_IO, "view image: the log is not on stable storage");
    return rc;
}

/* One step without the mutex. END: it is in force. */
static int write_on(struct ate__chain *c, size_t bytes, uint64_t *ret_file_bytes)
{
    struct ate__image *image = c->image;
    struct writing *w = image->writing;
    int rc = 0;
    if (!w->out) {
        rc = sync_log(c, w->head.size);
        if (!rc)
            rc = ate__image_out_new(c->conf.env, image->dir, &image->secret, &w->head, &w->out);
        if (!rc)
            rc = ate__image_put(w->out, w->meta.data, w->meta.size);
        ate__buf_deinit(&w->meta);
    }
    if (!rc)
        rc = ate__view_image_step(&w->view, w->out, bytes);
    if (rc != ATE_END)
        return rc;
    rc = ate__image_out_end(w->out, ret_file_bytes);
    return rc ? rc : ATE_END;
}

/* Under the mutex: behind the last step, whatever came of it. */
static void finish_writing(struct ate__chain *c, int rc, uint64_t file_bytes)
{
    struct ate__image *image = c->image;
    const struct writing *w = image->writing;
    if (rc == ATE_END) {
        image->size = w->head.size;
        image->generation = w->head.generation;
        image->log_bytes = w->log_bytes;
        image->file_bytes = file_bytes;
    } else {
        image->retry_ms = ate__monotonic_ms(c->conf.env) + RETRY_MS;
    }
    writing_free(image->writing);
    image->writing = NULL;
}

/* How many bytes of log an open replays above the image that there is. */
static uint64_t grown(const struct ate__image *image, const struct ate__storage_state *state)
{
    bool same = image->size && image->generation == state->generation;
    return state->length - (same ? ate__min(image->log_bytes, state->length) : 0);
}

/* In the background the log has grown by a quarter, so that images cost less than four times what
 * they hold for each doubling of the log; a close pays a little more, so that the next open does
 * not. */
static bool is_due(struct ate__chain *c, bool closing, struct ate__storage_state *state)
{
    const struct ate__image *image = c->image;
    if (!image || c->read_only || c->broken || !c->trust || image->size == c->tree.size ||
        ate__view_published(c->view) != c->tree.size)
        return false;
    c->storage->v->state(c->storage, state);
    uint64_t more = grown(image, state);
    return state->writable && !state->failed && state->length >= c->image_log_min &&
           more >= c->image_log_min / 4 &&
           more >= (closing ? image->file_bytes / 16 : image->log_bytes / 4);
}

void ate__chain_image_due(struct ate__chain *c)
{
    struct ate__storage_state state;
    if (!c->conf.workers || c->closing || !is_due(c, false, &state) || c->image->busy ||
        ate__monotonic_ms(c->conf.env) < c->image->retry_ms)
        return;
    int rc = begin_writing(c, &state);
    if (rc) {
        c->image->retry_ms = ate__monotonic_ms(c->conf.env) + RETRY_MS;
        return;
    }
    c->image->busy = true;
    ate__workers_submit(c->conf.workers, &c->imaging, 0);
}

void ate__chain_image_run(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    uint64_t file_bytes = 0;
    int rc = write_on(c, STEP_BYTES, &file_bytes);
    pthread_mutex_lock(&c->mutex);
    if (rc || c->closing) {
        finish_writing(c, rc ? rc : ATE_STALE, file_bytes);
        c->image->busy = false;
    } else {
        ate__workers_submit(c->conf.workers, &c->imaging, 1);
    }
    pthread_mutex_unlock(&c->mutex);
}

void ate__chain_image_close(struct ate__chain *c)
{
    struct ate__storage_state state;
    uint64_t file_bytes = 0;
    if (!c->image)
        return;
    writing_free(ate__steal(&c->image->writing)); /* its task was taken back */
    if (!is_due(c, true, &state))
        return;
    int rc = begin_writing(c, &state);
    if (rc)
        return;
    do
        rc = write_on(c, STEP_BYTES, &file_bytes);
    while (!rc);
    finish_writing(c, rc, file_bytes);
}

/* ---- reading ---- */

struct loading {
    struct ate__chain *c;
    struct ate__image_in *in;
    struct ate__image_head head;
    struct ate__frontier tree; /* as the image has it */
    uint64_t root_time_us, believed_from, log_bytes;
    uint64_t cut_off; /* of the log, where it has the image's generation */
};

static int check_head(struct loading *l)
{
    struct ate__storage_state state;
    const struct ate__image_head *head = &l->head;
    l->c->storage->v->state(l->c->storage, &state);
    if (!ate__hash_equal(&head->chain_id, &state.chain_id))
        return ate__fail(ATE_WRONG_CHAIN, "view image: of another chain");
    if (head->generation != state.generation)
        return ate__fail(ATE_STALE, "view image: of before a compaction");
    /* Behind transaction 0 at least, which is read from the log. */
    if (head->size - 1 >= state.moves || head->size < state.cut_off)
        return ate__fail(ATE_STALE, "view image: of %llu transactions, the log has %llu",
                         (unsigned long long)head->size, (unsigned long long)state.size);
    l->cut_off = state.cut_off;
    return 0;
}

enum { META_BYTES = 8 + 8 + 8 + 4 };

static int read_meta(struct loading *l)
{
    uint8_t fixed[META_BYTES], node[32];
    struct ate_hash root;
    int rc = ate__image_get(l->in, fixed, sizeof fixed);
    if (rc)
        return rc;
    struct ate__rd rd = ate__rd_of(ate__bytes(fixed, sizeof fixed));
    l->root_time_us = ate__rd_u64(&rd);
    l->believed_from = ate__rd_u64(&rd);
    l->log_bytes = ate__rd_u64(&rd);
    uint32_t nodes = ate__rd_u32(&rd);
    if (nodes != (uint32_t)__builtin_popcountll(l->head.size) || l->believed_from > l->head.size)
        return ate__fail(ATE_MALFORMED, "view image: a tree of another size");
    ate__frontier_init(&l->tree);
    l->tree.size = l->head.size;
    for (uint32_t i = 0; !rc && i < nodes; i++) {
        rc = ate__image_get(l->in, node, sizeof node);
        memcpy(&l->tree.node[i], node, sizeof node);
    }
    if (!rc)
        rc = ate__frontier_root(&l->tree, &root);
    if (!rc && !ate__hash_equal(&root, &l->head.root))
        rc = ate__fail(ATE_MALFORMED, "view image: a tree of another root");
    return rc;
}

/* Read from the log, so that the chain is whose id it has. */
static int take_genesis(struct ate__chain *c)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf record = ATE__BUF_NULL;
    enum ate__hash_alg alg;
    struct ate__tx tx;
    struct ate__storage_state state;
    int rc = c->storage->v->load(c->storage, 0, NULL, &record);
    if (!rc)
        rc = ate__tx_genesis_alg(ate__buf_bytes(&record), &alg);
    if (!rc)
        rc = ate__tx_decode(ate__buf_bytes(&record), alg, &tx);
    if (rc)
        return rc;
    rc = ate__trust_new(c->conf.env, &tx, &c->trust);
    ate__tx_deinit(&tx);
    c->storage->v->state(c->storage, &state);
    if (!rc && !ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust)))
        rc = ate__fail(ATE_WRONG_CHAIN, "view image: the log has another genesis");
    return rc;
}

static int read_trust(struct loading *l)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    uint8_t size[4];
    int rc = ate__image_get(l->in, size, sizeof size);
    if (!rc && ate__load32(size) > ate__image_left(l->in))
        rc = ate__fail(ATE_MALFORMED, "view image: it ends in the trust state");
    if (!rc)
        rc = ate__buf_reserve(&bytes, ate__load32(size));
    if (!rc) {
        bytes.size = ate__load32(size);
        rc = ate__image_get(l->in, bytes.data, bytes.size);
    }
    return rc ? rc : ate__trust_image_read(l->c->trust, ate__buf_bytes(&bytes), l->head.size);
}

/* ---- the tree of the log ---- */

struct leaves {
    struct ate__chain *c;
    struct ate_hash *to;
    size_t count, most;
};

static int take_leaf(void *arg, const struct ate__record_out *record)
{
    struct leaves *l = arg;
    ate__assert(l->count < l->most); /* sequences ascend, in what a scan finds */
    return ate__chain_leaf_of(l->c, record, &l->to[l->count++]);
}

/* From the records themselves. */
static int make_leaves(struct ate__chain *c, uint64_t first, size_t count, struct ate_hash *ret)
{
    struct leaves l = {c, ret, 0, count};
    int rc = c->storage->v->scan(c->storage, first, first + count,
                                 &(struct ate__scan){NULL, take_leaf, &l});
    return !rc && l.count < count ? ate__fail(ATE_TAMPERED, "view image: the log has gaps") : rc;
}

/* The leaves of the log below the image, as the tiles have them, make the tree of the image; the
 * last one is made of its record. The tiles serve all proofs and bases from now on. */
static int check_tree(struct loading *l)
{
    struct ate__storage *s = l->c->storage;
    struct ate__frontier tree;
    struct ate_hash leaves[ATE__TILE_LEAVES], last;
    size_t count = 0;
    int rc = s->v->tiles_size(s) ? s->v->tiles_truncate(s, 0) : 0;
    ate__frontier_init(&tree);
    for (uint64_t first = 0; !rc && first < l->head.size; first += count) {
        count = (size_t)ate__min(l->head.size - first, ATE__TILE_LEAVES);
        bool stored = count == ATE__TILE_LEAVES && s->v->tiles_stored(s, first, leaves) == 0;
        rc = stored ? 0 : make_leaves(l->c, first, count, leaves);
        for (size_t i = 0; !rc && i < count; i++)
            rc = ate__frontier_append(&tree, &leaves[i]);
        if (!rc)
            rc = s->v->tiles_append(s, leaves, count);
    }
    if (!rc)
        rc = make_leaves(l->c, l->head.size - 1, 1, &last);
    if (rc)
        return rc;
    size_t nodes = (size_t)__builtin_popcountll(l->head.size) * sizeof tree.node[0];
    if (memcmp(tree.node, l->tree.node, nodes) != 0 || !ate__hash_equal(&last, &leaves[count - 1]))
        return ate__fail(ATE_FORKED, "view image: the log has another history");
    return 0;
}

static int load(struct loading *l)
{
    struct ate__chain *c = l->c;
    int rc = check_head(l);
    if (!rc)
        rc = read_meta(l);
    if (!rc)
        rc = take_genesis(c);
    if (!rc)
        rc = read_trust(l);
    if (!rc)
        rc = ate__view_image_read(c->view, l->in, l->head.size);
    if (!rc)
        rc = ate__image_in_end(l->in);
    if (!rc)
        rc = check_tree(l);
    if (rc)
        return rc;
    c->tree = l->tree;
    c->root = l->head.root;
    c->root_time_us = l->root_time_us;
    c->next_sequence = l->head.size;
    atomic_store(&c->believed_from, l->believed_from);
    atomic_store(&c->believed_cut_off, l->cut_off);
    ate__heads_add(c, c->tree.size, &c->root);
    ate__believe_image(c, c->tree.size, &c->root);
    return 0;
}

bool ate__chain_image_load(struct ate__chain *c)
{
    struct loading l = {.c = c};
    struct ate__image *image = c->image;
    if (!image)
        return true;
    size_t count = ate__min(c->conf.image_secret_count, ATE__IMAGE_SECRETS_MAX);
    int rc =
        ate__image_in_new(c->conf.env, image->dir, c->conf.image_secrets, count, &l.head, &l.in);
    if (rc)
        return true; /* nothing was touched */
    rc = load(&l);
    if (!rc) {
        image->size = l.head.size;
        image->generation = l.head.generation;
        image->log_bytes = l.log_bytes;
        image->file_bytes = ate__image_bytes(l.in);
    }
    ate__image_in_free(l.in);
    return !rc;
}
