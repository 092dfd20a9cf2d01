/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * home.c: the directory of a server's chains.
 */
#include "mesh/home.h"
#include "base/alloc.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/name.h"
#include "base/replace.h"
#include "base/text.h"
#include "crypto/keyfile.h"
#include <stdio.h>

#define OWN_NAME ",server"
#define KEY_NAME "key"
#define CERTIFICATE_NAME "certificate"
#define LOG_KEY_NAME "log-key"
#define LOCK_NAME "lock"
#define CHAIN_NAME ",chain"

/* --- LOGS --- */

static int take_lock(struct ate__home *h, const char *logs)
{
    int rc = h->vfs->open(h->own, LOCK_NAME, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &h->lock);
    if (!rc)
        rc = h->vfs->lock(h->lock, true);
    return rc == ATE_IN_USE ? ate__fail(rc, "another server serves %s", logs) : rc;
}

int ate__home_open(const struct ate__env *env, const char *logs, bool lock,
                   struct ate__home *ret_home)
{
    struct ate__home h = {.vfs = env->vfs};
    if (!logs[0])
        return ate__fail(ATE_E_SYSTEM, "the directory of the chains has no name");
    h.place = ate__copy_text(logs);
    int rc = h.place ? ate__dir_open(h.vfs, logs, ATE__DIR_MAKE_ALL, &h.logs) : ate__no_memory();
    if (!rc)
        rc = h.vfs->open_dir(h.logs, OWN_NAME, true, &h.own);
    if (!rc && lock)
        rc = take_lock(&h, logs);
    if (rc) {
        ate__home_close(&h);
        return rc;
    }
    *ret_home = h;
    return 0;
}

void ate__home_close(struct ate__home *h)
{
    if (!h->vfs)
        return;
    h->vfs->close_dir(h->own);
    h->vfs->close_dir(h->logs);
    h->vfs->close(h->lock);
    ate__free(h->place);
    *h = (struct ate__home){.vfs = NULL};
}

/* --- small files --- */

/* Reads a file of at most size_max bytes into room of size_max + 1. check may be NULL. */
static int read_into(struct ate__home *h, const char *name, uint8_t *to, size_t size_max,
                     size_t *ret_size,
                     int (*check)(struct ate__home *h, const char *name, struct ate__file *file))
{
    struct ate__file *file;
    int rc = h->vfs->open(h->own, name, ATE__OPEN_READ, &file);
    if (rc)
        return rc;
    rc = check ? check(h, name, file) : 0;
    if (!rc)
        rc = h->vfs->read(file, 0, to, size_max + 1, ret_size);
    h->vfs->close(file);
    if (!rc && *ret_size > size_max)
        rc = ate__fail(ATE_TOO_BIG, "%s/%s has more than %zu bytes", OWN_NAME, name, size_max);
    return rc;
}

int ate__home_alone(struct ate__home *h, const char *name, bool *ret_alone)
{
    struct ate__stat about;
    struct ate__file *file;
    int rc = h->vfs->open(h->own, name, ATE__OPEN_READ, &file);
    if (rc)
        return rc;
    rc = h->vfs->stat(file, &about);
    h->vfs->close(file);
    if (!rc)
        *ret_alone = !(about.mode & 077);
    return rc;
}

int ate__home_read(struct ate__home *h, const char *name, size_t size_max,
                   struct ate__buf *ret_bytes)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    int rc = ate__buf_reserve(&bytes, size_max + 1);
    if (!rc)
        rc = read_into(h, name, bytes.data, size_max, &bytes.size, NULL);
    if (rc)
        return rc;
    *ret_bytes = bytes;
    bytes = ATE__BUF_NULL;
    return 0;
}

int ate__home_write(struct ate__home *h, const char *name, struct ate_bytes bytes, bool private_)
{
    return ate__replace_file(h->vfs, h->own, name, bytes, private_ ? ATE__OPEN_PRIVATE : 0);
}

/* --- the key --- */

static int make_key(struct ate__home *h, struct ate__tls_server_key **ret_key)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret pem = ATE__SECRET_NULL;
    ate__cleanup(ate__tls_server_key_freep) struct ate__tls_server_key *key = NULL;
    if (!h->lock)
        return ate__fail(ATE_NOT_FOUND, "there is no key yet");
    int rc = ate__tls_server_key_generate(&pem);
    if (!rc)
        rc = ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &key);
    if (!rc)
        rc = ate__home_write(h, KEY_NAME, ate__bytes(pem.data, pem.size), true);
    if (rc)
        return rc;
    *ret_key = ate__steal(&key);
    return 0;
}

/* A key that others could read is no secret any more; mending that is for its owner to decide. */
static int check_alone(struct ate__home *h, const char *name, struct ate__file *file)
{
    char shown[512];
    struct ate__stat about;
    int rc = h->vfs->stat(file, &about);
    if (rc || !(about.mode & 077))
        return rc;
    ate__escaped(ate__text_bytes(h->place), shown, sizeof shown);
    return ate__fail(
        ATE_DENIED,
        "others may get at it (mode %03o); make it the server's alone: chmod 600 %s/" OWN_NAME
        "/%s",
        (unsigned)about.mode & 0777, shown, name);
}

/* What an authority says of the key, for clients without a pin. */
static int certify(struct ate__home *h, struct ate__tls_server_key *key)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf pem = ATE__BUF_NULL;
    int rc = ate__home_read(h, CERTIFICATE_NAME, ATE__TLS_CERTIFICATE_FILE_MAX, &pem);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (!rc)
        rc = ate__tls_server_key_certify(key, ate__buf_bytes(&pem));
    return ate__context(rc, "%s/%s", OWN_NAME, CERTIFICATE_NAME);
}

int ate__home_key(struct ate__home *h, struct ate__tls_server_key **ret_key)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret pem = ATE__SECRET_NULL;
    ate__cleanup(ate__tls_server_key_freep) struct ate__tls_server_key *key = NULL;
    size_t size;
    int rc = ate__secret_init(&pem, ATE__TLS_KEY_FILE_MAX + 1);
    if (!rc)
        rc = read_into(h, KEY_NAME, pem.data, ATE__TLS_KEY_FILE_MAX, &size, check_alone);
    if (rc == ATE_NOT_FOUND)
        rc = make_key(h, &key);
    else if (!rc)
        rc = ate__tls_server_key_load(ate__bytes(pem.data, size), &key);
    rc = ate__context(rc, "%s/%s", OWN_NAME, KEY_NAME);
    if (!rc)
        rc = certify(h, key);
    if (!rc)
        *ret_key = ate__steal(&key);
    return rc;
}

/* --- the log key --- */

static int make_log_key(struct ate__home *h, const struct ate__env *env, struct ate__key **ret_key)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = ATE__SECRET_NULL;
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    if (!h->lock)
        return ate__fail(ATE_NOT_FOUND, "there is no key yet");
    int rc = ate__key_generate(env, "log key of a server", &key);
    if (!rc)
        rc = ate__key_encode(key, &text);
    if (!rc)
        rc = ate__home_write(h, LOG_KEY_NAME, ate__bytes(text.data, text.size), true);
    if (rc)
        return rc;
    *ret_key = ate__steal(&key);
    return 0;
}

int ate__home_log_key(struct ate__home *h, const struct ate__env *env,
                      struct ate__log_key **ret_key)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = ATE__SECRET_NULL;
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    size_t size;
    int rc = ate__secret_init(&text, ATE__KEY_FILE_MAX + 1);
    if (!rc)
        rc = read_into(h, LOG_KEY_NAME, text.data, ATE__KEY_FILE_MAX, &size, check_alone);
    if (rc == ATE_NOT_FOUND)
        rc = make_log_key(h, env, &key);
    else if (!rc)
        rc = ate__key_decode(ate__bytes(text.data, size), &key);
    if (!rc && key->holds != ATE__KEY_ALL)
        rc = ate__fail(ATE_NO_KEY, "a half of a key");
    if (!rc)
        rc = ate__log_key_of_seed(&key->seed, ret_key);
    return ate__context(rc, "%s/%s", OWN_NAME, LOG_KEY_NAME);
}

/* --- chains --- */

int ate__home_dir(struct ate__home *h, const char *chain, bool create, struct ate__dir **ret_dir)
{
    char name[ATE__CHAIN_SEGMENT_MAX + 1];
    struct ate_bytes segment;
    struct ate__dir *dir = NULL;
    for (size_t at = 0; ate__chain_name_next(ate__text_bytes(chain), &at, &segment);) {
        struct ate__dir *below;
        memcpy(name, segment.data, segment.size);
        name[segment.size] = 0;
        int rc = h->vfs->open_dir(dir ? dir : h->logs, name, create, &below);
        h->vfs->close_dir(dir);
        if (rc)
            return rc;
        dir = below;
    }
    *ret_dir = dir;
    return 0;
}

struct count {
    struct ate__home *home;
    struct ate__dir *dir;
    size_t most, chains;
    unsigned depth;
};

static int count_in(struct count *c);

static int count_name(void *arg, const char *name)
{
    struct count *c = arg;
    if (!strcmp(name, CHAIN_NAME)) {
        c->chains++;
    } else if (!ate__chain_segment_check(ate__text_bytes(name)) &&
               c->depth < ATE__CHAIN_SEGMENTS_MAX) {
        struct count below = {c->home, NULL, c->most, c->chains, c->depth + 1};
        int rc = c->home->vfs->open_dir(c->dir, name, false, &below.dir);
        if (!rc)
            rc = count_in(&below);
        c->home->vfs->close_dir(below.dir);
        c->chains = below.chains;
        /* Whatever else lies there is no chain. */
        if (rc && rc != ATE_NOT_FOUND && rc != ATE_E_SYSTEM)
            return rc;
    }
    return c->chains < c->most ? 0 : ATE_END;
}

static int count_in(struct count *c)
{
    int rc = c->home->vfs->list(c->dir, count_name, c);
    return rc == ATE_END ? 0 : rc;
}

int ate__home_count(struct ate__home *h, size_t most, size_t *ret_count)
{
    struct count c = {.home = h, .dir = h->logs, .most = most};
    int rc = most ? count_in(&c) : 0;
    if (!rc)
        *ret_count = c.chains;
    return rc;
}
