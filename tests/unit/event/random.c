/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * random.c: valid headers and transactions at random.
 */
#include "random.h"
#include "crypto/kem.h"
#include "lib/check.h"
#include <stdlib.h>

void arena_clear(struct arena *a)
{
    while (a->count)
        free(a->blocks[--a->count]);
}

static void *take(struct arena *a, size_t size)
{
    assert_true(a->count < ATE__COUNT_OF(a->blocks));
    void *p = calloc(1, size ? size : 1);
    assert_non_null(p);
    return a->blocks[a->count++] = p;
}

uint8_t *arena_bytes(struct arena *a, size_t size)
{
    uint8_t *p = take(a, size);
    rnd_bytes(&a->rnd, p, size);
    return p;
}

static bool coin(struct arena *a)
{
    return rnd_below(&a->rnd, 2);
}

static struct ate_bytes some(struct arena *a, size_t size_min, size_t size_max)
{
    size_t size = size_min + rnd_below(&a->rnd, size_max - size_min + 1);
    return ate__bytes(arena_bytes(a, size), size);
}

static struct ate_id random_id(struct arena *a)
{
    struct ate_id id;
    rnd_bytes(&a->rnd, &id, sizeof id);
    return id;
}

static int compare_hashes(const void *x, const void *y)
{
    return memcmp(x, y, 32);
}

static const uint8_t *sorted_hashes(struct arena *a, uint32_t count)
{
    uint8_t *p = arena_bytes(a, 32 * (size_t)count);
    qsort(p, count, 32, compare_hashes);
    return p;
}

/* ---- headers ---- */

static void put(struct arena *a, struct ate__header_wr *w, unsigned tag, size_t size_min,
                size_t size_max)
{
    ate__header_item(w, tag, some(a, size_min, size_max));
}

static void put_text(struct arena *a, struct ate__header_wr *w, unsigned tag)
{
    struct ate_bytes text = some(a, 1, 20);
    for (size_t i = 0; i < text.size; i++)
        ((uint8_t *)(uintptr_t)text.data)[i] &= 0x7f;
    ate__header_item(w, tag, text);
}

static void put_user(struct arena *a, struct ate__header_wr *w)
{
    for (unsigned tag = 0x8000; coin(a) && tag < 0xfff0;
         tag += 1 + (unsigned)rnd_below(&a->rnd, 999))
        put(a, w, tag, 0, 300);
}

static void put_body(struct arena *a, struct ate__header_wr *w, bool private)
{
    struct ate_id parent = coin(a) ? random_id(a) : (struct ate_id){{0}};
    struct ate__conf_item conf;
    bool tag = coin(a), clear = !private;
    put(a, w, ATE__TAG_OBJECT, 16, 16);
    if (coin(a))
        put(a, w, ATE__TAG_PREV, 32, 32);
    ate__header_parent(w, &parent, (uint32_t)rnd_u64(&a->rnd));
    if (tag) {
        size_t size = clear && coin(a) ? 32 : 16;
        put(a, w, ATE__TAG_TAG, size, size);
    }
    if (tag && clear && coin(a))
        put(a, w, ATE__TAG_NAME, 1, 255);
    if (coin(a))
        put_text(a, w, ATE__TAG_TYPE);
    if (clear && coin(a))
        ate__header_item(w, ATE__TAG_ENCODING, ate__bytes("\2", 1));
    if (private) {
        rnd_bytes(&a->rnd, &conf, sizeof conf);
        ate__header_conf(w, &conf);
    }
    if (clear && coin(a))
        put(a, w, ATE__TAG_REPLY_TO, 16, 16);
    if (private && coin(a))
        put(a, w, ATE__TAG_SEALED, 1200, 1200);
    if (clear)
        put_user(a, w);
}

static void put_epoch(struct arena *a, struct ate__header_wr *w)
{
    struct ate__epoch_item epoch = {.epoch = rnd_below(&a->rnd, 3),
                                    .kem = ATE__KEM_XWING,
                                    .seal_public = some(a, ATE__XWING_PUBLIC, ATE__XWING_PUBLIC)};
    struct ate__recipient recipients[4];
    uint32_t count = (uint32_t)rnd_below(&a->rnd, 5);
    const uint8_t *fingerprints = sorted_hashes(a, count);
    rnd_bytes(&a->rnd, &epoch.data_key_id, sizeof epoch.data_key_id);
    for (uint32_t i = 0; i < count; i++) {
        size_t size = coin(a) ? 40 : ATE__XWING_ENC + 48;
        recipients[i] = (struct ate__recipient){.method = size == 40 ? ATE__WRAPPED_BY_READ_KEY
                                                                     : ATE__SEALED_TO_KEM,
                                                .sealed = some(a, size, size),
                                                .label = some(a, 0, ATE__LABEL_ITEM_MAX)};
        memcpy(&recipients[i].fingerprint, fingerprints + 32 * (size_t)i, 32);
    }
    ate__header_epoch(w, &epoch);
    ate__header_recipients(w, recipients, count);
    if (epoch.epoch && coin(a))
        put(a, w, ATE__TAG_LINK, ATE__LINK_SIZE, ATE__LINK_SIZE);
}

static void put_control(struct arena *a, struct ate__header_wr *w)
{
    struct ate__auth auth = {.rule = {{.who = 0}}};
    for (int i = 0; i < ATE__RIGHTS; i++) {
        struct ate__rule *rule = &auth.rule[i];
        rule->who = (uint8_t)rnd_below(&a->rnd, 4);
        if (rule->who != ATE__RULE_ANY_OF)
            continue;
        rule->count = 1 + (uint32_t)rnd_below(&a->rnd, 5);
        rule->keys = sorted_hashes(a, rule->count);
    }
    put(a, w, ATE__TAG_OBJECT, 16, 16);
    if (coin(a))
        put(a, w, ATE__TAG_PREV, 32, 32);
    ate__header_auth(w, &auth);
    bool epoch = coin(a);
    if (epoch)
        put_epoch(a, w);
    if (coin(a)) {
        struct ate__namekey_item key = {.wrapped = coin(a)};
        if (key.wrapped)
            rnd_bytes(&a->rnd, &key.data_key_id, sizeof key.data_key_id);
        key.bytes = some(a, key.wrapped ? 40 : 32, key.wrapped ? 40 : 32);
        ate__header_namekey(w, &key);
    }
    if (coin(a))
        ate__header_item(w, ATE__TAG_HOLD, ate__bytes("\1", 1));
    if (!epoch && coin(a))
        put(a, w, ATE__TAG_PUBLISHED, ATE__PUBLISHED_SIZE, ATE__PUBLISHED_SIZE);
    if (coin(a)) {
        struct ate_bytes id = some(a, sizeof(struct ate_id), sizeof(struct ate_id));
        ate__header_came_from(w, id);
    }
    put_user(a, w);
}

static void put_keys(struct arena *a, struct ate__header_wr *w, enum ate__tag tag)
{
    struct ate__root_change changes[6];
    uint32_t added = (uint32_t)rnd_below(&a->rnd, 3), count = added + 1;
    const uint8_t *keys = sorted_hashes(a, count);
    for (uint32_t i = 0; i < count; i++)
        changes[i] =
            (struct ate__root_change){ATE__ROOT_REMOVE, ate__bytes(keys + 32 * (size_t)i, 32)};
    for (uint32_t i = 0; i < added; i++) {
        uint8_t *key = arena_bytes(a, 40);
        key[0] = (uint8_t)i; /* ascending */
        changes[i] = (struct ate__root_change){ATE__ROOT_ADD, ate__bytes(key, 40)};
    }
    ate__header_keys(w, tag, changes, count);
}

static void put_snapshot(struct arena *a, struct ate__header_wr *w)
{
    struct ate__snapshot_item snapshot;
    rnd_bytes(&a->rnd, &snapshot, sizeof snapshot);
    snapshot.size |= 1;
    ate__header_snapshot(w, &snapshot);
}

static void put_reset(struct arena *a, struct ate__header_wr *w)
{
    struct ate__reset_item reset = {.size = 1 + rnd_below(&a->rnd, 1000)};
    rnd_bytes(&a->rnd, &reset.root, sizeof reset.root);
    reset.reason = (uint8_t)(1 + rnd_below(&a->rnd, 3));
    if (coin(a)) {
        reset.old_size = reset.size + 1 + rnd_below(&a->rnd, 1000);
        rnd_bytes(&a->rnd, &reset.old_root, sizeof reset.old_root);
    }
    reset.text = coin(a) ? ate__bytes("the disk died", 13) : ate__bytes(NULL, 0);
    ate__header_reset(w, &reset);
}

/* One list or both. */
static void put_services(struct arena *a, struct ate__header_wr *w)
{
    unsigned which = 1 + (unsigned)rnd_below(&a->rnd, 3);
    if (which & 1)
        put_keys(a, w, ATE__TAG_LOG_KEYS);
    if (which & 2)
        put_keys(a, w, ATE__TAG_COMPACTOR_KEYS);
}

struct ate_bytes random_header(struct arena *a, enum random_kind kind)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&buf);
    switch (kind) {
    case RANDOM_OPEN_BODY: put_body(a, &w, false); break;
    case RANDOM_PRIVATE_BODY: put_body(a, &w, true); break;
    case RANDOM_TOMBSTONE:
        put(a, &w, ATE__TAG_OBJECT, 16, 16);
        put(a, &w, ATE__TAG_PREV, 32, 32);
        ate__header_item(&w, ATE__TAG_TOMBSTONE, ate__bytes(coin(a) ? "\0" : "\1", 1));
        break;
    case RANDOM_CONTROL: put_control(a, &w); break;
    case RANDOM_CHAIN: put(a, &w, ATE__TAG_GENESIS, 1, 200); break;
    case RANDOM_PUBLIC_KEY: put(a, &w, ATE__TAG_PUBLIC_KEY, ATE__KEY_ITEM_MIN, 200); break;
    case RANDOM_ROOT: put_keys(a, &w, ATE__TAG_ROOT); break;
    case RANDOM_REVOKE: put(a, &w, ATE__TAG_REVOKE, 32, 32); break;
    case RANDOM_SNAPSHOT: put_snapshot(a, &w); break;
    case RANDOM_RESET: put_reset(a, &w); break;
    case RANDOM_SERVICES: put_services(a, &w); break;
    case RANDOM_RESERVED:
    case RANDOM_KINDS:
        put(a, &w, ATE__TAG_HOME + (unsigned)rnd_below(&a->rnd, 2), 0, 50);
        put_user(a, &w);
        break;
    }
    assert_int_equal(ate__header_end(&w), 0);
    uint8_t *copy = take(a, buf.size);
    memcpy(copy, buf.data, buf.size);
    struct ate_bytes header = ate__bytes(copy, buf.size);
    ate__buf_deinit(&buf);
    return header;
}

/* ---- transactions ---- */

struct ate__event_in random_event(struct arena *a)
{
    enum random_kind kind = (enum random_kind)rnd_below(&a->rnd, RANDOM_KINDS);
    struct ate__event_in event = {.form = ATE__BARE, .header = random_header(a, kind)};
    if (kind == RANDOM_PRIVATE_BODY) {
        event.form = ATE__CIPHER;
        event.payload = some(a, 20, 200);
    } else if (kind == RANDOM_OPEN_BODY && coin(a)) {
        event.form = ATE__CLEAR;
        event.salt = some(a, 16, 16);
        event.payload = some(a, 0, 200);
    }
    return event;
}

struct ate__tx_in random_tx(struct arena *a)
{
    struct ate__tx_in in;
    rnd_bytes(&a->rnd, &in, sizeof in);
    in.precondition_count = (uint32_t)rnd_below(&a->rnd, 7);
    in.event_count = 1 + (uint32_t)rnd_below(&a->rnd, 6);
    struct ate__precondition *p = take(a, in.precondition_count * sizeof *p);
    struct ate__event_in *events = take(a, in.event_count * sizeof *events);
    for (uint32_t i = 0; i < in.precondition_count; i++) {
        if (i && !rnd_below(&a->rnd, 4)) {
            p[i] = p[i - 1];
            continue;
        }
        p[i].kind = 1 + (uint8_t)rnd_below(&a->rnd, 3);
        p[i].id = random_id(a);
        rnd_bytes(&a->rnd, &p[i].hash, sizeof p[i].hash);
    }
    for (uint32_t i = 0; i < in.event_count; i++)
        events[i] = random_event(a);
    in.preconditions = p;
    in.events = events;
    return in;
}

uint32_t random_signatures(struct arena *a, struct ate__signature signatures[3])
{
    static const struct {
        uint32_t size, index, path;
    } batches[] = {{1, 0, 0}, {2, 1, 1}, {3, 2, 1}, {3, 0, 2}, {1 << 20, 77, 20}, {5, 4, 1}};
    uint32_t count = (uint32_t)rnd_below(&a->rnd, 4);
    for (uint32_t i = 0; i < count; i++) {
        size_t b = rnd_below(&a->rnd, ATE__COUNT_OF(batches));
        signatures[i] =
            (struct ate__signature){.batch_size = batches[b].size,
                                    .batch_index = batches[b].index,
                                    .path_count = batches[b].path,
                                    .path = arena_bytes(a, 32 * (size_t)batches[b].path),
                                    .bytes = some(a, 1, 100)};
        rnd_bytes(&a->rnd, &signatures[i].fingerprint, 32);
    }
    return count;
}
