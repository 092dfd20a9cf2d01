/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * wipe_test.c: runs each operation that handles secrets, failing ones too, in a thread whose stack
 * is ours, and afterwards looks for the secrets on that stack and, when a block of ours or of
 * OpenSSL's is freed, in that block.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/hpke.h"
#include "crypto/keyfile.h"
#include "help.h"
#include "lib/simenv.h"
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STACK = 1 << 20, NEEDLE = 16, NEEDLES_MAX = 24 };

/* A sanitizer may not move the locals of a function to a place of its own. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=0";
}

/* --- looking for secrets --- */

static struct {
    const char *name;
    uint8_t b[NEEDLE]; /* the first bytes of the secret */
} needle[NEEDLES_MAX];
static size_t needles;
static bool looking; /* only while an operation runs */
static const char *found_in_heap;

static void add_needle(const char *name, const void *secret)
{
    assert_true(needles < NEEDLES_MAX);
    needle[needles].name = name;
    memcpy(needle[needles++].b, secret, NEEDLE);
}

/* The name of a secret that lies in the bytes, or NULL. */
__attribute__((no_sanitize("address"))) static const char *find(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + NEEDLE <= size; at++)
        for (size_t n = 0; n < needles; n++) {
            size_t same = 0;
            while (same < NEEDLE && data[at + same] == needle[n].b[same])
                same++;
            if (same == NEEDLE)
                return needle[n].name;
        }
    return NULL;
}

static void inspect_freed(void *block)
{
    if (block && looking && !found_in_heap)
        found_in_heap = find(block, malloc_usable_size(block));
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void openssl_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    inspect_freed(block);
    free(block);
}

/* Never in place, so that what a growing block leaves behind is seen. */
static void *openssl_realloc(void *block, size_t size, const char *file, int line)
{
    void *bigger = malloc(size ? size : 1);
    if (bigger && block) {
        size_t old_size = malloc_usable_size(block);
        memcpy(bigger, block, old_size < size ? old_size : size);
        openssl_free(block, file, line);
    }
    return bigger;
}

static void *our_resize(void *user, void *block, size_t size)
{
    (void)user;
    return openssl_realloc(block, size, NULL, 0);
}

static void our_release(void *user, void *block)
{
    (void)user;
    openssl_free(block, NULL, 0);
}

/* --- operations --- */

static struct simenv sim;
static struct ate__key32 seed, data_key, wrapping_key, derived;
static struct ate__public_parts parts;
static struct ate__key *key;
static uint8_t nonce[ATE__AEAD_NONCE], wrapped[ATE__WRAPPED_KEY], signature[ATE__SIG_SIZE];
static struct ate__buf cipher, sealed;
static struct ate__secret text;
static const struct ate_bytes none = {NULL, 0};

static int make_and_encode(void)
{
    struct ate__key *k;
    struct ate__secret t;
    int rc = ate__key_of_seed(&seed, "label", &k);
    if (rc)
        return rc;
    rc = ate__key_encode(k, &t);
    if (!rc)
        ate__secret_deinit(&t);
    ate__key_free(k);
    return rc;
}

static int decode(void)
{
    struct ate__key *k;
    int rc = ate__key_decode(ate__bytes(text.data, text.size), &k);
    if (!rc)
        ate__key_free(k);
    return rc;
}

static int derive(void)
{
    struct ate__key32 *k = ate__secret_alloc(sizeof *k);
    int rc = ate__kdf(&data_key, "ate enc 1", &none, 1, k);
    ate__secret_free(k);
    return rc;
}

static int wrap(void)
{
    uint8_t w[ATE__WRAPPED_KEY];
    return ate__wrap(&wrapping_key, &data_key, w);
}

static int unwrap(void)
{
    struct ate__key32 *k = ate__secret_alloc(sizeof *k);
    int rc = ate__unwrap(&wrapping_key, wrapped, k);
    ate__secret_free(k);
    return rc;
}

static int unwrap_bad(void)
{
    struct ate__key32 *k = ate__secret_alloc(sizeof *k);
    uint8_t bad[ATE__WRAPPED_KEY];
    memcpy(bad, wrapped, sizeof bad);
    bad[0] ^= 1;
    int rc = ate__unwrap(&wrapping_key, bad, k);
    ate__secret_free(k);
    return rc == ATE_NO_KEY ? 0 : ATE_E_BUG;
}

static int encrypt(void)
{
    struct ate__aead *a;
    struct ate__buf out = ATE__BUF_NULL;
    uint8_t n[ATE__AEAD_NONCE];
    int rc = ate__aead_new(&data_key, &a);
    if (rc)
        return rc;
    rc = ate__aead_encrypt(a, &sim.env, none, ate__bytes(derived.b, 32), n, &out);
    ate__buf_deinit(&out);
    ate__aead_free(a);
    return rc;
}

/* With a bit of the ciphertext changed, decryption has the plaintext and must take it back. */
static int decrypt_bad(void)
{
    struct ate__aead *a;
    struct ate__buf out = ATE__BUF_NULL;
    int rc = ate__aead_new(&data_key, &a);
    if (rc)
        return rc;
    cipher.data[cipher.size - 1] ^= 1;
    rc = ate__aead_decrypt(a, nonce, none, ate__buf_bytes(&cipher), &out);
    cipher.data[cipher.size - 1] ^= 1;
    ate__buf_deinit(&out);
    ate__aead_free(a);
    return rc == ATE_TAMPERED ? 0 : ATE_E_BUG;
}

static int sign(void)
{
    return ate__sign(key->sign_key, none, none, signature);
}

static int seal(void)
{
    struct ate__buf out = ATE__BUF_NULL;
    int rc = ate__hpke_seal(parts.kem->id, parts.kem_key, &sim.env, none, none,
                            ate__bytes(data_key.b, sizeof data_key.b), &out);
    ate__buf_deinit(&out);
    return rc;
}

static int open_sealed(void)
{
    struct ate__key32 *k = ate__secret_alloc(sizeof *k);
    int rc = ate__hpke_open(ATE__KEM_XWING, &key->kem_seed, none, none, ate__buf_bytes(&sealed),
                            k->b, sizeof k->b);
    ate__secret_free(k);
    return rc;
}

static int decapsulate(void)
{
    struct ate__key32 *k = ate__secret_alloc(sizeof *k);
    int rc = ate__xwing_decapsulate(&key->kem_seed, sealed.data, k);
    ate__secret_free(k);
    return rc;
}

/* ---- files with a password, and halves ---- */

static const struct ate_bytes password = {"a password of more than 32 bytes, all ours", 42};
static struct ate__secret sealed_file;

static int seal_file(void)
{
    struct ate__secret file;
    int rc = ate__key_encode_sealed(key, ATE__KEY_ALL, &sim.env, password, &file);
    if (!rc)
        ate__secret_deinit(&file);
    return rc;
}

static int open_file_with(struct ate_bytes with, int expected)
{
    ate__cleanup(ate__key_text_freep) struct ate__key_text *t = NULL;
    ate__cleanup(ate__key_freep) struct ate__key *k = NULL;
    int rc = ate__key_text_parse(ate__bytes(sealed_file.data, sealed_file.size), &t);
    if (rc)
        return rc;
    return ate__key_text_open(t, with, &k) != expected;
}

static int open_file(void)
{
    return open_file_with(password, 0);
}

static int open_file_wrongly(void)
{
    return open_file_with(ate__text_bytes("another"), ATE_NO_KEY);
}

static int halves(void)
{
    for (int holds = ATE__KEY_READS; holds <= ATE__KEY_WRITES; holds++) {
        ate__cleanup(ate__secret_deinit) struct ate__secret file = ATE__SECRET_NULL;
        ate__cleanup(ate__key_freep) struct ate__key *k = NULL;
        int rc = ate__key_encode_half(key, (enum ate__key_holds)holds, &file);
        if (!rc)
            rc = ate__key_decode(ate__bytes(file.data, file.size), &k);
        if (rc)
            return rc;
    }
    return 0;
}

static int seal_strong(void)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf out = ATE__BUF_NULL;
    uint8_t public_key[ATE__KEM_PUBLIC_MAX];
    struct ate__key32 *back = ate__secret_alloc(sizeof *back);
    unsigned kem = ATE__KEM_MLKEM1024_P384;
    int rc = ate__kem_public(kem, &key->kem_seed, public_key);
    if (!rc)
        rc = ate__hpke_seal(kem, ate__bytes(public_key, sizeof public_key), &sim.env, none, none,
                            ate__bytes(data_key.b, sizeof data_key.b), &out);
    if (!rc)
        rc = ate__hpke_open(kem, &key->kem_seed, none, none, ate__buf_bytes(&out), back->b,
                            sizeof back->b);
    ate__secret_free(back);
    return rc;
}

/* What was cut off its end is in its room still. */
static int fill_buffer(void)
{
    ate__cleanup(ate__buf_wipe) struct ate__buf b = ATE__BUF_NULL;
    int rc = ate__buf_append(&b, ate__bytes(data_key.b, sizeof data_key.b));
    b.size = 0;
    return rc;
}

static const struct {
    const char *name;
    int (*run)(void);
} operation[] = {
    {"make a key and encode it", make_and_encode},
    {"decode a key", decode},
    {"derive", derive},
    {"wrap", wrap},
    {"unwrap", unwrap},
    {"unwrap what does not open", unwrap_bad},
    {"encrypt", encrypt},
    {"decrypt what does not open", decrypt_bad},
    {"sign", sign},
    {"seal", seal},
    {"open", open_sealed},
    {"decapsulate", decapsulate},
    {"fill a buffer", fill_buffer},
    {"seal a key file with a password", seal_file},
    {"open a sealed key file", open_file},
    {"open it with a wrong password", open_file_wrongly},
    {"make and read halves", halves},
    {"seal and open at strength 256", seal_strong},
};

/* The compiler must take the bytes for read and written. */
static void in_memory(void *data)
{
    __asm__ volatile("" : : "r"(data) : "memory");
}

/* Deep in the stack, so that the end of the thread does not overwrite what is left there. */
__attribute__((noinline)) static int run_deep(int (*run)(void))
{
    char space[16384];
    in_memory(space);
    int rc = run();
    in_memory(space);
    return rc;
}

static void *run_thread(void *arg)
{
    int (*const *run)(void) = arg;
    return (void *)(intptr_t)run_deep(*run);
}

/* Runs it in a thread on a fresh stack. Gives what is found on that stack afterwards, or NULL. */
static const char *run_and_look(int (*run)(void))
{
    pthread_attr_t attr;
    pthread_t thread;
    void *rc;
    uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, stack, STACK), 0);
    found_in_heap = NULL;
    looking = true;
    assert_int_equal(pthread_create(&thread, &attr, run_thread, &run), 0);
    assert_int_equal(pthread_join(thread, &rc), 0);
    looking = false;
    assert_int_equal((intptr_t)rc, 0);
    const char *found = find(stack, STACK);
    pthread_attr_destroy(&attr);
    munmap(stack, STACK);
    return found;
}

static void nothing_is_left(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < ATE__COUNT_OF(operation); i++) {
        const char *on_stack = run_and_look(operation[i].run);
        if (!on_stack && !found_in_heap)
            continue;
        print_message("# %s: stack: %s; freed: %s\n", operation[i].name,
                      on_stack ? on_stack : "nothing", found_in_heap ? found_in_heap : "nothing");
        bad++;
    }
    assert_int_equal(bad, 0);
}

/* Without this the test above could pass by not looking. */
static int leave_copies(void)
{
    uint8_t copy[32];
    memcpy(copy, seed.b, sizeof copy);
    in_memory(copy);
    void *block = ate__copy(data_key.b, sizeof data_key.b);
    ate__free(block);
    return !block;
}

static void what_is_left_is_found(void **state)
{
    (void)state;
    const char *on_stack = run_and_look(leave_copies);
    assert_non_null(on_stack);
    assert_string_equal(on_stack, "seed");
    assert_non_null(found_in_heap);
    assert_string_equal(found_in_heap, "data key");
}

/* What X-Wing expands its seed to. */
static void add_kem_needles(void)
{
    uint8_t m_seed_and_x_key[64 + 32];
    EVP_MD_CTX *xof = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex2(xof, EVP_shake256(), NULL), 1);
    assert_int_equal(EVP_DigestUpdate(xof, key->kem_seed.b, sizeof key->kem_seed.b), 1);
    assert_int_equal(EVP_DigestFinalXOF(xof, m_seed_and_x_key, sizeof m_seed_and_x_key), 1);
    EVP_MD_CTX_free(xof);
    add_needle("ML-KEM seed", m_seed_and_x_key);
    add_needle("X25519 key", m_seed_and_x_key + 64);
}

static int set_up(void **state)
{
    (void)state;
    struct ate__key32 k, shared;
    struct ate__aead *a;
    simenv_init(&sim, rnd_seed(11), NULL);
    struct ate__key32 *const fresh[] = {&seed, &data_key, &wrapping_key};
    for (size_t i = 0; i < ATE__COUNT_OF(fresh); i++)
        ate__random(&sim.env, fresh[i]->b, 32);
    add_needle("seed", seed.b);
    add_needle("data key", data_key.b);
    add_needle("wrapping key", wrapping_key.b);
    static const char *const use[] = {"ate seed mldsa 1", "ate seed ed25519 1", "ate seed kem 1",
                                      "ate seed read 1"};
    for (size_t i = 0; i < ATE__COUNT_OF(use); i++) {
        assert_int_equal(ate__kdf(&seed, use[i], NULL, 0, &k), 0);
        add_needle(use[i], k.b);
    }
    assert_int_equal(ate__kdf(&data_key, "ate enc 1", &none, 1, &derived), 0);
    add_needle("derived key", derived.b);

    assert_int_equal(ate__key_of_seed(&seed, "label", &key), 0);
    assert_int_equal(ate__key_encode(key, &text), 0);
    add_needle("text of the seed", (char *)memmem(text.data, text.size, "seed ", 5) + 5);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&key->public_key), &parts), 0);
    assert_int_equal(ate__wrap(&wrapping_key, &data_key, wrapped), 0);
    assert_int_equal(ate__aead_new(&data_key, &a), 0);
    assert_int_equal(
        ate__aead_encrypt(a, &sim.env, none, ate__bytes(derived.b, 32), nonce, &cipher), 0);
    ate__aead_free(a);
    assert_int_equal(ate__hpke_seal(parts.kem->id, parts.kem_key, &sim.env, none, none,
                                    ate__bytes(data_key.b, sizeof data_key.b), &sealed),
                     0);
    assert_int_equal(ate__xwing_decapsulate(&key->kem_seed, sealed.data, &shared), 0);
    add_needle("shared secret", shared.b);
    add_needle("password", password.data);
    assert_int_equal(ate__key_encode_sealed(key, ATE__KEY_ALL, &sim.env, password, &sealed_file),
                     0);
    add_kem_needles();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate__key_free(key);
    ate__secret_deinit(&text);
    ate__secret_deinit(&sealed_file);
    ate__buf_deinit(&cipher);
    ate__buf_deinit(&sealed);
    simenv_deinit(&sim);
    return 0;
}

int main(void)
{
    static const struct ate__allocator ours = {our_resize, our_release, NULL};
    if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
        return 1;
    ate__alloc_set(&ours);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(what_is_left_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
