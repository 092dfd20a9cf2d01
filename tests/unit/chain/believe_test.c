/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How far a centralized chain is believed: by this machine's seals, by checkpoints, and no further;
 * in the directory of its root, in a copy on another machine, and in a mirror.
 */
#include "chain/believe.h"
#include "chain/signed.h"
#include "history.h"
#include "lib/heap.h"
#include "redo/format.h"
#include <stdlib.h>

#define SEGMENT "/c/,chain/0000000000000001.seg"
#define NOTE "/c/,chain/checkpoint"

static struct kit kit;
static struct history history;
static struct ate__log_key *log_key, *other_log_key;

static int set_up(void **state)
{
    (void)state;
    kit_ok(ate__log_key_of_seed(&(struct ate__key32){{1}}, &other_log_key));
    return ate__log_key_of_seed(&(struct ate__key32){{9}}, &log_key);
}

static int tear_down(void **state)
{
    (void)state;
    ate__log_key_free(log_key);
    ate__log_key_free(other_log_key);
    return 0;
}

static void init(void)
{
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    kit_init(&kit, 11);
    kit.log_key = log_key;
    kit.host = 1;
    kit_genesis(&kit, &open, 1000, 3);
}

static int begin(void **state)
{
    (void)state;
    init();
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "a");
    kit_put_ok(&kit, 2, "b");
    kit_put_ok(&kit, 3, "c");
    return 0;
}

static int end(void **state)
{
    (void)state;
    kit_deinit(&kit);
    return 0;
}

static void sign_with(const struct ate__log_key *key, uint64_t size)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, size, &root));
    kit_ok(ate__chain_sign(kit.chain, kit.root, key, size, &root, &note));
    ate__buf_deinit(&note);
}

static void opens_with(uint64_t size)
{
    kit_open_ok(&kit, 0);
    assert_true(ate__chain_believed(kit.chain) == size);
    assert_true(kit_size(&kit) == size);
    kit_close(&kit);
}

/* No open for writing, and not one file is changed; a reader sees the first `size`. */
static void believed_to(int result, uint64_t size)
{
    static const char *const texts[] = {"", "a", "b", "c"};
    struct ate__storage_damage damage;
    uint64_t before = simdisk_digest(kit.disk);
    assert_int_equal(kit_open(&kit, 0), result);
    kit_close(&kit);
    assert_true(simdisk_digest(kit.disk) == before);
    if (!size) {
        assert_int_equal(kit_open(&kit, ATE__STORAGE_READ), ATE_UNTRUSTED);
        kit_close(&kit);
        return;
    }
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_true(ate__chain_damage(kit.chain, &damage));
    assert_int_equal(damage.what, ATE_UNTRUSTED);
    assert_true(damage.sequence == size);
    assert_non_null(strstr(damage.text, "host.key"));
    assert_true(ate__chain_believed(kit.chain) == size && kit_size(&kit) == size);
    for (unsigned i = 1; i <= 3; i++)
        assert_string_equal(kit_text(&kit, i), i < size ? texts[i] : "");
    kit_close(&kit);
}

/* Of what carries no signature. */
static void grounds_are(uint64_t sequence, enum ate__ground wanted)
{
    struct ate_hash key, fingerprint;
    struct ate_bytes public = ate__log_key_public(log_key);
    kit_ok(ate__fingerprint(public, &fingerprint));
    assert_int_equal(ate__chain_ground(kit.chain, true, sequence, &key), ATE__BY_SIGNATURES);
    assert_true(ate__hash_is_zero(&key));
    assert_int_equal(ate__chain_ground(kit.chain, false, sequence, &key), wanted);
    assert_true(wanted == ATE__BY_LOG_KEY ? ate__hash_equal(&key, &fingerprint)
                                          : ate__hash_is_zero(&key));
}

/* ---- groups by hand ---- */

struct group_at {
    uint64_t at, end_sequence;
    struct ate__group_head head;
};
/* The groups with records, as they lie in the first segment. */
static size_t find_groups(struct group_at *ret, size_t capacity, uint32_t *ret_seed)
{
    size_t size, count = 0;
    uint8_t *bytes = simdisk_get(kit.disk, SEGMENT, &size);
    struct ate__segment_head head;
    assert_int_equal(ate__segment_head_read(ate__bytes(bytes, size), &head), ATE__GOOD);
    *ret_seed = ate__salt_seed(head.salt);
    for (uint64_t at = ATE__SEGMENT_HEAD; at < size;) {
        struct ate__group_head g;
        if (ate__group_head_read(ate__bytes(bytes + at, size - at), *ret_seed, false, &g) !=
            ATE__GOOD)
            break;
        if (g.count && count < capacity)
            ret[count++] = (struct group_at){at, g.end_sequence, g};
        at += g.bytes;
    }
    free(bytes);
    return count;
}

static struct ate_hash seal_of(const struct group_at *g)
{
    size_t size;
    uint8_t *bytes = simdisk_get(kit.disk, SEGMENT, &size);
    assert_true(g->head.sealed);
    struct ate_hash seal = ate__group_seal(ate__bytes(bytes + g->at, g->head.bytes));
    free(bytes);
    return seal;
}

/* With checksums that hold. */
static void put_seal(const struct group_at *g, uint32_t seed, const struct ate_hash *seal)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    ate__seal_write(&w, seed, g->end_sequence, seal);
    kit_ok(ate__wr_end(&w));
    simdisk_patch(kit.disk, SEGMENT, g->at + g->head.bytes - ATE__SEAL, buf.data, buf.size);
    ate__buf_deinit(&buf);
}

/* ---- the root's directory ---- */

static void what_is_sealed_here_is_believed_here(void **state)
{
    (void)state;
    struct group_at groups[8];
    uint32_t seed;
    kit_close(&kit);
    assert_int_equal(find_groups(groups, 8, &seed), 4);
    for (int i = 0; i < 4; i++)
        assert_true(groups[i].head.sealed);
    opens_with(4);
    kit_open_ok(&kit, 0);
    kit_put_ok(&kit, 4, "d");
    kit_kill(&kit);
    opens_with(5);
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_true(kit_size(&kit) == 5);
    kit_close(&kit);
}

static void what_it_is_believed_for(void **state)
{
    (void)state;
    grounds_are(3, ATE__BY_HOST_KEY);
    sign_with(log_key, 3);
    kit_reopen_ok(&kit);
    grounds_are(2, ATE__BY_LOG_KEY);
    grounds_are(3, ATE__BY_HOST_KEY);
    sign_with(other_log_key, 4);
    kit_reopen_ok(&kit);
    grounds_are(2, ATE__BY_HOST_KEY);
}

static void a_distributed_chain_has_no_seals(void **state)
{
    (void)state;
    struct group_at groups[8];
    uint32_t seed;
    kit_init(&kit, 11);
    kit.host = 1;
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "a");
    assert_true(ate__chain_believed(kit.chain) == 2);
    grounds_are(1, ATE__BY_SIGNATURES);
    kit_close(&kit);
    assert_int_equal(find_groups(groups, 8, &seed), 2);
    for (int i = 0; i < 2; i++)
        assert_false(groups[i].head.sealed);
    kit.host = 2;
    opens_with(2);
    kit_deinit(&kit);
}

static void each_bit_of_the_seal(void **state)
{
    (void)state;
    struct group_at groups[8];
    uint32_t seed;
    kit_close(&kit);
    size_t n = find_groups(groups, 8, &seed);
    struct ate_hash seal = seal_of(&groups[n - 1]), changed;
    for (size_t bit = 0; bit < 256; bit += 5) {
        changed = seal;
        changed.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put_seal(&groups[n - 1], seed, &changed);
        believed_to(ATE_UNTRUSTED, 3);
        /* Without the checksums it is damage, as anywhere. */
        put_seal(&groups[n - 1], seed, &seal);
        simdisk_flip(kit.disk, SEGMENT,
                     groups[n - 1].at + groups[n - 1].head.bytes - ATE__SEAL_BODY + bit / 8,
                     (uint8_t)(1 << bit % 8));
        assert_int_equal(kit_open(&kit, 0), ATE_TAMPERED);
        kit_close(&kit);
        put_seal(&groups[n - 1], seed, &seal);
    }
    opens_with(4);
}

static void a_seal_is_of_one_place(void **state)
{
    (void)state;
    struct group_at groups[8];
    uint32_t seed;
    kit_close(&kit);
    size_t n = find_groups(groups, 8, &seed);
    struct ate_hash seal = seal_of(&groups[n - 1]);
    for (size_t i = 0; i + 1 < n; i++) {
        struct ate_hash moved = seal_of(&groups[i]);
        put_seal(&groups[n - 1], seed, &moved);
        believed_to(ATE_UNTRUSTED, 3);
    }
    put_seal(&groups[n - 1], seed, &seal);
    /* What stands behind one that holds covers all before it. */
    put_seal(&groups[1], seed, &seal);
    opens_with(4);
    put_seal(&groups[n - 1], seed, &(struct ate_hash){{0}});
    put_seal(&groups[n - 2], seed, &(struct ate_hash){{0}});
    believed_to(ATE_UNTRUSTED, 1);
}

static void another_hosts_key_is_nothing_here(void **state)
{
    (void)state;
    kit_close(&kit);
    kit.host = 2;
    believed_to(ATE_UNTRUSTED, 0);
    kit.host = 0;
    believed_to(ATE_NO_KEY, 0);
    kit.host = 1;
    kit_open_ok(&kit, 0);
    sign_with(log_key, 3);
    kit_close(&kit);
    kit.host = 2;
    believed_to(ATE_UNTRUSTED, 3);
    kit.host = 1;
    kit_open_ok(&kit, 0);
    sign_with(log_key, 4);
    kit_close(&kit);
    /* All is covered: it goes on with the key that is here now. */
    kit.host = 2;
    kit_open_ok(&kit, 0);
    kit_put_ok(&kit, 4, "d");
    kit_close(&kit);
    opens_with(5);
    kit.host = 1;
    believed_to(ATE_UNTRUSTED, 4);
}

static void another_log_key_covers_nothing(void **state)
{
    (void)state;
    sign_with(other_log_key, 4);
    kit_close(&kit);
    kit.host = 2;
    believed_to(ATE_UNTRUSTED, 0);
    simdisk_flip(kit.disk, NOTE, 3, 1);
    believed_to(ATE_UNTRUSTED, 0);
}

static void a_note_of_what_is_not_there(void **state)
{
    (void)state;
    size_t size;
    sign_with(log_key, 2);
    uint8_t *two = simdisk_get(kit.disk, NOTE, &size);
    sign_with(log_key, 4);
    kit_close(&kit);
    kit.host = 2;
    opens_with(4);
    simdisk_put(kit.disk, NOTE, two, size);
    believed_to(ATE_UNTRUSTED, 2);
    two[size / 2] ^= 1;
    simdisk_put(kit.disk, NOTE, two, size);
    believed_to(ATE_UNTRUSTED, 0);
    simdisk_unlink(kit.disk, NOTE);
    believed_to(ATE_UNTRUSTED, 0);
    free(two);
}

static void none_is_made_without_a_host_key(void **state)
{
    (void)state;
    init();
    kit.host = 0;
    assert_int_equal(kit_create(&kit), ATE_NO_KEY);
    kit_close(&kit);
    kit.memory = true; /* it keeps nothing for anybody */
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "a");
    kit_deinit(&kit);
}

/* ---- crashes ---- */

/* The machine stops at its n-th write, sync or rename. False: it came to the end. */
static bool stopped_at(struct kit *from, uint64_t n, uint64_t seed)
{
    struct kit k;
    kit_take(&k, from, simdisk_clone(from->disk), seed);
    k.sync = seed % 3 ? ATE__SYNC_ALWAYS : ATE__SYNC_NEVER;
    uint64_t acked = 4;
    simdisk_stop(k.disk, n);
    if (!kit_open(&k, 0)) {
        for (unsigned i = 10; i < 13; i++)
            if (!kit_put(&k, i, "more"))
                acked = kit_size(&k);
        kit_close(&k);
    }
    bool stopped = simdisk_stopped(k.disk);
    if (seed % 2)
        kit_crash(&k, seed);
    else
        kit_kill(&k);
    kit_open_ok(&k, 0);
    if (k.sync == ATE__SYNC_ALWAYS)
        assert_true(kit_size(&k) >= acked);
    assert_true(ate__chain_believed(k.chain) == kit_size(&k));
    k.number += 100;
    kit_put_ok(&k, 50, "z");
    kit_reopen_ok(&k);
    assert_string_equal(kit_text(&k, 50), "z");
    kit_deinit(&k);
    return stopped;
}

static void after_power_losses(void **state)
{
    (void)state;
    kit_kill(&kit); /* with a tail that no idle mark vouches for */
    for (uint64_t seed = 0; seed < 6; seed++)
        for (uint64_t n = 0; stopped_at(&kit, n, seed); n++)
            assert_true(n < 1000);
}

/* ---- a mirror ---- */

struct told {
    struct ate__listener listener;
    uint64_t size;
    unsigned times;
};
static void published(struct ate__listener *l, uint64_t size)
{
    struct told *t = (struct told *)l;
    t->size = size;
    t->times++;
}
static struct told told;

static void open_mirror(unsigned flags)
{
    static const struct ate__storage_conf storage_conf = {.sync = ATE__SYNC_NEVER};
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    conf.host_key = NULL;
    kit_ok(ate__storage_open_file(&kit.sim.env, kit.root, flags, &kit.chain_id, ATE__ROLE_MIRROR,
                                  &storage_conf, &s));
    kit_ok(kit_chain_open(&kit, &conf, s, flags & ATE__STORAGE_READ));
}

static int begin_mirror(void **state)
{
    (void)state;
    init();
    history_init(&history, &kit);
    for (unsigned i = 1; i < 8; i++)
        history_put(&history, i);
    open_mirror(ATE__STORAGE_CREATE);
    told = (struct told){.listener.published = published};
    ate__chain_listen(kit.chain, &told.listener);
    return 0;
}

static void close_mirror(void)
{
    ate__chain_unlisten(kit.chain, &told.listener);
    kit_close(&kit);
}

static int end_mirror(void **state)
{
    (void)state;
    if (kit.chain)
        close_mirror();
    history_deinit(&history);
    kit_deinit(&kit);
    return 0;
}

static void shows(uint64_t size, uint64_t taken)
{
    struct ate_hash root;
    uint64_t head, all;
    ate__chain_head(kit.chain, &head, &root);
    ate__chain_taken(kit.chain, &all, &root);
    assert_true(head == size && all == taken);
    assert_true(ate__chain_believed(kit.chain) == size && kit_size(&kit) == size);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(kit_facts(&kit, i).live, i < size);
}

/* A note of the first `size`, with that root or the one of the history. */
static int believe(const struct ate__log_key *key, uint64_t size, const struct ate_hash *root)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint c = {.chain_id = kit.chain_id,
                                .size = size,
                                .root = root ? *root : history.groups[size - 1].head_after},
                           verified;
    kit_ok(ate__checkpoint_make(&c, key, &note));
    int rc = ate__chain_check_note(kit.chain, ate__buf_bytes(&note), &verified);
    if (!rc)
        rc = ate__chain_believe(kit.chain, &verified, ate__buf_bytes(&note));
    ate__buf_deinit(&note);
    return rc;
}

static void a_mirror_shows_what_a_checkpoint_covers(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        kit_ok(history_feed(&history, i, kit.chain));
    shows(0, 4);
    assert_int_equal(told.size, 0);
    kit_ok(believe(log_key, 3, NULL));
    shows(3, 4);
    assert_int_equal(told.size, 3);
    kit_ok(believe(log_key, 2, NULL)); /* never back */
    shows(3, 4);
    for (size_t i = 4; i < 8; i++)
        kit_ok(history_feed(&history, i, kit.chain));
    shows(3, 8);
    assert_int_equal(believe(other_log_key, 8, NULL), ATE_UNTRUSTED);
    assert_int_equal(believe(log_key, 8, &history.groups[3].head_after), ATE_FORKED);
    assert_int_equal(believe(log_key, 7, &history.groups[7].head_after), ATE_FORKED);
    shows(3, 8);
    kit_ok(believe(log_key, 8, NULL));
    shows(8, 8);
    assert_int_equal(told.size, 8);
}

static void it_remembers_the_mark(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++)
        kit_ok(history_feed(&history, i, kit.chain));
    kit_ok(believe(log_key, 2, NULL));
    kit_ok(believe(log_key, 4, NULL)); /* is kept at the end */
    kit_ok(believe(log_key, 3, NULL)); /* and not this one */
    grounds_are(3, ATE__BY_LOG_KEY);
    close_mirror();
    open_mirror(0);
    shows(4, 6);
    grounds_are(3, ATE__BY_LOG_KEY);
    ate__chain_listen(kit.chain, &told.listener);
    kit_ok(history_feed(&history, 6, kit.chain));
    shows(4, 7);
    kit_ok(believe(log_key, 7, NULL));
    shows(7, 7);
    close_mirror();
    open_mirror(ATE__STORAGE_READ); /* no damage: the rest waits for a checkpoint */
    struct ate__storage_damage damage;
    assert_false(ate__chain_damage(kit.chain, &damage));
    shows(7, 7);
    kit_close(&kit);
    simdisk_unlink(kit.disk, NOTE);
    open_mirror(0);
    shows(0, 7);
    ate__chain_listen(kit.chain, &told.listener);
}

/* What is refused takes nothing along that only waits for its checkpoint. */
static void a_bad_group_leaves_what_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        kit_ok(history_feed(&history, i, kit.chain));
    kit_ok(believe(log_key, 1, NULL));
    struct history_group bad = history.groups[3];
    history.groups[3].head_after.b[0] ^= 1;
    assert_int_equal(history_feed(&history, 3, kit.chain), ATE_TAMPERED);
    history.groups[3] = bad;
    shows(1, 3);
    for (size_t i = 3; i < 8; i++)
        kit_ok(history_feed(&history, i, kit.chain));
    kit_ok(believe(log_key, 8, NULL));
    shows(8, 8);
}

/* A copy that is opened as if it were the root's: it is read as far as it is covered. */
static void a_mirror_does_not_become_a_root_uncovered(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        kit_ok(history_feed(&history, i, kit.chain));
    kit_ok(believe(log_key, 3, NULL));
    close_mirror();
    assert_int_equal(kit_open(&kit, 0), ATE_UNTRUSTED);
    kit_close(&kit);
    kit_open_ok(&kit, ATE__STORAGE_READ);
    shows(3, 4);
    struct ate__storage_damage damage;
    assert_false(ate__chain_damage(kit.chain, &damage)); /* the rest is queued */
    kit_close(&kit);
    open_mirror(0);
    ate__chain_listen(kit.chain, &told.listener);
    kit_ok(believe(log_key, 4, NULL));
    close_mirror();
    kit_open_ok(&kit, 0);
    kit_put_ok(&kit, 20, "own");
    kit_reopen_ok(&kit);
    assert_true(kit_size(&kit) == 5);
    ate__chain_listen(kit.chain, &told.listener);
}

/* ---- memory ---- */

static struct ate_bytes one_more; /* made beforehand */

static int open_and_put(void *arg)
{
    struct kit *from = arg, k;
    kit_take(&k, from, simdisk_clone(from->disk), 5);
    int rc = kit_open(&k, 0);
    if (!rc)
        rc = kit_commit_bytes(&k, one_more);
    kit_deinit(&k);
    return rc == ATE_UNKNOWN || rc == ATE_E_IO ? ATE_E_MEMORY : rc;
}

static void without_memory(void **state)
{
    (void)state;
    struct draft d;
    kit_begin(&kit, &d);
    draft_text(&d, id_of(30), NULL, "more");
    one_more = draft_encode(&d);
    kit_close(&kit);
    heap_sweep(open_and_put, &kit, true);
    draft_deinit(&d);
}

int main(void)
{
#define ROOT_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define MIRROR_TEST(name) cmocka_unit_test_setup_teardown(name, begin_mirror, end_mirror)
    const struct CMUnitTest tests[] = {
        ROOT_TEST(what_is_sealed_here_is_believed_here),
        ROOT_TEST(what_it_is_believed_for),
        cmocka_unit_test(a_distributed_chain_has_no_seals),
        ROOT_TEST(each_bit_of_the_seal),
        ROOT_TEST(a_seal_is_of_one_place),
        ROOT_TEST(another_hosts_key_is_nothing_here),
        ROOT_TEST(another_log_key_covers_nothing),
        ROOT_TEST(a_note_of_what_is_not_there),
        cmocka_unit_test(none_is_made_without_a_host_key),
        ROOT_TEST(after_power_losses),
        MIRROR_TEST(a_mirror_shows_what_a_checkpoint_covers),
        MIRROR_TEST(it_remembers_the_mark),
        MIRROR_TEST(a_bad_group_leaves_what_waits),
        MIRROR_TEST(a_mirror_does_not_become_a_root_uncovered),
        ROOT_TEST(without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
