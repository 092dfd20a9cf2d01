/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec_pack.h: writes MessagePack, each value in its shortest form, through msgpack-c. Appends to
 * a buffer; the first failure sticks.
 */
#pragma once
#include "base/buf.h"

struct ate__pack {
    struct ate__buf *buf; /* borrowed */
    size_t start, more_max; /* bytes in buf before, and how many may be added */
    int rc;               /* 0, ATE_TOO_BIG or ATE_E_MEMORY, with its sentence */
};

struct ate__pack ate__pack_of(struct ate__buf *buf, size_t more_max); /* behind what buf holds */
void ate__pack_nil(struct ate__pack *p);
void ate__pack_bool(struct ate__pack *p, bool v);
void ate__pack_int(struct ate__pack *p, int64_t v);
void ate__pack_uint(struct ate__pack *p, uint64_t v);
void ate__pack_float(struct ate__pack *p, float v);
void ate__pack_double(struct ate__pack *p, double v);
void ate__pack_text(struct ate__pack *p, struct ate_bytes text);
void ate__pack_bytes(struct ate__pack *p, struct ate_bytes bytes);
void ate__pack_list(struct ate__pack *p, size_t count);
void ate__pack_map(struct ate__pack *p, size_t pairs);
void ate__pack_raw(struct ate__pack *p, struct ate_bytes bytes); /* as they are */
