/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * seal.c: opening the data keys of a scope.
 *
 * The control events of a scope, newest first, are a row of epochs n, n-1, ... From the epoch that
 * is asked for the row is searched towards the newest for one that a key of the session opens;
 * from there LINKs lead down. They are followed past the one asked for to the end of the row: who
 * announced two epochs in a row knows the first, so that one good LINK proves nothing by itself.
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
};
struct row {
    struct epoch *epochs; /* newest first, each one below the one before it */
    size_t count, capacity;
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
    for (const struct ate__control *c = control; c; c = c->older) {
        if (!ate__header_has(&c->header, ATE__TAG_EPOCH))
            continue;
        if (row->count) {
            uint64_t above = item_of(&row->epochs[row->count - 1])->epoch;
            if (c->header.epoch.epoch == above)
                continue;
            if (c->header.epoch.epoch + 1 != above)
                break;
        }
        int rc = ate__grow(&row->epochs, &row->capacity, row->count + 1, sizeof *row->epochs);
        if (rc)
            return rc;
        row->epochs[row->count++] = (struct epoch){.control = c};
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

/* With a key of the session that RECIPIENTS names. Errors: NO_KEY TAMPERED. */
static int open_as_reader(const struct ate__seal_env *e, struct ate_session *s, struct epoch *epoch)
{
    struct ate__epoch_of of = epoch_of(e, epoch);
    const struct ate_hash *id = &item_of(epoch)->data_key_id;
    struct ate__recipient entry;
    for (size_t at = 0; ate__recipient_next(epoch->control->header.recipients, &at, &entry);) {
        const struct ate__key *reader = ate__session_find(s, &entry.fingerprint);
        if (!reader)
            continue;
        ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
        int rc = ate__data_key_unseal(&of, id, reader, &entry, &d);
        if (rc == ATE_NO_KEY)
            continue; /* sealed wrongly: another key may have its own entry */
        return rc ? rc : ate__data_key_expect(&of, &d, id, "RECIPIENTS", &epoch->key);
    }
    return ATE_NO_KEY;
}

static int open_known_or_as_reader(const struct ate__seal_env *e, struct ate_session *s,
                                   struct epoch *epoch)
{
    struct ate__secret_place place = place_of(e, epoch);
    epoch->key = ate__session_recall_data(s, &place);
    epoch->checked = epoch->key;
    return epoch->key ? 0 : open_as_reader(e, s, epoch);
}

/* Opens the next lower epoch through LINK. Errors: TAMPERED. */
static int step_down(const struct ate__seal_env *e, const struct epoch *from, struct epoch *to)
{
    struct ate__epoch_of of = epoch_of(e, from);
    ate__cleanup(ate__key32_deinit) struct ate__key32 d = {{0}};
    int rc = ATE_NO_KEY;
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
        struct ate__data_key *known = ate__session_recall_data(s, &place);
        to->checked = known;
        ate__data_key_unref(known);
    }
    return 0;
}

static int no_key(const struct ate__control *control, const struct ate_hash *data_key_id,
                  const char *why)
{
    char scope[ATE__ID_TEXT], id[ATE__HASH_TEXT];
    return ate__fail(ATE_NO_KEY, "scope %s, data key %s: %s", ate__id_text(&control->object, scope),
                     ate__hash_text(data_key_id, id), why);
}

int ate__data_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__control *control, const struct ate_hash *data_key_id,
                       struct ate__data_key **ret_key)
{
    struct ate__secret_place place = {e->chain_id, *data_key_id, control->object};
    struct ate__data_key *known = ate__session_recall_data(s, &place);
    if (known) {
        *ret_key = known;
        return 0;
    }
    ate__cleanup(row_deinit) struct row row = {NULL, 0, 0};
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
    while ((rc = open_known_or_as_reader(e, s, &row.epochs[at])) == ATE_NO_KEY && at > 0)
        at--;
    if (rc == ATE_NO_KEY)
        return no_key(control, data_key_id, "no key of the session is among its readers");
    if (!rc)
        rc = walk_down(e, s, &row, at, wanted);
    for (size_t i = at; !rc && i < row.count && row.epochs[i].key; i++) {
        place = place_of(e, &row.epochs[i]);
        rc = ate__session_remember_data(s, &place, row.epochs[i].key);
    }
    if (rc)
        return rc;
    *ret_key = ate__steal(&row.epochs[wanted].key);
    return 0;
}
