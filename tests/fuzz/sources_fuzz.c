/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sources_fuzz.c: ate__sources_load(), ate__source_of(). The input is the text of a peer's address,
 * a NUL, and a file `,server/sources`. What is loaded and saved loads again as the same.
 */
#include "base/assert.h"
#include "base/err.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"
#include "mesh/sources.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ate__sources_limits limits = {64, 2, 1000};
static struct simdisk *disk;
static struct simenv sim;
static struct ate__home home;
static const char path[] = "/logs/,server/sources";

static void round_trip(struct ate__sources *s)
{
    struct ate__sources again;
    s->changed = true;
    ate__assert(!ate__sources_save(s, &home));
    size_t first_size, second_size;
    uint8_t *first = simdisk_get(disk, path, &first_size);
    ate__sources_init(&again, &sim.env, &limits);
    ate__assert(!ate__sources_load(&again, &home));
    ate__assert(again.count == s->count);
    again.changed = true;
    ate__assert(!ate__sources_save(&again, &home));
    uint8_t *second = simdisk_get(disk, path, &second_size);
    ate__assert(first_size == second_size && !memcmp(first, second, first_size));
    ate__sources_deinit(&again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__sources s;
    if (!disk) {
        disk = simdisk_new(1);
        simenv_init(&sim, 1, simdisk_vfs(disk));
        ate__assert(!ate__home_open(&sim.env, "/logs", false, &home));
    }
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    size_t at = strlen(text) + 1;
    (void)ate__source_of(text);
    simdisk_put(disk, path, at < size ? data + at : data, at < size ? size - at : 0);
    ate__sources_init(&s, &sim.env, &limits);
    int rc = ate__sources_load(&s, &home);
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG || rc == ATE_BUSY);
    ate__assert(s.count <= limits.sources);
    if (!rc)
        round_trip(&s);
    ate__sources_deinit(&s);
    free(text);
    return 0;
}
