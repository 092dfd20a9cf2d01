/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compress.c: the one file that knows zstd.
 *
 * zstd works in a block of ours, so that one place limits it, can fail and is wiped. It is told the
 * block's size and refuses one that is too small. For that part of its interface the header wants
 * ZSTD_STATIC_LINKING_ONLY (docs/decisions/0026-compression.md); no struct of it is passed either
 * way. Frame headers (RFC 8878, 3.1.1.1) are read here.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include "dio/compress.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/rd.h"
#include "crypto/secret.h"
#include "dio/limits.h"
#include <zstd.h>

_Static_assert((int)ATE__COMPRESSED_PAYLOAD_MAX == ATE__PAYLOAD_MAX - 1, "and the first byte");

enum { AS_IT_IS = 0, ZSTD = 1 }; /* the first byte */
enum {
    LEVEL = 3,
    WORTH_TRYING = 32, /* bytes: below, a frame's header eats what is gained */
    /* What it takes to compress so much at this level, twice over; there is a most. */
    WORKSPACE_MIN = 64 << 10,
    WORKSPACE_EACH = 32
};
enum { /* the second byte of a header, behind the magic number */
       CONTENT_SIZE_SHIFT = 6,
       SINGLE_SEGMENT = 1 << 5,
       NEVER_SET = 0x1f /* unused, reserved, checksum, dictionary */
};

struct workspace {
    void *block;
    size_t size;
};

static int workspace_init(struct workspace *w, size_t size)
{
    *w = (struct workspace){ate__resize(NULL, size), size}; /* as malloc() would give it */
    return w->block ? 0 : ate__no_memory();
}

static void workspace_deinit(struct workspace *w)
{
    if (w->block)
        ate__wipe(w->block, w->size);
    ate__free(w->block);
}

/* ---- storing ---- */

/* *ret_size 0: it does not get smaller, for whatever reason. */
static int shrink(struct ate_bytes payload, uint8_t *to, size_t room, size_t *ret_size)
{
    ate__cleanup(workspace_deinit) struct workspace w;
    int rc = workspace_init(
        &w, ate__min(ZSTD_estimateCCtxSize(LEVEL), WORKSPACE_MIN + WORKSPACE_EACH * payload.size));
    if (rc)
        return rc;
    ZSTD_CCtx *context = ZSTD_initStaticCCtx(w.block, w.size);
    size_t size = 0;
    /* With the usual parameters, among them the content's size: a new one in a block has none. */
    if (context && !ZSTD_isError(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)) &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL)))
        size = ZSTD_compress2(context, to, room, payload.data, payload.size);
    *ret_size = ZSTD_isError(size) ? 0 : size;
    return 0;
}

/* The least that may be stored of so many bytes. */
static size_t stored_min(size_t size)
{
    return (size + ATE__COMPRESSION_RATIO_MAX - 1) / ATE__COMPRESSION_RATIO_MAX;
}

int ate__compress(struct ate_bytes payload, struct ate__buf *stored)
{
    size_t shrunk = 0;
    if (payload.size > ATE__COMPRESSED_PAYLOAD_MAX)
        return ate__fail(ATE_TOO_BIG, "a payload of %zu bytes, over the limit of %d", payload.size,
                         ATE__COMPRESSED_PAYLOAD_MAX);
    int rc = ate__buf_reserve(stored, 1 + payload.size);
    if (rc)
        return rc;
    uint8_t *to = stored->data + stored->size;
    if (payload.size >= WORTH_TRYING)
        rc = shrink(payload, to + 1, payload.size - 1, &shrunk);
    if (rc)
        return rc;
    to[0] = shrunk ? ZSTD : AS_IT_IS;
    size_t size = 1 + (shrunk ? shrunk : payload.size);
    if (!shrunk && payload.size)
        memcpy(to + 1, payload.data, payload.size);
    for (; shrunk && size < stored_min(payload.size); size++)
        to[size] = 0;
    stored->size += size;
    return 0;
}

/* ---- reading ---- */

static int malformed(const char *what)
{
    return ate__fail(ATE_MALFORMED, "compressed payload: %s", what);
}

static uint64_t read_content_size(struct ate__rd *r, unsigned how)
{
    switch (how) {
    case 0: return ate__rd_u8(r);
    case 1: return 256 + (uint64_t)ate__rd_u16(r);
    case 2: return ate__rd_u32(r);
    default: return ate__rd_u64(r);
    }
}

static uint64_t read_window(struct ate__rd *r)
{
    unsigned descriptor = ate__rd_u8(r);
    uint64_t base = UINT64_C(1) << (10 + (descriptor >> 3));
    return base + base / 8 * (descriptor & 7);
}

/* What the header says, and whether it may. */
static int read_header(struct ate_bytes stored, size_t *ret_size)
{
    struct ate__rd r = ate__rd_of(stored);
    (void)ate__rd_u8(&r);
    uint32_t magic = ate__rd_u32(&r);
    unsigned descriptor = ate__rd_u8(&r), how = descriptor >> CONTENT_SIZE_SHIFT;
    bool single = descriptor & SINGLE_SEGMENT;
    if (!ate__rd_ok(&r) || magic != ZSTD_MAGICNUMBER)
        return malformed("it is no zstd frame");
    if (descriptor & NEVER_SET)
        return malformed("its frame has a dictionary, a checksum or an unknown flag");
    if (!how && !single)
        return malformed("its frame does not say how large its content is");
    uint64_t window = single ? 0 : read_window(&r), size = read_content_size(&r, how);
    if (!ate__rd_ok(&r))
        return malformed("its header is cut off");
    if (size > ATE__COMPRESSED_PAYLOAD_MAX || window > ATE__PAYLOAD_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "compressed payload: of %llu bytes, with a window of %llu: over the limit "
                         "of %d",
                         (unsigned long long)size, (unsigned long long)window,
                         ATE__COMPRESSED_PAYLOAD_MAX);
    if (stored.size < stored_min(size))
        return ate__fail(ATE_TOO_BIG, "compressed payload: %llu bytes out of %zu: over %d to 1",
                         (unsigned long long)size, stored.size, ATE__COMPRESSION_RATIO_MAX);
    *ret_size = size;
    return 0;
}

/* Behind the frame are the zeros that the ratio asks for. */
static int find_end(struct ate_bytes stored, size_t size, struct ate_bytes *ret_frame)
{
    const uint8_t *bytes = stored.data;
    size_t frame = ZSTD_findFrameCompressedSize(bytes + 1, stored.size - 1);
    if (ZSTD_isError(frame))
        return malformed("its frame is cut off or damaged");
    if (stored.size != ate__max(1 + frame, stored_min(size)))
        return malformed("there are bytes behind its frame");
    for (size_t i = 1 + frame; i < stored.size; i++)
        if (bytes[i])
            return malformed("what is behind its frame is not zero");
    *ret_frame = ate__bytes(bytes + 1, frame);
    return 0;
}

static int expand(struct ate_bytes frame, size_t size, struct ate__buf *unpacked)
{
    ate__cleanup(workspace_deinit) struct workspace w;
    int rc = workspace_init(&w, ZSTD_estimateDCtxSize());
    if (!rc)
        rc = ate__buf_reserve(unpacked, size);
    if (rc)
        return rc;
    ZSTD_DCtx *context = ZSTD_initStaticDCtx(w.block, w.size);
    size_t got = SIZE_MAX;
    if (context)
        got = ZSTD_decompressDCtx(context, unpacked->data, size, frame.data, frame.size);
    if (got != size)
        return malformed("its frame is damaged, or of another size than it says");
    unpacked->size = size;
    return 0;
}

int ate__decompress(struct ate_bytes stored, struct ate__buf *unpacked,
                    struct ate_bytes *ret_payload)
{
    const uint8_t *bytes = stored.data;
    struct ate_bytes frame = {NULL, 0};
    size_t size;
    if (!stored.size || bytes[0] > ZSTD)
        return malformed("its first byte is neither 0 nor 1");
    if (bytes[0] == AS_IT_IS) {
        *ret_payload = ate__bytes(bytes + 1, stored.size - 1);
        return 0;
    }
    int rc = read_header(stored, &size);
    if (!rc)
        rc = find_end(stored, size, &frame);
    if (!rc)
        rc = expand(frame, size, unpacked);
    if (!rc)
        *ret_payload = ate__buf_bytes(unpacked);
    return rc;
}

/* ---- of a chain ---- */

int ate__payload_unpack(const struct ate__genesis *g, struct ate_bytes stored,
                        struct ate__buf *unpacked, struct ate_bytes *ret_payload)
{
    if (g->compression)
        return ate__decompress(stored, unpacked, ret_payload);
    *ret_payload = stored;
    return 0;
}

uint64_t ate__payload_size(const struct ate__genesis *g, struct ate_bytes stored)
{
    size_t size = stored.size;
    if (!g->compression || !stored.size)
        return size;
    if (*(const uint8_t *)stored.data != ZSTD)
        return size - 1;
    return read_header(stored, &size) ? stored.size : size;
}

size_t ate__payload_max(const struct ate__genesis *g)
{
    return g->compression ? ATE__COMPRESSED_PAYLOAD_MAX : ATE__PAYLOAD_MAX;
}
