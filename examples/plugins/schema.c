/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * schema.c: a plug-in for writers: objects of a type that it knows have the fields that it names.
 *
 *     ate put notes x '{"name":"Ann"}' --type person --plugin ./schema.so=person:name,age
 *
 * OPTIONS: TYPE:FIELD,FIELD;TYPE:FIELD... A type that is not named may be anything. A server sees
 * ciphertext where an object is private, so this is looked at where it is written (lint), and at
 * the root of what is open to everyone (validate).
 */
#include <ate/plugin.h>
#include <jansson.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OPTIONS with NULs in the place of what parts them; ends with an empty type. */
struct schema {
    char *words, *end;
};

static int start(const char *options, void **ret_state, char *text)
{
    struct schema *s = calloc(1, sizeof *s);
    size_t size = strlen(options);
    char *words = s ? malloc(size + 1) : NULL;
    if (!words) {
        free(s);
        return ATE_E_MEMORY;
    }
    memcpy(words, options, size + 1);
    s->words = words;
    s->end = words + size;
    *ret_state = s;
    if (size && strchr(options, ':'))
        return 0;
    snprintf(text, ATE_PLUGIN_TEXT, "the options are TYPE:FIELD,FIELD;TYPE:FIELD...");
    free(words);
    free(s);
    return ATE_MISUSE;
}

static void stop(void *state)
{
    struct schema *s = state;
    free(s->words);
    free(s);
}

static bool has_json(struct ate_bytes payload, const char *field, size_t size)
{
    json_t *map = json_loadb(payload.data, payload.size, 0, NULL);
    bool has = json_object_getn(map, field, size) != NULL;
    json_decref(map);
    return has;
}

static bool has_msgpack(struct ate_bytes payload, const char *field, size_t size)
{
    msgpack_unpacked map;
    size_t at = 0;
    bool has = false;
    msgpack_unpacked_init(&map);
    if (msgpack_unpack_next(&map, payload.data, payload.size, &at) == MSGPACK_UNPACK_SUCCESS &&
        map.data.type == MSGPACK_OBJECT_MAP)
        for (uint32_t i = 0; i < map.data.via.map.size; i++) {
            const msgpack_object *key = &map.data.via.map.ptr[i].key;
            has |= key->type == MSGPACK_OBJECT_STR && key->via.str.size == size &&
                   !memcmp(key->via.str.ptr, field, size);
        }
    msgpack_unpacked_destroy(&map);
    return has;
}

/* What is said of a type: its fields, up to ';' or the end; NULL: nothing. */
static const char *fields_of(const struct schema *s, const char *type, size_t size)
{
    for (const char *at = s->words; at < s->end; at += strcspn(at, ";") + 1)
        if (strcspn(at, ":;") == size && at[size] == ':' && !memcmp(at, type, size))
            return at + size + 1;
    return NULL;
}

static int check(const struct schema *s, const char *type, size_t type_size, const char *encoding,
                 struct ate_bytes payload, char *text)
{
    const char *field = type ? fields_of(s, type, type_size) : NULL;
    while (field && *field && *field != ';') {
        size_t size = strcspn(field, ",;");
        bool has = !strcmp(encoding, "json") ? has_json(payload, field, size)
                                             : has_msgpack(payload, field, size);
        if (!has) {
            snprintf(text, ATE_PLUGIN_TEXT, "an object of type %.*s has no field \"%.*s\"",
                     (int)type_size, type, (int)size, field);
            return ATE_MALFORMED;
        }
        field += size + (field[size] == ',');
    }
    return 0;
}

static int lint(void *state, const struct ate_plugin_change *c, char *text)
{
    if (c->change == ATE_DELETED || !c->type)
        return 0;
    return check(state, c->type, strlen(c->type), c->encoding, c->payload, text);
}

static int validate(void *state, const struct ate_plugin_txn *txn, char *text)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < txn->event_count; i++) {
        const struct ate_plugin_event *e = &txn->events[i];
        if (e->encoding && e->payload.size)
            rc = check(state, e->type.data, e->type.size, e->encoding, e->payload, text);
    }
    return rc;
}

ATE_PLUGIN = {
    .abi = ATE_PLUGIN_ABI,
    .name = "schema",
    .start = start,
    .stop = stop,
    .lint = lint,
    .validate = validate,
};
