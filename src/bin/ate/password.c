/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * password.c: asking for passwords.
 *
 * On the terminal nothing is echoed; a signal that ends or stops the process does so after the echo
 * is back. What is typed goes byte by byte into the library's memory, which is locked and wiped.
 */
#include "bin/ate/password.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/common/out.h"
#include "crypto/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { KEPT_MAX = 1024 };

static char kept[KEPT_MAX]; /* of stdin */
static size_t kept_size;
static volatile sig_atomic_t caught;

static const int ending[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};

static void on_signal(int number)
{
    caught = number;
}

/* Until there is something to read, or a signal was caught: one that comes before the wait has
 * begun ends it as well. */
static void wait_typed(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    sigset_t held, before;
    sigemptyset(&held);
    for (size_t i = 0; i < ATE__COUNT_OF(ending); i++)
        sigaddset(&held, ending[i]);
    sigprocmask(SIG_BLOCK, &held, &before);
    if (!caught)
        ppoll(&one, 1, NULL, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* The first line, without its end; at most capacity bytes, else 0. A NUL ends it as well: no
 * terminal gives one. */
static size_t read_line(int fd, char *ret, size_t capacity)
{
    size_t size = 0;
    for (;;) {
        char c = 0;
        wait_typed(fd);
        if (caught)
            return 0;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return 0;
        if (!n || c == '\n' || !c)
            return size;
        if (size == capacity)
            return 0;
        ret[size++] = c;
    }
}

static void say(int fd, const char *text)
{
    ssize_t ignored = write(fd, text, strlen(text));
    (void)ignored;
}

/* The echo is off before the question is there: what is typed ahead of it is not the answer. */
static size_t read_quietly(int fd, const char *what, const char *about, char *ret, size_t capacity)
{
    struct termios before, quiet;
    struct sigaction act = {.sa_handler = on_signal}, old[ATE__COUNT_OF(ending)];
    if (tcgetattr(fd, &before))
        return 0;
    caught = 0;
    for (size_t i = 0; i < ATE__COUNT_OF(ending); i++)
        sigaction(ending[i], &act, &old[i]);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    say(fd, what);
    say(fd, about);
    say(fd, ": ");
    size_t size = read_line(fd, ret, capacity);
    tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    for (size_t i = 0; i < ATE__COUNT_OF(ending); i++)
        sigaction(ending[i], &old[i], NULL);
    int number = caught;
    caught = 0;
    if (number)
        raise(number);
    return number ? 0 : size;
}

/* 0: there is no terminal, or nothing was typed. */
static size_t ask_terminal(const char *what, const char *path, char *ret, size_t capacity)
{
    char shown[512];
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        ate__note("there is no terminal to ask for the password of %s on; --password-file FILE "
                  "gives it",
                  ate__escaped(ate__text_bytes(path), shown, sizeof shown));
        return 0;
    }
    ate__escaped(ate__text_bytes(path), shown, sizeof shown);
    size_t size = read_quietly(fd, what, shown, ret, capacity);
    close(fd);
    return size;
}

static size_t read_stdin(char *ret, size_t capacity)
{
    if (!kept_size)
        kept_size = read_line(STDIN_FILENO, kept, sizeof kept);
    if (kept_size > capacity)
        return 0;
    memcpy(ret, kept, kept_size);
    return kept_size;
}

static size_t read_file(const char *file, char *ret, size_t capacity)
{
    char shown[512];
    if (!strcmp(file, "-"))
        return read_stdin(ret, capacity);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t size = fd < 0 ? 0 : read_line(fd, ret, capacity);
    if (!size)
        ate__note("%s: no password of 1 to %zu bytes could be read from it",
                  ate__escaped(ate__text_bytes(file), shown, sizeof shown), capacity);
    if (fd >= 0)
        close(fd);
    return size;
}

static size_t ask_known(void *arg, const char *path, unsigned attempt, char *ret, size_t capacity)
{
    if (arg)
        return attempt ? 0 : read_file(arg, ret, capacity);
    return ask_terminal(attempt ? "Wrong. Password of " : "Password of ", path, ret, capacity);
}

/* Twice the same, or it is asked for again. */
static size_t ask_fresh(void *arg, const char *path, unsigned attempt, char *ret, size_t capacity)
{
    char again[KEPT_MAX];
    if (arg)
        return attempt ? 0 : read_file(arg, ret, capacity);
    for (unsigned i = 0; i < 3; i++) {
        size_t size = ask_terminal("New password of ", path, ret, capacity);
        if (!size)
            return 0;
        size_t second = ask_terminal("Once more, of ", path, again, sizeof again);
        bool same = second == size && ate__secret_equal(ret, again, size);
        explicit_bzero(again, sizeof again);
        if (same)
            return size;
        ate__note("the two differ; once more");
    }
    return 0;
}

struct ate_password password_known(const struct options *o)
{
    return (struct ate_password){ask_known, (void *)(uintptr_t)o->password_file};
}

struct ate_password password_fresh(const char *file)
{
    return (struct ate_password){ask_fresh, (void *)(uintptr_t)file};
}

void password_forget(void)
{
    explicit_bzero(kept, sizeof kept);
    kept_size = 0;
}
