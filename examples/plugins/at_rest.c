/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * at_rest.c: a plug-in that encrypts whole records on the disk: a stolen disk does not show who
 * signs and reads, nor which object lies below which, which the log of a chain shows to everybody
 * who has it. Payloads of private scopes are encrypted with or without it.
 *
 *     head -c 32 /dev/urandom > key; chmod 600 key
 *     atedb --plugin ./at_rest.so=key
 *
 * AES-256-GCM-SIV (RFC 8452) with a random nonce; the associated data are the chain's id and the
 * sequence, so that a record does not open in another place. The key is to lie on another disk than
 * the chains. Whoever loses it has lost them.
 */
#include <ate/plugin.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 32, NONCE = 12, TAG = 16 };

struct at_rest {
    EVP_CIPHER *cipher;
    uint8_t key[KEY];
};

static int refuse(char *text, const char *why, int result)
{
    snprintf(text, ATE_PLUGIN_TEXT, "%s", why);
    return result;
}

static void stop(void *state)
{
    struct at_rest *a = state;
    EVP_CIPHER_free(a->cipher);
    OPENSSL_cleanse(a, sizeof *a);
    free(a);
}

static int read_key(const char *path, uint8_t *key, char *text)
{
    struct stat s;
    uint8_t more;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s)) {
        if (fd >= 0)
            close(fd);
        return refuse(text, "the option is a file with a key of 32 bytes, and it cannot be read",
                      ATE_NOT_FOUND);
    }
    bool others = s.st_mode & (S_IRWXG | S_IRWXO);
    bool whole = read(fd, key, KEY) == KEY && read(fd, &more, 1) == 0;
    close(fd);
    if (others)
        return refuse(text, "others may get at the key: chmod 600", ATE_DENIED);
    return whole ? 0 : refuse(text, "a key has 32 bytes", ATE_MALFORMED);
}

static int start(const char *options, void **ret_state, char *text)
{
    struct at_rest *a = calloc(1, sizeof *a);
    if (!a)
        return ATE_E_MEMORY;
    int rc = read_key(options, a->key, text);
    a->cipher = rc ? NULL : EVP_CIPHER_fetch(NULL, "AES-256-GCM-SIV", NULL);
    if (!rc && !a->cipher)
        rc = refuse(text, "this OpenSSL has no AES-256-GCM-SIV", ATE_UNSUPPORTED);
    if (rc)
        stop(a);
    else
        *ret_state = a;
    return rc;
}

/* 1: begun, with the associated data in. */
static int begin(const struct at_rest *a, EVP_CIPHER_CTX *c, bool seals, const uint8_t *nonce,
                 uint8_t *tag, const struct ate_hash *chain_id, uint64_t sequence)
{
    uint8_t place[40];
    int n;
    memcpy(place, chain_id->b, 32);
    for (int i = 0; i < 8; i++)
        place[32 + i] = (uint8_t)(sequence >> (8 * i));
    return c && EVP_CipherInit_ex2(c, a->cipher, a->key, nonce, seals, NULL) == 1 &&
           (seals || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1) &&
           EVP_CipherUpdate(c, NULL, &n, place, sizeof place) == 1;
}

/* nonce, tag, ciphertext */
static int seal(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes record, uint8_t *ret, size_t *ret_size, char *text)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n, last = 0;
    bool done = RAND_bytes(ret, NONCE) == 1 &&
                begin(state, c, true, ret, NULL, chain_id, sequence) == 1 &&
                EVP_CipherUpdate(c, ret + NONCE + TAG, &n, record.data, (int)record.size) == 1 &&
                EVP_CipherFinal_ex(c, ret + NONCE + TAG + n, &last) == 1 &&
                EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, ret + NONCE) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!done)
        return refuse(text, "it could not be encrypted", ATE_E_SYSTEM);
    *ret_size = NONCE + TAG + record.size;
    return 0;
}

static int open_record(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                       struct ate_bytes sealed, uint8_t *ret, size_t *ret_size, char *text)
{
    const uint8_t *bytes = sealed.data;
    uint8_t tag[TAG];
    int n = 0, last = 0;
    if (sealed.size <= NONCE + TAG)
        return refuse(text, "too short", ATE_TAMPERED);
    memcpy(tag, bytes + NONCE, TAG);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    size_t size = sealed.size - NONCE - TAG;
    bool done = begin(state, c, false, bytes, tag, chain_id, sequence) == 1 &&
                EVP_CipherUpdate(c, ret, &n, bytes + NONCE + TAG, (int)size) == 1 &&
                EVP_CipherFinal_ex(c, ret + n, &last) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!done)
        return refuse(text, "another key, or it was changed", ATE_TAMPERED);
    *ret_size = size;
    return 0;
}

ATE_PLUGIN = {
    .abi = ATE_PLUGIN_ABI,
    .name = "at-rest",
    .start = start,
    .stop = stop,
    .seal = seal,
    .open = open_record,
};
