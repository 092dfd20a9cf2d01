/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tls.h: TLS 1.3 over memory: bytes in, bytes out, no I/O. Groups X25519MLKEM768 and SecP384r1MLKEM1024 only; no resumption,
 * tickets, early data, compression or renegotiation. The server's identity is its SubjectPublicKeyInfo; the pin is
 * base64url(SHA-256(DER SubjectPublicKeyInfo)), checked through OpenSSL's DANE interface as TLSA 3 1 1.
 */
#pragma once
#include "base/env.h"
#include "crypto/secret.h"

struct ate__tls_server_key; /* private key (ML-DSA-65) and self-signed certificate; immutable, shared by connections */

/* Key file of a server: PEM PKCS#8 (`LOGS/,server/key`). The certificate is made from it on load; the pin is the key's. */
int ate__tls_server_key_generate(struct ate__secret *ret_pem) ATE__CHECK;
int ate__tls_server_key_load(struct ate_bytes pem, struct ate__tls_server_key **ret_key) ATE__CHECK; /* MALFORMED UNSUPPORTED */
void ate__tls_server_key_free(struct ate__tls_server_key *k);
struct ate_hash ate__tls_server_key_pin(const struct ate__tls_server_key *k);

struct ate__tls; /* one connection; one thread at a time */
int ate__tls_new_server(const struct ate__tls_server_key *key, struct ate__tls **ret_tls) ATE__CHECK; /* key outlives it */
/* pins: any one of them must match; count >= 1. */
int ate__tls_new_client(const struct ate_hash *pins, size_t pin_count, struct ate__tls **ret_tls) ATE__CHECK;
void ate__tls_free(struct ate__tls *t);
ATE__FREEP(struct ate__tls, ate__tls_free)

/* Feeds bytes that came from the network (all are consumed), appends what they decrypt to to `plain`. ATE_BAD_PEER: alert, garbage or a
 * protocol below TLS 1.3; ATE_UNTRUSTED: the client's pins do not match. After a failure only pull() (the alert) and free() are legal. */
int ate__tls_feed(struct ate__tls *t, struct ate_bytes from_network, struct ate__buf *plain) ATE__CHECK;
/* Encrypts; before the handshake is done ATE_MISUSE. */
int ate__tls_write(struct ate__tls *t, struct ate_bytes plain) ATE__CHECK;
/* Appends all bytes due to the network to `out`. Call after new, feed and write. */
int ate__tls_pull(struct ate__tls *t, struct ate__buf *out) ATE__CHECK;
bool ate__tls_ready(const struct ate__tls *t);  /* the handshake is done and the peer's identity checked */
bool ate__tls_closed(const struct ate__tls *t); /* the peer sent close_notify */
int ate__tls_close(struct ate__tls *t) ATE__CHECK; /* sends close_notify; pull() it */
int ate__tls_exporter(struct ate__tls *t, uint8_t ret[32]) ATE__CHECK; /* RFC 9266 channel binding */
