/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_private.h: the inside of a server, shared by server*.c.
 *
 *     server.c         life: start, end, work off the loop, the log
 *     server_peer.c    one connection: frames to handlers, answers to frames, when it is not read
 *     server_stream.c  one stream: OPEN, CREATE, CLOSE, its end
 *     server_hosted.c  the chains that are open, each once: opening, creating, closing
 *     server_compact.c compaction by itself: since when, and what it tells
 *     server_follow.c  SUBSCRIBE: catch-up from the log, live groups
 *     server_destroy.c DESTROY
 *     server_members.c CHALLENGE, READERS, POSSESSION: who is shown a chain
 *     server_answer.c  COMMIT, OUTCOME, GET, PROVE, CHECKPOINT and their answers
 *     server_prove.c   what PROVE and CHECKPOINT ask for; signing
 *     server_notes.c   NOTES: heads that are signed by themselves
 *     server_unread.c  what peers that do not read cost all together
 *
 * Threads. All state belongs to the loop's thread, but where a field says otherwise. What waits
 * for the disk or takes long runs on one of four pools, so that none of them stops another:
 * `chains` checks, orders and syncs; `reads` reads the log for subscribers, GETs and proofs;
 * `opens` opens, creates and closes chains; `compacts`, of one thread, compacts them. Work goes out
 * as a struct ate__job, which comes back to the loop, or as an offer, whose answer is built on the
 * thread that synced it, so that a commit crosses threads twice: loop -> pool -> loop.
 *
 * Lives. A peer lives until its link has ended and its streams are gone; a stream until it has
 * ended and all work for it has come back; a hosted chain is not closed while a stream uses it.
 * Each is freed on the loop's thread. `busy` counts all work that will come back.
 */
#pragma once
#include "base/assert.h"
#include "base/map.h"
#include "chain/resync.h"
#include "mesh/bundle.h"
#include "mesh/home.h"
#include "mesh/log_limit.h"
#include "mesh/server.h"
#include "mesh/sources.h"
#include "net/link.h"
#include "net/loop_uv.h"
#include <pthread.h>
#include <stdatomic.h>

struct ate__peer;
struct ate__stream;
struct ate__hosted;
struct ate__destroying; /* server_destroy.c */

/* --- server.c --- */

enum ate__log_level {
    ATE__LOG_ERROR,
    ATE__LOG_WARNING,
    ATE__LOG_INFO,
    ATE__LOG_DEBUG,
    ATE__LOG_LEVELS
};

struct ate__server {
    /* constant */
    struct ate__server_conf conf; /* its limits are filled in; logs and listen are NULL */
    struct ate__home home;
    struct ate__tls_server_key *key;
    struct ate__log_key *log_key;
    struct ate_hash log_fingerprint; /* of it */
    struct ate__workers *chains, *reads, *opens, *compacts; /* compacts: NULL: nothing is */
    struct ate__loop *loop;
    struct ate__acceptor *acceptor; /* NULL: none */
    char *address;
    /* thread-safe */
    struct ate__sources sources;
    atomic_size_t busy, committing; /* committing: commits, which count in busy as well */
    pthread_mutex_t mutex; /* guards `quiet`, `compacted`, and how many chains there are in LOGS */
    pthread_cond_t quiet; /* one of them has fallen to 0 */
    bool counted;
    size_t chain_count;
    /* SHA-256 of a path -> monotonic ms: when it was compacted, or else first opened. A chain is
     * closed when it is idle, and its timer goes on. */
    struct ate__map compacted;
    /* of the thread that compacts */
    struct ate__log_limit compact_lines[ATE__LOG_LEVELS];
    /* of the loop's thread */
    struct ate__map hosted; /* SHA-256 of the path -> struct ate__hosted */
    size_t open_count; /* of them: open, or being opened or closed */
    struct ate__peer *peers;
    size_t unread; /* at least what its peers hold together: the sum of their `unread` */
    struct ate__log_limit lines[ATE__LOG_LEVELS]; /* of those that peers cause */
    struct ate__loop_timer *sweep, *look;
    struct ate__hosted *watched, **last_watched; /* server_notes.c: with streams that asked */
    struct ate__stream *signs_for; /* holds the chain that is being signed; NULL: none */
    uint64_t saved_ms; /* when `sources` was last saved */
    bool stopping, closing; /* takes no more requests; opens no chain again */
};

/* All of a server but its acceptor; peers come through ate__server_accept(). */
int ate__server_core(const struct ate__server_conf *conf, struct ate__server **ret_server)
    ATE__CHECK;
void ate__server_limits_fill(struct ate__server_conf *conf); /* server_limits.c */
void ate__server_log(struct ate__server *s, enum ate__log_level level, const char *format, ...)
    ATE__PRINTF(3, 4);
/* A line that peers can cause as often as they like: within the limit log-lines. */
void ate__server_log_peer(struct ate__server *s, enum ate__log_level level, const char *format, ...)
    ATE__PRINTF(3, 4);
void ate__server_log_left_out(struct ate__server *s, bool ends); /* if there is something to tell */
/* One about a compaction, on its thread: within the same limit, for these alone. */
void ate__server_log_compact(struct ate__server *s, enum ate__log_level level, const char *format,
                             ...) ATE__PRINTF(3, 4);

/* Work that comes back. Any thread. */
void ate__server_busy(struct ate__server *s);
void ate__server_done(struct ate__server *s);
void ate__server_committing(struct ate__server *s); /* a commit, on top of that */
void ate__server_committed(struct ate__server *s);

/* work() on a thread of a pool, then done() on the loop's, which may free the job or start it
 * again. Memory of the caller. */
struct ate__job {
    struct ate__task task;
    struct ate__loop_task back;
    struct ate__server *server;
    void (*work)(struct ate__job *job);
    void (*done)(struct ate__job *job);
    int result;
    char text[512]; /* its sentence */
};
/* Any thread. */
void ate__job_start(struct ate__job *job, struct ate__workers *pool, uint32_t delay_ms);
/* Keeps result and this thread's sentence; for work(). */
void ate__job_result(struct ate__job *job, int result);

/* --- server_peer.c --- */

struct ate__frame_out { /* that waits for room */
    struct ate__frame_out *next;
    uint16_t type;
    uint32_t stream;
    struct ate__buf body;
};
struct ate__peer {
    struct ate__server *server;
    struct ate__link *link; /* NULL: it has ended */
    char name[64]; /* the link's `peer` */
    struct ate__source source;
    struct ate__peer *next, *prev;
    unsigned refs; /* the link, each stream */
    struct ate__stream *streams;
    unsigned stream_count;
    size_t commits, commit_bytes, requests; /* without an answer */
    unsigned failed_signatures;
    struct ate__frame_out *waiting, **last_waiting;
    size_t waiting_bytes;
    size_t unread; /* what it held when that was last looked at: server_unread.c */
    bool paused;
    struct ate__stream *catching, **last_catching; /* their turn to read the log */
    bool reading; /* one of them does */
    struct ate__stream *asking, **last_asking; /* their turn to have a GET or OUTCOME answered */
    bool answering; /* one of them has */
    bool destroying; /* one of them: it is judged, or done */
    unsigned proving; /* of them: until that is judged it is not read */
};

/* As struct ate__acceptor_events has them; user: the server. */
int ate__server_accept(void *user, struct ate__link *link,
                       const struct ate__link_events **ret_events, void **ret_owner);
void ate__server_refused(void *user, const char *peer, int result, const char *text);
/* Sends a frame, or keeps it until there is room; takes body. A frame that cannot be sent at all
 * ends the connection. */
void ate__peer_send(struct ate__peer *p, uint16_t type, uint32_t stream,
                    struct ate__buf *take_body);
void ate__peer_send_error(struct ate__peer *p, uint32_t stream, int result, const char *text);
void ate__peer_close(struct ate__peer *p, int result, const char *text);
/* Without what waits for it. */
void ate__peer_drop(struct ate__peer *p, int result, const char *text);
void ate__peer_judge(struct ate__peer *p); /* whether it is to be read just now */
void ate__peer_unref(struct ate__peer *p);

/* --- server_unread.c --- */

/* Due when something was sent to it, or left it: where all hold more than the limit, who hold most
 * are dropped, which may be this one. No link is gone when it returns. */
void ate__unread_note(struct ate__peer *p);
void ate__unread_drop_stuck(struct ate__server *s); /* all that do not read */

/* --- server_stream.c --- */

enum ate__follow { ATE__FOLLOW_NOT, ATE__FOLLOW_ASKED, ATE__FOLLOW_CATCHING, ATE__FOLLOW_LIVE };

struct ate__kept_snapshot {
    struct ate__view_snapshot view;
    uint64_t used; /* when, in GETs of the stream; 0: none is kept here */
};
/* What compaction has left goes first; cut_off 0: no more of it. The cursor stands in it, too. */
struct ate__resyncing {
    uint64_t cut_off, kept_end, generation;
    uint64_t leaves, leaves_end; /* what comes first of all: up to where they were sent */
};
struct ate__stream {
    struct ate__peer *peer;
    uint32_t id;
    unsigned refs; /* the peer's list, and all work under way */
    struct ate__stream *next, *prev; /* of the peer's */
    atomic_bool ended; /* set on the loop's thread, read on any */
    struct ate__hosted *hosted; /* NULL until it is open */
    bool opened; /* OPENED was sent */
    bool encrypted; /* so is the link; constant */

    /* while it is being opened */
    struct ate__stream *next_waiter;
    bool create;
    struct ate__buf genesis;
    char *path; /* of one that is hidden; else NULL */

    /* server_follow.c */
    enum ate__follow follow;
    uint64_t cursor; /* the next sequence to be sent */
    struct ate__resyncing resyncing;
    bool holds; /* it was sent RESYNC, and has not come to the end yet */
    struct ate__stream *next_live, **back_live; /* LIVE: of the chain's */
    struct ate__stream *next_catching; /* in the peer's queue */

    /* server_notes.c */
    struct ate__noted {
        bool listed, asked; /* listed: its chain's heads are signed */
        uint32_t least_ms; /* between two */
        uint64_t serial, sent_ms; /* of the note that it has; 0: none */
        struct ate__stream *next, **back; /* of the chain's */
    } noted;

    /* server_answer.c */
    struct ate__item *held, **last_held; /* COMMITTEDs that wait for their GROUP */
    pthread_mutex_t mutex; /* guards the next four, any thread */
    struct ate__item *items, **last_item; /* to be answered, in order */
    bool building; /* a thread is at it, which alone touches what follows */
    struct ate__task build;
    struct ate__loop_task turn;
    struct ate__stream *next_asking; /* in the peer's queue */
    struct ate__head proven; /* newest head that an answer has proven */
    struct ate__kept_snapshot kept[ATE__SNAPSHOTS_KEPT];
    uint64_t gets;

    /* server_members.c */
    struct {
        bool first; /* it is hidden: before it is admitted nothing is said of its chain */
        bool admitted;
        bool asked; /* POSSESSION is due, or more of it */
        bool failed; /* one of the proofs did not hold */
        bool named; /* what is proved is proved for: */
        struct ate_hash chain_id;
        struct ate__loop_timer *timer;
        struct ate_hash nonce;
        uint32_t said, judging; /* POSSESSIONs that came; of them under way */
        uint32_t seals; /* READERS that came */
        uint32_t proved_count;
        struct ate__proved {
            struct ate_hash key;
            struct ate__public_parts parts; /* without the bytes */
            bool signs;
        } proved[ATE__POSSESSED_MAX];
        /* Of them those that sign, and so may be said to have made something. */
        uint32_t count;
        struct ate_hash key[ATE__POSSESSED_MAX];
        uint32_t sealed_count; /* READERS were answered with so many, for POSSESSION: */
        struct ate__sealed_for {
            struct ate_hash key;
            struct ate__key32 secret;
        } sealed[ATE__POSSESSED_MAX];
    } member;

    /* server_keys.c */
    struct {
        uint32_t taken; /* of member.key */
        uint32_t count;
        struct ate_hash key[ATE__PROVED_MAX];
    } authors;

    /* server_destroy.c */
    bool has_nonce;
    struct ate_hash nonce;
};

struct ate__stream *ate__stream_find(struct ate__peer *p, uint32_t id); /* NULL: none */
void ate__stream_open(struct ate__peer *p, uint32_t id, struct ate_bytes body);
void ate__stream_create(struct ate__peer *p, uint32_t id, struct ate_bytes body);
/* ERROR, then the end. */
void ate__stream_fail(struct ate__stream *s, int result, const char *text);
void ate__stream_end(struct ate__stream *s);
struct ate__stream *ate__stream_ref(struct ate__stream *s);
void ate__stream_unref(struct ate__stream *s);
/* What became of the wait for its chain: hosted, or failed. */
void ate__stream_got(struct ate__stream *s, struct ate__hosted *h, bool created);

/* --- server_hosted.c --- */

/* Whole groups as frames' bodies; or leaves, or what is left of groups. */
struct ate__group_out_frame {
    uint16_t type;
    size_t at, size; /* in bytes */
    uint64_t first, end; /* sequences */
};
struct ate__groups {
    struct ate__buf bytes;
    struct ate__group_out_frame *frames;
    size_t count, capacity;
    uint64_t end; /* where reading stopped */
    uint64_t to; /* what could be read then: everything, if end == to */
};
void ate__groups_clear(struct ate__groups *g);
void ate__groups_deinit(struct ate__groups *g);

enum ate__hosted_state {
    ATE__HOSTED_SHUT,
    ATE__HOSTED_OPENING,
    ATE__HOSTED_OPEN,
    ATE__HOSTED_CLOSING
};

struct ate__hosted {
    struct ate__server *server;
    struct ate_hash key; /* of the server's map */
    char *path;
    enum ate__hosted_state state;
    struct ate__pipe *pipe; /* OPEN */
    struct ate__chain *chain;
    struct ate__recent *recent; /* of chain */
    void *attached; /* by conf.attach */
    unsigned users; /* streams */
    uint64_t idle_since_ms;
    struct ate__stream *waiters, **last_waiter;
    struct ate__job job; /* opening, creating, closing */
    struct ate__buf tombstone; /* what its owner signed who destroyed it; empty: it was not */
    struct ate_hash tombstone_key; /* who signed it */
    struct ate__trust *gone_trust; /* of the transaction 0 in it; NULL: it is not the chain's */
    struct ate__stream *creator; /* in job: whose genesis it is; NULL: opening */
    bool created;

    /* server_follow.c: live groups */
    struct ate__listener listener; /* of the chain */
    pthread_mutex_t mutex; /* guards the next three, any thread */
    uint64_t published;
    bool has_live, reading;
    struct ate__stream *live;
    uint64_t delivered; /* what streams that are live have all got */
    struct ate__job read;
    struct ate__groups groups;

    /* server_compact.c; under the mutex above */
    struct ate__hold {
        uint64_t until_ms; /* no compaction is begun; monotonic */
        uint64_t due_ms; /* since when one waits for that; 0: none does */
    } hold;

    /* server_notes.c */
    struct ate__notes {
        struct ate__stream *streams; /* for which they are signed */
        struct ate__hosted *next, **back; /* of the server's, while there are any */
        uint64_t looked_ms, looked_size; /* when it was signed last, or tried; 0: not yet */
        struct ate__buf body; /* of the newest note, encoded */
        uint64_t size, serial; /* what it signs; which it is, 0: there is none */
        struct ate__job job;
        struct ate__buf made; /* by the job */
        uint64_t made_size;
    } notes;
    /* server_destroy.c */
    struct ate__destroying *destroying; /* judged, and about to be done; NULL: none */
    unsigned commits; /* of all streams, without an answer */
    uint64_t held_until_ms; /* no commit is taken */
    bool gone; /* it is closed as soon as it can, and nobody gets it as it is */

    /* server_prove.c */
    pthread_mutex_t signing; /* guards the rest */
    struct ate__buf note; /* the last checkpoint that was signed since it is open; empty: none */
    uint64_t note_size, note_ms;
    bool refused; /* the log has it that nothing is signed */
};

/* The stream, which holds what it asks for, waits for the chain; ate__stream_got() or
 * ate__stream_fail() comes. */
void ate__hosted_ask(struct ate__server *server, struct ate_bytes path, struct ate__stream *s);
void ate__hosted_leave(struct ate__hosted *h); /* a stream does no longer use it */
void ate__hosted_settle(struct ate__hosted *h); /* nothing goes on: a server that ends closes it */
void ate__hosted_sweep(void *server); /* closes what is idle; a timer's */
void ate__hosted_close_all(struct ate__server *s);

/* --- server_compact.c --- */

/* For the chain of h, which is about to be opened or created. */
struct ate__auto_conf ate__compact_conf_of(struct ate__hosted *h);
/* A stream resyncs, and has just taken a step: no compaction begins in the next time, but for one
 * that has waited long. Any thread. */
void ate__compact_hold(struct ate__hosted *h);
/* As struct ate__auto_conf has it; arg: the hosted chain. */
uint64_t ate__compact_held_ms(void *arg);

/* --- server_follow.c --- */

void ate__follow_init(struct ate__hosted *h); /* the chain is open */
void ate__follow_deinit(struct ate__hosted *h);
void ate__follow_subscribe(struct ate__stream *s, struct ate_bytes body);
void ate__follow_end(struct ate__stream *s);
void ate__follow_catch_up(struct ate__peer *p); /* if one of its streams may read now */
uint64_t ate__follow_readable(const struct ate__hosted *h); /* what may be shown; any thread */

/* --- server_resync.c; on a thread of `reads` --- */

/* Groups from there on, and no leaves any more: or COMPACTED, and what there is instead (NULL: not
 * wanted). Errors: BUSY E_* */
int ate__resync_check(struct ate__hosted *h, uint64_t from,
                      struct ate__remains_of_chain *ret_remains) ATE__CHECK;
/* The next frames of what is left, until they are bytes_max or more. Errors: BUSY: it was
 * compacted meanwhile; TAMPERED E_* */
int ate__resync_read(struct ate__hosted *h, const struct ate__resyncing *at, uint64_t from,
                     size_t bytes_max, struct ate__groups *groups) ATE__CHECK;

/* --- server_answer.c --- */

void ate__answer_commit(struct ate__stream *s, struct ate_bytes body);
void ate__answer_outcome(struct ate__stream *s, struct ate_bytes body);
void ate__answer_get(struct ate__stream *s, struct ate_bytes body);
void ate__answer_prove(struct ate__stream *s, struct ate_bytes body);
void ate__answer_checkpoint(struct ate__stream *s, struct ate_bytes body);
/* REJECTED, with this thread's sentence. */
void ate__answer_refuse(struct ate__stream *s, uint32_t request, int result);
void ate__answer_bad_signature(struct ate__peer *p); /* one more; the last one closes it */
void ate__answer_release(struct ate__stream *s); /* the cursor moved on, or the stream has ended */
void ate__answer_turn(struct ate__peer *p); /* if one of its streams may have its turn now */
void ate__answer_init(struct ate__stream *s);
void ate__answer_deinit(struct ate__stream *s);

/* --- server_members.c --- */

bool ate__hosted_attests(const struct ate__hosted *h); /* its chain is centralized */
/* Errors: UNTRUSTED: it is, and does not name this server's log key. Any thread. */
int ate__attests_check(const struct ate__server *s, const struct ate__trust *t) ATE__CHECK;
/* Hides the stream: CHALLENGE before its chain is looked for, by ate__hosted_ask(). Errors:
 * NO_ACCESS: clear text; E_MEMORY. */
int ate__members_challenge_first(struct ate__stream *s) ATE__CHECK;
/* CHALLENGE in front of OPENED, of a centralized chain, if the stream is not hidden. Errors:
 * NO_ACCESS: clear text; UNTRUSTED: it does not name this server's log key; E_MEMORY. */
int ate__members_challenge(struct ate__stream *s) ATE__CHECK;
/* Of one that is hidden: whether it has proved a key of this chain, which then is its own. */
bool ate__members_admit(struct ate__stream *s, struct ate__hosted *h);
/* The same of a chain that is gone: of the key that signed for its end, or one of its start; NULL:
 * that is not what was signed for, and nobody's. */
bool ate__members_told(struct ate__stream *s, struct ate__trust *gone,
                       const struct ate_hash *gone_key);
/* As ate__stream_fail(); but nothing, now, of one that is hidden. */
void ate__members_fail(struct ate__stream *s, int result, const char *text);
void ate__members_end(struct ate__stream *s); /* it waits for nothing */
void ate__members_seal(struct ate__stream *s, struct ate_bytes body);
void ate__members_prove(struct ate__stream *s, struct ate_bytes body);
/* Who may be said to have made what it commits; they stay where they are as long as it does. */
uint32_t ate__keys_of(struct ate__stream *s, const struct ate_hash **ret_keys);
void ate__keys_prove(struct ate__stream *s, struct ate_bytes body);
/* Whether a stream that is open may be shown, and ask for, anything. Errors: NO_ACCESS
 * UNTRUSTED. */
int ate__members_check(const struct ate__stream *s) ATE__CHECK;

/* --- server_destroy.c --- */

void ate__destroy_asked(struct ate__stream *s, struct ate_bytes body);
void ate__destroy_go_on(struct ate__hosted *h); /* a commit has its answer */
int ate__destroy_check_held(const struct ate__hosted *h) ATE__CHECK; /* BUSY */
/* DESTROYED, then the end. */
void ate__destroyed_tell(struct ate__stream *s, struct ate_bytes statement);

/* --- server_prove.c --- */

/* Any thread but the loop's. Errors: NOT_FOUND: beyond what is published; COMPACTED TAMPERED E_*.
 */
int ate__hosted_prove(struct ate__hosted *h, const struct ate__msg_prove *m,
                      struct ate__msg_proven *ret_proven) ATE__CHECK;
/* Appends a note. Errors: NOT_FOUND: there is none; FORKED, ROLLED_BACK, TAMPERED: what was signed
 * here last is no prefix of the chain; E_*. */
int ate__hosted_checkpoint(struct ate__hosted *h, struct ate__buf *ret_note) ATE__CHECK;
/* What is on stable storage already, signed by this server. NOT_FOUND: it may not sign, or there is
 * nothing. Others as of checkpoint(). */
int ate__hosted_note(struct ate__hosted *h, struct ate__buf *ret_note, uint64_t *ret_size)
    ATE__CHECK;

/* --- server_notes.c --- */

void ate__notes_ask(struct ate__stream *s, struct ate_bytes body);
void ate__notes_watch(struct ate__stream *s); /* heads are signed from now on, until it ends */
void ate__notes_end(struct ate__stream *s);
void ate__notes_look(void *server); /* signs and sends what is due; a timer's */
void ate__notes_deinit(struct ate__hosted *h);
