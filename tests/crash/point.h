/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * point.h: the crash points of a test: scripts that change a disk, and after each call of theirs
 * that does, several disks as a power loss at that moment may leave them.
 *
 * A point's name is STORY:SCRIPT:CALL:SEED: the kind of run, the seed of its script, the number of
 * the call after which the power went, the seed by which the disk was made. A failing test prints
 * it; with ATE_POINT=STORY:SCRIPT:CALL:SEED in the environment the program does nothing else.
 *
 * PROGRAM [SCRIPTS SEEDS]
 *     Fewer or more scripts, and disks after each of their calls, than `make check` wants. It
 *     counts the disks that differ, and fails where the default makes too few.
 * ATE_SEED=n PROGRAM
 *     The same from another seed.
 * ATE_POINT=STORY:SCRIPT:CALL:SEED PROGRAM
 *     Replays one crash point. With ATE_SIMDISK_TRACE=1 every call that changes the disk is
 *     printed.
 */
#pragma once
#include "lib/check.h"
#include "lib/distinct.h"
#include "lib/simdisk.h"
#include <stdbool.h>
#include <stdint.h>

struct point_plan { /* what `make check` wants */
    uint64_t scripts, seeds_each; /* disks after each call */
    size_t images_min;            /* that differ */
};
extern struct distinct point_images; /* disks that a loss left, by their digest */

/* The plan, and what the arguments make of it. */
void point_init(int argc, char **argv, const struct point_plan *plan);
int point_deinit(void **state); /* a group's teardown */
int point_say(void **state);    /* a test's teardown: names the point that did not pass */

bool point_given(void); /* ATE_POINT is set: tests without points, and counts, are left out */
uint64_t point_scripts(void);
/* Whether the story and the script are to be played at all. */
bool point_wants_script(const char *story, uint64_t script);
/* Each script of a story, by its seed. */
void point_play(const char *story, void (*script)(uint64_t seed));

/* After a call of a script: `after` for each disk that a loss leaves now. story: lives on. */
typedef void point_fn(void *arg, struct simdisk *take_disk, uint64_t seed);
void point_try(const char *story, uint64_t script, uint64_t call, struct simdisk *disk,
               point_fn *after, void *arg);
/* There were as many disks as the plan wants, if all of it was done. */
void point_check_images(void);
