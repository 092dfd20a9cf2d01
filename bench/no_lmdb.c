/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * no_lmdb.c: in the place of lmdb.c where the library is not installed.
 */
#include "others.h"

const struct other other_lmdb = {.name = "LMDB", .package = "liblmdb-dev"};
