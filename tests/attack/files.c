/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "files.h"
#include "attack.h"
#include "redo/storage.h"
#include <ftw.h>
#include <stdlib.h>

static struct {
    void (*call)(const char *file, uint8_t *bytes, size_t size, void *arg);
    void *arg;
} visitor;

static int visit(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)where;
    if (kind != FTW_F || !st->st_size)
        return 0;
    size_t size = (size_t)st->st_size;
    uint8_t *bytes = malloc(size), *before = malloc(size);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_non_null(bytes);
    assert_non_null(before);
    assert_int_equal(fread(bytes, 1, size, f), size);
    memcpy(before, bytes, size);
    visitor.call(path, bytes, size, visitor.arg);
    if (memcmp(bytes, before, size) != 0) {
        rewind(f);
        assert_int_equal(fwrite(bytes, 1, size, f), size);
    }
    assert_int_equal(fclose(f), 0);
    free(bytes);
    free(before);
    return 0;
}

void files_each(const char *dir,
                void (*call)(const char *file, uint8_t *bytes, size_t size, void *arg), void *arg)
{
    visitor.call = call;
    visitor.arg = arg;
    assert_int_equal(nftw(dir, visit, 8, FTW_PHYS), 0);
}

static int add(void *arg, const struct ate__record_out *record)
{
    struct past *p = arg;
    uint64_t n = past_add(p, record->body);
    p->time_us[n] = record->root_time_us; /* of which the heads are made that others name */
    return ate__tx_leaf(&p->tx[n], ATE__SHA256, n, p->time_us[n], &p->leaf[n]);
}

struct past *files_history(const char *dir)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct past *p = calloc(1, sizeof *p);
    struct ate__storage *s;
    struct ate__storage_state state;
    struct ate__dir *d;
    assert_non_null(p);
    attack_must(vfs->open_root(vfs->user, dir, &d));
    attack_must(ate__storage_open_file(&ate__env_real, d, ATE__STORAGE_READ, NULL, ATE__ROLE_ROOT,
                                       NULL, &s));
    s->v->state(s, &state);
    attack_must(s->v->scan(s, 0, state.size, &(struct ate__scan){.record = add, .arg = p}));
    s->v->close(s);
    vfs->close_dir(d);
    p->chain_id = p->tx[0].chain_id;
    p->number = 1000;
    return p;
}
