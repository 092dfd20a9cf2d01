/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * unpack.h: reads MessagePack, value by value, from bytes that nobody vouches for.
 *
 * Why not the unpacker of msgpack-c: it allocates an array or a map by the count that its header
 * claims, before it has seen an item (five bytes ask for 96 GiB, and nested ones are not seen
 * through by any bound on one of them), it allocates around base/alloc.h, and it copies into a tree
 * that would be walked once and freed. This reader allocates nothing.
 *
 *  1. Any encoding of a value is read, not only the shortest.
 *  2. A list or map is read only if as many bytes follow as it claims items.
 *  3. Views point into the given bytes.
 */
#pragma once
#include "base/rd.h"

enum ate__unpacked_kind {
    ATE__NIL,
    ATE__BOOL,
    ATE__UINT,  /* 0 to 2^64 - 1, from a signed form as well */
    ATE__INT,   /* below 0 */
    ATE__FLOAT, /* of 32 or 64 bits */
    ATE__TEXT,  /* not checked to be UTF-8 */
    ATE__BYTES,
    ATE__LIST,  /* its items follow */
    ATE__MAP,   /* its keys and values follow, in turn */
    ATE__EXT    /* of an application; never in what we write */
};
struct ate__unpacked {
    enum ate__unpacked_kind kind;
    bool is_32;             /* of ATE__FLOAT: written with 32 bits */
    uint32_t count;         /* items of a list, pairs of a map */
    union {
        bool truth;
        uint64_t uint;
        int64_t sint;
        double real;
        struct ate_bytes bytes; /* of text, bytes and ext: a view */
    };
};

/* The next value, of a list or map its head alone. Errors: ATE_MALFORMED with the place. */
int ate__unpack(struct ate__rd *r, struct ate__unpacked *ret) ATE__CHECK;

/* One whole value, in which lists and maps lie at most depth_max inside each other; gives its
 * bytes. Errors: ATE_MALFORMED, ATE_TOO_BIG. */
int ate__unpack_whole(struct ate__rd *r, unsigned depth_max, struct ate_bytes *ret) ATE__CHECK;

const char *ate__unpacked_text(const struct ate__unpacked *u); /* "an integer", "a list" */
