/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Honest ends over real sockets on the loopback network.
 */
#include "base/text.h"
#include "unit/net/pair.h"
#include "unit/net/peer.h"
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static struct ate__loop *loop;

static size_t entries(const char *path)
{
    DIR *d = opendir(path);
    size_t count = 0;
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static size_t descriptors(void)
{
    return entries("/proc/self/fd");
}

/* A descriptor is closed a moment after its end was told; both sides of the loop are asked. */
static void wait_descriptors(size_t most)
{
    for (int i = 0; i < 20000 && descriptors() > most; i++)
        usleep(1000);
    assert_true(descriptors() <= most);
}

/* --- talking --- */

static void echo_with(const struct ate__acceptor_conf *server_conf,
                      const struct ate__tcp_conf *client_conf, const char *host)
{
    struct peer server, client;
    peer_init(&server);
    peer_init(&client);
    server.echo = true;
    client.ordered = true;
    peer_serve(&server, loop, server_conf);
    struct ate__addr addr = peer_addr(&server);
    snprintf(addr.host, sizeof addr.host, "%s", host);
    if (client_conf && client_conf->no_wire_encryption)
        addr.pin_count = 0;
    assert_int_equal(peer_connect(&client, loop, &addr, client_conf), 0);
    peer_wait(&client, &client.opened, 1);
    for (size_t sent = 0; sent < 1000;) { /* one by one, then in batches */
        size_t step = sent < 100 ? 1 : 100;
        assert_int_equal(peer_send(&client, step, 64), step);
        sent += step;
        peer_wait(&client, &client.frames, sent);
        client.next = 0;
    }
    assert_int_equal(client.bytes, 64000);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    peer_wait(&server, &server.closed, 1);
    assert_int_equal(client.result, ATE_CANCELED);
    assert_int_equal(server.result, ATE_END);
    peer_serve_end(&server);
    assert_int_equal(client.closed, 1);
    peer_end(&client);
}

static void test_echo(void **state)
{
    (void)state;
    struct ate__acceptor_conf server = peer_acceptor_conf();
    echo_with(&server, NULL, "127.0.0.1");
    echo_with(&server, NULL, "localhost");
}

static void test_echo_ipv6(void **state)
{
    (void)state;
    struct ate__acceptor_conf server = peer_acceptor_conf();
    server.host = "::1";
    struct ate__acceptor *probe;
    static const struct ate__acceptor_events none = {0};
    if (ate__acceptor_new(loop, &server, &none, NULL, &probe)) {
        print_message("# no IPv6 here: %s\n", ate__error_text());
        skip();
    }
    ate__acceptor_free(probe);
    echo_with(&server, NULL, "::1");
    echo_with(&server, NULL, "localhost"); /* the second address of it */
}

static void test_echo_clear_text(void **state)
{
    (void)state;
    struct ate__acceptor_conf server = peer_acceptor_conf();
    server.no_wire_encryption = true;
    struct ate__tcp_conf client = {.hello = ate__hello_ours(), .no_wire_encryption = true};
    echo_with(&server, &client, "localhost");
    echo_with(&server, NULL, "localhost"); /* TLS as before */
}

/* A client that only writes and a server that answers: neither waits for the other for ever. */
static void test_flood_both_ways(void **state)
{
    (void)state;
    struct peer server, client;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    conf.limits.credit_bytes = 100000;
    peer_init(&server);
    peer_init(&client);
    server.echo = true;
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.opened, 1);
    size_t sent = 0;
    while (sent < 3000) {
        int taken = peer_send(&client, 3000 - sent, 10000);
        assert_true(taken >= 0);
        sent += (size_t)taken;
        peer_wait(&client, &client.frames, sent / 2);
    }
    peer_wait(&client, &client.frames, 3000);
    assert_int_equal(client.bytes, 30000000);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    peer_serve_end(&server);
    peer_end(&client);
}

/* The reader is behind: the sender's queue fills up and no further; then all of it arrives. */
static void test_back_pressure(void **state)
{
    (void)state;
    struct peer server, client;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    peer_init(&client);
    server.pause_at_open = true;
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.opened, 1);
    peer_wait(&server, &server.accepted_count, 1);
    size_t sent = 0;
    int taken;
    while ((taken = peer_send(&client, 1000, 50000)) > 0) {
        sent += (size_t)taken; /* until the sockets' buffers and the credit are full */
        usleep(20000);
    }
    assert_int_equal(taken, 0);
    assert_true(sent > 20 && sent < 2000);
    struct peer *p = server.accepted[0];
    assert_int_equal(peer_get(p, &p->frames), 0);
    peer_pause(p, false);
    peer_wait(p, &p->frames, sent);
    peer_wait(&client, &client.drained, 1);
    assert_int_equal(p->bytes, sent * 50000);
    assert_int_equal(peer_send(&client, 1, 8), 1);
    peer_wait(p, &p->frames, sent + 1);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    peer_serve_end(&server);
    peer_end(&client);
}

static void test_big_frame(void **state)
{
    (void)state;
    struct peer server, client;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    peer_init(&client);
    server.echo = true;
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.opened, 1);
    assert_int_equal(peer_send(&client, 1, ATE__NET_BODY_MAX), 1);
    peer_wait(&client, &client.frames, 1);
    assert_int_equal(client.bytes, ATE__NET_BODY_MAX);
    assert_int_equal(peer_send(&client, 1, ATE__NET_BODY_MAX + 1), -1);
    assert_int_equal(peer_send(&client, 1, 8), 1);
    peer_wait(&client, &client.frames, 2);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    peer_serve_end(&server);
    peer_end(&client);
}

/* --- closing --- */

/* All that was sent before close() arrives, then the reason. */
static void test_close_flushes(void **state)
{
    (void)state;
    for (int reason = 0; reason < 2; reason++) {
        struct peer server, client;
        struct ate__acceptor_conf conf = peer_acceptor_conf();
        peer_init(&server);
        peer_init(&client);
        server.echo = true; /* so that there are unread bytes when the client closes */
        peer_serve(&server, loop, &conf);
        struct ate__addr addr = peer_addr(&server);
        assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
        peer_wait(&client, &client.opened, 1);
        int sent = peer_send(&client, 200, 10000);
        assert_true(sent > 100);
        peer_close(&client, reason ? ATE_BUSY : ATE_CANCELED, reason ? "enough" : NULL);
        peer_wait(&server, &server.closed, 1);
        peer_wait(&client, &client.closed, 1);
        struct peer *p = server.accepted[0];
        assert_int_equal(p->frames, sent);
        assert_int_equal(p->result, reason ? ATE_BUSY : ATE_END);
        assert_true(!reason || strstr(p->text, "enough"));
        assert_int_equal(client.result, reason ? ATE_BUSY : ATE_CANCELED);
        peer_serve_end(&server);
        peer_end(&client);
    }
}

static void test_refused_by_owner(void **state)
{
    (void)state;
    struct peer server, client;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    peer_init(&client);
    server.refuse = ATE_NO_ACCESS;
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_NO_ACCESS);
    assert_non_null(strstr(client.text, "turned away by the test"));
    peer_wait(&server, &server.refused, 1);
    assert_int_equal(server.result, ATE_NO_ACCESS);
    peer_serve_end(&server);
    peer_end(&client);
}

/* The server goes while clients talk: each of them hears of it once. */
static void test_server_goes(void **state)
{
    (void)state;
    enum { CLIENTS = 20 };
    struct peer server, client[CLIENTS];
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    server.echo = true;
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    for (int i = 0; i < CLIENTS; i++) {
        peer_init(&client[i]);
        assert_int_equal(peer_connect(&client[i], loop, &addr, NULL), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        peer_wait(&client[i], &client[i].opened, 1);
        assert_true(peer_send(&client[i], 50, 1000) > 0);
    }
    peer_wait(&server, &server.accepted_count, CLIENTS);
    peer_serve_end(&server);
    for (int i = 0; i < CLIENTS; i++) {
        peer_wait(&client[i], &client[i].closed, 1);
        assert_int_equal(client[i].closed, 1);
        assert_int_equal(client[i].result, ATE_END);
        peer_end(&client[i]);
    }
}

static void test_listener_errors(void **state)
{
    (void)state;
    struct peer server;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    struct ate__acceptor *none = NULL;
    static const struct ate__acceptor_events no_events = {0};
    peer_init(&server);
    peer_serve(&server, loop, &conf);
    conf.port = ate__acceptor_port(server.acceptor);
    assert_int_equal(ate__acceptor_new(loop, &conf, &no_events, NULL, &none), ATE_IN_USE);
    conf.host = "example.com";
    assert_int_equal(ate__acceptor_new(loop, &conf, &no_events, NULL, &none), ATE_MALFORMED);
    conf.host = "192.0.2.1";
    assert_int_equal(ate__acceptor_new(loop, &conf, &no_events, NULL, &none), ATE_E_SYSTEM);
    assert_null(none);
    ate__acceptor_stop(server.acceptor);
    ate__acceptor_stop(server.acceptor);
    struct ate__addr addr = peer_addr(&server);
    struct peer client;
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_OFFLINE);
    peer_end(&client);
    peer_serve_end(&server);
}

/* --- many --- */

/* 50 clients; each in turn goes without a word, the others do not notice. */
static void test_neighbours(void **state)
{
    (void)state;
    enum { CLIENTS = 50 };
    struct peer server, *client = calloc(CLIENTS, sizeof *client);
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    server.echo = true;
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    for (int i = 0; i < CLIENTS; i++) {
        peer_init(&client[i]);
        assert_int_equal(peer_connect(&client[i], loop, &addr, NULL), 0);
    }
    for (int i = 0; i < CLIENTS; i++)
        peer_wait(&client[i], &client[i].opened, 1);
    for (int gone = 0; gone < CLIENTS; gone++) {
        peer_close(&client[gone], ATE_CANCELED, NULL);
        peer_wait(&server, &server.closed, (size_t)gone + 1);
        for (int i = gone + 1; i < CLIENTS; i++)
            assert_int_equal(peer_send(&client[i], 1, 100), 1);
        for (int i = gone + 1; i < CLIENTS; i++)
            peer_wait(&client[i], &client[i].frames, (size_t)gone + 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        peer_wait(&client[i], &client[i].closed, 1);
        assert_int_equal(client[i].frames, i);
        peer_end(&client[i]);
    }
    peer_serve_end(&server);
    free(client);
}

/* 1,000 connections one after the other: no descriptor and no thread is left. */
static void test_open_and_close(void **state)
{
    (void)state;
    struct peer server;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    conf.no_wire_encryption = true;
    struct ate__tcp_conf clear = {.hello = ate__hello_ours(), .no_wire_encryption = true};
    peer_init(&server);
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    size_t before = descriptors(), threads = entries("/proc/self/task");
    for (int i = 0; i < 1000; i++) {
        struct peer client;
        peer_init(&client);
        assert_int_equal(peer_connect(&client, loop, &addr, i % 10 ? &clear : NULL), 0);
        peer_wait(&client, &client.opened, 1);
        peer_close(&client, ATE_CANCELED, NULL);
        peer_wait(&client, &client.closed, 1);
        peer_end(&client);
        if (i % 100 == 99)
            wait_descriptors(before + 8);
    }
    peer_wait(&server, &server.closed, 1000);
    wait_descriptors(before);
    assert_true(entries("/proc/self/task") <= threads);
    peer_serve_end(&server);
    wait_descriptors(before - 1);
}

/* The last reference of a client's loop goes while connections linger: nothing is left behind. */
static void test_loop_ends(void **state)
{
    (void)state;
    struct peer server;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    size_t before = descriptors(), threads = entries("/proc/self/task");
    for (int i = 0; i < 5; i++) {
        struct ate__loop *own;
        struct peer client;
        peer_init(&client);
        assert_int_equal(ate__loop_new(&own), 0);
        assert_int_equal(peer_connect(&client, own, &addr, NULL), 0);
        peer_wait(&client, &client.opened, 1);
        assert_int_equal(peer_send(&client, 10, 50000), 10);
        if (i % 2)
            peer_close(&client, ATE_CANCELED, NULL);
        ate__loop_unref(own);
        assert_int_equal(client.closed, 1);
        assert_int_equal(client.result, ATE_CANCELED);
        peer_wait(&server, &server.closed, (size_t)i + 1);
        assert_int_equal(server.accepted[i]->frames, 10);
        peer_end(&client);
    }
    wait_descriptors(before);
    while (entries("/proc/self/task") > threads)
        usleep(1000);
    peer_serve_end(&server);
}

static int setup(void **state)
{
    (void)state;
    pair_key();
    return ate__loop_new(&loop);
}

static int teardown(void **state)
{
    (void)state;
    ate__loop_unref(loop);
    pair_key_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_echo_ipv6),
        cmocka_unit_test(test_echo_clear_text),
        cmocka_unit_test(test_flood_both_ways),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_big_frame),
        cmocka_unit_test(test_close_flushes),
        cmocka_unit_test(test_refused_by_owner),
        cmocka_unit_test(test_server_goes),
        cmocka_unit_test(test_listener_errors),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_open_and_close),
        cmocka_unit_test(test_loop_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
