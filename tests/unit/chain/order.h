/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * order.h: what the owner of a kit's chain sends to a server that has it open.
 */
#pragma once
#include "chain/destroy.h"
#include "kit.h"

/* Of the chain's newest head; what it says may be changed before it is signed. */
static inline struct ate__destruction order_begin(struct kit *k)
{
    struct ate__destruction d = {
        .chain_id = k->chain_id,
        .time_us = 77,
        .name = ate__text_bytes("/test"),
        .genesis = ate__bytes(k->genesis, k->genesis_size),
        .pin = {{1}},
        .nonce = {{2}},
    };
    ate__chain_head(k->chain, &d.size, &d.root);
    return d;
}

/* As the server with the pin 1 takes it, which drew the number 2. Gives what chain/destroy.h does
 * with it. */
static inline int order_destroy(struct kit *k, const struct ate__destruction *d, unsigned key)
{
    struct ate__destroy_order order = {.pin = {{1}}, .nonce = {{2}}};
    struct ate__buf statement = ATE__BUF_NULL;
    int rc = ate__destruction_make(d, kit_key(key), &statement);
    order.statement = ate__buf_bytes(&statement);
    if (!rc)
        rc = ate__chain_destroy_now(k->chain, k->root, &order);
    ate__buf_deinit(&statement);
    return rc;
}
