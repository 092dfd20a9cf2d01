/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * digest.c: frame hashes on the digest contexts that the thread keeps.
 */
#include "crypto/digest.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/wr.h"
#include "crypto/limits.h"
#include "crypto/ossl.h"

bool ate__hash_alg_known(unsigned alg)
{
    return alg == ATE__SHA256 || alg == ATE__SHA3_256;
}

static uint8_t label_size(const char *label)
{
    size_t size = strlen(label);
    ate__assert(size <= ATE__FRAME_LABEL_MAX);
    return (uint8_t)size;
}

static void take_in(struct ate__hasher *h, const void *data, size_t size)
{
    if (size && !h->result && !EVP_DigestUpdate(h->ctx, data, size))
        h->result = ate__ossl_fail("hash");
}

static inline void update(struct ate__hasher *h, const void *data, size_t size)
{
    if (size > sizeof h->held - h->held_size) {
        take_in(h, h->held, h->held_size);
        h->held_size = 0;
        if (size > sizeof h->held) {
            take_in(h, data, size);
            return;
        }
    }
    if (size)
        memcpy(h->held + h->held_size, data, size);
    h->held_size += size;
}

void ate__hasher_begin_raw(struct ate__hasher *h, enum ate__hash_alg alg)
{
    ate__assert(ate__hash_alg_known(alg));
    h->ctx = ate__ossl_digest_take(alg);
    h->result = h->ctx ? 0 : ate__ossl_fail("begin a hash");
    h->alg = alg;
    h->framed = false;
    h->field_left = h->held_size = 0; /* what is held need not be zeroed */
}

void ate__hasher_begin(struct ate__hasher *h, enum ate__hash_alg alg, const char *label)
{
    uint8_t size = label_size(label);
    ate__hasher_begin_raw(h, alg);
    h->framed = true;
    update(h, &size, sizeof size);
    update(h, label, size);
}

void ate__hasher_field_size(struct ate__hasher *h, uint64_t size)
{
    ate__assert(h->framed && !h->field_left);
    uint8_t le[8];
    ate__store64(le, size);
    update(h, le, sizeof le);
    h->field_left = size;
}

void ate__hasher_raw(struct ate__hasher *h, struct ate_bytes bytes)
{
    if (h->framed) {
        ate__assert(bytes.size <= h->field_left);
        h->field_left -= bytes.size;
    }
    update(h, bytes.data, bytes.size);
}

void ate__hasher_field(struct ate__hasher *h, struct ate_bytes field)
{
    ate__hasher_field_size(h, field.size);
    ate__hasher_raw(h, field);
}

int ate__hasher_end(struct ate__hasher *h, struct ate_hash *ret_hash)
{
    ate__assert(!h->field_left);
    struct ate_hash hash;
    take_in(h, h->held, h->held_size);
    h->held_size = 0;
    if (!h->result && !EVP_DigestFinal_ex(h->ctx, hash.b, NULL))
        h->result = ate__ossl_fail("end a hash");
    if (h->result)
        return h->result;
    *ret_hash = hash;
    return 0;
}

void ate__hasher_deinit(struct ate__hasher *h)
{
    ate__ossl_digest_give(h->alg, h->ctx);
    h->ctx = NULL;
}

int ate__hash(enum ate__hash_alg alg, const char *label, const struct ate_bytes *fields,
              size_t count, struct ate_hash *ret_hash)
{
    ate__cleanup(ate__hasher_deinit) struct ate__hasher h;
    ate__hasher_begin(&h, alg, label);
    for (size_t i = 0; i < count; i++)
        ate__hasher_field(&h, fields[i]);
    return ate__hasher_end(&h, ret_hash);
}

static int sha256_of(const struct ate_bytes *parts, size_t count, struct ate_hash *ret_hash)
{
    ate__cleanup(ate__hasher_deinit) struct ate__hasher h;
    ate__hasher_begin_raw(&h, ATE__SHA256);
    for (size_t i = 0; i < count; i++)
        take_in(&h, parts[i].data, parts[i].size);
    return ate__hasher_end(&h, ret_hash);
}

int ate__sha256(struct ate_bytes bytes, struct ate_hash *ret_hash)
{
    return sha256_of(&bytes, 1, ret_hash);
}

int ate__leaf_hash(struct ate_bytes entry, struct ate_hash *ret_hash)
{
    return sha256_of((struct ate_bytes[]){ate__bytes("\0", 1), entry}, 2, ret_hash);
}

int ate__node_hash(const struct ate_hash *left, const struct ate_hash *right,
                   struct ate_hash *ret_hash)
{
    uint8_t node[1 + 2 * sizeof *left] = {1};
    memcpy(node + 1, left->b, sizeof left->b);
    memcpy(node + 1 + sizeof left->b, right->b, sizeof right->b);
    return ate__sha256(ate__bytes(node, sizeof node), ret_hash);
}

int ate__frame(struct ate__buf *buf, const char *label, const struct ate_bytes *fields,
               size_t count)
{
    size_t size_before = buf->size;
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_u8(&w, label_size(label));
    ate__wr_bytes(&w, ate__text_bytes(label));
    for (size_t i = 0; i < count; i++) {
        ate__wr_u64(&w, fields[i].size);
        ate__wr_bytes(&w, fields[i]);
    }
    int rc = ate__wr_end(&w);
    if (rc)
        buf->size = size_before;
    return rc;
}
