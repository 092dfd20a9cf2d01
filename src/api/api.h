/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * api.h: the inside of the public interface, shared by the files of this folder.
 */
#pragma once
#include "ate/ate.h"
#include "api/age.h"
#include "api/anchor.h"
#include "api/memory.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "base/workers.h"
#include "chain/reset.h"
#include "chain/search.h"
#include "dio/dio.h"
#include "net/lookup.h"

/* A program's votes in a compaction; constant while it may be asked. */
struct ate__voter {
    ate_vote_fn *vote; /* NULL: none */
    void *arg;
};
struct ate__compacted;
struct ate__remote_conf;
struct ate__plugin_set;
struct ate__feed;
struct ate_chain {
    atomic_uint refs;          /* the handle, watches and histories */
    struct ate__dio *dio;
    struct ate__pipe *pipe;    /* the dio's */
    struct ate_session *session;
    const struct ate__anchor *anchor; /* while it is being opened */
    struct ate__memory memory; /* of the newest head; see memory.h */
    /* While it is being opened: of where its mirror is to lie; NULL: in no directory. */
    struct ate__memory *mirror_memory;
    char *address;             /* complete, to hand on */
    char *name;                /* declared */
    char *dir;                 /* of a chain in a directory, its real path; NULL: remote */
    char *place;               /* where its log lies, of a mirror too; NULL: nowhere on a disk */
    struct ate__lookup *lookup; /* of a remote one */
    bool created;
    bool thin;
    bool unanchored; /* while it is being opened: nothing said which root key to trust */
    int32_t timeout_ms;
    struct ate_hash roots[ATE__ROOT_KEYS_MAX];
    struct ate__storage_damage damage;
    struct ate__reset reset; /* sequence 0: none was followed */
    uint64_t reset_seen;
    char *reset_kept;
    void (*compact_ran)(void *arg, int result, const char *text,
                        const struct ate_compacted *compacted);
    void *compact_ran_arg;
    void (*checkpoint_seen)(void *arg, int result, const char *text,
                            const struct ate_proved *checkpoint); /* NULL: nobody is told */
    void *checkpoint_arg;
    struct ate__aging aging;
    struct ate__remote_conf *ask; /* proof_fork.h; NULL: it is not remote */
    struct ate__voter voter;
    struct ate__plugin_set *plugins; /* plugin.h; NULL: none */
    struct ate__feed *feed;          /* NULL: no plug-in follows */
};
struct ate_chain *ate__chain_handle_ref(struct ate_chain *c);
void ate__chain_handle_unref(struct ate_chain *c);
void ate__chain_note(struct ate_chain *c); /* for its memory, of an open chain */
struct ate__txn_id ate__txn_id_of(struct ate_txn_id id);
/* The chain that is held here, with its history. UNSUPPORTED: it is thin. */
int ate__chain_held(struct ate_chain *chain, struct ate__chain **ret_held) ATE__CHECK;
struct ate__progress ate__progress_of(const struct ate_progress *progress); /* takes NULL */
/* compact.c: what a program asked for, without done and arg. ret_voter: stays where it is while the
 * chain is compacted. Errors: MISUSE. */
int ate__compact_when(const struct ate_compact_when *when, struct ate_session *session,
                      const struct ate__plugin_set *plugins, struct ate__voter *ret_voter,
                      struct ate__auto_conf *ret_conf) ATE__CHECK;
/* The voter, which stays where it is, votes in those compactions. */
void ate__voter_join(struct ate__voter *voter, struct ate__auto_conf *conf);
/* For struct ate__auto_conf; arg: the handle. */
void ate__compact_tell(void *arg, int result, const char *text, const struct ate__compacted *done);
enum ate_event_kind ate__event_kind_of(const struct ate__event *e); /* history.c */
/* ret_receipt: NULL if it is not wanted. */
void ate__receipt_fill(const struct ate__receipt *r, struct ate_receipt *ret_receipt);

/* The process's pool of threads, made when the first chain is opened, ended with the last. */
int ate__api_workers(struct ate__workers **ret_workers) ATE__CHECK; /* a reference */
void ate__api_workers_unref(struct ate__workers *w);

/* Files of the user (docs/format/keys.md). dir: XDG variable, and what stands for it below HOME.
 * Gives DIR/ate/NAME, ended with ate__free(). ATE_E_SYSTEM: neither the variable nor HOME is set.
 */
int ate__user_path(const char *variable, const char *below_home, const char *name, char **ret_path)
    ATE__CHECK;
/* All of a regular file, at most size_max bytes. NOT_FOUND TOO_BIG E_*. */
int ate__file_read(const char *path, size_t size_max, struct ate__buf *ret_bytes,
                   unsigned *ret_mode) ATE__CHECK;
/* Made with 0600 and O_EXCL, its folder with 0700 if it is missing; synced. EXISTS E_*. */
int ate__file_create(const char *path, struct ate_bytes bytes) ATE__CHECK;
/* In place of what is there, at once, synced. */
int ate__file_replace(const char *path, struct ate_bytes bytes) ATE__CHECK;
/* The same of a disk; its folder is there. */
struct ate__vfs;
int ate__file_replace_on(const struct ate__vfs *vfs, const char *path, struct ate_bytes bytes)
    ATE__CHECK;
int ate__folder_make(const char *path) ATE__CHECK; /* with those above it, 0700; 0 if it is there */
