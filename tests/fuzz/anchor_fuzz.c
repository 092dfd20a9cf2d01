/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * anchor_fuzz.c: ate__anchor_init(), ate__anchor_check(): the text of --root, and the address that
 * a chain was asked for by. The input is the address, a NUL, the root; an @ at its beginning is the
 * path of a public key file. Whatever it says, a chain with another root key is not trusted.
 */
#include "api/anchor.h"
#include "api/api.h"
#include "base/assert.h"
#include "base/text.h"
#include "lib/tmpdir.h"
#include "trust/state.h"
#include "unit/trust/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world w;
static struct ate_session *session;
static char key_file[4096];

/* Secrets, and what they point to, lie in memory that leak checkers do not look through. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void begin(void)
{
    struct ate__buf text = ATE__BUF_NULL;
    if (__lsan_disable)
        __lsan_disable();
    world_init(&w, 1, NULL);
    ate__assert(!ate__session_new(&session));
    ate__assert(!ate__session_add(session, world_key(NULL, 5)));
    if (__lsan_enable)
        __lsan_enable();
    snprintf(key_file, sizeof key_file, "%s/p", tmpdir_new());
    struct ate__key *key = world_key(NULL, 6);
    ate__assert(!ate__public_key_encode(ate__buf_bytes(&key->public_key), "p", &text));
    ate__assert(!ate__file_create(key_file, ate__buf_bytes(&text)));
    ate__key_free(key);
    ate__buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ate__addr addr;
    struct ate__anchor a;
    if (!w.t)
        begin();
    char *text = malloc(size + 2), right[ATE__HASH_TEXT];
    memcpy(text, data, size);
    text[size] = text[size + 1] = 0;
    const char *root = text + strlen(text) + 1;
    bool file = root[0] == '@';
    size_t path_size = file ? strlen(key_file) + strlen(root) : 0;
    char *with_file = malloc(path_size + 1);
    snprintf(with_file, path_size + 1, "%s%s", file ? key_file : "", file ? root + 1 : "");
    root = file ? with_file : root;
    bool remote = !ate__addr_parse(text, &addr);
    if (!ate__anchor_init(&a, *root ? root : NULL, remote ? &addr : NULL, session)) {
        int rc = ate__anchor_check(&a, w.t);
        ate__hash_text(&w.root->fingerprint, right);
        bool named = strstr(text, right) || strstr(root, right);
        ate__hash_text(ate__trust_chain_id(w.t), right);
        named |= strstr(text, right) != NULL;
        ate__assert(named || rc == ATE_UNTRUSTED || rc == ATE_WRONG_CHAIN);
        ate__anchor_deinit(&a);
    }
    free(with_file);
    free(text);
    return 0;
}
