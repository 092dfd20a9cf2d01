/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * world.h: judging drafts in unit tests.
 */
#pragma once
#include "lib/check.h"
#include "draft.h"

static inline int judge(struct world *w, struct draft *d, struct ate__verdict *verdict)
{
    int rc = ate__accept(w->t, &w->m.facts, draft_tx(d), w->m.size, w->m.now_us, verdict);
    assert_int_equal(rc, verdict->result);
    return rc;
}

/* The draft is released. */
static inline void expect_(struct world *w, struct draft *take_d, int result, const char *sentence,
                           int line)
{
    struct ate__verdict verdict;
    int rc = judge(w, take_d, &verdict);
    if (rc != result)
        fail_msg("line %d: %s (%s), expected %s", line, ate__result_name(rc),
                 rc ? ate__error_text() : "", ate__result_name(result));
    if (result && sentence && !strstr(ate__error_text(), sentence))
        fail_msg("line %d: \"%s\" says nothing of \"%s\"", line, ate__error_text(), sentence);
    draft_free(take_d);
}
#define expect(w, take_d, result, sentence) expect_(w, take_d, result, sentence, __LINE__)

/* Accepted and taken in; gives its sequence. The draft is released. */
static inline uint64_t commit_(struct world *w, struct draft *take_d, int line)
{
    struct ate__verdict verdict;
    uint64_t sequence = w->m.size;
    int rc = judge(w, take_d, &verdict);
    if (rc)
        fail_msg("line %d: %s: %s", line, ate__result_name(rc), ate__error_text());
    assert_int_equal(ate__trust_apply(w->t, &take_d->tx, sequence), 0);
    model_take(&w->m, &take_d->tx, sequence);
    draft_free(take_d);
    return sequence;
}
#define commit(w, take_d) commit_(w, take_d, __LINE__)

/* Taken into the model without being judged. The draft is released. */
static inline void force(struct world *w, struct draft *take_d)
{
    model_take(&w->m, draft_tx(take_d), w->m.size);
    draft_free(take_d);
}

static inline struct ate_hash body_of(struct world *w, struct ate_id id)
{
    const struct model_object *o = model_find(&w->m, &id);
    assert_true(o && o->live);
    return o->body;
}
static inline const struct ate__control *control_of(struct world *w, struct ate_id id)
{
    const struct model_object *o = model_find(&w->m, &id);
    assert_non_null(o);
    return o->control;
}

/* An object below a parent, created by the root key. */
static inline void plant(struct world *w, struct ate_id id, struct ate_id parent)
{
    struct draft *d = draft_new(w);
    draft_create(d, id, parent);
    draft_sign(d, w->root->fingerprint);
    commit(w, d);
}

/* Rules for an object, set by the root key; it has to be admin there. */
static inline void rule(struct world *w, struct ate_id id, struct ate__auth auth)
{
    struct draft *d = draft_new(w);
    const struct ate__control *now = control_of(w, id);
    struct ate_hash prev = now ? now->hash : (struct ate_hash){{0}};
    draft_control(d, &(struct control){.id = id, .prev = now ? &prev : NULL, .auth = auth});
    draft_sign(d, w->root->fingerprint);
    commit(w, d);
}
