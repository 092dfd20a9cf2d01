/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Chains in directories: made, found, refused; a creation that was cut short.
 */
#include "chain/local.h"
#include "base/alloc.h"
#include "chain/create.h"
#include "kit.h"
#include "lib/heap.h"

static struct kit kit; /* the disk and the clock */
static struct ate_session *session;

static void begin(void)
{
    struct ate__key32 seed = {{7}};
    struct ate__key *key;
    kit_init(&kit, 61);
    kit_ok(ate__session_new(&session));
    kit_ok(ate__key_of_seed(&seed, NULL, &key));
    kit_ok(ate__session_add(session, key));
}

static void end(void)
{
    ate__session_unref(session);
    kit_deinit(&kit);
}

static struct ate__local_conf conf(void)
{
    return (struct ate__local_conf){.chain.env = &kit.sim.env};
}

static int open_at(const char *path, unsigned flags, struct ate__pipe **ret_pipe)
{
    struct ate__local_conf c = conf();
    return ate__local_open(&c, path, session, flags, ret_pipe);
}

static void close_pipe(struct ate__pipe *p)
{
    p->v->unref(p);
}

static void made_and_found(void **state)
{
    (void)state;
    struct ate__pipe *p, *q;
    begin();
    assert_int_equal(open_at("/c/notes", 0, &p), ATE_NOT_FOUND);
    assert_false(simdisk_exists(kit.disk, "/c/notes"));
    kit_ok(open_at("/c/notes", ATE__STORAGE_CREATE, &p));
    assert_true(p->v->created(p));
    assert_false(p->thin);
    struct ate_bytes name = ate__trust_genesis(p->v->trust(p))->name;
    assert_int_equal(name.size, 6);
    assert_memory_equal(name.data, "/notes", 6);
    assert_false(p->v->read_only(p));
    struct ate__storage_damage damage;
    assert_false(p->v->damage(p, &damage));
    struct ate_hash id = *ate__trust_chain_id(p->v->trust(p));
    assert_int_equal(open_at("/c/notes", 0, &q), ATE_IN_USE);
    /* Beside the writer one sees what is known to be durable: transaction 0 is not yet, to him. */
    assert_int_equal(open_at("/c/notes", ATE__STORAGE_READ, &q), ATE_NOT_FOUND);
    kit.chain = ate__local_chain(p);
    kit.chain_id = id;
    struct draft d;
    kit_begin(&kit, &d);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    d.signer[d.signer_count++] = kit_key(1);
    kit_ok(kit_commit(&kit, &d));
    draft_deinit(&d);
    kit.chain = NULL;
    kit_ok(open_at("/c/notes", ATE__STORAGE_READ, &q));
    assert_true(q->v->read_only(q));
    assert_true(ate__view_published(ate__chain_view(ate__local_chain(q))) == 1);
    close_pipe(q);
    p->v->ref(p);
    close_pipe(p);
    close_pipe(p);
    kit_ok(open_at("/c/notes/", ATE__STORAGE_CREATE, &p)); /* it is there: opened */
    assert_false(p->v->created(p));
    assert_memory_equal(ate__trust_chain_id(p->v->trust(p)), &id, sizeof id);
    close_pipe(p);
    end();
}

static void names(void **state)
{
    (void)state;
    static const char *const bad[] = {"/c/.hidden", "/c/+own", "/c/-x", "/c/a,b",
                                      "/c/a b",     "/",       "//",    "/c/."};
    struct ate__pipe *p;
    begin();
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        uint64_t digest = simdisk_digest(kit.disk);
        int rc = open_at(bad[i], ATE__STORAGE_CREATE, &p);
        if (rc != ATE_MALFORMED)
            fail_msg("%s: %s: %s", bad[i], ate__result_name(rc), ate__error_text());
        assert_true(simdisk_digest(kit.disk) == digest);
    }
    char longest[400] = "/c/";
    memset(longest + 3, 'x', 256);
    assert_int_equal(open_at(longest, ATE__STORAGE_CREATE, &p), ATE_MALFORMED);
    longest[3 + 255] = 0;
    kit_ok(open_at(longest, ATE__STORAGE_CREATE, &p));
    close_pipe(p);
    assert_int_equal(open_at("/nowhere/notes", ATE__STORAGE_CREATE, &p), ATE_NOT_FOUND);
    /* A name given by the caller need not be the directory's. */
    struct ate__local_conf c = conf();
    c.name = "/example.com/joe/notes";
    kit_ok(ate__local_open(&c, "/c/here", session, ATE__STORAGE_CREATE, &p));
    struct ate_bytes name = ate__trust_genesis(p->v->trust(p))->name;
    assert_memory_equal(name.data, c.name, name.size);
    close_pipe(p);
    c.name = "not a path";
    assert_int_equal(ate__local_open(&c, "/c/there", session, ATE__STORAGE_CREATE, &p),
                     ATE_MALFORMED);
    end();
}

static void keys(void **state)
{
    (void)state;
    struct ate__pipe *p;
    struct ate_session *none;
    struct ate__local_conf c = conf();
    begin();
    kit_ok(ate__session_new(&none));
    assert_int_equal(ate__local_open(&c, "/c/notes", NULL, ATE__STORAGE_CREATE, &p), ATE_NO_KEY);
    assert_int_equal(ate__local_open(&c, "/c/notes", none, ATE__STORAGE_CREATE, &p), ATE_NO_KEY);
    kit_ok(ate__session_add_public(none, ate__buf_bytes(&kit_key(1)->public_key)));
    assert_int_equal(ate__local_open(&c, "/c/notes", none, ATE__STORAGE_CREATE, &p), ATE_NO_KEY);
    kit_ok(open_at("/c/notes", ATE__STORAGE_CREATE, &p));
    close_pipe(p);
    kit_ok(ate__local_open(&c, "/c/notes", NULL, 0, &p)); /* opening needs none */
    close_pipe(p);
    ate__session_unref(none);
    end();
}

static void in_memory(void **state)
{
    (void)state;
    struct ate__pipe *p;
    struct ate__local_conf c = conf();
    begin();
    c.memory = true;
    uint64_t digest = simdisk_digest(kit.disk);
    assert_int_equal(ate__local_open(&c, "/c/notes", session, 0, &p), ATE_NOT_FOUND);
    kit_ok(ate__local_open(&c, "/c/notes", session, ATE__STORAGE_CREATE, &p));
    assert_true(p->v->created(p));
    close_pipe(p);
    assert_true(simdisk_digest(kit.disk) == digest);
    end();
}

/* As a server does it: a directory that it made, a genesis that a client sent. */
static void by_handle(void **state)
{
    (void)state;
    const struct ate__vfs *vfs = simdisk_vfs(kit.disk);
    struct ate__local_conf c = conf();
    struct ate__dir *dir;
    struct ate__pipe *p;
    begin();
    vfs = simdisk_vfs(kit.disk);
    c = conf();
    struct ate_bytes genesis = ate__bytes(kit.genesis, kit.genesis_size);
    kit_ok(vfs->open_dir(kit.root, "hosted", true, &dir));
    assert_int_equal(ate__local_open_dir(&c, dir, 0, &p), ATE_NOT_FOUND);
    assert_int_equal(ate__local_create(&c, dir, ate__bytes(genesis.data, genesis.size - 1), &p),
                     ATE_MALFORMED);
    kit_ok(ate__local_create(&c, dir, genesis, &p));
    assert_true(p->v->created(p));
    assert_memory_equal(ate__trust_chain_id(p->v->trust(p)), &kit.chain_id, 32);
    close_pipe(p);
    assert_int_equal(ate__local_create(&c, dir, genesis, &p), ATE_EXISTS);
    kit_ok(ate__local_open_dir(&c, dir, ATE__STORAGE_READ, &p));
    close_pipe(p);
    kit_ok(ate__local_open_dir(&c, dir, 0, &p));
    close_pipe(p);
    vfs->close_dir(dir);
    end();
}

static unsigned calls_left; /* for randomness, until the rival comes */
static int rivals_result;

static void random_and_rival(void *user, void *to, size_t size)
{
    struct ate__pipe *p;
    if (calls_left && !--calls_left &&
        !(rivals_result = open_at("/c/notes", ATE__STORAGE_CREATE, &p)))
        close_pipe(p);
    kit.sim.env.random(user, to, size);
}

/* Two make the same chain: whoever is later opens the other's, whenever that came. */
static void made_by_two(void **state)
{
    (void)state;
    struct ate__pipe *p;
    unsigned later = 0;
    for (unsigned n = 1, more = 1; more; n++) {
        begin();
        struct ate__env env = kit.sim.env;
        struct ate__local_conf c = {.chain.env = &env};
        env.random = random_and_rival;
        calls_left = n;
        rivals_result = -1;
        kit_ok(ate__local_open(&c, "/c/notes", session, ATE__STORAGE_CREATE, &p));
        more = !calls_left;
        calls_left = 0;
        assert_true(p->v->created(p) == (rivals_result != 0));
        later += !rivals_result;
        close_pipe(p);
        end();
    }
    assert_true(later > 1);
}

static int open_on(struct kit *k, unsigned flags, struct ate__pipe **ret_pipe)
{
    struct ate__local_conf c = {.chain.env = &k->sim.env};
    return ate__local_open(&c, "/c/notes", session, flags, ret_pipe);
}

/* The next attempt stops as well, at its n-th call; the one after that goes through. Returns
 * whether it stopped. */
static bool cut_short_again(uint64_t seed, uint64_t n)
{
    struct ate__pipe *p;
    struct kit k, l;
    kit_take(&k, &kit, simdisk_crash(kit.disk, seed), seed);
    simdisk_stop(k.disk, n);
    int rc = open_on(&k, ATE__STORAGE_CREATE, &p);
    bool stopped = simdisk_stopped(k.disk);
    if (!rc)
        close_pipe(p);
    kit_take(&l, &k, simdisk_crash(k.disk, n), seed);
    kit_ok(open_on(&l, ATE__STORAGE_CREATE, &p));
    close_pipe(p);
    kit_deinit(&k);
    kit_deinit(&l);
    return stopped;
}

/* The machine stops at every call that changes the disk, and loses power: what was begun is no
 * chain, or the whole of it; in both cases creating goes through. */
static void cut_short(void **state)
{
    (void)state;
    unsigned begun = 0, whole = 0, again = 0;
    for (uint64_t n = 1;; n++) {
        struct ate__pipe *p;
        begin();
        simdisk_stop(kit.disk, n);
        int rc = open_at("/c/notes", ATE__STORAGE_CREATE, &p);
        bool stopped = simdisk_stopped(kit.disk);
        if (!rc)
            close_pipe(p);
        for (uint64_t seed = 1; stopped && seed < 4; seed++) {
            struct kit k;
            kit_take(&k, &kit, simdisk_crash(kit.disk, seed), seed);
            int found = open_on(&k, 0, &p);
            if (found && (found != ATE_NOT_FOUND || !rc))
                fail_msg("call %llu: %s: %s", (unsigned long long)n, ate__result_name(found),
                         ate__error_text());
            if (!found)
                close_pipe(p);
            found ? begun++ : whole++;
            kit_ok(open_on(&k, ATE__STORAGE_CREATE, &p));
            assert_true(p->v->created(p) == (found != 0));
            close_pipe(p);
            kit_ok(open_on(&k, 0, &p));
            close_pipe(p);
            kit_deinit(&k);
        }
        for (uint64_t m = 1; stopped && cut_short_again(n, m); m++)
            again++;
        end();
        if (!stopped)
            break;
    }
    print_message("%u begun, %u whole, %u cut short again\n", begun, whole, again);
    assert_true(begun && whole);
}

/* ---- memory ---- */

static int create_in_memory(void *arg)
{
    struct ate__local_conf c = conf();
    struct ate__pipe *p;
    c.memory = true;
    int rc = ate__local_open(&c, arg, session, ATE__STORAGE_CREATE, &p);
    if (!rc)
        close_pipe(p);
    return rc;
}

static int open_on_disk(void *arg)
{
    struct ate__pipe *p;
    int rc = open_at(arg, 0, &p);
    if (!rc)
        close_pipe(p);
    return rc;
}

/* The session is made within, as its memory is the library's. */
static int with_session(int (*call)(void *arg))
{
    int rc = ate__session_new(&session);
    struct ate__key32 seed = {{7}};
    struct ate__key *key;
    if (!rc) {
        rc = ate__key_of_seed(&seed, NULL, &key);
        if (!rc)
            rc = ate__session_add(session, key);
        if (!rc)
            rc = call("/c/notes");
        ate__session_unref(session);
    }
    session = NULL;
    return rc;
}

static int create_within(void *arg)
{
    (void)arg;
    return with_session(create_in_memory);
}

static int open_within(void *arg)
{
    (void)arg;
    return with_session(open_on_disk);
}

static void lack_of_memory(void **state)
{
    (void)state;
    struct ate__pipe *p;
    begin();
    kit_ok(open_at("/c/notes", ATE__STORAGE_CREATE, &p));
    close_pipe(p);
    ate__session_unref(session);
    session = NULL;
    uint64_t made = heap_sweep(create_within, NULL, true);
    uint64_t opened = heap_sweep(open_within, NULL, true);
    print_message("%llu and %llu allocations\n", (unsigned long long)made,
                  (unsigned long long)opened);
    end();
}

static unsigned done_calls;

static void count_done(struct ate__offer *offer)
{
    (void)offer;
    done_calls++;
}

/* Where a group's own write meets the full disk, who waits is told what came of it. */
static void full_in_the_midst_of_a_write(void **state)
{
    (void)state;
    static char text[3000];
    struct ate__pipe *p;
    int rc = 0;
    memset(text, 'x', sizeof text - 1);
    begin();
    simdisk_set_copy_on_write(kit.disk, true);
    struct ate__local_conf c = conf();
    kit_ok(ate__local_create(&c, kit.root, ate__bytes(kit.genesis, kit.genesis_size), &p));
    simdisk_limit(kit.disk, simdisk_used(kit.disk) + 30000);
    for (unsigned n = 1; !rc && n < 100; n++) {
        struct ate__snapshot *snapshot;
        struct draft d;
        kit_ok(p->v->begin(p, &snapshot));
        draft_init(&d, &kit.chain_id);
        d.in.id.number = n;
        p->v->head(snapshot, &d.in.base_size, &d.in.base_root);
        draft_text(&d, id_of(n), NULL, text);
        p->v->end(snapshot);
        struct ate__offer offer = {
            .encoded = draft_encode(&d), .waits = true, .timeout_ms = -1, .done = count_done};
        p->v->wait(p, &offer);
        assert_int_equal(done_calls, n);
        rc = offer.result;
        draft_deinit(&d);
    }
    assert_int_equal(rc, ATE_E_NO_SPACE);
    close_pipe(p);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_found),
        cmocka_unit_test(names),
        cmocka_unit_test(keys),
        cmocka_unit_test(in_memory),
        cmocka_unit_test(by_handle),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(lack_of_memory),
        cmocka_unit_test(made_by_two),
        cmocka_unit_test(full_in_the_midst_of_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
