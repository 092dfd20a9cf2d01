/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * central.c: chains whose server says who made what, against those who are not that server, and
 * against that server where it is not to be believed.
 */
#include "attack.h"
#include "api/host_key.h"
#include "crypto/log_key.h"
#include "lib/tmpdir.h"
#include "trust/checkpoint.h"
#include "unit/mesh/kit.h"
#include <stdlib.h>
#include <sys/stat.h>

/* ---- a client without keys, and a server of its own ---- */

/* 1 is alice's: she alone may write there. */
static struct past *family(void)
{
    struct past *p = past_centralized(NULL);
    past_create(p, ROOT, 1, 0, "one", "first");
    past_rule(p, ROOT, 1, ALICE, ALICE);
    past_create(p, ALICE, 2, 1, "two", "second");
    return p;
}

/* The head of so many transactions, signed by the log key of `key`; BOB's is the chain's. */
static struct ate__buf note_of(struct past *p, int key, uint64_t size)
{
    struct ate__buf note = {0};
    struct ate__log_key *k;
    struct ate__head head = past_head(p, size);
    struct ate__checkpoint c = {
        .chain_id = p->chain_id, .root = head.root, .size = head.size, .time_s = 1};
    attack_must(ate__log_key_of_seed(&p->key[key]->seed, &k));
    attack_must(ate__checkpoint_make(&c, k, &note));
    ate__log_key_free(k);
    return note;
}

static struct rogue *serving(struct past *take_p, int key, uint64_t size)
{
    struct rogue *r = rogue_new(take_p);
    r->centralized = true;
    if (size)
        r->note = note_of(take_p, key, size);
    return r;
}

/* Object `id` is shown to a thin client, who believes it. */
static int load(struct rogue *r, unsigned id)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o;
    int rc = rogue_open(r, NULL, &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_load_raw(txn, id_of(id), 0, &o);
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

static void shown(struct rogue *take_r, unsigned id, int documented)
{
    attack_tried("shown to a thin client", load(take_r, id), documented);
    rogue_free(take_r);
}

/* It is as it should be: what the others stand on. */
static void believed(struct rogue *take_r)
{
    attack_must(load(take_r, 2));
    rogue_free(take_r);
}

static void attested_without_checkpoint(void)
{
    struct past *p = family();
    believed(serving(past_copy(p), BOB, p->size));
    shown(serving(p, BOB, 0), 2, ATE_UNTRUSTED);
}

static void attested_under_another_key(void)
{
    struct past *p = family();
    shown(serving(p, EVE, p->size), 2, ATE_UNTRUSTED);
}

/* What was written since then, by whoever has the disk and no log key. */
static void attested_behind_checkpoint(void)
{
    struct past *p = family();
    shown(serving(p, BOB, p->size - 1), 2, ATE_UNTRUSTED);
}

static void attested_beside_checkpoint(void)
{
    struct past *p = family(), *q = past_copy(p);
    past_change(p, ALICE, 2, 1, "two", "hers");
    past_change(q, ALICE, 2, 1, "two", "another");
    struct rogue *r = serving(p, BOB, 0);
    r->note = note_of(q, BOB, q->size);
    past_free(q);
    shown(r, 2, ATE_FORKED);
}

/* The server sends its history; a note of EVE's, if it says anything. */
static int follow(struct rogue *r, unsigned id)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o;
    r->timeout_ms = 500;
    int rc = rogue_open(r, "", &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_load_raw(txn, id_of(id), 0, &o);
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

static void attested_to_a_mirror(void)
{
    struct past *p = family();
    struct rogue *r = serving(p, BOB, 0);
    attack_tried("without a note", follow(r, 2), ATE_UNTRUSTED);
    r->said[0] = note_of(p, EVE, p->size);
    attack_tried("under another key", follow(r, 2), ATE_UNTRUSTED);
    rogue_free(r);
}

/* By whoever has the disk, and neither the log key nor the host key of who serves. */
static void attested_in_files(void)
{
    struct past *p = family();
    const char *dir = tmpdir_new();
    struct ate_chain *c = NULL;
    char root[ATE_HASH_TEXT];
    ate_hash_text(past_print(p, ROOT), root);
    struct ate_chain_conf conf = {.root = root, .centralized = true};
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_tried("opened", ate_chain_open(dir, NULL, ATE_READ, &conf, &c), ATE_UNTRUSTED);
    ate_chain_close(c);
    past_free(p);
}

/* With seals of a key that is not this machine's. */
static void attested_under_another_seal(void)
{
    struct past *p = family();
    const char *dir = tmpdir_new();
    struct ate__host_key *own, *eves;
    struct ate_chain *c = NULL;
    char root[ATE_HASH_TEXT];
    ate_hash_text(past_print(p, ROOT), root);
    struct ate_chain_conf conf = {.root = root, .centralized = true};
    setenv("STATE_DIRECTORY", tmpdir_new(), 1);
    attack_must(ate__host_key_default(&ate__env_real, true, &own));
    attack_must(ate__host_key_new(&(struct ate__key32){{0xee}}, &eves));
    attack_write_sealed(dir, p, eves);
    int rc = ate_chain_open(dir, NULL, ATE_READ, &conf, &c);
    ate_chain_close(c);
    ate__host_key_free(own);
    ate__host_key_free(eves);
    attack_tried("opened", rc, ATE_UNTRUSTED);
    past_free(p);
}

/* By who may write to the folder of the host key: he puts his own there. */
static void host_key_planted(void)
{
    static const uint8_t bytes[32] = {0xee};
    struct past *p = family();
    const char *dir = tmpdir_new(), *state = tmpdir_new();
    struct ate__host_key *eves;
    struct ate_chain *c = NULL;
    char root[ATE_HASH_TEXT], path[600];
    ate_hash_text(past_print(p, ROOT), root);
    struct ate_chain_conf conf = {.root = root, .centralized = true};
    snprintf(path, sizeof path, "%s/host.key", state);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, f), sizeof bytes);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600) || chmod(state, 0777), 0);
    setenv("STATE_DIRECTORY", state, 1);
    attack_must(ate__host_key_new(&(struct ate__key32){{0xee}}, &eves));
    attack_write_sealed(dir, p, eves);
    ate__host_key_free(eves);
    int rc = ate_chain_open(dir, NULL, ATE_READ, &conf, &c);
    ate_chain_close(c);
    attack_tried("opened", rc, ATE_UNTRUSTED);
    past_free(p);
}

/* Who is named has no right to it, whoever signs the order. */
static void attested_without_right(void)
{
    struct past *p = family();
    past_change(p, EVE, 2, 1, "two", "eve's");
    shown(serving(p, BOB, p->size), 2, ATE_TAMPERED);
}

/* In a chain that is not centralized a server's word is nothing. */
static void attested_where_signed(void)
{
    struct past *p = attack_family();
    struct draft d;
    struct ate_hash alice = past_print(p, ALICE);
    past_begin(p, &d);
    struct ate_hash prev = past_body_hash(p, id_of(2));
    uint8_t tag[ATE__NAME_TAG];
    draft_body(&d, &(struct draft_body){.id = id_of(2),
                                        .parent = id_of(1),
                                        .prev = &prev,
                                        .tags = past_tag(id_of(1), "two", tag),
                                        .tag_count = 1,
                                        .payload = ate__bytes("eve's", 5)});
    past_attest(p, draft_encode(&d), &alice, 1);
    draft_deinit(&d);
    attack_with_history(p, ATE_MALFORMED);
}

/* The server would have it that a root key made root keys. */
static void root_key_attested(void)
{
    struct past *p = family();
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[EVE]->public_key)};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct draft d;
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    attack_must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    past_sign(p, &d, ROOT);
    past_sign(p, &d, EVE);
    past_commit_plain(p, &d);
    past_create(p, EVE, 9, 0, NULL, "eve's");
    ate__buf_deinit(&header);
    shown(serving(p, BOB, p->size), 9, ATE_TAMPERED);
}

/* A commit is answered with another's name in it. */
static void name_eve(struct rogue *r, const struct ate__msg_commit *m,
                     struct ate__msg_committed *ret)
{
    static struct ate_hash eve;
    struct past *p = r->past;
    eve = past_print(p, EVE);
    uint64_t n = past_attest(p, m->tx, &eve, 1);
    struct ate__head head = past_head(p, p->size);
    r->size = p->size;
    *ret = (struct ate__msg_committed){
        .request = m->request,
        .receipt = {n, p->time_us[n], head.size, head.root, ATE__DURABLE},
        .known_size = m->known.size,
        .inclusion = past_inclusion(p, n, head.size),
        .consistency = past_consistency(p, m->known.size, head.size),
        .attested_count = 1,
        .attested = eve.b,
    };
}

static void attested_otherwise(void)
{
    struct past *p = family();
    struct rogue *r = serving(p, BOB, p->size);
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o = {.type = "text", .payload = {"\x80", 1}};
    struct ate__key *key;
    struct ate_id id;
    r->committed = name_eve;
    attack_must(ate__session_new(&r->session));
    attack_must(ate__key_of_seed(&p->key[ROOT]->seed, NULL, &key));
    attack_must(ate__session_add(r->session, key));
    attack_must(rogue_open(r, NULL, &c));
    attack_must(ate_txn_begin(c, NULL, 0, &txn));
    attack_must(ate_store_raw(txn, &o, 0, &id));
    attack_tried("what the owner wrote", ate_txn_commit(txn, NULL), ATE_UNKNOWN);
    ate_txn_end(txn);
    ate_chain_close(c);
    ate_session_close(r->session);
    rogue_free(r);
}

/* ---- the mode ---- */

/* Of whoever expects to verify each signature. */
static void mode_unexpected(void)
{
    struct past *p = family();
    struct rogue *r = serving(p, BOB, p->size);
    r->centralized = false;
    attack_tried("a thin client", load(r, 2), ATE_UNTRUSTED);
    rogue_free(r);
}

/* ---- a client of a real server ---- */

struct central {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, eve, bob; /* his key may write, too */
    struct kit_client *e; /* hers, with the chain open */
    struct ate__possession of; /* what she would have to prove */
    struct ate__head head;
};

/* Who may write below the top: the root key and this one. */
static void admit(struct central *w, struct kit_client *c, const struct ate__key *key)
{
    struct ate_hash who[2] = {w->chain.key->fingerprint, key->fingerprint};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    if (memcmp(&who[0], &who[1], sizeof who[0]) > 0) {
        who[1] = who[0];
        who[0] = key->fingerprint;
    }
    struct ate__rule rule = {.who = ATE__RULE_ANY_OF, .count = 2, .keys = who[0].b};
    struct ate__auth auth = {.rule = {[ATE__RIGHT_WRITE] = rule}};
    ate__header_item(&h, ATE__TAG_OBJECT, ate__bytes(ate__top_id.b, sizeof ate__top_id.b));
    ate__header_auth(&h, &auth);
    attack_must(ate__header_end(&h));
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w->chain, &w->head, &event, 1, NULL);
    kit_commit(c, 1, 76, &w->head, ate__buf_bytes(&tx));
    kit_committed(c, 76, ate__buf_bytes(&tx), &w->head);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
}

static struct central begin(void)
{
    struct central w = {.conf = kit_conf(tmpdir_new())};
    w.conf.host_key = kit_host_key();
    w.server = kit_start(&w.conf);
    w.chain = kit_chain_attested("/central", w.server, ATE__CENTRALIZED);
    w.eve = kit_chain_attested("/eve", w.server, ATE__CENTRALIZED);
    w.bob = kit_chain_attested("/bob", w.server, ATE__CENTRALIZED);
    struct kit_client *c = kit_connect(w.server);
    w.head = kit_create(c, 1, &w.chain);
    struct ate__possession of = kit_possession(c, &w.chain);
    kit_possess(c, 1, &of, w.chain.key);
    kit_put_object(c, 1, &w.chain, &w.head, 1);
    admit(&w, c, w.bob.key);
    kit_close(c);
    w.e = kit_connect(w.server);
    assert_int_equal(kit_open(w.e, 1, &w.chain).size, 3);
    w.of = kit_possession(w.e, &w.chain);
    return w;
}

static void end(struct central *w)
{
    kit_close(w->e);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
    kit_chain_free(&w->eve);
    kit_chain_free(&w->bob);
}

static int offer(struct central *w, struct ate_bytes tx)
{
    char text[ATE__ERROR_SIZE];
    struct ate__msg_rejected m;
    int rc = 0;
    kit_commit(w->e, 1, 77, &w->head, tx);
    struct kit_frame f = kit_receive(w->e);
    if (f.type == ATE__NET_ERROR) {
        attack_must(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, text));
    } else if (f.type == ATE__MSG_REJECTED) {
        attack_must(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &m));
        rc = m.result;
        snprintf(text, sizeof text, "%.*s", (int)m.text.size, (const char *)m.text.data);
    }
    if (rc)
        ate__fail(rc, "%s", text);
    kit_frame_free(&f);
    return rc;
}

static struct ate__buf draft_of_eve(struct central *w)
{
    struct kit_put put = {.object = kit_id(9), .payload_size = 10};
    return kit_put(&w->chain, &w->head, &put, NULL);
}

static int writes(struct central *w)
{
    struct ate__buf tx = draft_of_eve(w);
    int rc = offer(w, ate__buf_bytes(&tx));
    ate__buf_deinit(&tx);
    return rc;
}

static void writes_as_proved(struct central *w, const char *way, const struct ate__key *key,
                             int documented)
{
    kit_possess(w->e, 1, &w->of, key);
    attack_tried(way, writes(w), documented);
    end(w);
}

static void writes_unproved(void)
{
    struct central w = begin();
    attack_tried("without a word", writes(&w), ATE_DENIED);
    end(&w);
}

/* The owner opens a chain at her server, which asks him what she was asked. */
static void writes_by_proof_elsewhere(void)
{
    struct central w = begin();
    struct kit_client *c = kit_connect(w.server);
    assert_int_equal(kit_open(c, 1, &w.chain).size, 3);
    w.of.channel = kit_possession(c, &w.chain).channel;
    kit_close(c);
    writes_as_proved(&w, "what he proved over another connection", w.chain.key, ATE_NO_ACCESS);
}

static void writes_by_proof_for_another(void)
{
    struct central w = begin();
    w.of.chain_id = w.eve.id;
    kit_claim(w.e, 1, &w.chain.id, &w.of, w.chain.key);
    attack_tried("what he proved for a chain of hers", writes(&w), ATE_NO_ACCESS);
    end(&w);
}

static void writes_by_proof_repeated(void)
{
    struct central w = begin();
    w.of.nonce.b[0] ^= 1;
    writes_as_proved(&w, "what was proved before", w.chain.key, ATE_NO_ACCESS);
}

/* KEY, of a stream that is open. */
static void proves_later(struct central *w, const struct ate__key *key)
{
    struct ate__buf signature = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    attack_must(ate__possession_prove(&w->of, key, &signature));
    ate__msg_key_encode(
        &wr, &(struct ate__msg_key){ate__buf_bytes(&key->public_key), ate__buf_bytes(&signature)});
    kit_send(w->e, ATE__MSG_KEY, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&signature);
    ate__buf_deinit(&body);
}

/* As above, later than at the beginning of the stream. */
static void writes_by_later_proof(void)
{
    struct central w = begin();
    w.of.channel.b[0] ^= 1;
    proves_later(&w, w.chain.key);
    attack_tried("what he proved over another connection", writes(&w), ATE_NO_ACCESS);
    end(&w);
}

/* His public key, which is none of hers. */
static void writes_by_key_of_another(void)
{
    struct central w = begin();
    struct ate__key *mixed;
    attack_must(ate__key_of_seed(&(struct ate__key32){{9}}, NULL, &mixed));
    mixed->fingerprint = w.chain.key->fingerprint;
    memcpy(mixed->public_key.data, w.chain.key->public_key.data, mixed->public_key.size);
    proves_later(&w, mixed);
    attack_tried("a public key of his", writes(&w), ATE_NO_ACCESS);
    ate__key_free(mixed);
    end(&w);
}

/* She has proved her own key, and writes his into it. */
static void attested_by_client(void)
{
    struct central w = begin();
    kit_possess(w.e, 1, &w.of, w.eve.key);
    struct ate__buf tx = draft_of_eve(&w);
    tx.size -= 5; /* the section of no signatures */
    attack_must(ate__tx_encode_attested(&w.chain.key->fingerprint, 1, &tx));
    attack_tried("offered", offer(&w, ate__buf_bytes(&tx)), ATE_MALFORMED);
    ate__buf_deinit(&tx);
    end(&w);
}

/* She may not write a word, and says what may be left out. */
static void certified_by_client(void)
{
    struct central w = begin();
    struct ate__snapshot_item state = {.size = w.head.size, .root = w.head.root};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    ate__header_snapshot(&h, &state);
    attack_must(ate__header_end(&h));
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w.chain, &w.head, &event, 1, NULL);
    attack_tried("offered", offer(&w, ate__buf_bytes(&tx)), ATE_DENIED);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
    end(&w);
}

/* His key was proved, and ended before he writes; by a thief of it. */
static void writes_after_revocation(void)
{
    struct central w = begin();
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    kit_possess(w.e, 1, &w.of, w.bob.key);
    ate__header_item(&h, ATE__TAG_REVOKE, ate__bytes(&w.bob.key->fingerprint, 32));
    attack_must(ate__header_end(&h));
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w.chain, &w.head, &event, 1, w.chain.key);
    attack_must(offer(&w, ate__buf_bytes(&tx)));
    attack_tried("a key that was revoked", writes(&w), ATE_DENIED);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
    end(&w);
}

/* A server that nobody would believe makes such a chain, in which it would say who wrote. */
static void mode_of_another_server(void)
{
    struct central w = begin(), there = begin();
    struct kit_chain chain = kit_chain_attested("/third", there.server, ATE__CENTRALIZED);
    kit_error = 0;
    uint64_t size = kit_create(w.e, 2, &chain).size;
    if (!size)
        ate__fail(kit_error, "%s", kit_error_text);
    attack_tried("created", size ? 0 : kit_error, ATE_UNTRUSTED);
    kit_chain_free(&chain);
    end(&there);
    end(&w);
}

const struct attack attacks_central[] = {
    {"attested-without-checkpoint", attested_without_checkpoint},
    {"attested-under-another-key", attested_under_another_key},
    {"attested-behind-checkpoint", attested_behind_checkpoint},
    {"attested-beside-checkpoint", attested_beside_checkpoint},
    {"attested-to-a-mirror", attested_to_a_mirror},
    {"attested-in-files", attested_in_files},
    {"attested-under-another-seal", attested_under_another_seal},
    {"host-key-planted", host_key_planted},
    {"attested-without-right", attested_without_right},
    {"attested-where-signed", attested_where_signed},
    {"root-key-attested", root_key_attested},
    {"attested-otherwise", attested_otherwise},
    {"mode-unexpected", mode_unexpected},
    {"writes-unproved", writes_unproved},
    {"writes-by-proof-elsewhere", writes_by_proof_elsewhere},
    {"writes-by-proof-for-another", writes_by_proof_for_another},
    {"writes-by-proof-repeated", writes_by_proof_repeated},
    {"writes-by-later-proof", writes_by_later_proof},
    {"writes-by-key-of-another", writes_by_key_of_another},
    {"attested-by-client", attested_by_client},
    {"certified-by-client", certified_by_client},
    {"writes-after-revocation", writes_after_revocation},
    {"mode-of-another-server", mode_of_another_server},
    {NULL, NULL},
};
