/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tmpdir.h: temporary directories that go with the process.
 */
#pragma once

/* A new empty directory below $TMPDIR or /tmp. The path lives, and the directory with all in it,
 * until the process that made it exits. A test fails if it cannot be made. */
const char *tmpdir_new(void);
