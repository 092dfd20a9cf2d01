/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * readers.c: public keys to seal to that give what is sealed away, or what they are used with.
 */
#include "attack.h"
#include "crypto/kem.h"
#include "crypto/key.h"

/* Eve names a friend, whose key this is, among those who may write her object: it is stored, and
 * from then on whoever lets him read seals to it. */
static struct past *with_key(struct ate_bytes key)
{
    struct past *p = attack_family();
    struct draft d;
    struct ate_hash prints[2] = {past_print(p, EVE)};
    attack_must(ate__fingerprint(key, &prints[1]));
    struct ate_hash prev = past_control_hash(p, id_of(5));
    past_begin(p, &d);
    struct ate__auth auth = {.rule[ATE__RIGHT_WRITE] = draft_rule(&d, prints, 2)};
    draft_item(&d, ATE__TAG_PUBLIC_KEY, key);
    draft_control(&d, id_of(5), &prev, &auth);
    past_sign(p, &d, EVE);
    past_commit_plain(p, &d);
    return p;
}

/* A key of this form; its last bytes, the point of the curve beside ML-KEM, are `point`. */
static void with_point(unsigned signature, unsigned kem, struct ate_bytes point)
{
    const struct ate__key_form form = {ate__algorithm(signature), ate__algorithm(kem)};
    const struct ate__key32 seed = {{0xe7}};
    struct ate__public_parts parts;
    struct ate__key *key;
    attack_must(ate__key_make(&form, &seed, "", &key));
    struct ate_bytes whole = ate__buf_bytes(&key->public_key);
    attack_must(ate__public_key_parse(whole, &parts));
    const uint8_t *kem_end = (const uint8_t *)parts.kem_key.data + parts.kem_key.size;
    size_t at = (size_t)(kem_end - key->public_key.data) - point.size;
    memcpy(key->public_key.data + at, point.data, point.size);
    attack_with_history(with_key(whole), ATE_MALFORMED);
    ate__key_free(key);
}

/* The exchange with such a point gives zero, whatever the other side has drawn: of the two
 * algorithms one is left. */
static void low_order_reader(void)
{
    static const uint8_t zero[32] = {0}, one[32] = {1},
                         eight[32] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae,
                                      0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
                                      0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd,
                                      0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
    unsigned signature = ATE__SIG_MLDSA65_ED25519, kem = ATE__KEM_XWING;
    with_point(signature, kem, ate__bytes(zero, sizeof zero));
    with_point(signature, kem, ate__bytes(one, sizeof one));
    with_point(signature, kem, ate__bytes(eight, sizeof eight));
}

/* On another curve than it should be, of which the exchange would give away something of what
 * meets it. */
static void reader_off_the_curve(void)
{
    static const uint8_t last[] = {1, 2, 3};
    with_point(ATE__SIG_MLDSA65_ED25519, ATE__KEM_MLKEM1024_P384, ate__bytes(last, sizeof last));
}

const struct attack attacks_readers[] = {
    {"low-order-reader", low_order_reader},
    {"reader-off-the-curve", reader_off_the_curve},
    {NULL, NULL},
};
