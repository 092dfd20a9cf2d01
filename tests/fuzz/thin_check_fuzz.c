/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_check_fuzz.c: ate__msg_got_decode(), ate__thin_check(): what a server shows to a thin
 * client.
 *
 * Input: u8 what is asked for, patches (patch.h) of the honest answer's body; or, where the first
 * byte is 0xff, the rest is the body. An object that is believed is one of the history.
 */
#include "base/assert.h"
#include "patch.h"
#include "unit/mesh/thin_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct thin_world w;
static struct past_answer answer; /* large */

/* Keys lie in memory that leak checkers do not look through. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static const uint8_t asked[] = {0, 1, 2, 3, 4, 9};

/* Object 0 to 4 or one that is not there; its name; its children. */
static struct ate__msg_get question(unsigned what, struct ate_id *id)
{
    static const char *const names[] = {"", "one", "two", "three", "four", "nine"};
    static const uint8_t parents[] = {0, 0, 1, 2, 0, 0};
    unsigned which = what % ATE__COUNT_OF(asked);
    struct ate__msg_get get = {.request = 1, .flags = what & 64 ? ATE__GET_NO_PAYLOAD : 0};
    *id = id_of(asked[which]);
    get.kind = (uint8_t)(ATE__GET_OBJECTS + what / ATE__COUNT_OF(asked) % 3);
    if (get.kind == ATE__GET_OBJECTS) {
        get.id_count = 1;
        get.ids = (const uint8_t *)id;
    } else if (get.kind == ATE__GET_CHILDREN) {
        get.listing.parent = *id;
    } else {
        get.parent = id_of(parents[which]);
        get.tag_count = 1;
        past_tag(get.parent, names[which], get.tags);
    }
    return get;
}

static bool in_history(const struct ate_hash *event)
{
    for (uint64_t i = 0; i < w.past->size; i++)
        for (uint32_t n = 0; n < w.past->tx[i].event_count; n++)
            if (ate__hash_equal(&w.past->tx[i].events[n].hash, event))
                return true;
    return false;
}

static void check_known(const struct ate__thin_known *known)
{
    for (unsigned i = 0; i < ATE__COUNT_OF(asked); i++) {
        struct ate__thin_object *o;
        struct ate_id id = id_of(asked[i]);
        if (!ate__thin_known_find(known, &id, &o) || !o)
            continue;
        ate__assert(i == 0 || in_history(&o->hash));
        for (size_t n = 0; n < o->control_count; n++)
            ate__assert(in_history(&o->controls[n]->hash));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!w.past)
        thin_init(&w, thin_family());
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate__head head = past_head(w.past, w.past->size);
    struct ate__thin_known known;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__msg_got got;
    struct ate_id id;
    unsigned what = ate__rd_u8(&r);
    struct ate__msg_get get = question(what, &id);
    bool changed = true;
    past_answer_get(w.past, &get, w.past->size, &answer);
    if (what == 0xff) {
        ate__assert(!ate__buf_append(&body, ate__rd_bytes(&r, ate__rd_left(&r))));
    } else {
        past_answer_encode(&answer, 1, w.past->size, &body);
        changed = fuzz_patch(&r, body.data, body.size);
    }
    past_answer_free(&answer);
    ate__thin_known_init(&known, &w.sim.env);
    int rc = ate__msg_got_decode(ate__buf_bytes(&body), &got);
    if (!rc)
        rc = ate__thin_check(&w.chain, &head, &get, &got, &known);
    ate__assert(changed || !rc);
    check_known(&known);
    ate__thin_known_deinit(&known);
    ate__buf_deinit(&body);
    return 0;
}
