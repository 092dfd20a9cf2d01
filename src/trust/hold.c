/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hold.c: the control event that holds an object of an archive, or releases it.
 *
 * Whoever holds need neither administer the object nor open its scope: every item of the control
 * event in force is copied as it stands, but for PREV and HOLD.
 */
#include "base/err.h"
#include "trust/seal.h"

static const uint8_t on = 1;

/* What both states have: which object, and what comes before it. */
static void begin(struct ate__header_wr *w, const struct ate_id *object,
                  const struct ate__control *prev)
{
    ate__header_item(w, ATE__TAG_OBJECT, ate__bytes(object, sizeof *object));
    if (prev)
        ate__header_item(w, ATE__TAG_PREV, ate__bytes(&prev->hash, sizeof prev->hash));
}

static void put_hold(struct ate__header_wr *w, bool hold)
{
    if (hold)
        ate__header_item(w, ATE__TAG_HOLD, ate__bytes(&on, sizeof on));
}

static int copy_items(const struct ate__control *prev, bool hold, struct ate__header_wr *w)
{
    struct ate__rd items = ate__rd_of(ate__buf_bytes(&prev->bytes));
    bool due = true; /* HOLD stands behind all smaller tags */
    int last_tag = -1, rc = 0;
    while (!rc && ate__rd_left(&items)) {
        struct ate_bytes item;
        unsigned tag;
        rc = ate__item_read(&items, &last_tag, &tag, &item);
        if (!rc && due && tag > ATE__TAG_HOLD) {
            put_hold(w, hold);
            due = false;
        }
        if (!rc && tag != ATE__TAG_OBJECT && tag != ATE__TAG_PREV && tag != ATE__TAG_HOLD)
            ate__header_item(w, tag, item);
    }
    if (!rc && due)
        put_hold(w, hold);
    return rc;
}

int ate__control_hold(const struct ate_id *object, const struct ate__control *prev, bool hold,
                      struct ate__buf *ret_header)
{
    static const struct ate__auth inherits = {0};
    size_t start = ret_header->size;
    struct ate__header_wr w = ate__header_wr_of(ret_header);
    int rc = 0;
    begin(&w, object, prev);
    if (prev) {
        rc = copy_items(prev, hold, &w);
    } else {
        ate__header_auth(&w, &inherits);
        put_hold(&w, hold);
    }
    int end = ate__header_end(&w);
    if (!rc)
        rc = end;
    if (rc)
        ret_header->size = start;
    return rc;
}
