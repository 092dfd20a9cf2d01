/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hooked.h: the real disk, with the test's hook before each call.
 */
#pragma once
#include "base/env.h"

/* `call` is the name in struct ate__vfs. A result other than 0 is the call's, which is not made;
 * of one that cannot fail it is not looked at. Any thread, several at once. */
typedef int hook_fn(const char *call);
void hooked_set(hook_fn *hook); /* NULL: none */
extern const struct ate__env hooked_env;
