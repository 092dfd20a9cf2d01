/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * memory_fuzz.c: ate__memory_open(): the file of a remembered head, as somebody may have left it.
 * It is refused, or remembers exactly what stands in it; it is never taken for "nothing known".
 */
#include "api/memory.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/tmpdir.h"
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_first; /* `ate-head 1` */
static char end_text[8192];
static size_t end_size;

static void add(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end_size += (size_t)vsnprintf(end_text + end_size, sizeof end_text - end_size, format, args);
    va_end(args);
}

/* What a file that says this ends with. */
static const uint8_t *end_of(const struct ate__memory *m)
{
    char text[ATE__HASH_TEXT];
    end_size = 0;
    add("\nchain %s\n", ate__hash_text(&m->chain_id, text));
    add("size %llu\n", (unsigned long long)m->size);
    add("root %s\n", ate__hash_text(&m->root, text));
    if (!is_first)
        add("time %llu\nkeys %zu\n", (unsigned long long)m->time_us, m->key_count);
    for (size_t i = 0; i < m->key_count; i++)
        add("key %s\n", ate__hash_text(&m->keys[i], text));
    if (m->reset_us)
        add("reset %llu\n", (unsigned long long)m->reset_us);
    return (const uint8_t *)end_text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *dir;
static char path[4096];

/* Finds out how the file is called. */
static void begin(void)
{
    struct ate__memory m;
    struct ate_hash hash = {{1}};
    glob_t found;
    dir = tmpdir_new();
    ate__assert(!ate__memory_open(&m, dir, "/place"));
    ate__memory_advance(&m, &hash, 7, &hash);
    ate__memory_close(&m);
    snprintf(path, sizeof path, "%s/heads/*", dir);
    ate__assert(!glob(path, 0, NULL, &found) && found.gl_pathc == 1);
    snprintf(path, sizeof path, "%s", found.gl_pathv[0]);
    globfree(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__memory m;
    if (!dir)
        begin();
    FILE *file = fopen(path, "wb");
    ate__assert(file && fwrite(data, 1, size, file) == size);
    ate__assert(!fclose(file));
    is_first = size > 9 && data[9] == '1';
    int rc = ate__memory_open(&m, dir, "/place");
    ate__assert(!rc == m.known && (!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG));
    if (!rc) {
        const uint8_t *end = end_of(&m);
        ate__assert(size >= end_size && !memcmp(data + size - end_size, end, end_size));
        ate__assert(!ate__memory_check_chain(&m, &m.chain_id));
    }
    ate__memory_close(&m);
    return 0;
}
