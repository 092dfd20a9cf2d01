/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mac.c: HMAC. Each has a context of its own, because it holds the key.
 */
#include "crypto/mac.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "crypto/ossl.h"
#include "crypto/secret.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

static void begin(struct ate__mac *m, char *digest, size_t size, struct ate_bytes key)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = ate__ossl_hmac();
    *m = (struct ate__mac){.ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL, .size = size};
    /* Without a pointer EVP_MAC_init() would look for a key that was set before. */
    const void *data = key.data ? key.data : "";
    if (!m->ctx || !EVP_MAC_init(m->ctx, data, key.size, params))
        m->result = ate__ossl_fail("begin an HMAC");
}

void ate__mac_begin(struct ate__mac *m, struct ate_bytes key)
{
    begin(m, (char[]){"SHA2-256"}, 32, key);
}

void ate__mac_begin_sha384(struct ate__mac *m, struct ate_bytes key)
{
    begin(m, (char[]){"SHA2-384"}, ATE__MAC_MAX, key);
}

void ate__mac_bytes(struct ate__mac *m, struct ate_bytes bytes)
{
    if (!m->result && bytes.size && !EVP_MAC_update(m->ctx, bytes.data, bytes.size))
        m->result = ate__ossl_fail("compute an HMAC");
}

void ate__mac_frame(struct ate__mac *m, const char *label, const struct ate_bytes *fields,
                    size_t count)
{
    size_t label_size = strlen(label);
    ate__assert(label_size <= ATE__FRAME_LABEL_MAX);
    ate__mac_bytes(m, ate__bytes(&(uint8_t){(uint8_t)label_size}, 1));
    ate__mac_bytes(m, ate__bytes(label, label_size));
    for (size_t i = 0; i < count; i++) {
        uint8_t le[8];
        ate__store64(le, fields[i].size);
        ate__mac_bytes(m, ate__bytes(le, sizeof le));
        ate__mac_bytes(m, fields[i]);
    }
}

int ate__mac_end(struct ate__mac *m, uint8_t *ret)
{
    uint8_t mac[ATE__MAC_MAX];
    size_t size;
    if (!m->result && !EVP_MAC_final(m->ctx, mac, &size, m->size))
        m->result = ate__ossl_fail("end an HMAC");
    if (!m->result)
        memcpy(ret, mac, m->size);
    ate__wipe(mac, sizeof mac);
    return m->result;
}

void ate__mac_deinit(struct ate__mac *m)
{
    EVP_MAC_CTX_free(m->ctx);
    m->ctx = NULL;
}

int ate__hmac(struct ate_bytes key, const char *label, const struct ate_bytes *fields, size_t count,
              struct ate_hash *ret_hash)
{
    ate__cleanup(ate__mac_deinit) struct ate__mac m;
    ate__mac_begin(&m, key);
    ate__mac_frame(&m, label, fields, count);
    return ate__mac_end(&m, ret_hash->b);
}
