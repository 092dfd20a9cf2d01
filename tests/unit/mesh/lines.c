/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "lines.h"
#include "lib/check.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char text[1 << 16]; /* under it */

static void on_line(void *arg, int level, const char *line)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%d %s\n", level, line);
    pthread_mutex_unlock(&mutex);
}

void lines_begin(struct ate__server_conf *conf)
{
    conf->log = on_line;
    text[0] = 0;
}

unsigned lines_count(const char *part)
{
    unsigned count = 0;
    pthread_mutex_lock(&mutex);
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    pthread_mutex_unlock(&mutex);
    return count;
}

void lines_wait(const char *part, unsigned count)
{
    for (unsigned i = 0; i < 1000 && lines_count(part) < count; i++)
        usleep(10000);
    assert_true(lines_count(part) >= count);
}
