/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The view image as the mark up to which all was verified (docs/decisions/0039): an open that
 * believes it asks for the signatures above it alone; one that does not, because it was sealed by
 * somebody else, changed, cut off, or is of another chain, asks for every one.
 */
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "chain/image.h"
#include "kit.h"
#include "trust/state_private.h"
#include <stdlib.h>

#define IMAGE "/c/,chain/view"
enum { BELOW = 6, ABOVE = 3 };
static const struct ate__key32 secrets[2] = {{{1}}, {{2}}};

static void put_signed(struct kit *k, unsigned object)
{
    struct draft d;
    kit_begin(k, &d);
    kit_draft_put(k, &d, object, "signed");
    d.signer[d.signer_count++] = kit_key(0);
    kit_ok(kit_commit(k, &d));
    draft_deinit(&d);
}

/* Only the root key writes; sealed with the first secret at the close. */
static void begin(struct kit *k, uint8_t variant)
{
    kit_init(k, 1 + variant);
    kit_genesis(k, NULL, ATE__WINDOW_DEFAULT, variant);
    k->image_secrets = secrets;
    k->image_secret_count = 1;
    kit_create_ok(k);
    k->chain->image_log_min = 0;
    for (unsigned i = 1; i <= BELOW; i++)
        put_signed(k, i);
    kit_close(k);
}

/* ---- which signatures an open has verified ---- */

struct asked {
    struct ate__trust *t;
    uint64_t first, count; /* transactions whose signature is remembered; they follow each other */
};

static int look(void *arg, const struct ate__history_record *record)
{
    struct asked *a = arg;
    struct ate__tx tx;
    struct ate_hash message, proof;
    if (!record->sequence)
        return 0; /* the genesis was verified in any case */
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    kit_ok(ate__batch_message(ATE__SHA256, &tx.hash, &tx.signatures[0], &message));
    kit_ok(ate__verified_proof(&message, tx.signatures[0].bytes, &proof));
    if (ate__verified_has(&a->t->verified, &proof)) {
        if (!a->count++)
            a->first = record->sequence;
        assert_int_equal(record->sequence, a->first + a->count - 1);
    } else {
        assert_int_equal(a->count, 0);
    }
    ate__tx_deinit(&tx);
    return 0;
}

/* Opens a copy of the disk with that secret; the signatures from `first` on were verified. */
static void opens(const struct kit *k, struct simdisk *take_disk, const struct ate__key32 *secret,
                  uint64_t believed, uint64_t first)
{
    struct kit o;
    kit_take(&o, k, take_disk, 9);
    o.image_secrets = secret;
    kit_open_ok(&o, 0);
    struct asked a = {.t = ate__chain_trust(o.chain)};
    assert_int_equal(ate__chain_image_size(o.chain), believed);
    kit_ok(ate__chain_history(o.chain, 0, UINT64_MAX, look, &a));
    assert_int_equal(a.count, kit_size(&o) - first);
    if (a.count)
        assert_int_equal(a.first, first);
    kit_deinit(&o);
}

/* ---- tests ---- */

static void what_is_above_it_is_verified(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 0);
    opens(&k, simdisk_clone(k.disk), secrets, 1 + BELOW, 1 + BELOW);
    kit_open_ok(&k, 0);
    for (unsigned i = 1; i <= ABOVE; i++)
        put_signed(&k, 100 + i);
    kit_kill(&k); /* without a close, the mark stays where it was */
    opens(&k, simdisk_clone(k.disk), secrets, 1 + BELOW, 1 + BELOW);
    kit_deinit(&k);
}

static void one_that_is_not_believed_spares_nothing(void **state)
{
    (void)state;
    struct kit k, other;
    size_t size, other_size;
    begin(&k, 0);
    begin(&other, 1); /* the same key, the same secret */
    uint8_t *image = simdisk_get(k.disk, IMAGE, &size);
    uint8_t *foreign = simdisk_get(other.disk, IMAGE, &other_size);
    opens(&k, simdisk_clone(k.disk), secrets + 1, 0, 1); /* of another opener */
    struct simdisk *d = simdisk_clone(k.disk);
    simdisk_put(d, IMAGE, foreign, other_size); /* of another chain */
    opens(&k, d, secrets, 0, 1);
    for (size_t at = 0; at < size; at += size / 23) { /* forged, or what the disk made of it */
        d = simdisk_clone(k.disk);
        simdisk_flip(d, IMAGE, at, (uint8_t)(1 << at % 8));
        opens(&k, d, secrets, 0, 1);
        d = simdisk_clone(k.disk);
        simdisk_cut(d, IMAGE, at);
        opens(&k, d, secrets, 0, 1);
    }
    free(foreign);
    free(image);
    kit_deinit(&other);
    kit_deinit(&k);
}

/* An older one is as good as it was: what it does not reach is verified. */
static void a_stale_one_spares_what_it_reaches(void **state)
{
    (void)state;
    struct kit k;
    size_t size;
    begin(&k, 0);
    uint8_t *old = simdisk_get(k.disk, IMAGE, &size);
    kit_open_ok(&k, 0);
    k.chain->image_log_min = 0;
    for (unsigned i = 1; i <= 4 * ABOVE; i++)
        put_signed(&k, 100 + i);
    kit_close(&k);
    uint64_t all = 1 + BELOW + 4 * ABOVE;
    opens(&k, simdisk_clone(k.disk), secrets, all, all);
    struct simdisk *d = simdisk_clone(k.disk);
    simdisk_put(d, IMAGE, old, size);
    opens(&k, d, secrets, 1 + BELOW, 1 + BELOW);
    free(old);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_above_it_is_verified),
        cmocka_unit_test(one_that_is_not_believed_spares_nothing),
        cmocka_unit_test(a_stale_one_spares_what_it_reaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
