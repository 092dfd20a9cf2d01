/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the interface (docs/format/limits.md).
 */
#pragma once

enum {
    ATE__CALLBACKS_MAX = 65536, /* of a loop: submitted, and not run yet */
    ATE__PLUGINS_MAX = 16,      /* of a chain or server */
    ATE__PLUGIN_TIMEOUT_MS = 1000, /* of lint() and validate(), where a plug-in names none */
    ATE__PLUGIN_UNPACKED_MAX = 16 << 20, /* bytes of a transaction's payloads, as validate() sees
                                          * them in a chain that compresses */
    ATE__AGE_MIN_S = 60, /* that may be asked for: a server signs each 30 s */
    ATE__WAITERS_MAX = 256, /* of a process: asynchronous opens under way */
    ATE__SHOWN_BYTES_MAX = 1 << 30 /* that are shown, in the place of what was seen, to who has no
                                    * mirror */
};
