/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * story.c: a chain in which objects come, change, move, get rules and go, at random.
 */
#include "story.h"
#include "chain/chain_private.h"

/* A key is brought, and another one revoked. */
static void bring_keys(struct story *s)
{
    struct draft d;
    if (!s->k.log_key) {
        kit_begin(&s->k, &d);
        draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
        d.signer[d.signer_count++] = kit_key(1);
        kit_ok(kit_commit(&s->k, &d));
        draft_deinit(&d);
    }
    kit_begin(&s->k, &d);
    draft_item(&d, ATE__TAG_REVOKE, ate__bytes(&kit_key(2)->fingerprint, 32));
    d.signer[d.signer_count++] = kit_key(0);
    kit_ok(kit_commit(&s->k, &d));
    draft_deinit(&d);
}

static void init(struct story *s, uint64_t seed, struct kit *made)
{
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    struct ate__key32 key_seed;
    struct ate__key *key;
    *s = (struct story){.r = rnd_of(seed)};
    kit_init(&s->k, seed);
    if (!made->genesis_size)
        kit_genesis(made, &open, STORY_WINDOW, 7);
    memcpy(s->k.genesis, made->genesis, made->genesis_size);
    s->k.genesis_size = made->genesis_size;
    s->k.chain_id = made->chain_id;
    s->k.log_key = made->log_key;
    s->k.host = made->log_key != NULL;
    memset(&key_seed, 0x51, sizeof key_seed);
    kit_ok(ate__key_of_seed(&key_seed, NULL, &key));
    kit_ok(ate__session_new(&s->session));
    kit_ok(ate__session_add(s->session, key));
    kit_create_ok(&s->k);
    bring_keys(s);
}

void story_init(struct story *s, uint64_t seed)
{
    static struct kit made; /* signed once */
    init(s, seed, &made);
}

void story_init_central(struct story *s, uint64_t seed)
{
    static struct kit made;
    static struct ate__log_key *log_key;
    if (!log_key)
        kit_ok(ate__log_key_of_seed(&kit_key(1)->seed, &log_key));
    made.log_key = log_key;
    init(s, seed, &made);
}

void story_deinit(struct story *s)
{
    kit_deinit(&s->k);
    ate__session_unref(s->session);
}

void story_fork(struct story *f, const struct story *s, struct simdisk *take_disk, uint64_t seed)
{
    memcpy(f, s, sizeof *s);
    f->session = ate__session_ref(s->session);
    kit_take(&f->k, &s->k, take_disk, seed);
}

/* ---- at random ---- */

static unsigned any(struct story *s)
{
    return 1 + (unsigned)rnd_below(&s->r, STORY_OBJECTS - 1);
}

/* Of ten objects that live on, or of the others, which come and go. */
static void body(struct story *s, struct draft *d, unsigned n, bool move)
{
    char text[1000];
    struct ate__object_facts f = kit_facts(&s->k, n);
    unsigned above = rnd_below(&s->r, 3) ? 0 : any(s), parent = above == n ? 0 : above;
    struct draft_body b = {.id = id_of(n), .parent = f.live && !move ? f.parent : id_of(parent)};
    size_t size = 40 + rnd_below(&s->r, 700);
    memset(text, 'a' + (int)rnd_below(&s->r, 26), size);
    text[size] = 0;
    b.prev = f.live ? &f.body : NULL;
    b.collection = f.live && !move ? f.collection : (uint32_t)rnd_below(&s->r, 3);
    b.payload = ate__text_bytes(text);
    draft_body(d, &b);
}

static void control(struct story *s, struct draft *d, unsigned n)
{
    struct ate__object_facts f = kit_facts(&s->k, n);
    struct ate__auth auth =
        auth_write(rnd_below(&s->r, 2) ? ATE__RULE_EVERYONE : ATE__RULE_INHERIT);
    if (f.live)
        draft_control(d, id_of(n), f.control ? &f.control->hash : NULL, &auth);
}

static void act(struct story *s, struct draft *d)
{
    unsigned n = any(s);
    struct ate__object_facts f = kit_facts(&s->k, n);
    uint64_t what = rnd_below(&s->r, 20);
    if (what == 0 && f.live && n > 10)
        draft_tombstone(d, id_of(n), f.body, true);
    else if (what == 1)
        control(s, d, n);
    else
        body(s, d, n, what < 5);
}

int story_go_on(struct story *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct draft d;
        kit_begin(&s->k, &d);
        act(s, &d);
        if (rnd_below(&s->r, 40) == 0 && !s->k.log_key)
            d.signer[d.signer_count++] = kit_key(1);
        int rc = d.count ? kit_commit(&s->k, &d) : 0;
        draft_deinit(&d);
        if (rc && rc != ATE_CONFLICT && rc != ATE_DENIED)
            return rc;
    }
    return 0;
}

/* ---- before and after ---- */

static void look(struct story *s, struct story_object *objects)
{
    for (unsigned n = 0; n < STORY_OBJECTS; n++) {
        struct story_object *o = &objects[n];
        *o = (struct story_object){.facts = kit_facts(&s->k, n)};
        if (o->facts.control)
            o->control = o->facts.control->hash;
        o->facts.control = NULL;
        if (o->facts.live && n)
            snprintf(o->text, sizeof o->text, "%s", kit_text(&s->k, n));
        if (o->facts.deleted) /* where it lay */
            memset(&o->facts.parent, 0, sizeof o->facts.parent);
    }
}

static int note_leaf(void *arg, const struct ate__history_record *record)
{
    struct story *s = arg;
    struct ate__tx tx;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    kit_ok(ate__tx_leaf(&tx, ATE__SHA256, record->sequence, record->root_time_us,
                        &s->leaves[record->sequence]));
    ate__tx_deinit(&tx);
    return 0;
}

void story_note(struct story *s)
{
    uint64_t from = s->size;
    s->size = kit_size(&s->k);
    assert_true(s->size < STORY_SIZES);
    for (uint64_t i = from + 1; i <= s->size; i++)
        kit_ok(ate__chain_root_at(s->k.chain, i, &s->roots[i]));
    kit_ok(ate__chain_history(s->k.chain, from, s->size, note_leaf, s));
    look(s, s->objects);
}

static bool same_object(const struct story *s, const struct story_object *a,
                        const struct story_object *b)
{
    if (!a->facts.live && !b->facts.live)
        return a->facts.sequence + STORY_WINDOW < s->size || a->facts.sequence == b->facts.sequence;
    return a->facts.live == b->facts.live && a->facts.sequence == b->facts.sequence &&
           a->facts.created_sequence == b->facts.created_sequence &&
           a->facts.created_us == b->facts.created_us &&
           a->facts.updated_us == b->facts.updated_us &&
           a->facts.collection == b->facts.collection &&
           ate__hash_equal(&a->facts.body, &b->facts.body) &&
           ate__id_equal(&a->facts.parent, &b->facts.parent) &&
           ate__hash_equal(&a->control, &b->control) && !strcmp(a->text, b->text);
}

void story_check_state(struct story *s)
{
    static struct story_object now[STORY_OBJECTS];
    struct ate_hash root;
    if (kit_size(&s->k) <= s->size + 1) { /* and a certificate */
        look(s, now);
        for (unsigned n = 0; n < STORY_OBJECTS; n++)
            if (!same_object(s, &s->objects[n], &now[n]))
                fail_msg("object %u is not as it was: live %d %d, sequence %llu %llu", n,
                         s->objects[n].facts.live, now[n].facts.live,
                         (unsigned long long)s->objects[n].facts.sequence,
                         (unsigned long long)now[n].facts.sequence);
    }
    kit_ok(ate__chain_root_at(s->k.chain, s->size, &root));
    assert_memory_equal(&root, &s->roots[s->size], sizeof root);
}

void story_check(struct story *s)
{
    struct ate__proof proof;
    struct ate_hash root;
    story_check_state(s);
    for (uint64_t i = 1; i <= s->size; i++) {
        kit_ok(ate__chain_root_at(s->k.chain, i, &root));
        assert_memory_equal(&root, &s->roots[i], sizeof root);
        kit_ok(ate__chain_consistency(s->k.chain, i, s->size, &proof));
        kit_ok(ate__merkle_check_consistency(i, &s->roots[i], s->size, &s->roots[s->size], &proof));
        kit_ok(ate__chain_inclusion(s->k.chain, i - 1, s->size, &proof));
        kit_ok(ate__merkle_check_inclusion(&s->leaves[i - 1], i - 1, s->size, &proof,
                                           &s->roots[s->size]));
    }
}

int story_compact(struct story *s, uint64_t cut_off, struct ate__compacted *ret)
{
    struct ate__compact_conf conf = {
        .deep = true,
        .cut_off = cut_off,
        .session = s->k.log_key ? NULL : s->session,
        .gain_percent = 1,
    };
    return ate__chain_compact(s->k.chain, &conf, ret);
}
