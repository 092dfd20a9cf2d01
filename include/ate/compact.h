/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.h: a log gets shorter, while it is read and written.
 *
 * What is dropped are the payloads of versions that were superseded, and of deleted objects: to ask
 * for one is COMPACTED from then on. Every header, hash and signature stays, so that all of the
 * history still verifies from the root key on, and every proof made before stays valid. What a
 * transaction that has begun may still read stays too.
 *
 * A *deep* compaction drops transactions and events too, below a *cut-off*: what was superseded,
 * and what belongs to objects that are long gone. What lives keeps its values, its authors, its
 * times and all by which its rights are judged; of every transaction the leaf of the tree stays, so
 * that every proof for every earlier size can still be made. Before anything goes a certificate is
 * committed, signed by a root key or a compactor key of the session, or in a centralized chain by
 * nobody, whose order a log key signs: whoever opens the chain computes what it states from what is
 * left, and refuses a chain that lacks more (ATE_OMITTED).
 */
#pragma once
#include <ate/history.h>

ATE__BEGIN

#define ATE_CUT_OFF_NEWEST UINT64_MAX

/* A vote on an event: the strongest decides, force-keep, then force-drop, keep and drop; one that
 * nobody votes for goes, if it is in question at all. The library's own rules force-keep all that
 * acceptance needs to judge what stays, each present value, and what a transaction that has begun
 * may read: no vote lets any of that go, ATE_VOTE_FORCE_DROP neither, which only overrules a KEEP.
 * So a vote keeps more: an old version with its payload, an event of an object that is long gone,
 * with all that it takes to judge it. */
enum ate_vote {
    ATE_VOTE_NONE,
    ATE_VOTE_DROP,
    ATE_VOTE_KEEP,
    ATE_VOTE_FORCE_DROP,
    ATE_VOTE_FORCE_KEEP
};
struct ate_vote_event {
    uint64_t sequence;
    enum ate_event_kind kind;
    struct ate_id id, parent; /* parent: of a body */
    struct ate_hash event_hash;
    uint64_t payload_size; /* as stored; 0 also if it is gone */
    bool has_payload;
};
/* The same answer for the same event each time: it is asked more than once. *ret_header_only, false
 * before the call: keep it without its payload. Runs on the thread that compacts, and may not call
 * the library. */
typedef enum ate_vote ate_vote_fn(void *arg, const struct ate_vote_event *event,
                                  bool *ret_header_only);

struct ate_compact_conf { /* zero means the default in every field */
    uint64_t below; /* only what lies below this sequence; 0: all that is old enough by itself */
    unsigned gain_percent; /* a file is written anew if so much of it goes; 0: 10 */
    uint64_t bytes_per_second; /* of reading and writing; 0: as fast as it goes */
    /* bytes; runs inside the call, on its thread, and may not call the library */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    bool deep;
    uint64_t cut_off; /* deep: transactions below it may go. 0: those older than 7 days, or younger
                         ones, but none of the last hour, where they take more than four times
                         as much as all that lives, by root time, back from the newest one;
                         ATE_CUT_OFF_NEWEST: all there are */
    ate_vote_fn *vote; /* NULL: none */
    void *vote_arg;
    uint64_t reserved[4]; /* zero, else MISUSE */
};
struct ate_compacted {
    uint64_t files, rewritten; /* that were looked at; that were written anew */
    uint64_t payloads; /* that went */
    uint64_t bytes_before, bytes_after; /* of the chain on disk, which may have grown meanwhile */
    uint64_t events, transactions; /* that went */
    uint64_t cut_off; /* of the chain; 0: nothing but payloads ever went */
    uint64_t bytes_freed; /* by the files that were written anew */
};

/* WAITS. Of a chain in a directory, opened for writing; conf NULL: all defaults. Needs room on the
 * disk for one file of the log, at most 64 MiB. It can be stopped at any moment, by the death of
 * the process too: what was done until then stands. The stage that progress is told is "compact".
 * Any thread; one at a time.
 * Errors: UNSUPPORTED: the chain is at a server, which compacts it; BUSY: it is being compacted
 * already; NO_KEY: no key of the session may sign the certificate; DENIED: an archive is never
 * deeply compacted; READ_ONLY, E_NO_SPACE, TAMPERED, WOULD_DEADLOCK, E_*. */
ATE_CALL int ate_chain_compact(struct ate_chain *chain, const struct ate_compact_conf *conf,
                               struct ate_compacted *ret_compacted);

/* ---- by itself ---- */

/* When an open chain is compacted by itself. What counts are the files of its log that are full;
 * growth is measured from what the last compaction left, and a chain that never was compacted is
 * all growth. Whatever the mode, a log of less than size_min is left alone, and so is one to which
 * nothing was added since the last run. */
enum ate_compact_mode {
    ATE_COMPACT_NEVER, /* the default */
    ATE_COMPACT_ON_OPEN, /* once, when it is opened */
    ATE_COMPACT_TIMER, /* every_s after the last run, or after the open */
    ATE_COMPACT_FACTOR, /* when it has grown to factor_percent of what was left */
    ATE_COMPACT_SIZE, /* when it has grown by `size` */
    ATE_COMPACT_FACTOR_OR_TIMER, /* whatever comes first */
    ATE_COMPACT_SIZE_OR_TIMER
};
/* Of struct ate_chain_conf and struct ate_server_conf; read during the call, so it may lie on the
 * stack. It runs on a thread of its own, one chain after the other, beside reads and commits, none
 * of which fails for it; it ends with the chain, at once. A run that failed is tried again after a
 * minute, then after two, and so on up to about an hour. */
struct ate_compact_when { /* zero means the default in every field */
    enum ate_compact_mode mode;
    unsigned factor_percent; /* above 100; 0: 200 */
    uint64_t size; /* bytes; 0: 64 MiB */
    uint64_t every_s; /* 0: 3,600 */
    uint64_t size_min; /* bytes; 0: 2 MiB */
    uint64_t bytes_per_second; /* of reading and writing; 0: 16 MiB */
    /* Deep, at most once a day, with the default cut-off, in chains that are centralized, and where
     * a key of the session may sign the certificate; elsewhere payloads alone go. */
    bool deep;
    struct ate_session *session; /* deep: NULL: that of the open; of a server: none */
    /* A run ended: 0, or the result and its sentence, with `compacted` zero then. Runs on that
     * thread, until the chain is closed, and may not call the library. A server has its log. */
    void (*ran)(void *arg, int result, const char *text, const struct ate_compacted *compacted);
    void *ran_arg;
    ate_vote_fn *vote; /* until the chain is closed; NULL: none */
    void *vote_arg;
    uint64_t reserved[4]; /* zero, else MISUSE */
};

ATE__END
