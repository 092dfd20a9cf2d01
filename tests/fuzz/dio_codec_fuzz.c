/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dio_codec_fuzz.c: a payload of either encoding, decoded by two tables.
 * Target functions: ate__codec_decode, ate__json_decode, ate__codec_check, ate__codec_encode (the
 * version before), ate__copy_object.
 */
#include "ate/result.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "dio/codec.h"
#include "unit/dio/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded is encoded again, keeping what the table does not know; from there on nothing
 * changes any more, and a copy is as good. */
static void again(const struct ate_type *type, const void *object, struct ate_bytes payload)
{
    struct ate__buf first = ATE__BUF_NULL, second = ATE__BUF_NULL;
    void *back = NULL, *copy = NULL;
    size_t size = 0;
    int rc = ate__codec_encode(type, object, payload, &first);
    ate__assert(!rc || rc == ATE_TOO_BIG);
    if (!rc) {
        rc = ate__codec_decode(type, ate__buf_bytes(&first), &back, &size);
        ate__assert(!rc);
        rc = ate__copy_object(type, back, &copy);
        ate__assert(!rc);
        rc = ate__codec_encode(type, copy, ate__buf_bytes(&first), &second);
        ate__assert(!rc && ate__bytes_equal(ate__buf_bytes(&first), ate__buf_bytes(&second)));
    }
    ate__free(back);
    ate__free(copy);
    ate__buf_deinit(&first);
    ate__buf_deinit(&second);
}

static void decode(const struct ate_type *type, struct ate_bytes payload)
{
    void *object = NULL;
    size_t size = 0;
    enum ate__encoding encoding;
    if (ate__codec_decode(type, payload, &object, &size))
        return;
    int rc = ate__encoding_of(payload, &encoding);
    ate__assert(!rc && size >= type->size);
    rc = ate__codec_check(payload, encoding);
    ate__assert(!rc);
    again(type, object, payload);
    ate__free(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes payload = ate__bytes(data, size);
    (void)!ate__codec_check(payload, ATE__MSGPACK);
    (void)!ate__codec_check(payload, ATE__JSON);
    decode(ate_type_sample(), payload);
    decode(ate_type_sample_node(), payload);
    return 0;
}
