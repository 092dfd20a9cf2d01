/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key_decode_fuzz.c: ate__key_text_parse(), ate__key_decode(). A file that is taken is written
 * again byte for byte. What is sealed is not opened: that takes long by design, and not before what
 * it asks for was bounded.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__key_text *parsed = NULL;
    struct ate__key_form form;
    struct ate__key *key = NULL;
    int parse = ate__key_text_parse(ate__bytes(data, size), &parsed);
    bool sealed = !parse && parsed->sealed;
    ate__assert(!sealed || !ate__password_cost_check(&parsed->cost));
    ate__key_text_free(parsed);
    if (!ate__key_form_parse(ate__bytes(data, size), &form)) {
        char text[ATE__KEY_FORM_TEXT];
        struct ate__public_parts parts = {.signature = form.signature, .kem = form.kem};
        ate__assert(ate__bytes_equal(ate__bytes(data, size),
                                     ate__text_bytes(ate__key_form_text(&parts, text))));
    }
    int rc = ate__key_decode(ate__bytes(data, size), &key);
    if (!rc) {
        struct ate__secret text;
        ate__assert(!ate__key_encode(key, &text));
        ate__assert(text.size == size && !memcmp(text.data, data, size));
        ate__secret_deinit(&text);
    } else {
        ate__assert(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED || rc == ATE_TOO_BIG ||
                    (rc == ATE_DENIED && parse == rc) || (rc == ATE_NO_KEY && sealed));
        ate__assert(!key);
    }
    ate__key_free(key);
    ate__assert(!ate__secret_blocks());
    return 0;
}
