/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.c: key files on disk, and the sessions that are made of them.
 */
#include "api/api.h"
#include <stdio.h>

static bool is_public(struct ate_bytes text)
{
    static const char head[] = "ate-public-key ";
    return text.size >= sizeof head - 1 && !memcmp(text.data, head, sizeof head - 1);
}

struct key_file { /* one or the other */
    struct ate__key *key;
    struct ate__buf public_key;
    char label[ATE__KEY_LABEL_MAX + 1];
};

static int read_key_file(const char *path, struct key_file *ret)
{
    /* Room from the start, so that no copy of a secret is left behind by growing. */
    ate__cleanup(ate__buf_wipe) struct ate__buf text = ATE__BUF_NULL;
    char shown[512];
    unsigned mode;
    struct key_file f = {0};
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
        rc = ate__key_decode(ate__buf_bytes(&text), &f.key);
        if (!rc)
            snprintf(f.label, sizeof f.label, "%s", f.key->label);
    }
    if (rc)
        return ate__context(rc, "%s", ate__escaped(ate__text_bytes(path), shown, sizeof shown));
    *ret = f;
    return 0;
}

/* ---- sessions ---- */

static int add_key_file(struct ate_session *s, const char *path, bool first)
{
    struct key_file f;
    char shown[512];
    int rc = read_key_file(path, &f);
    if (rc)
        return rc;
    if (f.key)
        return ate__session_add(s, f.key);
    if (first)
        rc = ate__fail(ATE_NO_KEY, "%s: a public file; the first key has to be a private one",
                       ate__escaped(ate__text_bytes(path), shown, sizeof shown));
    else
        rc = ate__session_add_labelled(s, ate__buf_bytes(&f.public_key), f.label);
    ate__buf_deinit(&f.public_key);
    return rc;
}

int ate_session_open_all(const char *const *key_files, size_t count,
                         struct ate_session **ret_session)
{
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    int rc = ate__session_new(&s);
    for (size_t i = 0; !rc && i < count; i++)
        rc = add_key_file(s, key_files[i], i == 0);
    if (!rc)
        *ret_session = ate__steal(&s);
    return rc;
}

int ate_session_open(const char *key_file, unsigned flags, struct ate_session **ret_session)
{
    struct ate_hash ignored;
    if (flags & ~(unsigned)ATE_CREATE)
        return ate__fail(ATE_MISUSE, "session: unknown flags %#x", flags);
    int rc = ate_session_open_all(&key_file, key_file ? 1 : 0, ret_session);
    if (rc != ATE_NOT_FOUND || !(flags & ATE_CREATE))
        return rc;
    rc = ate_key_create(key_file, NULL, &ignored);
    if (rc && rc != ATE_EXISTS) /* somebody else may have made it meanwhile */
        return rc;
    return ate_session_open_all(&key_file, 1, ret_session);
}

int ate_session_add_key(struct ate_session *session, const char *key_file)
{
    return add_key_file(session, key_file, false);
}

struct ate_hash ate_session_fingerprint(const struct ate_session *session)
{
    const struct ate__key *key = ate__session_key(session, 0);
    return key ? key->fingerprint : (struct ate_hash){{0}};
}

size_t ate_session_fingerprints(const struct ate_session *session,
                                const struct ate_hash **ret_fingerprints)
{
    return ate__session_lend_fingerprints(session, ret_fingerprints);
}

void ate_session_close(struct ate_session *session)
{
    ate__session_unref(session);
}

/* ---- key files ---- */

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

int ate_key_create(const char *key_file, const char *label, struct ate_hash *ret_fingerprint)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = ATE__SECRET_NULL;
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    int rc = label ? check_label(label) : 0;
    if (!rc)
        rc = ate__key_generate(&ate__env_real, label ? label : "", &key);
    if (!rc)
        rc = ate__key_encode(key, &text);
    if (!rc)
        rc = ate__file_create(key_file, ate__bytes(text.data, text.size));
    if (!rc && ret_fingerprint)
        *ret_fingerprint = key->fingerprint;
    return rc;
}

int ate_key_show(const char *key_file, struct ate_key_info *ret_info)
{
    struct key_file f;
    struct ate_key_info info = {.algorithm = "mldsa65-ed25519-sha512 x-wing"};
    int rc = read_key_file(key_file, &f);
    if (rc)
        return rc;
    info.is_private = f.key != NULL;
    snprintf(info.label, sizeof info.label, "%s", f.label);
    if (f.key)
        info.fingerprint = f.key->fingerprint;
    else
        rc = ate__fingerprint(ate__buf_bytes(&f.public_key), &info.fingerprint);
    ate__key_free(f.key);
    ate__buf_deinit(&f.public_key);
    if (!rc)
        *ret_info = info;
    return rc;
}

int ate_key_public_text(const char *key_file, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    struct key_file f;
    int rc = read_key_file(key_file, &f);
    if (rc)
        return rc;
    struct ate_bytes key = ate__buf_bytes(f.key ? &f.key->public_key : &f.public_key);
    rc = ate__public_key_encode(key, f.label, &text);
    ate__key_free(f.key);
    ate__buf_deinit(&f.public_key);
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    if (!rc)
        *ret_text = (char *)ate__steal(&text.data);
    return rc;
}
