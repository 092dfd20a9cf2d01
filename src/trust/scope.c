/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * scope.c: the header of a control event, and with it a new scope or another reader of one.
 *
 * A control event states the whole of it, so what stays is copied from the one that it replaces:
 * EPOCH, LINK, NAMEKEY and the entries of those who read already. Readers are sealed to by HPKE;
 * one whose public key has no KEM key but whose private half the session holds, by its symmetric
 * read key. Acceptance asks that RECIPIENTS and the read rule name the same keys.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/data_key.h"

struct making {
    const struct ate__seal_env *e;
    struct ate_session *s;
    const struct ate__scope_plan *plan;
    const struct ate__rule *readers;
    const struct ate__header *kept; /* of the private scope that goes on; NULL: a new one */
    struct ate__data_key *key;      /* a reference; NULL: not opened */
    struct ate__epoch_item epoch;
    struct ate__namekey_item namekey;
    uint8_t seal_public[ATE__XWING_PUBLIC];
    uint8_t wrapped_name_key[ATE__WRAPPED_KEY];
    struct ate__buf sealed; /* all fresh entries of RECIPIENTS; they point into it at the end */
    struct ate__recipient *recipients;
};

static void making_deinit(struct making *m)
{
    ate__data_key_unref(m->key);
    ate__buf_deinit(&m->sealed);
    ate__free(m->recipients);
}

static const char *object_text(const struct making *m, char text[ATE__ID_TEXT])
{
    return ate__id_text(&m->plan->object, text);
}

static bool is_private(const struct ate__control *c)
{
    return c && c->header.auth.rule[ATE__RIGHT_READ].who == ATE__RULE_ANY_OF;
}

static struct ate_hash reader_at(const struct making *m, uint32_t index)
{
    struct ate_hash fingerprint;
    memcpy(&fingerprint, m->readers->keys + 32 * (size_t)index, sizeof fingerprint);
    return fingerprint;
}

/* The entry that a reader has already; both lists are sorted, *at goes along. */
static bool kept_entry(const struct making *m, const struct ate_hash *fingerprint, size_t *at,
                       struct ate__recipient *ret_entry)
{
    struct ate__recipient entry;
    if (!m->kept)
        return false;
    for (size_t next = *at; ate__recipient_next(m->kept->recipients, &next, &entry); *at = next) {
        int order = memcmp(&entry.fingerprint, fingerprint, sizeof *fingerprint);
        if (order > 0)
            return false;
        if (!order) {
            *ret_entry = entry;
            *at = next;
            return true;
        }
    }
    return false;
}

static int check_nobody_goes(const struct making *m)
{
    struct ate__recipient entry;
    for (size_t at = 0; ate__recipient_next(m->kept->recipients, &at, &entry);) {
        char reader[ATE__HASH_TEXT];
        if (!ate__rule_has(m->readers, &entry.fingerprint))
            return ate__fail(ATE_UNSUPPORTED,
                             "taking the right to read from %s needs a new epoch, which "
                             "this version does not begin",
                             ate__hash_text(&entry.fingerprint, reader));
    }
    return 0;
}

/* ---- the key ---- */

static int open_kept(struct making *m)
{
    m->epoch = m->kept->epoch;
    m->namekey = m->kept->namekey;
    int rc = ate__data_key_open(m->e, m->s, m->plan->prev, &m->epoch.data_key_id, &m->key);
    return rc == ATE_NO_KEY ? 0 : rc; /* needed only if somebody has to be sealed to */
}

static int wrap_name_key(struct making *m)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    if (m->plan->name_key)
        name_key = *m->plan->name_key;
    else if (m->plan->new_name_key)
        ate__random(m->e->env, &name_key, sizeof name_key);
    else
        return ate__fail(ATE_MISUSE, "a private scope without a name key");
    m->namekey = (struct ate__namekey_item){
        .wrapped = true,
        .data_key_id = m->key->id,
        .bytes = ate__bytes(m->wrapped_name_key, sizeof m->wrapped_name_key),
    };
    return ate__name_key_wrap(m->e, m->key, &m->plan->object, &name_key, m->wrapped_name_key);
}

static int begin_scope(struct making *m)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
    ate__random(m->e->env, &d, sizeof d);
    int rc = ate__data_key_new(m->e, &d, &m->key);
    if (!rc)
        rc = ate__data_key_seal_public(m->e, m->key, m->seal_public);
    if (!rc)
        rc = wrap_name_key(m);
    if (!rc)
        m->epoch = (struct ate__epoch_item){
            .epoch = 0,
            .data_key_id = m->key->id,
            .kem = ATE__KEM_XWING,
            .seal_public = ate__bytes(m->seal_public, sizeof m->seal_public),
        };
    return rc;
}

/* ---- RECIPIENTS ---- */

/* Appends the sealed key to m->sealed. */
static int seal_to(struct making *m, const struct ate_hash *fingerprint,
                   struct ate__recipient *entry)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf public_key = ATE__BUF_NULL;
    struct ate__epoch_of of = {m->e, &m->plan->object, m->epoch.epoch};
    struct ate__public_parts parts;
    char text[ATE__HASH_TEXT];
    if (!m->key)
        return ate__fail(ATE_NO_KEY, "it does not open the scope, so nobody can be let in");
    int rc = m->plan->public_key(m->plan->arg, fingerprint, &public_key);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(ATE_NO_KEY, "the public key of the reader %s is not at hand",
                         ate__hash_text(fingerprint, text));
    if (!rc)
        rc = ate__public_key_parse(ate__buf_bytes(&public_key), &parts);
    if (rc)
        return rc;
    size_t start = m->sealed.size;
    entry->fingerprint = *fingerprint;
    entry->method = ATE__SEALED_TO_KEM;
    if (parts.kem_key.size) {
        rc = ate__data_key_seal(&of, m->key, fingerprint, parts.kem_key.data, &m->sealed);
    } else {
        const struct ate__key *own = ate__session_find(m->s, fingerprint);
        uint8_t wrapped[ATE__WRAPPED_KEY];
        if (!own)
            return ate__fail(ATE_NO_KEY, "the public key of the reader %s has no part to seal to",
                             ate__hash_text(fingerprint, text));
        entry->method = ATE__WRAPPED_BY_READ_KEY;
        rc = ate__data_key_wrap(&of, m->key, &own->read_key, wrapped);
        if (!rc)
            rc = ate__buf_append(&m->sealed, ate__bytes(wrapped, sizeof wrapped));
    }
    /* Its bytes are found by their size once m->sealed does not move any more. */
    entry->sealed = ate__bytes(NULL, m->sealed.size - start);
    return rc;
}

static int make_recipients(struct making *m)
{
    size_t kept_at = 0, at = 0;
    m->recipients = ate__alloc_array(m->readers->count, sizeof *m->recipients);
    if (!m->recipients)
        return ate__no_memory();
    for (uint32_t i = 0; i < m->readers->count; i++) {
        struct ate_hash fingerprint = reader_at(m, i);
        int rc = kept_entry(m, &fingerprint, &kept_at, &m->recipients[i])
                     ? 0
                     : seal_to(m, &fingerprint, &m->recipients[i]);
        if (rc)
            return rc;
    }
    for (uint32_t i = 0; i < m->readers->count; i++) {
        if (m->recipients[i].sealed.data)
            continue;
        m->recipients[i].sealed.data = m->sealed.data + at;
        at += m->recipients[i].sealed.size;
    }
    return 0;
}

static int make_private(struct making *m)
{
    int rc = 0;
    if (!m->readers->count || m->readers->count > ATE__RECIPIENTS_MAX)
        return ate__fail(m->readers->count ? ATE_TOO_BIG : ATE_MISUSE,
                         "%u readers of a scope; 1 to %d are possible", m->readers->count,
                         ATE__RECIPIENTS_MAX);
    if (m->kept)
        rc = check_nobody_goes(m);
    if (!rc)
        rc = m->kept ? open_kept(m) : begin_scope(m);
    return rc ? rc : make_recipients(m);
}

static int write_header(const struct making *m, struct ate__buf *buf)
{
    static const uint8_t on = 1;
    struct ate__header_wr w = ate__header_wr_of(buf);
    const struct ate__control *prev = m->plan->prev;
    bool is_scope = m->recipients;
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&m->plan->object, sizeof m->plan->object));
    if (prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&prev->hash, sizeof prev->hash));
    ate__header_auth(&w, &m->plan->auth);
    if (is_scope) {
        ate__header_epoch(&w, &m->epoch);
        ate__header_recipients(&w, m->recipients, m->readers->count);
        if (m->kept && ate__header_has(m->kept, ATE__TAG_LINK))
            ate__header_item(&w, ATE__TAG_LINK, m->kept->link);
        ate__header_namekey(&w, &m->namekey);
    }
    if (m->plan->hold)
        ate__header_item(&w, ATE__TAG_HOLD, ate__bytes(&on, sizeof on));
    return ate__header_end(&w);
}

static int make(struct making *m, struct ate__buf *ret_header)
{
    size_t start = ret_header->size;
    int rc = 0;
    if (m->readers->who == ATE__RULE_NOBODY)
        return ate__fail(ATE_UNSUPPORTED, "read nobody: a later version brings its rules");
    if (m->readers->who == ATE__RULE_ANY_OF)
        rc = make_private(m);
    else if (m->kept)
        return ate__fail(ATE_UNSUPPORTED, "it ends a private scope, which this version does not");
    if (!rc)
        rc = write_header(m, ret_header);
    if (!rc && m->key) {
        struct ate__secret_place place = {m->e->chain_id, m->key->id, m->plan->object};
        rc = ate__session_remember_data(m->s, &place, m->key);
    }
    if (rc)
        ret_header->size = start;
    return rc;
}

int ate__control_make(const struct ate__seal_env *e, struct ate_session *s,
                      const struct ate__scope_plan *plan, struct ate__buf *ret_header,
                      struct ate__data_key **ret_key)
{
    ate__cleanup(making_deinit) struct making m = {
        .e = e,
        .s = s,
        .plan = plan,
        .readers = &plan->auth.rule[ATE__RIGHT_READ],
        .kept = is_private(plan->prev) ? &plan->prev->header : NULL,
    };
    char object[ATE__ID_TEXT];
    int rc = make(&m, ret_header);
    if (rc)
        return ate__context(rc, "object %s", object_text(&m, object));
    *ret_key = ate__steal(&m.key);
    return 0;
}
