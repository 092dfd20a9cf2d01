/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Members of fields in a chain in a directory, as a thin client and with a mirror: many of them,
 * from either end, in pages; after the chain was opened again, by its view image or without; at a
 * moment of the past.
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

struct item {
    int64_t n;
};
ATE_TYPE(item, ATE_FIELD(n));
struct shop {
    const char *name;
    struct ate_vec orders;
    struct ate_map prices;
    struct ate_child owner;
};
ATE_TYPE(shop, ATE_FIELD(name), ATE_FIELD(orders), ATE_FIELD(prices), ATE_FIELD(owner));

enum way { DIRECTORY, THIN, MIRROR, WAYS };
enum { ORDERS = 1500, PRICES = 40 };

static char home[4096];
static struct ate_server *server;
static struct ate_session *session;
static struct ate_chain *chain;
static char address[4500];

static void expect_(int rc, int expected, int line)
{
    if (rc != expected)
        fail_msg("line %d: %s instead of %s: %s", line, ate_result_name(rc),
                 ate_result_name((enum ate_result)expected), ate_error());
}
#define expect(rc, expected) expect_(rc, expected, __LINE__)

static const char *path_of(const char *name)
{
    static char paths[8][4200];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", home, name);
    return p;
}

static void open_chain(enum way way, unsigned flags)
{
    struct ate_chain_conf c = {.mirror_dir = way == MIRROR ? path_of("mirror") : NULL};
    expect(ate_chain_open(address, session, flags, &c, &chain), 0);
}

static void begin(enum way way)
{
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    expect(ate_session_open(path_of("key"), ATE_CREATE, &session), 0);
    if (way == DIRECTORY) {
        snprintf(address, sizeof address, "%s", path_of("chain"));
    } else {
        struct ate_server_conf conf = {.logs = path_of("logs"), .any_port = true, .no_auth = true};
        expect(ate_server_start(&conf, &server), 0);
        const char *all = ate_server_address(server), *hash = strchr(all, '#');
        snprintf(address, sizeof address, "%.*s/test/shops%s", (int)(hash - all - 1), all, hash);
    }
    open_chain(way, ATE_CREATE);
}

static void end(void)
{
    ate_chain_close(chain);
    ate_server_end(server);
    server = NULL;
    ate_session_close(session);
}

static void fill(struct ate_txn *t, struct ate_id *ret_shop)
{
    expect(ate_put_as(t, shop, ate_top, "shop", &(struct shop){.name = "Ada's"}, ret_shop), 0);
    const struct ate_vec orders = ate_vec_of(*ret_shop, "orders");
    const struct ate_map prices = ate_map_of(*ret_shop, "prices");
    for (int64_t i = 0; i < ORDERS; i++) {
        expect(ate_vec_push(t, item, orders, &(struct item){i}, NULL), 0);
        if (i < PRICES) {
            char name[32];
            snprintf(name, sizeof name, "p%d", (int)i);
            expect(ate_map_put(t, item, prices, name, &(struct item){1000 + i}, NULL), 0);
        }
    }
    expect(ate_child_put(t, item, ate_child_of(*ret_shop, "owner"), &(struct item){-1}, NULL), 0);
    expect(ate_txn_commit(t, NULL), 0);
}

/* The members, in pages of some: first, first + step, ... */
static void walk(struct ate_txn *t, struct ate_place place, bool reverse, int64_t first,
                 unsigned count)
{
    struct ate_list_conf conf = {.reverse = reverse};
    const struct item *x = NULL;
    unsigned seen = 0;
    for (unsigned page = 1; seen < count; page += 211) {
        struct ate_cursor *cursor;
        unsigned n = 0;
        int rc = 0;
        expect(ate_list(t, place, &conf, &cursor), 0);
        for (; n < page && !(rc = ate_next(cursor, item, &conf.behind, &x)); n++, seen++)
            assert_int_equal(x->n, reverse ? first - seen : first + seen);
        assert_true(rc == 0 || (rc == ATE_END && seen == count));
        ate_cursor_end(cursor);
    }
    assert_int_equal(seen, count);
}

static void look(struct ate_txn *t)
{
    const struct item *x = NULL;
    const struct shop *s = NULL;
    struct ate_id id;
    expect(ate_find(t, shop, ate_top, "shop", &id, &s), 0);
    walk(t, s->orders.at, false, 0, ORDERS);
    walk(t, s->orders.at, true, ORDERS - 1, ORDERS);
    walk(t, s->prices.at, false, 1000, PRICES);
    walk(t, s->owner.at, true, -1, 1);
    expect(ate_map_find(t, item, s->prices, "p7", NULL, &x), 0);
    assert_int_equal(x->n, 1007);
    expect(ate_find(t, item, id, "p7", NULL, &x), ATE_NOT_FOUND);
    expect(ate_child_load(t, item, s->owner, NULL, &x), 0);
    assert_int_equal(x->n, -1);
    struct ate_cursor *cursor;
    expect(ate_list(t, s->prices.at, &(struct ate_list_conf){.behind = id}, &cursor), 0);
    expect(ate_next(cursor, item, &id, &x), ATE_NOT_FOUND);
}

static void each_way(void **state)
{
    (void)state;
    for (enum way way = DIRECTORY; way < WAYS; way++) {
        struct ate_id id, order;
        struct ate_txn *t;
        const struct item *x = NULL;
        begin(way);
        expect(ate_txn_begin(chain, NULL, 0, &t), 0);
        fill(t, &id);
        look(t);
        struct ate_head then = ate_chain_head(chain);
        ate_txn_end(t);
        for (unsigned image = 0; image < 2 && way != THIN; image++) {
            ate_chain_close(chain);
            struct ate_chain_conf c = {.mirror_dir = way == MIRROR ? path_of("mirror") : NULL,
                                       .no_view_image = image};
            expect(ate_chain_open(address, session, 0, &c, &chain), 0);
            expect(ate_txn_begin(chain, NULL, ATE_READ, &t), 0);
            look(t);
            ate_txn_end(t);
        }
        expect(ate_txn_begin(chain, NULL, 0, &t), 0);
        struct ate_cursor *cursor;
        expect(ate_list(t, ate_vec_of(id, "orders").at, NULL, &cursor), 0);
        expect(ate_next(cursor, item, &order, &x), 0);
        expect(ate_delete(t, order, 0), 0); /* the first goes, the second is no order any more */
        expect(ate_next(cursor, item, &order, &x), 0);
        expect(ate_detach(t, order), 0);
        expect(ate_txn_commit(t, NULL), 0);
        expect(ate_txn_refresh(t), 0);
        walk(t, ate_vec_of(id, "orders").at, false, 2, ORDERS - 2);
        walk(t, (struct ate_place){id, 0}, false, 1, 1);
        ate_txn_end(t);
        if (way != THIN) { /* as it was before */
            for (unsigned all = 0; all < 2; all++) {
                expect(ate_txn_begin_at(chain, NULL, then.size, all ? ATE_TREE : 0, NULL, &t), 0);
                look(t);
                ate_txn_end(t);
            }
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
