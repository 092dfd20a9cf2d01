/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/describe.h"
#include "base/alloc.h"
#include "base/text.h"
#include "bin/common/out.h"
#include "bin/common/units.h"
#include "dio/unpack.h"
#include <stdio.h>

enum { DEPTH_MAX = 32, SHOWN_CHARACTERS = 8 };

/* ---- MessagePack as JSON ---- */

static json_t *from_msgpack(struct ate__rd *r, unsigned depth);

static json_t *text_or_bytes(struct ate_bytes bytes, bool is_text)
{
    if (is_text && ate__utf8_valid(bytes))
        return json_stringn(bytes.size ? bytes.data : "", bytes.size);
    ate__cleanup(ate__freep) char *text = ate__alloc(ate__b64_size(bytes.size) + 1);
    if (!text)
        return NULL;
    ate__b64_encode(bytes, text);
    return json_string(text);
}

static json_t *list_of(struct ate__rd *r, uint32_t count, unsigned depth)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < count; i++)
        if (json_array_append_new(list, from_msgpack(r, depth + 1))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *map_of(struct ate__rd *r, uint32_t count, unsigned depth)
{
    json_t *map = json_object();
    for (uint32_t i = 0; map && i < count; i++) {
        struct ate__unpacked key;
        if (ate__unpack(r, &key) || key.kind != ATE__TEXT || !ate__utf8_valid(key.bytes) ||
            json_object_setn_new(map, key.bytes.size ? key.bytes.data : "", key.bytes.size,
                                 from_msgpack(r, depth + 1))) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

static json_t *from_msgpack(struct ate__rd *r, unsigned depth)
{
    struct ate__unpacked u;
    char digits[24];
    if (depth > DEPTH_MAX || ate__unpack(r, &u))
        return NULL;
    switch (u.kind) {
    case ATE__NIL: return json_null();
    case ATE__BOOL: return json_boolean(u.truth);
    case ATE__INT: return json_integer(u.sint);
    case ATE__UINT:
        if (u.uint <= INT64_MAX)
            return json_integer((json_int_t)u.uint);
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)u.uint);
        return json_string(digits);
    case ATE__FLOAT: {
        json_t *real = json_real(u.real);
        return real ? real : json_null(); /* JSON has no infinity */
    }
    case ATE__TEXT:
    case ATE__BYTES:
    case ATE__EXT: return text_or_bytes(u.bytes, u.kind == ATE__TEXT);
    case ATE__LIST: return list_of(r, u.count, depth);
    case ATE__MAP: return map_of(r, u.count, depth);
    }
    return NULL;
}

json_t *describe_payload(const struct ate_object *o)
{
    if (o->encoding && o->encoding[0] == 'j')
        return json_loadb(o->payload.data, o->payload.size, 0, NULL);
    struct ate__rd r = ate__rd_of(o->payload);
    return from_msgpack(&r, 0);
}

/* ---- objects ---- */

json_t *describe_hashes(const struct ate_hash *hashes, size_t count)
{
    char text[ATE_HASH_TEXT];
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++)
        (void)!json_array_append_new(list, json_string(ate_hash_text(hashes[i], text)));
    return list;
}

json_t *describe_object(const struct ate_object *o, const char *name)
{
    char id[ATE_ID_TEXT], time[ATE__TIME_TEXT];
    json_t *object = json_object();
    if (!object)
        return NULL;
    if (name)
        ate__json_set_bytes(object, "name", ate__text_bytes(name));
    else if (o->name.size)
        ate__json_set_bytes(object, "name", o->name);
    ate__json_set_text(object, "id", ate_id_text(o->id, id));
    ate__json_set_text(object, "type", o->type);
    if (!o->readable)
        ate__json_set_bool(object, "private", true);
    ate__json_set_number(object, "size", o->payload_size);
    ate__json_set_number(object, "sequence", o->sequence);
    ate__json_set_text(object, "created", ate__time_text(o->created_ns, false, time));
    ate__json_set_text(object, "updated", ate__time_text(o->updated_ns, false, time));
    if (o->author_count)
        (void)!json_object_set_new(object, "authors", describe_hashes(o->authors, o->author_count));
    ate__json_set_bool(object, "public", o->open);
    return object;
}

static void set_attributes(json_t *object, uint32_t mode, uint32_t uid, uint32_t gid,
                           int64_t mtime_ns)
{
    char text[ATE__TIME_TEXT];
    snprintf(text, sizeof text, "%04o", mode & FS_MODE_MASK);
    ate__json_set_text(object, "mode", text);
    ate__json_set_number(object, "uid", uid);
    ate__json_set_number(object, "gid", gid);
    ate__json_set_text(object, "mtime", ate__time_text(mtime_ns, false, text));
}

int describe_attributes(struct ate_txn *txn, const struct ate_object *o, json_t *object)
{
    const struct fs_file *file;
    const struct fs_dir *dir;
    const struct fs_symlink *symlink;
    const struct fs_hardlink *hardlink;
    char text[ATE_HASH_TEXT];
    uint64_t size;
    int rc = content_size(txn, o, &size);
    if (rc)
        return rc;
    ate__json_set_number(object, "size", size);
    switch (content_kind_of(o)) {
    case CONTENT_FILE:
        rc = ate_load(txn, fs_file, o->id, &file);
        if (rc)
            return rc;
        set_attributes(object, file->mode, file->uid, file->gid, file->mtime_ns);
        if (file->hash)
            ate__json_set_text(object, "hash", ate_hash_text(*file->hash, text));
        else
            ate__json_set_bool(object, "unfinished", true);
        return 0;
    case CONTENT_DIR:
        rc = ate_load(txn, fs_dir, o->id, &dir);
        if (!rc)
            set_attributes(object, dir->mode, dir->uid, dir->gid, dir->mtime_ns);
        return rc;
    case CONTENT_SYMLINK:
        rc = ate_load(txn, fs_symlink, o->id, &symlink);
        if (!rc)
            ate__json_set_bytes(object, "target", symlink->target);
        return rc;
    case CONTENT_HARDLINK:
        rc = ate_load(txn, fs_hardlink, o->id, &hardlink);
        if (!rc)
            ate__json_set_text(object, "object", ate_id_text(hardlink->object, text));
        return rc;
    default: return 0;
    }
}

/* ---- archives ---- */

int describe_keeping(struct ate_txn *txn, struct ate_id id, json_t *object)
{
    char text[ATE__TIME_TEXT], at[ATE_ID_TEXT];
    struct ate_kept k;
    int rc = ate_keeping(txn, id, &k);
    if (rc || !k.archive)
        return rc;
    ate__json_set_text(object, "kept_until",
                       k.for_ever ? "for ever" : ate__time_text(k.until_ns, false, text));
    ate__json_set_bool(object, "held", k.held);
    if (k.held)
        ate__json_set_text(object, "held_at", ate_id_text(k.held_at, at));
    return 0;
}

int describe_keeping_text(struct ate_txn *txn, struct ate_id id, char ret_text[DESCRIBE_KEEPING])
{
    char text[ATE__TIME_TEXT];
    struct ate_kept k;
    int rc = ate_keeping(txn, id, &k);
    if (rc)
        return rc;
    if (!k.archive)
        ret_text[0] = 0;
    else
        snprintf(ret_text, DESCRIBE_KEEPING, "%s%s%s", k.for_ever ? "for ever" : "until ",
                 k.for_ever ? "" : ate__time_text(k.until_ns, true, text), k.held ? ", held" : "");
    return 0;
}

/* ---- tables ---- */

void describe_keys(const struct ate_hash *keys, size_t count, char *ret_text, size_t capacity)
{
    char text[ATE_HASH_TEXT];
    size_t at = 0;
    snprintf(ret_text, capacity, "%s", count ? "" : "-");
    for (size_t i = 0; i < count; i++) {
        if (at + SHOWN_CHARACTERS + 5 > capacity) {
            snprintf(ret_text + at, capacity - at, "...");
            return;
        }
        at += (size_t)snprintf(ret_text + at, capacity - at, "%s%.*s", i ? "," : "",
                               SHOWN_CHARACTERS, ate_hash_text(keys[i], text));
    }
}

void describe_rule(const struct ate_rule *rule, char *ret_text, size_t capacity)
{
    static const char *const words[] = {"inherit", "everyone", "nobody"};
    if (rule->who == ATE_KEYS)
        describe_keys(rule->keys, rule->key_count, ret_text, capacity);
    else
        snprintf(ret_text, capacity, "%s", (unsigned)rule->who < 3 ? words[rule->who] : "?");
}

/* ---- rights ---- */

json_t *describe_rule_json(const struct ate_rule *rule)
{
    static const char *const words[] = {"inherit", "everyone", "nobody"};
    if (rule->who == ATE_KEYS)
        return describe_hashes(rule->keys, rule->key_count);
    return json_string((unsigned)rule->who < 3 ? words[rule->who] : "?");
}

static void set_rule(json_t *object, const char *name, const struct ate_rule *rule)
{
    if (object && rule->who != ATE_INHERIT)
        (void)!json_object_set_new(object, name, describe_rule_json(rule));
}

static void set_rules(json_t *object, const struct ate_rules *rules)
{
    set_rule(object, "read", &rules->read);
    set_rule(object, "write", &rules->write);
    set_rule(object, "append", &rules->append);
    set_rule(object, "admin", &rules->admin);
}

int describe_rights(struct ate_txn *txn, struct ate_id id, json_t *object)
{
    struct ate_rules rules, own;
    struct ate_scope scope;
    char text[ATE_HASH_TEXT];
    int rc = ate_protection(txn, id, &rules);
    if (!rc)
        rc = ate_own_rules(txn, id, &own);
    if (!rc)
        rc = ate_readers(txn, id, &scope);
    if (rc)
        return rc;
    json_t *of_own = json_object(), *labels = json_object();
    set_rules(object, &rules);
    set_rules(of_own, &own);
    for (size_t i = 0; labels && i < scope.reader_count; i++)
        if (scope.readers[i].label[0])
            ate__json_set_text(labels, ate_hash_text(scope.readers[i].fingerprint, text),
                               scope.readers[i].label);
    (void)!json_object_set_new(object, "own", of_own);
    (void)!json_object_set_new(object, "labels", labels);
    return 0;
}

int describe_readers(struct ate_txn *txn, struct ate_id id, char *ret_text, size_t capacity)
{
    struct ate_rules rules;
    struct ate_scope scope;
    char text[ATE_HASH_TEXT], label[SHOWN_CHARACTERS * 4];
    size_t at = 0;
    int rc = ate_protection(txn, id, &rules);
    if (!rc && rules.read.who == ATE_KEYS)
        rc = ate_readers(txn, id, &scope);
    if (rc)
        return rc;
    describe_rule(&rules.read, ret_text, capacity);
    for (size_t i = 0; rules.read.who == ATE_KEYS && i < scope.reader_count; i++) {
        const struct ate_reader *r = &scope.readers[i];
        bool named = r->label[0] != 0;
        int size =
            snprintf(ret_text + at, capacity - at, "%s%.*s%s%s%s", i ? "," : "", SHOWN_CHARACTERS,
                     ate_hash_text(r->fingerprint, text), named ? "(" : "",
                     named ? ate__escaped(ate__text_bytes(r->label), label, sizeof label) : "",
                     named ? ")" : "");
        if (at + (size_t)size + sizeof ",..." > capacity) {
            snprintf(ret_text + at, capacity - at, "%s...", i ? "," : "");
            break;
        }
        at += (size_t)size;
    }
    return 0;
}

static bool same_rule(const struct ate_rule *a, const struct ate_rule *b)
{
    return a->who == b->who && a->key_count == b->key_count &&
           (!a->key_count || !memcmp(a->keys, b->keys, a->key_count * sizeof *a->keys));
}

int describe_rights_text(struct ate_txn *txn, struct ate_id id, char ret_text[DESCRIBE_RIGHTS])
{
    enum { RULE_SHOWN = 30 };
    char write[RULE_SHOWN], append[RULE_SHOWN], admin[RULE_SHOWN];
    struct ate_rules rules, own;
    int rc = ate_protection(txn, id, &rules);
    if (!rc)
        rc = ate_own_rules(txn, id, &own);
    if (rc)
        return rc;
    bool appends = !same_rule(&rules.append, &rules.write),
         rules_it = !same_rule(&rules.admin, &rules.write);
    describe_rule(&rules.write, write, sizeof write);
    describe_rule(&rules.append, append, sizeof append);
    describe_rule(&rules.admin, admin, sizeof admin);
    snprintf(ret_text, DESCRIBE_RIGHTS, "%s%s%s%s%s%s", write, appends ? " append:" : "",
             appends ? append : "", rules_it ? " admin:" : "", rules_it ? admin : "",
             own.read.who || own.write.who || own.append.who || own.admin.who ? "+" : "");
    return 0;
}
