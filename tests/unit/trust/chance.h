/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chance.h: transactions by chance, mostly near what is right: a few objects, a few keys, a few
 * names, so that they get in each other's way. What chance is, the source says: a seeded sequence,
 * or the bytes of a fuzzer.
 */
#pragma once
#include "draft.h"

enum { CHANCE_OBJECTS = 60, CHANCE_KEYS = 3, CHANCE_EVENTS = 24 };

struct chance {
    struct rnd *rnd; /* NULL: the bytes below, then zeros */
    const uint8_t *data;
    size_t size, at;
    struct world *w;
    struct ate__key *keys[CHANCE_KEYS]; /* real ones, for RECIPIENTS, PUBLIC_KEY and ROOT */
};

static inline unsigned pick(struct chance *c, unsigned bound)
{
    if (c->rnd)
        return (unsigned)rnd_below(c->rnd, bound);
    return c->at < c->size ? c->data[c->at++] % bound : 0;
}

static inline struct ate_id pick_id(struct chance *c)
{
    return id_of(1 + pick(c, CHANCE_OBJECTS));
}
/* One that lives, where a few tries find it, or one that does not. */
static inline struct ate_id pick_known(struct chance *c, bool live)
{
    struct ate_id id = pick_id(c);
    for (unsigned tries = 0; tries < 8; tries++, id = pick_id(c)) {
        const struct model_object *o = model_find(&c->w->m, &id);
        if (o ? o->live == live && (live || !o->deleted) : !live)
            break;
    }
    return id;
}
static inline struct ate_id pick_parent(struct chance *c, struct ate_id not_this)
{
    struct ate_id id = !pick(c, 4) ? ate__top_id : pick(c, 10) ? pick_known(c, true) : pick_id(c);
    return ate__id_equal(&id, &not_this) ? ate__top_id : id;
}
static inline struct ate_hash pick_key(struct chance *c)
{
    unsigned i = pick(c, CHANCE_KEYS + 3);
    return i < CHANCE_KEYS        ? c->keys[i]->fingerprint
           : i == CHANCE_KEYS + 2 ? c->w->root->fingerprint
                                  : who(i);
}
static inline struct ate__rule pick_keys(struct chance *c)
{
    struct ate_hash keys[2] = {pick_key(c), pick_key(c)};
    return rule_of(c->w, keys, ate__hash_equal(&keys[0], &keys[1]) ? 1 : 1 + pick(c, 2));
}
static inline struct ate__rule pick_rule(struct chance *c)
{
    switch (pick(c, 8)) {
    case 0: return rule_everyone;
    case 1: return rule_nobody;
    case 2:
    case 3: return pick_keys(c);
    default: return rule_inherit;
    }
}

/* The scope that an object below this parent would lie in, by the state before. */
static inline const struct ate__header *scope_before(const struct chance *c, struct ate_id id)
{
    for (unsigned steps = 0; steps <= CHANCE_OBJECTS; steps++) {
        const struct model_object *o = model_find(&c->w->m, &id);
        if (!o)
            return NULL;
        if (o->control && o->control->header.auth.rule[ATE__RIGHT_READ].who != ATE__RULE_INHERIT)
            return &o->control->header;
        id = o->parent;
    }
    return NULL;
}

static inline void chance_body(struct chance *c, struct draft *d)
{
    static const char *const tags[] = {NULL, NULL, "a", "b", "c"};
    struct body b = {.id = pick_known(c, pick(c, 2)), .collection = pick(c, 8) ? 0 : 1};
    const struct model_object *o = model_find(&c->w->m, &b.id);
    struct ate_hash prev = o && o->live ? o->body : hash_of(pick(c, 3));
    struct ate__conf_item conf;
    b.parent = o && o->live && pick(c, 2) && !ate__id_equal(&o->parent, &b.id)
                   ? o->parent
                   : pick_parent(c, b.id);
    if ((o && o->live) == (pick(c, 30) != 0))
        b.prev = &prev;
    if (b.prev && pick(c, 4) == 0) {
        draft_tombstone(d, b.id, prev, pick(c, 2));
        return;
    }
    b.tag = tags[pick(c, 5)];
    const struct ate__header *scope = scope_before(c, b.parent);
    if (scope && ate__header_has(scope, ATE__TAG_EPOCH) ? pick(c, 10) != 0 : pick(c, 20) == 0) {
        conf = (struct ate__conf_item){.epoch = pick(c, 2), .data_key_id = hash_of(1 + pick(c, 4))};
        if (scope && pick(c, 10)) {
            conf.epoch = scope->epoch.epoch;
            conf.data_key_id = scope->epoch.data_key_id;
        }
        b.conf = &conf;
    } else if (b.tag && pick(c, 4) == 0) {
        b.tag2 = "d";
    }
    draft_body(d, &b);
}

static inline void chance_epoch(struct chance *c, struct control *control,
                                const struct ate__control *now)
{
    const struct ate__control *last = ate__control_epoch(now);
    bool goes_on = now && ate__header_has(&now->header, ATE__TAG_EPOCH);
    control->auth.rule[ATE__RIGHT_READ] = pick_keys(c);
    control->epoch_id = 1 + pick(c, 4);
    if (goes_on) {
        uint8_t key = now->header.epoch.data_key_id.b[2]; /* hash_of() */
        control->epoch = now->header.epoch.epoch + pick(c, 2);
        if (control->epoch == now->header.epoch.epoch)
            control->epoch_id = key;
        if (pick(c, 2)) {
            const struct ate__rule *readers = &now->header.auth.rule[ATE__RIGHT_READ];
            struct ate_hash keys[3] = {pick_key(c)};
            uint32_t count = readers->count < 2 ? readers->count : 2;
            memcpy(keys + 1, readers->keys, count * sizeof *keys);
            bool twice = ate__rule_has(readers, &keys[0]);
            control->auth.rule[ATE__RIGHT_READ] =
                rule_of(c->w, keys + twice, twice ? count : count + 1);
        }
    }
    if (!goes_on && last && pick(c, 8))
        control->epoch = last->header.epoch.epoch + 1;
    if (pick(c, 20) == 0)
        control->epoch += pick(c, 3);
    control->no_name_key = pick(c, 40) == 0;
    control->no_link = pick(c, 40) == 0;
    control->seal = pick(c, 40) == 0;
    control->namekey = pick(c, 40) == 0;
    control->clear_name_key = pick(c, 40) == 0;
}

static inline void chance_control(struct chance *c, struct draft *d)
{
    struct control control = {.id = pick(c, 6) ? pick_known(c, pick(c, 10)) : ate__top_id};
    const struct model_object *o = model_find(&c->w->m, &control.id);
    const struct ate__control *now = o && o->live ? o->control : NULL;
    struct ate_hash prev = now ? now->hash : hash_of(pick(c, 3));
    if (now ? pick(c, 30) != 0 : pick(c, 30) == 0)
        control.prev = &prev;
    for (int right = 0; right < ATE__RIGHTS; right++)
        control.auth.rule[right] = pick_rule(c);
    struct ate__rule *read = &control.auth.rule[ATE__RIGHT_READ];
    if (read->who == ATE__RULE_NOBODY && pick(c, 8))
        *read = rule_inherit;
    if (read->who == ATE__RULE_ANY_OF ||
        (now && ate__header_has(&now->header, ATE__TAG_EPOCH) && pick(c, 6)))
        chance_epoch(c, &control, now);
    else if (now ? ate__header_has(&now->header, ATE__TAG_NAMEKEY) && pick(c, 6)
                 : pick(c, 40) == 0) { /* what was private once has its name key on */
        control.epoch_id = 1 + pick(c, 4);
        control.no_epoch = true;
        control.clear_name_key = pick(c, 40) == 0;
    }
    draft_control(d, &control);
}

static inline void chance_key_event(struct chance *c, struct draft *d)
{
    struct ate__key *key = c->keys[pick(c, CHANCE_KEYS)];
    struct ate_bytes bytes = ate__buf_bytes(&key->public_key);
    struct ate_hash fingerprint = pick_key(c);
    struct ate__root_change change = {ATE__ROOT_ADD, bytes};
    unsigned what = pick(c, 16);
    if (what < 12)
        draft_item(d, ATE__TAG_PUBLIC_KEY, bytes);
    else if (what == 12)
        draft_item(d, ATE__TAG_REVOKE, ate__bytes(&fingerprint, sizeof fingerprint));
    else if (what == 13)
        draft_item(d, ATE__TAG_HOME, bytes);
    else {
        if (what == 15)
            change = (struct ate__root_change){ATE__ROOT_REMOVE, ate__bytes(&fingerprint, 32)};
        draft_root(d, &change, 1);
    }
}

/* Keys of services and certificates; none of these keys is a log key. */
static inline void chance_service_event(struct chance *c, struct draft *d)
{
    struct ate__key *key = c->keys[pick(c, CHANCE_KEYS)];
    struct ate_hash fingerprint = pick_key(c);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&key->public_key)};
    struct ate__snapshot_item snapshot = {.size = 1 + pick(c, 60), .state_root = hash_of(1)};
    if (pick(c, 3) == 0)
        change = (struct ate__root_change){ATE__ROOT_REMOVE, ate__bytes(&fingerprint, 32)};
    snapshot.root = model_root(snapshot.size ^ (pick(c, 8) == 0));
    if (pick(c, 2))
        draft_snapshot(d, &snapshot);
    else
        draft_keys(d, pick(c, 8) ? ATE__TAG_COMPACTOR_KEYS : ATE__TAG_LOG_KEYS, &change, 1);
}

static inline struct draft *chance_draft(struct chance *c)
{
    struct draft *d = draft_new(c->w);
    unsigned events = 1 + (pick(c, 8) ? pick(c, 3) : pick(c, CHANCE_EVENTS));
    for (unsigned i = 0; i < events; i++) {
        unsigned what = pick(c, 12);
        if (what < 8)
            chance_body(c, d);
        else if (what < 11)
            chance_control(c, d);
        else if (pick(c, 6))
            chance_key_event(c, d);
        else
            chance_service_event(c, d);
    }
    for (unsigned i = pick(c, 4) ? 0 : pick(c, 3); i > 0; i--) {
        struct ate_id id = pick_id(c);
        const struct model_object *o = model_find(&c->w->m, &id);
        struct ate_hash hash =
            o && o->live && pick(c, 4) ? o->body : (struct ate_hash){{'a' + (uint8_t)pick(c, 3)}};
        draft_require(d, (uint8_t)(1 + pick(c, 3)), id, &hash);
    }
    struct ate_hash signers[] = {c->w->root->fingerprint,
                                 c->keys[0]->fingerprint,
                                 c->keys[1]->fingerprint,
                                 c->keys[2]->fingerprint,
                                 who(3),
                                 who(4)};
    unsigned set = pick(c, 3) ? 63 : pick(c, 64);
    for (unsigned i = 0; i < ATE__COUNT_OF(signers); i++)
        if (set >> i & 1 &&
            (i == 0 || !ate__trust_is_revoked(c->w->t, &signers[i]) || pick(c, 16) == 0))
            draft_sign(d, signers[i]);
    if (pick(c, 30) == 0)
        d->base_size -= pick(c, 60) % (d->base_size + 1);
    d->base_root = model_root(d->base_size);
    if (pick(c, 60) == 0)
        d->base_root.b[0] ^= 1;
    if (pick(c, 60) == 0)
        d->chain_id.b[0] ^= 1;
    return d;
}
