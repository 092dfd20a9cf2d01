/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Streams of views made by hand: one that is right, and for each check one that differs from it in
 * what that check is there for. */
#include "base/alloc.h"
#include "base/wr.h"
#include "chain/limits.h"
#include "chain/view_image.h"
#include "chain/view_private.h"
#include "draft.h"
#include "lib/heap.h"
#include "lib/simenv.h"

enum { SIZE = 20, HEAP_MOST = 64 << 20, RUN_MOST = 4096, FLAG_VERSION = 16, FLAG_UNKNOWN = 64 };

/* What differs. */
enum lie {
    NONE,
    NO_TOP,             /* no slot at all */
    OTHER_TOP,          /* slot 0 is another object */
    UNKNOWN_FORM,       /* a flag that there is not */
    NO_VERSION,         /* flags of a version that there is not */
    LATER_VERSION,      /* of a transaction that the image has not */
    PARENT_OUTSIDE,     /* below a slot that there is not */
    LARGE_EVENT,        /* more bytes than an event has */
    OLDER_THAN_ITSELF,  /* created after its last change */
    SECOND_TAG_NOWHERE, /* a second tag, and no place for it */
    LATER_CONTROL,
    CONTROLS_TURNED, /* the oldest first */
    CONTROL_OF_ANOTHER,
    CONTROL_OF_NO_FORM,
    CONTROL_NO_HEADER, /* bytes that are no header */
    NO_END_OF_CONTROLS,
    CHILDREN_TURNED,
    CHILD_TWICE,
    CHILD_OF_ANOTHER,
    CHILD_OUTSIDE,
    CHILD_DELETED,
    CHILD_MISSING,
    LISTS_TURNED,
    LIST_TWICE,
    LIST_OUTSIDE,
    LIES
};

struct making {
    enum lie lie;
    struct ate__wr w;
    struct draft draft;
    struct ate__tx tx; /* its events are the control events: one of id 1, one of id 2 */
};

/* ---- slots: the top; 1 and 2 below it, 3 below 1, 4 deleted ---- */

static void put_slot(struct making *m, unsigned n, uint32_t parent, uint32_t serial, uint8_t flags)
{
    bool first = n == 1;
    uint8_t form = (uint8_t)(FLAG_VERSION | flags);
    struct ate_id id = id_of(n);
    const uint8_t tag[ATE__NAME_TAG] = {(uint8_t)n};
    if (first && m->lie == UNKNOWN_FORM)
        form |= FLAG_UNKNOWN;
    if (n == 2 && m->lie == NO_VERSION)
        form &= (uint8_t)~FLAG_VERSION;
    if (first && m->lie == SECOND_TAG_NOWHERE)
        form |= ATE__VERSION_TWO_TAGS;
    ate__wr_id(&m->w, &id);
    ate__wr_u8(&m->w, form);
    ate__wr_u64(&m->w, first && m->lie == LATER_VERSION ? SIZE : n);
    ate__wr_u64(&m->w, 1000 * n); /* place */
    ate__wr_u64(&m->w, 5);        /* time */
    ate__wr_u32(&m->w, 300);      /* of the record */
    ate__wr_u32(&m->w, 40);
    ate__wr_u32(&m->w, first && m->lie == LARGE_EVENT ? 1 << 24 | 60 : 60);
    ate__wr_u32(&m->w, first && m->lie == PARENT_OUTSIDE ? 5 : parent);
    ate__wr_u32(&m->w, serial);
    ate__wr_hash(&m->w, &(struct ate_hash){{(uint8_t)n}});
    if (flags & ATE__VERSION_TAGGED)
        ate__wr_copy(&m->w, tag, sizeof tag);
    if (!(flags & ATE__VERSION_MORE))
        return;
    ate__wr_u64(&m->w, m->lie == OLDER_THAN_ITSELF ? n + 1 : n);
    ate__wr_u64(&m->w, 5);
    ate__wr_u32(&m->w, 7); /* collection */
}

static void put_slots(struct making *m)
{
    struct ate_id top = m->lie == OTHER_TOP ? id_of(9) : id_of(0);
    ate__wr_u32(&m->w, 5);
    ate__wr_id(&m->w, &top);
    ate__wr_u8(&m->w, 0);
    put_slot(m, 1, 0, 1, 0);
    put_slot(m, 2, 0, 2, ATE__VERSION_TAGGED);
    put_slot(m, 3, 1, 3, ATE__VERSION_MORE);
    put_slot(m, 4, 0, 4, ATE__VERSION_DELETED);
}

/* ---- lists ---- */

static void put_control(struct making *m, unsigned event, uint64_t sequence)
{
    struct ate_bytes header = m->tx.events[event].bytes;
    ate__wr_u8(&m->w, 1);
    ate__wr_u64(&m->w, sequence);
    ate__wr_hash(&m->w, &m->tx.events[event].hash);
    if (m->lie == CONTROL_NO_HEADER)
        header.size--;
    ate__wr_bytes32(&m->w, header);
}

static void put_controls(struct making *m)
{
    bool turned = m->lie == CONTROLS_TURNED;
    put_control(m, m->lie == CONTROL_OF_ANOTHER, turned ? 2 : m->lie == LATER_CONTROL ? SIZE : 6);
    put_control(m, 0, turned ? 6 : 2);
    if (m->lie != NO_END_OF_CONTROLS)
        ate__wr_u8(&m->w, m->lie == CONTROL_OF_NO_FORM ? 2 : 0);
}

static void put_run(struct making *m, const uint32_t *slots, uint32_t count)
{
    ate__wr_u32(&m->w, count);
    for (uint32_t i = 0; i < count; i++)
        ate__wr_u32(&m->w, slots[i]);
}

static void put_top_list(struct making *m)
{
    uint32_t children[3] = {1, 2, 2};
    if (m->lie == CHILDREN_TURNED)
        children[0] = 2, children[1] = 1;
    if (m->lie == CHILD_OF_ANOTHER)
        children[1] = 3;
    if (m->lie == CHILD_OUTSIDE)
        children[1] = 5;
    if (m->lie == CHILD_DELETED)
        children[1] = 4;
    ate__wr_u32(&m->w, 1);
    ate__wr_u8(&m->w, 0);
    put_run(m, children, m->lie == CHILD_MISSING ? 1 : 2 + (m->lie == CHILD_TWICE));
    ate__wr_u32(&m->w, 0);
}

static void put_list_of_1(struct making *m)
{
    const uint32_t child = m->lie == CHILD_OF_ANOTHER ? 2 : 3;
    ate__wr_u32(&m->w, 2);
    put_controls(m);
    put_run(m, &child, 1);
    ate__wr_u32(&m->w, 0);
}

static void put_empty_list(struct making *m, uint32_t slot)
{
    ate__wr_u32(&m->w, slot + 1);
    ate__wr_u8(&m->w, 0);
    ate__wr_u32(&m->w, 0);
}

static void put_lists(struct making *m)
{
    if (m->lie == LISTS_TURNED) {
        put_list_of_1(m);
        put_top_list(m);
    } else {
        put_top_list(m);
        put_list_of_1(m);
    }
    if (m->lie == LIST_TWICE)
        put_empty_list(m, 1);
    if (m->lie == LIST_OUTSIDE)
        put_empty_list(m, 5);
    ate__wr_u32(&m->w, 0);
}

/* ---- reading ---- */

static int read_stream(const struct ate__buf *stream)
{
    struct simenv sim;
    struct ate__image_in *in;
    struct ate__view *v;
    simenv_init(&sim, 1, NULL);
    assert_int_equal(ate__image_in_of(ate__buf_bytes(stream), &in), 0);
    assert_int_equal(ate__view_new(&sim.env, &v), 0);
    int rc = ate__view_image_read(v, in, SIZE);
    if (!rc)
        rc = ate__image_in_end(in);
    ate__view_free(v);
    ate__image_in_free(in);
    simenv_deinit(&sim);
    return rc;
}

static struct ate__buf make(enum lie lie)
{
    static const struct ate_hash chain_id;
    struct ate__buf stream = ATE__BUF_NULL;
    struct ate__auth auth = auth_write(ATE__RULE_EVERYONE);
    struct making m = {.lie = lie, .w = ate__wr_of(&stream)};
    draft_init(&m.draft, &chain_id);
    draft_control(&m.draft, id_of(1), NULL, &auth);
    draft_control(&m.draft, id_of(2), NULL, &auth);
    m.tx = draft_tx(&m.draft);
    if (lie != NO_TOP) {
        put_slots(&m);
        put_lists(&m);
    } else {
        ate__wr_u32(&m.w, 0);
        ate__wr_u32(&m.w, 0);
    }
    assert_int_equal(ate__wr_end(&m.w), 0);
    ate__tx_deinit(&m.tx);
    draft_deinit(&m.draft);
    return stream;
}

static void test_lies(void **state)
{
    (void)state;
    for (enum lie lie = NONE; lie < LIES; lie++) {
        struct ate__buf stream = make(lie);
        int rc = read_stream(&stream);
        if (rc != (lie ? ATE_MALFORMED : 0))
            fail_msg("lie %u: %s: %s", lie, ate__result_name(rc), ate__error_text());
        ate__buf_deinit(&stream);
    }
}

/* Cut off anywhere, and with something behind it. */
static void test_lengths(void **state)
{
    (void)state;
    struct ate__buf stream = make(NONE);
    size_t size = stream.size;
    assert_int_equal(ate__buf_append(&stream, ate__text_bytes("x")), 0);
    assert_int_equal(read_stream(&stream), ATE_MALFORMED);
    for (stream.size = 0; stream.size < size; stream.size++)
        assert_int_equal(read_stream(&stream), ATE_MALFORMED);
    assert_int_equal(read_stream(&stream), 0);
    ate__buf_deinit(&stream);
}

/* The last object lacks its hash, in whose place the lists stand. */
static void test_cut_object(void **state)
{
    (void)state;
    struct ate__buf stream = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&stream);
    struct ate_id top = id_of(0), id = id_of(1);
    ate__wr_u32(&w, 2);
    ate__wr_id(&w, &top);
    ate__wr_u8(&w, 0);
    ate__wr_id(&w, &id);
    ate__wr_u8(&w, FLAG_VERSION | ATE__VERSION_DELETED | 32);
    for (unsigned i = 0; i < 4; i++)
        ate__wr_u32(&w, 0);
    ate__wr_u32(&w, 0); /* the end of the lists */
    assert_int_equal(ate__wr_end(&w), 0);
    assert_int_equal(read_stream(&stream), ATE_MALFORMED);
    ate__buf_deinit(&stream);
}

/* Sizes and counts that are only said take no memory. */
static void test_huge(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        heap_start();
        heap_limit(HEAP_MOST);
        struct ate__buf stream = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&stream);
        struct ate_id top = id_of(0);
        static const struct ate_hash hash;
        ate__wr_u32(&w, which == 0 ? UINT32_MAX : 1); /* objects */
        ate__wr_id(&w, &top);
        ate__wr_u8(&w, 0);
        ate__wr_u32(&w, 1);
        if (which == 1) { /* a control event */
            ate__wr_u8(&w, 1);
            ate__wr_u64(&w, 3);
            ate__wr_hash(&w, &hash);
            ate__wr_u32(&w, UINT32_MAX);
        } else {
            ate__wr_u8(&w, 0);
            ate__wr_u32(&w, which == 2 ? RUN_MOST + 1 : 0); /* children at once */
        }
        ate__wr_zeros(&w, 100);
        assert_int_equal(ate__wr_end(&w), 0);
        assert_int_equal(read_stream(&stream), ATE_MALFORMED);
        assert_false(heap_failed());
        ate__buf_deinit(&stream);
        heap_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_cut_object),
        cmocka_unit_test(test_huge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
