/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * neighbours.c: who may follow one chain of a server would be shown another of the same server.
 */
#include "attack.h"
#include "base/err.h"
#include "lib/tmpdir.h"
#include "unit/mesh/kit.h"

/* Two chains at one server: hers, at which she is, and another, which somebody writes. */
struct street {
    struct kit_chain hers, other;
    struct ate__server *server;
    struct kit_client *eve, *writer;
    struct ate__head known; /* of the other */
};

static void street_new(struct street *s)
{
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    *s = (struct street){.hers = kit_chain_new("/eve", true),
                         .other = kit_chain_new("/other", true)};
    s->server = kit_start(&conf);
    s->eve = kit_connect(s->server);
    (void)kit_create(s->eve, 1, &s->hers);
    kit_close(s->eve);
    ate__server_end(s->server);
    s->server = kit_start(&conf);
    s->writer = kit_connect(s->server);
    s->known = kit_create(s->writer, 1, &s->other);
    s->eve = kit_connect(s->server);
}

static void street_free(struct street *s)
{
    kit_close(s->eve);
    kit_close(s->writer);
    ate__server_end(s->server);
    kit_chain_free(&s->hers);
    kit_chain_free(&s->other);
}

/* 0: what she gets under the path of hers is the other chain. */
static int opens(struct street *s)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_opened m;
    ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes(s->hers.path)});
    kit_send(s->eve, ATE__MSG_OPEN, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    struct kit_frame f = kit_receive(s->eve);
    assert_int_equal(f.type, ATE__MSG_OPENED);
    attack_must(ate__msg_opened_decode(ate__buf_bytes(&f.body), &m));
    bool others = ate__hash_equal(&m.chain_id, &s->other.id);
    kit_frame_free(&f);
    return others ? 0 : ate__fail(ATE_WRONG_CHAIN, "it is her own");
}

/* 0: what is written there comes to her, who follows hers. */
static int follows(struct street *s)
{
    static const struct ate__head nothing;
    kit_subscribe(s->eve, 1, &nothing);
    uint64_t size = kit_subscribed(s->eve).size;
    for (uint64_t n = 0; n < size; n++) {
        struct kit_frame f = kit_receive(s->eve);
        assert_int_equal(f.type, ATE__MSG_GROUP);
        kit_frame_free(&f);
    }
    kit_put_object(s->writer, 1, &s->other, &s->known, 1);
    return kit_quiet(s->eve, 100) ? ate__fail(ATE_WRONG_CHAIN, "nothing comes") : 0;
}

static void chain_next_door(void)
{
    struct street s;
    street_new(&s);
    attack_tried("opened under the path of hers", opens(&s), ATE_WRONG_CHAIN);
    attack_tried("followed along with hers", follows(&s), ATE_WRONG_CHAIN);
    street_free(&s);
}

const struct attack attacks_neighbours[] = {
    {"chain-next-door", chain_next_door},
    {NULL, NULL},
};
