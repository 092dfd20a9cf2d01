/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * memory.c: the file: `ate-head 1`, `place TEXT` (escaped), `chain ID`, `size N`, `root HASH`; a
 * line each.
 */
#include "api/memory.h"
#include "api/api.h"
#include "chain/chain.h"
#include "crypto/digest.h"
#include <inttypes.h>
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

static bool parse(struct ate__memory *m, const char *text)
{
    struct ate_bytes version, place, chain, size, root;
    if (!take_line(&text, "ate-head", &version) || !take_line(&text, "place", &place) ||
        !take_line(&text, "chain", &chain) || !take_line(&text, "size", &size) ||
        !take_line(&text, "root", &root) || *text)
        return false;
    return version.size == 1 && *(const char *)version.data == '1' &&
           !ate__decimal_parse(size.data, size.size, &m->size) &&
           !ate__hash_parse(chain.data, chain.size, &m->chain_id) &&
           !ate__hash_parse(root.data, root.size, &m->root);
}

int ate__memory_open(struct ate__memory *m, const char *state_dir, const char *place)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    *m = (struct ate__memory){0};
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
    m->written = m->size;
    return m->known ? 0
                    : ate__fail(ATE_MALFORMED,
                                "%s: not a file of this program; it should hold "
                                "the newest head of %s",
                                m->file, m->place);
}

static void write_file(struct ate__memory *m, const struct ate_hash *chain_id, uint64_t size,
                       const struct ate_hash *root)
{
    char chain_text[ATE__HASH_TEXT], root_text[ATE__HASH_TEXT], place[PLACE_SHOWN];
    if (!m->file)
        return;
    ate__cleanup(ate__freep) char *text =
        ate__format("ate-head 1\nplace %s\nchain %s\nsize %" PRIu64 "\nroot %s\n",
                    ate__escaped(ate__text_bytes(m->place), place, sizeof place),
                    ate__hash_text(chain_id, chain_text), size, ate__hash_text(root, root_text));
    /* A head that could not be written protects less, and loses nothing. */
    if (text && !ate__file_replace(m->file, ate__text_bytes(text)))
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
