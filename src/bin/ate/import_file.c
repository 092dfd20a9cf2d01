/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * import_file.c: regular files, symbolic links and hard links.
 *
 * A file's content belongs to the size and times that were seen before and after it was read; if
 * these differ, somebody wrote it meanwhile, and it is read again.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/import.h"
#include "crypto/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

enum { READS_MAX = 3 };
#define NS_PER_S INT64_C(1000000000)

struct inode {
    uint64_t device, number;
};

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           mtime_ns(a) == mtime_ns(b) && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct fs_file attributes(const struct stat *st)
{
    return (struct fs_file){
        .mode = st->st_mode & FS_MODE_MASK,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime_ns = mtime_ns(st),
        .size = (uint64_t)st->st_size,
    };
}

static const struct list_entry *there_already(const struct import_entry *e)
{
    return e->there ? list_find(e->there, ate__text_bytes(e->name)) : NULL;
}

/* ---- what is there already ---- */

static int load_file(struct import *im, const struct list_entry *entry,
                     const struct fs_file **ret_file)
{
    ate_txn_end_loans(im->look);
    int rc = ate_load(im->look, fs_file, entry->id, ret_file);
    if (rc != ATE_STALE)
        return rc;
    rc = ate_txn_refresh(im->look);
    return rc ? rc : ate_load(im->look, fs_file, entry->id, ret_file);
}

/* Does the file there have the same content by size, time and hash? *ret_exactly: and the same
 * owner and mode. */
static int is_same(struct import *im, const struct import_entry *e, const struct fs_file *file,
                   bool *ret_same, bool *ret_exactly)
{
    const struct list_entry *entry = there_already(e);
    const struct fs_file *old;
    *ret_same = *ret_exactly = false;
    if (!entry || entry->kind != CONTENT_FILE)
        return 0;
    int rc = load_file(im, entry, &old);
    if (rc)
        return rc == ATE_NOT_FOUND || rc == ATE_WRONG_TYPE ? 0 : rc;
    *ret_same = old->hash && old->size == file->size && old->mtime_ns == file->mtime_ns &&
                (!file->hash || ate__hash_equal(old->hash, file->hash));
    *ret_exactly =
        *ret_same && old->mode == file->mode && old->uid == file->uid && old->gid == file->gid;
    return 0;
}

/* An earlier run was broken off in this file: its pages are of no use to anybody. */
static int remove_unfinished(struct import *im, const struct import_entry *e,
                             const struct fs_file *file)
{
    int rc = 0;
    for (size_t i = 0; !rc && e->there && i < e->there->count; i++) {
        const struct list_entry *entry = &e->there->entries[i];
        const struct fs_file *old;
        if (entry->name || entry->kind != CONTENT_FILE)
            continue;
        rc = load_file(im, entry, &old);
        if (rc == ATE_NOT_FOUND || rc == ATE_WRONG_TYPE)
            rc = 0;
        else if (!rc && !old->hash && old->size == file->size && old->mtime_ns == file->mtime_ns)
            rc = store_delete(im->store, entry->id);
    }
    return rc;
}

/* ---- reading ---- */

static int open_file(const struct import_entry *e, struct stat *ret_st, int *ret_fd)
{
    int fd = openat(e->dir, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return import_errno("open");
    if (fstat(fd, ret_st) || !S_ISREG(ret_st->st_mode)) {
        int rc = S_ISREG(ret_st->st_mode) ? import_errno("stat")
                                          : ate__fail(ATE_CONFLICT, "it was replaced meanwhile");
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

/* Up to size bytes; fewer at the end alone. */
static int read_piece(int fd, void *to, size_t size, size_t *ret_size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return import_errno("read");
        if (!n)
            break;
        done += (size_t)n;
    }
    *ret_size = done;
    return 0;
}

static int is_unchanged(int fd, const struct stat *before, uint64_t read_bytes, bool *ret)
{
    struct stat after;
    if (fstat(fd, &after))
        return import_errno("stat");
    *ret = same_state(before, &after) && read_bytes == (uint64_t)before->st_size;
    return 0;
}

/* Each piece in turn; NULL: it is hashed only. */
typedef int take_piece(void *arg, uint64_t index, struct ate_bytes piece);

static int read_all(struct import *im, int fd, const struct stat *st, take_piece *take, void *arg,
                    struct ate_hash *ret_hash, uint64_t *ret_pieces, bool *ret_unchanged)
{
    struct ate__hasher hasher;
    uint64_t total = 0, index = 0;
    size_t size = 0;
    int rc = 0;
    ate__hasher_begin_raw(&hasher, ATE__SHA256);
    while (total <= (uint64_t)st->st_size) { /* one that grows is not followed for ever */
        rc = read_piece(fd, im->piece, FS_PAGE_SIZE, &size);
        if (rc || !size)
            break;
        ate__hasher_raw(&hasher, ate__bytes(im->piece, size));
        rc = take ? take(arg, index, ate__bytes(im->piece, size)) : 0;
        if (rc)
            break;
        index++;
        total += size;
    }
    if (!rc)
        rc = ate__hasher_end(&hasher, ret_hash);
    ate__hasher_deinit(&hasher);
    *ret_pieces = index;
    return rc ? rc : is_unchanged(fd, st, total, ret_unchanged);
}

/* ---- storing ---- */

/* A file of one piece. */
static int store_small(struct import *im, const struct import_entry *e, int fd,
                       const struct stat *st, bool *ret_unchanged, struct store_node **ret_node)
{
    struct fs_file file = attributes(st);
    struct ate_hash hash;
    size_t size;
    bool same, exactly;
    int rc = read_piece(fd, im->piece, FS_INLINE_MAX + 1, &size);
    if (!rc)
        rc = is_unchanged(fd, st, size, ret_unchanged);
    if (rc || !*ret_unchanged)
        return rc;
    file.data = ate__bytes(im->piece, size);
    file.hash = &hash;
    rc = ate__sha256(file.data, &hash);
    if (!rc)
        rc = is_same(im, e, &file, &same, &exactly);
    if (rc)
        return rc;
    if (!exactly)
        return store_file(im->store, e->parent, e->name, &file, NULL, ret_node);
    *ret_node = store_node_new(there_already(e)->id);
    im->counts.unchanged++;
    return *ret_node ? 0 : ate__no_memory();
}

struct pages {
    struct import *im;
    struct store_node *node;
};

static int take_page(void *arg, uint64_t index, struct ate_bytes piece)
{
    const struct pages *p = arg;
    return store_page(p->im->store, p->node, index, piece);
}

/* Is it there already, by its hash? Leaves the file at its beginning. */
static int is_large_same(struct import *im, const struct import_entry *e, int fd,
                         const struct stat *st, bool *ret_same)
{
    struct fs_file file = attributes(st);
    struct ate_hash hash;
    uint64_t pieces;
    bool unchanged, exactly;
    int rc = is_same(im, e, &file, ret_same, &exactly);
    if (rc || !*ret_same)
        return rc;
    rc = read_all(im, fd, st, NULL, NULL, &hash, &pieces, &unchanged);
    file.hash = &hash;
    if (!rc)
        rc = is_same(im, e, &file, ret_same, &exactly);
    *ret_same = !rc && unchanged && exactly;
    if (!rc && lseek(fd, 0, SEEK_SET) < 0)
        rc = import_errno("seek");
    return rc;
}

static int store_large(struct import *im, const struct import_entry *e, int fd,
                       const struct stat *st, bool *ret_unchanged, struct store_node **ret_node)
{
    struct fs_file file = attributes(st);
    struct pages pages = {im, NULL};
    struct ate_hash hash;
    uint64_t page_count;
    bool same;
    int rc = is_large_same(im, e, fd, st, &same);
    if (rc)
        return rc;
    if (same) {
        *ret_unchanged = true;
        *ret_node = store_node_new(there_already(e)->id);
        im->counts.unchanged++;
        return *ret_node ? 0 : ate__no_memory();
    }
    rc = remove_unfinished(im, e, &file);
    if (!rc)
        rc = store_file_begin(im->store, e->parent, &file, NULL, &pages.node);
    if (!rc)
        rc = read_all(im, fd, st, take_page, &pages, &hash, &page_count, ret_unchanged);
    file.hash = &hash;
    file.page_count = &page_count;
    if (!rc && *ret_unchanged)
        rc = store_file_finish(im->store, pages.node, e->parent, e->name, &file, NULL);
    if (!rc && *ret_unchanged) {
        *ret_node = pages.node;
        return 0;
    }
    if (pages.node && !store_result(im->store)) { /* read in vain */
        ate__cleanup(ate__freep) char *sentence = ate__copy_text(ate__error_text());
        int drop = store_drop(im->store, pages.node);
        if (rc)
            ate__error_set(sentence ? sentence : "");
        else
            rc = drop;
    }
    store_node_unref(pages.node);
    return rc;
}

static int store_regular(struct import *im, const struct import_entry *e,
                         struct store_node **ret_node)
{
    for (unsigned i = 0; i < READS_MAX; i++) {
        bool unchanged = false;
        struct stat st;
        int fd = -1;
        int rc = open_file(e, &st, &fd);
        if (rc)
            return rc;
        rc = st.st_size > FS_INLINE_MAX ? store_large(im, e, fd, &st, &unchanged, ret_node)
                                        : store_small(im, e, fd, &st, &unchanged, ret_node);
        close(fd);
        if (rc || unchanged) {
            im->counts.bytes += rc ? 0 : (uint64_t)st.st_size;
            return rc;
        }
    }
    return ate__fail(ATE_E_SYSTEM, "it was changed while it was read, %d times", READS_MAX);
}

/* ---- links ---- */

static int store_link(struct import *im, const struct import_entry *e)
{
    const struct list_entry *entry = there_already(e);
    const struct fs_symlink *old;
    char target[PATH_MAX + 1];
    ssize_t size = readlinkat(e->dir, e->name, target, sizeof target);
    if (size < 0)
        return import_errno("readlink");
    if (size > PATH_MAX)
        return ate__fail(ATE_TOO_BIG, "a link of more than %d bytes", PATH_MAX);
    struct ate_bytes bytes = {target, (size_t)size};
    if (entry && entry->kind == CONTENT_SYMLINK &&
        !ate_load(im->look, fs_symlink, entry->id, &old) && ate__bytes_equal(old->target, bytes)) {
        im->counts.unchanged++;
        return 0;
    }
    return store_symlink(im->store, e->parent, e->name, bytes);
}

static int store_again(struct import *im, const struct import_entry *e, struct store_node *target)
{
    const struct list_entry *entry = there_already(e);
    const struct fs_hardlink *old;
    struct ate_id id = store_node_id(target);
    if (entry && entry->kind == CONTENT_HARDLINK &&
        !ate_load(im->look, fs_hardlink, entry->id, &old) && ate__id_equal(&old->object, &id)) {
        im->counts.unchanged++;
        return 0;
    }
    return store_hardlink(im->store, e->parent, e->name, target);
}

/* A file of several names is stored under the first of them; the others lead to it. */
static int store_file_or_hardlink(struct import *im, const struct import_entry *e)
{
    struct inode inode = {e->st.st_dev, e->st.st_ino};
    struct store_node *node = NULL;
    uint64_t known;
    if (e->st.st_nlink > 1 && ate__map_get(&im->links, &inode, &known)) {
        int rc = store_again(im, e, ate__map_pointer(known));
        im->counts.hardlinks += !rc;
        return rc;
    }
    int rc = store_regular(im, e, &node);
    if (!rc && e->st.st_nlink > 1)
        rc = ate__map_put(&im->links, &inode, ate__map_of_pointer(store_node_ref(node)));
    im->counts.files += !rc;
    store_node_unref(node);
    return rc;
}

int import_file(struct import *im, const struct import_entry *e)
{
    int rc = 0;
    switch (e->st.st_mode & S_IFMT) {
    case S_IFREG: rc = store_file_or_hardlink(im, e); break;
    case S_IFLNK:
        rc = store_link(im, e);
        im->counts.symlinks += !rc;
        break;
    case S_IFSOCK: im->counts.sockets++; break;
    case S_IFIFO: im->counts.fifos++; break;
    default: im->counts.devices++;
    }
    return rc ? import_failed(im, rc) : 0;
}
