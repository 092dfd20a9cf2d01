/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * note.c: reading, signing and verifying notes.
 */
#include "crypto/note.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"
#include "base/wr.h"
#include "crypto/digest.h"
#include "crypto/part.h"
#include <inttypes.h>
#include <stdio.h>

enum {
    TYPE_ED25519 = 0x01,
    TYPE_COSIGNATURE = 0x04, /* by Ed25519 */
    TYPE_MLDSA44 = 0x06,
    KEY_ID = 4, /* bytes */
    TIME = 8,
    SIGNATURE_MAX = KEY_ID + TIME + ATE__LOG_MLDSA44_SIGNATURE,
    ROOT_TEXT = 44, /* characters of 32 bytes in base64 */
    NUMBER_TEXT = 20
};
static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

/* --- names --- */

/* What Unicode calls a space, as UTF-8; p is valid UTF-8. */
static bool is_space(const uint8_t *p, size_t left)
{
    static const char *const space[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
                                        "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
                                        "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
        return true;
    if (left >= 3 && !memcmp(p, "\xe2\x80", 2) && p[2] >= 0x80 && p[2] <= 0x8a)
        return true; /* U+2000 to U+200A */
    for (size_t i = 0; i < ATE__COUNT_OF(space); i++)
        if (left >= strlen(space[i]) && !memcmp(p, space[i], strlen(space[i])))
            return true;
    return false;
}

static bool name_fits(struct ate_bytes name)
{
    const uint8_t *p = name.data;
    if (!name.size || name.size > ATE__NOTE_NAME_MAX || !ate__utf8_valid(name))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (p[i] == '+' || p[i] < 0x20 || is_space(p + i, name.size - i))
            return false;
    return true;
}

static int check_name(struct ate_bytes name, const char *what)
{
    return name_fits(name) ? 0 : ate__fail(ATE_MISUSE, "note: not the %s that a note has", what);
}

static int key_id_of(struct ate_bytes name, uint8_t type, struct ate_bytes key,
                     uint8_t ret_id[KEY_ID])
{
    struct ate__hasher h;
    struct ate_hash hash;
    const uint8_t middle[2] = {'\n', type};
    ate__hasher_begin_raw(&h, ATE__SHA256);
    ate__hasher_raw(&h, name);
    ate__hasher_raw(&h, ate__bytes(middle, sizeof middle));
    ate__hasher_raw(&h, key);
    int rc = ate__hasher_end(&h, &hash);
    ate__hasher_deinit(&h);
    if (!rc)
        memcpy(ret_id, hash.b, KEY_ID);
    return rc;
}

/* --- reading --- */

static int check_characters(struct ate_bytes note)
{
    const uint8_t *p = note.data;
    if (note.size > ATE__NOTE_MAX)
        return ate__fail(ATE_TOO_BIG, "a note has at most %d bytes", ATE__NOTE_MAX);
    if (!ate__utf8_valid(note))
        return ate__fail(ATE_MALFORMED, "a note is UTF-8, and this is not");
    for (size_t i = 0; i < note.size; i++)
        if (p[i] < 0x20 && p[i] != '\n')
            return ate__fail(ATE_MALFORMED, "a note has a control character at byte %zu", i);
    return 0;
}

/* Where the signatures begin: behind the last blank line. */
static int split(struct ate_bytes note, struct ate_bytes *ret_text, struct ate_bytes *ret_lines)
{
    const char *p = note.data;
    size_t at = note.size;
    while (at >= 2 && !(p[at - 1] == '\n' && p[at - 2] == '\n'))
        at--;
    if (at < 2)
        return ate__fail(ATE_MALFORMED, "a note has a blank line before its signatures");
    *ret_text = ate__bytes(p, at - 1);
    *ret_lines = ate__bytes(p + at, note.size - at);
    return 0;
}

static int take_signature(struct ate__note *n, struct ate_bytes line)
{
    const char *p = line.data, *name = p + sizeof dash - 1;
    if (line.size < sizeof dash || memcmp(p, dash, sizeof dash - 1))
        return ate__fail(ATE_MALFORMED, "a note's signature line does not begin with a dash");
    size_t left = line.size - (sizeof dash - 1);
    const char *blank = memchr(name, ' ', left);
    size_t name_size = blank ? (size_t)(blank - name) : 0, size;
    if (!blank || !name_fits(ate__bytes(name, name_size)))
        return ate__fail(ATE_MALFORMED, "a note's signature line does not name a key");
    if (n->count == ATE__NOTE_SIGNATURES_MAX)
        return ate__fail(ATE_TOO_BIG, "a note has at most %d signatures", ATE__NOTE_SIGNATURES_MAX);
    uint8_t *to = n->decoded.data + n->decoded.size;
    int rc = ate__base64_decode(blank + 1, left - name_size - 1, to,
                                n->decoded.capacity - n->decoded.size, &size);
    if (!rc && size <= KEY_ID)
        rc = ate__fail(ATE_MALFORMED, "%zu bytes are no signature", size);
    if (rc)
        return ate__context(rc, "signature %u of a note", n->count + 1);
    n->decoded.size += size;
    n->lines[n->count++] = (struct ate__note_line){
        .name = ate__bytes(name, name_size),
        .key_id = ate__load32be(to),
        .signature = ate__bytes(to + KEY_ID, size - KEY_ID),
    };
    return 0;
}

int ate__note_parse(struct ate_bytes note, struct ate__note *ret_note)
{
    struct ate_bytes lines = {NULL, 0}, line;
    ret_note->count = 0;
    ret_note->decoded = ATE__BUF_NULL;
    int rc = check_characters(note);
    if (!rc)
        rc = split(note, &ret_note->text, &lines);
    if (!rc && !lines.size)
        rc = ate__fail(ATE_MALFORMED, "a note without a signature");
    if (!rc)
        rc = ate__buf_reserve(&ret_note->decoded, lines.size);
    while (!rc && lines.size)
        rc = ate__take_line(&lines, &line)
                 ? take_signature(ret_note, line)
                 : ate__fail(ATE_MALFORMED, "a note's last line does not end with a newline");
    if (rc)
        ate__note_deinit(ret_note);
    return rc;
}

void ate__note_deinit(struct ate__note *n)
{
    ate__buf_deinit(&n->decoded);
}

int ate__note_tree_parse(struct ate_bytes text, struct ate__note_tree *ret_tree)
{
    struct ate__note_tree tree;
    struct ate_bytes size, root;
    size_t root_size;
    if (!ate__take_line(&text, &tree.origin) || !tree.origin.size ||
        !ate__take_line(&text, &size) || !ate__take_line(&text, &root))
        return ate__fail(ATE_MALFORMED, "a checkpoint has an origin, a size and a root hash");
    int rc = ate__decimal_parse(size.data, size.size, &tree.size);
    if (rc)
        return ate__context(rc, "the size in a checkpoint");
    if (root.size != ROOT_TEXT ||
        ate__base64_decode(root.data, root.size, tree.root.b, sizeof tree.root.b, &root_size) ||
        root_size != sizeof tree.root.b)
        return ate__fail(ATE_MALFORMED, "a checkpoint's root hash is not 32 bytes in base64");
    if (text.size)
        return ate__fail(ATE_MALFORMED, "a checkpoint has more than three lines");
    *ret_tree = tree;
    return 0;
}

/* --- signing --- */

static void put_text(struct ate__wr *w, const char *text)
{
    ate__wr_bytes(w, ate__text_bytes(text));
}

static void put_base64(struct ate__wr *w, struct ate_bytes bytes)
{
    char text[(SIGNATURE_MAX + 2) / 3 * 4 + 1];
    ate__assert(bytes.size <= SIGNATURE_MAX);
    ate__base64_encode(bytes, text);
    put_text(w, text);
}

static void put_line(struct ate__wr *w, struct ate_bytes name, const uint8_t *signature,
                     size_t size)
{
    put_text(w, dash);
    ate__wr_bytes(w, name);
    ate__wr_u8(w, ' ');
    put_base64(w, ate__bytes(signature, size));
    ate__wr_u8(w, '\n');
}

static void put_u64be(struct ate__wr *w, uint64_t v)
{
    uint8_t bytes[8];
    ate__store64be(bytes, v);
    ate__wr_copy(w, bytes, sizeof bytes);
}

/* What ML-DSA-44 signs: `cosigned_message` of C2SP tlog-cosignature. */
static int cosigned_message(const struct ate__note_tree *tree, struct ate_bytes name,
                            uint64_t time_s, struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_copy(&w, "subtree/v1\n", sizeof "subtree/v1\n"); /* the NUL is part of it */
    ate__wr_u8(&w, (uint8_t)name.size);
    ate__wr_bytes(&w, name);
    put_u64be(&w, time_s);
    ate__wr_u8(&w, (uint8_t)tree->origin.size);
    ate__wr_bytes(&w, tree->origin);
    put_u64be(&w, 0);
    put_u64be(&w, tree->size);
    ate__wr_hash(&w, &tree->root);
    return ate__wr_end(&w);
}

static int sign_ed25519(const struct ate__log_key *key, struct ate_bytes name,
                        struct ate_bytes text, uint8_t ret[KEY_ID + ATE__LOG_ED25519_SIGNATURE])
{
    struct ate__log_parts parts;
    int rc = ate__log_public_parse(ate__log_key_public(key), &parts);
    if (!rc)
        rc = key_id_of(name, TYPE_ED25519, parts.ed25519, ret);
    return rc ? rc : ate__log_sign_ed25519(key, text, ret + KEY_ID);
}

static int sign_mldsa44(const struct ate__log_key *key, struct ate_bytes name,
                        const struct ate__note_tree *tree, uint64_t time_s,
                        uint8_t ret[SIGNATURE_MAX])
{
    ate__cleanup(ate__buf_deinit) struct ate__buf message = ATE__BUF_NULL;
    struct ate__log_parts parts;
    int rc = ate__log_public_parse(ate__log_key_public(key), &parts);
    if (!rc)
        rc = key_id_of(name, TYPE_MLDSA44, parts.mldsa44, ret);
    if (!rc)
        rc = cosigned_message(tree, name, time_s, &message);
    ate__store64be(ret + KEY_ID, time_s);
    return rc ? rc : ate__log_sign_mldsa44(key, ate__buf_bytes(&message), ret + KEY_ID + TIME);
}

static void put_tree(struct ate__wr *w, const struct ate__note_tree *tree)
{
    char size[NUMBER_TEXT + 2];
    snprintf(size, sizeof size, "%" PRIu64 "\n", tree->size);
    ate__wr_bytes(w, tree->origin);
    ate__wr_u8(w, '\n');
    put_text(w, size);
    put_base64(w, ate__bytes(tree->root.b, sizeof tree->root.b));
    ate__wr_u8(w, '\n');
}

int ate__note_make(const struct ate__note_tree *tree, const char *name,
                   const struct ate__log_key *key, uint64_t time_s, struct ate__buf *buf)
{
    uint8_t ed25519[KEY_ID + ATE__LOG_ED25519_SIGNATURE], mldsa44[SIGNATURE_MAX];
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&note);
    struct ate_bytes key_name = ate__text_bytes(name);
    int rc = check_name(key_name, "name");
    if (!rc)
        rc = check_name(tree->origin, "origin");
    if (rc)
        return rc;
    put_tree(&w, tree);
    rc = ate__wr_end(&w);
    if (!rc)
        rc = sign_ed25519(key, key_name, ate__buf_bytes(&note), ed25519);
    if (!rc)
        rc = sign_mldsa44(key, key_name, tree, time_s, mldsa44);
    if (rc)
        return rc;
    ate__wr_u8(&w, '\n');
    put_line(&w, key_name, ed25519, sizeof ed25519);
    put_line(&w, key_name, mldsa44, sizeof mldsa44);
    rc = ate__wr_end(&w);
    return rc ? rc : ate__buf_append(buf, ate__buf_bytes(&note));
}

/* --- verifying --- */

static int not_held(const char *algorithm)
{
    return ate__fail(ATE_TAMPERED, "a checkpoint's %s signature does not hold", algorithm);
}

static int verify_ed25519(const struct ate__note *n, const struct ate__note_line *line,
                          const struct ate__log_verify *key, struct ate__note_verdict *v)
{
    int rc = ate__log_verify_ed25519(key, n->text, line->signature);
    v->ed25519 |= !rc;
    return rc == ATE_TAMPERED ? not_held("Ed25519") : rc;
}

static int verify_mldsa44(const struct ate__note *n, const struct ate__note_line *line,
                          const struct ate__log_verify *key, struct ate__note_verdict *v)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf message = ATE__BUF_NULL;
    struct ate__note_tree tree;
    const uint8_t *p = line->signature.data;
    if (line->signature.size != TIME + ATE__LOG_MLDSA44_SIGNATURE ||
        ate__note_tree_parse(n->text, &tree) || tree.origin.size > ATE__NOTE_NAME_MAX)
        return not_held("ML-DSA-44");
    uint64_t time_s = ate__load64be(p);
    int rc =
        time_s > INT64_MAX ? ATE_TAMPERED : cosigned_message(&tree, line->name, time_s, &message);
    if (!rc)
        rc = ate__log_verify_mldsa44(key, ate__buf_bytes(&message),
                                     ate__bytes(p + TIME, ATE__LOG_MLDSA44_SIGNATURE));
    if (rc)
        return rc == ATE_TAMPERED ? not_held("ML-DSA-44") : rc;
    v->mldsa44 = true;
    if (time_s > v->time_s)
        v->time_s = time_s;
    return 0;
}

int ate__note_verify(const struct ate__note *n, const char *name, const struct ate__log_verify *key,
                     struct ate__note_verdict *ret_verdict)
{
    struct ate__note_verdict verdict = {false, false, 0};
    struct ate_bytes key_name = ate__text_bytes(name);
    struct ate__log_parts parts;
    uint8_t ed25519[KEY_ID], mldsa44[KEY_ID];
    int rc = ate__log_public_parse(ate__log_verify_public(key), &parts);
    if (!rc)
        rc = key_id_of(key_name, TYPE_ED25519, parts.ed25519, ed25519);
    if (!rc)
        rc = key_id_of(key_name, TYPE_MLDSA44, parts.mldsa44, mldsa44);
    for (uint32_t i = 0; !rc && i < n->count; i++) {
        const struct ate__note_line *line = &n->lines[i];
        if (!ate__bytes_equal(line->name, key_name))
            continue;
        if (line->key_id == ate__load32be(ed25519))
            rc = verify_ed25519(n, line, key, &verdict);
        else if (line->key_id == ate__load32be(mldsa44))
            rc = verify_mldsa44(n, line, key, &verdict);
    }
    if (!rc)
        *ret_verdict = verdict;
    return rc;
}

/* --- verifying lines of one key --- */

/* What 0x04 signs. */
static int cosignature_message(struct ate_bytes text, uint64_t time_s, struct ate__buf *buf)
{
    char head[sizeof "cosignature/v1\ntime \n" + NUMBER_TEXT];
    struct ate__wr w = ate__wr_of(buf);
    snprintf(head, sizeof head, "cosignature/v1\ntime %" PRIu64 "\n", time_s);
    put_text(&w, head);
    ate__wr_bytes(&w, text);
    return ate__wr_end(&w);
}

/* *signature: what stands behind the time, where there is one. TAMPERED: it is of another form. */
static int message_of(const struct ate__note *n, const struct ate__note_key *key,
                      struct ate_bytes *signature, uint64_t *time_s, struct ate__buf *message)
{
    struct ate__note_tree tree;
    uint8_t type = key->typed[0];
    size_t size = type == TYPE_MLDSA44 ? ATE__LOG_MLDSA44_SIGNATURE : ATE__LOG_ED25519_SIGNATURE;
    const uint8_t *p = signature->data;
    if (signature->size != size + (type == TYPE_ED25519 ? 0 : TIME))
        return ATE_TAMPERED;
    if (type == TYPE_ED25519)
        return ate__buf_append(message, n->text);
    *time_s = ate__load64be(p);
    *signature = ate__bytes(p + TIME, size);
    if (*time_s > INT64_MAX)
        return ATE_TAMPERED;
    if (type == TYPE_COSIGNATURE)
        return cosignature_message(n->text, *time_s, message);
    if (ate__note_tree_parse(n->text, &tree) || tree.origin.size > ATE__NOTE_NAME_MAX)
        return ATE_TAMPERED;
    return cosigned_message(&tree, key->name, *time_s, message);
}

static int verify_line(const struct ate__note *n, const struct ate__note_key *key, EVP_PKEY *public,
                       struct ate_bytes signature, uint64_t *ret_time_s)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf message = ATE__BUF_NULL;
    uint64_t time_s = 0;
    int rc = message_of(n, key, &signature, &time_s, &message);
    if (!rc)
        rc = ate__part_verify(public, NULL, ate__buf_bytes(&message), signature);
    if (!rc && time_s > *ret_time_s)
        *ret_time_s = time_s;
    return rc == ATE_TAMPERED ? ate__fail(rc, "a line of %.*s does not hold", (int)key->name.size,
                                          (const char *)key->name.data)
                              : rc;
}

int ate__note_signed_by(const struct ate__note *n, const struct ate__note_key *key,
                        bool *ret_signed, uint64_t *ret_time_s)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    bool is_mldsa = key->typed[0] == TYPE_MLDSA44, found = false;
    uint64_t time_s = 0;
    EVP_PKEY *public;
    int rc =
        ate__part_load(is_mldsa ? ATE__PART_MLDSA44 : ATE__PART_ED25519, key->typed + 1, &public);
    if (rc)
        return rc;
    for (uint32_t i = 0; !rc && i < n->count; i++) {
        const struct ate__note_line *line = &n->lines[i];
        if (line->key_id != key->id || !ate__bytes_equal(line->name, key->name))
            continue;
        rc = verify_line(n, key, public, line->signature, &time_s);
        found = true;
    }
    EVP_PKEY_free(public);
    if (rc)
        return rc;
    *ret_signed = found;
    *ret_time_s = time_s;
    return 0;
}

/* --- verifier keys --- */

static int put_key(struct ate__wr *w, struct ate_bytes name, uint8_t type, struct ate_bytes key)
{
    uint8_t id[KEY_ID], typed[1 + ATE__LOG_MLDSA44_PUBLIC] = {type};
    char hex[2 * KEY_ID + 1];
    int rc = key_id_of(name, type, key, id);
    if (rc)
        return rc;
    memcpy(typed + 1, key.data, key.size);
    ate__hex_encode(ate__bytes(id, sizeof id), hex);
    ate__wr_bytes(w, name);
    ate__wr_u8(w, '+');
    put_text(w, hex);
    ate__wr_u8(w, '+');
    put_base64(w, ate__bytes(typed, 1 + key.size));
    ate__wr_u8(w, '\n');
    return 0;
}

int ate__note_keys_encode(const char *name, struct ate_bytes log_key, struct ate__buf *buf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&text);
    struct ate__log_parts parts;
    int rc = check_name(ate__text_bytes(name), "name");
    if (!rc)
        rc = ate__log_public_parse(log_key, &parts);
    if (!rc)
        rc = put_key(&w, ate__text_bytes(name), TYPE_ED25519, parts.ed25519);
    if (!rc)
        rc = put_key(&w, ate__text_bytes(name), TYPE_MLDSA44, parts.mldsa44);
    if (!rc)
        rc = ate__wr_end(&w);
    return rc ? rc : ate__buf_append(buf, ate__buf_bytes(&text));
}

/* "NAME+ID+BASE64" */
static int split_key(struct ate_bytes line, struct ate__note_key *ret_key)
{
    const char *p = line.data;
    const char *plus = memchr(p, '+', line.size);
    size_t name_size = plus ? (size_t)(plus - p) : 0, at = name_size + 1 + 2 * KEY_ID + 1;
    uint8_t id[KEY_ID], expected[KEY_ID];
    if (!plus || line.size < at || p[at - 1] != '+' || !name_fits(ate__bytes(p, name_size)) ||
        ate__hex_decode(plus + 1, 2 * KEY_ID, id, KEY_ID) ||
        ate__base64_decode(p + at, line.size - at, ret_key->typed, sizeof ret_key->typed,
                           &ret_key->size) ||
        !ret_key->size)
        return ate__fail(ATE_MALFORMED, "not a verifier key (NAME+ID+KEY)");
    ret_key->name = ate__bytes(p, name_size);
    int rc = key_id_of(ret_key->name, ret_key->typed[0],
                       ate__bytes(ret_key->typed + 1, ret_key->size - 1), expected);
    if (!rc && memcmp(id, expected, KEY_ID))
        rc = ate__fail(ATE_MALFORMED, "a verifier key whose id is that of another");
    ret_key->id = ate__load32be(expected);
    return rc;
}

static int take_key(struct ate_bytes *text, uint8_t type, size_t size,
                    struct ate__note_key *ret_key)
{
    struct ate_bytes line;
    if (!ate__take_line(text, &line))
        return ate__fail(ATE_MALFORMED, "a log key is two verifier keys, a line each");
    int rc = split_key(line, ret_key);
    if (rc)
        return rc;
    if (ret_key->typed[0] != TYPE_ED25519 && ret_key->typed[0] != TYPE_MLDSA44)
        return ate__fail(ATE_UNSUPPORTED, "a verifier key of algorithm 0x%02x", ret_key->typed[0]);
    if (ret_key->typed[0] != type || ret_key->size != 1 + size)
        return ate__fail(ATE_MALFORMED, "a log key is one Ed25519 and one ML-DSA-44 key");
    return 0;
}

int ate__note_key_decode(struct ate_bytes line, struct ate__note_key *ret_key)
{
    int rc = split_key(line, ret_key);
    if (rc)
        return rc;
    uint8_t type = ret_key->typed[0];
    if (type != TYPE_ED25519 && type != TYPE_COSIGNATURE && type != TYPE_MLDSA44)
        return ate__fail(ATE_UNSUPPORTED, "a verifier key of algorithm 0x%02x", type);
    size_t size = type == TYPE_MLDSA44 ? ATE__LOG_MLDSA44_PUBLIC : ATE__LOG_ED25519_PUBLIC;
    return ret_key->size == 1 + size
               ? 0
               : ate__fail(ATE_MALFORMED, "a verifier key of another size than its algorithm has");
}

int ate__note_keys_decode(struct ate_bytes *text, struct ate_bytes *ret_name,
                          struct ate__buf *ret_log_key)
{
    struct ate__note_key ed25519, mldsa44;
    struct ate_bytes rest = *text;
    int rc = take_key(&rest, TYPE_ED25519, ATE__LOG_ED25519_PUBLIC, &ed25519);
    if (!rc)
        rc = take_key(&rest, TYPE_MLDSA44, ATE__LOG_MLDSA44_PUBLIC, &mldsa44);
    if (!rc && !ate__bytes_equal(ed25519.name, mldsa44.name))
        rc = ate__fail(ATE_MALFORMED, "the two verifier keys of a log key have one name");
    if (!rc)
        rc = ate__log_public_make(ed25519.typed + 1, mldsa44.typed + 1, ret_log_key);
    if (rc)
        return rc;
    *ret_name = ed25519.name;
    *text = rest;
    return 0;
}
