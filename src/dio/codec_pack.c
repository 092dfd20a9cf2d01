/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec_pack.c: writes MessagePack through msgpack-c.
 */
#include "dio/codec_pack.h"
#include "base/err.h"
#include <msgpack/pack.h>

struct ate__pack ate__pack_of(struct ate__buf *buf, size_t more_max)
{
    return (struct ate__pack){buf, buf->size, more_max, 0};
}

void ate__pack_raw(struct ate__pack *p, struct ate_bytes bytes)
{
    if (p->rc)
        return;
    if (bytes.size > p->more_max - (p->buf->size - p->start))
        p->rc = ate__fail(ATE_TOO_BIG, "over the limit of %zu bytes", p->more_max);
    else
        p->rc = ate__buf_append(p->buf, bytes);
}

static int write_out(void *data, const char *bytes, size_t size)
{
    struct ate__pack *p = data;
    ate__pack_raw(p, ate__bytes(bytes, size));
    return p->rc ? -1 : 0;
}

/* What msgpack-c returns is what write_out() returned, which is kept in rc. */
static msgpack_packer packer(struct ate__pack *p)
{
    return (msgpack_packer){p, write_out};
}

void ate__pack_nil(struct ate__pack *p)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_nil(&to);
}

void ate__pack_bool(struct ate__pack *p, bool v)
{
    msgpack_packer to = packer(p);
    (void)(v ? msgpack_pack_true(&to) : msgpack_pack_false(&to));
}

void ate__pack_int(struct ate__pack *p, int64_t v)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_int64(&to, v);
}

void ate__pack_uint(struct ate__pack *p, uint64_t v)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_uint64(&to, v);
}

void ate__pack_float(struct ate__pack *p, float v)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_float(&to, v);
}

void ate__pack_double(struct ate__pack *p, double v)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_double(&to, v);
}

void ate__pack_text(struct ate__pack *p, struct ate_bytes text)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_str(&to, text.size);
    ate__pack_raw(p, text);
}

void ate__pack_bytes(struct ate__pack *p, struct ate_bytes bytes)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_bin(&to, bytes.size);
    ate__pack_raw(p, bytes);
}

void ate__pack_list(struct ate__pack *p, size_t count)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_array(&to, count);
}

void ate__pack_map(struct ate__pack *p, size_t pairs)
{
    msgpack_packer to = packer(p);
    (void)msgpack_pack_map(&to, pairs);
}
