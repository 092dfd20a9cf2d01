/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * build.c: from pending changes to an encoded, signed transaction.
 *
 *   1 control events, whose scopes and keys decide the rest     2 bodies: sealed for the scope in
 *   which they will lie, with the tags of their names           3 tombstones
 *   4 the fewest signers that have the rights                   5 public keys that the chain lacks
 *   6 preconditions, encoding, signatures
 */
#include "base/text.h"
#include "dio/compress.h"
#include "dio/txn.h"
#include "trust/limits.h"
#include "trust/plugin.h"

enum { ARENA_KEPT = 1 << 20 /* bytes, from one commit of a transaction to its next */ };

struct span {
    size_t at, size; /* in build.arena */
};
struct draft { /* an event being made; spans, because the arena moves as it grows */
    uint8_t form;
    struct span header, salt, payload;
};
struct drop_box { /* of a scope that is written into and not read */
    const struct ate__control *control;
    struct ate__data_key *key; /* of this transaction alone */
    struct ate__buf sealed;
};
struct build {
    struct ate_txn *t;
    struct ate__trust *trust;
    struct ate__buf arena;
    struct draft *drafts;
    size_t count, capacity;
    struct ate_hash *needed; /* fingerprints whose public keys the chain must hold */
    size_t needed_count, needed_capacity;
    struct drop_box *boxes;
    size_t box_count, box_capacity;
    struct ate__txn_signers signers;
};

static void build_deinit(struct build *b)
{
    if (b->arena.capacity > ARENA_KEPT)
        ate__buf_deinit(&b->arena);
    b->t->arena = b->arena;
    ate__free(b->drafts);
    ate__free(b->needed);
    for (size_t i = 0; i < b->box_count; i++) {
        ate__data_key_unref(b->boxes[i].key);
        ate__buf_deinit(&b->boxes[i].sealed);
    }
    ate__free(b->boxes);
}

static int add_draft(struct build *b, struct draft draft)
{
    if (b->count == ATE__TX_EVENTS_MAX)
        return ate__fail(ATE_TOO_BIG, "transaction: more than %d events", ATE__TX_EVENTS_MAX);
    int rc = ate__grow(&b->drafts, &b->capacity, b->count + 1, sizeof *b->drafts);
    if (!rc)
        b->drafts[b->count++] = draft;
    return rc;
}

static int need_key(struct build *b, const struct ate_hash *fingerprint)
{
    if (ate__trust_has_key(b->trust, fingerprint))
        return 0;
    for (size_t i = 0; i < b->needed_count; i++)
        if (ate__hash_equal(&b->needed[i], fingerprint))
            return 0;
    int rc = ate__grow(&b->needed, &b->needed_capacity, b->needed_count + 1, sizeof *b->needed);
    if (!rc)
        b->needed[b->needed_count++] = *fingerprint;
    return rc;
}

/* ---- 1: control events ---- */

static int reader_key(void *arg, const struct ate_hash *fingerprint, struct ate__buf *buf)
{
    struct build *b = arg;
    struct ate_bytes key;
    if (b->t->session && !ate__session_public(b->t->session, fingerprint, &key))
        return ate__buf_append(buf, key);
    return ate__trust_public_key(b->trust, fingerprint, buf);
}

static int has_children(struct ate_txn *t, const struct ate__change *c, bool *ret_has)
{
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    struct ate_id child;
    uint64_t at = 0;
    *ret_has = false;
    if (!c->existed)
        return 0;
    int rc = facts->v->next_child(facts, &(struct ate__listing){.parent = c->id}, &at, &child);
    *ret_has = rc == 0;
    return rc == ATE_END ? 0 : rc;
}

static bool reader_ended(void *arg, const struct ate_hash *fingerprint)
{
    const struct build *b = arg;
    return ate__trust_is_revoked(b->trust, fingerprint);
}

static struct ate_bytes reader_label(void *arg, const struct ate_hash *fingerprint)
{
    const struct build *b = arg;
    return ate__session_label(b->t->session, fingerprint);
}

/* The name key that an object has, or that one above it has, which it takes along with the names
 * that are there. */
static int plan_name_key(struct build *b, const struct ate__change *c, struct ate__scope_plan *plan,
                         struct ate__key32 *key)
{
    const struct ate__control *before = c->before.control;
    bool own = before && ate__header_has(&before->header, ATE__TAG_NAMEKEY);
    bool is_private = false, has = own;
    int rc = own ? 0 : has_children(b->t, c, &has);
    if (!rc && has)
        rc = ate__txn_name_key(b->t, &c->id, &is_private, key);
    if (!rc && is_private)
        plan->name_key = key;
    plan->new_name_key = !is_private;
    return rc == ATE_NO_KEY && own ? 0 : rc; /* missed only where it has to be wrapped */
}

/* Data key of the private scope around an object that has none of its own any more. */
static int plan_around(struct build *b, const struct ate__change *c,
                       const struct ate__scope_plan *plan, struct ate__data_key **ret_key)
{
    const struct ate__control *control;
    struct ate_id scope;
    if (ate__is_top(&c->id) || plan->publish ||
        plan->auth.rule[ATE__RIGHT_READ].who != ATE__RULE_INHERIT)
        return 0;
    int rc = ate__scope_of(&b->t->facts, &c->parent, &scope, &control);
    if (rc || !control || !ate__header_has(&control->header, ATE__TAG_EPOCH))
        return rc;
    rc = ate__data_key_open(&b->t->dio->seal, b->t->session, control,
                            &control->header.epoch.data_key_id, ret_key);
    return rc == ATE_NO_KEY ? 0 : rc;
}

/* Of those whom a rule names, and nothing is sealed to: who has never signed there could not prove
 * to a server that he belongs to the chain, nor could his key be ended. Keys that the session does
 * not know are told by those who do. */
static int need_named(struct build *b, const struct ate__auth *auth)
{
    struct ate_hash known[ATE__SESSION_KEYS_MAX];
    size_t count = ate__session_fingerprints(b->t->session, known, ATE__COUNT_OF(known));
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++)
        for (unsigned right = ATE__RIGHT_WRITE; !rc && right < ATE__RIGHTS; right++)
            if (ate__rule_has(&auth->rule[right], &known[i]) && !reader_ended(b, &known[i]))
                rc = need_key(b, &known[i]);
    return rc;
}

/* The control event as it will be in force, for those who ask while bodies are sealed. */
static int put_in_force(struct build *b, struct ate__change *c, struct span header)
{
    struct ate__event e = {.form = ATE__BARE, .kind = ATE__EVENT_CONTROL};
    struct ate__recipient r;
    e.bytes = ate__bytes(b->arena.data + header.at, header.size);
    struct ate__event_in in = {.form = ATE__BARE, .header = e.bytes};
    int rc = ate__header_decode(e.bytes, &e.header);
    if (!rc)
        rc = ate__event_hash(b->t->dio->seal.alg, &in, &e.hash);
    ate__control_unref(c->control);
    c->control = NULL;
    if (!rc)
        rc = ate__control_new(&e, UINT64_MAX, (struct ate__control *)(uintptr_t)c->before.control,
                              &c->control);
    for (size_t at = 0; !rc && ate__recipient_next(e.header.recipients, &at, &r);)
        rc = need_key(b, &r.fingerprint);
    return rc || !c->rules ? rc : need_named(b, &e.header.auth);
}

static bool makes_control(const struct ate__change *c)
{
    const struct ate__control *before = c->before.control;
    bool is_open = before && before->header.auth.rule[ATE__RIGHT_READ].who == ATE__RULE_EVERYONE;
    return ate__change_rules(c) || (c->open && !is_open);
}

static int make_control(struct build *b, struct ate__change *c)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *data_key = NULL, *around = NULL;
    const struct ate__control *before = c->before.control;
    struct ate__scope_plan plan = {.object = c->id,
                                   .prev = before,
                                   .hold = ate__change_held(c),
                                   .rotate = c->rotate,
                                   .came_from = ate__facts_came_from(&c->before),
                                   .publish = c->publish,
                                   .public_key = reader_key,
                                   .has_ended = reader_ended,
                                   .label = reader_label,
                                   .arg = b};
    if (c->came)
        plan.came_from = c->came_from;
    if (c->rules)
        plan.auth = c->auth;
    else if (before)
        plan.auth = before->header.auth;
    if (c->open)
        plan.auth.rule[ATE__RIGHT_READ] = (struct ate__rule){.who = ATE__RULE_EVERYONE};
    bool is_private = plan.auth.rule[ATE__RIGHT_READ].who == ATE__RULE_ANY_OF;
    int rc = 0;
    if (!b->t->session)
        return ate__fail(ATE_NO_KEY, "rules can be set only by a session that has keys");
    if (is_private || (before && ate__header_has(&before->header, ATE__TAG_NAMEKEY)))
        rc = plan_name_key(b, c, &plan, &name_key);
    if (!rc && !is_private)
        rc = plan_around(b, c, &plan, &around);
    plan.around = around;
    return rc ? rc
              : ate__control_make(&b->t->dio->seal, b->t->session, &plan, &b->arena, &data_key);
}

static int add_control(struct build *b, struct ate__change *c)
{
    struct span header = {b->arena.size, 0};
    int rc = makes_control(c) ? make_control(b, c)
                              : ate__control_hold(&c->id, c->before.control, c->hold, &b->arena);
    if (rc)
        return rc;
    header.size = b->arena.size - header.at;
    rc = add_draft(b, (struct draft){.form = ATE__BARE, .header = header});
    return rc ? rc : put_in_force(b, c, header);
}

static bool needs_control(const struct ate__change *c)
{
    if (c->effect == ATE__NOTHING || c->effect == ATE__DELETES)
        return false;
    return makes_control(c) || ate__change_turns_hold(c);
}

/* ---- 2: bodies ---- */

struct place { /* what the surroundings decide for a body */
    bool is_private, names_private;
    struct ate__data_key *data_key;
    struct ate__sealed_item sealed; /* of who does not read it */
    uint64_t epoch;
    uint8_t tags[2 * ATE__NAME_TAG];
    size_t tag_size;
};

/* Who may create there and does not read: one fresh data key for each scope and transaction. */
static int place_in_box(struct build *b, const struct ate__control *control, struct place *p)
{
    size_t i = 0;
    while (i < b->box_count && b->boxes[i].control != control)
        i++;
    if (i == b->box_count) {
        int rc = ate__grow(&b->boxes, &b->box_capacity, b->box_count + 1, sizeof *b->boxes);
        struct drop_box box = {.control = control};
        if (!rc)
            rc = ate__sealed_key_make(&b->t->dio->seal, control, &box.sealed, &box.key);
        if (rc) {
            ate__buf_deinit(&box.sealed);
            return rc;
        }
        b->boxes[b->box_count++] = box;
    }
    p->data_key = ate__data_key_ref(b->boxes[i].key);
    p->sealed = (struct ate__sealed_item){control->header.epoch.data_key_id,
                                          ate__buf_bytes(&b->boxes[i].sealed)};
    return 0;
}

static int place_scope(struct build *b, const struct ate__change *c, struct place *p)
{
    struct ate__dio *d = b->t->dio;
    const struct ate__control *control;
    struct ate_id scope;
    int rc = ate__scope_of(&b->t->facts, &c->id, &scope, &control);
    if (rc || !control || control->header.auth.rule[ATE__RIGHT_READ].who != ATE__RULE_ANY_OF)
        return rc;
    p->is_private = true;
    p->epoch = control->header.epoch.epoch;
    rc = ate__data_key_open(&d->seal, b->t->session, control, &control->header.epoch.data_key_id,
                            &p->data_key);
    return rc == ATE_NO_KEY && c->effect == ATE__CREATES ? place_in_box(b, control, p) : rc;
}

/* The private tag of a name. Who changes an object, and may not name anything there, leaves its tag
 * as it is. */
static int private_tag(struct build *b, const struct ate__change *c, struct place *p)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    const struct ate_place place = {c->parent, c->collection};
    int rc = ate__txn_name_key(b->t, &c->parent, &p->names_private, &key);
    if (rc == ATE_NO_KEY && c->existed && !c->moved && c->before.tag_count) {
        memcpy(p->tags, c->before.tags, ATE__NAME_TAG);
        rc = 0;
    } else if (!rc && p->names_private) {
        rc = ate__name_tag_private(&key, &place, ate__buf_bytes(&c->name), p->tags);
    }
    if (!rc && p->names_private)
        p->tag_size = ATE__NAME_TAG;
    return rc;
}

static int place_name(struct build *b, const struct ate__change *c, struct place *p)
{
    const struct ate_place place = {c->parent, c->collection};
    struct ate_bytes name = ate__buf_bytes(&c->name);
    if (!name.size)
        return 0;
    int rc = private_tag(b, c, p);
    if (!rc && (!p->names_private || !p->is_private)) {
        rc = ate__name_tag_open(b->t->dio->seal.alg, &place, name, p->tags + p->tag_size);
        p->tag_size += ATE__NAME_TAG;
    }
    return rc;
}

/* NAME TYPE ENCODING REPLY_TO and the user items: in clear, or in front of the payload. */
static void write_items(struct ate__header_wr *w, const struct ate__change *c)
{
    static const uint8_t json = ATE__JSON;
    if (c->name.size)
        ate__header_item(w, ATE__TAG_NAME, ate__buf_bytes(&c->name));
    if (c->type.size)
        ate__header_item(w, ATE__TAG_TYPE, ate__buf_bytes(&c->type));
    if (c->encoding == ATE__JSON)
        ate__header_item(w, ATE__TAG_ENCODING, ate__bytes(&json, 1));
    if (c->has_reply_to)
        ate__header_item(w, ATE__TAG_REPLY_TO, ate__bytes(&c->reply_to, sizeof c->reply_to));
}

/* What is stored of the payload: itself, or what is made of it in `packed`. */
static int stored_payload(const struct build *b, const struct ate__change *c,
                          struct ate__buf *packed, struct ate_bytes *ret_stored)
{
    int rc = 0;
    *ret_stored = ate__buf_bytes(&c->payload);
    if (ate__txn_genesis(b->t)->compression) {
        rc = ate__compress(*ret_stored, packed);
        *ret_stored = ate__buf_bytes(packed);
    }
    return rc;
}

static int seal_body(struct build *b, const struct ate__change *c, const struct place *p,
                     struct ate__conf_item *conf, struct draft *draft)
{
    ate__cleanup(ate__buf_wipe) struct ate__buf packed = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf items = ATE__BUF_NULL;
    struct ate_bytes stored;
    struct ate__header_wr w = ate__header_wr_of(&items);
    write_items(&w, c);
    ate__header_user(&w, ate__buf_bytes(&c->user));
    int rc = ate__header_end(&w);
    if (!rc)
        rc = stored_payload(b, c, &packed, &stored);
    draft->form = ATE__CIPHER;
    draft->payload.at = b->arena.size;
    if (!rc)
        rc = ate__body_encrypt(&b->t->dio->seal, p->data_key, p->epoch, &c->id,
                               (struct ate_bytes){0}, &c->parent, c->collection,
                               ate__buf_bytes(&items), stored, conf, &b->arena);
    draft->payload.size = b->arena.size - draft->payload.at;
    return rc;
}

static int salt_body(struct build *b, const struct ate__change *c, struct draft *draft)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf packed = ATE__BUF_NULL;
    struct ate_bytes stored;
    uint8_t salt[16];
    draft->form = c->has_payload ? ATE__CLEAR : ATE__BARE;
    if (!c->has_payload)
        return 0;
    int rc = stored_payload(b, c, &packed, &stored);
    if (rc)
        return rc;
    ate__random(b->t->dio->pipe->env, salt, sizeof salt);
    draft->salt = (struct span){b->arena.size, sizeof salt};
    rc = ate__buf_append(&b->arena, ate__bytes(salt, sizeof salt));
    draft->payload = (struct span){b->arena.size, stored.size};
    return rc ? rc : ate__buf_append(&b->arena, stored);
}

static int write_body(struct build *b, const struct ate__change *c, const struct place *p)
{
    struct draft draft = {0};
    struct ate__conf_item conf;
    int rc = p->is_private ? seal_body(b, c, p, &conf, &draft) : salt_body(b, c, &draft);
    if (rc)
        return rc;
    draft.header.at = b->arena.size;
    struct ate__header_wr w = ate__header_wr_of(&b->arena);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&c->id, sizeof c->id));
    if (c->existed)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&c->prev, sizeof c->prev));
    ate__header_parent(&w, &c->parent, c->collection);
    if (p->tag_size)
        ate__header_item(&w, ATE__TAG_TAG, ate__bytes(p->tags, p->tag_size));
    if (p->is_private) {
        ate__header_conf(&w, &conf);
        if (p->sealed.sealed.size)
            ate__header_sealed(&w, &p->sealed);
    } else {
        write_items(&w, c);
        ate__header_user(&w, ate__buf_bytes(&c->user));
    }
    rc = ate__header_end(&w);
    draft.header.size = b->arena.size - draft.header.at;
    return rc ? rc : add_draft(b, draft);
}

static int add_body(struct build *b, struct ate__change *c)
{
    struct place p = {0};
    char text[ATE__ID_TEXT];
    int rc = place_scope(b, c, &p);
    if (!rc && b->t->renewed && c->sealed && !p.is_private)
        rc = ate__fail(ATE_STALE_KEY,
                       "object %s: it was written into a private scope, which has been opened "
                       "since: look again, and commit again if everyone may read it",
                       ate__id_text(&c->id, text));
    if (!rc)
        c->sealed = p.is_private;
    if (!rc)
        rc = place_name(b, c, &p);
    if (!rc)
        rc = write_body(b, c, &p);
    ate__data_key_unref(p.data_key);
    return rc;
}

/* ---- 3: tombstones ---- */

static int add_tombstone(struct build *b, const struct ate__change *c)
{
    uint8_t how = c->subtree || !c->deleted ? 1 : 0; /* moved below what goes: with all below it */
    struct draft draft = {.form = ATE__BARE, .header.at = b->arena.size};
    struct ate__header_wr w = ate__header_wr_of(&b->arena);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&c->id, sizeof c->id));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&c->prev, sizeof c->prev));
    ate__header_item(&w, ATE__TAG_TOMBSTONE, ate__bytes(&how, 1));
    int rc = ate__header_end(&w);
    draft.header.size = b->arena.size - draft.header.at;
    return rc ? rc : add_draft(b, draft);
}

/* ---- 5: public keys ---- */

static int add_public_keys(struct build *b)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < b->signers.count; i++)
        rc = need_key(b, &b->signers.fingerprint[i]);
    for (size_t i = 0; !rc && i < b->needed_count; i++) {
        ate__cleanup(ate__buf_deinit) struct ate__buf key = ATE__BUF_NULL;
        struct draft draft = {.form = ATE__BARE, .header.at = b->arena.size};
        rc = reader_key(b, &b->needed[i], &key);
        if (rc)
            return rc;
        struct ate__header_wr w = ate__header_wr_of(&b->arena);
        ate__header_item(&w, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key));
        rc = ate__header_end(&w);
        draft.header.size = b->arena.size - draft.header.at;
        if (!rc)
            rc = add_draft(b, draft);
    }
    return rc;
}

/* ---- 6: all of it ---- */

static struct ate_bytes view(const struct build *b, struct span s)
{
    return s.size ? ate__bytes(b->arena.data + s.at, s.size) : (struct ate_bytes){0};
}

/* In a centralized chain the server says who made it, by the keys that were proved to it; but for
 * what a root key has to sign. */
static int sign(struct build *b, const struct ate_hash *hash)
{
    struct ate__buf bytes[ATE__TX_SIGNATURES_MAX] = {0};
    struct ate__signature signatures[ATE__TX_SIGNATURES_MAX];
    int rc = 0;
    b->t->own.key_count = 0;
    if (ate__trust_genesis(b->trust)->mode == ATE__CENTRALIZED && !b->signers.by_root) {
        b->t->own.key_count = b->signers.count;
        memcpy(b->t->own.keys, b->signers.fingerprint, sizeof b->t->own.keys);
        return ate__tx_encode_signatures(NULL, 0, &b->t->encoded);
    }
    for (uint32_t i = 0; !rc && i < b->signers.count; i++)
        rc = ate__trust_sign(b->trust, b->signers.key[i], b->t->dio->seal.alg, hash, &bytes[i],
                             &signatures[i]);
    if (!rc)
        rc = ate__tx_encode_signatures(signatures, b->signers.count, &b->t->encoded);
    for (uint32_t i = 0; i < b->signers.count; i++)
        ate__buf_deinit(&bytes[i]);
    return rc;
}

static int encode(struct build *b)
{
    struct ate_txn *t = b->t;
    ate__cleanup(ate__freep) struct ate__event_in *events =
        ate__alloc_array(b->count, sizeof *events);
    if (!events)
        return ate__no_memory();
    for (size_t i = 0; i < b->count; i++)
        events[i] =
            (struct ate__event_in){b->drafts[i].form, view(b, b->drafts[i].header),
                                   view(b, b->drafts[i].salt), view(b, b->drafts[i].payload)};
    struct ate__tx_in in = {
        .chain_id = t->dio->seal.chain_id,
        .id = t->id,
        .time_us = ate__wall_us(t->dio->pipe->env),
        .preconditions = t->preconditions,
        .precondition_count = (uint32_t)t->precondition_count,
        .events = events,
        .event_count = (uint32_t)b->count,
    };
    t->dio->pipe->v->head(t->snapshot, &in.base_size, &in.base_root);
    ate__buf_clear(&t->encoded);
    int rc = ate__grow(&t->hashes, &t->hash_capacity, b->count, sizeof *t->hashes);
    if (!rc)
        rc = ate__tx_encode_hashes(&in, t->dio->seal.alg, &t->encoded, t->hashes, &t->own.hash);
    t->own.events = t->hashes;
    t->own.event_count = (uint32_t)b->count;
    return rc ? rc : sign(b, &t->own.hash);
}

/* What the program's plug-ins say of a change. */
static int lint(struct build *b, const struct ate__change *c)
{
    const struct ate__plugins *p = b->t->dio->plugins;
    if (!p || !p->lint || c->effect == ATE__NOTHING || c->effect == ATE__RULES)
        return 0;
    struct ate__linted linted = {
        .id = c->id, .parent = c->parent, .existed = c->existed, .json = c->encoding == ATE__JSON};
    linted.deleted = c->effect == ATE__DELETES;
    if (!linted.deleted) {
        linted.name = ate__buf_bytes(&c->name);
        linted.type = ate__buf_bytes(&c->type);
        linted.payload = ate__buf_bytes(&c->payload);
    }
    return p->lint(p->arg, b->trust, &linted);
}

static int add_all(struct build *b)
{
    struct ate__change *changes = b->t->changes, *c;
    int rc = 0;
    for (c = changes; !rc && c; c = c->next)
        rc = ate__txn_effect(b->t, c, &c->effect);
    for (c = changes; !rc && c; c = c->next)
        rc = lint(b, c);
    for (c = changes; !rc && c; c = c->next)
        if (needs_control(c))
            rc = add_control(b, c);
    for (c = changes; !rc && c; c = c->next)
        if (c->effect == ATE__CREATES || c->effect == ATE__REPLACES)
            rc = add_body(b, c);
    for (c = changes; !rc && c; c = c->next)
        if (c->effect == ATE__DELETES)
            rc = add_tombstone(b, c);
    return rc || b->count ? rc : ATE_END;
}

int ate__txn_build(struct ate_txn *t)
{
    struct build b = {.t = t, .trust = t->dio->pipe->v->trust(t->dio->pipe), .arena = t->arena};
    ate__buf_clear(&b.arena);
    int rc = add_all(&b);
    if (!rc)
        rc = ate__txn_signers(t, &b.signers);
    if (!rc)
        rc = add_public_keys(&b);
    if (!rc)
        rc = encode(&b);
    for (struct ate__change *c = t->changes; c; c = c->next) {
        ate__control_unref(c->control); /* made anew by the next try */
        c->control = NULL;
    }
    build_deinit(&b);
    return rc;
}
