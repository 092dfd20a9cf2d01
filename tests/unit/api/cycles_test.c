/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Opened and closed again and again, nothing is left: no descriptor, no thread, no mapping, no
 * block of the library's. A chain in a directory, by writers and readers; one at a server, by thin
 * clients and mirrors; servers. An argument says how often (1000); servers and clients take a tenth
 * of it.
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include <dirent.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct note {
    const char *text;
};
ATE_TYPE(note, ATE_FIELD(text));

/* A sanitizer keeps what is freed, and maps as it likes. */
#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_MEMORY false
#endif
#endif
#ifndef COUNTS_MEMORY
#define COUNTS_MEMORY true
#endif

enum {
    PATIENCE_S = 60,
    WARM_PART = 5,
    THREADS_MORE = 2,
    MAPPINGS_MORE = 8,
    RESIDENT_MORE_KIB = 4096
};

static char home[4000];
static unsigned cycles = 1000;

static void expect_(int rc, int line)
{
    if (rc)
        fail_msg("line %d: %s: %s", line, ate_result_name(rc), ate_error());
}
#define expect(rc) expect_(rc, __LINE__)

static const char *path_of(const char *name)
{
    static char path[4][4100];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", home, name);
    return to;
}

/* ---- what a process has ---- */

struct held {
    size_t descriptors, threads, mappings, resident_kib;
};

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static size_t count_mappings(void)
{
    size_t count = 0;
    int c;
    FILE *f = fopen("/proc/self/maps", "re");
    assert_non_null(f);
    while ((c = getc(f)) != EOF)
        count += c == '\n';
    fclose(f);
    return count;
}

static size_t resident_kib(void)
{
    unsigned long size, resident;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
    fclose(f);
    return resident * ((size_t)sysconf(_SC_PAGESIZE) / 1024);
}

static struct held held_now(void)
{
    return (struct held){
        .descriptors = count_entries("/proc/self/fd"),
        .threads = count_entries("/proc/self/task"),
        .mappings = count_mappings(),
        .resident_kib = resident_kib(),
    };
}

static struct held first;

/* A server hears of the end of a connection a moment later. */
static void settle(void)
{
    time_t until = time(NULL) + PATIENCE_S;
    struct held now = held_now();
    while ((now.descriptors > first.descriptors || now.threads > first.threads) &&
           time(NULL) < until) {
        sched_yield();
        now = held_now();
    }
}

/* After the warm part `first` is set; at the end nothing is more. */
static void check_held(unsigned n, unsigned count)
{
    if (n + 1 == count / WARM_PART)
        first = held_now();
    if (n + 1 != count)
        return;
    settle();
    struct held last = held_now();
    print_message("%u times: descriptors %zu to %zu, threads %zu to %zu, mappings %zu to %zu, "
                  "resident %zu to %zu KiB\n",
                  count, first.descriptors, last.descriptors, first.threads, last.threads,
                  first.mappings, last.mappings, first.resident_kib, last.resident_kib);
    assert_true(last.descriptors <= first.descriptors);
    assert_true(last.threads <= first.threads + THREADS_MORE); /* a pool begins them on demand */
    if (!COUNTS_MEMORY)
        return;
    assert_true(last.mappings <= first.mappings + MAPPINGS_MORE);
    assert_true(last.resident_kib <= first.resident_kib + RESIDENT_MORE_KIB);
}

/* ---- one time ---- */

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    return 0;
}

static void use(const char *address, unsigned flags, const struct ate_chain_conf *conf, bool writes)
{
    struct ate_session *me;
    struct ate_chain *chain;
    struct ate_txn *txn;
    const struct note *found;
    struct ate_id id;
    char text[16];
    expect(ate_session_open(path_of("key"), ATE_CREATE, &me));
    expect(ate_chain_open(address, me, flags, conf, &chain));
    expect(ate_txn_begin(chain, NULL, writes ? 0 : ATE_READ, &txn));
    if (writes) {
        snprintf(text, sizeof text, "%u", flags);
        expect(ate_put_as(txn, note, ate_top, "note", &(struct note){text}, &id));
        expect(ate_txn_commit(txn, NULL));
    } else {
        expect(ate_find(txn, note, ate_top, "note", &id, &found));
    }
    ate_txn_end(txn);
    ate_chain_close(chain);
    ate_session_close(me);
}

static void a_chain_in_a_directory(void **state)
{
    (void)state;
    const struct ate_chain_conf plain = {.no_view_image = true}, imaged = {.sync = ATE_SYNC_ALWAYS};
    heap_start();
    for (unsigned n = 0; n < cycles; n++) {
        bool writes = n % (cycles / 10) == 0;
        use(path_of("notes"), n ? (n % 2 && !writes ? ATE_READ : 0) : ATE_CREATE,
            n % 3 ? &plain : &imaged, writes);
        check_held(n, cycles);
    }
    heap_stop();
}

static struct ate_server *server_at(const char *logs)
{
    struct ate_server_conf conf = {.logs = path_of(logs), .any_port = true, .no_auth = true};
    struct ate_server *server;
    expect(ate_server_start(&conf, &server));
    return server;
}

/* tcp://host:port/test/notes#pin=... */
static const char *address_at(struct ate_server *server)
{
    static char address[700];
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    snprintf(address, sizeof address, "%.*s/test/notes%s", (int)(hash - all - 1), all, hash);
    return address;
}

static void clients_of_a_server(void **state)
{
    (void)state;
    unsigned count = cycles / 10;
    heap_start();
    struct ate_server *server = server_at("logs");
    char place[4100];
    snprintf(place, sizeof place, "%s", path_of("mirror"));
    const struct ate_chain_conf mirror = {.mirror_dir = place};
    for (unsigned n = 0; n < count; n++) {
        /* Only before the count: what is written may take a file more. */
        bool writes = n % 8 == 0 && n < count / WARM_PART;
        use(address_at(server), n ? 0 : ATE_CREATE, n % 4 == 3 ? &mirror : NULL, writes);
        check_held(n, count);
    }
    ate_server_end(server);
    heap_stop();
}

static void servers(void **state)
{
    (void)state;
    unsigned count = cycles / 10;
    heap_start();
    for (unsigned n = 0; n < count; n++) {
        struct ate_server *server = server_at("logs");
        use(address_at(server), n ? 0 : ATE_CREATE, NULL, n % 8 == 0);
        ate_server_end(server);
        check_held(n, count);
    }
    heap_stop();
}

/* What a process makes once is made before anything is counted. */
static int once(void **state)
{
    int rc = set_up(state);
    struct ate_server *server = server_at("logs");
    use(address_at(server), ATE_CREATE, NULL, true);
    ate_server_end(server);
    return rc;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_chain_in_a_directory, set_up),
        cmocka_unit_test_setup(clients_of_a_server, set_up),
        cmocka_unit_test_setup(servers, set_up),
    };
    if (argc > 1)
        cycles = (unsigned)strtoul(argv[1], NULL, 10);
    mallopt(M_ARENA_MAX, 1); /* where freed blocks lie is then the same each time */
    return cmocka_run_group_tests(tests, once, NULL);
}
