/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Target: ate__tx_decode(), ate__event_decode(), ate__tx_genesis_alg(), and on what they read:
 * encode gives the same bytes and hash, each event alone has the same hash, and so has a copy of
 * which every event was dropped.
 */
#include "event/tx.h"
#include "unit/event/rebuild.h"

#define MUST(truth) ((truth) ? (void)0 : abort())

static const enum ate__hash_alg alg = ATE__SHA256;

static bool keep_none(void *arg, uint32_t event)
{
    (void)arg;
    (void)event;
    return false;
}

static void check_parts(const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++) {
        struct ate__event alone;
        MUST(!ate__event_decode(tx->events[i].whole, alg, &alone));
        MUST(ate__hash_equal(&alone.hash, &tx->events[i].hash));
    }
    for (uint32_t i = 0; i < tx->signature_count && !tx->attested; i++) {
        struct ate_hash message;
        MUST(!ate__batch_message(alg, &tx->hash, &tx->signatures[i], &message));
    }
}

static void check_copies(const struct ate__tx *tx)
{
    struct ate__buf again = ATE__BUF_NULL, less = ATE__BUF_NULL;
    struct ate_hash hash, leaf, less_leaf;
    struct ate__tx reduced;
    rebuild_tx(tx, alg, &again, &hash);
    MUST(ate__bytes_equal(ate__buf_bytes(&again), tx->encoded));
    MUST(ate__hash_is_zero(&hash) || ate__hash_equal(&hash, &tx->hash));
    MUST(!ate__tx_reduce(tx, keep_none, NULL, 0, &less));
    MUST(!ate__tx_decode(ate__buf_bytes(&less), alg, &reduced));
    MUST(!ate__tx_leaf(tx, alg, 1, 2, &leaf) && !ate__tx_leaf(&reduced, alg, 1, 2, &less_leaf));
    MUST(ate__hash_equal(&leaf, &less_leaf));
    ate__tx_deinit(&reduced);
    ate__buf_deinit(&again);
    ate__buf_deinit(&less);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes bytes = ate__bytes(data, size);
    enum ate__hash_alg found;
    struct ate__event event;
    struct ate__tx tx;
    if (!ate__tx_genesis_alg(bytes, &found))
        MUST(ate__hash_alg_known(found));
    if (!ate__event_decode(bytes, alg, &event))
        MUST(ate__bytes_equal(event.whole, bytes));
    if (ate__tx_decode(bytes, alg, &tx))
        return 0;
    check_parts(&tx);
    check_copies(&tx);
    ate__tx_deinit(&tx);
    return 0;
}
