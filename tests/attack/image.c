/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * image.c: view images that somebody changed, made, or put in the place of another one, so that
 * whoever opens the chain is shown what its log does not say.
 */
#include "attack.h"
#include "api/api.h"
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "chain/image.h"
#include "chain/local.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "trust/session.h"
#include "unit/chain/reseal.h"

enum { OWNER = 1 + ROOT, PAGE_TEXT = ATE__IMAGE_HEAD + ATE__AEAD_NONCE };

/* ---- chains with an image ---- */

/* The seeds are those of past.c: OWNER is the root key of its histories. */
static struct ate_session *session_of(uint8_t who, struct ate__key32 *ret_secret)
{
    struct ate__key32 seed = {{who, 7}};
    struct ate_session *s;
    struct ate__key *key;
    attack_must(ate__key_of_seed(&seed, "", &key));
    attack_must(ate__session_new(&s));
    attack_must(ate__session_add(s, key));
    if (ret_secret)
        attack_must(ate__image_secret(&seed, ret_secret));
    return s;
}

static int open_as(struct ate_session *session, const char *dir, unsigned flags,
                   struct ate_chain **ret_chain)
{
    char text[ATE_HASH_TEXT];
    struct ate_session *owner = session_of(OWNER, NULL);
    struct ate_chain_conf conf = {.root =
                                      ate_hash_text(ate__session_key(owner, 0)->fingerprint, text)};
    int rc = ate_chain_open(dir, session, flags, &conf, ret_chain);
    ate_session_close(owner);
    return rc;
}

/* However small the chain is. */
static void close_with_image(struct ate_chain *c)
{
    struct ate__chain *chain = ate__local_chain(c->pipe);
    chain->image_log_min = 0;
    ate_chain_close(c);
}

static struct ate_id put(struct ate_chain *c, const char *payload)
{
    struct ate_object o = {.type = "note", .payload = ate__text_bytes(payload)};
    struct ate_txn *txn;
    struct ate_id id;
    attack_must(ate_txn_begin(c, NULL, 0, &txn));
    attack_must(ate_store_raw(txn, &o, 0, &id));
    attack_must(ate_txn_commit(txn, NULL));
    ate_txn_end(txn);
    return id;
}

/* A chain of the owner's with one object. */
static const char *make_chain(struct ate_session *owner, struct ate_id *ret_id)
{
    const char *dir = tmpdir_new();
    struct ate_chain *c;
    attack_must(ate_chain_open(dir, owner, ATE_CREATE, NULL, &c));
    *ret_id = put(c, "\x81\xa1v\xa5there");
    close_with_image(c);
    return dir;
}

static struct ate__dir *log_of(const char *dir)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *root, *log;
    attack_must(vfs->open_root(vfs->user, dir, &root));
    attack_must(vfs->open_dir(root, ATE__CHAIN_NAME, false, &log));
    vfs->close_dir(root);
    return log;
}

static void copy_image(const char *from, const char *to)
{
    char command[600];
    snprintf(command, sizeof command, "cp '%s/,chain/view' '%s'", from, to);
    assert_int_equal(shell(command), 0);
}

static int look_for(struct ate_session *session, const char *dir, struct ate_id id)
{
    struct ate_chain *c;
    struct ate_txn *txn;
    attack_must(open_as(session, dir, ATE_READ, &c));
    attack_must(ate_txn_begin(c, NULL, ATE_READ, &txn));
    int rc = ate_exists(txn, id);
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

/* Whoever opens the chain does not find what lies in it. */
static void hides(const char *way, struct ate_session *session, const char *dir, struct ate_id id)
{
    int rc = look_for(session, dir, id);
    attack_must(rc == ATE_NOT_FOUND ? 0 : rc);
    attack_tried(way, rc ? 0 : ate__fail(ATE_EXISTS, "it is found"), ATE_EXISTS);
}

/* ---- changed and made ---- */

/* Where in the stream its id stands. */
static size_t find_id(const struct reseal *r, struct ate_id id)
{
    const uint8_t *at = memmem(r->stream.data, r->stream.size, &id, sizeof id);
    assert_non_null(at);
    return (size_t)(at - r->stream.data);
}

/* All that is in an image follows from the log; whoever has that can make a ciphertext of it that
 * of another one, as far as nobody notices. */
static void changed(void)
{
    struct ate__key32 secret;
    struct ate_session *owner = session_of(OWNER, &secret);
    struct ate_id id;
    const char *dir = make_chain(owner, &id);
    struct ate__dir *log = log_of(dir);
    struct ate__file *file;
    struct reseal r;
    uint8_t byte;
    size_t got;
    reseal_read(&r, &ate__env_real, log, &secret);
    size_t at = PAGE_TEXT + find_id(&r, id);
    ate__buf_deinit(&r.stream);
    const struct ate__vfs *vfs = ate__env_real.vfs;
    attack_must(vfs->open(log, ATE__IMAGE_NAME, ATE__OPEN_WRITE, &file));
    attack_must(vfs->read(file, at, &byte, 1, &got));
    byte ^= 1;
    attack_must(vfs->write(file, at, &byte, 1));
    vfs->close(file);
    vfs->close_dir(log);
    hides("one byte", owner, dir, id);
    ate_session_close(owner);
}

/* Sealed by somebody with a key of his own. */
static void of_another_user(void)
{
    struct ate__key32 secret, eves;
    struct ate_session *owner = session_of(OWNER, &secret), *eve = session_of(1 + EVE, &eves);
    struct ate_id id;
    const char *dir = make_chain(owner, &id);
    struct ate__dir *log = log_of(dir);
    struct reseal r;
    reseal_read(&r, &ate__env_real, log, &secret);
    r.stream.data[find_id(&r, id)] ^= 1;
    reseal_write(&r, &ate__env_real, log, &eves);
    ate__env_real.vfs->close_dir(log);
    hides("sealed by another", owner, dir, id);
    ate_session_close(owner);
    ate_session_close(eve);
}

/* ---- put in the place of another ---- */

/* The owner sealed it himself, of another chain of his; this one was not seen here before. */
static void of_another_chain(void)
{
    char to[600];
    struct ate_session *owner = session_of(OWNER, NULL);
    struct ate_id id, other;
    const char *made = make_chain(owner, &id), *dir = tmpdir_new();
    snprintf(to, sizeof to, "cp -r '%s/,chain' '%s'", made, dir);
    assert_int_equal(shell(to), 0);
    snprintf(to, sizeof to, "%s/,chain/view", dir);
    copy_image(make_chain(owner, &other), to);
    hides("of another chain", owner, dir, id);
    ate_session_close(owner);
}

/* Of the same chain, of another history than lies there now. */
static void of_another_history(void)
{
    char to[600];
    struct ate_session *owner = session_of(OWNER, NULL);
    struct past *p = attack_commons(), *q = past_copy(p);
    const char *dir = tmpdir_new(), *other = tmpdir_new();
    struct ate_chain *c;
    past_create(p, -1, 3, 0, NULL, "third");
    past_create(q, -1, 4, 0, NULL, "fourth");
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_write_chain(other, q, &q->chain_id, q->size);
    attack_must(open_as(owner, other, 0, &c));
    close_with_image(c);
    snprintf(to, sizeof to, "%s/,chain/view", dir);
    copy_image(other, to);
    hides("of another history", owner, dir, id_of(3));
    past_free(p);
    past_free(q);
    ate_session_close(owner);
}

/* It shows what was deleted behind it, by a transaction that a deep compaction has left out since.
 */
static void of_before(void)
{
    const struct ate_compact_conf conf = {
        .gain_percent = 1, .deep = true, .cut_off = ATE_CUT_OFF_NEWEST};
    char saved[600], to[1300], text[4000] = "";
    struct ate_session *owner = session_of(OWNER, NULL);
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    struct ate_compacted done;
    struct ate_chain *c;
    struct draft d;
    past_create(p, -1, 3, 0, NULL, "third");
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(open_as(owner, dir, 0, &c));
    close_with_image(c);
    snprintf(saved, sizeof saved, "%s/view", tmpdir_new());
    copy_image(dir, saved);
    past_begin(p, &d);
    draft_tombstone(&d, id_of(3), past_body_hash(p, id_of(3)), false);
    past_commit(p, &d);
    past_create(p, -1, 4, 0, NULL, "fourth");
    memset(text, 'x', sizeof text - 1);
    while (p->size < PAST_MAX - 8) { /* its window is 100 */
        struct ate__head head = past_head(p, p->size);
        struct ate_hash prev = past_body_hash(p, id_of(4));
        past_begin(p, &d);
        d.in.base_size = head.size;
        d.in.base_root = head.root;
        draft_text(&d, id_of(4), &prev, text);
        past_commit(p, &d);
    }
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(open_as(owner, dir, 0, &c));
    attack_must(ate_chain_compact(c, &conf, &done));
    assert_true(done.rewritten);
    ate_chain_close(c);
    snprintf(to, sizeof to, "mv '%s' '%s/,chain/view'", saved, dir);
    assert_int_equal(shell(to), 0);
    attack_tried("of before a compaction", look_for(owner, dir, id_of(3)), ATE_NOT_FOUND);
    past_free(p);
    ate_session_close(owner);
}

const struct attack attacks_image[] = {
    {"image-changed", changed},
    {"image-of-another-user", of_another_user},
    {"image-of-another-chain", of_another_chain},
    {"image-of-another-history", of_another_history},
    {"image-of-before", of_before},
    {NULL, NULL},
};
