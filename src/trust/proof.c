/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof.c: lines:
 *
 *   c2sp.org/tlog-proof@v1 | ate/consistency-proof@v1
 *   extra BASE64
 *   index SEQUENCE               of an inclusion
 *   BASE64 ...                   the path, a hash a line
 *                                a blank line
 *   the old checkpoint and a blank line, of a consistency
 *   the checkpoint
 */
#include "trust/proof.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "base/rd.h"
#include "base/wr.h"
#include "event/tx.h"
#include <inttypes.h>
#include <stdio.h>

static const char inclusion_head[] = "c2sp.org/tlog-proof@v1";
static const char consistency_head[] = "ate/consistency-proof@v1";

enum { EXTRA_VERSION = 1, HASH_TEXT = 44, NUMBER_TEXT = 21 };

/* --- writing --- */

static int encode_extra(const struct ate__proof_text *p, struct ate__buf *extra)
{
    struct ate__wr w = ate__wr_of(extra);
    ate__wr_u8(&w, EXTRA_VERSION);
    if (p->kind == ATE__PROOF_INCLUSION) {
        ate__wr_u64(&w, p->entry.root_time_us);
        ate__wr_hash(&w, &p->entry.tx_hash);
        ate__wr_hash(&w, &p->entry.signatures_hash);
    }
    if (p->genesis.size > ATE__PROOF_EXTRA_MAX / 2)
        return ate__fail(ATE_TOO_BIG, "a genesis of %zu bytes is too large for a proof",
                         p->genesis.size);
    ate__wr_bytes32(&w, p->genesis);
    return ate__wr_end(&w);
}

static int put_base64(struct ate__wr *w, struct ate_bytes bytes)
{
    ate__cleanup(ate__freep) char *text = ate__alloc(ate__base64_size(bytes.size) + 1);
    if (!text)
        return ate__no_memory();
    ate__base64_encode(bytes, text);
    ate__wr_bytes(w, ate__text_bytes(text));
    ate__wr_u8(w, '\n');
    return 0;
}

static void put_text(struct ate__wr *w, const char *text)
{
    ate__wr_bytes(w, ate__text_bytes(text));
}

static int put_all(const struct ate__proof_text *p, struct ate_bytes extra, struct ate__wr *w)
{
    char index[sizeof "index \n" + NUMBER_TEXT];
    put_text(w, p->kind == ATE__PROOF_INCLUSION ? inclusion_head : consistency_head);
    put_text(w, "\nextra ");
    int rc = put_base64(w, extra);
    snprintf(index, sizeof index, "index %" PRIu64 "\n", p->entry.sequence);
    if (p->kind == ATE__PROOF_INCLUSION)
        put_text(w, index);
    for (uint32_t i = 0; !rc && i < p->path.count; i++)
        rc = put_base64(w, ate__bytes(p->path.hash[i].b, sizeof p->path.hash[i].b));
    put_text(w, "\n");
    if (p->kind == ATE__PROOF_CONSISTENCY) {
        ate__wr_bytes(w, p->old_checkpoint);
        put_text(w, "\n");
    }
    ate__wr_bytes(w, p->checkpoint);
    return rc ? rc : ate__wr_end(w);
}

int ate__proof_encode(const struct ate__proof_text *p, struct ate__buf *buf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf extra = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(buf);
    size_t before = buf->size;
    int rc = encode_extra(p, &extra);
    if (!rc)
        rc = put_all(p, ate__buf_bytes(&extra), &w);
    if (rc)
        buf->size = before;
    return rc;
}

/* --- reading --- */

static int malformed(const char *what)
{
    return ate__fail(ATE_MALFORMED, "not a proof: %s", what);
}

static int take_head(struct ate_bytes *rest, enum ate__proof_kind *ret_kind)
{
    struct ate_bytes line;
    if (!ate__take_line(rest, &line))
        return malformed("it ends in its first line");
    if (ate__bytes_equal(line, ate__text_bytes(inclusion_head)))
        *ret_kind = ATE__PROOF_INCLUSION;
    else if (ate__bytes_equal(line, ate__text_bytes(consistency_head)))
        *ret_kind = ATE__PROOF_CONSISTENCY;
    else
        return malformed("its first line names no kind of proof that is known");
    return 0;
}

/* The rest of the next line behind `word` and a blank. */
static int take_value(struct ate_bytes *rest, const char *word, struct ate_bytes *ret_value)
{
    struct ate_bytes line;
    size_t n = strlen(word);
    const char *p = rest->data;
    if (!ate__take_line(rest, &line) || line.size <= n + 1 || memcmp(p, word, n) || p[n] != ' ')
        return ate__fail(ATE_MALFORMED, "not a proof of a chain: a line \"%s\" belongs there",
                         word);
    *ret_value = ate__bytes(p + n + 1, line.size - n - 1);
    return 0;
}

static int decode_extra(struct ate__proof_text *p)
{
    struct ate__rd r = ate__rd_of(ate__buf_bytes(&p->extra));
    uint8_t version = ate__rd_u8(&r);
    if (ate__rd_ok(&r) && version != EXTRA_VERSION)
        return ate__fail(ATE_UNSUPPORTED, "a proof whose extra data is of version %u", version);
    if (p->kind == ATE__PROOF_INCLUSION) {
        p->entry.root_time_us = ate__rd_u64(&r);
        p->entry.tx_hash = ate__rd_hash(&r);
        p->entry.signatures_hash = ate__rd_hash(&r);
    }
    p->genesis = ate__rd_bytes32(&r, ATE__PROOF_EXTRA_MAX);
    return ate__rd_end(&r) ? 0 : malformed("its extra data is not that of a chain's proof");
}

static int take_extra(struct ate_bytes *rest, struct ate__proof_text *p)
{
    struct ate_bytes value = {NULL, 0};
    size_t size;
    int rc = take_value(rest, "extra", &value);
    if (!rc)
        rc = ate__buf_reserve(&p->extra, value.size / 4 * 3 + 3);
    if (!rc)
        rc = ate__base64_decode(value.data, value.size, p->extra.data, p->extra.capacity, &size);
    if (!rc && size > ATE__PROOF_EXTRA_MAX)
        rc = ate__fail(ATE_TOO_BIG, "a proof with %zu bytes of extra data", size);
    if (rc)
        return ate__context(rc, "extra");
    p->extra.size = size;
    return decode_extra(p);
}

static int take_index(struct ate_bytes *rest, uint64_t *ret_index)
{
    struct ate_bytes value;
    int rc = take_value(rest, "index", &value);
    return rc ? rc : ate__context(ate__decimal_parse(value.data, value.size, ret_index), "index");
}

/* Up to the blank line. */
static int take_path(struct ate_bytes *rest, struct ate__proof *path)
{
    struct ate_bytes line;
    size_t size;
    path->count = 0;
    for (;;) {
        if (!ate__take_line(rest, &line))
            return malformed("no blank line stands behind its path");
        if (!line.size)
            return 0;
        if (path->count == ATE__PROOF_MAX)
            return malformed("its path is longer than that of any tree");
        uint8_t *to = path->hash[path->count].b;
        if (line.size != HASH_TEXT || ate__base64_decode(line.data, line.size, to, 32, &size) ||
            size != 32)
            return malformed("a line of its path is not 32 bytes in base64");
        path->count++;
    }
}

/* A note up to the blank line behind its signatures, the second one. */
static int take_note(struct ate_bytes *rest, struct ate_bytes *ret_note)
{
    struct ate_bytes line;
    const uint8_t *from = rest->data;
    for (unsigned blanks = 0; blanks < 2;) {
        if (!ate__take_line(rest, &line))
            return malformed("no blank line stands between its two checkpoints");
        blanks += !line.size;
    }
    *ret_note = ate__bytes(from, (size_t)((const uint8_t *)rest->data - from - 1));
    return 0;
}

static int decode(struct ate_bytes text, struct ate__proof_text *p)
{
    if (text.size > ATE__PROOF_TEXT_MAX)
        return ate__fail(ATE_TOO_BIG, "a proof has at most %d bytes", ATE__PROOF_TEXT_MAX);
    int rc = take_head(&text, &p->kind);
    if (!rc)
        rc = take_extra(&text, p);
    if (!rc && p->kind == ATE__PROOF_INCLUSION)
        rc = take_index(&text, &p->entry.sequence);
    if (!rc)
        rc = take_path(&text, &p->path);
    if (!rc && p->kind == ATE__PROOF_CONSISTENCY)
        rc = take_note(&text, &p->old_checkpoint);
    if (!rc && !text.size)
        rc = malformed("its checkpoint is missing");
    p->checkpoint = text;
    return rc;
}

int ate__proof_decode(struct ate_bytes text, struct ate__proof_text *ret_proof)
{
    *ret_proof = (struct ate__proof_text){.kind = ATE__PROOF_INCLUSION};
    int rc = decode(text, ret_proof);
    if (rc)
        ate__proof_deinit(ret_proof);
    return rc;
}

void ate__proof_deinit(struct ate__proof_text *p)
{
    ate__buf_deinit(&p->extra);
}

/* --- verifying --- */

static int verify_inclusion(const struct ate__proof_text *p, const struct ate__checkpoint *c)
{
    struct ate_hash leaf;
    int rc = ate__tx_leaf_of(&p->entry.tx_hash, &p->entry.signatures_hash, p->entry.sequence,
                             p->entry.root_time_us, &leaf);
    if (!rc)
        rc = ate__merkle_check_inclusion(&leaf, p->entry.sequence, c->size, &p->path, &c->root);
    return rc != ATE_TAMPERED
               ? rc
               : ate__fail(rc,
                           "the proof does not hold: nothing shows that transaction %" PRIu64
                           " is in the tree of %" PRIu64,
                           p->entry.sequence, c->size);
}

static int verify_consistency(const struct ate__proof_text *p, const struct ate__checkpoint *old,
                              const struct ate__checkpoint *c)
{
    if (!ate__hash_equal(&old->chain_id, &c->chain_id))
        return ate__fail(ATE_WRONG_CHAIN, "the two checkpoints of the proof are of two chains");
    if (old->size == c->size && !ate__hash_equal(&old->root, &c->root))
        return ate__fail(ATE_FORKED,
                         "two checkpoints of %" PRIu64 " transactions, both signed by a trusted "
                         "log key, have two roots: its chain has two histories",
                         c->size);
    int rc = ate__merkle_check_consistency(old->size, &old->root, c->size, &c->root, &p->path);
    return rc != ATE_TAMPERED
               ? rc
               : ate__fail(rc,
                           "the proof does not hold: nothing shows that the tree of %" PRIu64
                           " extends that of %" PRIu64,
                           c->size, old->size);
}

int ate__proof_verify(const struct ate__proof_text *p, const struct ate_bytes *log_keys,
                      size_t count, struct ate__checkpoint *ret_old,
                      struct ate__checkpoint *ret_checkpoint)
{
    struct ate__checkpoint old = {.size = 0}, c;
    bool two = p->kind == ATE__PROOF_CONSISTENCY;
    int rc = ate__checkpoint_verify(p->checkpoint, log_keys, count, &c);
    if (!rc && two)
        rc = ate__context(ate__checkpoint_verify(p->old_checkpoint, log_keys, count, &old),
                          "the older one");
    if (!rc)
        rc = two ? verify_consistency(p, &old, &c) : verify_inclusion(p, &c);
    if (rc)
        return rc;
    if (two)
        *ret_old = old;
    *ret_checkpoint = c;
    return 0;
}
