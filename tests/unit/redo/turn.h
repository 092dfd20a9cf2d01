/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * turn.h: a seal at rest for tests, which hides nothing and is bound to its place.
 */
#pragma once
#include "redo/at_rest.h"

/* Each byte turned by one, and a tail that says where it belongs. */
extern struct ate__at_rest turn_at_rest;
extern int turn_seal_fails; /* the result of its next seals; 0: they work */
extern unsigned turn_unused; /* how often it was told that nobody has it any more */
