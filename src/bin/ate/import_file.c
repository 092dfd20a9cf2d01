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

struct inode {
    uint64_t device, number;
};
struct import_link {
    struct store_node *node;
    uint64_t left; /* names that were not met yet */
};

/* A file that is open, and what comes of it. */
struct input {
    int fd;
    struct stat st;           /* before it was read */
    struct fs_file file;      /* hash, data and page_count are set once they are known */
    struct ate_hash hash;
    bool changed;             /* while it was read: nothing was stored */
    struct store_node *node;  /* what it is in the chain */
};

/* ---- reading ---- */

static bool same_moment(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int open_file(const struct import *im, const char *name, struct input *in)
{
    in->fd =
        openat(way_dir(&im->way), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (in->fd < 0)
        return ate__fail_errno(errno, "open");
    if (fstat(in->fd, &in->st))
        return ate__fail_errno(errno, "stat");
    if (!S_ISREG(in->st.st_mode))
        return ate__fail(ATE_E_SYSTEM, "it was replaced by something else meanwhile");
    struct fs_dir state = import_state(&in->st);
    in->file = (struct fs_file){
        .mode = state.mode,
        .uid = state.uid,
        .gid = state.gid,
        .mtime_ns = state.mtime_ns,
        .size = (uint64_t)in->st.st_size,
    };
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
            return ate__fail_errno(errno, "read");
        if (!n)
            break;
        done += (size_t)n;
    }
    *ret_size = done;
    return 0;
}

static int check_unchanged(struct input *in, uint64_t read_bytes)
{
    struct stat now;
    if (fstat(in->fd, &now))
        return ate__fail_errno(errno, "stat");
    in->changed = read_bytes != in->file.size || now.st_size != in->st.st_size ||
                  !same_moment(now.st_mtim, in->st.st_mtim) ||
                  !same_moment(now.st_ctim, in->st.st_ctim);
    return 0;
}

/* Each piece in turn; all but the last have FS_PAGE_SIZE bytes. */
typedef int take_piece(void *arg, uint64_t index, struct ate_bytes piece);

/* Sets in->hash and in->changed. take NULL: it is hashed only. */
static int read_all(struct import *im, struct input *in, take_piece *take, void *arg,
                    uint64_t *ret_pieces)
{
    struct ate__hasher hasher;
    uint64_t index = 0;
    size_t size = 0;
    int rc = 0;
    ate__hasher_begin_raw(&hasher, ATE__SHA256);
    im->passing = 0;
    while (im->passing <= in->file.size) { /* one that grows is not followed for ever */
        rc = read_piece(in->fd, im->piece, FS_PAGE_SIZE, &size);
        if (rc || !size)
            break;
        ate__hasher_raw(&hasher, ate__bytes(im->piece, size));
        rc = take ? take(arg, index, ate__bytes(im->piece, size)) : 0;
        if (rc)
            break;
        index++;
        im->passing += size;
        import_progress(im);
    }
    if (!rc)
        rc = ate__hasher_end(&hasher, &in->hash);
    ate__hasher_deinit(&hasher);
    if (!rc)
        rc = check_unchanged(in, im->passing);
    im->passing = 0;
    if (!rc) {
        in->file.hash = &in->hash;
        *ret_pieces = index;
    }
    return rc;
}

/* ---- what is there already ---- */

static bool same_content(const struct import_there *there, const struct input *in)
{
    return there->kind == CONTENT_FILE && there->has_hash && there->size == in->file.size &&
           ate__hash_equal(&there->hash, &in->hash);
}

static bool same_file(const struct import_there *there, const struct input *in)
{
    struct fs_dir state = import_state(&in->st);
    return same_content(there, in) && import_same_state(&there->state, &state);
}

static int take_as_it_is(struct import *im, const struct import_there *there, struct input *in)
{
    in->node = store_node_new(there->id);
    im->counts.unchanged += in->node != NULL;
    return in->node ? 0 : ate__no_memory();
}

/* An earlier import was broken off in this file: its pages are of no use to anybody. */
static int remove_unfinished(struct import *im, struct import_window *w, const struct input *in)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < w->unfinished_count; i++) {
        struct import_unfinished *u = &w->unfinished[i];
        if (u->size != in->file.size || u->mtime_ns != in->file.mtime_ns)
            continue;
        rc = store_delete(im->store, u->id);
        *u = w->unfinished[--w->unfinished_count];
        i--;
    }
    return rc;
}

/* ---- storing ---- */

static int store_small(struct import *im, const struct import_entry *e, struct input *in)
{
    size_t size;
    int rc = read_piece(in->fd, im->piece, FS_INLINE_MAX + 1, &size);
    if (!rc)
        rc = check_unchanged(in, size);
    if (rc || in->changed)
        return rc;
    in->file.data = ate__bytes(im->piece, size);
    in->file.hash = &in->hash;
    rc = ate__sha256(in->file.data, &in->hash);
    if (rc)
        return rc;
    if (same_file(&e->name->there, in))
        return take_as_it_is(im, &e->name->there, in);
    return store_file(im->store, e->parent, e->name->name, &in->file, NULL, &in->node);
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

/* Its pages were sent in vain: it was changed, or cannot be read to its end. */
static int drop_pages(struct import *im, const struct pages *pages, int rc)
{
    ate__cleanup(ate__freep) char *sentence = ate__copy_text(ate__error_text());
    if (store_result(im->store))
        return rc;
    int drop = store_drop(im->store, pages->node);
    if (!rc || drop)
        return drop;
    ate__error_set(sentence ? sentence : "");
    return rc;
}

/* Pages are not sent in vain. */
static int check_replaceable(const struct import *im, const struct import_there *there)
{
    if (ate__id_equal(&there->id, &ate_top) || !ate_chain_archive(im->at.chain, NULL))
        return 0;
    return ate__fail(ATE_DENIED, "another is there, and in an archive nothing replaces it");
}

static int store_pages(struct import *im, const struct import_entry *e, struct input *in)
{
    struct pages pages = {im, NULL};
    uint64_t page_count = 0;
    struct fs_file begun = in->file;
    begun.hash = NULL;
    int rc = check_replaceable(im, &e->name->there);
    if (!rc)
        rc = remove_unfinished(im, e->window, in);
    if (!rc)
        rc = store_file_begin(im->store, e->parent, &begun, NULL, &pages.node);
    if (rc)
        return rc;
    rc = read_all(im, in, take_page, &pages, &page_count);
    in->file.page_count = &page_count;
    if (rc || in->changed)
        rc = drop_pages(im, &pages, rc);
    else
        rc = store_file_finish(im->store, pages.node, e->parent, e->name->name, &in->file, NULL);
    in->file.page_count = NULL;
    if (rc || in->changed)
        store_node_unref(pages.node);
    else
        in->node = pages.node;
    return rc;
}

/* One of the size of what is there is read twice, for its hash may say that there is nothing to
 * send, or no more than its new state. */
static int store_large(struct import *im, const struct import_entry *e, struct input *in)
{
    const struct import_there *there = &e->name->there;
    uint64_t pieces;
    if (in->file.size > FS_PAGES_MAX * FS_PAGE_SIZE)
        return ate__fail(ATE_TOO_BIG, "it has more than %llu pages of 1 MiB",
                         (unsigned long long)FS_PAGES_MAX);
    if (there->kind != CONTENT_FILE || !there->has_hash || there->size != in->file.size)
        return store_pages(im, e, in);
    int rc = read_all(im, in, NULL, NULL, &pieces);
    if (rc || in->changed)
        return rc;
    if (same_file(there, in))
        return take_as_it_is(im, there, in);
    if (!same_content(there, in) || !there->page_count) {
        if (lseek(in->fd, 0, SEEK_SET) < 0)
            return ate__fail_errno(errno, "seek");
        return store_pages(im, e, in);
    }
    in->file.page_count = &there->page_count;
    rc = store_file_state(im->store, there->id, &in->file);
    in->file.page_count = NULL;
    in->node = rc ? NULL : store_node_new(there->id);
    return rc || in->node ? rc : ate__no_memory();
}

static int store_regular(struct import *im, const struct import_entry *e,
                         struct store_node **ret_node)
{
    for (unsigned i = 0; i < READS_MAX; i++) {
        struct input in = {.fd = -1};
        int rc = open_file(im, e->name->name, &in);
        if (!rc)
            rc = in.file.size > FS_INLINE_MAX ? store_large(im, e, &in) : store_small(im, e, &in);
        if (in.fd >= 0)
            close(in.fd);
        if (rc)
            return rc;
        if (in.node) {
            im->counts.bytes += in.file.size;
            *ret_node = in.node;
            return 0;
        }
    }
    return ate__fail(ATE_E_SYSTEM, "it was changed while it was read, %d times: it is not stored",
                     READS_MAX);
}

/* ---- links ---- */

static int store_link(struct import *im, const struct import_entry *e)
{
    const struct import_there *there = &e->name->there;
    char target[PATH_MAX + 1];
    struct ate_hash hash;
    ssize_t size = readlinkat(way_dir(&im->way), e->name->name, target, sizeof target);
    if (size < 0)
        return ate__fail_errno(errno, "readlink");
    if (size > PATH_MAX)
        return ate__fail(ATE_TOO_BIG, "a link of more than %d bytes", PATH_MAX);
    struct ate_bytes bytes = {target, (size_t)size};
    int rc = ate__sha256(bytes, &hash);
    if (rc)
        return rc;
    if (there->kind == CONTENT_SYMLINK && there->size == bytes.size &&
        ate__hash_equal(&there->hash, &hash)) {
        im->counts.unchanged++;
        return 0;
    }
    return store_symlink(im->store, e->parent, e->name->name, bytes);
}

static struct inode inode_of(const struct stat *st)
{
    return (struct inode){st->st_dev, st->st_ino};
}

static struct import_link *find_link(const struct import *im, const struct stat *st)
{
    struct inode inode = inode_of(st);
    uint64_t value;
    bool known =
        S_ISREG(st->st_mode) && st->st_nlink > 1 && ate__map_get(&im->links, &inode, &value);
    return known ? ate__map_pointer(value) : NULL;
}

bool import_is_again(const struct import *im, const struct stat *st)
{
    return find_link(im, st) != NULL;
}

static void forget_link(struct import *im, const struct stat *st, struct import_link *link)
{
    struct inode inode = inode_of(st);
    ate__map_remove(&im->links, &inode);
    store_node_unref(link->node);
    ate__free(link);
}

static int store_again(struct import *im, const struct import_entry *e, struct import_link *link)
{
    const struct import_there *there = &e->name->there;
    struct ate_id id = store_node_id(link->node);
    bool same = there->kind == CONTENT_HARDLINK && ate__id_equal(&there->target, &id);
    int rc = same ? 0 : store_hardlink(im->store, e->parent, e->name->name, link->node);
    if (!rc) {
        im->counts.unchanged += same;
        im->counts.files++;
        im->counts.hardlinks++;
    }
    if (--link->left == 0)
        forget_link(im, &e->st, link);
    return rc;
}

/* Other names of the file may come. */
static int note_link(struct import *im, const struct stat *st, struct store_node *node)
{
    struct inode inode = inode_of(st);
    if (im->links.count == IMPORT_LINKS_MAX) {
        im->counts.unlinked++;
        return 0;
    }
    struct import_link *link = ate__alloc(sizeof *link);
    int rc = link ? ate__map_put(&im->links, &inode, ate__map_of_pointer(link)) : ate__no_memory();
    if (rc) {
        ate__free(link);
        return rc;
    }
    link->node = store_node_ref(node);
    link->left = st->st_nlink - 1;
    return 0;
}

/* A file of several names is stored under the first of them; the others lead to it. */
static int store_file_or_hardlink(struct import *im, const struct import_entry *e)
{
    struct import_link *link = find_link(im, &e->st);
    struct store_node *node;
    if (link)
        return store_again(im, e, link);
    int rc = store_regular(im, e, &node);
    if (rc)
        return rc;
    im->counts.files++;
    if (e->st.st_nlink > 1)
        rc = note_link(im, &e->st, node);
    store_node_unref(node);
    return rc;
}

void import_links_deinit(struct import *im)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&im->links, &at, NULL, &value);) {
        struct import_link *link = ate__map_pointer(value);
        store_node_unref(link->node);
        ate__free(link);
    }
    ate__map_deinit(&im->links);
}

int import_file(struct import *im, const struct import_entry *e)
{
    int rc = 0;
    switch (e->st.st_mode & S_IFMT) {
    case S_IFREG: return store_file_or_hardlink(im, e);
    case S_IFLNK:
        rc = store_link(im, e);
        im->counts.symlinks += !rc;
        return rc;
    case S_IFSOCK: im->counts.sockets++; return 0;
    case S_IFIFO: im->counts.fifos++; return 0;
    default: im->counts.devices++; return 0;
    }
}
