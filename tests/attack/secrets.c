/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * secrets.c: who would read what is private: by the log, by guessing names, by moving ciphertexts
 * to where they open.
 */
#include "attack.h"
#include "base/alloc.h"
#include "crypto/keyfile.h"
#include "files.h"
#include "lib/tmpdir.h"
#include "trust/data_key.h"
#include <stdlib.h>
#include <sys/stat.h>

static const char name[] = "payroll-2026", secret[] = "\x81\xa1v\xacnobody knows";

/* A chain of its owner's, private to them, and two objects in it. */
struct vault {
    char dir[512], key_file[600];
    struct ate__key *key;
    struct ate_session *owner;
    struct ate_id id, other;
};

static struct ate_session *session_of(const char *file, uint8_t seed_byte,
                                      struct ate__key **ret_key)
{
    struct ate__key32 seed = {{seed_byte, 9}};
    ate__cleanup(ate__secret_deinit) struct ate__secret text = {0};
    struct ate_session *s;
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    attack_must(ate__key_of_seed(&seed, "", ret_key));
    attack_must(ate__key_encode(*ret_key, &text));
    assert_int_equal(fwrite(text.data, 1, text.size, f), text.size);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(file, 0600), 0);
    attack_must(ate_session_open(file, 0, &s));
    return s;
}

static int put(struct ate_chain *c, const char *object_name, const char *payload, struct ate_id *id)
{
    struct ate_txn *txn;
    struct ate_object o = {
        .name = ate__text_bytes(object_name), .type = "note", .payload = ate__text_bytes(payload)};
    int rc = ate_txn_begin(c, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = ate_store_raw(txn, &o, 0, id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

static int vault_new(struct vault *v)
{
    struct ate_chain *c;
    snprintf(v->dir, sizeof v->dir, "%s/vault", tmpdir_new());
    snprintf(v->key_file, sizeof v->key_file, "%s/key", tmpdir_new());
    v->owner = session_of(v->key_file, 1, &v->key);
    attack_must(ate_chain_open(v->dir, v->owner, ATE_CREATE, NULL, &c));
    int rc = put(c, name, secret, &v->id);
    if (!rc)
        rc = put(c, "other", "\x81\xa1v\xa5plain", &v->other);
    ate_chain_close(c);
    return rc;
}

static void vault_free(struct vault *v)
{
    ate_session_close(v->owner);
    ate__key_free(v->key);
}

/* ---- without a key ---- */

struct search {
    const void *bytes;
    size_t size;
    bool found;
};

static void look(const char *file, uint8_t *bytes, size_t size, void *arg)
{
    struct search *s = arg;
    (void)file;
    s->found = s->found || memmem(bytes, size, s->bytes, s->size);
}

static int found_in_log(const struct vault *v, const void *bytes, size_t size)
{
    struct search s = {bytes, size, false};
    files_each(v->dir, look, &s);
    return s.found ? 0 : ate__fail(ATE_NO_KEY, "it is not in the files");
}

/* Another session opens the chain and goes through all there is. */
static int read_by_outsider(const struct vault *v)
{
    char file[600], root[ATE_HASH_TEXT];
    struct ate__key *key;
    struct ate_chain *c;
    struct ate_txn *txn;
    struct ate_object o;
    snprintf(file, sizeof file, "%s/key", tmpdir_new());
    struct ate_session *eve = session_of(file, 2, &key);
    struct ate_chain_conf conf = {.root = ate_hash_text(v->key->fingerprint, root)};
    attack_must(ate_chain_open(v->dir, eve, ATE_READ, &conf, &c));
    attack_must(ate_txn_begin(c, NULL, ATE_READ, &txn));
    int rc = ate_load_raw(txn, v->id, 0, &o);
    if (!rc && !o.readable)
        rc = ate__fail(ATE_NO_KEY, "it is not readable");
    ate_txn_end(txn);
    ate_chain_close(c);
    ate_session_close(eve);
    ate__key_free(key);
    return rc;
}

static void read_without_key(void)
{
    struct vault v;
    int rc = vault_new(&v);
    attack_tried("payload in the log", rc ? rc : found_in_log(&v, "nobody knows", 12), ATE_NO_KEY);
    attack_tried("name in the log", rc ? rc : found_in_log(&v, name, sizeof name - 1), ATE_NO_KEY);
    attack_tried("by another session", rc ? rc : read_by_outsider(&v), ATE_NO_KEY);
    vault_free(&v);
}

/* 0: two bodies in the log were encrypted with one key and one nonce, which gives both away. */
static int nonce_of_another(const struct vault *v)
{
    struct past *p = files_history(v->dir);
    struct ate__header *seen[16];
    size_t count = 0;
    int rc = ate__fail(ATE_NO_KEY, "each has a nonce of its own");
    for (uint64_t t = 0; t < p->size; t++)
        for (uint32_t i = 0; i < p->tx[t].event_count; i++) {
            struct ate__event *e = &p->tx[t].events[i];
            if (e->kind == ATE__EVENT_BODY && e->form == ATE__CIPHER && count < 16)
                seen[count++] = &e->header;
        }
    assert_true(count > 1);
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            if (ate__hash_equal(&seen[a]->conf.data_key_id, &seen[b]->conf.data_key_id) &&
                !memcmp(seen[a]->conf.nonce, seen[b]->conf.nonce, sizeof seen[a]->conf.nonce))
                rc = 0;
    past_free(p);
    return rc;
}

static void nonce_again(void)
{
    struct vault v;
    attack_must(vault_new(&v));
    attack_tried("two payloads of a chain", nonce_of_another(&v), ATE_NO_KEY);
    vault_free(&v);
}

/* The tag that an open name would have can be made by anybody. */
static void name_guessed(void)
{
    struct vault v;
    uint8_t tag[ATE__NAME_TAG];
    attack_must(vault_new(&v));
    past_tag(ate_top, name, tag);
    attack_tried("its open tag in the log", found_in_log(&v, tag, sizeof tag), ATE_NO_KEY);
    vault_free(&v);
}

static void key_file_lent(void)
{
    struct vault v;
    struct ate_session *s = NULL;
    attack_must(vault_new(&v));
    assert_int_equal(chmod(v.key_file, 0640), 0);
    attack_tried("opened", ate_session_open(v.key_file, 0, &s), ATE_DENIED);
    ate_session_close(s);
    vault_free(&v);
}

/* ---- ciphertexts moved ---- */

static const struct ate__event *body_of(const struct past *p, struct ate_id id)
{
    for (uint64_t n = p->size; n--;)
        for (uint32_t i = 0; i < p->tx[n].event_count; i++)
            if (p->tx[n].events[i].kind == ATE__EVENT_BODY &&
                ate__id_equal(&p->tx[n].events[i].header.object, &id))
                return &p->tx[n].events[i];
    fail_msg("it has no body");
    return NULL;
}

/* The owner loads an object of the chain in a directory. */
static int load(const struct vault *v, const char *dir, struct ate_id id)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o;
    int rc = ate_chain_open(dir, v->owner, ATE_READ, NULL, &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, ATE_READ, &txn);
    if (!rc)
        rc = ate_load_raw(txn, id, 0, &o);
    if (!rc && !o.readable)
        rc = ate__fail(ATE_NO_KEY, "it is not readable");
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

/* Takes the draft into the history, and writes that into a directory. */
static const char *write_with(struct vault *v, struct past *take_p, struct draft *take_d)
{
    const char *dir = tmpdir_new();
    take_d->signer[take_d->signer_count++] = v->key;
    uint64_t n = past_commit_plain(take_p, take_d);
    take_p->time_us[n] = take_p->time_us[n ? n - 1 : 0];
    attack_must(ate__tx_leaf(&take_p->tx[n], ATE__SHA256, n, take_p->time_us[n], &take_p->leaf[n]));
    attack_write_chain(dir, take_p, &take_p->chain_id, take_p->size);
    past_free(take_p);
    return dir;
}

/* What the owner then gets of an object. */
static int load_after(struct vault *v, struct past *take_p, struct draft *take_d, struct ate_id id)
{
    return load(v, write_with(v, take_p, take_d), id);
}

/* Whether it opens at all. */
static int open_after(struct vault *v, struct past *take_p, struct draft *take_d)
{
    struct ate_chain *c = NULL;
    int rc = ate_chain_open(write_with(v, take_p, take_d), v->owner, 0, NULL, &c);
    ate_chain_close(c);
    return rc;
}

/* A writer who cannot read lets a ciphertext open elsewhere. */
static void ciphertext_to_object(void)
{
    struct vault v;
    struct draft d;
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    const struct ate__event *from = body_of(p, v.id), *to = body_of(p, v.other);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = v.other,
                                        .prev = &to->hash,
                                        .tags = to->header.tags,
                                        .tag_count = to->header.tag_count,
                                        .conf = &from->header.conf,
                                        .payload = from->payload});
    attack_tried("read by its owner", load_after(&v, p, &d, v.other), ATE_TAMPERED);
    vault_free(&v);
}

static void ciphertext_to_parent(void)
{
    struct vault v;
    struct draft d;
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    const struct ate__event *body = body_of(p, v.id);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = v.id,
                                        .parent = v.other,
                                        .prev = &body->hash,
                                        .tags = body->header.tags,
                                        .tag_count = body->header.tag_count,
                                        .conf = &body->header.conf,
                                        .payload = body->payload});
    attack_tried("read by its owner", load_after(&v, p, &d, v.id), ATE_TAMPERED);
    vault_free(&v);
}

static void changed_ciphertext(void)
{
    struct vault v;
    struct draft d;
    struct ate__buf payload = ATE__BUF_NULL;
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    const struct ate__event *body = body_of(p, v.id);
    attack_must(ate__buf_append(&payload, body->payload));
    payload.data[payload.size - 20] ^= 1;
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = v.id,
                                        .prev = &body->hash,
                                        .tags = body->header.tags,
                                        .tag_count = body->header.tag_count,
                                        .conf = &body->header.conf,
                                        .payload = ate__buf_bytes(&payload)});
    attack_tried("read by its owner", load_after(&v, p, &d, v.id), ATE_TAMPERED);
    ate__buf_deinit(&payload);
    vault_free(&v);
}

/* Rules, sealed keys and a ciphertext, copied whole into another chain of the same owner. */
static void ciphertext_to_chain(void)
{
    struct vault v;
    struct draft d;
    struct ate__genesis g;
    struct ate__buf body = ATE__BUF_NULL;
    attack_must(vault_new(&v));
    struct past *from = files_history(v.dir), *p = calloc(1, sizeof *p);
    assert_non_null(p);
    attack_must(ate__genesis_decode(from->tx[0].events[0].header.genesis, &g));
    g.random[0] ^= 1;
    attack_must(ate__genesis_encode(&g, &body));
    attack_must(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &p->chain_id));
    past_begin(p, &d);
    draft_item(&d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    for (uint32_t i = 1; i < from->tx[0].event_count; i++)
        draft_event(&d, ATE__BARE, from->tx[0].events[i].bytes, (struct ate_bytes){0});
    d.signer[d.signer_count++] = v.key;
    past_commit_plain(p, &d);
    const struct ate__event *e = body_of(from, v.id);
    past_begin(p, &d);
    draft_event(&d, e->form, e->bytes, e->payload);
    attack_tried("read by its owner", load_after(&v, p, &d, v.id), ATE_NO_KEY);
    past_free(from);
    ate__buf_deinit(&body);
    vault_free(&v);
}

/* ---- in clear ---- */

/* A writer of a private scope stores for all the world. */
static void clear_in_private_scope(void)
{
    struct vault v;
    struct draft d;
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .payload = ate__text_bytes("\x80")});
    attack_tried("in the files", open_after(&v, p, &d), ATE_TAMPERED);
    vault_free(&v);
}

/* Under a data key that is not that of the scope's epoch. */
static void other_data_key(void)
{
    struct vault v;
    struct draft d;
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    const struct ate__event *body = body_of(p, v.id);
    struct ate__conf_item conf = body->header.conf;
    conf.data_key_id.b[0] ^= 1;
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .conf = &conf, .payload = body->payload});
    attack_tried("in the files", open_after(&v, p, &d), ATE_TAMPERED);
    vault_free(&v);
}

/* ---- names ---- */

/* Stored where everyone may write, with the tag of one name and another in its NAME. */
static void name_that_lies(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate_id id = id_of(7);
    struct ate_chain *c;
    struct ate_txn *txn;
    struct ate_object o;
    struct draft d;
    uint8_t tag[ATE__NAME_TAG];
    past_begin(p, &d);
    past_tag(ate_top, "notes", tag);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_parent(&w, &ate_top, 0);
    ate__header_item(&w, ATE__TAG_TAG, ate__bytes(tag, sizeof tag));
    ate__header_item(&w, ATE__TAG_NAME, ate__bytes("bank", 4));
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    past_commit_plain(p, &d);
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(attack_open_chain(dir, ATE_READ, &c));
    attack_must(ate_txn_begin(c, NULL, ATE_READ, &txn));
    attack_must(ate_load_raw(txn, id, 0, &o));
    attack_tried("read", o.name.size ? 0 : ate__fail(ATE_NOT_FOUND, "it has no name"),
                 ATE_NOT_FOUND);
    ate_txn_end(txn);
    ate_chain_close(c);
    ate__buf_deinit(&header);
    past_free(p);
}

/* ---- epochs ---- */

/* Epoch 1 of the top, by somebody who does not know D of epoch 0; the owner is its reader. before:
 * the control event that it replaces. */
static void announce(struct vault *v, const struct past *p, const struct ate__event *before,
                     struct draft *d, struct ate__data_key *key, bool link)
{
    struct ate__seal_env e = {&ate__env_real, p->chain_id, ATE__SHA256, 192};
    struct ate__epoch_of of = {&e, &ate_top, 1};
    const struct ate__header *first = &p->tx[0].events[1].header;
    struct ate__buf header = ATE__BUF_NULL, sealed = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t seal_public[ATE__XWING_PUBLIC], garbage[ATE__LINK_SIZE] = {1, 2, 3};
    struct ate__public_parts parts;
    assert_int_equal(p->tx[0].events[1].kind, ATE__EVENT_CONTROL);
    attack_must(ate__data_key_seal_public(&e, key, ATE__KEM_XWING, seal_public));
    attack_must(ate__public_key_parse(ate__buf_bytes(&v->key->public_key), &parts));
    attack_must(ate__data_key_seal(&of, key, &v->key->fingerprint, &parts, &sealed));
    struct ate__recipient owner = {.fingerprint = v->key->fingerprint,
                                   .method = ATE__SEALED_TO_KEM,
                                   .sealed = ate__buf_bytes(&sealed)};
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&ate_top, sizeof ate_top));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&before->hash, sizeof before->hash));
    ate__header_auth(&w, &first->auth);
    ate__header_epoch(&w, &(struct ate__epoch_item){1, key->id, ATE__KEM_XWING,
                                                    ate__bytes(seal_public, sizeof seal_public)});
    ate__header_recipients(&w, &owner, 1);
    if (link)
        ate__header_item(&w, ATE__TAG_LINK, ate__bytes(garbage, sizeof garbage));
    ate__header_namekey(
        &w, &(struct ate__namekey_item){true, key->id, ate__bytes(garbage, ATE__WRAPPED_KEY)});
    attack_must(ate__header_end(&w));
    draft_event(d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    ate__buf_deinit(&sealed);
}

static uint64_t take(struct vault *v, struct past *p, struct draft *d)
{
    d->signer[d->signer_count++] = v->key;
    uint64_t n = past_commit_plain(p, d);
    p->time_us[n] = p->time_us[n - 1];
    attack_must(ate__tx_leaf(&p->tx[n], ATE__SHA256, n, p->time_us[n], &p->leaf[n]));
    return n;
}

/* The top is opened, with a key of one's own in the place of the one that is published. */
static const struct ate__event *publish_mine(struct vault *v, struct past *p)
{
    static const uint8_t mine[32] = {6, 6, 6}, name_key[32] = {5};
    const struct ate__event *before = &p->tx[0].events[1];
    struct ate__auth auth = before->header.auth;
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct draft d;
    auth.rule[ATE__RIGHT_READ] = (struct ate__rule){.who = ATE__RULE_EVERYONE};
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&ate_top, sizeof ate_top));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&before->hash, sizeof before->hash));
    ate__header_auth(&w, &auth);
    ate__header_namekey(
        &w, &(struct ate__namekey_item){.bytes = ate__bytes(name_key, sizeof name_key)});
    ate__header_item(&w, ATE__TAG_PUBLISHED, ate__bytes(mine, sizeof mine));
    attack_must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    return &p->tx[take(v, p, &d)].events[0];
}

/* What is written into it would be read by who announced it. */
static void announced(bool publish, bool link)
{
    struct vault v;
    struct draft d;
    struct ate__data_key *key;
    struct ate__key32 mine = {{7, 7, 7}};
    struct ate__conf_item conf;
    struct ate__buf items = ATE__BUF_NULL, cipher = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&items);
    struct ate_id id = id_of(7);
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    struct ate__seal_env e = {&ate__env_real, p->chain_id, ATE__SHA256, 192};
    const struct ate__event *before = publish ? publish_mine(&v, p) : &p->tx[0].events[1];
    attack_must(ate__data_key_new(&e, &mine, &key));
    past_begin(p, &d);
    announce(&v, p, before, &d, key, link);
    take(&v, p, &d);
    attack_must(ate__header_end(&w));
    attack_must(ate__body_encrypt(&e, key, 1, &id, (struct ate_bytes){0}, &ate_top, 0,
                                  ate__buf_bytes(&items), ate__text_bytes("\x80"), &conf, &cipher));
    past_begin(p, &d);
    draft_body(&d,
               &(struct draft_body){.id = id, .conf = &conf, .payload = ate__buf_bytes(&cipher)});
    const char *dir = write_with(&v, p, &d);
    struct ate_chain *c = NULL;
    int rc = ate_chain_open(dir, v.owner, 0, NULL, &c);
    ate_chain_close(c);
    attack_tried("read by the owner", rc ? rc : load(&v, dir, id), ATE_TAMPERED);
    ate__buf_deinit(&items);
    ate__buf_deinit(&cipher);
    ate__data_key_unref(key);
    vault_free(&v);
}

static void epoch_by_outsider(void)
{
    announced(false, true);
}

static void epoch_without_link(void)
{
    announced(false, false);
}

static void published_by_outsider(void)
{
    announced(true, false);
}

/* ---- who was removed ---- */

/* Eve reads and writes the vault, until its owner takes reading from her. */
struct club {
    struct vault v;
    struct ate_session *eve;
    struct ate__key *eves_key;
    struct ate_id first, second; /* written before and after */
};

static int rule_club(struct club *c, struct ate_chain *chain, bool eve_reads)
{
    struct ate_hash keys[2] = {c->v.key->fingerprint, c->eves_key->fingerprint};
    struct ate_rule both = {ATE_KEYS, keys, 2}, one = {ATE_KEYS, keys, 1};
    struct ate_txn *txn;
    int rc = ate_txn_begin(chain, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = ate_protect(
        txn, ate_top,
        &(struct ate_rules){.read = eve_reads ? both : one, .write = both, .admin = one});
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

/* She keeps what she knows. */
static int eve_reads(const struct club *c, struct ate_id id)
{
    char root[ATE_HASH_TEXT];
    struct ate_chain_conf conf = {.root = ate_hash_text(c->v.key->fingerprint, root)};
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o = {.readable = false};
    int rc = ate_chain_open(c->v.dir, c->eve, ATE_READ, &conf, &chain);
    if (!rc)
        rc = ate_txn_begin(chain, NULL, ATE_READ, &txn);
    if (!rc)
        rc = ate_load_raw(txn, id, 0, &o);
    if (!rc && !o.readable)
        rc = ate__fail(ATE_NO_KEY, "it is not readable");
    ate_txn_end(txn);
    ate_chain_close(chain);
    return rc;
}

/* What its owner does with it meanwhile. */
static int owner_does(struct club *c, bool eve_reads, const char *object_name,
                      struct ate_id *ret_id)
{
    struct ate_chain *chain;
    attack_must(ate_chain_open(c->v.dir, c->v.owner, 0, NULL, &chain));
    int rc = rule_club(c, chain, eve_reads);
    if (!rc)
        rc = put(chain, object_name, secret, ret_id);
    ate_chain_close(chain);
    return rc;
}

static int club_new(struct club *c)
{
    char file[600];
    attack_must(vault_new(&c->v));
    snprintf(file, sizeof file, "%s/key", tmpdir_new());
    c->eve = session_of(file, 2, &c->eves_key);
    attack_must(ate__session_add_public(c->v.owner, ate__buf_bytes(&c->eves_key->public_key)));
    int rc = owner_does(c, true, "first", &c->first);
    if (!rc)
        attack_must(eve_reads(c, c->first));
    return rc ? rc : owner_does(c, false, "second", &c->second);
}

static void club_free(struct club *c)
{
    ate_session_close(c->eve);
    ate__key_free(c->eves_key);
    vault_free(&c->v);
}

static void removed_and_reads_on(void)
{
    struct club c;
    int rc = club_new(&c);
    attack_tried("what was written since", rc ? rc : eve_reads(&c, c.second), ATE_NO_KEY);
    club_free(&c);
}

/* She writes for another one who was removed, under the key that both still have. */
static void written_under_old_epoch(void)
{
    struct club c;
    struct draft d;
    attack_must(club_new(&c));
    struct past *p = files_history(c.v.dir);
    const struct ate__event *body = body_of(p, c.first);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){
                       .id = id_of(7), .conf = &body->header.conf, .payload = body->payload});
    struct vault eves = c.v; /* signed by her */
    eves.key = c.eves_key;
    attack_tried("in the files", open_after(&eves, p, &d), ATE_TAMPERED);
    club_free(&c);
}

/* ---- who writes without reading ---- */

/* SEALED holds another key than CONF names: two readers could be shown different things. */
static void sealed_to_another_key(void)
{
    struct vault v;
    struct draft d;
    struct ate__data_key *key;
    struct ate__key32 mine = {{3, 3, 3}};
    struct ate__conf_item conf;
    struct ate__buf cipher = ATE__BUF_NULL, sealed = ATE__BUF_NULL, header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate_id id = id_of(7);
    attack_must(vault_new(&v));
    struct past *p = files_history(v.dir);
    struct ate__seal_env e = {&ate__env_real, p->chain_id, ATE__SHA256, 192};
    struct ate__epoch_of of = {&e, &ate_top, 0};
    const struct ate__epoch_item *epoch = &p->tx[0].events[1].header.epoch;
    attack_must(ate__data_key_new(&e, &mine, &key));
    struct ate__data_key named = *key;
    named.id.b[0] ^= 1;
    attack_must(ate__data_key_seal(&of, &named, &epoch->data_key_id,
                                   &(struct ate__public_parts){.kem = ate__algorithm(epoch->kem),
                                                               .kem_key = epoch->seal_public},
                                   &sealed));
    attack_must(ate__body_encrypt(&e, &named, 0, &id, (struct ate_bytes){0}, &ate_top, 0,
                                  (struct ate_bytes){0}, ate__text_bytes("\x80"), &conf, &cipher));
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_parent(&w, &ate_top, 0);
    ate__header_conf(&w, &conf);
    ate__header_sealed(&w, &(struct ate__sealed_item){epoch->data_key_id, ate__buf_bytes(&sealed)});
    attack_must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__CIPHER, ate__buf_bytes(&header), ate__buf_bytes(&cipher));
    attack_tried("read by the owner", load_after(&v, p, &d, id), ATE_TAMPERED);
    ate__buf_deinit(&header);
    ate__buf_deinit(&sealed);
    ate__buf_deinit(&cipher);
    ate__data_key_unref(key);
    vault_free(&v);
}

const struct attack attacks_secrets[] = {
    {"read-without-key", read_without_key},
    {"nonce-again", nonce_again},
    {"name-guessed", name_guessed},
    {"key-file-lent", key_file_lent},
    {"ciphertext-to-object", ciphertext_to_object},
    {"ciphertext-to-parent", ciphertext_to_parent},
    {"changed-ciphertext", changed_ciphertext},
    {"ciphertext-to-chain", ciphertext_to_chain},
    {"clear-in-private-scope", clear_in_private_scope},
    {"other-data-key", other_data_key},
    {"name-that-lies", name_that_lies},
    {"epoch-by-outsider", epoch_by_outsider},
    {"epoch-without-link", epoch_without_link},
    {"published-by-outsider", published_by_outsider},
    {"removed-and-reads-on", removed_and_reads_on},
    {"written-under-old-epoch", written_under_old_epoch},
    {"sealed-to-another-key", sealed_to_another_key},
    {NULL, NULL},
};
