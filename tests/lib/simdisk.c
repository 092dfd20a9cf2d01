/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simdisk.c: a disk in memory: its life, and the calls of the process under test.
 */
#include "lib/simdisk.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/simdisk_impl.h"
#include <errno.h>
#include <stdlib.h>

struct ate__dir {
    struct simdisk *disk;
    size_t node;
    char *path; /* for sentences */
};
struct ate__file {
    struct simdisk *disk;
    size_t node;
    char *path;
    bool writable, locked, shared;
};

static const uint64_t size_max = UINT64_C(1) << 36; /* bytes of one file */

static const char *const kind_names[KINDS] = {"create", "write",  "truncate", "sync",
                                              "sync",   "rename", "remove",   "open",
                                              "read",   "stat",   "list",     "lock"};

/* --- nodes; the mutex is held --- */

size_t simdisk_add(struct simdisk *d, size_t parent, const char *name, bool is_dir)
{
    struct node *node = sim_alloc(sizeof *node);
    node->is_dir = is_dir;
    node->parent = parent;
    d->nodes = sim_grow(d->nodes, d->node_count, &d->node_capacity, sizeof *d->nodes);
    d->nodes[d->node_count] = node;
    if (name)
        simdir_change(&d->nodes[parent]->dir, NULL, name, d->node_count);
    return d->node_count++;
}

static void node_free(struct node *node)
{
    if (!node)
        return;
    simfile_deinit(&node->file);
    simdir_deinit(&node->dir);
    free(node);
}

void simdisk_drop(struct simdisk *d, size_t index)
{
    struct node *node = d->nodes[index];
    if (!node || index == ROOT || node->handles ||
        (d->nodes[node->parent] && simdir_holds(&d->nodes[node->parent]->dir, index)))
        return;
    d->nodes[index] = NULL;
    if (node->is_dir)
        for (size_t i = 0; i < d->node_count; i++)
            if (d->nodes[i] && d->nodes[i]->parent == index)
                simdisk_drop(d, i);
    node_free(node);
}

/* After a change in the directory: what it had and nothing else has. */
static void drop_children(struct simdisk *d, size_t parent)
{
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i] && i != ROOT && d->nodes[i]->parent == parent)
            simdisk_drop(d, i);
}

uint64_t simdisk_pages(const struct simdisk *d)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        const struct node *node = d->nodes[i];
        if (!node || !node->file.used)
            continue;
        const struct node *parent = d->nodes[node->parent];
        if (node->handles || (parent && simdir_shows(&parent->dir, i)))
            pages += node->file.used;
    }
    return pages;
}

/* --- calls and their faults --- */

/* One call of the process, from begin() to end(); the mutex is held in between. */
struct call {
    struct simdisk *disk;
    unsigned kind;
    const char *path, *name; /* name: NULL or of an entry in path */
    int injected;            /* the result of a planned fault */
    bool stopped;
};

static unsigned bit_of(unsigned kind)
{
    return (unsigned)__builtin_ctz(kind);
}

static int fail_call(const struct call *c, int result, const char *why)
{
    char shown[256];
    if (!c->name)
        return ate__fail(result, "%s %s: %s", kind_names[bit_of(c->kind)], c->path, why);
    ate__escaped(ate__text_bytes(c->name), shown, sizeof shown);
    return ate__fail(result, "%s %s%s%s: %s", kind_names[bit_of(c->kind)], c->path,
                     c->path[1] ? "/" : "", shown, why);
}

static bool is_fault(struct simdisk *d, unsigned kind)
{
    if (!d->fail_at || !(d->fail_kinds & kind))
        return false;
    d->fail_seen++;
    return d->fail_seen >= d->fail_at && d->fail_seen - d->fail_at < d->fail_count;
}

/* Not 0: the call fails with it. end() comes in any case. */
static int begin_locked(struct call *c)
{
    struct simdisk *d = c->disk;
    if (d->stopped) {
        c->stopped = true;
        return fail_call(c, ATE_E_IO, "the machine has stopped");
    }
    d->counts[bit_of(c->kind)]++;
    d->mutations += (c->kind & SIMDISK_MUTATING) != 0;
    if (!is_fault(d, c->kind))
        return 0;
    d->failed = true;
    c->injected = d->fail_result;
    return fail_call(c, c->injected, "a planned fault");
}

static int begin(struct call *c)
{
    pthread_mutex_lock(&c->disk->mutex);
    return begin_locked(c);
}

static int end(const struct call *c, int rc)
{
    struct simdisk *d = c->disk;
    uint64_t number = d->mutations;
    void (*watch)(void *arg, uint64_t number) = d->watch;
    void *watch_arg = d->watch_arg;
    bool mutating = (c->kind & SIMDISK_MUTATING) && !c->stopped;
    if (mutating && d->stop_planned && !--d->stop_left)
        d->stopped = true;
    if (mutating && d->trace)
        fprintf(stderr, "simdisk %p: %llu: %s %s %s: %d\n", (void *)d, (unsigned long long)number,
                kind_names[bit_of(c->kind)], c->path, c->name ? c->name : "", rc);
    pthread_mutex_unlock(&d->mutex);
    if (mutating && watch) {
        char sentence[ATE__ERROR_SIZE];
        snprintf(sentence, sizeof sentence, "%s", ate__error_text());
        watch(watch_arg, number);
        ate__error_set(sentence);
    }
    return rc;
}

static bool is_name(const char *name)
{
    return name[0] && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

static int check_name(const struct call *c, const char *name)
{
    return is_name(name) ? 0 : fail_call(c, ATE_E_SYSTEM, "Invalid argument");
}

static char *join(const char *path, const char *name)
{
    char shown[256];
    struct ate_bytes bytes = ate__text_bytes(name);
    const char *text = ate__escaped(bytes, shown, sizeof shown);
    size_t size = strlen(path) + strlen(text) + 2;
    char *joined = sim_alloc(size);
    snprintf(joined, size, "%s%s%s", path, path[1] ? "/" : "", text);
    return joined;
}

/* --- directories --- */

static struct ate__dir *new_dir(struct simdisk *d, size_t node, char *take_path)
{
    struct ate__dir *dir = sim_alloc(sizeof *dir);
    *dir = (struct ate__dir){d, node, take_path};
    d->nodes[node]->handles++;
    d->handles++;
    return dir;
}

static int sim_open_root(void *user, const char *path, struct ate__dir **ret_dir)
{
    struct call c = {.disk = user, .kind = SIMDISK_OPEN, .path = path};
    struct simdisk *d = c.disk;
    int rc = begin(&c);
    if (!rc && !path[0])
        rc = fail_call(&c, ATE_E_SYSTEM, "the path is empty");
    size_t node = ROOT;
    char *shown = sim_text("/"), *parts = sim_text(path), *rest = NULL;
    for (char *part = strtok_r(parts, "/", &rest); part && !rc; part = strtok_r(NULL, "/", &rest)) {
        if (!strcmp(part, "."))
            continue;
        node = simdir_find(&d->nodes[node]->dir, part);
        if (node == (size_t)NO_NODE) {
            rc = fail_call(&c, ATE_NOT_FOUND, "no such directory");
        } else if (!d->nodes[node]->is_dir) {
            rc = fail_call(&c, ATE_E_SYSTEM, "Not a directory");
        } else {
            char *longer = join(shown, part);
            free(shown);
            shown = longer;
        }
    }
    free(parts);
    if (rc)
        free(shown);
    else
        *ret_dir = new_dir(d, node, shown);
    return end(&c, rc);
}

static int sim_sync_dir(struct ate__dir *dir)
{
    struct call c = {.disk = dir->disk, .kind = SIMDISK_SYNC_DIR, .path = dir->path};
    int rc = begin(&c);
    if (!rc) {
        simdir_sync(&c.disk->nodes[dir->node]->dir);
        drop_children(c.disk, dir->node);
    }
    return end(&c, rc);
}

/* The first part of open_dir() with create: the name alone. */
static int make_dir(struct ate__dir *parent, const char *name)
{
    struct call c = {parent->disk, SIMDISK_CREATE, parent->path, name, 0, false};
    pthread_mutex_lock(&c.disk->mutex);
    if (simdir_find(&c.disk->nodes[parent->node]->dir, name) != (size_t)NO_NODE) {
        pthread_mutex_unlock(&c.disk->mutex);
        return 0;
    }
    int rc = begin_locked(&c);
    if (!rc)
        rc = check_name(&c, name);
    if (!rc)
        simdisk_add(c.disk, parent->node, name, true);
    return end(&c, rc);
}

static int sim_open_dir(struct ate__dir *parent, const char *name, bool create,
                        struct ate__dir **ret_dir)
{
    int rc = create ? make_dir(parent, name) : 0;
    if (!rc && create)
        rc = sim_sync_dir(parent);
    if (rc)
        return rc;
    struct call c = {parent->disk, SIMDISK_OPEN, parent->path, name, 0, false};
    rc = begin(&c);
    if (!rc)
        rc = check_name(&c, name);
    size_t node = rc ? (size_t)NO_NODE : simdir_find(&c.disk->nodes[parent->node]->dir, name);
    if (!rc && node == (size_t)NO_NODE)
        rc = fail_call(&c, ATE_NOT_FOUND, "no such directory");
    if (!rc && !c.disk->nodes[node]->is_dir)
        rc = fail_call(&c, ATE_E_SYSTEM, "not a directory (links are not followed)");
    if (!rc)
        *ret_dir = new_dir(c.disk, node, join(parent->path, name));
    return end(&c, rc);
}

static void sim_close_dir(struct ate__dir *dir)
{
    if (!dir)
        return;
    struct simdisk *d = dir->disk;
    pthread_mutex_lock(&d->mutex);
    d->handles--;
    d->nodes[dir->node]->handles--;
    simdisk_drop(d, dir->node);
    pthread_mutex_unlock(&d->mutex);
    free(dir->path);
    free(dir);
}

static int sim_list(struct ate__dir *dir, int (*each)(void *arg, const char *name), void *arg)
{
    struct call c = {.disk = dir->disk, .kind = SIMDISK_LIST, .path = dir->path};
    struct simdir names = {0};
    int rc = begin(&c);
    size_t count = 0, first = 0;
    if (!rc) {
        simdir_clone(&names, &c.disk->nodes[dir->node]->dir);
        count = names.live.count;
        first = count ? (size_t)rnd_below(&c.disk->rnd, count) : 0;
    }
    rc = end(&c, rc);
    /* Nobody may count on an order. */
    for (size_t i = 0; i < count && !rc; i++)
        rc = each(arg, names.live.items[(first + i) % count].name);
    simdir_deinit(&names);
    return rc;
}

/* Whether `to` may be replaced by the node, as rename(2) has it. */
static int check_replace(const struct call *c, const struct node *node, const struct node *target)
{
    if (!target)
        return 0;
    if (target->is_dir && !node->is_dir)
        return fail_call(c, ATE_E_SYSTEM, "Is a directory");
    if (!target->is_dir && node->is_dir)
        return fail_call(c, ATE_E_SYSTEM, "Not a directory");
    if (target->dir.live.count)
        return fail_call(c, ATE_E_SYSTEM, "Directory not empty");
    return 0;
}

static int sim_rename(struct ate__dir *dir, const char *from, const char *to)
{
    struct call c = {dir->disk, SIMDISK_RENAME, dir->path, from, 0, false};
    struct simdisk *d = c.disk;
    int rc = begin(&c);
    if (!rc)
        rc = check_name(&c, from);
    if (!rc)
        rc = check_name(&c, to);
    if (!rc) {
        struct simdir *names = &d->nodes[dir->node]->dir;
        size_t node = simdir_find(names, from), target = simdir_find(names, to);
        if (node == (size_t)NO_NODE)
            rc = fail_call(&c, ATE_NOT_FOUND, "No such file or directory");
        else if (node != target)
            rc = check_replace(&c, d->nodes[node],
                               target == (size_t)NO_NODE ? NULL : d->nodes[target]);
        if (!rc && node != target) {
            simdir_change(names, from, to, node);
            if (target != (size_t)NO_NODE)
                simdisk_drop(d, target);
        }
    }
    return end(&c, rc);
}

static int sim_remove(struct ate__dir *dir, const char *name)
{
    struct call c = {dir->disk, SIMDISK_REMOVE, dir->path, name, 0, false};
    struct simdisk *d = c.disk;
    int rc = begin(&c);
    if (!rc)
        rc = check_name(&c, name);
    if (!rc) {
        struct simdir *names = &d->nodes[dir->node]->dir;
        size_t node = simdir_find(names, name);
        if (node == (size_t)NO_NODE)
            rc = fail_call(&c, ATE_NOT_FOUND, "No such file or directory");
        else if (d->nodes[node]->dir.live.count)
            rc = fail_call(&c, ATE_E_SYSTEM, "Directory not empty");
        if (!rc) {
            simdir_change(names, name, NULL, node);
            simdisk_drop(d, node);
        }
    }
    return end(&c, rc);
}

static bool sim_copy_on_write(struct ate__dir *dir)
{
    pthread_mutex_lock(&dir->disk->mutex);
    bool truth = dir->disk->copy_on_write;
    pthread_mutex_unlock(&dir->disk->mutex);
    return truth;
}

static uint64_t sim_room(struct ate__dir *dir)
{
    struct simdisk *d = dir->disk;
    pthread_mutex_lock(&d->mutex);
    uint64_t used = d->limit_pages == UINT64_MAX ? 0 : simdisk_pages(d);
    uint64_t pages = d->limit_pages > used ? d->limit_pages - used : 0;
    pthread_mutex_unlock(&d->mutex);
    return d->limit_pages == UINT64_MAX ? UINT64_MAX : pages * SIM_PAGE;
}

/* --- files --- */

static int sim_open(struct ate__dir *dir, const char *name, unsigned flags,
                    struct ate__file **ret_file)
{
    struct call c = {dir->disk, SIMDISK_OPEN, dir->path, name, 0, false};
    struct simdisk *d = c.disk;
    pthread_mutex_lock(&d->mutex);
    size_t node = simdir_find(&d->nodes[dir->node]->dir, name);
    if (node == (size_t)NO_NODE && flags & ATE__OPEN_CREATE && is_name(name))
        c.kind = SIMDISK_CREATE;
    int rc = begin_locked(&c);
    if (!rc)
        rc = check_name(&c, name);
    if (!rc && c.kind == SIMDISK_CREATE) {
        node = simdisk_add(d, dir->node, name, false);
    } else if (!rc && node == (size_t)NO_NODE) {
        rc = fail_call(&c, ATE_NOT_FOUND, "no such file");
    } else if (!rc && flags & ATE__OPEN_CREATE && flags & ATE__OPEN_EXCLUSIVE) {
        rc = fail_call(&c, ATE_EXISTS, "it exists already");
    } else if (!rc && d->nodes[node]->is_dir) {
        rc = fail_call(&c, ATE_E_SYSTEM, "not a regular file");
    }
    if (!rc) {
        struct ate__file *file = sim_alloc(sizeof *file);
        *file = (struct ate__file){.disk = d,
                                   .node = node,
                                   .path = join(dir->path, name),
                                   .writable = flags & ATE__OPEN_WRITE};
        d->nodes[node]->handles++;
        d->handles++;
        *ret_file = file;
    }
    return end(&c, rc);
}

static void let_go(struct ate__file *file)
{
    struct node *node = file->disk->nodes[file->node];
    if (file->locked)
        node->locked = false;
    if (file->shared)
        node->shared--;
    file->locked = file->shared = false;
}

static void sim_close(struct ate__file *file)
{
    if (!file)
        return;
    struct simdisk *d = file->disk;
    pthread_mutex_lock(&d->mutex);
    let_go(file);
    d->handles--;
    d->nodes[file->node]->handles--;
    simdisk_drop(d, file->node);
    pthread_mutex_unlock(&d->mutex);
    free(file->path);
    free(file);
}

static int sim_read(struct ate__file *file, uint64_t offset, void *to, size_t size,
                    size_t *ret_size)
{
    struct call c = {.disk = file->disk, .kind = SIMDISK_READ, .path = file->path};
    int rc = begin(&c);
    if (!rc)
        *ret_size = simfile_read(&c.disk->nodes[file->node]->file, offset, to, size);
    return end(&c, rc);
}

static int sim_write(struct ate__file *file, uint64_t offset, const void *from, size_t size)
{
    struct call c = {.disk = file->disk, .kind = SIMDISK_WRITE, .path = file->path};
    struct simdisk *d = c.disk;
    int rc = begin(&c);
    if (!rc && size && !file->writable)
        rc = fail_call(&c, ATE_E_SYSTEM, "Bad file descriptor");
    if (!rc && size && (offset > size_max || size > size_max - offset))
        rc = fail_call(&c, ATE_E_SYSTEM, "File too large");
    if (!rc || c.injected) {
        if (c.injected)
            size = (size_t)rnd_below(&d->rnd, (uint64_t)size + 1);
        struct simfile *f = &d->nodes[file->node]->file;
        uint64_t used = d->limit_pages == UINT64_MAX ? 0 : simdisk_pages(d);
        uint64_t room = d->limit_pages > used ? d->limit_pages - used : 0;
        size_t done = simfile_write(f, offset, from, size, room);
        if (!rc && done < size)
            rc = fail_call(&c, ATE_E_NO_SPACE, "No space left on device");
    }
    return end(&c, rc);
}

static int sim_sync(struct ate__file *file)
{
    struct call c = {.disk = file->disk, .kind = SIMDISK_SYNC, .path = file->path};
    struct simdisk *d = c.disk;
    int rc = begin(&c);
    struct simfile *f = &d->nodes[file->node]->file;
    if (!rc)
        simfile_sync(f);
    else if (c.injected)
        simfile_sync_failed(f, &d->rnd);
    return end(&c, rc);
}

static int sim_truncate(struct ate__file *file, uint64_t size)
{
    struct call c = {.disk = file->disk, .kind = SIMDISK_TRUNCATE, .path = file->path};
    struct simdisk *d = c.disk;
    int rc = begin(&c);
    if (!rc && !file->writable)
        rc = fail_call(&c, ATE_E_SYSTEM, "Invalid argument");
    if (!rc && size > size_max)
        rc = fail_call(&c, ATE_E_SYSTEM, "File too large");
    if (!rc)
        simfile_truncate(&d->nodes[file->node]->file, size);
    return end(&c, rc);
}

static int sim_stat(struct ate__file *file, struct ate__stat *ret_stat)
{
    struct call c = {.disk = file->disk, .kind = SIMDISK_STAT, .path = file->path};
    int rc = begin(&c);
    if (!rc)
        *ret_stat = (struct ate__stat){.size = c.disk->nodes[file->node]->file.size,
                                       .device = 1,
                                       .inode = file->node + 1,
                                       .is_file = true};
    return end(&c, rc);
}

static int sim_lock(struct ate__file *file, bool exclusive)
{
    struct call c = {.disk = file->disk, .kind = SIMDISK_LOCK, .path = file->path};
    int rc = begin(&c);
    struct node *node = c.disk->nodes[file->node];
    if (!rc && ((node->locked && !file->locked) || (exclusive && node->shared > file->shared)))
        rc = fail_call(&c, ATE_IN_USE, "somebody else has it open");
    if (!rc) {
        let_go(file);
        file->locked = exclusive;
        file->shared = !exclusive;
        node->locked = exclusive;
        node->shared += !exclusive;
    }
    return end(&c, rc);
}

static void sim_unlock(struct ate__file *file)
{
    pthread_mutex_lock(&file->disk->mutex);
    let_go(file);
    pthread_mutex_unlock(&file->disk->mutex);
}

/* --- life --- */

static struct simdisk *new_disk(uint64_t seed)
{
    struct simdisk *d = sim_alloc(sizeof *d);
    d->vfs = (struct ate__vfs){
        .user = d,
        .open_root = sim_open_root,
        .open_dir = sim_open_dir,
        .close_dir = sim_close_dir,
        .sync_dir = sim_sync_dir,
        .list = sim_list,
        .open = sim_open,
        .close = sim_close,
        .read = sim_read,
        .write = sim_write,
        .sync = sim_sync,
        .truncate = sim_truncate,
        .stat = sim_stat,
        .lock = sim_lock,
        .unlock = sim_unlock,
        .rename = sim_rename,
        .remove = sim_remove,
        .copy_on_write = sim_copy_on_write,
        .room = sim_room,
    };
    pthread_mutex_init(&d->mutex, NULL);
    d->rnd = rnd_of(seed);
    d->limit_pages = UINT64_MAX;
    d->trace = getenv("ATE_SIMDISK_TRACE") != NULL;
    return d;
}

struct simdisk *simdisk_new(uint64_t seed)
{
    struct simdisk *d = new_disk(seed);
    simdisk_add(d, ROOT, NULL, true);
    return d;
}

void simdisk_free(struct simdisk *d)
{
    if (!d)
        return;
    size_t handles = d->handles;
    for (size_t i = 0; i < d->node_count; i++)
        node_free(d->nodes[i]);
    free(d->nodes);
    pthread_mutex_destroy(&d->mutex);
    free(d);
    if (handles)
        fail_msg("simdisk: %zu handles were not closed", handles);
}

const struct ate__vfs *simdisk_vfs(struct simdisk *d)
{
    return &d->vfs;
}

/* r NULL: nothing is lost. The mutex of `from` is held. */
static void copy_node(struct simdisk *to, const struct simdisk *from, size_t index, struct rnd *r)
{
    const struct node *old = from->nodes[index];
    struct node *node = sim_alloc(sizeof *node);
    node->is_dir = old->is_dir;
    node->parent = old->parent;
    to->nodes[index] = node;
    if (!old->is_dir && r)
        simfile_crash(&node->file, &old->file, r);
    else if (!old->is_dir)
        simfile_clone(&node->file, &old->file);
    else if (r)
        simdir_crash(&node->dir, &old->dir, r);
    else
        simdir_clone(&node->dir, &old->dir);
    for (size_t i = 0; r && i < node->dir.live.count; i++)
        copy_node(to, from, node->dir.live.items[i].node, r);
}

static struct simdisk *copy_disk(struct simdisk *from, struct rnd *r)
{
    pthread_mutex_lock(&from->mutex);
    struct simdisk *to = new_disk(r ? rnd_u64(r) : from->rnd.state);
    to->node_count = to->node_capacity = from->node_count;
    to->nodes = sim_alloc(from->node_count * sizeof(struct node *));
    to->limit_pages = from->limit_pages;
    to->copy_on_write = from->copy_on_write;
    if (r)
        copy_node(to, from, ROOT, r);
    for (size_t i = 0; !r && i < from->node_count; i++)
        if (from->nodes[i])
            copy_node(to, from, i, NULL);
    pthread_mutex_unlock(&from->mutex);
    for (size_t i = 1; i < to->node_count; i++)
        simdisk_drop(to, i); /* what only a handle held */
    return to;
}

struct simdisk *simdisk_crash(struct simdisk *d, uint64_t seed)
{
    struct rnd r = rnd_of(seed);
    return copy_disk(d, &r);
}

struct simdisk *simdisk_clone(struct simdisk *d)
{
    return copy_disk(d, NULL);
}
