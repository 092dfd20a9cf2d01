/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * disk.c: files of a chain that somebody changed or put there.
 */
#include "attack.h"
#include "base/alloc.h"
#include "files.h"
#include "lib/tmpdir.h"

static int open_and_close(const char *dir)
{
    struct ate_chain *c = NULL;
    int rc = attack_open_chain(dir, 0, &c);
    ate_chain_close(c);
    return rc;
}

/* ---- one byte ---- */

static void flip(const char *file, uint8_t *bytes, size_t size, void *arg)
{
    uint8_t *at = memmem(bytes, size, "first", 5);
    unsigned *count = arg;
    (void)file;
    if (at) {
        at[2] ^= 4;
        ++*count;
    }
}

/* In a payload, where nobody signs. */
static void flipped_byte(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    unsigned count = 0;
    attack_write_chain(dir, p, &p->chain_id, p->size);
    files_each(dir, flip, &count);
    assert_int_equal(count, 1);
    attack_tried("in a segment", open_and_close(dir), ATE_TAMPERED);
    past_free(p);
}

enum { META_REVISION = 56 }; /* docs/format/redo.md */

static void flip_meta(const char *file, uint8_t *bytes, size_t size, void *arg)
{
    (void)arg;
    if (!strstr(file, "/meta."))
        return;
    assert_true(size > META_REVISION);
    bytes[META_REVISION] ^= 1;
}

static void flipped_meta(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    attack_write_chain(dir, p, &p->chain_id, p->size);
    files_each(dir, flip_meta, NULL);
    attack_tried("in both lists of segments", open_and_close(dir), ATE_TAMPERED);
    past_free(p);
}

/* ---- whole files, with checksums that hold ---- */

/* A payload that alice signed is another; all checksums, hashes and heads are made anew. */
static void rewritten_payload(void)
{
    struct past *p = attack_family();
    struct ate__buf record = ATE__BUF_NULL;
    attack_must(ate__buf_append(&record, ate__buf_bytes(&p->record[3])));
    uint8_t *at = memmem(record.data, record.size, "hers, changed", 13);
    assert_non_null(at);
    memcpy(at, "eve", 3);
    for (unsigned n = 3; n < 5; n++) {
        ate__tx_deinit(&p->tx[n]);
        ate__buf_deinit(&p->record[n]);
    }
    p->size = 3;
    past_add(p, ate__buf_bytes(&record));
    ate__buf_deinit(&record);
    attack_with_stored(p, ATE_TAMPERED);
}

/* The log of one chain, labelled as that of another. */
static void relabelled(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    struct ate_hash other = p->chain_id;
    other.b[0] ^= 1;
    attack_write_chain(dir, p, &other, p->size);
    attack_tried("opened", open_and_close(dir), ATE_TAMPERED);
    past_free(p);
}

static void set_back_in_files(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    p->time_us[2] = p->time_us[1] - 1;
    attack_must(ate__tx_leaf(&p->tx[2], ATE__SHA256, 2, p->time_us[2], &p->leaf[2]));
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_tried("opened", open_and_close(dir), ATE_TAMPERED);
    past_free(p);
}

/* Written on another history than the one before it in the file. */
static void foreign_group(void)
{
    struct past *p = attack_commons(), *q = past_copy(p);
    const char *dir = tmpdir_new();
    ate__tx_deinit(&q->tx[2]);
    ate__buf_deinit(&q->record[2]);
    q->size = 2;
    q->number += 10;
    past_create(q, -1, 2, 1, "two", "another second");
    past_create(p, -1, 3, 0, NULL, "third");
    past_add(q, ate__buf_bytes(&p->record[3]));
    q->leaf[2] = p->leaf[2]; /* so that group 3 names the head of the other history */
    attack_write_chain(dir, q, &q->chain_id, q->size);
    attack_tried("opened", open_and_close(dir), ATE_TAMPERED);
    past_free(p);
    past_free(q);
}

/* ---- directories ---- */

static void older_directory(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(open_and_close(dir));
    attack_write_anew(dir, p, p->size - 1);
    attack_tried("opened again", open_and_close(dir), ATE_ROLLED_BACK);
    past_free(p);
}

static void forked_directory(void)
{
    struct past *p = attack_commons();
    const char *dir = tmpdir_new();
    attack_write_chain(dir, p, &p->chain_id, p->size);
    attack_must(open_and_close(dir));
    past_create(p, -1, 3, 0, NULL, "third");
    p->time_us[1]++; /* another history, and longer */
    attack_must(ate__tx_leaf(&p->tx[1], ATE__SHA256, 1, p->time_us[1], &p->leaf[1]));
    attack_write_anew(dir, p, p->size);
    attack_tried("opened again", open_and_close(dir), ATE_FORKED);
    past_free(p);
}

const struct attack attacks_disk[] = {
    {"flipped-byte", flipped_byte},
    {"flipped-meta", flipped_meta},
    {"rewritten-payload", rewritten_payload},
    {"relabelled", relabelled},
    {"set-back-in-files", set_back_in_files},
    {"foreign-group", foreign_group},
    {"older-directory", older_directory},
    {"forked-directory", forked_directory},
    {NULL, NULL},
};
