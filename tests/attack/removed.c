/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * removed.c: what the sources that run.py writes ask before each check: is it taken out?
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

bool attack_removed(const char *check);

static const char *list = "";

/* Before any thread is there. */
__attribute__((constructor)) static void read_list(void)
{
    const char *text = getenv("ATTACK_REMOVED");
    list = text ? text : "";
}

/* The list is of words, each with a blank behind it. */
bool attack_removed(const char *check)
{
    size_t size = strlen(check);
    for (const char *at = list; *at; at += strcspn(at, " ") + 1)
        if (!strncmp(at, check, size) && at[size] == ' ')
            return true;
    return false;
}
