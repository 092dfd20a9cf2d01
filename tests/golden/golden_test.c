/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * golden_test.c: every golden chain, of every version, is read, verified and gone on with, and is
 * what its text says; and the chains that this version makes are those that are kept, byte by byte,
 * so that no format changes unnoticed.
 */
#include "ate/proof.h"
#include "base/text.h"
#include "bin/ate/fs.h"
#include "golden.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETS_MAX = 64, NAMES_MAX = 64 };

static char home[1000], sets[1000];

static char *format(const char *form, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *form, ...)
{
    static char text[16][3000];
    static unsigned next;
    char *to = text[next++ % 16];
    va_list args;
    va_start(args, form);
    int n = vsnprintf(to, sizeof text[0], form, args);
    va_end(args);
    assert_true(n > 0 && (size_t)n < sizeof text[0]);
    return to;
}

static void run(const char *line)
{
    if (shell(line))
        fail_msg("it failed: %s", line);
}

static int is_set(const struct dirent *e)
{
    return e->d_name[0] >= '1' && e->d_name[0] <= '9';
}

static int is_text(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && !strcmp(e->d_name + n - 4, ".txt");
}

/* In their order. */
static size_t names_in(const char *dir, int (*wanted)(const struct dirent *e),
                       char names[NAMES_MAX][64])
{
    struct dirent **found;
    int count = scandir(dir, &found, wanted, versionsort);
    assert_true(count > 0 && count <= NAMES_MAX);
    for (int i = 0; i < count; i++) {
        size_t n = strlen(found[i]->d_name);
        assert_true(n < 64);
        memcpy(names[i], found[i]->d_name, n + 1);
        free(found[i]);
    }
    free(found);
    return (size_t)count;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    snprintf(sets, sizeof sets, "%s/tests/vectors/golden", getenv("ATE_SOURCE_ROOT"));
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    return 0;
}

/* ---- one chain ---- */

struct read {
    const char *set, *name; /* folder, as it is kept; of the chain */
    char keys[1000], path[1100];
};

static void compare(const struct read *r, const struct ate__buf *text, const char *how)
{
    const char *got = format("%s/%s.%s", home, r->name, how);
    FILE *f = fopen(got, "w");
    assert_non_null(f);
    assert_true(fwrite(text->data, 1, text->size, f) == text->size);
    assert_int_equal(fclose(f), 0);
    run(format("diff -u '%s/%s.txt' '%s' | head -40 >&2; cmp '%s/%s.txt' '%s'", r->set, r->name,
               got, r->set, r->name, got));
}

static void describe(const struct read *r, unsigned flags, const char *how)
{
    struct ate__buf text = ATE__BUF_NULL;
    golden_describe(r->path, r->keys, flags, &text);
    compare(r, &text, how);
    ate__buf_deinit(&text);
}

static struct ate_chain *open_chain(const struct read *r, unsigned flags, int expected)
{
    struct ate_session *s;
    struct ate_chain *c = NULL;
    struct ate_chain_conf conf = {.root = format("%s/owner.pub", r->keys),
                                  .state_dir = format("%s/state", r->keys),
                                  .centralized = golden_is_centralized(r->name)};
    ok(ate_session_open_sealed((const char *[]){format("%s/owner.key", r->keys)}, 1,
                               &golden_password, &s));
    int rc = ate_chain_open(r->path, s, flags, &conf, &c);
    if (rc != expected)
        fail_msg("%s: %s", r->path, ate_error());
    ate_session_close(s);
    return c;
}

/* What was there is below what comes now, and all of it still holds. */
static void go_on(const struct read *r)
{
    struct ate__chain *held;
    struct ate_verified v;
    struct ate_txn *t;
    struct ate_id id;
    struct ate_object scope;
    struct ate_hash root;
    const struct fs_text *found = NULL;
    struct ate_chain *c = open_chain(r, 0, 0);
    struct ate_head head = ate_chain_head(c);
    ok(ate_txn_begin(c, NULL, 0, &t));
    ok(ate_put_as(t, fs_text, ate_top, "of today", &(struct fs_text){"a value"}, &id));
    if (!ate_find_raw(t, ate_top, ate__text_bytes("scope"), ATE_NO_PAYLOAD, &scope))
        ok(ate_put_as(t, fs_text, scope.id, "of its epoch", &(struct fs_text){"secret"}, &id));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    ate_chain_close(c);
    c = open_chain(r, 0, 0);
    assert_true(ate_chain_head(c).size == head.size + 1);
    ok(ate__chain_held(c, &held));
    ok(ate__chain_root_at(held, head.size, &root));
    assert_memory_equal(&root, &head.root, sizeof root);
    ok(ate_txn_begin(c, NULL, ATE_READ, &t));
    ok(ate_find(t, fs_text, ate_top, "of today", &id, &found));
    assert_string_equal(found->value, "a value");
    ate_txn_end(t);
    ok(ate_chain_verify(c, NULL, NULL, &v));
    assert_true(v.damage.what == ATE_OK && v.head.size == head.size + 1);
    ate_chain_close(c);
}

static void read_chain(const char *set, const char *name)
{
    struct read r = {.set = set, .name = name};
    snprintf(r.keys, sizeof r.keys, "%s", tmpdir_new());
    snprintf(r.path, sizeof r.path, "%s/%s", tmpdir_new(), name);
    run(format("from='%s'; [ ! -d '%s/%s.keys' ] || from='%s/%s.keys'; "
               "cp \"$from\"/*.key \"$from\"/*.pub '%s' && chmod 600 '%s'/*.key",
               set, set, name, set, name, r.keys, r.keys));
    run(format("cp -r '%s/%s' '%s' && chmod -R u+w '%s'", set, name, r.path, r.path));
    describe(&r, ATE_READ, "read");
    run(format("diff -r '%s/%s' '%s'", set, name, r.path)); /* and nothing was written */
    if (!strcmp(name, "mirror")) {
        (void)open_chain(&r, 0, ATE_READ_ONLY);
    } else {
        describe(&r, 0, "write");
        if (!golden_is_centralized(name)) /* which its server alone does */
            go_on(&r);
    }
    print_message("%s\n", name);
}

static void test_read(void **state)
{
    (void)state;
    static char numbers[SETS_MAX][64], names[NAMES_MAX][64];
    size_t set_count = names_in(sets, is_set, numbers), chains = 0;
    for (size_t i = 0; i < set_count; i++) {
        char set[1100];
        snprintf(set, sizeof set, "%s/%s", sets, numbers[i]);
        size_t count = names_in(set, is_text, names);
        for (size_t n = 0; n < count; n++, chains++) {
            names[n][strlen(names[n]) - 4] = 0;
            read_chain(set, names[n]);
        }
    }
    assert_true(chains >= GOLDEN_CHAINS);
}

/* ---- proofs, without the chain ---- */

static char *text_of(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = malloc(1 << 16);
    assert_true(f && text);
    size_t n = fread(text, 1, (1 << 16) - 1, f);
    assert_true(n && feof(f) && !fclose(f));
    text[n] = 0;
    return text;
}

static void test_proofs(void **state)
{
    (void)state;
    const struct {
        const char *chain, *suffix;
        enum ate_proof_kind kind;
        uint64_t size, older, sequence;
        int by_keys, by_root; /* checked with the log keys in force at the end; of the genesis */
    } rows[] = {
        {"1/proved", "checkpoint", ATE_PROOF_CHECKPOINT, 6, 0, 0, 0, ATE_UNTRUSTED},
        {"1/proved", "old.tlog-proof", ATE_PROOF_INCLUSION, 6, 0, 3, 0, 0},
        {"1/proved", "tlog-proof", ATE_PROOF_INCLUSION, 14, 0, 9, 0, 0},
        {"1/proved", "consistency", ATE_PROOF_CONSISTENCY, 14, 6, 0, 0, 0},
        {"2/log-keys", "old.checkpoint", ATE_PROOF_CHECKPOINT, 2, 0, 0, ATE_UNTRUSTED,
         ATE_UNTRUSTED},
        {"2/log-keys", "checkpoint", ATE_PROOF_CHECKPOINT, 6, 0, 0, 0, ATE_UNTRUSTED},
        {"2/log-keys", "tlog-proof", ATE_PROOF_INCLUSION, 6, 0, 1, 0, ATE_UNTRUSTED},
        {"3/weak", "checkpoint", ATE_PROOF_CHECKPOINT, 10, 0, 0, 0, ATE_UNTRUSTED},
        {"3/weak", "tlog-proof", ATE_PROOF_INCLUSION, 10, 0, 1, 0, 0},
        {"3/strong", "checkpoint", ATE_PROOF_CHECKPOINT, 10, 0, 0, 0, ATE_UNTRUSTED},
        {"3/strong", "tlog-proof", ATE_PROOF_INCLUSION, 10, 0, 1, 0, 0},
        {"3/edwards", "checkpoint", ATE_PROOF_CHECKPOINT, 10, 0, 0, 0, ATE_UNTRUSTED},
        {"3/edwards", "tlog-proof", ATE_PROOF_INCLUSION, 10, 0, 1, 0, 0},
        {"3/mldsa", "checkpoint", ATE_PROOF_CHECKPOINT, 10, 0, 0, 0, ATE_UNTRUSTED},
        {"3/mldsa", "tlog-proof", ATE_PROOF_INCLUSION, 10, 0, 1, 0, 0},
        {"3/sha3", "checkpoint", ATE_PROOF_CHECKPOINT, 10, 0, 0, 0, ATE_UNTRUSTED},
        {"3/sha3", "tlog-proof", ATE_PROOF_INCLUSION, 10, 0, 1, 0, 0},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        char *keys = text_of(format("%s/%s.log-keys", sets, rows[i].chain));
        char *text = text_of(format("%s/%s.%s", sets, rows[i].chain, rows[i].suffix));
        const char *owner = format("%s/%s.keys/owner.pub", sets, rows[i].chain);
        if (access(owner, R_OK))
            owner = format("%s/1/owner.pub", sets); /* the same in each set */
        const struct ate_proof_conf by_keys = {.log_keys = keys}, by_root = {.root = owner};
        struct ate_proved p = {.kind = rows[i].kind};
        print_message("%s.%s\n", rows[i].chain, rows[i].suffix);
        int rc = ate_check_proof(text, NULL, &by_root, &p);
        assert_int_equal(rc, rows[i].by_root);
        rc = ate_check_proof(text, NULL, &by_keys, &p);
        assert_int_equal(rc, rows[i].by_keys);
        if (!rc) {
            assert_true(p.kind == rows[i].kind && p.head.size == rows[i].size);
            assert_true(p.kind != ATE_PROOF_CONSISTENCY || p.older.size == rows[i].older);
            assert_true(p.kind != ATE_PROOF_INCLUSION || p.sequence == rows[i].sequence);
        }
        free(text);
        free(keys);
    }
}

/* ---- what this version makes ---- */

static char kept[1100], made[1000];
static unsigned compared, made_set;

/* A chain, or what is beside it, whose bytes depend on more than on us; or one whose story this
 * version writes otherwise, in a later set. */
static bool varies(const char *relative)
{
    for (unsigned i = 0; i < GOLDEN_CHAINS; i++) {
        size_t n = strlen(golden_chains[i].name);
        if ((golden_chains[i].varies || golden_chains[i].set > made_set) &&
            !strncmp(relative + 1, golden_chains[i].name, n) && strchr("/.", relative[1 + n]))
            return true;
    }
    return false;
}

static uint8_t *bytes_of(const char *path, size_t *ret_size)
{
    enum { LARGEST = 1 << 20 };
    FILE *f = fopen(path, "r");
    uint8_t *bytes = calloc(1, LARGEST); /* zeros behind the file */
    if (!f || !bytes)
        fail_msg("%s: it is not there", path);
    *ret_size = fread(bytes, 1, LARGEST, f);
    assert_true(*ret_size < LARGEST && !fclose(f));
    return bytes;
}

/* How many zeros there are behind what was written, as room for more, is no part of a format. */
static int compare_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    const char *suffix = strrchr(path, '.');
    const char *other = format("%s%s", made, path + strlen(kept));
    size_t size, other_size;
    (void)st;
    (void)at;
    if (kind != FTW_F || (suffix && !strcmp(suffix, ".txt")) || varies(path + strlen(kept)))
        return 0;
    uint8_t *then = bytes_of(path, &size), *now = bytes_of(other, &other_size);
    bool segment = suffix && !strcmp(suffix, ".seg");
    if ((!segment && size != other_size) || memcmp(then, now, ate__max(size, other_size)))
        fail_msg("this version makes another %s: see README.md beside it", path);
    compared++;
    free(then);
    free(now);
    return 0;
}

static int count_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)at;
    if (kind == FTW_F && !varies(path + strlen(made)) && !compared--)
        fail_msg("this version makes files that are not kept, such as %s", path);
    return 0;
}

static void make_set(unsigned set)
{
    snprintf(kept, sizeof kept, "%s/%u", sets, set);
    snprintf(made, sizeof made, "%s", tmpdir_new());
    golden_make_keys(made);
    for (unsigned i = 0; i < GOLDEN_CHAINS; i++)
        if (golden_chains[i].set == set)
            golden_make(&golden_chains[i], made);
    compared = 0;
    made_set = set;
    assert_int_equal(nftw(kept, compare_file, 8, FTW_PHYS), 0);
    assert_true(compared > 2 * GOLDEN_KEYS);
    assert_int_equal(nftw(made, count_file, 8, FTW_PHYS), 0);
}

/* All of what a set had may have moved to later ones. */
static bool has_stories(unsigned set)
{
    for (unsigned i = 0; i < GOLDEN_CHAINS; i++)
        if (golden_chains[i].set == set)
            return true;
    return false;
}

static void test_made_the_same(void **state)
{
    (void)state;
    golden_still_openssl();
    for (unsigned set = 1; set <= GOLDEN_SETS; set++)
        if (has_stories(set))
            make_set(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_made_the_same),
    };
    return cmocka_run_group_tests_name("golden", tests, set_up, NULL);
}
