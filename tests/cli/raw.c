/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * raw.c: stores what `ate put` never would: any name, type and fields, below any object.
 *
 *     raw CHAIN KEY PARENT NAME TYPE JSON
 *
 * PARENT: 32 hex digits. NAME: bytes as they are; empty: none. Prints the id of the new object.
 * It has a library of its own, as a hostile writer may: names are not checked; with RAW_WRONG_TAG
 * in the environment, the tag by which the root knows that a private name is taken is any other.
 */
#include "base/env.h"
#include "trust/seal.h"
#include <ate/ate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The linker puts these in the place of the library's own. */
int __wrap_ate__name_check(struct ate_bytes name);
int __wrap_ate__name_tag_private(const struct ate__key32 *key, const struct ate_place *place,
                                 struct ate_bytes name, uint8_t ret_tag[ATE__NAME_TAG]);
int __real_ate__name_tag_private(const struct ate__key32 *key, const struct ate_place *place,
                                 struct ate_bytes name, uint8_t ret_tag[ATE__NAME_TAG]);

int __wrap_ate__name_check(struct ate_bytes name)
{
    (void)name;
    return 0;
}

int __wrap_ate__name_tag_private(const struct ate__key32 *key, const struct ate_place *place,
                                 struct ate_bytes name, uint8_t ret_tag[ATE__NAME_TAG])
{
    if (!getenv("RAW_WRONG_TAG"))
        return __real_ate__name_tag_private(key, place, name, ret_tag);
    ate__random(&ate__env_real, ret_tag, ATE__NAME_TAG);
    return 0;
}

static int store(struct ate_chain *chain, char **words)
{
    struct ate_object o = {
        .name = {words[3], strlen(words[3])},
        .type = words[4],
        .encoding = "json",
        .payload = {words[5], strlen(words[5])},
    };
    char text[ATE_ID_TEXT];
    struct ate_txn *txn;
    struct ate_id id;
    int rc = ate_id_parse(words[2], &o.parent);
    if (!rc)
        rc = ate_txn_begin(chain, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = ate_store_raw(txn, &o, 0, &id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    if (!rc)
        puts(ate_id_text(id, text));
    ate_txn_end(txn);
    return rc;
}

int main(int argc, char **argv)
{
    struct ate_session *session = NULL;
    struct ate_chain *chain = NULL;
    if (argc != 7) {
        fputs("usage: raw CHAIN KEY PARENT NAME TYPE JSON\n", stderr);
        return 2;
    }
    int rc = ate_session_open(argv[2], 0, &session);
    if (!rc)
        rc = ate_chain_open(argv[1], session, ATE_CREATE, NULL, &chain);
    if (!rc)
        rc = store(chain, argv + 1);
    if (rc)
        fprintf(stderr, "raw: %s: %s\n", ate_result_name(rc), ate_error());
    ate_chain_close(chain);
    ate_session_close(session);
    return rc != 0;
}
