/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hpke_test.c: both suites by their published vectors, and what neither opens. X-Wing's own: also
 * kem_test.c.
 */
#include "crypto/hpke.h"
#include "base/err.h"
#include "help.h"
#include "pq.h"
#include <openssl/err.h>

enum { TAG = 16 };

static void published(void **state)
{
    (void)state;
    json_t *v;
    size_t i, seen = 0;
    json_array_foreach(pq_vectors, i, v)
    {
        unsigned kem = (unsigned)json_integer_value(json_object_get(v, "kem_id"));
        const json_t *message = json_array_get(json_object_get(v, "encryptions"), 0);
        struct ate__buf sk = vector_hex(v, "skRm"), pk = vector_hex(v, "pkRm"),
                        sealed = vector_hex(v, "enc"), info = vector_hex(v, "info"),
                        aad = vector_hex(message, "aad"), ct = vector_hex(message, "ct"),
                        pt = vector_hex(message, "pt"), suite = vector_hex(v, "suite_id");
        struct ate__key32 seed = pq_key_of(&sk);
        const struct ate__algorithm *a = ate__algorithm(kem);
        uint8_t plain[100], public_key[ATE__KEM_PUBLIC_MAX];
        assert_non_null(a);
        assert_int_equal(pk.size, a->public_size);
        assert_int_equal(sealed.size, a->made_size);
        assert_int_equal(ate__kem_public(kem, &seed, public_key), 0);
        assert_memory_equal(public_key, pk.data, pk.size);
        assert_int_equal(ate__kem_check(kem, ate__buf_bytes(&pk)), 0);
        assert_int_equal(ate__buf_append(&sealed, ate__buf_bytes(&ct)), 0);
        assert_int_equal(sealed.size, ate__hpke_size(kem, pt.size));
        assert_int_equal(ate__hpke_open(kem, &seed, ate__buf_bytes(&info), ate__buf_bytes(&aad),
                                        ate__buf_bytes(&sealed), plain, pt.size),
                         0);
        assert_memory_equal(plain, pt.data, pt.size);
        ate__buf_deinit(&pk);
        ate__buf_deinit(&sealed);
        ate__buf_deinit(&info);
        ate__buf_deinit(&aad);
        ate__buf_deinit(&ct);
        ate__buf_deinit(&pt);
        ate__buf_deinit(&suite);
        seen++;
    }
    assert_int_equal(seen, 2);
}

/* A message sealed by us, and all that it is bound to. */
struct sealed {
    unsigned kem;
    struct ate__key32 seed;
    uint8_t public_key[ATE__KEM_PUBLIC_MAX], plain[32], info[10], aad[12];
    struct ate__buf out;
};

static void seal(struct sealed *s, const struct ate__algorithm *a)
{
    *s = (struct sealed){.kem = a->id, .out = ATE__BUF_NULL};
    ate__random(&pq_sim.env, s->seed.b, sizeof s->seed.b);
    ate__random(&pq_sim.env, s->plain, sizeof s->plain);
    assert_int_equal(ate__kem_public(s->kem, &s->seed, s->public_key), 0);
    assert_int_equal(ate__hpke_seal(s->kem, ate__bytes(s->public_key, a->public_size), &pq_sim.env,
                                    ate__bytes(s->info, sizeof s->info),
                                    ate__bytes(s->aad, sizeof s->aad),
                                    ate__bytes(s->plain, sizeof s->plain), &s->out),
                     0);
    assert_int_equal(s->out.size, a->made_size + sizeof s->plain + TAG);
}

static int open_sealed(const struct sealed *s)
{
    uint8_t plain[sizeof s->plain];
    memset(plain, 0xa5, sizeof plain);
    int rc = ate__hpke_open(s->kem, &s->seed, ate__bytes(s->info, sizeof s->info),
                            ate__bytes(s->aad, sizeof s->aad), ate__buf_bytes(&s->out), plain,
                            sizeof plain);
    if (!rc)
        assert_memory_equal(plain, s->plain, sizeof plain);
    else
        assert_memory_not_equal(plain, s->plain, sizeof plain);
    return rc;
}

static void every_change_is_seen(void **state)
{
    (void)state;
    const struct ate__algorithm *a;
    for (size_t k = 0; (a = ate__algorithm_at(k)); k++) {
        struct sealed s;
        if (a->use != ATE__USE_KEM)
            continue;
        seal(&s, a);
        assert_int_equal(open_sealed(&s), 0);
        struct {
            uint8_t *at;
            size_t size, step;
        } part[] = {{s.out.data, a->made_size, 13},
                    {s.out.data + a->made_size, s.out.size - a->made_size, 1},
                    {s.info, sizeof s.info, 3},
                    {s.aad, sizeof s.aad, 3},
                    {s.seed.b, 32, 7}};
        for (size_t p = 0; p < ATE__COUNT_OF(part); p++)
            for (size_t i = 0; i < part[p].size; i += part[p].step) {
                part[p].at[i] ^= (uint8_t)(1 << i % 8);
                assert_int_equal(open_sealed(&s), ATE_NO_KEY);
                part[p].at[i] ^= (uint8_t)(1 << i % 8);
            }
        for (size_t cut = 1; cut < s.out.size; cut += 97) {
            struct sealed shorter = s;
            shorter.out.size -= cut;
            assert_int_equal(open_sealed(&shorter), ATE_NO_KEY);
        }
        assert_int_equal(open_sealed(&s), 0);
        ate__buf_deinit(&s.out);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* What is sealed with one suite does not open with the other, nor is a key of one taken for one of
 * the other. */
static void suites_do_not_mix(void **state)
{
    (void)state;
    struct sealed s;
    struct ate__buf out = ATE__BUF_NULL;
    seal(&s, ate__algorithm(ATE__KEM_MLKEM1024_P384));
    s.kem = ATE__KEM_XWING;
    assert_int_equal(open_sealed(&s), ATE_NO_KEY);
    s.kem = ATE__SIG_MLDSA87_ED448;
    assert_int_equal(open_sealed(&s), ATE_UNSUPPORTED);
    s.kem = 0x0050;
    assert_int_equal(open_sealed(&s), ATE_UNSUPPORTED);
    assert_int_equal(ate__hpke_size(0x0050, 32), 0);
    struct ate_bytes none = {NULL, 0}, key = ate__bytes(s.public_key, sizeof s.public_key);
    assert_int_equal(ate__hpke_seal(ATE__KEM_XWING, key, &pq_sim.env, none, none, none, &out),
                     ATE_MALFORMED);
    assert_int_equal(ate__hpke_seal(0x0050, key, &pq_sim.env, none, none, none, &out),
                     ATE_UNSUPPORTED);
    assert_int_equal(ate__kem_check(ATE__KEM_XWING, key), ATE_MALFORMED);
    assert_int_equal(ate__kem_check(0x0050, key), ATE_UNSUPPORTED);
    assert_int_equal(out.size, 0);
    ate__buf_deinit(&s.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(every_change_is_seen),
        cmocka_unit_test(suites_do_not_mix),
    };
    return cmocka_run_group_tests(tests, pq_set_up, pq_tear_down);
}
