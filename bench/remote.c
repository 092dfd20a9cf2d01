/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * remote.c: commits of one 1 KiB object in scope FULL to a server on loopback, thin, one writer:
 * against one fdatasync and one raw TLS round trip.
 */
#include "ate/ate.h"
#include "bare.h"
#include "crypto/tls.h"
#include "lib/shell.h"
#include "pair.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct blob {
    struct ate_bytes value;
};
ATE_TYPE(blob, ATE_FIELD(value));
enum { VALUE_SIZE = 1024 };
static const uint8_t value[VALUE_SIZE];

/* ---- the limit: a TLS echo over TCP, and the disk ---- */

struct end {
    int fd;
    struct ate__tls *tls;
    struct ate__buf plain, out;
};

static void flush(struct end *e)
{
    if (ate__tls_pull(e->tls, &e->out))
        bench_fail("tls");
    for (size_t at = 0; at < e->out.size;) {
        ssize_t n = send(e->fd, e->out.data + at, e->out.size - at, MSG_NOSIGNAL);
        if (n <= 0)
            bench_fail("send");
        at += (size_t)n;
    }
    ate__buf_clear(&e->out);
}

/* Reads until `size` bytes of plaintext are there (0: until the handshake is done). False: the
 * other end is gone. */
static bool receive(struct end *e, size_t size)
{
    uint8_t bytes[8192];
    while (size ? e->plain.size < size : !ate__tls_ready(e->tls)) {
        ssize_t n = recv(e->fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return false;
        if (ate__tls_feed(e->tls, ate__bytes(bytes, (size_t)n), &e->plain))
            bench_fail("tls feed");
        flush(e);
    }
    return true;
}

struct echo {
    struct ate__tls_server_key *key;
    int listener;
    pthread_t thread;
    struct end client;
    struct bare *disk;
};

static void *echo_thread(void *arg)
{
    struct echo *x = arg;
    struct end e = {.fd = accept(x->listener, NULL, NULL)};
    int one = 1;
    setsockopt(e.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (ate__tls_new_server(x->key, &e.tls))
        bench_fail("tls");
    while (receive(&e, VALUE_SIZE)) {
        if (ate__tls_write(e.tls, ate__bytes(e.plain.data, 64)))
            bench_fail("tls write");
        ate__buf_clear(&e.plain);
        flush(&e);
    }
    ate__tls_free(e.tls);
    ate__buf_deinit(&e.plain);
    ate__buf_deinit(&e.out);
    close(e.fd);
    return NULL;
}

static void echo_start(struct echo *x)
{
    struct ate__secret pem;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1;
    if (ate__tls_server_key_generate(&pem) ||
        ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &x->key))
        bench_fail("key");
    ate__secret_deinit(&pem);
    x->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(x->listener, (struct sockaddr *)&address, sizeof address) || listen(x->listener, 1) ||
        getsockname(x->listener, (struct sockaddr *)&address, &size))
        bench_fail("listen");
    pthread_create(&x->thread, NULL, echo_thread, x);
    x->client.fd = socket(AF_INET, SOCK_STREAM, 0);
    struct ate_hash pin = ate__tls_server_key_pin(x->key);
    if (connect(x->client.fd, (struct sockaddr *)&address, sizeof address) ||
        ate__tls_new_client(&pin, 1, &x->client.tls))
        bench_fail("connect");
    setsockopt(x->client.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    flush(&x->client);
    if (!receive(&x->client, 0))
        bench_fail("handshake");
    x->disk = bare_new();
}

static void echo_end(struct echo *x)
{
    close(x->client.fd);
    pthread_join(x->thread, NULL);
    ate__tls_free(x->client.tls);
    ate__buf_deinit(&x->client.plain);
    ate__buf_deinit(&x->client.out);
    ate__tls_server_key_free(x->key);
    close(x->listener);
    bare_free(x->disk);
}

static void bare_remote(void *arg, double seconds, struct slice *ret)
{
    struct echo *x = arg;
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(seconds * 1e9);
    while (now < end) {
        uint64_t start = now;
        if (ate__tls_write(x->client.tls, ate__bytes(value, VALUE_SIZE)))
            bench_fail("tls write");
        flush(&x->client);
        if (!receive(&x->client, 64))
            bench_fail("echo");
        ate__buf_clear(&x->client.plain);
        bare_sync_once(x->disk);
        now = bench_now_ns();
        slice_add(ret, now - start);
    }
}

/* ---- ours ---- */

static void commit_remote(void *arg, double seconds, struct slice *ret)
{
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(seconds * 1e9);
    struct ate_txn *txn;
    if (ate_txn_begin(arg, NULL, 0, &txn))
        bench_fail("begin");
    while (now < end) {
        struct ate_id id;
        uint64_t start = now;
        if (ate_store(txn, blob, &(struct blob){{value, VALUE_SIZE}}, &id) ||
            ate_txn_commit(txn, NULL))
            bench_fail("commit");
        now = bench_now_ns();
        slice_add(ret, now - start);
    }
    ate_txn_end(txn);
}

static void let_everyone_write(struct ate_chain *chain, struct ate_session *session)
{
    struct ate_hash key = ate_session_fingerprint(session);
    struct ate_rule mine = {ATE_KEYS, &key, 1};
    struct ate_rules rules = {.read = mine, .write = {.who = ATE_EVERYONE}, .admin = mine};
    struct ate_txn *txn;
    if (ate_txn_begin(chain, NULL, 0, &txn) || ate_protect(txn, ate_top, &rules) ||
        ate_txn_commit(txn, NULL))
        bench_fail("protect");
    ate_txn_end(txn);
}

int main(void)
{
    const char *base = getenv("ATE_BENCH_DIR");
    char dir[256], path[400], address[600], command[400];
    struct ate_server *server;
    struct ate_session *session;
    struct ate_chain *chain;
    struct echo echo = {0};
    bench_header("bench/remote");
    snprintf(dir, sizeof dir, "%s/ate-bench-remote-XXXXXX", base ? base : ".");
    if (!mkdtemp(dir))
        bench_fail("mkdtemp");
    setenv("HOME", dir, 1);
    setenv("XDG_STATE_HOME", dir, 1);
    snprintf(path, sizeof path, "%s/logs", dir);
    if (ate_server_start(&(struct ate_server_conf){.logs = path, .any_port = true, .no_auth = true},
                         &server))
        bench_fail("server");
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    snprintf(address, sizeof address, "%.*s/bench/remote%s", (int)(hash - all - 1), all, hash);
    snprintf(path, sizeof path, "%s/key", dir);
    if (ate_session_open(path, ATE_CREATE, &session) ||
        ate_chain_open(address, session, ATE_CREATE, NULL, &chain))
        bench_fail("open");
    echo_start(&echo);
    pair_run(&(struct pair){"remote commit FULL, thin, 1 composite signature, 1 x 1 KiB", "commits",
                            "TLS round trip + fdatasync", 0, commit_remote, bare_remote, chain,
                            &echo});
    let_everyone_write(chain, session);
    pair_run(&(struct pair){"remote commit FULL, thin, unsigned, 1 x 1 KiB", "commits",
                            "TLS round trip + fdatasync", .67, commit_remote, bare_remote, chain,
                            &echo});
    ate_chain_close(chain);
    ate_session_close(session);
    ate_server_end(server);
    echo_end(&echo);
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    return shell(command) ? 1 : 0;
}
