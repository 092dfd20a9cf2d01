/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * log_public_parse_fuzz.c: ate__log_public_parse() and ate__log_verify_new(). What is taken has the
 * one form, which its parts make up; a key made of it says the same bytes and calls no made-up
 * signature true.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/log_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__log_parts parts;
    struct ate__log_verify *v = NULL;
    int rc = ate__log_public_parse(ate__bytes(data, size), &parts);
    int made = ate__log_verify_new(ate__bytes(data, size), &v);
    ate__assert(!made == !!v && (!rc || made == rc));
    ate__assert(!made || made == ATE_MALFORMED || made == ATE_UNSUPPORTED);
    if (rc)
        return 0;
    ate__assert(size == ATE__LOG_PUBLIC && parts.ed25519.data == data + 6 &&
                parts.mldsa44.data == data + size - ATE__LOG_MLDSA44_PUBLIC);
    ate__assert(parts.ed25519.size == ATE__LOG_ED25519_PUBLIC &&
                parts.mldsa44.size == ATE__LOG_MLDSA44_PUBLIC);
    if (!v)
        return 0;
    static const uint8_t zeros[ATE__LOG_MLDSA44_SIGNATURE];
    struct ate_bytes m = {"m", 1};
    ate__assert(ate__bytes_equal(ate__log_verify_public(v), ate__bytes(data, size)));
    ate__assert(ate__log_verify_ed25519(v, m, ate__bytes(zeros, ATE__LOG_ED25519_SIGNATURE)) ==
                ATE_TAMPERED);
    ate__assert(ate__log_verify_mldsa44(v, m, ate__bytes(zeros, sizeof zeros)) == ATE_TAMPERED);
    ate__log_verify_free(v);
    return 0;
}
