/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * told.c: what others are told of an attack: of what was refused nothing; of two stories that were
 * signed what proves them.
 */
#include "attack.h"
#include "crypto/log_key.h"
#include "files.h"
#include "lib/tmpdir.h"
#include "raw.h"
#include "trust/checkpoint.h"
#include "unit/mesh/kit.h"
#include <stdlib.h>
#include <sys/stat.h>

/* ---- who listens ---- */

struct world {
    struct past *past;
    struct ate__server *server;
    struct kit_client *writer;
    struct ate__head head;
    char address[700];
};

static void world_begin(struct world *w)
{
    char dir[600], pin_text[ATE_HASH_TEXT], root[ATE_HASH_TEXT];
    const char *logs = tmpdir_new();
    struct ate__server_conf conf = kit_conf(logs);
    w->past = attack_family();
    snprintf(dir, sizeof dir, "%s/past", logs);
    assert_int_equal(mkdir(dir, 0700), 0);
    attack_write_chain(dir, w->past, &w->past->chain_id, w->past->size);
    w->server = kit_start(&conf);
    snprintf(w->address, sizeof w->address, "tcp://127.0.0.1:%u/past#pin=%s,root=%s",
             raw_port(w->server), ate_hash_text(ate__server_pin(w->server), pin_text),
             ate_hash_text(past_print(w->past, ROOT), root));
    const struct kit_chain chain = {
        .path = "/past", .id = w->past->chain_id, .genesis = w->past->record[0]};
    w->writer = kit_connect(w->server);
    w->head = kit_open(w->writer, 1, &chain);
}

/* Object 2 with this payload, signed by `key`: what becomes of it. */
static uint16_t change_2(struct world *w, int key, const char *payload)
{
    struct past *p = w->past;
    struct draft d;
    struct ate_hash prev = past_body_hash(p, id_of(2));
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(2),
                                        .parent = id_of(1),
                                        .name = "two",
                                        .prev = &prev,
                                        .payload = ate__text_bytes(payload)});
    past_sign(p, &d, key);
    kit_commit(w->writer, 1, 1, &w->head, draft_encode(&d));
    struct kit_frame f = kit_receive(w->writer);
    uint16_t type = f.type;
    kit_frame_free(&f);
    draft_deinit(&d);
    return type;
}

/* What the watch tells first, is, when it is looked at: 0: eve's. */
static int told_of(struct ate_chain *c, struct ate_watch *watch)
{
    struct ate_event e;
    struct ate_object o;
    struct ate_txn *txn;
    attack_must(ate_watch_next(watch, 20000, &e));
    attack_must(ate_txn_begin(c, NULL, ATE_READ, &txn));
    attack_must(ate_load_raw(txn, e.id, 0, &o));
    int rc = memmem(o.payload.data, o.payload.size, "eve", 3)
                 ? 0
                 : ate__fail(ATE_DENIED, "of what was accepted alone");
    ate_txn_end(txn);
    return rc;
}

/* Eve's change comes to the server, and alice's behind it, if hers was refused. */
static void refused_and_told(void)
{
    struct world w;
    struct ate_chain *c;
    struct ate_watch *watch;
    const struct ate_chain_conf conf = {.mirror_dir = "", .timeout_ms = 20000};
    world_begin(&w);
    attack_must(ate_chain_open(w.address, NULL, 0, &conf, &c));
    attack_must(ate_watch_start(c, NULL, ate_top, ATE_TREE, ATE_NOW, &watch));
    if (change_2(&w, EVE, "eve was here") == ATE__MSG_REJECTED)
        assert_int_equal(change_2(&w, ALICE, "hers"), ATE__MSG_COMMITTED);
    attack_tried("a mirror listens", told_of(c, watch), ATE_DENIED);
    ate_watch_end(watch);
    ate_chain_close(c);
    kit_close(w.writer);
    ate__server_end(w.server);
    past_free(w.past);
}

/* ---- who has signed ---- */

/* The head of all of it, signed by the log key of the chain, bob's. */
static void sign(struct rogue *r, uint64_t time_s)
{
    struct past *p = r->past;
    struct ate__log_key *k;
    struct ate__head head = past_head(p, p->size);
    struct ate__checkpoint c = {
        .chain_id = p->chain_id, .root = head.root, .size = head.size, .time_s = time_s};
    attack_must(ate__log_key_of_seed(&p->key[BOB]->seed, &k));
    ate__buf_clear(&r->note);
    attack_must(ate__checkpoint_make(&c, k, &r->note));
    ate__log_key_free(k);
}

static int load(struct rogue *r, const char *mirror)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o;
    int rc = rogue_open(r, mirror, &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_load_raw(txn, id_of(1), 0, &o);
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

struct stories {
    struct ate__buf note[2];
    unsigned kept;
};

static void look_for(const char *file, uint8_t *bytes, size_t size, void *arg)
{
    struct stories *s = arg;
    size_t name = strlen(file);
    for (unsigned i = 0; i < 2 && name > 5 && !strcmp(file + name - 5, ".fork"); i++)
        s->kept += memmem(bytes, size, s->note[i].data, s->note[i].size) != NULL;
}

/* The server of a centralized chain shows one history and then another, and has signed both. It
 * may; whoever saw both can show it to others. */
static void two_stories(void)
{
    struct past *p = past_centralized(NULL), *q;
    struct stories s = {0};
    past_create(p, ROOT, 1, 0, "one", "first");
    q = past_copy(p);
    past_change(p, ROOT, 1, 0, "one", "this");
    past_change(q, ROOT, 1, 0, "one", "that");
    struct rogue *r = rogue_new(p);
    r->centralized = true;
    sign(r, 1);
    attack_must(ate__buf_append(&s.note[0], ate__buf_bytes(&r->note)));
    attack_must(load(r, NULL));
    past_free(r->past);
    r->past = q;
    sign(r, 2);
    attack_must(ate__buf_append(&s.note[1], ate__buf_bytes(&r->note)));
    assert_int_equal(load(r, NULL), ATE_FORKED);
    files_each(getenv("HOME"), look_for, &s);
    attack_tried("to a thin client",
                 s.kept < 2 ? 0 : ate__fail(ATE_FORKED, "both signed heads are kept"), ATE_FORKED);
    ate__buf_deinit(&s.note[0]);
    ate__buf_deinit(&s.note[1]);
    rogue_free(r);
}

const struct attack attacks_told[] = {
    {"refused-and-told", refused_and_told},
    {"two-stories-signed", two_stories},
    {NULL, NULL},
};
