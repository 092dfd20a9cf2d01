/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/state_image.h"
#include "base/assert.h"
#include "base/err.h"
#include "event/limits.h"
#include "trust/state_private.h"

static int write_keys(struct ate__trust *t, uint64_t size, struct ate__wr *w)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf key = ATE__BUF_NULL;
    size_t mark = w->buf->size, at = 0;
    uint32_t count = 0;
    uint64_t sequence;
    int rc;
    ate__wr_u32(w, 0);
    while (!(rc = ate__keyring_next(&t->keyring, size, &at, &sequence, &key))) {
        ate__wr_u64(w, sequence);
        ate__wr_bytes32(w, ate__buf_bytes(&key));
        ate__buf_clear(&key);
        count++;
    }
    if (rc == ATE_END && !w->failed)
        ate__store32(w->buf->data + mark, count);
    return rc == ATE_END ? 0 : rc;
}

int ate__trust_image_write(struct ate__trust *t, uint64_t size, struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    ate__assert(size && size <= t->next);
    int rc = write_keys(t, size, &w);
    if (rc)
        return rc;
    ate__roster_write(&t->roster, size, &w);
    rc = ate__wr_end(&w);
    if (!rc)
        rc = ate__origins_write(&t->origins, size, &w);
    return rc ? rc : ate__wr_end(&w);
}

/* Those of the genesis are there; none is looked into before it is verified with. */
static int read_keys(struct ate__trust *t, uint64_t size, struct ate__rd *rd)
{
    uint32_t count = ate__rd_count(rd, UINT32_MAX, 8 + 4);
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct ate_hash fingerprint;
        uint64_t sequence = ate__rd_u64(rd);
        struct ate_bytes key = ate__rd_bytes32(rd, ATE__KEY_ITEM_MAX);
        if (!key.size || sequence < last || sequence >= size)
            break; /* or its bytes end here */
        last = sequence;
        int rc = ate__fingerprint(key, &fingerprint);
        if (!rc)
            rc = ate__keyring_add(&t->keyring, &fingerprint, key, sequence);
        if (rc)
            return rc;
    }
    return t->keyring.count == count ? 0 : ate__fail(ATE_MALFORMED, "view image: the public keys");
}

int ate__trust_image_read(struct ate__trust *t, struct ate_bytes image, uint64_t size)
{
    struct ate__rd rd = ate__rd_of(image);
    int rc = read_keys(t, size, &rd);
    if (!rc)
        rc = ate__roster_read(&t->roster, size, &rd);
    if (!rc)
        rc = ate__origins_read(&t->origins, size, &rd);
    if (!rc && !ate__rd_end(&rd))
        rc = ate__fail(ATE_MALFORMED, "view image: bytes behind the trust state");
    if (!rc)
        t->next = size;
    return rc;
}
