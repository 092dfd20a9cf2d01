/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * point.c: the name of one crash point.
 */
#include "point.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct point {
    char story[32];
    uint64_t script, call, seed;
};
static struct point present; /* no story: none */

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

bool point_begin(const char *story, uint64_t script, uint64_t call, uint64_t seed)
{
    const struct point *wanted = given();
    if (wanted &&
        (!point_wants_script(story, script) || wanted->call != call || wanted->seed != seed))
        return false;
    present = (struct point){.script = script, .call = call, .seed = seed};
    snprintf(present.story, sizeof present.story, "%s", story);
    return true;
}

void point_end(void)
{
    present.story[0] = 0;
}

int point_say(void **state)
{
    (void)state;
    if (present.story[0])
        print_message("to replay it: ATE_POINT=%s:%" PRIu64 ":%" PRIu64 ":%" PRIu64 "\n",
                      present.story, present.script, present.call, present.seed);
    point_end();
    return 0;
}
