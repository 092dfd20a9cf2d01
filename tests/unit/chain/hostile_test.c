/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The files of a chain as somebody left them who wanted to harm it: a bit of every byte, every
 * length, files gone, exchanged, doubled, older, of another chain; and so with the groups of a
 * segment, and the sectors of the disk. With the argument `all`: all bits of every byte. Whatever
 * is opened then is what was written, all of it for a writer; a reader may see less, and is told;
 * what is refused is not touched.
 */
#include "chain/chain_private.h"
#include "base/endian.h"
#include "kit.h"
#include "lib/simdisk.h"
#include "redo/format.h"
#include <stdlib.h>

#define FOLDER "/c/,chain"
enum { TRANSACTIONS_MAX = 64, FILES_MAX = 16 };

/* The chain as it was closed. */
struct truth {
    struct kit k;
    unsigned objects; /* 1 to it, each created once */
    size_t size;      /* of the longer texts */
    uint64_t count;
    struct ate_hash hashes[TRANSACTIONS_MAX];
};
struct file {
    char path[80];
    uint8_t *bytes;
    size_t size;
};
struct files {
    struct file file[FILES_MAX];
    size_t count;
};
struct counts {
    unsigned long disks, refused, whole, shorter, told;
};
static struct counts counts;

static void text_of(const struct truth *t, unsigned object, char *to)
{
    int n = snprintf(to, 32, "the text of %u ", object);
    memset(to + n, 'a' + (int)(object % 26), t->size);
    to[(size_t)n + t->size] = 0;
}

static int note(void *arg, const struct ate__history_record *r)
{
    struct truth *t = arg;
    struct ate__tx tx;
    kit_ok(ate__tx_decode(r->body, ATE__SHA256, &tx));
    t->hashes[r->sequence] = tx.hash;
    ate__tx_deinit(&tx);
    return 0;
}

static void truth_init(struct truth *t, unsigned objects, size_t size)
{
    char *text = malloc(size + 320);
    *t = (struct truth){.objects = objects, .size = size};
    kit_init(&t->k, 77);
    kit_create_ok(&t->k);
    struct ate__storage *s = ate__chain_storage(t->k.chain);
    for (unsigned n = 1; n <= objects; n++) {
        text_of(t, n, text);
        kit_put_ok(&t->k, n, text);
        kit_ok(s->v->prepare(s));
    }
    t->count = kit_size(&t->k);
    kit_ok(ate__chain_history(t->k.chain, 0, UINT64_MAX, note, t));
    kit_close(&t->k);
    simdisk_settle(t->k.disk);
    free(text);
}

static void each_file(void *arg, const char *name, bool is_dir, uint64_t size)
{
    struct files *files = arg;
    struct file *f = &files->file[files->count];
    (void)size;
    if (is_dir)
        return;
    assert_true(files->count++ < FILES_MAX);
    snprintf(f->path, sizeof f->path, FOLDER "/%s", name);
}

static void files_init(struct files *files, struct simdisk *d)
{
    *files = (struct files){.count = 0};
    simdisk_each(d, FOLDER, each_file, files);
    assert_true(files->count > 0);
    for (size_t i = 0; i < files->count; i++)
        files->file[i].bytes = simdisk_get(d, files->file[i].path, &files->file[i].size);
}

static void files_deinit(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->file[i].bytes);
}

/* ---- what is opened ---- */

struct seen {
    const struct truth *truth;
    uint64_t next;
};

static int see(void *arg, const struct ate__history_record *r)
{
    struct seen *s = arg;
    struct ate__tx tx;
    assert_true(r->sequence == s->next && r->sequence < s->truth->count);
    kit_ok(ate__tx_decode(r->body, ATE__SHA256, &tx));
    if (!ate__hash_equal(&tx.hash, &s->truth->hashes[r->sequence]))
        fail_msg("transaction %llu is another one", (unsigned long long)r->sequence);
    ate__tx_deinit(&tx);
    s->next++;
    return 0;
}

/* Of the open chain: nothing but the truth. */
static void check_open(const struct truth *t, struct kit *k, uint64_t size)
{
    struct seen seen = {.truth = t};
    char *text = malloc(t->size + 320 + KIT_TEXT);
    int rc = ate__chain_history(k->chain, 0, UINT64_MAX, see, &seen);
    if (rc || seen.next != size)
        fail_msg("history: %s: %s; %llu of %llu", ate__result_name(rc), ate__error_text(),
                 (unsigned long long)seen.next, (unsigned long long)size);
    for (unsigned n = 1; n <= t->objects; n++) {
        text_of(t, n, text);
        text[KIT_TEXT - 1] = 0; /* kit_text() shows the beginning */
        assert_string_equal(kit_text(k, n), n < size ? text : "");
    }
    free(text);
}

static bool is_documented(int rc)
{
    return rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED || rc == ATE_NOT_FOUND;
}

static void expect_refusal(int rc, const char *what)
{
    if (!is_documented(rc) || !ate__error_text()[0])
        fail_msg("%s: %s: %s", what, ate__result_name(rc), ate__error_text());
    counts.refused++;
}

/* A reader sees a beginning, and is told if that is not all. */
static void check_reading(const struct truth *t, struct kit *k, const char *what)
{
    uint64_t digest = simdisk_digest(k->disk);
    int rc = kit_open(k, ATE__STORAGE_READ);
    if (rc) {
        expect_refusal(rc, what);
    } else {
        struct ate__storage_damage damage;
        uint64_t size = kit_size(k);
        bool told = ate__chain_damage(k->chain, &damage);
        if (size > t->count || (size < t->count && !told))
            fail_msg("%s: a reader sees %llu of %llu, and is told %d", what,
                     (unsigned long long)size, (unsigned long long)t->count, told);
        check_open(t, k, size);
        counts.shorter += size < t->count;
        counts.told += told;
    }
    kit_close(k);
    if (simdisk_digest(k->disk) != digest)
        fail_msg("%s: a reader changed a file", what);
}

/* Of the disk with the lock, which whoever writes makes where a copy lacks it. */
static uint64_t digest_with_lock(struct simdisk *d)
{
    struct simdisk *copy = simdisk_clone(d);
    if (!simdisk_exists(copy, FOLDER "/lock"))
        simdisk_put(copy, FOLDER "/lock", "", 0);
    uint64_t digest = simdisk_digest(copy);
    simdisk_free(copy);
    return digest;
}

/* A writer sees all or is refused, and then nothing has changed. */
static void check_writing(const struct truth *t, struct kit *k, const char *what)
{
    uint64_t digest = simdisk_digest(k->disk), locked = digest_with_lock(k->disk);
    int rc = kit_open(k, 0);
    if (rc) {
        uint64_t now = simdisk_digest(k->disk);
        expect_refusal(rc, what);
        if (now != digest && now != locked)
            fail_msg("%s: a refused open changed a file: %s", what, ate__error_text());
        return;
    }
    if (kit_size(k) != t->count)
        fail_msg("%s: a writer sees %llu of %llu", what, (unsigned long long)kit_size(k),
                 (unsigned long long)t->count);
    check_open(t, k, t->count);
    counts.whole++;
    if (!ate__chain_read_only(k->chain))
        kit_put_ok(k, t->objects + 1, "one more");
    kit_close(k);
}

/* ---- the disks ---- */

static struct truth truth;
static struct files files;

static void begin(unsigned objects, size_t size)
{
    counts = (struct counts){.disks = 0};
    truth_init(&truth, objects, size);
    files_init(&files, truth.k.disk);
}

static void begin_small(void)
{
    begin(5, 40);
}

/* Several segments, some of them sealed. */
static void begin_big(void)
{
    begin(12, 40000);
}

static void end(const char *what)
{
    print_message("%s: %lu disks; %lu opens refused, %lu writers saw all, %lu readers less, %lu "
                  "were told of damage\n",
                  what, counts.disks, counts.refused, counts.whole, counts.shorter, counts.told);
    assert_true(counts.whole > 0);
    files_deinit(&files);
    kit_deinit(&truth.k);
}

/* What is to be changed. */
static struct simdisk *copy(void)
{
    return simdisk_clone(truth.k.disk);
}

/* Takes the disk. Gives whether a writer saw all. */
__attribute__((format(printf, 2, 3))) static bool check_disk(struct simdisk *take_disk,
                                                             const char *format, ...)
{
    char what[240];
    struct kit k;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    unsigned long whole = counts.whole;
    kit_take(&k, &truth.k, take_disk, 5);
    counts.disks++;
    check_reading(&truth, &k, what);
    check_writing(&truth, &k, what);
    kit_deinit(&k);
    return counts.whole > whole;
}

/* ---- one file ---- */

/* That a list or the tiles are lost is no harm: the other list, the records have all. */
static bool is_dispensable(const struct file *f)
{
    return strstr(f->path, "/meta.") || strstr(f->path, "/tiles") || strstr(f->path, "/lock") ||
           strstr(f->path, "/reserve");
}

/* Any other file is missed. */
static void expect_missed(const struct file *f, size_t at, bool whole)
{
    if (is_dispensable(f) != whole)
        fail_msg("%s at %zu: %s", f->path, at, whole ? "not noticed" : "refused");
}

static bool all_bits;

/* Nothing is read in the reserve, so some of its places do. */
static size_t step_of(const struct file *f)
{
    return strstr(f->path, "/reserve") ? 61 : 1;
}

static void a_bit_of_every_byte(void **state)
{
    (void)state;
    begin_small();
    for (size_t i = 0; i < files.count; i++) {
        const struct file *f = &files.file[i];
        for (size_t at = 0; at < 8 * f->size; at += (all_bits ? 1 : 8) * step_of(f)) {
            struct simdisk *d = copy();
            unsigned bit = all_bits ? at % 8 : (at / 8 * 7 + i) % 8;
            simdisk_flip(d, f->path, at / 8, (uint8_t)(1u << bit));
            expect_missed(f, at / 8,
                          check_disk(d, "bit %u of byte %zu of %s", bit, at / 8, f->path));
        }
    }
    end(all_bits ? "every bit" : "a bit of every byte");
}

static void every_length(void **state)
{
    (void)state;
    begin_small();
    for (size_t i = 0; i < files.count; i++) {
        const struct file *f = &files.file[i];
        for (size_t size = 0; size < f->size; size += step_of(f)) {
            struct simdisk *d = copy();
            simdisk_cut(d, f->path, size);
            expect_missed(f, size, check_disk(d, "%s cut at %zu", f->path, size));
        }
    }
    end("every length");
}

static void more_at_the_end(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(3));
    begin_small();
    for (size_t i = 0; i < files.count; i++)
        for (size_t more = 1; more < 6000; more = more * 3 + 1)
            for (unsigned kind = 0; kind < 3; kind++) {
                const struct file *f = &files.file[i];
                struct simdisk *d = copy();
                uint8_t *bytes = calloc(1, more);
                if (kind == 1)
                    rnd_bytes(&r, bytes, more);
                else if (kind == 2) /* the file's own beginning once more */
                    memcpy(bytes, f->bytes, ate__min(more, f->size));
                simdisk_patch(d, f->path, f->size, bytes, more);
                check_disk(d, "%zu bytes behind %s", more, f->path);
                free(bytes);
            }
    end("more at the end");
}

/* ---- whole files ---- */

static void put(struct simdisk *d, const char *path, const struct file *f)
{
    simdisk_put(d, path, f->bytes, f->size);
}

static void files_that_are_gone(void **state)
{
    (void)state;
    begin_big();
    for (size_t i = 0; i < files.count; i++)
        for (size_t j = i; j < files.count; j++) {
            const char *one = files.file[i].path, *other = files.file[j].path;
            struct simdisk *d = copy();
            simdisk_unlink(d, one);
            simdisk_unlink(d, other);
            check_disk(d, "without %s and %s", one, other);
        }
    end("files that are gone");
}

static void files_in_each_others_place(void **state)
{
    (void)state;
    begin_big();
    for (size_t i = 0; i < files.count; i++)
        for (size_t j = 0; j < files.count; j++) {
            const struct file *one = &files.file[i], *other = &files.file[j];
            if (i == j)
                continue;
            struct simdisk *d = copy();
            put(d, other->path, one);
            check_disk(d, "%s also as %s", one->path, other->path);
            if (j < i)
                continue;
            d = copy();
            put(d, other->path, one);
            put(d, one->path, other);
            check_disk(d, "%s and %s exchanged", one->path, other->path);
        }
    end("files in each other's place");
}

/* Under names that the log may look at: they are none of its own. */
static void files_that_do_not_belong(void **state)
{
    (void)state;
    static const char *const names[] = {
        FOLDER "/next",
        FOLDER "/0000000000000063.seg",
        FOLDER "/ffffffffffffffff.seg",
        FOLDER "/0000000000000000.seg",
        FOLDER "/0000000000000001.SEG",
        FOLDER "/trimmed",
        FOLDER "/meta.c",
        FOLDER "/reserve",
    };
    begin_big();
    for (size_t n = 0; n < ATE__COUNT_OF(names); n++)
        for (size_t i = 0; i < files.count; i++) {
            struct simdisk *d = copy();
            put(d, names[n], &files.file[i]);
            check_disk(d, "%s as %s", files.file[i].path, names[n]);
        }
    end("files that do not belong");
}

/* Each of these files alone. */
static void files_from(struct truth *take_truth, const char *whence)
{
    struct files from;
    files_init(&from, take_truth->k.disk);
    for (size_t i = 0; i < from.count; i++) {
        struct simdisk *d = copy();
        put(d, from.file[i].path, &from.file[i]);
        check_disk(d, "%s %s", from.file[i].path, whence);
    }
    files_deinit(&from);
    kit_deinit(&take_truth->k);
}

/* One file of the same chain some transactions earlier, and one of another chain. */
static void files_of_another_time_or_chain(void **state)
{
    (void)state;
    struct truth early, other;
    begin_big();
    /* The salts are drawn from the same seed: a beginning of the same story. */
    truth_init(&early, 7, 40000);
    files_from(&early, "of an earlier time");
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    other = (struct truth){.objects = 0};
    kit_init(&other.k, 78);
    kit_genesis(&other.k, &open, 1000, 9);
    kit_create_ok(&other.k);
    kit_put_ok(&other.k, 1, "of another chain");
    kit_close(&other.k);
    simdisk_settle(other.k.disk);
    files_from(&other, "of another chain");
    end("files of another time or chain");
}

/* ---- pieces of a file ---- */

enum { GROUPS_MAX = 64, SECTOR = 512 };

/* Where the groups of a segment begin, and behind the last one where it ends. */
static size_t groups_of(const struct file *f, size_t at[GROUPS_MAX])
{
    size_t count = 0, next = ATE__SEGMENT_HEAD;
    while (next + ATE__GROUP_HEAD <= f->size && ate__load32(f->bytes + next)) {
        assert_true(count < GROUPS_MAX - 1);
        at[count++] = next;
        if (f->bytes[next + 4] != ATE__KIND_GROUP) /* a footer: the end */
            next = f->size;
        else
            next += ate__load32(f->bytes + next + ATE__RECORD_HEAD);
    }
    at[count] = next;
    return count;
}

struct pieces {
    const struct file *f;
    size_t at[GROUPS_MAX], count;
    size_t order[2 * GROUPS_MAX], chosen; /* which, in their new order */
};

/* The segment of these groups, with what stood behind them all. */
static void check_order(const struct pieces *p, const char *how, size_t i, size_t j)
{
    struct simdisk *d = copy();
    struct ate__buf bytes = ATE__BUF_NULL;
    const uint8_t *from = p->f->bytes;
    kit_ok(ate__buf_append(&bytes, ate__bytes(from, p->at[0])));
    for (size_t n = 0; n < p->chosen; n++) {
        size_t at = p->at[p->order[n]];
        kit_ok(ate__buf_append(&bytes, ate__bytes(from + at, p->at[p->order[n] + 1] - at)));
    }
    size_t end = p->at[p->count];
    kit_ok(ate__buf_append(&bytes, ate__bytes(from + end, p->f->size - end)));
    simdisk_put(d, p->f->path, bytes.data, bytes.size);
    ate__buf_deinit(&bytes);
    check_disk(d, "%s: groups %zu and %zu %s", p->f->path, i, j, how);
}

static void choose(struct pieces *p, size_t without)
{
    p->chosen = 0;
    for (size_t n = 0; n < p->count; n++)
        if (n != without)
            p->order[p->chosen++] = n;
}

static void insert(struct pieces *p, size_t place, size_t group)
{
    memmove(p->order + place + 1, p->order + place, (p->chosen - place) * sizeof p->order[0]);
    p->order[place] = group;
    p->chosen++;
}

/* All checksums hold: each is whole, of this segment, and where it does not belong. */
static void groups_out_of_their_places(void **state)
{
    (void)state;
    begin_big();
    for (size_t i = 0; i < files.count; i++) {
        struct pieces p = {.f = &files.file[i]};
        if (!strstr(p.f->path, ".seg"))
            continue;
        p.count = groups_of(p.f, p.at);
        assert_true(p.count > 0);
        for (size_t one = 0; one < p.count; one++) {
            choose(&p, one);
            check_order(&p, "gone", one, one);
            for (size_t place = 0; place <= p.count; place++) {
                choose(&p, SIZE_MAX);
                insert(&p, place, one);
                check_order(&p, "doubled", one, place);
                if (place == p.count || place == one)
                    continue;
                choose(&p, one);
                insert(&p, place, one);
                check_order(&p, "moved", one, place);
                choose(&p, SIZE_MAX);
                p.order[one] = place;
                p.order[place] = one;
                check_order(&p, "exchanged", one, place);
            }
        }
    }
    end("groups out of their places");
}

static void put_sector(struct simdisk *d, const struct file *f, size_t to, const uint8_t *from)
{
    simdisk_patch(d, f->path, to, from, ate__min((size_t)SECTOR, f->size - to));
}

/* As a disk leaves them that wrote in another order, or not at all. */
static void sectors_out_of_their_places(void **state)
{
    (void)state;
    static const uint8_t zeros[SECTOR];
    begin_small();
    for (size_t i = 0; i < files.count; i++) {
        const struct file *f = &files.file[i];
        for (size_t one = 0; one < f->size; one += SECTOR) {
            struct simdisk *d = copy();
            put_sector(d, f, one, zeros);
            check_disk(d, "%s: zeros from %zu", f->path, one);
            for (size_t other = 0; other + SECTOR <= f->size; other += SECTOR) {
                if (other == one)
                    continue;
                d = copy();
                put_sector(d, f, one, f->bytes + other);
                check_disk(d, "%s: sector %zu also at %zu", f->path, other, one);
                if (other < one || one + SECTOR > f->size)
                    continue;
                d = copy();
                put_sector(d, f, one, f->bytes + other);
                put_sector(d, f, other, f->bytes + one);
                check_disk(d, "%s: sectors %zu and %zu exchanged", f->path, one, other);
            }
        }
    }
    end("sectors out of their places");
}

/* Torn: the size is there, and what was written last is not. */
static void zeros_from_every_place(void **state)
{
    (void)state;
    begin_small();
    for (size_t i = 0; i < files.count; i++) {
        const struct file *f = &files.file[i];
        uint8_t *zeros = calloc(1, f->size + 1);
        for (size_t at = 0; at < f->size; at += 8 * step_of(f)) {
            struct simdisk *d = copy();
            simdisk_patch(d, f->path, at, zeros, f->size - at);
            check_disk(d, "%s: zeros from %zu on", f->path, at);
        }
        free(zeros);
    }
    end("zeros from every place");
}

int main(int argc, char **argv)
{
    all_bits = argc > 1 && !strcmp(argv[1], "all");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bit_of_every_byte),
        cmocka_unit_test(every_length),
        cmocka_unit_test(more_at_the_end),
        cmocka_unit_test(files_that_are_gone),
        cmocka_unit_test(files_in_each_others_place),
        cmocka_unit_test(files_that_do_not_belong),
        cmocka_unit_test(files_of_another_time_or_chain),
        cmocka_unit_test(groups_out_of_their_places),
        cmocka_unit_test(sectors_out_of_their_places),
        cmocka_unit_test(zeros_from_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
