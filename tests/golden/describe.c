/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * describe.c: what a chain holds, as text, through the public interface alone: the chain, each
 * transaction of its history, the root at each size, and for each key what it sees: objects with
 * their values, authors, times, rights and versions.
 */
#include "ate/archive.h"
#include "ate/history.h"
#include "base/text.h"
#include "golden.h"
#include <inttypes.h>
#include <stdlib.h>

enum { DEPTH = 8, VALUE = 12 /* bytes of a payload that stand there, beside its hash */ };

static struct ate__buf *out;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char text[2000];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof text);
    ok(ate__buf_append(out, ate__bytes(text, (size_t)n)));
}

static const char *hash_of(struct ate_hash hash)
{
    static char text[8][ATE_HASH_TEXT];
    static unsigned next;
    return ate_hash_text(hash, text[next++ % 8]);
}

static const char *id_of(struct ate_id id)
{
    static char text[4][ATE_ID_TEXT];
    static unsigned next;
    return ate_id_text(id, text[next++ % 4]);
}

static void say_bytes(const char *what, struct ate_bytes bytes)
{
    char shown[4 * 255 + 1];
    say(" %s=%s", what, ate__escaped(bytes, shown, sizeof shown));
}

static void say_authors(const struct ate_hash *authors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        say(" by=%s", hash_of(authors[i]));
}

static void say_payload(struct ate_bytes payload)
{
    struct ate_hash hash;
    char start[2 * VALUE + 1];
    ok(ate__sha256(payload, &hash));
    ate__hex_encode(ate__bytes(payload.data, ate__min(payload.size, (size_t)VALUE)), start);
    say(" payload=%zu:%s:%s", payload.size, hash_of(hash), start);
}

/* ---- the history ---- */

static const char *kind_name(enum ate_event_kind kind)
{
    switch (kind) {
    case ATE_EVENT_BODY: return "body";
    case ATE_EVENT_TOMBSTONE: return "tombstone";
    case ATE_EVENT_CONTROL: return "control";
    case ATE_EVENT_CHAIN: return "chain";
    case ATE_EVENT_ROOT: return "root";
    case ATE_EVENT_REVOKE: return "revoke";
    case ATE_EVENT_PUBLIC_KEY: return "public key";
    case ATE_EVENT_CERTIFICATE: return "certificate";
    case ATE_EVENT_COMPACTED: return "compacted";
    case ATE_EVENT_RESET: return "reset";
    default: return "other";
    }
}

static void say_event(struct ate_history *h, const struct ate_history_txn *t, size_t i)
{
    const struct ate_history_event *e = &t->events[i];
    static const struct ate_id no_id;
    static const struct ate_hash no_hash;
    struct ate_object o;
    say("    event %s%s%s%s%s%s", kind_name(e->kind), e->has_payload ? " payload" : "",
        e->encrypted ? " encrypted" : "", e->readable ? " readable" : "",
        e->creates ? " creates" : "", e->subtree ? " subtree" : "");
    if (memcmp(&e->id, &no_id, sizeof no_id))
        say(" id=%s", id_of(e->id));
    if (memcmp(&e->parent, &no_id, sizeof no_id))
        say(" parent=%s", id_of(e->parent));
    if (memcmp(&e->fingerprint, &no_hash, sizeof no_hash))
        say(" key=%s", hash_of(e->fingerprint));
    if (e->epoch || e->recipient_count)
        say(" epoch=%" PRIu64 " recipients=%zu", e->epoch, e->recipient_count);
    if (e->certified)
        say(" of=%" PRIu64, e->certified);
    if (e->payload_size)
        say(" size=%" PRIu64, e->payload_size);
    if (e->type)
        say(" type=%s", e->type);
    if (e->name.size)
        say_bytes("name", e->name);
    if (e->kind == ATE_EVENT_BODY) {
        int rc = ate_history_load(h, i, &o);
        if (rc)
            say(" %s", ate_result_name(rc));
        else
            say_payload(o.payload);
    }
    say("\n");
}

static void say_history(struct ate_chain *c, struct ate_session *s)
{
    struct ate_history *h;
    struct ate_history_txn t;
    int rc;
    ok(ate_history_start(c, s, 0, &h));
    while (!(rc = ate_history_next(h, &t))) {
        say("  transaction %" PRIu64 " hash=%s root_ns=%" PRIi64 " writer_ns=%" PRIi64
            " number=%" PRIu64 "%s",
            t.sequence, hash_of(t.tx_hash), t.root_time_ns, t.writer_time_ns, t.id.number,
            t.verified ? " verified" : "");
        say_authors(t.authors, t.author_count);
        say("\n");
        for (size_t i = 0; i < t.event_count; i++)
            say_event(h, &t, i);
    }
    assert_int_equal(rc, ATE_END);
    ate_history_end(h);
}

static void say_roots(struct ate_chain *c)
{
    struct ate__chain *held;
    struct ate_hash root;
    ok(ate__chain_held(c, &held));
    for (uint64_t size = 1; size <= ate_chain_head(c).size; size += size < 32 ? 1 : 32) {
        ok(ate__chain_root_at(held, size, &root));
        say("  root %" PRIu64 " %s\n", size, hash_of(root));
    }
}

/* ---- objects ---- */

static void say_rule(const char *right, const struct ate_rule *rule)
{
    say(" %s=%d", right, (int)rule->who);
    for (size_t i = 0; i < rule->key_count; i++)
        say(":%s", hash_of(rule->keys[i]));
}

static void say_versions(struct ate_chain *c, struct ate_session *s, struct ate_id id)
{
    struct ate_versions *v;
    struct ate_object_version o;
    struct ate_object loaded;
    int rc;
    ok(ate_versions_start(c, s, id, NULL, &v));
    while ((rc = ate_versions_next(v, &o)) != ATE_END) {
        if (rc) {
            say("      version %s\n", ate_result_name(rc));
            assert_int_equal(rc, ATE_COMPACTED);
            continue;
        }
        say("      version %" PRIu64 " root_ns=%" PRIi64 "%s%s%s%s", o.sequence, o.root_time_ns,
            o.created ? " created" : "", o.deleted ? " deleted" : "", o.moved ? " moved" : "",
            o.renamed ? " renamed" : "");
        say_authors(o.authors, o.author_count);
        rc = o.deleted ? 0 : ate_versions_load(v, &loaded);
        if (rc)
            say(" %s", ate_result_name(rc));
        else if (!o.deleted)
            say_payload(loaded.payload);
        say("\n");
    }
    ate_versions_end(v);
}

/* Of a scope, if more than their fingerprints is to be said, which the rules have. */
static void say_readers(struct ate_txn *t, struct ate_id id)
{
    struct ate_scope scope;
    bool labels = false, by_read_key = false;
    ok(ate_readers(t, id, &scope));
    for (size_t i = 0; i < scope.reader_count; i++) {
        labels |= *scope.readers[i].label != 0;
        by_read_key |= scope.readers[i].by_read_key;
    }
    if (memcmp(&scope.id, &id, sizeof id) || !(labels || by_read_key || scope.published))
        return;
    say("      scope epoch=%" PRIu64 "%s", scope.epoch, scope.published ? " published" : "");
    for (size_t i = 0; i < scope.reader_count; i++)
        say(" reader=%s:%s%s", hash_of(scope.readers[i].fingerprint), scope.readers[i].label,
            scope.readers[i].by_read_key ? ":by read key" : "");
    say("\n");
}

static void say_object(struct ate_txn *t, const struct ate_object *o, bool archive)
{
    struct ate_rules rules;
    struct ate_kept kept;
    say("    object %s parent=%s sequence=%" PRIu64 "/%" PRIu64 " ns=%" PRIi64 "/%" PRIi64 "%s%s",
        id_of(o->id), id_of(o->parent), o->created_sequence, o->sequence, o->created_ns,
        o->updated_ns, o->readable ? " readable" : "", o->open ? " open" : "");
    if (o->type)
        say(" type=%s encoding=%s", o->type, o->encoding);
    if (o->name.size)
        say_bytes("name", o->name);
    if (o->readable)
        say_payload(o->payload);
    say_authors(o->authors, o->author_count);
    ok(ate_protection(t, o->id, &rules));
    say_rule("read", &rules.read);
    say_rule("write", &rules.write);
    say_rule("append", &rules.append);
    say_rule("admin", &rules.admin);
    if (archive) {
        ok(ate_keeping(t, o->id, &kept));
        say(" until=%" PRIi64 "%s%s", kept.until_ns, kept.held ? " held" : "",
            kept.for_ever ? " for ever" : "");
    }
    say("\n");
}

static void say_children(struct ate_chain *c, struct ate_session *s, struct ate_txn *t,
                         struct ate_id parent, unsigned depth)
{
    struct ate_cursor *cursor;
    struct ate_object o, found;
    int rc;
    assert_true(depth < DEPTH);
    ok(ate_children(t, parent, &cursor));
    while (!(rc = ate_next_raw(cursor, ATE_AUTHORS, &o))) {
        say_object(t, &o, ate_chain_archive(c, NULL));
        say_readers(t, o.id);
        say_versions(c, s, o.id);
        if (o.name.size) {
            int found_rc = ate_find_raw(t, parent, o.name, 0, &found);
            if (found_rc)
                say("      find %s\n", ate_result_name(found_rc));
            assert_true(found_rc ? found_rc == ATE_NO_KEY : !memcmp(&found.id, &o.id, sizeof o.id));
        }
        say_children(c, s, t, o.id, depth + 1);
    }
    assert_int_equal(rc, ATE_END);
    ate_cursor_end(cursor);
}

/* Who sees no more and no less than the owner has a line. */
static void say_objects(struct ate_chain *c, struct ate_session *s, struct ate__buf *of_owner)
{
    struct ate__buf *all = out, mine = ATE__BUF_NULL;
    struct ate_txn *t;
    out = of_owner->size ? &mine : of_owner;
    ok(ate_txn_begin(c, s, ATE_READ, &t));
    say_children(c, s, t, ate_top, 0);
    ate_txn_end(t);
    bool same =
        mine.data && mine.size == of_owner->size && !memcmp(mine.data, of_owner->data, mine.size);
    struct ate_bytes text = ate__buf_bytes(out);
    out = all;
    if (same)
        say("    what the owner sees\n");
    else
        ok(ate__buf_append(out, text));
    ate__buf_deinit(&mine);
}

/* ---- all of it ---- */

static void say_chain(struct ate_chain *c)
{
    struct ate_verified v;
    const struct ate_hash *roots;
    struct ate_head head = ate_chain_head(c);
    uint64_t retention_s;
    size_t count = ate_chain_roots(c, &roots);
    say("chain %s name=%s size=%" PRIu64 " root=%s", hash_of(ate_chain_id(c)), ate_chain_name(c),
        head.size, hash_of(head.root));
    for (size_t i = 0; i < count; i++)
        say(" owner=%s", hash_of(roots[i]));
    if (ate_chain_archive(c, &retention_s))
        say(" archive=%" PRIu64, retention_s);
    if (ate_chain_compression(c))
        say(" compression=%d", (int)ate_chain_compression(c));
    ok(ate_chain_verify(c, NULL, NULL, &v));
    if (v.damage.what != ATE_OK)
        fail_msg("%s", v.damage.text);
    assert_true(v.head.size == head.size);
    say(" transactions=%" PRIu64 " events=%" PRIu64 " signatures=%" PRIu64 " bytes=%" PRIu64,
        v.transactions, v.events, v.signatures, v.bytes);
    if (v.events_gone || v.payloads_gone || v.cut_off)
        say(" compacted=%" PRIu64 "/%" PRIu64 " below=%" PRIu64, v.events_gone, v.payloads_gone,
            v.cut_off);
    say("\n");
}

void golden_describe(const char *path, const char *keys, unsigned flags, struct ate__buf *text)
{
    char key[4200], root[4200], state[4200];
    struct ate_session *s[GOLDEN_KEYS];
    struct ate_chain *c;
    snprintf(root, sizeof root, "%s/%s.pub", keys, golden_keys[OWNER]);
    snprintf(state, sizeof state, "%s/state", keys);
    struct ate_chain_conf conf = {
        .root = root, .state_dir = state, .centralized = golden_is_centralized(path)};
    out = text;
    for (unsigned i = 0; i < GOLDEN_KEYS; i++) {
        snprintf(key, sizeof key, "%s/%s.key", keys, golden_keys[i]);
        ok(ate_session_open_sealed((const char *[]){key}, 1, &golden_password, &s[i]));
    }
    ok(ate_chain_open(path, s[OWNER], flags, &conf, &c));
    say_chain(c);
    say_roots(c);
    say_history(c, s[OWNER]);
    struct ate__buf of_owner = ATE__BUF_NULL;
    for (unsigned i = 0; i < GOLDEN_KEYS; i++) {
        say("  %s sees\n", golden_keys[i]);
        say_objects(c, s[i], &of_owner);
    }
    ate__buf_deinit(&of_owner);
    ate_chain_close(c);
    for (unsigned i = 0; i < GOLDEN_KEYS; i++)
        ate_session_close(s[i]);
}
