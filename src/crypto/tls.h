/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tls.h: TLS 1.3 over memory: bytes in, bytes out, no I/O.
 *
 *  1. Groups X25519MLKEM768 and SecP384r1MLKEM1024 only, signatures ML-DSA-65 and Ed25519 only,
 *     ciphers with keys of 256 bits only; no resumption, tickets, early data, compression or
 *     renegotiation.
 *  2. The server's identity is its SubjectPublicKeyInfo, and the pin SHA-256 over its DER. It is
 *     checked through OpenSSL's DANE interface as TLSA 3 1 1; names, dates and authorities in the
 *     certificate play no part, so no clock is needed. A client that has no pin, and says so, takes
 *     a certificate of an authority that it trusts, for the host's name, which is valid today.
 *  3. No configuration file of the system changes any of this.
 *  4. A failure is final: after it only pull() (for the alert) and free() are legal.
 */
#pragma once
#include "base/env.h"
#include "crypto/secret.h"

enum {
    ATE__TLS_KEY_FILE_MAX = 16384, /* bytes */
    ATE__TLS_CERTIFICATE_FILE_MAX = 65536, /* bytes */
    ATE__TLS_CERTIFICATES_MAX = 8, /* in it */
    ATE__TLS_ANSWERS_MAX = 65536 /* bytes: of the handshake, and to requests for new keys */
};

struct ate__tls_server_key; /* private key, certificate; immutable, shared by connections */

/* Key file of a server (`LOGS/,server/key`): PEM, PKCS#8, ML-DSA-65 (Ed25519 is read too). The
 * certificate is made from it on load. Errors: load: ATE_MALFORMED; ATE_UNSUPPORTED another
 * algorithm; ATE_TOO_BIG. */
int ate__tls_server_key_generate(struct ate__secret *ret_pem) ATE__CHECK;
int ate__tls_server_key_load(struct ate_bytes pem, struct ate__tls_server_key **ret_key) ATE__CHECK;
/* From now on it shows this certificate, in PEM, and those of the authorities behind it, for
 * clients without a pin; the pin stays. Before the first connection. Errors: MALFORMED: none, or of
 * another key; TOO_BIG. */
int ate__tls_server_key_certify(struct ate__tls_server_key *k, struct ate_bytes pem) ATE__CHECK;
void ate__tls_server_key_free(struct ate__tls_server_key *k); /* takes NULL */
ATE__FREEP(struct ate__tls_server_key, ate__tls_server_key_free)
struct ate_hash ate__tls_server_key_pin(const struct ate__tls_server_key *k);

struct ate__tls; /* one connection; one thread at a time */
int ate__tls_new_server(const struct ate__tls_server_key *key, struct ate__tls **ret_tls)
    ATE__CHECK; /* key outlives it */
/* pins: any one of them must match; count >= 1, else ATE_MISUSE. */
int ate__tls_new_client(const struct ate_hash *pins, size_t pin_count, struct ate__tls **ret_tls)
    ATE__CHECK;
/* Without a pin. authorities: a file of certificates in PEM, NULL: those of the system. The name is
 * not sent. Errors: MALFORMED: a file without them. */
int ate__tls_new_client_named(const char *host, const char *authorities, struct ate__tls **ret_tls)
    ATE__CHECK;
void ate__tls_free(struct ate__tls *t); /* takes NULL */
ATE__FREEP(struct ate__tls, ate__tls_free)

/* Feeds bytes that came from the network (all are consumed), appends what they decrypt to to
 * `plain`. What follows the peer's close_notify is dropped. Errors: ATE_BAD_PEER alert, garbage,
 * no common ground (protocol below 1.3, no common group), or ATE__TLS_ANSWERS_MAX of answers that
 * were not pulled; ATE_UNTRUSTED none of the client's pins matches, or no authority says who it
 * is: the sentence names the pin seen. */
int ate__tls_feed(struct ate__tls *t, struct ate_bytes from_network, struct ate__buf *plain)
    ATE__CHECK;
/* Encrypts, in records of 16 KiB. Before the handshake is done ATE_MISUSE. */
int ate__tls_write(struct ate__tls *t, struct ate_bytes plain) ATE__CHECK;
/* Appends all bytes due to the network to `out`. Call after new, feed, write and close. */
int ate__tls_pull(struct ate__tls *t, struct ate__buf *out) ATE__CHECK;
bool ate__tls_ready(const struct ate__tls *t); /* handshake done, peer's identity checked */
/* Of a client that is ready: the pin of the server it speaks with. */
struct ate_hash ate__tls_peer_pin(const struct ate__tls *t);
bool ate__tls_closed(const struct ate__tls *t); /* the peer sent close_notify */
/* What both ends know of this connection, and of no other (RFC 9266, tls-exporter). Errors: MISUSE:
 * the handshake is not done; E_*. */
int ate__tls_channel(struct ate__tls *t, struct ate_hash *ret_channel) ATE__CHECK;
int ate__tls_close(struct ate__tls *t) ATE__CHECK; /* makes close_notify; pull() it */
