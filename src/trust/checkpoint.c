/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/checkpoint.h"
#include "base/endian.h"
#include "base/err.h"
#include "crypto/keyfile.h"
#include "event/limits.h"

static const char prefix[] = "ate/";
_Static_assert(sizeof prefix - 1 + ATE__HASH_TEXT == ATE__CHECKPOINT_NAME, "the name's size");

const char *ate__checkpoint_name(const struct ate_hash *chain_id,
                                 char ret_name[ATE__CHECKPOINT_NAME])
{
    memcpy(ret_name, prefix, sizeof prefix - 1);
    ate__hash_text(chain_id, ret_name + sizeof prefix - 1);
    return ret_name;
}

static int chain_of(struct ate_bytes name, struct ate_hash *ret_chain_id)
{
    const char *text = name.data;
    size_t head = sizeof prefix - 1;
    if (name.size <= head || memcmp(text, prefix, head) ||
        ate__hash_parse(text + head, name.size - head, ret_chain_id))
        return ate__fail(ATE_MALFORMED,
                         "not of a chain: its origin is not \"ate/\" and a chain id");
    return 0;
}

int ate__checkpoint_make(const struct ate__checkpoint *c, const struct ate__log_key *key,
                         struct ate__buf *buf)
{
    char name[ATE__CHECKPOINT_NAME];
    struct ate__note_tree tree = {
        .origin = ate__text_bytes(ate__checkpoint_name(&c->chain_id, name)),
        .size = c->size,
        .root = c->root,
    };
    return ate__note_make(&tree, name, key, c->time_s, buf);
}

static int read_tree(const struct ate__note *n, struct ate__checkpoint *ret_checkpoint)
{
    struct ate__checkpoint c = {.time_s = 0};
    struct ate__note_tree tree;
    int rc = ate__note_tree_parse(n->text, &tree);
    if (!rc)
        rc = chain_of(tree.origin, &c.chain_id);
    if (rc)
        return ate__context(rc, "checkpoint");
    c.size = tree.size;
    c.root = tree.root;
    *ret_checkpoint = c;
    return 0;
}

int ate__checkpoint_parse(struct ate_bytes note, struct ate__checkpoint *ret_checkpoint)
{
    struct ate__note n;
    int rc = ate__note_parse(note, &n);
    if (rc)
        return ate__context(rc, "checkpoint");
    rc = read_tree(&n, ret_checkpoint);
    ate__note_deinit(&n);
    return rc;
}

uint64_t ate__checkpoint_said_time(struct ate_bytes note)
{
    enum { TIME = 8 };
    struct ate__note n;
    uint64_t newest = 0;
    bool told = false;
    if (ate__note_parse(note, &n))
        return UINT64_MAX;
    for (uint32_t i = 0; i < n.count; i++) {
        struct ate_bytes s = n.lines[i].signature;
        if (s.size != TIME + ATE__LOG_MLDSA44_SIGNATURE)
            continue;
        uint64_t time_s = ate__load64be(s.data);
        newest = time_s > newest ? time_s : newest;
        told = true;
    }
    ate__note_deinit(&n);
    return told ? newest : UINT64_MAX;
}

/* Looks for the lines of one key. *half: set where only one of the two is there. */
static int verify_with(const struct ate__note *n, struct ate_bytes log_key,
                       struct ate__checkpoint *c, bool *ret_signed, bool *half)
{
    ate__cleanup(ate__log_verify_freep) struct ate__log_verify *key = NULL;
    char name[ATE__CHECKPOINT_NAME];
    struct ate__note_verdict verdict;
    int rc = ate__log_verify_new(log_key, &key);
    if (!rc)
        rc = ate__note_verify(n, ate__checkpoint_name(&c->chain_id, name), key, &verdict);
    if (rc)
        return rc;
    *half |= verdict.ed25519 != verdict.mldsa44;
    *ret_signed = verdict.ed25519 && verdict.mldsa44;
    if (!*ret_signed)
        return 0;
    c->time_s = verdict.time_s;
    return ate__fingerprint(log_key, &c->log_key);
}

static int verify_note(const struct ate__note *n, const struct ate_bytes *log_keys, size_t count,
                       struct ate__checkpoint *ret_checkpoint)
{
    struct ate__checkpoint c;
    bool found = false, half = false;
    int rc = read_tree(n, &c);
    for (size_t i = 0; !rc && !found && i < count; i++)
        rc = verify_with(n, log_keys[i], &c, &found, &half);
    if (!rc && !found)
        rc = ate__fail(ATE_UNTRUSTED,
                       half ? "a trusted log key signed this checkpoint with one of its two halves"
                            : "no trusted log key signed this checkpoint");
    if (!rc)
        *ret_checkpoint = c;
    return rc;
}

int ate__checkpoint_verify(struct ate_bytes note, const struct ate_bytes *log_keys, size_t count,
                           struct ate__checkpoint *ret_checkpoint)
{
    struct ate__note n;
    int rc = ate__note_parse(note, &n);
    if (rc)
        return ate__context(rc, "checkpoint");
    rc = verify_note(&n, log_keys, count, ret_checkpoint);
    ate__note_deinit(&n);
    return rc;
}

int ate__checkpoint_keys_decode(struct ate_bytes text, struct ate__buf *ret_chain_ids,
                                struct ate__buf *ret_log_keys)
{
    size_t chains = ret_chain_ids->size, keys = ret_log_keys->size;
    unsigned count = 0;
    int rc = text.size ? 0 : ate__fail(ATE_MALFORMED, "no verifier key");
    while (!rc && text.size) {
        struct ate_bytes name;
        struct ate_hash chain_id;
        rc = count++ < ATE__SERVICE_KEYS_MAX
                 ? ate__note_keys_decode(&text, &name, ret_log_keys)
                 : ate__fail(ATE_TOO_BIG, "more than %d log keys", ATE__SERVICE_KEYS_MAX);
        if (!rc)
            rc = chain_of(name, &chain_id);
        if (!rc)
            rc = ate__buf_append(ret_chain_ids, ate__bytes(chain_id.b, sizeof chain_id.b));
    }
    if (rc) {
        ret_chain_ids->size = chains;
        ret_log_keys->size = keys;
    }
    return rc;
}
