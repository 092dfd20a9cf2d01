/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin_hooks.c: the questions to plug-ins: lint, validate, compact; and what they are shown.
 *
 * lint and validate go to the plug-in's own thread with a copy of what they are about, because who
 * asks does not wait for an answer that is late (base/runner.h).
 */
#include "api/limits.h"
#include "api/plugin.h"
#include "crypto/secret.h"
#include "dio/compress.h"
#include "event/header.h"
#include <stdio.h>

/* ---- what they see ---- */

static struct ate_plugin_event event_of(const struct ate__event *e)
{
    struct ate_plugin_event out = {.kind = ate__event_kind_of(e)};
    if (e->form == ATE__DROPPED)
        return out;
    out.id = e->header.object;
    out.parent = e->header.parent;
    out.deleted = ate__header_has(&e->header, ATE__TAG_TOMBSTONE);
    out.is_private = ate__header_has(&e->header, ATE__TAG_CONF);
    if (e->kind != ATE__EVENT_BODY || out.deleted)
        return out;
    out.name = e->header.name;
    out.type = e->header.type;
    if (ate__event_has_payload(e))
        out.payload = e->payload;
    if (!out.is_private)
        out.encoding = e->header.encoding == ATE__JSON ? "json" : "msgpack";
    return out;
}

static struct ate_bytes clear_payload(const struct ate_plugin_event *e)
{
    return e->encoding ? e->payload : ate__bytes(NULL, 0);
}

static int unpack_event(struct ate_plugin_event *e, struct ate__buf *unpacked)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf space = ATE__BUF_NULL;
    struct ate_bytes payload;
    size_t at = unpacked->size;
    int rc = ate__decompress(e->payload, &space, &payload);
    if (!rc)
        rc = ate__buf_append(unpacked, payload);
    if (!rc)
        e->payload = ate__bytes(unpacked->data + at, payload.size);
    return rc;
}

/* What plug-ins look at is what readers will see. The buffer is as large as it will be before the
 * first goes in: views of it stay where they are. */
static int unpack(struct ate__plugin_view *v, const struct ate__genesis *g, bool strict)
{
    uint64_t all = 0;
    for (size_t i = 0; i < v->txn.event_count; i++)
        all += ate__payload_size(g, clear_payload(&v->events[i]));
    int too_big = 0;
    if (all > ATE__PLUGIN_UNPACKED_MAX)
        too_big = ate__fail(ATE_TOO_BIG, "payloads of more than %d bytes in one transaction",
                            ATE__PLUGIN_UNPACKED_MAX);
    int rc = too_big ? 0 : ate__buf_reserve(&v->unpacked, (size_t)all);
    for (size_t i = 0; !rc && i < v->txn.event_count; i++) {
        struct ate_plugin_event *e = &v->events[i];
        if (!clear_payload(e).size)
            continue;
        rc = too_big ? too_big : unpack_event(e, &v->unpacked);
        if (rc > 0 && !strict) {
            e->encoding = NULL;
            rc = 0;
        }
    }
    return rc;
}

int ate__plugin_view_init(struct ate__plugin_view *ret, struct ate__trust *trust, const char *name,
                          const struct ate__tx *tx, bool strict)
{
    const struct ate__genesis *g = ate__trust_genesis(trust);
    *ret = (struct ate__plugin_view){.chain = {*ate__trust_chain_id(trust), name},
                                     .unpacked = ATE__BUF_NULL};
    ret->events = ate__alloc_array((size_t)tx->event_count + 1, sizeof *ret->events);
    ret->authors = ate__alloc_array((size_t)tx->signature_count + 1, sizeof *ret->authors);
    if (!ret->events || !ret->authors)
        return ate__no_memory();
    for (uint32_t i = 0; i < tx->event_count; i++)
        ret->events[i] = event_of(&tx->events[i]);
    for (uint32_t i = 0; i < tx->signature_count; i++)
        ret->authors[i] = tx->signatures[i].fingerprint;
    ret->txn = (struct ate_plugin_txn){
        .chain = &ret->chain,
        .time_ns = ate__ns_of(tx->time_us),
        .size = tx->encoded.size,
        .authors = ret->authors,
        .author_count = tx->signature_count,
        .events = ret->events,
        .event_count = tx->event_count,
    };
    return g->compression ? unpack(ret, g, strict) : 0;
}

void ate__plugin_view_deinit(struct ate__plugin_view *view)
{
    ate__free(view->events);
    ate__free(view->authors);
    ate__buf_deinit(&view->unpacked);
}

/* The declared path, as text. */
static char *name_of(struct ate__trust *trust)
{
    struct ate_bytes name = ate__trust_genesis(trust)->name;
    return ate__format("%.*s", (int)name.size, (const char *)name.data);
}

/* ---- questions ---- */

/* A copy of what plug-ins are asked about: made once for all of them, and nobody's to change. */
struct about {
    atomic_uint refs; /* of who asks, and of questions, which may come to nobody any more */
    char *name;
    struct ate__buf bytes;
    struct ate__plugin_view view;    /* validate; its `chain` is lint's too */
    struct ate_plugin_change change; /* lint */
};
struct question {
    struct ate__errand errand;
    struct ate_plugin *plugin; /* a reference */
    struct about *about;       /* a reference */
    int result;
    char text[ATE_PLUGIN_TEXT];
};

static void about_unref(struct about *a)
{
    if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__plugin_view_deinit(&a->view);
    ate__buf_wipe(&a->bytes); /* lint: what is going to be encrypted */
    ate__free(a->name);
    ate__free(a);
}

static int about_new(struct ate__trust *trust, struct about **ret)
{
    struct about *a = ate__alloc(sizeof *a);
    char *name = name_of(trust);
    if (!a || !name) {
        ate__free(a);
        ate__free(name);
        return ate__no_memory();
    }
    atomic_init(&a->refs, 1);
    a->name = name;
    *ret = a;
    return 0;
}

static void question_free(struct ate__errand *errand)
{
    struct question *q = ATE__CONTAINER(errand, struct question, errand);
    about_unref(q->about);
    ate__plugin_unref(q->plugin);
    ate__free(q);
}

/* The set holds the plug-in meanwhile. */
static int ask(struct ate_plugin *p, struct about *about, void (*run)(struct ate__errand *errand))
{
    struct question *q = ate__alloc(sizeof *q);
    if (!q)
        return ate__no_memory();
    q->errand = (struct ate__errand){.run = run, .free = question_free};
    q->plugin = p;
    q->about = about;
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&about->refs, 1, memory_order_relaxed);
    int rc = ate__runner_call(p->asked, &q->errand,
                              p->v->timeout_ms ? p->v->timeout_ms : ATE__PLUGIN_TIMEOUT_MS);
    if (rc) {
        char why[ATE__ERROR_SIZE];
        snprintf(why, sizeof why, "%s", ate__error_text());
        return ate__fail(ATE_BUSY, "plug-in %s: %s", p->v->name, why);
    }
    rc = q->result ? ate__plugin_refused(p, q->result, q->text) : 0;
    question_free(&q->errand);
    return rc;
}

static void run_validate(struct ate__errand *errand)
{
    struct question *q = ATE__CONTAINER(errand, struct question, errand);
    q->result = q->plugin->v->validate(q->plugin->state, &q->about->view.txn, q->text);
}

/* A view into the transaction becomes one into the copy of it. */
static void move(struct ate_bytes *view, struct ate_bytes from, const uint8_t *to)
{
    const uint8_t *first = from.data, *data = view->data;
    if (view->size && data >= first && data < first + from.size)
        view->data = to + (data - first);
}

/* stored: where it lies; NULL: it is offered. */
static int about_txn(struct ate__trust *trust, const struct ate__tx *tx,
                     const struct ate__history_record *stored, struct about **ret)
{
    struct about *a;
    int rc = about_new(trust, &a);
    if (rc)
        return rc;
    rc = ate__plugin_view_init(&a->view, trust, a->name, tx, !stored);
    if (!rc)
        rc = ate__buf_append(&a->bytes, tx->encoded);
    if (rc) {
        about_unref(a);
        return ate__context(rc, "plug-ins");
    }
    a->view.txn.offered = !stored;
    if (stored) {
        a->view.txn.sequence = stored->sequence;
        a->view.txn.time_ns = ate__ns_of(stored->root_time_us);
    }
    for (uint32_t i = 0; i < tx->event_count; i++) {
        struct ate_plugin_event *e = &a->view.events[i];
        move(&e->name, tx->encoded, a->bytes.data);
        move(&e->type, tx->encoded, a->bytes.data);
        move(&e->payload, tx->encoded, a->bytes.data);
    }
    *ret = a;
    return 0;
}

static int validate(void *arg, struct ate__trust *trust, const struct ate__tx *tx)
{
    const struct ate__plugin_set *set = arg;
    struct about *about;
    int rc = about_txn(trust, tx, NULL, &about);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < set->count; i++)
        if (set->items[i]->v->validate)
            rc = ask(set->items[i], about, run_validate);
    about_unref(about);
    return rc;
}

static void run_lint(struct ate__errand *errand)
{
    struct question *q = ATE__CONTAINER(errand, struct question, errand);
    q->result = q->plugin->v->lint(q->plugin->state, &q->about->change, q->text);
}

/* Name, payload and type in a row, the type with a NUL behind it. */
static int copy_change(struct about *a, const struct ate__linted *change)
{
    /* At once: a buffer that grows leaves what it held behind. */
    int rc = ate__buf_reserve(&a->bytes,
                              change->name.size + change->payload.size + change->type.size + 1);
    if (!rc)
        rc = ate__buf_append(&a->bytes, change->name);
    if (!rc)
        rc = ate__buf_append(&a->bytes, change->payload);
    if (!rc)
        rc = ate__buf_append(&a->bytes, change->type);
    if (!rc)
        rc = ate__buf_append(&a->bytes, ate__bytes("", 1));
    if (rc)
        return rc;
    const uint8_t *at = a->bytes.data;
    a->change = (struct ate_plugin_change){
        .chain = &a->view.chain,
        .change = change->deleted   ? ATE_DELETED
                  : change->existed ? ATE_UPDATED
                                    : ATE_CREATED,
        .id = change->id,
        .parent = change->parent,
        .name = ate__bytes(at, change->name.size),
        .payload = ate__bytes(at + change->name.size, change->payload.size),
    };
    if (change->type.size)
        a->change.type = (const char *)at + change->name.size + change->payload.size;
    if (!change->deleted)
        a->change.encoding = change->json ? "json" : "msgpack";
    return 0;
}

static int lint(void *arg, struct ate__trust *trust, const struct ate__linted *change)
{
    const struct ate__plugin_set *set = arg;
    struct about *about;
    int rc = about_new(trust, &about);
    if (rc)
        return rc;
    about->view.chain = (struct ate_plugin_chain){*ate__trust_chain_id(trust), about->name};
    rc = copy_change(about, change);
    for (size_t i = 0; !rc && i < set->count; i++)
        if (set->items[i]->v->lint)
            rc = ask(set->items[i], about, run_lint);
    about_unref(about);
    return rc;
}

/* ---- what is in the chain already ---- */

struct review {
    struct ate_chain *chain;
    struct ate__chain *held;
    ate_objection_fn *each;
    void *arg;
    uint64_t count; /* of transactions that one objects to */
};

static int review_one(struct review *r, struct ate_plugin *p, struct about *about,
                      const struct ate__history_record *record, bool *ret_objected)
{
    int rc = ask(p, about, run_validate);
    if (rc <= 0)
        return rc;
    *ret_objected = true;
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    if (r->each)
        r->each(r->arg, record->sequence, (enum ate_result)rc, text);
    return 0;
}

static int review_record(void *arg, const struct ate__history_record *record)
{
    struct review *r = arg;
    const struct ate__plugin_set *set = r->chain->plugins;
    struct ate__trust *trust = ate__chain_trust(r->held);
    struct about *about;
    struct ate__tx tx;
    bool objected = false;
    int rc = ate__tx_decode(record->body, ate__trust_alg(trust), &tx);
    if (rc)
        return rc;
    rc = about_txn(trust, &tx, record, &about);
    ate__tx_deinit(&tx);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < set->count; i++)
        if (set->items[i]->v->validate)
            rc = review_one(r, set->items[i], about, record, &objected);
    about_unref(about);
    r->count += objected;
    return rc;
}

int ate_chain_review(struct ate_chain *chain, ate_objection_fn *each, void *arg,
                     uint64_t *ret_count)
{
    struct review r = {chain, chain->pipe->v->chain(chain->pipe), each, arg, 0};
    int rc = ate__check_may_wait();
    if (!rc && !r.held)
        rc = ate__fail(ATE_UNSUPPORTED,
                       "review: a thin chain holds no history: open it with a mirror");
    if (!rc && chain->plugins && chain->plugins->hooks.validate)
        rc = chain->pipe->v->history(chain->pipe, 0, review_record, &r);
    if (!rc)
        *ret_count = r.count;
    return rc;
}

/* ---- votes ---- */

static enum ate_vote vote(void *arg, const struct ate_vote_event *event, bool *ret_header_only)
{
    const struct ate__plugin_set *set = arg;
    enum ate_vote strongest = ATE_VOTE_NONE;
    for (size_t i = 0; i < set->count; i++) {
        const struct ate_plugin *p = set->items[i];
        bool header_only = false;
        enum ate_vote one =
            p->v->compact ? p->v->compact(p->state, event, &header_only) : ATE_VOTE_NONE;
        if (one > ATE_VOTE_FORCE_KEEP || one < strongest)
            continue;
        *ret_header_only = header_only && (one > strongest || *ret_header_only);
        strongest = one;
    }
    return strongest;
}

/* ---- sets ---- */

bool ate__plugin_set_listens(const struct ate__plugin_set *set)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (set->items[i]->v->sink || set->items[i]->v->index)
            return true;
    return false;
}

void ate__plugin_set_free(struct ate__plugin_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        ate__plugin_unref(set->items[i]);
    ate__free(set->items);
    ate__free(set);
}

int ate__plugin_set_new(struct ate_plugin *const *plugins, size_t count,
                        struct ate__plugin_set **ret_set)
{
    *ret_set = NULL;
    if (!count)
        return 0;
    if (count > ATE__PLUGINS_MAX || !plugins)
        return ate__fail(count > ATE__PLUGINS_MAX ? ATE_TOO_BIG : ATE_MISUSE,
                         "plug-ins: at most %d", ATE__PLUGINS_MAX);
    struct ate__plugin_set *set = ate__alloc(sizeof *set);
    struct ate_plugin **items = ate__alloc_array(count, sizeof(struct ate_plugin *));
    if (!set || !items) {
        ate__free(set);
        ate__free(items);
        return ate__no_memory();
    }
    *set = (struct ate__plugin_set){.items = items};
    set->hooks = (struct ate__plugins){.arg = set};
    for (size_t i = 0; i < count; i++) {
        const struct ate_plugin_vtable *v = plugins[i]->v;
        items[set->count++] = plugins[i];
        atomic_fetch_add_explicit(&plugins[i]->refs, 1, memory_order_relaxed);
        set->hooks.lint = v->lint ? lint : set->hooks.lint;
        set->hooks.validate = v->validate ? validate : set->hooks.validate;
        if (v->compact)
            set->voter = (struct ate__voter){vote, set};
    }
    *ret_set = set;
    return 0;
}
