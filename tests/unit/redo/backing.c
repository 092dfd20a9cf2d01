/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A log copied to another directory. */
#include "backing.h"
#include <stdlib.h>

static int on_record(void *arg, const struct ate__record_out *record)
{
    struct backing *b = arg;
    uint64_t attempt;
    b->records++;
    if (b->meanwhile)
        b->meanwhile(b->arg);
    if (b->refuse_at && b->records >= b->refuse_at)
        return ate__fail(ATE_FORKED, "another record");
    assert_true(kit_record_whole(record->body, record->sequence, &attempt));
    return attempt ? ate__fail(ATE_FORKED, "another record") : 0;
}

static int head_of(void *arg, uint64_t sequence, struct ate_hash *ret_head)
{
    (void)arg;
    *ret_head = kit_head(sequence);
    return 0;
}

int backing_run(struct backing *b)
{
    struct ate__storage_state state;
    struct ate__dir *dir;
    struct ate__storage *source = b->source ? b->source : b->k->s;
    source->v->state(source, &state);
    struct ate__backup backup = {
        .source = source,
        .to = b->to ? b->to : state.size,
        .split = b->split,
        .existing = !b->anew,
        .step_bytes = b->step_bytes,
        .record = on_record,
        .leaves = compacting_leaves,
        .head = head_of,
        .arg = b,
    };
    simdisk_mkdir(b->k->disk, b->to_dir);
    int rc = b->k->vfs->open_root(b->k->vfs->user, b->to_dir, &dir);
    if (rc)
        return rc;
    rc = ate__backup_run(&b->k->sim.env, &backup, dir, &b->done);
    b->k->vfs->close_dir(dir);
    return rc;
}

void backing_ok(struct backing *b)
{
    int rc = backing_run(b);
    if (rc)
        fail_msg("backup: %d %s", rc, ate__error_text());
}

/* ---- the copy ---- */

static void take_copy(const struct kit *k, const char *dir, struct kit *ret)
{
    kit_take(ret, simdisk_clone(k->disk), 99);
    ret->vfs->close_dir(ret->root);
    assert_int_equal(ret->vfs->open_root(ret->vfs->user, dir, &ret->root), 0);
}

void backing_check(const struct kit *k, const char *dir, uint64_t size)
{
    struct kit copy;
    struct reading r;
    take_copy(k, dir, &copy);
    for (unsigned writes = 0; writes < 2; writes++) {
        int rc = compacting_open(&copy, writes ? 0 : ATE__STORAGE_READ);
        if (rc)
            fail_msg("open the copy: %d %s", rc, ate__error_text());
        assert_int_equal(kit_damage(&copy).what, ATE_OK);
        assert_true(kit_damage(&copy).trimmed_bytes == 0);
        compacting_check(&copy, size, &r);
        if (writes)
            compacting_grow(&copy, size + 40);
        kit_close(&copy);
    }
    kit_deinit(&copy);
}

int64_t backing_size(const struct kit *k, const char *dir)
{
    struct kit copy;
    struct reading r;
    int64_t size = -1;
    if (!simdisk_exists(k->disk, dir))
        return size;
    take_copy(k, dir, &copy);
    int rc = compacting_open(&copy, ATE__STORAGE_READ);
    if (rc && rc != ATE_NOT_FOUND)
        fail_msg("open the copy: %d %s", rc, ate__error_text());
    if (!rc) {
        if (kit_damage(&copy).what != ATE_OK)
            assert_non_null(strstr(kit_damage(&copy).file, "meta."));
        size = (int64_t)kit_state(&copy).size;
        compacting_check(&copy, (uint64_t)size, &r);
    }
    kit_deinit(&copy);
    return size;
}

struct same {
    const struct kit *k;
    const char *a, *b;
    size_t segments;
};

static void same_file(void *arg, const char *name, bool is_dir, uint64_t size)
{
    struct same *s = arg;
    char a[80], b[80];
    size_t a_size, b_size;
    (void)size;
    assert_null(strstr(name, ".new"));
    if (is_dir || !strstr(name, ".seg"))
        return;
    s->segments++;
    snprintf(a, sizeof a, "%s/,chain/%s", s->a, name);
    snprintf(b, sizeof b, "%s/,chain/%s", s->b, name);
    assert_true(simdisk_exists(s->k->disk, b));
    uint8_t *in_a = simdisk_get(s->k->disk, a, &a_size);
    uint8_t *in_b = simdisk_get(s->k->disk, b, &b_size);
    assert_true(a_size == b_size && !memcmp(in_a, in_b, a_size));
    free(in_a);
    free(in_b);
}

void backing_same(const struct kit *k, const char *dir_a, const char *dir_b)
{
    struct same there = {k, dir_a, dir_b, 0}, back = {k, dir_b, dir_a, 0};
    char a[64], b[64];
    snprintf(a, sizeof a, "%s/,chain", dir_a);
    snprintf(b, sizeof b, "%s/,chain", dir_b);
    simdisk_each(k->disk, a, same_file, &there);
    simdisk_each(k->disk, b, same_file, &back);
    assert_true(there.segments && there.segments == back.segments);
}
