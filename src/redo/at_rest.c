/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "redo/at_rest.h"
#include "base/alloc.h"
#include "redo/redo.h"
#include <pthread.h>

static const struct ate__redo *redo_of(const struct ate__storage *storage)
{
    return (const struct ate__redo *)storage;
}

/* ---- which one ---- */

static pthread_mutex_t present_mutex = PTHREAD_MUTEX_INITIALIZER; /* protects what follows */
static struct ate__at_rest *present;

int ate__at_rest_set(struct ate__at_rest *a)
{
    int rc = 0;
    pthread_mutex_lock(&present_mutex);
    if (present)
        rc =
            ate__fail(ATE_EXISTS, "the plug-in %s seals already, and only one does", present->name);
    else
        present = a;
    if (!rc)
        a->users = 1;
    pthread_mutex_unlock(&present_mutex);
    return rc;
}

struct ate__at_rest *ate__at_rest_ref(void)
{
    pthread_mutex_lock(&present_mutex);
    struct ate__at_rest *a = present;
    if (a)
        a->users++;
    pthread_mutex_unlock(&present_mutex);
    return a;
}

void ate__at_rest_unref(struct ate__at_rest *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&present_mutex);
    bool last = --a->users == 0;
    pthread_mutex_unlock(&present_mutex);
    if (last)
        a->unused(a->arg);
}

void ate__at_rest_unset(struct ate__at_rest *a)
{
    pthread_mutex_lock(&present_mutex);
    present = NULL;
    pthread_mutex_unlock(&present_mutex);
    ate__at_rest_unref(a);
}

/* ---- one record ---- */

static int seal(const struct ate__redo *r, uint64_t sequence, struct ate_bytes record,
                struct ate__buf *buf)
{
    const struct ate__at_rest *a = r->at_rest;
    uint8_t head[2] = {ATE__AT_REST_MARK, (uint8_t)strlen(a->name)};
    size_t before = buf->size;
    int rc = ate__buf_append(buf, ate__bytes(head, sizeof head));
    if (!rc)
        rc = ate__buf_append(buf, ate__text_bytes(a->name));
    if (!rc)
        rc = a->seal(a->arg, &r->chain_id, sequence, record, buf);
    if (!rc && buf->size - before > record.size + ATE__AT_REST_MORE)
        rc = ate__fail(ATE_E_SYSTEM, "plug-in %s made a record longer than it may", a->name);
    return rc;
}

int ate__at_rest_open(const struct ate__at_rest *a, const struct ate_hash *chain_id,
                      uint64_t sequence, struct ate_bytes stored, struct ate__buf *buf,
                      struct ate_bytes *ret_record)
{
    const uint8_t *bytes = stored.data;
    *ret_record = stored;
    if (!stored.size || bytes[0] != ATE__AT_REST_MARK)
        return 0;
    size_t length = stored.size > 1 ? bytes[1] : 0;
    if (!length || length > ATE__AT_REST_NAME_MAX || length + 2 > stored.size)
        return ate__fail(ATE_TAMPERED, "transaction %llu: sealed by nobody",
                         (unsigned long long)sequence);
    struct ate_bytes name = ate__bytes(bytes + 2, length);
    if (!a || !ate__bytes_equal(name, ate__text_bytes(a->name)))
        return ate__fail(ATE_UNSUPPORTED,
                         "transaction %llu was sealed by the plug-in %.*s: open the chain with it",
                         (unsigned long long)sequence, (int)length, (const char *)name.data);
    ate__buf_clear(buf);
    int rc = a->open(a->arg, chain_id, sequence,
                     ate__bytes(bytes + 2 + length, stored.size - 2 - length), buf);
    if (!rc && !buf->size)
        rc = ate__fail(ATE_TAMPERED, "transaction %llu: the plug-in %s found nothing in it",
                       (unsigned long long)sequence, a->name);
    if (!rc)
        *ret_record = ate__buf_bytes(buf);
    return rc;
}

/* ---- the calls ---- */

/* A mirror's groups come as large as they may be: sealed they would be larger. */
int ate__sealed_append(struct ate__storage *storage, const struct ate__group_in *group)
{
    const struct ate__redo *r = redo_of(storage);
    if (r->role == ATE__ROLE_MIRROR)
        return ate__file_append(storage, group);
    ate__cleanup(ate__buf_deinit) struct ate__buf buf = ATE__BUF_NULL;
    struct ate_bytes *records = ate__alloc_array(group->count, sizeof *records);
    struct ate__group_in sealed = *group;
    size_t at = 0;
    int rc = records || !group->count ? 0 : ate__no_memory();
    for (size_t i = 0; !rc && i < group->count; i++) {
        rc = seal(r, group->first_sequence + i, group->records[i], &buf);
        records[i] = ate__bytes(NULL, rc ? 0 : buf.size - at);
        at = buf.size;
    }
    at = 0;
    for (size_t i = 0; !rc && i < group->count; i++) { /* buf stays where it is from now on */
        records[i].data = buf.data + at;
        at += records[i].size;
    }
    sealed.records = records;
    if (!rc)
        rc = ate__file_append(storage, &sealed);
    ate__free(records);
    return rc;
}

struct opening_scan {
    const struct ate__redo *r;
    const struct ate__scan *scan;
    struct ate__buf buf;
};

static int pass_group(void *arg, const struct ate__group_out *group)
{
    const struct opening_scan *o = arg;
    return o->scan->group ? o->scan->group(o->scan->arg, group) : 0;
}

static int open_record(void *arg, const struct ate__record_out *stored)
{
    struct opening_scan *o = arg;
    struct ate__record_out record = *stored;
    int rc = stored->identity ? 0
                              : ate__at_rest_open(o->r->at_rest, &o->r->chain_id, stored->sequence,
                                                  stored->body, &o->buf, &record.body);
    return rc ? rc : o->scan->record(o->scan->arg, &record);
}

int ate__sealed_scan(struct ate__storage *storage, uint64_t from, uint64_t to,
                     const struct ate__scan *scan)
{
    struct opening_scan o = {redo_of(storage), scan, ATE__BUF_NULL};
    int rc = ate__file_scan(storage, from, to, &(struct ate__scan){pass_group, open_record, &o});
    ate__buf_deinit(&o.buf);
    return rc;
}

int ate__sealed_load(struct ate__storage *storage, uint64_t sequence,
                     const struct ate__position *position, struct ate__buf *ret_body)
{
    const struct ate__redo *r = redo_of(storage);
    ate__cleanup(ate__buf_deinit) struct ate__buf stored = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf opened = ATE__BUF_NULL;
    struct ate_bytes record;
    int rc = ate__file_load(storage, sequence, position, &stored);
    if (!rc)
        rc = ate__at_rest_open(r->at_rest, &r->chain_id, sequence, ate__buf_bytes(&stored), &opened,
                               &record);
    return rc ? rc : ate__buf_append(ret_body, record);
}

/* What is sealed is opened whole: a part costs as much. */
int ate__sealed_read_part(struct ate__storage *storage, uint64_t sequence,
                          const struct ate__position *position, uint32_t offset, uint32_t size,
                          struct ate__buf *ret_bytes)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf record = ATE__BUF_NULL;
    int rc = ate__sealed_load(storage, sequence, position, &record);
    if (rc)
        return rc;
    if (offset > record.size || size > record.size - offset)
        return ate__fail(ATE_MALFORMED, "%u bytes from %u of a record of %zu", size, offset,
                         record.size);
    return ate__buf_append(ret_bytes, ate__bytes(record.data + offset, size));
}

struct sealing_rewrite {
    const struct ate__redo *r;
    const struct ate__rewrite *inner;
    struct ate__buf opened, remains;
};

/* What was not sealed, because the plug-in came later, stays so: sealed it might be longer. */
static int rewrite_record(void *arg, const struct ate__record_out *stored, struct ate__buf *body,
                          enum ate__remains *ret_remains)
{
    struct sealing_rewrite *x = arg;
    struct ate__record_out record = *stored;
    int rc = stored->identity ? 0
                              : ate__at_rest_open(x->r->at_rest, &x->r->chain_id, stored->sequence,
                                                  stored->body, &x->opened, &record.body);
    if (rc)
        return rc;
    if (record.body.data == stored->body.data)
        return x->inner->record(x->inner->arg, stored, body, ret_remains);
    ate__buf_clear(&x->remains);
    rc = x->inner->record(x->inner->arg, &record, &x->remains, ret_remains);
    if (rc || *ret_remains == ATE__REMAINS_ALL || *ret_remains == ATE__REMAINS_NOTHING)
        return rc;
    if (*ret_remains == ATE__REMAINS_IDENTITY)
        return ate__buf_append(body, ate__buf_bytes(&x->remains));
    rc = seal(x->r, stored->sequence, ate__buf_bytes(&x->remains), body);
    if (!rc && body->size > stored->body.size)
        *ret_remains = ATE__REMAINS_ALL; /* for a plug-in less may be more */
    return rc;
}

static void pause_inner(void *arg, uint64_t bytes)
{
    const struct sealing_rewrite *x = arg;
    if (x->inner->pause)
        x->inner->pause(x->inner->arg, bytes);
}

static int ready_inner(void *arg)
{
    const struct sealing_rewrite *x = arg;
    return x->inner->ready ? x->inner->ready(x->inner->arg) : 0;
}

int ate__sealed_rewrite(struct ate__storage *storage, const struct ate__rewrite *rewrite,
                        struct ate__rewritten *ret_rewritten)
{
    struct sealing_rewrite x = {redo_of(storage), rewrite, ATE__BUF_NULL, ATE__BUF_NULL};
    const struct ate__rewrite outer = {
        .from = rewrite->from,
        .to = rewrite->to,
        .cut_off = rewrite->cut_off,
        .record = rewrite_record,
        .pause = pause_inner,
        .ready = ready_inner,
        .arg = &x,
    };
    int rc = ate__file_rewrite(storage, &outer, ret_rewritten);
    ate__buf_deinit(&x.opened);
    ate__buf_deinit(&x.remains);
    return rc;
}
