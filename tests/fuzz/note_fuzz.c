/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * note_fuzz.c: ate__note_parse(), ate__note_tree_parse(), ate__note_keys_decode(). The first byte
 * chooses. A note of ours with patches (patch.h) is not believed; what is taken of other bytes lies
 * in them and has the form that it says; verifier keys that are taken are written as the same text.
 */
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/note.h"
#include "patch.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ate__note_tree own = {{"ate/x", 5}, 12, {{1, 2, 3}}};
static struct ate__log_verify *verify;
static struct ate__buf made;

static void make(void)
{
    struct ate__log_key *key;
    ate__assert(!ate__log_key_of_seed(&(struct ate__key32){{9}}, &key));
    ate__assert(!ate__log_verify_new(ate__log_key_public(key), &verify));
    ate__assert(!ate__note_make(&own, "ate/x", key, 77, &made));
    ate__log_key_free(key);
}

static bool is_believed(struct ate_bytes note)
{
    struct ate__note n;
    struct ate__note_verdict v = {0};
    if (ate__note_parse(note, &n))
        return false;
    int rc = ate__note_verify(&n, "ate/x", verify, &v);
    ate__note_deinit(&n);
    return !rc && v.ed25519 && v.mldsa44;
}

static void check_patched(struct ate__rd *r)
{
    uint8_t *copy = malloc(made.size);
    memcpy(copy, made.data, made.size);
    bool other = fuzz_patch(r, copy, made.size);
    ate__assert(is_believed(ate__bytes(copy, made.size)) == !other);
    free(copy);
}

static void check_parsed(struct ate_bytes bytes)
{
    struct ate__note n;
    struct ate__note_tree tree;
    if (!ate__note_tree_parse(bytes, &tree))
        ate__assert(tree.origin.size && tree.origin.size < bytes.size);
    if (ate__note_parse(bytes, &n))
        return;
    const char *text = n.text.data, *at = bytes.data;
    ate__assert(n.text.data == bytes.data && n.text.size && n.text.size < bytes.size);
    ate__assert(text[n.text.size - 1] == '\n' && at[n.text.size] == '\n');
    ate__assert(n.count && n.count <= ATE__NOTE_SIGNATURES_MAX);
    size_t sum = n.text.size + 1;
    for (uint32_t i = 0; i < n.count; i++) {
        ate__assert(n.lines[i].name.size && n.lines[i].signature.size);
        sum += 4 + n.lines[i].name.size + 1 + ate__base64_size(4 + n.lines[i].signature.size) + 1;
    }
    ate__assert(sum == bytes.size);
    ate__note_deinit(&n);
}

static void check_keys(struct ate_bytes bytes)
{
    struct ate__buf key = ATE__BUF_NULL, again = ATE__BUF_NULL;
    struct ate_bytes rest = bytes, name;
    if (!ate__note_keys_decode(&rest, &name, &key)) {
        char text[ATE__NOTE_NAME_MAX + 1] = {0};
        memcpy(text, name.data, name.size);
        ate__assert(!ate__note_keys_encode(text, ate__buf_bytes(&key), &again));
        ate__assert(ate__bytes_equal(ate__buf_bytes(&again),
                                     ate__bytes(bytes.data, bytes.size - rest.size)));
    }
    ate__buf_deinit(&key);
    ate__buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    if (!verify)
        make();
    unsigned which = ate__rd_u8(&r) % 3;
    struct ate_bytes rest = ate__bytes(size ? data + 1 : data, size ? size - 1 : 0);
    if (which == 0)
        check_patched(&r);
    else if (which == 1)
        check_parsed(rest);
    else
        check_keys(rest);
    return 0;
}
