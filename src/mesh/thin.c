/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/thin.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/merkle.h"
#include <stdio.h>

struct thin {
    struct ate__snapshot base;
    struct ate__facts facts;
    struct ate__thin_chain *chain;
    const struct ate__thin_source *source;
    struct ate__head head; /* size 0: not fixed yet */
    bool carried; /* to it, over a commit, and the server has not shown anything at it yet */
    bool head_told;
    uint32_t ahead; /* payloads that were asked for at once the last time */
    struct ate__thin_known known;
};

static struct thin *thin_of(const struct ate__facts *f)
{
    return ATE__CONTAINER(f, struct thin, facts);
}

/* ---- asking ---- */

struct answer {
    struct ate__buf body;
    struct ate__msg_got got;
};

/* The server has this snapshot no more. Its newest state is the same one if nothing was committed
 * since. */
static int ask_anew(struct thin *t, struct ate__msg_get *get, struct ate__buf *body,
                    struct ate__head *ret_head)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    get->at = 0;
    ate__buf_clear(body);
    int rc = t->source->get(t->source->arg, get, &t->head.root, body, ret_head);
    if (!rc && (ret_head->size != t->head.size || !ate__hash_equal(&ret_head->root, &t->head.root)))
        rc = ate__fail(ATE_STALE, "%s", text);
    return rc;
}

/* Decodes and verifies an answer, and adds what it shows to `known`. */
static int take(struct thin *t, const struct ate__head *head, const struct ate__msg_get *get,
                struct answer *a, struct ate__thin_known *known)
{
    int rc = ate__thin_check(t->chain, head, get, &a->got, known);
    if (rc == ATE_TAMPERED || rc == ATE_BAD_PEER)
        t->source->condemn(t->source->arg, rc, ate__error_text());
    return rc;
}

/* ---- a state that the snapshot was carried on to, and that the server has no more ---- */

struct told { /* what was told of it */
    struct ate_id ids[ATE__GET_IDS_MAX];
    uint32_t count;
};

static int collect_told(const struct thin *t, struct told *told)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&t->known.objects, &at, NULL, &value);) {
        const struct ate__thin_object *o = ate__map_pointer(value);
        if (!o || !o->told)
            continue;
        if (told->count == ATE__GET_IDS_MAX)
            return ATE_STALE;
        told->ids[told->count++] = o->id;
    }
    return 0;
}

static const struct ate__control *control_of(const struct ate__thin_object *o)
{
    return o->control_count ? o->controls[o->control_count - 1] : NULL;
}

static bool is_same(const struct ate__thin_object *a, const struct ate__thin_object *b)
{
    const struct ate__control *x = control_of(a), *y = control_of(b);
    return a->sequence == b->sequence && ate__hash_equal(&a->hash, &b->hash) &&
           (x && y ? ate__hash_equal(&x->hash, &y->hash) : x == y);
}

/* STALE: something that was told is another in `newer`, or is not in the answer. */
static int compare_told(const struct thin *t, const struct told *told,
                        struct ate__thin_known *newer)
{
    for (uint32_t i = 0; i < told->count; i++) {
        struct ate__thin_object *before, *now;
        bool both = ate__thin_known_find(&t->known, &told->ids[i], &before) &&
                    ate__thin_known_find(newer, &told->ids[i], &now) && before && now;
        if (!both || !is_same(before, now))
            return ATE_STALE;
        now->told = true;
    }
    return 0;
}

static int ask_told(struct thin *t, const struct told *told, struct ate__thin_known *newer,
                    struct ate__head *ret_head)
{
    struct answer a = {.body = ATE__BUF_NULL};
    struct ate__msg_get get = {.kind = ATE__GET_OBJECTS,
                               .flags = ATE__GET_NO_PAYLOAD,
                               .id_count = told->count,
                               .ids = told->ids[0].b};
    int rc = t->source->get(t->source->arg, &get, &t->head.root, &a.body, ret_head);
    if (!rc)
        rc = ate__msg_got_decode(ate__buf_bytes(&a.body), &a.got);
    if (!rc)
        rc = take(t, ret_head, &get, &a, newer);
    ate__buf_deinit(&a.body);
    return rc ? rc : compare_told(t, told, newer);
}

/* What was lent stays lent. No page of a list was shown yet; one may be about to be. */
static int replace_known(struct thin *t, struct ate__thin_known *take_newer)
{
    struct ate__map lists = t->known.lists;
    t->known.lists = take_newer->lists;
    take_newer->lists = lists;
    struct ate__thin_list *listed = t->known.listed;
    t->known.listed = take_newer->listed;
    take_newer->listed = listed;
    int rc = ate__thin_known_clear(&t->known);
    if (rc)
        return rc;
    take_newer->lent = ate__steal(&t->known.lent);
    take_newer->lent_count = t->known.lent_count;
    take_newer->lent_capacity = t->known.lent_capacity;
    t->known.lent_count = t->known.lent_capacity = 0;
    ate__thin_known_deinit(&t->known);
    t->known = *take_newer;
    return 0;
}

/* STALE: it has to be begun anew. */
static int catch_up(struct thin *t)
{
    struct ate__thin_known newer;
    struct told told = {.count = 0};
    struct ate__head head = {0};
    int rc = t->head_told ? ATE_STALE : collect_told(t, &told);
    if (rc)
        return rc;
    ate__thin_known_init(&newer, t->base.pipe->env);
    if (told.count)
        rc = ask_told(t, &told, &newer, &head);
    if (!rc)
        rc = replace_known(t, &newer);
    if (rc) {
        ate__thin_known_deinit(&newer);
        return rc;
    }
    t->head = head;
    t->carried = false;
    return 0;
}

/* ---- asking at the snapshot ---- */

static int get_there(struct thin *t, struct ate__msg_get *get, struct ate__buf *body,
                     struct ate__head *ret_head)
{
    get->at = t->head.size;
    int rc = t->source->get(t->source->arg, get, &t->head.root, body, ret_head);
    return rc == ATE_STALE && get->at ? ask_anew(t, get, body, ret_head) : rc;
}

/* Asks, verifies, keeps. */
static int ask(struct thin *t, struct ate__msg_get *get, struct answer *a)
{
    struct ate__head head;
    int rc = get_there(t, get, &a->body, &head);
    if (rc == ATE_STALE && t->carried) {
        char text[ATE__ERROR_SIZE];
        snprintf(text, sizeof text, "%s", ate__error_text());
        ate__buf_clear(&a->body);
        rc = catch_up(t);
        if (rc == ATE_STALE)
            ate__error_set(text);
        if (!rc)
            rc = get_there(t, get, &a->body, &head);
    }
    if (!rc)
        rc = ate__msg_got_decode(ate__buf_bytes(&a->body), &a->got);
    if (rc)
        return rc;
    t->head = head;
    t->carried = false;
    return take(t, &head, get, a, &t->known);
}

static int ask_objects(struct thin *t, const struct ate_id *ids, uint32_t count, unsigned flags)
{
    struct answer a = {.body = ATE__BUF_NULL};
    struct ate__msg_get get = {
        .kind = ATE__GET_OBJECTS, .flags = (uint8_t)flags, .id_count = count, .ids = ids[0].b};
    int rc = ask(t, &get, &a);
    ate__buf_deinit(&a.body);
    return rc;
}

/* *ret_object NULL: it is absent. */
static int find(struct thin *t, const struct ate_id *id, struct ate__thin_object **ret_object)
{
    int rc = 0;
    if (!ate__thin_known_find(&t->known, id, ret_object)) {
        rc = ask_objects(t, id, 1, ATE__GET_NO_PAYLOAD);
        bool known = !rc && ate__thin_known_find(&t->known, id, ret_object);
        ate__assert(rc || known); /* it is in the answer, or that is refused */
    }
    if (!rc && *ret_object)
        (*ret_object)->told = true;
    return rc;
}

/* ---- payloads that were left out ---- */

static bool lacks_payload(const struct thin *t, const struct ate_id *id)
{
    struct ate__thin_object *o;
    return !ate__thin_known_find(&t->known, id, &o) || (o && o->stripped);
}

/* Whoever reads the payloads of a listed page one after the other gets ever more of them at once:
 * this one, and those that follow it. An answer ends where it has enough; the rest is asked for
 * when it is needed. */
static uint32_t payloads_to_ask(struct thin *t, const struct ate__thin_object *o,
                                struct ate_id ids[ATE__GET_IDS_MAX])
{
    struct ate__thin_list *l = ate__thin_known_page(&t->known, &o->parent);
    size_t at = 0;
    uint32_t count = 1;
    ids[0] = o->id;
    while (l && at < l->count && !ate__id_equal(&l->ids[at], &o->id))
        at++;
    if (!l || at == l->count)
        return 1;
    t->ahead = at < l->asked ? 1 : (uint32_t)ate__min(2 * t->ahead + !t->ahead, ATE__GET_IDS_MAX);
    l->asked = at + 1;
    for (at++; at < l->count && count < t->ahead; at++)
        if (lacks_payload(t, &l->ids[at]))
            ids[count++] = l->ids[at];
    return count;
}

static int ask_payload(struct thin *t, const struct ate__thin_object *o)
{
    struct ate_id ids[ATE__GET_IDS_MAX];
    uint32_t count = payloads_to_ask(t, o, ids);
    return ask_objects(t, ids, count, 0);
}

/* ---- facts ---- */

static int thin_object(const struct ate__facts *f, const struct ate_id *id,
                       struct ate__object_facts *ret)
{
    struct ate__thin_object *o;
    int rc = find(thin_of(f), id, &o);
    if (rc)
        return rc;
    *ret = (struct ate__object_facts){0};
    if (!o)
        return 0;
    ret->live = true;
    ret->sequence = o->sequence;
    ret->updated_us = o->root_time_us;
    if (!o->has_prev) {
        ret->created_sequence = o->sequence;
        ret->created_us = o->root_time_us;
    }
    ret->body = o->hash;
    ret->parent = o->parent;
    ret->collection = o->collection;
    ret->tag_count = o->tag_count;
    memcpy(ret->tags, o->tags, sizeof ret->tags);
    ret->control = o->control_count ? o->controls[o->control_count - 1] : NULL;
    return 0;
}

static int thin_tag_holder(const struct ate__facts *f, const struct ate_id *parent,
                           const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    struct thin *t = thin_of(f);
    struct ate__thin_object *o;
    int rc = 0;
    if (!ate__thin_known_name(&t->known, parent, tag, &o)) {
        struct answer a = {.body = ATE__BUF_NULL};
        struct ate__msg_get get = {
            .kind = ATE__GET_NAME, .flags = ATE__GET_NO_PAYLOAD, .parent = *parent, .tag_count = 1};
        memcpy(get.tags, tag, ATE__NAME_TAG);
        rc = ask(t, &get, &a);
        ate__buf_deinit(&a.body);
        bool known = !rc && ate__thin_known_name(&t->known, parent, tag, &o);
        ate__assert(rc || known);
    }
    if (rc)
        return rc;
    if (!o)
        return ATE_NOT_FOUND;
    *ret_id = o->id;
    return 0;
}

/* ---- children: a cursor is a page and an index in it ---- */

enum { PAGE_SHIFT = 16 };
_Static_assert(ATE__GET_PAGE_MAX < 1 << PAGE_SHIFT, "an index fits");

/* Notes the ids of a page as listed: each of them for the first time. On failure none is. */
static int note_ids(struct ate__thin_list *l, size_t count)
{
    size_t noted = 0;
    int rc = 0;
    if (l->seen.count + count > ATE__LISTED_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "more than %d children: open the chain with a mirror to list them",
                         ATE__LISTED_MAX);
    for (; !rc && noted < count; noted += rc == 0) {
        char text[ATE__ID_TEXT];
        if (ate__map_get(&l->seen, &l->ids[noted], NULL))
            rc = ate__fail(ATE_BAD_PEER, "object %s is listed twice",
                           ate__id_text(&l->ids[noted], text));
        else
            rc = ate__map_put(&l->seen, &l->ids[noted], 1);
    }
    while (rc && noted)
        ate__map_remove(&l->seen, &l->ids[--noted]);
    return rc;
}

static int take_page(struct ate__thin_list *l, size_t page, const struct ate__msg_got *got)
{
    enum { OBJECT_SIZE = sizeof(struct ate_id) + 1 };
    bool first_time = !l->complete && page + 1 == l->start_count;
    l->has_page = false;
    int rc = ate__grow(&l->ids, &l->capacity, got->object_count, sizeof *l->ids);
    if (!rc)
        rc = ate__grow(&l->starts, &l->start_capacity, l->start_count + 1, sizeof *l->starts);
    for (uint32_t i = 0; !rc && i < got->object_count; i++)
        memcpy(&l->ids[i], got->objects + (size_t)i * OBJECT_SIZE, sizeof l->ids[i]);
    if (!rc && first_time)
        rc = note_ids(l, got->object_count);
    if (rc)
        return rc;
    if (first_time && got->cursor) {
        l->starts[l->start_count++] = got->cursor;
    } else if (first_time) {
        l->complete = true;
        ate__map_deinit(&l->seen);
    }
    l->count = got->object_count;
    l->page = page;
    l->asked = 0;
    l->has_page = true;
    return 0;
}

/* A page whose start is known. */
static int fetch_page(struct thin *t, struct ate__thin_list *l, size_t page)
{
    struct answer a = {.body = ATE__BUF_NULL};
    struct ate__msg_get get = {.kind = ATE__GET_CHILDREN,
                               .flags = ATE__GET_NO_PAYLOAD,
                               .listing = l->listing,
                               .cursor = l->starts[page]};
    int rc = ask(t, &get, &a);
    if (!rc)
        rc = take_page(l, page, &a.got);
    ate__buf_deinit(&a.body);
    return rc;
}

/* Pages before it are fetched where their ends are not known: after a failure half way. */
static int need_page(struct thin *t, struct ate__thin_list *l, size_t page)
{
    int rc = 0;
    if (l->has_page && l->page == page)
        return 0;
    while (!rc && l->start_count <= page) {
        if (l->complete)
            return ATE_END;
        rc = fetch_page(t, l, l->start_count - 1);
    }
    if (!rc && !(l->has_page && l->page == page))
        rc = fetch_page(t, l, page);
    return rc;
}

static int thin_next_child(const struct ate__facts *f, const struct ate__listing *what,
                           uint64_t *at, struct ate_id *ret_child)
{
    struct thin *t = thin_of(f);
    struct ate__thin_list *l;
    int rc = ate__thin_known_list(&t->known, what, &l);
    while (!rc) {
        size_t page = (size_t)(*at >> PAGE_SHIFT), index = *at & ((1u << PAGE_SHIFT) - 1);
        rc = need_page(t, l, page);
        if (rc || index < l->count) {
            if (!rc) {
                *ret_child = l->ids[index];
                ++*at;
            }
            return rc;
        }
        if (l->complete && page + 1 == l->start_count)
            return ATE_END;
        *at = (uint64_t)(page + 1) << PAGE_SHIFT;
    }
    return rc;
}

/* Of the sizes before that of the snapshot only the empty tree is known. */
static int thin_root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
{
    const struct thin *t = thin_of(f);
    struct ate__frontier empty;
    if (t->head.size && size == t->head.size) {
        *ret_root = t->head.root;
        return 0;
    }
    ate__frontier_init(&empty);
    return size ? ATE_NOT_FOUND : ate__frontier_root(&empty, ret_root);
}

static const struct ate__facts_vtable thin_facts = {
    .object = thin_object,
    .tag_holder = thin_tag_holder,
    .next_child = thin_next_child,
    .root_at = thin_root_at,
};

/* ---- snapshots ---- */

int ate__thin_begin(struct ate__pipe *pipe, struct ate__thin_chain *chain,
                    const struct ate__thin_source *source, struct ate__snapshot **ret_snapshot)
{
    struct thin *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    t->base.pipe = pipe->v->ref(pipe);
    t->facts.v = &thin_facts;
    t->chain = chain;
    t->source = source;
    ate__thin_known_init(&t->known, pipe->env);
    *ret_snapshot = &t->base;
    return 0;
}

int ate__thin_refresh(struct ate__snapshot *s)
{
    struct thin *t = (struct thin *)s;
    int rc = ate__thin_known_clear(&t->known);
    if (!rc) {
        t->head = (struct ate__head){0};
        t->carried = t->head_told = false;
    }
    return rc;
}

int ate__thin_committed(struct ate__snapshot *s, const struct ate__receipt *receipt)
{
    struct thin *t = (struct thin *)s;
    struct ate__map touched;
    ate__map_init(&touched, sizeof(struct ate_id), t->known.objects.seed);
    t->carried = t->head.size && t->head.size < receipt->size &&
                 ate__thin_own_touched(&t->chain->own, t->head.size, receipt->size, &touched) &&
                 ate__thin_known_advance(&t->known, &touched);
    ate__map_deinit(&touched);
    if (!t->carried)
        return ate__thin_refresh(s);
    t->head = (struct ate__head){receipt->size, receipt->head};
    t->head_told = false;
    return 0;
}

void ate__thin_end(struct ate__snapshot *s)
{
    struct thin *t = (struct thin *)s;
    if (!t)
        return;
    ate__thin_known_deinit(&t->known);
    s->pipe->v->unref(s->pipe);
    ate__free(t);
}

void ate__thin_head(const struct ate__snapshot *s, uint64_t *ret_size, struct ate_hash *ret_root)
{
    struct thin *t = (struct thin *)(uintptr_t)s; /* which head it is was left open until now */
    if (!t->head.size)
        t->head = t->source->newest(t->source->arg);
    t->head_told = true;
    *ret_size = t->head.size;
    *ret_root = t->head.root;
}

const struct ate__facts *ate__thin_facts(struct ate__snapshot *s)
{
    return &((struct thin *)s)->facts;
}

static void copy_authors(const struct ate__thin_object *o, struct ate__authors *ret_authors)
{
    ret_authors->count = o->author_count;
    for (uint32_t i = 0; i < o->author_count; i++)
        ret_authors->fingerprint[i] = o->authors[i];
}

int ate__thin_event(struct ate__snapshot *s, const struct ate_id *id, struct ate__buf *buf,
                    struct ate__event *ret_event, struct ate__authors *ret_authors)
{
    struct thin *t = (struct thin *)s;
    struct ate__thin_object *o;
    struct ate__event event;
    size_t at = buf->size;
    int rc = find(t, id, &o);
    if (!rc && o && o->stripped)
        rc = ask_payload(t, o);
    if (!rc)
        rc = find(t, id, &o); /* it may have moved in memory */
    if (!rc && (!o || ate__is_top(id)))
        return ATE_NOT_FOUND;
    if (!rc)
        rc = ate__buf_append(buf, ate__buf_bytes(&o->whole));
    if (!rc)
        rc = ate__event_decode(ate__bytes(buf->data + at, o->whole.size),
                               ate__trust_alg(t->chain->trust), &event);
    if (rc) {
        buf->size = at;
        return rc;
    }
    if (ret_authors)
        copy_authors(o, ret_authors);
    *ret_event = event;
    return 0;
}
