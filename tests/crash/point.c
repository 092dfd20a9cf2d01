/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * point.c: the crash points of a test.
 */
#include "point.h"
#include "lib/rnd.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct point {
    char story[32];
    uint64_t script, call, seed;
};
static struct point present; /* no story: none */
static struct point_plan wanted_plan, plan;
struct distinct point_images;

/* ---- one by its name ---- */

static const struct point *given(void)
{
    static struct point wanted;
    static bool known;
    const char *text = getenv("ATE_POINT");
    if (!text || !*text)
        return NULL;
    if (!known && sscanf(text, "%31[a-z]:%" SCNu64 ":%" SCNu64 ":%" SCNu64, wanted.story,
                         &wanted.script, &wanted.call, &wanted.seed) != 4)
        fail_msg("ATE_POINT=%s is not STORY:SCRIPT:CALL:SEED", text);
    known = true;
    return &wanted;
}

bool point_given(void)
{
    return given() != NULL;
}

bool point_wants_script(const char *story, uint64_t script)
{
    const struct point *wanted = given();
    return !wanted || (!strcmp(wanted->story, story) && wanted->script == script);
}

static bool begin(const char *story, uint64_t script, uint64_t call, uint64_t seed)
{
    const struct point *wanted = given();
    if (wanted &&
        (!point_wants_script(story, script) || wanted->call != call || wanted->seed != seed))
        return false;
    present = (struct point){.script = script, .call = call, .seed = seed};
    snprintf(present.story, sizeof present.story, "%s", story);
    return true;
}

static void end(void)
{
    present.story[0] = 0;
}

int point_say(void **state)
{
    (void)state;
    if (present.story[0])
        print_message("to replay it: ATE_POINT=%s:%" PRIu64 ":%" PRIu64 ":%" PRIu64 "\n",
                      present.story, present.script, present.call, present.seed);
    end();
    return 0;
}

/* ---- all of them ---- */

void point_init(int argc, char **argv, const struct point_plan *wanted)
{
    wanted_plan = plan = *wanted;
    plan.scripts = argc > 1 ? strtoull(argv[1], NULL, 10) : plan.scripts;
    plan.seeds_each = argc > 2 ? strtoull(argv[2], NULL, 10) : plan.seeds_each;
}

int point_deinit(void **state)
{
    (void)state;
    distinct_deinit(&point_images);
    return 0;
}

uint64_t point_scripts(void)
{
    return plan.scripts;
}

void point_play(const char *story, void (*script)(uint64_t seed))
{
    uint64_t first = rnd_seed(1);
    for (uint64_t seed = first; seed < first + plan.scripts; seed++)
        if (point_wants_script(story, seed))
            script(seed);
}

/* A disk is tried again after another call: what must be on it may have become more. */
void point_try(const char *story, uint64_t script, uint64_t call, struct simdisk *disk,
               point_fn *after, void *arg)
{
    struct distinct here = {.count = 0};
    struct rnd r = rnd_of(script * 1000003 + call);
    for (uint64_t tries = 0; here.count < plan.seeds_each && tries < 2 * plan.seeds_each; tries++) {
        uint64_t seed = rnd_u64(&r);
        if (!begin(story, script, call, seed))
            continue;
        struct simdisk *left = simdisk_crash(disk, seed);
        uint64_t digest = simdisk_digest(left);
        distinct_add(&point_images, digest);
        if (distinct_add(&here, digest))
            after(arg, left, seed);
        else
            simdisk_free(left);
        end();
    }
    distinct_deinit(&here);
}

void point_check_images(void)
{
    if (!point_given() && plan.scripts >= wanted_plan.scripts &&
        plan.seeds_each >= wanted_plan.seeds_each)
        assert_true(point_images.count >= wanted_plan.images_min);
}
