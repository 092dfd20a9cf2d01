/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Ends that break the rules: in each case a documented result at the honest end, no memory without
 * limit, and the neighbour of a wrong frame is told what was wrong.
 */
#include "base/endian.h"
#include "base/text.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "net/conn.h"
#include "unit/net/pair.h"
#include <stdlib.h>

/* --- an end whose bytes the test writes: clear text, or TLS by hand --- */

struct attacker {
    struct pair p; /* the honest end is one of the two, the other is NULL */
    struct pair_end *honest;
    struct ate__tls *tls; /* NULL in clear text */
    struct ate__buf got; /* what the honest end said, in clear */
};

static void attacker_pull(struct attacker *a)
{
    for (int i = 0; i < 4; i++) {
        struct ate_bytes out = ate__conn_out(a->honest->conn);
        if (a->tls) {
            struct ate__buf copy = ATE__BUF_NULL;
            assert_int_equal(ate__buf_append(&copy, out), 0);
            ate__conn_sent(a->honest->conn, out.size, a->p.now_ms);
            int rc = ate__tls_feed(a->tls, ate__buf_bytes(&copy), &a->got);
            assert_true(!rc || rc == ATE_BAD_PEER || rc == ATE_MISUSE);
            ate__buf_deinit(&copy);
            struct ate__buf back = ATE__BUF_NULL;
            assert_int_equal(ate__tls_pull(a->tls, &back), 0);
            if (back.size)
                pair_feed(&a->p, a->honest, back.data, back.size);
            ate__buf_deinit(&back);
        } else {
            assert_int_equal(ate__buf_append(&a->got, out), 0);
            ate__conn_sent(a->honest->conn, out.size, a->p.now_ms);
        }
    }
}

/* Against a server (the attacker connects) or a client; TLS is shaken, HELLO is not said. */
static struct attacker attacker_new(bool server, bool clear, const struct ate__net_limits *limits)
{
    struct attacker a = {0};
    struct ate__conn_conf conf = server ? pair_server_conf() : pair_client_conf();
    conf.wire = clear ? (server ? ATE__WIRE_EITHER : ATE__WIRE_CLEAR) : ATE__WIRE_TLS;
    if (limits)
        conf.limits = *limits;
    a.p = server ? pair_new(NULL, &conf) : pair_new(&conf, NULL);
    struct ate_hash pin = pair_pin();
    if (!clear && server)
        assert_int_equal(ate__tls_new_client(&pin, 1, &a.tls), 0);
    if (!clear && !server)
        assert_int_equal(ate__tls_new_server(pair_key(), &a.tls), 0);
    return a;
}

static void attacker_begin(struct attacker *a, bool server)
{
    a->honest = server ? &a->p.server : &a->p.client;
    attacker_pull(a);
    attacker_pull(a);
}

static void attacker_say(struct attacker *a, const void *bytes, size_t size)
{
    if (!a->tls) {
        pair_feed(&a->p, a->honest, bytes, size);
        return;
    }
    struct ate__buf wire = ATE__BUF_NULL;
    assert_int_equal(ate__tls_write(a->tls, ate__bytes(bytes, size)), 0);
    assert_int_equal(ate__tls_pull(a->tls, &wire), 0);
    pair_feed(&a->p, a->honest, wire.data, wire.size);
    ate__buf_deinit(&wire);
}

static void attacker_hello(struct attacker *a)
{
    static const uint8_t hello[] = {0x15, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* head */
                                    1,    0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    attacker_say(a, hello, sizeof hello);
    assert_true(a->honest->opened);
}

static void attacker_free(struct attacker *a)
{
    ate__tls_free(a->tls);
    ate__buf_deinit(&a->got);
    pair_free(&a->p);
}

/* Does the last frame that the honest end said name this result? */
static bool told(struct attacker *a, int result)
{
    attacker_pull(a);
    struct ate_bytes left = ate__buf_bytes(&a->got);
    struct ate__net_frame frame = {0};
    size_t size;
    while (!ate__net_frame_decode(left, ATE__NET_FRAME_MAX, &frame, &size) && size)
        left = ate__bytes((const uint8_t *)left.data + size, left.size - size);
    int got = 0;
    char text[ATE__ERROR_SIZE];
    assert_int_equal(left.size, 0);
    return frame.type == ATE__NET_ERROR && !ate__net_error_decode(frame.body, &got, text) &&
           got == result;
}

/* --- wrong frames --- */

struct wrong {
    const char *what;
    bool open; /* after HELLO, or as the first frame */
    uint8_t bytes[32];
    size_t size;
    int result;
};
/* clear-text heads: length, type, zero, stream */
static const struct wrong wrong_frames[] = {
    {"length 0", false, {0, 0, 0, 0}, 4, ATE_BAD_PEER},
    {"length 7", true, {7, 0, 0, 0}, 4, ATE_BAD_PEER},
    {"big before HELLO", false, {1, 0x40, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_TOO_BIG},
    {"4 GiB", true, {0xff, 0xff, 0xff, 0xff}, 4, ATE_TOO_BIG},
    {"16 MiB and 1", true, {1, 0, 0, 1}, 4, ATE_TOO_BIG},
    {"reserved", true, {8, 0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"type 0", true, {8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"not HELLO", false, {8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"PING before HELLO", false, {8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"empty HELLO", false, {8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"HELLO on a stream",
     false,
     {0x15, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     25,
     ATE_BAD_PEER},
    {"HELLO of versions 9 to 10",
     false,
     {0x15, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     25,
     ATE_UNSUPPORTED},
    {"HELLO of versions 2 to 1",
     false,
     {0x15, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     25,
     ATE_BAD_PEER},
    {"second HELLO",
     true,
     {0x15, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     25,
     ATE_BAD_PEER},
    {"empty PING", true, {8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"long PING",
     true,
     {17, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
     21,
     ATE_BAD_PEER},
    {"PING on a stream",
     true,
     {16, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
     20,
     ATE_BAD_PEER},
    {"short PONG",
     true,
     {15, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7},
     19,
     ATE_BAD_PEER},
    {"type 5", true, {8, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"type 15", true, {8, 0, 0, 0, 15, 0, 0, 0, 1, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"empty ERROR", true, {8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}, 12, ATE_BAD_PEER},
    {"ERROR of nothing",
     true,
     {14, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     18,
     ATE_BAD_PEER},
};

static void test_wrong_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(wrong_frames); i++) {
        const struct wrong *w = &wrong_frames[i];
        for (int mode = 0; mode < 4; mode++) {
            bool server = mode & 1, clear = mode & 2;
            struct attacker a = attacker_new(server, clear, NULL);
            attacker_begin(&a, server);
            if (w->open)
                attacker_hello(&a);
            attacker_say(&a, w->bytes, w->size);
            if (a.honest->result != w->result || !told(&a, w->result))
                fail_msg("%s, mode %d: %d %s", w->what, mode, a.honest->result, a.honest->text);
            assert_int_equal(a.honest->frames, 0);
            assert_int_equal(ate__conn_state(a.honest->conn), ATE__CONN_CLOSED);
            attacker_free(&a);
        }
    }
}

/* ERROR on stream 0 instead of HELLO, and later; results that a peer has no business to give. */
static void test_error_frames(void **state)
{
    (void)state;
    static const struct {
        int given, result;
    } cases[] = {
        {ATE_BUSY, ATE_BUSY},  {ATE_E_IO, ATE_OFFLINE}, {ATE_E_BUG, ATE_OFFLINE},
        {77777, ATE_BAD_PEER}, {-5, ATE_BAD_PEER},      {1, ATE_BAD_PEER},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        for (int open = 0; open < 2; open++) {
            struct attacker a = attacker_new(false, false, NULL);
            attacker_begin(&a, false);
            if (open)
                attacker_hello(&a);
            struct ate__buf buf = ATE__BUF_NULL;
            struct ate__wr w = ate__wr_of(&buf);
            size_t mark = ate__net_frame_begin(&w, ATE__NET_ERROR, 0);
            ate__net_error_encode(&w, cases[i].given, "because");
            assert_int_equal(ate__net_frame_end(&w, mark, ATE__NET_FRAME_MAX), 0);
            attacker_say(&a, buf.data, buf.size);
            assert_int_equal(a.honest->result, cases[i].result);
            assert_non_null(strstr(a.honest->text, "because"));
            ate__buf_deinit(&buf);
            attacker_free(&a);
        }
    }
}

/* --- limits before HELLO --- */

/* A frame of HELLO of this length, for clear text or a TLS of ours. */
static uint8_t *hello_of(uint32_t length)
{
    static const uint8_t head[] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
    uint8_t *frame = calloc(1, length + 4);
    assert_non_null(frame);
    ate__store32(frame, length);
    memcpy(frame + 4, head, sizeof head);
    return frame;
}

static void test_greeting_frame(void **state)
{
    (void)state;
    /* A HELLO of a later version whose length begins as a record of TLS does. */
    for (uint32_t length = 0x314; length <= 0x317; length++) {
        struct attacker a = attacker_new(true, true, NULL);
        attacker_begin(&a, true);
        uint8_t *frame = hello_of(length);
        attacker_say(&a, frame, length + 4);
        assert_true(a.honest->opened);
        free(frame);
        attacker_free(&a);
    }
    for (int mode = 0; mode < 4; mode++) {
        bool clear = mode & 1, more = mode & 2;
        struct attacker a = attacker_new(true, clear, NULL);
        attacker_begin(&a, true);
        uint32_t length = ATE__NET_GREETING_FRAME_MAX + more;
        uint8_t *frame = hello_of(length);
        attacker_say(&a, frame, length + 4);
        assert_int_equal(a.honest->opened, !more);
        assert_int_equal(a.honest->result, more ? ATE_TOO_BIG : 0);
        free(frame);
        attacker_free(&a);
    }
}

static void test_greeting_bytes(void **state)
{
    (void)state;
    /* The overhead of TLS counts: a legal HELLO, one byte a record, never gets to its end. */
    struct attacker a = attacker_new(true, false, NULL);
    attacker_begin(&a, true);
    uint8_t *frame = hello_of(ATE__NET_GREETING_FRAME_MAX);
    size_t said = 0;
    while (!a.honest->ended && said < ATE__NET_GREETING_FRAME_MAX)
        attacker_say(&a, frame + said++, 1);
    assert_int_equal(a.honest->result, ATE_TOO_BIG);
    assert_non_null(strstr(a.honest->text, "65536"));
    assert_true(said > 2000 && said < 4000);
    assert_true(told(&a, ATE_TOO_BIG));
    free(frame);
    attacker_free(&a);
    /* A ClientHello without end. */
    a = attacker_new(true, false, NULL);
    a.honest = &a.p.server;
    static uint8_t record[5 + 16000] = {0x16, 3, 1, 16000 >> 8, 16000 & 255, 1, 1, 0, 0, 3, 3};
    for (said = 0; !a.honest->ended && said < 20; said++)
        pair_feed(&a.p, a.honest, record, sizeof record);
    assert_true(a.honest->result == ATE_TOO_BIG || a.honest->result == ATE_BAD_PEER);
    assert_true(said <= 5);
    attacker_free(&a);
}

/* --- garbage at each stage --- */

static void test_garbage(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(20240903));
    for (int round = 0; round < 120; round++) {
        /* stage 0: instead of a greeting; 1: inside TLS, instead of HELLO; 2: after HELLO;
         * 3: into the ciphertext */
        int stage = round % 4;
        bool server = rnd_below(&rnd, 2), clear = stage != 3 && rnd_below(&rnd, 2);
        struct attacker a = attacker_new(server, clear, NULL);
        a.honest = server ? &a.p.server : &a.p.client;
        if (stage > 0)
            attacker_begin(&a, server);
        if (stage > 1)
            attacker_hello(&a);
        uint8_t junk[3000];
        for (int i = 0; i < 40 && !a.honest->ended; i++) {
            size_t size = rnd_below(&rnd, sizeof junk) + 1;
            rnd_bytes(&rnd, junk, size);
            if (stage == 0 || stage == 3)
                pair_feed(&a.p, a.honest, junk, size);
            else
                attacker_say(&a, junk, size);
        }
        /* Random bytes are very unlikely to be 40 runs of good frames. */
        assert_true(a.honest->ended);
        int rc = a.honest->result;
        assert_true(rc == ATE_BAD_PEER || rc == ATE_TOO_BIG);
        assert_int_equal(a.honest->frames, 0);
        attacker_free(&a);
    }
}

/* What a web browser, a mail client and others begin with. */
static void test_other_protocols(void **state)
{
    (void)state;
    static const char *const first[] = {
        "GET / HTTP/1.1\r\n\r\n", "EHLO x\r\n", "SSH-2.0-x\r\n",
        "\x80\x2e\x01\x03\x01zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"};
    for (size_t i = 0; i < ATE__COUNT_OF(first); i++) {
        for (int mode = 0; mode < 4; mode++) {
            bool server = mode & 1, clear = mode & 2;
            struct attacker a = attacker_new(server, clear, NULL);
            a.honest = server ? &a.p.server : &a.p.client;
            pair_feed(&a.p, a.honest, first[i], strlen(first[i]));
            int rc = a.honest->result;
            assert_true(rc == ATE_BAD_PEER || rc == ATE_TOO_BIG);
            attacker_free(&a);
        }
    }
}

/* --- downgrades and pins --- */

static void test_mixed_wire(void **state)
{
    (void)state;
    /* The client wants TLS, the server speaks clear text first: refused. */
    struct attacker a = attacker_new(false, false, NULL);
    a.honest = &a.p.client;
    uint8_t *frame = hello_of(21);
    pair_feed(&a.p, a.honest, frame, 25);
    pair_trace(a.honest, "ended BAD_PEER\n");
    free(frame);
    attacker_free(&a);
    /* The client says clear text, the server was not told so: both sides say what is wrong. */
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.wire = ATE__WIRE_CLEAR;
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.server, "ended BAD_PEER\n");
    assert_int_equal(ate__conn_state(p.server.conn), ATE__CONN_CLOSED);
    ate__conn_eof(p.client.conn, NULL); /* OpenSSL has no alert for those who speak no TLS */
    pair_see(&p, &p.client);
    pair_trace(&p.client, "ended OFFLINE\n");
    assert_non_null(strstr(p.client.text, "conf.no_wire_encryption"));
    pair_free(&p);
    p = pair_new(&client, NULL);
    pair_feed(&p, &p.client, "\x15\x03\x03\x00\x02\x02\x46", 7);
    pair_trace(&p.client, "ended BAD_PEER\n");
    assert_non_null(strstr(p.client.text, "conf.no_wire_encryption"));
    pair_free(&p);
}

static void test_wrong_pin(void **state)
{
    (void)state;
    char text[ATE__HASH_TEXT];
    struct ate_hash pins[2] = {{{1, 2, 3}}, pair_pin()};
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.pins = pins;
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.client, "ended UNTRUSTED\n");
    assert_non_null(strstr(p.client.text, ate__hash_text(&pins[0], text)));
    assert_non_null(strstr(p.client.text, ate__hash_text(&pins[1], text)));
    pair_trace(&p.server, "ended BAD_PEER\n");
    assert_int_equal(ate__conn_state(p.server.conn), ATE__CONN_CLOSED);
    pair_free(&p);
    client.pin_count = 2;
    p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.client, "opened\n");
    pair_free(&p);
}

/* --- floods --- */

/* A peer that only sends PINGs and never reads: one answer waits, the newest. */
static void test_ping_flood(void **state)
{
    (void)state;
    for (int clear = 0; clear < 2; clear++) {
        struct ate__net_limits limits = {.credit_bytes = 2000};
        struct attacker a = attacker_new(true, clear, &limits);
        attacker_begin(&a, true);
        attacker_hello(&a);
        uint8_t ping[20] = {16, 0, 0, 0, ATE__NET_PING};
        size_t due = 0;
        for (uint32_t i = 1; i <= 20000; i++) {
            ate__store32(ping + 12, i);
            attacker_say(&a, ping, sizeof ping);
            due = ate__conn_out(a.honest->conn).size;
        }
        assert_false(a.honest->ended);
        assert_true(due < 2100);
        ate__buf_clear(&a.got);
        attacker_pull(&a);
        assert_true(a.got.size <= 2100);
        assert_int_equal(ate__load32(a.got.data + a.got.size - 8), 20000);
        attacker_free(&a);
    }
}

/* Frames nobody asked for, to an owner that is behind: what is in memory is what was fed. */
static void test_frame_flood(void **state)
{
    (void)state;
    pair_key();
    heap_start();
    struct attacker a = attacker_new(true, true, NULL);
    attacker_begin(&a, true);
    attacker_hello(&a);
    ate__conn_pause(a.honest->conn, true, a.p.now_ms);
    size_t before = heap_bytes(), fed = 0;
    static const uint8_t frame[12] = {8, 0, 0, 0, 16};
    while (ate__conn_want_read(a.honest->conn) || !fed) {
        attacker_say(&a, frame, sizeof frame);
        fed += sizeof frame;
    }
    assert_int_equal(fed, sizeof frame); /* the transport is told not to read */
    assert_true(heap_bytes() <= before + 1000);
    attacker_free(&a);
    heap_stop();
}

/* Every cut of an honest exchange: the other side ends with a result, whatever it was doing. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    for (size_t cut = 0; cut < 20000; cut += 379) {
        struct pair p = pair_new(&client, &server);
        size_t moved = 0, step;
        do {
            step = pair_move(&p, &p.client, &p.server, cut - moved);
            moved += step;
            size_t back = pair_move(&p, &p.server, &p.client, cut - moved);
            moved += back;
            step += back;
        } while (step && moved < cut);
        ate__conn_eof(p.client.conn, NULL);
        ate__conn_eof(p.server.conn, "Broken pipe");
        pair_see(&p, &p.client);
        pair_see(&p, &p.server);
        assert_int_equal(p.client.result, ATE_OFFLINE);
        assert_int_equal(p.server.result, ATE_OFFLINE);
        pair_free(&p);
    }
}

static int teardown(void **state)
{
    (void)state;
    pair_key_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_frames),   cmocka_unit_test(test_error_frames),
        cmocka_unit_test(test_greeting_frame), cmocka_unit_test(test_greeting_bytes),
        cmocka_unit_test(test_garbage),        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_mixed_wire),     cmocka_unit_test(test_wrong_pin),
        cmocka_unit_test(test_ping_flood),     cmocka_unit_test(test_frame_flood),
        cmocka_unit_test(test_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
