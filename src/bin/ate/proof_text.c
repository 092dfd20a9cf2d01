/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/proof_text.h"
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/source.h"
#include "trust/limits.h"
#include <inttypes.h>

static int read_source(struct source *s, struct ate__buf *text)
{
    size_t size = 1;
    int rc = 0;
    while (!rc && size) {
        rc = ate__buf_reserve(text, 65536);
        if (!rc)
            rc = source_read(s, text->data + text->size, 65536, &size);
        if (!rc)
            text->size += size;
        if (!rc && text->size > ATE__PROOF_TEXT_MAX)
            rc = ate__fail(ATE_TOO_BIG, "a checkpoint or proof has at most %d bytes",
                           ATE__PROOF_TEXT_MAX);
    }
    return rc;
}

static int append_file(const char *path, struct ate__buf *text)
{
    bool is_stdin = !strcmp(path, "-");
    ate__cleanup(ate__freep) char *value = ate__format("%s%s", is_stdin ? "" : "@", path);
    struct source s;
    if (!value)
        return ate__no_memory();
    int rc = source_open(value, &s);
    if (rc)
        return rc;
    rc = read_source(&s, text);
    source_close(&s);
    return rc;
}

int proof_text_read_all(const char *const *paths, size_t count, struct ate__buf *ret_text)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++)
        rc = append_file(paths[i], ret_text);
    if (!rc && ret_text->size && memchr(ret_text->data, 0, ret_text->size))
        rc = ate__fail(ATE_MALFORMED, "not text: there is a NUL in it");
    return rc ? rc : ate__buf_append(ret_text, ate__bytes("", 1));
}

int proof_text_read(const char *path, struct ate__buf *ret_text)
{
    return proof_text_read_all(&path, 1, ret_text);
}

void proof_text_print(const char *name, const char *text)
{
    if (!ate__out.json) {
        ate__print("%s", text);
        return;
    }
    json_t *object = json_object();
    ate__json_set_text(object, name, text);
    ate__print_json(object);
}

static void tell_json(const struct ate_proved *p)
{
    static const char *const kinds[] = {
        [ATE_PROOF_CHECKPOINT] = "checkpoint",
        [ATE_PROOF_INCLUSION] = "inclusion",
        [ATE_PROOF_CONSISTENCY] = "consistency",
    };
    char text[ATE_HASH_TEXT], time[ATE__TIME_TEXT];
    json_t *object = json_object();
    ate__json_set_text(object, "proof", kinds[p->kind]);
    ate__json_set_text(object, "chain", ate_hash_text(p->chain, text));
    if (p->kind == ATE_PROOF_INCLUSION) {
        ate__json_set_number(object, "sequence", p->sequence);
        ate__json_set_text(object, "hash", ate_hash_text(p->tx_hash, text));
        ate__json_set_text(object, "time", ate__time_text(p->root_time_ns, false, time));
    }
    if (p->kind == ATE_PROOF_CONSISTENCY) {
        ate__json_set_number(object, "older_size", p->older.size);
        ate__json_set_text(object, "older_head", ate_hash_text(p->older.root, text));
    }
    ate__json_set_number(object, "size", p->head.size);
    ate__json_set_text(object, "head", ate_hash_text(p->head.root, text));
    ate__json_set_text(object, "log_key", ate_hash_text(p->log_key, text));
    ate__json_set_text(object, "signed", ate__time_text(p->signed_ns, false, time));
    if (p->witnesses) {
        ate__json_set_number(object, "witnesses", p->witnesses);
        ate__json_set_text(object, "witnessed", ate__time_text(p->witnessed_ns, false, time));
    }
    ate__print_json(object);
}

void proof_text_tell(const struct ate_proved *p)
{
    char text[ATE_HASH_TEXT], time[ATE__TIME_TEXT];
    if (ate__out.json) {
        tell_json(p);
        return;
    }
    if (p->kind == ATE_PROOF_INCLUSION)
        ate__print("it holds: transaction %" PRIu64 ", %s, of %s,\nis in chain ", p->sequence,
                   ate_hash_text(p->tx_hash, text), ate__time_text(p->root_time_ns, false, time));
    else if (p->kind == ATE_PROOF_CONSISTENCY)
        ate__print("it holds: the first %" PRIu64 " transactions, head %s,\nare still those of "
                   "chain ",
                   p->older.size, ate_hash_text(p->older.root, text));
    else
        ate__print("it holds: this is chain ");
    ate__print("%s\n", ate_hash_text(p->chain, text));
    ate__print("with %" PRIu64 " transactions, head %s,\n", p->head.size,
               ate_hash_text(p->head.root, text));
    ate__print("signed at %s by log key %s\n", ate__time_text(p->signed_ns, false, time),
               ate_hash_text(p->log_key, text));
    if (p->witnesses)
        ate__print("cosigned by witnesses of the policy: %" PRIu32 ", the first at %s\n",
                   p->witnesses, ate__time_text(p->witnessed_ns, false, time));
}
