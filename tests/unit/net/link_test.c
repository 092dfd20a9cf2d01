/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/link.h"
#include "lib/check.h"

/* A link that keeps one frame. */
struct kept {
    struct ate__link link;
    struct ate__buf buf;
    size_t mark;
    int begin_result;
    uint32_t most;
};

static int begin(struct ate__link *l, uint16_t type, uint32_t stream, struct ate__wr *ret_w)
{
    struct kept *k = (struct kept *)l;
    if (k->begin_result)
        return ate__fail(k->begin_result, "no room");
    *ret_w = ate__wr_of(&k->buf);
    k->mark = ate__net_frame_begin(ret_w, type, stream);
    return 0;
}

static int end(struct ate__link *l, struct ate__wr *w)
{
    struct kept *k = (struct kept *)l;
    return ate__net_frame_end(w, k->mark, k->most);
}

static const struct ate__link_ops ops = {.begin = begin, .end = end};

static void test_send(void **state)
{
    (void)state;
    struct kept k = {.link.ops = &ops, .most = 100};
    struct ate_bytes parts[3] = {ate__text_bytes("one"), {NULL, 0}, ate__text_bytes("two")};
    struct ate__net_frame frame;
    size_t size;
    assert_int_equal(ate__link_send(&k.link, 20, 7, parts, 3), 0);
    assert_int_equal(ate__net_frame_decode(ate__buf_bytes(&k.buf), 100, &frame, &size), 0);
    assert_int_equal(frame.type, 20);
    assert_int_equal(frame.stream, 7);
    assert_true(ate__bytes_equal(frame.body, ate__text_bytes("onetwo")));
    size_t before = k.buf.size;
    k.most = 10;
    assert_int_equal(ate__link_send(&k.link, 20, 7, parts, 3), ATE_TOO_BIG);
    k.begin_result = ATE_BUSY;
    assert_int_equal(ate__link_send(&k.link, 20, 7, parts, 3), ATE_BUSY);
    assert_int_equal(k.buf.size, before);
    ate__buf_deinit(&k.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
