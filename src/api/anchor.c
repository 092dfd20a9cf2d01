/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/anchor.h"
#include "api/api.h"
#include "crypto/keyfile.h"
#include <stdio.h>

static int add_root(struct ate__anchor *a, const struct ate_hash *root)
{
    size_t capacity = a->root_count;
    int rc = ate__grow(&a->roots, &capacity, a->root_count + 1, sizeof *a->roots);
    if (!rc)
        a->roots[a->root_count++] = *root;
    return rc;
}

static bool is_private(struct ate_bytes text)
{
    static const char head[] = "ate-key ";
    return text.size >= sizeof head - 1 && !memcmp(text.data, head, sizeof head - 1);
}

/* A fingerprint, else the path of a public key file. */
static int add_item(struct ate__anchor *a, const char *text, size_t size)
{
    ate__cleanup(ate__buf_wipe) struct ate__buf file = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf key = ATE__BUF_NULL;
    char label[ATE__KEY_LABEL_MAX + 1];
    struct ate_hash root;
    if (size == ATE__HASH_TEXT - 1 && !ate__hash_parse(text, size, &root))
        return add_root(a, &root);
    ate__cleanup(ate__freep) char *path = ate__copy(text, size + 1);
    if (!path)
        return ate__no_memory();
    path[size] = 0;
    int rc = ate__file_read(path, ATE__KEY_FILE_MAX, &file, NULL);
    if (!rc && is_private(ate__buf_bytes(&file)))
        rc = ate__fail(ATE_MALFORMED, "it is a private key file, and a root key is trusted by its "
                                      "public half: ate key show --public, or by its fingerprint: "
                                      "ate key show");
    if (!rc)
        rc = ate__public_key_decode(ate__buf_bytes(&file), &key, label);
    if (!rc)
        rc = ate__fingerprint(ate__buf_bytes(&key), &root);
    if (rc)
        return ate__context(rc, "root key: neither a fingerprint nor a public key file");
    return add_root(a, &root);
}

int ate__anchor_init(struct ate__anchor *a, const char *root, const struct ate__addr *addr,
                     struct ate_session *session)
{
    *a = (struct ate__anchor){.session = session, .path = addr ? addr->path : NULL};
    int rc = 0;
    if (root) {
        for (const char *at = root; !rc && *at;) {
            size_t n = strcspn(at, ",");
            rc = add_item(a, at, n);
            at += n + (at[n] == ',');
        }
        if (!rc && !a->root_count)
            rc = ate__fail(ATE_MISUSE, "root key: an empty list");
    } else if (addr) {
        a->has_chain = addr->has_chain;
        a->chain = addr->chain;
        for (size_t i = 0; !rc && i < addr->root_count; i++)
            rc = add_root(a, &addr->roots[i]);
    }
    if (rc)
        ate__anchor_deinit(a);
    return rc;
}

void ate__anchor_deinit(struct ate__anchor *a)
{
    ate__free(a->roots);
    a->roots = NULL;
    a->root_count = 0;
}

bool ate__anchor_is_open(const struct ate__anchor *a)
{
    return !a->has_chain && !a->root_count;
}

int ate__anchor_add(struct ate__anchor *a, const struct ate__dns_facts *facts)
{
    int rc = 0;
    a->has_chain = facts->has_chain;
    a->chain = facts->chain;
    for (size_t i = 0; !rc && i < facts->root_count; i++)
        rc = add_root(a, &facts->roots[i]);
    return rc;
}

enum { SHOWN_ROOTS = 8 };

/* Its root keys, the first of them. */
static const char *roots_text(struct ate__trust *trust, char ret_text[SHOWN_ROOTS * 64])
{
    struct ate_hash roots[ATE__ROOT_KEYS_MAX];
    char root[ATE__HASH_TEXT];
    size_t n = ate__trust_root_keys(trust, roots, ATE__COUNT_OF(roots)), at = 0;
    ret_text[0] = 0;
    for (size_t i = 0; i < n && i < SHOWN_ROOTS; i++)
        at += (size_t)snprintf(ret_text + at, 64, "%s%s", i ? ", " : "",
                               ate__hash_text(&roots[i], root));
    if (n > SHOWN_ROOTS)
        snprintf(ret_text + at, 64, " and %zu more", n - SHOWN_ROOTS);
    return ret_text;
}

static int refuse(int result, const char *why, struct ate__trust *trust)
{
    char chain[ATE__HASH_TEXT], roots[SHOWN_ROOTS * 64];
    return ate__fail(result,
                     "%s: it is chain %s with root key %s; if that is the one you mean, conf.root "
                     "says so",
                     why, ate__hash_text(ate__trust_chain_id(trust), chain),
                     roots_text(trust, roots));
}

static bool names_path(const struct ate__anchor *a, struct ate__trust *trust)
{
    return !a->path || ate__bytes_equal(ate__text_bytes(a->path), ate__trust_genesis(trust)->name);
}

/* Of the session, where they are asked. */
static size_t key_count(const struct ate__anchor *a)
{
    return a->root_count || !a->session ? 0 : ate__session_key_count(a->session);
}

/* A chain id is that of one genesis, with its mode. */
static int check_mode(const struct ate__anchor *a, struct ate__trust *trust)
{
    if (ate__trust_genesis(trust)->mode != ATE__CENTRALIZED || a->centralized || a->has_chain)
        return 0;
    return ate__fail(ATE_UNTRUSTED,
                     "it is a centralized chain, in which the server says who made what; if you "
                     "mean to believe it, conf.centralized says so");
}

static int check_identity(const struct ate__anchor *a, struct ate__trust *trust)
{
    if (a->has_chain)
        return ate__hash_equal(&a->chain, ate__trust_chain_id(trust))
                   ? 0
                   : refuse(ATE_WRONG_CHAIN, "not the chain that the address names", trust);
    bool found = false;
    for (size_t i = 0; i < a->root_count; i++)
        found |= ate__trust_was_root(trust, &a->roots[i]);
    for (size_t i = 0; i < key_count(a); i++)
        found |= ate__trust_was_root(trust, &ate__session_key(a->session, i)->fingerprint);
    if (!found)
        return a->root_count ? refuse(ATE_WRONG_CHAIN,
                                      "none of the root keys to be trusted is its own", trust)
                             : refuse(ATE_UNTRUSTED, "nothing says which root key to trust", trust);
    return names_path(a, trust) ? 0
                                : refuse(ATE_WRONG_CHAIN, "it was made under another path", trust);
}

int ate__anchor_check(const struct ate__anchor *a, struct ate__trust *trust)
{
    int rc = check_identity(a, trust);
    return rc ? rc : check_mode(a, trust);
}

int ate__anchor_check_genesis(const struct ate__anchor *a, struct ate__trust *trust)
{
    bool by_key = !a->has_chain && (a->root_count || key_count(a));
    int rc = by_key && names_path(a, trust) ? 0 : check_identity(a, trust);
    return rc ? rc : check_mode(a, trust);
}
