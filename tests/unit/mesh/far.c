/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "far.h"
#include "lib/tmpdir.h"
#include "net/addr.h"
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static int on_anchor(void *arg, struct ate__trust *trust, bool whole)
{
    struct far *f = arg;
    assert_memory_equal(ate__trust_chain_id(trust), &f->chain.id, sizeof f->chain.id);
    atomic_fetch_add(&f->anchored, 1);
    return f->anchor_result && (whole || !f->anchor_later)
               ? ate__fail(f->anchor_result, "not this one")
               : 0;
}

static void on_advanced(void *arg, const struct ate_hash *chain_id, uint64_t size,
                        const struct ate_hash *root)
{
    struct far *f = arg;
    (void)root;
    assert_memory_equal(chain_id, &f->chain.id, sizeof *chain_id);
    assert_true(f->anchored > 0);
    atomic_store(&f->advanced, size);
}

static void take_address(struct far *f)
{
    assert_int_equal(ate__addr_parse(ate__server_address(f->server), &f->conf.addr), 0);
    snprintf(f->conf.addr.path, sizeof f->conf.addr.path, "%s", f->chain.path);
    f->server_conf.port = f->conf.addr.port;
}

struct far *far_new(bool everyone)
{
    struct far *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->server_conf = kit_conf(tmpdir_new());
    f->chain = kit_chain_new("/example.com/far", everyone);
    assert_int_equal(ate__workers_new(2, &f->workers), 0);
    f->server = kit_start(&f->server_conf);
    f->conf = (struct ate__remote_conf){
        .env = &ate__env_real,
        .workers = f->workers,
        .timeout_ms = 20000,
        .genesis = ate__buf_bytes(&f->chain.genesis),
        .anchor = on_anchor,
        .advanced = on_advanced,
        .arg = f,
    };
    take_address(f);
    return f;
}

void far_free(struct far *f)
{
    ate__server_end(f->server);
    ate__workers_unref(f->workers);
    kit_chain_free(&f->chain);
    free(f);
}

void far_stop(struct far *f)
{
    ate__server_end(f->server);
    f->server = NULL;
}

void far_start(struct far *f)
{
    f->server = kit_start(&f->server_conf);
}

void far_restart(struct far *f)
{
    far_stop(f);
    far_start(f);
}

int far_try(struct far *f, struct ate__pipe **ret_pipe)
{
    return ate__remote_open(&f->conf, ret_pipe);
}

struct ate__pipe *far_open(struct far *f)
{
    struct ate__pipe *p;
    int rc = far_try(f, &p);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    return p;
}

void far_close(struct ate__pipe *p)
{
    p->v->unref(p);
}

struct ate__head far_head(struct ate__pipe *p)
{
    struct ate__snapshot *s;
    struct ate__head head;
    assert_int_equal(p->v->begin(p, &s), 0);
    p->v->head(s, &head.size, &head.root);
    p->v->end(s);
    return head;
}

struct ate__buf far_tx(struct far *f, struct ate__pipe *p, uint64_t object)
{
    struct ate__head base = far_head(p);
    return kit_put(&f->chain, &base,
                   &(struct kit_put){.object = kit_id(object), .payload_size = 100}, NULL);
}

int far_offer(struct ate__pipe *p, struct ate_bytes tx, int64_t timeout_ms,
              struct ate__receipt *ret_receipt)
{
    struct ate__offer offer = {.encoded = tx, .waits = true, .timeout_ms = timeout_ms};
    p->v->offer(p, &offer);
    p->v->wait(p, &offer);
    if (offer.result)
        ate__error_set(offer.text);
    else if (ret_receipt)
        *ret_receipt = offer.receipt;
    return offer.result;
}

struct ate__receipt far_put(struct far *f, struct ate__pipe *p, uint64_t object)
{
    struct ate__receipt receipt;
    struct ate__buf tx = far_tx(f, p, object);
    int rc = far_offer(p, ate__buf_bytes(&tx), 20000, &receipt);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    ate__buf_deinit(&tx);
    return receipt;
}

bool far_has(struct ate__pipe *p, uint64_t object)
{
    struct ate__snapshot *s;
    struct ate__object_facts facts;
    struct ate_id id = kit_id(object);
    assert_int_equal(p->v->begin(p, &s), 0);
    int rc = ate__facts_object(p->v->facts(s), &id, &facts);
    if (rc)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    p->v->end(s);
    return facts.live;
}

static unsigned count(const char *path)
{
    unsigned entries = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        entries++;
    closedir(dir);
    return entries;
}

unsigned far_fds(void)
{
    return count("/proc/self/fd");
}

unsigned far_threads(void)
{
    return count("/proc/self/task");
}

void far_settle(unsigned fds, unsigned threads)
{
    for (unsigned i = 0; i < 2000 && (far_fds() > fds || far_threads() > threads); i++)
        usleep(10000);
    assert_true(far_fds() <= fds);
    assert_true(far_threads() <= threads);
}
