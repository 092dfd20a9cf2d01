/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client.h: the other end of a pipe: a chain at a server, thin or with a mirror (LOG 21).
 *
 *  1. A lost connection is taken up again by itself: back-off with jitter; the stream goes on from the verified head; what was offered and is not answered is
 *     sent again, the same bytes, in the order in which it was first sent. An offer ends with ATE_UNKNOWN when its time is over after it was sent, with ATE_TIMEOUT before, with
 *     ATE_OFFLINE only if the client never reached the server within the time.
 *  2. Every head is checked: it extends the newest verified one (consistency), or ATE_FORKED / ATE_ROLLED_BACK, and nothing of it is shown.
 *  3. COMMITTED is believed only if the transaction's leaf is included in the head it names.
 *  4. A wrong pin, another chain under the path, or a broken protocol is final: no reconnect; every call gives that result.
 *  5. mirror: groups are verified in full (ate__chain_feed) before anything of them is shown; reads are as on a local chain.
 *     thin: what GET shows is verified for place, inclusion, signatures and authority (of the ancestors shown); that nothing newer exists rests on the server.
 */
#pragma once
#include "chain/chain.h"
#include "net/addr.h"

struct ate__remote_conf {
    const struct ate__env *env;
    struct ate__workers *workers;
    struct ate__addr addr;         /* with the pins to check; roots and chain of it are not looked at */
    const char *mirror_dir;        /* a directory, made if missing; NULL: thin */
    bool mirror_memory;            /* a mirror that is not kept */
    bool no_wire_encryption;
    int32_t timeout_ms;            /* of every single wait; -1: none */
    struct ate_bytes genesis;      /* not empty: CREATE if the chain is not there; the result tells by created() */
    /* The anchor check of the caller, once the genesis (and, for a mirror, the history) is known and before anything is shown: 0 or UNTRUSTED, WRONG_CHAIN with
     * the sentence. Runs inside ate__remote_open(). `trust`: of the genesis, or of all that was verified. */
    int (*anchor)(void *arg, struct ate__trust *trust);
    /* The newest head of this chain that the caller remembers; size 0: none. What the server shows must extend it. */
    uint64_t remembered_size;
    struct ate_hash remembered_root;
    /* Told of each newer verified head, any thread, must not block long: the caller remembers it. NULL: not wanted. */
    void (*advanced)(void *arg, const struct ate_hash *chain_id, uint64_t size, const struct ate_hash *root);
    void *arg;
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total); /* inside open and sync */
    void *progress_arg;
    struct ate__net_limits limits;
};
/* WAITS until the chain is there (a mirror: caught up), within timeout_ms. Errors: NOT_FOUND NO_ACCESS DENIED EXISTS UNTRUSTED WRONG_CHAIN TAMPERED FORKED ROLLED_BACK BAD_PEER TIMEOUT OFFLINE
 * UNSUPPORTED IN_USE E_*. */
int ate__remote_open(const struct ate__remote_conf *conf, struct ate__pipe **ret_pipe) ATE__CHECK;
