/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * name.c: names, their tags, the name keys behind private tags, and whether a name is what it says.
 */
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/accept.h"
#include "trust/data_key.h"
#include "trust/limits.h"

static const char tag_label[] = "ate open name 1";
static const char collection_tag_label[] = "ate collection name 1";

int ate__name_check(struct ate_bytes name)
{
    if (!name.size)
        return ate__fail(ATE_MALFORMED, "name: empty");
    if (name.size > ATE__NAME_MAX)
        return ate__fail(ATE_MALFORMED, "name: %zu bytes; %d are the most", name.size,
                         ATE__NAME_MAX);
    if (memchr(name.data, '/', name.size) || memchr(name.data, 0, name.size))
        return ate__fail(ATE_MALFORMED, "name: it holds a '/' or a zero byte");
    if (ate__bytes_equal(name, ate__text_bytes(".")) ||
        ate__bytes_equal(name, ate__text_bytes("..")))
        return ate__fail(ATE_MALFORMED, "name: \".\" and \"..\" name no object");
    return 0;
}

/* What both tags are made over. */
struct frame {
    const char *label;
    uint8_t collection[4];
    struct ate_bytes fields[3];
    size_t count;
};

static void frame_of(const struct ate_place *place, struct ate_bytes name, struct frame *f)
{
    *f = (struct frame){.label = tag_label};
    f->fields[f->count++] = ate__bytes(&place->parent, sizeof place->parent);
    if (place->collection) {
        ate__store32(f->collection, place->collection);
        f->label = collection_tag_label;
        f->fields[f->count++] = ate__bytes(f->collection, sizeof f->collection);
    }
    f->fields[f->count++] = name;
}

int ate__name_tag_open(enum ate__hash_alg alg, const struct ate_place *place, struct ate_bytes name,
                       uint8_t ret_tag[ATE__NAME_TAG])
{
    struct ate_hash hash;
    struct frame f;
    frame_of(place, name, &f);
    int rc = ate__hash(alg, f.label, f.fields, f.count, &hash);
    if (!rc)
        memcpy(ret_tag, hash.b, ATE__NAME_TAG);
    return rc;
}

int ate__name_tag_private(const struct ate__key32 *name_key, const struct ate_place *place,
                          struct ate_bytes name, uint8_t ret_tag[ATE__NAME_TAG])
{
    struct ate_hash hash;
    struct frame f;
    frame_of(place, name, &f);
    int rc = ate__hmac(ate__bytes(name_key, sizeof *name_key), f.label, f.fields, f.count, &hash);
    if (!rc)
        memcpy(ret_tag, hash.b, ATE__NAME_TAG);
    return rc;
}

static int open_one(const struct ate__seal_env *e, struct ate_session *s,
                    const struct ate__control *namer, const struct ate__control *scope_control,
                    struct ate__key32 *ret_name_key)
{
    const struct ate__namekey_item *item = &namer->header.namekey;
    ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
    char object[ATE__ID_TEXT];
    int rc = ate__data_key_open(e, s, scope_control, &item->data_key_id, &key);
    if (rc)
        return ate__context(rc, "name key of %s", ate__id_text(&namer->object, object));
    rc = ate__name_key_unwrap(e, key, &namer->object, item->bytes, ret_name_key);
    return rc == ATE_NO_KEY
               ? ate__fail(ATE_TAMPERED, "name key of %s: its data key does not open it",
                           ate__id_text(&namer->object, object))
               : rc;
}

/* The oldest control event of the object that carries its name key under an epoch of its own. */
static const struct ate__control *first_named(const struct ate__control *namer)
{
    const struct ate__control *first = namer;
    for (const struct ate__control *c = namer; c; c = ate__control_before(c))
        if (ate__header_has(&c->header, ATE__TAG_NAMEKEY) && c->header.namekey.wrapped &&
            ate__header_has(&c->header, ATE__TAG_EPOCH))
            first = c;
    return first;
}

/* rc: what came of that of namer, *name_key where it is 0. Who reads an epoch reads those below. */
static int open_first(const struct ate__seal_env *e, struct ate_session *s,
                      const struct ate__control *namer, const struct ate__control *scope_control,
                      int rc, struct ate__key32 *name_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 older = {{0}};
    const struct ate__control *first = first_named(namer);
    if (first == namer)
        return rc;
    int opened = open_one(e, s, first, namer, &older);
    if (opened > 0)
        return rc ? open_one(e, s, namer, scope_control, name_key) : 0; /* its sentence */
    if (!opened)
        *name_key = older;
    return opened;
}

int ate__name_key_open(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__control *namer, const struct ate__control *scope_control,
                       struct ate__key32 *ret_name_key)
{
    const struct ate__namekey_item *item = &namer->header.namekey;
    if (!item->wrapped) {
        memcpy(ret_name_key, item->bytes.data, sizeof *ret_name_key);
        return 0;
    }
    struct ate__secret_place place = {e->chain_id, item->data_key_id, namer->object};
    if (ate__session_recall_name(s, &place, ret_name_key))
        return 0;
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    int rc = open_one(e, s, namer, scope_control, &name_key);
    if (!rc || rc == ATE_TAMPERED || (rc == ATE_NO_KEY && ate__epoch_names(scope_control, s)))
        rc = open_first(e, s, namer, scope_control, rc, &name_key);
    if (!rc)
        rc = ate__session_remember_name(s, &place, &name_key);
    if (!rc)
        *ret_name_key = name_key;
    return rc;
}

/* Through whatever holds the data key under which it is wrapped. */
static int open_in(const struct ate__seal_env *e, struct ate_session *s,
                   const struct ate__facts *facts, const struct ate__control *namer, size_t *looks,
                   struct ate__key32 *ret_name_key)
{
    const struct ate__control *holder = NULL;
    int rc = 0;
    if (namer->header.namekey.wrapped)
        rc = ate__data_key_holder_near(facts, &namer->object, &namer->header.namekey.data_key_id,
                                       looks, &holder);
    return rc ? rc : ate__name_key_open(e, s, namer, holder, ret_name_key);
}

int ate__name_key_of(const struct ate__seal_env *e, struct ate_session *s,
                     const struct ate__facts *facts, const struct ate_id *parent, bool *ret_private,
                     struct ate__key32 *ret_name_key)
{
    struct ate_id namer;
    const struct ate__control *namer_control;
    int rc = ate__namer_of(facts, parent, &namer, &namer_control);
    *ret_private = !rc && namer_control;
    if (rc || !namer_control)
        return rc;
    if (namer_control->header.namekey.wrapped && !s)
        return ate__fail(ATE_NO_KEY, "the names there are private, and the session has no keys");
    size_t looks = SIZE_MAX;
    return open_in(e, s, facts, namer_control, &looks, ret_name_key);
}

/* ---- of what was moved here ---- */

/* An administrator may write into CAME_FROM what he likes, at each level above: what one name costs
 * has a limit of its own, and each id in it a price, because whoever has keys tries them there. */
enum { OPENING = 64 /* looks */ };

static bool spend(struct ate__way_back *w, size_t looks)
{
    size_t left = ATE__WAY_BACK_MAX - w->looks;
    w->looks += ate__min(looks, left);
    return looks <= left;
}

/* The next id that is named there. END: there is none; *missed if it is because of the limit. */
static int next_before(const struct ate__facts *facts, struct ate__way_back *w, bool *missed,
                       struct ate_id *ret_id)
{
    while (w->above <= ATE__PARENTS_MAX) {
        struct ate__object_facts f;
        if (!spend(w, 1))
            break;
        int rc = ate__facts_object(facts, &w->at, &f);
        if (rc)
            return rc;
        struct ate_bytes ids = ate__facts_came_from(&f);
        if (w->next < ids.size / sizeof *ret_id) {
            if (!spend(w, OPENING))
                break;
            memcpy(ret_id, (const uint8_t *)ids.data + w->next++ * sizeof *ret_id, sizeof *ret_id);
            return 0;
        }
        if (ate__is_top(&w->at) || !f.live)
            return ATE_END;
        w->at = f.parent;
        w->next = 0;
        w->above++;
    }
    *missed = true;
    return ATE_END;
}

/* Of a scope that it was moved out of. Where that is no scope any more its name key may be wrapped
 * for who reads around it by now; under its last epoch it is for those who read it then. */
static int open_before(const struct ate__seal_env *e, struct ate_session *s,
                       const struct ate__facts *facts, const struct ate__control *namer,
                       struct ate__way_back *w, struct ate__key32 *ret_name_key)
{
    const struct ate__control *epoch = ate__control_epoch(namer);
    if (!namer || !ate__header_has(&namer->header, ATE__TAG_NAMEKEY) ||
        (namer->header.namekey.wrapped && !s))
        return ATE_NO_KEY;
    size_t left = ATE__WAY_BACK_MAX - w->looks;
    int rc = open_in(e, s, facts, namer, &left, ret_name_key);
    if ((rc == ATE_NO_KEY || rc == ATE_NOT_FOUND) && s && epoch && epoch != namer)
        rc = open_in(e, s, facts, epoch, &left, ret_name_key);
    w->looks = ATE__WAY_BACK_MAX - left;
    return rc;
}

int ate__name_key_before(const struct ate__seal_env *e, struct ate_session *s,
                         const struct ate__facts *facts, struct ate__way_back *w, bool *missed,
                         struct ate__key32 *ret_name_key)
{
    struct ate_id id;
    int rc;
    while (!(rc = next_before(facts, w, missed, &id))) {
        struct ate__object_facts f;
        rc = ate__facts_object(facts, &id, &f);
        if (!rc)
            rc = open_before(e, s, facts, f.live ? f.control : f.ended, w, ret_name_key);
        if (rc != ATE_NO_KEY && rc != ATE_NOT_FOUND)
            return rc;
        *missed = true;
    }
    return rc;
}

/* ---- names that hold ---- */

/* One tag: private or open. Two, of an object in clear: private, then open. */
static int tags_hold(const struct ate__seal_env *e, const struct ate__key32 *name_key,
                     const struct ate__header *h, struct ate_bytes name, bool *ret_private,
                     bool *ret_open)
{
    const struct ate_place place = {h->parent, h->collection};
    uint8_t tag[ATE__NAME_TAG];
    int rc = 0;
    *ret_private = *ret_open = false;
    if (name_key) {
        rc = ate__name_tag_private(name_key, &place, name, tag);
        *ret_private = !rc && ate__secret_equal(tag, h->tags, sizeof tag);
    }
    if (rc || (*ret_private && h->tag_count == 1))
        return rc;
    rc = ate__name_tag_open(e->alg, &place, name, tag);
    *ret_open = !rc && !memcmp(tag, h->tags + (h->tag_count - 1) * ATE__NAME_TAG, sizeof tag);
    return rc;
}

/* tags_hold(), with the name key in force and with those before it. */
static int any_holds(const struct ate__seal_env *e, struct ate_session *s,
                     const struct ate__facts *facts, const struct ate_id *namer,
                     const struct ate__key32 *in_force, const struct ate__header *h,
                     struct ate_bytes name, bool *missed, bool *ret_private, bool *ret_open)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    struct ate__way_back way = {.at = *namer};
    bool open;
    int rc = tags_hold(e, in_force, h, name, ret_private, ret_open);
    while (!rc && !*ret_private && !(*ret_open && h->tag_count == 1)) {
        rc = ate__name_key_before(e, s, facts, &way, missed, &key);
        if (!rc)
            rc = tags_hold(e, &key, h, name, ret_private, &open);
    }
    return rc == ATE_END || rc == ATE_TAMPERED || rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate__name_is_current(const struct ate__seal_env *e, struct ate_session *s,
                         const struct ate__facts *facts, const struct ate__header *clear,
                         struct ate_bytes name, bool *ret_current)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    bool is_private, gives_private, gives_open;
    int rc = ate__name_key_of(e, s, facts, &clear->parent, &is_private, &key);
    if (!rc)
        rc = tags_hold(e, is_private ? &key : NULL, clear, name, &gives_private, &gives_open);
    if (!rc)
        *ret_current = is_private ? gives_private : gives_open && clear->tag_count == 1;
    return rc;
}

int ate__name_holds(const struct ate__seal_env *e, struct ate_session *s,
                    const struct ate__facts *facts, const struct ate_id *namer,
                    const struct ate__header *clear, struct ate_bytes name, bool *ret_holds)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    bool is_private, gives_private, gives_open;
    *ret_holds = false;
    if (!clear->tag_count) /* NAME needs TAG: it was never accepted */
        return 0;
    int rc = ate__name_key_of(e, s, facts, namer, &is_private, &key);
    if (rc && rc != ATE_NO_KEY) /* a name key that nobody can have names nothing */
        return rc == ATE_TAMPERED ? 0 : rc;
    bool lacks_key = rc == ATE_NO_KEY;
    rc = any_holds(e, s, facts, namer, is_private && !lacks_key ? &key : NULL, clear, name,
                   &lacks_key, &gives_private, &gives_open);
    if (rc)
        return rc;
    if (clear->tag_count == 2)
        *ret_holds = gives_open && (gives_private || lacks_key);
    else
        *ret_holds =
            gives_private || gives_open || (lacks_key && ate__header_has(clear, ATE__TAG_CONF));
    return 0;
}
