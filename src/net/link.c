/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * link.c: whole frames over a link.
 */
#include "net/link.h"

int ate__link_send(struct ate__link *l, uint16_t type, uint32_t stream,
                   const struct ate_bytes *parts, size_t count)
{
    struct ate__wr w;
    int rc = ate__link_begin(l, type, stream, &w);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        ate__wr_bytes(&w, parts[i]);
    return ate__link_end(l, &w);
}
