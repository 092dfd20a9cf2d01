/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * draft.h: a chain for the tests of trust: a root key that is real, a model of the state, and
 * drafts of transactions, which go through encoding and decoding like any other.
 *
 * Acceptance looks at claimed keys only, so other signers are invented fingerprints with signatures
 * of zeros: who(i) is the i-th of them, in ascending order.
 *
 * For unit tests and fuzz targets alike, so without a test framework: what must not fail aborts.
 */
#pragma once
#include "lib/rnd.h"
#include "lib/simenv.h"
#include "model.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/seal.h"
#include <stdio.h>

static inline void must_(bool truth, int line)
{
    if (truth)
        return;
    fprintf(stderr, "draft.h:%d: %s\n", line, ate__error_text());
    abort();
}
#define must(truth) must_(truth, __LINE__)

enum { WORLD_WINDOW = 40, DRAFT_SIGNERS = ATE__TX_SIGNATURES_MAX };

struct world_block {
    struct world_block *next;
    max_align_t data[];
};
struct world {
    struct simenv sim;
    struct ate__key *root;
    struct ate__trust *t;
    struct model m;
    struct ate__seal_env seal;
    uint64_t number;            /* of the next transaction */
    struct world_block *blocks; /* what lives as long as the world */
};

static inline void *world_alloc(struct world *w, size_t size)
{
    struct world_block *b = calloc(1, sizeof *b + size);
    must(b);
    b->next = w->blocks;
    w->blocks = b;
    return b->data;
}

static inline struct ate_id id_of(unsigned i)
{
    return (struct ate_id){
        {0xa0, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 1}};
}
static inline struct ate_hash hash_of(unsigned i)
{
    return (struct ate_hash){{0x20, (uint8_t)(i >> 8), (uint8_t)i, 0x77}};
}
/* In ascending order. */
static inline struct ate_hash who(unsigned i)
{
    struct ate_hash h;
    memset(&h, 0x11, sizeof h);
    h.b[0] = (uint8_t)(i >> 8);
    h.b[1] = (uint8_t)i;
    return h;
}

/* ---- rules ---- */

static const struct ate__rule rule_inherit = {.who = ATE__RULE_INHERIT};
static const struct ate__rule rule_everyone = {.who = ATE__RULE_EVERYONE};
static const struct ate__rule rule_nobody = {.who = ATE__RULE_NOBODY};

/* Any of these; sorted. */
static inline struct ate__rule rule_of(struct world *w, const struct ate_hash *keys, uint32_t count)
{
    struct ate_hash *sorted = world_alloc(w, count * sizeof *sorted);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at && memcmp(&keys[i], &sorted[at - 1], sizeof *sorted) < 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = keys[i];
    }
    return (struct ate__rule){ATE__RULE_ANY_OF, count, sorted[0].b};
}
static inline struct ate__rule rule_who(struct world *w, unsigned i)
{
    struct ate_hash key = who(i);
    return rule_of(w, &key, 1);
}
static inline struct ate__auth auth_of(struct ate__rule read, struct ate__rule write,
                                       struct ate__rule append, struct ate__rule admin)
{
    return (struct ate__auth){{read, write, append, admin}};
}
static inline struct ate__auth auth_write(struct ate__rule write)
{
    return auth_of(rule_inherit, write, rule_inherit, rule_inherit);
}

/* ---- drafts ---- */

struct draft {
    struct ate__event_in *events;
    struct ate__precondition *preconditions;
    uint32_t event_count, event_capacity, precondition_count, precondition_capacity;
    struct ate_hash signers[DRAFT_SIGNERS];
    uint32_t signer_count;
    struct ate_hash chain_id, base_root;
    uint64_t base_size;
    struct ate__txn_id id;
    struct ate__buf encoded;
    struct ate__tx tx;
};

/* On the newest base, by an origin of the world's own. */
static inline struct draft *draft_new(struct world *w)
{
    struct draft *d = calloc(1, sizeof *d);
    must(d);
    if (w->t)
        d->chain_id = *ate__trust_chain_id(w->t);
    d->base_size = w->m.size;
    d->base_root = model_root(w->m.size);
    memset(d->id.origin, 0x0f, sizeof d->id.origin);
    d->id.number = w->number++;
    return d;
}

static inline void draft_free(struct draft *d)
{
    for (uint32_t i = 0; i < d->event_count; i++) {
        free((void *)(uintptr_t)d->events[i].header.data);
        free((void *)(uintptr_t)d->events[i].payload.data);
    }
    free(d->events);
    free(d->preconditions);
    ate__tx_deinit(&d->tx);
    ate__buf_deinit(&d->encoded);
    free(d);
}

static inline struct ate_bytes copy_bytes(struct ate_bytes bytes)
{
    void *copy = malloc(bytes.size ? bytes.size : 1);
    must(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return ate__bytes(copy, bytes.size);
}

/* The header is copied and released. */
static inline void draft_event(struct draft *d, uint8_t form, struct ate__buf *take_header,
                               struct ate_bytes payload)
{
    static const uint8_t salt[16];
    if (d->event_count == d->event_capacity) {
        d->event_capacity = d->event_capacity ? d->event_capacity * 2 : 8;
        d->events = realloc(d->events, d->event_capacity * sizeof *d->events);
        must(d->events);
    }
    d->events[d->event_count++] = (struct ate__event_in){
        .form = form,
        .header = copy_bytes(ate__buf_bytes(take_header)),
        .salt = ate__bytes(salt, form == ATE__CLEAR ? sizeof salt : 0),
        .payload = form == ATE__BARE ? ate__bytes(NULL, 0) : copy_bytes(payload),
    };
    ate__buf_deinit(take_header);
}

struct body {
    struct ate_id id, parent;
    uint32_t collection;
    const struct ate_hash *prev;
    const char *tag, *tag2; /* up to 16 characters, padded with zeros */
    const struct ate__conf_item *conf;
    unsigned sealed_to; /* SEALED to the epoch with data key hash_of(it); 0: none */
    const char *payload; /* NULL: none, unless encrypted */
};

static inline void draft_body(struct draft *d, const struct body *b)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t tags[2 * ATE__NAME_TAG] = {0};
    static const uint8_t sealed[ATE__XWING_ENC + 48];
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&b->id, sizeof b->id));
    if (b->prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(b->prev, sizeof *b->prev));
    ate__header_parent(&w, &b->parent, b->collection);
    if (b->tag) {
        memcpy(tags, b->tag, strnlen(b->tag, ATE__NAME_TAG));
        if (b->tag2)
            memcpy(tags + ATE__NAME_TAG, b->tag2, strnlen(b->tag2, ATE__NAME_TAG));
        ate__header_item(&w, ATE__TAG_TAG, ate__bytes(tags, ATE__NAME_TAG * (b->tag2 ? 2u : 1u)));
    }
    if (b->conf)
        ate__header_conf(&w, b->conf);
    if (b->sealed_to)
        ate__header_sealed(&w, &(struct ate__sealed_item){hash_of(b->sealed_to),
                                                          ate__bytes(sealed, sizeof sealed)});
    must(!ate__header_end(&w));
    uint8_t form = b->conf ? ATE__CIPHER : b->payload ? ATE__CLEAR : ATE__BARE;
    draft_event(d, form, &header,
                ate__text_bytes(b->payload ? b->payload : "twenty bytes of it.."));
}

static inline void draft_create(struct draft *d, struct ate_id id, struct ate_id parent)
{
    draft_body(d, &(struct body){.id = id, .parent = parent});
}

static inline void draft_tombstone(struct draft *d, struct ate_id id, struct ate_hash prev,
                                   bool subtree)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t flag = subtree;
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&prev, sizeof prev));
    ate__header_item(&w, ATE__TAG_TOMBSTONE, ate__bytes(&flag, 1));
    must(!ate__header_end(&w));
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

/* A control event. Where epoch_id is not 0, EPOCH of data key hash_of(epoch_id), RECIPIENTS of the
 * keys of the read rule or of `recipients`, NAMEKEY under it, and LINK where epoch is not 0. */
struct control {
    struct ate_id id;
    const struct ate_hash *prev;
    struct ate__auth auth;
    unsigned epoch_id;
    uint64_t epoch;
    const struct ate__rule *recipients;
    bool no_name_key, no_link, no_epoch, clear_name_key;
    unsigned name_key_id;       /* 0: epoch_id */
    uint8_t seal, link, namekey; /* a byte of the bytes that are not looked into */
    bool hold;
    bool has_real_id; /* EPOCH and NAMEKEY of this data key instead */
    struct ate_hash real_id;
    struct ate_bytes published;
};

static inline void draft_epoch(struct ate__header_wr *w, const struct control *c)
{
    static uint8_t sealed[ATE__XWING_ENC + 48], seal_public[ATE__XWING_PUBLIC], link[40];
    const struct ate__rule *readers = c->recipients ? c->recipients : &c->auth.rule[0];
    struct ate__epoch_item epoch = {c->epoch, c->has_real_id ? c->real_id : hash_of(c->epoch_id),
                                    ATE__KEM_XWING, ate__bytes(seal_public, sizeof seal_public)};
    struct ate__recipient *r = calloc(readers->count + 1, sizeof *r);
    must(r);
    seal_public[0] = c->seal;
    link[0] = c->link;
    for (uint32_t i = 0; i < readers->count; i++) {
        memcpy(&r[i].fingerprint, readers->keys + 32 * (size_t)i, 32);
        r[i].method = ATE__SEALED_TO_KEM;
        r[i].sealed = ate__bytes(sealed, sizeof sealed);
    }
    ate__header_epoch(w, &epoch);
    ate__header_recipients(w, r, readers->count);
    if (c->epoch && !c->no_link)
        ate__header_item(w, ATE__TAG_LINK, ate__bytes(link, sizeof link));
    free(r);
}

static inline void draft_control(struct draft *d, const struct control *c)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t name_key[40] = {c->namekey};
    struct ate__namekey_item item = {
        !c->clear_name_key,
        c->has_real_id ? c->real_id : hash_of(c->name_key_id ? c->name_key_id : c->epoch_id),
        ate__bytes(name_key, c->clear_name_key ? 32 : 40)};
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&c->id, sizeof c->id));
    if (c->prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(c->prev, sizeof *c->prev));
    ate__header_auth(&w, &c->auth);
    if (c->epoch_id && !c->no_epoch)
        draft_epoch(&w, c);
    if (c->epoch_id && !c->no_name_key)
        ate__header_namekey(&w, &item);
    if (c->hold)
        ate__header_item(&w, ATE__TAG_HOLD, ate__bytes("\1", 1));
    if (c->published.size)
        ate__header_item(&w, ATE__TAG_PUBLISHED, c->published);
    must(!ate__header_end(&w));
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

/* An event of one item: PUBLIC_KEY, ROOT, REVOKE, GENESIS, HOME ... */
static inline void draft_item(struct draft *d, enum ate__tag tag, struct ate_bytes bytes)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_item(&w, tag, bytes);
    must(!ate__header_end(&w));
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

static inline void draft_keys(struct draft *d, enum ate__tag tag,
                              const struct ate__root_change *changes, uint32_t count)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_keys(&w, tag, changes, count);
    must(!ate__header_end(&w));
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

static inline void draft_root(struct draft *d, const struct ate__root_change *changes,
                              uint32_t count)
{
    draft_keys(d, ATE__TAG_ROOT, changes, count);
}

static inline void draft_snapshot(struct draft *d, const struct ate__snapshot_item *snapshot)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_snapshot(&w, snapshot);
    must(!ate__header_end(&w));
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

static inline void draft_reset(struct draft *d, const struct ate__reset_item *reset)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_reset(&w, reset);
    must(!ate__header_end(&w));
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
}

static inline void draft_require(struct draft *d, uint8_t kind, struct ate_id id,
                                 const struct ate_hash *hash)
{
    if (d->precondition_count == d->precondition_capacity) {
        d->precondition_capacity = d->precondition_capacity ? d->precondition_capacity * 2 : 8;
        d->preconditions =
            realloc(d->preconditions, d->precondition_capacity * sizeof *d->preconditions);
        must(d->preconditions);
    }
    d->preconditions[d->precondition_count++] =
        (struct ate__precondition){kind, id, hash ? *hash : (struct ate_hash){{0}}};
}

static inline void draft_sign(struct draft *d, struct ate_hash fingerprint)
{
    must(d->signer_count < DRAFT_SIGNERS);
    d->signers[d->signer_count++] = fingerprint;
}

/* Appends the unsigned part; gives tx_hash. */
static inline struct ate_hash draft_encode(struct draft *d)
{
    struct ate__tx_in in = {
        .chain_id = d->chain_id,
        .base_root = d->base_root,
        .id = d->id,
        .base_size = d->base_size,
        .time_us = 1609459200000000,
        .preconditions = d->preconditions,
        .precondition_count = d->precondition_count,
        .events = d->events,
        .event_count = d->event_count,
    };
    struct ate_hash hash;
    ate__buf_clear(&d->encoded);
    if (ate__tx_encode(&in, ATE__SHA256, &d->encoded, &hash))
        must(false);
    return hash;
}

static inline const struct ate__tx *draft_decode(struct draft *d)
{
    ate__tx_deinit(&d->tx);
    if (ate__tx_decode(ate__buf_bytes(&d->encoded), ATE__SHA256, &d->tx))
        must(false);
    return &d->tx;
}

/* As a transaction, with signatures of zeros. */
static inline const struct ate__tx *draft_tx(struct draft *d)
{
    static const uint8_t zeros[64];
    struct ate__signature signatures[DRAFT_SIGNERS];
    (void)draft_encode(d);
    for (uint32_t i = 0; i < d->signer_count; i++)
        signatures[i] = (struct ate__signature){.fingerprint = d->signers[i],
                                                .batch_size = 1,
                                                .bytes = ate__bytes(zeros, sizeof zeros)};
    must(!ate__tx_encode_signatures(signatures, d->signer_count, &d->encoded));
    return draft_decode(d);
}

/* The same with true signatures by these keys. t NULL: for a genesis. */
static inline const struct ate__tx *draft_tx_signed(struct draft *d, struct ate__trust *t,
                                                    struct ate__key *const *keys, uint32_t count)
{
    struct ate__signature signatures[DRAFT_SIGNERS];
    struct ate__buf bytes[DRAFT_SIGNERS] = {ATE__BUF_NULL};
    struct ate_hash hash = draft_encode(d);
    for (uint32_t i = 0; i < count; i++)
        must(!ate__trust_sign(t, keys[i], ATE__SHA256, &hash, &bytes[i], &signatures[i]));
    must(!ate__tx_encode_signatures(signatures, count, &d->encoded));
    for (uint32_t i = 0; i < count; i++)
        ate__buf_deinit(&bytes[i]);
    return draft_decode(d);
}

/* ---- the world ---- */

static inline struct ate__key *world_key(struct world *w, unsigned i)
{
    struct ate__key32 seed = {{(uint8_t)i, (uint8_t)(i >> 8), 0x5e}};
    struct ate__key *key;
    (void)w;
    must(!ate__key_of_seed(&seed, "", &key));
    return key;
}

/* What a genesis may say besides. */
struct terms {
    struct ate_bytes options, log_keys, compactor_keys;
    uint16_t strength; /* 0: 192 */
    bool centralized;
};

/* The body of a genesis with these root keys. terms: or NULL. */
static inline void world_genesis_of(struct ate__key *const *roots, uint32_t count, uint64_t window,
                                    const struct terms *terms, struct ate__buf *body)
{
    static const uint8_t algorithms[2] = {ATE__SIG_MLDSA65_ED25519, 0};
    struct ate__genesis g = {
        .format_version = ATE__FORMAT_VERSION,
        .rules_version = ATE__RULES_VERSION,
        .hash_alg = ATE__SHA256,
        .mode = ATE__DISTRIBUTED,
        .name = ate__text_bytes("/example.com/trust"),
        .root_key_count = count,
        .window = window,
        .signature_algorithms = ate__bytes(algorithms, sizeof algorithms),
        .strength_min = terms && terms->strength ? terms->strength : 192,
    };
    if (terms) {
        g.mode = terms->centralized ? ATE__CENTRALIZED : ATE__DISTRIBUTED;
        g.options = terms->options;
        g.log_keys = terms->log_keys;
        g.compactor_keys = terms->compactor_keys;
    }
    for (uint32_t i = 0; i < count; i++)
        g.root_keys[i] = ate__buf_bytes(&roots[i]->public_key);
    if (ate__genesis_encode(&g, body))
        must(false);
}
static inline void world_genesis(struct ate__key *const *roots, uint32_t count, uint64_t window,
                                 struct ate__buf *body)
{
    world_genesis_of(roots, count, window, NULL, body);
}

/* Transaction 0 with the root key's signature; top: rules of the top, or NULL. */
static inline const struct ate__tx *world_begin(struct world *w, struct draft *d,
                                                const struct ate__auth *top,
                                                const struct terms *terms)
{
    struct ate__buf body = ATE__BUF_NULL;
    world_genesis_of(&w->root, 1, WORLD_WINDOW, terms, &body);
    must(!ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &d->chain_id));
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    if (top)
        draft_control(d, &(struct control){.auth = *top});
    return draft_tx_signed(d, NULL, &w->root, 1);
}

static inline void world_init_of(struct world *w, uint64_t seed, const struct ate__auth *top,
                                 const struct terms *terms)
{
    struct ate__verdict verdict;
    *w = (struct world){.number = 0};
    simenv_init(&w->sim, seed, NULL);
    w->root = world_key(w, 1);
    model_init(&w->m);
    struct draft *d = draft_new(w);
    const struct ate__tx *tx = world_begin(w, d, top, terms);
    if (ate__trust_new(&w->sim.env, tx, &w->t) ||
        ate__accept(w->t, &w->m.facts, tx, 0, 0, &verdict) || ate__trust_verify(w->t, tx))
        must(false);
    model_take(&w->m, tx, 0);
    w->seal = (struct ate__seal_env){&w->sim.env, *ate__trust_chain_id(w->t), ATE__SHA256, 192};
    draft_free(d);
}

static inline void world_init(struct world *w, uint64_t seed, const struct ate__auth *top)
{
    world_init_of(w, seed, top, NULL);
}

static inline void world_deinit(struct world *w)
{
    model_deinit(&w->m);
    ate__trust_free(w->t);
    ate__key_free(w->root);
    simenv_deinit(&w->sim);
    while (w->blocks) {
        struct world_block *next = w->blocks->next;
        free(w->blocks);
        w->blocks = next;
    }
}
