/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ways.c: a table of marks, by a hash of the object's id under the seed of the trust state; who
 * comes to a taken place takes it. A walk claims a mark at what it passes, behind the first
 * SHORT_WAY steps, and fills them in once it knows how it ends. One that was claimed again by the
 * same walk, further up, is filled in for that object alone.
 */
#include "trust/ways.h"
#include "base/alloc.h"
#include "base/text.h"

enum { SHORT_WAY = 8, MARKS = 4096 /* a power of two */ };
enum { DELETE_ALL = ATE__RIGHTS, WAYS }; /* whom each write rule from there upwards admits */

struct mark {
    struct ate_id id;
    uint16_t claim;                      /* step of the walk that claimed it last */
    uint16_t steps[WAYS];                /* from it to what gave the answer */
    uint32_t answer[WAYS];               /* enum ate__answer */
    uint16_t next_steps;                 /* from it to the next node; 0: not known */
    struct ate__node *next;
    struct ate__read_scope passed;       /* set at it or between it and that node */
};
struct passed { /* by the walk that is under way */
    struct mark *mark;
    uint16_t step;
    uint32_t admitted; /* there, where that is not all of the answer */
    struct ate__read_scope own;
};
struct ate__ways {
    struct mark mark[MARKS];
    struct passed passed[ATE__PARENTS_MAX + 2];
};

void ate__ways_free(struct ate__ways *w)
{
    ate__free(w);
}

static bool is_large(const struct ate__judge *j)
{
    return j->node_capacity > ATE__NODES_SMALL;
}

/* That of an object which lies so many steps above where a walk began; NULL: it has none. Whether
 * its id is there is to be seen. Without memory walks are walked. */
static struct mark *mark_at(struct ate__judge *j, const struct ate_id *id, unsigned steps)
{
    if (steps < SHORT_WAY || steps > ATE__PARENTS_MAX || !is_large(j))
        return NULL;
    if (!j->ways)
        j->ways = ate__alloc(sizeof *j->ways);
    uint64_t hash = ate__quick_hash(ate__trust_seed(j->t), id->b);
    return j->ways ? &j->ways->mark[hash & (MARKS - 1)] : NULL;
}

static bool is_of(const struct mark *m, const struct ate_id *id)
{
    return m && ate__id_equal(&m->id, id);
}

/* mark NULL: nothing is noted. */
static void pass(struct ate__judge *j, struct mark *m, const struct ate_id *id, unsigned step,
                 size_t *count)
{
    if (!m)
        return;
    if (!ate__id_equal(&m->id, id))
        *m = (struct mark){.id = *id};
    m->claim = (uint16_t)step;
    j->ways->passed[(*count)++] = (struct passed){.mark = m, .step = (uint16_t)step};
}

/* ---- rights ---- */

/* Without NO: it is to be asked further up; who is admitted here is so all the same. */
static uint32_t look(const struct ate__judge *j, const struct ate_id *id,
                     const struct ate__object_facts *f, unsigned what)
{
    bool deletes = what == ATE__WAY_DELETE || what == DELETE_ALL, top = ate__is_top(id);
    const struct ate__rule *rule =
        ate__control_rule(f->control, deletes ? ATE__RIGHT_WRITE : (enum ate__right)what);
    struct ate__holder holder = {rule, *id};
    if (!rule && !top)
        return ATE__UNASKED;
    uint32_t admitted = ate__holder_admits(&holder, &j->signers);
    bool enough = admitted & ATE__ANYBODY || (admitted && what != DELETE_ALL);
    return deletes && !top && !enough ? admitted : ATE__NO | admitted;
}

static int too_deep(const struct ate_id *id)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_TOO_BIG, "object %s and more lie above it: %d parents are the most",
                     ate__id_text(id, text), ATE__PARENTS_MAX);
}

struct way { /* that was walked */
    unsigned steps;    /* from where it began to what gave the last answer */
    uint32_t answer;   /* there, from there upwards */
    uint32_t admitted; /* before, of DELETE_ALL */
    size_t count;      /* of passed */
};

static int walk(struct ate__judge *j, struct ate_id id, unsigned what, struct way *way)
{
    struct ate__object_facts f = {.live = false};
    char text[ATE__ID_TEXT];
    for (unsigned steps = 0;; steps++, id = f.parent) {
        struct mark *m = mark_at(j, &id, steps);
        bool known = is_of(m, &id) && m->answer[what] != ATE__UNASKED;
        if (steps + (known ? m->steps[what] : 0) > ATE__PARENTS_MAX)
            return too_deep(&id);
        int rc = known ? 0 : ate__facts_object(j->facts, &id, &f);
        if (!rc && !known && !f.live)
            rc = ate__fail(ATE_NOT_FOUND, "object %s: there is none", ate__id_text(&id, text));
        if (rc)
            return rc;
        way->steps = steps + (known ? m->steps[what] : 0);
        way->answer = known ? m->answer[what] : look(j, &id, &f, what);
        if (way->answer & ATE__NO)
            return 0;
        way->admitted |= way->answer;
        pass(j, m, &id, steps, &way->count);
        if (m)
            j->ways->passed[way->count - 1].admitted = way->answer;
    }
}

static int ask_plainly(struct ate__judge *j, const struct ate_id *id, unsigned what,
                       uint32_t *ret_answer)
{
    struct ate__holder holder;
    uint32_t admitted = 0;
    int rc;
    if (what == ATE__WAY_DELETE || what == DELETE_ALL) {
        rc = ate__deleter_admits(j->facts, id, &j->signers, what == DELETE_ALL, &admitted);
    } else {
        rc = ate__holder_of(j->facts, id, (enum ate__right)what, &holder);
        admitted = rc ? 0 : ate__holder_admits(&holder, &j->signers);
    }
    if (!rc)
        *ret_answer = ATE__NO | admitted;
    return rc;
}

static int ask(struct ate__judge *j, const struct ate_id *id, unsigned what, uint32_t *ret_answer)
{
    struct way way = {.count = 0};
    if (!is_large(j))
        return ask_plainly(j, id, what, ret_answer);
    int rc = walk(j, *id, what, &way);
    if (rc)
        return rc;
    *ret_answer = way.answer | way.admitted;
    for (size_t i = way.count; i--;) {
        const struct passed *p = &j->ways->passed[i];
        way.answer |= p->admitted;
        if (p->mark->claim != p->step)
            continue;
        p->mark->steps[what] = (uint16_t)(way.steps - p->step);
        p->mark->answer[what] = way.answer;
    }
    return 0;
}

/* Of what lies too deep to ask all of them, the first that admits somebody, as else. */
int ate__way_ask(struct ate__judge *j, const struct ate_id *id, unsigned what, uint32_t *ret_answer)
{
    int rc = ATE_TOO_BIG;
    if (what == ATE__WAY_DELETE && j->needs)
        rc = ask(j, id, DELETE_ALL, ret_answer);
    return rc == ATE_TOO_BIG ? ask(j, id, what, ret_answer) : rc;
}

/* ---- places ---- */

/* From the way's end down: what is set nearest counts. */
static void fill_in(struct ate__judge *j, const struct ate__node *n, size_t count,
                    struct ate__node *next, struct ate__read_scope passed)
{
    while (count--) {
        const struct passed *p = &j->ways->passed[count];
        if (p->own.header)
            passed = p->own;
        if (p->mark->claim != p->step)
            continue;
        p->mark->next = next;
        p->mark->next_steps = (uint16_t)(n->steps - p->step);
        p->mark->passed = passed;
    }
}

int ate__way_climb(struct ate__judge *j, struct ate__node *n, const struct ate_id *parent,
                   struct ate__node **ret_next, bool *ret_is_lost, struct ate_id *ret_lost,
                   struct ate__object_facts *ret_lost_before)
{
    struct ate__read_scope beyond = {NULL, 0}; /* of a mark that was met */
    struct ate_id id = *parent;
    size_t count = 0;
    *ret_is_lost = false;
    for (*ret_next = NULL; !(*ret_next = ate__node_find(j, &id)); n->steps++) {
        struct ate__object_facts f;
        struct ate__read_scope own = {NULL, 0};
        struct mark *m = mark_at(j, &id, n->steps);
        if (is_of(m, &id) && m->next_steps) {
            n->steps += m->next_steps;
            beyond = m->passed;
            *ret_next = m->next;
            break;
        }
        int rc = ate__facts_object(j->facts, &id, &f);
        if (rc)
            return rc;
        if (!f.live) {
            *ret_lost = id;
            *ret_lost_before = f;
            *ret_is_lost = true;
        }
        if (!f.live || n->steps > ATE__PARENTS_MAX)
            return 0;
        if (ate__control_rule(f.control, ATE__RIGHT_READ))
            own = (struct ate__read_scope){&f.control->header, f.control->sequence};
        if (!n->passed.header)
            n->passed = own;
        size_t before = count;
        pass(j, m, &id, n->steps, &count);
        if (count > before)
            j->ways->passed[before].own = own;
        id = f.parent;
    }
    if (n->steps > ATE__PARENTS_MAX + 1) { /* what lies before that node does so already */
        *ret_next = NULL;
        return 0;
    }
    if (!n->passed.header)
        n->passed = beyond;
    fill_in(j, n, count, *ret_next, beyond);
    return 0;
}
