/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hello.c: the first frame of each side.
 */
#include "net/hello.h"

struct ate__hello ate__hello_ours(void)
{
    return (struct ate__hello){
        .version_min = ATE__WIRE_VERSION,
        .version_max = ATE__WIRE_VERSION,
        .product = "ate " ATE__VERSION,
    };
}

void ate__hello_encode(struct ate__wr *w, const struct ate__hello *hello)
{
    size_t size = strnlen(hello->product, ATE__HELLO_PRODUCT_MAX);
    ate__wr_u16(w, hello->version_min);
    ate__wr_u16(w, hello->version_max);
    ate__wr_u64(w, hello->features);
    ate__wr_u8(w, (uint8_t)size);
    ate__wr_copy(w, hello->product, size);
}

int ate__hello_decode(struct ate_bytes body, struct ate__hello *ret_hello)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__hello hello = {0};
    hello.version_min = ate__rd_u16(&r);
    hello.version_max = ate__rd_u16(&r);
    hello.features = ate__rd_u64(&r);
    uint8_t size = ate__rd_u8(&r);
    ate__rd_copy(&r, hello.product, size);
    if (!ate__rd_ok(&r))
        return ate__fail(ATE_BAD_PEER, "a HELLO frame that ends early");
    if (!hello.version_min || hello.version_min > hello.version_max)
        return ate__fail(ATE_BAD_PEER, "a HELLO frame with the protocol versions %u to %u",
                         hello.version_min, hello.version_max);
    for (size_t i = 0; i < size; i++)
        if (hello.product[i] < ' ' || hello.product[i] > '~')
            return ate__fail(ATE_BAD_PEER, "a HELLO frame whose product text is not plain ASCII");
    *ret_hello = hello;
    return 0;
}

int ate__hello_agree(const struct ate__hello *ours, const struct ate__hello *theirs,
                     uint16_t *ret_version, uint64_t *ret_features)
{
    uint16_t low =
        ours->version_min > theirs->version_min ? ours->version_min : theirs->version_min;
    uint16_t high =
        ours->version_max < theirs->version_max ? ours->version_max : theirs->version_max;
    if (low > high)
        return ate__fail(ATE_UNSUPPORTED,
                         "no protocol version in common: %s speaks %u to %u, this side %u to %u",
                         theirs->product[0] ? theirs->product : "the other side",
                         theirs->version_min, theirs->version_max, ours->version_min,
                         ours->version_max);
    *ret_version = high;
    *ret_features = ours->features & theirs->features;
    return 0;
}
