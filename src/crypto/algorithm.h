/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * algorithm.h: the algorithms of public keys, one table: id, name, strength, sizes, and what each
 * is made of. docs/format/keys.md, "Algorithms", says how one is added.
 *
 * 1. A public key names its algorithms; a signature and a sealed key never do.
 * 2. An id is given once, and means the same for ever. A later draft of an algorithm is another id.
 * 3. Who meets an id that is not in the table refuses what it stands in: ATE_UNSUPPORTED.
 *
 * Constant.
 */
#pragma once
#include "base/buf.h"

enum ate__use { ATE__USE_SIGN = 1, ATE__USE_KEM = 2 };

/* Ids as they stand in public keys. */
enum {
    ATE__SIG_MLDSA65_ED25519 = 1,
    ATE__SIG_ED25519 = 2, /* this one and ML-DSA-44 also in log keys: log_key.h */
    ATE__SIG_MLDSA44 = 3,
    ATE__SIG_MLDSA44_ED25519 = 4,
    ATE__SIG_MLDSA87_ED448 = 5,
    ATE__SIG_MLDSA65 = 6,
    ATE__SIG_MLDSA87 = 7,
    ATE__SIG_ED448 = 8,
    ATE__KEM_MLKEM1024_P384 = 0x0051, /* HPKE's own numbers */
    ATE__KEM_XWING = 0x647a
};

enum { /* bytes */
       ATE__SIG_PUBLIC_MAX = 2592 + 57,
       ATE__SIG_SIZE_MAX = 4627 + 114,
       ATE__KEM_PUBLIC_MAX = 1568 + 97,
       ATE__KEM_ENC_MAX = 1568 + 97,
       ATE__ALGORITHM_NAME_MAX = 24
};

struct ate__sig_form; /* crypto/sign_form.h */
struct ate__kem_form; /* crypto/kem_form.h */

struct ate__algorithm {
    uint16_t id;
    uint16_t strength; /* bits: 128, 192 or 256 */
    uint8_t use;       /* enum ate__use */
    bool composite;    /* of a signature: two families, of which both must verify */
    const char *name;  /* as in key files and options: [a-z0-9-] */
    uint32_t public_size;
    uint32_t made_size; /* of a signature; of what encapsulating a key gives */
    const struct ate__sig_form *sig; /* one of these two */
    const struct ate__kem_form *kem;
};

/* NULL: unknown. */
const struct ate__algorithm *ate__algorithm(unsigned id);
const struct ate__algorithm *ate__algorithm_named(struct ate_bytes name);
/* All of them, by index; NULL behind the last. */
const struct ate__algorithm *ate__algorithm_at(size_t index);

bool ate__strength_known(unsigned bits); /* 128, 192, 256 */
/* What a key of this strength is made of unless its owner says otherwise: the composite that has
 * just it; and the KEM that has it or more. */
const struct ate__algorithm *ate__signature_of_strength(unsigned bits);
const struct ate__algorithm *ate__kem_of_strength(unsigned bits);
