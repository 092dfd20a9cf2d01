/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sink.h: where the content that is read goes: stdout, a file that appears only when it is whole,
 * or memory.
 */
#pragma once
#include "base/buf.h"
#include "base/compiler.h"
#include <stdbool.h>

struct sink {
    int fd;               /* -1: stdout, or memory */
    char *temporary;      /* of a file: written here, then renamed */
    const char *path;     /* borrowed */
    bool terminal;        /* stdout is one: control characters are escaped */
    char last;            /* the last byte that was written; a newline before the first */
    struct ate__buf held; /* bytes of a character that is not whole yet; or all, of memory */
    size_t memory_max;    /* of memory; 0: it is not one */
};
void sink_stdout(struct sink *s);
void sink_memory(struct sink *s, size_t size_max); /* the content is in `held` */
/* path is replaced when all is written; a device or pipe is written to as it is. E_* MISUSE */
int sink_file(struct sink *s, const char *path) ATE__CHECK;
int sink_write(void *sink, struct ate_bytes piece) ATE__CHECK; /* as content_sink; TOO_BIG, E_* */
int sink_finish(struct sink *s) ATE__CHECK; /* all was right */
void sink_deinit(struct sink *s);           /* also of one that was not finished */
