/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Target functions: ate__view_image_read(), ate__roster_read(), ate__origins_read(),
 * ate__image_head_read().
 *
 * What lies in the pages of a view image, as if they had been authenticated: the first byte says
 * which part it is. What is taken can be asked for everything, and is written again as the same
 * bytes. */
#include "base/assert.h"
#include "chain/view_image.h"
#include "trust/origin.h"
#include "trust/roster.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 1 << 20, ASKED = 1 << 16 };
static const uint64_t seed[2] = {1, 2};

/* Children of children are asked for no longer than that: nothing keeps a stream from making a
 * circle of parents. */
static void ask(const struct ate__view_snapshot *s)
{
    struct ate_id id, child;
    struct ate__object_facts f;
    struct ate__view_body body;
    unsigned asked = 0;
    for (uint64_t at = 0; asked < ASKED && !ate__view_next_object(s, &at, &id, &f); asked++) {
        struct ate__object_facts again;
        ate__assert(!ate__view_object(s, &id, &again));
        (void)!ate__view_body(s, &id, &body);
        for (unsigned i = 0; i < f.tag_count; i++)
            (void)!ate__view_tag_holder(s, &f.parent, f.tags + i * ATE__NAME_TAG, &child);
        for (uint64_t next = 0;
             asked < ASKED &&
             !ate__view_next_child(s, &(struct ate__listing){.parent = id}, &next, &child);)
            asked++;
    }
}

static void read_view(struct ate_bytes bytes)
{
    struct ate__image_in *in;
    struct ate__view *v;
    ate__assert(!ate__view_new(&ate__env_real, &v) && !ate__image_in_of(bytes, &in));
    if (!ate__view_image_read(v, in, SIZE)) {
        ask(&(struct ate__view_snapshot){v, NULL, UINT64_MAX});
        ask(&(struct ate__view_snapshot){v, NULL, SIZE / 2});
    }
    ate__image_in_free(in);
    ate__view_free(v);
}

static void read_roster(struct ate_bytes bytes)
{
    struct ate__buf again = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&again);
    struct ate__rd rd = ate__rd_of(bytes);
    struct ate__roster r;
    ate__roster_init(&r, seed);
    if (!ate__roster_read(&r, SIZE, &rd)) {
        ate__roster_write(&r, SIZE, &w);
        ate__assert(ate__bytes_equal(ate__bytes(bytes.data, rd.at), ate__buf_bytes(&again)));
    }
    ate__buf_deinit(&again);
    ate__roster_deinit(&r);
}

static void read_origins(struct ate_bytes bytes)
{
    struct ate__buf again = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&again);
    struct ate__rd rd = ate__rd_of(bytes);
    struct ate__txn_id id = {.number = 1};
    struct ate__origins o;
    uint64_t sequence;
    ate__origins_init(&o, seed, 100);
    if (!ate__origins_read(&o, SIZE, &rd)) {
        ate__assert(!ate__origins_write(&o, SIZE, &w));
        ate__assert(ate__bytes_equal(ate__bytes(bytes.data, rd.at), ate__buf_bytes(&again)));
        (void)ate__origins_find(&o, &id, &sequence);
        ate__assert(!ate__origins_add(&o, &id, SIZE));
        ate__assert(ate__origins_find(&o, &id, &sequence));
    }
    ate__buf_deinit(&again);
    ate__origins_deinit(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__image_head head;
    if (!size)
        return 0;
    struct ate_bytes rest = ate__bytes(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0: read_view(rest); break;
    case 1: read_roster(rest); break;
    case 2: read_origins(rest); break;
    default: (void)!ate__image_head_read(rest, &head);
    }
    return 0;
}
