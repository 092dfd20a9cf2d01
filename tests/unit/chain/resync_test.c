/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mirror takes over what compaction has left: all that was certified, or nothing. */
#include "chain/resync.h"
#include "chain/chain_private.h"
#include "chain/values.h"
#include "lib/heap.h"
#include "redo/import.h"
#include "story.h"
#include <stdlib.h>

enum { BATCH = 64, STEADY = STORY_OBJECTS, LOSSES_APART = 7 };
static struct story s;
static uint64_t fail_at; /* the allocation of judging that fails; 0: none */
static bool all; /* places at which something fails: else a sample of them */

/* ---- a server's part, and what a hostile one makes of it ---- */

enum twist {
    HONEST,
    DROPS_BODY,    /* the current version of a live object */
    DROPS_RECORD,  /* all of it, with its leaf */
    FORKS_LEAF,    /* of what is missing */
    OTHER_LEAF,    /* of what is there */
    CHANGES_BYTE,
    LOWER_CUT_OFF, /* nobody has certified that one */
    EARLY,         /* the certificate comes later than it says */
    LATE_ROOT,     /* another head behind the last group */
    KEPT_ROOT,     /* and before the first whole one */
    NO_PAYLOAD,    /* of a body that is in force */
    TWICE,         /* a piece */
    LEFT_OUT,      /* the same */
    SWAPPED,       /* two of them */
    MORE_LEAVES,
    FEWER_LEAVES,
    TWISTS
};
struct sending {
    struct ate__resync *to;
    enum twist twist;
    uint64_t victim, kept_end;
    struct ate__group_out group;
    struct ate__import_record records[BATCH];
    struct ate_bytes bodies[BATCH];
    struct ate__buf bytes[BATCH];
    size_t count;
    uint64_t next;
    unsigned pieces;
};
struct offer { /* what RESYNC says */
    uint64_t cut_off, kept_end, certified;
};

static int note_compacted(void *arg, const struct ate__segment_out *segment)
{
    if (segment->compacted)
        *(uint64_t *)arg = segment->end;
    return 0;
}

static int note_end(void *arg, const struct ate__history_record *record)
{
    *(uint64_t *)arg = record->sequence + 1;
    return record->last_in_group ? ATE_END : 0;
}

static struct offer offer_of(struct ate__chain *c)
{
    struct ate__storage *storage = ate__chain_storage(c);
    struct ate__storage_state state;
    storage->v->state(storage, &state);
    struct offer o = {.cut_off = state.cut_off};
    kit_ok(storage->v->segments(storage, note_compacted, &o.kept_end));
    int rc = ate__chain_history(c, atomic_load(&c->believed_from) - 1, UINT64_MAX, note_end,
                                &o.certified);
    assert_true(rc == ATE_END || !rc);
    assert_true(o.kept_end && o.kept_end <= o.cut_off && o.cut_off < o.certified);
    return o;
}

static enum ate__part drop_bodies(void *arg, uint32_t event)
{
    const struct ate__tx *tx = arg;
    const struct ate__event *e = &tx->events[event];
    return e->form == ATE__DROPPED || e->kind == ATE__EVENT_BODY ? ATE__PART_HASH : ATE__PART_WHOLE;
}

static enum ate__part strip_bodies(void *arg, uint32_t event)
{
    const struct ate__tx *tx = arg;
    const struct ate__event *e = &tx->events[event];
    return e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY ? ATE__PART_HEADER
                                                                 : ATE__PART_WHOLE;
}

/* A record as it is sent. */
static void twist_record(struct sending *x, struct ate__buf *bytes)
{
    struct ate__tx tx;
    if (x->twist == CHANGES_BYTE)
        bytes->data[bytes->size - 1] ^= 1;
    if (x->twist != DROPS_BODY && x->twist != NO_PAYLOAD)
        return;
    struct ate__buf less = ATE__BUF_NULL;
    kit_ok(ate__tx_decode(ate__buf_bytes(bytes), ATE__SHA256, &tx));
    kit_ok(
        ate__tx_reduce_parts(&tx, x->twist == NO_PAYLOAD ? strip_bodies : drop_bodies, &tx, &less));
    ate__tx_deinit(&tx);
    ate__buf_deinit(bytes);
    *bytes = less;
}

static int send_group(struct sending *x)
{
    uint64_t first = x->group.first_sequence, end = x->group.end_sequence;
    int rc;
    if (first < x->kept_end) {
        struct ate__import_range range = {x->next, end, x->group.root_time_us, x->records,
                                          x->count};
        x->pieces++;
        if (x->twist == LEFT_OUT && x->pieces == 3) {
            x->next = end; /* where the next one begins */
            return 0;
        }
        if (x->twist == SWAPPED && x->pieces == 3)
            range.first = range.end;
        rc = ate__resync_range(x->to, &range);
        if (!rc && x->twist == TWICE && x->pieces == 3)
            rc = ate__resync_range(x->to, &range);
    } else {
        struct ate__group_feed feed = {first, x->group.root_time_us, x->bodies, x->count, {{0}}};
        kit_ok(ate__chain_root_at(s.k.chain, end, &feed.head_after));
        feed.head_after.b[3] ^= x->twist == LATE_ROOT;
        rc = ate__resync_group(x->to, &feed);
    }
    x->next = end;
    return rc;
}

static int on_record(void *arg, const struct ate__record_out *record)
{
    struct sending *x = arg;
    bool victim = record->sequence == x->victim;
    if (!victim || x->twist != DROPS_RECORD) {
        struct ate__buf *bytes = &x->bytes[x->count];
        assert_true(x->count < BATCH);
        ate__buf_clear(bytes);
        kit_ok(ate__buf_append(bytes, record->body));
        if (victim)
            twist_record(x, bytes);
        x->bodies[x->count] = ate__buf_bytes(bytes);
        x->records[x->count] =
            (struct ate__import_record){record->sequence, record->identity, x->bodies[x->count]};
        x->count++;
    }
    return record->last_in_group ? send_group(x) : 0;
}

static int on_group(void *arg, const struct ate__group_out *group)
{
    struct sending *x = arg;
    x->group = *group;
    x->count = 0;
    return group->compacted && !group->count ? send_group(x) : 0;
}

static int send_leaves(struct sending *x, uint64_t below, uint64_t missing)
{
    struct ate__storage *storage = ate__chain_storage(s.k.chain);
    struct ate_hash leaves[ATE__TILE_LEAVES];
    int rc = 0;
    for (uint64_t first = 0; !rc && first + ATE__TILE_LEAVES <= below; first += ATE__TILE_LEAVES) {
        kit_ok(storage->v->tiles_stored(storage, first, leaves));
        if (x->twist == FORKS_LEAF && missing - first < ATE__TILE_LEAVES)
            leaves[missing - first].b[5] ^= 1;
        if (x->twist == OTHER_LEAF && x->victim - first < ATE__TILE_LEAVES)
            leaves[x->victim - first].b[5] ^= 1;
        rc = ate__resync_leaves(x->to, first, ate__bytes(leaves, sizeof leaves));
        x->pieces++;
        if (x->twist == FEWER_LEAVES && x->pieces == 2)
            break;
    }
    if (!rc && x->twist == MORE_LEAVES)
        rc = ate__resync_leaves(x->to, below - below % ATE__TILE_LEAVES,
                                ate__bytes(leaves, sizeof leaves));
    x->pieces = 0;
    return rc;
}

/* The current version of an object that never changes; a transaction that is missing. */
static void find_victims(uint64_t below, uint64_t *ret_victim, uint64_t *ret_missing)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__storage *storage = ate__chain_storage(s.k.chain);
    *ret_missing = 0;
    *ret_victim = kit_facts(&s.k, STEADY).sequence;
    for (uint64_t i = 1; !*ret_missing; i++) {
        ate__buf_clear(&buf);
        if (storage->v->load(storage, i, NULL, &buf) == ATE_COMPACTED)
            *ret_missing = i;
    }
    ate__buf_deinit(&buf);
    assert_true(*ret_victim < below && *ret_missing < below);
}

/* ---- a mirror's part ---- */

struct mirror {
    struct ate__dir *dir; /* NULL: in memory */
    struct ate__chain *chain;
};

static uint64_t asked, cancel_at; /* whether to go on; the answer is no from then on; 0: never */

static bool is_canceled(void *arg)
{
    (void)arg;
    asked++;
    return cancel_at && asked >= cancel_at;
}

static struct ate__chain_conf conf_of(void)
{
    return (struct ate__chain_conf){
        .env = &s.k.sim.env, .sync = ATE__SYNC_NEVER, .cancel = is_canceled};
}

static void open_mirror(struct mirror *m, unsigned flags)
{
    static const struct ate__storage_conf never = {.sync = ATE__SYNC_NEVER};
    struct ate__chain_conf conf = conf_of();
    struct ate__storage *storage;
    if (m->dir)
        kit_ok(ate__storage_open_file(conf.env, m->dir, flags, &s.k.chain_id, ATE__ROLE_MIRROR,
                                      &never, &storage));
    else
        kit_ok(ate__storage_open_mem(conf.env, &s.k.chain_id, ATE__ROLE_MIRROR, &storage));
    kit_ok(ate__chain_open(&conf, storage, 0, &m->chain));
    kit_ok(ate__chain_begin(m->chain));
}

static void mirror_new(struct mirror *m, const char *path)
{
    const struct ate__vfs *vfs = simdisk_vfs(s.k.disk);
    *m = (struct mirror){NULL, NULL};
    if (path) {
        simdisk_mkdir(s.k.disk, path);
        kit_ok(vfs->open_root(vfs->user, path, &m->dir));
    }
    open_mirror(m, ATE__STORAGE_CREATE);
}

static void mirror_free(struct mirror *m)
{
    ate__chain_close(m->chain);
    simdisk_vfs(s.k.disk)->close_dir(m->dir);
}

static int feed_record(void *arg, const struct ate__history_record *record)
{
    struct mirror *m = arg;
    struct ate__group_feed feed = {record->sequence, record->root_time_us, &record->body, 1, {{0}}};
    assert_true(record->last_in_group); /* nobody commits beside it */
    kit_ok(ate__chain_root_at(s.k.chain, record->sequence + 1, &feed.head_after));
    kit_ok(ate__chain_feed(m->chain, &feed));
    return 0;
}

static void follow(struct mirror *m, uint64_t to)
{
    struct ate_hash root;
    uint64_t size;
    ate__chain_head(m->chain, &size, &root);
    kit_ok(ate__chain_history(s.k.chain, size, to, feed_record, m));
}

static int receive(struct sending *x, struct mirror *m, const struct offer *o, uint64_t bytes_max,
                   const struct ate__known_head *known)
{
    struct ate__storage *storage = ate__chain_storage(s.k.chain);
    struct ate__resync_conf conf = {
        .chain = conf_of(),
        .dir = m->dir,
        .present = m->chain,
        .chain_id = s.k.chain_id,
        .cut_off = o->cut_off,
        .kept_end = o->kept_end,
        .end = o->certified,
        .bytes_max = bytes_max,
    };
    uint64_t missing;
    find_victims(o->kept_end, &x->victim, &missing);
    x->kept_end = o->kept_end;
    kit_ok(ate__chain_root_at(s.k.chain, o->kept_end, &conf.kept_root));
    conf.kept_root.b[0] ^= x->twist == KEPT_ROOT;
    int rc = ate__resync_new(&conf, &x->to);
    if (!rc)
        rc = send_leaves(x, o->cut_off, missing);
    if (!rc)
        rc =
            storage->v->scan(storage, 0, o->certified, &(struct ate__scan){on_group, on_record, x});
    if (!rc)
        assert_true(ate__resync_is_whole(x->to));
    if (!rc && fail_at)
        heap_fail(fail_at, false);
    return rc ? rc : ate__resync_judge(x->to, known, 1);
}

static int take(struct mirror *m, enum twist twist, struct offer o, uint64_t bytes_max,
                const struct ate__known_head *known)
{
    struct sending *x = calloc(1, sizeof *x);
    x->twist = twist;
    if (twist == LOWER_CUT_OFF)
        o.cut_off = o.kept_end;
    if (twist == EARLY)
        o.certified--;
    int rc = receive(x, m, &o, bytes_max, known);
    if (!rc)
        rc = ate__resync_apply(x->to, m->chain);
    ate__resync_free(x->to);
    for (size_t i = 0; i < BATCH; i++)
        ate__buf_deinit(&x->bytes[i]);
    free(x);
    return rc;
}

/* The story as the mirror has it. */
static void check(struct mirror *m)
{
    static struct story at;
    memcpy(&at, &s, sizeof at);
    at.k.chain = m->chain;
    story_check(&at);
}

static void begin(uint64_t seed)
{
    story_init(&s, seed);
    kit_put_ok(&s.k, STEADY,
               "it never changes, and is so long that it pays to leave it out and to "
               "have its hash in its place");
    kit_ok(story_go_on(&s, 1100));
}

static void compact(void)
{
    struct ate__compacted done;
    story_note(&s);
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
    kit_ok(story_compact(&s, UINT64_MAX, &done));
    kit_ok(story_go_on(&s, 30));
}

static struct ate__known_head head_of(struct mirror *m)
{
    struct ate__known_head head;
    ate__chain_head(m->chain, &head.size, &head.root);
    return head;
}

/* ---- tests ---- */

static void test_new_and_old(void **state)
{
    (void)state;
    static const char *const paths[] = {"/m", NULL};
    for (size_t i = 0; i < ATE__COUNT_OF(paths); i++)
        for (unsigned old = 0; old < 2; old++) {
            struct mirror m;
            begin(1);
            mirror_new(&m, paths[i]);
            if (old)
                follow(&m, 500);
            compact();
            struct ate__known_head known = head_of(&m);
            kit_ok(take(&m, HONEST, offer_of(s.k.chain), 0, &known));
            follow(&m, UINT64_MAX);
            story_note(&s);
            check(&m);
            if (m.dir) {
                assert_false(simdisk_exists(s.k.disk, "/m/" ATE__RESYNC_NAME));
                ate__chain_close(m.chain);
                open_mirror(&m, 0);
                check(&m);
            }
            mirror_free(&m);
            story_deinit(&s);
        }
}

/* Whatever the server does, the mirror is as it was, and an honest one goes on with it. */
static void test_hostile(void **state)
{
    (void)state;
    static const int results[TWISTS] = {
        [DROPS_BODY] = ATE_OMITTED,  [DROPS_RECORD] = ATE_OMITTED,  [FORKS_LEAF] = ATE_TAMPERED,
        [OTHER_LEAF] = ATE_TAMPERED, [CHANGES_BYTE] = ATE_TAMPERED, [LOWER_CUT_OFF] = ATE_OMITTED,
        [EARLY] = ATE_MALFORMED,     [LATE_ROOT] = ATE_TAMPERED,    [KEPT_ROOT] = ATE_TAMPERED,
        [NO_PAYLOAD] = ATE_OMITTED,  [TWICE] = ATE_MALFORMED,       [LEFT_OUT] = ATE_MALFORMED,
        [SWAPPED] = ATE_MALFORMED,   [MORE_LEAVES] = ATE_MALFORMED, [FEWER_LEAVES] = ATE_MALFORMED};
    struct mirror m;
    begin(2);
    mirror_new(&m, "/m");
    follow(&m, 400);
    compact();
    struct ate__known_head known = head_of(&m), other = known, now;
    struct offer o = offer_of(s.k.chain);
    for (enum twist t = HONEST + 1; t < TWISTS; t++) {
        int rc = take(&m, t, o, 0, &known);
        if (rc != results[t] && !(rc == ATE_TAMPERED && results[t] == ATE_OMITTED))
            fail_msg("twist %d: %d %s", t, rc, ate__error_text());
        now = head_of(&m);
        assert_memory_equal(&now, &known, sizeof now);
        assert_false(simdisk_exists(s.k.disk, "/m/" ATE__RESYNC_NAME));
        ate__chain_close(m.chain);
        open_mirror(&m, 0);
    }
    other.root.b[0] ^= 1;
    assert_int_equal(take(&m, HONEST, o, 0, &other), ATE_FORKED);
    assert_int_equal(take(&m, HONEST, o, 20000, &known), ATE_TOO_BIG);
    assert_int_equal(
        take(&m, HONEST, (struct offer){UINT64_MAX - 1, o.kept_end, UINT64_MAX}, 0, &known),
        ATE_TOO_BIG);
    assert_int_equal(take(&m, HONEST, (struct offer){o.cut_off, o.kept_end, o.cut_off}, 0, &known),
                     ATE_MALFORMED);
    now = head_of(&m);
    assert_memory_equal(&now, &known, sizeof now);
    kit_ok(take(&m, HONEST, o, 0, &known));
    story_note(&s);
    follow(&m, UINT64_MAX);
    check(&m);
    mirror_free(&m);
    story_deinit(&s);
}

/* The disk fails once at each call: the old mirror or the new one is there. */
static void test_faults(void **state)
{
    (void)state;
    bool failed = true;
    unsigned old = 0, new = 0;
    for (uint64_t n = 1; failed; n += all ? 1 + n / 16 : 1 + n / 5) {
        struct mirror m;
        begin(3);
        mirror_new(&m, "/m");
        follow(&m, 300);
        compact();
        struct ate__known_head known = head_of(&m), now;
        simdisk_fail(s.k.disk, SIMDISK_MUTATING, n, 1, ATE_E_IO);
        int rc = take(&m, HONEST, offer_of(s.k.chain), 0, &known);
        failed = simdisk_failed(s.k.disk);
        simdisk_fail(s.k.disk, 0, 0, 0, 0);
        assert_true(failed || !rc);
        ate__chain_close(m.chain);
        open_mirror(&m, 0);
        now = head_of(&m);
        old += now.size == known.size;
        new += now.size > known.size;
        if (now.size == known.size)
            kit_ok(take(&m, HONEST, offer_of(s.k.chain), 0, &known));
        story_note(&s);
        follow(&m, UINT64_MAX);
        check(&m);
        mirror_free(&m);
        story_deinit(&s);
    }
    print_message("the old one %u times, the new one %u times\n", old, new);
    assert_true(old > 3 && new);
}

/* A disk that is full at any byte says so, in words of its own; the mirror is as it was, nothing of
 * the other one is left, and with room it goes on. */
static void test_full(void **state)
{
    (void)state;
    struct mirror m;
    begin(6);
    mirror_new(&m, "/m");
    follow(&m, 300);
    compact();
    struct ate__known_head known = head_of(&m), now;
    struct offer o = offer_of(s.k.chain);
    unsigned refused = 0;
    int rc = -1;
    for (uint64_t room = 0; rc; room += 4096) {
        simdisk_limit(s.k.disk, simdisk_used(s.k.disk) + room);
        rc = take(&m, HONEST, o, 0, &known);
        simdisk_limit(s.k.disk, UINT64_MAX);
        if (!rc)
            break;
        if (rc != ATE_E_NO_SPACE)
            fail_msg("with %llu bytes: %d %s", (unsigned long long)room, rc, ate__error_text());
        now = head_of(&m);
        assert_memory_equal(&now, &known, sizeof now);
        assert_false(simdisk_exists(s.k.disk, "/m/" ATE__RESYNC_NAME));
        refused++;
    }
    print_message("too small: %u disks\n", refused);
    assert_true(refused > 10);
    story_note(&s);
    follow(&m, UINT64_MAX);
    check(&m);
    ate__chain_close(m.chain);
    open_mirror(&m, 0);
    check(&m);
    mirror_free(&m);
    story_deinit(&s);
}

/* A server that sends without end takes no more than half of what is not to stay free, for what
 * came is copied in the end; one that announces so much is refused before anything is written. */
static void test_flood(void **state)
{
    (void)state;
    enum { ROOM = 4 << 20, RECORD = 60000, RECORDS = 300 };
    static const uint8_t bytes[RECORD] = {1};
    struct mirror m;
    struct ate__resync *r;
    begin(8);
    mirror_new(&m, "/m");
    follow(&m, 100);
    struct ate__resync_conf conf = {.chain = conf_of(),
                                    .dir = m.dir,
                                    .present = m.chain,
                                    .chain_id = s.k.chain_id,
                                    .cut_off = ROOM,
                                    .kept_end = RECORDS,
                                    .end = ROOM + 1};
    uint64_t used = simdisk_used(s.k.disk);
    simdisk_limit(s.k.disk, used + ROOM);
    uint64_t calls = simdisk_count(s.k.disk, SIMDISK_MUTATING);
    assert_int_equal(ate__resync_new(&conf, &r), ATE_E_NO_SPACE);
    assert_true(simdisk_count(s.k.disk, SIMDISK_MUTATING) == calls);
    conf.cut_off = RECORDS;
    conf.end = RECORDS + 1;
    kit_ok(ate__resync_new(&conf, &r));
    struct ate_hash leaves[ATE__TILE_LEAVES] = {{{0}}};
    kit_ok(ate__resync_leaves(r, 0, ate__bytes(leaves, sizeof leaves)));
    uint64_t sent = 0;
    int rc = 0;
    while (!rc && sent < RECORDS) {
        struct ate__import_record record = {sent, false, ate__bytes(bytes, RECORD)};
        struct ate__import_range range = {sent, sent + 1, 1, &record, 1};
        rc = ate__resync_range(r, &range);
        sent += rc ? 0 : 1;
    }
    assert_int_equal(rc, ATE_E_NO_SPACE);
    assert_non_null(strstr(ate__error_text(), "to begin a mirror with"));
    uint64_t taken = simdisk_used(s.k.disk) - used, most = (ROOM - ROOM / 8) / 2;
    assert_true(taken <= most && taken > most - 3 * 64 * 1024);
    ate__resync_free(r);
    assert_true(simdisk_used(s.k.disk) == used);
    simdisk_limit(s.k.disk, UINT64_MAX);
    mirror_free(&m);
    story_deinit(&s);
}

/* Others fill the disk meanwhile, in the middle of any call. */
static void test_filled(void **state)
{
    (void)state;
    bool failed = true;
    unsigned said = 0;
    for (uint64_t n = 1; failed; n += all ? 1 : 1 + n / 6) {
        struct mirror m;
        begin(7);
        mirror_new(&m, "/m");
        follow(&m, 300);
        compact();
        struct ate__known_head known = head_of(&m), now;
        struct offer o = offer_of(s.k.chain);
        simdisk_fail(s.k.disk, SIMDISK_WRITE, n, UINT64_MAX / 2, ATE_E_NO_SPACE);
        int rc = take(&m, HONEST, o, 0, &known);
        failed = simdisk_failed(s.k.disk);
        simdisk_fail(s.k.disk, 0, 0, 0, 0);
        now = head_of(&m);
        struct ate__storage_state about;
        m.chain->storage->v->state(m.chain->storage, &about);
        if (rc && rc != ATE_E_NO_SPACE && !about.failed)
            fail_msg("at %llu: %d %s", (unsigned long long)n, rc, ate__error_text());
        said += rc == ATE_E_NO_SPACE;
        assert_true(!rc || !memcmp(&now, &known, sizeof now));
        assert_false(simdisk_exists(s.k.disk, "/m/" ATE__RESYNC_NAME));
        if (rc == ATE_E_NO_SPACE)
            kit_ok(take(&m, HONEST, o, 0, &known));
        if (rc == ATE_E_NO_SPACE || !rc)
            story_note(&s), follow(&m, UINT64_MAX), check(&m);
        mirror_free(&m);
        story_deinit(&s);
    }
    assert_true(said > 10);
}

/* Judging asks at every record whether it is to go on, and ends at once where it is not. */
static void test_canceled(void **state)
{
    (void)state;
    struct mirror m;
    begin(9);
    mirror_new(&m, "/m");
    follow(&m, 300);
    compact();
    struct ate__known_head known = head_of(&m), now;
    struct offer o = offer_of(s.k.chain);
    int rc = ATE_CANCELED;
    uint64_t times = 0;
    for (uint64_t n = 1; rc; n += all ? 1 : 1 + n / 4, times++) {
        asked = 0;
        cancel_at = n;
        rc = take(&m, HONEST, o, 0, &known);
        cancel_at = 0;
        if (!rc)
            break;
        assert_int_equal(rc, ATE_CANCELED);
        assert_true(asked <= n + 1024); /* at most those that were read ahead, unverified */
        now = head_of(&m);
        assert_memory_equal(&now, &known, sizeof now);
        assert_false(simdisk_exists(s.k.disk, "/m/" ATE__RESYNC_NAME));
    }
    print_message("asked %llu times of %llu transactions\n", (unsigned long long)asked,
                  (unsigned long long)o.certified);
    assert_true(asked > o.certified && times > 10);
    story_note(&s);
    follow(&m, UINT64_MAX);
    check(&m);
    mirror_free(&m);
    story_deinit(&s);
}

/* ---- what a power loss leaves, at every call that changes the disk, from the first piece on ----
 */

struct losses {
    struct ate__known_head known;
    uint64_t seed;
    unsigned old, new;
};

static void lose_power(void *arg, uint64_t number)
{
    struct losses *x = arg;
    if (!all && number % LOSSES_APART)
        return;
    static const struct ate__storage_conf never = {.sync = ATE__SYNC_NEVER};
    struct simdisk *disk = simdisk_crash(s.k.disk, x->seed++);
    const struct ate__vfs *vfs = simdisk_vfs(disk);
    struct simenv sim;
    struct ate__storage *storage;
    struct ate__chain *c = NULL;
    struct ate__dir *dir;
    struct ate__known_head now;
    simenv_init(&sim, number, vfs);
    struct ate__chain_conf conf = {.env = &sim.env, .sync = ATE__SYNC_NEVER};
    kit_ok(vfs->open_root(vfs->user, "/m", &dir));
    kit_ok(ate__storage_open_file(&sim.env, dir, 0, NULL, ATE__ROLE_MIRROR, &never, &storage));
    kit_ok(ate__chain_open(&conf, storage, 0, &c));
    kit_ok(ate__chain_begin(c));
    kit_ok(ate__chain_check_all_values(c));
    ate__chain_head(c, &now.size, &now.root);
    x->old += now.size == x->known.size;
    x->new += now.size > x->known.size;
    assert_true(now.size >= x->known.size);
    kit_ok(ate__chain_root_at(c, x->known.size, &now.root));
    assert_true(ate__hash_equal(&now.root, &x->known.root));
    ate__chain_close(c);
    vfs->close_dir(dir);
    simenv_deinit(&sim);
    simdisk_free(disk);
}

static void test_power_loss(void **state)
{
    (void)state;
    struct mirror m;
    begin(4);
    mirror_new(&m, "/m");
    follow(&m, 300);
    struct ate__receipt receipt;
    kit_ok(ate__chain_sync(m.chain, &receipt));
    compact();
    simdisk_settle(s.k.disk);
    struct losses x = {.known = head_of(&m), .seed = 1};
    simdisk_watch(s.k.disk, lose_power, &x);
    kit_ok(take(&m, HONEST, offer_of(s.k.chain), 0, &x.known));
    simdisk_watch(s.k.disk, NULL, NULL);
    print_message("the old one %u times, the new one %u times\n", x.old, x.new);
    assert_true(x.old > 2 && x.new > 1);
    assert_true(!all || (x.old > 20 && x.new > 10));
    mirror_free(&m);
    story_deinit(&s);
}

/* Memory fails once, here and there: the mirror is as it was, or its log has failed. */
static void test_no_memory(void **state)
{
    (void)state;
    bool failed = true;
    unsigned refused = 0;
    for (uint64_t n = 1; failed; n += all ? 1 + n / 4 : 1 + n) {
        struct mirror m;
        heap_start();
        begin(5);
        mirror_new(&m, n % 2 ? "/m" : NULL);
        follow(&m, 200);
        compact();
        struct ate__known_head known = head_of(&m), now;
        struct offer o = offer_of(s.k.chain);
        fail_at = n;
        int rc = take(&m, HONEST, o, 0, &known);
        fail_at = 0;
        failed = heap_failed();
        heap_fail(0, false);
        assert_true(rc == ATE_E_MEMORY || !rc);
        refused += rc != 0;
        now = head_of(&m);
        if (rc)
            assert_memory_equal(&now, &known, sizeof now);
        else
            story_note(&s), follow(&m, UINT64_MAX), check(&m);
        mirror_free(&m);
        story_deinit(&s);
        heap_stop();
    }
    assert_true(refused > 5);
}

int main(int argc, char **argv)
{
    all = argc > 1 && !strcmp(argv[1], "all");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_and_old), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_full),
        cmocka_unit_test(test_filled),      cmocka_unit_test(test_flood),
        cmocka_unit_test(test_canceled),    cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
