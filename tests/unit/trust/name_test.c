/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Names: their form, their tags against vectors made without this library, the keys behind private
 * tags.
 */
#include "scopes.h"
#include "vectors.h"

static char *vectors;

static int begin(void **state)
{
    (void)state;
    vectors = source_file("tests/vectors/trust/seal.txt");
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(vectors);
    return 0;
}

static void names(void **state)
{
    (void)state;
    char longest[ATE__NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    static const struct {
        const char *bytes;
        size_t size;
        int result;
    } rows[] = {
        {"a", 1, 0},
        {"notes.txt", 9, 0},
        {"...", 3, 0},
        {".a", 2, 0},
        {"\xff\xfe", 2, 0}, /* bytes, whatever they mean */
        {" ", 1, 0},
        {"\n", 1, 0},
        {"", 0, ATE_MALFORMED},
        {".", 1, ATE_MALFORMED},
        {"..", 2, ATE_MALFORMED},
        {"a/b", 3, ATE_MALFORMED},
        {"/", 1, ATE_MALFORMED},
        {"a\0b", 3, ATE_MALFORMED},
        {"a\0", 2, ATE_MALFORMED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++)
        assert_int_equal(ate__name_check(ate__bytes(rows[i].bytes, rows[i].size)), rows[i].result);
    assert_int_equal(ate__name_check(ate__bytes(longest, ATE__NAME_MAX)), 0);
    assert_int_equal(ate__name_check(ate__bytes(longest, ATE__NAME_MAX + 1)), ATE_MALFORMED);
}

static void tags_as_the_vectors_say(void **state)
{
    (void)state;
    static const char *const records[] = {"name tags of notes", "name tags of 255 bytes"};
    struct ate__key32 name_key;
    VECTOR(vectors, "NAMEKEY", "name key", name_key);
    for (size_t i = 0; i < ATE__COUNT_OF(records); i++) {
        struct ate_id parent;
        uint8_t bytes[ATE__NAME_MAX], expected[ATE__NAME_TAG], tag[ATE__NAME_TAG];
        VECTOR(vectors, records[i], "parent", parent);
        struct ate_bytes name =
            ate__bytes(bytes, vector_get(vectors, records[i], "object name", bytes, sizeof bytes));
        VECTOR(vectors, records[i], "open", expected);
        assert_int_equal(
            ate__name_tag_open(ATE__SHA256, &(struct ate_place){.parent = parent}, name, tag), 0);
        assert_memory_equal(tag, expected, sizeof tag);
        VECTOR(vectors, records[i], "open, SHA3-256", expected);
        assert_int_equal(
            ate__name_tag_open(ATE__SHA3_256, &(struct ate_place){.parent = parent}, name, tag), 0);
        assert_memory_equal(tag, expected, sizeof tag);
        VECTOR(vectors, records[i], "open, in a collection", expected);
        assert_int_equal(ate__name_tag_open(ATE__SHA256, &(struct ate_place){parent, 7}, name, tag),
                         0);
        assert_memory_equal(tag, expected, sizeof tag);
        VECTOR(vectors, records[i], "private, in a collection", expected);
        assert_int_equal(
            ate__name_tag_private(&name_key, &(struct ate_place){parent, 7}, name, tag), 0);
        assert_memory_equal(tag, expected, sizeof tag);
        VECTOR(vectors, records[i], "private", expected);
        assert_int_equal(
            ate__name_tag_private(&name_key, &(struct ate_place){.parent = parent}, name, tag), 0);
        assert_memory_equal(tag, expected, sizeof tag);
    }
}

static void a_tag_is_bound_to_parent_name_and_key(void **state)
{
    (void)state;
    struct ate__key32 key = {{1}}, other_key = {{2}};
    struct ate_id parent = id_of(1), other_parent = id_of(2);
    uint8_t tag[ATE__NAME_TAG], other[ATE__NAME_TAG];
    struct ate_bytes name = ate__text_bytes("notes");
    assert_int_equal(ate__name_tag_private(&key, &(struct ate_place){.parent = parent}, name, tag),
                     0);
    assert_int_equal(
        ate__name_tag_private(&other_key, &(struct ate_place){.parent = parent}, name, other), 0);
    assert_memory_not_equal(tag, other, sizeof tag);
    assert_int_equal(
        ate__name_tag_private(&key, &(struct ate_place){.parent = other_parent}, name, other), 0);
    assert_memory_not_equal(tag, other, sizeof tag);
    assert_int_equal(ate__name_tag_private(&key, &(struct ate_place){.parent = parent},
                                           ate__text_bytes("note"), other),
                     0);
    assert_memory_not_equal(tag, other, sizeof tag);
    assert_int_equal(
        ate__name_tag_open(ATE__SHA256, &(struct ate_place){.parent = parent}, name, other), 0);
    assert_memory_not_equal(tag, other, sizeof tag);
}

/* ---- name keys ---- */

/* A private scope of key 1. */
struct scope {
    struct world w;
    struct ate__seal_env e;
    struct ate_session *s;
    struct ate__control *control;
};

static void scope_init(struct scope *c, const struct ate__key32 *name_key)
{
    c->w = (struct world){.number = 0};
    simenv_init(&c->w.sim, 4, NULL);
    c->e = (struct ate__seal_env){&c->w.sim.env, hash_of(1), ATE__SHA256, 192};
    c->s = session_of(1 << 1);
    struct ate__scope_plan plan = plan_of(&c->w, 1, 1 << 1, c->s);
    plan.name_key = name_key;
    c->control = carry_out(&c->e, c->s, &plan);
}

static void scope_deinit(struct scope *c)
{
    ate__control_unref(c->control);
    ate__session_unref(c->s);
    world_deinit(&c->w);
}

static void the_name_key_opens_to_readers(void **state)
{
    (void)state;
    struct ate__key32 name_key = {{9}}, opened;
    struct scope c;
    scope_init(&c, &name_key);
    struct ate_session *reader = session_of(1 << 1), *other = session_of(1 << 2);
    for (int again = 0; again < 2; again++) { /* then from what the session remembers */
        assert_int_equal(ate__name_key_open(&c.e, reader, c.control, c.control, &opened), 0);
        assert_memory_equal(&opened, &name_key, sizeof opened);
    }
    assert_int_equal(ate__name_key_open(&c.e, other, c.control, c.control, &opened), ATE_NO_KEY);
    struct ate__seal_env elsewhere = c.e;
    elsewhere.chain_id.b[0] ^= 1; /* another chain with the same ids does not get it */
    assert_int_equal(ate__name_key_open(&elsewhere, reader, c.control, c.control, &opened),
                     ATE_NO_KEY);
    ate__session_unref(reader);
    ate__session_unref(other);
    scope_deinit(&c);
}

static void a_fresh_name_key_is_random(void **state)
{
    (void)state;
    struct ate__key32 first, second;
    struct scope c;
    scope_init(&c, NULL);
    assert_int_equal(ate__name_key_open(&c.e, c.s, c.control, c.control, &first), 0);
    struct ate__scope_plan plan = plan_of(&c.w, 2, 1 << 1, c.s);
    struct ate__control *other = carry_out(&c.e, c.s, &plan);
    assert_int_equal(ate__name_key_open(&c.e, c.s, other, other, &second), 0);
    assert_memory_not_equal(&first, &second, sizeof first);
    ate__control_unref(other);
    scope_deinit(&c);
}

static void a_name_key_that_does_not_open_is_tampered(void **state)
{
    (void)state;
    struct ate__key32 opened;
    struct scope c;
    scope_init(&c, NULL);
    struct ate_session *reader = session_of(1 << 1);
    ((uint8_t *)(uintptr_t)c.control->header.namekey.bytes.data)[0] ^= 1;
    assert_int_equal(ate__name_key_open(&c.e, reader, c.control, c.control, &opened), ATE_TAMPERED);
    /* In clear it needs no key at all. */
    c.control->header.namekey.wrapped = false;
    c.control->header.namekey.bytes.size = 32;
    assert_int_equal(ate__name_key_open(&c.e, reader, c.control, NULL, &opened), 0);
    assert_memory_equal(&opened, c.control->header.namekey.bytes.data, sizeof opened);
    ate__session_unref(reader);
    scope_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(tags_as_the_vectors_say),
        cmocka_unit_test(a_tag_is_bound_to_parent_name_and_key),
        cmocka_unit_test(the_name_key_opens_to_readers),
        cmocka_unit_test(a_fresh_name_key_is_random),
        cmocka_unit_test(a_name_key_that_does_not_open_is_tampered),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
