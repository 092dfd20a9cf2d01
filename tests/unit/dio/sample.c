/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sample.c: objects of any type at random, made and compared by walking the table.
 */
#include "sample.h"
#include "lib/check.h"
#include <math.h>
#include <stdlib.h>

void *arena_take(struct arena *a, size_t size)
{
    a->blocks = realloc(a->blocks, (a->count + 1) * sizeof *a->blocks);
    assert_non_null(a->blocks);
    void *block = calloc(1, size ? size : 1);
    assert_non_null(block);
    a->blocks[a->count++] = block;
    return block;
}

void arena_free(struct arena *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->blocks[i]);
    free(a->blocks);
    *a = (struct arena){NULL, 0};
}

static char *make_text(struct arena *a, struct rnd *r)
{
    static const char *const parts[] = {"a",
                                        "Z",
                                        "0",
                                        " ",
                                        "\"",
                                        "\\",
                                        "/",
                                        "\n",
                                        "\x01",
                                        "\x7f",
                                        "\xc3\xa4",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x99\x82"};
    size_t count = rnd_below(r, 12);
    char *text = arena_take(a, count * 4 + 1);
    for (size_t i = 0, at = 0; i < count; i++) {
        const char *part = parts[rnd_below(r, ATE__COUNT_OF(parts))];
        memcpy(text + at, part, strlen(part));
        at += strlen(part);
    }
    return text;
}

/* Numbers of any size, the limits of each width often. */
static uint64_t make_number(struct rnd *r)
{
    uint64_t v = rnd_u64(r) >> rnd_below(r, 64);
    switch (rnd_below(r, 4)) {
    case 0: return v;
    case 1: return 0 - v;
    case 2: return (UINT64_C(1) << rnd_below(r, 64)) - 1;
    default: return UINT64_MAX << rnd_below(r, 64);
    }
}

static void make_fields(struct arena *a, struct rnd *r, const struct ate_type *type, uint8_t *to,
                        unsigned depth);

static void make_value(struct arena *a, struct rnd *r, const struct ate_field *f, uint8_t *to,
                       unsigned depth)
{
    uint64_t number = make_number(r);
    float f32 = (float)(int64_t)number / 8;
    double f64 = (double)(int64_t)number / 10;
    char *text;
    struct ate_bytes bytes;
    switch ((enum ate_kind)f->kind) {
    case ATE_BOOL: *to = number & 1; break;
    case ATE_INT:
    case ATE_UINT: memcpy(to, &number, f->size); break;
    case ATE_FLOAT:
        if (rnd_below(r, 8) == 0) {
            f32 = (float)(rnd_below(r, 2) ? NAN : -INFINITY);
            f64 = (double)f32;
        } else if (rnd_below(r, 2) == 0) {
            memcpy(&f32, &number, sizeof f32);
            memcpy(&f64, &number, sizeof f64);
        }
        /* One NaN: others come back as another of them. */
        f32 = isnan(f32) ? NAN : f32;
        f64 = isnan(f64) ? (double)NAN : f64;
        memcpy(to, f->size == 4 ? (void *)&f32 : (void *)&f64, f->size);
        break;
    case ATE_STRING:
        text = rnd_below(r, 5) ? make_text(a, r) : NULL;
        memcpy(to, &text, sizeof text);
        break;
    case ATE_BYTES:
        bytes = (struct ate_bytes){NULL, 0};
        if (rnd_below(r, 5)) {
            bytes.size = rnd_below(r, 40);
            uint8_t *data = arena_take(a, bytes.size);
            rnd_bytes(r, data, bytes.size);
            bytes.data = data;
        }
        memcpy(to, &bytes, sizeof bytes);
        break;
    case ATE_ID:
    case ATE_HASH: rnd_bytes(r, to, f->size); break;
    case ATE_OBJECT: make_fields(a, r, f->type(), to, depth + 1); break;
    case ATE_VEC: /* not stored */
    case ATE_MAP:
    case ATE_CHILD: break;
    }
}

static void make_fields(struct arena *a, struct rnd *r, const struct ate_type *type, uint8_t *to,
                        unsigned depth)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct ate_field *f = &type->fields[i];
        size_t count = f->shape == ATE_MAYBE ? rnd_below(r, 2) : rnd_below(r, 4);
        if (depth > 4 && f->kind == ATE_OBJECT)
            count = 0;
        if (f->shape == ATE_ONE) {
            make_value(a, r, f, to + f->offset, depth);
            continue;
        }
        uint8_t *items = count ? arena_take(a, count * f->size) : NULL;
        for (size_t k = 0; k < count; k++)
            make_value(a, r, f, items + k * f->size, depth);
        /* An optional pointer to no text cannot be told from none. */
        const char *text = NULL;
        struct ate_bytes bytes = {NULL, 0};
        if (f->shape == ATE_MAYBE && items && f->kind == ATE_STRING)
            memcpy(&text, items, sizeof text);
        if (f->shape == ATE_MAYBE && items && f->kind == ATE_BYTES)
            memcpy(&bytes, items, sizeof bytes);
        if (f->shape == ATE_MAYBE &&
            ((f->kind == ATE_STRING && !text) || (f->kind == ATE_BYTES && !bytes.data)))
            items = NULL;
        memcpy(to + f->offset, &items, sizeof items);
        if (f->shape == ATE_MANY)
            memcpy(to + f->count_offset, &count, sizeof count);
    }
}

void *sample_make(struct arena *a, struct rnd *r, const struct ate_type *type)
{
    void *object = arena_take(a, type->size);
    make_fields(a, r, type, object, 0);
    return object;
}

static bool equal_float(const uint8_t *a, const uint8_t *b, size_t size)
{
    if (!memcmp(a, b, size))
        return true;
    float a32 = 0, b32 = 0;
    double a64 = 0, b64 = 0;
    memcpy(size == 4 ? (void *)&a32 : (void *)&a64, a, size);
    memcpy(size == 4 ? (void *)&b32 : (void *)&b64, b, size);
    return size == 4 ? isnan(a32) && isnan(b32) : isnan(a64) && isnan(b64);
}

static bool equal_value(const struct ate_field *f, const uint8_t *a, const uint8_t *b)
{
    const char *a_text, *b_text;
    struct ate_bytes a_bytes, b_bytes;
    switch ((enum ate_kind)f->kind) {
    case ATE_STRING:
        memcpy(&a_text, a, sizeof a_text);
        memcpy(&b_text, b, sizeof b_text);
        return a_text && b_text ? !strcmp(a_text, b_text) : a_text == b_text;
    case ATE_BYTES:
        memcpy(&a_bytes, a, sizeof a_bytes);
        memcpy(&b_bytes, b, sizeof b_bytes);
        return !a_bytes.data == !b_bytes.data && ate__bytes_equal(a_bytes, b_bytes);
    case ATE_FLOAT: return equal_float(a, b, f->size);
    case ATE_OBJECT: return sample_equal(f->type(), a, b);
    default: return !memcmp(a, b, f->size);
    }
}

bool sample_equal(const struct ate_type *type, const void *a, const void *b)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct ate_field *f = &type->fields[i];
        const uint8_t *a_at = (const uint8_t *)a + f->offset,
                      *b_at = (const uint8_t *)b + f->offset;
        size_t a_count = 1, b_count = 1;
        if (f->shape != ATE_ONE) {
            const uint8_t *a_items, *b_items;
            memcpy(&a_items, a_at, sizeof a_items);
            memcpy(&b_items, b_at, sizeof b_items);
            if (f->shape == ATE_MANY) {
                memcpy(&a_count, (const uint8_t *)a + f->count_offset, sizeof a_count);
                memcpy(&b_count, (const uint8_t *)b + f->count_offset, sizeof b_count);
            } else {
                a_count = a_items != NULL;
                b_count = b_items != NULL;
            }
            a_at = a_items;
            b_at = b_items;
        }
        bool equal = a_count == b_count;
        for (size_t k = 0; k < a_count && equal; k++)
            equal = equal_value(f, a_at + k * f->size, b_at + k * f->size);
        if (!equal) {
            printf("# differs: type %s, field %s\n", type->name, f->name);
            return false;
        }
    }
    return true;
}

struct ate_bytes exact_copy(struct ate_bytes bytes)
{
    uint8_t *copy = test_malloc(bytes.size ? bytes.size : 1);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return ate__bytes(copy, bytes.size);
}

struct ate_bytes arena_hex(struct arena *a, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *bytes = arena_take(a, strlen(hex));
    size_t count = 0;
    for (const char *p = hex; *p; p++) {
        const char *at = strchr(digits, *p);
        if (!at)
            continue;
        if (count % 2 == 0)
            bytes[count / 2] = (uint8_t)((at - digits) << 4);
        else
            bytes[count / 2] |= (uint8_t)(at - digits);
        count++;
    }
    assert_int_equal(count % 2, 0);
    return ate__bytes(bytes, count / 2);
}
