/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/open.h"
#include "bin/ate/password.h"
#include "api/names.h"
#include "api/plugin.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/hint.h"
#include "bin/ate/proof_text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 512, STATUS_NOT_TRUSTED = 6 };

/* ---- places ---- */

/* DIR/ate/NAME, where DIR is the variable's or lies below HOME. */
static int user_path(const char *variable, const char *below_home, const char *name,
                     char **ret_path)
{
    const char *dir = getenv(variable), *home = getenv("HOME");
    char *path;
    if (dir && dir[0] == '/')
        path = ate__format("%s/ate/%s", dir, name);
    else if (home && home[0] == '/')
        path = ate__format("%s/%s/ate/%s", home, below_home, name);
    else
        return ate__fail(ATE_E_SYSTEM,
                         "neither %s nor HOME names a directory: set HOME, or name the file",
                         variable);
    if (!path)
        return ate__no_memory();
    *ret_path = path;
    return 0;
}

int open_default_key(char **ret_path)
{
    return user_path("XDG_CONFIG_HOME", ".config", "key", ret_path);
}

const char *open_home_text(const char *path, char *ret_text, size_t capacity)
{
    const char *home = getenv("HOME");
    size_t size = home ? strlen(home) : 0;
    if (size > 1 && !strncmp(path, home, size) && path[size] == '/') {
        ret_text[0] = '~';
        ate__escaped(ate__text_bytes(path + size), ret_text + 1, capacity - 1);
        return ret_text;
    }
    return ate__escaped(ate__text_bytes(path), ret_text, capacity);
}

/* ---- keys ---- */

int open_key_files(const struct options *o, const char **ret_paths, size_t *ret_count,
                   char **ret_owned)
{
    const char *variable = getenv("ATE_KEY");
    *ret_owned = NULL;
    *ret_count = o->key_count ? o->key_count : 1;
    memcpy(ret_paths, o->key, o->key_count * sizeof *ret_paths);
    if (o->key_count)
        return 0;
    if (variable && *variable) {
        ret_paths[0] = variable;
        return 0;
    }
    int rc = open_default_key(ret_owned);
    if (!rc)
        ret_paths[0] = *ret_owned;
    return rc;
}

static int no_key(const char *path, bool is_default)
{
    char shown[SHOWN];
    if (!path)
        return ate__fail(ATE_NO_KEY, "HOME is not set, so there is no key; name one: --key FILE");
    if (is_default)
        return ate__fail(ATE_NO_KEY, "you have no key yet; make one with: ate key new");
    ate__escaped(ate__text_bytes(path), shown, sizeof shown);
    return ate__fail(ATE_NO_KEY, "there is no key file %s; make it with: ate key new %s", shown,
                     shown);
}

/* By options, the environment, or because there is a home to look in. */
static bool names_a_key(const struct options *o)
{
    const char *key = getenv("ATE_KEY"), *config = getenv("XDG_CONFIG_HOME"),
               *home = getenv("HOME");
    return o->key_count || (key && *key) || (config && config[0] == '/') ||
           (home && home[0] == '/');
}

static int open_session(const struct options *o, enum open_kind kind,
                        struct ate_session **ret_session)
{
    const char *paths[OPTION_FILES_MAX];
    ate__cleanup(ate__freep) char *owned = NULL;
    struct ate_key_info info;
    size_t count;
    if (!names_a_key(o))
        return kind < OPEN_CHANGES ? 0 : no_key(NULL, false);
    int rc = open_key_files(o, paths, &count, &owned);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        rc = ate_key_show(paths[i], &info);
        if (rc == ATE_NOT_FOUND && owned && kind < OPEN_CHANGES)
            return 0;
        if (rc == ATE_NOT_FOUND)
            return no_key(paths[i], owned != NULL);
        if (rc)
            return rc;
    }
    struct ate_password password = password_known(o);
    rc = ate_session_open_sealed(paths, count, &password, ret_session);
    password_forget();
    return rc;
}

int open_keys(const struct options *o, struct ate_session **ret_session)
{
    return open_session(o, OPEN_READS, ret_session);
}

/* ---- the chain ---- */

void open_show_progress(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    (void)arg;
    if (!ate__progress_due())
        return;
    if (total)
        ate__progress_line("%s: %s %llu of %llu (%u%%)", ate__out.program, stage,
                           (unsigned long long)done, (unsigned long long)total,
                           (unsigned)(done * 100 / total));
    else
        ate__progress_line("%s: %s %llu", ate__out.program, stage, (unsigned long long)done);
}

int open_join(const char *const *words, size_t count, char **ret_text)
{
    char *text = NULL;
    for (size_t i = 0; i < count; i++) {
        char *longer = ate__format("%s%s%s", text ? text : "", text ? "," : "", words[i]);
        ate__free(text);
        if (!longer)
            return ate__no_memory();
        text = longer;
    }
    *ret_text = text;
    return 0;
}

static bool is_address(const char *where)
{
    return !strncmp(where, "tcp://", 6);
}

bool open_is_remote(const char *where)
{
    return where[0] == '@' || is_address(where);
}

static int make_folders_above(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        bool made = !mkdir(path, 0700) || errno == EEXIST;
        int rc = made ? 0 : ate__fail_errno(errno, "%s: mkdir", path);
        *slash = '/';
        if (rc)
            return rc;
    }
    return 0;
}

/* The address that @NAME stands for; anything else as it is. Ended with ate__free(). */
static int look_up(const char *where, char **ret_where)
{
    if (strstr(where, "://") && !is_address(where))
        return ate__fail(ATE_MALFORMED, "an address begins with tcp://");
    if (where[0] == '@')
        return ate__name_lookup(where + 1, ret_where);
    *ret_where = ate__copy_text(where);
    return *ret_where ? 0 : ate__no_memory();
}

/* The folder that --mirror auto means: one a chain, HOST:PORT/PATH below the cache. */
static int auto_mirror(const char *address, char **ret_path)
{
    if (!is_address(address))
        return ate__fail(ATE_MISUSE, "--mirror: the chain is a directory on this machine already");
    ate__cleanup(ate__freep) char *path = ate__copy_text(address + 6);
    if (!path)
        return ate__no_memory();
    path[strcspn(path, "#")] = 0;
    return user_path("XDG_CACHE_HOME", ".cache", path, ret_path);
}

/* The copy that a mirror left, that of the options or the one at the default place: what can be
 * read if the server is not reached. Nothing depends on it. */
static void find_copy(const struct options *o, const char *mirror, const char *address)
{
    ate__cleanup(ate__freep) char *place = NULL;
    char *root = strchr(address, '#');
    if (!mirror && !auto_mirror(address, &place))
        mirror = place;
    ate__cleanup(ate__freep) char *log = ate__format("%s/,chain", mirror ? mirror : "");
    if (!mirror || !log || access(log, F_OK))
        return;
    while (root && strncmp(++root, "root=", 5))
        root = strchr(root, ',');
    ate__cleanup(ate__freep) char *first = root ? ate__copy_text(root + 5) : NULL;
    if (first)
        first[strcspn(first, ",")] = 0;
    hint_copy(mirror, o->root_count ? o->root[0] : first);
}

/* The mirror of a chain at a server: the one of the options; else none; else, for what reads the
 * whole history, one that is not kept. */
static int choose_mirror(const struct options *o, enum open_kind kind, char **ret_owned,
                         const char **ret_dir)
{
    ate__cleanup(ate__freep) char *address = NULL;
    bool is_auto = o->mirror && !strcmp(o->mirror, "auto");
    int rc = look_up(o->operand[0], &address);
    if (!rc && is_auto)
        rc = auto_mirror(address, ret_owned);
    if (!rc && is_auto)
        rc = make_folders_above(*ret_owned);
    if (rc)
        return rc;
    *ret_dir = is_auto ? *ret_owned : o->mirror;
    if (is_address(address))
        find_copy(o, *ret_dir, address);
    if (!*ret_dir && (kind == OPEN_STREAMS || kind == OPEN_VERIFIES))
        *ret_dir = ""; /* without meaning for a directory */
    return 0;
}

static void say_created(const struct opened *x, const char *where)
{
    const struct ate_hash *roots;
    char shown[SHOWN], root[ATE_HASH_TEXT];
    ate__escaped(ate__text_bytes(where), shown, sizeof shown);
    if (x->remote) {
        ate__note("%s: new chain; address to share: %s", shown, ate_chain_address(x->chain));
        return;
    }
    if (ate_chain_roots(x->chain, &roots))
        ate__note("%s: new chain, root %s", shown, ate_hash_text(roots[0], root));
}

/* A tail that a crash tore off was never acknowledged; whoever opens the chain next is told. */
static void say_trimmed(const struct ate_chain *chain, const char *where)
{
    uint64_t trimmed = ate_chain_trimmed_bytes(chain);
    char shown[SHOWN];
    if (trimmed)
        ate__note_verbose("%s: %llu bytes of an unfinished write were set aside",
                          ate__escaped(ate__text_bytes(where), shown, sizeof shown),
                          (unsigned long long)trimmed);
}

/* The newest head of the chain is remembered where that is possible. Where it is not, the next
 * command cannot know that the chain was set back. */
static void say_forgetful(const char *where)
{
    ate__cleanup(ate__freep) char *path = NULL;
    char shown[SHOWN], folder[SHOWN];
    if (user_path("XDG_STATE_HOME", ".local/state", "heads", &path)) {
        ate__note_verbose("%s", ate__error_text());
        return;
    }
    open_home_text(path, folder, sizeof folder);
    /* What is not there is made, if what it lies in can be written. */
    for (char *slash; access(path, F_OK) && errno == ENOENT && (slash = strrchr(path, '/'));)
        slash[slash == path] = 0;
    if (access(path, W_OK | X_OK))
        ate__note(
            "%s: what was seen of it is not remembered, because %s cannot be written; were it "
            "set back, nobody would notice",
            ate__escaped(ate__text_bytes(where), shown, sizeof shown), folder);
}

/* What was seen there before was given up, and the user is told what and where it is. */
static void say_reset(const struct ate_chain *chain, const char *where)
{
    struct ate_reset r;
    char time[ATE__TIME_TEXT], why[SHOWN], kept[SHOWN], shown[SHOWN];
    if (!ate_chain_reset(chain, &r))
        return;
    ate__note("%s: the chain went back to its first %llu transactions: a root key signed that at "
              "%s (%s); of the %llu that were seen here %llu are not in it",
              ate__escaped(ate__text_bytes(where), shown, sizeof shown),
              (unsigned long long)r.sequence, ate__time_text(r.signed_ns, false, time),
              ate__escaped(ate__text_bytes(r.text), why, sizeof why),
              (unsigned long long)r.seen_size,
              (unsigned long long)(r.seen_size > r.sequence ? r.seen_size - r.sequence : 0));
    if (r.kept)
        ate__note("%s: the chain as it was seen is kept in %s, to be read", shown,
                  open_home_text(r.kept, kept, sizeof kept));
}

int open_say_damage(const struct ate_damage *d, const char *subject)
{
    char shown[SHOWN];
    json_t *more = json_object();
    ate__json_set_number(more, "sequence", d->sequence);
    if (d->file) {
        ate__json_set_text(more, "file", d->file);
        ate__json_set_number(more, "offset", d->offset);
        ate__fail((int)d->what,
                  "%s, byte %" PRIu64 ", transaction %" PRIu64
                  ": %s; nothing from there on is believed",
                  ate__escaped(ate__text_bytes(d->file), shown, sizeof shown), d->offset,
                  d->sequence, d->text);
    } else {
        ate__fail((int)d->what, "transaction %" PRIu64 ": %s; %s", d->sequence, d->text,
                  d->what == ATE_OMITTED ? "all hashes and signatures hold"
                                         : "nothing from there on is believed");
    }
    int status = ate__report_more((int)d->what, subject, more);
    /* Whatever is wrong with the bytes, the chain does not hold. */
    return d->what == ATE_UNSUPPORTED ? status : STATUS_NOT_TRUSTED;
}

/* Said at once: a watch goes on for ever, and what is interrupted has shown something already. A
 * directory with damage does not open for changes, but a server serves it. */
static int check_damage(struct opened *x, enum open_kind kind, const char *where)
{
    struct ate_damage damage;
    if (kind == OPEN_VERIFIES || !ate_chain_damage(x->chain, &damage))
        return 0;
    if (kind > OPEN_VERIFIES)
        return ate__fail(ATE_READ_ONLY,
                         "damaged from transaction %" PRIu64 " on, so it can only be "
                         "read: %s",
                         damage.sequence, damage.text);
    x->status = open_say_damage(&damage, where);
    return 0;
}

/* What cannot be a chain, or goes with none of its kind. */
static int check_where(const struct options *o)
{
    const char *where = o->operand[0];
    struct stat st;
    bool is_local = where[0] != '@' && !is_address(where);
    if (is_local && o->mirror)
        return ate__fail(ATE_MISUSE, "--mirror: the chain is a directory on this machine already");
    if (is_local && !stat(where, &st) && !S_ISDIR(st.st_mode))
        return ate__fail(ATE_MISUSE, "it is no directory, and a chain is one");
    return 0;
}

int open_anchor(const struct options *o, struct ate_session **ret_session, char **ret_roots)
{
    int rc = check_where(o);
    if (!rc)
        rc = open_join(o->root, o->root_count, ret_roots);
    return rc ? rc : open_session(o, OPEN_READS, ret_session);
}

static void say_stopped(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "ate: %s\n", line);
}

/* A command that goes on for long is told that what it shows gets old. */
static void say_stale(void *arg, int result, const char *text, const struct ate_proved *checkpoint)
{
    (void)arg;
    (void)checkpoint;
    if (result == ATE_STALE)
        fprintf(stderr, "ate: warning: %s\n", text);
}

static uint32_t max_age_of(const struct options *o)
{
    return o->max_age_ms < 0 ? UINT32_MAX : (uint32_t)(o->max_age_ms + 999) / 1000;
}

static struct ate_chain_conf conf_of(const struct options *o, const char *roots)
{
    return (struct ate_chain_conf){
        .root = roots,
        .timeout_ms = o->timeout_ms,
        .no_wire_encryption = o->clear,
        .centralized = o->centralized,
        .lookup = &o->lookup,
        .archive = o->worm,
        .retention_s = o->retain_s,
        .compression = o->compression,
        .strength = o->strength,
        .hash = o->hash,
        .allow = o->allow,
        .segment_bytes = o->segment_bytes,
        .plugins = o->plugins.items,
        .plugin_count = o->plugins.count,
        .plugin_log = say_stopped,
        .checkpoint = o->max_age_ms ? NULL : say_stale,
        .max_age_s = max_age_of(o),
        .max_age_strict = o->max_age_ms > 0,
        .progress = open_show_progress,
    };
}

int open_again(const struct options *o, bool no_view_image, struct opened *x)
{
    ate__cleanup(ate__freep) char *roots = NULL;
    ate__cleanup(ate__freep) char *mirror = NULL;
    int rc = open_join(o->root, o->root_count, &roots);
    struct ate_chain_conf conf = conf_of(o, roots);
    conf.no_view_image = no_view_image;
    if (!rc)
        rc = choose_mirror(o, OPEN_CHANGES, &mirror, &conf.mirror_dir);
    ate_chain_close(x->chain);
    x->chain = NULL;
    if (!rc)
        rc = ate_chain_open(o->operand[0], x->session, 0, &conf, &x->chain);
    ate__progress_end();
    return rc;
}

/* Of the chain that is made. */
static int read_log_key(const struct options *o, struct ate__buf *text, const char **ret_log_key)
{
    if (!o->log_key_count)
        return 0;
    if (o->log_key_count > 1)
        return ate__fail(ATE_MISUSE, "--log-key: one, that of the server");
    int rc = proof_text_read(o->log_key[0], text);
    *ret_log_key = (const char *)text->data;
    return rc;
}

/* Whoever loads a plug-in that seals is not to think that it does. */
static void say_unsealed(const struct options *o, const char *mirror)
{
    for (size_t i = 0; mirror && i < o->plugins.count; i++)
        if (o->plugins.items[i]->seals)
            ate__note(
                "note: a mirror is not sealed: plug-in %s leaves the records in it as they came",
                ate_plugin_name(o->plugins.items[i]));
}

int open_chain(const struct options *o, enum open_kind kind, struct opened *ret)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf log_key = ATE__BUF_NULL;
    ate__cleanup(ate__freep) char *roots = NULL;
    ate__cleanup(ate__freep) char *mirror = NULL;
    const char *where = o->operand[0];
    struct opened x = {0};
    unsigned flags = kind == OPEN_CREATES ? ATE_CREATE : kind > OPEN_VERIFIES ? 0 : ATE_READ;
    int rc = check_where(o);
    if (!rc)
        rc = open_join(o->root, o->root_count, &roots);
    struct ate_chain_conf conf = conf_of(o, roots);
    if (!rc && kind == OPEN_CREATES)
        rc = read_log_key(o, &log_key, &conf.log_key);
    if (!rc)
        rc = open_session(o, kind, &x.session);
    if (!rc)
        rc = choose_mirror(o, kind, &mirror, &conf.mirror_dir);
    if (!rc)
        rc = ate_chain_open(where, x.session, flags, &conf, &x.chain);
    ate__progress_end();
    if (rc) {
        ate_session_close(x.session);
        return rc;
    }
    x.remote = is_address(ate_chain_address(x.chain));
    say_unsealed(o, conf.mirror_dir);
    if (ate_chain_was_created(x.chain))
        say_created(&x, where);
    say_trimmed(x.chain, where);
    say_reset(x.chain, where);
    say_forgetful(where);
    rc = check_damage(&x, kind, where);
    if (rc)
        (void)!open_close(&x, 0);
    else
        *ret = x;
    return rc;
}

int open_close(struct opened *x, int status)
{
    int least = x->status;
    ate_chain_close(x->chain);
    ate_session_close(x->session);
    *x = (struct opened){0};
    return status > least ? status : least;
}

/* ---- what is said of it ---- */

char *open_subject(const struct options *o)
{
    const char *where = o->operand[0], *name = o->operand_count > 1 ? o->operand[1] : NULL;
    size_t size = is_address(where) ? strcspn(where, "#") : strlen(where);
    return ate__format("%.*s%s%s", (int)size, where, name && name[0] != '/' ? "/" : "",
                       name ? name : "");
}

int open_report(int result, const struct opened *x, const char *subject)
{
    bool own_keys = result == ATE_NO_KEY && !x->chain;
    return ate__report(result, own_keys ? NULL : subject);
}

const char *open_stage_text(const struct ate_receipt *receipt)
{
    static const char *const stages[] = {"queued", "outboxed", "durable", "replicated",
                                         "witnessed"};
    return stages[receipt->stage];
}

void open_say_receipt(const char *name, const char *old_name, const struct ate_receipt *receipt)
{
    const char *stage = open_stage_text(receipt);
    bool has_place = receipt->stage >= ATE_DURABLE;
    char head[ATE_HASH_TEXT];
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_bytes(object, "name", ate__text_bytes(name));
        if (old_name)
            ate__json_set_bytes(object, "old_name", ate__text_bytes(old_name));
        ate__json_set_text(object, "stage", stage);
        if (has_place) {
            ate__json_set_number(object, "sequence", receipt->sequence);
            ate__json_set_text(object, "head", ate_hash_text(receipt->head, head));
        }
        ate__print_json(object);
    } else if (has_place) {
        ate__note_verbose("%s: sequence %llu, %s", ate__out.program,
                          (unsigned long long)receipt->sequence, stage);
    } else {
        ate__note_verbose("%s: %s", ate__out.program, stage);
    }
}

/* ---- readers ---- */

void open_readers_text(struct ate_txn *txn, struct ate_id id, char *ret_text, size_t capacity)
{
    struct ate_rules rules;
    char text[ATE_HASH_TEXT];
    size_t at = 0;
    ret_text[0] = 0;
    if (ate_protection(txn, id, &rules)) {
        snprintf(ret_text, capacity, "not known");
        return;
    }
    if (rules.read.who != ATE_KEYS) {
        snprintf(ret_text, capacity, "%s", rules.read.who == ATE_EVERYONE ? "everyone" : "nobody");
        return;
    }
    for (size_t i = 0; i < rules.read.key_count && at + 32 < capacity; i++) {
        ate_hash_text(rules.read.keys[i], text);
        at += (size_t)snprintf(ret_text + at, capacity - at, "%s%.8s...", i ? ", " : "", text);
    }
}

static bool has_key(const struct ate_rule *rule, const struct ate_hash *fingerprint)
{
    for (size_t i = 0; i < rule->key_count; i++)
        if (ate__hash_equal(&rule->keys[i], fingerprint))
            return true;
    return false;
}

int open_check_readers(const struct options *o, struct ate_txn *txn, struct ate_id parent)
{
    const char *paths[OPTION_FILES_MAX];
    ate__cleanup(ate__freep) char *owned = NULL;
    struct ate_key_info info;
    struct ate_rules rules;
    char shown[SHOWN], fingerprint[ATE_HASH_TEXT], readers[SHOWN];
    size_t count;
    int rc = ate_protection(txn, parent, &rules);
    if (!rc)
        rc = open_key_files(o, paths, &count, &owned);
    if (rc || rules.read.who == ATE_EVERYONE)
        return rc;
    for (size_t i = 0; i < count; i++) {
        rc = ate_key_show(paths[i], &info);
        if (rc)
            return rc;
        if (has_key(&rules.read, &info.fingerprint))
            continue;
        open_readers_text(txn, parent, readers, sizeof readers);
        return ate__fail(ATE_NO_KEY,
                         "the key %s (%.8s...) may not read there, and cannot make names there, so "
                         "nothing is stored; who may add there does without a name: ate push; "
                         "readers: %s",
                         open_home_text(paths[i], shown, sizeof shown),
                         ate_hash_text(info.fingerprint, fingerprint), readers);
    }
    return 0;
}
