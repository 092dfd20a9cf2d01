/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * resync.c: a server says that compaction has left this of a chain, which is not so.
 *
 * The history is attack_commons() with a change, certified in its last transaction; what is sent is
 * all of it, but for the lie. Or it is that of a centralized chain, and its server certifies.
 */
#include "attack.h"
#include "base/env.h"
#include "chain/kept.h"
#include "chain/resync.h"
#include "crypto/log_key.h"
#include "event/tx.h"
#include "redo/import.h"
#include "resync.h"
#include "trust/checkpoint.h"

static struct ate__chain_conf chain_conf(void)
{
    return (struct ate__chain_conf){.env = &ate__env_real, .sync = ATE__SYNC_NEVER};
}

static struct ate__group_feed group_of(struct past *p, uint64_t n, struct ate_bytes *record)
{
    *record = ate__buf_bytes(&p->record[n]);
    return (struct ate__group_feed){n, p->time_us[n], record, 1, past_head(p, n + 1).root};
}

static struct ate_hash state_root_of(struct past *p)
{
    struct ate__chain_conf conf = chain_conf();
    struct ate__storage *storage;
    struct ate__chain *c;
    struct ate_hash root;
    attack_must(ate__storage_open_mem(&ate__env_real, &p->chain_id, ATE__ROLE_MIRROR, &storage));
    attack_must(ate__chain_open(&conf, storage, 0, &c));
    attack_must(ate__chain_begin(c));
    for (uint64_t n = 0; n < p->size; n++) {
        struct ate_bytes record;
        struct ate__group_feed feed = group_of(p, n, &record);
        attack_must(ate__chain_feed(c, &feed));
    }
    attack_must(ate__chain_state_root(c, p->size, &root));
    ate__chain_close(c);
    return root;
}

static void certify(struct past *p, bool is_signed)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct draft d;
    struct ate__head head = past_head(p, p->size);
    struct ate__snapshot_item state = {head.size, head.root, state_root_of(p)};
    past_begin(p, &d);
    d.in.base_size = head.size;
    d.in.base_root = head.root;
    ate__header_snapshot(&w, &state);
    attack_must(ate__header_end(&w));
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    if (is_signed)
        past_sign(p, &d, ROOT);
    uint64_t n = past_commit_plain(p, &d);
    if (p->time_us[n] < p->time_us[n - 1]) { /* what comes before was made on a real clock */
        p->time_us[n] = p->time_us[n - 1];
        attack_must(ate__tx_leaf(&p->tx[n], ATE__SHA256, n, p->time_us[n], &p->leaf[n]));
    }
}

void resync_certify(struct past *p)
{
    certify(p, true);
}

static struct past *certified(void)
{
    struct past *p = attack_commons();
    past_change(p, -1, 2, 1, "two",
                "second, changed: so long that it pays to have its hash in its place");
    resync_certify(p);
    return p;
}

static enum ate__part less(void *arg, uint32_t event)
{
    const struct resync_lie *lie = arg;
    return lie->one && event != lie->event ? ATE__PART_WHOLE : lie->part;
}

static struct ate__buf sent_of(const struct past *p, uint64_t n, struct resync_lie lie)
{
    struct ate__buf sent = ATE__BUF_NULL;
    if (n == lie.shorter)
        attack_must(ate__tx_reduce_parts(&p->tx[n], less, &lie, &sent));
    else
        attack_must(ate__buf_append(&sent, ate__buf_bytes(&p->record[n])));
    return sent;
}

static int receive(struct past *p, struct ate__resync *r, uint64_t cut_off, struct resync_lie lie)
{
    int rc = 0;
    for (uint64_t n = 0; !rc && n < p->size; n++) {
        struct ate_bytes record;
        struct ate__buf sent = sent_of(p, n, lie);
        struct ate__group_feed group = group_of(p, n, &record);
        struct ate__import_record kept = {n, false, ate__buf_bytes(&sent)};
        group.head_after.b[9] ^= lie.head;
        rc = n < cut_off ? ate__resync_range(
                               r, &(struct ate__import_range){n, n + 1, p->time_us[n], &kept, 1})
                         : ate__resync_group(r, &group);
        ate__buf_deinit(&sent);
    }
    return rc;
}

int resync_says(struct past *p, struct resync_lie lie)
{
    uint64_t cut_off = p->size - 1;
    struct ate__head head = past_head(p, 3), kept = past_head(p, cut_off);
    struct ate__known_head known = {head.size, head.root};
    struct ate__resync *r;
    struct ate__resync_conf conf = {
        .chain = chain_conf(),
        .chain_id = p->chain_id,
        .cut_off = cut_off,
        .kept_end = cut_off,
        .kept_root = kept.root,
        .end = p->size,
        .note = lie.note,
    };
    known.root.b[9] ^= lie.known;
    attack_must(ate__resync_new(&conf, &r));
    int rc = receive(p, r, cut_off, lie);
    rc = rc ? rc : ate__resync_judge(r, &known, 1);
    ate__resync_free(r);
    return rc;
}

static void says(const char *way, struct resync_lie lie, int documented)
{
    struct past *p = certified();
    attack_tried(way, resync_says(p, lie), documented);
    past_free(p);
}

static void of_another_history(void)
{
    says("another than the mirror has", (struct resync_lie){.shorter = UINT64_MAX, .known = true},
         ATE_FORKED);
}

static void to_another_head(void)
{
    says("a head that the groups do not lead to",
         (struct resync_lie){.shorter = UINT64_MAX, .head = true}, ATE_TAMPERED);
}

/* The newest value of an object. */
static void without_a_value(void)
{
    says("its payload", (struct resync_lie){.shorter = 3, .part = ATE__PART_HEADER}, ATE_OMITTED);
}

/* So that the object is what it was before. */
static void without_an_event(void)
{
    says("the change", (struct resync_lie){.shorter = 3, .part = ATE__PART_HASH}, ATE_OMITTED);
}

/* In a chain whose writers sign, as if it were that of a centralized one. */
static void certified_by_nobody(void)
{
    struct past *p = attack_commons();
    certify(p, false);
    attack_tried("with nothing else wrong",
                 resync_says(p, (struct resync_lie){.shorter = UINT64_MAX}), ATE_TAMPERED);
    past_free(p);
}

/* ---- the server of a centralized chain certifies ---- */

/* So many, signed by the log key of `key`; BOB's is the chain's. */
static struct ate__buf note_of(struct past *p, int key, uint64_t size)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__log_key *k;
    struct ate__head head = past_head(p, size);
    struct ate__checkpoint c = {
        .chain_id = p->chain_id, .root = head.root, .size = head.size, .time_s = 1};
    attack_must(ate__log_key_of_seed(&p->key[key]->seed, &k));
    attack_must(ate__checkpoint_make(&c, k, &note));
    ate__log_key_free(k);
    return note;
}

/* Under a checkpoint of that key (-1: none), which leaves out so many at the end. */
static int server_says(int key, uint64_t uncovered, struct resync_lie lie)
{
    struct past *p = past_centralized(NULL);
    struct ate__buf note = ATE__BUF_NULL;
    past_create(p, ROOT, 1, 0, "one", "first");
    past_create(p, ROOT, 2, 1, "two", "second");
    past_change(p, ROOT, 2, 1, "two",
                "second, changed: so long that it pays to have its hash in its place");
    certify(p, false);
    if (key >= 0)
        note = note_of(p, key, p->size - uncovered);
    lie.note = ate__buf_bytes(&note);
    int rc = resync_says(p, lie);
    ate__buf_deinit(&note);
    past_free(p);
    return rc;
}

static const struct resync_lie none = {.shorter = UINT64_MAX};

static void certified_without_checkpoint(void)
{
    attack_must(server_says(BOB, 0, none));
    attack_tried("without a checkpoint", server_says(-1, 0, none), ATE_UNTRUSTED);
    attack_tried("with one in front of it", server_says(BOB, 1, none), ATE_UNTRUSTED);
}

static void certified_under_another_key(void)
{
    attack_tried("by eve's log key", server_says(EVE, 0, none), ATE_UNTRUSTED);
}

static void certified_and_omitted(void)
{
    attack_tried("the change",
                 server_says(BOB, 0, (struct resync_lie){.shorter = 3, .part = ATE__PART_HASH}),
                 ATE_OMITTED);
}

const struct attack attacks_resync[] = {
    {"resync-of-another-history", of_another_history},
    {"resync-to-another-head", to_another_head},
    {"resync-without-a-value", without_a_value},
    {"resync-without-an-event", without_an_event},
    {"certified-by-nobody", certified_by_nobody},
    {"certified-without-checkpoint", certified_without_checkpoint},
    {"certified-under-another-key", certified_under_another_key},
    {"certified-and-omitted", certified_and_omitted},
    {NULL, NULL},
};
