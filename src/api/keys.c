/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keys.c: key files: made, read, sealed with a password, split.
 *
 * Passwords lie in memory of ate__secret_alloc(), from the moment they are asked for.
 */
#include "api/keys.h"
#include "api/api.h"
#include <stdio.h>
#include <unistd.h>

static int blame(int rc, const char *path)
{
    char shown[512];
    return ate__context(rc, "%s", ate__escaped(ate__text_bytes(path), shown, sizeof shown));
}

static bool is_public(struct ate_bytes text)
{
    static const char head[] = "ate-public-key ";
    return text.size >= sizeof head - 1 && !memcmp(text.data, head, sizeof head - 1);
}

int ate__key_file_read(const char *path, struct ate__key_file *ret)
{
    /* Room from the start, so that no copy of a secret is left behind by growing. */
    ate__cleanup(ate__buf_wipe) struct ate__buf text = ATE__BUF_NULL;
    char shown[512];
    unsigned mode;
    struct ate__key_file f = {.text = NULL};
    int rc = ate__buf_reserve(&text, ATE__KEY_FILE_MAX + 4096);
    if (!rc)
        rc = ate__file_read(path, ATE__KEY_FILE_MAX, &text, &mode);
    if (rc)
        return rc;
    if (is_public(ate__buf_bytes(&text))) {
        rc = ate__public_key_decode(ate__buf_bytes(&text), &f.public_key, f.label);
    } else if (mode & 077) {
        ate__escaped(ate__text_bytes(path), shown, sizeof shown);
        return ate__fail(ATE_DENIED,
                         "%s: others may get at this key file (mode %03o); make it yours alone: "
                         "chmod 600 %s",
                         shown, mode, shown);
    } else {
        rc = ate__key_text_parse(ate__buf_bytes(&text), &f.text);
        if (!rc)
            snprintf(f.label, sizeof f.label, "%s", f.text->label);
    }
    if (rc)
        return blame(rc, path);
    *ret = f;
    return 0;
}

/* ---- passwords ---- */

struct secret_text {
    size_t size;
    char text[ATE__PASSWORD_MAX];
};

static void secret_text_freep(struct secret_text **t)
{
    ate__secret_free(*t);
}

static int ask(const struct ate_password *password, const char *path, unsigned attempt,
               struct secret_text *ret)
{
    size_t size = password->ask(password->arg, path, attempt, ret->text, sizeof ret->text);
    if (!size || size > sizeof ret->text)
        return ate__fail(ATE_NO_KEY, "no password was given");
    ret->size = size;
    return 0;
}

static int open_text(const char *path, const struct ate__key_text *text,
                     const struct ate_password *password, struct ate__key **ret_key)
{
    ate__cleanup(secret_text_freep) struct secret_text *given = NULL; /* wiped */
    if (!text->sealed || !password)
        return ate__key_text_open(text, ate__bytes(NULL, 0), ret_key);
    given = ate__secret_alloc(sizeof *given);
    if (!given)
        return ate__no_memory();
    int rc = ATE_NO_KEY;
    for (unsigned i = 0; rc == ATE_NO_KEY && i < ATE__PASSWORD_ATTEMPTS_MAX; i++) {
        rc = ask(password, path, i, given);
        if (rc)
            return i ? ate__fail(rc, "it does not open: a wrong password, or it was changed") : rc;
        rc = ate__key_text_open(text, ate__bytes(given->text, given->size), ret_key);
    }
    return rc;
}

int ate__key_file_open(const char *path, const struct ate__key_file *f,
                       const struct ate_password *password, struct ate__key **ret_key)
{
    int rc = open_text(path, f->text, password, ret_key);
    return rc ? blame(rc, path) : 0;
}

/* ---- making them ---- */

/* fresh: NULL: not sealed. */
static int encode(const struct ate__key *key, enum ate__key_holds holds, const char *path,
                  const struct ate_password *fresh, struct ate__secret *ret_text)
{
    ate__cleanup(secret_text_freep) struct secret_text *given = NULL; /* wiped */
    if (!fresh)
        return ate__key_encode_half(key, holds, ret_text);
    given = ate__secret_alloc(sizeof *given);
    if (!given)
        return ate__no_memory();
    int rc = ask(fresh, path, 0, given);
    return rc ? rc
              : ate__key_encode_sealed(key, holds, &ate__env_real,
                                       ate__bytes(given->text, given->size), ret_text);
}

static int check_label(const char *label)
{
    struct ate_bytes bytes = ate__text_bytes(label);
    bool good = bytes.size <= ATE__KEY_LABEL_MAX && ate__utf8_valid(bytes);
    for (const char *c = label; *c; c++)
        good = good && (unsigned char)*c >= ' ' && *c != 127;
    return good ? 0
                : ate__fail(ATE_MISUSE,
                            "label: at most %d bytes of UTF-8 without control "
                            "characters",
                            ATE__KEY_LABEL_MAX);
}

static int form_of(const struct ate_key_conf *conf, struct ate__key_form *ret_form)
{
    unsigned strength = conf->strength ? conf->strength : 192;
    if (!ate__strength_known(strength))
        return ate__fail(ATE_MISUSE, "strength %u is none of 128, 192 and 256", strength);
    *ret_form = ate__key_form_of_strength(strength);
    if (!conf->algorithm)
        return 0;
    if (conf->strength)
        return ate__fail(ATE_MISUSE, "either a strength or an algorithm");
    int rc = ate__key_form_parse(ate__text_bytes(conf->algorithm), ret_form);
    return rc ? ate__context(rc, "algorithm") : 0;
}

int ate_key_make(const char *key_file, const struct ate_key_conf *conf,
                 struct ate_hash *ret_fingerprint)
{
    static const struct ate_key_conf defaults;
    ate__cleanup(ate__secret_deinit) struct ate__secret text = ATE__SECRET_NULL;
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed; /* wiped */
    const struct ate_key_conf *c = conf ? conf : &defaults;
    struct ate__key_form form = {NULL, NULL};
    int rc = ate__conf_check("key", c);
    if (!rc && c->label)
        rc = check_label(c->label);
    if (!rc)
        rc = form_of(c, &form);
    if (!rc && !access(key_file, F_OK)) /* before anybody is asked for a password */
        rc = blame(ate__fail(ATE_EXISTS, "the file is there already, and is never overwritten"),
                   key_file);
    if (rc)
        return rc;
    ate__random(&ate__env_real, seed.b, sizeof seed.b);
    rc = ate__key_make(&form, &seed, c->label, &key);
    if (!rc)
        rc = encode(key, ATE__KEY_ALL, key_file, c->password, &text);
    if (!rc)
        rc = ate__file_create(key_file, ate__bytes(text.data, text.size));
    if (!rc && ret_fingerprint)
        *ret_fingerprint = key->fingerprint;
    return rc;
}

int ate_key_create(const char *key_file, const char *label, struct ate_hash *ret_fingerprint)
{
    const struct ate_key_conf conf = {.label = label};
    return ate_key_make(key_file, &conf, ret_fingerprint);
}

/* ---- of those that are there ---- */

static int open_private(const char *path, const struct ate_password *password,
                        struct ate__key **ret_key)
{
    struct ate__key_file f;
    int rc = ate__key_file_read(path, &f);
    if (rc)
        return rc;
    if (!f.text)
        rc = blame(ate__fail(ATE_MALFORMED, "a public file, where a private one belongs"), path);
    else
        rc = ate__key_file_open(path, &f, password, ret_key);
    ate__key_text_free(f.text);
    ate__buf_deinit(&f.public_key);
    return rc;
}

int ate_key_seal(const char *key_file, const struct ate_password *password,
                 const struct ate_password *fresh)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = ATE__SECRET_NULL;
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    int rc = open_private(key_file, password, &key);
    if (!rc)
        rc = encode(key, key->holds, key_file, fresh, &text);
    return rc ? rc : ate__file_replace(key_file, ate__bytes(text.data, text.size));
}

static int write_half(const struct ate__key *key, enum ate__key_holds holds, const char *path,
                      const struct ate_password *fresh)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = ATE__SECRET_NULL;
    int rc = encode(key, holds, path, fresh, &text);
    return rc ? rc : ate__file_create(path, ate__bytes(text.data, text.size));
}

static int write_public(const struct ate__key *key, const char *path)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = ate__public_key_encode(ate__buf_bytes(&key->public_key), key->label, &text);
    return rc ? rc : ate__file_create(path, ate__buf_bytes(&text));
}

int ate_key_split(const char *key_file, const struct ate_password *password,
                  const struct ate_key_halves *files, const struct ate_password *fresh)
{
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    bool reads = false, writes = false;
    int rc = open_private(key_file, password, &key);
    if (!rc && files->reads) {
        rc = write_half(key, ATE__KEY_READS, files->reads, fresh);
        reads = !rc;
    }
    if (!rc && files->writes) {
        rc = write_half(key, ATE__KEY_WRITES, files->writes, fresh);
        writes = !rc;
    }
    if (!rc && files->public_half)
        rc = write_public(key, files->public_half);
    if (rc && reads)
        unlink(files->reads);
    if (rc && writes)
        unlink(files->writes);
    return rc;
}

/* The public key of a file: of one that does not state it, of version 1, from its seed. */
static int public_of(const char *path, struct ate__key_file *f)
{
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    if (!f->text)
        return 0;
    if (f->text->public_size)
        return ate__buf_append(&f->public_key, ate__key_text_public(f->text));
    int rc = ate__key_file_open(path, f, NULL, &key);
    return rc ? rc : ate__buf_append(&f->public_key, ate__buf_bytes(&key->public_key));
}

static void let_go(struct ate__key_file *f)
{
    ate__key_text_free(f->text);
    ate__buf_deinit(&f->public_key);
}

_Static_assert((int)ATE_HALF_READS == ATE__KEY_READS && (int)ATE_HALF_WRITES == ATE__KEY_WRITES,
               "one numbering");

int ate_key_show(const char *key_file, struct ate_key_info *ret_info)
{
    ate__cleanup(let_go) struct ate__key_file f = {.text = NULL};
    struct ate_key_info info = {.label = ""};
    struct ate__public_parts parts;
    _Static_assert(sizeof info.algorithm >= ATE__KEY_FORM_TEXT, "room");
    int rc = ate__key_file_read(key_file, &f);
    if (!rc)
        rc = public_of(key_file, &f);
    if (!rc)
        rc = ate__public_key_split(ate__buf_bytes(&f.public_key), &parts);
    if (!rc)
        rc = ate__fingerprint(ate__buf_bytes(&f.public_key), &info.fingerprint);
    if (rc)
        return rc;
    info.is_private = f.text != NULL;
    info.is_sealed = f.text && f.text->sealed;
    info.half = f.text ? (uint8_t)f.text->holds : ATE_WHOLE;
    info.strength = (uint16_t)ate__public_strength(&parts);
    ate__key_form_text(&parts, info.algorithm);
    snprintf(info.label, sizeof info.label, "%s", f.label);
    *ret_info = info;
    return 0;
}

int ate_key_public_text(const char *key_file, char **ret_text)
{
    ate__cleanup(let_go) struct ate__key_file f = {.text = NULL};
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = ate__key_file_read(key_file, &f);
    if (!rc)
        rc = public_of(key_file, &f);
    if (!rc)
        rc = ate__public_key_encode(ate__buf_bytes(&f.public_key), f.label, &text);
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    if (!rc)
        *ret_text = (char *)ate__steal(&text.data);
    return rc;
}
