/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A mirror in a directory: the network's thread leaves the disk alone, and a disk that is full.
 */
#include "far.h"
#include "hooked.h"
#include "lib/tmpdir.h"
#include "net/loop_uv.h"
#include <pthread.h>
#include <stdlib.h>

static struct ate__loop *loop; /* that of all clients */
static atomic_uint disk_calls, calls_on_loop;

static int watch_loop(const char *call)
{
    atomic_fetch_add(&disk_calls, 1);
    if (ate__loop_here(loop)) {
        print_message("on the loop: %s\n", call);
        atomic_fetch_add(&calls_on_loop, 1);
    }
    return 0;
}

enum { AT_ONCE = 100 };
struct at_once {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    unsigned done;
    struct ate__offer *order[AT_ONCE];
};

static void note_done(struct ate__offer *offer)
{
    struct at_once *a = offer->user;
    pthread_mutex_lock(&a->mutex);
    a->order[a->done++] = offer;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->mutex);
}

/* Answered in the order in which they were offered, which is that of their sequences. */
static void offer_at_once(struct far *f, struct ate__pipe *p, uint64_t first)
{
    struct at_once a = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct ate__offer *offers = calloc(AT_ONCE, sizeof *offers);
    struct ate__buf tx[AT_ONCE];
    for (unsigned i = 0; i < AT_ONCE; i++) {
        tx[i] = far_tx(f, p, first + i);
        offers[i] = (struct ate__offer){
            .encoded = ate__buf_bytes(&tx[i]), .timeout_ms = 60000, .done = note_done, .user = &a};
    }
    for (unsigned i = 0; i < AT_ONCE; i++)
        p->v->offer(p, &offers[i]);
    pthread_mutex_lock(&a.mutex);
    while (a.done < AT_ONCE)
        pthread_cond_wait(&a.changed, &a.mutex);
    pthread_mutex_unlock(&a.mutex);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        assert_int_equal(offers[i].result, 0);
        assert_ptr_equal(a.order[i], &offers[i]);
        assert_true(!i || offers[i].receipt.sequence == offers[i - 1].receipt.sequence + 1);
        ate__buf_deinit(&tx[i]);
    }
    free(offers);
}

/* Whatever a mirror does once it is open, the network's thread leaves the disk alone. */
static void test_disk_off_the_loop(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *dir = tmpdir_new();
    struct ate__txn_id id;
    struct ate__receipt receipt;
    assert_int_equal(ate__loop_shared(&loop), 0);
    f->conf.env = &hooked_env;
    hooked_set(watch_loop);
    struct ate__pipe *thin = far_open(f);
    for (uint64_t i = 1; i <= 50; i++)
        far_put(f, thin, i);
    for (unsigned round = 0; round < 2; round++) { /* new, and with what was fetched before */
        uint64_t first = 1000 * (round + 1);
        f->conf.mirror_dir = dir;
        struct ate__pipe *p = far_open(f);
        f->conf.mirror_dir = NULL;
        for (uint64_t i = 0; i < 10; i++)
            far_put(f, p, first + i);
        offer_at_once(f, p, first + 100);
        far_put(f, thin, first + 300);
        assert_int_equal(ate__pipe_sync(p, &receipt), 0);
        assert_true(far_has(p, first + 300));
        memcpy(id.origin, f->chain.origin, sizeof id.origin);
        for (id.number = 1; id.number <= f->chain.number; id.number += 7)
            assert_int_equal(ate__pipe_outcome(p, &id, NULL, &receipt), 0);
        far_restart(f);
        far_put(f, thin, first + 301);
        far_put(f, p, first + 302);
        assert_true(far_has(p, first + 301));
        far_close(p);
    }
    hooked_set(NULL);
    assert_true(disk_calls > 0);
    assert_int_equal(calls_on_loop, 0);
    far_close(thin);
    far_free(f);
    ate__loop_unref(loop);
}

static struct ate__pipe *open_mirror(struct far *f, const char *dir)
{
    f->conf.mirror_dir = dir;
    struct ate__pipe *p = far_open(f);
    f->conf.mirror_dir = NULL;
    return p;
}

static atomic_bool is_full;

static int no_room(const char *call)
{
    return strcmp(call, "write") || !atomic_load(&is_full)
               ? 0
               : ate__fail(ATE_E_NO_SPACE, "No space left on device");
}

/* One that is open says that its disk is full, and goes on by itself when there is room. */
static void test_full_disk(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *dir = tmpdir_new();
    struct ate__receipt receipt;
    struct ate__pipe *thin = far_open(f);
    f->conf.env = &hooked_env;
    struct ate__pipe *p = open_mirror(f, dir);
    hooked_set(no_room);
    far_put(f, p, 1);
    atomic_store(&is_full, true);
    for (uint64_t i = 2; i < 600; i++)
        far_put(f, thin, i);
    int rc = ate__pipe_sync(p, &receipt);
    if (rc != ATE_E_NO_SPACE || !strstr(ate__error_text(), "full"))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(far_has(p, 1) && !far_has(p, 599));
    atomic_store(&is_full, false);
    while ((rc = ate__pipe_sync(p, &receipt)) == ATE_E_NO_SPACE)
        continue;
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(far_has(p, 599));
    far_put(f, p, 600);
    far_close(p);
    hooked_set(NULL);
    f->conf.env = &ate__env_real;
    p = open_mirror(f, dir);
    assert_true(far_has(p, 1) && far_has(p, 600));
    far_close(p);
    far_close(thin);
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_off_the_loop),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
