/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * local.h: the end of a pipe at this machine's log: the process that opened the chain is its root.
 */
#pragma once
#include "chain/chain.h"
#include "chain/create.h"

struct ate__local_conf {
    struct ate__chain_conf chain;
    const char *name; /* declared path of a chain that is made; NULL: `/` and the last component of
                         the directory's real path */
    struct ate__genesis_conf genesis; /* of a chain that is made; borrowed */
    bool no_view_image; /* none is read or written, whatever keys the session has */
    bool resetting_too; /* as of struct ate__storage_conf */
    bool memory; /* nothing on disk: `path` is only the name's source */
    /* Asked about a chain that was found: all of it is verified, and no file is changed yet. Its
     * result is that of the open; a chain that it refuses stays as it was. NULL: none. */
    int (*accept)(void *arg, struct ate__chain *c);
    void *accept_arg;
};
/* A chain in the directory `path` (its log lies in `,chain` below it). flags: ATE__STORAGE_READ,
 * ATE__STORAGE_CREATE. Creating needs a session with a private key. A creation that was cut short
 * left no chain: it is made anew. Errors: NOT_FOUND IN_USE NO_KEY MALFORMED (the name) TAMPERED
 * UNSUPPORTED E_*, those of accept(). */
int ate__local_open(const struct ate__local_conf *conf, const char *path,
                    struct ate_session *session, unsigned flags, struct ate__pipe **ret_pipe)
    ATE__CHECK;
/* The same with a directory handle (borrowed) and a genesis transaction made elsewhere: a server
 * that is asked to create. */
int ate__local_create(const struct ate__local_conf *conf, struct ate__dir *dir,
                      struct ate_bytes genesis_tx, struct ate__pipe **ret_pipe) ATE__CHECK;
int ate__local_open_dir(const struct ate__local_conf *conf, struct ate__dir *dir, unsigned flags,
                        struct ate__pipe **ret_pipe) ATE__CHECK;
struct ate__chain *ate__local_chain(struct ate__pipe *pipe); /* of a pipe made here */
