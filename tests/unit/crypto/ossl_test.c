/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/ossl.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "help.h"
#include <openssl/err.h>
#include <pthread.h>

static pthread_barrier_t barrier;

static void *first_use(void *arg)
{
    const void **got = arg;
    pthread_barrier_wait(&barrier);
    *got++ = ate__ossl();
    for (unsigned i = 0; i < ATE__MD_COUNT; i++)
        *got++ = ate__ossl_md(i);
    for (unsigned i = 0; i < ATE__CIPHER_COUNT; i++)
        *got++ = ate__ossl_cipher(i);
    *got++ = ate__ossl_hmac();
    return NULL;
}

/* Must run first: all begin at once with nothing fetched, and get the same objects. */
static void first_use_by_many_threads(void **state)
{
    (void)state;
    enum { THREADS = 8, OBJECTS = 1 + ATE__MD_COUNT + ATE__CIPHER_COUNT + 1 };
    static const void *got[THREADS][OBJECTS];
    pthread_t thread[THREADS];
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, first_use, got[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    pthread_barrier_destroy(&barrier);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned k = 0; k < OBJECTS; k++) {
            assert_non_null(got[i][k]);
            assert_ptr_equal(got[i][k], got[0][k]);
        }
}

static void failures_empty_the_queue(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
    assert_int_equal(ate__ossl_fail("test"), ATE_E_MEMORY);
    assert_int_equal(ERR_peek_error(), 0);

    ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
    assert_int_equal(ate__ossl_fail("do that"), ATE_E_BUG);
    assert_int_equal(ERR_peek_error(), 0);
    assert_string_equal(ate__error_text(), "OpenSSL failed to do that: bad decrypt");

    assert_int_equal(ate__ossl_fail("test"), ATE_E_MEMORY); /* no reason: a NULL somewhere */

    ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
    assert_int_equal(ate__ossl_refused(ATE_TAMPERED, "it is 100% false"), ATE_TAMPERED);
    assert_string_equal(ate__error_text(), "it is 100% false");
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(ate__ossl_refused(ATE_NO_KEY, "no"), ATE_NO_KEY);
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    assert_int_equal(ate__ossl_refused(ATE_TAMPERED, "no"), ATE_E_MEMORY);
    assert_int_equal(ERR_peek_error(), 0);
}

static void stale_errors_are_dropped(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    {
        ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
        assert_int_equal(ERR_GET_REASON(stale), ERR_R_MALLOC_FAILURE);
        assert_int_equal(ate__ossl_refused(ATE_TAMPERED, "no"), ATE_TAMPERED);
        ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    }
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(ate__ossl_begin(), 0);
}

static void contexts_are_used_again(void **state)
{
    (void)state;
    EVP_MD_CTX *ctx = ate__ossl_digest_take(ATE__SHA256);
    assert_non_null(ctx);
    ate__ossl_digest_give(ATE__SHA256, ctx);
    assert_ptr_equal(ate__ossl_digest_take(ATE__SHA256), ctx);
    EVP_MD_CTX *more[2 * ATE__DIGEST_CONTEXTS_KEPT];
    for (size_t i = 0; i < ATE__COUNT_OF(more); i++) {
        more[i] = ate__ossl_digest_take(ATE__SHA256);
        assert_non_null(more[i]);
        assert_ptr_not_equal(more[i], ctx);
    }
    for (size_t i = 0; i < ATE__COUNT_OF(more); i++)
        ate__ossl_digest_give(ATE__SHA256, more[i]);
    ate__ossl_digest_give(ATE__SHA256, ctx);
    ate__ossl_digest_give(ATE__SHA3_256, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_use_by_many_threads),
        cmocka_unit_test(failures_empty_the_queue),
        cmocka_unit_test(stale_errors_are_dropped),
        cmocka_unit_test(contexts_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
