/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * out.h: what a program says: data on stdout, all else on stderr, one line at a time, and its exit
 * status.
 *
 *  1. Bytes from a chain, a file or the command line reach a terminal or a line only escaped.
 *  2. With --json each line of stdout is one object, in ASCII; errors are among them.
 *  3. The exit status is a tenth of the result's number, without its sign (ate/result.h).
 *
 * One thread at a time, but for the notes, which the C library keeps whole.
 */
#pragma once
#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { ATE__STATUS_USAGE = 2, ATE__STATUS_MACHINE = 8 };

struct ate__out {
    const char *program; /* "ate" */
    const char *command; /* "put"; NULL: none yet */
    bool json, quiet, color;
    int verbose;                  /* how many -v */
    bool terminal, note_terminal; /* stdout is one; stderr is one */
    void (*clear)(void);          /* takes a line in progress off the terminal; may be NULL */
    void (*hint)(int result);     /* adds to the sentence what a user types; may be NULL */
};
extern struct ate__out ate__out; /* the program's only one */

/* Before anything is said. Closed standard descriptors are opened, so that no file of ours takes
 * their place: stdin and stdout in a way that fails, for nothing comes and nothing arrives there.
 */
void ate__out_begin(const char *program);
/* auto, always, never; NO_COLOR is honoured by auto. MISUSE */
int ate__out_color(const char *when) ATE__CHECK;
/* All that was printed has reached stdout: the status, or that of the failure, reported. A reader
 * that went away ends the process as SIGPIPE does. */
int ate__out_end(int status);

/* What was printed so far reaches stdout now. As ate__out_end() where the reader went away; E_*. */
int ate__out_flush(void) ATE__CHECK;

/* ---- errors ---- */

int ate__exit_status(int result);

/* The line that ate__report() prints, with its newline, ended with ate__free(); NULL: no memory. */
char *ate__error_line(int result, const char *subject, json_t *take_more) ATE__CHECK;
/* One line about the result with this thread's sentence; subject: what it was about, a chain, name
 * or file as the user wrote it, or NULL. Returns the exit status. */
int ate__report(int result, const char *subject);
/* The same with members to add to the JSON object; take_more may be NULL. */
int ate__report_more(int result, const char *subject, json_t *take_more);
/* ATE_MISUSE with that sentence, and where help is to be found. Returns 2. */
int ate__report_usage(const char *format, ...) ATE__PRINTF(1, 2);

/* ---- notes, on stderr, unless -q ---- */

void ate__note(const char *format, ...) ATE__PRINTF(1, 2); /* a whole line */
void ate__note_verbose(const char *format, ...) ATE__PRINTF(1, 2); /* with -v alone */

/* ---- data, on stdout ---- */

void ate__print(const char *format, ...) ATE__PRINTF(1, 2); /* text of ours */
void ate__print_escaped(struct ate_bytes bytes);
void ate__print_json(json_t *take_object); /* one line; NULL: memory is short, and it says so */
/* Text as JSON text, other bytes as NAME_bytes in base64url. */
void ate__json_set_bytes(json_t *object, const char *name, struct ate_bytes bytes);
void ate__json_set_number(json_t *object, const char *name, uint64_t number);
void ate__json_set_bool(json_t *object, const char *name, bool truth);
void ate__json_set_text(json_t *object, const char *name, const char *text); /* NULL: nothing */
