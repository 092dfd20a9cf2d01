/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * source.h: the bytes of a value: from an argument, a file or stdin, of any size, read in pieces.
 */
#pragma once
#include "base/buf.h"
#include "base/compiler.h"
#include <stdbool.h>

struct source {
    int fd;                  /* -1: all of it is in `text` */
    bool owned;              /* fd is closed with it */
    struct ate_bytes text;   /* of an argument: what is left of it */
    const char *name;        /* of the file, for sentences */
};
/* value NULL or "-": stdin; "@FILE": the file; else the value itself. Errors: NOT_FOUND, MISUSE: a
 * directory; E_*. */
int source_open(const char *value, struct source *ret) ATE__CHECK;
void source_close(struct source *s);
/* Fills `to` with up to size bytes; fewer only at the end. E_IO E_SYSTEM */
int source_read(struct source *s, void *to, size_t size, size_t *ret_size) ATE__CHECK;
