/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while the small files are written that remember:
 * a head, the newest checkpoint of a server, evidence of a fork, beside each other; and the last
 * checkpoint that was signed in a chain's directory.
 *
 * On each disk that a power loss may leave, each of them is as it was when its last write was
 * acknowledged, or as the write under way will leave it; so nothing that anybody was told of is
 * lost.
 *
 * Arguments and environment: point.h. */
#include "api/api.h"
#include "chain/signed.h"
#include "point.h"
#include "unit/chain/kit.h"
#include <stdlib.h>

enum { SCRIPTS = 12, SEEDS_EACH = 6, IMAGES_MIN = 2000, FILES = 3, WRITES = 24, ROOM = 1 << 16 };

static uint64_t points, olds, news;

/* ---- what a client remembers ---- */

static const char *const names[FILES] = {"/s/heads/h", "/s/heads/h.checkpoint", "/s/heads/h.fork"};

struct content {
    char bytes[ROOM];
    size_t size;
};
struct memory {
    struct simdisk *disk;
    uint64_t script;
    struct content acknowledged[FILES], written[FILES]; /* size 0: none */
};

static void read_all(struct simdisk *disk, const char *path, struct content *ret)
{
    const struct ate__vfs *vfs = simdisk_vfs(disk);
    struct ate__dir *dir;
    struct ate__file *file;
    ret->size = 0;
    kit_ok(vfs->open_root(vfs->user, "/s/heads", &dir));
    int rc = vfs->open(dir, strrchr(path, '/') + 1, ATE__OPEN_READ, &file);
    if (!rc) {
        kit_ok(vfs->read(file, 0, ret->bytes, ROOM, &ret->size));
        vfs->close(file);
    } else {
        assert_int_equal(rc, ATE_NOT_FOUND);
    }
    vfs->close_dir(dir);
}

static bool same(const struct content *a, const struct content *b)
{
    return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

static void check_memory(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    static struct content found;
    const struct memory *m = arg;
    (void)seed;
    for (unsigned i = 0; i < FILES; i++) {
        read_all(take_disk, names[i], &found);
        bool old = same(&found, &m->acknowledged[i]), new = same(&found, &m->written[i]);
        assert_true(old || new);
        olds += old && !new;
        news += new && !old;
    }
    points++;
    simdisk_free(take_disk);
}

static void each_call(void *arg, uint64_t number)
{
    struct memory *m = arg;
    point_try("memory", m->script, number, m->disk, check_memory, m);
}

/* The next content: evidence grows, the others are something else. */
static void make(struct content *c, unsigned file, struct rnd *r)
{
    size_t more = 1 + rnd_below(r, 6000), from = file == 2 ? c->size : 0;
    more = from + more > ROOM ? ROOM - from : more;
    rnd_bytes(r, c->bytes + from, more);
    c->size = from + more;
}

static void memory_script(uint64_t seed)
{
    static struct memory m;
    struct rnd r = rnd_of(seed);
    m = (struct memory){.disk = simdisk_new(seed), .script = seed};
    simdisk_mkdir(m.disk, "/s/heads");
    simdisk_settle(m.disk);
    simdisk_watch(m.disk, each_call, &m);
    for (unsigned n = 0; n < WRITES; n++) {
        unsigned i = (unsigned)rnd_below(&r, FILES);
        make(&m.written[i], i, &r);
        kit_ok(ate__file_replace_on(simdisk_vfs(m.disk), names[i],
                                    ate__bytes(m.written[i].bytes, m.written[i].size)));
        m.acknowledged[i] = m.written[i];
    }
    simdisk_watch(m.disk, NULL, NULL);
    simdisk_free(m.disk);
}

/* ---- what was signed here last ---- */

struct signing {
    struct kit k;
    uint64_t script;
    struct ate__buf given; /* to somebody, last; empty: nothing was */
};
static struct ate__log_key *key;

static void check_signed(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct signing *s = arg;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint now, given;
    struct kit k;
    kit_take(&k, &s->k, take_disk, seed);
    int rc = ate__chain_signed(k.sim.env.vfs, k.root, &note);
    assert_true(!rc || (rc == ATE_NOT_FOUND && !s->given.size));
    if (s->given.size) {
        kit_ok(ate__checkpoint_parse(ate__buf_bytes(&note), &now));
        kit_ok(ate__checkpoint_parse(ate__buf_bytes(&s->given), &given));
        assert_true(now.size >= given.size);
        assert_true(now.size > given.size || ate__hash_equal(&now.root, &given.root));
    }
    kit_open_ok(&k, 0);
    if (!rc) { /* and all that was signed */
        kit_ok(ate__checkpoint_parse(ate__buf_bytes(&note), &now));
        kit_ok(ate__chain_check_checkpoint(k.chain, &now));
    }
    ate__buf_deinit(&note);
    kit_deinit(&k);
    points++;
}

static void each_signing_call(void *arg, uint64_t number)
{
    struct signing *s = arg;
    point_try("signed", s->script, number, s->k.disk, check_signed, s);
}

static void signing_script(uint64_t seed)
{
    struct signing s = {.script = seed};
    kit_init(&s.k, seed);
    kit_create_ok(&s.k);
    simdisk_settle(s.k.disk);
    simdisk_watch(s.k.disk, each_signing_call, &s);
    for (unsigned i = 1; i <= 4; i++) {
        struct ate__buf note = ATE__BUF_NULL;
        struct ate_hash root;
        uint64_t size;
        if (i > 1 || seed % 2)
            kit_put_ok(&s.k, i, "a text");
        ate__chain_head(s.k.chain, &size, &root);
        kit_ok(ate__chain_sign(s.k.chain, s.k.root, key, size, &root, &note));
        ate__buf_deinit(&s.given);
        s.given = note;
    }
    simdisk_watch(s.k.disk, NULL, NULL);
    ate__buf_deinit(&s.given);
    kit_deinit(&s.k);
}

/* ---- */

static void test_power_loss(void **state)
{
    (void)state;
    kit_ok(ate__log_key_of_seed(&(struct ate__key32){{1}}, &key));
    point_play("memory", memory_script);
    point_play("signed", signing_script);
    print_message("%llu crash points; of files being written %llu old, %llu new\n",
                  (unsigned long long)points, (unsigned long long)olds, (unsigned long long)news);
    if (!point_given())
        assert_true(olds && news);
    point_check_images();
    ate__log_key_free(key);
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
    };
    return cmocka_run_group_tests(tests, NULL, point_deinit);
}
