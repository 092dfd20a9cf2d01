/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * repair.c: a damaged chain becomes the longest beginning of it that verifies.
 */
#include "chain/repair.h"
#include "base/err.h"
#include "base/text.h"
#include "chain/backup.h"
#include "chain/chain_private.h"
#include "chain/signed.h"
#include "redo/import.h"
#include "redo/limits.h"
#include "redo/salvage.h"
#include <stdio.h>

enum {
    CUT_OFFS_MAX = 16,
    NAMES_MAX = 10000,
    LINE = 256,
    FLUSH_BYTES = 256 << 10,
    LOCK_WAIT_MORE_MS = 200
};

struct repairing {
    const struct ate__repair *conf;
    const struct ate__vfs *vfs;
    struct ate__dir *dir, *log; /* the chain's, and its ,chain */
    struct ate__file *lock;     /* of that; NULL: it has none */
    struct ate__chain *c;       /* up to the damage */
    uint64_t cut_off;           /* of lists that are made anew */
    struct ate__repaired out;
    /* what lies behind */
    struct ate__dir *salvage;
    struct ate__file *bodies, *list;
    struct ate__buf body_out, list_out;
    uint64_t bodies_at, list_at;
};

/* ---- what there is ---- */

static int open_storage(struct repairing *x, const char *name, struct ate__storage **ret_storage)
{
    struct ate__storage_conf conf = {
        .dir_name = name, .rebuild_list = true, .rebuild_cut_off = x->cut_off};
    return ate__storage_open_file(x->conf->chain.env, x->dir, ATE__STORAGE_READ, NULL,
                                  ATE__ROLE_ROOT, &conf, ret_storage);
}

static int open_log(struct repairing *x, const char *name, struct ate__chain **ret_chain)
{
    struct ate__storage *storage;
    int rc = open_storage(x, name, &storage);
    return rc ? rc : ate__chain_open(&x->conf->chain, storage, ATE__STORAGE_READ, ret_chain);
}

static int lock(struct repairing *x)
{
    int rc = x->lock ? x->vfs->lock(x->lock, true) : 0;
    return rc == ATE_IN_USE ? ate__context(rc, "somebody has the chain open for writing") : rc;
}

static int open_lock(struct repairing *x)
{
    int rc = x->vfs->open(x->log, "lock", ATE__OPEN_WRITE, &x->lock);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    rc = lock(x);
    if (!rc)
        x->vfs->unlock(x->lock);
    return rc;
}

/* A reader looks closer where nobody has the lock, so that it is taken after the look; and nobody
 * had it in between. */
static int take_lock(struct repairing *x)
{
    struct ate__storage_state before, now;
    struct ate__storage *storage;
    int rc = lock(x);
    if (!rc)
        rc = open_storage(x, NULL, &storage);
    if (rc)
        return rc;
    storage->v->state(storage, &now);
    storage->v->close(storage);
    x->c->storage->v->state(x->c->storage, &before);
    return now.revision == before.revision && now.size <= before.size
               ? 0
               : ate__fail(ATE_IN_USE, "somebody wrote to the chain just now");
}

/* ---- where it was cut off ---- */

struct cut_offs {
    struct repairing *x;
    uint64_t sizes[CUT_OFFS_MAX]; /* descending */
    size_t count;
};

static void note_size(struct cut_offs *k, uint64_t size)
{
    size_t at = 0;
    while (at < k->count && k->sizes[at] > size)
        at++;
    if (at == CUT_OFFS_MAX || (at < k->count && k->sizes[at] == size))
        return;
    size_t behind = ate__min(k->count, CUT_OFFS_MAX - 1) - at;
    memmove(&k->sizes[at + 1], &k->sizes[at], behind * sizeof *k->sizes);
    k->sizes[at] = size;
    k->count = at + 1 + behind;
}

static int each_snapshot(void *arg, const struct ate__salvaged *record)
{
    struct cut_offs *k = arg;
    struct ate__tx tx;
    int rc = ate__tx_decode(record->body, ate__trust_alg(k->x->c->trust), &tx);
    if (rc)
        return rc < 0 ? rc : 0;
    for (uint32_t i = 0; i < tx.event_count; i++)
        if (tx.events[i].form != ATE__DROPPED && tx.events[i].kind == ATE__EVENT_SNAPSHOT)
            note_size(k, tx.events[i].header.snapshot.size);
    ate__tx_deinit(&tx);
    return 0;
}

static int pass_unreadable(void *arg, const char *file)
{
    (void)arg;
    (void)file;
    return 0;
}

/* The same log as far as a certificate of that size makes it believed, if that is further. */
static int open_cut_off(struct repairing *x, uint64_t cut_off)
{
    struct ate__chain *c;
    uint64_t before = x->cut_off;
    x->cut_off = cut_off;
    int rc = open_log(x, NULL, &c);
    if (!rc && c->tree.size > x->c->tree.size) {
        ate__chain_close(x->c);
        x->c = c;
        return 0;
    }
    x->cut_off = before;
    if (!rc)
        ate__chain_close(c);
    return rc < 0 ? rc : 0;
}

/* The lists said it, and both are lost; what certifies that something is missing says it too. */
static int find_cut_off(struct repairing *x)
{
    struct cut_offs k = {.x = x};
    struct ate__pair pair;
    int rc = x->c->trust ? ate__pair_read(x->vfs, x->log, &pair) : 0;
    if (!rc && x->c->trust)
        ate__pair_deinit(&pair);
    if (rc != ATE_TAMPERED || x->c->damage.what == ATE_OK)
        return rc < 0 ? rc : 0;
    rc = ate__salvage_scan(x->vfs, x->log, each_snapshot, pass_unreadable, &k);
    for (size_t i = 0; i < k.count && !rc; i++)
        rc = k.sizes[i] > x->c->tree.size ? open_cut_off(x, k.sizes[i]) : 0;
    return rc;
}

/* What the certificate of a compaction stands for is there as a whole, or not at all. */
static int open_damaged(struct repairing *x)
{
    char text[ATE__ERROR_SIZE];
    int rc = open_log(x, NULL, &x->c);
    if (rc != ATE_TAMPERED && rc != ATE_OMITTED)
        return rc;
    snprintf(text, sizeof text, "%s", ate__error_text());
    return ate__fail(rc,
                     "%s; nothing beside it can be believed without it, and nothing was changed: "
                     "move it aside, and put a backup or a mirror in its place (ate restore)",
                     text);
}

static int look_at_chain(struct repairing *x)
{
    struct ate__storage_state state;
    int rc = open_damaged(x);
    if (!rc)
        rc = find_cut_off(x);
    if (!rc && !x->c->trust)
        rc = ate__fail(ATE_TAMPERED, "not even its first transaction can be read: only a backup "
                                     "brings it back");
    if (!rc && x->conf->anchor)
        rc = x->conf->anchor(x->conf->arg, x->c->trust);
    if (rc)
        return rc;
    x->c->storage->v->state(x->c->storage, &state);
    x->out.damage = x->c->damage;
    x->out.chain_id = state.chain_id;
    ate__chain_head(x->c, &x->out.size, &x->out.root);
    x->out.known = ate__max(ate__max(state.size, state.floor), x->out.size);
    return 0;
}

/* ---- behind the hole ---- */

static int flush(struct repairing *x, struct ate__file *file, struct ate__buf *buf, uint64_t *at)
{
    int rc = x->vfs->write(file, *at, buf->data, buf->size);
    *at += buf->size;
    ate__buf_clear(buf);
    return rc;
}

static int write_behind(struct repairing *x, const struct ate__salvaged *record,
                        const struct ate__tx *tx, bool is_signed)
{
    char line[LINE], hash[ATE__HASH_TEXT];
    int size = snprintf(line, sizeof line, "%llu %llu %zu %s %s %s %llu\n",
                        (unsigned long long)record->sequence,
                        (unsigned long long)(x->bodies_at + x->body_out.size), record->body.size,
                        ate__hash_text(&tx->hash, hash), is_signed ? "signed" : "unknown",
                        record->file, (unsigned long long)record->offset);
    int rc = ate__buf_append(&x->body_out, record->body);
    if (!rc)
        rc = ate__buf_append(&x->list_out, ate__bytes(line, (size_t)size));
    if (!rc && x->body_out.size >= FLUSH_BYTES)
        rc = flush(x, x->bodies, &x->body_out, &x->bodies_at);
    if (!rc && x->list_out.size >= FLUSH_BYTES)
        rc = flush(x, x->list, &x->list_out, &x->list_at);
    return rc;
}

static int each_salvaged(void *arg, const struct ate__salvaged *record)
{
    struct repairing *x = arg;
    struct ate__tx tx;
    if (record->sequence >= x->out.known && record->sequence < INT64_MAX)
        x->out.known = record->sequence + 1;
    if (record->sequence < x->out.size)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(x->c->trust), &tx);
    if (rc)
        return rc < 0 ? rc : 0; /* not whole, though its checksums hold */
    rc = ate__trust_verify(x->c->trust, &tx);
    if (rc >= 0) {
        x->out.behind++;
        rc = x->bodies ? write_behind(x, record, &tx, rc == 0) : 0;
    }
    ate__tx_deinit(&tx);
    return rc;
}

static int each_unreadable(void *arg, const char *file)
{
    (void)file;
    ((struct repairing *)arg)->out.unreadable++;
    return 0;
}

static int scan(struct repairing *x)
{
    x->out.behind = x->out.unreadable = 0;
    return ate__salvage_scan(x->vfs, x->log, each_salvaged, each_unreadable, x);
}

/* ---- names ---- */

static int is_there(struct repairing *x, const char *name, bool *ret_there)
{
    struct ate__dir *dir = NULL;
    int rc = x->vfs->open_dir(x->dir, name, false, &dir);
    x->vfs->close_dir(dir);
    *ret_there = rc == 0;
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

/* The first number that neither has. */
static int choose_names(struct repairing *x)
{
    bool there = true;
    int rc = 0;
    for (unsigned n = 1; n < NAMES_MAX && there && !rc; n++) {
        bool salvage_there = false;
        snprintf(x->out.damaged, sizeof x->out.damaged, ",damaged-%u", n);
        snprintf(x->out.salvage, sizeof x->out.salvage, ",salvage-%u", n);
        rc = is_there(x, x->out.damaged, &there);
        if (!rc)
            rc = is_there(x, x->out.salvage, &salvage_there);
        there |= salvage_there;
    }
    return !rc && there ? ate__fail(ATE_TOO_BIG, "too many repairs lie there already") : rc;
}

/* ---- what an earlier repair left ---- */

#define SALVAGING ",salvaging" /* and `-N`: what becomes `,salvage-N` */
enum { NUMBER = 16 };

static int rename_in(struct repairing *x, const char *from, const char *to)
{
    int rc = x->vfs->rename(x->dir, from, to);
    if (rc)
        return rc > 0 ? ate__context(ATE_E_SYSTEM, "%s", from) : rc;
    return x->vfs->sync_dir(x->dir);
}

/* Beside its `,damaged-N` it is whole; else its repair never came that far. */
static int end_one(struct repairing *x, const char *number)
{
    char name[ATE__REPAIR_NAME], damaged[ATE__REPAIR_NAME], salvage[ATE__REPAIR_NAME];
    bool there = false;
    snprintf(name, sizeof name, SALVAGING "-%.*s", NUMBER, number);
    snprintf(damaged, sizeof damaged, ",damaged-%.*s", NUMBER, number);
    snprintf(salvage, sizeof salvage, ",salvage-%.*s", NUMBER, number);
    int rc = is_there(x, damaged, &there);
    if (rc)
        return rc;
    return there ? rename_in(x, name, salvage) : ate__import_remove(x->vfs, x->dir, name);
}

static int find_salvaging(void *arg, const char *name)
{
    static const char start[] = SALVAGING "-";
    size_t size = strlen(name);
    if (size < sizeof start || size >= sizeof start - 1 + NUMBER ||
        strncmp(name, start, sizeof start - 1))
        return 0;
    memcpy(arg, name + sizeof start - 1, size - (sizeof start - 1) + 1);
    return ATE_END;
}

static int end_salvages(struct repairing *x)
{
    for (;;) {
        char number[NUMBER];
        int rc = x->vfs->list(x->dir, find_salvaging, number);
        rc = rc == ATE_END ? end_one(x, number) : rc ? rc : ATE_NOT_FOUND;
        if (rc)
            return rc == ATE_NOT_FOUND ? 0 : rc;
    }
}

/* ---- steps ---- */

struct clearing {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
};

static int remove_file(void *arg, const char *name)
{
    struct clearing *c = arg;
    int rc = c->vfs->remove(c->dir, name);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

/* What an earlier repair left of another beginning. */
static int clear_repaired(struct repairing *x)
{
    struct clearing c = {.vfs = x->vfs};
    int rc = x->vfs->open_dir(x->dir, ATE__REPAIRED_NAME, false, &c.dir);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    rc = x->vfs->list(c.dir, remove_file, &c);
    if (!rc)
        rc = x->vfs->sync_dir(c.dir);
    x->vfs->close_dir(c.dir);
    return rc;
}

static int check_repaired(struct repairing *x)
{
    struct ate__chain *c;
    struct ate_hash root;
    uint64_t size;
    int rc = open_log(x, ATE__REPAIRED_NAME, &c);
    if (rc)
        return ate__context(rc, "what was repaired");
    ate__chain_head(c, &size, &root);
    if (c->damage.what != ATE_OK || size != x->out.size || !ate__hash_equal(&root, &x->out.root))
        rc = ate__fail(ATE_TAMPERED, "what was repaired ends at transaction %llu of %llu: %s",
                       (unsigned long long)size, (unsigned long long)x->out.size, c->damage.text);
    ate__chain_close(c);
    return rc;
}

/* Else what is lost of what was signed could be signed otherwise. */
static int keep_signed(struct repairing *x)
{
    struct ate__dir *to;
    int rc = x->vfs->open_dir(x->dir, ATE__REPAIRED_NAME, false, &to);
    if (rc)
        return rc > 0 ? ate__context(ATE_E_SYSTEM, "%s", ATE__REPAIRED_NAME) : rc;
    rc = ate__chain_signed_keep(x->vfs, x->log, to);
    x->vfs->close_dir(to);
    return rc;
}

static int make_repaired(struct repairing *x)
{
    const struct ate__chain_copy copy = {
        .size = x->out.size,
        .dir_name = ATE__REPAIRED_NAME,
        .damaged = true,
        .progress = x->conf->progress,
        .progress_arg = x->conf->arg,
    };
    struct ate__chain_copied done;
    int rc = clear_repaired(x);
    if (!rc)
        rc = ate__chain_copy(x->c, x->dir, &copy, &done);
    if (!rc)
        rc = keep_signed(x);
    return rc ? rc : check_repaired(x);
}

static int end_file(struct repairing *x, struct ate__file *file, struct ate__buf *buf, uint64_t *at)
{
    int rc = flush(x, file, buf, at);
    return rc ? rc : x->vfs->sync(file);
}

static int make_salvage(struct repairing *x)
{
    static const char head[] =
        "# transactions behind the damage, each whole by itself, none of them believed\n"
        "# sequence, offset and size in `transactions`, hash, signed by keys that are known, "
        "file and offset where it was\n";
    if (!x->out.behind) {
        x->out.salvage[0] = 0;
        return 0;
    }
    const unsigned flags = ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_PRIVATE;
    char name[ATE__REPAIR_NAME];
    snprintf(name, sizeof name, SALVAGING "-%.*s", NUMBER, x->out.salvage + strlen(",salvage-"));
    int rc = x->vfs->open_dir(x->dir, name, true, &x->salvage);
    if (!rc)
        rc = x->vfs->open(x->salvage, "transactions", flags, &x->bodies);
    if (!rc)
        rc = x->vfs->open(x->salvage, "list", flags, &x->list);
    if (!rc)
        rc = ate__buf_append(&x->list_out, ate__bytes(head, sizeof head - 1));
    if (!rc)
        rc = scan(x);
    if (!rc)
        rc = end_file(x, x->bodies, &x->body_out, &x->bodies_at);
    if (!rc)
        rc = end_file(x, x->list, &x->list_out, &x->list_at);
    return rc ? rc : x->vfs->sync_dir(x->salvage);
}

static int sync_file(void *arg, const char *name)
{
    struct repairing *x = arg;
    struct ate__file *file = NULL;
    int rc = x->vfs->open(x->log, name, ATE__OPEN_READ, &file);
    if (rc)
        return rc == ATE_NOT_FOUND || rc == ATE_E_SYSTEM ? 0 : rc; /* a directory */
    rc = x->vfs->sync(file);
    x->vfs->close(file);
    return rc;
}

/* The readers that have it open go on in the files that they have. */
static int put_in_place(struct repairing *x)
{
    int rc = x->vfs->list(x->log, sync_file, x);
    if (!rc)
        rc = x->vfs->sync_dir(x->log);
    if (!rc)
        rc = rename_in(x, ATE__CHAIN_NAME, x->out.damaged);
    if (!rc)
        rc = end_salvages(x);
    if (!rc)
        rc = rename_in(x, ATE__REPAIRED_NAME, ATE__CHAIN_NAME);
    if (!rc && x->lock)
        ate__sleep_ms(x->conf->chain.env, ATE__LOCK_WAIT_MS + LOCK_WAIT_MORE_MS);
    return rc;
}

static int repair(struct repairing *x)
{
    int rc = open_lock(x);
    if (!rc)
        rc = look_at_chain(x);
    if (!rc)
        rc = take_lock(x);
    if (!rc && x->conf->change)
        rc = end_salvages(x);
    if (!rc && x->out.damage.what == ATE_OK)
        return x->conf->whole ? x->conf->whole(x->conf->arg, x->c) : 0;
    if (!rc)
        rc = scan(x);
    if (rc || !x->conf->change)
        return rc;
    rc = choose_names(x);
    if (!rc)
        rc = make_repaired(x);
    if (!rc)
        rc = make_salvage(x);
    return rc ? rc : put_in_place(x);
}

/* An earlier repair ended between its two renames. */
static int resume(struct repairing *x)
{
    bool there = false;
    int rc = is_there(x, ATE__REPAIRED_NAME, &there);
    if (rc || !there)
        return rc ? rc : ate__fail(ATE_NOT_FOUND, "no chain lies there");
    x->out.resumed = true;
    x->out.damage.what = ATE_TAMPERED;
    snprintf(x->out.damage.text, sizeof x->out.damage.text, "a repair was cut short");
    if (!x->conf->change)
        return 0;
    rc = end_salvages(x);
    return rc ? rc : rename_in(x, ATE__REPAIRED_NAME, ATE__CHAIN_NAME);
}

int ate__chain_repair(const struct ate__repair *conf, struct ate__dir *dir,
                      struct ate__repaired *ret_repaired)
{
    struct repairing x = {.conf = conf, .vfs = conf->chain.env->vfs, .dir = dir};
    int rc = x.vfs->open_dir(dir, ATE__CHAIN_NAME, false, &x.log);
    rc = rc == ATE_NOT_FOUND ? resume(&x) : rc ? rc : repair(&x);
    ate__chain_close(x.c);
    x.vfs->close(x.bodies);
    x.vfs->close(x.list);
    x.vfs->close_dir(x.salvage);
    ate__buf_deinit(&x.body_out);
    ate__buf_deinit(&x.list_out);
    x.vfs->close(x.lock);
    x.vfs->close_dir(x.log);
    if (!rc)
        *ret_repaired = x.out;
    return rc;
}
