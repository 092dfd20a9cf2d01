/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * replay.c: runs a fuzz target once on each file of the folders and files that it is given, in the
 * order of their names, and on no bytes at all. The last line says how many there were; none is a
 * failure, since a test of nothing must not pass.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEED_SIZE_MAX = 16 << 20, PATH_SIZE = 4096 }; /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned seeds;

/* The input has its exact size on the heap, so that a read behind it is seen. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *space = malloc(SEED_SIZE_MAX);
    size_t size = file && space ? fread(space, 1, SEED_SIZE_MAX, file) : 0;
    bool good = file && space && !ferror(file) && feof(file);
    uint8_t *exact = good ? malloc(size ? size : 1) : NULL;
    if (exact) {
        memcpy(exact, space, size);
        LLVMFuzzerTestOneInput(exact, size);
        seeds++;
    } else {
        fprintf(stderr, "replay: cannot read %s: %s\n", path, strerror(errno));
    }
    free(exact);
    free(space);
    if (file)
        fclose(file);
    return exact ? 0 : 1;
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return 1;
    }
    if (!S_ISDIR(status.st_mode))
        return run_file(path);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, no_dots, alphasort);
    int failed = count < 0;
    for (int i = 0; i < count; i++) {
        char inner[PATH_SIZE];
        int length = snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        failed |= length < 0 || (size_t)length >= sizeof inner || run_file(inner) != 0;
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run(argv[i]);
    printf("%u seeds\n", seeds);
    return failed || seeds == 0 ? 1 : 0;
}
