/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * PROVE and CHECKPOINT, as a client sends them and takes their answers.
 */
#include "stage.h"
#include <stdlib.h>

static void say_proven(struct stage *s, uint32_t request)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_proven_encode(
        &w, &(struct ate__msg_proven){.request = request, .kind = ATE__PROVE_CONSISTENCY});
    must(ate__wr_end(&w));
    stage_say(s, ATE__MSG_PROVEN, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

static void say_signed(struct stage *s, uint32_t request)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_signed_encode(&w, &(struct ate__msg_signed){request, ate__text_bytes("note")});
    must(ate__wr_end(&w));
    stage_say(s, ATE__MSG_SIGNED, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

static uint32_t asked_proof(struct stage *s)
{
    struct ate__msg_prove m;
    must(ate__msg_prove_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_PROVE)->body), &m));
    return m.request;
}

static uint32_t asked_checkpoint(struct stage *s)
{
    struct ate__msg_checkpoint m;
    must(ate__msg_checkpoint_decode(ate__buf_bytes(&stage_next(s, ATE__MSG_CHECKPOINT)->body), &m));
    return m.request;
}

/* Both are given what was said, and nothing of it is looked at. */
static void answered(void **state)
{
    (void)state;
    for (int lie = 0; lie < 5; lie++) {
        struct stage *s = stage_new(false, false);
        stage_ready(s);
        s->room = 0;
        struct stage_call *prove = stage_read_call(s, ATE__CALL_PROVE, -1),
                          *checkpoint = stage_read_call(s, ATE__CALL_CHECKPOINT, -1);
        prove->call.prove =
            (struct ate__msg_prove){.kind = ATE__PROVE_CONSISTENCY, .first = 1, .size = 3};
        stage_drained(s, SIZE_MAX);
        uint32_t first = asked_proof(s), second = asked_checkpoint(s);
        switch (lie) {
        case 0:
            say_signed(s, second);
            say_proven(s, first);
            assert_true(prove->call.got.size && checkpoint->call.got.size);
            stage_done(prove, 0);
            stage_done(checkpoint, 0);
            stage_free(s);
            continue;
        case 1: say_signed(s, first); break;
        case 2: say_proven(s, second); break;
        case 3: say_proven(s, 99); break;
        default: stage_say(s, ATE__MSG_SIGNED, 1, ate__text_bytes("x"));
        }
        stage_final(s, ATE_BAD_PEER, NULL);
        stage_done(prove, ATE_BAD_PEER);
        stage_done(checkpoint, ATE_BAD_PEER);
        stage_free(s);
    }
}

/* They are asked again over the next link; what is refused ends alone. */
static void asked_again(void **state)
{
    (void)state;
    struct stage *s = stage_new(false, false);
    stage_ready(s);
    struct stage_call *checkpoint = stage_read_call(s, ATE__CALL_CHECKPOINT, -1);
    (void)asked_checkpoint(s);
    stage_lose(s, ATE_OFFLINE);
    stage_ready_again(s);
    stage_say_rejected(s, asked_checkpoint(s), ATE_NOT_FOUND, "nobody signed");
    stage_done(checkpoint, ATE_NOT_FOUND);
    stage_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered),
        cmocka_unit_test(asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
