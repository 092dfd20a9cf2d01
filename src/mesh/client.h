/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client.h: the other end of a pipe: a chain at a server, thin or with a mirror
 * (docs/decisions/0005).
 *
 *  1. A lost connection is taken up again by itself: back-off with jitter; the stream goes on from
 *     the verified head; what was offered and is not answered is sent again, the same bytes, in the
 *     order in which it was first sent. An offer ends with ATE_UNKNOWN when its time is over after
 *     it was sent, with ATE_TIMEOUT before, with ATE_OFFLINE only if the client never reached the
 *     server within the time. Reads wait for the server in the same way.
 *  2. Every head is checked: it extends the newest verified one (consistency), or ATE_FORKED /
 *     ATE_ROLLED_BACK, and nothing of it is shown.
 *  3. COMMITTED is believed only if the transaction's leaf is included in the head it names.
 *  4. A wrong pin, another chain under the path, another history, or a broken protocol is final: no
 *     reconnect; every call gives that result, but a commit that was sent and has no answer, whose
 *     end is ATE_UNKNOWN.
 *  5. mirror: groups are verified in full (ate__chain_feed) before anything of them is shown; reads
 *     are as on a local chain. thin: what is verified, and what rests on the server, is listed in
 *     mesh/thin_check.h; outcome() of a thin chain rests on the server but for the head.
 *  6. Of a mirror, a commit is answered when its group was taken in: read your writes.
 *
 * There is no outbox: scope LOCAL is ATE_UNSUPPORTED on both. A thin chain has no history and no
 * listeners: ATE_UNSUPPORTED.
 */
#pragma once
#include "chain/chain.h"
#include "net/addr.h"
#include "net/lookup.h"

struct ate__checkpoint;
struct ate__remote_conf {
    const struct ate__env *env;
    struct ate__workers *workers; /* NULL (tests): what they do runs on the network's thread */
    /* With the pins to check, and the chain for which keys are proved before any is shown; what it
     * says of anchors is not looked at. */
    struct ate__addr addr;
    const char *mirror_dir; /* a directory, made if missing; NULL: thin */
    bool mirror_memory; /* a mirror that is not kept */
    /* For the view image of a mirror in a directory (chain/image.h); count 0: there is none. */
    const struct ate__key32 *image_secrets;
    size_t image_secret_count;
    uint64_t fetch_bytes_max; /* that a mirror takes from the server; 0: no bound of its own */
    bool no_wire_encryption;
    const struct ate__lookup *lookup; /* of net/tcp_uv.h; copied; NULL: none */
    /* Its keys are proved to a server that asks who is there; NULL: none. */
    struct ate_session *session;
    int32_t timeout_ms; /* of every single wait; -1: none. Fetching a mirror: between two groups */
    /* Not empty: a transaction 0; CREATE if the chain is not there; created() tells. */
    struct ate_bytes genesis;
    /* The anchor check of the caller: 0 or UNTRUSTED, WRONG_CHAIN with the sentence. Runs inside
     * ate__remote_open(), before anything is shown. `trust`: of the genesis, or of all that was
     * verified. Of a mirror first with the genesis, before anything is fetched or changed, and not
     * `whole`: 0 says that the history may satisfy it; then with that. NULL: none. */
    int (*anchor)(void *arg, struct ate__trust *trust, bool whole);
    /* The newest head of this chain that the caller remembers; size 0: none. What the server shows
     * must extend it. */
    uint64_t remembered_size;
    struct ate_hash remembered_root;
    /* When the RESET was signed behind which that head stands; 0: none is known. Nobody is told of
     * a destruction that was signed before it. */
    uint64_t remembered_reset_us;
    /* Told of newer verified heads, any thread, must not block long: the caller remembers it. Not
     * told of those of a server that does not sync each commit. NULL: not wanted. */
    void (*advanced)(void *arg, const struct ate_hash *chain_id, uint64_t size,
                     const struct ate_hash *root);
    /* Told of each checkpoint that the server sends by itself, once it was judged: 0; FORKED: it
     * is signed by a log key in force, and no head of the history that was verified; ROLLED_BACK:
     * it is of fewer transactions than one that was signed before it; UNTRUSTED: no log key in
     * force signed it, which may be as it should; OFFLINE TIMEOUT ...: it could not be judged;
     * others: the server broke a rule. Gives what is to become of it, its sentence set: what is the
     * server's fault is final. On a worker. NULL: none are asked for. */
    int (*noted)(void *arg, int result, struct ate_bytes note,
                 const struct ate__checkpoint *checkpoint);
    /* Told of each checkpoint of a centralized chain by which what it shows was believed. Any
     * thread; must not wait for the server. NULL: not wanted. */
    void (*believed)(void *arg, struct ate_bytes note);
    /* FORKED or ROLLED_BACK, its sentence set, is about to be final for a chain that was open;
     * gives it, with a better sentence. It may ask the server, which takes seconds at most, and
     * whoever lets the last reference go waits for that. On a worker. NULL: not wanted. */
    int (*forked)(void *arg, int result);
    /* Called once the chain is open, and then whenever that many ms have passed which it gave; 0:
     * never again. Not at the same time as noted(). On a worker. NULL: not wanted. */
    uint64_t (*look)(void *arg);
    void *arg;
    /* Inside open: "verify" of a mirror that is there, "fetch" of what it lacks. */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    struct ate__net_limits limits;
};
/* WAITS until the chain is there (a mirror: caught up), within timeout_ms; a server that is not
 * reached at all within ATE__OPEN_PATIENCE_MS is ATE_OFFLINE. conf is borrowed for the call, but
 * env, and arg, which outlive the pipe. Errors: NOT_FOUND NO_ACCESS DENIED EXISTS (the directory
 * holds a chain that is no mirror) UNTRUSTED WRONG_CHAIN TAMPERED FORKED ROLLED_BACK BAD_PEER BUSY
 * TIMEOUT OFFLINE UNSUPPORTED MALFORMED IN_USE WOULD_DEADLOCK E_*. */
int ate__remote_open(const struct ate__remote_conf *conf, struct ate__pipe **ret_pipe) ATE__CHECK;
