/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A chain as it was, at every size, against what it said of itself when it was of that size:
 * objects, names, children, rules and bodies, whether they are looked for in the log or all of it
 * is read; with objects that were created again, subtrees that went, and names that changed hands.
 */
#include "chain/past.h"
#include "base/text.h"
#include "chain/local.h"
#include "kit.h"
#include "lib/heap.h"

enum { OBJECTS = 9, NAMES = 4, SIZES = 260, FILLER = 8, SPARE = 64 }; /* 0 is the top */

static struct kit kit;
static struct ate__pipe *pipe_;

struct seen { /* of an object, at one size */
    struct ate__object_facts facts; /* control: not valid any more, but for NULL */
    struct ate_hash control;
    char text[24];
    unsigned holder[NAMES]; /* among its children; 0: nobody */
    unsigned child[OBJECTS], child_count;
};
static struct seen seen[SIZES + SPARE][OBJECTS];

static const char *const names[NAMES] = {"a", "b", "c", "d"};

static void begin(bool memory, uint64_t seed)
{
    struct ate__local_conf conf = {.memory = memory};
    kit_init(&kit, seed);
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    kit_genesis(&kit, &open, 2, 1); /* ids may be used again soon */
    conf.chain.env = &kit.sim.env;
    kit_ok(ate__local_create(&conf, kit.root, ate__bytes(kit.genesis, kit.genesis_size), &pipe_));
    kit.chain = ate__local_chain(pipe_);
}

static void reopen(void)
{
    struct ate__local_conf conf = {.chain.env = &kit.sim.env};
    pipe_->v->unref(pipe_);
    kit_ok(ate__local_open_dir(&conf, kit.root, 0, &pipe_));
    kit.chain = ate__local_chain(pipe_);
}

static void end(void)
{
    kit.chain = NULL; /* the pipe closes it */
    pipe_->v->unref(pipe_);
    kit_deinit(&kit);
}

/* ---- what a snapshot says ---- */

static unsigned number_of(const struct ate_id *id)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct ate_id other = id_of(i);
        if (ate__id_equal(&other, id))
            return i;
    }
    fail_msg("an id that nobody made");
    return 0;
}

static void read_text(struct ate__snapshot *s, const struct ate_id *id, char text[24])
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    int rc = s->pipe->v->event(s, id, &buf, &e, NULL);
    snprintf(text, 24, "%s", rc ? ate__result_name(rc) : "");
    if (!rc)
        snprintf(text, 24, "%.*s", (int)e.payload.size, (const char *)e.payload.data);
    ate__buf_deinit(&buf);
}

static void look_at(struct ate__snapshot *s, unsigned object, struct seen *ret)
{
    const struct ate__facts *f = s->pipe->v->facts(s);
    struct ate_id id = id_of(object), other;
    uint8_t tag[ATE__NAME_TAG];
    int rc;
    *ret = (struct seen){.child_count = 0};
    kit_ok(f->v->object(f, &id, &ret->facts));
    if (ret->facts.control)
        ret->control = ret->facts.control->hash;
    read_text(s, &id, ret->text);
    for (unsigned n = 0; n < NAMES; n++) {
        kit_ok(ate__name_tag_open(ATE__SHA256, &(struct ate_place){.parent = id},
                                  ate__text_bytes(names[n]), tag));
        rc = f->v->tag_holder(f, &id, tag, &other);
        assert_true(rc == 0 || rc == ATE_NOT_FOUND);
        ret->holder[n] = rc ? 0 : number_of(&other);
    }
    for (uint64_t at = 0;
         !(rc = f->v->next_child(f, &(struct ate__listing){.parent = id}, &at, &other));)
        ret->child[ret->child_count++] = number_of(&other);
    assert_int_equal(rc, ATE_END);
}

static void remember(void)
{
    struct ate__snapshot *s;
    uint64_t size;
    struct ate_hash root;
    kit_ok(pipe_->v->begin(pipe_, &s));
    pipe_->v->head(s, &size, &root);
    assert_true(size < SIZES + SPARE);
    for (unsigned i = 0; i < OBJECTS; i++)
        look_at(s, i, &seen[size][i]);
    pipe_->v->end(s);
}

static void compare(const struct seen *a, const struct seen *b, uint64_t size, unsigned object)
{
    const struct ate__object_facts *f = &a->facts, *g = &b->facts;
    bool same = f->live == g->live && !strcmp(a->text, b->text) &&
                !memcmp(a->holder, b->holder, sizeof a->holder) &&
                a->child_count == b->child_count &&
                !memcmp(a->child, b->child, a->child_count * sizeof *a->child);
    if (f->live && object)
        same = same && f->sequence == g->sequence && f->created_sequence == g->created_sequence &&
               f->created_us == g->created_us && f->updated_us == g->updated_us &&
               ate__hash_equal(&f->body, &g->body) && ate__id_equal(&f->parent, &g->parent) &&
               f->collection == g->collection && f->tag_count == g->tag_count &&
               !memcmp(f->tags, g->tags, (size_t)f->tag_count * ATE__NAME_TAG);
    else
        same = same && f->deleted == g->deleted && (!f->deleted || f->sequence == g->sequence);
    if (f->live)
        same = same && !f->control == !g->control && ate__hash_equal(&a->control, &b->control);
    if (!same)
        fail_msg("size %llu, object %u: \"%s\" for \"%s\", live %d for %d, sequence %llu for %llu, "
                 "created %llu for %llu, %u children for %u",
                 (unsigned long long)size, object, b->text, a->text, g->live, f->live,
                 (unsigned long long)g->sequence, (unsigned long long)f->sequence,
                 (unsigned long long)g->created_sequence, (unsigned long long)f->created_sequence,
                 b->child_count, a->child_count);
}

static struct ate__pipe *past(uint64_t size, bool whole)
{
    struct ate__past_conf conf = {.size = size, .whole = whole};
    struct ate__pipe *p;
    kit_ok(ate__past_open(pipe_, kit.chain, &conf, &p));
    return p;
}

/* All objects, each time from another one on; of some sizes each object alone. */
static void compare_all(uint64_t size, bool whole)
{
    struct seen now;
    struct ate__snapshot *s;
    struct ate_hash root, want;
    uint64_t at;
    struct ate__pipe *p = past(size, whole);
    kit_ok(p->v->begin(p, &s));
    for (unsigned i = 0; i < OBJECTS; i++) {
        unsigned object = (unsigned)(i + size) % OBJECTS;
        look_at(s, object, &now);
        compare(&seen[size][object], &now, size, object);
    }
    p->v->head(s, &at, &root);
    kit_ok(ate__chain_root_at(kit.chain, size, &want));
    assert_true(at == size && ate__hash_equal(&root, &want));
    p->v->end(s);
    p->v->unref(p);
}

static void compare_one(uint64_t size, unsigned object)
{
    struct seen now;
    struct ate__snapshot *s;
    struct ate__pipe *p = past(size, false);
    kit_ok(p->v->begin(p, &s));
    look_at(s, object, &now);
    compare(&seen[size][object], &now, size, object);
    p->v->end(s);
    p->v->unref(p);
}

/* ---- random histories ---- */

struct maker {
    struct rnd r;
    struct ate__auth auth[2];
    unsigned counter;
};

/* Of each object but the filler. */
static void change(struct maker *m, struct draft *d, unsigned object)
{
    static char text[24];
    struct ate__object_facts f = kit_facts(&kit, object);
    struct ate_hash prev = f.body;
    unsigned parent = (unsigned)rnd_below(&m->r, FILLER), what = (unsigned)rnd_below(&m->r, 10);
    struct draft_body b = {.id = id_of(object), .prev = f.live ? &prev : NULL, .parent = f.parent};
    const struct ate_hash *control = f.control ? &f.control->hash : NULL;
    snprintf(text, sizeof text, "text %u", m->counter++);
    b.payload = ate__text_bytes(text);
    if (f.live && what == 0) {
        draft_tombstone(d, id_of(object), f.body, true);
    } else if (f.live && what == 1) {
        draft_tombstone(d, id_of(object), f.body, false);
    } else if (f.live && what == 2) {
        d->signer[0] = kit_key(0);
        d->signer_count = 1;
        draft_control(d, id_of(object), control, &m->auth[m->counter % 2]);
    } else {
        bool stays = f.live && what < 7;
        b.parent = stays ? f.parent : id_of(parent == object ? 0 : parent);
        if (stays && f.tag_count) {
            b.tags = f.tags;
            b.tag_count = f.tag_count;
        } else if (!stays && what != 9) {
            b.name = names[rnd_below(&m->r, NAMES)];
        }
        draft_body(d, &b);
    }
}

/* One transaction of up to three changes; many are refused, which is fine. */
static bool commit_one(struct maker *m)
{
    struct draft d;
    unsigned first = (unsigned)rnd_below(&m->r, FILLER - 1), n = 1 + (unsigned)rnd_below(&m->r, 3);
    kit_begin(&kit, &d);
    for (unsigned i = 0; i < n; i++)
        change(m, &d, 1 + (first + i) % (FILLER - 1));
    int rc = kit_commit(&kit, &d);
    draft_deinit(&d);
    assert_true(rc == 0 || (rc > 0 && rc != ATE_UNKNOWN));
    return rc == 0;
}

static void make_history(uint64_t seed, uint64_t size)
{
    struct maker m = {.r = rnd_of(seed)};
    m.auth[0] = auth_write(ATE__RULE_EVERYONE);
    m.auth[1] = (struct ate__auth){.rule = {{.who = ATE__RULE_EVERYONE}}};
    remember();
    while (kit_size(&kit) < size) {
        simenv_pass_ms(&kit.sim, 1 + rnd_below(&m.r, 50));
        unsigned tries = 0;
        while (!commit_one(&m))
            if (++tries % 100 == 0) { /* all was deleted a moment ago */
                kit_put_ok(&kit, FILLER, "x");
                remember();
            }
        remember();
        ate__view_reclaim(ate__chain_view(kit.chain), 0);
    }
}

static void every_size(bool memory, uint64_t seed)
{
    begin(memory, seed);
    make_history(seed, SIZES);
    if (!memory)
        reopen();
    for (uint64_t size = 1; size <= kit_size(&kit); size++) {
        compare_all(size, false);
        compare_one(size, (unsigned)size % OBJECTS);
        if (size % 5 == 0)
            compare_all(size, true);
    }
    end();
}

static void agrees_with_what_was(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(5);
    every_size(true, seed);
    every_size(false, seed + 1);
    every_size(true, seed + 2);
}

/* ---- by hand ---- */

static void sizes_that_never_were(void **state)
{
    (void)state;
    struct ate__past_conf conf = {.size = 0};
    struct ate__pipe *p;
    begin(true, 3);
    kit_put_ok(&kit, 1, "x");
    assert_int_equal(ate__past_open(pipe_, kit.chain, &conf, &p), ATE_NOT_FOUND);
    conf.size = 3;
    assert_int_equal(ate__past_open(pipe_, kit.chain, &conf, &p), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "the newest sequence is 1, not "));
    end();
}

/* Without memory each question fails and the next one is answered. */
static void out_of_memory(void **state)
{
    (void)state;
    struct seen now;
    struct ate__snapshot *s;
    struct ate__past_conf conf = {.size = 30};
    struct ate__pipe *p;
    heap_start();
    begin(true, 9);
    make_history(9, 60);
    for (unsigned whole = 0; whole < 2; whole++) {
        conf.whole = whole;
        for (size_t n = 1;; n++) {
            heap_fail(n, false);
            int rc = ate__past_open(pipe_, kit.chain, &conf, &p);
            heap_fail(0, false);
            if (!rc)
                break;
            assert_int_equal(rc, ATE_E_MEMORY);
        }
        kit_ok(p->v->begin(p, &s));
        for (unsigned i = 0; i < OBJECTS; i++) {
            const struct ate__facts *f = p->v->facts(s);
            struct ate_id id = id_of(i), other;
            uint64_t at = 0;
            for (size_t n = 1;; n++) {
                struct ate__object_facts facts;
                heap_fail(n, false);
                int rc = f->v->object(f, &id, &facts);
                rc = rc ? rc
                        : f->v->next_child(f, &(struct ate__listing){.parent = id}, &at, &other);
                heap_fail(0, false);
                if (!rc || rc == ATE_END)
                    break;
                assert_int_equal(rc, ATE_E_MEMORY);
            }
            look_at(s, i, &now);
            compare(&seen[30][i], &now, 30, i);
        }
        p->v->end(s);
        p->v->unref(p);
    }
    end();
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_what_was),
        cmocka_unit_test(sizes_that_never_were),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
