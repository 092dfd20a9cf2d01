/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "past.h"
#include "base/alloc.h"
#include "trust/facts.h"
#include "trust/seal.h"
#include <stdlib.h>

static struct ate__key *keys[PAST_KEYS];

/* ---- history ---- */

static void make_keys(void)
{
    for (int i = 0; i < PAST_KEYS; i++) {
        struct ate__key32 seed = {{(uint8_t)(1 + i), 7}};
        if (!keys[i])
            must(ate__key_of_seed(&seed, "", &keys[i]));
    }
}

void past_keys_free(void)
{
    for (int i = 0; i < PAST_KEYS; i++) {
        ate__key_free(keys[i]);
        keys[i] = NULL;
    }
}

int past_end(void **state)
{
    (void)state;
    past_keys_free();
    return 0;
}

uint64_t past_add(struct past *p, struct ate_bytes record)
{
    uint64_t n = p->size++;
    assert_true(n < PAST_MAX);
    must(ate__buf_append(&p->record[n], record));
    must(ate__tx_decode(ate__buf_bytes(&p->record[n]), ATE__SHA256, &p->tx[n]));
    p->time_us[n] = 1000000 + n * 10;
    must(ate__tx_leaf(&p->tx[n], ATE__SHA256, n, p->time_us[n], &p->leaf[n]));
    return n;
}

static const uint8_t usual[2] = {ATE__SIG_MLDSA65_ED25519, 0};
static const struct past_terms usual_terms = {192, {usual, sizeof usual}, false};

/* archive NULL: none is made. */
static void make_genesis(struct past *p, const struct past_terms *terms, const uint64_t *archive,
                         struct ate__buf *body)
{
    struct ate__buf options = ATE__BUF_NULL, compactors = ATE__BUF_NULL, log_keys = ATE__BUF_NULL;
    struct ate__log_key *log_key;
    struct ate_bytes bob = ate__buf_bytes(&keys[BOB]->public_key);
    struct ate__genesis g = {
        .format_version = ATE__FORMAT_VERSION,
        .rules_version = ATE__RULES_VERSION,
        .hash_alg = ATE__SHA256,
        .mode = p->centralized ? ATE__CENTRALIZED : ATE__DISTRIBUTED,
        .name = ate__text_bytes("/past"),
        .random = {1, 2, 3},
        .root_key_count = 1,
        .window = 100,
        .signature_algorithms = terms->algorithms,
        .strength_min = terms->strength,
    };
    g.root_keys[0] = ate__buf_bytes(&p->key[ROOT]->public_key);
    if (archive) {
        must(ate__genesis_worm(*archive, &options));
        must(ate__genesis_key_list(&bob, 1, &compactors));
        g.options = ate__buf_bytes(&options);
        g.compactor_keys = ate__buf_bytes(&compactors);
    }
    if (p->centralized) {
        must(ate__log_key_of_seed(&keys[BOB]->seed, &log_key));
        struct ate_bytes log_public = ate__log_key_public(log_key);
        must(ate__genesis_key_list(&log_public, 1, &log_keys));
        g.log_keys = ate__buf_bytes(&log_keys);
        ate__log_key_free(log_key);
    }
    must(ate__genesis_encode(&g, body));
    must(ate__chain_id(ATE__SHA256, ate__buf_bytes(body), &p->chain_id));
    ate__buf_deinit(&log_keys);
    ate__buf_deinit(&options);
    ate__buf_deinit(&compactors);
}

/* root NULL: that of all histories. */
static struct past *make(const struct ate__auth *top, const struct past_terms *terms,
                         struct ate__key *root, const uint64_t *archive)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct draft d;
    struct past *p = calloc(1, sizeof *p);
    assert_non_null(p);
    make_keys();
    memcpy(p->key, keys, sizeof p->key);
    if (root)
        p->key[ROOT] = root;
    p->centralized = terms->centralized;
    make_genesis(p, terms, archive, &body);
    past_begin(p, &d);
    draft_item(&d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    if (top)
        draft_control(&d, ate__top_id, NULL, top);
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    ate__buf_deinit(&body);
    return p;
}

struct past *past_new(const struct ate__auth *top)
{
    return make(top, &usual_terms, NULL, NULL);
}

struct past *past_on_terms(const struct past_terms *terms, struct ate__key *root)
{
    return make(NULL, terms, root, NULL);
}

struct past *past_centralized(const struct ate__auth *top)
{
    static const struct past_terms centralized = {192, {usual, sizeof usual}, true};
    return make(top, &centralized, NULL, NULL);
}

struct past *past_copy(const struct past *from)
{
    struct past *p = calloc(1, sizeof *p);
    assert_non_null(p);
    memcpy(p->key, from->key, sizeof p->key);
    p->chain_id = from->chain_id;
    p->number = from->number;
    p->centralized = from->centralized;
    for (uint64_t i = 0; i < from->size; i++)
        past_add(p, ate__buf_bytes(&from->record[i]));
    return p;
}

void past_free(struct past *p)
{
    for (uint64_t i = 0; i < p->size; i++) {
        ate__tx_deinit(&p->tx[i]);
        ate__buf_deinit(&p->record[i]);
    }
    free(p);
}

void past_begin(struct past *p, struct draft *ret_draft)
{
    struct ate__frontier empty;
    draft_init(ret_draft, &p->chain_id);
    ate__frontier_init(&empty);
    must(ate__frontier_root(&empty, &ret_draft->in.base_root));
    ret_draft->in.id.number = ++p->number;
    ret_draft->in.time_us = 5;
}

void past_sign(struct past *p, struct draft *d, int key)
{
    d->signer[d->signer_count++] = p->key[key];
}

uint64_t past_attest(struct past *p, struct ate_bytes unsigned_tx, const struct ate_hash *who,
                     uint32_t count)
{
    enum { NO_SIGNATURES = 5 };
    struct ate__buf record = ATE__BUF_NULL;
    must(ate__buf_append(&record, ate__bytes(unsigned_tx.data, unsigned_tx.size - NO_SIGNATURES)));
    must(ate__tx_encode_attested(who, count, &record));
    uint64_t n = past_add(p, ate__buf_bytes(&record));
    ate__buf_deinit(&record);
    return n;
}

/* Its signers are what the server says. */
static uint64_t commit_attested(struct past *p, struct draft *take_draft)
{
    struct ate_hash who[DRAFT_SIGNERS];
    uint32_t count = take_draft->signer_count;
    for (uint32_t i = 0; i < count; i++)
        who[i] = take_draft->signer[i]->fingerprint;
    take_draft->signer_count = 0;
    uint64_t n = past_attest(p, draft_encode(take_draft), who, count);
    draft_deinit(take_draft);
    return n;
}

uint64_t past_commit_plain(struct past *p, struct draft *take_draft)
{
    if (p->centralized && p->size && take_draft->signer_count)
        return commit_attested(p, take_draft);
    uint64_t n = past_add(p, draft_encode(take_draft));
    draft_deinit(take_draft);
    return n;
}

uint64_t past_commit(struct past *p, struct draft *take_draft)
{
    for (uint32_t i = 0; i < take_draft->signer_count; i++)
        if (take_draft->signer[i] != p->key[ROOT])
            draft_item(take_draft, ATE__TAG_PUBLIC_KEY,
                       ate__buf_bytes(&take_draft->signer[i]->public_key));
    return past_commit_plain(p, take_draft);
}

struct ate_hash past_print(const struct past *p, int key)
{
    return p->key[key]->fingerprint;
}

struct ate__auth past_writers(struct past *p, struct draft *d, int one, int other)
{
    struct ate_hash prints[2] = {past_print(p, one), past_print(p, other)};
    return (struct ate__auth){.rule[ATE__RIGHT_WRITE] =
                                  draft_rule(d, prints, one == other ? 1 : 2)};
}

/* The newest event of a kind about an object, below size; NULL: none. */
static const struct ate__event *newest(const struct past *p, uint64_t size, uint8_t kind,
                                       const struct ate_id *id, uint64_t *ret_sequence,
                                       uint32_t *ret_event)
{
    for (uint64_t n = size; n--;)
        for (uint32_t i = p->tx[n].event_count; i--;) {
            const struct ate__event *e = &p->tx[n].events[i];
            if (e->kind == kind && ate__id_equal(&e->header.object, id)) {
                *ret_sequence = n;
                *ret_event = i;
                return e;
            }
        }
    return NULL;
}

struct ate_hash past_body_hash(const struct past *p, struct ate_id id)
{
    uint64_t sequence;
    uint32_t event;
    const struct ate__event *e = newest(p, p->size, ATE__EVENT_BODY, &id, &sequence, &event);
    assert_non_null(e);
    return e->hash;
}

struct ate_hash past_control_hash(const struct past *p, struct ate_id id)
{
    uint64_t sequence;
    uint32_t event;
    const struct ate__event *e = newest(p, p->size, ATE__EVENT_CONTROL, &id, &sequence, &event);
    assert_non_null(e);
    return e->hash;
}

uint8_t *past_tag(struct ate_id parent, const char *name, uint8_t tag[ATE__NAME_TAG])
{
    must(ate__name_tag_open(ATE__SHA256, &(struct ate_place){.parent = parent},
                            ate__text_bytes(name), tag));
    return tag;
}

static uint64_t put(struct past *p, int key, unsigned id, unsigned parent, const char *name,
                    const char *payload, const struct ate_hash *prev)
{
    struct draft d;
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(id),
                                        .parent = id_of(parent),
                                        .prev = prev,
                                        .name = name,
                                        .payload = payload ? ate__text_bytes(payload)
                                                           : (struct ate_bytes){0}});
    if (key >= 0)
        past_sign(p, &d, key);
    return past_commit(p, &d);
}

uint64_t past_create(struct past *p, int key, unsigned id, unsigned parent, const char *name,
                     const char *payload)
{
    return put(p, key, id, parent, name, payload, NULL);
}

uint64_t past_change(struct past *p, int key, unsigned id, unsigned parent, const char *name,
                     const char *payload)
{
    struct ate_hash prev = past_body_hash(p, id_of(id));
    return put(p, key, id, parent, name, payload, &prev);
}

uint64_t past_rule(struct past *p, int key, unsigned id, int one, int other)
{
    struct ate_id object = id_of(id);
    struct ate_hash prev = {{0}};
    uint64_t sequence;
    uint32_t event;
    struct draft d;
    const struct ate__event *e = newest(p, p->size, ATE__EVENT_CONTROL, &object, &sequence, &event);
    if (e)
        prev = e->hash;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, one, other);
    draft_control(&d, object, e ? &prev : NULL, &auth);
    if (key >= 0)
        past_sign(p, &d, key);
    return past_commit(p, &d);
}

/* ---- archives ---- */

struct past *past_archive(uint64_t retention_us)
{
    struct past *p = make(NULL, &usual_terms, NULL, &retention_us);
    struct draft d;
    past_begin(p, &d);
    struct ate__auth alices = past_writers(p, &d, ALICE, ALICE);
    draft_body(&d, &(struct draft_body){.id = id_of(1), .name = "one"});
    draft_control(&d, id_of(1), NULL, &alices);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[ALICE]->public_key));
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(2),
                                        .parent = id_of(1),
                                        .name = "two",
                                        .payload = ate__text_bytes("hers")});
    past_sign(p, &d, ALICE);
    past_commit_plain(p, &d);
    return p;
}

void past_hold(struct past *p, struct draft *ret_draft, unsigned id, int writer, bool hold)
{
    static const uint8_t on = 1;
    struct ate__buf header = ATE__BUF_NULL;
    struct ate_id object = id_of(id);
    struct ate_hash prev = past_control_hash(p, object);
    past_begin(p, ret_draft);
    struct ate__auth auth = past_writers(p, ret_draft, writer, writer);
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&object, sizeof object));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&prev, sizeof prev));
    ate__header_auth(&w, &auth);
    if (hold)
        ate__header_item(&w, ATE__TAG_HOLD, ate__bytes(&on, sizeof on));
    must(ate__header_end(&w));
    draft_event(ret_draft, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
}

/* ---- the tree ---- */

static int node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    const struct past *p = arg;
    struct ate__frontier f;
    ate__frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        must(ate__frontier_append(&f, &p->leaf[i]));
    return ate__frontier_root(&f, ret_hash);
}

struct ate__head past_head(struct past *p, uint64_t size)
{
    struct ate__head head = {.size = size};
    must(ate__merkle_root_at(node, p, size, &head.root));
    return head;
}

struct ate__proof past_inclusion(struct past *p, uint64_t sequence, uint64_t size)
{
    struct ate__proof proof;
    must(ate__merkle_inclusion(node, p, sequence, size, &proof));
    return proof;
}

struct ate__proof past_consistency(struct past *p, uint64_t from, uint64_t size)
{
    struct ate__proof proof;
    must(ate__merkle_consistency(node, p, from, size, &proof));
    return proof;
}

/* ---- what is shown ---- */

struct past_show *past_shown(struct past_answer *a, uint64_t sequence)
{
    uint32_t i = 0;
    while (i < a->show_count && a->show[i].sequence < sequence)
        i++;
    if (i < a->show_count && a->show[i].sequence == sequence)
        return &a->show[i];
    assert_true(a->show_count < PAST_MAX);
    memmove(&a->show[i + 1], &a->show[i], (a->show_count++ - i) * sizeof a->show[0]);
    a->show[i] = (struct past_show){.sequence = sequence, .time_us = a->past->time_us[sequence]};
    return &a->show[i];
}

static void show(struct past_answer *a, uint64_t sequence, uint32_t event)
{
    if (sequence)
        past_shown(a, sequence)->keep[event] = 1;
}

static bool is_key(const struct ate__event *e, const struct ate_hash *print)
{
    struct ate__root_change change;
    struct ate_hash hash;
    if (e->kind == ATE__EVENT_PUBLIC_KEY) {
        must(ate__fingerprint(e->header.public_key, &hash));
        return ate__hash_equal(&hash, print);
    }
    for (size_t at = 0; e->kind == ATE__EVENT_ROOT && ate__root_next(e->header.root, &at, &change);)
        if (change.op == ATE__ROOT_ADD) {
            must(ate__fingerprint(change.key, &hash));
            if (ate__hash_equal(&hash, print))
                return true;
        }
    return false;
}

/* The first transaction that brought it. */
static void show_key(struct past_answer *a, const struct ate_hash *print)
{
    for (uint64_t n = 1; n < a->size; n++)
        for (uint32_t i = 0; i < a->past->tx[n].event_count; i++)
            if (is_key(&a->past->tx[n].events[i], print)) {
                show(a, n, i);
                return;
            }
}

/* What made it a root key before that transaction. */
static void show_starts(struct past_answer *a, const struct ate_hash *print, uint64_t before)
{
    for (uint64_t n = 1; n < before; n++)
        for (uint32_t i = 0; i < a->past->tx[n].event_count; i++)
            if (a->past->tx[n].events[i].kind == ATE__EVENT_ROOT &&
                is_key(&a->past->tx[n].events[i], print))
                show(a, n, i);
}

static void show_keys(struct past_answer *a)
{
    for (uint32_t before = 0; before != a->show_count;) { /* until nothing is added */
        before = a->show_count;
        for (uint32_t i = 0; i < a->show_count; i++) {
            const struct ate__tx *tx = &a->past->tx[a->show[i].sequence];
            for (uint32_t s = 0; s < tx->signature_count; s++) {
                show_key(a, &tx->signatures[s].fingerprint);
                show_starts(a, &tx->signatures[s].fingerprint, a->show[i].sequence);
            }
        }
    }
}

static void show_controls(struct past_answer *a, const struct ate_id *id)
{
    for (uint64_t n = 1; n < a->size; n++)
        for (uint32_t i = 0; i < a->past->tx[n].event_count; i++) {
            const struct ate__event *e = &a->past->tx[n].events[i];
            if (e->kind == ATE__EVENT_CONTROL && ate__id_equal(&e->header.object, id))
                show(a, n, i);
        }
}

/* Living, as far as tombstones name it. */
static bool is_live(struct past_answer *a, const struct ate_id *id)
{
    uint64_t sequence;
    uint32_t event;
    if (ate__is_top(id))
        return true;
    const struct ate__event *e = newest(a->past, a->size, ATE__EVENT_BODY, id, &sequence, &event);
    return e && !ate__header_has(&e->header, ATE__TAG_TOMBSTONE);
}

static void show_object(struct past_answer *a, struct ate_id id)
{
    for (unsigned steps = 0; steps < 2 * ATE__PARENTS_MAX; steps++) { /* also in a circle */
        uint64_t sequence;
        uint32_t event;
        show_controls(a, &id);
        if (ate__is_top(&id))
            return;
        const struct ate__event *e =
            newest(a->past, a->size, ATE__EVENT_BODY, &id, &sequence, &event);
        if (!e)
            return;
        show(a, sequence, event);
        id = e->header.parent;
    }
}

static void add_object(struct past_answer *a, const struct ate_id *id)
{
    bool live = is_live(a, id);
    a->object[a->object_count] = *id;
    a->live[a->object_count++] = live;
    if (live)
        show_object(a, *id);
}

static const struct ate_id *parent_of(const struct ate__msg_get *get)
{
    return get->kind == ATE__GET_CHILDREN ? &get->listing.parent : &get->parent;
}

/* Objects in the order of their first bodies: whether this event is the current body of a child. */
static bool is_child(struct past_answer *a, const struct ate__event *e)
{
    uint64_t sequence;
    uint32_t event;
    if (e->kind != ATE__EVENT_BODY || ate__header_has(&e->header, ATE__TAG_TOMBSTONE))
        return false;
    return newest(a->past, a->size, ATE__EVENT_BODY, &e->header.object, &sequence, &event) == e &&
           ate__id_equal(&e->header.parent, parent_of(a->get));
}

static bool wants(const struct past_answer *a, const struct ate__event *e)
{
    const struct ate__header *h = &e->header;
    if (a->get->kind == ATE__GET_CHILDREN)
        return true;
    for (unsigned i = 0; i < h->tag_count; i++)
        for (unsigned t = 0; t < a->get->tag_count; t++)
            if (!memcmp(h->tags + (size_t)i * ATE__NAME_TAG,
                        a->get->tags + (size_t)t * ATE__NAME_TAG, ATE__NAME_TAG))
                return true;
    return false;
}

/* The cursor counts events of the whole history. */
static void add_children(struct past_answer *a, uint32_t most)
{
    uint64_t at = 0;
    for (uint64_t n = 0; n < a->size; n++)
        for (uint32_t i = 0; i < a->past->tx[n].event_count; i++) {
            const struct ate__event *e = &a->past->tx[n].events[i];
            if (at++ < a->get->cursor || !is_child(a, e) || !wants(a, e))
                continue;
            if (a->object_count == most) {
                a->cursor = at - 1;
                return;
            }
            add_object(a, &e->header.object);
        }
}

static void show_services(struct past_answer *a)
{
    for (uint64_t n = 1; n < a->size; n++)
        for (uint32_t i = 0; i < a->past->tx[n].event_count; i++)
            if (a->past->tx[n].events[i].kind == ATE__EVENT_CHAIN ||
                a->past->tx[n].events[i].kind == ATE__EVENT_REVOKE)
                show(a, n, i);
}

void past_answer_get(struct past *p, const struct ate__msg_get *get, uint64_t size,
                     struct past_answer *a)
{
    memset(a, 0, sizeof *a);
    a->past = p;
    a->get = get;
    a->size = size;
    for (uint32_t i = 0; get->kind == ATE__GET_OBJECTS && i < get->id_count; i++) {
        struct ate_id id;
        memcpy(&id, get->ids + i * sizeof id, sizeof id);
        add_object(a, &id);
    }
    if (get->kind == ATE__GET_NAME || get->kind == ATE__GET_CHILDREN) {
        add_children(a, get->kind == ATE__GET_NAME ? 1 : 3);
        if (get->kind == ATE__GET_NAME)
            a->cursor = 0;
        if (is_live(a, parent_of(get)))
            show_object(a, *parent_of(get));
    }
    if (get->kind == ATE__GET_LOG_KEYS)
        show_services(a);
    show_keys(a);
}

void past_answer_free(struct past_answer *a)
{
    for (uint32_t i = 0; i < a->show_count; i++)
        ate__buf_deinit(&a->show[i].forged);
    a->show_count = 0;
}

static bool keep(void *arg, uint32_t event)
{
    const struct past_show *s = arg;
    return s->keep[event];
}

static void encode_show(struct past_answer *a, struct past_show *s, struct ate__wr *w)
{
    struct ate__buf record = ATE__BUF_NULL;
    struct ate__shown_tx shown = {.sequence = s->sequence, .root_time_us = s->time_us};
    bool payload = !(a->get->flags & ATE__GET_NO_PAYLOAD);
    must(ate__tx_reduce(&a->past->tx[s->sequence], keep, s,
                        payload ? UINT64_MAX : ATE__GET_PAYLOAD_MAX, &record));
    shown.inclusion = past_inclusion(a->past, s->sequence, a->size);
    shown.record = ate__buf_bytes(s->forged.size ? &s->forged : &record);
    ate__msg_got_add(w, &shown);
    ate__buf_deinit(&record);
}

void past_answer_encode(struct past_answer *a, uint32_t request, uint64_t known_size,
                        struct ate__buf *buf)
{
    struct ate__buf objects = ATE__BUF_NULL, txs = ATE__BUF_NULL;
    struct ate__wr ow = ate__wr_of(&objects), tw = ate__wr_of(&txs), w = ate__wr_of(buf);
    struct ate__msg_got m = {.request = request, .known_size = known_size, .cursor = a->cursor};
    m.head = past_head(a->past, a->size);
    if (known_size <= a->size)
        m.consistency = past_consistency(a->past, known_size, a->size);
    for (uint32_t i = 0; i < a->object_count; i++) {
        ate__wr_id(&ow, &a->object[i]);
        ate__wr_u8(&ow, a->live[i]);
    }
    for (uint32_t i = 0; i < a->show_count; i++)
        if (!a->show[i].hidden) {
            encode_show(a, &a->show[i], &tw);
            m.tx_count++;
        }
    m.object_count = a->object_count;
    m.objects = objects.data;
    m.txs = ate__buf_bytes(&txs);
    ate__msg_got_encode(&w, &m);
    must(ate__wr_end(&w));
    ate__buf_deinit(&objects);
    ate__buf_deinit(&txs);
}
