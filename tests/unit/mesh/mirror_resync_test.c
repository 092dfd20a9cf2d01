/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Mirrors at a server whose chain was deeply compacted: new ones, old ones, those that were open.
 */
#include "far.h"
#include "chain/compact.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "mesh/mirror_resync.h"
#include "net/addr.h"
#include <stdlib.h>
#include <unistd.h>

enum { OBJECTS = 150, CHANGES = 450, CUT_OFF = 600, CHANGED = 9000 };

static struct ate__pipe *open_mirror(struct far *f, const char *dir, int result)
{
    struct ate__pipe *p = NULL;
    f->conf.mirror_dir = dir;
    f->conf.mirror_memory = !dir;
    int rc = far_try(f, &p);
    if (rc != result)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    f->conf.mirror_dir = NULL;
    f->conf.mirror_memory = false;
    return p;
}

static void change(struct far *f, struct ate__pipe *p, struct ate_hash *last, bool first)
{
    struct ate__head base = far_head(p);
    struct kit_put put = {
        .object = kit_id(CHANGED), .prev = first ? NULL : last, .payload_size = 90};
    struct ate__buf tx = kit_put(&f->chain, &base, &put, last);
    int rc = far_offer(p, ate__buf_bytes(&tx), 20000, NULL);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    ate__buf_deinit(&tx);
}

/* OBJECTS, one that changes over and over, and one more at the end. */
static void write_all(struct far *f, struct ate__pipe *p, struct ate_hash *last)
{
    for (uint64_t i = 1; i <= OBJECTS; i++)
        far_put(f, p, i);
    for (unsigned i = 0; i < CHANGES; i++)
        change(f, p, last, !i);
    far_put(f, p, OBJECTS + 1);
}

/* cut_off 0: shallow */
static void compact(struct far *f, uint64_t cut_off)
{
    char path[4100];
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__chain_conf conf = {.env = &ate__env_real};
    struct ate__compact_conf how = {.deep = cut_off, .cut_off = cut_off, .gain_percent = 1};
    struct ate__compacted done;
    struct ate__storage *storage;
    struct ate__chain *chain;
    struct ate__dir *dir;
    struct ate__key *key;
    far_stop(f);
    snprintf(path, sizeof path, "%s%s", f->server_conf.logs, f->chain.path);
    assert_int_equal(vfs->open_root(vfs->user, path, &dir), 0);
    assert_int_equal(
        ate__storage_open_file(&ate__env_real, dir, 0, NULL, ATE__ROLE_ROOT, NULL, &storage), 0);
    vfs->close_dir(dir);
    assert_int_equal(ate__chain_open(&conf, storage, 0, &chain), 0);
    assert_int_equal(ate__chain_begin(chain), 0);
    ate__cleanup(ate__secret_deinit) struct ate__secret text = {0};
    assert_int_equal(ate__key_encode(f->chain.key, &text), 0);
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &key), 0);
    assert_int_equal(ate__session_new(&how.session), 0);
    assert_int_equal(ate__session_add(how.session, key), 0);
    int rc = ate__chain_compact(chain, &how, &done);
    if (rc)
        fail_msg("compact: %s", ate__error_text());
    assert_true(cut_off ? done.cut_off == cut_off && done.transactions > 100 : done.payloads > 100);
    ate__session_unref(how.session);
    ate__chain_close(chain);
    far_start(f);
}

static bool is_there(const char *dir, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return !access(path, F_OK);
}

static void check(struct ate__pipe *p, const struct ate__head *want)
{
    struct ate__head head = far_head(p);
    for (uint64_t i = 1; i <= OBJECTS + 1; i++)
        assert_true(far_has(p, i));
    assert_true(far_has(p, CHANGED));
    assert_memory_equal(&head, want, sizeof head);
}

/* ---- tests ---- */

static void test_mirrors(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *old = tmpdir_new(), *new = tmpdir_new();
    struct ate__pipe *thin = far_open(f), *p, *q;
    struct ate_hash last;
    far_put(f, thin, 7000);
    far_close(open_mirror(f, old, 0));
    write_all(f, thin, &last);
    compact(f, CUT_OFF);
    far_put(f, thin, 7001);
    struct ate__head head = far_head(thin);
    for (unsigned i = 0; i < 3; i++) {
        const char *dir = i == 0 ? new : i == 1 ? old : NULL;
        p = open_mirror(f, dir, 0);
        check(p, &head);
        assert_true(!dir || !is_there(dir, ",resync"));
        /* It goes on, and is written to. */
        far_put(f, p, 8000 + i);
        head = far_head(p);
        far_close(p);
        q = open_mirror(f, dir ? dir : new, 0);
        check(q, &head);
        far_close(q);
    }
    /* Compacted once more, from a place that the mirrors are behind. */
    p = open_mirror(f, new, 0);
    far_close(p);
    for (unsigned i = 0; i < 800; i++)
        change(f, thin, &last, false);
    compact(f, 1300);
    head = far_head(thin);
    p = open_mirror(f, new, 0);
    assert_true(far_head(p).size >= 1400);
    far_close(p);
    far_close(thin);
    far_free(f);
}

/* On another port, where those that are open do not find it. */
static void hide(struct far *f, uint16_t port)
{
    far_stop(f);
    f->server_conf.port = port;
    far_start(f);
    assert_int_equal(ate__addr_parse(ate__server_address(f->server), &f->conf.addr), 0);
    snprintf(f->conf.addr.path, sizeof f->conf.addr.path, "%s", f->chain.path);
    f->server_conf.port = f->conf.addr.port;
}

/* One that is open, and whose server has compacted beyond it while it could not be reached, goes on
 * by itself. */
static void test_open_meanwhile(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *dir = tmpdir_new();
    uint16_t port = f->server_conf.port;
    struct ate__pipe *behind = open_mirror(f, dir, 0);
    struct ate__receipt receipt;
    struct ate_hash last;
    far_put(f, behind, 7000);
    hide(f, 0);
    struct ate__pipe *thin = far_open(f);
    write_all(f, thin, &last);
    compact(f, CUT_OFF);
    far_close(thin);
    hide(f, port);
    int rc = ate__pipe_sync(behind, &receipt);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(far_has(behind, 7000) && far_has(behind, 1) && far_has(behind, OBJECTS + 1));
    far_put(f, behind, 7001);
    far_close(behind);
    behind = open_mirror(f, dir, 0);
    assert_true(far_has(behind, 7000) && far_has(behind, 1) && far_has(behind, 7001));
    far_close(behind);
    far_free(f);
}

/* Pieces that nobody has announced, or that are none. */
static void test_pieces(void **state)
{
    (void)state;
    assert_int_equal(ate__mirror_piece(NULL, ATE__MSG_KEPT, ate__bytes("", 0)), ATE_BAD_PEER);
    assert_int_equal(ate__mirror_piece(NULL, ATE__MSG_LEAVES, ate__bytes("", 0)), ATE_BAD_PEER);
}

/* ---- whoever stopped at any size ---- */

/* The first frame of that stream; what comes of others that were closed is passed over. */
static struct kit_frame receive_of(struct kit_client *c, uint32_t stream)
{
    struct kit_frame f = kit_receive(c);
    while (f.stream != stream) {
        kit_frame_free(&f);
        f = kit_receive(c);
    }
    return f;
}

/* A client that stopped at that head is shown that the newest one extends it. True: and that what
 * lies between was compacted. */
static bool go_on_from(struct kit_client *c, const struct far *f, uint32_t stream,
                       const struct ate__head *head, const struct ate__head *newest)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_subscribed subscribed;
    struct ate__msg_resync resync;
    ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes(f->chain.path)});
    assert_int_equal(ate__wr_end(&w), 0);
    kit_send(c, ATE__MSG_OPEN, stream, ate__buf_bytes(&body));
    struct kit_frame frame = receive_of(c, stream);
    assert_int_equal(frame.type, ATE__MSG_OPENED);
    kit_frame_free(&frame);
    kit_subscribe(c, stream, head);
    frame = receive_of(c, stream);
    bool compacted = frame.type == ATE__MSG_RESYNC;
    if (compacted) {
        assert_int_equal(ate__msg_resync_decode(ate__buf_bytes(&frame.body), &resync), 0);
        subscribed = (struct ate__msg_subscribed){resync.head, resync.consistency};
    } else {
        assert_int_equal(frame.type, ATE__MSG_SUBSCRIBED);
        assert_int_equal(ate__msg_subscribed_decode(ate__buf_bytes(&frame.body), &subscribed), 0);
    }
    assert_memory_equal(&subscribed.head, newest, sizeof *newest);
    assert_int_equal(ate__merkle_check_consistency(head->size, &head->root, newest->size,
                                                   &newest->root, &subscribed.consistency),
                     0);
    kit_send(c, ATE__MSG_CLOSE, stream, ate__bytes(NULL, 0));
    kit_frame_free(&frame);
    ate__buf_deinit(&body);
    return compacted;
}

/* The same by what a thin client asks. */
static void prove_from(struct ate__pipe *p, const struct ate__head *head,
                       const struct ate__head *newest)
{
    struct ate__proof path;
    assert_int_equal(p->v->far->consistency(p, head->size, newest->size, &path), 0);
    assert_int_equal(
        ate__merkle_check_consistency(head->size, &head->root, newest->size, &newest->root, &path),
        0);
}

static void test_every_size(void **state)
{
    (void)state;
    static struct ate__head head[OBJECTS + CHANGES + 8];
    struct far *f = far_new(false);
    struct ate__pipe *p = open_mirror(f, NULL, 0);
    struct ate_hash last;
    write_all(f, p, &last);
    uint64_t size = far_head(p).size;
    assert_true(size < ATE__COUNT_OF(head));
    for (uint64_t n = 1; n <= size; n++) {
        head[n].size = n;
        assert_int_equal(ate__chain_root_at(p->v->chain(p), n, &head[n].root), 0);
    }
    far_close(p);
    for (int how = 0; how < 3; how++) { /* whole, shallow, deep */
        uint64_t resyncs = 0;
        if (how)
            compact(f, how == 1 ? 0 : CUT_OFF);
        p = far_open(f);
        struct ate__head newest = far_head(p);
        struct kit_client *c = kit_connect(f->server);
        for (uint64_t n = 1; n <= size; n++) {
            resyncs += go_on_from(c, f, (uint32_t)n, &head[n], &newest);
            prove_from(p, &head[n], &newest);
        }
        assert_true(how < 2 ? !resyncs : resyncs >= CUT_OFF / 2);
        kit_close(c);
        far_close(p);
    }
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_mirrors),
        cmocka_unit_test(test_open_meanwhile),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
