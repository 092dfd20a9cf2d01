/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * host_key.h: the file of this machine's host key (chain/host_key.h): 32 random bytes, mode 0600,
 * never beside a chain.
 *
 *     $STATE_DIRECTORY/host.key
 *     /var/lib/atedb/host.key                           else, as root
 *     ${XDG_STATE_HOME:-~/.local/state}/ate/host.key    else
 */
#pragma once
#include "base/env.h"
#include "chain/host_key.h"

/* Where it is; to be freed. Errors: E_SYSTEM: no variable says so; E_MEMORY. */
int ate__host_key_path(char **ret_path) ATE__CHECK;
/* The key of that file. make: it is made, whole and synced, where it is missing; of several
 * processes at once one makes it, and all get that one. Errors: NOT_FOUND: it is missing, and is
 * not to be made; DENIED: others may read or write the file, or
 * write to its folder; MALFORMED: it holds something else; E_*. */
int ate__host_key_load(const struct ate__env *env, const char *path, bool make,
                       struct ate__host_key **ret_key) ATE__CHECK;
/* The key of ate__host_key_path(). */
int ate__host_key_default(const struct ate__env *env, bool make, struct ate__host_key **ret_key)
    ATE__CHECK;
/* As of struct ate__chain_conf. */
int ate__host_key_ask(void *arg, bool make, struct ate__host_key **ret_key) ATE__CHECK;
struct ate__server_conf;
/* The same for a server, which goes without where this machine has no place for it, and says so in
 * its log: conf->host_key is *ret_key then, NULL. Errors: as of load(), but for E_SYSTEM, E_IO and
 * E_NO_SPACE. */
int ate__host_key_serve(struct ate__server_conf *conf, struct ate__host_key **ret_key) ATE__CHECK;
