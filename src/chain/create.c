/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/create.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/limits.h"
#include "crypto/log_key.h"
#include "crypto/merkle.h"
#include "trust/policy.h"
#include "trust/state.h"
#include <stdlib.h>

enum { EVENTS_MAX = 2 + ATE__SESSION_KEYS_MAX };

struct parts { /* of the transaction being made */
    const struct ate__env *env;
    struct ate_session *session;
    struct ate__buf headers[EVENTS_MAX];
    struct ate__event_in events[EVENTS_MAX];
    uint32_t count;
    struct ate__buf genesis;
    struct ate_hash chain_id;
    enum ate__hash_alg alg;
    uint16_t strength;
};

static void parts_deinit(struct parts *p)
{
    for (uint32_t i = 0; i < EVENTS_MAX; i++)
        ate__buf_deinit(&p->headers[i]);
    ate__buf_deinit(&p->genesis);
}

static int add_event(struct parts *p, unsigned tag, struct ate_bytes item)
{
    struct ate__header_wr w = ate__header_wr_of(&p->headers[p->count]);
    ate__header_item(&w, tag, item);
    int rc = ate__header_end(&w);
    if (!rc) {
        p->events[p->count] = (struct ate__event_in){
            .form = ATE__BARE, .header = ate__buf_bytes(&p->headers[p->count])};
        p->count++;
    }
    return rc;
}

/* Whoever makes a chain signs its heads, and who he says, until a root key says otherwise. */
static int make_log_keys(const struct ate__key *root, struct ate_bytes given, struct ate__buf *list)
{
    ate__cleanup(ate__log_key_freep) struct ate__log_key *key = NULL;
    int rc = ate__log_key_of_seed(&root->seed, &key);
    if (rc)
        return rc;
    const struct ate_bytes keys[] = {ate__log_key_public(key), given};
    bool other = given.size && !ate__bytes_equal(keys[0], given);
    return ate__genesis_key_list(keys, other ? 2 : 1, list);
}

static int compare_ids(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* What follows from conf for keys. */
struct terms {
    enum ate__hash_alg alg;
    uint16_t strength;
    uint8_t algorithms[2 * ATE__ALGORITHMS_MAX]; /* that may sign, as the genesis has them */
    size_t algorithm_count;
};

static int make_terms(const struct ate__genesis_conf *conf, struct terms *ret)
{
    uint16_t ids[2 * ATE__ALGORITHMS_MAX];
    const struct ate__algorithm *a;
    size_t count = 0;
    struct terms t = {.alg = conf->hash_alg ? (enum ate__hash_alg)conf->hash_alg : ATE__SHA256,
                      .strength = conf->strength ? conf->strength : 192};
    for (size_t i = 0; (a = ate__algorithm_at(i)) && count < ATE__ALGORITHMS_MAX; i++)
        if (conf->strength ? a->composite && a->strength >= t.strength
                           : a->id == ATE__SIG_MLDSA65_ED25519)
            ids[count++] = a->id;
    for (size_t i = 0; i < conf->plain_count && count < ATE__COUNT_OF(ids); i++)
        ids[count++] = conf->plain[i];
    qsort(ids, count, sizeof ids[0], compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (i && ids[i] == ids[i - 1])
            continue;
        if (t.algorithm_count == ATE__ALGORITHMS_MAX)
            return ate__fail(ATE_TOO_BIG, "more than %d signature algorithms", ATE__ALGORITHMS_MAX);
        t.algorithms[2 * t.algorithm_count] = (uint8_t)ids[i];
        t.algorithms[2 * t.algorithm_count++ + 1] = (uint8_t)(ids[i] >> 8);
    }
    *ret = t;
    return 0;
}

static int check_root_key(const struct ate__key *root)
{
    if (!root)
        return ate__fail(ATE_NO_KEY, "a new chain needs a private key as its root");
    int rc = ate__key_signs(root);
    if (!rc && root->holds != ATE__KEY_ALL)
        rc = ate__fail(ATE_NO_KEY, "half of a key cannot be the root of a chain");
    return rc;
}

int ate__genesis_check(const struct ate_session *session, const struct ate__genesis_conf *conf)
{
    struct ate_hash keys[ATE__SESSION_KEYS_MAX];
    struct terms t;
    int rc = session ? check_root_key(ate__session_key(session, 0)) : check_root_key(NULL);
    if (!rc)
        rc = make_terms(conf, &t);
    if (rc)
        return rc;
    const struct ate__genesis g = {
        .strength_min = t.strength,
        .signature_algorithms = ate__bytes(t.algorithms, 2 * t.algorithm_count),
    };
    size_t n = ate__session_fingerprints(session, keys, ATE__COUNT_OF(keys));
    for (size_t i = 0; !rc && i < n; i++) {
        char text[ATE__HASH_TEXT];
        struct ate_bytes key;
        rc = ate__session_public(session, &keys[i], &key);
        if (!rc)
            rc = ate__policy_check(&g, key);
        if (rc)
            rc = ate__context(rc, "the key %s in the new chain", ate__hash_text(&keys[i], text));
    }
    return rc;
}

static int make_genesis(struct parts *p, const char *name, const struct ate__genesis_conf *conf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf log_keys = ATE__BUF_NULL;
    const struct ate__key *root = ate__session_key(p->session, 0);
    struct terms t;
    int rc = make_terms(conf, &t);
    if (rc)
        return rc;
    p->alg = t.alg;
    p->strength = t.strength;
    struct ate__genesis g = {
        .format_version = ATE__FORMAT_VERSION,
        .rules_version = ATE__RULES_VERSION,
        .hash_alg = (uint8_t)p->alg,
        .mode = conf->centralized ? ATE__CENTRALIZED : ATE__DISTRIBUTED,
        .name = ate__text_bytes(name),
        .root_key_count = 1,
        .window = ATE__WINDOW_DEFAULT,
        .signature_algorithms = ate__bytes(t.algorithms, 2 * t.algorithm_count),
        .strength_min = p->strength,
        .options = conf->options,
    };
    g.root_keys[0] = ate__buf_bytes(&root->public_key);
    ate__random(p->env, g.random, sizeof g.random);
    rc = make_log_keys(root, conf->log_key, &log_keys);
    g.log_keys = ate__buf_bytes(&log_keys);
    if (!rc)
        rc = ate__genesis_encode(&g, &p->genesis);
    if (!rc)
        rc = ate__chain_id(p->alg, ate__buf_bytes(&p->genesis), &p->chain_id);
    return rc ? rc : add_event(p, ATE__TAG_GENESIS, ate__buf_bytes(&p->genesis));
}

static int public_key(void *arg, const struct ate_hash *fingerprint, struct ate__buf *buf)
{
    struct ate_bytes key;
    int rc = ate__session_public(arg, fingerprint, &key);
    return rc ? rc : ate__buf_append(buf, key);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_hash));
}

/* The session's keys may read and write from the top down; keys other than the root's come along as
 * events. */
static int make_top(struct parts *p)
{
    struct ate_hash keys[ATE__SESSION_KEYS_MAX];
    uint32_t n = (uint32_t)ate__session_fingerprints(p->session, keys, ATE__COUNT_OF(keys));
    const struct ate_hash *root = &ate__session_key(p->session, 0)->fingerprint;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < n; i++) {
        struct ate_bytes key;
        if (ate__hash_equal(&keys[i], root))
            continue;
        rc = ate__session_public(p->session, &keys[i], &key);
        if (!rc)
            rc = add_event(p, ATE__TAG_PUBLIC_KEY, key);
    }
    if (rc)
        return rc;
    qsort(keys, n, sizeof keys[0], compare_hashes);
    struct ate__rule rule = {.who = ATE__RULE_ANY_OF, .count = n, .keys = keys[0].b};
    struct ate__scope_plan plan = {
        .auth.rule = {[ATE__RIGHT_READ] = rule, [ATE__RIGHT_WRITE] = rule},
        .new_name_key = true,
        .public_key = public_key,
        .arg = p->session,
    };
    struct ate__seal_env env = {p->env, p->chain_id, p->alg, p->strength};
    struct ate__data_key *data_key = NULL;
    rc = ate__control_make(&env, p->session, &plan, &p->headers[p->count], &data_key);
    ate__data_key_unref(data_key);
    if (rc)
        return rc;
    p->events[p->count] =
        (struct ate__event_in){.form = ATE__BARE, .header = ate__buf_bytes(&p->headers[p->count])};
    p->count++;
    return 0;
}

static int sign(struct parts *p, struct ate__buf *buf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf signature_bytes = ATE__BUF_NULL;
    struct ate__signature signature;
    struct ate__tx_in in = {
        .chain_id = p->chain_id,
        .id.number = 1,
        .time_us = ate__wall_us(p->env),
        .events = p->events,
        .event_count = p->count,
    };
    struct ate_hash hash;
    struct ate__frontier empty;
    ate__random(p->env, in.id.origin, sizeof in.id.origin);
    ate__frontier_init(&empty);
    int rc = ate__frontier_root(&empty, &in.base_root);
    if (!rc)
        rc = ate__tx_encode(&in, p->alg, buf, &hash);
    if (!rc)
        rc = ate__trust_sign(NULL, ate__session_key(p->session, 0), p->alg, &hash, &signature_bytes,
                             &signature);
    return rc ? rc : ate__tx_encode_signatures(&signature, 1, buf);
}

int ate__genesis_make(const struct ate__env *env, struct ate_session *session, const char *name,
                      const struct ate__genesis_conf *conf, struct ate__buf *buf,
                      struct ate_hash *ret_chain_id)
{
    int rc = ate__genesis_check(session, conf);
    if (rc)
        return rc;
    struct parts *p = ate__alloc(sizeof *p);
    if (!p)
        return ate__no_memory();
    p->env = env;
    p->session = session;
    rc = make_genesis(p, name, conf);
    if (!rc)
        rc = make_top(p);
    if (!rc)
        rc = sign(p, buf);
    if (!rc)
        *ret_chain_id = p->chain_id;
    parts_deinit(p);
    ate__free(p);
    return rc;
}
