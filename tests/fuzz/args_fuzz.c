/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * args_fuzz.c: ate__args_next(), ate__args_nearest(): the words of a command line, divided by NUL.
 * Every step takes a letter or a word, a value comes only with an option that takes one, and a
 * mistake has a sentence.
 */
#include "base/assert.h"
#include "base/err.h"
#include "bin/common/args.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ate__option options[] = {
    {"key", 'k', 1, "FILE"}, {"root", 0, 2, "KEY"},       {"root-key", 0, 2, "KEY"},
    {"long", 'l', 3, NULL},  {"recursive", 'R', 4, NULL}, {NULL, 0, 0, NULL},
};
static const char *const candidates[] = {"key", "put", "get", "verify", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), **words = calloc(size + 2, sizeof *words);
    size_t count = 0, steps = 0;
    struct ate__args a;
    memcpy(text, data, size);
    text[size] = 0;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1)
        words[count++] = text + at;
    ate__args_init(&a, words, options);
    for (;;) {
        const char *value = NULL;
        int id = ate__args_next(&a, &value);
        ate__assert(steps++ <= size + count);
        if (id == ATE__ARG_BAD)
            ate__assert(ate__error_text()[0]);
        if (id == ATE__ARG_BAD || id == ATE__ARG_END)
            break;
        ate__assert(id == ATE__ARG_OPERAND || (id >= 1 && id <= 4));
        ate__assert(!value == (id == 3 || id == 4));
        if (id == ATE__ARG_OPERAND)
            (void)ate__args_nearest(value, candidates);
    }
    free(words);
    free(text);
    return 0;
}
