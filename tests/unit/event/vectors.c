/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * vectors.c: reads the files of tests/vectors/event.
 */
#include "vectors.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include <stdlib.h>

char *source_file(const char *path)
{
    const char *root = getenv("ATE_SOURCE_ROOT");
    char full[4096];
    assert_non_null(root);
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "rb");
    if (!file)
        fail_msg("cannot open %s", full);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    text[size] = 0;
    fclose(file);
    return text;
}

static void take_line(struct vectors *v, char *line, bool *open)
{
    if (!*line || *line == '#') {
        *open = *line && *open;
        return;
    }
    if (!*open) {
        v->items = realloc(v->items, (v->count + 1) * sizeof *v->items);
        assert_non_null(v->items);
        v->items[v->count++].count = 0;
        *open = true;
    }
    struct vector *one = &v->items[v->count - 1];
    char *colon = strchr(line, ':');
    assert_non_null(colon);
    assert_true(one->count < VECTOR_FIELDS);
    *colon = 0;
    one->field[one->count].key = line;
    one->field[one->count++].value = colon[1] == ' ' ? colon + 2 : colon + 1;
}

struct vectors vectors_load(const char *file_name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/vectors/event/%s", file_name);
    struct vectors v = {.text = source_file(path)};
    bool open = false;
    for (char *line = v.text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        take_line(&v, line, &open);
    }
    assert_true(v.count);
    return v;
}

void vectors_deinit(struct vectors *v)
{
    free(v->items);
    free(v->text);
}

const struct vector *vectors_find(const struct vectors *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (!strcmp(vector_text(&v->items[i], "name"), name))
            return &v->items[i];
    fail_msg("no vector %s", name);
    return NULL;
}

const char *vector_nth(const struct vector *v, const char *key, size_t n)
{
    for (size_t i = 0; i < v->count; i++)
        if (!strcmp(v->field[i].key, key) && !n--)
            return v->field[i].value;
    return NULL;
}

const char *vector_text(const struct vector *v, const char *key)
{
    const char *value = vector_nth(v, key, 0);
    if (!value)
        fail_msg("a vector without %s", key);
    return value;
}

int vector_result(const struct vector *v)
{
    const char *name = vector_text(v, "result");
    if (!strcmp(name, "OK"))
        return 0;
    for (int result = 1; result < 100; result++)
        if (!strcmp(ate__result_name(result) + 4, name))
            return result;
    fail_msg("result %s", name);
    return -1;
}

struct ate__buf vector_bytes(const char *hex)
{
    size_t size = strlen(hex) / 2;
    struct ate__buf b = {ate__alloc(size), size, size};
    assert_non_null(b.data);
    assert_int_equal(ate__hex_decode(hex, strlen(hex), b.data, size), 0);
    return b;
}

void assert_hex(const void *data, size_t size, const char *hex)
{
    struct ate__buf expected = vector_bytes(hex);
    assert_int_equal(size, expected.size);
    assert_memory_equal(data, expected.data, size);
    ate__buf_deinit(&expected);
}
