/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * wire.c: a weaker wire than there should be: an older TLS, a key exchange or a cipher that is not
 * ours, clear text in its place, an older protocol.
 *
 * The other side of TLS is OpenSSL as it comes, which may do all that is asked of it.
 */
#include "attack.h"
#include "base/alloc.h"
#include "crypto/ossl.h"
#include "crypto/tls.h"
#include "lib/tmpdir.h"
#include "net/conn.h"
#include "raw.h"
#include "unit/mesh/kit.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

/* ---- TLS ---- */

struct weak {
    int version;                 /* the newest that the other side speaks */
    const char *groups, *ciphers; /* NULL: what OpenSSL comes with */
};
struct other {
    SSL *ssl;
    BIO *in, *out;
};

static SSL_CTX *context_of(const SSL_METHOD *method, struct weak weak)
{
    SSL_CTX *c = SSL_CTX_new_ex(ate__ossl(), NULL, method);
    assert_non_null(c);
    SSL_CTX_set_security_level(c, 1);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(c, weak.version);
    assert_true(SSL_CTX_set1_groups_list(c, weak.groups ? weak.groups : "DEFAULT"));
    assert_true(!weak.ciphers || SSL_CTX_set_ciphersuites(c, weak.ciphers));
    assert_true(SSL_CTX_set1_sigalgs_list(c, "ed25519"));
    return c;
}

static struct other other_new(SSL_CTX *context, bool server)
{
    struct other o = {SSL_new(context), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    SSL_set_bio(o.ssl, o.in, o.out);
    if (server)
        SSL_set_accept_state(o.ssl);
    else
        SSL_set_connect_state(o.ssl);
    return o;
}

/* What ours says of it. */
static int shake(struct other *o, struct ate__tls *ours)
{
    struct ate__buf plain = ATE__BUF_NULL;
    int rc = 0;
    for (int i = 0; i < 6 && !rc; i++) {
        struct ate__buf wire = ATE__BUF_NULL;
        char *data;
        (void)!SSL_do_handshake(o->ssl);
        ERR_clear_error();
        long size = BIO_get_mem_data(o->out, &data);
        if (size)
            rc = ate__tls_feed(ours, ate__bytes(data, (size_t)size), &plain);
        (void)BIO_reset(o->out);
        attack_must(ate__tls_pull(ours, &wire));
        BIO_write(o->in, wire.data, (int)wire.size);
        ate__buf_deinit(&wire);
    }
    ate__buf_deinit(&plain);
    if (!rc && !ate__tls_ready(ours))
        fail_msg("the handshake has no end");
    return rc;
}

/* Ours as a client, of a server with the very key that it expects. */
static int connect_to(EVP_PKEY *key, X509 *certificate, const struct ate_hash *pin,
                      struct weak weak)
{
    SSL_CTX *context = context_of(TLS_server_method(), weak);
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    struct other o = other_new(context, true);
    struct ate__tls *ours;
    attack_must(ate__tls_new_client(pin, 1, &ours));
    int rc = shake(&o, ours);
    ate__tls_free(ours);
    SSL_free(o.ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return rc;
}

static int accept_from(const struct ate__tls_server_key *key, struct weak weak)
{
    SSL_CTX *context = context_of(TLS_client_method(), weak);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    struct other o = other_new(context, false);
    struct ate__tls *ours;
    attack_must(ate__tls_new_server(key, &ours));
    int rc = shake(&o, ours);
    ate__tls_free(ours);
    SSL_free(o.ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return rc;
}

static X509 *certificate_of(EVP_PKEY *key)
{
    X509 *c = X509_new_ex(ate__ossl(), NULL);
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(c), "20200101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(c), "99991231235959Z");
    X509_set_pubkey(c, key);
    assert_true(X509_sign(c, key, NULL));
    return c;
}

/* Ed25519: the one of our keys that an older TLS can do something with. */
static void weaker(struct weak weak)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(ate__ossl(), NULL, "ED25519");
    assert_non_null(key);
    X509 *certificate = certificate_of(key);
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    struct ate__tls_server_key *ours;
    assert_true(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL));
    long size = BIO_get_mem_data(pem, &text);
    attack_must(ate__tls_server_key_load(ate__bytes(text, (size_t)size), &ours));
    struct ate_hash pin = ate__tls_server_key_pin(ours);
    attack_tried("a server, to a client of ours", connect_to(key, certificate, &pin, weak),
                 ATE_BAD_PEER);
    attack_tried("a client, to a server of ours", accept_from(ours, weak), ATE_BAD_PEER);
    ate__tls_server_key_free(ours);
    BIO_free(pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void older_tls(void)
{
    weaker((struct weak){.version = TLS1_2_VERSION});
}

/* What is recorded today is read by whoever has a quantum computer one day. */
static void classical_exchange(void)
{
    weaker((struct weak){.version = TLS1_3_VERSION, .groups = "X25519:P-256:P-384"});
}

static void weaker_cipher(void)
{
    weaker((struct weak){.version = TLS1_3_VERSION, .ciphers = "TLS_AES_128_GCM_SHA256"});
}

/* ---- clear text ---- */

/* The whole greeting of a server, to a client that has just said its first word of TLS. */
static void clear_text_answered(void)
{
    uint8_t hello[25];
    struct ate_hash pin = {{1}};
    struct ate__conn_conf conf = {
        .wire = ATE__WIRE_TLS, .pins = &pin, .pin_count = 1, .hello = ate__hello_ours()};
    struct ate__conn *c;
    struct ate__net_frame f;
    attack_must(ate__conn_new(&conf, 0, &c));
    ate__conn_feed(c, raw_hello(ATE__WIRE_VERSION, ATE__WIRE_VERSION, hello), 0);
    int rc = ate__conn_next(c, 0, &f) == ATE__CONN_OPENED
                 ? 0
                 : ate__fail(ate__conn_result(c), "%s", ate__conn_text(c));
    attack_tried("by a server", rc, ATE_BAD_PEER);
    ate__conn_free(c);
}

/* At a real server that nobody has told to take it. */
static void clear_text_unasked(void)
{
    uint8_t hello[25];
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct ate__server *s = kit_start(&conf);
    int fd = raw_connect(raw_port(s), 1);
    assert_true(raw_say(fd, raw_hello(ATE__WIRE_VERSION, ATE__WIRE_VERSION, hello)));
    attack_tried("by a client", raw_answer(fd, ATE__NET_HELLO), ATE_BUSY);
    close(fd);
    ate__server_end(s);
}

/* ---- the protocol ---- */

/* One of which this version knows nothing any more, or nothing yet. */
static int greet(bool server, uint16_t low, uint16_t high)
{
    uint8_t hello[25];
    struct ate__conn_conf conf = {.server = server,
                                  .wire = server ? ATE__WIRE_EITHER : ATE__WIRE_CLEAR,
                                  .hello = ate__hello_ours()};
    struct ate__conn *c;
    struct ate__net_frame f;
    conf.hello.version_min = conf.hello.version_max = 5;
    attack_must(ate__conn_new(&conf, 0, &c));
    ate__conn_feed(c, raw_hello(low, high, hello), 0);
    int rc = ate__conn_next(c, 0, &f) == ATE__CONN_OPENED
                 ? 0
                 : ate__fail(ate__conn_result(c), "%s", ate__conn_text(c));
    ate__conn_free(c);
    return rc;
}

static void older_protocol(void)
{
    attack_tried("by a client, an older one", greet(true, 1, 4), ATE_UNSUPPORTED);
    attack_tried("by a server, an older one", greet(false, 1, 4), ATE_UNSUPPORTED);
    attack_tried("by a client, a later one", greet(true, 6, 9), ATE_UNSUPPORTED);
    attack_tried("by a server, a later one", greet(false, 6, 9), ATE_UNSUPPORTED);
}

const struct attack attacks_wire[] = {
    {"older-tls", older_tls},
    {"classical-exchange", classical_exchange},
    {"weaker-cipher", weaker_cipher},
    {"clear-text-answered", clear_text_answered},
    {"clear-text-unasked", clear_text_unasked},
    {"older-protocol", older_protocol},
    {NULL, NULL},
};
