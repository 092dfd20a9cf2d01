/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The worked example of docs/format/event.md, made with the library's writers from its values.
 */
#include "base/text.h"
#include "crypto/sign.h"
#include "event/tx.h"
#include "lib/check.h"
#include "vectors.h"

static const uint64_t time_us = 1609459200000000;
static const char payload_text[] = "\x81\xa5value\xa5world";

static uint8_t root_key[38], salt[16];
static struct ate_id object, other, top;
static struct vectors geneses, txs;

static void count_from(uint8_t *to, uint8_t first, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(first + i);
}

static void stand_in_key(uint8_t key[38], uint16_t algorithm, uint8_t first)
{
    memset(key, 0, 38);
    key[0] = (uint8_t)algorithm;
    key[1] = (uint8_t)(algorithm >> 8);
    key[2] = 32;
    count_from(key + 6, first, 32);
}

static int prepare(void **state)
{
    (void)state;
    stand_in_key(root_key, 1, 0x40);
    count_from(salt, 0x70, sizeof salt);
    count_from(object.b, 0xa0, sizeof object.b);
    count_from(other.b, 0xb0, sizeof other.b);
    geneses = vectors_load("genesis.txt");
    txs = vectors_load("transaction.txt");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    vectors_deinit(&geneses);
    vectors_deinit(&txs);
    return 0;
}

static struct ate_bytes payload(void)
{
    return ate__bytes(payload_text, sizeof payload_text - 1);
}

static struct ate_hash fingerprint(const uint8_t key[38])
{
    struct ate_hash hash;
    struct ate_bytes field = ate__bytes(key, 38);
    assert_int_equal(ate__hash(ATE__SHA256, "ate key 1", &field, 1, &hash), 0);
    return hash;
}

static struct ate__buf genesis_body(void)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__genesis g = {.format_version = ATE__FORMAT_VERSION,
                             .rules_version = ATE__RULES_VERSION,
                             .hash_alg = ATE__SHA256,
                             .mode = ATE__DISTRIBUTED,
                             .name = ate__text_bytes("/example.com/joe/notes"),
                             .root_key_count = 1,
                             .root_keys = {ate__bytes(root_key, sizeof root_key)},
                             .window = ATE__WINDOW_DEFAULT,
                             .signature_algorithms = ate__bytes("\1\0", 2),
                             .strength_min = 192};
    count_from(g.random, 0, sizeof g.random);
    assert_int_equal(ate__genesis_encode(&g, &buf), 0);
    return buf;
}

static struct ate_hash chain_id(void)
{
    struct ate_hash id;
    struct ate__buf body = genesis_body();
    assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &id), 0);
    ate__buf_deinit(&body);
    return id;
}

static struct ate_bytes ended(struct ate__header_wr *w, struct ate__buf *buf)
{
    assert_int_equal(ate__header_end(w), 0);
    return ate__buf_bytes(buf);
}

static struct ate_bytes body_header(struct ate__buf *buf)
{
    struct ate_bytes fields[] = {ate__bytes(top.b, sizeof top.b), ate__text_bytes("hello")};
    struct ate_hash tag;
    assert_int_equal(ate__hash(ATE__SHA256, "ate open name 1", fields, 2, &tag), 0);
    struct ate__header_wr w = ate__header_wr_of(buf);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(object.b, sizeof object.b));
    ate__header_parent(&w, &top, 0);
    ate__header_item(&w, ATE__TAG_TAG, ate__bytes(tag.b, ATE__NAME_TAG));
    ate__header_item(&w, ATE__TAG_NAME, ate__text_bytes("hello"));
    ate__header_item(&w, ATE__TAG_TYPE, ate__text_bytes("text"));
    return ended(&w, buf);
}

static struct ate_hash body_hash(void)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_hash hash;
    struct ate__event_in body = {ATE__CLEAR, body_header(&buf), ate__bytes(salt, 16), payload()};
    assert_int_equal(ate__event_hash(ATE__SHA256, &body, &hash), 0);
    ate__buf_deinit(&buf);
    return hash;
}

static struct ate_bytes tombstone_header(struct ate__buf *buf)
{
    struct ate_hash prev = body_hash();
    struct ate__header_wr w = ate__header_wr_of(buf);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(object.b, sizeof object.b));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(prev.b, sizeof prev.b));
    ate__header_item(&w, ATE__TAG_TOMBSTONE, ate__bytes("\0", 1));
    return ended(&w, buf);
}

static struct ate_bytes snapshot_header(struct ate__buf *buf)
{
    struct ate__snapshot_item snapshot = {.size = 1};
    struct ate__header_wr w = ate__header_wr_of(buf);
    count_from(snapshot.root.b, 0x80, 32);
    count_from(snapshot.state_root.b, 0xc0, 32);
    ate__header_snapshot(&w, &snapshot);
    return ended(&w, buf);
}

static struct ate_bytes control_header(struct ate__buf *buf)
{
    struct ate_hash root = fingerprint(root_key);
    struct ate__auth auth = {.rule = {[ATE__RIGHT_READ] = {.who = ATE__RULE_EVERYONE},
                                      [ATE__RIGHT_WRITE] = {ATE__RULE_ANY_OF, 1, root.b}}};
    struct ate__header_wr w = ate__header_wr_of(buf);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(object.b, sizeof object.b));
    ate__header_auth(&w, &auth);
    return ended(&w, buf);
}

static struct ate_bytes private_header(struct ate__buf *buf)
{
    struct ate__conf_item conf = {.epoch = 0};
    count_from(conf.data_key_id.b, 0xc0, sizeof conf.data_key_id.b);
    count_from(conf.version_id, 0xd0, sizeof conf.version_id);
    count_from(conf.nonce, 1, sizeof conf.nonce);
    struct ate__header_wr w = ate__header_wr_of(buf);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(other.b, sizeof other.b));
    ate__header_parent(&w, &object, 1);
    ate__header_conf(&w, &conf);
    return ended(&w, buf);
}

static struct ate_bytes moved_header(struct ate__buf *buf)
{
    uint8_t reversed[16];
    for (int i = 0; i < 16; i++)
        reversed[i] = other.b[15 - i];
    struct ate__header_wr w = ate__header_wr_of(buf);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(reversed, sizeof reversed));
    ate__header_parent(&w, &object, 0);
    return ended(&w, buf);
}

static struct ate__tx_in tx_of(const struct ate__event_in *events, uint32_t count, uint64_t number,
                               uint64_t base_size)
{
    struct ate__tx_in in = {.chain_id = chain_id(),
                            .id = {.number = number},
                            .base_size = base_size,
                            .time_us = time_us,
                            .events = events,
                            .event_count = count};
    count_from(in.id.origin, 0x10, sizeof in.id.origin);
    count_from(in.base_root.b, 0x80, sizeof in.base_root.b);
    return in;
}

static void genesis(void **state)
{
    (void)state;
    static uint8_t signature[8];
    struct ate__buf body = genesis_body(), header = ATE__BUF_NULL, tx = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_item(&w, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    struct ate__event_in event = {.form = ATE__BARE, .header = ended(&w, &header)};
    struct ate__tx_in in = tx_of(&event, 1, 1, 0);
    assert_int_equal(ate__sha256(ate__bytes(NULL, 0), &in.base_root), 0);
    struct ate_hash hash, id = chain_id();
    const struct vector *v = vectors_find(&txs, "genesis");
    assert_int_equal(ate__tx_encode(&in, ATE__SHA256, &tx, &hash), 0);
    count_from(signature, 0xe0, sizeof signature);
    struct ate__signature s = {.fingerprint = fingerprint(root_key),
                               .batch_size = 1,
                               .bytes = ate__bytes(signature, sizeof signature)};
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &tx), 0);
    assert_hex(tx.data, tx.size, vector_text(v, "transaction"));
    assert_hex(hash.b, 32, vector_text(v, "tx_hash"));
    assert_hex(id.b, 32, vector_text(vectors_find(&geneses, "worked example"), "chain_id"));
    ate__buf_deinit(&body);
    ate__buf_deinit(&header);
    ate__buf_deinit(&tx);
}

static void one_event(const char *name, const struct ate__event_in *event)
{
    struct ate__buf tx = ATE__BUF_NULL;
    struct ate__tx_in in = tx_of(event, 1, 2, 1);
    struct ate_hash tx_hash, event_hash;
    const struct vector *v = vectors_find(&txs, name);
    assert_int_equal(ate__tx_encode(&in, ATE__SHA256, &tx, &tx_hash), 0);
    assert_int_equal(ate__tx_encode_signatures(NULL, 0, &tx), 0);
    assert_int_equal(ate__event_hash(ATE__SHA256, event, &event_hash), 0);
    assert_hex(tx.data, tx.size, vector_text(v, "transaction"));
    assert_hex(tx_hash.b, 32, vector_text(v, "tx_hash"));
    assert_hex(event_hash.b, 32, vector_text(v, "event_hash"));
    ate__buf_deinit(&tx);
}

static void single_events(void **state)
{
    (void)state;
    struct ate__buf body = ATE__BUF_NULL, tombstone = ATE__BUF_NULL, snapshot = ATE__BUF_NULL;
    struct ate__event_in events[] = {
        {ATE__CLEAR, body_header(&body), ate__bytes(salt, sizeof salt), payload()},
        {.form = ATE__BARE, .header = tombstone_header(&tombstone)},
        {.form = ATE__BARE, .header = snapshot_header(&snapshot)},
    };
    one_event("body event", &events[0]);
    one_event("tombstone", &events[1]);
    one_event("snapshot", &events[2]);
    ate__buf_deinit(&body);
    ate__buf_deinit(&tombstone);
    ate__buf_deinit(&snapshot);
}

/* A writer makes every event in full; the hash is that of the vector, where two were reduced. */
static void all_forms(void **state)
{
    (void)state;
    struct ate__buf headers[5] = {ATE__BUF_NULL}, tx = ATE__BUF_NULL;
    uint8_t cipher[40];
    count_from(cipher, 0x33, sizeof cipher);
    struct ate__event_in events[] = {
        {.form = ATE__BARE, .header = tombstone_header(&headers[0])},
        {.form = ATE__BARE, .header = control_header(&headers[1])},
        {ATE__CLEAR, body_header(&headers[2]), ate__bytes(salt, sizeof salt), payload()},
        {ATE__CIPHER, private_header(&headers[3]), {NULL, 0}, ate__bytes(cipher, sizeof cipher)},
        {ATE__CLEAR, moved_header(&headers[4]), ate__bytes(salt, sizeof salt), payload()},
    };
    struct ate__precondition preconditions[] = {
        {.kind = ATE__TAG_FREE, .id = object},
        {.kind = ATE__IS_CURRENT, .id = object, .hash = body_hash()},
        {.kind = ATE__IS_ABSENT, .id = other},
        {.kind = ATE__IS_CURRENT, .id = object, .hash = body_hash()},
    };
    count_from(preconditions[0].hash.b, 0x90, 32);
    struct ate__tx_in in = tx_of(events, 5, 7, 3);
    in.preconditions = preconditions;
    in.precondition_count = 4;
    struct ate_hash hash;
    assert_int_equal(ate__tx_encode(&in, ATE__SHA256, &tx, &hash), 0);
    assert_hex(hash.b, 32, vector_text(vectors_find(&txs, "all forms"), "tx_hash"));
    for (int i = 0; i < 5; i++)
        ate__buf_deinit(&headers[i]);
    ate__buf_deinit(&tx);
}

static void algorithm_id(void **state)
{
    (void)state;
    assert_int_equal(ATE__SIG_MLDSA65_ED25519, 1); /* the id that the page and the bytes name */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(genesis),
        cmocka_unit_test(single_events),
        cmocka_unit_test(all_forms),
        cmocka_unit_test(algorithm_id),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
