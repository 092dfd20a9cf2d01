/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A coin: an object that only one key reads and only one key changes. The mint, whose key is the
 * chain's root, makes it; whoever owns it hands it on; who has handed it on cannot spend it again,
 * and the root key is not needed for any of that.
 */
#include <ate/ate.h>
#include <stdio.h>

struct coin {
    uint64_t value;
    const char *motto;
};
ATE_TYPE(coin, ATE_FIELD(value), ATE_FIELD(motto));

static const char *root; /* the mint's fingerprint, as all know it */

/* A transaction of whoever holds these key files. */
static int begin(const char *const *keys, size_t count, unsigned flags,
                 struct ate_chain **ret_chain, struct ate_txn **ret_txn)
{
    const struct ate_chain_conf conf = {.root = root};
    struct ate_session *me = NULL;
    int rc = ate_session_open_all(keys, count, &me);
    if (!rc)
        rc = ate_chain_open("coins", me, flags, &conf, ret_chain);
    if (!rc)
        rc = ate_txn_begin(*ret_chain, NULL, 0, ret_txn);
    ate_session_close(me); /* the chain keeps what it needs */
    return rc;
}

static int end(int rc, struct ate_chain *chain, struct ate_txn *txn)
{
    ate_txn_end(txn);
    ate_chain_close(chain);
    return rc;
}

static struct ate_rule only(const struct ate_hash *key)
{
    return (struct ate_rule){.who = ATE_KEYS, .keys = key, .key_count = 1};
}

static int mint(const struct ate_hash *reader, const struct ate_hash *owner, struct ate_id *ret_id)
{
    const char *const keys[] = {"mint.key", "reader.pub"};
    const struct ate_rules rules = {.read = only(reader), .write = only(owner)};
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    int rc = begin(keys, 2, ATE_CREATE, &chain, &txn);
    if (!rc)
        rc = ate_store(txn, coin, &((struct coin){100, "in nobody we trust"}), ret_id);
    if (!rc)
        rc = ate_protect(txn, *ret_id, &rules);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    return end(rc, chain, txn);
}

static int look(const char *key, struct ate_id id)
{
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    const struct coin *c;
    int rc = begin(&key, 1, ATE_READ, &chain, &txn);
    if (!rc)
        rc = ate_load(txn, coin, id, &c);
    if (!rc)
        printf("worth %llu: %s\n", (unsigned long long)c->value, c->motto);
    return end(rc, chain, txn);
}

/* Changes who may change it; the value stays as it is, and unread. */
static int hand_on(const char *from, struct ate_id id, const struct ate_hash *to)
{
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    struct ate_rules rules;
    int rc = begin(&from, 1, 0, &chain, &txn);
    if (!rc)
        rc = ate_protection(txn, id, &rules);
    if (!rc) {
        rules.write = rules.append = rules.admin = only(to);
        rc = ate_protect(txn, id, &rules);
    }
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    return end(rc, chain, txn);
}

/* A public file, for those who seal to it. */
static int publish(const char *key, const char *file)
{
    char *text = NULL;
    int rc = ate_key_public_text(key, &text);
    FILE *f = rc ? NULL : fopen(file, "we");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
    ate_free(text);
    return rc;
}

int main(void)
{
    static const char *const files[] = {"mint.key", "reader.key", "ann.key", "bob.key"};
    struct ate_hash key[4];
    char text[ATE_HASH_TEXT];
    struct ate_id id;
    int rc = 0;
    for (int i = 0; !rc && i < 4; i++)
        rc = ate_key_create(files[i], NULL, &key[i]);
    root = ate_hash_text(key[0], text);
    if (!rc)
        rc = publish("reader.key", "reader.pub");
    if (!rc)
        rc = mint(&key[1], &key[2], &id);
    if (!rc)
        rc = look("reader.key", id);
    if (!rc)
        rc = look("ann.key", id) == ATE_NO_KEY ? 0 : ATE_E_BUG; /* she owns what she cannot read */
    if (!rc)
        rc = hand_on("ann.key", id, &key[3]);
    if (!rc)
        rc = hand_on("ann.key", id, &key[2]) == ATE_DENIED ? 0 : ATE_E_BUG; /* spent */
    if (!rc)
        rc = hand_on("mint.key", id, &key[0]) == ATE_DENIED ? 0 : ATE_E_BUG;
    if (!rc)
        printf("spent once\n");
    else
        fprintf(stderr, "coin: %s\n", ate_error());
    return rc != 0;
}
