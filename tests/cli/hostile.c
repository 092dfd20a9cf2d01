/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hostile KEY CHAIN: stores objects that break the rules of docs/format/fs.md, as a program may
 * that has the right to write. Each has the name of what is wrong with it.
 */
#include "bin/ate/fs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASHED = 1, INLINE = 2, ABSENT = 4 };

struct hostile_file {
    const char *name;
    uint64_t size, page_count;
    unsigned flags;
    const char *pages; /* the index of each, a digit; its data: that digit twice */
};
static const struct hostile_file files[] = {
    {"good", 6, 3, HASHED, "012"},
    {"out-of-order", 6, 3, HASHED, "201"},
    {"page-twice", 6, 3, HASHED, "00112"},
    {"page-missing", 6, 3, HASHED, "02"},
    {"page-beyond", 6, 3, HASHED, "0123"},
    {"count-huge", 6, UINT64_MAX, HASHED, "012"},
    {"count-large", 6, UINT64_C(1) << 30, HASHED, "012"},
    {"count-zero", 6, 0, HASHED, "012"},
    {"size-huge", UINT64_MAX, 3, HASHED, "012"},
    {"size-less", 5, 3, HASHED, "012"},
    {"size-more", 7, 3, HASHED, "012"},
    {"hash-other", 6, 3, HASHED, "013"},
    {"both", 6, 3, HASHED | INLINE, "012"},
    {"neither", 6, 0, HASHED | ABSENT, ""},
    {"unfinished", 6, 3, 0, "01"},
};

/* SHA-256 of "001122" */
static const struct ate_hash hash = {{
    0x74, 0x64, 0x5a, 0xf5, 0xce, 0x3d, 0x55, 0x58, 0x28, 0x2b, 0x82, 0x8e, 0x2d, 0x3d, 0xfc, 0x8f,
    0x70, 0x40, 0x7c, 0x12, 0x7f, 0xca, 0x70, 0xc6, 0x55, 0x94, 0x3b, 0x52, 0x84, 0x53, 0xab, 0xb4,
}};

static void must(int rc, const char *what)
{
    if (!rc)
        return;
    fprintf(stderr, "hostile: %s: %s: %s\n", what, ate_result_name(rc), ate_error());
    exit(1);
}

static void store_file(struct ate_txn *txn, const struct hostile_file *f)
{
    struct fs_file file = {.mode = 0777777777, .size = f->size};
    struct ate_id id, ignored;
    if (f->flags & HASHED)
        file.hash = &hash;
    if (f->flags & INLINE)
        file.data = (struct ate_bytes){"001122", 6};
    if (!(f->flags & ABSENT))
        file.page_count = &f->page_count;
    must(ate_put_as(txn, fs_file, ate_top, f->name, &file, &id), f->name);
    for (const char *c = f->pages; *c; c++) {
        const char data[2] = {*c, *c};
        struct fs_page page = {(uint64_t)(*c - '0'), {data, sizeof data}};
        must(ate_push(txn, fs_page, id, &page, &ignored), f->name);
    }
}

/* Names that no path can have, where the chain takes them. */
static void store_names(struct ate_txn *txn)
{
    static const char *const names[] = {"..", ".", "a/b", "../../escaped", "/etc/escaped"};
    struct ate_id id;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)!ate_put_as(txn, fs_text, ate_top, names[i], &(struct fs_text){"lies"}, &id);
}

int main(int argc, char **argv)
{
    struct ate_session *session;
    struct ate_chain *chain;
    struct ate_txn *txn;
    if (argc != 3)
        return 2;
    must(ate_session_open(argv[1], 0, &session), argv[1]);
    must(ate_chain_open(argv[2], session, ATE_CREATE, NULL, &chain), argv[2]);
    must(ate_txn_begin(chain, NULL, 0, &txn), "begin");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        store_file(txn, &files[i]);
    store_names(txn);
    must(ate_txn_commit(txn, NULL), "commit");
    ate_txn_end(txn);
    ate_chain_close(chain);
    ate_session_close(session);
    return 0;
}
