/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kit.h: chains made by hand, and a client that is nothing but frames over a socket.
 */
#pragma once
#include "lib/check.h"
#include "mesh/server.h"
#include "mesh/msg.h"
#include "net/conn.h"
#include "trust/possession.h"

/* --- transactions --- */

struct kit_chain {
    char path[64];
    struct ate_hash id;
    struct ate__key *key; /* of its root */
    struct ate__buf genesis;
    bool everyone; /* may write, unsigned */
    bool centralized; /* the server of `log_key` says who wrote: nothing is signed */
    struct ate__buf log_key;
    uint64_t number; /* of the last transaction made */
    uint8_t origin[16];
};
/* everyone: else the root key alone. */
struct kit_chain kit_chain_new(const char *path, bool everyone);
/* One that is to be centralized at that server, its mode the one given. */
struct kit_chain kit_chain_attested(const char *path, const struct ate__server *s, uint8_t mode);
void kit_chain_free(struct kit_chain *c);

struct kit_put {
    struct ate_id object, parent;
    const struct ate_hash *prev; /* NULL: it is new */
    const char *tag; /* 16 bytes; NULL: none */
    size_t payload_size; /* of 'x' */
    bool unsigned_, forged; /* without the signature that is due; with one that does not hold */
};
/* One transaction with one open body, on a base. ret_event_hash may be NULL. */
struct ate__buf kit_put(struct kit_chain *c, const struct ate__head *base,
                        const struct kit_put *put, struct ate_hash *ret_event_hash);
/* Of any events, signed by that key (NULL: unsigned). */
struct ate__buf kit_tx(struct kit_chain *c, const struct ate__head *base,
                       const struct ate__event_in *events, uint32_t count,
                       const struct ate__key *key);
struct ate__head kit_empty_head(void); /* size 0 and the root of an empty tree, as a base */
struct ate_id kit_id(uint64_t n);

/* --- the client --- */

struct kit_client;
struct kit_frame {
    uint16_t type;
    uint32_t stream;
    struct ate__buf body;
};
struct kit_client *kit_connect(const struct ate__server *s);
struct kit_client *kit_connect_to(uint16_t port, const struct ate_hash *pin);
void kit_close(struct kit_client *c); /* orderly; takes NULL */
void kit_kill(struct kit_client *c);  /* the socket is just gone */
void kit_send(struct kit_client *c, uint16_t type, uint32_t stream, struct ate_bytes body);
void kit_flush(struct kit_client *c);
/* The next frame, waited for; fails the test after 20 s. To be freed. ERROR frames too; type 0: the
 * connection has ended. */
struct kit_frame kit_receive(struct kit_client *c);
bool kit_quiet(struct kit_client *c, unsigned ms); /* nothing comes in this time */
void kit_frame_free(struct kit_frame *f);
int kit_result(const struct kit_client *c); /* of the end */
const char *kit_text(const struct kit_client *c);

/* --- requests; each waits for its answer --- */

/* Gives the head, or size 0 and the result of an ERROR (in kit_error). */
struct ate__head kit_open(struct kit_client *c, uint32_t stream, const struct kit_chain *chain);
struct ate__head kit_create(struct kit_client *c, uint32_t stream, const struct kit_chain *chain);
/* Of a server that refuses what takes long: creates it, or opens it, until that works. */
struct ate__head kit_admitted(struct kit_client *c, uint32_t stream, const struct kit_chain *chain);
extern _Thread_local int kit_error;
extern _Thread_local char kit_error_text[ATE__ERROR_SIZE];
extern _Thread_local bool kit_read_only;
/* Of a server that asks who is there: what it asked in front of OPENED. Where that comes first of
 * all, open and create prove the chain's own key. */
extern _Thread_local bool kit_challenged;
extern _Thread_local struct ate_hash kit_nonce;
/* The same in steps. The next frame: whether it is CHALLENGE that comes first; else it is given, if
 * it is none (kit_challenged). opened(): what comes next, as open has it. */
void kit_send_open(struct kit_client *c, uint32_t stream, const char *path);
bool kit_challenge(struct kit_client *c, struct kit_frame *ret_frame);
struct ate__head kit_opened(struct kit_client *c, uint32_t stream, const struct kit_chain *chain);
/* What is to be proved for, over this connection; POSSESSION of a key, the last or with more. */
struct ate__possession kit_possession(struct kit_client *c, const struct kit_chain *chain);
void kit_possess(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                 const struct ate__key *key);
void kit_possess_more(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                      const struct ate__key *key);
/* The same of what was proved for another chain than is said. */
void kit_claim(struct kit_client *c, uint32_t stream, const struct ate_hash *chain_id,
               const struct ate__possession *of, const struct ate__key *key);
/* READERS of one key; SEALED, which is appended; POSSESSION of what was opened. */
void kit_readers(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                 const struct ate__key *key);
void kit_sealed(struct kit_client *c, struct ate__buf *ret_sealed);
void kit_possess_opened(struct kit_client *c, uint32_t stream, const struct ate__possession *of,
                        const struct ate__key *key, const struct ate__key32 *secret);

void kit_commit(struct kit_client *c, uint32_t stream, uint32_t request,
                const struct ate__head *known, struct ate_bytes tx);
/* The next frame must be COMMITTED; its proofs are checked from `known` on, which moves on. */
struct ate__receipt kit_committed(struct kit_client *c, uint32_t request, struct ate_bytes tx,
                                  struct ate__head *known);
/* The same of any request from 1 to count, whose transaction is txs[request - 1]. */
uint32_t kit_committed_any(struct kit_client *c, const struct ate__buf *txs, uint32_t count,
                           struct ate__head *known);
/* Who made what the last COMMITTED was about, as the server says. */
extern _Thread_local uint32_t kit_attested_count;
extern _Thread_local struct ate_hash kit_attested[ATE__TX_SIGNATURES_MAX];
/* The next frame must be REJECTED. */
int kit_rejected(struct kit_client *c, uint32_t request);
/* Puts one object and checks the answer. */
struct ate__receipt kit_put_object(struct kit_client *c, uint32_t stream, struct kit_chain *chain,
                                   struct ate__head *known, uint64_t object);

/* --- following --- */

void kit_subscribe(struct kit_client *c, uint32_t stream, const struct ate__head *head);
struct ate__head kit_subscribed(struct kit_client *c);
struct kit_follow { /* a mirror's tree */
    struct ate__frontier tree;
    struct ate_hash root;
};
void kit_follow_init(struct kit_follow *f);
/* Takes one GROUP frame: it must continue the tree and lead to head_after. */
void kit_follow_group(struct kit_follow *f, const struct kit_frame *frame);
/* Receives groups until the tree has that size. */
void kit_follow_to(struct kit_client *c, struct kit_follow *f, uint64_t size);

/* --- servers --- */

struct ate__server_conf kit_conf(const char *logs); /* loopback, any port, no_auth, no log */
struct ate__host_key *kit_host_key(void); /* of this machine, for as long as the process */
struct ate__server *kit_start(const struct ate__server_conf *conf);
