/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_key.c: KEY.
 */
#include "crypto/keyfile.h"
#include "mesh/msg_parts.h"

void ate__msg_key_encode(struct ate__wr *w, const struct ate__msg_key *m)
{
    ate__wr_bytes32(w, m->public_key);
    ate__wr_bytes32(w, m->signature);
}

int ate__msg_key_decode(struct ate_bytes body, struct ate__msg_key *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_key m = {.public_key = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX)};
    m.signature = ate__rd_bytes32(&r, ATE__SIGNATURE_MAX);
    int rc = ate__msg_end(&r, "KEY");
    if (!rc)
        *ret = m;
    return rc;
}
