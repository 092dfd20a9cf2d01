/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * members.c: a server that shows its chains to members, asked by who is none, with what a member
 * has proved elsewhere.
 */
#include "attack.h"
#include "lib/tmpdir.h"
#include "trust/destruction.h"
#include "trust/possession.h"
#include "unit/mesh/kit.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

struct members {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain, eve; /* hers: her key, and a chain of her own */
    struct kit_client *c; /* of a member */
    struct kit_client *e; /* hers; has asked for the chain, and was asked */
    struct ate__possession of; /* what she would have to prove */
    struct ate__head head;
};

/* She asks for what lies there; gives the answer, if she is not asked. */
static struct kit_frame asks(struct members *m, const char *path)
{
    struct kit_frame f = {.type = 0};
    m->e = kit_connect(m->server);
    kit_send_open(m->e, 1, path);
    (void)kit_challenge(m->e, &f);
    m->of = kit_possession(m->e, &m->chain);
    return f;
}

static struct members begin(void)
{
    struct members m = {.conf = kit_conf(tmpdir_new()),
                        .chain = kit_chain_new("/members", false),
                        .eve = kit_chain_new("/eve", false)};
    m.conf.server_limits.refusal_ms = 200;
    m.server = kit_start(&m.conf); /* it is made where anybody is shown all */
    m.c = kit_connect(m.server);
    m.head = kit_create(m.c, 1, &m.chain);
    kit_put_object(m.c, 1, &m.chain, &m.head, 1);
    kit_close(m.c);
    ate__server_end(m.server);
    m.conf.members_only = true;
    m.server = kit_start(&m.conf);
    m.c = kit_connect(m.server);
    for (unsigned i = 0; i < 5 && !kit_open(m.c, 1, &m.chain).size; i++)
        continue;
    struct kit_frame f = asks(&m, m.chain.path);
    if (!kit_challenged)
        kit_frame_free(&f);
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
    struct kit_frame f = kit_receive(c);
    if (f.type == ATE__MSG_OPENED) {
        kit_frame_free(&f);
        kit_subscribe(c, 1, &(struct ate__head){.size = 0});
        f = kit_receive(c);
    }
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
    kit_subscribe(m.e, 1, &(struct ate__head){.size = 0});
    attack_tried("without a word", follows(m.e), ATE_BAD_PEER);
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
    kit_claim(m.e, 1, &m.chain.id, &m.of, m.chain.key);
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
    kit_readers(m.e, 1, &m.of, m.chain.key);
    kit_sealed(m.e, &sealed);
    int rc = ate__possession_open(&there, m.chain.key, ate__buf_bytes(&sealed), &secret);
    ate__buf_deinit(&sealed);
    if (rc && rc != ATE_NO_KEY)
        attack_must(rc);
    kit_possess_opened(m.e, 1, &m.of, m.chain.key, &secret);
    attack_tried("what he opened for her", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

static void seal_guessed(void)
{
    struct members m = begin();
    struct ate__buf sealed = ATE__BUF_NULL;
    kit_readers(m.e, 1, &m.of, m.chain.key);
    kit_sealed(m.e, &sealed);
    ate__buf_deinit(&sealed);
    kit_possess_opened(m.e, 1, &m.of, m.chain.key, &(struct ate__key32){{1}});
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

/* He has it open, as a member. */
static void revoked_while_open(void)
{
    struct members m = begin();
    struct kit_client *c = kit_connect(m.server);
    attack_must(kit_open(c, 1, &m.chain).size ? 0 : kit_error);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    ate__header_item(&h, ATE__TAG_REVOKE, ate__bytes(&m.chain.key->fingerprint, 32));
    attack_must(ate__header_end(&h));
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(&m.chain, &m.head, &event, 1, m.chain.key);
    kit_commit(m.c, 1, 77, &m.head, ate__buf_bytes(&tx));
    kit_committed(m.c, 77, ate__buf_bytes(&tx), &m.head);
    kit_subscribe(c, 1, &(struct ate__head){.size = 0});
    attack_tried("a key that was revoked since", follows(c), ATE_NO_ACCESS);
    kit_close(c);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
    end(&m);
}

/* ---- what she learns without a key ---- */

/* All that is said to her at that path, but for what is drawn, and after how long: how many frames
 * came, what ended it, and its text, in one line. */
static void hear(struct members *m, const char *path, const struct ate__key *key, char *ret_line,
                 size_t size, uint64_t *ret_ms)
{
    char text[ATE__ERROR_SIZE] = "";
    unsigned frames = 0;
    int rc = 0;
    kit_close(m->e);
    struct kit_frame f = asks(m, path);
    uint64_t at = ate__monotonic_ms(&ate__env_real);
    if (kit_challenged) {
        kit_possess(m->e, 1, &m->of, key);
        f = kit_receive(m->e);
        frames++;
    }
    *ret_ms = ate__monotonic_ms(&ate__env_real) - at;
    if (f.type == ATE__NET_ERROR)
        attack_must(ate__net_error_decode(ate__buf_bytes(&f.body), &rc, text));
    kit_frame_free(&f);
    while (kit_challenged && !kit_quiet(m->e, 50) && f.type) {
        f = kit_receive(m->e);
        kit_frame_free(&f);
        frames++;
    }
    snprintf(ret_line, size, "%u frames, %s: %s", frames, rc ? ate__result_name(rc) : "", text);
}

/* Compares a path at which there is nothing with that of the chain. */
static void compare(const struct ate__key *(*prover)(const struct members *m), bool times)
{
    struct members m = begin();
    char there[2 * ATE__ERROR_SIZE], missing[2 * ATE__ERROR_SIZE];
    uint64_t ms = 0;
    hear(&m, "/no/such", prover(&m), missing, sizeof missing, &ms);
    bool early = ms < m.conf.server_limits.refusal_ms;
    hear(&m, m.chain.path, prover(&m), there, sizeof there, &ms);
    bool tells = times ? early : strcmp(there, missing) != 0;
    attack_tried("told apart from a path at which there is none",
                 tells ? 0 : ate__fail(ATE_NO_ACCESS, "both: %s", there), ATE_NO_ACCESS);
    end(&m);
}

static const struct ate__key *of_eve(const struct members *m)
{
    return m->eve.key;
}

static void told_before(void)
{
    compare(of_eve, false);
}

static void told_by_time(void)
{
    compare(of_eve, true);
}

/* A member of the server's other chains looks for those that are none of his. */
static void told_of_another_chain(void)
{
    struct members m = begin();
    m.of.chain_id = m.eve.id; /* which is at no path here */
    kit_possess(m.e, 1, &m.of, m.chain.key);
    attack_tried("what lies at a path that he guessed", follows(m.e), ATE_NO_ACCESS);
    end(&m);
}

/* An owner's last word on a chain is for those who had it. */
static void told_of_its_end(void)
{
    struct members m = begin();
    char dir[600], text[2 * ATE__ERROR_SIZE], missing[2 * ATE__ERROR_SIZE];
    uint64_t ms;
    struct ate__buf statement = ATE__BUF_NULL;
    struct ate__destruction d = {
        .chain_id = m.chain.id,
        .size = m.head.size,
        .root = m.head.root,
        .time_us = 77,
        .name = ate__text_bytes(m.chain.path),
        .genesis = ate__buf_bytes(&m.chain.genesis),
        .pin = ate__server_pin(m.server),
    };
    attack_must(ate__destruction_make(&d, m.chain.key, &statement));
    kit_close(m.c);
    kit_close(m.e);
    m.c = m.e = NULL;
    ate__server_end(m.server);
    snprintf(dir, sizeof dir, "%s/members/,chain", m.conf.logs);
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    snprintf(dir, sizeof dir, "%s/members/,destroyed", m.conf.logs);
    FILE *file = fopen(dir, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(statement.data, 1, statement.size, file), statement.size);
    fclose(file);
    m.server = kit_start(&m.conf);
    hear(&m, "/no/such", m.eve.key, missing, sizeof missing, &ms);
    hear(&m, m.chain.path, m.eve.key, text, sizeof text, &ms);
    attack_tried("that a chain lay there once",
                 strcmp(text, missing) ? 0 : ate__fail(ATE_NO_ACCESS, "%s", text), ATE_NO_ACCESS);
    ate__buf_deinit(&statement);
    end(&m);
}

/* ---- what she may send without a key ---- */

/* Frames as large as a member's, and more of them than a stranger needs. */
static void unproved_and_large(void)
{
    struct members m = begin();
    struct kit_frame f;
    uint8_t *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    kit_send(m.e, ATE__MSG_OPEN, 2, ate__bytes(bytes, 1 << 20));
    do {
        f = kit_receive(m.e);
        kit_frame_free(&f);
    } while (f.type && f.stream != 2);
    attack_tried("a frame of 1 MiB", f.type ? 0 : kit_result(m.e), ATE_TOO_BIG);
    free(bytes);
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
    {"revoked-while-open", revoked_while_open},
    {"told-before", told_before},
    {"told-by-time", told_by_time},
    {"told-of-another-chain", told_of_another_chain},
    {"told-of-its-end", told_of_its_end},
    {"unproved-and-large", unproved_and_large},
    {NULL, NULL},
};
