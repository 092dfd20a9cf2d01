/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * host_key.c: the file is written under a name of its own, synced, and linked to its name: that
 * never takes the place of one that is there.
 */
#include "api/host_key.h"
#include "api/api.h"
#include "mesh/server.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "host.key"

int ate__host_key_path(char **ret_path)
{
    const char *state = getenv("STATE_DIRECTORY");
    char *path;
    if (state && state[0] == '/')
        path = ate__format("%s/" FILE_NAME, state);
    else if (geteuid() == 0)
        path = ate__copy_text("/var/lib/atedb/" FILE_NAME);
    else
        return ate__user_path("XDG_STATE_HOME", ".local/state", FILE_NAME, ret_path);
    if (!path)
        return ate__no_memory();
    *ret_path = path;
    return 0;
}

static int fail_at(const char *path, const char *what)
{
    char shown[512];
    int error = errno;
    return ate__fail_errno(error, "host key %s: %s",
                           ate__escaped(ate__text_bytes(path), shown, sizeof shown), what);
}

static int check_mode(const char *path, const struct stat *s, mode_t others, const char *mend)
{
    char shown[512];
    bool foreign =
        s->st_uid && s->st_uid != geteuid() && geteuid(); /* root may act for a service */
    if (!foreign && !(s->st_mode & others))
        return 0;
    ate__escaped(ate__text_bytes(path), shown, sizeof shown);
    if (foreign)
        return ate__fail(ATE_DENIED, "host key: %s belongs to another user (uid %u)", shown,
                         (unsigned)s->st_uid);
    return ate__fail(ATE_DENIED,
                     "host key: others may get at %s (mode %03o); make it yours alone: chmod %s %s",
                     shown, (unsigned)s->st_mode & 0777, mend, shown);
}

/* Whoever may write there puts a key of his own in the place of this one. */
static int check_folder(const char *folder, int fd)
{
    struct stat s;
    if (fstat(fd, &s))
        return fail_at(folder, "stat");
    return check_mode(folder, &s, S_IWGRP | S_IWOTH, "go-w");
}

static int read_key(const char *path, int folder, struct ate__key32 *ret_bytes)
{
    uint8_t bytes[sizeof ret_bytes->b + 1];
    struct stat s;
    int fd = openat(folder, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "there is no host key");
    if (fd < 0)
        return fail_at(path, "open");
    int rc = fstat(fd, &s) ? fail_at(path, "stat") : check_mode(path, &s, 077, "600");
    ssize_t size = rc ? 0 : read(fd, bytes, sizeof bytes); /* of a file: at once, or not */
    if (size < 0)
        rc = fail_at(path, "read");
    close(fd);
    if (!rc && (!S_ISREG(s.st_mode) || size != sizeof ret_bytes->b))
        rc = ate__fail(ATE_MALFORMED, "host key %s: not a file of %zu bytes", path,
                       sizeof ret_bytes->b);
    if (!rc)
        memcpy(ret_bytes->b, bytes, sizeof ret_bytes->b);
    ate__wipe(bytes, sizeof bytes);
    return rc;
}

/* A new file with the bytes in it, synced. */
static int write_new(const char *path, int folder, const char *name, const struct ate__key32 *bytes)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_at(path, "create");
    ssize_t size = write(fd, bytes->b, sizeof bytes->b);
    if (size >= 0 && size != sizeof bytes->b)
        errno = ENOSPC;
    int rc = size == sizeof bytes->b && !fsync(fd) ? 0 : fail_at(path, "write");
    close(fd);
    return rc;
}

/* Whoever was faster has made the one that counts. */
static int make_key(const struct ate__env *env, const char *path, int folder)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 bytes;
    uint64_t draw = ate__random_u64(env);
    ate__cleanup(ate__freep) char *name =
        ate__format(FILE_NAME ".%016llx", (unsigned long long)draw);
    if (!name)
        return ate__no_memory();
    ate__random(env, bytes.b, sizeof bytes.b);
    int rc = write_new(path, folder, name, &bytes);
    if (!rc && linkat(folder, name, folder, FILE_NAME, 0) && errno != EEXIST)
        rc = fail_at(path, "link");
    (void)!unlinkat(folder, name, 0);
    if (!rc && fsync(folder))
        rc = fail_at(path, "sync");
    return rc;
}

static int load_in(const struct ate__env *env, const char *path, int folder, bool make,
                   struct ate__host_key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 bytes = {{0}};
    int rc = read_key(path, folder, &bytes);
    if (rc == ATE_NOT_FOUND && make) {
        rc = make_key(env, path, folder);
        if (!rc)
            rc = read_key(path, folder, &bytes);
        if (rc == ATE_NOT_FOUND)
            rc = ate__fail(ATE_E_IO, "host key %s: it is gone again", path);
    }
    return rc ? rc : ate__host_key_new(&bytes, ret_key);
}

int ate__host_key_load(const struct ate__env *env, const char *path, bool make,
                       struct ate__host_key **ret_key)
{
    ate__cleanup(ate__freep) char *folder = ate__copy_text(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (!folder)
        return ate__no_memory();
    if (!slash || strcmp(slash + 1, FILE_NAME))
        return ate__fail(ATE_MISUSE, "host key: its file is called " FILE_NAME);
    slash[slash == folder] = 0;
    int rc = make ? ate__folder_make(folder) : 0;
    if (rc)
        return ate__context(rc, "host key");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && !make)
        return ate__fail(ATE_NOT_FOUND, "there is no host key");
    if (fd < 0)
        return fail_at(folder, "open");
    rc = check_folder(folder, fd);
    if (!rc)
        rc = load_in(env, path, fd, make, ret_key);
    close(fd);
    return rc;
}

int ate__host_key_default(const struct ate__env *env, bool make, struct ate__host_key **ret_key)
{
    ate__cleanup(ate__freep) char *path = NULL;
    int rc = ate__host_key_path(&path);
    return rc ? rc : ate__host_key_load(env, path, make, ret_key);
}

int ate__host_key_ask(void *arg, bool make, struct ate__host_key **ret_key)
{
    (void)arg;
    return ate__host_key_default(&ate__env_real, make, ret_key);
}

int ate__host_key_serve(struct ate__server_conf *conf, struct ate__host_key **ret_key)
{
    char line[ATE__ERROR_SIZE + 96];
    struct ate__host_key *key = NULL;
    int rc = ate__host_key_default(conf->env, true, &key);
    if (rc && rc != ATE_E_SYSTEM && rc != ATE_E_IO && rc != ATE_E_NO_SPACE)
        return rc;
    if (rc && conf->log) {
        snprintf(line, sizeof line,
                 "without a host key, so without view images and centralized chains: %s",
                 ate__error_text());
        conf->log(conf->log_arg, 1, line);
    }
    conf->host_key = *ret_key = key;
    return 0;
}
