/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dns.c: a name server that says what the attacker wants, and signs none of it. What is signed, and
 * for something else, is in tests/dns.
 */
#include "attack.h"
#include "base/text.h"
#include "lib/tmpdir.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_TXT = 16, TYPE_TLSA = 52, HEAD = 12, MESSAGE = 1232 };

/* Answers every question of a type with the same record. */
struct liar {
    int fd;
    struct sockaddr_in at;
    pthread_t thread;
    uint8_t tlsa[35], txt[256];
    size_t tlsa_size, txt_size; /* 0: there is none */
    char server[64], anchor[4096];
    struct ate_lookup lookup;
};

static size_t put_record(uint8_t *to, unsigned type, const uint8_t *data, size_t size)
{
    const uint8_t head[] = {0xc0, HEAD, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0,
                            0,    60,   (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(to, head, sizeof head);
    memcpy(to + sizeof head, data, size);
    return sizeof head + size;
}

/* The question, and what there is of its type; 0: it is none. */
static size_t answer(const struct liar *l, uint8_t *message, size_t size)
{
    static const uint8_t here[] = {127, 0, 0, 1};
    size_t at = HEAD;
    while (at < size && message[at])
        at += 1u + message[at];
    at += 5; /* the root, type and class */
    if (at > size)
        return 0;
    unsigned type = (unsigned)message[at - 4] << 8 | message[at - 3], count = 1;
    message[2] = 0x81; /* an answer; recursion was wanted */
    message[3] = 0x80;
    if (type == TYPE_A)
        at += put_record(message + at, type, here, sizeof here);
    else if (type == TYPE_TLSA && l->tlsa_size)
        at += put_record(message + at, type, l->tlsa, l->tlsa_size);
    else if (type == TYPE_TXT && l->txt_size)
        at += put_record(message + at, type, l->txt, l->txt_size);
    else
        count = 0;
    const uint8_t counts[] = {0, 1, 0, (uint8_t)count, 0, 0, 0, 0};
    memcpy(message + 4, counts, sizeof counts);
    return at;
}

static void *run(void *arg)
{
    struct liar *l = arg;
    uint8_t message[MESSAGE + 512];
    struct sockaddr_in from;
    for (;;) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(l->fd, message, MESSAGE, 0, (struct sockaddr *)&from, &size);
        if (n == 1) /* its end */
            return NULL;
        size_t out = n > HEAD ? answer(l, message, (size_t)n) : 0;
        if (out)
            (void)!sendto(l->fd, message, out, 0, (const struct sockaddr *)&from, size);
    }
}

/* zone: of which a key is known, and no other. */
static struct liar *liar_new(const char *zone)
{
    static const char print[] = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct liar *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(l->fd >= 0 && !bind(l->fd, (const struct sockaddr *)&at, size) &&
                !getsockname(l->fd, (struct sockaddr *)&at, &size));
    l->at = at;
    snprintf(l->server, sizeof l->server, "127.0.0.1@%u", ntohs(at.sin_port));
    snprintf(l->anchor, sizeof l->anchor, "%s/anchor", tmpdir_new());
    FILE *f = fopen(l->anchor, "w");
    assert_true(f && fprintf(f, "%s. IN DS 20326 8 2 %s\n", zone, print) > 0 && !fclose(f));
    l->lookup = (struct ate_lookup){.dns_server = l->server, .dns_anchor = l->anchor};
    assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
    return l;
}

static void liar_free(struct liar *l)
{
    assert_int_equal(sendto(l->fd, "", 1, 0, (const struct sockaddr *)&l->at, sizeof l->at), 1);
    pthread_join(l->thread, NULL);
    close(l->fd);
    free(l);
}

static void say_txt(struct liar *l, const char *format, const struct ate_hash *hash)
{
    char text[ATE_HASH_TEXT];
    ate_hash_text(*hash, text);
    l->txt_size = 1 + (size_t)snprintf((char *)l->txt + 1, sizeof l->txt - 1, format, text);
    l->txt[0] = (uint8_t)(l->txt_size - 1);
}

static void say_tlsa(struct liar *l, const struct ate_hash *pin)
{
    memcpy(l->tlsa, (const uint8_t[]){3, 1, 1}, 3);
    memcpy(l->tlsa + 3, pin->b, sizeof pin->b);
    l->tlsa_size = sizeof l->tlsa;
}

/* The rogue's chain, by its name in DNS; pin and root: what the address says of them, or NULL. */
static int open_named(struct rogue *r, struct liar *l, const struct ate_hash *pin,
                      const struct ate_hash *root)
{
    char address[512], pin_text[ATE_HASH_TEXT] = "", root_text[ATE_HASH_TEXT] = "";
    struct ate_chain_conf conf = {.timeout_ms = 20000, .lookup = &l->lookup};
    struct ate_chain *c = NULL;
    rogue_address(r); /* it listens */
    snprintf(address, sizeof address, "tcp://db.ate.example:%u/past%s%s%s%s%s",
             ate__acceptor_port(r->listener), pin || root ? "#" : "", pin ? "pin=" : "",
             pin ? ate_hash_text(*pin, pin_text) : "",
             pin && root ? ",root="
             : root      ? "root="
                         : "",
             root ? ate_hash_text(*root, root_text) : "");
    int rc = ate_chain_open(address, NULL, 0, &conf, &c);
    if (!rc)
        ate_chain_close(c);
    return rc;
}

static void insecure_records(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct liar *l = liar_new("other.example");
    struct ate_hash pin = ate__tls_server_key_pin(r->key), root = past_print(r->past, ROOT);
    say_txt(l, "v=ate1; pin=%s", &pin);
    attack_tried("pin in TXT", open_named(r, l, NULL, &root), ATE_UNTRUSTED);
    say_txt(l, "v=ate1; root=%s; path=/*", &root);
    attack_tried("root in TXT", open_named(r, l, &pin, NULL), ATE_UNTRUSTED);
    say_tlsa(l, &pin);
    attack_tried("TLSA", open_named(r, l, NULL, &root), ATE_UNTRUSTED);
    liar_free(l);
    rogue_free(r);
}

/* The zone is signed, and what comes is not. */
static void bogus_tlsa(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct liar *l = liar_new("ate.example");
    struct ate_hash pin = ate__tls_server_key_pin(r->key), root = past_print(r->past, ROOT);
    say_tlsa(l, &pin);
    attack_tried("connected to", open_named(r, l, NULL, &root), ATE_UNTRUSTED);
    liar_free(l);
    rogue_free(r);
}

/* The address has the pin of the right server; DNS, that of the one that answers. */
static void dns_before_the_pin(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct liar *l = liar_new("other.example");
    struct ate_hash own = ate__tls_server_key_pin(r->key), right = own,
                    root = past_print(r->past, ROOT);
    right.b[5] ^= 1;
    say_tlsa(l, &own);
    attack_tried("connected to", open_named(r, l, &right, &root), ATE_UNTRUSTED);
    liar_free(l);
    rogue_free(r);
}

/* Who may speak for one path speaks for another. */
static void root_of_another_path(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct liar *l = liar_new("other.example");
    struct ate_hash pin = ate__tls_server_key_pin(r->key), root = past_print(r->past, ROOT);
    say_txt(l, "v=ate1; root=%s; path=/other/*", &root);
    attack_tried("opened", open_named(r, l, &pin, NULL), ATE_UNTRUSTED);
    liar_free(l);
    rogue_free(r);
}

/* A key, and a certificate by an authority that the client trusts: of other.example. */
static const char other_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MC4CAQAwBQYDK2VwBCIEIMrwU52C5TuguIAYLoPgnONe5jsTb8BNXzbK0lCsgM1L\n"
                                "-----END PRIVATE KEY-----\n";
static const char other_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBFDCBx6ADAgECAgEBMAUGAytlcDAMMQowCAYDVQQDDAF4MCAXDTcwMDEwMTAw\n"
    "MDAwMFoYDzk5OTkxMjMxMjM1OTU5WjAMMQowCAYDVQQDDAF4MCowBQYDK2VwAyEA\n"
    "piB96i+MzMv4t4PjVuT3FHswrS2pnc9WYJekke+++wajTDBKMBgGA1UdEQQRMA+C\n"
    "DW90aGVyLmV4YW1wbGUwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUJvqYWTzy\n"
    "KcyMj1PoxKrIdrrB1EAwBQYDK2VwA0EAMD9laPzLLRdPWU9M8hoU6WmolDJB7k5h\n"
    "01P/1nQmR87i1fkG+eazYhT4FmNfRYokX/9g5lOGXWSoxnN8yK42Dw==\n"
    "-----END CERTIFICATE-----\n";

/* Whoever sits on the way has a good certificate for what is his. DNS says nothing of either. */
static void certificate_of_another(void)
{
    struct rogue *r = rogue_new(attack_commons());
    struct liar *l = liar_new("elsewhere.example");
    struct ate_hash root = past_print(r->past, ROOT);
    char authorities[600];
    snprintf(authorities, sizeof authorities, "%s/authorities", tmpdir_new());
    FILE *f = fopen(authorities, "w");
    assert_true(f && fputs(other_certificate, f) >= 0 && !fclose(f));
    l->lookup.authorities = authorities;
    ate__tls_server_key_free(r->key);
    attack_must(ate__tls_server_key_load(ate__text_bytes(other_key), &r->key));
    attack_must(ate__tls_server_key_certify(r->key, ate__text_bytes(other_certificate)));
    attack_tried("connected to", open_named(r, l, NULL, &root), ATE_UNTRUSTED);
    liar_free(l);
    rogue_free(r);
}

const struct attack attacks_dns[] = {
    {"certificate-of-another", certificate_of_another},
    {"insecure-records", insecure_records},
    {"bogus-tlsa", bogus_tlsa},
    {"dns-before-the-pin", dns_before_the_pin},
    {"root-of-another-path", root_of_another_path},
    {NULL, NULL},
};
