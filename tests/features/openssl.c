/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * openssl.c: does the OpenSSL that was linked have every algorithm that src/crypto builds on?
 *
 * A prefix that was trimmed too far, or a system library with a policy, fails here by name rather
 * than deep in a test of something else. Keys are made where that is the only honest question.
 */
#include <stdbool.h>
#include <stdio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

static bool has_key(const char *name)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, name);
    bool made = key != NULL;
    EVP_PKEY_free(key);
    return made;
}

static bool has_cipher(const char *name)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    bool found = cipher != NULL;
    EVP_CIPHER_free(cipher);
    return found;
}

static bool has_digest(const char *name)
{
    EVP_MD *digest = EVP_MD_fetch(NULL, name, NULL);
    bool found = digest != NULL;
    EVP_MD_free(digest);
    return found;
}

static bool has_kdf(const char *name)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
    bool found = kdf != NULL;
    EVP_KDF_free(kdf);
    return found;
}

static bool has_mac(const char *name)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
    bool found = mac != NULL;
    EVP_MAC_free(mac);
    return found;
}

static bool has_group(const char *name)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_method());
    bool taken = tls && SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1 &&
                 SSL_CTX_set1_groups_list(tls, name) == 1;
    SSL_CTX_free(tls);
    return taken;
}

static const struct {
    const char *kind;
    bool (*has)(const char *name);
    const char *name;
} needs[] = {
    {"signature", has_key, "ML-DSA-44"},
    {"signature", has_key, "ML-DSA-65"},
    {"signature", has_key, "ML-DSA-87"},
    {"signature", has_key, "ED25519"},
    {"key encapsulation", has_key, "ML-KEM-768"},
    {"key encapsulation", has_key, "ML-KEM-1024"},
    {"key agreement", has_key, "X25519"},
    {"TLS group", has_group, "X25519MLKEM768"},
    {"cipher", has_cipher, "AES-256-GCM"},
    {"cipher", has_cipher, "AES-256-CTR"},
    {"cipher", has_cipher, "AES-256-ECB"},
    {"digest", has_digest, "SHA256"},
    {"digest", has_digest, "SHA512"},
    {"digest", has_digest, "SHA3-256"},
    {"digest", has_digest, "SHAKE256"},
    {"key derivation", has_kdf, "HKDF"},
    {"key derivation", has_kdf, "ARGON2ID"},
    {"code", has_mac, "HMAC"},
};

int main(void)
{
    int missing = 0;
    printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (needs[i].has(needs[i].name))
            continue;
        printf("missing: %s %s\n", needs[i].kind, needs[i].name);
        ERR_print_errors_fp(stdout);
        missing++;
    }
    return missing == 0 ? 0 : 1;
}
