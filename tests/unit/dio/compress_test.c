/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What is stored of payloads: all that is written comes back, in little memory; what nobody of ours
 * wrote is refused, before memory is taken for it. The same through a chain that compresses and one
 * that does not.
 */
#include "dio/compress.h"
#include "base/alloc.h"
#include "dio/limits.h"
#include "forge.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include <stdlib.h>

enum { RATIO = ATE__COMPRESSION_RATIO_MAX, MOST = ATE__COMPRESSED_PAYLOAD_MAX };

/* In a block of just that size, so that a sanitizer sees what reads behind it. */
static int unpack(const void *stored, size_t size, struct ate__buf *unpacked,
                  struct ate_bytes *ret_payload)
{
    uint8_t *exact = size ? test_malloc(size) : NULL;
    struct ate_bytes payload;
    ate__buf_clear(unpacked);
    if (size)
        memcpy(exact, stored, size);
    int rc = ate__decompress(ate__bytes(exact, size), unpacked, &payload);
    if (!rc && payload.size && payload.data == exact + 1) /* a view */
        ok(ate__buf_append(unpacked, payload));
    if (!rc)
        *ret_payload = ate__buf_bytes(unpacked);
    if (exact)
        test_free(exact);
    return rc;
}

/* ---- there and back ---- */

enum kind { ZEROS, TEXT, NOISE, KINDS };

static void fill(enum kind kind, struct rnd *r, uint8_t *to, size_t size)
{
    static const char words[] = "{\"name\": \"somebody\", \"since\": 17, \"of\": [1, 2, 3]}";
    memset(to, 0, size);
    for (size_t i = 0; i < size && kind == TEXT; i++)
        to[i] = rnd_below(r, 20) ? (uint8_t)words[i % (sizeof words - 1)] : (uint8_t)rnd_u64(r);
    if (kind == NOISE)
        rnd_bytes(r, to, size);
}

static void one_comes_back(enum kind kind, const uint8_t *data, size_t size)
{
    static const struct ate__genesis compressed = {.compression = ATE__COMPRESSION_ZSTD};
    ate__cleanup(ate__buf_deinit) struct ate__buf stored = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
    struct ate_bytes payload;
    ok(ate__buf_append(&stored, ate__text_bytes("before")));
    ok(ate__compress(ate__bytes(data, size), &stored));
    assert_memory_equal(stored.data, "before", 6);
    ate__buf_drop_front(&stored, 6);
    assert_true(stored.size >= 1 && stored.size <= 1 + size);
    assert_true(size <= RATIO * stored.size);
    if (size >= 512 && kind != NOISE) /* zstd has worked, in the room that it was given */
        assert_true(stored.data[0] == 1 && stored.size < size - size / 4);
    assert_true(stored.data[0] == 1 || size < 64 || kind != ZEROS);
    assert_true(ate__payload_size(&compressed, ate__buf_bytes(&stored)) == size);
    ok(unpack(stored.data, stored.size, &unpacked, &payload));
    assert_true(payload.size == size && (!size || !memcmp(payload.data, data, size)));
}

static void comes_back(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(26));
    uint8_t *data = test_malloc(MOST);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        fill(kind, &r, data, MOST);
        for (size_t size = 0; size < 300; size++)
            one_comes_back(kind, data, size);
        for (size_t size = 512; size < MOST; size *= 2)
            for (size_t more = 0; more < 3; more++)
                one_comes_back(kind, data, size + more - 1);
        for (unsigned i = 0; i < 50; i++)
            one_comes_back(kind, data, rnd_below(&r, 300000));
        one_comes_back(kind, data, MOST);
    }
    test_free(data);
}

static void over_the_limit(void **state)
{
    (void)state;
    struct ate__buf stored = ATE__BUF_NULL;
    uint8_t *data = calloc(1, MOST + 1);
    expect(ate__compress(ate__bytes(data, MOST + 1), &stored), ATE_TOO_BIG);
    assert_int_equal(stored.size, 0);
    free(data);
}

/* Without the option all is as it was. */
static void only_where_it_is_said(void **state)
{
    (void)state;
    static const struct ate__genesis plain = {0};
    struct ate__buf unpacked = ATE__BUF_NULL;
    struct ate_bytes stored = ate__text_bytes("\1 as it is"), payload;
    ok(ate__payload_unpack(&plain, stored, &unpacked, &payload));
    assert_true(payload.data == stored.data && payload.size == stored.size);
    assert_int_equal(ate__payload_size(&plain, stored), stored.size);
    assert_int_equal(ate__payload_max(&plain), ATE__PAYLOAD_MAX);
}

/* ---- what is refused ---- */

/* Frames of one raw block, by hand (RFC 8878, 3.1.1). */
#define MAGIC "\x28\xb5\x2f\xfd"
#define HELLO "\x29\0\0hello" /* the last block, of 5 bytes */

static const struct {
    const char *what, *bytes;
    size_t size;
    int result;
    const char *says; /* which check it is that refuses it */
} by_hand[] = {
#define ROW(what, bytes, result, says) {what, bytes, sizeof bytes - 1, result, says}
#define GOOD(what, bytes) ROW(what, bytes, 0, NULL)
#define BAD(what, bytes, says) ROW(what, bytes, ATE_MALFORMED, says)
#define BOMB(what, bytes, says) ROW(what, bytes, ATE_TOO_BIG, says)
    GOOD("as it is", "\0hello"),
    GOOD("a raw block", "\1" MAGIC "\x20\5" HELLO),
    GOOD("with a window", "\1" MAGIC "\x80\0\5\0\0\0" HELLO),
    GOOD("the largest window", "\1" MAGIC "\x80\x60\5\0\0\0" HELLO),
    BAD("nothing", "", "first byte"),
    BAD("another first byte", "\2" MAGIC "\x20\5" HELLO, "first byte"),
    BAD("the highest first byte", "\xff", "first byte"),
    BAD("no frame", "\1", "no zstd frame"),
    BAD("another magic number", "\1\x29\xb5\x2f\xfd\x20\5" HELLO, "no zstd frame"),
    BAD("a frame to be skipped", "\1\x50\x2a\x4d\x18\5\0\0\0hello", "no zstd frame"),
    BAD("a frame to be skipped before it", "\1\x50\x2a\x4d\x18\0\0\0\0" MAGIC "\x20\5" HELLO,
        "no zstd frame"),
    BAD("a dictionary of one byte", "\1" MAGIC "\x21\0\5" HELLO, "a dictionary, a checksum or"),
    BAD("a dictionary of four", "\1" MAGIC "\x23\7\0\0\0\5" HELLO, "a dictionary, a checksum or"),
    BAD("a checksum", "\1" MAGIC "\x24\5" HELLO "\0\0\0\0", "a dictionary, a checksum or"),
    BAD("its true checksum", "\1" MAGIC "\x24\5" HELLO "\xa3\x6d\x9f\x88",
        "a dictionary, a checksum or"),
    BAD("the reserved bit", "\1" MAGIC "\x28\5" HELLO, "a dictionary, a checksum or"),
    BAD("the unused bit", "\1" MAGIC "\x30\5" HELLO, "a dictionary, a checksum or"),
    BAD("cut off in its header", "\1" MAGIC "\xa0\5", "header is cut off"),
    BAD("no content size", "\1" MAGIC "\0\0" HELLO, "does not say"),
    BAD("a content size too high", "\1" MAGIC "\x20\6" HELLO, "another size"),
    BAD("a content size too low", "\1" MAGIC "\x20\4" HELLO, "another size"),
    BAD("no content", "\1" MAGIC "\x20\0" HELLO, "another size"),
    BOMB("a huge content size", "\1" MAGIC "\xe0\xfe\xff\xff\xff\xff\xff\xff\xff" HELLO,
         "over the limit"),
    BOMB("unknown, as zstd has it", "\1" MAGIC "\xe0\xff\xff\xff\xff\xff\xff\xff\xff" HELLO,
         "over the limit"),
    BOMB("one byte over the limit", "\1" MAGIC "\xa0\0\0\x40\0" HELLO, "over the limit"),
    BOMB("more than 100 to 1", "\1" MAGIC "\x60\x41\5" HELLO, "100 to 1"),
    BAD("just not more", "\1" MAGIC "\x60\x40\5" HELLO, "another size"), /* but untrue */
    BOMB("too large a window", "\1" MAGIC "\x80\x61\5\0\0\0" HELLO, "over the limit"),
    BOMB("the largest that there is", "\1" MAGIC "\x80\xff\5\0\0\0" HELLO, "over the limit"),
    BAD("a zero behind it", "\1" MAGIC "\x20\5" HELLO "\0", "bytes behind"),
    BAD("a byte behind it", "\1" MAGIC "\x20\5" HELLO "x", "bytes behind"),
    BAD("a frame behind it", "\1" MAGIC "\x20\5" HELLO MAGIC "\x20\5" HELLO, "bytes behind"),
    BAD("a reserved block", "\1" MAGIC "\x20\5\x2f\0\0hello", "cut off or damaged"),
#undef ROW
#undef GOOD
#undef BAD
#undef BOMB
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(by_hand); i++) {
        ate__cleanup(ate__buf_deinit) struct ate__buf unpacked = ATE__BUF_NULL;
        struct ate_bytes payload = {NULL, 0};
        int rc = unpack(by_hand[i].bytes, by_hand[i].size, &unpacked, &payload);
        if (rc != by_hand[i].result)
            fail_msg("%s: %s: %s", by_hand[i].what, ate__result_name(rc), ate__error_text());
        if (rc && !strstr(ate__error_text(), by_hand[i].says))
            fail_msg("%s: %s", by_hand[i].what, ate__error_text());
        if (!rc)
            assert_memory_equal(payload.data, "hello", 5);
        for (size_t size = 0; !rc && size < by_hand[i].size; size++) /* the first byte decides */
            if (by_hand[i].bytes[0] || !size)
                expect(unpack(by_hand[i].bytes, size, &unpacked, &payload), ATE_MALFORMED);
    }
}

/* Nothing is taken for what is refused by its header. */
static void bombs_cost_nothing(void **state)
{
    (void)state;
    struct ate__buf unpacked = ATE__BUF_NULL;
    struct ate_bytes payload;
    heap_start();
    for (size_t i = 0; i < ATE__COUNT_OF(by_hand); i++)
        if (by_hand[i].result == ATE_TOO_BIG) {
            expect(
                ate__decompress(ate__bytes(by_hand[i].bytes, by_hand[i].size), &unpacked, &payload),
                ATE_TOO_BIG);
            assert_true(heap_count() == 0);
        }
    heap_stop();
}

/* The zeros behind 4 MiB of zeros: as many as there have to be. */
static void ratio(void **state)
{
    (void)state;
    struct ate__buf stored = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
    struct ate_bytes payload;
    uint8_t *zeros = calloc(1, MOST);
    ok(ate__compress(ate__bytes(zeros, MOST), &stored));
    assert_int_equal(stored.size, (MOST + RATIO - 1) / RATIO);
    expect(unpack(stored.data, stored.size - 1, &unpacked, &payload), ATE_TOO_BIG);
    ok(ate__buf_append(&stored, ate__bytes("", 1)));
    expect(unpack(stored.data, stored.size, &unpacked, &payload), ATE_MALFORMED);
    stored.size--;
    stored.data[stored.size - 1] = 1;
    expect(unpack(stored.data, stored.size, &unpacked, &payload), ATE_MALFORMED);
    ate__buf_deinit(&stored);
    ate__buf_deinit(&unpacked);
    free(zeros);
}

/* Whatever is changed, what comes out is within bounds, or it is refused. */
static void changed_bytes(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(27));
    struct ate__buf stored = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
    struct ate_bytes payload;
    uint8_t data[3000];
    fill(TEXT, &r, data, sizeof data);
    ok(ate__compress(ate__bytes(data, sizeof data), &stored));
    assert_int_equal(stored.data[0], 1);
    for (size_t size = 0; size < stored.size; size++)
        assert_int_not_equal(unpack(stored.data, size, &unpacked, &payload), 0);
    for (size_t bit = 0; bit < 8 * stored.size; bit++) {
        stored.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = unpack(stored.data, stored.size, &unpacked, &payload);
        assert_true(rc == ATE_MALFORMED || rc == ATE_TOO_BIG ||
                    (!rc && payload.size <= RATIO * stored.size));
        stored.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ate__buf_deinit(&stored);
    ate__buf_deinit(&unpacked);
}

/* ---- memory ---- */

static int there_and_back(void *arg)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf stored = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
    const struct ate_bytes *data = arg;
    struct ate_bytes payload;
    int rc = ate__compress(*data, &stored);
    if (rc)
        assert_int_equal(stored.size, 0);
    return rc ? rc : ate__decompress(ate__buf_bytes(&stored), &unpacked, &payload);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct rnd r = rnd_of(28);
    uint8_t data[5000];
    struct ate_bytes bytes = ate__bytes(data, sizeof data);
    fill(TEXT, &r, data, sizeof data);
    assert_int_equal(heap_sweep(there_and_back, &bytes, false), 4);
}

/* Memory that is looked into when it is given back. */
static const char secret[] = "a secret of twenty-nine bytes";
static unsigned found;

struct looked_into {
    size_t size;
    max_align_t data[];
};

static void *resize(void *user, void *block, size_t size)
{
    (void)user;
    assert_null(block); /* nothing grows, and so nothing is left behind */
    struct looked_into *b = malloc(sizeof *b + size);
    assert_non_null(b);
    b->size = size;
    return b->data;
}

static void release(void *user, void *block)
{
    (void)user;
    if (!block)
        return;
    struct looked_into *b =
        (struct looked_into *)(void *)((uint8_t *)block - offsetof(struct looked_into, data));
    found += memmem(b->data, b->size, secret, 8) != NULL;
    free(b);
}

/* What the caller was given is his to wipe; what zstd worked in is not there any more. */
static void wiped(void **state)
{
    (void)state;
    static const struct ate__allocator looks = {resize, release, NULL};
    struct ate__buf stored = ATE__BUF_NULL, unpacked = ATE__BUF_NULL;
    struct ate_bytes payload;
    uint8_t data[4000];
    struct rnd r = rnd_of(29);
    fill(NOISE, &r, data, sizeof data);
    for (size_t at = 0; at + sizeof secret < sizeof data; at += 300)
        memcpy(data + at, secret, sizeof secret);
    ate__alloc_set(&looks);
    ok(ate__compress(ate__bytes(data, sizeof data), &stored));
    assert_int_equal(stored.data[0], 1);
    ok(ate__decompress(ate__buf_bytes(&stored), &unpacked, &payload));
    stored.data[stored.size / 2] ^= 1;
    stored.data[stored.size - 30] ^= 1;
    struct ate__buf damaged = ATE__BUF_NULL;
    (void)!ate__decompress(ate__buf_bytes(&stored), &damaged, &payload);
    assert_int_equal(found, 0);
    ate__buf_deinit(&unpacked);
    assert_int_equal(found, 1); /* it is looked for */
    ate__buf_deinit(&stored);
    ate__buf_deinit(&damaged);
    ate__alloc_set(NULL);
}

/* ---- in a chain ---- */

static struct ate__buf options;

static void begin(struct world *w, bool compressed)
{
    ate__buf_clear(&options);
    if (compressed)
        ok(ate__genesis_compression(ATE__COMPRESSION_ZSTD, &options));
    world_init_of(w, true, ate__buf_bytes(&options));
}

static int end(void **state)
{
    (void)state;
    ate__buf_deinit(&options);
    return 0;
}

static struct ate_object thing(unsigned n, struct ate_bytes payload)
{
    static char name[16];
    snprintf(name, sizeof name, "%u", n);
    return (struct ate_object){
        .type = "thing", .encoding = "json", .payload = payload, .name = ate__text_bytes(name)};
}

/* A JSON object of about that size, more or less repetitive. */
static struct ate_bytes json_of(struct rnd *r, size_t size, char *text)
{
    static const char head[] = "{\"v\":\"", tail[] = "\"}";
    size_t at = sizeof head - 1;
    memcpy(text, head, at);
    unsigned of = 1 + (unsigned)rnd_below(r, 26);
    while (at < size)
        text[at++] = (char)('a' + rnd_below(r, of));
    memcpy(text + at, tail, sizeof tail);
    return ate__bytes(text, at + sizeof tail - 1);
}

/* One object of the walk, the same in each of the two chains. */
static void change(struct world w[2], struct rnd *r, unsigned step)
{
    static char text[40000];
    unsigned n = (unsigned)rnd_below(r, 12), what = (unsigned)rnd_below(r, 8);
    struct ate_bytes payload = json_of(r, rnd_below(r, step % 9 ? 300 : 30000), text);
    for (unsigned i = 0; i < 2; i++) {
        struct ate_txn *t = world_begin(&w[i]);
        struct ate_object o = thing(n, payload), there;
        int rc = ate_find_raw(t, ate_top, o.name, ATE_NO_PAYLOAD, &there);
        char moved[32];
        snprintf(moved, sizeof moved, "moved in step %u", step);
        if (rc == ATE_NOT_FOUND || what < 5)
            ok(ate_put_raw(t, &o, rc && n % 3 == 0 ? ATE_PUBLIC : 0, NULL));
        else if (what == 5)
            ok(ate_delete(t, there.id, 0));
        else /* written anew as it is: from what is stored */
            ok(ate_move(t, there.id, ate_top, moved));
        ok(ate_txn_commit(t, NULL));
        ate_txn_end(t);
    }
}

static void compare(struct world w[2])
{
    struct ate_txn *t[2] = {world_begin(&w[0]), world_begin(&w[1])};
    struct ate_cursor *c;
    struct ate_object a, b;
    int rc;
    ok(ate_children(t[0], ate_top, &c));
    while (!(rc = ate_next_raw(c, 0, &a))) {
        ok(ate_find_raw(t[1], ate_top, a.name, 0, &b));
        assert_true(ate__bytes_equal(a.payload, b.payload));
        assert_true(a.payload_size == b.payload_size && a.sequence == b.sequence);
        assert_true(a.open == b.open && !strcmp(a.type, b.type));
        ok(ate_find_raw(t[1], ate_top, a.name, ATE_NO_PAYLOAD, &b));
        assert_true(a.payload_size == b.payload_size && !b.payload.size);
    }
    expect(rc, ATE_END);
    assert_int_equal(count_children(t[0], ate_top), count_children(t[1], ate_top));
    ate_txn_end(t[0]);
    ate_txn_end(t[1]);
}

static void with_and_without(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(30));
    struct world w[2];
    begin(&w[0], false);
    begin(&w[1], true);
    for (unsigned step = 0; step < 150; step++) {
        change(w, &r, step);
        if (step % 25 == 0)
            compare(w);
    }
    compare(w);
    world_deinit(&w[0]);
    world_deinit(&w[1]);
}

/* The largest that there may be, and one more; with the limits of the chain in the sentence. */
static void largest(void **state)
{
    (void)state;
    struct world w;
    struct rnd r = rnd_of(31);
    char *text = test_malloc(MOST + 100);
    begin(&w, true);
    struct ate_txn *t = world_begin(&w);
    struct ate_bytes payload = json_of(&r, MOST - 2, text);
    assert_int_equal(payload.size, MOST);
    struct ate_object o = thing(1, payload), there;
    ok(ate_put_raw(t, &o, 0, NULL));
    ok(ate_txn_commit(t, NULL));
    ok(ate_find_raw(t, ate_top, o.name, 0, &there));
    assert_true(ate__bytes_equal(there.payload, payload));
    o.payload = json_of(&r, MOST - 1, text);
    expect(ate_put_raw(t, &o, 0, NULL), ATE_TOO_BIG);
    ate_txn_end(t);
    world_deinit(&w);
    test_free(text);
}

/* Somebody who may write there stores what no writer of ours makes: that object says so, and all
 * else goes on. */
static void somebody_elses(void **state)
{
    (void)state;
    for (unsigned clear = 0; clear < 2; clear++) {
        struct world w;
        struct ate_object o;
        struct ate_cursor *c;
        unsigned n = 0;
        begin(&w, true);
        struct ate_txn *t = world_begin(&w);
        ok(ate_put_as(t, note, ate_top, "a", NOTE("one", 1), NULL));
        ok(ate_txn_commit(t, NULL));
        ate_txn_end(t);
        struct forged f = {.id = {{7}},
                           .name = "b",
                           .tag = {clear ? NULL : "b", clear ? "b" : NULL},
                           .clear = clear};
        forge(&w, 0, &f); /* its payload begins with no byte that says how it is stored */
        t = world_begin(&w);
        assert_int_equal(note_at(t, f.id), -ATE_MALFORMED);
        expect(ate_load_raw(t, f.id, 0, &o), ATE_MALFORMED);
        assert_non_null(strstr(ate__error_text(), "object 07"));
        ok(ate_load_raw(t, f.id, ATE_NO_PAYLOAD, &o));
        assert_true(o.readable && o.payload_size > 0);
        assert_int_equal(note_named(t, ate_top, "a"), 1);
        ok(ate_children(t, ate_top, &c));
        while (!ate_next_raw(c, ATE_NO_PAYLOAD, &o))
            n++;
        assert_int_equal(n, 2);
        ok(ate_delete(t, f.id, 0));
        ok(ate_txn_commit(t, NULL));
        ate_txn_end(t);
        world_deinit(&w);
    }
}

/* A body without a payload, which no writer of ours makes, becomes private with an empty one. */
static void without_a_payload(void **state)
{
    (void)state;
    struct world w;
    struct ate_object o;
    begin(&w, true);
    struct forged f = {.id = {{7}}, .name = "b", .tag = {NULL, "b"}, .clear = true, .bare = true};
    forge(&w, 0, &f);
    struct ate_txn *t = world_begin(&w);
    ok(ate_load_raw(t, f.id, 0, &o));
    assert_true(o.open && !o.payload_size);
    struct ate_rules rules = {.read = world_rule(&w, 1)};
    ok(ate_protect(t, f.id, &rules));
    ok(ate_txn_commit(t, NULL));
    ok(ate_load_raw(t, f.id, 0, &o));
    assert_true(!o.open && o.readable && !o.payload_size && !o.payload.size);
    ate_txn_end(t);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(over_the_limit),
        cmocka_unit_test(only_where_it_is_said),
        cmocka_unit_test(refused),
        cmocka_unit_test(bombs_cost_nothing),
        cmocka_unit_test(ratio),
        cmocka_unit_test(changed_bytes),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(wiped),
        cmocka_unit_test(with_and_without),
        cmocka_unit_test(largest),
        cmocka_unit_test(somebody_elses),
        cmocka_unit_test(without_a_payload),
    };
    return cmocka_run_group_tests_name("compress", tests, NULL, end);
}
