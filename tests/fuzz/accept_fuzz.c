/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Target functions: ate__accept(), and with it ate__trust_apply() and ate__trust_rollback().
 *
 * The first byte says what the rest is. Even: chance for a history of transactions (chance.h), the
 * accepted ones of which are taken in. Odd: one encoded transaction, whose chain and base are put
 * right, judged on a small state. Whatever the oracle says of a transaction, acceptance has to say.
 */
#include "base/endian.h"
#include "unit/trust/chance.h"
#include "unit/trust/oracle.h"

enum {
    RAW_MAX = 1 << 16,
    HISTORY_MAX = 200,
    CHAIN_ID_AT = 1,
    BASE_SIZE_AT = 57,
    BASE_ROOT_AT = 65
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world w;
static struct chance c;

/* Secrets, and what they point to, lie in memory that leak checkers do not look through. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* 1 and 2 below the top, 3 below 1; 1 is a private scope, everybody appends below 2. */
static void begin(void)
{
    struct ate__auth open = auth_of(rule_inherit, rule_inherit, rule_everyone, rule_inherit);
    if (__lsan_disable)
        __lsan_disable();
    world_init(&w, 1, &open);
    c.w = &w;
    for (unsigned i = 0; i < CHANCE_KEYS; i++)
        c.keys[i] = world_key(&w, 10 + i);
    if (__lsan_enable)
        __lsan_enable();
    struct draft *d = draft_new(&w);
    struct ate__conf_item conf = {.data_key_id = hash_of(1)};
    struct control scope = {.id = id_of(1), .epoch_id = 1};
    scope.auth.rule[ATE__RIGHT_READ] = rule_of(&w, &w.root->fingerprint, 1);
    draft_body(d, &(struct body){.id = id_of(1), .conf = &conf, .tag = "a"});
    draft_control(d, &scope);
    draft_body(d, &(struct body){.id = id_of(3), .parent = id_of(1), .conf = &conf});
    draft_body(d, &(struct body){.id = id_of(2), .tag = "b"});
    draft_control(d, &(struct control){.id = id_of(2), .auth = auth_write(rule_everyone)});
    draft_sign(d, w.root->fingerprint);
    must(!ate__trust_apply(w.t, draft_tx(d), 1));
    model_take(&w.m, &d->tx, 1);
    draft_free(d);
}

/* Gives the result, the same by both. A tree that is too deep is beyond the oracle. */
static int judge_both(const struct ate__tx *tx)
{
    struct ate__verdict v;
    int rc = ate__accept(w.t, &w.m.facts, tx, w.m.size, w.m.now_us, &v);
    if (rc == ATE_TOO_BIG)
        return rc;
    int expected = oracle_judge(&w.m, w.t, tx, w.m.size);
    if (rc != expected) {
        fprintf(stderr, "acceptance: %s (%s), oracle: %s\n", ate__result_name(rc),
                rc ? ate__error_text() : "", ate__result_name(expected));
        abort();
    }
    must(rc == v.result && v.conflict_count <= ATE__CONFLICTS_MAX);
    return rc;
}

static void run_raw(const uint8_t *data, size_t size)
{
    struct ate_hash root = model_root(w.m.size);
    struct ate__tx tx;
    if (size < BASE_ROOT_AT + sizeof root || size > RAW_MAX)
        return;
    uint8_t *copy = malloc(size);
    must(copy);
    memcpy(copy, data, size);
    memcpy(copy + CHAIN_ID_AT, ate__trust_chain_id(w.t), sizeof root);
    ate__store64(copy + BASE_SIZE_AT, w.m.size);
    memcpy(copy + BASE_ROOT_AT, &root, sizeof root);
    if (!ate__tx_decode(ate__bytes(copy, size), ATE__SHA256, &tx)) {
        (void)judge_both(&tx);
        ate__tx_deinit(&tx);
    }
    free(copy);
}

static void run_history(const uint8_t *data, size_t size)
{
    struct world_block *kept = w.blocks;
    struct model begun;
    model_copy(&w.m, &begun);
    uint64_t number = w.number;
    c.data = data;
    c.size = size;
    c.at = 0;
    for (int i = 0; i < HISTORY_MAX && c.at < size; i++) {
        struct draft *d = chance_draft(&c);
        if (!judge_both(draft_tx(d))) {
            must(!ate__trust_apply(w.t, &d->tx, w.m.size));
            model_take(&w.m, &d->tx, w.m.size);
        }
        draft_free(d);
    }
    ate__trust_rollback(w.t, 2);
    model_deinit(&w.m);
    w.m = begun;
    w.number = number;
    while (w.blocks != kept) {
        struct world_block *next = w.blocks->next;
        free(w.blocks);
        w.blocks = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!w.t)
        begin();
    if (!size)
        return 0;
    if (data[0] & 1)
        run_raw(data + 1, size - 1);
    else
        run_history(data + 1, size - 1);
    return 0;
}
