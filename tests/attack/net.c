/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * net.c: clear text, bytes without end before anybody has said who he is, and chains that are made
 * where none should be.
 */
#include "attack.h"
#include "base/alloc.h"
#include "lib/tmpdir.h"
#include "net/conn.h"
#include "unit/mesh/kit.h"

/* A server talks a client into clear text that goes out to the network: 0.0.0.0 is this machine
 * too, but nothing says so. */
static void clear_text_elsewhere(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct ate_chain *c = NULL;
    struct ate_chain_conf conf = {.no_wire_encryption = true, .timeout_ms = 20000};
    r->clear = true;
    r->host = "0.0.0.0";
    attack_tried("by a client", ate_chain_open(rogue_address(r), NULL, 0, &conf, &c), ATE_MISUSE);
    ate_chain_close(c);
    rogue_free(r);
}

static void clear_text_served(void)
{
    struct ate_server *s = NULL;
    struct ate_server_conf conf = {.logs = tmpdir_new(),
                                   .listen = "0.0.0.0",
                                   .any_port = true,
                                   .no_auth = true,
                                   .no_wire_encryption = true};
    attack_tried("by a server", ate_server_start(&conf, &s), ATE_MISUSE);
    ate_server_end(s);
}

/* 0: so many bytes are kept of one frame, by a server that knows nothing yet of who sends them. */
static int swallowed(struct ate_bytes head)
{
    enum { PIECE = 1 << 10, PIECES = 900 };
    static const uint8_t zeros[PIECE];
    struct ate__conn_conf conf = {
        .server = true, .wire = ATE__WIRE_EITHER, .hello = ate__hello_ours()};
    struct ate__conn *c;
    struct ate__net_frame f;
    attack_must(ate__conn_new(&conf, 0, &c));
    ate__conn_feed(c, head, 0);
    enum ate__conn_event e = ate__conn_next(c, 0, &f);
    for (unsigned i = 0; i < PIECES && e == ATE__CONN_NOTHING; i++) {
        ate__conn_feed(c, ate__bytes(zeros, sizeof zeros), 0);
        e = ate__conn_next(c, 0, &f);
    }
    int rc = e == ATE__CONN_NOTHING ? 0 : ate__fail(ate__conn_result(c), "%s", ate__conn_text(c));
    ate__conn_free(c);
    return rc;
}

static void bomb_before_greeting(void)
{
    static const uint8_t head[] = {0, 0, 0x10, 0, ATE__NET_HELLO, 0, 0, 0}; /* of 1 MiB */
    attack_tried("in clear text", swallowed(ate__bytes(head, sizeof head)), ATE_TOO_BIG);
}

static void created_by_anyone(void)
{
    struct past *p = attack_commons();
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.no_auth = false;
    attack_tried("at a server that creates none",
                 attack_create(&conf, "/past", ate__buf_bytes(&p->record[0])), ATE_DENIED);
    past_free(p);
}

/* A genesis for this name. */
static struct ate_bytes genesis(struct past *p, const char *name, struct draft *d)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__genesis g;
    struct ate_hash id;
    attack_must(ate__genesis_decode(p->tx[0].events[0].header.genesis, &g));
    g.name = ate__text_bytes("/a/xx/b");
    attack_must(ate__genesis_encode(&g, &body));
    uint8_t *at = memmem(body.data, body.size, g.name.data, g.name.size);
    assert_int_equal(strlen(name), g.name.size);
    memcpy(at, name, g.name.size);
    attack_must(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &id));
    past_begin(p, d);
    d->in.chain_id = id;
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    past_sign(p, d, ROOT);
    ate__buf_deinit(&body);
    return draft_encode(d);
}

static void create(const char *name)
{
    struct past *p = past_new(NULL);
    struct draft d;
    struct ate_bytes tx = genesis(p, name, &d);
    attack_tried(name, attack_create(NULL, name, tx), ATE_MALFORMED);
    draft_deinit(&d);
    past_free(p);
}

static void out_of_the_directory(void)
{
    create("/a/../b");
}

/* The server's own files lie below names that begin with a comma. */
static void into_the_servers_own(void)
{
    create("/a/,s/b");
}

const struct attack attacks_net[] = {
    {"clear-text-elsewhere", clear_text_elsewhere},
    {"clear-text-served", clear_text_served},
    {"bomb-before-greeting", bomb_before_greeting},
    {"created-by-anyone", created_by_anyone},
    {"out-of-the-directory", out_of_the_directory},
    {"into-the-servers-own", into_the_servers_own},
    {NULL, NULL},
};
