/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/past.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/map.h"
#include "chain/past_replay.h"
#include "chain/lineage.h"
#include <inttypes.h>

struct known { /* what an object was then */
    struct ate__object_facts facts;
    struct ate__view_body body; /* where it is live */
};
struct list { /* the children of an object then, in the order in which they joined */
    struct child {
        struct ate_id id;
        uint32_t collection;
    } *children;
    size_t count, capacity;
};
struct past {
    struct ate__pipe base;
    atomic_uint refs;
    struct ate__snapshot snapshot;
    struct ate__facts facts;
    struct ate__chain *chain;
    struct ate__view_snapshot pin; /* of the view that is asked, whatever takes its place */
    struct ate__past_conf conf;
    struct ate_hash root;
    bool whole;
    struct ate__replayed all; /* where it is whole */
    struct ate__map known, lists; /* id -> struct known, struct list */
};

static struct past *past_of(const struct ate__facts *f)
{
    return ATE__CONTAINER(f, struct past, facts);
}

static struct ate__view_snapshot all_of(const struct past *p)
{
    return (struct ate__view_snapshot){p->all.view, NULL, p->conf.size};
}

/* ---- the present ---- */

/* A snapshot of the chain's view for one question, and the same asked at the size. */
struct present {
    struct ate__view_snapshot now, then;
};

static int present_begin(const struct past *p, struct present *ret)
{
    int rc = ate__view_begin(p->pin.view, ate__monotonic_ms(p->base.env), &ret->now);
    if (rc)
        return rc;
    ret->then = ret->now;
    ret->then.size = p->conf.size;
    return 0;
}

static void present_end(struct present *x)
{
    ate__view_end(&x->now);
}

static const struct ate__control *control_of(const struct past *p, const struct ate_id *id,
                                             uint64_t since)
{
    struct ate__view_snapshot then = {p->pin.view, NULL, p->conf.size};
    return ate__view_control(&then, id, since);
}

/* ---- what is found in the log ---- */

static int keep(struct past *p, const struct ate_id *id, const struct known *k)
{
    struct known *copy = ate__copy(k, sizeof *k);
    int rc = copy ? ate__map_put(&p->known, id, ate__map_of_pointer(copy)) : ate__no_memory();
    if (rc)
        ate__free(copy);
    return rc;
}

static void take_version(const struct ate__version_at *at, struct known *k)
{
    const struct ate__header *h = &at->event->header;
    const struct ate__place *place = &at->found.place;
    const uint8_t *start = at->found.tx.encoded.data, *event = at->event->whole.data;
    k->facts = (struct ate__object_facts){
        .live = !at->tombstone,
        .deleted = at->tombstone,
        .sequence = place->sequence,
    };
    if (at->tombstone)
        return;
    k->facts.updated_us = place->root_time_us;
    k->facts.body = at->event->hash;
    k->facts.parent = h->parent;
    k->facts.collection = h->collection;
    k->facts.tag_count = h->tag_count;
    if (h->tag_count)
        memcpy(k->facts.tags, h->tags, (size_t)h->tag_count * ATE__NAME_TAG);
    k->body = (struct ate__view_body){
        .sequence = place->sequence,
        .updated_us = place->root_time_us,
        .position = place->position,
        .offset = (uint32_t)(event - start),
        .size = (uint32_t)at->event->whole.size,
        .hash = at->event->hash,
    };
}

static void set_created(const struct past *p, const struct ate_id *id, uint64_t sequence,
                        uint64_t root_time_us, struct known *k)
{
    k->facts.created_sequence = sequence;
    k->facts.created_us = k->body.created_us = root_time_us;
    k->facts.control = control_of(p, id, sequence);
}

/* The way back through the versions of an object. */
struct way {
    bool same_life; /* all that is met is of the life whose beginning is known */
    bool goes_on; /* its life at hand had begun before what was met last */
    bool found, ambiguous;
    uint64_t created_sequence, created_us; /* of what was met last */
};

/* A version from the size on, or the first below it. */
static void meet(const struct past *p, const struct ate__version_at *at, struct way *w,
                 struct known *k)
{
    if (at->found.place.sequence >= p->conf.size) {
        w->goes_on = !at->creates;
        return;
    }
    /* It lay below something that was deleted with all of it, some time before it was created
     * anew: its own versions do not say when. */
    w->ambiguous = !w->goes_on && !at->tombstone;
    w->found = true;
    take_version(at, k);
}

/* Walks back from `high` to the version that was current, and, if it is not known when its life
 * began, on to there. */
static int walk_back(struct past *p, const struct ate_id *id, uint64_t low, uint64_t high,
                     struct way *w, struct known *k)
{
    struct ate__lineage versions;
    struct ate__version_at at;
    bool done = false;
    int rc = 0;
    ate__lineage_init(&versions, p->chain, id, low, high);
    versions.search.progress = p->conf.progress;
    while (!done && !(rc = ate__lineage_next(&versions, &at))) {
        if (!w->found)
            meet(p, &at, w, k);
        w->created_sequence = at.found.place.sequence;
        w->created_us = at.found.place.root_time_us;
        done = w->found && (at.creates || w->same_life || w->ambiguous || k->facts.deleted);
        ate__found_deinit(&at.found);
    }
    ate__lineage_deinit(&versions);
    return rc == ATE_END ? 0 : rc;
}

static int read_all(struct past *p);

/* One that is live now, in a life that began before the size, or not. */
static int find_in_log(struct past *p, const struct ate_id *id,
                       const struct ate__view_newest *newest, struct known *k)
{
    bool same_life = !newest->deleted && newest->created_sequence < p->conf.size;
    uint64_t low = same_life ? newest->created_sequence : 0;
    uint64_t high = same_life         ? p->conf.size
                    : newest->deleted ? newest->sequence
                                      : newest->created_sequence;
    struct way w = {.same_life = same_life, .goes_on = same_life || newest->deleted};
    *k = (struct known){.facts = {.live = false}};
    int rc = walk_back(p, id, low, high, &w, k);
    if (!rc && w.ambiguous) {
        struct ate__view_snapshot all;
        rc = read_all(p);
        all = all_of(p);
        if (!rc)
            rc = ate__view_object(&all, id, &k->facts);
        if (!rc && k->facts.live)
            rc = ate__view_body(&all, id, &k->body);
        return rc;
    }
    if (!rc && k->facts.live) {
        if (same_life)
            set_created(p, id, newest->created_sequence, newest->created_us, k);
        else
            set_created(p, id, w.created_sequence, w.created_us, k);
    }
    return rc;
}

/* ---- objects ---- */

/* What the chain's view still has of it. NOT_FOUND: nothing of that time. */
static int find_in_view(const struct present *x, const struct ate_id *id, struct known *k)
{
    int rc = ate__view_object(&x->then, id, &k->facts);
    if (rc || ate__is_top(id))
        return rc;
    if (k->facts.live)
        return ate__view_body(&x->then, id, &k->body);
    return k->facts.deleted ? 0 : ATE_NOT_FOUND;
}

static int find(struct past *p, const struct ate_id *id, struct known *k)
{
    struct ate__view_newest newest;
    struct present x;
    uint64_t value;
    *k = (struct known){.facts = {.live = false}};
    if (p->whole) {
        struct ate__view_snapshot all = all_of(p);
        int rc = ate__view_object(&all, id, &k->facts);
        return rc || !k->facts.live || ate__is_top(id) ? rc : ate__view_body(&all, id, &k->body);
    }
    if (ate__map_get(&p->known, id, &value)) {
        *k = *(const struct known *)ate__map_pointer(value);
        return 0;
    }
    int rc = present_begin(p, &x);
    if (rc)
        return rc;
    rc = find_in_view(&x, id, k);
    int known_rc = rc == ATE_NOT_FOUND ? ate__view_newest(&x.now, id, &newest) : rc;
    present_end(&x);
    if (rc != ATE_NOT_FOUND)
        return rc;
    if (known_rc == ATE_NOT_FOUND) /* it never was */
        return 0;
    if (!known_rc)
        known_rc = find_in_log(p, id, &newest, k);
    return known_rc ? known_rc : keep(p, id, k);
}

static int object(const struct ate__facts *f, const struct ate_id *id,
                  struct ate__object_facts *ret)
{
    struct known k;
    int rc = find(past_of(f), id, &k);
    if (!rc)
        *ret = k.facts;
    return rc;
}

/* ---- names ---- */

static bool has_tag(const uint8_t *tags, unsigned count, const uint8_t tag[ATE__NAME_TAG])
{
    for (unsigned i = 0; i < count; i++)
        if (!memcmp(tags + (size_t)i * ATE__NAME_TAG, tag, ATE__NAME_TAG))
            return true;
    return false;
}

/* Did it hold the tag then? */
static int holds(struct past *p, const struct ate_id *id, const struct ate_id *parent,
                 const uint8_t tag[ATE__NAME_TAG])
{
    struct known k;
    int rc = find(p, id, &k);
    if (rc)
        return rc;
    return k.facts.live && ate__id_equal(&k.facts.parent, parent) &&
                   has_tag(k.facts.tags, k.facts.tag_count, tag)
               ? 0
               : ATE_NOT_FOUND;
}

/* The child that an event of the transaction gave the tag. */
static bool tagged_in(const struct ate__tx *tx, const struct ate_id *parent,
                      const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY &&
            ate__id_equal(&e->header.parent, parent) &&
            has_tag(e->header.tags, e->header.tag_count, tag)) {
            *ret_id = e->header.object;
            return true;
        }
    }
    return false;
}

/* Whoever was given a tag last is the only one who can hold it: it was given when nobody did. */
static int last_tagged(struct past *p, const struct ate_id *parent, uint64_t low,
                       const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    struct ate__search search;
    struct ate__found found;
    bool tagged = false;
    int rc = 0;
    ate__search_init(&search, p->chain, tag, low, p->conf.size);
    search.progress = p->conf.progress;
    while (!tagged && !(rc = ate__search_next(&search, &found))) {
        tagged = tagged_in(&found.tx, parent, tag, ret_id);
        ate__found_deinit(&found);
    }
    ate__search_deinit(&search);
    return rc == ATE_END ? ATE_NOT_FOUND : rc;
}

/* The holder as the view has it: then, or, with the same life, now. END: only the log tells. */
static int holder_in_view(struct past *p, const struct ate_id *parent,
                          const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    struct ate__view_newest newest;
    struct present x;
    int rc = present_begin(p, &x);
    if (rc)
        return rc;
    rc = ate__view_tag_holder(&x.then, parent, tag, ret_id);
    if (rc != ATE_NOT_FOUND) {
        present_end(&x);
        return rc;
    }
    rc = ate__view_tag_holder(&x.now, parent, tag, ret_id);
    if (!rc)
        rc = ate__view_newest(&x.now, ret_id, &newest);
    present_end(&x);
    if (!rc && newest.created_sequence < p->conf.size)
        rc = holds(p, ret_id, parent, tag);
    else if (!rc)
        rc = ATE_NOT_FOUND;
    return rc == ATE_NOT_FOUND ? ATE_END : rc;
}

static int tag_holder(const struct ate__facts *f, const struct ate_id *parent,
                      const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    struct past *p = past_of(f);
    struct ate_id id;
    struct known k;
    if (p->whole) {
        struct ate__view_snapshot all = all_of(p);
        return ate__view_tag_holder(&all, parent, tag, ret_id);
    }
    int rc = find(p, parent, &k);
    if (!rc && !k.facts.live)
        rc = ATE_NOT_FOUND;
    if (!rc)
        rc = holder_in_view(p, parent, tag, &id);
    if (rc == ATE_END) {
        rc = last_tagged(p, parent, k.facts.created_sequence, tag, &id);
        if (!rc)
            rc = holds(p, &id, parent, tag);
    }
    if (!rc)
        *ret_id = id;
    return rc;
}

/* ---- children ---- */

static void list_free(struct list *l)
{
    if (l)
        ate__free(l->children);
    ate__free(l);
}
ATE__FREEP(struct list, list_free)

/* One child as the replay has it; kept, unless that does not know when it was created. */
static int take_child(struct past *p, const struct ate__replayed *r,
                      const struct ate__view_snapshot *s, const struct ate_id *id, struct list *l)
{
    struct known k;
    int rc = ate__grow(&l->children, &l->capacity, l->count + 1, sizeof *l->children);
    if (!rc)
        rc = ate__view_object(s, id, &k.facts);
    if (rc)
        return rc;
    l->children[l->count++] = (struct child){*id, k.facts.collection};
    if (ate__map_get(&r->moved_in, id, NULL) || ate__map_get(&p->known, id, NULL))
        return 0;
    rc = ate__view_body(s, id, &k.body);
    if (rc)
        return rc;
    k.facts.control = control_of(p, id, k.facts.created_sequence);
    return keep(p, id, &k);
}

static int list_children(struct past *p, const struct ate_id *parent, uint64_t since,
                         struct list *l)
{
    struct ate__replayed r;
    struct ate_id id;
    uint64_t at = 0;
    int rc =
        ate__past_replay(p->chain, p->base.env, since, p->conf.size, parent, &p->conf.progress, &r);
    if (rc)
        return rc;
    struct ate__view_snapshot s = {r.view, NULL, p->conf.size};
    const struct ate__listing all = {.parent = *parent};
    while (!rc && !(rc = ate__view_next_child(&s, &all, &at, &id)))
        rc = take_child(p, &r, &s, &id, l);
    ate__replayed_deinit(&r);
    return rc == ATE_END ? 0 : rc;
}

static int list_of(struct past *p, const struct ate_id *parent, const struct list **ret_list)
{
    struct known k;
    uint64_t value;
    if (ate__map_get(&p->lists, parent, &value)) {
        *ret_list = ate__map_pointer(value);
        return 0;
    }
    int rc = find(p, parent, &k);
    if (rc)
        return rc;
    ate__cleanup(list_freep) struct list *l = ate__alloc(sizeof *l);
    if (!l)
        return ate__no_memory();
    rc = k.facts.live ? list_children(p, parent, k.facts.created_sequence, l) : 0;
    if (!rc)
        rc = ate__map_put(&p->lists, parent, ate__map_of_pointer(l));
    if (!rc)
        *ret_list = ate__steal(&l);
    return rc;
}

/* Where the walk goes on behind the child at *at - 1; 0: from its beginning. NOT_FOUND */
static int begin_behind(const struct list *l, const struct ate__listing *what, uint64_t *at)
{
    if (*at || !what->has_from)
        return 0;
    for (size_t i = 0; i < l->count && !*at; i++)
        if (ate__id_equal(&l->children[i].id, &what->from) &&
            (!what->one || l->children[i].collection == what->collection))
            *at = i + 1;
    return *at ? 0
               : ate__fail(ATE_NOT_FOUND, "the listing is to begin behind what is no child there");
}

static int next_child(const struct ate__facts *f, const struct ate__listing *what, uint64_t *at,
                      struct ate_id *ret_child)
{
    struct past *p = past_of(f);
    const struct list *l = NULL;
    if (p->whole) {
        struct ate__view_snapshot all = all_of(p);
        return ate__view_next_child(&all, what, at, ret_child);
    }
    int rc = list_of(p, &what->parent, &l);
    if (!rc)
        rc = begin_behind(l, what, at);
    if (rc)
        return rc;
    size_t i = what->reverse && !*at ? l->count + 1 : (size_t)*at; /* of the one before, from 1 */
    while (what->reverse ? --i > 0 : ++i <= l->count)
        if (!what->one || l->children[i - 1].collection == what->collection) {
            *ret_child = l->children[i - 1].id;
            *at = i;
            return 0;
        }
    return ATE_END;
}

static int root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
{
    struct past *p = past_of(f);
    return size > p->conf.size ? ATE_NOT_FOUND : ate__chain_root_at(p->chain, size, ret_root);
}

static const struct ate__facts_vtable past_facts = {object, tag_holder, next_child, root_at};

/* ---- the pipe ---- */

static struct past *pipe_of(struct ate__pipe *pipe)
{
    return (struct past *)pipe;
}

static struct ate__pipe *past_ref(struct ate__pipe *pipe)
{
    atomic_fetch_add_explicit(&pipe_of(pipe)->refs, 1, memory_order_relaxed);
    return pipe;
}

static void past_unref(struct ate__pipe *pipe)
{
    struct past *p = pipe_of(pipe);
    uint64_t value;
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t at = 0; ate__map_next(&p->known, &at, NULL, &value);)
        ate__free(ate__map_pointer(value));
    for (size_t at = 0; ate__map_next(&p->lists, &at, NULL, &value);)
        list_free(ate__map_pointer(value));
    ate__map_deinit(&p->known);
    ate__map_deinit(&p->lists);
    if (p->whole)
        ate__replayed_deinit(&p->all);
    if (p->pin.view)
        ate__chain_view_end(p->chain, &p->pin);
    p->base.now->v->unref(p->base.now);
    ate__free(p);
}

static struct ate__trust *past_trust(struct ate__pipe *pipe)
{
    return ate__chain_trust(pipe_of(pipe)->chain);
}

static bool past_created(struct ate__pipe *pipe)
{
    (void)pipe;
    return false;
}

static bool past_read_only(struct ate__pipe *pipe)
{
    (void)pipe;
    return true;
}

static struct ate__chain *past_chain(struct ate__pipe *pipe)
{
    return pipe_of(pipe)->chain;
}

static int past_begin(struct ate__pipe *pipe, struct ate__snapshot **ret_snapshot)
{
    *ret_snapshot = &pipe_of(past_ref(pipe))->snapshot;
    return 0;
}

static void past_end(struct ate__snapshot *s)
{
    if (s)
        past_unref(s->pipe);
}

static int past_refresh(struct ate__snapshot *s)
{
    (void)s;
    return 0;
}

static void past_head(const struct ate__snapshot *s, uint64_t *ret_size, struct ate_hash *ret_root)
{
    const struct past *p = pipe_of(s->pipe);
    *ret_size = p->conf.size;
    *ret_root = p->root;
}

static const struct ate__facts *past_facts_of(struct ate__snapshot *s)
{
    return &pipe_of(s->pipe)->facts;
}

static int past_event(struct ate__snapshot *s, const struct ate_id *id, struct ate__buf *buf,
                      struct ate__event *ret_event, struct ate__authors *ret_authors)
{
    struct past *p = pipe_of(s->pipe);
    struct known k;
    int rc = find(p, id, &k);
    if (rc)
        return rc;
    if (!k.facts.live || ate__is_top(id))
        return ATE_NOT_FOUND;
    return ate__chain_body_event(p->chain, &k.body, buf, ret_event, ret_authors);
}

static int past_still(struct ate__snapshot *s, const struct ate_id *id, uint64_t sequence,
                      uint64_t seen)
{
    (void)id;
    return sequence < pipe_of(s->pipe)->conf.size && pipe_of(s->pipe)->conf.size <= seen
               ? 0
               : ATE_NOT_FOUND;
}

/* What writes, waits or follows is not asked of it: dio refuses it before. */
static const struct ate__pipe_vtable past_vtable = {
    .ref = past_ref,
    .unref = past_unref,
    .trust = past_trust,
    .created = past_created,
    .chain = past_chain,
    .begin = past_begin,
    .refresh = past_refresh,
    .end = past_end,
    .head = past_head,
    .facts = past_facts_of,
    .event = past_event,
    .still = past_still,
    .read_only = past_read_only,
};

/* ---- opening ---- */

static int read_all(struct past *p)
{
    int rc = p->whole ? 0
                      : ate__past_replay(p->chain, p->base.env, 0, p->conf.size, NULL,
                                         &p->conf.progress, &p->all);
    p->whole |= rc == 0;
    return rc;
}

static int check_size(struct ate__chain *c, uint64_t size)
{
    struct ate__storage_state state;
    uint64_t published = ate__chain_published(c);
    ate__chain_storage(c)->v->state(ate__chain_storage(c), &state);
    if (!size)
        return ate__fail(ATE_NOT_FOUND, "the chain did not exist then");
    if (size > published)
        return ate__fail(ATE_NOT_FOUND, "the newest sequence is %" PRIu64 ", not %" PRIu64,
                         published - 1, size - 1);
    if (size < state.cut_off)
        return ate__fail(ATE_COMPACTED,
                         "what the chain was before sequence %" PRIu64 " was compacted away",
                         state.cut_off);
    return 0;
}

int ate__past_open(struct ate__pipe *now, struct ate__chain *chain,
                   const struct ate__past_conf *conf, struct ate__pipe **ret_pipe)
{
    uint64_t seed[2];
    int rc = check_size(chain, conf->size);
    if (rc)
        return rc;
    struct past *p = ate__alloc(sizeof *p);
    if (!p)
        return ate__no_memory();
    p->base = (struct ate__pipe){.v = &past_vtable, .env = now->env, .now = now->v->ref(now)};
    p->snapshot.pipe = &p->base;
    p->facts.v = &past_facts;
    p->chain = chain;
    p->conf = *conf;
    atomic_init(&p->refs, 1);
    ate__random(now->env, seed, sizeof seed);
    ate__map_init(&p->known, sizeof(struct ate_id), seed);
    ate__map_init(&p->lists, sizeof(struct ate_id), seed);
    rc = ate__chain_view_begin(chain, &p->pin);
    if (!rc)
        ate__view_pin(&p->pin);
    if (!rc)
        rc = ate__chain_root_at(chain, conf->size, &p->root);
    if (!rc && conf->whole)
        rc = read_all(p);
    if (rc) {
        past_unref(&p->base);
        return rc;
    }
    *ret_pipe = &p->base;
    return 0;
}
