/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/proof_fork.h"
#include "trust/checkpoint.h"
#include "trust/proof.h"

/* --- files, beside that of the remembered head --- */

static char *file_of(const struct ate__memory *m, const char *suffix)
{
    return m->file ? ate__format("%s.%s", m->file, suffix) : NULL;
}

static int read_kept(const struct ate__memory *m, struct ate__buf *note,
                     struct ate__checkpoint *ret_checkpoint)
{
    ate__cleanup(ate__freep) char *file = file_of(m, "checkpoint");
    int rc = file ? ate__file_read(file, ATE__NOTE_MAX, note, NULL) : ATE_NOT_FOUND;
    return rc ? rc : ate__checkpoint_parse(ate__buf_bytes(note), ret_checkpoint);
}

void ate__fork_keep_note(const struct ate__memory *m, struct ate_bytes note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf kept = ATE__BUF_NULL;
    ate__cleanup(ate__freep) char *file = file_of(m, "checkpoint");
    struct ate__checkpoint before, now;
    if (!file || ate__checkpoint_parse(note, &now))
        return;
    int rc = read_kept(m, &kept, &before);
    if (rc || !ate__hash_equal(&before.chain_id, &now.chain_id) || before.size < now.size)
        (void)!ate__file_replace(file, note);
}

/* --- evidence --- */

struct signed_note {
    struct ate__buf text;
    struct ate__checkpoint checkpoint;
};

static void signed_note_deinit(struct signed_note *n)
{
    ate__buf_deinit(&n->text);
}

static int verify(struct signed_note *n, const struct ate__buf *log_keys)
{
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    size_t count = log_keys->size / ATE__LOG_PUBLIC;
    for (size_t i = 0; i < count; i++) /* at most so many are given */
        key[i] = ate__bytes(log_keys->data + i * ATE__LOG_PUBLIC, ATE__LOG_PUBLIC);
    return ate__checkpoint_verify(ate__buf_bytes(&n->text), key, count, &n->checkpoint);
}

/* Whoever signs a head with ML-DSA says that he knows of no larger one. */
static bool contradicts(struct ate__pipe *p, const struct ate__checkpoint *before,
                        const struct ate__checkpoint *now)
{
    struct ate__proof path;
    if (now->size < before->size)
        return now->time_s >= before->time_s;
    if (now->size == before->size)
        return !ate__hash_equal(&now->root, &before->root);
    return p->v->far->consistency(p, before->size, now->size, &path) ||
           ate__merkle_check_consistency(before->size, &before->root, now->size, &now->root, &path);
}

/* What the server signs now, if that contradicts what it signed before. */
static int ask(const struct ate__remote_conf *conf, struct signed_note *before,
               struct signed_note *now)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf keys = ATE__BUF_NULL;
    struct ate__remote_conf fresh = *conf;
    struct ate__pipe *p;
    fresh.mirror_dir = NULL;
    fresh.mirror_memory = false;
    fresh.genesis = (struct ate_bytes){0};
    fresh.remembered_size = 0;
    fresh.advanced = NULL;
    fresh.progress = NULL;
    int rc = ate__remote_open(&fresh, &p);
    if (rc)
        return rc;
    rc = p->v->far->log_keys(p, &keys);
    if (!rc)
        rc = p->v->far->checkpoint(p, &now->text);
    if (!rc)
        rc = verify(before, &keys);
    if (!rc)
        rc = verify(now, &keys);
    if (!rc && !contradicts(p, &before->checkpoint, &now->checkpoint))
        rc = ATE_NOT_FOUND;
    p->v->unref(p);
    return rc;
}

static int write_both(const char *file, const struct signed_note *before,
                      const struct signed_note *now)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = ate__buf_append(&text, ate__buf_bytes(&before->text));
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("\n", 1));
    if (!rc)
        rc = ate__buf_append(&text, ate__buf_bytes(&now->text));
    return rc ? rc : ate__file_replace(file, ate__buf_bytes(&text));
}

static int find(const struct ate__memory *m, const struct ate__remote_conf *conf, const char *file)
{
    ate__cleanup(signed_note_deinit) struct signed_note before = {.text = ATE__BUF_NULL};
    ate__cleanup(signed_note_deinit) struct signed_note now = {.text = ATE__BUF_NULL};
    int rc = read_kept(m, &before.text, &before.checkpoint);
    if (!rc)
        rc = ask(conf, &before, &now);
    return rc ? rc : write_both(file, &before, &now);
}

int ate__fork_evidence(const struct ate__memory *m, const struct ate__remote_conf *conf, int rc)
{
    ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
    ate__cleanup(ate__freep) char *file = file_of(m, "fork");
    char shown[512];
    bool found = why && file && !find(m, conf, file);
    if (!why)
        return rc;
    return found
               ? ate__fail(rc, "%s; what was signed before, and what is signed now, is kept in %s",
                           why, ate__escaped(ate__text_bytes(file), shown, sizeof shown))
               : ate__fail(rc, "%s", why);
}
