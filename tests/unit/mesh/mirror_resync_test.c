/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Mirrors at a server whose chain was deeply compacted: new ones, old ones, those that were open.
 */
#include "far.h"
#include "chain/compact.h"
#include "hooked.h"
#include "lib/heap.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "lines.h"
#include "mesh/mirror.h"
#include "mesh/mirror_resync.h"
#include "net/addr.h"
#include "trust/session.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OBJECTS = 150, CHANGES = 450, CUT_OFF = 600, CHANGED = 9000 };

static struct ate__pipe *open_mirror(struct far *f, const char *dir, int result)
{
    struct ate__pipe *p = NULL;
    f->conf.mirror_dir = dir;
    f->conf.mirror_memory = !dir;
    int rc = far_try(f, &p);
    if (rc != result)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    f->conf.mirror_dir = NULL;
    f->conf.mirror_memory = false;
    return p;
}

static void change_of(struct far *f, struct ate__pipe *p, uint64_t id, size_t size,
                      struct ate_hash *last, bool first)
{
    struct ate__head base = far_head(p);
    struct kit_put put = {.object = kit_id(id), .prev = first ? NULL : last, .payload_size = size};
    struct ate__buf tx = kit_put(&f->chain, &base, &put, last);
    int rc = far_offer(p, ate__buf_bytes(&tx), 20000, NULL);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    ate__buf_deinit(&tx);
}

static void change(struct far *f, struct ate__pipe *p, struct ate_hash *last, bool first)
{
    change_of(f, p, CHANGED, 90, last, first);
}

/* OBJECTS, one that changes over and over, and one more at the end. */
static void write_all(struct far *f, struct ate__pipe *p, struct ate_hash *last)
{
    for (uint64_t i = 1; i <= OBJECTS; i++)
        far_put(f, p, i);
    for (unsigned i = 0; i < CHANGES; i++)
        change(f, p, last, !i);
    far_put(f, p, OBJECTS + 1);
}

/* cut_off 0: shallow */
static void compact(struct far *f, uint64_t cut_off)
{
    char path[4100];
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__chain_conf conf = {.env = &ate__env_real};
    struct ate__compact_conf how = {.deep = cut_off, .cut_off = cut_off, .gain_percent = 1};
    struct ate__compacted done;
    struct ate__storage *storage;
    struct ate__chain *chain;
    struct ate__dir *dir;
    struct ate__key *key;
    far_stop(f);
    snprintf(path, sizeof path, "%s%s", f->server_conf.logs, f->chain.path);
    assert_int_equal(vfs->open_root(vfs->user, path, &dir), 0);
    assert_int_equal(
        ate__storage_open_file(&ate__env_real, dir, 0, NULL, ATE__ROLE_ROOT, NULL, &storage), 0);
    vfs->close_dir(dir);
    assert_int_equal(ate__chain_open(&conf, storage, 0, &chain), 0);
    assert_int_equal(ate__chain_begin(chain), 0);
    ate__cleanup(ate__secret_deinit) struct ate__secret text = {0};
    assert_int_equal(ate__key_encode(f->chain.key, &text), 0);
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &key), 0);
    assert_int_equal(ate__session_new(&how.session), 0);
    assert_int_equal(ate__session_add(how.session, key), 0);
    int rc = ate__chain_compact(chain, &how, &done);
    if (rc)
        fail_msg("compact: %s", ate__error_text());
    assert_true(cut_off ? done.cut_off == cut_off && done.transactions > 100 : done.payloads > 100);
    ate__session_unref(how.session);
    ate__chain_close(chain);
    far_start(f);
}

static bool is_there(const char *dir, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return !access(path, F_OK);
}

static void check(struct ate__pipe *p, const struct ate__head *want)
{
    struct ate__head head = far_head(p);
    for (uint64_t i = 1; i <= OBJECTS + 1; i++)
        assert_true(far_has(p, i));
    assert_true(far_has(p, CHANGED));
    assert_memory_equal(&head, want, sizeof head);
}

/* ---- a server that compacts by itself ---- */

static _Atomic uint64_t wall_ahead_us;

static uint64_t wall_us(void *user)
{
    (void)user;
    return ate__clock_wall_us(NULL) + atomic_load(&wall_ahead_us);
}

static struct ate_session *session_of(const struct far *f)
{
    ate__cleanup(ate__secret_deinit) struct ate__secret text = {0};
    struct ate_session *session;
    struct ate__key *key;
    assert_int_equal(ate__key_encode(f->chain.key, &text), 0);
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &key), 0);
    assert_int_equal(ate__session_new(&session), 0);
    assert_int_equal(ate__session_add(session, key), 0);
    return session;
}

static void change_much(struct far *f, struct ate__pipe *p, struct ate_hash *last, bool first)
{
    change_of(f, p, CHANGED, 30000, last, first);
}

/* The mirror's disk, which stops in the middle of what the mirror writes. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned writes;
    bool shut, reached;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static int at_gate(const char *call)
{
    if (strcmp(call, "write"))
        return 0;
    pthread_mutex_lock(&gate.mutex);
    gate.reached |= ++gate.writes >= 60;
    pthread_cond_broadcast(&gate.cond);
    while (gate.reached && gate.shut)
        pthread_cond_wait(&gate.cond, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    return 0;
}

static void gate_wait(void)
{
    pthread_mutex_lock(&gate.mutex);
    while (!gate.reached)
        pthread_cond_wait(&gate.cond, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.shut = false;
    pthread_cond_broadcast(&gate.cond);
    pthread_mutex_unlock(&gate.mutex);
}

struct opener {
    struct far *f;
    const char *dir;
    struct ate__pipe *pipe;
};

static void *open_gated(void *arg)
{
    struct opener *o = arg;
    o->pipe = open_mirror(o->f, o->dir, 0);
    return NULL;
}

/* ---- tests ---- */

static void test_mirrors(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *old = tmpdir_new(), *new = tmpdir_new();
    struct ate__pipe *thin = far_open(f), *p, *q;
    struct ate_hash last;
    far_put(f, thin, 7000);
    far_close(open_mirror(f, old, 0));
    write_all(f, thin, &last);
    compact(f, CUT_OFF);
    far_put(f, thin, 7001);
    struct ate__head head = far_head(thin);
    for (unsigned i = 0; i < 3; i++) {
        const char *dir = i == 0 ? new : i == 1 ? old : NULL;
        p = open_mirror(f, dir, 0);
        check(p, &head);
        assert_true(!dir || !is_there(dir, ",resync"));
        /* It goes on, and is written to. */
        far_put(f, p, 8000 + i);
        head = far_head(p);
        far_close(p);
        q = open_mirror(f, dir ? dir : new, 0);
        check(q, &head);
        far_close(q);
    }
    /* Compacted once more, from a place that the mirrors are behind. */
    p = open_mirror(f, new, 0);
    far_close(p);
    for (unsigned i = 0; i < 800; i++)
        change(f, thin, &last, false);
    compact(f, 1300);
    head = far_head(thin);
    p = open_mirror(f, new, 0);
    assert_true(far_head(p).size >= 1400);
    far_close(p);
    far_close(thin);
    far_free(f);
}

/* A server compacts deeply, beyond where a mirror just fetches: that ends up with all there is. */
static void test_while_fetching(void **state)
{
    (void)state;
    enum { BIG = 29 << 20, CHANGES_BIG = 1000 };
    static struct ate__env moved;
    struct far *f = far_new(true);
    struct opener o = {f, tmpdir_new(), NULL};
    struct ate__storage_state about;
    struct ate__receipt receipt;
    struct ate_hash last;
    pthread_t thread;
    struct ate__pipe *thin = far_open(f);
    for (uint64_t i = 1; i <= OBJECTS; i++)
        far_put(f, thin, i);
    for (unsigned i = 0; i < CHANGES_BIG; i++)
        change_much(f, thin, &last, !i);
    far_stop(f);
    lines_begin(&f->server_conf);
    moved = ate__env_real;
    moved.wall_us = wall_us;
    atomic_fetch_add(&wall_ahead_us, UINT64_C(8) * 24 * 3600 * 1000000);
    f->server_conf.env = &moved;
    f->server_conf.compact = (struct ate__auto_conf){
        .rule = {.mode = ATE__COMPACT_SIZE, .growth_bytes = 1, .bytes_min = BIG + (1 << 20)},
        .deep = true,
        .session = session_of(f),
        .bytes_per_second = UINT64_MAX,
        .look_ms = 1,
    };
    far_start(f);
    gate.shut = true;
    hooked_set(at_gate);
    f->conf.env = &hooked_env;
    assert_int_equal(pthread_create(&thread, NULL, open_gated, &o), 0);
    gate_wait();
    for (unsigned i = 0; i < 2000 && !lines_count("2 compacted "); i++)
        change_much(f, thin, &last, false);
    assert_int_equal(lines_count("could not be compacted"), 0);
    lines_wait("2 compacted ", 1);
    gate_open();
    assert_int_equal(pthread_join(thread, NULL), 0);
    int rc = ate__pipe_sync(o.pipe, &receipt);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    struct ate__head head = far_head(thin), here = far_head(o.pipe);
    assert_memory_equal(&here, &head, sizeof head);
    for (uint64_t i = 1; i <= OBJECTS; i++)
        assert_true(far_has(o.pipe, i));
    struct ate__storage *storage = ate__chain_storage(o.pipe->v->chain(o.pipe));
    storage->v->state(storage, &about);
    assert_true(about.cut_off > OBJECTS + CHANGES_BIG / 2); /* it came by RESYNC */
    assert_false(is_there(o.dir, ",resync"));
    far_put(f, o.pipe, 9100);
    head = far_head(o.pipe);
    far_close(o.pipe);
    hooked_set(NULL);
    f->conf.env = &ate__env_real;
    o.pipe = open_mirror(f, o.dir, 0);
    here = far_head(o.pipe);
    assert_memory_equal(&here, &head, sizeof head);
    far_close(o.pipe);
    far_close(thin);
    far_stop(f);
    ate__session_unref(f->server_conf.compact.session);
    f->server_conf.compact.session = NULL;
    far_start(f);
    far_free(f);
}

/* On another port, where those that are open do not find it. */
static void hide(struct far *f, uint16_t port)
{
    far_stop(f);
    f->server_conf.port = port;
    far_start(f);
    assert_int_equal(ate__addr_parse(ate__server_address(f->server), &f->conf.addr), 0);
    snprintf(f->conf.addr.path, sizeof f->conf.addr.path, "%s", f->chain.path);
    f->server_conf.port = f->conf.addr.port;
}

/* One that is open, and whose server has compacted beyond it while it could not be reached, goes on
 * by itself. */
static void test_open_meanwhile(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *dir = tmpdir_new();
    uint16_t port = f->server_conf.port;
    struct ate__pipe *behind = open_mirror(f, dir, 0);
    struct ate__receipt receipt;
    struct ate_hash last;
    far_put(f, behind, 7000);
    hide(f, 0);
    struct ate__pipe *thin = far_open(f);
    write_all(f, thin, &last);
    compact(f, CUT_OFF);
    far_close(thin);
    hide(f, port);
    int rc = ate__pipe_sync(behind, &receipt);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(far_has(behind, 7000) && far_has(behind, 1) && far_has(behind, OBJECTS + 1));
    far_put(f, behind, 7001);
    far_close(behind);
    behind = open_mirror(f, dir, 0);
    assert_true(far_has(behind, 7000) && far_has(behind, 1) && far_has(behind, 7001));
    far_close(behind);
    far_free(f);
}

/* Pieces that nobody has announced, or that are none. */
static void test_pieces(void **state)
{
    (void)state;
    assert_int_equal(ate__mirror_piece(NULL, ATE__MSG_KEPT, ate__bytes("", 0)), ATE_BAD_PEER);
    assert_int_equal(ate__mirror_piece(NULL, ATE__MSG_LEAVES, ate__bytes("", 0)), ATE_BAD_PEER);
}

/* ---- what a hostile server makes of the pieces ---- */

enum { PIECES_MAX = 2000 };
struct pieces { /* as an honest one has sent them */
    struct ate__msg_resync resync;
    struct kit_frame frame[PIECES_MAX];
    size_t count, kept, groups; /* first of these; before them LEAVES */
};

static void nothing(void *arg)
{
    (void)arg;
}

static struct ate__mirror *mirror_of(const struct far *f, const char *dir)
{
    struct ate__mirror_conf conf = {.env = &ate__env_real, .dir = dir, .fed = nothing};
    struct ate__mirror *m;
    assert_int_equal(ate__mirror_new(&conf, &m), 0);
    assert_int_equal(ate__mirror_prepare(m, &f->chain.id), 0);
    return m;
}

/* What a mirror with that head gets, up to the head that RESYNC names. */
static struct pieces *record(struct far *f, const struct ate__head *head)
{
    struct pieces *p = calloc(1, sizeof *p);
    struct kit_client *c = kit_connect(f->server);
    struct ate__msg_group group;
    uint64_t size = 0;
    kit_open(c, 1, &f->chain);
    kit_subscribe(c, 1, head);
    struct kit_frame first = kit_receive(c);
    assert_int_equal(first.type, ATE__MSG_RESYNC);
    assert_int_equal(ate__msg_resync_decode(ate__buf_bytes(&first.body), &p->resync), 0);
    kit_frame_free(&first);
    while (size < p->resync.head.size) {
        assert_true(p->count < PIECES_MAX);
        struct kit_frame *frame = &p->frame[p->count++];
        *frame = kit_receive(c);
        p->kept += frame->type == ATE__MSG_LEAVES;
        p->groups += frame->type != ATE__MSG_GROUP;
        if (frame->type != ATE__MSG_GROUP)
            continue;
        assert_int_equal(ate__msg_group_decode(ate__buf_bytes(&frame->body), &group), 0);
        size = group.first_sequence + group.count;
    }
    kit_close(c);
    assert_true(p->kept && p->groups > p->kept + 3 && p->count > p->groups + 3);
    return p;
}

static void pieces_free(struct pieces *p)
{
    for (size_t i = 0; i < p->count; i++)
        kit_frame_free(&p->frame[i]);
    free(p);
}

static int give(struct ate__mirror *m, const struct kit_frame *frame)
{
    struct ate_bytes body = ate__buf_bytes(&frame->body);
    int rc = frame->type == ATE__MSG_GROUP ? ate__mirror_group(m, body)
                                           : ate__mirror_remains(m, frame->type, body);
    return rc ? rc : ate__mirror_failure(m);
}

/* Frames from one on, until one is refused. */
static int give_all(struct ate__mirror *m, const struct pieces *p, size_t from, size_t end)
{
    int rc = 0;
    for (size_t i = from; !rc && i < end; i++)
        rc = give(m, &p->frame[i]);
    return rc;
}

static int give_resync(struct ate__mirror *m, const struct ate__msg_resync *msg)
{
    ate__mirror_lost(m);
    int rc = ate__mirror_resync(m, msg);
    return rc ? rc : ate__mirror_failure(m);
}

static int give_whole(struct ate__mirror *m, const struct pieces *p)
{
    int rc = give_resync(m, &p->resync);
    return rc ? rc : give_all(m, p, 0, p->count);
}

enum twist { TWICE, LEFT_OUT, SWAPPED, LAST_FIRST, AGAIN_AT_THE_END, TWISTS };

/* All of it, but for what happens to the frame at `at`. */
static int give_twisted(struct ate__mirror *m, const struct pieces *p, enum twist twist, size_t at)
{
    const struct kit_frame *there = &p->frame[at];
    int rc = give_resync(m, &p->resync);
    if (!rc)
        rc = give_all(m, p, 0, at);
    if (!rc && twist == LAST_FIRST)
        rc = give(m, &p->frame[p->count - 1]);
    if (!rc && twist == SWAPPED)
        rc = give(m, there + 1);
    if (!rc && twist != LEFT_OUT)
        rc = give(m, there);
    if (!rc && twist == TWICE)
        rc = give(m, there);
    if (!rc)
        rc = give_all(m, p, at + (twist == SWAPPED ? 2 : 1), p->count - 1);
    if (!rc && twist == AGAIN_AT_THE_END)
        rc = give(m, there);
    return rc ? rc : give(m, &p->frame[p->count - 1]);
}

static void check_as_it_was(struct ate__mirror *m, const struct ate__head *want)
{
    struct ate__head head = ate__mirror_head(m);
    assert_memory_equal(&head, want, sizeof head);
}

static bool is_refusal(int rc)
{
    return rc == ATE_TAMPERED || rc == ATE_BAD_PEER || rc == ATE_OMITTED || rc == ATE_FORKED;
}

/* A server with much behind its cut-off, and the directory of a mirror that stopped early. */
static struct far *compacted(const char *dir, struct ate__head *ret_head)
{
    struct far *f = far_new(true);
    struct ate__pipe *p = open_mirror(f, dir, 0);
    struct ate_hash last;
    far_put(f, p, 7000);
    *ret_head = far_head(p);
    far_close(p);
    p = far_open(f);
    write_all(f, p, &last);
    far_close(p);
    compact(f, CUT_OFF);
    p = far_open(f);
    for (uint64_t i = 0; i < 5; i++)
        far_put(f, p, 7001 + i);
    far_close(p);
    return f;
}

/* Whatever comes twice, too late or not at all, the mirror is as it was. */
static void test_twisted(void **state)
{
    (void)state;
    const char *dir = tmpdir_new();
    struct ate__head old;
    struct far *f = compacted(dir, &old);
    struct pieces *p = record(f, &old);
    struct ate__mirror *m = mirror_of(f, dir);
    const size_t places[] = {0, p->kept, p->kept + 1, p->groups - 1, p->groups, p->count - 2};
    for (enum twist t = 0; t < TWISTS; t++)
        for (size_t i = 0; i < ATE__COUNT_OF(places); i++) {
            int rc = give_twisted(m, p, t, places[i]);
            if (!is_refusal(rc))
                fail_msg("twist %d at %zu: %d %s", t, places[i], rc, ate__error_text());
            check_as_it_was(m, &old);
        }
    /* More than what was said, and without end. */
    assert_int_equal(give_resync(m, &p->resync), 0);
    assert_int_equal(give_all(m, p, 0, p->groups), 0);
    assert_int_equal(give(m, &p->frame[p->groups - 1]), ATE_TAMPERED);
    /* A frame cut short. */
    struct kit_frame *part = &p->frame[p->kept];
    part->body.size--;
    assert_int_equal(give_twisted(m, p, TWICE, 0), ATE_TAMPERED);
    assert_int_equal(give_resync(m, &p->resync), 0);
    assert_int_equal(give_all(m, p, 0, p->count), ATE_BAD_PEER);
    part->body.size++;
    check_as_it_was(m, &old);
    /* An honest one goes on with it. */
    assert_int_equal(give_whole(m, p), 0);
    check_as_it_was(m, &p->resync.head);
    ate__mirror_free(m);
    pieces_free(p);
    far_free(f);
}

/* The connection ends behind each frame; the next one begins again. */
static void test_cut_everywhere(void **state)
{
    (void)state;
    const char *dir = tmpdir_new();
    struct ate__head old;
    struct far *f = compacted(dir, &old);
    struct pieces *p = record(f, &old);
    struct ate__mirror *m = mirror_of(f, dir);
    for (size_t end = 0; end < p->count; end += 1 + end / 8) {
        assert_int_equal(give_resync(m, &p->resync), 0);
        assert_int_equal(give_all(m, p, 0, end), 0);
        check_as_it_was(m, &old);
        if (end % 2) { /* the program ends there, too */
            ate__mirror_free(m);
            m = mirror_of(f, dir);
            assert_false(is_there(dir, ",resync"));
        }
    }
    assert_int_equal(give_whole(m, p), 0);
    check_as_it_was(m, &p->resync.head);
    ate__mirror_free(m);
    struct ate__pipe *q = open_mirror(f, dir, 0);
    check(q, &p->resync.head);
    assert_true(far_has(q, 7000) && far_has(q, 7005));
    far_close(q);
    pieces_free(p);
    far_free(f);
}

/* What was received before the server compacted once more does not mix with what comes then. */
static void test_compacted_meanwhile(void **state)
{
    (void)state;
    const char *dir = tmpdir_new();
    struct ate__head old;
    struct far *f = compacted(dir, &old);
    struct pieces *p = record(f, &old), *later;
    struct ate__pipe *thin = far_open(f);
    struct ate_hash last;
    for (unsigned i = 0; i < 800; i++)
        change_of(f, thin, CHANGED + 1, 90, &last, !i);
    far_close(thin);
    compact(f, 1300);
    later = record(f, &old);
    struct ate__mirror *m = mirror_of(f, dir);
    size_t half = (p->kept + p->groups) / 2;
    assert_int_equal(give_resync(m, &p->resync), 0);
    assert_int_equal(give_all(m, p, 0, half), 0);
    assert_true(is_refusal(give_all(m, later, later->kept, later->count)));
    check_as_it_was(m, &old);
    assert_int_equal(give_resync(m, &p->resync), 0);
    assert_int_equal(give_all(m, p, 0, half), 0);
    assert_int_equal(give_resync(m, &later->resync), 0); /* on another link */
    assert_int_equal(give_all(m, later, 0, later->count), 0);
    check_as_it_was(m, &later->resync.head);
    ate__mirror_free(m);
    pieces_free(later);
    pieces_free(p);
    far_free(f);
}

/* All of another chain, its certificate as well; and one that is too large for any disk. */
static void test_another_chain(void **state)
{
    (void)state;
    struct ate__head old, empty = kit_empty_head();
    struct far *f = compacted(tmpdir_new(), &old), *other = far_new(true);
    struct pieces *p = record(f, &empty), *of_old = record(f, &old);
    const char *dirs[] = {tmpdir_new(), NULL};
    for (size_t i = 0; i < ATE__COUNT_OF(dirs); i++) {
        struct ate__mirror *m = mirror_of(other, dirs[i]);
        assert_int_equal(give_resync(m, &p->resync), 0);
        int rc = give_all(m, p, 0, p->count);
        if (!is_refusal(rc) && rc != ATE_WRONG_CHAIN)
            fail_msg("%d %s", rc, ate__error_text());
        assert_int_equal(ate__mirror_head(m).size, 0);
        struct ate__msg_resync large = p->resync;
        large.cut_off = UINT64_MAX - 2;
        large.certified = large.head.size = UINT64_MAX - 1;
        assert_int_equal(give_resync(m, &large), ATE_TOO_BIG);
        ate__mirror_free(m);
    }
    /* Its own mirror, which has seen another beginning. */
    struct ate__pipe *q = open_mirror(other, dirs[0], 0);
    far_put(other, q, 1);
    old = far_head(q);
    far_close(q);
    struct ate__mirror *m = mirror_of(other, dirs[0]);
    assert_int_equal(give_resync(m, &of_old->resync), ATE_FORKED);
    check_as_it_was(m, &old);
    ate__mirror_free(m);
    pieces_free(of_old);
    pieces_free(p);
    far_free(other);
    far_free(f);
}

/* ---- this machine's part ---- */

/* What this machine's disk says is handed on as it is: it is not the server's. What a process that
 * was killed has left aside goes when the mirror is opened. */
static void test_what_lies_aside(void **state)
{
    (void)state;
    const char *dir = tmpdir_new();
    struct ate__head old;
    struct far *f = compacted(dir, &old);
    struct pieces *p = record(f, &old);
    char aside[600], below[700], deep[800];
    snprintf(aside, sizeof aside, "%s/,resync", dir);
    snprintf(below, sizeof below, "%s/a", aside);
    snprintf(deep, sizeof deep, "%s/b", below);
    assert_true(!mkdir(aside, 0700) && !mkdir(below, 0700) && !mkdir(deep, 0700));
    struct ate__mirror *m = mirror_of(f, dir);
    int rc = give_resync(m, &p->resync);
    if (!rc || is_refusal(rc) || rc == ATE_WRONG_CHAIN)
        fail_msg("%d %s", rc, ate__error_text());
    check_as_it_was(m, &old);
    ate__mirror_free(m);
    assert_true(!rmdir(deep) && !rmdir(below));
    assert_true(is_there(dir, ",resync"));
    m = mirror_of(f, dir);
    assert_false(is_there(dir, ",resync"));
    ate__mirror_free(m);
    struct ate__pipe *q = open_mirror(f, dir, 0);
    check(q, &p->resync.head);
    far_close(q);
    pieces_free(p);
    far_free(f);
}

/* An allocation fails, here and there: the mirror is as it was, and the next try works. */
static void test_no_memory(void **state)
{
    (void)state;
    struct ate__head old, empty = kit_empty_head();
    struct far *f = compacted(tmpdir_new(), &old);
    struct pieces *p = record(f, &empty);
    far_stop(f);
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        unsigned refused = 0;
        bool failed = true;
        for (uint64_t n = 1; failed; n += 1 + n / 4) {
            const char *dir = in_memory ? NULL : tmpdir_new();
            heap_start();
            struct ate__mirror *m = mirror_of(f, dir);
            heap_fail(n, false);
            int rc = give_whole(m, p);
            failed = heap_failed();
            heap_fail(0, false);
            assert_true(!rc || (rc == ATE_E_MEMORY && *ate__error_text()));
            refused += rc != 0;
            assert_true(!rc == (ate__mirror_head(m).size != 0));
            assert_int_equal(rc ? give_whole(m, p) : 0, 0);
            check_as_it_was(m, &p->resync.head);
            ate__mirror_free(m);
            heap_stop();
        }
        assert_true(refused > 10);
    }
    far_start(f);
    pieces_free(p);
    far_free(f);
}

/* ---- whoever stopped at any size ---- */

/* The first frame of that stream; what comes of others that were closed is passed over. */
static struct kit_frame receive_of(struct kit_client *c, uint32_t stream)
{
    struct kit_frame f = kit_receive(c);
    while (f.stream != stream) {
        kit_frame_free(&f);
        f = kit_receive(c);
    }
    return f;
}

/* A client that stopped at that head is shown that the newest one extends it. True: and that what
 * lies between was compacted. */
static bool go_on_from(struct kit_client *c, const struct far *f, uint32_t stream,
                       const struct ate__head *head, const struct ate__head *newest)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    struct ate__msg_subscribed subscribed;
    struct ate__msg_resync resync;
    ate__msg_open_encode(&w, &(struct ate__msg_open){ate__text_bytes(f->chain.path)});
    assert_int_equal(ate__wr_end(&w), 0);
    kit_send(c, ATE__MSG_OPEN, stream, ate__buf_bytes(&body));
    struct kit_frame frame = receive_of(c, stream);
    assert_int_equal(frame.type, ATE__MSG_OPENED);
    kit_frame_free(&frame);
    kit_subscribe(c, stream, head);
    frame = receive_of(c, stream);
    bool compacted = frame.type == ATE__MSG_RESYNC;
    if (compacted) {
        assert_int_equal(ate__msg_resync_decode(ate__buf_bytes(&frame.body), &resync), 0);
        subscribed = (struct ate__msg_subscribed){resync.head, resync.consistency};
    } else {
        assert_int_equal(frame.type, ATE__MSG_SUBSCRIBED);
        assert_int_equal(ate__msg_subscribed_decode(ate__buf_bytes(&frame.body), &subscribed), 0);
    }
    assert_memory_equal(&subscribed.head, newest, sizeof *newest);
    assert_int_equal(ate__merkle_check_consistency(head->size, &head->root, newest->size,
                                                   &newest->root, &subscribed.consistency),
                     0);
    kit_send(c, ATE__MSG_CLOSE, stream, ate__bytes(NULL, 0));
    kit_frame_free(&frame);
    ate__buf_deinit(&body);
    return compacted;
}

/* The same by what a thin client asks. */
static void prove_from(struct ate__pipe *p, const struct ate__head *head,
                       const struct ate__head *newest)
{
    struct ate__proof path;
    assert_int_equal(p->v->far->consistency(p, head->size, newest->size, &path), 0);
    assert_int_equal(
        ate__merkle_check_consistency(head->size, &head->root, newest->size, &newest->root, &path),
        0);
}

static void test_every_size(void **state)
{
    (void)state;
    static struct ate__head head[OBJECTS + CHANGES + 8];
    struct far *f = far_new(false);
    struct ate__pipe *p = open_mirror(f, NULL, 0);
    struct ate_hash last;
    write_all(f, p, &last);
    uint64_t size = far_head(p).size;
    assert_true(size < ATE__COUNT_OF(head));
    for (uint64_t n = 1; n <= size; n++) {
        head[n].size = n;
        assert_int_equal(ate__chain_root_at(p->v->chain(p), n, &head[n].root), 0);
    }
    far_close(p);
    for (int how = 0; how < 3; how++) { /* whole, shallow, deep */
        uint64_t resyncs = 0;
        if (how)
            compact(f, how == 1 ? 0 : CUT_OFF);
        p = far_open(f);
        struct ate__head newest = far_head(p);
        struct kit_client *c = kit_connect(f->server);
        for (uint64_t n = 1; n <= size; n++) {
            resyncs += go_on_from(c, f, (uint32_t)n, &head[n], &newest);
            prove_from(p, &head[n], &newest);
        }
        assert_true(how < 2 ? !resyncs : resyncs >= CUT_OFF / 2);
        kit_close(c);
        far_close(p);
    }
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),     cmocka_unit_test(test_mirrors),
        cmocka_unit_test(test_open_meanwhile), cmocka_unit_test(test_while_fetching),
        cmocka_unit_test(test_pieces),         cmocka_unit_test(test_twisted),
        cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_compacted_meanwhile),
        cmocka_unit_test(test_another_chain),  cmocka_unit_test(test_what_lies_aside),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
