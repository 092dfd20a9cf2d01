/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/out.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN = 1024 };

struct ate__out ate__out = {.program = "ate"};
static bool has_failed; /* stdout, as was said */

void ate__out_begin(const char *program)
{
    /* The lowest number that is free is the one that was closed. */
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDWR};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", flags[fd]);
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is a result of its call */
    signal(SIGXFSZ, SIG_IGN); /* as a file that may not grow is */
    json_set_alloc_funcs(ate__alloc, ate__free);
    ate__out = (struct ate__out){.program = program};
    ate__out.terminal = isatty(STDOUT_FILENO);
    ate__out.note_terminal = isatty(STDERR_FILENO);
    (void)!ate__out_color("auto");
}

int ate__out_color(const char *when)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool can = ate__out.terminal && !(no_color && *no_color) && term && strcmp(term, "dumb");
    if (!strcmp(when, "auto"))
        ate__out.color = can;
    else if (!strcmp(when, "always") || !strcmp(when, "never"))
        ate__out.color = when[0] == 'a';
    else
        return ate__fail(ATE_MISUSE, "--color: auto, always or never");
    return 0;
}

int ate__out_flush(void)
{
    if (!fflush(stdout) && !ferror(stdout))
        return 0;
    if (errno == EPIPE) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    has_failed = true;
    return ate__fail_errno(errno, "stdout: write");
}

int ate__out_end(int status)
{
    if (ate__out.clear)
        ate__out.clear();
    bool was_said = has_failed && status;
    int rc = ate__out_flush();
    if (!rc || was_said)
        return status;
    ate__out.json = false; /* there is no stdout to put it on */
    return ate__report(rc, NULL);
}

/* ---- errors ---- */

int ate__exit_status(int result)
{
    return (result < 0 ? -result : result) / 10;
}

/* object NULL: memory was short; ate__print_json() says so. */
static void set_new(json_t *object, const char *name, json_t *take_value)
{
    if (!object)
        json_decref(take_value);
    else if (take_value)
        (void)!json_object_set_new(object, name, take_value);
}

/* Ended with ate__free(). */
static char *json_line(json_t *take_object)
{
    char *line = take_object ? json_dumps(take_object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(take_object);
    return line;
}

static json_t *error_object(int result, const char *subject, json_t *more)
{
    json_t *object = json_object();
    if (!object)
        return NULL;
    set_new(object, "error", json_string(ate__result_name(result) + 4));
    set_new(object, "exit", json_integer(ate__exit_status(result)));
    ate__json_set_text(object, "command", ate__out.command);
    if (subject)
        ate__json_set_bytes(object, "subject", ate__text_bytes(subject));
    ate__json_set_bytes(object, "text", ate__text_bytes(ate__error_text()));
    if (more)
        (void)!json_object_update_missing(object, more);
    return object;
}

char *ate__error_line(int result, const char *subject, json_t *take_more)
{
    char shown[SHOWN], *line;
    if (ate__out.hint)
        ate__out.hint(result);
    if (ate__out.json) {
        json_t *object = error_object(result, subject, take_more);
        ate__cleanup(ate__freep) char *text = json_line(object);
        line = text ? ate__format("%s\n", text) : NULL;
    } else {
        line =
            ate__format("%s: %s%s%s%s%s: %s\n", ate__out.program,
                        ate__out.command ? ate__out.command : "", ate__out.command ? ": " : "",
                        subject ? ate__escaped(ate__text_bytes(subject), shown, sizeof shown) : "",
                        subject ? ": " : "", ate__result_name(result) + 4, ate__error_text());
    }
    json_decref(take_more);
    return line;
}

int ate__report_more(int result, const char *subject, json_t *take_more)
{
    ate__cleanup(ate__freep) char *line = ate__error_line(result, subject, take_more);
    if (ate__out.clear)
        ate__out.clear();
    fputs(line ? line : "out of memory\n", ate__out.json ? stdout : stderr);
    if (ate__out.json)
        (void)!fflush(stdout);
    return ate__exit_status(result);
}

int ate__report(int result, const char *subject)
{
    return ate__report_more(result, subject, NULL);
}

int ate__report_usage(const char *format, ...)
{
    char text[SHOWN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ate__fail(ATE_MISUSE, "%s (%s%s%s --help)", text, ate__out.program, ate__out.command ? " " : "",
              ate__out.command ? ate__out.command : "");
    return ate__report(ATE_MISUSE, NULL);
}

/* ---- notes ---- */

static void note(const char *format, va_list args)
{
    if (ate__out.clear)
        ate__out.clear();
    flockfile(stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    funlockfile(stderr);
}

void ate__note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!ate__out.quiet)
        note(format, args);
    va_end(args);
}

void ate__note_verbose(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!ate__out.quiet && ate__out.verbose)
        note(format, args);
    va_end(args);
}

/* ---- data ---- */

void ate__print(const char *format, ...)
{
    va_list args;
    if (ate__out.clear)
        ate__out.clear();
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

void ate__print_escaped(struct ate_bytes bytes)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    if (ate__out.clear)
        ate__out.clear();
    if (!ate__escape(bytes, &text))
        fwrite(text.data, 1, text.size, stdout);
    else
        fputs("...", stdout);
}

void ate__print_json(json_t *take_object)
{
    ate__cleanup(ate__freep) char *line = json_line(take_object);
    if (ate__out.clear)
        ate__out.clear();
    printf("%s\n", line ? line : "{\"error\":\"E_MEMORY\",\"exit\":8,\"text\":\"out of memory\"}");
}

void ate__json_set_bytes(json_t *object, const char *name, struct ate_bytes bytes)
{
    if (ate__utf8_valid(bytes)) {
        set_new(object, name, json_stringn(bytes.size ? bytes.data : "", bytes.size));
        return;
    }
    size_t size = ate__b64_size(bytes.size);
    ate__cleanup(ate__freep) char *text = ate__alloc(size + 1);
    ate__cleanup(ate__freep) char *key = ate__format("%s_bytes", name);
    if (!text || !key)
        return;
    ate__b64_encode(bytes, text);
    set_new(object, key, json_stringn(text, size));
}

void ate__json_set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        set_new(object, name, json_string(text));
}

/* JSON's numbers end at 2^63 here; none of ours comes near. */
void ate__json_set_number(json_t *object, const char *name, uint64_t number)
{
    set_new(object, name, json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number));
}

void ate__json_set_bool(json_t *object, const char *name, bool truth)
{
    set_new(object, name, json_boolean(truth));
}
