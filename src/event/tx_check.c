/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tx_check.c: the rules that an event or a signature keeps, whether it was read or is to be
 * written.
 */
#include "event/field.h"
#include "event/tx_parts.h"

static const char *const form_names[] = {"DROPPED", "BARE", "CLEAR", "CIPHER", "STRIPPED"};

/* Which forms a kind may stand in: a payload is where body events have one, and it is encrypted
 * where CONF says so. What a reserved event may look like is not known yet. */
static bool form_fits(const struct ate__event *e)
{
    if (e->kind == ATE__EVENT_RESERVED)
        return true;
    if (e->kind != ATE__EVENT_BODY || ate__header_has(&e->header, ATE__TAG_TOMBSTONE))
        return e->form == ATE__BARE;
    if (ate__header_has(&e->header, ATE__TAG_CONF))
        return e->form == ATE__CIPHER || e->form == ATE__STRIPPED;
    return e->form == ATE__BARE || e->form == ATE__CLEAR || e->form == ATE__STRIPPED;
}

int ate__event_check(struct ate__event *e)
{
    int rc = ate__header_decode(e->bytes, &e->header);
    enum ate__event_kind kind;
    if (!rc)
        rc = ate__header_kind(&e->header, &kind);
    if (rc)
        return ate__context(rc, "header");
    e->kind = (uint8_t)kind;
    if (kind == ATE__EVENT_BODY && e->bytes.size > ATE__BODY_HEADER_MAX)
        return ate__field_over("bytes of a body event's header", e->bytes.size,
                               ATE__BODY_HEADER_MAX);
    if (!form_fits(e))
        return ate__fail(ATE_MALFORMED, "such an event does not stand in form %s",
                         form_names[e->form]);
    if (e->salt.size != (e->form == ATE__CLEAR ? ATE__SALT_SIZE : 0))
        return ate__fail(ATE_MALFORMED, "a salt of %zu bytes in form %s", e->salt.size,
                         form_names[e->form]);
    if (e->form == ATE__BARE && e->payload_size)
        return ate__fail(ATE_MALFORMED, "a payload in form BARE");
    bool cipher = e->form == ATE__CIPHER || ate__header_has(&e->header, ATE__TAG_CONF);
    size_t size_max = cipher ? ATE__CIPHER_MAX : ATE__PAYLOAD_MAX;
    if (e->payload_size > size_max)
        return ate__field_over("bytes of a payload", e->payload_size, size_max);
    return 0;
}

size_t ate__precondition_size(uint8_t kind)
{
    switch ((enum ate__precondition_kind)kind) {
    case ATE__IS_CURRENT: return 1 + 16 + 32;
    case ATE__IS_ABSENT: return 1 + 16;
    case ATE__TAG_FREE: return 1 + 16 + ATE__NAME_TAG;
    }
    return 0;
}

/* Hashes of the path from leaf `index` to the root of a tree of `size` > index leaves: one for each
 * level up to the one where the way joins the right edge, then one for each left neighbour. */
static uint32_t path_count(uint32_t index, uint32_t size)
{
    uint32_t differ = index ^ (size - 1);
    uint32_t inner = differ ? 32 - (uint32_t)__builtin_clz(differ) : 0;
    return inner + (inner < 32 ? (uint32_t)__builtin_popcount(index >> inner) : 0);
}

int ate__batch_check(const struct ate__signature *s)
{
    if (s->batch_index >= s->batch_size)
        return ate__fail(ATE_MALFORMED, "index %u in a batch of %u", s->batch_index, s->batch_size);
    if (s->batch_size > ATE__BATCH_MAX)
        return ate__field_over("transactions of a batch", s->batch_size, ATE__BATCH_MAX);
    if (s->path_count > ATE__BATCH_PATH_MAX)
        return ate__field_over("hashes of a batch path", s->path_count, ATE__BATCH_PATH_MAX);
    uint32_t expected = path_count(s->batch_index, s->batch_size);
    if (s->path_count != expected)
        return ate__fail(ATE_MALFORMED, "a path of %u hashes from %u in a batch of %u; it has %u",
                         s->path_count, s->batch_index, s->batch_size, expected);
    return 0;
}

int ate__signature_check(const struct ate__signature *s)
{
    int rc = ate__batch_check(s);
    if (rc)
        return rc;
    if (!s->bytes.size)
        return ate__fail(ATE_MALFORMED, "a signature of no bytes");
    if (s->bytes.size > ATE__SIGNATURE_MAX)
        return ate__field_over("bytes of a signature", s->bytes.size, ATE__SIGNATURE_MAX);
    return 0;
}
