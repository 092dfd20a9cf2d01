/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugins.c: plug-ins that others put in place, that keep nothing off, and records that one sealed
 * in the hands of somebody who has the disk and not the key.
 */
#include "ate/plugin.h"
#include "ate/ate.h"
#include "attack.h"
#include "base/alloc.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "redo/at_rest.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the file ---- */

/* A copy of an example in dir/above/folder, ours alone. */
static void place(const char *dir, char file[600])
{
    char command[3000];
    snprintf(file, 600, "%s/above/folder/rate.so", dir);
    snprintf(command, sizeof command,
             "mkdir -p -m 755 '%s/above' '%s/above/folder' && cp '%s/examples/plugins/rate.so' "
             "'%s' && chmod 755 '%s'",
             dir, dir, getenv("ATE_BUILD_ROOT"), file, file);
    assert_int_equal(shell(command), 0);
}

static int load(const char *file)
{
    struct ate_plugin *p = NULL;
    int rc = ate_plugin_load(file, "50", &p);
    ate_plugin_end(p);
    return rc;
}

static void plugin_of_others(void)
{
    static const struct {
        const char *what;
        mode_t mode;
    } ways[] = {{"/above/folder/rate.so", 0757}, {"/above/folder", 0777}, {"/above", 0777}};
    char file[600], path[600];
    for (size_t i = 0; i < ATE__COUNT_OF(ways); i++) {
        const char *dir = tmpdir_new();
        place(dir, file);
        attack_must(load(file));
        snprintf(path, sizeof path, "%s%s", dir, ways[i].what);
        assert_int_equal(chmod(path, ways[i].mode), 0);
        attack_tried(ways[i].what, load(file), ATE_DENIED);
    }
}

static void plugin_linked(void)
{
    char file[600], link[600];
    const char *dir = tmpdir_new();
    place(dir, file);
    snprintf(link, sizeof link, "%s/link.so", dir);
    assert_int_equal(symlink(file, link), 0);
    attack_tried("a link", load(link), ATE_DENIED);
}

static void plugin_of_another_abi(void)
{
    static const struct ate_plugin_vtable later = {.abi = ATE_PLUGIN_ABI + 1, .name = "later"};
    struct ate_plugin *p = NULL;
    int rc = ate_plugin_start(&later, NULL, &p);
    ate_plugin_end(p);
    attack_tried("started", rc, ATE_UNSUPPORTED);
}

/* ---- what it says ---- */

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool held; /* validate() does not return */
    int lint, validate; /* results */
} asked = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0};

static int lint(void *state, const struct ate_plugin_change *change, char *text)
{
    (void)state, (void)change, (void)text;
    return asked.lint;
}

static int validate(void *state, const struct ate_plugin_txn *txn, char *text)
{
    (void)state, (void)txn, (void)text;
    pthread_mutex_lock(&asked.mutex);
    while (asked.held)
        pthread_cond_wait(&asked.changed, &asked.mutex);
    pthread_mutex_unlock(&asked.mutex);
    return asked.validate;
}

static void hold(bool held)
{
    pthread_mutex_lock(&asked.mutex);
    asked.held = held;
    pthread_cond_broadcast(&asked.changed);
    pthread_mutex_unlock(&asked.mutex);
}

static int put(struct ate_chain *c)
{
    struct ate_txn *txn;
    struct ate_id id;
    attack_must(ate_txn_begin(c, NULL, 0, &txn));
    attack_must(ate_put_as(txn, note, ate_top, "a", &(struct note){"1"}, &id));
    int rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

static struct ate_chain *guarded(uint32_t timeout_ms, struct ate_plugin **ret_plugin)
{
    static struct ate_plugin_vtable v = {
        .abi = ATE_PLUGIN_ABI, .name = "guard", .lint = lint, .validate = validate};
    struct ate_session *s;
    struct ate_chain *c;
    char key[600];
    const char *dir = tmpdir_new();
    v.timeout_ms = timeout_ms;
    snprintf(key, sizeof key, "%s/key", dir);
    asked.lint = asked.validate = 0;
    attack_must(ate_plugin_start(&v, NULL, ret_plugin));
    attack_must(ate_session_open(key, ATE_CREATE, &s));
    snprintf(key, sizeof key, "%s/chain", dir);
    const struct ate_chain_conf conf = {.plugins = ret_plugin, .plugin_count = 1};
    attack_must(ate_chain_open(key, s, ATE_CREATE, &conf, &c));
    ate_session_close(s);
    return c;
}

static void plugin_held_up(void)
{
    struct ate_plugin *p;
    struct ate_chain *c = guarded(50, &p);
    hold(true);
    attack_tried("while it is at work", put(c), ATE_BUSY);
    hold(false);
    ate_chain_close(c);
    ate_plugin_end(p);
}

static void plugin_failed(void)
{
    struct ate_plugin *p;
    struct ate_chain *c = guarded(60000, &p);
    asked.validate = -1;
    attack_tried("validate() fails", put(c), ATE_DENIED);
    asked.validate = 0;
    asked.lint = -1;
    attack_tried("lint() fails", put(c), ATE_DENIED);
    ate_chain_close(c);
    ate_plugin_end(p);
}

/* END from below says that there was nothing to commit, and so that all is well. */
static void plugin_says_end(void)
{
    struct ate_plugin *p;
    struct ate_chain *c = guarded(60000, &p);
    asked.lint = ATE_END;
    attack_tried("lint() says END", put(c), ATE_DENIED);
    ate_chain_close(c);
    ate_plugin_end(p);
}

/* ---- sealed records ---- */

extern const struct ate_plugin_vtable ate_plugin_main; /* examples/plugins/at_rest.c */

static const char *key_file(void)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/key", tmpdir_new());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite("01234567890123456789012345678901", 1, 32, f), 32);
    assert_int_equal(fclose(f) | chmod(path, 0600), 0);
    return path;
}

/* The record of sequence n of the history, as the plug-in leaves it at that place. */
static void seal(void *state, const struct past *p, const struct ate_hash *chain_id, uint64_t n,
                 struct ate__buf *to)
{
    char text[ATE_PLUGIN_TEXT] = "";
    uint8_t head[2] = {ATE__AT_REST_MARK, (uint8_t)strlen(ate_plugin_main.name)};
    struct ate_bytes record = ate__buf_bytes(&p->record[n]);
    size_t size = record.size + ATE_PLUGIN_SEAL_MORE;
    attack_must(ate__buf_append(to, ate__bytes(head, sizeof head)));
    attack_must(ate__buf_append(to, ate__text_bytes(ate_plugin_main.name)));
    attack_must(ate__buf_reserve(to, size));
    attack_must(ate_plugin_main.seal(state, chain_id, n, record, to->data + to->size, &size, text));
    to->size += size;
}

/* Each record of the history becomes what is sealed; of `foreign`, if it is one, for that chain. */
static void seal_all(struct past *p, const char *key, uint64_t foreign,
                     const struct ate_hash *of_chain)
{
    void *state;
    char text[ATE_PLUGIN_TEXT] = "";
    attack_must(ate_plugin_main.start(key, &state, text));
    for (uint64_t n = 0; n < p->size; n++) {
        struct ate__buf sealed = ATE__BUF_NULL;
        seal(state, p, n == foreign ? of_chain : &p->chain_id, n, &sealed);
        ate__buf_deinit(&p->record[n]); /* the leaf stays */
        p->record[n] = sealed;
    }
    ate_plugin_main.stop(state);
}

static int open_sealed(const char *dir, const char *key, uint64_t size)
{
    struct ate_plugin *p;
    struct ate_chain *c = NULL;
    attack_must(ate_plugin_start(&ate_plugin_main, key, &p));
    int rc = attack_open_chain(dir, 0, &c);
    if (!rc && ate_chain_head(c).size != size)
        fail_msg("it opens, but with %llu transactions",
                 (unsigned long long)ate_chain_head(c).size);
    ate_chain_close(c);
    ate_plugin_end(p);
    return rc;
}

/* The last two in one group. */
static void append_two(const char *dir, struct past *p)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    uint64_t n = p->size - 2;
    struct ate_bytes records[] = {ate__buf_bytes(&p->record[n]), ate__buf_bytes(&p->record[n + 1])};
    struct ate__group_in group = {.first_sequence = n,
                                  .root_time_us = p->time_us[n],
                                  .head_before = past_head(p, n).root,
                                  .records = records,
                                  .count = 2};
    struct ate__storage *storage;
    struct ate__dir *d;
    attack_must(vfs->open_root(vfs->user, dir, &d));
    attack_must(ate__storage_open_file(&ate__env_real, d, 0, NULL, ATE__ROLE_ROOT, NULL, &storage));
    attack_must(storage->v->begin(storage));
    attack_must(storage->v->append(storage, &group));
    storage->v->close(storage);
    vfs->close_dir(d);
}

static int write_and_open(struct past *p, const char *key)
{
    const char *dir = tmpdir_new();
    attack_write_chain(dir, p, &p->chain_id, p->size - 2);
    append_two(dir, p);
    return open_sealed(dir, key, p->size);
}

/* A byte of the last, which is nobody's to sign. */
static void sealed_changed(void)
{
    const char *key = key_file();
    struct past *p = attack_commons();
    struct ate__buf *last = &p->record[p->size - 1];
    const uint8_t *at = memmem(last->data, last->size, "second", 6);
    assert_non_null(at);
    size_t behind = last->size - (size_t)(at - last->data);
    seal_all(p, key, UINT64_MAX, NULL);
    attack_must(write_and_open(p, key));
    last->data[last->size - behind] ^= 1;
    attack_tried("in a segment", write_and_open(p, key), ATE_TAMPERED);
    past_free(p);
}

/* Two of one group, and the last one: no head says in which order they were. */
static void sealed_swapped(void)
{
    const char *key = key_file();
    struct past *p = attack_commons();
    past_create(p, -1, 3, 0, NULL, "third");
    seal_all(p, key, UINT64_MAX, NULL);
    attack_must(write_and_open(p, key));
    struct ate__buf second = p->record[2];
    p->record[2] = p->record[3];
    p->record[3] = second;
    attack_tried("in a segment", write_and_open(p, key), ATE_TAMPERED);
    past_free(p);
}

/* What was sealed under the same key in another chain. */
static void sealed_in_another_chain(void)
{
    const char *key = key_file();
    struct past *p = attack_commons();
    struct draft d;
    past_begin(p, &d);
    d.in.chain_id.b[0] ^= 1;
    struct ate_hash other = d.in.chain_id;
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_commit(p, &d);
    seal_all(p, key, p->size - 1, &other);
    attack_tried("in a segment", write_and_open(p, key), ATE_TAMPERED);
    past_free(p);
}

/* What was sealed at this place in another history of this chain, an older one. */
static void sealed_in_another_history(void)
{
    const char *key = key_file(), *dir = tmpdir_new();
    struct past *p = attack_commons(), *q = past_copy(p);
    ate__tx_deinit(&q->tx[2]);
    ate__buf_deinit(&q->record[2]);
    q->size = 2;
    q->number += 10;
    past_create(q, -1, 2, 1, "two", "another second");
    past_create(p, -1, 3, 0, NULL, "third");
    past_add(q, ate__buf_bytes(&p->record[3]));
    q->leaf[2] = p->leaf[2]; /* so that group 3 names the head of the history that is there */
    seal_all(q, key, UINT64_MAX, NULL);
    attack_write_chain(dir, q, &q->chain_id, q->size);
    attack_tried("in a segment", open_sealed(dir, key, q->size), ATE_TAMPERED);
    past_free(p);
    past_free(q);
}

/* The log without its last record, which was there when it was opened before. */
static void sealed_cut(void)
{
    const char *key = key_file(), *dir = tmpdir_new();
    struct past *p = attack_commons();
    seal_all(p, key, UINT64_MAX, NULL);
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(open_sealed(dir, key, p->size));
    attack_write_anew(dir, p, p->size - 1);
    attack_tried("opened again", open_sealed(dir, key, p->size - 1), ATE_ROLLED_BACK);
    past_free(p);
}

const struct attack attacks_plugins[] = {
    {"plugin-of-others", plugin_of_others},
    {"plugin-linked", plugin_linked},
    {"plugin-of-another-abi", plugin_of_another_abi},
    {"plugin-held-up", plugin_held_up},
    {"plugin-failed", plugin_failed},
    {"plugin-says-end", plugin_says_end},
    {"sealed-changed", sealed_changed},
    {"sealed-swapped", sealed_swapped},
    {"sealed-in-another-chain", sealed_in_another_chain},
    {"sealed-in-another-history", sealed_in_another_history},
    {"sealed-cut", sealed_cut},
    {NULL, NULL},
};
