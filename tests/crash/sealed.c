/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sealed.c: linked with a program it makes all logs of that lie sealed by a plug-in.
 */
#include "unit/redo/turn.h"
#include <stdlib.h>

__attribute__((constructor)) static void seal_all(void)
{
    if (ate__at_rest_set(&turn_at_rest))
        abort();
}
