/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * afar.c: chains at a server that are destroyed by who may not; and an operator who has removed one
 * and says that its owner did it.
 */
#include "attack.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "net/addr.h"
#include "trust/destruction.h"
#include "unit/mesh/kit.h"

struct afar {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, eve; /* hers: her key, and a chain of the same name */
    struct kit_client *c;
    struct ate__head head;
};

static struct afar begin(void)
{
    struct afar a = {.conf = kit_conf(tmpdir_new()),
                     .chain = kit_chain_new("/afar", false),
                     .eve = kit_chain_new("/afar", false)};
    a.conf.allow_destroy = true;
    a.server = kit_start(&a.conf);
    a.c = kit_connect(a.server);
    a.head = kit_create(a.c, 1, &a.chain);
    kit_put_object(a.c, 1, &a.chain, &a.head, 1);
    return a;
}

static void end(struct afar *a)
{
    kit_close(a->c);
    ate__server_end(a->server);
    kit_chain_free(&a->chain);
    kit_chain_free(&a->eve);
}

/* ---- over the wire ---- */

static struct kit_frame send_destroy(struct kit_client *c, uint32_t request,
                                     struct ate_bytes statement)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_destroy_encode(&w, &(struct ate__msg_destroy){request, statement});
    kit_send(c, ATE__MSG_DESTROY, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    return kit_receive(c);
}

/* What there is to be signed for, and a number that the server has drawn. */
static struct ate__destruction ask(struct afar *a, struct kit_client *c)
{
    struct ate__msg_destroyed m;
    struct kit_frame f = send_destroy(c, 1, ate__bytes(NULL, 0));
    assert_int_equal(f.type, ATE__MSG_DESTROYED);
    attack_must(ate__msg_destroyed_decode(ate__buf_bytes(&f.body), &m));
    kit_frame_free(&f);
    return (struct ate__destruction){
        .chain_id = a->chain.id,
        .size = a->head.size,
        .root = a->head.root,
        .time_us = 77,
        .name = ate__text_bytes(a->chain.path),
        .genesis = ate__buf_bytes(&a->chain.genesis),
        .pin = m.pin,
        .nonce = m.nonce,
    };
}

static int destroy(struct kit_client *c, const struct ate__destruction *d,
                   const struct ate__key *key)
{
    struct ate__buf statement = ATE__BUF_NULL;
    struct ate__msg_rejected m = {.result = 0};
    attack_must(ate__destruction_make(d, key, &statement));
    struct kit_frame f = send_destroy(c, 2, ate__buf_bytes(&statement));
    if (f.type == ATE__MSG_REJECTED)
        attack_must(ate__msg_rejected_decode(ate__buf_bytes(&f.body), &m));
    else
        assert_int_equal(f.type, ATE__MSG_DESTROYED);
    if (m.result)
        ate__fail(m.result, "%.*s", (int)m.text.size, (const char *)m.text.data);
    kit_frame_free(&f);
    ate__buf_deinit(&statement);
    return m.result;
}

static void destroyed_from_afar(void)
{
    struct afar a = begin();
    struct ate__destruction d = ask(&a, a.c);
    attack_tried("with a key of her own", destroy(a.c, &d, a.eve.key), ATE_DENIED);
    end(&a);
}

/* What the owner has signed is sent once more, over another connection. */
static void destroy_replayed(void)
{
    struct afar a = begin();
    struct ate__destruction d = ask(&a, a.c);
    struct kit_client *c = kit_connect(a.server);
    assert_int_equal(kit_open(c, 1, &a.chain).size, a.head.size);
    ask(&a, c);
    attack_tried("a captured DESTROY", destroy(c, &d, a.chain.key), ATE_STALE);
    kit_close(c);
    end(&a);
}

/* The owner destroys a copy at another server, which asks this one what is to be signed. */
static void destroy_passed_on(void)
{
    struct afar a = begin();
    struct ate__destruction d = ask(&a, a.c);
    d.pin.b[7] ^= 1;
    attack_tried("to another server", destroy(a.c, &d, a.chain.key), ATE_DENIED);
    end(&a);
}

/* He destroys another chain of his. */
static void destroy_of_another(void)
{
    struct afar a = begin();
    struct ate__destruction d = ask(&a, a.c);
    d.chain_id = a.eve.id;
    attack_tried("to another chain", destroy(a.c, &d, a.chain.key), ATE_DENIED);
    end(&a);
}

/* ---- an operator ---- */

/* A client opens it. 0: it believes that its owner destroyed it, or that there never was one. */
static int told(const struct afar *a)
{
    char pin[ATE_HASH_TEXT], root[ATE_HASH_TEXT], address[600];
    const char *all = ate__server_address(a->server);
    struct ate_chain_conf conf = {.timeout_ms = 20000};
    struct ate_chain *c = NULL;
    snprintf(address, sizeof address, "%.*safar#pin=%s,root=%s", (int)strcspn(all, "#"), all,
             ate_hash_text(ate__server_pin(a->server), pin),
             ate_hash_text(a->chain.key->fingerprint, root));
    int rc = ate_chain_open(address, NULL, 0, &conf, &c);
    ate_chain_close(c);
    return rc == ATE_NOT_FOUND ? 0 : rc; /* 0 as well where it is there */
}

static void says(const struct afar *a, const char *way, const struct ate__destruction *d,
                 const struct ate__key *key, int documented)
{
    struct ate__buf statement = ATE__BUF_NULL;
    char path[600];
    attack_must(ate__destruction_make(d, key, &statement));
    snprintf(path, sizeof path, "%s/afar/,destroyed", a->conf.logs);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(statement.data, 1, statement.size, file), statement.size);
    fclose(file);
    ate__buf_deinit(&statement);
    attack_tried(way, told(a), documented);
}

/* A client has seen the chain; the server is started anew, on the same port. Gives what its owner
 * would sign. */
static struct ate__destruction seen_before(struct afar *a)
{
    struct ate__destruction d = ask(a, a->c);
    struct ate__addr addr;
    attack_must(told(a));
    attack_must(ate__addr_parse(ate__server_address(a->server), &addr));
    kit_close(a->c);
    ate__server_end(a->server);
    a->conf.port = addr.port;
    a->server = kit_start(&a->conf);
    a->c = NULL;
    return d;
}

static void removed_and_signed(void)
{
    struct afar a = begin();
    struct ate__destruction d = seen_before(&a);
    says(&a, "with a key of his own", &d, a.eve.key, ATE_UNTRUSTED);
    end(&a);
}

static void removed_as_elsewhere(void)
{
    struct afar a = begin();
    struct ate__destruction d = seen_before(&a);
    d.pin.b[7] ^= 1;
    says(&a, "what was signed for another server", &d, a.chain.key, ATE_UNTRUSTED);
    end(&a);
}

/* The chain was destroyed, and lives again from a backup; what was signed then is shown again. */
static void removed_as_before(void)
{
    struct afar a = begin();
    struct ate__destruction d = seen_before(&a);
    d.size--;
    says(&a, "what was signed of an earlier state", &d, a.chain.key, ATE_ROLLED_BACK);
    end(&a);
}

/* It lives again from a backup, and the client has followed it back; what was signed of the more
 * that it had then is shown. */
static void removed_as_before_it_came_back(void)
{
    struct afar a = begin();
    struct ate__destruction d = seen_before(&a);
    d.size += 3;
    assert_int_equal(shell("cd \"$HOME/.local/state/ate/heads\" && sed -i "
                           "-e 's/^ate-head 2/ate-head 3/' -e '$a reset 1000' -- *"),
                     0);
    says(&a, "what was signed before it came back", &d, a.chain.key, ATE_ROLLED_BACK);
    end(&a);
}

static void removed_as_another(void)
{
    struct afar a = begin();
    struct ate__destruction d = seen_before(&a);
    d.chain_id = a.eve.id;
    d.genesis = ate__buf_bytes(&a.eve.genesis);
    says(&a, "another chain of that name", &d, a.eve.key, ATE_WRONG_CHAIN);
    end(&a);
}

static void just_removed(void)
{
    struct afar a = begin();
    char path[600], away[620];
    seen_before(&a);
    snprintf(path, sizeof path, "%s/afar", a.conf.logs);
    snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(rename(path, away), 0);
    attack_tried("without a word", told(&a), ATE_ROLLED_BACK);
    end(&a);
}

const struct attack attacks_afar[] = {
    {"destroyed-from-afar", destroyed_from_afar},
    {"destroy-replayed", destroy_replayed},
    {"destroy-passed-on", destroy_passed_on},
    {"destroy-of-another", destroy_of_another},
    {"removed-and-signed", removed_and_signed},
    {"removed-as-elsewhere", removed_as_elsewhere},
    {"removed-as-before", removed_as_before},
    {"removed-as-before-it-came-back", removed_as_before_it_came_back},
    {"removed-as-another", removed_as_another},
    {"just-removed", just_removed},
    {NULL, NULL},
};
