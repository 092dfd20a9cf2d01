/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * scope.c: the header of a control event, and with it a new scope, other readers of one, its next
 * epoch, or its end.
 *
 * A control event states the whole of it, so what stays is copied from the one that it replaces:
 * EPOCH, LINK, NAMEKEY and the entries of those who read already. An epoch that begins has a D of
 * its own, independent of all before it, so that nobody who is left out can find it; LINK, which
 * leads from it to the one before, can be made only by who could read that. Readers are sealed to
 * by HPKE; one whose public key has no KEM key but whose private half the session holds, by its
 * symmetric read key. Acceptance asks that RECIPIENTS and the read rule name the same keys.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/data_key.h"

struct making {
    const struct ate__seal_env *e;
    struct ate_session *s;
    const struct ate__scope_plan *plan;
    struct ate__auth auth;           /* of the plan; its read rule without those who ended */
    struct ate__rule *readers;       /* auth's read rule */
    const struct ate__control
        *last; /* the newest that states an epoch; NULL: there never was one */
    bool goes_on;                    /* that epoch is in force and stays: its entries are kept */
    struct ate__data_key *key;       /* a reference; NULL: not opened */
    struct ate__data_key *below;     /* of `last`, where another epoch follows on it */
    struct ate__epoch_item epoch;
    struct ate__namekey_item namekey;
    struct ate_bytes link;
    bool published;
    uint8_t seal_public[ATE__KEM_PUBLIC_MAX];
    uint8_t wrapped_name_key[ATE__WRAPPED_KEY];
    uint8_t link_bytes[ATE__LINK_SIZE];
    struct ate__key32 d_published, name_published;
    struct ate__buf stay;   /* fingerprints of the read rule without those who ended */
    struct ate__buf sealed; /* all fresh entries and labels of RECIPIENTS; they point into it at the
                               end */
    struct ate__recipient *recipients;
};

static void making_deinit(struct making *m)
{
    ate__data_key_unref(m->key);
    ate__data_key_unref(m->below);
    ate__key32_deinit(&m->d_published);
    ate__key32_deinit(&m->name_published);
    ate__buf_deinit(&m->stay);
    ate__buf_deinit(&m->sealed);
    ate__free(m->recipients);
}

static bool prev_has(const struct making *m, enum ate__tag tag)
{
    return m->plan->prev && ate__header_has(&m->plan->prev->header, tag);
}

static struct ate_hash reader_at(const struct making *m, uint32_t index)
{
    struct ate_hash fingerprint;
    memcpy(&fingerprint, m->readers->keys + 32 * (size_t)index, sizeof fingerprint);
    return fingerprint;
}

/* The entry that a reader has in the last epoch; both lists are sorted, *at goes along. */
static bool last_entry(const struct making *m, const struct ate_hash *fingerprint, size_t *at,
                       struct ate__recipient *ret_entry)
{
    struct ate__recipient entry;
    if (!m->last)
        return false;
    for (size_t next = *at; ate__recipient_next(m->last->header.recipients, &next, &entry);
         *at = next) {
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

static bool somebody_goes(const struct making *m)
{
    struct ate__recipient entry;
    for (size_t at = 0; ate__recipient_next(m->last->header.recipients, &at, &entry);)
        if (!ate__rule_has(m->readers, &entry.fingerprint))
            return true;
    return false;
}

static bool has_ended(const struct making *m, const struct ate_hash *fingerprint)
{
    return m->plan->has_ended && m->plan->has_ended(m->plan->arg, fingerprint);
}

/* An epoch that begins leaves out the keys that have ended. */
static int leave_out_ended(struct making *m)
{
    for (uint32_t i = 0; i < m->readers->count; i++) {
        struct ate_hash fingerprint = reader_at(m, i);
        int rc = has_ended(m, &fingerprint)
                     ? 0
                     : ate__buf_append(&m->stay, ate__bytes(&fingerprint, sizeof fingerprint));
        if (rc)
            return rc;
    }
    m->readers->keys = m->stay.data;
    m->readers->count = (uint32_t)(m->stay.size / sizeof(struct ate_hash));
    return m->readers->count ? 0 : ate__fail(ATE_MISUSE, "all keys that shall read have ended");
}

/* ---- the name key ---- */

/* That of prev, or the one that it gets. */
static int name_key_of(const struct making *m, struct ate__key32 *ret_key)
{
    if (m->plan->name_key)
        *ret_key = *m->plan->name_key;
    else if (prev_has(m, ATE__TAG_NAMEKEY))
        return ate__name_key_open(m->e, m->s, m->plan->prev, m->plan->prev, ret_key);
    else if (m->plan->new_name_key)
        ate__random(m->e->env, ret_key, sizeof *ret_key);
    else
        return ate__fail(ATE_MISUSE, "a private scope without a name key");
    return 0;
}

static int wrap_name_key(struct making *m, const struct ate__data_key *under)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    int rc = name_key_of(m, &name_key);
    if (rc)
        return rc;
    m->namekey = (struct ate__namekey_item){
        .wrapped = true,
        .data_key_id = under->id,
        .bytes = ate__bytes(m->wrapped_name_key, sizeof m->wrapped_name_key),
    };
    return ate__name_key_wrap(m->e, under, &m->plan->object, &name_key, m->wrapped_name_key);
}

/* ---- the data key ---- */

static int open_last(struct making *m, struct ate__data_key **ret_key)
{
    return ate__data_key_open(m->e, m->s, m->plan->prev, &m->last->header.epoch.data_key_id,
                              ret_key);
}

static int go_on(struct making *m)
{
    m->epoch = m->last->header.epoch;
    m->namekey = m->last->header.namekey;
    if (ate__header_has(&m->last->header, ATE__TAG_LINK))
        m->link = m->last->header.link;
    int rc = open_last(m, &m->key);
    return rc == ATE_NO_KEY ? 0 : rc; /* needed only if somebody has to be sealed to */
}

static int begin_epoch(struct making *m, uint64_t number)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
    ate__random(m->e->env, &d, sizeof d);
    const struct ate__algorithm *kem = ate__kem_of_strength(m->e->strength);
    int rc = leave_out_ended(m);
    if (!rc)
        rc = ate__data_key_new(m->e, &d, &m->key);
    if (!rc)
        rc = ate__data_key_seal_public(m->e, m->key, kem->id, m->seal_public);
    if (!rc)
        rc = wrap_name_key(m, m->key);
    if (!rc)
        m->epoch = (struct ate__epoch_item){
            .epoch = number,
            .data_key_id = m->key->id,
            .kem = kem->id,
            .seal_public = ate__bytes(m->seal_public, kem->public_size),
        };
    return rc;
}

/* The one behind `last`. What was published everybody could read, and needs no LINK. */
static int next_epoch(struct making *m)
{
    uint64_t number = m->last->header.epoch.epoch + 1;
    struct ate__epoch_of of = {m->e, &m->plan->object, number};
    int rc = number ? 0 : ate__fail(ATE_TOO_BIG, "there is no epoch behind the last one");
    if (!rc)
        rc = open_last(m, &m->below);
    if (rc == ATE_NO_KEY)
        return ate__context(rc, "only who reads it can begin its next epoch");
    if (!rc)
        rc = begin_epoch(m, number);
    if (rc || prev_has(m, ATE__TAG_PUBLISHED))
        return rc;
    m->link = ate__bytes(m->link_bytes, sizeof m->link_bytes);
    return ate__link_make(&of, m->key, m->below, m->link_bytes);
}

/* ---- RECIPIENTS ---- */

/* Appends the sealed key to m->sealed. Its bytes are found by their size once that does not move
 * any more. */
static int seal_to(struct making *m, const struct ate_hash *fingerprint,
                   struct ate__recipient *entry)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf public_key = ATE__BUF_NULL;
    struct ate__epoch_of of = {m->e, &m->plan->object, m->epoch.epoch};
    struct ate__public_parts parts;
    char text[ATE__HASH_TEXT];
    size_t start = m->sealed.size;
    int rc = m->plan->public_key(m->plan->arg, fingerprint, &public_key);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(ATE_NO_KEY, "the public key of the reader %s is not at hand",
                         ate__hash_text(fingerprint, text));
    if (!rc)
        rc = ate__public_key_parse(ate__buf_bytes(&public_key), &parts);
    if (rc)
        return rc;
    entry->fingerprint = *fingerprint;
    entry->method = ATE__SEALED_TO_KEM;
    if (parts.kem) {
        rc = ate__data_key_seal(&of, m->key, fingerprint, &parts, &m->sealed);
    } else {
        const struct ate__key *own = ate__session_opener(m->s, fingerprint);
        uint8_t wrapped[ATE__WRAPPED_KEY];
        if (!own)
            return ate__fail(ATE_NO_KEY, "the public key of the reader %s has no part to seal to",
                             ate__hash_text(fingerprint, text));
        entry->method = ATE__WRAPPED_BY_READ_KEY;
        rc = ate__data_key_wrap(&of, m->key, &own->read_key, wrapped);
        if (!rc)
            rc = ate__buf_append(&m->sealed, ate__bytes(wrapped, sizeof wrapped));
    }
    entry->sealed = ate__bytes(NULL, m->sealed.size - start);
    return rc;
}

/* The label that is known now, else the one of the epoch before (NULL: it had no entry there). */
static int label_entry(struct making *m, const struct ate__recipient *before,
                       struct ate__recipient *entry)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf old = ATE__BUF_NULL;
    struct ate__epoch_of of = {m->e, &m->plan->object, m->epoch.epoch};
    struct ate_bytes text = {0};
    size_t start = m->sealed.size;
    if (m->plan->label)
        text = m->plan->label(m->plan->arg, &entry->fingerprint);
    if (!text.size && before && before->label.size && m->below) {
        struct ate__epoch_of of_last = {m->e, &m->plan->object, m->last->header.epoch.epoch};
        int rc = ate__label_open(&of_last, m->below, before, &old);
        if (rc && rc != ATE_TAMPERED) /* a label that does not open is none */
            return rc;
        text = ate__buf_bytes(&old);
    }
    int rc = 0;
    if (text.size && text.size <= ATE__KEY_LABEL_MAX)
        rc = ate__label_seal(&of, m->key, &entry->fingerprint, text, &m->sealed);
    entry->label = ate__bytes(NULL, m->sealed.size - start);
    return rc;
}

static int make_entry(struct making *m, uint32_t i, size_t *last_at)
{
    struct ate_hash fingerprint = reader_at(m, i);
    struct ate__recipient *entry = &m->recipients[i], before;
    char text[ATE__HASH_TEXT];
    bool was = last_entry(m, &fingerprint, last_at, &before);
    if (was && m->goes_on) {
        *entry = before;
        return 0;
    }
    if (!m->key)
        return ate__fail(ATE_NO_KEY, "it does not open the scope, so nobody can be let in");
    if (has_ended(m, &fingerprint))
        return ate__fail(ATE_DENIED, "the key %s has ended, and cannot be let in",
                         ate__hash_text(&fingerprint, text));
    int rc = seal_to(m, &fingerprint, entry);
    return rc ? rc : label_entry(m, was ? &before : NULL, entry);
}

static int make_recipients(struct making *m)
{
    size_t last_at = 0, at = 0;
    m->recipients = ate__alloc_array(m->readers->count, sizeof *m->recipients);
    if (!m->recipients)
        return ate__no_memory();
    for (uint32_t i = 0; i < m->readers->count; i++) {
        int rc = make_entry(m, i, &last_at);
        if (rc)
            return rc;
    }
    for (uint32_t i = 0; i < m->readers->count; i++) {
        struct ate__recipient *entry = &m->recipients[i];
        if (entry->sealed.data)
            continue;
        entry->sealed.data = m->sealed.data + at;
        at += entry->sealed.size;
        entry->label.data = m->sealed.data + at;
        at += entry->label.size;
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
    m->goes_on = prev_has(m, ATE__TAG_EPOCH) && !m->plan->rotate && !somebody_goes(m);
    if (m->goes_on)
        rc = go_on(m);
    else
        rc = m->last ? next_epoch(m) : begin_epoch(m, 0);
    return rc ? rc : make_recipients(m);
}

/* ---- the end of a private scope ---- */

static int publish(struct making *m)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    if (!m->last)
        return ate__fail(ATE_MISUSE, "it never was a private scope: there is nothing to publish");
    int rc = open_last(m, &key);
    if (!rc)
        rc = name_key_of(m, &m->name_published);
    if (rc)
        return rc;
    m->published = true;
    m->d_published = key->d;
    m->namekey = (struct ate__namekey_item){
        .bytes = ate__bytes(&m->name_published, sizeof m->name_published)};
    return 0;
}

static int make_open(struct making *m)
{
    if (m->plan->rotate)
        return ate__fail(ATE_MISUSE, "it is no private scope, and has no epochs");
    if (m->plan->publish && !prev_has(m, ATE__TAG_PUBLISHED))
        return publish(m);
    if (!prev_has(m, ATE__TAG_NAMEKEY))
        return 0;
    m->namekey = m->plan->prev->header.namekey;
    if (prev_has(m, ATE__TAG_PUBLISHED)) {
        m->published = true;
        memcpy(&m->d_published, m->plan->prev->header.published.data, sizeof m->d_published);
    }
    if (!m->namekey.wrapped || !m->plan->around)
        return 0;
    int rc = wrap_name_key(m, m->plan->around);
    if (rc == ATE_NO_KEY) { /* who has its key names on */
        m->namekey = m->plan->prev->header.namekey;
        rc = 0;
    }
    return rc;
}

/* ---- all of it ---- */

static int write_header(const struct making *m, struct ate__buf *buf)
{
    static const uint8_t on = 1;
    struct ate__header_wr w = ate__header_wr_of(buf);
    const struct ate__control *prev = m->plan->prev;
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&m->plan->object, sizeof m->plan->object));
    if (prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&prev->hash, sizeof prev->hash));
    ate__header_auth(&w, &m->auth);
    if (m->recipients) {
        ate__header_epoch(&w, &m->epoch);
        ate__header_recipients(&w, m->recipients, m->readers->count);
        if (m->link.size)
            ate__header_item(&w, ATE__TAG_LINK, m->link);
    }
    if (m->namekey.bytes.size)
        ate__header_namekey(&w, &m->namekey);
    if (m->plan->hold)
        ate__header_item(&w, ATE__TAG_HOLD, ate__bytes(&on, sizeof on));
    if (m->published)
        ate__header_item(&w, ATE__TAG_PUBLISHED,
                         ate__bytes(&m->d_published, sizeof m->d_published));
    if (m->plan->came_from.size)
        ate__header_came_from(&w, m->plan->came_from);
    return ate__header_end(&w);
}

static int make(struct making *m, struct ate__buf *ret_header)
{
    size_t start = ret_header->size;
    int rc;
    if (m->readers->who == ATE__RULE_NOBODY)
        return ate__fail(ATE_UNSUPPORTED, "read nobody: a later version brings its rules");
    rc = m->readers->who == ATE__RULE_ANY_OF ? make_private(m) : make_open(m);
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
        .auth = plan->auth,
        .last = ate__control_epoch(plan->prev),
    };
    char object[ATE__OBJECT_TEXT];
    m.readers = &m.auth.rule[ATE__RIGHT_READ];
    int rc = make(&m, ret_header);
    if (rc)
        return ate__context(rc, "%s", ate__object_text(&plan->object, object));
    *ret_key = ate__steal(&m.key);
    return 0;
}

int ate__label_of(const struct ate__seal_env *e, struct ate_session *s,
                  const struct ate__control *control, const struct ate__recipient *entry,
                  struct ate__buf *ret_label)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    struct ate__epoch_of of = {e, &control->object, control->header.epoch.epoch};
    int rc = ate__data_key_open(e, s, control, &control->header.epoch.data_key_id, &key);
    if (!rc && entry->label.size)
        rc = ate__label_open(&of, key, entry, ret_label);
    return rc;
}
