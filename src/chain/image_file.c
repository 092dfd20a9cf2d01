/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/image_file.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/wr.h"
#include "crypto/kdf.h"

enum {
    PAGES_AT_ONCE = 16,     /* of one read or write */
    SYNC_BYTES = 8 << 20,   /* written between two syncs, so that none takes the disk for long */
    AAD = 8 + 1
};
static const char magic[8] = "ate-view";

/* ---- what both sides know ---- */

static int head_write(const struct ate__image_head *head, struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_copy(&w, magic, sizeof magic);
    ate__wr_u32(&w, ATE__IMAGE_VERSION);
    ate__wr_u32(&w, ATE__IMAGE_PAGE);
    ate__wr_hash(&w, &head->chain_id);
    ate__wr_u64(&w, head->size);
    ate__wr_hash(&w, &head->root);
    ate__wr_u64(&w, head->generation);
    ate__wr_copy(&w, head->salt, sizeof head->salt);
    return ate__wr_end(&w);
}

int ate__image_head_read(struct ate_bytes bytes, struct ate__image_head *ret_head)
{
    struct ate__image_head head;
    struct ate__rd r = ate__rd_of(bytes);
    struct ate_bytes word = ate__rd_bytes(&r, sizeof magic);
    uint32_t version = ate__rd_u32(&r), page = ate__rd_u32(&r);
    head.chain_id = ate__rd_hash(&r);
    head.size = ate__rd_u64(&r);
    head.root = ate__rd_hash(&r);
    head.generation = ate__rd_u64(&r);
    ate__rd_copy(&r, head.salt, sizeof head.salt);
    if (!ate__rd_end(&r) || memcmp(word.data, magic, sizeof magic) != 0)
        return ate__fail(ATE_MALFORMED, "view image: it does not begin as one");
    if (version != ATE__IMAGE_VERSION || page != ATE__IMAGE_PAGE)
        return ate__fail(ATE_UNSUPPORTED, "view image: version %u, pages of %u bytes", version,
                         page);
    *ret_head = head;
    return 0;
}

static int key_of(const struct ate__key32 *secret, struct ate_bytes head,
                  struct ate__aead **ret_aead)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key; /* wiped */
    int rc = ate__kdf(secret, "ate view image 1", &head, 1, &key);
    return rc ? rc : ate__aead_new(&key, ret_aead);
}

static struct ate_bytes aad_of(uint64_t page, bool last, uint8_t aad[AAD])
{
    ate__store64(aad, page);
    aad[8] = last;
    return ate__bytes(aad, AAD);
}

/* ---- writing ---- */

struct ate__image_out {
    const struct ate__env *env;
    struct ate__dir *dir;
    struct ate__file *file; /* NULL: it came to its end */
    struct ate__aead *aead;
    struct ate__buf text, sealed; /* of the page to come; pages to be written */
    uint64_t pages, at, synced;
};

int ate__image_out_new(const struct ate__env *env, struct ate__dir *dir,
                       const struct ate__key32 *secret, const struct ate__image_head *head,
                       struct ate__image_out **ret_out)
{
    struct ate__image_head salted = *head;
    struct ate__image_out *out = ate__alloc(sizeof *out);
    if (!out)
        return ate__no_memory();
    *out = (struct ate__image_out){.env = env, .dir = dir};
    ate__random(env, salted.salt, sizeof salted.salt);
    int rc = head_write(&salted, &out->sealed);
    if (!rc)
        rc = key_of(secret, ate__buf_bytes(&out->sealed), &out->aead);
    if (!rc)
        rc = env->vfs->open(dir, ATE__IMAGE_NEW_NAME,
                            ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_PRIVATE, &out->file);
    if (!rc)
        rc = env->vfs->truncate(out->file, 0);
    if (rc) {
        ate__image_out_free(out);
        return rc;
    }
    *ret_out = out;
    return 0;
}

static int write_sealed(struct ate__image_out *out)
{
    const struct ate__vfs *vfs = out->env->vfs;
    int rc = vfs->write(out->file, out->at, out->sealed.data, out->sealed.size);
    if (rc)
        return rc;
    out->at += out->sealed.size;
    ate__buf_clear(&out->sealed);
    if (out->at - out->synced < SYNC_BYTES)
        return 0;
    out->synced = out->at;
    return vfs->sync(out->file);
}

/* The nonce stands before the ciphertext, and is drawn with it. */
static int seal_page(struct ate__image_out *out, bool last)
{
    uint8_t nonce[ATE__AEAD_NONCE] = {0}, aad[AAD];
    size_t at = out->sealed.size;
    int rc = ate__buf_append(&out->sealed, ate__bytes(nonce, sizeof nonce));
    if (!rc)
        rc = ate__aead_encrypt(out->aead, out->env, aad_of(out->pages, last, aad),
                               ate__buf_bytes(&out->text), nonce, &out->sealed);
    if (rc)
        return rc;
    memcpy(out->sealed.data + at, nonce, sizeof nonce);
    ate__buf_clear(&out->text);
    out->pages++;
    return out->sealed.size >= PAGES_AT_ONCE * ATE__IMAGE_PAGE || last ? write_sealed(out) : 0;
}

int ate__image_put(struct ate__image_out *out, const void *data, size_t size)
{
    const uint8_t *from = data;
    while (size) {
        /* A full page is sealed when something follows it: it is not the last one then. */
        int rc = out->text.size == ATE__IMAGE_TEXT ? seal_page(out, false) : 0;
        size_t n = ate__min(size, ATE__IMAGE_TEXT - out->text.size);
        if (!rc)
            rc = ate__buf_append(&out->text, ate__bytes(from, n));
        if (rc)
            return rc;
        from += n;
        size -= n;
    }
    return 0;
}

int ate__image_out_end(struct ate__image_out *out, uint64_t *ret_bytes)
{
    const struct ate__vfs *vfs = out->env->vfs;
    int rc = seal_page(out, true);
    if (!rc)
        rc = vfs->sync(out->file);
    if (!rc)
        rc = vfs->rename(out->dir, ATE__IMAGE_NEW_NAME, ATE__IMAGE_NAME);
    if (rc)
        return rc;
    vfs->close(out->file);
    out->file = NULL;
    *ret_bytes = out->at;
    return vfs->sync_dir(out->dir);
}

void ate__image_out_free(struct ate__image_out *out)
{
    if (!out)
        return;
    if (out->file) {
        out->env->vfs->close(out->file);
        int rc = out->env->vfs->remove(out->dir, ATE__IMAGE_NEW_NAME);
        (void)rc; /* the next one takes its place */
    }
    ate__aead_free(out->aead);
    ate__buf_deinit(&out->text);
    ate__buf_deinit(&out->sealed);
    ate__free(out);
}

/* ---- reading ---- */

struct ate__image_in {
    const struct ate__vfs *vfs;
    struct ate__file *file; /* NULL: all that there is stands in `text` */
    struct ate__aead *aead;
    uint64_t pages, next, bytes; /* of the file; the page that is read next */
    uint8_t *sealed;             /* PAGES_AT_ONCE pages */
    uint8_t *text;               /* authenticated; room for as many, and a rest before them */
    size_t text_size, text_at;
};

void ate__image_in_free(struct ate__image_in *in)
{
    if (!in)
        return;
    if (in->vfs)
        in->vfs->close(in->file);
    ate__aead_free(in->aead);
    ate__free(in->sealed);
    ate__free(in->text);
    ate__free(in);
}
ATE__FREEP(struct ate__image_in, ate__image_in_free)

static uint64_t page_at(uint64_t page)
{
    return ATE__IMAGE_HEAD + page * ATE__IMAGE_PAGE;
}

/* Reads `count` pages from `first` on into `sealed`; gives their bytes. */
static int read_pages(struct ate__image_in *in, uint64_t first, size_t count, size_t *ret_size)
{
    size_t size = (size_t)ate__min(in->bytes - page_at(first), count * ATE__IMAGE_PAGE), got = 0;
    int rc = in->vfs->read(in->file, page_at(first), in->sealed, size, &got);
    if (!rc && got < size)
        rc = ate__fail(ATE_TAMPERED, "view image: it became shorter while it was read");
    if (!rc)
        *ret_size = size;
    return rc;
}

static int open_page(const struct ate__image_in *in, uint64_t page, const uint8_t *sealed,
                     size_t size, uint8_t *to)
{
    uint8_t aad[AAD];
    return ate__aead_decrypt_to(in->aead, sealed, aad_of(page, page + 1 == in->pages, aad),
                                ate__bytes(sealed + ATE__AEAD_NONCE, size - ATE__AEAD_NONCE), to,
                                size - ATE__AEAD_NONCE - ATE__AEAD_TAG);
}

/* More text, behind what was not passed yet. */
static int fill(struct ate__image_in *in)
{
    size_t count = (size_t)ate__min(in->pages - in->next, PAGES_AT_ONCE), size;
    memmove(in->text, in->text + in->text_at, in->text_size - in->text_at);
    in->text_size -= in->text_at;
    in->text_at = 0;
    int rc = read_pages(in, in->next, count, &size);
    for (size_t at = 0; !rc && at < size; at += ATE__IMAGE_PAGE) {
        size_t n = ate__min(size - at, ATE__IMAGE_PAGE);
        rc = open_page(in, in->next, in->sealed + at, n, in->text + in->text_size);
        if (rc)
            return ate__context(rc, "view image: page %llu", (unsigned long long)in->next);
        in->text_size += n - ATE__AEAD_NONCE - ATE__AEAD_TAG;
        in->next++;
    }
    return rc;
}

static int read_head(struct ate__image_in *in, uint8_t head[ATE__IMAGE_HEAD],
                     struct ate__image_head *ret_head)
{
    struct ate__stat about;
    size_t got = 0;
    int rc = in->vfs->stat(in->file, &about);
    if (!rc)
        rc = in->vfs->read(in->file, 0, head, ATE__IMAGE_HEAD, &got);
    if (!rc)
        rc = ate__image_head_read(ate__bytes(head, got), ret_head);
    if (rc)
        return rc;
    in->bytes = about.size;
    uint64_t sealed = about.size - ate__min(about.size, ATE__IMAGE_HEAD);
    uint64_t last = sealed % ATE__IMAGE_PAGE;
    in->pages = sealed / ATE__IMAGE_PAGE + (last != 0);
    if (!in->pages || (last && last < ATE__AEAD_NONCE + ATE__AEAD_TAG))
        return ate__fail(ATE_MALFORMED, "view image: %llu bytes are no whole pages",
                         (unsigned long long)about.size);
    return 0;
}

/* The secret that opens the first page is the one. */
static int find_key(struct ate__image_in *in, const uint8_t head[ATE__IMAGE_HEAD],
                    const struct ate__key32 *secrets, size_t count)
{
    size_t size;
    int rc = read_pages(in, 0, 1, &size);
    for (size_t i = 0; !rc && i < count; i++) {
        ate__cleanup(ate__aead_freep) struct ate__aead *aead = NULL;
        rc = key_of(&secrets[i], ate__bytes(head, ATE__IMAGE_HEAD), &aead);
        if (rc)
            return rc;
        in->aead = aead;
        rc = open_page(in, 0, in->sealed, size, in->text);
        in->aead = NULL;
        if (!rc) {
            in->aead = ate__steal(&aead);
            return 0;
        }
        rc = rc == ATE_TAMPERED ? 0 : rc;
    }
    return rc ? rc : ate__fail(ATE_NO_KEY, "view image: no secret that is there opens it");
}

int ate__image_in_new(const struct ate__env *env, struct ate__dir *dir,
                      const struct ate__key32 *secrets, size_t count,
                      struct ate__image_head *ret_head, struct ate__image_in **ret_in)
{
    uint8_t head[ATE__IMAGE_HEAD];
    struct ate__image_head parsed;
    ate__cleanup(ate__image_in_freep) struct ate__image_in *in = ate__alloc(sizeof *in);
    if (!in)
        return ate__no_memory();
    *in = (struct ate__image_in){.vfs = env->vfs};
    int rc = env->vfs->open(dir, ATE__IMAGE_NAME, ATE__OPEN_READ, &in->file);
    if (!rc)
        rc = read_head(in, head, &parsed);
    if (rc)
        return rc;
    in->sealed = ate__resize(NULL, PAGES_AT_ONCE * ATE__IMAGE_PAGE);
    in->text = ate__resize(NULL, (PAGES_AT_ONCE + 1) * ATE__IMAGE_PAGE);
    if (!in->sealed || !in->text)
        return ate__no_memory();
    rc = find_key(in, head, secrets, count);
    if (rc)
        return rc;
    *ret_head = parsed;
    *ret_in = ate__steal(&in);
    return 0;
}

int ate__image_in_of(struct ate_bytes stream, struct ate__image_in **ret_in)
{
    struct ate__image_in *in = ate__alloc(sizeof *in);
    if (!in)
        return ate__no_memory();
    *in = (struct ate__image_in){.text_size = stream.size};
    in->text = stream.size ? ate__copy(stream.data, stream.size) : ate__alloc(1);
    if (!in->text) {
        ate__free(in);
        return ate__no_memory();
    }
    *ret_in = in;
    return 0;
}

int ate__image_look(struct ate__image_in *in, size_t size, struct ate_bytes *ret_bytes)
{
    ate__assert(size <= ATE__IMAGE_TEXT);
    while (in->text_size - in->text_at < size && in->next < in->pages) {
        int rc = fill(in);
        if (rc)
            return rc;
    }
    *ret_bytes = ate__bytes(in->text + in->text_at, ate__min(size, in->text_size - in->text_at));
    return 0;
}

void ate__image_pass(struct ate__image_in *in, size_t size)
{
    ate__assert(size <= in->text_size - in->text_at);
    in->text_at += size;
}

int ate__image_get(struct ate__image_in *in, void *to, size_t size)
{
    uint8_t *at = to;
    while (size) {
        struct ate_bytes some;
        int rc = ate__image_look(in, ate__min(size, ATE__IMAGE_TEXT), &some);
        if (!rc && !some.size)
            rc = ate__fail(ATE_MALFORMED, "view image: it ends too early");
        if (rc)
            return rc;
        memcpy(at, some.data, some.size);
        ate__image_pass(in, some.size);
        at += some.size;
        size -= some.size;
    }
    return 0;
}

uint64_t ate__image_left(const struct ate__image_in *in)
{
    return in->text_size - in->text_at + (in->pages - in->next) * ATE__IMAGE_TEXT;
}

uint64_t ate__image_bytes(const struct ate__image_in *in)
{
    return in->bytes;
}

int ate__image_in_end(struct ate__image_in *in)
{
    struct ate_bytes more;
    int rc = ate__image_look(in, 1, &more);
    if (!rc && more.size)
        rc = ate__fail(ATE_MALFORMED, "view image: bytes behind its end");
    return rc;
}
