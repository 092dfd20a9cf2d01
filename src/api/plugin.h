/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin.h: plug-ins from inside: what is loaded, and those that one chain or server was opened
 * with.
 *
 *  plugin.c        loading, starting, the end
 *  plugin_file.c   who else could have changed what is loaded
 *  plugin_hooks.c  lint, validate, compact: asked by the layers below (trust/plugin.h)
 *  plugin_feed.c   sink, index: told of what is durable
 */
#pragma once
#include "ate/plugin.h"
#include "api/api.h"
#include "base/runner.h"
#include "redo/at_rest.h"
#include "trust/plugin.h"

struct ate__plugin_object {
    void *handle; /* of dlopen(); NULL: the program's own */
    int fd;       /* its name, to the loader */
};
struct ate_plugin {
    atomic_uint refs; /* the program's, those of sets and questions, of logs that it seals */
    const struct ate_plugin_vtable *v;
    void *state;
    struct ate__plugin_object object;
    struct ate__runner *asked; /* lint(), validate() */
    pthread_mutex_t telling;   /* held over sink(), index() and from() */
    struct ate__at_rest at_rest;
    bool seals;
};
void ate__plugin_unref(struct ate_plugin *p); /* takes NULL */
/* What it left in `text` (not NULL), or "it refused"; escaped. Gives the result that is to be seen:
 * its own where that is one of include/ate/plugin.h's list, else DENIED. */
int ate__plugin_refused(const struct ate_plugin *p, int result, const char *text) ATE__CHECK;

/* The file as a descriptor by whose name it can be opened. Errors: NOT_FOUND; DENIED: somebody but
 * root and this process's user can change it, a folder or a link on the way to it, or it is no
 * regular file; E_*. */
int ate__plugin_file_open(const char *file, int *ret_fd) ATE__CHECK;

/* Those of one open chain or server. */
struct ate__plugin_set {
    struct ate__plugins hooks; /* arg: the set */
    struct ate__voter voter; /* of a conf that has none; vote NULL: no plug-in votes */
    struct ate_plugin **items; /* references */
    size_t count;
};
/* plugins: as in conf. count 0: *ret_set is NULL. Errors: MISUSE: more than ATE__PLUGINS_MAX;
 * E_MEMORY. */
int ate__plugin_set_new(struct ate_plugin *const *plugins, size_t count,
                        struct ate__plugin_set **ret_set) ATE__CHECK;
void ate__plugin_set_free(struct ate__plugin_set *set); /* takes NULL */
bool ate__plugin_set_listens(const struct ate__plugin_set *set); /* one has sink() or index() */

/* The transaction as plug-ins see it. */
struct ate__plugin_view {
    struct ate_plugin_chain chain;
    struct ate_plugin_txn txn;
    struct ate_plugin_event *events;
    struct ate_hash *authors;
    struct ate__buf unpacked; /* payloads that their chain compresses */
};
/* tx outlives it; it stays where it is. strict: a payload that cannot be unpacked, or all that take
 * more than ATE__PLUGIN_UNPACKED_MAX, refuse the transaction (MALFORMED, TOO_BIG); else they are
 * shown as they are stored, without an encoding. *ret_view is to be ended either way. */
int ate__plugin_view_init(struct ate__plugin_view *ret_view, struct ate__trust *trust,
                          const char *name, const struct ate__tx *tx, bool strict) ATE__CHECK;
void ate__plugin_view_deinit(struct ate__plugin_view *view);

/* plugin_feed.c: the thread that tells the plug-ins of one chain; ends with it. chain: whose log is
 * here; handle: for index(), NULL: a server's. log: where it is said that one stopped; any thread.
 */
struct ate__feed;
struct ate__feed_conf {
    struct ate__plugin_set *set; /* outlives the feed */
    struct ate__chain *chain;
    struct ate_chain *handle;
    const char *name;
    void (*log)(void *arg, const char *line);
    void *log_arg;
};
int ate__feed_start(const struct ate__feed_conf *conf, struct ate__feed **ret_feed) ATE__CHECK;
/* Returns when nothing is under way. Takes NULL. */
void ate__feed_end(struct ate__feed *feed);

/* plugin_feed.c: those of a server, until that has ended. */
struct ate__server_conf;
struct ate__plugin_host {
    struct ate__plugin_set *set; /* its owner's to free; NULL: none */
    void (*log)(void *arg, int level, const char *line);
    void *log_arg;
};
/* Fills the plug-in part of the server's conf, whose log is set already. ret_host stays where it
 * is. */
int ate__plugin_host_init(struct ate__plugin_host *ret_host, struct ate_plugin *const *plugins,
                          size_t count, struct ate__server_conf *conf) ATE__CHECK;
