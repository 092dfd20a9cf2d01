/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A transaction over a local chain: what is stored is found, refused, moved, deleted, sealed.
 */
#include "ate/type.h"
#include "chain/local.h"
#include "crypto/keyfile.h"
#include "dio/dio.h"
#include "lib/check.h"
#include "lib/tmpdir.h"

struct note {
    const char *text;
    int64_t n;
};
ATE_TYPE(note, ATE_FIELD(text), ATE_FIELD(n));

static struct ate_session *new_session(void)
{
    struct ate_session *s;
    struct ate__key *key;
    assert_int_equal(ate__session_new(&s), 0);
    assert_int_equal(ate__key_generate(&ate__env_real, "test", &key), 0);
    assert_int_equal(ate__session_add(s, key), 0);
    return s;
}

static struct ate__dio *open_chain(const char *path, bool memory, struct ate_session *session,
                                   unsigned flags)
{
    struct ate__local_conf conf = {.chain = {.env = &ate__env_real}, .memory = memory};
    struct ate__pipe *pipe;
    struct ate__dio *dio;
    int rc = ate__local_open(&conf, path, session, flags, &pipe);
    if (rc)
        print_error("%s: %s\n", ate__result_name(rc), ate__error_text());
    assert_int_equal(rc, 0);
    assert_int_equal(ate__dio_new(pipe, session, -1, 1 << 20, &dio), 0);
    return dio;
}

static void expect(int rc, int expected)
{
    if (rc != expected)
        print_error("%s: %s\n", ate__result_name(rc), ate__error_text());
    assert_int_equal(rc, expected);
}

static void stores_and_loads(void **state)
{
    (void)state;
    struct ate_session *me = new_session();
    struct ate__dio *dio = open_chain("notes", true, me, ATE__STORAGE_CREATE);
    struct ate_txn *txn;
    struct ate_id id, child, found;
    struct ate_receipt receipt;
    const struct note *n;
    expect(ate__txn_begin(dio, NULL, 0, &txn), 0);
    expect(ate_store(txn, note, &(struct note){"hello", 1}, &id), 0);
    expect(ate_put_as(txn, note, id, "kid", &(struct note){"small", 2}, &child), 0);
    expect(ate_load(txn, note, id, &n), 0);
    assert_string_equal(n->text, "hello");
    expect(ate_txn_commit(txn, &receipt), 0);
    assert_int_equal(receipt.sequence, 1);
    expect(ate_load(txn, note, id, &n), 0);
    assert_string_equal(n->text, "hello");
    expect(ate_find(txn, note, id, "kid", &found, &n), 0);
    assert_int_equal(n->n, 2);
    assert_memory_equal(&found, &child, sizeof found);
    expect(ate_find(txn, note, id, "nobody", &found, &n), ATE_NOT_FOUND);
    expect(ate_put(txn, note, id, &(struct note){"changed", 3}), 0);
    expect(ate_move(txn, child, ate_top, "grown"), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    expect(ate_find(txn, note, ate_top, "grown", &found, &n), 0);
    assert_int_equal(n->n, 2);
    expect(ate_delete(txn, id, 0), 0);
    expect(ate_txn_commit(txn, NULL), 0);
    expect(ate_load(txn, note, id, &n), ATE_NOT_FOUND);
    ate_txn_end(txn);
    ate__dio_unref(dio);
    ate__session_unref(me);
}

static void survives_reopening(void **state)
{
    (void)state;
    const char *dir = tmpdir_new();
    char path[4096];
    snprintf(path, sizeof path, "%s/notes", dir);
    struct ate_session *me = new_session(), *other = new_session();
    struct ate__dio *dio = open_chain(path, false, me, ATE__STORAGE_CREATE);
    struct ate_txn *txn;
    struct ate_id id;
    const struct note *n;
    expect(ate__txn_begin(dio, NULL, 0, &txn), 0);
    for (int i = 0; i < 20; i++) {
        expect(ate_put_as(txn, note, ate_top, "counter", &(struct note){"x", i}, &id), 0);
        expect(ate_txn_commit(txn, NULL), 0);
    }
    ate_txn_end(txn);
    ate__dio_unref(dio);
    dio = open_chain(path, false, me, 0);
    expect(ate__txn_begin(dio, NULL, 0, &txn), 0);
    expect(ate_find(txn, note, ate_top, "counter", &id, &n), 0);
    assert_int_equal(n->n, 19);
    ate_txn_end(txn);
    expect(ate__txn_begin(dio, other, 0, &txn), 0);
    expect(ate_find(txn, note, ate_top, "counter", &id, &n), ATE_NO_KEY);
    expect(ate_find(txn, note, ate_top, "guess", &id, &n), ATE_NO_KEY);
    expect(ate_load(txn, note, id, &n), ATE_NO_KEY);
    expect(ate_delete(txn, id, 0), 0);
    expect(ate_txn_commit(txn, NULL), ATE_DENIED);
    ate_txn_end(txn);
    ate__dio_unref(dio);
    ate__session_unref(me);
    ate__session_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_and_loads),
        cmocka_unit_test(survives_reopening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
