/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reset.c: to take back what was seen, by a RESET that was not meant for that.
 */
#include "attack.h"
#include "lib/tmpdir.h"

enum { LATER = 1000000 }; /* microseconds: than all that is in the histories */

/* Behind what is there: that the chain went back to its first `size` transactions. */
static void reset_to(struct past *p, int key, uint64_t size, uint64_t time_us)
{
    struct ate__head head = past_head(p, size);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct draft d;
    past_begin(p, &d);
    d.in.base_size = head.size;
    d.in.base_root = head.root;
    d.in.time_us = time_us;
    ate__header_reset(&w, &(struct ate__reset_item){
                              .size = head.size, .root = head.root, .reason = ATE__RESET_RESTORE});
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    past_sign(p, &d, key);
    past_commit_plain(p, &d);
}

/* The last transaction was ordered then. */
static void at_time(struct past *p, uint64_t time_us)
{
    uint64_t n = p->size - 1;
    p->time_us[n] = time_us;
    attack_must(ate__tx_leaf(&p->tx[n], ATE__SHA256, n, time_us, &p->leaf[n]));
}

static uint64_t later(const struct past *p)
{
    return p->time_us[p->size - 1] + LATER;
}

static void shorten(struct past *p, uint64_t size)
{
    for (; p->size > size; p->size--) {
        ate__tx_deinit(&p->tx[p->size - 1]);
        ate__buf_deinit(&p->record[p->size - 1]);
    }
}

/* ---- in a history ---- */

static void by_outsider(void)
{
    struct past *p = attack_family();
    reset_to(p, EVE, p->size, 5);
    attack_with_stored(p, ATE_DENIED);
}

/* What the owner has signed for one place, at another one. */
static void elsewhere(void)
{
    struct past *p = attack_family();
    reset_to(p, ROOT, p->size - 2, 5);
    attack_with_stored(p, ATE_FORKED);
}

/* So that it is still newer than all that is seen later. */
static void signed_ahead(void)
{
    struct past *p = attack_family();
    reset_to(p, ROOT, p->size, later(p));
    attack_with_stored(p, ATE_DENIED);
}

/* ---- of a directory, set back by who can write there ---- */

static int open_and_close(const char *dir)
{
    struct ate_chain *c = NULL;
    int rc = attack_open_chain(dir, 0, &c);
    ate_chain_close(c);
    return rc;
}

/* `first` is seen; then `second` lies in its place. Consumes both. */
static void in_place_of(struct past *take_first, struct past *take_second, int documented)
{
    const char *dir = tmpdir_new();
    attack_write_chain(dir, take_first, &take_first->chain_id, take_first->size);
    attack_must(open_and_close(dir));
    attack_write_anew(dir, take_second, take_second->size);
    attack_tried("opened again", open_and_close(dir), documented);
    past_free(take_first);
    past_free(take_second);
}

/* The chain as it was right behind a RESET that was followed long ago. */
static void replayed(void)
{
    struct past *p = attack_commons();
    uint64_t signed_us = later(p);
    reset_to(p, ROOT, p->size, signed_us);
    at_time(p, signed_us);
    struct past *old = past_copy(p);
    at_time(old, signed_us);
    past_create(p, -1, 3, 0, NULL, "since then");
    at_time(p, signed_us + 10);
    in_place_of(p, old, ATE_ROLLED_BACK);
}

static void root_key(struct past *p, uint8_t op, int key)
{
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&item);
    struct ate__root_change change = {op, ate__buf_bytes(&p->key[key]->public_key)};
    struct draft d;
    past_begin(p, &d);
    if (op == ATE__ROOT_REMOVE)
        change.key = ate__bytes(&p->key[key]->fingerprint, 32);
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&item), (struct ate_bytes){0});
    ate__buf_deinit(&item);
    past_sign(p, &d, ROOT);
    if (op == ATE__ROOT_ADD)
        past_sign(p, &d, key);
    past_commit_plain(p, &d);
}

/* Back to before his key was taken away, by himself. */
static void by_revoked_root(void)
{
    struct past *p = attack_commons();
    root_key(p, ATE__ROOT_ADD, EVE);
    struct past *back = past_copy(p);
    root_key(p, ATE__ROOT_REMOVE, EVE);
    past_create(p, -1, 3, 0, NULL, "since then");
    reset_to(back, EVE, back->size, later(p));
    at_time(back, later(p));
    in_place_of(p, back, ATE_ROLLED_BACK);
}

/* By a key that is a root key only in the history that it leads to. */
static void by_root_of_the_other(void)
{
    struct past *p = attack_commons(), *other = past_copy(p);
    past_create(p, -1, 3, 0, NULL, "third");
    past_create(p, -1, 4, 0, NULL, "fourth");
    past_create(p, -1, 5, 0, NULL, "fifth");
    root_key(other, ATE__ROOT_ADD, EVE);
    reset_to(other, EVE, other->size, later(p));
    at_time(other, later(p));
    in_place_of(p, other, ATE_ROLLED_BACK);
}

/* ---- of a mirror, by its server ---- */

/* The owner has signed it, for a history that parted from this one before. */
static void of_another_branch(void)
{
    struct past *p = attack_commons(), *other = past_copy(p);
    struct rogue *r;
    struct ate_chain *c = NULL;
    const char *mirror = tmpdir_new();
    shorten(other, 2);
    other->number += 10;
    past_create(other, -1, 7, 0, NULL, "another second");
    past_create(p, -1, 3, 0, NULL, "third");
    past_create(p, -1, 4, 0, NULL, "fourth");
    reset_to(other, ROOT, other->size, later(p));
    at_time(other, later(p));
    r = rogue_new(p);
    attack_must(rogue_open(r, mirror, &c));
    ate_chain_close(ate__steal(&c));
    past_free(r->past);
    r->past = other;
    r->size = other->size;
    attack_tried("a mirror", rogue_open(r, mirror, &c), ATE_ROLLED_BACK);
    ate_chain_close(c);
    rogue_free(r);
}

const struct attack attacks_reset[] = {
    {"reset-by-outsider", by_outsider},
    {"reset-elsewhere", elsewhere},
    {"reset-signed-ahead", signed_ahead},
    {"reset-replayed", replayed},
    {"reset-by-revoked-root", by_revoked_root},
    {"reset-by-root-of-the-other", by_root_of_the_other},
    {"reset-of-another-branch", of_another_branch},
    {NULL, NULL},
};
