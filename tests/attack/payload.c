/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * payload.c: who may write an object stores little that becomes much when others read it.
 */
#include "attack.h"
#include "dio/limits.h"
#include "files.h"
#include "lib/tmpdir.h"

enum { BLOCK = 128 << 10, STORED_MAX = 1 << 16 };

/* A chain that compresses, and an object in it that is open to everybody. */
struct shop {
    char dir[512];
    struct ate_session *owner;
    struct ate_id id;
};

static void shop_new(struct shop *s)
{
    static const struct ate_chain_conf conf = {.compression = ATE_ZSTD};
    struct ate_object o = {
        .name = ate__text_bytes("price list"), .type = "note", .payload = ate__text_bytes("\x80")};
    char key[600];
    struct ate_chain *c;
    struct ate_txn *txn;
    snprintf(s->dir, sizeof s->dir, "%s/shop", tmpdir_new());
    snprintf(key, sizeof key, "%s/key", tmpdir_new());
    attack_must(ate_key_create(key, NULL, NULL));
    attack_must(ate_session_open(key, 0, &s->owner));
    attack_must(ate_chain_open(s->dir, s->owner, ATE_CREATE, &conf, &c));
    attack_must(ate_txn_begin(c, NULL, 0, &txn));
    attack_must(ate_store_raw(txn, &o, ATE_PUBLIC, &s->id));
    attack_must(ate_txn_commit(txn, NULL));
    ate_txn_end(txn);
    ate_chain_close(c);
}

/* So many zeros, in blocks that each repeat one byte, at four bytes a block. */
static size_t bomb(size_t size, uint8_t to[STORED_MAX])
{
    static const uint8_t head[] = {1, 0x28, 0xb5, 0x2f, 0xfd, 0xa0};
    memcpy(to, head, sizeof head);
    size_t at = sizeof head;
    ate__store32(to + at, (uint32_t)size);
    at += 4;
    while (size) {
        size_t block = ate__min(size, BLOCK);
        size -= block;
        ate__store32(to + at, (uint32_t)(block << 3 | 1 << 1 | !size)); /* and the byte, a zero */
        at += 4;
    }
    return at;
}

static void load(const char *dir, const struct shop *s, const char *way)
{
    struct ate_chain *c;
    struct ate_txn *txn;
    struct ate_object o;
    attack_must(ate_chain_open(dir, s->owner, ATE_READ, NULL, &c));
    attack_must(ate_txn_begin(c, NULL, ATE_READ, &txn));
    attack_tried(way, ate_load_raw(txn, s->id, 0, &o), ATE_TOO_BIG);
    ate_txn_end(txn);
    ate_chain_close(c);
}

/* The next version of it holds this. */
static void sell(struct ate_bytes payload, const char *way)
{
    struct shop s;
    struct draft d;
    shop_new(&s);
    struct past *p = files_history(s.dir);
    const struct ate__event *body = NULL;
    for (uint32_t i = 0; i < p->tx[1].event_count; i++)
        if (p->tx[1].events[i].kind == ATE__EVENT_BODY)
            body = &p->tx[1].events[i];
    assert_non_null(body);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = s.id,
                                        .prev = &body->hash,
                                        .tags = body->header.tags,
                                        .tag_count = body->header.tag_count,
                                        .payload = payload});
    d.signer[d.signer_count++] = (struct ate__key *)(uintptr_t)ate__session_key(s.owner, 0);
    uint64_t n = past_commit_plain(p, &d);
    p->time_us[n] = p->time_us[n - 1];
    attack_must(ate__tx_leaf(&p->tx[n], ATE__SHA256, n, p->time_us[n], &p->leaf[n]));
    const char *dir = tmpdir_new();
    attack_write_chain(dir, p, &p->chain_id, p->size);
    load(dir, &s, way);
    past_free(p);
    ate_session_close(s.owner);
}

/* 138 bytes become as much as is allowed. */
static void payload_bomb(void)
{
    static uint8_t stored[STORED_MAX];
    size_t size = bomb(ATE__COMPRESSED_PAYLOAD_MAX, stored);
    sell(ate__bytes(stored, size), "30,000 times its size");
}

static void payload_too_large(void)
{
    static uint8_t stored[STORED_MAX];
    enum { LARGE = 5 << 20 };
    (void)bomb(LARGE, stored);
    sell(ate__bytes(stored, (LARGE + 99) / 100), "5 MiB");
}

const struct attack attacks_payload[] = {
    {"payload-bomb", payload_bomb},
    {"payload-too-large", payload_too_large},
    {NULL, NULL},
};
