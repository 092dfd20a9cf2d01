/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dio/type.h"
#include "ate/result.h"
#include "base/err.h"
#include "dio/limits.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "sample.h"
#include <pthread.h>
#include <stdlib.h>

static void test_macros(void **state)
{
    (void)state;
    const struct ate_type *type = ate_type_sample();
    assert_string_equal(type->name, "sample");
    assert_int_equal(type->size, sizeof(struct sample));
    assert_int_equal(type->field_count, 34);
    assert_int_equal(type->layout, ATE_TYPE_LAYOUT);
    static const struct {
        const char *name;
        uint32_t offset, count_offset, size;
        uint8_t kind, shape;
    } rows[] = {
        {"truth", offsetof(struct sample, truth), 0, 1, ATE_BOOL, ATE_ONE},
        {"i16", offsetof(struct sample, i16), 0, 2, ATE_INT, ATE_ONE},
        {"u64", offsetof(struct sample, u64), 0, 8, ATE_UINT, ATE_ONE},
        {"f32", offsetof(struct sample, f32), 0, 4, ATE_FLOAT, ATE_ONE},
        {"colour", offsetof(struct sample, colour), 0, 4, ATE_UINT, ATE_ONE},
        {"text", offsetof(struct sample, text), 0, 8, ATE_STRING, ATE_ONE},
        {"bytes", offsetof(struct sample, bytes), 0, 16, ATE_BYTES, ATE_ONE},
        {"id", offsetof(struct sample, id), 0, 16, ATE_ID, ATE_ONE},
        {"hash", offsetof(struct sample, hash), 0, 32, ATE_HASH, ATE_ONE},
        {"address", offsetof(struct sample, address), 0, 16, ATE_OBJECT, ATE_ONE},
        {"maybe_i64", offsetof(struct sample, maybe_i64), 0, 8, ATE_INT, ATE_MAYBE},
        {"texts", offsetof(struct sample, texts), offsetof(struct sample, text_count), 8,
         ATE_STRING, ATE_MANY},
        {"addresses", offsetof(struct sample, addresses), offsetof(struct sample, address_count),
         16, ATE_OBJECT, ATE_MANY},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        const struct ate_field *f = type->fields;
        while (strcmp(f->name, rows[i].name) != 0)
            assert_true(++f < type->fields + type->field_count);
        assert_int_equal(f->offset, rows[i].offset);
        assert_int_equal(f->count_offset, rows[i].count_offset);
        assert_int_equal(f->size, rows[i].size);
        assert_int_equal(f->kind, rows[i].kind);
        assert_int_equal(f->shape, rows[i].shape);
        assert_true((f->type != NULL) == (f->kind == ATE_OBJECT));
    }
}

static void test_schema(void **state)
{
    (void)state;
    const struct ate__schema *s = NULL, *again = NULL, *node = NULL;
    assert_int_equal(ate__schema_of(ate_type_sample(), &s), 0);
    assert_int_equal(ate__schema_of(ate_type_sample(), &again), 0);
    assert_ptr_equal(s, again);
    assert_int_equal(s->inside, 2);
    assert_int_equal(ate__schema_of(ate_type_sample_node(), &node), 0);
    const struct ate__member *m = ate__schema_find(s, ate__text_bytes("node"), 0);
    assert_non_null(m);
    assert_ptr_equal(m->schema, node);
    assert_ptr_equal(ate__schema_find(node, ate__text_bytes("kids"), 0)->schema, node);
    assert_ptr_equal(ate__schema_find(s, ate__text_bytes("node"), (uint32_t)(m - s->members)), m);
    assert_ptr_equal(ate__schema_find(s, ate__text_bytes("node"), 1000), m);
    assert_null(ate__schema_find(s, ate__text_bytes("nod"), 0));
    assert_null(ate__schema_find(s, ate__text_bytes("nodes"), 0));
    assert_null(ate__schema_find(s, ate__bytes(NULL, 0), 0));
    char text[ATE__KIND_TEXT];
    assert_string_equal(ate__field_text(m->field, text), "struct node");
    m = ate__schema_find(s, ate__text_bytes("i16s"), 0);
    assert_string_equal(ate__field_text(m->field, text), "list of int16");
    m = ate__schema_find(s, ate__text_bytes("maybe_f64"), 0);
    assert_string_equal(ate__field_text(m->field, text), "optional float64");
    m = ate__schema_find(s, ate__text_bytes("maybe_bytes"), 0);
    assert_string_equal(ate__field_text(m->field, text), "optional bytes");
    assert_int_equal(ate__schema_of(NULL, &s), ATE_MISUSE);
}

/* ---- tables that ATE_TYPE() does not make ---- */

struct thing {
    uint32_t a, b;
    const uint32_t *list;
    size_t count;
};
static const struct ate_field good_fields[] = {
    {"a", NULL, offsetof(struct thing, a), 0, 4, ATE_UINT, ATE_ONE, 0},
    {"list", NULL, offsetof(struct thing, list), offsetof(struct thing, count), 4, ATE_UINT,
     ATE_MANY, 0},
};

/* The schemas of tables on the stack are forgotten at once. */
static int judge(const struct ate_type *type)
{
    const struct ate__schema *s = NULL;
    int rc = ate__schema_of(type, &s);
    assert_true((rc == 0) == (s != NULL));
    ate__schema_forget_all();
    return rc;
}

static struct ate_type table(const struct ate_field *fields, uint32_t count)
{
    return (struct ate_type){"thing", fields, count, sizeof(struct thing), ATE_TYPE_LAYOUT, 0};
}

static void test_bad_tables(void **state)
{
    (void)state;
    struct ate_type t = table(good_fields, 2);
    assert_int_equal(judge(&t), 0);
    char long_name[ATE__FIELD_NAME_MAX + 2];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;

    t.layout = 2;
    assert_int_equal(judge(&t), ATE_UNSUPPORTED);
    t = table(good_fields, 2);
    t.flags = 1;
    assert_int_equal(judge(&t), ATE_UNSUPPORTED);
    const char *const names[] = {NULL, "", "\xff", long_name};
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        t = table(good_fields, 2);
        t.name = names[i];
        assert_int_equal(judge(&t), ATE_MISUSE);
    }
    t = table(good_fields, 0);
    assert_int_equal(judge(&t), ATE_MISUSE);
    t = table(NULL, 1);
    assert_int_equal(judge(&t), ATE_MISUSE);
    t = table(good_fields, ATE__TYPE_FIELDS_MAX + 1);
    assert_int_equal(judge(&t), ATE_TOO_BIG);
    t = table(good_fields, 2);
    t.size = ATE__TYPE_SIZE_MAX + 1;
    assert_int_equal(judge(&t), ATE_TOO_BIG);
    long_name[ATE__FIELD_NAME_MAX] = 0;
    t = table(good_fields, 2);
    t.name = long_name;
    assert_int_equal(judge(&t), 0);
}

static const struct ate_type *type_null(void)
{
    return NULL;
}

static void test_bad_fields(void **state)
{
    (void)state;
    const struct ate_field *list = &good_fields[1];
    struct {
        const char *why;
        struct ate_field field;
        int rc;
    } rows[] = {
        {"no name", {NULL, NULL, 4, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"empty name", {"", NULL, 4, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"not UTF-8", {"\xc3", NULL, 4, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"same name", {"a", NULL, 4, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"same bytes", {"b", NULL, 0, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"overlapping", {"b", NULL, 2, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"kind", {"b", NULL, 4, 0, 4, ATE_OBJECT + 1, ATE_ONE, 0}, ATE_MISUSE},
        {"shape", {"b", NULL, 4, 0, 4, ATE_UINT, ATE_MANY + 1, 0}, ATE_MISUSE},
        {"int of 3", {"b", NULL, 4, 0, 3, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"int of 16", {"b", NULL, 4, 0, 16, ATE_INT, ATE_ONE, 0}, ATE_MISUSE},
        {"bool of 4", {"b", NULL, 4, 0, 4, ATE_BOOL, ATE_ONE, 0}, ATE_MISUSE},
        {"float of 2", {"b", NULL, 4, 0, 2, ATE_FLOAT, ATE_ONE, 0}, ATE_MISUSE},
        {"id of 4", {"b", NULL, 4, 0, 4, ATE_ID, ATE_ONE, 0}, ATE_MISUSE},
        {"hash of 4", {"b", NULL, 4, 0, 4, ATE_HASH, ATE_ONE, 0}, ATE_MISUSE},
        {"string of 4", {"b", NULL, 4, 0, 4, ATE_STRING, ATE_ONE, 0}, ATE_MISUSE},
        {"bytes of 8", {"b", NULL, 8, 0, 8, ATE_BYTES, ATE_ONE, 0}, ATE_MISUSE},
        {"flags", {"b", NULL, 4, 0, 4, ATE_UINT, ATE_ONE, 1}, ATE_UNSUPPORTED},
        {"outside", {"b", NULL, 24, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"half outside", {"b", NULL, 22, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"far outside", {"b", NULL, UINT32_MAX, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"struct without table", {"b", NULL, 4, 0, 4, ATE_OBJECT, ATE_ONE, 0}, ATE_MISUSE},
        {"struct of size 0", {"b", ate_type_sample, 4, 0, 0, ATE_OBJECT, ATE_ONE, 0}, ATE_MISUSE},
        {"table without struct", {"b", ate_type_sample, 4, 0, 4, ATE_UINT, ATE_ONE, 0}, ATE_MISUSE},
        {"no table", {"b", type_null, 4, 0, 4, ATE_OBJECT, ATE_ONE, 0}, ATE_MISUSE},
        {"other size", {"b", ate_type_sample, 4, 0, 4, ATE_OBJECT, ATE_ONE, 0}, ATE_MISUSE},
        {"count outside", {"b", NULL, 8, 24, 4, ATE_UINT, ATE_MANY, 0}, ATE_MISUSE},
        {"count half outside", {"b", NULL, 8, 20, 4, ATE_UINT, ATE_MANY, 0}, ATE_MISUSE},
        {"count on itself", {"b", NULL, 8, 8, 4, ATE_UINT, ATE_MANY, 0}, ATE_MISUSE},
        {"count on another", {"b", NULL, 8, 0, 4, ATE_UINT, ATE_MANY, 0}, ATE_MISUSE},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct ate_field fields[2] = {good_fields[0], rows[i].field};
        struct ate_type t = table(fields, 2);
        int rc = judge(&t);
        if (rc != rows[i].rc)
            fail_msg("%s: %d (%s)", rows[i].why, rc, ate__error_text());
    }
    /* One count for two lists; a field that lies on a count. */
    struct ate_field fields[2] = {*list, *list};
    fields[1].name = "other";
    fields[1].offset = 0;
    struct ate_type t = table(fields, 2);
    assert_int_equal(judge(&t), ATE_MISUSE);
    fields[1] = (struct ate_field){"other", NULL, list->count_offset, 0, 4, ATE_UINT, ATE_ONE, 0};
    assert_int_equal(judge(&t), ATE_MISUSE);
}

/* ---- tables that lead to themselves, or to too many ---- */

static const struct ate_type *type_loop(void)
{
    static const struct ate_field fields[] = {
        {"self", type_loop, 0, 0, sizeof(struct thing), ATE_OBJECT, ATE_ONE, 0}};
    static const struct ate_type type = {"loop",          fields, 1, sizeof(struct thing),
                                         ATE_TYPE_LAYOUT, 0};
    return &type;
}

static struct ate_type chain_type[ATE__TYPE_REACHED_MAX + 1];
static struct ate_field chain_field[ATE__TYPE_REACHED_MAX + 1][2];
static size_t chain_at;

static const struct ate_type *type_next(void)
{
    return &chain_type[chain_at++];
}

/* A chain of tables, each an optional in (or, inside, a value of) the one before. */
static const struct ate_type *make_chain(size_t count, bool inside)
{
    memset(chain_field, 0, sizeof chain_field);
    for (size_t i = 0; i < count; i++) {
        uint32_t size = inside ? (uint32_t)(count - i) * 8 : 16;
        chain_field[i][0] = (struct ate_field){"number", NULL, 0, 0, 8, ATE_UINT, ATE_ONE, 0};
        chain_field[i][1] = (struct ate_field){"next",
                                               type_next,
                                               8,
                                               0,
                                               inside ? size - 8 : 16,
                                               ATE_OBJECT,
                                               inside ? ATE_ONE : ATE_MAYBE,
                                               0};
        chain_type[i] = (struct ate_type){"link", chain_field[i],  i + 1 < count ? 2 : 1,
                                          size,   ATE_TYPE_LAYOUT, 0};
    }
    chain_at = 1;
    return &chain_type[0];
}

static void test_nesting(void **state)
{
    (void)state;
    assert_int_equal(judge(type_loop()), ATE_TOO_BIG);
    assert_int_equal(judge(make_chain(ATE__TYPE_REACHED_MAX, false)), 0);
    assert_int_equal(judge(make_chain(ATE__TYPE_REACHED_MAX + 1, false)), ATE_TOO_BIG);
    assert_int_equal(judge(make_chain(ATE__TYPE_INSIDE_MAX, true)), 0);
    assert_int_equal(judge(make_chain(ATE__TYPE_INSIDE_MAX + 1, true)), ATE_TOO_BIG);
}

/* ---- memory and threads ---- */

static int check_and_forget(void *arg)
{
    (void)arg;
    const struct ate__schema *s;
    int rc = ate__schema_of(ate_type_sample(), &s);
    ate__schema_forget_all();
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    ate__schema_forget_all();
    assert_true(heap_sweep(check_and_forget, NULL, false) >= 3);
}

static void *ask(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        const struct ate__schema *s = NULL;
        if (ate__schema_of(ate_type_sample(), &s) || ate__schema_of(ate_type_sample_node(), &s) ||
            ate__schema_of(ate_type_sample(), &s))
            return NULL;
        *(const struct ate__schema **)arg = s;
    }
    return arg;
}

static void test_threads(void **state)
{
    (void)state;
    ate__schema_forget_all();
    pthread_t threads[4];
    const struct ate__schema *found[4] = {NULL};
    for (size_t i = 0; i < ATE__COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &found[i]), 0);
    for (size_t i = 0; i < ATE__COUNT_OF(threads); i++) {
        void *ret = NULL;
        assert_int_equal(pthread_join(threads[i], &ret), 0);
        assert_non_null(ret);
        assert_ptr_equal(found[i], found[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_macros),     cmocka_unit_test(test_schema),
        cmocka_unit_test(test_bad_tables), cmocka_unit_test(test_bad_fields),
        cmocka_unit_test(test_nesting),    cmocka_unit_test(test_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
