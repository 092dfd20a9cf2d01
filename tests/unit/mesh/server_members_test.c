/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server that says nothing of its chains but to members: what is asked, what holds, what is
 * refused, that all refusals are the same, and how long it lasts.
 */
#include "kit.h"
#include "lib/tmpdir.h"
#include "lines.h"
#include "trust/destruction.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { REFUSAL_MS = 150 };

struct world {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, another;
    struct kit_client *c;
    struct ate__head known;
};

static struct world world_with(struct ate__server_conf conf)
{
    struct world w = {.conf = conf,
                      .chain = kit_chain_new("/m/notes", false),
                      .another = kit_chain_new("/m/other", false)};
    w.server = kit_start(&w.conf);
    w.c = kit_connect(w.server);
    w.known = kit_admitted(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    assert_int_equal(kit_challenged, conf.members_only);
    return w;
}

/* One that refuses soon, so that many can be refused. */
static struct world world_quick(bool destroys)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.members_only = true;
    conf.allow_destroy = destroys;
    conf.server_limits.refusal_ms = REFUSAL_MS;
    return world_with(conf);
}

static struct world world_new(bool members_only)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.members_only = members_only;
    return world_with(conf);
}

static void world_free(struct world *w)
{
    kit_close(w->c);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
    kit_chain_free(&w->another);
}

static void expect_error(struct kit_client *c, int result)
{
    struct kit_frame f = kit_receive(c);
    char text[ATE__ERROR_SIZE];
    int rc = 0;
    assert_int_equal(f.type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, text), 0);
    assert_int_equal(rc, result);
    kit_frame_free(&f);
}

/* Asks for a chain, and is asked; nothing is proved yet. */
static struct ate__possession ask(struct kit_client *c, const struct kit_chain *chain)
{
    struct kit_frame f;
    kit_send_open(c, 1, chain->path);
    assert_true(kit_challenge(c, &f));
    return kit_possession(c, chain);
}

/* Asks for a secret to this key, and opens it with a half of it that only reads. */
static int open_sealed(const struct ate__possession *of, struct kit_client *c,
                       const struct ate__key *key, struct ate__key32 *ret_secret)
{
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__key *half;
    uint8_t bytes[ATE__KEY_SECRET_MAX];
    size_t size = ate__key_secret(key, ATE__KEY_READS, bytes);
    assert_int_equal(ate__key_of_secret(ate__buf_bytes(&key->public_key), ATE__KEY_READS,
                                        ate__bytes(bytes, size), NULL, &half),
                     0);
    assert_null(half->sign_key);
    kit_readers(c, 1, of, key);
    kit_sealed(c, &sealed);
    int rc = ate__possession_open(of, half, ate__buf_bytes(&sealed), ret_secret);
    ate__key_free(half);
    ate__buf_deinit(&sealed);
    return rc;
}

/* A connection to which the chain was shown. */
static struct kit_client *opened(struct world *w)
{
    struct kit_client *c = kit_connect(w->server);
    (void)kit_admitted(c, 1, &w->chain);
    return c;
}

/* What was said last leads to OPENED; or to NO_ACCESS. */
static void expect_shown(struct kit_client *c, const struct kit_chain *chain, bool shown)
{
    struct kit_frame f = kit_receive(c);
    if (!shown) {
        struct ate_bytes body = ate__buf_bytes(&f.body);
        char text[ATE__ERROR_SIZE];
        int rc = 0;
        assert_int_equal(f.type, ATE__NET_ERROR);
        assert_int_equal(ate__net_error_decode(body, &rc, text), 0);
        assert_int_equal(rc, ATE_NO_ACCESS);
    } else {
        struct ate__msg_opened m;
        assert_int_equal(f.type, ATE__MSG_OPENED);
        assert_int_equal(ate__msg_opened_decode(ate__buf_bytes(&f.body), &m), 0);
        assert_true(ate__hash_equal(&m.chain_id, &chain->id));
    }
    kit_frame_free(&f);
}

/* Creates, proves, writes; another connection follows, and each is asked something of its own. */
static void test_member(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct kit_follow f;
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    struct ate_hash first = kit_nonce;
    struct kit_client *c = opened(&w);
    assert_true(kit_challenged && !ate__hash_equal(&first, &kit_nonce));
    kit_follow_init(&f);
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    assert_int_equal(kit_subscribed(c).size, 2);
    kit_follow_to(c, &f, 2);
    kit_put_object(w.c, 1, &w.chain, &w.known, 2);
    kit_follow_to(c, &f, 3);
    kit_close(c);
    world_free(&w);
}

/* ---- what a stranger compares ---- */

struct seen { /* all that came, up to the refusal */
    struct ate__buf bytes;
    unsigned frames;
    uint64_t ms; /* from the last proof */
};

static void see(struct kit_client *c, struct seen *seen)
{
    for (bool ended = false; !ended;) {
        struct kit_frame f = kit_receive(c);
        ended = f.type == ATE__NET_ERROR;
        if (f.type == ATE__MSG_CHALLENGE) /* but for what is drawn */
            memset(f.body.data, 0, sizeof(struct ate_hash));
        assert_int_equal(ate__buf_append(&seen->bytes, ate__bytes(&f.type, sizeof f.type)), 0);
        assert_int_equal(ate__buf_append(&seen->bytes, ate__buf_bytes(&f.body)), 0);
        seen->frames++;
        kit_frame_free(&f);
    }
    assert_true(kit_quiet(c, 50));
}

struct stranger {
    const char *path; /* NULL: of the chain */
    bool owner;       /* proves the owner's key, else one of nobody's */
    bool wrong_id, broken, create;
};

static void compare(struct world *w, const struct stranger *who, struct seen *seen)
{
    struct kit_client *c = kit_connect(w->server);
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    struct kit_frame f;
    const char *path = who->path ? who->path : w->chain.path;
    if (who->create) {
        ate__msg_create_encode(&b, &(struct ate__msg_create){ate__text_bytes(path),
                                                             ate__buf_bytes(&w->another.genesis)});
        kit_send(c, ATE__MSG_CREATE, 1, ate__buf_bytes(&body));
    } else {
        kit_send_open(c, 1, path);
    }
    bool first = kit_challenge(c, &f);
    assert_true(first);
    struct ate__possession of = kit_possession(c, who->create ? &w->another : &w->chain);
    of.chain_id.b[7] ^= who->wrong_id;
    of.nonce.b[7] ^= who->broken;
    uint64_t at = ate__monotonic_ms(&ate__env_real);
    kit_possess(c, 1, &of, who->owner ? w->chain.key : w->another.key);
    see(c, seen);
    seen->ms = ate__monotonic_ms(&ate__env_real) - at;
    kit_close(c);
    ate__buf_deinit(&body);
}

/* Whatever the reason, byte for byte, in as many frames, and not before the same time. */
static void compare_all(struct world *w, const struct stranger *who, size_t count)
{
    struct seen first = {.frames = 0};
    for (size_t i = 0; i < count; i++) {
        struct seen seen = {.frames = 0};
        compare(w, &who[i], &seen);
        assert_true(seen.ms >= REFUSAL_MS);
        if (!i)
            compare(w, &(struct stranger){.path = "/no/such"}, &first);
        assert_int_equal(seen.frames, 1);
        assert_int_equal(seen.frames, first.frames);
        assert_true(ate__bytes_equal(ate__buf_bytes(&seen.bytes), ate__buf_bytes(&first.bytes)));
        ate__buf_deinit(&seen.bytes);
    }
    ate__buf_deinit(&first.bytes);
}

static void test_nothing_is_told(void **state)
{
    (void)state;
    static const struct stranger who[] = {
        {.path = "/no/such"},
        {.path = NULL},                      /* a chain that is there, and its id */
        {.wrong_id = true},                  /* and not */
        {.owner = true, .wrong_id = true},   /* a member who means another */
        {.owner = true, .broken = true},     /* what a member said elsewhere */
        {.path = "/no/such", .owner = true}, /* a member, at another path */
        {.create = true},                    /* in the place of the chain */
        {.path = "/m/other", .create = true, .owner = true, .wrong_id = true},
        {.path = "/m/not-so", .create = true}, /* a genesis of another path */
    };
    struct world w = world_quick(false);
    compare_all(&w, who, ATE__COUNT_OF(who));
    kit_close(w.c);
    ate__server_end(w.server);
    w.server = kit_start(&w.conf); /* the chain is not open */
    w.c = kit_connect(w.server);
    compare_all(&w, who, ATE__COUNT_OF(who));
    world_free(&w);
}

/* Where no chain can be opened, and none may be made, that is not told either. */
static void test_nothing_of_the_server(void **state)
{
    (void)state;
    static const struct stranger who[] = {
        {.path = NULL},
        {.owner = true, .path = "/m/third"},
        {.path = "/m/other", .create = true},
    };
    struct world w = world_quick(false);
    (void)kit_admitted(w.c, 2, &w.another);
    kit_close(w.c);
    ate__server_end(w.server);
    w.conf.server_limits.open_chains = 1;
    w.conf.no_auth = false;
    w.server = kit_start(&w.conf);
    w.c = opened(&w); /* which uses the only one */
    compare_all(&w, who, ATE__COUNT_OF(who));
    struct kit_client *c = kit_connect(w.server);
    assert_int_equal(kit_open(c, 1, &w.another).size, 0); /* nor to its owner */
    assert_int_equal(kit_error, ATE_NO_ACCESS);
    kit_close(c);
    world_free(&w);
}

/* Nothing is opened for who proves nothing. */
static void test_nothing_is_touched(void **state)
{
    (void)state;
    struct world w = world_quick(false);
    struct seen seen = {.frames = 0};
    kit_close(w.c);
    ate__server_end(w.server);
    lines_begin(&w.conf);
    w.server = kit_start(&w.conf);
    w.c = kit_connect(w.server);
    compare(&w, &(struct stranger){.owner = true, .broken = true}, &seen);
    assert_int_equal(lines_count("/m/notes") - lines_count("has proved no key of it"), 0);
    compare(&w, &(struct stranger){.path = NULL}, &seen);
    lines_wait("opened /m/notes", 1);
    ate__buf_deinit(&seen.bytes);
    world_free(&w);
}

static void destroy(struct world *w, struct ate__buf *ret_statement)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    struct ate__msg_destroyed m;
    ate__msg_destroy_encode(&b, &(struct ate__msg_destroy){7, ate__bytes(NULL, 0)});
    kit_send(w->c, ATE__MSG_DESTROY, 1, ate__buf_bytes(&body));
    struct kit_frame f = kit_receive(w->c);
    assert_int_equal(ate__msg_destroyed_decode(ate__buf_bytes(&f.body), &m), 0);
    struct ate__destruction d = {
        .chain_id = w->chain.id,
        .size = w->known.size,
        .root = w->known.root,
        .time_us = 77,
        .name = ate__text_bytes(w->chain.path),
        .genesis = ate__buf_bytes(&w->chain.genesis),
        .pin = m.pin,
        .nonce = m.nonce,
    };
    assert_int_equal(ate__destruction_make(&d, w->chain.key, ret_statement), 0);
    kit_frame_free(&f);
    ate__buf_clear(&body);
    b = ate__wr_of(&body);
    ate__msg_destroy_encode(&b, &(struct ate__msg_destroy){8, ate__buf_bytes(ret_statement)});
    kit_send(w->c, ATE__MSG_DESTROY, 1, ate__buf_bytes(&body));
    f = kit_receive(w->c);
    assert_int_equal(f.type, ATE__MSG_DESTROYED);
    kit_frame_free(&f);
    ate__buf_deinit(&body);
}

/* That a chain was destroyed is told to its keys, and to nobody else. */
static void test_destroyed(void **state)
{
    (void)state;
    static const struct stranger who[] = {
        {.path = NULL}, {.wrong_id = true}, {.owner = true, .wrong_id = true}, {.create = true}};
    struct world w = world_quick(true);
    struct ate__buf statement = ATE__BUF_NULL;
    destroy(&w, &statement);
    for (unsigned restarted = 0; restarted < 2; restarted++) {
        compare_all(&w, who, ATE__COUNT_OF(who));
        struct kit_frame f = {.type = ATE__NET_ERROR};
        for (unsigned i = 0; i < 50 && f.type == ATE__NET_ERROR; i++) { /* it takes a moment */
            struct ate__possession of = ask(w.c, &w.chain);
            kit_possess(w.c, 1, &of, w.chain.key);
            kit_frame_free(&f);
            f = kit_receive(w.c);
        }
        struct ate__msg_destroyed m;
        assert_int_equal(f.type, ATE__MSG_DESTROYED);
        assert_int_equal(ate__msg_destroyed_decode(ate__buf_bytes(&f.body), &m), 0);
        assert_true(ate__bytes_equal(m.statement, ate__buf_bytes(&statement)));
        kit_frame_free(&f);
        kit_close(w.c);
        ate__server_end(w.server);
        w.server = kit_start(&w.conf);
        w.c = kit_connect(w.server);
    }
    ate__buf_deinit(&statement);
    world_free(&w);
}

/* ---- what holds a chain up ---- */

static atomic_bool held;

static int hold(void *arg, const char *path, struct ate__chain *chain, void **ret_attached)
{
    (void)arg;
    (void)path;
    (void)chain;
    *ret_attached = NULL;
    while (atomic_load(&held))
        usleep(1000);
    return 0;
}

static void nothing(void *attached)
{
    (void)attached;
}

/* A chain that takes longer to open than a refusal: a member is refused as a stranger is, and finds
 * it open when he asks again. */
static void test_slow(void **state)
{
    (void)state;
    static const struct stranger owner = {.owner = true}, stranger = {.path = NULL};
    struct world w = world_quick(false);
    kit_close(w.c);
    ate__server_end(w.server);
    w.conf.attach = hold;
    w.conf.detach = nothing;
    w.server = kit_start(&w.conf);
    w.c = kit_connect(w.server);
    atomic_store(&held, true);
    compare_all(&w, &stranger, 1);
    compare_all(&w, &owner, 1);
    atomic_store(&held, false);
    w.known = kit_admitted(w.c, 1, &w.chain);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    world_free(&w);
}

/* ---- what may be said before ---- */

/* Whatever else is asked before: of a chain that is there, and of none. */
static void test_strangers(void **state)
{
    (void)state;
    static const uint16_t types[] = {
        ATE__MSG_SUBSCRIBE, ATE__MSG_COMMIT, ATE__MSG_OUTCOME, ATE__MSG_GET,
        ATE__MSG_PROVE,     ATE__MSG_NOTES,  ATE__MSG_DESTROY, ATE__MSG_CHECKPOINT,
    };
    struct world w = world_new(true);
    for (size_t i = 0; i < ATE__COUNT_OF(types); i++) {
        struct seen seen[2] = {{.frames = 0}, {.frames = 0}};
        for (unsigned there = 0; there < 2; there++) {
            struct kit_client *c = kit_connect(w.server);
            kit_send_open(c, 1, there ? w.chain.path : "/no/such");
            kit_send(c, types[i], 1, ate__bytes(NULL, 0));
            see(c, &seen[there]);
            kit_close(c);
        }
        assert_true(
            ate__bytes_equal(ate__buf_bytes(&seen[0].bytes), ate__buf_bytes(&seen[1].bytes)));
        ate__buf_deinit(&seen[0].bytes);
        ate__buf_deinit(&seen[1].bytes);
    }
    world_free(&w);
}

static void expect_closed(struct kit_client *c, int result)
{
    struct kit_frame f;
    do {
        f = kit_receive(c);
        kit_frame_free(&f);
    } while (f.type);
    assert_int_equal(kit_result(c), result);
    kit_close(c);
}

/* The limits of a greeting go on until a key of a chain is proved, and not behind that. */
static void test_confined(void **state)
{
    (void)state;
    struct world w = world_new(true);
    uint8_t *bytes = calloc(1, 20 << 10);
    assert_non_null(bytes);
    struct kit_client *c = kit_connect(w.server);
    kit_send(c, ATE__MSG_OPEN, 1, ate__bytes(bytes, 17 << 10));
    expect_closed(c, ATE_TOO_BIG);
    c = kit_connect(w.server);
    for (unsigned i = 0; i < 5; i++)
        kit_send(c, ATE__MSG_OPEN, 1 + i, ate__bytes(bytes, 15 << 10));
    expect_closed(c, ATE_TOO_BIG);
    c = opened(&w);
    for (unsigned i = 0; i < 5; i++) {
        kit_send(c, ATE__MSG_OPEN, 2 + i, ate__bytes(bytes, 20 << 10));
        expect_error(c, ATE_MALFORMED);
    }
    kit_close(c);
    free(bytes);
    kit_close(w.c);
    ate__server_end(w.server);
    w.conf.limits.greeting_ms = 300;
    w.server = kit_start(&w.conf);
    w.c = opened(&w);
    c = kit_connect(w.server); /* says nothing more */
    struct kit_client *other = kit_connect(w.server);
    (void)ask(other, &w.chain); /* nor does this one */
    expect_closed(c, ATE_TIMEOUT);
    expect_closed(other, ATE_TIMEOUT);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    world_free(&w);
}

/* ---- what a proof is good for ---- */

/* A proof of a member's, for what is not the case: another connection, chain or number. */
static void test_for_another(void **state)
{
    (void)state;
    struct world w = world_new(true);
    for (unsigned i = 0; i < 4; i++) {
        struct kit_client *c = kit_connect(w.server), *other = kit_connect(w.server);
        struct ate__possession there = ask(other, &w.chain), of = ask(c, &w.chain);
        assert_false(ate__hash_equal(&of.channel, &there.channel));
        if (i == 1)
            of.channel = there.channel;
        else if (i == 2)
            of.chain_id = w.another.id;
        else if (i == 3)
            of.nonce = there.nonce;
        kit_possess(c, 1, &of, w.chain.key);
        expect_shown(c, &w.chain, !i);
        kit_close(other);
        kit_close(c);
    }
    world_free(&w);
}

/* One answer to one question; none where nothing was asked; what is no message. */
static void test_once(void **state)
{
    (void)state;
    struct world w = world_new(true), public = world_new(false);
    struct ate__possession of = kit_possession(w.c, &w.chain);
    kit_possess(w.c, 1, &of, w.chain.key);
    expect_error(w.c, ATE_BAD_PEER);
    struct kit_client *c = kit_connect(w.server);
    of = ask(c, &w.chain);
    kit_possess_more(c, 1, &of, w.chain.key);
    of.chain_id = w.another.id; /* two chains */
    kit_possess(c, 1, &of, w.chain.key);
    expect_error(c, ATE_BAD_PEER);
    (void)ask(c, &w.chain);
    kit_send(c, ATE__MSG_POSSESSION, 1, ate__text_bytes("abc"));
    expect_error(c, ATE_MALFORMED);
    kit_close(c);
    of = kit_possession(public.c, &public.chain);
    kit_possess(public.c, 1, &of, public.chain.key);
    expect_error(public.c, ATE_BAD_PEER);
    world_free(&w);
    world_free(&public);
}

/* Two keys: each signature has to hold, and one of them to be a member's; nine are too many. */
static void test_several(void **state)
{
    (void)state;
    struct world w = world_new(true);
    for (unsigned broken = 0; broken < 3; broken++) {
        struct kit_client *c = kit_connect(w.server);
        struct ate__possession of = ask(c, &w.chain), wrong = of;
        wrong.nonce.b[3] ^= 1;
        kit_possess_more(c, 1, broken == 1 ? &wrong : &of, w.another.key);
        kit_possess(c, 1, broken == 2 ? &wrong : &of, w.chain.key);
        expect_shown(c, &w.chain, !broken);
        kit_close(c);
    }
    w.conf.limits.greeting_bytes = 1 << 20;
    ate__server_end(w.server);
    w.server = kit_start(&w.conf);
    struct kit_client *c = kit_connect(w.server);
    struct ate__possession of = ask(c, &w.chain);
    for (unsigned i = 0; i <= ATE__POSSESSED_MAX; i++)
        kit_possess_more(c, 1, &of, w.chain.key);
    expect_error(c, ATE_BAD_PEER);
    kit_close(c);
    world_free(&w);
}

static void test_failures_close(void **state)
{
    (void)state;
    struct world w = world_new(true);
    w.conf.limits.greeting_bytes = 1 << 20;
    w.conf.server_limits.refusal_ms = 10;
    kit_close(w.c);
    ate__server_end(w.server);
    w.server = kit_start(&w.conf);
    w.c = NULL;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct kit_client *c = kit_connect(w.server);
        for (unsigned i = 0; i < ATE__FAILED_SIGNATURES_MAX; i++) {
            struct ate__possession of = ask(c, &w.chain);
            struct ate__key32 secret;
            if (sealed) { /* and then it is not said what was in it */
                assert_int_equal(open_sealed(&of, c, w.another.key, &secret), 0);
                kit_send(c, ATE__MSG_CLOSE, 1, ate__bytes(NULL, 0));
            } else {
                kit_possess(c, 1, &of, w.another.key);
                expect_error(c, ATE_NO_ACCESS);
            }
        }
        assert_int_equal(kit_receive(c).type, 0);
        assert_int_equal(kit_result(c), ATE_BAD_PEER);
        kit_close(c);
    }
    world_free(&w);
}

/* A key that revokes itself: streams that it has opened are shown nothing more, new ones nothing.
 */
static void test_revoked(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    struct kit_follow f;
    struct kit_client *c = opened(&w);
    kit_follow_init(&f);
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    assert_int_equal(kit_subscribed(c).size, 1);
    kit_follow_to(c, &f, 1);
    ate__header_item(&h, ATE__TAG_REVOKE, ate__bytes(&w.chain.key->fingerprint, 32));
    assert_int_equal(ate__header_end(&h), 0);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&w.chain, &w.known, &event, 1, w.chain.key);
    kit_commit(w.c, 1, 1, &w.known, ate__buf_bytes(&tx));
    kit_committed(w.c, 1, ate__buf_bytes(&tx), &w.known);
    expect_error(c, ATE_NO_ACCESS); /* and not the group */
    kit_subscribe(w.c, 1, &(struct ate__head){.size = 0});
    expect_error(w.c, ATE_NO_ACCESS);
    struct kit_client *later = kit_connect(w.server);
    assert_int_equal(kit_open(later, 1, &w.chain).size, 0);
    assert_int_equal(kit_error, ATE_NO_ACCESS);
    struct ate__key32 secret;
    struct ate__possession of = ask(later, &w.chain);
    assert_int_equal(open_sealed(&of, later, w.chain.key, &secret), 0); /* as any other key */
    kit_possess_opened(later, 1, &of, w.chain.key, &secret);
    expect_error(later, ATE_NO_ACCESS);
    kit_close(later);
    kit_close(c);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
    world_free(&w);
}

/* Who says nothing loses the stream, as who is refused; also where others of his were admitted. */
static void test_late(void **state)
{
    (void)state;
    struct world w = world_new(true);
    kit_close(w.c);
    ate__server_end(w.server);
    w.conf.limits.greeting_ms = 300;
    w.server = kit_start(&w.conf);
    w.c = opened(&w);
    kit_send_open(w.c, 2, w.chain.path);
    struct kit_frame f;
    assert_true(kit_challenge(w.c, &f));
    expect_error(w.c, ATE_NO_ACCESS);
    assert_int_equal(kit_admitted(w.c, 2, &w.chain).size, 1); /* the id is free again */
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    world_free(&w);
}

/* A half that only reads is shown the chain. Another secret, one of another stream, and another
 * key are not; what is sealed opens for no other channel, chain or number. */
static void test_readers(void **state)
{
    (void)state;
    struct world w = world_new(true);
    struct ate__key32 secret = {{0}}, last;
    for (unsigned i = 0; i < 5; i++) {
        struct kit_client *c = kit_connect(w.server);
        const struct ate__key *key = i == 3 ? w.another.key : w.chain.key;
        struct ate__possession of = ask(c, &w.chain);
        last = secret;
        assert_int_equal(open_sealed(&of, c, key, &secret), 0);
        if (i == 1)
            secret.b[31] ^= 1;
        kit_possess_opened(c, 1, &of, i == 4 ? w.another.key : key, i == 2 ? &last : &secret);
        expect_shown(c, &w.chain, !i);
        kit_close(c);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct kit_client *c = kit_connect(w.server);
        struct ate__possession of = ask(c, &w.chain), there = of;
        struct ate__buf sealed = ATE__BUF_NULL;
        (i == 0 ? &of.channel : i == 1 ? &of.chain_id : &of.nonce)->b[5] ^= 1;
        kit_readers(c, 1, &there, w.chain.key);
        kit_sealed(c, &sealed);
        assert_int_equal(ate__possession_open(&of, w.chain.key, ate__buf_bytes(&sealed), &secret),
                         ATE_NO_KEY);
        ate__buf_deinit(&sealed);
        kit_close(c);
    }
    world_free(&w);
}

/* Too often, without a question, before its answer, and of what is no such key. */
static void test_readers_once(void **state)
{
    (void)state;
    struct world w = world_new(true), public = world_new(false);
    struct ate__key32 secret, none = {{0}};
    struct kit_client *c = kit_connect(w.server);
    struct ate__possession of = ask(c, &w.chain);
    for (unsigned i = 0; i < ATE__POSSESSED_MAX; i++)
        assert_int_equal(open_sealed(&of, c, w.chain.key, &secret), 0);
    kit_readers(c, 1, &of, w.chain.key);
    expect_error(c, ATE_BAD_PEER);
    of = ask(c, &w.chain);
    kit_possess_opened(c, 1, &of, w.chain.key, &secret); /* of the stream before */
    expect_error(c, ATE_NO_ACCESS);
    of = ask(c, &w.chain);
    kit_possess_opened(c, 1, &of, w.chain.key, &none); /* what nobody drew */
    expect_error(c, ATE_NO_ACCESS);
    of = ask(c, &w.chain);
    assert_int_equal(open_sealed(&of, c, w.chain.key, &secret), 0);
    kit_possess_opened(c, 1, &of, w.chain.key, &secret);
    expect_shown(c, &w.chain, true);
    kit_possess_opened(c, 1, &of, w.chain.key, &secret);
    expect_error(c, ATE_BAD_PEER);
    of = ask(c, &w.chain);
    struct ate__key signs = {.public_key = w.chain.key->public_key};
    signs.public_key.size = 6 + ATE__SIG_PUBLIC; /* its other part is behind that */
    kit_readers(c, 1, &of, &signs);
    expect_error(c, ATE_MALFORMED);
    kit_close(c);
    of = kit_possession(public.c, &public.chain);
    kit_readers(public.c, 1, &of, public.chain.key);
    expect_error(public.c, ATE_BAD_PEER);
    world_free(&w);
    world_free(&public);
}

/* The connection is gone while a proof is judged, or the chain is opened. */
static void test_gone(void **state)
{
    (void)state;
    struct world w = world_new(true);
    for (unsigned i = 0; i < 20; i++) {
        struct kit_client *c = kit_connect(w.server);
        struct ate__possession of = ask(c, &w.chain);
        kit_possess(c, 1, &of, i % 2 ? w.chain.key : w.another.key);
        kit_flush(c);
        kit_kill(c);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member),
        cmocka_unit_test(test_nothing_is_told),
        cmocka_unit_test(test_nothing_of_the_server),
        cmocka_unit_test(test_nothing_is_touched),
        cmocka_unit_test(test_destroyed),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_confined),
        cmocka_unit_test(test_for_another),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_failures_close),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_readers_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
