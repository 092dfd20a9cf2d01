/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * no_sqlite.c: in the place of sqlite.c where the library is not installed.
 */
#include "others.h"

const struct other other_sqlite = {.name = "SQLite", .package = "libsqlite3-dev"};
