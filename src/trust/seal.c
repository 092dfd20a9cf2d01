/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * seal.c: opening the data keys of a scope.
 *
 * The control events of a scope, newest first, are a row of epochs n, n-1, ... From the epoch that
 * is asked for the row is searched towards the newest for one that a key of the session opens;
 * from there LINKs lead down. They are followed past the one asked for down to epoch 0: who
 * announced two epochs in a row knows the first, so that one good LINK proves nothing by itself.
 * Acceptance has seen to it that each epoch follows on the one before; who is shown a chain in
 * parts, or what compaction left of it, has not judged that, so it is asked here once more.
 */
#include "trust/seal.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/data_key.h"

struct epoch {
    const struct ate__control *control; /* the newest of this epoch: it names the most readers */
    struct ate__data_key *key;          /* a reference, once opened */
    bool checked;                       /* before this call, with all below it */
    struct ate_bytes published;         /* D, where it was published since */
};
/* What is sealed to a key of the session and does not give it the data key. Whoever administers a
 * scope can write such an entry; no one sees it but that reader. */
struct wrong {
    int result; /* NO_KEY: it does not open; TAMPERED: it opens to another data key; 0: none */
    struct ate_hash reader;
    uint64_t epoch;
};
struct row {
    struct epoch *epochs; /* newest first, each one below the one before it */
    size_t count, capacity;
    struct wrong wrong; /* the one nearest to what is wanted */
};

static void row_deinit(struct row *row)
{
    for (size_t i = 0; i < row->count; i++)
        ate__data_key_unref(row->epochs[i].key);
    ate__free(row->epochs);
}

static const struct ate__epoch_item *item_of(const struct epoch *epoch)
{
    return &epoch->control->header.epoch;
}

static int row_make(const struct ate__control *control, struct row *row)
{
    struct ate_bytes published = {0}; /* that of the next epoch below */
    for (const struct ate__control *c = control; c; c = ate__control_before(c)) {
        if (ate__header_has(&c->header, ATE__TAG_PUBLISHED))
            published = c->header.published;
        if (!ate__header_has(&c->header, ATE__TAG_EPOCH))
            continue;
        if (row->count) {
            const struct ate__epoch_item *above = item_of(&row->epochs[row->count - 1]);
            if (c->header.epoch.epoch == above->epoch &&
                ate__hash_equal(&c->header.epoch.data_key_id, &above->data_key_id))
                continue;
        }
        int rc = ate__grow(&row->epochs, &row->capacity, row->count + 1, sizeof *row->epochs);
        if (rc)
            return rc;
        row->epochs[row->count++] = (struct epoch){.control = c, .published = published};
        published = (struct ate_bytes){0};
    }
    return 0;
}

static struct ate__secret_place place_of(const struct ate__seal_env *e, const struct epoch *epoch)
{
    return (struct ate__secret_place){e->chain_id, item_of(epoch)->data_key_id,
                                      epoch->control->object};
}

static struct ate__epoch_of epoch_of(const struct ate__seal_env *e, const struct epoch *epoch)
{
    return (struct ate__epoch_of){e, &epoch->control->object, item_of(epoch)->epoch};
}

/* What a session (NULL: nobody's) remembers. */
static struct ate__data_key *recall(struct ate_session *s, const struct ate__secret_place *place)
{
    return s ? ate__session_recall_data(s, place) : NULL;
}

/* With a key of the session that RECIPIENTS names; one that is sealed to wrongly is noted: another
 * key may have its own entry, and a later epoch another one for this key. Errors: NO_KEY. */
static int open_as_reader(const struct ate__seal_env *e, struct ate_session *s, struct epoch *epoch,
                          struct wrong *wrong)
{
    struct ate__epoch_of of = epoch_of(e, epoch);
    const struct ate_hash *id = &item_of(epoch)->data_key_id;
    struct ate__recipient entry;
    for (size_t at = 0; s && ate__recipient_next(epoch->control->header.recipients, &at, &entry);) {
        const struct ate__key *reader = ate__session_opener(s, &entry.fingerprint);
        if (!reader)
            continue;
        ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
        int rc = ate__data_key_unseal(&of, id, reader, &entry, &d);
        if (!rc)
            rc = ate__data_key_expect(&of, &d, id, "RECIPIENTS", &epoch->key);
        if (rc != ATE_NO_KEY && rc != ATE_TAMPERED)
            return rc;
        if (!wrong->result)
            *wrong = (struct wrong){rc, entry.fingerprint, of.epoch};
    }
    return ATE_NO_KEY;
}

static int open_published_or_as_reader(const struct ate__seal_env *e, struct ate_session *s,
                                       struct epoch *epoch, struct wrong *wrong)
{
    struct ate__epoch_of of = epoch_of(e, epoch);
    if (!epoch->published.size)
        return open_as_reader(e, s, epoch, wrong);
    return ate__data_key_published(&of, &item_of(epoch)->data_key_id, epoch->published,
                                   &epoch->key);
}

static int open_known_or_as_reader(const struct ate__seal_env *e, struct ate_session *s,
                                   struct epoch *epoch, struct wrong *wrong)
{
    struct ate__secret_place place = place_of(e, epoch);
    epoch->key = recall(s, &place);
    epoch->checked = epoch->key;
    return epoch->key ? 0 : open_published_or_as_reader(e, s, epoch, wrong);
}

/* Opens the next lower epoch: through LINK, or because it was published before this one began, so
 * that everybody could read it. Errors: TAMPERED. */
static int step_down(const struct ate__seal_env *e, const struct epoch *from, struct epoch *to)
{
    struct ate__epoch_of of = epoch_of(e, from);
    ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
    uint64_t below = item_of(to)->epoch;
    int rc = ATE_NO_KEY;
    if (of.epoch != below + 1 || !of.epoch) {
        char scope[ATE__ID_TEXT];
        return ate__fail(ATE_TAMPERED, "scope %s: epoch %llu does not follow on epoch %llu",
                         ate__id_text(of.scope, scope), (unsigned long long)of.epoch,
                         (unsigned long long)below);
    }
    if (to->published.size)
        return open_published_or_as_reader(e, NULL, to, NULL);
    if (ate__header_has(&from->control->header, ATE__TAG_LINK))
        rc = ate__link_open(&of, from->key, from->control->header.link, &d);
    if (rc == ATE_NO_KEY) {
        char scope[ATE__ID_TEXT];
        return ate__fail(ATE_TAMPERED,
                         "scope %s: epoch %llu was announced by someone who could not read the "
                         "one before it",
                         ate__id_text(of.scope, scope), (unsigned long long)of.epoch);
    }
    return rc ? rc : ate__data_key_expect(&of, &d, &item_of(to)->data_key_id, "LINK", &to->key);
}

/* The row has to begin with epoch 0: no compaction leaves out what LINK leads to. */
static int check_first(const struct row *row)
{
    const struct epoch *first = &row->epochs[row->count - 1];
    char scope[ATE__ID_TEXT];
    if (!item_of(first)->epoch)
        return 0;
    return ate__fail(ATE_OMITTED, "scope %s: the epochs before %llu were left out",
                     ate__id_text(&first->control->object, scope),
                     (unsigned long long)item_of(first)->epoch);
}

/* Follows the LINKs from row->epochs[at] down. */
static int walk_down(const struct ate__seal_env *e, struct ate_session *s, struct row *row,
                     size_t at, size_t wanted)
{
    for (; at + 1 < row->count; at++) {
        struct epoch *from = &row->epochs[at], *to = &row->epochs[at + 1];
        if (from->checked && at >= wanted)
            return 0;
        int rc = step_down(e, from, to);
        if (rc)
            return rc;
        struct ate__secret_place place = place_of(e, to);
        struct ate__data_key *known = recall(s, &place);
        to->checked = known;
        ate__data_key_unref(known);
    }
    return row->epochs[at].checked ? 0 : check_first(row);
}

static int no_key(const struct ate__control *control, const struct ate_hash *data_key_id,
                  const char *why)
{
    char scope[ATE__ID_TEXT], id[ATE__HASH_TEXT];
    return ate__fail(ATE_NO_KEY, "scope %s, data key %s: %s", ate__id_text(&control->object, scope),
                     ate__hash_text(data_key_id, id), why);
}

/* No key of the session opens it. */
static int not_opened(const struct ate__control *control, const struct ate_hash *data_key_id,
                      const struct wrong *wrong)
{
    char scope[ATE__ID_TEXT], reader[ATE__HASH_TEXT];
    if (!wrong->result)
        return no_key(control, data_key_id, "no key of the session is among its readers");
    return ate__fail(wrong->result,
                     "scope %s: its epoch %llu is sealed to the key %s wrongly: it %s; who "
                     "administers the scope and reads it lets that key in by another epoch",
                     ate__id_text(&control->object, scope), (unsigned long long)wrong->epoch,
                     ate__hash_text(&wrong->reader, reader),
                     wrong->result == ATE_NO_KEY ? "does not open" : "opens to another data key");
}

bool ate__epoch_names(const struct ate__control *control, const struct ate_session *s)
{
    const struct ate__control *newest = ate__control_epoch(control);
    struct ate__recipient entry;
    if (newest && s)
        for (size_t at = 0; ate__recipient_next(newest->header.recipients, &at, &entry);)
            if (ate__session_opener(s, &entry.fingerprint))
                return true;
    return false;
}

bool ate__epoch_was(const struct ate__control *control, const struct ate_hash *data_key_id)
{
    for (const struct ate__control *c = control; c; c = ate__control_before(c))
        if (ate__header_has(&c->header, ATE__TAG_EPOCH) &&
            ate__hash_equal(&c->header.epoch.data_key_id, data_key_id))
            return true;
    return false;
}

/* What an object states, or stated when it was deleted. */
static const struct ate__control *last_of(const struct ate__object_facts *f)
{
    return f->live ? f->control : f->ended;
}

static int look(const struct ate__facts *facts, const struct ate_id *id, size_t *looks,
                struct ate__object_facts *ret)
{
    if (!*looks)
        return ate__fail(ATE_NO_KEY, "too many objects say where they were moved from");
    --*looks;
    return ate__facts_object(facts, id, ret);
}

/* In one of the scopes that an object, or what is above it, was moved out of. NULL: in none. */
static int holder_before(const struct ate__facts *facts, struct ate_bytes came_from,
                         const struct ate_hash *data_key_id, size_t *looks,
                         const struct ate__control **ret_control)
{
    const struct ate_id *ids = came_from.data;
    *ret_control = NULL;
    for (size_t i = 0; !*ret_control && i < came_from.size / sizeof *ids; i++) {
        struct ate__object_facts f;
        int rc = look(facts, &ids[i], looks, &f);
        if (rc)
            return rc;
        if (ate__epoch_was(last_of(&f), data_key_id))
            *ret_control = last_of(&f);
    }
    return 0;
}

int ate__data_key_holder_near(const struct ate__facts *facts, const struct ate_id *id,
                              const struct ate_hash *data_key_id, size_t *looks,
                              const struct ate__control **ret_control)
{
    struct ate_id at = *id;
    for (unsigned above = 0; above <= ATE__PARENTS_MAX; above++) {
        const struct ate__control *found = NULL;
        struct ate__object_facts f;
        int rc = look(facts, &at, looks, &f);
        if (!rc && ate__epoch_was(last_of(&f), data_key_id))
            found = last_of(&f);
        else if (!rc && f.live)
            rc = holder_before(facts, ate__facts_came_from(&f), data_key_id, looks, &found);
        if (rc)
            return rc;
        if (found) {
            *ret_control = found;
            return 0;
        }
        if (!f.live)
            return ate__fail(ATE_NOT_FOUND, "what it was sealed in is deleted");
        if (ate__is_top(&at))
            return ate__fail(ATE_NO_KEY, "no scope above it has its data key");
        at = f.parent;
    }
    return ate__fail(ATE_TOO_BIG, "more than %d parents lie above it", ATE__PARENTS_MAX);
}

int ate__data_key_holder(const struct ate__facts *facts, const struct ate_id *id,
                         const struct ate_hash *data_key_id,
                         const struct ate__control **ret_control)
{
    size_t looks = SIZE_MAX;
    return ate__data_key_holder_near(facts, id, data_key_id, &looks, ret_control);
}

int ate__data_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__control *control, const struct ate_hash *data_key_id,
                       struct ate__data_key **ret_key)
{
    struct ate__secret_place place = {e->chain_id, *data_key_id, control->object};
    struct ate__data_key *known = recall(s, &place);
    if (known) {
        *ret_key = known;
        return 0;
    }
    ate__cleanup(row_deinit) struct row row = {.count = 0};
    int rc = row_make(control, &row);
    if (rc)
        return rc;
    size_t wanted = 0;
    while (wanted < row.count &&
           !ate__hash_equal(&item_of(&row.epochs[wanted])->data_key_id, data_key_id))
        wanted++;
    if (wanted == row.count)
        return no_key(control, data_key_id, "no epoch of it has this one");
    size_t at = wanted;
    while ((rc = open_known_or_as_reader(e, s, &row.epochs[at], &row.wrong)) == ATE_NO_KEY &&
           at > 0)
        at--;
    if (rc == ATE_NO_KEY)
        return not_opened(control, data_key_id, &row.wrong);
    if (!rc)
        rc = walk_down(e, s, &row, at, wanted);
    for (size_t i = at; !rc && s && i < row.count && row.epochs[i].key; i++) {
        place = place_of(e, &row.epochs[i]);
        rc = ate__session_remember_data(s, &place, row.epochs[i].key);
    }
    if (rc)
        return rc;
    *ret_key = ate__steal(&row.epochs[wanted].key);
    return 0;
}

/* ---- of who writes without reading ---- */

int ate__sealed_key_open(const struct ate__seal_env *e, struct ate_session *s,
                         const struct ate__control *control, const struct ate__header *body,
                         struct ate__data_key **ret_key)
{
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *epoch = NULL;
    ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
    struct ate__epoch_of of = {e, &control->object, body->conf.epoch};
    int rc = ate__data_key_open(e, s, control, &body->sealed.epoch_key_id, &epoch);
    if (!rc)
        rc = ate__sealed_open(&of, epoch, &body->conf.data_key_id, body->sealed.sealed, &d);
    return rc ? rc : ate__data_key_expect(&of, &d, &body->conf.data_key_id, "SEALED", ret_key);
}

int ate__sealed_key_make(const struct ate__seal_env *e, const struct ate__control *control,
                         struct ate__buf *ret_sealed, struct ate__data_key **ret_key)
{
    const struct ate__epoch_item *epoch = &control->header.epoch;
    struct ate__epoch_of of = {e, &control->object, epoch->epoch};
    const struct ate__public_parts parts = {.kem = ate__algorithm(epoch->kem),
                                            .kem_key = epoch->seal_public};
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
    ate__random(e->env, &d, sizeof d);
    int rc = ate__data_key_new(e, &d, &key);
    if (!rc)
        rc = ate__data_key_seal(&of, key, &epoch->data_key_id, &parts, ret_sealed);
    if (!rc)
        *ret_key = ate__steal(&key);
    return rc;
}

/* ---- of a body ---- */

int ate__body_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__facts *facts, const struct ate_id *at,
                       const struct ate__header *body, struct ate__data_key **ret_key)
{
    const struct ate__control *control;
    int rc = ate__data_key_holder(facts, at, ate__sealing_id(body), &control);
    if (rc)
        return rc;
    return ate__header_has(body, ATE__TAG_SEALED)
               ? ate__sealed_key_open(e, s, control, body, ret_key)
               : ate__data_key_open(e, s, control, &body->conf.data_key_id, ret_key);
}
