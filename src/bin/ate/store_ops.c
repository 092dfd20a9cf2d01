/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/store_ops.h"
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/content.h"
#include <inttypes.h>

void op_free(struct op *op)
{
    if (!op)
        return;
    store_node_unref(op->node);
    store_node_unref(op->parent);
    store_node_unref(op->target);
    ate__free(op->name);
    ate__free(op->type);
    ate__free(op->data);
    ate__free(op);
}

/* ---- what has the name ---- */

static int check_conditions(const struct op *op, const struct ate_object *found)
{
    if (op->when.absent && found)
        return ate__fail(ATE_EXISTS, "it is there already, at sequence %" PRIu64, found->sequence);
    if (op->when.current && !found)
        return ate__fail(ATE_CONFLICT, "it is not there, so not at sequence %" PRIu64,
                         op->when.sequence);
    if (op->when.current && found->sequence != op->when.sequence)
        return ate__fail(ATE_CONFLICT, "it is at sequence %" PRIu64 ", not %" PRIu64,
                         found->sequence, op->when.sequence);
    return 0;
}

static int not_in_archive(const struct ate_object *found)
{
    return ate__fail(
        ATE_DENIED, "it is there since sequence %" PRIu64 ", and in an archive nothing replaces it",
        found->sequence);
}

/* Decides by the conditions whether the name may be taken, and takes away what cannot be replaced
 * where it lies: a file's pages would stay behind, and what finishes a file brings its own object.
 * *ret_taken: a directory that is to stay as it is. */
static int make_way(struct op *op, struct ate_txn *txn, bool *ret_taken, bool *ret_changed)
{
    struct ate_object found;
    *ret_taken = false;
    int rc = ate_find_raw(txn, op->parent->id, ate__text_bytes(op->name), ATE_NO_PAYLOAD, &found);
    if (rc == ATE_NOT_FOUND)
        return check_conditions(op, NULL);
    if (!rc)
        rc = check_conditions(op, &found);
    if (rc)
        return rc;
    enum content_kind kind = content_kind_of(&found);
    if (kind == CONTENT_PRIVATE)
        return ate__fail(ATE_NO_KEY, "your keys do not open what has the name now");
    if (op->kind == OP_DIR && (op->when.missing || op->archive) && content_may_hold(&found)) {
        *ret_taken = true;
        op->node->id = found.id;
        return 0;
    }
    if ((op->kind == OP_DIR) != (kind == CONTENT_DIR))
        return ate__fail(ATE_CONFLICT, kind == CONTENT_DIR
                                           ? "a directory is in the way; ate rm -r removes it"
                                           : "what has the name now is no directory; ate rm "
                                             "removes it");
    if (op->archive)
        return not_in_archive(&found);
    if (kind != CONTENT_FILE && op->kind != OP_FILE_FINISH)
        return 0;
    const struct fs_file *file = NULL;
    if (kind == CONTENT_FILE && op->kind == OP_FILE) {
        rc = ate_load(txn, fs_file, found.id, &file);
        if (!rc && !file->page_count)
            return 0;
    }
    *ret_changed = true;
    return ate_delete(txn, found.id, ATE_TREE);
}

/* ---- changes ---- */

static int make_public(struct ate_txn *txn, struct ate_id id)
{
    struct ate_object o;
    struct ate_id same;
    int rc = ate_load_raw(txn, id, 0, &o);
    if (rc)
        return rc;
    o.name = (struct ate_bytes){NULL, 0}; /* where it lies, with its name */
    return ate_put_raw(txn, &o, ATE_PUBLIC, &same);
}

static struct fs_file file_of(const struct op *op)
{
    return (struct fs_file){
        .mode = op->dir.mode,
        .uid = op->dir.uid,
        .gid = op->dir.gid,
        .mtime_ns = op->dir.mtime_ns,
        .size = op->size,
    };
}

static int put_state(struct op *op, struct ate_txn *txn)
{
    struct fs_file file = file_of(op);
    file.hash = &op->hash;
    file.page_count = &op->index;
    return ate_put(txn, fs_file, op->node->id, &file);
}

/* One that is gone is not made anew: its pages would be missing. */
static int renew_state(struct op *op, struct ate_txn *txn)
{
    struct ate_object found;
    int rc = ate_load_raw(txn, op->node->id, ATE_NO_PAYLOAD, &found);
    if (!rc && op->archive)
        rc = not_in_archive(&found);
    return rc ? rc : put_state(op, txn);
}

static int begin_file(struct op *op, struct ate_txn *txn)
{
    struct fs_file unfinished = file_of(op);
    struct fs_pages pages = {unfinished.mtime_ns};
    int rc = op->archive ? ate_push(txn, fs_pages, op->parent->id, &pages, &op->node->id)
                         : ate_push(txn, fs_file, op->parent->id, &unfinished, &op->node->id);
    if (!rc)
        op->node->pages = op->node->id;
    return rc;
}

/* Under its name; without one, as one more. */
#define PUT(type, value)                                                                           \
    (op->name ? ate_put_as(txn, type, op->parent->id, op->name, value, &op->node->id)              \
              : ate_push(txn, type, op->parent->id, value, &op->node->id))

static int finish_file(struct op *op, struct ate_txn *txn)
{
    struct fs_file file = file_of(op);
    if (op->archive) {
        file.hash = &op->hash;
        file.page_count = &op->index;
        file.pages = &op->node->pages;
        return PUT(fs_file, &file);
    }
    int rc = put_state(op, txn);
    return rc ? rc : ate_move(txn, op->node->id, op->parent->id, op->name);
}

static int put_raw(struct op *op, struct ate_txn *txn)
{
    struct ate_object o = {
        .type = op->type,
        .encoding = op->encoding,
        .payload = {op->data, op->data_size},
        .parent = op->parent->id,
    };
    if (!op->name)
        return ate_store_raw(txn, &o, 0, &op->node->id);
    o.name = ate__text_bytes(op->name);
    return ate_put_raw(txn, &o, 0, &op->node->id);
}

static int put_whole(struct op *op, struct ate_txn *txn)
{
    struct ate_bytes data = {op->data, op->data_size};
    struct fs_file file = file_of(op);
    file.hash = &op->hash;
    file.data = data;
    switch (op->kind) {
    case OP_DIR: return PUT(fs_dir, &op->dir);
    case OP_FILE: return PUT(fs_file, &file);
    case OP_TEXT: return PUT(fs_text, &(struct fs_text){(const char *)op->data});
    case OP_BYTES: return PUT(fs_bytes, &(struct fs_bytes){data});
    case OP_SYMLINK: return PUT(fs_symlink, &(struct fs_symlink){data});
    case OP_HARDLINK: return PUT(fs_hardlink, &(struct fs_hardlink){op->target->id});
    case OP_FILE_FINISH: return finish_file(op, txn);
    default: return put_raw(op, txn);
    }
}

static int push_page(struct op *op, struct ate_txn *txn)
{
    struct fs_page page = {op->index, {op->data, op->data_size}};
    struct ate_id ignored;
    return ate_push(txn, fs_page, op->parent->pages, &page, &ignored);
}

int op_apply(struct op *op, struct ate_txn *txn, bool *ret_changed)
{
    bool taken = false;
    int rc = 0;
    *ret_changed = false;
    switch (op->kind) {
    case OP_PAGE: return push_page(op, txn);
    case OP_FILE_STATE: return renew_state(op, txn);
    case OP_DELETE:
        rc = ate_delete(txn, op->node->id, ATE_TREE);
        return rc == ATE_NOT_FOUND ? 0 : rc;
    case OP_FILE_BEGIN: rc = begin_file(op, txn); break;
    default:
        rc = op->name ? make_way(op, txn, &taken, ret_changed) : 0;
        if (rc || taken)
            return rc;
        rc = put_whole(op, txn);
    }
    if (!rc && op->when.is_public) {
        *ret_changed = true;
        rc = make_public(txn, op->node->id);
    }
    return rc;
}
