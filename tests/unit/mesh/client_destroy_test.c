/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A chain at a server that is destroyed: by this client, by another, and by an operator who says
 * that its owner did it.
 */
#include "far.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct far *begin(void)
{
    struct far *f = far_new(false);
    f->server_conf.allow_destroy = true;
    far_restart(f);
    struct ate__pipe *p = far_open(f);
    far_put(f, p, 1);
    far_put(f, p, 2);
    far_close(p);
    return f;
}

static int destroy(struct ate__pipe *p, const struct ate__key *key, struct ate__destruction *ret)
{
    return p->v->far->destroy(p, key, ret);
}

static void expect_open(struct far *f, int expected, const char *sentence)
{
    struct ate__pipe *p;
    int rc = far_try(f, &p);
    if (rc != expected || (rc && !strstr(ate__error_text(), sentence)))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    if (!rc)
        far_close(p);
}

static void expect_ended(struct far *f, struct ate__pipe *p)
{
    struct ate__receipt receipt;
    struct ate__buf tx = far_tx(f, p, 77);
    for (unsigned i = 0; !p->v->far->ended(p); i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
    assert_int_equal(p->v->far->ended(p), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "its owner destroyed this chain after 3 trans"));
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, &receipt), ATE_NOT_FOUND);
    assert_int_equal(ate__pipe_sync(p, &receipt), ATE_NOT_FOUND);
    ate__buf_deinit(&tx);
}

/* ---- by its owner ---- */

struct told {
    struct ate__listener listener;
    atomic_uint times;
};

static void on_published(struct ate__listener *l, uint64_t size)
{
    struct told *told = l->user;
    (void)size;
    atomic_fetch_add(&told->times, 1);
}

static void test_owner(void **state)
{
    (void)state;
    struct far *f = begin();
    struct kit_chain eve = kit_chain_new("/eve", false);
    const char *mirror_dir = tmpdir_new();
    struct ate__destruction d = {.size = 99};
    struct ate__pipe *mine = far_open(f), *thin = far_open(f);
    f->conf.mirror_dir = mirror_dir;
    struct ate__pipe *mirror = far_open(f);
    struct told told = {.listener = {.published = on_published}};
    told.listener.user = &told;
    assert_int_equal(mirror->v->listen(mirror, &told.listener), 0);
    assert_int_equal(destroy(mine, eve.key, &d), ATE_DENIED);
    assert_true(d.size == 99 && !mine->v->far->ended(mine));
    assert_int_equal(destroy(mine, f->chain.key, &d), 0);
    assert_true(d.size == 3 && ate__hash_equal(&d.key, &f->chain.key->fingerprint));
    expect_ended(f, thin);
    expect_ended(f, mirror);
    assert_int_equal(mirror->v->far->ended(mirror), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "this mirror stays as it is"));
    assert_true(atomic_load(&told.times) > 0);
    mirror->v->unlisten(mirror, &told.listener);
    assert_true(far_has(mirror, 2)); /* it stays */
    assert_int_equal(destroy(mine, f->chain.key, &d), ATE_NOT_FOUND);
    far_close(mine);
    far_close(thin);
    far_close(mirror);
    expect_open(f, ATE_DENIED, "its owner destroyed this chain"); /* it would create it */
    f->conf.genesis.size = 0;
    expect_open(f, ATE_NOT_FOUND, "this mirror stays as it is");
    f->conf.mirror_dir = NULL;
    expect_open(f, ATE_NOT_FOUND, "its owner destroyed this chain");
    far_restart(f);
    expect_open(f, ATE_NOT_FOUND, "its owner destroyed this chain");
    kit_chain_free(&eve);
    far_free(f);
}

/* ---- by an operator ---- */

static void put_file(const struct far *f, struct ate_bytes bytes)
{
    char path[600];
    snprintf(path, sizeof path, "%s%s/,destroyed", f->server_conf.logs, f->chain.path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
}

static void put_statement(const struct far *f, const struct ate__destruction *d,
                          const struct ate__key *key)
{
    struct ate__buf bytes = ATE__BUF_NULL;
    assert_int_equal(ate__destruction_make(d, key, &bytes), 0);
    put_file(f, ate__buf_bytes(&bytes));
    ate__buf_deinit(&bytes);
}

static struct ate__destruction true_one(const struct far *f, const struct ate__head *head)
{
    return (struct ate__destruction){
        .chain_id = f->chain.id,
        .size = head->size,
        .root = head->root,
        .time_us = 77,
        .name = ate__text_bytes(f->chain.path),
        .genesis = ate__buf_bytes(&f->chain.genesis),
        .pin = ate__server_pin(f->server),
        .nonce = {{7}},
    };
}

static int only_this(void *arg, struct ate__trust *trust, bool whole)
{
    struct far *f = arg;
    (void)whole;
    return ate__hash_equal(ate__trust_chain_id(trust), &f->chain.id)
               ? 0
               : ate__fail(ATE_WRONG_CHAIN, "not this one");
}

/* He has files of his own making, and what was signed for others; the client remembers `head`, or
 * has a mirror of it. */
static void lie(struct far *f, const struct ate__head *head)
{
    struct kit_chain eve = kit_chain_new(f->chain.path, false);
    struct ate__destruction d = true_one(f, head);
    put_statement(f, &d, f->chain.key);
    expect_open(f, ATE_NOT_FOUND, "its owner destroyed this chain");
    put_statement(f, &d, eve.key);
    expect_open(f, ATE_UNTRUSTED, "no root key of it as far as is known here");
    d.pin.b[1] ^= 1;
    put_statement(f, &d, f->chain.key);
    expect_open(f, ATE_UNTRUSTED, "signed for another place");
    d = true_one(f, head);
    d.size--;
    put_statement(f, &d, f->chain.key);
    expect_open(f, ATE_ROLLED_BACK, "signed for one of 2 transactions; of this one 3 were seen");
    d = true_one(f, head);
    d.root.b[1] ^= 1;
    put_statement(f, &d, f->chain.key);
    expect_open(f, ATE_ROLLED_BACK, "transactions");
    d = true_one(f, head); /* of a chain of eve's, under the same name */
    d.chain_id = eve.id;
    d.genesis = ate__buf_bytes(&eve.genesis);
    put_statement(f, &d, eve.key);
    expect_open(f, ATE_WRONG_CHAIN, "");
    d.chain_id = f->chain.id; /* and eve's genesis is not this chain's */
    put_statement(f, &d, eve.key);
    expect_open(f, f->conf.mirror_dir ? ATE_UNTRUSTED : ATE_WRONG_CHAIN, "");
    d = true_one(f, head);
    d.genesis.size = 0; /* one for a directory, which is not shown to clients */
    put_statement(f, &d, f->chain.key);
    expect_open(f, ATE_ROLLED_BACK, "nothing shows that its owner destroyed it");
    put_file(f, ate__text_bytes("destroyed"));
    expect_open(f, ATE_ROLLED_BACK, "nothing shows that its owner destroyed it");
    kit_chain_free(&eve);
}

static struct ate__head remember(struct far *f)
{
    struct ate__pipe *p = far_open(f);
    struct ate__head head = far_head(p);
    far_close(p);
    f->conf.remembered_size = head.size;
    f->conf.remembered_root = head.root;
    f->conf.genesis.size = 0;
    f->conf.anchor = only_this;
    return head;
}

static void test_operator(void **state)
{
    (void)state;
    struct far *f = begin();
    f->conf.mirror_dir = tmpdir_new();
    struct ate__head head = remember(f);
    far_restart(f); /* it has the chain open */
    lie(f, &head);
    f->conf.mirror_dir = NULL;
    lie(f, &head);
    far_free(f);
}

/* What was signed before a RESET that was followed ends nothing, however much the chain had then.
 */
static void test_followed_a_reset(void **state)
{
    (void)state;
    struct far *f = begin();
    struct ate__head head = remember(f);
    far_restart(f);
    struct ate__destruction d = true_one(f, &head);
    d.size += 5;
    d.root.b[1] ^= 1;
    put_statement(f, &d, f->chain.key);
    f->conf.remembered_reset_us = d.time_us;
    expect_open(f, ATE_ROLLED_BACK, "signed before it went back");
    f->conf.mirror_dir = tmpdir_new();
    expect_open(f, ATE_ROLLED_BACK, "signed before it went back");
    f->conf.remembered_reset_us = d.time_us - 1;
    expect_open(f, ATE_NOT_FOUND, "its owner destroyed this chain");
    far_free(f);
}

/* Who remembers a chain is not told that there was none. */
static void test_deleted(void **state)
{
    (void)state;
    struct far *f = begin();
    struct ate_bytes genesis = f->conf.genesis;
    char path[600], elsewhere[620];
    remember(f);
    far_stop(f);
    snprintf(path, sizeof path, "%s%s/,chain", f->server_conf.logs, f->chain.path);
    snprintf(elsewhere, sizeof elsewhere, "%s.away", path);
    assert_int_equal(rename(path, elsewhere), 0);
    far_start(f);
    expect_open(f, ATE_ROLLED_BACK, "3 transactions were seen there before");
    f->conf.genesis = genesis;
    expect_open(f, ATE_ROLLED_BACK, "3 transactions were seen there before");
    assert_int_not_equal(access(path, F_OK), 0); /* nor is one made in its place */
    f->conf.genesis.size = 0;
    f->conf.remembered_size = 0;
    expect_open(f, ATE_NOT_FOUND, "there is no chain");
    far_free(f);
}

/* The anchors are asked, as of a chain that is there. */
static void test_anchor(void **state)
{
    (void)state;
    struct far *f = begin();
    struct ate__destruction d;
    struct ate__pipe *p = far_open(f);
    f->conf.genesis.size = 0;
    assert_int_equal(destroy(p, f->chain.key, &d), 0);
    far_close(p);
    f->anchor_result = ATE_UNTRUSTED;
    expect_open(f, ATE_UNTRUSTED, "not this one");
    f->anchor_result = 0;
    expect_open(f, ATE_NOT_FOUND, "its owner destroyed this chain");
    far_free(f);
}

/* ---- without memory ---- */

/* The chain is as it was, or destroyed; in each case the next who asks ends it. True: an allocation
 * was refused, the client's, or the server's, whose client then asks again. */
static bool destroy_without(uint64_t n, unsigned *refused)
{
    struct far *f = begin();
    struct ate__destruction d = {.size = 99};
    struct ate__pipe *p = far_open(f), *again;
    heap_fail(n, false);
    int rc = destroy(p, f->chain.key, &d);
    bool failed = heap_failed();
    heap_fail(0, false);
    assert_true(!rc || (failed && *ate__error_text() && d.size == 99));
    assert_true(rc || d.size == 3);
    *refused += rc != 0;
    far_close(p);
    f->conf.genesis.size = 0;
    int opened = far_try(f, &again);
    if (!opened) { /* it is as it was */
        assert_true(rc != 0 && far_head(again).size == 3);
        assert_int_equal(destroy(again, f->chain.key, &d), 0);
        far_close(again);
    }
    expect_open(f, ATE_NOT_FOUND, "its owner destroyed this chain");
    far_free(f);
    return failed;
}

static void test_no_memory(void **state)
{
    (void)state;
    unsigned refused = 0;
    bool failed = true;
    heap_start();
    for (uint64_t n = 1; failed; n += 1 + n / 8)
        failed = destroy_without(n, &refused);
    heap_stop();
    print_message("%u refused\n", refused);
    assert_true(refused > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_operator),
        cmocka_unit_test(test_followed_a_reset),
        cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_anchor),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
