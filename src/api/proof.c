/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof.c: checkpoints and proofs: signed and made of the history that is here, or asked of the
 * chain's server.
 */
#include "ate/proof.h"
#include "api/proof_fork.h"
#include "api/proof_source.h"

static int give(struct ate__buf *text, char **ret_text)
{
    int rc = ate__buf_append(text, ate__bytes("", 1));
    if (!rc)
        *ret_text = (char *)ate__steal(&text->data);
    return rc;
}

int ate_log_keys(struct ate_chain *chain, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    char name[ATE__CHECKPOINT_NAME];
    struct ate__log_keys keys;
    int rc = chain->pipe->thin ? ate__check_may_wait() : 0;
    if (!rc)
        rc = ate__proof_log_keys(chain, &keys);
    if (rc)
        return rc;
    ate__checkpoint_name(&chain->dio->seal.chain_id, name);
    for (size_t i = 0; !rc && i < keys.count; i++)
        rc = ate__note_keys_encode(name, keys.key[i], &text);
    if (!rc && !keys.count)
        rc = ate__fail(ATE_NOT_FOUND, "%s names no log key", chain->name);
    ate__log_keys_deinit(&keys);
    return rc ? rc : give(&text, ret_text);
}

/* --- signing --- */

/* NULL: none. */
static int find_key(struct ate_chain *c, const struct ate__log_keys *keys,
                    struct ate__log_key **ret_key)
{
    size_t count = c->session ? ate__session_key_count(c->session) : 0;
    int rc = 0;
    *ret_key = NULL;
    for (size_t i = 0; !rc && !*ret_key && i < count; i++) {
        const struct ate__key *own = ate__session_key(c->session, i);
        struct ate__log_key *key;
        if (own->holds != ATE__KEY_ALL)
            continue; /* the log key follows from the seed */
        rc = ate__log_key_of_seed(&own->seed, &key);
        if (rc)
            break;
        if (ate__log_keys_has(keys, ate__log_key_public(key)))
            *ret_key = key;
        else
            ate__log_key_free(key);
    }
    return rc;
}

static int key_in_force(struct ate_chain *c, struct ate__log_key **ret_key)
{
    struct ate__log_keys keys;
    struct ate__log_key *key = NULL;
    int rc = ate__proof_log_keys(c, &keys);
    if (rc)
        return rc;
    rc = find_key(c, &keys, &key);
    if (!rc && !keys.count)
        rc = ate__fail(ATE_NO_KEY,
                       "%s names no log key, so nobody can sign its head: a root key names one, or "
                       "whoever creates a chain",
                       c->name);
    else if (!rc && !key)
        rc = ate__fail(ATE_NO_KEY, "none of your keys is one whose log key may sign for %s",
                       c->name);
    ate__log_keys_deinit(&keys);
    if (!rc)
        *ret_key = key;
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

/* A note of the server's is as good as its signature, and what it signs is to be in the history
 * that was seen. */
int ate__proof_check_note(struct ate_chain *c, struct ate_bytes note,
                          struct ate__checkpoint *ret_checkpoint)
{
    struct ate__log_keys keys;
    int rc = ate__proof_log_keys(c, &keys);
    if (rc)
        return rc;
    rc = ate__checkpoint_verify(note, keys.key, keys.count, ret_checkpoint);
    ate__log_keys_deinit(&keys);
    if (!rc)
        rc = ate__proof_check_prefix(c, ret_checkpoint);
    if (!rc && c->pipe->remote)
        ate__fork_keep_note(&c->memory, note);
    return rc;
}

static int ask(struct ate_chain *c, struct ate__buf *note)
{
    struct ate__checkpoint ignored;
    int rc = ate__proof_ask_note(c, note);
    return rc ? rc : ate__proof_check_note(c, ate__buf_bytes(note), &ignored);
}

int ate_checkpoint(struct ate_chain *chain, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__chain *history = chain->pipe->v->chain(chain->pipe);
    int rc = ate__check_may_wait();
    if (!rc)
        rc = history ? sign(chain, history, &note) : ask(chain, &note);
    if (rc == ATE_NO_KEY && history && chain->pipe->remote)
        rc = ask(chain, &note);
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

static int sign_or_find(struct ate_chain *c, struct ate__buf *note)
{
    struct ate__chain *history = c->pipe->v->chain(c->pipe);
    if (!history)
        return ate__proof_ask_note(c, note);
    int rc = sign(c, history, note);
    if (rc == ATE_NO_KEY || rc == ATE_READ_ONLY || rc == ATE_UNSUPPORTED)
        rc = last_signed(c, note);
    return rc == ATE_NOT_FOUND && c->pipe->remote ? ate__proof_ask_note(c, note) : rc;
}

/* The one that is given, a new one, or the last. */
static int choose(struct ate_chain *c, const char *given, struct ate__buf *note,
                  struct ate__checkpoint *ret_checkpoint)
{
    int rc = given ? ate__buf_append(note, ate__text_bytes(given)) : sign_or_find(c, note);
    return rc ? rc : ate__proof_check_note(c, ate__buf_bytes(note), ret_checkpoint);
}

static int finish(struct ate_chain *c, struct ate__proof_text *p, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf genesis = ATE__BUF_NULL, text = ATE__BUF_NULL;
    int rc = ate__proof_genesis(c, &genesis);
    p->genesis = ate__buf_bytes(&genesis);
    if (!rc)
        rc = ate__proof_encode(p, &text);
    return rc ? rc : give(&text, ret_text);
}

int ate_prove(struct ate_chain *chain, uint64_t sequence, const char *checkpoint, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__proof_text p = {.kind = ATE__PROOF_INCLUSION};
    struct ate__checkpoint chosen;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = choose(chain, checkpoint, &note, &chosen);
    if (!rc && sequence >= chosen.size)
        rc = ate__fail(ATE_NOT_FOUND,
                       "transaction %llu is not in the checkpoint, which has the first %llu: ate "
                       "checkpoint signs a newer one",
                       (unsigned long long)sequence, (unsigned long long)chosen.size);
    if (!rc)
        rc = ate__proof_inclusion(chain, sequence, &chosen, &p.entry, &p.path);
    p.checkpoint = ate__buf_bytes(&note);
    return rc ? rc : finish(chain, &p, ret_text);
}

int ate_prove_since(struct ate_chain *chain, const char *older_checkpoint, const char *checkpoint,
                    char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__proof_text p = {.kind = ATE__PROOF_CONSISTENCY};
    struct ate__checkpoint older, chosen;
    if (!older_checkpoint)
        return ate__fail(ATE_MISUSE, "prove: no older checkpoint");
    int rc = ate__check_may_wait();
    p.old_checkpoint = ate__text_bytes(older_checkpoint);
    if (!rc) /* who signed it, a key that was removed since perhaps, is for the reader to judge */
        rc = ate__checkpoint_parse(p.old_checkpoint, &older);
    if (!rc)
        rc = ate__proof_check_prefix(chain, &older);
    if (rc)
        return ate__context(rc, "the older checkpoint");
    rc = choose(chain, checkpoint, &note, &chosen);
    if (!rc && older.size > chosen.size)
        rc = ate__fail(ATE_NOT_FOUND,
                       "the checkpoint has %llu transactions, the older one %llu already",
                       (unsigned long long)chosen.size, (unsigned long long)older.size);
    if (!rc)
        rc = ate__proof_consistency(chain, &older, &chosen, &p.path);
    p.checkpoint = ate__buf_bytes(&note);
    return rc ? rc : finish(chain, &p, ret_text);
}
