/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What outlives a deep compaction, of a chain in many files with a root key, two writers, private
 * data and a deep tree: the order, times, hashes and authors of all that is left, every byte of
 * every page, also where the log is read for the first time since.
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

struct page {
    struct ate_bytes data;
};
ATE_TYPE(page, ATE_FIELD(data));

enum {
    SHELVES = 3,
    BOOKS = 3,
    PAGES = 4,
    LEAVES = SHELVES * BOOKS * PAGES,
    ROUNDS = 10,
    PAGE = 6000,
    DEPTH = 20, /* of a tree that goes straight down */
    EVENTS = 4096
};

static char home[4000];
static struct ate_session *owner, *second;
static struct ate_chain *chain;
static unsigned versions[LEAVES];

static void expect_(int rc, int expected, int line)
{
    if (rc != expected)
        fail_msg("line %d: %s: %s", line, ate_result_name(rc), ate_error());
}
#define expect(rc, expected) expect_(rc, expected, __LINE__)

static const char *path_of(const char *name)
{
    static char path[4][4100];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", home, name);
    return to;
}

static struct ate_bytes data_of(unsigned leaf, unsigned version)
{
    static uint8_t bytes[PAGE];
    for (uint32_t i = 0, r = leaf * 7919 + version * 104729 + 1; i < PAGE; i++) {
        r = r * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(r >> 24);
    }
    return (struct ate_bytes){bytes, PAGE};
}

static struct ate_txn *begin(struct ate_session *s, unsigned flags)
{
    struct ate_txn *txn;
    expect(ate_txn_begin(chain, s, flags, &txn), 0);
    return txn;
}

static void commit(struct ate_txn *txn)
{
    expect(ate_txn_commit(txn, NULL), 0);
    ate_txn_end(txn);
}

static struct ate_id child(struct ate_txn *txn, struct ate_id parent, const char *word,
                           unsigned number)
{
    const struct page *ignored;
    struct ate_id id;
    char name[32];
    snprintf(name, sizeof name, "%s %u", word, number);
    expect(ate_find(txn, page, parent, name, &id, &ignored), 0);
    return id;
}

static struct ate_id put(struct ate_txn *txn, struct ate_id parent, const char *word,
                         unsigned number, struct ate_bytes data)
{
    struct ate_id id;
    char name[32];
    snprintf(name, sizeof name, "%s %u", word, number);
    expect(ate_put_as(txn, page, parent, name, &(struct page){data}, &id), 0);
    return id;
}

static struct ate_id book_of(struct ate_txn *txn, unsigned leaf)
{
    struct ate_id box = child(txn, ate_top, "box", 0);
    struct ate_id shelf = child(txn, box, "shelf", leaf / PAGES / BOOKS);
    return child(txn, shelf, "book", leaf / PAGES % BOOKS);
}

/* ---- the story ---- */

static struct ate_hash make_key(const char *name)
{
    struct ate_hash fingerprint;
    char public_name[32], *text;
    expect(ate_key_create(path_of(name), "", &fingerprint), 0);
    expect(ate_key_public_text(path_of(name), &text), 0);
    snprintf(public_name, sizeof public_name, "%s.pub", name);
    FILE *f = fopen(path_of(public_name), "w");
    assert_true(f && fputs(text, f) >= 0 && !fclose(f));
    ate_free(text);
    return fingerprint;
}

static void make_tree(struct ate_hash first, struct ate_hash other)
{
    struct ate_hash both[] = {first, other};
    const struct ate_rule rule = {ATE_KEYS, both, 2};
    struct ate_txn *txn = begin(owner, 0);
    struct ate_id box = put(txn, ate_top, "box", 0, (struct ate_bytes){"", 0});
    expect(ate_protect(txn, box, &(struct ate_rules){.read = rule, .write = rule}), 0);
    for (unsigned i = 0; i < SHELVES; i++) {
        struct ate_id shelf = put(txn, box, "shelf", i, (struct ate_bytes){"", 0});
        for (unsigned k = 0; k < BOOKS; k++)
            put(txn, shelf, "book", k, (struct ate_bytes){"", 0});
    }
    struct ate_id at = box;
    for (unsigned i = 0; i < DEPTH; i++)
        at = put(txn, at, "down", i, data_of(1000, i));
    commit(txn);
}

static void write_leaves(unsigned round)
{
    for (unsigned leaf = 0; leaf < LEAVES; leaf++) {
        struct ate_txn *txn = begin((leaf + round) % 2 ? owner : second, 0);
        struct ate_id book = book_of(txn, leaf);
        if (round == 4 && leaf % 5 == 0) { /* gone; later there is one of that name again */
            expect(ate_delete(txn, child(txn, book, "page", leaf), 0), 0);
            versions[leaf] = 0;
        } else {
            put(txn, book, "page", leaf, data_of(leaf, round + 1));
            versions[leaf] = round + 1;
        }
        commit(txn);
    }
}

static void check_bytes(struct ate_session *s)
{
    const struct page *found = NULL;
    struct ate_txn *txn = begin(s, ATE_READ);
    struct ate_id id, at = child(txn, ate_top, "box", 0);
    char name[32];
    for (unsigned i = 0; i < DEPTH; i++) {
        snprintf(name, sizeof name, "down %u", i);
        expect(ate_find(txn, page, at, name, &id, &found), 0);
        assert_true(found->data.size == PAGE);
        assert_memory_equal(found->data.data, data_of(1000, i).data, PAGE);
        at = id;
    }
    for (unsigned leaf = 0; leaf < LEAVES; leaf++) {
        snprintf(name, sizeof name, "page %u", leaf);
        int rc = ate_find(txn, page, book_of(txn, leaf), name, &id, &found);
        expect(rc, versions[leaf] ? 0 : ATE_NOT_FOUND);
        if (rc)
            continue;
        assert_true(found->data.size == PAGE);
        assert_memory_equal(found->data.data, data_of(leaf, versions[leaf]).data, PAGE);
    }
    ate_txn_end(txn);
}

/* ---- what is left ---- */

static struct row {
    uint64_t sequence;
    int64_t root_time_ns, writer_time_ns;
    struct ate_hash event, tx, author;
    size_t authors;
    enum ate_event_kind kind;
} rows[EVENTS];
static size_t row_count;

static void each_row(void (*each)(const struct row *row))
{
    struct ate_history *h;
    struct ate_history_txn t;
    uint64_t next = 0;
    int rc;
    expect(ate_history_start(chain, owner, 0, &h), 0);
    while (!(rc = ate_history_next(h, &t))) {
        assert_true(t.sequence >= next && t.verified);
        next = t.sequence + 1;
        for (size_t i = 0; i < t.event_count; i++) {
            struct row row = {.sequence = t.sequence,
                              .root_time_ns = t.root_time_ns,
                              .writer_time_ns = t.writer_time_ns,
                              .event = t.events[i].event_hash,
                              .tx = t.tx_hash,
                              .authors = t.author_count,
                              .kind = t.events[i].kind};
            if (t.author_count)
                row.author = t.authors[0];
            each(&row);
        }
    }
    expect(rc, ATE_END);
    ate_history_end(h);
}

static void note_row(const struct row *row)
{
    assert_true(row_count < EVENTS);
    rows[row_count++] = *row;
}

static size_t left, keys_left;

/* One of before, at the same place in the order. */
static void check_row(const struct row *row)
{
    static size_t at;
    at = row->sequence == 0 ? 0 : at;
    if (row->kind == ATE_EVENT_COMPACTED || row->kind == ATE_EVENT_CERTIFICATE)
        return;
    while (at < row_count && memcmp(&rows[at].event, &row->event, sizeof row->event))
        at++;
    if (at == row_count)
        fail_msg("an event of %u is new, or in another place", (unsigned)row->sequence);
    assert_true(rows[at].sequence == row->sequence && rows[at].kind == row->kind &&
                rows[at].root_time_ns == row->root_time_ns &&
                rows[at].writer_time_ns == row->writer_time_ns && rows[at].authors == row->authors);
    assert_memory_equal(&rows[at].tx, &row->tx, sizeof row->tx);
    assert_memory_equal(&rows[at].author, &row->author, sizeof row->author);
    keys_left += row->kind == ATE_EVENT_PUBLIC_KEY;
    left++;
}

static size_t count_keys(void)
{
    size_t keys = 0;
    for (size_t i = 0; i < row_count; i++)
        keys += rows[i].kind == ATE_EVENT_PUBLIC_KEY;
    return keys;
}

static void check_left(void)
{
    left = keys_left = 0;
    each_row(check_row);
    assert_true(left < row_count - 50 && left > LEAVES);
    assert_true(keys_left == count_keys() && keys_left > 0);
}

static void open_chain(unsigned flags, bool image)
{
    const struct ate_chain_conf conf = {
        .segment_bytes = 64 << 10, .sync = ATE_SYNC_NEVER, .no_view_image = !image};
    expect(ate_chain_open(path_of("notes"), owner, flags, &conf, &chain), 0);
}

static void survivors(void **state)
{
    (void)state;
    struct ate_compact_conf conf = {.deep = true, .cut_off = ATE_CUT_OFF_NEWEST, .gain_percent = 1};
    struct ate_compacted done;
    struct ate_verified all;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    struct ate_hash first = make_key("owner"), other = make_key("second");
    expect(ate_session_open(path_of("owner"), 0, &owner), 0);
    expect(ate_session_open(path_of("second"), 0, &second), 0);
    expect(ate_session_add_key(owner, path_of("second.pub")), 0);
    open_chain(ATE_CREATE, false);
    make_tree(first, other);
    for (unsigned round = 0; round < ROUNDS; round++)
        write_leaves(round);
    each_row(note_row);
    expect(ate_chain_compact(chain, &conf, &done), 0);
    print_message("%llu files, %llu written anew; %llu events and %llu transactions went\n",
                  (unsigned long long)done.files, (unsigned long long)done.rewritten,
                  (unsigned long long)done.events, (unsigned long long)done.transactions);
    assert_true(done.files >= 4 && done.rewritten >= 3 && done.transactions > 50);
    check_bytes(owner);
    check_left();
    ate_chain_close(chain);
    for (unsigned flags = 0; flags < 4; flags++) {
        open_chain(flags % 2 ? ATE_READ : 0, flags / 2);
        check_bytes(flags % 2 ? second : owner);
        check_left();
        expect(ate_chain_verify(chain, NULL, NULL, &all), 0);
        assert_int_equal(all.damage.what, ATE_OK);
        ate_chain_close(chain);
    }
    /* Both go on, also where their keys were brought below the cut-off. */
    open_chain(0, true);
    write_leaves(ROUNDS);
    check_bytes(second);
    ate_chain_close(chain);
    ate_session_close(owner);
    ate_session_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(survivors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
