/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tls.c: TLS 1.3 over memory.
 *
 * OpenSSL reads from and writes to a BIO of our own that lies over two buffers of the connection:
 * `in`, a view of what feed() was given, and `out`, what pull() takes over without a copy. A read
 * from an empty `in` asks to be retried, so feed() ends when all bytes are consumed.
 */
#include "crypto/tls.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/ossl.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    READ_LEAST = 1024, /* bytes of room for one read of plaintext, at least and at most */
    READ_MOST = 16384
};

struct ate__tls_server_key {
    SSL_CTX *context; /* holds the private key and the certificate */
    struct ate_hash pin;
};

struct ate__tls {
    SSL *ssl;
    struct ate_bytes in; /* what is left of the bytes being fed */
    struct ate__buf out; /* due to the network */
    size_t answers; /* bytes of it that came of feed() and not of write() */
    struct ate_hash expected; /* client: the first pin, for the sentence */
    size_t pin_count;
    struct ate_hash seen; /* client: the pin of the server's certificate */
    const char *why; /* client without pins: what is wrong with the certificate */
    bool server;
    bool refused; /* `seen` is none of the pins, or not certified */
    bool no_memory; /* `out` could not grow, or the pin seen not be computed */
    bool ready, closed, failed;
};

ATE__FREEP(BIO, BIO_free_all)
ATE__FREEP(SSL_CTX, SSL_CTX_free)
ATE__FREEP(X509, X509_free)

/* --- the BIO --- */

static int bio_write(BIO *bio, const char *data, size_t size, size_t *ret_written)
{
    struct ate__tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (ate__buf_append(&t->out, ate__bytes(data, size))) {
        t->no_memory = true;
        return 0;
    }
    *ret_written = size;
    return 1;
}

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_read)
{
    struct ate__tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!t->in.size) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size = ate__min(size, t->in.size);
    memcpy(to, t->in.data, size);
    t->in = ate__bytes((const uint8_t *)t->in.data + size, t->in.size - size);
    *ret_read = size;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* Made once and kept; NULL when out of memory. */
static const BIO_METHOD *bio_method(void)
{
    static _Atomic(BIO_METHOD *) method;
    BIO_METHOD *kept = atomic_load_explicit(&method, memory_order_acquire);
    if (kept)
        return kept;
    int index = BIO_get_new_index();
    BIO_METHOD *made = index < 0 ? NULL : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "ate");
    if (made && !(BIO_meth_set_write_ex(made, bio_write) && BIO_meth_set_read_ex(made, bio_read) &&
                  BIO_meth_set_ctrl(made, bio_ctrl))) {
        BIO_meth_free(made);
        return NULL;
    }
    if (made && !atomic_compare_exchange_strong(&method, &kept, made)) {
        BIO_meth_free(made);
        return kept;
    }
    return made;
}

/* --- contexts --- */

/* Everything a configuration file could have set is set again here. NULL: see OpenSSL's queue. */
static SSL_CTX *context_new(const SSL_METHOD *method)
{
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(SSL_CTX_freep) SSL_CTX *c = library ? SSL_CTX_new_ex(library, NULL, method) : NULL;
    if (!c)
        return NULL;
    SSL_CTX_clear_options(c, SSL_CTX_get_options(c)); /* among them the middlebox compatibility */
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_NO_TX_CERTIFICATE_COMPRESSION |
                               SSL_OP_NO_RX_CERTIFICATE_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_security_level(c, 2);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS); /* an idle connection holds none */
    if (!SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||
        !SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(c, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") ||
        !SSL_CTX_set1_groups_list(c, "X25519MLKEM768:SecP384r1MLKEM1024") ||
        !SSL_CTX_set1_sigalgs_list(c, "mldsa65:ed25519") || !SSL_CTX_set_num_tickets(c, 0) ||
        !SSL_CTX_set_max_early_data(c, 0) || !SSL_CTX_set_recv_max_early_data(c, 0) ||
        !SSL_CTX_set_block_padding(c, 0))
        return NULL;
    return ate__steal(&c);
}

static int on_verify(int verified, X509_STORE_CTX *store);

/* The one of all clients with pins, made once and kept; NULL: see OpenSSL's queue. */
static SSL_CTX *client_context(void)
{
    static _Atomic(SSL_CTX *) context;
    SSL_CTX *kept = atomic_load_explicit(&context, memory_order_acquire);
    if (kept)
        return kept;
    ate__cleanup(SSL_CTX_freep) SSL_CTX *made = context_new(TLS_client_method());
    if (!made || SSL_CTX_dane_enable(made) <= 0)
        return NULL;
    SSL_CTX_dane_set_flags(made, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, on_verify);
    if (!atomic_compare_exchange_strong(&context, &kept, made))
        return kept;
    return ate__steal(&made);
}

/* Of one client without pins: what authorities there are is looked up each time. */
static SSL_CTX *named_context(const char *authorities)
{
    ate__cleanup(SSL_CTX_freep) SSL_CTX *c = context_new(TLS_client_method());
    if (!c)
        return NULL;
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, on_verify);
    bool set = authorities ? SSL_CTX_load_verify_file(c, authorities)
                           : SSL_CTX_set_default_verify_paths(c);
    return set ? ate__steal(&c) : NULL;
}

/* --- the server's key --- */

int ate__tls_server_key_generate(struct ate__secret *ret_pem)
{
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *key =
        library ? EVP_PKEY_Q_keygen(library, NULL, "ML-DSA-65") : NULL;
    ate__cleanup(BIO_free_allp) BIO *bio = key ? BIO_new(BIO_s_secmem()) : NULL; /* wipes */
    if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        return ate__ossl_fail("make a server key");
    char *pem;
    long size = BIO_get_mem_data(bio, &pem);
    struct ate__secret secret = ATE__SECRET_NULL;
    int rc = ate__secret_init(&secret, (size_t)size);
    if (rc)
        return rc;
    memcpy(secret.data, pem, (size_t)size);
    *ret_pem = secret;
    return 0;
}

static int pin_of(const X509_PUBKEY *public_key, struct ate_hash *ret_pin)
{
    uint8_t *der = NULL;
    int size = i2d_X509_PUBKEY(public_key, &der);
    if (size <= 0)
        return ate__ossl_fail("encode a public key");
    int rc = ate__sha256(ate__bytes(der, (size_t)size), ret_pin);
    OPENSSL_free(der);
    return rc;
}

/* The certificate carries the key and says nothing else: every field is fixed, and it is valid
 * from 1970 to the end of time (RFC 5280 section 4.1.2.5). */
static X509 *certificate_of(EVP_PKEY *key)
{
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(X509_freep) X509 *c = library ? X509_new_ex(library, NULL) : NULL;
    X509_NAME *name = c ? X509_get_subject_name(c) : NULL;
    if (!c || !X509_set_version(c, X509_VERSION_3) ||
        !ASN1_INTEGER_set(X509_get_serialNumber(c), 1) ||
        !ASN1_TIME_set_string_X509(X509_getm_notBefore(c), "19700101000000Z") ||
        !ASN1_TIME_set_string_X509(X509_getm_notAfter(c), "99991231235959Z") ||
        !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"ate", -1, -1, 0) ||
        !X509_set_issuer_name(c, name) || !X509_set_pubkey(c, key) || !X509_sign(c, key, NULL))
        return NULL;
    return ate__steal(&c);
}

/* Keeps OpenSSL from asking the terminal for the password of a sealed key. */
static int no_password(char *to, int size, int writing, void *user)
{
    (void)to, (void)size, (void)writing, (void)user;
    return -1;
}

static int key_of_pem(struct ate_bytes pem, EVP_PKEY **ret_key)
{
    if (pem.size > ATE__TLS_KEY_FILE_MAX)
        return ate__fail(ATE_TOO_BIG, "server key: more than %d bytes", ATE__TLS_KEY_FILE_MAX);
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(BIO_free_allp) BIO *bio =
        library ? BIO_new_mem_buf(pem.size ? pem.data : "", (int)pem.size) : NULL;
    if (!bio)
        return ate__ossl_fail("read a server key");
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *key =
        PEM_read_bio_PrivateKey_ex(bio, NULL, no_password, NULL, library, NULL);
    if (!key)
        return ate__ossl_refused(ATE_MALFORMED,
                                 "server key: not a private key in PEM (PKCS#8, no password)");
    if (!EVP_PKEY_is_a(key, "ML-DSA-65") && !EVP_PKEY_is_a(key, "ED25519"))
        return ate__ossl_refused(ATE_UNSUPPORTED, "server key: neither ML-DSA-65 nor Ed25519");
    *ret_key = ate__steal(&key);
    return 0;
}

int ate__tls_server_key_load(struct ate_bytes pem, struct ate__tls_server_key **ret_key)
{
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    int rc = key_of_pem(pem, &key);
    if (rc)
        return rc;
    ate__cleanup(ate__tls_server_key_freep) struct ate__tls_server_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    ate__cleanup(X509_freep) X509 *certificate = certificate_of(key);
    k->context = certificate ? context_new(TLS_server_method()) : NULL;
    if (!k->context || SSL_CTX_use_certificate(k->context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(k->context, key) != 1)
        return ate__ossl_fail("set up a server key");
    SSL_CTX_set_verify(k->context, SSL_VERIFY_NONE, NULL);
    rc = pin_of(X509_get_X509_PUBKEY(certificate), &k->pin);
    if (rc)
        return rc;
    *ret_key = ate__steal(&k);
    return 0;
}

/* The next of the file; NULL: there is none. */
static X509 *next_certificate(BIO *bio)
{
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(X509_freep) X509 *c = library ? X509_new_ex(library, NULL) : NULL;
    if (!c || !PEM_read_bio_X509(bio, &c, no_password, NULL))
        return NULL;
    return ate__steal(&c);
}

int ate__tls_server_key_certify(struct ate__tls_server_key *k, struct ate_bytes pem)
{
    if (pem.size > ATE__TLS_CERTIFICATE_FILE_MAX)
        return ate__fail(ATE_TOO_BIG, "certificate: more than %d bytes",
                         ATE__TLS_CERTIFICATE_FILE_MAX);
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem.size ? pem.data : "", (int)pem.size);
    ate__cleanup(X509_freep) X509 *own = bio ? next_certificate(bio) : NULL;
    (void)stale;
    if (!own)
        return ate__ossl_refused(ATE_MALFORMED, "certificate: there is none in it, in PEM");
    if (SSL_CTX_use_certificate(k->context, own) != 1 || SSL_CTX_check_private_key(k->context) != 1)
        return ate__ossl_refused(ATE_MALFORMED,
                                 "certificate: the first one is not of the server's key");
    for (unsigned i = 1;; i++) {
        ate__cleanup(X509_freep) X509 *above = next_certificate(bio);
        if (!above)
            return 0;
        if (i == ATE__TLS_CERTIFICATES_MAX)
            return ate__fail(ATE_TOO_BIG, "certificate: more than %d", ATE__TLS_CERTIFICATES_MAX);
        if (!SSL_CTX_add1_chain_cert(k->context, above))
            return ate__ossl_refused(ATE_MALFORMED,
                                     "certificate: one of its authorities cannot be used");
    }
}

void ate__tls_server_key_free(struct ate__tls_server_key *k)
{
    if (!k)
        return;
    SSL_CTX_free(k->context);
    ate__free(k);
}

struct ate_hash ate__tls_server_key_pin(const struct ate__tls_server_key *k)
{
    return k->pin;
}

/* --- a connection --- */

/* OpenSSL has decided; this remembers which pin it saw, and why, for the sentence. */
static int on_verify(int verified, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ate__tls *t = SSL_get_app_data(ssl);
    if (!verified) {
        t->refused = true;
        t->why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
        if (pin_of(X509_get_X509_PUBKEY(X509_STORE_CTX_get0_cert(store)), &t->seen))
            t->no_memory = true;
    }
    return verified;
}

static int tls_new(SSL_CTX *context, struct ate__tls **ret_tls)
{
    ate__cleanup(ate__tls_freep) struct ate__tls *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    const BIO_METHOD *method = bio_method();
    t->ssl = context && method ? SSL_new(context) : NULL;
    BIO *bio = t->ssl ? BIO_new(method) : NULL;
    if (!bio || !SSL_set_app_data(t->ssl, t)) {
        BIO_free(bio);
        return ate__ossl_fail("begin a TLS connection");
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    *ret_tls = ate__steal(&t);
    return 0;
}

void ate__tls_free(struct ate__tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    ate__buf_deinit(&t->out);
    ate__free(t);
}

int ate__tls_new_server(const struct ate__tls_server_key *key, struct ate__tls **ret_tls)
{
    struct ate__tls *t;
    int rc = tls_new(key->context, &t);
    if (rc)
        return rc;
    t->server = true;
    SSL_set_accept_state(t->ssl);
    *ret_tls = t;
    return 0;
}

static int failure(struct ate__tls *t);

static bool is_identified(const struct ate__tls *t)
{
    if (SSL_get_verify_result(t->ssl) != X509_V_OK)
        return false;
    return t->pin_count ? SSL_get0_dane_tlsa(t->ssl, NULL, NULL, NULL, NULL, NULL) >= 0
                        : SSL_get0_peername(t->ssl) != NULL;
}

static int handshake(struct ate__tls *t)
{
    ERR_clear_error(); /* SSL_get_error() looks at the queue, which is the whole thread's */
    int done = SSL_do_handshake(t->ssl);
    if (t->no_memory)
        return failure(t); /* OpenSSL takes it for a BIO that is not ready */
    if (done <= 0)
        return SSL_get_error(t->ssl, done) == SSL_ERROR_WANT_READ ? 0 : failure(t);
    /* The handshake of a client cannot end without a match; believed only when seen. */
    if (!t->server && !is_identified(t)) {
        t->failed = true;
        return ate__fail(ATE_UNTRUSTED, "TLS: the server's key was not checked");
    }
    int rc =
        t->server ? 0 : pin_of(X509_get_X509_PUBKEY(SSL_get0_peer_certificate(t->ssl)), &t->seen);
    t->ready = !rc;
    t->failed = rc != 0;
    return rc;
}

int ate__tls_new_client(const struct ate_hash *pins, size_t pin_count, struct ate__tls **ret_tls)
{
    if (!pin_count)
        return ate__fail(ATE_MISUSE, "TLS: no pin to check the server by");
    ate__cleanup(ate__tls_freep) struct ate__tls *t = NULL;
    int rc = tls_new(client_context(), &t);
    if (rc)
        return rc;
    t->expected = pins[0];
    t->pin_count = pin_count;
    /* No base domain: no name goes out in clear (SNI), none is checked. */
    bool set = SSL_dane_enable(t->ssl, NULL) > 0;
    for (size_t i = 0; set && i < pin_count; i++)
        set = SSL_dane_tlsa_add(t->ssl, 3, 1, 1, pins[i].b, sizeof pins[i].b) > 0;
    if (!set)
        return ate__ossl_fail("set the pins of a TLS connection");
    SSL_set_connect_state(t->ssl);
    rc = handshake(t); /* makes the ClientHello */
    if (rc)
        return rc;
    *ret_tls = ate__steal(&t);
    return 0;
}

static int no_authorities(const char *authorities)
{
    return authorities ? ate__ossl_refused(ATE_MALFORMED,
                                           "the file of authorities holds no certificate in PEM")
                       : ate__ossl_fail("find the authorities of this system");
}

int ate__tls_new_client_named(const char *host, const char *authorities, struct ate__tls **ret_tls)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__tls_freep) struct ate__tls *t = NULL;
    ate__cleanup(SSL_CTX_freep) SSL_CTX *context = named_context(authorities);
    (void)stale;
    int rc = context ? tls_new(context, &t) : no_authorities(authorities);
    if (rc)
        return rc;
    SSL_set_hostflags(t->ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (!SSL_set1_host(t->ssl, host)) /* checked, and not sent */
        return ate__ossl_fail("set the name of a TLS connection");
    SSL_set_connect_state(t->ssl);
    rc = handshake(t);
    if (rc)
        return rc;
    *ret_tls = ate__steal(&t);
    return 0;
}

/* --- bytes --- */

static int failure_identity(const struct ate__tls *t)
{
    char expected[ATE__HASH_TEXT], seen[ATE__HASH_TEXT];
    ate__hash_text(&t->expected, expected);
    ate__hash_text(&t->seen, seen);
    if (!t->pin_count)
        return ate__fail(ATE_UNTRUSTED,
                         "nothing says which server to trust: there is no pin in the address, none "
                         "in DNS that is signed, and of its certificate: %s; it is pin=%s",
                         t->why, seen);
    if (t->pin_count == 1)
        return ate__fail(ATE_UNTRUSTED, "the server is pin=%s; expected is pin=%s", seen, expected);
    return ate__fail(ATE_UNTRUSTED, "the server is pin=%s; expected is pin=%s or one of %zu others",
                     seen, expected, t->pin_count - 1);
}

/* A failure of what this side does by itself. */
static int failure_own(struct ate__tls *t, const char *what)
{
    t->failed = true;
    int rc = ate__ossl_fail(what);
    return t->no_memory ? ate__no_memory() : rc;
}

/* Says why OpenSSL gave up on what the other side sent, and empties its queue. */
static int failure(struct ate__tls *t)
{
    char sentence[200];
    unsigned long error = ERR_peek_last_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    snprintf(sentence, sizeof sentence, "TLS: %s", reason ? reason : "the other side broke off");
    t->failed = true;
    int rc = ate__ossl_refused(ATE_BAD_PEER, sentence);
    if (rc == ATE_BAD_PEER && t->no_memory)
        rc = ate__no_memory();
    else if (rc == ATE_BAD_PEER && t->refused)
        rc = failure_identity(t);
    return rc;
}

static int read_plain(struct ate__tls *t, size_t fed, struct ate__buf *plain)
{
    size_t room = ate__min(ate__max(fed, READ_LEAST), READ_MOST);
    ERR_clear_error();
    while (!t->closed) {
        size_t size = 0;
        int rc = ate__buf_reserve(plain, room);
        if (rc) {
            t->failed = true;
            return rc;
        }
        int done =
            SSL_read_ex(t->ssl, plain->data + plain->size, plain->capacity - plain->size, &size);
        plain->size += size;
        if (t->no_memory)
            return failure(t);
        if (done)
            continue;
        int error = SSL_get_error(t->ssl, done);
        if (error == SSL_ERROR_WANT_READ)
            break;
        if (error != SSL_ERROR_ZERO_RETURN)
            return failure(t);
        t->closed = true;
    }
    return 0;
}

int ate__tls_feed(struct ate__tls *t, struct ate_bytes from_network, struct ate__buf *plain)
{
    if (t->failed)
        return ate__fail(ATE_MISUSE, "TLS: bytes after a failure");
    int rc = 0;
    size_t before = t->out.size;
    t->in = from_network;
    if (!t->ready && from_network.size)
        rc = handshake(t);
    if (!rc && t->ready)
        rc = read_plain(t, from_network.size, plain);
    ate__assert(rc || t->closed || !t->in.size);
    t->in = ate__bytes(NULL, 0);
    t->answers += t->out.size - before;
    if (!rc && t->answers > ATE__TLS_ANSWERS_MAX) {
        t->failed = true;
        rc = ate__fail(ATE_BAD_PEER, "TLS: the other side wants answers that it does not read");
    }
    return rc;
}

int ate__tls_write(struct ate__tls *t, struct ate_bytes plain)
{
    size_t written;
    if (!t->ready || t->failed)
        return ate__fail(ATE_MISUSE, "TLS: a write outside an open connection");
    if (!plain.size)
        return 0;
    ERR_clear_error();
    if (SSL_write_ex(t->ssl, plain.data, plain.size, &written) && !t->no_memory)
        return 0;
    return failure_own(t, "encrypt");
}

int ate__tls_pull(struct ate__tls *t, struct ate__buf *out)
{
    t->answers = 0;
    if (!out->size) {
        struct ate__buf empty = *out;
        *out = t->out;
        t->out = empty;
        return 0;
    }
    int rc = ate__buf_append(out, ate__buf_bytes(&t->out));
    if (!rc)
        ate__buf_clear(&t->out);
    return rc;
}

bool ate__tls_ready(const struct ate__tls *t)
{
    return t->ready;
}

struct ate_hash ate__tls_peer_pin(const struct ate__tls *t)
{
    return t->seen;
}

bool ate__tls_closed(const struct ate__tls *t)
{
    return t->closed;
}

int ate__tls_channel(struct ate__tls *t, struct ate_hash *ret_channel)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    if (!t->ready || t->failed)
        return ate__fail(ATE_MISUSE, "the handshake is not done");
    ERR_clear_error();
    if (SSL_export_keying_material(t->ssl, ret_channel->b, sizeof ret_channel->b, label,
                                   sizeof label - 1, NULL, 0, 0) != 1)
        return failure_own(t, "name a TLS connection");
    return 0;
}

int ate__tls_close(struct ate__tls *t)
{
    if (!t->ready || t->failed)
        return 0; /* nothing was said that could be ended */
    ERR_clear_error();
    if (SSL_shutdown(t->ssl) < 0 || t->no_memory)
        return failure_own(t, "end a TLS connection");
    return 0;
}
