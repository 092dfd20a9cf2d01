/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pq.h"
#include "help.h"

struct simenv pq_sim;
json_t *pq_vectors;

int pq_set_up(void **state)
{
    (void)state;
    simenv_init(&pq_sim, rnd_seed(8), NULL);
    pq_vectors = vectors_open("hpke-pq-04.json");
    return 0;
}

int pq_tear_down(void **state)
{
    (void)state;
    json_decref(pq_vectors);
    simenv_deinit(&pq_sim);
    return 0;
}

const json_t *pq_vector(unsigned kem)
{
    const json_t *found = NULL;
    json_t *v;
    size_t i;
    json_array_foreach(pq_vectors, i, v)
    {
        if (json_integer_value(json_object_get(v, "kem_id")) == kem)
            found = v;
    }
    assert_non_null(found);
    return found;
}

struct ate__key32 pq_key_of(struct ate__buf *take_bytes)
{
    struct ate__key32 key;
    assert_int_equal(take_bytes->size, sizeof key.b);
    memcpy(key.b, take_bytes->data, sizeof key.b);
    ate__buf_deinit(take_bytes);
    return key;
}
