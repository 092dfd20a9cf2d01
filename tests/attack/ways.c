/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ways.c: the ways on which a transaction that breaks a rule may come into a chain.
 */
#include "attack.h"
#include "chain/host_key.h"
#include "base/env.h"
#include "crypto/digest.h"
#include "files.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "redo/storage.h"
#include "unit/mesh/kit.h"
#include <stdlib.h>

/* ---- histories ---- */

struct past *attack_family(void)
{
    struct past *p = past_new(NULL);
    struct draft d;
    past_begin(p, &d);
    struct ate__auth alices = past_writers(p, &d, ALICE, ALICE);
    struct ate__auth eves = past_writers(p, &d, EVE, EVE);
    draft_body(&d, &(struct draft_body){.id = id_of(1), .name = "one"});
    draft_control(&d, id_of(1), NULL, &alices);
    draft_body(&d, &(struct draft_body){.id = id_of(5)});
    draft_control(&d, id_of(5), NULL, &eves);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[ALICE]->public_key));
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[EVE]->public_key));
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    past_create(p, ALICE, 2, 1, "two", "hers");
    past_change(p, ALICE, 2, 1, "two", "hers, changed");
    past_create(p, EVE, 6, 5, NULL, "his");
    return p;
}

struct past *attack_commons(void)
{
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct past *p = past_new(&everyone);
    past_create(p, -1, 1, 0, "one", "first");
    past_create(p, -1, 2, 1, "two", "second");
    return p;
}

/* ---- to a real server ---- */

static struct kit_client *serve(struct past *p, struct ate__server **ret_server,
                                struct kit_chain *chain)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    *ret_server = kit_start(&conf);
    *chain = (struct kit_chain){.path = "/past", .id = p->chain_id, .genesis = p->record[0]};
    return kit_connect(*ret_server);
}

/* The result; EXISTS: it says that it has it as an earlier one. */
static int commit(struct kit_client *c, uint32_t request, const struct ate__head *known,
                  struct ate_bytes tx)
{
    struct ate__msg_committed committed;
    struct ate__msg_rejected rejected;
    kit_commit(c, 1, request, known, tx);
    struct kit_frame f = kit_receive(c);
    int rc = -1;
    if (f.type == ATE__MSG_COMMITTED) {
        assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f.body), &committed), 0);
        rc = committed.receipt.sequence < request ? ATE_EXISTS : 0;
        snprintf(kit_error_text, sizeof kit_error_text, "it is there already");
    } else if (f.type == ATE__MSG_REJECTED) {
        assert_int_equal(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &rejected), 0);
        rc = rejected.result;
        snprintf(kit_error_text, sizeof kit_error_text, "%.*s", (int)rejected.text.size,
                 (const char *)rejected.text.data);
    } else {
        assert_int_equal(f.type, ATE__NET_ERROR);
        assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, kit_error_text), 0);
        fail_msg("ERROR %d: %s", rc, kit_error_text);
    }
    kit_frame_free(&f);
    return rc;
}

/* The request's number is the sequence that the transaction would get. */
static int offer(struct past *p, uint64_t good, struct ate_bytes tx)
{
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *c = serve(p, &server, &chain);
    struct ate__head head = kit_create(c, 1, &chain);
    for (uint64_t n = 1; n < good; n++)
        attack_must(commit(c, (uint32_t)n, &head, ate__buf_bytes(&p->record[n])));
    int rc = commit(c, (uint32_t)good, &head, tx);
    head = kit_open(c, 2, &chain);
    if (head.size != good + (rc == 0))
        fail_msg("%s, and the server has %llu transactions", ate_result_name(rc),
                 (unsigned long long)head.size);
    kit_close(c);
    ate__server_end(server);
    return rc ? ate__fail(rc, "%s", kit_error_text) : 0;
}

int attack_offer(struct past *p, struct ate_bytes tx)
{
    return offer(p, p->size, tx);
}

int attack_create(const struct ate__server_conf *conf, const char *path, struct ate_bytes genesis)
{
    struct ate__server_conf anybody = kit_conf(tmpdir_new());
    anybody.host_key = kit_host_key();
    struct ate__server *server = kit_start(conf ? conf : &anybody);
    struct kit_client *c = kit_connect(server);
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    char text[ATE__ERROR_SIZE];
    int rc = 0;
    ate__msg_create_encode(&w, &(struct ate__msg_create){ate__text_bytes(path), genesis});
    kit_send(c, ATE__MSG_CREATE, 1, ate__buf_bytes(&body));
    struct kit_frame f = kit_receive(c);
    if (f.type == ATE__MSG_CHALLENGE) {
        kit_frame_free(&f);
        f = kit_receive(c);
    }
    if (f.type == ATE__NET_ERROR) {
        assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, text), 0);
    } else if (!f.type) { /* it was no message at all */
        rc = kit_result(c);
        snprintf(text, sizeof text, "%s", kit_text(c));
    } else {
        assert_int_equal(f.type, ATE__MSG_OPENED);
    }
    kit_frame_free(&f);
    ate__buf_deinit(&body);
    kit_close(c);
    ate__server_end(server);
    return rc ? ate__fail(rc, "%s", text) : 0;
}

/* ---- files ---- */

/* key: NULL: no group is sealed. */
static void write_chain(const char *dir, struct past *p, const struct ate_hash *chain_id,
                        uint64_t count, const struct ate__host_key *key)
{
    struct ate_hash seal, root;
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__storage *s;
    struct ate__dir *d;
    attack_must(vfs->open_root(vfs->user, dir, &d));
    struct ate__storage_state state;
    int rc = ate__storage_open_file(&ate__env_real, d, 0, NULL, ATE__ROLE_ROOT, NULL, &s);
    if (rc == ATE_NOT_FOUND)
        rc = ate__storage_open_file(&ate__env_real, d, ATE__STORAGE_CREATE, chain_id,
                                    ATE__ROLE_ROOT, NULL, &s);
    attack_must(rc);
    attack_must(s->v->begin(s));
    s->v->state(s, &state);
    for (uint64_t n = state.size; n < count; n++) {
        struct ate_bytes record = ate__buf_bytes(&p->record[n]);
        struct ate__group_in group = {.first_sequence = n,
                                      .root_time_us = p->time_us[n],
                                      .head_before = past_head(p, n).root,
                                      .records = &record,
                                      .count = 1,
                                      .seal = key ? &seal : NULL};
        if (key) {
            root = past_head(p, n + 1).root;
            attack_must(ate__host_key_seal(key, chain_id, n + 1, &root, &seal));
        }
        attack_must(s->v->append(s, &group));
    }
    s->v->close(s);
    vfs->close_dir(d);
}

void attack_write_chain(const char *dir, struct past *p, const struct ate_hash *chain_id,
                        uint64_t count)
{
    write_chain(dir, p, chain_id, count, NULL);
}

void attack_write_sealed(const char *dir, struct past *p, const struct ate__host_key *key)
{
    write_chain(dir, p, &p->chain_id, p->size, key);
}

void attack_write_anew(const char *dir, struct past *p, uint64_t count)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'/,chain", dir);
    assert_int_equal(shell(command), 0);
    attack_write_chain(dir, p, &p->chain_id, count);
}

int attack_open_chain(const char *dir, unsigned flags, struct ate_chain **ret_chain)
{
    struct ate__key32 seed = {{1 + ROOT, 7}}; /* past.c */
    ate__cleanup(ate__key_freep) struct ate__key *root = NULL;
    char text[ATE_HASH_TEXT];
    attack_must(ate__key_of_seed(&seed, "", &root));
    struct ate_chain_conf conf = {.root = ate_hash_text(root->fingerprint, text)};
    return ate_chain_open(dir, NULL, flags, &conf, ret_chain);
}

static void add_file(const char *file, uint8_t *bytes, size_t size, void *arg)
{
    struct ate_hash parts[2], *sum = arg;
    attack_must(ate__sha256(ate__text_bytes(file), &parts[0]));
    attack_must(ate__sha256(ate__bytes(bytes, size), &parts[1]));
    for (size_t i = 0; i < sizeof parts[0].b; i++) /* in whatever order they come */
        parts[0].b[i] ^= parts[1].b[i];
    attack_must(ate__sha256(ate__bytes(&parts[0], sizeof parts[0]), &parts[1]));
    for (size_t i = 0; i < sizeof parts[1].b; i++)
        sum->b[i] ^= parts[1].b[i];
}

static struct ate_hash sum_of(const char *dir)
{
    struct ate_hash sum = {{0}};
    files_each(dir, add_file, &sum);
    return sum;
}

/* What is refused changes no file. */
static int find(struct past *p)
{
    struct ate_chain *c = NULL;
    const char *dir = tmpdir_new();
    attack_write_chain(dir, p, &p->chain_id, p->size - 1);
    attack_must(attack_open_chain(dir, 0, &c));
    ate_chain_close(ate__steal(&c));
    attack_write_chain(dir, p, &p->chain_id, p->size);
    struct ate_hash before = sum_of(dir);
    int rc = attack_open_chain(dir, 0, &c);
    struct ate_hash after = sum_of(dir);
    if (rc)
        assert_memory_equal(&after, &before, sizeof after);
    if (!rc && ate_chain_head(c).size != p->size)
        fail_msg("it opens, but with %llu transactions",
                 (unsigned long long)ate_chain_head(c).size);
    ate_chain_close(c);
    if (rc) { /* what comes before the attack can still be read, and says where it is */
        struct ate_damage damage;
        attack_must(attack_open_chain(dir, ATE_READ, &c));
        assert_true(ate_chain_damage(c, &damage));
        assert_int_equal(damage.sequence, p->size - 1);
        assert_int_equal(ate_chain_head(c).size, p->size - 1);
        ate__fail(rc, "%s", damage.text);
        ate_chain_close(c);
    }
    return rc;
}

/* ---- a mirror ---- */

static int show(struct rogue *r)
{
    struct ate_chain *c = NULL;
    int rc = rogue_open(r, tmpdir_new(), &c);
    if (!rc && ate_chain_head(c).size != r->size)
        fail_msg("it opens, but with %llu transactions",
                 (unsigned long long)ate_chain_head(c).size);
    ate_chain_close(c);
    return rc;
}

void attack_with_stored(struct past *take_p, int documented)
{
    int stored = documented == ATE_UNSUPPORTED ? ATE_UNSUPPORTED : ATE_TAMPERED;
    attack_tried("in the files", find(take_p), stored);
    struct rogue *r = rogue_new(take_p);
    attack_tried("shown to a mirror", show(r), stored);
    rogue_free(r);
}

void attack_with_history(struct past *take_p, int documented)
{
    uint64_t good = take_p->size - 1;
    attack_tried("offered to a server", offer(take_p, good, ate__buf_bytes(&take_p->record[good])),
                 documented);
    attack_with_stored(take_p, documented);
}
