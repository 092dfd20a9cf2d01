/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * main.c: serves until a signal ends it.
 */
#include "ate/session.h"
#include "base/alloc.h"
#include "api/host_key.h"
#include "api/plugin.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/atedb/options.h"
#include "bin/common/out.h"
#include "bin/common/plugins.h"
#include "bin/common/units.h"
#include "crypto/secret.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* There in a build with a leak checker, which looks into its own process by tracing it. */
void __lsan_enable(void) __attribute__((weak));

/* ---- where the chains lie ---- */

static int default_logs(char **ret_logs)
{
    const char *state = getenv("STATE_DIRECTORY"), *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (state && state[0] == '/')
        *ret_logs = ate__format("%s/logs", state);
    else if (geteuid() == 0)
        *ret_logs = ate__copy_text("/var/lib/atedb/logs");
    else if (data && data[0] == '/')
        *ret_logs = ate__format("%s/atedb/logs", data);
    else if (home && home[0] == '/')
        *ret_logs = ate__format("%s/.local/share/atedb/logs", home);
    else
        return ate__fail(ATE_MISUSE, "neither HOME nor STATE_DIRECTORY is set: name the directory "
                                     "of the logs");
    return *ret_logs ? 0 : ate__no_memory();
}

/* ---- log lines ---- */

static void log_line(void *arg, int level, const char *line)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    int most = ate__out.quiet ? 1 : 2 + ate__out.verbose;
    (void)arg;
    if (level > most)
        return;
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_text(object, "level", levels[level]);
        ate__json_set_text(object, "text", line);
        char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
        if (text)
            fprintf(stderr, "%s\n", text);
        ate__free(text);
        json_decref(object);
    } else {
        fprintf(stderr, "atedb: %s: %s\n", levels[level], line);
    }
}

/* ---- ready ---- */

static void notify_systemd(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    (void)!sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    close(fd);
}

static char *ready_line(const struct options *o, const char *address)
{
    if (!ate__out.json)
        return ate__format("%s     logs in %s, %s\n", address, o->logs,
                           o->conf.no_auth ? "anyone may create chains (--no-auth)"
                                           : "serves the chains it has and creates none");
    json_t *object = json_object();
    ate__json_set_text(object, "address", address);
    ate__json_set_text(object, "logs", o->logs);
    json_object_set_new(object, "no_auth", json_boolean(o->conf.no_auth));
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    char *line = text ? ate__format("%s\n", text) : NULL;
    ate__free(text);
    json_decref(object);
    return line;
}

static void say_ready(const struct options *o, const struct ate__server *server)
{
    char *line = ready_line(o, ate__server_address(server));
    if (!line)
        return;
    fputs(line, stdout);
    fflush(stdout);
    if (o->ready_fd >= 0)
        (void)!write(o->ready_fd, line, strlen(line));
    ate__free(line);
    notify_systemd();
}

/* ---- life ---- */

/* Taken by sigwait() alone, so they are blocked before the first thread starts. */
static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* As many connections and chains as the system allows; libuv and OpenSSL use no select(). */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
}

static uint64_t limit_of(const struct ate__server_conf *conf, const char *name)
{
    const char *found;
    uint64_t value = 0;
    for (size_t at = 0; ate__server_limit_next(conf, &at, &found, &value);)
        if (!strcmp(found, name))
            break;
    return value;
}

/* The files of chains have room beside any number of connections: else newcomers could stop the
 * commits of those who are there. */
static int share_descriptors(struct ate__server_conf *conf)
{
    struct rlimit limit;
    char line[128];
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 2 >= limit_of(conf, "connections"))
        return 0;
    uint64_t most = limit.rlim_cur > 2 ? limit.rlim_cur / 2 : 1;
    snprintf(line, sizeof line, "%llu connections at most: this process may have %llu descriptors",
             (unsigned long long)most, (unsigned long long)limit.rlim_cur);
    log_line(NULL, 2, line);
    return ate__server_limit_set(conf, "connections", most);
}

/* A chain that is just being opened holds the end up, or a plug-in that does not return, and
 * nothing else can: what was acknowledged is on disk, so there is nothing to wait for. */
static void on_late(int signal_number)
{
    static const char line[] =
        "atedb: warning: a chain was still being opened, or a plug-in at work: "
        "left as it is\n";
    (void)signal_number;
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    _exit(0);
}

static void end_in_time(const struct options *o, struct ate__server *server,
                        struct ate__host_key *key, struct ate__plugin_host *host,
                        struct plugins *plugins)
{
    signal(SIGALRM, on_late);
    alarm((unsigned)(limit_of(&o->conf, "drain-ms") / 1000) + 1);
    ate__server_end(server);
    ate__host_key_free(key);
    ate__plugin_set_free(host->set);
    plugins_end(plugins);
    alarm(0);
}

static int start(struct ate__server_conf *conf, const struct plugins *plugins,
                 struct ate__plugin_host *host, struct ate__host_key **ret_key,
                 struct ate__server **ret_server)
{
    int rc = share_descriptors(conf);
    if (!rc)
        rc = ate__host_key_serve(conf, ret_key);
    if (!rc)
        rc = ate__plugin_host_init(host, plugins->items, plugins->count, conf);
    if (!rc && host->set && host->set->voter.vote)
        ate__voter_join(&host->set->voter, &conf->compact);
    return rc ? rc : ate__server_start(conf, ret_server);
}

static int serve(const struct options *o)
{
    struct ate__server_conf conf = o->conf;
    struct ate__plugin_host host = {.set = NULL};
    struct ate__host_key *key = NULL;
    struct plugins plugins = {.count = 0};
    struct ate__server *server;
    sigset_t signals;
    int signal_number;
    block_signals(&signals);
    raise_descriptors();
    int rc = plugins_load(&plugins, o->plugin, o->plugin_count);
    if (!rc)
        rc = start(&conf, &plugins, &host, &key, &server);
    if (rc) {
        int status = ate__report(rc, o->logs);
        ate__host_key_free(key);
        ate__plugin_set_free(host.set);
        plugins_end(&plugins);
        return status;
    }
    say_ready(o, server);
    while (sigwait(&signals, &signal_number) == EINTR)
        ;
    log_line(NULL, 2, "ending: answering what is in flight");
    end_in_time(o, server, key, &host, &plugins);
    return 0;
}

/* Zone file lines: what a client takes for the pin (docs/format/keys.md). */
static int print_records(const struct options *o, const struct ate_hash *pin)
{
    char text[ATE__HASH_TEXT], hex[2 * sizeof pin->b + 1];
    ate__hex_encode(ate__bytes(pin->b, sizeof pin->b), hex);
    ate__hash_text(pin, text);
    ate__cleanup(ate__freep) char *txt =
        ate__format("_ate.%s. IN TXT \"v=ate1; pin=%s\"", o->dns.host, text);
    ate__cleanup(ate__freep) char *tlsa =
        ate__format("_%u._tcp.%s. IN TLSA 3 1 1 %s", o->dns.port, o->dns.host, hex);
    if (!txt || !tlsa)
        return ate__report(ate__no_memory(), o->logs);
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_text(object, "pin", text);
        ate__json_set_text(object, "tlsa", tlsa);
        ate__json_set_text(object, "txt", txt);
        ate__print_json(object);
    } else {
        ate__print("%s\n%s\n", tlsa, txt);
    }
    return 0;
}

/* Both keys are made where they are missing, so that they can be handed on before the first start.
 * Who named the wrong directory is to see it. */
static bool is_there(const struct options *o, const char *name)
{
    ate__cleanup(ate__freep) char *path = ate__format("%s/,server/%s", o->logs, name);
    return !path || !access(path, F_OK);
}

static void say_made(const struct options *o, const char *name)
{
    char shown[512];
    ate__note("%s/,server/%s was not there, and is made now: of the server that will serve there",
              ate__escaped(ate__text_bytes(o->logs), shown, sizeof shown), name);
}

static int print_pin(const struct options *o)
{
    char text[ATE__HASH_TEXT];
    struct ate_hash pin;
    bool was_there = is_there(o, "key");
    int rc = ate__server_pin_of(&ate__env_real, o->logs, &pin);
    if (rc)
        return ate__report(rc, o->logs);
    if (!was_there)
        say_made(o, "key");
    if (o->dns_host)
        return print_records(o, &pin);
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_text(object, "pin", ate__hash_text(&pin, text));
        ate__print_json(object);
    } else {
        ate__print("%s\n", ate__hash_text(&pin, text));
    }
    return 0;
}

static int print_log_key(const struct options *o)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    bool was_there = is_there(o, "log-key");
    int rc = ate__server_log_key_of(&ate__env_real, o->logs, &text);
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    if (rc)
        return ate__report(rc, o->logs);
    if (!was_there)
        say_made(o, "log-key");
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_text(object, "log_key", (const char *)text.data);
        ate__print_json(object);
    } else {
        ate__print("%s", (const char *)text.data);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options o;
    char *logs = NULL;
    int status;
    (void)argc;
    ate__out_begin("atedb");
    if (!options_read(argv + 1, &o, &status))
        return ate__out_end(status);
    int rc = o.logs ? 0 : default_logs(&logs);
    if (rc)
        return ate__out_end(ate__report(rc, NULL));
    if (logs)
        o.logs = logs;
    if (!__lsan_enable)
        ate__process_harden();
    o.conf.env = &ate__env_real;
    o.conf.logs = o.logs;
    o.conf.log = log_line;
    o.conf.compact.deep |= o.compact_key != NULL;
    if (o.compact_key)
        rc = ate_session_open(o.compact_key, 0, &o.conf.compact.session);
    status = rc          ? ate__report(rc, o.compact_key)
             : o.pin     ? print_pin(&o)
             : o.log_key ? print_log_key(&o)
                         : serve(&o);
    ate_session_close(o.conf.compact.session);
    ate__free(logs);
    return ate__out_end(status);
}
