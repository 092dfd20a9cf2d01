/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_bench.c: how fast a chain is here: in a directory, or at a server.
 *
 * What it writes goes into a chain that held nothing. A chain in a directory that was made for it
 * is removed again, file by file of its own folder, and nothing else is.
 */
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/bench.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SIZE = 1024,             /* bytes of an object, unless it is given */
    COUNT_MAX = 1000000,     /* operations */
    FILL_BYTES_MAX = 64 << 20, /* stored before, unless --objects says how many */
    SHOWN = 512
};

struct bench {
    const struct options *o;
    struct options chain; /* those of the chain: its operand is the first */
    const struct kind *kind;
    struct opened at;
    struct bench_job job;
    uint64_t count, clients;
    bool had_folder, had_log; /* before anything was opened */
    bool opens;               /* what is timed are opens */
};
struct kind {
    const char *name, *one, *many; /* the word; what is counted */
    uint64_t count, objects;       /* unless they are given */
    int (*run)(struct bench *b);
};

/* ---- the place ---- */

static bool is_there(const char *path)
{
    struct stat st;
    return !lstat(path, &st) || errno != ENOENT;
}

static int look_at_place(struct bench *b)
{
    ate__cleanup(ate__freep) char *log = ate__format("%s/,chain", b->chain.operand[0]);
    if (!log)
        return ate__no_memory();
    b->had_folder = is_there(b->chain.operand[0]);
    b->had_log = is_there(log);
    return 0;
}

static int remove_files(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), error = 0;
    DIR *files = fd < 0 ? NULL : fdopendir(fd);
    if (!files) {
        error = errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    for (struct dirent *e; !error && (e = readdir(files));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            unlinkat(dirfd(files), e->d_name, 0) && errno != ENOENT)
            error = errno;
    closedir(files);
    return error;
}

/* The folder of the chain, where somebody put something beside the log, stays. */
static void remove_made(const struct bench *b)
{
    const char *where = b->chain.operand[0];
    ate__cleanup(ate__freep) char *log = ate__format("%s/,chain", where);
    char shown[SHOWN];
    int error = log ? remove_files(log) : ENOMEM;
    if (!error && rmdir(log))
        error = errno;
    if (!error && !b->had_folder && rmdir(where) && errno != ENOTEMPTY && errno != EEXIST)
        error = errno;
    if (error)
        ate__note("%s: what was made stays behind: %s",
                  ate__escaped(ate__text_bytes(where), shown, sizeof shown), strerror(error));
}

/* ---- what is told ---- */

static const char *duration_text(uint64_t ns, char text[ATE__SIZE_TEXT])
{
    double us = (double)ns / 1000;
    if (us < 1000)
        snprintf(text, ATE__SIZE_TEXT, "%.*f us", us < 10 ? 2 : us < 100 ? 1 : 0, us);
    else if (us < 1000000)
        snprintf(text, ATE__SIZE_TEXT, "%.2f ms", us / 1000);
    else
        snprintf(text, ATE__SIZE_TEXT, "%.2f s", us / 1000000);
    return text;
}

static void tell_json(const struct bench *b, const struct bench_crew *c, double rate)
{
    json_t *object = json_object();
    ate__json_set_text(object, "bench", b->kind->name);
    ate__json_set_bool(object, "remote", b->at.remote);
    ate__json_set_number(object, "clients", b->clients);
    ate__json_set_number(object, "size", b->job.size);
    if (b->kind->objects)
        ate__json_set_number(object, "objects", b->job.objects);
    if (b->opens)
        ate__json_set_bool(object, "view_image", !b->job.no_view_image && !b->at.remote);
    ate__json_set_number(object, "count", c->count);
    ate__json_set_number(object, "elapsed_ns", c->elapsed_ns);
    if (object)
        (void)!json_object_set_new(object, "rate", json_real(rate));
    ate__json_set_number(object, "p50_ns", bench_quantile(c, 500000));
    ate__json_set_number(object, "p99_ns", bench_quantile(c, 990000));
    ate__json_set_number(object, "p999_ns", bench_quantile(c, 999000));
    ate__print_json(object);
}

/* what: of several lines of one benchmark, which this is; or "" */
static int tell(const struct bench *b, const struct bench_crew *c, const char *what)
{
    char size[ATE__SIZE_TEXT], elapsed[ATE__SIZE_TEXT], times[3][ATE__SIZE_TEXT];
    double rate = (double)c->count * 1e9 / (double)(c->elapsed_ns ? c->elapsed_ns : 1);
    if (ate__out.json) {
        tell_json(b, c, rate);
        return ate__out_flush();
    }
    ate__print("%s%s: %" PRIu64 " %s", b->kind->name, what, c->count,
               c->count == 1 ? b->kind->one : b->kind->many);
    if (b->kind->objects)
        ate__print(", %" PRIu64 " objects of %s", b->job.objects,
                   ate__size_text(b->job.size, size));
    else
        ate__print(" of %s", ate__size_text(b->job.size, size));
    ate__print(", %" PRIu64 " client%s, %s: %.*f/s, p50 %s, p99 %s, p99.9 %s\n", b->clients,
               b->clients == 1 ? "" : "s", duration_text(c->elapsed_ns, elapsed),
               rate < 100 ? 2 : 0, rate, duration_text(bench_quantile(c, 500000), times[0]),
               duration_text(bench_quantile(c, 990000), times[1]),
               duration_text(bench_quantile(c, 999000), times[2]));
    return ate__out_flush();
}

/* ---- the benchmarks ---- */

static int run_crew(struct bench *b, int (*work)(struct bench_client *me), uint64_t count,
                    size_t clients)
{
    struct bench_crew c = {
        .stage = b->kind->name, .clients = clients, .count = count, .work = work, .arg = &b->job};
    int rc = bench_run(&c);
    if (!rc)
        rc = tell(b, &c, "");
    bench_end(&c);
    return rc;
}

static int run_append(struct bench *b)
{
    return run_crew(b, bench_append, b->count, b->clients);
}

static int run_get(struct bench *b)
{
    b->job.ids = ate__alloc_array((size_t)b->job.objects, sizeof *b->job.ids);
    int rc = b->job.ids ? bench_fill(&b->job) : ate__no_memory();
    return rc ? rc : run_crew(b, bench_get, b->count, b->clients);
}

static int open_often(struct bench *b, const char *what, bool no_view_image)
{
    struct bench_crew c = {.stage = b->kind->name,
                           .clients = 1,
                           .count = b->count,
                           .work = bench_open,
                           .arg = &b->job};
    b->job.no_view_image = no_view_image;
    b->opens = true;
    int rc = bench_run_here(&c);
    if (!rc)
        rc = tell(b, &c, what);
    bench_end(&c);
    return rc;
}

/* The close that ends a handle with an image writes one; a short log gets none. */
static int run_open(struct bench *b)
{
    int rc = bench_fill(&b->job);
    if (rc || b->at.remote)
        return rc ? rc : open_often(b, "", true);
    rc = open_often(b, ", all verified", true);
    ate__cleanup(ate__freep) char *image = ate__format("%s/,chain/view", b->chain.operand[0]);
    if (!image)
        return ate__no_memory();
    if (!rc)
        rc = open_again(&b->chain, false, &b->at);
    if (!rc)
        rc = open_again(&b->chain, false, &b->at);
    if (rc)
        return rc;
    if (!is_there(image)) {
        ate__note("ate: bench: the log is too short for a view image");
        return 0;
    }
    return open_often(b, ", with a view image", false);
}

/* Events of a chain at a server come to a mirror alone: to the one that is given, or to one in
 * memory. */
static int run_watch(struct bench *b)
{
    struct options mirrored = b->chain;
    size_t n = (size_t)b->clients + 1;
    int rc = 0;
    if (b->at.remote && !mirrored.mirror) {
        mirrored.mirror = "";
        rc = open_again(&mirrored, false, &b->at);
    }
    b->job.commits = b->count;
    b->job.starts_ns = ate__alloc_array((size_t)b->count, sizeof *b->job.starts_ns);
    b->job.watches = ate__alloc_array(n, sizeof *b->job.watches);
    if (!rc && (!b->job.starts_ns || !b->job.watches))
        rc = ate__no_memory();
    for (size_t i = 1; !rc && i < n; i++)
        rc = ate_watch_start(b->at.chain, NULL, ate_top, ATE_TREE, ATE_NOW, &b->job.watches[i]);
    if (!rc)
        rc = run_crew(b, bench_watch, b->count * b->clients, n);
    for (size_t i = 1; b->job.watches && i < n; i++)
        ate_watch_end(b->job.watches[i]);
    return rc;
}

static const struct kind kinds[] = {
    {"append", "commit", "commits", 1000, 0, run_append},
    {"open", "open", "opens", 10, 10000, run_open},
    {"get", "get", "gets", 10000, 1000, run_get},
    {"watch", "event", "events", 1000, 0, run_watch},
};

/* ---- the command ---- */

static int usage(const struct bench *b)
{
    char shown[64];
    const struct options *o = b->o;
    if (!b->kind)
        return ate__report_usage("\"%s\": append, open, get or watch",
                                 ate__escaped(ate__text_bytes(o->operand[0]), shown, sizeof shown));
    if (b->count > COUNT_MAX)
        return ate__report_usage("--count: at most %d", COUNT_MAX);
    if (o->clients && b->kind->run == run_open)
        return ate__report_usage("-c goes with append, get and watch: one opens at a time");
    if (o->objects && !b->kind->objects)
        return ate__report_usage("--objects goes with open and get: what the chain holds before");
    if (b->kind->run == run_watch && b->count * b->clients > BENCH_TIMES_MAX)
        return ate__report_usage("at most %d events: --count times -c", BENCH_TIMES_MAX);
    return 0;
}

static void take_options(struct bench *b)
{
    const struct options *o = b->o;
    for (size_t i = 0; i < ATE__COUNT_OF(kinds); i++)
        if (!strcmp(kinds[i].name, o->operand[0]))
            b->kind = &kinds[i];
    b->chain = *o;
    b->chain.operand[0] = o->operand[1];
    b->chain.operand_count = 1;
    b->clients = o->clients ? o->clients : 1;
    b->job.options = &b->chain;
    b->job.at = &b->at;
    b->job.size = (size_t)(o->size_bytes ? o->size_bytes : SIZE);
    if (!b->kind)
        return;
    uint64_t most = FILL_BYTES_MAX / b->job.size;
    b->count = o->count == UINT64_MAX ? b->kind->count : o->count;
    b->job.objects = o->objects ? o->objects : b->kind->objects > most ? most : b->kind->objects;
}

/* The genesis is the first transaction. */
static int check_empty(const struct bench *b)
{
    uint64_t size = ate_chain_head(b->at.chain).size;
    if (ate_chain_was_created(b->at.chain) || size <= 1)
        return 0;
    return ate__fail(ATE_EXISTS,
                     "it holds something (transactions: %" PRIu64 "), and a benchmark writes only "
                     "into a chain that holds nothing: name one that is not there",
                     size - 1);
}

static int measure(struct bench *b, bool *ret_made)
{
    int rc = look_at_place(b);
    if (!rc)
        rc = open_chain(&b->chain, OPEN_CREATES, &b->at);
    if (rc)
        return rc;
    *ret_made = ate_chain_was_created(b->at.chain) && !b->at.remote && !b->had_log;
    rc = check_empty(b);
    if (rc)
        return rc;
    b->job.value = ate__alloc(b->job.size);
    if (!b->job.value)
        return ate__no_memory();
    ate__random(&ate__env_real, b->job.value, b->job.size);
    return b->kind->run(b);
}

static int run(const struct options *o)
{
    struct bench b = {.o = o};
    bool made = false;
    char shown[SHOWN];
    take_options(&b);
    int status = usage(&b);
    if (status)
        return status;
    char *subject = open_subject(&b.chain);
    int rc = measure(&b, &made);
    ate__progress_end();
    if (rc)
        status = open_report(rc, &b.at, subject);
    else if (!made)
        ate__note("%s: what was written stays in the chain",
                  ate__escaped(ate__text_bytes(subject ? subject : ""), shown, sizeof shown));
    status = open_close(&b.at, status);
    if (made)
        remove_made(&b);
    ate__free(b.job.value);
    ate__free(b.job.ids);
    ate__free(b.job.watches);
    ate__free((void *)b.job.starts_ns);
    ate__free(subject);
    return status;
}

const struct command cmd_bench = {
    .name = "bench",
    .summary = "measure how fast a chain is here",
    .operands = "append|open|get|watch CHAIN",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_CLIENTS) | OPT(OPT_SIZE) | OPT(OPT_COUNT) | OPT(OPT_OBJECTS),
    .run = run,
    .help =
        "ate bench append|open|get|watch [-c N] [--size B] [--count N] [--objects N] CHAIN\n"
        "\n"
        "Measures how fast a chain is on this disk, or at that server, with this key: operations\n"
        "a second, and the time that half, 99 % and 99.9 % of them took at most. The chain must\n"
        "hold nothing; one that is not there is made. One in a directory that was made is removed\n"
        "at the end, unless the command is interrupted; any other keeps what was written.\n"
        "\n"
        "  append   durable commits of one object, signed by your key\n"
        "  open     opens of a chain with objects in it; in a directory all of it is verified,\n"
        "           and then with the view image that a close writes\n"
        "  get      objects by their ids, each in a transaction of its own\n"
        "  watch    events: from the beginning of a commit until each watcher has its event\n"
        "\n"
        "  ate bench append trial\n"
        "  ate bench append -c 64 trial\n"
        "  ate bench get --size 64K tcp://HOST/trial#pin=... --json\n"
        "\n"
        "  -c, --clients N  so many at once, threads of this process: 1 to 256 [1]; not of open\n"
        "  --size B         bytes of an object: up to 1M [1K]\n"
        "  --count N        operations: up to 1000000; of watch: commits\n"
        "                   [append, watch 1000; open 10; get 10000]\n"
        "  --objects N      of open and get: what the chain holds: up to 1000000\n"
        "                   [open 10000; get 1000; at most 64 MiB]\n",
};
