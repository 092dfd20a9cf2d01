/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What thin clients are shown, on a chain in memory. tests/unit/mesh/server_answer_test.c has what
 * depends on sizes.
 */
#include "mesh/bundle.h"
#include "base/alloc.h"
#include "kit.h"
#include "lib/heap.h"
#include "past.h"
#include "trust/facts.h"

static const struct ate__env *const env = &ate__env_real;

struct world {
    struct kit_chain chain;
    struct ate__key *second;
    struct ate__chain *c;
    struct ate__buf headers[8];
    struct ate__event_in events[8];
    uint32_t count;
    struct ate__buf last; /* the transaction that was committed last */
    struct ate_hash control; /* event hash of the last control event */
};

static void commit(struct world *w, const struct ate__key *key)
{
    struct ate__head base;
    ate__chain_head(w->c, &base.size, &base.root);
    ate__buf_deinit(&w->last);
    w->last = kit_tx(&w->chain, &base, w->events, w->count, key);
    struct ate__offer offer = {
        .encoded = ate__buf_bytes(&w->last), .waits = true, .timeout_ms = -1};
    ate__chain_wait(w->c, &offer);
    if (offer.result)
        fail_msg("%s", offer.text);
    for (uint32_t i = 0; i < w->count; i++)
        ate__buf_deinit(&w->headers[i]);
    w->count = 0;
}

static void add_event(struct world *w, uint8_t form)
{
    static const char salt[17] = "saltsaltsaltsalt";
    w->events[w->count] =
        (struct ate__event_in){.form = form, .header = ate__buf_bytes(&w->headers[w->count])};
    if (form == ATE__CLEAR) {
        w->events[w->count].salt = ate__bytes(salt, 16);
        w->events[w->count].payload = ate__text_bytes("payload");
    }
    w->count++;
}

static void add_body(struct world *w, uint64_t id, uint64_t parent)
{
    struct ate__header_wr h = ate__header_wr_of(&w->headers[w->count]);
    struct ate_id object = kit_id(id), above = parent ? kit_id(parent) : ate__top_id;
    ate__header_item(&h, ATE__TAG_OBJECT, ate__bytes(object.b, sizeof object.b));
    ate__header_parent(&h, &above, 0);
    assert_int_equal(ate__header_end(&h), 0);
    add_event(w, ATE__CLEAR);
}

/* Who may write it: that key. */
static void add_control(struct world *w, uint64_t id, const struct ate_hash *prev,
                        const struct ate__key *writer)
{
    struct ate__header_wr h = ate__header_wr_of(&w->headers[w->count]);
    struct ate_id object = id ? kit_id(id) : ate__top_id;
    struct ate__auth auth = {.rule = {{.who = ATE__RULE_EVERYONE}}};
    auth.rule[ATE__RIGHT_WRITE] =
        (struct ate__rule){.who = ATE__RULE_ANY_OF, .count = 1, .keys = writer->fingerprint.b};
    ate__header_item(&h, ATE__TAG_OBJECT, ate__bytes(object.b, sizeof object.b));
    if (prev)
        ate__header_item(&h, ATE__TAG_PREV, ate__bytes(prev->b, sizeof prev->b));
    ate__header_auth(&h, &auth);
    assert_int_equal(ate__header_end(&h), 0);
    add_event(w, ATE__BARE);
    assert_int_equal(ate__event_hash(ATE__SHA256, &w->events[w->count - 1], &w->control), 0);
}

static void add_key(struct world *w, const struct ate__key *key)
{
    struct ate__header_wr h = ate__header_wr_of(&w->headers[w->count]);
    ate__header_item(&h, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
    assert_int_equal(ate__header_end(&h), 0);
    add_event(w, ATE__BARE);
}

/* 1: object 10, which the second key may write, and the key; 2: by it, objects 11 and 12 below 10;
 * 3: 10 has a new control event; 4: something else, and the top has one. */
static struct world world_new(void)
{
    struct world w = {.chain = kit_chain_new("/w", false)};
    struct ate__chain_conf conf = {.env = env};
    struct ate__storage *storage;
    assert_int_equal(ate__key_generate(env, "second", &w.second), 0);
    assert_int_equal(ate__storage_open_mem(env, &w.chain.id, ATE__ROLE_ROOT, &storage), 0);
    assert_int_equal(ate__chain_create(&conf, storage, ate__buf_bytes(&w.chain.genesis), &w.c), 0);
    add_body(&w, 10, 0);
    add_control(&w, 10, NULL, w.second);
    add_key(&w, w.second);
    commit(&w, w.chain.key);
    add_body(&w, 11, 10);
    add_body(&w, 12, 10);
    commit(&w, w.second);
    struct ate_hash prev = w.control;
    add_control(&w, 10, &prev, w.second);
    commit(&w, w.second);
    add_body(&w, 20, 0);
    add_control(&w, 0, NULL, w.chain.key);
    commit(&w, w.chain.key);
    return w;
}

static void world_free(struct world *w)
{
    ate__chain_close(w->c);
    ate__key_free(w->second);
    kit_chain_free(&w->chain);
    ate__buf_deinit(&w->last);
}

static int make(struct world *w, const struct ate__msg_get *get, size_t bytes_max,
                struct ate__bundle *ret)
{
    struct ate__view_snapshot s;
    struct ate__recent *recent;
    int rc = ate__view_begin(ate__chain_view(w->c), ate__monotonic_ms(env), &s);
    if (rc)
        return rc;
    rc = ate__recent_new(w->c, 4096, &recent); /* small: some are kept, some are not */
    if (!rc) {
        rc = ate__bundle_make(env, w->c, recent, &s, get, bytes_max, ret);
        ate__recent_free(recent);
    }
    ate__view_end(&s);
    return rc;
}

/* Which events of which transactions are shown: "1:b10,c10,k 2:b11". */
static void shown_text(const struct ate__bundle *b, char *text, size_t size)
{
    struct ate__shown_tx shown;
    text[0] = 0;
    for (size_t at = 0; ate__msg_got_next(ate__buf_bytes(&b->txs), &at, &shown);) {
        struct ate__tx tx;
        const char *sign = "";
        assert_int_equal(ate__tx_decode(shown.record, ATE__SHA256, &tx), 0);
        snprintf(text + strlen(text), size - strlen(text), "%s%llu:", text[0] ? " " : "",
                 (unsigned long long)shown.sequence);
        for (uint32_t i = 0; i < tx.event_count; i++) {
            const struct ate__event *e = &tx.events[i];
            if (e->form == ATE__DROPPED)
                continue;
            char kind = e->kind == ATE__EVENT_BODY      ? 'b'
                        : e->kind == ATE__EVENT_CONTROL ? 'c'
                                                        : 'k';
            snprintf(text + strlen(text), size - strlen(text), "%s%c%u", sign, kind,
                     e->header.object.b[8]);
            sign = ",";
        }
        ate__tx_deinit(&tx);
    }
}

static void check(struct world *w, const struct ate__msg_get *get, const char *expected)
{
    struct ate__bundle b;
    char text[256];
    int rc = make(w, get, 1 << 20, &b);
    assert_int_equal(rc, 0);
    shown_text(&b, text, sizeof text);
    assert_string_equal(text, expected);
    ate__bundle_deinit(&b);
}

static struct ate__msg_get of_id(const struct ate_id *id)
{
    return (struct ate__msg_get){.kind = ATE__GET_OBJECTS, .id_count = 1, .ids = id->b};
}

/* A mirror of a history that was made by hand. */
static struct ate__chain *mirror_of(struct past *p)
{
    struct ate__chain_conf conf = {.env = env};
    struct ate__storage *storage;
    struct ate__chain *c;
    must(ate__storage_open_mem(env, &p->chain_id, ATE__ROLE_MIRROR, &storage));
    must(ate__chain_open(&conf, storage, 0, &c));
    must(ate__chain_begin(c));
    for (uint64_t n = 0; n < p->size; n++) {
        struct ate_bytes record = ate__buf_bytes(&p->record[n]);
        struct ate__group_feed feed = {.first_sequence = n,
                                       .root_time_us = p->time_us[n],
                                       .records = &record,
                                       .count = 1,
                                       .head_after = past_head(p, n + 1).root};
        must(ate__chain_feed(c, &feed));
    }
    return c;
}

static void add_root(struct past *p, int signer, int added)
{
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&item);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[added]->public_key)};
    struct draft d;
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&item), (struct ate_bytes){0});
    past_sign(p, &d, signer);
    past_sign(p, &d, added);
    past_commit_plain(p, &d);
    ate__buf_deinit(&item);
}

/* Root keys whose public keys came before for another reason: what made them root keys is shown, of
 * each who signed that, too, but nothing that came after. */
static void test_late_roots(void **state)
{
    (void)state;
    struct past *p = past_new(NULL);
    struct draft d;
    struct ate_id seven = kit_id(7);
    past_begin(p, &d); /* 1 */
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[ALICE]->public_key));
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[BOB]->public_key));
    past_sign(p, &d, ROOT);
    past_sign(p, &d, ALICE);
    past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
    add_root(p, ROOT, ALICE); /* 2 */
    add_root(p, ALICE, BOB); /* 3 */
    past_begin(p, &d); /* 4 */
    draft_body(&d, &(struct draft_body){.id = seven});
    past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
    struct world w = {.c = mirror_of(p)};
    struct ate__msg_get get = of_id(&seven);
    check(&w, &get, "1:k0,k0 2:k0 3:k0 4:b7");
    ate__chain_close(w.c);
    past_free(p);
}

static void test_shown(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate_id eleven = kit_id(11), ten = kit_id(10), twenty = kit_id(20), none = kit_id(99);
    struct ate__msg_get get = of_id(&eleven);
    /* Itself, its ancestor with all control events, who signed, the top's control event. */
    check(&w, &get, "1:b10,c10,k0 2:b11 3:c10 4:c0");
    get = of_id(&ten);
    check(&w, &get, "1:b10,c10,k0 3:c10 4:c0");
    get = of_id(&twenty);
    check(&w, &get, "4:b20,c0");
    get = of_id(&ate__top_id);
    check(&w, &get, "4:c0");
    get = of_id(&none);
    check(&w, &get, "");
    get = (struct ate__msg_get){.kind = ATE__GET_CHILDREN, .listing = {.parent = ten}};
    check(&w, &get, "1:b10,c10,k0 2:b11,b12 3:c10 4:c0");
    get.listing.parent = none;
    check(&w, &get, "");
    get.listing.parent = eleven; /* has none, but is shown */
    check(&w, &get, "1:b10,c10,k0 2:b11 3:c10 4:c0");
    get.kind = ATE__GET_HEAD;
    check(&w, &get, "");
    world_free(&w);
}

static void test_too_big(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate_id ids[2] = {kit_id(20), kit_id(11)};
    struct ate__msg_get get = {.kind = ATE__GET_OBJECTS, .id_count = 2, .ids = ids[0].b};
    struct ate__bundle b;
    char text[256];
    bool one = false, two = false, none = false;
    for (size_t most = 1000; most < 60000; most += 500) {
        int rc = make(&w, &get, most, &b);
        if (rc == ATE_TOO_BIG) {
            none = true;
            assert_false(one || two);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(b.txs.size + b.objects.size <= most);
        shown_text(&b, text, sizeof text);
        one = one || b.object_count == 1;
        two = two || b.object_count == 2;
        assert_string_equal(text,
                            b.object_count == 1 ? "4:b20,c0" : "1:b10,c10,k0 2:b11 3:c10 4:b20,c0");
        ate__bundle_deinit(&b);
    }
    assert_true(none && one && two);
    world_free(&w);
}

/* Allocations of an answer that does not fit. */
static uint64_t cost_of_too_big(struct world *w, const struct ate_id *id)
{
    struct ate__msg_get get = of_id(id);
    struct ate__bundle b;
    heap_fail(0, false); /* counts from here on */
    assert_int_equal(make(w, &get, 8000, &b), ATE_TOO_BIG);
    return heap_count();
}

/* However much would belong to it: control events of an object, or objects above it. */
static void test_too_big_is_not_read_on(void **state)
{
    (void)state;
    enum { MORE = 40, ROUNDS = 3 };
    for (unsigned above = 0; above < 2; above++) {
        struct world w = world_new();
        uint64_t cost[ROUNDS], deepest = 20;
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (unsigned i = 0; i < MORE; i++) {
                struct ate_hash prev = w.control;
                if (above)
                    add_body(&w, 100 + deepest, deepest);
                else
                    add_control(&w, 0, &prev, w.chain.key);
                deepest += above ? 100 : 0;
                commit(&w, w.chain.key);
            }
            struct ate_id id = kit_id(deepest);
            cost[round] = cost_of_too_big(&w, &id);
        }
        /* What readers keep is there after the first time. */
        assert_int_equal(cost[1], cost[2]);
        world_free(&w);
    }
}

struct sweep {
    struct world *w;
    struct ate__msg_get get;
};

static int make_once(void *arg)
{
    struct sweep *s = arg;
    struct ate__bundle b;
    int rc = make(s->w, &s->get, 1 << 20, &b);
    if (!rc)
        ate__bundle_deinit(&b);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct world w = world_new();
    struct sweep s = {&w, {.kind = ATE__GET_CHILDREN, .listing = {.parent = kit_id(10)}}};
    /* What readers keep is there after the first time. */
    assert_int_equal(make_once(&s), 0);
    uint64_t n = 0;
    for (bool failed = true; failed; n++) {
        heap_fail(n + 1, false);
        int rc = make_once(&s);
        failed = heap_failed();
        heap_fail(0, false);
        assert_int_equal(rc, failed ? ATE_E_MEMORY : 0);
    }
    assert_true(n > 10);
    world_free(&w);
}

static int with_heap(void **state)
{
    (void)state;
    heap_start();
    return 0;
}

static int without_heap(void **state)
{
    (void)state;
    heap_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_late_roots),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test_setup_teardown(test_too_big_is_not_read_on, with_heap, without_heap),
        cmocka_unit_test_setup_teardown(test_memory, with_heap, without_heap),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
