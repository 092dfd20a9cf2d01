/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/signed.h"
#include "base/err.h"
#include "base/replace.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/kept.h"
#include "chain/reset.h"
#include <inttypes.h>
#include <stdio.h>

static const char log_name[] = ",chain";
static const char file_name[] = "checkpoint";

/* One at a time, over all chains of the process: between the look at what was signed last and the
 * file that says what is signed now. */
static pthread_mutex_t signing = PTHREAD_MUTEX_INITIALIZER;

/* --- the file --- */

static int read_file(const struct ate__vfs *vfs, struct ate__dir *log, struct ate__buf *ret_note)
{
    struct ate__file *file;
    size_t size = 0;
    int rc = vfs->open(log, file_name, ATE__OPEN_READ, &file);
    if (rc)
        return rc;
    rc = ate__buf_reserve(ret_note, ATE__NOTE_MAX + 1);
    if (!rc)
        rc = vfs->read(file, 0, ret_note->data + ret_note->size, ATE__NOTE_MAX + 1, &size);
    vfs->close(file);
    if (!rc)
        ret_note->size += size;
    return rc;
}

int ate__chain_signed(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__buf *ret_note)
{
    struct ate__dir *log;
    int rc = vfs->open_dir(dir, log_name, false, &log);
    if (rc)
        return rc;
    rc = ate__log_signed(vfs, log, ret_note);
    vfs->close_dir(log);
    return rc;
}

int ate__log_signed_put(const struct ate__vfs *vfs, struct ate__dir *log, struct ate_bytes note)
{
    return ate__replace_file(vfs, log, file_name, note, 0);
}

int ate__log_signed(const struct ate__vfs *vfs, struct ate__dir *log, struct ate__buf *ret_note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint ignored;
    int rc = read_file(vfs, log, &note);
    if (rc)
        return rc;
    rc = ate__checkpoint_parse(ate__buf_bytes(&note), &ignored);
    if (rc == ATE_MALFORMED || rc == ATE_TOO_BIG)
        return ate__context(ATE_TAMPERED, "%s/%s, which tells what was signed last", log_name,
                            file_name);
    return rc ? rc : ate__buf_append(ret_note, ate__buf_bytes(&note));
}

/* How many transactions it is of; UINT64_MAX where that cannot be told, which stays as it is. */
static uint64_t size_of(const struct ate__buf *note)
{
    struct ate__checkpoint c;
    return ate__checkpoint_parse(ate__buf_bytes(note), &c) ? UINT64_MAX : c.size;
}

int ate__chain_signed_keep(const struct ate__vfs *vfs, struct ate__dir *from, struct ate__dir *to)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf there = ATE__BUF_NULL;
    int rc = read_file(vfs, from, &note);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    rc = read_file(vfs, to, &there);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    if (!rc && size_of(&there) >= size_of(&note))
        return 0;
    rc = ate__replace_file(vfs, to, file_name, ate__buf_bytes(&note), 0);
    return rc > 0 ? ate__context(ATE_E_SYSTEM, "%s", file_name) : rc;
}

/* --- signing --- */

int ate__chain_check_checkpoint(struct ate__chain *c, const struct ate__checkpoint *checkpoint)
{
    const struct ate_hash *id = ate__trust_chain_id(ate__chain_trust(c));
    uint64_t size;
    struct ate_hash root;
    char of[ATE__HASH_TEXT], this[ATE__HASH_TEXT];
    ate__chain_taken(c, &size, &root);
    if (!ate__hash_equal(id, &checkpoint->chain_id))
        return ate__fail(ATE_WRONG_CHAIN, "a checkpoint of chain %s; this is %s",
                         ate__hash_text(&checkpoint->chain_id, of), ate__hash_text(id, this));
    if (checkpoint->size > size)
        return ate__fail(ATE_ROLLED_BACK,
                         "a checkpoint of %" PRIu64 " transactions; the chain has only %" PRIu64,
                         checkpoint->size, size);
    int rc = ate__chain_root_at(c, checkpoint->size, &root);
    if (!rc && !ate__hash_equal(&root, &checkpoint->root))
        rc = ate__fail(ATE_FORKED,
                       "a checkpoint of %" PRIu64 " transactions, which are not the first ones of "
                       "this chain",
                       checkpoint->size);
    return rc;
}

int ate__chain_check_note(struct ate__chain *c, struct ate_bytes note,
                          struct ate__checkpoint *ret_checkpoint)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    struct ate_hash fingerprint[ATE__SERVICE_KEYS_MAX];
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    size_t n = ate__trust_office(c->trust, ATE__LOG_KEY, fingerprint, ATE__COUNT_OF(fingerprint));
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = ate__trust_public_key(c->trust, &fingerprint[i], &bytes);
    for (size_t i = 0; !rc && i < n; i++)
        key[i] = ate__bytes(bytes.data + i * ATE__LOG_PUBLIC, ATE__LOG_PUBLIC);
    if (!rc)
        rc = ate__checkpoint_verify(note, key, n, ret_checkpoint);
    return rc ? rc : ate__chain_check_checkpoint(c, ret_checkpoint);
}

/* It went back since then, and that was signed: what was signed before binds it no more. */
static bool went_back(struct ate__chain *c, const struct ate__checkpoint *last, uint64_t time_s)
{
    /* Signed in that second, at its end as far as can be told. */
    const struct ate__reset_seen seen = {
        .size = last->size,
        .time_us = time_s >= UINT64_MAX / 1000000 ? UINT64_MAX : time_s * 1000000 + 999999};
    struct ate__reset ignored;
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    bool did = !ate__chain_reset_find(c, &seen, &ignored);
    ate__error_set(text);
    return did;
}

static int check_last(struct ate__chain *c, struct ate__dir *dir)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint last;
    int rc = ate__chain_signed(c->conf.env->vfs, dir, &note);
    if (rc == ATE_NOT_FOUND)
        return 0; /* nothing was signed yet */
    if (!rc)
        rc = ate__checkpoint_parse(ate__buf_bytes(&note), &last);
    if (!rc)
        rc = ate__chain_check_checkpoint(c, &last);
    if ((rc == ATE_ROLLED_BACK || rc == ATE_FORKED) &&
        went_back(c, &last, ate__checkpoint_said_time(ate__buf_bytes(&note))))
        return 0;
    return ate__context(rc, "nothing is signed: what was signed here last");
}

static int sign(struct ate__chain *c, struct ate__dir *dir, const struct ate__log_key *key,
                const struct ate__checkpoint *checkpoint, struct ate__buf *note)
{
    const struct ate__vfs *vfs = c->conf.env->vfs;
    struct ate__dir *log;
    int rc = check_last(c, dir);
    if (!rc)
        rc = ate__checkpoint_make(checkpoint, key, note);
    if (!rc)
        rc = vfs->open_dir(dir, log_name, false, &log);
    if (rc)
        return rc;
    rc = ate__log_signed_put(vfs, log, ate__buf_bytes(note));
    vfs->close_dir(log);
    return ate__context(rc, "the checkpoint that would be signed cannot be noted first");
}

int ate__chain_sign(struct ate__chain *c, struct ate__dir *dir, const struct ate__log_key *key,
                    uint64_t size, const struct ate_hash *root, struct ate__buf *ret_note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint checkpoint = {
        .chain_id = *ate__trust_chain_id(ate__chain_trust(c)),
        .size = size,
        .root = *root,
        .time_s = ate__wall_us(c->conf.env) / 1000000,
    };
    int rc = ate__chain_check_checkpoint(c, &checkpoint);
    if (rc)
        return rc;
    pthread_mutex_lock(&signing);
    rc = sign(c, dir, key, &checkpoint, &note);
    pthread_mutex_unlock(&signing);
    return rc ? rc : ate__buf_append(ret_note, ate__buf_bytes(&note));
}

/* --- entries --- */

struct entry {
    enum ate__hash_alg alg;
    struct ate__proof_entry entry;
};

static int take_entry(void *arg, const struct ate__record_out *record)
{
    struct entry *e = arg;
    struct ate__identity identity;
    struct ate__tx tx;
    int rc = record->identity ? ate__identity_read(record->body, &identity)
                              : ate__tx_decode(record->body, e->alg, &tx);
    if (!rc && !record->identity) {
        rc = ate__identity_of(&tx, e->alg, &identity);
        ate__tx_deinit(&tx);
    }
    if (rc)
        return rc;
    e->entry = (struct ate__proof_entry){record->sequence, record->root_time_us, identity.hash,
                                         identity.signatures_hash};
    return ATE_END;
}

int ate__chain_entry(struct ate__chain *c, uint64_t sequence, struct ate__proof_entry *ret_entry)
{
    struct entry e = {.alg = ate__trust_alg(c->trust)};
    uint64_t size = ate__chain_published(c);
    if (sequence >= size)
        return ate__fail(ATE_NOT_FOUND,
                         "transaction %" PRIu64 "; the chain has %" PRIu64 " transactions",
                         sequence, size);
    int rc = c->storage->v->scan(c->storage, sequence, sequence + 1,
                                 &(struct ate__scan){NULL, take_entry, &e});
    if (!rc)
        rc = ate__fail(ATE_COMPACTED, "transaction %" PRIu64 " was compacted away", sequence);
    if (rc != ATE_END)
        return rc;
    *ret_entry = e.entry;
    return 0;
}
