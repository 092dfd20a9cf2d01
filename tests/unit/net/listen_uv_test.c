/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Peers that are silent, rude or many, against real acceptors and real clients. Limits are short.
 */
#include "base/endian.h"
#include "unit/net/pair.h"
#include "unit/net/peer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ate__loop *loop;

/* --- peers without manners --- */

static struct sockaddr_in local(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int raw_try(uint16_t port)
{
    struct sockaddr_in to = local(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int raw_connect(const struct peer *server)
{
    int fd = raw_try(ate__acceptor_port(server->acceptor));
    assert_true(fd >= 0);
    return fd;
}

/* A server that accepts in the system's queue and says nothing. */
static int raw_listen(uint16_t *ret_port)
{
    struct sockaddr_in at = local(0);
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && !bind(fd, (const struct sockaddr *)&at, size) && !listen(fd, 100) &&
                !getsockname(fd, (struct sockaddr *)&at, &size));
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void raw_say(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

/* Bytes until the other side closes; fails after 20 s without any. */
static size_t raw_read_to_end(int fd, uint8_t *to, size_t capacity)
{
    size_t size = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1);
        ssize_t got = recv(fd, to + size, capacity - size, 0);
        if (got <= 0)
            return size;
        size += (size_t)got;
        assert_true(size < capacity);
    }
}

static const uint8_t raw_hello[25] = {0x15, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};

/* --- servers of the test --- */

static struct peer server;

static struct ate__acceptor_conf short_conf(void)
{
    struct ate__acceptor_conf conf = peer_acceptor_conf();
    conf.no_wire_encryption = true;
    conf.limits = (struct ate__net_limits){
        .greeting_ms = 1500, .ping_ms = 300, .dead_ms = 1000, .linger_ms = 500};
    return conf;
}

static void serve(const struct ate__acceptor_conf *conf)
{
    peer_init(&server);
    server.echo = true;
    peer_serve(&server, loop, conf);
}

static void connect_and_echo(int expected)
{
    struct peer client;
    struct ate__addr addr = peer_addr(&server);
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    if (expected) {
        peer_wait(&client, &client.closed, 1);
        assert_int_equal(client.result, expected);
    } else {
        peer_wait(&client, &client.opened, 1);
        assert_int_equal(peer_send(&client, 1, 100), 1);
        peer_wait(&client, &client.frames, 1);
        peer_close(&client, ATE_CANCELED, NULL);
        peer_wait(&client, &client.closed, 1);
    }
    peer_end(&client);
}

/* --- silence --- */

static void test_silent_server(void **state)
{
    (void)state;
    struct ate__addr addr = {.host = "127.0.0.1", .path = "/", .pin_count = 1};
    struct ate__tcp_conf conf = {.hello = ate__hello_ours(),
                                 .limits = {.greeting_ms = 100, .linger_ms = 50}};
    int fd = raw_listen(&addr.port);
    addr.pins[0] = peer_pin();
    for (int clear = 0; clear < 2; clear++) {
        struct peer client;
        peer_init(&client);
        conf.no_wire_encryption = clear;
        assert_int_equal(peer_connect(&client, loop, &addr, &conf), 0);
        peer_wait(&client, &client.closed, 1);
        assert_int_equal(client.result, ATE_TIMEOUT);
        assert_non_null(strstr(client.text, "100 ms"));
        assert_int_equal(client.opened, 0);
        peer_end(&client);
    }
    close(fd);
}

static void test_silent_clients(void **state)
{
    (void)state;
    enum { SILENT = 20 };
    struct ate__acceptor_conf conf = short_conf();
    serve(&conf);
    int fd[SILENT];
    for (int i = 0; i < SILENT; i++) {
        fd[i] = raw_connect(&server);
        if (i % 3 == 1)
            raw_say(fd[i], "\x16\x03\x01\x02", 4); /* a little of TLS */
        if (i % 3 == 2)
            raw_say(fd[i], raw_hello, 13); /* a little of HELLO */
    }
    connect_and_echo(0); /* others are served meanwhile */
    peer_wait(&server, &server.refused, SILENT);
    assert_int_equal(server.result, ATE_TIMEOUT);
    for (int i = 0; i < SILENT; i++) {
        uint8_t got[512];
        (void)raw_read_to_end(fd[i], got, sizeof got);
        close(fd[i]);
    }
    connect_and_echo(0);
    peer_serve_end(&server);
}

/* HELLO said, then silence: PINGs come, then the end. */
static void test_dead_client(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    serve(&conf);
    int fd = raw_connect(&server);
    raw_say(fd, raw_hello, sizeof raw_hello);
    uint8_t got[4096];
    size_t size = raw_read_to_end(fd, got, sizeof got);
    peer_wait(&server, &server.closed, 1);
    assert_int_equal(server.result, ATE_OFFLINE);
    assert_non_null(strstr(server.text, "1000 ms"));
    struct ate_bytes left = ate__bytes(got, size);
    struct ate__net_frame frame;
    size_t pings = 0, step;
    assert_int_equal(ate__net_frame_decode(left, 1000, &frame, &step), 0);
    assert_int_equal(frame.type, ATE__NET_HELLO);
    while (left.size) {
        left = ate__bytes((const uint8_t *)left.data + step, left.size - step);
        if (!left.size)
            break;
        assert_int_equal(ate__net_frame_decode(left, 1000, &frame, &step), 0);
        assert_int_equal(frame.type, ATE__NET_PING);
        pings++;
    }
    assert_true(pings >= 1 && pings <= 3);
    close(fd);
    peer_serve_end(&server);
}

/* Two quiet ends keep each other alive, paused or not. */
static void test_quiet_ends(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    serve(&conf);
    struct peer client;
    struct ate__addr addr = peer_addr(&server);
    struct ate__tcp_conf tcp = {.hello = ate__hello_ours(), .limits = conf.limits};
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, &tcp), 0);
    peer_wait(&client, &client.opened, 1);
    usleep(1300000); /* longer than dead_ms */
    assert_int_equal(peer_send(&client, 1, 100), 1);
    peer_wait(&client, &client.frames, 1);
    peer_pause(&client, true);
    assert_int_equal(peer_send(&client, 1, 100), 1);
    usleep(1300000);
    peer_pause(&client, false);
    peer_wait(&client, &client.frames, 2);
    assert_int_equal(peer_get(&client, &client.closed), 0);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    peer_serve_end(&server);
    peer_end(&client);
}

/* --- rudeness --- */

static void test_garbage(void **state)
{
    (void)state;
    static const char *const said[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-x\r\n",
                                       "\x16\x03\x01\x01\x01zzzzzzzzzzzz", "\xff\xff\xff\xff"};
    struct ate__acceptor_conf conf = short_conf();
    serve(&conf);
    for (size_t i = 0; i < ATE__COUNT_OF(said); i++) {
        int fd = raw_connect(&server);
        uint8_t got[1024];
        raw_say(fd, said[i], strlen(said[i]));
        (void)raw_read_to_end(fd, got, sizeof got);
        close(fd);
    }
    peer_wait(&server, &server.refused, ATE__COUNT_OF(said));
    connect_and_echo(0);
    peer_serve_end(&server);
}

/* What is wrong after HELLO is told before the end. */
static void test_told_what_is_wrong(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    serve(&conf);
    int fd = raw_connect(&server), result;
    char text[ATE__ERROR_SIZE];
    uint8_t got[4096];
    static const uint8_t wrong[] = {8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
    raw_say(fd, raw_hello, sizeof raw_hello);
    raw_say(fd, wrong, sizeof wrong);
    /* More than the server reads: closing must not throw its last words away. */
    uint8_t *flood = calloc(1, 300000);
    raw_say(fd, flood, 300000);
    free(flood);
    size_t size = raw_read_to_end(fd, got, sizeof got), step;
    struct ate__net_frame frame;
    assert_int_equal(ate__net_frame_decode(ate__bytes(got, size), 1000, &frame, &step), 0);
    assert_int_equal(
        ate__net_frame_decode(ate__bytes(got + step, size - step), 2000, &frame, &step), 0);
    assert_int_equal(frame.type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(frame.body, &result, text), 0);
    assert_int_equal(result, ATE_BAD_PEER);
    assert_non_null(strstr(text, "type 9"));
    close(fd);
    peer_wait(&server, &server.closed, 1);
    peer_serve_end(&server);
}

static void test_resets(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    serve(&conf);
    struct peer client;
    struct ate__addr addr = peer_addr(&server);
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.opened, 1);
    for (int i = 0; i < 60; i++) {
        struct linger hard = {.l_onoff = 1};
        int fd = raw_connect(&server);
        if (i % 3 > 0)
            raw_say(fd, raw_hello, sizeof raw_hello);
        if (i % 3 > 1)
            raw_say(fd, "\xff\0\0\0\x10\0\0\0", 8); /* half a frame */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        assert_int_equal(peer_send(&client, 1, 100), 1);
        peer_wait(&client, &client.frames, (size_t)i + 1);
    }
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(peer_get(&client, &client.closed), 1);
    peer_serve_end(&server);
    peer_end(&client);
}

/* A connection that has said HELLO and most of a frame, of which a few bytes come now and then. */
static int raw_half(const void *half, size_t size)
{
    int fd = raw_connect(&server);
    uint8_t hello[512];
    raw_say(fd, raw_hello, sizeof raw_hello);
    assert_int_equal(recv(fd, hello, 4, MSG_WAITALL), 4);
    size_t rest = ate__load32(hello);
    assert_true(rest <= sizeof hello);
    assert_int_equal(recv(fd, hello, rest, MSG_WAITALL), rest);
    raw_say(fd, half, size);
    return fd;
}

/* All have one limit together: those that wait longest for the rest go, and nobody else; one alone
 * may pass it. */
static void test_halves_of_frames(void **state)
{
    (void)state;
    enum { MANY = 12, HALF = 1000000, LIMIT = 4 * HALF };
    struct ate__acceptor_conf conf = short_conf();
    struct peer client;
    int fd[MANY];
    conf.limits.ping_ms = conf.limits.dead_ms = 600000;
    conf.limits.unfinished_bytes = LIMIT;
    serve(&conf);
    struct ate__addr addr = peer_addr(&server);
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.opened, 1);
    assert_int_equal(peer_send(&client, 1, 3 * LIMIT), 1); /* whole soon, however large */
    peer_wait(&client, &client.frames, 1);
    uint8_t *half = calloc(1, HALF);
    ate__store32(half, 8 + HALF);
    half[4] = 16;
    for (size_t i = 0; i < MANY; i++) {
        fd[i] = raw_half(half, HALF);
        assert_int_equal(peer_send(&client, 1, 100), 1);
        peer_wait(&client, &client.frames, 2 + i);
    }
    peer_wait(&server, &server.closed, MANY - 4);
    assert_int_equal(server.result, ATE_BUSY);
    assert_non_null(strstr(server.text, "(unfinished)"));
    uint8_t got[4096];
    assert_true(raw_read_to_end(fd[0], got, sizeof got) > 0); /* it is told why */
    raw_say(fd[MANY - 1], half, 12); /* the newest is there, and ends its frame */
    assert_int_equal(recv(fd[MANY - 1], got, 12, MSG_WAITALL), 12);
    assert_true(ate__load32(got) == 8 + HALF && got[4] == 16);
    for (size_t i = 0; i < MANY; i++)
        close(fd[i]);
    free(half);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    assert_int_equal(client.result, ATE_CANCELED);
    peer_serve_end(&server);
    peer_end(&client);
}

/* A client that never reads its answers: the server stops reading it, and lets it go when it goes.
 */
static void test_never_reads(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    conf.limits.dead_ms = 60000;
    conf.limits.credit_bytes = 100000;
    serve(&conf);
    int fd = raw_connect(&server);
    raw_say(fd, raw_hello, sizeof raw_hello);
    size_t size = 4 + 8 + 60000, sent = 0;
    uint8_t *frame = calloc(1, size);
    ate__store32(frame, (uint32_t)size - 4);
    frame[4] = 16;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (poll(&p, 1, 500) == 0)
            break; /* nobody takes any more */
        ssize_t n = send(fd, frame + sent % size, size - sent % size, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0);
        sent += (size_t)n;
        assert_true(sent < 100u << 20);
    }
    free(frame);
    connect_and_echo(0);
    close(fd);
    peer_wait(&server, &server.closed, 2);
    peer_serve_end(&server);
}

/* --- many --- */

static void test_limit_of_connections(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    conf.limits.connections = 3;
    conf.limits.greeting_ms = 60000;
    serve(&conf);
    int fd[3];
    for (int i = 0; i < 3; i++)
        fd[i] = raw_connect(&server);
    connect_and_echo(ATE_OFFLINE);
    peer_wait(&server, &server.refused, 1);
    assert_int_equal(server.result, ATE_BUSY);
    assert_non_null(strstr(server.text, "3 connections are open"));
    close(fd[0]);
    peer_wait(&server, &server.refused, 2);
    connect_and_echo(0);
    close(fd[1]);
    close(fd[2]);
    peer_serve_end(&server);
}

/* Silent connections of one source, or of all, give way after their grace, the oldest first. */
static void test_greetings_give_way(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct ate__acceptor_conf conf = short_conf();
        conf.limits.greeting_ms = 60000;
        conf.limits.grace_ms = 100;
        *(all ? &conf.limits.greetings : &conf.limits.greetings_source) = 4;
        serve(&conf);
        int fd[4];
        for (int i = 0; i < 4; i++)
            fd[i] = raw_connect(&server);
        connect_and_echo(ATE_OFFLINE); /* within their grace the newcomer is refused */
        assert_int_equal(peer_result(&server), ATE_BUSY);
        usleep(150000);
        connect_and_echo(0);
        uint8_t got[100];
        (void)raw_read_to_end(fd[0], got, sizeof got); /* the oldest went */
        for (int i = 1; i < 4; i++) {
            char c;
            assert_int_equal(recv(fd[i], &c, 1, MSG_DONTWAIT), -1);
            assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
        }
        for (int i = 0; i < 4; i++)
            close(fd[i]);
        peer_serve_end(&server);
    }
}

/* An acceptor on :: sees IPv4 addresses mapped into IPv6; each is a source of its own. */
static void test_sources_of_both_kinds(void **state)
{
    (void)state;
    struct ate__acceptor_conf conf = short_conf();
    conf.host = "::";
    conf.no_wire_encryption = false;
    conf.limits.greeting_ms = 60000;
    conf.limits.greetings_source = 1;
    struct ate__acceptor *probe;
    static const struct ate__acceptor_events none = {0};
    if (ate__acceptor_new(loop, &conf, &none, NULL, &probe)) {
        print_message("# no IPv6 here: %s\n", ate__error_text());
        skip();
    }
    ate__acceptor_free(probe);
    serve(&conf);
    struct sockaddr_in to = local(ate__acceptor_port(server.acceptor)), from = local(0);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    connect_and_echo(0);
    close(fd);
    peer_serve_end(&server);
}

/* No descriptors left: accepting rests instead of spinning, and goes on when there are some. */
static void test_no_descriptors(void **state)
{
    (void)state;
    enum { MOST = 400 };
    struct ate__acceptor_conf conf = short_conf();
    conf.limits.greeting_ms = 60000;
    serve(&conf);
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 128;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int fd[MOST], count = 0, got;
    while (count < MOST && (got = raw_try(ate__acceptor_port(server.acceptor))) >= 0)
        fd[count++] = got;
    assert_true(count > 10 && count < 128);
    peer_wait(&server, &server.refused, 1);
    assert_int_equal(peer_result(&server), ATE_E_SYSTEM);
    size_t told = peer_get(&server, &server.refused);
    usleep(350000);
    assert_true(peer_get(&server, &server.refused) - told <= 5);
    while (count)
        close(fd[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    connect_and_echo(0);
    peer_serve_end(&server);
}

/* Until the other side has closed it. */
static void wait_for_end(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
}

static unsigned count_descriptors(int most)
{
    unsigned count = 0;
    for (int fd = 0; fd < most; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* While there is none newcomers are turned away at once, which is told once; who is there already
 * notices nothing. */
static void test_newcomers_without_descriptors(void **state)
{
    (void)state;
    enum { MOST = 200, NEWCOMERS = 5 };
    struct ate__acceptor_conf conf = short_conf();
    conf.limits.greeting_ms = 60000;
    serve(&conf);
    struct peer client;
    struct ate__addr addr = peer_addr(&server);
    peer_init(&client);
    assert_int_equal(peer_connect(&client, loop, &addr, NULL), 0);
    peer_wait(&client, &client.opened, 1);
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = MOST;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    unsigned usual = count_descriptors(MOST);
    for (size_t burst = 1; burst <= 2; burst++) {
        int filler[MOST], count = 0, fd;
        while ((fd = dup(STDERR_FILENO)) >= 0)
            filler[count++] = fd;
        assert_true(count > 10);
        close(filler[--count]); /* the newcomer's, of this same process */
        for (size_t i = 0; i < NEWCOMERS; i++) {
            fd = raw_connect(&server);
            wait_for_end(fd);
            close(fd);
            assert_int_equal(peer_send(&client, 1, 100), 1);
            peer_wait(&client, &client.frames, (burst - 1) * NEWCOMERS + i + 1);
        }
        assert_int_equal(peer_get(&server, &server.refused), burst);
        assert_int_equal(peer_result(&server), ATE_E_SYSTEM);
        while (count)
            close(filler[--count]);
        connect_and_echo(0);
        for (unsigned i = 0; i < 2000 && count_descriptors(MOST) > usual; i++)
            usleep(10000); /* both ends of it linger for a moment */
        assert_int_equal(count_descriptors(MOST), usual);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    peer_close(&client, ATE_CANCELED, NULL);
    peer_wait(&client, &client.closed, 1);
    peer_serve_end(&server);
    peer_end(&client);
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
        cmocka_unit_test(test_silent_server),
        cmocka_unit_test(test_silent_clients),
        cmocka_unit_test(test_dead_client),
        cmocka_unit_test(test_quiet_ends),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_told_what_is_wrong),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_halves_of_frames),
        cmocka_unit_test(test_never_reads),
        cmocka_unit_test(test_limit_of_connections),
        cmocka_unit_test(test_greetings_give_way),
        cmocka_unit_test(test_sources_of_both_kinds),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_newcomers_without_descriptors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
