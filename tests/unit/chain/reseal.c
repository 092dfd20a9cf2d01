/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reseal.c: a view image as whoever has the secret may write it.
 */
#include "reseal.h"
#include "base/endian.h"
#include "lib/check.h"

enum { AT_ONCE = 4096 };

void reseal_read(struct reseal *r, const struct ate__env *env, struct ate__dir *dir,
                 const struct ate__key32 *secret)
{
    struct ate__image_in *in;
    struct ate_bytes some;
    *r = (struct reseal){.stream = ATE__BUF_NULL};
    assert_int_equal(ate__image_in_new(env, dir, secret, 1, &r->head, &in), 0);
    while (!ate__image_look(in, AT_ONCE, &some) && some.size) {
        assert_int_equal(ate__buf_append(&r->stream, some), 0);
        ate__image_pass(in, some.size);
    }
    assert_int_equal(ate__image_in_end(in), 0);
    ate__image_in_free(in);
}

void reseal_write(struct reseal *r, const struct ate__env *env, struct ate__dir *dir,
                  const struct ate__key32 *secret)
{
    struct ate__image_out *out;
    uint64_t bytes;
    assert_int_equal(ate__image_out_new(env, dir, secret, &r->head, &out), 0);
    assert_int_equal(ate__image_put(out, r->stream.data, r->stream.size), 0);
    assert_int_equal(ate__image_out_end(out, &bytes), 0);
    ate__image_out_free(out);
    ate__buf_deinit(&r->stream);
}

size_t reseal_trust(const struct reseal *r)
{
    return RESEAL_NODES + 4 + ate__load32(r->stream.data + RESEAL_NODES) * sizeof(struct ate_hash);
}

size_t reseal_view(const struct reseal *r)
{
    size_t trust = reseal_trust(r);
    return trust + 4 + ate__load32(r->stream.data + trust);
}

void reseal_splice(struct reseal *r, size_t at, size_t gone, const void *bytes, size_t size)
{
    struct ate__buf all = ATE__BUF_NULL;
    assert_true(at + gone <= r->stream.size);
    assert_int_equal(ate__buf_append(&all, ate__bytes(r->stream.data, at)), 0);
    assert_int_equal(ate__buf_append(&all, ate__bytes(bytes, size)), 0);
    assert_int_equal(
        ate__buf_append(&all, ate__bytes(r->stream.data + at + gone, r->stream.size - at - gone)),
        0);
    ate__buf_deinit(&r->stream);
    r->stream = all;
}
