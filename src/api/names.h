/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * names.h: @NAME: addresses kept in ${XDG_CONFIG_HOME:-~/.config}/ate/config, the only place where
 * anchors are remembered. A line each: `name NAME ADDRESS`, sorted by name. Only ate__name_set()
 * writes it.
 */
#pragma once
#include "base/compiler.h"

enum { ATE__LOCAL_NAME_MAX = 64, ATE__NAMES_MAX = 1024 };
int ate__name_lookup(const char *name, char **ret_address)
    ATE__CHECK; /* ended with ate__free(); NOT_FOUND MALFORMED */
/* address NULL: removes it (NOT_FOUND). Errors: MALFORMED TOO_BIG E_*. */
int ate__name_set(const char *name, const char *address) ATE__CHECK;
int ate__name_each(int (*each)(void *arg, const char *name, const char *address), void *arg)
    ATE__CHECK;
