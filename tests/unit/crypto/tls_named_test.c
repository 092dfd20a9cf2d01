/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A client without a pin: the server's certificate, its authority, its name and its dates.
 */
#include "base/err.h"
#include "base/text.h"
#include "crypto/ossl.h"
#include "crypto/tls.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define HOST "db.ate.example"

static EVP_PKEY *authority_key, *server_key;
static X509 *authority, *between;
static EVP_PKEY *between_key;
static struct ate__secret server_pem;
static char authorities[4096];

static EVP_PKEY *new_key(const char *algorithm)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(ate__ossl(), NULL, algorithm);
    assert_non_null(key);
    return key;
}

static void extend(X509 *c, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(c, e, -1), 1);
    X509_EXTENSION_free(e);
}

struct wish {
    const char *cn, *names; /* of subjectAltName; NULL: none */
    long from_s, to_s;      /* from now */
    bool is_authority;
};

static X509 *certify(const struct wish *wish, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    static long serial;
    X509 *c = X509_new_ex(ate__ossl(), NULL);
    assert_true(c && X509_set_version(c, X509_VERSION_3) &&
                ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial) &&
                X509_gmtime_adj(X509_getm_notBefore(c), wish->from_s) &&
                X509_gmtime_adj(X509_getm_notAfter(c), wish->to_s) &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                           (const uint8_t *)wish->cn, -1, -1, 0) &&
                X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c)) &&
                X509_set_pubkey(c, key));
    if (wish->names)
        extend(c, NID_subject_alt_name, wish->names);
    if (wish->is_authority)
        extend(c, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(c, issuer_key ? issuer_key : key, NULL) > 0);
    return c;
}

static void append_pem(struct ate__buf *pem, X509 *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    assert_true(bio && PEM_write_bio_X509(bio, c));
    long size = BIO_get_mem_data(bio, &text);
    assert_int_equal(ate__buf_append(pem, ate__bytes(text, (size_t)size)), 0);
    BIO_free(bio);
}

/* The server's key with this certificate, and the one between if that is wanted. */
static struct ate__tls_server_key *key_with(const struct wish *wish, bool with_between)
{
    struct ate__tls_server_key *key;
    struct ate__buf pem = ATE__BUF_NULL;
    X509 *c = certify(wish, server_key, with_between ? between : authority,
                      with_between ? between_key : authority_key);
    append_pem(&pem, c);
    if (with_between)
        append_pem(&pem, between);
    X509_free(c);
    assert_int_equal(ate__tls_server_key_load(ate__bytes(server_pem.data, server_pem.size), &key),
                     0);
    assert_int_equal(ate__tls_server_key_certify(key, ate__buf_bytes(&pem)), 0);
    ate__buf_deinit(&pem);
    return key;
}

/* What the client says of it; 0: they talk. */
static int shake(const struct ate__tls_server_key *key, struct ate__tls *client)
{
    struct ate__tls *server;
    struct ate__buf wire = ATE__BUF_NULL, plain = ATE__BUF_NULL;
    assert_int_equal(ate__tls_new_server(key, &server), 0);
    int rc = 0;
    for (int i = 0; !rc && i < 4; i++) {
        rc = ate__tls_pull(client, &wire);
        if (!rc)
            rc = ate__tls_feed(server, ate__buf_bytes(&wire), &plain);
        ate__buf_clear(&wire);
        if (!rc)
            rc = ate__tls_pull(server, &wire);
        if (!rc)
            rc = ate__tls_feed(client, ate__buf_bytes(&wire), &plain);
        ate__buf_clear(&wire);
    }
    if (!rc)
        assert_true(ate__tls_ready(client) && ate__tls_ready(server));
    ate__buf_deinit(&wire);
    ate__buf_deinit(&plain);
    ate__tls_free(server);
    return rc;
}

static int met(const struct wish *wish, bool with_between, const char *host)
{
    struct ate__tls_server_key *key = key_with(wish, with_between);
    struct ate__tls *client;
    assert_int_equal(ate__tls_new_client_named(host, authorities, &client), 0);
    int rc = shake(key, client);
    ate__tls_free(client);
    ate__tls_server_key_free(key);
    assert_int_equal(ERR_peek_error(), 0);
    return rc;
}

static const struct wish right = {.cn = "x", .names = "DNS:" HOST, .from_s = -60, .to_s = 3600};

static void test_right(void **state)
{
    (void)state;
    struct wish several = right, wild = right;
    several.names = "DNS:other.example,DNS:" HOST;
    wild.names = "DNS:*.ate.example";
    assert_int_equal(met(&right, false, HOST), 0);
    assert_int_equal(met(&right, true, HOST), 0);
    assert_int_equal(met(&several, false, HOST), 0);
    assert_int_equal(met(&wild, false, HOST), 0);
}

static void test_wrong(void **state)
{
    (void)state;
    const struct {
        struct wish wish;
        const char *why;
    } cases[] = {
        {{"x", "DNS:other.example", -60, 3600, false}, "mismatch"},
        {{HOST, NULL, -60, 3600, false}, "mismatch"}, /* the subject is no name */
        {{"x", "DNS:d*.ate.example", -60, 3600, false}, "mismatch"},
        {{"x", "DNS:*.example", -60, 3600, false}, "mismatch"},
        {{"x", "DNS:" HOST, -7200, -3600, false}, "expired"},
        {{"x", "DNS:" HOST, 3600, 7200, false}, "not yet valid"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        assert_int_equal(met(&cases[i].wish, false, HOST), ATE_UNTRUSTED);
        if (!strstr(ate__error_text(), cases[i].why))
            fail_msg("case %zu: %s", i, ate__error_text());
    }
    /* the address says what to do: it names the pin that was seen */
    struct ate__tls_server_key *key = key_with(&right, false);
    struct ate_hash pin = ate__tls_server_key_pin(key);
    char text[ATE__HASH_TEXT];
    struct ate__tls *client;
    assert_int_equal(ate__tls_new_client_named("other.example", authorities, &client), 0);
    assert_int_equal(shake(key, client), ATE_UNTRUSTED);
    assert_non_null(strstr(ate__error_text(), ate__hash_text(&pin, text)));
    ate__tls_free(client);
    ate__tls_server_key_free(key);
}

/* Nobody that this client trusts: the system's authorities do not know ours. */
static void test_unknown_authority(void **state)
{
    (void)state;
    struct ate__tls_server_key *key = key_with(&right, false), *own;
    struct ate__tls *client;
    assert_int_equal(ate__tls_new_client_named(HOST, NULL, &client), 0);
    assert_int_equal(shake(key, client), ATE_UNTRUSTED);
    ate__tls_free(client);
    assert_int_equal(ate__tls_server_key_load(ate__bytes(server_pem.data, server_pem.size), &own),
                     0);
    assert_int_equal(ate__tls_new_client_named(HOST, authorities, &client), 0);
    assert_int_equal(shake(own, client), ATE_UNTRUSTED);
    assert_non_null(strstr(ate__error_text(), "self-signed"));
    ate__tls_free(client);
    /* the pin is that of the key, whatever certificate it has */
    struct ate_hash pin = ate__tls_server_key_pin(own), same = ate__tls_server_key_pin(key);
    assert_memory_equal(&pin, &same, sizeof pin);
    assert_int_equal(ate__tls_new_client(&pin, 1, &client), 0);
    assert_int_equal(shake(key, client), 0);
    ate__tls_free(client);
    ate__tls_server_key_free(own);
    ate__tls_server_key_free(key);
}

static void test_files(void **state)
{
    (void)state;
    char empty[4096];
    struct ate__tls_server_key *key;
    struct ate__tls *client;
    struct ate__buf pem = ATE__BUF_NULL;
    snprintf(empty, sizeof empty, "%s/empty", tmpdir_new());
    assert_int_equal(ate__tls_new_client_named(HOST, empty, &client), ATE_MALFORMED);
    assert_int_equal(fclose(fopen(empty, "w")), 0);
    assert_int_equal(ate__tls_new_client_named(HOST, empty, &client), ATE_MALFORMED);
    assert_int_equal(ate__tls_server_key_load(ate__bytes(server_pem.data, server_pem.size), &key),
                     0);
    assert_int_equal(ate__tls_server_key_certify(key, ate__bytes(NULL, 0)), ATE_MALFORMED);
    assert_int_equal(ate__tls_server_key_certify(key, ate__text_bytes("words")), ATE_MALFORMED);
    append_pem(&pem, authority); /* of another key */
    assert_int_equal(ate__tls_server_key_certify(key, ate__buf_bytes(&pem)), ATE_MALFORMED);
    ate__buf_clear(&pem);
    X509 *own = certify(&right, server_key, authority, authority_key);
    append_pem(&pem, own);
    X509_free(own);
    for (int i = 0; i < ATE__TLS_CERTIFICATES_MAX; i++)
        append_pem(&pem, authority);
    assert_int_equal(ate__tls_server_key_certify(key, ate__buf_bytes(&pem)), ATE_TOO_BIG);
    while (pem.size <= ATE__TLS_CERTIFICATE_FILE_MAX)
        append_pem(&pem, authority);
    assert_int_equal(ate__tls_server_key_certify(key, ate__buf_bytes(&pem)), ATE_TOO_BIG);
    assert_int_equal(ERR_peek_error(), 0);
    ate__buf_deinit(&pem);
    ate__tls_server_key_free(key);
}

static int client_once(void *arg)
{
    struct ate__tls *client;
    (void)arg;
    int rc = ate__tls_new_client_named(HOST, authorities, &client);
    if (!rc)
        ate__tls_free(client);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(client_once, NULL, false) >= 2);
}

static int setup(void **state)
{
    (void)state;
    const struct wish of_authority = {"authority", NULL, -60, 7200, true};
    const struct wish of_between = {"between", NULL, -60, 7200, true};
    struct ate__buf pem = ATE__BUF_NULL;
    authority_key = new_key("ED25519");
    between_key = new_key("ED25519");
    authority = certify(&of_authority, authority_key, NULL, NULL);
    between = certify(&of_between, between_key, authority, authority_key);
    snprintf(authorities, sizeof authorities, "%s/ca", tmpdir_new());
    append_pem(&pem, authority);
    FILE *f = fopen(authorities, "w");
    assert_true(f && fwrite(pem.data, 1, pem.size, f) == pem.size && !fclose(f));
    ate__buf_deinit(&pem);
    assert_int_equal(ate__tls_server_key_generate(&server_pem), 0);
    BIO *bio = BIO_new_mem_buf(server_pem.data, (int)server_pem.size);
    server_key = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, ate__ossl(), NULL);
    BIO_free(bio);
    assert_non_null(server_key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(authority_key);
    EVP_PKEY_free(between_key);
    EVP_PKEY_free(server_key);
    X509_free(authority);
    X509_free(between);
    ate__secret_deinit(&server_pem);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_unknown_authority),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
