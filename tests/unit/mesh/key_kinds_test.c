/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key_kinds_test.c: which keys a chain takes, asked of a real server and of a mirror that its
 * server lies to: every kind of key that there is, on every way into a chain, for chains on all
 * sorts of terms. What is right is worked out here from two tables, and not by the library.
 */
#include "kit.h"
#include "lib/tmpdir.h"
#include "mesh/mirror.h"
#include "past.h"
#include "trust/session.h"
#include <string.h>

/* ---- the tables ---- */

static const struct kind {
    unsigned id, strength;
} signatures[] = {{0, 256}, {1, 192}, {2, 128}, {3, 128}, {4, 128},
                  {5, 256}, {6, 192}, {7, 256}, {8, 192}},
  kems[] = {{0, 256}, {0x647a, 192}, {0x0051, 256}};

static const struct terms {
    uint16_t strength;
    const char *allowed; /* ids, ascending */
    unsigned root;       /* signature algorithm of the root key */
} chains[] =
    {
        {192, "1", 1},        {128, "145", 4},    {192, "15", 1},  {256, "5", 5},
        {128, "1245", 2},     {128, "134567", 3}, {128, "148", 8}, {128, "2", 2},
        {192, "12345678", 1}, /* all of them are allowed, not all are strong enough */
        {256, "12345678", 7},
};

enum way { SIGNS, NAMED, READS, BECOMES_ROOT, BECOMES_COMPACTOR, BECOMES_LOG_KEY, WAYS };
static const char *const way_name[] = {
    "signs", "is named", "reads", "becomes a root", "becomes a compactor", "becomes a log key"};

static int right(const struct terms *chain, const struct kind *signature, const struct kind *kem)
{
    unsigned strength = signature->strength < kem->strength ? signature->strength : kem->strength;
    bool allowed = !signature->id || strchr(chain->allowed, (int)('0' + signature->id));
    return allowed && strength >= chain->strength ? 0 : ATE_DENIED;
}

/* What it cannot do, whatever the chain takes. */
static bool makes_sense(enum way way, const struct kind *signature, const struct kind *kem)
{
    switch (way) {
    case NAMED: return true;
    case READS: return kem->id;
    default: return signature->id;
    }
}

/* ---- both ends ---- */

struct ends {
    struct past *past;
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *client;
    struct ate__head head;
    struct ate__mirror *mirror;
};

static void ignore(void *arg)
{
    (void)arg;
}

static int feed(struct ends *e, struct past *shown)
{
    uint64_t n = shown->size - 1;
    struct ate__buf records = ATE__BUF_NULL, body = ATE__BUF_NULL;
    struct ate__wr rw = ate__wr_of(&records), w = ate__wr_of(&body);
    ate__msg_group_add(&rw, ate__buf_bytes(&shown->record[n]));
    struct ate__msg_group m = {.first_sequence = n,
                               .root_time_us = shown->time_us[n],
                               .head_after = past_head(shown, n + 1).root,
                               .count = 1,
                               .records = ate__buf_bytes(&records)};
    ate__msg_group_encode(&w, &m);
    must(ate__mirror_group(e->mirror, ate__buf_bytes(&body)));
    ate__buf_deinit(&records);
    ate__buf_deinit(&body);
    return ate__mirror_failure(e->mirror);
}

static void begin(struct ends *e, struct past *take_past)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct ate__mirror_conf of_mirror = {.env = &ate__env_real, .fed = ignore};
    *e = (struct ends){.past = take_past, .server = kit_start(&conf)};
    e->chain =
        (struct kit_chain){.path = "/past", .id = e->past->chain_id, .genesis = e->past->record[0]};
    e->client = kit_connect(e->server);
    e->head = kit_create(e->client, 1, &e->chain);
    must(ate__mirror_new(&of_mirror, &e->mirror));
    must(ate__mirror_prepare(e->mirror, &e->past->chain_id));
    must(feed(e, e->past));
}

static void end(struct ends *e)
{
    kit_close(e->client);
    ate__server_end(e->server);
    ate__mirror_free(e->mirror);
    past_free(e->past);
}

/* The server's answer, with its sentence. */
static int offer(struct ends *e, struct ate_bytes tx, char *ret_text, size_t capacity)
{
    static uint32_t request;
    struct ate__msg_rejected rejected;
    kit_commit(e->client, 1, ++request, &e->head, tx);
    struct kit_frame f = kit_receive(e->client);
    int rc = f.type == ATE__MSG_COMMITTED ? 0 : -1;
    *ret_text = 0;
    if (f.type == ATE__MSG_REJECTED) {
        must(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &rejected));
        rc = rejected.result;
        snprintf(ret_text, capacity, "%.*s", (int)rejected.text.size,
                 (const char *)rejected.text.data);
    } else if (rc) {
        must(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, ret_text));
    }
    kit_frame_free(&f);
    return rc;
}

/* Shows the mirror a history that ends with it. */
static int show(struct ends *e, struct ate_bytes tx, char *ret_text, size_t capacity)
{
    struct past *lie = past_copy(e->past);
    struct ate__head from;
    past_add(lie, tx);
    int rc = feed(e, lie);
    snprintf(ret_text, capacity, "%s", rc ? ate__error_text() : "");
    if (rc) {
        ate__mirror_lost(e->mirror);
        assert_true(ate__mirror_subscribe(e->mirror, &from));
        assert_int_equal(from.size, e->past->size);
    }
    past_free(lie);
    return rc;
}

/* What stands behind where it was seen. */
static const char *reason(const char *text)
{
    const char *at = text;
    for (const char *next = text; (next = strstr(next, ": ")); at = next)
        next += 2;
    return at;
}

/* What one of them takes the other takes; the reasons are the same. */
static int at_both(struct ends *e, struct draft *take_draft, char ret_text[ATE__ERROR_SIZE])
{
    char of_mirror[ATE__ERROR_SIZE];
    struct ate_bytes tx = draft_encode(take_draft);
    int rc = offer(e, tx, ret_text, ATE__ERROR_SIZE),
        shown = show(e, tx, of_mirror, sizeof of_mirror);
    if (rc && strcmp(reason(of_mirror), reason(ret_text)))
        fail_msg("the server says \"%s\", the mirror \"%s\"", ret_text, of_mirror);
    assert_int_equal(shown, !rc || rc == ATE_UNSUPPORTED ? rc : ATE_TAMPERED);
    if (!rc)
        past_add(e->past, tx);
    draft_deinit(take_draft);
    return rc;
}

/* ---- transactions ---- */

static void bring(struct draft *d, struct ate_bytes public_key)
{
    draft_item(d, ATE__TAG_PUBLIC_KEY, public_key);
}

static void change_keys(struct draft *d, enum ate__tag tag, struct ate_bytes public_key)
{
    struct ate__root_change change = {ATE__ROOT_ADD, public_key};
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    ate__header_keys(&w, tag, &change, 1);
    must(ate__header_end(&w));
    draft_event(d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
}

static int public_key_of(void *arg, const struct ate_hash *fingerprint, struct ate__buf *buf)
{
    (void)fingerprint;
    return ate__buf_append(buf, ate__buf_bytes(&((const struct ate__key *)arg)->public_key));
}

/* A private scope with this one reader. */
static void let_read(struct draft *d, struct past *p, struct ate_id id, uint16_t strength,
                     const struct ate__key *reader)
{
    struct ate__seal_env env = {&ate__env_real, p->chain_id, ATE__SHA256, strength};
    struct ate__scope_plan plan = {
        .object = id,
        .auth.rule[ATE__RIGHT_READ] = {.who = ATE__RULE_ANY_OF,
                                       .count = 1,
                                       .keys = reader->fingerprint.b},
        .new_name_key = true,
        .public_key = public_key_of,
        .arg = (void *)(uintptr_t)reader,
    };
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__data_key *key = NULL;
    struct ate_session *s;
    must(ate__session_new(&s));
    must(ate__control_make(&env, s, &plan, &header, &key));
    struct ate__conf_item conf = {.data_key_id = key->id};
    draft_body(d, &(struct draft_body){
                      .id = id, .conf = &conf, .payload = ate__text_bytes("sixteen bytes...")});
    draft_event(d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__data_key_unref(key);
    ate__session_unref(s);
    ate__buf_deinit(&header);
}

/* That of the root, and on the way in question of the key. */
static void make(struct past *p, enum way way, const struct terms *chain,
                 const struct ate__key *key, struct draft *d)
{
    struct ate_bytes public_key = ate__buf_bytes(&key->public_key);
    struct ate_id id = id_of(1000 + (unsigned)p->number);
    past_begin(p, d);
    past_sign(p, d, ROOT);
    if (way == SIGNS || way == BECOMES_ROOT || way == BECOMES_COMPACTOR)
        d->signer[d->signer_count++] = key;
    if (way == SIGNS || way == NAMED || way == READS)
        bring(d, public_key);
    if (way == SIGNS) {
        draft_body(d, &(struct draft_body){.id = id});
    } else if (way == NAMED) {
        struct ate__auth auth = {.rule[ATE__RIGHT_WRITE] = draft_rule(d, &key->fingerprint, 1)};
        draft_body(d, &(struct draft_body){.id = id});
        draft_control(d, id, NULL, &auth);
    } else if (way == READS) {
        let_read(d, p, id, chain->strength, key);
    } else {
        change_keys(d,
                    way == BECOMES_ROOT        ? ATE__TAG_ROOT
                    : way == BECOMES_COMPACTOR ? ATE__TAG_COMPACTOR_KEYS
                                               : ATE__TAG_LOG_KEYS,
                    public_key);
    }
}

static struct ate__key *key_of(unsigned signature, unsigned kem, uint8_t seed_byte)
{
    const struct ate__key_form form = {ate__algorithm(signature), ate__algorithm(kem)};
    const struct ate__key32 seed = {{seed_byte, (uint8_t)signature, (uint8_t)kem}};
    struct ate__key *key;
    must(ate__key_make(&form, &seed, "", &key));
    return key;
}

static struct past *past_of(const struct terms *chain, struct ate__key *root)
{
    uint8_t ids[32] = {0};
    size_t count = strlen(chain->allowed);
    for (size_t i = 0; i < count; i++)
        ids[2 * i] = (uint8_t)(chain->allowed[i] - '0');
    struct past_terms terms = {chain->strength, ate__bytes(ids, 2 * count), false};
    return past_on_terms(&terms, root);
}

/* ---- tests ---- */

static void of_each_kind(struct ends *e, const struct terms *chain, const struct kind *signature,
                         const struct kind *kem)
{
    for (enum way way = SIGNS; way < WAYS; way++) {
        char text[ATE__ERROR_SIZE];
        struct draft d;
        if (!makes_sense(way, signature, kem))
            continue;
        /* Another for each, so that the chain holds none of them before. */
        struct ate__key *key = key_of(signature->id, kem->id, (uint8_t)(1 + way));
        make(e->past, way, chain, key, &d);
        int rc = at_both(e, &d, text), expected = right(chain, signature, kem);
        if (way == BECOMES_LOG_KEY ? !rc : rc != expected)
            fail_msg("a key of 0x%04x and 0x%04x %s, in a chain of %u that allows %s: %s: %s",
                     signature->id, kem->id, way_name[way], chain->strength, chain->allowed,
                     ate__result_name(rc), text);
        if (rc == ATE_DENIED && !strstr(text, "this chain"))
            fail_msg("refused, and not for its kind: %s", text);
        ate__key_free(key);
    }
}

static void every_kind_on_all_terms(void **state)
{
    (void)state;
    for (size_t c = 0; c < ATE__COUNT_OF(chains); c++) {
        struct ate__key *root = key_of(chains[c].root, 0, 0xee);
        for (size_t s = 0; s < ATE__COUNT_OF(signatures); s++) {
            struct ends e; /* of each a few: the window of the chain is 100 */
            begin(&e, past_of(&chains[c], root));
            for (size_t k = !signatures[s].id; k < ATE__COUNT_OF(kems); k++)
                of_each_kind(&e, &chains[c], &signatures[s], &kems[k]);
            end(&e);
        }
        ate__key_free(root);
    }
}

/* The tables here have what the library has. */
static void nothing_is_left_out(void **state)
{
    (void)state;
    const struct ate__algorithm *a;
    size_t count = 0;
    while ((a = ate__algorithm_at(count))) {
        const struct kind *of = a->use == ATE__USE_SIGN ? signatures : kems;
        size_t n = a->use == ATE__USE_SIGN ? ATE__COUNT_OF(signatures) : ATE__COUNT_OF(kems), i = 0;
        while (i < n && of[i].id != a->id)
            i++;
        assert_true(i < n && of[i].strength == a->strength);
        count++;
    }
    assert_int_equal(count, ATE__COUNT_OF(signatures) + ATE__COUNT_OF(kems) - 2);
}

/* A key of an algorithm that comes later: who refuses it says which. */
static void unknown_numbers(void **state)
{
    (void)state;
    static const struct {
        unsigned id;
        bool kem;
        const char *text;
    } of[] = {{0, false, "0x0000"},      {0xff, false, "0x00ff"},  {0x01ff, false, "0x01ff"},
              {0xffff, false, "0xffff"}, {0x00ff, true, "0x00ff"}, {0xffff, true, "0xffff"}};
    struct ate__key *root = key_of(1, 0, 0xee), *key = key_of(1, 0x647a, 1);
    struct ate__buf good = ATE__BUF_NULL;
    struct ends e;
    begin(&e, past_of(&chains[0], root));
    must(ate__buf_append(&good, ate__buf_bytes(&key->public_key)));
    size_t kem_at = 6 + 1984;
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++)
        for (enum way way = SIGNS; way < WAYS; way++) {
            char text[ATE__ERROR_SIZE];
            struct draft d;
            uint8_t *id = key->public_key.data + (of[i].kem ? kem_at : 0);
            if (way == READS || (way == BECOMES_LOG_KEY && of[i].kem))
                continue; /* an honest writer cannot seal to it; a log key has no KEM part */
            memcpy(key->public_key.data, good.data, good.size);
            id[0] = (uint8_t)of[i].id;
            id[1] = (uint8_t)(of[i].id >> 8);
            must(ate__fingerprint(ate__buf_bytes(&key->public_key), &key->fingerprint));
            make(e.past, way, &chains[0], key, &d);
            assert_int_equal(at_both(&e, &d, text), ATE_UNSUPPORTED);
            if (!strstr(text, of[i].text))
                fail_msg("it does not say %s: %s", of[i].text, text);
        }
    ate__buf_deinit(&good);
    ate__key_free(key);
    end(&e);
    ate__key_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_out),
        cmocka_unit_test(every_kind_on_all_terms),
        cmocka_unit_test(unknown_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
