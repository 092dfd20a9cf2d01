/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keys.c: signatures that do not hold, keys that are none, and root keys that nobody gave; the
 * genesis.
 */
#include "attack.h"
#include "cheap_key_file.h"
#include "base/alloc.h"

enum { MLDSA_SIGNATURE = 3309 }; /* of a composite signature; the rest is Ed25519's */

static void begin(struct past **ret_p, struct draft *ret_draft)
{
    *ret_p = attack_family();
    past_begin(*ret_p, ret_draft);
}

static void end(struct past *p, struct draft *d, int documented)
{
    past_commit_plain(p, d);
    attack_with_history(p, documented);
}

static void create_below_1(struct draft *d)
{
    draft_body(d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
}

/* ---- signatures ---- */

/* Eve signs and says that she is alice. */
static void forged_author(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    struct ate__key liar = *p->key[EVE];
    liar.fingerprint = past_print(p, ALICE);
    create_below_1(&d);
    d.signer[d.signer_count++] = &liar;
    end(p, &d, ATE_TAMPERED);
}

/* A transaction that alice would have signed, with other bytes in place of her signature from
 * `at` on. */
static void with_signature(struct past *p, const uint8_t *bytes, size_t at, size_t size)
{
    struct draft d;
    past_begin(p, &d);
    create_below_1(&d);
    past_sign(p, &d, ALICE);
    struct ate__tx tx = draft_tx(&d);
    uint8_t *signature = d.encoded.data + ((const uint8_t *)tx.signatures[0].bytes.data -
                                           (const uint8_t *)tx.encoded.data);
    if (bytes)
        memcpy(signature + at, bytes, size);
    else
        signature[at] ^= 1;
    ate__tx_deinit(&tx);
    past_add(p, ate__buf_bytes(&d.encoded));
    draft_deinit(&d);
    attack_with_history(p, ATE_TAMPERED);
}

/* Whoever breaks one of the two algorithms has not broken both. */
static void broken_mldsa(void)
{
    with_signature(attack_family(), NULL, 100, 1);
}

static void broken_ed25519(void)
{
    with_signature(attack_family(), NULL, MLDSA_SIGNATURE + 40, 1);
}

/* One that alice made, for something else; the server has verified it there. */
static void signature_replayed(void)
{
    struct past *p = attack_family();
    struct ate__buf signature = ATE__BUF_NULL;
    attack_must(ate__buf_append(&signature, p->tx[3].signatures[0].bytes));
    with_signature(p, signature.data, 0, signature.size);
    ate__buf_deinit(&signature);
}

/* ---- batches ---- */

enum { PAIR = 2 };

/* Alice creates two objects below 1, under one signature; the first of them is committed. */
static void add_pair(struct past *p, unsigned first, struct draft d[PAIR])
{
    struct draft *both[PAIR] = {&d[0], &d[1]};
    for (unsigned i = 0; i < PAIR; i++) {
        past_begin(p, &d[i]);
        draft_body(&d[i], &(struct draft_body){.id = id_of(first + i), .parent = id_of(1)});
    }
    draft_encode_batch(both, PAIR, p->key[ALICE]);
    past_add(p, ate__buf_bytes(&d[0].encoded));
}

/* A draft with a signature made elsewhere in the place of its own; ends the draft. */
static void end_with(struct past *p, struct draft *d, const struct ate__signature *s)
{
    struct ate__tx tx;
    attack_must(ate__tx_decode(ate__buf_bytes(&d->encoded), ATE__SHA256, &tx));
    d->encoded.size -= tx.signature_section.size;
    ate__tx_deinit(&tx);
    attack_must(ate__tx_encode_signatures(s, 1, &d->encoded));
    past_add(p, ate__buf_bytes(&d->encoded));
    draft_deinit(d);
    attack_with_history(p, ATE_TAMPERED);
}

static struct ate__tx decoded(const struct draft *d)
{
    struct ate__tx tx;
    attack_must(ate__tx_decode(ate__buf_bytes(&d->encoded), ATE__SHA256, &tx));
    return tx;
}

static void batch_signature_moved(void)
{
    struct past *p = attack_family();
    struct draft pair[PAIR], eves;
    add_pair(p, 7, pair);
    struct ate__tx tx = decoded(&pair[1]);
    past_begin(p, &eves);
    draft_body(&eves, &(struct draft_body){.id = id_of(9), .parent = id_of(1)});
    (void)draft_encode(&eves);
    end_with(p, &eves, &tx.signatures[0]);
    ate__tx_deinit(&tx);
    draft_deinit(&pair[0]);
    draft_deinit(&pair[1]);
}

static void batch_path_of_another(void)
{
    struct past *p = attack_family();
    struct draft pair[PAIR], other[PAIR];
    add_pair(p, 7, pair);
    add_pair(p, 9, other);
    struct ate__tx of_pair = decoded(&pair[1]), of_other = decoded(&other[1]);
    struct ate__signature s = of_other.signatures[0];
    s.path = of_pair.signatures[0].path;
    end_with(p, &other[1], &s);
    ate__tx_deinit(&of_pair);
    ate__tx_deinit(&of_other);
    draft_deinit(&pair[0]);
    draft_deinit(&pair[1]);
    draft_deinit(&other[0]);
}

static void batch_other_bytes(void)
{
    struct past *p = attack_family();
    struct draft pair[PAIR];
    add_pair(p, 7, pair);
    struct ate__tx tx = decoded(&pair[1]);
    struct ate__signature s = tx.signatures[0];
    uint8_t bytes[ATE__SIG_SIZE];
    memcpy(bytes, s.bytes.data, sizeof bytes);
    bytes[100] ^= 1;
    s.bytes = ate__bytes(bytes, sizeof bytes);
    end_with(p, &pair[1], &s);
    ate__tx_deinit(&tx);
    draft_deinit(&pair[0]);
}

/* ---- keys ---- */

static void root_by_outsider(void)
{
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&item);
    struct past *p;
    struct draft d;
    begin(&p, &d);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[EVE]->public_key)};
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&item), (struct ate_bytes){0});
    ate__buf_deinit(&item);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void revoked_by_outsider(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&p->key[ALICE]->fingerprint, 32));
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void written_after_revocation(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&p->key[ALICE]->fingerprint, 32));
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    past_begin(p, &d);
    create_below_1(&d);
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_DENIED);
}

/* A transaction of eve's that brings this public key, named by a rule of hers. */
static void with_public_key(struct ate_bytes key, bool named, int documented)
{
    struct past *p;
    struct draft d;
    struct ate_hash prints[2];
    begin(&p, &d);
    prints[0] = past_print(p, EVE);
    attack_must(ate__fingerprint(key, &prints[1]));
    struct ate_hash prev = past_control_hash(p, id_of(5));
    struct ate__auth auth = {.rule[ATE__RIGHT_WRITE] = draft_rule(&d, prints, named ? 2 : 1)};
    draft_item(&d, ATE__TAG_PUBLIC_KEY, key);
    draft_control(&d, id_of(5), &prev, &auth);
    past_sign(p, &d, EVE);
    end(p, &d, documented);
}

/* u16 algorithm, u32 length, the bytes of ML-DSA-65 (1,952), those of Ed25519. */
static void small_order_key(void)
{
    static const uint8_t neutral[32] = {1};
    struct past *p = attack_family();
    struct ate__buf key = ATE__BUF_NULL;
    attack_must(ate__buf_append(&key, ate__buf_bytes(&p->key[BOB]->public_key)));
    memcpy(key.data + 6 + 1952, neutral, sizeof neutral);
    with_public_key(ate__buf_bytes(&key), true, ATE_MALFORMED);
    ate__buf_deinit(&key);
    past_free(p);
}

static void downgraded_key(void)
{
    struct past *p = attack_family();
    struct ate__buf key = ATE__BUF_NULL;
    attack_must(ate__buf_append(&key, ate__buf_bytes(&p->key[BOB]->public_key)));
    key.data[0] ^= 0x40;
    with_public_key(ate__buf_bytes(&key), true, ATE_UNSUPPORTED);
    ate__buf_deinit(&key);
    past_free(p);
}

/* A key of eve's friend of this form. */
static void with_key_of(unsigned signature, unsigned kem, int documented)
{
    const struct ate__key_form form = {ate__algorithm(signature), ate__algorithm(kem)};
    const struct ate__key32 seed = {{0xe7}};
    struct ate__key *key;
    attack_must(ate__key_make(&form, &seed, "", &key));
    with_public_key(ate__buf_bytes(&key->public_key), true, documented);
    ate__key_free(key);
}

static void weaker_key(void)
{
    with_key_of(ATE__SIG_MLDSA44_ED25519, ATE__KEM_XWING, ATE_DENIED);
}

static void one_family_key(void)
{
    with_key_of(ATE__SIG_MLDSA65, ATE__KEM_XWING, ATE_DENIED);
}

/* A key file that was sealed with one pass in place of three, by another program: whoever steals it
 * guesses the password three times as fast. */
static void cheap_password(void)
{
    struct ate__key_text *text;
    struct ate__key *key = NULL;
    int rc = ate__key_text_parse(ate__text_bytes(cheap_key_file), &text);
    if (!rc) {
        rc = ate__key_text_open(text, ate__bytes("password", 8), &key);
        ate__key_text_free(text);
    }
    ate__key_free(key);
    attack_tried("cheap", rc, ATE_DENIED);
}

static void nobodys_key(void)
{
    struct past *p = attack_family();
    with_public_key(ate__buf_bytes(&p->key[BOB]->public_key), false, ATE_DENIED);
    past_free(p);
}

/* ---- the genesis ---- */

enum { AT_VERSION = 0, AT_MODE = 5 }; /* docs/format/event.md */

/* A chain with this name; one byte of its genesis is another. Signed by all that it asks for. */
static void create(const char *name, int at, uint8_t value, bool sign, int documented)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate_hash id;
    struct draft d;
    struct past *p = past_new(NULL);
    struct ate__genesis g;
    attack_must(ate__genesis_decode(p->tx[0].events[0].header.genesis, &g));
    if (!strcmp(name, "/past"))
        attack_must(ate__buf_append(&body, p->tx[0].events[0].header.genesis));
    else {
        g.name = ate__bytes(name, strlen(name));
        attack_must(ate__genesis_encode(&g, &body));
    }
    if (at >= 0)
        body.data[at] = value;
    attack_must(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &id));
    past_begin(p, &d);
    d.in.chain_id = id;
    draft_item(&d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    if (!sign)
        draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[EVE]->public_key));
    past_sign(p, &d, sign ? ROOT : EVE);
    attack_tried("created at a server", attack_create(NULL, name, draft_encode(&d)), documented);
    ate__buf_deinit(&body);
    draft_deinit(&d);
    past_free(p);
}

static void newer_format(void)
{
    create("/past", AT_VERSION, 2, true, ATE_UNSUPPORTED);
}

/* In which the server says who wrote. */
static void mode_of_the_server(void)
{
    create("/past", AT_MODE, ATE__CENTRALIZED, true, ATE_UNTRUSTED);
}

static void mode_of_later(void)
{
    create("/past", AT_MODE, 3, true, ATE_UNSUPPORTED);
}

static void root_key_of_another(void)
{
    create("/past", -1, 0, false, ATE_TAMPERED);
}

/* Of a key that the chain holds, unsigned; of bob, whom it does not know; and with that the end of
 * bob's key. None of it needs a right by itself, and all of it would be kept for ever. */
static void keys_alone(void)
{
    for (unsigned way = 0; way < 3; way++) {
        struct past *p = attack_family();
        struct draft d;
        past_begin(p, &d);
        const struct ate__key *key = p->key[way ? BOB : ROOT];
        draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
        if (way == 2)
            draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&key->fingerprint, 32));
        if (way)
            past_sign(p, &d, BOB);
        attack_tried("offered to a server", attack_offer(p, draft_encode(&d)), ATE_DENIED);
        draft_deinit(&d);
        past_free(p);
    }
}

const struct attack attacks_keys[] = {
    {"forged-author", forged_author},
    {"broken-mldsa", broken_mldsa},
    {"broken-ed25519", broken_ed25519},
    {"signature-replayed", signature_replayed},
    {"signature-remembered", signature_replayed},
    {"batch-signature-moved", batch_signature_moved},
    {"batch-path-of-another", batch_path_of_another},
    {"batch-other-bytes", batch_other_bytes},
    {"root-by-outsider", root_by_outsider},
    {"revoked-by-outsider", revoked_by_outsider},
    {"written-after-revocation", written_after_revocation},
    {"small-order-key", small_order_key},
    {"downgraded-key", downgraded_key},
    {"weaker-key", weaker_key},
    {"one-family-key", one_family_key},
    {"cheap-password", cheap_password},
    {"nobodys-key", nobodys_key},
    {"keys-alone", keys_alone},
    {"newer-format", newer_format},
    {"mode-of-the-server", mode_of_the_server},
    {"mode-of-later", mode_of_later},
    {"root-key-of-another", root_key_of_another},
    {NULL, NULL},
};
