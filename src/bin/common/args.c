/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/args.h"
#include "base/err.h"
#include "base/text.h"
#include <stdio.h>

enum { SHOWN = 128, NEAREST_MAX = 32, CANDIDATES_MAX = 64 };

void ate__args_init(struct ate__args *a, char **words, const struct ate__option *options)
{
    *a = (struct ate__args){.options = options, .at = words};
}

/* ---- what was meant ---- */

/* How many insertions, deletions and replacements lie between two short words. */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned row[NEAREST_MAX + 1];
    if (n > NEAREST_MAX || m > NEAREST_MAX)
        return NEAREST_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned replaced = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            unsigned one = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = replaced < one ? replaced : one;
        }
    }
    return row[m];
}

const char *ate__args_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    unsigned best_distance = 3; /* two slips at most */
    size_t size = strlen(word);
    for (; *candidates; candidates++) {
        unsigned d = distance(word, *candidates);
        bool begins = size >= 3 && !strncmp(word, *candidates, size);
        if (begins || (d < best_distance && d < size)) {
            best = *candidates;
            best_distance = begins ? 0 : d;
        }
    }
    return best;
}

/* ---- options ---- */

static int bad(const char *word, size_t size, const char *what)
{
    char shown[SHOWN];
    ate__fail(ATE_MISUSE, "%s: %s", ate__escaped(ate__bytes(word, size), shown, sizeof shown),
              what);
    return ATE__ARG_BAD;
}

static int unknown(const struct ate__args *a, const char *word, size_t size)
{
    const char *names[CANDIDATES_MAX + 1];
    char name[NEAREST_MAX + 1], what[SHOWN] = "no such option; --help lists them";
    size_t n = 0;
    for (const struct ate__option *o = a->options; o->id && n < CANDIDATES_MAX; o++)
        names[n++] = o->name;
    names[n] = NULL;
    if (size > 2 && size - 2 <= NEAREST_MAX) {
        memcpy(name, word + 2, size - 2);
        name[size - 2] = 0;
        const char *meant = ate__args_nearest(name, names);
        if (meant)
            snprintf(what, sizeof what, "no such option; did you mean --%s?", meant);
    }
    return bad(word, size, what);
}

static int long_option(struct ate__args *a, const char *word, const char **ret_value)
{
    size_t size = strcspn(word, "=");
    const char *value = word[size] ? word + size + 1 : NULL;
    for (const struct ate__option *o = a->options; o->id; o++) {
        if (strlen(o->name) != size - 2 || strncmp(o->name, word + 2, size - 2) != 0)
            continue;
        if (!o->value && value)
            return bad(word, size, "this option takes no value");
        if (o->value && !value) {
            value = *a->at;
            if (!value)
                return bad(word, size, "the value is missing");
            a->at++;
        }
        *ret_value = value;
        return o->id;
    }
    return unknown(a, word, size);
}

static int letter_option(struct ate__args *a, const char **ret_value)
{
    char letter = *a->letters++;
    const char word[2] = {'-', letter};
    const char *rest = *a->letters ? a->letters : NULL;
    for (const struct ate__option *o = a->options; o->id; o++) {
        if (!o->letter || o->letter != letter)
            continue;
        a->letters = o->value ? NULL : rest;
        *ret_value = NULL;
        if (!o->value)
            return o->id;
        if (rest || *a->at) {
            *ret_value = rest ? rest : *a->at++;
            return o->id;
        }
        return bad(word, sizeof word, "the value is missing");
    }
    return bad(word, sizeof word,
               "no such option; --help lists them; \"--\" goes before operands that begin with -");
}

int ate__args_next(struct ate__args *a, const char **ret_value)
{
    if (a->letters)
        return letter_option(a, ret_value);
    const char *word = *a->at;
    if (!word)
        return ATE__ARG_END;
    a->at++;
    if (a->ended || word[0] != '-' || !word[1]) {
        *ret_value = word;
        return ATE__ARG_OPERAND;
    }
    if (!strcmp(word, "--")) {
        a->ended = true;
        return ate__args_next(a, ret_value);
    }
    if (word[1] == '-')
        return long_option(a, word, ret_value);
    a->letters = word + 1;
    return letter_option(a, ret_value);
}
