/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * export.h: one export under way: what its files share. (Being written by the helper of import and
 * export.)
 */
#pragma once
