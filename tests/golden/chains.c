/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chains.c: the stories of the golden chains. What is here makes bytes that are kept: a story is
 * never changed once its chain is in tests/vectors; another one comes beside it.
 */
#include "ate/archive.h"
#include "ate/proof.h"
#include "bin/ate/fs.h"
#include "chain/backup.h"
#include "chain/compact.h"
#include "chain/local.h"
#include "crypto/log_key.h"
#include "golden.h"
#include "unit/chain/draft.h"
#include <stdlib.h>

#define RULE(...)                                                                                  \
    (struct ate_rule)                                                                              \
    {                                                                                              \
        ATE_KEYS, (const struct ate_hash[]){__VA_ARGS__},                                          \
            sizeof((const struct ate_hash[]){__VA_ARGS__}) / sizeof(struct ate_hash)               \
    }
static const struct ate_rule nobody = {.who = ATE_NOBODY};

static struct ate_bytes text_bytes(const char *text)
{
    return (struct ate_bytes){text, strlen(text)};
}

struct ate_id golden_put(struct ate_txn *t, struct ate_id parent, const char *name,
                         const char *value)
{
    struct ate_id id;
    ok(ate_put_as(t, fs_text, parent, name, &(struct fs_text){value}, &id));
    return id;
}

static void create(struct golden *g, struct ate_bytes options)
{
    golden_open(g, ATE__STORAGE_CREATE, options);
}

static void make_genesis(const struct golden *g, struct draft *d)
{
    static const uint8_t algorithm[2] = {ATE__SIG_MLDSA65_ED25519, 0};
    const struct ate__key *owner = ate__session_key(g->session[OWNER], 0);
    const struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    struct ate__genesis genesis = {
        .format_version = ATE__FORMAT_VERSION,
        .rules_version = ATE__RULES_VERSION,
        .hash_alg = ATE__SHA256,
        .mode = ATE__DISTRIBUTED,
        .name = ate__text_bytes(g->place + 2),
        .random = {1, 2, 3},
        .root_key_count = 1,
        .root_keys = {ate__buf_bytes(&owner->public_key)},
        .window = 100,
        .signature_algorithms = ate__bytes(algorithm, 2),
        .strength_min = 192,
    };
    struct ate__buf body = ATE__BUF_NULL, log_keys = ATE__BUF_NULL;
    struct ate__log_key *log_key;
    struct ate__frontier empty;
    struct ate_hash id;
    ok(ate__log_key_of_seed(&owner->seed, &log_key));
    struct ate_bytes half = ate__log_key_public(log_key);
    ok(ate__genesis_key_list(&half, 1, &log_keys));
    genesis.log_keys = ate__buf_bytes(&log_keys);
    ok(ate__genesis_encode(&genesis, &body));
    ok(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &id));
    draft_init(d, &id);
    ate__frontier_init(&empty);
    ok(ate__frontier_root(&empty, &d->in.base_root));
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    draft_control(d, id_of(0), NULL, &open);
    d->signer[d->signer_count++] = owner;
    ate__log_key_free(log_key);
    ate__buf_deinit(&log_keys);
    ate__buf_deinit(&body);
}

/* So that everyone may read and write from the top down, and nothing is signed but the genesis. */
void golden_create_open(struct golden *g)
{
    const struct ate__vfs *vfs = g->sim.env.vfs;
    struct ate__local_conf conf = {.chain.env = &g->sim.env};
    struct ate__pipe *pipe;
    struct ate__dir *dir;
    struct draft d;
    make_genesis(g, &d);
    simdisk_mkdir(g->disk, g->place);
    ok(vfs->open_root(vfs->user, g->place, &dir));
    ok(ate__local_create(&conf, dir, draft_encode(&d), &pipe));
    vfs->close_dir(dir);
    pipe->v->unref(pipe);
    draft_deinit(&d);
    golden_open(g, 0, (struct ate_bytes){0});
}

void golden_put_numbered(struct golden *g, struct ate_id parent, unsigned number, unsigned value,
                         size_t size)
{
    char name[32], text[1024];
    struct ate_txn *t = golden_begin(g, NULL);
    snprintf(name, sizeof name, "object %u", number);
    memset(text, 'a' + (int)value % 26, size);
    snprintf(text + size, sizeof text - size, " %u", value);
    golden_put(t, parent, name, text);
    golden_commit(t, g);
}

static struct ate_id find(struct ate_txn *t, struct ate_id parent, const char *name)
{
    struct ate_object o;
    ok(ate_find_raw(t, parent, text_bytes(name), ATE_NO_PAYLOAD, &o));
    return o.id;
}

/* ---- what is in the log ---- */

static void make_plain(struct golden *g)
{
    golden_create_open(g);
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id a = golden_put(t, ate_top, "a", "first"), id;
    golden_put(t, a, "below a", "");
    golden_put(t, a, "\xc3\xa4\xf0\x9f\x8c\xb3 \xff", "a name that is not UTF-8");
    ok(ate_store(t, fs_text, &(struct fs_text){"without a name"}, &id));
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    golden_put(t, ate_top, "a", "second");
    struct ate_object raw = {.type = "json",
                             .encoding = "json",
                             .payload = text_bytes("{\"n\":1.5,\"list\":[1,-2,null,\"x\"]}"),
                             .name = text_bytes("raw"),
                             .parent = a};
    ok(ate_store_raw(t, &raw, 0, &id));
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    ok(ate_move(t, id, ate_top, "raw moved"));
    golden_put(t, ate_top, "soon gone", "x");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    ok(ate_delete(t, find(t, ate_top, "soon gone"), 0));
    ok(ate_delete(t, a, ATE_TREE));
    golden_commit(t, g);
    golden_close(g);
}

static void make_signed(struct golden *g)
{
    struct ate_hash owner = golden_fingerprint(g, OWNER), second = golden_fingerprint(g, SECOND);
    golden_create_open(g);
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_protect(t, ate_top, &(struct ate_rules){.write = RULE(owner)}));
    struct ate_id box = golden_put(t, ate_top, "box", "of the second");
    ok(ate_protect(t, box,
                   &(struct ate_rules){
                       .write = RULE(second), .append = RULE(owner, second), .admin = nobody}));
    golden_commit(t, g);
    t = golden_begin(g, g->both); /* two signatures */
    golden_put(t, ate_top, "box", "changed by the second");
    golden_put(t, ate_top, "of the owner", "beside it");
    golden_commit(t, g);
    t = golden_begin(g, g->session[SECOND]);
    golden_put(t, box, "in the box", "by the second");
    golden_commit(t, g);
    t = golden_begin(g, g->session[OWNER]);
    golden_put(t, box, "appended", "by the owner");
    golden_commit(t, g);
    golden_close(g);
}

static void make_private(struct golden *g)
{
    struct ate_hash owner = golden_fingerprint(g, OWNER), second = golden_fingerprint(g, SECOND),
                    reader = golden_fingerprint(g, READER);
    struct ate_id id;
    create(g, (struct ate_bytes){0});
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id shared = golden_put(t, ate_top, "shared", "for two, then three");
    ok(ate_protect(t, shared, &(struct ate_rules){.read = RULE(owner, reader)}));
    golden_put(t, shared, "inside", "of the scope above");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    struct ate_id mine = golden_put(t, shared, "nested", "for two");
    ok(ate_protect(t, mine, &(struct ate_rules){.read = RULE(owner, reader)}));
    ok(ate_store_raw(t,
                     &(struct ate_object){.type = "notice",
                                          .payload = {"\x81\xa1n\x07", 4},
                                          .name = text_bytes("notice"),
                                          .parent = shared},
                     ATE_PUBLIC, &id));
    golden_commit(t, g);
    /* A reader more, who then reads what was there before, too. */
    t = golden_begin(g, NULL);
    ok(ate_protect(
        t, shared,
        &(struct ate_rules){.read = RULE(owner, second, reader), .write = RULE(owner, second)}));
    golden_commit(t, g);
    t = golden_begin(g, g->session[SECOND]);
    golden_put(t, shared, "later", "by the one who came");
    golden_put(t, shared, "inside", "changed");
    golden_commit(t, g);
    golden_close(g);
}

static struct ate_hash sha256(struct ate_bytes bytes)
{
    struct ate_hash hash;
    ok(ate__sha256(bytes, &hash));
    return hash;
}

static void make_files(struct golden *g)
{
    static char data[3000];
    struct ate_bytes hello = text_bytes("hello\n"), all = {data, sizeof data};
    struct ate_hash of_hello = sha256(hello), of_all;
    struct ate_id dir, file, id;
    const uint64_t one = 1;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * i % 251);
    of_all = sha256(all);
    golden_create_open(g);
    struct ate_txn *t = golden_begin(g, NULL);
    ok(ate_put_as(t, fs_dir, ate_top, "dir",
                  &(struct fs_dir){.mode = 0750, .uid = 1000, .gid = 100, .mtime_ns = -1}, &dir));
    ok(ate_put_as(t, fs_file, dir, "file",
                  &(struct fs_file){.mode = 0644, .size = 6, .hash = &of_hello, .data = hello},
                  &id));
    ok(ate_put_as(t, fs_symlink, dir, "symlink", &(struct fs_symlink){text_bytes("../a")}, &file));
    ok(ate_put_as(t, fs_hardlink, dir, "hardlink", &(struct fs_hardlink){id}, &file));
    ok(ate_put_as(t, fs_bytes, ate_top, "bytes", &(struct fs_bytes){{"\x00\xff", 2}}, &id));
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    struct fs_file paged = {.mode = 0600, .mtime_ns = 1798761599123456789, .size = sizeof data};
    ok(ate_push(t, fs_file, dir, &paged, &file));
    ok(ate_push(t, fs_page, file, &(struct fs_page){0, all}, &id));
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    paged.hash = &of_all;
    paged.page_count = &one;
    ok(ate_put(t, fs_file, file, &paged));
    ok(ate_move(t, file, dir, "in pages"));
    golden_commit(t, g);
    golden_close(g);
}

static void make_archive(struct golden *g)
{
    struct ate__buf options = ATE__BUF_NULL;
    ok(ate__genesis_worm(3600ull * 1000000, &options));
    create(g, ate__buf_bytes(&options));
    ate__buf_deinit(&options);
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id held = golden_put(t, ate_top, "held", "as long as it is");
    golden_put(t, held, "below", "too");
    golden_put(t, ate_top, "released", "it was held");
    golden_put(t, ate_top, "to go", "after its time");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    ok(ate_hold(t, held));
    ok(ate_hold(t, find(t, ate_top, "released")));
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    ok(ate_release(t, find(t, ate_top, "released")));
    golden_commit(t, g);
    simenv_pass_ms(&g->sim, 4000 * 1000);
    t = golden_begin(g, NULL);
    ok(ate_delete(t, find(t, ate_top, "to go"), 0));
    golden_commit(t, g);
    golden_close(g);
}

/* Checkpoints, proofs, and the keys that check them, as files. */
static void make_proved(struct golden *g)
{
    char *first, *text;
    golden_create_open(g);
    for (unsigned i = 0; i < 5; i++)
        golden_put_numbered(g, ate_top, i, i, 10);
    ok(ate_checkpoint(&g->chain, &first));
    for (unsigned i = 0; i < 8; i++)
        golden_put_numbered(g, ate_top, i, i, 10);
    ok(ate_prove(&g->chain, 3, first, &text));
    golden_text(g, ".old.tlog-proof", text);
    ok(ate_prove_since(&g->chain, first, NULL, &text));
    golden_text(g, ".consistency", text);
    ok(ate_prove(&g->chain, 9, NULL, &text));
    golden_text(g, ".tlog-proof", text);
    ok(ate_log_keys(&g->chain, &text));
    golden_text(g, ".log-keys", text);
    golden_text(g, ".checkpoint", first);
    golden_close(g);
}

/* ---- how the log lies ---- */

static void make_segments(struct golden *g)
{
    golden_create_open(g);
    for (unsigned i = 0; i < 90; i++)
        golden_put_numbered(g, ate_top, i % 20, i, 600);
    golden_close(g);
}

/* Every group begins a block of the disk. */
static void make_padded(struct golden *g)
{
    struct ate__storage_conf conf = {.pad = true, .no_prewrite = true};
    struct ate__chain_conf of_chain = {.env = &g->sim.env};
    struct ate__storage *s;
    struct ate__chain *c;
    struct ate__dir *dir;
    struct draft d;
    make_genesis(g, &d);
    simdisk_mkdir(g->disk, g->place);
    ok(g->sim.env.vfs->open_root(g->sim.env.vfs->user, g->place, &dir));
    ok(ate__storage_open_file(&g->sim.env, dir, ATE__STORAGE_CREATE, &d.in.chain_id, ATE__ROLE_ROOT,
                              &conf, &s));
    g->sim.env.vfs->close_dir(dir);
    ok(ate__chain_create(&of_chain, s, draft_encode(&d), &c));
    ate__chain_close(c);
    draft_deinit(&d);
    golden_open(g, 0, (struct ate_bytes){0});
    struct ate_txn *t = golden_begin(g, NULL);
    golden_put(t, ate_top, "padded", "each group by itself");
    golden_commit(t, g);
    t = golden_begin(g, NULL);
    golden_put(t, ate_top, "padded", "and the next one");
    golden_commit(t, g);
    golden_close(g);
}

/* The process was killed while a group was written: its last bytes are missing. */
static void tear(struct golden *g)
{
    char path[96];
    golden_create_open(g);
    for (unsigned i = 0; i < 4; i++)
        golden_put_numbered(g, ate_top, i, i, 100);
    golden_kill(g);
    snprintf(path, sizeof path, "%s/,chain/0000000000000001.seg", g->place);
    size_t end;
    uint8_t *bytes = simdisk_get(g->disk, path, &end);
    while (!bytes[end - 1]) /* room for what was to come */
        end--;
    simdisk_cut(g->disk, path, ((end + 7) & ~(size_t)7) - 40);
    free(bytes);
}

static void make_torn(struct golden *g)
{
    tear(g);
}

static void make_trimmed(struct golden *g)
{
    tear(g);
    golden_open(g, 0, (struct ate_bytes){0});
    golden_put_numbered(g, ate_top, 9, 9, 100);
    golden_close(g);
}

void golden_compact(struct golden *g, bool deep)
{
    struct ate__compact_conf conf = {.deep = deep,
                                     .cut_off = deep ? UINT64_MAX : 0,
                                     .session = g->session[OWNER],
                                     .gain_percent = 1};
    struct ate__compacted done;
    struct ate__chain *c = ate__local_chain(g->dio->pipe);
    ate__view_reclaim(ate__chain_view(c), 0);
    ok(ate__chain_compact(c, &conf, &done));
    assert_true(deep ? done.transactions > 0 : done.payloads > 0);
}

static void changes(struct golden *g, unsigned count)
{
    golden_create_open(g);
    struct ate_txn *t = golden_begin(g, NULL);
    struct ate_id folder = golden_put(t, ate_top, "folder", "of all");
    golden_commit(t, g);
    for (unsigned i = 0; i < count; i++)
        golden_put_numbered(g, i % 3 ? ate_top : folder, i % 24, i, 150);
    t = golden_begin(g, NULL);
    ok(ate_delete(t, folder, ATE_TREE));
    golden_put(t, ate_top, "last", "before it was compacted");
    golden_commit(t, g);
}

static void make_shallow(struct golden *g)
{
    changes(g, 220);
    golden_compact(g, false);
    golden_put_numbered(g, ate_top, 1, 1000, 10);
    golden_close(g);
}

static void make_deep(struct golden *g)
{
    changes(g, 450);
    golden_compact(g, true);
    golden_put_numbered(g, ate_top, 1, 1000, 10);
    golden_close(g);
}

/* ---- copies ---- */

static void make_backup(struct golden *g)
{
    struct ate__chain_copy copy = {.existing = true};
    struct ate__chain_copied done;
    struct ate__dir *dir;
    golden_create_open(g);
    golden_put_numbered(g, ate_top, 1, 1, 100);
    simdisk_mkdir(g->disk, "/c/backup");
    for (unsigned round = 0; round < 2; round++) {
        ok(g->sim.env.vfs->open_root(g->sim.env.vfs->user, "/c/backup", &dir));
        ok(ate__chain_copy(ate__local_chain(g->dio->pipe), dir, &copy, &done));
        g->sim.env.vfs->close_dir(dir);
        assert_true(done.size == 2 + round);
        golden_put_numbered(g, ate_top, 2 + round, 2, 100);
    }
    golden_close(g);
}

struct feed {
    struct ate__chain *from, *to;
};

static int feed_record(void *arg, const struct ate__history_record *record)
{
    const struct feed *f = arg;
    struct ate__group_feed group = {.first_sequence = record->sequence,
                                    .root_time_us = record->root_time_us,
                                    .records = &record->body,
                                    .count = 1};
    assert_true(record->last_in_group);
    ok(ate__chain_root_at(f->from, record->sequence + 1, &group.head_after));
    return ate__chain_feed(f->to, &group);
}

static void make_mirror(struct golden *g)
{
    struct ate__storage_conf conf = {.sync = ATE__SYNC_NEVER};
    struct ate__chain_conf of_chain = {.env = &g->sim.env, .sync = ATE__SYNC_NEVER};
    struct feed feed;
    struct ate__storage *s;
    struct ate__dir *dir;
    golden_create_open(g);
    for (unsigned i = 0; i < 5; i++)
        golden_put_numbered(g, ate_top, i, i, 100);
    simdisk_mkdir(g->disk, "/c/mirror");
    ok(g->sim.env.vfs->open_root(g->sim.env.vfs->user, "/c/mirror", &dir));
    feed.from = ate__local_chain(g->dio->pipe);
    ok(ate__storage_open_file(&g->sim.env, dir, ATE__STORAGE_CREATE,
                              ate__trust_chain_id(ate__chain_trust(feed.from)), ATE__ROLE_MIRROR,
                              &conf, &s));
    g->sim.env.vfs->close_dir(dir);
    ok(ate__chain_open(&of_chain, s, 0, &feed.to));
    ok(ate__chain_begin(feed.to));
    ok(ate__chain_history(feed.from, 0, UINT64_MAX, feed_record, &feed));
    ate__chain_close(feed.to);
    golden_close(g);
}

const struct golden_chain golden_chains[GOLDEN_CHAINS] = {
    {.set = 4, .name = "plain", .make = make_plain},
    {.set = 4, .name = "signed", .make = make_signed},
    {.set = 4, .name = "private", .make = make_private},
    {.set = 4, .name = "files", .make = make_files},
    {.set = 4, .name = "archive", .make = make_archive},
    {.set = 4, .name = "proved", .make = make_proved},
    {.set = 4, .name = "segments", .make = make_segments},
    {.set = 4, .name = "padded", .make = make_padded},
    {.set = 4, .name = "torn", .make = make_torn},
    {.set = 4, .name = "trimmed", .make = make_trimmed},
    {.set = 4, .name = "shallow", .make = make_shallow},
    {.set = 4, .name = "deep", .make = make_deep},
    {.set = 4, .name = "backup", .make = make_backup, .copy = true},
    {.set = 4, .name = "mirror", .make = make_mirror, .mirror = true},
    {.set = 4, .name = "epochs", .make = golden_make_epochs},
    {.set = 4, .name = "revoked", .make = golden_make_revoked},
    {.set = 4, .name = "roots", .make = golden_make_roots},
    {.set = 4, .name = "log-keys", .make = golden_make_log_keys},
    {.set = 4, .name = "offices", .make = golden_make_offices},
    {.set = 4, .name = "compressed", .make = golden_make_compressed, .varies = true},
    {.set = 4,
     .name = "weak",
     .make = golden_make_by_all,
     .kit = &golden_weak,
     .genesis.strength = 128},
    {.set = 4,
     .name = "strong",
     .make = golden_make_by_all,
     .kit = &golden_strong,
     .genesis.strength = 256},
    {.set = 4,
     .name = "edwards",
     .make = golden_make_by_all,
     .kit = &golden_edwards,
     .genesis = {.strength = 128, .plain = golden_plain_edwards, .plain_count = 2}},
    {.set = 4,
     .name = "mldsa",
     .make = golden_make_by_all,
     .kit = &golden_mldsa,
     .genesis = {.strength = 128, .plain = golden_plain_mldsa, .plain_count = 3}},
    {.set = 4, .name = "sha3", .make = golden_make_by_all, .genesis.hash_alg = ATE__SHA3_256},
    {.set = 4, .name = "halves", .make = golden_make_halves, .kit = &golden_halves},
    {.set = 4, .name = "labels", .make = golden_make_labels, .labels = true},
    {.set = 4, .name = "published", .make = golden_make_published},
    {.set = 4, .name = "sealed-writer", .make = golden_make_sealed_writer},
    {.set = 4, .name = "batches", .make = golden_make_batches},
    {.set = 4, .name = "central", .make = golden_make_central, .genesis.centralized = true},
};
