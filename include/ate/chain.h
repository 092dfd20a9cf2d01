/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain.h: open a chain, on disk or at a server; what it is; what became of a commit.
 *
 * Any thread may use a chain at any time.
 */
#pragma once
#include <ate/loop.h>
#include <ate/session.h>

ATE__BEGIN

/* How far a commit got, in this order. */
enum ate_stage {
    ATE_QUEUED,     /* accepted; may vanish in a power loss */
    ATE_OUTBOXED,   /* synced on this machine, not yet at the root */
    ATE_DURABLE,    /* synced by the root */
    ATE_REPLICATED, /* synced on at least two machines by an engine that says so */
    ATE_WITNESSED   /* cosigned by the witnesses that the caller named */
};

/* A point in the history: how many transactions there are, and the root of the Merkle tree over
 * them. */
struct ate_head {
    uint64_t size;
    struct ate_hash root;
};
struct ate_receipt {
    uint64_t sequence;    /* the transaction's place, from 0; 0 below ATE_DURABLE */
    struct ate_hash head; /* root of the tree up to the end of its group; zeros below ATE_DURABLE */
    enum ate_stage stage;
};

/* Of payloads. Who adds text of his own to an object that also holds a secret, and sees how large
 * what is stored becomes, can guess the secret: a chain for such objects is not to compress
 * (docs/THREATS.md). */
enum ate_compression { ATE_UNCOMPRESSED, ATE_ZSTD };

/* Of what is signed and named; the tree over the transactions is SHA-256 always. */
enum ate_hash_alg { ATE_SHA256 = 1, ATE_SHA3_256 = 2 };

/* Signature algorithms of one family, which a chain takes only if its genesis says so; every
 * composite of two, of which both must be broken to forge, it takes anyway. */
enum ate_allow {
    ATE_ALLOW_MLDSA44 = 1,
    ATE_ALLOW_MLDSA65 = 2,
    ATE_ALLOW_MLDSA87 = 4,
    ATE_ALLOW_ED25519 = 8,
    ATE_ALLOW_ED448 = 16
};

enum ate_sync { ATE_SYNC_ALWAYS, ATE_SYNC_INTERVAL, ATE_SYNC_NEVER };

/* Where is looked up what an address does not say. Of the server: `pin=` in DNS. Of the chain:
 * `root=` or `chain=` in DNS. What DNS says counts where DNSSEC signs it, which is checked in this
 * process: name servers are trusted in nothing. A server of which DNS says nothing needs a
 * certificate of an authority, for its name. ate(7) lists the records. */
struct ate_lookup { /* zero means the default in every field */
    const char
        *dns_server; /* ADDRESS[@PORT], more behind commas; NULL: those of /etc/resolv.conf */
    const char *dns_anchor; /* file of the DS or DNSKEY records that DNSSEC starts from; NULL:
                               /usr/share/dns/root.key */
    const char *authorities; /* file of certificates in PEM; NULL: those of the system */
    uint64_t reserved[5]; /* zero, else MISUSE */
};

struct ate_compact_when; /* compact.h */
struct ate_plugin; /* plugin.h */
struct ate_proved; /* proof.h */
struct ate_chain_conf { /* zero means the default in every field */
    const char *root; /* root keys to trust: fingerprints or public key files, separated by commas;
                         NULL: those of the address, else a private key of the session, else DNS;
                         none: ATE_UNTRUSTED */
    const char *pin; /* server key hashes, separated by commas; NULL: #pin= of the address, else
                        DNS, else an authority */
    /* Of a remote chain: keeps a copy of all of it there; "": in memory, until the chain is closed;
     * NULL: thin: nothing is copied, what is read is asked for, and the root is believed in what
     * docs/decisions/0005-thin-clients.md lists. */
    const char *mirror_dir;
    /* remembers each chain's id and newest head; NULL: $XDG_STATE_HOME/ate */
    const char *state_dir;
    enum ate_sync sync; /* of a chain in a directory; a server has its own */
    uint32_t sync_interval_ms; /* for ATE_SYNC_INTERVAL; 0: 100 */
    int32_t timeout_ms; /* limit of every call that waits; 0: 30,000; -1: without limit */
    uint64_t memory_bytes_max; /* of the cache of decoded objects; 0: 64 MiB */
    /* clear text: both sides must say it, and it is refused outside loopback */
    bool no_wire_encryption;
    /* Runs inside calls that wait, on their thread; stage: a word such as "verify", "fetch";
     * total 0: not known. It may not call the library. */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    /* With ATE_CREATE: make an archive (archive.h). A chain that is there opens only if it is the
     * archive that these two lines would make, else EXISTS. */
    bool archive;
    /* Of a chain or a mirror in a directory: do not read or write the view image, which makes the
     * next open faster for whoever has a private key of this session (docs/format/image.md). */
    bool no_view_image;
    /* With ATE_CREATE: what is stored in the chain is compressed before it is encrypted, for ever.
     * A chain that is there opens only if it does the same, else EXISTS; ATE_UNCOMPRESSED asks for
     * nothing. */
    enum ate_compression compression;
    uint64_t retention_s; /* of an archive, seconds of root time; 0: for ever */
    /* Of a chain in a directory, opened for writing: when it is compacted by itself; NULL: never */
    const struct ate_compact_when *compact;
    /* Of a chain in a directory, while it is open: the size up to which the files of its log
     * double, a multiple of 4,096 from 64 KiB to 64 MiB; 0: 64 MiB. A log has at most 65,536 of
     * them. */
    uint64_t segment_bytes;
    /* Of a chain at a server, while it is open: told of each checkpoint that the server signs by
     * itself, once it was verified here, about one a second while the chain grows, else one in 30 s
     * (of a thin chain that at most), so that who expects them sees that a server shows nothing new
     * any more. result: 0; FORKED, ROLLED_BACK: the server signs another history than it showed, or
     * shows another than it signed: the evidence was kept before (proof.h), text names the file,
     * and every call of the chain fails so from now on; UNTRUSTED, OFFLINE, TIMEOUT, ...: it could
     * not be verified, and nothing follows from it; STALE, without a checkpoint: what is shown has
     * become older than max_age_s, until the next that is 0. checkpoint (proof.h): NULL: there is
     * none. On a thread of the library's, one at a time; it may not call the library. */
    void (*checkpoint)(void *arg, int result, const char *text,
                       const struct ate_proved *checkpoint);
    void *checkpoint_arg;
    /* Of a chain at a server whose address is a name, and has no pin or no root: where these are
     * looked up; NULL: as the system is set up. */
    const struct ate_lookup *lookup;
    /* plugin.h: those that take part; at most 16. A thin chain has no sink() or index(). */
    struct ate_plugin *const *plugins;
    size_t plugin_count;
    /* One line, safe to print, for each that stopped following the chain. On a thread of the
     * library's, until the chain is closed; it may not call the library. */
    void (*plugin_log)(void *arg, const char *line);
    void *plugin_log_arg;
    /* With ATE_CREATE: the least strength of the keys that the chain ever takes, in bits: 128, 192,
     * 256, and all that are stronger; 0: those of 192 alone. A chain that is there opens only if it
     * says the same, else EXISTS; so the next two. */
    uint16_t strength;
    uint8_t hash; /* enum ate_hash_alg; 0: SHA-256 */
    uint8_t allow; /* bits of enum ate_allow: keys that it takes as well; 0: none */
    /* The chain is centralized: its server says who made each transaction, by the keys that were
     * proved to it over TLS, and whoever holds the server's keys can forge from then on
     * (docs/THREATS.md). With ATE_CREATE and an address it is made so, by log_key. One that is
     * centralized opens only where this, or chain= of the address, says so, else UNTRUSTED; one
     * that is not, only where this does not, else EXISTS. It is written through its server alone.
     */
    bool centralized;
    uint8_t reserved[3]; /* this and the last: zero, else MISUSE; ate.h, "Structs" */
    /* With ATE_CREATE: who may sign the order of the chain, beside its owner: a log key as
     * ate_server_log_key() gives it; NULL: nobody. A centralized chain needs that of its server. */
    const char *log_key;
    /* Of a chain at a server: how old what is shown may be, in seconds from 60 on; 0: 120, of which
     * the program is told (checkpoint) if the server is one that signs; UINT32_MAX: any. What a log
     * key has not signed for so long may be a view that somebody holds still
     * (docs/decisions/0050-how-old-a-view-is.md). */
    uint32_t max_age_s;
    /* What is older is not read: the open waits for a checkpoint, half of timeout_ms or 10 s, and
     * fails with STALE where none comes; so, later on, do ate_txn_begin(), ate_chain_sync() and
     * ate_watch_next(). */
    bool max_age_strict;
    uint8_t reserved_age[3];
    uint64_t reserved_more[7];
};

/* WAITS. where: a directory, an address (tcp://HOST[:PORT]/PATH[#pin=...,root=...,chain=...]) or
 * @NAME, an address kept by `ate name`. session NULL: without keys. conf NULL: all defaults.
 * flags: ATE_CREATE, ATE_READ.
 *
 * ATE_CREATE makes a chain that is not there: the session's first key is its root, and the
 * session's keys, public ones included, may read and write from the top down. One that is there
 * is opened.
 *
 * Damage, or an item of a newer version that may not be ignored: without ATE_READ the open fails
 * (TAMPERED, UNSUPPORTED) and changes no file; with it the chain opens up to that point, and
 * ate_chain_damage() says where. A server serves such a chain so, and answers commits with
 * READ_ONLY.
 *
 * Errors: NOT_FOUND, EXISTS: it is there, and is not what conf asks for; UNTRUSTED, WRONG_CHAIN,
 * DENIED: creation refused, or one was destroyed there; NO_KEY, NO_ACCESS, MALFORMED,
 * TAMPERED, FORKED, ROLLED_BACK, UNSUPPORTED, IN_USE, BUSY, BAD_PEER, TIMEOUT,
 * OFFLINE, READ_ONLY: the directory is a mirror, and flags lack ATE_READ; STALE: conf.max_age_s;
 * MISUSE, E_*. */
ATE_CALL int ate_chain_open(const char *where, struct ate_session *session, unsigned flags,
                            const struct ate_chain_conf *conf, struct ate_chain **ret_chain);
ATE_CALL int ate_chain_open_async(const char *where, struct ate_session *session, unsigned flags,
                                  const struct ate_chain_conf *conf, struct ate_chain **ret_chain,
                                  struct ate_loop *loop, ate_done_fn *done, void *arg);

/* WAITS until all that was committed through this handle before the call is durable, and this
 * view shows all that the root had when the call was made. ret_receipt, which may be NULL: the
 * newest transaction then.
 * Errors: OFFLINE, TIMEOUT, STALE, TAMPERED, FORKED, ROLLED_BACK, E_*. */
ATE_CALL int ate_chain_sync(struct ate_chain *chain, struct ate_receipt *ret_receipt);
ATE_CALL int ate_chain_sync_async(struct ate_chain *chain, struct ate_receipt *ret_receipt,
                                  struct ate_loop *loop, ate_done_fn *done, void *arg);

/* Ends it; takes NULL; does not wait for the network. What commits acknowledged is durable; a
 * commit without an answer may still be applied. Transactions and watches of it go on until they
 * are ended. */
ATE_API void ate_chain_close(struct ate_chain *chain);

/* ---- what it is; strings and arrays are borrowed from the chain ---- */

/* To hand to others: tcp://HOST:PORT/PATH#pin=...,root=..., with all that is needed to trust it.
 * Of a directory: its real path. */
ATE_API const char *ate_chain_address(const struct ate_chain *chain);
ATE_API struct ate_hash ate_chain_id(const struct ate_chain *chain);
/* the path that its genesis declares */
ATE_API const char *ate_chain_name(const struct ate_chain *chain);
/* what its genesis says */
ATE_API enum ate_compression ate_chain_compression(const struct ate_chain *chain);
/* by the open that gave this handle */
ATE_API bool ate_chain_was_created(const struct ate_chain *chain);
/* the newest that is published here */
ATE_API struct ate_head ate_chain_head(const struct ate_chain *chain);
struct ate_age {
    bool known; /* a checkpoint came through this handle, and held */
    bool stale; /* it is more than conf.max_age_s */
    /* By this machine's clock, also while it slept: since what is shown was the newest that there
     * is, for all that is known; unless known, since it was opened. */
    int64_t age_ms;
    int64_t signed_ns; /* when the newest such checkpoint was signed, as its signer's clock said */
    struct ate_head head; /* that it signs */
    uint64_t reserved[4];
};
/* How old what is shown of a chain at a server may be. false: it is in a directory, whose state is
 * what is there. */
ATE_API bool ate_chain_age(const struct ate_chain *chain, struct ate_age *ret_age);

/* Fingerprints of the root keys in force; returns how many. Borrowed until the chain is closed. */
ATE_API size_t ate_chain_roots(const struct ate_chain *chain,
                               const struct ate_hash **ret_fingerprints);

/* Whether the chain ended the key for ever; of a thin chain, as far as this handle was shown. */
ATE_API bool ate_chain_has_revoked(const struct ate_chain *chain, struct ate_hash fingerprint);

struct ate_damage {
    enum ate_result what; /* TAMPERED, MALFORMED, UNSUPPORTED, OMITTED; ATE_OK: there is none */
    uint64_t sequence; /* the first transaction that is not shown */
    const char *file; /* NULL where no file is to blame */
    uint64_t offset; /* bytes from the start of that file */
    const char *text; /* the sentence */
};
/* false: the open found none. */
ATE_API bool ate_chain_damage(const struct ate_chain *chain, struct ate_damage *ret_damage);
/* Bytes of a torn tail, never acknowledged to anybody, that the open set aside; 0: the log ended
 * cleanly. */
ATE_API uint64_t ate_chain_trimmed_bytes(const struct ate_chain *chain);

/* ---- whose keys count ----
 *
 * All three WAIT, are a transaction of their own, signed by keys of the chain's session, and count
 * from the next transaction on. ret_receipt may be NULL. Errors: READ_ONLY; MISUSE; others as of a
 * commit. */

/* Ends a key in the whole chain, for ever: what it signs from then on is refused, and a rule that
 * names it does not admit it. What it signed before stays. What it could read it can read on, until
 * the scopes begin another epoch, which leaves it out (ate_rotate()). Signed by a root key, or by
 * that very key. A root key ends as one, too, the last one as well: nobody can then name another.
 * Errors: DENIED: the session has neither; EXISTS: it has ended already. */
ATE_CALL int ate_revoke(struct ate_chain *chain, struct ate_hash fingerprint,
                        struct ate_receipt *ret_receipt);

/* Makes a key of the session a root key. Signed by it and by a root key, which the session has too.
 * Errors: DENIED: it lacks one of the two, or the key was revoked; CONFLICT: it is one already;
 * TOO_BIG: there are 64. */
ATE_CALL int ate_root_add(struct ate_chain *chain, struct ate_hash fingerprint,
                          struct ate_receipt *ret_receipt);

/* It is a root key no more. Rules that name it go on naming it: see ate_revoke(). Who trusts the
 * chain by it, by an address say, goes on doing so. Errors: DENIED: the session has no root key, or
 * it is the last one; CONFLICT: it is none. */
ATE_CALL int ate_root_remove(struct ate_chain *chain, struct ate_hash fingerprint,
                             struct ate_receipt *ret_receipt);

/* ---- a chain that went back ---- */

enum ate_reset_reason { ATE_RESET_RESTORE = 1, ATE_RESET_REPAIR, ATE_RESET_ADOPT };
/* What a root key has signed in the chain: that it goes on behind its first `sequence`
 * transactions, whatever came behind them before. */
struct ate_reset {
    uint64_t sequence; /* its own */
    uint64_t old_size; /* that the chain had before, as who signed it knew; 0: not known */
    int64_t signed_ns; /* the signer's clock */
    enum ate_reset_reason reason;
    const char *text; /* why, in the signer's words; may be empty */
    /* Of ate_chain_reset() alone: */
    uint64_t seen_size; /* that this user had seen; those from `sequence` on were taken back */
    const char *kept; /* a directory with the chain as it was seen; NULL: nothing was held here */
};
/* Whether the open that gave this handle gave up what was seen there before, for a RESET that the
 * chain shows: signed later than what was seen last, by a root key that was in force then, or, of
 * a thin chain, that conf.root, the address or DNS names, or that the session holds. What was held
 * of it is kept, and can be opened with ATE_READ. Strings live as long as the handle. */
ATE_API bool ate_chain_reset(const struct ate_chain *chain, struct ate_reset *ret_reset);

/* ---- after a crash ---- */

/* Names one commit for ever; ate_txn_id_of() gives it. Keep it to ask later. `hash` is that of the
 * very transaction, zeros before it was sent: then the answer is about what stands under origin and
 * number, which nobody can guess who was not sent them. */
struct ate_txn_id {
    uint8_t origin[16];
    uint64_t number;
    struct ate_hash hash;
};

/* WAITS. What became of that commit. 0: it is in the chain, there; a thin chain proves it of one
 * with its hash, else that rests on the server.
 * Errors: NOT_FOUND: it is not in it (with its hash: another may stand under that number), and will
 * not be once the process that submitted it has ended; UNKNOWN, OFFLINE, TIMEOUT, COMPACTED: too
 * old to say; TAMPERED: the server names a place where it does not stand; E_*. */
ATE_CALL int ate_outcome(struct ate_chain *chain, struct ate_txn_id id,
                         struct ate_receipt *ret_receipt);
ATE_CALL int ate_outcome_async(struct ate_chain *chain, struct ate_txn_id id,
                               struct ate_receipt *ret_receipt, struct ate_loop *loop,
                               ate_done_fn *done, void *arg);

ATE__END
