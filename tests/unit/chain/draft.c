/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * draft.c: transactions put together event by event.
 */
#include "draft.h"
#include <stdlib.h>

struct block {
    struct block *next;
    max_align_t data[];
};

static void *keep(struct draft *d, size_t size)
{
    struct block *b = calloc(1, sizeof *b + size);
    assert_non_null(b);
    b->next = d->blocks;
    d->blocks = b;
    return b->data;
}

static struct ate_bytes copy(struct draft *d, struct ate_bytes bytes)
{
    if (!bytes.data)
        return bytes;
    void *to = keep(d, bytes.size);
    if (bytes.size)
        memcpy(to, bytes.data, bytes.size);
    return ate__bytes(to, bytes.size);
}

void draft_init(struct draft *d, const struct ate_hash *chain_id)
{
    *d = (struct draft){.in.chain_id = *chain_id};
    memset(d->in.id.origin, 0x0f, sizeof d->in.id.origin);
}

void draft_deinit(struct draft *d)
{
    for (struct block *b = d->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(d->events);
    free(d->hashes);
    ate__buf_deinit(&d->encoded);
    *d = (struct draft){.count = 0};
}

static void sign(struct draft *d)
{
    struct ate__buf bytes[DRAFT_SIGNERS] = {ATE__BUF_NULL};
    struct ate__signature signatures[DRAFT_SIGNERS];
    for (uint32_t i = 0; i < d->signer_count; i++)
        assert_int_equal(
            ate__trust_sign(NULL, d->signer[i], ATE__SHA256, &d->hash, &bytes[i], &signatures[i]),
            0);
    assert_int_equal(ate__tx_encode_signatures(signatures, d->signer_count, &d->encoded), 0);
    for (uint32_t i = 0; i < d->signer_count; i++)
        ate__buf_deinit(&bytes[i]);
}

static void encode_unsigned(struct draft *d)
{
    ate__buf_clear(&d->encoded);
    free(d->hashes);
    d->hashes = calloc(d->count + 1, sizeof *d->hashes);
    assert_non_null(d->hashes);
    d->in.events = d->events;
    d->in.event_count = d->count;
    d->in.preconditions = d->preconditions;
    d->in.precondition_count = d->precondition_count;
    int rc = ate__tx_encode_hashes(&d->in, ATE__SHA256, &d->encoded, d->hashes, &d->hash);
    if (rc)
        fail_msg("encode: %s: %s", ate__result_name(rc), ate__error_text());
}

void draft_encode_batch(struct draft *const *d, uint32_t count, const struct ate__key *key)
{
    struct ate__to_sign *s = calloc(count, sizeof *s);
    struct ate__buf *bytes = calloc(count, sizeof *bytes);
    assert_true(s && bytes);
    for (uint32_t i = 0; i < count; i++) {
        encode_unsigned(d[i]);
        s[i] = (struct ate__to_sign){.tx_hash = d[i]->hash,
                                     .ret_bytes = &bytes[i],
                                     .next = i + 1 < count ? &s[i + 1] : NULL};
    }
    assert_int_equal(ate__trust_sign_batch(NULL, key, ATE__SHA256, s), 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(ate__tx_encode_signatures(&s[i].signature, 1, &d[i]->encoded), 0);
        ate__buf_deinit(&bytes[i]);
    }
    free(s);
    free(bytes);
}

struct ate_bytes draft_encode(struct draft *d)
{
    encode_unsigned(d);
    sign(d);
    return ate__buf_bytes(&d->encoded);
}

struct ate__tx draft_tx(struct draft *d)
{
    struct ate__tx tx;
    int rc = ate__tx_decode(draft_encode(d), ATE__SHA256, &tx);
    if (rc)
        fail_msg("decode: %s: %s", ate__result_name(rc), ate__error_text());
    return tx;
}

void draft_event(struct draft *d, uint8_t form, struct ate_bytes header, struct ate_bytes payload)
{
    static const uint8_t salt[16] = {5, 4, 3, 2, 1};
    if (d->count == d->capacity) {
        d->capacity = d->capacity ? d->capacity * 2 : 8;
        d->events = realloc(d->events, d->capacity * sizeof *d->events);
        assert_non_null(d->events);
    }
    d->events[d->count++] = (struct ate__event_in){
        .form = form,
        .header = copy(d, header),
        .salt = ate__bytes(form == ATE__CLEAR ? salt : NULL, form == ATE__CLEAR ? 16 : 0),
        .payload = form == ATE__BARE ? (struct ate_bytes){0} : copy(d, payload),
    };
}

static void end_event(struct draft *d, uint8_t form, struct ate__header_wr *w,
                      struct ate__buf *header, struct ate_bytes payload)
{
    assert_int_equal(ate__header_end(w), 0);
    draft_event(d, form, ate__buf_bytes(header), payload);
    ate__buf_deinit(header);
}

void draft_body(struct draft *d, const struct draft_body *b)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t tag[ATE__NAME_TAG];
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&b->id, sizeof b->id));
    if (b->prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(b->prev, sizeof *b->prev));
    ate__header_parent(&w, &b->parent, b->collection);
    if (b->name) {
        assert_int_equal(ate__name_tag_open(ATE__SHA256, &(struct ate_place){.parent = b->parent},
                                            ate__text_bytes(b->name), tag),
                         0);
        ate__header_item(&w, ATE__TAG_TAG, ate__bytes(tag, sizeof tag));
    } else if (b->tag_count) {
        ate__header_item(&w, ATE__TAG_TAG,
                         ate__bytes(b->tags, (size_t)b->tag_count * ATE__NAME_TAG));
    }
    if (b->name && !b->conf)
        ate__header_item(&w, ATE__TAG_NAME, ate__text_bytes(b->name));
    if (b->conf)
        ate__header_conf(&w, b->conf);
    uint8_t form = b->conf ? ATE__CIPHER : b->payload.data ? ATE__CLEAR : ATE__BARE;
    end_event(d, form, &w, &header, b->payload);
}

void draft_text(struct draft *d, struct ate_id id, const struct ate_hash *prev, const char *text)
{
    draft_body(d, &(struct draft_body){.id = id, .prev = prev, .payload = ate__text_bytes(text)});
}

void draft_tombstone(struct draft *d, struct ate_id id, struct ate_hash prev, bool subtree)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    uint8_t flag = subtree;
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_item(&w, ATE__TAG_PREV, ate__bytes(&prev, sizeof prev));
    ate__header_item(&w, ATE__TAG_TOMBSTONE, ate__bytes(&flag, 1));
    end_event(d, ATE__BARE, &w, &header, (struct ate_bytes){0});
}

void draft_control(struct draft *d, struct ate_id id, const struct ate_hash *prev,
                   const struct ate__auth *auth)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    if (prev)
        ate__header_item(&w, ATE__TAG_PREV, ate__bytes(prev, sizeof *prev));
    ate__header_auth(&w, auth);
    end_event(d, ATE__BARE, &w, &header, (struct ate_bytes){0});
}

void draft_item(struct draft *d, enum ate__tag tag, struct ate_bytes bytes)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_item(&w, tag, bytes);
    end_event(d, ATE__BARE, &w, &header, (struct ate_bytes){0});
}

void draft_require(struct draft *d, uint8_t kind, struct ate_id id, const struct ate_hash *hash)
{
    assert_true(d->precondition_count < DRAFT_PRECONDITIONS);
    d->preconditions[d->precondition_count++] =
        (struct ate__precondition){kind, id, hash ? *hash : (struct ate_hash){{0}}};
}

struct ate_id id_of(unsigned n)
{
    struct ate_id id = {{0}};
    if (n)
        id = (struct ate_id){
            {0xa0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 1}};
    return id;
}

struct ate__auth auth_write(uint8_t who)
{
    return (struct ate__auth){.rule[ATE__RIGHT_WRITE].who = who};
}

struct ate__rule draft_rule(struct draft *d, const struct ate_hash *keys, uint32_t count)
{
    struct ate_hash *sorted = keep(d, count * sizeof *sorted);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at && memcmp(&keys[i], &sorted[at - 1], sizeof *sorted) < 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = keys[i];
    }
    return (struct ate__rule){ATE__RULE_ANY_OF, count, sorted[0].b};
}
