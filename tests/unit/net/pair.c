/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pair.c: two connections joined in memory.
 */
#include "unit/net/pair.h"
#include "base/alloc.h"
#include <stdlib.h>

static struct ate__tls_server_key *key;

const struct ate__tls_server_key *pair_key(void)
{
    if (!key) {
        struct ate__secret pem = ATE__SECRET_NULL;
        assert_int_equal(ate__tls_server_key_generate(&pem), 0);
        assert_int_equal(ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &key), 0);
        ate__secret_deinit(&pem);
    }
    return key;
}

struct ate_hash pair_pin(void)
{
    return ate__tls_server_key_pin(pair_key());
}

void pair_key_free(void)
{
    ate__tls_server_key_free(key);
    key = NULL;
}

struct ate__conn_conf pair_client_conf(void)
{
    static struct ate_hash pin;
    pin = pair_pin();
    return (struct ate__conn_conf){.pins = &pin, .pin_count = 1, .hello = ate__hello_ours()};
}

struct ate__conn_conf pair_server_conf(void)
{
    return (struct ate__conn_conf){
        .server = true, .server_key = pair_key(), .hello = ate__hello_ours()};
}

struct pair pair_new(const struct ate__conn_conf *client, const struct ate__conn_conf *server)
{
    struct pair p = {.now_ms = 1000};
    if (client)
        assert_int_equal(ate__conn_new(client, p.now_ms, &p.client.conn), 0);
    if (server)
        assert_int_equal(ate__conn_new(server, p.now_ms, &p.server.conn), 0);
    return p;
}

struct pair pair_new_open(void)
{
    struct ate__conn_conf client = pair_client_conf(), server = pair_server_conf();
    struct pair p = pair_new(&client, &server);
    pair_run(&p, SIZE_MAX);
    assert_true(p.client.opened && p.server.opened);
    return p;
}

static void end_free(struct pair_end *e)
{
    ate__conn_free(e->conn);
    free(e->trace);
}

void pair_free(struct pair *p)
{
    end_free(&p->client);
    end_free(&p->server);
}

static void note(struct pair_end *e, const char *format, ...) ATE__PRINTF(2, 3);
static void note(struct pair_end *e, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t size = e->trace ? strlen(e->trace) : 0, more = strlen(line) + 2;
    e->trace = realloc(e->trace, size + more);
    assert_non_null(e->trace);
    snprintf(e->trace + size, more, "%s\n", line);
}

static void note_frame(struct pair_end *e, const struct ate__net_frame *f)
{
    e->frames++;
    if (f->body.size <= 40)
        note(e, "%u/%u %.*s", f->type, f->stream, (int)f->body.size, (const char *)f->body.data);
    else
        note(e, "%u/%u %zu", f->type, f->stream, f->body.size);
}

static void note_end(struct pair_end *e)
{
    assert_false(e->ended);
    e->ended = true;
    e->result = ate__conn_result(e->conn);
    snprintf(e->text, sizeof e->text, "%s", ate__conn_text(e->conn));
    assert_int_not_equal(e->result, 0);
    assert_int_not_equal(e->text[0], 0);
    note(e, "ended %s", ate__result_name(e->result) + 4);
}

void pair_see(struct pair *p, struct pair_end *e)
{
    if (!e->conn || e->ended)
        return;
    if (ate__conn_take_drained(e->conn))
        note(e, "drained");
    for (;;) {
        struct ate__net_frame frame;
        switch (ate__conn_next(e->conn, p->now_ms, &frame)) {
        case ATE__CONN_NOTHING: return;
        case ATE__CONN_OPENED:
            assert_false(e->opened);
            e->opened = true;
            note(e, "opened");
            break;
        case ATE__CONN_FRAME:
            assert_true(e->opened);
            note_frame(e, &frame);
            break;
        case ATE__CONN_ENDED: note_end(e); return;
        }
    }
}

size_t pair_move(struct pair *p, struct pair_end *from, struct pair_end *to, size_t most)
{
    if (!from->conn)
        return 0;
    struct ate_bytes out = ate__conn_out(from->conn);
    size_t size = ate__min(out.size, most);
    if (!size)
        return 0;
    /* A copy of its own, so that a byte too far is seen. */
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, out.data, size);
    ate__conn_sent(from->conn, size, p->now_ms);
    if (to->conn)
        ate__conn_feed(to->conn, ate__bytes(copy, size), p->now_ms);
    free(copy);
    pair_see(p, to);
    pair_see(p, from);
    return size;
}

void pair_run(struct pair *p, size_t step)
{
    size_t moved;
    do {
        moved = pair_move(p, &p->client, &p->server, step);
        moved += pair_move(p, &p->server, &p->client, step);
    } while (moved);
}

void pair_pass(struct pair *p, uint64_t ms)
{
    p->now_ms += ms;
    struct pair_end *ends[2] = {&p->client, &p->server};
    for (int i = 0; i < 2; i++) {
        if (!ends[i]->conn)
            continue;
        ate__conn_tick(ends[i]->conn, p->now_ms);
        assert_true(ate__conn_deadline(ends[i]->conn) > p->now_ms);
        pair_see(p, ends[i]);
    }
}

int pair_send(struct pair_end *from, uint16_t type, uint32_t stream, const void *body, size_t size)
{
    struct ate__wr w;
    int rc = ate__conn_begin(from->conn, type, stream, &w);
    if (rc)
        return rc;
    ate__wr_copy(&w, body, size);
    return ate__conn_end(from->conn, &w);
}

void pair_say(struct pair_end *from, uint32_t stream, const char *text)
{
    assert_int_equal(pair_send(from, 16, stream, text, strlen(text)), 0);
}

void pair_feed(struct pair *p, struct pair_end *to, const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    ate__conn_feed(to->conn, ate__bytes(copy, size), p->now_ms);
    free(copy);
    pair_see(p, to);
}

void pair_trace(const struct pair_end *e, const char *expected)
{
    assert_string_equal(e->trace ? e->trace : "", expected);
}
