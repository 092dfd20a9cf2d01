/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keyfile.c: public keys, fingerprints, key files.
 *
 * A key file is lines of "word value", each ended by one LF, the words in a fixed order. No
 * sentence repeats what a file holds: it may be a secret in the wrong place.
 */
#include "crypto/keyfile.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/wr.h"
#include "crypto/digest.h"
#include "crypto/kdf.h"

static const char private_head[] = "ate-key";
static const char public_head[] = "ate-public-key";
static const char log_head[] = "ate-log-key";
static const char version[] = "1";
static const char algorithm[] = "mldsa65-ed25519-sha512 x-wing";

enum { SEED_TEXT = 43 /* characters */ };

/* --- public keys --- */

static int check_part(unsigned id, struct ate_bytes part)
{
    if (id == ATE__KEM_XWING)
        return part.size == ATE__XWING_PUBLIC
                   ? ate__xwing_check(part.data)
                   : ate__fail(ATE_MALFORMED, "an X-Wing public key has %d bytes, not %zu",
                               ATE__XWING_PUBLIC, part.size);
    ate__cleanup(ate__verify_key_freep) struct ate__verify_key *k = NULL;
    return ate__verify_key_new(part, &k);
}

int ate__public_key_parse(struct ate_bytes public_key, struct ate__public_parts *ret_parts)
{
    struct ate__public_parts parts = {{NULL, 0}, {NULL, 0}};
    struct ate__rd r = ate__rd_of(public_key);
    do {
        unsigned id = ate__rd_u16(&r);
        if (ate__rd_ok(&r) && id != ATE__SIG_MLDSA65_ED25519 && id != ATE__KEM_XWING)
            return ate__fail(ATE_UNSUPPORTED, "a public key of unknown algorithm 0x%04x", id);
        struct ate_bytes part = ate__rd_bytes32(&r, ATE__PUBLIC_KEY_MAX);
        if (!ate__rd_ok(&r))
            return ate__fail(ATE_MALFORMED, "a public key ends too early");
        if (parts.kem_key.data || (id == ATE__SIG_MLDSA65_ED25519 && parts.signature_key.data))
            return ate__fail(ATE_MALFORMED, "a public key has its parts twice or out of order");
        int rc = check_part(id, part);
        if (rc)
            return rc;
        *(id == ATE__KEM_XWING ? &parts.kem_key : &parts.signature_key) = part;
    } while (ate__rd_left(&r));
    *ret_parts = parts;
    return 0;
}

int ate__fingerprint(struct ate_bytes public_key, struct ate_hash *ret_fingerprint)
{
    return ate__hash(ATE__SHA256, "ate key 1", &public_key, 1, ret_fingerprint);
}

/* --- private keys --- */

static bool is_control(const uint8_t *p, size_t left)
{
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && left > 1 && p[1] < 0xa0); /* C0 DEL C1 */
}

static int check_label(struct ate_bytes label)
{
    const uint8_t *p = label.data;
    if (label.size > ATE__KEY_LABEL_MAX)
        return ate__fail(ATE_MALFORMED, "a key's label has at most %d bytes", ATE__KEY_LABEL_MAX);
    if (!ate__utf8_valid(label))
        return ate__fail(ATE_MALFORMED, "a key's label is not UTF-8");
    for (size_t i = 0; i < label.size; i++)
        if (is_control(p + i, label.size - i))
            return ate__fail(ATE_MALFORMED, "a key's label has a control character");
    return 0;
}

static int derive(const struct ate__key32 *seed, const char *use, struct ate__key32 *ret_key)
{
    return ate__kdf(seed, use, NULL, 0, ret_key);
}

static int make_sign_key(struct ate__key *k)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 mldsa, ed25519; /* wiped */
    int rc = derive(&k->seed, "ate seed mldsa 1", &mldsa);
    if (!rc)
        rc = derive(&k->seed, "ate seed ed25519 1", &ed25519);
    return rc ? rc : ate__sign_key_new(&mldsa, &ed25519, &k->sign_key);
}

static int make_public_key(struct ate__key *k)
{
    uint8_t signature_key[ATE__SIG_PUBLIC], kem_key[ATE__XWING_PUBLIC];
    ate__sign_key_public(k->sign_key, signature_key);
    int rc = ate__xwing_public(&k->kem_seed, kem_key);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&k->public_key);
    ate__wr_u16(&w, ATE__SIG_MLDSA65_ED25519);
    ate__wr_bytes32(&w, ate__bytes(signature_key, sizeof signature_key));
    ate__wr_u16(&w, ATE__KEM_XWING);
    ate__wr_bytes32(&w, ate__bytes(kem_key, sizeof kem_key));
    rc = ate__wr_end(&w);
    return rc ? rc : ate__fingerprint(ate__buf_bytes(&k->public_key), &k->fingerprint);
}

static int key_of(const struct ate__key32 *seed, struct ate_bytes label, struct ate__key **ret_key)
{
    int rc = check_label(label);
    if (rc)
        return rc;
    ate__cleanup(ate__key_freep) struct ate__key *k = ate__secret_alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    k->seed = *seed;
    if (label.size)
        memcpy(k->label, label.data, label.size);
    rc = derive(seed, "ate seed kem 1", &k->kem_seed);
    if (!rc)
        rc = derive(seed, "ate seed read 1", &k->read_key);
    if (!rc)
        rc = make_sign_key(k);
    if (!rc)
        rc = make_public_key(k);
    if (!rc)
        *ret_key = ate__steal(&k);
    return rc;
}

int ate__key_of_seed(const struct ate__key32 *seed, const char *label, struct ate__key **ret_key)
{
    return key_of(seed, label ? ate__text_bytes(label) : ate__bytes(NULL, 0), ret_key);
}

int ate__key_generate(const struct ate__env *env, const char *label, struct ate__key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed; /* wiped */
    ate__random(env, seed.b, sizeof seed.b);
    return ate__key_of_seed(&seed, label, ret_key);
}

void ate__key_free(struct ate__key *k)
{
    if (!k)
        return;
    ate__sign_key_free(k->sign_key);
    ate__buf_deinit(&k->public_key);
    ate__secret_free(k); /* wipes the keys */
}

/* --- lines --- */

struct field {
    const char *word;
    bool optional;
    unsigned line; /* where it stands, from 1; 0 if it does not */
    struct ate_bytes value; /* of its line; not empty */
};

/* Takes the next line off *rest, without its LF. */
static int take_line(struct ate_bytes *rest, unsigned number, struct ate_bytes *ret_line)
{
    return ate__take_line(rest, ret_line)
               ? 0
               : ate__fail(ATE_MALFORMED, "line %u does not end with a newline", number);
}

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* "word value", neither of them empty */
static int split_line(struct ate_bytes line, unsigned number, struct ate_bytes *ret_word,
                      struct ate_bytes *ret_value)
{
    const char *text = line.data;
    size_t size = 0;
    while (size < line.size && is_word_character(text[size]))
        size++;
    if (!size || line.size - size < 2 || text[size] != ' ')
        return ate__fail(ATE_MALFORMED, "line %u is not a word, a space and a value", number);
    *ret_word = ate__bytes(text, size);
    *ret_value = ate__bytes(text + size + 1, line.size - size - 1);
    return 0;
}

static bool is_text(struct ate_bytes bytes, const char *text)
{
    return ate__bytes_equal(bytes, ate__text_bytes(text));
}

static int check_head(struct ate_bytes word, struct ate_bytes value, const char *head)
{
    if (is_text(word, head))
        return is_text(value, version)
                   ? 0
                   : ate__fail(ATE_UNSUPPORTED, "line 1: a key file of an unknown version");
    if (is_text(word, private_head))
        return ate__fail(ATE_MALFORMED, "line 1: a private key file where a public one belongs");
    if (is_text(word, public_head))
        return ate__fail(ATE_MALFORMED, "line 1: a public key file where %s belongs",
                         head == log_head ? "a log key" : "a private one");
    if (is_text(word, log_head))
        return ate__fail(ATE_MALFORMED, "line 1: a log key where another key file belongs");
    return ate__fail(ATE_MALFORMED, "line 1: not a key file");
}

/* Passes over fields[*next] up to fields[at], which may not lack one that is needed. */
static int pass_over(const struct field *fields, size_t at, unsigned number, size_t *next)
{
    for (; *next < at; ++*next)
        if (!fields[*next].optional)
            return ate__fail(ATE_MALFORMED, "line %u: \"%s\" belongs here", number,
                             fields[*next].word);
    return 0;
}

/* Fills in the fields, which must stand in the order given, behind the head. */
static int parse_lines(struct ate_bytes text, const char *head, struct field *fields, size_t count)
{
    struct ate_bytes line = {NULL, 0}, word = line, value = line;
    size_t next = 0;
    if (text.size > ATE__KEY_FILE_MAX)
        return ate__fail(ATE_TOO_BIG, "a key file has at most %d bytes", ATE__KEY_FILE_MAX);
    unsigned number = 1;
    int rc = take_line(&text, number, &line);
    if (!rc)
        rc = split_line(line, number, &word, &value);
    if (!rc)
        rc = check_head(word, value, head);
    for (number = 2; !rc && text.size; number++) {
        rc = take_line(&text, number, &line);
        if (!rc)
            rc = split_line(line, number, &word, &value);
        if (rc)
            return rc;
        size_t at = 0;
        while (at < count && !is_text(word, fields[at].word))
            at++;
        if (at == count)
            return ate__fail(ATE_UNSUPPORTED, "line %u is of an unknown kind", number);
        if (at < next)
            return ate__fail(ATE_MALFORMED, "line %u: \"%s\" stands twice or too late", number,
                             fields[at].word);
        rc = pass_over(fields, at, number, &next);
        fields[at].line = number;
        fields[at].value = value;
        next = at + 1;
    }
    return rc ? rc : pass_over(fields, count, number, &next);
}

/* --- key files --- */

enum { ALGORITHM, SEED, PRIVATE_LABEL, PRIVATE_FIELDS };
enum { KEY, PUBLIC_LABEL, PUBLIC_FIELDS };

int ate__key_decode(struct ate_bytes text, struct ate__key **ret_key)
{
    struct field f[PRIVATE_FIELDS] = {
        [ALGORITHM] = {.word = "algorithm"},
        [SEED] = {.word = "seed"},
        [PRIVATE_LABEL] = {.word = "label", .optional = true},
    };
    ate__cleanup(ate__key32_deinit) struct ate__key32 seed; /* wiped */
    size_t size;
    int rc = parse_lines(text, private_head, f, PRIVATE_FIELDS);
    if (rc)
        return rc;
    if (!is_text(f[ALGORITHM].value, algorithm))
        return ate__fail(ATE_UNSUPPORTED, "line %u: an unknown algorithm", f[ALGORITHM].line);
    if (f[SEED].value.size != SEED_TEXT)
        return ate__fail(ATE_MALFORMED, "line %u: a seed has %d characters, not %zu", f[SEED].line,
                         SEED_TEXT, f[SEED].value.size);
    rc = ate__b64_decode(f[SEED].value.data, f[SEED].value.size, seed.b, sizeof seed.b, &size);
    if (rc)
        return ate__context(rc, "line %u", f[SEED].line);
    rc = check_label(f[PRIVATE_LABEL].value);
    if (rc)
        return ate__context(rc, "line %u", f[PRIVATE_LABEL].line);
    return key_of(&seed, f[PRIVATE_LABEL].value, ret_key);
}

static size_t line_size(const char *word, size_t value_size)
{
    return strlen(word) + 1 + value_size + 1;
}

static uint8_t *put_line(uint8_t *to, const char *word, struct ate_bytes value)
{
    to = mempcpy(to, word, strlen(word));
    *to++ = ' ';
    to = mempcpy(to, value.data, value.size);
    *to++ = '\n';
    return to;
}

/* The label's line is left out where there is none. */
static size_t label_line_size(struct ate_bytes label)
{
    return label.size ? line_size("label", label.size) : 0;
}

static uint8_t *put_label_line(uint8_t *to, struct ate_bytes label)
{
    return label.size ? put_line(to, "label", label) : to;
}

int ate__key_encode(const struct ate__key *k, struct ate__secret *ret_text)
{
    struct ate_bytes label = ate__text_bytes(k->label);
    size_t size = line_size(private_head, strlen(version)) +
                  line_size("algorithm", strlen(algorithm)) + line_size("seed", SEED_TEXT) +
                  label_line_size(label);
    struct ate__secret text, seed;
    int rc = ate__secret_init(&seed, SEED_TEXT + 1);
    if (rc)
        return rc;
    rc = ate__secret_init(&text, size);
    if (!rc) {
        ate__b64_encode(ate__bytes(k->seed.b, sizeof k->seed.b), (char *)seed.data);
        uint8_t *to = put_line(text.data, private_head, ate__text_bytes(version));
        to = put_line(to, "algorithm", ate__text_bytes(algorithm));
        to = put_line(to, "seed", ate__bytes(seed.data, SEED_TEXT));
        put_label_line(to, label);
        *ret_text = text;
    }
    ate__secret_deinit(&seed); /* wiped; the text is the caller's to wipe */
    return rc;
}

int ate__public_key_encode(struct ate_bytes public_key, const char *label,
                           struct ate__buf *ret_text)
{
    struct ate_bytes label_bytes = label ? ate__text_bytes(label) : ate__bytes(NULL, 0);
    char key[(ATE__PUBLIC_KEY_MAX + 2) / 3 * 4 + 1];
    struct ate__public_parts parts;
    int rc = check_label(label_bytes);
    if (!rc)
        rc = ate__public_key_parse(public_key, &parts);
    if (rc)
        return rc;
    ate__b64_encode(public_key, key);
    size_t size = line_size(public_head, strlen(version)) + line_size("key", strlen(key)) +
                  label_line_size(label_bytes);
    rc = ate__buf_reserve(ret_text, size);
    if (rc)
        return rc;
    uint8_t *to = put_line(ret_text->data + ret_text->size, public_head, ate__text_bytes(version));
    to = put_line(to, "key", ate__text_bytes(key));
    put_label_line(to, label_bytes);
    ret_text->size += size;
    return 0;
}

int ate__public_key_decode(struct ate_bytes text, struct ate__buf *ret_public_key,
                           char ret_label[ATE__KEY_LABEL_MAX + 1])
{
    struct field f[PUBLIC_FIELDS] = {
        [KEY] = {.word = "key"},
        [PUBLIC_LABEL] = {.word = "label", .optional = true},
    };
    uint8_t key[ATE__PUBLIC_KEY_MAX];
    size_t size;
    struct ate__public_parts parts;
    int rc = parse_lines(text, public_head, f, PUBLIC_FIELDS);
    if (rc)
        return rc;
    rc = ate__b64_decode(f[KEY].value.data, f[KEY].value.size, key, sizeof key, &size);
    if (!rc)
        rc = ate__public_key_parse(ate__bytes(key, size), &parts);
    if (rc)
        return ate__context(rc, "line %u", f[KEY].line);
    rc = check_label(f[PUBLIC_LABEL].value);
    if (rc)
        return ate__context(rc, "line %u", f[PUBLIC_LABEL].line);
    rc = ate__buf_append(ret_public_key, ate__bytes(key, size));
    if (rc)
        return rc;
    memset(ret_label, 0, ATE__KEY_LABEL_MAX + 1);
    if (f[PUBLIC_LABEL].value.size)
        memcpy(ret_label, f[PUBLIC_LABEL].value.data, f[PUBLIC_LABEL].value.size);
    return 0;
}

/* --- log keys --- */

int ate__log_key_encode(struct ate_bytes log_key, struct ate__buf *ret_text)
{
    char key[(ATE__LOG_PUBLIC + 2) / 3 * 4 + 1];
    struct ate__log_parts parts;
    int rc = ate__log_public_parse(log_key, &parts);
    if (rc)
        return rc;
    ate__b64_encode(log_key, key);
    size_t size = line_size(log_head, strlen(version)) + line_size("key", strlen(key));
    rc = ate__buf_reserve(ret_text, size);
    if (rc)
        return rc;
    uint8_t *to = put_line(ret_text->data + ret_text->size, log_head, ate__text_bytes(version));
    put_line(to, "key", ate__text_bytes(key));
    ret_text->size += size;
    return 0;
}

int ate__log_key_decode(struct ate_bytes text, struct ate__buf *ret_log_key)
{
    struct field key = {.word = "key"};
    uint8_t bytes[ATE__LOG_PUBLIC];
    size_t size;
    struct ate__log_parts parts;
    int rc = parse_lines(text, log_head, &key, 1);
    if (rc)
        return rc;
    rc = ate__b64_decode(key.value.data, key.value.size, bytes, sizeof bytes, &size);
    if (!rc)
        rc = ate__log_public_parse(ate__bytes(bytes, size), &parts);
    if (rc)
        return ate__context(rc, "line %u", key.line);
    return ate__buf_append(ret_log_key, ate__bytes(bytes, size));
}
