/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * handle.c: what a chain handle says of its chain, and how it ends.
 */
#include "api/api.h"
#include "api/plugin.h"
#include "api/proof_fork.h"
#include "ate/archive.h"
#include "chain/local.h"

struct ate_chain *ate__chain_handle_ref(struct ate_chain *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

/* Who holds the history knows when its head was, and whose keys are in force there. One that opened
 * up to its damage ends before what was seen, and tells nothing of that. */
void ate__chain_note(struct ate_chain *c)
{
    struct ate__chain *held = c->pipe->v->chain(c->pipe);
    struct ate_hash keys[ATE__ROOT_KEYS_MAX], ignored;
    uint64_t size;
    if (!held)
        return;
    ate__chain_head(held, &size, &ignored);
    if (size < ate__memory_size(&c->memory))
        return;
    size_t count = ate__trust_root_keys(ate__chain_trust(held), keys, ATE__COUNT_OF(keys));
    ate__memory_note(&c->memory, ate__chain_last_time(held), keys, count);
}

static void remember(struct ate_chain *c)
{
    struct ate__receipt receipt;
    if (c->dio)
        ate__chain_note(c);
    if (!c->dio || !c->dir || c->pipe->v->read_only(c->pipe))
        return;
    /* Under weaker sync policies only what is durable is worth remembering. */
    if (!ate__pipe_sync(c->pipe, &receipt))
        ate__memory_advance(&c->memory, &c->dio->seal.chain_id, receipt.size, &receipt.head);
}

void ate__chain_handle_unref(struct ate_chain *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    remember(c);
    if (c->dio && c->dir) /* transactions may go on for a while, and it tells this handle */
        ate__chain_compact_stop(ate__local_chain(c->pipe));
    if (c->dio && c->pipe->v->far) /* the same */
        c->pipe->v->far->hush(c->pipe);
    ate__dio_unref(c->dio);
    ate__plugin_set_free(c->plugins);
    ate__session_unref(c->session);
    ate__fork_close(&c->memory);
    ate__memory_close(&c->memory);
    ate__free(c->ask);
    ate__lookup_free(c->lookup);
    ate__aging_deinit(c);
    ate__free(c->address);
    ate__free(c->name);
    ate__free(c->dir);
    ate__free(c->place);
    ate__free(c->reset_kept);
    ate__free(c);
}

void ate_chain_close(struct ate_chain *c)
{
    if (c)
        ate__feed_end(ate__steal(&c->feed)); /* it reads through this handle */
    ate__chain_handle_unref(c);
}

int ate_txn_begin(struct ate_chain *chain, struct ate_session *session, unsigned flags,
                  struct ate_txn **ret_txn)
{
    int rc = ate__aging_check(chain);
    return rc ? rc : ate__txn_begin(chain->dio, session, flags, ret_txn);
}

static struct ate__trust *trust_of(const struct ate_chain *c)
{
    return c->pipe->v->trust(c->pipe);
}

const char *ate_chain_address(const struct ate_chain *c)
{
    return c->address;
}

struct ate_hash ate_chain_id(const struct ate_chain *c)
{
    return *ate__trust_chain_id(trust_of(c));
}

const char *ate_chain_name(const struct ate_chain *c)
{
    return c->name;
}

bool ate_chain_archive(const struct ate_chain *c, uint64_t *ret_retention_s)
{
    const struct ate__genesis *g = ate__trust_genesis(trust_of(c));
    if (g->archive && ret_retention_s)
        *ret_retention_s = g->retention_us / 1000000 + (g->retention_us % 1000000 != 0);
    return g->archive;
}

enum ate_compression ate_chain_compression(const struct ate_chain *c)
{
    return (enum ate_compression)ate__trust_genesis(trust_of(c))->compression;
}

bool ate_chain_was_created(const struct ate_chain *c)
{
    return c->created;
}

struct ate_head ate_chain_head(const struct ate_chain *c)
{
    struct ate_head head = {0};
    struct ate__snapshot *s;
    if (!c->pipe->v->begin(c->pipe, &s)) {
        c->pipe->v->head(s, &head.size, &head.root);
        c->pipe->v->end(s);
    }
    return head;
}

size_t ate_chain_roots(const struct ate_chain *c, const struct ate_hash **ret_fingerprints)
{
    struct ate_chain *mine =
        (struct ate_chain *)(uintptr_t)c; /* the array that is lent is filled here */
    *ret_fingerprints = mine->roots;
    return ate__trust_root_keys(trust_of(c), mine->roots, ATE__COUNT_OF(mine->roots));
}

bool ate_chain_damage(const struct ate_chain *c, struct ate_damage *ret_damage)
{
    if (c->damage.what == ATE_OK)
        return false;
    *ret_damage = (struct ate_damage){
        .what = (enum ate_result)c->damage.what,
        .sequence = c->damage.sequence,
        .file = c->damage.file[0] ? c->damage.file : NULL,
        .offset = c->damage.offset,
        .text = c->damage.text,
    };
    return true;
}

uint64_t ate_chain_trimmed_bytes(const struct ate_chain *c)
{
    return c->damage.trimmed_bytes;
}

struct ate__txn_id ate__txn_id_of(struct ate_txn_id id)
{
    struct ate__txn_id inner = {.number = id.number};
    memcpy(inner.origin, id.origin, sizeof inner.origin);
    return inner;
}

void ate__receipt_fill(const struct ate__receipt *r, struct ate_receipt *ret_receipt)
{
    if (ret_receipt)
        *ret_receipt = r->stage >= ATE__DURABLE
                           ? (struct ate_receipt){r->sequence, r->head, (enum ate_stage)r->stage}
                           : (struct ate_receipt){.stage = (enum ate_stage)r->stage};
}

int ate_chain_sync(struct ate_chain *c, struct ate_receipt *ret_receipt)
{
    struct ate__receipt receipt;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__pipe_sync(c->pipe, &receipt);
    if (!rc)
        rc = ate__aging_check(c);
    if (!rc)
        ate__receipt_fill(&receipt, ret_receipt);
    return rc;
}

int ate_outcome(struct ate_chain *c, struct ate_txn_id id, struct ate_receipt *ret_receipt)
{
    struct ate__txn_id inner = ate__txn_id_of(id);
    struct ate__receipt receipt;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__pipe_outcome(c->pipe, &inner, &id.hash, &receipt);
    if (!rc)
        ate__receipt_fill(&receipt, ret_receipt);
    return rc;
}
