/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A log on a simulated disk. */
#include "kit.h"
#include "base/endian.h"
#include "redo/redo.h"
#include <stdlib.h>

const struct ate_hash kit_chain = {{'c', 'h', 'a', 'i', 'n', 1, 2, 3, 4, 5, 6, 7, 8, 9}};

static void take_root(struct kit *k)
{
    k->vfs = simdisk_vfs(k->disk);
    k->sim.env.vfs = k->vfs;
    assert_int_equal(k->vfs->open_root(k->vfs->user, "/c", &k->root), 0);
}

void kit_take(struct kit *k, struct simdisk *take_disk, uint64_t seed)
{
    *k = (struct kit){.disk = take_disk};
    simenv_init(&k->sim, seed, simdisk_vfs(take_disk));
    take_root(k);
}

void kit_init(struct kit *k, uint64_t seed)
{
    struct simdisk *d = simdisk_new(seed);
    simdisk_mkdir(d, "/c");
    kit_take(k, d, seed);
}

void kit_close(struct kit *k)
{
    if (k->s)
        k->s->v->close(k->s);
    k->s = NULL;
}

void kit_abandon(struct kit *k)
{
    if (!k->s)
        return;
    simdisk_stop(k->disk, 0);
    kit_close(k);
}

void kit_deinit(struct kit *k)
{
    kit_close(k);
    k->vfs->close_dir(k->root);
    simenv_deinit(&k->sim);
    simdisk_free(k->disk);
}

static void go_on(struct kit *k, struct simdisk *next)
{
    kit_abandon(k);
    k->vfs->close_dir(k->root);
    simdisk_free(k->disk);
    k->disk = next;
    take_root(k);
}

void kit_kill(struct kit *k)
{
    go_on(k, simdisk_clone(k->disk));
}

void kit_crash(struct kit *k, uint64_t seed)
{
    go_on(k, simdisk_crash(k->disk, seed));
}

int kit_survey(struct kit *k, unsigned flags)
{
    bool locked = simdisk_exists(k->disk, KIT_DIR "/lock");
    uint64_t calls = simdisk_count(k->disk, SIMDISK_MUTATING);
    assert_null(k->s);
    int rc = ate__storage_open_file(&k->sim.env, k->root, flags, &kit_chain, ATE__ROLE_ROOT,
                                    &k->conf, &k->s);
    if (!flags && locked)
        assert_true(simdisk_count(k->disk, SIMDISK_MUTATING) == calls);
    return rc;
}

int kit_open(struct kit *k, unsigned flags)
{
    int rc = kit_survey(k, flags);
    if (rc)
        return rc;
    uint64_t size = kit_state(k).size;
    rc = k->s->v->begin(k->s);
    assert_true(kit_state(k).size == size && (rc || kit_state(k).moves == size));
    if (rc)
        kit_close(k);
    return rc;
}

void kit_open_ok(struct kit *k, unsigned flags)
{
    int rc = kit_open(k, flags);
    if (rc)
        fail_msg("open: %d %s", rc, ate__error_text());
}

struct ate__storage_state kit_state(const struct kit *k)
{
    struct ate__storage_state state;
    k->s->v->state(k->s, &state);
    return state;
}

struct ate__storage_damage kit_damage(const struct kit *k)
{
    struct ate__storage_damage damage;
    k->s->v->damage(k->s, &damage);
    return damage;
}

/* --- records --- */

void kit_record(uint8_t *to, size_t size, uint64_t sequence, uint64_t attempt)
{
    assert_true(size >= KIT_RECORD_MIN);
    struct rnd r = rnd_of(sequence * 1000003 + attempt * 7919 + size);
    ate__store64(to, sequence << 8 | 1); /* as a transaction begins (redo/at_rest.h) */
    ate__store64(to + 8, attempt);
    rnd_bytes(&r, to + 16, size - 16);
}

bool kit_record_whole(struct ate_bytes body, uint64_t sequence, uint64_t *ret_attempt)
{
    if (body.size < KIT_RECORD_MIN)
        return false;
    uint64_t attempt = ate__load64((const uint8_t *)body.data + 8);
    uint8_t *want = malloc(body.size);
    kit_record(want, body.size, sequence, attempt);
    bool whole = !memcmp(want, body.data, body.size);
    free(want);
    *ret_attempt = attempt;
    return whole;
}

struct ate_hash kit_head(uint64_t sequence)
{
    struct ate_hash head;
    struct rnd r = rnd_of(sequence + 1);
    rnd_bytes(&r, head.b, sizeof head.b);
    return head;
}

int kit_append(struct kit *k, size_t count, size_t size, uint64_t attempt)
{
    uint64_t first = kit_state(k).size;
    uint8_t *bytes = malloc(count * size);
    struct ate_bytes *records = malloc(count * sizeof *records);
    for (size_t i = 0; i < count; i++) {
        kit_record(bytes + i * size, size, first + i, attempt);
        records[i] = ate__bytes(bytes + i * size, size);
    }
    struct ate__group_in group = {
        .first_sequence = first,
        .root_time_us = 1000000 + first,
        .head_before = kit_head(first),
        .records = records,
        .count = count,
    };
    int rc = k->s->v->append(k->s, &group);
    free(records);
    free(bytes);
    return rc;
}

void kit_append_ok(struct kit *k, size_t count, size_t size)
{
    int rc = kit_append(k, count, size, 0);
    if (rc)
        fail_msg("append: %d %s", rc, ate__error_text());
}

/* --- reading --- */

static int each_group(void *arg, const struct ate__group_out *group)
{
    struct kit_seen *seen = arg;
    struct ate_hash head = kit_head(group->first_sequence);
    assert_int_equal(seen->count_left, 0);
    assert_true(group->floor <= group->first_sequence);
    if (!group->count) {
        assert_true(group->head_before == 0);
        assert_true(group->first_sequence == seen->next);
        seen->idle++;
        return 0;
    }
    assert_true(group->head_before == ate__load64(head.b));
    assert_true(group->root_time_us == 1000000 + group->first_sequence);
    assert_true(group->first_sequence == seen->next ||
                (seen->next == seen->from && group->first_sequence < seen->next));
    seen->count_left = group->first_sequence + group->count - seen->next;
    seen->groups++;
    return 0;
}

static int each_record(void *arg, const struct ate__record_out *record)
{
    struct kit_seen *seen = arg;
    assert_true(record->sequence == seen->next);
    if (!kit_record_whole(record->body, record->sequence, &seen->attempt_last))
        fail_msg("record %llu is not whole", (unsigned long long)record->sequence);
    assert_int_equal(record->position.size, record->body.size);
    assert_true(seen->count_left > 0);
    seen->count_left--;
    assert_true(record->last_in_group == (seen->count_left == 0));
    seen->next++;
    return seen->stop_at >= 0 && record->sequence == (uint64_t)seen->stop_at ? ATE_CANCELED : 0;
}

int kit_scan(struct kit *k, uint64_t from, uint64_t to, struct kit_seen *ret_seen)
{
    *ret_seen = (struct kit_seen){.from = from, .next = from, .stop_at = -1};
    struct ate__scan scan = {each_group, each_record, ret_seen};
    return k->s->v->scan(k->s, from, to, &scan);
}

void kit_check_all(struct kit *k, uint64_t size)
{
    struct kit_seen seen;
    assert_true(kit_state(k).size == size);
    int rc = kit_scan(k, 0, UINT64_MAX, &seen);
    if (rc)
        fail_msg("scan: %d %s", rc, ate__error_text());
    assert_true(seen.next == size);
    assert_int_equal(seen.count_left, 0);
    struct ate__buf buf = ATE__BUF_NULL;
    uint64_t step = size > 300 ? size / 100 : 1;
    for (uint64_t i = 0; i < size; i += step) {
        uint64_t attempt;
        ate__buf_clear(&buf);
        rc = k->s->v->load(k->s, i, NULL, &buf);
        if (rc)
            fail_msg("load: %d %s", rc, ate__error_text());
        assert_true(kit_record_whole(ate__buf_bytes(&buf), i, &attempt));
    }
    assert_int_equal(k->s->v->load(k->s, size, NULL, &buf), ATE_NOT_FOUND);
    ate__buf_deinit(&buf);
}

void kit_check_footers(struct kit *k)
{
    struct ate__redo *r = (struct ate__redo *)k->s;
    for (size_t i = 0; i < r->list.count; i++) {
        const struct ate__segment *s = r->list.items[i];
        struct ate__file *file;
        struct ate__footer footer;
        struct ate_hash sha;
        enum ate__soundness verdict;
        if (!s->sealed)
            continue;
        assert_int_equal(ate__open_file_of(r, s, &file), 0);
        assert_int_equal(ate__segment_footer(k->vfs, file, s->seed, s->length, &verdict, &footer),
                         0);
        assert_int_equal(verdict, ATE__GOOD);
        assert_int_equal(ate__segment_sha256(k->vfs, file, s->length, &sha), 0);
        assert_true(ate__hash_equal(&sha, &footer.sha256));
        k->vfs->close(file);
    }
}

struct finder {
    size_t left, count;
    char *path;
    bool found;
};

static void each_file(void *arg, const char *name, bool is_dir, uint64_t size)
{
    struct finder *f = arg;
    (void)size;
    if (is_dir || strlen(name) != 20 || strcmp(name + 16, ".seg"))
        return;
    f->count++;
    if (f->path && !f->found && !f->left--) {
        snprintf(f->path, 64, "%s/%s", KIT_DIR, name);
        f->found = true;
    }
}

bool kit_segment(struct kit *k, size_t n, char path[64])
{
    struct finder f = {.left = n, .path = path};
    simdisk_each(k->disk, KIT_DIR, each_file, &f);
    return f.found;
}

size_t kit_segments(struct kit *k)
{
    struct finder f = {.left = 0};
    simdisk_each(k->disk, KIT_DIR, each_file, &f);
    return f.count;
}
