/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * check.h: cmocka with what it wants to be included before it.
 */
#pragma once
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */
