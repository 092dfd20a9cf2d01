/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Records that lie there in another form: each call gives them as they were, whatever lies there.
 */
#include "kit.h"
#include "redo/at_rest.h"
#include "redo/redo.h"
#include "turn.h"

static struct ate_bytes stored(struct kit *k, uint64_t sequence, struct ate__buf *buf)
{
    ate__buf_clear(buf);
    assert_int_equal(ate__file_load(k->s, sequence, NULL, buf), 0);
    return ate__buf_bytes(buf);
}

static int each(void *arg, const struct ate__record_out *record)
{
    uint64_t *next = arg, attempt;
    assert_int_equal(record->sequence, (*next)++);
    assert_true(kit_record_whole(record->body, record->sequence, &attempt));
    return 0;
}

static void check_all(struct kit *k, uint64_t size)
{
    uint64_t next = 0;
    assert_int_equal(kit_state(k).size, size);
    assert_int_equal(k->s->v->scan(k->s, 0, UINT64_MAX, &(struct ate__scan){NULL, each, &next}), 0);
    assert_int_equal(next, size);
}

static void test_every_call(void **state)
{
    struct kit k;
    ate__cleanup(ate__buf_deinit) struct ate__buf buf = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf part = ATE__BUF_NULL;
    (void)state;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100); /* before the plug-in came */
    kit_close(&k);
    assert_int_equal(ate__at_rest_set(&turn_at_rest), 0);
    assert_int_equal(ate__at_rest_set(&turn_at_rest), ATE_EXISTS);
    kit_open_ok(&k, 0);
    for (size_t i = 1; i < 30; i++)
        kit_append_ok(&k, i % 5 + 1, 24 + i * 37);
    uint64_t size = kit_state(&k).size;
    check_all(&k, size);
    for (uint64_t i = 0; i < size; i++) {
        const uint8_t *bytes = stored(&k, i, &buf).data;
        assert_int_equal(bytes[0] == ATE__AT_REST_MARK && !memcmp(bytes + 1, "\4turn", 5), i >= 3);
        struct ate__buf record = ATE__BUF_NULL;
        assert_int_equal(k.s->v->load(k.s, i, NULL, &record), 0);
        ate__buf_clear(&part);
        assert_int_equal(k.s->v->read_part(k.s, i, NULL, 5, 10, &part), 0);
        assert_memory_equal(part.data, record.data + 5, 10);
        assert_int_equal(k.s->v->read_part(k.s, i, NULL, 5, (uint32_t)record.size, &part),
                         ATE_MALFORMED);
        ate__buf_deinit(&record);
    }
    kit_close(&k);
    kit_open_ok(&k, 0);
    check_all(&k, size);
    ate__at_rest_unset(&turn_at_rest);
    assert_int_equal(turn_unused, 0); /* a log still has it */
    kit_append_ok(&k, 1, 60);
    assert_int_equal(((const uint8_t *)stored(&k, size, &buf).data)[0], ATE__AT_REST_MARK);
    kit_close(&k);
    assert_int_equal(turn_unused, 1);
    kit_deinit(&k);
}

/* It is one of the disk: nothing is in the log then. */
static void test_what_is_not_sealed_is_not_written(void **state)
{
    struct kit k;
    (void)state;
    kit_init(&k, 2);
    assert_int_equal(ate__at_rest_set(&turn_at_rest), 0);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 50);
    turn_seal_fails = ATE_E_SYSTEM;
    assert_int_equal(kit_append(&k, 2, 50, 0), ATE_E_SYSTEM);
    turn_seal_fails = 0;
    assert_int_equal(kit_state(&k).size, 2);
    kit_append_ok(&k, 2, 50);
    check_all(&k, 4);
    kit_close(&k);
    ate__at_rest_unset(&turn_at_rest);
    kit_deinit(&k);
}

static void test_open_refuses(void **state)
{
    static const uint8_t bad[][8] = {
        {0xff}, {0xff, 0}, {0xff, 5, 't', 'u', 'r', 'n'}, {0xff, 33, 't', 'u', 'r', 'n', 1, 1}};
    static const size_t sizes[] = {1, 2, 6, 8};
    const uint8_t foreign[] = {0xff, 4, 'n', 'o', 'n', 'e', 1};
    struct ate__buf buf = ATE__BUF_NULL, sealed = ATE__BUF_NULL;
    struct ate_bytes record, text = ate__text_bytes("text");
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(sizes); i++)
        assert_int_equal(ate__at_rest_open(&turn_at_rest, &kit_chain, 1,
                                           ate__bytes(bad[i], sizes[i]), &buf, &record),
                         ATE_TAMPERED);
    struct ate_bytes other = ate__bytes(foreign, sizeof foreign);
    assert_int_equal(ate__at_rest_open(&turn_at_rest, &kit_chain, 1, other, &buf, &record),
                     ATE_UNSUPPORTED);
    assert_non_null(strstr(ate__error_text(), "sealed by the plug-in none"));
    assert_int_equal(ate__at_rest_open(NULL, &kit_chain, 1, other, &buf, &record), ATE_UNSUPPORTED);
    assert_int_equal(ate__at_rest_open(NULL, &kit_chain, 1, text, &buf, &record), 0);
    assert_ptr_equal(record.data, text.data);
    /* moved to another place */
    assert_int_equal(ate__buf_append(&sealed, ate__text_bytes("\xff\4turn")), 0);
    assert_int_equal(turn_at_rest.seal(turn_at_rest.arg, &kit_chain, 7, text, &sealed), 0);
    assert_int_equal(
        ate__at_rest_open(&turn_at_rest, &kit_chain, 7, ate__buf_bytes(&sealed), &buf, &record), 0);
    assert_memory_equal(record.data, "text", 4);
    assert_int_equal(
        ate__at_rest_open(&turn_at_rest, &kit_chain, 8, ate__buf_bytes(&sealed), &buf, &record),
        ATE_TAMPERED);
    ate__buf_deinit(&buf);
    ate__buf_deinit(&sealed);
}

/* What compaction leaves of a record is sealed as well; one that was not stays as it was. */
static int halve(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                 enum ate__remains *ret_remains)
{
    (void)arg;
    *ret_remains = ATE__REMAINS_SHORTER;
    return ate__buf_append(body, ate__bytes(record->body.data, record->body.size / 2));
}

static void test_rewritten(void **state)
{
    struct kit k;
    struct ate__rewritten done;
    ate__cleanup(ate__buf_deinit) struct ate__buf before = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf after = ATE__BUF_NULL;
    (void)state;
    kit_init(&k, 3);
    k.conf.segment_bytes = 1 << 16;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 1, 5000);
    kit_close(&k);
    assert_int_equal(ate__at_rest_set(&turn_at_rest), 0);
    kit_open_ok(&k, 0);
    for (unsigned i = 0; i < 40; i++)
        kit_append_ok(&k, 1, 5000);
    assert_int_equal(k.s->v->load(k.s, 1, NULL, &before), 0);
    const struct ate__rewrite rewrite = {.to = 41, .record = halve};
    assert_int_equal(k.s->v->rewrite(k.s, &rewrite, &done), 0);
    assert_true(done.end > 2 && done.bytes_after < done.bytes_before);
    for (uint64_t i = 0; i < done.end; i++) {
        ate__buf_clear(&after);
        assert_int_equal(k.s->v->load(k.s, i, NULL, &after), 0);
        assert_int_equal(after.size, 2500);
        ate__buf_clear(&after);
        const uint8_t *bytes = stored(&k, i, &after).data;
        assert_int_equal(bytes[0] == ATE__AT_REST_MARK, i > 0);
    }
    ate__buf_clear(&after);
    assert_int_equal(k.s->v->load(k.s, 1, NULL, &after), 0);
    assert_memory_equal(after.data, before.data, 2500);
    kit_close(&k);
    ate__at_rest_unset(&turn_at_rest);
    kit_deinit(&k);
}

/* Every byte of a sealed log, one bit of each: it is seen, or what is read is what was written. */
static int compare(void *arg, const struct ate__record_out *record)
{
    uint64_t *next = arg, attempt;
    if (record->sequence != *next || !kit_record_whole(record->body, record->sequence, &attempt))
        fail_msg("record %llu is another", (unsigned long long)record->sequence);
    ++*next;
    return 0;
}

static bool read_changed(struct kit *k, uint64_t size)
{
    uint64_t next = 0;
    int rc = kit_open(k, ATE__STORAGE_READ);
    if (!rc)
        rc = k->s->v->scan(k->s, 0, UINT64_MAX, &(struct ate__scan){NULL, compare, &next});
    bool seen = rc || next != size || kit_damage(k).what != ATE_OK;
    kit_close(k);
    return seen;
}

static void test_every_byte(void **state)
{
    static const char path[] = KIT_DIR "/0000000000000001.seg";
    struct kit k;
    uint64_t seen = 0, size;
    (void)state;
    kit_init(&k, 4);
    assert_int_equal(ate__at_rest_set(&turn_at_rest), 0);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (size_t i = 0; i < 30; i++)
        kit_append_ok(&k, i % 3 + 1, 200 + i * 5);
    size = kit_state(&k).size;
    kit_close(&k);
    uint64_t bytes = simdisk_size(k.disk, path);
    assert_true(bytes >= 16 << 10);
    for (uint64_t at = 0; at < 16 << 10; at++) {
        simdisk_flip(k.disk, path, at, (uint8_t)(1u << at % 8));
        seen += read_changed(&k, size);
        simdisk_flip(k.disk, path, at, (uint8_t)(1u << at % 8));
    }
    assert_false(read_changed(&k, size));
    print_message("%llu of %d changed bytes were seen, the others change nothing\n",
                  (unsigned long long)seen, 16 << 10);
    assert_true(seen > 15 << 10);
    ate__at_rest_unset(&turn_at_rest);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),
        cmocka_unit_test(test_what_is_not_sealed_is_not_written),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_rewritten),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
