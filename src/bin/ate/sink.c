/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/sink.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/stop.h"
#include "bin/common/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 512 };

static int fail_at(const char *path, const char *what)
{
    char shown[SHOWN];
    int error = errno;
    return ate__fail_errno(error, "%s: %s",
                           ate__escaped(ate__text_bytes(path), shown, sizeof shown), what);
}

void sink_stdout(struct sink *s)
{
    *s = (struct sink){.fd = -1, .terminal = ate__out.terminal, .last = '\n'};
}

void sink_memory(struct sink *s, size_t size_max)
{
    *s = (struct sink){.fd = -1, .memory_max = size_max};
}

int sink_file(struct sink *s, const char *path)
{
    struct stat st;
    *s = (struct sink){.fd = -1, .path = path};
    if (!stat(path, &st) && S_ISDIR(st.st_mode))
        return ate__fail(ATE_MISUSE, "--output: it is a directory");
    if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
        s->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return s->fd < 0 ? fail_at(path, "open") : 0;
    }
    s->temporary = ate__format("%s.XXXXXX", path);
    if (!s->temporary)
        return ate__no_memory();
    s->fd = mkostemp(s->temporary, O_CLOEXEC);
    if (s->fd < 0) {
        int rc = fail_at(path, "create");
        ate__free(s->temporary);
        s->temporary = NULL;
        return rc;
    }
    stop_removes(s->temporary);
    return 0;
}

/* ---- writing ---- */

static int write_all(int fd, const char *path, struct ate_bytes piece)
{
    for (size_t at = 0; at < piece.size;) {
        ssize_t n = write(fd, (const char *)piece.data + at, piece.size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_at(path, "write");
        at += (size_t)n;
    }
    return 0;
}

/* Bytes at the end that may be the beginning of a character. */
static size_t cut_short(const uint8_t *data, size_t size)
{
    for (size_t n = 1; n <= 3 && n <= size; n++) {
        uint8_t c = data[size - n];
        if (c >= 0xc0)
            return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) > n ? n : 0;
        if (c < 0x80)
            return 0;
    }
    return 0;
}

/* Lines and tabs as they are, all else that a terminal must not see escaped. */
static int print_escaped(struct sink *s, bool to_the_end)
{
    const uint8_t *data = s->held.data;
    size_t size = s->held.size - (to_the_end ? 0 : cut_short(data, s->held.size));
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && data[end] != '\n' && data[end] != '\t')
            end++;
        ate__print_escaped(ate__bytes(data + at, end - at));
        if (end < size)
            ate__print("%c", data[end++]);
        s->last = (char)data[end - 1];
        at = end;
    }
    ate__buf_drop_front(&s->held, size);
    return 0;
}

int sink_write(void *sink, struct ate_bytes piece)
{
    struct sink *s = sink;
    if (s->fd >= 0)
        return write_all(s->fd, s->path, piece);
    if (s->memory_max && piece.size > s->memory_max - s->held.size)
        return ate__fail(ATE_TOO_BIG, "more than %zu bytes", s->memory_max);
    if (s->memory_max || s->terminal) {
        int rc = ate__buf_append(&s->held, piece);
        return rc || s->memory_max ? rc : print_escaped(s, false);
    }
    return fwrite(piece.data, 1, piece.size, stdout) == piece.size ? 0 : ate__out_flush();
}

/* ---- the end ---- */

int sink_finish(struct sink *s)
{
    if (s->terminal) {
        int rc = print_escaped(s, true);
        if (s->last != '\n')
            ate__print("\n");
        return rc;
    }
    if (!s->temporary)
        return 0;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(s->fd, 0666 & ~mask))
        return fail_at(s->path, "chmod");
    if (fsync(s->fd) && errno != EINVAL && errno != EROFS)
        return fail_at(s->path, "sync");
    stop_removes(NULL);
    if (rename(s->temporary, s->path))
        return fail_at(s->path, "rename");
    ate__free(s->temporary);
    s->temporary = NULL;
    return 0;
}

void sink_deinit(struct sink *s)
{
    if (s->temporary) {
        stop_removes(NULL);
        unlink(s->temporary);
    }
    if (s->fd >= 0)
        close(s->fd);
    ate__free(s->temporary);
    ate__buf_deinit(&s->held);
    *s = (struct sink){.fd = -1};
}
