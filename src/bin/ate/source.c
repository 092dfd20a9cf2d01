/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/source.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/common/out.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 512 };

static int fail_at(const struct source *s, const char *what)
{
    char shown[SHOWN];
    int error = errno;
    ate__escaped(ate__text_bytes(s->name), shown, sizeof shown);
    if (error == ENOENT || error == ENOTDIR)
        return ate__fail(ATE_NOT_FOUND, "there is no file %s", shown);
    return ate__fail_errno(error, "%s: %s", shown, what);
}

int source_open(const char *value, struct source *ret)
{
    struct source s = {.fd = STDIN_FILENO, .name = "stdin"};
    struct stat st;
    if (value && strcmp(value, "-") && value[0] != '@') {
        *ret = (struct source){.fd = -1, .text = ate__text_bytes(value), .name = "argument"};
        return 0;
    }
    if (value && !strcmp(value, "@"))
        return ate__fail(ATE_MISUSE, "@ without the name of a file; \"@\" itself comes by stdin");
    if (value && value[0] == '@' && strcmp(value, "@-")) {
        s.name = value + 1;
        s.owned = true;
        s.fd = open(s.name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (s.fd < 0)
            return fail_at(&s, "open");
    }
    if (fstat(s.fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        char shown[SHOWN];
        ate__escaped(ate__text_bytes(s.name), shown, sizeof shown);
        source_close(&s);
        return ate__fail(ATE_MISUSE, "%s is a directory, not a file; ate import stores directories",
                         shown);
    }
    if (isatty(s.fd))
        ate__note("ate: reading the value from the terminal; Ctrl-D ends it");
    *ret = s;
    return 0;
}

void source_close(struct source *s)
{
    if (s->owned)
        close(s->fd);
    s->owned = false;
}

int source_read(struct source *s, void *to, size_t size, size_t *ret_size)
{
    size_t done = 0;
    if (s->fd < 0) {
        done = ate__min(size, s->text.size);
        if (done)
            memcpy(to, s->text.data, done);
        s->text = ate__bytes((const char *)s->text.data + done, s->text.size - done);
    }
    while (s->fd >= 0 && done < size) {
        ssize_t n = read(s->fd, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_at(s, "read");
        if (!n)
            break;
        done += (size_t)n;
    }
    *ret_size = done;
    return 0;
}
