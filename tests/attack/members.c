/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * members.c: a server that shows its chains to members, asked by who is none, with what a member
 * has proved elsewhere.
 */
#include "attack.h"
#include "lib/tmpdir.h"
#include "trust/possession.h"
#include "unit/mesh/kit.h"

struct members {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, eve; /* hers: her key, and a chain of her own */
    struct kit_client *c; /* of a member */
    struct kit_client *e; /* hers; has opened the chain, and was asked */
    struct ate__possession of; /* what she would have to prove */
    struct ate__head head;
};

static struct members begin(void)
{
    struct members m = {.conf = kit_conf(tmpdir_new()),
                        .chain = kit_chain_new("/members", false),
                        .eve = kit_chain_new("/eve", false)};
    m.conf.members_only = true;
    m.server = kit_start(&m.conf);
    m.c = kit_connect(m.server);
    m.head = kit_create(m.c, 1, &m.chain);
    struct ate__possession of = kit_possession(m.c, &m.chain);
    kit_possess(m.c, 1, &of, m.chain.key);
    kit_put_object(m.c, 1, &m.chain, &m.head, 1);
    m.e = kit_connect(m.server);
    assert_int_equal(kit_open(m.e, 1, &m.chain).size, 2);
    m.of = kit_possession(m.e, &m.chain);
    return m;
}

static void end(struct members *m)
{
    kit_close(m->e);
    kit_close(m->c);
    ate__server_end(m->server);
    kit_chain_free(&m->chain);
    kit_chain_free(&m->eve);
}

/* 0: she is shown the groups of the chain. */
static int follows(struct kit_client *c)
{
    char text[ATE__ERROR_SIZE];
    int rc = 0;
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    struct kit_frame f = kit_receive(c);
    if (f.type == ATE__NET_ERROR)
        attack_must(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, text));
    else
        assert_int_equal(f.type, ATE__MSG_SUBSCRIBED);
    if (rc)
        ate__fail(rc, "%s", text);
    kit_frame_free(&f);
    return rc;
}

static void unproved(void)
{
    struct members m = begin();
    attack_tried("without a word", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

static void proved_by_stranger(void)
{
    struct members m = begin();
    kit_possess(m.e, 1, &m.of, m.eve.key);
    attack_tried("a key of her own", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

/* Public keys are public. */
static void proved_without_key(void)
{
    struct members m = begin();
    struct ate__key *mixed;
    attack_must(ate__key_of_seed(&(struct ate__key32){{9}}, NULL, &mixed));
    mixed->fingerprint = m.chain.key->fingerprint;
    memcpy(mixed->public_key.data, m.chain.key->public_key.data, mixed->public_key.size);
    kit_possess(m.e, 1, &m.of, mixed);
    attack_tried("a member's public key", follows(m.e), ATE_NO_ACCESS);
    ate__key_free(mixed);
    end(&m);
}

/* A member opens a chain at her server, which asks him what she was asked. */
static void proof_passed_on(void)
{
    struct members m = begin();
    struct ate__possession there = kit_possession(m.c, &m.chain);
    m.of.channel = there.channel;
    kit_possess(m.e, 1, &m.of, m.chain.key);
    attack_tried("what he proved to her", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

/* He proves his key for a chain of hers, which he follows. */
static void proof_for_another_chain(void)
{
    struct members m = begin();
    m.of.chain_id = m.eve.id;
    kit_possess(m.e, 1, &m.of, m.chain.key);
    attack_tried("what he proved for hers", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

/* What went over this connection once goes over it again: of a machine that several use. */
static void proof_repeated(void)
{
    struct members m = begin();
    m.of.nonce.b[0] ^= 1;
    kit_possess(m.e, 1, &m.of, m.chain.key);
    attack_tried("what was proved before", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

/* What the server sealed to a member's key for her is opened by him, whom her own server asks. */
static void seal_passed_on(void)
{
    struct members m = begin();
    struct ate__possession there = kit_possession(m.c, &m.chain);
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__key32 secret = {{0}};
    there.nonce = m.of.nonce; /* hers to say */
    kit_readers(m.e, 1, m.chain.key);
    kit_sealed(m.e, &sealed);
    int rc = ate__possession_open(&there, m.chain.key, ate__buf_bytes(&sealed), &secret);
    ate__buf_deinit(&sealed);
    if (rc && rc != ATE_NO_KEY)
        attack_must(rc);
    kit_possess_opened(m.e, 1, m.chain.key, &secret);
    attack_tried("what he opened for her", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

static void seal_guessed(void)
{
    struct members m = begin();
    struct ate__buf sealed = ATE__BUF_NULL;
    kit_readers(m.e, 1, m.chain.key);
    kit_sealed(m.e, &sealed);
    ate__buf_deinit(&sealed);
    kit_possess_opened(m.e, 1, m.chain.key, &(struct ate__key32){{1}});
    attack_tried("a secret that was not opened", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

static void proved_by_revoked(void)
{
    struct members m = begin();
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    ate__header_item(&h, ATE__TAG_REVOKE, ate__bytes(&m.chain.key->fingerprint, 32));
    attack_must(ate__header_end(&h));
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&m.chain, &m.head, &event, 1, m.chain.key);
    kit_commit(m.c, 1, 77, &m.head, ate__buf_bytes(&tx));
    kit_committed(m.c, 77, ate__buf_bytes(&tx), &m.head);
    kit_possess(m.e, 1, &m.of, m.chain.key);
    attack_tried("a key that was revoked", follows(m.e), ATE_NO_ACCESS);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
    end(&m);
}

const struct attack attacks_members[] = {
    {"unproved", unproved},
    {"proved-by-stranger", proved_by_stranger},
    {"proved-without-key", proved_without_key},
    {"proof-passed-on", proof_passed_on},
    {"proof-for-another-chain", proof_for_another_chain},
    {"proof-repeated", proof_repeated},
    {"proved-by-revoked", proved_by_revoked},
    {"seal-passed-on", seal_passed_on},
    {"seal-guessed", seal_guessed},
    {NULL, NULL},
};
