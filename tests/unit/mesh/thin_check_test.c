/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a server shows of an honest history, with a lie in it. Each is such that with its check left
 * out the answer would be believed.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "thin_world.h"
#include <stdlib.h>

/* ---- lies about an honest history ---- */

static struct past_show *of_event(struct past_answer *a, uint8_t kind, unsigned id,
                                  uint32_t *ret_event)
{
    struct ate_id object_id = id_of(id);
    for (uint32_t i = 0; i < a->show_count; i++) {
        const struct ate__tx *tx = &a->past->tx[a->show[i].sequence];
        for (uint32_t e = 0; e < tx->event_count; e++)
            if (a->show[i].keep[e] && tx->events[e].kind == kind &&
                ate__id_equal(&tx->events[e].header.object, &object_id)) {
                *ret_event = e;
                return &a->show[i];
            }
    }
    fail_msg("it is not shown");
    return NULL;
}

/* A byte of the record that is shown. */
static void flip(struct past_answer *a, uint64_t sequence, const void *what, size_t size)
{
    struct past_show *s = past_shown(a, sequence);
    must(ate__buf_append(&s->forged, ate__buf_bytes(&a->past->record[sequence])));
    uint8_t *at = memmem(s->forged.data, s->forged.size, what, size);
    assert_non_null(at);
    *at ^= 1;
}

static void swap_payload(struct past_answer *a)
{
    flip(a, 4, "three again", 11);
}

static void swap_parent(struct past_answer *a)
{
    struct ate_id parent = id_of(2);
    struct past_show *s = past_shown(a, 4);
    flip(a, 4, &parent, sizeof parent);
    (void)s;
}

static void claim_other_sequence(struct past_answer *a)
{
    past_shown(a, 4)->time_us++;
}

static void show_another(struct past_answer *a) /* a true record, at another's place */
{
    struct past_show *s = past_shown(a, 4);
    must(ate__buf_append(&s->forged, ate__buf_bytes(&a->past->record[3])));
}

static void drop_signature(struct past_answer *a)
{
    struct past_show *s = past_shown(a, 4);
    const struct ate__tx *tx = &a->past->tx[4];
    must(ate__buf_append(
        &s->forged, ate__bytes(tx->encoded.data, tx->encoded.size - tx->signature_section.size)));
    must(ate__tx_encode_signatures(NULL, 0, &s->forged));
}

static void garbage(struct past_answer *a)
{
    must(ate__buf_append(&past_shown(a, 4)->forged, ate__bytes("\1garbage", 8)));
}

static void test_records(void **state)
{
    (void)state;
    thin_ask(thin_family(), 3, NULL, 0, NULL);
    thin_ask(thin_family(), 3, swap_payload, ATE_TAMPERED, "transaction 4 is shown otherwise");
    thin_ask(thin_family(), 3, swap_parent, ATE_TAMPERED, "transaction 4 is shown otherwise");
    thin_ask(thin_family(), 3, claim_other_sequence, ATE_TAMPERED,
             "transaction 4 is shown otherwise");
    thin_ask(thin_family(), 3, show_another, ATE_TAMPERED, "transaction 4 is shown otherwise");
    thin_ask(thin_family(), 3, drop_signature, ATE_TAMPERED, "transaction 4 is shown otherwise");
    thin_ask(thin_family(), 3, garbage, ATE_BAD_PEER, "transaction 4");
}

static void hide_body_of_3(struct past_answer *a)
{
    uint32_t e;
    of_event(a, ATE__EVENT_BODY, 3, &e)->keep[e] = 0;
}

static void hide_body_of_2(struct past_answer *a)
{
    uint32_t e;
    of_event(a, ATE__EVENT_BODY, 2, &e)->keep[e] = 0;
}

static void hide_tx_of_2(struct past_answer *a)
{
    past_shown(a, 2)->hidden = true;
}

static void hide_keys(struct past_answer *a)
{
    for (uint32_t i = 0; i < a->show_count; i++) {
        const struct ate__tx *tx = &a->past->tx[a->show[i].sequence];
        for (uint32_t e = 0; e < tx->event_count; e++)
            if (tx->events[e].kind == ATE__EVENT_PUBLIC_KEY)
                a->show[i].keep[e] = 0;
    }
}

static void other_object(struct past_answer *a)
{
    a->object[0] = id_of(2);
}

static void two_objects(struct past_answer *a)
{
    a->object[1] = id_of(2);
    a->live[1] = 1;
    a->object_count = 2;
}

static void no_object(struct past_answer *a)
{
    a->object_count = 0;
}

static void genesis_again(struct past_answer *a)
{
    past_shown(a, 0);
}

static void test_what_is_asked_for(void **state)
{
    (void)state;
    thin_ask(thin_family(), 3, hide_body_of_3, ATE_BAD_PEER, "its body is not shown");
    thin_ask(thin_family(), 3, hide_body_of_2, ATE_BAD_PEER, "its body is not shown");
    thin_ask(thin_family(), 3, hide_tx_of_2, ATE_BAD_PEER, NULL);
    thin_ask(thin_family(), 3, hide_keys, ATE_BAD_PEER, "the chain does not hold this key");
    thin_ask(thin_family(), 3, other_object, ATE_BAD_PEER, "another object");
    thin_ask(thin_family(), 3, two_objects, ATE_BAD_PEER, "another number");
    thin_ask(thin_family(), 3, no_object, ATE_BAD_PEER, "another number");
    thin_ask(thin_family(), 3, genesis_again, ATE_BAD_PEER, "transaction 0");
}

static void call_top_absent(struct past_answer *a)
{
    a->live[0] = 0;
}

static void test_top_is_there(void **state)
{
    (void)state;
    thin_ask(thin_family(), 0, call_top_absent, ATE_BAD_PEER, "the top");
}

/* Three lives below 2 as "three"; the server says that it is what was asked for. */
static void answer_with_three(struct past_answer *a)
{
    static struct past_answer real;
    struct ate_id three = id_of(3);
    struct ate__msg_get get = {.kind = ATE__GET_OBJECTS, .id_count = 1, .ids = three.b};
    past_answer_get(a->past, &get, a->size, &real);
    memcpy(a->show, real.show, sizeof real.show);
    a->show_count = real.show_count;
    a->object[0] = three;
    a->live[0] = 1;
    a->object_count = 1;
}

static void test_foreign_names(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate_id id;
    thin_init(&w, thin_family());
    w.twist = answer_with_three;
    thin_expect(__LINE__, thin_holder(&w, 2, "other", &id), ATE_TAMPERED, "another name");
    thin_deinit(&w);

    /* The same tag below another parent. */
    struct past *p = thin_family();
    struct draft d;
    uint8_t tag[ATE__NAME_TAG];
    past_tag(id_of(1), "x", tag);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(3),
                                        .parent = id_of(2),
                                        .prev = &(struct ate_hash){{1}},
                                        .tags = tag,
                                        .tag_count = 1});
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    thin_init(&w, p);
    w.twist = answer_with_three;
    thin_expect(__LINE__, thin_holder(&w, 1, "x", &id), ATE_TAMPERED, "lies elsewhere");
    thin_deinit(&w);

    thin_init(&w, thin_family());
    w.twist = two_objects;
    thin_expect(__LINE__, thin_holder(&w, 2, "three", &id), ATE_BAD_PEER, "more than one");
    thin_deinit(&w);
}

static void say_nothing(struct past_answer *a)
{
    a->object_count = 0;
    a->cursor = 0;
}

static void absent(struct past_answer *a)
{
    a->live[0] = 0;
}

static void forget_last(struct past_answer *a) /* the state one transaction earlier */
{
    past_answer_get(a->past, a->get, 4, a);
    a->size = 5;
}

/* The same question gets the same answer, at the same size. */
static void test_told_otherwise(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate_id id, three = id_of(3);
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    uint64_t at = 0;

    thin_init(&w, thin_family()); /* a name that was called free gets a holder */
    w.twist = say_nothing;
    assert_int_equal(thin_holder(&w, 2, "three", &id), ATE_NOT_FOUND);
    w.twist = NULL;
    thin_expect(__LINE__, thin_object(&w, 3, &f), ATE_BAD_PEER, "told to be free");
    thin_deinit(&w);

    thin_init(&w, thin_family()); /* an object that was called absent is there */
    w.twist = absent;
    must(thin_object(&w, 2, &f));
    assert_false(f.live);
    w.twist = NULL;
    thin_expect(__LINE__, thin_object(&w, 3, &f), ATE_BAD_PEER, "called absent before");
    thin_deinit(&w);

    thin_init(&w, thin_family()); /* another version of it */
    w.size = 5;
    w.twist = forget_last;
    must(thin_object(&w, 3, &f));
    assert_int_equal(f.sequence, 3);
    w.twist = NULL;
    thin_expect(__LINE__, thin_next(&w, 2, &at, &id), ATE_BAD_PEER, "otherwise than before");
    thin_deinit(&w);

    thin_init(&w, thin_family()); /* a payload that belongs to another version */
    must(thin_object(&w, 4, &f));
    w.twist = absent;
    id = id_of(4);
    thin_expect(__LINE__, ate__thin_event(w.s, &id, &buf, &e, NULL), ATE_BAD_PEER, "called absent");
    ate__buf_deinit(&buf);
    (void)three;
    thin_deinit(&w);
}

static void list_twice(struct past_answer *a)
{
    if (a->get->cursor) {
        a->object[0] = id_of(10);
        a->object_count = 1;
    }
}

static void list_elsewhere(struct past_answer *a)
{
    a->object[0] = a->get->listing.parent;
}

static void stand_still(struct past_answer *a)
{
    if (a->get->cursor)
        a->cursor = a->get->cursor;
}

static void go_on_with_nothing(struct past_answer *a)
{
    a->object_count = 0;
}

static int list_all(struct thin_world *w, unsigned parent)
{
    struct ate_id id;
    uint64_t at = 0;
    int rc = 0;
    for (unsigned i = 0; !rc && i < 100; i++)
        rc = thin_next(w, parent, &at, &id);
    return rc;
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        void (*twist)(struct past_answer *a);
        int result;
        const char *sentence;
    } lies[] = {
        {NULL, ATE_END, NULL},
        {list_twice, ATE_BAD_PEER, "listed twice"},
        {list_elsewhere, ATE_TAMPERED, "lies elsewhere"},
        {stand_still, ATE_BAD_PEER, "does not go on"},
        {go_on_with_nothing, ATE_BAD_PEER, "does not go on"},
        {absent, ATE_BAD_PEER, "a child that is absent"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(lies); i++) {
        struct thin_world w;
        thin_init(&w, thin_crowd());
        w.twist = lies[i].twist;
        thin_expect((int)i, list_all(&w, 1), lies[i].result, NULL);
        if (lies[i].sentence && !strstr(ate__error_text(), lies[i].sentence))
            fail_msg("%zu: %s", i, ate__error_text());
        thin_deinit(&w);
    }
}

/* Children of another collection than the one that was asked for. */
static void test_other_collection(void **state)
{
    (void)state;
    const struct ate__listing one = {.parent = id_of(1), .one = true, .collection = 5};
    struct thin_world w;
    struct ate_id id;
    uint64_t at = 0;
    thin_init(&w, thin_crowd()); /* where a server knows of no collections */
    thin_expect(__LINE__, w.facts->v->next_child(w.facts, &one, &at, &id), ATE_TAMPERED,
                "lies elsewhere");
    thin_deinit(&w);
}

/* The limit is on keys, not on how often they are shown. */
static void test_keys_again(void **state)
{
    (void)state;
    struct thin_world w;
    thin_init(&w, thin_family());
    for (unsigned i = 0; i <= ATE__SHOWN_KEYS_MAX; i++)
        must(ate__thin_learn(&w.chain, &w.past->tx[1], 1));
    assert_int_equal(w.chain.keys, 1); /* alice's */
    thin_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),          cmocka_unit_test(test_what_is_asked_for),
        cmocka_unit_test(test_top_is_there),     cmocka_unit_test(test_foreign_names),
        cmocka_unit_test(test_told_otherwise),   cmocka_unit_test(test_lists),
        cmocka_unit_test(test_other_collection), cmocka_unit_test(test_keys_again),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
