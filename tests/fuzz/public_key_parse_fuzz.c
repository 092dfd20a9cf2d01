/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * public_key_parse_fuzz.c: ate__public_key_parse(). The parts of a public key that is taken make up
 * all of it, lie in it, and can be used.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/hpke.h"
#include "crypto/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct ate_bytes part, size_t part_size, const uint8_t *data, size_t size)
{
    const uint8_t *at = part.data;
    ate__assert(part.size == part_size && at >= data && part_size <= (size_t)(data + size - at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEAD = 6 };
    struct ate__public_parts parts;
    int rc = ate__public_key_parse(ate__bytes(data, size), &parts);
    if (rc) {
        ate__assert(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED);
        return 0;
    }
    size_t sum = 0;
    if (parts.signature_key.data) {
        struct ate__verify_key *key;
        check_part(parts.signature_key, parts.signature->public_size, data, size);
        ate__assert(!ate__verify_key_new(parts.signature->id, parts.signature_key, &key));
        ate__verify_key_free(key);
        sum += HEAD + parts.signature->public_size;
    }
    if (parts.kem_key.data) {
        struct ate__buf sealed = ATE__BUF_NULL;
        struct ate_bytes none = {NULL, 0};
        check_part(parts.kem_key, parts.kem->public_size, data, size);
        ate__assert(!ate__hpke_seal(parts.kem->id, parts.kem_key, &ate__env_real, none, none, none,
                                    &sealed));
        ate__buf_deinit(&sealed);
        sum += HEAD + parts.kem->public_size;
    }
    ate__assert(sum && sum == size);
    return 0;
}
