/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * algorithm.c: the table. Strengths are those that NIST's categories name for ML-DSA and ML-KEM (2
 * or 1: 128, 3: 192, 5: 256); of a curve by itself what its best known attack costs, rounded down
 * to one of the three.
 */
#include "crypto/algorithm.h"
#include "base/text.h"
#include "crypto/kem_form.h"
#include "crypto/sign_form.h"

#define COMPOSITE(of_id, bits, text, public, size, form)                                           \
    {.id = (of_id),                                                                                \
     .strength = (bits),                                                                           \
     .use = ATE__USE_SIGN,                                                                         \
     .composite = true,                                                                            \
     .name = (text),                                                                               \
     .public_size = (public),                                                                      \
     .made_size = (size),                                                                          \
     .sig = &(form)}
#define PLAIN(of_id, bits, text, public, size, form)                                               \
    {.id = (of_id),                                                                                \
     .strength = (bits),                                                                           \
     .use = ATE__USE_SIGN,                                                                         \
     .name = (text),                                                                               \
     .public_size = (public),                                                                      \
     .made_size = (size),                                                                          \
     .sig = &(form)}
#define KEM(of_id, bits, text, public, size, form)                                                 \
    {.id = (of_id),                                                                                \
     .strength = (bits),                                                                           \
     .use = ATE__USE_KEM,                                                                          \
     .name = (text),                                                                               \
     .public_size = (public),                                                                      \
     .made_size = (size),                                                                          \
     .kem = &(form)}

static const struct ate__sig_form mldsa65_ed25519 = {
    ATE__PART_MLDSA65, ATE__PART_ED25519, "COMPSIG-MLDSA65-Ed25519-SHA512", ATE__MD_SHA512};
static const struct ate__sig_form mldsa44_ed25519 = {
    ATE__PART_MLDSA44, ATE__PART_ED25519, "COMPSIG-MLDSA44-Ed25519-SHA512", ATE__MD_SHA512};
static const struct ate__sig_form mldsa87_ed448 = {
    ATE__PART_MLDSA87, ATE__PART_ED448, "COMPSIG-MLDSA87-Ed448-SHAKE256", ATE__MD_SHAKE256};
static const struct ate__sig_form mldsa44 = {.mldsa = ATE__PART_MLDSA44};
static const struct ate__sig_form mldsa65 = {.mldsa = ATE__PART_MLDSA65};
static const struct ate__sig_form mldsa87 = {.mldsa = ATE__PART_MLDSA87};
static const struct ate__sig_form ed25519 = {.eddsa = ATE__PART_ED25519};
static const struct ate__sig_form ed448 = {.eddsa = ATE__PART_ED448};

static const struct ate__algorithm table[] = {
    COMPOSITE(ATE__SIG_MLDSA65_ED25519, 192, "mldsa65-ed25519-sha512", 1952 + 32, 3309 + 64,
              mldsa65_ed25519),
    COMPOSITE(ATE__SIG_MLDSA44_ED25519, 128, "mldsa44-ed25519-sha512", 1312 + 32, 2420 + 64,
              mldsa44_ed25519),
    COMPOSITE(ATE__SIG_MLDSA87_ED448, 256, "mldsa87-ed448-shake256", ATE__SIG_PUBLIC_MAX,
              ATE__SIG_SIZE_MAX, mldsa87_ed448),
    PLAIN(ATE__SIG_MLDSA44, 128, "mldsa44", 1312, 2420, mldsa44),
    PLAIN(ATE__SIG_MLDSA65, 192, "mldsa65", 1952, 3309, mldsa65),
    PLAIN(ATE__SIG_MLDSA87, 256, "mldsa87", 2592, 4627, mldsa87),
    PLAIN(ATE__SIG_ED25519, 128, "ed25519", 32, 64, ed25519),
    PLAIN(ATE__SIG_ED448, 192, "ed448", 57, 114, ed448),
    KEM(ATE__KEM_XWING, 192, "x-wing", 1184 + 32, 1088 + 32, ate__xwing_form),
    KEM(ATE__KEM_MLKEM1024_P384, 256, "mlkem1024-p384", ATE__KEM_PUBLIC_MAX, ATE__KEM_ENC_MAX,
        ate__kem_p384_form),
};

const struct ate__algorithm *ate__algorithm_at(size_t index)
{
    return index < ATE__COUNT_OF(table) ? &table[index] : NULL;
}

const struct ate__algorithm *ate__algorithm(unsigned id)
{
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        if (table[i].id == id)
            return &table[i];
    return NULL;
}

const struct ate__algorithm *ate__algorithm_named(struct ate_bytes name)
{
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        if (ate__bytes_equal(name, ate__text_bytes(table[i].name)))
            return &table[i];
    return NULL;
}

bool ate__strength_known(unsigned bits)
{
    return bits == 128 || bits == 192 || bits == 256;
}

const struct ate__algorithm *ate__signature_of_strength(unsigned bits)
{
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        if (table[i].composite && table[i].strength == bits)
            return &table[i];
    return NULL;
}

const struct ate__algorithm *ate__kem_of_strength(unsigned bits)
{
    return ate__algorithm(bits > 192 ? ATE__KEM_MLKEM1024_P384 : ATE__KEM_XWING);
}
