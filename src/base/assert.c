/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * assert.c: the end of a process that found a fault in itself.
 */
#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>

_Noreturn void ate__assert_failed(const char *truth, const char *file, int line)
{
    fprintf(stderr, "ate: fault in this library: %s:%d: %s\n", file, line, truth);
    abort();
}
