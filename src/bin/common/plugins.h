/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugins.h: plug-ins that stand on a command line as FILE[=OPTIONS].
 */
#pragma once
#include "base/compiler.h"
#include <ate/plugin.h>

enum { PLUGINS_MAX = 16 };
struct plugins {
    struct ate_plugin *items[PLUGINS_MAX];
    size_t count;
};
/* All of them, or none. count: at most PLUGINS_MAX. Errors: those of ate_plugin_load(). */
int plugins_load(struct plugins *ret, const char *const *words, size_t count) ATE__CHECK;
void plugins_end(struct plugins *p);
