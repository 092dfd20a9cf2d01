/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * alloc.c: all memory of the library.
 */
#include "base/alloc.h"
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROW_MIN = 8 /* items */ };

static void *c_resize(void *user, void *block, size_t size_bytes)
{
    (void)user;
    return realloc(block, size_bytes);
}

static void c_release(void *user, void *block)
{
    (void)user;
    free(block);
}

#ifdef __GLIBC__
#include <malloc.h>
static void c_trim(void)
{
    malloc_trim(0);
}
#else
static void c_trim(void)
{
}
#endif

static const struct ate__allocator c_allocator = {c_resize, c_release, NULL};
static const struct ate__allocator *current = &c_allocator;

void ate__alloc_set(const struct ate__allocator *allocator)
{
    current = allocator ? allocator : &c_allocator;
}

void *ate__resize(void *block, size_t size_bytes)
{
    if (size_bytes > PTRDIFF_MAX)
        return NULL;
    return current->resize(current->user, block, size_bytes ? size_bytes : 1);
}

void *ate__alloc(size_t size_bytes)
{
    void *block = ate__resize(NULL, size_bytes);
    if (block)
        memset(block, 0, size_bytes ? size_bytes : 1);
    return block;
}

void *ate__alloc_array(size_t count, size_t size_bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, size_bytes, &total))
        return NULL;
    return ate__alloc(total);
}

void *ate__copy(const void *data, size_t size_bytes)
{
    void *block = ate__resize(NULL, size_bytes);
    if (block && size_bytes)
        memcpy(block, data, size_bytes);
    return block;
}

char *ate__copy_text(const char *text)
{
    return ate__copy(text, strlen(text) + 1);
}

char *ate__format(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = size < 0 ? NULL : ate__resize(NULL, (size_t)size + 1);
    if (text)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

void ate__free(void *block)
{
    if (block)
        current->release(current->user, block);
}

void ate__alloc_trim(void)
{
    if (current == &c_allocator)
        c_trim();
}

int ate__grow(void *array_pointer, size_t *capacity, size_t count, size_t item_size)
{
    if (count <= *capacity)
        return 0;
    size_t wanted = *capacity + *capacity / 2, total;
    if (wanted < count)
        wanted = count;
    if (wanted < GROW_MIN)
        wanted = GROW_MIN;
    if (__builtin_mul_overflow(wanted, item_size, &total))
        return ate__no_memory();
    void *array;
    memcpy(&array, array_pointer, sizeof array);
    array = ate__resize(array, total);
    if (!array)
        return ate__no_memory();
    memcpy(array_pointer, &array, sizeof array);
    *capacity = wanted;
    return 0;
}
