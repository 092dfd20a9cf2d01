/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A view image against the model of the view: written beside a history that goes on, read into a
 * view of its own, which says at its size what the model says and goes on from there. */
#include "chain/view_image.h"
#include "base/endian.h"
#include "lib/heap.h"
#include "lib/simdisk.h"
#include "view_model.h"
#include <stdlib.h>

static struct model model;
static const struct ate__key32 secret = {{5}};

struct place {
    struct simdisk *disk;
    struct ate__env env;
    struct ate__dir *dir;
};

static void place_init(struct place *p)
{
    p->disk = simdisk_new(3);
    p->env = model.sim.env;
    p->env.vfs = simdisk_vfs(p->disk);
    simdisk_mkdir(p->disk, "/c");
    assert_int_equal(p->env.vfs->open_root(p->env.vfs->user, "/c", &p->dir), 0);
}

static void place_deinit(struct place *p)
{
    p->env.vfs->close_dir(p->dir);
    simdisk_free(p->disk);
}

static void go_on(struct model *m, unsigned groups)
{
    for (unsigned i = 0; i < groups; i++) {
        unsigned n = 1 + (unsigned)rnd_below(&m->r, 6);
        for (unsigned k = 0; k < n; k++)
            model_install(m);
        if (rnd_below(&m->r, 6) == 0)
            model_rollback(m);
        else
            model_publish(m, m->next - rnd_below(&m->r, n));
        ate__view_reclaim(m->view, 1000);
    }
}

/* While it is written the history goes on. */
static void write_image(struct place *p, unsigned groups, uint64_t *ret_size)
{
    const struct ate__image_head head = {.size = model.published};
    struct ate__view_image w;
    struct ate__image_out *out;
    uint64_t bytes;
    int rc;
    assert_int_equal(ate__view_image_begin(model.view, 1000, &w), 0);
    *ret_size = w.snapshot.size;
    assert_int_equal(ate__image_out_new(&p->env, p->dir, &secret, &head, &out), 0);
    while (!(rc = ate__view_image_step(&w, out, 1)))
        go_on(&model, groups);
    assert_int_equal(rc, ATE_END);
    assert_int_equal(ate__image_out_end(out, &bytes), 0);
    ate__image_out_free(out);
    ate__view_image_end(&w);
}

static int read_image(struct place *p, uint64_t size, struct ate__view **ret_view)
{
    struct ate__image_head head;
    struct ate__image_in *in;
    struct ate__view *v = NULL;
    int rc = ate__image_in_new(&p->env, p->dir, &secret, 1, &head, &in);
    if (rc)
        return rc;
    rc = ate__view_new(&p->env, &v);
    if (!rc)
        rc = ate__view_image_read(v, in, size);
    if (!rc)
        rc = ate__image_in_end(in);
    ate__image_in_free(in);
    if (rc)
        ate__view_free(v);
    else
        *ret_view = v;
    return rc;
}

static void agrees_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (unsigned round = 0; round < 40; round++) {
        struct place p;
        struct ate__view *v;
        uint64_t size;
        model_init(&model, seed + round);
        place_init(&p);
        for (unsigned again = 0; again < 6; again++) {
            go_on(&model, (unsigned)rnd_below(&model.r, 60));
            write_image(&p, again % 3 * 4, &size);
            assert_int_equal(read_image(&p, size, &v), 0);
            struct ate__view_snapshot s = {v, NULL, size};
            model_check(&model, &s);
            if (again % 3) {
                ate__view_free(v);
                continue;
            }
            model_rollback(&model); /* the history goes on in the new one */
            ate__view_free(model.view);
            model.view = v;
            model_check_latest(&model);
            go_on(&model, 60);
            model_check_latest(&model);
        }
        place_deinit(&p);
        model_deinit(&model);
    }
}

static void an_expelled_one_ends(void **state)
{
    (void)state;
    const struct ate__image_head head = {.size = 1};
    struct place p;
    struct ate__view_image w;
    struct ate__image_out *out;
    model_init(&model, 3);
    place_init(&p);
    go_on(&model, 50);
    assert_int_equal(ate__view_image_begin(model.view, 1000, &w), 0);
    assert_int_equal(ate__image_out_new(&p.env, p.dir, &secret, &head, &out), 0);
    ate__view_reclaim(model.view, 1000 + ATE__VIEW_AGE_MAX + 1);
    assert_int_equal(ate__view_image_step(&w, out, 1), ATE_STALE);
    ate__image_out_free(out);
    ate__view_image_end(&w);
    assert_false(simdisk_exists(p.disk, "/c/view.new"));
    place_deinit(&p);
    model_deinit(&model);
}

/* ---- what no writer writes ---- */

/* The stream of the image, as it is inside. */
static struct ate__buf stream_of(struct place *p)
{
    struct ate__image_head head;
    struct ate__image_in *in;
    struct ate__buf all = ATE__BUF_NULL;
    struct ate_bytes some;
    assert_int_equal(ate__image_in_new(&p->env, p->dir, &secret, 1, &head, &in), 0);
    while (!ate__image_look(in, 1000, &some) && some.size) {
        assert_int_equal(ate__buf_append(&all, some), 0);
        ate__image_pass(in, some.size);
    }
    ate__image_in_free(in);
    return all;
}

static int read_stream(struct ate_bytes bytes, uint64_t size)
{
    struct ate__image_in *in;
    struct ate__view *v;
    assert_int_equal(ate__image_in_of(bytes, &in), 0);
    assert_int_equal(ate__view_new(&model.sim.env, &v), 0);
    int rc = ate__view_image_read(v, in, size);
    if (!rc)
        rc = ate__image_in_end(in);
    if (!rc) { /* whatever it says, it can be walked */
        struct ate__view_snapshot s = {v, NULL, UINT64_MAX};
        for (unsigned i = 0; i <= MODEL_OBJECTS; i++) {
            struct ate__object_facts f;
            struct ate__view_body b;
            struct ate_id id = id_of(i), child;
            assert_int_equal(ate__view_object(&s, &id, &f), 0);
            (void)!ate__view_body(&s, &id, &b);
            for (uint64_t at = 0;
                 !ate__view_next_child(&s, &(struct ate__listing){.parent = id}, &at, &child);)
                ;
            (void)!ate__view_tag_holder(&s, &id, f.tags, &child);
        }
    }
    ate__view_free(v);
    ate__image_in_free(in);
    return rc;
}

static void hostile_bytes(void **state)
{
    (void)state;
    struct place p;
    uint64_t size;
    unsigned refused = 0;
    model_init(&model, 11);
    place_init(&p);
    go_on(&model, 60);
    write_image(&p, 0, &size);
    struct ate__buf stream = stream_of(&p);
    assert_int_equal(read_stream(ate__buf_bytes(&stream), size), 0);
    for (size_t cut = 0; cut < stream.size; cut += 13)
        assert_int_not_equal(read_stream(ate__bytes(stream.data, cut), size), 0);
    for (size_t at = 0; at < stream.size; at += 3)
        for (unsigned bit = 0; bit < 8; bit += 7) {
            stream.data[at] ^= (uint8_t)(1u << bit);
            refused += read_stream(ate__buf_bytes(&stream), size) != 0;
            stream.data[at] ^= (uint8_t)(1u << bit);
        }
    assert_int_not_equal(read_stream(ate__buf_bytes(&stream), size / 2), 0);
    print_message("%zu bytes, %u of %zu changes refused\n", stream.size, refused,
                  2 * (stream.size / 3 + 1));
    assert_true(refused > stream.size / 24);
    ate__buf_deinit(&stream);
    place_deinit(&p);
    model_deinit(&model);
}

struct sweep {
    struct place p;
    uint64_t size;
};

static int read_once(void *arg)
{
    struct sweep *s = arg;
    struct ate__view *v;
    int rc = read_image(&s->p, s->size, &v);
    if (!rc)
        ate__view_free(v);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    struct sweep s;
    struct model *m = &model;
    model_init(m, 12);
    place_init(&s.p);
    go_on(m, 100);
    write_image(&s.p, 0, &s.size);
    uint64_t n = heap_sweep(read_once, &s, true);
    print_message("%llu allocations\n", (unsigned long long)n);
    place_deinit(&s.p);
    model_deinit(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(an_expelled_one_ends),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
