/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * docs/format/event.md against the code and the vectors: the table of tags, the worked bytes, the
 * hashes.
 */
#include "base/text.h"
#include "event/tx.h"
#include "lib/check.h"
#include "vectors.h"
#include <ctype.h>
#include <stdlib.h>

enum { HEX_MAX = 8192, HASH_DIGITS = 64 };

static char *page;

/* The worked bytes of that name: the hex digits at the beginnings of the block's lines. */
static const char *block(const char *name)
{
    static char hex[HEX_MAX + 1];
    char mark[64];
    size_t size = 0;
    snprintf(mark, sizeof mark, "<!-- bytes: %s -->\n```\n", name);
    const char *line = strstr(page, mark);
    if (!line)
        fail_msg("no block %s", name);
    for (line += strlen(mark); *line != '`'; line = strchr(line, '\n') + 1)
        for (const char *p = line; isxdigit((unsigned char)*p); p++) {
            assert_true(size < HEX_MAX);
            hex[size++] = *p;
        }
    hex[size] = 0;
    return hex;
}

static void tags(void **state)
{
    (void)state;
    size_t known = 0, rows = 0;
#define ATE__X(name, number)                                                                       \
    {                                                                                              \
        char row[64];                                                                              \
        snprintf(row, sizeof row, "\n| 0x%02x | %s | ", (unsigned)number, #name);                  \
        if (!strstr(page, row))                                                                    \
            fail_msg("no row for %s", #name);                                                      \
        assert_string_equal(ate__tag_name(number), #name);                                         \
        known++;                                                                                   \
    }
    ATE__TAGS(ATE__X)
#undef ATE__X
    for (const char *p = page; (p = strstr(p, "\n| 0x")); p++)
        rows++;
    assert_int_equal(rows, known);
    assert_string_equal(ate__tag_name(0x2b), "an item");
}

static void worked_bytes(void **state)
{
    (void)state;
    struct vectors geneses = vectors_load("genesis.txt"), txs = vectors_load("transaction.txt"),
                   items = vectors_load("private_items.txt");
    const struct {
        const char *block;
        const struct vectors *vectors;
        const char *name, *key;
    } whole[] = {{"genesis body", &geneses, "worked example", "genesis"},
                 {"private items", &items, "worked example", "private_items"},
                 {"genesis", &txs, "genesis", "transaction"},
                 {"all forms", &txs, "all forms", "transaction"}};
    for (size_t i = 0; i < ATE__COUNT_OF(whole); i++)
        assert_string_equal(
            block(whole[i].block),
            vector_text(vectors_find(whole[i].vectors, whole[i].name), whole[i].key));
    static const char *const events[] = {"body event", "tombstone", "snapshot"};
    for (size_t i = 0; i < ATE__COUNT_OF(events); i++) {
        struct ate__buf bytes =
            vector_bytes(vector_text(vectors_find(&txs, events[i]), "transaction"));
        struct ate__tx tx;
        assert_int_equal(ate__tx_decode(ate__buf_bytes(&bytes), ATE__SHA256, &tx), 0);
        assert_int_equal(tx.event_count, 1);
        assert_hex(tx.events[0].whole.data, tx.events[0].whole.size, block(events[i]));
        ate__tx_deinit(&tx);
        ate__buf_deinit(&bytes);
    }
    size_t blocks = 0;
    for (const char *p = page; (p = strstr(p, "<!-- bytes: ")); p++)
        blocks++;
    assert_int_equal(blocks, ATE__COUNT_OF(whole) + ATE__COUNT_OF(events));
    vectors_deinit(&geneses);
    vectors_deinit(&txs);
    vectors_deinit(&items);
}

static size_t assert_on_page(const char *value)
{
    const char *hash = strrchr(value, ' ') ? strrchr(value, ' ') + 1 : value;
    if (!strstr(page, hash))
        fail_msg("%s is not on the page", hash);
    return 1;
}

static void worked_hashes(void **state)
{
    (void)state;
    static const char *const keys[] = {"tx_hash", "event_hash", "leaf", "message"};
    struct vectors geneses = vectors_load("genesis.txt"), txs = vectors_load("transaction.txt");
    size_t expected =
        assert_on_page(vector_text(vectors_find(&geneses, "worked example"), "chain_id"));
    static const char *const whole[] = {"genesis", "all forms"};
    for (size_t i = 0; i < ATE__COUNT_OF(whole); i++)
        for (size_t k = 0; k < ATE__COUNT_OF(keys); k++) {
            const char *value;
            for (size_t n = 0; (value = vector_nth(vectors_find(&txs, whole[i]), keys[k], n)); n++)
                expected += assert_on_page(value);
        }
    expected += assert_on_page(vector_text(vectors_find(&txs, "body event"), "event_hash"));
    expected += assert_on_page(vector_text(vectors_find(&txs, "tombstone"), "event_hash"));
    expected += assert_on_page(vector_text(vectors_find(&txs, "snapshot"), "event_hash"));
    size_t shown = 0;
    for (const char *p = page; (p = strchr(p, '`')); p++)
        shown += strspn(p + 1, "0123456789abcdef") == HASH_DIGITS;
    assert_int_equal(shown, expected);
    vectors_deinit(&geneses);
    vectors_deinit(&txs);
}

static int load_page(void **state)
{
    (void)state;
    page = source_file("docs/format/event.md");
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    free(page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags),
        cmocka_unit_test(worked_bytes),
        cmocka_unit_test(worked_hashes),
    };
    return cmocka_run_group_tests(tests, load_page, free_page);
}
