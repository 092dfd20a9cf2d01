/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * archive.c: what an archive forbids to whoever signs: its owner with the keys of all offices, and
 * a server that lets anything pass.
 *
 * The history is past_archive(). The root, alice, who may write and rules there, and bob, the
 * compactor, sign together.
 */
#include "attack.h"

#define HOUR (UINT64_C(3600) * 1000000)
enum { MOMENT = 1 }; /* microseconds: it is over when the next transaction comes */

/* The last transaction of the history, by everybody together. */
static void by_all(struct past *p, struct draft *d)
{
    past_sign(p, d, ROOT);
    past_sign(p, d, ALICE);
    past_sign(p, d, BOB);
    past_commit_plain(p, d);
    attack_with_history(p, ATE_DENIED);
}

static void change(unsigned parent, const char *payload)
{
    struct past *p = past_archive(MOMENT);
    struct draft d;
    struct ate_hash prev = past_body_hash(p, id_of(2));
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(2),
                                        .parent = id_of(parent),
                                        .prev = &prev,
                                        .name = "two",
                                        .payload = ate__text_bytes(payload)});
    by_all(p, &d);
}

static void changed(void)
{
    change(1, "another");
}

static void moved(void)
{
    change(0, "hers");
}

static void delete_it(struct past *take_p, unsigned id, bool subtree)
{
    struct draft d;
    past_begin(take_p, &d);
    draft_tombstone(&d, id_of(id), past_body_hash(take_p, id_of(id)), subtree);
    by_all(take_p, &d);
}

static void deleted_early(void)
{
    delete_it(past_archive(HOUR), 2, false);
}

static void deleted_from_for_ever(void)
{
    delete_it(past_archive(0), 2, false);
}

static void deleted_with_all_below(void)
{
    delete_it(past_archive(MOMENT), 1, true);
}

static struct past *held(void)
{
    struct past *p = past_archive(MOMENT);
    struct draft d;
    past_hold(p, &d, 1, ALICE, true);
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    return p;
}

static void held_deleted(void)
{
    delete_it(held(), 2, false);
}

/* By all who may there, but the root. */
static void released_by_another(void)
{
    struct past *p = held();
    struct draft d;
    past_hold(p, &d, 1, ALICE, false);
    past_sign(p, &d, ALICE);
    past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
    attack_with_history(p, ATE_DENIED);
}

static void held_by_another(void)
{
    struct past *p = past_archive(MOMENT);
    struct draft d;
    past_hold(p, &d, 1, ALICE, true);
    past_sign(p, &d, ALICE);
    past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
    attack_with_history(p, ATE_DENIED);
}

/* Under a certificate all that went before may be left out. It names the tree of this history, so
 * it cannot be offered to another root, which keeps another time. */
static void certified(void)
{
    struct past *p = past_archive(MOMENT);
    struct draft d;
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__head head = past_head(p, p->size);
    past_begin(p, &d);
    d.in.base_size = head.size;
    d.in.base_root = head.root;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_snapshot(&w, &(struct ate__snapshot_item){.size = head.size, .root = head.root});
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    past_sign(p, &d, ROOT);
    past_sign(p, &d, BOB);
    past_commit_plain(p, &d);
    attack_with_stored(p, ATE_DENIED);
}

const struct attack attacks_archive[] = {
    {"archive-changed", changed},
    {"archive-moved", moved},
    {"archive-deleted-early", deleted_early},
    {"archive-deleted-from-for-ever", deleted_from_for_ever},
    {"archive-deleted-with-all-below", deleted_with_all_below},
    {"archive-held-deleted", held_deleted},
    {"archive-released-by-another", released_by_another},
    {"archive-held-by-another", held_by_another},
    {"archive-certified", certified},
    {NULL, NULL},
};
