/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * point.h: the name of one crash point, by which a test that failed is replayed at that point
 * alone.
 *
 * It is STORY:SCRIPT:CALL:SEED: the kind of run, the seed of its script, the number of the call
 * after which the power went, the seed by which the disk was made. A failing test prints it;
 * with ATE_POINT=STORY:SCRIPT:CALL:SEED in the environment the program does nothing else.
 */
#pragma once
#include "lib/check.h"
#include <stdbool.h>
#include <stdint.h>

bool point_given(void); /* ATE_POINT is set: tests without points, and counts, are left out */
/* Whether the story and the script are to be played at all. */
bool point_wants_script(const char *story, uint64_t script);
/* Whether the point is to be tried; it is the present one then. story: lives on. */
bool point_begin(const char *story, uint64_t script, uint64_t call, uint64_t seed);
void point_end(void); /* the present one passed */
int point_say(void **state); /* a teardown: names the point that did not pass */
