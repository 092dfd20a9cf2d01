/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * err.c: results and the sentence of this thread.
 *
 * 1. The sentence is always NUL-terminated and never cut inside a UTF-8 character.
 * 2. No control character is in it: a caller that forgot to escape what came from outside does not
 *    hand it to a terminal. It stands there as '?'.
 * 3. A new sentence is made aside and then copied, for its arguments may point into the old one.
 */
#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct entry {
    int number;
    const char *name, *text;
};
/* clang-format off */
static const struct entry entries[] = {
    {0, "ATE_OK", "done"},
#define ENTRY(name, number, text) {number, "ATE_" #name, text},
    ATE_RESULTS(ENTRY)
#undef ENTRY
};
/* clang-format on */

static _Thread_local char sentence[ATE__ERROR_SIZE];

static const struct entry *entry_of(int result)
{
    for (size_t i = 0; i < ATE__COUNT_OF(entries); i++)
        if (entries[i].number == result)
            return &entries[i];
    return NULL;
}

/* Copies at most capacity - 1 bytes of text and a NUL; returns the number of bytes before it. */
static size_t copy_cut(char *to, size_t capacity, const char *text)
{
    size_t size = strnlen(text, capacity);
    if (size == capacity)
        for (size--; size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80;)
            size--;
    memcpy(to, text, size);
    to[size] = 0;
    return size;
}

/* Formats into `to`; text that does not fit is cut. */
static void format_cut(char *to, size_t capacity, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void format_cut(char *to, size_t capacity, const char *format, va_list args)
{
    char text[ATE__ERROR_SIZE + 1];
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = 0;
    copy_cut(to, capacity, text);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

int ate__fail(int result, const char *format, ...)
{
    char text[ATE__ERROR_SIZE];
    va_list args;
    va_start(args, format);
    format_cut(text, sizeof text, format, args);
    va_end(args);
    memcpy(sentence, text, sizeof sentence);
    return result;
}

int ate__context(int result, const char *format, ...)
{
    char text[ATE__ERROR_SIZE];
    if (!result)
        return 0;
    va_list args;
    va_start(args, format);
    format_cut(text, sizeof text - 2, format, args);
    va_end(args);
    size_t size = strlen(text);
    memcpy(text + size, ": ", 3);
    size += 2;
    copy_cut(text + size, sizeof text - size, sentence[0] ? sentence : ate__result_text(result));
    memcpy(sentence, text, sizeof sentence);
    return result;
}

static int result_of_errno(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT: return ATE_E_NO_SPACE;
    case ENOMEM: return ATE_E_MEMORY;
    case EIO: return ATE_E_IO;
    default: return ATE_E_SYSTEM;
    }
}

int ate__fail_errno(int error_number, const char *format, ...)
{
    /* strerror() keeps its text per thread in glibc (2.32) and in musl. The cause stands at the
     * end, so what is too long is cut before it. */
    char text[ATE__ERROR_SIZE], cause[128];
    size_t cause_size = copy_cut(cause, sizeof cause, strerror(error_number));
    va_list args;
    va_start(args, format);
    format_cut(text, sizeof text - 2 - cause_size, format, args);
    va_end(args);
    size_t size = strlen(text);
    memcpy(text + size, ": ", 2);
    memcpy(text + size + 2, cause, cause_size + 1);
    memcpy(sentence, text, sizeof sentence);
    return result_of_errno(error_number);
}

int ate__no_memory(void)
{
    return ate__fail(ATE_E_MEMORY, "out of memory");
}

const char *ate__error_text(void)
{
    return sentence;
}

void ate__error_set(const char *text)
{
    if (text != sentence)
        copy_cut(sentence, sizeof sentence, text);
}

const char *ate__result_name(int result)
{
    const struct entry *entry = entry_of(result);
    return entry ? entry->name : "ATE_?";
}

const char *ate__result_text(int result)
{
    const struct entry *entry = entry_of(result);
    return entry ? entry->text : "an unknown result";
}

int ate__result_known(int result)
{
    return entry_of(result) ? result : ATE_BAD_PEER;
}
