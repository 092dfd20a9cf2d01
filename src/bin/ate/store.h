/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * store.h: objects on their way into a chain: gathered into transactions, several of which are in
 * flight at once.
 *
 *  1. What was asked of a store is a list of operations, kept until the root acknowledged their
 *     transaction. A transaction that met a conflict is made anew from them, up to STORE_TRIES
 *     times; one without an answer is committed again, the same bytes, as the last step allows.
 *  2. An operation goes into a transaction whose view shows what it stands on: its parent was made
 *     in the same transaction, or was acknowledged before that one began. Where that is not so, the
 *     one under way is closed, and the answer awaited.
 *  3. A file in pages is made without name and hash; it gets both in one transaction after all of
 *     its pages were acknowledged, or with them. So a name never leads to half a file, and what it
 *     led to before stays until then.
 *     In an archive, where nothing is changed, the file is made by that last transaction, and its
 *     pages lie below an object that was made before them.
 *  4. Names that hold something else: a file, value or link takes the place of any of these;
 * between a directory and another object there is ATE_CONFLICT.
 *
 * One thread at a time.
 */
#pragma once
#include "bin/ate/fs.h"
#include "base/buf.h"

enum {
    STORE_TRIES = 8,
    STORE_FLYING_MAX = 4,      /* transactions in flight */
    STORE_EVENTS_MAX = 256,    /* of one transaction */
    STORE_BYTES_MAX = 4 << 20, /* of contents in one transaction */
    STORE_UNFINISHED_MAX = 64  /* files whose pages await their answer */
};

struct store_receipt {
    uint64_t number; /* of this store's transactions, from 1, as they were acknowledged */
    struct ate_receipt receipt;
    size_t objects;  /* operations in it */
    uint64_t bytes;  /* of contents */
};
struct store_conf {
    struct ate_chain *chain;
    unsigned scope;    /* flag of ate_txn_begin() */
    unsigned tries;    /* how often a commit without an answer is made; 0: STORE_TRIES */
    void (*acknowledged)(void *arg, const struct store_receipt *receipt); /* NULL: not wanted */
    void (*waiting)(void *arg); /* now and then while answers are awaited; NULL: not wanted */
    void *arg;
};
struct store;
int store_new(const struct store_conf *conf, struct store **ret_store) ATE__CHECK;
/* Takes NULL. Waits for the answers that are on their way; the rest is dropped. */
void store_free(struct store *s);
ATE__FREEP(struct store, store_free)

/* An object that others are stored below, or that a link leads to. Its id is known once the
 * operation that makes it has returned, and may change until it is acknowledged. */
struct store_node;
/* One that is in the chain already. E_MEMORY: NULL */
struct store_node *store_node_new(struct ate_id id) ATE__CHECK;
struct store_node *store_node_ref(struct store_node *n);
void store_node_unref(struct store_node *n); /* takes NULL */
ATE__FREEP(struct store_node, store_node_unref)
struct ate_id store_node_id(const struct store_node *n);

/* Under which conditions a named object may be put; zero: none. */
struct store_when {
    bool absent;   /* EXISTS if the name is taken */
    bool current;  /* CONFLICT unless the version there has that sequence */
    uint64_t sequence;
    bool missing;  /* of directories: one that is there is taken as it is */
    bool is_public; /* open to every reader */
};

/* Each takes copies of what it is given. 0: it is on its way. A result that concerns this operation
 * alone leaves the others as they are: CONFLICT: a directory is in the way, or this one would be in
 * the way; DENIED: in an archive nothing is replaced, but a directory stays as it is; EXISTS,
 * NOT_FOUND, TOO_BIG, MALFORMED, WRONG_TYPE, MISUSE. Any other, and any of a commit, is final, and
 * all later calls give it again. name: borrowed, ended with NUL; NULL: it has none, and no
 * conditions. ret_node: a reference, may be NULL. */
int store_dir(struct store *s, struct store_node *parent, const char *name,
              const struct fs_dir *dir, const struct store_when *when, struct store_node **ret_node)
    ATE__CHECK;
/* file->data, of at most FS_INLINE_MAX bytes, hash and size are set. */
int store_file(struct store *s, struct store_node *parent, const char *name,
               const struct fs_file *file, const struct store_when *when,
               struct store_node **ret_node) ATE__CHECK;
int store_text(struct store *s, struct store_node *parent, const char *name, const char *value,
               const struct store_when *when, struct store_node **ret_node) ATE__CHECK;
int store_bytes(struct store *s, struct store_node *parent, const char *name,
                struct ate_bytes value, const struct store_when *when, struct store_node **ret_node)
    ATE__CHECK;
/* encoding: "msgpack" or "json"; the payload: a map in it */
int store_raw(struct store *s, struct store_node *parent, const char *name, const char *type,
              const char *encoding, struct ate_bytes payload, const struct store_when *when,
              struct store_node **ret_node) ATE__CHECK;
int store_symlink(struct store *s, struct store_node *parent, const char *name,
                  struct ate_bytes target) ATE__CHECK;
int store_hardlink(struct store *s, struct store_node *parent, const char *name,
                   struct store_node *target) ATE__CHECK;

/* A file in pages: begin, each page in turn, then finish or drop. file->hash and data are NULL. */
int store_file_begin(struct store *s, struct store_node *parent, const struct fs_file *file,
                     const struct store_when *when, struct store_node **ret_node) ATE__CHECK;
int store_page(struct store *s, struct store_node *file, uint64_t index, struct ate_bytes data)
    ATE__CHECK;
/* file->hash and page_count are set. Its own conditions are tested with the last transaction. */
int store_file_finish(struct store *s, struct store_node *node, struct store_node *parent,
                      const char *name, const struct fs_file *file, const struct store_when *when)
    ATE__CHECK;

/* Takes away what lies there with all below it; 0 also if it is gone already. */
int store_delete(struct store *s, struct ate_id id) ATE__CHECK;

/* What a file in pages that is in the chain says of itself, anew: hash and page_count are set, and
 * those that it had; pages and name stay. */
int store_file_state(struct store *s, struct ate_id id, const struct fs_file *file) ATE__CHECK;

/* A file that was begun and will not be finished is taken away again, after store_flush(). An
 * archive keeps the pages. */
int store_drop(struct store *s, const struct store_node *file) ATE__CHECK;
/* The final result; 0: there is none yet. */
int store_result(const struct store *s);

/* Commits all and waits for all answers. Results of a commit: as ate_txn_commit(). */
int store_flush(struct store *s) ATE__CHECK;
