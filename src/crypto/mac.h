/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mac.h: a running HMAC, on which ate__hmac() and HKDF are built: of SHA-256, and for HPKE of
 * SHA-384. Errors are sticky and come out of end(); deinit is due after begin and wipes the key.
 * One thread at a time.
 */
#pragma once
#include "crypto/digest.h"

enum { ATE__MAC_MAX = 48 }; /* bytes; of SHA-256 32 */

struct ate__mac {
    void *ctx;
    int result;
    size_t size;
};
void ate__mac_begin(struct ate__mac *m, struct ate_bytes key);
void ate__mac_begin_sha384(struct ate__mac *m, struct ate_bytes key);
void ate__mac_bytes(struct ate__mac *m, struct ate_bytes bytes);
void ate__mac_frame(struct ate__mac *m, const char *label, const struct ate_bytes *fields,
                    size_t count);
int ate__mac_end(struct ate__mac *m, uint8_t *ret) ATE__CHECK;
void ate__mac_deinit(struct ate__mac *m);
