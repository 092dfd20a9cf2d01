/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_fuzz.c: struct ate__client: the frames that a server may send, at a client without its
 * sockets, one that follows or not, with calls under way.
 *
 * Input: u8 flags (1: follows, 2: creates), then steps: u8 kind, and by kind 0: a frame: u8 type,
 * u8 stream (0: the present one), u16 size, body; 1: the honest OPENED with patches (patch.h);
 * 2: a call (u8: commit, outcome, head, proof,
 * checkpoint); 3: the honest COMMITTED (u8 request) with patches; 4: u16
 * milliseconds pass; 5: the link is lost; 6: there is room again; 7: the honest GOT of a head (u8
 * request, size) with patches; 8: connected.
 *
 * A call is done once; a commit is done well only if its transaction is in the history, under that
 * sequence; heads never fall, and are heads of the history from the first honest one on.
 */
#include "base/assert.h"
#include "mesh/client_private.h"
#include "patch.h"
#include "unit/mesh/stage.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 64, CALLS = 16 };

/* Keys lie in memory that leak checkers do not look through. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static struct stage_call *call[CALLS];
static size_t calls;

/* As client.c: the genesis is the right one and lies in the head; a head that is made up needs a
 * proof that holds. */
static int opened(struct ate__client_driver *d, const struct ate__msg_opened *m)
{
    struct stage *s = ATE__CONTAINER(d, struct stage, driver);
    struct ate_hash leaf;
    const struct ate__tx *genesis = &s->past->tx[0];
    if (!ate__hash_equal(&m->chain_id, &s->past->chain_id) ||
        !ate__bytes_equal(m->genesis, genesis->encoded))
        return ate__fail(ATE_WRONG_CHAIN, "another genesis");
    ate__assert(!ate__tx_leaf(genesis, ATE__SHA256, 0, m->genesis_time_us, &leaf));
    int rc = ate__merkle_check_inclusion(&leaf, 0, m->head.size, &m->inclusion, &m->head.root);
    s->opens += !rc;
    return rc;
}

static void say_patched(struct stage *s, struct ate__rd *r, uint16_t type, struct ate__buf *body)
{
    fuzz_patch(r, body->data, body->size);
    if (s->link && s->link->open)
        stage_say(s, type, s->c->stream, ate__buf_bytes(body));
    ate__buf_deinit(body);
}

static void say_opened(struct stage *s, struct ate__rd *r)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_opened m = stage_opened_at(s, 1 + ate__rd_u8(r) % s->past->size);
    ate__msg_opened_encode(&w, &m);
    ate__assert(!ate__wr_end(&w));
    say_patched(s, r, ATE__MSG_OPENED, &body);
}

static void say_committed(struct stage *s, struct ate__rd *r)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    uint64_t end = s->past->size, sequence = 1 + ate__rd_u8(r) % (end - 1);
    uint64_t known = ate__rd_u8(r) % end + 1;
    struct ate__msg_committed m =
        stage_committed_at(s, ate__rd_u8(r), sequence, end, ate__min(known, end));
    ate__msg_committed_encode(&w, &m);
    ate__assert(!ate__wr_end(&w));
    say_patched(s, r, ATE__MSG_COMMITTED, &body);
}

static void say_got(struct stage *s, struct ate__rd *r)
{
    static struct past_answer answer; /* large */
    struct ate__msg_get get = {.kind = ATE__GET_HEAD};
    struct ate__buf body = ATE__BUF_NULL;
    uint32_t request = ate__rd_u8(r);
    uint64_t size = 1 + ate__rd_u8(r) % s->past->size, known = 1 + ate__rd_u8(r) % size;
    past_answer_get(s->past, &get, size, &answer);
    past_answer_encode(&answer, request, known, &body);
    past_answer_free(&answer);
    say_patched(s, r, ATE__MSG_GOT, &body);
}

static void say_any(struct stage *s, struct ate__rd *r)
{
    uint16_t type = ate__rd_u8(r);
    uint32_t stream = ate__rd_u8(r);
    uint16_t length = ate__rd_u16(r);
    struct ate_bytes body = ate__rd_bytes(r, ate__min((size_t)length, ate__rd_left(r)));
    stream = stream ? stream : s->c->stream;
    bool passes = type >= ATE__NET_TYPE_FIRST || (type == ATE__NET_ERROR && stream);
    if (s->link && s->link->open && passes) /* others end the connection */
        stage_say(s, type, stream, body);
}

static void submit(struct stage *s, struct ate__rd *r)
{
    unsigned what = ate__rd_u8(r);
    if (calls == CALLS)
        return;
    static const enum ate__call_kind kinds[] = {ATE__CALL_COMMIT, ATE__CALL_OUTCOME, ATE__CALL_SYNC,
                                                ATE__CALL_PROVE, ATE__CALL_CHECKPOINT};
    enum ate__call_kind kind = kinds[what % ATE__COUNT_OF(kinds)];
    if (kind == ATE__CALL_COMMIT)
        call[calls++] = stage_commit_call(s, 1 + what / 3 % (s->past->size - 1), 5000);
    else
        call[calls++] = stage_read_call(s, kind, 5000);
}

static void step(struct stage *s, struct ate__rd *r)
{
    switch (ate__rd_u8(r) % 9) {
    case 0: say_any(s, r); break;
    case 1: say_opened(s, r); break;
    case 2: submit(s, r); break;
    case 3: say_committed(s, r); break;
    case 4: stage_pass(s, ate__rd_u16(r) % 4096); break;
    case 5:
        if (s->link)
            stage_lose(s, ATE_OFFLINE);
        break;
    case 6: stage_drained(s, SIZE_MAX); break;
    case 7: say_got(s, r); break;
    default:
        if (s->link && !s->link->open && !s->link->closing)
            stage_connected(s);
    }
    stage_turn(s);
    if (s->opens && !s->c->admitted && s->c->state != ATE__CLIENT_FINAL)
        ate__client_admit(s->c, ATE__SHA256);
    while (s->count) { /* what it sent is not looked at */
        s->first = (s->first + 1) % STAGE_FRAMES;
        s->count--;
    }
}

static void check_calls(const struct stage *s)
{
    for (size_t i = 0; i < calls; i++) {
        const struct stage_call *c = call[i];
        ate__assert(c->done <= 1);
        if (c->done && !c->call.result && c->call.kind == ATE__CALL_COMMIT &&
            !s->driver.subscribe) {
            uint64_t sequence = c->call.receipt.sequence;
            ate__assert(sequence < s->past->size &&
                        ate__hash_equal(&s->past->tx[sequence].hash, &c->call.tx_hash));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    uint8_t flags = ate__rd_u8(&r);
    struct stage *s = stage_new(flags & 1, flags & 2);
    s->driver.opened = opened;
    calls = 0;
    ate__client_start(s->c);
    for (unsigned i = 0; i < STEPS && ate__rd_left(&r); i++) {
        step(s, &r);
        check_calls(s);
        if (s->newest.size && s->newest.size <= s->past->size) {
            struct ate__head right = past_head(s->past, s->newest.size);
            ate__assert(ate__hash_equal(&s->newest.root, &right.root));
        }
    }
    ate__client_end(s->c);
    s->c = NULL;
    stage_turn(s);
    for (size_t i = 0; i < calls; i++) {
        ate__assert(call[i]->done == 1);
        stage_call_free(call[i]);
    }
    stage_free(s);
    return 0;
}
