/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * names_fuzz.c: ate__name_each(), ate__name_lookup(), ate__name_set(): the file of names, as
 * somebody may have left it. A file that is refused is not changed; one that is taken holds, after
 * a name was set, what it held before, and that name.
 */
#include "api/api.h"
#include "api/names.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "lib/tmpdir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[4096];
static const char address[] = "tcp://h:5000/a";

struct counted {
    size_t count, ours;
};

static int count(void *arg, const char *name, const char *at)
{
    struct counted *c = arg;
    c->count++;
    c->ours += !strcmp(name, "fuzz");
    ate__assert(name[0] && at);
    return 0;
}

static void write_input(const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    ate__assert(file && fwrite(data, 1, size, file) == size);
    ate__assert(!fclose(file));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counted before = {0, 0}, after = {0, 0};
    struct ate__buf kept = ATE__BUF_NULL;
    char *found = NULL;
    if (!path[0]) {
        const char *dir = tmpdir_new();
        ate__assert(!setenv("XDG_CONFIG_HOME", dir, 1));
        snprintf(path, sizeof path, "%s/ate/config", dir);
        ate__assert(!ate__name_set("fuzz", address));
    }
    write_input(data, size);
    int rc = ate__name_each(count, &before);
    int set = ate__name_set("fuzz", address);
    if (rc) {
        ate__assert(rc == ATE_MALFORMED && set == rc);
        int looked = ate__name_lookup("fuzz", &found); /* it may stand before what is wrong */
        ate__assert(looked == rc || (!looked && before.ours));
        ate__assert(!ate__file_read(path, size, &kept, NULL));
        ate__assert(ate__bytes_equal(ate__buf_bytes(&kept), ate__bytes(data, size)));
    } else if (!set) {
        ate__assert(!ate__name_lookup("fuzz", &found) && !strcmp(found, address));
        ate__assert(!ate__name_each(count, &after));
        ate__assert(after.ours && after.count >= before.count - before.ours);
    }
    ate__free(found);
    ate__buf_deinit(&kept);
    return 0;
}
