/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * All of it runs under an openssl.cnf that asks for the opposite of what the library wants.
 */
#include "crypto/tls.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/ossl.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "lib/tmpdir.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

static struct ate__tls_server_key *key, *other_key;
static struct ate_hash pin, other_pin;

/* --- a pair --- */

struct side {
    struct ate__tls *tls;
    struct ate__buf plain;
    int result; /* of the feed that failed */
    char text[ATE__ERROR_SIZE];
};
struct pair {
    struct side client, server;
};

static void deliver(struct side *from, struct side *to, size_t step)
{
    struct ate__buf wire = ATE__BUF_NULL;
    assert_int_equal(ate__tls_pull(from->tls, &wire), 0);
    for (size_t at = 0; at < wire.size && !to->result;) {
        size_t size = ate__min(step, wire.size - at);
        to->result = ate__tls_feed(to->tls, ate__bytes(wire.data + at, size), &to->plain);
        if (to->result)
            snprintf(to->text, sizeof to->text, "%s", ate__error_text());
        assert_int_equal(ERR_peek_error(), 0);
        at += size;
    }
    ate__buf_deinit(&wire);
}

static void shake(struct pair *p, size_t step)
{
    for (int i = 0; i < 4; i++) {
        deliver(&p->client, &p->server, step);
        deliver(&p->server, &p->client, step);
    }
}

static struct pair pair_new(const struct ate_hash *pins, size_t count)
{
    struct pair p = {0};
    assert_int_equal(ate__tls_new_client(pins, count, &p.client.tls), 0);
    assert_int_equal(ate__tls_new_server(key, &p.server.tls), 0);
    return p;
}

static void pair_free(struct pair *p)
{
    ate__tls_free(p->client.tls);
    ate__tls_free(p->server.tls);
    ate__buf_deinit(&p->client.plain);
    ate__buf_deinit(&p->server.plain);
    assert_int_equal(ERR_peek_error(), 0);
}

static void say(struct side *from, struct side *to, const void *data, size_t size, size_t step)
{
    size_t before = to->plain.size;
    assert_int_equal(ate__tls_write(from->tls, ate__bytes(data, size)), 0);
    deliver(from, to, step);
    assert_int_equal(to->result, 0);
    assert_int_equal(to->plain.size, before + size);
    assert_memory_equal(to->plain.data + before, data, size);
}

/* --- what holds --- */

static void test_talk(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, 1000, SIZE_MAX};
    for (size_t i = 0; i < ATE__COUNT_OF(steps); i++) {
        struct pair p = pair_new(&pin, 1);
        assert_int_equal(ate__tls_write(p.client.tls, ate__text_bytes("early")), ATE_MISUSE);
        assert_false(ate__tls_ready(p.client.tls) || ate__tls_ready(p.server.tls));
        shake(&p, steps[i]);
        assert_true(ate__tls_ready(p.client.tls) && ate__tls_ready(p.server.tls));
        say(&p.client, &p.server, "hello", 5, steps[i]);
        say(&p.server, &p.client, "world", 5, steps[i]);
        say(&p.server, &p.client, "", 0, steps[i]);
        pair_free(&p);
    }
}

/* Both ends know the same of it, and no other connection does, of the same key either. */
static void test_channel(void **state)
{
    (void)state;
    struct ate_hash client[2], server[2];
    for (unsigned i = 0; i < 2; i++) {
        struct pair p = pair_new(&pin, 1);
        assert_int_equal(ate__tls_channel(p.client.tls, &client[i]), ATE_MISUSE);
        shake(&p, SIZE_MAX);
        assert_int_equal(ate__tls_channel(p.client.tls, &client[i]), 0);
        say(&p.client, &p.server, "hello", 5, SIZE_MAX);
        assert_int_equal(ate__tls_channel(p.server.tls, &server[i]), 0);
        pair_free(&p);
        assert_true(ate__hash_equal(&client[i], &server[i]) && !ate__hash_is_zero(&client[i]));
    }
    assert_false(ate__hash_equal(&client[0], &client[1]));
}

static void test_big(void **state)
{
    (void)state;
    struct pair p = pair_new(&pin, 1);
    struct rnd rnd = rnd_of(rnd_seed(11));
    size_t size = 3000000;
    uint8_t *data = malloc(size);
    rnd_bytes(&rnd, data, size);
    shake(&p, SIZE_MAX);
    say(&p.client, &p.server, data, size, 65536);
    say(&p.server, &p.client, data, size, 1500);
    say(&p.server, &p.client, data, size, SIZE_MAX);
    free(data);
    pair_free(&p);
}

/* A batch is one record: 5 bytes of header, the type, 16 of the tag, and no more. */
static void test_one_record(void **state)
{
    (void)state;
    struct pair p = pair_new(&pin, 1);
    shake(&p, SIZE_MAX);
    struct ate__buf wire = ATE__BUF_NULL;
    assert_int_equal(ate__tls_write(p.client.tls, ate__text_bytes("0123456789")), 0);
    assert_int_equal(ate__tls_pull(p.client.tls, &wire), 0);
    assert_int_equal(wire.size, 10 + 22);
    assert_int_equal(ate__tls_write(p.client.tls, ate__text_bytes("x")), 0);
    assert_int_equal(ate__tls_pull(p.client.tls, &wire), 0); /* appends */
    assert_int_equal(wire.size, 10 + 22 + 23);
    assert_int_equal(ate__tls_feed(p.server.tls, ate__buf_bytes(&wire), &p.server.plain), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&p.server.plain), ate__text_bytes("0123456789x")));
    ate__buf_deinit(&wire);
    pair_free(&p);
}

static void test_close(void **state)
{
    (void)state;
    struct pair p = pair_new(&pin, 1);
    assert_int_equal(ate__tls_close(p.server.tls), 0); /* too early to mean anything */
    shake(&p, SIZE_MAX);
    assert_int_equal(ate__tls_write(p.client.tls, ate__text_bytes("bye")), 0);
    assert_int_equal(ate__tls_close(p.client.tls), 0);
    deliver(&p.client, &p.server, 1);
    assert_int_equal(p.server.result, 0);
    assert_int_equal(p.server.plain.size, 3);
    assert_true(ate__tls_closed(p.server.tls));
    assert_false(ate__tls_closed(p.client.tls));
    /* The other direction is still open, and what follows the end is dropped. */
    say(&p.server, &p.client, "bye too", 7, 1);
    assert_int_equal(ate__tls_feed(p.server.tls, ate__text_bytes("junk"), &p.server.plain), 0);
    assert_int_equal(p.server.plain.size, 3);
    pair_free(&p);
}

/* --- the pin --- */

static void test_pins(void **state)
{
    (void)state;
    struct ate_hash both[2] = {other_pin, pin};
    struct pair p = pair_new(both, 2);
    shake(&p, SIZE_MAX);
    assert_true(ate__tls_ready(p.client.tls));
    say(&p.client, &p.server, "hello", 5, SIZE_MAX);
    pair_free(&p);
    struct ate__tls *none = NULL;
    assert_int_equal(ate__tls_new_client(&pin, 0, &none), ATE_MISUSE);
    assert_null(none);
}

static void test_wrong_pin(void **state)
{
    (void)state;
    char seen[ATE__HASH_TEXT], expected[ATE__HASH_TEXT];
    struct ate_hash wrong[3] = {other_pin, pin, pin};
    wrong[1].b[0] ^= 1;
    wrong[2].b[31] ^= 0x80;
    for (size_t count = 1; count <= 3; count++) {
        struct pair p = pair_new(wrong, count);
        shake(&p, SIZE_MAX);
        assert_int_equal(p.client.result, ATE_UNTRUSTED);
        assert_non_null(strstr(p.client.text, ate__hash_text(&pin, seen)));
        assert_non_null(strstr(p.client.text, ate__hash_text(&other_pin, expected)));
        assert_false(ate__tls_ready(p.client.tls));
        assert_int_equal(p.server.result, ATE_BAD_PEER); /* the alert reached it */
        assert_false(ate__tls_ready(p.server.tls));
        /* A failure is final. */
        assert_int_equal(ate__tls_write(p.client.tls, ate__text_bytes("x")), ATE_MISUSE);
        assert_int_equal(ate__tls_feed(p.client.tls, ate__text_bytes("x"), &p.client.plain),
                         ATE_MISUSE);
        assert_int_equal(ate__tls_close(p.client.tls), 0);
        pair_free(&p);
    }
}

/* --- peers of another kind --- */

/* A plain OpenSSL peer over memory; `setup` makes it what the case needs. */
struct foreign {
    SSL *ssl;
    BIO *in, *out;
};

/* One that may do all that the configuration file forbids. */
static SSL_CTX *foreign_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new_ex(ate__ossl(), NULL, method);
    SSL_CTX_set_security_level(context, 1);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
    SSL_CTX_set1_groups_list(context, "DEFAULT");
    SSL_CTX_set1_sigalgs_list(context, "mldsa65:mldsa44:ed25519:ecdsa_secp256r1_sha256");
    return context;
}

static struct foreign foreign_new(SSL_CTX *context, bool server)
{
    struct foreign f = {SSL_new(context), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    SSL_set_bio(f.ssl, f.in, f.out);
    if (server)
        SSL_set_accept_state(f.ssl);
    else
        SSL_set_connect_state(f.ssl);
    return f;
}

/* Runs the handshake between ours and the foreign one; ours' result is in ours->result. */
static bool foreign_shake(struct foreign *f, struct side *ours)
{
    bool done = false;
    for (int i = 0; i < 6; i++) {
        done = SSL_do_handshake(f->ssl) == 1;
        ERR_clear_error();
        char *data;
        long size = BIO_get_mem_data(f->out, &data);
        if (size && !ours->result) {
            ours->result = ate__tls_feed(ours->tls, ate__bytes(data, (size_t)size), &ours->plain);
            if (ours->result)
                snprintf(ours->text, sizeof ours->text, "%s", ate__error_text());
            assert_int_equal(ERR_peek_error(), 0);
        }
        (void)BIO_reset(f->out);
        struct ate__buf wire = ATE__BUF_NULL;
        assert_int_equal(ate__tls_pull(ours->tls, &wire), 0);
        BIO_write(f->in, wire.data, (int)wire.size);
        ate__buf_deinit(&wire);
    }
    return done;
}

static void client_case(const char *what, int low, int high, const char *groups,
                        const char *sigalgs, const char *ciphers, bool good)
{
    SSL_CTX *context = foreign_context(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, low);
    SSL_CTX_set_max_proto_version(context, high);
    assert_true(!groups || SSL_CTX_set1_groups_list(context, groups));
    assert_true(!sigalgs || SSL_CTX_set1_sigalgs_list(context, sigalgs));
    assert_true(!ciphers || SSL_CTX_set_ciphersuites(context, ciphers));
    struct foreign f = foreign_new(context, false);
    struct side ours = {0};
    assert_int_equal(ate__tls_new_server(key, &ours.tls), 0);
    bool done = foreign_shake(&f, &ours);
    if (done != good || ours.result != (good ? 0 : ATE_BAD_PEER) ||
        ate__tls_ready(ours.tls) != good)
        fail_msg("%s: %d, %d, %s", what, done, ours.result, ours.text);
    if (good) {
        assert_int_equal(SSL_version(f.ssl), TLS1_3_VERSION);
        assert_int_equal(SSL_session_reused(f.ssl), 0);
        assert_true(EVP_PKEY_is_a(X509_get0_pubkey(SSL_get0_peer_certificate(f.ssl)), "ML-DSA-65"));
        uint8_t byte;
        size_t size;
        assert_int_equal(SSL_read_ex(f.ssl, &byte, 1, &size), 0); /* would take in a ticket */
        assert_false(SSL_SESSION_is_resumable(SSL_get0_session(f.ssl)));
    }
    SSL_free(f.ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    ate__tls_free(ours.tls);
    ate__buf_deinit(&ours.plain);
}

static void test_foreign_clients(void **state)
{
    (void)state;
    const char *pq = "X25519MLKEM768", *sig = "mldsa65";
    client_case("hybrid", TLS1_2_VERSION, TLS1_3_VERSION, pq, sig, NULL, true);
    client_case("strong", TLS1_3_VERSION, TLS1_3_VERSION, "SecP384r1MLKEM1024", sig, NULL, true);
    client_case("share of X25519, may do hybrid", TLS1_3_VERSION, TLS1_3_VERSION,
                "*X25519:X25519MLKEM768", sig, NULL, true);
    client_case("TLS 1.2", TLS1_2_VERSION, TLS1_2_VERSION, NULL, NULL, NULL, false);
    client_case("classical groups", TLS1_3_VERSION, TLS1_3_VERSION, "X25519:P-256:P-384", sig, NULL,
                false);
    client_case("pure ML-KEM", TLS1_3_VERSION, TLS1_3_VERSION, "MLKEM768:MLKEM1024", sig, NULL,
                false);
    client_case("another hybrid", TLS1_3_VERSION, TLS1_3_VERSION, "SecP256r1MLKEM768", sig, NULL,
                false);
    client_case("classical signatures", TLS1_3_VERSION, TLS1_3_VERSION, pq,
                "ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256", NULL, false);
    client_case("AES-128", TLS1_3_VERSION, TLS1_3_VERSION, pq, sig, "TLS_AES_128_GCM_SHA256",
                false);
}

/* A server with our own key, so that the pin holds, which then offers what we must refuse. */
static void server_case(const char *what, EVP_PKEY *pkey, X509 *certificate, int high,
                        const char *groups, const char *ciphers, int expected)
{
    SSL_CTX *context = foreign_context(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, high);
    assert_true(!groups || SSL_CTX_set1_groups_list(context, groups));
    assert_true(!ciphers || SSL_CTX_set_ciphersuites(context, ciphers));
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, pkey), 1);
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(pkey, &der);
    struct ate_hash its_pin;
    assert_int_equal(ate__sha256(ate__bytes(der, (size_t)size), &its_pin), 0);
    OPENSSL_free(der);
    struct foreign f = foreign_new(context, true);
    struct side ours = {0};
    assert_int_equal(ate__tls_new_client(&its_pin, 1, &ours.tls), 0);
    bool done = foreign_shake(&f, &ours);
    if (done != !expected || ours.result != expected || ate__tls_ready(ours.tls) != !expected)
        fail_msg("%s: %d, %d, %s", what, done, ours.result, ours.text);
    SSL_free(f.ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    ate__tls_free(ours.tls);
    ate__buf_deinit(&ours.plain);
}

static X509 *certificate_new(EVP_PKEY *pkey, const char *from, const char *to)
{
    X509 *c = X509_new_ex(ate__ossl(), NULL);
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(c), from);
    ASN1_TIME_set_string_X509(X509_getm_notAfter(c), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                               (const uint8_t *)"other.example", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    X509_set_pubkey(c, pkey);
    assert_true(X509_sign(c, pkey, EVP_PKEY_is_a(pkey, "EC") ? EVP_sha256() : NULL));
    return c;
}

static void test_foreign_servers(void **state)
{
    (void)state;
    EVP_PKEY *mldsa = EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ML-DSA-65");
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ED25519");
    EVP_PKEY *ec = EVP_PKEY_Q_keygen(ate__ossl(), NULL, "EC", "P-256");
    EVP_PKEY *mldsa44 = EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ML-DSA-44");
    const char *from = "20200101000000Z", *to = "20990101000000Z";
    X509 *good = certificate_new(mldsa, from, to);
    X509 *past = certificate_new(mldsa, "20000101000000Z", "20010101000000Z");
    X509 *future = certificate_new(mldsa, "20980101000000Z", to);
    X509 *ed_good = certificate_new(ed, from, to);
    X509 *ec_good = certificate_new(ec, from, to);
    X509 *small = certificate_new(mldsa44, from, to);
    server_case("hybrid", mldsa, good, TLS1_3_VERSION, NULL, NULL, 0);
    server_case("strong", mldsa, good, TLS1_3_VERSION, "SecP384r1MLKEM1024", NULL, 0);
    server_case("Ed25519", ed, ed_good, TLS1_3_VERSION, NULL, NULL, 0);
    /* The pin decides; no clock does. */
    server_case("expired", mldsa, past, TLS1_3_VERSION, NULL, NULL, 0);
    server_case("not yet valid", mldsa, future, TLS1_3_VERSION, NULL, NULL, 0);
    server_case("TLS 1.2", ec, ec_good, TLS1_2_VERSION, NULL, NULL, ATE_BAD_PEER);
    server_case("classical groups", mldsa, good, TLS1_3_VERSION, "X25519:P-256", NULL,
                ATE_BAD_PEER);
    server_case("ECDSA", ec, ec_good, TLS1_3_VERSION, NULL, NULL, ATE_BAD_PEER);
    server_case("ML-DSA-44", mldsa44, small, TLS1_3_VERSION, NULL, NULL, ATE_BAD_PEER);
    server_case("AES-128", mldsa, good, TLS1_3_VERSION, NULL, "TLS_AES_128_GCM_SHA256",
                ATE_BAD_PEER);
    X509_free(good), X509_free(past), X509_free(future);
    X509_free(ed_good), X509_free(ec_good), X509_free(small);
    EVP_PKEY_free(mldsa), EVP_PKEY_free(ed), EVP_PKEY_free(ec), EVP_PKEY_free(mldsa44);
}

/* A client that asks for new keys again and again: fine as long as it reads the answers. */
static void test_key_updates(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
    assert_true(SSL_CTX_set1_groups_list(context, "X25519MLKEM768"));
    struct foreign f = foreign_new(context, false);
    struct side ours = {0};
    struct ate__buf wire = ATE__BUF_NULL;
    assert_int_equal(ate__tls_new_server(key, &ours.tls), 0);
    assert_true(foreign_shake(&f, &ours));
    int rc = 0, count = 0;
    for (; !rc && count < 10000; count++) {
        char *data;
        ate__buf_clear(&wire);
        if (count < 5000) /* as if it were sent */
            assert_int_equal(ate__tls_pull(ours.tls, &wire), 0);
        assert_int_equal(SSL_key_update(f.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(f.ssl), 1);
        long size = BIO_get_mem_data(f.out, &data);
        rc = ate__tls_feed(ours.tls, ate__bytes(data, (size_t)size), &ours.plain);
        (void)BIO_reset(f.out);
    }
    assert_int_equal(rc, ATE_BAD_PEER);
    assert_true(count > 5000 && count < 9000);
    assert_int_equal(ate__tls_pull(ours.tls, &wire), 0);
    assert_true(wire.size > 60000 && wire.size < 70000);
    ate__buf_deinit(&wire);
    SSL_free(f.ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    ate__tls_free(ours.tls);
    ate__buf_deinit(&ours.plain);
}

/* --- bad bytes --- */

static void test_garbage(void **state)
{
    (void)state;
    static const char *const first[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\xff\xff",
        "\x80\x2e\x01\x03\x01",
        "\x15\x03\x03",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x17\x03\x03\x40\x01",
    };
    struct rnd rnd = rnd_of(rnd_seed(5));
    for (size_t i = 0; i < ATE__COUNT_OF(first); i++) {
        for (int client = 0; client < 2; client++) {
            struct pair p = pair_new(&pin, 1);
            struct side *s = client ? &p.client : &p.server;
            uint8_t junk[20000];
            rnd_bytes(&rnd, junk, sizeof junk);
            int rc = ate__tls_feed(s->tls, ate__text_bytes(first[i]), &s->plain);
            if (!rc)
                rc = ate__tls_feed(s->tls, ate__bytes(junk, sizeof junk), &s->plain);
            assert_int_equal(rc, ATE_BAD_PEER);
            assert_int_equal(s->plain.size, 0);
            pair_free(&p);
        }
    }
}

/* One bit of any message of the handshake, or of a record, is turned: nothing false comes out. */
static void test_flipped_bits(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(6));
    for (int round = 0; round < 60; round++) {
        struct pair p = pair_new(&pin, 1);
        bool from_server = rnd_below(&rnd, 2), flipped = false;
        int turn = (int)rnd_below(&rnd, 3);
        for (int i = 0; i < 3; i++) {
            for (int s = 0; s < 2; s++) {
                struct side *from = s ? &p.server : &p.client, *to = s ? &p.client : &p.server;
                if (i == 2 && !flipped && ate__tls_ready(from->tls))
                    assert_int_equal(ate__tls_write(from->tls, ate__text_bytes("secret")), 0);
                struct ate__buf wire = ATE__BUF_NULL;
                assert_int_equal(ate__tls_pull(from->tls, &wire), 0);
                if (i == turn && s == from_server && wire.size) {
                    wire.data[rnd_below(&rnd, wire.size)] ^= (uint8_t)(1u << rnd_below(&rnd, 8));
                    flipped = true;
                }
                if (!to->result)
                    to->result = ate__tls_feed(to->tls, ate__buf_bytes(&wire), &to->plain);
                ate__buf_deinit(&wire);
            }
        }
        for (int s = 0; s < 2; s++) {
            struct ate__buf *plain = s ? &p.server.plain : &p.client.plain;
            assert_true(!plain->size ||
                        ate__bytes_equal(ate__buf_bytes(plain), ate__text_bytes("secret")));
        }
        pair_free(&p);
    }
}

/* --- key files --- */

static int load(const char *text, size_t size)
{
    struct ate__tls_server_key *k = NULL;
    int rc = ate__tls_server_key_load(ate__bytes(text, size), &k);
    assert_true((rc == 0) == (k != NULL));
    ate__tls_server_key_free(k);
    assert_int_equal(ERR_peek_error(), 0);
    return rc;
}

static void load_case(EVP_PKEY *pkey, const EVP_CIPHER *sealed, int expected)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    assert_true(
        PEM_write_bio_PKCS8PrivateKey(bio, pkey, sealed, "pass", sealed ? 4 : 0, NULL, NULL));
    size_t size = (size_t)BIO_get_mem_data(bio, &text);
    assert_int_equal(load(text, size), expected);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

static void test_key_files(void **state)
{
    (void)state;
    struct ate__secret pem = ATE__SECRET_NULL;
    assert_int_equal(ate__tls_server_key_generate(&pem), 0);
    assert_memory_equal(pem.data, "-----BEGIN PRIVATE KEY-----\n", 28);
    const char *text = (const char *)pem.data;
    assert_int_equal(load(text, pem.size), 0);
    for (size_t i = 0; i + 2 < pem.size; i += 97)
        assert_int_equal(load(text, i), ATE_MALFORMED);
    for (size_t i = 28; i < pem.size - 27; i += 211) {
        pem.data[i] ^= 0x11;
        int rc = load(text, pem.size);
        assert_true(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED);
        pem.data[i] ^= 0x11;
    }
    /* The pin is the key's, whichever certificate is made for it. */
    struct ate__tls_server_key *a = NULL, *b = NULL;
    assert_int_equal(ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &a), 0);
    assert_int_equal(ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &b), 0);
    struct ate_hash pin_a = ate__tls_server_key_pin(a), pin_b = ate__tls_server_key_pin(b);
    assert_true(ate__hash_equal(&pin_a, &pin_b));
    assert_false(ate__hash_equal(&pin_a, &pin));
    ate__tls_server_key_free(a);
    ate__tls_server_key_free(b);
    ate__secret_deinit(&pem);

    char *big = calloc(1, ATE__TLS_KEY_FILE_MAX + 1);
    assert_int_equal(load(big, ATE__TLS_KEY_FILE_MAX + 1), ATE_TOO_BIG);
    assert_int_equal(load(big, ATE__TLS_KEY_FILE_MAX), ATE_MALFORMED);
    free(big);
    assert_int_equal(load(NULL, 0), ATE_MALFORMED);
    assert_int_equal(load("ate-key 1\n", 10), ATE_MALFORMED);
    load_case(EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ED25519"), NULL, 0);
    load_case(EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ML-DSA-87"), NULL, ATE_UNSUPPORTED);
    load_case(EVP_PKEY_Q_keygen(ate__ossl(), NULL, "X25519"), NULL, ATE_UNSUPPORTED);
    load_case(EVP_PKEY_Q_keygen(ate__ossl(), NULL, "EC", "P-256"), NULL, ATE_UNSUPPORTED);
    load_case(EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ED25519"), EVP_aes_256_cbc(), ATE_MALFORMED);
}

/* --- memory --- */

static int talk_once(void *arg)
{
    (void)arg;
    struct pair p = {0};
    struct ate__buf wire = ATE__BUF_NULL;
    int rc = ate__tls_new_client(&pin, 1, &p.client.tls);
    if (!rc)
        rc = ate__tls_new_server(key, &p.server.tls);
    for (int i = 0; !rc && i < 6; i++) {
        struct side *from = i % 2 ? &p.server : &p.client, *to = i % 2 ? &p.client : &p.server;
        if (i == 3)
            rc = ate__tls_write(p.server.tls, ate__text_bytes("hello"));
        if (!rc)
            rc = ate__tls_pull(from->tls, &wire);
        if (!rc)
            rc = ate__tls_feed(to->tls, ate__buf_bytes(&wire), &to->plain);
        ate__buf_clear(&wire);
    }
    if (!rc)
        assert_int_equal(p.client.plain.size, 5);
    ate__buf_deinit(&wire);
    pair_free(&p);
    return rc;
}

static int load_once(void *arg)
{
    const struct ate__secret *pem = arg;
    struct ate__tls_server_key *k = NULL;
    int rc = ate__tls_server_key_load(ate__bytes(pem->data, pem->size), &k);
    ate__tls_server_key_free(k);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    struct ate__secret pem = ATE__SECRET_NULL;
    assert_int_equal(talk_once(NULL), 0);
    assert_true(heap_sweep(talk_once, NULL, false) >= 6);
    assert_int_equal(ate__tls_server_key_generate(&pem), 0);
    assert_true(heap_sweep(load_once, &pem, false) >= 1);
    ate__secret_deinit(&pem);
}

/* --- set-up --- */

static struct ate__tls_server_key *key_new(void)
{
    struct ate__secret pem = ATE__SECRET_NULL;
    struct ate__tls_server_key *k = NULL;
    assert_int_equal(ate__tls_server_key_generate(&pem), 0);
    assert_int_equal(ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &k), 0);
    ate__secret_deinit(&pem);
    return k;
}

static int setup(void **state)
{
    (void)state;
    key = key_new();
    other_key = key_new();
    pin = ate__tls_server_key_pin(key);
    other_pin = ate__tls_server_key_pin(other_key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ate__tls_server_key_free(key);
    ate__tls_server_key_free(other_key);
    return 0;
}

static void use_hostile_configuration(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/openssl.cnf", tmpdir_new());
    FILE *f = fopen(path, "w");
    if (!f)
        abort();
    fputs("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = sys\n[sys]\n"
          "MaxProtocol = TLSv1.2\nMinProtocol = TLSv1.2\nGroups = P-256\nNumTickets = 2\n"
          "SignatureAlgorithms = ecdsa_secp256r1_sha256\nCiphersuites = TLS_AES_128_GCM_SHA256\n"
          "Options = ServerPreference,MiddleboxCompat,UnsafeLegacyRenegotiation\n"
          "CipherString = DEFAULT:@SECLEVEL=5\n",
          f);
    fclose(f);
    setenv("OPENSSL_CONF", path, 1);
}

int main(void)
{
    use_hostile_configuration();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_channel),
        cmocka_unit_test(test_big),
        cmocka_unit_test(test_one_record),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_wrong_pin),
        cmocka_unit_test(test_foreign_clients),
        cmocka_unit_test(test_foreign_servers),
        cmocka_unit_test(test_key_updates),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
