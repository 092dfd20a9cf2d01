/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server's life, and the chains below its directory.
 */
#include "hooked.h"
#include "kit.h"
#include "lib/tmpdir.h"
#include "lines.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct ate__server_conf logging_conf(const char *logs)
{
    struct ate__server_conf conf = kit_conf(logs);
    lines_begin(&conf);
    return conf;
}

static bool exists(const char *logs, const char *path)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", logs, path);
    return access(whole, F_OK) == 0;
}

static unsigned count_names(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* --- tests --- */

static void test_create_and_open(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = kit_conf(logs);
    struct ate__server *s = kit_start(&conf);
    struct kit_chain a = kit_chain_new("/example.com/joe/notes", false);
    struct kit_chain b = kit_chain_new("/example.com/joe/notes", false);
    struct kit_client *c = kit_connect(s);
    assert_int_equal(kit_open(c, 1, &a).size, 0);
    assert_int_equal(kit_error, ATE_NOT_FOUND);
    assert_int_equal(kit_create(c, 1, &a).size, 1);
    assert_int_equal(kit_open(c, 2, &a).size, 1);
    assert_false(kit_read_only);
    assert_true(exists(logs, "example.com/joe/notes/,chain"));
    assert_true(exists(logs, ",server/key"));
    /* The path is taken, whoever asks. */
    assert_int_equal(kit_create(c, 3, &a).size, 0);
    assert_int_equal(kit_error, ATE_EXISTS);
    assert_int_equal(kit_create(c, 3, &b).size, 0);
    assert_int_equal(kit_error, ATE_EXISTS);
    /* Chains nest. */
    struct kit_chain above = kit_chain_new("/example.com/joe", false);
    assert_int_equal(kit_create(c, 4, &above).size, 1);
    kit_close(c);
    ate__server_end(s);
    kit_chain_free(&a);
    kit_chain_free(&b);
    kit_chain_free(&above);
}

static int admit_joe(void *arg, const char *path, const struct ate_hash *root, const char *peer)
{
    assert_memory_equal(root, arg, sizeof *root);
    assert_non_null(strstr(peer, "127.0.0.1:"));
    return strncmp(path, "/joe/", 5) ? ate__fail(ATE_DENIED, "only below /joe") : 0;
}

static void test_who_may_create(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = logging_conf(logs);
    struct kit_chain joe = kit_chain_new("/joe/a", false), jim = kit_chain_new("/jim/a", false);
    conf.no_auth = false;
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    assert_int_equal(kit_create(c, 1, &joe).size, 0);
    assert_int_equal(kit_error, ATE_DENIED);
    assert_non_null(strstr(kit_error_text, "conf.no_auth"));
    kit_close(c);
    ate__server_end(s);
    assert_false(exists(logs, "joe"));

    conf.admit = admit_joe;
    conf.admit_arg = &joe.key->fingerprint;
    s = kit_start(&conf);
    c = kit_connect(s);
    assert_int_equal(kit_create(c, 1, &joe).size, 1);
    conf.admit_arg = &jim.key->fingerprint;
    kit_close(c);
    ate__server_end(s);
    s = kit_start(&conf);
    c = kit_connect(s);
    assert_int_equal(kit_create(c, 1, &jim).size, 0);
    assert_int_equal(kit_error, ATE_DENIED);
    assert_string_equal(kit_error_text, "only below /joe");
    assert_int_equal(kit_create(c, 1, &joe).size, 0);
    assert_int_equal(kit_error, ATE_EXISTS);
    kit_close(c);
    ate__server_end(s);
    assert_false(exists(logs, "jim"));
    assert_int_equal(lines_count("created /joe/a for 127.0.0.1:"), 1);
    assert_int_equal(lines_count("did not create /jim/a for 127.0.0.1:"), 1);
    kit_chain_free(&joe);
    kit_chain_free(&jim);
}

/* What is refused leaves nothing on the disk. */
static void test_bad_genesis(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = kit_conf(logs);
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct kit_chain chain = kit_chain_new("/a/b", true);
    struct kit_chain other = kit_chain_new("/a/b", true);
    snprintf(other.path, sizeof other.path, "/a/c");
    assert_int_equal(kit_create(c, 1, &other).size, 0);
    assert_int_equal(kit_error, ATE_WRONG_CHAIN);
    for (size_t at = 0; at < chain.genesis.size; at += 97) {
        chain.genesis.data[at] ^= 1;
        assert_int_equal(kit_create(c, 1, &chain).size, 0);
        assert_true(kit_error && kit_error != ATE_EXISTS);
        chain.genesis.data[at] ^= 1;
    }
    assert_false(exists(logs, "a"));
    assert_int_equal(kit_create(c, 1, &chain).size, 1);
    kit_close(c);
    ate__server_end(s);
    kit_chain_free(&chain);
    kit_chain_free(&other);
}

static void test_restart(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = kit_conf(logs);
    struct kit_chain chain = kit_chain_new("/a", true);
    struct ate_hash pin, pin_of;
    assert_int_equal(ate__server_pin_of(&ate__env_real, logs, &pin_of), 0);
    struct ate__head known = {.size = 0};
    for (unsigned n = 0; n < 3; n++) {
        struct ate__server *s = kit_start(&conf);
        pin = ate__server_pin(s);
        assert_memory_equal(&pin, &pin_of, sizeof pin);
        assert_int_equal(ate__server_pin_of(&ate__env_real, logs, &pin), 0); /* beside it */
        assert_memory_equal(&pin, &pin_of, sizeof pin);
        struct kit_client *c = kit_connect(s);
        struct ate__head head = n ? kit_open(c, 1, &chain) : kit_create(c, 1, &chain);
        assert_int_equal(head.size, n ? known.size : 1);
        if (!n)
            known = head;
        assert_memory_equal(&head.root, &known.root, sizeof head.root);
        kit_put_object(c, 1, &chain, &known, n);
        kit_close(c);
        ate__server_end(s);
    }
    struct stat st;
    char path[512];
    snprintf(path, sizeof path, "%s/,server/key", logs);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    kit_chain_free(&chain);
}

static void test_one_server(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = kit_conf(logs), other = kit_conf(tmpdir_new());
    struct ate__server *s = kit_start(&conf), *second;
    assert_int_equal(ate__server_start(&conf, &second), ATE_IN_USE);
    assert_non_null(strstr(ate__error_text(), logs));
    const char *port = strrchr(ate__server_address(s), ':');
    other.port = (uint16_t)strtoul(port + 1, NULL, 10);
    assert_int_equal(ate__server_start(&other, &second), ATE_IN_USE);
    other.port = 0;
    other.listen = "nowhere";
    assert_int_equal(ate__server_start(&other, &second), ATE_MALFORMED);
    other.listen = "0.0.0.0";
    other.no_wire_encryption = true;
    assert_int_equal(ate__server_start(&other, &second), ATE_MISUSE);
    ate__server_end(s);
    s = kit_start(&conf);
    ate__server_end(s);
    ate__server_end(NULL);
}

/* However many ask at once, a chain is opened once; and what is idle is closed. */
static void test_one_instance(void **state)
{
    (void)state;
    enum { CLIENTS = 20, CHAINS = 3, ROUNDS = 5 };
    struct ate__server_conf conf = logging_conf(tmpdir_new());
    struct kit_client *c[CLIENTS];
    struct kit_chain chain[CHAINS];
    conf.server_limits.idle_ms = 50;
    struct ate__server *s = kit_start(&conf);
    for (unsigned i = 0; i < CHAINS; i++) {
        char path[16];
        snprintf(path, sizeof path, "/c/%u", i);
        chain[i] = kit_chain_new(path, true);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        c[i] = kit_connect(s);
    for (unsigned i = 0; i < CHAINS; i++)
        assert_int_equal(kit_create(c[0], 10 + i, &chain[i]).size, 1);
    for (unsigned i = 0; i < CHAINS; i++)
        kit_send(c[0], ATE__MSG_CLOSE, 10 + i, ate__bytes(NULL, 0));
    lines_wait("closed /c/", CHAINS);
    unsigned fds = 0;
    for (unsigned n = 1; n <= ROUNDS; n++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            for (unsigned k = 0; k < CHAINS; k++) {
                struct ate__buf body = ATE__BUF_NULL;
                struct ate__wr w = ate__wr_of(&body);
                ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes(chain[k].path)});
                kit_send(c[i], ATE__MSG_OPEN, 1 + k, ate__buf_bytes(&body));
                ate__buf_deinit(&body);
            }
        for (unsigned i = 0; i < CLIENTS; i++)
            for (unsigned k = 0; k < CHAINS; k++) {
                struct kit_frame f = kit_receive(c[i]);
                assert_int_equal(f.type, ATE__MSG_OPENED);
                kit_frame_free(&f);
            }
        assert_int_equal(lines_count("opened /c/"), n * CHAINS);
        for (unsigned i = 0; i < CLIENTS; i++)
            for (unsigned k = 0; k < CHAINS; k++)
                kit_send(c[i], ATE__MSG_CLOSE, 1 + k, ate__bytes(NULL, 0));
        lines_wait("closed /c/", (n + 1) * CHAINS);
        if (n == 1)
            fds = count_names("/proc/self/fd");
        assert_true(count_names("/proc/self/fd") <= fds);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        kit_close(c[i]);
    ate__server_end(s);
    for (unsigned i = 0; i < CHAINS; i++)
        kit_chain_free(&chain[i]);
}

/* Many create the same path at once: one of them does. */
static void test_one_creator(void **state)
{
    (void)state;
    enum { CLIENTS = 10 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c[CLIENTS];
    struct kit_chain chain[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct ate__buf body = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&body);
        chain[i] = kit_chain_new("/same", true);
        c[i] = kit_connect(s);
        ate__msg_create_encode(&w, &(struct ate__msg_create){ate__text_bytes("/same"),
                                                             ate__buf_bytes(&chain[i].genesis)});
        kit_send(c[i], ATE__MSG_CREATE, 1, ate__buf_bytes(&body));
        ate__buf_deinit(&body);
    }
    unsigned created = 0, other = 0;
    struct ate_hash id = {{0}}, ids[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct kit_frame f = kit_receive(c[i]);
        struct ate__msg_exists m;
        if (f.type == ATE__MSG_OPENED) {
            created++;
            id = chain[i].id;
        } else {
            assert_int_equal(f.type, ATE__MSG_EXISTS);
            assert_int_equal(ate__msg_exists_decode(ate__buf_bytes(&f.body), &m), 0);
            ids[other++] = m.chain_id;
        }
        kit_frame_free(&f);
    }
    assert_int_equal(created, 1);
    for (unsigned i = 0; i < other; i++)
        assert_memory_equal(&ids[i], &id, sizeof id);
    for (unsigned i = 0; i < CLIENTS; i++) {
        kit_close(c[i]);
        kit_chain_free(&chain[i]);
    }
    ate__server_end(s);
}

static void flip(const char *logs, const char *path, long at)
{
    char whole[2048];
    snprintf(whole, sizeof whole, "%s/%s", logs, path);
    FILE *f = fopen(whole, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int byte = getc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    putc(byte ^ 1, f);
    fclose(f);
}

/* Finds the bytes in the files of a chain; gives the file's name and the place. */
static bool find_bytes(const char *logs, const char *chain, const void *bytes, size_t size,
                       char *ret_path, size_t path_size, long *ret_at)
{
    char folder[1024];
    static uint8_t data[1 << 20];
    bool found = false;
    snprintf(folder, sizeof folder, "%s/%s/,chain", logs, chain);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; !found && (e = readdir(dir));) {
        char whole[2048];
        snprintf(whole, sizeof whole, "%s/%s", folder, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(whole, "rb");
        size_t n = f ? fread(data, 1, sizeof data, f) : 0;
        if (f)
            fclose(f);
        const uint8_t *at = n ? memmem(data, n, bytes, size) : NULL;
        if (at) {
            int n_path = snprintf(ret_path, path_size, "%s/,chain/%s", chain, e->d_name);
            assert_true(n_path > 0 && (size_t)n_path < path_size);
            *ret_at = at - data;
            found = true;
        }
    }
    closedir(dir);
    return found;
}

static void test_damaged(void **state)
{
    (void)state;
    enum { PUTS = 10 };
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = logging_conf(logs);
    struct kit_chain chain = kit_chain_new("/d", true);
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct ate__head known = kit_create(c, 1, &chain);
    for (unsigned i = 0; i < PUTS; i++)
        kit_put_object(c, 1, &chain, &known, i);
    kit_close(c);
    ate__server_end(s);
    char path[512];
    long at = 0;
    struct ate_id id = kit_id(6);
    assert_true(find_bytes(logs, "d", id.b, sizeof id.b, path, sizeof path, &at));
    flip(logs, path, at);
    s = kit_start(&conf);
    c = kit_connect(s);
    struct ate__head head = kit_open(c, 1, &chain);
    assert_true(kit_read_only);
    assert_int_equal(head.size, 7); /* up to the damage */
    assert_true(lines_count("0 /d is damaged") == 1);
    struct kit_put put = {.object = kit_id(100)};
    struct ate__buf tx = kit_put(&chain, &head, &put, NULL);
    kit_commit(c, 1, 1, &head, ate__buf_bytes(&tx));
    assert_int_equal(kit_rejected(c, 1), ATE_READ_ONLY);
    struct kit_follow f;
    kit_follow_init(&f);
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    assert_int_equal(kit_subscribed(c).size, 7);
    kit_follow_to(c, &f, 7);
    /* Who saw more is told. */
    assert_int_equal(kit_open(c, 2, &chain).size, 7);
    kit_subscribe(c, 2, &known);
    assert_int_equal(kit_subscribed(c).size, 0);
    assert_int_equal(kit_error, ATE_ROLLED_BACK);
    kit_close(c);
    ate__server_end(s);
    ate__buf_deinit(&tx);
    kit_chain_free(&chain);
}

/* The limits of who may create what, which a restart does not forget. */
static void test_quota(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct kit_chain chain[4];
    assert_int_equal(ate__server_limit_set(&conf, "create-chains", 2), 0);
    assert_int_equal(ate__server_limit_set(&conf, "create-bytes", 100000), 0);
    for (unsigned i = 0; i < 4; i++) {
        char path[16];
        snprintf(path, sizeof path, "/q%u", i);
        chain[i] = kit_chain_new(path, true);
    }
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct ate__head known = kit_create(c, 1, &chain[0]);
    assert_int_equal(known.size, 1);
    assert_int_equal(kit_create(c, 2, &chain[1]).size, 1);
    assert_int_equal(kit_create(c, 3, &chain[2]).size, 0);
    assert_int_equal(kit_error, ATE_BUSY);
    assert_non_null(strstr(kit_error_text, "create-chains"));
    kit_close(c);
    ate__server_end(s);
    s = kit_start(&conf);
    c = kit_connect(s);
    assert_int_equal(kit_create(c, 3, &chain[2]).size, 0);
    assert_int_equal(kit_error, ATE_BUSY);
    known = kit_open(c, 1, &chain[0]);
    struct kit_put put = {.object = kit_id(1), .payload_size = 50000};
    struct ate__buf tx = kit_put(&chain[0], &known, &put, NULL);
    kit_commit(c, 1, 1, &known, ate__buf_bytes(&tx));
    kit_committed(c, 1, ate__buf_bytes(&tx), &known);
    ate__buf_deinit(&tx);
    put.object = kit_id(2);
    tx = kit_put(&chain[0], &known, &put, NULL);
    kit_commit(c, 1, 2, &known, ate__buf_bytes(&tx));
    assert_int_equal(kit_rejected(c, 2), ATE_BUSY);
    assert_non_null(strstr(kit_error_text, "create-bytes"));
    ate__buf_deinit(&tx);
    kit_close(c);
    ate__server_end(s);
    /* All chains of the server. */
    conf.server_limits = (struct ate__server_limits){.chains = 3};
    s = kit_start(&conf);
    c = kit_connect(s);
    assert_int_equal(kit_create(c, 3, &chain[2]).size, 1);
    assert_int_equal(kit_create(c, 4, &chain[3]).size, 0);
    assert_int_equal(kit_error, ATE_BUSY);
    assert_non_null(strstr(kit_error_text, "(chains)"));
    kit_close(c);
    ate__server_end(s);
    for (unsigned i = 0; i < 4; i++)
        kit_chain_free(&chain[i]);
}

static struct ate__buf tx_of_size(struct kit_chain *chain, const struct ate__head *base,
                                  uint64_t object, size_t payload)
{
    struct kit_put put = {.object = kit_id(object), .payload_size = payload};
    return kit_put(chain, base, &put, NULL);
}

/* What is sent again, since its answer was lost, was stored once: it is counted once, and it gets
 * its answer however little room there is left. */
static void test_quota_of_repeats(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct kit_chain chain = kit_chain_new("/q", true);
    assert_int_equal(ate__server_limit_set(&conf, "create-bytes", 100000), 0);
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct ate__head known = kit_create(c, 1, &chain);
    struct ate__buf first = tx_of_size(&chain, &known, 1, 30000);
    struct ate__buf second = tx_of_size(&chain, &known, 2, 50000);
    uint64_t sequence = 0;
    for (uint32_t i = 0; i < 4; i++) {
        kit_commit(c, 1, 1, &known, ate__buf_bytes(&first));
        struct ate__receipt r = kit_committed(c, 1, ate__buf_bytes(&first), &known);
        assert_true(!i || r.sequence == sequence);
        sequence = r.sequence;
    }
    for (unsigned i = 0; i < 2; i++) { /* the second time it would be too much */
        kit_commit(c, 1, 2, &known, ate__buf_bytes(&second));
        assert_int_equal(kit_committed(c, 2, ate__buf_bytes(&second), &known).sequence,
                         sequence + 1);
    }
    struct ate__buf third = tx_of_size(&chain, &known, 3, 30000);
    kit_commit(c, 1, 3, &known, ate__buf_bytes(&third));
    assert_int_equal(kit_rejected(c, 3), ATE_BUSY);
    assert_non_null(strstr(kit_error_text, "create-bytes"));
    /* The number of one that was committed, with other bytes, is no repeat. */
    chain.number -= 2;
    struct ate__buf forged = tx_of_size(&chain, &known, 4, 30000);
    kit_commit(c, 1, 4, &known, ate__buf_bytes(&forged));
    assert_int_equal(kit_rejected(c, 4), ATE_BUSY);
    kit_commit(c, 1, 5, &known, ate__text_bytes("no transaction"));
    kit_rejected(c, 5);
    ate__buf_deinit(&first);
    ate__buf_deinit(&second);
    ate__buf_deinit(&third);
    ate__buf_deinit(&forged);
    kit_close(c);
    ate__server_end(s);
    kit_chain_free(&chain);
}

static void test_open_chains(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct kit_chain chain[3];
    conf.server_limits.open_chains = 2;
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    for (unsigned i = 0; i < 3; i++) {
        char path[16];
        snprintf(path, sizeof path, "/o%u", i);
        chain[i] = kit_chain_new(path, true);
        struct ate__head head = kit_create(c, 1 + i, &chain[i]);
        assert_int_equal(head.size, i < 2);
    }
    assert_int_equal(kit_error, ATE_BUSY);
    assert_non_null(strstr(kit_error_text, "open-chains"));
    kit_send(c, ATE__MSG_CLOSE, 1, ate__bytes(NULL, 0));
    assert_int_equal(kit_create(c, 3, &chain[2]).size, 1); /* the idle one makes room */
    kit_close(c);
    ate__server_end(s);
    for (unsigned i = 0; i < 3; i++)
        kit_chain_free(&chain[i]);
}

static void test_limits(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf("/nowhere");
    const char *name;
    uint64_t value;
    size_t count = 0;
    for (size_t at = 0; ate__server_limit_next(&conf, &at, &name, &value); count++) {
        assert_true(value > 0);
        assert_int_equal(ate__server_limit_set(&conf, name, value), 0);
        assert_int_equal(ate__server_limit_set(&conf, name, 0), ATE_MISUSE);
    }
    assert_true(count > 20);
    assert_int_equal(conf.server_limits.create_bytes, 10ull << 30);
    assert_int_equal(conf.limits.frame_bytes, ATE__NET_FRAME_MAX);
    assert_int_equal(ate__server_limit_set(&conf, "streams", 5), 0);
    assert_int_equal(conf.server_limits.streams, 5);
    assert_int_equal(ate__server_limit_set(&conf, "Streams", 5), ATE_MISUSE);
    assert_int_equal(ate__server_limit_set(&conf, "frame", 1024), ATE_MISUSE);
    assert_int_equal(ate__server_limit_set(&conf, "create-bytes", UINT64_MAX), 0);
}

/* The linker puts this in the place of uv_loop_close(), which the loop's thread calls last. */
static unsigned alone; /* names of /proc/self/task when only that thread and the test's are left */
static atomic_bool closed_alone;
struct uv_loop_s;
int __real_uv_loop_close(struct uv_loop_s *loop);
int __wrap_uv_loop_close(struct uv_loop_s *loop);
int __wrap_uv_loop_close(struct uv_loop_s *loop)
{
    enum { PATIENCE_S = 10 }; /* a thread that was joined may be listed a moment longer */
    time_t until = time(NULL) + PATIENCE_S;
    while (alone && !atomic_load(&closed_alone) && time(NULL) < until)
        atomic_store(&closed_alone, count_names("/proc/self/task") <= alone);
    return __real_uv_loop_close(loop);
}

/* A worker that is done wakes the loop, and may be at it still when its job is known to be done:
 * the loop ends when there is none any more. */
static void test_order_of_end(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    alone = count_names("/proc/self/task") + 1;
    struct kit_chain chain = kit_chain_new("/o", true);
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct ate__head known = kit_create(c, 1, &chain);
    kit_put_object(c, 1, &chain, &known, 1);
    kit_close(c);
    assert_true(count_names("/proc/self/task") > alone);
    ate__server_end(s);
    kit_chain_free(&chain);
    alone = 0;
    assert_true(atomic_load(&closed_alone));
}

/* What was sent before the end is answered; what comes after is told. */
static void test_end(void **state)
{
    (void)state;
    enum { COMMITS = 100 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct kit_chain chain = kit_chain_new("/e", true);
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct ate__head known = kit_create(c, 1, &chain);
    for (unsigned i = 0; i < COMMITS; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = 1000};
        struct ate__buf tx = kit_put(&chain, &known, &put, NULL);
        kit_commit(c, 1, 1 + i, &known, ate__buf_bytes(&tx));
        ate__buf_deinit(&tx);
    }
    struct kit_frame f = kit_receive(c);
    kit_frame_free(&f);
    ate__server_end(s);
    unsigned answers = 1, errors = 0;
    for (bool more = true; more;) {
        f = kit_receive(c);
        more = f.type != 0;
        answers += f.type == ATE__MSG_COMMITTED || f.type == ATE__MSG_REJECTED;
        errors += f.type == ATE__NET_ERROR;
        kit_frame_free(&f);
    }
    assert_int_equal(errors, 1); /* of the stream */
    assert_int_equal(kit_result(c), ATE_OFFLINE);
    assert_non_null(strstr(kit_text(c), "the server is stopping"));
    assert_int_equal(answers, COMMITS);
    kit_close(c);
    kit_chain_free(&chain);
}

/* --- a disk that stops --- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool failing, slow, stopped, going_on;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Under the mutex. */
static void stop_here(void)
{
    disk.stopped = true;
    pthread_cond_broadcast(&disk.changed);
    while (!disk.going_on)
        pthread_cond_wait(&disk.changed, &disk.mutex);
    disk.stopped = disk.going_on = false;
}

/* Syncs fail until a log that is being recovered looks for its files; there the disk stops. */
static int stop_in_recovery(const char *call)
{
    int rc = 0;
    pthread_mutex_lock(&disk.mutex);
    if (disk.failing && !strcmp(call, "sync"))
        rc = ATE_E_IO;
    if (disk.failing && !strcmp(call, "list")) {
        disk.failing = false;
        stop_here();
    }
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

static int stop_in_sync(const char *call)
{
    pthread_mutex_lock(&disk.mutex);
    if (disk.slow && !strcmp(call, "sync")) {
        disk.slow = false;
        stop_here();
    }
    pthread_mutex_unlock(&disk.mutex);
    return 0;
}

static void wait_stopped(void)
{
    pthread_mutex_lock(&disk.mutex);
    while (!disk.stopped)
        pthread_cond_wait(&disk.changed, &disk.mutex);
    pthread_mutex_unlock(&disk.mutex);
}

static void go_on(void)
{
    pthread_mutex_lock(&disk.mutex);
    disk.going_on = true;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.mutex);
}

/* One chain is being recovered, and the disk does not answer: its clients wait, and no others. */
static void test_stuck_recovery(void **state)
{
    (void)state;
    enum { WAITING = 20 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.env = &hooked_env;
    struct ate__server *s = kit_start(&conf);
    struct kit_chain a = kit_chain_new("/a", true), b = kit_chain_new("/b", true);
    struct kit_client *c = kit_connect(s), *d = kit_connect(s);
    struct ate__head in_a = kit_create(c, 1, &a), in_b = kit_create(c, 2, &b),
                     also_a = kit_open(d, 1, &a), base = in_a;
    struct ate__buf first =
        kit_put(&a, &base, &(struct kit_put){.object = kit_id(1), .payload_size = 10}, NULL);
    struct ate__buf more[WAITING];
    disk.failing = true;
    hooked_set(stop_in_recovery);
    kit_commit(c, 1, 1, &in_a, ate__buf_bytes(&first));
    kit_flush(c);
    wait_stopped();
    for (uint32_t i = 0; i < WAITING; i++) {
        more[i] = kit_put(&a, &base, &(struct kit_put){.object = kit_id(2 + i), .payload_size = 10},
                          NULL);
        kit_commit(d, 1, i + 1, &also_a, ate__buf_bytes(&more[i]));
    }
    kit_flush(d);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(kit_put_object(c, 2, &b, &in_b, i).sequence, i);
    struct kit_client *e = kit_connect(s); /* who comes is let in */
    assert_int_equal(kit_open(e, 1, &b).size, 6);
    kit_close(e);
    assert_true(kit_quiet(d, 20));
    go_on();
    assert_int_equal(kit_rejected(c, 1), ATE_UNKNOWN);
    for (uint32_t i = 0; i < WAITING; i++)
        kit_committed_any(d, more, WAITING, &also_a);
    hooked_set(NULL);
    kit_close(c);
    kit_close(d);
    ate__server_end(s);
    ate__buf_deinit(&first);
    for (uint32_t i = 0; i < WAITING; i++)
        ate__buf_deinit(&more[i]);
    kit_chain_free(&a);
    kit_chain_free(&b);
}

/* What is sent again while it is being written is stored once, too, and counted once. */
static void test_quota_of_what_is_under_way(void **state)
{
    (void)state;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct kit_chain a = kit_chain_new("/a", true), b = kit_chain_new("/b", true);
    assert_int_equal(ate__server_limit_set(&conf, "create-bytes", 100000), 0);
    conf.env = &hooked_env;
    struct ate__server *s = kit_start(&conf);
    struct kit_client *c = kit_connect(s);
    struct ate__head known = kit_create(c, 1, &a);
    kit_create(c, 2, &b);
    struct ate__buf first = tx_of_size(&a, &known, 1, 30000);
    struct ate__buf second = tx_of_size(&a, &known, 2, 40000);
    disk.slow = true;
    hooked_set(stop_in_sync);
    kit_commit(c, 1, 1, &known, ate__buf_bytes(&first));
    kit_flush(c);
    wait_stopped();
    kit_commit(c, 1, 2, &known, ate__buf_bytes(&first));
    assert_int_equal(kit_open(c, 3, &b).size, 1); /* the server has got all before it */
    go_on();
    hooked_set(NULL);
    kit_committed(c, 1, ate__buf_bytes(&first), &known);
    kit_committed(c, 2, ate__buf_bytes(&first), &known);
    kit_commit(c, 1, 3, &known, ate__buf_bytes(&second));
    kit_committed(c, 3, ate__buf_bytes(&second), &known);
    kit_close(c);
    ate__server_end(s);
    ate__buf_deinit(&first);
    ate__buf_deinit(&second);
    kit_chain_free(&a);
    kit_chain_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_and_open),
        cmocka_unit_test(test_who_may_create),
        cmocka_unit_test(test_bad_genesis),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_one_server),
        cmocka_unit_test(test_one_instance),
        cmocka_unit_test(test_one_creator),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_open_chains),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_order_of_end),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_quota_of_repeats),
        cmocka_unit_test(test_stuck_recovery),
        cmocka_unit_test(test_quota_of_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
