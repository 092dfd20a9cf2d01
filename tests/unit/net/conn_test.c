/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Honest ends: greeting, frames, back-pressure, closing, time.
 */
#include "net/conn.h"
#include "base/alloc.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "unit/net/pair.h"
#include <stdlib.h>

static const size_t steps[] = {1, 3, 17, 1000, SIZE_MAX};

/* --- frames --- */

static void test_talk(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(steps); i++) {
        struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
        struct pair p = pair_new(&client, &server);
        assert_int_equal(pair_send(&p.client, 16, 1, "early", 5), ATE_OFFLINE);
        pair_run(&p, steps[i]);
        pair_say(&p.client, 1, "hello");
        pair_say(&p.client, 2, "");
        pair_say(&p.server, 1, "world");
        pair_run(&p, steps[i]);
        pair_trace(&p.client, "opened\n16/1 world\n");
        pair_trace(&p.server, "opened\n16/1 hello\n16/2 \n");
        assert_int_equal(ate__conn_version(p.server.conn), 1);
        assert_true(ate__conn_encrypted(p.server.conn));
        assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_OPEN);
        pair_free(&p);
    }
}

static void test_clear_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(steps); i++) {
        for (int tls = 0; tls < 2; tls++) {
            struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
            client.wire = tls ? ATE__WIRE_TLS : ATE__WIRE_CLEAR;
            server.wire = ATE__WIRE_EITHER;
            struct pair p = pair_new(&client, &server);
            pair_run(&p, steps[i]);
            pair_say(&p.client, 1, "hello");
            pair_say(&p.server, 1, "world");
            pair_run(&p, steps[i]);
            pair_trace(&p.client, "opened\n16/1 world\n");
            pair_trace(&p.server, "opened\n16/1 hello\n");
            assert_int_equal(ate__conn_encrypted(p.server.conn), tls);
            struct ate_hash channel[2];
            assert_int_equal(ate__conn_channel(p.client.conn, &channel[0]), 0);
            assert_int_equal(ate__conn_channel(p.server.conn, &channel[1]), 0);
            assert_true(ate__hash_equal(&channel[0], &channel[1]));
            assert_int_equal(ate__hash_is_zero(&channel[0]), !tls);
            pair_free(&p);
        }
    }
}

/* Frames of all sizes both ways, the bytes cut anywhere, ends paused now and then. */
static void test_random(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(20240902));
    static const size_t sizes[] = {0, 1, 100, 5000, 16384, 40000};
    char body[40000];
    memset(body, 'b', sizeof body);
    for (int round = 0; round < 30; round++) {
        struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
        bool clear = round % 3 == 0;
        client.wire = clear ? ATE__WIRE_CLEAR : ATE__WIRE_TLS;
        server.wire = clear ? ATE__WIRE_EITHER : ATE__WIRE_TLS;
        client.limits.credit_bytes = 20000;
        struct pair p = pair_new(&client, &server);
        struct pair_end *ends[2] = {&p.client, &p.server};
        size_t sent[2] = {0, 0};
        for (int turn = 0; turn < 300; turn++) {
            size_t i = rnd_below(&rnd, 2);
            if (ends[i]->opened && rnd_below(&rnd, 3) == 0) {
                size_t size = sizes[rnd_below(&rnd, ATE__COUNT_OF(sizes))];
                int rc = pair_send(ends[i], 16, (uint32_t)sent[i], body, size);
                assert_true(!rc || rc == ATE_BUSY);
                sent[i] += !rc;
            }
            if (rnd_below(&rnd, 10) == 0) {
                ate__conn_pause(ends[i]->conn, rnd_below(&rnd, 2), p.now_ms);
                pair_see(&p, ends[i]);
            }
            if (ate__conn_want_read(ends[1 - i]->conn))
                pair_move(&p, ends[i], ends[1 - i], rnd_below(&rnd, 30000) + 1);
        }
        for (int i = 0; i < 2; i++) {
            ate__conn_pause(ends[i]->conn, false, p.now_ms);
            pair_see(&p, ends[i]);
        }
        pair_run(&p, SIZE_MAX);
        assert_true(sent[0] > 5 && sent[1] > 5);
        assert_int_equal(p.client.frames, sent[1]);
        assert_int_equal(p.server.frames, sent[0]);
        assert_false(p.client.ended || p.server.ended);
        pair_free(&p);
    }
}

static void test_big_frames(void **state)
{
    (void)state;
    struct pair p = pair_new_open();
    uint8_t *body = calloc(1, ATE__NET_BODY_MAX + 1);
    assert_int_equal(pair_send(&p.client, 16, 1, body, ATE__NET_BODY_MAX + 1), ATE_TOO_BIG);
    assert_int_equal(pair_send(&p.client, 16, 1, body, ATE__NET_BODY_MAX), 0);
    assert_int_equal(pair_send(&p.client, 16, 1, body, 1), ATE_BUSY);
    pair_run(&p, 65536);
    pair_say(&p.client, 2, "on we go");
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.server, "opened\n16/1 16777208\n16/2 on we go\n");
    pair_trace(&p.client, "opened\ndrained\n");
    free(body);
    pair_free(&p);
}

/* --- versions and features --- */

static void test_features(void **state)
{
    (void)state;
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.hello = (struct ate__hello){1, 3, 0xf0ff, "newer"};
    server.hello = (struct ate__hello){1, 2, 0xff00, "older"};
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    assert_int_equal(ate__conn_version(p.client.conn), 2);
    assert_int_equal(ate__conn_version(p.server.conn), 2);
    assert_int_equal(ate__conn_features(p.client.conn), 0xf000);
    assert_int_equal(ate__conn_features(p.server.conn), 0xf000);
    pair_free(&p);
}

static void test_no_common_version(void **state)
{
    (void)state;
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.hello = (struct ate__hello){2, 3, 0, "ate 9"};
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.client, "ended UNSUPPORTED\n");
    pair_trace(&p.server, "ended UNSUPPORTED\n");
    assert_non_null(strstr(p.client.text, "ate 9 speaks 2 to 3"));
    assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSED);
    assert_int_equal(ate__conn_state(p.server.conn), ATE__CONN_CLOSED);
    pair_free(&p);
}

/* --- back-pressure --- */

static void test_credit(void **state)
{
    (void)state;
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.limits.credit_bytes = 1000;
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    char body[400] = {0};
    assert_int_equal(ate__conn_room(p.client.conn), 1000);
    for (int i = 0; i < 3; i++) /* the third passes the credit and is taken */
        assert_int_equal(pair_send(&p.client, 16, 1, body, sizeof body), 0);
    assert_int_equal(ate__conn_room(p.client.conn), 0);
    assert_int_equal(pair_send(&p.client, 16, 1, body, sizeof body), ATE_BUSY);
    assert_non_null(strstr(ate__error_text(), "1000"));
    assert_false(ate__conn_take_drained(p.client.conn));
    while (!ate__conn_room(p.client.conn))
        pair_move(&p, &p.client, &p.server, 100);
    pair_trace(&p.client, "opened\n");
    pair_run(&p, 100);
    pair_trace(&p.client, "opened\ndrained\n");
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.client, "opened\ndrained\n"); /* once */
    assert_int_equal(p.server.frames, 3);
    assert_int_equal(ate__conn_room(p.client.conn), 1000);
    pair_free(&p);
}

static void test_pause(void **state)
{
    (void)state;
    struct pair p = pair_new_open();
    ate__conn_pause(p.server.conn, true, p.now_ms);
    assert_false(ate__conn_want_read(p.server.conn));
    pair_say(&p.client, 1, "one");
    pair_say(&p.client, 1, "two");
    pair_run(&p, SIZE_MAX);
    pair_trace(&p.server, "opened\n");
    struct ate__net_frame frame;
    ate__conn_pause(p.server.conn, false, p.now_ms);
    assert_true(ate__conn_want_read(p.server.conn));
    assert_int_equal(ate__conn_next(p.server.conn, p.now_ms, &frame), ATE__CONN_FRAME);
    /* Paused inside an event: the next frame waits, the body in hand stays. */
    ate__conn_pause(p.server.conn, true, p.now_ms);
    assert_true(ate__bytes_equal(frame.body, ate__text_bytes("one")));
    pair_see(&p, &p.server);
    pair_trace(&p.server, "opened\n");
    /* The end comes after what arrived before it. */
    ate__conn_close(p.client.conn, ATE_CANCELED, NULL, p.now_ms);
    pair_run(&p, SIZE_MAX);
    ate__conn_eof(p.server.conn, NULL);
    pair_see(&p, &p.server);
    pair_trace(&p.server, "opened\n");
    ate__conn_pause(p.server.conn, false, p.now_ms);
    pair_see(&p, &p.server);
    pair_trace(&p.server, "opened\n16/1 two\nended END\n");
    pair_free(&p);
}

/* --- the end --- */

static void test_close(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(steps); i++) {
        struct pair p = pair_new_open();
        pair_say(&p.client, 1, "last words");
        pair_say(&p.server, 1, "lost");
        ate__conn_close(p.client.conn, ATE_CANCELED, NULL, p.now_ms);
        ate__conn_close(p.client.conn, ATE_BUSY, "again", p.now_ms);
        assert_int_equal(pair_send(&p.client, 16, 1, "x", 1), ATE_OFFLINE);
        assert_false(ate__conn_want_read(p.client.conn));
        pair_see(&p, &p.client);
        pair_run(&p, steps[i]);
        pair_trace(&p.server, "opened\n16/1 last words\nended END\n");
        pair_trace(&p.client, "opened\nended CANCELED\n");
        assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSED);
        assert_int_equal(ate__conn_state(p.server.conn), ATE__CONN_CLOSED);
        assert_int_equal(ate__conn_deadline(p.client.conn), UINT64_MAX);
        pair_free(&p);
    }
}

static void test_close_with_reason(void **state)
{
    (void)state;
    for (int clear = 0; clear < 2; clear++) {
        struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
        client.wire = clear ? ATE__WIRE_CLEAR : ATE__WIRE_TLS;
        server.wire = ATE__WIRE_EITHER;
        struct pair p = pair_new(&client, &server);
        pair_run(&p, 5);
        pair_say(&p.server, 1, "first");
        ate__conn_close(p.server.conn, ATE_BUSY, "too many chains\x1b[2J", p.now_ms);
        pair_run(&p, 5);
        pair_trace(&p.client, "opened\n16/1 first\nended BUSY\n");
        assert_string_equal(p.client.text,
                            "the other side ended the connection: too many chains\\x1b[2J");
        pair_trace(&p.server, "opened\nended BUSY\n");
        assert_int_equal(ate__conn_state(p.server.conn), ATE__CONN_CLOSED);
        assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSED);
        pair_free(&p);
    }
}

/* The owner closes while it holds a frame; the body stays until it lets go. */
static void test_close_inside_frame(void **state)
{
    (void)state;
    struct pair p = pair_new_open();
    pair_say(&p.client, 1, "body");
    pair_say(&p.client, 1, "never seen");
    struct ate_bytes out = ate__conn_out(p.client.conn);
    ate__conn_feed(p.server.conn, out, p.now_ms);
    struct ate__net_frame frame;
    assert_int_equal(ate__conn_next(p.server.conn, p.now_ms, &frame), ATE__CONN_FRAME);
    ate__conn_close(p.server.conn, ATE_DENIED, "no", p.now_ms);
    assert_true(ate__bytes_equal(frame.body, ate__text_bytes("body")));
    assert_int_equal(ate__conn_next(p.server.conn, p.now_ms, &frame), ATE__CONN_ENDED);
    assert_int_equal(ate__conn_next(p.server.conn, p.now_ms, &frame), ATE__CONN_ENDED);
    pair_free(&p);
}

/* An owner that is paused hears at once of a transport that failed. */
static void test_lost_while_paused(void **state)
{
    (void)state;
    struct pair p = pair_new_open();
    ate__conn_pause(p.server.conn, true, p.now_ms);
    pair_say(&p.client, 1, "not seen");
    pair_run(&p, SIZE_MAX);
    ate__conn_eof(p.server.conn, "Broken pipe");
    pair_see(&p, &p.server);
    pair_trace(&p.server, "opened\nended OFFLINE\n");
    pair_free(&p);
}

static void test_lost(void **state)
{
    (void)state;
    struct pair p = pair_new_open();
    ate__conn_eof(p.server.conn, "Connection reset by peer");
    pair_see(&p, &p.server);
    pair_trace(&p.server, "opened\nended OFFLINE\n");
    assert_non_null(strstr(p.server.text, "reset by peer"));
    assert_int_equal(ate__conn_out(p.server.conn).size, 0);
    /* TLS without its end was cut, by whomever. */
    ate__conn_eof(p.client.conn, NULL);
    pair_see(&p, &p.client);
    pair_trace(&p.client, "opened\nended OFFLINE\n");
    assert_non_null(strstr(p.client.text, "was cut"));
    pair_free(&p);
    struct ate__conn_conf client = pair_client_conf();
    p = pair_new(&client, NULL);
    ate__conn_eof(p.client.conn, NULL);
    pair_see(&p, &p.client);
    pair_trace(&p.client, "ended OFFLINE\n");
    assert_non_null(strstr(p.client.text, "before it said HELLO"));
    pair_free(&p);
}

static void test_clear_text_lost(void **state)
{
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
        client.wire = ATE__WIRE_CLEAR;
        server.wire = ATE__WIRE_EITHER;
        struct pair p = pair_new(&client, &server);
        pair_run(&p, SIZE_MAX);
        pair_say(&p.client, 1, "whole");
        pair_say(&p.client, 1, "cut");
        pair_move(&p, &p.client, &p.server, inside ? 20 : SIZE_MAX);
        ate__conn_eof(p.server.conn, NULL);
        pair_see(&p, &p.server);
        pair_trace(&p.server, inside ? "opened\n16/1 whole\nended OFFLINE\n"
                                     : "opened\n16/1 whole\n16/1 cut\nended END\n");
        pair_free(&p);
    }
}

/* --- time --- */

static struct ate__net_limits short_limits(void)
{
    return (struct ate__net_limits){
        .greeting_ms = 100, .ping_ms = 100, .dead_ms = 300, .linger_ms = 50};
}

static struct pair pair_new_short(void)
{
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.limits = server.limits = short_limits();
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    return p;
}

static void test_silent_peer(void **state)
{
    (void)state;
    /* stage: how many rounds of the greeting pass before the other side falls silent */
    for (int stage = 0; stage < 3; stage++) {
        for (int server_waits = 0; server_waits < 2; server_waits++) {
            struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
            client.limits = server.limits = short_limits();
            struct pair p = pair_new(&client, &server);
            struct pair_end *waits = server_waits ? &p.server : &p.client;
            for (int i = 0; i < stage; i++)
                if (i % 2)
                    pair_move(&p, &p.server, &p.client, SIZE_MAX);
                else
                    pair_move(&p, &p.client, &p.server, SIZE_MAX);
            p.now_ms += 99;
            ate__conn_tick(waits->conn, p.now_ms);
            pair_see(&p, waits);
            pair_trace(waits, "");
            assert_int_equal(ate__conn_deadline(waits->conn), 1100);
            p.now_ms += 1;
            ate__conn_tick(waits->conn, p.now_ms);
            pair_see(&p, waits);
            pair_trace(waits, "ended TIMEOUT\n");
            assert_non_null(strstr(waits->text, "100 ms"));
            p.now_ms += 50;
            ate__conn_tick(waits->conn, p.now_ms);
            assert_int_equal(ate__conn_state(waits->conn), ATE__CONN_CLOSED);
            pair_free(&p);
        }
    }
}

static void test_ping(void **state)
{
    (void)state;
    struct pair p = pair_new_short();
    /* Quiet ends keep each other alive for ever, without the owner seeing any of it. */
    for (int i = 0; i < 100; i++) {
        pair_pass(&p, 50);
        pair_run(&p, 3);
    }
    pair_trace(&p.client, "opened\n");
    pair_trace(&p.server, "opened\n");
    pair_free(&p);
}

static void test_dead(void **state)
{
    (void)state;
    struct pair p = pair_new_short();
    size_t lost = 0;
    for (int i = 0; i < 5; i++) { /* what the server says goes nowhere, what it hears is nothing */
        pair_pass(&p, 50);
        struct ate_bytes out = ate__conn_out(p.server.conn);
        lost += out.size > 0;
        ate__conn_sent(p.server.conn, out.size, p.now_ms);
    }
    assert_int_equal(lost, 2); /* PINGs after 100 and 200 ms */
    pair_trace(&p.server, "opened\n");
    pair_pass(&p, 50);
    pair_trace(&p.server, "opened\nended OFFLINE\n");
    assert_non_null(strstr(p.server.text, "300 ms"));
    assert_int_equal(ate__conn_state(p.server.conn), ATE__CONN_CLOSED);
    pair_free(&p);
}

/* Slow is not dead: a full transport that moves, or bytes that wait unread, are signs of life. */
static void test_slow(void **state)
{
    (void)state;
    struct pair p = pair_new_short();
    char body[5000] = {0};
    assert_int_equal(pair_send(&p.server, 16, 1, body, sizeof body), 0);
    ate__conn_pause(p.client.conn, true, p.now_ms);
    for (int i = 0; i < 40; i++) {
        p.now_ms += 50;
        (void)ate__conn_out(p.server.conn);
        ate__conn_sent(p.server.conn, 10, p.now_ms);
        ate__conn_alive(p.server.conn, p.now_ms);
        ate__conn_tick(p.server.conn, p.now_ms);
        pair_see(&p, &p.server);
    }
    pair_trace(&p.server, "opened\n");
    /* The paused side, whose transport reports nothing, judges; and after a pause it starts anew.
     */
    ate__conn_pause(p.client.conn, false, p.now_ms);
    ate__conn_tick(p.client.conn, p.now_ms);
    pair_see(&p, &p.client);
    pair_trace(&p.client, "opened\n");
    pair_free(&p);
}

static void test_linger(void **state)
{
    (void)state;
    struct pair p = pair_new_short();
    pair_say(&p.client, 1, "nobody reads this");
    ate__conn_close(p.client.conn, ATE_CANCELED, NULL, p.now_ms);
    pair_pass(&p, 49);
    assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSING);
    assert_int_equal(ate__conn_deadline(p.client.conn), p.now_ms + 1);
    pair_pass(&p, 1);
    assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSED);
    assert_int_equal(ate__conn_out(p.client.conn).size, 0);
    pair_trace(&p.client, "opened\nended CANCELED\n");
    pair_free(&p);
}

/* Who waits for the end of a close may shorten it, also while it is under way. */
static void test_hurry(void **state)
{
    (void)state;
    struct pair p = pair_new_short();
    pair_say(&p.client, 1, "nobody reads this");
    ate__conn_hurry(p.client.conn, 1000); /* it lowers only */
    ate__conn_close(p.client.conn, ATE_CANCELED, NULL, p.now_ms);
    assert_int_equal(ate__conn_deadline(p.client.conn), p.now_ms + 50);
    ate__conn_hurry(p.client.conn, 20);
    assert_int_equal(ate__conn_deadline(p.client.conn), p.now_ms + 20);
    pair_pass(&p, 20);
    assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSED);
    pair_free(&p);
}

/* Dropped: nothing more leaves, from whatever state, and the first reason stays. */
static void test_drop(void **state)
{
    (void)state;
    for (int closing = 0; closing < 2; closing++) {
        struct pair p = pair_new_short();
        pair_say(&p.client, 1, "half of this is encrypted already");
        assert_int_equal(ate__conn_unsent(p.client.conn),
                         ATE__NET_FRAME_HEAD + strlen("half of this is encrypted already"));
        assert_true(ate__conn_out(p.client.conn).size > 0);
        assert_true(ate__conn_unsent(p.client.conn) > 0);
        if (closing)
            ate__conn_close(p.client.conn, ATE_CANCELED, NULL, p.now_ms);
        ate__conn_drop(p.client.conn, ATE_BUSY, "too much of it", p.now_ms);
        assert_int_equal(ate__conn_unsent(p.client.conn), 0);
        assert_int_equal(ate__conn_out(p.client.conn).size, 0);
        assert_int_equal(ate__conn_state(p.client.conn), ATE__CONN_CLOSED);
        struct ate__wr w;
        assert_int_equal(ate__conn_begin(p.client.conn, 16, 1, &w), ATE_OFFLINE);
        pair_see(&p, &p.client);
        pair_trace(&p.client, closing ? "opened\nended CANCELED\n" : "opened\nended BUSY\n");
        ate__conn_drop(p.client.conn, ATE_OFFLINE, "again", p.now_ms);
        assert_int_equal(ate__conn_result(p.client.conn), closing ? ATE_CANCELED : ATE_BUSY);
        pair_free(&p);
    }
}

/* The deadline never lies in the past after a tick, so that no timer can spin. */
/* The limits of a greeting go on for what is received by who confines: a frame, all bytes, the
 * time; and are gone with that. */
static void test_confined(void **state)
{
    (void)state;
    static uint8_t body[20 << 10];
    for (unsigned way = 0; way < 4; way++) {
        struct pair p = pair_new_open();
        ate__conn_confine(p.server.conn, true);
        assert_true(ate__conn_deadline(p.server.conn) <= p.now_ms + ATE__NET_GREETING_MS);
        if (way == 3) {
            ate__conn_confine(p.server.conn, false);
            assert_int_equal(pair_send(&p.client, 16, 7, body, sizeof body), 0);
        } else if (way == 0) {
            assert_int_equal(pair_send(&p.client, 16, 7, body, sizeof body), 0);
        }
        for (unsigned i = 0; way == 1 && i < 5; i++)
            assert_int_equal(pair_send(&p.client, 16, 7, body, 15 << 10), 0);
        pair_run(&p, SIZE_MAX);
        if (way >= 2)
            for (unsigned i = 0; i < ATE__NET_GREETING_MS / 1000; i++)
                pair_pass(&p, 1000);
        pair_run(&p, SIZE_MAX);
        assert_int_equal(p.server.ended, way != 3);
        assert_int_equal(p.server.frames, way == 3);
        if (way != 3)
            assert_int_equal(p.server.result, way == 2 ? ATE_TIMEOUT : ATE_TOO_BIG);
        if (way == 1 || way == 2)
            assert_non_null(strstr(p.server.text, "key"));
        assert_int_equal(p.client.ended, way != 3);
        pair_free(&p);
    }
}

static void test_deadline(void **state)
{
    (void)state;
    struct pair p = pair_new_short();
    pair_say(&p.client, 1, "stuck in a full transport");
    for (int i = 0; i < 29; i++)
        pair_pass(&p, 10); /* asserts it */
    assert_int_equal(ate__conn_deadline(p.client.conn), p.now_ms + 10);
    pair_free(&p);
}

/* --- memory --- */

static int talk_once(void *arg)
{
    bool clear = *(bool *)arg;
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.wire = clear ? ATE__WIRE_CLEAR : ATE__WIRE_TLS;
    server.wire = ATE__WIRE_EITHER;
    struct pair p = {.now_ms = 1000};
    int rc = ate__conn_new(&client, p.now_ms, &p.client.conn);
    if (!rc)
        rc = ate__conn_new(&server, p.now_ms, &p.server.conn);
    if (!rc) {
        pair_run(&p, SIZE_MAX);
        char body[3000] = {0};
        for (int i = 0; !rc && i < 2; i++) {
            struct pair_end *e = i ? &p.server : &p.client;
            if (!e->ended)
                rc = pair_send(e, 16, 1, body, sizeof body);
            rc = rc == ATE_OFFLINE ? 0 : rc;
        }
        pair_pass(&p, 10000);
        pair_run(&p, SIZE_MAX);
        ate__conn_close(p.client.conn, ATE_BUSY, "reason", p.now_ms);
        pair_run(&p, SIZE_MAX);
        if (!rc && p.client.ended && p.client.result < 0)
            rc = p.client.result;
        if (!rc && p.server.ended && p.server.result < 0)
            rc = p.server.result;
    }
    ate__conn_free(p.client.conn);
    ate__conn_free(p.server.conn);
    free(p.client.trace);
    free(p.server.trace);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int clear = 0; clear < 2; clear++) {
        bool arg = clear;
        assert_int_equal(talk_once(&arg), 0);
        /* Tolerant: a PING or the reason of an end may go unsaid. */
        assert_true(heap_sweep(talk_once, &arg, true) >= 5);
    }
}

/* A length that is claimed costs nothing; a connection that is idle holds next to nothing. */
static void test_memory_held(void **state)
{
    (void)state;
    pair_key();
    heap_start();
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    client.wire = ATE__WIRE_CLEAR;
    server.wire = ATE__WIRE_EITHER;
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    size_t idle = heap_bytes();
    static const uint8_t claim[] = {0xff, 0xff, 0xff, 0, 16, 0, 0, 0, 1, 0, 0, 0, 'x'};
    pair_feed(&p, &p.server, claim, sizeof claim);
    assert_true(heap_bytes() < idle + 1000);
    pair_free(&p);
    p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    char *body = calloc(1, 1000000);
    assert_int_equal(pair_send(&p.client, 16, 1, body, 1000000), 0);
    pair_run(&p, 65536);
    free(body);
    pair_pass(&p, 10000);
    pair_run(&p, SIZE_MAX);
    assert_true(heap_bytes() < idle + 1000);
    pair_free(&p);
    heap_stop();
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
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_clear_text),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_big_frames),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_no_common_version),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_with_reason),
        cmocka_unit_test(test_close_inside_frame),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_lost_while_paused),
        cmocka_unit_test(test_clear_text_lost),
        cmocka_unit_test(test_silent_peer),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_dead),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_hurry),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_confined),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_memory_held),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
