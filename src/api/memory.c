/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * memory.c: the file: `ate-head 2`, `place TEXT` (escaped), `chain ID`, `size N`, `root HASH`,
 * `time US`, `keys N`, and N times `key FINGERPRINT`; a line each. `ate-head 1` ends behind the
 * root, `ate-head 3` has `reset US` behind the keys.
 */
#include "api/memory.h"
#include "api/api.h"
#include "chain/chain.h"
#include "crypto/digest.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { MEMORY_FILE_MAX = 16384, PLACE_SHOWN = 4096 };

static int file_of(const char *state_dir, const char *place, char **ret_file)
{
    struct ate_bytes field = ate__text_bytes(place);
    struct ate_hash name;
    char text[ATE__HASH_TEXT], *relative;
    int rc = ate__hash(ATE__SHA256, "ate memory 1", &field, 1, &name);
    if (rc)
        return rc;
    if (state_dir)
        *ret_file = ate__format("%s/heads/%s", state_dir, ate__hash_text(&name, text));
    else {
        relative = ate__format("heads/%s", ate__hash_text(&name, text));
        if (!relative)
            return ate__no_memory();
        rc = ate__user_path("XDG_STATE_HOME", ".local/state", relative, ret_file);
        ate__free(relative);
        if (rc) { /* no home: nothing is remembered, as for a service without state */
            *ret_file = NULL;
            return 0;
        }
        return 0;
    }
    return *ret_file ? 0 : ate__no_memory();
}

/* The value of the next line, which must begin with `word` and a blank. */
static bool take_line(const char **at, const char *word, struct ate_bytes *ret_value)
{
    size_t n = strlen(word);
    const char *end = strchr(*at, '\n');
    if (!end || strncmp(*at, word, n) || (*at)[n] != ' ')
        return false;
    *ret_value = ate__bytes(*at + n + 1, (size_t)(end - (*at + n + 1)));
    *at = end + 1;
    return true;
}

static bool parse_keys(struct ate__memory *m, const char *text, bool reset)
{
    struct ate_bytes key;
    uint64_t count = 0;
    bool good = take_line(&text, "keys", &key) && !ate__decimal_parse(key.data, key.size, &count) &&
                count <= ATE__ROOT_KEYS_MAX;
    while (good && m->key_count < count)
        good = take_line(&text, "key", &key) &&
               !ate__hash_parse(key.data, key.size, &m->keys[m->key_count++]);
    if (good && reset)
        good = take_line(&text, "reset", &key) &&
               !ate__decimal_parse(key.data, key.size, &m->reset_us) && m->reset_us;
    return good && !*text;
}

static bool parse(struct ate__memory *m, const char *text)
{
    struct ate_bytes version, place, chain, size, root, time;
    if (!take_line(&text, "ate-head", &version) || version.size != 1 ||
        !take_line(&text, "place", &place) || !take_line(&text, "chain", &chain) ||
        !take_line(&text, "size", &size) || !take_line(&text, "root", &root))
        return false;
    char number = *(const char *)version.data;
    bool rest = number == '2' || number == '3'
                    ? take_line(&text, "time", &time) &&
                          !ate__decimal_parse(time.data, time.size, &m->time_us) &&
                          parse_keys(m, text, number == '3')
                    : number == '1' && !*text;
    return rest && !ate__decimal_parse(size.data, size.size, &m->size) &&
           !ate__hash_parse(chain.data, chain.size, &m->chain_id) &&
           !ate__hash_parse(root.data, root.size, &m->root);
}

int ate__memory_open(struct ate__memory *m, const char *state_dir, const char *place)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    *m = (struct ate__memory){.time_us = UINT64_MAX};
    pthread_mutex_init(&m->mutex, NULL);
    m->place = ate__copy_text(place);
    int rc = m->place ? file_of(state_dir, place, &m->file) : ate__no_memory();
    if (rc || !m->file)
        return rc;
    rc = ate__file_read(m->file, MEMORY_FILE_MAX, &bytes, NULL);
    if (rc == ATE_NOT_FOUND)
        return 0;
    bool nul = !rc && bytes.size && memchr(bytes.data, 0, bytes.size);
    if (!rc)
        rc = ate__buf_append(&bytes, ate__bytes("", 1));
    if (rc)
        return rc;
    m->known = !nul && parse(m, (const char *)bytes.data);
    m->written = m->time_us == UINT64_MAX ? 0 : m->size; /* what it lacks is added */
    return m->known ? 0
                    : ate__fail(ATE_MALFORMED,
                                "%s: not a file of this program; it should hold "
                                "the newest head of %s",
                                m->file, m->place);
}

static int add_keys(const struct ate__memory *m, struct ate__buf *text)
{
    char line[8 + ATE__HASH_TEXT], key[ATE__HASH_TEXT];
    snprintf(line, sizeof line, "keys %zu\n", m->key_count);
    int rc = ate__buf_append(text, ate__text_bytes(line));
    for (size_t i = 0; !rc && i < m->key_count; i++) {
        snprintf(line, sizeof line, "key %s\n", ate__hash_text(&m->keys[i], key));
        rc = ate__buf_append(text, ate__text_bytes(line));
    }
    return rc;
}

/* Who has followed none has a file that every version reads. */
static int add_reset(const struct ate__memory *m, struct ate__buf *text)
{
    char line[32];
    snprintf(line, sizeof line, "reset %" PRIu64 "\n", m->reset_us);
    return m->reset_us ? ate__buf_append(text, ate__text_bytes(line)) : 0;
}

static void write_file(struct ate__memory *m, const struct ate_hash *chain_id, uint64_t size,
                       const struct ate_hash *root)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf all = ATE__BUF_NULL;
    char chain_text[ATE__HASH_TEXT], root_text[ATE__HASH_TEXT], place[PLACE_SHOWN];
    if (!m->file)
        return;
    ate__cleanup(ate__freep) char *text = ate__format(
        "ate-head %d\nplace %s\nchain %s\nsize %" PRIu64 "\nroot %s\ntime %" PRIu64 "\n",
        m->reset_us ? 3 : 2, ate__escaped(ate__text_bytes(m->place), place, sizeof place),
        ate__hash_text(chain_id, chain_text), size, ate__hash_text(root, root_text), m->time_us);
    /* A head that could not be written protects less, and loses nothing. */
    if (text && !ate__buf_append(&all, ate__text_bytes(text)) && !add_keys(m, &all) &&
        !add_reset(m, &all) && !ate__file_replace(m->file, ate__buf_bytes(&all)))
        m->written = size;
}

void ate__memory_close(struct ate__memory *m)
{
    if (m->known && m->size != m->written)
        write_file(m, &m->chain_id, m->size, &m->root);
    ate__free(m->file);
    ate__free(m->place);
    pthread_mutex_destroy(&m->mutex);
    m->file = m->place = NULL;
}

int ate__memory_check_chain(struct ate__memory *m, const struct ate_hash *chain_id)
{
    char known[ATE__HASH_TEXT], found[ATE__HASH_TEXT];
    if (!m->known || ate__hash_equal(&m->chain_id, chain_id))
        return 0;
    return ate__fail(ATE_WRONG_CHAIN,
                     "%s: chain %s; what was opened there before was %s (remembered "
                     "in %s)",
                     m->place, ate__hash_text(chain_id, found), ate__hash_text(&m->chain_id, known),
                     m->file);
}

int ate__memory_check(struct ate__memory *m, struct ate__chain *c)
{
    struct ate_hash root;
    uint64_t size;
    int rc = ate__memory_check_chain(m, ate__trust_chain_id(ate__chain_trust(c)));
    if (rc || !m->known)
        return rc;
    ate__chain_head(c, &size, &root);
    if (size < m->size)
        return ate__fail(ATE_ROLLED_BACK,
                         "%s: it has %" PRIu64 " transactions; %" PRIu64 " were seen here before",
                         m->place, size, m->size);
    rc = ate__chain_root_at(c, m->size, &root);
    if (!rc && !ate__hash_equal(&root, &m->root))
        rc = ate__fail(ATE_FORKED,
                       "%s: its first %" PRIu64 " transactions are not those that were seen here "
                       "before",
                       m->place, m->size);
    return rc;
}

void ate__memory_forget(struct ate__memory *m)
{
    m->known = false;
    m->size = m->written = 0;
    m->time_us = UINT64_MAX;
    m->key_count = 0;
    m->reset_us = 0;
}

void ate__memory_remove(struct ate__memory *m)
{
    ate__memory_forget(m);
    if (m->file)
        (void)!unlink(
            m->file); /* where it stays, an older backup is refused there, and it says why */
}

void ate__memory_advance(struct ate__memory *m, const struct ate_hash *chain_id, uint64_t size,
                         const struct ate_hash *root)
{
    pthread_mutex_lock(&m->mutex);
    if (!m->known || size > m->size) {
        m->known = true;
        m->chain_id = *chain_id;
        m->size = size;
        m->root = *root;
    }
    pthread_mutex_unlock(&m->mutex);
}

uint64_t ate__memory_size(struct ate__memory *m)
{
    pthread_mutex_lock(&m->mutex);
    uint64_t size = m->known ? m->size : 0;
    pthread_mutex_unlock(&m->mutex);
    return size;
}

void ate__memory_note(struct ate__memory *m, uint64_t time_us, const struct ate_hash *keys,
                      size_t key_count)
{
    pthread_mutex_lock(&m->mutex);
    if (m->time_us == UINT64_MAX || time_us > m->time_us)
        m->time_us = time_us;
    m->key_count = ate__min(key_count, ATE__COUNT_OF(m->keys));
    if (m->key_count)
        memcpy(m->keys, keys, m->key_count * sizeof *keys);
    pthread_mutex_unlock(&m->mutex);
}

void ate__memory_keep(struct ate__memory *m)
{
    pthread_mutex_lock(&m->mutex);
    bool due = m->known && !m->written;
    struct ate_hash chain_id = m->chain_id, root = m->root;
    uint64_t size = m->size;
    pthread_mutex_unlock(&m->mutex);
    if (due)
        write_file(m, &chain_id, size, &root);
}
