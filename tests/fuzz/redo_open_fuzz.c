/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * redo_open_fuzz.c: ate__storage_open_file() on the whole directory of a log that somebody else has
 * had in his hands: lists, segments, `next`, tiles; with it recovery, scan and load.
 *
 * Input: u8 which log (closed, killed, killed with two segments), then steps: u8 kind, u8 file, and
 * by kind 0: patches (patch.h), 1: u16 a new size, 2: u16 length and bytes in its place, 3: it is
 * removed, 4: a copy of it under the name of another (u8).
 *
 * Reading changes no file. A refused open changes no file, but makes `lock`. What is opened has
 * whole records alone, goes on being written, and is the same when it is opened again.
 */
#include "base/assert.h"
#include "patch.h"
#include "unit/redo/kit.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOGS = 3 };
static struct simdisk *log_disk[LOGS];
static const char *const files[] = {
    KIT_DIR "/meta.a",
    KIT_DIR "/meta.b",
    KIT_DIR "/0000000000000001.seg",
    KIT_DIR "/0000000000000002.seg",
    KIT_DIR "/0000000000000003.seg",
    KIT_DIR "/next",
    KIT_DIR "/tiles",
    KIT_DIR "/lock",
};

static void make(unsigned which)
{
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    kit_append_ok(&k, 1, 300);
    for (unsigned i = 0; which == 2 && i < 10; i++)
        kit_append_ok(&k, 4, 2500);
    if (!which)
        kit_close(&k);
    log_disk[which] = simdisk_clone(k.disk);
    simdisk_settle(log_disk[which]);
    kit_deinit(&k);
}

static const char *file_of(struct ate__rd *r)
{
    return files[ate__rd_u8(r) % ATE__COUNT_OF(files)];
}

static void change(struct ate__rd *r, struct simdisk *d)
{
    unsigned kind = ate__rd_u8(r) % 5;
    const char *file = file_of(r);
    size_t size = 0;
    if (kind == 2) {
        uint16_t length = ate__rd_u16(r);
        struct ate_bytes bytes = ate__rd_bytes(r, ate__min((size_t)length, ate__rd_left(r)));
        simdisk_put(d, file, bytes.data, bytes.size);
        return;
    }
    if (!simdisk_exists(d, file))
        return;
    if (kind == 1)
        simdisk_cut(d, file, ate__rd_u16(r));
    else if (kind == 3)
        simdisk_unlink(d, file);
    else {
        uint8_t *bytes = simdisk_get(d, file, &size);
        const char *to = kind == 4 ? file_of(r) : file;
        if (kind == 0)
            fuzz_patch(r, bytes, size);
        simdisk_put(d, to, bytes, size);
        free(bytes);
    }
}

static bool is_refusal(int rc)
{
    return rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED || rc == ATE_NOT_FOUND;
}

/* What is shown is whole, in order; damage ends it. */
static void look(struct kit *k)
{
    struct kit_seen seen = {.from = 0};
    uint64_t size = kit_state(k).size;
    int rc = kit_scan(k, 0, size, &seen);
    ate__assert(!rc || is_refusal(rc));
    ate__assert(rc || seen.next == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    unsigned which = ate__rd_u8(&r) % LOGS;
    if (!log_disk[which])
        make(which);
    struct kit k;
    kit_take(&k, simdisk_clone(log_disk[which]), 2);
    while (ate__rd_left(&r))
        change(&r, k.disk);
    uint64_t before = simdisk_digest(k.disk);
    bool locked = simdisk_exists(k.disk, KIT_DIR "/lock");
    int rc = kit_open(&k, ATE__STORAGE_READ);
    ate__assert(!rc || is_refusal(rc));
    if (!rc)
        look(&k);
    kit_close(&k);
    ate__assert(simdisk_digest(k.disk) == before);

    rc = kit_open(&k, 0);
    ate__assert(!rc || is_refusal(rc));
    if (rc) {
        if (!locked)
            simdisk_unlink(k.disk, KIT_DIR "/lock"); /* made to be taken */
        ate__assert(simdisk_digest(k.disk) == before);
    } else if (!kit_state(&k).writable) {
        look(&k);
    } else {
        uint64_t records = kit_state(&k).size;
        look(&k);
        kit_append_ok(&k, 1, 64);
        kit_close(&k);
        kit_open_ok(&k, 0);
        ate__assert(kit_state(&k).size == records + 1);
        look(&k);
    }
    kit_deinit(&k);
    return 0;
}
