/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Sealed groups through all that rewrites a log: a seal stays with the end of its group, and holds
 * there, wherever that lies by then.
 */
#include "chain/attest.h"
#include "chain/backup.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/compact.h"
#include "chain/repair.h"
#include "chain/resync.h"
#include "chain/signed.h"
#include "kit.h"
#include "redo/import.h"
#include "trust/session.h"
#include <stdlib.h>

enum { OBJECTS = 20, TEXT = 900, ROUNDS = 40 };
static struct kit kit;
static struct ate__log_key *log_key;
static struct ate_session *owner;

static const char *text_of(unsigned object, unsigned round)
{
    static char text[TEXT + 1];
    memset(text, 'a' + (int)(round % 26), TEXT);
    snprintf(text, TEXT, "%u %u ", object, round);
    text[strlen(text)] = '.';
    return text;
}

static int set_up(void **state)
{
    (void)state;
    struct ate__key *key;
    kit_ok(ate__key_of_seed(&kit_key(0)->seed, NULL, &key));
    kit_ok(ate__session_new(&owner));
    kit_ok(ate__session_add(owner, key));
    return ate__log_key_of_seed(&(struct ate__key32){{9}}, &log_key);
}

static int tear_down(void **state)
{
    (void)state;
    ate__session_unref(owner);
    ate__log_key_free(log_key);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    kit_init(&kit, 17);
    kit.log_key = log_key;
    kit.host = 1;
    kit_genesis(&kit, &open, 100, 4);
    kit_create_ok(&kit);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 1; i <= OBJECTS; i++)
            kit_put_ok(&kit, i, text_of(i, round));
    return 0;
}

static int end(void **state)
{
    (void)state;
    kit_deinit(&kit);
    return 0;
}

/* ---- all seals ---- */

struct seals {
    struct ate__chain *chain;
    struct ate__host_key *key;
    unsigned sealed, compacted, bare;
};

static int check_group(void *arg, const struct ate__group_out *g)
{
    struct seals *x = arg;
    struct ate_hash root;
    if (!g->seal) {
        x->bare += g->count > 0;
        return 0;
    }
    kit_ok(ate__chain_root_at(x->chain, g->end_sequence, &root));
    kit_ok(ate__host_key_check(x->key, &kit.chain_id, g->end_sequence, &root, g->seal));
    x->sealed++;
    x->compacted += g->compacted;
    return 0;
}

static int pass(void *arg, const struct ate__record_out *record)
{
    (void)arg, (void)record;
    return 0;
}

static struct seals check_seals(struct ate__chain *c, uint8_t host)
{
    struct seals x = {.chain = c};
    struct ate__storage *s = ate__chain_storage(c);
    kit_ok(ate__host_key_new(&(struct ate__key32){{host}}, &x.key));
    kit_ok(s->v->scan(s, 0, UINT64_MAX, &(struct ate__scan){check_group, pass, &x}));
    ate__host_key_free(x.key);
    return x;
}

static void check_texts(void)
{
    for (unsigned i = 1; i <= OBJECTS; i++)
        assert_string_equal(kit_text(&kit, i), text_of(i, ROUNDS - 1));
}

static void goes_on(void)
{
    uint64_t size = kit_size(&kit);
    kit_put_ok(&kit, 50, "one more");
    kit_reopen_ok(&kit);
    assert_true(kit_size(&kit) == size + 1 && ate__chain_believed(kit.chain) == size + 1);
}

/* ---- compaction ---- */

static struct ate__compacted compact_as(bool deep, struct ate_session *session)
{
    struct ate__compact_conf conf = {
        .deep = deep, .cut_off = deep ? UINT64_MAX : 0, .session = session, .gain_percent = 1};
    struct ate__compacted done;
    ate__view_reclaim(ate__chain_view(kit.chain), 0);
    kit_ok(ate__chain_compact(kit.chain, &conf, &done));
    return done;
}

static struct ate__compacted compact(bool deep)
{
    return compact_as(deep, owner);
}

static void payloads_go(void **state)
{
    (void)state;
    assert_true(compact(false).payloads);
    for (int i = 0; i < 2; i++) {
        struct seals x = check_seals(kit.chain, 1);
        assert_true(x.compacted && !x.bare && x.sealed > x.compacted);
        check_texts();
        kit_reopen_ok(&kit);
    }
    goes_on();
}

/* Behind an open, nobody reads what was superseded before it. */
static void what_was_opened_goes_too(void **state)
{
    (void)state;
    struct ate__compact_conf conf = {.gain_percent = 1};
    struct ate__compacted done;
    kit_reopen_ok(&kit);
    kit_ok(ate__chain_compact(kit.chain, &conf, &done));
    assert_true(done.payloads);
    check_texts();
}

static void transactions_go(void **state)
{
    (void)state;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, 100, &root)); /* less than the certificate covers */
    kit_ok(ate__chain_sign(kit.chain, kit.root, log_key, 100, &root, &note));
    ate__buf_deinit(&note);
    struct ate__compacted done = compact(true);
    assert_true(done.transactions);
    struct seals x = check_seals(kit.chain, 1);
    assert_true(x.compacted && !x.bare);
    goes_on();
    check_texts();
    x = check_seals(kit.chain, 1);
    assert_true(x.compacted && !x.bare);
    kit_close(&kit);
    /* Elsewhere the certificate speaks for what it was left out of, and for nothing behind. */
    kit.host = 2;
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_true(ate__chain_believed(kit.chain) == done.cut_off);
    kit_close(&kit);
    assert_int_equal(kit_open(&kit, 0), ATE_UNTRUSTED);
    kit_close(&kit);
}

static struct ate__buf sign_at(uint64_t size)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, size, &root));
    kit_ok(ate__chain_sign(kit.chain, kit.root, log_key, size, &root, &note));
    return note;
}

/* In nobody's name: what a checkpoint covers is believed with it, and before that nothing. */
static void the_server_certifies(void **state)
{
    (void)state;
    struct ate__attested who;
    struct ate__buf note;
    struct ate__compacted done = compact_as(true, NULL);
    uint64_t certified = kit_size(&kit);
    assert_true(done.transactions && done.cut_off < certified);
    kit_ok(ate__attested_at(kit.chain, certified - 1, &who));
    assert_int_equal(who.count, 0);
    goes_on();
    check_texts();
    for (uint64_t size = done.cut_off - 1; size <= kit_size(&kit); size++) {
        note = sign_at(size);
        kit_close(&kit);
        kit.host = 2; /* another machine, which has no seals of its own in it */
        if (size < certified) {
            assert_int_equal(kit_open(&kit, ATE__STORAGE_READ), ATE_UNTRUSTED);
        } else {
            kit_open_ok(&kit, ATE__STORAGE_READ);
            assert_true(ate__chain_believed(kit.chain) == size);
            check_texts();
        }
        kit_close(&kit);
        kit.host = 1;
        kit_open_ok(&kit, 0);
        ate__buf_deinit(&note);
    }
}

/* ---- copies ---- */

static void open_copy(uint8_t host, const char *path, uint64_t believed)
{
    struct kit k = kit;
    struct ate__storage *s;
    struct ate__chain *c;
    struct ate__dir *dir;
    const struct ate__vfs *vfs = simdisk_vfs(kit.disk);
    k.host = host;
    struct ate__chain_conf conf = kit_conf(&k);
    kit_ok(vfs->open_root(vfs->user, path, &dir));
    kit_ok(ate__storage_open_file(&kit.sim.env, dir, ATE__STORAGE_READ, NULL, ATE__ROLE_ROOT, NULL,
                                  &s));
    int rc = ate__chain_open(&conf, s, ATE__STORAGE_READ, &c);
    assert_int_equal(rc, believed ? 0 : ATE_UNTRUSTED);
    if (!rc) {
        assert_true(ate__chain_believed(c) == believed);
        ate__chain_close(c);
    }
    vfs->close_dir(dir);
}

static void a_copy_on_another_machine(void **state)
{
    (void)state;
    const struct ate__vfs *vfs = simdisk_vfs(kit.disk);
    struct ate__chain_copied done;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    struct ate__dir *dir, *from, *to;
    simdisk_mkdir(kit.disk, "/b");
    kit_ok(vfs->open_root(vfs->user, "/b", &dir));
    kit_ok(ate__chain_copy(kit.chain, dir, &(struct ate__chain_copy){.existing = true}, &done));
    open_copy(1, "/b", done.size);
    open_copy(2, "/b", 0);
    kit_ok(ate__chain_root_at(kit.chain, 500, &root));
    kit_ok(ate__chain_sign(kit.chain, kit.root, log_key, 500, &root, &note));
    kit_ok(vfs->open_root(vfs->user, "/c/,chain", &from));
    kit_ok(vfs->open_root(vfs->user, "/b/,chain", &to));
    kit_ok(ate__chain_signed_keep(vfs, from, to));
    open_copy(2, "/b", 500);
    open_copy(1, "/b", done.size);
    vfs->close_dir(from);
    vfs->close_dir(to);
    vfs->close_dir(dir);
    ate__buf_deinit(&note);
}

/* What compaction framed is framed anew where the copy ends inside of it. */
static void a_copy_of_a_beginning(void **state)
{
    (void)state;
    const struct ate__vfs *vfs = simdisk_vfs(kit.disk);
    struct ate__chain_copied done;
    struct ate__dir *dir;
    char path[16];
    assert_true(compact(false).payloads);
    for (uint64_t size = 3; size < 300; size += 50) {
        snprintf(path, sizeof path, "/b%llu", (unsigned long long)size);
        simdisk_mkdir(kit.disk, path);
        kit_ok(vfs->open_root(vfs->user, path, &dir));
        kit_ok(ate__chain_copy(kit.chain, dir, &(struct ate__chain_copy){.size = size}, &done));
        open_copy(1, path, size);
        open_copy(2, path, 0);
        vfs->close_dir(dir);
    }
}

/* ---- a lost host key ---- */

static void what_is_covered_goes_on(void **state)
{
    (void)state;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__repaired repaired;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, 700, &root));
    kit_ok(ate__chain_sign(kit.chain, kit.root, log_key, 700, &root, &note));
    kit_close(&kit);
    kit.host = 2;
    assert_int_equal(kit_open(&kit, 0), ATE_UNTRUSTED);
    kit_close(&kit);
    struct ate__repair conf = {.chain = kit_conf(&kit), .change = true};
    kit_ok(ate__chain_repair(&conf, kit.root, &repaired));
    assert_int_equal(repaired.damage.what, ATE_UNTRUSTED);
    assert_true(repaired.size == 700);
    kit_open_ok(&kit, 0);
    assert_true(kit_size(&kit) == 700);
    kit.number += 1000;
    goes_on();
    ate__buf_deinit(&note);
}

/* ---- view images ---- */

static void with_a_view_image(void **state)
{
    (void)state;
    struct ate__key32 secret = {{5}};
    kit.image_secrets = &secret;
    kit.image_secret_count = 1;
    kit_reopen_ok(&kit);
    kit.chain->image_log_min = 0;
    kit_put_ok(&kit, 60, "image");
    kit_close(&kit);
    assert_true(simdisk_exists(kit.disk, "/c/,chain/view"));
    kit_open_ok(&kit, 0);
    assert_true(ate__chain_believed(kit.chain) == kit_size(&kit));
    goes_on();
    check_texts();
    kit_close(&kit);
    /* It says what was believed when it was sealed, and nothing of what came behind it. */
    kit.host = 2;
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_true(kit_size(&kit) >= ROUNDS * OBJECTS);
    kit_close(&kit);
}

/* ---- a mirror that gets what a compaction left ---- */

struct sending {
    struct ate__resync *to;
    struct ate__group_out group;
    uint64_t next, kept_end;
    size_t count;
    struct ate__buf bytes[64];
    struct ate_bytes bodies[64];
    struct ate__import_record records[64];
};

static int send_group(struct sending *x)
{
    uint64_t first = x->group.first_sequence, to = x->group.end_sequence;
    if (first < x->kept_end) {
        kit_ok(
            ate__resync_range(x->to, &(struct ate__import_range){x->next, to, x->group.root_time_us,
                                                                 x->records, x->count}));
    } else {
        struct ate__group_feed feed = {first, x->group.root_time_us, x->bodies, x->count, {{0}}};
        kit_ok(ate__chain_root_at(kit.chain, to, &feed.head_after));
        kit_ok(ate__resync_group(x->to, &feed));
    }
    x->next = to;
    return 0;
}

static int send_record(void *arg, const struct ate__record_out *record)
{
    struct sending *x = arg;
    assert_true(x->count < ATE__COUNT_OF(x->bytes));
    ate__buf_clear(&x->bytes[x->count]);
    kit_ok(ate__buf_append(&x->bytes[x->count], record->body));
    x->bodies[x->count] = ate__buf_bytes(&x->bytes[x->count]);
    x->records[x->count] =
        (struct ate__import_record){record->sequence, record->identity, x->bodies[x->count]};
    x->count++;
    return record->last_in_group ? send_group(x) : 0;
}

static int send_begin(void *arg, const struct ate__group_out *group)
{
    struct sending *x = arg;
    if (!group->count && !group->compacted)
        return 0;
    x->group = *group;
    x->count = 0;
    return group->count ? 0 : send_group(x);
}

static struct ate__chain *mirror_in_memory(void)
{
    struct ate__chain_conf conf = {.env = &kit.sim.env, .sync = ATE__SYNC_NEVER};
    struct ate__storage *s;
    struct ate__chain *m;
    kit_ok(ate__storage_open_mem(&kit.sim.env, &kit.chain_id, ATE__ROLE_MIRROR, &s));
    kit_ok(ate__chain_open(&conf, s, 0, &m));
    kit_ok(ate__chain_begin(m));
    return m;
}

static int resync(struct ate__chain *mirror, struct ate_bytes note, uint64_t *ret_end)
{
    struct ate__storage *s = ate__chain_storage(kit.chain);
    struct ate__remains_of_chain remains;
    struct ate_hash leaves[ATE__TILE_LEAVES], root;
    kit_ok(ate__chain_remains(kit.chain, &remains));
    ate__chain_head(kit.chain, ret_end, &root);
    struct ate__resync_conf conf = {
        .chain = {.env = &kit.sim.env, .sync = ATE__SYNC_NEVER},
        .present = mirror,
        .chain_id = kit.chain_id,
        .cut_off = remains.cut_off,
        .kept_end = remains.kept_end,
        .end = *ret_end,
        .note = note,
    };
    struct sending x = {.kept_end = remains.kept_end};
    kit_ok(ate__chain_root_at(kit.chain, remains.kept_end, &conf.kept_root));
    kit_ok(ate__resync_new(&conf, &x.to));
    for (uint64_t first = 0; first + ATE__TILE_LEAVES <= remains.cut_off;
         first += ATE__TILE_LEAVES) {
        kit_ok(s->v->tiles_stored(s, first, leaves));
        kit_ok(ate__resync_leaves(x.to, first, ate__bytes(leaves, sizeof leaves)));
    }
    kit_ok(s->v->scan(s, 0, *ret_end, &(struct ate__scan){send_begin, send_record, &x}));
    int rc = ate__resync_judge(x.to, NULL, 0);
    if (!rc)
        kit_ok(ate__resync_apply(x.to, mirror));
    ate__resync_free(x.to);
    for (size_t i = 0; i < ATE__COUNT_OF(x.bytes); i++)
        ate__buf_deinit(&x.bytes[i]);
    return rc;
}

static void what_a_compaction_left_elsewhere(void **state)
{
    (void)state;
    struct ate__compacted done = compact(true);
    struct ate__chain *mirror = mirror_in_memory();
    struct ate__checkpoint verified;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    uint64_t end, taken;
    kit_put_ok(&kit, 70, "behind");
    kit_ok(resync(mirror, (struct ate_bytes){0}, &end));
    ate__chain_taken(mirror, &taken, &root);
    assert_true(taken == end && done.cut_off < end);
    assert_true(ate__chain_believed(mirror) == done.cut_off);
    kit_ok(ate__chain_root_at(kit.chain, end, &root));
    kit_ok(ate__chain_sign(kit.chain, kit.root, log_key, end, &root, &note));
    kit_ok(ate__chain_check_note(mirror, ate__buf_bytes(&note), &verified));
    kit_ok(ate__chain_believe(mirror, &verified, ate__buf_bytes(&note)));
    assert_true(ate__chain_believed(mirror) == end);
    ate__chain_close(mirror);
    ate__buf_deinit(&note);
}

/* The server's own certificate comes with a checkpoint of it. */
static void what_the_server_says_elsewhere(void **state)
{
    (void)state;
    struct ate__compacted done = compact_as(true, NULL);
    uint64_t end = kit_size(&kit);
    struct ate__chain *mirror = mirror_in_memory();
    assert_int_equal(resync(mirror, (struct ate_bytes){0}, &end), ATE_UNTRUSTED);
    for (uint64_t size = done.cut_off; size <= end; size++) {
        struct ate__buf note = sign_at(size);
        int rc = resync(mirror, ate__buf_bytes(&note), &end);
        assert_int_equal(rc, size < end ? ATE_UNTRUSTED : 0);
        assert_true(ate__chain_believed(mirror) == (rc ? 0 : end));
        if (!rc) {
            note.data[note.size / 2] ^= 1;
            assert_int_not_equal(resync(mirror, ate__buf_bytes(&note), &end), 0);
        }
        ate__buf_deinit(&note);
    }
    assert_true(ate__chain_believed(mirror) == end);
    ate__chain_close(mirror);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(payloads_go),
        TEST(what_was_opened_goes_too),
        TEST(transactions_go),
        TEST(the_server_certifies),
        TEST(a_copy_on_another_machine),
        TEST(a_copy_of_a_beginning),
        TEST(what_is_covered_goes_on),
        TEST(with_a_view_image),
        TEST(what_a_compaction_left_elsewhere),
        TEST(what_the_server_says_elsewhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
