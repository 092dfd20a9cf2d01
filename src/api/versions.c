/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * versions.c: the versions of one object, newest first, opened as far as the session's keys go.
 *
 * Of each version the one before it is read too: only both together say whether it was moved.
 */
#include "api/records.h"
#include "ate/history.h"
#include "chain/lineage.h"

struct version {
    bool present; /* the rest is set */
    struct ate__version_at at;
    struct ate__opened opened;
};
enum ahead { /* what comes behind `shown` */
             AHEAD_UNKNOWN,
             AHEAD_VERSION, /* `ahead` */
             AHEAD_END
};
struct ate_versions {
    struct ate__records context; /* chain, session and snapshot, for opening; it reads nothing */
    struct ate__chain *held;
    struct ate_id id;
    struct ate__view_newest newest;
    struct ate__lineage walk;
    bool began, created_met;
    bool has_raw;
    struct ate__version_at raw; /* read, not opened yet */
    struct version shown, ahead;
    enum ahead what;
    bool hole; /* something is missing before it */
    struct ate_hash authors[ATE__TX_SIGNATURES_MAX];
};

static void version_deinit(struct version *v)
{
    if (!v->present)
        return;
    ate__opened_deinit(&v->opened);
    ate__found_deinit(&v->at.found);
    *v = (struct version){.present = false};
}

static int newest_of(struct ate_versions *v)
{
    struct ate__view_snapshot s;
    int rc = ate__chain_view_begin(v->held, &s);
    if (rc)
        return rc;
    rc = ate__view_newest(&s, &v->id, &v->newest);
    ate__chain_view_end(v->held, &s);
    char text[ATE__ID_TEXT];
    return rc == ATE_NOT_FOUND
               ? ate__fail(rc, "object %s: there never was one", ate__id_text(&v->id, text))
               : rc;
}

int ate_versions_start(struct ate_chain *chain, struct ate_session *session, struct ate_id id,
                       const struct ate_progress *progress, struct ate_versions **ret_versions)
{
    struct ate__chain *held;
    if (ate__id_equal(&id, &ate_top))
        return ate__fail(ATE_MISUSE, "versions: the top has none");
    int rc = ate__chain_held(chain, &held);
    if (rc)
        return rc;
    struct ate_versions *v = ate__alloc(sizeof *v);
    if (!v)
        return ate__no_memory();
    v->held = held;
    v->id = id;
    rc = ate__records_init(&v->context, chain, session, 0);
    if (rc) {
        ate__free(v);
        return rc;
    }
    rc = newest_of(v);
    if (rc) {
        ate_versions_end(v);
        return rc;
    }
    ate__lineage_init(&v->walk, held, &id, v->newest.created_sequence, v->newest.sequence + 1);
    v->walk.expects = true;
    v->walk.expected = v->newest.hash;
    v->walk.search.progress = ate__progress_of(progress);
    *ret_versions = v;
    return 0;
}

void ate_versions_end(struct ate_versions *v)
{
    if (!v)
        return;
    version_deinit(&v->shown);
    version_deinit(&v->ahead);
    if (v->has_raw)
        ate__found_deinit(&v->raw.found);
    ate__lineage_deinit(&v->walk);
    ate__records_deinit(&v->context);
    ate__free(v);
}

/* ---- reading ---- */

static const struct ate__event *event_of(const struct ate__tx *tx, const struct ate_hash *hash)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (ate__hash_equal(&tx->events[i].hash, hash))
            return &tx->events[i];
    return NULL;
}

/* Was it deleted with something above it? Then that tombstone comes first: 0, and it is `at`.
 * NOT_FOUND: no. */
static int read_taker(struct ate_versions *v, struct ate__version_at *at)
{
    struct ate__lineage walk;
    if (!v->newest.deleted)
        return ATE_NOT_FOUND;
    int rc = ate__found_at(v->held, v->newest.sequence, &at->found);
    if (rc)
        return rc;
    at->event = event_of(&at->found.tx, &v->newest.hash);
    if (!at->event || at->event->form == ATE__DROPPED ||
        ate__id_equal(&at->event->header.object, &v->id)) {
        ate__found_deinit(&at->found);
        return ATE_NOT_FOUND;
    }
    at->tombstone = true;
    at->creates = at->gap = false;
    ate__lineage_init(&walk, v->held, &v->id, 0, v->newest.sequence);
    walk.search.progress = v->walk.search.progress;
    v->walk = walk; /* nothing was read by the one before */
    return 0;
}

static int read_older(struct ate_versions *v, struct ate__version_at *at)
{
    if (!v->began) {
        int rc = read_taker(v, at);
        if (rc != ATE_NOT_FOUND) {
            v->began = rc == 0;
            return rc;
        }
        v->began = true;
    }
    return v->created_met ? ATE_END : ate__lineage_next(&v->walk, at);
}

/* *ret_what, and the version where there is one. What could not be opened for want of memory is
 * opened by the next call. */
static int look_ahead(struct ate_versions *v, struct version *ret_version, enum ahead *ret_what,
                      bool *ret_hole)
{
    struct ate__opened opened = {.event = NULL};
    int rc = v->has_raw ? 0 : read_older(v, &v->raw);
    if (rc == ATE_END) {
        *ret_what = AHEAD_END;
        *ret_hole = !v->created_met;
        v->created_met = true; /* what is missing is told once */
        return 0;
    }
    if (rc)
        return rc;
    v->has_raw = true;
    if (v->raw.tombstone)
        opened = (struct ate__opened){.event = v->raw.event, .readable = true};
    else
        rc = ate__records_open(&v->context, v->raw.event, &opened);
    if (rc) {
        ate__opened_deinit(&opened);
        return rc;
    }
    v->has_raw = false;
    v->created_met = v->raw.creates;
    *ret_what = AHEAD_VERSION;
    *ret_hole = v->raw.gap;
    *ret_version = (struct version){true, v->raw, opened};
    return 0;
}

/* ---- showing ---- */

static bool same_tags(const struct ate__header *a, const struct ate__header *b)
{
    return a->tag_count == b->tag_count &&
           (!a->tag_count || !memcmp(a->tags, b->tags, (size_t)a->tag_count * ATE__NAME_TAG));
}

/* Where both lie below the same object their tags tell, which are there for everybody. */
static bool renamed(const struct version *now, const struct version *before)
{
    const struct ate__header *a = &now->at.event->header, *b = &before->at.event->header;
    if (!a->tag_count != !b->tag_count)
        return true;
    if (now->opened.name.size && before->opened.name.size)
        return !ate__bytes_equal(now->opened.name, before->opened.name);
    return ate__id_equal(&a->parent, &b->parent) && !same_tags(a, b);
}

static void show(struct ate_versions *v, bool comparable, struct ate_object_version *ret)
{
    const struct version *s = &v->shown;
    const struct ate__found *f = &s->at.found;
    const struct ate__event *e = s->at.event;
    const struct ate__opened *o = &s->opened;
    for (uint32_t i = 0; i < f->tx.signature_count; i++)
        v->authors[i] = f->tx.signatures[i].fingerprint;
    *ret = (struct ate_object_version){
        .sequence = f->place.sequence,
        .root_time_ns = ate__ns_of(f->place.root_time_us),
        .writer_time_ns = ate__ns_of(f->tx.time_us),
        .authors = v->authors,
        .author_count = f->tx.signature_count,
        .event_hash = e->hash,
        .created = s->at.creates,
        .deleted = s->at.tombstone,
        .encrypted = o->encrypted,
        .readable = o->readable,
    };
    if (s->at.tombstone)
        return;
    ret->parent = e->header.parent;
    ret->type = o->type;
    ret->name = o->name;
    ret->has_payload = ate__event_has_payload(e);
    ret->payload_size = o->readable && ret->has_payload ? o->payload_size : e->payload_size;
    if (!comparable)
        return;
    ret->moved = !ate__id_equal(&e->header.parent, &v->ahead.at.event->header.parent);
    ret->renamed = renamed(s, &v->ahead);
}

int ate_versions_next(struct ate_versions *v, struct ate_object_version *ret_version)
{
    struct version next = {.present = false};
    enum ahead what = AHEAD_END;
    bool hole = false;
    int rc = ate__check_may_wait();
    if (!rc && v->what == AHEAD_UNKNOWN)
        rc = look_ahead(v, &v->ahead, &v->what, &v->hole);
    if (rc)
        return rc;
    if (v->hole) {
        version_deinit(&v->shown);
        v->hole = false;
        return ate__fail(ATE_COMPACTED, "versions of the object were compacted away here");
    }
    if (v->what == AHEAD_END) {
        version_deinit(&v->shown);
        return ATE_END;
    }
    rc = look_ahead(v, &next, &what, &hole);
    if (rc)
        return rc;
    version_deinit(&v->shown);
    v->shown = v->ahead;
    v->ahead = next;
    v->what = what;
    v->hole = hole;
    if (v->shown.opened.type) /* a view of its own struct, which has moved */
        v->shown.opened.type = v->shown.opened.type_text;
    show(v, what == AHEAD_VERSION && !hole, ret_version);
    return 0;
}

int ate_versions_load(struct ate_versions *v, struct ate_object *ret_object)
{
    if (!v->shown.present)
        return ate__fail(ATE_MISUSE, "versions: there is none at hand");
    int rc = ate__opened_object(&v->context, &v->shown.opened, ret_object);
    if (rc)
        return rc;
    ret_object->sequence = v->shown.at.found.place.sequence;
    ret_object->updated_ns = ate__ns_of(v->shown.at.found.place.root_time_us);
    ret_object->created_sequence = v->newest.created_sequence;
    ret_object->created_ns = ate__ns_of(v->newest.created_us);
    ret_object->authors = v->authors;
    ret_object->author_count = v->shown.at.found.tx.signature_count;
    return 0;
}
