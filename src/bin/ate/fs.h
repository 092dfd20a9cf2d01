/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * fs.h: the objects that put and import store, as docs/format/fs.md describes them.
 *
 *  1. An object's content is its `value`, its `data`, or its `page`s in the order of their index,
 *     which is 0 to page_count - 1, each once. All pages but the last have FS_PAGE_SIZE bytes.
 *  2. A `file` without `hash` is unfinished: its pages are still on their way. It has no name, and
 *     readers pass it over. It gets its hash and its name in one transaction, when all pages are
 *     there. In an archive, where nothing is changed, it is made then, and its pages lie below a
 *     `pages` object that was made before them.
 *  3. What is read from a chain may break any of these: readers check.
 */
#pragma once
#include <ate/ate.h>

enum {
    FS_INLINE_MAX = 1 << 20, /* bytes of a value or of data; larger contents have pages */
    FS_PAGE_SIZE = 1 << 20,  /* bytes */
    FS_NAME_MAX = 255,       /* bytes */
    FS_DEPTH_MAX = 1024,     /* parents above an object */
    FS_MODE_MASK = 07777,
    FS_DIR_MODE = 0755, /* of what put makes */
    FS_FILE_MODE = 0644
};
/* of one file: 1 PiB */
#define FS_PAGES_MAX (UINT64_C(1) << 30)

struct fs_text {
    const char *value;
};
ATE_TYPE_AS(fs_text, "text", ATE_FIELD(value));

struct fs_bytes {
    struct ate_bytes value;
};
ATE_TYPE_AS(fs_bytes, "bytes", ATE_FIELD(value));

struct fs_dir {
    uint32_t mode, uid, gid;
    int64_t mtime_ns;
};
ATE_TYPE_AS(fs_dir, "dir", ATE_FIELD(mode), ATE_FIELD(uid), ATE_FIELD(gid), ATE_FIELD(mtime_ns));

struct fs_file {
    uint32_t mode, uid, gid;
    int64_t mtime_ns;
    uint64_t size;
    const struct ate_hash *hash; /* SHA-256 of the content; NULL: unfinished */
    struct ate_bytes data;       /* NULL: in pages */
    const uint64_t *page_count;  /* NULL: in data */
    const struct ate_id *pages;  /* what the pages lie below; NULL: this file */
};
ATE_TYPE_AS(fs_file, "file", ATE_FIELD(mode), ATE_FIELD(uid), ATE_FIELD(gid), ATE_FIELD(mtime_ns),
            ATE_FIELD(size), ATE_OPTIONAL(hash), ATE_FIELD(data), ATE_OPTIONAL(page_count),
            ATE_OPTIONAL(pages));

/* In an archive, where a file cannot be begun and finished: made first, and pages lie below it. */
struct fs_pages {
    int64_t mtime_ns; /* of the file */
};
ATE_TYPE_AS(fs_pages, "pages", ATE_FIELD(mtime_ns));

struct fs_page {
    uint64_t index;
    struct ate_bytes data;
};
ATE_TYPE_AS(fs_page, "page", ATE_FIELD(index), ATE_FIELD(data));

struct fs_symlink {
    struct ate_bytes target;
};
ATE_TYPE_AS(fs_symlink, "symlink", ATE_FIELD(target));

struct fs_hardlink {
    struct ate_id object;
};
ATE_TYPE_AS(fs_hardlink, "hardlink", ATE_FIELD(object));
