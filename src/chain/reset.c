/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/reset.h"
#include "base/err.h"
#include "base/text.h"
#include "chain/chain_private.h"
#include "chain/statement.h"
#include <stdio.h>

uint64_t ate__chain_last_time(struct ate__chain *c)
{
    pthread_mutex_lock(&c->mutex);
    uint64_t time_us = c->root_time_us;
    pthread_mutex_unlock(&c->mutex);
    return time_us;
}

/* ---- saying it ---- */

static int no_key(struct ate__chain *c)
{
    struct ate_hash roots[1];
    char text[ATE__HASH_TEXT];
    if (!ate__trust_root_keys(c->trust, roots, 1))
        return ate__fail(ATE_NO_KEY, "no root key of the chain is in force");
    return ate__fail(ATE_NO_KEY,
                     "only a root key says that a chain goes back, and here that is %s: bring it, "
                     "or export what is here and import it into a new chain",
                     ate__hash_text(&roots[0], text));
}

static int check_text(const char *text)
{
    size_t size = strlen(text);
    if (size > ATE__RESET_TEXT_MAX)
        return ate__fail(ATE_TOO_BIG, "why the chain goes back: %zu bytes; %d are the most", size,
                         ATE__RESET_TEXT_MAX);
    return ate__utf8_valid(ate__text_bytes(text))
               ? 0
               : ate__fail(ATE_MALFORMED, "why the chain goes back: not UTF-8");
}

int ate__reset_check_chain(const struct ate__trust *trust)
{
    if (!ate__trust_genesis(trust)->archive)
        return 0;
    return ate__fail(ATE_DENIED, "an archive never goes back, whoever signs: what it keeps beyond "
                                 "this comes from a copy or a mirror that has it");
}

int ate__chain_reset_check(struct ate__chain *c, const struct ate__reset_conf *conf)
{
    size_t count = conf->session ? ate__session_key_count(conf->session) : 0;
    bool may = false;
    for (size_t i = 0; i < count && !may; i++)
        may = ate__trust_was_root(c->trust, &ate__session_key(conf->session, i)->fingerprint);
    int rc = ate__reset_check_chain(c->trust);
    if (rc)
        return rc;
    return may ? check_text(conf->text) : no_key(c);
}

static int check_can(struct ate__chain *c)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    if (state.role != ATE__ROLE_ROOT)
        return ate__fail(ATE_READ_ONLY, "a mirror of a chain at a server: it is the server's chain "
                                        "that goes back");
    uint64_t now_us = ate__wall_us(c->conf.env), last_us = ate__chain_last_time(c);
    if (now_us <= last_us)
        return ate__fail(ATE_DENIED,
                         "this machine's clock is %llu s behind the time of the last transaction: "
                         "set it right first, for what is signed earlier is not followed",
                         (unsigned long long)((last_us - now_us) / 1000000));
    return 0;
}

int ate__chain_reset(struct ate__chain *c, const struct ate__reset_conf *conf,
                     struct ate__receipt *ret_receipt)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate__reset_item item = {.reason = conf->reason, .text = ate__text_bytes(conf->text)};
    struct ate__receipt receipt;
    const struct ate__key *key = ate__session_root_key(conf->session, c->trust);
    int rc = key ? check_text(conf->text) : no_key(c);
    if (!rc)
        rc = check_can(c);
    if (rc)
        return rc;
    ate__chain_head(c, &item.size, &item.root);
    if (conf->old_size > item.size) {
        item.old_size = conf->old_size;
        item.old_root = conf->old_root;
    }
    ate__header_reset(&w, &item);
    rc = ate__header_end(&w);
    if (!rc)
        rc = ate__chain_state(c, key, ate__buf_bytes(&header), &receipt);
    return rc ? rc : ate__chain_sync(c, ret_receipt);
}

/* ---- following it ---- */

struct finding {
    struct ate__chain *c;
    const struct ate__reset_seen *seen;
    struct ate__reset *found;
    bool earlier, strange, elsewhere; /* why one that was met does not do */
    struct ate_hash stranger; /* that signed the first such one */
};

static bool signed_by_one_of(const struct ate__tx *tx, const struct ate__reset_seen *seen)
{
    if (!seen->keys)
        return true;
    for (size_t k = 0; k < seen->key_count; k++)
        if (ate__tx_signed_by(tx, &seen->keys[k]))
            return true;
    return false;
}

static int check_own(const struct finding *f, const struct ate__reset_item *item, bool *ret_same)
{
    struct ate__chain *own = f->seen->own;
    struct ate_hash root;
    uint64_t size = 0;
    if (own)
        ate__chain_head(own, &size, &root);
    *ret_same = true;
    if (item->size > size)
        return 0; /* what is there says nothing of it */
    int rc = ate__chain_root_at(own, item->size, &root);
    *ret_same = !rc && ate__hash_equal(&root, &item->root);
    return rc;
}

static void take(const struct ate__tx *tx, struct ate__reset *ret)
{
    const struct ate__reset_item *item = &tx->events[0].header.reset;
    *ret = (struct ate__reset){.sequence = item->size,
                               .old_size = item->old_size,
                               .signed_us = tx->time_us,
                               .reason = item->reason};
    snprintf(ret->text, sizeof ret->text, "%.*s", (int)item->text.size,
             item->text.size ? (const char *)item->text.data : "");
}

static int judge(struct finding *f, const struct ate__tx *tx)
{
    const struct ate__reset_item *item = &tx->events[0].header.reset;
    bool same;
    int rc = check_own(f, item, &same);
    if (rc)
        return rc;
    if (tx->time_us <= f->seen->time_us) {
        f->earlier = true;
    } else if (!signed_by_one_of(tx, f->seen)) {
        f->stranger = f->strange ? f->stranger : tx->signatures[0].fingerprint;
        f->strange = true;
    } else if (!same) {
        f->elsewhere = true;
    } else {
        take(tx, f->found);
        return ATE_END;
    }
    return 0;
}

static bool is_reset(const struct ate__tx *tx)
{
    return tx->event_count == 1 && tx->events[0].form != ATE__DROPPED &&
           tx->events[0].kind == ATE__EVENT_RESET;
}

static int look(void *arg, const struct ate__record_out *record)
{
    struct finding *f = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(f->c->trust), &tx);
    if (rc)
        return rc;
    if (is_reset(&tx))
        rc = judge(f, &tx);
    ate__tx_deinit(&tx);
    return rc;
}

struct last {
    enum ate__hash_alg alg;
    struct ate__reset reset;
};

static int look_at_last(void *arg, const struct ate__record_out *record)
{
    struct last *last = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, last->alg, &tx);
    if (rc)
        return rc;
    if (is_reset(&tx))
        take(&tx, &last->reset);
    ate__tx_deinit(&tx);
    return 0;
}

int ate__chain_reset_last(struct ate__chain *c, struct ate__reset *ret_reset)
{
    struct last last = {.alg = c->trust ? ate__trust_alg(c->trust) : ATE__SHA256};
    struct ate_hash ignored;
    uint64_t size;
    ate__chain_head(c, &size, &ignored);
    int rc = size ? c->storage->v->scan(c->storage, size - 1, size,
                                        &(struct ate__scan){NULL, look_at_last, &last})
                  : 0;
    if (!rc)
        *ret_reset = last.reset;
    return rc;
}

static int none(const struct finding *f)
{
    char key[ATE__HASH_TEXT];
    if (f->strange && f->seen->keys_named)
        return ate__fail(ATE_NOT_FOUND,
                         "it went back, says the root key %s; if that is the owner's still, name "
                         "it, as --root does",
                         ate__hash_text(&f->stranger, key));
    if (f->strange)
        return ate__fail(ATE_NOT_FOUND,
                         "it went back, says the key %s, which was no root key any more, or not "
                         "yet, when it was seen here last",
                         ate__hash_text(&f->stranger, key));
    if (f->elsewhere)
        return ate__fail(ATE_NOT_FOUND, "it went back to a head that was never seen here");
    if (f->earlier)
        return ate__fail(ATE_NOT_FOUND, "it went back, but that was signed before what was seen "
                                        "here last");
    return ate__fail(ATE_NOT_FOUND, "no root key says that it went back");
}

int ate__chain_reset_find(struct ate__chain *c, const struct ate__reset_seen *seen,
                          struct ate__reset *ret_reset)
{
    struct ate__reset found;
    struct finding f = {.c = c, .seen = seen, .found = &found};
    struct ate_hash ignored;
    uint64_t size;
    if (!c->trust)
        return none(&f);
    ate__chain_head(c, &size, &ignored);
    int rc = c->storage->v->scan(c->storage, 1, ate__min(size, seen->size + 1),
                                 &(struct ate__scan){NULL, look, &f});
    if (rc != ATE_END)
        return rc ? rc : none(&f);
    *ret_reset = found;
    return 0;
}
