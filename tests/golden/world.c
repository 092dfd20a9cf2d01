/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * world.c: the disk, the clock and the keys of the golden chains; and from that disk to a real one.
 */
#include "chain/local.h"
#include "golden.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const golden_keys[GOLDEN_KEYS] = {"owner", "second", "reader", "stranger"};

static size_t ask(void *arg, const char *key_file, unsigned attempt, char *ret_password,
                  size_t capacity)
{
    static const char password[] = "a golden password";
    (void)arg;
    (void)key_file;
    assert_true(!attempt && capacity >= sizeof password);
    memcpy(ret_password, password, sizeof password - 1);
    return sizeof password - 1;
}
const struct ate_password golden_password = {.ask = ask};

/* kit NULL: as in each set. */
static struct ate__key *key_of(const struct golden_kit *kit, unsigned n, const char *label)
{
    struct ate__key32 seed = {{0}};
    struct ate__key *key, *half;
    struct ate__key_form form = ate__key_form_of_strength(192);
    uint8_t secret[ATE__KEY_SECRET_MAX];
    memset(&seed, (kit ? 0x61 : 0x41) + (int)n, sizeof seed);
    if (kit)
        ok(ate__key_form_parse(ate__text_bytes(kit->key[n].form), &form));
    ok(ate__key_make(&form, &seed, label, &key));
    if (!kit || kit->key[n].holds == ATE__KEY_ALL)
        return key;
    size_t size = ate__key_secret(key, kit->key[n].holds, secret);
    ok(ate__key_of_secret(ate__buf_bytes(&key->public_key), kit->key[n].holds,
                          ate__bytes(secret, size), label, &half));
    ate__key_free(key);
    return half;
}

static void write_file(const char *path, struct ate_bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    for (size_t at = 0; at < bytes.size;) {
        ssize_t n = write(fd, (const uint8_t *)bytes.data + at, bytes.size - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_int_equal(close(fd), 0);
}

static char *path_of(const char *dir, const char *name, const char *suffix)
{
    char *path;
    if (asprintf(&path, "%s/%s%s", dir, name, suffix) < 0)
        fail_msg("out of memory");
    return path;
}

/* What is random in a file that is sealed is so of the number of its key. */
static void encode_key(const struct golden_kit *kit, unsigned n, const struct ate__key *key,
                       struct ate__secret *text)
{
    struct simenv sim;
    char password[ATE__PASSWORD_MAX];
    if (!kit || !kit->key[n].sealed) {
        ok(ate__key_encode(key, text));
        return;
    }
    simenv_init(&sim, n, NULL);
    size_t size = ask(NULL, "", 0, password, sizeof password);
    ok(ate__key_encode_sealed(key, key->holds, &sim.env, ate__bytes(password, size), text));
    simenv_deinit(&sim);
}

static void make_keys(const struct golden_kit *kit, const char *to)
{
    for (unsigned i = 0; i < GOLDEN_KEYS; i++) {
        struct ate__key *key = key_of(kit, i, golden_keys[i]);
        struct ate__secret text = {0};
        struct ate__buf half = ATE__BUF_NULL;
        char *of_key = path_of(to, golden_keys[i], ".key");
        char *of_half = path_of(to, golden_keys[i], ".pub");
        encode_key(kit, i, key, &text);
        write_file(of_key, ate__bytes(text.data, text.size));
        ok(ate__public_key_encode(ate__buf_bytes(&key->public_key), key->label, &half));
        write_file(of_half, ate__buf_bytes(&half));
        ate__secret_deinit(&text);
        ate__buf_deinit(&half);
        ate__key_free(key);
        free(of_key);
        free(of_half);
    }
}

void golden_make_keys(const char *to)
{
    make_keys(NULL, to);
}

/* Without labels, unless it says so: versions before those that seal them made sets 1 and 2. */
static const char *label_of(const struct golden_chain *chain, unsigned key)
{
    return chain->labels ? golden_keys[key] : NULL;
}

static struct ate_session *session_of(const struct golden_chain *chain, const unsigned *keys,
                                      size_t count)
{
    struct ate_session *s;
    ok(ate__session_new(&s));
    for (size_t i = 0; i < count; i++)
        ok(ate__session_add(s, key_of(chain->kit, keys[i], label_of(chain, keys[i]))));
    return s;
}

static void let_know(const struct golden_chain *chain, struct ate_session *s)
{
    for (unsigned i = 0; i < GOLDEN_KEYS; i++) {
        struct ate__key *key = key_of(chain->kit, i, label_of(chain, i));
        ok(ate__session_add_labelled(s, ate__buf_bytes(&key->public_key), key->label));
        ate__key_free(key);
    }
}

static void begin(struct golden *g, const struct golden_chain *chain)
{
    uint64_t seed = 0;
    for (const char *c = chain->name; *c; c++)
        seed = seed * 31 + (uint8_t)*c;
    *g = (struct golden){.name = chain->name, .of = chain, .disk = simdisk_new(seed)};
    snprintf(g->place, sizeof g->place, "/%c/%s", chain->copy || chain->mirror ? 's' : 'c',
             g->name);
    simdisk_mkdir(g->disk, "/c");
    simdisk_mkdir(g->disk, "/s");
    simenv_init(&g->sim, seed, simdisk_vfs(g->disk));
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        g->session[i] = session_of(chain, &i, 1);
    g->both = session_of(chain, (const unsigned[]){OWNER, SECOND}, 2);
}

static void end(struct golden *g)
{
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        ate_session_close(g->session[i]);
    ate_session_close(g->both);
    simenv_deinit(&g->sim);
    simdisk_free(g->disk);
}

/* ---- a server in small ---- */

static struct ate_hash proved[2];
static void (*local_offer)(struct ate__pipe *p, struct ate__offer *offer);

static void offer_proved(struct ate__pipe *p, struct ate__offer *offer)
{
    offer->proved = proved;
    offer->proved_count = ATE__COUNT_OF(proved);
    local_offer(p, offer);
}

static int host_key(void *arg, bool make, struct ate__host_key **ret_key)
{
    (void)arg, (void)make;
    return ate__host_key_new(&(struct ate__key32){{7}}, ret_key);
}

static void attest(struct golden *g, struct ate__pipe *pipe)
{
    static struct ate__pipe_vtable attesting;
    proved[0] = golden_fingerprint(g, OWNER);
    proved[1] = golden_fingerprint(g, SECOND);
    attesting = *pipe->v;
    local_offer = attesting.offer;
    attesting.offer = offer_proved;
    pipe->v = &attesting;
}

bool golden_is_centralized(const char *path)
{
    static const char name[] = "central";
    size_t n = strlen(path), size = sizeof name - 1;
    return n >= size && !strcmp(path + n - size, name);
}

void golden_open(struct golden *g, unsigned flags, struct ate_bytes options)
{
    struct ate__local_conf conf = {.chain = {.env = &g->sim.env, .host_key = host_key},
                                   .genesis = g->of->genesis};
    struct ate__pipe *pipe;
    conf.genesis.options = options;
    ok(ate__local_open(&conf, g->place, g->session[OWNER], flags, &pipe));
    if (g->of->genesis.centralized)
        attest(g, pipe);
    ok(ate__dio_new(pipe, g->session[OWNER], -1, 1 << 20, &g->dio));
    g->chain = (struct ate_chain){.dio = g->dio,
                                  .pipe = pipe,
                                  .session = g->session[OWNER],
                                  .name = g->place + 2,
                                  .place = g->place};
    atomic_init(&g->chain.refs, 1);
    /* Not before: who makes a chain lets all in that the session knows. */
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        let_know(g->of, g->session[i]);
    let_know(g->of, g->both);
}

void golden_close(struct golden *g)
{
    ate__dio_unref(g->dio);
    g->dio = NULL;
}

void golden_kill(struct golden *g)
{
    struct simdisk *next = simdisk_clone(g->disk);
    simdisk_stop(g->disk, 0);
    golden_close(g);
    simdisk_free(g->disk);
    g->disk = next;
    g->sim.env.vfs = simdisk_vfs(next);
}

void golden_text(struct golden *g, const char *suffix, char *take_text)
{
    char path[80];
    snprintf(path, sizeof path, "/%s%s", g->name, suffix);
    simdisk_put(g->disk, path, take_text, strlen(take_text));
    ate_free(take_text);
}

struct ate_hash golden_fingerprint(const struct golden *g, unsigned key)
{
    return ate_session_fingerprint(g->session[key]);
}

struct ate_txn *golden_begin(struct golden *g, struct ate_session *as)
{
    struct ate_txn *t;
    ok(ate__txn_begin(g->dio, as, 0, &t));
    return t;
}

void golden_commit(struct ate_txn *t, struct golden *g)
{
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    simenv_pass_ms(&g->sim, 1000);
}

/* ---- to the real disk ---- */

struct copy {
    struct simdisk *disk;
    const char *from, *to;
};

/* `reserve` is room on the disk, in which nothing is ever read. */
static void copy_entry(void *arg, const char *name, bool is_dir, uint64_t size)
{
    const struct copy *c = arg;
    char *from = path_of(strcmp(c->from, "/") ? c->from : "", name, "");
    char *to = path_of(c->to, name, "");
    (void)size;
    if (!strcmp(name, "reserve")) {
        free(from);
        free(to);
        return;
    }
    if (is_dir) {
        struct copy below = {c->disk, from, to};
        assert_int_equal(mkdir(to, 0755), 0);
        simdisk_each(c->disk, from, copy_entry, &below);
    } else {
        size_t n;
        uint8_t *bytes = simdisk_get(c->disk, from, &n);
        write_file(to, ate__bytes(bytes, n));
        free(bytes);
    }
    free(from);
    free(to);
}

void golden_make(const struct golden_chain *chain, const char *to)
{
    struct golden g;
    struct copy chains, beside;
    begin(&g, chain);
    chain->make(&g);
    assert_null(g.dio);
    chains = (struct copy){g.disk, "/c", to};
    simdisk_each(g.disk, "/c", copy_entry, &chains);
    simdisk_unlink(g.disk, "/c");
    simdisk_unlink(g.disk, "/s");
    beside = (struct copy){g.disk, "/", to};
    simdisk_each(g.disk, "/", copy_entry, &beside);
    end(&g);
    if (chain->kit) {
        char *keys = path_of(to, chain->name, ".keys");
        assert_int_equal(mkdir(keys, 0755), 0);
        make_keys(chain->kit, keys);
        free(keys);
    }
}
