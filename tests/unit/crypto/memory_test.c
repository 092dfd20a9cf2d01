/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * memory_test.c: every operation of the layer with its n-th allocation refused, for each n: our own
 * and OpenSSL's. It must say ATE_E_MEMORY, or do without and succeed; never call an honest
 * signature or ciphertext false; and work again at once.
 */
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/hpke.h"
#include "crypto/keyfile.h"
#include "crypto/log_key.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "help.h"
#include "lib/heap.h"
#include "lib/simenv.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- OpenSSL's memory --- */

static unsigned long allocations, fail_at; /* fail_at 0: never */
static bool fail_on;                       /* all after it too */
static unsigned long refused;

static bool refuse(void)
{
    allocations++;
    bool now = fail_at && (allocations == fail_at || (fail_on && allocations > fail_at));
    refused += now;
    return now;
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return refuse() ? NULL : malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (!size) {
        free(block);
        return NULL;
    }
    return refuse() ? NULL : realloc(block, size);
}

static void openssl_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

static void fail_from(unsigned long n, bool on)
{
    allocations = 0;
    refused = 0;
    fail_at = n;
    fail_on = on;
}

/* --- operations: what one gives, short of memory or not, is right --- */

static struct simenv sim;
static struct ate__key *key;
static struct ate__aead *aead;
static struct ate__verify_key *verifier;
static struct ate__log_key *log_key;
static struct ate__log_verify *log_verify;
static uint8_t log_signature[ATE__LOG_MLDSA44_SIGNATURE];
static struct ate__public_parts parts;
static uint8_t signature[ATE__SIG_SIZE], nonce[ATE__AEAD_NONCE], wrapped[ATE__WRAPPED_KEY];
static struct ate__buf cipher, sealed, public_text;
static struct ate__secret private_text;
static const struct ate__key32 some_key = {{5}};
static const struct ate_bytes none = {NULL, 0}, text = {"text", 4};
static bool examine; /* whether an operation looks at what it made, with all memory it wants */

static int hash(void *arg)
{
    struct ate_hash h;
    (void)arg;
    return ate__hash(ATE__SHA3_256, "x", &text, 1, &h);
}

static int tree(void *arg)
{
    struct ate__frontier f;
    struct ate_hash leaf;
    (void)arg;
    ate__frontier_init(&f);
    int rc = ate__leaf_hash(text, &leaf);
    for (unsigned i = 0; !rc && i < 8; i++) {
        struct ate__frontier before = f;
        rc = ate__frontier_append(&f, &leaf);
        if (rc)
            assert_memory_equal(&f, &before, sizeof f);
    }
    return rc ? rc : ate__frontier_root(&f, &leaf);
}

static int derive(void *arg)
{
    struct ate_hash h;
    struct ate__key32 k;
    (void)arg;
    int rc = ate__hmac(text, "x", &text, 1, &h);
    return rc ? rc : ate__kdf(&some_key, "x", &text, 1, &k);
}

static int wrap(void *arg)
{
    uint8_t w[ATE__WRAPPED_KEY];
    (void)arg;
    return ate__wrap(&some_key, &some_key, w);
}

static int unwrap(void *arg)
{
    struct ate__key32 k;
    (void)arg;
    return ate__unwrap(&some_key, wrapped, &k);
}

static int make_aead(void *arg)
{
    struct ate__aead *a = NULL;
    (void)arg;
    int rc = ate__aead_new(&some_key, &a);
    ate__aead_free(a);
    return rc;
}

static int encrypt(void *arg)
{
    uint8_t n[ATE__AEAD_NONCE];
    struct ate__buf out = ATE__BUF_NULL;
    (void)arg;
    int rc = ate__aead_encrypt(aead, &sim.env, text, text, n, &out);
    assert_int_equal(out.size, rc ? 0 : text.size + ATE__AEAD_TAG);
    if (!rc && examine) {
        uint8_t plain[4];
        fail_at = 0;
        assert_int_equal(
            ate__aead_decrypt_to(aead, n, text, ate__buf_bytes(&out), plain, sizeof plain), 0);
    }
    ate__buf_deinit(&out);
    return rc;
}

static int decrypt(void *arg)
{
    struct ate__buf out = ATE__BUF_NULL;
    (void)arg;
    int rc = ate__aead_decrypt(aead, nonce, text, ate__buf_bytes(&cipher), &out);
    assert_int_equal(out.size, rc ? 0 : text.size);
    ate__buf_deinit(&out);
    return rc;
}

static int sign(void *arg)
{
    uint8_t s[ATE__SIG_SIZE];
    (void)arg;
    int rc = ate__sign(key->sign_key, none, text, s);
    if (!rc && examine) {
        fail_at = 0;
        assert_int_equal(ate__verify(verifier, none, text, ate__bytes(s, sizeof s)), 0);
    }
    return rc;
}

static int import(void *arg)
{
    struct ate__verify_key *v = NULL;
    (void)arg;
    int rc = ate__verify_key_new(parts.signature->id, parts.signature_key, &v);
    ate__verify_key_free(v);
    return rc;
}

static int verify(void *arg)
{
    (void)arg;
    return ate__verify(verifier, none, text, ate__bytes(signature, sizeof signature));
}

static int make_log_key(void *arg)
{
    struct ate__log_key *k = NULL;
    (void)arg;
    int rc = ate__log_key_of_seed(&some_key, &k);
    if (!rc)
        assert_true(ate__bytes_equal(ate__log_key_public(k), ate__log_key_public(log_key)));
    ate__log_key_free(k);
    return rc;
}

static int import_log_key(void *arg)
{
    struct ate__log_verify *v = NULL;
    (void)arg;
    int rc = ate__log_verify_new(ate__log_key_public(log_key), &v);
    ate__log_verify_free(v);
    return rc;
}

static int log_sign(void *arg)
{
    uint8_t mldsa44[ATE__LOG_MLDSA44_SIGNATURE], ed25519[ATE__LOG_ED25519_SIGNATURE];
    (void)arg;
    int rc = ate__log_sign_mldsa44(log_key, text, mldsa44);
    if (!rc)
        rc = ate__log_sign_ed25519(log_key, text, ed25519);
    if (!rc && examine) {
        fail_at = 0;
        assert_int_equal(
            ate__log_verify_mldsa44(log_verify, text, ate__bytes(mldsa44, sizeof mldsa44)), 0);
        assert_int_equal(
            ate__log_verify_ed25519(log_verify, text, ate__bytes(ed25519, sizeof ed25519)), 0);
    }
    return rc;
}

static int log_check(void *arg)
{
    (void)arg;
    return ate__log_verify_mldsa44(log_verify, text,
                                   ate__bytes(log_signature, sizeof log_signature));
}

static int note(void *arg)
{
    static const struct ate__note_tree tree = {{"o", 1}, 1, {{1}}};
    struct ate__buf made = ATE__BUF_NULL;
    struct ate__note n;
    struct ate__note_verdict verdict;
    (void)arg;
    int rc = ate__note_make(&tree, "o", log_key, 1, &made);
    assert_int_equal(!made.size, !!rc);
    if (!rc)
        rc = ate__note_parse(ate__buf_bytes(&made), &n);
    if (!rc) {
        rc = ate__note_verify(&n, "o", log_verify, &verdict);
        ate__note_deinit(&n);
    }
    assert_true(rc || (verdict.ed25519 && verdict.mldsa44));
    ate__buf_deinit(&made);
    return rc;
}

static int seal(void *arg)
{
    struct ate__buf out = ATE__BUF_NULL;
    (void)arg;
    int rc = ate__hpke_seal(parts.kem->id, parts.kem_key, &sim.env, text, text, text, &out);
    assert_int_equal(out.size, rc ? 0 : sealed.size);
    if (!rc && examine) {
        uint8_t plain[4];
        fail_at = 0;
        assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &key->kem_seed, text, text,
                                        ate__buf_bytes(&out), plain, sizeof plain),
                         0);
    }
    ate__buf_deinit(&out);
    return rc;
}

static int open_sealed(void *arg)
{
    uint8_t plain[4];
    (void)arg;
    return ate__hpke_open(ATE__KEM_XWING, &key->kem_seed, text, text, ate__buf_bytes(&sealed),
                          plain, sizeof plain);
}

static int check(void *arg)
{
    (void)arg;
    return ate__xwing_check(parts.kem_key.data);
}

static int read_private(void *arg)
{
    struct ate__key *k = NULL;
    struct ate__secret t = ATE__SECRET_NULL;
    (void)arg;
    int rc = ate__key_decode(ate__bytes(private_text.data, private_text.size), &k);
    if (!rc) {
        assert_true(ate__hash_equal(&k->fingerprint, &key->fingerprint));
        rc = ate__key_encode(k, &t);
    }
    ate__key_free(k);
    ate__secret_deinit(&t);
    return rc;
}

static int read_public(void *arg)
{
    struct ate__buf public_key = ATE__BUF_NULL, t = ATE__BUF_NULL;
    char label[ATE__KEY_LABEL_MAX + 1];
    (void)arg;
    int rc = ate__public_key_decode(ate__buf_bytes(&public_text), &public_key, label);
    if (!rc)
        rc = ate__public_key_encode(ate__buf_bytes(&public_key), label, &t);
    ate__buf_deinit(&public_key);
    ate__buf_deinit(&t);
    return rc;
}

static const struct {
    const char *name;
    int (*run)(void *arg);
} operation[] = {
    {"hash", hash},
    {"tree", tree},
    {"derive", derive},
    {"wrap", wrap},
    {"unwrap", unwrap},
    {"make_aead", make_aead},
    {"encrypt", encrypt},
    {"decrypt", decrypt},
    {"sign", sign},
    {"import", import},
    {"verify", verify},
    {"make_log_key", make_log_key},
    {"import_log_key", import_log_key},
    {"log_sign", log_sign},
    {"log_check", log_check},
    {"note", note},
    {"seal", seal},
    {"open", open_sealed},
    {"check", check},
    {"read_private", read_private},
    {"read_public", read_public},
};

/* What must be refused: another signature, associated data, info, key; no encapsulation key. */
static int verify_bad(void *arg)
{
    static uint8_t bad[ATE__SIG_SIZE];
    (void)arg;
    memcpy(bad, signature, sizeof bad);
    bad[77] ^= 1;
    return ate__verify(verifier, none, text, ate__bytes(bad, sizeof bad));
}

static int decrypt_bad(void *arg)
{
    uint8_t plain[4];
    (void)arg;
    return ate__aead_decrypt_to(aead, nonce, none, ate__buf_bytes(&cipher), plain, sizeof plain);
}

static int open_bad(void *arg)
{
    uint8_t plain[4];
    (void)arg;
    return ate__hpke_open(ATE__KEM_XWING, &key->kem_seed, none, text, ate__buf_bytes(&sealed),
                          plain, sizeof plain);
}

static int unwrap_bad(void *arg)
{
    struct ate__key32 k;
    (void)arg;
    return ate__unwrap(&key->read_key, wrapped, &k);
}

static int check_bad(void *arg)
{
    static uint8_t bad[ATE__XWING_PUBLIC];
    (void)arg;
    memcpy(bad, parts.kem_key.data, sizeof bad);
    memset(bad, 0xff, 3);
    return ate__xwing_check(bad);
}

static const struct {
    const char *name;
    int (*run)(void *arg);
    int expected;
} refusal[] = {
    {"verify_bad", verify_bad, ATE_TAMPERED}, {"decrypt_bad", decrypt_bad, ATE_TAMPERED},
    {"open_bad", open_bad, ATE_NO_KEY},       {"unwrap_bad", unwrap_bad, ATE_NO_KEY},
    {"check_bad", check_bad, ATE_MALFORMED},
};

static void fixtures_make(void)
{
    simenv_init(&sim, 10, NULL);
    assert_int_equal(ate__key_of_seed(&some_key, "label", &key), 0);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&key->public_key), &parts), 0);
    assert_int_equal(ate__aead_new(&some_key, &aead), 0);
    assert_int_equal(ate__aead_encrypt(aead, &sim.env, text, text, nonce, &cipher), 0);
    assert_int_equal(ate__wrap(&some_key, &some_key, wrapped), 0);
    assert_int_equal(ate__verify_key_new(parts.signature->id, parts.signature_key, &verifier), 0);
    assert_int_equal(ate__sign(key->sign_key, none, text, signature), 0);
    assert_int_equal(ate__log_key_of_seed(&some_key, &log_key), 0);
    assert_int_equal(ate__log_verify_new(ate__log_key_public(log_key), &log_verify), 0);
    assert_int_equal(ate__log_sign_mldsa44(log_key, text, log_signature), 0);
    assert_int_equal(
        ate__hpke_seal(parts.kem->id, parts.kem_key, &sim.env, text, text, text, &sealed), 0);
    assert_int_equal(ate__key_encode(key, &private_text), 0);
    assert_int_equal(
        ate__public_key_encode(ate__buf_bytes(&key->public_key), "label", &public_text), 0);
}

static void fixtures_free(void)
{
    ate__key_free(key);
    ate__aead_free(aead);
    ate__verify_key_free(verifier);
    ate__log_key_free(log_key);
    ate__log_verify_free(log_verify);
    ate__buf_deinit(&cipher);
    ate__buf_deinit(&sealed);
    ate__buf_deinit(&public_text);
    ate__secret_deinit(&private_text);
    simenv_deinit(&sim);
}

/* --- tests --- */

/* Before anything was fetched: each n in a process of its own, which must end with a documented
 * result and not by a signal. OpenSSL's own initialisation comes before: to report that it lacks
 * memory it would wait for itself. */
static void first_call(void **state)
{
    (void)state;
    bool done = false;
    unsigned runs = 0;
    for (unsigned long n = 1; !done; n += 1 + n / 16, runs++) {
        pid_t child = fork();
        assert_int_not_equal(child, -1);
        if (!child) {
            if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL))
                _exit(1);
            fail_from(n, runs % 2);
            int rc = runs % 3 ? hash(NULL) : derive(NULL);
            _exit(!refused ? 2 : rc && rc != ATE_E_MEMORY);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 1);
        done = WEXITSTATUS(status) == 2;
    }
    print_message("# %u processes\n", runs);
}

static void memory_of_openssl(void **state)
{
    (void)state;
    fixtures_make();
    examine = true;
    for (size_t i = 0; i < ATE__COUNT_OF(operation); i++) {
        unsigned long n = 0;
        do {
            n++;
            for (unsigned on = 0; on < 2; on++) {
                fail_from(n, on);
                int rc = operation[i].run(NULL);
                unsigned long had = refused;
                fail_from(0, false);
                if (rc && !(rc == ATE_E_MEMORY && had))
                    fail_msg("%s, allocation %lu: %s: %s", operation[i].name, n,
                             ate__result_name(rc), ate__error_text());
                assert_int_equal(ERR_peek_error(), 0);
                assert_int_equal(operation[i].run(NULL), 0);
                refused = had;
            }
        } while (refused);
        print_message("# %s: %lu allocations\n", operation[i].name, n - 1);
    }
    examine = false;
    fixtures_free();
    assert_int_equal(ate__secret_blocks(), 0);
}

static void refusals_stay_refusals(void **state)
{
    (void)state;
    fixtures_make();
    for (size_t i = 0; i < ATE__COUNT_OF(refusal); i++) {
        unsigned long n = 0;
        do {
            n++;
            fail_from(n, n % 2);
            int rc = refusal[i].run(NULL);
            fail_at = 0;
            if (rc != refusal[i].expected && !(refused && rc == ATE_E_MEMORY))
                fail_msg("%s, allocation %lu: %s", refusal[i].name, n, ate__result_name(rc));
            assert_int_equal(ERR_peek_error(), 0);
        } while (refused);
    }
    fixtures_free();
}

static size_t swept;

/* The fixtures belong to the swept operation, because the heap takes over all of the memory. */
static int with_fixtures(void *arg)
{
    (void)arg;
    struct ate__key *k = NULL;
    int rc = ate__key_of_seed(&some_key, "label", &k);
    if (rc)
        return rc;
    struct ate__key *outer = key;
    key = k;
    rc = ate__public_key_parse(ate__buf_bytes(&k->public_key), &parts);
    if (!rc)
        rc = operation[swept].run(NULL);
    key = outer;
    ate__key_free(k);
    return rc;
}

static void memory_of_ours(void **state)
{
    (void)state;
    fixtures_make();
    /* What the operations take is copied out of our own memory before the heap takes over. */
    static uint8_t copy[3][8192];
    static uint8_t copy_of_text[4096];
    struct ate__buf *buf[3] = {&cipher, &sealed, &public_text};
    struct ate__buf saved[3];
    struct ate__secret saved_text = private_text;
    for (unsigned i = 0; i < 3; i++) {
        saved[i] = *buf[i];
        memcpy(copy[i], saved[i].data, saved[i].size);
        *buf[i] = (struct ate__buf){copy[i], saved[i].size, 0};
    }
    memcpy(copy_of_text, private_text.data, private_text.size);
    private_text.data = copy_of_text;
    for (swept = 0; swept < ATE__COUNT_OF(operation); swept++) {
        uint64_t n = heap_sweep(with_fixtures, NULL, false);
        print_message("# %s: %ju allocations\n", operation[swept].name, (uintmax_t)n);
    }
    for (unsigned i = 0; i < 3; i++)
        *buf[i] = saved[i];
    private_text = saved_text;
    fixtures_free();
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_call),
        cmocka_unit_test(memory_of_openssl),
        cmocka_unit_test(refusals_stay_refusals),
        cmocka_unit_test(memory_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
