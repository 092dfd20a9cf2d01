/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * args.h: the words of a command line: options anywhere among the operands, until "--".
 *
 * `--name value`, `--name=value`, `-n value`, `-nvalue`, and letters without values together
 * (`-lR`). "-" is an operand. Names are never abbreviated: a script that did would break with the
 * next option.
 */
#pragma once
#include "base/compiler.h"
#include <stdbool.h>

struct ate__option {
    const char *name;  /* without "--" */
    char letter;       /* 0: none */
    int id;            /* above 0; two rows of one id are two names of one option */
    const char *value; /* what its value is called in sentences; NULL: it takes none */
};

enum { ATE__ARG_END = 0, ATE__ARG_OPERAND = -1, ATE__ARG_BAD = -2 };

struct ate__args { /* private */
    const struct ate__option *options; /* ends with a row whose id is 0 */
    char **at;
    const char *letters; /* what is left of a word of letters */
    bool ended;          /* "--" was met */
};

/* words: without the program's name, ending in NULL; borrowed, as the options are. */
void ate__args_init(struct ate__args *a, char **words, const struct ate__option *options);

/* The next option's id, with its value (NULL if it takes none), or ATE__ARG_OPERAND with the
 * operand. ATE__ARG_BAD: the sentence (base/err.h) says what is wrong with which word. Values are
 * words of the command line. */
int ate__args_next(struct ate__args *a, const char **ret_value) ATE__CHECK;

/* The candidate that the word was likely meant to be, or NULL. candidates: ends with NULL. */
const char *ate__args_nearest(const char *word, const char *const *candidates);
