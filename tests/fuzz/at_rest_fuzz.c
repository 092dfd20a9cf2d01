/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * at_rest_fuzz.c: ate__at_rest_open() and the calls that go through it, on a log whose frames and
 * checksums hold and whose records are whatever somebody put there.
 *
 * Input, for each record: u8 kind, u8 length, so many bytes. Kind 0: they are the record; 1: it is
 * what they are sealed; 2: sealed for the place behind it; 3: a mark and the name in front of them.
 *
 * What comes of each call is what an oracle says, and the same of all three. What is opened, and
 * sealed again, is the same bytes.
 */
#include "base/assert.h"
#include "base/rd.h"
#include "redo/at_rest.h"
#include "unit/redo/kit.h"
#include "unit/redo/turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 16, TAIL = 16 };
static const char mark[] = "\xff\4turn";
enum { MARK = sizeof mark - 1 };

struct world {
    struct kit k;
    struct ate__buf stored[RECORDS_MAX];
    size_t count, next;
};

static void add(struct ate__buf *buf, struct ate_bytes bytes)
{
    ate__assert(!ate__buf_append(buf, bytes));
}

static void take_records(struct ate__rd *r, struct world *w)
{
    while (ate__rd_left(r) && w->count < RECORDS_MAX) {
        struct ate__buf *to = &w->stored[w->count];
        unsigned kind = ate__rd_u8(r) % 4;
        size_t length = ate__rd_u8(r);
        struct ate_bytes bytes = ate__rd_bytes(r, ate__min(length, ate__rd_left(r)));
        if (kind)
            add(to, ate__text_bytes(mark));
        if (kind == 1 || kind == 2)
            ate__assert(!turn_at_rest.seal(NULL, &kit_chain, w->count + kind - 1, bytes, to));
        else
            add(to, bytes);
        w->count += to->size > 0; /* no record is empty */
    }
}

/* True: it opens, as *ret. */
static bool opened(const struct world *w, size_t n, struct ate__buf *ret)
{
    const struct ate__buf *s = &w->stored[n];
    uint64_t sequence = n;
    if (s->data[0] != ATE__AT_REST_MARK) {
        add(ret, ate__buf_bytes(s));
        return true;
    }
    if (s->size <= MARK + TAIL || memcmp(s->data, mark, MARK) != 0 ||
        memcmp(s->data + s->size - TAIL, kit_chain.b, 8) != 0 ||
        memcmp(s->data + s->size - 8, &sequence, 8) != 0)
        return false;
    for (size_t i = MARK; i < s->size - TAIL; i++)
        add(ret, ate__bytes(&(uint8_t){(uint8_t)(s->data[i] - 1)}, 1));
    return true;
}

static void check(struct world *w, size_t n, struct ate_bytes record)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf wanted = ATE__BUF_NULL;
    ate__assert(opened(w, n, &wanted) && ate__bytes_equal(record, ate__buf_bytes(&wanted)));
}

static int each(void *arg, const struct ate__record_out *record)
{
    struct world *w = arg;
    ate__assert(record->sequence == w->next);
    check(w, w->next++, record->body);
    return 0;
}

static bool is_refusal(int rc)
{
    return rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED;
}

static void read_one(struct world *w, size_t n)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf record = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf part = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf again = ATE__BUF_NULL;
    const struct ate__storage_vtable *v = w->k.s->v;
    int rc = v->load(w->k.s, n, NULL, &record);
    if (rc) {
        ate__assert(is_refusal(rc) && !opened(w, n, &part));
        ate__assert(v->read_part(w->k.s, n, NULL, 0, 1, &part) == rc);
        return;
    }
    check(w, n, ate__buf_bytes(&record));
    uint32_t size = (uint32_t)record.size, at = size / 3;
    ate__assert(!v->read_part(w->k.s, n, NULL, at, size - at, &part));
    ate__assert(!memcmp(part.data, record.data + at, part.size) && part.size == size - at);
    ate__assert(v->read_part(w->k.s, n, NULL, at, size - at + 1, &part) == ATE_MALFORMED);
    if (w->stored[n].data[0] != ATE__AT_REST_MARK)
        return;
    add(&again, ate__text_bytes(mark));
    ate__assert(!turn_at_rest.seal(NULL, &kit_chain, n, ate__buf_bytes(&record), &again));
    ate__assert(ate__bytes_equal(ate__buf_bytes(&again), ate__buf_bytes(&w->stored[n])));
}

static void write_log(struct world *w)
{
    struct ate_bytes records[RECORDS_MAX];
    struct ate__group_in group = {.root_time_us = 1, .records = records, .count = w->count};
    for (size_t i = 0; i < w->count; i++)
        records[i] = ate__buf_bytes(&w->stored[i]);
    kit_open_ok(&w->k, ATE__STORAGE_CREATE);
    ate__assert(!w->k.s->v->append(w->k.s, &group));
    kit_close(&w->k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.count = 0};
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    take_records(&r, &w);
    if (w.count) {
        kit_init(&w.k, 1);
        write_log(&w);
        ate__assert(!ate__at_rest_set(&turn_at_rest));
        kit_open_ok(&w.k, ATE__STORAGE_READ);
        int rc = w.k.s->v->scan(w.k.s, 0, w.count, &(struct ate__scan){NULL, each, &w});
        ate__assert(rc ? is_refusal(rc) && w.next < w.count : w.next == w.count);
        for (size_t i = 0; i < w.count; i++)
            read_one(&w, i);
        kit_deinit(&w.k);
        ate__at_rest_unset(&turn_at_rest);
    }
    for (size_t i = 0; i < RECORDS_MAX; i++)
        ate__buf_deinit(&w.stored[i]);
    return 0;
}
