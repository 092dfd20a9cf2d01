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
#include <stdio.h>
#include <string.h>

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
    int rc = ate__memory_open(&m, dir, "/place");
    ate__assert(!rc == m.known && (!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG));
    if (!rc) {
        char chain[ATE__HASH_TEXT], root[ATE__HASH_TEXT], end[256];
        snprintf(end, sizeof end, "\nchain %s\nsize %llu\nroot %s\n",
                 ate__hash_text(&m.chain_id, chain), (unsigned long long)m.size,
                 ate__hash_text(&m.root, root));
        size_t n = strlen(end);
        ate__assert(size >= n && !memcmp(data + size - n, end, n));
        ate__assert(!ate__memory_check_chain(&m, &m.chain_id));
    }
    ate__memory_close(&m);
    return 0;
}
