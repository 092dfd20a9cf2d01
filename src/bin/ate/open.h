/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * open.h: the keys and the chain of a command, from its options.
 */
#pragma once
#include "bin/ate/cmd.h"

enum open_kind {
    OPEN_READS,   /* a key that is missing is no error: what is open to everyone can be read */
    OPEN_STREAMS, /* the same; reads the whole history, so a remote chain is mirrored in memory */
    OPEN_VERIFIES, /* the same; what damage there is, is for the command to say */
    OPEN_TENDS,   /* the same; writes its files, and nothing into its history */
    OPEN_CHANGES, /* needs a key */
    OPEN_CREATES  /* needs a key; makes the chain if it is not there, and says so */
};
struct opened {
    struct ate_session *session; /* NULL: without keys */
    struct ate_chain *chain;
    bool remote;
    int status; /* the least that the command ends with: of the damage that was told; 0: none */
};

/* The chain is the first operand. One that is opened to be read, and is damaged, is open up to the
 * damage, which is told here. Errors: as ate_session_open_all() and ate_chain_open(); NO_KEY: there
 * is no key file. */
int open_chain(const struct options *o, enum open_kind kind, struct opened *ret) ATE__CHECK;
/* Closes the chain and opens it once more, for changes and with the same session; one that
 * is closed (NULL) is opened. On failure it stays closed. Errors: as ate_chain_open(). */
int open_again(const struct options *o, bool no_view_image, struct opened *x) ATE__CHECK;
/* What says whom to trust, alone: the session, NULL without keys, and the text of --root, NULL
 * without, ended with ate__free(). Errors: as open_chain(). */
int open_anchor(const struct options *o, struct ate_session **ret_session, char **ret_roots)
    ATE__CHECK;
/* Ends it, and gives the command's exit status: the one that it came to, or that of the damage,
 * which makes an answer of "done" or "no" none to rely on. */
int open_close(struct opened *x, int status) ATE__CHECK;
/* Reports the damage of the chain, with its place. Returns the exit status. */
int open_say_damage(const struct ate_damage *damage, const char *subject);

/* Whether that stands for a chain at a server: an address, or @NAME. */
bool open_is_remote(const char *where);
/* What the command is about, "CHAIN/NAME" as the user wrote it, without an address's pins and
 * roots; ended with ate__free(); NULL: no memory. */
char *open_subject(const struct options *o) ATE__CHECK;
/* How far something has come: for progress of a conf. */
void open_show_progress(void *arg, const char *stage, uint64_t done, uint64_t total);
/* Reports the result, with the subject unless it is about the user's own keys. Returns the exit
 * status. */
int open_report(int result, const struct opened *x, const char *subject);
const char *open_stage_text(const struct ate_receipt *receipt); /* "durable" */
/* What became of a commit, for --json and -v. old_name: of what was moved; NULL: nothing was. */
void open_say_receipt(const char *name, const char *old_name, const struct ate_receipt *receipt);

/* ${XDG_CONFIG_HOME:-~/.config}/ate/key; ended with ate__free(). E_SYSTEM E_MEMORY */
int open_default_key(char **ret_path) ATE__CHECK;
/* The words with commas between them, ended with ate__free(); NULL for none. E_MEMORY */
int open_join(const char *const *words, size_t count, char **ret_text) ATE__CHECK;
/* The keys alone, for a command without a chain; NULL without any. Errors: as open_chain(). */
int open_keys(const struct options *o, struct ate_session **ret_session) ATE__CHECK;
/* The given key files, else $ATE_KEY, else the default one. ret_paths: room for OPTION_FILES_MAX,
 * lent by the options, the environment, or *ret_owned, which is ended with ate__free(). */
int open_key_files(const struct options *o, const char **ret_paths, size_t *ret_count,
                   char **ret_owned) ATE__CHECK;
/* Every given key may read what lies below parent, else NO_KEY: what is stored there is sealed to
 * those who may. */
int open_check_readers(const struct options *o, struct ate_txn *txn, struct ate_id parent)
    ATE__CHECK;
/* "7f3kQxyz..., 9ab2....": who may read the object, for sentences; "everyone" */
void open_readers_text(struct ate_txn *txn, struct ate_id id, char *ret_text, size_t capacity);
/* path below $HOME as ~/..., else as it is; into a buffer, escaped; returns it */
const char *open_home_text(const char *path, char *ret_text, size_t capacity);
