/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * options.h: what the command line of atedb became.
 */
#pragma once
#include "base/compiler.h"
#include "bin/common/plugins.h"
#include "mesh/server.h"
#include "net/addr.h"

struct options {
    const char *logs;            /* NULL: the default place */
    bool pin, log_key;           /* print it, and do nothing else */
    const char *dns_host;        /* of --dns; NULL: none */
    struct ate__addr dns; /* host and port for which the pin is printed; host empty: none */
    const char *compact_key; /* NULL: none */
    const char *plugin[PLUGINS_MAX]; /* FILE[=options] */
    size_t plugin_count;
    int ready_fd;                /* the ready line goes there too; -1: not */
    struct ate__server_conf conf; /* listen, port, sync, limits, no_auth, no_wire_encryption,
                                    compact */
};
/* 0; or false with the exit status, all said. */
bool options_read(char **words, struct options *ret_options, int *ret_status);
