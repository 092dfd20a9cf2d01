/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_destroy.c: a remote chain that is destroyed: by its owner here, or by the word of a
 * server, which is believed where its owner has signed it.
 *
 * What was signed names the server (its pin), the chain, and its head then; so it is no use to
 * another server, nor for a chain that has grown since: nobody is told that a chain is destroyed
 * who has seen more of it than its owner had when he signed. Nor is it for who has followed the
 * chain back since (RESET): what the owner signed later stands. The key was a root key of it: by
 * the history of a mirror, still in force; else one that the chain began with, by the transaction 0
 * that was shown, or comes with the statement and makes the chain's id.
 */
#include "base/text.h"
#include "mesh/client_remote.h"

enum { TRIES = 8 /* of one that asks for it, while others commit */ };

/* ---- told by a server ---- */

/* An address without pins stands for the server that is spoken with, which DNS or an authority
 * named. */
static int check_place(struct ate__remote *r, const struct ate__destruction *d)
{
    const struct ate__addr *addr = &r->conf.addr;
    pthread_mutex_lock(&r->mutex);
    bool ours = r->conf.no_wire_encryption || ate__hash_equal(&r->pin, &d->pin);
    pthread_mutex_unlock(&r->mutex);
    for (size_t i = 0; i < addr->pin_count; i++)
        ours |= ate__hash_equal(&addr->pins[i], &d->pin);
    if (!d->genesis.size || !ours)
        return ate__fail(ATE_UNTRUSTED,
                         "%s: it says that the chain was destroyed, which was "
                         "signed for another place",
                         r->peer);
    if (!ate__bytes_equal(d->name, ate__text_bytes(addr->path)))
        return ate__fail(ATE_WRONG_CHAIN, "%s: it says that another chain was destroyed", r->peer);
    return 0;
}

static int check_seen(const struct ate__remote *r, const struct ate__destruction *d,
                      const struct ate__head *seen)
{
    if (seen->size < d->size ||
        (seen->size == d->size && (!seen->size || ate__hash_equal(&seen->root, &d->root))))
        return 0;
    return ate__fail(ATE_ROLLED_BACK,
                     "%s: it says that the chain was destroyed, which was signed for one of %llu "
                     "transactions; of this one %llu were seen there before",
                     r->peer, (unsigned long long)d->size, (unsigned long long)seen->size);
}

/* The owner has signed both, and whoever followed the later word is not led back to the earlier. */
static int check_time(const struct ate__remote *r, const struct ate__destruction *d)
{
    if (d->time_us > r->conf.remembered_reset_us)
        return 0;
    return ate__fail(ATE_ROLLED_BACK,
                     "%s: it says that the chain was destroyed, which was signed before it went "
                     "back, and goes on since",
                     r->peer);
}

static int check_heads(struct ate__remote *r, const struct ate__destruction *d)
{
    struct ate__head remembered = {r->conf.remembered_size, r->conf.remembered_root};
    pthread_mutex_lock(&r->mutex);
    struct ate__head newest = r->newest;
    pthread_mutex_unlock(&r->mutex);
    int rc = check_seen(r, d, &remembered);
    return rc ? rc : check_seen(r, d, &newest);
}

static int check_root(const struct ate__remote *r, const struct ate__destruction *d,
                      const struct ate__trust *trust)
{
    char text[ATE__HASH_TEXT];
    if (!ate__hash_equal(&d->chain_id, ate__trust_chain_id(trust)))
        return ate__fail(ATE_WRONG_CHAIN, "%s: it says that another chain was destroyed", r->peer);
    if (!ate__trust_is_root(trust, &d->key))
        return ate__fail(ATE_UNTRUSTED,
                         "%s: it says that the chain was destroyed, signed with key %s, which is "
                         "no root key of it as far as is known here",
                         r->peer, ate__hash_text(&d->key, text));
    return 0;
}

static int say_destroyed(const struct ate__remote *r, const struct ate__destruction *d)
{
    char text[ATE__HASH_TEXT];
    return ate__fail(r->conf.genesis.size && !r->trust ? ATE_DENIED : ATE_NOT_FOUND,
                     "%s: its owner destroyed this chain after %llu transactions, signed with root "
                     "key %s%s",
                     r->peer, (unsigned long long)d->size, ate__hash_text(&d->key, text),
                     r->mirror ? "; this mirror stays as it is" : "");
}

/* What is here of the chain; NULL: nothing yet. */
static struct ate__trust *trust_of(struct ate__remote *r)
{
    struct ate__chain *chain = r->mirror ? ate__mirror_chain(r->mirror) : NULL;
    return chain ? ate__chain_trust(chain) : r->trust;
}

static int keep(struct ate__remote *r, struct ate_bytes statement)
{
    ate__buf_clear(&r->tombstone);
    return ate__buf_append(&r->tombstone, statement);
}

int ate__remote_destroyed(struct ate__remote *r, struct ate_bytes statement)
{
    struct ate__destruction d;
    int rc = ate__destruction_read(statement, &d);
    if (rc)
        return ate__context(rc == ATE_MALFORMED || rc == ATE_TOO_BIG ? ATE_BAD_PEER : rc, "%s",
                            r->peer);
    rc = check_place(r, &d);
    if (!rc)
        rc = check_heads(r, &d);
    if (!rc && r->conf.remembered_reset_us)
        rc = check_time(r, &d);
    if (!rc && r->trust)
        rc = check_root(r, &d, trust_of(r));
    else if (!rc)
        rc = keep(r, statement);
    return rc ? rc : say_destroyed(r, &d);
}

/* The anchors are those of who opens it, on his thread. */
int ate__remote_judge_destroyed(struct ate__remote *r)
{
    ate__cleanup(ate__trust_freep) struct ate__trust *begun = NULL;
    struct ate__trust *trust = trust_of(r);
    struct ate__destruction d;
    int rc = ate__destruction_read(ate__buf_bytes(&r->tombstone), &d);
    if (!rc && !trust) {
        rc = ate__destruction_trust(r->conf.env, &d, &begun);
        trust = begun;
    }
    if (!rc)
        rc = check_root(r, &d, trust);
    if (!rc && r->conf.anchor)
        rc = r->conf.anchor(r->conf.arg, trust, true);
    return rc ? rc : say_destroyed(r, &d);
}

/* ---- asking for it ---- */

static int ask_nonce(struct ate__pipe *p, struct ate__destruction *d)
{
    struct ate__call call = {.kind = ATE__CALL_DESTROY};
    ate__cleanup(ate__buf_deinit) struct ate__buf body = ATE__BUF_NULL;
    struct ate__msg_destroyed m;
    int rc = ate__remote_ask(p, &call, &body);
    if (!rc)
        rc = ate__msg_destroyed_decode(ate__buf_bytes(&body), &m);
    if (rc)
        return rc;
    d->pin = m.pin;
    d->nonce = m.nonce;
    return check_place(ate__remote_of(p), d);
}

/* STALE: the chain has grown, or the connection is another one. */
static int try(struct ate__pipe *p, const struct ate__key *key, struct ate__destruction *d)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf statement = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf none = ATE__BUF_NULL;
    struct ate__receipt newest;
    int rc = ask_nonce(p, d);
    if (!rc)
        rc = ate__pipe_sync(p, &newest);
    if (rc)
        return rc;
    d->size = newest.size;
    d->root = newest.head;
    d->time_us = ate__wall_us(p->env);
    rc = ate__destruction_make(d, key, &statement);
    if (rc)
        return rc;
    struct ate__call call = {.kind = ATE__CALL_DESTROY, .statement = ate__buf_bytes(&statement)};
    rc = ate__remote_ask(p, &call, &none);
    return rc == ATE_TIMEOUT ? ate__context(ATE_UNKNOWN, "it may still be destroyed") : rc;
}

int ate__remote_destroy(struct ate__pipe *p, const struct ate__key *key,
                        struct ate__destruction *ret_destruction)
{
    struct ate__remote *r = ate__remote_of(p);
    struct ate__destruction d = {
        .chain_id = r->chain_id,
        .name = ate__trust_genesis(r->trust)->name,
        .genesis = ate__buf_bytes(&r->genesis_bytes),
        .key = key->fingerprint,
    };
    int rc = ATE_STALE;
    for (unsigned i = 0; rc == ATE_STALE && i < TRIES; i++)
        rc = try(p, key, &d);
    if (!rc)
        *ret_destruction = d;
    return rc;
}
