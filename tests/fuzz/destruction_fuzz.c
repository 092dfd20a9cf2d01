/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destruction_fuzz.c: ate__destruction_read(). The first byte chooses: a statement of ours, for a
 * directory or a server, with patches (patch.h) is not believed; what is taken of other bytes lies
 * in them.
 */
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "patch.h"
#include "trust/destruction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a directory, of a server. */
static uint8_t own[2][ATE__DESTRUCTION_OWN_MAX + 8];
static size_t own_size[2];

static void make(unsigned which)
{
    struct ate__buf made = ATE__BUF_NULL;
    struct ate__destruction d = {.size = 3, .time_us = 77, .name = ate__text_bytes("/notes")};
    struct ate__key *key;
    if (which)
        d.genesis = ate__text_bytes("genesis");
    ate__assert(!ate__key_of_seed(&(struct ate__key32){{9}}, NULL, &key));
    ate__assert(!ate__destruction_make(&d, key, &made) && made.size <= sizeof own[which]);
    memcpy(own[which], made.data, made.size);
    own_size[which] = made.size;
    ate__buf_deinit(&made);
    ate__key_free(key);
}

static bool lies_in(struct ate_bytes part, struct ate_bytes all)
{
    const uint8_t *p = part.data, *a = all.data;
    return p >= a && part.size <= all.size && p + part.size <= a + all.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t changed[sizeof own[0]];
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate__destruction d;
    unsigned flags = ate__rd_u8(&r), which = flags >> 1 & 1;
    bool patched = flags & 1;
    if (!own_size[which])
        make(which);
    struct ate_bytes all = ate__rd_bytes(&r, patched ? 0 : ate__rd_left(&r));
    if (patched) {
        memcpy(changed, own[which], own_size[which]);
        bool differs = fuzz_patch(&r, changed, own_size[which]);
        all = ate__bytes(changed, own_size[which]);
        ate__assert(!ate__destruction_read(all, &d) == !differs);
    }
    int rc = ate__destruction_read(all, &d);
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED || rc == ATE_TAMPERED ||
                rc == ATE_TOO_BIG);
    ate__assert(rc || (lies_in(d.name, all) && lies_in(d.public_key, all) && d.name.size));
    ate__assert(rc || !d.genesis.size || lies_in(d.genesis, all));
    return 0;
}
