/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proofs.c: what a lying server says is signed and proved, to a client that has no history.
 */
#include "attack.h"
#include "crypto/log_key.h"
#include "ate/proof.h"
#include "trust/checkpoint.h"
#include <pthread.h>

static struct ate__log_key *log_key_of(struct past *p, int key)
{
    struct ate__log_key *k;
    attack_must(ate__log_key_of_seed(&p->key[key]->seed, &k));
    return k;
}

/* The log key of `key` may sign from now on, by `signer`. */
static void name_log_key(struct past *p, int signer, int key)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate__log_key *k = log_key_of(p, key);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__log_key_public(k)};
    struct draft d;
    ate__header_keys(&w, ATE__TAG_LOG_KEYS, &change, 1);
    attack_must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    past_sign(p, &d, signer);
    past_commit(p, &d);
    ate__buf_deinit(&header);
    ate__log_key_free(k);
}

typedef void change_fn(struct past *p, struct ate__checkpoint *c);

/* The newest head, or what `change` makes of it, signed by the log key of `key`. */
static struct ate__buf note_of(struct past *p, int key, change_fn *change)
{
    struct ate__buf note = {0};
    struct ate__log_key *k = log_key_of(p, key);
    struct ate__head head = past_head(p, p->size);
    struct ate__checkpoint c = {
        .chain_id = p->chain_id, .root = head.root, .size = head.size, .time_s = 1};
    if (change)
        change(p, &c);
    attack_must(ate__checkpoint_make(&c, k, &note));
    ate__log_key_free(k);
    return note;
}

/* A server that signs so; the log key of alice is one of the chain's. */
static struct rogue *signing(int key, change_fn *change)
{
    struct past *p = attack_family();
    name_log_key(p, ROOT, ALICE);
    past_create(p, ALICE, 8, 1, NULL, "more");
    struct rogue *r = rogue_new(p);
    r->note = note_of(p, key, change);
    return r;
}

/* What a client without keys comes to: the log keys, the newest checkpoint, a proof. */
enum question { LOG_KEYS, CHECKPOINT, PROOF };

static int ask(struct rogue *r, enum question question)
{
    struct ate_chain *c = NULL;
    char *text = NULL;
    int rc = rogue_open(r, NULL, &c);
    if (!rc)
        rc = question == LOG_KEYS     ? ate_log_keys(c, &text)
             : question == CHECKPOINT ? ate_checkpoint(c, &text)
                                      : ate_prove(c, 1, NULL, &text);
    ate_free(text);
    ate_chain_close(c);
    return rc;
}

static void tried(struct rogue *take_r, enum question question, int documented)
{
    attack_tried("told to a thin client", ask(take_r, question), documented);
    rogue_free(take_r);
}

/* ---- who signs ---- */

static void log_key_by_outsider(void)
{
    struct past *p = attack_family();
    name_log_key(p, EVE, EVE);
    tried(rogue_new(p), LOG_KEYS, ATE_TAMPERED);
}

static void checkpoint_by_outsider(void)
{
    tried(signing(EVE, NULL), CHECKPOINT, ATE_UNTRUSTED);
}

/* ---- what is signed ---- */

static void change_root(struct past *p, struct ate__checkpoint *c)
{
    (void)p;
    c->root.b[0] ^= 1;
}

static void checkpoint_of_another_head(void)
{
    tried(signing(ALICE, change_root), CHECKPOINT, ATE_FORKED);
}

static void change_size_and_root(struct past *p, struct ate__checkpoint *c)
{
    c->size--;
    c->root = past_head(p, c->size).root;
    c->root.b[0] ^= 1;
}

static void checkpoint_of_another_past(void)
{
    tried(signing(ALICE, change_size_and_root), CHECKPOINT, ATE_FORKED);
}

/* ---- what is proved ---- */

static void another_transaction(struct rogue *r, struct ate__msg_proven *m)
{
    (void)r;
    if (m->kind == ATE__PROVE_INCLUSION)
        m->tx_hash.b[0] ^= 1;
}

static void proof_of_another(void)
{
    struct rogue *r = signing(ALICE, NULL);
    r->proven = another_transaction;
    tried(r, PROOF, ATE_TAMPERED);
}

/* ---- what comes by itself ---- */

static struct heard {
    pthread_mutex_t mutex;
    pthread_cond_t more;
    unsigned count;
    int result; /* of the last one */
} heard = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

static void hear(void *arg, int result, const char *text, const struct ate_proved *p)
{
    (void)arg, (void)text, (void)p;
    pthread_mutex_lock(&heard.mutex);
    heard.count++;
    heard.result = result;
    pthread_cond_signal(&heard.more);
    pthread_mutex_unlock(&heard.mutex);
}

/* 0: the program was told that the last of so many notes is a head of the chain. */
static int listen_to(struct rogue *r, bool mirror, unsigned count)
{
    struct ate_chain_conf conf = {
        .mirror_dir = mirror ? "" : NULL, .timeout_ms = 20000, .checkpoint = hear};
    struct ate_chain *c;
    heard.count = 0;
    attack_must(ate_chain_open(rogue_address(r), NULL, 0, &conf, &c));
    pthread_mutex_lock(&heard.mutex);
    while (heard.count < count)
        pthread_cond_wait(&heard.more, &heard.mutex);
    int rc = heard.result;
    pthread_mutex_unlock(&heard.mutex);
    ate_chain_close(c);
    return rc;
}

static void said(int key, change_fn *change, bool mirror, int documented)
{
    struct rogue *r = signing(key, change);
    r->said[0] = r->note;
    r->note = (struct ate__buf){0};
    attack_tried(mirror ? "said to a mirror" : "said to a thin client", listen_to(r, mirror, 1),
                 documented);
    rogue_free(r);
}

static void note_by_outsider(void)
{
    said(EVE, NULL, false, ATE_UNTRUSTED);
    said(EVE, NULL, true, ATE_UNTRUSTED);
}

static void note_of_another_head(void)
{
    said(ALICE, change_root, false, ATE_FORKED);
}

static void note_of_another_past(void)
{
    said(ALICE, change_size_and_root, false, ATE_FORKED);
}

static void note_to_a_mirror(void)
{
    said(ALICE, change_root, true, ATE_FORKED);
    said(ALICE, change_size_and_root, true, ATE_FORKED);
}

static void go_back(struct past *p, struct ate__checkpoint *c)
{
    c->size--;
    c->root = past_head(p, c->size).root;
    c->time_s++;
}

static void note_of_less(void)
{
    struct rogue *r = signing(ALICE, NULL);
    r->said[0] = r->note;
    r->note = (struct ate__buf){0};
    r->said[1] = note_of(r->past, ALICE, go_back);
    attack_tried("said to a thin client", listen_to(r, false, 2), ATE_ROLLED_BACK);
    rogue_free(r);
}

/* ---- how old it is ---- */

static int open_young(struct rogue *r, bool mirror)
{
    struct ate_chain_conf conf = {.mirror_dir = mirror ? "" : NULL,
                                  .timeout_ms = 3000,
                                  .max_age_s = 3600,
                                  .max_age_strict = true};
    struct ate_chain *c = NULL;
    int rc = ate_chain_open(rogue_address(r), NULL, 0, &conf, &c);
    ate_chain_close(c);
    return rc;
}

static void held_still(bool mirror, bool says)
{
    struct rogue *r = signing(ALICE, NULL); /* at second 1 of 1970 */
    if (says) {
        r->said[0] = r->note;
        r->note = (struct ate__buf){0};
    }
    attack_tried(mirror ? "shown to a mirror" : "shown to a thin client", open_young(r, mirror),
                 ATE_STALE);
    rogue_free(r);
}

static void view_of_old(void)
{
    held_still(false, true);
    held_still(true, true);
}

static void view_unsigned(void)
{
    held_still(false, false);
    held_still(true, false);
}

/* ---- witnesses ---- */

static const char witness_name[] = "witness.org/w";

/* A policy that asks for the witness `key`: of its verifier keys the second, ML-DSA-44. */
static struct ate__buf policy_of(struct past *p, int key)
{
    struct ate__buf keys = {0}, policy = {0};
    struct ate__log_key *k = log_key_of(p, key);
    attack_must(ate__note_keys_encode(witness_name, ate__log_key_public(k), &keys));
    const char *all = (const char *)keys.data, *second = memchr(all, '\n', keys.size);
    size_t at = (size_t)(second + 1 - all);
    attack_must(ate__buf_append(&policy, ate__text_bytes("witness W ")));
    attack_must(ate__buf_append(&policy, ate__bytes(second + 1, keys.size - at)));
    static const char quorum[] = "quorum W\n";
    attack_must(ate__buf_append(&policy, ate__bytes(quorum, sizeof quorum))); /* and its NUL */
    ate__buf_deinit(&keys);
    ate__log_key_free(k);
    return policy;
}

/* The note, and what `key` says as that witness of the head of so many transactions. */
static struct ate__buf cosigned(struct past *p, struct ate__buf take_note, int key, uint64_t size)
{
    struct ate__buf made = {0};
    struct ate__log_key *k = log_key_of(p, key);
    char origin[ATE__CHECKPOINT_NAME];
    struct ate__head head = past_head(p, size);
    struct ate__note_tree tree = {ate__text_bytes(ate__checkpoint_name(&p->chain_id, origin)),
                                  head.size, head.root};
    attack_must(ate__note_make(&tree, witness_name, k, 5, &made));
    const char *all = (const char *)made.data, *last = all + made.size - 1;
    while (last > all && last[-1] != '\n')
        last--;
    attack_must(ate__buf_append(&take_note, ate__bytes(last, made.size - (size_t)(last - all))));
    attack_must(ate__buf_append(&take_note, ate__bytes("", 1)));
    ate__buf_deinit(&made);
    ate__log_key_free(k);
    return take_note;
}

/* The witness is BOB; by `key`, of an older head or of this one. */
static void witnessed_by(int key, bool older, int documented)
{
    struct rogue *r = signing(ALICE, NULL);
    struct past *p = r->past;
    struct ate__log_key *log_key = log_key_of(p, ALICE);
    struct ate__buf keys = {0}, policy = policy_of(p, BOB);
    struct ate__buf note = cosigned(p, note_of(p, ALICE, NULL), key, p->size - older);
    char origin[ATE__CHECKPOINT_NAME];
    struct ate_proved ignored;
    attack_must(ate__note_keys_encode(ate__checkpoint_name(&p->chain_id, origin),
                                      ate__log_key_public(log_key), &keys));
    attack_must(ate__buf_append(&keys, ate__bytes("", 1)));
    struct ate_proof_conf conf = {.log_keys = (const char *)keys.data,
                                  .policy = (const char *)policy.data};
    attack_tried("shown to who asks for a witness",
                 ate_check_proof((const char *)note.data, NULL, &conf, &ignored), documented);
    ate__buf_deinit(&keys);
    ate__buf_deinit(&policy);
    ate__buf_deinit(&note);
    ate__log_key_free(log_key);
    rogue_free(r);
}

static void witness_by_outsider(void)
{
    witnessed_by(EVE, false, ATE_UNTRUSTED);
}

static void cosignature_moved(void)
{
    witnessed_by(BOB, true, ATE_TAMPERED);
}

const struct attack attacks_proofs[] = {
    {"log-key-by-outsider", log_key_by_outsider},
    {"checkpoint-by-outsider", checkpoint_by_outsider},
    {"checkpoint-of-another-head", checkpoint_of_another_head},
    {"checkpoint-of-another-past", checkpoint_of_another_past},
    {"proof-of-another", proof_of_another},
    {"note-by-outsider", note_by_outsider},
    {"note-of-another-head", note_of_another_head},
    {"note-of-another-past", note_of_another_past},
    {"note-to-a-mirror", note_to_a_mirror},
    {"note-of-less", note_of_less},
    {"witness-by-outsider", witness_by_outsider},
    {"cosignature-moved", cosignature_moved},
    {"view-of-old", view_of_old},
    {"view-unsigned", view_unsigned},
    {NULL, NULL},
};
