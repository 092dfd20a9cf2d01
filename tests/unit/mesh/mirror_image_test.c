/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The view image of a mirror in a directory.
 */
#include "chain/image.h"
#include "far.h"
#include "lib/tmpdir.h"
#include <unistd.h>

static struct ate__pipe *open_mirror(struct far *f, const char *dir)
{
    f->conf.mirror_dir = dir;
    struct ate__pipe *p = far_open(f);
    f->conf.mirror_dir = NULL;
    return p;
}

static void put_much(struct far *f, struct ate__pipe *p, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        struct ate__head base = far_head(p);
        struct kit_put put = {.object = kit_id(i), .payload_size = 60000};
        struct ate__buf tx = kit_put(&f->chain, &base, &put, NULL);
        assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, NULL), 0);
        ate__buf_deinit(&tx);
    }
}

static uint64_t image_size(struct ate__pipe *p)
{
    return ate__chain_image_size(p->v->chain(p));
}

/* A mirror in a directory opens by its image, and goes on from there; who has not the secret
 * replays it all, to the same end. */
static void test_view_image(void **state)
{
    (void)state;
    static const struct ate__key32 secret = {{7}};
    struct far *f = far_new(false);
    const char *dir = tmpdir_new();
    char path[4200];
    snprintf(path, sizeof path, "%s/,chain/view", dir);
    f->conf.image_secrets = &secret;
    f->conf.image_secret_count = 1;
    struct ate__pipe *p = open_mirror(f, dir);
    put_much(f, p, 1, 20);
    far_close(p); /* writes one, unless a worker has: the log has more than 1 MiB */
    assert_int_equal(access(path, F_OK), 0);
    p = open_mirror(f, dir);
    uint64_t first = image_size(p);
    assert_true(first > 15 && first <= 21);
    assert_true(far_has(p, 20));
    put_much(f, p, 101, 30); /* by more than a quarter: the next one is written beside it */
    for (unsigned i = 0; i < 2000 && image_size(p) == first; i++)
        usleep(10000);
    assert_true(image_size(p) > first);
    far_close(p);
    p = open_mirror(f, dir);
    assert_true(image_size(p) > first);
    struct ate__head head = far_head(p);
    assert_int_equal(head.size, 51);
    assert_true(far_has(p, 1) && far_has(p, 101) && far_has(p, 130));
    far_close(p);
    f->conf.image_secret_count = 0;
    p = open_mirror(f, dir);
    struct ate__head replayed = far_head(p);
    assert_int_equal(image_size(p), 0);
    assert_memory_equal(&replayed.root, &head.root, sizeof head.root);
    assert_int_equal(replayed.size, head.size);
    far_close(p);
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
