/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/path.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/fs.h"
#include "bin/ate/open.h"

enum { SHOWN = 512 };

bool path_name_fits(struct ate_bytes name)
{
    const char *text = name.data;
    if (!name.size || name.size > FS_NAME_MAX || memchr(text, '/', name.size) ||
        memchr(text, 0, name.size))
        return false;
    return !(text[0] == '.' && (name.size == 1 || (name.size == 2 && text[1] == '.')));
}

static int check_part(const char *part)
{
    char shown[SHOWN];
    struct ate_bytes name = ate__text_bytes(part);
    if (path_name_fits(name))
        return 0;
    if (!name.size)
        return ate__fail(ATE_MISUSE, "the name between two '/' is empty");
    return ate__fail(ATE_MISUSE, "\"%s\": a name is 1 to %d bytes, and not \".\" or \"..\"",
                     ate__escaped(name, shown, sizeof shown), FS_NAME_MAX);
}

int path_parse(const char *text, struct path *ret_path)
{
    struct path p = {NULL, 0, NULL};
    text = text ? text : "";
    text += *text == '/';
    size_t size = strlen(text), count = *text != 0;
    size -= size && text[size - 1] == '/';
    for (size_t i = 0; i < size; i++)
        count += text[i] == '/';
    if (count > FS_DEPTH_MAX)
        return ate__fail(ATE_TOO_BIG, "a path of %zu names; at most %d", count, FS_DEPTH_MAX);
    p.text = ate__copy(text, size + 1);
    p.part = ate__alloc_array(count, sizeof *p.part);
    int rc = p.text && p.part ? 0 : ate__no_memory();
    if (!rc)
        p.text[size] = 0;
    for (char *at = p.text; !rc && p.count < count; p.count++) {
        char *slash = strchr(at, '/');
        if (slash)
            *slash = 0;
        p.part[p.count] = at;
        rc = check_part(at);
        at = slash ? slash + 1 : at;
    }
    if (rc)
        path_deinit(&p);
    else
        *ret_path = p;
    return rc;
}

void path_deinit(struct path *p)
{
    ate__free(p->text);
    ate__free(p->part);
    *p = (struct path){NULL, 0, NULL};
}

/* ---- finding ---- */

static int no_key(struct ate_txn *txn, struct ate_id id)
{
    char readers[SHOWN];
    open_readers_text(txn, id, readers, sizeof readers);
    if (!strcmp(readers, "everyone"))
        return ate__fail(ATE_NO_KEY,
                         "no open name is this one, and names from before it was opened to "
                         "everyone are for those who could read them then; who could not makes "
                         "none beside them: ate push stores without one, and ate protect "
                         "--publish, by the owner, gives them all away");
    return ate__fail(ATE_NO_KEY, "your keys do not open it; readers: %s (ate ls -l shows them)",
                     readers);
}

/* "(ID)", as ate ls shows what has no name, or none that the keys open. */
static bool is_id(const char *part, struct ate_id *ret_id)
{
    char text[ATE_ID_TEXT];
    if (strlen(part) != ATE_ID_TEXT + 1 || part[0] != '(' || part[ATE_ID_TEXT] != ')')
        return false;
    memcpy(text, part + 1, ATE_ID_TEXT - 1);
    text[ATE_ID_TEXT - 1] = 0;
    return !ate_id_parse(text, ret_id);
}

/* Who does not open the names below an object looks through those of the children that he reads: a
 * name is shown only where it is the object's. NO_KEY: none of them has it. */
static int find_readable(struct ate_txn *txn, struct ate_id parent, struct ate_bytes name,
                         unsigned flags, struct ate_object *ret_object)
{
    struct ate_cursor *cursor;
    struct ate_object o;
    bool found = false;
    int rc = ate_children(txn, parent, &cursor);
    if (rc)
        return rc;
    while (!found && !(rc = ate_next_raw(cursor, ATE_NO_PAYLOAD, &o)))
        found = o.name.size == name.size && !memcmp(o.name.data, name.data, name.size);
    ate_cursor_end(cursor);
    if (rc)
        return rc == ATE_END ? ATE_NO_KEY : rc;
    return ate_load_raw(txn, o.id, flags, ret_object);
}

int path_find_part(struct ate_txn *txn, const struct path *p, size_t count, unsigned flags,
                   struct ate_object *ret_object, size_t *ret_depth)
{
    struct ate_object o = {.id = ate_top, .readable = true};
    struct ate_id id;
    size_t depth = 0;
    int rc = 0;
    for (; depth < count; depth++) {
        struct ate_object child;
        unsigned wanted = depth + 1 < count ? ATE_NO_PAYLOAD : flags;
        rc = !depth && is_id(p->part[0], &id)
                 ? ate_load_raw(txn, id, wanted, &child)
                 : ate_find_raw(txn, o.id, ate__text_bytes(p->part[depth]), wanted, &child);
        if (rc == ATE_NO_KEY)
            rc = find_readable(txn, o.id, ate__text_bytes(p->part[depth]), wanted, &child);
        if (rc)
            break;
        o = child;
    }
    if (ret_depth)
        *ret_depth = depth;
    if (!rc || ((rc == ATE_NOT_FOUND || rc == ATE_NO_KEY) && ret_depth))
        *ret_object = o;
    return rc == ATE_NO_KEY ? no_key(txn, o.id) : rc;
}

int path_find(struct ate_txn *txn, const struct path *p, unsigned flags,
              struct ate_object *ret_object, size_t *ret_depth)
{
    char shown[SHOWN];
    size_t depth;
    struct ate_object o;
    int rc = path_find_part(txn, p, p->count, flags, &o, &depth);
    if (ret_depth)
        *ret_depth = depth;
    if (!rc || (rc == ATE_NOT_FOUND && ret_depth))
        *ret_object = o;
    if (rc == ATE_NOT_FOUND)
        ate__fail(rc, "there is no \"%s\"%s",
                  ate__escaped(ate__text_bytes(p->part[depth]), shown, sizeof shown),
                  depth ? " there" : " in this chain");
    return rc;
}

/* ---- the way back ---- */

int path_of(struct ate_txn *txn, struct ate_id id, struct ate_id root, struct ate__buf *buf)
{
    /* From the end to the beginning: each name is put in front of what there is. */
    ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
    int rc = ate__buf_append(&path, ate__bytes("", 1));
    for (unsigned depth = 0; !rc && !ate__id_equal(&id, &root); depth++) {
        struct ate_object o;
        if (depth > FS_DEPTH_MAX || ate__id_equal(&id, &ate_top))
            return ate__fail(ATE_NOT_FOUND, "it lies elsewhere");
        rc = ate_load_raw(txn, id, ATE_NO_PAYLOAD, &o);
        if (rc)
            return rc;
        if (!o.readable)
            return ate__fail(ATE_NO_KEY, "your keys do not open the names above it");
        if (!path_name_fits(o.name))
            return ate__fail(o.name.size ? ATE_MALFORMED : ATE_NOT_FOUND,
                             o.name.size ? "a name above it fits no path"
                                         : "one of those above it has no name");
        size_t more = o.name.size + (path.size > 1);
        rc = ate__buf_reserve(&path, more);
        if (rc)
            return rc;
        memmove(path.data + more, path.data, path.size);
        memcpy(path.data, o.name.data, o.name.size);
        if (path.size > 1)
            path.data[o.name.size] = '/';
        path.size += more;
        id = o.parent;
    }
    return rc ? rc : ate__buf_append(buf, ate__buf_bytes(&path));
}
