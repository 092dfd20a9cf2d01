/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tmpdir.c: temporary directories.
 */
#include "lib/tmpdir.h"
#include "lib/check.h"
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_MAX_FTW = 16 };

struct tmpdir {
    struct tmpdir *next;
    char *path;
    pid_t owner; /* a forked child leaves its parent's alone */
};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all */
static struct tmpdir *all;

/* A directory that the test made unreadable must go too. */
static int open_up(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)where;
    if (type == FTW_D || type == FTW_DNR)
        (void)!chmod(path, about->st_mode | 0700);
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    (void)!remove(path);
    return 0;
}

static void remove_all(void)
{
    while (all) {
        struct tmpdir *dir = all;
        all = dir->next;
        if (dir->owner == getpid()) {
            nftw(dir->path, open_up, OPEN_MAX_FTW, FTW_PHYS);
            nftw(dir->path, remove_one, OPEN_MAX_FTW, FTW_PHYS | FTW_DEPTH);
        }
        free(dir->path);
        free(dir);
    }
}

const char *tmpdir_new(void)
{
    const char *below = getenv("TMPDIR");
    struct tmpdir *dir = calloc(1, sizeof *dir);
    if (!dir || asprintf(&dir->path, "%s/ate-test-XXXXXX", below && *below ? below : "/tmp") < 0 ||
        !mkdtemp(dir->path))
        fail_msg("cannot make a temporary directory");
    dir->owner = getpid();
    pthread_mutex_lock(&mutex);
    static bool registered;
    if (!registered)
        atexit(remove_all);
    registered = true;
    dir->next = all;
    all = dir;
    pthread_mutex_unlock(&mutex);
    return dir->path;
}
