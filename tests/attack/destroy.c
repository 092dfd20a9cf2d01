/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroy.c: chains that are destroyed by who may not, and places that are taken.
 *
 * Who tries it can write every file of the chain's directory, but goes the way of the library: what
 * others are told afterwards is that its owner did it.
 */
#include "ate/ate.h"
#include "attack.h"
#include "lib/tmpdir.h"

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

struct home {
    char dir[4200];
    struct ate_session *owner, *eve;
    char root[ATE_HASH_TEXT];
};

static struct ate_session *session(const char *home, const char *name)
{
    struct ate_session *s = NULL;
    char file[4200];
    snprintf(file, sizeof file, "%s/%s", home, name);
    attack_must(ate_session_open(file, ATE_CREATE, &s));
    return s;
}

/* A chain of the owner's with an object in it; conf may make it an archive. */
static struct home chain(const struct ate_chain_conf *conf)
{
    const char *home = tmpdir_new();
    struct home h = {.owner = session(home, "owner"), .eve = session(home, "eve")};
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_id id;
    snprintf(h.dir, sizeof h.dir, "%s/notes", home);
    attack_must(ate_chain_open(h.dir, h.owner, ATE_CREATE, conf, &c));
    attack_must(ate_txn_begin(c, NULL, 0, &txn));
    attack_must(ate_put_as(txn, note, ate_top, "a", &(struct note){"a text"}, &id));
    attack_must(ate_txn_commit(txn, NULL));
    ate_txn_end(txn);
    ate_chain_close(c);
    ate_hash_text(ate_session_fingerprint(h.owner), h.root);
    return h;
}

static void end(struct home *h)
{
    ate_session_close(h->owner);
    ate_session_close(h->eve);
}

static int destroy(const struct home *h, struct ate_session *session)
{
    struct ate_destroy_conf conf = {.name = "/notes", .root = h->root};
    struct ate_destroyed_chain d;
    return ate_chain_destroy(h->dir, session, &conf, &d);
}

/* By who has the files, and a key of his own. */
static void destroyed_by_another(void)
{
    struct home h = chain(NULL);
    attack_tried("with a key of her own", destroy(&h, h.eve), ATE_DENIED);
    end(&h);
}

static void destroy_archive(uint64_t retention_s)
{
    struct ate_chain_conf conf = {.archive = true, .retention_s = retention_s};
    struct home h = chain(&conf);
    attack_tried("by its owner", destroy(&h, h.owner), ATE_DENIED);
    end(&h);
}

static void destroyed_archive(void)
{
    destroy_archive(0);
}

static void destroyed_early(void)
{
    destroy_archive(3600);
}

/* Whoever has the name then is taken for the one that had it before. */
static void place_taken(void)
{
    struct home h = chain(NULL);
    struct ate_chain *c = NULL;
    attack_must(destroy(&h, h.owner));
    attack_tried("made anew", ate_chain_open(h.dir, h.eve, ATE_CREATE, NULL, &c), ATE_DENIED);
    ate_chain_close(c);
    end(&h);
}

const struct attack attacks_destroy[] = {
    {"destroyed-by-another", destroyed_by_another},
    {"destroyed-archive", destroyed_archive},
    {"destroyed-early", destroyed_early},
    {"place-taken", place_taken},
    {NULL, NULL},
};
