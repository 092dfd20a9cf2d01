/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sources.c: what each source address has created and stored.
 */
#include "mesh/sources.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <stdio.h>

#define FILE_NAME "sources"
#define FIRST_LINE "ate-sources 1\n"
enum { LINE_MAX_SIZE = 32 + 1 + 10 + 1 + 20 + 1 };

struct ate__sources_item {
    struct ate__source source;
    uint32_t chains;
    uint64_t bytes;
};

struct ate__source ate__source_of(const char *peer)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* of an acceptor on :: */
    struct ate__source source = {{0}};
    char host[64];
    size_t start = peer[0] == '[', end = strlen(peer);
    while (end && peer[end] != (start ? ']' : ':'))
        end--;
    if (end <= start || end - start >= sizeof host)
        return source;
    memcpy(host, peer + start, end - start);
    host[end - start] = 0;
    if (start && inet_pton(AF_INET6, host, source.b) == 1) {
        if (memcmp(source.b, mapped, sizeof mapped) != 0)
            memset(source.b + 8, 0, 8);
    } else if (!start && inet_pton(AF_INET, host, source.b + 12) == 1) {
        memcpy(source.b, mapped, sizeof mapped);
    }
    return source;
}

void ate__sources_init(struct ate__sources *s, const struct ate__env *env,
                       const struct ate__sources_limits *limits)
{
    uint64_t seed[2];
    ate__random(env, seed, sizeof seed);
    *s = (struct ate__sources){.limits = *limits};
    pthread_mutex_init(&s->saving, NULL);
    pthread_mutex_init(&s->mutex, NULL);
    ate__map_init(&s->index, sizeof(struct ate__source), seed);
}

void ate__sources_deinit(struct ate__sources *s)
{
    ate__map_deinit(&s->index);
    ate__free(s->items);
    pthread_mutex_destroy(&s->mutex);
    pthread_mutex_destroy(&s->saving);
}

/* --- items, under the mutex --- */

static struct ate__sources_item *find(struct ate__sources *s, const struct ate__source *source)
{
    uint64_t place;
    return ate__map_get(&s->index, source, &place) ? &s->items[place] : NULL;
}

static int make(struct ate__sources *s, const struct ate__source *source,
                struct ate__sources_item **ret_item)
{
    *ret_item = find(s, source);
    if (*ret_item)
        return 0;
    if (s->count >= s->limits.sources)
        return ate__fail(ATE_BUSY,
                         "this server knows %u source addresses (limit create-sources), and takes "
                         "no more",
                         s->limits.sources);
    int rc = ate__grow(&s->items, &s->capacity, s->count + 1, sizeof *s->items);
    if (!rc)
        rc = ate__map_put(&s->index, source, s->count);
    if (rc)
        return rc;
    *ret_item = &s->items[s->count++];
    **ret_item = (struct ate__sources_item){.source = *source};
    return 0;
}

/* --- counting --- */

int ate__sources_create(struct ate__sources *s, const struct ate__source *source)
{
    struct ate__sources_item *item;
    pthread_mutex_lock(&s->mutex);
    int rc = make(s, source, &item);
    if (!rc && item->chains >= s->limits.chains)
        rc = ate__fail(ATE_BUSY,
                       "your address has created %u chains here, which is the limit "
                       "(create-chains)",
                       item->chains);
    if (!rc) {
        item->chains++;
        s->changed = true;
    }
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

void ate__sources_uncreate(struct ate__sources *s, const struct ate__source *source)
{
    pthread_mutex_lock(&s->mutex);
    struct ate__sources_item *item = find(s, source);
    if (item && item->chains) {
        item->chains--;
        s->changed = true;
    }
    pthread_mutex_unlock(&s->mutex);
}

int ate__sources_check(struct ate__sources *s, const struct ate__source *source, uint64_t bytes)
{
    pthread_mutex_lock(&s->mutex);
    const struct ate__sources_item *item = find(s, source);
    uint64_t stored = item ? item->bytes : 0;
    pthread_mutex_unlock(&s->mutex);
    if (stored <= s->limits.bytes && bytes <= s->limits.bytes - stored)
        return 0;
    return ate__fail(ATE_BUSY,
                     "your address has stored %llu bytes here; the limit is %llu (create-bytes)",
                     (unsigned long long)stored, (unsigned long long)s->limits.bytes);
}

void ate__sources_store(struct ate__sources *s, const struct ate__source *source, uint64_t bytes)
{
    struct ate__sources_item *item;
    pthread_mutex_lock(&s->mutex);
    if (!make(s, source, &item)) {
        item->bytes += bytes;
        s->changed = true;
    }
    pthread_mutex_unlock(&s->mutex);
}

/* --- the file --- */

/* A decimal number without leading zeros, ended by `end`. */
static bool read_number(const char **at, char end, uint64_t most, uint64_t *ret)
{
    const char *p = *at;
    uint64_t v = 0;
    if (*p < '0' || *p > '9' || (*p == '0' && p[1] != end))
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (v > (most - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *at = p + 1;
    *ret = v;
    return *p == end;
}

/* text: ends in NUL. */
static int read_lines(struct ate__sources *s, const char *text)
{
    size_t first = strlen(FIRST_LINE);
    if (strncmp(text, FIRST_LINE, first) != 0)
        return ate__fail(ATE_MALFORMED, "line 1: it begins with another word than %.11s",
                         FIRST_LINE);
    const char *at = text + first;
    for (unsigned line = 2; *at; line++) {
        struct ate__source source;
        struct ate__sources_item *item;
        uint64_t chains, bytes;
        if (strnlen(at, 33) < 33 || ate__hex_decode(at, 32, source.b, sizeof source.b) ||
            at[32] != ' ')
            return ate__fail(ATE_MALFORMED, "line %u: no source address", line);
        at += 33;
        if (!read_number(&at, ' ', UINT32_MAX, &chains) ||
            !read_number(&at, '\n', UINT64_MAX, &bytes))
            return ate__fail(ATE_MALFORMED, "line %u: no two numbers", line);
        int rc = make(s, &source, &item);
        if (rc)
            return rc;
        item->chains = (uint32_t)chains;
        item->bytes = bytes;
    }
    return 0;
}

static size_t file_max(const struct ate__sources *s)
{
    return strlen(FIRST_LINE) + (size_t)s->limits.sources * LINE_MAX_SIZE;
}

int ate__sources_mend(struct ate__sources *s, struct ate__home *h)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    bool alone = true;
    int rc = ate__home_alone(h, FILE_NAME, &alone);
    if (rc == ATE_NOT_FOUND || (!rc && alone))
        return 0;
    if (!rc)
        rc = ate__home_read(h, FILE_NAME, file_max(s), &text);
    if (!rc)
        rc = ate__home_write(h, FILE_NAME, ate__buf_bytes(&text), true);
    return ate__context(rc, ",server/%s", FILE_NAME);
}

int ate__sources_load(struct ate__sources *s, struct ate__home *h)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = ate__home_read(h, FILE_NAME, file_max(s), &text);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    if (!rc) {
        pthread_mutex_lock(&s->mutex);
        rc = read_lines(s, (const char *)text.data);
        pthread_mutex_unlock(&s->mutex);
    }
    return ate__context(rc, ",server/%s", FILE_NAME);
}

static int write_lines(struct ate__sources *s, struct ate__buf *text)
{
    char line[LINE_MAX_SIZE + 1];
    int rc = ate__buf_append(text, ate__text_bytes(FIRST_LINE));
    for (size_t i = 0; !rc && i < s->count; i++) {
        const struct ate__sources_item *item = &s->items[i];
        ate__hex_encode(ate__bytes(item->source.b, sizeof item->source.b), line);
        snprintf(line + 32, sizeof line - 32, " %u %llu\n", item->chains,
                 (unsigned long long)item->bytes);
        rc = ate__buf_append(text, ate__text_bytes(line));
    }
    return rc;
}

int ate__sources_save(struct ate__sources *s, struct ate__home *h)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    pthread_mutex_lock(&s->saving);
    pthread_mutex_lock(&s->mutex);
    bool changed = s->changed;
    int rc = changed ? write_lines(s, &text) : 0;
    s->changed = false;
    pthread_mutex_unlock(&s->mutex);
    if (!rc && changed)
        rc = ate__home_write(h, FILE_NAME, ate__buf_bytes(&text), true);
    if (rc) {
        pthread_mutex_lock(&s->mutex);
        s->changed = true;
        pthread_mutex_unlock(&s->mutex);
    }
    pthread_mutex_unlock(&s->saving);
    return ate__context(rc, ",server/%s", FILE_NAME);
}
