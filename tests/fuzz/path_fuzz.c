/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * path_fuzz.c: path_parse(), path_name_fits(): NAME on the command line. Parts fit, and joined
 * again they are the path.
 */
#include "base/assert.h"
#include "base/err.h"
#include "bin/ate/fs.h"
#include "bin/ate/path.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct path p;
    memcpy(text, data, size);
    text[size] = 0;
    int rc = path_parse(text, &p);
    ate__assert(!rc || rc == ATE_MISUSE || rc == ATE_TOO_BIG);
    if (!rc) {
        const char *at = text;
        ate__assert(p.count <= FS_DEPTH_MAX);
        for (size_t i = 0; i < p.count; i++) {
            size_t n = strlen(p.part[i]);
            at += *at == '/';
            ate__assert(path_name_fits(ate__bytes(p.part[i], n)) && !strncmp(at, p.part[i], n));
            at += n;
        }
        ate__assert(!*at || !strcmp(at, "/"));
        path_deinit(&p);
    }
    (void)path_name_fits(ate__bytes(data, size));
    free(text);
    return 0;
}
