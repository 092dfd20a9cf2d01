/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "vectors.h"
#include "help.h"
#include <stdlib.h>

json_t *vectors_open(const char *file_name)
{
    char path[4096];
    const char *root = getenv("ATE_SOURCE_ROOT");
    assert_non_null(root);
    snprintf(path, sizeof path, "%s/tests/vectors/crypto/%s", root, file_name);
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        fail_msg("cannot read %s", path);
    return json;
}

static const char *text_of(const json_t *object, const char *key, size_t *ret_size)
{
    const json_t *item = json_object_get(object, key);
    if (!json_is_string(item))
        fail_msg("no text \"%s\" in the vectors", key);
    *ret_size = json_string_length(item);
    return json_string_value(item);
}

static struct ate__buf room(size_t size)
{
    struct ate__buf buf = ATE__BUF_NULL;
    assert_int_equal(ate__buf_reserve(&buf, size + 1), 0);
    return buf;
}

struct ate__buf vector_hex(const json_t *object, const char *key)
{
    size_t size;
    const char *text = text_of(object, key, &size);
    struct ate__buf buf = room(size / 2);
    assert_int_equal(ate__hex_decode(text, size, buf.data, size / 2), 0);
    buf.size = size / 2;
    return buf;
}

/* The vectors have the standard alphabet and padding. */
struct ate__buf vector_base64(const json_t *object, const char *key)
{
    size_t size;
    const char *text = text_of(object, key, &size);
    while (size && text[size - 1] == '=')
        size--;
    struct ate__buf url = room(size), buf = room(size);
    for (size_t i = 0; i < size; i++)
        url.data[i] = (uint8_t)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    assert_int_equal(
        ate__b64_decode((const char *)url.data, size, buf.data, buf.capacity, &buf.size), 0);
    ate__buf_deinit(&url);
    return buf;
}
