/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * SUBSCRIBE: catch-up, live groups, slow readers, isolation.
 */
#include "kit.h"
#include "chain/compact.h"
#include "lib/tmpdir.h"
#include "trust/session.h"
#include <stdlib.h>

static const struct ate__head nothing;

static uint64_t now_ms(void)
{
    return ate__monotonic_ms(&ate__env_real);
}

/* One server, one chain that everyone may write, and who writes it. */
struct world {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *writer;
    struct ate__head known;
    uint64_t objects;
};

static void world_start(struct world *w, const struct ate__server_conf *conf)
{
    *w = (struct world){.conf = *conf, .chain = kit_chain_new("/w", true)};
    w->server = kit_start(&w->conf);
    w->writer = kit_connect(w->server);
    w->known = kit_create(w->writer, 1, &w->chain);
}

static struct world world_new(void)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w;
    world_start(&w, &conf);
    return w;
}

static void world_free(struct world *w)
{
    kit_close(w->writer);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
}

static void write_some(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        kit_put_object(w->writer, 1, &w->chain, &w->known, ++w->objects);
}

static void write_large(struct world *w, size_t bytes)
{
    struct kit_put put = {.object = kit_id(++w->objects), .payload_size = bytes};
    struct ate__buf tx = kit_put(&w->chain, &w->known, &put, NULL);
    kit_commit(w->writer, 1, 1, &w->known, ate__buf_bytes(&tx));
    kit_committed(w->writer, 1, ate__buf_bytes(&tx), &w->known);
    ate__buf_deinit(&tx);
}

/* A new client that follows the chain from the start. */
static struct kit_client *follow(struct world *w, struct kit_follow *f)
{
    struct kit_client *c = kit_connect(w->server);
    assert_true(kit_open(c, 1, &w->chain).size > 0);
    kit_follow_init(f);
    kit_subscribe(c, 1, &nothing);
    assert_true(kit_subscribed(c).size >= w->known.size);
    return c;
}

/* --- tests --- */

static void test_catch_up_and_live(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_follow f, g;
    write_some(&w, 700);
    struct kit_client *c = follow(&w, &f);
    kit_follow_to(c, &f, 701);
    assert_memory_equal(&f.root, &w.known.root, sizeof f.root);
    for (unsigned i = 0; i < 50; i++) {
        write_some(&w, 1);
        kit_follow_to(c, &f, w.known.size);
        assert_memory_equal(&f.root, &w.known.root, sizeof f.root);
    }
    /* From where it was, on a new connection. */
    kit_close(c);
    write_some(&w, 20);
    c = kit_connect(w.server);
    kit_open(c, 9, &w.chain);
    kit_subscribe(c, 9, &(struct ate__head){f.tree.size, f.root});
    assert_int_equal(kit_subscribed(c).size, w.known.size);
    kit_follow_to(c, &f, w.known.size);
    /* With nothing to catch up. */
    struct kit_client *d = kit_connect(w.server);
    kit_open(d, 1, &w.chain);
    g = f;
    kit_subscribe(d, 1, &w.known);
    assert_int_equal(kit_subscribed(d).size, w.known.size);
    assert_true(kit_quiet(d, 50));
    write_some(&w, 3);
    kit_follow_to(d, &g, w.known.size);
    kit_follow_to(c, &f, w.known.size);
    kit_close(c);
    kit_close(d);
    world_free(&w);
}

static void test_refused(void **state)
{
    (void)state;
    struct world w = world_new();
    write_some(&w, 5);
    struct kit_client *c = kit_connect(w.server);
    struct ate__head head = kit_open(c, 1, &w.chain);
    head.root.b[3] ^= 1;
    kit_subscribe(c, 1, &head);
    assert_int_equal(kit_subscribed(c).size, 0);
    assert_int_equal(kit_error, ATE_FORKED);
    head = kit_open(c, 1, &w.chain);
    head.size += 10;
    kit_subscribe(c, 1, &head);
    assert_int_equal(kit_subscribed(c).size, 0);
    assert_int_equal(kit_error, ATE_ROLLED_BACK);
    assert_non_null(strstr(kit_error_text, "16 transactions"));
    assert_non_null(strstr(kit_error_text, "only 6"));
    /* Twice on one stream. */
    head = kit_open(c, 1, &w.chain);
    kit_subscribe(c, 1, &head);
    assert_int_equal(kit_subscribed(c).size, 6);
    kit_subscribe(c, 1, &head);
    assert_int_equal(kit_subscribed(c).size, 0);
    assert_int_equal(kit_error, ATE_BAD_PEER);
    kit_close(c);
    world_free(&w);
}

/* To who follows, COMMITTED comes after the group that holds the transaction. */
static void test_own(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_follow f;
    kit_follow_init(&f);
    kit_subscribe(w.writer, 1, &nothing);
    kit_subscribed(w.writer);
    enum { COMMITS = 300 };
    struct ate__buf tx[COMMITS];
    unsigned committed = 0, sent = 0;
    while (committed < COMMITS) {
        /* one alone, then several at a time */
        for (unsigned batch = 1 + sent % 7; batch && sent < COMMITS; batch--, sent++) {
            struct kit_put put = {.object = kit_id(sent + 1), .payload_size = 100};
            tx[sent] = kit_put(&w.chain, &w.known, &put, NULL);
            kit_commit(w.writer, 1, 1 + sent, &w.known, ate__buf_bytes(&tx[sent]));
        }
        while (committed < sent) {
            struct kit_frame frame = kit_receive(w.writer);
            struct ate__msg_committed m;
            if (frame.type == ATE__MSG_GROUP) {
                kit_follow_group(&f, &frame);
            } else {
                assert_int_equal(frame.type, ATE__MSG_COMMITTED);
                assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&frame.body), &m), 0);
                assert_true(m.receipt.sequence < f.tree.size);
                committed++;
            }
            kit_frame_free(&frame);
        }
    }
    for (unsigned i = 0; i < COMMITS; i++)
        ate__buf_deinit(&tx[i]);
    world_free(&w);
}

/* Two chains and three clients: each sees its own, and nothing else. */
static void test_isolation(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_chain other = kit_chain_new("/other", true);
    struct kit_client *a, *b, *both = kit_connect(w.server);
    struct kit_follow fa, fb, fw, fo;
    struct ate__head known = kit_create(both, 5, &other);
    a = follow(&w, &fa);
    b = kit_connect(w.server);
    kit_open(b, 1, &other);
    kit_follow_init(&fb);
    kit_subscribe(b, 1, &nothing);
    kit_subscribed(b);
    kit_open(both, 4, &w.chain);
    kit_follow_init(&fw);
    kit_follow_init(&fo);
    kit_subscribe(both, 4, &nothing);
    kit_subscribed(both);
    kit_follow_to(a, &fa, 1);
    kit_follow_to(b, &fb, 1);
    kit_follow_to(both, &fw, 1);
    write_some(&w, 30);
    assert_true(kit_quiet(b, 50));
    kit_follow_to(a, &fa, 31);
    kit_follow_to(both, &fw, 31);
    for (unsigned i = 0; i < 20; i++)
        kit_put_object(both, 5, &other, &known, i);
    assert_true(kit_quiet(a, 50));
    kit_follow_to(b, &fb, 21);
    /* One connection that follows both. */
    kit_subscribe(both, 5, &nothing);
    kit_subscribed(both);
    write_some(&w, 30);
    while (fw.tree.size < 61 || fo.tree.size < 21) {
        struct kit_frame f = kit_receive(both);
        kit_follow_group(f.stream == 4 ? &fw : &fo, &f);
        kit_frame_free(&f);
    }
    kit_close(a);
    kit_close(b);
    kit_close(both);
    world_free(&w);
    kit_chain_free(&other);
}

/* One that never reads costs the others nothing, and gets everything when it does. */
static void test_slow(void **state)
{
    (void)state;
    enum { ROUNDS = 60, BYTES = 512 << 10 };
    struct world w = world_new();
    struct kit_follow slow, quick;
    struct kit_client *s = follow(&w, &slow), *q = follow(&w, &quick);
    uint64_t slowest_ms = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ms();
        write_large(&w, BYTES);
        kit_follow_to(q, &quick, w.known.size);
        uint64_t took = now_ms() - start;
        slowest_ms = took > slowest_ms ? took : slowest_ms;
    }
    assert_true(slowest_ms < 2000);
    kit_follow_to(s, &slow, w.known.size);
    assert_memory_equal(&slow.root, &w.known.root, sizeof slow.root);
    write_some(&w, 3); /* live again */
    kit_follow_to(s, &slow, w.known.size);
    kit_follow_to(q, &quick, w.known.size);
    kit_close(s);
    kit_close(q);
    world_free(&w);
}

/* Fifty that follow, killed in turn: the others go on. */
static void test_killed(void **state)
{
    (void)state;
    enum { CLIENTS = 50 };
    struct world w = world_new();
    struct kit_client *c[CLIENTS];
    struct kit_follow f[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++)
        c[i] = follow(&w, &f[i]);
    for (unsigned i = 0; i < CLIENTS; i++) {
        write_some(&w, 1);
        kit_kill(c[i]);
        write_some(&w, 1);
        for (unsigned k = i + 1; k < CLIENTS; k += 7)
            kit_follow_to(c[k], &f[k], w.known.size);
    }
    world_free(&w);
}

/* Restarted again and again; whoever comes back goes on where it was. */
static void test_restarts(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_follow f;
    struct kit_client *c;
    kit_follow_init(&f);
    for (unsigned i = 0; i < 20; i++) {
        write_some(&w, 5);
        c = kit_connect(w.server);
        kit_open(c, 1, &w.chain);
        kit_subscribe(c, 1, f.tree.size ? &(struct ate__head){f.tree.size, f.root} : &nothing);
        assert_int_equal(kit_subscribed(c).size, w.known.size);
        kit_follow_to(c, &f, w.known.size);
        kit_close(c);
        kit_close(w.writer);
        ate__server_end(w.server);
        w.server = kit_start(&w.conf);
        w.writer = kit_connect(w.server);
        assert_int_equal(kit_open(w.writer, 1, &w.chain).size, w.known.size);
    }
    world_free(&w);
}

/* A server that does not sync each commit shows only what is synced; one that never does shows
 * nothing. */
static void test_weak_sync(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w;
    struct kit_follow f;
    conf.sync = ATE__SYNC_INTERVAL;
    conf.sync_interval_ms = 50;
    world_start(&w, &conf);
    struct kit_client *c = kit_connect(w.server);
    kit_open(c, 1, &w.chain);
    kit_follow_init(&f);
    kit_subscribe(c, 1, &nothing);
    kit_subscribed(c);
    for (unsigned i = 0; i < 5; i++) {
        write_some(&w, 20);
        kit_follow_to(c, &f, w.known.size);
    }
    kit_close(c);
    world_free(&w);

    conf = kit_conf(tmpdir_new());
    conf.sync = ATE__SYNC_NEVER;
    world_start(&w, &conf);
    write_some(&w, 20);
    kit_subscribe(w.writer, 1, &nothing);
    kit_subscribed(w.writer);
    assert_int_equal(kit_error, ATE_UNSUPPORTED);
    world_free(&w);
}

/* What lies below the cut-off is not as the root closed it, and nobody is told that it were. */
static void compact_log(const struct world *w, uint64_t cut_off)
{
    char path[4100];
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__chain_conf conf = {.env = &ate__env_real};
    struct ate__compact_conf how = {.deep = true, .cut_off = cut_off, .gain_percent = 1};
    struct ate__compacted done;
    struct ate__storage *storage;
    struct ate__chain *chain;
    struct ate__dir *dir;
    struct ate__key *key;
    snprintf(path, sizeof path, "%s%s", w->conf.logs, w->chain.path);
    assert_int_equal(vfs->open_root(vfs->user, path, &dir), 0);
    assert_int_equal(
        ate__storage_open_file(&ate__env_real, dir, 0, NULL, ATE__ROLE_ROOT, NULL, &storage), 0);
    vfs->close_dir(dir);
    assert_int_equal(ate__chain_open(&conf, storage, 0, &chain), 0);
    assert_int_equal(ate__chain_begin(chain), 0);
    ate__cleanup(ate__secret_deinit) struct ate__secret text = {0};
    assert_int_equal(ate__key_encode(w->chain.key, &text), 0);
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &key), 0);
    assert_int_equal(ate__session_new(&how.session), 0);
    assert_int_equal(ate__session_add(how.session, key), 0);
    int rc = ate__chain_compact(chain, &how, &done);
    if (rc)
        fail_msg("compact: %s", ate__error_text());
    assert_true(done.cut_off == cut_off);
    ate__session_unref(how.session);
    ate__chain_close(chain);
}

/* RESYNC, all leaves, what is left without a hole between, then groups to the end. */
static void check_resync(struct kit_client *c, uint64_t cut_off)
{
    struct ate__msg_resync m;
    struct ate__msg_leaves leaves;
    struct ate__msg_kept kept;
    struct ate__msg_group group;
    uint64_t leaf = 0, at = 0, records = 0;
    struct kit_frame f = kit_receive(c);
    assert_int_equal(f.type, ATE__MSG_RESYNC);
    assert_int_equal(ate__msg_resync_decode(ate__buf_bytes(&f.body), &m), 0);
    kit_frame_free(&f);
    assert_true(m.cut_off == cut_off && m.certified == m.head.size && !m.consistency.count);
    while (at < m.head.size) {
        f = kit_receive(c);
        struct ate_bytes body = ate__buf_bytes(&f.body);
        if (f.type == ATE__MSG_LEAVES) {
            assert_int_equal(ate__msg_leaves_decode(body, &leaves), 0);
            assert_true(leaves.first == leaf && !at);
            leaf += leaves.count;
        } else if (f.type == ATE__MSG_KEPT) {
            assert_int_equal(ate__msg_kept_decode(body, &kept), 0);
            assert_true(kept.first == at && kept.end <= m.kept.size);
            at = kept.end;
            records += kept.count;
        } else {
            assert_int_equal(f.type, ATE__MSG_GROUP);
            assert_int_equal(ate__msg_group_decode(body, &group), 0);
            assert_true(group.first_sequence == at && at >= m.kept.size);
            at += group.count;
        }
        kit_frame_free(&f);
    }
    assert_true(leaf == cut_off - cut_off % 256 && records <= m.kept.size && at == m.head.size);
}

static void test_compacted(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate_hash last;
    write_some(&w, 400);
    for (unsigned i = 0; i < 300; i++) { /* one object, over and over */
        struct kit_put put = {.object = kit_id(9000), .prev = i ? &last : NULL};
        struct ate__buf tx = kit_put(&w.chain, &w.known, &put, &last);
        kit_commit(w.writer, 1, 1, &w.known, ate__buf_bytes(&tx));
        kit_committed(w.writer, 1, ate__buf_bytes(&tx), &w.known);
        ate__buf_deinit(&tx);
    }
    write_some(&w, 1000 - 700);
    kit_close(w.writer);
    ate__server_end(w.server);
    compact_log(&w, 600);
    w.server = kit_start(&w.conf);
    struct kit_client *c = w.writer = kit_connect(w.server);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 1002);
    kit_subscribe(c, 1, &nothing);
    check_resync(c, 600);
    assert_int_equal(kit_open(c, 2, &w.chain).size, 1002);
    kit_subscribe(c, 2, &w.known);
    assert_int_equal(kit_subscribed(c).size, 1002);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catch_up_and_live),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_weak_sync),
        cmocka_unit_test(test_compacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
