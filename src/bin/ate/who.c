/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/who.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"

enum { KEYS_MAX = 4096, SHOWN = 512 };

int who_key(const char *word, size_t size, struct ate_session *session, struct ate_hash *ret_key)
{
    struct ate_key_info info;
    char shown[SHOWN];
    if (size == ATE_HASH_TEXT - 1 && !ate__hash_parse(word, size, ret_key))
        return 0;
    ate__cleanup(ate__freep) char *file = ate__format("%.*s", (int)size, word);
    if (!file)
        return ate__no_memory();
    int rc = ate_key_show(file, &info);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(rc, "%s is neither the fingerprint of a key nor a key file",
                         ate__escaped(ate__text_bytes(file), shown, sizeof shown));
    if (!rc && session && !info.is_private)
        rc = ate_session_add_key(session, file);
    if (!rc)
        *ret_key = info.fingerprint;
    return rc;
}

static int take_keys(const char *option, const char *text, struct ate_session *session,
                     struct ate_hash *keys, size_t *count)
{
    for (;; text++) {
        size_t size = strcspn(text, ",");
        if (!size)
            return ate__fail(ATE_MISUSE,
                             "%s: inherit, everyone, nobody, or keys with ',' between "
                             "them",
                             option);
        if (*count == KEYS_MAX)
            return ate__fail(ATE_TOO_BIG, "%s: %d keys are the most", option, KEYS_MAX);
        int rc = who_key(text, size, session, &keys[*count]);
        if (rc)
            return rc;
        ++*count;
        text += size;
        if (!*text)
            return 0;
    }
}

int who_rule(const char *option, const char *text, struct ate_session *session,
             struct ate_rule *ret_rule, struct ate_hash **ret_owned)
{
    static const char *const words[] = {"inherit", "everyone", "nobody"};
    size_t most = 1, count = 0;
    for (unsigned i = 0; i < ATE__COUNT_OF(words); i++)
        if (!strcmp(text, words[i])) {
            *ret_rule = (struct ate_rule){.who = (enum ate_who)i};
            return 0;
        }
    for (const char *at = text; (at = strchr(at, ',')) && most < KEYS_MAX; at++)
        most++;
    struct ate_hash *keys = ate__alloc_array(most, sizeof *keys);
    if (!keys)
        return ate__no_memory();
    int rc = take_keys(option, text, session, keys, &count);
    if (rc) {
        ate__free(keys);
        return rc;
    }
    *ret_owned = keys;
    *ret_rule = (struct ate_rule){.who = ATE_KEYS, .keys = keys, .key_count = count};
    return 0;
}
