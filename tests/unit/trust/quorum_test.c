/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Policies as they may be and as they may not, and which signatures are enough for them.
 */
#include "trust/quorum.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "lib/check.h"
#include <stdio.h>
#include <stdarg.h>

#define DASH "\xe2\x80\x94 "

enum { SEEDS = 8, LOG = 7, TIME = 1700000000, TEXT_MAX = 1 << 20 };

static const char body[] = "example.com/log\n9\nBwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
static const struct ate__note_tree tree = {{"example.com/log", 15}, 9, {{7, 8}}};
static struct ate__log_key *key[SEEDS];
static char text[TEXT_MAX], note[ATE__NOTE_MAX + 1];

static int set_up(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < SEEDS; i++) {
        struct ate__key32 seed = {{i, 1}};
        assert_int_equal(ate__log_key_of_seed(&seed, &key[i]), 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SEEDS; i++)
        ate__log_key_free(key[i]);
    return 0;
}

/* --- keys and lines, made here --- */

static struct ate_bytes public_of(unsigned i, uint8_t type)
{
    struct ate__log_parts parts;
    assert_int_equal(ate__log_public_parse(ate__log_key_public(key[i]), &parts), 0);
    return type == 6 ? parts.mldsa44 : parts.ed25519;
}

static void id_of(const char *name, uint8_t type, struct ate_bytes public, uint8_t ret_id[4])
{
    struct ate__hasher h;
    struct ate_hash hash;
    ate__hasher_begin_raw(&h, ATE__SHA256);
    ate__hasher_raw(&h, ate__text_bytes(name));
    ate__hasher_raw(&h, ate__bytes((uint8_t[]){'\n', type}, 2));
    ate__hasher_raw(&h, public);
    assert_int_equal(ate__hasher_end(&h, &hash), 0);
    ate__hasher_deinit(&h);
    memcpy(ret_id, hash.b, 4);
}

static const char *vkey(const char *name, unsigned i, uint8_t type)
{
    static char lines[4][4096];
    static unsigned next;
    char *line = lines[next++ % 4], base64[2048];
    struct ate_bytes public = public_of(i, type);
    uint8_t id[4], typed[1 + ATE__LOG_MLDSA44_PUBLIC] = {type};
    id_of(name, type, public, id);
    memcpy(typed + 1, public.data, public.size);
    ate__base64_encode(ate__bytes(typed, 1 + public.size), base64);
    snprintf(line, sizeof lines[0], "%s+%02x%02x%02x%02x+%s", name, id[0], id[1], id[2], id[3],
             base64);
    return line;
}

static void append(char *to, size_t capacity, const char *format, va_list arguments)
{
    size_t at = strlen(to);
    vsnprintf(to + at, capacity - at, format, arguments);
}

static void add_text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append(note, sizeof note, format, arguments);
    va_end(arguments);
}

/* Type 0x04, or 0x01 without a time. */
static void add_ed25519(const char *name, unsigned i, uint8_t type, uint64_t time_s)
{
    char message[512], base64[128];
    uint8_t blob[4 + 8 + 64];
    size_t at = type == 4 ? 12 : 4;
    int size = type == 4 ? snprintf(message, sizeof message, "cosignature/v1\ntime %llu\n%s",
                                    (unsigned long long)time_s, body)
                         : snprintf(message, sizeof message, "%s", body);
    id_of(name, type, public_of(i, type), blob);
    ate__store64be(blob + 4, time_s);
    assert_int_equal(ate__log_sign_ed25519(key[i], ate__bytes(message, (size_t)size), blob + at),
                     0);
    ate__base64_encode(ate__bytes(blob, at + 64), base64);
    add_text(DASH "%s %s\n", name, base64);
}

static void add_mldsa44(const char *name, unsigned i, uint64_t time_s)
{
    struct ate__buf made = ATE__BUF_NULL;
    assert_int_equal(ate__note_make(&tree, name, key[i], time_s, &made), 0);
    assert_int_equal(ate__buf_append(&made, ate__bytes("", 1)), 0);
    const char *first = strstr((char *)made.data, "\n" DASH) + 1, *second = strchr(first, '\n');
    add_text("%s", second + 1);
    ate__buf_deinit(&made);
}

static void begin_note(void)
{
    snprintf(note, sizeof note, "%s\n", body);
    add_ed25519("example.com/log", LOG, 1, 0);
}

static void line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append(text, sizeof text, format, arguments);
    va_end(arguments);
}

static void witnesses(unsigned count)
{
    text[0] = 0;
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "w.org/%u", i);
        line("witness W%u %s\n", i, vkey(name, i, i % 2 ? 6 : 4));
    }
}

static void cosign(unsigned i, uint64_t time_s)
{
    char name[32];
    snprintf(name, sizeof name, "w.org/%u", i);
    if (i % 2)
        add_mldsa44(name, i, time_s);
    else
        add_ed25519(name, i, 4, time_s);
}

static int check(struct ate__quorum_verdict *ret)
{
    struct ate__quorum *q = NULL;
    struct ate__note n;
    int rc = ate__quorum_parse(ate__text_bytes(text), &q);
    if (rc)
        return rc;
    assert_int_equal(ate__note_parse(ate__text_bytes(note), &n), 0);
    rc = ate__quorum_check(q, &n, ret);
    ate__note_deinit(&n);
    ate__quorum_free(q);
    return rc;
}

static void expect(int expected)
{
    struct ate__quorum_verdict v;
    int rc = check(&v);
    if (rc != expected)
        fail_msg("%d, not %d: %s", rc, expected, rc ? ate__error_text() : "");
}

/* --- made by others --- */

/* By Python's cryptography, from Ed25519 seeds of 32 times 01, 02 and 03. */
static const char others_policy[] =
    "log example.com/log+4780f183+Ae1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR\n"
    "# two\n"
    "witness A w.org/0+65d9f3b3+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\n"
    "witness B w.org/1+cda7e37a+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU https://w.or"
    "g/\n"
    "group G all A B\n"
    "quorum G\n";
static const char others_note[] =
    "example.com/log\n"
    "9\n"
    "BwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    "\n" DASH "example.com/log R4Dxg1BBz/wkIddsyQKoe1/7puQ4kSy39DIIo5MXGLNeUK2AoEdcutoEAIRe5gJlvL"
    "MxltXC15FRT67SBSuy8zAVXwI=\n" DASH
    "w.org/0 ZdnzswAAAABlU/EACDn3XoTUKeUsG7Ey07iHm65lgsy4r6JtHOvPQmT0RmiiOb6o13MVyeae3s"
    "sxq7npKv6a8xR9Z3cUILoTQP5RBw==\n" DASH
    "w.org/1 zafjegAAAABlU/EBEb1AnY79qAepBFZTR7U/yAMPaA3FwQy5SEENNg0BhHME1SHic4DZkFfPNO"
    "Ui2qiltLo2J0097L3/8usHcJ6QDQ==\n";

static void test_of_others(void **state)
{
    (void)state;
    struct ate__quorum_verdict v;
    snprintf(text, sizeof text, "%s", others_policy);
    snprintf(note, sizeof note, "%s", others_note);
    assert_int_equal(check(&v), 0);
    assert_int_equal(v.witnesses, 2);
    assert_int_equal(v.time_s, TIME);
    *strrchr(note, '\xe2') = 0; /* without the second */
    expect(ATE_UNTRUSTED);
}

/* --- quorums --- */

static void test_one(void **state)
{
    (void)state;
    struct ate__quorum_verdict v;
    for (unsigned i = 0; i < 2; i++) { /* each algorithm */
        witnesses(2);
        line("quorum W%u\n", i);
        begin_note();
        cosign(1 - i, TIME);
        expect(ATE_UNTRUSTED);
        cosign(i, TIME + 5);
        assert_int_equal(check(&v), 0);
        assert_int_equal(v.witnesses, 2);
        assert_int_equal(v.time_s, TIME);
    }
}

static void test_none(void **state)
{
    (void)state;
    struct ate__quorum_verdict v;
    witnesses(1);
    line("quorum none\n");
    begin_note();
    assert_int_equal(check(&v), 0);
    assert_int_equal(v.witnesses, 0);
    assert_int_equal(v.time_s, 0);
}

/* Every set of six witnesses, against two of the first three and one of the others. */
static void test_groups(void **state)
{
    (void)state;
    witnesses(6);
    line("  # two levels\n\t\ngroup X 2 W0 W1\tW2\ngroup Y any W3 W4 W5  \n"
         "group X-and-Y all X Y\nquorum X-and-Y\n");
    for (unsigned set = 0; set < 64; set++) {
        begin_note();
        for (unsigned i = 0; i < 6; i++)
            if (set & (1u << i))
                cosign(i, TIME);
        bool enough = __builtin_popcount(set & 7) >= 2 && set & 56;
        expect(enough ? 0 : ATE_UNTRUSTED);
    }
}

/* Twice the same witness is one. */
static void test_repeated(void **state)
{
    (void)state;
    witnesses(2);
    line("group G 2 W0 W1\nquorum G\n");
    begin_note();
    cosign(0, TIME);
    cosign(0, TIME + 1);
    expect(ATE_UNTRUSTED);
}

/* What the log key signs under a witness's name, or another key, is not that witness's. */
static void test_forged(void **state)
{
    (void)state;
    witnesses(2);
    line("group G any W0 W1\nquorum G\n");
    begin_note();
    add_ed25519("w.org/0", LOG, 4, TIME);
    add_mldsa44("w.org/1", LOG, TIME);
    add_ed25519("w.org/1", 1, 4, TIME); /* the other half of its key */
    add_mldsa44("w.org/0", 0, TIME);
    add_ed25519("w.org/0", 0, 1, TIME); /* as a log signs */
    expect(ATE_UNTRUSTED);
}

/* Whatever byte of the text or the line changes. */
static void test_altered(void **state)
{
    (void)state;
    witnesses(1);
    line("quorum W0\n");
    begin_note();
    cosign(0, TIME);
    size_t size = strlen(note), last = (size_t)(strrchr(note, '\xe2') - note);
    unsigned tampered = 0;
    for (size_t i = 0; i < size; i++) {
        struct ate__quorum_verdict v;
        struct ate__quorum *q;
        struct ate__note n;
        char before = note[i];
        if (i > strlen(body) && i < last)
            continue; /* the log's line */
        note[i] = before == 'A' ? 'B' : 'A';
        assert_int_equal(ate__quorum_parse(ate__text_bytes(text), &q), 0);
        int rc = ate__note_parse(ate__text_bytes(note), &n);
        if (!rc) {
            rc = ate__quorum_check(q, &n, &v);
            ate__note_deinit(&n);
        }
        if (!rc || (rc != ATE_TAMPERED && rc != ATE_UNTRUSTED && rc != ATE_MALFORMED))
            fail_msg("byte %zu: %d", i, rc);
        tampered += rc == ATE_TAMPERED;
        ate__quorum_free(q);
        note[i] = before;
    }
    assert_true(tampered > 64);
    expect(0);
}

static void test_logs(void **state)
{
    (void)state;
    begin_note();
    snprintf(text, sizeof text, "log %s\nquorum none\n", vkey("example.com/other", LOG, 1));
    expect(ATE_UNTRUSTED);
    line("log %s https://example.com/\n", vkey("example.com/log", 3, 1));
    expect(ATE_UNTRUSTED);
    snprintf(text, sizeof text, "log %s\nquorum none\n", vkey("example.com/log", LOG, 1));
    expect(0);
    snprintf(text, sizeof text, "log %s\nquorum none\n", vkey("example.com/log", LOG, 6));
    expect(ATE_UNTRUSTED);
    add_mldsa44("example.com/log", LOG, TIME);
    expect(0);
}

/* --- texts --- */

static void refused(const char *rest, int expected)
{
    struct ate__quorum *q;
    witnesses(3);
    line("%s", rest);
    int rc = ate__quorum_parse(ate__text_bytes(text), &q);
    if (rc != expected)
        fail_msg("%d: %s", rc, rest);
    if (!rc)
        ate__quorum_free(q);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "quorum\n",
        "quorum W0",
        "quorum W9\n",
        "quorum W0\nquorum W0\n",
        "quorum W0 W1\n",
        "quorum W0\nquorum none\n",
        "Quorum W0\n",
        "quorum W0\r\n",
        "quorum W0\n\x01\n",
        "quorum G\ngroup G any W0\n",
        "group G any\nquorum G\n",
        "group G 0 W0\nquorum G\n",
        "group G 3 W0 W1\nquorum G\n",
        "group G 01 W0\nquorum G\n",
        "group G -1 W0\nquorum G\n",
        "group G some W0\nquorum G\n",
        "group G any W0 W0\nquorum G\n",
        "group G any W0\ngroup H any W0\nquorum H\n",
        "group G any G\nquorum G\n",
        "group W0 any W1\nquorum W1\n",
        "group none any W1\nquorum none\n",
        "group G any none\nquorum G\n",
        "witness\nquorum W0\n",
        "witness W3\nquorum W0\n",
        "witness W3 x\nquorum W0\n",
        "log\nquorum none\n",
        "group\nquorum none\n",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        refused(bad[i], ATE_MALFORMED);
    refused("quorum W0\ngroup G any W0\n# after it\n", 0);
    refused("group G 2 W0 W1\ngroup H 1 G W2\nquorum H\n", 0);
    refused("group \xc3\xa9\xff any W0\nquorum \xc3\xa9\xff\n", 0);
}

static void test_keys(void **state)
{
    (void)state;
    struct ate__quorum *q;
    const struct {
        const char *what, *name;
        unsigned i;
        uint8_t type;
        int rc;
    } of[] = {
        {"witness N", "again.org", 0, 4, ATE_MALFORMED}, /* W0's, under another name */
        {"witness N", "n.org", 5, 1, ATE_MALFORMED},
        {"log", "n.org", 5, 4, ATE_MALFORMED},
        {"witness N", "n.org", 5, 2, ATE_UNSUPPORTED},
        {"witness N", "n.org", 5, 4, 0},
        {"witness N", "n.org", 5, 6, 0},
        {"log", "n.org", 5, 1, 0},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++) {
        witnesses(2);
        line("%s %s https://n.org/\nquorum W0\n", of[i].what,
             vkey(of[i].name, of[i].i, of[i].type));
        int rc = ate__quorum_parse(ate__text_bytes(text), &q);
        if (rc != of[i].rc)
            fail_msg("%zu: %d %s", i, rc, rc ? ate__error_text() : "");
        if (!rc)
            ate__quorum_free(q);
    }
    witnesses(1);
    line("witness N %s u v\nquorum N\n", vkey("n.org", 5, 4));
    assert_int_equal(ate__quorum_parse(ate__text_bytes(text), &q), ATE_MALFORMED);
}

/* Each limit, at its edge. */
static void test_limits(void **state)
{
    (void)state;
    struct ate__quorum *q;
    for (unsigned more = 0; more < 2; more++) {
        witnesses(1);
        line("group G0 any W0\n");
        for (unsigned i = 1; i < ATE__POLICY_GROUPS_MAX + more; i++)
            line("group G%u any G%u\n", i, i - 1);
        line("quorum G63\n");
        int rc = ate__quorum_parse(ate__text_bytes(text), &q);
        assert_int_equal(rc, more ? ATE_TOO_BIG : 0);
        if (rc)
            continue;
        ate__quorum_free(q);
        begin_note();
        expect(ATE_UNTRUSTED);
        cosign(0, TIME);
        expect(0);
    }
    for (unsigned more = 0; more < 2; more++) {
        witnesses(1);
        line("quorum W0\n");
        size_t at = strlen(text), fill = ATE__POLICY_MAX - at + more;
        memset(text + at, '#', fill);
        text[at + fill - 1] = '\n';
        text[at + fill] = 0;
        int rc = ate__quorum_parse(ate__text_bytes(text), &q);
        assert_int_equal(rc, more ? ATE_TOO_BIG : 0);
        if (!rc)
            ate__quorum_free(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_others), cmocka_unit_test(test_one),
        cmocka_unit_test(test_none),      cmocka_unit_test(test_groups),
        cmocka_unit_test(test_repeated),  cmocka_unit_test(test_forged),
        cmocka_unit_test(test_altered),   cmocka_unit_test(test_logs),
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("trust/quorum", tests, set_up, tear_down);
}
