/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof.c: checkpoints and proofs of a chain whose history is here.
 */
#include "ate/proof.h"
#include "api/api.h"
#include "chain/signed.h"
#include "trust/proof.h"

/* --- what is here --- */

static int history_of(struct ate_chain *c, struct ate__chain **ret_chain)
{
    struct ate__chain *chain = c->pipe->v->chain(c->pipe);
    if (!chain)
        return ate__fail(ATE_UNSUPPORTED,
                         "proofs: a thin chain holds no history: open it with a mirror");
    *ret_chain = chain;
    return 0;
}

static int give(struct ate__buf *text, char **ret_text)
{
    int rc = ate__buf_append(text, ate__bytes("", 1));
    if (!rc)
        *ret_text = (char *)ate__steal(&text->data);
    return rc;
}

/* Public keys of the log keys that may sign for the chain. */
struct log_keys {
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    size_t count;
    struct ate__buf bytes;
};

static int log_keys_of(struct ate_chain *c, struct log_keys *k)
{
    struct ate__trust *trust = c->pipe->v->trust(c->pipe);
    struct ate_hash fingerprint[ATE__SERVICE_KEYS_MAX];
    size_t n = ate__trust_office(trust, ATE__LOG_KEY, fingerprint, ATE__COUNT_OF(fingerprint));
    int rc = 0;
    k->count = 0;
    k->bytes = ATE__BUF_NULL;
    for (size_t i = 0; !rc && i < n; i++)
        rc = ate__trust_public_key(trust, &fingerprint[i], &k->bytes);
    if (rc) {
        ate__buf_deinit(&k->bytes);
        return rc;
    }
    for (size_t i = 0; i < n; i++) /* each has the one size */
        k->key[k->count++] = ate__bytes(k->bytes.data + i * ATE__LOG_PUBLIC, ATE__LOG_PUBLIC);
    return 0;
}

static bool has_key(const struct log_keys *k, struct ate_bytes key)
{
    for (size_t i = 0; i < k->count; i++)
        if (ate__bytes_equal(k->key[i], key))
            return true;
    return false;
}

int ate_log_keys(struct ate_chain *chain, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    char name[ATE__CHECKPOINT_NAME];
    struct log_keys keys;
    int rc = log_keys_of(chain, &keys);
    if (rc)
        return rc;
    ate__checkpoint_name(&chain->dio->seal.chain_id, name);
    for (size_t i = 0; !rc && i < keys.count; i++)
        rc = ate__note_keys_encode(name, keys.key[i], &text);
    if (!rc && !keys.count)
        rc = ate__fail(ATE_NOT_FOUND, "%s names no log key", chain->name);
    ate__buf_deinit(&keys.bytes);
    return rc ? rc : give(&text, ret_text);
}

/* --- signing --- */

static int key_in_force(struct ate_chain *c, struct ate__log_key **ret_key)
{
    struct log_keys keys;
    size_t count = c->session ? ate__session_key_count(c->session) : 0;
    bool found = false;
    int rc = log_keys_of(c, &keys);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && !found && i < count; i++) {
        struct ate__log_key *key;
        rc = ate__log_key_of_seed(&ate__session_key(c->session, i)->seed, &key);
        if (rc)
            break;
        found = has_key(&keys, ate__log_key_public(key));
        if (found)
            *ret_key = key;
        else
            ate__log_key_free(key);
    }
    if (!rc && !keys.count)
        rc = ate__fail(ATE_NO_KEY,
                       "%s names no log key, so nobody can sign its head: a root key names one, or "
                       "whoever creates a chain",
                       c->name);
    else if (!rc && !found)
        rc = ate__fail(ATE_NO_KEY, "none of your keys is one whose log key may sign for %s",
                       c->name);
    ate__buf_deinit(&keys.bytes);
    return rc;
}

static int open_place(struct ate_chain *c, struct ate__dir **ret_dir)
{
    const struct ate__vfs *vfs = c->pipe->env->vfs;
    if (!c->place)
        return ate__fail(ATE_UNSUPPORTED,
                         "a checkpoint is signed where it is remembered what was signed before: "
                         "with a mirror in a directory");
    return vfs->open_root(vfs->user, c->place, ret_dir);
}

static int check_writable(struct ate_chain *c)
{
    return c->pipe->v->read_only(c->pipe)
               ? ate__fail(ATE_READ_ONLY, "%s is open for reading only", c->name)
               : 0;
}

static int sign(struct ate_chain *c, struct ate__chain *chain, struct ate__buf *note)
{
    const struct ate__vfs *vfs = c->pipe->env->vfs;
    ate__cleanup(ate__log_key_freep) struct ate__log_key *key = NULL;
    struct ate__receipt receipt;
    struct ate__dir *dir;
    int rc = check_writable(c);
    if (!rc)
        rc = key_in_force(c, &key);
    if (!rc)
        rc = ate__pipe_sync(c->pipe, &receipt);
    if (!rc)
        rc = open_place(c, &dir);
    if (rc)
        return rc;
    rc = ate__chain_sign(chain, dir, key, receipt.size, &receipt.head, note);
    vfs->close_dir(dir);
    return rc;
}

int ate_checkpoint(struct ate_chain *chain, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__chain *history = NULL;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = history_of(chain, &history);
    if (!rc)
        rc = sign(chain, history, &note);
    return rc ? rc : give(&note, ret_text);
}

/* --- proving --- */

static int last_signed(struct ate_chain *c, struct ate__buf *note)
{
    const struct ate__vfs *vfs = c->pipe->env->vfs;
    struct ate__dir *dir = NULL;
    int rc = c->place ? open_place(c, &dir) : ATE_NOT_FOUND;
    if (!rc)
        rc = ate__chain_signed(vfs, dir, note);
    vfs->close_dir(dir);
    return rc == ATE_NOT_FOUND
               ? ate__fail(rc,
                           "%s: no checkpoint was signed here yet, and a proof needs one: "
                           "ate_checkpoint() signs one",
                           c->name)
               : rc;
}

/* The one that is given, a new one, or the last. */
static int choose(struct ate_chain *c, struct ate__chain *chain, const char *given,
                  struct ate__buf *note, struct ate__checkpoint *ret_checkpoint)
{
    struct log_keys keys;
    int rc;
    if (given) {
        rc = ate__buf_append(note, ate__text_bytes(given));
    } else {
        rc = sign(c, chain, note);
        if (rc == ATE_NO_KEY || rc == ATE_READ_ONLY || rc == ATE_UNSUPPORTED)
            rc = last_signed(c, note);
    }
    if (!rc)
        rc = log_keys_of(c, &keys);
    if (rc)
        return rc;
    rc = ate__checkpoint_verify(ate__buf_bytes(note), keys.key, keys.count, ret_checkpoint);
    ate__buf_deinit(&keys.bytes);
    return rc ? rc : ate__chain_check_checkpoint(chain, ret_checkpoint);
}

static bool is_genesis(void *arg, uint32_t event)
{
    const struct ate__tx *tx = arg;
    return ate__header_has(&tx->events[event].header, ATE__TAG_GENESIS);
}

static int reduce_genesis(void *arg, const struct ate__history_record *record)
{
    struct ate__tx tx;
    enum ate__hash_alg alg;
    int rc = ate__tx_genesis_alg(record->body, &alg);
    if (!rc)
        rc = ate__tx_decode(record->body, alg, &tx);
    if (rc)
        return rc;
    rc = ate__tx_reduce(&tx, is_genesis, &tx, 0, arg);
    ate__tx_deinit(&tx);
    return rc;
}

struct entry {
    struct ate__proof_entry *entry;
    enum ate__hash_alg alg;
};

static int take_entry(void *arg, const struct ate__history_record *record)
{
    const struct entry *e = arg;
    struct ate__tx tx;
    int rc = ate__tx_decode(record->body, e->alg, &tx);
    if (rc)
        return rc;
    e->entry->sequence = record->sequence;
    e->entry->root_time_us = record->root_time_us;
    e->entry->tx_hash = tx.hash;
    rc = ate__tx_signatures_hash(&tx, e->alg, &e->entry->signatures_hash);
    ate__tx_deinit(&tx);
    return rc;
}

static int finish(struct ate__chain *chain, struct ate__proof_text *p, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf genesis = ATE__BUF_NULL, text = ATE__BUF_NULL;
    int rc = ate__chain_history(chain, 0, 1, reduce_genesis, &genesis);
    p->genesis = ate__buf_bytes(&genesis);
    if (!rc)
        rc = ate__proof_encode(p, &text);
    return rc ? rc : give(&text, ret_text);
}

static int prove(struct ate_chain *c, struct ate__chain *chain, uint64_t sequence,
                 const char *checkpoint, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__proof_text p = {.kind = ATE__PROOF_INCLUSION};
    struct entry e = {&p.entry, c->dio->seal.alg};
    struct ate__checkpoint chosen;
    int rc = choose(c, chain, checkpoint, &note, &chosen);
    if (!rc && sequence >= chosen.size)
        rc = ate__fail(ATE_NOT_FOUND,
                       "transaction %llu is not in the checkpoint, which has the first %llu: ate "
                       "checkpoint signs a newer one",
                       (unsigned long long)sequence, (unsigned long long)chosen.size);
    if (!rc)
        rc = ate__chain_inclusion(chain, sequence, chosen.size, &p.path);
    if (!rc)
        rc = ate__chain_history(chain, sequence, sequence + 1, take_entry, &e);
    p.checkpoint = ate__buf_bytes(&note);
    return rc ? rc : finish(chain, &p, ret_text);
}

int ate_prove(struct ate_chain *chain, uint64_t sequence, const char *checkpoint, char **ret_text)
{
    struct ate__chain *history = NULL;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = history_of(chain, &history);
    return rc ? rc : prove(chain, history, sequence, checkpoint, ret_text);
}

static int check_older(struct ate__chain *chain, const struct ate__checkpoint *older,
                       const struct ate__checkpoint *newer)
{
    int rc = ate__context(ate__chain_check_checkpoint(chain, older), "the older checkpoint");
    if (!rc && older->size > newer->size)
        rc = ate__fail(ATE_NOT_FOUND,
                       "the checkpoint has %llu transactions, the older one %llu already",
                       (unsigned long long)newer->size, (unsigned long long)older->size);
    return rc;
}

int ate_prove_since(struct ate_chain *chain, const char *older_checkpoint, const char *checkpoint,
                    char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__proof_text p = {.kind = ATE__PROOF_CONSISTENCY};
    struct ate__checkpoint older, chosen;
    struct ate__chain *history = NULL;
    if (!older_checkpoint)
        return ate__fail(ATE_MISUSE, "prove: no older checkpoint");
    int rc = ate__check_may_wait();
    if (!rc)
        rc = history_of(chain, &history);
    p.old_checkpoint = ate__text_bytes(older_checkpoint);
    if (!rc) /* who signed it, a key that was removed since perhaps, is for the reader to judge */
        rc = ate__context(ate__checkpoint_parse(p.old_checkpoint, &older), "the older checkpoint");
    if (!rc)
        rc = ate__chain_check_checkpoint(history, &older);
    if (!rc)
        rc = choose(chain, history, checkpoint, &note, &chosen);
    if (!rc)
        rc = check_older(history, &older, &chosen);
    if (!rc)
        rc = ate__chain_consistency(history, older.size, chosen.size, &p.path);
    p.checkpoint = ate__buf_bytes(&note);
    return rc ? rc : finish(history, &p, ret_text);
}
