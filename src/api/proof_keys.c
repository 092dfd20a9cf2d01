/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_keys.c: who may sign the heads of a chain from now on: CHAIN events with LOG_KEYS, which a
 * root key signs.
 */
#include "api/key_event.h"
#include "ate/proof.h"

static int commit(struct ate_chain *c, const struct ate__root_change *change,
                  struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    const struct ate__key *key = ate__key_event_root(c);
    if (!key)
        return ate__fail(ATE_DENIED,
                         "only a root key says who may sign the heads of %s, and none of your keys "
                         "is one",
                         c->name);
    ate__header_keys(&w, ATE__TAG_LOG_KEYS, change, 1);
    int rc = ate__header_end(&w);
    return rc ? rc : ate__key_event(c, ate__buf_bytes(&header), &key, 1, ret_receipt);
}

/* --- the calls --- */

int ate_log_key_add(struct ate_chain *chain, const char *log_key, struct ate_receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    if (!log_key)
        return ate__fail(ATE_MISUSE, "add a log key: which?");
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__log_key_decode(ate__text_bytes(log_key), &bytes);
    if (rc)
        return rc;
    return commit(chain, &(struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&bytes)},
                  ret_receipt);
}

static int fingerprint_of(const char *log_key, struct ate_hash *ret_fingerprint)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    if (strlen(log_key) == ATE__HASH_TEXT - 1)
        return ate__hash_parse(log_key, strlen(log_key), ret_fingerprint);
    int rc = ate__log_key_decode(ate__text_bytes(log_key), &bytes);
    return rc ? rc : ate__fingerprint(ate__buf_bytes(&bytes), ret_fingerprint);
}

int ate_log_key_remove(struct ate_chain *chain, const char *log_key,
                       struct ate_receipt *ret_receipt)
{
    struct ate_hash fingerprint;
    if (!log_key)
        return ate__fail(ATE_MISUSE, "remove a log key: which?");
    int rc = ate__check_may_wait();
    if (!rc)
        rc = fingerprint_of(log_key, &fingerprint);
    if (rc)
        return rc;
    return commit(chain,
                  &(struct ate__root_change){ATE__ROOT_REMOVE,
                                             ate__bytes(fingerprint.b, sizeof fingerprint.b)},
                  ret_receipt);
}
