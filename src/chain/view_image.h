/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_image.h: a view as the stream of a view image (docs/format/image.md): slots with the version
 * that a snapshot sees, then control events and child lists. The tables are made anew when it is
 * read.
 *
 * Writing walks the view as a reader does: in steps, inside RCU sections of a bounded number of
 * slots, beside the writer of the view. What is read is checked in every index although it is
 * authenticated.
 */
#pragma once
#include "chain/image_file.h"
#include "chain/view.h"

struct ate__view_image { /* a walk; see ate__view_image_begin() */
    struct ate__view_snapshot snapshot;
    uint32_t slots; /* that there were when it began */
    unsigned part;
    uint32_t slot;     /* the next one */
    uint64_t serial;   /* of the last child of it that was written; 0: none */
    bool in_list;      /* of that slot */
    uint64_t sequence, place, updated_us; /* of the version before */
    uint32_t record_size;
    struct ate__buf buf;
};
/* Under the commit mutex: at what is published. Errors: E_MEMORY. */
int ate__view_image_begin(struct ate__view *v, uint64_t now_ms, struct ate__view_image *ret)
    ATE__CHECK;
void ate__view_image_end(struct ate__view_image *w); /* also one of zeros */
/* Any thread: goes on until about `bytes` more are written. Errors: END: that was all; STALE: it
 * held back too much, or took too long; E_* */
int ate__view_image_step(struct ate__view_image *w, struct ate__image_out *out, size_t bytes)
    ATE__CHECK;

/* Into a new view, which is published at `size` then; after a failure it can only be freed.
 * Errors: MALFORMED TAMPERED BUSY E_*. */
int ate__view_image_read(struct ate__view *v, struct ate__image_in *in, uint64_t size) ATE__CHECK;
