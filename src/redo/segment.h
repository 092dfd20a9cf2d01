/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * segment.h: one segment file.
 *
 * Life of a segment, and what may be trusted in each state:
 *
 *   STATE      NAME      IN THE LISTS  CONTENT
 *   prepared   next      no            zeros, no header; nothing
 *   headed     next      no            its header and, from recovery, groups: all synced
 *   listed     next      yes           the same; the rename may have been lost
 *   last       ID.seg    yes           groups are appended; the tail may be torn
 *   full       ID.seg    yes           groups up to the listed length; the rest is not looked at
 *   sealed     ID.seg    yes           the same, a footer, and the end of the file
 *   leftover   ID.seg    no            removed by the next open for writing
 *
 *   prepared -> headed    ate__next_finish()          (redo/next.c)
 *   headed   -> listed    ate__pair_change()          (redo/pair.c)
 *   listed   -> last      ate__next_rename()          (redo/next.c; after a crash recovery)
 *   last     -> full      ate__pair_change() of the list that names the next segment
 *   full     -> sealed    ate__segment_seal(), then ate__pair_change()
 *
 * A segment object is shared: the list and every reader hold references. What may change after it
 * was opened is guarded by the mutex of the log (redo/redo.h).
 */
#pragma once
#include "redo/format.h"
#include "redo/index.h"
#include "redo/meta.h"

enum { ATE__SEGMENT_NAME = 16 + 4 + 1 }; /* bytes with the NUL */
#define ATE__NEXT_NAME "next"
#define ATE__COMPACT_NAME "compact"

struct ate__segment {
    struct ate__segment_head head; /* never changes, as seed and name */
    uint32_t seed;
    char name[ATE__SEGMENT_NAME];
    /* guarded from here on */
    unsigned refs;
    unsigned pins;          /* readers that use `file` just now */
    uint64_t pinned_at;     /* the log's count of pins at the last */
    struct ate__file *file; /* NULL: closed, and opened again when it is needed */
    uint64_t end;           /* the sequence after the last record that may be read */
    uint64_t length;        /* bytes: the end of the groups that may be read */
    uint64_t file_bytes;
    bool sealed;
    bool is_new; /* listed, and its file still ID.new, as a backup that was cut short leaves it */
    struct ate_hash end_head; /* head after the last record; zeros: not known */
    struct ate__index index;
};

void ate__segment_name(uint64_t id, char ret_name[ATE__SEGMENT_NAME]);
bool ate__segment_id_of(const char *name, uint64_t *ret_id); /* false: not a segment's name */
/* ID.new: what a backup writes, until the lists name it (redo/backup.h). */
void ate__segment_new_name(uint64_t id, char ret_name[ATE__SEGMENT_NAME]);
bool ate__segment_new_id_of(const char *name, uint64_t *ret_id);
/* `next`, `compact`, ID.new: a leftover, unless a listed segment lacks its file. */
bool ate__segment_is_unnamed(const char *name);

/* A new file under a name that no list knows, `next` or the like; a leftover of it goes. Errors:
 * E_* */
int ate__segment_create(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                        struct ate__file **ret_file) ATE__CHECK;
/* That file becomes ID.seg; the directory is not synced. Errors: E_* */
int ate__segment_rename(const struct ate__vfs *vfs, struct ate__dir *dir, const char *from,
                        uint64_t id) ATE__CHECK;
/* Removes what is a segment by its name and not in the list. Errors: E_* */
int ate__segment_remove_leftovers(const struct ate__vfs *vfs, struct ate__dir *dir,
                                  const struct ate__meta *meta) ATE__CHECK;

/* With one reference; takes `take_file` on success (may be NULL). ATE_E_MEMORY */
int ate__segment_new(const struct ate__segment_head *head, struct ate__file *take_file,
                     struct ate__segment **ret_segment) ATE__CHECK;
struct ate__segment *ate__segment_ref(struct ate__segment *s);
void ate__segment_unref(const struct ate__vfs *vfs, struct ate__segment *s); /* takes NULL */

/* Opens the file `name` and reads its header. *ret_verdict: GOOD, and ret_segment is there, with
 * nothing that may be read yet; BAD, NEWER. Errors: NOT_FOUND E_* */
int ate__segment_open(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                      unsigned flags, enum ate__soundness *ret_verdict,
                      struct ate__segment **ret_segment) ATE__CHECK;

/* SHA-256 of the first `length` bytes. Errors: E_*; a shorter file gives another hash. */
int ate__segment_sha256(const struct ate__vfs *vfs, struct ate__file *file, uint64_t length,
                        struct ate_hash *ret_sha256) ATE__CHECK;
/* Writes and syncs the footer at s->length and ends the file behind it. Errors: E_* */
int ate__segment_seal(const struct ate__vfs *vfs, struct ate__file *file,
                      const struct ate__segment *s) ATE__CHECK;
/* Reads the footer at `offset`. Errors: E_* */
int ate__segment_footer(const struct ate__vfs *vfs, struct ate__file *file, uint32_t seed,
                        uint64_t offset, enum ate__soundness *ret_verdict,
                        struct ate__footer *ret_footer) ATE__CHECK;
