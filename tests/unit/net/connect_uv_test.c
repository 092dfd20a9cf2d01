/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * From an address to a link, and all the ways in which it does not come to that.
 */
#include "base/alloc.h"
#include "base/text.h"
#include "lib/heap.h"
#include "unit/net/deaf.h"
#include "unit/net/pair.h"
#include "unit/net/peer.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ate__loop *loop;

/* --- ends --- */

/* Closed before it is connected, and inside the greeting. */
static void test_close_early(void **state)
{
    (void)state;
    struct peer server;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    for (int i = 0; i < 50; i++) {
        struct peer client;
        peer_init(&client);
        assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
        for (int j = 0; j < i % 5; j++)
            peer_pause(&client, false); /* lets the loop turn a few times */
        peer_close(&client, ATE_CANCELED, NULL);
        peer_wait(&client, &client.closed, 1);
        assert_int_equal(client.result, ATE_CANCELED);
        peer_end(&client);
    }
    peer_serve_end(&server);
}

static void test_not_reached(void **state)
{
    (void)state;
    struct peer server, client;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    peer_init(&server);
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    peer_serve_end(&server);
    static const char *const hosts[] = {"127.0.0.1", "localhost", "::1", "no-such-host.invalid"};
    for (size_t i = 0; i < ATE__COUNT_OF(hosts); i++) {
        peer_init(&client);
        snprintf(addr.host, sizeof addr.host, "%s", hosts[i]);
        assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
        peer_wait(&client, &client.closed, 1);
        assert_int_equal(client.result, ATE_OFFLINE);
        assert_non_null(strstr(client.text, hosts[i]));
        peer_end(&client);
    }
}

static void test_wrong_pin(void **state)
{
    (void)state;
    struct peer server, client;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    char text[ATE__HASH_TEXT];
    peer_init(&server);
    peer_init(&client);
    peer_serve(&server, loop, &conf);
    struct ate__addr addr = peer_addr(&server);
    addr.pins[0].b[7] ^= 1;
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_UNTRUSTED);
    assert_int_equal(client.opened, 0);
    struct ate_hash pin = peer_pin();
    assert_non_null(strstr(client.text, ate__hash_text(&pin, text)));
    assert_non_null(strstr(client.text, ate__hash_text(&addr.pins[0], text)));
    peer_wait(&server, &server.refused, 1);
    assert_int_equal(server.accepted_count, 0);
    addr.pin_count = 0; /* no silent trust */
    struct ate__link *none = NULL;
    struct ate__tcp_conf tcp = {.hello = ate__hello_ours()};
    static const struct ate__link_events no_events = {0};
    assert_int_equal(ate__tcp_connect(loop, &addr, &tcp, &no_events, NULL, &none), ATE_UNTRUSTED);
    assert_null(none);
    peer_serve_end(&server);
    peer_end(&client);
}

static void test_clear_text_elsewhere(void **state)
{
    (void)state;
    struct ate__acceptor *none = NULL;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    static const struct ate__acceptor_events no_events = {0};
    conf.no_wire_encryption = true;
    conf.host = "0.0.0.0";
    assert_int_equal(ate__acceptor_new(loop, &conf, &no_events, NULL, &none), ATE_MISUSE);
    conf.host = "::";
    assert_int_equal(ate__acceptor_new(loop, &conf, &no_events, NULL, &none), ATE_MISUSE);
    assert_null(none);
    struct ate__addr addr = {.host = "192.0.2.1", .port = 5000, .path = "/"};
    struct ate__tcp_conf tcp = {.hello = ate__hello_ours(), .no_wire_encryption = true};
    struct peer client;
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, &tcp), 0);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_MISUSE);
    assert_non_null(strstr(client.text, "192.0.2.1"));
    peer_end(&client);
}

/* The question to the resolver is still out when its asker goes, with its loop. */
static void test_close_while_resolving(void **state)
{
    (void)state;
    struct ate__addr addr = {.host = "no-such-host.invalid", .port = 5000, .path = "/"};
    addr.pin_count = 1;
    for (int i = 0; i < 8; i++) {
        struct ate__loop *own;
        struct peer client;
        peer_init(&client);
        assert_int_equal(ate__loop_new(&own), 0);
        assert_int_equal(peer_connect(&client, own, &addr, NULL), 0);
        if (i % 2)
            peer_close(&client, ATE_CANCELED, NULL);
        ate__loop_unref(own);
        peer_wait(&client, &client.closed, 1);
        assert_true(client.result == ATE_CANCELED || client.result == ATE_OFFLINE);
        peer_end(&client);
    }
}

/* A port whose queue is full does not answer: the system drops what asks for a connection. */
static void test_no_answer(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting[8];
    assert_true(full >= 0 && !bind(full, (const struct sockaddr *)&at, size) && !listen(full, 0) &&
                !getsockname(full, (struct sockaddr *)&at, &size));
    for (int i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (const struct sockaddr *)&at, size);
    }
    struct peer client;
    struct ate__addr addr = {.host = "127.0.0.1", .path = "/", .pin_count = 1};
    struct ate__tcp_conf conf = {.hello = ate__hello_ours(), .limits = {.connect_ms = 300}};
    addr.port = ntohs(at.sin_port);
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, &conf), 0);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_OFFLINE);
    assert_non_null(strstr(client.text, "300 ms"));
    peer_end(&client);
    for (int i = 0; i < 8; i++)
        close(waiting[i]);
    close(full);
}

/* DNS is asked by what the server is known, and says nothing. Others are not disturbed. */
static void test_deaf(void **state)
{
    (void)state;
    struct ate__addr addr = {.host = "db.ate.example", .port = 5000, .path = "/"};
    struct peer server, client, other;
    struct ate__acceptor_conf serving = peer_acceptor_conf();
    struct deaf deaf;
    deaf_init(&deaf);
    struct ate__tcp_conf conf = {.hello = ate__hello_ours(), .lookup = &deaf.lookup};
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, &conf), 0);
    deaf_hear(&deaf);
    peer_init(&server);
    peer_init(&other);
    peer_serve(&server, loop, &serving);
    struct ate__addr there = peer_addr(&server);
    assert_int_equal(peer_connect(&other, loop, &there, NULL), 0);
    peer_wait(&other, &other.opened, 1);
    assert_int_equal(peer_get(&client, &client.closed), 0);
    peer_close(&other, ATE_CANCELED, NULL);
    peer_wait(&other, &other.closed, 1);
    peer_end(&other);
    peer_serve_end(&server);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_CANCELED);
    peer_end(&client);
    conf.limits.connect_ms = 300;
    for (int pinned = 0; pinned < 2; pinned++) { /* then only its address is asked for */
        addr.pin_count = (size_t)pinned;
        peer_init(&client);
        assert_int_equal(peer_connect(&client, loop, &addr, &conf), 0);
        peer_wait(&client, &client.closed, 1);
        assert_int_equal(client.result, ATE_OFFLINE);
        assert_non_null(strstr(client.text, "DNS within 300 ms"));
        peer_end(&client);
    }
    deaf_deinit(&deaf);
}

/* Literals and this machine have no name that DNS knows; nor is it asked without leave. */
static void test_nothing_to_look_up(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "::1", "localhost"};
    struct ate__lookup lookup = {.dns_anchor = "/nowhere/at/all"};
    struct ate__tcp_conf conf = {.hello = ate__hello_ours(), .lookup = &lookup};
    struct ate__addr addr = {.port = 5000, .path = "/"};
    struct peer client;
    peer_init(&client);
    for (size_t i = 0; i < ATE__COUNT_OF(hosts); i++) {
        snprintf(addr.host, sizeof addr.host, "%s", hosts[i]);
        assert_int_equal(peer_connect(&client, loop, &addr, &conf), ATE_UNTRUSTED);
    }
    snprintf(addr.host, sizeof addr.host, "db.ate.example");
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), ATE_UNTRUSTED);
    assert_int_equal(peer_connect(&client, loop, &addr, &conf), 0);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_E_SYSTEM);
    assert_non_null(strstr(client.text, "/nowhere/at/all"));
    peer_end(&client);
}

/* --- memory --- */

/* Memory is short anywhere: either side may be the one that lacks it, and each client hears of an
 * end or gets through; nothing hangs, nothing is left behind. */
static int connect_once(void *arg)
{
    (void)arg;
    struct ate__loop *own;
    struct peer server, client;
    peer_init(&server);
    peer_init(&client);
    int rc = ate__loop_new(&own);
    if (rc)
        return rc;
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    server.echo = false;
    rc = peer_try_serve(&server, own, &conf);
    if (!rc) {
        struct ate__addr addr = peer_addr(&server);
        rc = peer_connect(&client, own, &addr, NULL);
        if (!rc) {
            peer_wait(&client, &client.events, 1);
            if (peer_send(&client, 3, 5000) == 3)
                peer_close(&client, ATE_CANCELED, NULL);
            else
                peer_close(&client, ATE_E_MEMORY, "no memory");
            peer_wait(&client, &client.closed, 1);
            if (client.result != ATE_CANCELED)
                rc = ATE_E_MEMORY;
        }
        peer_serve_end(&server);
    }
    peer_end(&client);
    ate__loop_unref(own);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    loop = ate__loop_unref(loop); /* the heap is changed while no other thread is there */
    assert_int_equal(connect_once(NULL), 0);
    assert_true(heap_sweep(connect_once, NULL, true) > 10);
    assert_int_equal(ate__loop_new(&loop), 0);
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
        cmocka_unit_test(test_close_early),
        cmocka_unit_test(test_not_reached),
        cmocka_unit_test(test_wrong_pin),
        cmocka_unit_test(test_clear_text_elsewhere),
        cmocka_unit_test(test_close_while_resolving),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_nothing_to_look_up),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
