/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keyfile.c: key files.
 *
 * A key file is lines of "word value", each ended by one LF, the words in a fixed order. No
 * sentence repeats what a file holds: it may be a secret in the wrong place.
 */
#include "crypto/keyfile.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/password.h"
#include <stdio.h>

static const char private_head[] = "ate-key";
static const char public_head[] = "ate-public-key";
static const char log_head[] = "ate-log-key";
static const char version[] = "1";
static const char version_2[] = "2"; /* of private keys: halves, and what is sealed */
static const char *const holds_name[] = {
    [ATE__KEY_ALL] = "all", [ATE__KEY_READS] = "read", [ATE__KEY_WRITES] = "write"};

enum {
    SEED_TEXT = 43, /* characters */
    SALT_TEXT = 22,
    ALGORITHMS_TEXT = 2 * ATE__ALGORITHM_NAME_MAX + 1,
    SEALED_MAX = ATE__KEY_SECRET_MAX + ATE__PASSWORD_EXTRA, /* bytes */
    SEALED_TEXT_MAX = (SEALED_MAX + 2) / 3 * 4
};

struct secret { /* on the stack */
    uint8_t b[ATE__KEY_SECRET_MAX];
};

static void wipe_secret(struct secret *s)
{
    ate__wipe(s, sizeof *s);
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

static int check_head(struct ate_bytes word, struct ate_bytes value, const char *head,
                      const char *wanted_version)
{
    if (is_text(word, head))
        return is_text(value, wanted_version)
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
static int parse_lines(struct ate_bytes text, const char *head, const char *wanted_version,
                       struct field *fields, size_t count)
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
        rc = check_head(word, value, head, wanted_version);
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
enum { HOLDS, WHOSE, ARGON2ID, SECRET, SEALED, SECOND_LABEL, SECOND_FIELDS };
enum { KEY, PUBLIC_LABEL, PUBLIC_FIELDS };

/* Decodes base64url of exactly `size` bytes. */
static int take_bytes(const struct field *f, uint8_t *ret, size_t size)
{
    size_t made = 0;
    int rc = 0;
    if (f->value.size != ate__b64_size(size))
        return ate__fail(ATE_MALFORMED, "line %u: a %s has %zu characters, not %zu", f->line,
                         f->word, ate__b64_size(size), f->value.size);
    rc = ate__b64_decode(f->value.data, f->value.size, ret, size, &made);
    return rc ? ate__context(rc, "line %u", f->line) : 0;
}

static int take_label(const struct field *f, char ret[ATE__KEY_LABEL_MAX + 1])
{
    int rc = ate__key_label_check(f->value);
    if (rc)
        return ate__context(rc, "line %u", f->line);
    if (f->value.size)
        memcpy(ret, f->value.data, f->value.size);
    return 0;
}

static int unknown_algorithm(struct ate_bytes name)
{
    char text[4 * ATE__ALGORITHM_NAME_MAX + 1];
    name.size = ate__min(name.size, (size_t)ATE__ALGORITHM_NAME_MAX);
    return ate__fail(ATE_UNSUPPORTED, "an unknown algorithm: %s",
                     name.size ? ate__escaped(name, text, sizeof text) : "without a name");
}

/* "SIGNATURE KEM", or one of the two. */
int ate__key_form_parse(struct ate_bytes names, struct ate__key_form *ret_form)
{
    struct ate__key_form form = {NULL, NULL};
    const char *text = names.data;
    size_t at = 0;
    while (at < names.size) {
        size_t end = at;
        while (end < names.size && text[end] != ' ')
            end++;
        const struct ate__algorithm *a = ate__algorithm_named(ate__bytes(text + at, end - at));
        if (!a)
            return unknown_algorithm(ate__bytes(text + at, end - at));
        if (form.kem || (a->use == ATE__USE_SIGN && form.signature))
            return ate__fail(ATE_UNSUPPORTED,
                             "%s: a key signs by one algorithm and, behind it, is "
                             "sealed to by one",
                             a->name);
        *(a->use == ATE__USE_SIGN ? &form.signature : &form.kem) = a;
        if (end + 1 == names.size)
            return unknown_algorithm(ate__bytes(NULL, 0));
        at = end + (end < names.size);
    }
    if (!form.signature && !form.kem)
        return ate__fail(ATE_UNSUPPORTED, "no algorithm");
    *ret_form = form;
    return 0;
}

static int parse_first(struct ate_bytes text, struct ate__key_text *t)
{
    struct field f[PRIVATE_FIELDS] = {
        [ALGORITHM] = {.word = "algorithm"},
        [SEED] = {.word = "seed"},
        [PRIVATE_LABEL] = {.word = "label", .optional = true},
    };
    int rc = parse_lines(text, private_head, version, f, PRIVATE_FIELDS);
    if (rc)
        return rc;
    rc = ate__key_form_parse(f[ALGORITHM].value, &t->form);
    if (rc)
        return ate__context(rc, "line %u", f[ALGORITHM].line);
    t->secret_size = sizeof(struct ate__key32);
    rc = take_bytes(&f[SEED], t->secret, t->secret_size);
    return rc ? rc : take_label(&f[PRIVATE_LABEL], t->label);
}

/* A number of at most 9 digits and a space behind it, without zeros in front. */
static bool take_number(struct ate_bytes *rest, uint32_t *ret)
{
    const char *text = rest->data;
    uint32_t value = 0;
    size_t size = 0;
    while (size < rest->size && size < 9 && text[size] >= '0' && text[size] <= '9')
        value = value * 10 + (uint32_t)(text[size++] - '0');
    if (!size || size == rest->size || text[size] != ' ' || text[0] == '0')
        return false;
    *ret = value;
    *rest = ate__bytes(text + size + 1, rest->size - size - 1);
    return true;
}

/* KIB PASSES LANES SALT */
static int take_cost(const struct field *f, struct ate__key_text *t)
{
    struct ate_bytes rest = f->value;
    if (!take_number(&rest, &t->cost.memory_kib) || !take_number(&rest, &t->cost.passes) ||
        !take_number(&rest, &t->cost.lanes) || rest.size != SALT_TEXT)
        return ate__fail(ATE_MALFORMED, "line %u: not three numbers and a salt", f->line);
    struct field salt = *f;
    salt.value = rest;
    int rc = take_bytes(&salt, t->salt, sizeof t->salt);
    return rc ? rc : ate__context(ate__password_cost_check(&t->cost), "line %u", f->line);
}

static int take_holds(const struct field *f, enum ate__key_holds *ret)
{
    for (size_t i = 0; i < ATE__COUNT_OF(holds_name); i++)
        if (is_text(f->value, holds_name[i])) {
            *ret = (enum ate__key_holds)i;
            return 0;
        }
    return ate__fail(ATE_UNSUPPORTED, "line %u: holds neither all, nor read, nor write", f->line);
}

static int take_public(const struct field *f, struct ate__key_text *t)
{
    struct ate__public_parts parts;
    int rc = ate__b64_decode(f->value.data, f->value.size, t->public_bytes, sizeof t->public_bytes,
                             &t->public_size);
    if (!rc)
        rc = ate__public_key_parse(ate__bytes(t->public_bytes, t->public_size), &parts);
    if (rc)
        return ate__context(rc, "line %u", f->line);
    if (t->holds == ATE__KEY_WRITES && !parts.signature)
        return ate__fail(ATE_MALFORMED, "line %u: a half that writes of a key that does not sign",
                         f->line);
    t->secret_size = ate__key_secret_size(&parts, t->holds);
    return 0;
}

static int parse_second(struct ate_bytes text, struct ate__key_text *t)
{
    struct field f[SECOND_FIELDS] = {
        [HOLDS] = {.word = "holds"},
        [WHOSE] = {.word = "key"},
        [ARGON2ID] = {.word = "argon2id", .optional = true},
        [SECRET] = {.word = "secret", .optional = true},
        [SEALED] = {.word = "sealed", .optional = true},
        [SECOND_LABEL] = {.word = "label", .optional = true},
    };
    int rc = parse_lines(text, private_head, version_2, f, SECOND_FIELDS);
    if (!rc)
        rc = take_holds(&f[HOLDS], &t->holds);
    if (!rc)
        rc = take_public(&f[WHOSE], t);
    if (rc)
        return rc;
    t->sealed = f[SEALED].line;
    if (t->sealed != (f[ARGON2ID].line > 0) || t->sealed == (f[SECRET].line > 0))
        return ate__fail(ATE_MALFORMED, "one \"secret\", or \"argon2id\" and \"sealed\", belong in "
                                        "it");
    if (!t->sealed && t->holds == ATE__KEY_ALL)
        return ate__fail(ATE_MALFORMED, "a whole key that is not sealed has version 1");
    if (t->sealed)
        rc = take_cost(&f[ARGON2ID], t);
    if (!rc)
        rc = t->sealed ? take_bytes(&f[SEALED], t->secret, t->secret_size + ATE__PASSWORD_EXTRA)
                       : take_bytes(&f[SECRET], t->secret, t->secret_size);
    return rc ? rc : take_label(&f[SECOND_LABEL], t->label);
}

static bool is_second(struct ate_bytes text)
{
    struct ate_bytes line;
    return ate__take_line(&text, &line) && is_text(line, "ate-key 2");
}

int ate__key_text_parse(struct ate_bytes text, struct ate__key_text **ret_text)
{
    ate__cleanup(ate__key_text_freep) struct ate__key_text *t = ate__secret_alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    int rc = is_second(text) ? parse_second(text, t) : parse_first(text, t);
    if (!rc)
        *ret_text = ate__steal(&t);
    return rc;
}

void ate__key_text_free(struct ate__key_text *t)
{
    ate__secret_free(t);
}

struct ate_bytes ate__key_text_public(const struct ate__key_text *t)
{
    return ate__bytes(t->public_bytes, t->public_size);
}

/* What is bound to a sealed secret: all else that the file says. */
static int bind(const struct ate__key_text *t, struct ate__buf *aad)
{
    uint8_t cost[12];
    ate__store32(cost, t->cost.memory_kib);
    ate__store32(cost + 4, t->cost.passes);
    ate__store32(cost + 8, t->cost.lanes);
    struct ate_bytes fields[] = {
        ate__text_bytes(holds_name[t->holds]),
        ate__key_text_public(t),
        ate__bytes(cost, sizeof cost),
        ate__bytes(t->salt, sizeof t->salt),
        ate__text_bytes(t->label),
    };
    return ate__frame(aad, "ate key file 2", fields, ATE__COUNT_OF(fields));
}

int ate__key_text_open(const struct ate__key_text *t, struct ate_bytes password,
                       struct ate__key **ret_key)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    ate__cleanup(wipe_secret) struct secret secret;
    if (t->form.signature || t->form.kem) {
        ate__cleanup(ate__key32_deinit) struct ate__key32 seed; /* wiped */
        memcpy(seed.b, t->secret, sizeof seed.b);
        return ate__key_make(&t->form, &seed, t->label, ret_key);
    }
    if (!t->sealed)
        return ate__key_of_secret(ate__key_text_public(t), t->holds,
                                  ate__bytes(t->secret, t->secret_size), t->label, ret_key);
    if (!password.size)
        return ate__fail(ATE_NO_KEY, "it is sealed with a password, and none was given");
    int rc = bind(t, &aad);
    if (!rc)
        rc = ate__password_open(&t->cost, t->salt, password, ate__buf_bytes(&aad),
                                ate__bytes(t->secret, t->secret_size + ATE__PASSWORD_EXTRA),
                                secret.b, t->secret_size);
    return rc ? rc
              : ate__key_of_secret(ate__key_text_public(t), t->holds,
                                   ate__bytes(secret.b, t->secret_size), t->label, ret_key);
}

int ate__key_decode(struct ate_bytes text, struct ate__key **ret_key)
{
    ate__cleanup(ate__key_text_freep) struct ate__key_text *t = NULL; /* wiped */
    int rc = ate__key_text_parse(text, &t);
    return rc ? rc : ate__key_text_open(t, ate__bytes(NULL, 0), ret_key);
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

const char *ate__key_form_text(const struct ate__public_parts *parts, char ret[ATE__KEY_FORM_TEXT])
{
    snprintf(ret, ATE__KEY_FORM_TEXT, "%s%s%s", parts->signature ? parts->signature->name : "",
             parts->signature && parts->kem ? " " : "", parts->kem ? parts->kem->name : "");
    return ret;
}

static int encode_first(const struct ate__key *k, struct ate__secret *ret_text)
{
    char names[ATE__KEY_FORM_TEXT];
    struct ate_bytes label = ate__text_bytes(k->label);
    struct ate_bytes form = ate__text_bytes(ate__key_form_text(&k->parts, names));
    size_t size = line_size(private_head, strlen(version)) + line_size("algorithm", form.size) +
                  line_size("seed", SEED_TEXT) + label_line_size(label);
    struct ate__secret text, seed;
    int rc = ate__secret_init(&seed, SEED_TEXT + 1);
    if (rc)
        return rc;
    rc = ate__secret_init(&text, size);
    if (!rc) {
        ate__b64_encode(ate__bytes(k->seed.b, sizeof k->seed.b), (char *)seed.data);
        uint8_t *to = put_line(text.data, private_head, ate__text_bytes(version));
        to = put_line(to, "algorithm", form);
        to = put_line(to, "seed", ate__bytes(seed.data, SEED_TEXT));
        put_label_line(to, label);
        *ret_text = text;
    }
    ate__secret_deinit(&seed); /* wiped; the text is the caller's to wipe */
    return rc;
}

/* Of a text that is filled in; sealed or not. */
static int write_second(const struct ate__key_text *t, struct ate__secret *ret_text)
{
    char key[(ATE__PUBLIC_KEY_MAX + 2) / 3 * 4 + 1], cost[64], salt[SALT_TEXT + 1];
    struct ate__secret text, secret;
    struct ate_bytes label = ate__text_bytes(t->label);
    const char *word = t->sealed ? "sealed" : "secret";
    size_t bytes = t->secret_size + (t->sealed ? ATE__PASSWORD_EXTRA : 0u);
    ate__b64_encode(ate__key_text_public(t), key);
    ate__b64_encode(ate__bytes(t->salt, sizeof t->salt), salt);
    snprintf(cost, sizeof cost, "%u %u %u %s", t->cost.memory_kib, t->cost.passes, t->cost.lanes,
             salt);
    int rc = ate__secret_init(&secret, SEALED_TEXT_MAX + 1);
    if (rc)
        return rc;
    rc =
        ate__secret_init(&text, line_size(private_head, strlen(version_2)) +
                                    line_size("holds", strlen(holds_name[t->holds])) +
                                    line_size("key", strlen(key)) +
                                    (t->sealed ? line_size("argon2id", strlen(cost)) : 0) +
                                    line_size(word, ate__b64_size(bytes)) + label_line_size(label));
    if (!rc) {
        ate__b64_encode(ate__bytes(t->secret, bytes), (char *)secret.data);
        uint8_t *to = put_line(text.data, private_head, ate__text_bytes(version_2));
        to = put_line(to, "holds", ate__text_bytes(holds_name[t->holds]));
        to = put_line(to, "key", ate__text_bytes(key));
        to = t->sealed ? put_line(to, "argon2id", ate__text_bytes(cost)) : to;
        to = put_line(to, word, ate__bytes(secret.data, ate__b64_size(bytes)));
        put_label_line(to, label);
        *ret_text = text;
    }
    ate__secret_deinit(&secret);
    return rc;
}

static int text_of(const struct ate__key *k, enum ate__key_holds holds,
                   struct ate__key_text **ret_text)
{
    struct ate__key_text *t = ate__secret_alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    t->holds = holds;
    t->public_size = k->public_key.size;
    memcpy(t->public_bytes, k->public_key.data, k->public_key.size);
    t->secret_size = ate__key_secret(k, holds, t->secret);
    memcpy(t->label, k->label, sizeof t->label);
    *ret_text = t;
    return 0;
}

static int check_half(const struct ate__key *k, enum ate__key_holds holds)
{
    if (k->holds != ATE__KEY_ALL && k->holds != holds)
        return ate__fail(ATE_NO_KEY, "a half of a key: the other half is not in it");
    if (holds == ATE__KEY_WRITES && !k->parts.signature)
        return ate__fail(ATE_NO_KEY, "a key without a part that signs has no half that writes");
    return 0;
}

int ate__key_encode_half(const struct ate__key *k, enum ate__key_holds holds,
                         struct ate__secret *ret_text)
{
    ate__cleanup(ate__key_text_freep) struct ate__key_text *t = NULL; /* wiped */
    int rc = check_half(k, holds);
    if (!rc && holds == ATE__KEY_ALL)
        return encode_first(k, ret_text);
    if (!rc)
        rc = text_of(k, holds, &t);
    return rc ? rc : write_second(t, ret_text);
}

int ate__key_encode(const struct ate__key *k, struct ate__secret *ret_text)
{
    return ate__key_encode_half(k, k->holds, ret_text);
}

int ate__key_encode_sealed(const struct ate__key *k, enum ate__key_holds holds,
                           const struct ate__env *env, struct ate_bytes password,
                           struct ate__secret *ret_text)
{
    ate__cleanup(ate__key_text_freep) struct ate__key_text *t = NULL; /* wiped */
    ate__cleanup(ate__buf_deinit) struct ate__buf aad = ATE__BUF_NULL;
    uint8_t sealed[SEALED_MAX];
    int rc = check_half(k, holds);
    if (!rc)
        rc = text_of(k, holds, &t);
    if (rc)
        return rc;
    t->sealed = true;
    t->cost = ate__password_cost();
    ate__random(env, t->salt, sizeof t->salt);
    rc = bind(t, &aad);
    if (!rc)
        rc = ate__password_seal(env, &t->cost, t->salt, password, ate__buf_bytes(&aad),
                                ate__bytes(t->secret, t->secret_size), sealed);
    if (rc)
        return rc;
    memcpy(t->secret, sealed, t->secret_size + ATE__PASSWORD_EXTRA);
    return write_second(t, ret_text);
}

int ate__public_key_encode(struct ate_bytes public_key, const char *label,
                           struct ate__buf *ret_text)
{
    struct ate_bytes label_bytes = label ? ate__text_bytes(label) : ate__bytes(NULL, 0);
    char key[(ATE__PUBLIC_KEY_MAX + 2) / 3 * 4 + 1];
    struct ate__public_parts parts;
    int rc = ate__key_label_check(label_bytes);
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
    int rc = parse_lines(text, public_head, version, f, PUBLIC_FIELDS);
    if (rc)
        return rc;
    rc = ate__b64_decode(f[KEY].value.data, f[KEY].value.size, key, sizeof key, &size);
    if (!rc)
        rc = ate__public_key_parse(ate__bytes(key, size), &parts);
    if (rc)
        return ate__context(rc, "line %u", f[KEY].line);
    rc = ate__key_label_check(f[PUBLIC_LABEL].value);
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
    int rc = parse_lines(text, log_head, version, &key, 1);
    if (rc)
        return rc;
    rc = ate__b64_decode(key.value.data, key.value.size, bytes, sizeof bytes, &size);
    if (!rc)
        rc = ate__log_public_parse(ate__bytes(bytes, size), &parts);
    if (rc)
        return ate__context(rc, "line %u", key.line);
    return ate__buf_append(ret_log_key, ate__bytes(bytes, size));
}
