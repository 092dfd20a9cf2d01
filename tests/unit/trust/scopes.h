/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * scopes.h: sessions and real control events of private scopes, for the tests of sealing.
 */
#pragma once
#include "world.h"
#include "trust/data_key.h"

/* Holds the private keys of the bits set in `keys`, the lowest first. */
static inline struct ate_session *session_of(unsigned keys)
{
    struct ate_session *s;
    assert_int_equal(ate__session_new(&s), 0);
    for (unsigned i = 0; i < 8; i++)
        if (keys >> i & 1)
            assert_int_equal(ate__session_add(s, world_key(NULL, i)), 0);
    return s;
}

/* struct ate__scope_plan: from a session, arg. */
static inline int session_public_key(void *arg, const struct ate_hash *fingerprint,
                                     struct ate__buf *buf)
{
    struct ate_bytes bytes;
    int rc = ate__session_public(arg, fingerprint, &bytes);
    return rc ? rc : ate__buf_append(buf, bytes);
}

static inline struct ate_hash key_fingerprint(unsigned i)
{
    struct ate__key *key = world_key(NULL, i);
    struct ate_hash fingerprint = key->fingerprint;
    ate__key_free(key);
    return fingerprint;
}

/* The header as an event in force. */
static inline struct ate__control *control_from(struct ate__buf *take_header,
                                                struct ate__control *older)
{
    struct ate__event event = {.form = ATE__BARE, .bytes = ate__buf_bytes(take_header)};
    struct ate__event_in in = {.form = ATE__BARE, .header = ate__buf_bytes(take_header)};
    enum ate__event_kind kind = ATE__EVENT_BODY;
    struct ate__control *control;
    if (ate__header_decode(event.bytes, &event.header) || ate__header_kind(&event.header, &kind))
        fail_msg("control event: %s", ate__error_text());
    assert_int_equal(kind, ATE__EVENT_CONTROL);
    event.kind = (uint8_t)kind;
    assert_int_equal(ate__event_hash(ATE__SHA256, &in, &event.hash), 0);
    assert_int_equal(ate__control_new(&event, older ? older->sequence + 1 : 1, older, &control), 0);
    ate__buf_deinit(take_header);
    return control;
}

/* The rule of the keys in the bits of `keys`. */
static inline struct ate__rule rule_of_keys(struct world *w, unsigned keys)
{
    struct ate_hash fingerprints[8];
    uint32_t count = 0;
    for (unsigned i = 0; i < 8; i++)
        if (keys >> i & 1)
            fingerprints[count++] = key_fingerprint(i);
    return rule_of(w, fingerprints, count);
}

/* Plans a scope for these readers, with public keys from a session that holds all of them. */
static inline struct ate__scope_plan plan_of(struct world *w, unsigned object, unsigned readers,
                                             struct ate_session *everybody)
{
    struct ate__scope_plan plan = {
        .object = id_of(object),
        .new_name_key = true,
        .public_key = session_public_key,
        .arg = everybody,
    };
    plan.auth.rule[ATE__RIGHT_READ] = rule_of_keys(w, readers);
    return plan;
}

/* Carries it out; the new control event, with prev behind it. */
static inline struct ate__control *carry_out(const struct ate__seal_env *e, struct ate_session *s,
                                             const struct ate__scope_plan *plan)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__data_key *key;
    if (ate__control_make(e, s, plan, &header, &key))
        fail_msg("%s", ate__error_text());
    ate__data_key_unref(key);
    return control_from(&header, (struct ate__control *)(uintptr_t)plan->prev);
}
