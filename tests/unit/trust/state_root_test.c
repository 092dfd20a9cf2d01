/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The state root: against all rows put together and sorted by hand, at every size of a history and
 * with any number of rows at a time; what changes it; what is refused.
 */
#include "world.h"
#include "crypto/log_key.h"
#include "crypto/merkle.h"
#include "lib/heap.h"
#include "state_source.h"

enum { SIZE_MAX_ = 200 };

static struct world w;
static struct source_txn txns[SIZE_MAX_];
static struct model behind[SIZE_MAX_ + 1];
static struct ate__key *compactor, *newcomer;
static uint64_t newcomer_at;
static struct ate__buf log_list, compactor_list;
static struct ate__log_key *log_key;

static void remember(const struct ate__tx *tx)
{
    txns[w.m.size - 1] = (struct source_txn){tx->id, tx->hash};
    model_copy(&w.m, &behind[w.m.size]);
}

static void did(struct draft *take_d)
{
    struct ate__verdict v;
    draft_sign(take_d, w.root->fingerprint);
    assert_int_equal(judge(&w, take_d, &v), 0);
    assert_int_equal(ate__trust_apply(w.t, &take_d->tx, w.m.size), 0);
    model_take(&w.m, &take_d->tx, w.m.size);
    remember(&take_d->tx);
    draft_free(take_d);
}

static int begin(void **state)
{
    (void)state;
    struct ate__key32 log_seed = {{3}};
    struct ate_bytes key;
    assert_int_equal(ate__log_key_of_seed(&log_seed, &log_key), 0);
    compactor = world_key(NULL, 77);
    newcomer = world_key(NULL, 78);
    key = ate__log_key_public(log_key);
    assert_int_equal(ate__genesis_key_list(&key, 1, &log_list), 0);
    key = ate__buf_bytes(&compactor->public_key);
    assert_int_equal(ate__genesis_key_list(&key, 1, &compactor_list), 0);
    struct terms terms = {.log_keys = ate__buf_bytes(&log_list),
                          .compactor_keys = ate__buf_bytes(&compactor_list)};
    world_init_of(&w, 1, NULL, &terms);
    txns[0] = (struct source_txn){{{1}, 2}, hash_of(9)};
    model_copy(&w.m, &behind[1]);
    for (unsigned i = 0; w.m.size < 90; i++) {
        struct draft *d = draft_new(&w);
        struct ate_id id = id_of(1 + i * 37 % 61);
        struct model_object *o = model_find(&w.m, &id);
        if (i == 30) {
            draft_control(d, &(struct control){.auth = auth_write(rule_inherit)});
        } else if (i == 35) {
            newcomer_at = w.m.size;
            draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&newcomer->public_key));
            draft_sign(d, newcomer->fingerprint);
        } else if (i == 40) {
            struct ate_hash gone = compactor->fingerprint;
            draft_item(d, ATE__TAG_REVOKE, ate__bytes(&gone, sizeof gone));
        } else if (o && o->live) {
            draft_tombstone(d, id, o->body, false);
        } else if (o) {
            draft_free(d);
            continue;
        } else {
            draft_create(d, id, ate__top_id);
            if (i % 3 == 0)
                draft_control(d, &(struct control){.id = id, .auth = auth_write(rule_everyone)});
        }
        did(d);
        if (i > 1000)
            break;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= w.m.size; i++)
        model_deinit(&behind[i]);
    world_deinit(&w);
    ate__key_free(compactor);
    ate__key_free(newcomer);
    ate__log_key_free(log_key);
    ate__buf_deinit(&log_list);
    ate__buf_deinit(&compactor_list);
    return 0;
}

static struct model_source source_at(uint64_t size)
{
    struct model_source s;
    model_source_init(&s, &behind[size], txns, size, WORLD_WINDOW);
    return s;
}

static struct ate_hash root_at(uint64_t size, size_t rows_max)
{
    struct model_source s = source_at(size);
    struct ate_hash root;
    s.source.arg = &s;
    assert_int_equal(ate__state_root_rows(w.t, size, &s.source, rows_max, &root), 0);
    return root;
}

/* ---- by hand ---- */

struct plain {
    uint8_t bytes[81];
    size_t size;
};
static struct plain rows[1000];
static size_t row_count;

static void put(uint8_t kind, struct ate_bytes a, struct ate_bytes b, struct ate_bytes c)
{
    struct plain *row = &rows[row_count++];
    const struct ate_bytes parts[] = {a, b, c};
    *row = (struct plain){{kind}, 1};
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < parts[i].size; k++)
            row->bytes[row->size++] = ((const uint8_t *)parts[i].data)[k];
}

static struct ate_bytes big(uint64_t v, uint8_t bytes[8])
{
    ate__store64be(bytes, v);
    return ate__bytes(bytes, 8);
}

static int compare_rows(const void *a, const void *b)
{
    const struct plain *x = a, *y = b;
    return memcmp(x->bytes, y->bytes, sizeof x->bytes);
}

static struct ate_hash plain_root(uint64_t size)
{
    static const struct ate_hash zeros;
    const struct ate_bytes none = {NULL, 0};
    struct ate_hash log, leaf, root;
    uint8_t a[8], b[8];
    uint64_t from = size > WORLD_WINDOW ? size - WORLD_WINDOW : 0;
    row_count = 0;
    for (size_t i = 0; i < behind[size].count; i++) {
        const struct model_object *o = &behind[size].objects[i];
        const struct ate_hash *control = o->control ? &o->control->hash : &zeros;
        struct ate_bytes id = ate__bytes(&o->id, 16);
        if (o->live && (i || o->control))
            put(1, id, ate__bytes(i ? &o->body : &zeros, 32), ate__bytes(control, 32));
        if (o->deleted && o->sequence >= from)
            put(6, id, big(o->sequence, a), none);
    }
    put(2, ate__bytes(&w.root->fingerprint, 32), none, none);
    assert_int_equal(ate__fingerprint(ate__log_key_public(log_key), &log), 0);
    put(3, ate__bytes(&log, 32), none, none);
    bool revoked = ate__trust_is_revoked(w.t, &compactor->fingerprint) && size > 41;
    put(revoked ? 5 : 4, ate__bytes(&compactor->fingerprint, 32), none, none);
    put(8, ate__bytes(&w.root->fingerprint, 32), big(0, a), none);
    put(8, ate__bytes(&log, 32), big(0, a), none);
    put(8, ate__bytes(&compactor->fingerprint, 32), big(0, a), none);
    if (size > newcomer_at)
        put(8, ate__bytes(&newcomer->fingerprint, 32), big(newcomer_at, a), none);
    for (uint64_t i = from; i < size; i++) {
        uint8_t id[24];
        memcpy(id, txns[i].id.origin, 16);
        memcpy(id + 16, big(txns[i].id.number, b).data, 8);
        put(7, big(i, a), ate__bytes(id, 24), ate__bytes(&txns[i].hash, 32));
    }
    qsort(rows, row_count, sizeof *rows, compare_rows);
    struct ate__frontier tree;
    ate__frontier_init(&tree);
    for (size_t i = 0; i < row_count; i++) {
        assert_int_equal(ate__leaf_hash(ate__bytes(rows[i].bytes, rows[i].size), &leaf), 0);
        assert_int_equal(ate__frontier_append(&tree, &leaf), 0);
    }
    assert_int_equal(ate__frontier_root(&tree, &root), 0);
    return root;
}

/* ---- tests ---- */

static void rows_as_the_page_has_them(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= w.m.size; size++) {
        struct ate_hash expected = plain_root(size);
        static const size_t at_once[] = {1, 2, 7, 1000};
        for (size_t i = 0; i < ATE__COUNT_OF(at_once); i++) {
            struct ate_hash root = root_at(size, at_once[i]);
            if (!ate__hash_equal(&root, &expected))
                fail_msg("size %u, %zu rows at a time", (unsigned)size, at_once[i]);
        }
    }
}

static void every_part_counts(void **state)
{
    (void)state;
    uint64_t size = w.m.size;
    struct ate_hash before = root_at(size, 100), after;
    struct model_object *o = NULL, *gone = NULL;
    for (size_t i = 1; i < behind[size].count; i++) {
        struct model_object *one = &behind[size].objects[i];
        o = one->live ? one : o;
        gone = one->deleted && one->sequence + WORLD_WINDOW >= size ? one : gone;
    }
    assert_true(o && gone);
#define CHANGED(place)                                                                             \
    do {                                                                                           \
        (place) ^= 1;                                                                              \
        after = root_at(size, 100);                                                                \
        assert_false(ate__hash_equal(&before, &after));                                            \
        (place) ^= 1;                                                                              \
    } while (0)
    CHANGED(o->id.b[3]);
    CHANGED(o->body.b[31]);
    CHANGED(gone->id.b[15]);
    CHANGED(gone->sequence);
    CHANGED(txns[size - 1].hash.b[0]);
    CHANGED(txns[size - WORLD_WINDOW].id.number);
    CHANGED(txns[size - WORLD_WINDOW].id.origin[15]);
    /* What lies before the window does not. */
    txns[size - WORLD_WINDOW - 1].hash.b[0] ^= 1;
    after = root_at(size, 100);
    assert_true(ate__hash_equal(&before, &after));
    txns[size - WORLD_WINDOW - 1].hash.b[0] ^= 1;
}

static int txn_gap(void *arg, uint64_t *at, struct ate__state_txn *ret)
{
    if (*at == 3)
        ++*at;
    return model_source_txn(arg, at, ret);
}

static int txn_short(void *arg, uint64_t *at, struct ate__state_txn *ret)
{
    return *at == 3 ? ATE_END : model_source_txn(arg, at, ret);
}

static int object_fails(void *arg, uint64_t *at, struct ate__state_object *ret)
{
    return *at >= 3 ? ATE_E_IO : model_source_object(arg, at, ret);
}

static void sources_that_are_wrong(void **state)
{
    (void)state;
    uint64_t size = w.m.size;
    struct ate_hash root, before;
    struct model_source s = source_at(size);
    memset(&root, 0x5a, sizeof root);
    before = root;
    s.source.arg = &s;
    s.source.next_txn = txn_gap;
    assert_int_equal(ate__state_root(w.t, size, &s.source, &root), ATE_TAMPERED);
    s.source.next_txn = txn_short;
    assert_int_equal(ate__state_root(w.t, size, &s.source, &root), ATE_TAMPERED);
    s.source.next_object = object_fails;
    assert_int_equal(ate__state_root(w.t, size, &s.source, &root), ATE_E_IO);
    struct model_object *o = &behind[size].objects[1];
    struct ate_id id = behind[size].objects[2].id;
    for (size_t i = 1; i < behind[size].count; i++)
        if (behind[size].objects[i].live)
            id = behind[size].objects[i].id, o = &behind[size].objects[i];
    for (size_t i = 1; i < behind[size].count; i++)
        if (behind[size].objects[i].live && &behind[size].objects[i] != o)
            behind[size].objects[i].id = id;
    for (size_t rows_max = 1; rows_max < 4; rows_max++) {
        s = source_at(size);
        s.source.arg = &s;
        assert_int_equal(ate__state_root_rows(w.t, size, &s.source, rows_max, &root), ATE_TAMPERED);
        assert_non_null(strstr(ate__error_text(), "stands in it twice"));
    }
    assert_memory_equal(&root, &before, sizeof root);
}

static int make_once(void *arg)
{
    struct model_source *s = arg;
    struct ate_hash root;
    return ate__state_root(w.t, s->size, &s->source, &root);
}

static void survives_want_of_memory(void **state)
{
    (void)state;
    struct model_source s = source_at(w.m.size);
    s.source.arg = &s;
    assert_true(heap_sweep(make_once, &s, false) > 1);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(rows_as_the_page_has_them),
        TEST(every_part_counts),
        TEST(sources_that_are_wrong),
        TEST(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
