/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin.h: code of others that takes part in chains: looks at what is written before it is
 * (lint), refuses at the root (validate), changes the form in which records lie on a disk (seal,
 * open), is told what happened (sink, index), and says what a compaction keeps (compact).
 *
 * No plug-in makes anything valid that the rules of the chain refuse, and none refuses what is in
 * the chain already: acceptance is the same for everybody, whatever is loaded where.
 *
 *  1. A plug-in runs inside the process, with all its rights: load only what you would run.
 *  2. Each function may be NULL. None may call the library, end the process, or let an exception
 *     out. What it is given is borrowed for the call; `text` is empty, `state` is what start() gave
 *     (NULL without one). A result of 0 says yes; any other refuses, with the sentence that it left
 *     in `text` (ATE_PLUGIN_TEXT bytes, NUL at the end; it is escaped before it is shown).
 *     NOT_FOUND, EXISTS, WRONG_TYPE, MISUSE, CONFLICT, BUSY, MALFORMED, UNSUPPORTED and TOO_BIG are
 *     passed on; all others become DENIED.
 *  3. lint() and validate() have timeout_ms. One that gives no answer within it has refused, with
 *     ATE_BUSY, and so has, at once, every further question until the late one returns: a plug-in
 *     that is slow or fails never lets anything pass.
 *  4. Threads: start() and stop() run alone. lint() and validate() run on one thread of the
 * plug-in, one at a time, for all chains; sink() and index() on another, one at a time; seal(),
 * open() and compact() on any thread, several at once.
 *  5. It changes with ATE_PLUGIN_ABI alone. A plug-in of another number is refused.
 */
#pragma once
#include <ate/compact.h>
#include <ate/watch.h>

ATE__BEGIN

enum { ATE_PLUGIN_ABI = 1, ATE_PLUGIN_TEXT = 256 };
/* How much longer than a record what seal() makes of it may be, in bytes. */
enum { ATE_PLUGIN_SEAL_MORE = 128 };

struct ate_plugin_chain {
    struct ate_hash id;
    const char *name; /* the path that its genesis declares */
};
/* What the root and whoever holds the log see of an event: a private name, type or payload is
 * ciphertext to them. */
struct ate_plugin_event {
    enum ate_event_kind kind;
    struct ate_id id, parent; /* of a body; else zeros */
    bool deleted;             /* a tombstone */
    bool is_private;          /* the payload is a ciphertext, and name and type are inside it */
    struct ate_bytes name, type;
    /* Of a payload in clear: "msgpack" or "json"; else NULL. A chain that compresses: of one that
     * could be unpacked; validate() sees no other. */
    const char *encoding;
    struct ate_bytes payload;
};
struct ate_plugin_txn {
    const struct ate_plugin_chain *chain;
    bool offered; /* it is not in the chain yet */
    uint64_t sequence; /* offered: 0 */
    int64_t time_ns; /* the root's; offered: the writer's claim */
    uint64_t size; /* bytes, as it is stored and sent */
    /* Who signed; every signature was verified. In a centralized chain whom its server writes into
     * it: of the keys that were proved to it the fewest that have the rights, ascending. */
    const struct ate_hash *authors;
    size_t author_count;
    const struct ate_plugin_event *events;
    size_t event_count;
};
/* A change of an object in clear, at who makes it (lint) or may read it (index). */
struct ate_plugin_change {
    const struct ate_plugin_chain *chain;
    uint64_t sequence; /* lint(): 0 */
    enum ate_change change;
    struct ate_id id, parent;
    struct ate_bytes name;
    const char *type, *encoding; /* NULL: it has none, or index() may not read it */
    struct ate_bytes payload;
};

struct ate_plugin_vtable {
    uint32_t abi; /* ATE_PLUGIN_ABI */
    uint32_t timeout_ms; /* of lint() and validate(); 0: 1,000 */
    const char *name; /* 1 to 32 bytes of [a-z0-9-] */
    /* options: of the one who loads it; never NULL. */
    int (*start)(const char *options, void **ret_state, char *text);
    void (*stop)(void *state); /* not after a start() that refused */
    /* At the writer, of each change of a commit, before anything is encrypted, signed or sent. */
    int (*lint)(void *state, const struct ate_plugin_change *change, char *text);
    /* At the root, of each transaction that is offered, the first of a chain among them, once its
     * form and its signatures hold and before it has a place. Of those in a chain by
     * ate_chain_review() alone. */
    int (*validate)(void *state, const struct ate_plugin_txn *txn, char *text);
    /* The form of one record on this disk, of a chain in a directory; nobody else sees it.
     * *ret_size, the room at ret_bytes before the call: what it came to, at most
     * record.size + ATE_PLUGIN_SEAL_MORE. The same record may be sealed again. A failure of seal()
     * is one of the disk; open() of what is not what seal() made is to refuse. Only one plug-in of
     * a process seals. Mirrors, in which a group is as the root sent it, are not sealed. */
    int (*seal)(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes record, uint8_t *ret_bytes, size_t *ret_size, char *text);
    /* *ret_size as above; at most sealed.size. */
    int (*open)(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes sealed, uint8_t *ret_bytes, size_t *ret_size, char *text);
    /* Each transaction of a chain whose log is here, in order, when it is durable. No deadline: one
     * that does not return holds up the closing of the chain. from(): the
     * first sequence that it wants, asked when the chain is opened, on the thread of sink(), with
     * the size of the chain then; NULL: that size. What is not 0 ends it for this chain until that
     * is opened again, and is told where the program logs. */
    uint64_t (*from)(void *state, const struct ate_plugin_chain *chain, uint64_t size);
    int (*sink)(void *state, const struct ate_plugin_txn *txn, char *text);
    /* Each change of an object as the session that opened the chain may read it: of handles with a
     * log or a mirror, not of a server. from() and what is not 0: as with sink(). Of an object that
     * changed more than once since, the newest version may be told each time. */
    int (*index)(void *state, const struct ate_plugin_change *change, char *text);
    /* As ate_vote_fn. Votes of several are joined: the strongest decides. */
    enum ate_vote (*compact)(void *state, const struct ate_vote_event *event,
                             bool *ret_header_only);
    void *reserved[4]; /* NULL */
};

/* What a plug-in of its own file defines, in C or in C++20:
 *
 *     #include <ate/plugin.h>
 *     #include <stdio.h>
 *
 *     static int validate(void *state, const struct ate_plugin_txn *txn, char *text)
 *     {
 *         (void)state;
 *         if (txn->size <= 100000)
 *             return 0;
 *         snprintf(text, ATE_PLUGIN_TEXT, "%llu bytes", (unsigned long long)txn->size);
 *         return ATE_TOO_BIG;
 *     }
 *     ATE_PLUGIN = {.abi = ATE_PLUGIN_ABI, .name = "small", .validate = validate};
 *
 * It needs these headers, and no library of ours:
 *
 *     cc -shared -fPIC -o small.so small.c
 *     ate put notes a 1 --plugin ./small.so
 */
#define ATE_PLUGIN                                                                                 \
    ATE_API extern const struct ate_plugin_vtable ate_plugin_main;                                 \
    const struct ate_plugin_vtable ate_plugin_main

struct ate_plugin;
/* Loads the shared object `file`, which has an ATE_PLUGIN, and starts it. The file, its folder, all
 * above it and links to folders on the way belong to root or this process's user, and nobody else
 * can write there; above its folder one like /tmp will do. The file is no link. options NULL: "".
 * Errors: NOT_FOUND, DENIED: others can change it, or it is no file; UNSUPPORTED: another ABI;
 * MALFORMED: no plug-in, or a name that it cannot have; that of start(); E_*. */
ATE_CALL int ate_plugin_load(const char *file, const char *options, struct ate_plugin **ret_plugin);
/* The same of a vtable of the program's own, which lives as long as the process. */
ATE_CALL int ate_plugin_start(const struct ate_plugin_vtable *vtable, const char *options,
                              struct ate_plugin **ret_plugin);
ATE_API const char *ate_plugin_name(const struct ate_plugin *plugin);
/* Ends it once no chain or server that was opened with it is left; takes NULL. */
ATE_API void ate_plugin_end(struct ate_plugin *plugin);

typedef void ate_objection_fn(void *arg, uint64_t sequence, enum ate_result result,
                              const char *text);
/* WAITS. Asks validate() of the plug-ins that the chain was opened with about each transaction of
 * its history, from the first on, and tells of each objection inside the call, those for want of an
 * answer in time (BUSY) among them. Nothing becomes less valid by it. ret_count: transactions that
 * one objects to. each may be NULL.
 * Errors: UNSUPPORTED: the chain is thin; COMPACTED, WOULD_DEADLOCK, E_*. */
ATE_CALL int ate_chain_review(struct ate_chain *chain, ate_objection_fn *each, void *arg,
                              uint64_t *ret_count);

ATE__END
