/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/atedb/options.h"
#include "ate/ate.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/common/args.h"
#include "bin/common/out.h"
#include "bin/common/units.h"
#include "bin/common/when.h"
#include "net/addr.h"
#include <string.h>

enum {
    OPT_HELP = 1,
    OPT_VERSION,
    OPT_LISTEN,
    OPT_PORT,
    OPT_AUTH,
    OPT_NO_AUTH,
    OPT_ALLOW_DESTROY,
    OPT_MEMBERS_ONLY,
    OPT_SYNC,
    OPT_CLEAR,
    OPT_READY_FD,
    OPT_VIEW_IMAGE,
    OPT_LIMIT,
    OPT_COMPACT,
    OPT_COMPACT_DEEP,
    OPT_COMPACT_KEY,
    OPT_COMPACT_RATE,
    OPT_SEGMENT_SIZE,
    OPT_DNS,
    OPT_PLUGIN,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE
};
static const struct ate__option table[] = {
    {"help", 'h', OPT_HELP, NULL},
    {"version", 0, OPT_VERSION, NULL},
    {"listen", 'l', OPT_LISTEN, "ADDRESS"},
    {"port", 'p', OPT_PORT, "PORT"},
    {"auth", 0, OPT_AUTH, "ADDRESS"},
    {"no-auth", 0, OPT_NO_AUTH, NULL},
    {"allow-destroy", 0, OPT_ALLOW_DESTROY, NULL},
    {"members-only", 0, OPT_MEMBERS_ONLY, NULL},
    {"sync", 0, OPT_SYNC, "always|interval:MS|never"},
    {"no-wire-encryption", 0, OPT_CLEAR, NULL},
    {"view-image", 0, OPT_VIEW_IMAGE, "on|off"},
    {"ready-fd", 0, OPT_READY_FD, "N"},
    {"limit", 0, OPT_LIMIT, "NAME=VALUE"},
    {"compact", 0, OPT_COMPACT, "WHEN"},
    {"compact-deep", 0, OPT_COMPACT_DEEP, NULL},
    {"compact-key", 0, OPT_COMPACT_KEY, "FILE"},
    {"compact-rate", 0, OPT_COMPACT_RATE, "SIZE"},
    {"segment-size", 0, OPT_SEGMENT_SIZE, "SIZE"},
    {"dns", 0, OPT_DNS, "HOST"},
    {"plugin", 0, OPT_PLUGIN, "FILE[=OPTIONS]"},
    {"json", 0, OPT_JSON, NULL},
    {"quiet", 'q', OPT_QUIET, NULL},
    {"verbose", 'v', OPT_VERBOSE, NULL},
    {0},
};

static const char help_text[] =
    "atedb [solo] [LOGS]\n"
    "atedb pin [LOGS]\n"
    "atedb log-key [LOGS]\n"
    "\n"
    "Serves the chains below the directory LOGS to clients over TLS. One line on stdout says when\n"
    "it is ready, and where: the address with the server's pin, to be given to `ate`. Lines about\n"
    "what happens go to stderr. SIGTERM ends it within 10 seconds: what is in flight is answered.\n"
    "\n"
    "  atedb --no-auth                 on 127.0.0.1:5000; anyone who reaches it may create chains\n"
    "  atedb /srv/ate -l 0.0.0.0       serves the chains it has to the network, and creates none\n"
    "  atedb pin /srv/ate              prints the pin without starting; with --dns HOST [-p PORT]\n"
    "                                  as records for a zone that is signed with DNSSEC\n"
    "  atedb log-key /srv/ate          prints the server's log key, for ate checkpoint\n"
    "                                  --add-log-key: whoever owns a chain lets the server sign\n"
    "                                  its heads by it\n"
    "\n"
    "The word solo may be left out.\n"
    "\n"
    "  -l, --listen ADDRESS     127.0.0.1, 0.0.0.0, ::1, ... [127.0.0.1]\n"
    "  -p, --port PORT          0: any free one [5000]\n"
    "      --no-auth            anyone may create chains, within the limits of a source address\n"
    "      --allow-destroy      a chain's owner may destroy it from afar: ate destroy ADDRESS\n"
    "      --members-only       shows a chain only to those who prove a key that it holds\n"
    "      --sync WHEN          always; interval:MS; never: what a commit waits for [always]\n"
    "      --compact WHEN       never; on-open; timer=1h; factor=2; size=64M;\n"
    "                           factor-or-timer=2,1h; size-or-timer=64M,1h: when chains that\n"
    "                           are open lose old values, which no proof needs [never]\n"
    "      --compact-deep       of centralized chains transactions older than a week as well\n"
    "      --compact-key FILE   and of others, where this key may say so\n"
    "      --compact-rate SIZE  read and write so much a second, about [16M]\n"
    "      --segment-size SIZE  the files of a chain's log double up to this [64M]\n"
    "      --plugin FILE[=OPTIONS] loads a plug-in, which takes part in all chains; may be\n"
    "                           repeated; libate(3), PLUG-INS\n"
    "      --no-wire-encryption clear text as well, on loopback alone\n"
    "      --view-image WHEN    on; off: neither reads nor writes images of chains, with which\n"
    "                           they open faster [on]\n"
    "      --ready-fd N         the ready line goes to that descriptor too\n"
    "      --limit NAME=VALUE   changes a limit; may be repeated; names and defaults below\n"
    "      --json               the ready line and log lines as JSON objects\n"
    "  -q, -v                   less, more log lines\n"
    "      --help, --version\n"
    "\n"
    "LOGS: else $STATE_DIRECTORY/logs; else /var/lib/atedb/logs as root; else\n"
    "${XDG_DATA_HOME:-~/.local/share}/atedb/logs. The server's key is LOGS/,server/key, made at\n"
    "the first start: the pin moves with LOGS. So does its log key, LOGS/,server/log-key.\n"
    "\n"
    "Limits:\n";

static void help(const struct ate__server_conf *conf)
{
    const char *name;
    uint64_t value;
    ate__print("%s", help_text);
    for (size_t at = 0; ate__server_limit_next(conf, &at, &name, &value);)
        ate__print("  %-20s %llu\n", name, (unsigned long long)value);
}

static int set_sync(struct ate__server_conf *conf, const char *value)
{
    uint64_t ms;
    if (!strcmp(value, "always") || !strcmp(value, "never")) {
        conf->sync = value[0] == 'a' ? ATE__SYNC_ALWAYS : ATE__SYNC_NEVER;
        return 0;
    }
    if (strncmp(value, "interval:", 9))
        return ate__fail(ATE_MISUSE, "--sync: always, interval:MS or never");
    int rc = ate__number_parse("--sync interval", value + 9, 1, 3600000, &ms);
    conf->sync = ATE__SYNC_INTERVAL;
    conf->sync_interval_ms = rc ? 0 : (uint32_t)ms;
    return rc;
}

static int set_view_image(struct ate__server_conf *conf, const char *value)
{
    conf->no_view_image = !strcmp(value, "off");
    return conf->no_view_image || !strcmp(value, "on")
               ? 0
               : ate__fail(ATE_MISUSE, "--view-image: on or off");
}

static int set_limit(struct ate__server_conf *conf, const char *value)
{
    char name[64];
    uint64_t number;
    const char *sign = strchr(value, '=');
    if (!sign || (size_t)(sign - value) >= sizeof name)
        return ate__fail(ATE_MISUSE, "--limit: NAME=VALUE");
    memcpy(name, value, (size_t)(sign - value));
    name[sign - value] = 0;
    int rc = ate__number_parse("--limit", sign + 1, 0, UINT64_MAX, &number);
    return rc ? rc : ate__server_limit_set(conf, name, number);
}

static int set_number(const char *what, const char *value, uint64_t most, uint64_t *ret)
{
    return ate__number_parse(what, value, 0, most, ret);
}

/* Options that take a value, or say something of the server. */
static int set_option(struct options *o, int id, const char *value)
{
    uint64_t number = 0;
    int rc = 0;
    switch (id) {
    case OPT_LISTEN: o->conf.listen = value; break;
    case OPT_PORT:
        rc = set_number("--port", value, 65535, &number);
        o->conf.port = (uint16_t)number;
        break;
    case OPT_AUTH:
        return ate__fail(ATE_UNSUPPORTED, "--auth: this version knows no auth server; --no-auth "
                                          "lets anyone create chains, without it nobody may");
    case OPT_NO_AUTH: o->conf.no_auth = true; break;
    case OPT_ALLOW_DESTROY: o->conf.allow_destroy = true; break;
    case OPT_MEMBERS_ONLY: o->conf.members_only = true; break;
    case OPT_SYNC: return set_sync(&o->conf, value);
    case OPT_CLEAR: o->conf.no_wire_encryption = true; break;
    case OPT_READY_FD:
        rc = set_number("--ready-fd", value, 1 << 20, &number);
        o->ready_fd = (int)number;
        break;
    case OPT_VIEW_IMAGE: return set_view_image(&o->conf, value);
    case OPT_LIMIT: return set_limit(&o->conf, value);
    case OPT_COMPACT: return ate__when_parse("--compact", value, &o->conf.compact.rule);
    case OPT_COMPACT_DEEP: o->conf.compact.deep = true; break;
    case OPT_COMPACT_KEY: o->compact_key = value; break;
    case OPT_COMPACT_RATE:
        return ate__size_parse("--compact-rate", value, &o->conf.compact.bytes_per_second);
    case OPT_PLUGIN:
        if (o->plugin_count == PLUGINS_MAX)
            return ate__fail(ATE_MISUSE, "--plugin: at most %d times", PLUGINS_MAX);
        o->plugin[o->plugin_count++] = value;
        return 0;
    case OPT_SEGMENT_SIZE: return ate__size_parse("--segment-size", value, &o->conf.segment_bytes);
    case OPT_DNS: o->dns_host = value; break;
    case OPT_JSON: ate__out.json = true; break;
    case OPT_QUIET: ate__out.quiet = true; break;
    case OPT_VERBOSE: ate__out.verbose++; break;
    default: return ate__fail(ATE_E_BUG, "an option without a meaning");
    }
    return rc;
}

static int set_dns(struct options *o)
{
    char text[ATE__ADDR_HOST_MAX + 32];
    if (!o->pin)
        return ate__fail(ATE_MISUSE, "--dns goes with pin");
    int n = snprintf(text, sizeof text, "tcp://%s:%u/", o->dns_host, (unsigned)o->conf.port);
    int rc = n < (int)sizeof text ? ate__addr_parse(text, &o->dns)
                                  : ate__fail(ATE_TOO_BIG, "a host of %zu bytes; at most %d",
                                              strlen(o->dns_host), ATE__ADDR_HOST_MAX);
    if (!rc && !ate__addr_host_is_name(o->dns.host))
        rc = ate__fail(ATE_MISUSE, "that is no name");
    return ate__context(rc, "--dns");
}

static int take_operand(struct options *o, const char *word, unsigned count)
{
    if (count == 0 && !strcmp(word, "solo"))
        return 0;
    if (count == 0 && !strcmp(word, "pin")) {
        o->pin = true;
        return 0;
    }
    if (count == 0 && !strcmp(word, "log-key")) {
        o->log_key = true;
        return 0;
    }
    if (o->logs)
        return ate__fail(ATE_MISUSE, "one directory of logs, not two");
    o->logs = word;
    return 0;
}

bool options_read(char **words, struct options *ret_options, int *ret_status)
{
    struct options o = {.ready_fd = -1, .conf = {.listen = "127.0.0.1", .port = ATE__ADDR_PORT}};
    struct ate__args args;
    const char *value;
    unsigned operands = 0;
    int id;
    ate__args_init(&args, words, table);
    while ((id = ate__args_next(&args, &value)) != ATE__ARG_END) {
        int rc = 0;
        *ret_status = 0;
        if (id == OPT_HELP) {
            help(&o.conf);
            return false;
        }
        if (id == OPT_VERSION) {
            ate__print("atedb %s\n", ate_version());
            return false;
        }
        if (id == ATE__ARG_BAD)
            rc = ATE_MISUSE;
        else
            rc = id == ATE__ARG_OPERAND ? take_operand(&o, value, operands++)
                                        : set_option(&o, id, value);
        if (rc) {
            *ret_status = rc == ATE_MISUSE ? ate__report_usage("%s", ate__error_text())
                                           : ate__report(rc, NULL);
            return false;
        }
    }
    if ((o.compact_key || o.conf.compact.deep) && o.conf.compact.rule.mode == ATE__COMPACT_NEVER) {
        *ret_status = ate__report_usage("--compact-key and --compact-deep go with --compact");
        return false;
    }
    if (o.dns_host && set_dns(&o)) {
        *ret_status = ate__report_usage("%s", ate__error_text());
        return false;
    }
    *ret_options = o;
    return true;
}
