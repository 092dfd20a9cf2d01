/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/progress.h"
#include "base/env.h"
#include "base/err.h"
#include "bin/common/out.h"
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { QUIET_MS = 1000, TERMINAL_MS = 100, PLAIN_MS = 5000, LINE_MAX_BYTES = 512 };

static struct {
    enum { WHEN_TERMINAL, WHEN_ALWAYS, WHEN_NEVER } when;
    bool begun, shown;
    uint64_t next_ms; /* monotonic */
} state;

static void clear_line(void)
{
    if (!state.shown)
        return;
    state.shown = false;
    fputs("\r\x1b[K", stderr);
    fflush(stderr);
}

int ate__progress_mode(const char *when)
{
    if (!strcmp(when, "auto"))
        state.when = WHEN_TERMINAL;
    else if (!strcmp(when, "always"))
        state.when = WHEN_ALWAYS;
    else if (!strcmp(when, "never"))
        state.when = WHEN_NEVER;
    else
        return ate__fail(ATE_MISUSE, "--progress: auto, always or never");
    return 0;
}

bool ate__progress_due(void)
{
    if (state.when == WHEN_NEVER || ate__out.quiet ||
        (state.when == WHEN_TERMINAL && !ate__out.note_terminal))
        return false;
    uint64_t now = ate__monotonic_ms(&ate__env_real);
    if (!state.begun) {
        state.begun = true;
        state.next_ms = now + QUIET_MS;
        ate__out.clear = clear_line;
    }
    return now >= state.next_ms;
}

void ate__progress_line(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    struct winsize size = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    state.next_ms =
        ate__monotonic_ms(&ate__env_real) + (ate__out.note_terminal ? TERMINAL_MS : PLAIN_MS);
    if (!ate__out.note_terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 2)
        size.ws_col = 80;
    fprintf(stderr, "\r%.*s\x1b[K", size.ws_col - 1, line);
    fflush(stderr);
    state.shown = true;
}

void ate__progress_end(void)
{
    clear_line();
    state.begun = false;
}
