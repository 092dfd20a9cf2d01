/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.c: sessions, made of key files.
 */
#include "api/api.h"
#include "api/keys.h"

static int add_key_file(struct ate_session *s, const char *path,
                        const struct ate_password *password, bool first)
{
    struct ate__key_file f;
    struct ate__key *key = NULL;
    char shown[512];
    int rc = ate__key_file_read(path, &f);
    if (rc)
        return rc;
    if (f.text) {
        rc = ate__key_file_open(path, &f, password, &key);
        ate__key_text_free(f.text);
        return rc ? rc : ate__session_add(s, key);
    }
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
    return ate_session_open_sealed(key_files, count, NULL, ret_session);
}

int ate_session_open_sealed(const char *const *key_files, size_t count,
                            const struct ate_password *password, struct ate_session **ret_session)
{
    ate__cleanup(ate__session_unrefp) struct ate_session *s = NULL;
    int rc = ate__session_new(&s);
    for (size_t i = 0; !rc && i < count; i++)
        rc = add_key_file(s, key_files[i], password, i == 0);
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
    return add_key_file(session, key_file, NULL, false);
}

int ate_session_add_sealed(struct ate_session *session, const char *key_file,
                           const struct ate_password *password)
{
    return add_key_file(session, key_file, password, false);
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
