/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the interface (docs/format/limits.md).
 */
#pragma once

enum {
    ATE__CALLBACKS_MAX = 65536, /* of a loop: submitted, and not run yet */
    ATE__WAITERS_MAX = 256, /* of a process: asynchronous opens under way */
    ATE__SHOWN_BYTES_MAX = 1 << 30 /* that are shown, in the place of what was seen, to who has no
                                    * mirror */
};
