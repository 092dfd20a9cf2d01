/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/proof_fork.h"
#include "trust/checkpoint.h"
#include "trust/proof.h"
#include <stdio.h>

enum {
    NOTE_MS = 30000, /* between two that are written */
    ASK_MS = 5000,   /* of each wait for the server */
    ASKS_MAX = 3,
    EVIDENCE_MAX = 1 << 20
};

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

bool ate__fork_has_note(const struct ate__memory *m)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint ignored;
    return !read_kept(m, &note, &ignored);
}

static bool is_newer(struct ate_bytes note, struct ate_bytes than)
{
    struct ate__checkpoint before, now;
    if (ate__checkpoint_parse(note, &now))
        return false;
    return ate__checkpoint_parse(than, &before) ||
           !ate__hash_equal(&before.chain_id, &now.chain_id) || before.size < now.size;
}

void ate__fork_keep_note(struct ate__memory *m, struct ate_bytes note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf kept = ATE__BUF_NULL;
    ate__cleanup(ate__freep) char *file = file_of(m, "checkpoint");
    struct ate__checkpoint ignored;
    int rc = read_kept(m, &kept, &ignored);
    if (file && is_newer(note, rc ? ate__bytes(NULL, 0) : ate__buf_bytes(&kept)))
        (void)!ate__file_replace(file, note);
}

/* What was seen and is not written yet. */
static void write_seen(struct ate__memory *m)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    pthread_mutex_lock(&m->mutex);
    int rc = m->note_due ? ate__buf_append(&note, ate__buf_bytes(&m->note)) : ATE_NOT_FOUND;
    m->note_due = false;
    pthread_mutex_unlock(&m->mutex);
    if (!rc)
        ate__fork_keep_note(m, ate__buf_bytes(&note));
}

void ate__fork_saw_note(struct ate__memory *m, struct ate_bytes note, uint64_t now_ms)
{
    pthread_mutex_lock(&m->mutex);
    if (is_newer(note, ate__buf_bytes(&m->note))) {
        ate__buf_clear(&m->note);
        m->note_due = !ate__buf_append(&m->note, note);
    }
    bool due = m->note_due && (!m->note_ms || now_ms - m->note_ms >= NOTE_MS);
    if (due)
        m->note_ms = now_ms;
    pthread_mutex_unlock(&m->mutex);
    if (due)
        write_seen(m);
}

void ate__fork_close(struct ate__memory *m)
{
    write_seen(m);
    ate__buf_deinit(&m->note);
}

void ate__fork_forget_note(struct ate__memory *m)
{
    ate__cleanup(ate__freep) char *file = file_of(m, "checkpoint");
    pthread_mutex_lock(&m->mutex);
    ate__buf_clear(&m->note);
    m->note_due = false;
    pthread_mutex_unlock(&m->mutex);
    if (file)
        (void)!remove(file);
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
    int rc = p->v->far->consistency(p, before->size, now->size, &path);
    if (!rc)
        rc = ate__merkle_check_consistency(before->size, &before->root, now->size, &now->root,
                                           &path);
    return rc > 0 && rc != ATE_OFFLINE && rc != ATE_TIMEOUT && rc != ATE_BUSY;
}

struct ate__remote_conf ate__fork_fresh_conf(const struct ate__remote_conf *conf)
{
    return (struct ate__remote_conf){
        .env = conf->env,
        .workers = conf->workers,
        .addr = conf->addr,
        .no_wire_encryption = conf->no_wire_encryption,
        .lookup = conf->lookup,
        .session = conf->session,
        .timeout_ms = conf->timeout_ms,
        .anchor = conf->anchor,
        .arg = conf->arg,
        .limits = conf->limits,
    };
}

/* What the server signs now, if that contradicts what it signed before. */
static int ask(const struct ate__remote_conf *conf, struct signed_note *before,
               struct signed_note *now)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf keys = ATE__BUF_NULL;
    struct ate__remote_conf fresh = ate__fork_fresh_conf(conf);
    struct ate__pipe *p;
    int rc = ate__remote_open(&fresh, &p);
    if (rc)
        return rc;
    ate__buf_clear(&now->text);
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

static bool holds(const struct ate__buf *text, struct ate_bytes note)
{
    return note.size && text->size && memmem(text->data, text->size, note.data, note.size);
}

static int add_note(struct ate__buf *text, struct ate_bytes note)
{
    int rc = text->size && note.size ? ate__buf_append(text, ate__text_bytes("\n")) : 0;
    return rc ? rc : ate__buf_append(text, note);
}

/* Behind what is there, which stays. A note that is there already has been contradicted, and what
 * finds no room any more proves nothing new. */
static int write_evidence(const char *file, struct ate_bytes before, struct ate_bytes now)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = ate__file_read(file, EVIDENCE_MAX, &text, NULL);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    if (holds(&text, before) || holds(&text, now) ||
        text.size + before.size + now.size + 2 > EVIDENCE_MAX)
        return 0;
    rc = add_note(&text, before);
    if (!rc)
        rc = add_note(&text, now);
    return rc ? rc : ate__file_replace(file, ate__buf_bytes(&text));
}

static int find(const struct ate__memory *m, const struct ate__remote_conf *conf, const char *file)
{
    ate__cleanup(signed_note_deinit) struct signed_note before = {.text = ATE__BUF_NULL};
    ate__cleanup(signed_note_deinit) struct signed_note now = {.text = ATE__BUF_NULL};
    int rc = read_kept(m, &before.text, &before.checkpoint), asked = ATE_OFFLINE;
    for (unsigned i = 0; !rc && i < ASKS_MAX && (asked == ATE_OFFLINE || asked == ATE_TIMEOUT); i++)
        asked = ask(conf, &before, &now);
    rc = rc ? rc : asked;
    return rc ? rc : write_evidence(file, ate__buf_bytes(&before.text), ate__buf_bytes(&now.text));
}

/* rc, with the sentence `why` and where the evidence is; NULL: nowhere. */
static int tell_where(int rc, const char *why, const char *file)
{
    char shown[512];
    return file ? ate__fail(rc, "%s; what was signed before, and what is signed now, is kept in %s",
                            why, ate__escaped(ate__text_bytes(file), shown, sizeof shown))
                : ate__fail(rc, "%s", why);
}

int ate__fork_evidence(struct ate__memory *m, const struct ate__remote_conf *conf, int rc)
{
    ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
    ate__cleanup(ate__freep) char *file = file_of(m, "fork");
    write_seen(m);
    bool found = why && file && !find(m, conf, file);
    return why ? tell_where(rc, why, found ? file : NULL) : rc;
}

/* --- of a chain that is open --- */

static int same_chain(void *arg, struct ate__trust *trust, bool whole)
{
    struct ate_chain *c = arg;
    (void)whole;
    return ate__memory_check_chain(&c->memory, ate__trust_chain_id(trust));
}

struct ate__remote_conf *ate__fork_conf(struct ate_chain *c, const struct ate__remote_conf *conf)
{
    struct ate__remote_conf *copy = ate__alloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = ate__fork_fresh_conf(conf);
    copy->workers = NULL; /* it is asked on one of them */
    copy->timeout_ms = ASK_MS;
    copy->anchor = same_chain;
    copy->arg = c;
    return copy;
}

static void tell_program(struct ate_chain *c, int rc, const struct ate__checkpoint *checkpoint)
{
    struct ate_proved proved = {.kind = ATE_PROOF_CHECKPOINT};
    if (!c->checkpoint_seen)
        return;
    if (checkpoint) {
        proved.chain = checkpoint->chain_id;
        proved.head = (struct ate_head){checkpoint->size, checkpoint->root};
        proved.log_key = checkpoint->log_key;
        proved.signed_ns = ate__ns_of(ate__min(checkpoint->time_s, INT64_MAX / 1000000) * 1000000);
    }
    c->checkpoint_seen(c->checkpoint_arg, rc, rc ? ate__error_text() : "",
                       checkpoint ? &proved : NULL);
}

/* What a RESET allows is judged by all that is shown, which an open fetches (api/reset.h). */
static int say_how_to_go_on(int rc)
{
    char why[ATE__ERROR_SIZE];
    snprintf(why, sizeof why, "%s", ate__error_text());
    return ate__fail(
        rc, "%s; if its owner took the chain back, open it again: that is followed then", why);
}

/* The newest that held, and this one. */
static int keep_both(struct ate__memory *m, int rc, struct ate_bytes note)
{
    ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
    ate__cleanup(ate__freep) char *file = file_of(m, "fork");
    ate__cleanup(ate__buf_deinit) struct ate__buf before = ATE__BUF_NULL;
    struct ate__checkpoint ignored;
    write_seen(m);
    if (read_kept(m, &before, &ignored))
        ate__buf_clear(&before);
    if (!why)
        return rc;
    int failed = file ? write_evidence(file, ate__buf_bytes(&before), note) : 0;
    return failed ? ate__fail(rc, "%s; the evidence could not be kept: %s", why, ate__error_text())
                  : tell_where(rc, why, file);
}

int ate__fork_noted(void *arg, int result, struct ate_bytes note,
                    const struct ate__checkpoint *checkpoint)
{
    struct ate_chain *c = arg;
    if (!result)
        ate__fork_saw_note(&c->memory, note, ate__monotonic_ms(&ate__env_real));
    if (result == ATE_FORKED || result == ATE_ROLLED_BACK)
        result = keep_both(&c->memory, say_how_to_go_on(result), note);
    tell_program(c, result, checkpoint);
    ate__aging_heard(c, result, checkpoint);
    return result;
}

void ate__fork_believed(void *arg, struct ate_bytes note)
{
    struct ate_chain *c = arg;
    ate__fork_saw_note(&c->memory, note, ate__monotonic_ms(&ate__env_real));
}

int ate__fork_shown(void *arg, int result)
{
    struct ate_chain *c = arg;
    result = ate__fork_evidence(&c->memory, c->ask, say_how_to_go_on(result));
    tell_program(c, result, NULL);
    return result;
}
